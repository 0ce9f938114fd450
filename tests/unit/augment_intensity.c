/* augment_intensity.c - changes of intensity: against TorchIO, torchvision and numpy
 * (tests/gen/intensity.py), the cases worked out by hand, the plain versions, and windows. What is
 * drawn: augment_draws.c. */
#include <stdlib.h>

#include "base/isa.h"
#include "base/pool.h"
#include "check.h"
#include "golden.h"
#include "image/augment.h"
#include "image/color.h"
#include "image/crop.h"
#include "image/intensity.h"

static struct gn_err err;

static struct gn_tensor new_image(int64_t c, const int64_t size[3])
{
    struct gn_tensor t = {0};
    if (gn_tensor_new4(&t, GN_FLOAT32, c, size[2], size[1], size[0], &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return t;
}

/* The generator's image: voxel n holds ((7919 n + 13) mod 1009) scale + shift. */
static struct gn_tensor pattern(int64_t c, const int64_t size[3], double scale, double shift)
{
    struct gn_tensor t = new_image(c, size);
    for (int64_t n = 0; n < gn_tensor_count(&t); n++)
        ((float *)t.data)[n] = (float)((double)((7919 * n + 13) % 1009) * scale + shift);
    return t;
}

static struct gn_tensor copy_of(const struct gn_tensor *t)
{
    struct gn_tensor out = {0};
    if (gn_tensor_convert(t, t->dtype, &out, &err))
        exit(1);
    return out;
}

static int same(const struct gn_tensor *a, const struct gn_tensor *b)
{
    size_t bytes = 0;
    return a->dtype == b->dtype && !memcmp(a->shape, b->shape, 4 * sizeof *a->shape) &&
           gn_tensor_bytes(a, &bytes, &err) == 0 && !memcmp(a->data, b->data, bytes);
}

/* largest |a - b| / max(1, |b|), or a failure to compare as 1e30 */
static double distance(const float *a, const double *b, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - b[i]) / fmax(1, fabs(b[i]));
        most = d <= 1e30 ? fmax(most, d) : 1e30;
    }
    return most;
}

/* ---- golden data ---- */

struct put {
    const double *v;
    int64_t at, n;
};

static int put_next(void *arg, const struct gn_augment_draws *d, const char *image, const char *op,
                    const char *parameter, double *value, struct gn_err *e)
{
    struct put *p = arg;
    (void)d;
    (void)image;
    (void)op;
    (void)e;
    if (strcmp(parameter, "done") != 0 && p->at < p->n)
        *value = p->v[p->at++];
    return 0;
}

static const double *array(const struct golden *all, int n, const char *name, int i,
                           const char *what, int64_t *count)
{
    char key[64];
    snprintf(key, sizeof key, "%s.%d.%s", name, i, what);
    for (int k = 0; k < n; k++)
        if (!strcmp(all[k].name, key)) {
            if (count)
                *count = all[k].n;
            return all[k].v;
        }
    return NULL;
}

/* The largest distance over all cases of an operation; *cases counts them. */
static double golden_op(const struct golden *all, int n, const char *name, int *cases)
{
    double most = 0;
    const double *size;
    for (*cases = 0; (size = array(all, n, name, *cases, "size", NULL)); (*cases)++) {
        int64_t n_par = 0, n_out = 0;
        const double *affine = array(all, n, name, *cases, "affine", NULL);
        const double *par = array(all, n, name, *cases, "par", &n_par);
        const double *patch = array(all, n, name, *cases, "patch", NULL);
        const double *out = array(all, n, name, *cases, "out", &n_out);
        struct gn_augment_list list = {.patch = {(int64_t)patch[0], (int64_t)patch[1],
                                                 (int64_t)patch[2]}};
        struct gn_grid grid = {{(int64_t)size[0], (int64_t)size[1], (int64_t)size[2]}, {0}};
        struct gn_box box = {{0, 0, 0}, {grid.size[0], grid.size[1], grid.size[2]}};
        struct gn_tensor in = pattern((int64_t)size[3], grid.size, size[4], size[5]), t = {0};
        struct gn_augment_image image = {.name = "im", .std = -1, .top = size[6]};
        struct put values = {par, 0, n_par};
        struct gn_augment_hook hook = {put_next, &values};
        struct gn_augment_draws d;
        char settings[64] = "";
        if (!strcmp(name, "swap"))
            snprintf(settings, sizeof settings, "num_iterations=%d", (int)(n_par / 2));
        memcpy(grid.affine, affine, sizeof grid.affine);
        int ok = gn_augment_add(&list, name, settings, 1, &err) == 0 &&
                 gn_augment_draw(&d, &list, 1, "s", 0, 0, &grid, &hook, &err) == 0 &&
                 gn_augment_apply(&d, &image, &box, &box, false, &in, &t, &err) == 0;
        if (!ok || values.at != n_par)
            printf("# %s.%d: %s\n", name, *cases, err.text);
        const int64_t stride = (int64_t)size[7];
        float *v = gn_try_alloc((size_t)n_out * sizeof *v, &err);
        for (int64_t i = 0; ok && v && i < n_out; i++)
            v[i] = ((float *)t.data)[i * stride];
        double far = ok && v && values.at == n_par ? distance(v, out, n_out) : 1e30;
        if (far > 1e-5)
            printf("# %s.%d differs by %g\n", name, *cases, far);
        most = fmax(most, far);
        free(v);
        gn_tensor_free(&in);
        gn_tensor_free(&t);
        gn_augment_draws_free(&d);
        gn_augment_free(&list);
    }
    printf("# %s: %d cases, largest distance %.3g\n", name, *cases, most);
    return most;
}

static void golden(void)
{
    int n, cases;
    struct golden *all = golden_read("intensity.txt", &n);
    CHECK("blur is TorchIO's within 1e-6", golden_op(all, n, "blur", &cases) <= 1e-6 && cases > 15);
    /* ITK rounds positions to 2^-26 voxel, and neighbours differ by up to 252 */
    CHECK("anisotropic is TorchIO's within 5e-6",
          golden_op(all, n, "anisotropic", &cases) <= 5e-6 && cases > 30);
    CHECK("gamma is TorchIO's within 1e-6",
          golden_op(all, n, "gamma", &cases) <= 1e-6 && cases > 15);
    CHECK("bias is TorchIO's within 2e-6", golden_op(all, n, "bias", &cases) <= 2e-6 && cases > 7);
    CHECK("swap is TorchIO's", golden_op(all, n, "swap", &cases) == 0 && cases > 7);
    CHECK("colorjitter is torchvision's within 1e-5, white at 1 and at 255",
          golden_op(all, n, "colorjitter", &cases) <= 1e-5 && cases > 15);
    CHECK("hed_transform is numpy's within 1e-5, white at 1 and at 255",
          golden_op(all, n, "hed_transform", &cases) <= 1e-5 && cases > 3);
    for (int i = 0; i < n; i++)
        free(all[i].v);
    free(all);
}

/* ---- cases worked out by hand (the spec's G numbers) ---- */

static struct gn_tensor given(int64_t c, int64_t x, int64_t y, int64_t z, const float *v)
{
    int64_t size[3] = {x, y, z};
    struct gn_tensor t = new_image(c, size);
    memcpy(t.data, v, (size_t)(c * x * y * z) * sizeof *v);
    return t;
}

static void check_values(const char *name, struct gn_tensor *t, const double *want, double tol)
{
    CHECK_NEAR(name, distance(t->data, want, gn_tensor_count(t)), 0, tol);
    gn_tensor_free(t);
}

static const float t432[24] = {0, 7, 3, 10, 5, 1, 8, 4, 10, 6, 2, 9,
                               3, 10, 6, 2, 8, 4, 0, 7, 2, 9, 5, 1};

static void by_hand(void)
{
    const float ramp[6] = {1, 2, 3, 4, 5, 6}, impulse[5] = {0, 1, 0, 0, 0};
    struct gn_tensor t = given(1, 6, 1, 1, ramp);
    gn_image_thicken(&t, 0, 2, 6, 0);
    check_values("G31 anisotropic x, 1..6, m = 2, as ITK", &t,
                 (const double[]){2, 2.5, 3.5, 4.5, 5.5, 6}, 1e-6);
    t = given(1, 5, 1, 1, ramp);
    gn_image_thicken(&t, 0, 2, 5, 0);
    check_values("G32 1..5, m = 2: the last slice is outside, as ITK", &t,
                 (const double[]){2, 2.5, 3.5, 3, 1}, 1e-6);
    t = given(1, 1, 6, 1, ramp);
    gn_image_thicken(&t, 1, 1.5, 6, 0);
    check_values("G33 1..6 along y, m = 1.5, as ITK", &t,
                 (const double[]){1, 2, 3.166667, 3.833333, 5, 6}, 1e-6);
    t = given(1, 5, 1, 1, impulse);
    gn_image_blur(&t, (const double[]){1, 0, 0});
    check_values("G34 blur, sigma 1, as TorchIO", &t,
                 (const double[]){0.295963, 0.403375, 0.242105, 0.0539911, 0.00456569}, 1e-5);
    t = given(1, 1, 1, 5, impulse);
    gn_image_blur(&t, (const double[]){3, 3, 0.5});
    check_values("G35 blur along z, sigma 0.5, as TorchIO", &t,
                 (const double[]){0.106715, 0.786571, 0.106451, 0.000263865, 0}, 1e-5);
    t = given(1, 4, 3, 2, t432);
    gn_image_blur(&t, (const double[]){0.8, 0.5, 0});
    check_values("G36 blur, sigma 0.8 0.5 0, as TorchIO", &t,
                 (const double[]){2.06419, 4.32417, 5.56938, 7.83068, 4.33373, 4.01024, 5.30972,
                                  5.52017, 8.31068, 5.88866, 4.89612, 6.94225, 5.03151, 6.83581,
                                  5.52472, 3.39348, 6.28593, 4.68863, 3.37754, 4.6479, 4.13875,
                                  5.94305, 4.63196, 2.50072}, 1e-5);
    t = given(1, 4, 1, 1, (const float[]){-4, 0, 4, 9});
    gn_image_gamma(&t, (const double[]){0.5});
    check_values("G37 gamma 0.5, as TorchIO", &t, (const double[]){-2, 0, 2, 3}, 1e-6);

    float ones[24];
    double c[20];
    int64_t origin[3] = {0, 0, 0}, s322[3] = {3, 2, 2}, s432[3] = {4, 3, 2}, s331[3] = {3, 3, 1};
    for (int k = 0; k < 24; k++)
        ones[k] = 1;
    for (int k = 0; k < 20; k++)
        c[k] = (7 * k % 20 - 10) / 20.0;
    t = given(1, 3, 2, 2, ones);
    gn_image_bias(&t, (const double[]){0.1, -0.2, 0.3, 0.4}, 1, s322, origin);
    check_values("G38 bias field of order 1, as TorchIO", &t,
                 (const double[]){0.67032, 1, 1.49182, 1.2214, 1.82212, 2.71828, 0.449329, 0.67032,
                                  1, 0.818731, 1.2214, 1.82212}, 1e-5);
    t = given(1, 4, 3, 2, ones);
    gn_image_bias(&t, c, 3, s432, origin);
    check_values("G39 bias field of order 3, as TorchIO", &t,
                 (const double[]){3.6693, 3.35721, 2.35268, 1.64872, 1.56831, 1.60355, 1.05127,
                                  0.57695, 0.548812, 0.449329, 0.197459, 0.0608101, 3.32012,
                                  1.27691, 0.837128, 1.2214, 0.57695, 0.422692, 0.441902, 0.860708,
                                  0.272532, 0.272532, 0.325556, 0.606531}, 1e-5);
    t = given(1, 3, 3, 1, ones);
    gn_image_bias(&t, c, 3, s331, origin);
    check_values("G40 the same in 2-D, as TorchIO", &t,
                 (const double[]){1.41907, 0.904837, 1.05127, 0.57695, 0.606531, 0.778801, 0.349938,
                                  0.367879, 0.316637}, 1e-5);
    t = given(1, 6, 1, 1, ramp);
    const int64_t two[3] = {2, 1, 1}, a[3] = {0, 0, 0}, b[3] = {3, 0, 0}, near[3] = {1, 0, 0};
    int rc = gn_image_swap(&t, two, a, b, &err);
    CHECK("boxes are exchanged", rc == 0);
    check_values("G75 swap 1..6, P = 2, a = 0, b = 3", &t, (const double[]){4, 5, 3, 1, 2, 6}, 0);
    t = given(1, 6, 1, 1, ramp);
    rc = gn_image_swap(&t, two, a, near, &err);
    CHECK("boxes that overlap are exchanged by copies", rc == 0);
    check_values("the second wins where they overlap", &t, (const double[]){2, 3, 2, 4, 5, 6}, 0);
    t = given(1, 6, 1, 1, ramp);
    CHECK("a box beyond the image is refused",
          gn_image_swap(&t, two, a, (const int64_t[]){5, 0, 0}, &err) == -1);
    gn_err_clear(&err);
    gn_tensor_free(&t);
}

/* Pixels (.8,.4,.6) (.2,.3,.7) (1,1,1) (0,.5,.5), component by component. */
static const float pixels[12] = {.8f, .2f, 1, 0, .4f, .3f, 1, .5f, .6f, .7f, 1, .5f};

static void check_pixels(const char *name, struct gn_tensor *t, const double *rgb)
{
    double want[12];
    for (int i = 0; i < 12; i++)
        want[i % 3 * 4 + i / 3] = rgb[i];
    check_values(name, t, want, 1e-5);
}

static void colours(void)
{
    static const struct {
        const char *name;
        enum gn_color what;
        double factor, want[12];
    } cases[] = {
        {"G56 brightness 0.5, as torchvision", GN_BRIGHTNESS, 0.5,
         {.4, .2, .3, .1, .15, .35, .5, .5, .5, 0, .25, .25}},
        {"G57 contrast 0.5, as torchvision", GN_CONTRAST, 0.5,
         {.67605, .47605, .57605, .37605, .42605, .62605, .77605, .77605, .77605, .27605, .52605,
          .52605}},
        {"G58 saturation 0.5, as torchvision", GN_SATURATION, 0.5,
         {.67116, .47116, .57116, .25784, .30784, .50784, .99995, .99995, .99995, .17525, .42525,
          .42525}},
        {"G59 hue + 0.25, as torchvision", GN_HUE, 0.25,
         {.8, .8, .4, .7, .2, .55, 1, 1, 1, .25, 0, .5}}};
    struct gn_tensor t = given(3, 4, 1, 1, pixels);
    float *v = t.data;
    gn_color_to_stains(v, v + 4, v + 8, 4);
    check_pixels("G54 colours to stains, as numpy", &t,
                 (const double[]){.00370591, .0412202, .0402126, .197493, 0, 0, 0, 0, 0, 1.84448,
                                  0, 0});
    t = given(3, 4, 1, 1, pixels);
    gn_color_stains(&t, (const double[]){.1, .1, .1}, (const double[]){.02, -.01, .03},
                    (const double[]){0, 1}, 1);
    check_pixels("G55 changed stains back to colours, as numpy", &t,
                 (const double[]){.5902, .272312, .386693, .10724, .0912819, .284053, .754397,
                                  .746105, .678266, 0, 0, .000200019});
    t = given(3, 4, 1, 1, pixels);
    gn_color_stains(&t, (const double[]){.1, .1, .1}, (const double[]){.02, -.01, .03},
                    (const double[]){0, .5}, 1);
    check_pixels("an image whose mean is cut off stays", &t,
                 (const double[]){.8f, .4f, .6f, .2f, .3f, .7f, 1, 1, 1, 0, .5, .5});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        t = given(3, 4, 1, 1, pixels);
        gn_color_adjust(&t, cases[i].what, cases[i].factor, 1);
        check_pixels(cases[i].name, &t, cases[i].want);
    }
}

/* ---- plain versions, instruction sets, threads ---- */

typedef void change(struct gn_tensor *t, int variant, bool plain);

static void blur_it(struct gn_tensor *t, int variant, bool plain)
{
    static const double sigma[4][3] = {
        {1.3, 0.4, 2.2}, {0, 9, 0.1}, {0.7, 0, 40}, {1e9, 0.2, 1}};
    (plain ? gn_image_blur_plain : gn_image_blur)(t, sigma[variant]);
}

static void thicken_it(struct gn_tensor *t, int variant, bool plain)
{
    static const double factor[4] = {1.5, 2.7, 40, 1.1};
    int axis = variant % 3;
    (plain ? gn_image_thicken_plain : gn_image_thicken)(t, axis, factor[variant],
                                                        t->shape[3 - axis], 0);
}

static void gamma_it(struct gn_tensor *t, int variant, bool plain)
{
    static const double gamma[4][2] = {{0.5, 2}, {1.34, 0.74}, {1, 3.3}, {0.01, 100}};
    (plain ? gn_image_gamma_plain : gn_image_gamma)(t, gamma[variant]);
}

static void bias_it(struct gn_tensor *t, int variant, bool plain)
{
    static const int order[4] = {3, 0, 1, GN_BIAS_ORDER};
    double c[GN_BIAS_TERMS];
    int64_t size[3] = {t->shape[3], t->shape[2], t->shape[1]}, origin[3] = {0, 0, 0};
    for (int k = 0; k < GN_BIAS_TERMS; k++)
        c[k] = (7 * k % 20 - 10) / 20.0;
    (plain ? gn_image_bias_plain : gn_image_bias)(t, c, order[variant], size, origin);
}

static void kernels(void)
{
    static const struct {
        const char *name;
        change *make;
    } ops[] = {{"blur: equal bytes from the plain version, every instruction set, 4 threads",
                blur_it},
               {"anisotropic: the same", thicken_it},
               {"gamma: the same", gamma_it},
               {"bias: the same", bias_it}};
    static const char *const sets[] = {"sse2", "avx2", "avx512"};
    const int64_t sizes[4][3] = {{77, 13, 9}, {5, 40, 17}, {131, 3, 1}, {600, 2, 2}};
    for (size_t o = 0; o < sizeof ops / sizeof *ops; o++) {
        int equal = 1;
        for (int run = 0; run < 16; run++) {
            const int64_t *size = sizes[run / 4];
            struct gn_tensor in = pattern(2, size, 0.37, -100), plain = copy_of(&in);
            ops[o].make(&plain, run % 4, true);
            for (int k = 0; k < 4; k++) {
                struct gn_tensor t = copy_of(&in);
                if (k == 3)
                    gn_pool_start(4);
                if (k == 3 || gn_isa_choose(sets[k]) == 0) {
                    ops[o].make(&t, run % 4, false);
                    equal &= same(&t, &plain);
                }
                gn_pool_stop();
                gn_tensor_free(&t);
            }
            equal &= run % 4 == 2 || !same(&in, &plain);
            gn_tensor_free(&in);
            gn_tensor_free(&plain);
        }
        CHECK(ops[o].name, equal);
    }
}

static void powers(void)
{
    const int64_t size[3] = {4096, 1, 1};
    const double gamma[3] = {0.7408182206817179, 1.3498588075760032, 2.2};
    double most = 0;
    for (int g = 0; g < 3; g++) {
        struct gn_tensor t = new_image(1, size);
        float *v = t.data, in[4096];
        for (int i = 0; i < 4096; i++)
            in[i] = v[i] = (float)((i & 1 ? -1 : 1) * pow(10, (i - 2048) / 64.0 / gamma[g] * 1.1));
        gn_image_gamma(&t, &gamma[g]);
        for (int i = 0; i < 4096; i++) {
            double want = copysign(pow(fabs((double)in[i]), gamma[g]), (double)in[i]);
            if (fabs(want) > 1e-37 && fabs(want) < 3e38)
                most = fmax(most, fabs((double)v[i] / want - 1));
        }
        gn_tensor_free(&t);
    }
    CHECK_NEAR("a power is within 2e-7 of the exact one, from 1e-37 to 3e38", most, 0, 2e-7);
    struct gn_tensor t = given(1, 6, 1, 1,
                               (const float[]){0, 1, INFINITY, -INFINITY, NAN, 0x1p-140f});
    gn_image_gamma(&t, (const double[]){0.5});
    const float *v = t.data;
    CHECK("0, 1, what is not finite and the smallest numbers too",
          v[0] == 0 && v[1] == 1 && v[2] == INFINITY && v[3] == -INFINITY && isnan(v[4]) &&
              v[5] == 0x1p-70f);
    gn_tensor_free(&t);
}

/* ---- windows ---- */

/* Augment the whole and cut; cut the window and augment: equal bytes? *grown: windows that are
 * larger than their patch but not the whole image. */
static int window_is_patch(const struct gn_augment_list *list, const struct gn_grid *grid,
                           const struct gn_box *patch, uint32_t index, double bound, int *grown)
{
    struct gn_augment_draws d;
    struct gn_tensor in = pattern(2, grid->size, 0.2, -30), whole = {0}, want = {0}, win = {0},
                     got = {0};
    const double least[2] = {-30, -30};
    struct gn_augment_image image = {"t1", least, 58.3, 1, {{0}, {0}}};
    struct gn_box all = {{0, 0, 0}, {grid->size[0], grid->size[1], grid->size[2]}}, window;
    int ok = gn_augment_draw(&d, list, 11, "subject", 3, index, grid, NULL, &err) == 0;
    d.std = bound;
    gn_augment_window(&d, patch, &window);
    int64_t voxels = gn_grid_voxels(window.size);
    *grown += voxels > gn_grid_voxels(patch->size) && voxels < gn_grid_voxels(grid->size);
    ok = ok && gn_augment_apply(&d, &image, &all, &all, false, &in, &whole, &err) == 0 &&
         gn_image_cut(&whole, patch, GN_PAD_CONSTANT, &want, &err) == 0 &&
         gn_image_cut(&in, &window, GN_PAD_CONSTANT, &win, &err) == 0 &&
         gn_augment_apply(&d, &image, &window, patch, true, &win, &got, &err) == 0 &&
         same(&want, &got);
    if (!ok)
        printf("# %s\n", err.text);
    gn_tensor_free(&in);
    gn_tensor_free(&whole);
    gn_tensor_free(&want);
    gn_tensor_free(&win);
    gn_tensor_free(&got);
    gn_augment_draws_free(&d);
    return ok;
}

struct window_case {
    const char *name;
    const char *op[6][2];
    double bound;
    int least_grown; /* of 40: windows that are neither the patch nor the whole image */
};

static void windows(void)
{
    static const struct window_case cases[] = {
        {"blur: a window becomes the patch of the whole augmented image",
         {{"blur", "std=[0.2,1]"}}, -1, 40},
        {"so it does where the deviation of a blur follows from the image's", {{"blur", NULL}}, 60,
         40},
        {"and where that is not known, from the whole image", {{"blur", NULL}}, -1, 0},
        {"anisotropic: the same", {{"anisotropic", "downsampling=[1.2,2.4]"}}, -1, 40},
        {"gamma, bias, noise_var: the same",
         {{"gamma", NULL}, {"bias", NULL}, {"noise_var", NULL}}, -1, 0},
        {"all of them in a row, with flips between",
         {{"bias", "order=2"}, {"blur", "std=0.5"}, {"flip", NULL},
          {"anisotropic", "downsampling=1.7"}, {"gamma", NULL}, {"blur", "std=[0,0.3,0,0.6,0,1]"}},
         -1, 30}};
    const struct gn_grid solid = {{31, 26, 19}, {-0.7, 0, 0, 3, 0, 0.9, 0, 4, 0, 0, 1.5, 5}};
    const struct gn_grid flat = {{33, 29, 1}, {-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0}};
    struct gn_box p3 = {{0, 0, 0}, {7, 6, 5}}, p2 = {{0, 0, 0}, {9, 8, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gn_augment_list list = {0};
        int ok = 1, grown = 0;
        for (int k = 0; k < 6 && cases[i].op[k][0]; k++)
            ok &= gn_augment_add(&list, cases[i].op[k][0], cases[i].op[k][1], 1, &err) == 0;
        for (uint32_t n = 0; ok && n < 20; n++) {
            for (int k = 0; k < 3; k++) { /* borders included */
                p3.origin[k] = (solid.size[k] - p3.size[k]) * ((n >> k) % 4) / 3;
                p2.origin[k] = (flat.size[k] - p2.size[k]) * ((n >> k) % 4) / 3;
            }
            ok = window_is_patch(&list, &solid, &p3, n, cases[i].bound, &grown) &&
                 window_is_patch(&list, &flat, &p2, n, cases[i].bound, &grown);
        }
        CHECK(cases[i].name, ok && grown >= cases[i].least_grown &&
                                 (cases[i].least_grown > 0 || grown == 0));
        gn_augment_free(&list);
    }
}

int main(void)
{
    golden();
    by_hand();
    colours();
    kernels();
    powers();
    windows();
    return check_done();
}
