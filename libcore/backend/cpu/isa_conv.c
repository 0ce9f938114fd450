/* isa_conv.c - convolution on blocked tensors: 16 output channels times a row of voxels in
 * registers.
 *
 * An output element is the bias plus the sum of each group of taps, each group a chain of fused
 * multiply-adds from zero in the listed order, whatever the tile: so the bits do not depend on the
 * register file, and rounding errors grow with the groups, not the products. Compiled once an
 * instruction set. */
#include "backend/cpu/isa.h"
#include "backend/cpu/simd.h"

typedef void tile_fn(float *y, ptrdiff_t ystep, const float *x, ptrdiff_t xstep, const float *w,
                     const struct gn_cpu_tap *tap, int n_tap, const float *bias);

/* y[t] = (bias or y[t]) + the sum over taps and channels; T and quad are constants after inlining,
 * xstep too unless it is the general kernel. */
GN_INLINE void tile(const int T, const int quad, float *y, ptrdiff_t ystep, const float *x,
                    const ptrdiff_t xstep, const float *w, const struct gn_cpu_tap *tap, int n_tap,
                    const float *bias)
{
    v16 acc[V16_TILE];
    GN_UNROLL
    for (int t = 0; t < T; t++)
        acc[t] = v16_zero();
    for (int i = 0; i < n_tap; i++) {
        const float *xe = x + tap[i].off;
        const int nic = quad == 1 ? 1 : tap[i].nic;
        for (int c = 0; c < nic; c += quad) {
            GN_UNROLL
            for (int q = 0; q < quad; q++) {
                v16 wv = v16_load(w + 16 * q);
                GN_UNROLL
                for (int t = 0; t < T; t++)
                    acc[t] = v16_fma(v16_set(xe[t * xstep + q]), wv, acc[t]);
            }
            w += 16 * quad;
            xe += quad;
        }
    }
    GN_UNROLL
    for (int t = 0; t < T; t++)
        v16_store(y + t * ystep, v16_add(v16_load(bias ? bias : y + t * ystep), acc[t]));
}

#define TILE(T, KIND, QUAD, STEP)                                                                  \
    static void tile_##KIND##_##T(float *y, ptrdiff_t ystep, const float *x, ptrdiff_t xstep,      \
                                  const float *w, const struct gn_cpu_tap *tap, int n_tap,         \
                                  const float *bias)                                               \
    {                                                                                              \
        (void)xstep;                                                                               \
        tile(T, QUAD, y, ystep, x, STEP, w, tap, n_tap, bias);                                     \
    }
#define TILE_KINDS(T)                                                                              \
    TILE(T, b1, 4, 16)                                                                             \
    TILE(T, b2, 4, 32) TILE(T, bx, 4, xstep) TILE(T, p1, 1, 1) TILE(T, px, 1, xstep)
#define TILE_ROW(T)                                                                                \
    {                                                                                              \
        tile_b1_##T, tile_b2_##T, tile_bx_##T, tile_p1_##T, tile_px_##T                            \
    }

TILE_KINDS(1)
TILE_KINDS(2)
TILE_KINDS(3)
#if defined(__AVX2__)
TILE_KINDS(4)
TILE_KINDS(5)
TILE_KINDS(6)
#endif
#if defined(__AVX512F__)
TILE_KINDS(7)
TILE_KINDS(8)
TILE_KINDS(9)
TILE_KINDS(10)
TILE_KINDS(11)
TILE_KINDS(12)
TILE_KINDS(13)
TILE_KINDS(14)
#endif

static tile_fn *const tiles[V16_TILE + 1][5] = {
    {0},          TILE_ROW(1),  TILE_ROW(2),  TILE_ROW(3),
#if defined(__AVX2__)
    TILE_ROW(4),  TILE_ROW(5),  TILE_ROW(6),
#endif
#if defined(__AVX512F__)
    TILE_ROW(7),  TILE_ROW(8),  TILE_ROW(9),  TILE_ROW(10),
    TILE_ROW(11), TILE_ROW(12), TILE_ROW(13), TILE_ROW(14),
#endif
};

static int tile_kind(const struct gn_cpu_conv_job *j)
{
    if (j->plain)
        return j->x_step == 1 ? 3 : 4;
    return j->x_step == 16 ? 0 : j->x_step == 32 ? 1 : 2;
}

/* An item's finished rows, still in the second-level cache: the epilogue, and sums and sums of
 * squares in 16 lanes of double. */
static void finish_rows(const struct gn_cpu_conv_job *j, float *y, int64_t n, int64_t b, int64_t r0,
                        int64_t r1, double *stats)
{
    d16 s = d16_zero(), q = d16_zero();
    const int64_t lane = (n * j->blocks + b) * 16;
    const float *mul1 = j->ep.mul1 ? j->ep.mul1 + lane : NULL,
                *mul2 = j->ep.mul2 ? j->ep.mul2 + lane : NULL;
    for (int64_t r = r0; r < r1; r++) {
        int64_t d = r / j->oh, h = r % j->oh;
        float *p = y + d * j->y_plane + h * j->y_row;
        const float *add = j->add ? j->add + n * j->add_item + b * j->add_block + d * j->add_plane +
                                        h * j->add_row
                                  : NULL;
        for (int64_t w = 0; w < j->ow; w++, p += j->y_step) {
            v16 v = v16_load(p);
            if (mul1)
                v = v16_mul(v, v16_load(mul1));
            if (add)
                v = v16_add(v, v16_load(add + w * j->add_step));
            if (mul2)
                v = v16_mul(v, v16_load(mul2));
            if (mul1 || add || mul2)
                v16_store(p, v);
            if (stats) {
                d16 e = d16_from(v);
                s = d16_add(s, e);
                q = d16_fma(e, e, q);
            }
        }
    }
    if (stats) {
        d16_store(stats, s);
        d16_store(stats + 16, q);
    }
}

/* One item: a run of rows of one output block. Taps go in groups whose weights stay in the
 * first-level cache while the rows pass; between groups the sums rest in y. Taps whose input row
 * lies in the halo are skipped: they would add zero. */
static void conv_item(void *arg, size_t item, int thread)
{
    const struct gn_cpu_conv_job *j = arg;
    (void)thread;
    int64_t b = (int64_t)item % j->blocks, chunk = (int64_t)item / j->blocks % j->chunks,
            n = (int64_t)item / j->blocks / j->chunks;
    int64_t rows = j->od * j->oh, r0 = chunk * j->rows_per_item;
    int64_t r1 = r0 + j->rows_per_item < rows ? r0 + j->rows_per_item : rows;
    const float *xn = j->x + n * j->x_item;
    float *yb = j->y + n * j->y_item + b * j->y_block;
    int64_t n_tiles = (j->ow + V16_TILE - 1) / V16_TILE, small = j->ow / n_tiles,
            large = j->ow % n_tiles;
    int kind = tile_kind(j);
    tile_fn *fn_small = tiles[small][kind], *fn_large = tiles[large ? small + 1 : small][kind];

    for (int g = 0; g < j->n_group; g++) {
        for (int64_t r = r0; r < r1; r++) {
            int64_t d = r / j->oh, h = r % j->oh;
            int t0 = j->group[g], t1 = j->group[g + 1];
#define OUTSIDE(t)                                                                                 \
    ((uint64_t)(d * j->stride_d + j->tap[t].dd) >= (uint64_t)j->in_d ||                            \
     (uint64_t)(h * j->stride_h + j->tap[t].dh) >= (uint64_t)j->in_h)
            while (t0 < t1 && OUTSIDE(t0))
                t0++;
            while (t0 < t1 && OUTSIDE(t1 - 1))
                t1--;
            const float *bias = g == 0 ? j->bias + b * 16 : NULL;
            if (t0 == t1 && !bias)
                continue;
            const float *x = xn + d * j->x_plane + h * j->x_row;
            const float *w = j->w + b * j->w_block + (t0 < t1 ? j->tap[t0].woff : 0);
            float *y = yb + d * j->y_plane + h * j->y_row;
            for (int64_t t = 0; t < n_tiles; t++) {
                int64_t T = t < large ? small + 1 : small;
                (t < large ? fn_large : fn_small)(y, j->y_step, x, j->x_step, w, j->tap + t0,
                                                  t1 - t0, bias);
                x += T * j->x_step;
                y += T * j->y_step;
            }
        }
    }
    if (j->stats || j->ep.mul1 || j->add || j->ep.mul2)
        finish_rows(j, yb, n, b, r0, r1,
                    j->stats ? j->stats + ((chunk * j->n + n) * j->blocks + b) * 32 : NULL);
    if (j->halo)
        for (int64_t r = r0; r < r1; r++)
            zero_halo_row(j->halo, n, b, r / j->oh, r % j->oh);
}

const struct gn_cpu_kernels GN_ISA_NAME(gn_cpu_kernels) = {
    .name = GN_ISA_STRING,
    .conv = conv_item,
    .wgrad = GN_ISA_NAME(gn_cpu_wgrad_item),
    .point = GN_ISA_NAME(gn_cpu_point_item),
};
