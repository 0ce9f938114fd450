/* overlap.h - how far two label maps agree, voxel by voxel.
 *
 * One pass over both maps counts every pair of values; all labels and regions are scored from those
 * counts.
 *
 *   struct gn_joint joint = {0};
 *   if (gn_joint_count(&truth, &prediction, &joint, &err)) ...
 *   struct gn_overlap o = gn_overlap_of(&joint, &region);
 *   struct gn_overlap_scores s = gn_overlap_score(&o);
 */
#ifndef GN_METRICS_OVERLAP_H
#define GN_METRICS_OVERLAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"

/* A label, or several taken as one ("1||4"). */
struct gn_region {
    char *text;     /* as written, without spaces */
    int32_t *value; /* ascending, each once */
    int n;
};
struct gn_regions {
    struct gn_region *item;
    size_t n;
};

/* "1,2,1||4" (brackets around the whole are allowed) -> regions in that order. Error: a piece that
 * is no integer, a region twice. */
int gn_regions_parse(struct gn_regions *r, const char *list, struct gn_err *err) GN_MUST_USE;
void gn_regions_add(struct gn_regions *r, int32_t label); /* at the end */
bool gn_region_has(const struct gn_region *r, int32_t label);
void gn_regions_free(struct gn_regions *r);

/* How often each pair of values stands at the same voxel, ordered by (ref, pred). */
struct gn_pair {
    int32_t ref, pred;
    int64_t n;
};
struct gn_joint {
    struct gn_pair *pair;
    size_t n;
};

/* ref, pred: equally many elements, any dtype. Error: a value that is no integer of 32 bits, or
 * more than 2^20 pairs of values (an image, not a label map); *at_fault (may be NULL) is then 0 for
 * ref, 1 for pred. The caller frees the joint. */
int gn_joint_count(const struct gn_tensor *ref, const struct gn_tensor *pred,
                   struct gn_joint *joint, int *at_fault, struct gn_err *err) GN_MUST_USE;
void gn_joint_free(struct gn_joint *joint);

enum gn_overlap_status {
    GN_OVERLAP_OK,
    GN_OVERLAP_BOTH_EMPTY,
    GN_OVERLAP_REF_EMPTY,
    GN_OVERLAP_PRED_EMPTY
};
extern const char
    *const gn_overlap_status_names[]; /* "ok", "both-empty", "ref-empty", "pred-empty" */

/* Voxels in both, in the prediction only, in the truth only, in neither. */
struct gn_overlap {
    int64_t tp, fp, fn, tn;
};
struct gn_overlap gn_overlap_of(const struct gn_joint *joint, const struct gn_region *region);
enum gn_overlap_status gn_overlap_status(const struct gn_overlap *o);

/* dice = 2 tp / (2 tp + fp + fn), jaccard = tp / (tp + fp + fn), sensitivity = tp / (tp + fn),
 * specificity = tn / (tn + fp), precision = tp / (tp + fp). Nothing on both sides is perfect
 * agreement: 1, but for specificity, which is what it is. Else what would divide by zero is NaN: no
 * value. */
struct gn_overlap_scores {
    double dice, jaccard, sensitivity, specificity, precision;
};
struct gn_overlap_scores gn_overlap_score(const struct gn_overlap *o);

#endif
