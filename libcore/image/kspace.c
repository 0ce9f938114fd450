/* kspace.c - masks along one axis as matrix products, ghosts and motion; see kspace.h. */
#include "image/kspace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/isa.h"
#include "base/mem.h"
#include "base/pool.h"
#include "image/geometry.h"
#include "image/warp.h"

const struct gn_gemm *gn_gemm_use(void) { return GN_ISA_PICK(gn_gemm); }

/* ---- the filter of a mask ---- */

/* y = C x for n values, folded: 2 * parts blocks, each rows x rows and zeros around. */
struct filter {
    int parts;
    int64_t n, h, half; /* n = parts * h; rows of a block: half = (h + 1) / 2 */
    int64_t rows;       /* half, rounded up to 16 */
    float *block;       /* columns: half wide, rows high; along rows: half high, rows wide */
};

static void filter_free(struct filter *f)
{
    free(f->block);
    f->block = NULL;
}

/* along_rows: the blocks are transposed, to stand right of the image in a product. */
static int filter_new(struct filter *f, const double *mask, int64_t n, bool along_rows,
                      struct gn_err *err)
{
    int64_t h = n % 2 ? n : n / 2, half = (h + 1) / 2, rows = (half + 15) / 16 * 16;
    *f = (struct filter){.parts = n % 2 ? 1 : 2, .n = n, .h = h, .half = half, .rows = rows};
    const double turn = 2 * acos(-1.0) / (double)n;
    size_t size = 0;
    int rc = -1;
    double *cosine = gn_try_alloc((size_t)(3 * n) * sizeof *cosine, err);
    if (!cosine || gn_mul_size((size_t)(half * rows), (size_t)f->parts * 2 * sizeof(float), &size,
                               err))
        goto out;
    f->block = gn_try_alloc(size, err);
    if (!f->block)
        goto out;
    double *c = cosine + n, *t = c + n; /* the kernel; the kernel of one part */
    for (int64_t i = 0; i < n; i++)
        cosine[i] = cos(turn * (double)i);
    for (int64_t d = 0; d < n; d++) {
        /* frequency s - n/2, so phase (s - n/2) d, from -(n/2) d on */
        int64_t at = (n - n / 2 * d % n) % n;
        for (int64_t s = 0; s < n; s++) {
            c[d] += mask[s] * cosine[at];
            at += d;
            at -= at >= n ? n : 0;
        }
        c[d] /= (double)n;
    }
    for (int part = 0; part < f->parts; part++) {
        for (int64_t d = 0; d < h; d++)
            t[d] = f->parts == 1 ? c[d] : part ? (c[d] - c[d + h]) / 2 : (c[d] + c[d + h]) / 2;
        for (int odd = 0; odd < 2; odd++) {
            float *block = f->block + (2 * part + odd) * half * rows;
            for (int64_t i = 0; i < half; i++)
                for (int64_t j = 0; j < half; j++) {
                    /* the middle of an odd h was folded onto itself: it counts twice */
                    double middle = j == h - 1 - j ? 0.5 : 1;
                    double far = t[llabs(i + j - (h - 1))];
                    double v = (t[llabs(i - j)] + (odd ? -far : far)) / 2 * middle;
                    block[along_rows ? j * rows + i : i * half + j] = (float)v;
                }
        }
    }
    rc = 0;
out:
    free(cosine);
    if (rc)
        filter_free(f);
    return rc;
}

/* Columns of a slab: they are read in full cache lines, and slabs stay in the first caches. */
enum { PANELS = 4, COLUMNS = PANELS * GN_PANEL, SLAB_ROWS = 16 };

/* Floats that columns() needs. */
static int64_t column_scratch(const struct filter *f)
{
    int64_t blocks = 2 * f->parts, panel = blocks * (f->half + f->rows) * GN_PANEL;
    return PANELS * panel + 3 * f->n * GN_PANEL;
}

static void copy_columns(float *to, int64_t to_stride, const float *from, int64_t stride,
                         int64_t n, int64_t width)
{
    for (int64_t i = 0; i < n; i++)
        memcpy(to + i * to_stride, from + i * stride, (size_t)width * sizeof *to);
}

static void panels_of(const struct filter *f, const struct gn_gemm *g, int panels, const float *x,
                      int64_t xs, const float *minus, int64_t ms, float *y, int64_t ys, bool add,
                      float *scratch)
{
    const int blocks = 2 * f->parts;
    float *in = scratch, *out = scratch + PANELS * blocks * f->half * GN_PANEL;
    g->fold(f->parts, f->h, panels, x, xs, minus, ms, in);
    for (int p = 0; p < panels; p++)
        for (int b = 0; b < blocks; b++)
            g->multiply((f->half + 7) / 8 * 8, GN_PANEL, f->half,
                        f->block + b * f->half * f->rows, f->half,
                        in + (p * blocks + b) * f->half * GN_PANEL, GN_PANEL,
                        out + (p * blocks + b) * f->rows * GN_PANEL, GN_PANEL);
    g->unfold(f->parts, f->h, panels, out, f->rows, y, ys, add);
}

/* y = C (x - minus), or y += that, for width columns side by side; minus may be NULL. y may be
 * x. */
static void columns(const struct filter *f, const struct gn_gemm *g, int64_t width,
                    const float *x, int64_t xs, const float *minus, int64_t ms, float *y,
                    int64_t ys, bool add, float *scratch)
{
    float *edge = scratch + column_scratch(f) - 3 * f->n * GN_PANEL;
    int64_t at = 0;
    while (width - at >= GN_PANEL) {
        int64_t panels = (width - at) / GN_PANEL;
        panels = panels < PANELS ? panels : PANELS;
        panels_of(f, g, (int)panels, x + at, xs, minus ? minus + at : NULL, ms, y + at, ys, add,
                  scratch);
        at += panels * GN_PANEL;
    }
    if (at < width) { /* less than a panel: with zeros beside it */
        int64_t rest = width - at, size = f->n * GN_PANEL;
        memset(edge, 0, (size_t)(3 * size) * sizeof *edge);
        copy_columns(edge, GN_PANEL, x + at, xs, f->n, rest);
        if (minus)
            copy_columns(edge + size, GN_PANEL, minus + at, ms, f->n, rest);
        if (add)
            copy_columns(edge + 2 * size, GN_PANEL, y + at, ys, f->n, rest);
        panels_of(f, g, 1, edge, GN_PANEL, minus ? edge + size : NULL, GN_PANEL, edge + 2 * size,
                  GN_PANEL, add, scratch);
        copy_columns(y + at, ys, edge + 2 * size, GN_PANEL, f->n, rest);
    }
}

/* count contiguous rows of f->n, in place. */
static void rows(const struct filter *f, const struct gn_gemm *g, int64_t count, float *x,
                 float *scratch)
{
    const int blocks = 2 * f->parts;
    const int64_t row = f->rows, block = SLAB_ROWS * row;
    float *in = scratch, *out = scratch + blocks * block;
    for (int64_t r = 0; r < count; r++)
        g->fold_row(f->parts, f->h, x + r * f->n, in + r * row, block);
    for (int b = 0; b < blocks; b++)
        g->multiply((count + 7) / 8 * 8, row, f->half, in + b * block, row,
                    f->block + b * f->half * row, row, out + b * block, row);
    for (int64_t r = 0; r < count; r++)
        g->unfold_row(f->parts, f->h, out + r * row, block, x + r * f->n);
}

struct mask_job {
    const struct filter *f;
    const struct gn_gemm *g;
    float *x;
    int64_t inner, slabs, total; /* columns: those of a group, slabs of a group; rows: in all */
    float *scratch;
    int64_t scratch_size; /* of a thread, floats */
};

static void mask_rows(void *arg, size_t i, int thread)
{
    const struct mask_job *j = arg;
    int64_t from = (int64_t)i * SLAB_ROWS, left = j->total - from;
    rows(j->f, j->g, left < SLAB_ROWS ? left : SLAB_ROWS, j->x + from * j->f->n,
         j->scratch + thread * j->scratch_size);
}

static void mask_columns(void *arg, size_t i, int thread)
{
    const struct mask_job *j = arg;
    int64_t group = (int64_t)i / j->slabs, from = (int64_t)i % j->slabs * COLUMNS;
    int64_t left = j->inner - from;
    float *x = j->x + group * j->f->n * j->inner + from;
    columns(j->f, j->g, left < COLUMNS ? left : COLUMNS, x, j->inner, NULL, 0, x, j->inner, false,
            j->scratch + thread * j->scratch_size);
}

int gn_kspace_mask(struct gn_tensor *t, int axis, const double *mask, struct gn_err *err)
{
    const int64_t *size = t->shape, n = size[3 - axis];
    struct filter f = {0};
    int rc = -1;
    if (filter_new(&f, mask, n, axis == 0, err))
        return -1;
    struct mask_job j = {.f = &f, .g = gn_gemm_use(), .x = t->data};
    j.inner = axis == 1 ? size[3] : size[2] * size[3];
    j.slabs = (j.inner + COLUMNS - 1) / COLUMNS;
    j.total = gn_tensor_count(t) / n;
    j.scratch_size = axis == 0 ? 4 * f.parts * SLAB_ROWS * f.rows : column_scratch(&f);
    j.scratch = gn_try_alloc((size_t)(gn_pool_threads() * j.scratch_size) * sizeof(float), err);
    if (!j.scratch)
        goto out;
    if (axis == 0)
        gn_pool_run((size_t)((j.total + SLAB_ROWS - 1) / SLAB_ROWS), mask_rows, &j);
    else
        gn_pool_run((size_t)(j.total / j.inner * j.slabs), mask_columns, &j);
    rc = 0;
out:
    free(j.scratch);
    filter_free(&f);
    return rc;
}

int gn_kspace_ghost(struct gn_tensor *t, int axis, int64_t ghosts, double intensity,
                    struct gn_err *err)
{
    int64_t n = t->shape[3 - axis];
    if (ghosts <= 0 || intensity == 0)
        return 0;
    double *mask = gn_try_alloc((size_t)n * sizeof *mask, err);
    if (!mask)
        return -1;
    for (int64_t i = 0; i < n; i++)
        mask[i] = i % ghosts == 0 && i != n / 2 ? 1 - intensity : 1;
    int rc = gn_kspace_mask(t, axis, mask, err);
    free(mask);
    return rc;
}

/* ---- motion ---- */

/* The map of a rigid motion in voxels, about the middle of size or the world's origin. */
static int motion_map(const double affine[12], const int64_t size[3], const double degrees[3],
                      const double translation[3], bool origin, double map[12], struct gn_err *err)
{
    const bool flat = size[2] == 1;
    const double rad = acos(-1.0) / 180, ras[3] = {-1, -1, 1};
    double c[3], s[3], voxel[12], mm[12], inverse[12], turn[12] = {0};
    for (int k = 0; k < 3; k++) {
        double a = flat && k < 2 ? 0 : degrees[k] * rad;
        c[k] = cos(a);
        s[k] = sin(a);
    }
    /* Rz Rx Ry */
    const double r[3][3] = {
        {c[2] * c[1] - s[2] * s[0] * s[1], -s[2] * c[0], c[2] * s[1] + s[2] * s[0] * c[1]},
        {s[2] * c[1] + c[2] * s[0] * s[1], c[2] * c[0], s[2] * s[1] - c[2] * s[0] * c[1]},
        {-c[0] * s[1], s[0], c[0] * c[1]}};
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++)
            turn[4 * i + k] = ras[i] * r[i][k] * ras[k];
        turn[4 * i + 3] = flat && i == 2 ? 0 : ras[i] * translation[i];
    }
    gn_affine_turning(affine, size, mm);
    for (int k = 0; k < 11; k++)
        origin &= k % 4 == 3 || mm[k] == affine[k]; /* not of a plane that lies askew */
    for (int i = 0; origin && i < 3; i++)
        mm[4 * i + 3] = affine[4 * i + 3];
    if (gn_affine_invert(mm, inverse, err))
        return -1;
    gn_affine_multiply(turn, mm, voxel);
    gn_affine_multiply(inverse, voxel, map);
    if (flat) /* a plane stays in itself */
        for (int k = 0; k < 4; k++)
            map[8 + k] = k == 2;
    for (int i = 0; !origin && i < 3; i++)
        for (int k = 0; k < 3; k++)
            map[4 * i + 3] += ((i == k) - map[4 * i + k]) * (double)(size[k] - 1) / 2;
    return 0;
}

struct move {
    int n; /* moved images that fill some of k-space */
    struct gn_warp *warp;
    struct filter *filter;
    double *mask; /* of each, one value an index */
};

static void move_free(struct move *m)
{
    for (int i = 0; i < m->n; i++) {
        gn_warp_free(&m->warp[i]);
        filter_free(&m->filter[i]);
    }
    free(m->warp);
    free(m->filter);
    free(m->mask);
}

/* Which segment each image fills, along an axis of n; images without one are left out. */
static int move_new(struct move *m, const double affine[12], const int64_t size[3], int64_t n,
                    const struct gn_motion *motion, struct gn_err *err)
{
    int still = motion->n, rc = -1; /* the segment of the image as it is */
    size_t cells;
    *m = (struct move){0};
    if (gn_mul_size((size_t)n, (size_t)motion->n * sizeof *m->mask + 1, &cells, err))
        return -1;
    m->warp = gn_try_alloc((size_t)motion->n * sizeof *m->warp + 1, err);
    m->filter = gn_try_alloc((size_t)motion->n * sizeof *m->filter + 1, err);
    m->mask = gn_try_alloc(cells, err);
    if (!m->warp || !m->filter || !m->mask)
        goto out;
    for (int k = motion->n - 1; k >= 0; k--)
        if (motion->time[k] > 0.5)
            still = k;
    int64_t from = 0;
    for (int k = 0; k <= motion->n; k++) {
        double end = k < motion->n ? (double)n * motion->time[k] : (double)n;
        int64_t to = (int64_t)fmin(fmax(end, (double)from), (double)n);
        int image = (k ? k : still) - 1; /* the first segment is that of the image still away */
        if (to > from && k != still) {
            double map[12], *mask = m->mask + m->n * n;
            memset(mask, 0, (size_t)n * sizeof *mask);
            for (int64_t i = from; i < to; i++)
                mask[i] = 1;
            if (motion_map(affine, size, motion->degrees + 3 * image,
                           motion->translation + 3 * image, motion->origin, map, err) ||
                filter_new(&m->filter[m->n], mask, n, false, err))
                goto out;
            gn_warp_add_matrix(&m->warp[m->n++], map);
        }
        from = to;
    }
    rc = 0;
out:
    return rc;
}

struct move_job {
    const struct move *m;
    const struct gn_gemm *g;
    const struct gn_tensor *before; /* one component */
    float *x;                       /* the same, becoming the result */
    bool flat;
    int64_t width; /* of an item: rows y of all planes; flat: columns x */
    double fill;
    enum gn_interp interp;
    float *scratch;
    int64_t scratch_size;
    struct gn_err *err; /* of each thread */
};

static void move_slab(void *arg, size_t item, int thread)
{
    const struct move_job *j = arg;
    const int64_t *s = j->before->shape, size[3] = {s[3], s[2], s[1]};
    const struct gn_box all = {{0, 0, 0}, {size[0], size[1], size[2]}};
    struct gn_box want = all;
    const int split = j->flat ? 0 : 1;
    want.origin[split] = (int64_t)item * j->width;
    want.size[split] = size[split] - want.origin[split];
    if (want.size[split] > j->width)
        want.size[split] = j->width;
    const int64_t stride = j->flat ? size[0] : size[0] * size[1];
    const int64_t side = j->flat ? want.size[0] : size[0] * want.size[1];
    const int64_t at = j->flat ? want.origin[0] : want.origin[1] * size[0];
    for (int k = 0; k < j->m->n; k++) {
        struct gn_tensor moved = {0};
        if (gn_warp_run(&j->m->warp[k], j->before, &all, size, &want, j->interp, &j->fill, &moved,
                        &j->err[thread]))
            return;
        columns(&j->m->filter[k], j->g, side, moved.data, side, (const float *)j->before->data + at,
                stride, j->x + at, stride, true, j->scratch + thread * j->scratch_size);
        gn_tensor_free(&moved);
    }
}

/* The same along an axis that is not the usual one, of one component x: whole moved images. */
static int move_whole(const struct move *m, const struct gn_tensor *before, int axis, double fill,
                      enum gn_interp interp, float *x, struct gn_err *err)
{
    const int64_t *s = before->shape, size[3] = {s[3], s[2], s[1]}, n = gn_grid_voxels(size);
    const struct gn_box all = {{0, 0, 0}, {size[0], size[1], size[2]}};
    const float *was = before->data;
    for (int k = 0; k < m->n; k++) {
        struct gn_tensor moved = {0};
        if (gn_warp_run(&m->warp[k], before, &all, size, &all, interp, &fill, &moved, err))
            return -1;
        float *v = moved.data;
        for (int64_t i = 0; i < n; i++)
            v[i] -= was[i];
        int rc = gn_kspace_mask(&moved, axis, m->mask + k * size[axis], err);
        for (int64_t i = 0; rc == 0 && i < n; i++)
            x[i] += v[i];
        gn_tensor_free(&moved);
        if (rc)
            return -1;
    }
    return 0;
}

enum { MOVE_COLUMNS = 256 };

/* The image as it is, and of each moved image what differs in its segment: the masks sum to 1. */
int gn_kspace_move(struct gn_tensor *t, const double affine[12], const struct gn_motion *motion,
                   const double *fill, struct gn_err *err)
{
    const int64_t size[3] = {t->shape[3], t->shape[2], t->shape[1]};
    const int64_t voxels = gn_grid_voxels(size);
    const int threads = gn_pool_threads();
    const bool flat = size[2] == 1;
    const int usual = flat ? 1 : 2, axis = motion->axis < 0 ? usual : motion->axis;
    struct move m = {0};
    struct gn_tensor before = {0};
    struct move_job j = {.m = &m, .g = gn_gemm_use(), .before = &before, .flat = flat,
                         .interp = motion->interp};
    int rc = -1;
    if (flat && axis == 2)
        return gn_err_set(err, "axis: an image of one plane has no z");
    if (move_new(&m, affine, size, size[axis], motion, err))
        goto out;
    rc = 0;
    if (m.n == 0)
        goto out;
    rc = -1;
    j.scratch_size = column_scratch(&m.filter[0]);
    j.scratch = gn_try_alloc((size_t)(threads * j.scratch_size) * sizeof(float), err);
    j.err = gn_try_alloc((size_t)threads * sizeof *j.err, err);
    if (!j.scratch || !j.err ||
        gn_tensor_new4(&before, GN_FLOAT32, 1, size[2], size[1], size[0], err))
        goto out;
    j.width = flat ? MOVE_COLUMNS : (MOVE_COLUMNS + size[0] - 1) / size[0];
    for (int64_t c = 0; c < t->shape[0]; c++) {
        const int64_t across = size[flat ? 0 : 1];
        j.x = (float *)t->data + c * voxels;
        j.fill = fill[c];
        memcpy(before.data, j.x, (size_t)voxels * sizeof *j.x);
        if (axis != usual) {
            if (move_whole(&m, &before, axis, j.fill, motion->interp, j.x, err))
                goto out;
            continue;
        }
        gn_pool_run((size_t)((across + j.width - 1) / j.width), move_slab, &j);
        for (int k = 0; k < threads; k++)
            if (j.err[k].code) {
                gn_err_set(err, "%s", j.err[k].text);
                goto out;
            }
    }
    rc = 0;
out:
    gn_tensor_free(&before);
    free(j.scratch);
    free(j.err);
    move_free(&m);
    return rc;
}
