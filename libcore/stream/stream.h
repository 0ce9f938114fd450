/* stream.h - reading and writing GNT1 streams, from pipes and mapped files. */
#ifndef GN_STREAM_STREAM_H
#define GN_STREAM_STREAM_H

#include "stream/record.h"

struct gn_stream;
struct gn_writer;

/* "-" is stdin. A regular file (also as stdin) is mapped; else payloads are read into a reused
 * buffer. */
struct gn_stream *gn_stream_open(const char *path, struct gn_err *err) GN_MUST_USE;
/* 1: a record (its tensor is borrowed until the next call), 0: clean end, -1: damaged or truncated.
 * Sticky. r must be {0} or come from an earlier call; it is reused. */
int gn_stream_next(struct gn_stream *s, struct gn_record *r) GN_MUST_USE;
/* Header of the next record without its payload: the record's tensor has data NULL. The next
 * gn_stream_next returns the same record whole. For gn-info and for grouping samples. */
int gn_stream_peek(struct gn_stream *s, struct gn_record *r) GN_MUST_USE;
/* Subjects that stages before left out under --keep-going: the sum of the end records so far. */
int64_t gn_stream_failed(const struct gn_stream *s);
/* A reader of the stream finds it wrong: sticky, the stream's name in front. Returns -1. */
int gn_stream_fail(struct gn_stream *s, const char *fmt, ...) GN_PRINTF(2, 3);
const struct gn_err *gn_stream_error(const struct gn_stream *s);
const char *gn_stream_name(const struct gn_stream *s); /* for messages: the path, or "stdin" */
int64_t gn_stream_ends(const struct gn_stream *s);     /* end records read so far */
/* Records of kind T read so far: the last one's number, from 1. */
int64_t gn_stream_number(const struct gn_stream *s);
/* Where the next record starts, in bytes, and a jump to such a place (mapped files only:
 * gn-epochs). After a jump the number of records is no longer compared with the end record's. */
int64_t gn_stream_tell(const struct gn_stream *s);
int gn_stream_seek(struct gn_stream *s, int64_t offset) GN_MUST_USE;
bool gn_stream_mapped(const struct gn_stream *s);
/* The descriptor that records are read from; -1 of a mapped file. For gn-train, whose signal
 * handler ends a read that waits. */
int gn_stream_fd(const struct gn_stream *s);
/* Payloads of all records read so far are no longer needed: private pages of a map (edited in
 * place) are given back, so that a long file does not pile up in memory. Called by gn_sample_next
 * and gn_tool_main. */
void gn_stream_release(struct gn_stream *s);
void gn_stream_close(struct gn_stream *s);

/* "-" is stdout (a terminal is refused, usage error); a regular target is written beside it and
 * renamed by gn_writer_end. */
struct gn_writer *gn_writer_open(const char *path, struct gn_err *err) GN_MUST_USE;
/* 0, or -1 (sticky). A reader that has had enough (EPIPE) is no error: *closed tells. */
int gn_writer_put(struct gn_writer *w, const struct gn_record *r) GN_MUST_USE;
bool gn_writer_closed(const struct gn_writer *w);
/* The end record, flush, rename; failed > 0 is passed on. Called by gn_tool_main on success only,
 * and by gn-save and gn_cache writers once a file is whole. */
int gn_writer_end(struct gn_writer *w, int64_t failed) GN_MUST_USE;
const struct gn_err *gn_writer_error(const struct gn_writer *w);
void gn_writer_free(struct gn_writer *w); /* without gn_writer_end before: leaves no file */

#endif
