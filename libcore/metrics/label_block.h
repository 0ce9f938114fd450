/* label_block.h - voxels of a label map as whole numbers, whatever the dtype; private to this
 * folder. */
#ifndef GN_METRICS_LABEL_BLOCK_H
#define GN_METRICS_LABEL_BLOCK_H

#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"

enum { GN_LABEL_BLOCK = 1024 };

/* Elements first .. first+n-1 (n <= GN_LABEL_BLOCK) as 32-bit integers. Error: a value that is none
 * ("0.5 is no label"). */
int gn_label_block_read(const struct gn_tensor *t, int64_t first, int n, int32_t *out,
                        struct gn_err *err) GN_MUST_USE;

#endif
