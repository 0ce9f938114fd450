/* kspace.h - artefacts that arise in MRI's k-space: masks along an axis, ghosts, motion, spikes.
 *
 * The spectrum X of one component (NumPy's fftn: forward unnormalised, inverse over the number of
 * voxels) is looked at shifted: the frequency k stands at index k + floor(N/2). Results are the
 * real part of the inverse. No transform is made where the maths does without:
 *  - a mask that depends on one axis is a filter along it, y = C x, C symmetric and circulant. For
 *    even N, x[n] + x[n+N/2] and x[n] - x[n+N/2] are filtered apart, and in each the even and the
 *    odd part about the middle: four products of N/4 x N/4 (odd N: two of N/2 x N/2);
 *  - a changed coefficient is a plane wave added to the image.
 */
#ifndef GN_IMAGE_KSPACE_H
#define GN_IMAGE_KSPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"
#include "image/resample.h"

/* Out of memory is the error of all of these.
 *
 * t (float32 c z y x, in place; also below): its spectrum times mask, one factor an index of the
 * shifted spectrum along axis (0 x, 1 y, 2 z). */
int gn_kspace_mask(struct gn_tensor *t, int axis, const double *mask,
                   struct gn_err *err) GN_MUST_USE;
/* The plain version (kspace_plain.c): the N x N sums in double. */
int gn_kspace_mask_plain(struct gn_tensor *t, int axis, const double *mask,
                         struct gn_err *err) GN_MUST_USE;

/* Every ghosts-th plane along axis, from index 0, times 1 - intensity, but for the central one.
 * ghosts <= 0 or intensity 0: nothing. */
int gn_kspace_ghost(struct gn_tensor *t, int axis, int64_t ghosts, double intensity,
                    struct gn_err *err) GN_MUST_USE;

/* n moves of the object while the image was taken. */
struct gn_motion {
    int n;
    const double *time;        /* n, ascending: in 0..1, the part of k-space taken before */
    const double *degrees;     /* n x 3: about the axes L, P, S of the world; y, then x, then z */
    const double *translation; /* n x 3, mm along L, P, S */
    enum gn_interp interp;
    int axis;    /* k-space is filled along it: 0 x, 1 y, 2 z; -1: z, or y if there is one plane */
    bool origin; /* turned about the world's origin, not the middle, as TorchIO does */
};
/* k-space is filled along axis from the moved images in turn; the image as it is fills the segment
 * of the first time above 0.5 (none: the last). A moved image reads at p the place R (p - c) + c +
 * t, c the centre; outside lies fill, one value a component. One plane: turned about z alone and
 * shifted within the plane, one that lies askew along its own axes (gn_affine_turning), and about
 * its middle. affine: its origin is looked at if that is the centre. Errors: it is singular; axis
 * is z, and there is one plane. */
int gn_kspace_move(struct gn_tensor *t, const double affine[12], const struct gn_motion *motion,
                   const double *fill, struct gn_err *err) GN_MUST_USE;

/* n spikes: at place (x y z in [0,1) of the shifted spectrum, n x 3) ratio times the spectrum's
 * largest coefficient is added: the one of largest real part, of those the one of largest
 * imaginary part, looked for anew after each spike. */
int gn_kspace_spike(struct gn_tensor *t, int n, const double *place, double ratio,
                    struct gn_err *err) GN_MUST_USE;
/* The plain version: whole transforms in double, each sum written out. */
int gn_kspace_spike_plain(struct gn_tensor *t, int n, const double *place, double ratio,
                          struct gn_err *err) GN_MUST_USE;

/* ---- the loops, compiled for each instruction set (isa_gemm.c): equal bits ---- */

enum { GN_PANEL = 16 }; /* columns that are worked on side by side */

struct gn_gemm {
    /* c (m x n) = a (m x k) b (k x n), summed in the order of k; m a multiple of 8, n of 16. */
    void (*multiply)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                     int64_t ldb, float *c, int64_t ldc);
    /* Columns, panels x 16 side by side, of rows x[0..parts*h-1] of the given stride, less those
     * of minus (NULL: 0) -> blocks of (h+1)/2 rows x 16, 2 * parts of them a panel. parts 2: the
     * even and the odd part of x[n] + x[n+h], then of x[n] - x[n+h]; parts 1: of x[n]. The parts
     * are x[n] + x[h-1-n] and x[n] - x[h-1-n]. */
    void (*fold)(int parts, int64_t h, int panels, const float *x, int64_t stride,
                 const float *minus, int64_t minus_stride, float *out);
    /* The way back, into y or added to y; a block of in has rows rows. Values are not halved. */
    void (*unfold)(int parts, int64_t h, int panels, const float *in, int64_t rows, float *y,
                   int64_t stride, bool add);
    /* The same for one contiguous row; block k starts at out + k * block. */
    void (*fold_row)(int parts, int64_t h, const float *x, float *out, int64_t block);
    void (*unfold_row)(int parts, int64_t h, const float *in, int64_t block, float *y);
    /* Adds x to total, in 16 lanes; least: smallest so far. */
    void (*sum)(const float *x, int64_t n, double total[16], float least[16]);
    /* e += re^2 + im^2 */
    void (*energy)(const float *re, const float *im, int64_t n, float *e);
    /* (a - b, c + d), or (a + b, c - d) if minus, times (re, im) of the panel's columns (cr, ci)
     * and of the row: 16 complex numbers. Returns the largest real part. */
    float (*turn)(const float *a, const float *b, const float *c, const float *d, bool minus,
                  const float *cr, const float *ci, float row_re, float row_im, float *re,
                  float *im);
    /* x += a c - b s */
    void (*wave)(float *x, const float *c, const float *s, float a, float b, int64_t n);
};
extern const struct gn_gemm gn_gemm_sse2, gn_gemm_avx2, gn_gemm_avx512;
const struct gn_gemm *gn_gemm_use(void); /* the one for this processor */

#endif
