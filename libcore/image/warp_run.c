/* warp_run.c - moving an image by a map, row by row; see warp.h. A map of whole voxels is copied.
 * Along a row coordinates are computed straight from the voxel's index, in double; a field that
 * lies along the image's axes is first brought together over z and y, so that four coefficients a
 * component are left. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/isa.h"
#include "base/mem.h"
#include "base/pool.h"
#include "image/warp_private.h"

#define ROUNDING 1e-6 /* voxels: more than rounding can move a coordinate */
/* Rows an item: of one plane; or of a brick, whose voxels are near each other in the input too, so
 * that what is read for a row is still in cache for those above it. */
enum { BLOCK = 16, MANY = 16, BRICK = 32, LEAST = 4, ITEMS = 4 };

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- what rows share ---- */

struct run {
    const struct gn_warp *w;
    const struct gn_warp_kernels *k;
    const struct gn_tensor *in, *out;
    const struct gn_box *have, *want;
    const int64_t *size;
    const uint64_t *fill; /* one element a component */
    size_t element;
    bool nearest;
    int64_t rows, planes, blocks; /* of an item; items a slab of planes */

    struct gn_warp_source source;
    int64_t stride_y, stride_z, voxels;

    double whole[12];                /* all matrices in one, as if there were no field */
    double slack_lo[3], slack_hi[3]; /* bounds of what the fields add to it */

    /* The first part's field, if its axes lie along the image's: axis[k] is the spline's axis that
     * follows the image's axis k, d its coefficients in the order of the image's axes. */
    bool lined;
    int axis[3];
    int64_t n[3], low, used; /* along x coefficients low .. low+used-1 are needed */
    double *d, *weight;      /* weight: 4 arrays of stride */
    int64_t stride;
    struct gn_warp_cell *cell;
    int64_t cells;
    double **mixed; /* of the other fields: coefficients of x y z and a 0 side by side */

    double *scratch; /* of a thread: plane, then row */
    size_t scratch_each;
};

/* Weights of the four coefficients from the one that is returned on: gn_spline's. */
static int64_t weights(const struct gn_spline *f, int axis, double p, double w[4])
{
    double cells = (double)(f->n[axis] - 3), q = f->shift[axis] + f->scale[axis] * p;
    q = q > 0 ? q < cells ? q : cells : 0;
    int64_t b = min64((int64_t)q, f->n[axis] - 4);
    double u = q - (double)b, v = 1 - u;
    w[0] = v * v * v / 6;
    w[1] = (3 * u * u * u - 6 * u * u + 4) / 6;
    w[2] = (3 * v * v * v - 6 * v * v + 4) / 6;
    w[3] = u * u * u / 6;
    return b;
}

/* Is each row and column of the matrix one number? Then input axis axis[k] follows output axis k.
 */
static bool lies_along(const double m[12], int axis[3])
{
    bool taken[3] = {false, false, false};
    for (int r = 0; r < 3; r++) {
        int a = -1;
        for (int k = 0; k < 3; k++)
            if (m[4 * r + k] != 0) {
                if (a >= 0)
                    return false;
                a = k;
            }
        if (a < 0 || taken[a])
            return false;
        taken[a] = true;
        axis[a] = r;
    }
    return true;
}

/* Coefficients in the order of the image's axes, weights and cells along x. */
static void line_up(struct run *r)
{
    const struct gn_warp_part *part = &r->w->part[0];
    const struct gn_spline *f = part->field;
    const int64_t step[3] = {1, f->n[0], f->n[0] * f->n[1]}, count = step[2] * f->n[2];
    const int64_t nx = r->want->size[0], s0 = step[r->axis[0]];
    const double *m = part->matrix + 4 * r->axis[0];
    for (int k = 0; k < 3; k++)
        r->n[k] = f->n[r->axis[k]];
    r->d = gn_alloc((size_t)(3 * count) * sizeof *r->d);
    double *to = r->d;
    for (int c = 0; c < 3; c++)
        for (int64_t k = 0; k < r->n[2]; k++)
            for (int64_t j = 0; j < r->n[1]; j++) {
                const double *from = f->d + c * count + k * step[r->axis[2]] + j * step[r->axis[1]];
                for (int64_t i = 0; i < r->n[0]; i++)
                    *to++ = from[i * s0];
            }
    r->stride = nx + GN_WARP_PAD;
    r->weight = gn_alloc((size_t)(4 * r->stride) * sizeof *r->weight);
    memset(r->weight, 0, (size_t)(4 * r->stride) * sizeof *r->weight);
    r->cell = gn_alloc((size_t)(nx + 1) * sizeof *r->cell);
    int64_t high = 0;
    r->low = r->n[0];
    for (int64_t x = 0; x < nx; x++) {
        double w[4], p = m[0] * (double)(r->want->origin[0] + x) + m[3];
        int64_t b = weights(f, r->axis[0], p, w);
        for (int k = 0; k < 4; k++)
            r->weight[k * r->stride + x] = w[k];
        if (!r->cells || r->cell[r->cells - 1].first != b)
            r->cell[r->cells++] = (struct gn_warp_cell){x, b};
        r->low = min64(r->low, b);
        high = max64(high, b + 4);
    }
    r->cell[r->cells].x = nx;
    r->used = high - r->low;
    for (int64_t i = 0; i < r->cells; i++)
        r->cell[i].first -= r->low;
    r->scratch_each = (size_t)(3 * r->used * (r->n[1] + 1));
    r->scratch = gn_alloc((size_t)gn_pool_threads() * r->scratch_each * sizeof *r->scratch);
}

/* What y and z make of a row of the matrix. */
static double at_row(const double m[4], double y, double z)
{
    return m[1] * y + m[2] * z + m[3];
}

static void set_up(struct run *r)
{
    static const double identity[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    const int64_t *o = r->have->origin, *n = r->have->size;
    const int64_t step[3] = {1, n[0], n[0] * n[1]};
    for (int a = 0; a < 3; a++) {
        bool flat = r->size[a] == 1;
        r->source.top[a] = (double)(r->size[a] - 1);
        r->source.stride[a] = flat ? 0 : (double)step[a];
        r->source.base += flat ? 0 : (double)(o[a] * step[a]);
        r->slack_lo[a] = r->slack_hi[a] = 0;
    }
    r->stride_y = r->size[1] == 1 ? 0 : step[1];
    r->stride_z = r->size[2] == 1 ? 0 : step[2];
    r->voxels = step[2] * n[2];
    memcpy(r->whole, identity, sizeof identity);
    r->mixed = gn_alloc((size_t)r->w->n * sizeof *r->mixed);
    for (int i = 0; i < r->w->n; i++) {
        const struct gn_warp_part *part = &r->w->part[i];
        const struct gn_spline *f = part->field;
        const double *m = part->matrix;
        double lo[3], hi[3];
        gn_affine_multiply(m, r->whole, r->whole);
        for (int k = 0; k < 3; k++) {
            lo[k] = hi[k] = 0;
            for (int a = 0; a < 3; a++) {
                double x = m[4 * k + a] * r->slack_lo[a], y = m[4 * k + a] * r->slack_hi[a];
                lo[k] += x < y ? x : y;
                hi[k] += x < y ? y : x;
            }
            lo[k] += f ? f->lo[k] : 0;
            hi[k] += f ? f->hi[k] : 0;
        }
        memcpy(r->slack_lo, lo, sizeof lo);
        memcpy(r->slack_hi, hi, sizeof hi);
        r->mixed[i] = NULL;
        if (f && i == 0 && lies_along(m, r->axis)) {
            r->lined = true;
            line_up(r);
        } else if (f) {
            int64_t count = f->n[0] * f->n[1] * f->n[2];
            r->mixed[i] = gn_alloc((size_t)(4 * count) * sizeof(double));
            for (int64_t v = 0; v < count; v++)
                for (int c = 0; c < 4; c++)
                    r->mixed[i][4 * v + c] = c < 3 ? f->d[c * count + v] : 0;
        }
    }
}

static void tear_down(struct run *r)
{
    for (int i = 0; i < r->w->n; i++)
        free(r->mixed[i]);
    free(r->mixed);
    free(r->d);
    free(r->weight);
    free(r->cell);
    free(r->scratch);
}

/* ---- coordinates ---- */

/* The lined field over z, for a plane of the image: plane c, j, i. */
static void plane_of_field(const struct run *r, int64_t z, double *plane)
{
    const struct gn_warp_part *part = &r->w->part[0];
    const double *m = part->matrix + 4 * r->axis[2];
    const int64_t step = r->n[0] * r->n[1];
    double w[4];
    int64_t b = weights(part->field, r->axis[2], m[2] * (double)z + m[3], w);
    for (int c = 0; c < 3; c++)
        for (int64_t j = 0; j < r->n[1]; j++)
            r->k->combine(plane + (c * r->n[1] + j) * r->used,
                          r->d + ((c * r->n[2] + b) * r->n[1] + j) * r->n[0] + r->low, step, w,
                          r->used);
}

static void row_of_field(const struct run *r, int64_t y, const double *plane, double *row)
{
    const struct gn_warp_part *part = &r->w->part[0];
    const double *m = part->matrix + 4 * r->axis[1];
    double w[4];
    int64_t b = weights(part->field, r->axis[1], m[1] * (double)y + m[3], w);
    for (int c = 0; c < 3; c++)
        r->k->combine(row + c * r->used, plane + (c * r->n[1] + b) * r->used, r->used, w, r->used);
}

static bool is_identity(const double m[12])
{
    for (int i = 0; i < 12; i++)
        if (m[i] != (i % 5 == 0 ? 1 : 0))
            return false;
    return true;
}

/* Continuous indices of n voxels from x (counted in want) on, of the row y, z of the image. */
static void coordinates(const struct run *r, int64_t x, int64_t y, int64_t z, const double *row,
                        int64_t n, struct gn_warp_piece *b)
{
    const double *m = r->w->part[0].matrix;
    const double from = (double)(r->want->origin[0] + x);
    const struct gn_warp_cell *cell = r->cell;
    if (r->lined)
        while (cell[1].x <= x)
            cell++;
    for (int c = 0; c < 3; c++, m += 4) {
        double rest = at_row(m, (double)y, (double)z);
        if (r->lined)
            r->k->taps(b->p[c], from, n, m[0], rest, row + c * r->used, r->weight + x, r->stride,
                       cell, x);
        else
            r->k->line(b->p[c], from, n, m[0], rest);
    }
    for (int i = 0; i < r->w->n; i++) {
        const struct gn_warp_part *part = &r->w->part[i];
        if (i > 0 && !is_identity(part->matrix))
            r->k->matrix(b, n, part->matrix);
        if (r->mixed[i])
            r->k->displace(b, n, part->field, r->mixed[i]);
    }
}

/* Of lo..hi-1, what keeps a <= m i + c <= b; mostly all of it does. */
static void keep(double m, double c, double a, double b, int64_t *lo, int64_t *hi)
{
    double low = (double)*lo, high = (double)*hi, p = m * low + c, q = m * (high - 1) + c;
    if (p >= a && p <= b && q >= a && q <= b)
        return;
    if (fabs(m) < 1e-14) { /* below ROUNDING over any row */
        *hi = *lo;
        return;
    }
    double first = ((m > 0 ? a : b) - c) / m, last = ((m > 0 ? b : a) - c) / m;
    *lo = first > high ? *hi : first > low ? (int64_t)ceil(first) : *lo;
    *hi = last < low ? *lo : last < high - 1 ? (int64_t)floor(last) + 1 : *hi;
    *hi = max64(*lo, *hi);
}

/* Of the row: voxels near_lo..near_hi-1 may lie inside the image, easy_lo..easy_hi-1 do, with all
 * neighbours. */
struct spans {
    int64_t near_lo, near_hi, easy_lo, easy_hi;
};

static struct spans spans_of(const struct run *r, int64_t y, int64_t z)
{
    const int64_t n = r->want->size[0];
    struct spans s = {0, n, 0, n};
    for (int a = 0; a < 3; a++) {
        const double *m = r->whole + 4 * a;
        double c = m[0] * (double)r->want->origin[0] + at_row(m, (double)y, (double)z);
        double lo = c + r->slack_lo[a], hi = c + r->slack_hi[a];
        double top = (double)r->size[a], edge = 0.5, last = m[0] * (double)(n - 1);
        if (!isfinite(lo) || !isfinite(hi)) { /* nothing is known */
            s.easy_hi = s.easy_lo;
            continue;
        }
        if (!r->nearest && r->size[a] > 1)
            edge = 0;
        if (!r->nearest && r->size[a] == 1 && a == 1) {
            s.easy_hi = s.easy_lo;
        } else {
            const double least = ROUNDING - edge, most = top + edge - 1 - ROUNDING;
            if (lo >= least && last + lo >= least && hi <= most && last + hi <= most)
                continue; /* most rows: all of it is easy */
        }
        keep(m[0], hi, -0.5 - ROUNDING, INFINITY, &s.near_lo, &s.near_hi);
        keep(m[0], lo, -INFINITY, top - 0.5 + ROUNDING, &s.near_lo, &s.near_hi);
        top += edge - 1;
        keep(m[0], lo, ROUNDING - edge, INFINITY, &s.easy_lo, &s.easy_hi);
        keep(m[0], hi, -INFINITY, top - ROUNDING, &s.easy_lo, &s.easy_hi);
    }
    s.easy_lo = max64(s.easy_lo, s.near_lo);
    s.easy_hi = min64(s.easy_hi, s.near_hi);
    if (s.easy_lo >= s.easy_hi)
        s.easy_lo = s.easy_hi = s.near_hi;
    return s;
}

/* ---- rows ---- */

static void put_fill(void *to, size_t element, uint64_t fill, int64_t n)
{
    if (element == 1)
        memset(to, *(const unsigned char *)&fill, (size_t)n);
    else if (element == 4)
        for (int64_t i = 0; i < n; i++)
            memcpy((uint32_t *)to + i, &fill, 4);
    else
        for (int64_t i = 0; i < n; i++)
            memcpy((char *)to + (size_t)i * element, &fill, element);
}

static void fill_outside(const struct gn_warp_piece *b, int64_t n, void *to, size_t element,
                         uint64_t fill)
{
    for (int64_t i = 0, k; i < n; i = k + 1) {
        const uint8_t *out = memchr(b->inside + i, 0, (size_t)(n - i));
        if (!out)
            return;
        k = out - b->inside;
        put_fill((char *)to + (size_t)k * element, element, fill, 1);
    }
}

static void *element_of(const struct run *r, int64_t c, int64_t z, int64_t y, int64_t x)
{
    const int64_t *n = r->want->size;
    return (char *)r->out->data + (size_t)(((c * n[2] + z) * n[1] + y) * n[0] + x) * r->element;
}

/* Voxels lo..hi-1 of a row. */
static void run_span(const struct run *r, int64_t z, int64_t y, int64_t lo, int64_t hi, bool easy,
                     const double *row, struct gn_warp_piece *b)
{
    const int64_t *o = r->want->origin;
    const bool flat = r->size[2] == 1;
    for (int64_t x = lo; x < hi; x += GN_WARP_PIECE) {
        int64_t n = min64(hi - x, GN_WARP_PIECE);
        coordinates(r, x, o[1] + y, o[2] + z, row, n, b);
        if (r->nearest)
            r->k->place_nearest(b, n, &r->source, easy);
        else
            r->k->place_linear(b, n, &r->source, flat, easy);
        for (int64_t c = 0; c < r->out->shape[0]; c++) {
            const char *in = (const char *)r->in->data + (size_t)(c * r->voxels) * r->element;
            void *out = element_of(r, c, z, y, x);
            if (r->nearest)
                r->k->nearest(out, b, n, in, r->element);
            else
                r->k->linear(out, b, n, (const float *)in, r->stride_y, r->stride_z, flat);
            if (!easy)
                fill_outside(b, n, out, r->element, r->fill[c]);
        }
    }
}

static void run_row(const struct run *r, int64_t z, int64_t y, const double *row,
                    struct gn_warp_piece *b)
{
    const int64_t *o = r->want->origin, nx = r->want->size[0];
    const struct spans s = spans_of(r, o[1] + y, o[2] + z);
    for (int64_t c = 0; c < r->out->shape[0]; c++) {
        put_fill(element_of(r, c, z, y, 0), r->element, r->fill[c], s.near_lo);
        put_fill(element_of(r, c, z, y, s.near_hi), r->element, r->fill[c], nx - s.near_hi);
    }
    run_span(r, z, y, s.near_lo, s.easy_lo, false, row, b);
    run_span(r, z, y, s.easy_lo, s.easy_hi, true, row, b);
    run_span(r, z, y, s.easy_hi, s.near_hi, false, row, b);
}

static void run_item(void *arg, size_t item, int thread)
{
    const struct run *r = arg;
    const int64_t *n = r->want->size, *o = r->want->origin;
    const int64_t z0 = (int64_t)item / r->blocks * r->planes;
    const int64_t y0 = (int64_t)item % r->blocks * r->rows;
    double *plane = r->lined ? r->scratch + (size_t)thread * r->scratch_each : NULL;
    double *row = r->lined ? plane + 3 * r->n[1] * r->used : NULL;
    struct gn_warp_piece b;
    for (int64_t z = z0; z < min64(z0 + r->planes, n[2]); z++) {
        if (r->lined)
            plane_of_field(r, o[2] + z, plane);
        for (int64_t y = y0; y < min64(y0 + r->rows, n[1]); y++) {
            if (r->lined)
                row_of_field(r, o[1] + y, plane, row);
            run_row(r, z, y, row, &b);
        }
    }
}

/* How many rows and planes an item has: never what comes out of it. */
static void cut(struct run *r)
{
    const int64_t *n = r->want->size, least = ITEMS * (int64_t)gn_pool_threads();
    int64_t items;
    r->planes = r->lined ? 1 : BRICK;
    r->rows = !r->lined ? BRICK : n[2] >= MANY ? n[1] : BLOCK;
    for (;;) {
        r->blocks = (n[1] + r->rows - 1) / r->rows;
        items = (n[2] + r->planes - 1) / r->planes * r->blocks;
        if (r->lined || items >= least || r->rows <= LEAST)
            break;
        if (r->planes >= r->rows)
            r->planes /= 2;
        else
            r->rows /= 2;
    }
    gn_pool_run((size_t)items, run_item, r);
}

/* ---- copies ---- */

struct copy {
    const struct gn_warp_kernels *k;
    const struct gn_tensor *in, *out;
    struct gn_box part; /* of the output, from its first voxel: what lies in the image */
    int64_t step[3], from, voxels; /* elements of in along the output's axes; where part starts */
    int across;                    /* the output's axis along which in is contiguous */
    size_t element;
};

/* A plane of x and the axis along which in is contiguous (x itself: x and y). */
static void copy_item(void *arg, size_t item, int thread)
{
    const struct copy *j = arg;
    const int u = j->across == 0 ? 1 : j->across, v = 3 - u;
    const int64_t *n = j->part.size, *o = j->part.origin, *shape = j->out->shape;
    const int64_t row[3] = {1, shape[3], shape[3] * shape[2]};
    const int64_t c = (int64_t)item / n[v], at = (int64_t)item % n[v];
    const char *in = (const char *)j->in->data +
                     (c * j->voxels + j->from + at * j->step[v]) * (int64_t)j->element;
    char *out = (char *)j->out->data +
                (c * shape[1] * row[2] + o[2] * row[2] + o[1] * row[1] + o[0] + at * row[v]) *
                    (int64_t)j->element;
    (void)thread;
    if (j->across != 0)
        j->k->transpose(out, row[u], in, j->step[0], j->step[u], n[0], n[u], j->element);
    else
        j->k->rows(out, row[u], in, j->step[u], n[0], n[u], j->element, j->step[0] < 0);
}

/* What the map takes from outside the image is filled. */
static void copy_whole_voxels(const struct gn_warp *w, const struct gn_orientation *o,
                              const struct gn_tensor *in, const struct gn_box *have,
                              const int64_t size[3], const struct gn_box *want,
                              const uint64_t *fill, const struct gn_tensor *out)
{
    const int64_t step[3] = {1, have->size[0], have->size[0] * have->size[1]};
    struct copy j = {.k = GN_ISA_PICK(gn_warp_kernels), .in = in, .out = out,
                     .voxels = step[2] * have->size[2], .element = gn_dtype_size(in->dtype)};
    const int64_t voxels = gn_grid_voxels(want->size);
    for (int k = 0; k < 3; k++) {
        int r = o->axis[k];
        double shift = w->n ? w->part[0].matrix[4 * r + 3] : 0;
        int64_t sign = o->flip[k] ? -1 : 1;
        /* output index i of want reads first + sign i of the image */
        int64_t first = (int64_t)fmin(fmax(shift, -1e15), 1e15) + sign * want->origin[k];
        int64_t lo = o->flip[k] ? first - size[r] + 1 : -first;
        int64_t hi = o->flip[k] ? first + 1 : size[r] - first;
        lo = min64(max64(lo, 0), want->size[k]);
        hi = max64(lo, min64(hi, want->size[k]));
        j.part.origin[k] = lo;
        j.part.size[k] = hi - lo;
        j.step[k] = sign * step[r];
        j.from += (first + sign * lo - have->origin[r]) * step[r];
        if (r == 0)
            j.across = k;
    }
    bool all = gn_grid_same_size(j.part.size, want->size);
    for (int64_t c = 0; !all && c < out->shape[0]; c++)
        put_fill((char *)out->data + (size_t)(c * voxels) * j.element, j.element, fill[c], voxels);
    if (gn_grid_voxels(j.part.size) > 0)
        gn_pool_run((size_t)(out->shape[0] * j.part.size[3 - (j.across == 0 ? 1 : j.across)]),
                    copy_item, &j);
}

/* ---- all of it ---- */

/* Values as elements of a dtype, the same bytes wherever they are put. */
static int elements(const double *value, int64_t n, enum gn_dtype dtype, uint64_t **out,
                    struct gn_err *err)
{
    struct gn_tensor t = {0};
    size_t size = gn_dtype_size(dtype);
    *out = NULL;
    if (gn_tensor_new(&t, dtype, 1, &n, err))
        return -1;
    *out = gn_alloc((size_t)n * sizeof **out);
    memset(*out, 0, (size_t)n * sizeof **out);
    for (int64_t i = 0; i < n; i++) {
        gn_tensor_set(&t, i, value[i]);
        memcpy(*out + i, (char *)t.data + (size_t)i * size, size);
    }
    gn_tensor_free(&t);
    return 0;
}

int gn_warp_run(const struct gn_warp *w, const struct gn_tensor *in, const struct gn_box *have,
                const int64_t size[3], const struct gn_box *want, enum gn_interp interp,
                const double *fill, struct gn_tensor *out, struct gn_err *err)
{
    struct gn_orientation o;
    struct run r = {.w = w,
                    .k = GN_ISA_PICK(gn_warp_kernels),
                    .in = in,
                    .out = out,
                    .have = have,
                    .want = want,
                    .size = size,
                    .element = gn_dtype_size(in->dtype),
                    .nearest = interp == GN_INTERP_NEAREST};
    bool exact = gn_warp_is_exact(w, &o);
    uint64_t *bytes = NULL;
    /* A row's pairs need two voxels along x, places 31 bits: of the whole, so that windows agree */
    if (!exact && (size[0] < 2 || gn_grid_voxels(size) > INT32_MAX))
        return gn_warp_run_plain(w, in, have, size, want, interp, fill, out, err);
    if (elements(fill, in->shape[0], in->dtype, &bytes, err))
        return -1;
    if (gn_tensor_new4_raw(out, in->dtype, in->shape[0], want->size[2], want->size[1],
                           want->size[0], err)) {
        free(bytes);
        return -1;
    }
    r.fill = bytes;
    if (exact) {
        copy_whole_voxels(w, &o, in, have, size, want, bytes, out);
    } else {
        set_up(&r);
        cut(&r);
        tear_down(&r);
    }
    free(bytes);
    return 0;
}
