/* intensity.h - changes of intensity with given parameters, in place: the work of the operations
 * augment_NAME.c. Images are float32 c z y x; what is done to a part of an image equals that part
 * of the whole image done, bit for bit, on every instruction set and any number of threads.
 *
 * Sources: TorchIO's transforms of the same names (https://torchio.readthedocs.io), with the
 * differences said below.
 */
#ifndef GN_IMAGE_INTENSITY_H
#define GN_IMAGE_INTENSITY_H

#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"
#include "image/geometry.h"

/* The radius in voxels of a Gaussian of sigma voxels: int(4 sigma + 0.5), SciPy's. */
int64_t gn_blur_radius(double sigma);
/* Gaussian of sigma[k] voxels along x, then y, then z: weights exp(-d^2 / (2 sigma^2)) out to the
 * radius, their sum 1; beyond a border the image is mirrored, its last voxel repeated. An axis of
 * one voxel stays. A radius above the axis' length is folded onto it, and sigma is at most 64
 * lengths (the mean by then), so the cost is bounded. Memory: 2 radius + 1 rows a thread. */
void gn_image_blur(struct gn_tensor *t, const double sigma[3]);
void gn_image_blur_plain(struct gn_tensor *t, const double sigma[3]);

/* Thick slices along axis: sampled (nearest) with factor times the spacing, corners aligned, and
 * interpolated back (linear), by the rules of resample.h. Points outside are 0, as in ITK: the last
 * slice is, if its centre lies beyond the image. t is the part of an image of n voxels along axis
 * that starts at voxel origin; voxels farther than gn_thick_halo inside a cut are right. factor
 * >= 1. */
void gn_image_thicken(struct gn_tensor *t, int axis, double factor, int64_t n, int64_t origin);
void gn_image_thicken_plain(struct gn_tensor *t, int axis, double factor, int64_t n,
                            int64_t origin);
int64_t gn_thick_halo(double factor);

/* sign(x) |x|^gamma[c], a gamma in 0..1000 for each component; within 2e-7 of the exact value. */
void gn_image_gamma(struct gn_tensor *t, const double *gamma);
/* The same of the values from, of as many elements, into t, whose own are not looked at. */
void gn_image_gamma_from(struct gn_tensor *t, const float *from, const double *gamma);
void gn_image_gamma_plain(struct gn_tensor *t, const double *gamma);

/* x exp(sum c_pqr X^p Y^q Z^r): p q r with a sum of at most order, r fastest, then q. X, Y, Z are
 * -1 at the first voxel of the whole image (size) and 1 at the last; 0 along an axis of one. t is
 * the part that starts at voxel origin. All components get the same field. order 0..6. */
enum { GN_BIAS_ORDER = 6, GN_BIAS_TERMS = 84 }; /* terms of that order */
int gn_bias_terms(int order);
void gn_image_bias(struct gn_tensor *t, const double *c, int order, const int64_t size[3],
                   const int64_t origin[3]);
void gn_image_bias_plain(struct gn_tensor *t, const double *c, int order, const int64_t size[3],
                         const int64_t origin[3]);

/* Exchange the boxes of size voxels (x y z) at a and b, all components. Where they overlap, what
 * was at b wins: a's copy is written first. Error: a box that is not within the image. */
int gn_image_swap(struct gn_tensor *t, const int64_t size[3], const int64_t a[3],
                  const int64_t b[3], struct gn_err *err) GN_MUST_USE;

/* ---- kernels, one set an instruction set (isa_blur.c, isa_intensity.c) ---- */

struct gn_intensity_kernels {
    /* out[i] = w[0] row[r][i] + sum over d = 1..r of w[d] (row[r-d][i] + row[r+d][i]), in that
     * order. out is none of the rows. */
    void (*blur_row)(float *out, const float *const *row, const float *w, int64_t r, int64_t n);
    /* out[i] = a[0] + x[i] (a[1] + x[i] (...)) */
    void (*polynomial)(float *out, const float *x, const float *a, int order, int64_t n);
    void (*multiply)(float *x, const float *y, int64_t n); /* x[i] *= y[i] */
    /* x = m 2^e with m in [sqrt(1/2), sqrt 2); exponents as floats. */
    void (*split)(const float *x, float *m, float *e, int64_t n);
    /* 2^whole exp(rest) = |x|^g, from e and log_m = ln m; g in two parts, the first of 12 bits. */
    void (*power)(const float *log_m, const float *e, float high, float low, float *rest,
                  float *whole, int64_t n);
    /* y[i] = sign(x[i]) y[i] 2^whole[i]; where x[i] is 0, infinite or NaN, x[i] */
    void (*join)(float *y, const float *x, const float *whole, int64_t n);
    /* out[i] = a[i] + w (b[i] - a[i]) */
    void (*lerp)(float *out, const float *a, const float *b, float w, int64_t n);
    /* out[i] = a + w[i] (b - a), a = v[low[i]], b = v[high[i]]; a where w[i] is 0 */
    void (*between)(float *out, const float *v, const int32_t *low, const int32_t *high,
                    const float *w, int64_t n);
};
extern const struct gn_intensity_kernels gn_intensity_sse2, gn_intensity_avx2, gn_intensity_avx512;

#endif
