/* batch.h - from samples of a stream to the arrays a network takes. */
#ifndef GN_RUN_BATCH_H
#define GN_RUN_BATCH_H

#include "stream/sample.h"

/* Channels a sample brings: components of all its image records. */
int gn_sample_channels(const struct gn_sample *s);
/* Size x y z of its first image; -1 with an error when it has none or its records disagree. */
int gn_sample_size(const struct gn_sample *s, int64_t size[3], struct gn_err *err) GN_MUST_USE;
/* Copy all image channels, in order, as float32 (C,D,H,W). */
int gn_sample_images(struct gn_sample *s, int channels, const int64_t size[3], float *x,
                     struct gn_err *err) GN_MUST_USE;
/* Copy the label as int32 (D,H,W). A float label may be off a whole number by rounding (1e-3), no
 * more; a sample without a label is an error. */
int gn_sample_label(struct gn_sample *s, const int64_t size[3], int32_t *label,
                    struct gn_err *err) GN_MUST_USE;
/* Is there neither an infinity nor a NaN among n values? */
bool gn_all_finite(const float *x, size_t n);

#endif
