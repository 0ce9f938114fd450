/* gn-save - writes the samples of a stream as image files and a table that names them, or as a
 * cache. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/index.h"
#include "tool/output.h"
#include "tool/summary.h"
#include "tool/tool.h"

static struct save_args {
    const char *dir, *ext, *dtype, *name;
    bool cache;
} args;

static const struct gn_opt opts[] = {
    GN_OPT_TEXT('o', "output", &args.dir, "DIR", "write into this folder, made if need be",
                GN_OPT_NO_HISTORY | GN_OPT_REQUIRED | GN_OPT_DIR),
    GN_OPT_TEXT(0, "ext", &args.ext, "EXT",
                "nii.gz, nii, mha, nrrd, tif, png or jpg [that of the source; .jpg labels become "
                ".png]",
                GN_OPT_NO_DEFAULT),
    GN_OPT_CHOICE(0, "dtype", &args.dtype, gn_dtype_names,
                  "type of the voxels [the record's; of labels the smallest unsigned]",
                  GN_OPT_NO_DEFAULT),
    GN_OPT_TEXT(0, "name", &args.name, "PATTERN",
                "names: {sample} {name} {role} {patch} [{sample}/{sample}_{name}]",
                GN_OPT_NO_DEFAULT),
    GN_OPT_FLAG(0, "cache", &args.cache, "write SAMPLE.gnt files, as gn-epochs reads them", 0),
    GN_OPT_END
};

static struct gn_output out;
static struct gn_index data, predictions;
static char *data_path, *predictions_path, *ext;
static bool touched, finished;
static int folder = -1; /* open and locked */

/* An index of an earlier run must not name files of this one. It goes when the first file is about
 * to be written: until then that run's files are as they were. */
static void drop_indices(void *arg)
{
    struct gn_tool_ctx *ctx = arg;

    if (!touched) {
        gn_index_drop(data_path, ctx->tool->name);
        gn_index_drop(predictions_path, ctx->tool->name);
    }
    touched = true;
}

/* Two writers would take each other's files for their own and end with one's index. The lock is on
 * the folder itself: nothing lies about when it ends, however it ends. A file system without locks
 * has none. */
static int lock_folder(struct gn_err *err)
{
    folder = open(args.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return gn_err_set(err, "%s: another gn-save is writing into this folder", args.dir);
    return 0;
}

static int save_begin(struct gn_tool_ctx *ctx)
{
    out = (struct gn_output){ .dir = args.dir, .dtype = args.dtype, .pattern = args.name,
                              .before = drop_indices, .arg = ctx };
    if (!*args.dir)
        return gn_err_usage(&ctx->err, "-o: an empty name");
    if (args.cache && (args.ext || args.dtype || args.name))
        return gn_err_usage(&ctx->err,
                            "--cache keeps records as they are: no --ext, --dtype or --name");
    if (args.ext) {
        struct gn_err none = { 0 };
        ext = gn_asprintf("%s%s", args.ext[0] == '.' ? "" : ".", args.ext);
        if (!gn_format_for_ext(ext, &none))
            return gn_err_usage(&ctx->err, "--ext: %s", none.text);
        out.ext = ext;
    }
    if (gn_output_check(&out, &ctx->err) || gn_mkdirs(args.dir, &ctx->err) ||
        lock_folder(&ctx->err))
        return -1;
    data_path = gn_path_join(args.dir, "data.csv");
    predictions_path = gn_path_join(args.dir, "predictions.csv");
    /* Before anything is written: the table may be the user's own, and the stream made from it. */
    if (gn_index_own(data_path, ctx->tool->name, &ctx->err) ||
        gn_index_own(predictions_path, ctx->tool->name, &ctx->err))
        return -1;
    return gn_output_open(&out, &ctx->err);
}

/* ---- the rows ---- */
/* The column of an image: its own name if gn-load knows it for an image, else the next Channel_K.
 */
static char *image_column(const char *name, size_t k)
{
    static const char *const known[] = { "channel", "modality", "image" };

    for (size_t i = 0; name && i < sizeof known / sizeof *known; i++)
        if (strcasestr(name, known[i]) && !strcasestr(name, "prediction"))
            return gn_strdup(name);
    return gn_asprintf("Channel_%zu", k);
}

static void start_row(struct gn_index *ix, const char *id)
{
    gn_index_add_row(ix);
    gn_index_set(ix, "SubjectID", id);
}

/* Scalar targets of a sample, under their own headers. */
static int put_values(const struct gn_record *r, struct gn_err *err)
{
    const char *names = gn_record_get(r, "value.names");
    struct gn_csv csv = { 0 };
    int rc = 0;

    if (names && gn_csv_parse(&csv, "value.names", names, strlen(names), err))
        return -1;
    for (size_t k = 0; !rc; k++) {
        char key[32], column[32];
        const char *value;
        snprintf(key, sizeof key, "value.%zu", k);
        snprintf(column, sizeof column, k ? "ValueToPredict_%zu" : "ValueToPredict", k);
        value = gn_record_get(r, key);
        if (!value && k >= csv.columns)
            break;
        gn_index_set(&data, k < csv.columns ? csv.header[k] : column, value ? value : "");
    }
    gn_csv_free(&csv);
    return rc;
}

/* A vector of scores: class probabilities if the classes are named, else predicted values. */
static int put_scores(struct gn_record *r, const char *sample, struct gn_err *err)
{
    const char *classes = gn_record_get(r, "class_list");
    const int64_t n = gn_tensor_count(&r->tensor);
    const char *p = classes;
    double hi = -INFINITY, sum = 0;
    char text[64], column[300];
    int64_t best = 0;

    start_row(&predictions, sample);
    for (int64_t k = 0; k < n; k++)
        if (gn_tensor_get(&r->tensor, k) > hi)
            hi = gn_tensor_get(&r->tensor, best = k);
    for (int64_t k = 0; k < n; k++)
        sum += exp(gn_tensor_get(&r->tensor, k) - hi);
    for (int64_t k = 0; k < n; k++) {
        double v = gn_tensor_get(&r->tensor, k);
        if (!classes) {
            snprintf(text, sizeof text, "%.9g", v);
            snprintf(column, sizeof column, n > 1 ? "Predicted_%lld" : "Predicted", (long long)k);
            gn_index_set(&predictions, column, text);
            continue;
        }
        size_t len = strcspn(p, " ");
        if (!len || len > 200)
            return gn_err_set(err, "%lld scores, but class_list is '%s'", (long long)n, classes);
        if (k == 0)
            gn_index_set(&predictions, "Predicted", "");
        if (gn_record_get(r, "logits")) /* no final layer was applied */
            v = exp(v - hi) / sum;
        snprintf(text, sizeof text, "%.9g", v);
        snprintf(column, sizeof column, "probability_%.*s", (int)len, p);
        gn_index_set(&predictions, column, text);
        if (k == best) {
            snprintf(text, sizeof text, "%.*s", len < sizeof text ? (int)len : (int)sizeof text - 1,
                     p);
            gn_index_set(&predictions, "Predicted", text);
        }
        p += len;
        p += *p == ' ';
    }
    return 0;
}

/* ---- samples ---- */
static int save_images(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    const char *sample = gn_sample_name(s), *subject = gn_record_get(&s->rec[0], "subject");
    bool in_data = false;
    size_t images = 0;

    for (size_t i = 0; i < s->n; i++) {
        struct gn_record *r = &s->rec[i];
        enum gn_role role = gn_record_role(r);
        const char *column = role == GN_ROLE_LABEL  ? "Label"
                             : role == GN_ROLE_MASK ? "Mask"
                                                    : "WeightMap";
        char *file = NULL, *own = NULL;

        if (role == GN_ROLE_SLIDE)
            return gn_err_set(&ctx->err, "a slide is no image: cut it first (gn-patch)");
        if (role == GN_ROLE_PREDICTION && r->tensor.rank == 1) {
            if (put_scores(r, sample, &ctx->err))
                return -1;
            continue;
        }
        if (gn_output_image(&out, r, &file, &ctx->err))
            return -1;
        if (role == GN_ROLE_PREDICTION) {
            start_row(&predictions, sample);
            gn_index_set(&predictions, "Prediction", file);
        } else {
            if (!in_data)
                start_row(&data, subject ? subject : sample);
            in_data = true;
            if (role == GN_ROLE_IMAGE || role == GN_ROLE_OTHER)
                column = own = image_column(gn_record_get(r, "name"), images++);
            gn_index_set(&data, column, file);
        }
        free(file);
        free(own);
    }
    return in_data ? put_values(&s->rec[0], &ctx->err) : 0;
}

/* Statistics of the whole image, for steps on its patches that need them: min and max of each
 * component, mean and std of all values. */
static void add_parent(struct gn_record *r)
{
    size_t components = (size_t)r->tensor.shape[0];
    struct gn_summary sum, one;
    double *min, *max;

    gn_summarize(&r->tensor, &sum);
    if (sum.count <= sum.nan)
        return;
    min = gn_alloc(2 * components * sizeof *min);
    max = min + components;
    for (size_t c = 0; c < components; c++) {
        struct gn_tensor part = r->tensor;
        size_t bytes = (size_t)gn_tensor_count(&r->tensor) / components * gn_dtype_size(part.dtype);
        part.shape[0] = 1;
        part.data = (char *)r->tensor.data + c * bytes;
        gn_summarize(&part, &one);
        min[c] = one.count > one.nan ? one.min : sum.min;
        max[c] = one.count > one.nan ? one.max : sum.max;
    }
    gn_record_set_reals(r, "parent.min", min, components);
    gn_record_set_reals(r, "parent.max", max, components);
    free(min);
    gn_record_set_reals(r, "parent.mean", &sum.mean, 1);
    gn_record_set_reals(r, "parent.std", &sum.std, 1);
}

static int save_cache(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    const char *sample = gn_sample_name(s), *subject = gn_record_get(&s->rec[0], "subject"),
               *index = gn_record_get(&s->rec[0], "patch.index");
    char *name = gn_path_name(sample), *path = NULL;
    struct gn_str file = { 0 };
    struct gn_writer *w = NULL;
    int rc = -1;

    gn_str_add(&file, name);
    if (index)
        gn_str_addf(&file, "_%.*s", (int)strcspn(index, "/"), index);
    gn_str_add(&file, ".gnt");
    path = gn_path_join(args.dir, gn_str_text(&file));
    if (gn_output_claim(&out, gn_str_text(&file), &ctx->operands, &ctx->err))
        goto out;
    w = gn_writer_open(path, &ctx->err);
    if (!w)
        goto out;
    for (size_t i = 0; i < s->n; i++) {
        struct gn_record *r = &s->rec[i];
        if (gn_record_role(r) == GN_ROLE_IMAGE && !index)
            add_parent(r);
        if (ctx->history.len && gn_record_add_history(r, ctx->history.data)) {
            gn_err_set(&ctx->err, "its header cannot be written");
            goto out;
        }
        if (gn_writer_put(w, r))
            goto writer;
    }
    if (gn_writer_end(w, 0))
        goto writer;
    start_row(&data, subject ? subject : sample);
    gn_index_set(&data, "Channel_0", gn_str_text(&file));
    rc = put_values(&s->rec[0], &ctx->err);
    goto out;
writer:
    gn_err_set(&ctx->err, "%s", gn_writer_error(w)->text);
out:
    gn_writer_free(w);
    gn_str_free(&file);
    free(path);
    free(name);
    return rc;
}

static int save_sample(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    out.sample = s;
    return args.cache ? save_cache(ctx, s) : save_images(ctx, s);
}

static int save_end(struct gn_tool_ctx *ctx)
{
    drop_indices(ctx);
    if ((data.rows || !predictions.rows) &&
        gn_index_write(&data, data_path, ctx->tool->name, &ctx->err))
        return -1;
    if (predictions.rows &&
        gn_index_write(&predictions, predictions_path, ctx->tool->name, &ctx->err))
        return -1;
    finished = true;
    return 0;
}

static void save_cleanup(struct gn_tool_ctx *ctx)
{
    if (touched && !finished) {
        gn_index_drop(data_path, ctx->tool->name);
        gn_index_drop(predictions_path, ctx->tool->name);
    }
    if (folder >= 0)
        close(folder);
    free(data_path);
    free(predictions_path);
    free(ext);
    gn_output_free(&out);
    gn_index_free(&data);
    gn_index_free(&predictions);
}

static const struct gn_tool tool = {
    .name = "gn-save",
    .summary = "write the samples of a stream as image files, or as a cache",
    .operands = "[FILE...]",
    .description = "Each record becomes a file in its own grid: DIR/SAMPLE/SAMPLE_NAME.EXT, where "
                   "NAME is seg for a prediction, label, mask, "
                   "weightmap, or an image's own name; _I of patch.index comes before the dot. "
                   "data.csv names images, labels and values, "
                   "predictions.csv predictions; they are written last, so a folder without them "
                   "is unfinished. Only what an earlier gn-save wrote there is replaced, also "
                   "where it was killed: .gn-save lists the names (whoever edits such a file does "
                   "well to move it). Any other file that is in the way is an error, and stays "
                   "as it is; so is one that a sample was read from, and a table that was changed "
                   "since (.data.csv.gn-save remembers). While one gn-save writes into a "
                   "folder, another is refused.\n\n"
                   "NIfTI files get the record's affine as sform and, where it is free of shear, "
                   "as qform; MetaImage (.mha) and NRRD are written compressed. PNG, JPEG and TIFF "
                   "hold no position. A picture that cannot hold a record's type or slices becomes "
                   ".tif, and what was read with a place from a file of such a name .nii.gz, "
                   "unless --ext says otherwise.\n\n"
                   "--dtype that would change a label is an error; for images, values that the "
                   "type cannot hold become the nearest that it can (NaN 0; in floats an "
                   "infinity), with a warning for each file that says how many.\n\n"
                   "Scores of a classifier or a regression are rows of predictions.csv.\n\n"
                   "With --cache each sample becomes DIR/SAMPLE.gnt, image records with their "
                   "statistics (parent.min, max, mean, std).",
    .input = "A stream of samples.",
    .output = "Files in DIR; each is complete or absent.",
    .opts = opts,
    .examples =
        (const struct gn_example[]){
            { "gn-load data.csv | gn-resample -s 1,1,1 | gn-save -o iso/",
              "resampled copies, and iso/data.csv" },
            { "gn-load data.csv | gn-save --cache -o cache/", "a cache for gn-epochs" },
            { NULL, NULL } },
    .see_also = "gn-load(1), gn-epochs(1), gn-stream(5)",
    .flags = GN_TOOL_NO_OUTPUT | GN_TOOL_OWN_O,
    .begin = save_begin,
    .sample = save_sample,
    .end = save_end,
    .cleanup = save_cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
