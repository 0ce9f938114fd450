/* doctor.h - what is to be known of an image before it is trusted: how its axes run, how far its
 * grid lies from another, and in one pass what its voxels hold. */
#ifndef GN_IMAGE_DOCTOR_H
#define GN_IMAGE_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tensor.h"
#include "image/geometry.h"

/* Where voxel axes x, y, z lead: "RAS", "LPS", "ASL"; oblique axes by the nearest. */
void gn_doctor_axes(const double affine[12], char codes[4]);
/* The voxel axes form a left-handed frame in RAS, as a mirror image would (LAS, RPS ...). */
bool gn_doctor_left_handed(const double affine[12]);

/* The largest distance in mm between corresponding outer corners (voxel -0.5 to N - 0.5) of two
 * grids; *rounding: what of it headers in float32 may have caused. */
double gn_doctor_corners(const struct gn_grid *a, const struct gn_grid *b, double *rounding);

enum { GN_DOCTOR_VALUES = 4096 }; /* distinct values that are kept: more than any atlas has */

struct gn_doctor_voxels {
    int64_t voxels, nan, inf;
    double lo, hi; /* of the finite values; lo > hi: there are none */
    double off;    /* how far the finite value that is farthest from a whole number lies from it */
    /* Of the shape and the values as float64, so that it is one for all dtypes (-0 is 0, every NaN
     * the same); where the image lies has no part in it. */
    uint64_t hash;
    double *value; /* of labels: the distinct finite values, each rounded to a whole number,
                      ascending; at most GN_DOCTOR_VALUES */
    size_t values;
    bool more; /* there are more */
};

/* t: any shape and dtype. v is taken as uninitialised and freed by the caller. */
void gn_doctor_look(const struct gn_tensor *t, bool labels, struct gn_doctor_voxels *v);
bool gn_doctor_constant(const struct gn_doctor_voxels *v); /* one finite value everywhere */
void gn_doctor_free(struct gn_doctor_voxels *v);

#endif
