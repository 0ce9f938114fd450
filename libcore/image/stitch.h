/* stitch.h - from the maps of patches to the maps of the image, box by box.
 *
 * Patches arrive in the order of gn_patch_grid: x fastest, z slowest. What no later patch will
 * change is finished and goes to the sink. Rules: TorchIO 0.19 GridAggregator
 * (https://torchio.readthedocs.io/patches/patch_inference.html):
 *   crop     overlap/2 is cut off each side of a patch that does not touch the border; later
 *   patches overwrite
 *   average  sum / number of patches
 *   hann     weighted by the product over axes of w[k] = 0.5 (1 - cos(2 pi (k+1)/(p+1))), k =
 *   0..p-1
 * With crop each voxel is of one patch, known from the grid: nothing is held. The others hold sums
 * of planes as thick as a patch, in memory, or, where they are many, in a temporary file. Sums are
 * double, in the order of arrival: results do not depend on threads.
 */
#ifndef GN_IMAGE_STITCH_H
#define GN_IMAGE_STITCH_H

#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"
#include "image/geometry.h"
#include "image/onehot.h"

enum gn_stitch_mode { GN_STITCH_CROP, GN_STITCH_AVERAGE, GN_STITCH_HANN };
extern const char *const gn_stitch_names[]; /* "crop", "average", "hann", NULL */

/* Finished maps: voxel (x, y, z) of class c, lo <= (x, y, z) < hi, is data[(x - lo[0]) + (y -
 * lo[1]) step[0] + (z - lo[2]) step[1] + c step[2]]. */
struct gn_stitch_box {
    int64_t lo[3], hi[3]; /* in the image, x y z */
    const float *data;
    int64_t step[3];
};

/* Boxes come x fastest, then y, then z, those of a row and of a layer alike in y and z, and fill
 * the image; what they point to is valid during the call. */
struct gn_stitch_sink {
    int (*box)(void *arg, const struct gn_stitch_box *box, struct gn_err *err);
    void *arg;
};

struct gn_stitcher;

/* size: of the image; patch may be larger than it (what reaches over the far end is cut).
 * overlap is that of the grid. sink NULL: the stitcher keeps the whole volume, which
 * gn_stitcher_finish hands over (validation in memory). */
struct gn_stitcher *gn_stitcher_new(const int64_t size[3], const int64_t patch[3], int classes,
                                    enum gn_stitch_mode mode, const int64_t overlap[3],
                                    const struct gn_stitch_sink *sink, struct gn_err *err)
                                    GN_MUST_USE;
/* The patches that there will be. */
int64_t gn_stitcher_count(const struct gn_stitcher *s);
/* data: classes z y x, dense float32, of patch size. Errors: an origin that is not the next of the
 * grid (patches are missing, or out of order), what the sink says. Errors are sticky. */
int gn_stitcher_add(struct gn_stitcher *s, const int64_t origin[3], const float *data,
                    struct gn_err *err) GN_MUST_USE;
/* The rest of the planes; an error if patches are missing. volume, needed when there is no sink:
 * becomes the maps (classes z y x, float32, the caller's). */
int gn_stitcher_finish(struct gn_stitcher *s, struct gn_tensor *volume, struct gn_err *err)
                       GN_MUST_USE;
void gn_stitcher_free(struct gn_stitcher *s);
/* Bytes of memory that a stitcher holds between patches (without a volume): for messages and
 * limits. Sums of more than GN_STITCH_HELD bytes, or a quarter of gn_mem_limit, go to a file. */
enum { GN_STITCH_HELD = 512 << 20 };
double gn_stitcher_bytes(const int64_t size[3], const int64_t patch[3], int classes,
                         enum gn_stitch_mode mode);

#endif
