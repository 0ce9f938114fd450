/* gn-info - what is in a stream, an image file or a model: headers, statistics, label counts,
 * integrity. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "tool/source.h"
#include "tool/summary.h"
#include "tool/tool.h"

static struct info_args {
    bool stats, labels, verify, system;
    const char *header, *output;
} args = {.output = "-"};

static const struct gn_opt opts[] = {
    GN_OPT_FLAG(0, "stats", &args.stats,
                "minimum, maximum, mean, deviation and NaN of each record, as TSV", 0),
    GN_OPT_FLAG(0, "labels", &args.labels, "how often each label occurs, as TSV", 0),
    GN_OPT_FLAG(0, "verify", &args.verify, "read everything, compare all checksums", 0),
    GN_OPT_TEXT(0, "header", &args.header, "KEY", "the value of one header key, a line a record",
                0),
    GN_OPT_FLAG(0, "system", &args.system, "the machine as these programs see it", 0),
    GN_OPT_TEXT('o', "output", &args.output, "FILE", "write the text here [standard output]",
                GN_OPT_FILE | GN_OPT_NO_DEFAULT | GN_OPT_NO_HISTORY),
    GN_OPT_END};

/* Text goes out as it grows, so that a reader of a long stream's listing need not wait. */
static struct info_state {
    struct gn_str text;
    struct gn_out out;
    struct gn_labels labels, predictions;
    int64_t records, samples, bytes;
    bool heading;
} st;

static int flush(struct gn_err *err)
{
    int rc = gn_out_write(&st.out, gn_str_text(&st.text), st.text.len, err);

    gn_str_clear(&st.text);
    return rc;
}

static void put_escaped(const char *value)
{
    for (; *value; value++)
        if (*value == '\n')
            gn_str_add(&st.text, "\\n");
        else if (*value == '\\')
            gn_str_add(&st.text, "\\\\");
        else
            gn_str_addn(&st.text, value, 1);
}

static void show_headers(const struct gn_source *s, const struct gn_record *r, size_t bytes)
{
    gn_str_addf(&st.text, "%s: record %zu, %zu bytes\n", s->name, s->number, bytes);
    for (size_t i = 0; i < r->n; i++) {
        gn_str_addf(&st.text, "  %s: ", r->fields[i].key);
        put_escaped(r->fields[i].value);
        gn_str_add(&st.text, "\n");
    }
}

static void show_stats(const struct gn_source *s, const struct gn_record *r)
{
    const char *cells[] = {s->name,
                           gn_record_get(r, "sample"),
                           gn_record_get(r, "role"),
                           gn_record_get(r, "name"),
                           gn_record_get(r, "dtype"),
                           gn_record_get(r, "shape")};
    struct gn_summary v;

    if (!st.heading)
        gn_str_add(&st.text,
                   "file\trecord\tsample\trole\tname\tdtype\tshape\tmin\tmax\tmean\tstd\tnan\n");
    st.heading = true;
    gn_summarize(&r->tensor, &v);
    for (int i = 0; i < 6; i++) {
        put_escaped(cells[i] ? cells[i] : "");
        gn_str_add(&st.text, "\t");
        if (i == 0)
            gn_str_addf(&st.text, "%zu\t", s->number);
    }
    gn_str_addf(&st.text, "%.9g\t%.9g\t%.9g\t%.9g\t%lld\n", v.min, v.max, v.mean, v.std,
                (long long)v.nan);
}

static int count_labels(const struct gn_source *s, const struct gn_record *r, struct gn_err *err)
{
    const char *subject = gn_record_get(r, "subject"), *role = gn_record_get(r, "role");
    bool whole = !gn_dtype_is_float(r->tensor.dtype);
    struct gn_labels *to = NULL;

    if (s->kind == GN_SOURCE_IMAGE || (role && !strcmp(role, "label")))
        to = &st.labels;
    else if (role && !strcmp(role, "prediction") && whole)
        to = &st.predictions;
    if (!subject)
        subject = gn_record_get(r, "sample");
    return to ? gn_labels_add(to, &r->tensor, subject ? subject : "", err) : 0;
}

static void print_labels(void)
{
    struct gn_labels *l = st.labels.n ? &st.labels : &st.predictions;

    gn_labels_sort(l);
    gn_str_add(&st.text, "label\tvoxels\tshare\tsubjects\n");
    for (size_t i = 0; i < l->n; i++)
        gn_str_addf(&st.text, "%lld\t%lld\t%.9g\t%lld\n", (long long)l->item[i].label,
                    (long long)l->item[i].voxels, (double)l->item[i].voxels / (double)l->voxels,
                    (long long)l->item[i].subjects);
}

static int one_record(struct gn_source *s, struct gn_record *r, struct gn_err *err)
{
    const char *value = NULL;
    size_t bytes = 0;

    if (gn_tensor_bytes(&r->tensor, &bytes, err) < 0)
        return -1;
    st.records++;
    st.bytes += (int64_t)bytes;
    if ((args.stats || args.labels || args.verify) && !gn_record_data(r, err))
        return gn_err_wrap(err, "%s: record %zu", s->name, s->number);
    if (args.stats) {
        show_stats(s, r);
    } else if (args.labels) {
        if (count_labels(s, r, err) < 0)
            return gn_err_wrap(err, "%s: record %zu", s->name, s->number);
    } else if (args.header) {
        value = gn_record_get(r, args.header);
        put_escaped(value ? value : "");
        gn_str_add(&st.text, "\n");
    } else if (!args.verify) {
        show_headers(s, r, bytes);
    }
    return flush(err);
}

/* A model's own header: what gn-train wrote into it. */
static void show_model(const struct gn_source *s)
{
    for (size_t i = 0; i < s->model.n_meta; i++) {
        const char *key = s->model.meta[i].key, *value = s->model.meta[i].value;

        if (args.header) {
            if (!strcmp(key, args.header))
                gn_str_addf(&st.text, "%s\n", value);
            continue;
        }
        gn_str_addf(&st.text, "%s: %s:", s->name, key);
        if (!strchr(value, '\n')) {
            gn_str_addf(&st.text, " %s\n", value);
            continue;
        }
        for (const char *p = value; *p;) {
            size_t n = strcspn(p, "\n");

            gn_str_addf(&st.text, "\n  %.*s", (int)n, p);
            p += n + (p[n] == '\n');
        }
        gn_str_add(&st.text, "\n");
    }
}

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static int one_file(const char *path, struct gn_err *err)
{
    bool headers = !args.stats && !args.labels && !args.verify;
    struct gn_source s;
    struct gn_record r = {0};
    char *last = NULL;
    int rc = -1;

    st.records = st.samples = st.bytes = 0;
    if (gn_source_open(&s, path, headers, err) < 0)
        goto out;
    if (s.kind == GN_SOURCE_MODEL && headers)
        show_model(&s);
    while (!(s.kind == GN_SOURCE_MODEL && args.header) && !st.out.closed_early &&
           (rc = gn_source_next(&s, &r, err)) == 1) {
        const char *sample = gn_record_get(&r, "sample");

        if (!sample || !last || strcmp(sample, last)) {
            st.samples++;
            free(last);
            last = gn_strdup(sample);
        }
        rc = one_record(&s, &r, err);
        if (rc < 0)
            goto out;
    }
    if (rc < 0 && err->code)
        goto out;
    if (s.stream && gn_stream_failed(s.stream) > 0)
        gn_err_set(err, "%s: %lld subject%s left out by an earlier stage", s.name,
                   (long long)gn_stream_failed(s.stream),
                   gn_stream_failed(s.stream) == 1 ? " was" : "s were");
    if (args.verify && !err->code)
        gn_str_addf(&st.text, "%s: ok: %lld record%s, %lld bytes\n", s.name, (long long)st.records,
                    plural(st.records), (long long)st.bytes);
    else if (headers && !args.header && s.kind == GN_SOURCE_MODEL)
        gn_str_addf(&st.text, "%s: %lld tensor%s, %lld bytes\n", s.name, (long long)st.records,
                    plural(st.records), (long long)st.bytes);
    else if (headers && !args.header)
        gn_str_addf(&st.text, "%s: %lld record%s, %lld sample%s, %lld bytes\n", s.name,
                    (long long)st.records, plural(st.records), (long long)st.samples,
                    plural(st.samples), (long long)st.bytes);
    rc = flush(err) < 0 || err->code ? -1 : 0;
out:
    free(last);
    gn_record_free(&r);
    gn_source_close(&s);
    return rc;
}

static void show_system(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    gn_str_addf(&st.text, "version: %s\nprocessors: %ld\nthreads: %d\nmemory: %lld\n"
                "available: %zu\n", GN_VERSION,
                sysconf(_SC_NPROCESSORS_ONLN), gn_pool_default_threads(), (long long)pages * page,
                gn_mem_available());
#if defined __x86_64__
    gn_str_addf(&st.text, "instructions: %s\n",
                __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
                    ? "avx512"
                : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "avx2"
                                                                                  : "sse2");
#endif
    gn_format_list(&st.text);
}

static int info(struct gn_tool_ctx *ctx)
{
    int modes = args.stats + args.labels + args.verify + args.system + (args.header != NULL),
        rc = 0;
    struct gn_err first = {0};

    if (modes > 1)
        return gn_err_usage(
            &ctx->err,
            "--stats, --labels, --verify, --header and --system cannot be given together");
    if (!args.system && ctx->operands.n == 0 && isatty(STDIN_FILENO))
        return gn_err_usage(&ctx->err, "no input: give files, or a stream on standard input");
    if (gn_out_open(&st.out, args.output, &ctx->err) < 0)
        return -1;
    if (args.system)
        show_system();
    else if (ctx->operands.n == 0)
        rc = one_file("-", &ctx->err);
    for (size_t i = 0; i < ctx->operands.n && !args.system && rc == 0; i++) {
        rc = one_file(ctx->operands.item[i], &ctx->err);
        if (rc < 0 && args.verify &&
            i + 1 < ctx->operands.n) { /* one call tells all that is damaged */
            gn_log(GN_LOG_ERROR, "%s", ctx->err.text);
            first = ctx->err;
            gn_err_clear(&ctx->err);
            rc = 0;
        }
    }
    if (rc == 0 && args.labels)
        print_labels();
    if (rc == 0 && (flush(&ctx->err) < 0 || gn_out_commit(&st.out, false, &ctx->err) < 0))
        rc = -1;
    if (rc == 0 && first.code) {
        ctx->err.code = first.code; /* said already */
        rc = -1;
    }
    return rc;
}

static void cleanup(struct gn_tool_ctx *ctx)
{
    (void)ctx;
    gn_out_abort(&st.out);
    gn_labels_free(&st.labels);
    gn_labels_free(&st.predictions);
    gn_str_free(&st.text);
}

static const struct gn_tool tool = {
    .name = "gn-info",
    .summary = "print what is in a stream, an image or a model",
    .operands = "[FILE...]",
    .description =
        "Without an option: the header of every record, then totals; no payload of a file is "
        "read. An image file is shown as the record that it would become. Of a model, its "
        "metadata (the configuration among it) and its tensors.\n\n"
        "--labels prints label, voxels, share and subjects: of the records of role label and of "
        "image files; of predictions that are whole numbers if there are no labels. A subject "
        "counts once, in however many records it comes. gn-train reads this table as "
        "--class-counts.\n\n"
        "--stats gives the deviation of the population and leaves NaN out of everything but "
        "their number; with infinities among the values the mean is inf, -inf or (of both) nan, "
        "the deviation nan.\n\n"
        "--verify goes on after a damaged file, so that one call names all of them.",
    .input =
        "Streams, image files and .safetensors models, whatever they are named but for the "
        "last; standard input is a stream.",
    .output =
        "Text on standard output, or in the file of -o.",
    .opts = opts,
    .examples =
        (const struct gn_example[]){
            {"gn-load t1.nii.gz | gn-info", "see what a stage hands on"},
            {"gn-load data.csv | gn-info --labels > counts.tsv", "count the labels of a study"},
            {"gn-load data.csv | gn-info --header sample", "list the samples of a stream"},
            {NULL, NULL}},
    .see_also = "gn-diff(1), gn-view(1), gn-stream(5)",
    .flags = GN_TOOL_NO_INPUT | GN_TOOL_NO_OUTPUT | GN_TOOL_NO_KEEP,
    .main = info,
    .cleanup = cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
