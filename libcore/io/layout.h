/* layout.h - folders of images as data tables: by patterns of names, nnU-Net's layout, BIDS.
 *
 *   struct gn_layout l = { 0 };
 *   gn_layout_patterns(&l, "study", &spec, &err), or gn_layout_nnunet, gn_layout_bids
 *   l.faults: rows that miss a file or have two; gn_layout_drop leaves these rows out
 *   gn_layout_put(&l, "folder of the CSV", &text, &err)
 */
#ifndef GN_IO_LAYOUT_H
#define GN_IO_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct gn_layout_spec {
    const struct gn_strs *channels; /* at least one, but for BIDS */
    const char *label, *mask;       /* NULL: no such column */
};

struct gn_layout_row {
    char *subject, *session; /* session: BIDS only, else NULL */
    char **cell;             /* one a column: the path below the folder; NULL: missing */
    bool faulty;
};

struct gn_layout {
    char *folder;
    struct gn_strs header;  /* of the columns of files: Channel_0, ..., Label, Mask */
    struct gn_strs meaning; /* of each column, as it was asked for: for messages */
    struct gn_layout_row *row;
    size_t rows, cap;
    bool sessions;          /* some row has one */
    struct gn_strs faults;  /* one line each */
    struct gn_strs notes;   /* for the caller to log as warnings */
    struct gn_strs about;   /* what the data set says of itself */
};

/* Patterns are those of the shell; * and ? do not match a slash. One with a slash is compared with
 * the path below the folder, and its first * is the subject; one without is compared with the names
 * of files, at any depth, and the subject is the first folder on the way, or, of a file directly in
 * the folder, the first *. One without * ? [ is a part of the name. One that ends with a slash
 * means folders (DICOM series). What the label's or the mask's pattern matches is no channel. Names
 * that begin with a dot are passed over. l: {0}. */
int gn_layout_patterns(struct gn_layout *l, const char *folder, const struct gn_layout_spec *spec,
                       struct gn_err *err) GN_MUST_USE;
/* A raw data set of nnU-Net (https://github.com/MIC-DKFZ/nnUNet/blob/master/documentation/
 * dataset_format.md), versions 1 and 2, or of the Medical Segmentation Decathlon, whose channels
 * are in one file: imagesTr and labelsTr, or with test imagesTs, and labelsTs if it is there. */
int gn_layout_nnunet(struct gn_layout *l, const char *folder, bool test,
                     struct gn_err *err) GN_MUST_USE;
/* BIDS (https://bids-specification.readthedocs.io): sub-*, [ses-*,] anat; labels and masks are
 * looked for there and in derivatives. What is asked for is a suffix (T1w), or a pattern of the
 * name without its extension. No channels: every suffix of an image there is. No label: dseg if
 * there is one. A row is a session. */
int gn_layout_bids(struct gn_layout *l, const char *folder, const struct gn_layout_spec *spec,
                   struct gn_err *err) GN_MUST_USE;

/* Rows with a fault are taken out; how many. */
size_t gn_layout_drop(struct gn_layout *l);
/* The table as CSV. dir: the folder that paths are relative to; NULL: they are absolute. Error: a
 * name that is not UTF-8, which no CSV can hold. */
int gn_layout_put(const struct gn_layout *l, const char *dir, struct gn_str *out,
                  struct gn_err *err) GN_MUST_USE;
void gn_layout_free(struct gn_layout *l);

/* ---- for the layouts themselves ---- */

/* Names in folder/below (either may be ""), sorted by byte, without those that begin with a dot; a
 * folder's name ends with a slash. -1: it cannot be read. */
int gn_layout_list(const char *folder, const char *below, struct gn_strs *names,
                   struct gn_err *err) GN_MUST_USE;
bool gn_layout_exists(const struct gn_layout *l, const char *path); /* below the folder */
void gn_layout_add_column(struct gn_layout *l, const char *header, const char *meaning);
struct gn_layout_row *gn_layout_add_row(struct gn_layout *l, const char *subject,
                                        const char *session);
/* The file of a cell; a second one is a fault. */
void gn_layout_set(struct gn_layout *l, struct gn_layout_row *r, size_t column, const char *path);
/* When all is set: a column that no row has is an error, an empty cell a fault. */
int gn_layout_finish(struct gn_layout *l, struct gn_err *err) GN_MUST_USE;

#endif
