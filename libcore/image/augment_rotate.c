/* augment_rotate.c - rotate_90 and rotate_180: one turn about an axis drawn from a list; whole
 * voxels move. A quarter turn about an axis takes the first of the two others to the second
 * (out[p, q] = in[N - 1 - q, p], numpy.rot90 with k = -1) and swaps their sizes and spacings; the
 * first voxel stays where it is in the world. A picture turns in its plane, whatever is listed. */
#include <stdio.h>
#include <string.h>

#include "image/augment.h"

/* setting: is x, y, z listed? */
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
    return 1;
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    (void)s;
    (void)k;
    strcpy(name, "axis");
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    int listed[3] = {0, 1, 2}, many = 0;
    (void)image;
    (void)n;
    for (int k = 0; k < 3; k++)
        if (s->setting[k] != 0)
            listed[many++] = k;
    value[0] = grid->size[2] == 1 || !many
                   ? 2
                   : listed[gn_draw_below(where, GN_AUGMENT_PARAMETER, (uint64_t)many)];
}

/* The axes that turn, first and second. */
static void turning(double axis, int *a, int *b)
{
    *a = axis == 0 ? 1 : 0;
    *b = axis == 2 ? 1 : 2;
}

static void quarter(const struct gn_augment_step *s, const double *value, struct gn_grid *grid,
                    struct gn_warp *w)
{
    double m[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}, spacing[3];
    int a, b;
    (void)s;
    turning(value[0], &a, &b);
    m[5 * a] = m[5 * b] = 0;
    m[4 * a + b] = -1;
    m[4 * a + 3] = (double)(grid->size[a] - 1);
    m[4 * b + a] = 1;
    gn_warp_add_matrix(w, m);
    int64_t size = grid->size[a];
    grid->size[a] = grid->size[b];
    grid->size[b] = size;
    gn_affine_spacing(grid->affine, spacing);
    for (int r = 0; r < 3 && spacing[a] > 0 && spacing[b] > 0 && spacing[a] != spacing[b]; r++) {
        grid->affine[4 * r + a] *= spacing[b] / spacing[a];
        grid->affine[4 * r + b] *= spacing[a] / spacing[b];
    }
}

static void half(const struct gn_augment_step *s, const double *value, struct gn_grid *grid,
                 struct gn_warp *w)
{
    double m[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    int axis[2];
    (void)s;
    turning(value[0], &axis[0], &axis[1]);
    for (int i = 0; i < 2; i++) {
        m[5 * axis[i]] = -1;
        m[4 * axis[i] + 3] = (double)(grid->size[axis[i]] - 1);
    }
    gn_warp_add_matrix(w, m);
}

const struct gn_augment_op gn_augment_rotate_90 = {
    .name = "rotate_90",
    .spatial = true,
    .exact = true,
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .warp = quarter,
};

const struct gn_augment_op gn_augment_rotate_180 = {
    .name = "rotate_180",
    .spatial = true,
    .exact = true,
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .warp = half,
};
