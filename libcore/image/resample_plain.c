/* resample_plain.c - the plain version of resampling: each voxel by itself, in double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "image/bspline.h"
#include "image/resample.h"

struct job {
    const struct gn_tensor *in;
    struct gn_tensor *out;
    const double *map;
    double fill;
    enum gn_interp interp;
    double *coefficient; /* of the B-spline, else NULL */
};

/* Indices and weights along one axis at c; how many. */
static int neighbours(enum gn_interp interp, double c, int64_t n, int64_t at[GN_TAPS_MOST],
                      double w[GN_TAPS_MOST])
{
    const int64_t f = (int64_t)floor(interp == GN_INTERP_NEAREST ? c + 0.5 : c);
    const double d = c - (double)f;
    int taps = 1, before = 0;
    w[0] = 1;
    if (interp == GN_INTERP_LINEAR) {
        taps = 2;
        w[0] = 1 - d;
        w[1] = d;
    } else if (interp == GN_INTERP_BSPLINE) {
        taps = GN_TAPS_CUBIC;
        before = 1;
        gn_bspline_weights(d, w);
    } else if (interp == GN_INTERP_LANCZOS) {
        taps = GN_TAPS_LANCZOS;
        before = 4;
        gn_lanczos_weights(d, w);
    }
    for (int t = 0; t < taps; t++)
        at[t] = interp == GN_INTERP_BSPLINE ? gn_bspline_mirror(f - before + t, n)
                                            : gn_clamp_index(f - before + t, n);
    return taps;
}

static void plain_row(void *arg, size_t item, int thread)
{
    const struct job *j = arg;
    const int64_t nz = j->out->shape[1], ny = j->out->shape[2], nx = j->out->shape[3];
    const int64_t n[3] = { j->in->shape[3], j->in->shape[2], j->in->shape[1] };
    const int64_t y = (int64_t)item % ny, z = (int64_t)item / ny % nz;
    const int64_t start = (int64_t)item / ny / nz * n[0] * n[1] * n[2];
    const size_t size = gn_dtype_size(j->in->dtype);
    (void)thread;
    for (int64_t x = 0; x < nx; x++) {
        const int64_t at = (int64_t)item * nx + x;
        int64_t i[3][GN_TAPS_MOST];
        double w[3][GN_TAPS_MOST], sum = 0;
        bool inside = true;
        int taps[3] = { 0, 0, 0 };
        for (int k = 0; k < 3; k++) {
            const double *m = j->map + 4 * k;
            double p = m[0] * (double)x + m[1] * (double)y + m[2] * (double)z + m[3];
            inside = inside && p >= -0.5 && p < (double)n[k] - 0.5;
            if (inside)
                taps[k] = neighbours(j->interp, p, n[k], i[k], w[k]);
        }
        if (!inside) {
            gn_tensor_set(j->out, at, j->fill);
            continue;
        }
        if (j->interp == GN_INTERP_NEAREST) {
            int64_t from = start + (i[2][0] * n[1] + i[1][0]) * n[0] + i[0][0];
            memcpy((char *)j->out->data + (size_t)at * size,
                   (const char *)j->in->data + (size_t)from * size, size);
            continue;
        }
        for (int c = 0; c < taps[2]; c++)
            for (int b = 0; b < taps[1]; b++)
                for (int a = 0; a < taps[0]; a++) {
                    double weight = w[2][c] * w[1][b] * w[0][a];
                    int64_t from = start + (i[2][c] * n[1] + i[1][b]) * n[0] + i[0][a];
                    if (weight != 0) /* else nor has a NaN a say */
                        sum += weight * (j->coefficient ? j->coefficient[from]
                                                        : gn_tensor_get(j->in, from));
                }
        ((float *)j->out->data)[at] = (float)sum;
    }
}

static int coefficients(struct job *j, struct gn_err *err)
{
    const int64_t n[3] = { j->in->shape[3], j->in->shape[2], j->in->shape[1] };
    const int64_t step[3] = { 1, n[0], n[0] * n[1] }, count = gn_tensor_count(j->in);
    const int64_t longest = n[0] > n[1] ? n[0] > n[2] ? n[0] : n[2] : n[1] > n[2] ? n[1] : n[2];
    double *v = gn_try_alloc((size_t)count * sizeof *v, err);
    double *line = v ? gn_try_alloc((size_t)longest * sizeof *line, err) : NULL;
    j->coefficient = v;
    if (!line)
        return -1;
    gn_convert_to_double(j->in->data, j->in->dtype, v, (size_t)count);
    for (int a = 0; a < 3; a++)
        for (int64_t at = 0; at < count; at++) {
            if (at / step[a] % n[a] != 0) /* not the first voxel of a line */
                continue;
            for (int64_t k = 0; k < n[a]; k++)
                line[k] = v[at + k * step[a]];
            gn_bspline_line(line, n[a]);
            for (int64_t k = 0; k < n[a]; k++)
                v[at + k * step[a]] = line[k];
        }
    free(line);
    return 0;
}

int gn_resample_plain(const struct gn_tensor *in, const double map[12], const int64_t size[3],
                      enum gn_interp interp, double fill, struct gn_tensor *out,
                      struct gn_err *err)
{
    struct job j = { .in = in, .out = out, .map = map, .fill = fill, .interp = interp };
    int rc = -1;
    if (gn_tensor_new4(out, interp == GN_INTERP_NEAREST ? in->dtype : GN_FLOAT32, in->shape[0],
                       size[2], size[1], size[0], err))
        return -1;
    if (interp != GN_INTERP_BSPLINE || coefficients(&j, err) == 0) {
        gn_pool_run((size_t)(out->shape[0] * size[2] * size[1]), plain_row, &j);
        rc = 0;
    }
    free(j.coefficient);
    if (rc)
        gn_tensor_free(out);
    return rc;
}
