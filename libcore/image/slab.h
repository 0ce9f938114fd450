/* slab.h - the end of a stitcher: planes of class maps become a label map, or class maps, on the
 * same or another grid, without the maps of the whole image in memory.
 *
 *   struct gn_slab *b = gn_slab_new(size, n, map, to_size, &decode, &err);
 *   struct gn_stitch_sink sink = { gn_slab_plane, b };     planes in ascending z
 *   ...
 *   gn_slab_finish(b, &tensor, &err);
 *
 * An output voxel is computed when the two planes it lies between are there, by the arithmetic
 * of gn_resample, and decoded at once: labels come from interpolated maps, and no voxel of the
 * result depends on how it was cut.
 */
#ifndef GN_IMAGE_SLAB_H
#define GN_IMAGE_SLAB_H

#include "base/err.h"
#include "base/tensor.h"
#include "image/onehot.h"

struct gn_slab_decode {
    enum gn_decode decode;
    double threshold;
    const int64_t *value; /* one a class; borrowed until the slab is freed */
};

struct gn_slab;

/* size: of the planes' image, x y z. map: from the output's voxels to it (gn_resample_between);
 * NULL: the same grid. decode NULL: the result is the class maps (float32), else labels; outside
 * the image both are 0. A map that is not separable (an oblique grid) makes the slab hold all
 * planes. */
struct gn_slab *gn_slab_new(const int64_t size[3], int classes, const double *map,
                            const int64_t to_size[3], const struct gn_slab_decode *decode,
                            struct gn_err *err) GN_MUST_USE;
int gn_slab_plane(void *slab, int64_t z, const float *maps, struct gn_err *err) GN_MUST_USE;
/* The result, c z y x: the caller's. Every plane must have come. */
int gn_slab_finish(struct gn_slab *b, struct gn_tensor *out, struct gn_err *err) GN_MUST_USE;
void gn_slab_free(struct gn_slab *b);
/* Bytes the slab will hold, its result included. */
double gn_slab_bytes(const int64_t size[3], int classes, const double *map,
                     const int64_t to_size[3], const struct gn_slab_decode *decode);

#endif
