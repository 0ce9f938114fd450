/* geometry.h - where voxels are: affines, grids, boxes.
 *
 * An affine is 12 numbers, 3x4 row-major, voxel index (x, y, z) at voxel centres -> RAS mm. A
 * voxel covers [k-0.5, k+0.5]. Sizes, origins and boxes are written x y z; a box is its first
 * voxel and its size.
 */
#ifndef GN_IMAGE_GEOMETRY_H
#define GN_IMAGE_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"

/* Size and place of an image. */
struct gn_grid {
    int64_t size[3];
    double affine[12];
};

/* Part of a grid: first voxel, may be negative, and size. */
struct gn_box {
    int64_t origin[3], size[3];
};

void gn_affine_spacing(const double a[12], double spacing[3]); /* mm: lengths of the columns */
void gn_affine_point(const double a[12], const double p[3], double out[3]);
/* out = a after b: out(p) = a(b(p)). out may be a or b. */
void gn_affine_multiply(const double a[12], const double b[12], double out[12]);
/* error: singular */
int gn_affine_invert(const double a[12], double inverse[12], struct gn_err *err) GN_MUST_USE;
/* The affine of the part that starts at voxel origin (fractions allowed). out may be a. */
void gn_affine_shift(const double a[12], const double origin[3], double out[12]);
void gn_affine_shift_voxels(const double a[12], const int64_t origin[3], double out[12]);
/* The axes along which an image of this size is turned and shifted: those of a, without its origin.
 * A picture (one plane) that does not lie across the world's third axis is turned along its own
 * axes, as if they were the world's. out may be a. */
void gn_affine_turning(const double a[12], const int64_t size[3], double out[12]);

/* Size and affine as a grid; the tensor must be c z y x. */
int gn_grid_of(const struct gn_tensor *t, const double affine[12], struct gn_grid *g,
               struct gn_err *err) GN_MUST_USE;
int64_t gn_grid_voxels(const int64_t size[3]);
bool gn_grid_same_size(const int64_t a[3], const int64_t b[3]);

/* A reordering of axes: new axis k is old axis[k], reversed if flip[k]. */
struct gn_orientation {
    int axis[3];
    bool flip[3];
};
/* The reordering that brings voxel axes closest to R, A, S (columns of the nearest orthogonal
 * matrix; the axis nearest to one of the world's chooses first, so that the order in which the
 * axes are stored has no say: NiBabel's io_orientation), and the grid after it: no voxel moves in
 * the world. */
void gn_grid_canonical(const struct gn_grid *g, struct gn_orientation *o, struct gn_grid *out);

/* Boxes. Centre crop or pad to size: the first side loses or gains ceil(|d|/2), the last
 * floor(|d|/2). */
void gn_box_center(const int64_t from[3], const int64_t size[3], struct gn_box *box);
/* Grow a box to at least patch along each axis, towards lower indices first, within 0..size:
 * GaNDLF's crop_external_zero_planes. */
void gn_box_grow(struct gn_box *box, const int64_t patch[3], const int64_t size[3]);
/* Smallest box in which the tensor (c z y x, any channel) is not 0, joined with what *box
 * already covers when *found. */
void gn_box_nonzero(const struct gn_tensor *t, struct gn_box *box, bool *found);

#endif
