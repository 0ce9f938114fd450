/* targets.h - all targets of a config (target.h): read where it says, kept with a model. */
#ifndef GN_RUN_TARGETS_H
#define GN_RUN_TARGETS_H

#include "run/target.h"

enum { GN_TARGETS_MAX = 2 }; /* one a kind of step */

struct gn_targets {
    struct gn_target item[GN_TARGETS_MAX];
    int step[GN_TARGETS_MAX]; /* in data_preprocessing */
    int n;
};

/* Read them all, and put their names in their place in the config, which from then on holds no
 * paths. t: {0}, to be freed also after an error: a file is missing or is no such image, a volume
 * for a config of 2-D images, or the reverse. */
int gn_targets_of_config(struct gn_targets *t, struct gn_config *c, struct gn_err *err) GN_MUST_USE;
void gn_targets_free(struct gn_targets *t);

/* Their tensors, borrowed, into a file that is being made. */
void gn_targets_put(const struct gn_targets *t, struct gn_safetensors_out *out);
/* A file of them alone (GN_TARGETS_FILE), unless it is there already. */
int gn_targets_write(const struct gn_targets *t, const struct gn_config *c, const char *path,
                     struct gn_err *err) GN_MUST_USE;

/* A preprocessing command that asks for a target by its name: how it uses it, and the name. */
bool gn_target_of_command(const char *command, struct gn_target_use *use,
                          char name[GN_TARGET_NAME + 1]);

#endif
