/* resample.c - grids, and resampling: tables for each axis where the map is separable, else
 * points. */
#include "image/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/isa.h"
#include "base/mem.h"
#include "base/pool.h"
#include "image/crop.h"
#include "image/resample_private.h"
#include "image/warp.h"

const char *const gn_interp_names[] = { "nearest", "linear", "bspline", "lanczos", NULL };
const char *const gn_align_names[] = { "corner", "center", NULL };

static int64_t largest(const int64_t size[3])
{
    int64_t n = size[0] > size[1] ? size[0] : size[1];
    return n > size[2] ? n : size[2];
}

/* Scale axis k by ratio = new spacing / old spacing to size n. */
static void scale_axis(const struct gn_grid *from, int k, double ratio, int64_t n,
                       enum gn_align align, struct gn_grid *to, double map[12])
{
    to->size[k] = n;
    for (int r = 0; r < 3; r++)
        to->affine[4 * r + k] = from->affine[4 * r + k] * ratio;
    map[4 * k + k] = ratio;
    map[4 * k + 3] = align == GN_ALIGN_CORNER ? 0.5 * (ratio - 1) : 0;
}

static void move_origin(const struct gn_grid *from, const double map[12], struct gn_grid *to)
{
    double first[3] = { map[3], map[7], map[11] }, o[3];
    gn_affine_point(from->affine, first, o);
    for (int r = 0; r < 3; r++)
        to->affine[4 * r + 3] = o[r];
}

int gn_resample_to_spacing(const struct gn_grid *from, const double spacing[3], enum gn_align align,
                           struct gn_grid *to, double map[12], struct gn_err *err)
{
    struct gn_grid out = *from;
    double old[3];
    gn_affine_spacing(from->affine, old);
    memset(map, 0, 12 * sizeof *map);
    for (int k = 0; k < 3; k++) {
        double ratio = spacing[k] / old[k];
        if (!(spacing[k] > 0) || !isfinite(spacing[k]))
            return gn_err_set(err, "spacing must be positive: %g", spacing[k]);
        if (from->size[k] == 1) {
            scale_axis(from, k, 1, 1, align, &out, map);
            continue;
        }
        double n = ceil((double)from->size[k] * old[k] / spacing[k] - 1e-3);
        if (!isfinite(ratio) || !(n < 0x1p31))
            return gn_err_set(err, "spacing %g makes an image of %g voxels along one axis",
                              spacing[k], n);
        scale_axis(from, k, ratio, n < 1 ? 1 : (int64_t)n, align, &out, map);
    }
    move_origin(from, map, &out);
    *to = out;
    return 0;
}

int gn_resample_to_size(const struct gn_grid *from, const int64_t size[3], enum gn_align align,
                        struct gn_grid *to, double map[12], struct gn_err *err)
{
    struct gn_grid out = *from;
    memset(map, 0, 12 * sizeof *map);
    for (int k = 0; k < 3; k++) {
        int64_t n = size[k] == -1 ? from->size[k] : size[k];
        if (n < 1 || n > INT32_MAX)
            return gn_err_set(err, "a size must be positive: %lld", (long long)n);
        scale_axis(from, k, (double)from->size[k] / (double)n, n, align, &out, map);
    }
    move_origin(from, map, &out);
    *to = out;
    return 0;
}

int gn_resample_between(const struct gn_grid *from, const struct gn_grid *to, double map[12],
                        struct gn_err *err)
{
    double inverse[12];
    if (gn_affine_invert(from->affine, inverse, err))
        return -1;
    gn_affine_multiply(inverse, to->affine, map);
    double n = (double)largest(to->size);
    for (int i = 0; i < 12; i++) {
        double near = round(map[i] * 4096) / 4096;
        if (fabs(map[i] - near) * (i % 4 == 3 ? 1 : n) < 1e-6)
            map[i] = near;
    }
    return 0;
}

bool gn_resample_separable(const double map[12], int axis[3])
{
    bool used[3] = { false, false, false };
    for (int r = 0; r < 3; r++) {
        int found = -1;
        for (int c = 0; c < 3; c++)
            if (map[4 * r + c] != 0) {
                if (found >= 0)
                    return false;
                found = c;
            }
        if (found < 0 || used[found])
            return false;
        used[found] = true;
        axis[r] = found;
    }
    return true;
}

bool gn_resample_is_exact(const double map[12], const int64_t size[3], const int64_t to[3],
                          struct gn_orientation *o, struct gn_box *box)
{
    int axis[3];
    if (!gn_resample_separable(map, axis))
        return false;
    for (int r = 0; r < 3; r++) {
        const double m = map[4 * r + axis[r]], t = map[4 * r + 3];
        if ((m != 1 && m != -1) || t != floor(t) || fabs(t) > INT32_MAX)
            return false;
        const int k = axis[r];
        o->axis[k] = r;
        o->flip[k] = m < 0;
        box->origin[k] = m < 0 ? size[r] - 1 - (int64_t)t : (int64_t)t;
        box->size[k] = to[k];
    }
    return true;
}

void gn_resample_antialias(const double map[12], double sigma[3])
{
    for (int r = 0; r < 3; r++) {
        const double *m = map + 4 * r;
        double k2 = m[0] * m[0] + m[1] * m[1] + m[2] * m[2];
        sigma[r] = k2 > 1 ? sqrt((k2 - 1) / 5.5451774444795624753) : 0;
    }
}

/* ---- one axis ---- */

int gn_axis_init(struct gn_axis *a, int64_t n_out, int64_t n_in, double scale, double shift,
                 enum gn_interp interp, struct gn_err *err)
{
    *a = (struct gn_axis){ .n = n_out, .lo = n_out, .hi = 0, .n_in = n_in };
    a->i0 = gn_try_alloc((size_t)n_out * sizeof *a->i0, err);
    a->i1 = gn_try_alloc((size_t)n_out * sizeof *a->i1, err);
    a->w = gn_try_alloc((size_t)n_out * sizeof *a->w, err);
    if (!a->i0 || !a->i1 || !a->w) {
        gn_axis_free(a);
        return -1;
    }
    for (int64_t k = 0; k < n_out; k++) {
        double c = shift + scale * (double)k;
        if (!(c >= -0.5 && c < (double)n_in - 0.5))
            continue;
        a->lo = k < a->lo ? k : a->lo;
        a->hi = k + 1;
        double f = floor(interp == GN_INTERP_NEAREST ? c + 0.5 : c);
        double last = (double)(n_in - 1);
        a->i0[k] = (int32_t)fmin(fmax(f, 0), last);
        a->i1[k] = (int32_t)fmin(fmax(f + 1, 0), last);
        a->w[k] = interp == GN_INTERP_NEAREST || a->i0[k] == a->i1[k] ? 0 : (float)(c - f);
    }
    if (a->lo > a->hi)
        a->lo = a->hi;
    return 0;
}

void gn_axis_free(struct gn_axis *a)
{
    free(a->i0);
    free(a->i1);
    free(a->w);
    *a = (struct gn_axis){ 0 };
}

void gn_row_lerp(float *out, const float *a, const float *b, float w, int64_t n)
{
    GN_ISA_PICK(gn_resample_kernels)->lerp(out, a, b, w, n);
}

void gn_row_gather(float *out, const float *row, const struct gn_axis *a)
{
    GN_ISA_PICK(gn_resample_kernels)->gather(out, row, a);
}

/* ---- the image ---- */

struct job {
    const struct gn_tensor *in;
    struct gn_tensor *out;
    struct gn_axis axis[3];
    double fill;
    float *scratch; /* 5 rows of the input for each thread */
    int64_t block, blocks; /* rows an item, items a plane */
    const struct gn_resample_kernels *k;
};

static void fill_row(const struct job *j, int64_t at, int64_t n)
{
    const size_t item = gn_dtype_size(j->out->dtype);
    if (j->fill == 0)
        memset((char *)j->out->data + (size_t)at * item, 0, (size_t)n * item);
    for (int64_t i = 0; j->fill != 0 && i < n; i++)
        gn_tensor_set(j->out, at + i, j->fill);
}

/* A row of the input as float: itself, or converted into buffer. */
static const float *float_row(const struct gn_tensor *in, int64_t row, float *buffer)
{
    const int64_t nx = in->shape[3];
    if (in->dtype == GN_FLOAT32)
        return (const float *)in->data + row * nx;
    const char *p = in->data;
    p += (size_t)(row * nx) * gn_dtype_size(in->dtype);
    gn_convert_to_float(p, in->dtype, buffer, (size_t)nx);
    return buffer;
}

/* A block of rows of plane channel * depth + z of the output. Rows of the input are blended along
 * z when they are first asked for; two are kept, since neighbours along y share them. */
static void linear_rows(void *arg, size_t item, int thread)
{
    const struct job *j = arg;
    const int64_t nz = j->out->shape[1], ny = j->out->shape[2], nx = j->out->shape[3];
    const int64_t in_ny = j->in->shape[2], in_nx = j->in->shape[3];
    const int64_t plane = (int64_t)item / j->blocks, z = plane % nz, c = plane / nz;
    const int64_t first = (int64_t)item % j->blocks * j->block;
    const struct gn_axis *ax = &j->axis[0], *ay = &j->axis[1], *az = &j->axis[2];
    float *scratch = j->scratch + (int64_t)thread * 5 * in_nx;
    float *kept[2] = { scratch, scratch + in_nx };
    float *blend = scratch + 2 * in_nx, *b0 = scratch + 3 * in_nx, *b1 = scratch + 4 * in_nx;
    int64_t tag[2] = { -1, -1 };
    for (int64_t y = first; y < ny && y < first + j->block; y++) {
        const int64_t at = (plane * ny + y) * nx;
        float *out = (float *)j->out->data + at;
        if (z < az->lo || z >= az->hi || y < ay->lo || y >= ay->hi) {
            fill_row(j, at, nx);
            continue;
        }
        const int64_t p0 = (c * j->in->shape[1] + az->i0[z]) * in_ny;
        const int64_t p1 = (c * j->in->shape[1] + az->i1[z]) * in_ny;
        for (int k = 0; k < 2; k++) {
            int64_t r = k ? ay->i1[y] : ay->i0[y];
            if (tag[r & 1] == r || (k && ay->w[y] == 0))
                continue;
            const float *a = float_row(j->in, p0 + r, b0);
            if (az->w[z] == 0)
                memcpy(kept[r & 1], a, (size_t)in_nx * sizeof *a);
            else
                j->k->lerp(kept[r & 1], a, float_row(j->in, p1 + r, b1), az->w[z], in_nx);
            tag[r & 1] = r;
        }
        const float *row = kept[ay->i0[y] & 1];
        if (ay->w[y] != 0) {
            j->k->lerp(blend, row, kept[ay->i1[y] & 1], ay->w[y], in_nx);
            row = blend;
        }
        fill_row(j, at, ax->lo);
        j->k->gather(out, row, ax);
        fill_row(j, at + ax->hi, nx - ax->hi);
    }
}

static void nearest_rows(void *arg, size_t item, int thread)
{
    const struct job *j = arg;
    const int64_t nz = j->out->shape[1], ny = j->out->shape[2], nx = j->out->shape[3];
    const int64_t plane = (int64_t)item / j->blocks, z = plane % nz, c = plane / nz;
    const int64_t first = (int64_t)item % j->blocks * j->block;
    const struct gn_axis *ax = &j->axis[0], *ay = &j->axis[1], *az = &j->axis[2];
    const size_t size = gn_dtype_size(j->in->dtype);
    const char *from = j->in->data;
    char *to = j->out->data;
    int64_t last = -1; /* the input row that the row before was read from */
    (void)thread;
    for (int64_t y = first; y < ny && y < first + j->block; y++) {
        const int64_t at = (plane * ny + y) * nx;
        if (z < az->lo || z >= az->hi || y < ay->lo || y >= ay->hi) {
            fill_row(j, at, nx);
            continue;
        }
        const int64_t row = (c * j->in->shape[1] + az->i0[z]) * j->in->shape[2] + ay->i0[y];
        char *out = to + (size_t)at * size;
        if (row == last) {
            memcpy(out, out - (size_t)nx * size, (size_t)nx * size);
            continue;
        }
        fill_row(j, at, ax->lo);
        j->k->pick(out, from + (size_t)(row * j->in->shape[3]) * size, ax, size);
        fill_row(j, at + ax->hi, nx - ax->hi);
        last = row;
    }
}

/* ---- any map, nearest and linear ---- */

static bool all_finite(const struct gn_tensor *t)
{
    const float *v = t->data;
    const int64_t n = gn_tensor_count(t);
    float none = 0;
    for (int64_t i = 0; i < n; i++)
        none += v[i] - v[i]; /* 0, or NaN for good */
    return none == 0;
}

/* Where a voxel is not a number, those without weight must have no say: the plain version. */
static int resample_points(const struct gn_tensor *in, const double map[12],
                           const int64_t size[3], enum gn_interp interp, double fill,
                           struct gn_tensor *out, struct gn_err *err)
{
    const int64_t channels = in->shape[0];
    const int64_t n[3] = { in->shape[3], in->shape[2], in->shape[1] };
    const struct gn_box have = { { 0, 0, 0 }, { n[0], n[1], n[2] } };
    const struct gn_box want = { { 0, 0, 0 }, { size[0], size[1], size[2] } };
    struct gn_tensor own = { 0 };
    struct gn_warp w = { 0 };
    double *fills = NULL;
    int rc = -1;
    if (interp == GN_INTERP_LINEAR && in->dtype != GN_FLOAT32) {
        if (gn_image_as_float(in, &own, err))
            return -1;
        in = &own;
    }
    if (interp == GN_INTERP_LINEAR && !all_finite(in)) {
        rc = gn_resample_plain(in, map, size, interp, fill, out, err);
        goto out;
    }
    fills = gn_try_alloc((size_t)channels * sizeof *fills, err);
    if (!fills)
        goto out;
    for (int64_t c = 0; c < channels; c++)
        fills[c] = fill;
    gn_warp_add_matrix(&w, map);
    rc = gn_warp_run(&w, in, &have, n, &want, interp, fills, out, err);
out:
    free(fills);
    gn_warp_free(&w);
    gn_tensor_free(&own);
    return rc;
}

/* Axes are interpolated in the order z, y, x of the input, whichever way the output's go. */
int gn_resample(const struct gn_tensor *in, const double map[12], const int64_t size[3],
                enum gn_interp interp, double fill, struct gn_tensor *out, struct gn_err *err)
{
    struct job j = { .in = in, .out = out, .fill = fill, .k = GN_ISA_PICK(gn_resample_kernels) };
    struct gn_tensor own = { 0 }; /* the result with its axes in the input's order */
    struct gn_orientation o = { { 0, 1, 2 }, { false, false, false } };
    const bool wide = interp == GN_INTERP_BSPLINE || interp == GN_INTERP_LANCZOS;
    double scale[3], shift[3];
    int axis[3] = { 0, 1, 2 }, rc = -1;
    *out = (struct gn_tensor){ 0 };
    if (in->rank != 4 || in->shape[1] > INT32_MAX || in->shape[2] > INT32_MAX ||
        in->shape[3] > INT32_MAX)
        return gn_err_set(err, "not an image that can be resampled");
    bool separable = gn_resample_separable(map, axis);
    if (!separable && !wide)
        return resample_points(in, map, size, interp, fill, out, err);
    for (int r = 0; r < 3; r++) {
        axis[r] = separable ? axis[r] : r;
        o.axis[axis[r]] = r;
        scale[r] = map[4 * r + axis[r]];
        shift[r] = map[4 * r + 3];
    }
    bool turned = o.axis[0] != 0 || o.axis[1] != 1;
    if (turned)
        j.out = &own;
    if (gn_tensor_new4_raw(j.out, interp == GN_INTERP_NEAREST ? in->dtype : GN_FLOAT32,
                           in->shape[0], size[axis[2]], size[axis[1]], size[axis[0]], err))
        goto out;
    if (!separable) {
        rc = gn_resample_wide_points(in, map, interp, fill, out, err);
        goto out;
    }
    if (wide) {
        if (gn_resample_wide_axes(in, scale, shift, interp, fill, j.out, err))
            goto out;
    } else {
        for (int r = 0; r < 3; r++)
            if (gn_axis_init(&j.axis[r], size[axis[r]], in->shape[3 - r], scale[r], shift[r],
                             interp, err))
                goto out;
        j.scratch = gn_try_alloc((size_t)gn_pool_threads() * 5 * (size_t)in->shape[3] *
                                 sizeof(float), err);
        if (!j.scratch)
            goto out;
        const int64_t planes = j.out->shape[0] * j.out->shape[1];
        j.block = gn_resample_block(planes, j.out->shape[2]);
        j.blocks = (j.out->shape[2] + j.block - 1) / j.block;
        gn_pool_run((size_t)(planes * j.blocks),
                    interp == GN_INTERP_LINEAR ? linear_rows : nearest_rows, &j);
    }
    rc = turned ? gn_image_orient(&own, &o, out, err) : 0;
out:
    for (int k = 0; k < 3; k++)
        gn_axis_free(&j.axis[k]);
    free(j.scratch);
    gn_tensor_free(&own);
    if (rc)
        gn_tensor_free(out);
    return rc;
}
