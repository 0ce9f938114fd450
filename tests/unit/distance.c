/* distance.c - surface distances against scipy, the distance transform against all pairs,
 * percentiles against sorting. */
#include "metrics/distance.h"

#include <stdlib.h>

#include "base/pool.h"
#include "base/rng.h"
#include "check.h"
#include "golden_metrics.h"

static struct gn_err err;

static void test_golden(void)
{
    struct golden g;
    int regions = 0;
    double worst = 0;

    for (golden_open(&g); golden_next(&g);)
        while (golden_region(&g)) {
            struct gn_distance_scores s;
            gn_err_clear(&err);
            if (gn_distance_score(&g.ref, &g.pred, &g.regions.item[0], g.spacing, g.tolerance, &s,
                                  &err))
                abort();
            const double got[] = { s.hd95, s.hd100, s.nsd, s.assd };
            for (int k = 0; k < 4; k++)
                if (fabs(got[k] - g.value[4 + k]) > 1e-12) {
                    printf("# %s %s: column %d: %.17g, not %.17g\n", g.name, g.regions.item[0].text,
                           k, got[k], g.value[4 + k]);
                    worst = fmax(worst, fabs(got[k] - g.value[4 + k]));
                }
            regions++;
        }
    golden_close(&g);
    CHECK("all regions were read", regions == 20);
    CHECK_NEAR("hd95, hd100, nsd, assd as scipy and numpy", worst, 0, 1e-12);
}

/* Every voxel against every seed. */
static double transform_error(const int64_t size[3], const double spacing[3], double share,
                              uint32_t number)
{
    int64_t n = size[0] * size[1] * size[2];
    uint8_t *seed = calloc((size_t)n, 1);
    double *got = malloc((size_t)n * sizeof *got), worst = 0;
    struct gn_draw draw = gn_draw_at(7, "seeds", NULL, 0, number, 0);

    for (int64_t i = 0; i < n; i++)
        seed[i] = gn_draw_uniform(&draw, (uint64_t)i) < share;
    gn_distance_transform(seed, size, spacing, got);
    for (int64_t i = 0; i < n; i++) {
        double want = (double)INFINITY;
        for (int64_t j = 0; j < n; j++)
            if (seed[j]) {
                double x = (double)(i % size[0] - j % size[0]) * spacing[0];
                double y = (double)(i / size[0] % size[1] - j / size[0] % size[1]) * spacing[1];
                double z = (double)(i / size[0] / size[1] - j / size[0] / size[1]) * spacing[2];
                want = fmin(want, x * x + y * y + z * z);
            }
        if (isinf(want) || isinf(got[i]))
            worst = want == got[i] ? worst : (double)INFINITY;
        else
            worst = fmax(worst, fabs(got[i] - want) / fmax(1, want));
    }
    free(seed);
    free(got);
    return worst;
}

static void test_transform(void)
{
    const int64_t size[][3] = { { 19, 11, 7 }, { 1, 37, 9 }, { 40, 1, 1 },
                                { 8, 8, 8 },   { 3, 2, 31 }, { 1, 1, 1 } };
    const double spacing[][3] = { { 1, 1, 1 }, { 0.3, 2, 5 }, { 7, 0.01, 1 } },
                 share[] = { 0, 0.002, 0.03, 0.4, 1 };
    double worst = 0;
    uint32_t number = 0;

    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        for (size_t j = 0; j < sizeof spacing / sizeof *spacing; j++)
            for (size_t k = 0; k < sizeof share / sizeof *share; k++)
                worst = fmax(worst, transform_error(size[i], spacing[j], share[k], number++));
    CHECK_NEAR("the distance transform is exact", worst, 0, 1e-13);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void test_percentile(void)
{
    double v[200], sorted[200];
    int good = 1;

    for (size_t n = 1; n < 200; n++)
        for (int q = 0; q <= 100; q += 5) {
            struct gn_draw draw = gn_draw_at(1, "percentile", NULL, 0, (uint32_t)n, (uint8_t)q);
            for (size_t i = 0; i < n; i++)
                v[i] = sorted[i] = (double)gn_draw_below(&draw, i, 1 + n / 2); /* many equal ones */
            qsort(sorted, n, sizeof *sorted, by_size);
            double place = q / 100.0 * (double)(n - 1), low = floor(place);
            double want = sorted[(size_t)low];
            if (low + 1 < (double)n)
                want += (place - low) * (sorted[(size_t)low + 1] - want);
            good &= gn_percentile(v, n, q) == want;
        }
    CHECK("percentiles are those of the sorted numbers", good);
}

/* A structure of one voxel at (x, y, z) of a 5 x 4 x 3 image. */
static struct gn_tensor dot(int64_t x, int64_t y, int64_t z)
{
    struct gn_tensor t;
    if (gn_tensor_new4(&t, GN_INT16, 1, 3, 4, 5, &err))
        abort();
    if (x >= 0)
        gn_tensor_set(&t, (z * 4 + y) * 5 + x, 9);
    return t;
}

static void test_special(void)
{
    const double spacing[3] = { 0.1f, 2, 3 };
    struct gn_tensor none = dot(-1, 0, 0), a = dot(0, 0, 0), b = dot(4, 3, 2), near = dot(1, 0, 0),
                     one;
    struct gn_regions r = { 0 };
    struct gn_distance_scores s;
    double far = sqrt(16 * spacing[0] * spacing[0] + 36 + 36);

    gn_regions_add(&r, 9);
    gn_err_clear(&err);
    CHECK("nothing on both sides has no distance",
          gn_distance_score(&none, &none, &r.item[0], spacing, 1, &s, &err) == 0 && isnan(s.hd95) &&
              isnan(s.hd100) && isnan(s.nsd) && isnan(s.assd));
    CHECK("a missed structure is an image's diagonal away",
          gn_distance_score(&a, &none, &r.item[0], spacing, 100, &s, &err) == 0 && s.hd95 == far &&
              s.hd100 == far && s.assd == far && s.nsd == 0);
    CHECK("an invented one too",
          gn_distance_score(&none, &a, &r.item[0], spacing, 100, &s, &err) == 0 && s.hd100 == far);
    CHECK("from corner to corner is the same diagonal",
          gn_distance_score(&a, &b, &r.item[0], spacing, 1, &s, &err) == 0 &&
              fabs(s.hd100 - far) < 1e-14);
    CHECK("a float32 header's spacing is within a tolerance of that spacing",
          gn_distance_score(&a, &near, &r.item[0], spacing, 0.1, &s, &err) == 0 && s.nsd == 1 &&
              s.hd100 > 0.1);
    CHECK("and not within a smaller one",
          gn_distance_score(&a, &near, &r.item[0], spacing, 0.0999, &s, &err) == 0 && s.nsd == 0);
    if (gn_tensor_new4(&one, GN_UINT8, 1, 1, 1, 1, &err))
        abort();
    gn_tensor_set(&one, 0, 9);
    CHECK("an image of one voxel",
          gn_distance_score(&one, &one, &r.item[0], spacing, 0, &s, &err) == 0 && s.hd100 == 0 &&
              s.nsd == 1);
    CHECK("maps of different sizes are refused",
          gn_distance_score(&one, &a, &r.item[0], spacing, 0, &s, &err) == -1);
    gn_tensor_free(&one);
    gn_tensor_free(&none);
    gn_tensor_free(&a);
    gn_tensor_free(&b);
    gn_tensor_free(&near);
    gn_regions_free(&r);
}

int main(void)
{
    gn_pool_start(3);
    test_golden();
    test_transform();
    test_percentile();
    test_special();
    gn_pool_stop();
    return check_done();
}
