/* config.h - a study's configuration: GaNDLF's YAML, checked against one schema table, resolved
 * with its defaults.
 *
 * What a key is called, its type, range, default, aliases and one line of help stand in the schema
 * (schema.c): the reader, gn-config explain, gn-config print and gn-config schema come from it. A
 * fault is one line FILE:LINE:COLUMN: key.path: reason (allowed: ...); all faults are collected.
 */
#ifndef GN_CONFIG_CONFIG_H
#define GN_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/yaml.h"

enum gn_problem { GN_SEGMENTATION, GN_CLASSIFICATION, GN_REGRESSION };

/* One class of class_list: as written ("1||4"), and the label values that belong to it. */
struct gn_config_class {
    const char *text;
    int64_t value[32];
    int n;
};

/* One entry of data_preprocessing, data_augmentation, data_postprocessing: canonical name and its
 * parameters, as a tree. */
struct gn_config_step {
    const char *name;            /* canonical spelling: "normalize_nonzero" */
    const struct gn_yaml *value; /* its parameters; may be a null node */
    bool training_only;
};
struct gn_config_steps {
    struct gn_config_step *step;
    int n;
};

struct gn_config {
    /* what the training code needs, resolved; texts are owned by the arena */
    const char *modality; /* rad | histo */
    int dimension;        /* 2 or 3 */
    int64_t patch[3];     /* x y z; z = 1 in 2-D */
    bool slices;          /* 2-D and patch_size written x, y, 1: slices of volumes are meant */
    const char *architecture, *final_layer, *norm_type, *norm_eval;
    int base_filters, depth;
    int channels; /* 0: not written, the data decide */
    double sigmoid_multiplier;
    bool amp, save_every_epoch;
    struct gn_config_class *classes;
    int n_classes;
    int ignore_label; /* position in class_list, -1 none */
    const char *loss; /* canonical */
    bool weighted_loss;
    double *penalty_weights, *sampling_weights; /* n_classes, or NULL: compute */
    const char *optimizer;
    double learning_rate, momentum, dampening, weight_decay, beta1, beta2, eps;
    bool nesterov, amsgrad;
    double clip_grad; /* 0: none */
    const char *clip_mode;
    const char *scheduler;
    double sched_min_lr, sched_max_lr, sched_step_size, sched_gamma; /* step_size 0: not written */
    int num_epochs, patience, batch_size;
    int q_max_length, q_samples_per_volume;
    const char *sampler; /* uniform | label | weighted */
    bool biased_sampling, enable_padding;
    const char *padding_mode;
    const char *stitch; /* crop | average | hann */
    int64_t overlap[3];
    int testing, validation; /* nested_training, as written */
    bool stratified;
    const char *group, *group_regex; /* or NULL */
    struct gn_strs metrics;
    uint64_t seed;
    bool augment_after; /* augment_after_preprocessing */
    double scaling_factor;
    struct gn_config_steps pre, aug, post;
    bool save_output;
    const char *targets_from; /* borrowed: the file that commands are to take all targets from;
                                 NULL: each its own (config/target.h) */

    char *path;
    struct gn_yaml_doc doc; /* the file as read; steps borrow from it */
    struct gn_strs notes; /* known keys without effect, migrations: one line each, for the caller to
                             log once */
    struct gn_arena arena;
};

/* Read a YAML file, or the config inside a .safetensors model (metadata key "config"). All faults
 * are in faults, one line each (err then says how many); a config without faults returns 0. */
int gn_config_read(struct gn_config *c, const char *path, struct gn_strs *faults,
                   struct gn_err *err) GN_MUST_USE;
int gn_config_parse(struct gn_config *c, const char *path, const char *text, size_t n,
                    struct gn_strs *faults, struct gn_err *err) GN_MUST_USE;
/* For tools with -c: reads, logs notes once, logs each fault but the last and puts the last in err
 * (exit 1). */
int gn_config_load(struct gn_config *c, const char *path, struct gn_err *err) GN_MUST_USE;
/* As gn_config_read, but unknown keys are notes (gn-config check --lenient). */
int gn_config_read_lenient(struct gn_config *c, const char *path, struct gn_strs *faults,
                           struct gn_err *err) GN_MUST_USE;
void gn_config_free(struct gn_config *c);

/* The resolved config as YAML (all keys with their values; reading it gives the same config).
 * Byte-equal for equal configs. */
void gn_config_print(const struct gn_config *c, struct gn_str *out);
/* Keys by which two configs differ, other than those named in ignore (NULL-terminated; prefix*
 * allowed): for resume. */
void gn_config_differences(const struct gn_config *a, const struct gn_config *b,
                           const char *const *ignore, struct gn_strs *keys);

enum gn_problem gn_config_problem(const struct gn_config *c, int n_value_columns);

/* Is this preprocessing step a normalisation (applied last, wherever it was written)? */
bool gn_config_step_normalises(const struct gn_config_step *s);

/* The chain of commands a config stands for, as a shell would run it: one text a stage, e.g.
 * "gn-resample -s 1,1,1". training: with the steps for training cases only. Steps that no built
 * tool does are faults at reading time. */
void gn_config_chain(const struct gn_config *c, bool training, struct gn_strs *commands);

/* Its two parts: what happens at load (resize_image, padding), before an augmentation of raw
 * images; and the rest. */
void gn_config_chain_at_load(const struct gn_config *c, bool training, struct gn_strs *commands);
void gn_config_chain_after(const struct gn_config *c, bool training, struct gn_strs *commands);

/* How many components an image of n has after the chain's steps that drop or add alpha. */
int64_t gn_config_components(const struct gn_config *c, int64_t n);

/* One-hot decoding: the label value written for class k (objectives 1: with || and class 0 present
 * k, without k + 1). */
int64_t gn_config_class_value(const struct gn_config *c, int k);

#endif
