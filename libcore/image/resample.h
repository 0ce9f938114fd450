/* resample.h - images and labels on another grid: nearest, linear, cubic B-spline or Lanczos,
 * separable where the grids allow.
 *
 * A map is a 3x4 matrix that takes an output voxel's index (x, y, z) to a continuous input
 * index. A point is inside iff -0.5 <= c < N - 0.5 along every axis, else the output is the fill
 * value. Inside, linear reads the voxels floor(c) and floor(c)+1, clamped to the image, and
 * nearest the voxel floor(c + 0.5); bspline.h says what the other two read. These are the rules
 * of ITK's ResampleImageFilter (https://itk.org); coordinates and weights are computed in double.
 * Nothing is smoothed here before it is made smaller.
 */
#ifndef GN_IMAGE_RESAMPLE_H
#define GN_IMAGE_RESAMPLE_H

#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"
#include "image/geometry.h"

enum gn_interp { GN_INTERP_NEAREST, GN_INTERP_LINEAR, GN_INTERP_BSPLINE, GN_INTERP_LANCZOS };
extern const char *const gn_interp_names[]; /* "nearest", "linear", "bspline", "lanczos", NULL */

/* What coincides when the voxel size changes: the outer corners, or the centres of the first voxels
 * (GaNDLF's resize_image). */
enum gn_align { GN_ALIGN_CORNER, GN_ALIGN_CENTER };
extern const char *const gn_align_names[]; /* "corner", "center", NULL */

/* The grid with the spacing (mm) closest to what is asked: sizes are ceil(N s / r - 1e-3). An
 * axis of one voxel keeps its spacing and place. map: from the new grid to the old. */
int gn_resample_to_spacing(const struct gn_grid *from, const double spacing[3], enum gn_align align,
                           struct gn_grid *to, double map[12], struct gn_err *err) GN_MUST_USE;
/* The grid with exactly this size over the same extent; a size of -1 keeps the axis. */
int gn_resample_to_size(const struct gn_grid *from, const int64_t size[3], enum gn_align align,
                        struct gn_grid *to, double map[12], struct gn_err *err) GN_MUST_USE;
/* The map from one grid to another by their affines. What rounding alone moved (less than 1e-6
 * voxel over the whole image) is put back, so that grids that fit stay separable and exact. */
int gn_resample_between(const struct gn_grid *from, const struct gn_grid *to, double map[12],
                        struct gn_err *err) GN_MUST_USE;

/* Is each row and each column of the map one number? axis[k] is then the output axis that input
 * axis k follows. */
bool gn_resample_separable(const double map[12], int axis[3]);

/* Does the map only reorder and reverse axes, by whole voxels? Then the output is the part *box of
 * the image reordered by *o. size: of the input; to: of the output. */
bool gn_resample_is_exact(const double map[12], const int64_t size[3], const int64_t to[3],
                          struct gn_orientation *o, struct gn_box *box);

/* in (c z y x, any dtype) -> new out with size (x y z): the dtype of in for nearest, else
 * float32. */
int gn_resample(const struct gn_tensor *in, const double map[12], const int64_t size[3],
                enum gn_interp interp, double fill, struct gn_tensor *out,
                struct gn_err *err) GN_MUST_USE;
/* The plain version: every voxel from its own neighbours, in double. */
int gn_resample_plain(const struct gn_tensor *in, const double map[12], const int64_t size[3],
                      enum gn_interp interp, double fill, struct gn_tensor *out,
                      struct gn_err *err) GN_MUST_USE;
/* A new float32 copy. */
int gn_image_as_float(const struct gn_tensor *in, struct gn_tensor *out,
                      struct gn_err *err) GN_MUST_USE;
/* Standard deviations in input voxels of the Gaussian before an image is made smaller: with k the
 * voxels of the input between outputs along an axis (the length of the map's row), k > 1,
 * sqrt((k^2 - 1) / (8 ln 2)), else 0: the image's point spread then matches the new voxel (M. J.
 * Cardoso et al., "Scale factor point spread function matching", MICCAI 2015). */
void gn_resample_antialias(const double map[12], double sigma[3]);

/* ---- one axis of a separable map, shared with slab.c ---- */

struct gn_axis {
    int64_t n, lo, hi;  /* output indices; those in lo..hi-1 are inside */
    int64_t n_in;       /* of the input */
    int32_t *i0, *i1;   /* input neighbours, clamped (nearest: i0 alone) */
    float *w;           /* weight of i1, in [0,1); 0 unless i1 is i0 + 1 */
};
int gn_axis_init(struct gn_axis *a, int64_t n_out, int64_t n_in, double scale, double shift,
                 enum gn_interp interp, struct gn_err *err) GN_MUST_USE;
void gn_axis_free(struct gn_axis *a);
/* out = a + w (b - a), n floats; out may be a. */
void gn_row_lerp(float *out, const float *a, const float *b, float w, int64_t n);
/* out[k] = row at output index k, for lo <= k < hi. */
void gn_row_gather(float *out, const float *row, const struct gn_axis *a);

#endif
