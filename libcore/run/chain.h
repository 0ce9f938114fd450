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
/* The config's chain for all cases, and the steps it has for training cases only. */
void gn_chain_of_config(const struct gn_config *c, struct gn_strs *all,
                        struct gn_strs *training_only);

#endif
