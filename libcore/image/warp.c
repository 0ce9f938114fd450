/* warp.c - maps, where points and boxes go, and the plain version of moving an image; see warp.h.
 * warp_run.c is the fast one. */
#include "image/warp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"

/* ---- lists of parts ---- */

static struct gn_warp_part *append(struct gn_warp *w)
{
    static const double identity[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    w->part = gn_realloc(w->part, (size_t)(w->n + 1) * sizeof *w->part);
    struct gn_warp_part *p = &w->part[w->n++];
    memcpy(p->matrix, identity, sizeof identity);
    p->field = NULL;
    return p;
}

void gn_warp_add_matrix(struct gn_warp *w, const double matrix[12])
{
    struct gn_warp_part *p = w->n && !w->part[w->n - 1].field ? &w->part[w->n - 1] : append(w);
    gn_affine_multiply(matrix, p->matrix, p->matrix);
}

struct gn_spline *gn_spline_new(const int64_t n[3])
{
    size_t count = (size_t)(3 * n[0] * n[1] * n[2]);
    struct gn_spline *f = gn_alloc(sizeof *f + count * sizeof(double));
    memset(f, 0, sizeof *f + count * sizeof(double));
    memcpy(f->n, n, sizeof f->n);
    f->d = (double *)(f + 1);
    return f;
}

void gn_warp_add_field(struct gn_warp *w, struct gn_spline *field)
{
    struct gn_warp_part *p = w->n && !w->part[w->n - 1].field ? &w->part[w->n - 1] : append(w);
    int64_t n = field->n[0] * field->n[1] * field->n[2];
    for (int c = 0; c < 3; c++) {
        const double *d = field->d + c * n;
        field->lo[c] = field->hi[c] = d[0];
        for (int64_t i = 1; i < n; i++) {
            field->lo[c] = d[i] < field->lo[c] ? d[i] : field->lo[c];
            field->hi[c] = d[i] > field->hi[c] ? d[i] : field->hi[c];
        }
    }
    p->field = field;
}

void gn_warp_free(struct gn_warp *w)
{
    for (int i = 0; i < w->n; i++)
        free(w->part[i].field);
    free(w->part);
    *w = (struct gn_warp){0};
}

/* ---- points ---- */

/* Weights of the four coefficients from *first on. */
static void weights(const struct gn_spline *f, int axis, double p, int64_t *first, double w[4])
{
    double cells = (double)(f->n[axis] - 3), q = f->shift[axis] + f->scale[axis] * p;
    q = q > 0 ? q < cells ? q : cells : 0;
    int64_t b = (int64_t)q;
    if (b > f->n[axis] - 4)
        b = f->n[axis] - 4;
    double u = q - (double)b, v = 1 - u;
    w[0] = v * v * v / 6;
    w[1] = (3 * u * u * u - 6 * u * u + 4) / 6;
    w[2] = (-3 * u * u * u + 3 * u * u + 3 * u + 1) / 6;
    w[3] = u * u * u / 6;
    *first = b;
}

static void displace(const struct gn_spline *f, double p[3])
{
    double w[3][4], u[3] = {0, 0, 0};
    int64_t b[3], count = f->n[0] * f->n[1] * f->n[2];
    for (int a = 0; a < 3; a++)
        weights(f, a, p[a], &b[a], w[a]);
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < 4; k++)
            for (int j = 0; j < 4; j++) {
                const double *d =
                    f->d + c * count + ((b[2] + k) * f->n[1] + b[1] + j) * f->n[0] + b[0];
                double row = 0;
                for (int i = 0; i < 4; i++)
                    row += w[0][i] * d[i];
                u[c] += w[2][k] * w[1][j] * row;
            }
    for (int c = 0; c < 3; c++)
        p[c] += u[c];
}

void gn_warp_point(const struct gn_warp *w, const double p[3], double out[3])
{
    double q[3] = {p[0], p[1], p[2]};
    for (int i = 0; i < w->n; i++) {
        gn_affine_point(w->part[i].matrix, q, q);
        if (w->part[i].field)
            displace(w->part[i].field, q);
    }
    memcpy(out, q, sizeof q);
}

enum { TURNS = 100 };
#define ROUNDING 1e-6 /* voxels: more than rounding can move a coordinate */

bool gn_warp_forward(const struct gn_warp *w, const int64_t p[3], int64_t out[3])
{
    double goal[3] = {(double)p[0], (double)p[1], (double)p[2]};
    struct gn_err unused = {0};
    bool settled = true;
    for (int i = w->n - 1; i >= 0; i--) {
        double inverse[12], q[3] = {goal[0], goal[1], goal[2]}, off = 0;
        if (w->part[i].field) { /* q + u(q) = goal: u is smooth and small against its grid */
            for (int turn = 0; turn < TURNS; turn++) {
                double r[3] = {q[0], q[1], q[2]};
                displace(w->part[i].field, r);
                off = 0;
                for (int a = 0; a < 3; a++) {
                    off = fmax(off, fabs(goal[a] - r[a]));
                    q[a] += goal[a] - r[a];
                }
                if (off < 1e-3)
                    break;
            }
            settled &= off < 0.5;
        }
        if (gn_affine_invert(w->part[i].matrix, inverse, &unused))
            return false;
        gn_affine_point(inverse, q, goal);
    }
    for (int a = 0; a < 3; a++) {
        if (!(fabs(goal[a]) < 1e15))
            return false;
        out[a] = (int64_t)floor(goal[a] + 0.5);
    }
    return settled;
}

/* Bounds of where the box of points lo..hi goes, in place; each field adds what lies within its
 * coefficients. */
static void bounds(const struct gn_warp *w, double lo[3], double hi[3])
{
    for (int i = 0; i < w->n; i++) {
        const double *m = w->part[i].matrix;
        double l[3], h[3];
        for (int r = 0; r < 3; r++) {
            l[r] = h[r] = m[4 * r + 3];
            for (int a = 0; a < 3; a++) {
                double x = m[4 * r + a] * lo[a], y = m[4 * r + a] * hi[a];
                l[r] += x < y ? x : y;
                h[r] += x < y ? y : x;
            }
            if (w->part[i].field) {
                l[r] += w->part[i].field->lo[r];
                h[r] += w->part[i].field->hi[r];
            }
        }
        memcpy(lo, l, sizeof l);
        memcpy(hi, h, sizeof h);
    }
}

void gn_warp_box(const struct gn_warp *w, const int64_t size[3], const struct gn_box *out,
                 struct gn_box *in)
{
    struct gn_orientation o;
    double lo[3], hi[3], slack = gn_warp_is_exact(w, &o) ? 0 : ROUNDING;
    for (int a = 0; a < 3; a++) {
        lo[a] = (double)out->origin[a];
        hi[a] = (double)(out->origin[a] + out->size[a] - 1);
    }
    bounds(w, lo, hi);
    for (int a = 0; a < 3; a++) {
        double top = (double)(size[a] - 1);
        int64_t first = (int64_t)fmin(fmax(floor(lo[a] - slack), 0), top);
        int64_t last = (int64_t)fmin(fmax(ceil(hi[a] + slack), 0), top);
        if (slack > 0 && size[a] > 1) { /* two, for both weights of the outer half voxels */
            first = first < size[a] - 2 ? first : size[a] - 2;
            last = last > 1 ? last : 1;
        }
        in->origin[a] = first;
        in->size[a] = last - first + 1;
    }
}

bool gn_warp_is_exact(const struct gn_warp *w, struct gn_orientation *o)
{
    bool taken[3] = {false, false, false};
    if (w->n == 0) {
        *o = (struct gn_orientation){{0, 1, 2}, {false, false, false}};
        return true;
    }
    if (w->n > 1 || w->part[0].field)
        return false;
    const double *m = w->part[0].matrix;
    for (int r = 0; r < 3; r++) { /* input axis r follows output axis a */
        int a = -1;
        for (int k = 0; k < 3; k++)
            if (m[4 * r + k] != 0) {
                if (a >= 0 || fabs(m[4 * r + k]) != 1)
                    return false;
                a = k;
            }
        if (a < 0 || taken[a] || m[4 * r + 3] != floor(m[4 * r + 3]))
            return false;
        taken[a] = true;
        o->axis[a] = r;
        o->flip[a] = m[4 * r + a] < 0;
    }
    return true;
}

/* ---- images ---- */

struct job {
    const struct gn_warp *w;
    const struct gn_tensor *in;
    const struct gn_box *have, *want;
    const int64_t *size;
    const double *fill;
    struct gn_tensor *out;
    bool nearest;
};

static int64_t clamp(int64_t v, int64_t top)
{
    return v < 0 ? 0 : v > top ? top : v;
}

/* Flat index within the component of in, of a voxel of the whole image. */
static int64_t place(const struct job *j, int64_t x, int64_t y, int64_t z)
{
    const int64_t *o = j->have->origin, *n = j->have->size;
    return ((clamp(z, j->size[2] - 1) - o[2]) * n[1] + clamp(y, j->size[1] - 1) - o[1]) * n[0] +
           clamp(x, j->size[0] - 1) - o[0];
}

static double read_linear(const struct job *j, const float *in, const double p[3])
{
    int64_t f[3];
    double w[3], v = 0;
    for (int a = 0; a < 3; a++) {
        f[a] = (int64_t)floor(p[a]);
        w[a] = p[a] - (double)f[a];
    }
    for (int k = 0; k < 8; k++) {
        double weight =
            (k & 1 ? w[0] : 1 - w[0]) * (k & 2 ? w[1] : 1 - w[1]) * (k & 4 ? w[2] : 1 - w[2]);
        if (weight != 0)
            v +=
                weight * (double)in[place(j, f[0] + (k & 1), f[1] + (k >> 1 & 1), f[2] + (k >> 2))];
    }
    return v;
}

static void plain_plane(void *arg, size_t plane, int thread)
{
    const struct job *j = arg;
    const int64_t *n = j->want->size, *o = j->want->origin;
    int64_t c = (int64_t)plane / n[2], z = (int64_t)plane % n[2];
    int64_t voxels = j->have->size[0] * j->have->size[1] * j->have->size[2];
    (void)thread;
    for (int64_t y = 0; y < n[1]; y++)
        for (int64_t x = 0; x < n[0]; x++) {
            int64_t at = (((int64_t)plane) * n[1] + y) * n[0] + x;
            double p[3] = {(double)(o[0] + x), (double)(o[1] + y), (double)(o[2] + z)};
            bool inside = true;
            gn_warp_point(j->w, p, p);
            for (int a = 0; a < 3; a++)
                inside &= p[a] >= -0.5 && p[a] < (double)j->size[a] - 0.5;
            if (!inside)
                gn_tensor_set(j->out, at, j->fill[c]);
            else if (j->nearest)
                gn_tensor_set(j->out, at,
                              gn_tensor_get(j->in, c * voxels + place(j, (int64_t)floor(p[0] + 0.5),
                                                                      (int64_t)floor(p[1] + 0.5),
                                                                      (int64_t)floor(p[2] + 0.5))));
            else
                ((float *)j->out->data)[at] =
                    (float)read_linear(j, (const float *)j->in->data + c * voxels, p);
        }
}

int gn_warp_run_plain(const struct gn_warp *w, const struct gn_tensor *in,
                      const struct gn_box *have, const int64_t size[3], const struct gn_box *want,
                      enum gn_interp interp, const double *fill, struct gn_tensor *out,
                      struct gn_err *err)
{
    struct job j = {w, in, have, want, size, fill, out, interp == GN_INTERP_NEAREST};
    if (gn_tensor_new4(out, in->dtype, in->shape[0], want->size[2], want->size[1], want->size[0],
                       err))
        return -1;
    gn_pool_run((size_t)(in->shape[0] * want->size[2]), plain_plane, &j);
    return 0;
}
