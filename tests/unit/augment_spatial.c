/* augment_spatial.c - affine, elastic and turns against TorchIO, ITK, NumPy and SciPy; and
 * that a patch cut through its window equals that part of the augmented whole image. Draws:
 * augment_draws.c. */
#include <stdlib.h>

#include "check.h"
#include "golden.h"
#include "image/augment.h"
#include "image/crop.h"

static struct gn_err err;

static struct gn_grid grid_of(int64_t x, int64_t y, int64_t z, const double affine[12])
{
    static const double identity[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    struct gn_grid g = {.size = {x, y, z}};
    memcpy(g.affine, affine ? affine : identity, sizeof g.affine);
    return g;
}

/* Parameters given: all values in the order of the list. */
struct given {
    const double *value;
    int64_t n, at;
};

static int give(void *arg, const struct gn_augment_draws *d, const char *image, const char *op,
                const char *parameter, double *value, struct gn_err *e)
{
    struct given *g = arg;
    (void)d;
    (void)image;
    (void)op;
    if (!strcmp(parameter, "done"))
        *value = 1;
    else if (g->at < g->n)
        *value = g->value[g->at++];
    else
        return gn_err_set(e, "more parameters than were given");
    return 0;
}

/* in augmented with these parameters. All of them must be used. */
static int apply(const struct gn_augment_list *list, const struct gn_grid *grid,
                 const double *value, int64_t n, bool label, const struct gn_tensor *in,
                 struct gn_tensor *out)
{
    struct given given = {value, n, 0};
    struct gn_augment_hook hook = {give, &given};
    struct gn_augment_draws d;
    struct gn_augment_image image = {.name = label ? NULL : "t1", .std = 0, .top = 1};
    struct gn_box all = {{0, 0, 0}, {grid->size[0], grid->size[1], grid->size[2]}};
    int rc = gn_augment_draw(&d, list, 0, "s", 0, 0, grid, &hook, &err);
    if (rc == 0)
        rc = gn_augment_apply(&d, &image, &all, &all, false, in, out, &err);
    if (rc == 0 && given.at != n)
        rc = -1;
    gn_augment_draws_free(&d);
    return rc;
}

/* ---- golden data ---- */

/* tests/gen/spatial.py's source() */
static struct gn_tensor source(const int64_t n[3], int64_t channels, bool label)
{
    struct gn_tensor t;
    int64_t at = 0;
    if (gn_tensor_new4(&t, label ? GN_UINT8 : GN_FLOAT32, channels, n[2], n[1], n[0], &err))
        exit(1);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t k = 0; k < n[2]; k++)
            for (int64_t j = 0; j < n[1]; j++)
                for (int64_t i = 0; i < n[0]; i++) {
                    int64_t v = (7 * i + 5 * j + 3 * k + 2 * i * j + j * k + 11 * c) % 23 - 4;
                    gn_tensor_set(&t, at++, (double)(label ? (i / 2 + j / 3 + k) % 4 : v));
                }
    return t;
}

/* Largest |a - b| / max(1, |b|). */
static double off(const struct gn_tensor *a, const struct golden *b)
{
    double most = 0;
    if (gn_tensor_count(a) != b->n)
        return INFINITY;
    for (int64_t i = 0; i < b->n; i++) {
        double d = fabs(gn_tensor_get(a, i) - b->v[i]) / fmax(1, fabs(b->v[i]));
        most = d <= most ? most : d;
    }
    return most;
}

static const struct golden *part(const struct golden *all, int n, const char *name,
                                 const char *what)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", name, what);
    return golden_find(all, n, full);
}

static void golden_case(const struct golden *all, int count, const char *name)
{
    static const char *const ops[] = {"affine", "elastic", "flip", "rotate_90", "rotate_180"};
    const struct golden *g = part(all, count, name, "grid"), *o = part(all, count, name, "ops");
    const struct golden *v = part(all, count, name, "value"), *p = part(all, count, name, "points");
    struct gn_grid grid =
        grid_of((int64_t)g->v[0], (int64_t)g->v[1], (int64_t)g->v[2], g->v + 3);
    struct gn_augment_list list = {0};
    const double *points = p->v;
    for (int64_t i = 0; i < o->n; i++) {
        char settings[96] = "";
        if (o->v[i] == 1) {
            snprintf(settings, sizeof settings, "num_control_points=[%g,%g,%g]", points[0],
                     points[1], points[2]);
            points += 3;
        }
        if (gn_augment_add(&list, ops[(int)o->v[i]], settings, 1, &err))
            exit(1);
    }
    double worst[2] = {INFINITY, INFINITY};
    for (int label = 0; label < 2; label++) {
        const struct golden *want = part(all, count, name, label ? "label" : "image");
        struct gn_tensor in = source(grid.size, want->n / gn_grid_voxels(grid.size), label), out;
        if (apply(&list, &grid, v->v, v->n, label, &in, &out) == 0) {
            worst[label] = off(&out, want);
            gn_tensor_free(&out);
        }
        gn_tensor_free(&in);
    }
    char text[192];
    snprintf(text, sizeof text, "%s: image and label as the reference (off by %.1e, %g)", name,
             worst[0], worst[1]);
    CHECK(text, worst[0] <= 1e-5 && worst[1] == 0);
    gn_augment_free(&list);
}

static void golden(const char *file)
{
    int count;
    struct golden *all = golden_read(file, &count);
    for (int i = 0; i < count; i++) {
        char *dot = strrchr(all[i].name, '.');
        if (strcmp(dot, ".grid"))
            continue;
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(dot - all[i].name), all[i].name);
        golden_case(all, count, name);
    }
    for (int i = 0; i < count; i++)
        free(all[i].v);
    free(all);
}

/* ---- the specification's hand cases ---- */

static struct gn_tensor ramp(int64_t x, int64_t y, int64_t z)
{
    struct gn_tensor t;
    if (gn_tensor_new4(&t, GN_FLOAT32, 1, z, y, x, &err))
        exit(1);
    for (int64_t i = 0; i < gn_tensor_count(&t); i++)
        gn_tensor_set(&t, i, (double)((7 * (i % x) + 5 * (i / x % y) + 3 * (i / (x * y))) % 11));
    return t;
}

static void hand(const char *name, const char *op, const char *settings, const struct gn_grid *grid,
                 const double *value, int64_t n, const struct gn_tensor *in, bool label,
                 const double *want, double tol)
{
    struct gn_augment_list list = {0};
    struct gn_tensor out = {0};
    struct golden g = {.v = (double *)want, .n = gn_tensor_count(in)};
    int ok = gn_augment_add(&list, op, settings, 1, &err) == 0 &&
             apply(&list, grid, value, n, label, in, &out) == 0 && off(&out, &g) <= tol;
    CHECK(name, ok);
    gn_tensor_free(&out);
    gn_augment_free(&list);
}

static void hand_cases(void)
{
    static const double lps[12] = {-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0};
    static const double left[12] = {-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    static const double thick[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0};
    struct gn_tensor t331 = ramp(3, 3, 1), t411 = ramp(4, 1, 1), t432 = ramp(4, 3, 2);
    struct gn_grid g331 = grid_of(3, 3, 1, NULL), g411 = grid_of(4, 1, 1, NULL);
    struct gn_grid left411 = grid_of(4, 1, 1, left), thick432 = grid_of(4, 3, 2, thick);
    const double quarter[] = {1, 1, 1, 0, 0, 90, 0, 0, 0}, twice[] = {2, 1, 1, 0, 0, 0, 0, 0, 0};
    const double shift[] = {1, 1, 1, 0, 0, 0, 0.5, 0, 0}, one[] = {1, 1, 1, 0, 0, 0, 1, 0, 0};
    const double all[] = {1.1, 0.9, 1, 10, -20, 30, 0.3, -0.2, 0.4};
    hand("G21 affine by 90 degrees about z, as ITK", "affine", NULL, &g331, quarter, 9, &t331,
         false, (double[]){10, 5, 0, 6, 1, 7, 2, 8, 3}, 1e-5);
    hand("G22 affine, scale 2 along x, as ITK", "affine", NULL, &g411, twice, 9, &t411, false,
         (double[]){5.25, 6, 4, 4.75}, 1e-5);
    hand("G23 affine, half a mm, as ITK", "affine", NULL, &g411, shift, 9, &t411, false,
         (double[]){0, 3.5, 5, 6.5}, 1e-5);
    hand("G24 affine, 1 mm against x, as ITK", "affine", NULL, &left411, one, 9, &t411, false,
         (double[]){7, 3, 10, 0}, 1e-5);
    hand("G25 affine, everything, as ITK", "affine", NULL, &thick432, all, 9, &t432, false,
         (double[]){0, 2.01702, 5.44309, 0, 8.73324, 4.59234, 3.19275, 5.04243,
                    0, 6.23769, 3.72948, 5.8278, 7.12213, 6.02426, 6.51931, 5.01099,
                    4.96235, 6.2166, 2.70012, 4.95189, 0, 0, 4.00449, 5.34396}, 1e-5);
    hand("G26 affine, a label, as ITK", "affine", NULL, &thick432, all, 9, &t432, true,
         (double[]){0, 0, 7, 0, 10, 5, 1, 3, 0, 6, 2, 8, 8, 4, 10, 6, 2, 9, 0, 7, 0, 0, 5, 9}, 0);

    struct gn_tensor row = ramp(4, 1, 1);
    struct gn_grid line = grid_of(4, 1, 1, lps), g432 = grid_of(4, 3, 2, lps);
    double d[3 * 125] = {0};
    for (int i = 0; i < 4; i++)
        gn_tensor_set(&row, i, i);
    for (int i = 0; i < 16; i++)
        d[4 * i + 1] = 1; /* [1,*,*] */
    hand("G27 elastic along x, as ITK", "elastic", "num_control_points=4,locked_borders=0", &line,
         d, 192, &row, false, (double[]){0.646631, 1.54842, 2.40299, 3}, 1e-5);
    memset(d, 0, sizeof d);
    d[62] = 1.5; /* [2,2,2] of 5 5 5 */
    d[125 + 62] = -1;
    d[250 + 62] = 0.5;
    hand("G28 elastic, as ITK", "elastic", "num_control_points=5", &g432, d, 375, &t432, false,
         (double[]){0.857268, 6.42307, 4.40288, 9.71424, 4.11019, 3.77626, 6.0254, 4.80682,
                    8.99558, 5.03586, 3.84528, 8.38512, 3.75011, 9.23076, 5.23076, 2,
                    6.93357, 4, 2.74982, 6.41128, 3.09454, 7.58972, 3.86093, 1.42863}, 1e-5);
    double same[24];
    for (int i = 0; i < 24; i++)
        same[i] = gn_tensor_get(&t432, i);
    hand("G29 elastic, a label: every shift below half a voxel, as ITK", "elastic",
         "num_control_points=5", &g432, d, 375, &t432, true, same, 0);

    struct gn_tensor six = ramp(3, 2, 1);
    struct gn_grid g321 = grid_of(3, 2, 1, NULL);
    for (int i = 0; i < 6; i++)
        gn_tensor_set(&six, i, i);
    hand("G30 a quarter turn, as numpy", "rotate_90", NULL, &g321, (double[]){2}, 1, &six, false,
         (double[]){2, 5, 1, 4, 0, 3}, 0);
    gn_tensor_free(&six);
    gn_tensor_free(&row);
    gn_tensor_free(&t331);
    gn_tensor_free(&t411);
    gn_tensor_free(&t432);
}

/* ---- windows ---- */

static int same(const struct gn_tensor *a, const struct gn_tensor *b)
{
    size_t bytes = 0;
    return a->dtype == b->dtype && !memcmp(a->shape, b->shape, 4 * sizeof *a->shape) &&
           gn_tensor_bytes(a, &bytes, &err) == 0 && !memcmp(a->data, b->data, bytes);
}

/* Patch number index: augment the whole and cut; cut the window and augment: equal bytes. */
static int patch_agrees(const struct gn_augment_list *list, const struct gn_grid *grid,
                        uint32_t index, const char *name, enum gn_dtype dtype, int64_t *smaller)
{
    struct gn_draw where = gn_draw_at(3, "patches", name, 0, index, 0);
    struct gn_augment_draws d;
    struct gn_augment_image image = {.name = name, .std = 5, .top = 1};
    struct gn_tensor in, whole = {0}, want = {0}, win = {0}, got = {0};
    struct gn_box all = {{0, 0, 0}, {grid->size[0], grid->size[1], grid->size[2]}}, window, patch;
    double min[2] = {-4, -4};
    in = source(grid->size, 2, false);
    if (dtype != GN_FLOAT32) {
        struct gn_tensor t;
        if (gn_tensor_convert(&in, dtype, &t, &err))
            exit(1);
        gn_tensor_free(&in);
        in = t;
    }
    image.min = min;
    int ok = gn_augment_draw(&d, list, 17, "subject", 1, index, grid, NULL, &err) == 0;
    for (int k = 0; ok && k < 3; k++) {
        int64_t n = d.after.size[k];
        patch.size[k] = 1 + (int64_t)gn_draw_below(&where, (uint64_t)k, (uint64_t)((n + 1) / 2));
        patch.origin[k] =
            (int64_t)gn_draw_below(&where, (uint64_t)(4 + k), (uint64_t)(n - patch.size[k] + 1));
    }
    if (ok)
        gn_augment_window(&d, &patch, &window);
    *smaller += ok && gn_grid_voxels(window.size) < gn_grid_voxels(grid->size);
    ok = ok && gn_augment_apply(&d, &image, &all, &all, false, &in, &whole, &err) == 0 &&
         gn_image_cut(&whole, &patch, GN_PAD_CONSTANT, &want, &err) == 0 &&
         gn_image_cut(&in, &window, GN_PAD_CONSTANT, &win, &err) == 0 &&
         gn_augment_apply(&d, &image, &window, &patch, true, &win, &got, &err) == 0 &&
         same(&want, &got);
    gn_tensor_free(&in);
    gn_tensor_free(&whole);
    gn_tensor_free(&want);
    gn_tensor_free(&win);
    gn_tensor_free(&got);
    gn_augment_draws_free(&d);
    return ok;
}

static void windows(void)
{
    static const char *const lists[][5] = {
        {"affine"}, {"elastic"}, {"rotate_90"}, {"rotate_180"}, {"flip"},
        {"affine", "elastic"}, {"elastic", "affine"}, {"affine", "affine"},
        {"elastic", "elastic"}, {"flip", "elastic", "rotate_90", "affine"},
        {"rotate_90", "rotate_90", "flip"}, {"affine", "noise", "affine"},
        {"elastic", "noise", "rotate_90", "noise", "affine"}};
    static const double oblique[12] = {0.9, -0.5, 0.3, 4, 0.5, 1.2, 0.1, 5, -0.2, 0.3, 2.1, 6};
    static const double aniso[12] = {0, 1.2, 0, -7, -0.8, 0, 0, 3, 0, 0, 3, 2};
    const struct gn_grid grids[] = {grid_of(21, 17, 13, oblique), grid_of(16, 22, 9, aniso),
                                    grid_of(25, 19, 1, NULL)};
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
        struct gn_augment_list list = {.patch = {16, 16, 8}};
        char name[128] = "";
        int images = 1, labels = 1, integers = 1;
        int64_t smaller = 0;
        for (int i = 0; i < 5 && lists[l][i]; i++) {
            const char *settings = !strcmp(lists[l][i], "elastic") ? "max_displacement=3"
                                   : !strcmp(lists[l][i], "affine") ? "translation=4" : NULL;
            if (gn_augment_add(&list, lists[l][i], settings, 0.85, &err))
                exit(1);
            snprintf(name + strlen(name), sizeof name - strlen(name), "%s%s", i ? ", " : "",
                     lists[l][i]);
        }
        for (size_t g = 0; g < sizeof grids / sizeof *grids; g++)
            for (uint32_t i = 0; i < 12; i++) {
                images &= patch_agrees(&list, &grids[g], i, "t1", GN_FLOAT32, &smaller);
                integers &= patch_agrees(&list, &grids[g], 50 + i, "t2", GN_INT16, &smaller);
                labels &= patch_agrees(&list, &grids[g], 100 + i, NULL, GN_UINT8, &smaller);
            }
        char text[256];
        snprintf(text, sizeof text, "%s: patches equal parts of the whole image", name);
        CHECK(text, images && integers && smaller > 50);
        snprintf(text, sizeof text, "%s: and of the whole label", name);
        CHECK(text, labels);
        gn_augment_free(&list);
    }
}

/* ---- settings, grids ---- */

static void settings(void)
{
    static const char *const bad[][2] = {
        {"affine", "scales=[1,2,3,4]"}, {"affine", "scales=-2"}, {"affine", "scales=[0,0]"},
        {"affine", "scales=1.5"}, {"affine", "degrees=[20,10]"}, {"affine", "translation=nan"},
        {"elastic", "num_control_points=3"}, {"elastic", "num_control_points=5.5"},
        {"elastic", "num_control_points=1000"}, {"elastic", "max_displacement=-1"},
        {"elastic", "locked_borders=3"}, {"elastic", "locked_borders=[1,2]"},
        {"elastic", "patch_size=65"}, {"elastic", "patch_size=-1"},
        {"rotate_90", "axis=3"}, {"rotate_180", "axis=0.5"}};
    struct gn_augment_list list = {0};
    struct gn_augment_draws d;
    struct gn_grid solid = grid_of(8, 8, 8, NULL);
    size_t refused = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        refused += gn_augment_add(&list, bad[i][0], bad[i][1], 1, &err) == -1 && err.code == 2;
        gn_err_clear(&err);
    }
    CHECK("settings that are none are refused", refused == sizeof bad / sizeof *bad);
    gn_augment_free(&list);
    int ok = gn_augment_add(&list, "elastic", "num_control_points=4", 1, &err) == 0 &&
             gn_augment_draw(&d, &list, 0, "s", 0, 0, &solid, NULL, &err) == -1;
    CHECK("two locked borders of four control points are refused, and said why",
          ok && strstr(err.text, "locked_borders"));
    gn_err_clear(&err);
    gn_augment_draws_free(&d);
    gn_augment_free(&list);

    static const double singular[12] = {0};
    struct gn_grid no_grid = grid_of(8, 8, 8, singular);
    ok = gn_augment_add(&list, "affine", NULL, 1, &err) == 0 &&
         gn_augment_draw(&d, &list, 0, "s", 0, 0, &no_grid, NULL, &err) == -1;
    CHECK("an image without a place in the world is refused", ok);
    gn_err_clear(&err);
    gn_augment_draws_free(&d);
    gn_augment_free(&list);

    static const double oblique[12] = {0.6, -1.6, 0, 4, 0.8, 1.2, 0, 5, 0, 0, 3, 6};
    struct gn_grid g = grid_of(9, 7, 5, oblique);
    double spacing[3];
    ok = gn_augment_add(&list, "rotate_90", "axis=2", 1, &err) == 0 &&
         gn_augment_draw(&d, &list, 0, "s", 0, 0, &g, NULL, &err) == 0;
    gn_affine_spacing(d.after.affine, spacing);
    CHECK("a quarter turn swaps sizes and spacings", ok && d.after.size[0] == 7 &&
          d.after.size[1] == 9 && fabs(spacing[0] - 2) < 1e-12 && fabs(spacing[1] - 1) < 1e-12 &&
          spacing[2] == 3 && d.after.affine[3] == 4);
    int64_t p[3] = {8, 2, 1};
    CHECK("a voxel goes where the turn takes it", ok && gn_augment_point(&d, p) && p[0] == 2 &&
          p[1] == 0 && p[2] == 1);
    gn_augment_draws_free(&d);
    gn_augment_free(&list);
    ok = gn_augment_add(&list, "rotate_90", NULL, 1, &err) == 0 &&
         gn_augment_add(&list, "rotate_180", NULL, 1, &err) == 0;
    CHECK("turns keep the dtype", ok && !gn_augment_is_real(&list));
    ok = gn_augment_add(&list, "affine", NULL, 1, &err) == 0;
    CHECK("affine makes float32", ok && gn_augment_is_real(&list));
    gn_augment_free(&list);
}

/* The map depends on the axes of an image, not on where it lies: a patch's affine, shifted back
 * with rounding, gives the same bytes. */
static void place_in_the_world(void)
{
    static const double near[12] = {0.9, -0.5, 0.3, 0, 0.5, 1.2, 0.1, 0, -0.2, 0.3, 2.1, 0};
    double away[12];
    struct gn_augment_list list = {0};
    struct gn_augment_draws a, b;
    struct gn_box patch = {{3, 4, 5}, {6, 5, 4}}, wa, wb;
    memcpy(away, near, sizeof away);
    away[3] = 1234.567;
    away[7] = -98.7654321;
    struct gn_grid g = grid_of(20, 18, 16, near), h = grid_of(20, 18, 16, away);
    int ok = gn_augment_add(&list, "affine", NULL, 1, &err) == 0 &&
             gn_augment_add(&list, "elastic", NULL, 1, &err) == 0;
    for (uint32_t i = 0; ok && i < 50; i++) {
        ok = gn_augment_draw(&a, &list, 0, "s", 0, i, &g, NULL, &err) == 0 &&
             gn_augment_draw(&b, &list, 0, "s", 0, i, &h, NULL, &err) == 0;
        gn_augment_window(&a, &patch, &wa);
        gn_augment_window(&b, &patch, &wb);
        struct gn_warp w[2] = {{0}, {0}};
        struct gn_grid copy = g, other = h;
        list.step[0].op->warp(&list.step[0], a.choice[0].value, &copy, &w[0]);
        list.step[0].op->warp(&list.step[0], b.choice[0].value, &other, &w[1]);
        ok &= !memcmp(&wa, &wb, sizeof wa) &&
              !memcmp(w[0].part[0].matrix, w[1].part[0].matrix, sizeof w[0].part[0].matrix);
        gn_warp_free(&w[0]);
        gn_warp_free(&w[1]);
        gn_augment_draws_free(&a);
        gn_augment_draws_free(&b);
    }
    CHECK("maps do not depend on where the image lies in the world", ok);
    gn_augment_free(&list);
}

int main(void)
{
    hand_cases();
    golden("spatial_affine.txt");
    golden("spatial_elastic.txt");
    golden("spatial_composed.txt");
    windows();
    settings();
    place_in_the_world();
    return check_done();
}
