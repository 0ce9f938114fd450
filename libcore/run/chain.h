/* chain.h - what was done to a sample, compared with what a config or model stands for: a model
 * cannot record preprocessing that was not done, and cannot be fed images prepared in another way.
 */
#ifndef GN_RUN_CHAIN_H
#define GN_RUN_CHAIN_H

#include "config/config.h"
#include "stream/record.h"

/* The gn-resample and gn-normalize steps in a record's history, as commands without versions
 * ("gn-resample -s 1,1,1"). */
void gn_chain_done(const struct gn_record *r, struct gn_strs *commands);
/* Compare with the wanted commands; those in `optional` (steps for training cases only; may be
 * NULL) may be there or not. The error names the first difference. */
int gn_chain_compare(const struct gn_strs *wanted, const struct gn_strs *optional,
                     const struct gn_strs *done, struct gn_err *err) GN_MUST_USE;

/* What a training's images must have gone through. */
struct gn_chain {
    struct gn_strs all, training_only; /* steps of all cases; of training cases only */
    bool adopts; /* the config has no preprocessing: the first image decides */
};
/* chain: {0}, the caller's to free. */
void gn_chain_of_config(const struct gn_config *c, struct gn_chain *chain);
void gn_chain_free(struct gn_chain *chain);
/* Compare an image with the chain. If the first one decides, its steps must be such that a model
 * can ask for them again (gn_model_can_replay). */
int gn_chain_check(struct gn_chain *chain, const struct gn_record *r,
                   struct gn_err *err) GN_MUST_USE;

#endif
