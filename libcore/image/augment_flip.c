/* augment_flip.c - flip: each listed axis is reversed with probability 1/2. The affine stays:
 * the object is mirrored in the world. */
#include <stdio.h>

#include "image/augment.h"

static const char *const settings[] = {"axis", NULL};

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    (void)patch;
    for (int k = 0; k < 3; k++)
        s->setting[k] = 1;
}

static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    return gn_augment_set_axes(s->setting, key, v, n, err);
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    (void)s;
    (void)grid;
    (void)components;
    (void)err;
    return 3;
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    (void)s;
    snprintf(name, GN_AUGMENT_NAME, "%c", "xyz"[k]);
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    (void)grid;
    (void)image;
    for (int k = 0; k < n; k++)
        value[k] =
            s->setting[k] != 0 && gn_draw_uniform(where, GN_AUGMENT_PARAMETER + (uint64_t)k) < 0.5;
}

static void warp(const struct gn_augment_step *s, const double *value, struct gn_grid *grid,
                 struct gn_warp *w)
{
    double m[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    (void)s;
    for (int k = 0; k < 3; k++)
        if (value[k] != 0) {
            m[4 * k + k] = -1;
            m[4 * k + 3] = (double)(grid->size[k] - 1);
        }
    gn_warp_add_matrix(w, m);
}

const struct gn_augment_op gn_augment_flip = {
    .name = "flip",
    .spatial = true,
    .exact = true,
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .warp = warp,
};
