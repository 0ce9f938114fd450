/* sample.h - adjacent records of one sample (images, label, mask, weightmap, prediction): what
 * tools are called with. */
#ifndef GN_STREAM_SAMPLE_H
#define GN_STREAM_SAMPLE_H

#include "stream/record.h"
#include "stream/stream.h"

enum gn_role {
    GN_ROLE_IMAGE,
    GN_ROLE_LABEL,
    GN_ROLE_MASK,
    GN_ROLE_WEIGHTMAP,
    GN_ROLE_PREDICTION,
    GN_ROLE_SLIDE,
    GN_ROLE_OTHER
};

struct gn_sample {
    struct gn_record *rec; /* n records in stream order */
    size_t n, cap;
    char unnamed[32]; /* private: "record K" */
};

enum gn_role gn_record_role(const struct gn_record *r);
/* Identity for messages and seeds: `sample`, or "record K" when a record has none. Borrowed. */
const char *gn_sample_name(const struct gn_sample *s);
/* epoch k of "k/n" (0 if absent), patch i of "i/n" (0 if absent). */
uint32_t gn_sample_epoch(const struct gn_sample *s);
uint32_t gn_sample_patch(const struct gn_sample *s);
/* First record of a role, or NULL. */
struct gn_record *gn_sample_find(const struct gn_sample *s, enum gn_role role);

/* Groups a stream's records by the triple (sample, epoch, patch.index); an end record (of
 * concatenated streams) separates too. All records of a sample stay valid until the next call:
 * payloads of a pipe are held by the sample and its buffers reused. Roles out of order (an image
 * after a label) are an error. 1, 0 or -1 as gn_stream_next. */
int gn_sample_next(struct gn_stream *s, struct gn_sample *sample) GN_MUST_USE;
int gn_sample_put(struct gn_writer *w, const struct gn_sample *sample) GN_MUST_USE;
/* A new record at the end of the sample, zeroed; pointers to earlier records may move. */
struct gn_record *gn_sample_append(struct gn_sample *s);
void gn_sample_remove(struct gn_sample *s, size_t i);
/* A deep copy. */
int gn_sample_copy(const struct gn_sample *from, struct gn_sample *to,
                   struct gn_err *err) GN_MUST_USE;
/* Moves the contents; from becomes {0}. Payloads borrowed from the stream are copied first. */
int gn_sample_move(struct gn_sample *from, struct gn_sample *to, struct gn_err *err) GN_MUST_USE;
size_t gn_sample_bytes(const struct gn_sample *s); /* payload bytes */
void gn_sample_free(struct gn_sample *s);

#endif
