/* scores.h - the table of segmentation scores: one row a subject and label, then mean, standard
 * deviation and number.
 *
 *   struct gn_scores s = {0};
 *   gn_scores_add(&s, "007", &row)         subject after subject, within one label after label
 *   gn_scores_print(&s, &regions, true, &text)
 */
#ifndef GN_METRICS_SCORES_H
#define GN_METRICS_SCORES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "metrics/distance.h"
#include "metrics/overlap.h"

/* The columns after SubjectID, Label and status; the last four only with distances. */
enum gn_score {
    GN_SCORE_DICE, GN_SCORE_JACCARD, GN_SCORE_SENSITIVITY, GN_SCORE_SPECIFICITY, GN_SCORE_PRECISION,
    GN_SCORE_TP, GN_SCORE_FP, GN_SCORE_FN, GN_SCORE_TN, GN_SCORE_VOLUME_REF, GN_SCORE_VOLUME_PRED,
    GN_SCORE_HD95, GN_SCORE_HD100, GN_SCORE_NSD, GN_SCORE_ASSD, GN_SCORES
};
extern const char *const gn_score_names[GN_SCORES];

struct gn_score_row {
    char *subject; /* owned by the table */
    bool missing;  /* no prediction: no label, no values */
    size_t region; /* its place in the regions */
    enum gn_overlap_status status;
    double value[GN_SCORES]; /* NaN: no value */
};
struct gn_scores {
    struct gn_score_row *row;
    size_t n, room;
};

/* The values of a row from its counts; the distances are NaN. voxel: volume of one, mm3. */
void gn_score_row_fill(struct gn_score_row *row, const struct gn_overlap *o, double voxel);
void gn_score_row_distances(struct gn_score_row *row, const struct gn_distance_scores *d);

/* Appends a copy of the row under this subject. */
void gn_scores_add(struct gn_scores *s, const char *subject, const struct gn_score_row *row);
void gn_scores_add_missing(struct gn_scores *s, const char *subject);

/* Over the rows of one region, but the both-empty and missing ones: mean, sample standard deviation
 * (NaN below two values), and how many values there were. region == regions: "all", the mean over a
 * subject's labels first, then over subjects. */
struct gn_score_summary {
    double mean[GN_SCORES], sd[GN_SCORES];
    size_t n[GN_SCORES];
    size_t both_empty, missing; /* rows that are so; subjects without a prediction */
};
void gn_scores_summarise(const struct gn_scores *s, size_t region, size_t regions,
                         struct gn_score_summary *out);

/* The table as TSV, header and summaries included. Numbers have up to nine digits; cells without a
 * value are empty. The status of a row n says what was left out: "2 both-empty; 1 missing". */
void gn_scores_print(const struct gn_scores *s, const struct gn_regions *regions, bool distances,
                     struct gn_str *out);
void gn_scores_free(struct gn_scores *s);

#endif
