/* gn-check - examines a study's images and labels before anything is trained on them */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/mend.h"
#include "tool/subject.h"
#include "tool/tool.h"

static struct check_args {
    double tolerance;
    const char *labels, *fix, *output;
} args = { .output = "-" };

static const struct gn_opt opts[] = {
    GN_OPT_REAL(0, "tolerance", &args.tolerance, "MM",
                "how far the corners of a subject's grids may lie apart, in mm [0.001 voxel]",
                GN_OPT_NO_DEFAULT),
    GN_OPT_TEXT(0, "labels", &args.labels, "LIST",
                "the values that labels may have besides 0, e.g. 1,2,4 [any]", GN_OPT_NO_DEFAULT),
    GN_OPT_TEXT(0, "fix", &args.fix, "DIR",
                "write repaired labels, and the tables without what cannot be repaired",
                GN_OPT_NO_HISTORY | GN_OPT_NO_DEFAULT | GN_OPT_DIR),
    GN_OPT_TEXT('o', "output", &args.output, "FILE", "write the report here [standard output]",
                GN_OPT_NO_HISTORY | GN_OPT_NO_DEFAULT | GN_OPT_FILE),
    GN_OPT_END
};

static struct state {
    struct gn_doctor doctor;
    struct gn_regions labels;
    struct gn_mend mend;
    struct gn_out out;
    size_t mended, dropped;
} st = { .out = { .fd = -1 } };

/* "subject 007: ", with its table if there are several. */
static const char *subject_name(const struct gn_doctor_subject *s, struct gn_str *name)
{
    const struct gn_doctor_table *t = &st.doctor.tables[s->table];
    gn_str_clear(name);
    if (st.doctor.n > 1)
        gn_str_addf(name, "%s: ", t->name);
    gn_str_addf(name, "subject %s", t->table.row[s->row].sample);
    return gn_str_text(name);
}

static void tell(const struct gn_doctor_subject *s, struct gn_str *name)
{
    const struct gn_table *t = &st.doctor.tables[s->table].table;
    subject_name(s, name);
    for (size_t i = 0; i < s->findings; i++) {
        const struct gn_doctor_finding *f = &s->finding[i];
        bool column = f->column < t->columns;
        gn_log(GN_LOG_ERROR, "%s: %s%s%s: %s", gn_str_text(name),
               column ? t->column[f->column].name : "", column ? ": " : "",
               gn_fault_names[f->fault], f->text);
    }
    for (size_t i = 0; i < s->notes.n; i++)
        gn_log(GN_LOG_NOTE, "%s: %s", gn_str_text(name), s->notes.item[i]);
}

static int check_row(struct gn_tool_ctx *ctx, size_t table, size_t row)
{
    struct gn_doctor_subject s;
    struct gn_strs said = { 0 };
    struct gn_str line = { 0 }, name = { 0 };
    enum gn_mend_result result = GN_MEND_WHOLE;
    int rc = 0;

    gn_doctor_subject(&st.doctor, table, row, &s);
    tell(&s, &name);
    gn_doctor_put(&st.doctor, &s, &line);
    if (args.fix) {
        rc = gn_mend_subject(&st.mend, &s, &result, &said, &ctx->err);
        for (size_t i = 0; i < said.n; i++)
            gn_log(GN_LOG_NOTE, "%s: %s", gn_str_text(&name), said.item[i]);
        gn_str_addf(&line, "\t%s", gn_mend_names[result]);
        st.mended += result == GN_MEND_MENDED;
        st.dropped += result == GN_MEND_DROPPED;
        if (rc)
            gn_err_wrap(&ctx->err, "%s", gn_str_text(&name));
    }
    gn_str_add(&line, "\n");
    if (!rc)
        rc = gn_out_write(&st.out, line.data, line.len, &ctx->err);
    gn_doctor_subject_free(&s);
    gn_strs_free(&said);
    gn_str_free(&line);
    gn_str_free(&name);
    return rc;
}

/* The last line on stderr; of a study without fault it is silent but for who looks on. */
static int sum_up(struct gn_tool_ctx *ctx)
{
    const struct gn_doctor *d = &st.doctor;
    struct gn_str s = { 0 };
    int rc = 0;

    for (int k = 0, n = 0; k < GN_FAULTS; k++)
        if (d->faults[k])
            gn_str_addf(&s, "%s%s %zu", n++ ? ", " : ": ", gn_fault_names[k], d->faults[k]);
    if (args.fix && (st.mended || st.dropped))
        gn_str_addf(&s, "; %zu mended, %zu left out", st.mended, st.dropped);
    if (d->faulty)
        rc = gn_err_set(&ctx->err, "%zu of %zu subjects have faults%s", d->faulty, d->checked,
                        gn_str_text(&s));
    else
        gn_log(GN_LOG_STAGE, "%zu subjects, no fault%s", d->checked, gn_str_text(&s));
    gn_str_free(&s);
    return rc;
}

static int read_tables(struct gn_tool_ctx *ctx)
{
    struct gn_doctor *d = &st.doctor;
    d->tables = gn_alloc((ctx->operands.n + 1) * sizeof *d->tables);
    for (size_t k = 0; k < ctx->operands.n; k++) {
        const char *path = ctx->operands.item[k];
        struct gn_doctor_table *t = &d->tables[d->n++];
        t->name = path;
        if (gn_table_read(&t->table, &path, 1, GN_TABLE_IMAGES, &ctx->err))
            return -1;
        for (size_t i = 0; i < t->table.warnings.n; i++)
            gn_log(GN_LOG_WARN, "%s", t->table.warnings.item[i]);
    }
    return 0;
}

static int check(struct gn_tool_ctx *ctx)
{
    struct gn_doctor *d = &st.doctor;
    size_t rows = 0;

    d->one_channel = gn_subject_one_channel;
    d->tolerance = gn_opts_given(&ctx->opts, &args.tolerance) ? args.tolerance : -1;
    if (!ctx->operands.n)
        return gn_err_usage(&ctx->err, "no table: gn-check [OPTION...] DATA.csv...");
    if (args.tolerance < 0)
        return gn_err_usage(&ctx->err, "--tolerance: must not be negative");
    if (args.labels && gn_regions_parse(&st.labels, args.labels, &ctx->err))
        return gn_err_wrap(&ctx->err, "--labels");
    d->labels = args.labels ? &st.labels : NULL;
    if (read_tables(ctx))
        return -1;
    gn_doctor_init(d);
    if (args.fix && gn_mend_open(&st.mend, d, args.fix, &ctx->err))
        return -1;
    if (gn_out_open(&st.out, args.output, &ctx->err) ||
        gn_out_write(&st.out, gn_doctor_header, strlen(gn_doctor_header), &ctx->err) ||
        gn_out_write(&st.out, args.fix ? "\trepair\n" : "\n", args.fix ? 8 : 1, &ctx->err))
        return -1;
    for (size_t k = 0; k < d->n; k++)
        rows += d->tables[k].table.rows;
    for (size_t k = 0; k < d->n; k++)
        for (size_t i = 0; i < d->tables[k].table.rows; i++) {
            if (check_row(ctx, k, i))
                return -1;
            gn_progress("gn-check: %zu of %zu", d->checked, rows);
        }
    gn_progress_done();
    if ((args.fix && gn_mend_close(&st.mend, &ctx->err)) ||
        gn_out_commit(&st.out, false, &ctx->err))
        return -1;
    return sum_up(ctx);
}

static void cleanup(struct gn_tool_ctx *ctx)
{
    struct gn_doctor *d = &st.doctor;
    (void)ctx;
    gn_out_abort(&st.out);
    gn_mend_free(&st.mend);
    gn_doctor_end(d);
    gn_regions_free(&st.labels);
    for (size_t k = 0; k < d->n; k++)
        gn_table_free(&d->tables[k].table);
    free(d->tables);
}

static const struct gn_tool tool = {
    .name = "gn-check",
    .summary = "examine a study's images and labels",
    .operands = "DATA.csv...",
    .description =
        "Reads every file that a table names and prints a line for each of its rows: what the "
        "images are, where they lie, and a verdict. Each fault is told on standard error too, "
        "with its file and cause, and a last line counts them. Several tables are the sides of "
        "one split: a subject or an image that stands in two of them is a fault.\n\n"
        "The verdict is ok, or words joined by commas:\n\n"
        "empty-cell: an image, label or value column without entry. value: the entry of a value "
        "column is no finite number. missing: no such file. unreadable: its format, or what is "
        "wrong with it, is told. spacing: voxels with a side of 0, below 0, not finite, below a "
        "nanometre or above 100 mm.\n\n"
        "size: not as many voxels along each axis as the subject's first image. affine: of equal "
        "size, but its corners lie further from those of the first image than --tolerance, or only "
        "one of the two files says where it lies. channels: not as many in all images together as "
        "the first subject has.\n\n"
        "label-channels: a label drawn in colours, which no class can be read from. not-integer: a "
        "label or mask with other values than whole numbers. label-empty: a label that is 0 "
        "everywhere. label-values: a label with a value that --labels does not name.\n\n"
        "nan, inf: such voxels in any file. constant: an image of one value. label-is-image: a "
        "label with the file or the voxels of its image. duplicate: an image that stood in an "
        "earlier row or column. leak-subject: a SubjectID, leak-image: an image, that stands in an "
        "earlier table.\n\n"
        "Images are the same if size and values are: neither name, format, type nor affine make "
        "them different. Of what stands twice, the second is at fault. Left-handed axes, "
        "several rows of one subject, and files further apart than the 1e-5 mm that gn-load takes "
        "unless told otherwise, but within --tolerance, are told and are no faults.\n\n"
        "--fix DIR mends what can be mended without guessing. A label or mask on another grid "
        "than its image is resampled to the image's grid, nearest neighbour; one of the same "
        "size that lies less than half a voxel away, or whose file does not say where it lies, "
        "gets the image's affine (also if it is within --tolerance, but too far for gn-load); "
        "values up to 0.001 from whole numbers are rounded. A subject with any other fault is "
        "left out. Each repair is told. What is whole or mended is listed in DIR/DATA.csv, with "
        "paths that hold from there; mended files are in DIR/labels. The originals stay as they "
        "are. DIR must be new or empty, or one that gn-check made. The exit status is still "
        "that of the tables that were given; that of DIR/DATA.csv is 0.\n\n"
        "A subject's files are in memory at once, and 20 bytes for each image of the tables.",
    .input = "CSV or TSV tables as gn-load reads them, each for itself. Every format that gn-load "
             "reads.",
    .output =
        "A table, tab-separated, with a line for each row in order: table SubjectID verdict "
        "channels size spacing axes hand corner_mm labels nan inf same_as, and repair with --fix. "
        "size (voxels) and spacing (mm) are x,y,z; axes says where x, y and z lead (RAS: right, "
        "anterior, superior; oblique ones by the nearest); hand is right or left. Files of a "
        "subject that differ in one of these are told apart by semicolons, the first image first. "
        "channels counts those of all images. corner_mm is the largest distance between "
        "corresponding corners of the first image and another file of the subject. labels are the "
        "values of the label, at most 256. nan and inf count voxels of all files. same_as is where "
        "an image stood before, [TABLE:]SUBJECT:COLUMN. repair is mended, dropped or empty. What "
        "is not known (a picture has no spacing) is empty.",
    .opts = opts,
    .examples =
        (const struct gn_example[]){
            { "gn-check data.csv > report.tsv", "examine a study" },
            { "gn-check --labels 1 train.csv val.csv test.csv > report.tsv",
              "also see that the sides of a split share nothing" },
            { "gn-check --fix fixed/ data.csv > report.tsv",
              "mend labels; fixed/data.csv is the study without its faults" },
            { "gn-check data.csv | awk -F'\\t' 'NR > 1 && $3 != \"ok\" { print $2, $3 }'",
              "the subjects with faults" },
            { NULL, NULL } },
    .see_also = "gn-load(1), gn-config(1), gn-split(1), gn-info(1)",
    .flags = GN_TOOL_NO_INPUT | GN_TOOL_NO_OUTPUT | GN_TOOL_OWN_O | GN_TOOL_NO_KEEP,
    .main = check,
    .cleanup = cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
