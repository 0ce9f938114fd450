/* predict.h - a trained model on images or tables: gn-load | its preprocessing | gn-patch |
 * gn-infer | gn-stitch | gn-save, as processes. */
#ifndef GN_RUN_PREDICT_H
#define GN_RUN_PREDICT_H

#include "base/err.h"
#include "base/str.h"

struct gn_predict_options {
    const char *model, *out, *device;
    const struct gn_strs *inputs; /* image operands or tables, as gn-load takes them */
    int threads;
    uint64_t memory; /* for each stage; 0: not given */
    bool keep_going; /* leave bad subjects out: the index then lists the others, the status is 1 */
    bool dry_run;    /* the pipeline as text, and nothing runs */
};

/* Writes OUT/SAMPLE/SAMPLE_seg.EXT and, last, OUT/predictions.csv. Returns an exit status: that of
 * the first stage that failed, after its own message; the messages of those after it, which failed
 * for want of input, are dropped. An image operand with another number of channels than the model
 * takes is a usage error; a row of a table is one of data. A volume for a network of 2-D images, or
 * the reverse, is refused before anything runs, with keep_going by gn-infer, which leaves it out.
 * say: what was written, a line an image or how many, and the command that draws it. */
int gn_predict_run(const struct gn_predict_options *o, struct gn_str *say,
                   struct gn_err *err) GN_MUST_USE;

#endif
