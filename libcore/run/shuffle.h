/* shuffle.h - a rolling buffer of samples: each arrival pushes out a random one.
 *
 * Who leaves is a pure function of (seed, epoch, number of the arrival). Payloads above a memory
 * limit lie in an unlinked file.
 */
#ifndef GN_RUN_SHUFFLE_H
#define GN_RUN_SHUFFLE_H

#include "stream/sample.h"

struct gn_shuffle;

/* slots >= 1; memory: bytes of payloads kept in memory, 0 no limit. */
struct gn_shuffle *gn_shuffle_new(int64_t slots, uint64_t seed, uint64_t memory);
/* Take s in (it becomes {0}); *out becomes the sample pushed out, if there is one (1), else 0.
 * Starts a new count when the epoch differs from the last sample's: the caller drains first. */
int gn_shuffle_push(struct gn_shuffle *b, struct gn_sample *s, struct gn_sample *out,
                    struct gn_err *err) GN_MUST_USE;
/* One of those still held, in random order: 1, or 0 when the buffer is empty. */
int gn_shuffle_drain(struct gn_shuffle *b, struct gn_sample *out, struct gn_err *err) GN_MUST_USE;
int64_t gn_shuffle_held(const struct gn_shuffle *b);
uint32_t gn_shuffle_epoch(const struct gn_shuffle *b); /* of the samples held */
void gn_shuffle_free(struct gn_shuffle *b);

#endif
