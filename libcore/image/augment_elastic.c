/* augment_elastic.c - elastic: a smooth deformation, the image read at p + u(p), u a cubic B-spline
 * of displacements in mm on a coarse grid of control points: TorchIO's RandomElasticDeformation
 * (https://docs.torchio.org), which is ITK's BSplineTransform, with GaNDLF's defaults.
 *
 * Control points and displacements belong to the world's axes L P S, and the grid runs along image
 * axes near them. The outermost control points (locked_borders planes of them, on all
 * six sides) do not move; a picture's third axis is neither moved nor locked. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "image/augment.h"

/* setting: control points along L P S (0..2), largest displacement in mm (3..5; negative: the
 * control points over 10), locked planes (6); are the control points (7), is the displacement (8)
 * given? Parameters: component slowest, then K J I. */
static const char *const settings[] = {"num_control_points", "max_displacement", "locked_borders",
                                       "patch_size", NULL};
enum { GIVEN = 7, DISPLACED };
enum { LEAST = 4, LEAST_USUAL = 5, MOST = 64 };
#define AROUND 0.125 /* voxels by which ITK's grid is larger than the image, on each side */

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    const bool known = patch[0] > 0 && patch[1] > 0 && patch[2] > 0;
    for (int k = 0; k < 3; k++) {
        double n = known ? rint((double)patch[k] / 10) : 7; /* halves to even */
        s->setting[k] = known ? fmin(fmax(n, LEAST_USUAL), MOST) : n;
        s->setting[3 + k] = known ? -1 : 7.5;
    }
    s->setting[6] = 2;
}

static int check_lock(const struct gn_augment_step *s, struct gn_err *err)
{
    for (int k = 0; k < 3; k++)
        if (s->setting[6] == 2 && s->setting[k] < 5)
            return gn_err_set(err, "locked_borders: 2 leaves no control point free of %g; "
                              "lock fewer or take 5 or more", s->setting[k]);
    return 0;
}

static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    if (!strcmp(key, "locked_borders")) {
        if (n > 1 || (v[0] != 0 && v[0] != 1 && v[0] != 2))
            return gn_err_usage(err, "%s: 0, 1 or 2", key);
        s->setting[6] = v[0];
        return 0;
    }
    bool points = !strcmp(key, "num_control_points");
    if (n > 3)
        return gn_err_usage(err, "%s: one number, or one for each of x y z", key);
    if (!strcmp(key, "patch_size")) { /* GaNDLF's: the control points if they are not given */
        for (int k = 0; k < 3; k++) {
            double points_of = k < n || n == 1 ? v[n == 1 ? 0 : k] : 1;
            if (!(points_of >= 0 && points_of <= MOST && points_of == floor(points_of)))
                return gn_err_usage(err, "%s: a whole number from 0 to %d, not %g", key, MOST,
                                    points_of);
            if (s->setting[GIVEN] == 0)
                s->setting[k] = fmax(points_of, LEAST_USUAL);
            if (s->setting[DISPLACED] == 0)
                s->setting[3 + k] = -1;
        }
        return 0;
    }
    s->setting[points ? GIVEN : DISPLACED] = 1;
    for (int k = 0; k < n; k++) {
        if (points && !(v[k] >= LEAST && v[k] <= MOST && v[k] == floor(v[k])))
            return gn_err_usage(err, "%s: a whole number from %d to %d, not %g", key, LEAST, MOST,
                                v[k]);
        if (!points && !(v[k] >= 0 && isfinite(v[k])))
            return gn_err_usage(err, "%s: a length in mm, not %g", key, v[k]);
    }
    for (int k = 0; k < (n == 2 ? 2 : 3); k++) /* two: of pictures */
        s->setting[(points ? 0 : 3) + k] = v[n == 1 ? 0 : k];
    return 0;
}

static void sizes(const struct gn_augment_step *s, int64_t n[3])
{
    for (int k = 0; k < 3; k++)
        n[k] = (int64_t)s->setting[k];
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    double inverse[12];
    int64_t n[3];
    (void)components;
    sizes(s, n);
    if (check_lock(s, err) || gn_affine_invert(grid->affine, inverse, err))
        return -1;
    return (int)(3 * n[0] * n[1] * n[2]);
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    int64_t n[3];
    sizes(s, n);
    snprintf(name, GN_AUGMENT_NAME, "d.%c.%d.%d.%d", "xyz"[k / (n[0] * n[1] * n[2])],
             (int)(k / (n[0] * n[1]) % n[2]), (int)(k / n[0] % n[1]), (int)(k % n[0]));
}

/* Where the grid lies, by ITK's BSplineTransformInitializer: it starts at the corner of the image
 * nearest to the least L P S that any corner has, and of the three edges from there L, P and S in
 * turn take the one at the smallest angle. Grid axis k runs along image axis axis[k], against it
 * if back[k]. */
static void lay_out(const struct gn_grid *grid, int axis[3], bool back[3])
{
    double edge[3][3], length[3], least[3] = {0, 0, 0}, nearest = INFINITY;
    bool far[3] = {false, false, false}, taken[3] = {false, false, false};
    for (int a = 0; a < 3; a++) {
        length[a] = 0;
        for (int k = 0; k < 3; k++) { /* of R A S, L P S */
            edge[a][k] = (k < 2 ? -1 : 1) * grid->affine[4 * k + a] *
                         ((double)grid->size[a] + 2 * AROUND);
            length[a] += edge[a][k] * edge[a][k];
            least[k] += edge[a][k] < 0 ? edge[a][k] : 0;
        }
        length[a] = sqrt(length[a]);
    }
    for (int corner = 0; corner < 8; corner++) {
        double distance = 0;
        for (int k = 0; k < 3; k++) {
            double d = -least[k];
            for (int a = 0; a < 3; a++)
                d += corner >> a & 1 ? edge[a][k] : 0;
            distance += d * d;
        }
        if (distance < nearest) {
            nearest = distance;
            for (int a = 0; a < 3; a++)
                far[a] = corner >> a & 1;
        }
    }
    for (int k = 0; k < 3; k++) {
        double most = -2;
        int best = !taken[0] ? 0 : !taken[1] ? 1 : 2; /* an axis without length has no direction */
        for (int a = 0; a < 3; a++) {
            double cosine = (far[a] ? -1 : 1) * edge[a][k] / length[a];
            if (!taken[a] && cosine > most) {
                most = cosine;
                best = a;
            }
        }
        axis[k] = best;
        back[k] = far[best];
        taken[best] = true;
    }
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    int axis[3];
    bool back[3];
    int64_t size[3], lock[3], count_each, at[3];
    (void)image;
    sizes(s, size);
    count_each = size[0] * size[1] * size[2];
    lay_out(grid, axis, back);
    for (int k = 0; k < 3; k++)
        lock[k] = axis[k] == 2 && grid->size[2] == 1 ? 0 : (int64_t)s->setting[6];
    for (int i = 0; i < n; i++) {
        int c = (int)(i / count_each);
        double most = s->setting[3 + c] < 0 ? s->setting[c] / 10 : s->setting[3 + c];
        bool still = axis[c] == 2 && grid->size[2] == 1;
        at[0] = i % size[0];
        at[1] = i / size[0] % size[1];
        at[2] = i / (size[0] * size[1]) % size[2];
        for (int k = 0; k < 3; k++)
            still |= at[k] < lock[k] || at[k] >= size[k] - lock[k];
        value[i] =
            still ? 0 : gn_draw_range(where, GN_AUGMENT_PARAMETER + (uint64_t)i, -most, most);
    }
}

static void warp(const struct gn_augment_step *s, const double *value, struct gn_grid *grid,
                 struct gn_warp *w)
{
    int axis[3];
    bool back[3], moves = false;
    int64_t n[3], size[3], step[3] = {1, 0, 0}, count_each;
    double inverse[12];
    struct gn_err unused = {0};
    sizes(s, n);
    count_each = n[0] * n[1] * n[2];
    for (int64_t i = 0; i < 3 * count_each; i++)
        moves |= value[i] != 0;
    if (!moves)
        return;
    if (gn_affine_invert(grid->affine, inverse, &unused)) { /* count has refused such grids */
        gn_err_clear(&unused);
        return;
    }
    lay_out(grid, axis, back);
    for (int k = 0; k < 3; k++)
        size[axis[k]] = n[k];
    step[1] = size[0];
    step[2] = size[0] * size[1];
    struct gn_spline *f = gn_spline_new(size);
    for (int k = 0; k < 3; k++) {
        int a = axis[k];
        double extent = (double)grid->size[a] + 2 * AROUND, cells = (double)(n[k] - 3);
        f->scale[a] = (back[k] ? -1 : 1) * cells / extent;
        f->shift[a] = (back[k] ? extent - 0.5 - AROUND : 0.5 + AROUND) * cells / extent;
    }
    for (int64_t i = 0; i < count_each; i++) {
        int64_t place = i % n[0] * step[axis[0]] + i / n[0] % n[1] * step[axis[1]] +
                        i / (n[0] * n[1]) * step[axis[2]];
        /* mm along L P S, then R A S, then voxels */
        double x = -value[i], y = -value[count_each + i], z = value[2 * count_each + i];
        for (int a = 0; a < 3; a++)
            f->d[a * count_each + place] =
                a == 2 && grid->size[2] == 1
                    ? 0
                    : inverse[4 * a] * x + inverse[4 * a + 1] * y + inverse[4 * a + 2] * z;
    }
    gn_warp_add_field(w, f);
}

const struct gn_augment_op gn_augment_elastic = {
    .name = "elastic",
    .spatial = true,
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .warp = warp,
};
