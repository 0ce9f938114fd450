/* warp.h - moving voxels by a map: turns, shifts, smooth deformations, and what follows from
 * several of them in a row, read in one interpolation.
 *
 * A map takes an output voxel's index (x, y, z; voxel centres) to a continuous input index. It is
 * a list of parts; part by part p becomes M p, and then p + u(p) if the part has a field. The
 * outside rule and the interpolations are those of resample.h.
 */
#ifndef GN_IMAGE_WARP_H
#define GN_IMAGE_WARP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"
#include "image/geometry.h"
#include "image/resample.h"

/* A cubic B-spline of displacements, in voxels along the image's axes. Along axis a, index p lies
 * at spline coordinate shift[a] + scale[a] p, cut off to 0 .. n[a]-3; the four coefficients from
 * its whole part on count, with the uniform cubic B-spline's weights. */
struct gn_spline {
    int64_t n[3]; /* coefficients along x y z, each >= 4 */
    double scale[3], shift[3];
    double *d;           /* component slowest, then z y x: 3 * n[2] * n[1] * n[0] */
    double lo[3], hi[3]; /* smallest and largest coefficient of each component: bounds of u */
};

struct gn_warp_part {
    double matrix[12];
    struct gn_spline *field; /* NULL: none. Owned. */
};

struct gn_warp {
    struct gn_warp_part *part;
    int n;
};

/* Append: what comes next on the way from the output to the input. Matrices that follow one
 * another become one. The field is taken over, and its lo and hi are set. */
void gn_warp_add_matrix(struct gn_warp *w, const double matrix[12]);
void gn_warp_add_field(struct gn_warp *w, struct gn_spline *field);
void gn_warp_free(struct gn_warp *w);
/* Coefficients of 0 in one allocation; free() it. */
struct gn_spline *gn_spline_new(const int64_t n[3]);

/* out = the continuous input index of p. */
void gn_warp_point(const struct gn_warp *w, const double p[3], double out[3]);
/* Where the input voxel p goes, rounded: the inverse, by iteration where there are fields. false:
 * it does not settle. */
bool gn_warp_forward(const struct gn_warp *w, const int64_t p[3], int64_t out[3]);
/* The input voxels that the output box may read, cut off to 0..size-1, at least one. */
void gn_warp_box(const struct gn_warp *w, const int64_t size[3], const struct gn_box *out,
                 struct gn_box *in);
/* Does the map only reorder and reverse axes, by whole voxels? Then in[o->axis...] as for
 * gn_image_orient, up to where it starts. */
bool gn_warp_is_exact(const struct gn_warp *w, struct gn_orientation *o);

/* Read the box want of the output from in, which is the part have of an image of size (c z y x).
 * have must cover gn_warp_box(want). Linear: float32, in must be float32; nearest: the dtype of
 * in. fill: one value a component, for points outside the image. Exact maps copy, whatever
 * interp says. A NaN spreads to voxels that read it with weight 0. Equal bytes on every instruction
 * set, for any number of threads, and for a box and the same part of a larger one. out is new. */
int gn_warp_run(const struct gn_warp *w, const struct gn_tensor *in, const struct gn_box *have,
                const int64_t size[3], const struct gn_box *want, enum gn_interp interp,
                const double *fill, struct gn_tensor *out, struct gn_err *err) GN_MUST_USE;
/* The plain version of the part that is not a copy: every point by gn_warp_point. */
int gn_warp_run_plain(const struct gn_warp *w, const struct gn_tensor *in,
                      const struct gn_box *have, const int64_t size[3], const struct gn_box *want,
                      enum gn_interp interp, const double *fill, struct gn_tensor *out,
                      struct gn_err *err) GN_MUST_USE;

#endif
