/* resample_wide.c - resampling by cubic B-splines and Lanczos windows: a table of weights for each
 * axis where the map is separable, else points in a copy with its continuation written out. */
#include <stdlib.h>
#include <string.h>

#include "base/isa.h"
#include "base/mem.h"
#include "base/pool.h"
#include "image/resample_private.h"

enum { RING = 16, POINT_ROWS = 4 };

/* One axis: output k reads the input from at[k] - left on, w[t * n + k] is the weight of tap t. */
struct taps {
    int64_t n, lo, hi, n_in;
    int taps, left, right; /* left, right: voxels of continuation that may be read */
    bool mirror;
    int32_t *at;
    float *w;
};

static int64_t index_of(const struct taps *a, int64_t i)
{
    return a->mirror ? gn_bspline_mirror(i, a->n_in) : gn_clamp_index(i, a->n_in);
}

/* The interpolation passes through the voxels: an axis whose outputs all lie on them copies. */
static int taps_init(struct taps *a, int64_t n_out, int64_t n_in, double scale, double shift,
                     enum gn_interp interp, struct gn_err *err)
{
    const bool lanczos = interp == GN_INTERP_LANCZOS;
    int before = lanczos ? 4 : 1;
    *a = (struct taps){ .n = n_out, .lo = n_out, .n_in = n_in, .taps = 1, .mirror = !lanczos };
    for (int64_t k = 0; k < n_out; k++) {
        double c = shift + scale * (double)k;
        if (!(c >= -0.5 && c < (double)n_in - 0.5))
            continue;
        a->lo = k < a->lo ? k : a->lo;
        a->hi = k + 1;
        if (c != floor(c))
            a->taps = lanczos ? GN_TAPS_LANCZOS : GN_TAPS_CUBIC;
    }
    if (a->lo > a->hi)
        a->lo = a->hi;
    before = a->taps == 1 ? 0 : before;
    a->left = a->taps == 1 ? 0 : before + 1;
    a->right = a->taps - 1 - before;
    a->at = gn_try_alloc((size_t)n_out * sizeof *a->at, err);
    a->w = gn_try_alloc((size_t)a->taps * (size_t)n_out * sizeof *a->w, err);
    if (!a->at || !a->w)
        return -1;
    for (int64_t k = a->lo; k < a->hi; k++) {
        double c = shift + scale * (double)k, f = floor(c), w[GN_TAPS_MOST] = { 1 };
        a->at[k] = (int32_t)((int64_t)f - before + a->left);
        if (a->taps == GN_TAPS_CUBIC)
            gn_bspline_weights(c - f, w);
        else if (a->taps == GN_TAPS_LANCZOS)
            gn_lanczos_weights(c - f, w);
        for (int t = 0; t < a->taps; t++)
            a->w[t * n_out + k] = (float)w[t];
    }
    return 0;
}

static void taps_free(struct taps *a)
{
    free(a->at);
    free(a->w);
}

/* ---- the image as float32 ---- */

struct copy_job {
    const struct gn_tensor *in;
    float *to;
    int64_t plane;
};

static void copy_plane(void *arg, size_t item, int thread)
{
    const struct copy_job *j = arg;
    const char *from = j->in->data;
    (void)thread;
    from += item * (size_t)j->plane * gn_dtype_size(j->in->dtype);
    gn_convert_to_float(from, j->in->dtype, j->to + (int64_t)item * j->plane, (size_t)j->plane);
}

int gn_image_as_float(const struct gn_tensor *in, struct gn_tensor *out, struct gn_err *err)
{
    if (gn_tensor_new4_raw(out, GN_FLOAT32, in->shape[0], in->shape[1], in->shape[2], in->shape[3],
                           err))
        return -1;
    struct copy_job j = { in, out->data, in->shape[2] * in->shape[3] };
    gn_pool_run((size_t)(in->shape[0] * in->shape[1]), copy_plane, &j);
    return 0;
}

/* What the weights apply to: voxels, or the spline's coefficients. *own is freed by the caller. */
static int source_of(const struct gn_tensor *in, enum gn_interp interp, const bool axis[3],
                     struct gn_tensor *own, const struct gn_tensor **source, struct gn_err *err)
{
    const bool spline = interp == GN_INTERP_BSPLINE && (axis[0] || axis[1] || axis[2]);
    *source = in;
    if (!spline && in->dtype == GN_FLOAT32)
        return 0;
    *source = own;
    return gn_image_as_float(in, own, err) || (spline && gn_bspline_prefilter(own, axis, err)) ? -1
                                                                                               : 0;
}

/* ---- separable ---- */

struct job {
    const struct gn_tensor *in;
    struct gn_tensor *out;
    struct taps axis[3];
    float fill;
    float *scratch; /* RING + 1 rows with room a thread */
    int64_t room;   /* floats a row of it */
    int64_t block, blocks;
    const struct gn_resample_kernels *k;
};

static void fill_floats(float *out, int64_t n, float v)
{
    const float fill = v == 0 ? 0 : v; /* no -0 */
    for (int64_t i = 0; i < n; i++)
        out[i] = fill;
}

/* The row with its continuation on both sides, at p. */
static void continue_row(float *p, const struct taps *a)
{
    for (int i = 1; i <= a->left; i++)
        p[-i] = p[index_of(a, -i)];
    for (int64_t i = 0; i < a->right; i++)
        p[a->n_in + i] = p[index_of(a, a->n_in + i)];
}

/* Rows of one output plane. Input rows are combined along z when they are first asked for and
 * kept, since neighbours along y share them. */
static void wide_rows(void *arg, size_t item, int thread)
{
    const struct job *j = arg;
    const struct taps *ax = &j->axis[0], *ay = &j->axis[1], *az = &j->axis[2];
    const int64_t nz = j->out->shape[1], ny = j->out->shape[2], nx = j->out->shape[3];
    const int64_t in_nx = ax->n_in, plane = in_nx * ay->n_in;
    const int64_t first = (int64_t)item % j->blocks * j->block;
    const int64_t at_plane = (int64_t)item / j->blocks;
    const int64_t c = at_plane / nz, z = at_plane % nz;
    const float *in = (const float *)j->in->data + c * az->n_in * plane;
    float *ring = j->scratch + thread * (RING + 1) * j->room, *line = ring + RING * j->room;
    float wz[GN_TAPS_MOST], wy[GN_TAPS_MOST];
    const float *from[GN_TAPS_MOST], *row[GN_TAPS_MOST];
    int64_t tag[RING];
    line += ax->left;
    for (int i = 0; i < RING; i++)
        tag[i] = -1;
    const bool in_z = z >= az->lo && z < az->hi;
    for (int t = 0; in_z && t < az->taps; t++) {
        wz[t] = az->w[t * az->n + z];
        from[t] = in + index_of(az, az->at[z] - az->left + t) * plane;
    }
    for (int64_t y = first; y < ny && y < first + j->block; y++) {
        float *out = (float *)j->out->data + (at_plane * ny + y) * nx;
        if (!in_z || y < ay->lo || y >= ay->hi) {
            fill_floats(out, nx, j->fill);
            continue;
        }
        for (int t = 0; t < ay->taps; t++) {
            const int64_t r = index_of(ay, ay->at[y] - ay->left + t);
            float *kept = ring + r % RING * j->room;
            wy[t] = ay->w[t * ay->n + y];
            row[t] = az->taps == 1 ? from[0] + r * in_nx : kept;
            if (az->taps > 1 && tag[r % RING] != r) {
                const float *rows[GN_TAPS_MOST];
                for (int s = 0; s < az->taps; s++)
                    rows[s] = from[s] + r * in_nx;
                j->k->combine(kept, rows, wz, az->taps, in_nx);
                tag[r % RING] = r;
            }
        }
        if (ay->taps > 1)
            j->k->combine(line, row, wy, ay->taps, in_nx);
        else
            memcpy(line, row[0], (size_t)in_nx * sizeof *line);
        continue_row(line, ax);
        fill_floats(out, ax->lo, j->fill);
        j->k->spread(out, line - ax->left, ax->at, ax->w, ax->n, ax->taps, ax->lo, ax->hi);
        fill_floats(out + ax->hi, nx - ax->hi, j->fill);
    }
}

int gn_resample_wide_axes(const struct gn_tensor *in, const double scale[3], const double shift[3],
                          enum gn_interp interp, double fill, struct gn_tensor *out,
                          struct gn_err *err)
{
    struct job j = { .out = out, .fill = (float)fill, .k = GN_ISA_PICK(gn_resample_kernels) };
    struct gn_tensor own = { 0 };
    bool filtered[3];
    int rc = -1;
    for (int a = 0; a < 3; a++) {
        if (taps_init(&j.axis[a], out->shape[3 - a], in->shape[3 - a], scale[a], shift[a], interp,
                      err))
            goto out;
        filtered[a] = j.axis[a].taps > 1;
    }
    if (source_of(in, interp, filtered, &own, &j.in, err))
        goto out;
    j.room = in->shape[3] + j.axis[0].left + j.axis[0].right + GN_ROW_PAD;
    j.scratch = gn_try_alloc((size_t)gn_pool_threads() * (RING + 1) * (size_t)j.room *
                             sizeof *j.scratch, err);
    if (!j.scratch)
        goto out;
    const int64_t planes = out->shape[0] * out->shape[1];
    j.block = gn_resample_block(planes, out->shape[2]);
    j.blocks = (out->shape[2] + j.block - 1) / j.block;
    gn_pool_run((size_t)(planes * j.blocks), wide_rows, &j);
    rc = 0;
out:
    for (int a = 0; a < 3; a++)
        taps_free(&j.axis[a]);
    free(j.scratch);
    gn_tensor_free(&own);
    return rc;
}

/* ---- any map ---- */

struct point_job {
    const struct gn_tensor *in;
    float *out;
    int64_t size[3], edge[3]; /* of the output; of the continuation on each side, of the copy */
    struct gn_padded padded;
    float *copy;
    const double *map;
    float fill;
    bool lanczos;
    const float *from; /* the component */
    const struct gn_resample_kernels *k;
};

/* A row of the padded copy. */
static void pad_row(void *arg, size_t item, int thread)
{
    const struct point_job *j = arg;
    const struct gn_padded *p = &j->padded;
    const int64_t rows = p->size[1] + 2 * j->edge[1];
    int64_t i[3] = { 0, (int64_t)item % rows - j->edge[1], (int64_t)item / rows - j->edge[2] };
    float *to = j->copy + p->first + i[1] * p->step[1] + i[2] * p->step[2];
    int64_t (*const rule)(int64_t, int64_t) = j->lanczos ? gn_clamp_index : gn_bspline_mirror;
    const float *from = j->from + (rule(i[2], p->size[2]) * p->size[1] + rule(i[1], p->size[1])) *
                                      p->size[0];
    (void)thread;
    memcpy(to, from, (size_t)p->size[0] * sizeof *to);
    for (int64_t k = 1; k <= j->edge[0]; k++) {
        to[-k] = from[rule(-k, p->size[0])];
        to[p->size[0] - 1 + k] = from[rule(p->size[0] - 1 + k, p->size[0])];
    }
}

static void point_rows(void *arg, size_t item, int thread)
{
    const struct point_job *j = arg;
    const int64_t rows = j->size[1] * j->size[2];
    (void)thread;
    for (int64_t r = (int64_t)item * POINT_ROWS; r < rows && r < ((int64_t)item + 1) * POINT_ROWS;
         r++) {
        const double y = (double)(r % j->size[1]), z = (double)(r / j->size[1]);
        double p[3], m[3];
        for (int a = 0; a < 3; a++) {
            const double *row = j->map + 4 * a;
            p[a] = row[1] * y + row[2] * z + row[3];
            m[a] = row[0];
        }
        j->k->points(j->out + r * j->size[0], j->size[0], p, m, &j->padded, j->lanczos, j->fill);
    }
}

int gn_resample_wide_points(const struct gn_tensor *in, const double map[12],
                            enum gn_interp interp, double fill, struct gn_tensor *out,
                            struct gn_err *err)
{
    const bool lanczos = interp == GN_INTERP_LANCZOS, every[3] = { true, true, true };
    struct point_job j = { .map = map, .fill = (float)fill, .lanczos = lanczos,
                           .k = GN_ISA_PICK(gn_resample_kernels) };
    struct gn_tensor own = { 0 }, copy = { 0 };
    int64_t room[3], rows;
    int rc = -1;
    if (source_of(in, interp, every, &own, &j.in, err))
        goto out;
    for (int a = 0; a < 3; a++) {
        const int64_t n = in->shape[3 - a];
        j.size[a] = out->shape[3 - a];
        j.edge[a] = n == 1 ? 0 : lanczos ? 5 : 2;
        j.padded.size[a] = n;
        j.padded.taps[a] = n == 1 ? 1 : lanczos ? GN_TAPS_LANCZOS : GN_TAPS_CUBIC;
        j.padded.before[a] = lanczos ? 4 : 1;
        room[a] = n + 2 * j.edge[a];
        j.padded.step[a] = a == 0 ? 1 : j.padded.step[a - 1] * room[a - 1];
        j.padded.first += j.edge[a] * j.padded.step[a];
    }
    if (gn_tensor_new4(&copy, GN_FLOAT32, 1, room[2], room[1], room[0], err))
        goto out;
    j.copy = copy.data;
    j.padded.data = copy.data;
    rows = j.size[1] * j.size[2];
    for (int64_t c = 0; c < in->shape[0]; c++) {
        j.from = (const float *)j.in->data + c * gn_grid_voxels(j.padded.size);
        j.out = (float *)out->data + c * gn_grid_voxels(j.size);
        gn_pool_run((size_t)(room[1] * room[2]), pad_row, &j);
        gn_pool_run((size_t)((rows + POINT_ROWS - 1) / POINT_ROWS), point_rows, &j);
    }
    rc = 0;
out:
    gn_tensor_free(&own);
    gn_tensor_free(&copy);
    return rc;
}
