/* augment_swap.c - swap: pairs of boxes change places, again and again. A patch that is augmented
 * by itself, or from a window, counts as the whole image. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/augment.h"
#include "image/intensity.h"

/* ---- one exchange ---- */

/* Rows of a box, between the image and a copy of it. */
static void copy_box(struct gn_tensor *t, const int64_t size[3], const int64_t at[3], float *copy,
                     bool out)
{
    const int64_t *shape = t->shape;
    for (int64_t c = 0; c < shape[0]; c++)
        for (int64_t z = 0; z < size[2]; z++)
            for (int64_t y = 0; y < size[1]; y++, copy += size[0]) {
                float *row = (float *)t->data +
                             ((c * shape[1] + at[2] + z) * shape[2] + at[1] + y) * shape[3] + at[0];
                memcpy(out ? copy : row, out ? row : copy, (size_t)size[0] * sizeof *row);
            }
}

int gn_image_swap(struct gn_tensor *t, const int64_t size[3], const int64_t a[3],
                  const int64_t b[3], struct gn_err *err)
{
    for (int k = 0; k < 3; k++) {
        const int64_t last = t->shape[3 - k] - size[k];
        if (size[k] < 1 || a[k] < 0 || b[k] < 0 || a[k] > last || b[k] > last)
            return gn_err_set(err, "boxes of %lld voxels at %lld and %lld are not within %lld",
                              (long long)size[k], (long long)a[k], (long long)b[k],
                              (long long)t->shape[3 - k]);
    }
    const size_t n = (size_t)(t->shape[0] * size[0] * size[1] * size[2]);
    float *copy = gn_try_alloc(2 * n * sizeof *copy, err); /* within the image: no overflow */
    if (!copy)
        return -1;
    copy_box(t, size, a, copy, true);
    copy_box(t, size, b, copy + n, true);
    copy_box(t, size, b, copy, false);
    copy_box(t, size, a, copy + n, false);
    free(copy);
    return 0;
}

/* ---- the operation; setting: the size, x y z, and how many times ---- */

static const char *const settings[] = {"patch_size", "num_iterations", NULL};
enum { MOST = 100000 };

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    for (int k = 0; k < 3; k++) {
        double tenth = rint((double)patch[k] / 10); /* half to even, as numpy.round */
        s->setting[k] = tenth > 1 ? tenth : 1;
    }
    s->setting[3] = 100;
}

static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    if (!strcmp(key, "num_iterations")) {
        if (n > 1 || !(v[0] >= 0 && v[0] <= MOST) || v[0] != floor(v[0]))
            return gn_err_usage(err, "%s: a whole number from 0 to %d", key, MOST);
        s->setting[3] = v[0];
        return 0;
    }
    if (n > 3)
        return gn_err_usage(err, "%s: one number, or one for each axis", key);
    for (int k = 0; k < 3; k++) {
        double size = n == 1 ? v[0] : k < n ? v[k] : 1;
        size = size == 0 && k == 2 ? 1 : size; /* GaNDLF's third of a 2-D patch */
        if (!(size >= 1 && size <= 1e6) || size != floor(size))
            return gn_err_usage(err, "%s: whole numbers from 1 up", key);
        s->setting[k] = size;
    }
    return 0;
}

/* A box of one number, cubic, is flat in a flat image. */
static int64_t box_size(const struct gn_augment_step *s, int k, const int64_t size[3])
{
    return k == 2 && size[2] == 1 ? 1 : (int64_t)s->setting[k];
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    (void)components;
    for (int k = 0; k < 3; k++)
        if (box_size(s, k, grid->size) > grid->size[k])
            return gn_err_set(err, "patch_size: %g voxels along %c, and the image has %lld",
                              s->setting[k], "xyz"[k], (long long)grid->size[k]);
    return 2 * (int)s->setting[3];
}

/* A place is one number in [0,1), so that it stands for one in an image of any size. */
static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    (void)s;
    snprintf(name, GN_AUGMENT_NAME, "%c.%d", k % 2 ? 'b' : 'a', k / 2 + 1);
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    (void)s;
    (void)grid;
    (void)image;
    for (int k = 0; k < n; k++)
        value[k] = gn_draw_uniform(where, GN_AUGMENT_PARAMETER + (uint64_t)k);
}

/* Number `place` of the corners that are drawn from: 0 .. N-P-1 along each axis, x fastest. The
 * last place where a box fits, N-P, is never drawn, as in TorchIO. */
static void corner(int64_t place, const int64_t places[3], int64_t at[3])
{
    for (int k = 0; k < 3; k++) {
        at[k] = place % places[k];
        place /= places[k];
    }
}

static int run(const struct gn_augment_step *s, const double *value, int n,
               const struct gn_augment_work *work, struct gn_err *err)
{
    int64_t size[3], places[3], all = 1;
    for (int k = 0; k < 3; k++) {
        const int64_t have = work->region->size[k];
        size[k] = box_size(s, k, work->region->size);
        if (size[k] > have)
            return gn_err_set(err, "swap: patch_size: %lld voxels along %c, and the patch has %lld",
                              (long long)size[k], "xyz"[k], (long long)have);
        places[k] = have > size[k] ? have - size[k] : 1;
        all *= places[k];
    }
    if (all == 1) /* nothing to change places with */
        return 0;
    for (int k = 0; k + 1 < n; k += 2) {
        int64_t a[3], b[3];
        if (!(value[k] >= 0 && value[k] < 1 && value[k + 1] >= 0 && value[k + 1] < 1))
            return gn_err_set(err, "swap: a place is a number from 0 to below 1");
        int64_t first = (int64_t)(value[k] * (double)all);
        int64_t second = (int64_t)(value[k + 1] * (double)(all - 1));
        corner(first, places, a);
        corner(second + (second >= first), places, b); /* any but the first, evenly */
        if (gn_image_swap(work->t, size, a, b, err))
            return -1;
    }
    return 0;
}

const struct gn_augment_op gn_augment_swap = {
    .name = "swap",
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .run = run,
    .blind = true,
};
