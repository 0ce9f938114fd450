/* geometry.c - affines, grids and boxes; the rules are those of TorchIO 0.19
 * (https://torchio.readthedocs.io). */
#include "image/geometry.h"

#include <float.h>
#include <math.h>
#include <string.h>

void gn_affine_spacing(const double a[12], double spacing[3])
{
    for (int k = 0; k < 3; k++)
        spacing[k] = sqrt(a[k] * a[k] + a[4 + k] * a[4 + k] + a[8 + k] * a[8 + k]);
}

void gn_affine_point(const double a[12], const double p[3], double out[3])
{
    double x = p[0], y = p[1], z = p[2];
    for (int r = 0; r < 3; r++)
        out[r] = a[4 * r] * x + a[4 * r + 1] * y + a[4 * r + 2] * z + a[4 * r + 3];
}

void gn_affine_multiply(const double a[12], const double b[12], double out[12])
{
    double m[12];
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 4; c++)
            m[4 * r + c] = a[4 * r] * b[c] + a[4 * r + 1] * b[4 + c] + a[4 * r + 2] * b[8 + c];
        m[4 * r + 3] += a[4 * r + 3];
    }
    memcpy(out, m, sizeof m);
}

int gn_affine_invert(const double a[12], double inverse[12], struct gn_err *err)
{
    double c00 = a[5] * a[10] - a[6] * a[9], c01 = a[6] * a[8] - a[4] * a[10];
    double c02 = a[4] * a[9] - a[5] * a[8];
    double det = a[0] * c00 + a[1] * c01 + a[2] * c02;
    double s[3];
    gn_affine_spacing(a, s);
    /* The volume of a voxel against that of a box with the same edges: 0 when two axes lie in
     * one line. */
    if (!isfinite(det) || !(fabs(det) > 1e-9 * s[0] * s[1] * s[2]))
        return gn_err_set(err, "the affine is singular");
    double m[12] = {
        c00 / det, (a[2] * a[9] - a[1] * a[10]) / det, (a[1] * a[6] - a[2] * a[5]) / det, 0,
        c01 / det, (a[0] * a[10] - a[2] * a[8]) / det, (a[2] * a[4] - a[0] * a[6]) / det, 0,
        c02 / det, (a[1] * a[8] - a[0] * a[9]) / det, (a[0] * a[5] - a[1] * a[4]) / det, 0,
    };
    for (int r = 0; r < 3; r++)
        m[4 * r + 3] = -(m[4 * r] * a[3] + m[4 * r + 1] * a[7] + m[4 * r + 2] * a[11]);
    memcpy(inverse, m, sizeof m);
    return 0;
}

void gn_affine_shift(const double a[12], const double origin[3], double out[12])
{
    double o[3];
    gn_affine_point(a, origin, o);
    if (out != a)
        memcpy(out, a, 12 * sizeof *a);
    for (int r = 0; r < 3; r++)
        out[4 * r + 3] = o[r];
}

void gn_affine_shift_voxels(const double a[12], const int64_t origin[3], double out[12])
{
    double o[3] = { (double)origin[0], (double)origin[1], (double)origin[2] };
    gn_affine_shift(a, o, out);
}

void gn_affine_turning(const double a[12], const int64_t size[3], double out[12])
{
    double spacing[3];
    memmove(out, a, 12 * sizeof *out);
    gn_affine_spacing(out, spacing);
    const bool axial = fabs(out[2]) + fabs(out[6]) < 1e-6 * spacing[2] &&
                       fabs(out[8]) < 1e-6 * spacing[0] && fabs(out[9]) < 1e-6 * spacing[1];
    for (int r = 0; size[2] == 1 && !axial && r < 3; r++)
        for (int k = 0; k < 3; k++)
            out[4 * r + k] = r == k ? spacing[r] : 0;
    out[3] = out[7] = out[11] = 0;
}

int gn_grid_of(const struct gn_tensor *t, const double affine[12], struct gn_grid *g,
               struct gn_err *err)
{
    if (t->rank != 4)
        return gn_err_set(err, "not an image: its axes are not c z y x");
    for (int k = 0; k < 3; k++)
        g->size[k] = t->shape[3 - k];
    for (int k = 0; k < 12; k++)
        if (!isfinite(affine[k]))
            return gn_err_set(err, "the affine is not finite");
    memcpy(g->affine, affine, sizeof g->affine);
    return 0;
}

int64_t gn_grid_voxels(const int64_t size[3])
{
    return size[0] * size[1] * size[2];
}

bool gn_grid_same_size(const int64_t a[3], const int64_t b[3])
{
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

/* Eigenvectors (columns of v) of a symmetric 3x3 matrix by Jacobi rotations; m is overwritten,
 * its diagonal holds the eigenvalues. */
static void eigen3(double m[3][3], double v[3][3])
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            v[i][j] = i == j;
    for (int sweep = 0; sweep < 50; sweep++) {
        double off = fabs(m[0][1]) + fabs(m[0][2]) + fabs(m[1][2]);
        if (off <= DBL_MIN)
            break;
        for (int p = 0; p < 2; p++)
            for (int q = p + 1; q < 3; q++) {
                if (m[p][q] == 0)
                    continue;
                double theta = (m[q][q] - m[p][p]) / (2 * m[p][q]);
                double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
                double c = 1 / sqrt(t * t + 1), s = t * c;
                for (int k = 0; k < 3; k++) {
                    double a = m[k][p], b = m[k][q];
                    m[k][p] = c * a - s * b;
                    m[k][q] = s * a + c * b;
                }
                for (int k = 0; k < 3; k++) {
                    double a = m[p][k], b = m[q][k];
                    m[p][k] = c * a - s * b;
                    m[q][k] = s * a + c * b;
                    a = v[k][p];
                    b = v[k][q];
                    v[k][p] = c * a - s * b;
                    v[k][q] = s * a + c * b;
                }
            }
    }
}

/* Nearest orthogonal matrix of r (U V^T of its singular value decomposition), singular values
 * that are zero left out. */
static void orthogonal3(const double r[3][3], double q[3][3])
{
    double m[3][3], v[3][3], largest = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            m[i][j] = r[0][i] * r[0][j] + r[1][i] * r[1][j] + r[2][i] * r[2][j];
    eigen3(m, v);
    for (int k = 0; k < 3; k++)
        largest = fmax(largest, sqrt(fmax(m[k][k], 0)));
    memset(q, 0, 9 * sizeof q[0][0]);
    for (int k = 0; k < 3; k++) {
        double s = sqrt(fmax(m[k][k], 0));
        if (s <= largest * 3 * DBL_EPSILON)
            continue;
        for (int i = 0; i < 3; i++) {
            double u = (r[i][0] * v[0][k] + r[i][1] * v[1][k] + r[i][2] * v[2][k]) / s;
            for (int j = 0; j < 3; j++)
                q[i][j] += u * v[j][k];
        }
    }
}

void gn_grid_canonical(const struct gn_grid *g, struct gn_orientation *o, struct gn_grid *out)
{
    double s[3], r[3][3], q[3][3];
    int world_of[3] = { -1, -1, -1 }; /* of each voxel axis */
    bool negative[3], taken[3] = { false, false, false };
    gn_affine_spacing(g->affine, s);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            r[i][j] = g->affine[4 * i + j] / (s[j] > 0 ? s[j] : 1);
    orthogonal3(r, q);
    for (int i = 0; i < 3; i++) { /* the straightest axis chooses first */
        double most = -1;
        int best = -1, j = 0;
        for (int k = 0; k < 3; k++) {
            double v = fmax(fmax(fabs(q[0][k]), fabs(q[1][k])), fabs(q[2][k]));
            if (world_of[k] < 0 && v * v > most) {
                most = v * v;
                j = k;
            }
        }
        for (int w = 0; w < 3; w++)
            if (!taken[w] && (best < 0 || fabs(q[w][j]) > fabs(q[best][j])))
                best = w;
        taken[best] = true;
        world_of[j] = best;
        negative[j] = q[best][j] < 0;
    }
    for (int j = 0; j < 3; j++) {
        o->axis[world_of[j]] = j;
        o->flip[world_of[j]] = negative[j];
    }
    struct gn_grid result;
    double first[3] = { 0, 0, 0 };
    for (int k = 0; k < 3; k++) {
        result.size[k] = g->size[o->axis[k]];
        if (o->flip[k])
            first[o->axis[k]] = (double)(g->size[o->axis[k]] - 1);
        for (int w = 0; w < 3; w++) {
            double v = g->affine[4 * w + o->axis[k]];
            result.affine[4 * w + k] = o->flip[k] ? 0 - v : v;
        }
    }
    double corner[3];
    gn_affine_point(g->affine, first, corner);
    for (int w = 0; w < 3; w++)
        result.affine[4 * w + 3] = corner[w];
    *out = result;
}

void gn_box_center(const int64_t from[3], const int64_t size[3], struct gn_box *box)
{
    for (int k = 0; k < 3; k++) {
        int64_t d = size[k] - from[k]; /* > 0: pad */
        box->origin[k] = d > 0 ? -((d + 1) / 2) : (-d + 1) / 2;
        box->size[k] = size[k];
    }
}

void gn_box_grow(struct gn_box *box, const int64_t patch[3], const int64_t size[3])
{
    for (int k = 0; k < 3; k++) {
        int64_t lo = box->origin[k], hi = lo + box->size[k];
        if (hi - lo < patch[k])
            lo = hi - patch[k];
        if (lo < 0) {
            lo = 0;
            hi = patch[k];
        }
        if (hi > size[k])
            hi = size[k];
        box->origin[k] = lo;
        box->size[k] = hi - lo;
    }
}

/* Zero is all bytes zero, in floats up to the sign bit (the last byte's highest: little-endian). */
static bool nonzero(const unsigned char *p, size_t item, unsigned char last_mask)
{
    unsigned char any = p[item - 1] & last_mask;
    for (size_t b = 0; b + 1 < item; b++)
        any |= p[b];
    return any != 0;
}

void gn_box_nonzero(const struct gn_tensor *t, struct gn_box *box, bool *found)
{
    size_t item = gn_dtype_size(t->dtype);
    unsigned char mask = gn_dtype_is_float(t->dtype) ? 0x7f : 0xff;
    int64_t nz = t->shape[1], ny = t->shape[2], nx = t->shape[3];
    int64_t lo[3], hi[3]; /* hi exclusive */
    for (int k = 0; k < 3; k++) {
        lo[k] = *found ? box->origin[k] : INT64_MAX;
        hi[k] = *found ? box->origin[k] + box->size[k] : 0;
    }
    const unsigned char *row = t->data;
    for (int64_t r = 0; r < t->shape[0] * nz * ny; r++, row += (size_t)nx * item) {
        int64_t y = r % ny, z = r / ny % nz;
        int64_t a = 0, b = nx;
        while (a < nx && !nonzero(row + (size_t)a * item, item, mask))
            a++;
        if (a == nx)
            continue;
        while (!nonzero(row + (size_t)(b - 1) * item, item, mask))
            b--;
        int64_t first[3] = { a, y, z }, last[3] = { b, y + 1, z + 1 };
        for (int k = 0; k < 3; k++) {
            lo[k] = first[k] < lo[k] ? first[k] : lo[k];
            hi[k] = last[k] > hi[k] ? last[k] : hi[k];
        }
    }
    if (hi[0] == 0)
        return;
    *found = true;
    for (int k = 0; k < 3; k++) {
        box->origin[k] = lo[k];
        box->size[k] = hi[k] - lo[k];
    }
}
