/* study_make.c - a study's makefile, the same pipelines for a person's shell, and running make. */
#include "run/study.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "config/pipeline.h"
#include "config/target.h"
#include "run/process.h"
#include "run/study_talk.h"

#define FILTER "-j 1 $(V)" /* beside gn-train, which has the threads */
#define WORKER "$(J) $(V)"

static const char *scored_set(const struct gn_study *s)
{
    return s->tested ? "testing" : "validation";
}

static bool wants_counts(const struct gn_config *c)
{
    return (c->weighted_loss && !c->penalty_weights) ||
           (c->biased_sampling && !c->sampling_weights);
}

static bool wants_distances(const struct gn_config *c)
{
    for (size_t i = 0; i < c->metrics.n; i++)
        if (!strncmp(c->metrics.item[i], "hd", 2) || !strncmp(c->metrics.item[i], "nsd", 3))
            return true;
    return false;
}

/* ---- recipes ---- */

/* One recipe line that is a pipeline; the variables go behind each program's name. */
static void put_pipe(struct gn_str *out, const char *enter, const char *variables,
                     const struct gn_strs *stages)
{
    gn_str_addf(out, "\t%s", enter);
    for (size_t i = 0; i < stages->n; i++) {
        const char *command = stages->item[i];
        size_t name = strcspn(command, " ");
        gn_str_addf(out, "%s%.*s %s%s", i ? " | \\\n\t    " : "", (int)name, command, variables,
                    command + name);
    }
    gn_str_add(out, "\n");
}

static void add_stage(struct gn_strs *stages, const char *fmt, ...) GN_PRINTF(2, 3);
static void add_stage(struct gn_strs *stages, const char *fmt, ...)
{
    struct gn_str s = {0};
    va_list args;
    va_start(args, fmt);
    gn_str_addv(&s, fmt, args);
    va_end(args);
    gn_strs_add(stages, gn_str_text(&s));
    gn_str_free(&s);
}

typedef void chain_function(const struct gn_config *c, bool training, struct gn_strs *commands);

/* The commands, where OUT is called up; targets come from the file that the study keeps. */
static void add_chain(const struct gn_study *s, chain_function *chain, bool training,
                      const char *up, struct gn_strs *stages)
{
    struct gn_config c = *s->config; /* a view */
    char *file = gn_path_join(up, GN_TARGETS_FILE);
    c.targets_from = file;
    chain(&c, training, stages);
    free(file);
}

static void put_cache(const struct gn_study *s, const char *folder, const char *what,
                      chain_function *chain, bool training, struct gn_str *out)
{
    struct gn_strs stages = {0};
    gn_str_addf(out, "\n# %s\n%s/data.csv: data.csv\n\trm -f %s/data.csv %s/*.gnt %s/.*.gn-*\n",
                what, folder, folder, folder, folder);
    gn_strs_add(&stages, "gn-load data.csv");
    add_chain(s, chain, training, "", &stages);
    add_stage(&stages, "gn-save --cache -o %s/", folder);
    put_pipe(out, "", WORKER, &stages);
    gn_strs_free(&stages);
}

/* How the recipes of a leaf see the folder: they run in it, because a table's relative paths are
 * meant from there. */
struct view {
    char *in;    /* "testing_0/2/" or "" */
    char *enter; /* "cd ./testing_0/2 && " (so that CDPATH has no say) or "" */
    char *up;    /* "../../" or "" */
};

static struct view view_of(const char *leaf)
{
    struct gn_str up = {0};
    for (const char *p = leaf; *leaf && p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
        gn_str_add(&up, "../");
    struct view v = {gn_asprintf("%s%s", leaf, *leaf ? "/" : ""),
                     *leaf ? gn_asprintf("cd ./%s && ", leaf) : gn_strdup(""),
                     gn_strdup(gn_str_text(&up))};
    gn_str_free(&up);
    return v;
}

static void view_free(struct view *v)
{
    free(v->in);
    free(v->enter);
    free(v->up);
}

static void put_counts(const struct view *v, struct gn_str *out)
{
    struct gn_strs stages = {0};
    gn_str_addf(out, "\n# voxels of each label, for weights\n%sclass_counts.tsv: cache/data.csv\n",
                v->in);
    add_stage(&stages, "gn-epochs -n 1 --only data_training.csv %scache/", v->up);
    gn_strs_add(&stages, "gn-info --labels -o class_counts.tsv");
    put_pipe(out, v->enter, FILTER, &stages);
    gn_strs_free(&stages);
}

static void put_train(const struct gn_study *s, const struct view *v, struct gn_str *out)
{
    const struct gn_config *c = s->config;
    bool raw = gn_config_augments_raw(c), own = !raw && gn_config_training_chain(c),
         counts = wants_counts(c);
    const char *cache = raw ? "cache_raw" : own ? "cache_training" : "cache";
    struct gn_strs stages = {0};
    struct gn_str pipe = {0};

    gn_str_addf(out,
                "\n# training; the same command goes on where it was stopped\n%smodel/DONE: "
                "config.yaml cache/data.csv",
                v->in);
    if (raw || own)
        gn_str_addf(out, " %s/data.csv", cache);
    if (counts)
        gn_str_addf(out, " %sclass_counts.tsv", v->in);
    gn_str_addf(out,
                "\n\t%smkdir -p model && "
                "rm -f model/DONE model/logs_testing.csv model/.status model/.*.gn-*\n",
                v->enter);
    add_stage(&stages,
              "gn-epochs -c %sconfig.yaml --only data_training.csv --from model/ %s%s%s%s/", v->up,
              raw ? "" : "--patches ",
              counts && c->biased_sampling && !raw ? "--class-counts class_counts.tsv " : "", v->up,
              cache);
    if (c->aug.n)
        add_stage(&stages, "gn-augment -c %sconfig.yaml", v->up);
    if (raw) {
        add_chain(s, gn_config_chain_after, true, v->up, &stages);
        add_stage(&stages, "gn-patch -c %sconfig.yaml", v->up);
        add_stage(&stages, "gn-shuffle -c %sconfig.yaml", v->up);
    }
    put_pipe(&pipe, v->enter, FILTER, &stages);
    pipe.data[pipe.len - 1] = 0; /* the line goes on */
    gn_str_addf(out,
                "%s | \\\n\t    gn-train " WORKER
                " -c %sconfig.yaml%s%s --cache %scache/ --val data_validation.csv%s"
                " -o model/ || \\\n\t    { s=$$?; echo $$s >model/.status; exit $$s; }\n",
                gn_str_text(&pipe), v->up, strcmp(s->device, "cpu") ? " --device " : "",
                strcmp(s->device, "cpu") ? s->device : "", v->up,
                counts ? " --class-counts class_counts.tsv" : "");
    gn_str_free(&pipe);
    gn_strs_free(&stages);
}

static void put_predict(const struct gn_study *s, const struct view *v, struct gn_str *out)
{
    struct gn_strs stages = {0};
    gn_str_addf(
        out, "\n# the %s set, with the best model\n%spredictions/predictions.csv: %smodel/DONE\n",
        s->tested ? "test" : "validation", v->in, v->in);
    gn_str_addf(out, "\t%srm -f predictions/.*.gn-[0-9]* predictions/*/.*.gn-[0-9]*\n", v->enter);
    add_stage(&stages, "gn-load data_%s.csv", scored_set(s));
    add_chain(s, gn_config_chain, false, v->up, &stages);
    gn_strs_add(&stages, "gn-patch --grid -c model/best.safetensors");
    add_stage(&stages, "gn-infer -m model/best.safetensors%s%s",
              strcmp(s->device, "cpu") ? " --device " : "",
              strcmp(s->device, "cpu") ? s->device : "");
    gn_strs_add(&stages, "gn-stitch --labels --to-source");
    if (s->config->post.n)
        gn_strs_add(&stages, "gn-postprocess -c model/best.safetensors");
    gn_strs_add(&stages, "gn-save -o predictions/");
    put_pipe(out, v->enter, WORKER, &stages);
    gn_strs_free(&stages);
}

static void put_score(const struct gn_study *s, const struct view *v, struct gn_str *out)
{
    struct gn_str labels = {0}, word = {0};
    gn_config_labels(s->config, &labels);
    gn_str_add_shell(&word, gn_str_text(&labels));
    gn_str_addf(out, "\n# against the truth\n%sscores.tsv: %spredictions/predictions.csv\n", v->in,
                v->in);
    gn_str_addf(out,
                "\t%sgn-dice " WORKER
                " --labels %s%s -o scores.tsv predictions/predictions.csv data_%s.csv\n",
                v->enter, gn_str_text(&word), wants_distances(s->config) ? " --distances" : "",
                scored_set(s));
    gn_str_free(&labels);
    gn_str_free(&word);
}

static void put_pictures(const struct gn_study *s, const struct view *v, struct gn_str *out)
{
    struct gn_strs stages = {0};
    gn_str_addf(out, "\n# to look at\n%sreport/predictions.png: %spredictions/predictions.csv\n",
                v->in, v->in);
    gn_str_addf(out, "\t%smkdir -p report\n", v->enter);
    add_stage(&stages, "gn-load data_%s.csv predictions/predictions.csv", scored_set(s));
    gn_strs_add(&stages, "gn-view --contour -o report/predictions.png");
    put_pipe(out, v->enter, WORKER, &stages);
    gn_strs_free(&stages);
}

static void put_products(const struct gn_study *s, const struct view *v, const char *before,
                         struct gn_str *out)
{
    gn_str_addf(out, "%s%s%s%s%sreport/predictions.png", before, v->in,
                s->scored ? "scores.tsv" : "predictions/predictions.csv", " ", v->in);
}

static void put_split_words(const struct gn_config *c, struct gn_str *out)
{
    gn_str_addf(out, "gn-split --test %d --val %d%s", c->testing, c->validation,
                c->stratified ? " --stratify" : "");
    if (c->group || c->group_regex) {
        gn_str_addf(out, " %s ", c->group ? "--group" : "--group-regex");
        gn_str_add_shell(out, c->group ? c->group : c->group_regex);
    }
    if (c->seed)
        gn_str_addf(out, " --seed %" PRIu64, c->seed);
}

void gn_study_makefile(const struct gn_study *s, struct gn_str *out)
{
    const struct gn_config *c = s->config;
    gn_str_add(out, "# A study, written by gn-experiment: one rule a product. make makes what is "
                    "missing; V=-v says more, J=\"-j 4\" sets\n"
                    "# threads. Each recipe is a pipeline that can be pasted into a shell here.\n");
    if (s->n_csv == 1) {
        gn_str_add(out, "# The split: ");
        put_split_words(c, out);
        gn_str_add(out, " -o . data.csv\n");
    }
    gn_str_add(out, "V =\nJ =\n.DELETE_ON_ERROR:\n.SUFFIXES:\n.PHONY: all\nall:");
    for (size_t i = 0; i < s->leaves.n; i++) {
        struct view v = view_of(s->leaves.item[i]);
        put_products(s, &v, s->leaves.n > 1 ? " \\\n    " : " ", out);
        view_free(&v);
    }
    gn_str_add(out, "\n");
    put_cache(s, "cache", "every subject, preprocessed once", gn_config_chain, false, out);
    if (gn_config_augments_raw(c))
        put_cache(s, "cache_raw", "as read: augmentation comes before preprocessing",
                  gn_config_chain_at_load, true, out);
    else if (gn_config_training_chain(c))
        put_cache(s, "cache_training", "with the steps for training cases only", gn_config_chain,
                  true, out);
    for (size_t i = 0; i < s->leaves.n; i++) {
        struct view v = view_of(s->leaves.item[i]);
        if (wants_counts(c))
            put_counts(&v, out);
        put_train(s, &v, out);
        put_predict(s, &v, out);
        if (s->scored)
            put_score(s, &v, out);
        put_pictures(s, &v, out);
        view_free(&v);
    }
}

/* ---- for a person's shell ---- */

static void replace(struct gn_str *text, const char *from, const char *to)
{
    struct gn_str out = {0};
    const char *p = gn_str_text(text), *hit;
    for (; (hit = strstr(p, from)); p = hit + strlen(from)) {
        gn_str_addn(&out, p, (size_t)(hit - p));
        gn_str_add(&out, to);
    }
    gn_str_add(&out, p);
    gn_str_free(text);
    *text = out;
}

static void put_variable(struct gn_str *out, const char *name, const char *value)
{
    gn_str_addf(out, "%s=", name);
    gn_str_add_shell(out, value);
    gn_str_add(out, "\n");
}

void gn_study_shell(const struct gn_study *s, struct gn_str *out)
{
    static const char *const name[] = {"TRAIN", "VAL", "TEST"};
    struct gn_str text = {0};
    /* As given, whatever variables of these names a shell happens to have. */
    const char *leaf = s->leaves.n ? s->leaves.item[0] : "";
    gn_config_pipeline(s->config, s->config_path, GN_PIPELINE_ALL | GN_PIPELINE_BARE, &text);
    put_variable(out, "CONFIG", s->config_path);
    put_variable(out, s->n_csv > 1 ? name[0] : "DATA", s->csv[0]);
    for (size_t k = 1; k < s->n_csv; k++)
        put_variable(out, name[k], s->csv[k]);
    if (s->n_csv == 2)
        put_variable(out, "TEST", s->csv[1]);
    put_variable(out, "OUT", s->out);
    gn_str_addf(out, "LEAF=$OUT%s%s\nMODEL=$LEAF/model/best.safetensors\n", *leaf ? "/" : "", leaf);
    if (s->n_csv == 1)
        gn_str_addf(out, "TEST=$LEAF/data_%s.csv\n", scored_set(s));
    if (s->n_csv > 1) { /* the sets are given: no split, one leaf, and a cache of them all */
        char *line = strstr(gn_str_text(&text), "gn-split ");
        char *end = line ? strchr(line, '\n') : NULL;
        if (end)
            memmove(line, end + 1, strlen(end + 1) + 1);
        text.len = strlen(gn_str_text(&text));
        replace(&text, "gn-load \"$DATA\" |",
                s->n_csv == 3 ? "{ gn-load \"$TRAIN\" && gn-load \"$VAL\" && gn-load \"$TEST\"; } |"
                              : "{ gn-load \"$TRAIN\" && gn-load \"$VAL\"; } |");
        replace(&text, "\"$LEAF/data_training.csv\"", "\"$TRAIN\"");
        replace(&text, "\"$LEAF/data_validation.csv\"", "\"$VAL\"");
    }
    gn_str_add(out, gn_str_text(&text));
    gn_str_free(&text);
}

/* ---- running ---- */

static char *in_leaf(const char *out, const char *leaf, const char *name)
{
    return gn_asprintf("%s/%s%s%s", out, leaf, *leaf ? "/" : "", name);
}

/* What gn-train of some leaf ended with, as its recipe noted; 0: none failed. */
static bool some_leaf_saved(const struct gn_study *s, bool forget)
{
    bool saved = false;
    for (size_t i = 0; i < s->leaves.n; i++) {
        char *path = in_leaf(s->out, s->leaves.item[i], "model/.status"), *text = NULL;
        struct gn_err err = {0};
        size_t n;
        if (forget)
            unlink(path);
        else if (gn_file_read(path, 64, &text, &n, &err) == 0 && atoi(text) == GN_EXIT_REQUEUE)
            saved = true;
        free(text);
        free(path);
    }
    return saved;
}

/* A product that is not there: where it belongs, and what would have made it. */
struct missing {
    char *path, *place; /* NULL: none */
    const char *work;
};

static void missing_free(struct missing *m)
{
    free(m->path);
    free(m->place);
}

/* The first product (of one leaf, or of all: only NULL) that is not there. */
static struct missing first_missing(const struct gn_study *s, const char *only)
{
    const struct {
        const char *name, *work;
    } products[] = {{"model/DONE", "training"},
                    {"model/best.safetensors", "training"},
                    {"predictions/predictions.csv", "prediction"},
                    {s->scored ? "scores.tsv" : NULL, "scoring"},
                    {"report/predictions.png", "drawing"}};
    char *cache = gn_asprintf("%s/cache/data.csv", s->out);
    if (access(cache, F_OK) < 0)
        return (struct missing){cache, gn_strdup(s->out), "preprocessing"};
    free(cache);
    for (size_t i = 0; i < s->leaves.n; i++)
        for (size_t k = 0; k < sizeof products / sizeof *products; k++) {
            const char *leaf = s->leaves.item[i];
            char *path = products[k].name && (!only || !strcmp(only, leaf))
                             ? in_leaf(s->out, leaf, products[k].name)
                             : NULL;
            if (path && access(path, F_OK) < 0) {
                char *place = *leaf ? gn_path_join(s->out, leaf) : gn_strdup(s->out);
                return (struct missing){path, place, products[k].work};
            }
            free(path);
        }
    return (struct missing){0};
}

int gn_study_check_leaf(const struct gn_study *s, const char *leaf, struct gn_err *err)
{
    for (size_t i = 0; i < s->leaves.n; i++)
        if (!strcmp(s->leaves.item[i], leaf))
            return 0;
    return gn_err_usage(err, "--only: this study has no leaf '%s'; its first is '%s'", leaf,
                        s->leaves.item[0]);
}

static void add_targets(const struct gn_study *s, const char *only, struct gn_child *make)
{
    struct gn_str text = {0};
    struct view v = view_of(only);
    put_products(s, &v, "", &text);
    gn_child_add_words(make, gn_str_text(&text));
    view_free(&v);
    gn_str_free(&text);
}

/* Is there a leaf whose training has not saved anything yet? */
static bool begins_training(const struct gn_study *s, const char *only)
{
    bool begins = false;
    for (size_t i = 0; i < s->leaves.n && !begins; i++) {
        char *latest = in_leaf(s->out, s->leaves.item[i], "model/latest.safetensors");
        begins = (!only || !strcmp(only, s->leaves.item[i])) && access(latest, F_OK) < 0;
        free(latest);
    }
    return begins;
}

static int run_make(struct gn_child *make, struct gn_talk *talk, int *stopped, bool *saved,
                    struct gn_err *err)
{
    bool some = false;
    if (gn_talk_start(talk, gn_log_verbosity() > 0, err) < 0)
        return -1;
    make->talk = talk->child_end;
    int rc = gn_process_run(make, 1, GN_PROCESS_TO_STDERR | GN_PROCESS_SAVE | GN_PROCESS_TALK,
                            stopped, &some, err);
    gn_talk_end(talk, rc == 0 && make->status && !*stopped);
    *saved = *saved || some;
    return rc;
}

int gn_study_make(const struct gn_study *s, int64_t folds, const char *only, int threads,
                  struct gn_err *err)
{
    /* We may be called from a makefile, and this one is a study of its own; and a shell that reads
     * a person's settings would not do what the recipe says. */
    static const char *const inherited[] = {"MAKEFLAGS", "GNUMAKEFLAGS",  "MFLAGS",
                                            "MAKELEVEL", "MAKEOVERRIDES", "MAKEFILES",
                                            "CDPATH",    "ENV",           "BASH_ENV"};
    struct gn_child make = {0};
    int verbosity = gn_log_verbosity(), stopped = 0, rc = -1;
    int each = threads / (int)folds > 1 ? threads / (int)folds : 1;
    bool saved = false;
    struct missing missing = {0};
    char *memory = NULL;
    struct gn_talk talk;
    char *words =
        gn_asprintf("make %s--no-print-directory -j %d", verbosity > 0 ? "" : "-s ", (int)folds);
    if (s->memory)
        memory = gn_asprintf("--memory %" PRIu64, s->memory);
    /* $(V) is in every call of a program, so that the makefile is the same whatever --memory is. */
    char *options = gn_asprintf("V=%s%s%s", verbosity < 0 ? "-q" : verbosity > 0 ? "-v" : "",
                                verbosity && memory ? " " : "", memory ? memory : "");
    char *cores = gn_asprintf("J=-j %d", each);

    for (size_t i = 0; i < sizeof inherited / sizeof *inherited; i++)
        unsetenv(inherited[i]);
    gn_child_add_words(&make, words);
    gn_child_add(&make, "-C");
    gn_child_add(&make, s->out);
    gn_child_add_words(&make, "-f Makefile"); /* not a GNUmakefile that somebody put there */
    gn_child_add(&make, options);
    gn_child_add(&make, cores);
    if (gn_study_revisit(s, only, err) < 0)
        goto out;
    some_leaf_saved(s, true);
    /* Labels are looked at between the cache and the first training. */
    for (int look = begins_training(s, only); look >= 0; look--) {
        char *cache = gn_path_join(s->out, "cache/data.csv");
        size_t common = make.argv.n;
        if (look)
            gn_child_add(&make, "cache/data.csv");
        else if (only)
            add_targets(s, only, &make);
        rc = run_make(&make, &talk, &stopped, &saved, err);
        bool cached = access(cache, F_OK) == 0;
        free(cache);
        if (rc == 0 && make.status == 0 && look && cached)
            rc = gn_study_check_labels(s, err);
        if (rc < 0)
            goto out;
        if (make.status || stopped || !cached)
            break;
        while (look && make.argv.n > common) {
            free(make.argv.item[--make.argv.n]);
            make.argv.item[make.argv.n] = NULL;
        }
    }
    rc = make.status;
    missing = first_missing(s, only);
    if (rc == 0 && !missing.path) {
        rc = gn_study_note_products(s, only, err);
        goto out;
    }
    if (stopped == SIGINT || stopped == SIGHUP) {
        gn_log(GN_LOG_NOTE, "%s: stopped; the same command goes on from here", s->out);
        signal(stopped, SIG_DFL);
        raise(stopped);
    }
    saved = saved || some_leaf_saved(s, false);
    if (stopped || saved) {
        gn_log(GN_LOG_NOTE, "%s: stopped by a signal%s; the same command goes on from here", s->out,
               saved ? ", after saving" : "");
        rc = GN_EXIT_REQUEUE;
    } else if (rc == 0) {
        rc = gn_err_set(err, "%s: is not there, although make says that all is made",
                        missing.path);
    } else {
        /* Where no program had a reason to give, one of them was ended from outside. */
        rc = GN_EXIT_FAILED;
        if (talk.caused && missing.path)
            gn_err_set(err, "%s: %s failed, see above; once that is mended, the same command goes "
                       "on from here", missing.place, missing.work);
        else
            gn_err_set(err, "%s: could not be made%s", missing.path ? missing.path : s->out,
                       talk.caused ? ""
                                   : ": a program was ended from outside; the same command goes "
                                     "on from here");
    }
out:
    missing_free(&missing);
    gn_children_free(&make, 1);
    free(words);
    free(options);
    free(memory);
    free(cores);
    return rc;
}
