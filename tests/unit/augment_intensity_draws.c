/* augment_intensity_draws.c - changes of intensity: what is drawn, against its specification, and
 * what is refused. */
#include <stdlib.h>

#include "base/rng.h"
#include "check.h"
#include "image/augment.h"

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

static struct gn_tensor pattern(int64_t c, const int64_t size[3], double scale, double shift)
{
    struct gn_tensor t = new_image(c, size);
    for (int64_t n = 0; n < gn_tensor_count(&t); n++)
        ((float *)t.data)[n] = (float)((double)((7919 * n + 13) % 1009) * scale + shift);
    return t;
}

static int same(const struct gn_tensor *a, const struct gn_tensor *b)
{
    size_t bytes = 0;
    return a->dtype == b->dtype && !memcmp(a->shape, b->shape, 4 * sizeof *a->shape) &&
           gn_tensor_bytes(a, &bytes, &err) == 0 && !memcmp(a->data, b->data, bytes);
}

static struct gn_tensor given(int64_t c, int64_t x, int64_t y, int64_t z, const float *v)
{
    int64_t size[3] = {x, y, z};
    struct gn_tensor t = new_image(c, size);
    memcpy(t.data, v, (size_t)(c * x * y * z) * sizeof *v);
    return t;
}

/* ---- draws ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

enum { DRAWS = 10000 };

/* Parameters of DRAWS draws: [parameter][draw]; n of each. */
static double *drawn(const char *name, const char *settings, const struct gn_grid *grid, int64_t c,
                     double std, int *n)
{
    struct gn_augment_list list = {.patch = {30, 20, 10}};
    struct gn_augment_image image = {"t1", NULL, std, 1, {{0}, {0}}};
    if (gn_augment_add(&list, name, settings, 1, &err) ||
        (*n = list.step[0].op->count(&list.step[0], grid, c, &err)) < 0) {
        printf("# %s: %s\n", name, err.text);
        exit(1);
    }
    double *all = gn_try_alloc((size_t)*n * DRAWS * sizeof *all, &err), one[512];
    for (uint32_t i = 0; i < DRAWS; i++) {
        struct gn_draw where = gn_draw_at(5, "s", "t1", 0, i, 0);
        list.step[0].op->draw(&list.step[0], &where, grid, &image, *n, one);
        for (int k = 0; k < *n; k++)
            all[k * DRAWS + i] = one[k];
    }
    gn_augment_free(&list);
    return all;
}

/* Kolmogorov and Smirnov: largest distance from U(lo, hi), over its 1 % point; v is sorted. */
static double far_from_uniform(double *v, double lo, double hi)
{
    double most = 0;
    qsort(v, DRAWS, sizeof *v, ascending);
    for (int i = 0; i < DRAWS; i++) {
        double u = (v[i] - lo) / (hi - lo);
        if (!(u >= 0 && u < 1))
            return 1e30;
        most = fmax(most, fmax(u - (double)i / DRAWS, (double)(i + 1) / DRAWS - u));
    }
    return most * sqrt(DRAWS) / 1.63;
}

static void distributions(void)
{
    static const struct {
        const char *name, *op, *settings;
        int64_t c;
        int first, last; /* of the parameters */
        double lo, hi;
    } cases[] = {
        {"blur std [1,3] is U(1,3) an axis", "blur", "std=[1,3]", 1, 0, 2, 1, 3},
        {"G72 blur std 2 is U(0,2) an axis, as TorchIO", "blur", "std=2", 1, 0, 2, 0, 2},
        {"blur std of three numbers is U(0,n) each", "blur", "std=[1,2,3]", 1, 2, 2, 0, 3},
        {"of six, a range each", "blur", "std=[1,2,3,4,5,6]", 1, 1, 1, 3, 4},
        {"blur is U(0, 0.015 std) mm by default, as GaNDLF", "blur", NULL, 1, 0, 2, 0, 0.6},
        {"noise_var too, of intensity", "noise_var", NULL, 1, 1, 1, 0, 0.6},
        {"noise_var mean 0.3 is U(-0.3,0.3)", "noise_var", "mean=0.3", 1, 0, 0, -0.3, 0.3},
        {"noise_var std [1,2] is U(1,2)", "noise_var", "std=[1,2]", 1, 1, 1, 1, 2},
        {"gamma is U(-0.3,0.3) a component by default", "gamma", NULL, 4, 0, 3, -0.3, 0.3},
        {"gamma of one number n is U(-n,n)", "gamma", "log_gamma=0.1", 1, 0, 0, -0.1, 0.1},
        {"G72 bias 0.5 is 20 of U(-0.5,0.5), as TorchIO", "bias", NULL, 1, 0, 19, -0.5, 0.5},
        {"bias of order 2 has 10", "bias", "order=2,coefficients=[0,1]", 1, 0, 9, 0, 1},
        {"anisotropic's factor is U(2,3) where asked", "anisotropic", "downsampling=[2,3]", 1, 1, 1,
         2, 3},
        {"swap's places are U(0,1)", "swap", "num_iterations=5", 1, 0, 9, 0, 1},
        {"colorjitter's factors are U(0,1) by default, as GaNDLF", "colorjitter", NULL, 3, 0, 2, 0,
         1},
        {"its hue is U(-0.5,0.5)", "colorjitter", NULL, 3, 3, 3, -0.5, 0.5},
        {"brightness 0.4 is U(0.6,1.4), as torchvision", "colorjitter", "brightness=0.4", 3, 0, 0,
         0.6, 1.4},
        {"contrast 3 is U(0,4)", "colorjitter", "contrast=3", 3, 1, 1, 0, 4},
        {"hue 0.1 is U(-0.1,0.1)", "colorjitter", "hue=[0.1,0.1]", 3, 3, 3, -0.1, 0.1},
        {"hed_transform's are U(-0.1,0.1) by default", "hed_transform", NULL, 3, 0, 5, -0.1, 0.1},
        {"a range of one stain", "hed_transform", "eosin_bias_range=[0,0.5]", 3, 4, 4, 0, 0.5}};
    const struct gn_grid grid = {{40, 30, 20}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int n = 0;
        double *v = drawn(cases[i].op, cases[i].settings, &grid, cases[i].c, 40, &n), most = 0;
        for (int k = cases[i].first; k <= cases[i].last; k++)
            most = fmax(most, k < n ? far_from_uniform(v + k * DRAWS, cases[i].lo, cases[i].hi)
                                    : 1e30);
        /* of 20 parameters, one beyond its 1 % point is no wonder; 1.2 is 0.2 % */
        CHECK(cases[i].name, most < (cases[i].last - cases[i].first > 8 ? 1.2 : 1));
        free(v);
    }
}

/* Chi-square of counts that should be even. */
static double unevenness(const int *count, int n, int total)
{
    double sum = 0, each = (double)total / n;
    for (int i = 0; i < n; i++)
        sum += (count[i] - each) * (count[i] - each) / each;
    return sum;
}

static void choices(void)
{
    struct gn_grid grid = {{40, 30, 20}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}};
    int n = 0, axis[3] = {0}, order[24] = {0}, orders = 0, seen[24];
    double *v = drawn("anisotropic", NULL, &grid, 1, 1, &n);
    int factor = 1;
    for (int i = 0; i < DRAWS; i++) {
        axis[(int)v[i]]++;
        factor &= v[DRAWS + i] == 1.5;
    }
    CHECK("anisotropic's axis is x, y or z evenly", unevenness(axis, 3, DRAWS) < 9.2);
    CHECK("G72 its factor is 1.5 by default", factor);
    free(v);
    grid.size[2] = 1;
    v = drawn("anisotropic", "axis=[0,2],downsampling=3", &grid, 1, 1, &n);
    for (int i = 0; i < DRAWS; i++)
        factor &= v[i] == 0 && v[DRAWS + i] == 3;
    CHECK("never z of a 2-D image; one number is the factor", factor);
    free(v);
    v = drawn("colorjitter", NULL, &grid, 3, 1, &n);
    for (int i = 0; i < DRAWS; i++) {
        int k = 0;
        while (k < orders && seen[k] != (int)v[4 * DRAWS + i])
            k++;
        if (k == orders && orders < 24)
            seen[orders++] = (int)v[4 * DRAWS + i];
        order[k < 24 ? k : 0]++;
    }
    CHECK("colorjitter's 24 orders are even", orders == 24 && unevenness(order, 24, DRAWS) < 41.6);
    free(v);

    /* swap, boxes of one voxel among six: pairs of the first five, evenly */
    struct gn_augment_list list = {.patch = {10, 10, 10}};
    struct gn_grid row = {{6, 1, 1}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}};
    struct gn_box box = {{0, 0, 0}, {6, 1, 1}};
    int pair[25] = {0}, ok = gn_augment_add(&list, "swap", "num_iterations=1", 1, &err) == 0;
    for (uint32_t i = 0; ok && i < DRAWS; i++) {
        struct gn_augment_image image = {.name = "t1", .std = -1, .top = 1};
        struct gn_tensor in = given(1, 6, 1, 1, (const float[]){0, 1, 2, 3, 4, 5}), t = {0};
        struct gn_augment_draws d;
        int moved[6], count = 0;
        ok = gn_augment_draw(&d, &list, 1, "s", 0, i, &row, NULL, &err) == 0 &&
             gn_augment_apply(&d, &image, &box, &box, false, &in, &t, &err) == 0;
        for (int k = 0; ok && k < 6; k++)
            if (((float *)t.data)[k] != (float)k)
                moved[count++] = k;
        ok = ok && count == 2 && moved[1] < 5;
        if (ok)
            pair[5 * moved[0] + moved[1]]++;
        gn_tensor_free(&in);
        gn_tensor_free(&t);
        gn_augment_draws_free(&d);
    }
    int ten[10], k = 0;
    for (int a = 0; a < 5; a++)
        for (int b = a + 1; b < 5; b++)
            ten[k++] = pair[5 * a + b];
    CHECK("swap exchanges two different places, never the last, evenly",
          ok && unevenness(ten, 10, DRAWS) < 21.7);
    gn_augment_free(&list);
}

/* ---- rules ---- */

static int tally(void *arg, const struct gn_augment_draws *d, const char *image, const char *op,
                 const char *parameter, double *value, struct gn_err *e)
{
    int *count = arg;
    (void)d;
    (void)image;
    (void)op;
    (void)value;
    (void)e;
    *count += strcmp(parameter, "done") != 0;
    return 0;
}

static void rules(void)
{
    static const char *const bad[][2] = {
        {"blur", "std=-1"}, {"blur", "std=[2,1]"}, {"blur", "std=[1,2,3,4]"},
        {"gamma", "log_gamma=9"}, {"gamma", "log_gamma=[1,2,3]"}, {"bias", "order=7"},
        {"bias", "order=1.5"}, {"bias", "coefficients=[1,0]"}, {"anisotropic", "downsampling=0.5"},
        {"anisotropic", "axis=3"}, {"swap", "patch_size=0"}, {"swap", "num_iterations=-1"},
        {"colorjitter", "hue=0.6"}, {"colorjitter", "brightness=-1"},
        {"hed_transform", "dab_bias_range=0.1"}, {"hed_transform", "cutoff_range=[-1,1]"},
        {"noise_var", "std=-2"}};
    const int64_t size[3] = {8, 8, 8};
    const struct gn_grid grid = {{8, 8, 8}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}};
    struct gn_box box = {{0, 0, 0}, {8, 8, 8}};
    struct gn_augment_list list = {.patch = {64, 64, 1}};
    int refused = 0, n = sizeof bad / sizeof *bad;
    for (int i = 0; i < n; i++) {
        int no = gn_augment_add(&list, bad[i][0], bad[i][1], 1, &err) == -1 && err.code == 2;
        if (!no)
            printf("# taken: %s %s\n", bad[i][0], bad[i][1]);
        refused += no;
        gn_err_clear(&err);
    }
    CHECK("settings that are none are refused", refused == n);
    gn_augment_free(&list);

    list.patch[0] = 64, list.patch[1] = 55, list.patch[2] = 1;
    int ok = gn_augment_add(&list, "swap", NULL, 1, &err) == 0;
    const double *s = list.step[0].setting;
    CHECK("swap's boxes are a tenth of the patch, half to even, at least one voxel, 100 times",
          ok && s[0] == 6 && s[1] == 6 && s[2] == 1 && s[3] == 100);
    gn_augment_free(&list);

    static const char *const three[] = {"colorjitter", "hed_transform"};
    for (int i = 0; i < 2; i++) {
        ok = gn_augment_add(&list, three[i], NULL, 1, &err) == 0 &&
             list.step[0].op->count(&list.step[0], &grid, 2, &err) == -1 &&
             strstr(err.text, "components");
        CHECK("colours need three components", ok);
        gn_err_clear(&err);
        gn_augment_free(&list);
    }

    /* two images of a sample */
    struct gn_tensor in = pattern(1, size, 0.25, 0), a = {0}, b = {0};
    struct gn_augment_image t1 = {.name = "t1", .std = -1, .top = 1}, t2 = t1;
    struct gn_augment_draws d;
    int seen = 0;
    struct gn_augment_hook hook = {tally, &seen};
    t2.name = "t2";
    ok = gn_augment_add(&list, "anisotropic", "downsampling=[1.5,3]", 1, &err) == 0 &&
         gn_augment_draw(&d, &list, 3, "s", 0, 0, &grid, &hook, &err) == 0 &&
         gn_augment_apply(&d, &t1, &box, &box, false, &in, &a, &err) == 0 &&
         gn_augment_apply(&d, &t2, &box, &box, false, &in, &b, &err) == 0;
    CHECK("anisotropic is the same for all images of a sample, drawn and told once",
          ok && same(&a, &b) && !same(&a, &in) && seen == 2);
    gn_augment_draws_free(&d);
    gn_tensor_free(&a);
    gn_tensor_free(&b);
    gn_augment_free(&list);
    ok = gn_augment_add(&list, "gamma", NULL, 1, &err) == 0 &&
         gn_augment_draw(&d, &list, 3, "s", 0, 0, &grid, NULL, &err) == 0 &&
         gn_augment_apply(&d, &t1, &box, &box, false, &in, &a, &err) == 0 &&
         gn_augment_apply(&d, &t2, &box, &box, false, &in, &b, &err) == 0;
    CHECK("gamma is another for each", ok && !same(&a, &b));
    gn_augment_draws_free(&d);
    gn_tensor_free(&a);
    gn_augment_free(&list);

    struct gn_augment_image label = {.name = NULL, .std = -1, .top = 1};
    ok = gn_augment_add(&list, "anisotropic", NULL, 1, &err) == 0 &&
         gn_augment_add(&list, "blur", "std=2", 1, &err) == 0 &&
         gn_augment_add(&list, "bias", NULL, 1, &err) == 0 &&
         gn_augment_draw(&d, &list, 3, "s", 0, 0, &grid, NULL, &err) == 0 &&
         gn_augment_apply(&d, &label, &box, &box, false, &in, &a, &err) == 0;
    CHECK("labels stay as they are", ok && same(&a, &in));
    gn_augment_draws_free(&d);
    gn_tensor_free(&a);
    gn_tensor_free(&b);
    gn_tensor_free(&in);
    gn_augment_free(&list);
}

int main(void)
{
    distributions();
    choices();
    rules();
    return check_done();
}
