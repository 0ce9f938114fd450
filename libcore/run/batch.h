/* batch.h - from samples of a stream to the arrays a network takes, and what a sample must be for
 * that. */
#ifndef GN_RUN_BATCH_H
#define GN_RUN_BATCH_H

#include "image/geometry.h"
#include "run/setup.h"
#include "stream/sample.h"

/* Patches on their way to a training step. */
struct gn_batch {
    int64_t size, n; /* planned, filled */
    size_t voxels;   /* of one item */
    float *x, *prob; /* (size,C,D,H,W), (size,classes,D,H,W) */
    int32_t *label;
    struct gn_net_item *item;
    char **name; /* owned names behind item[].sample */
};
/* After an error free it all the same. */
int gn_batch_new(struct gn_batch *b, int64_t size, int channels, int classes,
                 const int64_t patch[3], struct gn_err *err) GN_MUST_USE;
void gn_batch_free(struct gn_batch *b);

/* Channels a sample brings: components of all its image records. */
int gn_sample_channels(const struct gn_sample *s);
/* Size x y z of its first image; -1 with an error when it has none or its records disagree. */
int gn_sample_size(const struct gn_sample *s, int64_t size[3], struct gn_err *err) GN_MUST_USE;
/* The same with the first image's affine (no affine: voxel indices as mm). */
int gn_sample_grid(const struct gn_sample *s, struct gn_grid *grid, struct gn_err *err) GN_MUST_USE;
/* Size x y z of the image it is a patch of; its own when it is none. */
int gn_sample_whole(const struct gn_sample *s, int64_t size[3], struct gn_err *err) GN_MUST_USE;
/* Is an image of this size for the config's network? A 2-D one takes images of one slice, and
 * volumes only if its patch_size is written x, y, 1; a 3-D one takes volumes. */
int gn_check_dimension(const struct gn_config *c, const int64_t size[3],
                       struct gn_err *err) GN_MUST_USE;
/* Copy all image channels, in order, as float32 (C,D,H,W). */
int gn_sample_images(struct gn_sample *s, int channels, const int64_t size[3], float *x,
                     struct gn_err *err) GN_MUST_USE;
/* Copy the label as int32 (D,H,W). A float label may be off a whole number by rounding (1e-3), no
 * more; a sample without a label is an error. */
int gn_sample_label(struct gn_sample *s, const int64_t size[3], int32_t *label,
                    struct gn_err *err) GN_MUST_USE;
/* Refuse a label value that is in no class, but for 0: background need not be listed, any other
 * would train as background without a word. */
int gn_check_labels(const struct gn_setup *s, const int32_t *label, int64_t n,
                    struct gn_err *err) GN_MUST_USE;
/* Set seen[k] for each class k that has a value among the labels. */
void gn_see_labels(const struct gn_setup *s, const int32_t *label, int64_t n, bool *seen);
/* Is there neither an infinity nor a NaN among n values? */
bool gn_all_finite(const float *x, size_t n);

#endif
