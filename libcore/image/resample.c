/* resample.c - linear and nearest resampling: tables for each axis where the map is separable. */
#include "image/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "image/crop.h"

const char *const gn_interp_names[] = { "nearest", "linear", NULL };
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

/* ---- one axis ---- */

int gn_axis_init(struct gn_axis *a, int64_t n_out, int64_t n_in, double scale, double shift,
                 enum gn_interp interp, struct gn_err *err)
{
    *a = (struct gn_axis){ .n = n_out, .lo = n_out, .hi = 0 };
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
    for (int64_t x = 0; x < n; x++)
        out[x] = a[x] + w * (b[x] - a[x]);
}

void gn_row_gather(float *out, const float *row, const struct gn_axis *a)
{
    for (int64_t k = a->lo; k < a->hi; k++) {
        float v = row[a->i0[k]], w = a->w[k];
        float between = v + w * (row[a->i1[k]] - v);
        out[k] = w == 0 ? v : between; /* 0 * NaN is NaN: a neighbour without weight has no say */
    }
}

/* ---- the image ---- */

struct job {
    const struct gn_tensor *in;
    struct gn_tensor *out;
    struct gn_axis axis[3];
    const double *map;
    double fill;
    enum gn_interp interp;
    float *scratch; /* 5 rows of the input for each thread */
};

static void fill_row(const struct job *j, int64_t at, int64_t n)
{
    if (j->fill == 0) /* the output starts as zeros */
        return;
    for (int64_t i = 0; i < n; i++)
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

/* Plane item = channel * depth + z of the output. Rows of the input are blended along z when they
 * are first asked for; two are kept, since neighbours along y share them. */
static void linear_plane(void *arg, size_t item, int thread)
{
    const struct job *j = arg;
    const int64_t nz = j->out->shape[1], ny = j->out->shape[2], nx = j->out->shape[3];
    const int64_t in_ny = j->in->shape[2], in_nx = j->in->shape[3];
    const int64_t z = (int64_t)item % nz, c = (int64_t)item / nz;
    const struct gn_axis *ax = &j->axis[0], *ay = &j->axis[1], *az = &j->axis[2];
    float *scratch = j->scratch + (int64_t)thread * 5 * in_nx;
    float *kept[2] = { scratch, scratch + in_nx };
    float *blend = scratch + 2 * in_nx, *b0 = scratch + 3 * in_nx, *b1 = scratch + 4 * in_nx;
    int64_t tag[2] = { -1, -1 };
    for (int64_t y = 0; y < ny; y++) {
        const int64_t at = ((int64_t)item * ny + y) * nx;
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
                gn_row_lerp(kept[r & 1], a, float_row(j->in, p1 + r, b1), az->w[z], in_nx);
            tag[r & 1] = r;
        }
        const float *row = kept[ay->i0[y] & 1];
        if (ay->w[y] != 0) {
            gn_row_lerp(blend, row, kept[ay->i1[y] & 1], ay->w[y], in_nx);
            row = blend;
        }
        fill_row(j, at, ax->lo);
        gn_row_gather(out, row, ax);
        fill_row(j, at + ax->hi, nx - ax->hi);
    }
}

#define PICK(type)                                                                       \
    do {                                                                                 \
        const type *from = (const type *)j->in->data + row * j->in->shape[3];            \
        type *to = (type *)j->out->data + at;                                            \
        for (int64_t x = ax->lo; x < ax->hi; x++)                                        \
            to[x] = from[ax->i0[x]];                                                     \
    } while (0)

static void nearest_plane(void *arg, size_t item, int thread)
{
    const struct job *j = arg;
    const int64_t nz = j->out->shape[1], ny = j->out->shape[2], nx = j->out->shape[3];
    const int64_t z = (int64_t)item % nz, c = (int64_t)item / nz;
    const struct gn_axis *ax = &j->axis[0], *ay = &j->axis[1], *az = &j->axis[2];
    const size_t size = gn_dtype_size(j->in->dtype);
    (void)thread;
    for (int64_t y = 0; y < ny; y++) {
        const int64_t at = ((int64_t)item * ny + y) * nx;
        if (z < az->lo || z >= az->hi || y < ay->lo || y >= ay->hi) {
            fill_row(j, at, nx);
            continue;
        }
        const int64_t row = (c * j->in->shape[1] + az->i0[z]) * j->in->shape[2] + ay->i0[y];
        fill_row(j, at, ax->lo);
        if (size == 1)
            PICK(uint8_t);
        else if (size == 2)
            PICK(uint16_t);
        else if (size == 4)
            PICK(uint32_t);
        else
            PICK(uint64_t);
        fill_row(j, at + ax->hi, nx - ax->hi);
    }
}

/* Any map: each voxel from its own eight neighbours. */
static void general_plane(void *arg, size_t item, int thread)
{
    const struct job *j = arg;
    const int64_t nz = j->out->shape[1], ny = j->out->shape[2], nx = j->out->shape[3];
    const int64_t z = (int64_t)item % nz, c = (int64_t)item / nz;
    const int64_t n[3] = { j->in->shape[3], j->in->shape[2], j->in->shape[1] };
    const double *m = j->map;
    const size_t size = gn_dtype_size(j->in->dtype);
    (void)thread;
    for (int64_t y = 0; y < ny; y++)
        for (int64_t x = 0; x < nx; x++) {
            const int64_t at = ((int64_t)item * ny + y) * nx + x;
            int64_t lo[3], hi[3];
            double w[3];
            bool inside = true;
            for (int k = 0; k < 3; k++) {
                double p = m[4 * k] * (double)x + m[4 * k + 1] * (double)y +
                           m[4 * k + 2] * (double)z + m[4 * k + 3];
                inside &= p >= -0.5 && p < (double)n[k] - 0.5;
                double f = floor(j->interp == GN_INTERP_NEAREST ? p + 0.5 : p);
                double last = (double)(n[k] - 1);
                lo[k] = (int64_t)fmin(fmax(f, 0), last);
                hi[k] = (int64_t)fmin(fmax(f + 1, 0), last);
                w[k] = p - f;
            }
            if (!inside) {
                fill_row(j, at, 1);
                continue;
            }
            if (j->interp == GN_INTERP_NEAREST) {
                int64_t from = ((c * n[2] + lo[2]) * n[1] + lo[1]) * n[0] + lo[0];
                memcpy((char *)j->out->data + (size_t)at * size,
                       (const char *)j->in->data + (size_t)from * size, size);
                continue;
            }
            double sum = 0;
            for (int corner = 0; corner < 8; corner++) {
                int64_t iz = corner & 4 ? hi[2] : lo[2], iy = corner & 2 ? hi[1] : lo[1];
                int64_t ix = corner & 1 ? hi[0] : lo[0];
                double weight = (corner & 4 ? w[2] : 1 - w[2]) * (corner & 2 ? w[1] : 1 - w[1]) *
                                (corner & 1 ? w[0] : 1 - w[0]);
                if (weight == 0) /* nor has its NaN */
                    continue;
                sum += weight * gn_tensor_get(j->in, ((c * n[2] + iz) * n[1] + iy) * n[0] + ix);
            }
            ((float *)j->out->data)[at] = (float)sum;
        }
}

/* Axes are interpolated in the order z, y, x of the input, whichever way the output's go. */
int gn_resample(const struct gn_tensor *in, const double map[12], const int64_t size[3],
                enum gn_interp interp, double fill, struct gn_tensor *out, struct gn_err *err)
{
    struct job j = { .in = in, .out = out, .map = map, .fill = fill, .interp = interp };
    struct gn_tensor own = { 0 }; /* the result with its axes in the input's order */
    struct gn_orientation o = { { 0, 1, 2 }, { false, false, false } };
    int axis[3] = { 0, 1, 2 }, rc = -1;
    *out = (struct gn_tensor){ 0 };
    if (in->rank != 4 || in->shape[1] > INT32_MAX || in->shape[2] > INT32_MAX ||
        in->shape[3] > INT32_MAX)
        return gn_err_set(err, "not an image that can be resampled");
    bool separable = gn_resample_separable(map, axis);
    for (int r = 0; r < 3; r++) {
        axis[r] = separable ? axis[r] : r;
        o.axis[axis[r]] = r;
    }
    bool turned = o.axis[0] != 0 || o.axis[1] != 1;
    if (turned)
        j.out = &own;
    if (gn_tensor_new4(j.out, interp == GN_INTERP_LINEAR ? GN_FLOAT32 : in->dtype, in->shape[0],
                       size[axis[2]], size[axis[1]], size[axis[0]], err))
        goto out;
    const size_t planes = (size_t)(j.out->shape[0] * j.out->shape[1]);
    if (!separable) {
        gn_pool_run(planes, general_plane, &j);
        rc = 0;
        goto out;
    }
    for (int r = 0; r < 3; r++)
        if (gn_axis_init(&j.axis[r], size[axis[r]], in->shape[3 - r], map[4 * r + axis[r]],
                         map[4 * r + 3], interp, err))
            goto out;
    j.scratch = gn_try_alloc((size_t)gn_pool_threads() * 5 * (size_t)in->shape[3] * sizeof(float),
                             err);
    if (!j.scratch)
        goto out;
    gn_pool_run(planes, interp == GN_INTERP_LINEAR ? linear_plane : nearest_plane, &j);
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
