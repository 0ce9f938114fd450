/* gn-view - draws the samples of a stream on one sheet, as PNG. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/mem.h"
#include "tool/tool.h"
#include "view/plane.h"
#include "view/sheet.h"

static const char *const axis_names[] = {"x", "y", "z", "all", "auto", NULL};

static struct view_args {
    const char *output, *axis, *diff;
    int64_t slices, columns, samples;
    struct gn_range window;
    bool contour, fill;
} args = {.axis = "auto", .slices = 6, .samples = 24};

static const struct gn_opt opts[] = {
    GN_OPT_TEXT('o', "output", &args.output, "FILE.png", "write the picture here; -: standard output",
                GN_OPT_FILE | GN_OPT_REQUIRED | GN_OPT_NO_HISTORY),
    GN_OPT_CHOICE(0, "axis", &args.axis, axis_names,
                  "planes: x sagittal, y coronal, z axial; auto: those that were taken", 0),
    GN_OPT_INT(0, "slices", &args.slices, "N", "planes of a volume along each axis", 0),
    GN_OPT_INT(0, "columns", &args.columns, "N",
               "pictures side by side; fewer are larger [as many as slices; 3 of flat images]",
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

enum { MOST_CHANNELS = 8 }; /* drawn of one record */

static struct view_state {
    struct gn_sheet *sheet;
    struct gn_stream *other; /* of --diff */
    struct gn_sample theirs;
    int64_t drawn;
    /* of the sample at hand */
    struct gn_view_layer *layer;
    size_t layers;
    struct gn_tensor *made; /* difference maps that layers point to */
    size_t n_made;
} st;

/* ---- layers ---- */

static struct gn_view_layer *add_layer(enum gn_view_kind kind, const struct gn_tensor *t,
                                       int64_t channel, char *title)
{
    st.layer = gn_realloc(st.layer, (st.layers + 1) * sizeof *st.layer);
    st.layer[st.layers] = (struct gn_view_layer){
        .tensor = t, .kind = kind, .channel = channel, .lo = NAN, .hi = NAN, .title = title};
    return &st.layer[st.layers++];
}

static void free_layers(void)
{
    for (size_t i = 0; i < st.layers; i++)
        free(st.layer[i].title);
    for (size_t i = 0; i < st.n_made; i++)
        gn_tensor_free(&st.made[i]);
    free(st.layer);
    free(st.made);
    st.layer = NULL;
    st.made = NULL;
    st.layers = st.n_made = 0;
}

static const char *title_of(const struct gn_record *r)
{
    const char *name = gn_record_get(r, "name"), *role = gn_record_get(r, "role");

    return name ? name : role ? role : "tensor";
}

static bool is_image(const struct gn_record *r)
{
    return !strcmp(r->axes, "czyx");
}

/* "Channel_0", "Channel_0 2 of 12" */
static char *channel_title(const struct gn_record *r, const char *before, int64_t k)
{
    int64_t c = r->tensor.shape[0];

    if (c == 1)
        return gn_asprintf("%s%s", before, title_of(r));
    return gn_asprintf("%s%s %lld of %lld", before, title_of(r), (long long)k + 1, (long long)c);
}

static bool affine_of(const struct gn_record *r, double affine[12])
{
    static const double none[12] = {-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0};
    struct gn_err err = {0};
    double source[12];

    if (gn_record_reals(r, "affine", affine, 12, &err) < 0)
        memcpy(affine, none, sizeof none);
    gn_err_clear(&err);
    if (gn_record_reals(r, "source.affine", source, 12, &err) < 0)
        memcpy(source, affine, sizeof source);
    return gn_view_is_picture(source);
}

static bool is_colour(const struct gn_record *r)
{
    double affine[12];
    int64_t c = r->tensor.shape[0];

    return (c == 3 || c == 4) && (r->tensor.dtype == GN_UINT8 || affine_of(r, affine));
}

static void add_image(const struct gn_record *r)
{
    if (is_colour(r)) {
        struct gn_view_layer *l = add_layer(GN_VIEW_COLOUR, &r->tensor, 0, gn_strdup(title_of(r)));

        if (r->tensor.dtype == GN_UINT8) {
            l->lo = 0;
            l->hi = 255;
        }
        if (args.window.set) {
            l->lo = isfinite(args.window.lo) ? args.window.lo : NAN;
            l->hi = isfinite(args.window.hi) ? args.window.hi : NAN;
        }
        return;
    }
    for (int64_t k = 0; k < r->tensor.shape[0] && k < MOST_CHANNELS; k++) {
        struct gn_view_layer *l = add_layer(GN_VIEW_GREY, &r->tensor, k, channel_title(r, "", k));

        if (args.window.set && isfinite(args.window.lo))
            l->lo = args.window.lo;
        if (args.window.set && isfinite(args.window.hi))
            l->hi = args.window.hi;
    }
}

/* A map a channel. Of classes, background is left out if it is not the only one. */
static void add_maps(const struct gn_record *r)
{
    const char *list = gn_record_get(r, "class_list");
    bool logits = gn_record_get(r, "logits") != NULL;

    for (int64_t k = 0; k < r->tensor.shape[0] && k < MOST_CHANNELS; k++) {
        size_t n = list ? strcspn(list, " ") : 0;
        struct gn_view_layer *l = NULL;

        if (n && !(n == 1 && *list == '0' && r->tensor.shape[0] > 1)) {
            l = add_layer(GN_VIEW_HEAT, &r->tensor, k,
                          gn_asprintf("%s of %.*s", logits ? "logit" : "probability", (int)n, list));
            l->lo = logits ? NAN : 0;
            l->hi = logits ? NAN : 1;
        } else if (!n) {
            add_layer(GN_VIEW_HEAT, &r->tensor, k, channel_title(r, "", k));
        }
        list = list ? list + n + (list[n] == ' ') : NULL;
    }
}

/* Whole numbers in one channel are labels, whatever their type. */
static bool is_labels(const struct gn_record *r)
{
    const struct gn_tensor *t = &r->tensor;

    if (t->shape[0] != 1 || gn_record_get(r, "class_list"))
        return false;
    for (int64_t i = 0, n = gn_dtype_is_float(t->dtype) ? gn_tensor_count(t) : 0; i < n; i++) {
        double v = gn_tensor_get(t, i);

        if (v != nearbyint(v))
            return false;
    }
    return true;
}

static bool is_outline(const struct gn_record *r)
{
    enum gn_role role = gn_record_role(r);

    return (role == GN_ROLE_LABEL || role == GN_ROLE_MASK || role == GN_ROLE_PREDICTION) && is_labels(r);
}

static void add_record(const struct gn_record *r)
{
    enum gn_role role = gn_record_role(r);

    if (is_outline(r))
        add_layer(GN_VIEW_OUTLINE, &r->tensor, 0, gn_strdup(title_of(r)))->role =
            role == GN_ROLE_LABEL  ? GN_VIEW_TRUTH
            : role == GN_ROLE_MASK ? GN_VIEW_MASK
                                   : GN_VIEW_PREDICTION;
    else if (role == GN_ROLE_IMAGE || role == GN_ROLE_SLIDE || role == GN_ROLE_OTHER)
        add_image(r);
    else
        add_maps(r);
}

/* ---- --diff ---- */

/* The other stream's sample of the same name, epoch and patch; those before it are passed over. */
static int find_other(const struct gn_sample *s, struct gn_err *err)
{
    int rc = 0;

    while ((rc = gn_sample_next(st.other, &st.theirs)) == 1) {
        if (strcmp(gn_sample_name(s), gn_sample_name(&st.theirs)) ||
            gn_sample_epoch(s) != gn_sample_epoch(&st.theirs) ||
            gn_sample_patch(s) != gn_sample_patch(&st.theirs))
            continue;
        for (size_t i = 0; i < st.theirs.n; i++)
            if (!gn_record_data(&st.theirs.rec[i], err))
                return -1;
        return 0;
    }
    if (rc < 0)
        return gn_err_set(err, "%s", gn_stream_error(st.other)->text);
    return gn_err_set(err, "%s has no such sample after the last one's", gn_stream_name(st.other));
}

/* |a - b| a channel; of colours the largest of a pixel's; of labels whether they differ. */
static int add_difference(const struct gn_record *a, const struct gn_record *b, struct gn_err *err)
{
    const struct gn_tensor *x = &a->tensor, *y = &b->tensor;
    bool colour = is_colour(a), labels = is_outline(a);
    int64_t c = colour || x->shape[0] <= MOST_CHANNELS ? x->shape[0] : MOST_CHANNELS;
    int64_t voxels = gn_tensor_count(x) / x->shape[0];
    struct gn_tensor *d = NULL;

    if (gn_record_role(a) != gn_record_role(b) || x->rank != y->rank ||
        memcmp(x->shape, y->shape, (size_t)x->rank * sizeof *x->shape))
        return gn_err_set(err, "%s has another role or size in %s", title_of(a), gn_stream_name(st.other));
    d = &st.made[st.n_made];
    if (gn_tensor_new4(d, GN_FLOAT32, colour ? 1 : c, x->shape[1], x->shape[2], x->shape[3], err) < 0)
        return -1;
    st.n_made++;
    for (int64_t i = 0; i < c * voxels; i++) {
        double p = gn_tensor_get(x, i), q = gn_tensor_get(y, i);
        float away = p == q ? 0 : labels ? 1 : (float)fabs(p - q), *to = d->data;

        to += colour ? i % voxels : i;
        if (!(away <= *to)) /* also when it is NaN */
            *to = away;
    }
    for (int64_t k = 0; k < d->shape[0]; k++) {
        struct gn_view_layer *l = add_layer(
            GN_VIEW_HEAT, d, k,
            colour || c == 1 ? gn_asprintf("difference of %s", title_of(a)) : channel_title(a, "difference of ", k));

        l->bare = true;
        l->lo = 0;
        l->hi = labels ? 1 : NAN;
    }
    return 0;
}

static int add_differences(const struct gn_sample *s, struct gn_err *err)
{
    size_t k = 0;

    if (find_other(s, err) < 0)
        return -1;
    st.made = gn_alloc(s->n * sizeof *st.made);
    for (size_t i = 0; i < s->n; i++) {
        if (!is_image(&s->rec[i]))
            continue;
        while (k < st.theirs.n && !is_image(&st.theirs.rec[k]))
            k++;
        if (k == st.theirs.n)
            return gn_err_set(err, "%s has no %s of it", gn_stream_name(st.other), title_of(&s->rec[i]));
        if (add_difference(&s->rec[i], &st.theirs.rec[k++], err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the line of notes ---- */

static void note(struct gn_str *out, const char *fmt, ...) GN_PRINTF(2, 3);
static void note(struct gn_str *out, const char *fmt, ...)
{
    va_list args_of;

    gn_str_add(out, out->len ? " \u00b7 " : "");
    va_start(args_of, fmt);
    gn_str_addv(out, fmt, args_of);
    va_end(args_of);
}

static void note_values(const struct gn_record *r, const char *what, struct gn_str *out)
{
    const char *names = gn_record_get(r, "value.names");
    struct gn_err none = {0};
    struct gn_csv csv = {0};
    char key[32] = "value.0";

    if (names && gn_csv_parse(&csv, "value.names", names, strlen(names), &none) < 0)
        csv.columns = 0;
    for (size_t k = 0; k < MOST_CHANNELS && gn_record_get(r, key); k++) {
        note(out, "%s %s", k < csv.columns ? csv.header[k] : what, gn_record_get(r, key));
        snprintf(key, sizeof key, "value.%zu", k + 1);
    }
    gn_csv_free(&csv);
}

/* Scores of a whole sample: the best class, or the numbers. */
static void note_scores(const struct gn_record *r, struct gn_str *out)
{
    const char *list = gn_record_get(r, "class_list");
    int64_t n = r->tensor.rank == 1 ? r->tensor.shape[0] : 0, best = 0;

    for (int64_t k = 1; k < n; k++)
        if (gn_tensor_get(&r->tensor, k) > gn_tensor_get(&r->tensor, best))
            best = k;
    for (int64_t k = 0; list && k < best; k++)
        list += strcspn(list, " ") + (list[strcspn(list, " ")] == ' ');
    if (n && list && *list)
        note(out, "predicted %.*s (%.3g)", (int)strcspn(list, " "), list, gn_tensor_get(&r->tensor, best));
    for (int64_t k = 0; !list && k < n && k < MOST_CHANNELS; k++)
        note(out, "predicted %.4g", gn_tensor_get(&r->tensor, k));
}

static void make_note(const struct gn_sample *s, const struct gn_record *shown, bool picture,
                      const double affine[12], struct gn_str *out)
{
    static const char *const keys[] = {"patch.index", "epoch"}, *const words[] = {"patch", "epoch"};
    const int64_t *shape = shown->tensor.shape;

    note_values(&s->rec[0], "value", out);
    for (size_t i = 0; i < s->n; i++)
        if (gn_record_role(&s->rec[i]) == GN_ROLE_PREDICTION) {
            if (i > 0)
                note_values(&s->rec[i], "predicted", out);
            note_scores(&s->rec[i], out);
        }
    for (size_t i = 0; i < 2; i++)
        if (gn_record_get(shown, keys[i]))
            note(out, "%s %s", words[i], gn_record_get(shown, keys[i]));
    if (gn_record_get(shown, "patch.origin"))
        note(out, "at %s", gn_record_get(shown, "patch.origin"));
    note(out, "%lld \u00d7 %lld", (long long)shape[3], (long long)shape[2]);
    if (shape[1] > 1)
        gn_str_addf(out, " \u00d7 %lld", (long long)shape[1]);
    for (int k = 0; k < 3 && !picture; k++) {
        double mm = sqrt(affine[k] * affine[k] + affine[4 + k] * affine[4 + k] + affine[8 + k] * affine[8 + k]);

        if (k == 0)
            note(out, "%.3g", mm);
        else
            gn_str_addf(out, " \u00d7 %.3g%s", mm, k == 2 ? " mm" : "");
    }
}

/* ---- the tool ---- */

static int begin(struct gn_tool_ctx *ctx)
{
    struct gn_view_style style = {.slices = (int)args.slices, .columns = (int)args.columns,
                                  .contour = args.contour || !args.fill, .fill = args.fill};
    struct stat info;

    if (!strcmp(args.output, "-") && isatty(STDOUT_FILENO))
        return gn_err_usage(&ctx->err, "standard output is a terminal: -o FILE.png");
    if (args.slices < 1 || args.slices > 256)
        return gn_err_usage(&ctx->err, "--slices: not a number from 1 to 256: %lld", (long long)args.slices);
    if (gn_opts_given(&ctx->opts, &args.columns) && (args.columns < 1 || args.columns > 48))
        return gn_err_usage(&ctx->err, "--columns: not a number from 1 to 48: %lld", (long long)args.columns);
    if (args.samples < 1)
        return gn_err_usage(&ctx->err, "--samples: must be positive: %lld", (long long)args.samples);
    if (args.window.set && !(args.window.lo < args.window.hi))
        return gn_err_usage(&ctx->err, "--window: black must be below white");
    while (strcmp(axis_names[style.axis], args.axis))
        style.axis++;
    if (args.diff) {
        if (stat(args.diff, &info) == 0 && !S_ISREG(info.st_mode))
            return gn_err_usage(&ctx->err, "--diff: %s: must be a file, not a pipe", args.diff);
        st.other = gn_stream_open(args.diff, &ctx->err);
        if (!st.other)
            return -1;
    }
    st.sheet = gn_sheet_new(&style);
    return 0;
}

static int draw(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    struct gn_view_subject subject = {.name = gn_sample_name(s)};
    const struct gn_record *shown = NULL;
    struct gn_str text = {0};
    int rc = 0;

    if (st.drawn >= args.samples)
        return 0;
    for (size_t i = 0; i < s->n; i++)
        if (is_image(&s->rec[i])) {
            shown = shown ? shown : &s->rec[i];
            add_record(&s->rec[i]);
        }
    if (!shown) /* scores alone */
        return 0;
    if (st.other && add_differences(s, &ctx->err) < 0) {
        rc = -1;
        goto out;
    }
    subject.picture = affine_of(shown, subject.affine);
    make_note(s, shown, subject.picture, subject.affine, &text);
    for (char *p = text.data; *p; p++)
        *p = *p == '\n' ? ' ' : *p;
    subject.note = text.data;
    subject.layer = st.layer;
    subject.layers = st.layers;
    rc = gn_sheet_add(st.sheet, &subject, &ctx->err);
    st.drawn += rc > 0;
out:
    gn_str_free(&text);
    free_layers();
    return rc < 0 ? -1 : 0;
}

static int end(struct gn_tool_ctx *ctx)
{
    struct gn_str png = {0}, caption = {0};
    int rc = -1;

    if (!st.drawn)
        return gn_err_set(&ctx->err, ctx->samples ? "nothing to draw: no sample holds an image"
                                                  : "nothing to draw: no samples");
    if (st.drawn < ctx->samples)
        gn_str_addf(&caption, "%lld of ", (long long)st.drawn);
    gn_str_addf(&caption, "%lld sample%s", (long long)ctx->samples, ctx->samples == 1 ? "" : "s");
    if (ctx->failed)
        gn_str_addf(&caption, " \u00b7 %lld left out", (long long)ctx->failed);
    if (gn_sheet_png(st.sheet, caption.data, &png, &ctx->err) == 0)
        rc = gn_file_write(args.output, png.data, png.len, false, &ctx->err);
    gn_str_free(&png);
    gn_str_free(&caption);
    return rc;
}

static void cleanup(struct gn_tool_ctx *ctx)
{
    (void)ctx;
    free_layers();
    gn_sample_free(&st.theirs);
    if (st.other)
        gn_stream_close(st.other);
    gn_sheet_free(st.sheet);
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
        "front is on the left. Letters R L A P S I say so on the first picture of a line, "
        "numbers which plane it is (voxel axis and index). --axis auto takes the planes that "
        "were acquired: across a slab, or along a spacing at least twice the others', else "
        "axial. Pictures without a place (PNG, JPEG) are shown as they are.\n\n"
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
    .examples = (const struct gn_example[]){
        {"gn-load data.csv | gn-view -o data.png", "every subject with its label"},
        {"gn-load data.csv | gn-resample -s 2,2,2 | gn-view --axis all --slices 3 -o iso.png",
         "look at any stage of a pipe"},
        {NULL, NULL}},
    .references = (const char *const[]){
        "Okabe and Ito, Color Universal Design, https://jfly.uni-koeln.de/color/", NULL},
    .see_also = "gn-load(1), gn-info(1), gn-diff(1), gn-stream(5)",
    .flags = GN_TOOL_NO_OUTPUT | GN_TOOL_OWN_O,
    .begin = begin, .sample = draw, .end = end, .cleanup = cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
