/* trainlog.h - logs_training.csv and its siblings: one row an epoch, six significant digits. */
#ifndef GN_RUN_TRAINLOG_H
#define GN_RUN_TRAINLOG_H

#include "run/setup.h"
#include "run/checkpoint.h"

/* What one epoch gave: the loss and the hard Dice of each class (NaN where no voxel of it was seen
 * or predicted). */
struct gn_epoch_result {
    double loss;
    double dice[GN_MAX_CLASSES];
    bool post; /* of a set of whole subjects, and the config has data_postprocessing: then also */
    double dice_post[GN_MAX_CLASSES]; /* of the labels that come out of it */
};

/* Sums over batches or subjects, and their means. */
void gn_dice_add(const struct gn_setup *s, const float *prob, const int32_t *label, int64_t items,
                 int64_t voxels, double sum[GN_MAX_CLASSES], int64_t n[GN_MAX_CLASSES]);

/* The same of predicted labels, of one item. */
void gn_dice_add_labels(const struct gn_setup *s, const int32_t *predicted, const int32_t *label,
                        int64_t voxels, double sum[GN_MAX_CLASSES], int64_t n[GN_MAX_CLASSES]);

/* Cut the log to `bytes` (0: start it with its header) so that a resumed run appends where it
 * stood. */
int gn_log_rewind(const char *path, const char *prefix, const struct gn_config *c, int64_t bytes,
                  struct gn_err *err) GN_MUST_USE;
/* Append one row, sync it, and give the file's new length. */
int gn_log_append(const char *path, const struct gn_config *c, int64_t epoch,
                  const struct gn_epoch_result *r, int64_t *bytes, struct gn_err *err) GN_MUST_USE;
/* The header and one row as text; all but "train" have the columns NAME_post where the config has
 * data_postprocessing. */
void gn_log_put_header(const struct gn_config *c, const char *prefix, struct gn_str *out);
void gn_log_put_row(const struct gn_config *c, int64_t epoch, const struct gn_epoch_result *r,
                    struct gn_str *out);
/* Mean over foreground classes that have a value; NaN if none has. */
double gn_mean_dice(const struct gn_setup *s, const double dice[GN_MAX_CLASSES]);

#endif
