/* cpu.h - the kernels of the cpu backend on blocked tensors; cpu.c binds them to a graph.
 *
 * Every function works on whole tensors, claims its items from base/pool.h and cuts them by shape
 * alone, so that the bits do not depend on the number of threads. Scratch memory is the caller's,
 * 64-byte aligned; its size comes from the function's _scratch twin. Plain, readable twins in
 * scalar C are in plain.c (gn_plain_*).
 */
#ifndef GN_BACKEND_CPU_CPU_H
#define GN_BACKEND_CPU_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* An activation: [n][c / cb][d + 2 hd][h + 2 hh][w + 2 hw][cb]. cb is 16 (blocked; channels above c
 * are zero) or 1 (plain: network inputs with few channels). The halo is zero; every kernel that
 * writes a tensor writes its halo too. */
struct gn_cpu_tensor {
    float *p;
    int64_t n, c, d, h, w;
    int hd, hh, hw;
    int cb;
    int64_t item; /* floats from one n to the next, when it is a part of a larger tensor; 0: this
                     tensor's own size */
};

static inline int64_t gn_cpu_blocks(const struct gn_cpu_tensor *t)
{
    return (t->c + t->cb - 1) / t->cb;
}
static inline int64_t gn_cpu_row(const struct gn_cpu_tensor *t)
{
    return (t->w + 2 * t->hw) * t->cb;
}
static inline int64_t gn_cpu_plane(const struct gn_cpu_tensor *t)
{
    return (t->h + 2 * t->hh) * gn_cpu_row(t);
}
static inline int64_t gn_cpu_block(const struct gn_cpu_tensor *t)
{
    return (t->d + 2 * t->hd) * gn_cpu_plane(t);
}
static inline int64_t gn_cpu_item(const struct gn_cpu_tensor *t)
{
    return t->item ? t->item : gn_cpu_blocks(t) * gn_cpu_block(t);
}
static inline size_t gn_cpu_bytes(const struct gn_cpu_tensor *t)
{
    return (size_t)(t->n * gn_cpu_item(t)) * sizeof(float);
}
/* Address of a voxel; the coordinates may lie in the halo. */
static inline float *gn_cpu_at(const struct gn_cpu_tensor *t, int64_t n, int64_t block, int64_t d,
                               int64_t h, int64_t w)
{
    return t->p + n * gn_cpu_item(t) + block * gn_cpu_block(t) + (d + t->hd) * gn_cpu_plane(t) +
           (h + t->hh) * gn_cpu_row(t) + (w + t->hw) * t->cb;
}

/* --- layout (pack.c) --- */
/* Dense N C D H W to a tensor (zeroing halo and padding channels), and back. */
void gn_cpu_import(const struct gn_cpu_tensor *t, const float *dense);
void gn_cpu_export(const struct gn_cpu_tensor *t, float *dense);
void gn_cpu_zero_halo(const struct gn_cpu_tensor *t);

/* --- convolution (conv.c): y[o] = bias + sum_k w[k] x[o * stride - pad + k * dilation]; axes D H W
 * --- */
struct gn_cpu_conv {
    int kernel[3], stride[3], pad[3], dilation[3];
};
int64_t gn_cpu_conv_out(int64_t in, int kernel, int stride, int pad, int dilation);
/* Smallest halos: of x for the forward pass and the weight gradient, of dy for the data gradient.
 */
void gn_cpu_conv_halo(const struct gn_cpu_conv *cv, const int64_t in[3], int halo_x[3],
                      int halo_dy[3]);

/* Weights (cout, cin, kD, kH, kW) and bias (cout, may be NULL) in the order of the kernels; x_cb is
 * the input's block (16 or 1). The sizes are floats. The packed arrays must be 64-byte aligned. */
size_t gn_cpu_pack_forward_size(const struct gn_cpu_conv *cv, int64_t cin, int64_t cout, int x_cb);
void gn_cpu_pack_forward(const struct gn_cpu_conv *cv, int64_t cin, int64_t cout, int x_cb,
                         const float *w, const float *bias, float *packed);
size_t gn_cpu_pack_backward_size(const struct gn_cpu_conv *cv, int64_t cin, int64_t cout);
void gn_cpu_pack_backward(const struct gn_cpu_conv *cv, int64_t cin, int64_t cout, const float *w,
                          float *packed);

/* What a kernel does with its result v before storing it: v = (v * mul1 + add) * mul2, parts that
 * are NULL left out; rounded after each operation, as separate passes would. */
struct gn_cpu_epilogue {
    const float *mul1, *mul2;        /* [n][blocks * 16] */
    const struct gn_cpu_tensor *add; /* of the result's size, not the result itself */
};

/* y blocked. ep may be NULL. stats, if not NULL, gets the sum and the sum of squares of each (n, c)
 * of the final y in double: stats[(n * C + c) * 2 + {0, 1}]; then scratch of
 * gn_cpu_conv_forward_scratch bytes is needed (else 0). */
size_t gn_cpu_conv_forward_scratch(const struct gn_cpu_tensor *y);
void gn_cpu_conv_forward(const struct gn_cpu_conv *cv, const struct gn_cpu_tensor *x,
                         const float *packed, const struct gn_cpu_tensor *y,
                         const struct gn_cpu_epilogue *ep, double *stats, void *scratch);
/* dx: the gradient of the input, blocked; packed by gn_cpu_pack_backward. ep may be NULL. */
void gn_cpu_conv_backward_data(const struct gn_cpu_conv *cv, const struct gn_cpu_tensor *dy,
                               const float *packed, const struct gn_cpu_tensor *dx,
                               const struct gn_cpu_epilogue *ep);
/* dw (cout, cin, kD, kH, kW) dense, and db (cout) if not NULL. x plain or blocked, dy blocked. */
size_t gn_cpu_conv_backward_weights_scratch(const struct gn_cpu_conv *cv,
                                            const struct gn_cpu_tensor *x,
                                            const struct gn_cpu_tensor *dy);
void gn_cpu_conv_backward_weights(const struct gn_cpu_conv *cv, const struct gn_cpu_tensor *x,
                                  const struct gn_cpu_tensor *dy, float *dw, float *db,
                                  void *scratch);

/* db (cout) alone; scratch of gn_cpu_sums_scratch bytes. */
void gn_cpu_conv_backward_bias(const struct gn_cpu_tensor *dy, float *db, void *scratch);

/* --- pointwise (point.c) --- */
/* Sums of each (n, c) in double, [n][C][2]: of x and x^2; of dz and dz xhat (see
 * gn_cpu_norm_backward). */
size_t gn_cpu_sums_scratch(const struct gn_cpu_tensor *x);
void gn_cpu_norm_sums(const struct gn_cpu_tensor *x, double *sums, void *scratch);

/* A normalisation: xhat = (x - mean) rstd with m (groups, C, 2) = mean, rstd; groups is 1 or x.n. z
 * = gamma xhat + beta (each NULL: left out), y = z < 0 ? slope z : z. */
struct gn_cpu_norm {
    const double *m;
    int64_t groups;
    const float *gamma, *beta;
    float slope;
};
void gn_cpu_norm_apply(const struct gn_cpu_norm *norm, const struct gn_cpu_tensor *x,
                       const struct gn_cpu_tensor *y);
void gn_cpu_norm_backward_sums(const struct gn_cpu_norm *norm, const struct gn_cpu_tensor *x,
                               const struct gn_cpu_tensor *dy, double *sums, void *scratch);
/* dx = gamma rstd (dz - t0 / count - xhat t1 / count), dz = dy, times slope where z < 0; t
 * (t_groups, C, 2), NULL: zeros. dx may be x or dy. */
void gn_cpu_norm_backward(const struct gn_cpu_norm *norm, const struct gn_cpu_tensor *x,
                          const struct gn_cpu_tensor *dy, const double *t, int64_t t_groups,
                          double count, const struct gn_cpu_tensor *dx,
                          const struct gn_cpu_epilogue *ep);
/* y may be an input in these four. */
void gn_cpu_scale(const struct gn_cpu_tensor *x, const float *s,
                  const struct gn_cpu_tensor *y); /* s [n][blocks * 16] */
void gn_cpu_leaky(const struct gn_cpu_tensor *x, float slope, const struct gn_cpu_tensor *y);
void gn_cpu_leaky_backward(const struct gn_cpu_tensor *x, const struct gn_cpu_tensor *dy,
                           float slope, const struct gn_cpu_tensor *dx);
void gn_cpu_add(const struct gn_cpu_tensor *a, const struct gn_cpu_tensor *b,
                const struct gn_cpu_tensor *y);
/* Channels from .. from + count - 1 of x become channels to .. of y; gn_cpu_copy_finish then zeroes
 * y's halo and padding channels. */
void gn_cpu_copy_channels(const struct gn_cpu_tensor *x, int64_t from, int64_t count,
                          const struct gn_cpu_tensor *y, int64_t to);
void gn_cpu_copy_finish(const struct gn_cpu_tensor *y);
/* Linear, align_corners; the factor of each axis is y's size over x's. Backward: the transposed
 * map. */
void gn_cpu_upsample(const struct gn_cpu_tensor *x, const struct gn_cpu_tensor *y);
void gn_cpu_upsample_backward(const struct gn_cpu_tensor *dy, const struct gn_cpu_tensor *dx);

/* --- class maps (class.c) --- */
void gn_cpu_softmax(const struct gn_cpu_tensor *x, const struct gn_cpu_tensor *y);
void gn_cpu_softmax_backward(const struct gn_cpu_tensor *y, const struct gn_cpu_tensor *dy,
                             const struct gn_cpu_tensor *dx);
void gn_cpu_sigmoid(const struct gn_cpu_tensor *x, float alpha, const struct gn_cpu_tensor *y);
void gn_cpu_sigmoid_backward(const struct gn_cpu_tensor *y, const struct gn_cpu_tensor *dy,
                             float alpha, const struct gn_cpu_tensor *dx);
/* label: bits a voxel, [n][d][h][w]. bce: 0 none, 1 of probabilities, 2 of raw scores. sums (n, C,
 * 4): p t, p, t, bce. */
size_t gn_cpu_loss_scratch(const struct gn_cpu_tensor *p);
void gn_cpu_loss_sums(const struct gn_cpu_tensor *p, const uint64_t *label, int bce, double *sums,
                      void *scratch);
/* dp = k[c][0] + k[c][1] t + k[c][2] dbce/dp */
void gn_cpu_loss_backward(const struct gn_cpu_tensor *p, const uint64_t *label, int bce,
                          const double *k, const struct gn_cpu_tensor *dp);
/* sums (n, 1, 2): w (logsumexp z - z_k), w; k = lowest bit (none: skipped); weights (C) or NULL. */
void gn_cpu_cel_sums(const struct gn_cpu_tensor *z, const uint64_t *label, const double *weights,
                     double *sums, void *scratch);
void gn_cpu_cel_backward(const struct gn_cpu_tensor *z, const uint64_t *label,
                         const double *weights, double k, const struct gn_cpu_tensor *dz);

/* --- instruction sets (dispatch.c) --- */
/* One term of a convolution's sum: nic input channels at one kernel tap. */
struct gn_cpu_tap {
    ptrdiff_t off;  /* floats from the output voxel's place in x */
    ptrdiff_t woff; /* floats from the start of the output block's weights */
    int dd,
        dh;  /* input row relative to the output row times the stride, for skipping rows outside */
    int nic; /* 1 (plain) or a multiple of 4 up to 16 */
};

struct gn_cpu_conv_job {
    const float *x, *w, *bias; /* voxel 0 of item 0 */
    float *y;
    const struct gn_cpu_tap *tap;
    const int *group; /* n_group + 1 places in tap: what one pass over an item's rows sums */
    int n_group;
    ptrdiff_t x_item, x_plane, x_row, x_step; /* floats for one step of the output lattice */
    ptrdiff_t y_item, y_block, y_plane, y_row, y_step, w_block;
    int64_t n, blocks, od, oh, ow;
    int64_t in_d, in_h; /* extent of x */
    int stride_d, stride_h;
    int64_t rows_per_item, chunks;
    bool plain;
    const struct gn_cpu_tensor *halo; /* zero this tensor's halo on the way, or NULL */
    struct gn_cpu_epilogue ep;
    const float *add; /* ep.add's voxel for y, and its steps */
    ptrdiff_t add_item, add_block, add_plane, add_row, add_step;
    double *stats; /* [chunks][n][blocks][2][16] or NULL */
};

struct gn_cpu_wgrad_job {
    const float *x, *dy;
    const struct gn_cpu_tap *tap; /* blocked: the kernel's taps; plain: (channel, tap) pairs */
    int n_tap;
    ptrdiff_t x_item, x_block, x_plane, x_row, x_step;
    ptrdiff_t dy_item, dy_block, dy_plane, dy_row;
    int64_t n, iblocks, oblocks, od, oh, ow;
    int64_t in_d, in_h;
    int stride_d, stride_h;
    int last_nic; /* channels of the last input block, rounded up to a multiple of 4 */
    int64_t rows_per_chunk, chunks, rows_per_group;
    bool plain;
    float *part;  /* [chunks][oblocks][iblocks][size]: size = n_tap * 256 floats, or n_tap * 16 when
                     plain */
    double *bias; /* [chunks][oblocks][16] or NULL */
};

enum { GN_CPU_GROUP_ROWS = 64 };

enum gn_cpu_point {
    GN_CPU_NORM_SUMS,
    GN_CPU_NORM_APPLY,
    GN_CPU_NORM_BWD_SUMS,
    GN_CPU_NORM_BWD,
    GN_CPU_SCALE,
    GN_CPU_LEAKY,
    GN_CPU_LEAKY_BWD,
    GN_CPU_ADD,
    GN_CPU_LINEAR
};

/* One axis of a linear map of size: output o is the sum of w[j] times input i[j], j in start[o] ..
 * start[o + 1] - 1. */
struct gn_cpu_linear {
    int32_t *start, *i;
    float *w;
};

struct gn_cpu_point_job {
    enum gn_cpu_point op;
    const struct gn_cpu_tensor *y, *a, *b; /* result (NULL: sums only), inputs */
    /* [n][blocks * 16]: z = (x - mean) * scale + shift, xhat = (x - mean) * rstd + xshift, dx =
     * scale (dz - c0 - xhat c1) */
    const float *mean, *scale, *shift, *rstd, *xshift, *c0, *c1;
    float slope;
    struct gn_cpu_epilogue ep;
    struct gn_cpu_linear axis[3];
    int64_t n, blocks, rows, rows_per_item, chunks;
    double *part; /* [chunks][n][blocks][2][16] */
};

struct gn_cpu_kernels {
    const char *name;
    void (*conv)(void *job, size_t item, int thread);  /* n * chunks * blocks items */
    void (*wgrad)(void *job, size_t item, int thread); /* chunks * oblocks * iblocks items */
    void (*point)(void *job, size_t item, int thread); /* n * chunks * blocks items */
};

/* The kernels of the instruction set in use (base/isa.h). */
const struct gn_cpu_kernels *gn_cpu_kernels(void);

#endif
