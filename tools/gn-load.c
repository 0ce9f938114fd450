/* gn-load - reads the images of a table, or those named, into a stream: one sample a row. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "tool/subject.h"
#include "tool/tool.h"

static struct load_args {
    bool explain, skip_missing;
    double tolerance;
} args = { .tolerance = 1e-5 };

static const struct gn_opt opts[] = {
    GN_OPT_FLAG(0, "explain", &args.explain, "print which column is what, and read nothing",
                GN_OPT_NO_HISTORY),
    GN_OPT_FLAG(0, "skip-missing", &args.skip_missing,
                "leave rows out whose files are not there, with a warning", 0),
    GN_OPT_REAL(0, "tolerance", &args.tolerance, "MM",
                "how far the affines of a subject's files may lie apart", 0),
    GN_OPT_END
};

/* Tables that go with image operands bring predictions and the like: images of their own would be
 * others. */
static int join_tables(struct gn_tool_ctx *ctx, struct gn_table *t, const struct gn_strs *tables)
{
    const char *const *paths = (const char *const *)tables->item;
    for (size_t i = 0; i < tables->n; i++) {
        struct gn_table one = { 0 };
        if (gn_table_read(&one, &paths[i], 1, 0, &ctx->err))
            return -1;
        size_t images = one.images;
        gn_table_free(&one);
        if (images)
            return gn_err_usage(&ctx->err, "%s: names images: give it, or images, not both",
                                paths[i]);
    }
    return gn_table_join(t, paths, tables->n, &ctx->err);
}

static int open_table(struct gn_tool_ctx *ctx, struct gn_table *t)
{
    struct gn_strs tables = { 0 }, images = { 0 };
    int rc;

    if (!ctx->operands.n)
        return gn_err_usage(&ctx->err, "no input: give a CSV, or images");
    for (size_t i = 0; i < ctx->operands.n; i++) {
        const char *operand = ctx->operands.item[i];
        gn_strs_add(gn_table_is_table(operand) ? &tables : &images, operand);
    }
    if (!images.n)
        rc = gn_table_read(t, (const char *const *)tables.item, tables.n, GN_TABLE_IMAGES,
                           &ctx->err);
    else
        rc = gn_table_from_images(t, (const char *const *)images.item, images.n, &ctx->err);
    if (rc == 0 && images.n && tables.n)
        rc = join_tables(ctx, t, &tables);
    gn_strs_free(&tables);
    gn_strs_free(&images);
    return rc;
}

/* Files that are not there: all of them are named before anything is read. */
static int check_missing(struct gn_tool_ctx *ctx, struct gn_table *t)
{
    struct gn_strs lines = { 0 };
    bool drop = args.skip_missing || ctx->keep_going;
    size_t missing = gn_table_missing(t, drop, &lines);
    int rc = 0;

    for (size_t i = 0; i < lines.n; i++) {
        if (args.skip_missing)
            gn_log(GN_LOG_WARN, "%s", lines.item[i]);
        else if (ctx->keep_going)
            gn_log(GN_LOG_ERROR, "%s (left out)", lines.item[i]);
        else if (i + 1 < lines.n)
            gn_log(GN_LOG_ERROR, "%s", lines.item[i]);
        else
            rc = gn_err_set(&ctx->err, "%s", lines.item[i]);
    }
    if (missing && args.skip_missing)
        gn_log(GN_LOG_WARN, "left out %zu of %zu rows, whose files are missing", missing,
               t->rows + missing);
    else if (drop)
        ctx->failed += (int64_t)missing;
    gn_strs_free(&lines);
    return rc;
}

static int fail(struct gn_tool_ctx *ctx, const struct gn_table *t, size_t row)
{
    if (t->row[row].line)
        gn_err_wrap(&ctx->err, "subject %s", t->row[row].sample);
    return gn_tool_skip(ctx);
}

/* One subject's files do not fit each other: say which others do not either, so that one run finds
 * all of them. */
static int report_geometry(struct gn_tool_ctx *ctx, const struct gn_table *t, size_t row)
{
    for (size_t r = row + 1; r < t->rows; r++) {
        struct gn_err err = { 0 };
        bool geometry = false;
        if (gn_subject_check(t, r, args.tolerance, &geometry, &err) && geometry)
            gn_log(GN_LOG_ERROR, "subject %s: %s", t->row[r].sample, err.text);
    }
    return fail(ctx, t, row);
}

static int load(struct gn_tool_ctx *ctx)
{
    struct gn_table t = { 0 };
    struct gn_subject s = { 0 };
    struct gn_str text = { 0 };
    int rc = -1;

    if (args.tolerance < 0)
        return gn_err_usage(&ctx->err, "--tolerance: must not be negative");
    if (open_table(ctx, &t))
        goto out;
    for (size_t i = 0; i < t.warnings.n; i++)
        gn_log(GN_LOG_WARN, "%s", t.warnings.item[i]);
    if (args.explain) {
        gn_table_explain(&t, &text);
        rc = gn_file_write("-", gn_str_text(&text), text.len, false, &ctx->err);
        goto out;
    }
    if (check_missing(ctx, &t))
        goto out;
    for (size_t r = 0; r < t.rows && !gn_writer_closed(ctx->writer); r++) {
        bool geometry = false;

        if (gn_subject_read(&s, &t, r, args.tolerance, &geometry, &ctx->err)) {
            rc = geometry && !ctx->keep_going ? report_geometry(ctx, &t, r) : fail(ctx, &t, r);
            if (rc)
                goto out;
            continue;
        }
        ctx->samples++;
        if (gn_emit(ctx, &s.sample))
            goto out;
        gn_progress("%s: %zu of %zu", ctx->tool->name, r + 1, t.rows);
    }
    rc = 0;
out:
    gn_str_free(&text);
    gn_subject_free(&s);
    gn_table_free(&t);
    return rc;
}

static const struct gn_tool tool = {
    .name = "gn-load",
    .summary = "read images into a stream",
    .operands = "CSV...|IMAGE...",
    .description = "Reads NIfTI, Analyze 7.5, MetaImage, NRRD, MGH, DICOM, TIFF, PNG and JPEG "
                   "files and writes one sample a row: its images in column order, label, mask, "
                   "weight "
                   "map and prediction.\n\n"
                   "Of a table, a column is recognised by its lower-cased header containing a "
                   "word, the first that fits: prediction; "
                   "channel, modality or image; valuetopredict; subject, patient or pid (the last "
                   "such column wins); label, mask, "
                   "segmentation, ground_truth or groundtruth (the first wins; a later mask is the "
                   "mask); weightmap. --explain prints what "
                   "was found. Several tables are joined on SubjectID. A relative path is taken "
                   "from the working folder if it leads to "
                   "a file there, else from the table's folder. A subject that stands in several "
                   "rows gives samples ID, ID_v1, ID_v2.\n\n"
                   "Without a table each operand is one sample, named by the stem of its first "
                   "file; its channels are joined by commas: "
                   "t1.nii.gz,t2.nii.gz. A table beside images adds its columns, predictions.csv "
                   "the predictions, to the samples of its SubjectIDs; it may not name images.\n\n"
                   "A file that is not there is a failure, told before anything is read; with "
                   "--keep-going its row is left out and the status is 1 at the end, with "
                   "--skip-missing it is left out and that is none.\n\n"
                   "Voxels keep the type and the values of the file; scaled integers become "
                   "float32, or float64 where that is needed. Frames and components are channels. "
                   "Every file's place becomes one affine to RAS in mm; an Analyze header holds "
                   "none: x runs to the left in transverse slices, and 0 is the middle, or SPM's "
                   "origin.\n\n"
                   "A folder that holds one DICOM series, it or folders in it, is an image; of "
                   "several, FOLDER#UID is the one with that SeriesInstanceUID. Slices, or the "
                   "frames of a file, are sorted by position along the normal, and must lie "
                   "equally far apart on one line, which a tilted gantry may lean; frames "
                   "without a position follow each other. Palettes and YBR become RGB; where "
                   "white is zero (MONOCHROME1), the stored range is turned round, unless a "
                   "rescale makes quantities of it.\n\n"
                   "The files of a subject must have one size and one affine. A label of three "
                   "equal channels is read as one.",
    .input = "CSV or TSV tables, or images, or folders of a DICOM series. The contents decide "
             "the format, not the name.",
    .output = "A stream of samples.",
    .opts = opts,
    .examples =
        (const struct gn_example[]){
            { "gn-load data.csv | gn-resample -s 1,1,1 > iso.gnt",
              "load every subject of a table" },
            { "gn-load t1.nii.gz,t2.nii.gz > one.gnt", "two channels of one sample" },
            { "gn-load --explain data.csv", "see which column is what" },
            { NULL, NULL } },
    .references =
        (const char *const[]){ "NIfTI: https://nifti.nimh.nih.gov/nifti-1",
                               "MetaImage: https://itk.org/Wiki/ITK/MetaIO/Documentation",
                               "NRRD: https://teem.sourceforge.net/nrrd/format.html", NULL },
    .see_also = "gn-save(1), gn-info(1), gn-stream(5)",
    .flags = GN_TOOL_NO_INPUT,
    .text = &args.explain,
    .main = load,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
