/* kspace.c - masks, ghosts, spikes and motion: golden cases of NumPy and TorchIO 0.19.6, the plain
 * versions, instruction sets and threads, and the four operations. Draws: augment_draws.c. */
#include "image/kspace.h"

#include <stdlib.h>

#include "base/isa.h"
#include "base/pool.h"
#include "check.h"
#include "golden.h"
#include "image/augment.h"

static struct gn_err err;
static const double eye[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};

static struct gn_tensor empty(const int64_t size[3], int64_t c)
{
    struct gn_tensor t;
    if (gn_tensor_new4(&t, GN_FLOAT32, c, size[2], size[1], size[0], &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return t;
}

/* The generator's scrambled image: 0..100 + offset. */
static struct gn_tensor scrambled(const int64_t size[3], int64_t c, double offset)
{
    struct gn_tensor t = empty(size, c);
    for (int64_t i = 0; i < gn_tensor_count(&t); i++)
        ((float *)t.data)[i] =
            (float)((double)((uint32_t)((uint64_t)i * 2654435761u) >> 16) / 65536 * 100 + offset);
    return t;
}

/* The same without its order: no two frequencies weigh the same. */
static struct gn_tensor noise(const int64_t size[3], double offset)
{
    struct gn_tensor t = empty(size, 1);
    struct gn_draw d = gn_draw_at(1, "noise", NULL, 0, 0, 0);
    for (int64_t i = 0; i < gn_tensor_count(&t); i++)
        ((float *)t.data)[i] = (float)(100 * gn_draw_uniform(&d, (uint64_t)i) + offset);
    return t;
}

/* Bumps around zero: low frequencies. */
static struct gn_tensor smooth(const int64_t size[3])
{
    struct gn_tensor t = empty(size, 1);
    int64_t i = 0;
    for (int64_t z = 0; z < size[2]; z++)
        for (int64_t y = 0; y < size[1]; y++)
            for (int64_t x = 0; x < size[0]; x++) {
                double v = sin(0.5 * (double)x + 0.2 * (double)z) + cos(0.3 * (double)y);
                ((float *)t.data)[i] = (float)(v - 0.1 + (double)(i % 7) * 0.03);
                i++;
            }
    return t;
}

static struct gn_tensor copy(const struct gn_tensor *t)
{
    struct gn_tensor to;
    if (gn_tensor_convert(t, t->dtype, &to, &err))
        exit(1);
    return to;
}

/* Largest difference over the range of the second. */
static double apart(const struct gn_tensor *a, const struct gn_tensor *b)
{
    double most = 0, lo = gn_tensor_get(b, 0), hi = lo;
    for (int64_t i = 0; i < gn_tensor_count(b); i++) {
        double v = gn_tensor_get(b, i), d = fabs(v - gn_tensor_get(a, i));
        lo = v < lo ? v : lo;
        hi = v > hi ? v : hi;
        most = d > most || isnan(d) ? d : most;
    }
    return most / (hi > lo ? hi - lo : 1);
}

static int same(const struct gn_tensor *a, const struct gn_tensor *b)
{
    return !memcmp(a->data, b->data, (size_t)gn_tensor_count(a) * sizeof(float));
}

/* ---- golden data ---- */

enum { MASK, GHOST, SPIKE, MOTION };

static int run(int kind, struct gn_tensor *t, const double *affine, const double *p)
{
    if (kind == MASK)
        return gn_kspace_mask(t, (int)p[0], p + 1, &err);
    if (kind == GHOST)
        return gn_kspace_ghost(t, (int)p[0], (int64_t)p[1], p[2], &err);
    double fill[8];
    int64_t voxels = gn_tensor_count(t) / t->shape[0];
    for (int64_t c = 0; c < t->shape[0]; c++) {
        fill[c] = gn_tensor_get(t, c * voxels);
        for (int64_t i = 1; i < voxels; i++)
            fill[c] = fmin(fill[c], gn_tensor_get(t, c * voxels + i));
    }
    int n = (int)p[0];
    struct gn_motion m = {n, p + 1, p + 1 + n, p + 1 + 4 * n, GN_INTERP_LINEAR, -1, false};
    return gn_kspace_move(t, affine, &m, fill, &err);
}

/* All cases of a kind; the largest difference over the range. */
static double golden(const struct golden *all, int count, const char *name, int *cases)
{
    double most = 0;
    *cases = 0;
    for (int i = 0; i + 1 < count; i++) {
        const struct golden *in = &all[i], *out = &all[i + 1];
        if (strncmp(in->name, name, strlen(name)) || !strstr(in->name, ".in"))
            continue;
        int64_t size[3] = {(int64_t)in->v[1], (int64_t)in->v[2], (int64_t)in->v[3]};
        struct gn_tensor t = scrambled(size, (int64_t)in->v[4], in->v[5]);
        const double *p = in->v + 18;
        int bad = in->v[0] == SPIKE
                      ? gn_kspace_spike(&t, (int)(in->n - 19) / 3, p + 1, p[0], &err)
                      : run((int)in->v[0], &t, in->v + 6, p);
        double lo = 1e30, hi = -1e30, off = bad ? 1e30 : 0;
        for (int64_t k = 0; k + 1 < out->n; k++) {
            double v = out->v[k + 1], d = fabs(v - gn_tensor_get(&t, k * (int64_t)out->v[0]));
            lo = v < lo ? v : lo;
            hi = v > hi ? v : hi;
            off = d > off || isnan(d) ? d : off;
        }
        if (!(off <= 1e-4 * (hi - lo)))
            printf("# %s: %g of %g\n", in->name, off, hi - lo);
        most = fmax(most, off / (hi - lo));
        (*cases)++;
        gn_tensor_free(&t);
    }
    return most;
}

static void references(void)
{
    int count, cases;
    struct golden *all = golden_read("kspace.txt", &count);
    double off = golden(all, count, "mask", &cases);
    CHECK("numpy.fft: masks along x, y and z, even, odd and prime sizes, 2-D and 3-D",
          cases == 21 && off < 1e-5);
    off = golden(all, count, "ghost", &cases);
    CHECK("TorchIO: ghosting", cases == 26 && off < 1e-5);
    off = golden(all, count, "spike", &cases);
    CHECK("TorchIO: a spike in images without negative voxels", cases == 10 && off < 1e-5);
    off = golden(all, count, "negative", &cases);
    CHECK("numpy.fft: one and two spikes in images with negative voxels",
          cases == 20 && off < 1e-5);
    off = golden(all, count, "motion", &cases);
    CHECK("TorchIO: motion of isotropic, anisotropic and oblique images and of planes, 1 and 4 "
          "components", cases == 10 && off < 1e-4);
    for (int i = 0; i < count; i++)
        free(all[i].v);
    free(all);
}

/* ---- cases by hand ---- */

static int is(const char *values, const struct gn_tensor *t)
{
    int ok = 1;
    for (int64_t i = 0; i < gn_tensor_count(t); i++) {
        char *end;
        double v = strtod(values, &end);
        ok &= end != values && fabs(v - gn_tensor_get(t, i)) <= 1e-4 * fmax(1, fabs(v));
        values = end;
    }
    return ok;
}

static struct gn_tensor t_of(int64_t nx, int64_t ny, int64_t nz)
{
    const int64_t size[3] = {nx, ny, nz};
    struct gn_tensor t = empty(size, 1);
    int64_t n = 0;
    for (int64_t k = 0; k < nz; k++)
        for (int64_t j = 0; j < ny; j++)
            for (int64_t i = 0; i < nx; i++)
                ((float *)t.data)[n++] = (float)((7 * i + 5 * j + 3 * k) % 11);
    return t;
}

static struct gn_tensor row(void)
{
    const int64_t size[3] = {8, 1, 1};
    struct gn_tensor t = empty(size, 1);
    for (int i = 0; i < 4; i++)
        ((float *)t.data)[i] = (float)(i + 1);
    return t;
}

static void hand(void)
{
    const double u44[3] = {0.8, 0, 0}, u46[6] = {0.9, 0.1, 0.6, 0.5, 0.5, 0.5};
    struct gn_tensor t = row();
    CHECK("G41: ghosting along x, 4 ghosts", gn_kspace_ghost(&t, 0, 4, 1, &err) == 0 &&
          is("1.25 1.75 3.25 3.75 0.25 -0.25 0.25 -0.25", &t));
    gn_tensor_free(&t);
    t = row();
    CHECK("G42: 3 ghosts, half as strong", gn_kspace_ghost(&t, 0, 3, 0.5, &err) == 0 &&
          is("1.27589 1.69822 2.54733 3.41161 0.224112 0.301777 0.452665 0.0883883", &t));
    gn_tensor_free(&t);
    t = t_of(4, 3, 2);
    CHECK("G43: along y", gn_kspace_ghost(&t, 1, 2, 0.75, &err) == 0 &&
          is("3.75 5.25 4 8.25 5 3.75 5.25 6.75 6.25 5 3.75 8 4 8.25 4.25 3 5.25 6.75 2.75 4.25 "
             "3.75 8 4 2.75", &t));
    gn_tensor_free(&t);
    t = row();
    CHECK("G44: a spike along x", gn_kspace_spike(&t, 1, u44, 1, &err) == 0 &&
          is("2.25 2 1.75 4 1.25 0 -1.25 0", &t));
    gn_tensor_free(&t);
    t = t_of(4, 3, 2);
    CHECK("G45: a spike in three dimensions", gn_kspace_spike(&t, 1, u46, 0.5, &err) == 0 &&
          is("2.54167 7 0.458333 10 3.72917 3.20115 9.27083 1.79885 8.72917 3.79885 3.27083 "
             "11.2011 5.54167 10 3.45833 2 6.72917 6.20115 1.27083 4.79885 0.729167 6.79885 "
             "6.27083 3.20115", &t));
    gn_tensor_free(&t);
    t = t_of(4, 3, 2);
    CHECK("G46: two spikes", gn_kspace_spike(&t, 2, u46, 0.5, &err) == 0 &&
          is("5.08333 9.54167 3 12.5417 6.27083 5.74281 11.8125 4.34052 11.2708 6.34052 5.8125 "
             "13.7428 8.08333 12.5417 6 4.54167 9.27083 8.74281 3.8125 7.34052 3.27083 9.34052 "
             "8.8125 5.74281", &t));
    gn_tensor_free(&t);

    const double still[6] = {0}, fill = 0;
    const double t47[2] = {0.5, 0.51}, d47[6] = {0.5, 0, 0, 0.5, 0, 0};
    const double t48[1] = {0.6}, t49[2] = {0.35, 0.7}, d49[6] = {0.5, 0, 0, 0, 0.25, 0};
    struct gn_motion m47 = {2, t47, still, d47, GN_INTERP_LINEAR, -1, false};
    struct gn_motion m48 = {1, t48, still, d47, GN_INTERP_LINEAR, -1, false};
    struct gn_motion m49 = {2, t49, still, d49, GN_INTERP_LINEAR, -1, false};
    t = t_of(2, 2, 4);
    CHECK("G47: the image moved by half a voxel, filling all of k-space",
          gn_kspace_move(&t, eye, &m47, &fill, &err) == 0 &&
          is("0 3.5 5 3 3 6.5 8 6 6 4 0 3.5 9 7 3 6.5", &t));
    gn_tensor_free(&t);
    t = t_of(2, 2, 4);
    CHECK("G48: the same after 0.6 of the time", gn_kspace_move(&t, eye, &m48, &fill, &err) == 0 &&
          is("0 4.875 5 1.625 3 7.875 8 4.625 6 2.625 0 4.875 9 5.625 3 7.875", &t));
    gn_tensor_free(&t);
    t = t_of(2, 2, 4);
    CHECK("G49: two moves", gn_kspace_move(&t, eye, &m49, &fill, &err) == 0 &&
          is("0 7 4.4375 1.8125 3 10 7.4375 4.8125 6 2 0.8125 6.4375 9 5 3.8125 9.4375", &t));
    gn_tensor_free(&t);
}

/* ---- the plain versions, instruction sets, threads ---- */

static void plain_masks(void)
{
    static const int64_t sizes[][3] = {{1, 1, 1}, {2, 3, 4},   {16, 15, 14}, {66, 5, 3},
                                       {31, 17, 33}, {70, 9, 64}, {3, 130, 2}};
    double most = 0;
    int equal = 1, ok = 1;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int axis = 0; axis < 3; axis++) {
            struct gn_tensor t = scrambled(sizes[i], 2, -30), plain = copy(&t), other[3];
            double mask[130];
            for (int64_t k = 0; k < sizes[i][axis]; k++)
                mask[k] = cos(1.7 * (double)(k * k)) + 0.3;
            for (int k = 0; k < 3; k++)
                other[k] = copy(&t);
            ok &= gn_kspace_mask(&t, axis, mask, &err) == 0 &&
                  gn_kspace_mask_plain(&plain, axis, mask, &err) == 0;
            most = fmax(most, apart(&t, &plain));
            ok &= gn_isa_choose("sse2") == 0 && gn_kspace_mask(&other[0], axis, mask, &err) == 0;
            if (gn_isa_choose("avx2") == 0) {
                ok &= gn_kspace_mask(&other[1], axis, mask, &err) == 0;
                equal &= same(&other[0], &other[1]);
            }
            gn_pool_start(3);
            ok &= gn_kspace_mask(&other[2], axis, mask, &err) == 0;
            gn_pool_stop();
            equal &= same(&other[0], &other[2]) && same(&other[0], &t);
            gn_tensor_free(&t);
            gn_tensor_free(&plain);
            for (int k = 0; k < 3; k++)
                gn_tensor_free(&other[k]);
        }
    CHECK("masks agree with the plain sums", ok && most < 2e-6);
    CHECK("and are equal on every instruction set and with three threads", equal);
}

struct spikes {
    int n;
    double ratio, place[9];
};

static void plain_spikes(void)
{
    static const int64_t sizes[][3] = {{40, 33, 35}, {9, 6, 1}, {70, 3, 37}, {1, 1, 8}, {2, 5, 3}};
    static const struct spikes all[] = {
        {1, 1.5, {0.3, 0.9, 0.2}},
        {1, -2, {0.7, 0.5, 0.99}},
        {3, 0.7, {0.3, 0.9, 0.2, 0.3, 0.9, 0.2, 0.1, 0.1, 0.1}},
        {2, -0.8, {0.5, 0.5, 0.5, 0.6, 0.2, 0.7}}, /* the constant part first */
        {3, 1.2, {0.5, 0.5, 0.5, 0.6, 0.2, 0.7, 0.5, 0.5, 0.5}},
    };
    double most[4] = {0};
    int equal = 1, ok = 1;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            for (int kind = 0; kind < 4; kind++) { /* negative, positive, smooth, below zero */
                struct gn_tensor t = kind == 2 ? smooth(sizes[i])
                                               : noise(sizes[i], kind == 0   ? -50
                                                                 : kind == 1 ? 0
                                                                             : -101);
                struct gn_tensor plain = copy(&t), sse2 = copy(&t), threads = copy(&t);
                const struct spikes *s = &all[k];
                (void)!gn_isa_choose("avx2"); /* where it is there */
                ok &= gn_kspace_spike(&t, s->n, s->place, s->ratio, &err) == 0 &&
                      gn_kspace_spike_plain(&plain, s->n, s->place, s->ratio, &err) == 0;
                gn_pool_start(3);
                ok &= gn_kspace_spike(&threads, s->n, s->place, s->ratio, &err) == 0;
                gn_pool_stop();
                ok &= gn_isa_choose("sse2") == 0 &&
                      gn_kspace_spike(&sse2, s->n, s->place, s->ratio, &err) == 0;
                equal &= same(&t, &sse2) && same(&t, &threads);
                double off = apart(&t, &plain);
                if (off > 1e-5)
                    printf("# size %zu spikes %zu kind %d: %g\n", i, k, kind, off);
                most[kind] = fmax(most[kind], off);
                gn_tensor_free(&t);
                gn_tensor_free(&plain);
                gn_tensor_free(&sse2);
                gn_tensor_free(&threads);
            }
    CHECK("spikes agree with the plain transform: images of both signs", ok && most[0] < 1e-5);
    CHECK("without negative voxels", most[1] < 1e-5);
    CHECK("of low frequencies, where a part of the spectrum is enough", most[2] < 1e-5);
    CHECK("of negative voxels only", most[3] < 1e-5);
    CHECK("and are equal on every instruction set and with three threads", equal);
}

/* Motion spelled out: the moved images, each times its mask, by the plain sums. */
static void plain_motion(void)
{
    static const int64_t sizes[][3] = {{21, 18, 12}, {70, 11, 1}, {300, 5, 7}};
    const double time[3] = {0.2, 0.47, 0.8};
    static const double moves[2][9] = {{1.1, 0.4, -1.3, 2.3, -0.7, 0.3, 0.2, 1.1, -2.1},
                                       {2, 3, -1, -4, 0, 2, 0, 0, 3}}; /* whole voxels */
    const double degrees[9] = {0}, affine[12] = {-2, 0, 0, 5, 0, 1.5, 0, 3, 0, 0, 1, 9};
    double most = 0;
    int ok = 1, equal = 1;
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        const int64_t *size = sizes[i / 2];
        const double *mm = moves[i % 2];
        const bool flat = size[2] == 1;
        const int axis = flat ? 1 : 2;
        struct gn_tensor t = scrambled(size, 1, 10), sum = empty(size, 1), sse2 = copy(&t),
                         threads = copy(&t);
        const int order[4] = {2, 1, 0, 3}; /* images of the segments: 0.8 is the first above 0.5 */
        const double fill = -5;
        for (int k = 0; k < 4; k++) {
            const double *d = order[k] ? mm + 3 * (order[k] - 1) : degrees;
            double mask[64] = {0};
            int64_t n = size[axis], from = k ? (int64_t)((double)n * time[k - 1]) : 0;
            int64_t to = k < 3 ? (int64_t)((double)n * time[k]) : n;
            for (int64_t s = from; s < to; s++)
                mask[s] = 1;
            /* LPS mm to voxels: x runs to L here, y to A */
            struct gn_warp w = {0};
            double map[12] = {1, 0, 0, d[0] / 2, 0, 1, 0, -d[1] / 1.5, 0, 0, 1, flat ? 0 : d[2]};
            struct gn_tensor moved = {0};
            struct gn_box box = {{0, 0, 0}, {size[0], size[1], size[2]}};
            gn_warp_add_matrix(&w, map);
            ok &= gn_warp_run_plain(&w, &t, &box, size, &box, GN_INTERP_LINEAR, &fill, &moved,
                                    &err) == 0 &&
                  gn_kspace_mask_plain(&moved, axis, mask, &err) == 0;
            for (int64_t v = 0; v < gn_tensor_count(&sum); v++)
                ((float *)sum.data)[v] += (float)gn_tensor_get(&moved, v);
            gn_tensor_free(&moved);
            gn_warp_free(&w);
        }
        struct gn_motion m = {3, time, degrees, mm, GN_INTERP_LINEAR, -1, false};
        ok &= gn_isa_choose("sse2") == 0 && gn_kspace_move(&sse2, affine, &m, &fill, &err) == 0;
        (void)!gn_isa_choose("avx2");
        ok &= gn_kspace_move(&t, affine, &m, &fill, &err) == 0;
        gn_pool_start(3);
        ok &= gn_kspace_move(&threads, affine, &m, &fill, &err) == 0;
        gn_pool_stop();
        equal &= same(&t, &sse2) && same(&t, &threads);
        double off = apart(&t, &sum);
        if (off > 5e-6)
            printf("# size %zu: %g\n", i, off);
        most = fmax(most, off);
        gn_tensor_free(&t);
        gn_tensor_free(&sum);
        gn_tensor_free(&sse2);
        gn_tensor_free(&threads);
    }
    CHECK("motion is the sum of the moved images' segments of k-space", ok && most < 5e-6);
    CHECK("equal on every instruction set and with three threads", equal);
}

/* ---- operations ---- */

static int refused(const char *name, const char *settings, const char *why)
{
    struct gn_augment_list list = {0};
    struct gn_err e = {0};
    int rc = gn_augment_add(&list, name, settings, 1, &e);
    gn_augment_free(&list);
    if (rc != 0 && !strstr(e.text, why))
        printf("# %s\n", e.text);
    return rc != 0 && strstr(e.text, why);
}

/* Augment an image by one operation: its pure function with the values drawn, as a hook saw. */
struct seen {
    int n;
    double v[64];
};

static int look(void *arg, const struct gn_augment_draws *d, const char *image, const char *op,
                const char *parameter, double *value, struct gn_err *e)
{
    struct seen *s = arg;
    (void)d;
    (void)image;
    (void)op;
    (void)e;
    if (strcmp(parameter, "done"))
        s->v[s->n++ % 64] = *value;
    return 0;
}

static int augmented(const char *name, const char *settings, const struct gn_tensor *in,
                     struct gn_tensor *out, struct seen *seen, uint32_t patch)
{
    struct gn_augment_list list = {0};
    struct gn_augment_draws d = {0};
    struct gn_grid grid;
    struct gn_augment_hook hook = {look, seen};
    struct gn_augment_image image = {.name = "t1", .std = -1, .top = 1};
    seen->n = 0;
    int rc = gn_grid_of(in, eye, &grid, &err) || gn_augment_add(&list, name, settings, 1, &err) ||
             gn_augment_draw(&d, &list, 3, "s", 0, patch, &grid, &hook, &err);
    struct gn_box all = {{0, 0, 0}, {grid.size[0], grid.size[1], grid.size[2]}};
    if (rc == 0)
        rc = gn_augment_apply(&d, &image, &all, &all, false, in, out, &err);
    gn_augment_draws_free(&d);
    gn_augment_free(&list);
    return rc;
}

static void operations(void)
{
    const int64_t size[3] = {12, 9, 8}, flat[3] = {12, 9, 1};
    struct gn_tensor in = scrambled(size, 2, -20), out = {0}, want = {0};
    struct seen s;
    int kinds[2] = {0, 0}, ok = 1;
    for (uint32_t i = 0; i < 20; i++) {
        ok &= augmented("kspace", NULL, &in, &out, &s, i) == 0 && s.n == 9;
        want = copy(&in);
        ok &= (s.v[0] != 0 ? gn_kspace_spike(&want, (int)s.v[4], s.v + 6, s.v[5], &err)
                           : gn_kspace_ghost(&want, (int)s.v[2], (int64_t)s.v[1], s.v[3], &err)) ==
                  0 && same(&out, &want);
        kinds[s.v[0] != 0]++;
        gn_tensor_free(&out);
        gn_tensor_free(&want);
    }
    CHECK("kspace does what it drew", ok && kinds[0] > 3 && kinds[1] > 3);
    ok = augmented("motion", "num_transforms=1,interpolation=nearest", &in, &out, &s, 1) == 0;
    double fill[2] = {1e30, 1e30};
    for (int64_t i = 0; i < gn_tensor_count(&in); i++)
        fill[i / 864] = fmin(fill[i / 864], gn_tensor_get(&in, i));
    struct gn_motion m = {1, s.v, s.v + 1, s.v + 4, GN_INTERP_NEAREST, -1, false};
    want = copy(&in);
    ok = ok && gn_kspace_move(&want, eye, &m, fill, &err) == 0;
    CHECK("motion with nearest neighbours; outside is each component's smallest value",
          ok && s.n == 7 && same(&out, &want) && !same(&out, &in));
    gn_tensor_free(&out);
    gn_tensor_free(&want);
    gn_tensor_free(&in);
    in = scrambled(flat, 1, 0);
    err = (struct gn_err){0};
    CHECK("ghosting along z of a plane is refused",
          augmented("ghosting", "axis=2", &in, &out, &s, 0) != 0 && strstr(err.text, "no z"));
    err = (struct gn_err){0};
    CHECK("so is motion while k-space is filled along it",
          augmented("motion", "axis=2", &in, &out, &s, 0) != 0 && strstr(err.text, "no z"));
    err = (struct gn_err){0};
    gn_tensor_free(&in);

    struct gn_yaml_doc doc = {0};
    struct gn_augment_list list = {0};
    const char *text = "{interpolation: nearest, degrees: [1, 2]}";
    CHECK("a config's words are read",
          gn_yaml_parse(&doc, "c.yaml", text, strlen(text), &err) == 0 &&
          gn_augment_add_yaml(&list, "motion", doc.root, 1, &err) == 0 &&
          list.step[0].setting[5] == GN_INTERP_NEAREST && list.step[0].setting[1] == 1);
    gn_augment_free(&list);
    gn_yaml_free(&doc);
    CHECK("settings out of range are refused",
          refused("ghosting", "num_ghosts=2.5", "whole numbers") &&
          refused("ghosting", "num_ghosts=[5,4]", "not a range") &&
          refused("ghosting", "intensity=-1", "from 0") && refused("ghosting", "axis=3", "2 (z)") &&
          refused("spike", "num_spikes=1e9", "from 0 to 1000") &&
          refused("motion", "num_transforms=0", "from 1") &&
          refused("motion", "interpolation=2", "nearest or linear") &&
          refused("motion", "interpolation=cubic", "not a number") &&
          refused("motion", "interpolation=image", "nearest or linear") &&
          refused("motion", "axis=[0,1]", "one of 0 (x)") &&
          refused("motion", "axis=3", "one of 0 (x)") &&
          refused("motion", "centre=linear", "image or origin") &&
          refused("motion", "degrees=linear,translation=cubic", "not a number") &&
          refused("kspace", "intensity=1", "unknown key"));
}

int main(void)
{
    references();
    hand();
    plain_masks();
    plain_spikes();
    plain_motion();
    operations();
    return check_done();
}
