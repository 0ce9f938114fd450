/* histogram.h - grey values to those of a target, to a ramp, or levelled where they stand; in place
 * on float32 images of one component (z y x, dense).
 *
 * Sources: the algorithms of ITK (https://itk.org), as its documentation states them, and
 *   Nyul, Udupa, Zhang, "New variants of a method of MRI scale standardization", 2000;
 *   Stark, "Adaptive image contrast enhancement using generalizations of histogram
 *   equalization", 2000.
 * The same bits for any number of threads and on every instruction set.
 */
#ifndef GN_IMAGE_HISTOGRAM_H
#define GN_IMAGE_HISTOGRAM_H

#include <stdint.h>

#include "base/err.h"

enum { GN_LEVELS_MAX = 1 << 20, GN_POINTS_MAX = 4096 }; /* largest levels and points */

/* Where an image's values lie: its mean, the quantiles j / (points + 1) of those not below the
 * mean, its largest value. */
struct gn_landmarks {
    double min;
    double *q; /* points + 2 of them; q[0] the mean, as float32 */
    int points;
};
/* levels: bins of the histogram between mean and maximum. 1: the image has one value only, no
 * landmarks; -1: values that are not finite. m is {0}, or taken over. */
int gn_landmarks_of(const float *x, int64_t n, int levels, int points, struct gn_landmarks *m,
                    struct gn_err *err) GN_MUST_USE;
/* Those of n >= 2 values spaced evenly from -1 to 1. */
void gn_landmarks_of_ramp(int64_t n, int levels, int points, struct gn_landmarks *m);
void gn_landmarks_free(struct gn_landmarks *m); /* also resets to {0} */

/* Landmarks of x become those of the target, values between them by straight lines; levels as above
 * and the target's number of points. The target NULL: the ramp, as many values as x has, and
 * points of them. 1: one value only, left as it is; -1: not finite. */
int gn_histogram_match(float *x, int64_t n, const struct gn_landmarks *target, int levels,
                       int points, struct gn_err *err) GN_MUST_USE;

/* A value u (0 at half of the range, which is 1) becomes the mean, over the values v of the box of
 * radius voxels around it that are in the image, of sgn(u - v) |2 (u - v)|^0.3 / 2
 * - 0.3 (u - v) + 0.3 u. size: x y z; an axis of one voxel has no box. u and v are rounded to
 * float32, as in the reference; the result is within 2e-7 of the range. Returns as above, or -1:
 * no memory for a copy. */
enum { GN_ADAPTIVE_RADIUS = 5 };
int gn_histogram_adapt(float *x, const int64_t size[3], int radius,
                       struct gn_err *err) GN_MUST_USE;
int gn_histogram_adapt_plain(float *x, const int64_t size[3], int radius,
                             struct gn_err *err) GN_MUST_USE;

/* ---- kernels (isa_histogram.c) ---- */

enum { GN_HISTOGRAM_RUN = 32 }; /* rows are read and written in runs of as many values */

struct gn_histogram_kernels {
    /* power[i], difference[i] = sums of sgn(d) |d|^0.3 and of d = centre[i] - v, over v =
     * first[z plane + y line + i + x], x in 0..2 radius, y < ny, z < nz. |d| is 0 or 2^-55 to 1.
     * Rows hold n values, NaN (not counted) at both ends: radius before them, and after them as
     * far as is read; n is rounded up to whole runs. */
    void (*window)(float *power, float *difference, const float *centre, const float *first,
                   int64_t line, int64_t plane, int radius, int64_t ny, int64_t nz, int64_t n);
};
extern const struct gn_histogram_kernels gn_histogram_sse2, gn_histogram_avx2, gn_histogram_avx512;

#endif
