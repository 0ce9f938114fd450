/* augment_properties.c - what holds whatever the image: turns that come back to where they started,
 * and patches that are cut through their windows from lists of operations made up at random. */
#include <stdlib.h>

#include "base/pool.h"
#include "base/rng.h"
#include "check.h"
#include "image/augment.h"
#include "image/crop.h"

static struct gn_err err;
static struct gn_draw chance;
static uint64_t number;

static int64_t below(int64_t n)
{
    return (int64_t)gn_draw_below(&chance, number++, (uint64_t)n);
}

static double between(double lo, double hi)
{
    return gn_draw_range(&chance, number++, lo, hi);
}

static struct gn_tensor noise(enum gn_dtype dtype, int64_t c, const int64_t size[3])
{
    struct gn_tensor t;
    if (gn_tensor_new4(&t, dtype, c, size[2], size[1], size[0], &err))
        exit(1);
    for (int64_t i = 0; i < gn_tensor_count(&t); i++)
        gn_tensor_set(&t, i, dtype == GN_FLOAT32 ? between(-90, 90) : (double)below(100));
    return t;
}

static int same(const struct gn_tensor *a, const struct gn_tensor *b)
{
    size_t bytes = 0;
    return a->dtype == b->dtype && !memcmp(a->shape, b->shape, 4 * sizeof *a->shape) &&
           gn_tensor_bytes(a, &bytes, &err) == 0 && !memcmp(a->data, b->data, bytes);
}

static struct gn_grid random_grid(bool flat)
{
    struct gn_grid g = {{7 + below(24), 6 + below(20), flat ? 1 : 5 + below(16)}, {0}};
    double inverse[12];
    do { /* oblique, spacings from 0.6 to 2.5 mm */
        double spacing[3] = {between(0.6, 2.5), between(0.6, 2.5), between(0.6, 2.5)};
        for (int k = 0; k < 12; k++)
            g.affine[k] = k % 4 == 3 ? between(-100, 100)
                                     : spacing[k % 4] * ((k % 5 == 0) + between(-0.35, 0.35));
    } while (gn_affine_invert(g.affine, inverse, &err));
    return g;
}

/* ---- turns that come back ---- */

/* The parameter wanted for every step; drawn as they are if it is not a number. */
static int put(void *arg, const struct gn_augment_draws *d, const char *image, const char *op,
               const char *parameter, double *value, struct gn_err *e)
{
    const double *want = arg;
    (void)d;
    (void)image;
    (void)op;
    (void)e;
    if (!strcmp(parameter, "done"))
        *value = 1;
    else
        *value = !strcmp(parameter, "axis") ? want[0] : want[*parameter - 'x'];
    return 0;
}

/* op times times with these parameters; steps: as operations of one list, or each list from the
 * result of the one before, on the grid that it left. */
static int comes_back(const char *op, const double *want, int times, bool one_list, bool label,
                      const struct gn_grid *start, const struct gn_tensor *in, bool *moved)
{
    struct gn_grid grid = *start;
    struct gn_tensor t = {0};
    struct gn_augment_hook hook = {put, (void *)(uintptr_t)want};
    struct gn_augment_image image = {.name = label ? NULL : "t1", .std = 1, .top = 1};
    int ok = gn_tensor_convert(in, in->dtype, &t, &err) == 0;
    *moved = false;
    for (int i = 0; ok && i < (one_list ? 1 : times); i++) {
        struct gn_augment_list list = {0};
        struct gn_augment_draws d;
        struct gn_tensor next = {0};
        for (int k = 0; ok && k < (one_list ? times : 1); k++)
            ok = gn_augment_add(&list, op, NULL, 1, &err) == 0;
        ok = ok && gn_augment_draw(&d, &list, 0, "s", 0, 0, &grid, &hook, &err) == 0;
        struct gn_box all = {{0, 0, 0}, {grid.size[0], grid.size[1], grid.size[2]}};
        ok = ok && gn_augment_apply(&d, &image, &all, &all, false, &t, &next, &err) == 0;
        grid = d.after;
        gn_tensor_free(&t);
        t = next;
        *moved |= !same(&t, in);
        gn_augment_draws_free(&d);
        gn_augment_free(&list);
    }
    double far = 0;
    for (int k = 0; k < 12; k++)
        far = fmax(far, fabs(grid.affine[k] - start->affine[k]));
    ok = ok && same(&t, in) && far < 1e-12 && gn_grid_same_size(grid.size, start->size);
    gn_tensor_free(&t);
    return ok;
}

static void identities(void)
{
    static const struct {
        const char *op, *text;
        int times;
    } all[] = {{"flip", "flipped twice along any axes", 2},
               {"rotate_90", "turned by a quarter four times about any axis", 4},
               {"rotate_180", "turned by a half twice about any axis", 2}};
    static const enum gn_dtype dtypes[] = {GN_UINT8, GN_INT16, GN_FLOAT32, GN_FLOAT64};
    for (int k = 0; k < 3; k++) {
        int ok = 1, moves = 0, tried = 0;
        for (int i = 0; i < 96; i++) {
            const bool flat = i % 3 == 0, flips = k == 0;
            struct gn_grid grid = random_grid(flat);
            struct gn_tensor in = noise(dtypes[i % 4], 1 + i % 2 * 3, grid.size);
            double want[3] = {(double)below(2), (double)below(2), (double)below(2)};
            bool moved;
            if (!flips)
                want[0] = flat ? 2 : (double)below(3);
            ok &= comes_back(all[k].op, want, all[k].times, true, i % 5 == 0, &grid, &in, &moved);
            ok &= comes_back(all[k].op, want, all[k].times, false, i % 5 == 0, &grid, &in, &moved);
            moves += moved;
            tried++;
            gn_tensor_free(&in);
        }
        char text[160];
        snprintf(text, sizeof text, "%s, an image and its grid are what they were, bit for bit",
                 all[k].text);
        CHECK(text, ok && moves > tried * 3 / 4);
    }
}

/* ---- windows ---- */

/* Operations of which a window gives what the whole image gives, and settings to draw from. */
static const char *const local[][4] = {
    {"affine", "", "scales=0.4,degrees=70,translation=6", "scales=[0.5,0.6]"},
    {"elastic", "max_displacement=3", "num_control_points=5,locked_borders=1,max_displacement=2",
     "num_control_points=[6,5,7],max_displacement=4"},
    {"flip", "", "axis=[0]", "axis=[1,2]"},
    {"rotate_90", "", "axis=[0,2]", ""},
    {"rotate_180", "", "axis=[1]", ""},
    {"noise", "", "mean=4,std=[1,2]", "std=3"},
    {"noise_var", "", "std=2", ""},
    {"blur", "", "std=1.4", "std=[0.1,0.9]"},
    {"anisotropic", "", "downsampling=[1.1,3.7]", "axis=[0,1],downsampling=2"},
    {"gamma", "", "log_gamma=1", ""},
    {"bias", "", "order=1,coefficients=1", "order=5"}};
enum { LOCAL = sizeof local / sizeof *local };

/* A random patch: augment the whole and cut; cut the window and augment. Equal bytes? *smaller
 * counts windows that are not the whole image. */
static int patch_agrees(const struct gn_augment_list *list, uint32_t index, bool is_flat,
                        int *smaller)
{
    const struct gn_grid grid = random_grid(is_flat);
    const enum gn_dtype dtype = index % 3 ? GN_FLOAT32 : GN_INT16;
    const char *name = index % 4 == 3 ? NULL : "t1";
    struct gn_augment_draws d;
    struct gn_tensor in = noise(name ? dtype : GN_UINT8, 1 + below(3), grid.size);
    struct gn_tensor whole = {0}, want = {0}, win = {0}, got = {0};
    const double least[3] = {-90, -70, -80};
    struct gn_augment_image image = {name, least, 52, 1, {{0}, {0}}};
    struct gn_box all = {{0, 0, 0}, {grid.size[0], grid.size[1], grid.size[2]}}, patch, window;
    int ok = gn_augment_draw(&d, list, 11, "subject", 3, index, &grid, NULL, &err) == 0;
    d.std = 60; /* a bound of the deviations */
    for (int k = 0; ok && k < 3; k++) {
        patch.size[k] = 1 + below(d.after.size[k]);
        patch.origin[k] = below(d.after.size[k] - patch.size[k] + 1);
    }
    if (ok) {
        gn_augment_window(&d, &patch, &window);
        *smaller += gn_grid_voxels(window.size) < gn_grid_voxels(grid.size);
    }
    gn_pool_start(index % 2 ? 1 : 3);
    ok = ok && gn_augment_apply(&d, &image, &all, &all, false, &in, &whole, &err) == 0 &&
         gn_image_cut(&whole, &patch, GN_PAD_CONSTANT, &want, &err) == 0 &&
         gn_image_cut(&in, &window, GN_PAD_CONSTANT, &win, &err) == 0;
    gn_pool_stop();
    ok = ok && gn_augment_apply(&d, &image, &window, &patch, true, &win, &got, &err) == 0 &&
         same(&want, &got);
    gn_tensor_free(&in);
    gn_tensor_free(&whole);
    gn_tensor_free(&want);
    gn_tensor_free(&win);
    gn_tensor_free(&got);
    gn_augment_draws_free(&d);
    return ok;
}

static void add(struct gn_augment_list *list, int op, double probability)
{
    if (gn_augment_add(list, local[op][0], local[op][1 + below(3)], probability, &err)) {
        printf("# %s\n", err.text);
        exit(1);
    }
}

static void windows(void)
{
    for (int op = 0; op < LOCAL; op++) {
        int ok[2] = {1, 1}, smaller = 0;
        for (uint32_t i = 0; i < 60; i++) {
            struct gn_augment_list list = {.patch = {20, 20, 20}};
            add(&list, op, 1);
            ok[i % 2] &= patch_agrees(&list, i, i % 2, &smaller);
            gn_augment_free(&list);
        }
        char text[128];
        snprintf(text, sizeof text, "%s: random patches of random images, through their windows, "
                 "2-D and 3-D", local[op][0]);
        CHECK(text, ok[0] && ok[1] && smaller > 15);
    }
    int ok = 1, smaller = 0;
    for (uint32_t i = 0; i < 400; i++) {
        struct gn_augment_list list = {.patch = {20, 20, 20}};
        struct gn_str names = {0};
        for (int64_t n = 1 + below(6); n > 0; n--) {
            add(&list, (int)below(LOCAL), 0.8);
            gn_str_addf(&names, " %s", list.step[list.n - 1].label);
        }
        int fits = patch_agrees(&list, i, below(2), &smaller);
        if (!fits)
            printf("# %u:%s: %s\n", i, names.data, err.text);
        ok &= fits;
        gn_str_free(&names);
        gn_augment_free(&list);
    }
    CHECK("400 lists of one to six operations", ok && smaller > 150);
}

int main(void)
{
    chance = gn_draw_at(21, "properties", NULL, 0, 0, 0);
    identities();
    windows();
    return check_done();
}
