/* normalize.h - changes of intensity, in place on float32 images (c z y x, dense).
 *
 * All components of an image are taken together unless said. Sums are double over fixed chunks
 * of 16 lanes, combined in order: the same on any number of threads.
 */
#ifndef GN_IMAGE_NORMALIZE_H
#define GN_IMAGE_NORMALIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"

/* Which values count in a statistic. */
enum gn_where { GN_WHERE_ALL, GN_WHERE_NONZERO, GN_WHERE_POSITIVE, GN_WHERE_MASK };

struct gn_stats {
    int64_t n;              /* values that count */
    double min, max, mean;
    double std;             /* unbiased: n - 1; 0 when n < 2 */
};
/* mask: one byte a voxel, for MASK only; components share it, so x holds a multiple of voxels
 * values. */
void gn_stats_of(const float *x, int64_t n, enum gn_where where, const uint8_t *mask,
                 int64_t voxels, struct gn_stats *stats);

/* The smallest value alone, as gn_stats_of has it. */
double gn_min_of(const float *x, int64_t n);

/* What a z-score takes its statistics from, and where it is applied. */
enum gn_zscore {
    GN_ZSCORE_FULL,
    GN_ZSCORE_NONZERO,        /* of x != 0, applied to all */
    GN_ZSCORE_NONZERO_MASKED, /* of x != 0, applied there; zeros stay */
    GN_ZSCORE_POSITIVE,       /* of x > 0, applied to all */
    GN_ZSCORE_MASK            /* of, and applied in, the mask */
};
extern const char *const gn_zscore_names[]; /* "full", ..., "mask", NULL */
/* y = (x - mean) / std, std unbiased. Error: fewer than 2 values, a std of 0, a value that is
 * not finite. */
int gn_normalize_zscore(float *x, int64_t n, enum gn_zscore kind, const uint8_t *mask,
                        int64_t voxels, struct gn_err *err) GN_MUST_USE;

void gn_normalize_clip(float *x, int64_t n, double lo, double hi);
/* x < lo or x > hi becomes 0 */
void gn_normalize_threshold(float *x, int64_t n, double lo, double hi);
void gn_normalize_divide(float *x, int64_t n, double by);
/* (x - mean[c]) / std[c]; one value for all components, or one each. */
void gn_normalize_channels(float *x, int64_t channels, int64_t voxels, const double *mean,
                           const double *std, int n_values);

/* TorchIO's RescaleIntensity: clamp to the percentiles, then map in (default: what is then the
 * smallest and the largest) to out. With in given nothing is clamped to it. Returns 1 and leaves
 * the image as it was when in is one value; -1: not finite. */
struct gn_rescale {
    double out[2], percentiles[2], in[2];
    bool in_given;
};
int gn_normalize_rescale(float *x, int64_t n, const struct gn_rescale *r, struct gn_err *err)
                         GN_MUST_USE;

/* The first three of four components as uint8 (cut off to 0..255, fractions dropped); three
 * components and a fourth of 255, of the same dtype. out is new, the caller's. Error: another
 * number of components, no memory. */
int gn_normalize_drop_alpha(const struct gn_tensor *in, struct gn_tensor *out,
                            struct gn_err *err) GN_MUST_USE;
int gn_normalize_add_alpha(const struct gn_tensor *in, struct gn_tensor *out,
                           struct gn_err *err) GN_MUST_USE;

/* Percentiles p[k] (0..100) of n >= 1 finite values, linear between order statistics as numpy;
 * no sorting, no copy. */
void gn_percentiles(const float *x, int64_t n, const double *p, int count, double *q);
/* The value of this rank, 0 the smallest, of n finite values. */
float gn_value_of_rank(const float *x, int64_t n, int64_t rank);

/* ---- kernels (isa_normalize.c) ---- */

/* Value i of a chunk belongs to lane i mod 16; min and max start from INFINITY and -INFINITY. */
enum { GN_STATS_LANES = 16 };
struct gn_stats_lanes {
    double sum[GN_STATS_LANES], squares[GN_STATS_LANES], n[GN_STATS_LANES];
    float min[GN_STATS_LANES], max[GN_STATS_LANES];
};

struct gn_normalize_kernels {
    /* Adds n values, a multiple of 16: where is not MASK. second: x - mean and its square to sum
     * and squares, else x to sum, 1 to n, and min and max. */
    void (*stats)(const float *x, int64_t n, enum gn_where where, bool second, double mean,
                  struct gn_stats_lanes *l);
    void (*clip)(float *x, int64_t n, double lo, double hi);
    void (*threshold)(float *x, int64_t n, double lo, double hi); /* 0 beyond lo and hi */
    /* (x - a) / b, of all or where x is not 0, in double */
    void (*divide)(float *x, int64_t n, double a, double b);
    void (*divide_nonzero)(float *x, int64_t n, double a, double b);
    void (*linear)(float *x, int64_t n, double a, double b, double c, double d); /* * c + d */
};
extern const struct gn_normalize_kernels gn_normalize_sse2, gn_normalize_avx2, gn_normalize_avx512;

#endif
