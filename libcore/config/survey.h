/* survey.h - what the files of a data table have in common; private to libcore/config. */
#ifndef GN_CONFIG_SURVEY_H
#define GN_CONFIG_SURVEY_H

#include "io/format.h"
#include "io/table.h"

enum { GN_SURVEY_LABELS = 64 };

/* Of the first thousand rows; sizes and spacings are those of a row's first image, along R, A, S in
 * 3-D and along the file's axes in 2-D. */
struct gn_survey {
    size_t files, unread;       /* image and label files asked for, and those that cannot be read */
    char *why;                  /* what is wrong with the first of them: "PATH: reason" */
    size_t n, others;           /* images measured; those left out: of another dimension */
    bool flat;                  /* 2-D, as the first image is */
    bool placed;                /* the first image says where it is */
    int channels;               /* of the first row that can be read whole; 0: none */
    int64_t (*size)[3];         /* n, x y z */
    double (*spacing)[3];       /* n, mm */
    double labels[GN_SURVEY_LABELS]; /* values in the first twenty label maps, ascending */
    int n_labels;               /* -1: not whole numbers, or too many */
    size_t maps, filled;        /* how many these are; those with a value above 0 */
    size_t central;             /* those with one in the middle (0.3 to 0.7) of every axis */
    bool looked;                /* the voxels of one image were read: */
    double low, zeros;          /* their smallest value, and the share that is 0 */
};

/* s: {0}; files that cannot be read are counted and passed over. */
void gn_survey_read(struct gn_survey *s, const struct gn_table *t);
void gn_survey_free(struct gn_survey *s);

/* Size and spacing of an image along R, A, S rather than along the file's axes; an image that does
 * not say where it is stays as it is. */
void gn_survey_canonical(const struct gn_picture *p, int64_t size[3], double spacing[3]);

#endif
