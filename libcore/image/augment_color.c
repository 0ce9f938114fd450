/* augment_color.c - colorjitter: brightness, contrast, saturation and hue by random factors, in a
 * random order. The mean that contrast needs is that of the part at hand. */
#include <math.h>
#include <string.h>

#include "image/augment.h"
#include "image/color.h"

/* setting: lo, hi of each of enum gn_color */
static const char *const settings[] = {"brightness", "contrast", "saturation", "hue", NULL};

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    (void)patch;
    for (int k = 0; k < GN_HUE; k++)
        s->setting[2 * k + 1] = 1;
    s->setting[2 * GN_HUE] = -0.5;
    s->setting[2 * GN_HUE + 1] = 0.5;
}

/* GaNDLF's rule: a range is taken as it is, unless its ends are equal; one number v is 1 - v .. 1 +
 * v, cut off at 0, or of the hue -v .. v. */
static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    int k = 0;
    while (strcmp(settings[k], key) != 0)
        k++;
    double lo = v[0], hi = n > 1 ? v[1] : v[0];
    if (n > 2)
        return gn_err_usage(err, "%s: one number or a range of two", key);
    if (lo == hi) {
        if (!(v[0] >= 0))
            return gn_err_usage(err, "%s: a number must not be below 0: %g", key, v[0]);
        hi = (k == GN_HUE ? 0 : 1) + v[0];
        lo = k == GN_HUE ? -v[0] : v[0] < 1 ? 1 - v[0] : 0;
    }
    if (k == GN_HUE ? !(lo >= -0.5 && hi <= 0.5 && lo <= hi) : !(lo >= 0 && hi <= 1e6 && lo <= hi))
        return gn_err_usage(err, "%s: not a range %s: %g to %g", key,
                            k == GN_HUE ? "within -0.5 to 0.5" : "from 0 up", lo, hi);
    s->setting[2 * k] = lo;
    s->setting[2 * k + 1] = hi;
    return 0;
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    (void)s;
    (void)grid;
    if (components != 1 && components != 3)
        return gn_err_set(err, "an image of 1 or 3 components is needed, not %lld",
                          (long long)components);
    return GN_COLORS + 1;
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    (void)s;
    strcpy(name, k < GN_COLORS ? settings[k] : "order");
}

/* The order as a number whose four digits, first to last, are places in settings: 2013. */
static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    int order[GN_COLORS] = {0, 1, 2, 3};
    double digits = 0;
    (void)grid;
    (void)image;
    (void)n;
    for (int k = 0; k < GN_COLORS; k++)
        value[k] = gn_draw_range(where, GN_AUGMENT_PARAMETER + (uint64_t)k, s->setting[2 * k],
                                 s->setting[2 * k + 1]);
    for (int k = 0; k < GN_COLORS; k++) {
        uint64_t rest = (uint64_t)(GN_COLORS - k);
        int j = k + (int)gn_draw_below(where, GN_AUGMENT_PARAMETER + GN_COLORS + (uint64_t)k, rest);
        int first = order[j];
        order[j] = order[k];
        order[k] = first;
        digits = 10 * digits + first;
    }
    value[GN_COLORS] = digits;
}

static int run(const struct gn_augment_step *s, const double *value, int n,
               const struct gn_augment_work *work, struct gn_err *err)
{
    int order[GN_COLORS], seen = 0, number;
    (void)s;
    (void)n;
    if (!(value[GN_COLORS] >= 0 && value[GN_COLORS] <= 3210))
        return gn_err_set(err, "colorjitter: order: the digits 0, 1, 2, 3 in some order");
    number = (int)value[GN_COLORS];
    for (int k = GN_COLORS - 1; k >= 0; k--, number /= 10) {
        order[k] = number % 10;
        seen |= 1 << order[k];
        if (!(value[k] >= (k == GN_HUE ? -0.5 : 0) && value[k] <= 1e6))
            return gn_err_set(err, "colorjitter: %s: out of range: %g", settings[k], value[k]);
    }
    if (seen != 15)
        return gn_err_set(err, "colorjitter: order: the digits 0, 1, 2, 3 in some order");
    for (int k = 0; k < GN_COLORS; k++)
        gn_color_adjust(work->t, (enum gn_color)order[k], value[order[k]], work->image->top);
    return 0;
}

const struct gn_augment_op gn_augment_colorjitter = {
    .name = "colorjitter",
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .run = run,
    .blind = true,
};
