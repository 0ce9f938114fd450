/* resample.c - resampling against ITK and TorchIO: tests/gen/image.py made the arrays. */
#include "image/regrid.h"

#include "base/pool.h"
#include "check.h"
#include "golden_image.h"

/* Largest |difference| as a share of the largest |value|; 1e9 when the counts differ. */
static double worst(const struct gn_tensor *t, const double *v, int64_t n)
{
    double d = 0, m = 1;
    if (gn_tensor_count(t) != n)
        return 1e9;
    for (int64_t i = 0; i < n; i++) {
        d = fmax(d, fabs(gn_tensor_get(t, i) - v[i]));
        m = fmax(m, fabs(v[i]));
    }
    return d / m;
}

static void to_size(int64_t size[3], const struct golden *g)
{
    for (int k = 0; k < 3; k++)
        size[k] = (int64_t)g->v[k];
}

/* A row 1..n along x with spacing 1 and identity affine. */
static struct gn_grid row(int n, struct gn_tensor *t)
{
    double v[16];
    struct gn_grid g = { { n, 1, 1 }, { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 } };
    for (int i = 0; i < n; i++)
        v[i] = i + 1;
    *t = tensor(GN_FLOAT32, v, 1, g.size);
    return g;
}

static void spacing_row(const char *name, int n, double spacing, enum gn_interp interp, double tol,
                        const double *want, int n_want)
{
    struct gn_tensor in, out;
    struct gn_grid from = row(n, &in), to;
    double map[12], s[3] = { spacing, 1, 1 };
    int ok = gn_resample_to_spacing(&from, s, GN_ALIGN_CORNER, &to, map, &err) == 0 &&
             gn_resample(&in, map, to.size, interp, 0, &out, &err) == 0;
    CHECK(name, ok && worst(&out, want, n_want) <= tol);
    gn_tensor_free(&in);
    gn_tensor_free(&out);
}

static void size_row(const char *name, int n, enum gn_align align, enum gn_interp interp,
                     const double *want, int n_want)
{
    struct gn_tensor in, out;
    struct gn_grid from = row(n, &in), to;
    double map[12];
    int64_t size[3] = { n_want, -1, -1 };
    int ok = gn_resample_to_size(&from, size, align, &to, map, &err) == 0 &&
             gn_resample(&in, map, to.size, interp, 0, &out, &err) == 0;
    CHECK(name, ok && worst(&out, want, n_want) <= 1e-6);
    gn_tensor_free(&in);
    gn_tensor_free(&out);
}

#define V(...)                                                                          \
    (const double[]){ __VA_ARGS__ }, (int)(sizeof(double[]){ __VA_ARGS__ } / sizeof(double))

static void rows(void)
{
    enum gn_interp lin = GN_INTERP_LINEAR, near = GN_INTERP_NEAREST;
    enum gn_align corner = GN_ALIGN_CORNER, center = GN_ALIGN_CENTER;
    spacing_row("G1 resample R5 to 0.5 as ITK", 5, 0.5, lin, 1e-6,
                V(1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4.25, 4.75, 5));
    spacing_row("G2 resample R5 to 2: a zero plane, as ITK", 5, 2, lin, 1e-6, V(1.5, 3.5, 0));
    spacing_row("G3 resample R5 to 2.5 as ITK", 5, 2.5, lin, 1e-6, V(1.75, 4.25));
    spacing_row("G3 resample R5 to 3 as ITK", 5, 3, lin, 1e-6, V(2, 5));
    spacing_row("G4 resample R10 to 3 as ITK", 10, 3, lin, 0, V(2, 5, 8, 0));
    spacing_row("G4 resample R10 to 3, nearest, as ITK", 10, 3, near, 0, V(2, 5, 8, 0));
    spacing_row("G5 resample R5 to 2, nearest, as ITK", 5, 2, near, 0, V(2, 4, 0));
    spacing_row("G5 resample R5 to 0.5, nearest, as ITK", 5, 0.5, near, 0,
                V(1, 1, 2, 2, 3, 3, 4, 4, 5, 5));
    size_row("G7 resize_image R4 to 8, first centres, as ITK", 4, center, lin,
             V(1, 1.5, 2, 2.5, 3, 3.5, 4, 0));
    size_row("G8 resize_image R4 to 2 as ITK", 4, center, lin, V(1, 3));
    size_row("G8 resize_image R4 to 3 as ITK", 4, center, lin, V(1, 7.0 / 3, 11.0 / 3));
    size_row("G9 resize_image R4 to 16 as ITK", 4, center, lin,
             V(1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 3.75, 4, 4, 0, 0));
    size_row("G10 resize_image R4 to 8, nearest, as ITK", 4, center, near,
             V(1, 2, 2, 3, 3, 4, 4, 0));
    size_row("G11 resize_patch R4 to 8 as numpy", 4, corner, lin,
             V(1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4));
    spacing_row("an image on its own grid is itself", 10, 1, lin, 0,
                V(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));

    struct gn_tensor in, out;
    struct gn_grid from = row(3, &in), to;
    double map[12];
    for (int i = 0; i < 2; i++) {
        double s[3] = { 1, 1, i ? 1.9 : 2 };
        int ok = gn_resample_to_spacing(&from, s, corner, &to, map, &err) == 0 &&
                 gn_resample(&in, map, to.size, lin, 0, &out, &err) == 0;
        CHECK("G6 an axis of one voxel stays as it is (the public rule can empty it)",
              ok && worst(&out, (const double[]){ 1, 2, 3 }, 3) == 0 && to.affine[10] == 1);
        gn_tensor_free(&out);
    }
    gn_tensor_free(&in);
}

static void geometry(void)
{
    struct gn_grid from = { { 5, 5, 5 }, { 2, 0, 0, 10, 0, 2, 0, 20, 0, 0, 2, 30 } }, to;
    double map[12], one[3] = { 1, 1, 1 };
    int64_t twice[3] = { 10, 10, 10 };
    int ok = gn_resample_to_spacing(&from, one, GN_ALIGN_CORNER, &to, map, &err) == 0;
    CHECK("G69 corners stay: the origin of a finer grid moves by half the difference", ok &&
          to.affine[3] == 9.5 && to.affine[7] == 19.5 && to.affine[11] == 29.5 &&
          to.affine[0] == 1);
    ok = gn_resample_to_size(&from, twice, GN_ALIGN_CENTER, &to, map, &err) == 0;
    CHECK("G69 first centres stay under --align center", ok && to.affine[3] == 10 &&
          to.affine[7] == 20 && to.affine[11] == 30 && to.affine[0] == 1);
    struct gn_grid odd = { { 240, 1, 1 }, { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 } };
    double s[3] = { 1.825, 1, 1 };
    ok = gn_resample_to_spacing(&odd, s, GN_ALIGN_CORNER, &to, map, &err) == 0;
    CHECK("240 voxels of 1 mm to 1.825 mm are 132, the origin moves by 0.4125 mm", ok &&
          to.size[0] == 132 && fabs(to.affine[3] - 0.4125) < 1e-12);
    odd.size[0] = 200;
    odd.affine[0] = (double)0.8f;
    s[0] = 1;
    ok = gn_resample_to_spacing(&odd, s, GN_ALIGN_CORNER, &to, map, &err) == 0;
    CHECK("200 voxels of float32 0.8 mm are 160 of 1 mm", ok && to.size[0] == 160);
    s[0] = -1;
    CHECK("a negative spacing is an error",
          gn_resample_to_spacing(&odd, s, GN_ALIGN_CORNER, &to, map, &err) == -1);
    err.code = 0;
    err.text[0] = 0;
}

static void volumes(void)
{
    int64_t size[3] = { 7, 6, 5 };
    struct gn_tensor image = tensor(GN_FLOAT32, get("image", 0)->v, 2, size), out, back;
    struct gn_tensor label = tensor(GN_INT16, get("label", 0)->v, 1, size);
    struct gn_grid from, to;
    double map[12];
    char name[100];
    if (gn_grid_of(&image, get("image.affine", 0)->v, &from, &err))
        exit(1);
    for (int i = 0; i < 4; i++) {
        const struct golden *a = get("spacing%d.image.affine", i), *g = get("spacing%d.image", i);
        int ok = gn_resample_to_spacing(&from, get("spacing%d", i)->v, GN_ALIGN_CORNER, &to, map,
                                        &err) == 0;
        double d = 0;
        for (int k = 0; k < 12; k++)
            d = fmax(d, fabs(to.affine[k] - a->v[k]));
        snprintf(name, sizeof name, "grid of an oblique image at spacing %d as TorchIO", i);
        CHECK(name, ok && d < 1e-6); /* TorchIO keeps a spacing in single precision on the way */
        ok = gn_resample(&image, map, to.size, GN_INTERP_LINEAR, 0, &out, &err) == 0;
        snprintf(name, sizeof name, "two components at spacing %d, linear, as TorchIO", i);
        CHECK_NEAR(name, ok ? worst(&out, g->v, g->n) : 1, 0, 1e-6);
        gn_tensor_free(&out);
        g = get("spacing%d.label", i);
        ok = gn_resample(&label, map, to.size, GN_INTERP_NEAREST, 0, &out, &err) == 0;
        snprintf(name, sizeof name, "labels at spacing %d, nearest, as TorchIO", i);
        CHECK(name, ok && out.dtype == GN_INT16 && worst(&out, g->v, g->n) == 0);
        gn_tensor_free(&out);
    }
    for (int i = 0; i < 3; i++) {
        int64_t n[3];
        to_size(n, get("resize%d", i));
        int ok = gn_resample_to_size(&from, n, GN_ALIGN_CENTER, &to, map, &err) == 0 &&
                 gn_resample(&image, map, n, GN_INTERP_LINEAR, 0, &out, &err) == 0;
        const struct golden *g = get("resize%d.image", i);
        snprintf(name, sizeof name, "resize_image %d, linear, as SimpleITK", i);
        CHECK_NEAR(name, ok ? worst(&out, g->v, g->n) : 1, 0, 1e-6);
        gn_tensor_free(&out);
        g = get("resize%d.label", i);
        ok = gn_resample(&label, map, n, GN_INTERP_NEAREST, 0, &out, &err) == 0;
        snprintf(name, sizeof name, "resize_image %d, labels, as SimpleITK", i);
        CHECK(name, ok && worst(&out, g->v, g->n) == 0);
        gn_tensor_free(&out);
    }
    const struct golden *g = get("oblique.image", 0);
    to_size(to.size, get("oblique.image.size", 0));
    memcpy(to.affine, get("oblique.image.affine", 0)->v, sizeof to.affine);
    int ok = gn_resample_between(&from, &to, map, &err) == 0, axis[3];
    CHECK("the map to an oblique grid is not separable", ok && !gn_resample_separable(map, axis));
    ok = gn_resample(&image, map, to.size, GN_INTERP_LINEAR, 0, &out, &err) == 0;
    CHECK_NEAR("an oblique grid, linear, as TorchIO", ok ? worst(&out, g->v, g->n) : 1, 0, 1e-6);
    gn_tensor_free(&out);
    g = get("oblique.label", 0);
    ok = gn_resample(&label, map, to.size, GN_INTERP_NEAREST, 0, &out, &err) == 0;
    CHECK("an oblique grid, nearest, as TorchIO", ok && worst(&out, g->v, g->n) == 0);
    gn_tensor_free(&out);

    /* reordered axes: the separable path with a permutation, and the general one */
    struct gn_grid turned = from;
    double first[12];
    for (int r = 0; r < 3; r++) { /* columns y, z, -x */
        turned.affine[4 * r] = from.affine[4 * r + 1] * 0.7;
        turned.affine[4 * r + 1] = from.affine[4 * r + 2] * 0.6;
        turned.affine[4 * r + 2] = -from.affine[4 * r];
    }
    double corner[3] = { 6, 0.25, 0.5 };
    gn_affine_shift(from.affine, corner, first);
    for (int r = 0; r < 3; r++)
        turned.affine[4 * r + 3] = first[4 * r + 3];
    turned.size[0] = 8;
    turned.size[1] = 7;
    turned.size[2] = 7;
    ok = gn_resample_between(&from, &turned, map, &err) == 0 && gn_resample_separable(map, axis) &&
         gn_resample(&image, map, turned.size, GN_INTERP_LINEAR, 0, &out, &err) == 0;
    map[1] += 1e-300; /* not separable any more, the same map */
    ok &= !gn_resample_separable(map, axis) &&
          gn_resample(&image, map, turned.size, GN_INTERP_LINEAR, 0, &back, &err) == 0;
    double d = 0;
    for (int64_t i = 0; ok && i < gn_tensor_count(&out); i++)
        d = fmax(d, fabs(gn_tensor_get(&out, i) - gn_tensor_get(&back, i)));
    CHECK("reordered axes: tables give what eight neighbours give", ok && d <= 1e-6 * 200);
    gn_tensor_free(&out);
    gn_tensor_free(&back);
    gn_tensor_free(&image);
    gn_tensor_free(&label);
}

static void threads(void)
{
    int64_t n[3] = { 41, 37, 29 };
    struct gn_tensor in, out[2];
    struct gn_grid from = { { 41, 37, 29 }, { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 } }, to;
    double map[12], s[3] = { 0.9, 1.3, 1.1 };
    int ok = gn_tensor_new4(&in, GN_INT16, 2, n[2], n[1], n[0], &err) == 0;
    for (int64_t i = 0; i < gn_tensor_count(&in); i++)
        ((int16_t *)in.data)[i] = (int16_t)(i * 7919 % 4001 - 1000);
    ok &= gn_resample_to_spacing(&from, s, GN_ALIGN_CORNER, &to, map, &err) == 0;
    for (int k = 0; k < 2; k++) {
        gn_pool_start(k ? 4 : 1);
        ok &= gn_resample(&in, map, to.size, GN_INTERP_LINEAR, 0, &out[k], &err) == 0;
        gn_pool_stop();
    }
    size_t bytes = 0;
    ok &= gn_tensor_bytes(&out[0], &bytes, &err) == 0;
    CHECK("one thread and four give the same bytes",
          ok && !memcmp(out[0].data, out[1].data, bytes));
    gn_tensor_free(&in);
    gn_tensor_free(&out[0]);
    gn_tensor_free(&out[1]);
}

/* A voxel that is not a number stays where it is when the grid does not move. */
static void broken_voxels(void)
{
    struct gn_grid g = { { 5, 4, 3 }, { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 } };
    /* the second is read voxel by voxel, as it is not separable; it moves nothing at y = 0 */
    const double maps[2][12] = { { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 },
                                 { 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 } };
    double v[60];

    for (int m = 0; m < 2; m++) {
        struct gn_tensor in, out = { 0 };
        int ok, odd = 0;

        for (int i = 0; i < 60; i++)
            v[i] = i;
        v[1] = NAN;
        v[3] = INFINITY;
        v[41] = -INFINITY;
        in = tensor(GN_FLOAT32, v, 1, g.size);
        ok = gn_resample(&in, maps[m], g.size, GN_INTERP_LINEAR, 0, &out, &err) == 0;
        for (int i = 0; ok && i < 60; i++) {
            double want = gn_tensor_get(&in, i), is = gn_tensor_get(&out, i);
            if (m == 0 || i % 20 < 5)
                odd += !(is == want || (isnan(is) && isnan(want)));
        }
        CHECK(m ? "a general map keeps NaN and infinity in their voxels"
                : "the identity keeps NaN and infinity in their voxels", ok && odd == 0);
        gn_tensor_free(&in);
        gn_tensor_free(&out);
    }
}

/* ---- there and back ---- */

static int count_of(const struct gn_tensor *a, const struct gn_tensor *b)
{
    int odd = 0;
    if (a->dtype != b->dtype || gn_tensor_count(a) != gn_tensor_count(b))
        return -1;
    for (int64_t i = 0; i < gn_tensor_count(a); i++)
        odd += gn_tensor_get(a, i) != gn_tensor_get(b, i);
    return odd;
}

static bool same_grid(const struct gn_grid *a, const struct gn_grid *b)
{
    return gn_grid_same_size(a->size, b->size) && !memcmp(a->affine, b->affine, sizeof a->affine);
}

/* A step on a tensor, which it replaces. */
static int step_on(struct gn_tensor *t, struct gn_grid *g, const struct gn_regrid *step, bool label)
{
    struct gn_tensor out;
    struct gn_grid to;
    int rc = gn_regrid(step, t, g, label, &out, &to, &err);
    gn_tensor_free(t);
    *t = rc ? (struct gn_tensor){ 0 } : out;
    *g = to;
    return rc;
}

/* Affine of one of 48 orientations; sheared or at right angles. */
static void oriented(int k, bool shear, double a[12])
{
    static const int order[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                     { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    static const double spacing[3] = { 0.7, 1.1, 2.3 }, off[3] = { 0.11, -0.07, 0.13 };
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 3; c++)
            a[4 * r + c] = shear ? off[(2 * r + c) % 3] * spacing[c] : 0;
        a[4 * r + 3] = 10.3 * (r + 1);
    }
    for (int c = 0; c < 3; c++) {
        double v = spacing[c] * (k >> c & 1 ? -1 : 1);
        a[4 * order[k / 8][c] + c] = v;
    }
}

static void orientations(void)
{
    static const enum gn_dtype types[] = { GN_UINT8, GN_INT16, GN_INT64, GN_FLOAT64 };
    const struct gn_regrid canonical = { .step = GN_REGRID_CANONICAL };
    const struct gn_regrid pad = { .step = GN_REGRID_PAD, .v = { 2, 1, 3 }, .n = 3,
                                   .pad = GN_PAD_SYMMETRIC };
    const struct gn_regrid crop = { .step = GN_REGRID_CROP, .v = { 1, 0, 1 }, .n = 3 };
    const struct gn_regrid centre = { .step = GN_REGRID_CENTER_CROP, .v = { 6, 9, 5 }, .n = 3 };
    int wrong = 0, turned = 0, lost = 0, extra = 0, runs = 0;
    for (int k = 0; k < 96; k++)
        for (int label = 0; label < 2; label++) {
            const int64_t n[3] = { 7, 5 + 2 * (k % 3), 3 + 2 * (k % 2) };
            struct gn_grid g = { { n[0], n[1], n[2] }, { 0 } }, at;
            struct gn_regrid back = { .step = GN_REGRID_GRID, .interp = GN_INTERP_LINEAR };
            struct gn_tensor in, t;
            double v[7 * 9 * 5];
            oriented(k % 48, k >= 48, g.affine);
            for (int i = 0; i < 7 * 9 * 5; i++)
                v[i] = 1 + i % 97;
            in = tensor(types[(k + label) % 4], v, 1, n);
            back.grid = g;

            at = g;
            t = tensor(in.dtype, v, 1, n);
            int rc = step_on(&t, &at, &canonical, label);
            for (int c = 0; c < 3 && !rc; c++) /* the largest of each column is on the diagonal */
                for (int r = 0; r < 3; r++)
                    turned += fabs(at.affine[4 * r + c]) > at.affine[5 * c];
            rc = rc || step_on(&t, &at, &pad, label) || step_on(&t, &at, &back, label);
            wrong += rc || count_of(&in, &t) != 0 || !same_grid(&g, &at);
            gn_tensor_free(&t);

            /* what a cut takes away comes back as 0, the rest as it was */
            at = g;
            t = tensor(in.dtype, v, 1, n);
            rc = step_on(&t, &at, &crop, label) || step_on(&t, &at, &canonical, label) ||
                 step_on(&t, &at, &centre, label) || step_on(&t, &at, &back, label);
            lost += rc || !same_grid(&g, &at) || t.dtype != in.dtype;
            int64_t kept = 0;
            for (int64_t i = 0; !rc && i < gn_tensor_count(&in); i++) {
                double is = gn_tensor_get(&t, i);
                extra += is != 0 && is != gn_tensor_get(&in, i);
                kept += is != 0;
            }
            extra += kept == 0;
            runs++;
            gn_tensor_free(&t);
            gn_tensor_free(&in);
        }
    CHECK("48 orientations, straight and sheared: canonical turns to R, A, S", turned == 0);
    CHECK("48 orientations, straight and sheared: canonical, pad and back return every value and "
          "type", wrong == 0 && runs == 192);
    CHECK("48 orientations, straight and sheared: crop, canonical, centre crop and back return "
          "what was kept", lost == 0 && extra == 0);
}

/* Sines of wavelength 20, w = 2 pi/20: at distance h a linear interpolation is off by at most
 * (h w)^2 / 8, a cubic spline by 5/384 (h w)^4; away from the border, where another plane may be
 * 0. */
static void smooth(void)
{
    enum { N = 33 };
    static const double finer[] = { 0.3, 0.5, 0.7, 0.9 }, coarser[] = { 1.2, 1.7 };
    const int64_t n[3] = { N, N, N };
    const double pi = 3.14159265358979323846;
    struct gn_tensor in, label, t;
    struct gn_grid g = { { N, N, N }, { 1, 0.1, 0, 3, 0, 1.2, 0, 4, 0.2, 0, 0.9, 5 } }, at;
    static double v[N * N * N], ball[N * N * N];
    double s[3];
    char text[120];
    for (int i = 0; i < N * N * N; i++) {
        double x = i % N, y = i / N % N, z = i / N / N;
        v[i] = (sin(2 * pi * x / 20) + cos(2 * pi * y / 20 + 1) + sin(2 * pi * z / 20 + 2)) / 3;
        x -= 16.2, y -= 15.7, z -= 16.4;
        ball[i] = x * x + y * y + z * z < 100;
    }
    in = tensor(GN_FLOAT32, v, 1, n);
    label = tensor(GN_UINT8, ball, 1, n);
    gn_affine_spacing(g.affine, s);
    for (int i = 0; i < 6; i++) {
        const double r = i < 4 ? finer[i] : coarser[i - 4];
        struct gn_regrid there = { .step = GN_REGRID_SPACING, .n = 3 };
        struct gn_regrid back = { .step = GN_REGRID_GRID, .grid = g };
        for (int k = 0; k < 3; k++)
            there.v[k] = s[k] * r;
        for (int how = GN_INTERP_LINEAR; how <= GN_INTERP_BSPLINE; how++) {
            const double w2 = pi * pi / 100;
            double most = 0, bound = (1 + r * r) / 8 * w2;
            if (how == GN_INTERP_BSPLINE)
                bound = (1 + r * r * r * r) * 5 / 384 * w2 * w2;
            there.interp = back.interp = (enum gn_interp)how;
            at = g;
            t = tensor(GN_FLOAT32, v, 1, n);
            int ok = step_on(&t, &at, &there, false) == 0 && step_on(&t, &at, &back, false) == 0;
            for (int64_t q = 0; ok && q < N * N * N; q++) {
                int64_t x = q % N, y = q / N % N, z = q / N / N;
                if (x >= 12 && x < N - 12 && y >= 12 && y < N - 12 && z >= 12 && z < N - 12)
                    most = fmax(most, fabs(gn_tensor_get(&t, q) - v[q]));
            }
            snprintf(text, sizeof text, "to spacing %g and back, %s: a smooth image within %.2g", r,
                     gn_interp_names[how], bound);
            CHECK(text, ok && most <= bound && most > bound / 1e4 && same_grid(&g, &at));
            gn_tensor_free(&t);
        }
        at = g;
        t = tensor(GN_UINT8, ball, 1, n);
        int ok = step_on(&t, &at, &there, true) == 0 && step_on(&t, &at, &back, true) == 0, odd = 0;
        int64_t differ = ok ? count_of(&label, &t) : -1;
        for (int64_t q = 0; ok && q < N * N * N; q++) { /* voxels may move by (1 + r)/2 an axis */
            double x = (double)(q % N) - 16.2, y = (double)(q / N % N) - 15.7;
            double z = (double)(q / N / N) - 16.4, d = fabs(sqrt(x * x + y * y + z * z) - 10);
            odd += d > (1 + r) / 2 * sqrt(3) && gn_tensor_get(&t, q) != ball[q];
        }
        snprintf(text, sizeof text, "labels to spacing %g and back: %s", r,
                 r < 1 ? "as they were" : "only the surface moves");
        CHECK(text, ok && odd == 0 && (r < 1 ? differ == 0 : differ > 0));
        gn_tensor_free(&t);
    }
    gn_tensor_free(&in);
    gn_tensor_free(&label);
}

int main(void)
{
    all = golden_read("image.txt", &count);
    rows();
    geometry();
    volumes();
    threads();
    broken_voxels();
    orientations();
    smooth();
    return check_done();
}
