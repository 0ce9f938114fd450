/* order.h - what gn-epochs emits: samples of a cache, or patches of them, epoch after epoch, in an
 * order that is a pure function of (seed, epoch).
 *
 * A patch is cut as a window: the part of the image that the augmentation drawn for that patch
 * needs (image/augment.h), so that gn-augment computes patches only.
 */
#ifndef GN_RUN_ORDER_H
#define GN_RUN_ORDER_H

#include "config/config.h"
#include "image/augment.h"
#include "image/patch.h"
#include "run/cache.h"

/* The config's data_augmentation as a list. */
int gn_augment_from_config(struct gn_augment_list *list, const struct gn_config *c,
                           struct gn_err *err) GN_MUST_USE;
/* The largest parent.std of the sample's images, a bound for gn_augment_draws.std; -1 if an image
 * does not tell. */
double gn_sample_deviation(const struct gn_sample *s);
/* The config's sampler: its kind, and the classes of biased_sampling (c->n_classes of them, the
 * caller's to free; their values are borrowed from the config), else NULL. */
int gn_sampler_from_config(const struct gn_config *c, enum gn_sampler_kind *kind,
                           struct gn_sampler_class **classes, struct gn_err *err) GN_MUST_USE;

struct gn_order {
    const struct gn_config *config;
    struct gn_cache *cache;
    uint64_t seed;
    int64_t epochs; /* in all, for the key "epoch: k/n" */
    bool patches;   /* false: whole samples */
    /* private */
    struct gn_augment_list augment;
    char augment_key[17];
    enum gn_sampler_kind kind;
    struct gn_sampler_class *classes;
    uint32_t *order;
    int64_t n; /* items of an epoch: samples, or samples x q_samples_per_volume */
};

/* Fill config, cache, seed, epochs, patches first. */
int gn_order_init(struct gn_order *o, struct gn_err *err) GN_MUST_USE;
void gn_order_free(struct gn_order *o);
/* Shuffle for one epoch. */
void gn_order_epoch(struct gn_order *o, int64_t epoch);
/* Item i of the epoch last shuffled, as a sample of its own (owned; the caller frees). Errors name
 * the subject. */
int gn_order_item(struct gn_order *o, int64_t epoch, int64_t i, struct gn_sample *out,
                  struct gn_err *err) GN_MUST_USE;

#endif
