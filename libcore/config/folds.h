/* folds.h - nested k-fold arithmetic: which of n units (subjects, or groups of them) go where. Pure
 * functions.
 *
 * Outer folds set a test set aside, inner folds divide what is left into training and validation.
 * Blocks are contiguous in the order given; whoever wants chance shuffles first.
 */
#ifndef GN_CONFIG_FOLDS_H
#define GN_CONFIG_FOLDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum gn_part { GN_TRAINING, GN_VALIDATION, GN_TESTING };

/* How many folds are run: k, or 1 where k is negative (the first of |k| only). */
int gn_folds_run(int k);

/* fold[i], i < n: unit i's fold of k. class_of NULL: fold f is a contiguous block of n div k units,
 * the first n mod k blocks one more. Else stratified: every class in equal shares (as
 * scikit-learn's StratifiedKFold without shuffling); a class with fewer units than folds sets
 * *sparse (may be NULL), and it is an error if all have fewer. Error: k < 1 or k > n. */
int gn_folds_cut(size_t n, size_t k, const uint32_t *class_of, uint32_t *fold, bool *sparse,
                 struct gn_err *err) GN_MUST_USE;

/* part[i] of every unit in the leaf of outer fold f and inner fold g, for counts as in
 * nested_training: |testing| = 1 means no test set. The inner folds are cut from the units that are
 * not in the test set, in order. The error names testing or validation. */
int gn_folds_leaf(size_t n, int testing, int validation, const uint32_t *class_of, int f, int g,
                  enum gn_part *part, bool *sparse, struct gn_err *err) GN_MUST_USE;

/* The leaf's folder below OUT: "testing_1/2", "testing_1", "2" or "". Owned by the caller. */
char *gn_folds_leaf_name(int testing, int validation, int f, int g);

#endif
