/* source.h - records of a stream, of an image file or of a model, for tools that look at any of
 * them (gn-info, gn-diff); for the others, what they were given instead of a stream. */
#ifndef GN_TOOL_SOURCE_H
#define GN_TOOL_SOURCE_H

#include "io/format.h"
#include "io/safetensors.h"
#include "stream/stream.h"

enum gn_source_kind { GN_SOURCE_STREAM, GN_SOURCE_IMAGE, GN_SOURCE_MODEL };

struct gn_source {
    enum gn_source_kind kind;
    const char *name; /* the operand; "stdin" for "-" */
    struct gn_stream *stream;
    struct gn_picture picture;
    struct gn_safetensors model;
    bool header_only;
    size_t next, number; /* number: of the last record, from 1 */
};

/* What a file is, its contents tell: a stream, a .safetensors model (by name), else an image.
 * Images are read at once, of an image with header_only only the header. path is borrowed. s is
 * taken as uninitialised. */
int gn_source_open(struct gn_source *s, const char *path, bool header_only,
                   struct gn_err *err) GN_MUST_USE;
/* 1: a record, valid until the next call; 0: end; -1. An image is one record of role image, named
 * after the file; a model's tensors are records with a name and axes a b c ... Payloads of mapped
 * streams are not yet verified. */
int gn_source_next(struct gn_source *s, struct gn_record *r, struct gn_err *err) GN_MUST_USE;
void gn_source_close(struct gn_source *s);

/* What is to be read as a stream ("-": standard input) is not, but an image, a table or a model:
 * -1, saying how to make it one: for this tool (NULL: for a file). 0: a stream, or for
 * gn_stream_open to say. */
int gn_source_check_stream(const char *path, const char *tool, struct gn_err *err) GN_MUST_USE;

#endif
