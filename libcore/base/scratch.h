/* scratch.h - bytes too many to be held: a temporary file without a name, gone with the process.
 */
#ifndef GN_BASE_SCRATCH_H
#define GN_BASE_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A file in $TMPDIR, or /var/tmp, for reading and writing: its descriptor, which the caller closes;
 * -1: none can be made there. */
int gn_scratch_open(struct gn_err *err) GN_MUST_USE;
/* n bytes at an offset; several threads may do so at once. 0, or the error's number: EIO when there
 * are not that many. */
int gn_scratch_read(int fd, int64_t at, void *data, size_t n) GN_MUST_USE;
int gn_scratch_write(int fd, int64_t at, const void *data, size_t n) GN_MUST_USE;

#endif
