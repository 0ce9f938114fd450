/* labelmaps.h - label maps that are to be compared: who has one, and the two of a sample side by
 * side (gn-dice). */
#ifndef GN_TOOL_LABELMAPS_H
#define GN_TOOL_LABELMAPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "io/format.h"

struct gn_labelmap {
    char *name, *path; /* of the sample, of its file; NULL: a row of the truth names none */
};
struct gn_labelmaps {
    struct gn_labelmap *item;
    size_t n;
};

/* The label maps of an operand. A table: its Prediction column, or with truth its Label or Target
 * column, in the order of its rows; rows without a prediction are left out, those without truth
 * have no path. A folder: its predictions.csv or data.csv if it has one, else its images NAME.EXT,
 * NAME_seg.EXT and NAME_label.EXT, and those of NAME in folders of that name, in byte order. Else
 * one image, named by its stem. list: {0}; to be freed after a failure too. */
int gn_labelmaps_list(struct gn_labelmaps *list, const char *operand, bool truth,
                      struct gn_err *err) GN_MUST_USE;
bool gn_labelmaps_is_image(const char *operand);       /* neither table nor folder */
int gn_labelmap_by_name(const void *a, const void *b); /* for qsort and bsearch */
void gn_labelmaps_free(struct gn_labelmaps *list);

/* Truth and prediction: one channel each (three equal ones count as one), one size, and to a
 * thousandth of a voxel one place; a picture without a place takes that of the other. */
struct gn_labelmap_pair {
    const char *path[2];
    bool header_only;
    struct gn_picture pic[2];
    struct gn_err err[2]; /* private */
};

/* Reads both at once on the pool. pair is taken as uninitialised, the paths are borrowed; on
 * failure it holds nothing. Errors name the file. header_only: sizes and places are compared,
 * voxels not read. */
int gn_labelmap_pair_open(struct gn_labelmap_pair *p, const char *ref, const char *pred,
                          bool header_only, struct gn_err *err) GN_MUST_USE;
void gn_labelmap_pair_close(struct gn_labelmap_pair *p);
/* Spacing x y z in mm, and the volume of a voxel in mm3. */
void gn_labelmap_pair_spacing(const struct gn_labelmap_pair *p, double spacing[3], double *volume);

#endif
