/* scores.c - see scores.h. */
#include "metrics/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"

const char *const gn_score_names[GN_SCORES] = {
    "dice", "jaccard", "sensitivity", "specificity", "precision", "tp", "fp", "fn", "tn",
    "volume_ref_mm3", "volume_pred_mm3", "hd95", "hd100", "nsd", "assd"
};

void gn_score_row_fill(struct gn_score_row *row, const struct gn_overlap *o, double voxel)
{
    struct gn_overlap_scores s = gn_overlap_score(o);
    const double value[GN_SCORES] = {
        s.dice, s.jaccard, s.sensitivity, s.specificity, s.precision,
        (double)o->tp, (double)o->fp, (double)o->fn, (double)o->tn,
        (double)(o->tp + o->fn) * voxel, (double)(o->tp + o->fp) * voxel, NAN, NAN, NAN, NAN
    };

    row->status = gn_overlap_status(o);
    memcpy(row->value, value, sizeof value);
}

void gn_score_row_distances(struct gn_score_row *row, const struct gn_distance_scores *d)
{
    row->value[GN_SCORE_HD95] = d->hd95;
    row->value[GN_SCORE_HD100] = d->hd100;
    row->value[GN_SCORE_NSD] = d->nsd;
    row->value[GN_SCORE_ASSD] = d->assd;
}

void gn_scores_add(struct gn_scores *s, const char *subject, const struct gn_score_row *row)
{
    if (s->n == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        s->row = gn_realloc(s->row, s->room * sizeof *s->row);
    }
    s->row[s->n] = *row;
    s->row[s->n++].subject = gn_strdup(subject);
}

void gn_scores_add_missing(struct gn_scores *s, const char *subject)
{
    struct gn_score_row row = { .missing = true };

    for (int k = 0; k < GN_SCORES; k++)
        row.value[k] = NAN;
    gn_scores_add(s, subject, &row);
}

void gn_scores_free(struct gn_scores *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->row[i].subject);
    free(s->row);
    *s = (struct gn_scores){ 0 };
}

/* ---- summaries ---- */

/* The mean of a column over rows first .. end-1 of one subject, those of one region or of all; NaN
 * without any. */
static double subject_mean(const struct gn_scores *s, size_t first, size_t end, size_t region,
                           size_t regions, int column)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = first; i < end; i++) {
        const struct gn_score_row *r = &s->row[i];
        if (r->missing || r->status == GN_OVERLAP_BOTH_EMPTY ||
            (region < regions && r->region != region) || isnan(r->value[column]))
            continue;
        sum += r->value[column];
        n++;
    }
    return n ? sum / (double)n : (double)NAN;
}

static size_t subject_end(const struct gn_scores *s, size_t first)
{
    size_t end = first + 1;

    while (end < s->n && strcmp(s->row[end].subject, s->row[first].subject) == 0)
        end++;
    return end;
}

void gn_scores_summarise(const struct gn_scores *s, size_t region, size_t regions,
                         struct gn_score_summary *out)
{
    *out = (struct gn_score_summary){ 0 };
    for (size_t i = 0; i < s->n; i++) {
        out->missing += s->row[i].missing;
        out->both_empty += !s->row[i].missing && s->row[i].status == GN_OVERLAP_BOTH_EMPTY &&
                           (region == regions || s->row[i].region == region);
    }
    for (int k = 0; k < GN_SCORES; k++) {
        double sum = 0, squares = 0;
        for (size_t i = 0, end; i < s->n; i = end) {
            double v = subject_mean(s, i, end = subject_end(s, i), region, regions, k);
            if (isnan(v))
                continue;
            sum += v;
            out->n[k]++;
        }
        out->mean[k] = out->n[k] ? sum / (double)out->n[k] : (double)NAN;
        for (size_t i = 0, end; i < s->n; i = end) {
            double v = subject_mean(s, i, end = subject_end(s, i), region, regions, k);
            if (!isnan(v))
                squares += (v - out->mean[k]) * (v - out->mean[k]);
        }
        out->sd[k] = out->n[k] > 1 ? sqrt(squares / (double)(out->n[k] - 1)) : (double)NAN;
    }
}

/* ---- text ---- */

static void put_head(struct gn_str *out, const char *subject, const char *label, const char *status)
{
    gn_csv_put(out, subject, '\t', 1);
    gn_csv_put(out, label, '\t', 0);
    gn_csv_put(out, status, '\t', 0);
}

static void put_values(struct gn_str *out, const double *value, int columns)
{
    for (int k = 0; k < columns; k++)
        if (isnan(value[k]))
            gn_str_add(out, "\t");
        else if (value[k] == floor(value[k]) && fabs(value[k]) < 0x1p53)
            gn_str_addf(out, "\t%.0f", value[k]);
        else
            gn_str_addf(out, "\t%.9g", value[k]);
    gn_str_add(out, "\n");
}

static void put_summary(struct gn_str *out, const char *label, const struct gn_score_summary *sum,
                        int columns)
{
    struct gn_str left_out = { 0 };
    double n[GN_SCORES];

    for (int k = 0; k < GN_SCORES; k++)
        n[k] = (double)sum->n[k];
    if (sum->both_empty)
        gn_str_addf(&left_out, "%zu both-empty", sum->both_empty);
    if (sum->missing)
        gn_str_addf(&left_out, "%s%zu missing", left_out.len ? "; " : "", sum->missing);
    put_head(out, "mean", label, "");
    put_values(out, sum->mean, columns);
    put_head(out, "sd", label, "");
    put_values(out, sum->sd, columns);
    put_head(out, "n", label, gn_str_text(&left_out));
    put_values(out, n, columns);
    gn_str_free(&left_out);
}

void gn_scores_print(const struct gn_scores *s, const struct gn_regions *regions, bool distances,
                     struct gn_str *out)
{
    int columns = distances ? GN_SCORES : GN_SCORE_HD95;
    struct gn_score_summary sum;

    gn_str_add(out, "SubjectID\tLabel\tstatus");
    for (int k = 0; k < columns; k++)
        gn_str_addf(out, "\t%s", gn_score_names[k]);
    gn_str_add(out, "\n");
    for (size_t i = 0; i < s->n; i++) {
        const struct gn_score_row *r = &s->row[i];
        put_head(out, r->subject, r->missing ? "" : regions->item[r->region].text,
                 r->missing ? "missing" : gn_overlap_status_names[r->status]);
        put_values(out, r->value, columns);
    }
    for (size_t k = 0; k <= regions->n; k++) {
        gn_scores_summarise(s, k, regions->n, &sum);
        put_summary(out, k < regions->n ? regions->item[k].text : "all", &sum, columns);
    }
}
