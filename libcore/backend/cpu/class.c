/* class.c - softmax, sigmoid and the losses on class maps: few channels, so rows are turned to one
 * array a class and back.
 *
 * Plain loops: the sums run in a fixed order in double, the elementary functions come from
 * base/vmath.h, so all instruction sets give the same bits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/vmath.h"

enum { ITEM_VOXELS = 1024 };

struct job {
    const struct gn_cpu_tensor *x, *g, *y; /* inputs, result */
    const uint64_t *label;
    const double *k, *weights;
    double *part; /* [chunks][n][values] */
    float alpha;
    int bce;
    int64_t rows_per_item, chunks;
    void (*row)(const struct job *j, int64_t n, int64_t d, int64_t h, float *buffer, double *part);
    int buffers, values; /* arrays of C rows a row function wants; partial sums of an n */
};

static float *at_row(const struct gn_cpu_tensor *t, int64_t n, int64_t c, int64_t d, int64_t h)
{
    return gn_cpu_at(t, n, c / 16, d, h, 0) + c % 16;
}

/* A row of voxels to out[c][w], and back with zeros in the padding channels and the halo. */
static void load_row(const struct gn_cpu_tensor *t, int64_t n, int64_t d, int64_t h, float *out)
{
    for (int64_t c = 0; c < t->c; c++) {
        const float *p = at_row(t, n, c, d, h);
        for (int64_t w = 0; w < t->w; w++)
            out[c * t->w + w] = p[w * 16];
    }
}

static void store_row(const struct gn_cpu_tensor *t, int64_t n, int64_t d, int64_t h,
                      const float *in)
{
    int64_t padded = gn_cpu_blocks(t) * 16;
    for (int64_t c = 0; c < padded; c++) {
        float *p = at_row(t, n, c, d, h);
        for (int64_t w = 0; w < t->w; w++)
            p[w * 16] = c < t->c ? in[c * t->w + w] : 0;
    }
}

static void item(void *arg, size_t i, int thread)
{
    const struct job *j = arg;
    (void)thread;
    const struct gn_cpu_tensor *x = j->x;
    int64_t n = (int64_t)i / j->chunks, chunk = (int64_t)i % j->chunks, rows = x->d * x->h;
    int64_t end = (chunk + 1) * j->rows_per_item < rows ? (chunk + 1) * j->rows_per_item : rows;
    float *buffer = gn_alloc((size_t)(j->buffers * x->c * x->w) * sizeof *buffer);
    double *part = j->part ? j->part + (chunk * x->n + n) * j->values : NULL;
    if (part)
        memset(part, 0, (size_t)j->values * sizeof *part);
    for (int64_t r = chunk * j->rows_per_item; r < end; r++)
        j->row(j, n, r / x->h, r % x->h, buffer, part);
    free(buffer);
}

static void run(struct job *j)
{
    int64_t rows = j->x->d * j->x->h, per = ITEM_VOXELS / j->x->w;
    j->rows_per_item = per < 1 ? 1 : per < rows ? per : rows;
    j->chunks = (rows + j->rows_per_item - 1) / j->rows_per_item;
    if (j->y)
        gn_cpu_zero_halo(j->y);
    gn_pool_run((size_t)(j->x->n * j->chunks), item, j);
}

static void reduce(const struct job *j, double *sums)
{
    for (int64_t i = 0; i < j->x->n * j->values; i++) {
        double s = 0;
        for (int64_t c = 0; c < j->chunks; c++)
            s += j->part[c * j->x->n * j->values + i];
        sums[i] = s;
    }
}

size_t gn_cpu_loss_scratch(const struct gn_cpu_tensor *p)
{
    return (size_t)(p->n * p->d * p->h * (p->c * 4)) * sizeof(double);
}

/* v[c][w] becomes its softmax over c; top[w] its largest value before, sum[w] the sum of
 * exponentials. */
static void softmax(float *v, int64_t C, int64_t W, float *top, float *sum)
{
    memcpy(top, v, (size_t)W * sizeof *top);
    for (int64_t c = 1; c < C; c++)
        for (int64_t w = 0; w < W; w++)
            top[w] = v[c * W + w] > top[w] ? v[c * W + w] : top[w];
    for (int64_t c = 0; c < C; c++)
        for (int64_t w = 0; w < W; w++)
            v[c * W + w] -= top[w];
    gn_vexpf(v, v, (size_t)(C * W));
    for (int64_t w = 0; w < W; w++)
        sum[w] = 0;
    for (int64_t c = 0; c < C; c++)
        for (int64_t w = 0; w < W; w++)
            sum[w] += v[c * W + w];
    for (int64_t c = 0; c < C; c++)
        for (int64_t w = 0; w < W; w++)
            v[c * W + w] /= sum[w];
}

static void softmax_row(const struct job *j, int64_t n, int64_t d, int64_t h, float *b,
                        double *part)
{
    int64_t C = j->x->c, W = j->x->w;
    (void)part;
    load_row(j->x, n, d, h, b);
    softmax(b, C, W, b + C * W, b + 2 * C * W);
    store_row(j->y, n, d, h, b);
}

void gn_cpu_softmax(const struct gn_cpu_tensor *x, const struct gn_cpu_tensor *y)
{
    run(&(struct job){.x = x, .y = y, .row = softmax_row, .buffers = 3});
}

static void softmax_backward_row(const struct job *j, int64_t n, int64_t d, int64_t h, float *b,
                                 double *part)
{
    int64_t C = j->x->c, W = j->x->w;
    float *g = b + C * W;
    (void)part;
    load_row(j->x, n, d, h, b);
    load_row(j->g, n, d, h, g);
    for (int64_t w = 0; w < W; w++) {
        double dot = 0; /* close to every dy where the classes' gradients are alike: their
                           difference needs the digits */
        for (int64_t c = 0; c < C; c++)
            dot += (double)b[c * W + w] * (double)g[c * W + w];
        for (int64_t c = 0; c < C; c++)
            b[c * W + w] = (float)((double)b[c * W + w] * ((double)g[c * W + w] - dot));
    }
    store_row(j->y, n, d, h, b);
}

void gn_cpu_softmax_backward(const struct gn_cpu_tensor *y, const struct gn_cpu_tensor *dy,
                             const struct gn_cpu_tensor *dx)
{
    run(&(struct job){.x = y, .g = dy, .y = dx, .row = softmax_backward_row, .buffers = 2});
}

/* 1 / (1 + exp(-a)), from the exponential of -|a| so that nothing overflows; t: room */
static void sigmoid(float *v, int64_t n, float *t)
{
    for (int64_t i = 0; i < n; i++)
        t[i] = -fabsf(v[i]);
    gn_vexpf(t, t, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        v[i] = v[i] < 0 ? t[i] / (1 + t[i]) : 1 / (1 + t[i]);
}

static void sigmoid_row(const struct job *j, int64_t n, int64_t d, int64_t h, float *b,
                        double *part)
{
    int64_t size = j->x->c * j->x->w;
    (void)part;
    load_row(j->x, n, d, h, b);
    for (int64_t i = 0; i < size; i++)
        b[i] *= j->alpha;
    sigmoid(b, size, b + size);
    store_row(j->y, n, d, h, b);
}

void gn_cpu_sigmoid(const struct gn_cpu_tensor *x, float alpha, const struct gn_cpu_tensor *y)
{
    run(&(struct job){.x = x, .y = y, .alpha = alpha, .row = sigmoid_row, .buffers = 2});
}

static void sigmoid_backward_row(const struct job *j, int64_t n, int64_t d, int64_t h, float *b,
                                 double *part)
{
    int64_t size = j->x->c * j->x->w;
    float *g = b + size;
    (void)part;
    load_row(j->x, n, d, h, b);
    load_row(j->g, n, d, h, g);
    for (int64_t i = 0; i < size; i++)
        g[i] *= j->alpha * b[i] * (1 - b[i]);
    store_row(j->y, n, d, h, g);
}

void gn_cpu_sigmoid_backward(const struct gn_cpu_tensor *y, const struct gn_cpu_tensor *dy,
                             float alpha, const struct gn_cpu_tensor *dx)
{
    run(&(struct job){
        .x = y, .g = dy, .y = dx, .alpha = alpha, .row = sigmoid_backward_row, .buffers = 2});
}

/* --- sums of products with the labels, and cross-entropy a class --- */

static const uint64_t *label_row(const struct job *j, int64_t n, int64_t d, int64_t h)
{
    return j->label + ((n * j->x->d + d) * j->x->h + h) * j->x->w;
}

static void loss_sums_row(const struct job *j, int64_t n, int64_t d, int64_t h, float *b,
                          double *part)
{
    int64_t C = j->x->c, W = j->x->w;
    float *u = b + C * W, *v = u + C * W;
    const uint64_t *label = label_row(j, n, d, h);
    load_row(j->x, n, d, h, b);
    if (j->bce == 1) { /* u = ln p, v = ln(1 - p) */
        for (int64_t i = 0; i < C * W; i++)
            v[i] = 1 - b[i];
        gn_vlogf(u, b, (size_t)(C * W));
        gn_vlogf(v, v, (size_t)(C * W));
    } else if (j->bce == 2) { /* u = ln(1 + exp(-|z|)) */
        for (int64_t i = 0; i < C * W; i++)
            v[i] = -fabsf(b[i]);
        gn_vexpf(v, v, (size_t)(C * W));
        for (int64_t i = 0; i < C * W; i++)
            u[i] = 1 + v[i];
        gn_vlogf(u, u, (size_t)(C * W));
        for (int64_t i = 0; i < C * W;
             i++) /* the rounding of 1 + v is put back: ln(1 + v) = ln(u) + (v - (u - 1)) / u */
            u[i] += (v[i] - ((1 + v[i]) - 1)) / (1 + v[i]);
    }
    for (int64_t c = 0; c < C; c++) {
        double pt = 0, p = 0, t = 0, e = 0;
        for (int64_t w = 0; w < W; w++) {
            double x = b[c * W + w];
            bool is = label[w] >> c & 1;
            p += x;
            pt += is ? x : 0;
            t += is;
            if (j->bce == 1) {
                double l = is ? u[c * W + w] : v[c * W + w];
                e -= l > -100 ? l : l <= -100 ? -100 : l; /* a NaN stays one */
            } else if (j->bce == 2)
                e += (x > 0 ? x : x <= 0 ? 0 : x) - (is ? x : 0) + u[c * W + w];
        }
        part[c * 4] += pt;
        part[c * 4 + 1] += p;
        part[c * 4 + 2] += t;
        part[c * 4 + 3] += e;
    }
}

void gn_cpu_loss_sums(const struct gn_cpu_tensor *p, const uint64_t *label, int bce, double *sums,
                      void *scratch)
{
    struct job j = {.x = p,
                    .label = label,
                    .bce = bce,
                    .part = scratch,
                    .row = loss_sums_row,
                    .buffers = 3,
                    .values = (int)p->c * 4};
    run(&j);
    reduce(&j, sums);
}

static void loss_backward_row(const struct job *j, int64_t n, int64_t d, int64_t h, float *b,
                              double *part)
{
    int64_t C = j->x->c, W = j->x->w;
    float *s = b + C * W;
    const uint64_t *label = label_row(j, n, d, h);
    (void)part;
    load_row(j->x, n, d, h, b);
    if (j->bce == 2) {
        memcpy(s, b, (size_t)(C * W) * sizeof *s);
        sigmoid(s, C * W, s + C * W);
    }
    for (int64_t c = 0; c < C; c++) {
        const double *k = j->k + c * 3;
        for (int64_t w = 0; w < W; w++) {
            double p = b[c * W + w], t = label[w] >> c & 1, g = k[0] + k[1] * t;
            if (j->bce == 1) {
                double q = p * (1 - p);
                g += k[2] * ((p - t) / (q > 1e-12 ? q : 1e-12));
            } else if (j->bce == 2)
                g += k[2] * (s[c * W + w] - t);
            b[c * W + w] = (float)g;
        }
    }
    store_row(j->y, n, d, h, b);
}

void gn_cpu_loss_backward(const struct gn_cpu_tensor *p, const uint64_t *label, int bce,
                          const double *k, const struct gn_cpu_tensor *dp)
{
    run(&(struct job){.x = p,
                      .y = dp,
                      .label = label,
                      .bce = bce,
                      .k = k,
                      .row = loss_backward_row,
                      .buffers = 3});
}

/* --- softmax cross-entropy of raw scores --- */

static void cel_sums_row(const struct job *j, int64_t n, int64_t d, int64_t h, float *b,
                         double *part)
{
    int64_t C = j->x->c, W = j->x->w;
    float *z = b + C * W, *top = z + C * W, *sum = top + W;
    const uint64_t *label = label_row(j, n, d, h);
    load_row(j->x, n, d, h, b);
    memcpy(z, b, (size_t)(C * W) * sizeof *z);
    softmax(b, C, W, top, sum);
    gn_vlogf(sum, sum, (size_t)W);
    for (int64_t w = 0; w < W; w++) {
        int k = label[w] ? __builtin_ctzll(label[w]) : 64;
        if (k >= C)
            continue;
        double weight = j->weights ? j->weights[k] : 1;
        part[0] += weight * ((double)sum[w] + ((double)top[w] - z[k * W + w]));
        part[1] += weight;
    }
}

void gn_cpu_cel_sums(const struct gn_cpu_tensor *z, const uint64_t *label, const double *weights,
                     double *sums, void *scratch)
{
    struct job j = {.x = z,
                    .label = label,
                    .weights = weights,
                    .part = scratch,
                    .row = cel_sums_row,
                    .buffers = 4,
                    .values = 2};
    run(&j);
    reduce(&j, sums);
}

static void cel_backward_row(const struct job *j, int64_t n, int64_t d, int64_t h, float *b,
                             double *part)
{
    int64_t C = j->x->c, W = j->x->w;
    const uint64_t *label = label_row(j, n, d, h);
    (void)part;
    load_row(j->x, n, d, h, b);
    softmax(b, C, W, b + C * W, b + 2 * C * W);
    for (int64_t w = 0; w < W; w++) {
        int k = label[w] ? __builtin_ctzll(label[w]) : 64;
        double weight = k >= C ? 0 : j->k[0] * (j->weights ? j->weights[k] : 1);
        for (int64_t c = 0; c < C; c++)
            b[c * W + w] = k >= C ? 0 : (float)(weight * ((double)b[c * W + w] - (c == k)));
    }
    store_row(j->y, n, d, h, b);
}

void gn_cpu_cel_backward(const struct gn_cpu_tensor *z, const uint64_t *label,
                         const double *weights, double k, const struct gn_cpu_tensor *dz)
{
    run(&(struct job){.x = z,
                      .y = dz,
                      .label = label,
                      .weights = weights,
                      .k = &k,
                      .row = cel_backward_row,
                      .buffers = 3});
}
