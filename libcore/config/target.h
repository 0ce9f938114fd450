/* target.h - the images that steps of data_preprocessing bring others to (histogram_matching,
 * stain_normalizer), as a config says them.
 *
 * A person's config names a file. A study's config.yaml and the config in a model hold a name
 * instead, "target-" and sixteen hexadecimal digits: a hash of what the step needs of the image
 * (run/target.h), which lies in targets.safetensors beside the config, or in the model. So that a
 * config says which target is meant wherever it lies, and no path.
 */
#ifndef GN_CONFIG_TARGET_H
#define GN_CONFIG_TARGET_H

#include "config/config.h"

enum { GN_TARGET_NAME = 7 + 16 }; /* bytes of such a name */
#define GN_TARGETS_FILE "targets.safetensors"

bool gn_target_is_name(const char *text);

/* What step i of data_preprocessing has as its target: a file or a name; NULL: it has none. */
const char *gn_config_target(const struct gn_config *c, int i);
void gn_config_set_target(struct gn_config *c, int i, const char *text);

/* Where to find the target of step i. A relative path is meant from the working folder, or, where
 * nothing is, from the config's, as in a data table. Owned by the caller. */
char *gn_config_target_path(const struct gn_config *c, int i);
/* The same for all steps, in the config itself: for commands to be run from here. */
void gn_config_locate_targets(struct gn_config *c);

/* For a study that exists: does b differ from a in the image of a target alone, other keys of its
 * step and all other steps being equal? Adds the keys. */
bool gn_config_targets_differ(const struct gn_yaml *a, const struct gn_yaml *b, const char *path,
                              struct gn_strs *keys);

#endif
