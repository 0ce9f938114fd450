/* augment_motion.c - motion: the object moves while k-space is filled, segment by segment. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/augment_kspace.h"
#include "image/kspace.h"

/* setting: how many moves; degrees lo, hi; mm lo, hi; interpolation; axis (-1: the usual one);
 * centre */
static const char *const settings[] = {"num_transforms", "degrees", "translation", "interpolation",
                                       "axis",           "centre",  NULL};
enum { MOVES, DEGREES, TRANSLATION = 3, INTERPOLATION = 5, AXIS, CENTRE, MOST = 1000 };
/* The first two are of gn_interp_names. */
static const char *const words[] = {"nearest", "linear", "image", "origin", NULL};
enum { IMAGE = 2, ORIGIN };
enum { EACH = 7 }; /* values of a move: its time, 3 degrees, 3 mm */

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    static const double defaults[] = {2, -15, 15, -2, 2, GN_INTERP_LINEAR, -1, IMAGE};
    (void)patch;
    memcpy(s->setting, defaults, sizeof defaults);
}

static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    if (!strcmp(key, "degrees"))
        return gn_augment_set_range(s->setting + DEGREES, key, v, n, -INFINITY, 1e6, false, err);
    if (!strcmp(key, "translation"))
        return gn_augment_set_range(s->setting + TRANSLATION, key, v, n, -INFINITY, 1e9, false,
                                    err);
    if (!strcmp(key, "interpolation")) {
        if (n != 1 || (v[0] != GN_INTERP_NEAREST && v[0] != GN_INTERP_LINEAR))
            return gn_err_usage(err, "%s: nearest or linear", key);
        s->setting[INTERPOLATION] = v[0];
        return 0;
    }
    if (!strcmp(key, "axis")) {
        if (n != 1 || (v[0] != 0 && v[0] != 1 && v[0] != 2))
            return gn_err_usage(err, "%s: one of 0 (x), 1 (y) and 2 (z)", key);
        s->setting[AXIS] = v[0];
        return 0;
    }
    if (!strcmp(key, "centre")) {
        if (n != 1 || (v[0] != IMAGE && v[0] != ORIGIN))
            return gn_err_usage(err, "%s: image or origin", key);
        s->setting[CENTRE] = v[0];
        return 0;
    }
    if (n != 1 || !(v[0] >= 1 && v[0] <= MOST) || v[0] != floor(v[0]))
        return gn_err_usage(err, "%s: a whole number from 1 to %d", key, MOST);
    s->setting[MOVES] = v[0];
    return 0;
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    (void)components;
    if (grid->size[2] == 1 && s->setting[AXIS] == 2)
        return gn_err_set(err, "axis: an image of one plane has no z");
    return EACH * (int)s->setting[MOVES];
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    const int i = k % EACH, move = k / EACH % MOST + 1;
    (void)s;
    if (i == 0)
        snprintf(name, GN_AUGMENT_NAME, "time.%d", move);
    else
        snprintf(name, GN_AUGMENT_NAME, "%s.%c.%d", i < 4 ? "degrees" : "translation",
                 "xyz"[(i - 1) % 3], move);
}

/* Times lie around the n-th parts of the whole, 0.3 of a part away at most. One plane turns and
 * moves in itself. */
static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    const double step = 1 / (s->setting[MOVES] + 1);
    (void)image;
    for (int k = 0; k < n; k++) {
        const int i = k % EACH;
        const double *range = s->setting + (i < 4 ? DEGREES : TRANSLATION);
        const uint64_t at = GN_AUGMENT_PARAMETER + (uint64_t)k;
        const bool flat = grid->size[2] == 1 && (i == 1 || i == 2 || i == 6);
        if (i == 0)
            value[k] = (k / EACH + 1) * step + gn_draw_range(where, at, -0.3 * step, 0.3 * step);
        else
            value[k] = flat ? 0 : gn_draw_range(where, at, range[0], range[1]);
    }
}

static int run(const struct gn_augment_step *s, const double *value, int n,
               const struct gn_augment_work *work, struct gn_err *err)
{
    const int moves = n / EACH;
    double *time = gn_alloc((size_t)n * sizeof *time), *degrees = time + moves;
    double *mm = degrees + 3 * moves;
    int rc = -1;
    for (int i = 0; i < moves; i++) {
        time[i] = value[EACH * i];
        memcpy(degrees + 3 * i, value + EACH * i + 1, 3 * sizeof *degrees);
        memcpy(mm + 3 * i, value + EACH * i + 4, 3 * sizeof *mm);
    }
    for (int k = 0; k < n; k++)
        if (!isfinite(value[k])) {
            gn_err_set(err, "a parameter is not a number");
            goto out;
        }
    struct gn_motion motion = {.n = moves,
                               .time = time,
                               .degrees = degrees,
                               .translation = mm,
                               .interp = (enum gn_interp)s->setting[INTERPOLATION],
                               .axis = (int)s->setting[AXIS],
                               .origin = s->setting[CENTRE] == ORIGIN};
    rc = gn_kspace_move(work->t, work->whole->affine, &motion, work->image->min, err);
out:
    free(time);
    return rc;
}

const struct gn_augment_op gn_augment_motion = {
    .name = "motion",
    .settings = settings,
    .words = words,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .run = run,
};
