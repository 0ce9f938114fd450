/* augment_kspace.c - kspace: ghosting or a spike, each half of the time, with their defaults. */
#include <stdio.h>

#include "image/augment_kspace.h"

/* values: is it a spike?, then those of ghosting, then those of a spike */
static const char *const settings[] = {NULL};
enum { GHOSTING = 1, SPIKE = GHOSTING + GN_GHOSTING_VALUES, VALUES = SPIKE + GN_SPIKE_VALUES + 3 };

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    (void)s;
    (void)patch;
}

/* It has no keys of its own. */
static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    (void)s;
    (void)v;
    (void)n;
    return gn_err_usage(err, "%s: unknown", key);
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    (void)s;
    (void)grid;
    (void)components;
    (void)err;
    return VALUES;
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    char part[GN_AUGMENT_NAME];
    (void)s;
    if (k < GHOSTING) {
        snprintf(name, GN_AUGMENT_NAME, "spike");
        return;
    }
    if (k < SPIKE)
        gn_ghosting_parameter(k - GHOSTING, part);
    else
        gn_spike_parameter(k - SPIKE, part);
    snprintf(name, GN_AUGMENT_NAME, "%s.%.14s", k < SPIKE ? "ghosting" : "spike", part);
}

static struct gn_augment_step defaults_of(const struct gn_augment_op *op)
{
    static const int64_t none[3];
    struct gn_augment_step s = {.op = op};
    op->init(&s, none);
    return s;
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    const struct gn_augment_step ghosting = defaults_of(&gn_augment_ghosting);
    const struct gn_augment_step spike = defaults_of(&gn_augment_spike);
    (void)s;
    (void)image;
    value[0] = gn_draw_uniform(where, GN_AUGMENT_PARAMETER) < 0.5;
    gn_ghosting_draw(&ghosting, where, GN_AUGMENT_PARAMETER + GHOSTING, grid, value + GHOSTING);
    gn_spike_draw(&spike, where, GN_AUGMENT_PARAMETER + SPIKE, n - SPIKE, value + SPIKE);
}

static int run(const struct gn_augment_step *s, const double *value, int n,
               const struct gn_augment_work *work, struct gn_err *err)
{
    (void)s;
    return value[0] != 0 ? gn_spike_run(value + SPIKE, n - SPIKE, work->t, err)
                         : gn_ghosting_run(value + GHOSTING, work->t, err);
}

const struct gn_augment_op gn_augment_kspace = {
    .name = "kspace",
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .run = run,
    .blind = true,
};
