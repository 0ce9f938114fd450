/* crop.c - parts of images, padding, orientation. */
#include "image/crop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/isa.h"
#include "base/mem.h"
#include "base/pool.h"
#include "image/warp_private.h"

const char *const gn_pad_names[] = {
    "constant", "edge", "reflect", "symmetric", "wrap", "mean", "median", "minimum", "maximum",
    "linear_ramp", NULL
};

/* Where voxel i of an axis of n voxels is read, -1: it is padding. */
static int64_t source_index(int64_t i, int64_t n, enum gn_pad mode)
{
    if (i >= 0 && i < n)
        return i;
    int64_t period, k;
    switch (mode) {
    case GN_PAD_EDGE:
        return i < 0 ? 0 : n - 1;
    case GN_PAD_WRAP:
        return (i % n + n) % n;
    case GN_PAD_REFLECT:
        period = n > 1 ? 2 * n - 2 : 1;
        k = (i % period + period) % period;
        return k < n ? k : period - k;
    case GN_PAD_SYMMETRIC:
        period = 2 * n;
        k = (i % period + period) % period;
        return k < n ? k : period - 1 - k;
    default:
        return -1;
    }
}

/* Copy n elements of size item from index table x (-1: leave) of one row. */
static void pick_row(char *to, const char *from, const int64_t *x, int64_t n, size_t item)
{
    int64_t i = 0;
    while (i < n) {
        int64_t run = 1; /* neighbours in both rows are copied at once */
        if (x[i] >= 0) {
            while (i + run < n && x[i + run] == x[i] + run)
                run++;
            memcpy(to + (size_t)i * item, from + (size_t)x[i] * item, (size_t)run * item);
        }
        i += run;
    }
}

struct cut_job {
    const struct gn_tensor *in;
    struct gn_tensor *out;
    int64_t *index[3];
};

static void cut_plane(void *arg, size_t plane, int thread)
{
    const struct cut_job *j = arg;
    const size_t item = gn_dtype_size(j->in->dtype);
    const int64_t nz = j->out->shape[1], ny = j->out->shape[2], nx = j->out->shape[3];
    const int64_t c = (int64_t)plane / nz, z = j->index[2][(int64_t)plane % nz];
    (void)thread;
    for (int64_t y = 0; y < ny && z >= 0; y++) {
        int64_t iy = j->index[1][y];
        if (iy < 0)
            continue;
        const char *from = j->in->data;
        char *to = j->out->data;
        int64_t row = (c * j->in->shape[1] + z) * j->in->shape[2] + iy;
        from += (size_t)(row * j->in->shape[3]) * item;
        to += (size_t)(((int64_t)plane * ny + y) * nx) * item;
        pick_row(to, from, j->index[0], nx, item);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Long integers as such: double would take neighbours beyond 2^53 for equal. */
static bool below(const struct gn_tensor *t, int64_t a, int64_t b)
{
    if (t->dtype == GN_INT64)
        return ((const int64_t *)t->data)[a] < ((const int64_t *)t->data)[b];
    if (t->dtype == GN_UINT64)
        return ((const uint64_t *)t->data)[a] < ((const uint64_t *)t->data)[b];
    return gn_tensor_get(t, a) < gn_tensor_get(t, b);
}

/* Pad a line of total elements, step apart from `at` on, with the least or largest of the n from
 * its index first on. */
static void pad_extreme(struct gn_tensor *t, int64_t at, int64_t step, int64_t first, int64_t n,
                        int64_t total, bool least)
{
    const size_t item = gn_dtype_size(t->dtype);
    char *data = t->data;
    int64_t best = at + first * step;
    for (int64_t i = first + 1; i < first + n; i++)
        if (least ? below(t, at + i * step, best) : below(t, best, at + i * step))
            best = at + i * step;
    for (int64_t i = 0; i < total; i++)
        if (i < first || i >= first + n)
            memcpy(data + (size_t)(at + i * step) * item, data + (size_t)best * item, item);
}

/* Step k of n from zero to edge, in the order of numpy.linspace's arithmetic, which numpy.pad
 * calls: the step first, or, where the step of any line of this side is zero, the share first;
 * integers are rounded down. */
static double ramp(double edge, int64_t k, int64_t n, bool any_zero, bool whole)
{
    double y = any_zero ? (double)k / (double)n * edge : (double)k * (edge / (double)n);
    return whole ? floor(y) : y + 0.0; /* + 0.0: never -0 */
}

/* Pad a line: v holds n values from its index first on, room for total. any_zero: for ramp(), of
 * the sides before and behind; whole: of integers. */
static void pad_line(double *v, int64_t first, int64_t n, int64_t total, enum gn_pad mode,
                     const bool any_zero[2], bool whole, double *sorted)
{
    double fill = 0;
    if (mode == GN_PAD_MEDIAN) {
        memcpy(sorted, v + first, (size_t)n * sizeof *v);
        qsort(sorted, (size_t)n, sizeof *sorted, by_value);
        fill = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    } else {
        for (int64_t i = 0; i < n; i++)
            fill += v[first + i];
        fill /= (double)n;
    }
    for (int64_t i = 0; i < total; i++) {
        if (i >= first && i < first + n)
            continue;
        if (mode != GN_PAD_RAMP)
            v[i] = fill;
        else if (i < first)
            v[i] = ramp(v[first], i, first, any_zero[0], whole);
        else
            v[i] = ramp(v[first + n - 1], total - 1 - i, total - first - n, any_zero[1], whole);
    }
}

/* The averaging modes: an axis after the other, over what is there by then. */
static int pad_lines(struct gn_tensor *t, const struct gn_box *box, const int64_t size[3],
                     enum gn_pad mode, struct gn_err *err)
{
    int64_t n[3] = { t->shape[3], t->shape[2], t->shape[1] }, step[3] = { 1, n[0], n[0] * n[1] };
    int64_t lo[3], have[3], longest = 0;
    const bool whole = !gn_dtype_is_float(t->dtype);
    for (int k = 0; k < 3; k++) {
        lo[k] = box->origin[k] < 0 ? -box->origin[k] : 0;
        int64_t end = size[k] - box->origin[k];
        have[k] = (end < n[k] ? end : n[k]) - lo[k];
        longest = n[k] > longest ? n[k] : longest;
    }
    double *line = gn_try_alloc(2 * (size_t)longest * sizeof *line, err);
    if (!line)
        return -1;
    for (int k = 0; k < 3; k++) {
        int a = (k + 1) % 3, b = (k + 2) % 3;
        /* axes before k are padded already, those after it are not */
        int64_t a0 = a < k ? 0 : lo[a], a1 = a < k ? n[a] : lo[a] + have[a];
        int64_t b0 = b < k ? 0 : lo[b], b1 = b < k ? n[b] : lo[b] + have[b];
        bool any_zero[2] = { false, false };
        for (int64_t c = 0; c < t->shape[0] && have[k] < n[k] && mode == GN_PAD_RAMP; c++)
            for (int64_t i = a0; i < a1; i++)
                for (int64_t m = b0; m < b1; m++) {
                    int64_t at = c * n[0] * n[1] * n[2] + i * step[a] + m * step[b];
                    int64_t last = lo[k] + have[k] - 1;
                    any_zero[0] |= gn_tensor_get(t, at + lo[k] * step[k]) == 0;
                    any_zero[1] |= gn_tensor_get(t, at + last * step[k]) == 0;
                }
        for (int64_t c = 0; c < t->shape[0] && have[k] < n[k]; c++)
            for (int64_t i = a0; i < a1; i++)
                for (int64_t m = b0; m < b1; m++) {
                    int64_t at = c * n[0] * n[1] * n[2] + i * step[a] + m * step[b];
                    if (mode == GN_PAD_MINIMUM || mode == GN_PAD_MAXIMUM) {
                        pad_extreme(t, at, step[k], lo[k], have[k], n[k], mode == GN_PAD_MINIMUM);
                        continue;
                    }
                    for (int64_t q = 0; q < n[k]; q++)
                        line[q] = gn_tensor_get(t, at + q * step[k]);
                    pad_line(line, lo[k], have[k], n[k], mode, any_zero, whole, line + longest);
                    for (int64_t q = 0; q < n[k]; q++)
                        if (q < lo[k] || q >= lo[k] + have[k])
                            gn_tensor_set(t, at + q * step[k], line[q]);
                }
    }
    free(line);
    return 0;
}

int gn_image_cut(const struct gn_tensor *in, const struct gn_box *box, enum gn_pad mode,
                 struct gn_tensor *out, struct gn_err *err)
{
    struct cut_job j = { .in = in, .out = out };
    bool inside = true; /* then every voxel is written */
    int rc = -1;
    *out = (struct gn_tensor){ 0 };
    for (int k = 0; k < 3; k++) {
        int64_t n = in->shape[3 - k], lo = box->origin[k], hi = lo + box->size[k];
        if (box->size[k] < 1)
            return gn_err_set(err, "nothing is left of the image along %c", "xyz"[k]);
        if (mode >= GN_PAD_MEAN && (lo >= n || hi <= 0))
            return gn_err_set(err, "the box does not touch the image");
        inside &= lo >= 0 && hi <= n;
    }
    if ((inside ? gn_tensor_new4_raw : gn_tensor_new4)(out, in->dtype, in->shape[0], box->size[2],
                                                       box->size[1], box->size[0], err))
        goto out;
    for (int k = 0; k < 3; k++) {
        j.index[k] = gn_try_alloc((size_t)box->size[k] * sizeof *j.index[k], err);
        if (!j.index[k])
            goto out;
        for (int64_t i = 0; i < box->size[k]; i++)
            j.index[k][i] = source_index(box->origin[k] + i, in->shape[3 - k], mode);
    }
    gn_pool_run((size_t)(in->shape[0] * box->size[2]), cut_plane, &j);
    int64_t size[3] = { in->shape[3], in->shape[2], in->shape[1] };
    rc = mode >= GN_PAD_MEAN ? pad_lines(out, box, size, mode, err) : 0;
out:
    for (int k = 0; k < 3; k++)
        free(j.index[k]);
    if (rc)
        gn_tensor_free(out);
    return rc;
}

void gn_image_fill_outside(struct gn_tensor *t, const struct gn_box *box, const int64_t shape[3],
                           double value)
{
    const int64_t rows = t->shape[0] * t->shape[1] * t->shape[2], nx = t->shape[3];
    for (int64_t r = 0; r < rows; r++) {
        const int64_t y = box->origin[1] + r % t->shape[2];
        const int64_t z = box->origin[2] + r / t->shape[2] % t->shape[1];
        const bool out = y < 0 || y >= shape[1] || z < 0 || z >= shape[0];
        for (int64_t i = 0; i < nx; i++)
            if (out || box->origin[0] + i < 0 || box->origin[0] + i >= shape[2])
                gn_tensor_set(t, r * nx + i, value);
    }
}

struct orient_job {
    const struct gn_warp_kernels *k;
    const struct gn_tensor *in, *out;
    int64_t n[3], step[3], start; /* of the new axes: voxels, and elements of in; the first voxel */
    int u, v; /* in is contiguous along u, unless it is along x: then u is y */
};

/* A plane of x and u: rows are copied, or squares of it transposed in cache. */
static void orient_plane(void *arg, size_t plane, int thread)
{
    const struct orient_job *j = arg;
    const size_t item = gn_dtype_size(j->in->dtype);
    const int64_t *n = j->n, row[3] = { 1, n[0], n[0] * n[1] };
    const int64_t c = (int64_t)plane / n[j->v], at = (int64_t)plane % n[j->v];
    const int64_t image = c * n[0] * n[1] * n[2];
    const char *from = j->in->data;
    char *to = j->out->data;
    (void)thread;
    from += (image + j->start + at * j->step[j->v]) * (int64_t)item;
    to += (image + at * row[j->v]) * (int64_t)item;
    if (j->step[0] == 1 || j->step[0] == -1)
        j->k->rows(to, row[j->u], from, j->step[j->u], n[0], n[j->u], item, j->step[0] < 0);
    else
        j->k->transpose(to, row[j->u], from, j->step[0], j->step[j->u], n[0], n[j->u], item);
}

int gn_image_orient(const struct gn_tensor *in, const struct gn_orientation *o,
                    struct gn_tensor *out, struct gn_err *err)
{
    const int64_t old_step[3] = { 1, in->shape[3], in->shape[3] * in->shape[2] };
    struct orient_job j = { .k = GN_ISA_PICK(gn_warp_kernels), .in = in, .out = out, .u = 1 };
    for (int k = 0; k < 3; k++) {
        j.n[k] = in->shape[3 - o->axis[k]];
        j.step[k] = old_step[o->axis[k]];
        if (o->flip[k]) {
            j.start += (j.n[k] - 1) * j.step[k];
            j.step[k] = -j.step[k];
        }
        if (o->axis[k] == 0 && k > 0)
            j.u = k;
    }
    j.v = 3 - j.u;
    if (gn_tensor_new4_raw(out, in->dtype, in->shape[0], j.n[2], j.n[1], j.n[0], err))
        return -1;
    gn_pool_run((size_t)(in->shape[0] * j.n[j.v]), orient_plane, &j);
    return 0;
}

/* Exchange two rows of n elements, the second read from its end if reversed (a == b: reverse
 * it). */
static void swap_rows(char *a, char *b, int64_t n, size_t item, bool reverse)
{
    char t[8];
    int64_t half = a == b ? n / 2 : n;
    for (int64_t i = 0; i < half; i++) {
        char *p = a + (size_t)i * item, *q = b + (size_t)(reverse ? n - 1 - i : i) * item;
        memcpy(t, p, item);
        memcpy(p, q, item);
        memcpy(q, t, item);
    }
}

void gn_image_flip(struct gn_tensor *t, const bool axis[3])
{
    const int64_t nz = t->shape[1], ny = t->shape[2], nx = t->shape[3];
    const size_t item = gn_dtype_size(t->dtype), bytes = (size_t)nx * item;
    for (int64_t c = 0; c < t->shape[0]; c++)
        for (int64_t z = 0; z < nz; z++)
            for (int64_t y = 0; y < ny; y++) {
                int64_t pz = axis[2] ? nz - 1 - z : z, py = axis[1] ? ny - 1 - y : y;
                int64_t r = z * ny + y, p = pz * ny + py;
                if (p < r || (p == r && !axis[0]))
                    continue;
                char *base = (char *)t->data + (size_t)(c * nz * ny) * bytes;
                swap_rows(base + (size_t)r * bytes, base + (size_t)p * bytes, nx, item, axis[0]);
            }
}
