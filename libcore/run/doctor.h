/* doctor.h - the checkup of a study: each subject's files read once and judged, alone, against each
 * other and against all that came before.
 *
 *   struct gn_doctor d = { .tables = tables, .n = n, .tolerance = -1, ... };
 *   gn_doctor_init(&d);
 *   for each row: gn_doctor_subject(&d, table, row, &s); ... ; gn_doctor_subject_free(&s)
 *   gn_doctor_end(&d)
 *
 * Held are one subject at a time and 20 bytes for each image of the tables.
 */
#ifndef GN_RUN_DOCTOR_H
#define GN_RUN_DOCTOR_H

#include "image/doctor.h"
#include "io/format.h"
#include "io/table.h"
#include "metrics/overlap.h"

/* In the order in which a verdict names them. */
enum gn_fault {
    GN_FAULT_EMPTY_CELL,
    GN_FAULT_VALUE, /* a cell of a value column is no number */
    GN_FAULT_MISSING,
    GN_FAULT_UNREADABLE,
    GN_FAULT_SPACING,
    GN_FAULT_SIZE,
    GN_FAULT_AFFINE,
    GN_FAULT_CHANNELS,
    GN_FAULT_LABEL_CHANNELS,
    GN_FAULT_NOT_INTEGER,
    GN_FAULT_LABEL_EMPTY,
    GN_FAULT_LABEL_VALUES,
    GN_FAULT_NAN,
    GN_FAULT_INF,
    GN_FAULT_CONSTANT,
    GN_FAULT_LABEL_IS_IMAGE,
    GN_FAULT_DUPLICATE,
    GN_FAULT_LEAK_SUBJECT,
    GN_FAULT_LEAK_IMAGE,
    GN_FAULTS
};
extern const char *const gn_fault_names[GN_FAULTS]; /* "empty-cell", "value", ... */

struct gn_doctor_table {
    struct gn_table table;
    const char *name; /* as it was given */
    size_t first;     /* number of its first row among the rows of all tables */
};

struct gn_doctor {
    struct gn_doctor_table *tables; /* borrowed; several are the sides of one split */
    size_t n;
    double tolerance;                /* mm; negative: a thousandth of the smallest voxel side */
    const struct gn_regions *labels; /* NULL, or the values that labels may have besides 0 */
    /* Makes one channel of a label that is drawn in equal colours, or says why not. */
    int (*one_channel)(struct gn_picture *pic, struct gn_err *err);

    size_t faulty, checked;   /* subjects */
    size_t faults[GN_FAULTS]; /* how many subjects have each */
    size_t channels;          /* of the first subject whose images can be read; 0: none yet */
    size_t channels_row;      /* its row among all */
    struct gn_doctor_seen *seen; /* private: a hash table of images */
    size_t slots;
};

struct gn_doctor_finding {
    enum gn_fault fault;
    size_t column; /* GN_TABLE's; SIZE_MAX: of the subject as a whole */
    char *text;    /* what is wrong, without subject and column */
};

struct gn_doctor_file {
    size_t column;
    enum gn_column_role role;
    const char *path;
    bool read; /* what follows is known */
    int64_t channels;
    struct gn_grid grid;
    bool has_affine;
    double spacing[3], corners; /* corners: mm from those of the first file that was read */
    bool apart; /* from the first file, by more than gn-load takes if it is not told to */
    struct gn_doctor_voxels voxels;
};

struct gn_doctor_subject {
    size_t table, row;
    struct gn_doctor_file *file; /* images in column order, then label, mask, weight map, ... */
    size_t files;
    long first; /* the file that the others are compared with; -1: none could be read */
    struct gn_doctor_finding *finding;
    size_t findings;
    bool has[GN_FAULTS];
    size_t same_table, same_row, same_column; /* the image that one of this subject's repeats */
    bool same;
    struct gn_strs notes; /* what is worth knowing and no fault */
};

void gn_doctor_init(struct gn_doctor *d);
/* Examines one row; rows are to come in their order. s is taken as uninitialised. The pool reads
 * the files of the row at once; the findings do not depend on its threads. */
void gn_doctor_subject(struct gn_doctor *d, size_t table, size_t row, struct gn_doctor_subject *s);
void gn_doctor_subject_free(struct gn_doctor_subject *s);
void gn_doctor_end(struct gn_doctor *d);

/* The first line of the report, and a subject's: tab-separated, without the line's end. */
extern const char gn_doctor_header[];
void gn_doctor_put(const struct gn_doctor *d, const struct gn_doctor_subject *s,
                   struct gn_str *out);
/* "size,nan", or "ok". */
void gn_doctor_verdict(const struct gn_doctor_subject *s, struct gn_str *out);

#endif
