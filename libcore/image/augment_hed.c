/* augment_hed.c - hed_transform: haematoxylin, eosin and DAB of a stained slide, each a little
 * stronger or weaker. The mean that cutoff_range is for is that of the part at hand. */
#include <math.h>
#include <string.h>

#include "image/augment.h"
#include "image/color.h"

/* setting: lo, hi of each name; parameter k is drawn from name k. */
static const char *const settings[] = {
    "haematoxylin_sigma_range", "eosin_sigma_range", "dab_sigma_range", "haematoxylin_bias_range",
    "eosin_bias_range",         "dab_bias_range",    "cutoff_range",    NULL};
enum { DRAWN = 6, CUT = 12 };

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    (void)patch;
    for (int k = 0; k < DRAWN; k++) {
        s->setting[2 * k] = -0.1;
        s->setting[2 * k + 1] = 0.1;
    }
    s->setting[CUT + 1] = 1;
}

static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    int k = 0;
    while (strcmp(settings[k], key) != 0)
        k++;
    const double least = 2 * k == CUT ? 0 : -1;
    if (n != 2 || !(v[0] >= least && v[1] <= 1 && v[0] <= v[1]))
        return gn_err_usage(err, "%s: a range of two within %g to 1", key, least);
    s->setting[2 * k] = v[0];
    s->setting[2 * k + 1] = v[1];
    return 0;
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    (void)s;
    (void)grid;
    if (components != 3)
        return gn_err_set(err, "an image of 3 components is needed, not %lld",
                          (long long)components);
    return DRAWN;
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    static const char *const names[] = {"haematoxylin.sigma", "eosin.sigma", "dab.sigma",
                                        "haematoxylin.bias",  "eosin.bias",  "dab.bias"};
    (void)s;
    strcpy(name, names[k]);
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    (void)grid;
    (void)image;
    for (int k = 0; k < n; k++)
        value[k] = gn_draw_range(where, GN_AUGMENT_PARAMETER + (uint64_t)k, s->setting[2 * k],
                                 s->setting[2 * k + 1]);
}

static int run(const struct gn_augment_step *s, const double *value, int n,
               const struct gn_augment_work *work, struct gn_err *err)
{
    for (int k = 0; k < n; k++)
        if (!isfinite(value[k]))
            return gn_err_set(err, "hed_transform: not a finite number: %g", value[k]);
    gn_color_stains(work->t, value, value + 3, &s->setting[CUT], work->image->top);
    return 0;
}

const struct gn_augment_op gn_augment_hed_transform = {
    .name = "hed_transform",
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .run = run,
    .blind = true,
};
