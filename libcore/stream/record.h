/* record.h - one record of a GNT1 stream: an ordered header and a tensor.  The format is
 * gn-stream(5). */
#ifndef GN_STREAM_RECORD_H
#define GN_STREAM_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/tensor.h"

struct gn_field {
    char *key, *value; /* value unescaped */
};

struct gn_record {
    struct gn_field
        *fields; /* in order; dtype, shape and axes are kept in step with the tensor when written */
    size_t n, cap;
    struct gn_tensor
        tensor; /* borrowed from the stream (valid until its next record is read) or owned */
    char axes[GN_MAX_RANK + 1];
    uint32_t crc;   /* of the payload, when crc_known */
    bool crc_known; /* the payload is as it was read: a forwarder copies its CRC */
    bool verified;  /* the payload has been compared with its CRC */
    bool is_end;    /* never seen by tools: the end record */
    void *buffer;   /* private: memory of payloads read from a pipe, kept for the next one */
    size_t buffer_size;
};

/* Value of a key, or NULL. Borrowed until the field is changed. */
const char *gn_record_get(const struct gn_record *r, const char *key);
/* Set (in its old place, or at the end) a key. A bad key, `history`, an empty value, bad UTF-8 or a
 * control character other than a newline is our mistake or a caller's: returns -1 and changes
 * nothing. dtype, shape and axes are written from the tensor, whatever they are set to. */
int gn_record_set(struct gn_record *r, const char *key, const char *fmt, ...) GN_PRINTF(3, 4);
void gn_record_drop(struct gn_record *r, const char *key); /* no such key: nothing */
void gn_record_drop_prefix(struct gn_record *r, const char *prefix);
/* history is the one key that repeats */
int gn_record_add_history(struct gn_record *r, const char *line);

/* Numbers in values, separated by one space: read exactly n of them; 0, or -1 with an error naming
 * the key (missing too). */
int gn_record_reals(const struct gn_record *r, const char *key, double *v, size_t n,
                    struct gn_err *err) GN_MUST_USE;
int gn_record_ints(const struct gn_record *r, const char *key, int64_t *v, size_t n,
                   struct gn_err *err) GN_MUST_USE;
/* Printed by %.17g, which reads back as it was. */
int gn_record_set_reals(struct gn_record *r, const char *key, const double *v, size_t n);
int gn_record_set_ints(struct gn_record *r, const char *key, const int64_t *v, size_t n);

/* The payload, compared with its CRC at the first call (a mapped file is not read before). The data
 * may be edited in place after gn_record_touch. NULL with an error when it is damaged. */
void *gn_record_data(struct gn_record *r, struct gn_err *err) GN_MUST_USE;
/* The payload is about to change: its CRC is no longer known. */
void gn_record_touch(struct gn_record *r);
/* Replace the tensor; the record takes over ownership and *t becomes {0}. axes NULL: kept if the
 * rank is, else `c z y x` for four axes and `c` for one (other ranks must name theirs). */
void gn_record_take(struct gn_record *r, struct gn_tensor *t, const char *axes);

/* A deep copy (payload owned). */
int gn_record_copy(const struct gn_record *from, struct gn_record *to,
                   struct gn_err *err) GN_MUST_USE;
/* A copy of the header only; the tensor is empty. */
void gn_record_copy_header(const struct gn_record *from, struct gn_record *to);
void gn_record_free(struct gn_record *r);  /* also resets to {0} */
void gn_record_reset(struct gn_record *r); /* empty, but keeps its memory for the next payload */

/* ---- the bytes (used by the reader, the writer and the fuzzer) ---- */
enum { GN_PREAMBLE = 64, GN_HEADER_MAX = 1 << 20 };

struct gn_preamble {
    char kind; /* 'T' or 'E' */
    size_t header, payload;
    uint32_t header_crc, payload_crc;
};
int gn_preamble_parse(const char bytes[GN_PREAMBLE], struct gn_preamble *p,
                      struct gn_err *err) GN_MUST_USE;
void gn_preamble_print(const struct gn_preamble *p, char bytes[GN_PREAMBLE]);
/* Parse a header's bytes (CRC already compared): fills fields, dtype, shape, axes; checks all that
 * gn-stream(5) asks. The record is reset first; its tensor has no data. */
int gn_header_parse(struct gn_record *r, const char *bytes, size_t n, size_t payload, char kind,
                    struct gn_err *err) GN_MUST_USE;

/* The header's bytes as written, padded to a multiple of GN_PREAMBLE, dtype, shape and axes from
 * the tensor. Appended. */
int gn_header_print(const struct gn_record *r, struct gn_str *out, struct gn_err *err) GN_MUST_USE;
/* Spaces and a newline after the lines that begin at start. */
void gn_header_pad(struct gn_str *out, size_t start);

/* Zero bytes after a payload of n bytes. */
static inline size_t gn_padding(size_t n)
{
    return -n & (GN_PREAMBLE - 1);
}

uint32_t gn_crc32(uint32_t start, const void *data, size_t n);

#endif
