/* subject.h - a sample of the stream as something to look at.
 *
 * Images are grey, a channel a layer; three channels are colours if they are uint8 or a picture's.
 * Whole numbers in one channel of role label, mask or prediction are outlines; other labels and
 * predictions, and weights, are maps, a channel a layer. Of a record at most eight channels are
 * taken. */
#ifndef GN_VIEW_SUBJECT_H
#define GN_VIEW_SUBJECT_H

#include "stream/sample.h"
#include "view/sheet.h"

struct gn_view_reader {
    double black, white;     /* of images; NaN: their percentiles */
    struct gn_stream *other; /* differences from its samples are layers too; NULL: none */
    /* private: of the sample at hand */
    struct gn_sample theirs;
    struct gn_view_layer *layer;
    size_t layers;
    struct gn_tensor *made; /* difference maps that layers point to */
    size_t n_made;
    struct gn_str note;
};

/* 1: *out is what to draw, borrowed from v and s until the next call; 0: no record is an image; -1.
 * The other stream is read on to the sample of that name, epoch and patch. */
int gn_view_reader_take(struct gn_view_reader *v, struct gn_sample *s, struct gn_view_subject *out,
                        struct gn_err *err) GN_MUST_USE;
void gn_view_reader_close(struct gn_view_reader *v); /* the other stream too */

#endif
