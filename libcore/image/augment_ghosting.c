/* augment_ghosting.c - ghosting: every n-th plane of k-space is weakened, as by a periodic motion;
 * the object repeats along that axis. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "image/augment_kspace.h"
#include "image/kspace.h"

/* setting: number of ghosts lo, hi; intensity lo, hi; are x, y, z among the axes? */
static const char *const settings[] = {"num_ghosts", "axis", "intensity", NULL};
enum { INTENSITY = 2, AXES = 4 };

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    static const double defaults[] = {4, 10, 0.5, 1, 1, 1, 1};
    (void)patch;
    memcpy(s->setting, defaults, sizeof defaults);
}

static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    if (!strcmp(key, "num_ghosts"))
        return gn_augment_set_range(s->setting, key, v, n, 0, 1e6, true, err);
    if (!strcmp(key, "intensity"))
        return gn_augment_set_range(s->setting + INTENSITY, key, v, n, 0, 1e6, false, err);
    return gn_augment_set_axes(s->setting + AXES, key, v, n, err);
}

/* The axes to choose from: not z if there is one plane. */
static int axes_of(const struct gn_augment_step *s, const struct gn_grid *grid, int axis[3])
{
    int n = 0;
    for (int k = 0; k < 3; k++)
        if (s->setting[AXES + k] != 0 && (k < 2 || grid->size[2] > 1))
            axis[n++] = k;
    return n;
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    int axis[3];
    (void)components;
    if (axes_of(s, grid, axis) == 0)
        return gn_err_set(err, "axis: an image of one plane has no z");
    return GN_GHOSTING_VALUES;
}

void gn_ghosting_parameter(int k, char name[GN_AUGMENT_NAME])
{
    static const char *const names[] = {"num_ghosts", "axis", "intensity"};
    snprintf(name, GN_AUGMENT_NAME, "%s", names[k]);
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    (void)s;
    gn_ghosting_parameter(k, name);
}

void gn_ghosting_draw(const struct gn_augment_step *s, const struct gn_draw *where, uint64_t first,
                      const struct gn_grid *grid, double *value)
{
    const double *set_to = s->setting;
    int axis[3], n = axes_of(s, grid, axis);
    uint64_t numbers = (uint64_t)(set_to[1] - set_to[0]) + 1;
    value[0] = set_to[0] + (double)gn_draw_below(where, first, numbers);
    value[1] = axis[gn_draw_below(where, first + 1, (uint64_t)n)];
    value[2] = gn_draw_range(where, first + 2, set_to[INTENSITY], set_to[INTENSITY + 1]);
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    (void)image;
    (void)n;
    gn_ghosting_draw(s, where, GN_AUGMENT_PARAMETER, grid, value);
}

int gn_ghosting_run(const double *value, struct gn_tensor *t, struct gn_err *err)
{
    if (value[1] != 0 && value[1] != 1 && value[1] != 2)
        return gn_err_set(err, "axis: 0 (x), 1 (y) or 2 (z), not %g", value[1]);
    if (!(value[0] >= 0 && value[0] <= 1e6) || !isfinite(value[2]))
        return gn_err_set(err, "num_ghosts %g, intensity %g: out of range", value[0], value[2]);
    return gn_kspace_ghost(t, (int)value[1], (int64_t)value[0], value[2], err);
}

static int run(const struct gn_augment_step *s, const double *value, int n,
               const struct gn_augment_work *work, struct gn_err *err)
{
    (void)s;
    (void)n;
    return gn_ghosting_run(value, work->t, err);
}

const struct gn_augment_op gn_augment_ghosting = {
    .name = "ghosting",
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .run = run,
    .blind = true,
};
