/* predict.c - see predict.h */
#include "run/predict.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "config/config.h"
#include "io/format.h"
#include "io/index.h"
#include "io/safetensors.h"
#include "io/table.h"
#include "run/batch.h"
#include "run/checkpoint.h"
#include "run/process.h"
#include "run/study_undo.h"
#include "run/targets.h"

enum { MAX_STAGES = 64, TALK_LIMIT = 1 << 20, NAMED = 10 };

struct pipe {
    struct gn_child stage[MAX_STAGES];
    size_t n;
};

/* ---- what the model asks for ---- */

struct asked {
    struct gn_strs preprocessing;
    struct gn_config config;
    int64_t channels;
};

static int ask_model(const char *path, struct asked *a, struct gn_err *err)
{
    struct gn_safetensors st;
    struct gn_strs faults = {0};
    int rc = -1;
    if (gn_safetensors_open(&st, path, err) < 0)
        return -1;
    const char *channels = gn_safetensors_meta(&st, "channels");
    if (!gn_safetensors_meta(&st, "preprocessing") || !channels ||
        gn_parse_int(channels, &a->channels) < 0) {
        gn_err_set(err,
                   "%s: not a model of this project (no metadata 'preprocessing' and 'channels')",
                   path);
        goto out;
    }
    if (gn_model_preprocessing(&st, &a->preprocessing, err) < 0) {
        gn_err_wrap(err, "%s", path);
        goto out;
    }
    if (gn_config_read(&a->config, path, &faults, err) < 0) {
        for (size_t i = 0; i + 1 < faults.n; i++)
            gn_log(GN_LOG_ERROR, "%s", faults.item[i]);
        if (faults.n) {
            gn_err_clear(err);
            gn_err_set(err, "%s", faults.item[faults.n - 1]);
        }
        goto out;
    }
    rc = 0;
out:
    gn_strs_free(&faults);
    gn_safetensors_close(&st);
    return rc;
}

/* How many components an image of n has when alpha has been dropped or added. */
static int64_t components_after(const struct gn_strs *commands, int64_t n)
{
    for (size_t i = 0; i < commands->n; i++) {
        if (n == 4 && !strcmp(commands->item[i], "gn-normalize --to-rgb"))
            n = 3;
        else if (n == 3 && !strcmp(commands->item[i], "gn-normalize --to-rgba"))
            n = 4;
    }
    return n;
}

/* Image operands must bring as many channels as the model takes, in its order. What cannot be read
 * gn-load will explain. */
static int check_channels(const struct gn_predict_options *o, const struct asked *a,
                          struct gn_err *err)
{
    const int64_t channels = a->channels;
    for (size_t i = 0; i < o->inputs->n; i++) {
        const char *operand = o->inputs->item[i];
        struct gn_table t = {0};
        struct gn_err unread = {0};
        int64_t found = 0;
        if (gn_table_is_table(operand))
            continue;
        if (gn_table_from_images(&t, &operand, 1, err) < 0)
            return -1;
        for (size_t c = 0; c < t.columns && t.rows; c++) {
            struct gn_picture p = {0};
            if (t.column[c].role != GN_COLUMN_IMAGE || !t.row[0].path[c] ||
                gn_picture_read(t.row[0].path[c], true, &p, &unread) < 0)
                continue;
            found += components_after(&a->preprocessing, p.tensor.shape[0]);
            gn_picture_free(&p);
        }
        gn_table_free(&t);
        if (found != channels && !unread.code)
            return gn_err_usage(
                err,
                "%s: %lld channel%s, the model takes %lld (files joined by commas, in its order)",
                operand, (long long)found, found == 1 ? "" : "s", (long long)channels);
    }
    return 0;
}

/* The model's own preprocessing may squeeze a volume into one plane, and what comes out of that
 * looks like a mask: the headers are looked at first. */
static int check_row(const struct gn_table *t, size_t row, const struct gn_config *c,
                     struct gn_err *err)
{
    const struct gn_table_row *r = &t->row[row];
    for (size_t i = 0; i < t->columns; i++) {
        struct gn_picture p = {0};
        struct gn_err unread = {0};
        if (t->column[i].role != GN_COLUMN_IMAGE || !r->path[i] ||
            gn_picture_read(r->path[i], true, &p, &unread) < 0)
            continue;
        const int64_t *s = p.tensor.shape, size[3] = {s[3], s[2], s[1]};
        gn_picture_free(&p);
        if (gn_check_dimension(c, size, err) < 0) {
            gn_err_wrap(err, "subject %s: %s", r->sample, r->path[i]);
            return r->line ? gn_err_wrap(err, "%s:%zu", r->file, r->line) : -1;
        }
    }
    return 0;
}

static int check_dimensions(const struct gn_predict_options *o, const struct gn_config *c,
                            struct gn_err *err)
{
    int rc = 0;
    for (size_t i = 0; i < o->inputs->n && rc == 0; i++) {
        const char *operand = o->inputs->item[i];
        struct gn_table t = {0};
        struct gn_err unread = {0};
        if (gn_table_is_table(operand) ? gn_table_read(&t, &operand, 1, 0, &unread)
                                       : gn_table_from_images(&t, &operand, 1, &unread))
            continue;
        for (size_t r = 0; r < t.rows && rc == 0; r++)
            rc = check_row(&t, r, c, err);
        gn_table_free(&t);
    }
    return rc;
}

/* ---- the stages ---- */

static struct gn_child *add_stage(struct pipe *p, const char *command)
{
    struct gn_child *c = &p->stage[p->n++];
    size_t name = strcspn(command, " ");
    char *program = gn_strndup(command, name);
    gn_child_add(c, program);
    free(program);
    gn_child_add_words(c, command + name);
    return c;
}

/* A step of the model's; the name of a target stands for the model, which holds it. */
static void add_step(struct pipe *p, const char *command, const char *model)
{
    struct gn_target_use use;
    char name[GN_TARGET_NAME + 1];
    const char *at = gn_target_of_command(command, &use, name) ? strstr(command, name) : NULL;
    char *before = at ? gn_strndup(command, (size_t)(at - command)) : gn_strdup(command);
    struct gn_child *c = add_stage(p, before);
    if (at) {
        gn_child_add(c, model);
        gn_child_add_words(c, at + GN_TARGET_NAME);
    }
    free(before);
}

static int build(const struct gn_predict_options *o, const struct asked *a, struct pipe *p,
                 struct gn_err *err)
{
    if (a->preprocessing.n + 7 > MAX_STAGES)
        return gn_err_set(err, "%s: %zu preprocessing steps are too many", o->model,
                          a->preprocessing.n);
    struct gn_child *load = add_stage(p, "gn-load");
    for (size_t i = 0; i < a->preprocessing.n; i++)
        add_step(p, a->preprocessing.item[i], o->model);
    struct gn_child *patch = add_stage(p, "gn-patch --grid -c"),
                    *infer = add_stage(p, "gn-infer -m");
    gn_child_add(patch, o->model);
    gn_child_add(infer, o->model);
    if (strcmp(o->device, "cpu")) {
        gn_child_add(infer, "--device");
        gn_child_add(infer, o->device);
    }
    add_stage(p, "gn-stitch --labels --to-source");
    if (a->config.post.n)
        gn_child_add(add_stage(p, "gn-postprocess -c"), o->model);
    struct gn_child *save = add_stage(p, "gn-save -o");
    gn_child_add(save, o->out);
    for (size_t i = 0; i < p->n; i++) {
        char *threads = gn_asprintf("%d", o->threads);
        gn_child_add(&p->stage[i], "-j");
        gn_child_add(&p->stage[i], threads);
        if (gn_log_verbosity())
            gn_child_add(&p->stage[i], gn_log_verbosity() < 0 ? "-q" : "-v");
        if (o->keep_going)
            gn_child_add(&p->stage[i], "--keep-going");
        if (o->memory) {
            char *bytes = gn_asprintf("%" PRIu64, o->memory);
            gn_child_add(&p->stage[i], "--memory");
            gn_child_add(&p->stage[i], bytes);
            free(bytes);
        }
        free(threads);
    }
    gn_child_add(load, "--");
    for (size_t i = 0; i < o->inputs->n; i++)
        gn_child_add(load, o->inputs->item[i]);
    return 0;
}

static void show(const struct pipe *p, struct gn_str *out)
{
    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < p->stage[i].argv.n; k++) {
            gn_str_add(out, k ? " " : i ? " |\n    " : "");
            gn_str_add_shell(out, p->stage[i].argv.item[k]);
        }
    }
    gn_str_add(out, "\n");
}

/* ---- running ---- */

/* What a stage has said: a line that it said again and again (of each patch of a subject) once;
 * with pick, without those that follow from another stage's. */
static void repeat_talk(const struct gn_child *c, bool pick)
{
    struct gn_str text = {0};
    const char *before = NULL;
    size_t length = 0;
    char buf[4096];
    ssize_t n;
    for (off_t at = 0; c->talk >= 0 && at < TALK_LIMIT; at += n) {
        if ((n = pread(c->talk, buf, sizeof buf, at)) <= 0)
            break;
        gn_str_addn(&text, buf, (size_t)n);
    }
    for (char *line = text.data, *end; line && *line; line = end) {
        end = line + strcspn(line, "\n");
        end += *end == '\n';
        bool again = before && length == (size_t)(end - line) && !memcmp(before, line, length);
        before = line;
        length = (size_t)(end - line);
        if (again || (pick && gn_process_only_follows(line)))
            continue;
        for (ssize_t k; line < end; line += k)
            if ((k = write(STDERR_FILENO, line, (size_t)(end - line))) <= 0)
                break;
    }
    gn_str_free(&text);
}

static int run(const struct gn_predict_options *o, struct pipe *p, const char *index,
               struct gn_err *err)
{
    bool capture = gn_log_verbosity() <= 0, saved;
    int stopped, rc = -1;
    size_t first = 0;

    rc = gn_process_run(p->stage, p->n, capture ? GN_PROCESS_CAPTURE : 0, &stopped, &saved, err);
    while (first < p->n && p->stage[first].status == 0)
        first++;
    /* Under --keep-going each stage may have left out subjects of its own, and says which. */
    for (size_t i = 0; i < p->n && (i <= first || o->keep_going); i++)
        repeat_talk(&p->stage[i], i > first);
    if (rc == 0 && stopped) {
        signal(stopped, SIG_DFL);
        raise(stopped);
    }
    if (rc == 0 && first < p->n) {
        int status = p->stage[first].status;
        if (status > 128)
            gn_err_set(err, "%s: ended by signal %d", p->stage[first].argv.item[0], status - 128);
        else if (!capture)
            gn_err_set(err, "%s failed", p->stage[first].argv.item[0]);
        rc = status > 128 ? GN_EXIT_FAILED : status;
        if (!o->keep_going) /* else gn-save wrote it if the pipeline came to its end */
            gn_index_drop(index, "gn-save");
    }
    return rc;
}

/* ---- what was written ---- */

/* Is this image operand among what was predicted? */
static bool is_listed(const char *operand, const struct gn_table *index)
{
    struct gn_table t = {0};
    struct gn_err none = {0};
    bool listed = gn_table_from_images(&t, &operand, 1, &none) == 0 &&
                  gn_table_find_sample(index, t.row[0].sample) >= 0;
    gn_table_free(&t);
    return listed;
}

/* The command that draws all that was predicted, or the first of many images. */
static void say_command(const struct gn_predict_options *o, const struct gn_table *index,
                        const char *path, struct gn_str *say)
{
    bool tables = gn_table_is_table(o->inputs->item[0]);
    size_t most = tables || index->rows <= NAMED ? SIZE_MAX : 1;
    char *picture = gn_path_join(o->out, "predictions.png");
    gn_str_addf(say, "to look at: gn-load%s", tables && o->keep_going ? " --keep-going" : "");
    for (size_t i = 0; i < o->inputs->n && most > 0; i++) {
        if (!tables && !is_listed(o->inputs->item[i], index))
            continue;
        gn_str_add(say, " ");
        gn_str_add_shell(say, o->inputs->item[i]);
        most--;
    }
    gn_str_add(say, " ");
    gn_str_add_shell(say, path);
    gn_str_add(say, " | gn-view -o ");
    gn_str_add_shell(say, picture);
    gn_str_add(say, "\n");
    free(picture);
}

/* A line an image, or how many there are; without an index, nothing. */
static int say_written(const struct gn_predict_options *o, struct gn_str *say, struct gn_err *err)
{
    char *index = gn_path_join(o->out, "predictions.csv");
    struct gn_table t = {0};
    const char *const path = index;
    int rc = 0;
    if (access(index, F_OK) < 0 || (rc = gn_table_read(&t, &path, 1, 0, err)) < 0 ||
        !t.predictions)
        goto out;
    for (size_t r = 0; r < t.rows && t.rows <= NAMED; r++)
        for (size_t c = 0; c < t.columns; c++)
            if (t.column[c].role == GN_COLUMN_PREDICTION && *t.row[r].cell[c]) {
                char *file = gn_path_join(o->out, t.row[r].cell[c]);
                gn_str_addf(say, "%s: %s\n", t.row[r].sample, file);
                free(file);
            }
    gn_str_addf(say, "%zu image%s predicted, listed in %s\n", t.rows, t.rows == 1 ? "" : "s",
                index);
    if (t.rows)
        say_command(o, &t, index, say);
out:
    gn_table_free(&t);
    free(index);
    return rc;
}

int gn_predict_run(const struct gn_predict_options *o, struct gn_str *say, struct gn_err *err)
{
    struct asked asked = {0};
    struct pipe *p = gn_alloc(sizeof *p);
    char *index = gn_path_join(o->out, "predictions.csv");
    size_t made = o->dry_run ? 0 : gn_undo_mark(o->out);
    struct gn_err unread = {0};
    int rc = -1;
    /* An earlier run's index goes before anything can fail; a table that gn-save would not replace
     * stays, and gn-save says so. */
    if (!o->dry_run)
        gn_index_drop(index, "gn-save");
    if (ask_model(o->model, &asked, err) < 0 || check_channels(o, &asked, err) < 0 ||
        (!o->keep_going && check_dimensions(o, &asked.config, err) < 0) ||
        build(o, &asked, p, err) < 0)
        goto out;
    rc = 0;
    if (o->dry_run)
        show(p, say);
    else
        rc = run(o, p, index, err);
    if (rc == 0 && !o->dry_run)
        rc = say_written(o, say, err);
    else if (rc > 0 && o->keep_going)
        (void)!say_written(o, say, &unread);
    if (rc != 0)
        gn_undo_folders(o->out, made); /* those that hold nothing */
out:
    gn_children_free(p->stage, p->n);
    gn_config_free(&asked.config);
    free(p);
    gn_strs_free(&asked.preprocessing);
    free(index);
    return rc;
}
