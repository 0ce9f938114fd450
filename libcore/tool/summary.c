/* summary.c - statistics of a tensor, and how often labels occur. */
#include "tool/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { CHUNK = 4096, LABELS_MAX = 65536 };

/* Elements at..at+*n of a tensor as double, at most CHUNK of them. */
static void chunk(const struct gn_tensor *t, int64_t at, double v[CHUNK], int64_t *n)
{
    int64_t left = gn_tensor_count(t) - at;

    *n = left < CHUNK ? left : CHUNK;
    gn_convert_to_double((const char *)t->data + (size_t)at * gn_dtype_size(t->dtype), t->dtype, v,
                         (size_t)*n);
}

void gn_summarize(const struct gn_tensor *t, struct gn_summary *s)
{
    int64_t all = gn_tensor_count(t), n = 0;
    double v[CHUNK], sum = 0, squares = 0;

    *s = (struct gn_summary){.min = NAN, .max = NAN, .mean = NAN, .std = NAN};
    for (int64_t at = 0; at < all; at += n) {
        double part = 0; /* sums of sums keep the error of long tensors small */

        chunk(t, at, v, &n);
        for (int64_t i = 0; i < n; i++) {
            if (v[i] != v[i]) {
                s->nan++;
                continue;
            }
            if (!(s->min <= v[i]))
                s->min = v[i];
            if (!(s->max >= v[i]))
                s->max = v[i];
            part += v[i];
            s->count++;
        }
        sum += part;
    }
    if (s->count == 0)
        return;
    s->mean = sum / (double)s->count;
    for (int64_t at = 0; at < all; at += n) {
        double part = 0;

        chunk(t, at, v, &n);
        for (int64_t i = 0; i < n; i++)
            if (v[i] == v[i])
                part += (v[i] - s->mean) * (v[i] - s->mean);
        squares += part;
    }
    s->std = sqrt(squares / (double)s->count);
    /* With infinities among the values; a NaN of arithmetic has a sign, and is printed with it. */
    if (isnan(s->mean))
        s->mean = NAN;
    if (isnan(s->std))
        s->std = NAN;
}

static struct gn_label_count *find(struct gn_labels *l, int64_t label, struct gn_err *err)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->item[i].label == label)
            return &l->item[i];
    if (l->n == LABELS_MAX) {
        gn_err_set(err, "more than %d different values: these are not labels", LABELS_MAX);
        return NULL;
    }
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 32;
        l->item = gn_realloc(l->item, l->cap * sizeof *l->item);
    }
    l->item[l->n] = (struct gn_label_count){label, 0, 0};
    return &l->item[l->n++];
}

/* Open addressing; 0 marks a free place. True when the key is new. */
static bool insert(uint64_t *table, size_t cap, uint64_t key)
{
    for (size_t i = key & (cap - 1);; i = (i + 1) & (cap - 1)) {
        if (table[i] == key)
            return false;
        if (table[i] == 0) {
            table[i] = key;
            return true;
        }
    }
}

static bool first_time(struct gn_labels *l, int64_t label, const char *subject)
{
    uint64_t key =
        gn_fnv1a(gn_fnv1a(GN_FNV_START, subject, strlen(subject) + 1), &label, sizeof label);

    if (2 * (l->n_seen + 1) > l->cap_seen) {
        size_t cap = l->cap_seen ? 2 * l->cap_seen : 256;
        uint64_t *bigger = gn_alloc(cap * sizeof *bigger);

        for (size_t i = 0; i < l->cap_seen; i++)
            if (l->seen[i])
                insert(bigger, cap, l->seen[i]);
        free(l->seen);
        l->seen = bigger;
        l->cap_seen = cap;
    }
    if (!insert(l->seen, l->cap_seen, key ? key : 1))
        return false;
    l->n_seen++;
    return true;
}

/* A run of equal voxels: label maps are made of them, so the tables are rarely looked at. */
static int add_run(struct gn_labels *l, double value, int64_t n, const char *subject,
                   struct gn_err *err)
{
    struct gn_label_count *c = NULL;

    if (!(fabs(value) < 9e15) || value != floor(value))
        return gn_err_set(err, "%.17g is not a label", value);
    c = find(l, (int64_t)value, err);
    if (!c)
        return -1;
    c->voxels += n;
    l->voxels += n;
    if (first_time(l, c->label, subject))
        c->subjects++;
    return 0;
}

int gn_labels_add(struct gn_labels *l, const struct gn_tensor *t, const char *subject,
                  struct gn_err *err)
{
    int64_t all = gn_tensor_count(t), n = 0, run = 0;
    double v[CHUNK], value = 0;

    for (int64_t at = 0; at < all; at += n) {
        chunk(t, at, v, &n);
        for (int64_t i = 0; i < n; i++) {
            if (run && v[i] == value) {
                run++;
                continue;
            }
            if (run && add_run(l, value, run, subject, err) < 0)
                return -1;
            value = v[i];
            run = 1;
        }
    }
    return run ? add_run(l, value, run, subject, err) : 0;
}

static int compare(const void *a, const void *b)
{
    const struct gn_label_count *x = a, *y = b;

    return (x->label > y->label) - (x->label < y->label);
}

void gn_labels_sort(struct gn_labels *l)
{
    if (l->n)
        qsort(l->item, l->n, sizeof *l->item, compare);
}

void gn_labels_free(struct gn_labels *l)
{
    free(l->item);
    free(l->seen);
    *l = (struct gn_labels){0};
}
