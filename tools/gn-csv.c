/* gn-csv - a table of images for the other programs, from a folder */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "io/layout.h"
#include "tool/tool.h"

static struct csv_args {
    struct gn_strs channels;
    const char *label, *mask, *output;
    bool nnunet, bids, test, absolute, skip;
} args = {.output = "-"};

static const struct gn_opt opts[] = {
    GN_OPT_GROUP("Which files"),
    GN_OPT_LIST(0, "channel", &args.channels, "PATTERN",
                "the images of a channel; repeat for more, in order", 0),
    GN_OPT_TEXT(0, "label", &args.label, "PATTERN", "the label maps", 0),
    GN_OPT_TEXT(0, "mask", &args.mask, "PATTERN", "the masks, beside labels", 0),
    GN_OPT_FLAG(0, "nnunet", &args.nnunet, "FOLDER is a raw data set of nnU-Net or the Decathlon",
                0),
    GN_OPT_FLAG(0, "test", &args.test, "with --nnunet: its test cases", 0),
    GN_OPT_FLAG(0, "bids", &args.bids, "FOLDER is a BIDS data set; patterns are suffixes", 0),
    GN_OPT_GROUP("The table"),
    GN_OPT_TEXT('o', "output", &args.output, "FILE", "write the table here [standard output]",
                GN_OPT_NO_HISTORY | GN_OPT_NO_DEFAULT | GN_OPT_FILE),
    GN_OPT_FLAG(0, "absolute", &args.absolute, "absolute paths", 0),
    GN_OPT_FLAG(0, "skip-incomplete", &args.skip,
                "leave subjects out that miss a file or have two, and name them", 0),
    GN_OPT_END};

static int check_usage(struct gn_tool_ctx *ctx)
{
    struct gn_err *err = &ctx->err;
    if (ctx->operands.n != 1)
        return gn_err_usage(err, "one folder is needed: gn-csv [OPTION...] FOLDER");
    if (args.nnunet && args.bids)
        return gn_err_usage(err, "--nnunet and --bids exclude each other");
    if (args.nnunet && (args.channels.n || args.label || args.mask))
        return gn_err_usage(err, "--nnunet says itself which files are channels and labels");
    if (args.test && !args.nnunet)
        return gn_err_usage(err, "--test goes with --nnunet");
    if (!args.nnunet && !args.bids && !args.channels.n)
        return gn_err_usage(err, "which files? give --channel, --nnunet or --bids");
    if (args.mask && !args.label && !args.bids)
        return gn_err_usage(err, "--mask goes with --label");
    for (size_t i = 0; i < args.channels.n + 2; i++) {
        const char *p = i < args.channels.n    ? args.channels.item[i]
                        : i == args.channels.n ? args.label
                                               : args.mask;
        if (p && !*p)
            return gn_err_usage(err, "an empty pattern");
    }
    return 0;
}

/* Faults: all of them, the last in ctx->err; under --skip-incomplete warnings. */
static int judge(struct gn_tool_ctx *ctx, struct gn_layout *l)
{
    for (size_t i = 0; i < l->notes.n; i++)
        gn_log(GN_LOG_WARN, "%s", l->notes.item[i]);
    for (size_t i = 0; i < l->about.n; i++)
        gn_log(GN_LOG_INFO, "%s: %s", l->folder, l->about.item[i]);
    for (size_t i = 0; i < l->faults.n; i++) {
        if (args.skip)
            gn_log(GN_LOG_WARN, "%s (left out)", l->faults.item[i]);
        else if (i + 1 < l->faults.n)
            gn_log(GN_LOG_ERROR, "%s", l->faults.item[i]);
        else
            return gn_err_set(&ctx->err, "%s", l->faults.item[i]);
    }
    size_t all = l->rows, left_out = gn_layout_drop(l);
    if (left_out)
        gn_log(GN_LOG_NOTE, "%s: %zu of %zu rows left out", l->folder, left_out, all);
    if (!l->rows)
        return gn_err_set(&ctx->err, "%s: no row is left", l->folder);
    return 0;
}

static int csv_main(struct gn_tool_ctx *ctx)
{
    const struct gn_layout_spec spec = {&args.channels, args.label, args.mask};
    struct gn_layout l = {0};
    struct gn_str text = {0};
    char *dir = NULL;
    if (check_usage(ctx))
        return -1;
    const char *folder = ctx->operands.item[0];
    int rc = args.nnunet ? gn_layout_nnunet(&l, folder, args.test, &ctx->err)
             : args.bids ? gn_layout_bids(&l, folder, &spec, &ctx->err)
                         : gn_layout_patterns(&l, folder, &spec, &ctx->err);
    dir = strcmp(args.output, "-") ? gn_path_dir(args.output) : gn_strdup(".");
    rc = rc || judge(ctx, &l) || gn_layout_put(&l, args.absolute ? NULL : dir, &text, &ctx->err) ||
                 gn_file_write(args.output, text.data, text.len, false, &ctx->err)
             ? -1
             : 0;
    if (rc == 0)
        gn_log(GN_LOG_INFO, "%s: %zu rows", folder, l.rows);
    gn_layout_free(&l);
    gn_str_free(&text);
    free(dir);
    return rc;
}

static const struct gn_example examples[] = {
    {"gn-csv --channel '*_t1.nii.gz' --label '*_label.nii.gz' -o all.csv data",
     "a subject a folder: data/NAME/NAME_t1.nii.gz"},
    {"gn-csv --channel 'head_*/*_t1.nii.gz' --label 'head_*/*_label.nii.gz' --absolute data "
     ">absolute.csv",
     "the subject is what the first * stands for"},
    {NULL, NULL}};
static const char *const references[] = {
    "nnU-Net: https://github.com/MIC-DKFZ/nnUNet (documentation/dataset_format.md)",
    "BIDS: https://bids-specification.readthedocs.io", NULL};

static const struct gn_tool tool = {
    .name = "gn-csv",
    .summary = "a table of images from a folder",
    .operands = "FOLDER",
    .description =
        "Patterns are those of the shell; quote them. One without a slash is compared with the "
        "names of files, at any depth; the subject is then the folder that they are in, directly "
        "below FOLDER, or, of files in FOLDER itself, what the first * stands for. One with a "
        "slash is compared with the path below FOLDER, and its first * is the subject: "
        "'images/*_t1.nii.gz'. One without * ? [ is a part of the name: _t1. One that ends with a "
        "slash means folders, as DICOM series are: '*/t1/'. Files that the label's pattern "
        "matches are no channels. Names that begin with a dot are passed over.\n\n"
        "--nnunet reads dataset.json, imagesTr and labelsTr (with --test imagesTs, and labelsTs "
        "if it is there). -v tells the channels and labels it names.\n\n"
        "--bids reads sub-*/[ses-*/]anat, and labels and masks from derivatives too. --channel "
        "and the others then take a suffix (T1w), or a pattern of the name without its extension "
        "('*acq-hr*_T1w'). Without --channel every suffix of an image is a channel, without "
        "--label dseg is the label if there is one. A row is a session; all sessions of a subject "
        "have its SubjectID, so that gn-split keeps them together.\n\n"
        "A subject without one of the files, or with two for one column, is a fault; all faults "
        "are named.",
    .input = "A folder. Nothing but names and dataset.json is read.",
    .output = "CSV (RFC 4180) with the columns SubjectID, Channel_0, ..., Label, Mask, rows by "
              "SubjectID. Paths are relative to the folder of FILE, or the working folder.",
    .opts = opts,
    .examples = examples,
    .references = references,
    .see_also = "gn-load(1), gn-split(1), gn-config(1)",
    .flags = GN_TOOL_NO_INPUT | GN_TOOL_NO_OUTPUT | GN_TOOL_OWN_O | GN_TOOL_NO_KEEP,
    .main = csv_main,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
