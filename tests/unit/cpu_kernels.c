/* cpu_kernels.c - every kernel of the cpu backend against its plain twin, on awkward shapes, on
 * every instruction set here, and the same bits with 1, 2 and 3 threads. */
#include <stdlib.h>

#include "backend/cpu/cpu.h"
#include "base/isa.h"
#include "backend/cpu/plain.h"
#include "base/mem.h"
#include "base/pool.h"
#include "check.h"

static uint32_t seed = 1;

static float uniform(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / (1 << 23) - 1;
}

/* 64-byte aligned, filled with noise, so that a value nobody writes is seen. */
static float *floats(int64_t n)
{
    struct gn_err err = {0};
    float *p = gn_try_alloc((size_t)n * sizeof *p, &err);
    if (!p)
        abort();
    for (int64_t i = 0; i < n; i++)
        p[i] = uniform();
    return p;
}

static int64_t count(struct gn_plain_shape s) { return s.n * s.c * s.d * s.h * s.w; }

static struct gn_cpu_tensor tensor(struct gn_plain_shape s, const int halo[3], int cb,
                                   const float *dense)
{
    struct gn_cpu_tensor t = {NULL, s.n, s.c, s.d, s.h, s.w, halo[0], halo[1], halo[2], cb, 0};
    t.p = floats((int64_t)(gn_cpu_bytes(&t) / sizeof(float)));
    if (dense)
        gn_cpu_import(&t, dense);
    return t;
}

/* max|a - b| / max|b| */
static double distance(const float *a, const float *b, int64_t n)
{
    double d = 0, m = 0;
    for (int64_t i = 0; i < n; i++) {
        d = fmax(d, fabs((double)a[i] - b[i]));
        m = fmax(m, fabs((double)b[i]));
        if (a[i] != a[i])
            return INFINITY;
    }
    return m > 0 ? d / m : d;
}

/* Halo and padding channels are zero. */
static bool clean(const struct gn_cpu_tensor *t)
{
    float *dense = floats(t->n * t->c * t->d * t->h * t->w);
    struct gn_cpu_tensor copy = *t;
    copy.p = floats((int64_t)(gn_cpu_bytes(t) / sizeof(float)));
    gn_cpu_export(t, dense);
    gn_cpu_import(&copy, dense);
    bool same = true;
    for (size_t i = 0; i < gn_cpu_bytes(t) / sizeof(float); i++)
        same = same && t->p[i] == copy.p[i];
    free(dense);
    free(copy.p);
    return same;
}

static uint64_t hash(uint64_t h, const void *p, size_t n)
{
    const unsigned char *b = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * 1099511628211u;
    return h;
}

/* --- convolution --- */

struct conv_case {
    const char *name;
    struct gn_plain_shape x;
    int64_t cout;
    struct gn_cpu_conv cv;
    int plain_input, extra_halo;
};

static const struct conv_case conv_cases[] = {
    {"3x3x3, 16 > 16", {1, 16, 5, 7, 9}, 16, {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}, 0, 0},
    {"3x3x3, 20 > 35, batch 2, wider halo",
     {2, 20, 4, 3, 13},
     35,
     {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
     0,
     1},
    {"3x3x3, 33 > 4, one voxel wide",
     {1, 33, 6, 5, 1},
     4,
     {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
     0,
     0},
    {"3x3x3 on one voxel",
     {2, 16, 1, 1, 1},
     17,
     {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
     0,
     0},
    {"3x3x3 on 2 x 2 x 2",
     {1, 64, 2, 2, 2},
     48,
     {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
     0,
     0},
    {"1x3x3 (2-D), 16 > 32",
     {2, 16, 1, 11, 29},
     32,
     {{1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
     0,
     0},
    {"1x3x3 (2-D), a long row",
     {1, 16, 1, 3, 700},
     16,
     {{1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
     0,
     0},
    {"3x3x3 stride 2, even sizes",
     {1, 16, 6, 8, 10},
     32,
     {{3, 3, 3}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}},
     0,
     0},
    {"3x3x3 stride 2, odd sizes, 18 > 20",
     {2, 18, 5, 7, 9},
     20,
     {{3, 3, 3}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}},
     0,
     0},
    {"3x3x3 stride 2 on one voxel",
     {1, 16, 1, 1, 1},
     16,
     {{3, 3, 3}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}},
     0,
     0},
    {"1x3x3 stride 2 (2-D)",
     {1, 32, 1, 9, 12},
     16,
     {{1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {1, 1, 1}},
     0,
     0},
    {"1x1x1, 64 > 16", {1, 64, 4, 5, 19}, 16, {{1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}}, 0, 0},
    {"1x1x1, 224 > 24: many blocks",
     {1, 224, 2, 2, 8},
     24,
     {{1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},
     0,
     1},
    {"1x1x1 stride 2: positions without a tap",
     {1, 16, 4, 5, 7},
     16,
     {{1, 1, 1}, {2, 2, 2}, {0, 0, 0}, {1, 1, 1}},
     0,
     0},
    {"5x5x5", {1, 16, 6, 5, 8}, 16, {{5, 5, 5}, {1, 1, 1}, {2, 2, 2}, {1, 1, 1}}, 0, 0},
    {"1x7x7 stride 2 (2-D)",
     {1, 16, 1, 20, 23},
     16,
     {{1, 7, 7}, {1, 2, 2}, {0, 3, 3}, {1, 1, 1}},
     0,
     0},
    {"2x2x2 stride 2 without padding",
     {1, 16, 4, 6, 8},
     32,
     {{2, 2, 2}, {2, 2, 2}, {0, 0, 0}, {1, 1, 1}},
     0,
     0},
    {"2x2x2 stride 2, a voxel left over",
     {1, 16, 5, 7, 9},
     16,
     {{2, 2, 2}, {2, 2, 2}, {0, 0, 0}, {1, 1, 1}},
     0,
     0},
    {"3x3x3 dilation 2", {1, 16, 7, 6, 9}, 16, {{3, 3, 3}, {1, 1, 1}, {2, 2, 2}, {2, 2, 2}}, 0, 0},
    {"1x3x3 stride 3 dilation 2",
     {1, 16, 1, 14, 13},
     16,
     {{1, 3, 3}, {1, 3, 3}, {0, 1, 1}, {1, 2, 2}},
     0,
     0},
    {"stride 1 2 3, kernel 3 1 2",
     {1, 16, 5, 6, 13},
     16,
     {{3, 1, 2}, {1, 2, 3}, {1, 0, 1}, {1, 1, 1}},
     0,
     0},
    {"first layer, 1 > 16",
     {1, 1, 6, 5, 17},
     16,
     {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
     1,
     0},
    {"first layer, 4 > 30, batch 2",
     {2, 4, 3, 9, 10},
     30,
     {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
     1,
     1},
    {"first layer, 8 > 16",
     {1, 8, 3, 4, 10},
     16,
     {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
     1,
     0},
    {"first layer 2-D, 3 > 32",
     {1, 3, 1, 19, 31},
     32,
     {{1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
     1,
     0},
    {"first layer 2-D, stride 2, 7x7",
     {1, 3, 1, 18, 31},
     16,
     {{1, 7, 7}, {1, 2, 2}, {0, 3, 3}, {1, 1, 1}},
     1,
     0},
};

/* Runs one case; the hash of everything it computed is returned, errors go to *worst. */
static uint64_t run_conv(const struct conv_case *k, double *worst, bool *halo_ok, double *stats_off)
{
    const struct gn_cpu_conv *cv = &k->cv;
    struct gn_plain_shape xs = k->x, ys = {xs.n, k->cout, 0, 0, 0};
    ys.d = gn_cpu_conv_out(xs.d, cv->kernel[0], cv->stride[0], cv->pad[0], cv->dilation[0]);
    ys.h = gn_cpu_conv_out(xs.h, cv->kernel[1], cv->stride[1], cv->pad[1], cv->dilation[1]);
    ys.w = gn_cpu_conv_out(xs.w, cv->kernel[2], cv->stride[2], cv->pad[2], cv->dilation[2]);
    int64_t nw = ys.c * xs.c * cv->kernel[0] * cv->kernel[1] * cv->kernel[2],
            lanes = (ys.c + 15) / 16 * 16, lanes_x = (xs.c + 15) / 16 * 16;
    int halo_x[3], halo_dy[3];
    gn_cpu_conv_halo(cv, (int64_t[]){xs.d, xs.h, xs.w}, halo_x, halo_dy);
    for (int a = 0; a < 3; a++)
        halo_x[a] += k->extra_halo, halo_dy[a] += k->extra_halo;

    seed = 7;
    float *x = floats(count(xs)), *w = floats(nw), *bias = floats(ys.c), *g = floats(count(ys)),
          *old = floats(count(xs));
    float *y = floats(count(ys)), *dx = floats(count(xs)), *dw = floats(nw), *db = floats(ys.c);
    float *y2 = floats(count(ys)), *dx2 = floats(count(xs)), *dw2 = floats(nw), *db2 = floats(ys.c);
    int cb = k->plain_input ? 1 : 16;
    struct gn_cpu_tensor tx = tensor(xs, halo_x, cb, x), ty = tensor(ys, halo_dy, 16, NULL),
                         tg = tensor(ys, halo_dy, 16, g);
    struct gn_cpu_tensor tdx = tensor(xs, halo_x, 16, NULL), tadd = tensor(xs, halo_x, 16, old);
    float *fw = floats((int64_t)gn_cpu_pack_forward_size(cv, xs.c, ys.c, cb));
    float *bw = floats((int64_t)gn_cpu_pack_backward_size(cv, xs.c, ys.c));
    double *stats = gn_alloc((size_t)(ys.n * ys.c * 2) * sizeof *stats);
    void *s1 = floats((int64_t)(gn_cpu_conv_forward_scratch(&ty) / 4));
    void *s2 = floats((int64_t)(gn_cpu_conv_backward_weights_scratch(cv, &tx, &tg) / 4));
    uint64_t h = 14695981039346656037u;

    gn_cpu_pack_forward(cv, xs.c, ys.c, cb, w, bias, fw);
    gn_cpu_conv_forward(cv, &tx, fw, &ty, NULL, stats, s1);
    gn_cpu_export(&ty, y);
    gn_plain_conv_forward(cv, xs, x, w, bias, ys, y2);
    *worst = fmax(*worst, distance(y, y2, count(ys)));
    *halo_ok = *halo_ok && clean(&ty);
    h = hash(h, ty.p, gn_cpu_bytes(&ty));
    int64_t voxels = ys.d * ys.h * ys.w, voxels_x = xs.d * xs.h * xs.w;
    for (int64_t i = 0; i < ys.n * ys.c; i++) {
        double s = 0, q = 0, m = 0;
        for (int64_t v = 0; v < voxels; v++) {
            double a = y[i * voxels + v];
            s += a, q += a * a, m += fabs(a);
        }
        const double *got = stats + i * 2;
        *stats_off = fmax(*stats_off, fmax(fabs(got[0] - s) / m, fabs(got[1] - q) / q));
    }
    h = hash(h, stats, (size_t)(ys.n * ys.c * 2) * sizeof *stats);

    if (!k->plain_input) {
        gn_cpu_pack_backward(cv, xs.c, ys.c, w, bw);
        gn_cpu_conv_backward_data(cv, &tg, bw, &tdx, NULL);
        gn_cpu_export(&tdx, dx);
        gn_plain_conv_backward_data(cv, ys, g, w, xs, dx2);
        *worst = fmax(*worst, distance(dx, dx2, count(xs)));
        *halo_ok = *halo_ok && clean(&tdx);
        h = hash(h, tdx.p, gn_cpu_bytes(&tdx));
        float *m = floats(xs.n * lanes_x); /* the epilogue: times m, plus old, times m */
        gn_cpu_conv_backward_data(cv, &tg, bw, &tdx, &(struct gn_cpu_epilogue){m, m, &tadd});
        gn_cpu_export(&tdx, dx);
        for (int64_t i = 0; i < count(xs); i++) {
            float k1 = m[i / voxels_x / xs.c * lanes_x + i / voxels_x % xs.c];
            dx2[i] = (dx2[i] * k1 + old[i]) * k1;
        }
        *worst = fmax(*worst, distance(dx, dx2, count(xs)));
        *halo_ok = *halo_ok && clean(&tdx);
        free(m);
    }

    float *m = floats(ys.n * lanes);
    struct gn_cpu_epilogue ep = {m, NULL, &tg};
    gn_cpu_conv_forward(cv, &tx, fw, &ty, &ep, stats, s1);
    gn_cpu_export(&ty, y);
    double sum = 0, mass = 0, got = 0;
    for (int64_t i = 0; i < count(ys); i++) {
        y2[i] = y2[i] * m[i / voxels / ys.c * lanes + i / voxels % ys.c] + g[i];
        sum += y[i];
        mass += fabsf(y[i]);
    }
    for (int64_t i = 0; i < ys.n * ys.c; i++)
        got += stats[2 * i];
    *worst = fmax(*worst, distance(y, y2, count(ys)));
    *stats_off = fmax(*stats_off, fabs(got - sum) / mass);
    free(m);

    gn_cpu_conv_backward_weights(cv, &tx, &tg, dw, db, s2);
    gn_plain_conv_backward_weights(cv, xs, x, ys, g, dw2, db2);
    *worst = fmax(*worst, distance(dw, dw2, nw));
    *worst = fmax(*worst, distance(db, db2, ys.c));
    h = hash(hash(h, dw, (size_t)nw * 4), db, (size_t)ys.c * 4);

    float *all[] = {x,   w,   bias, g,    old,  y,     dx,     dw, db, y2, dx2,
                    dw2, db2, tx.p, ty.p, tg.p, tdx.p, tadd.p, fw, bw, s1, s2};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free(stats);
    return h;
}

static void test_conv(const char *isa)
{
    char name[200];
    for (size_t i = 0; i < sizeof conv_cases / sizeof *conv_cases; i++) {
        double worst = 0, stats = 0;
        bool halo = true;
        uint64_t h[3];
        for (int t = 1; t <= 3; t++) {
            gn_pool_start(t);
            h[t - 1] = run_conv(&conv_cases[i], &worst, &halo, &stats);
            gn_pool_stop();
        }
        snprintf(name, sizeof name, "%s: convolution %s equals its twin (off by %.1e)", isa,
                 conv_cases[i].name, worst);
        CHECK(name, worst < 2e-6);
        CHECK("  zero halo and padding channels", halo);
        CHECK("  statistics of the output", stats < 1e-13);
        CHECK("  same bits on 1, 2 and 3 threads", h[0] == h[1] && h[1] == h[2]);
    }
}

/* --- pointwise, norms, upsampling, class maps --- */

static const struct gn_plain_shape shapes[] = {
    {1, 16, 1, 1, 1}, {2, 20, 3, 5, 7}, {1, 33, 1, 9, 11},   {2, 4, 4, 1, 6},
    {1, 48, 2, 3, 1}, {1, 1, 2, 3, 40}, {3, 16, 1, 4, 1100},
};

/* The tensor's values against the expected ones; clean or not is part of it. */
static double off(const struct gn_cpu_tensor *t, const float *expected)
{
    int64_t n = t->n * t->c * t->d * t->h * t->w;
    float *got = floats(n);
    gn_cpu_export(t, got);
    double d = clean(t) ? distance(got, expected, n) : INFINITY;
    free(got);
    return d;
}

static double sums_off(const double *a, const double *b, int64_t n, double mass)
{
    double d = 0;
    for (int64_t i = 0; i < n; i++)
        d = fmax(d, fabs(a[i] - b[i]) / mass);
    return d;
}

static void worse(double *worst, const char **where, double d, const char *what)
{
    if (!(d <= *worst)) {
        *worst = d;
        *where = what;
    }
}

static uint64_t run_point(struct gn_plain_shape s, double *worst, const char **where)
{
    static const int halo_a[3] = {1, 1, 1}, halo_b[3] = {0, 2, 1};
    seed = 3;
    int64_t size = count(s), stats = s.n * s.c * 2, lanes = (s.c + 15) / 16 * 16;
    float *x = floats(size), *dy = floats(size), *old = floats(size), *want = floats(size),
          *gamma = floats(s.c), *beta = floats(s.c);
    for (int64_t i = 0; i < size; i++)
        x[i] = x[i] * 3 + 40; /* a mean far from zero */
    struct gn_cpu_tensor tx = tensor(s, halo_a, 16, x), tg = tensor(s, halo_b, 16, dy),
                         ty = tensor(s, halo_a, 16, NULL), told = tensor(s, halo_b, 16, old);
    double *m = gn_alloc((size_t)stats * 8), *t = gn_alloc((size_t)stats * 8),
           *sums = gn_alloc((size_t)stats * 8 * 2), *expect = gn_alloc((size_t)stats * 8 * 2);
    void *scratch = floats((int64_t)(gn_cpu_sums_scratch(&tx) + gn_cpu_loss_scratch(&tx)) / 4 + 16);
    float *k = floats(s.n * lanes);
    uint64_t h = 14695981039346656037u;
    for (int64_t i = 0; i < s.n * s.c; i++) {
        m[2 * i] = 40 + 0.1 * sin((double)i) + 1e-7;
        m[2 * i + 1] = 0.6 + 0.1 * cos((double)i);
    }
    struct gn_cpu_norm norm = {m, s.n, gamma, beta, 0.01f};

    gn_cpu_norm_sums(&tx, sums, scratch);
    gn_plain_norm_sums(s, x, expect);
    worse(worst, where, sums_off(sums, expect, stats, 1600.0 * (double)(s.d * s.h * s.w)),
          "norm sums");
    h = hash(h, sums, (size_t)stats * 8);

    for (int affine = 1; affine >= 0; affine--) { /* then one group without gamma and beta */
        if (!affine)
            norm = (struct gn_cpu_norm){m, 1, NULL, NULL, 1};
        gn_cpu_norm_apply(&norm, &tx, &ty);
        gn_plain_norm_apply(&norm, s, x, want);
        worse(worst, where, off(&ty, want), "norm apply");
        h = hash(h, ty.p, gn_cpu_bytes(&ty));
        gn_cpu_norm_backward_sums(&norm, &tx, &tg, t, scratch);
        gn_plain_norm_backward_sums(&norm, s, x, dy, expect);
        worse(worst, where, sums_off(t, expect, stats, (double)(s.d * s.h * s.w)),
              "norm backward sums");
        h = hash(h, t, (size_t)stats * 8);
        gn_cpu_norm_backward(&norm, &tx, &tg, t, s.n, (double)(s.d * s.h * s.w), &ty, NULL);
        gn_plain_norm_backward(&norm, s, x, dy, t, (double)(s.d * s.h * s.w), want);
        double scale = s.d * s.h * s.w > 1
                           ? 1
                           : INFINITY; /* of one voxel the gradient is zero but for rounding */
        worse(worst, where, scale > 1 ? 0 : off(&ty, want), "norm backward");
        h = hash(h, ty.p, gn_cpu_bytes(&ty));
    }
    norm = (struct gn_cpu_norm){m, s.n, gamma, beta, 0.01f};
    gn_cpu_norm_backward(&norm, &tx, &tg, NULL, 1, 1, &ty,
                         &(struct gn_cpu_epilogue){NULL, k, &told});
    gn_plain_norm_backward(&norm, s, x, dy, NULL, 1, want);
    for (int64_t i = 0; i < size; i++)
        want[i] = (want[i] + old[i]) *
                  k[i / (s.d * s.h * s.w) / s.c * lanes + i / (s.d * s.h * s.w) % s.c];
    worse(worst, where, off(&ty, want), "norm backward, then add and scale");

    gn_cpu_scale(&tg, k, &ty);
    for (int64_t i = 0; i < size; i++)
        want[i] = dy[i] * k[i / (s.d * s.h * s.w) / s.c * lanes + i / (s.d * s.h * s.w) % s.c];
    worse(worst, where, off(&ty, want), "scale");
    gn_cpu_leaky(&tg, 0.01f, &ty);
    gn_plain_leaky(s, dy, dy, 0.01f, want);
    worse(worst, where, off(&ty, want), "leaky");
    gn_cpu_leaky_backward(&tg, &told, 0.2f, &ty);
    gn_plain_leaky(s, dy, old, 0.2f, want);
    worse(worst, where, off(&ty, want), "leaky backward");
    gn_cpu_add(&tg, &told, &ty);
    for (int64_t i = 0; i < size; i++)
        want[i] = dy[i] + old[i];
    worse(worst, where, off(&ty, want), "add");

    float *all[] = {x, dy, old, want, gamma, beta, tx.p, tg.p, ty.p, told.p, k, scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free(m), free(t), free(sums), free(expect);
    return h;
}

static uint64_t run_upsample(struct gn_plain_shape xs, int scale, double *worst, const char **where)
{
    static const int halo_a[3] = {1, 1, 1}, halo_b[3] = {0, 0, 1};
    struct gn_plain_shape ys = {xs.n, xs.c, xs.d == 1 ? 1 : xs.d * scale, xs.h * scale,
                                xs.w * scale};
    seed = 5;
    float *x = floats(count(xs)), *dy = floats(count(ys)), *y2 = floats(count(ys)),
          *dx2 = floats(count(xs));
    struct gn_cpu_tensor tx = tensor(xs, halo_a, 16, x), tg = tensor(ys, halo_b, 16, dy),
                         ty = tensor(ys, halo_a, 16, NULL), tdx = tensor(xs, halo_b, 16, NULL);
    gn_cpu_upsample(&tx, &ty);
    gn_plain_upsample(xs, x, ys, y2);
    worse(worst, where, off(&ty, y2), "upsample");
    gn_cpu_upsample_backward(&tg, &tdx);
    gn_plain_upsample_backward(ys, dy, xs, dx2);
    worse(worst, where, off(&tdx, dx2), "upsample backward");
    uint64_t h = hash(hash(14695981039346656037u, ty.p, gn_cpu_bytes(&ty)), tdx.p,
                      gn_cpu_bytes(&tdx));
    float *all[] = {x, dy, y2, dx2, tx.p, tg.p, ty.p, tdx.p};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    return h;
}

static uint64_t run_class(struct gn_plain_shape s, double *worst, const char **where)
{
    static const int halo_a[3] = {1, 1, 1}, halo_b[3] = {0, 2, 1};
    seed = 9;
    int64_t size = count(s), voxels = s.n * s.d * s.h * s.w;
    float *x = floats(size), *y = floats(size), *dy = floats(size), *want = floats(size),
          *keep = floats(size);
    uint64_t *label = gn_alloc((size_t)voxels * sizeof *label);
    double weights[64], k[3 * 64], *sums = gn_alloc((size_t)(s.n * s.c * 4) * 8),
                                   *expect = gn_alloc((size_t)(s.n * s.c * 4) * 8);
    for (int64_t i = 0; i < size; i++)
        x[i] = i % 97 == 5 ? 90 * uniform() : 4 * x[i];
    for (int64_t i = 0; i < voxels; i++)
        label[i] = i % 11 == 3 ? 0
                               : (uint64_t)1 << (i / 3 % s.c) |
                                     (i % 13 == 1 ? (uint64_t)1 << (i % s.c) : 0);
    for (int i = 0; i < 64; i++)
        weights[i] = 0.5 + 0.1 * i, k[3 * i] = 0.3 + 0.01 * i, k[3 * i + 1] = -0.7,
        k[3 * i + 2] = 0.11;
    struct gn_cpu_tensor tx = tensor(s, halo_a, 16, x), ty = tensor(s, halo_b, 16, NULL),
                         tg = tensor(s, halo_b, 16, dy), tdx = tensor(s, halo_a, 16, NULL);
    void *scratch = floats((int64_t)gn_cpu_loss_scratch(&tx) / 4 + 16);
    uint64_t h = 14695981039346656037u;

    gn_cpu_softmax(&tx, &ty);
    gn_plain_softmax(s, x, want);
    worse(worst, where, off(&ty, want), "softmax");
    gn_cpu_export(&ty, y);
    h = hash(h, ty.p, gn_cpu_bytes(&ty));
    gn_cpu_softmax_backward(&ty, &tg, &tdx);
    gn_plain_softmax_backward(s, y, dy, want);
    worse(worst, where, s.c == 1 ? 0 : off(&tdx, want), "softmax backward");
    for (int bce = 0; bce < 3; bce++) { /* of probabilities, then of raw scores */
        const struct gn_cpu_tensor *p = bce == 2 ? &tx : &ty;
        const float *dense = bce == 2 ? x : y;
        double mass = 1;
        gn_cpu_loss_sums(p, label, bce, sums, scratch);
        gn_plain_loss_sums(s, dense, label, bce, expect);
        for (int64_t i = 0; i < s.n * s.c * 4; i++)
            mass = fmax(mass, fabs(expect[i]));
        worse(worst, where, sums_off(sums, expect, s.n * s.c * 4, mass), "loss sums");
        h = hash(h, sums, (size_t)(s.n * s.c * 4) * 8);
        gn_cpu_loss_backward(p, label, bce, k, &tdx);
        gn_plain_loss_backward(s, dense, label, bce, k, want);
        worse(worst, where, off(&tdx, want), "loss backward");
        h = hash(h, tdx.p, gn_cpu_bytes(&tdx));
    }
    for (int weighted = 0; weighted < 2; weighted++) {
        gn_cpu_cel_sums(&tx, label, weighted ? weights : NULL, sums, scratch);
        gn_plain_cel_sums(s, x, label, weighted ? weights : NULL, expect);
        worse(worst, where, sums_off(sums, expect, s.n * 2, fabs(expect[0]) + 1), "cel sums");
        gn_cpu_cel_backward(&tx, label, weighted ? weights : NULL, 0.25, &tdx);
        gn_plain_cel_backward(s, x, label, weighted ? weights : NULL, 0.25, want);
        worse(worst, where, s.c == 1 ? 0 : off(&tdx, want), "cel backward");
        h = hash(hash(h, sums, (size_t)(s.n * 2) * 8), tdx.p, gn_cpu_bytes(&tdx));
    }
    gn_cpu_sigmoid(&tx, 1.5f, &ty);
    gn_plain_sigmoid(s, x, 1.5f, want);
    worse(worst, where, off(&ty, want), "sigmoid");
    gn_cpu_export(&ty, keep);
    gn_cpu_sigmoid_backward(&ty, &tg, 1.5f, &tdx);
    gn_plain_sigmoid_backward(s, keep, dy, 1.5f, want);
    worse(worst, where, off(&tdx, want), "sigmoid backward");
    h = hash(hash(h, ty.p, gn_cpu_bytes(&ty)), tdx.p, gn_cpu_bytes(&tdx));

    float *all[] = {x, y, dy, want, keep, tx.p, ty.p, tg.p, tdx.p, scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free(label), free(sums), free(expect);
    return h;
}

/* Any run of channels from one tensor to any place of another. */
static void test_copy(const char *isa)
{
    static const int halo_a[3] = {0, 1, 1}, halo_b[3] = {1, 0, 2};
    struct gn_plain_shape a = {2, 30, 2, 3, 5}, b = {2, 15, 2, 3, 5}, c = {2, 45, 2, 3, 5};
    int64_t voxels = 30;
    float *x = floats(count(a)), *y = floats(count(b)), *want = floats(count(c));
    struct gn_cpu_tensor tx = tensor(a, halo_a, 16, x), ty = tensor(b, halo_b, 16, y),
                         tz = tensor(c, halo_a, 16, NULL), back = tensor(b, halo_a, 16, NULL);
    gn_cpu_copy_channels(&tx, 0, 30, &tz, 0);
    gn_cpu_copy_channels(&ty, 0, 15, &tz, 30);
    gn_cpu_copy_finish(&tz);
    for (int64_t n = 0; n < 2; n++) {
        memcpy(want + n * 45 * voxels, x + n * 30 * voxels, (size_t)(30 * voxels) * 4);
        memcpy(want + (n * 45 + 30) * voxels, y + n * 15 * voxels, (size_t)(15 * voxels) * 4);
    }
    char name[100];
    snprintf(name, sizeof name, "%s: channels are copied to any place", isa);
    CHECK(name, off(&tz, want) == 0);
    gn_cpu_copy_channels(&tz, 30, 15, &back, 0);
    gn_cpu_copy_finish(&back);
    CHECK("  and back", off(&back, y) == 0);
    float *all[] = {x, y, want, tx.p, ty.p, tz.p, back.p};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void test_point(const char *isa)
{
    char name[200];
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct gn_plain_shape s = shapes[i], small = {s.n, s.c, s.d, s.h, s.w > 20 ? 20 : s.w};
        double worst = 0;
        const char *where = "";
        uint64_t h[3];
        for (int t = 1; t <= 3; t++) {
            gn_pool_start(t);
            h[t - 1] = run_point(s, &worst, &where) ^ run_class(s, &worst, &where);
            h[t - 1] ^= run_upsample(small, 2, &worst, &where);
            if (i < 3)
                h[t - 1] ^= run_upsample(small, 4, &worst, &where);
            gn_pool_stop();
        }
        snprintf(
            name, sizeof name,
            "%s: %lldx%lldx%lldx%lldx%lld: everything pointwise equals its twin (off by %.1e: %s)",
            isa, (long long)s.n, (long long)s.c, (long long)s.d, (long long)s.h, (long long)s.w,
            worst, where);
        CHECK(name, worst < 2e-6);
        CHECK("  same bits on 1, 2 and 3 threads", h[0] == h[1] && h[1] == h[2]);
    }
}

int main(void)
{
    static const char *const isas[] = {"sse2", "avx2", "avx512"};
    for (int i = 0; i < 3; i++) {
        if (gn_isa_choose(isas[i]) < 0) {
            printf("# %s: not on this processor\n", isas[i]);
            continue;
        }
        test_conv(isas[i]);
        test_point(isas[i]);
        test_copy(isas[i]);
    }
    return check_done();
}
