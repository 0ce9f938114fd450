/* bspline.c - voxels to coefficients of the cubic B-spline through them: along every line a causal
 * and an anticausal recursion with the pole sqrt(3) - 2 (M. Unser, A. Aldroubi, M. Eden, "B-spline
 * signal processing", IEEE Transactions on Signal Processing 41, 1993). */
#include "image/bspline.h"

#include <stdlib.h>

#include "base/isa.h"
#include "base/mem.h"
#include "base/pool.h"
#include "image/resample_private.h"

void gn_bspline_line(double *v, int64_t n)
{
    const double pole = GN_BSPLINE_POLE;
    double sum, last = 1, power = pole;
    if (n == 1)
        return;
    for (int64_t k = 0; k < n; k++)
        v[k] *= 6;
    /* What the recursion would have gathered on the mirrored image before the first voxel. */
    for (int64_t k = 1; k < n; k++)
        last *= pole;
    sum = v[0] + last * v[n - 1];
    for (int64_t k = 1; k < n - 1; k++) {
        sum += (power + last * last / power) * v[k];
        power *= pole;
        if (fabs(power) < 1e-18) /* and what comes back from the far end is as small */
            break;
    }
    v[0] = sum / (1 - last * last);
    for (int64_t k = 1; k < n; k++)
        v[k] += pole * v[k - 1];
    v[n - 1] = pole / (pole * pole - 1) * (v[n - 1] + pole * v[n - 2]);
    for (int64_t k = n - 2; k >= 0; k--)
        v[k] = pole * (v[k + 1] - v[k]);
}

/* The lines of one axis, in groups of GN_FILTER_LINES that lie side by side. */
struct job {
    float *data;
    int64_t n, step, across;       /* elements between voxels of a line, and between lines */
    int64_t lines, groups;         /* lines that lie across apart, groups of them */
    int64_t outer;                 /* elements between such sets of lines */
    double *scratch;               /* n * GN_FILTER_LINES a thread */
    const struct gn_resample_kernels *k;
};

static void filter_group(void *arg, size_t item, int thread)
{
    const struct job *j = arg;
    const int64_t first = (int64_t)item % j->groups * GN_FILTER_LINES;
    const int64_t left = j->lines - first;
    float *at = j->data + (int64_t)item / j->groups * j->outer + first * j->across;
    j->k->filter(at, j->n, j->step, j->across, left < GN_FILTER_LINES ? left : GN_FILTER_LINES,
                 j->scratch + thread * j->n * GN_FILTER_LINES);
}

int gn_bspline_prefilter(struct gn_tensor *t, const bool axis[3], struct gn_err *err)
{
    const int64_t n[3] = { t->shape[3], t->shape[2], t->shape[1] };
    const int64_t step[3] = { 1, n[0], n[0] * n[1] };
    for (int a = 0; a < 3; a++) {
        struct job j = { .data = t->data, .n = n[a], .step = step[a],
                         .k = GN_ISA_PICK(gn_resample_kernels) };
        int64_t sets;
        if (!axis[a] || n[a] == 1)
            continue;
        if (a == 0) { /* all rows; else the lines that start in a row, or in a plane */
            j.across = n[0];
            j.lines = t->shape[0] * n[1] * n[2];
            sets = 1;
        } else {
            j.across = 1;
            j.lines = a == 1 ? n[0] : n[0] * n[1];
            j.outer = a == 1 ? n[0] * n[1] : n[0] * n[1] * n[2];
            sets = a == 1 ? t->shape[0] * n[2] : t->shape[0];
        }
        j.groups = (j.lines + GN_FILTER_LINES - 1) / GN_FILTER_LINES;
        j.scratch = gn_try_alloc((size_t)gn_pool_threads() * (size_t)n[a] * GN_FILTER_LINES *
                                 sizeof *j.scratch, err);
        if (!j.scratch)
            return -1;
        gn_pool_run((size_t)(sets * j.groups), filter_group, &j);
        free(j.scratch);
    }
    return 0;
}
