/* study_report.c - what a study's folder holds: status and summary. */
#include "run/study.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/csv.h"
#include "config/folds.h"
#include "run/checkpoint.h"

static char *at(const char *out, const char *leaf, const char *name)
{
    char *dir = *leaf ? gn_path_join(out, leaf) : gn_strdup(out), *path = gn_path_join(dir, name);
    free(dir);
    return path;
}

static bool there(const char *out, const char *leaf, const char *name)
{
    char *path = at(out, leaf, name);
    bool yes = access(path, F_OK) == 0;
    free(path);
    return yes;
}

/* The cell `dice` of the row mean, all. "" when there are no scores, or nothing to take a mean of.
 */
static int mean_dice(const char *out, const char *leaf, char *value, size_t size,
                     struct gn_err *err)
{
    struct gn_csv t = {0};
    char *path = at(out, leaf, "scores.tsv");
    int rc = 0;
    *value = 0;
    if (access(path, F_OK) == 0 && (rc = gn_csv_read(&t, path, err)) == 0) {
        int id = gn_csv_column(&t, "SubjectID"), label = gn_csv_column(&t, "Label"),
            dice = gn_csv_column(&t, "dice");
        for (size_t r = t.rows; r-- > 0 && id >= 0 && label >= 0 &&
                                dice >= 0;) /* the last: a subject may be called mean */
            if (!strcmp(gn_csv_at(&t, r, (size_t)id), "mean") &&
                !strcmp(gn_csv_at(&t, r, (size_t)label), "all")) {
                snprintf(value, size, "%s", gn_csv_at(&t, r, (size_t)dice));
                break;
            }
    }
    gn_csv_free(&t);
    free(path);
    return rc;
}

static int count_rows(const char *out, const char *leaf, size_t *n, struct gn_err *err)
{
    struct gn_csv t = {0};
    char *path = at(out, leaf, "predictions/predictions.csv");
    int rc = gn_csv_read(&t, path, err);
    *n = t.rows;
    gn_csv_free(&t);
    free(path);
    return rc;
}

static void leaves_of(const char *out, const struct gn_config *c, struct gn_strs *leaves)
{
    for (int f = 0; f < gn_folds_run(c->testing); f++)
        for (int g = 0; g < gn_folds_run(c->validation); g++) {
            char *name = gn_folds_leaf_name(c->testing, c->validation, f, g);
            gn_strs_add(leaves, there(out, "", "data_training.csv") ? "" : name);
            free(name);
            if (!*leaves->item[0])
                return;
        }
}

static int put_status(const char *out, const char *leaf, const struct gn_config *c,
                      struct gn_str *text, struct gn_err *err)
{
    struct gn_train_state state;
    char dice[64], *latest = at(out, leaf, "model/latest.safetensors");
    int rc = gn_checkpoint_state(latest, &state, err), begun = rc > 0;
    if (rc >= 0)
        rc = mean_dice(out, leaf, dice, sizeof dice, err);
    if (rc >= 0) {
        gn_str_addf(text, "%s\t%" PRId64 "\t%d\t", *leaf ? leaf : ".", state.epoch, c->num_epochs);
        if (state.best_epoch >= 0)
            gn_str_addf(text, "%" PRId64, state.best_epoch + 1);
        gn_str_addf(text, "\t%s\t%s\t%s\t%s\t",
                    there(out, leaf, "model/DONE") ? "done"
                    : begun                        ? "begun"
                                                   : "missing",
                    there(out, leaf, "predictions/predictions.csv") ? "done" : "missing",
                    there(out, leaf, "scores.tsv") ? "done" : "missing", dice);
        if (state.best_epoch >= 0)
            gn_str_addf(text, "%" PRId64, state.best_epoch);
        gn_str_add(text, "\n");
    }
    free(latest);
    return rc < 0 ? -1 : 0;
}

int gn_study_status(const char *out, struct gn_str *text, struct gn_err *err)
{
    struct gn_config config = {0};
    struct gn_strs faults = {0}, leaves = {0};
    char *path = gn_path_join(out, "config.yaml");
    int rc = -1;

    if (!there(out, "", ".gn-experiment") || access(path, F_OK) < 0) {
        gn_err_set(err, "%s: is not a study's folder", out);
        goto out;
    }
    if (gn_config_read(&config, path, &faults, err) < 0)
        goto out;
    gn_str_add(text, "leaf\tepochs\tof\tbest_epoch\tmodel\tpredictions\tscores\tdice\t"
                     "best_epoch_no\n");
    leaves_of(out, &config, &leaves);
    rc = 0;
    for (size_t i = 0; i < leaves.n && rc == 0; i++)
        rc = put_status(out, leaves.item[i], &config, text, err);
out:
    gn_config_free(&config);
    gn_strs_free(&faults);
    gn_strs_free(&leaves);
    free(path);
    return rc;
}

static void put_place(const char *out, const char *leaf, const char *what, const char *name,
                      struct gn_str *text)
{
    char *path = at(out, leaf, name);
    if (access(path, F_OK) == 0)
        gn_str_addf(text, ", %s %s", what, path);
    free(path);
}

int gn_study_summary(const char *out, const struct gn_strs *leaves, struct gn_str *text,
                     struct gn_err *err)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < leaves->n; i++) {
        const char *leaf = leaves->item[i],
                   *set = there(out, leaf, "data_testing.csv") ? "test" : "validation";
        char dice[64];
        size_t subjects;
        double v;
        if (!there(out, leaf, "predictions/predictions.csv"))
            continue; /* --only another */
        if (mean_dice(out, leaf, dice, sizeof dice, err) < 0 ||
            count_rows(out, leaf, &subjects, err) < 0)
            return -1;
        if (*leaf)
            gn_str_addf(text, "%s: ", leaf);
        if (*dice && gn_parse_double(dice, &v) == 0) {
            gn_str_addf(text, "mean Dice %.4f over %zu %s subject%s", v, subjects, set,
                        subjects == 1 ? "" : "s");
            sum += v;
            n++;
        } else {
            gn_str_addf(text, "%zu %s subject%s predicted", subjects, set,
                        subjects == 1 ? "" : "s");
        }
        put_place(out, leaf, "scores", "scores.tsv", text);
        put_place(out, leaf, "picture", "report/predictions.png", text);
        put_place(out, leaf, "model", "model/best.safetensors", text);
        gn_str_add(text, "\n");
    }
    if (n > 1)
        gn_str_addf(text, "mean Dice %.4f over %zu leaves\n", sum / (double)n, n);
    return 0;
}
