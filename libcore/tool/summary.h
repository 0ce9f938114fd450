/* summary.h - what gn-info tells of voxels: statistics of a tensor, and how often labels occur. */
#ifndef GN_TOOL_SUMMARY_H
#define GN_TOOL_SUMMARY_H

#include <stdint.h>

#include "base/tensor.h"

struct gn_summary {
    /* of all values but NaN; std of the population; NaN when there is no such value */
    double min, max, mean, std;
    int64_t count, nan;
};

/* One pass for the mean, one for the deviations, in double and in order: the same everywhere. */
void gn_summarize(const struct gn_tensor *t, struct gn_summary *s);

struct gn_label_count {
    int64_t label, voxels, subjects;
};

/* A table of labels. Subjects are counted once each, however many records they come in. */
struct gn_labels {
    struct gn_label_count *item; /* sorted after gn_labels_sort */
    size_t n, cap;
    uint64_t *seen; /* private: hash set of (label, subject) */
    size_t n_seen, cap_seen;
    int64_t voxels;
};

/* Add a record's voxels; subject: its name. Error: a value that is not whole, or more than 65536
 * labels (an image). */
int gn_labels_add(struct gn_labels *l, const struct gn_tensor *t, const char *subject,
                  struct gn_err *err) GN_MUST_USE;
void gn_labels_sort(struct gn_labels *l); /* by label; nothing can be added afterwards */
void gn_labels_free(struct gn_labels *l);

#endif
