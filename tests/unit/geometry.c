/* geometry.c - affines, orientation, boxes, cutting and padding. */
#include "image/geometry.h"

#include "check.h"
#include "golden.h"
#include "image/crop.h"

static struct golden *all;
static int count;

static const struct golden *get(const char *fmt, const char *arg)
{
    char name[64];
    snprintf(name, sizeof name, fmt, arg);
    return golden_find(all, count, name);
}

static struct gn_tensor tensor(const double *v, int64_t c, const int64_t size[3])
{
    struct gn_tensor t;
    struct gn_err err = { 0 };
    if (gn_tensor_new4(&t, GN_FLOAT32, c, size[2], size[1], size[0], &err))
        exit(1);
    for (int64_t i = 0; i < gn_tensor_count(&t); i++)
        gn_tensor_set(&t, i, v[i]);
    return t;
}

static int equal(const struct gn_tensor *t, const struct golden *g, double tol)
{
    int ok = gn_tensor_count(t) == g->n;
    for (int64_t i = 0; ok && i < g->n; i++)
        ok = fabs(gn_tensor_get(t, i) - g->v[i]) <= tol * fmax(1, fabs(g->v[i]));
    return ok;
}

static int same(const double *a, const double *b, int n, double tol)
{
    int ok = 1;
    for (int i = 0; i < n; i++)
        ok &= fabs(a[i] - b[i]) <= tol * fmax(1, fabs(b[i]));
    return ok;
}

static int boxes(const struct gn_box *b, int64_t x, int64_t nx)
{
    return b->origin[0] == x && b->size[0] == nx;
}

static void affines(void)
{
    struct gn_err err = { 0 };
    double a[12] = { 2, 0.5, 0, 10, 0, 3, -1, 20, 0.25, 0, 4, -5 }, b[12], c[12], s[3];
    CHECK("an affine is inverted", gn_affine_invert(a, b, &err) == 0);
    gn_affine_multiply(a, b, c);
    double one[12] = { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 };
    CHECK("an affine after its inverse moves nothing", same(c, one, 12, 1e-14));
    gn_affine_spacing(a, s);
    CHECK_NEAR("spacing is the length of a column", s[0], sqrt(4.0625), 1e-15);
    double p[3] = { 1, 2, 3 }, q[3], w[3];
    gn_affine_shift(a, p, c);
    double zero[3] = { 0, 0, 0 };
    gn_affine_point(a, p, q);
    gn_affine_point(c, zero, w);
    CHECK("the first voxel of a part stays where it was", same(q, w, 3, 0));
    double flat[12] = { 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0 };
    CHECK("a singular affine is refused", gn_affine_invert(flat, b, &err) == -1 && err.code == 1);
}

static void canonical(void)
{
    struct gn_err err = { 0 };
    int64_t size[3] = { 7, 6, 5 };
    const struct golden *image = get("image", "");
    struct gn_tensor in = tensor(image->v, 1, size), out;
    for (int i = 0; i < 5; i++) {
        char number[2] = { (char)('0' + i), 0 }, name[100];
        struct gn_grid g, to;
        struct gn_orientation o;
        if (gn_grid_of(&in, get("canonical%s", number)->v, &g, &err))
            exit(1);
        gn_grid_canonical(&g, &o, &to);
        const struct golden *s = get("canonical%s.image.size", number);
        int ok = s->v[0] == to.size[0] && s->v[1] == to.size[1] && s->v[2] == to.size[2];
        ok &= same(to.affine, get("canonical%s.image.affine", number)->v, 12, 1e-12);
        ok &= gn_image_orient(&in, &o, &out, &err) == 0;
        snprintf(name, sizeof name, "to_canonical of orientation %d as TorchIO", i);
        CHECK(name, ok && equal(&out, get("canonical%s.image", number), 0));
        gn_tensor_free(&out);
    }
    gn_tensor_free(&in);
    struct gn_grid g = { { 2, 1, 1 }, { -1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 } }, to;
    struct gn_orientation o;
    gn_grid_canonical(&g, &o, &to);
    double want[12] = { 1, 0, 0, -1, 0, 1, 0, 0, 0, 0, 1, 0 };
    CHECK("G73 to_canonical of a left-pointing axis: it turns round, origin -1", o.flip[0] &&
          !o.flip[1] && !o.flip[2] && same(to.affine, want, 12, 0));
    struct gn_grid picture = { { 4, 3, 1 }, { -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0 } };
    gn_grid_canonical(&picture, &o, &to);
    CHECK("a picture is flipped in x and y", o.flip[0] && o.flip[1] && !o.flip[2] &&
          o.axis[0] == 0 && o.axis[1] == 1);
}

static void box_rules(void)
{
    struct gn_box b;
    int64_t n7[3] = { 7, 1, 1 }, n4[3] = { 4, 1, 1 }, n6[3] = { 6, 1, 1 };
    gn_box_center(n7, n4, &b);
    CHECK("G12 centercrop 7 to 4 removes 2 first and 1 last as TorchIO", boxes(&b, 2, 4));
    gn_box_center(n4, n7, &b);
    CHECK("G12 centercrop 4 to 7 adds 2 first and 1 last as TorchIO", boxes(&b, -2, 7));
    double five[6] = { 0, 0, 5, 0, 0, 0 };
    struct gn_tensor t = tensor(five, 1, n6);
    int64_t want[3][3] = { { 1, 2, 1 }, { 3, 0, 3 }, { 4, 0, 4 } };
    for (int i = 0; i < 3; i++) {
        char name[80];
        bool found = false;
        int64_t patch[3] = { want[i][0], 1, 1 };
        gn_box_nonzero(&t, &b, &found);
        gn_box_grow(&b, patch, n6);
        snprintf(name, sizeof name, "G71 crop_external_zero_planes with patch %d by hand",
                 (int)patch[0]);
        CHECK(name, found && boxes(&b, want[i][1], want[i][2]));
    }
    bool found = false;
    gn_tensor_set(&t, 2, -0.0);
    gn_box_nonzero(&t, &b, &found);
    CHECK("-0 is zero", !found);
    gn_tensor_set(&t, 4, -3);
    gn_box_nonzero(&t, &b, &found);
    CHECK("a negative value is not zero", found && boxes(&b, 4, 1));
    gn_tensor_free(&t);
}

static void cuts(void)
{
    struct gn_err err = { 0 };
    int64_t size[3] = { 7, 6, 5 }, small[3] = { 4, 3, 2 };
    struct gn_tensor in = tensor(get("image", "")->v, 2, size), out;
    for (int i = 0; i < 2; i++) {
        char number[2] = { (char)('0' + i), 0 }, name[100];
        const struct golden *s = get("center%s", number);
        int64_t to[3] = { (int64_t)s->v[0], (int64_t)s->v[1], (int64_t)s->v[2] };
        struct gn_box b;
        double affine[12];
        gn_box_center(size, to, &b);
        int ok = gn_image_cut(&in, &b, GN_PAD_CONSTANT, &out, &err) == 0;
        gn_affine_shift_voxels(get("image.affine", "")->v, b.origin, affine);
        ok &= same(affine, get("center%s.image.affine", number)->v, 12, 1e-12);
        snprintf(name, sizeof name, "centre crop and pad %d as TorchIO", i);
        CHECK(name, ok && equal(&out, get("center%s.image", number), 0));
        gn_tensor_free(&out);
    }
    gn_tensor_free(&in);
    in = tensor(get("pad.image", "")->v, 1, small);
    for (int m = 0; gn_pad_names[m]; m++) {
        char name[100];
        struct gn_box b = { { -5, -2, -1 }, { 14, 7, 4 } };
        int ok = gn_image_cut(&in, &b, (enum gn_pad)m, &out, &err) == 0;
        snprintf(name, sizeof name, "padding mode %s as numpy", gn_pad_names[m]);
        CHECK(name, ok && equal(&out, get("pad.%s", gn_pad_names[m]), 2e-7));
        gn_tensor_free(&out);
    }
    struct gn_box none = { { 2, 0, 0 }, { 0, 3, 2 } };
    CHECK("a crop that leaves nothing is an error",
          gn_image_cut(&in, &none, GN_PAD_CONSTANT, &out, &err) == -1);
    gn_tensor_free(&in);
}

static void flips(void)
{
    int64_t size[3] = { 7, 6, 5 };
    struct gn_tensor t = tensor(get("image", "")->v, 2, size);
    gn_image_flip(&t, (bool[3]){ true, false, true });
    CHECK("flip in x and z as numpy", equal(&t, get("flip.xz", ""), 0));
    gn_image_flip(&t, (bool[3]){ true, true, true });
    gn_image_flip(&t, (bool[3]){ false, true, false });
    CHECK("flips undo each other", equal(&t, get("image", ""), 0));
    gn_tensor_free(&t);
}

/* Every order and direction of the axes, voxel by voxel; extents that fill no block. */
static void orders(enum gn_dtype dtype)
{
    static const int order[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                     { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    const int64_t size[2][3] = { { 37, 21, 70 }, { 1, 67, 18 } };
    for (int i = 0; i < 2 * 48; i++) {
        const int64_t *n = size[i / 48], step[3] = { 1, n[0], n[0] * n[1] };
        struct gn_orientation o;
        struct gn_tensor in, out;
        struct gn_err err = { 0 };
        char name[100];
        for (int k = 0; k < 3; k++) {
            o.axis[k] = order[i % 6][k];
            o.flip[k] = i / 6 >> k & 1;
        }
        if (gn_tensor_new4(&in, dtype, 2, n[2], n[1], n[0], &err))
            exit(1);
        for (int64_t v = 0; v < gn_tensor_count(&in); v++)
            gn_tensor_set(&in, v, (double)(v * 7 % 251));
        int ok = gn_image_orient(&in, &o, &out, &err) == 0;
        for (int64_t v = 0; ok && v < gn_tensor_count(&out); v++) {
            int64_t rest = v, from = 0;
            for (int k = 0; k < 3; k++) {
                int64_t m = out.shape[3 - k], at = rest % m;
                rest /= m;
                from += (o.flip[k] ? m - 1 - at : at) * step[o.axis[k]];
            }
            from += rest * step[2] * n[2];
            ok = gn_tensor_get(&out, v) == gn_tensor_get(&in, from);
        }
        ok = ok && out.shape[3] == n[o.axis[0]] && out.shape[1] == n[o.axis[2]];
        snprintf(name, sizeof name, "all orientations of %s, %d the last, voxel by voxel",
                 gn_dtype_names[dtype], i);
        if (!ok || i == 95)
            CHECK(name, ok);
        gn_tensor_free(&in);
        gn_tensor_free(&out);
    }
}

int main(void)
{
    all = golden_read("image.txt", &count);
    affines();
    canonical();
    box_rules();
    cuts();
    flips();
    orders(GN_UINT8);
    orders(GN_INT16);
    orders(GN_FLOAT32);
    orders(GN_FLOAT64);
    return check_done();
}
