/* bspline.h - interpolation that reads more than two voxels an axis: its weights, and the filter
 * that turns voxels into the coefficients of a cubic B-spline.
 *
 * Both read a run of voxels (coefficients) from floor(c) - before on, c the continuous index:
 *  - the cubic B-spline 4 of them, of an image continued by mirroring at the centres of its first
 *    and last voxel (M. Unser, "Splines: a perfect fit for signal and image processing", IEEE
 *    Signal Processing Magazine 16(6), 1999; ITK's BSplineInterpolateImageFunction);
 *  - the sinc under a Lanczos window of radius 5, 10 of them, of an image continued by its border
 *    voxels; the weights are not scaled to the sum 1 (E. Meijering et al., MICCAI 1999; ITK's
 *    WindowedSincInterpolateImageFunction with the radius that SimpleITK gives it).
 */
#ifndef GN_IMAGE_BSPLINE_H
#define GN_IMAGE_BSPLINE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"

enum { GN_TAPS_CUBIC = 4, GN_TAPS_LANCZOS = 10, GN_TAPS_MOST = 10 };

/* Weights of the voxels floor(c) - 1 .. floor(c) + 2, d = c - floor(c). */
static inline void gn_bspline_weights(double d, double w[GN_TAPS_CUBIC])
{
    double e = 1 - d;
    w[0] = e * e * e / 6;
    w[1] = (4 - 3 * d * d * (2 - d)) / 6;
    w[2] = (4 - 3 * e * e * (2 - e)) / 6;
    w[3] = d * d * d / 6;
}

/* Sine and cosine of pi x / 5, 0 <= x <= 1: Taylor to below 1e-17. */
static inline void gn_tenth_turn(double x, double *s, double *c)
{
    double a = x * 0.62831853071795864769, b = a * a;
    *s = a * (1 - b / 6 * (1 - b / 20 * (1 - b / 42 * (1 - b / 72 * (1 - b / 110 *
         (1 - b / 156))))));
    *c = 1 - b / 2 * (1 - b / 12 * (1 - b / 30 * (1 - b / 56 * (1 - b / 90 * (1 - b / 132 *
         (1 - b / 182))))));
}

/* Weights of the voxels floor(c) - 4 .. floor(c) + 5: sinc(t) sinc(t / 5) at t = d + 4 .. d - 5,
 * sinc(t) = sin(pi t) / (pi t). All sines follow from one by the sums of angles, but for those
 * of the two nearest voxels, where that would cancel. */
static inline void gn_lanczos_weights(double d, double w[GN_TAPS_LANCZOS])
{
    /* of the angles -4 .. 5 tenths of a turn */
    static const double turn_s[GN_TAPS_LANCZOS] = {
        -0.58778525229247312917, -0.95105651629515357212, -0.95105651629515357212,
        -0.58778525229247312917, 0, 0.58778525229247312917, 0.95105651629515357212,
        0.95105651629515357212, 0.58778525229247312917, 0 };
    static const double turn_c[GN_TAPS_LANCZOS] = {
        -0.80901699437494742410, -0.30901699437494742410, 0.30901699437494742410,
        0.80901699437494742410, 1, 0.80901699437494742410, 0.30901699437494742410,
        -0.30901699437494742410, -0.80901699437494742410, -1 };
    const double five_over_pi2 = 0.50660591821168885722;
    double s, c, near_s, near_c, b, wave; /* wave: sin(pi d) by the sine of a fifth of it */
    gn_tenth_turn(d, &s, &c);
    gn_tenth_turn(1 - d, &near_s, &near_c);
    b = d <= 0.5 ? s : near_s;
    wave = b * (5 - b * b * (20 - 16 * b * b));
    for (int i = 0; i < GN_TAPS_LANCZOS; i++) { /* voxel k = i - 4 */
        double t = d - (i - 4), up = i & 1 ? -wave : wave;
        double window = i == 4 ? s : i == 5 ? -near_s : s * turn_c[i] - c * turn_s[i];
        w[i] = t == 0 ? 1 : up * window * five_over_pi2 / (t * t);
    }
}

/* Index i of an image of n voxels, continued by mirroring or by its border voxels. */
static inline int64_t gn_bspline_mirror(int64_t i, int64_t n)
{
    if (n == 1)
        return 0;
    int64_t period = 2 * n - 2, k = i % period;
    k = k < 0 ? k + period : k;
    return k < n ? k : period - k;
}
static inline int64_t gn_clamp_index(int64_t i, int64_t n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

/* One line in place, n values: the plain version. */
void gn_bspline_line(double *v, int64_t n);
/* A float32 image in place, along the axes (x y z) that are true. Lines are filtered in double. */
int gn_bspline_prefilter(struct gn_tensor *t, const bool axis[3], struct gn_err *err) GN_MUST_USE;

#endif
