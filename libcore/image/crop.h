/* crop.h - cutting, padding, flipping and reordering: voxels move, none is computed (but for the
 * padding modes that average). Tensors are c z y x, any dtype; out is always new.
 */
#ifndef GN_IMAGE_CROP_H
#define GN_IMAGE_CROP_H

#include "base/err.h"
#include "base/tensor.h"
#include "image/geometry.h"

/* numpy.pad's modes: reflect does not repeat the edge (c b | a b c | b a), symmetric does. The
 * last five take a line's mean, median, minimum, maximum, or a ramp from the edge to 0, axis x
 * first, then y, then z (https://numpy.org/doc/stable/reference/generated/numpy.pad.html). */
enum gn_pad {
    GN_PAD_CONSTANT, GN_PAD_EDGE, GN_PAD_REFLECT, GN_PAD_SYMMETRIC, GN_PAD_WRAP, GN_PAD_MEAN,
    GN_PAD_MEDIAN, GN_PAD_MINIMUM, GN_PAD_MAXIMUM, GN_PAD_RAMP
};
extern const char *const gn_pad_names[]; /* "constant", ..., "linear_ramp", NULL */

/* The part of in that the box covers; what lies outside in is padded. */
int gn_image_cut(const struct gn_tensor *in, const struct gn_box *box, enum gn_pad mode,
                 struct gn_tensor *out, struct gn_err *err) GN_MUST_USE;

/* Of a tensor cut by the box out of an image with these extents (z y x): set the voxels that the
 * image does not have. */
void gn_image_fill_outside(struct gn_tensor *t, const struct gn_box *box, const int64_t shape[3],
                           double value);

/* New axis k is old axis o->axis[k], reversed if o->flip[k]. */
int gn_image_orient(const struct gn_tensor *in, const struct gn_orientation *o,
                    struct gn_tensor *out, struct gn_err *err) GN_MUST_USE;
/* Reverse axes in place. */
void gn_image_flip(struct gn_tensor *t, const bool axis[3]);

#endif
