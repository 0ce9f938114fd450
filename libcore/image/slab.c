/* slab.c - planes of class maps to labels or maps on another grid, two planes at a time. */
#include "image/slab.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "image/geometry.h"
#include "image/resample.h"

struct gn_slab {
    int64_t size[3], to_size[3];
    int classes;
    bool same;               /* no map: planes are taken as they are */
    bool whole;              /* not separable: planes collect in maps */
    double map[12];
    int64_t planes;          /* seen so far */
    struct gn_slab_decode decode;
    bool labels;
    int follows[3];          /* the output axis that each axis of the maps follows */
    int64_t step[3];         /* of the output's axes, in elements */
    struct gn_axis axis[3];  /* by axis of the maps */
    float *last;             /* the plane before */
    float *scratch;          /* rows for each thread */
    int64_t *label_row;
    int64_t *ready;          /* output indices along the axis that follows z, those that plane z */
    int64_t *ready_from;     /* completes at ready_from[z] .. ready_from[z+1] - 1 */
    struct gn_tensor maps, out;
};

/* The plane that an output index waits for. */
static int64_t completes(const struct gn_axis *a, int64_t k)
{
    return a->w[k] == 0 ? a->i0[k] : a->i1[k];
}

static int order_by_plane(struct gn_slab *b, struct gn_err *err)
{
    const struct gn_axis *a = &b->axis[2];
    int64_t nz = b->size[2];
    b->ready = gn_try_alloc((size_t)a->n * sizeof *b->ready, err);
    b->ready_from = gn_try_alloc((size_t)(nz + 1) * sizeof *b->ready_from, err);
    if (!b->ready || !b->ready_from)
        return -1;
    for (int64_t k = a->lo; k < a->hi; k++)
        b->ready_from[completes(a, k) + 1]++;
    for (int64_t z = 0; z < nz; z++)
        b->ready_from[z + 1] += b->ready_from[z];
    for (int64_t k = a->lo; k < a->hi; k++)
        b->ready[b->ready_from[completes(a, k)]++] = k;
    for (int64_t z = nz; z > 0; z--)
        b->ready_from[z] = b->ready_from[z - 1];
    b->ready_from[0] = 0;
    return 0;
}

struct gn_slab *gn_slab_new(const int64_t size[3], int classes, const double *map,
                            const int64_t to_size[3], const struct gn_slab_decode *decode,
                            struct gn_err *err)
{
    struct gn_slab *b = gn_alloc(sizeof *b);
    const int64_t *n = map ? to_size : size;
    memcpy(b->size, size, sizeof b->size);
    memcpy(b->to_size, n, sizeof b->to_size);
    b->classes = classes;
    b->same = !map;
    b->labels = decode != NULL;
    if (decode)
        b->decode = *decode;
    if (map) {
        memcpy(b->map, map, sizeof b->map);
        b->whole = !gn_resample_separable(map, b->follows);
    }
    if (gn_tensor_new4(&b->out, decode ? gn_decode_dtype(decode->value, classes) : GN_FLOAT32,
                       decode ? 1 : classes, n[2], n[1], n[0], err))
        goto fail;
    b->step[0] = 1;
    b->step[1] = n[0];
    b->step[2] = n[0] * n[1];
    size_t threads = (size_t)gn_pool_threads();
    if (b->whole) {
        if (gn_tensor_new4(&b->maps, GN_FLOAT32, classes, size[2], size[1], size[0], err))
            goto fail;
        return b;
    }
    int64_t row = size[0];
    if (map) {
        int64_t plane = size[0] * size[1];
        b->last = gn_try_alloc((size_t)(plane * classes) * sizeof *b->last, err);
        if (!b->last)
            goto fail;
        for (int k = 0; k < 3; k++)
            if (gn_axis_init(&b->axis[k], n[b->follows[k]], size[k], map[4 * k + b->follows[k]],
                             map[4 * k + 3], GN_INTERP_LINEAR, err))
                goto fail;
        if (order_by_plane(b, err))
            goto fail;
        row = b->axis[0].n;
        size_t need = (size_t)(2 * size[0] + row * classes);
        b->scratch = gn_try_alloc(threads * need * sizeof *b->scratch, err);
        if (!b->scratch)
            goto fail;
    }
    b->label_row = gn_try_alloc(threads * (size_t)row * sizeof *b->label_row, err);
    if (!b->label_row)
        goto fail;
    return b;
fail:
    gn_slab_free(b);
    return NULL;
}

void gn_slab_free(struct gn_slab *b)
{
    if (!b)
        return;
    for (int k = 0; k < 3; k++)
        gn_axis_free(&b->axis[k]);
    free(b->last);
    free(b->scratch);
    free(b->label_row);
    free(b->ready);
    free(b->ready_from);
    gn_tensor_free(&b->maps);
    gn_tensor_free(&b->out);
    free(b);
}

double gn_slab_bytes(const int64_t size[3], int classes, const double *map,
                     const int64_t to_size[3], const struct gn_slab_decode *decode)
{
    const int64_t *n = map ? to_size : size;
    double cells = (double)n[0] * (double)n[1] * (double)n[2], held = 0;
    double plane = 4.0 * classes * (double)size[0] * (double)size[1];
    int axis[3];
    if (map)
        held = gn_resample_separable(map, axis) ? plane : plane * (double)size[2];
    if (!decode)
        return held + 4.0 * classes * cells;
    return held + cells * (double)gn_dtype_size(gn_decode_dtype(decode->value, classes));
}

struct plane_job {
    struct gn_slab *b;
    const float *maps;
    int64_t z;
};

static void same_row(void *arg, size_t y, int thread)
{
    const struct plane_job *j = arg;
    struct gn_slab *b = j->b;
    const int64_t nx = b->size[0], plane = nx * b->size[1], at = j->z * plane + (int64_t)y * nx;
    const float *row = j->maps + (int64_t)y * nx;
    if (b->labels) {
        int64_t *label = b->label_row + thread * nx;
        gn_decode_labels(row, plane, b->classes, nx, b->decode.decode, b->decode.threshold,
                         b->decode.value, label);
        gn_decode_store(&b->out, at, 1, label, nx);
        return;
    }
    for (int c = 0; c < b->classes; c++)
        memcpy((float *)b->out.data + c * plane * b->size[2] + at, row + c * plane,
               (size_t)nx * sizeof *row);
}

/* One row of the maps' plane of one output index: interpolated along z, y, x, in gn_resample's
 * order. */
static void slab_row(void *arg, size_t item, int thread)
{
    const struct plane_job *j = arg;
    struct gn_slab *b = j->b;
    const struct gn_axis *ax = &b->axis[0], *ay = &b->axis[1], *az = &b->axis[2];
    const int64_t nx = b->size[0], plane = nx * b->size[1], rows = ay->hi - ay->lo;
    const int64_t kz = b->ready[b->ready_from[j->z] + (int64_t)item / rows];
    const int64_t ky = ay->lo + (int64_t)item % rows, n = ax->hi - ax->lo;
    float *p = b->scratch + thread * (2 * nx + ax->n * b->classes), *q = p + nx, *out = q + nx;
    for (int c = 0; c < b->classes; c++) {
        const float *now = j->maps + c * plane, *before = b->last + c * plane;
        const float *row[2] = { NULL, NULL };
        for (int k = 0; k < 2 && (k == 0 || ay->w[ky] != 0); k++) {
            int64_t at = (k ? ay->i1[ky] : ay->i0[ky]) * nx;
            row[k] = now + at;
            if (az->w[kz] != 0) {
                /* i0 is the plane before, i1 this one */
                gn_row_lerp(k ? q : p, before + at, now + at, az->w[kz], nx);
                row[k] = k ? q : p;
            }
        }
        if (row[1]) {
            gn_row_lerp(p, row[0], row[1], ay->w[ky], nx);
            row[0] = p;
        }
        gn_row_gather(out + c * ax->n, row[0], ax);
    }
    const int64_t sx = b->step[b->follows[0]];
    const int64_t first = kz * b->step[b->follows[2]] + ky * b->step[b->follows[1]] + ax->lo * sx;
    if (b->labels) {
        int64_t *label = b->label_row + thread * ax->n;
        gn_decode_labels(out + ax->lo, ax->n, b->classes, n, b->decode.decode, b->decode.threshold,
                         b->decode.value, label);
        gn_decode_store(&b->out, first, sx, label, n);
        return;
    }
    const int64_t cells = gn_grid_voxels(b->to_size);
    for (int c = 0; c < b->classes; c++)
        for (int64_t x = 0; x < n; x++)
            ((float *)b->out.data)[c * cells + first + x * sx] = out[c * ax->n + ax->lo + x];
}

int gn_slab_plane(void *slab, int64_t z, const float *maps, struct gn_err *err)
{
    struct gn_slab *b = slab;
    const int64_t plane = b->size[0] * b->size[1];
    struct plane_job j = { b, maps, z };
    if (z != b->planes || z >= b->size[2])
        return gn_err_set(err, "plane %lld came when %lld was due", (long long)z,
                          (long long)b->planes);
    b->planes++;
    if (b->whole) {
        for (int c = 0; c < b->classes; c++)
            memcpy((float *)b->maps.data + (c * b->size[2] + z) * plane, maps + c * plane,
                   (size_t)plane * sizeof *maps);
    } else if (b->same) {
        gn_pool_run((size_t)b->size[1], same_row, &j);
    } else {
        int64_t n = (b->ready_from[z + 1] - b->ready_from[z]) * (b->axis[1].hi - b->axis[1].lo);
        if (n > 0 && b->axis[0].hi > b->axis[0].lo)
            gn_pool_run((size_t)n, slab_row, &j);
        memcpy(b->last, maps, (size_t)(plane * b->classes) * sizeof *maps);
    }
    return 0;
}

/* Labels of interpolated maps, but 0 outside the maps' image, where every map is 0. */
static int decode_whole(struct gn_slab *b, struct gn_err *err)
{
    struct gn_tensor maps = { 0 }, ones = { 0 }, inside = { 0 };
    int rc = -1;
    if (gn_resample(&b->maps, b->map, b->to_size, GN_INTERP_LINEAR, 0, &maps, err))
        goto out;
    gn_tensor_free(&b->maps);
    if (!b->labels) {
        gn_tensor_free(&b->out);
        b->out = maps;
        return 0;
    }
    gn_tensor_free(&b->out);
    if (gn_decode_tensor(&maps, b->decode.decode, b->decode.threshold, b->decode.value, &b->out,
                         err) ||
        gn_tensor_new4(&ones, GN_UINT8, 1, b->size[2], b->size[1], b->size[0], err))
        goto out;
    memset(ones.data, 1, (size_t)gn_grid_voxels(b->size));
    if (gn_resample(&ones, b->map, b->to_size, GN_INTERP_NEAREST, 0, &inside, err))
        goto out;
    for (int64_t i = 0; i < gn_grid_voxels(b->to_size); i++)
        if (!((const uint8_t *)inside.data)[i])
            gn_tensor_set(&b->out, i, 0);
    rc = 0;
out:
    gn_tensor_free(&maps);
    gn_tensor_free(&ones);
    gn_tensor_free(&inside);
    return rc;
}

int gn_slab_finish(struct gn_slab *b, struct gn_tensor *out, struct gn_err *err)
{
    if (b->planes != b->size[2])
        return gn_err_set(err, "%lld of %lld planes came", (long long)b->planes,
                          (long long)b->size[2]);
    if (b->whole && decode_whole(b, err))
        return -1;
    *out = b->out;
    b->out = (struct gn_tensor){ 0 };
    return 0;
}
