/* folder.h - the model folder of a training: its files' names, and a lock, for two trainings in one
 * folder would mix their logs and weights. */
#ifndef GN_RUN_FOLDER_H
#define GN_RUN_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct gn_folder {
    char *latest, *best, *timing, *done, *log[3]; /* logs: training, validation, testing */
    int lock;                                     /* descriptor, or -1 */
};

/* A training that begins writes latest before any other file, so that what may be overwritten is
 * known by it. Error: the folder holds a best, DONE, log, timing.tsv or epoch_K, but no latest. */
int gn_folder_check(const char *dir, struct gn_err *err) GN_MUST_USE;
/* Makes the folder if it is absent and takes its lock, waiting a second for one that a killed
 * program still holds, and removes what that one was writing. The lock goes with the process,
 * however it ends; its file stays. After an error close it all the same. */
int gn_folder_open(struct gn_folder *f, const char *dir, struct gn_err *err) GN_MUST_USE;
void gn_folder_close(struct gn_folder *f);

/* DONE: written when all epochs are done, removed when more are asked for. */
int gn_folder_set_done(const struct gn_folder *f, int64_t epochs, int64_t best_epoch,
                       struct gn_err *err) GN_MUST_USE;
bool gn_folder_is_done(const struct gn_folder *f);
int gn_folder_unset_done(const struct gn_folder *f, struct gn_err *err) GN_MUST_USE;
/* One row of timing.tsv, which is outside every promise: seconds of training and of validation. */
int gn_folder_add_timing(const struct gn_folder *f, int64_t epoch, const double seconds[2],
                         struct gn_err *err) GN_MUST_USE;

#endif
