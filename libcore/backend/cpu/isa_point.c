/* isa_point.c - everything on blocked tensors that is not a convolution: one pass over rows of
 * voxels, 16 channels at a time.
 *
 * Bound by memory, so arithmetic is spent on accuracy: sums are double, means carry their rounding
 * error in the shift. Compiled once an instruction set. */
#include "backend/cpu/isa.h"

/* The rows of one item and the lanes of its block. */
struct place {
    int64_t n, b, r0, r1, lane;
};

static v16 lanes(const float *p, const struct place *at)
{
    return p ? v16_load(p + at->lane) : v16_zero();
}

static v16 leaky(v16 z, v16 v, v16 slope) { return v16_select_negative(z, v16_mul(v, slope), v); }

static void norm_sums(const struct gn_cpu_point_job *j, const struct place *at, double *part)
{
    d16 s = d16_zero(), q = d16_zero();
    for (int64_t r = at->r0; r < at->r1; r++) {
        const float *x = gn_cpu_at(j->a, at->n, at->b, r / j->a->h, r % j->a->h, 0);
        for (int64_t w = 0; w < j->a->w; w++) {
            d16 v = d16_from(v16_load(x + w * 16));
            s = d16_add(s, v);
            q = d16_fma(v, v, q);
        }
    }
    d16_store(part, s);
    d16_store(part + 16, q);
}

static void norm_bwd_sums(const struct gn_cpu_point_job *j, const struct place *at, double *part)
{
    d16 s = d16_zero(), q = d16_zero();
    v16 mean = lanes(j->mean, at), scale = lanes(j->scale, at), shift = lanes(j->shift, at),
        rstd = lanes(j->rstd, at), xshift = lanes(j->xshift, at), slope = v16_set(j->slope);
    for (int64_t r = at->r0; r < at->r1; r++) {
        const float *x = gn_cpu_at(j->a, at->n, at->b, r / j->a->h, r % j->a->h, 0);
        const float *dy = gn_cpu_at(j->b, at->n, at->b, r / j->a->h, r % j->a->h, 0);
        for (int64_t w = 0; w < j->a->w; w++) {
            v16 c = v16_sub(v16_load(x + w * 16), mean);
            v16 dz = leaky(v16_fma(c, scale, shift), v16_load(dy + w * 16), slope);
            d16 e = d16_from(dz);
            s = d16_add(s, e);
            q = d16_fma(e, d16_from(v16_fma(c, rstd, xshift)), q);
        }
    }
    d16_store(part, s);
    d16_store(part + 16, q);
}

/* Result rows: voxel w of the inputs at x and dy (already shifted to the row) gives the value
 * stored. op is a constant. */
GN_INLINE void rows(const struct gn_cpu_point_job *j, const struct place *at,
                    const enum gn_cpu_point op)
{
    v16 mean = lanes(j->mean, at), scale = lanes(j->scale, at), shift = lanes(j->shift, at),
        rstd = lanes(j->rstd, at), xshift = lanes(j->xshift, at), c0 = lanes(j->c0, at),
        c1 = lanes(j->c1, at), slope = v16_set(j->slope);
    v16 mul1 = lanes(j->ep.mul1, at), mul2 = lanes(j->ep.mul2, at);
    const bool two = op == GN_CPU_NORM_BWD || op == GN_CPU_LEAKY_BWD || op == GN_CPU_ADD;
    for (int64_t r = at->r0; r < at->r1; r++) {
        int64_t d = r / j->y->h, h = r % j->y->h;
        const float *a = gn_cpu_at(j->a, at->n, at->b, d, h, 0),
                    *b = two ? gn_cpu_at(j->b, at->n, at->b, d, h, 0) : NULL;
        const float *add = j->ep.add ? gn_cpu_at(j->ep.add, at->n, at->b, d, h, 0) : NULL;
        float *y = gn_cpu_at(j->y, at->n, at->b, d, h, 0);
        for (int64_t w = 0; w < j->y->w * 16; w += 16) {
            v16 v = v16_load(a + w);
            if (op == GN_CPU_NORM_APPLY) {
                v = v16_fma(v16_sub(v, mean), scale, shift);
                v = leaky(v, v, slope);
            } else if (op == GN_CPU_NORM_BWD) {
                v16 c = v16_sub(v, mean);
                v16 dz = leaky(v16_fma(c, scale, shift), v16_load(b + w), slope);
                v16 xhat = v16_fma(c, rstd, xshift);
                v = v16_mul(scale, v16_sub(v16_sub(dz, c0), v16_mul(xhat, c1)));
                if (j->ep.mul1)
                    v = v16_mul(v, mul1);
                if (add)
                    v = v16_add(v, v16_load(add + w));
                if (j->ep.mul2)
                    v = v16_mul(v, mul2);
            } else if (op == GN_CPU_SCALE)
                v = v16_mul(v, scale);
            else if (op == GN_CPU_LEAKY)
                v = leaky(v, v, slope);
            else if (op == GN_CPU_LEAKY_BWD)
                v = leaky(v, v16_load(b + w), slope);
            else
                v = v16_add(v, v16_load(b + w));
            v16_store(y + w, v);
        }
    }
}

enum { SEGMENT = 512 }; /* voxels of a row combined at a time, on the stack */

/* One row of a separable linear map: the rows that the D and H axes ask for are combined into t,
 * then t along W. The voxels of t are those that outputs w0 .. w1 - 1 read. */
static void linear_row(const struct gn_cpu_point_job *j, const struct place *at, int64_t d,
                       int64_t h)
{
    const struct gn_cpu_linear *D = &j->axis[0], *H = &j->axis[1], *W = &j->axis[2];
    _Alignas(64) float t[SEGMENT * 16];
    float *y = gn_cpu_at(j->y, at->n, at->b, d, h, 0);
    for (int64_t w0 = 0, w1; w0 < j->y->w; w0 = w1) {
        int32_t first = W->i[W->start[w0]], last = first;
        for (w1 = w0; w1 < j->y->w; w1++) { /* inputs ascend with the output */
            int32_t top = W->i[W->start[w1 + 1] - 1];
            if (top - first >= SEGMENT)
                break;
            last = top > last ? top : last;
        }
        bool begun = false;
        for (int32_t jd = D->start[d]; jd < D->start[d + 1]; jd++)
            for (int32_t jh = H->start[h]; jh < H->start[h + 1]; jh++) {
                const float *x = gn_cpu_at(j->a, at->n, at->b, D->i[jd], H->i[jh], first);
                v16 k = v16_set(D->w[jd] * H->w[jh]);
                int64_t size = (last - first + 1) * 16;
                if (begun)
                    for (int64_t i = 0; i < size; i += 16)
                        v16_store(t + i, v16_fma(v16_load(x + i), k, v16_load(t + i)));
                else
                    for (int64_t i = 0; i < size; i += 16)
                        v16_store(t + i, v16_mul(v16_load(x + i), k));
                begun = true;
            }
        for (int64_t w = w0; w < w1; w++) {
            v16 v = v16_zero();
            for (int32_t i = W->start[w]; i < W->start[w + 1]; i++)
                v = v16_fma(v16_load(t + (W->i[i] - first) * 16), v16_set(W->w[i]), v);
            v16_store(y + w * 16, v);
        }
    }
}

void GN_ISA_NAME(gn_cpu_point_item)(void *arg, size_t item, int thread)
{
    const struct gn_cpu_point_job *j = arg;
    (void)thread;
    struct place at = {.b = (int64_t)item % j->blocks, .n = (int64_t)item / j->blocks / j->chunks};
    int64_t chunk = (int64_t)item / j->blocks % j->chunks;
    at.r0 = chunk * j->rows_per_item;
    at.r1 = at.r0 + j->rows_per_item < j->rows ? at.r0 + j->rows_per_item : j->rows;
    at.lane = (at.n * j->blocks + at.b) * 16;
    double *part = j->part ? j->part + ((chunk * j->n + at.n) * j->blocks + at.b) * 32 : NULL;
    switch (j->op) {
    case GN_CPU_NORM_SUMS: norm_sums(j, &at, part); break;
    case GN_CPU_NORM_BWD_SUMS: norm_bwd_sums(j, &at, part); break;
    case GN_CPU_NORM_APPLY: rows(j, &at, GN_CPU_NORM_APPLY); break;
    case GN_CPU_NORM_BWD: rows(j, &at, GN_CPU_NORM_BWD); break;
    case GN_CPU_SCALE: rows(j, &at, GN_CPU_SCALE); break;
    case GN_CPU_LEAKY: rows(j, &at, GN_CPU_LEAKY); break;
    case GN_CPU_LEAKY_BWD: rows(j, &at, GN_CPU_LEAKY_BWD); break;
    case GN_CPU_ADD: rows(j, &at, GN_CPU_ADD); break;
    case GN_CPU_LINEAR:
        for (int64_t r = at.r0; r < at.r1; r++)
            linear_row(j, &at, r / j->y->h, r % j->y->h);
        break;
    }
    if (j->y)
        for (int64_t r = at.r0; r < at.r1; r++)
            zero_halo_row(j->y, at.n, at.b, r / j->y->h, r % j->y->h);
}
