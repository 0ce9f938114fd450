/* distance.h - how far apart the surfaces of two structures lie, in millimetres.
 *
 * The surface of a structure is its voxels that a face neighbour outside of it touches; what lies
 * beyond the image is outside. An axis of one voxel is none: a single slice is scored as a plane.
 * Distances run from voxel centre to voxel centre and are exact, whatever the spacing.
 */
#ifndef GN_METRICS_DISTANCE_H
#define GN_METRICS_DISTANCE_H

#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"
#include "metrics/overlap.h"

/* With D the distances of all surface voxels of either structure to the surface of the other:
 *   hd95, hd100   95th percentile and maximum of D (linear interpolation between order statistics)
 *   nsd           mean of the two structures' shares of surface voxels within the tolerance
 *   assd          mean of D
 * One structure missing: all distances are the image's diagonal between voxel centres, nsd is 0.
 * Both missing: NaN. */
struct gn_distance_scores {
    double hd95, hd100, nsd, assd;
};

/* ref, pred: c z y x label maps of one size, c = 1; spacing: x y z, mm. A distance above tolerance
 * by less than a millionth of it is within it (a float32 header's 0.1 mm is 0.100000001). Error: a
 * value that is no label, out of memory. */
int gn_distance_score(const struct gn_tensor *ref, const struct gn_tensor *pred,
                      const struct gn_region *region, const double spacing[3], double tolerance,
                      struct gn_distance_scores *out, struct gn_err *err) GN_MUST_USE;

/* The exact squared Euclidean distance from each voxel centre of a box to the nearest seed. seed: 1
 * byte a voxel, x fastest; out: mm2, infinite everywhere when there is no seed. size, spacing: x y
 * z. Lower envelopes of parabolas along one axis after another: Felzenszwalb and Huttenlocher,
 * "Distance transforms of sampled functions", Theory of Computing 8 (2012). */
void gn_distance_transform(const uint8_t *seed, const int64_t size[3], const double spacing[3],
                           double *out);

/* The q-th percentile, 0..100, of n >= 1 numbers, linear between order statistics as
 * numpy.percentile; reorders v. */
double gn_percentile(double *v, size_t n, double q);

#endif
