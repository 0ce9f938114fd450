/* study_wipe.h - removing what a study made, and nothing else: files are taken by name, folders
 * only once they are empty. */
#ifndef GN_RUN_STUDY_WIPE_H
#define GN_RUN_STUDY_WIPE_H

#include "run/study.h"

enum { GN_KEEP_DATA = 1, GN_KEEP_SETS = 2, GN_KEEP_CACHES = 4 };

/* What the earlier study in s->out made, but for the kinds in keep; its leaves are those of its
 * config, and the numbered folders that hold a table which gn-split wrote. Error, and nothing is
 * removed: an input of s (a table, a file that one names, the config) would be among it, or a file
 * that would stay is in the way of a leaf of s. */
int gn_study_wipe(const struct gn_study *s, unsigned keep, struct gn_err *err) GN_MUST_USE;

/* Is this what a writer that was killed left beside its target: ".NAME.gn-PID-N" (base/file.h)? */
bool gn_study_is_litter(const char *name);

#endif
