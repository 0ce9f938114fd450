/* doctor.c - axes, handedness and corners of grids worked out by hand; what a pass over voxels
 * counts; when two images are the same. */
#include <stdlib.h>

#include "../../libcore/image/doctor.h"
#include "check.h"

static void test_axes(void)
{
    static const struct {
        double m[12];
        const char *codes;
        bool left;
    } want[] = {
        { { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 }, "RAS", false },
        { { -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0 }, "LPS", false },
        { { -2, 0, 0, 90, 0, 2, 0, -126, 0, 0, 2, -72 }, "LAS", true },
        { { 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0 }, "ASR", false },
        { { 0, 0, 1, 0, -1, 0, 0, 0, 0, -1, 0, 0 }, "PIR", false },
        { { 0, 0, 1, 0, -1, 0, 0, 0, 0, 1, 0, 0 }, "PSR", true },
        /* turned by 30 degrees about z, then x reversed */
        { { -0.866, -0.5, 0, 5, -0.5, 0.866, 0, 6, 0, 0, 3, 7 }, "LAS", true },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        char codes[4], name[80];
        gn_doctor_axes(want[i].m, codes);
        snprintf(name, sizeof name, "axes %s and their hand", want[i].codes);
        CHECK(name, !strcmp(codes, want[i].codes) &&
                        gn_doctor_left_handed(want[i].m) == want[i].left);
    }
}

static void test_corners(void)
{
    struct gn_grid a = { { 10, 20, 30 }, { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 } }, b = a;
    double rounding;
    CHECK("a grid lies on itself", gn_doctor_corners(&a, &b, &rounding) == 0);
    b.affine[3] = 3;
    b.affine[7] = -4;
    CHECK_NEAR("a shift of 3 and -4 mm is 5", gn_doctor_corners(&a, &b, &rounding), 5, 1e-12);
    b = a;
    b.affine[10] = 1.01;
    /* z corners -0.5 and 29.5: 1 % of the farther one */
    CHECK_NEAR("a longer voxel shows at the far end", gn_doctor_corners(&a, &b, &rounding), 0.295,
               1e-12);
    b = (struct gn_grid){ { 5, 10, 15 }, { 2, 0, 0, 0.5, 0, 2, 0, 0.5, 0, 0, 2, 0.5 } };
    CHECK_NEAR("voxels twice as large over the same extent", gn_doctor_corners(&a, &b, &rounding),
               0, 1e-12);
    b.affine[3] = b.affine[7] = b.affine[11] = 0;
    CHECK_NEAR("the same with the first centres in one place",
               gn_doctor_corners(&a, &b, &rounding), sqrt(0.75), 1e-12);
    a.affine[3] = b.affine[3] = 1000;
    gn_doctor_corners(&a, &b, &rounding);
    CHECK("float32 headers round what is far from 0", rounding > 1e-4 && rounding < 1e-3);
}

static struct gn_tensor make(enum gn_dtype dtype, int64_t z, int64_t y, int64_t x)
{
    struct gn_tensor t;
    struct gn_err err = { 0 };
    if (gn_tensor_new4(&t, dtype, 1, z, y, x, &err))
        exit(1);
    return t;
}

static uint64_t hash_of(const struct gn_tensor *t)
{
    struct gn_doctor_voxels v;
    gn_doctor_look(t, false, &v);
    gn_doctor_free(&v);
    return v.hash;
}

static void test_counts(void)
{
    struct gn_tensor t = make(GN_FLOAT32, 3, 41, 47); /* no multiple of any block */
    float *p = t.data;
    struct gn_doctor_voxels v;
    for (int i = 0; i < 3 * 41 * 47; i++)
        p[i] = (float)(i % 7);
    p[17] = NAN;
    p[5000] = NAN;
    p[5001] = INFINITY;
    p[5002] = -INFINITY;
    p[3] = -12.25f;
    p[5780] = 99.0004f;
    gn_doctor_look(&t, true, &v);
    CHECK("every voxel is counted", v.voxels == 3 * 41 * 47 && v.nan == 2 && v.inf == 2);
    CHECK("the range is that of the finite values", v.lo == -12.25 && v.hi == (double)99.0004f);
    CHECK("the farthest from a whole number", v.off == 0.25);
    CHECK("labels are listed once, ascending, rounded",
          v.values == 9 && v.value[0] == -12 && v.value[1] == 0 && v.value[7] == 6 &&
              v.value[8] == 99 && !v.more);
    CHECK("it is not constant", !gn_doctor_constant(&v));
    gn_doctor_free(&v);
    for (int i = 0; i < 3 * 41 * 47; i++)
        p[i] = 2.5f;
    gn_doctor_look(&t, false, &v);
    CHECK("one value everywhere is constant", gn_doctor_constant(&v) && v.lo == 2.5 && !v.value);
    p[100] = NAN;
    gn_doctor_look(&t, false, &v);
    CHECK("and with a NaN is not", !gn_doctor_constant(&v));
    for (int i = 0; i < 3 * 41 * 47; i++)
        p[i] = NAN;
    gn_doctor_look(&t, true, &v);
    CHECK("of NaN alone there is no range, and no label",
          v.lo > v.hi && v.values == 0 && v.off == 0 && !gn_doctor_constant(&v));
    gn_doctor_free(&v);
    for (int i = 0; i < 3 * 41 * 47; i++)
        p[i] = (float)i;
    gn_doctor_look(&t, true, &v);
    CHECK("more labels than any atlas has are said to be so",
          v.values == GN_DOCTOR_VALUES && v.more);
    gn_doctor_free(&v);
    gn_tensor_free(&t);
}

static void test_hash(void)
{
    struct gn_tensor a = make(GN_INT16, 5, 29, 37), b = make(GN_FLOAT64, 5, 29, 37),
                     c = make(GN_UINT8, 29, 5, 37);
    int16_t *p = a.data;
    double *q = b.data;
    uint8_t *r = c.data;
    bool order = true, change = true;
    uint64_t h;
    for (int i = 0; i < 5 * 29 * 37; i++)
        q[i] = p[i] = r[i] = (uint8_t)(i * i % 251);
    h = hash_of(&a);
    CHECK("the type does not matter", h == hash_of(&b));
    CHECK("the shape does", h != hash_of(&c));
    q[0] = -0.0;
    CHECK("-0 is 0", h == hash_of(&b));
    q[9] = NAN;
    h = hash_of(&b);
    q[9] = -NAN;
    CHECK("a NaN is a NaN", h == hash_of(&b));
    q[9] = INFINITY;
    CHECK("and no infinity", h != hash_of(&b));
    q[9] = p[9];
    h = hash_of(&b);
    for (int d = 1; d <= 40; d++) /* voxels that change places, within a lane and across */
        for (int i = 2040; i < 2056; i++) {
            double x = q[i], y = q[i + d];
            q[i] = y;
            q[i + d] = x;
            order = order && (x == y) == (h == hash_of(&b));
            q[i] = x;
            q[i + d] = y;
        }
    CHECK("no two voxels can change places", order);
    for (int i = 0; i < 5 * 29 * 37; i += 61) {
        double x = q[i];
        q[i] = nextafter(x, 1e9);
        change = change && h != hash_of(&b);
        q[i] = x;
    }
    CHECK("no voxel can change by the least there is", change && h == hash_of(&b));
    gn_tensor_free(&a);
    gn_tensor_free(&b);
    gn_tensor_free(&c);
}

int main(void)
{
    test_axes();
    test_corners();
    test_counts();
    test_hash();
    return check_done();
}
