/* data.h - can be trained with this config, and on this table of data? From the files' headers
 * alone. */
#ifndef GN_CONFIG_DATA_H
#define GN_CONFIG_DATA_H

#include "config/config.h"
#include "io/table.h"

/* How far the affines of a subject's files may lie apart, as gn-load takes it: mm, an entry. */
#define GN_CONFIG_TOLERANCE 1e-5

/* Adds a line for what keeps a config that was read without fault from being trained with: a norm
 * that would take its statistics over a single value, at the deepest level of the network; a target
 * of preprocessing that is not there. */
void gn_config_check_training(const struct gn_config *c, const char *path, struct gn_strs *faults);

/* Adds a line for each thing that keeps the table csv from being trained on with the config that
 * was read from path: columns that are missing, more folds than subjects or groups (a config whose
 * validation is 0 has none), files that are missing or cannot be read, empty cells, files of a
 * subject on different grids, images of another dimension than the config's, a patch that is larger
 * than an image (unless a step changes sizes), rows of differing channels. At most twenty lines a
 * kind (three of what is usually wrong in every row), then how many more there are. */
void gn_config_check_data(const struct gn_config *c, const char *path, struct gn_table *t,
                          const char *csv, struct gn_strs *faults);

#endif
