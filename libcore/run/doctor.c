/* doctor.c - see doctor.h */
#include "run/doctor.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/pool.h"
#include "config/data.h"
#include "io/format.h"

/* Voxel sides outside of these are a wrong unit or a broken header: electron microscopy has
 * nanometres, and no scanner steps by more than some centimetres. */
#define LEAST_MM 1e-6
#define MOST_MM 100.0

const char *const gn_fault_names[GN_FAULTS] = {
    "empty-cell",     "value",        "missing",      "unreadable",   "spacing",
    "size",           "affine",       "channels",     "label-channels", "not-integer",
    "label-empty",    "label-values", "nan",          "inf",          "constant",
    "label-is-image", "duplicate",    "leak-subject", "leak-image",
};

static const enum gn_column_role order[] = { GN_COLUMN_IMAGE, GN_COLUMN_LABEL, GN_COLUMN_MASK,
                                             GN_COLUMN_WEIGHTMAP, GN_COLUMN_PREDICTION };

/* ---- findings ---- */

static void find(struct gn_doctor_subject *s, enum gn_fault fault, size_t column, const char *fmt,
                 ...) GN_PRINTF(4, 5);
static void find(struct gn_doctor_subject *s, enum gn_fault fault, size_t column, const char *fmt,
                 ...)
{
    struct gn_str text = { 0 };
    va_list args;
    va_start(args, fmt);
    gn_str_addv(&text, fmt, args);
    va_end(args);
    s->finding = gn_realloc(s->finding, (s->findings + 1) * sizeof *s->finding);
    s->finding[s->findings++] = (struct gn_doctor_finding){ fault, column, text.data };
    s->has[fault] = true;
}

static const struct gn_table *table_of(const struct gn_doctor *d, const struct gn_doctor_subject *s)
{
    return &d->tables[s->table].table;
}

static const struct gn_table_row *row_of(const struct gn_doctor *d,
                                         const struct gn_doctor_subject *s)
{
    return &table_of(d, s)->row[s->row];
}

/* The table and its row that have this number among all rows. */
static const struct gn_table_row *row_at(const struct gn_doctor *d, size_t number, size_t *table)
{
    size_t k = 0;
    while (k + 1 < d->n && d->tables[k + 1].first <= number)
        k++;
    *table = k;
    return &d->tables[k].table.row[number - d->tables[k].first];
}

/* ---- images seen ---- */

struct gn_doctor_seen { /* column 0: free, else 1 + column */
    uint64_t hash;
    uint32_t row, column;
};

void gn_doctor_init(struct gn_doctor *d)
{
    size_t images = 0, rows = 0;
    for (size_t k = 0; k < d->n; k++) {
        d->tables[k].first = rows;
        rows += d->tables[k].table.rows;
        images += d->tables[k].table.rows * d->tables[k].table.images;
    }
    d->slots = images + images / 4 + 16; /* at most four fifths full */
    d->seen = gn_alloc(d->slots * sizeof *d->seen);
}

void gn_doctor_end(struct gn_doctor *d)
{
    free(d->seen);
    d->seen = NULL;
}

/* The image that was seen with this hash, or NULL: then this is it from now on. */
static const struct gn_doctor_seen *see(struct gn_doctor *d, uint64_t hash, size_t row,
                                        size_t column)
{
    size_t at = (size_t)((hash >> 32) * d->slots >> 32);
    for (; d->seen[at].column; at = at + 1 < d->slots ? at + 1 : 0)
        if (d->seen[at].hash == hash)
            return &d->seen[at];
    d->seen[at] = (struct gn_doctor_seen){ hash, (uint32_t)row, (uint32_t)column + 1 };
    return NULL;
}

/* ---- reading ---- */

struct reading {
    const struct gn_doctor *d;
    struct gn_doctor_file *file;
    struct problem {
        enum gn_fault fault;
        bool failed;
        struct gn_err err, header;
    } *problem;
};

static void read_file(void *arg, size_t i, int thread)
{
    const struct reading *r = arg;
    struct gn_doctor_file *f = &r->file[i];
    struct problem *p = &r->problem[i];
    struct gn_picture pic = { 0 };
    struct stat st;
    const bool labels = f->role != GN_COLUMN_IMAGE && f->role != GN_COLUMN_WEIGHTMAP;

    (void)thread;
    p->failed = true;
    if (gn_picture_stat(f->path, &st)) {
        p->fault = GN_FAULT_MISSING;
        gn_err_set(&p->err, "%s: no such file", f->path);
        return;
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        p->fault = GN_FAULT_UNREADABLE;
        gn_err_set(&p->err, "%s: not a regular file", f->path);
        return;
    }
    if (S_ISREG(st.st_mode))
        gn_picture_check_header(f->path, &p->header);
    p->fault = p->header.code ? GN_FAULT_SPACING : GN_FAULT_UNREADABLE;
    if (gn_picture_read(f->path, false, &pic, &p->err))
        return;
    p->fault = GN_FAULT_LABEL_CHANNELS;
    if (labels && r->d->one_channel(&pic, &p->err)) {
        gn_err_wrap(&p->err, "%s", f->path);
        goto out;
    }
    p->fault = GN_FAULT_UNREADABLE;
    if (gn_grid_of(&pic.tensor, pic.affine, &f->grid, &p->err))
        goto out;
    f->channels = pic.tensor.shape[0];
    f->has_affine = pic.has_affine;
    gn_affine_spacing(pic.affine, f->spacing);
    gn_doctor_look(&pic.tensor, labels, &f->voxels);
    f->read = true;
    p->failed = false;
out:
    gn_picture_free(&pic);
}

static void read_files(const struct gn_doctor *d, struct gn_doctor_subject *s)
{
    struct reading r = { .d = d, .file = s->file };
    r.problem = gn_alloc((s->files + 1) * sizeof *r.problem);
    gn_pool_run(s->files, read_file, &r);
    s->first = -1;
    for (size_t i = 0; i < s->files; i++) {
        const struct problem *p = &r.problem[i];
        if (p->header.code)
            find(s, GN_FAULT_SPACING, s->file[i].column, "%s", p->header.text);
        if (p->failed && !(p->fault == GN_FAULT_SPACING && p->header.code))
            find(s, p->fault, s->file[i].column, "%s", p->err.text);
        if (s->file[i].read && s->first < 0)
            s->first = (long)i;
    }
    free(r.problem);
}

/* ---- one subject alone ---- */

/* Files of the row in their order, and cells that should not be empty. */
static void list_files(const struct gn_doctor *d, struct gn_doctor_subject *s)
{
    const struct gn_table *t = table_of(d, s);
    const struct gn_table_row *row = row_of(d, s);
    s->file = gn_alloc((t->columns + 1) * sizeof *s->file);
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (size_t c = 0; c < t->columns; c++) {
            if (t->column[c].role != order[k])
                continue;
            if (row->path[c])
                s->file[s->files++] = (struct gn_doctor_file){ .column = c,
                                                               .role = order[k],
                                                               .path = row->path[c] };
            else if (order[k] == GN_COLUMN_IMAGE || order[k] == GN_COLUMN_LABEL)
                find(s, GN_FAULT_EMPTY_CELL, c, "the cell is empty");
        }
    for (size_t c = 0; c < t->columns; c++) {
        double value;
        if (t->column[c].role != GN_COLUMN_VALUE)
            continue;
        if (!*row->cell[c])
            find(s, GN_FAULT_EMPTY_CELL, c, "the cell is empty");
        else if (gn_parse_double(row->cell[c], &value) || !isfinite(value))
            find(s, GN_FAULT_VALUE, c, "not a number: '%s'", row->cell[c]);
    }
}

static double shortest(const double spacing[3])
{
    return fmin(spacing[0], fmin(spacing[1], spacing[2]));
}

static void check_spacing(struct gn_doctor_subject *s, const struct gn_doctor_file *f)
{
    for (int k = 0; k < 3 && f->has_affine; k++)
        if (!(f->spacing[k] >= LEAST_MM && f->spacing[k] <= MOST_MM)) {
            find(s, GN_FAULT_SPACING, f->column, "%s: voxels of %gx%gx%g mm", f->path,
                 f->spacing[0], f->spacing[1], f->spacing[2]);
            return;
        }
}

static void note(struct gn_doctor_subject *s, const char *fmt, ...) GN_PRINTF(2, 3);
static void note(struct gn_doctor_subject *s, const char *fmt, ...)
{
    struct gn_str text = { 0 };
    va_list args;
    va_start(args, fmt);
    gn_str_addv(&text, fmt, args);
    va_end(args);
    gn_strs_add(&s->notes, gn_str_text(&text));
    gn_str_free(&text);
}

/* As gn-load compares them. */
static bool apart(const double a[12], const double b[12])
{
    for (int i = 0; i < 12; i++)
        if (fabs(a[i] - b[i]) >
            GN_CONFIG_TOLERANCE + 4 * (double)FLT_EPSILON * fmax(fabs(a[i]), fabs(b[i])))
            return true;
    return false;
}

/* The file's grid against that of the first. */
static void check_grid(const struct gn_doctor *d, struct gn_doctor_subject *s,
                       struct gn_doctor_file *f)
{
    const struct gn_doctor_file *first = &s->file[s->first];
    const char *name = table_of(d, s)->column[first->column].name;
    const int64_t *a = first->grid.size, *b = f->grid.size;
    double rounding, tolerance = d->tolerance >= 0 ? d->tolerance : shortest(first->spacing) / 1000;

    f->corners = gn_doctor_corners(&first->grid, &f->grid, &rounding);
    f->apart = apart(first->grid.affine, f->grid.affine);
    if (!gn_grid_same_size(a, b))
        find(s, GN_FAULT_SIZE, f->column, "%s: has %lldx%lldx%lld voxels, %s has %lldx%lldx%lld",
             f->path, (long long)b[0], (long long)b[1], (long long)b[2], name, (long long)a[0],
             (long long)a[1], (long long)a[2]);
    else if (f->has_affine != first->has_affine)
        find(s, GN_FAULT_AFFINE, f->column, "%s says where it lies, %s does not",
             f->has_affine ? f->path : first->path, f->has_affine ? first->path : f->path);
    else if (f->has_affine && f->corners - rounding > tolerance)
        find(s, GN_FAULT_AFFINE, f->column, "%s: its corners lie up to %.6g mm from those of %s",
             f->path, f->corners, name);
    else if (f->has_affine && f->apart)
        note(s,
             "%s: %s: its corners lie up to %.6g mm from those of %s: within the tolerance here, "
             "but gn-load has to be told with --tolerance",
             table_of(d, s)->column[f->column].name, f->path, f->corners, name);
}

/* What stands in a label besides 0 and those allowed, up to eight of them. */
static void check_values(const struct gn_doctor *d, struct gn_doctor_subject *s,
                         const struct gn_doctor_file *f)
{
    struct gn_str list = { 0 };
    size_t n = 0;
    for (size_t i = 0; i < f->voxels.values; i++) {
        double v = f->voxels.value[i];
        bool allowed = v == 0;
        for (size_t k = 0; k < d->labels->n && !allowed; k++)
            allowed = fabs(v) <= INT32_MAX && gn_region_has(&d->labels->item[k], (int32_t)v);
        if (!allowed && n++ < 8)
            gn_str_addf(&list, "%s%.15g", n > 1 ? ", " : "", v);
    }
    if (n || f->voxels.more)
        find(s, GN_FAULT_LABEL_VALUES, f->column, "%s: holds %s%s, which --labels does not name",
             f->path, gn_str_text(&list), n > 8 || f->voxels.more ? " and others" : "");
    gn_str_free(&list);
}

static void check_voxels(const struct gn_doctor *d, struct gn_doctor_subject *s,
                         const struct gn_doctor_file *f)
{
    const struct gn_doctor_voxels *v = &f->voxels;
    const bool image = f->role == GN_COLUMN_IMAGE, weights = f->role == GN_COLUMN_WEIGHTMAP;

    if (v->nan)
        find(s, GN_FAULT_NAN, f->column, "%s: %lld of %lld voxels are NaN", f->path,
             (long long)v->nan, (long long)v->voxels);
    if (v->inf)
        find(s, GN_FAULT_INF, f->column, "%s: %lld of %lld voxels are infinite", f->path,
             (long long)v->inf, (long long)v->voxels);
    if (image && gn_doctor_constant(v))
        find(s, GN_FAULT_CONSTANT, f->column, "%s: every voxel is %.6g", f->path, v->lo);
    if (image || weights)
        return;
    if (v->off > 0)
        find(s, GN_FAULT_NOT_INTEGER, f->column,
             "%s: holds values that are no whole numbers: up to %.3g away", f->path, v->off);
    if (f->role != GN_COLUMN_LABEL)
        return;
    if (gn_doctor_constant(v) && v->lo == 0)
        find(s, GN_FAULT_LABEL_EMPTY, f->column, "%s: every voxel is 0", f->path);
    if (d->labels)
        check_values(d, s, f);
}

/* ---- one subject among the others ---- */

static void check_channels(struct gn_doctor *d, struct gn_doctor_subject *s)
{
    size_t channels = 0, number = d->tables[s->table].first + s->row, table;
    for (size_t i = 0; i < s->files; i++)
        if (s->file[i].role == GN_COLUMN_IMAGE) {
            if (!s->file[i].read)
                return;
            channels += (size_t)s->file[i].channels;
        }
    if (s->has[GN_FAULT_EMPTY_CELL] || !channels)
        return;
    if (!d->channels) {
        d->channels = channels;
        d->channels_row = number;
    } else if (channels != d->channels) {
        find(s, GN_FAULT_CHANNELS, SIZE_MAX, "has %zu, subject %s has %zu", channels,
             row_at(d, d->channels_row, &table)->sample, d->channels);
    }
}

/* A label that is the image itself: the same file, or the same voxels. */
static void check_label_is_image(const struct gn_doctor *d, struct gn_doctor_subject *s,
                                 const struct gn_doctor_file *f)
{
    for (size_t i = 0; i < s->files; i++) {
        const struct gn_doctor_file *image = &s->file[i];
        if (image->role == GN_COLUMN_IMAGE &&
            (!strcmp(image->path, f->path) ||
             (f->read && image->read && image->voxels.hash == f->voxels.hash))) {
            find(s, GN_FAULT_LABEL_IS_IMAGE, f->column, "%s: is the same as %s, %s", f->path,
                 table_of(d, s)->column[image->column].name, image->path);
            return;
        }
    }
}

/* An image that was seen before. Of one value everywhere, likeness would say nothing. */
static void check_twice(struct gn_doctor *d, struct gn_doctor_subject *s,
                        const struct gn_doctor_file *f)
{
    const size_t number = d->tables[s->table].first + s->row;
    const struct gn_doctor_seen *seen;
    const struct gn_table_row *row;
    const char *column;
    size_t table;

    if (gn_doctor_constant(&f->voxels))
        return;
    seen = see(d, f->voxels.hash, number, f->column);
    if (!seen)
        return;
    row = row_at(d, seen->row, &table);
    column = d->tables[table].table.column[seen->column - 1].name;
    if (!s->same) {
        s->same = true;
        s->same_table = table;
        s->same_row = seen->row - d->tables[table].first;
        s->same_column = seen->column - 1;
    }
    if (table == s->table)
        find(s, GN_FAULT_DUPLICATE, f->column, "%s: the same image as %s of subject %s, %s",
             f->path, column, row->sample, row->path[seen->column - 1]);
    else
        find(s, GN_FAULT_LEAK_IMAGE, f->column, "%s: the same image as %s of subject %s in %s, %s",
             f->path, column, row->sample, d->tables[table].name, row->path[seen->column - 1]);
}

/* The subject in an earlier table, and in several rows of its own. */
static void check_subject(const struct gn_doctor *d, struct gn_doctor_subject *s)
{
    const struct gn_table_row *row = row_of(d, s);
    long first = gn_table_find_sample(table_of(d, s), row->subject);
    for (size_t k = 0; k < s->table; k++)
        if (gn_table_find_sample(&d->tables[k].table, row->subject) >= 0) {
            find(s, GN_FAULT_LEAK_SUBJECT, SIZE_MAX, "stands in %s too", d->tables[k].name);
            break;
        }
    if (first >= 0 && (size_t)first < s->row)
        note(s, "another row of subject %s, in line %zu first", row->subject,
             table_of(d, s)->row[first].line);
}

static int by_fault(const void *a, const void *b)
{
    const struct gn_doctor_finding *x = a, *y = b;
    if (x->column != y->column)
        return x->column == SIZE_MAX || (y->column != SIZE_MAX && x->column < y->column) ? -1 : 1;
    return (x->fault > y->fault) - (x->fault < y->fault);
}

void gn_doctor_subject(struct gn_doctor *d, size_t table, size_t row, struct gn_doctor_subject *s)
{
    *s = (struct gn_doctor_subject){ .table = table, .row = row };
    list_files(d, s);
    read_files(d, s);
    for (size_t i = 0; i < s->files; i++) {
        struct gn_doctor_file *f = &s->file[i];
        if (f->role == GN_COLUMN_LABEL)
            check_label_is_image(d, s, f);
        if (!f->read)
            continue;
        check_spacing(s, f);
        if ((long)i != s->first)
            check_grid(d, s, f);
        check_voxels(d, s, f);
        if (f->role == GN_COLUMN_IMAGE)
            check_twice(d, s, f);
    }
    check_channels(d, s);
    check_subject(d, s);
    if (s->findings)
        qsort(s->finding, s->findings, sizeof *s->finding, by_fault);
    d->checked++;
    d->faulty += s->findings > 0;
    for (int k = 0; k < GN_FAULTS; k++)
        d->faults[k] += s->has[k];
}

void gn_doctor_subject_free(struct gn_doctor_subject *s)
{
    for (size_t i = 0; i < s->files; i++)
        gn_doctor_free(&s->file[i].voxels);
    for (size_t i = 0; i < s->findings; i++)
        free(s->finding[i].text);
    free(s->file);
    free(s->finding);
    gn_strs_free(&s->notes);
    *s = (struct gn_doctor_subject){ 0 };
}
