/* isa_wgrad.c - weight gradients on blocked tensors: 16 output channels times a few input channels
 * in registers, summed over voxels.
 *
 * A chunk of rows is cut in groups of rows that stay in the first-level cache; each group is summed
 * from zero, then added to the chunk's partial sums, so rounding errors grow with the number of
 * groups, not of voxels. Compiled once an instruction set. */
#include <string.h>

#include "backend/cpu/isa.h"
#include "backend/cpu/simd.h"

/* One row of a group: where its voxels lie. */
struct row {
    const float *x, *dy;
    int64_t d, h; /* of the input, before the tap's shift */
};

typedef void wtile_fn(float *part, const struct row *row, int rows, int64_t ow, ptrdiff_t off,
                      ptrdiff_t xstep);

/* part[t][16] += sum over rows and voxels dy[v][16] * x[v][off + t] */
GN_INLINE void wtile(const int T, float *part, const struct row *row, int rows, int64_t ow,
                     ptrdiff_t off, ptrdiff_t xstep)
{
    v16 acc[V16_WTILE];
    GN_UNROLL
    for (int t = 0; t < T; t++)
        acc[t] = v16_zero();
    for (int r = 0; r < rows; r++) {
        const float *x = row[r].x + off, *dy = row[r].dy, *end = dy + ow * 16;
        for (; dy < end; dy += 16, x += xstep) {
            v16 g = v16_load(dy);
            GN_UNROLL
            for (int t = 0; t < T; t++)
                acc[t] = v16_fma(v16_set(x[t]), g, acc[t]);
        }
    }
    GN_UNROLL
    for (int t = 0; t < T; t++)
        v16_store(part + 16 * t, v16_add(v16_load(part + 16 * t), acc[t]));
}

#define WTILE(T)                                                                                   \
    static void wtile_##T(float *part, const struct row *row, int rows, int64_t ow, ptrdiff_t off, \
                          ptrdiff_t xstep)                                                         \
    {                                                                                              \
        wtile(T, part, row, rows, ow, off, xstep);                                                 \
    }

#if defined(__AVX512F__)
WTILE(4)
WTILE(8)
WTILE(12)
WTILE(16)
static const struct {
    int n, size[6];
} cuts[4] = {{1, {4}}, {1, {8}}, {1, {12}}, {1, {16}}};
static wtile_fn *const wtiles[] = {[4] = wtile_4, [8] = wtile_8, [12] = wtile_12, [16] = wtile_16};
#elif defined(__AVX2__)
WTILE(4)
WTILE(5)
WTILE(6)
static const struct {
    int n, size[6];
} cuts[4] = {{1, {4}}, {2, {4, 4}}, {2, {6, 6}}, {3, {6, 5, 5}}};
static wtile_fn *const wtiles[] = {[4] = wtile_4, [5] = wtile_5, [6] = wtile_6};
#else
WTILE(2)
WTILE(3)
static const struct {
    int n, size[6];
} cuts[4] = {{2, {2, 2}}, {3, {3, 3, 2}}, {4, {3, 3, 3, 3}}, {6, {3, 3, 3, 3, 2, 2}}};
static wtile_fn *const wtiles[] = {[2] = wtile_2, [3] = wtile_3};
#endif

typedef void wlist_fn(float *part, const struct row *row, int rows, int64_t ow,
                      const struct gn_cpu_tap *tap, ptrdiff_t xstep);

/* The same for taps at any T places: (channel, tap) pairs of a plain input. */
GN_INLINE void wlist(const int T, float *part, const struct row *row, int rows, int64_t ow,
                     const struct gn_cpu_tap *tap, ptrdiff_t xstep)
{
    v16 acc[V16_WTILE];
    GN_UNROLL
    for (int t = 0; t < T; t++)
        acc[t] = v16_zero();
    for (int r = 0; r < rows; r++) {
        const float *dy = row[r].dy, *x[V16_WTILE];
        GN_UNROLL
        for (int t = 0; t < T; t++)
            x[t] = row[r].x + tap[t].off;
        ptrdiff_t i = 0;
        for (const float *end = dy + ow * 16; dy < end; dy += 16, i += xstep) {
            v16 g = v16_load(dy);
            GN_UNROLL
            for (int t = 0; t < T; t++)
                acc[t] = v16_fma(v16_set(x[t][i]), g, acc[t]);
        }
    }
    GN_UNROLL
    for (int t = 0; t < T; t++)
        v16_store(part + 16 * t, v16_add(v16_load(part + 16 * t), acc[t]));
}

#define WLIST(T)                                                                                   \
    static void wlist_##T(float *part, const struct row *row, int rows, int64_t ow,                \
                          const struct gn_cpu_tap *tap, ptrdiff_t xstep)                           \
    {                                                                                              \
        wlist(T, part, row, rows, ow, tap, xstep);                                                 \
    }
WLIST(1)
WLIST(2)
WLIST(3)
#if defined(__AVX2__)
WLIST(4)
WLIST(5)
WLIST(6)
enum { WLIST_MAX = 6 }; /* more pointers than that do not fit the general registers */
static wlist_fn *const wlists[] = {NULL, wlist_1, wlist_2, wlist_3, wlist_4, wlist_5, wlist_6};
#else
enum { WLIST_MAX = 3 };
static wlist_fn *const wlists[] = {NULL, wlist_1, wlist_2, wlist_3};
#endif

static void add_bias(double *bias, const struct row *row, int rows, int64_t ow)
{
    d16 s = d16_zero();
    double sum[16];
    for (int r = 0; r < rows; r++)
        for (int64_t w = 0; w < ow; w++)
            s = d16_add(s, d16_from(v16_load(row[r].dy + w * 16)));
    d16_store(sum, s);
    for (int i = 0; i < 16; i++)
        bias[i] += sum[i];
}

/* One item: a chunk of rows (over all n), one output block, one input block. */
void GN_ISA_NAME(gn_cpu_wgrad_item)(void *arg, size_t item, int thread)
{
    const struct gn_cpu_wgrad_job *j = arg;
    (void)thread;
    int64_t ib = (int64_t)item % j->iblocks, ob = (int64_t)item / j->iblocks % j->oblocks,
            chunk = (int64_t)item / j->iblocks / j->oblocks;
    int64_t rows = j->n * j->od * j->oh, r0 = chunk * j->rows_per_chunk;
    int64_t r1 = r0 + j->rows_per_chunk < rows ? r0 + j->rows_per_chunk : rows;
    size_t size = (size_t)j->n_tap * (j->plain ? 16 : 256);
    float *part = j->part + (size_t)((chunk * j->oblocks + ob) * j->iblocks + ib) * size;
    double *bias = j->bias && ib == 0 ? j->bias + (chunk * j->oblocks + ob) * 16 : NULL;
    memset(part, 0, size * sizeof(float));
    if (bias)
        memset(bias, 0, 16 * sizeof(double));

    for (int64_t g0 = r0; g0 < r1; g0 += j->rows_per_group) {
        struct row group[GN_CPU_GROUP_ROWS], inside[GN_CPU_GROUP_ROWS];
        int n_rows = (int)(g0 + j->rows_per_group < r1 ? j->rows_per_group : r1 - g0);
        for (int i = 0; i < n_rows; i++) {
            int64_t r = g0 + i, n = r / (j->od * j->oh), d = r / j->oh % j->od, h = r % j->oh;
            group[i].x = j->x + n * j->x_item + ib * j->x_block + d * j->x_plane + h * j->x_row;
            group[i].dy = j->dy + n * j->dy_item + ob * j->dy_block + d * j->dy_plane +
                          h * j->dy_row;
            group[i].d = d * j->stride_d;
            group[i].h = h * j->stride_h;
        }
        if (bias)
            add_bias(bias, group, n_rows, j->ow);
        if (j->plain) {
            for (int t = 0; t < j->n_tap; t += WLIST_MAX) {
                int T = j->n_tap - t < WLIST_MAX ? j->n_tap - t : WLIST_MAX;
                wlists[T](part + t * 16, group, n_rows, j->ow, j->tap + t, j->x_step);
            }
            continue;
        }
        int n_inside = 0;
        for (int t = 0; t < j->n_tap; t++) {
            const struct gn_cpu_tap *tap = &j->tap[t];
            if (t == 0 || tap->dd != tap[-1].dd ||
                tap->dh != tap[-1].dh) { /* rows in the halo would add zero */
                n_inside = 0;
                for (int i = 0; i < n_rows; i++)
                    if ((uint64_t)(group[i].d + tap->dd) < (uint64_t)j->in_d &&
                        (uint64_t)(group[i].h + tap->dh) < (uint64_t)j->in_h)
                        inside[n_inside++] = group[i];
            }
            if (n_inside == 0)
                continue;
            int nic = ib == j->iblocks - 1 ? j->last_nic : 16;
            for (int c = 0, ic = 0; c < cuts[nic / 4 - 1].n; c++) {
                int T = cuts[nic / 4 - 1].size[c];
                wtiles[T](part + t * 256 + ic * 16, inside, n_inside, j->ow, tap->off + ic,
                          j->x_step);
                ic += T;
            }
        }
    }
}
