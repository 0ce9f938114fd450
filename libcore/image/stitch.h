/* stitch.h - from the maps of patches to the maps of the image, plane by plane along z.
 *
 * Patches arrive in the order of gn_patch_grid: z slowest. When the first patch that starts at a
 * higher z comes, all planes before it are finished and go to the sink; what is held is as thick
 * as a patch. Rules: TorchIO 0.19 GridAggregator
 * (https://torchio.readthedocs.io/patches/patch_inference.html):
 *   crop     overlap/2 is cut off each side of a patch that does not touch the border; later
 *   patches overwrite
 *   average  sum / number of patches
 *   hann     weighted by the product over axes of w[k] = 0.5 (1 - cos(2 pi (k+1)/(p+1))), k =
 *   0..p-1
 * Sums are double, in the order of arrival: results do not depend on threads.
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

/* Called once for each plane, z ascending: maps holds classes dense y x planes, valid during the
 * call. */
struct gn_stitch_sink {
    int (*plane)(void *arg, int64_t z, const float *maps, struct gn_err *err);
    void *arg;
};

struct gn_stitcher;

/* size: of the image; patch may be larger than it (what reaches over the far end is cut).
 * overlap is that of the grid (only crop uses it). sink NULL: the stitcher keeps the whole
 * volume, which gn_stitcher_finish hands over (validation in memory). */
struct gn_stitcher *gn_stitcher_new(const int64_t size[3], const int64_t patch[3], int classes,
                                    enum gn_stitch_mode mode, const int64_t overlap[3],
                                    const struct gn_stitch_sink *sink, struct gn_err *err)
                                    GN_MUST_USE;
/* data: classes z y x, dense float32, of patch size. Errors: an origin outside the image, one
 * whose z is below the last one's, a plane that no patch covered (patches are missing), what the
 * sink says. Errors are sticky. */
int gn_stitcher_add(struct gn_stitcher *s, const int64_t origin[3], const float *data,
                    struct gn_err *err) GN_MUST_USE;
/* The rest of the planes. volume, needed when there is no sink: becomes the maps (classes z y x,
 * float32, the caller's). */
int gn_stitcher_finish(struct gn_stitcher *s, struct gn_tensor *volume, struct gn_err *err)
                       GN_MUST_USE;
void gn_stitcher_free(struct gn_stitcher *s);
/* Bytes that a stitcher holds between patches (without a volume): for messages and limits. */
double gn_stitcher_bytes(const int64_t size[3], const int64_t patch[3], int classes,
                         enum gn_stitch_mode mode);

#endif
