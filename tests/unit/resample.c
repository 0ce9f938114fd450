/* resample.c - resampling against ITK and TorchIO: tests/gen/image.py made the arrays. */
#include "image/resample.h"

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

int main(void)
{
    all = golden_read("image.txt", &count);
    rows();
    geometry();
    volumes();
    threads();
    broken_voxels();
    return check_done();
}
