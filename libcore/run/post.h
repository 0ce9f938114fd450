/* post.h - data_postprocessing of a config, to be done to labels: gn-postprocess, and validation,
 * which scores what would be saved, too. */
#ifndef GN_RUN_POST_H
#define GN_RUN_POST_H

#include "config/config.h"
#include "image/postprocess.h"

struct gn_post_plan {
    struct gn_post_step *step;
    struct gn_label_pair *pair; /* the mapping, last */
    int64_t *order;             /* the labels of the config's classes */
    int steps, pairs, ordered;
};

/* p: {0}, to be freed also after an error. */
int gn_post_plan_of_config(struct gn_post_plan *p, const struct gn_config *c,
                           struct gn_err *err) GN_MUST_USE;
void gn_post_plan_pair(struct gn_post_plan *p, int64_t from, int64_t to);
void gn_post_plan_free(struct gn_post_plan *p);
/* label (1 z y x) is replaced, if there is anything to be done. */
int gn_post_plan_run(const struct gn_post_plan *p, struct gn_tensor *label,
                     struct gn_err *err) GN_MUST_USE;

#endif
