/* study.h - a whole study in one folder: tables of subjects and a config in, a makefile with one
 * rule a product out, and what became of it.
 *
 *   OUT/   .gn-experiment (lock, and the mark that the folder is ours)
 *          config.yaml  data.csv  sources.tsv  Makefile  cache/ [cache_raw/] [cache_training/]
 *          [targets.safetensors] (run/targets.h)
 *   a leaf (OUT/testing_F/G/; OUT itself when there is one fold of each):
 *          data_training.csv ...  model/ (logs_testing.csv in it comes from gn-experiment itself)
 *          predictions/  scores.tsv  report/predictions.png  .products (which model they are of)
 *
 * The makefile's recipes are the pipelines a person would type; libcore/config/pipeline.h prints
 * the same ones as shell.
 */
#ifndef GN_RUN_STUDY_H
#define GN_RUN_STUDY_H

#include "config/config.h"
#include "io/table.h"

struct gn_targets;

struct gn_study {
    const struct gn_config *config; /* borrowed, as all texts here */
    const struct gn_targets *targets; /* of the config, which has their names; NULL: it has paths */
    const char *config_path;
    const char *out;
    const char *const *csv; /* one table to be split, or training, validation[, testing] as they are
                             */
    size_t n_csv;
    const char *device;
    uint64_t memory; /* --memory for every program that runs; 0: not given */
    /* filled by gn_study_open */
    struct gn_table table[3];
    struct gn_strs leaves; /* folders below OUT, "" for OUT itself */
    bool tested; /* there is a test set; else the validation set is predicted and scored */
    bool scored; /* the set that is predicted has labels */
};

/* Reads the tables, and checks everything that can be known before anything is computed: columns,
 * files, a subject in two sets, channels, the network. Faults but the last are logged. */
int gn_study_open(struct gn_study *s, struct gn_err *err) GN_MUST_USE;
void gn_study_free(struct gn_study *s);

/* Makes the folder, locks it, writes config, tables and makefile. A folder of ours must agree: the
 * same data (tables and files), the same split, and a config that differs in num_epochs, patience
 * and save_* at most; as long as nothing was trained, any other may come, and what depends on it is
 * removed. reset: what an earlier study made there is removed first (study_wipe.h), once it is
 * known that the data can be split. After a failure a folder that is new is gone again, with its
 * parents. */
int gn_study_prepare(struct gn_study *s, bool reset, struct gn_err *err) GN_MUST_USE;

/* The config of the earlier call, in path, beside this one: 0: they agree as far as they must; 1:
 * they do not, but nothing was trained yet (which is noted), *caches_stay: and both fill the caches
 * alike; -1: something was, with another config, more epochs or more patience. */
int gn_study_compare_config(const struct gn_study *s, const char *path, bool *caches_stay,
                            struct gn_err *err) GN_MUST_USE;

/* sources.tsv: size and time of every file of the tables, and of its other half where it comes in
 * two (.hdr, .img), written as long as nothing was computed from them; in a folder that is set up,
 * compared: the first that is another now is an error, unless its subject is only in the test set:
 * then what was made of it is removed, but for the models. */
int gn_study_sources(const struct gn_study *s, bool set_up, struct gn_err *err) GN_MUST_USE;
/* Products that someone removed and make would not miss: an index of predictions that are gone, cut
 * or of another model, or of a cache of which a leaf needs a file that is gone or cut, is removed,
 * so that they are made again; a best model that is gone after training is an error. */
int gn_study_revisit(const struct gn_study *s, const char *only, struct gn_err *err) GN_MUST_USE;
/* One leaf's part of that, for what comes after the cache; model/DONE goes when the config wants
 * more epochs, and what is dated in the future is dated back. */
int gn_study_check_products(const struct gn_study *s, const char *leaf,
                            struct gn_err *err) GN_MUST_USE;
/* Once all is made: which model the products of each leaf (of one: only) are of, and how long the
 * predictions are, in its .products. */
int gn_study_note_products(const struct gn_study *s, const char *only,
                           struct gn_err *err) GN_MUST_USE;
/* The labels in the cache, of all sets, against class_list: the error names subject, file and
 * value. */
int gn_study_check_labels(const struct gn_study *s, struct gn_err *err) GN_MUST_USE;

/* The makefile, and for a person's shell the same pipelines (libcore/config/pipeline.h) with this
 * study's names. */
void gn_study_makefile(const struct gn_study *s, struct gn_str *out);
void gn_study_shell(const struct gn_study *s, struct gn_str *out);

/* Error (usage): this study has no such leaf. */
int gn_study_check_leaf(const struct gn_study *s, const char *leaf, struct gn_err *err) GN_MUST_USE;
/* Runs make: `folds` leaves at once, one leaf or all (only NULL), `threads` in all. Returns an exit
 * status; 75: stopped by a signal after saving. */
int gn_study_make(const struct gn_study *s, int64_t folds, const char *only, int threads,
                  struct gn_err *err) GN_MUST_USE;

/* model/logs_testing.csv of each leaf that has a labelled test set: its one row, of the epoch that
 * the best model is from, loss and Dice as gn-train --test would have logged them. Computed from
 * the cache, unless the row is there. Returns an exit status; 75: a signal came. */
int gn_study_test(const struct gn_study *s, const char *only, struct gn_err *err) GN_MUST_USE;
bool gn_study_has_test(const struct gn_study *s, const char *leaf);

/* What a study's folder holds now: a tab-separated table, a row a leaf (epochs are counted from 1,
 * as in what gn-train says; best_epoch_no is the best one's epoch_no in the logs, from 0); or, a
 * line a leaf, scores and where things are, once complete. */
int gn_study_status(const char *out, struct gn_str *text, struct gn_err *err) GN_MUST_USE;
int gn_study_summary(const char *out, const struct gn_strs *leaves, struct gn_str *text,
                     struct gn_err *err) GN_MUST_USE;

#endif
