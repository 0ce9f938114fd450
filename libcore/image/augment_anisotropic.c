/* augment_anisotropic.c - anisotropic: images as if they had been taken in thick slices along one
 * axis. All images of a sample get the same axis and factor; labels stay. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/isa.h"
#include "base/mem.h"
#include "base/pool.h"
#include "image/augment.h"
#include "image/intensity.h"

/* ---- thick slices ---- */

enum { STRIP = 512 }; /* floats along z at a time */

struct slices {
    struct gn_tensor *t;
    int64_t slices;     /* those of the whole image */
    int64_t *from;      /* voxel of the part that each is sampled from; -1: not there, or 0 */
    int64_t n;          /* voxels of the part along the axis */
    int32_t *low, *high; /* of each voxel: the slices it lies between; `slices` is one of zeros */
    float *w;           /* weight of high */
    const struct gn_intensity_kernels *k;
    float *scratch; /* for each thread: a row of each slice, and one of zeros */
    int64_t floats;
};

int64_t gn_thick_halo(double factor)
{
    return factor < 0x1p40 ? (int64_t)ceil(factor) + 1 : INT64_C(1) << 40;
}

static void tabulate(struct slices *j, double factor, int64_t n, int64_t origin)
{
    double count = ceil((double)n / factor - 1e-3);
    j->slices = count > 1 ? (int64_t)count : 1;
    j->from = gn_alloc((size_t)j->slices * sizeof *j->from);
    j->low = gn_alloc((size_t)j->n * sizeof *j->low);
    j->high = gn_alloc((size_t)j->n * sizeof *j->high);
    j->w = gn_alloc((size_t)j->n * sizeof *j->w);
    for (int64_t s = 0; s < j->slices; s++) {
        double c = 0.5 * (factor - 1) + factor * (double)s;
        bool inside = c < (double)n - 0.5;
        int64_t at = inside ? (int64_t)floor(c + 0.5) - origin : -1;
        j->from[s] = at >= 0 && at < j->n ? at : -1;
    }
    for (int64_t i = 0; i < j->n; i++) {
        double c = ((double)(i + origin) + 0.5) / factor - 0.5, f = floor(c);
        int64_t low = (int64_t)f, last = j->slices - 1;
        int64_t high = low + 1 > last ? last : low + 1;
        low = low < 0 ? 0 : low;
        if (!(c < (double)j->slices - 0.5))
            low = high = j->slices;
        j->low[i] = (int32_t)(low < j->slices && j->from[low] < 0 ? j->slices : low);
        j->high[i] = (int32_t)(high < j->slices && j->from[high] < 0 ? j->slices : high);
        j->w[i] = low == high ? 0 : (float)(c - f);
    }
}

/* Rows of width floats, step floats apart, along the axis. */
static void across(const struct slices *j, float *first, int64_t step, int64_t width, int thread)
{
    float *row = j->scratch + (int64_t)thread * j->floats;
    const size_t bytes = (size_t)width * sizeof *row;
    for (int64_t s = 0; s < j->slices; s++)
        if (j->from[s] >= 0)
            memcpy(row + s * width, first + j->from[s] * step, bytes);
    memset(row + j->slices * width, 0, bytes);
    for (int64_t i = 0; i < j->n; i++) {
        const float *low = row + j->low[i] * width, *high = row + j->high[i] * width;
        if (j->w[i] == 0) /* 0 * NaN is NaN: a neighbour without weight has no say */
            memcpy(first + i * step, low, bytes);
        else
            j->k->lerp(first + i * step, low, high, j->w[i], width);
    }
}

static void plane_item(void *arg, size_t plane, int thread)
{
    const struct slices *j = arg;
    const int64_t ny = j->t->shape[2], nx = j->t->shape[3];
    across(j, (float *)j->t->data + (int64_t)plane * ny * nx, nx, nx, thread);
}

static void strip_item(void *arg, size_t item, int thread)
{
    const struct slices *j = arg;
    const int64_t nz = j->t->shape[1], plane = j->t->shape[2] * j->t->shape[3];
    const int64_t strips = (plane + STRIP - 1) / STRIP;
    const int64_t c = (int64_t)item / strips, at = (int64_t)item % strips * STRIP;
    across(j, (float *)j->t->data + c * nz * plane + at, plane,
           plane - at < STRIP ? plane - at : STRIP, thread);
}

static void row_item(void *arg, size_t plane, int thread)
{
    const struct slices *j = arg;
    const int64_t ny = j->t->shape[2], nx = j->t->shape[3];
    float *v = j->scratch + (int64_t)thread * j->floats;
    float *row = (float *)j->t->data + (int64_t)plane * ny * nx;
    v[j->slices] = 0;
    for (int64_t y = 0; y < ny; y++, row += nx) {
        for (int64_t s = 0; s < j->slices; s++)
            if (j->from[s] >= 0)
                v[s] = row[j->from[s]];
        j->k->between(row, v, j->low, j->high, j->w, nx);
    }
}

void gn_image_thicken(struct gn_tensor *t, int axis, double factor, int64_t n, int64_t origin)
{
    struct slices j = {.t = t, .n = t->shape[3 - axis], .k = GN_ISA_PICK(gn_intensity)};
    const int64_t planes = t->shape[0] * t->shape[1], plane = t->shape[2] * t->shape[3];
    if (n == 1 || factor == 1)
        return;
    tabulate(&j, factor, n, origin);
    j.floats = (j.slices + 1) * (axis == 0 ? 1 : axis == 1 ? t->shape[3] : STRIP);
    j.scratch = gn_alloc((size_t)gn_pool_threads() * (size_t)j.floats * sizeof *j.scratch);
    if (axis == 2)
        gn_pool_run((size_t)(t->shape[0] * ((plane + STRIP - 1) / STRIP)), strip_item, &j);
    else
        gn_pool_run((size_t)planes, axis == 1 ? plane_item : row_item, &j);
    free(j.from);
    free(j.low);
    free(j.high);
    free(j.w);
    free(j.scratch);
}

void gn_image_thicken_plain(struct gn_tensor *t, int axis, double factor, int64_t n,
                            int64_t origin)
{
    struct slices j = {.t = t, .n = t->shape[3 - axis]};
    float *data = t->data, *v;
    int64_t step = 1;
    if (n == 1)
        return;
    tabulate(&j, factor, n, origin);
    v = gn_alloc((size_t)(j.slices + 1) * sizeof *v);
    for (int k = 0; k < axis; k++)
        step *= t->shape[3 - k];
    for (int64_t first = 0; first < gn_tensor_count(t); first++) {
        if (first / step % j.n != 0)
            continue;
        for (int64_t s = 0; s < j.slices; s++)
            v[s] = j.from[s] >= 0 ? data[first + j.from[s] * step] : 0;
        for (int64_t i = 0; i < j.n; i++) {
            float a = v[j.low[i]], b = v[j.high[i]];
            data[first + i * step] = j.w[i] == 0 ? a : a + j.w[i] * (b - a);
        }
    }
    free(v);
    free(j.from);
    free(j.low);
    free(j.high);
    free(j.w);
}

/* ---- the operation; setting: is each axis listed, lo, hi ---- */

static const char *const settings[] = {"axis", "downsampling", NULL};

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    (void)patch;
    for (int k = 0; k < 3; k++)
        s->setting[k] = 1;
    s->setting[3] = s->setting[4] = 1.5;
}

static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    if (!strcmp(key, "downsampling"))
        return gn_augment_set_range(s->setting + 3, key, v, n, 1, 1e6, false, err);
    return gn_augment_set_axes(s->setting, key, v, n, err);
}

/* Is axis k one of those drawn from? Not z of a flat image. */
static bool listed(const struct gn_augment_step *s, int k, const struct gn_grid *grid)
{
    return s->setting[k] != 0 && !(k == 2 && grid->size[2] == 1);
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    (void)components;
    for (int k = 0; k < 3; k++)
        if (listed(s, k, grid))
            return 2;
    return gn_err_set(err, "axis: the image is 2-D, and only z is listed");
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    (void)s;
    strcpy(name, k ? "downsampling" : "axis");
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    int axis[3] = {0, 1, 2}, axes = 0;
    (void)image;
    (void)n;
    for (int k = 0; k < 3; k++)
        if (listed(s, k, grid))
            axis[axes++] = k;
    value[0] = axis[gn_draw_below(where, GN_AUGMENT_PARAMETER, (uint64_t)axes)];
    value[1] = gn_draw_range(where, GN_AUGMENT_PARAMETER + 1, s->setting[3], s->setting[4]);
}

static void halo(const struct gn_augment_step *s, const struct gn_grid *grid, double std,
                 int64_t halo_xyz[3])
{
    (void)std;
    for (int k = 0; k < 3; k++)
        halo_xyz[k] = listed(s, k, grid) ? gn_thick_halo(s->setting[4]) : 0;
}

static int run(const struct gn_augment_step *s, const double *value, int n,
               const struct gn_augment_work *work, struct gn_err *err)
{
    const int axis = value[0] == 1 ? 1 : value[0] == 2 ? 2 : 0;
    const int64_t *size = work->whole->size;
    (void)n;
    if (value[0] != axis || !(value[1] >= 1 && value[1] <= 1e6))
        return gn_err_set(err, "anisotropic: axis 0, 1 or 2 and a factor from 1 up: %g, %g",
                          value[0], value[1]);
    if (!gn_grid_same_size(work->region->size, size) &&
        !(listed(s, axis, work->whole) && value[1] <= s->setting[4]))
        return gn_err_set(err, "anisotropic: axis %g, factor %g is beyond the settings that the "
                               "window was cut for", value[0], value[1]);
    gn_image_thicken(work->t, axis, value[1], size[axis], work->region->origin[axis]);
    return 0;
}

const struct gn_augment_op gn_augment_anisotropic = {
    .name = "anisotropic",
    .shared = true,
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .halo = halo,
    .run = run,
    .blind = true,
};
