/* stain.c - stains of histology pictures against numpy and scipy, and cases by hand. */
#include "image/stain.h"

#include "base/pool.h"
#include "check.h"
#include "golden.h"

static struct golden *all;
static int count;
static struct gn_err err;

/* n pixels r g b as components. */
static float *components(const int (*v)[3], int n)
{
    float *x = calloc((size_t)n * 3, sizeof *x);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 3; k++)
            x[k * n + i] = (float)v[i][k];
    return x;
}

static int matrix_near(const struct gn_stain_fit *fit, const double *want, double tol)
{
    int ok = 1;
    for (int i = 0; i < 6; i++)
        ok &= fabs(fit->matrix[i / 3][i % 3] - want[i]) <= tol;
    return ok;
}

static int top_near(const struct gn_stain_fit *fit, const double *want, double tol)
{
    return fabs(fit->top[0] - want[0]) <= tol && fabs(fit->top[1] - want[1]) <= tol;
}

static int within_a_level(const float *x, const int (*want)[3], int n)
{
    int ok = 1;
    for (int i = 0; i < 3 * n; i++)
        ok &= fabs((double)x[i % 3 * n + i / 3] - want[i / 3][i % 3]) <= 1;
    return ok;
}

static void by_hand(void)
{
    static const int a[4][3] = { { 120, 60, 140 }, { 200, 150, 190 }, { 240, 235, 245 },
                                 { 90, 40, 120 } },
                     b[4][3] = { { 110, 70, 160 }, { 210, 140, 180 }, { 230, 225, 235 },
                                 { 80, 50, 130 } },
                     want[4][3] = { { 105, 71, 167 }, { 186, 160, 219 }, { 237, 234, 246 },
                                    { 76, 48, 144 } };
    struct gn_stain_fit from, to;
    float *x = components(a, 4), *y = components(b, 4);
    int ok = gn_stain_fit(x, 4, GN_STAIN_RUIFROK, &from, &err) == 0 &&
             gn_stain_fit(y, 4, GN_STAIN_RUIFROK, &to, &err) == 0;
    CHECK("G60 ruifrok: 99th percentiles as GaNDLF",
          ok && top_near(&from, (const double[]){ 1.618509, 0.731745 }, 1e-5) &&
              top_near(&to, (const double[]){ 1.786068, 0.406309 }, 1e-5));
    ok = gn_stain_apply(x, 4, &from, &to, &err) == 0;
    CHECK("G60 ruifrok: colours as GaNDLF", ok && within_a_level(x, want, 4));
    free(x);
    free(y);
    CHECK("G61 lightness",
          gn_stain_lightness(255, 255, 255) == 255 && gn_stain_lightness(120, 60, 140) == 92 &&
              gn_stain_lightness(200, 150, 190) == 173 &&
              gn_stain_lightness(128, 128, 128) == 137 && gn_stain_lightness(10, 10, 10) == 7);
}

static void macenko_by_hand(void)
{
    static const int a[9][3] = { { 120, 60, 140 }, { 200, 150, 190 }, { 90, 40, 120 },
                                 { 180, 90, 150 }, { 150, 110, 180 }, { 210, 120, 170 },
                                 { 100, 70, 150 }, { 250, 248, 252 }, { 160, 60, 130 } };
    static const int b[9][3] = { { 110, 70, 160 }, { 210, 140, 180 }, { 80, 50, 130 },
                                 { 190, 100, 160 }, { 140, 100, 175 }, { 215, 110, 165 },
                                 { 95, 75, 155 }, { 249, 249, 251 }, { 170, 70, 140 } };
    static const int want[9][3] = { { 112, 60, 148 }, { 202, 150, 206 }, { 80, 39, 128 },
                                    { 190, 96, 169 }, { 139, 105, 186 }, { 224, 129, 189 },
                                    { 85, 62, 158 }, { 249, 247, 252 }, { 171, 67, 146 } };
    struct gn_stain_fit from, to;
    float *x = components(a, 9), *y = components(b, 9);
    int ok = gn_stain_fit(x, 9, GN_STAIN_MACENKO, &from, &err) == 0 &&
             gn_stain_fit(y, 9, GN_STAIN_MACENKO, &to, &err) == 0;
    CHECK("G74 macenko: stains as GaNDLF",
          ok &&
              matrix_near(&from, (const double[]){ .543290, .796054, .266708, .210576, .898547,
                                                   .385061 }, 1e-5) &&
              matrix_near(&to, (const double[]){ .588331, .765954, .259194, .173823, .902028,
                                                 .395135 }, 1e-5));
    CHECK("G74 macenko: 99th percentiles as GaNDLF",
          top_near(&from, (const double[]){ 1.693429, 1.349164 }, 1e-5) &&
              top_near(&to, (const double[]){ 1.850527, 1.164917 }, 1e-5));
    ok = gn_stain_apply(x, 9, &from, &to, &err) == 0;
    CHECK("G74 macenko: colours as GaNDLF", ok && within_a_level(x, want, 9));
    free(x);
    free(y);
}

/* ---- larger pictures ---- */

static float *picture(const char *name, int64_t *n)
{
    const struct golden *g = golden_find(all, count, name);
    float *x = calloc((size_t)g->n, sizeof *x);
    for (int64_t i = 0; i < g->n; i++)
        x[i] = (float)g->v[i];
    *n = g->n / 3;
    return x;
}

static const double *array(const char *method, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", method, what);
    return golden_find(all, count, name)->v;
}

static void against_numpy(void)
{
    for (int kind = GN_STAIN_RUIFROK; kind <= GN_STAIN_MACENKO; kind++) {
        const char *method = gn_stain_names[kind];
        struct gn_stain_fit from, to;
        char name[100];
        int64_t n;
        double off = 0;
        float *x = picture("source", &n), *y = picture("target", &n);
        int ok = gn_stain_fit(x, n, (enum gn_stain)kind, &from, &err) == 0 &&
                 gn_stain_fit(y, n, (enum gn_stain)kind, &to, &err) == 0;
        ok &= matrix_near(&from, array(method, "source"), 1e-6) &&
              matrix_near(&to, array(method, "target"), 1e-6) &&
              top_near(&from, array(method, "source") + 6, 1e-6) &&
              top_near(&to, array(method, "target") + 6, 1e-6);
        snprintf(name, sizeof name, "%s: stains and percentiles as numpy", method);
        CHECK(name, ok);
        ok = gn_stain_apply(x, n, &from, &to, &err) == 0;
        for (int64_t i = 0; i < 3 * n; i++)
            off = fmax(off, fabs((double)x[i] - array(method, "out")[i]));
        snprintf(name, sizeof name, "%s: colours as numpy, rounded", method);
        CHECK(name, ok && off <= 0.51);
        free(x);
        free(y);
    }
}

static double degrees(const double *a, const double *b)
{
    double c = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    return acos(c > 1 ? 1 : c) * 57.29577951308232;
}

static void vahadane(const char *name)
{
    const double *want = array("vahadane", name);
    struct gn_stain_fit fit, other;
    int64_t n;
    float *x = picture(name, &n);
    int ok = gn_stain_fit(x, n, GN_STAIN_VAHADANE, &fit, &err) == 0 &&
             gn_stain_fit(x, n, GN_STAIN_MACENKO, &other, &err) == 0 && !fit.fallback;
    printf("# %s: %.4f %.4f %.4f, %.4f %.4f %.4f\n", name, fit.matrix[0][0], fit.matrix[0][1],
           fit.matrix[0][2], fit.matrix[1][0], fit.matrix[1][1], fit.matrix[1][2]);
    for (int s = 0; s < 2; s++)
        ok &= fabs(degrees(fit.matrix[s], fit.matrix[s])) < 1e-5;
    CHECK("vahadane: rows of unit length, the redder first",
          ok && fit.matrix[0][0] > fit.matrix[1][0]);
    CHECK("vahadane: the directions of scipy's minimum", matrix_near(&fit, want, 1e-4));
    CHECK("vahadane: within 6 degrees of macenko's",
          degrees(fit.matrix[0], other.matrix[0]) < 6 &&
              degrees(fit.matrix[1], other.matrix[1]) < 6);
    free(x);
}

/* A picture without noise, of stains far apart, each alone in some pixels. */
static void from_known_stains(void)
{
    enum { N = 3000 };
    const double m[2][3] = { { .62, .70, .3544009 }, { .10, .95, .2958040 } };
    float *x = calloc(3 * N, sizeof *x), *y = calloc(3 * N, sizeof *y);
    struct gn_stain_fit from, to;
    for (int i = 0; i < N; i++) {
        const double c[2] = { i % 7 == 0 ? 0 : (i * 37 % 101) / 60.0,
                              i % 5 == 0 ? 0 : (i * 53 % 97) / 80.0 };
        for (int k = 0; k < 3; k++)
            x[k * N + i] = (float)floor(255 * exp(-c[0] * m[0][k] - c[1] * m[1][k]) + 0.5);
    }
    memcpy(y, x, 3 * N * sizeof *x);
    int ok = gn_stain_fit(x, N, GN_STAIN_MACENKO, &from, &err) == 0;
    CHECK("macenko: known stains come back within 2 degrees",
          ok && degrees(from.matrix[0], m[0]) < 2 && degrees(from.matrix[1], m[1]) < 2);
    for (int kind = GN_STAIN_MACENKO; kind <= GN_STAIN_VAHADANE; kind++) {
        const double levels = kind == GN_STAIN_MACENKO ? 1 : 5;
        char name[100];
        double off = 0;
        memcpy(x, y, 3 * N * sizeof *x);
        ok = gn_stain_fit(x, N, (enum gn_stain)kind, &from, &err) == 0 &&
             gn_stain_apply(x, N, &from, &from, &err) == 0;
        for (int i = 0; i < 3 * N; i++)
            off = fmax(off, fabs((double)x[i] - (double)y[i]));
        snprintf(name, sizeof name, "%s: a picture with itself as target stays, within %g levels",
                 gn_stain_names[kind], levels);
        CHECK(name, ok && off <= levels);
    }
    ok = gn_stain_fit(y, N, GN_STAIN_VAHADANE, &to, &err) == 0;
    double density[30], before[2][3] = { { .65, .7, .29 }, { .1, .98, .1 } }, last = INFINITY;
    for (int i = 0; i < 30; i++)
        density[i] = 0.1 + (i * 7 % 11) / 8.0;
    for (int k = 0; k < 3; k++) {
        double value = gn_stain_objective(density, 10, before);
        ok &= value <= last + 1e-12;
        last = value;
        gn_stain_factor(density, 10, before);
    }
    CHECK("vahadane: the objective does not grow, and stands still at the end",
          ok && fabs(last - gn_stain_objective(density, 10, before)) < 1e-9);
    free(x);
    free(y);
}

static void errors(void)
{
    float white[30], over[3] = { 10, 20, 300 };
    struct gn_stain_fit fit, to = { .matrix = { { 1, 0, 0 }, { 0, 1, 0 } }, .top = { 1, 1 } };
    for (int i = 0; i < 30; i++)
        white[i] = 255;
    CHECK("values above 255 are an error",
          gn_stain_fit(over, 1, GN_STAIN_RUIFROK, &fit, &err) == -1 &&
              strstr(err.text, "8-bit colours"));
    gn_err_clear(&err);
    CHECK("no tissue is an error", gn_stain_fit(white, 10, GN_STAIN_MACENKO, &fit, &err) == -1 &&
                                       strstr(err.text, "no tissue"));
    gn_err_clear(&err);
    int ok = gn_stain_fit(white, 10, GN_STAIN_RUIFROK, &fit, &err) == 0;
    CHECK("a target without stain is an error",
          ok && gn_stain_apply(white, 10, &fit, &fit, &err) == -1 &&
              strstr(err.text, "the target has no haematoxylin"));
    gn_err_clear(&err);
    ok = gn_stain_apply(white, 10, &fit, &to, &err) == 0;
    CHECK("white stays white", ok && white[0] == 255 && white[29] == 255);
    float grey[300];
    for (int i = 0; i < 300; i++)
        grey[i] = (float)(i % 100 + 20);
    ok = gn_stain_fit(grey, 100, GN_STAIN_MACENKO, &fit, &err) == 0;
    CHECK("a picture without two colours falls back to ruifrok's stains",
          ok && fit.fallback && fit.matrix[0][0] == .65);
}

static void threads(void)
{
    enum { N = 50021 };
    float *x[2];
    int ok = 1;
    for (int t = 0; t < 2; t++) {
        struct gn_stain_fit from, to;
        int64_t n;
        float *y = picture("target", &n), *s = picture("source", &n);
        x[t] = calloc(3 * N, sizeof *x[t]);
        for (int i = 0; i < 3 * N; i++)
            x[t][i] = s[i / N * n + i % N % n];
        gn_pool_start(t ? 4 : 1);
        ok &= gn_stain_fit(x[t], N, GN_STAIN_VAHADANE, &from, &err) == 0 &&
              gn_stain_fit(y, n, GN_STAIN_MACENKO, &to, &err) == 0 &&
              gn_stain_apply(x[t], N, &from, &to, &err) == 0;
        gn_pool_stop();
        free(y);
        free(s);
    }
    CHECK("one thread and four give the same bytes",
          ok && !memcmp(x[0], x[1], 3 * N * sizeof *x[0]));
    free(x[0]);
    free(x[1]);
}

int main(void)
{
    all = golden_read("stain.txt", &count);
    by_hand();
    macenko_by_hand();
    against_numpy();
    vahadane("source");
    vahadane("target");
    from_known_stains();
    errors();
    threads();
    return check_done();
}
