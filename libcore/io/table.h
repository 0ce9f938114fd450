/* table.h - what a data CSV means: which column is what, where its files are, how samples are
 * named.
 *
 *   struct gn_table t = { 0 };
 *   gn_table_read(&t, paths, n, GN_TABLE_IMAGES, &err)    one CSV or TSV, or several joined
 *   t.row[i].sample, t.row[i].cell[c], t.row[i].path[c]   i < t.rows, c < t.columns
 *
 * A column is recognised by its lower-cased header containing a word, the first of these that fits:
 *   prediction                                     prediction
 *   channel, modality, image                       image
 *   valuetopredict                                 value
 *   subject, patient, pid                          subject; the last such column wins
 *   label, segmentation, ground_truth, groundtruth label; the first wins, others give a warning
 *   mask                                           label if it is the first, else the mask
 *   weightmap, weight_map                          weight map
 * The rest is kept as text. Ids are text: 001 stays 001.
 */
#ifndef GN_IO_TABLE_H
#define GN_IO_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum gn_column_role {
    GN_COLUMN_OTHER,
    GN_COLUMN_SUBJECT,
    GN_COLUMN_IMAGE,
    GN_COLUMN_VALUE,
    GN_COLUMN_LABEL,
    GN_COLUMN_MASK,
    GN_COLUMN_WEIGHTMAP,
    GN_COLUMN_PREDICTION,
    GN_COLUMN_ROLES
};
/* "ignored", "subject", "image", ... */
extern const char *const gn_column_role_names[GN_COLUMN_ROLES];

struct gn_csv; /* base/csv.h */

struct gn_table_column {
    const char *name; /* the header, as written */
    enum gn_column_role role;
};

struct gn_table_row {
    const char *subject; /* SubjectID, as written */
    /* The subject, or subject_v1, subject_v2 for its second, third row: unique in the table. */
    const char *sample;
    const char *const *cell; /* one a column: text as written, "" when empty; never NULL */
    const char *const *path; /* one a column: the file meant; NULL if empty, or no column of files
                              */
    const char *file;        /* the CSV it stands in, and the line; "" and 0 for image operands */
    size_t line;
};

struct gn_table {
    struct gn_table_column *column; /* of the first CSV in its order, then those that others add */
    struct gn_table_row *row;
    size_t columns, rows;
    size_t subject;                     /* column of the subject id */
    size_t images, values, predictions; /* how many columns of that role */
    long label, mask, weightmap;        /* their column, or -1 */
    char separator;                     /* of the first CSV: ',' or '\t' */
    struct gn_strs warnings;            /* lines for the caller to log */
    size_t *index;                      /* private: finds samples by name */
    size_t index_size;
    struct gn_csv **csv; /* private: the files read, which hold the cells' text */
    size_t csvs;
    struct gn_arena arena; /* private: what is made of them */
};

enum {
    GN_TABLE_IMAGES = 1, /* no image column is an error */
    GN_TABLE_UNIQUE = 2  /* a repeated SubjectID is an error: where it is the sample's name */
};

/* Read one CSV, or several joined: rows are those of the first; columns of the others are added to
 * the row of the same sample name, "" where they have none; rows of theirs that fit nothing give a
 * warning, and it is an error if none fits or if two files have the same column. A relative path
 * that exists from the working folder is that file; otherwise it is taken from the folder of its
 * CSV. Errors: all faults of a file at once, one a line, each "file:line: what". t: {0}. */
int gn_table_read(struct gn_table *t, const char *const *paths, size_t n, unsigned flags,
                  struct gn_err *err) GN_MUST_USE;

/* A table from image operands, "t1.nii.gz,t2.nii.gz" each: columns SubjectID, Channel_0, ...;
 * samples are named by the first file's stem; the same number of channels in each, no two equal
 * names (usage errors). An operand that exists as it stands is one file, commas and all. */
int gn_table_from_images(struct gn_table *t, const char *const *operands, size_t n,
                         struct gn_err *err) GN_MUST_USE;

/* Columns of tables (of predictions, say) for the samples of image operands, as gn_table_read joins
 * them; rows of theirs that fit none of the images are left. */
int gn_table_join(struct gn_table *t, const char *const *paths, size_t n,
                  struct gn_err *err) GN_MUST_USE;

/* Is this operand a table (by its extension: .csv, .tsv, .txt)? */
bool gn_table_is_table(const char *operand);

/* The column of this header (letter case ignored), or -1. The row of this sample, or -1. */
long gn_table_find_column(const struct gn_table *t, const char *name);
long gn_table_find_sample(const struct gn_table *t, const char *sample);

/* Adds a line for each file that is not there: "file:line: subject 007: Channel_0: no such file:
 * x.nii.gz". With drop, rows that miss one are taken out. Returns how many rows miss a file. */
size_t gn_table_missing(struct gn_table *t, bool drop, struct gn_strs *lines);

/* Which column is what, one a line: "Channel_0<tab>image<tab>first path". */
void gn_table_explain(const struct gn_table *t, struct gn_str *out);

/* The header, or one row, as CSV text of the table's separator for a file in the folder dir (NULL:
 * cells as written): relative paths are rewritten so that they name the same files from there;
 * absolute ones stay. */
void gn_table_put_header(const struct gn_table *t, struct gn_str *out);
void gn_table_put_row(const struct gn_table *t, size_t row, const char *dir, struct gn_str *out);

/* The path that leads from the folder dir to path ("../a/b"); absolute paths stay. Owned by the
 * caller. */
char *gn_table_relative(const char *dir, const char *path);

void gn_table_free(struct gn_table *t);

#endif
