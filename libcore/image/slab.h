/* slab.h - the end of a stitcher: boxes of class maps become a label map, or class maps, on the
 * same or another grid, without the maps of the whole image in memory.
 *
 *   struct gn_slab *b = gn_slab_new(size, n, map, to_size, &decode, &err);
 *   struct gn_stitch_sink sink = { gn_slab_box, b };
 *   ...
 *   gn_slab_finish(b, &tensor, &err);
 *
 * An output voxel is computed when the last of the voxels that it lies between is there, by the
 * arithmetic of gn_resample, and decoded at once: labels come from interpolated maps, and no voxel
 * of the result depends on how it was cut. What is kept of the boxes before is one voxel thick.
 */
#ifndef GN_IMAGE_SLAB_H
#define GN_IMAGE_SLAB_H

#include "base/err.h"
#include "base/tensor.h"
#include "image/onehot.h"
#include "image/stitch.h"

struct gn_slab_decode {
    enum gn_decode decode;
    double threshold;
    const int64_t *value; /* one a class; borrowed until the slab is freed */
};

struct gn_slab;

/* size: of the maps' image, x y z. map: from the output's voxels to it (gn_resample_between);
 * NULL: the same grid. decode NULL: the result is the class maps (float32), else labels; outside
 * the image both are 0. A map that is not separable (an oblique grid) makes the slab hold all
 * maps. */
struct gn_slab *gn_slab_new(const int64_t size[3], int classes, const double *map,
                            const int64_t to_size[3], const struct gn_slab_decode *decode,
                            struct gn_err *err) GN_MUST_USE;
int gn_slab_box(void *slab, const struct gn_stitch_box *box, struct gn_err *err) GN_MUST_USE;
/* The result, c z y x: the caller's. Every box must have come. */
int gn_slab_finish(struct gn_slab *b, struct gn_tensor *out, struct gn_err *err) GN_MUST_USE;
void gn_slab_free(struct gn_slab *b);
/* Bytes the slab will hold, its result included: all but what is kept along x and y of small boxes.
 */
double gn_slab_bytes(const int64_t size[3], int classes, const double *map,
                     const int64_t to_size[3], const struct gn_slab_decode *decode);

#endif
