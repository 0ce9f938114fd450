/* augment_blur.c - blur: a Gaussian along each axis, its deviation in mm. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "image/augment.h"
#include "image/intensity.h"

/* setting: lo, hi of x, y, z; is std given? */
static const char *const settings[] = {"std", NULL};
enum { GIVEN = 6 };

/* Without std, GaNDLF's: up to this much of the image's deviation, its unit taken for mm. */
#define SHARE 0.015

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    (void)s;
    (void)patch;
}

/* TorchIO's rule: n is 0..n for each axis, two are a range for each, three are 0..n_k, six are
 * three ranges. */
static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    if (n > 3 && n != 6)
        return gn_err_usage(err, "%s: 1, 2, 3 or 6 numbers, not %d", key, n);
    for (int k = 0; k < 3; k++) {
        double lo = n == 2 ? v[0] : n == 6 ? v[2 * k] : 0;
        double hi = n == 2 ? v[1] : n == 6 ? v[2 * k + 1] : n == 3 ? v[k] : v[0];
        if (!(lo >= 0 && hi >= lo && isfinite(hi)))
            return gn_err_usage(err, "%s: not a range from 0 up: %g to %g", key, lo, hi);
        s->setting[2 * k] = lo;
        s->setting[2 * k + 1] = hi;
    }
    s->setting[GIVEN] = 1;
    return 0;
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
    snprintf(name, GN_AUGMENT_NAME, "std.%c", "xyz"[k]);
}

static double highest(const struct gn_augment_step *s, int k, double std)
{
    return s->setting[GIVEN] != 0 ? s->setting[2 * k + 1] : SHARE * std;
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    (void)grid;
    for (int k = 0; k < n; k++)
        value[k] = gn_draw_range(where, GN_AUGMENT_PARAMETER + (uint64_t)k, s->setting[2 * k],
                                 highest(s, k, image->std));
}

static void halo(const struct gn_augment_step *s, const struct gn_grid *grid, double std,
                 int64_t halo_xyz[3])
{
    double spacing[3];
    gn_affine_spacing(grid->affine, spacing);
    for (int k = 0; k < 3; k++)
        halo_xyz[k] = s->setting[GIVEN] == 0 && !(std >= 0)
                          ? grid->size[k]
                          : gn_blur_radius(highest(s, k, std) / spacing[k]);
}

static int run(const struct gn_augment_step *s, const double *value, int n,
               const struct gn_augment_work *work, struct gn_err *err)
{
    const bool part = !gn_grid_same_size(work->region->size, work->whole->size);
    double spacing[3], sigma[3];
    (void)n;
    gn_affine_spacing(work->whole->affine, spacing);
    for (int k = 0; k < 3; k++) {
        sigma[k] = value[k] / spacing[k];
        if (!(value[k] >= 0 && isfinite(value[k])))
            return gn_err_set(err, "blur: std must not be below 0: %g", value[k]);
        if (part && value[k] > highest(s, k, work->image->std))
            return gn_err_set(err, "blur: std %g is beyond the settings that the window was cut "
                                   "for", value[k]);
    }
    gn_image_blur(work->t, sigma);
    return 0;
}

const struct gn_augment_op gn_augment_blur = {
    .name = "blur",
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .halo = halo,
    .run = run,
};
