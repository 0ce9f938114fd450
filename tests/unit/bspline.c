/* bspline.c - every interpolation against SimpleITK (tests/gen/resample.py made the arrays), the
 * row kernels against the plain version, and what must hold of B-splines and Lanczos windows. */
#include "image/bspline.h"

#include "base/isa.h"
#include "base/pool.h"
#include "check.h"
#include "golden_image.h"
#include "image/regrid.h"

static const char *const sets[] = { "sse2", "avx2", "avx512" };

static double source(int64_t c, int64_t k, int64_t j, int64_t i)
{
    return (double)((7 * i + 5 * j + 3 * k + 2 * i * j + j * k + 11 * c) % 23 - 4);
}

static struct gn_tensor image_of(enum gn_dtype dtype, const int64_t n[3], int64_t channels,
                                 bool label)
{
    struct gn_tensor t;
    int64_t at = 0;
    if (gn_tensor_new4(&t, dtype, channels, n[2], n[1], n[0], &err))
        exit(1);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t k = 0; k < n[2]; k++)
            for (int64_t j = 0; j < n[1]; j++)
                for (int64_t i = 0; i < n[0]; i++)
                    gn_tensor_set(&t, at++, label ? (double)((i / 2 + j / 3 + k) % 4)
                                                  : source(c, k, j, i));
    return t;
}

static struct gn_grid grid_of(const char *name, const char *which)
{
    char full[64];
    struct gn_grid g;
    snprintf(full, sizeof full, "%s.%s", name, which);
    const double *v = get(full, 0)->v;
    for (int k = 0; k < 3; k++)
        g.size[k] = (int64_t)v[k];
    memcpy(g.affine, v + 3, sizeof g.affine);
    return g;
}

/* Largest |difference|; 1e9 when the counts or types differ. */
static double apart(const struct gn_tensor *a, const struct gn_tensor *b)
{
    double d = 0;
    if (gn_tensor_count(a) != gn_tensor_count(b) || a->dtype != b->dtype)
        return 1e9;
    for (int64_t i = 0; i < gn_tensor_count(a); i++)
        d = fmax(d, fabs(gn_tensor_get(a, i) - gn_tensor_get(b, i)));
    return d;
}

static bool same_bytes(const struct gn_tensor *a, const struct gn_tensor *b)
{
    size_t n = 0, m = 0;
    return gn_tensor_bytes(a, &n, &err) == 0 && gn_tensor_bytes(b, &m, &err) == 0 && n == m &&
           !memcmp(a->data, b->data, n);
}

/* The largest value is 18: 1e-6 of it. */
static void against_itk(const char *name)
{
    struct gn_grid from = grid_of(name, "from"), to = grid_of(name, "to");
    char full[64], text[120];
    double map[12];
    if (gn_resample_between(&from, &to, map, &err))
        exit(1);
    for (int how = GN_INTERP_NEAREST; how <= GN_INTERP_LANCZOS; how++) {
        const bool label = how == GN_INTERP_NEAREST;
        snprintf(full, sizeof full, "%s.%s", name, label ? "label" : gn_interp_names[how]);
        const struct golden *g = get(full, 0);
        const int64_t channels = g->n / gn_grid_voxels(to.size);
        struct gn_tensor in = image_of(label ? GN_UINT8 : GN_FLOAT32, from.size, channels, label);
        struct gn_tensor want = tensor(in.dtype, g->v, channels, to.size), out, plain;
        int ok = gn_resample(&in, map, to.size, (enum gn_interp)how, 0, &out, &err) == 0 &&
                 gn_resample_plain(&in, map, to.size, (enum gn_interp)how, 0, &plain, &err) == 0;
        snprintf(text, sizeof text, "%s: %s as SimpleITK", name, label ? "nearest" : full +
                 strlen(name) + 1);
        CHECK_NEAR(text, ok ? apart(&out, &want) : 1e9, 0, label ? 0 : 18e-6);
        snprintf(text, sizeof text, "%s: %s, the plain version", name, gn_interp_names[how]);
        CHECK_NEAR(text, ok ? apart(&plain, &want) : 1e9, 0, label ? 0 : 4e-6);
        gn_tensor_free(&in);
        gn_tensor_free(&want);
        gn_tensor_free(&out);
        gn_tensor_free(&plain);
    }
}

static void smoothed(void)
{
    struct gn_grid from = grid_of("oblique", "from"), to = grid_of("oblique", "to"), is;
    struct gn_tensor in = image_of(GN_INT16, from.size, 1, false), out, want, label, same;
    for (int how = GN_INTERP_LINEAR; how <= GN_INTERP_BSPLINE; how++) {
        struct gn_regrid step = { .step = GN_REGRID_GRID, .interp = (enum gn_interp)how,
                                  .antialias = true, .grid = to };
        char name[64], text[120];
        snprintf(name, sizeof name, "oblique.smooth_%s", gn_interp_names[how]);
        snprintf(text, sizeof text, "smoothed, then %s, as SciPy and SimpleITK",
                 gn_interp_names[how]);
        want = tensor(GN_FLOAT32, get(name, 0)->v, 1, to.size);
        int ok = gn_regrid(&step, &in, &from, false, &out, &is, &err) == 0;
        CHECK_NEAR(text, ok ? apart(&out, &want) : 1e9, 0, 18e-6);
        gn_tensor_free(&out);
        ok = gn_regrid(&step, &in, &from, true, &label, &is, &err) == 0;
        step.antialias = false;
        ok = ok && gn_regrid(&step, &in, &from, true, &same, &is, &err) == 0;
        CHECK("labels are not smoothed", ok && same_bytes(&label, &same));
        gn_tensor_free(&label);
        gn_tensor_free(&same);
        gn_tensor_free(&want);
    }
    gn_tensor_free(&in);
}

/* Scales from enlarging 3 times to shrinking 5 times, forwards and backwards: the kernels read
 * their rows in different ways. */
static void sets_and_threads(void)
{
    static const double scale[] = { 0.3, 0.77, 1.2, 1.9, 2.3, 4.9, -0.6, -1.3 };
    static const enum gn_dtype types[] = { GN_FLOAT32, GN_INT16, GN_FLOAT64, GN_UINT8 };
    const int64_t n[3] = { 83, 37, 21 };
    for (int how = GN_INTERP_NEAREST; how <= GN_INTERP_LANCZOS; how++) {
        int odd = 0, far = 0, runs = 0;
        double most = 0;
        char text[120];
        for (int m = 0; m < 10; m++) {
            struct gn_tensor in = image_of(types[m % 4], n, m % 3 + 1, false), plain, first;
            double map[12] = { 0 };
            int64_t size[3];
            for (int k = 0; k < 3; k++) {
                double s = m < 8 ? scale[(m + k) % 8] : 0.9;
                size[k] = (int64_t)((double)n[k] / fabs(s)) + 2;
                map[4 * k + k] = s;
                map[4 * k + 3] = s < 0 ? (double)n[k] - 0.83 : 0.5 * (s - 1) + 0.013;
            }
            if (m == 8) { /* turned round: z y x, and a flat output */
                map[0] = map[5] = map[10] = 0;
                map[2] = 0.7;
                map[5] = 1.1;
                map[8] = 0.4;
                size[2] = 70;
            } else if (m == 9) { /* askew */
                map[1] = 0.11;
                map[6] = -0.23;
                size[2] = 9;
            }
            int ok = gn_resample_plain(&in, map, size, (enum gn_interp)how, 2.5, &plain,
                                       &err) == 0;
            first = (struct gn_tensor){ 0 };
            for (int set = 0; set < 3; set++)
                for (int threads = 1; threads <= 3 && gn_isa_choose(sets[set]) == 0;
                     threads += 2) {
                    struct gn_tensor out;
                    gn_pool_start(threads);
                    ok &= gn_resample(&in, map, size, (enum gn_interp)how, 2.5, &out, &err) == 0;
                    gn_pool_stop();
                    runs++;
                    if (!first.data) {
                        most = fmax(most, apart(&out, &plain));
                        first = out;
                        continue;
                    }
                    odd += !same_bytes(&first, &out);
                    gn_tensor_free(&out);
                }
            far += !ok;
            gn_tensor_free(&in);
            gn_tensor_free(&plain);
            gn_tensor_free(&first);
        }
        snprintf(text, sizeof text, "%s: the kernels give what the plain version gives",
                 gn_interp_names[how]);
        CHECK_NEAR(text, far ? 1e9 : most, 0, how == GN_INTERP_NEAREST ? 0 : 18e-6);
        snprintf(text, sizeof text, "%s: the same bytes from any set and number of threads",
                 gn_interp_names[how]);
        CHECK(text, odd == 0 && runs > 10);
    }
    for (int set = 0; set < 3; set++) /* back to the best there is */
        gn_isa_choose(sets[set]);
}

/* A spline through its voxels, and exact for polynomials inside; Lanczos through its voxels. */
static void properties(void)
{
    const int64_t n[3] = { 19, 1, 2 };
    struct gn_tensor in = image_of(GN_FLOAT32, n, 2, false), out, twice;
    const double still[12] = { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 };
    const double askew[12] = { 1, 0, 0, 0, 0, 1, 1e-300, 0, 0, 0, 1, 0 };
    for (int how = GN_INTERP_BSPLINE; how <= GN_INTERP_LANCZOS; how++) {
        char text[120];
        int ok = gn_resample(&in, still, n, (enum gn_interp)how, 0, &out, &err) == 0 &&
                 gn_resample(&in, askew, n, (enum gn_interp)how, 0, &twice, &err) == 0;
        snprintf(text, sizeof text, "%s: the same grid gives the same bytes",
                 gn_interp_names[how]);
        CHECK(text, ok && same_bytes(&in, &out));
        snprintf(text, sizeof text, "%s: it passes through the voxels", gn_interp_names[how]);
        CHECK_NEAR(text, ok ? apart(&in, &twice) : 1e9, 0, 1e-5);
        gn_tensor_free(&out);
        gn_tensor_free(&twice);
    }
    gn_tensor_free(&in);

    double line[64], w[GN_TAPS_MOST], most = 0;
    for (int k = 0; k < 64; k++)
        line[k] = 0.01 * k * k * k - 0.4 * k * k + k;
    gn_bspline_line(line, 64);
    for (int k = 20; k < 44; k++)
        for (int q = 0; q < 4; q++) {
            double d = 0.25 * q, x = k + d, v = 0;
            gn_bspline_weights(d, w);
            for (int t = 0; t < 4; t++)
                v += w[t] * line[k - 1 + t];
            most = fmax(most, fabs(v - (0.01 * x * x * x - 0.4 * x * x + x)));
        }
    CHECK_NEAR("a cubic polynomial is its own spline, away from the ends", most, 0, 1e-7);

    most = 0;
    for (int q = 0; q <= 1000; q++) {
        double d = q / 1000.0, pi = 3.14159265358979323846;
        d = q == 1 ? 1e-9 : q == 999 ? 1 - 1e-9 : d;
        gn_lanczos_weights(d, w);
        for (int t = 0; t < 10; t++) {
            double x = pi * (d - (t - 4));
            double want = x == 0 ? 1 : sin(x) / x * (sin(x / 5) / (x / 5));
            most = fmax(most, fabs(w[t] - want));
        }
    }
    CHECK_NEAR("the weights of the Lanczos window", most, 0, 1e-14);
    CHECK("indices mirror at the border voxels' centres, as often as it takes",
          gn_bspline_mirror(-2, 3) == 2 && gn_bspline_mirror(4, 3) == 0 &&
          gn_bspline_mirror(3, 2) == 1 && gn_bspline_mirror(-9, 1) == 0);
}

int main(void)
{
    static const char *const names[] = { "iso", "iso_turned", "aniso", "aniso_turned", "oblique",
                                         "oblique_turned", "sheared", "sheared_to_iso", "flat",
                                         "flat_turned", "short", "long" };
    all = golden_read("resample.txt", &count);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        against_itk(names[i]);
    smoothed();
    sets_and_threads();
    properties();
    return check_done();
}
