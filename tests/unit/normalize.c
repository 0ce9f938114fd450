/* normalize.c - z-scores, rescaling and pointwise steps against TorchIO and numpy. */
#include "image/normalize.h"

#include "base/isa.h"
#include "base/pool.h"
#include "check.h"
#include "golden.h"

static struct golden *all;
static int count;
static struct gn_err err;

static const struct golden *get(const char *fmt, const char *arg)
{
    char name[64];
    snprintf(name, sizeof name, fmt, arg);
    return golden_find(all, count, name);
}

static int near(const float *x, const double *want, int64_t n, double tol)
{
    int ok = 1;
    for (int64_t i = 0; i < n; i++)
        ok &= fabs((double)x[i] - want[i]) <= tol * fmax(1, fabs(want[i]));
    return ok;
}

static float *copy(const struct golden *g)
{
    float *x = calloc((size_t)g->n, sizeof *x);
    for (int64_t i = 0; i < g->n; i++)
        x[i] = (float)g->v[i];
    return x;
}

static void zscore(const char *name, enum gn_zscore kind, const float in[6], const double want[6])
{
    float x[6];
    memcpy(x, in, sizeof x);
    int ok = gn_normalize_zscore(x, 6, kind, NULL, 6, &err) == 0;
    CHECK(name, ok && near(x, want, 6, 1e-5));
}

static void rescale(const char *name, struct gn_rescale r, const double want[6])
{
    float x[6] = { 0, 0, 1, 2, 3, 6 };
    int ok = gn_normalize_rescale(x, 6, &r, &err) == 0;
    CHECK(name, ok && near(x, want, 6, 1e-6));
}

static void small(void)
{
    const float a[6] = { 0, 0, 1, 2, 3, 6 }, b[6] = { -2, 0, 1, 2, 3, 6 };
    zscore("G14 normalize as TorchIO", GN_ZSCORE_FULL, a,
           (const double[]){ -0.877058, -0.877058, -0.438529, 0, 0.438529, 1.75412 });
    zscore("G15 normalize_positive as TorchIO", GN_ZSCORE_POSITIVE, a,
           (const double[]){ -1.38873, -1.38873, -0.92582, -0.46291, 0, 1.38873 });
    zscore("G16 normalize_nonzero_masked as numpy", GN_ZSCORE_NONZERO_MASKED, a,
           (const double[]){ 0, 0, -0.92582, -0.46291, 0, 1.38873 });
    zscore("G17 normalize_nonzero as TorchIO", GN_ZSCORE_NONZERO, b,
           (const double[]){ -1.37199, -0.685994, -0.342997, 0, 0.342997, 1.37199 });
    rescale("G18 rescale to (0,1) as TorchIO",
            (struct gn_rescale){ { 0, 1 }, { 0, 100 }, { 0 }, false },
            (const double[]){ 0, 0, 1.0 / 6, 1.0 / 3, 0.5, 1 });
    rescale("G19 rescale to (-1,1), percentiles (10,90), as TorchIO",
            (struct gn_rescale){ { -1, 1 }, { 10, 90 }, { 0 }, false },
            (const double[]){ -1, -1, -5.0 / 9, -1.0 / 9, 1.0 / 3, 1 });
    rescale("G20 rescale with in (1,3) does not clamp, as TorchIO",
            (struct gn_rescale){ { 0, 1 }, { 0, 100 }, { 1, 3 }, true },
            (const double[]){ -0.5, -0.5, 0, 0.5, 1, 2.5 });
    float t[5] = { 0, 1, 2, 4, 5 };
    gn_normalize_threshold(t, 5, 1, 4);
    CHECK("G13 threshold (1,4) keeps its ends, as the paper",
          near(t, (const double[]){ 0, 1, 2, 4, 0 }, 5, 0));
    float u[5] = { 9, 10, 11, 75, 76 };
    gn_normalize_threshold(u, 5, 10, 75);
    CHECK("threshold (10,75) by the paper",
          near(u, (const double[]){ 0, 10, 11, 75, 0 }, 5, 0));
    float c[4] = { -5, 0, 3, 9 };
    gn_normalize_clip(c, 4, -INFINITY, 3);
    CHECK("clip with an open lower end", near(c, (const double[]){ -5, 0, 3, 3 }, 4, 0));
    float d[6] = { 0, 255, 51, 255, 0, 102 };
    gn_normalize_divide(d, 6, 255);
    double mean[3] = { 0.5, 0.25, 0.2 }, std[3] = { 0.5, 0.25, 0.1 };
    gn_normalize_channels(d, 3, 2, mean, std, 3);
    CHECK("mean and std for each component",
          near(d, (const double[]){ -1, 1, -0.2, 3, -2, 2 }, 6, 1e-6));
    float m[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    const uint8_t mask[4] = { 0, 1, 1, 0 };
    int ok = gn_normalize_zscore(m, 8, GN_ZSCORE_MASK, mask, 4, &err) == 0;
    double s = sqrt(((2 - 4.5) * (2 - 4.5) + 1.5 * 1.5) * 2 / 3);
    CHECK("mask: both components together, values outside stay", ok &&
          near(m, (const double[]){ 1, -2.5 / s, -1.5 / s, 4, 5, 1.5 / s, 2.5 / s, 8 }, 8, 1e-6));
}

static void alpha(void)
{
    float v[8] = { -3, 1.9f, 255, 256, 7, NAN, 9, 9 };
    struct gn_tensor in = { 0 }, out = { 0 }, more = { 0 };
    int ok = gn_tensor_new4(&in, GN_FLOAT32, 4, 1, 1, 2, &err) == 0;
    memcpy(in.data, v, sizeof v);
    ok = ok && gn_normalize_drop_alpha(&in, &out, &err) == 0 && out.dtype == GN_UINT8;
    const uint8_t want[6] = { 0, 1, 255, 255, 7, 0 };
    CHECK("alpha dropped: whole numbers of 8 bits", ok && !memcmp(out.data, want, 6));
    ok = gn_normalize_add_alpha(&out, &more, &err) == 0 && more.shape[0] == 4;
    CHECK("alpha added: the same components and 255",
          ok && !memcmp(more.data, want, 6) && ((uint8_t *)more.data)[7] == 255);
    CHECK("three components have no alpha",
          gn_normalize_drop_alpha(&out, &in, &err) == -1 && strstr(err.text, "3 components"));
    gn_err_clear(&err);
    gn_tensor_free(&in);
    gn_tensor_free(&out);
    gn_tensor_free(&more);
    const float r[5] = { 3, -1, -0.0f, 8, -1 };
    CHECK("values by rank", gn_value_of_rank(r, 5, 0) == -1 && gn_value_of_rank(r, 5, 1) == -1 &&
          gn_value_of_rank(r, 5, 2) == 0 && gn_value_of_rank(r, 5, 4) == 8);
}

static void errors(void)
{
    float same[3] = { 0.1f, 0.1f, 0.1f }, zero[3] = { 0, 0, 4 }, bad[3] = { 1, NAN, 2 };
    CHECK("a constant image has no z-score",
          gn_normalize_zscore(same, 3, GN_ZSCORE_FULL, NULL, 3, &err) == -1);
    gn_err_clear(&err);
    CHECK("one value that is not zero has no z-score",
          gn_normalize_zscore(zero, 3, GN_ZSCORE_NONZERO, NULL, 3, &err) == -1);
    gn_err_clear(&err);
    CHECK("NaN is found", gn_normalize_zscore(bad, 3, GN_ZSCORE_POSITIVE, NULL, 3, &err) == -1 &&
          strstr(err.text, "not finite"));
    gn_err_clear(&err);
    struct gn_rescale r = { { 0, 1 }, { 0, 100 }, { 0 }, false };
    CHECK("a constant image is left alone by rescale",
          gn_normalize_rescale(same, 3, &r, &err) == 1 && same[0] == 0.1f);
}

static void larger(void)
{
    const struct golden *in = get("intensity", "");
    for (int k = 0; k < 4; k++) {
        char name[100];
        float *x = copy(in);
        int ok = gn_normalize_zscore(x, in->n, (enum gn_zscore)k, NULL, in->n, &err) == 0;
        snprintf(name, sizeof name, "z-score %s as %s", gn_zscore_names[k],
                 k == GN_ZSCORE_NONZERO_MASKED ? "numpy" : "TorchIO");
        CHECK(name, ok && near(x, get("zscore.%s", gn_zscore_names[k])->v, in->n, 1e-6));
        free(x);
    }
    for (int k = 0; k < 4; k++) {
        char name[100], number[2] = { (char)('0' + k), 0 };
        float *x = copy(in);
        const struct golden *p = get("rescale%s", number);
        struct gn_rescale r = { { p->v[0], p->v[1] }, { p->v[2], p->v[3] }, { 0, 0 }, p->n == 6 };
        if (r.in_given) {
            r.in[0] = p->v[4];
            r.in[1] = p->v[5];
        }
        /* the last asks for percentiles that meet */
        int ok = gn_normalize_rescale(x, in->n, &r, &err) == (k == 3);
        snprintf(name, sizeof name, "rescale %d%s as TorchIO", k, k == 3 ? ", unchanged," : "");
        CHECK(name, ok && near(x, get("rescale%s.image", number)->v, in->n, 1e-6));
        free(x);
    }
    const struct golden *p = get("percentiles", ""), *want = get("percentiles.of", "");
    double q[8];
    float *x = copy(in);
    gn_percentiles(x, in->n, p->v, (int)p->n, q);
    int ok = 1;
    for (int64_t i = 0; i < p->n; i++)
        ok &= fabs(q[i] - want->v[i]) <= 1e-8 * fmax(1, fabs(want->v[i]));
    CHECK("percentiles as numpy", ok);
    free(x);
}

static void threads(void)
{
    enum { N = 1000003 };
    float *x[2];
    struct gn_stats s[2];
    int ok = 1;
    double sum = 0;
    for (int k = 0; k < 2; k++) {
        x[k] = malloc(N * sizeof *x[k]);
        for (int64_t i = 0; i < N; i++)
            x[k][i] = (float)(i * 7919 % 10007) - 100;
        gn_pool_start(k ? 4 : 1);
        gn_stats_of(x[k], N, GN_WHERE_NONZERO, NULL, N, &s[k]);
        ok &= gn_normalize_zscore(x[k], N, GN_ZSCORE_NONZERO, NULL, N, &err) == 0;
        gn_pool_stop();
    }
    CHECK("one thread and four give the same statistics", !memcmp(&s[0], &s[1], sizeof s[0]));
    CHECK("one thread and four give the same bytes", ok && !memcmp(x[0], x[1], N * sizeof *x[0]));
    for (int64_t i = 0; i < N; i++)
        sum += (double)x[0][i] * (double)x[0][i];
    CHECK_NEAR("values of a million end with variance 1", sum / N, 1, 1e-3);
    CHECK("smallest and largest value", s[0].min == -100 && s[0].max == 9906);
    free(x[0]);
    free(x[1]);
}

/* Values of any sign and size, zeros, and numbers that are none (bad). */
static void fill(float *x, int64_t n, bool bad)
{
    uint32_t r = 1;
    for (int64_t i = 0; i < n; i++) {
        r = r * 1664525u + 1013904223u;
        x[i] = ldexpf((float)(int32_t)r, -20 - (int)(r >> 3 & 15));
        if (r >> 28 < 3)
            x[i] = r & 1 << 20 ? 0.0f : -0.0f;
        if (bad && i % 7001 == 5)
            x[i] = i % 2 ? NAN : i % 3 ? INFINITY : -INFINITY;
    }
}

/* The same bits, or no number either. */
static int same_double(double a, double b)
{
    return !memcmp(&a, &b, sizeof a) || (isnan(a) && isnan(b));
}

static int same_stats(const struct gn_stats *a, const struct gn_stats *b)
{
    return a->n == b->n && same_double(a->min, b->min) && same_double(a->max, b->max) &&
           same_double(a->mean, b->mean) && same_double(a->std, b->std);
}

enum { MANY = 2 * 65536 + 1003 };

/* What a mask chooses goes the plain way, value by value. */
static int stats_are_plain(const float *x)
{
    static uint8_t mask[MANY];
    int ok = 1;
    for (int w = 0; w < 3; w++) {
        struct gn_stats fast, plain;
        for (int64_t i = 0; i < MANY; i++)
            mask[i] = w == GN_WHERE_NONZERO ? x[i] != 0 : w == GN_WHERE_POSITIVE ? !(x[i] <= 0) : 1;
        gn_stats_of(x, MANY, (enum gn_where)w, NULL, MANY, &fast);
        gn_stats_of(x, MANY, GN_WHERE_MASK, mask, MANY, &plain);
        ok &= same_stats(&fast, &plain);
        if (w == GN_WHERE_ALL) {
            const double least = gn_min_of(x, MANY);
            ok &= !memcmp(&least, &fast.min, sizeof least);
        }
    }
    return ok;
}

static float pointwise(int op, float f)
{
    double v = (double)f;
    switch (op) {
    case 0:
        v = v < -3 ? -3 : v;
        return (float)(v > 40 ? 40 : v);
    case 1:
        return v < -3 || v > 40 ? 0 : f;
    case 2:
        return (float)((v - 1.25) / 0.3);
    case 3:
        return f != 0 ? (float)((v - 1.25) / 0.3) : 0;
    default:
        return (float)((v - 1.25) / 0.3 * 7 + 0.1);
    }
}

static int points_are_plain(const struct gn_normalize_kernels *k, const float *x)
{
    static float y[MANY];
    int ok = 1;
    for (int op = 0; op < 5; op++)
        for (int64_t n = op; n < MANY; n = 3 * n + 1) {
            memcpy(y, x, sizeof y);
            if (op == 0)
                k->clip(y, n, -3, 40);
            else if (op == 1)
                k->threshold(y, n, -3, 40);
            else if (op == 2)
                k->divide(y, n, 1.25, 0.3);
            else if (op == 3)
                k->divide_nonzero(y, n, 1.25, 0.3);
            else
                k->linear(y, n, 1.25, 0.3, 7, 0.1);
            for (int64_t i = 0; i < MANY; i++) {
                const float want = i < n ? pointwise(op, x[i]) : x[i];
                ok &= !memcmp(&y[i], &want, sizeof want) || (isnan(y[i]) && isnan(want));
            }
        }
    return ok;
}

static void isas(void)
{
    static const char *const names[] = { "sse2", "avx2", "avx512" };
    static float good[MANY], bad[MANY];
    char name[128];
    fill(good, MANY, false);
    fill(bad, MANY, true);
    for (int i = 0; i < 3; i++) {
        if (gn_isa_choose(names[i]) < 0) {
            printf("# %s: not on this processor\n", names[i]);
            continue;
        }
        snprintf(name, sizeof name, "%s: statistics are those of values taken one by one",
                 names[i]);
        CHECK(name, stats_are_plain(good) && stats_are_plain(bad));
        snprintf(name, sizeof name, "%s: pointwise steps are those of one value", names[i]);
        CHECK(name, points_are_plain(GN_ISA_PICK(gn_normalize), bad));
    }
}

int main(void)
{
    all = golden_read("image.txt", &count);
    small();
    alpha();
    errors();
    larger();
    threads();
    isas();
    return check_done();
}
