/* bench_transforms.c - changes of an image (float32, one component) and its label (uint8), on a
 * grid of 1 mm, with the defaults for a patch of the image's size unless a case says otherwise.
 *
 *   bench_transforms THREADS NX NY NZ      then lines: NAME
 *
 * A run draws, changes the image and the label into new tensors and frees them; what is known of
 * the whole image (smallest value, deviation) is given. NAME: a line of cases[], resample, zscore
 * (image alone), or gandlf. A case with several settings runs each, an answer is for one.
 *
 * gandlf is GaNDLF's twelve, in its order, each done half of the time: subsets and their
 * complements, the same as the peer's. nnU-Net's default chain has no row: of its transforms
 * rotation and scaling, noise, blur, brightness (a bias field of order 0) and mirroring can be had,
 * contrast, low resolution along all axes and a gamma that keeps the deviation cannot.
 *
 * WORK is the least that must be done: bytes, each array read and written once (twice read where a
 * sum of all voxels comes first); of motion and ghosting FLOP, one product of matrices a mask.
 *
 * On one thread SECONDS are those of the processor, the peer's as well: what else runs on the
 * machine then counts for less. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "image/augment.h"
#include "image/normalize.h"
#include "image/resample.h"
#include "peak.h"
#include "serve.h"

enum { READ_WRITE = 10, READ_TWICE = 14 }; /* bytes a voxel of image and label */
enum { TWELVE = 12, SEED = 1 };

static const struct bench_case {
    const char *name, *op, *settings[4];
    int bytes;  /* a voxel; 0: FLOP */
    int masks;  /* products with an N x N matrix along the axis */
} cases[] = {
    { "affine", "affine", { "scales=[1.05,1.05],degrees=[10,10],translation=[2,2]" },
      READ_WRITE, 0 },
    { "elastic", "elastic", { "" }, READ_WRITE, 0 },
    { "flip", "flip", { "axis=[0,1,2]" }, READ_WRITE, 0 },
    { "rotate_90", "rotate_90", { "axis=0", "axis=1", "axis=2" }, READ_WRITE, 0 },
    { "anisotropic", "anisotropic", { "axis=0", "axis=1", "axis=2" }, READ_WRITE, 0 },
    { "blur", "blur", { "std=[1,1]" }, READ_WRITE, 0 },
    { "noise", "noise", { "std=[1,1]" }, READ_WRITE, 0 },
    { "gamma", "gamma", { "log_gamma=[0.2,0.2]" }, READ_WRITE, 0 },
    { "bias", "bias", { "" }, READ_WRITE, 0 },
    { "motion", "motion", { "" }, 0, 3 },
    { "ghosting", "ghosting", { "axis=0", "axis=1", "axis=2" }, 0, 1 },
    { "spike", "spike", { "" }, READ_TWICE, 0 },
    { "swap", "swap", { "" }, READ_WRITE, 0 },
};
enum { CASES = sizeof cases / sizeof *cases };

static const char *const twelve[TWELVE] = { "affine", "elastic", "kspace",    "motion",
                                            "bias",   "blur",    "noise",     "gamma",
                                            "swap",   "flip",    "rotate_90", "anisotropic" };
/* Which of the twelve are done, the first in the lowest bit; peer_transforms.py has the same. */
static const unsigned chosen[] = { 0x555, 0xaaa, 0x333, 0xccc };
enum { CHOSEN = sizeof chosen / sizeof *chosen };

static struct gn_grid grid;
static struct gn_tensor image, label;
static struct gn_stats stats;
static struct gn_augment_list lists[CASES + 1][4];

/* Seconds. */
static double now(void)
{
    struct timespec t;

    if (gn_pool_threads() > 1)
        return bench_now();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check(int rc, const struct gn_err *err)
{
    if (rc) {
        fprintf(stderr, "bench_transforms: %s\n", err->text);
        exit(1);
    }
}

static void draw_images(void)
{
    struct gn_err err = { 0 };
    const int64_t *n = grid.size;
    uint32_t s = 1;

    check(gn_tensor_new4(&image, GN_FLOAT32, 1, n[2], n[1], n[0], &err), &err);
    check(gn_tensor_new4(&label, GN_UINT8, 1, n[2], n[1], n[0], &err), &err);
    for (int64_t i = 0; i < gn_grid_voxels(n); i++) {
        int64_t x = i % n[0], y = i / n[0] % n[1], z = i / n[0] / n[1];

        s = s * 1664525u + 1013904223u;
        ((float *)image.data)[i] = (float)((x * 2 + y + z) % 200) + (float)(s >> 8) / (1 << 22);
        ((uint8_t *)label.data)[i] = (uint8_t)((x / 8 + y / 8 + z / 8) % 4);
    }
    gn_stats_of(image.data, gn_grid_voxels(n), GN_WHERE_ALL, NULL, gn_grid_voxels(n), &stats);
}

/* Whether a step is done: bit k of the set for the k-th gate. */
struct gates {
    unsigned set;
    int next;
};

static int open_gate(void *arg, const struct gn_augment_draws *d, const char *name, const char *op,
                     const char *parameter, double *value, struct gn_err *err)
{
    struct gates *g = arg;

    (void)d;
    (void)name;
    (void)op;
    (void)err;
    if (!strcmp(parameter, "done"))
        *value = g->set >> g->next++ & 1;
    return 0;
}

/* Seconds of one draw. */
static double augment(const struct gn_augment_list *list, unsigned set, uint32_t patch)
{
    struct gates gates = { set, 0 };
    struct gn_augment_hook hook = { open_gate, &gates };
    struct gn_augment_image of = { .name = "image", .min = &stats.min, .std = stats.std, .top = 1 };
    struct gn_augment_image mask = { .std = -1, .top = 1 };
    struct gn_box all = { { 0, 0, 0 }, { grid.size[0], grid.size[1], grid.size[2] } };
    struct gn_augment_draws d;
    struct gn_tensor a = { 0 }, b = { 0 };
    struct gn_err err = { 0 };
    double t = now();

    check(gn_augment_draw(&d, list, SEED, "bench", 0, patch, &grid, &hook, &err), &err);
    check(gn_augment_apply(&d, &of, &all, &all, false, &image, &a, &err), &err);
    check(gn_augment_apply(&d, &mask, &all, &all, false, &label, &b, &err), &err);
    gn_tensor_free(&a);
    gn_tensor_free(&b);
    gn_augment_draws_free(&d);
    return now() - t;
}

static double run_case(int k, double *work)
{
    const struct bench_case *c = &cases[k];
    double t = 0, voxels = (double)gn_grid_voxels(grid.size);
    int n = 0;

    *work = 0;
    for (; n < 4 && c->settings[n]; n++) {
        struct gn_augment_list *list = &lists[k][n];
        struct gn_err err = { 0 };

        if (list->n == 0) {
            memcpy(list->patch, grid.size, sizeof list->patch);
            check(gn_augment_add(list, c->op, c->settings[n], 1, &err), &err);
        }
        t += augment(list, 1, 0);
        *work += c->bytes ? c->bytes * voxels /* else the n-th axis, or along z */
                          : 2 * voxels * c->masks * (double)grid.size[c->settings[1] ? n : 2];
    }
    *work /= n;
    return t / n;
}

static double run_chain(double *work)
{
    struct gn_augment_list *list = &lists[CASES][0];
    struct gn_err err = { 0 };
    double t = 0;

    memcpy(list->patch, grid.size, sizeof list->patch);
    for (int i = list->n; i < TWELVE; i++)
        check(gn_augment_add(list, twelve[i], NULL, 0.5, &err), &err);
    for (int i = 0; i < CHOSEN; i++)
        t += augment(list, chosen[i], (uint32_t)i);
    *work = READ_WRITE * (double)gn_grid_voxels(grid.size);
    return t / CHOSEN;
}

static double run_resample(double *work)
{
    static const double spacing[3] = { 1.2, 1.2, 1.2 };
    struct gn_tensor a = { 0 }, b = { 0 };
    struct gn_grid to;
    struct gn_err err = { 0 };
    double map[12], t = now();

    check(gn_resample_to_spacing(&grid, spacing, GN_ALIGN_CORNER, &to, map, &err), &err);
    check(gn_resample(&image, map, to.size, GN_INTERP_LINEAR, 0, &a, &err), &err);
    check(gn_resample(&label, map, to.size, GN_INTERP_NEAREST, 0, &b, &err), &err);
    gn_tensor_free(&a);
    gn_tensor_free(&b);
    *work = 5.0 * (double)(gn_grid_voxels(grid.size) + gn_grid_voxels(to.size));
    return now() - t;
}

static double run_zscore(double *work)
{
    const int64_t n = gn_grid_voxels(grid.size);
    struct gn_tensor a = { 0 };
    struct gn_err err = { 0 };
    double t = now();

    check(gn_image_as_float(&image, &a, &err), &err);
    check(gn_normalize_zscore(a.data, n, GN_ZSCORE_FULL, NULL, n, &err), &err);
    gn_tensor_free(&a);
    *work = 12.0 * (double)n;
    return now() - t;
}

static double run(const char *line, double *work)
{
    if (!strcmp(line, "resample"))
        return run_resample(work);
    if (!strcmp(line, "zscore"))
        return run_zscore(work);
    if (!strcmp(line, "gandlf"))
        return run_chain(work);
    for (int k = 0; k < CASES; k++)
        if (!strcmp(line, cases[k].name))
            return run_case(k, work);
    return -1;
}

int main(int argc, char **argv)
{
    int rc;

    if (argc != 5) {
        fprintf(stderr, "usage: bench_transforms THREADS NX NY NZ\n");
        return 2;
    }
    for (int k = 0; k < 3; k++) {
        grid.size[k] = atoi(argv[2 + k]);
        grid.affine[5 * k] = 1;
    }
    gn_pool_start(atoi(argv[1]));
    draw_images();
    rc = bench_serve(run);
    for (int k = 0; k <= CASES; k++)
        for (int i = 0; i < 4; i++)
            gn_augment_free(&lists[k][i]);
    gn_tensor_free(&image);
    gn_tensor_free(&label);
    gn_pool_stop();
    return rc;
}
