/* histogram.c - matching, equalisation and adaptive equalisation against ITK, the kernel against
 * its plain version. */
#include "image/histogram.h"

#include "base/isa.h"
#include "base/pool.h"
#include "check.h"
#include "golden.h"

static struct golden *all;
static int count;
static struct gn_err err;

/* The images that tests/gen/histogram.py describes. */
static float *image(int64_t n, int kind)
{
    float *x = calloc((size_t)n, sizeof *x);
    for (int64_t i = 0; i < n; i++) {
        double k = (double)((7919 * i + 13) % (kind == 2 ? 7 : 1009));
        x[i] = (float)(kind == 0   ? k / 4 - 20
                       : kind == 1 ? k / 1009 * (k / 1009) * (k / 1009) * 900
                                   : k);
    }
    return x;
}

/* T(i,j,k) = (7 i + 5 j + 3 k) mod 11 of 4 x 3 x 2 voxels. */
static void t432(float x[24])
{
    for (int i = 0; i < 24; i++)
        x[i] = (float)((7 * (i % 4) + 5 * (i / 4 % 3) + 3 * (i / 12)) % 11);
}

static int near(const float *x, const double *want, int64_t n, int64_t stride, double tol)
{
    int ok = 1;
    for (int64_t i = 0; i * stride < n; i++)
        ok &= fabs((double)x[i * stride] - want[i]) <= tol * fmax(1, fabs(want[i]));
    return ok;
}

static void cases_by_hand(void)
{
    static const double matched[24] = { 0, 50.9687, 21.4918, 100, 35.8197, 7.16393,
                                        65.7873, 28.6557, 100, 43.1767, 14.3279, 82.076,
                                        21.4918, 100, 43.1767, 14.3279, 65.7873, 28.6557,
                                        0, 50.9687, 14.3279, 82.076, 35.8197, 7.16393 };
    static const double equal[24] = { -1, 0.217601, -0.409836, 1, -0.0163935, -0.803279,
                                      0.443192, -0.213115, 1, 0.20208, -0.606557, 0.697638,
                                      -0.409836, 1, 0.20208, -0.606557, 0.443192, -0.213115,
                                      -1, 0.217601, -0.606557, 0.697638, -0.0163935, -0.803279 };
    static const double near_by[24] = { 0.613136, 7.07574, 2.99154, 9.43614, 4.70833, 1.35737,
                                        7.62353, 4.38477, 9.38277, 6.08665, 2.57192, 9.07651,
                                        3.17464, 9.55677, 5.67687, 2.02504, 7.35307, 4.11877,
                                        0.398318, 7.04903, 1.90647, 8.70922, 5.25724, 1.65811 };
    static const double all_of[24] = { 0.482042, 6.76197, 3.21572, 9.39309, 4.9954, 1.28981,
                                       7.63138, 4.10646, 9.39309, 5.88176, 2.24053, 8.48505,
                                       3.21572, 9.39309, 5.88176, 2.24053, 7.63138, 4.10646,
                                       0.482042, 6.76197, 2.24053, 8.48505, 4.9954, 1.28981 };
    const int64_t size[3] = { 4, 3, 2 };
    struct gn_landmarks target = { 0 };
    float x[24], y[24];
    t432(x);
    for (int i = 0; i < 24; i++)
        y[i] = x[i] * x[i];
    int ok = gn_landmarks_of(y, 24, 32, 4, &target, &err) == 0 &&
             gn_histogram_match(x, 24, &target, 32, 4, &err) == 0;
    CHECK("G50 histogram matching as ITK", ok && near(x, matched, 24, 1, 1e-5));
    gn_landmarks_free(&target);
    t432(x);
    ok = gn_histogram_match(x, 24, NULL, 1024, 16, &err) == 0;
    CHECK("G51 equalisation as ITK", ok && near(x, equal, 24, 1, 1e-5));
    t432(x);
    ok = gn_histogram_adapt(x, size, 1, &err) == 0;
    CHECK("G52 adaptive equalisation, radius 1, as ITK", ok && near(x, near_by, 24, 1, 1e-5));
    t432(x);
    ok = gn_histogram_adapt(x, size, 5, &err) == 0;
    CHECK("G53 adaptive equalisation, radius 5, as ITK", ok && near(x, all_of, 24, 1, 1e-5));
}

/* A case of a kind of golden arrays; 0 when there are no more. */
static int one_case(const char *what, int k, double *worst)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%d.size", what, k);
    for (int i = 0; i < count; i++) {
        if (strcmp(all[i].name, name))
            continue;
        const double *p = all[i].v, *want = all[i + 1].v;
        const int64_t size[3] = { (int64_t)p[0], (int64_t)p[1], (int64_t)p[2] };
        const int64_t n = size[0] * size[1] * size[2], stride = (int64_t)p[8];
        float *x = image(n, (int)p[3]), *y = image((int64_t)p[7], (int)p[6]);
        struct gn_landmarks target = { 0 };
        double off = 0, most = 0;
        int rc;
        if (!strcmp(what, "adapt"))
            rc = gn_histogram_adapt(x, size, GN_ADAPTIVE_RADIUS, &err);
        else if (p[7] > 0)
            rc = gn_landmarks_of(y, (int64_t)p[7], (int)p[4], (int)p[5], &target, &err) ||
                 gn_histogram_match(x, n, &target, (int)p[4], (int)p[5], &err);
        else
            rc = gn_histogram_match(x, n, NULL, (int)p[4], (int)p[5], &err);
        for (int64_t v = 0; v * stride < n; v++) {
            off = fmax(off, fabs((double)x[v * stride] - want[v]));
            most = fmax(most, fabs(want[v]));
        }
        *worst = fmax(*worst, rc ? INFINITY : off / most);
        gn_landmarks_free(&target);
        free(x);
        free(y);
        return 1;
    }
    return 0;
}

static void cases_of_itk(void)
{
    static const char *const kinds[] = { "match", "ramp", "adapt" };
    static const int cases[] = { 27, 27, 9 };
    for (int k = 0; k < 3; k++) {
        char name[100];
        double worst = 0;
        int n = 0;
        while (one_case(kinds[k], n, &worst))
            n++;
        printf("# %s: %d cases, at most %.2g of the largest value off\n", kinds[k], n, worst);
        snprintf(name, sizeof name, "%s: all cases as ITK, within 1e-6", kinds[k]);
        CHECK(name, n == cases[k] && worst <= 1e-6);
    }
}

/* Values of widely different sizes, equal neighbours, and rows longer than a run. */
static float *wide(int64_t n)
{
    float *x = image(n, 0);
    for (int64_t i = 0; i < n; i++)
        x[i] = i % 5 == 0 ? 0 : x[i] * (float)ldexp(1, -(int)(i * 31 % 60)) + 300;
    for (int64_t i = 0; i < n / 3; i++)
        x[i] -= i % 5 ? 300 : 0;
    return x;
}

static void adaptive(void)
{
    const int64_t size[3] = { 43, 9, 7 }, n = 43 * 9 * 7;
    static const char *const sets[] = { "sse2", "avx2", "avx512" };
    float *plain = wide(n), *first = NULL;
    double off = 0, most = 0;
    int same = 1, ok = gn_histogram_adapt_plain(plain, size, 5, &err) == 0;
    for (int k = 0; k < 3; k++)
        for (int threads = 1; threads <= 4; threads += 3) {
            if (gn_isa_choose(sets[k]))
                continue;
            float *x = wide(n);
            gn_pool_start(threads);
            ok &= gn_histogram_adapt(x, size, 5, &err) == 0;
            gn_pool_stop();
            for (int64_t i = 0; !first && i < n; i++) {
                off = fmax(off, fabs((double)x[i] - (double)plain[i]));
                most = fmax(most, fabs((double)plain[i]));
            }
            same &= !first || !memcmp(x, first, (size_t)n * sizeof *x);
            if (first)
                free(x);
            else
                first = x;
        }
    gn_isa_choose("sse2");
    printf("# kernel against plain: %.2g of the largest value\n", off / most);
    CHECK("adaptive: the kernel as the plain version", ok && off <= 3e-7 * most);
    CHECK("adaptive: the same bits on every instruction set, by one thread and by four", same);
    free(first);
    free(plain);
}

static void special(void)
{
    const int64_t size[3] = { 3, 1, 1 };
    float same[3] = { 4, 4, 4 }, bad[3] = { 1, NAN, 2 }, huge[3] = { -3e38f, 0, 3e38f };
    CHECK("one value only is left as it is",
          gn_histogram_match(same, 3, NULL, 1024, 16, &err) == 1 && same[0] == 4 &&
              gn_histogram_adapt(same, size, 5, &err) == 1 && same[2] == 4);
    CHECK("NaN is found", gn_histogram_match(bad, 3, NULL, 1024, 16, &err) == -1 &&
                              strstr(err.text, "not finite"));
    gn_err_clear(&err);
    CHECK("by the adaptive one too",
          gn_histogram_adapt(bad, size, 5, &err) == -1 && strstr(err.text, "not finite"));
    gn_err_clear(&err);
    CHECK("values that span too much are an error",
          gn_histogram_match(huge, 3, NULL, 1024, 16, &err) == -1);
    gn_err_clear(&err);
    /* matching an image to itself changes nothing but what rounding does */
    float *x = image(5000, 1), *y = image(5000, 1);
    struct gn_landmarks own = { 0 };
    int ok = gn_landmarks_of(y, 5000, 1024, 16, &own, &err) == 0 &&
             gn_histogram_match(x, 5000, &own, 1024, 16, &err) == 0;
    for (int i = 0; i < 5000; i++)
        ok &= fabs((double)x[i] - (double)y[i]) <= 1e-4;
    CHECK("an image matched to itself stays", ok);
    gn_landmarks_free(&own);
    free(x);
    free(y);
}

static void threads(void)
{
    enum { N = 300007 };
    float *x[2];
    for (int k = 0; k < 2; k++) {
        x[k] = image(N, 1);
        gn_pool_start(k ? 4 : 1);
        CHECK("equalised", gn_histogram_match(x[k], N, NULL, 1024, 16, &err) == 0);
        gn_pool_stop();
    }
    CHECK("one thread and four give the same bytes", !memcmp(x[0], x[1], N * sizeof *x[0]));
    free(x[0]);
    free(x[1]);
}

int main(void)
{
    all = golden_read("histogram.txt", &count);
    cases_by_hand();
    cases_of_itk();
    adaptive();
    special();
    threads();
    return check_done();
}
