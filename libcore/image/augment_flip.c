/* augment_flip.c - flip: each listed axis is reversed with probability 1/2. The affine stays:
 * the object is mirrored in the world. */
#include <math.h>

#include "image/augment.h"
#include "image/crop.h"

static const char *const settings[] = { "axis", NULL };
static const char *const parameters[] = { "x", "y", "z", NULL };

static void init(struct gn_augment_step *s)
{
    for (int k = 0; k < 3; k++)
        s->setting[k] = 1;
}

static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    for (int k = 0; k < 3; k++)
        s->setting[k] = 0;
    for (int i = 0; i < n; i++) {
        if (v[i] != 0 && v[i] != 1 && v[i] != 2)
            return gn_err_usage(err, "%s: 0 (x), 1 (y) or 2 (z), not %g", key, v[i]);
        s->setting[(int)v[i]] = 1;
    }
    return 0;
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where, double *value)
{
    for (int k = 0; k < 3; k++)
        value[k] = s->setting[k] != 0 &&
                   gn_draw_uniform(where, GN_AUGMENT_PARAMETER + (uint64_t)k) < 0.5;
}

static void before(const double *value, const int64_t size[3], struct gn_box *box)
{
    for (int k = 0; k < 3; k++)
        if (value[k] != 0)
            box->origin[k] = size[k] - box->origin[k] - box->size[k];
}

static void point(const double *value, const int64_t size[3], int64_t p[3])
{
    for (int k = 0; k < 3; k++)
        if (value[k] != 0)
            p[k] = size[k] - 1 - p[k];
}

static void run(const double *value, const struct gn_draw *where, const int64_t parent[3],
                const struct gn_box *region, struct gn_tensor *t)
{
    bool axis[3] = { value[0] != 0, value[1] != 0, value[2] != 0 };
    (void)where;
    (void)parent;
    (void)region;
    gn_image_flip(t, axis);
}

const struct gn_augment_op gn_augment_flip = {
    .name = "flip", .spatial = true, .settings = settings, .init = init, .set = set,
    .parameters = parameters, .draw = draw, .before = before, .point = point, .run = run,
};
