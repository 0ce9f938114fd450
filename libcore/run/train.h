/* train.h - training as a filter: samples in, a model folder out.
 *
 * Commit order at the end of an epoch: best, logs, latest; each written beside, synced, renamed
 * (logs: appended and synced; a resume cuts them to what latest says). So the same command after a
 * kill at any moment ends in the same bytes as an undisturbed run.
 */
#ifndef GN_RUN_TRAIN_H
#define GN_RUN_TRAIN_H

#include "config/config.h"
#include "stream/stream.h"

struct gn_targets;

struct gn_train_options {
    const struct gn_config *config;
    const struct gn_targets *targets; /* of the config, which has their names (run/targets.h) */
    const char *out;   /* model folder, made if absent; one with latest.safetensors is resumed */
    const char *cache; /* folder for val and test CSVs, or NULL */
    const char *val, *test; /* CSV or .gnt file, or NULL */
    const char *init;       /* model whose weights to start from, or NULL */
    const char *device;
    const char *history; /* this call's history line, or "" */
    uint64_t memory;     /* 0: no limit */
    uint64_t seed;
};

/* Returns an exit status: 0 done (or the stream ended before the last epoch: then there is no
 * DONE), 75 stopped by a signal after saving, else err says what failed. */
int gn_train_run(const struct gn_train_options *o, struct gn_stream *in,
                 struct gn_err *err) GN_MUST_USE;

#endif
