/* weights.h - class weights from label counts (GaNDLF: penalty ~ 1/n, normalised to sum 1;
 * objectives' "Class weights"). */
#ifndef GN_RUN_WEIGHTS_H
#define GN_RUN_WEIGHTS_H

#include "config/config.h"

/* n[k]: voxels of class k. penalty and fraction may be NULL. */
void gn_weights_penalty(const double *n, int classes, double *penalty, double *fraction);
/* Fill the config's penalty_weights and sampling_weights, where it has none, from a table `label
 * voxels ...` (gn-info --labels). A class that occurs nowhere is an error naming it. */
int gn_weights_from_counts(struct gn_config *c, const char *tsv, struct gn_err *err) GN_MUST_USE;

#endif
