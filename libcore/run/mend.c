/* mend.c - see mend.h */
#include "run/mend.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "image/resample.h"

/* The file by which a folder is known as one of ours. */
#define MARK ".gn-check"
#define NEARLY 1e-3 /* this far from a whole number, a label's value is rounded */

const char *const gn_mend_names[] = { "", "mended", "dropped" };

/* ---- the folder ---- */

static int take_folder(const char *dir, struct gn_err *err)
{
    char *mark = gn_path_join(dir, MARK);
    DIR *d = opendir(dir);
    const struct dirent *e;
    bool empty = true;
    int rc;
    if (!d && errno != ENOENT) {
        rc = gn_err_set(err, "--fix: %s: %s", dir, strerror(errno));
    } else {
        while (d && (e = readdir(d)))
            empty = empty && (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."));
        if (!empty && access(mark, F_OK))
            rc = gn_err_set(err, "--fix: %s: is not empty and was not made by gn-check", dir);
        else
            rc = gn_mkdirs(dir, err) || gn_file_write(mark, "", 0, false, err) ? -1 : 0;
    }
    if (d)
        closedir(d);
    free(mark);
    return rc;
}

static bool within(const char *real, const char *path)
{
    char *p = realpath(path, NULL);
    size_t n = strlen(real);
    bool in = p && !strncmp(p, real, n) && (p[n] == '/' || !p[n]);
    free(p);
    return in;
}

/* Originals are never touched: none may lie where repairs are written. */
static int spare_originals(const struct gn_doctor *d, const char *dir, struct gn_err *err)
{
    char *real = realpath(dir, NULL);
    int rc = 0;
    for (size_t k = 0; real && k < d->n && !rc; k++) {
        const struct gn_table *t = &d->tables[k].table;
        if (within(real, d->tables[k].name))
            rc = gn_err_set(err, "--fix: %s: holds the table %s", dir, d->tables[k].name);
        for (size_t r = 0; r < t->rows && !rc; r++)
            for (size_t c = 0; c < t->columns && !rc; c++)
                if (t->row[r].path[c] && within(real, t->row[r].path[c]))
                    rc = gn_err_set(err, "--fix: %s: holds %s of subject %s, %s", dir,
                                    t->column[c].name, t->row[r].sample, t->row[r].path[c]);
    }
    free(real);
    return rc;
}

int gn_mend_open(struct gn_mend *m, const struct gn_doctor *d, const char *dir, struct gn_err *err)
{
    *m = (struct gn_mend){ .d = d, .dir = dir };
    for (size_t k = 0; k < d->n; k++)
        for (size_t j = 0; j < k; j++)
            if (!strcmp(gn_path_base(d->tables[k].name), gn_path_base(d->tables[j].name)))
                return gn_err_usage(err, "--fix: two tables are called %s",
                                    gn_path_base(d->tables[k].name));
    if (spare_originals(d, dir, err) || take_folder(dir, err))
        return -1;
    m->text = gn_alloc((d->n + 1) * sizeof *m->text);
    m->path = gn_alloc((d->n + 1) * sizeof *m->path);
    for (size_t k = 0; k < d->n; k++) {
        m->path[k] = gn_path_join(dir, gn_path_base(d->tables[k].name));
        if (unlink(m->path[k]) && errno != ENOENT) /* of an earlier call */
            return gn_err_set(err, "%s: %s", m->path[k], strerror(errno));
        gn_table_put_header(&d->tables[k].table, &m->text[k]);
    }
    return 0;
}

int gn_mend_close(struct gn_mend *m, struct gn_err *err)
{
    for (size_t k = 0; k < m->d->n; k++)
        if (gn_file_write(m->path[k], m->text[k].data, m->text[k].len, false, err))
            return -1;
    return 0;
}

void gn_mend_free(struct gn_mend *m)
{
    for (size_t k = 0; m->text && k < m->d->n; k++) {
        gn_str_free(&m->text[k]);
        free(m->path[k]);
    }
    free(m->text);
    free(m->path);
    *m = (struct gn_mend){ 0 };
}

/* ---- what to do ---- */

static void say(struct gn_strs *said, const char *fmt, ...) GN_PRINTF(2, 3);
static void say(struct gn_strs *said, const char *fmt, ...)
{
    struct gn_str s = { 0 };
    va_list args;
    va_start(args, fmt);
    gn_str_addv(&s, fmt, args);
    va_end(args);
    gn_strs_add(said, gn_str_text(&s));
    gn_str_free(&s);
}

/* What a label needs. */
struct plan {
    bool round, place, regrid;
};

static bool is_label(enum gn_column_role role)
{
    return role == GN_COLUMN_LABEL || role == GN_COLUMN_MASK;
}

/* The repairs of one file; false: it has a fault that no repair answers, *why. */
static bool plan_file(const struct gn_doctor_subject *s, const struct gn_doctor_file *f,
                      struct plan *p, enum gn_fault *why)
{
    const struct gn_doctor_file *image = s->first >= 0 ? &s->file[s->first] : NULL;
    const bool label = is_label(f->role) && f->read && image && image->role == GN_COLUMN_IMAGE;
    bool size = false;

    *p = (struct plan){ false, false, false };
    for (size_t i = 0; i < s->findings; i++) {
        if (s->finding[i].column != f->column)
            continue;
        *why = s->finding[i].fault;
        if (!label)
            return false;
        if (*why == GN_FAULT_SIZE)
            size = true;
        else if (*why == GN_FAULT_NOT_INTEGER && f->voxels.off <= NEARLY)
            p->round = true;
        else if (*why != GN_FAULT_AFFINE)
            return false;
    }
    if (!label)
        return true;
    /* Without a place on both sides nothing says which voxel lies where, unless they are as many.
     */
    *why = GN_FAULT_SIZE;
    if (size && !(f->has_affine && image->has_affine))
        return false;
    *why = GN_FAULT_AFFINE;
    if (f->has_affine && !image->has_affine)
        return false;
    if (size) {
        p->regrid = true;
    } else if (!f->has_affine) {
        p->place = image->has_affine;
    } else if (f->apart) {
        double side = fmin(image->spacing[0], fmin(image->spacing[1], image->spacing[2]));
        p->place = f->corners < side / 2;
        p->regrid = !p->place;
    }
    return true;
}

/* The smallest type of whole numbers that holds the label's values. */
static enum gn_dtype whole_dtype(const struct gn_doctor_voxels *v)
{
    static const enum gn_dtype small[] = { GN_UINT8, GN_INT8, GN_UINT16, GN_INT16,
                                           GN_UINT32, GN_INT32 };
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        double lo, hi;
        gn_dtype_range(small[i], &lo, &hi);
        if (rint(v->lo) >= lo && rint(v->hi) <= hi)
            return small[i];
    }
    return GN_FLOAT64;
}

/* "labels/s1_Label.nii.gz": the label's own format if that can be written and, where a place is
 * given to it, keeps it. Owned by the caller. */
static char *file_name(const struct gn_doctor_file *f, const char *sample, const char *column,
                       bool place)
{
    const char *ext = gn_path_ext(f->path);
    struct gn_err none = { 0 };
    char *a, *b, *name;
    if ((place && !f->has_affine) || !*ext || !gn_format_for_ext(ext, &none))
        ext = ".nii.gz";
    a = gn_path_name(sample);
    b = gn_path_name(column);
    name = gn_asprintf("labels/%s_%s%s", a, b, ext);
    free(a);
    free(b);
    return name;
}

/* ---- doing it ---- */

/* *t becomes its values on the image's grid; lost: labels that no voxel of it has any more.
 * 1: done, 0: nothing of the label lies in the image. */
static int regrid(struct gn_tensor *t, const struct gn_doctor_file *f,
                  const struct gn_doctor_file *image, struct gn_str *lost, struct gn_err *err)
{
    struct gn_tensor out = { 0 };
    struct gn_doctor_voxels v;
    double map[12];
    size_t k = 0;
    bool any;

    if (gn_resample_between(&f->grid, &image->grid, map, err) ||
        gn_resample(t, map, image->grid.size, GN_INTERP_NEAREST, 0, &out, err))
        return -1;
    gn_tensor_free(t);
    *t = out;
    gn_doctor_look(t, true, &v);
    any = !(v.lo == 0 && v.hi == 0) || (f->voxels.lo == 0 && f->voxels.hi == 0);
    for (size_t i = 0; i < f->voxels.values; i++) {
        while (k < v.values && v.value[k] < f->voxels.value[i])
            k++;
        if ((k == v.values || v.value[k] != f->voxels.value[i]) && f->voxels.value[i] != 0)
            gn_str_addf(lost, "%s%.15g", lost->len ? "," : "", f->voxels.value[i]);
    }
    gn_doctor_free(&v);
    return any;
}

/* Writes the mended file below the folder, *name. 1: done, 0: cannot be mended, said. */
static int mend_file(const struct gn_mend *m, const struct gn_doctor_subject *s,
                     const struct gn_doctor_file *f, const struct plan *p, char **name,
                     struct gn_strs *said, struct gn_err *err)
{
    const struct gn_table *t = &m->d->tables[s->table].table;
    const struct gn_doctor_file *image = &s->file[s->first];
    const char *column = t->column[f->column].name;
    struct gn_picture pic = { 0 };
    struct gn_str lost = { 0 };
    char *path = NULL, *dir = NULL;
    int rc = -1;

    *name = file_name(f, t->row[s->row].sample, column, p->place);
    path = gn_path_join(m->dir, *name);
    dir = gn_path_dir(path);
    if (gn_picture_read(f->path, false, &pic, err) || m->d->one_channel(&pic, err))
        goto out;
    if (p->round) {
        struct gn_tensor whole;
        if (gn_tensor_convert(&pic.tensor, whole_dtype(&f->voxels), &whole, err))
            goto out;
        gn_tensor_free(&pic.tensor);
        pic.tensor = whole;
        say(said, "%s: rounded to whole numbers: up to %.3g", column, f->voxels.off);
    }
    if (p->regrid) {
        rc = regrid(&pic.tensor, f, image, &lost, err);
        if (rc < 0)
            goto out;
        if (rc == 0) {
            say(said, "%s: cannot be mended: nothing of it lies in the image", column);
            goto out;
        }
        rc = -1;
        say(said, "%s: resampled to the grid of %s: nearest neighbour%s%s", column,
            t->column[image->column].name, lost.len ? "; no voxel is left of label " : "",
            gn_str_text(&lost));
    } else if (p->place) {
        say(said, "%s: placed like %s: %s", column, t->column[image->column].name,
            f->has_affine ? "they lay less than half a voxel apart" : "it had no place of its own");
    }
    if (p->regrid || p->place) {
        memcpy(pic.affine, image->grid.affine, sizeof pic.affine);
        pic.has_affine = true;
    }
    pic.stored = pic.tensor.dtype;
    if (gn_mkdirs(dir, err) || gn_picture_write(path, &pic, err))
        goto out;
    say(said, "%s: written to %s", column, path);
    rc = 1;
out:
    gn_picture_free(&pic);
    gn_str_free(&lost);
    free(path);
    free(dir);
    return rc;
}

/* The subject's row, with the names of its mended files. */
static void add_row(struct gn_mend *m, const struct gn_doctor_subject *s, char *const *name)
{
    struct gn_table *t = &m->d->tables[s->table].table;
    const struct gn_table_row whole = t->row[s->row];
    const char **cell = gn_alloc((t->columns + 1) * sizeof *cell),
               **path = gn_alloc((t->columns + 1) * sizeof *path);
    char **made = gn_alloc((t->columns + 1) * sizeof *made);
    memcpy(cell, whole.cell, t->columns * sizeof *cell);
    memcpy(path, whole.path, t->columns * sizeof *path);
    for (size_t i = 0; i < s->files; i++)
        if (name[i]) {
            size_t c = s->file[i].column;
            cell[c] = name[i];
            path[c] = made[c] = gn_path_join(m->dir, name[i]);
        }
    t->row[s->row].cell = cell;
    t->row[s->row].path = path;
    gn_table_put_row(t, s->row, m->dir, &m->text[s->table]);
    t->row[s->row] = whole;
    for (size_t c = 0; c < t->columns; c++)
        free(made[c]);
    free(made);
    free(cell);
    free(path);
    m->rows++;
}

int gn_mend_subject(struct gn_mend *m, const struct gn_doctor_subject *s,
                    enum gn_mend_result *result, struct gn_strs *said, struct gn_err *err)
{
    struct plan *plan = gn_alloc((s->files + 1) * sizeof *plan);
    char **name = gn_alloc((s->files + 1) * sizeof *name);
    enum gn_fault why = GN_FAULTS;
    size_t known = 0;
    bool whole = true;
    int rc = 0;

    *result = GN_MEND_WHOLE;
    for (size_t i = 0; i < s->files && whole; i++)
        whole = plan_file(s, &s->file[i], &plan[i], &why);
    /* Faults of the row itself, or of a cell that names no file. */
    for (size_t i = 0; i < s->findings && whole; i++) {
        bool of_file = false;
        for (known = 0; known < s->files && !of_file; known++)
            of_file = s->file[known].column == s->finding[i].column;
        whole = of_file;
        why = s->finding[i].fault;
    }
    if (!whole)
        say(said, "left out: %s", gn_fault_names[why]);
    for (size_t i = 0; i < s->files && whole; i++) {
        if (!plan[i].round && !plan[i].place && !plan[i].regrid)
            continue;
        *result = GN_MEND_MENDED;
        rc = mend_file(m, s, &s->file[i], &plan[i], &name[i], said, err);
        if (rc < 0)
            goto out;
        whole = rc == 1;
    }
    rc = 0;
    if (whole)
        add_row(m, s, name);
    else
        *result = GN_MEND_DROPPED;
out:
    for (size_t i = 0; i < s->files; i++)
        free(name[i]);
    free(name);
    free(plan);
    return rc;
}
