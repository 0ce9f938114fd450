/* gn-view - draws the samples of a stream on one sheet, as PNG. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tool/source.h"
#include "tool/tool.h"
#include "view/plane.h"
#include "view/subject.h"

static const char *const axis_names[] = {"x", "y", "z", "all", "auto", NULL};

static struct view_args {
    const char *output, *axis, *diff;
    int64_t slices, columns, samples;
    struct gn_range window;
    bool contour, fill;
} args = {.axis = "auto", .slices = 6, .samples = 24};

static const struct gn_opt opts[] = {
    GN_OPT_TEXT('o', "output", &args.output, "FILE.png",
                "write the picture here; -: standard output",
                GN_OPT_FILE | GN_OPT_REQUIRED | GN_OPT_NO_HISTORY),
    GN_OPT_CHOICE(0, "axis", &args.axis, axis_names,
                  "planes: x sagittal, y coronal, z axial; auto: those that were taken", 0),
    GN_OPT_INT(0, "slices", &args.slices, "N", "planes of a volume along each axis", 0),
    GN_OPT_INT(
        0, "columns", &args.columns, "N",
        "pictures side by side; fewer are larger [as many as slices, up to 12; 3 of flat images]",
        GN_OPT_NO_DEFAULT),
    GN_OPT_RANGE(0, "window", &args.window, "A,B",
                 "values that are black and white [percentiles 0.5 and 99.5 of what is not 0]",
                 GN_OPT_NO_DEFAULT),
    GN_OPT_FLAG(0, "contour", &args.contour, "outline labels (what is done without --fill)", 0),
    GN_OPT_FLAG(0, "fill", &args.fill, "fill labels; of truth and prediction, the prediction", 0),
    GN_OPT_TEXT(0, "diff", &args.diff, "FILE",
                "add maps of the absolute difference from this stream's samples", GN_OPT_FILE),
    GN_OPT_INT(0, "samples", &args.samples, "N", "draw this many, count the rest", 0),
    GN_OPT_END};

static struct gn_view_reader reader;
static struct gn_sheet *sheet;
static int64_t drawn;

static int begin(struct gn_tool_ctx *ctx)
{
    struct gn_view_style style = {.slices = (int)args.slices,
                                  .columns = (int)args.columns,
                                  .contour = args.contour || !args.fill,
                                  .fill = args.fill};
    struct stat info;

    if (!strcmp(args.output, "-") && isatty(STDOUT_FILENO))
        return gn_err_usage(&ctx->err, "standard output is a terminal: -o FILE.png");
    if (args.slices < 1 || args.slices > 256)
        return gn_err_usage(&ctx->err, "--slices: not a number from 1 to 256: %lld",
                            (long long)args.slices);
    if (gn_opts_given(&ctx->opts, &args.columns) && (args.columns < 1 || args.columns > 48))
        return gn_err_usage(&ctx->err, "--columns: not a number from 1 to 48: %lld",
                            (long long)args.columns);
    if (args.samples < 1)
        return gn_err_usage(&ctx->err, "--samples: must be positive: %lld",
                            (long long)args.samples);
    if (args.window.set && !(args.window.lo < args.window.hi))
        return gn_err_usage(&ctx->err, "--window: black must be below white");
    while (strcmp(axis_names[style.axis], args.axis))
        style.axis++;
    if (args.diff) {
        if (!strcmp(args.diff, "-") || (stat(args.diff, &info) == 0 && !S_ISREG(info.st_mode)))
            return gn_err_usage(&ctx->err, "--diff: %s: must be a file, not a pipe", args.diff);
        if (gn_source_check_stream(args.diff, NULL, &ctx->err) < 0)
            return -1;
        reader.other = gn_stream_open(args.diff, &ctx->err);
        if (!reader.other)
            return -1;
    }
    reader.black = args.window.set && isfinite(args.window.lo) ? args.window.lo : NAN;
    reader.white = args.window.set && isfinite(args.window.hi) ? args.window.hi : NAN;
    sheet = gn_sheet_new(&style);
    return 0;
}

static int draw(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    struct gn_view_subject subject;
    int rc = 0;

    if (drawn < args.samples)
        rc = gn_view_reader_take(&reader, s, &subject, &ctx->err);
    if (rc > 0)
        rc = gn_sheet_add(sheet, &subject, &ctx->err);
    drawn += rc > 0;
    return rc < 0 ? -1 : 0;
}

static int end(struct gn_tool_ctx *ctx)
{
    struct gn_str png = {0}, caption = {0};
    int rc = -1;

    if (!drawn)
        return gn_err_set(&ctx->err, ctx->samples ? "nothing to draw: no sample holds an image"
                                                  : "nothing to draw: no samples");
    if (drawn < ctx->samples)
        gn_str_addf(&caption, "%lld of ", (long long)drawn);
    gn_str_addf(&caption, "%lld sample%s", (long long)ctx->samples, ctx->samples == 1 ? "" : "s");
    if (ctx->failed)
        gn_str_addf(&caption, " \u00b7 %lld left out", (long long)ctx->failed);
    if (gn_sheet_png(sheet, caption.data, &png, &ctx->err) == 0)
        rc = gn_file_write(args.output, png.data, png.len, false, &ctx->err);
    gn_str_free(&png);
    gn_str_free(&caption);
    return rc;
}

static void cleanup(struct gn_tool_ctx *ctx)
{
    (void)ctx;
    gn_view_reader_close(&reader);
    gn_sheet_free(sheet);
}

static const struct gn_tool tool = {
    .name = "gn-view",
    .summary = "draw the samples of a stream on one sheet",
    .operands = "[FILE...]",
    .description =
        "Draws a block for each sample: its name, its values, and a line of planes for each "
        "image or channel. The planes are spread evenly through the part where the label or the "
        "prediction, else the image, is not 0. Grey goes from percentile 0.5 to 99.5 of the "
        "channel's values that are not 0; three channels of a picture, or of type uint8, are "
        "colours. Pixels have the aspect that the spacing asks for; voxels of six pixels and "
        "more are squares, smaller ones are interpolated.\n\n"
        "Volumes are shown as radiologists hold them, whatever order their axes are stored in: "
        "seen from the feet or from the front, so the patient's right is on the viewer's left; "
        "in axial planes the front is up, in the others the head, and in sagittal planes the "
        "front is on the left. Letters R L A P S I say so on the first picture of each line, and "
        "every picture which plane it is: sagittal, coronal or axial, as it lies nearest, and the "
        "voxel's index across. --axis auto takes the planes that "
        "were acquired: across a slab, or along a spacing at least twice the others', else "
        "axial. Pictures without a place (PNG, JPEG) are shown as they are, without letters, "
        "planes called by their axis in the file.\n\n"
        "Labels are outlined, of a mask in dots. If there is one label, truth is green and "
        "prediction magenta; else each label has its colour and the prediction is dashed. "
        "Outlines of truth run just inside a region, of a prediction just outside. Maps (class "
        "probabilities, weights, differences) are colours over the dimmed image, with a bar.\n\n"
        "The sheet is at most 1600 pixels wide unless --columns asks for more, and holds what "
        "fits into 30000 pixels of height; the foot says how many samples there are.",
    .input = "A stream of samples, patches too. What --diff names is a file with the same samples "
             "in the same order, and perhaps others between them.",
    .output = "A PNG file, complete or absent. It is an error if there is nothing to draw.",
    .opts = opts,
    .examples =
        (const struct gn_example[]){
            {"gn-load data.csv | gn-view -o data.png", "every subject with its label"},
            {"gn-load data.csv | gn-resample -s 2,2,2 | gn-view --axis all --slices 3 -o iso.png",
             "look at any stage of a pipe"},
            {NULL, NULL}},
    .references =
        (const char *const[]){
            "Okabe and Ito, Color Universal Design, https://jfly.uni-koeln.de/color/", NULL},
    .see_also = "gn-load(1), gn-info(1), gn-diff(1), gn-stream(5)",
    .flags = GN_TOOL_NO_OUTPUT | GN_TOOL_OWN_O,
    .begin = begin,
    .sample = draw,
    .end = end,
    .cleanup = cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
