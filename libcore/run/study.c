/* study.c - see study.h: reading, checking, laying the folder out. */
#include "run/study.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/log.h"
#include "config/data.h"
#include "config/folds.h"
#include "config/pipeline.h"
#include "io/format.h"
#include "run/process.h"
#include "run/setup.h"
#include "run/study_undo.h"
#include "run/study_wipe.h"
#include "run/targets.h"

static const char *const part_file[] = {"data_training.csv", "data_validation.csv",
                                        "data_testing.csv"};
enum { TABLE_LIMIT = 1 << 30 };

/* ---- reading and checking ---- */

/* Channels of the first row, from the headers; 0 if one cannot be read (which gn-load will
 * explain). */
static int count_channels(const struct gn_config *config, const struct gn_table *t)
{
    int channels = 0;
    for (size_t c = 0; t->rows && c < t->columns; c++) {
        struct gn_picture p = {0};
        struct gn_err err = {0};
        if (t->column[c].role != GN_COLUMN_IMAGE)
            continue;
        if (!t->row[0].path[c] || gn_picture_read(t->row[0].path[c], true, &p, &err) < 0)
            return 0;
        channels += (int)gn_config_components(config, p.tensor.shape[0]);
        gn_picture_free(&p);
    }
    return channels;
}

/* Has each image as many channels as the target that it is brought to, where that has more than
 * one? */
static int check_targets(const struct gn_study *s, struct gn_err *err)
{
    const struct gn_table *t = &s->table[0];
    for (int k = 0; s->targets && k < s->targets->n; k++)
        for (size_t c = 0; t->rows && c < t->columns; c++) {
            const struct gn_target *one = &s->targets->item[k];
            struct gn_picture p = {0};
            struct gn_err unread = {0};
            if (t->column[c].role != GN_COLUMN_IMAGE || !t->row[0].path[c] ||
                gn_picture_read(t->row[0].path[c], true, &p, &unread) < 0)
                continue;
            struct gn_config before = *s->config; /* a view: the steps up to this one */
            before.pre.n = one->use.stains ? before.pre.n : s->targets->step[k];
            int64_t n = gn_config_components(&before, p.tensor.shape[0]);
            gn_picture_free(&p);
            if (one->use.stains ? n != 3 : one->components != 1 && one->components != n)
                return gn_err_set(
                    err, "%s: data_preprocessing.%s: %s has %lld channel%s, %s %lld",
                    s->config_path, gn_target_step(&one->use), t->row[0].path[c], (long long)n,
                    n == 1 ? "" : "s", one->use.stains ? "stains need" : "the target has",
                    one->use.stains ? 3 : (long long)one->components);
        }
    return 0;
}

/* Plan the network that gn-train will: sizes that do not fit are found before any image is read. */
static int check_network(const struct gn_study *s, struct gn_err *err)
{
    const struct gn_config *c = s->config;
    struct gn_setup setup = {0};
    struct gn_net *net = NULL;
    int channels = count_channels(c, &s->table[0]), rc = 0;
    if (channels && gn_setup_from_config(&setup, c, channels, err) == 0)
        net = gn_net_new(&setup.net, &setup.loss, &setup.optim, true, s->device, c->batch_size,
                         c->patch, gn_mem_limit(), err);
    if (channels && !net)
        rc = gn_err_wrap(err, "%s", s->config_path);
    gn_net_free(net);
    gn_setup_free(&setup);
    return rc;
}

static void check_table(struct gn_study *s, size_t k, struct gn_strs *faults)
{
    const struct gn_table *t = &s->table[k], *first = &s->table[0];
    struct gn_config config = *s->config; /* a view: where the sets are given, there are no folds */
    char *line = NULL;
    if (s->n_csv > 1)
        config.validation = 0;
    for (size_t i = 0; i < t->warnings.n; i++)
        gn_log(GN_LOG_WARN, "%s", t->warnings.item[i]);
    if (k < 2) /* a testing table may come without labels in its cells */
        gn_config_check_data(&config, s->config_path, &s->table[k], s->csv[k], faults);
    else
        gn_table_missing(&s->table[k], false, faults);
    if (k == 2 && t->label < 0)
        line = gn_asprintf("%s: there is no label column, which training needs", s->csv[k]);
    else if (t->rows == 0)
        line = gn_asprintf("%s: no subjects", s->csv[k]);
    bool same = t->columns == first->columns;
    for (size_t c = 0; same && c < t->columns; c++)
        same = t->column[c].role == first->column[c].role &&
               !strcmp(t->column[c].name, first->column[c].name);
    if (!same && !line)
        line = gn_asprintf("%s: its columns are not those of %s", s->csv[k], s->csv[0]);
    if (line)
        gn_strs_add(faults, line);
    free(line);
    /* A subject in two sets would be trained on and tested. */
    for (size_t other = 0; other < k; other++)
        for (size_t r = 0; r < t->rows; r++) {
            if (gn_table_find_sample(&s->table[other], t->row[r].subject) < 0)
                continue;
            line = gn_asprintf("%s:%zu: subject %s: is also in %s", s->csv[k], t->row[r].line,
                               t->row[r].subject, s->csv[other]);
            gn_strs_add(faults, line);
            free(line);
        }
}

static bool has_labels(const struct gn_table *t)
{
    for (size_t r = 0; r < t->rows; r++)
        if (t->label >= 0 && *t->row[r].cell[t->label])
            return true;
    return false;
}

static void list_leaves(struct gn_study *s)
{
    const struct gn_config *c = s->config;
    if (s->n_csv > 1) {
        gn_strs_add(&s->leaves, "");
        return;
    }
    for (int f = 0; f < gn_folds_run(c->testing); f++)
        for (int g = 0; g < gn_folds_run(c->validation); g++) {
            char *name = gn_folds_leaf_name(c->testing, c->validation, f, g);
            gn_strs_add(&s->leaves, name);
            free(name);
        }
}

int gn_study_open(struct gn_study *s, struct gn_err *err)
{
    struct gn_strs faults = {0};
    int rc = -1;

    if (s->n_csv < 1 || s->n_csv > 3)
        return gn_err_usage(
            err, "-i: one table, or two or three with commas (training, validation, testing)");
    for (size_t k = 0; k < s->n_csv; k++)
        if (gn_table_read(&s->table[k], &s->csv[k], 1, GN_TABLE_IMAGES, err) < 0)
            goto out;
    for (size_t k = 0; k < s->n_csv; k++)
        check_table(s, k, &faults);
    for (size_t i = 0; i + 1 < faults.n; i++)
        gn_log(GN_LOG_ERROR, "%s", faults.item[i]);
    if (faults.n) {
        gn_err_set(err, "%s", faults.item[faults.n - 1]);
        goto out;
    }
    if (check_targets(s, err) < 0 || check_network(s, err) < 0)
        goto out;
    if (s->config->biased_sampling && !s->config->sampling_weights &&
        gn_config_augments_raw(s->config)) {
        gn_err_set(err, "%s: patch_sampler.biased_sampling: needs sampling_weights where "
                   "augmentation comes before preprocessing", s->config_path);
        goto out;
    }
    list_leaves(s);
    s->tested = s->n_csv > 1 ? s->n_csv == 3 : s->config->testing > 1 || s->config->testing < -1;
    s->scored = has_labels(&s->table[s->n_csv > 1 ? s->n_csv - 1 : 0]);
    rc = 0;
out:
    gn_strs_free(&faults);
    return rc;
}

void gn_study_free(struct gn_study *s)
{
    for (size_t k = 0; k < 3; k++)
        gn_table_free(&s->table[k]);
    gn_strs_free(&s->leaves);
}

/* ---- laying out ---- */

static char *in_leaf(const struct gn_study *s, const char *leaf, const char *name)
{
    char *dir = *leaf ? gn_path_join(s->out, leaf) : gn_strdup(s->out);
    char *path = gn_path_join(dir, name);
    free(dir);
    return path;
}

/* Write it, or, in a folder that is set up, compare. what: for the message. */
static int write_or_compare(const char *path, const struct gn_str *text, bool set_up,
                            const char *what, struct gn_err *err)
{
    char *old = NULL;
    size_t n, line = 1;
    int rc = -1;
    if (!set_up)
        return gn_file_write(path, gn_str_text(text), text->len, true, err);
    if (gn_file_read(path, TABLE_LIMIT, &old, &n, err) < 0)
        goto out;
    size_t i = 0;
    for (; i < n && i < text->len && old[i] == text->data[i]; i++)
        line += old[i] == '\n';
    if (i < n || i < text->len)
        gn_err_set(err,
                   "%s: %s than in the earlier run (first difference in line %zu): use another -o, "
                   "or --reset",
                   path, what, line);
    else
        rc = 0;
out:
    free(old);
    return rc;
}

static int put_tables(const struct gn_study *s, size_t first, size_t n, const char *name,
                      bool set_up, const char *what, struct gn_err *err)
{
    struct gn_str text = {0};
    char *path = gn_path_join(s->out, name);
    gn_table_put_header(&s->table[0], &text);
    for (size_t k = first; k < first + n; k++)
        for (size_t r = 0; r < s->table[k].rows; r++)
            gn_table_put_row(&s->table[k], r, s->out, &text);
    int rc = write_or_compare(path, &text, set_up, what, err);
    free(path);
    gn_str_free(&text);
    return rc;
}

static int call_split(const struct gn_study *s, const char *dir, struct gn_err *err)
{
    const struct gn_config *c = s->config;
    char *test = gn_asprintf("%d", c->testing), *val = gn_asprintf("%d", c->validation);
    char *seed = gn_asprintf("%llu", (unsigned long long)c->seed);
    const char *argv[20] = {"gn-split", "-q",     "--test", test, "--val",
                            val,        "--seed", seed,     "-o", dir};
    size_t n = 10;
    if (c->stratified)
        argv[n++] = "--stratify";
    if (c->group || c->group_regex) {
        argv[n++] = c->group ? "--group" : "--group-regex";
        argv[n++] = c->group ? c->group : c->group_regex;
    }
    argv[n++] = "--";
    argv[n++] = s->csv[0];
    int rc = gn_process_call(argv, err);
    if (rc > 0)
        err->code = rc; /* it has said why */
    free(test);
    free(val);
    free(seed);
    return rc ? -1 : 0;
}

/* Do two tables hold the same subjects in the same order? */
static int same_subjects(const char *path, const char *fresh, size_t column, struct gn_err *err)
{
    struct gn_csv a = {0}, b = {0};
    int rc = -1;
    if (gn_csv_read(&a, path, err) < 0 || gn_csv_read(&b, fresh, err) < 0)
        goto out;
    bool same = a.rows == b.rows && column < a.columns && column < b.columns;
    for (size_t r = 0; same && r < a.rows; r++)
        same = !strcmp(gn_csv_at(&a, r, column), gn_csv_at(&b, r, column));
    if (same)
        rc = 0;
    else
        gn_err_set(
            err,
            "%s: other subjects than the split of these data gives: use another -o, or --reset",
            path);
out:
    gn_csv_free(&a);
    gn_csv_free(&b);
    return rc;
}

/* The folder of a split to compare with; a run that was killed may have left one. */
static int remove_split(const char *dir, struct gn_err *err)
{
    const char *const rm[] = {"rm", "-rf", "--", dir, NULL};
    struct stat st;
    if (lstat(dir, &st) < 0)
        return 0;
    return gn_process_call(rm, err) == 0 ? 0 : gn_err_set(err, "%s: cannot be removed", dir);
}

static int compare_split(const struct gn_study *s, struct gn_err *err)
{
    char *dir = gn_path_join(s->out, ".gn-split");
    int rc = remove_split(dir, err);
    rc = rc ? rc : call_split(s, dir, err);
    for (size_t i = 0; i < s->leaves.n && rc == 0; i++)
        for (int part = 0; part < (s->tested ? 3 : 2) && rc == 0; part++) {
            char *path = in_leaf(s, s->leaves.item[i], part_file[part]);
            char *leaf = *s->leaves.item[i] ? gn_path_join(dir, s->leaves.item[i]) : gn_strdup(dir);
            char *fresh = gn_path_join(leaf, part_file[part]);
            rc = same_subjects(path, fresh, s->table[0].subject, err);
            free(path);
            free(leaf);
            free(fresh);
        }
    struct gn_err ignored = {0};
    if (remove_split(dir, rc ? &ignored : err) < 0)
        rc = -1;
    free(dir);
    return rc;
}

/* Can these data be divided so? */
static int try_split(const struct gn_study *s, struct gn_err *err)
{
    char *dir = gn_path_join(s->out, ".gn-split");
    struct gn_err ignored = {0};
    int rc = s->n_csv == 1 ? remove_split(dir, err) : 0;
    if (s->n_csv == 1 && rc == 0)
        rc = call_split(s, dir, err);
    if (s->n_csv == 1 && remove_split(dir, rc ? &ignored : err) < 0)
        rc = -1;
    free(dir);
    return rc;
}

static int put_config(const struct gn_study *s, const char *path, struct gn_err *err)
{
    struct gn_str text = {0};
    char *stored = NULL;
    size_t n = 0;
    int rc = 0;

    gn_config_print(s->config, &text);
    if (access(path, F_OK) == 0 && gn_file_read(path, TABLE_LIMIT, &stored, &n, err) < 0)
        rc = -1;
    else if (!stored || n != text.len || memcmp(stored, text.data, n))
        rc = gn_file_write(path, gn_str_text(&text), text.len, true, err);
    gn_str_free(&text);
    free(stored);
    return rc;
}

/* What preprocessing brings images to, for as long as the study is: the files may go. */
static int put_targets(const struct gn_study *s, struct gn_err *err)
{
    char *path = gn_path_join(s->out, GN_TARGETS_FILE);
    int rc = s->targets->n ? gn_targets_write(s->targets, s->config, path, err) : 0;
    free(path);
    return rc;
}

/* ---- the folder ---- */

/* Removes what writers that were killed left beside their targets. cache/ and predictions/ are
 * swept by their recipes. */
static void sweep_folder(const char *folder)
{
    struct dirent *e;
    DIR *dir = opendir(folder);
    while (dir && (e = readdir(dir))) {
        if (!gn_study_is_litter(e->d_name))
            continue;
        char *path = gn_path_join(folder, e->d_name);
        unlink(path);
        free(path);
    }
    if (dir)
        closedir(dir);
}

static void sweep(const struct gn_study *s)
{
    sweep_folder(s->out);
    for (size_t i = 0; i < s->leaves.n; i++) {
        char *report = in_leaf(s, s->leaves.item[i], "report"), *leaf = gn_path_dir(report),
             *model = in_leaf(s, s->leaves.item[i], "model");
        sweep_folder(leaf);
        sweep_folder(report);
        sweep_folder(model);
        free(report);
        free(leaf);
        free(model);
    }
}

/* 1: nothing in it (or no such folder), 0: something; ours: it bears our mark. */
static int look(const char *out, bool *ours, struct gn_err *err)
{
    struct dirent *e;
    DIR *dir = opendir(out);
    int empty = 1;
    *ours = false;
    if (!dir)
        return errno == ENOENT
                   ? 1
                   : gn_err_set(err, "%s: cannot be used as a folder: %s", out, strerror(errno));
    while ((e = readdir(dir))) {
        *ours = *ours || !strcmp(e->d_name, ".gn-experiment");
        empty = empty && (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."));
    }
    closedir(dir);
    return empty;
}

static int set_up_folder(struct gn_study *s, bool set_up, const char *config, struct gn_err *err)
{
    static const char *const what[] = {"another training set", "another validation set",
                                       "another test set"};
    struct gn_str text = {0};
    char *path = gn_path_join(s->out, "Makefile");
    bool caches_stay = false;
    int rc = put_tables(s, 0, s->n_csv, "data.csv", set_up, "other data", err);

    for (size_t k = 0; s->n_csv > 1 && k < s->n_csv && rc == 0; k++)
        rc = put_tables(s, k, 1, part_file[k], set_up, what[k], err);
    if (rc == 0)
        rc = gn_study_sources(s, set_up, err);
    if (rc == 0 && set_up && (rc = gn_study_compare_config(s, config, &caches_stay, err)) > 0) {
        rc = gn_study_wipe(s, GN_KEEP_DATA | (s->n_csv > 1 ? GN_KEEP_SETS : 0) |
                              (caches_stay ? GN_KEEP_CACHES : 0), err);
        set_up = false;
    }
    if (rc == 0)
        rc = put_targets(s, err);
    if (rc == 0 && s->n_csv == 1)
        rc = set_up ? compare_split(s, err) : call_split(s, s->out, err);
    if (rc == 0) {
        gn_study_makefile(s, &text);
        rc = gn_file_write(path, gn_str_text(&text), text.len, true, err);
    }
    if (rc == 0)
        rc = put_config(s, config, err); /* last: with it the folder is set up */
    gn_str_free(&text);
    free(path);
    return rc;
}

int gn_study_prepare(struct gn_study *s, bool reset, struct gn_err *err)
{
    char *mark = gn_path_join(s->out, ".gn-experiment"),
         *config = gn_path_join(s->out, "config.yaml");
    bool ours, made = false;
    size_t absent = gn_undo_mark(s->out);
    int rc = -1, empty = look(s->out, &ours, err);

    if (empty < 0)
        goto out;
    if (!empty && !ours) {
        gn_err_set(err, "%s: is not empty and not a study's folder: it is left alone", s->out);
        goto out;
    }
    if (gn_mkdirs(s->out, err) < 0) {
        gn_undo_folders(s->out, absent);
        goto out;
    }
    if (gn_process_lock(mark, &made, err) < 0)
        goto out;
    sweep(s);
    /* What cannot be done is found before anything is removed. */
    if (reset && (try_split(s, err) < 0 || gn_study_wipe(s, 0, err) < 0))
        goto out;
    bool set_up = access(config, F_OK) == 0;
    rc = set_up_folder(s, set_up, config, err);
    if (rc < 0 && made && !set_up) { /* nothing was begun: leave no trace */
        struct gn_err ignored = {0};
        if (gn_study_wipe(s, 0, &ignored) == 0 && unlink(mark) == 0)
            gn_undo_folders(s->out, absent);
    }
out:
    free(mark);
    free(config);
    return rc;
}
