/* survey.c - see survey.h */
#include "config/survey.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { LABEL_FILES = 20, ROWS = 1000 };

void gn_survey_canonical(const struct gn_picture *p, int64_t size[3], double spacing[3])
{
    const int64_t file[3] = { p->tensor.shape[3], p->tensor.shape[2], p->tensor.shape[1] };
    bool taken[3] = { false, false, false };
    for (int a = 0; a < 3; a++) {
        double length = 0, most = -1;
        int axis = a;
        for (int row = 0; row < 3; row++) {
            double v = p->affine[4 * row + a];
            length += v * v;
            if (p->has_affine && !taken[row] && fabs(v) > most)
                most = fabs(v), axis = row;
        }
        taken[axis] = true;
        size[axis] = file[a];
        spacing[axis] = sqrt(length);
    }
}

static void add_header(struct gn_survey *s, const struct gn_picture *p)
{
    struct gn_picture file = *p;
    bool flat = p->tensor.shape[1] == 1;
    if (s->n == 0) {
        s->flat = flat;
        s->placed = p->has_affine;
    }
    if (flat != s->flat) {
        s->others++;
        return;
    }
    file.has_affine = p->has_affine && !flat; /* pictures stay as they lie in the file */
    gn_survey_canonical(&file, s->size[s->n], s->spacing[s->n]);
    s->n++;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void add_label(struct gn_survey *s, double v)
{
    int k = 0;
    while (k < s->n_labels && s->labels[k] != v)
        k++;
    if (s->n_labels < 0 || k < s->n_labels)
        return;
    if (s->n_labels == GN_SURVEY_LABELS || v != floor(v) || fabs(v) > 1e6)
        s->n_labels = -1;
    else
        s->labels[s->n_labels++] = v;
}

static bool in_middle(int64_t i, int64_t n)
{
    double place = ((double)i + 0.5) / (double)n;
    return place >= 0.3 && place <= 0.7;
}

/* The first channel: further ones of a picture are equal to it, or opacity. */
static void add_labels(struct gn_survey *s, const struct gn_picture *p)
{
    const int64_t *n = p->tensor.shape;
    bool filled = false, central = false;
    double last = NAN;
    int64_t i = 0;
    for (int64_t z = 0; z < n[1]; z++)
        for (int64_t y = 0; y < n[2]; y++) {
            bool middle = in_middle(z, n[1]) && in_middle(y, n[2]);
            for (int64_t x = 0; x < n[3]; x++, i++) {
                double v = gn_tensor_get(&p->tensor, i);
                filled = filled || v > 0;
                central = central || (middle && v > 0 && in_middle(x, n[3]));
                if (v != last)
                    add_label(s, v);
                last = v;
            }
        }
    s->maps++;
    s->filled += filled;
    s->central += central;
    if (s->n_labels > 0)
        qsort(s->labels, (size_t)s->n_labels, sizeof *s->labels, compare_doubles);
}

static void look(struct gn_survey *s, const struct gn_picture *p)
{
    int64_t n = gn_tensor_count(&p->tensor), zeros = 0;
    s->low = INFINITY;
    for (int64_t i = 0; i < n; i++) {
        double v = gn_tensor_get(&p->tensor, i);
        s->low = v < s->low ? v : s->low;
        zeros += v == 0;
    }
    s->zeros = n ? (double)zeros / (double)n : 0;
    s->looked = true;
}

/* One file of a row; voxels are read of labels, and of the first image that can be read. */
static int add_file(struct gn_survey *s, const char *path, bool image, struct gn_picture *p)
{
    struct gn_err err = { 0 };
    bool voxels = !image || !s->looked;
    s->files++;
    if (gn_picture_read(path, !voxels, p, &err)) {
        if (!s->unread++)
            s->why = gn_strdup(err.text);
        return -1;
    }
    if (image && voxels)
        look(s, p);
    else if (voxels)
        add_labels(s, p);
    return 0;
}

static void add_row(struct gn_survey *s, const struct gn_table *t, size_t row)
{
    bool first = true, whole = true;
    int channels = 0;
    for (size_t c = 0; c < t->columns; c++) {
        const char *path = t->row[row].path[c];
        bool image = t->column[c].role == GN_COLUMN_IMAGE,
             label = (long)c == t->label && row < LABEL_FILES;
        struct gn_picture p = { 0 };
        if (!image && !label)
            continue;
        if (!path || add_file(s, path, image, &p)) {
            whole = whole && !image;
            continue;
        }
        if (image && first)
            add_header(s, &p);
        if (image)
            channels += (int)p.tensor.shape[0];
        first = first && !image;
        gn_picture_free(&p);
    }
    if (whole && !s->channels)
        s->channels = channels;
}

void gn_survey_read(struct gn_survey *s, const struct gn_table *t)
{
    size_t rows = t->rows < ROWS ? t->rows : ROWS;
    s->size = gn_alloc((rows + 1) * sizeof *s->size);
    s->spacing = gn_alloc((rows + 1) * sizeof *s->spacing);
    for (size_t i = 0; i < rows; i++)
        add_row(s, t, i);
}

void gn_survey_free(struct gn_survey *s)
{
    free(s->why);
    free(s->size);
    free(s->spacing);
    *s = (struct gn_survey){ 0 };
}
