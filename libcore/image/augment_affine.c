/* augment_affine.c - affine: scale, turn and shift about the middle of the image, along the world's
 * axes R A S. The object moves as y = S (Rz Rx Ry (x - c) + t) + c, and the image is read at the
 * inverse: TorchIO's RandomAffine (https://docs.torchio.org), with GaNDLF's defaults. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "image/augment.h"

/* setting: lo and hi for x y z of scales (from 0), degrees (from 6), translation (from 12, mm);
 * parameters in the same order, one each. */
static const char *const settings[] = {"scales", "degrees", "translation", NULL};
static const double around[] = {1, 0, 0}, usual[] = {0.1, 15, 2};
#define LEAST_SCALE 1e-3

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    (void)patch;
    for (int i = 0; i < 18; i++)
        s->setting[i] = around[i / 6] + (i % 2 ? usual[i / 6] : -usual[i / 6]);
}

/* TorchIO's rule: one number n is around-n to around+n for each axis, two are the range of each
 * axis, three are an n an axis, six are limits. */
static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    int which = !strcmp(key, "scales") ? 0 : !strcmp(key, "degrees") ? 1 : 2;
    double *to = s->setting + 6 * which;
    if (n > 3 && n != 6)
        return gn_err_usage(err, "%s: one, two, three or six numbers, not %d", key, n);
    for (int k = 0; k < 6; k++)
        to[k] = n == 6   ? v[k]
                : n == 2 ? v[k % 2]
                         : around[which] + (k % 2 ? 1 : -1) * v[n == 3 ? k / 2 : 0];
    for (int k = 0; k < 6; k += 2) {
        if (!isfinite(to[k]) || !isfinite(to[k + 1]) || to[k + 1] < to[k])
            return gn_err_usage(err, "%s: not a range: %g to %g", key, to[k], to[k + 1]);
        if (which == 0 && (to[k] < 0 || to[k + 1] < LEAST_SCALE))
            return gn_err_usage(err, "%s: not a range above 0: %g to %g", key, to[k], to[k + 1]);
    }
    return 0;
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    double inverse[12];
    (void)s;
    (void)components;
    return gn_affine_invert(grid->affine, inverse, err) ? -1 : 9;
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    static const char *const what[] = {"scale", "degrees", "translation"};
    (void)s;
    snprintf(name, GN_AUGMENT_NAME, "%s.%c", what[k / 3], "xyz"[k % 3]);
}

static bool is_flat(const struct gn_grid *g)
{
    return g->size[2] == 1;
}

/* A picture is turned and shifted in its plane. */
static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    static const bool solid[9] = {0, 0, 1, 1, 1, 0, 0, 0, 1};
    (void)image;
    for (int k = 0; k < n; k++)
        value[k] = is_flat(grid) && solid[k]
                       ? (k < 3 ? 1 : 0)
                       : gn_draw_range(where, GN_AUGMENT_PARAMETER + (uint64_t)k,
                                       s->setting[2 * k], s->setting[2 * k + 1]);
}

/* out = Rz Rx Ry, angles in degrees */
static void rotation(const double degrees[3], double out[12])
{
    double c[3], s[3];
    for (int k = 0; k < 3; k++) {
        c[k] = cos(degrees[k] * (M_PI / 180));
        s[k] = sin(degrees[k] * (M_PI / 180));
    }
    const double x[12] = {1, 0, 0, 0, 0, c[0], -s[0], 0, 0, s[0], c[0], 0};
    const double y[12] = {c[1], 0, s[1], 0, 0, 1, 0, 0, -s[1], 0, c[1], 0};
    const double z[12] = {c[2], -s[2], 0, 0, s[2], c[2], 0, 0, 0, 0, 1, 0};
    gn_affine_multiply(x, y, out);
    gn_affine_multiply(z, out, out);
}

/* p -> M^-1 (R^T (M (p - c) / S - t)) + c, c the middle in voxels: where the image lies in the
 * world does not matter. A picture that lies oblique in the world is turned along its own axes. */
static void warp(const struct gn_augment_step *s, const double *value, struct gn_grid *grid,
                 struct gn_warp *w)
{
    double m[12], inverse[12], turn[12], shrink[12] = {0}, map[12], middle[3], to[3];
    double angle[3], scale[3];
    struct gn_err unused = {0};
    const bool flat = is_flat(grid);
    (void)s;
    gn_affine_turning(grid->affine, grid->size, m);
    for (int r = 0; r < 3; r++) {
        middle[r] = (double)(grid->size[r] - 1) / 2;
        scale[r] = flat && r == 2 ? 1 : fmax(value[r], LEAST_SCALE);
        angle[r] = flat && r != 2 ? 0 : value[3 + r];
        shrink[5 * r] = 1 / scale[r];
        shrink[4 * r + 3] = flat && r == 2 ? 0 : -value[6 + r];
    }
    if (gn_affine_invert(m, inverse, &unused)) { /* count has refused such grids */
        gn_err_clear(&unused);
        return;
    }
    rotation(angle, turn);
    for (int r = 0; r < 3; r++) /* transposed: the inverse */
        for (int k = r + 1; k < 3; k++) {
            double t = turn[4 * r + k];
            turn[4 * r + k] = turn[4 * k + r];
            turn[4 * k + r] = t;
        }
    gn_affine_multiply(shrink, m, map);
    gn_affine_multiply(turn, map, map);
    gn_affine_multiply(inverse, map, map);
    gn_affine_point(map, middle, to);
    for (int r = 0; r < 3; r++) /* map p + shift, less what map makes of the middle itself */
        map[4 * r + 3] += middle[r] - (to[r] - map[4 * r + 3]);
    for (int k = 0; flat && k < 4; k++) {
        map[8 + k] = k == 2;
        map[4 * (k % 2) + 2] = 0;
    }
    gn_warp_add_matrix(w, map);
}

const struct gn_augment_op gn_augment_affine = {
    .name = "affine",
    .spatial = true,
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .warp = warp,
};
