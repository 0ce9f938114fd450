/* onehot.h - from class maps to labels.
 *
 * GaNDLF's reverse one-hot: the label starts at 0, and for each class in order whose map is >=
 * 0.5 the class's value is written, so later classes overwrite earlier ones; not argmax.
 */
#ifndef GN_IMAGE_ONEHOT_H
#define GN_IMAGE_ONEHOT_H

#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"

enum gn_decode { GN_DECODE_THRESHOLD, GN_DECODE_ARGMAX };
extern const char *const gn_decode_names[]; /* "threshold", "argmax", NULL */

/* The label written for each class of a class list as records carry it ("0 1||4 4"): the number
 * itself; if any class has "||": k when 0 is itself a class of the list, else k + 1. Returns the
 * number of classes, -1 on a list that is none or has more than max classes. */
int gn_decode_values(const char *class_list, int64_t *value, int max, struct gn_err *err)
                     GN_MUST_USE;
/* The smallest dtype that holds every value, and 0: unsigned if it can be. */
enum gn_dtype gn_decode_dtype(const int64_t *value, int n);

/* maps: classes maps, map k starting at maps + k * stride, n voxels each -> label[n]. ARGMAX:
 * the first of equal maxima wins. threshold: 0.5 as GaNDLF. */
void gn_decode_labels(const float *maps, int64_t stride, int classes, int64_t n,
                      enum gn_decode decode, double threshold, const int64_t *value,
                      int64_t *label);
/* Write n labels into a tensor of dtype gn_decode_dtype, every stride elements from flat index
 * first. */
void gn_decode_store(struct gn_tensor *label, int64_t first, int64_t stride, const int64_t *value,
                     int64_t n);
/* One-hot decode of a whole tensor, classes z y x -> new 1 z y x of dtype gn_decode_dtype. */
int gn_decode_tensor(const struct gn_tensor *maps, enum gn_decode decode, double threshold,
                     const int64_t *value, struct gn_tensor *label, struct gn_err *err) GN_MUST_USE;

#endif
