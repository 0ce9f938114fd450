/* histogram.c - see histogram.h */
#include "image/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/isa.h"
#include "base/mem.h"
#include "base/pool.h"
#include "image/normalize.h"

enum { CHUNK = 1 << 16 };

/* ---- landmarks ---- */

/* Bins of equal width over lo..hi. Their edges are float32, as in the reference: where a value
 * that is an edge falls depends on it. */
struct bins {
    float *edge; /* lower edges, then hi */
    double lo, scale;
    int levels;
};

struct count_job {
    const float *x; /* NULL: a ramp from -1 to 1 */
    int64_t n;
    const struct bins *bins;
    int64_t *count; /* levels for each thread */
};

/* The values from the threshold up; lower ones are not counted. Counts are whole numbers, so who
 * counts what does not matter. */
static void count_chunk(void *arg, size_t chunk, int thread)
{
    const struct count_job *j = arg;
    const struct bins *b = j->bins;
    const int64_t first = (int64_t)chunk * CHUNK;
    const int64_t n = j->n - first < CHUNK ? j->n - first : CHUNK;
    const double step = j->n > 1 ? 2.0 / (double)(j->n - 1) : 0;
    const float lowest = b->edge[0];
    const int last = b->levels - 1;
    int64_t *count = j->count + (int64_t)thread * b->levels;
    for (int64_t i = 0; i < n; i++) {
        float v = j->x ? j->x[first + i] : (float)((double)(first + i) * step - 1);
        if (v < lowest)
            continue;
        double guess = ((double)v - b->lo) * b->scale;
        int k = guess < last ? (int)guess : last;
        while (k > 0 && v < b->edge[k])
            k--;
        while (k < last && v >= b->edge[k + 1])
            k++;
        count[k]++;
    }
}

/* The value below which lies the share p of what was counted, by straight lines within a bin. The
 * first bin counts as if it began at the image's smallest value. */
static double quantile(const struct bins *b, const int64_t *count, double total, double min,
                       double p)
{
    int64_t sum = 0;
    double share, before;
    int k;
    if (p < 0.5) {
        k = -1;
        share = 0;
        do {
            sum += count[++k];
            before = share;
            share = (double)sum / total;
        } while (k + 1 < b->levels && share < p);
    } else {
        k = b->levels;
        share = 1;
        do {
            sum += count[--k];
            before = share;
            share = 1 - (double)sum / total;
        } while (k > 0 && share > p);
    }
    const double lo = k ? (double)b->edge[k] : min, hi = (double)b->edge[k + 1];
    const double part = (double)count[k] / total;
    return p < 0.5 ? lo + (p - before) / part * (hi - lo) : hi - (before - p) / part * (hi - lo);
}

static void find_landmarks(const float *x, int64_t n, double min, float threshold, float max,
                           int levels, int points, struct gn_landmarks *m)
{
    struct bins b = { .lo = (double)threshold, .levels = levels };
    const int threads = gn_pool_threads();
    const float width = (max - threshold) / (float)levels;
    struct count_job j = { .x = x, .n = n, .bins = &b };
    int64_t total = 0;
    b.edge = gn_alloc(((size_t)levels + 1) * sizeof *b.edge);
    for (int k = 0; k < levels; k++)
        b.edge[k] = threshold + (float)k * width;
    b.edge[levels] = max;
    b.scale = max > threshold ? levels / ((double)max - (double)threshold) : 0;
    j.count = gn_alloc((size_t)threads * (size_t)levels * sizeof *j.count);
    gn_pool_run((size_t)((n + CHUNK - 1) / CHUNK), count_chunk, &j);
    for (int k = 0; k < levels; k++) {
        for (int t = 1; t < threads; t++)
            j.count[k] += j.count[(int64_t)t * levels + k];
        total += j.count[k];
    }
    free(m->q);
    m->q = gn_alloc(((size_t)points + 2) * sizeof *m->q);
    m->points = points;
    m->min = min;
    m->q[0] = (double)threshold;
    m->q[points + 1] = (double)max;
    const double step = 1.0 / (points + 1.0);
    for (int k = 1; k <= points; k++)
        m->q[k] = quantile(&b, j.count, (double)total, min, k * step);
    free(j.count);
    free(b.edge);
}

int gn_landmarks_of(const float *x, int64_t n, int levels, int points, struct gn_landmarks *m,
                    struct gn_err *err)
{
    struct gn_stats s;
    gn_stats_of(x, n, GN_WHERE_ALL, NULL, n, &s);
    if (!isfinite(s.mean) || !isfinite(s.min) || !isfinite(s.max))
        return gn_err_set(err, "values that are not finite");
    if (!(s.max > s.min))
        return 1;
    if (!isfinite((float)s.max - (float)s.min))
        return gn_err_set(err, "the values span more than a float32 holds");
    find_landmarks(x, n, s.min, (float)s.mean, (float)s.max, levels, points, m);
    return 0;
}

void gn_landmarks_of_ramp(int64_t n, int levels, int points, struct gn_landmarks *m)
{
    find_landmarks(NULL, n, -1, 0, 1, levels, points, m);
}

void gn_landmarks_free(struct gn_landmarks *m)
{
    free(m->q);
    *m = (struct gn_landmarks){ 0 };
}

/* ---- matching ---- */

/* y = y0 + (v - x0) slope for v in top[k - 1]..top[k], top taken as ascending: the piece of v is
 * the first whose top is above it. start: by how many pieces to begin the search in each of CELLS
 * equal parts of the values. */
enum { CELLS = 4096 };
struct map {
    double *top, *x0, *y0, *slope;
    int pieces;
    double lo, scale;
    int start[CELLS];
};

struct map_job {
    float *x;
    int64_t n;
    const struct map *map;
};

static void map_chunk(void *arg, size_t chunk, int thread)
{
    const struct map_job *j = arg;
    const struct map *m = j->map;
    const int64_t first = (int64_t)chunk * CHUNK;
    const int64_t n = j->n - first < CHUNK ? j->n - first : CHUNK;
    float *x = j->x + first;
    (void)thread;
    for (int64_t i = 0; i < n; i++) {
        const double v = (double)x[i], cell = (v - m->lo) * m->scale;
        int k = m->start[cell < CELLS ? (int)cell : CELLS - 1];
        while (v >= m->top[k])
            k++;
        x[i] = (float)(m->y0[k] + (v - m->x0[k]) * m->slope[k]);
    }
}

static void build_map(struct map *m, const struct gn_landmarks *from, const struct gn_landmarks *to)
{
    const int n = from->points + 2;
    double highest = -INFINITY;
    m->pieces = n + 1;
    m->top = gn_alloc(4 * (size_t)m->pieces * sizeof *m->top);
    m->x0 = m->top + m->pieces;
    m->y0 = m->x0 + m->pieces;
    m->slope = m->y0 + m->pieces;
    for (int k = 0; k <= n; k++) {
        /* from the smallest value to the mean, between landmarks, and the largest value itself */
        const double x0 = k ? from->q[k - 1] : from->min, y0 = k ? to->q[k - 1] : to->min;
        const double x1 = k < n ? from->q[k] : x0, y1 = k < n ? to->q[k] : y0;
        m->x0[k] = x0;
        m->y0[k] = y0;
        m->slope[k] = x1 - x0 != 0 ? (y1 - y0) / (x1 - x0) : 0;
        highest = k < n && from->q[k] > highest ? from->q[k] : highest;
        m->top[k] = k < n ? highest : INFINITY;
    }
    m->lo = from->min;
    m->scale = CELLS / (from->q[n - 1] - from->min);
    for (int c = 0, k = 0; c < CELLS; c++) {
        /* one cell lower, so that rounding cannot begin too far up */
        while (c > 0 && m->top[k] <= m->lo + (c - 1) / m->scale)
            k++;
        m->start[c] = k;
    }
}

int gn_histogram_match(float *x, int64_t n, const struct gn_landmarks *target, int levels,
                       int points, struct gn_err *err)
{
    struct gn_landmarks own = { 0 }, ramp = { 0 };
    int rc = gn_landmarks_of(x, n, levels, target ? target->points : points, &own, err);
    if (rc)
        return rc;
    if (!target) {
        gn_landmarks_of_ramp(n, levels, points, &ramp);
        target = &ramp;
    }
    struct map *m = gn_alloc(sizeof *m);
    struct map_job j = { .x = x, .n = n, .map = m };
    build_map(m, &own, target);
    gn_pool_run((size_t)((n + CHUNK - 1) / CHUNK), map_chunk, &j);
    free(m->top);
    free(m);
    gn_landmarks_free(&own);
    gn_landmarks_free(&ramp);
    return 0;
}

/* ---- adaptive ---- */

/* With values v between -0.5 and 0.5 (rounded to float32 as in the reference, where differences of
 * close values depend on it; multiples of 2^-54, as doubles below 0.5 are):
 * mean(g) = 2^-0.7 / n sum sgn(d) |d|^0.3 + 0.3 (u - sum d / n). */
struct adapt_job {
    float *x, *copy; /* copy: those values, rows with NaN at both ends */
    int64_t nx, ny, nz, line;
    int radius;
    double min, range;
    float *sums; /* two rows a thread */
};

static float level(float v, double min, double range)
{
    return (float)(((double)v - min) / range - 0.5);
}

static void spread_row(void *arg, size_t r, int thread)
{
    const struct adapt_job *j = arg;
    const float *x = j->x + (int64_t)r * j->nx;
    float *row = j->copy + (int64_t)r * j->line;
    (void)thread;
    for (int64_t i = 0; i < j->line; i++)
        row[i] = NAN;
    for (int64_t i = 0; i < j->nx; i++)
        row[i + j->radius] = level(x[i], j->min, j->range);
}

static int64_t cut(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static void adapt_row(void *arg, size_t r, int thread)
{
    const struct adapt_job *j = arg;
    const int64_t y = (int64_t)r % j->ny, z = (int64_t)r / j->ny, run = j->line - 2 * j->radius;
    const int64_t y0 = cut(y - j->radius, 0, y), y1 = cut(y + j->radius, y, j->ny - 1);
    const int64_t z0 = cut(z - j->radius, 0, z), z1 = cut(z + j->radius, z, j->nz - 1);
    const double rows = (double)((y1 - y0 + 1) * (z1 - z0 + 1));
    float *power = j->sums + 2 * run * thread, *difference = power + run;
    float *x = j->x + (int64_t)r * j->nx;
    const float *centre = j->copy + (int64_t)r * j->line + j->radius;
    GN_ISA_PICK(gn_histogram)->window(power, difference, centre,
                                      j->copy + (z0 * j->ny + y0) * j->line, j->line,
                                      j->ny * j->line, j->radius, y1 - y0 + 1, z1 - z0 + 1, j->nx);
    for (int64_t i = 0; i < j->nx; i++) {
        const double n =
            rows * (double)(cut(i + j->radius, i, j->nx - 1) - cut(i - j->radius, 0, i) + 1);
        const double mean = 0x1.3b2c47bff8329p-1 / n * (double)power[i] +
                            0.3 * ((double)centre[i] - (double)difference[i] / n);
        x[i] = (float)(j->range * (mean + 0.5) + j->min);
    }
}

/* 1: one value only. */
static int range_of(const float *x, const int64_t size[3], double *min, double *range,
                    struct gn_err *err)
{
    struct gn_stats s;
    const int64_t n = size[0] * size[1] * size[2];
    gn_stats_of(x, n, GN_WHERE_ALL, NULL, n, &s);
    if (!isfinite(s.mean) || !isfinite(s.min) || !isfinite(s.max))
        return gn_err_set(err, "values that are not finite");
    *min = s.min;
    *range = s.max - s.min;
    return *range > 0 ? 0 : 1;
}

int gn_histogram_adapt(float *x, const int64_t size[3], int radius, struct gn_err *err)
{
    struct adapt_job j = {
        .x = x, .nx = size[0], .ny = size[1], .nz = size[2], .radius = radius };
    int rc = range_of(x, size, &j.min, &j.range, err);
    if (rc)
        return rc;
    const int64_t run = (j.nx + GN_HISTOGRAM_RUN - 1) / GN_HISTOGRAM_RUN * GN_HISTOGRAM_RUN;
    const size_t rows = (size_t)(j.ny * j.nz);
    j.line = run + 2 * radius;
    j.copy = gn_try_alloc(rows * (size_t)j.line * sizeof *j.copy, err);
    j.sums = gn_try_alloc((size_t)gn_pool_threads() * 2 * (size_t)run * sizeof *j.sums, err);
    if (j.copy && j.sums) {
        gn_pool_run(rows, spread_row, &j);
        gn_pool_run(rows, adapt_row, &j);
    }
    rc = j.copy && j.sums ? 0 : -1;
    free(j.copy);
    free(j.sums);
    return rc;
}

int gn_histogram_adapt_plain(float *x, const int64_t size[3], int radius, struct gn_err *err)
{
    double min, range;
    int rc = range_of(x, size, &min, &range, err);
    const int64_t nx = size[0], ny = size[1], nz = size[2];
    float *in = rc ? NULL : gn_try_alloc((size_t)(nx * ny * nz) * sizeof *in, err);
    if (!in)
        return rc ? rc : -1;
    for (int64_t r = 0; r < nx * ny * nz; r++)
        in[r] = level(x[r], min, range);
    for (int64_t r = 0; r < nx * ny * nz; r++) {
        const int64_t i = r % nx, y = r / nx % ny, z = r / nx / ny;
        const double u = (double)in[r];
        double sum = 0, n = 0;
        for (int64_t c = cut(z - radius, 0, z); c <= cut(z + radius, z, nz - 1); c++)
            for (int64_t b = cut(y - radius, 0, y); b <= cut(y + radius, y, ny - 1); b++)
                for (int64_t a = cut(i - radius, 0, i); a <= cut(i + radius, i, nx - 1); a++) {
                    const double d = 2 * (double)(in[r] - in[(c * ny + b) * nx + a]);
                    const double power = d > 0 ? pow(d, 0.3) : d < 0 ? -pow(-d, 0.3) : 0;
                    sum += 0.5 * power - 0.3 * 0.5 * d + 0.3 * u;
                    n++;
                }
        x[r] = (float)(range * (sum / n + 0.5) + min);
    }
    free(in);
    return 0;
}
