/* target.h - the image that a preprocessing step brings others to, as what the step needs of it:
 * landmarks of each channel (histogram_matching), or stains and their amounts (stain_normalizer).
 * From an image file, or from a model or targets.safetensors, where it is kept as a tensor.
 *
 *   preprocessing.histogram_matching.target  float64 (channels, points + 3): a row holds the least
 *       value, the mean, the quantiles, the largest value (image/histogram.h)
 *   preprocessing.stain_normalizer.target    float64 (2, 4): rows haematoxylin, eosin: R G B of the
 *       direction, then the 99th percentile of its amounts (image/stain.h)
 *
 * So a model holds no one's image, is hardly larger for it, and gives the same bytes.
 */
#ifndef GN_RUN_TARGET_H
#define GN_RUN_TARGET_H

#include "config/target.h"
#include "image/histogram.h"
#include "image/stain.h"
#include "io/safetensors.h"

/* How a step looks at its target. */
struct gn_target_use {
    bool stains; /* stain_normalizer; else histogram_matching */
    int levels, points;
    enum gn_stain extractor;
};
/* "histogram_matching" or "stain_normalizer"; and its tensor's name. */
const char *gn_target_step(const struct gn_target_use *use);
const char *gn_target_tensor_name(const struct gn_target_use *use);

struct gn_target {
    struct gn_target_use use;
    struct gn_landmarks *component; /* of histogram_matching: one each */
    int64_t components;             /* of the image; 0: not known (stains that were kept) */
    struct gn_stain_fit fit;        /* of stain_normalizer */
    int64_t size[3];                /* of the image, x y z; 0 0 0: not known */
    struct gn_tensor kept;          /* the tensor, as above */
    char name[GN_TARGET_NAME + 1];  /* by its values: equal names, equal results */
};

/* t: {0}, to be freed also after an error, which begins with path. A file named .safetensors is one
 * that keeps targets: what it has must be the target that its metadata 'preprocessing' names. */
int gn_target_read(struct gn_target *t, const char *path, const struct gn_target_use *use,
                   struct gn_err *err) GN_MUST_USE;
void gn_target_free(struct gn_target *t);

/* From an open file; name: which it must be. Error: it is missing, of another shape, damaged, or
 * another. */
int gn_target_restore(struct gn_target *t, const struct gn_safetensors *st,
                      const struct gn_target_use *use, const char *name,
                      struct gn_err *err) GN_MUST_USE;

#endif
