/* gn-diff - compares two streams, images or models record by record, within tolerances. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "tool/source.h"
#include "tool/tool.h"

static struct diff_args {
    double rtol, atol;
    const char *output;
} args = {.output = "-"};

static const struct gn_opt opts[] = {
    GN_OPT_REAL(0, "rtol", &args.rtol, "R", "relative tolerance: |a-b| <= A + R|b| is equal", 0),
    GN_OPT_REAL(0, "atol", &args.atol, "A", "absolute tolerance", 0),
    GN_OPT_TEXT('o', "output", &args.output, "FILE", "write the text here [standard output]",
                GN_OPT_FILE | GN_OPT_NO_DEFAULT | GN_OPT_NO_HISTORY),
    GN_OPT_END};

static struct gn_str text, line; /* all that is printed; a record's line */

struct difference {
    double max, squares, a, b;           /* a, b: the first pair beyond the tolerance */
    int64_t count, first, beyond, equal; /* first: flat index; equal: exactly */
    bool whole;                          /* whole numbers, both */
};

enum { CHUNK = 4096 };

/* |x - y| of element i; 0 for equal infinities and for two NaN. Beyond double's 53 bits two
 * different integers look alike: those are compared as what they are. */
static double away_from(const struct gn_tensor *a, const struct gn_tensor *b, int64_t i, double x,
                        double y)
{
    if (x == y && a->dtype == b->dtype && a->dtype == GN_INT64)
        return fabs(
            (double)((__int128)((const int64_t *)a->data)[i] - ((const int64_t *)b->data)[i]));
    if (x == y && a->dtype == b->dtype && a->dtype == GN_UINT64)
        return fabs(
            (double)((__int128)((const uint64_t *)a->data)[i] - ((const uint64_t *)b->data)[i]));
    return x == y || (x != x && y != y) ? 0 : fabs(x - y);
}

/* As numpy.isclose: infinities have no neighbours, however large R times them is. */
static bool is_near(double x, double y, double away)
{
    return isfinite(x) && isfinite(y) && away <= args.atol + args.rtol * fabs(y);
}

/* A NaN on one side is the largest difference there is, and stays it. */
static double larger(double max, double away)
{
    return max == max && !(away <= max) ? away : max;
}

static void compare(const struct gn_tensor *a, const struct gn_tensor *b, struct difference *d)
{
    double x[CHUNK], y[CHUNK];
    size_t size_a = gn_dtype_size(a->dtype), size_b = gn_dtype_size(b->dtype);
    int64_t n = 0;

    *d = (struct difference){.count = gn_tensor_count(a),
                             .first = -1,
                             .whole = !gn_dtype_is_float(a->dtype) && !gn_dtype_is_float(b->dtype)};
    for (int64_t at = 0; at < d->count; at += n) {
        double squares = 0;

        n = d->count - at < CHUNK ? d->count - at : CHUNK;
        gn_convert_to_double((const char *)a->data + (size_t)at * size_a, a->dtype, x, (size_t)n);
        gn_convert_to_double((const char *)b->data + (size_t)at * size_b, b->dtype, y, (size_t)n);
        for (int64_t i = 0; i < n; i++) {
            double away = away_from(a, b, at + i, x[i], y[i]);

            if (away == 0) {
                d->equal++;
                continue;
            }
            d->max = larger(d->max, away);
            squares += away * away;
            if (is_near(x[i], y[i], away))
                continue;
            if (d->beyond++ == 0) {
                d->first = at + i;
                d->a = x[i];
                d->b = y[i];
            }
        }
        d->squares += squares;
    }
}

static bool same_shape(const struct gn_tensor *a, const struct gn_tensor *b)
{
    if (a->rank != b->rank)
        return false;
    return !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape);
}

/* Where an element stands: images x y z c, others the index of each axis, slowest first. */
static void put_place(const struct gn_record *r, int64_t flat)
{
    int64_t at[GN_MAX_RANK] = {0};
    bool image = !strcmp(r->axes, "czyx");

    for (int k = r->tensor.rank - 1; k >= 0; k--) {
        at[k] = flat % r->tensor.shape[k];
        flat /= r->tensor.shape[k];
    }
    gn_str_add(&line, image ? "x y z c =" : "index");
    for (int k = 0; k < r->tensor.rank; k++)
        gn_str_addf(&line, " %lld", (long long)at[image ? r->tensor.rank - 1 - k : k]);
}

/* Both have one and they differ by more than a float32 header rounds away, or the tolerance. */
static bool affines_differ(const struct gn_record *a, const struct gn_record *b)
{
    double x[12], y[12];
    struct gn_err none = {0};

    if (gn_record_reals(a, "affine", x, 12, &none) < 0 ||
        gn_record_reals(b, "affine", y, 12, &none) < 0)
        return false;
    for (int i = 0; i < 12; i++)
        if ((float)x[i] != (float)y[i] && !is_near(x[i], y[i], fabs(x[i] - y[i])))
            return true;
    return false;
}

static void put_title(const struct gn_source *s, const struct gn_record *r)
{
    static const char *const keys[] = {"sample", "role", "name", "patch.index"};
    const char *before = " (";

    gn_str_addf(&line, "record %zu", s->number);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (gn_record_get(r, keys[i])) {
            gn_str_add(&line, before);
            for (const char *p = gn_record_get(r, keys[i]); *p;
                 p++) /* a name may hold a newline; a record is a line */
                gn_str_addn(&line, *p == '\n' ? " " : p, 1);
            before = " ";
        }
    gn_str_add(&line, before[1] ? ": " : "): ");
}

static void put_size(const struct difference *d, struct gn_str *out)
{
    gn_str_addf(out, "max %.9g, rms %.9g", fabs(d->max),
                fabs(sqrt(d->squares / (double)d->count)));
    if (d->whole)
        gn_str_addf(out, ", agreement %.9g", (double)d->equal / (double)d->count);
}

static void add_to(struct difference *all, const struct difference *d)
{
    all->max = larger(all->max, d->max);
    all->squares += d->squares;
    all->count += d->count;
    all->equal += d->equal;
    all->whole &= d->whole;
}

/* Fills line; whether they differ. Of records of one shape *all grows by the difference. */
static int compare_records(const struct gn_source *s, struct gn_record *a, struct gn_record *b,
                           struct difference *all, bool *differs, struct gn_err *err)
{
    bool moved = affines_differ(a, b);
    struct difference d;

    if (!gn_record_data(a, err) || !gn_record_data(b, err))
        return gn_err_wrap(err, "record %zu", s->number);
    gn_str_clear(&line);
    put_title(s, a);
    *differs = moved;
    if (!same_shape(&a->tensor, &b->tensor)) {
        *differs = true;
        gn_str_addf(&line, "shapes differ: %s and %s\n", gn_record_get(a, "shape"),
                    gn_record_get(b, "shape"));
        return 0;
    }
    compare(&a->tensor, &b->tensor, &d);
    add_to(all, &d);
    put_size(&d, &line);
    if (d.beyond) {
        *differs = true;
        gn_str_addf(&line, ", %lld of %lld differ, first at ", (long long)d.beyond,
                    (long long)d.count);
        put_place(a, d.first);
        gn_str_addf(&line, ": %.9g and %.9g", d.a, d.b);
    }
    gn_str_add(&line, moved ? "; affines differ\n" : "\n");
    return 0;
}

/* "100 records, 2 differ: max 3, rms 0.25" */
static void put_sum(int64_t records, int64_t differ, const struct difference *all)
{
    gn_str_addf(&text, "%lld record%s", (long long)records, records == 1 ? "" : "s");
    if (records && !differ)
        gn_str_add(&text, ", none differs");
    else if (records)
        gn_str_addf(&text, ", %lld differ%s", (long long)differ, differ == 1 ? "s" : "");
    if (all->count) {
        gn_str_add(&text, ": ");
        put_size(all, &text);
    }
    gn_str_add(&text, "\n");
}

/* A second input that is a pipe could block the first for ever. */
static int check_second(const char *path, struct gn_err *err)
{
    struct stat st;

    if ((!strcmp(path, "-") ? fstat(STDIN_FILENO, &st) : stat(path, &st)) == 0 &&
        !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return gn_err_usage(err, "%s: the second operand must be a file, not a pipe", path);
    return 0;
}

static int diff(struct gn_tool_ctx *ctx)
{
    struct gn_source a = {0}, b = {0};
    struct gn_record r = {0}, q = {0};
    struct difference all = {.whole = true};
    int64_t differ = 0, records = 0;
    int rc = -1, more_a = 0, more_b = 0;

    if (ctx->operands.n != 2)
        return gn_err_usage(&ctx->err, "two operands are needed, not %zu", ctx->operands.n);
    if (args.rtol < 0 || args.atol < 0)
        return gn_err_usage(&ctx->err, "a tolerance must not be negative");
    if (check_second(ctx->operands.item[1], &ctx->err) < 0)
        return -1;
    if (!strcmp(ctx->operands.item[0], "-") && isatty(STDIN_FILENO))
        return gn_err_usage(&ctx->err, "standard input is a terminal: give a file, or a stream");
    if (gn_source_open(&a, ctx->operands.item[0], false, &ctx->err) < 0 ||
        gn_source_open(&b, ctx->operands.item[1], false, &ctx->err) < 0)
        goto out;
    for (;;) {
        bool differs = false;

        more_a = gn_source_next(&a, &r, &ctx->err);
        more_b = more_a < 0 ? -1 : gn_source_next(&b, &q, &ctx->err);
        if (more_a < 0 || more_b < 0)
            goto out;
        if (!more_a || !more_b)
            break;
        records++;
        if (compare_records(&a, &r, &q, &all, &differs, &ctx->err) < 0)
            goto out;
        differ += differs;
        if (differs || gn_log_verbosity() > 0)
            gn_str_add(&text, line.data);
    }
    put_sum(records, differ, &all);
    if (gn_file_write(args.output, gn_str_text(&text), text.len, false, &ctx->err) < 0)
        goto out;
    if ((a.stream && gn_stream_failed(a.stream)) || (b.stream && gn_stream_failed(b.stream)))
        gn_err_set(&ctx->err, "subjects were left out by an earlier stage: not all was compared");
    else if (more_a || more_b)
        gn_err_set(&ctx->err, "%s has more than the %lld record%s of %s", more_a ? a.name : b.name,
                   (long long)records, records == 1 ? "" : "s", more_a ? b.name : a.name);
    else if (differ)
        gn_err_set(&ctx->err, "%s and %s: %lld of %lld records differ", a.name, b.name,
                   (long long)differ, (long long)records);
    rc = ctx->err.code ? -1 : 0;
out:
    gn_record_free(&r);
    gn_record_free(&q);
    gn_source_close(&a);
    gn_source_close(&b);
    return rc;
}

static void cleanup(struct gn_tool_ctx *ctx)
{
    (void)ctx;
    gn_str_free(&text);
    gn_str_free(&line);
}

static const struct gn_tool tool = {
    .name = "gn-diff",
    .summary = "compare two streams, images or models",
    .operands = "A B",
    .description =
        "Compares record by record, in order, voxels and affines; names, history and dtypes may "
        "differ. Prints a line for each record that differs (-v: for all): the largest difference, "
        "the root mean square, and how many values lie beyond the tolerance and where the first "
        "is (x y z c from 0); for whole numbers, labels above all, the share of voxels that "
        "agree. The last line says how many records differ, and the same of all values.\n\n"
        "Two NaN are equal, and differ from all else; an infinity equals only itself, whatever the "
        "tolerance. Affines are equal if they are as float32, or within the "
        "tolerance; an image without one fits any.",
    .input =
        "Streams, image files or .safetensors models, also mixed. The first may be -, standard "
        "input; the second must be a file.",
    .output =
        "Text on standard output, or in the file of -o. Exit status 1 if there is a difference, "
        "with a line on standard error.",
    .opts = opts,
    .examples = (const struct gn_example[]){{"gn-load t1.nii.gz | gn-diff - t1.nii.gz",
                                             "check that loading keeps voxels and geometry"},
                                            {"gn-diff --rtol 1e-5 --atol 1e-6 a.gnt b.gnt",
                                             "compare results of two machines"},
                                            {NULL, NULL}},
    .see_also = "gn-info(1), gn-view(1), gn-stream(5)",
    .flags = GN_TOOL_NO_INPUT | GN_TOOL_NO_OUTPUT | GN_TOOL_NO_KEEP,
    .main = diff,
    .cleanup = cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
