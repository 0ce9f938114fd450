/* augment_rows.c - every augmentation with given parameters against TorchIO, NumPy, SciPy and
 * torchvision (tests/gen/augment_rows.py): an isotropic, a real anisotropic and an oblique image
 * and a slice of each, one and four channels; a real stained slide. Draws: augment_draws.c. */
#include <stdlib.h>

#include "image/augment.h"
#include "pre_images.h"

static const char *const op_names[] = {
    "affine", "elastic", "flip",   "rotate_90", "rotate_180", "anisotropic", "blur",        "noise",
    "gamma",  "bias",    "motion", "ghosting",  "spike",      "swap",        "colorjitter",
    "hed_transform"};
enum { STEPS = 8 };

/* How a row is compared. */
enum mode {
    RELATIVE, /* intensity: |a - b| over max(1, |b|) */
    RANGE     /* spatial and k-space: over the range of the golden values */
};

/* The parameters of a case, one run of them a step. */
struct given {
    int steps;
    const double *v[STEPS];
    int n[STEPS], used[STEPS];
};

static int give(void *arg, const struct gn_augment_draws *d, const char *image, const char *op,
                const char *parameter, double *value, struct gn_err *e)
{
    struct given *g = arg;
    int i = 0;
    (void)image;
    while (i < g->steps && strcmp(d->list->step[i].label, op) != 0)
        i++;
    if (i == g->steps)
        return gn_err_set(e, "no such step");
    if (!strcmp(parameter, "done"))
        *value = 1;
    else if (g->used[i] < g->n[i])
        *value = g->v[i][g->used[i]++];
    else
        return gn_err_set(e, "more parameters than were given");
    return 0;
}

/* The list of a case, with the settings that its numbers of parameters follow from. */
static void list_of(const char *row, const char *image, bool flat, struct gn_augment_list *list,
                    struct given *g)
{
    const struct golden *ops = get(row, image, ".ops"), *n = get(row, image, ".n");
    const double *v = get(row, image, ".v")->v;
    *g = (struct given){.steps = (int)ops->n};
    for (int i = 0; i < g->steps; i++) {
        const char *name = op_names[(int)ops->v[i]];
        char settings[64] = "";
        g->n[i] = (int)n->v[i];
        g->v[i] = v;
        v += g->n[i];
        if (!strcmp(name, "elastic"))
            snprintf(settings, sizeof settings, "num_control_points=[5,6,7]");
        if (!strcmp(name, "motion"))
            snprintf(settings, sizeof settings, "num_transforms=%d%s", g->n[i] / 7,
                     !strcmp(row, "motion_x")        ? ",axis=0"
                     : !strcmp(row, "motion_y")      ? ",axis=1"
                     : !strcmp(row, "motion_origin") ? ",centre=origin"
                                                     : "");
        if (!strcmp(name, "spike"))
            snprintf(settings, sizeof settings, "num_spikes=%d", (g->n[i] - 2) / 3);
        if (!strcmp(name, "swap"))
            snprintf(settings, sizeof settings, "num_iterations=%d,patch_size=[3,2,%d]",
                     g->n[i] / 2, flat ? 1 : 2);
        if (gn_augment_add(list, name, settings, 1, &err)) {
            fprintf(stderr, "%s: %s\n", name, err.text);
            exit(1);
        }
    }
}

/* in (a label if top is 0) through the list of a case. Every parameter must be used, but for those
 * of channels that are not there. */
static int apply(const char *row, const char *image, const struct gn_grid *grid, double top,
                 int channels, const struct gn_tensor *in, struct gn_tensor *out)
{
    struct gn_augment_list list = {0};
    struct given g;
    struct gn_augment_hook hook = {give, &g};
    struct gn_augment_draws d = {0};
    struct gn_augment_image about = {.name = top > 0 ? "t1" : NULL, .std = -1, .top = top};
    struct gn_box box = {{0, 0, 0}, {grid->size[0], grid->size[1], grid->size[2]}};
    list_of(row, image, grid->size[2] == 1, &list, &g);
    int rc = gn_augment_draw(&d, &list, 0, "s", 0, 0, grid, &hook, &err);
    if (rc == 0)
        rc = gn_augment_apply(&d, &about, &box, &box, false, in, out, &err);
    for (int i = 0; rc == 0 && i < g.steps; i++) {
        bool per_channel = !strcmp(list.step[i].op->name, "gamma");
        bool for_images = !list.step[i].op->spatial && !list.step[i].op->shared;
        int want = per_channel ? channels : g.n[i];
        rc = g.used[i] == (top > 0 || !for_images ? want : 0) ? 0 : -1;
    }
    if (rc)
        printf("# %s.%s: %s\n", row, image, err.text[0] ? err.text : "parameters are left");
    gn_augment_draws_free(&d);
    gn_augment_free(&list);
    return rc;
}

/* Largest distance of t, which has as many of the four channels as channels says; 1e9: not to be
 * compared. every: how many golden channels there are. */
static double apart(const struct gn_tensor *t, const char *row, const char *image, enum mode mode,
                    int channels, int every)
{
    const double *v = get(row, image, ".image.every")->v;
    const struct golden *g = get(row, image, ".image");
    const int64_t stride = (int64_t)v[0], n = gn_tensor_count(t);
    double most = 0, lo = INFINITY, hi = -INFINITY;
    int64_t seen = 0;
    if (n * every != (int64_t)v[1] * channels)
        return 1e9;
    for (int64_t i = 0; i < g->n; i++) {
        lo = fmin(lo, g->v[i]);
        hi = fmax(hi, g->v[i]);
    }
    for (int64_t i = 0; i < g->n && i * stride < n; i++, seen++) {
        double off = fabs(gn_tensor_get(t, i * stride) - g->v[i]) /
                     (mode == RANGE ? hi - lo : fmax(1, fabs(g->v[i])));
        most = off <= most ? most : isnan(off) ? 1e9 : off;
    }
    return seen > 10 ? most : 1e9;
}

static int64_t labels_differ(const struct gn_tensor *t, const char *row, const char *image)
{
    const struct golden *g = get(row, image, ".label");
    int64_t odd = 0;
    if (gn_tensor_count(t) != g->n)
        return g->n;
    for (int64_t i = 0; i < g->n; i++)
        odd += gn_tensor_get(t, i) != g->v[i];
    return odd;
}

struct row {
    const char *name;
    enum mode mode;
    double tolerance;
    int images; /* on how many of the six there is one */
};

static void check_row(const struct row *r, const struct pre_image images[PRE_IMAGES])
{
    double worst[2] = {0, 0};
    int64_t odd = 0, labels = 0;
    int seen = 0;
    for (int k = 0; k < PRE_IMAGES; k++) {
        const struct pre_image *p = &images[k];
        struct gn_grid grid = {.size = {p->size[0], p->size[1], p->size[2]}};
        struct gn_tensor in, out = {0};
        if (!has(r->name, p->name, ".ops"))
            continue;
        memcpy(grid.affine, p->affine, sizeof grid.affine);
        for (int c = 1; c <= PRE_CHANNELS; c += PRE_CHANNELS - 1) {
            in = pre_channels(p, c);
            bool above = strstr(r->name, "above") != NULL;
            for (int64_t i = 0; above && i < gn_tensor_count(&in); i++)
                gn_tensor_set(&in, i, fabs(gn_tensor_get(&in, i)));
            double off = 1e9;
            if (apply(r->name, p->name, &grid, 1, c, &in, &out) == 0)
                off = apart(&out, r->name, p->name, r->mode, c, PRE_CHANNELS);
            if (off > r->tolerance)
                printf("# %s.%s, %d channels: off by %.3g\n", r->name, p->name, c, off);
            worst[c > 1] = fmax(worst[c > 1], off);
            gn_tensor_free(&in);
            gn_tensor_free(&out);
        }
        if (has(r->name, p->name, ".label")) {
            in = pre_label(p);
            int64_t n = apply(r->name, p->name, &grid, 0, 1, &in, &out) == 0 &&
                                out.dtype == GN_UINT8
                            ? labels_differ(&out, r->name, p->name)
                            : INT64_MAX / 8;
            if (n)
                printf("# %s.%s: %lld labels differ\n", r->name, p->name, (long long)n);
            odd += n;
            labels += p->n;
            gn_tensor_free(&in);
            gn_tensor_free(&out);
        }
        seen++;
    }
    char text[192];
    snprintf(text, sizeof text, "%s on %d images: off by %.1e (1 channel), %.1e (4); %lld of %lld "
             "labels", r->name, seen, worst[0], worst[1], (long long)odd, (long long)labels);
    CHECK(text, seen == r->images && worst[0] <= r->tolerance && worst[1] <= r->tolerance &&
          odd == 0);
}

static void check_file(const char *file, const struct row *rows, int n,
                       const struct pre_image images[PRE_IMAGES])
{
    int checked = 0, cases = 0;
    all = golden_read(file, &count);
    for (int i = 0; i < n; i++) {
        check_row(&rows[i], images);
        checked += rows[i].images;
    }
    for (int i = 0; i < count; i++) {
        const char *end = strrchr(all[i].name, '.');
        cases += end && !strcmp(end, ".ops");
    }
    char text[96];
    snprintf(text, sizeof text, "%s: all of its %d cases are looked at", file, cases);
    CHECK(text, cases == checked);
    for (int i = 0; i < count; i++)
        free(all[i].v);
    free(all);
}

/* ITK rounds positions to 2^-26 voxel. Of a blur of values to 1000 some results are near 0. */
static const struct row map_rows[] = {{"affine0", RANGE, 1e-6, 6}, {"affine1", RANGE, 1e-6, 6},
                                      {"elastic", RANGE, 2e-6, 6},
                                      {"affine_elastic", RANGE, 1e-6, 6}};
static const struct row turn_rows[] = {
    {"flipx", RANGE, 0, 6},       {"flipy", RANGE, 0, 6},       {"flipz", RANGE, 0, 3},
    {"flipxz", RANGE, 0, 3},      {"flipxyz", RANGE, 0, 3},     {"flipxy", RANGE, 0, 3},
    {"rotate_90x", RANGE, 0, 3},  {"rotate_90y", RANGE, 0, 3},  {"rotate_90z", RANGE, 0, 6},
    {"rotate_180x", RANGE, 0, 3}, {"rotate_180y", RANGE, 0, 3}, {"rotate_180z", RANGE, 0, 6}};
static const struct row intensity_rows[] = {
    {"blur0", RELATIVE, 1e-6, 6},        {"blur1", RELATIVE, 1e-5, 6},
    {"blur2", RELATIVE, 1e-6, 6},        {"anisotropicx0", RELATIVE, 5e-6, 6},
    {"anisotropicx1", RELATIVE, 5e-6, 6}, {"anisotropicy0", RELATIVE, 5e-6, 6},
    {"anisotropicy1", RELATIVE, 5e-6, 6}, {"anisotropicz0", RELATIVE, 5e-6, 3},
    {"noise", RELATIVE, 1e-6, 6},        {"gamma", RELATIVE, 1e-6, 6},
    {"bias", RELATIVE, 2e-6, 6},         {"swap", RELATIVE, 0, 6},
    {"list0", RELATIVE, 1e-5, 6},        {"list1", RELATIVE, 1e-5, 6},
    {"list2", RANGE, 1e-5, 5}};
static const struct row kspace_rows[] = {
    {"motion0", RANGE, 1e-5, 6},   {"motion1", RANGE, 1e-5, 6},   {"motion2", RANGE, 1e-5, 6},
    {"motion_x", RANGE, 1e-5, 6},  {"motion_y", RANGE, 1e-5, 3},  {"motion_origin", RANGE, 1e-5, 3},
    {"ghostingx", RANGE, 1e-5, 6}, {"ghostingy", RANGE, 1e-5, 6}, {"ghostingz", RANGE, 1e-5, 3},
    {"spike1", RANGE, 1e-5, 6},    {"spike2", RANGE, 1e-5, 6},    {"spike_above", RANGE, 1e-5, 6}};

static void colours(void)
{
    int n;
    struct golden *he = golden_read("real/he.txt", &n);
    const struct golden *size = golden_find(he, n, "he.size"), *v = golden_find(he, n, "he.image");
    const struct gn_grid grid = {{(int64_t)size->v[0], (int64_t)size->v[1], 1},
                                 {-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0}};
    static const char *const slides[2] = {"unit", "bytes"};
    static const double top[2] = {1, 255};
    int cases = 0, found = 0;
    all = golden_read("rows_colour.txt", &count);
    for (int k = 0; k < 12; k++) {
        static const char *const forms[3] = {"colorjitter%d_3", "colorjitter%d_1",
                                             "hed_transform%d_3"};
        char row[32], text[128];
        double worst = 0;
        const int components = k / 4 == 1 ? 1 : 3;
        snprintf(row, sizeof row, forms[k / 4], k % 4);
        if (!has(row, slides[0], ".ops"))
            continue;
        for (int s = 0; s < 2; s++) {
            struct gn_tensor in, out = {0};
            if (gn_tensor_new4(&in, GN_FLOAT32, components, 1, grid.size[1], grid.size[0], &err))
                exit(1);
            for (int64_t i = 0; i < gn_tensor_count(&in); i++)
                ((float *)in.data)[i] = (float)(v->v[i] * (top[s] / 255));
            double off = 1e9;
            if (apply(row, slides[s], &grid, top[s], components, &in, &out) == 0)
                off = apart(&out, row, slides[s], RELATIVE, components, components);
            worst = fmax(worst, off);
            gn_tensor_free(&in);
            gn_tensor_free(&out);
            found++;
        }
        snprintf(text, sizeof text, "%s of a stained slide, white at 1 and at 255: off by %.1e",
                 row, worst);
        CHECK(text, worst <= 1e-5);
    }
    for (int i = 0; i < count; i++)
        cases += strstr(all[i].name, ".ops") != NULL;
    CHECK("all cases of colours are looked at", cases == found && cases == 20);
    for (int i = 0; i < count; i++)
        free(all[i].v);
    free(all);
    for (int i = 0; i < n; i++)
        free(he[i].v);
    free(he);
}

#define ROWS(r) r, sizeof(r) / sizeof *(r)

int main(void)
{
    static struct pre_image images[PRE_IMAGES];
    pre_images_read(images);
    check_file("rows_map.txt", ROWS(map_rows), images);
    check_file("rows_turn.txt", ROWS(turn_rows), images);
    check_file("rows_intensity.txt", ROWS(intensity_rows), images);
    check_file("rows_kspace.txt", ROWS(kspace_rows), images);
    colours();
    return check_done();
}
