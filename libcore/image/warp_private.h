/* warp_private.h - the row kernels of warp.c, one set an instruction set (isa_warp.c).
 *
 * A row goes through them in pieces of at most GN_WARP_PIECE voxels: coordinates in double, then
 * the place and the weights of each voxel, then one pass a component. Arrays have room for
 * GN_WARP_PAD more elements, which may be overwritten. A coordinate is computed from the voxel's
 * index in the whole image by the same operations wherever the piece starts. */
#ifndef GN_IMAGE_WARP_PRIVATE_H
#define GN_IMAGE_WARP_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "image/warp.h"

enum { GN_WARP_PIECE = 256, GN_WARP_PAD = 8 };

/* Voxels x .. next cell's x - 1 (counted from the box's first) read the coefficients from first on.
 */
struct gn_warp_cell {
    int64_t x, first;
};

/* Where the continuous index lies in memory. */
struct gn_warp_source {
    double top[3];    /* size - 1 of the whole image */
    double stride[3]; /* elements, of the part that is there; 0 along an axis of one voxel */
    double base;      /* what to take off: the place of the part */
};

struct gn_warp_piece {
    double p[3][GN_WARP_PIECE + GN_WARP_PAD];
    float w[3][GN_WARP_PIECE + GN_WARP_PAD]; /* weight of the upper neighbour */
    int32_t at[GN_WARP_PIECE + GN_WARP_PAD]; /* element of the lower neighbours */
    uint8_t inside[GN_WARP_PIECE + GN_WARP_PAD];
};

struct gn_warp_kernels {
    /* p[i] = m (x + i) + c */
    void (*line)(double *p, double x, int64_t n, double m, double c);
    /* p[i] = m (x + i) + c + the spline's row: weights w[k * stride + i] of the coefficients
     * row[first + k]; cells: those from that of the first voxel (number start) on. */
    void (*taps)(double *p, double x, int64_t n, double m, double c, const double *row,
                 const double *w, int64_t stride, const struct gn_warp_cell *cell, int64_t start);
    /* out = w[0] a + w[1] a[step..] + w[2] .. + w[3] .., n elements */
    void (*combine)(double *out, const double *a, int64_t step, const double w[4], int64_t n);
    void (*matrix)(struct gn_warp_piece *b, int64_t n, const double m[12]);
    /* p += u(p) for any points. d: coefficients of x y z and a 0 side by side. */
    void (*displace)(struct gn_warp_piece *b, int64_t n, const struct gn_spline *f,
                     const double *d);
    /* Places and weights. easy: all lie within, none is clamped (flat: or the axis has one voxel);
     * else inside is set. */
    void (*place_linear)(struct gn_warp_piece *b, int64_t n, const struct gn_warp_source *s,
                         bool flat, bool easy);
    void (*place_nearest)(struct gn_warp_piece *b, int64_t n, const struct gn_warp_source *s,
                          bool easy);
    /* out[i] from the 8 (flat: 4) voxels at b->at[i] */
    void (*linear)(float *out, const struct gn_warp_piece *b, int64_t n, const float *in,
                   int64_t stride_y, int64_t stride_z, bool flat);
    void (*nearest)(void *out, const struct gn_warp_piece *b, int64_t n, const void *in,
                    size_t element);
    /* out[y row + i] = in[y step + i], or in[y step - i] if back: i < n, y < count. */
    void (*rows)(void *out, int64_t row, const void *in, int64_t step, int64_t n, int64_t count,
                 size_t element, bool back);
    /* out[u row + i] = in[i across + u along], i < n, u < count, along 1 or -1. */
    void (*transpose)(void *out, int64_t row, const void *in, int64_t across, int64_t along,
                      int64_t n, int64_t count, size_t element);
};
extern const struct gn_warp_kernels gn_warp_kernels_sse2, gn_warp_kernels_avx2,
    gn_warp_kernels_avx512;

#endif
