/* point.c - norms, sums, activations, copies and linear upsampling as jobs for isa_point.c. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/conv.h"
#include "base/mem.h"
#include "base/pool.h"

enum { ITEM_VOXELS = 1024 };

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static struct gn_cpu_point_job job(enum gn_cpu_point op, const struct gn_cpu_tensor *shape)
{
    struct gn_cpu_point_job j = {
        .op = op, .n = shape->n, .blocks = gn_cpu_blocks(shape), .rows = shape->d * shape->h};
    assert(shape->cb == 16);
    j.rows_per_item = max64(1, min64(ITEM_VOXELS / shape->w, j.rows));
    j.chunks = (j.rows + j.rows_per_item - 1) / j.rows_per_item;
    return j;
}

static void run(struct gn_cpu_point_job *j)
{
    gn_pool_run((size_t)(j->n * j->chunks * j->blocks), gn_cpu_kernels()->point, j);
}

size_t gn_cpu_sums_scratch(const struct gn_cpu_tensor *x)
{
    struct gn_cpu_point_job j = job(GN_CPU_NORM_SUMS, x);
    return (size_t)(j.n * j.chunks * j.blocks) * 32 * sizeof(double);
}

static void run_sums(struct gn_cpu_point_job *j, int64_t c, double *sums, void *scratch)
{
    j->part = scratch;
    run(j);
    gn_cpu_reduce(&(struct gn_cpu_reduce){scratch, j->chunks, j->n, j->blocks, c, sums});
}

void gn_cpu_norm_sums(const struct gn_cpu_tensor *x, double *sums, void *scratch)
{
    struct gn_cpu_point_job j = job(GN_CPU_NORM_SUMS, x);
    j.a = x;
    run_sums(&j, x->c, sums, scratch);
}

void gn_cpu_conv_backward_bias(const struct gn_cpu_tensor *dy, float *db, void *scratch)
{
    double *sums = gn_alloc((size_t)(dy->n * dy->c) * 2 * sizeof *sums);
    gn_cpu_norm_sums(dy, sums, scratch);
    for (int64_t c = 0; c < dy->c; c++) {
        double s = 0;
        for (int64_t n = 0; n < dy->n; n++)
            s += sums[(n * dy->c + c) * 2];
        db[c] = (float)s;
    }
    free(sums);
}

/* The vectors of a normalisation, 7 of them, freed by the caller. What rounding a mean to float
 * loses comes back through the shifts. */
static float *norm_vectors(struct gn_cpu_point_job *j, const struct gn_cpu_norm *norm, int64_t C,
                           const double *t, int64_t t_groups, double count)
{
    int64_t size = j->n * j->blocks * 16;
    struct gn_err err = {0};
    float *v = gn_try_alloc((size_t)size * 7 * sizeof *v, &err);
    if (!v)
        abort();
    for (int64_t n = 0; n < j->n; n++)
        for (int64_t c = 0; c < C; c++) {
            const double *m = norm->m + ((norm->groups == 1 ? 0 : n) * C + c) * 2;
            float *p = v + n * j->blocks * 16 + c;
            double lost = m[0] - (double)(float)m[0], rstd = m[1],
                   gamma = norm->gamma ? norm->gamma[c] : 1;
            p[0] = (float)m[0];
            p[size] = (float)(gamma * rstd);
            p[2 * size] = (float)((norm->beta ? norm->beta[c] : 0) - lost * gamma * rstd);
            p[3 * size] = (float)rstd;
            p[4 * size] = (float)(-lost * rstd);
            if (t) {
                const double *s = t + ((t_groups == 1 ? 0 : n) * C + c) * 2;
                p[5 * size] = (float)(s[0] / count);
                p[6 * size] = (float)(s[1] / count);
            }
        }
    j->mean = v;
    j->scale = v + size;
    j->shift = v + 2 * size;
    j->rstd = v + 3 * size;
    j->xshift = v + 4 * size;
    j->c0 = v + 5 * size;
    j->c1 = v + 6 * size;
    j->slope = norm->slope;
    return v;
}

void gn_cpu_norm_apply(const struct gn_cpu_norm *norm, const struct gn_cpu_tensor *x,
                       const struct gn_cpu_tensor *y)
{
    struct gn_cpu_point_job j = job(GN_CPU_NORM_APPLY, x);
    float *v = norm_vectors(&j, norm, x->c, NULL, 1, 1);
    j.a = x;
    j.y = y;
    run(&j);
    free(v);
}

void gn_cpu_norm_backward_sums(const struct gn_cpu_norm *norm, const struct gn_cpu_tensor *x,
                               const struct gn_cpu_tensor *dy, double *sums, void *scratch)
{
    struct gn_cpu_point_job j = job(GN_CPU_NORM_BWD_SUMS, x);
    float *v = norm_vectors(&j, norm, x->c, NULL, 1, 1);
    j.a = x;
    j.b = dy;
    run_sums(&j, x->c, sums, scratch);
    free(v);
}

void gn_cpu_norm_backward(const struct gn_cpu_norm *norm, const struct gn_cpu_tensor *x,
                          const struct gn_cpu_tensor *dy, const double *t, int64_t t_groups,
                          double count, const struct gn_cpu_tensor *dx,
                          const struct gn_cpu_epilogue *ep)
{
    struct gn_cpu_point_job j = job(GN_CPU_NORM_BWD, x);
    float *v = norm_vectors(&j, norm, x->c, t, t_groups, count);
    j.a = x;
    j.b = dy;
    j.y = dx;
    if (ep)
        j.ep = *ep;
    run(&j);
    free(v);
}

void gn_cpu_scale(const struct gn_cpu_tensor *x, const float *s, const struct gn_cpu_tensor *y)
{
    struct gn_cpu_point_job j = job(GN_CPU_SCALE, x);
    j.a = x;
    j.y = y;
    j.scale = s;
    run(&j);
}

void gn_cpu_leaky(const struct gn_cpu_tensor *x, float slope, const struct gn_cpu_tensor *y)
{
    struct gn_cpu_point_job j = job(GN_CPU_LEAKY, x);
    j.a = x;
    j.y = y;
    j.slope = slope;
    run(&j);
}

void gn_cpu_leaky_backward(const struct gn_cpu_tensor *x, const struct gn_cpu_tensor *dy,
                           float slope, const struct gn_cpu_tensor *dx)
{
    struct gn_cpu_point_job j = job(GN_CPU_LEAKY_BWD, x);
    j.a = x;
    j.b = dy;
    j.y = dx;
    j.slope = slope;
    run(&j);
}

void gn_cpu_add(const struct gn_cpu_tensor *a, const struct gn_cpu_tensor *b,
                const struct gn_cpu_tensor *y)
{
    struct gn_cpu_point_job j = job(GN_CPU_ADD, y);
    j.a = a;
    j.b = b;
    j.y = y;
    run(&j);
}

/* --- copies --- */

struct copy {
    const struct gn_cpu_tensor *x, *y;
    int64_t from, count, to;
};

/* One item: one plane of one n. Whole blocks are copied as rows; else runs of channels that share a
 * block on both sides. */
static void copy_item(void *arg, size_t item, int thread)
{
    const struct copy *k = arg;
    (void)thread;
    int64_t n = (int64_t)item / k->x->d, d = (int64_t)item % k->x->d;
    for (int64_t c = 0, run_c; c < k->count; c += run_c) {
        int64_t a = k->from + c, b = k->to + c;
        run_c = min64(min64(16 - a % 16, 16 - b % 16), k->count - c);
        for (int64_t h = 0; h < k->x->h; h++) {
            const float *x = gn_cpu_at(k->x, n, a / 16, d, h, 0) + a % 16;
            float *y = gn_cpu_at(k->y, n, b / 16, d, h, 0) + b % 16;
            if (run_c == 16)
                memcpy(y, x, (size_t)k->x->w * 16 * sizeof *y);
            else
                for (int64_t w = 0; w < k->x->w; w++)
                    for (int64_t i = 0; i < run_c; i++)
                        y[w * 16 + i] = x[w * 16 + i];
        }
    }
}

void gn_cpu_copy_channels(const struct gn_cpu_tensor *x, int64_t from, int64_t count,
                          const struct gn_cpu_tensor *y, int64_t to)
{
    struct copy k = {x, y, from, count, to};
    gn_pool_run((size_t)(x->n * x->d), copy_item, &k);
}

void gn_cpu_copy_finish(const struct gn_cpu_tensor *y)
{
    gn_cpu_zero_halo(y);
    if (y->c % 16 == 0)
        return;
    for (int64_t n = 0; n < y->n; n++)
        for (int64_t d = 0; d < y->d; d++)
            for (int64_t h = 0; h < y->h; h++) {
                float *p = gn_cpu_at(y, n, gn_cpu_blocks(y) - 1, d, h, 0);
                for (int64_t w = 0; w < y->w; w++)
                    for (int64_t i = y->c % 16; i < 16; i++)
                        p[w * 16 + i] = 0;
            }
}

/* --- upsampling --- */

/* Place of output o among n inputs when the corners are aligned: between *i and the next, *part of
 * the way. */
static void aligned(int64_t o, int64_t n, int64_t n_out, int64_t *i, double *part)
{
    double place = n_out > 1 ? (double)o * (double)(n - 1) / (double)(n_out - 1) : 0;
    *i = min64((int64_t)floor(place), n - 1);
    *part = *i == n - 1 ? 0 : place - (double)*i;
}

static struct gn_cpu_linear linear_axis(int64_t n, int64_t n_out, bool transposed)
{
    int64_t rows = transposed ? n : n_out, at = 0;
    struct gn_cpu_linear a = {gn_alloc(sizeof *a.start * (size_t)(rows + 1)),
                              gn_alloc(sizeof *a.i * 2 * (size_t)n_out),
                              gn_alloc(sizeof *a.w * 2 * (size_t)n_out)};
    int64_t o0 = 0;
    for (int64_t r = 0; r < rows; r++) {
        int64_t i;
        double part;
        if (!transposed) {
            aligned(r, n, n_out, &i, &part);
            a.i[at] = (int32_t)i;
            a.w[at++] = (float)(1 - part);
            if (part > 0) {
                a.i[at] = (int32_t)(i + 1);
                a.w[at++] = (float)part;
            }
        } else {
            for (int64_t o = o0; o < n_out; o++) { /* outputs between r - 1 and r + 1 */
                aligned(o, n, n_out, &i, &part);
                if (i < r - 1)
                    o0 = o + 1;
                else if (i > r)
                    break;
                else if (i == r || part > 0) {
                    a.i[at] = (int32_t)o;
                    a.w[at++] = (float)(i == r ? 1 - part : part);
                }
            }
        }
        a.start[r + 1] = (int32_t)at;
    }
    return a;
}

static void linear(const struct gn_cpu_tensor *in, const struct gn_cpu_tensor *out, bool transposed)
{
    struct gn_cpu_point_job j = job(GN_CPU_LINEAR, out);
    const struct gn_cpu_tensor *small = transposed ? out : in, *large = transposed ? in : out;
    j.axis[0] = linear_axis(small->d, large->d, transposed);
    j.axis[1] = linear_axis(small->h, large->h, transposed);
    j.axis[2] = linear_axis(small->w, large->w, transposed);
    j.a = in;
    j.y = out;
    run(&j);
    for (int a = 0; a < 3; a++) {
        free(j.axis[a].start);
        free(j.axis[a].i);
        free(j.axis[a].w);
    }
}

void gn_cpu_upsample(const struct gn_cpu_tensor *x, const struct gn_cpu_tensor *y)
{
    linear(x, y, false);
}

void gn_cpu_upsample_backward(const struct gn_cpu_tensor *dy, const struct gn_cpu_tensor *dx)
{
    linear(dy, dx, true);
}
