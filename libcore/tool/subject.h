/* subject.h - one row of a data table as a sample of the stream: its images, label, mask, weight
 * map, prediction and values. */
#ifndef GN_TOOL_SUBJECT_H
#define GN_TOOL_SUBJECT_H

#include "io/format.h"
#include "io/table.h"
#include "stream/sample.h"

struct gn_subject {
    struct gn_sample sample; /* payloads may be borrowed from the mapped files below */
    struct gn_picture *pic;  /* one a record */
    size_t n;
};

/* Reads the files of a row (several at once on the pool) and checks that they share size and
 * affine: the largest absolute difference of an entry is at most tolerance (mm), plus what float32
 * headers round away. s: {0}, or from an earlier call, which is freed first. Error: "FILE: reason"
 * of the first file in column order. *geometry (may be NULL): the files can be read but do not fit
 * each other. */
int gn_subject_read(struct gn_subject *s, const struct gn_table *t, size_t row, double tolerance,
                    bool *geometry, struct gn_err *err) GN_MUST_USE;
/* The same check from the headers alone. */
int gn_subject_check(const struct gn_table *t, size_t row, double tolerance, bool *geometry,
                     struct gn_err *err) GN_MUST_USE;
/* A label drawn as a colour picture becomes one channel if its colours are equal (grey) and it is
 * opaque; others are an error. */
int gn_subject_one_channel(struct gn_picture *p, struct gn_err *err) GN_MUST_USE;
void gn_subject_free(struct gn_subject *s);

#endif
