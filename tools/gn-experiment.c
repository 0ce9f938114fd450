/* gn-experiment - a whole study from a configuration and a table: split, cache, train, predict,
 * score, draw; predict */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/pool.h"
#include "run/predict.h"
#include "run/process.h"
#include "run/study.h"
#include "run/targets.h"
#include "tool/tool.h"

static const char *const devices[] = {"cpu", "ref", NULL};

static struct experiment_args {
    const char *config, *input, *out, *model, *only, *device;
    int64_t folds;
    bool print, reset;
} args = {.folds = 1, .device = "cpu"};

static const struct gn_opt opts[] = {
    GN_OPT_TEXT('c', "config", &args.config, "FILE", "configuration of the study",
                GN_OPT_FILE | GN_OPT_NO_HISTORY),
    GN_OPT_TEXT('i', "input", &args.input, "CSV[,CSV[,CSV]]",
                "the data, to be split; or training, validation and testing as they are",
                GN_OPT_FILE | GN_OPT_NO_HISTORY),
    GN_OPT_TEXT('o', "output", &args.out, "DIR", "folder of the study, or for predictions",
                GN_OPT_DIR | GN_OPT_NO_HISTORY),
    GN_OPT_TEXT('m', "model", &args.model, "MODEL", "predict: the .safetensors file to apply",
                GN_OPT_FILE),
    GN_OPT_INT(0, "folds", &args.folds, "N", "leaves trained at once; they share the threads", 0),
    GN_OPT_TEXT(0, "only", &args.only, "LEAF", "this leaf only, e.g. testing_0/2", 0),
    GN_OPT_FLAG('n', "dry-run", &args.print, "print what would run, as shell, and do nothing", 0),
    GN_OPT_FLAG(0, "reset", &args.reset,
                "remove what an earlier study left in the folder, and begin again", 0),
    GN_OPT_CHOICE(0, "device", &args.device, devices, "backend that computes", 0),
    GN_OPT_END};

static const struct gn_command commands[] = {
    {"predict", "-m MODEL -o DIR IMAGE|CSV...",
     "apply a trained model: loads, preprocesses, infers, stitches, saves"},
    {"status", "DIR", "how far a study is, tab-separated, a row a leaf"},
    {NULL, NULL, NULL}};

/* --memory, which all programs share, as the children are to get it; 0: not given. */
static uint64_t memory_given(const struct gn_tool_ctx *ctx)
{
    const struct gn_opt *o;
    const char *unused;
    for (size_t i = 0; (o = gn_opts_at(&ctx->opts, i, &unused)); i++)
        if (o->type == GN_OPT_T_SIZE && !strcmp(o->name, "memory") &&
            gn_opts_given(&ctx->opts, o->value))
            return *(const uint64_t *)o->value;
    return 0;
}

static int say(const struct gn_str *text, struct gn_err *err)
{
    return gn_file_write("-", gn_str_text(text), text->len, false, err);
}

/* "a.csv,b.csv" as a list; a folder stands for the data.csv in it; a file whose name holds commas
 * is one. */
static void list_inputs(const char *input, struct gn_strs *list)
{
    struct stat s;
    for (const char *p = input; p && *p;) {
        size_t n = stat(input, &s) == 0 ? strlen(p) : strcspn(p, ",");
        char *one = gn_strndup(p, n), *inside = gn_path_join(one, "data.csv");
        bool folder = stat(one, &s) == 0 && S_ISDIR(s.st_mode);
        gn_strs_add(list, folder ? inside : one);
        free(one);
        free(inside);
        p += n;
        p += *p == ',';
    }
}

static int run_study(struct gn_tool_ctx *ctx)
{
    struct gn_config config = {0};
    struct gn_targets targets = {0};
    struct gn_strs csv = {0};
    struct gn_str text = {0};
    struct gn_study s = {
        .config = &config, .config_path = args.config, .out = args.out, .device = args.device,
        .memory = memory_given(ctx)};
    int rc = -1;

    if (!args.config || !args.input || !args.out)
        return gn_err_usage(
            &ctx->err, "-c CONFIG, -i CSV and -o DIR are needed, or a command: predict, status");
    if (ctx->operands.n || args.model)
        return gn_err_usage(&ctx->err, "%s: only the command predict takes this",
                            ctx->operands.n ? ctx->operands.item[0] : "-m");
    if (ctx->keep_going)
        return gn_err_usage(&ctx->err, "--keep-going: only the command predict takes this: a study "
                                       "without a subject would be another study");
    if (args.folds < 1 || args.folds > 1024)
        return gn_err_usage(&ctx->err, "--folds: must be 1 to 1024: %lld", (long long)args.folds);
    list_inputs(args.input, &csv);
    s.csv = (const char *const *)csv.item;
    s.n_csv = csv.n;
    if (gn_config_load(&config, args.config, &ctx->err) < 0)
        goto out;
    if (args.print)
        gn_config_locate_targets(&config);
    else if (gn_targets_of_config(&targets, &config, &ctx->err) < 0)
        goto out;
    s.targets = args.print ? NULL : &targets;
    if (gn_study_open(&s, &ctx->err) < 0 ||
        (args.only && gn_study_check_leaf(&s, args.only, &ctx->err) < 0))
        goto out;
    if (args.print) {
        gn_study_shell(&s, &text);
    } else {
        if (gn_study_prepare(&s, args.reset, &ctx->err) < 0)
            goto out;
        rc = gn_study_make(&s, args.folds, args.only, gn_pool_threads(), &ctx->err);
        if (rc == 0)
            rc = gn_study_test(&s, args.only, &ctx->err);
        if (rc != 0)
            goto out;
        rc = -1;
        if (gn_study_summary(args.out, &s.leaves, &text, &ctx->err) < 0)
            goto out;
    }
    rc = say(&text, &ctx->err);
out:
    gn_study_free(&s);
    gn_targets_free(&targets);
    gn_config_free(&config);
    gn_strs_free(&csv);
    gn_str_free(&text);
    return rc;
}

static int run_predict(struct gn_tool_ctx *ctx)
{
    struct gn_predict_options o = {.model = args.model,
                                   .out = args.out,
                                   .device = args.device,
                                   .inputs = &ctx->operands,
                                   .threads = gn_pool_threads(),
                                   .memory = memory_given(ctx),
                                   .keep_going = ctx->keep_going,
                                   .dry_run = args.print};
    struct gn_str text = {0};
    struct gn_err unsaid = {0};
    if (!args.model || !args.out || !ctx->operands.n)
        return gn_err_usage(&ctx->err, "predict: -m MODEL, -o DIR and images or tables are needed");
    if (args.config || args.input || args.reset || args.only)
        return gn_err_usage(&ctx->err,
                            "predict: takes -m, -o, -n, --device and --keep-going; the config is "
                            "the model's");
    int rc = gn_predict_run(&o, &text, &ctx->err);
    if (text.len && (args.print || gn_log_verbosity() >= 0) &&
        say(&text, rc == 0 ? &ctx->err : &unsaid) < 0 && rc == 0)
        rc = -1;
    gn_str_free(&text);
    return rc;
}

static int run_status(struct gn_tool_ctx *ctx)
{
    struct gn_str text = {0};
    if (ctx->operands.n != 1)
        return gn_err_usage(&ctx->err, "status: the folder of one study is needed");
    int rc = gn_study_status(ctx->operands.item[0], &text, &ctx->err);
    if (rc == 0)
        rc = say(&text, &ctx->err);
    gn_str_free(&text);
    return rc;
}

static int experiment_main(struct gn_tool_ctx *ctx)
{
    gn_process_own_path();
    int rc = ctx->command ? !strcmp(ctx->command, "predict") ? run_predict(ctx) : run_status(ctx)
                          : run_study(ctx);
    if (rc > 0) { /* a child's status: it has said why */
        ctx->err.code = ctx->err.code ? ctx->err.code : rc;
        rc = -1;
    }
    return rc;
}

static const struct gn_example examples[] = {
    {"gn-experiment -c config.yaml -i data.csv -o study/",
     "everything; the same command goes on after an interruption"},
    {"gn-experiment -n -c config.yaml -i data.csv -o study/",
     "the pipelines it stands for, to paste and change"},
    {"gn-experiment status study/", "how far it is"},
    {"gn-experiment predict -m study/model/best.safetensors -o out/ scan.nii.gz", "one new image"},
    {"gn-experiment predict -m study/model/best.safetensors -o out/ scan.nii.gz && "
     "gn-load scan.nii.gz out/predictions.csv | gn-view -o scan.png", "and look at it"},
    {NULL, NULL}};

static const struct gn_status statuses[] = {
    {75, "stopped by SIGTERM or SIGUSR1: the same command goes on, trainings from the step after "
         "which they saved."},
    {130, "interrupted from the keyboard (SIGINT): the same command goes on, trainings from the "
          "last epoch that was saved."},
    {0, NULL}};

static const struct gn_tool tool = {
    .name = "gn-experiment",
    .summary = "a whole study from a configuration and a table",
    .operands = "[COMMAND [FILE...]]",
    .description =
        "Checks configuration and data, divides the subjects, and writes a makefile with one "
        "rule a product: the cache of preprocessed subjects, the model of each leaf (fold), the "
        "predictions of its test set, scores, pictures. Then it runs make. The recipes are the "
        "pipelines a person would type; -n prints them.\n\n"
        "The same command goes on after an interruption, and does nothing when all is there. More "
        "epochs (num_epochs, patience) may be asked for, and, as long as nothing was trained, any "
        "other config, for which what depends on it is made again. Any other change of config, "
        "data (tables, or size and time of a file) or split is refused, because a model would "
        "no longer be what its folder says: use another folder, or --reset. So are fewer epochs "
        "than were trained and less patience. Only a changed file of a subject of the test set "
        "alone is taken in: cache, predictions and scores are made again, no model is. A cache "
        "file that is gone or cut is made again when something still has to be computed from it; "
        "predictions that are gone, cut, or of another model than the one that is there, always. "
        "The labels of all subjects are compared with class_list before the first training. "
        "--reset, once it is known that the new study can be, removes the files that a study "
        "makes, by name, and folders that are empty then; if an input is among them it is refused. "
        "Without test subjects the validation set is predicted and "
        "scored.\n\n"
        "SIGTERM and SIGUSR1 are passed to gn-train, which saves after its current step; status "
        "75 then. An interrupt from the keyboard ends all at once; the same command goes on from "
        "the last epoch that was saved. When a program fails, its message is shown, and which "
        "part of the study failed; -v shows all that make and the programs say. --memory is a "
        "limit of each program that runs.\n\n"
        "What preprocessing needs of a target image (histogram_matching, stain_normalizer) is kept "
        "in targets.safetensors, which the recipes use, and in each model; an image that has "
        "changed is another config.\n\n"
        "A model and an image are all that predict needs: it gives the bytes that the "
        "study gives for the same image. Sizes are looked at first: a volume for a model of 2-D "
        "images, or the reverse, is refused. With --keep-going its predictions.csv lists the "
        "subjects that were not left out; a study cannot leave any out.",
    .input = "A YAML configuration (or a model, which has one) and a data table. An image operand "
             "of predict is one subject; its channels are joined by commas in the model's order.",
    .output =
        "In DIR: config.yaml (resolved), data.csv, sources.tsv, Makefile, cache/, "
        "targets.safetensors where preprocessing has target images, and in each leaf "
        "(DIR itself "
        "when there is one, else testing_F/G/) data_training.csv, data_validation.csv, "
        "data_testing.csv, model/, predictions/, scores.tsv, report/predictions.png. "
        "model/logs_testing.csv has one row, the test set with the best model. On standard "
        "output, a line a leaf: mean Dice, and where scores, picture and model are. predict "
        "writes DIR/SAMPLE/SAMPLE_seg.EXT and, last, DIR/predictions.csv, and says on standard "
        "output where they are (a line an image, of many how many) and which command draws "
        "them; -q says nothing. status counts epochs and best_epoch from 1, as gn-train "
        "does when it talks; best_epoch_no is the same epoch in the logs, whose epoch_no begins "
        "with 0.",
    .commands = commands,
    .opts = opts,
    .examples = examples,
    .statuses = statuses,
    .see_also = "gn-config(1), gn-split(1), gn-train(1), gn-dice(1), gn-view(1), make(1)",
    .flags = GN_TOOL_NO_INPUT | GN_TOOL_NO_OUTPUT | GN_TOOL_OWN_O,
    .main = experiment_main,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
