/* subject.c - reads the files of one row of a table, checks that they fit, and describes them as
 * records. */
#include "tool/subject.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/pool.h"

/* Roles in the order in which a sample holds them. */
static const struct {
    enum gn_column_role column;
    const char *role;
} order[] = { { GN_COLUMN_IMAGE, "image" },
              { GN_COLUMN_LABEL, "label" },
              { GN_COLUMN_MASK, "mask" },
              { GN_COLUMN_WEIGHTMAP, "weightmap" },
              { GN_COLUMN_PREDICTION, "prediction" } };

struct part {
    size_t column;
    const char *role, *path;
    bool labels;
    struct gn_picture *pic;
    struct gn_err err;
    int rc;
};

struct parts {
    struct part *part;
    size_t n;
    bool header_only;
};

int gn_subject_one_channel(struct gn_picture *p, struct gn_err *err)
{
    struct gn_tensor *t = &p->tensor;
    const int64_t c = t->shape[0];
    const size_t n = (size_t)(t->shape[1] * t->shape[2] * t->shape[3]),
                 bytes = n * gn_dtype_size(t->dtype);
    const int64_t colours = c <= 2 ? 1 : 3;
    const char *data = t->data;
    double lo, hi;

    if (c == 1)
        return 0;
    if (c > 4)
        return gn_err_set(err, "a label of %lld channels", (long long)c);
    for (int64_t k = 1; k < colours; k++)
        if (memcmp(data, data + (size_t)k * bytes, bytes) != 0)
            return gn_err_set(err, "a label of %lld channels that differ", (long long)c);
    gn_dtype_range(t->dtype, &lo, &hi);
    for (size_t i = 0; i < n && c != 3; i++)
        if (gn_dtype_is_float(t->dtype) ||
            gn_tensor_get(t, (int64_t)((size_t)colours * n + i)) != hi)
            return gn_err_set(err, "a label of %lld channels that is not opaque", (long long)c);
    t->shape[0] = 1;
    return 0;
}

static void read_part(void *arg, size_t i, int thread)
{
    struct parts *all = arg;
    struct part *p = &all->part[i];

    (void)thread;
    p->rc = gn_picture_read(p->path, all->header_only, p->pic, &p->err);
    if (p->rc == 0 && p->labels && !all->header_only && gn_subject_one_channel(p->pic, &p->err)) {
        p->rc = gn_err_wrap(&p->err, "%s", p->path);
        gn_picture_free(p->pic);
    }
}

static int same_grid(const struct part *a, const struct part *b, double tolerance,
                     struct gn_err *err)
{
    const int64_t *s = a->pic->tensor.shape, *q = b->pic->tensor.shape;
    double worst = 0;

    if (s[1] != q[1] || s[2] != q[2] || s[3] != q[3])
        return gn_err_set(err, "%s has %lldx%lldx%lld voxels, %s has %lldx%lldx%lld", b->path,
                          (long long)q[3], (long long)q[2], (long long)q[1], a->path,
                          (long long)s[3], (long long)s[2], (long long)s[1]);
    for (int i = 0; i < 12; i++) {
        double x = a->pic->affine[i], y = b->pic->affine[i],
               rounding = 4 * (double)FLT_EPSILON * fmax(fabs(x), fabs(y));
        worst = fmax(worst, fabs(x - y) - rounding);
    }
    if (worst > tolerance)
        return gn_err_set(err,
                          "%s and %s lie apart: their affines differ by %.6g mm (--tolerance %g)",
                          a->path, b->path, worst, tolerance);
    return 0;
}

static size_t list_parts(const struct gn_table *t, size_t row, struct part *part)
{
    size_t n = 0;

    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (size_t c = 0; c < t->columns; c++)
            if (t->column[c].role == order[k].column && t->row[row].path[c])
                part[n++] = (struct part){ .column = c,
                                           .role = order[k].role,
                                           .path = t->row[row].path[c],
                                           .labels = order[k].column != GN_COLUMN_IMAGE &&
                                                     order[k].column != GN_COLUMN_WEIGHTMAP };
    return n;
}

/* Reads all of a row; pic has room for one a column. On failure nothing is held. */
static int read_parts(struct parts *all, struct gn_picture *pic, double tolerance, bool *geometry,
                      struct gn_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < all->n; i++)
        all->part[i].pic = &pic[i];
    gn_pool_run(all->n, read_part, all);
    for (size_t i = 0; i < all->n && !rc; i++)
        if (all->part[i].rc)
            rc = gn_err_set(err, "%s", all->part[i].err.text);
    for (size_t i = 1; i < all->n && !rc; i++) {
        rc = same_grid(&all->part[0], &all->part[i], tolerance, err);
        if (rc && geometry)
            *geometry = true;
    }
    for (size_t i = 0; i < all->n && rc; i++)
        if (all->part[i].rc == 0)
            gn_picture_free(&pic[i]);
    return rc;
}

static int set_text(struct gn_record *r, const char *key, const char *value, struct gn_err *err)
{
    if (!*value || gn_record_set(r, key, "%s", value))
        return gn_err_set(err, "'%s' cannot stand in a stream as %s: it must be UTF-8 text", value,
                          key);
    return 0;
}

static int describe(struct gn_record *r, const struct gn_table *t, size_t row, const struct part *p,
                    struct gn_err *err)
{
    struct gn_picture *pic = p->pic;
    const int64_t size[3] = { pic->tensor.shape[3], pic->tensor.shape[2], pic->tensor.shape[1] };

    gn_record_take(r, &pic->tensor, "czyx");
    if (set_text(r, "sample", t->row[row].sample, err) ||
        set_text(r, "subject", t->row[row].subject, err) || set_text(r, "role", p->role, err) ||
        set_text(r, "name", t->column[p->column].name, err) ||
        gn_record_set_reals(r, "affine", pic->affine, 12) || set_text(r, "source", p->path, err) ||
        gn_record_set_ints(r, "source.shape", size, 3) ||
        gn_record_set_reals(r, "source.affine", pic->affine, 12) ||
        set_text(r, "source.dtype", gn_dtype_names[pic->stored], err))
        return gn_err_set(err, "its header cannot be written");
    /* Which world the affine leads to is no part of it, but viewers show it: kept for whoever
     * writes NIfTI again. */
    if (pic->form > 1)
        return gn_record_set(r, "nifti.form", "%d", pic->form);
    return 0;
}

/* Scalar targets go on the first record; an empty cell is no value. */
static int add_values(struct gn_record *r, const struct gn_table *t, size_t row, struct gn_err *err)
{
    struct gn_str names = { 0 };
    size_t k = 0;
    int rc = 0;

    for (size_t c = 0; c < t->columns && !rc; c++) {
        const char *cell = t->row[row].cell[c];
        char key[32];
        double value;

        if (t->column[c].role != GN_COLUMN_VALUE)
            continue;
        snprintf(key, sizeof key, "value.%zu", k);
        gn_csv_put(&names, t->column[c].name, ',', k++ == 0);
        if (*cell && gn_parse_double(cell, &value))
            rc = gn_err_set(err, "%s: not a number: '%s'", t->column[c].name, cell);
        else if (*cell)
            rc = set_text(r, key, cell, err);
    }
    if (!rc && k)
        rc = set_text(r, "value.names", gn_str_text(&names), err);
    gn_str_free(&names);
    return rc;
}

int gn_subject_read(struct gn_subject *s, const struct gn_table *t, size_t row, double tolerance,
                    bool *geometry, struct gn_err *err)
{
    struct parts all = { 0 };
    int rc = -1;

    gn_subject_free(s);
    all.part = gn_alloc((t->columns + 1) * sizeof *all.part);
    s->pic = gn_alloc((t->columns + 1) * sizeof *s->pic);
    all.n = list_parts(t, row, all.part);
    if (!all.n) {
        gn_err_set(err, "the row names no file");
        goto out;
    }
    if (read_parts(&all, s->pic, tolerance, geometry, err))
        goto out;
    s->n = all.n;
    for (size_t i = 0; i < all.n; i++)
        if (describe(gn_sample_append(&s->sample), t, row, &all.part[i], err)) {
            gn_err_wrap(err, "%s", all.part[i].path);
            goto out;
        }
    rc = add_values(&s->sample.rec[0], t, row, err);
out:
    free(all.part);
    if (rc)
        gn_subject_free(s);
    return rc;
}

int gn_subject_check(const struct gn_table *t, size_t row, double tolerance, bool *geometry,
                     struct gn_err *err)
{
    struct parts all = { .header_only = true };
    struct gn_picture *pic = gn_alloc((t->columns + 1) * sizeof *pic);
    int rc;

    all.part = gn_alloc((t->columns + 1) * sizeof *all.part);
    all.n = list_parts(t, row, all.part);
    rc = read_parts(&all, pic, tolerance, geometry, err);
    for (size_t i = 0; i < all.n && !rc; i++)
        gn_picture_free(&pic[i]);
    free(all.part);
    free(pic);
    return rc;
}

void gn_subject_free(struct gn_subject *s)
{
    gn_sample_free(&s->sample);
    for (size_t i = 0; i < s->n; i++)
        gn_picture_free(&s->pic[i]);
    free(s->pic);
    *s = (struct gn_subject){ 0 };
}
