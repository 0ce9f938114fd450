/* slab.c - boxes of class maps to labels or maps on another grid.
 *
 * Along an axis that is interpolated, an output lies between two voxels; the first may be of the
 * box before. So the last plane of a layer of boxes is kept until the next layer is done, the last
 * rows of a row of boxes until the next row is, and the last column of a box for the next box. */
#include "image/slab.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "image/geometry.h"
#include "image/resample.h"

/* What is kept: of the boxes before, and of those that come now. */
struct halo {
    float *before, *now;
    size_t n;
};

struct gn_slab {
    int64_t size[3], to_size[3];
    int classes;
    bool same;               /* no map: voxels are taken as they are */
    bool whole;              /* not separable: maps collect */
    double map[12];
    int64_t next[3];         /* where the next box starts */
    struct gn_slab_decode decode;
    bool labels;
    int follows[3];          /* the output axis that each axis of the maps follows */
    int64_t step[3];         /* of the output's axes, in elements */
    struct gn_axis axis[3];  /* by axis of the maps */
    struct halo plane;       /* [class][y][x]: before the layer of boxes */
    struct halo rows;        /* [class][z][x]: before the row of boxes */
    float *column;           /* [class][z][y]: before the box */
    size_t column_n;
    float *scratch;          /* rows for each thread */
    int64_t *label_row;
    struct gn_tensor maps, out;
};

/* The voxel that an output index waits for. */
static int64_t completes(const struct gn_axis *a, int64_t k)
{
    return a->w[k] == 0 ? a->i0[k] : a->i1[k];
}

/* Output indices that voxels lo .. hi-1 complete; a map has one direction, so they are a run. */
struct run {
    int64_t lo, hi;
};

static struct run completed(const struct gn_axis *a, int64_t lo, int64_t hi)
{
    struct run r = { a->lo, a->lo };
    while (r.lo < a->hi && (completes(a, r.lo) < lo || completes(a, r.lo) >= hi))
        r.lo++;
    r.hi = r.lo;
    while (r.hi < a->hi && completes(a, r.hi) >= lo && completes(a, r.hi) < hi)
        r.hi++;
    return r;
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
        size_t bytes;
        if (gn_mul_size((size_t)(size[0] * size[1]), (size_t)classes, &b->plane.n, err) ||
            gn_mul_size(b->plane.n, sizeof(float), &bytes, err))
            goto fail;
        b->plane.before = gn_try_alloc(bytes, err);
        if (!b->plane.before)
            goto fail;
        for (int k = 0; k < 3; k++)
            if (gn_axis_init(&b->axis[k], n[b->follows[k]], size[k], map[4 * k + b->follows[k]],
                             map[4 * k + 3], GN_INTERP_LINEAR, err))
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
    free(b->plane.before);
    free(b->plane.now);
    free(b->rows.before);
    free(b->rows.now);
    free(b->column);
    free(b->scratch);
    free(b->label_row);
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
        held = gn_resample_separable(map, axis) ? 2 * plane : plane * (double)size[2];
    if (!decode)
        return held + 4.0 * classes * cells;
    return held + cells * (double)gn_dtype_size(gn_decode_dtype(decode->value, classes));
}

struct box_job {
    struct gn_slab *b;
    const struct gn_stitch_box *box;
    int64_t n[3];       /* voxels of the box */
    struct run done[3]; /* output indices, by axis of the maps */
};

static const float *box_row(const struct box_job *j, int c, int64_t z, int64_t y)
{
    const struct gn_stitch_box *box = j->box;
    return box->data + c * box->step[2] + (z - box->lo[2]) * box->step[1] +
           (y - box->lo[1]) * box->step[0];
}

static void same_row(void *arg, size_t item, int thread)
{
    const struct box_job *j = arg;
    struct gn_slab *b = j->b;
    const int64_t nx = b->size[0], z = j->box->lo[2] + (int64_t)item / j->n[1];
    const int64_t y = j->box->lo[1] + (int64_t)item % j->n[1];
    const int64_t at = (z * b->size[1] + y) * nx + j->box->lo[0];
    const float *row = box_row(j, 0, z, y);
    if (b->labels && b->same) {
        int64_t *label = b->label_row + thread * nx;
        gn_decode_labels(row, j->box->step[2], b->classes, j->n[0], b->decode.decode,
                         b->decode.threshold, b->decode.value, label);
        gn_decode_store(&b->out, at, 1, label, j->n[0]);
        return;
    }
    float *out = b->whole ? b->maps.data : b->out.data;
    for (int c = 0; c < b->classes; c++)
        memcpy(out + c * gn_grid_voxels(b->size) + at, row + c * j->box->step[2],
               (size_t)j->n[0] * sizeof *row);
}

/* A row of a map over the box, and what lies left of it. */
struct piece {
    const float *row, *left;
};

static struct piece piece_at(const struct box_job *j, int c, int64_t z, int64_t y)
{
    const struct gn_slab *b = j->b;
    const int64_t *lo = j->box->lo, nx = b->size[0];
    const float *row;
    if (z < lo[2]) {
        row = b->plane.before + (c * b->size[1] + y) * nx + lo[0];
    } else if (y < lo[1]) {
        row = b->rows.before + (c * j->n[2] + z - lo[2]) * nx + lo[0];
    } else {
        row = box_row(j, c, z, y);
        return (struct piece){
            row, lo[0] ? b->column + (c * j->n[2] + z - lo[2]) * j->n[1] + y - lo[1] : NULL
        };
    }
    return (struct piece){ row, lo[0] ? row - 1 : NULL };
}

/* The row between two, w of the way from the first, or the first; in room, where room[x] is voxel
 * x, unless it is there as a whole (a gather may read all of a row). */
static const float *between(const struct box_job *j, struct piece p, struct piece q, float w,
                            float *room)
{
    const int64_t x = j->box->lo[0], n = j->n[0];
    if (w == 0 && n == j->b->size[0])
        return p.row;
    if (w == 0) {
        memcpy(room + x, p.row, (size_t)n * sizeof *room);
        if (p.left)
            room[x - 1] = *p.left;
        return room;
    }
    gn_row_lerp(room + x, p.row, q.row, w, n);
    if (p.left)
        gn_row_lerp(room + x - 1, p.left, q.left, w, 1);
    return room;
}

/* One row of the output, as far as the box completes it: interpolated along z, y, x, in
 * gn_resample's order. */
static void mapped_row(void *arg, size_t item, int thread)
{
    const struct box_job *j = arg;
    struct gn_slab *b = j->b;
    const struct gn_axis *ay = &b->axis[1], *az = &b->axis[2];
    struct gn_axis ax = b->axis[0];
    const int64_t nx = b->size[0], rows = j->done[1].hi - j->done[1].lo;
    const int64_t kz = j->done[2].lo + (int64_t)item / rows;
    const int64_t ky = j->done[1].lo + (int64_t)item % rows;
    const int64_t from = j->box->lo[0] ? j->box->lo[0] - 1 : 0, len = j->box->hi[0] - from;
    float *p = b->scratch + thread * (2 * nx + ax.n * b->classes), *q = p + nx, *out = q + nx;
    ax.lo = j->done[0].lo;
    ax.hi = j->done[0].hi;
    for (int c = 0; c < b->classes; c++) {
        const float *row[2] = { NULL, NULL };
        for (int k = 0; k < 2 && (k == 0 || ay->w[ky] != 0); k++) {
            const int64_t y = k ? ay->i1[ky] : ay->i0[ky];
            struct piece first = piece_at(j, c, az->i0[kz], y), second = first;
            if (az->w[kz] != 0)
                second = piece_at(j, c, az->i1[kz], y);
            row[k] = between(j, first, second, az->w[kz], k ? q : p);
        }
        if (row[1]) {
            gn_row_lerp(p + from, row[0] + from, row[1] + from, ay->w[ky], len);
            row[0] = p;
        }
        gn_row_gather(out + c * ax.n, row[0], &ax);
    }
    const int64_t n = ax.hi - ax.lo, sx = b->step[b->follows[0]];
    const int64_t first = kz * b->step[b->follows[2]] + ky * b->step[b->follows[1]] + ax.lo * sx;
    if (b->labels) {
        int64_t *label = b->label_row + thread * ax.n;
        gn_decode_labels(out + ax.lo, ax.n, b->classes, n, b->decode.decode, b->decode.threshold,
                         b->decode.value, label);
        gn_decode_store(&b->out, first, sx, label, n);
        return;
    }
    const int64_t cells = gn_grid_voxels(b->to_size);
    for (int c = 0; c < b->classes; c++)
        for (int64_t x = 0; x < n; x++)
            ((float *)b->out.data)[c * cells + first + x * sx] = out[c * ax.n + ax.lo + x];
}

/* Room for n floats; what was there is no longer needed. */
static int make_room(float **p, size_t have, size_t n, struct gn_err *err)
{
    if (*p && have >= n)
        return 0;
    free(*p);
    *p = gn_try_alloc(n * sizeof **p, err);
    return *p ? 0 : -1;
}

/* Room for what will be kept of a box, the first of its layer or row. */
static int make_halos(const struct box_job *j, struct gn_err *err)
{
    struct gn_slab *b = j->b;
    const int64_t *lo = j->box->lo, *hi = j->box->hi;
    const size_t maps = (size_t)b->classes, deep = maps * (size_t)j->n[2];
    bool part[2] = { lo[0] || hi[0] < b->size[0], lo[1] || hi[1] < b->size[1] };
    if ((part[0] || part[1]) && make_room(&b->plane.now, b->plane.n, b->plane.n, err))
        return -1;
    if (part[1] && !lo[0] && !lo[1]) {
        const size_t n = deep * (size_t)b->size[0];
        if (make_room(&b->rows.before, b->rows.n, n, err) ||
            make_room(&b->rows.now, b->rows.n, n, err))
            return -1;
        b->rows.n = n > b->rows.n ? n : b->rows.n;
    }
    if (part[0] && !lo[0]) {
        const size_t n = deep * (size_t)j->n[1];
        if (make_room(&b->column, b->column_n, n, err))
            return -1;
        b->column_n = n > b->column_n ? n : b->column_n;
    }
    return 0;
}

/* Keep the box's last column, rows and plane of one map for those that come. */
static void keep_map(void *arg, size_t map, int thread)
{
    const struct box_job *j = arg;
    struct gn_slab *b = j->b;
    const int64_t *lo = j->box->lo, *hi = j->box->hi, *size = b->size, *n = j->n;
    const size_t bytes = (size_t)n[0] * sizeof(float);
    const int c = (int)map;
    (void)thread;
    for (int64_t z = lo[2]; z < hi[2]; z++) {
        for (int64_t y = lo[1]; y < hi[1] && hi[0] < size[0]; y++)
            b->column[(c * n[2] + z - lo[2]) * n[1] + y - lo[1]] = box_row(j, c, z, y)[n[0] - 1];
        if (hi[1] < size[1])
            memcpy(b->rows.now + (c * n[2] + z - lo[2]) * size[0] + lo[0],
                   box_row(j, c, z, hi[1] - 1), bytes);
    }
    float *plane = b->plane.now ? b->plane.now : b->plane.before; /* no box of a layer follows */
    for (int64_t y = lo[1]; y < hi[1] && hi[2] < size[2]; y++)
        memcpy(plane + (c * size[1] + y) * size[0] + lo[0], box_row(j, c, hi[2] - 1, y), bytes);
}

static void swap(struct halo *h)
{
    float *t = h->before;
    if (!h->now)
        return;
    h->before = h->now;
    h->now = t;
}

static int map_box(struct box_job *j, struct gn_err *err)
{
    struct gn_slab *b = j->b;
    const int64_t *hi = j->box->hi;
    int64_t items = 1;
    for (int k = 0; k < 3; k++)
        j->done[k] = completed(&b->axis[k], j->box->lo[k], hi[k]);
    items = (j->done[2].hi - j->done[2].lo) * (j->done[1].hi - j->done[1].lo);
    if (make_halos(j, err))
        return -1;
    if (items > 0 && j->done[0].hi > j->done[0].lo)
        gn_pool_run((size_t)items, mapped_row, j);
    gn_pool_run((size_t)b->classes, keep_map, j);
    if (hi[0] == b->size[0]) {
        swap(&b->rows);
        if (hi[1] == b->size[1])
            swap(&b->plane);
    }
    return 0;
}

int gn_slab_box(void *slab, const struct gn_stitch_box *box, struct gn_err *err)
{
    struct gn_slab *b = slab;
    struct box_job j = { .b = b, .box = box };
    for (int k = 0; k < 3; k++) {
        j.n[k] = box->hi[k] - box->lo[k];
        if (box->lo[k] != b->next[k] || j.n[k] < 1 || box->hi[k] > b->size[k])
            return gn_err_set(err,
                              "a box at %lld %lld %lld came when one at %lld %lld %lld was due",
                              (long long)box->lo[0], (long long)box->lo[1], (long long)box->lo[2],
                              (long long)b->next[0], (long long)b->next[1], (long long)b->next[2]);
    }
    if (b->same || b->whole)
        gn_pool_run((size_t)(j.n[1] * j.n[2]), same_row, &j);
    else if (map_box(&j, err))
        return -1;
    for (int k = 0; k < 3; k++) {
        b->next[k] = box->hi[k];
        if (box->hi[k] < b->size[k])
            break;
        b->next[k] = k < 2 ? 0 : b->size[k];
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
    if (b->next[2] != b->size[2])
        return gn_err_set(err, "%lld of %lld planes came", (long long)b->next[2],
                          (long long)b->size[2]);
    if (b->whole && decode_whole(b, err))
        return -1;
    *out = b->out;
    b->out = (struct gn_tensor){ 0 };
    return 0;
}
