/* postprocess.c - label maps to one mask a label, and back. */
#include "image/postprocess.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"

const char *const gn_post_names[] = { "fill_holes", "cca", "morphology", NULL };

static int find_name(const char *name, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(name, names[i]))
            return i;
    return -1;
}

static int unknown(const char *what, const char *name, const char *const *names, struct gn_err *err)
{
    struct gn_str all = { 0 };
    for (int i = 0; names[i]; i++)
        gn_str_addf(&all, "%s%s", i ? ", " : "", names[i]);
    gn_err_usage(err, "%s: %s (there are %s)", what, name, gn_str_text(&all));
    gn_str_free(&all);
    return -1;
}

int gn_post_step_init(struct gn_post_step *s, const char *name, struct gn_err *err)
{
    int what = find_name(name, gn_post_names);
    if (what < 0)
        return unknown("no such step", name, gn_post_names, err);
    *s = (struct gn_post_step){ .what = (enum gn_post)what, .closing = true, .kernel = 1 };
    return 0;
}

int gn_post_step_set(struct gn_post_step *s, const char *key, const char *value, struct gn_err *err)
{
    static const char *const keys[][3] = { { "closing" }, { "connectivity" },
                                           { "mode", "kernel_size" } };
    static const char *const truths[] = { "true", "yes", "on", "false", "no", "off", NULL };
    const char *name = gn_post_names[s->what];
    int64_t v = 0;
    if (find_name(key, keys[s->what]) < 0) {
        char *what = gn_asprintf("%s: no such key", name);
        unknown(what, key, keys[s->what], err);
        free(what);
        return -1;
    }
    if (!strcmp(key, "closing")) {
        int truth = find_name(value, truths);
        s->closing = truth < 3;
        return truth < 0 ? unknown("fill_holes: closing: not true or false", value, truths, err)
                         : 0;
    }
    if (!strcmp(key, "mode")) {
        int how = find_name(value, gn_morphology_names);
        s->how = (enum gn_morphology)how;
        return how < 0 ? unknown("morphology: mode: unknown", value, gn_morphology_names, err) : 0;
    }
    if (gn_parse_int(value, &v))
        return gn_err_usage(err, "%s: %s: must be a whole number: %s", name, key, value);
    if (!strcmp(key, "kernel_size")) {
        s->kernel = v;
        return v < 1 || v > 99 || v % 2 == 0
                   ? gn_err_usage(err, "morphology: kernel_size: must be odd, 1 to 99: %s", value)
                   : 0;
    }
    s->connectivity = (int)v;
    return v != 4 && v != 8 && v != 6 && v != 18 && v != 26
               ? gn_err_usage(err, "cca: connectivity: must be 4, 8, 6, 18 or 26: %s", value)
               : 0;
}

/* ---- labels as bit patterns ---- */

static inline uint64_t read_at(const void *p, size_t size, int64_t i)
{
    switch (size) {
    case 1: return ((const uint8_t *)p)[i];
    case 2: return ((const uint16_t *)p)[i];
    case 4: return ((const uint32_t *)p)[i];
    default: return ((const uint64_t *)p)[i];
    }
}

static void fill(void *p, size_t size, int64_t from, int64_t to, uint64_t v)
{
    if (size == 1 && to - from > 16) {
        memset((uint8_t *)p + from, (int)v, (size_t)(to - from));
        return;
    }
    for (int64_t i = from; i < to; i++) {
        if (size == 1)
            ((uint8_t *)p)[i] = (uint8_t)v;
        else if (size == 2)
            ((uint16_t *)p)[i] = (uint16_t)v;
        else if (size == 4)
            ((uint32_t *)p)[i] = (uint32_t)v;
        else
            ((uint64_t *)p)[i] = v;
    }
}

/* The pattern as the label it is; of uint64, those above 2^63 are negative, and still distinct. */
static int64_t as_label(uint64_t v, enum gn_dtype dtype)
{
    switch (dtype) {
    case GN_INT8: return (int8_t)v;
    case GN_INT16: return (int16_t)v;
    case GN_INT32: return (int32_t)v;
    default: return (int64_t)v;
    }
}

/* Where the run of equal values that begins at i ends, at most n. */
static int64_t run_end(const void *p, size_t size, int64_t i, int64_t n)
{
    uint64_t v = read_at(p, size, i);
    if (size == 1) {
        uint64_t all = v * UINT64_C(0x0101010101010101), eight;
        for (; i + 8 <= n; i += 8) {
            memcpy(&eight, (const uint8_t *)p + i, sizeof eight);
            if (eight != all)
                break;
        }
    }
    while (i < n && read_at(p, size, i) == v)
        i++;
    return i;
}

/* ---- which labels there are, and where ---- */

struct region {
    uint64_t key; /* its pattern */
    int64_t label, rank;
    int64_t lo[3], hi[3]; /* x y z, hi excluded */
};

struct regions {
    struct region *item;
    size_t n, cap;
    size_t *slot, slots; /* by pattern: 1 + place, 0 free */
};

static struct region *region_of(struct regions *all, uint64_t key)
{
    if (2 * (all->n + 1) > all->slots) {
        free(all->slot);
        all->slots = all->slots ? 2 * all->slots : 64;
        all->slot = gn_alloc(all->slots * sizeof *all->slot);
        for (size_t k = 0; k < all->n; k++) {
            size_t at = all->item[k].key * UINT64_C(0x9e3779b97f4a7c15) >> 20;
            while (all->slot[at &= all->slots - 1])
                at++;
            all->slot[at] = k + 1;
        }
    }
    size_t at = key * UINT64_C(0x9e3779b97f4a7c15) >> 20;
    for (;; at++) {
        at &= all->slots - 1;
        if (!all->slot[at])
            break;
        if (all->item[all->slot[at] - 1].key == key)
            return &all->item[all->slot[at] - 1];
    }
    if (all->n == all->cap) {
        all->cap = all->cap ? 2 * all->cap : 16;
        all->item = gn_realloc(all->item, all->cap * sizeof *all->item);
    }
    all->slot[at] = all->n + 1;
    all->item[all->n] = (struct region){
        .key = key, .lo = { INT64_MAX, INT64_MAX, INT64_MAX }, .hi = { 0, 0, 0 }
    };
    return &all->item[all->n++];
}

static int by_rank(const void *a, const void *b)
{
    const struct region *p = a, *q = b;
    if (p->rank != q->rank)
        return p->rank < q->rank ? -1 : 1;
    return p->label < q->label ? -1 : p->label > q->label;
}

static void widen_box(struct region *r, int64_t from, int64_t to, int64_t y, int64_t z)
{
    const int64_t lo[3] = { from, y, z }, hi[3] = { to, y + 1, z + 1 };
    for (int k = 0; k < 3; k++) {
        r->lo[k] = lo[k] < r->lo[k] ? lo[k] : r->lo[k];
        r->hi[k] = hi[k] > r->hi[k] ? hi[k] : r->hi[k];
    }
}

static void find_boxes(struct regions *all, const struct gn_tensor *t)
{
    const int64_t nx = t->shape[3], ny = t->shape[2], nz = t->shape[1];
    const size_t size = gn_dtype_size(t->dtype);
    for (int64_t row = 0; row < ny * nz; row++) {
        const char *p = (const char *)t->data + (size_t)(row * nx) * size;
        for (int64_t x = 0, end; x < nx; x = end) {
            uint64_t key = read_at(p, size, x);
            end = run_end(p, size, x, nx);
            if (key)
                widen_box(region_of(all, key), x, end, row % ny, row / ny);
        }
    }
}

/* The same where a label is a byte: a table of all there can be, and eight voxels at a time where
 * they are equal. */
struct byte_span {
    int64_t from, to, row; /* along x, in all rows; the last row that has it */
};

static inline void note_bytes(struct regions *all, struct byte_span *s, uint8_t v, int64_t from,
                              int64_t to, int64_t row, int64_t ny)
{
    if (s->row != row) {
        widen_box(region_of(all, v), from, to, row % ny, row / ny);
        s->row = row;
        s->from = from < s->from ? from : s->from;
    }
    s->to = to > s->to ? to : s->to;
}

static void find_byte_boxes(struct regions *all, const struct gn_tensor *t)
{
    const int64_t nx = t->shape[3], ny = t->shape[2], nz = t->shape[1];
    struct byte_span *of = gn_alloc(256 * sizeof *of);
    for (int v = 0; v < 256; v++)
        of[v] = (struct byte_span){ INT64_MAX, 0, -1 };
    for (int64_t row = 0; row < ny * nz; row++) {
        const uint8_t *p = (const uint8_t *)t->data + row * nx;
        for (int64_t x = 0; x < nx; x += 8) {
            const int64_t n = nx - x < 8 ? nx - x : 8;
            uint64_t eight = 0;
            memcpy(&eight, p + x, (size_t)n);
            if (!eight)
                continue;
            if (n == 8 && eight == p[x] * UINT64_C(0x0101010101010101)) {
                note_bytes(all, &of[p[x]], p[x], x, x + 8, row, ny);
                continue;
            }
            for (int64_t i = x; i < x + n; i++)
                if (p[i])
                    note_bytes(all, &of[p[i]], p[i], i, i + 1, row, ny);
        }
    }
    for (size_t i = 0; i < all->n; i++) {
        all->item[i].lo[0] = of[all->item[i].key].from;
        all->item[i].hi[0] = of[all->item[i].key].to;
    }
    free(of);
}

static void find_regions(struct regions *all, const struct gn_tensor *t, const int64_t *first,
                         int n)
{
    if (gn_dtype_size(t->dtype) == 1)
        find_byte_boxes(all, t);
    else
        find_boxes(all, t);
    for (size_t i = 0; i < all->n; i++) {
        struct region *r = &all->item[i];
        r->label = as_label(r->key, t->dtype);
        for (r->rank = 0; r->rank < n && first[r->rank] != r->label;)
            r->rank++;
    }
    if (all->n)
        qsort(all->item, all->n, sizeof *all->item, by_rank);
}

/* ---- one label ---- */

struct job {
    const struct gn_tensor *in;
    struct gn_tensor *out;
    struct gn_bits *m;
    const struct region *r;
};

enum { ROWS = 64 }; /* to an item */

/* The voxel of a tensor at which a row of the mask begins. */
static int64_t place_of(const struct job *job, const struct gn_tensor *t, int64_t row)
{
    int64_t y = row % job->m->size[1] + job->r->lo[1], z = row / job->m->size[1] + job->r->lo[2];
    return (z * t->shape[2] + y) * t->shape[3] + job->r->lo[0];
}

static void run_rows(struct job *job, void (*work)(void *, size_t, int))
{
    gn_pool_run((size_t)((job->m->size[1] * job->m->size[2] + ROWS - 1) / ROWS), work, job);
}

static int64_t end_row(const struct gn_bits *m, size_t item)
{
    int64_t end = ((int64_t)item + 1) * ROWS, all = m->size[1] * m->size[2];
    return end < all ? end : all;
}

static void take_rows(void *arg, size_t item, int thread)
{
    const struct job *job = arg;
    const struct region *r = job->r;
    const struct gn_bits *m = job->m;
    const size_t size = gn_dtype_size(job->in->dtype);
    (void)thread;
    for (int64_t row = (int64_t)item * ROWS; row < end_row(m, item); row++) {
        const char *p = (const char *)job->in->data + (size_t)place_of(job, job->in, row) * size;
        uint64_t *bits = m->row + row * m->words;
        const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f), all = UINT64_C(0x0101010101010101);
        int64_t x = 0;
        for (; size == 1 && x + 8 <= m->size[0]; x += 8) { /* eight at a time: bytes that are 0 */
            uint64_t v;
            memcpy(&v, p + x, sizeof v);
            v ^= r->key * all;
            v = ~(((v & low) + low) | v | low) >> 7;
            bits[x >> 6] |= (v * UINT64_C(0x0102040810204080) >> 56) << (x & 63);
        }
        for (; x < m->size[0]; x++)
            bits[x >> 6] |= (uint64_t)(read_at(p, size, x) == r->key) << (x & 63);
    }
}

static void put_rows(void *arg, size_t item, int thread)
{
    const struct job *job = arg;
    const struct region *r = job->r;
    const struct gn_bits *m = job->m;
    const size_t size = gn_dtype_size(job->out->dtype);
    (void)thread;
    for (int64_t row = (int64_t)item * ROWS; row < end_row(m, item); row++) {
        char *p = (char *)job->out->data + (size_t)place_of(job, job->out, row) * size;
        const uint64_t *bits = m->row + row * m->words;
        for (int64_t w = 0; w < m->words; w++)
            for (uint64_t v = bits[w]; v;) {
                int from = __builtin_ctzll(v);
                uint64_t rest = ~(v >> from); /* ends with the zeros of the run */
                int n = rest ? __builtin_ctzll(rest) : 64;
                n = n > 64 - from ? 64 - from : n;
                fill(p, size, w * 64 + from, w * 64 + from + n, r->key);
                v = from + n == 64 ? 0 : v >> (from + n) << (from + n);
            }
    }
}

/* How far beyond a region its steps look or reach: so much is kept around its box. */
static int64_t margin_of(const struct gn_post_step *steps, int n)
{
    int64_t margin = 0;
    for (int i = 0; i < n; i++)
        if (steps[i].what == GN_POST_MORPHOLOGY)
            margin += steps[i].kernel / 2 + 1;
        else if (steps[i].what == GN_POST_FILL_HOLES)
            margin += 2;
    return margin;
}

static int run_step(struct gn_bits *m, const struct gn_post_step *s, struct gn_err *err)
{
    int c = s->connectivity;
    switch (s->what) {
    case GN_POST_FILL_HOLES:
        return (s->closing && gn_bits_close_faces(m, err)) || gn_bits_fill_holes(m, err) ? -1 : 0;
    case GN_POST_CCA:
        return gn_bits_keep_largest(m,
                                    c == 4 || c == 6 ? GN_JOIN_FACES
                                    : c == 18        ? GN_JOIN_EDGES
                                                     : GN_JOIN_CORNERS,
                                    err);
    case GN_POST_MORPHOLOGY: return gn_bits_morphology(m, s->how, s->kernel, err);
    }
    return 0;
}

/* Labels of a float type as integers of 64 bits. */
static int whole_numbers(const struct gn_tensor *t, struct gn_tensor *out, struct gn_err *err)
{
    if (gn_tensor_new(out, GN_INT64, t->rank, t->shape, err))
        return -1;
    for (int64_t i = 0, n = gn_tensor_count(t); i < n; i++) {
        double v = gn_tensor_get(t, i);
        if (!(fabs(v) < 9e15) || v != floor(v)) {
            gn_tensor_free(out);
            return gn_err_set(err, "not a label map: it holds %g", v);
        }
        ((int64_t *)out->data)[i] = (int64_t)v;
    }
    return 0;
}

static int check_shape(const struct gn_tensor *t, struct gn_err *err)
{
    if (t->rank != 4)
        return gn_err_set(err, "not an image: its axes are not c z y x");
    if (t->shape[0] != 1)
        return gn_err_set(err, "a label map has one channel, not %lld", (long long)t->shape[0]);
    return 0;
}

int gn_post_apply(struct gn_tensor *label, const struct gn_post_step *steps, int n_steps,
                  const int64_t *first, int n, struct gn_err *err)
{
    struct gn_tensor whole = { 0 }, out = { 0 };
    struct gn_bits m = { 0 };
    struct regions all = { 0 };
    const struct gn_tensor *in = label;
    const int64_t margin = margin_of(steps, n_steps);
    int rc = -1;
    if (check_shape(label, err))
        return -1;
    for (int i = 0; i < n_steps; i++)
        if ((steps[i].connectivity == 4 || steps[i].connectivity == 8) && label->shape[1] > 1 &&
            label->shape[2] > 1 && label->shape[3] > 1)
            return gn_err_set(err, "cca: connectivity %d is of 2-D images: 6, 18 or 26 for volumes",
                              steps[i].connectivity);
    if (gn_dtype_is_float(label->dtype)) {
        if (whole_numbers(label, &whole, err))
            return -1;
        in = &whole;
    }
    if (gn_tensor_new(&out, in->dtype, 4, in->shape, err))
        goto out;
    find_regions(&all, in, first, n);
    for (size_t k = 0; k < all.n; k++) {
        struct region *r = &all.item[k];
        int64_t size[3];
        for (int a = 0; a < 3; a++) {
            r->lo[a] = r->lo[a] > margin ? r->lo[a] - margin : 0;
            r->hi[a] = in->shape[3 - a] - r->hi[a] > margin ? r->hi[a] + margin : in->shape[3 - a];
            size[a] = r->hi[a] - r->lo[a];
        }
        if (gn_bits_new(&m, size, err))
            goto out;
        struct job job = { .in = in, .out = &out, .m = &m, .r = r };
        run_rows(&job, take_rows);
        for (int i = 0; i < n_steps; i++)
            if (run_step(&m, &steps[i], err))
                goto out;
        run_rows(&job, put_rows);
        gn_bits_free(&m);
    }
    if (in == &whole) {
        gn_tensor_free(&whole);
        if (gn_tensor_convert(&out, label->dtype, &whole, err))
            goto out;
        gn_tensor_free(&out);
        out = whole;
        whole = (struct gn_tensor){ 0 };
    }
    gn_tensor_free(label);
    *label = out;
    out = (struct gn_tensor){ 0 };
    rc = 0;
out:
    gn_bits_free(&m);
    gn_tensor_free(&whole);
    gn_tensor_free(&out);
    free(all.item);
    free(all.slot);
    return rc;
}

/* ---- labels to labels ---- */

/* Can the dtype hold it, exactly? */
static bool holds(enum gn_dtype dtype, int64_t v)
{
    double lo, hi;
    if (gn_dtype_is_float(dtype)) {
        int64_t most = dtype == GN_FLOAT16 ? 2048 : dtype == GN_FLOAT32 ? 1 << 24 : 1LL << 53;
        return v >= -most && v <= most;
    }
    if (dtype == GN_UINT64)
        return v >= 0;
    if (dtype == GN_INT64)
        return true;
    gn_dtype_range(dtype, &lo, &hi);
    return (double)v >= lo && (double)v <= hi;
}

static enum gn_dtype widen(enum gn_dtype dtype, const struct gn_label_pair *pair, int n)
{
    static const enum gn_dtype order[] = { GN_UINT8, GN_UINT16, GN_INT16, GN_UINT32,
                                           GN_INT32, GN_UINT64, GN_INT64 };
    static const enum gn_dtype floats[] = { GN_FLOAT16, GN_FLOAT32, GN_FLOAT64 };
    const bool real = gn_dtype_is_float(dtype);
    for (int k = -1; k < (real ? 3 : 7); k++) {
        enum gn_dtype to = k < 0 ? dtype : real ? floats[k] : order[k];
        bool fits = gn_dtype_size(to) >= gn_dtype_size(dtype);
        for (int i = 0; fits && i < n; i++)
            fits = holds(to, pair[i].to);
        if (fits)
            return to;
    }
    return real ? GN_FLOAT64 : GN_INT64;
}

int gn_post_map(struct gn_tensor *label, const struct gn_label_pair *pair, int n,
                struct gn_err *err)
{
    struct gn_tensor whole = { 0 }, out = { 0 };
    const struct gn_tensor *in = label;
    if (check_shape(label, err))
        return -1;
    if (gn_dtype_is_float(label->dtype)) {
        if (whole_numbers(label, &whole, err))
            return -1;
        in = &whole;
    }
    if (gn_tensor_new(&out, widen(label->dtype, pair, n), 4, in->shape, err)) {
        gn_tensor_free(&whole);
        return -1;
    }
    const size_t size = gn_dtype_size(in->dtype), made = gn_dtype_size(out.dtype);
    const int64_t count = gn_tensor_count(in);
    for (int64_t i = 0, end; i < count; i = end) {
        int64_t from = as_label(read_at(in->data, size, i), in->dtype), to = 0;
        end = run_end(in->data, size, i, count);
        for (int k = 0; k < n; k++)
            if (pair[k].from == from)
                to = pair[k].to;
        if (gn_dtype_is_float(out.dtype))
            for (int64_t x = i; to && x < end; x++)
                gn_tensor_set(&out, x, (double)to);
        else if (to)
            fill(out.data, made, i, end, (uint64_t)to);
    }
    gn_tensor_free(&whole);
    gn_tensor_free(label);
    *label = out;
    return 0;
}
