/* checkpoint.h - model files: weights with their config (best), and everything a resumed training
 * needs (latest).
 *
 * Both are .safetensors. Metadata of both: format, version, config (YAML as resolved), channels,
 * class_list, preprocessing (commands, one a line), epoch, history (gn-train's line). latest adds
 * state (key=value lines), init (a hash of the weights of --init, if it began with such) and the
 * optimiser's arrays as "optim.NAME.PARAMETER". Beside the weights: targets of
 * preprocessing (run/target.h).
 */
#ifndef GN_RUN_CHECKPOINT_H
#define GN_RUN_CHECKPOINT_H

#include "config/config.h"
#include "io/safetensors.h"
#include "nn/net.h"
#include "run/setup.h"

struct gn_targets;

enum { GN_MAX_CLASSES = 256 };

/* Where a training stands. Sums are those of the unfinished epoch. */
struct gn_train_state {
    int64_t epoch;       /* the unfinished epoch, from 0; num_epochs when all are done */
    int64_t consumed;    /* samples of it already trained on */
    int64_t batches;     /* steps of it */
    int64_t skipped;     /* steps of it whose loss was not finite */
    int64_t skipped_row; /* consecutive ones, over epochs */
    double loss_sum;
    double dice_sum[GN_MAX_CLASSES];
    int64_t dice_n[GN_MAX_CLASSES];
    double best_loss; /* +inf before the first validation */
    int64_t best_epoch;
    int64_t patience;     /* epochs without a better loss */
    int64_t log_bytes[3]; /* training, validation, testing */
    bool stopped;         /* early stop: no more epochs wanted */
};

/* What goes with the weights. */
struct gn_model_info {
    const struct gn_config *config;
    int channels;
    const struct gn_strs *preprocessing;
    const struct gn_targets *targets; /* of its steps; NULL: they have none */
    const char *history;
    const char *init; /* a hash of the weights it began with; NULL or "": random ones */
    int64_t epoch; /* the epoch these weights come from */
};

/* Written beside, synced, renamed. state NULL: weights only. */
int gn_checkpoint_save(const char *path, struct gn_net *net, const struct gn_model_info *info,
                       const struct gn_train_state *state, struct gn_err *err) GN_MUST_USE;
/* Read `latest` into a net built for the same config. */
int gn_checkpoint_load(const char *path, struct gn_net *net, struct gn_train_state *state,
                       struct gn_err *err) GN_MUST_USE;
/* Only the state: gn-epochs --from. No such file: state of a start, returns 0; 1 when it was there.
 */
int gn_checkpoint_state(const char *path, struct gn_train_state *state,
                        struct gn_err *err) GN_MUST_USE;
void gn_train_state_start(struct gn_train_state *state);

/* The preprocessing a model file asks for, one command an item. A model may come from anywhere and
 * these become command lines, so that only gn-resample and gn-normalize pass, with options that
 * neither name nor read a file: anything else is an error. A target is asked for by its name
 * (run/target.h), and is in the model as that says, or that is the error: who runs the command puts
 * the model's path in its place. commands: {0}, the caller's to free. */
int gn_model_preprocessing(const struct gn_safetensors *st, struct gn_strs *commands,
                           struct gn_err *err) GN_MUST_USE;

/* Is this command such a step, without a target? */
bool gn_model_can_replay(const char *command);

/* The metadata of a model file beside its config c: format, channels, class_list, preprocessing
 * (as above); what is missing, out of bounds or contradicts the config is an error. */
int gn_model_check(const struct gn_safetensors *st, const struct gn_config *c,
                   struct gn_strs *preprocessing, int *channels, struct gn_err *err) GN_MUST_USE;

/* A model for inference. */
struct gn_model {
    char *name; /* file stem, for records' name */
    struct gn_config config;
    struct gn_setup setup;
    struct gn_strs preprocessing;
    int channels;
    struct gn_net *net;
};
/* Reads the file and builds an evaluation net of its patch size for `batch` patches at a time.
 * Metadata that contradict the config in it are an error. */
int gn_model_open(struct gn_model *m, const char *path, const char *device, int64_t batch,
                  uint64_t memory, struct gn_err *err) GN_MUST_USE;
void gn_model_close(struct gn_model *m);
/* Copy the parameters of a model file into a net (fine-tuning, inference); a missing or misshapen
 * one is an error naming it. */
int gn_model_weights(const struct gn_safetensors *st, struct gn_net *net,
                     struct gn_err *err) GN_MUST_USE;

#endif
