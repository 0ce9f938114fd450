/* pipeline.h - the shell pipelines that a config stands for, and a first config for a table of
 * data. */
#ifndef GN_CONFIG_PIPELINE_H
#define GN_CONFIG_PIPELINE_H

#include "config/config.h"

enum {
    GN_PIPELINE_CACHE = 1,
    GN_PIPELINE_TRAIN = 2,
    GN_PIPELINE_PREDICT = 4,
    GN_PIPELINE_SCORE = 8,
    GN_PIPELINE_ALL = 15,
    GN_PIPELINE_BARE = 16 /* without the variables: the caller has set them */
};

/* Are training samples augmented before they are preprocessed, as in GaNDLF (else: preprocessed
 * once and kept)? */
bool gn_config_augments_raw(const struct gn_config *c);
/* Do training samples go through a chain of their own, kept in cache_training/? */
bool gn_config_training_chain(const struct gn_config *c);
/* The class list without background, as gn-dice --labels takes it: "1,2,1||4". */
void gn_config_labels(const struct gn_config *c, struct gn_str *out);

/* Shell text for one leaf (the first), with the variables CONFIG, DATA, OUT, LEAF, MODEL and TEST
 * at its top; parts: which of the above. path: how the config is called in it. */
void gn_config_pipeline(const struct gn_config *c, const char *path, unsigned parts,
                        struct gn_str *out);

/* A config that trains on the subjects of a table, whatever their sizes: dimension, channels,
 * labels, patch, network, sampler and spacing come from the files (headers of a thousand rows,
 * labels of twenty, voxels of one image), folds from the SubjectIDs. Files that cannot be read, and
 * images of another dimension than the first, are warned of and told in a comment. */
int gn_config_init(const char *csv, struct gn_str *out, struct gn_err *err) GN_MUST_USE;

#endif
