/* validate.h - one whole sample through the network, in memory: grid patches, forward, stitch. What
 * gn-train does after each epoch; gn-patch | gn-infer | gn-stitch do the same on a stream. */
#ifndef GN_RUN_VALIDATE_H
#define GN_RUN_VALIDATE_H

#include "run/cache.h"
#include "run/trainlog.h"

/* prob: (classes, z, y, x) of the sample's size, owned by the caller (gn_tensor_free). stop, if not
 * NULL, is asked between patches: when it is set the call ends with 1 and no prob. batch patches go
 * through the network at a time. An output that is not finite is an error. */
int gn_predict_sample(struct gn_net *net, const struct gn_config *c, const struct gn_setup *setup,
                      struct gn_sample *s, int64_t batch, const volatile int *stop,
                      struct gn_tensor *prob, struct gn_err *err) GN_MUST_USE;

/* Bytes the call holds for a sample of this size: patches, maps and the label. */
double gn_predict_bytes(const struct gn_config *c, const struct gn_setup *setup,
                        const int64_t size[3], int64_t batch);

/* All samples of a set: the mean of their losses, and of their Dice. name ("validation") and epoch
 * are for messages. 1: stopped before the end. Errors name the subject. */
int gn_validate_set(struct gn_net *net, const struct gn_config *c, const struct gn_setup *setup,
                    struct gn_cache *set, int64_t batch, const char *name, int64_t epoch,
                    const volatile int *stop, struct gn_epoch_result *r,
                    struct gn_err *err) GN_MUST_USE;

/* Refuse a network with an infinity or a NaN in its weights, naming the parameter: its comparisons
 * would all be false, its segmentations empty. */
int gn_weights_check(struct gn_net *net, struct gn_err *err) GN_MUST_USE;

#endif
