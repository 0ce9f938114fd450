/* kspace_plain.c - masks and spikes by the plain sums, in double: what kspace.c and
 * kspace_spike.c are compared with. */
#include <complex.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "image/kspace.h"

/* One transform along an axis of n values, stride apart; sign -1: forward. */
static void transform(double complex *x, int64_t n, int64_t stride, int sign,
                      const double complex *root, double complex *line)
{
    for (int64_t k = 0; k < n; k++) {
        line[k] = 0;
        for (int64_t i = 0; i < n; i++)
            line[k] += x[i * stride] * (sign < 0 ? conj(root[k * i % n]) : root[k * i % n]);
    }
    for (int64_t k = 0; k < n; k++)
        x[k * stride] = line[k];
}

/* Along one axis (0 x, 1 y, 2 z) of a component of the given size, x y z. */
static int transform_axis(double complex *x, const int64_t size[3], int axis, int sign,
                          struct gn_err *err)
{
    const int64_t n = size[axis], voxels = size[0] * size[1] * size[2];
    const int64_t stride = axis == 0 ? 1 : axis == 1 ? size[0] : size[0] * size[1];
    double complex *root = gn_try_alloc((size_t)(2 * n) * sizeof *root, err);
    if (!root)
        return -1;
    for (int64_t k = 0; k < n; k++) {
        double a = 2 * acos(-1.0) * (double)k / (double)n;
        root[k] = cos(a) + sin(a) * I;
    }
    for (int64_t i = 0; i < voxels; i++)
        if (i / stride % n == 0)
            transform(x + i, n, stride, sign, root, root + n);
    free(root);
    return 0;
}

int gn_kspace_mask_plain(struct gn_tensor *t, int axis, const double *mask, struct gn_err *err)
{
    const int64_t size[3] = {t->shape[3], t->shape[2], t->shape[1]}, n = size[axis];
    const int64_t voxels = size[0] * size[1] * size[2];
    const int64_t stride = axis == 0 ? 1 : axis == 1 ? size[0] : size[0] * size[1];
    double complex *x = gn_try_alloc((size_t)voxels * sizeof *x, err);
    int rc = -1;
    if (!x)
        return -1;
    for (int64_t c = 0; c < t->shape[0]; c++) {
        float *image = (float *)t->data + c * voxels;
        for (int64_t i = 0; i < voxels; i++)
            x[i] = (double)image[i];
        if (transform_axis(x, size, axis, -1, err))
            goto out;
        for (int64_t i = 0; i < voxels; i++)
            x[i] *= mask[(i / stride % n + n / 2) % n] / (double)n;
        if (transform_axis(x, size, axis, 1, err))
            goto out;
        for (int64_t i = 0; i < voxels; i++)
            image[i] = (float)creal(x[i]);
    }
    rc = 0;
out:
    free(x);
    return rc;
}

int gn_kspace_spike_plain(struct gn_tensor *t, int n, const double *place, double ratio,
                          struct gn_err *err)
{
    const int64_t size[3] = {t->shape[3], t->shape[2], t->shape[1]};
    const int64_t voxels = size[0] * size[1] * size[2];
    double complex *x = gn_try_alloc((size_t)voxels * sizeof *x, err);
    int rc = -1;
    if (!x)
        return -1;
    for (int64_t c = 0; c < t->shape[0]; c++) {
        float *image = (float *)t->data + c * voxels;
        for (int64_t i = 0; i < voxels; i++)
            x[i] = (double)image[i];
        for (int axis = 0; axis < 3; axis++)
            if (transform_axis(x, size, axis, -1, err))
                goto out;
        double equal = 0; /* opposite frequencies have one real part, but for rounding */
        for (int64_t i = 0; i < voxels; i++)
            equal += 1e-12 * fabs((double)image[i]);
        for (int k = 0; k < n; k++) {
            double complex most = x[0];
            int64_t at = 0;
            for (int64_t i = 1; i < voxels; i++)
                if (creal(x[i]) > creal(most) + equal ||
                    (creal(x[i]) > creal(most) - equal && cimag(x[i]) > cimag(most)))
                    most = x[i];
            for (int axis = 2; axis >= 0; axis--) {
                int64_t s = (int64_t)floor(place[3 * k + axis] * (double)size[axis]);
                at = at * size[axis] + (s + size[axis] - size[axis] / 2) % size[axis];
            }
            x[at] += ratio * most;
        }
        for (int axis = 0; axis < 3; axis++)
            if (transform_axis(x, size, axis, 1, err))
                goto out;
        for (int64_t i = 0; i < voxels; i++)
            image[i] = (float)(creal(x[i]) / (double)voxels);
    }
    rc = 0;
out:
    free(x);
    return rc;
}
