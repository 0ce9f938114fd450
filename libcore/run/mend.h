/* mend.h - what gn-check --fix writes: repaired labels, and the tables without what cannot be
 * repaired.
 *
 *   gn_mend_open(&m, &d, "fixed", &err)
 *   for each subject, after gn_doctor_subject: gn_mend_subject(&m, &s, &what, &err)
 *   gn_mend_close(&m, &err); gn_mend_free(&m)
 */
#ifndef GN_RUN_MEND_H
#define GN_RUN_MEND_H

#include "run/doctor.h"

enum gn_mend_result { GN_MEND_WHOLE, GN_MEND_MENDED, GN_MEND_DROPPED };
extern const char *const gn_mend_names[]; /* "", "mended", "dropped" */

struct gn_mend {
    const struct gn_doctor *d;
    const char *dir;
    struct gn_str *text; /* of each table to be written */
    char **path;         /* and where */
    size_t rows;         /* that are whole or mended */
};

/* Takes the folder: it is made, or is empty, or was made by this before. Error: another folder, two
 * tables of one name, a file of the study that lies in the folder. */
int gn_mend_open(struct gn_mend *m, const struct gn_doctor *d, const char *dir,
                 struct gn_err *err) GN_MUST_USE;
/* Adds the subject to its table if it is whole or can be made so; writes its mended labels. said
 * grows by a line for each repair, or one that tells why there is none. -1: a label could not be
 * written. */
int gn_mend_subject(struct gn_mend *m, const struct gn_doctor_subject *s,
                    enum gn_mend_result *result, struct gn_strs *said,
                    struct gn_err *err) GN_MUST_USE;
/* Writes the tables. */
int gn_mend_close(struct gn_mend *m, struct gn_err *err) GN_MUST_USE;
void gn_mend_free(struct gn_mend *m);

#endif
