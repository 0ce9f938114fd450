/* warp.c - moving images by maps: the fast version against the plain one, on every instruction set,
 * whole images and their windows, and copies of whole voxels. */
#include "image/warp.h"

#include <stdlib.h>

#include "base/isa.h"
#include "base/pool.h"
#include "base/rng.h"
#include "check.h"
#include "image/crop.h"

static struct gn_err err;
static struct gn_draw where;
static uint64_t number;

static double between(double lo, double hi)
{
    return gn_draw_range(&where, number++, lo, hi);
}

static struct gn_tensor noise(enum gn_dtype dtype, int64_t c, const int64_t n[3])
{
    struct gn_tensor t;
    if (gn_tensor_new4(&t, dtype, c, n[2], n[1], n[0], &err))
        exit(1);
    for (int64_t i = 0; i < gn_tensor_count(&t); i++)
        gn_tensor_set(&t, i, dtype == GN_FLOAT32 ? between(-10, 10) : floor(between(0, 200)));
    return t;
}

static int same(const struct gn_tensor *a, const struct gn_tensor *b)
{
    size_t bytes = 0;
    return a->dtype == b->dtype && !memcmp(a->shape, b->shape, 4 * sizeof *a->shape) &&
           gn_tensor_bytes(a, &bytes, &err) == 0 && !memcmp(a->data, b->data, bytes);
}

/* Share of elements that differ by more than tol. */
static double apart(const struct gn_tensor *a, const struct gn_tensor *b, double tol)
{
    int64_t n = gn_tensor_count(a), off = 0;
    for (int64_t i = 0; i < n; i++)
        off += !(fabs(gn_tensor_get(a, i) - gn_tensor_get(b, i)) <= tol);
    return (double)off / (double)n;
}

static void add_turn(struct gn_warp *w, const int64_t n[3], double size)
{
    double m[12];
    for (int r = 0; r < 3; r++) {
        double c = 0;
        for (int k = 0; k < 3; k++) {
            m[4 * r + k] = (r == k) + between(-size, size);
            if (n[2] == 1 && (r == 2 || k == 2))
                m[4 * r + k] = r == k;
            c += m[4 * r + k] * (double)(n[k] - 1) / 2;
        }
        m[4 * r + 3] = (double)(n[r] - 1) / 2 - c + (n[r] > 1 ? between(-1, 1) : 0);
    }
    gn_warp_add_matrix(w, m);
}

static void add_field(struct gn_warp *w, const int64_t n[3], const int64_t points[3], bool back)
{
    struct gn_spline *f = gn_spline_new(points);
    int64_t count = points[0] * points[1] * points[2];
    for (int a = 0; a < 3; a++) {
        f->scale[a] = (double)(points[a] - 3) / (double)n[a];
        f->shift[a] = f->scale[a] / 2;
        if (back && a < 2) {
            f->shift[a] = (double)(points[a] - 3) - f->shift[a];
            f->scale[a] = -f->scale[a];
        }
        for (int64_t i = 0; i < count; i++)
            f->d[a * count + i] = n[a] > 1 ? between(-2.5, 2.5) : 0;
    }
    gn_warp_add_field(w, f);
}

/* x and y change places, z is reversed: the matrix before a field. */
static void add_swap(struct gn_warp *w, const int64_t n[3])
{
    const double m[12] = {0, 1, 0, 0, 1, 0, 0, 0, 0, 0, -1, (double)(n[2] - 1)};
    gn_warp_add_matrix(w, m);
}

enum { KINDS = 8 };
static const char *const kind_names[KINDS] = {
    "affine", "field", "field, then affine", "affine, then field", "turned field",
    "two fields", "affine that leaves most of it", "field of a reversed grid"};

/* A map from an output of any size to an input of size n. */
static struct gn_warp make(int kind, const int64_t n[3])
{
    static const int64_t points[3] = {7, 5, 6}, more[3] = {4, 9, 5};
    struct gn_warp w = {0};
    if (kind == 3)
        add_turn(&w, n, 0.2);
    if (kind == 4)
        add_swap(&w, n);
    if (kind != 0 && kind != 6)
        add_field(&w, n, points, kind == 7);
    if (kind == 0 || kind == 2)
        add_turn(&w, n, 0.2);
    if (kind == 5) {
        add_turn(&w, n, 0.1);
        add_field(&w, n, more, false);
    }
    if (kind == 6)
        add_turn(&w, n, 1.5);
    return w;
}

static int run(const struct gn_warp *w, const struct gn_tensor *in, const struct gn_box *have,
               const int64_t n[3], const struct gn_box *want, const double *fill, bool plain,
               struct gn_tensor *out)
{
    enum gn_interp how = in->dtype == GN_FLOAT32 ? GN_INTERP_LINEAR : GN_INTERP_NEAREST;
    return plain ? gn_warp_run_plain(w, in, have, n, want, how, fill, out, &err)
                 : gn_warp_run(w, in, have, n, want, how, fill, out, &err);
}

static const double fill[3] = {-3, 7, 1};

/* Patches cut through their windows equal parts of the whole. */
static int windows_agree(const struct gn_warp *w, const struct gn_tensor *in, const int64_t n[3],
                         const struct gn_tensor *whole)
{
    int ok = 1;
    for (int k = 0; k < 6; k++) {
        struct gn_box want, have;
        struct gn_tensor win = {0}, got = {0}, part = {0};
        for (int a = 0; a < 3; a++) {
            int64_t size = whole->shape[3 - a];
            want.size[a] = 1 + (int64_t)between(0, (double)size);
            want.origin[a] = (int64_t)between(0, (double)(size - want.size[a]) + 1);
        }
        gn_warp_box(w, n, &want, &have);
        ok &= gn_image_cut(in, &have, GN_PAD_CONSTANT, &win, &err) == 0 &&
              gn_image_cut(whole, &want, GN_PAD_CONSTANT, &part, &err) == 0 &&
              run(w, &win, &have, n, &want, fill, false, &got) == 0 && same(&got, &part);
        gn_tensor_free(&win);
        gn_tensor_free(&got);
        gn_tensor_free(&part);
    }
    return ok;
}

static void fast_is_plain(const char *isa)
{
    static const int64_t sizes[4][3] = {{37, 18, 15}, {70, 31, 1}, {300, 4, 3}, {9, 1, 4}};
    static const enum gn_dtype dtypes[4] = {GN_FLOAT32, GN_UINT8, GN_INT16, GN_FLOAT64};
    for (int kind = 0; kind < KINDS; kind++) {
        double off = 0;
        int agree = 1, filled = 1;
        for (int s = 0; s < 4; s++)
            for (int d = 0; d < 4; d++) {
                struct gn_warp w = make(kind, sizes[s]);
                struct gn_tensor in = noise(dtypes[d], 3, sizes[s]), a = {0}, b = {0};
                struct gn_box all = {{0, 0, 0}, {sizes[s][0], sizes[s][1], sizes[s][2]}};
                if (run(&w, &in, &all, sizes[s], &all, fill, true, &a) ||
                    run(&w, &in, &all, sizes[s], &all, fill, false, &b))
                    exit(1);
                double part = apart(&a, &b, 1e-5);
                off = part > off ? part : off;
                agree &= windows_agree(&w, &in, sizes[s], &b);
                for (int64_t c = 0; kind == 6 && s < 2 && c < 3; c++) { /* some lies outside */
                    int64_t voxels = gn_grid_voxels(sizes[s]), n = 0;
                    for (int64_t i = 0; i < voxels; i++)
                        n += gn_tensor_get(&b, c * voxels + i) ==
                             (dtypes[d] == GN_UINT8 && c == 0 ? 0 : fill[c]);
                    filled &= n > voxels / 20;
                }
                gn_tensor_free(&in);
                gn_tensor_free(&a);
                gn_tensor_free(&b);
                gn_warp_free(&w);
            }
        char name[128];
        snprintf(name, sizeof name, "%s: %s: fast is plain", isa, kind_names[kind]);
        CHECK(name, off == 0 && filled);
        snprintf(name, sizeof name, "%s: %s: patches equal parts of the whole", isa,
                 kind_names[kind]);
        CHECK(name, agree);
    }
}

/* Equal bytes from every instruction set and any number of threads. */
static void same_bytes(void)
{
    static const char *const isas[] = {"sse2", "avx2", "avx512"};
    const int64_t n[3] = {75, 40, 23};
    struct gn_box all = {{0, 0, 0}, {75, 40, 23}};
    struct gn_tensor image = noise(GN_FLOAT32, 2, n), label = noise(GN_UINT8, 2, n);
    for (int kind = 0; kind < KINDS; kind++) {
        struct gn_warp w = make(kind, n);
        struct gn_tensor first[2] = {{0}, {0}};
        int ok = 1;
        for (int i = 0; i < 6; i++) {
            struct gn_tensor out = {0};
            if (gn_isa_choose(isas[i / 2]) < 0)
                continue;
            gn_pool_start(i % 2 ? 4 : 1);
            for (int k = 0; k < 2; k++) {
                ok &= run(&w, k ? &label : &image, &all, n, &all, fill, false, &out) == 0;
                if (first[k].data) {
                    ok &= same(&first[k], &out);
                    gn_tensor_free(&out);
                } else {
                    first[k] = out;
                }
            }
            gn_pool_stop();
        }
        char name[128];
        snprintf(name, sizeof name, "%s: equal bytes on every instruction set, 1 and 4 threads",
                 kind_names[kind]);
        CHECK(name, ok);
        gn_tensor_free(&first[0]);
        gn_tensor_free(&first[1]);
        gn_warp_free(&w);
    }
    gn_tensor_free(&image);
    gn_tensor_free(&label);
}

/* All 48 reorderings, with and without a shift that leaves the image. */
static void copies(const char *isa)
{
    static const int order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1},
                                    {2, 1, 0}};
    static const enum gn_dtype dtypes[4] = {GN_UINT8, GN_INT16, GN_FLOAT32, GN_FLOAT64};
    const int64_t n[3] = {70, 5, 67};
    struct gn_box all = {{0, 0, 0}, {70, 5, 67}};
    int inside = 1, shifted = 1, agree = 1;
    for (int d = 0; d < 4; d++) {
        struct gn_tensor in = noise(dtypes[d], 2, n);
        for (int k = 0; k < 96; k++) {
            struct gn_warp w = {0};
            struct gn_orientation o;
            struct gn_tensor a = {0}, b = {0}, c = {0};
            double m[12] = {0};
            struct gn_box want = {{0, 0, 0}, {0, 0, 0}};
            for (int r = 0; r < 3; r++) { /* input axis r follows output axis order[r] */
                int out = order[k % 6][r], flip = k / 6 >> r & 1;
                m[4 * r + out] = flip ? -1 : 1;
                m[4 * r + 3] =
                    (flip ? (double)(n[r] - 1) : 0) + (k < 48 ? 0 : floor(between(-9, 9)));
                want.size[out] = n[r];
            }
            gn_warp_add_matrix(&w, m);
            if (!gn_warp_is_exact(&w, &o) ||
                run(&w, &in, &all, n, &want, fill, false, &a) ||
                run(&w, &in, &all, n, &want, fill, true, &b) || gn_image_orient(&in, &o, &c, &err))
                exit(1);
            if (k < 48)
                inside &= same(&a, &b) && same(&a, &c);
            else
                shifted &= same(&a, &b);
            agree &= windows_agree(&w, &in, n, &a);
            gn_tensor_free(&a);
            gn_tensor_free(&b);
            gn_tensor_free(&c);
            gn_warp_free(&w);
        }
        gn_tensor_free(&in);
    }
    char name[128];
    snprintf(name, sizeof name, "%s: each of the 48 reorderings is the plain one", isa);
    CHECK(name, inside);
    snprintf(name, sizeof name, "%s: shifted out of the image, the rest is filled", isa);
    CHECK(name, shifted);
    snprintf(name, sizeof name, "%s: patches of reorderings equal parts of the whole", isa);
    CHECK(name, agree);
}

static void edges(void)
{
    const int64_t n[3] = {12, 10, 8};
    struct gn_box all = {{0, 0, 0}, {12, 10, 8}}, box;
    struct gn_tensor in = noise(GN_FLOAT32, 1, n), out = {0};
    double m[12] = {1, 0, 0, NAN, 0, 1, 0, 0, 0, 0, 1, 0};
    struct gn_warp w = {0};
    gn_warp_add_matrix(&w, m);
    int ok = run(&w, &in, &all, n, &all, fill, false, &out) == 0, filled = 1;
    for (int64_t i = 0; ok && i < gn_tensor_count(&out); i++)
        filled &= gn_tensor_get(&out, i) == fill[0];
    CHECK("a map to nowhere is all fill", ok && filled);
    gn_tensor_free(&out);
    gn_warp_free(&w);
    m[3] = 1e30;
    gn_warp_add_matrix(&w, m);
    ok = run(&w, &in, &all, n, &all, fill, false, &out) == 0;
    CHECK("so is one far away", ok && gn_tensor_get(&out, 77) == fill[0]);
    gn_warp_box(&w, n, &all, &box);
    CHECK("its window is the image's last voxels",
          box.origin[0] + box.size[0] == 12 && box.size[1] == 10);
    int64_t p[3] = {1, 2, 3};
    CHECK("no voxel can be followed there", !gn_warp_forward(&w, p, p));
    gn_tensor_free(&out);
    gn_warp_free(&w);
    m[3] = 0.25; /* an even ramp: linear is exact */
    gn_warp_add_matrix(&w, m);
    for (int64_t i = 0; i < gn_tensor_count(&in); i++)
        gn_tensor_set(&in, i, (double)(i % 12));
    ok = run(&w, &in, &all, n, &all, fill, false, &out) == 0;
    CHECK("a quarter voxel along a ramp, the last half voxel level",
          ok && gn_tensor_get(&out, 3) == 3.25 && gn_tensor_get(&out, 11) == 11);
    gn_tensor_free(&out);
    gn_warp_free(&w);
    gn_tensor_free(&in);
    /* The centre of a patch: where a voxel goes is read from that voxel. */
    int back = 1;
    for (int kind = 0; kind < KINDS; kind++)
        for (int i = 0; i < 50 && kind != 4 && kind != 6; i++) {
            const int64_t big[3] = {60, 50, 40};
            int64_t to[3];
            double q[3], r[3];
            w = make(kind, big);
            for (int a = 0; a < 3; a++)
                p[a] = 10 + (int64_t)between(0, (double)big[a] - 20);
            if (gn_warp_forward(&w, p, to)) {
                for (int a = 0; a < 3; a++)
                    q[a] = (double)to[a];
                gn_warp_point(&w, q, r);
                for (int a = 0; a < 3; a++)
                    back &= fabs(r[a] - (double)p[a]) < 1.5;
            } else {
                back = 0;
            }
            gn_warp_free(&w);
        }
    CHECK("forward is the inverse, rounded", back);
}

int main(void)
{
    static const char *const isas[] = {"sse2", "avx2", "avx512"};
    where = gn_draw_at(5, "warp", NULL, 0, 0, 0);
    for (int i = 0; i < 3; i++) {
        if (gn_isa_choose(isas[i]) < 0) {
            printf("# %s: not on this processor\n", isas[i]);
            continue;
        }
        fast_is_plain(isas[i]);
        copies(isas[i]);
    }
    same_bytes();
    edges();
    return check_done();
}
