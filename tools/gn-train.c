/* gn-train - train a network on the samples of a stream */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/targets.h"
#include "run/train.h"
#include "run/weights.h"
#include "tool/source.h"
#include "tool/tool.h"

static const char *const devices[] = {"cpu", "ref", NULL};

static struct train_args {
    const char *config, *out, *cache, *val, *test, *class_counts, *init, *device;
} args = {.device = "cpu"};

static const struct gn_opt opts[] = {
    GN_OPT_TEXT('c', "config", &args.config, "FILE", "configuration: YAML, or a model",
                GN_OPT_REQUIRED | GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_TEXT('o', "output", &args.out, "DIR",
                "model folder; one that holds latest.safetensors is resumed",
                GN_OPT_REQUIRED | GN_OPT_NO_HISTORY | GN_OPT_DIR),
    GN_OPT_TEXT(0, "cache", &args.cache, "DIR",
                "folder of preprocessed samples that --val and --test select from",
                GN_OPT_NO_HISTORY | GN_OPT_DIR),
    GN_OPT_TEXT(0, "val", &args.val, "CSV|FILE.gnt", "validate on these subjects after each epoch",
                GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_TEXT(0, "test", &args.test, "CSV|FILE.gnt",
                "and log these too; never used to select a model", GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_TEXT(0, "class-counts", &args.class_counts, "TSV",
                "voxels of each label (gn-info --labels), for weighted_loss",
                GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_TEXT(0, "init", &args.init, "MODEL", "start from this model's weights (fine-tuning)",
                GN_OPT_FILE),
    GN_OPT_CHOICE(0, "device", &args.device, devices, "backend that computes", 0),
    GN_OPT_END};

static int train_main(struct gn_tool_ctx *ctx)
{
    struct gn_config config;
    struct gn_targets targets = {0};
    struct gn_stream *in = NULL;
    const char *operand = ctx->operands.n ? ctx->operands.item[0] : "-";
    int rc = -1;

    if (ctx->operands.n > 1)
        return gn_err_usage(&ctx->err, "one stream at most (cat joins several)");
    if (gn_config_load(&config, args.config, &ctx->err) < 0)
        return -1;
    if (gn_targets_of_config(&targets, &config, &ctx->err) < 0)
        goto out;
    if (args.class_counts && gn_weights_from_counts(&config, args.class_counts, &ctx->err) < 0)
        goto out;
    if (gn_source_check_stream(operand, "gn-train", &ctx->err) == 0)
        in = gn_stream_open(operand, &ctx->err);
    if (!in)
        goto out;
    struct gn_train_options o = {
        .config = &config,
        .targets = &targets,
        .out = args.out,
        .cache = args.cache,
        .val = args.val,
        .test = args.test,
        .init = args.init,
        .device = args.device,
        .history = gn_str_text(&ctx->history),
        .memory = gn_mem_limit(),
        .seed = ctx->seed_given ? ctx->seed : config.seed,
    };
    rc = gn_train_run(&o, in, &ctx->err);
    if (rc > 0) { /* 75: it has said why */
        ctx->err.code = ctx->err.code ? ctx->err.code : rc;
        rc = -1;
    }
out:
    gn_stream_close(in);
    gn_targets_free(&targets);
    gn_config_free(&config);
    return rc;
}

static const struct gn_example examples[] = {
    {"gn-epochs -c config.yaml --only train.csv --patches cache/ | gn-augment -c config.yaml | "
     "gn-train -c config.yaml --cache cache/ --val val.csv -o model/",
     "train on cached patches; the same command resumes"},
    {NULL, NULL}};

static const struct gn_status statuses[] = {
    {75, "stopped by SIGTERM or SIGUSR1, after saving: the same command goes on."},
    {130, "interrupted from the keyboard (SIGINT): the same command goes on from what was saved "
          "last, as after any other end."},
    {0, NULL}};

static const struct gn_tool tool = {
    .name = "gn-train",
    .summary = "train a network on the samples of a stream",
    .operands = "[FILE]",
    .description = "Reads patches until the stream ends, collects them in batches, and takes one "
                   "optimiser step a batch. When the epoch of the samples "
                   "changes, it validates on whole subjects (grid patches, stitched in memory), "
                   "writes one row to each log, and saves.\n\n"
                   "Everything is saved in an order that makes any interruption harmless: best, "
                   "logs, latest, each beside its place, synced and renamed. "
                   "After a crash, a power cut or kill -9 the same command (with gn-epochs --from) "
                   "goes on and ends in the same bytes. SIGTERM and SIGUSR1 "
                   "save after the current step and end with status 75. One gn-train at a time "
                   "works in a folder. A folder that holds a best, a log or DONE but no latest is "
                   "refused, for they would be overwritten; so is --init where a training that did "
                   "not begin with those weights would go on. A finished training takes nothing "
                   "from its stream and says so; a broken stream is an error all the same.\n\n"
                   "The samples' history must show the preprocessing that the config stands for; "
                   "the first difference is named. A config without data_preprocessing takes what "
                   "was done as its own; a step that a model could not ask for again (one that "
                   "reads a file) is refused then.\n\n"
                   "Where data_preprocessing names a target image (histogram_matching, "
                   "stain_normalizer), what the step needs of it goes into the model, as a tensor "
                   "preprocessing.STEP.target of a few numbers, and its name, a hash of them, "
                   "takes the place of the path; prediction no longer needs the file. A relative "
                   "path is meant from the working folder, or where nothing is there, from the "
                   "config's. A file that has changed is another config; a model in the place of "
                   "the config brings its own target.\n\n"
                   "A label value that is in no class of class_list is an error, but for 0; so are "
                   "a fractional label and a validation loss that is not "
                   "finite. A class that occurs in no label of the first epoch is a warning.\n\n"
                   "A config for 2-D images refuses volumes, unless its patch_size is written "
                   "[x, y, 1], which stands for slices of volumes; one for volumes refuses 2-D "
                   "images.\n\n"
                   "Before the first step one line says how many parameters, threads and how much "
                   "memory the training will take; what does not fit --memory is refused with the "
                   "number that would. On a terminal a line an epoch stays: losses, Dice, seconds, "
                   "and whether it is the best so far. In a log or a pipe those come with -v.",
    .input = "A stream of samples of the config's patch_size: images and a label each, with their "
             "epoch.",
    .output = "In the model folder: best.safetensors (weights with the lowest validation loss), "
              "latest.safetensors (everything a resumed run "
              "needs), logs_training.csv, logs_validation.csv and logs_testing.csv (epoch_no, "
              "loss, hard Dice of foreground labels; of whole subjects, where the config has "
              "data_postprocessing, also columns NAME_post, of the labels that come out of it, "
              "still in the grid of the training), timing.tsv, "
              "and DONE when all epochs are done. A stream that ends earlier leaves no DONE: the "
              "status is 0, a note says so, and another stream "
              "goes on.",
    .opts = opts,
    .examples = examples,
    .statuses = statuses,
    .see_also = "gn-epochs(1), gn-infer(1), gn-model(1), gn-config(1)",
    .flags = GN_TOOL_NO_INPUT | GN_TOOL_NO_OUTPUT | GN_TOOL_OWN_O | GN_TOOL_SEED | GN_TOOL_NO_KEEP,
    .main = train_main,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
