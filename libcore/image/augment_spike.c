/* augment_spike.c - spike: single coefficients of k-space that are far too high; stripes across
 * the image. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "image/augment_kspace.h"
#include "image/kspace.h"

/* setting: number of spikes lo, hi; intensity lo, hi */
static const char *const settings[] = {"num_spikes", "intensity", NULL};
enum { INTENSITY = 2, MOST = 1000 };

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    static const double defaults[] = {1, 1, 1, 3};
    (void)patch;
    memcpy(s->setting, defaults, sizeof defaults);
}

static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    return !strcmp(key, "num_spikes")
               ? gn_augment_set_range(s->setting, key, v, n, 0, MOST, true, err)
               : gn_augment_set_range(s->setting + INTENSITY, key, v, n, -INFINITY, 1e6, false,
                                      err);
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    (void)grid;
    (void)components;
    (void)err;
    return GN_SPIKE_VALUES + 3 * (int)s->setting[1];
}

void gn_spike_parameter(int k, char name[GN_AUGMENT_NAME])
{
    const int i = k - GN_SPIKE_VALUES;
    if (i < 0)
        snprintf(name, GN_AUGMENT_NAME, "%s", k ? "intensity" : "num_spikes");
    else if (i < 3)
        snprintf(name, GN_AUGMENT_NAME, "%c", "xyz"[i]);
    else
        snprintf(name, GN_AUGMENT_NAME, "%c.%d", "xyz"[i % 3], i / 3 + 1);
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    (void)s;
    gn_spike_parameter(k, name);
}

void gn_spike_draw(const struct gn_augment_step *s, const struct gn_draw *where, uint64_t first,
                   int n, double *value)
{
    const double *set_to = s->setting;
    value[0] =
        set_to[0] + (double)gn_draw_below(where, first, (uint64_t)(set_to[1] - set_to[0]) + 1);
    value[1] = gn_draw_range(where, first + 1, set_to[INTENSITY], set_to[INTENSITY + 1]);
    for (int k = GN_SPIKE_VALUES; k < n; k++)
        value[k] = gn_draw_uniform(where, first + (uint64_t)k);
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    (void)grid;
    (void)image;
    gn_spike_draw(s, where, GN_AUGMENT_PARAMETER, n, value);
}

int gn_spike_run(const double *value, int n, struct gn_tensor *t, struct gn_err *err)
{
    const int most = (n - GN_SPIKE_VALUES) / 3;
    if (!(value[0] >= 0 && value[0] <= most) || !isfinite(value[1]))
        return gn_err_set(err, "num_spikes %g (at most %d), intensity %g: out of range", value[0],
                          most, value[1]);
    for (int k = GN_SPIKE_VALUES; k < n; k++)
        if (!(value[k] >= 0 && value[k] < 1))
            return gn_err_set(err, "place of a spike: from 0 to below 1, not %g", value[k]);
    return gn_kspace_spike(t, (int)value[0], value + GN_SPIKE_VALUES, value[1], err);
}

static int run(const struct gn_augment_step *s, const double *value, int n,
               const struct gn_augment_work *work, struct gn_err *err)
{
    (void)s;
    return gn_spike_run(value, n, work->t, err);
}

const struct gn_augment_op gn_augment_spike = {
    .name = "spike",
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .run = run,
    .blind = true,
};
