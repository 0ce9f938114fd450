/* normalize.c - intensity steps; rules of TorchIO 0.19 (https://torchio.readthedocs.io). */
#include "image/normalize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/isa.h"
#include "base/mem.h"
#include "base/pool.h"

const char *const gn_zscore_names[] = {"full",     "nonzero", "nonzero_masked",
                                       "positive", "mask",    NULL};

enum { CHUNK = 1 << 16, LANES = GN_STATS_LANES };

/* ---- statistics: two passes, chunk by chunk ---- */

struct part {
    int64_t n;
    double sum, squares; /* of x, or of x - mean in the second pass */
    float min, max;
};

struct stats_job {
    const struct gn_normalize_kernels *k;
    const float *x;
    int64_t n, voxels;
    enum gn_where where;
    const uint8_t *mask;
    bool second; /* pass: sums of x - mean and of its square */
    double mean;
    struct part *part;
};

/* Elements that a mask chooses, and the last few of a chunk: the plain version of the kernels. A
 * value that is not a number counts, so that it is found. */
static void add_some(const struct stats_job *j, int64_t first, int n, bool second,
                     struct gn_stats_lanes *l)
{
    for (int k = 0; k < n; k++) {
        float v = j->x[first + k];
        if ((j->where == GN_WHERE_NONZERO && v == 0) || (j->where == GN_WHERE_POSITIVE && v <= 0) ||
            (j->where == GN_WHERE_MASK && !j->mask[(first + k) % j->voxels]))
            continue;
        double d = (double)v - j->mean;
        l->sum[k] += d;
        l->squares[k] += second ? d * d : 0;
        l->n[k] += 1;
        l->min[k] = v < l->min[k] ? v : l->min[k];
        l->max[k] = v > l->max[k] ? v : l->max[k];
    }
}

/* One chunk: element i belongs to lane i mod 16, lanes are added in order. */
static void chunk_stats(void *arg, size_t chunk, int thread)
{
    const struct stats_job *j = arg;
    const int64_t first = (int64_t)chunk * CHUNK;
    const int64_t n = j->n - first < CHUNK ? j->n - first : CHUNK;
    const int64_t whole = j->where == GN_WHERE_MASK ? 0 : n / LANES * LANES;
    struct gn_stats_lanes l;
    (void)thread;
    memset(&l, 0, sizeof l);
    for (int k = 0; k < LANES; k++) {
        l.min[k] = INFINITY;
        l.max[k] = -INFINITY;
    }
    if (whole)
        j->k->stats(j->x + first, whole, j->where, j->second, j->mean, &l);
    for (int64_t i = whole; i < n; i += LANES)
        add_some(j, first + i, n - i < LANES ? (int)(n - i) : LANES, j->second, &l);
    struct part p = {0, 0, 0, INFINITY, -INFINITY};
    for (int k = 0; k < LANES; k++) {
        p.n += (int64_t)l.n[k];
        p.sum += l.sum[k];
        p.squares += l.squares[k];
        p.min = l.min[k] < p.min ? l.min[k] : p.min;
        p.max = l.max[k] > p.max ? l.max[k] : p.max;
    }
    j->part[chunk] = p;
}

static struct part all_chunks(struct stats_job *j)
{
    struct part total = {0, 0, 0, INFINITY, -INFINITY};
    size_t chunks = (size_t)((j->n + CHUNK - 1) / CHUNK);
    gn_pool_run(chunks, chunk_stats, j);
    for (size_t i = 0; i < chunks; i++) {
        total.n += j->part[i].n;
        total.sum += j->part[i].sum;
        total.squares += j->part[i].squares;
        total.min = j->part[i].min < total.min ? j->part[i].min : total.min;
        total.max = j->part[i].max > total.max ? j->part[i].max : total.max;
    }
    return total;
}

void gn_stats_of(const float *x, int64_t n, enum gn_where where, const uint8_t *mask,
                 int64_t voxels, struct gn_stats *stats)
{
    struct stats_job j = {.k = GN_ISA_PICK(gn_normalize), .x = x, .n = n, .voxels = voxels,
                          .where = where, .mask = mask};
    *stats = (struct gn_stats){0};
    j.part = gn_alloc((size_t)(n / CHUNK + 1) * sizeof *j.part);
    struct part p = all_chunks(&j);
    stats->n = p.n;
    if (p.n) {
        stats->mean = p.sum / (double)p.n;
        stats->min = (double)p.min;
        stats->max = (double)p.max;
    }
    if (p.n > 1 && p.min < p.max) {
        j.second = true;
        j.mean = stats->mean;
        p = all_chunks(&j);
        /* the second term takes out what rounding of the mean left */
        double squares = p.squares - p.sum * p.sum / (double)stats->n;
        stats->std = sqrt(squares / (double)(stats->n - 1));
    } else if (isnan(stats->mean)) {
        stats->std = NAN;
    }
    free(j.part);
}

double gn_min_of(const float *x, int64_t n)
{
    struct stats_job j = {.k = GN_ISA_PICK(gn_normalize), .x = x, .n = n, .voxels = n,
                          .where = GN_WHERE_ALL};
    j.part = gn_alloc((size_t)(n / CHUNK + 1) * sizeof *j.part);
    const struct part p = all_chunks(&j);
    free(j.part);
    return p.n ? (double)p.min : 0;
}

/* ---- pointwise ---- */

enum point { POINT_CLIP, POINT_THRESHOLD, POINT_DIVIDE, POINT_LINEAR };

struct point_job {
    float *x;
    int64_t n, voxels;
    enum point op;
    double a, b, c, d;
    enum gn_where where;
    const uint8_t *mask;
};

static void point_chunk(void *arg, size_t chunk, int thread)
{
    const struct point_job *j = arg;
    const int64_t first = (int64_t)chunk * CHUNK;
    const int64_t n = j->n - first < CHUNK ? j->n - first : CHUNK;
    const struct gn_normalize_kernels *k = GN_ISA_PICK(gn_normalize);
    const double a = j->a, b = j->b;
    float *x = j->x + first;
    (void)thread;
    switch (j->op) {
    case POINT_CLIP:
        k->clip(x, n, a, b);
        break;
    case POINT_THRESHOLD:
        k->threshold(x, n, a, b);
        break;
    case POINT_DIVIDE: /* (x - a) / b, where it applies */
        if (j->where == GN_WHERE_ALL)
            k->divide(x, n, a, b);
        else if (j->where == GN_WHERE_NONZERO)
            k->divide_nonzero(x, n, a, b);
        else
            for (int64_t i = 0; i < n; i++)
                if (j->mask[(first + i) % j->voxels])
                    x[i] = (float)(((double)x[i] - a) / b);
        break;
    case POINT_LINEAR: /* (x - a) / b * c + d */
        k->linear(x, n, a, b, j->c, j->d);
        break;
    }
}

static void run_point(struct point_job *j)
{
    gn_pool_run((size_t)((j->n + CHUNK - 1) / CHUNK), point_chunk, j);
}

void gn_normalize_clip(float *x, int64_t n, double lo, double hi)
{
    struct point_job j = {.x = x, .n = n, .op = POINT_CLIP, .a = lo, .b = hi};
    run_point(&j);
}

void gn_normalize_threshold(float *x, int64_t n, double lo, double hi)
{
    struct point_job j = {.x = x, .n = n, .op = POINT_THRESHOLD, .a = lo, .b = hi};
    run_point(&j);
}

void gn_normalize_divide(float *x, int64_t n, double by)
{
    struct point_job j = {.x = x, .n = n, .op = POINT_DIVIDE, .a = 0, .b = by};
    run_point(&j);
}

void gn_normalize_channels(float *x, int64_t channels, int64_t voxels, const double *mean,
                           const double *std, int n_values)
{
    for (int64_t c = 0; c < channels; c++) {
        int64_t k = n_values > 1 ? c : 0;
        struct point_job j = {
            .x = x + c * voxels, .n = voxels, .op = POINT_DIVIDE, .a = mean[k], .b = std[k]};
        run_point(&j);
    }
}

int gn_normalize_zscore(float *x, int64_t n, enum gn_zscore kind, const uint8_t *mask,
                        int64_t voxels, struct gn_err *err)
{
    static const enum gn_where from[] = {GN_WHERE_ALL, GN_WHERE_NONZERO, GN_WHERE_NONZERO,
                                         GN_WHERE_POSITIVE, GN_WHERE_MASK};
    static const enum gn_where to[] = {GN_WHERE_ALL, GN_WHERE_ALL, GN_WHERE_NONZERO, GN_WHERE_ALL,
                                       GN_WHERE_MASK};
    struct gn_stats s;
    gn_stats_of(x, n, from[kind], mask, voxels, &s);
    if (s.n < 2)
        return gn_err_set(err, "a z-score needs at least 2 %s: the image has %s",
                          kind == GN_ZSCORE_FULL       ? "values"
                          : kind == GN_ZSCORE_MASK     ? "values in the mask"
                          : kind == GN_ZSCORE_POSITIVE ? "positive values"
                                                       : "non-zero values",
                          s.n ? "one" : "none");
    if (!isfinite(s.mean) || !isfinite(s.std))
        return gn_err_set(err, "values that are not finite");
    if (!(s.std > 0))
        return gn_err_set(err, "the standard deviation is 0: every value is %g", s.mean);
    struct point_job j = {.x = x,
                          .n = n,
                          .voxels = voxels,
                          .op = POINT_DIVIDE,
                          .a = s.mean,
                          .b = s.std,
                          .where = to[kind],
                          .mask = mask};
    run_point(&j);
    return 0;
}

/* ---- percentiles: two counting passes over the bits of the floats ---- */

/* Floats in the order of unsigned integers; -0 and 0 are the same value. */
static uint32_t float_key(float v)
{
    uint32_t u;
    v = v == 0 ? 0 : v;
    memcpy(&u, &v, sizeof u);
    return u & 0x80000000u ? ~u : u | 0x80000000u;
}

static float key_float(uint32_t key)
{
    uint32_t u = key & 0x80000000u ? key & 0x7fffffffu : ~key;
    float v;
    memcpy(&v, &u, sizeof v);
    return v;
}

enum { HALF = 1 << 16 };

/* Bucket that holds the element of this rank; rank becomes its rank in the bucket. */
static uint32_t find_bucket(const int64_t *count, int64_t *rank)
{
    uint32_t b = 0;
    while (b + 1 < HALF && *rank >= count[b])
        *rank -= count[b++];
    return b;
}

static float select_rank(const float *x, int64_t n, int64_t rank, const int64_t *high, int64_t *low)
{
    uint32_t top = find_bucket(high, &rank);
    memset(low, 0, HALF * sizeof *low);
    for (int64_t i = 0; i < n; i++) {
        uint32_t key = float_key(x[i]);
        if (key >> 16 == top)
            low[key & 0xffff]++;
    }
    return key_float(top << 16 | find_bucket(low, &rank));
}

void gn_percentiles(const float *x, int64_t n, const double *p, int count, double *q)
{
    int64_t *high = gn_alloc(HALF * sizeof *high), *low = gn_alloc(HALF * sizeof *low);
    for (int64_t i = 0; i < n; i++)
        high[float_key(x[i]) >> 16]++;
    for (int k = 0; k < count; k++) {
        double h = p[k] / 100 * (double)(n - 1), f = floor(h);
        double a = (double)select_rank(x, n, (int64_t)f, high, low), b = a;
        if (h > f)
            b = (double)select_rank(x, n, (int64_t)f + 1, high, low);
        q[k] = a + (h - f) * (b - a);
    }
    free(high);
    free(low);
}

float gn_value_of_rank(const float *x, int64_t n, int64_t rank)
{
    int64_t *high = gn_alloc(HALF * sizeof *high), *low = gn_alloc(HALF * sizeof *low);
    for (int64_t i = 0; i < n; i++)
        high[float_key(x[i]) >> 16]++;
    const float v = select_rank(x, n, rank, high, low);
    free(high);
    free(low);
    return v;
}

int gn_normalize_rescale(float *x, int64_t n, const struct gn_rescale *r, struct gn_err *err)
{
    struct gn_stats s;
    double q[2], m[2];
    gn_stats_of(x, n, GN_WHERE_ALL, NULL, n, &s);
    if (!isfinite(s.mean))
        return gn_err_set(err, "values that are not finite");
    q[0] = s.min;
    q[1] = s.max;
    bool clamp = r->percentiles[0] > 0 || r->percentiles[1] < 100;
    if (clamp)
        gn_percentiles(x, n, r->percentiles, 2, q);
    /* after the clamp the smallest value is q[0] as float32, which is what the image holds */
    m[0] = r->in_given ? r->in[0] : (double)(float)q[0];
    m[1] = r->in_given ? r->in[1] : (double)(float)q[1];
    if (!(m[1] > m[0]))
        return 1;
    if (clamp)
        gn_normalize_clip(x, n, q[0], q[1]);
    struct point_job j = {.x = x,
                          .n = n,
                          .op = POINT_LINEAR,
                          .a = m[0],
                          .b = m[1] - m[0],
                          .c = r->out[1] - r->out[0],
                          .d = r->out[0]};
    run_point(&j);
    return 0;
}

/* ---- alpha ---- */

static int check_components(const struct gn_tensor *in, int64_t n, struct gn_err *err)
{
    if (in->rank == 4 && in->shape[0] == n)
        return 0;
    return gn_err_set(err, "%lld components, not %lld", (long long)in->shape[0], (long long)n);
}

int gn_normalize_drop_alpha(const struct gn_tensor *in, struct gn_tensor *out, struct gn_err *err)
{
    const int64_t *s = in->shape;
    if (check_components(in, 4, err) < 0 ||
        gn_tensor_new4(out, GN_UINT8, 3, s[1], s[2], s[3], err) < 0)
        return -1;
    const int64_t n = gn_tensor_count(out);
    uint8_t *to = out->data;
    if (in->dtype == GN_UINT8)
        memcpy(to, in->data, (size_t)n);
    else
        for (int64_t i = 0; i < n; i++) {
            const double v = gn_tensor_get(in, i);
            to[i] = v >= 255 ? 255 : v > 0 ? (uint8_t)v : 0;
        }
    return 0;
}

int gn_normalize_add_alpha(const struct gn_tensor *in, struct gn_tensor *out, struct gn_err *err)
{
    const int64_t *s = in->shape;
    if (check_components(in, 3, err) < 0 ||
        gn_tensor_new4(out, in->dtype, 4, s[1], s[2], s[3], err) < 0)
        return -1;
    const int64_t n = gn_tensor_count(in);
    memcpy(out->data, in->data, (size_t)n * gn_dtype_size(in->dtype));
    for (int64_t i = n; i < n + n / 3; i++)
        gn_tensor_set(out, i, 255);
    return 0;
}
