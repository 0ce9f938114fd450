/* tool.c - the main of every program: common options, the loop over samples, errors and exit
 * status. */
#include "tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "io/format.h"
#include "tool/help.h"
#include "tool/source.h"

/* ---- options all tools share ---- */

static struct common_args {
    const char *help, *output;
    bool version, quiet, no_history, keep_going;
    int verbose;
    int64_t threads, seed;
    uint64_t memory;
} common = {.output = "-"};

enum { COMMON = 16 };
static struct gn_opt common_opts[COMMON];

/* Which of them a tool has is in its flags. */
static const struct gn_opt *build_common(const struct gn_tool *tool)
{
    const int quiet = GN_OPT_NO_HISTORY | GN_OPT_NO_DEFAULT;
    size_t n = 0;

    common_opts[n++] = (struct gn_opt)GN_OPT_GROUP("Common options");
    if (!(tool->flags & (GN_TOOL_NO_OUTPUT | GN_TOOL_OWN_O)))
        common_opts[n++] = (struct gn_opt)GN_OPT_TEXT('o', "output", &common.output, "FILE",
                                                      "write the stream here [standard output]",
                                                      quiet | GN_OPT_FILE);
    if (!(tool->flags & GN_TOOL_NO_OUTPUT))
        common_opts[n++] = (struct gn_opt)GN_OPT_FLAG(0, "no-history", &common.no_history,
                                                      "add no history line to the records", quiet);
    if (tool->flags & GN_TOOL_SEED)
        common_opts[n++] =
            (struct gn_opt)GN_OPT_INT(0, "seed", &common.seed, "N", "seed of everything drawn", 0);
    if (!(tool->flags & GN_TOOL_NO_KEEP))
        common_opts[n++] = (struct gn_opt)GN_OPT_FLAG(
            0, "keep-going", &common.keep_going,
            "leave bad subjects out, say so, and exit 1 at the end", quiet);
    common_opts[n++] = (struct gn_opt)GN_OPT_INT('j', "threads", &common.threads, "N",
                                                 "threads [those this process may use]", quiet);
    common_opts[n++] =
        (struct gn_opt)GN_OPT_SIZE(0, "memory", &common.memory,
                                   "most that one object may take, e.g. 8G [what is free, "
                                   "and the limit of the control group]", quiet);
    common_opts[n++] =
        (struct gn_opt)GN_OPT_FLAG('q', "quiet", &common.quiet, "say errors only", quiet);
    common_opts[n++] =
        (struct gn_opt)GN_OPT_COUNT('v', "verbose", &common.verbose, "say more", quiet);
    common_opts[n++] = (struct gn_opt)GN_OPT_FLAG(0, "version", &common.version,
                                                  "print the version and the plug-ins found",
                                                  quiet | GN_OPT_ALONE);
    common_opts[n++] =
        (struct gn_opt)GN_OPT_TEXT('h', "help", &common.help, "man|completion",
                                   "print this help, the man page, or bash completion",
                                   quiet | GN_OPT_OPTIONAL | GN_OPT_ALONE);
    common_opts[n] = (struct gn_opt)GN_OPT_END;
    return common_opts;
}

static void check_table(const struct gn_tool *tool)
{
    const char *what = !tool->name                                       ? "name"
                       : !tool->summary                                  ? "summary"
                       : !tool->description                              ? "description"
                       : !tool->main && !tool->sample && !tool->record   ? "callback"
                       : (tool->flags & GN_TOOL_NO_INPUT) && !tool->main ? "main"
                                                                         : NULL;

    if (what) {
        fprintf(stderr, "tool table: %s: no %s\n", tool->name ? tool->name : "(no name)", what);
        abort();
    }
}

/* ---- process ---- */

static void on_signal(int sig)
{
    gn_out_abort_all();
    signal(sig, SIG_DFL);
    raise(sig);
}

static void set_up_process(void)
{
    static const int fatal[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
    struct sigaction old, action = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};

    /* A file opened while 0, 1 or 2 is closed would become standard output; what stands in here
     * fails when used. */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 1 ? O_RDONLY : O_WRONLY) < 0)
            _exit(GN_EXIT_FAILED);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        if (sigaction(fatal[i], NULL, &old) == 0 &&
            old.sa_handler != SIG_IGN) /* nohup stays in force */
            sigaction(fatal[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit fails instead, and is reported */
}

static int print(const struct gn_str *text, struct gn_err *err)
{
    return gn_file_write("-", gn_str_text(text), text->len, false, err);
}

/* --help, --version. 1: answered, 0: go on, -1. */
static int answer(struct gn_tool_ctx *ctx)
{
    struct gn_str out = {0};
    int rc = 1;

    if (common.version) {
        gn_str_addf(&out, "%s %s\n", ctx->tool->name, GN_VERSION);
        gn_format_list(&out);
    } else if (!common.help) {
        return 0;
    } else if (!*common.help) {
        gn_help_text(ctx->tool, &ctx->opts, &out);
    } else if (!strcmp(common.help, "man")) {
        gn_help_man(ctx->tool, &ctx->opts, &out);
    } else if (!strcmp(common.help, "completion")) {
        gn_help_completion(ctx->tool, &ctx->opts, &out);
    } else if (!strcmp(common.help, "examples")) { /* for the tests, which run them */
        gn_help_examples(ctx->tool, &out);
    } else {
        return gn_err_usage(&ctx->err, "--help: neither man nor completion: '%s'", common.help);
    }
    if (print(&out, &ctx->err) < 0)
        rc = -1;
    gn_str_free(&out);
    return rc;
}

static int take_command(struct gn_tool_ctx *ctx)
{
    const struct gn_command *c = ctx->tool->commands;
    const char *names[64], *near = NULL;
    size_t n = 0;

    if (!c || ctx->operands.n == 0)
        return 0;
    for (; c->name && n < 63; c++) {
        names[n++] = c->name;
        if (!strcmp(c->name, ctx->operands.item[0])) {
            ctx->command = c->name;
            free(ctx->operands.item[0]);
            memmove(ctx->operands.item, ctx->operands.item + 1,
                    --ctx->operands.n * sizeof *ctx->operands.item);
            return 0;
        }
    }
    names[n] = NULL;
    near = gn_nearest(ctx->operands.item[0], names);
    return gn_err_usage(&ctx->err, "unknown command '%s'%s%s%s", ctx->operands.item[0],
                        near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static int check_common(struct gn_tool_ctx *ctx)
{
    if (gn_opts_given(&ctx->opts, &common.threads) && (common.threads < 1 || common.threads > 4096))
        return gn_err_usage(&ctx->err, "--threads: not a number from 1 to 4096: %lld",
                            (long long)common.threads);
    if (gn_opts_given(&ctx->opts, &common.memory)) {
        if (common.memory < 1)
            return gn_err_usage(&ctx->err, "--memory: must be more than nothing");
        gn_mem_set_limit(common.memory);
    }
    ctx->seed = (uint64_t)common.seed;
    ctx->seed_given = gn_opts_given(&ctx->opts, &common.seed);
    ctx->keep_going = common.keep_going;
    ctx->output = common.output;
    return 0;
}

/* Tool, version, options that differ from their defaults; a header value, whatever bytes the
 * arguments held. */
void gn_tool_make_history(struct gn_tool_ctx *ctx)
{
    struct gn_str opts = {0};
    bool utf8 = true;

    gn_str_clear(&ctx->history);
    if (common.no_history)
        return;
    gn_opts_history(&ctx->opts, &opts);
    gn_str_addf(&ctx->history, "%s %s%s%s%s%s", ctx->tool->name, GN_VERSION,
                ctx->command ? " " : "", ctx->command ? ctx->command : "", opts.len ? " " : "",
                gn_str_text(&opts));
    utf8 = gn_utf8_valid(ctx->history.data, ctx->history.len);
    for (char *p = ctx->history.data; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || (!utf8 && (unsigned char)*p >= 0x80))
            *p = '?';
    gn_str_free(&opts);
}

/* ---- output ---- */

static int writer_failed(struct gn_tool_ctx *ctx)
{
    return gn_err_set(&ctx->err, "%s", gn_writer_error(ctx->writer)->text);
}

static bool closed(const struct gn_tool_ctx *ctx)
{
    return ctx->writer && gn_writer_closed(ctx->writer);
}

int gn_emit_record(struct gn_tool_ctx *ctx, struct gn_record *r)
{
    bool added = false;
    int rc = 0;

    if (!ctx->writer || closed(ctx))
        return 0;
    if (ctx->history.len)
        added = gn_record_add_history(r, ctx->history.data) == 0;
    rc = gn_writer_put(ctx->writer, r);
    if (added) { /* the record stays the caller's, who may emit it again */
        r->n--;
        free(r->fields[r->n].key);
        free(r->fields[r->n].value);
    }
    return rc < 0 ? writer_failed(ctx) : 0;
}

int gn_emit(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (gn_emit_record(ctx, &s->rec[i]) < 0)
            return -1;
    return 0;
}

int gn_tool_skip(struct gn_tool_ctx *ctx)
{
    /* An output that cannot be written is nobody's fault among the subjects. */
    if (!ctx->keep_going || ctx->err.code != GN_EXIT_FAILED ||
        (ctx->writer && gn_writer_error(ctx->writer)->code))
        return -1;
    gn_log(GN_LOG_ERROR, "%s (left out)", ctx->err.text);
    gn_err_clear(&ctx->err);
    ctx->failed++;
    return 0;
}

/* ---- the loop ---- */

/* A callback returned -1 on this subject. */
static int subject_failed(struct gn_tool_ctx *ctx, const char *name)
{
    if (!ctx->err.code)
        gn_err_set(&ctx->err, "failed without a reason");
    if (ctx->err.text[0] && ctx->err.code != GN_EXIT_REQUEUE &&
        !(ctx->writer && gn_writer_error(ctx->writer)->code))
        gn_err_wrap(&ctx->err, "subject %s", name);
    return gn_tool_skip(ctx);
}

static int one_sample(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    char *name = gn_strdup(gn_sample_name(s)); /* the tool may rename it, or empty it */
    int rc = 0;

    ctx->samples++;
    for (size_t i = 0; i < s->n && rc == 0; i++)
        if (!gn_record_data(&s->rec[i], &ctx->err))
            rc = -1;
    if (rc == 0)
        rc = ctx->tool->sample(ctx, s);
    if (rc < 0)
        rc = subject_failed(ctx, name);
    free(name);
    gn_progress("%s: %lld samples", ctx->tool->name, (long long)ctx->samples);
    return rc < 0 ? -1 : 0;
}

static int stream_failed(struct gn_tool_ctx *ctx, struct gn_stream *in)
{
    gn_err_set(&ctx->err, "%s", gn_stream_error(in)->text);
    if (ctx->tool->broken)
        ctx->tool->broken(ctx);
    return -1;
}

static int loop_samples(struct gn_tool_ctx *ctx, struct gn_stream *in)
{
    struct gn_sample s = {0};
    int rc = 0;

    while (!closed(ctx) && (rc = gn_sample_next(in, &s)) == 1) {
        rc = one_sample(ctx, &s);
        if (rc < 0)
            goto out;
    }
    if (rc < 0)
        stream_failed(ctx, in);
out:
    gn_sample_free(&s);
    return rc;
}

static int loop_records(struct gn_tool_ctx *ctx, struct gn_stream *in)
{
    struct gn_record r = {0};
    char *left_out = NULL; /* the sample whose other records are left out too */
    int rc = 0;

    while (!closed(ctx) && (rc = gn_stream_next(in, &r)) == 1) {
        const char *sample = gn_record_get(&r, "sample");
        char number[32];

        if (left_out && sample && !strcmp(left_out, sample))
            continue;
        snprintf(number, sizeof number, "record %lld", (long long)gn_stream_number(in));
        ctx->samples++;
        rc = gn_record_data(&r, &ctx->err) ? ctx->tool->record(ctx, &r) : -1;
        if (rc < 0) {
            sample = gn_record_get(&r, "sample");
            free(left_out);
            left_out = gn_strdup(sample);
            rc = subject_failed(ctx, sample ? sample : number);
        }
        if (rc < 0)
            goto out;
        gn_stream_release(in);
    }
    if (rc < 0)
        stream_failed(ctx, in);
out:
    free(left_out);
    gn_record_free(&r);
    return rc;
}

/* Does a stage follow? */
static bool into_pipe(const struct gn_tool_ctx *ctx)
{
    struct stat info;
    return ctx->writer && !strcmp(ctx->output, "-") && fstat(STDOUT_FILENO, &info) == 0 &&
           S_ISFIFO(info.st_mode);
}

static int loop(struct gn_tool_ctx *ctx)
{
    size_t n = ctx->operands.n ? ctx->operands.n : 1;
    int64_t before = 0;

    for (size_t i = 0; i < n && !closed(ctx); i++) {
        const char *path = ctx->operands.n ? ctx->operands.item[i] : "-";
        struct gn_stream *in = NULL;
        int rc = -1;

        if (gn_source_check_stream(path, ctx->tool->name, &ctx->err) == 0)
            in = gn_stream_open(path, &ctx->err);
        if (!in)
            return -1;
        rc = ctx->tool->sample ? loop_samples(ctx, in) : loop_records(ctx, in);
        before += gn_stream_failed(in);
        gn_stream_close(in);
        if (rc < 0)
            return -1;
    }
    if (before > 0 && !into_pipe(ctx)) /* a stage that follows says it in its turn */
        gn_log(GN_LOG_WARN, "an earlier stage left out %lld %s", (long long)before,
               before == 1 ? "subject" : "subjects");
    ctx->failed += before;
    return 0;
}

/* ---- main ---- */

static int check_callback(struct gn_tool_ctx *ctx, int rc)
{
    if (rc < 0 && !ctx->err.code)
        gn_err_set(&ctx->err, "failed without a reason");
    return rc < 0 || ctx->err.code ? -1 : 0;
}

static int run(struct gn_tool_ctx *ctx, int argc, char **argv)
{
    const struct gn_tool *tool = ctx->tool;
    int rc = gn_opts_parse(&ctx->opts, argc, argv, &ctx->operands, &ctx->err);

    gn_log_init(tool->name, common.quiet ? -1 : common.verbose);
    if (rc == 0)
        rc = answer(ctx);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (take_command(ctx) < 0 || check_common(ctx) < 0)
        return -1;
    if (!tool->main && ctx->operands.n == 0 && isatty(STDIN_FILENO))
        return gn_err_usage(&ctx->err, "no input: give files, or a stream on standard input");
    gn_tool_make_history(ctx);
    gn_pool_start((int)common.threads);
    if (!(tool->flags & GN_TOOL_NO_OUTPUT) && !(tool->text && *tool->text)) {
        ctx->writer = gn_writer_open(ctx->output, &ctx->err);
        if (!ctx->writer)
            return -1;
    }
    if (tool->begin && check_callback(ctx, tool->begin(ctx)) < 0)
        return -1;
    if (tool->main)
        rc = check_callback(ctx, tool->main(ctx));
    else
        rc = loop(ctx);
    if (rc == 0 && tool->end && !closed(ctx))
        rc = check_callback(ctx, tool->end(ctx));
    if (rc == 0 && ctx->writer && !closed(ctx) && gn_writer_end(ctx->writer, ctx->failed) < 0)
        rc = writer_failed(ctx);
    return rc;
}

int gn_tool_main(const struct gn_tool *tool, int argc, char **argv)
{
    const struct gn_opt *tables[3];
    struct gn_tool_ctx ctx = {.tool = tool};
    size_t n = 0;
    int status = 0;

    check_table(tool);
    gn_log_init(tool->name, 0);
    set_up_process();
    if (tool->opts)
        tables[n++] = tool->opts;
    tables[n++] = build_common(tool);
    tables[n] = NULL;
    gn_opts_init(&ctx.opts, tables);

    if (run(&ctx, argc, argv) < 0)
        status = ctx.err.code ? ctx.err.code : GN_EXIT_FAILED;
    else if (ctx.failed > 0)
        status = GN_EXIT_FAILED;
    gn_progress_done();
    if (ctx.err.text[0])
        gn_log(GN_LOG_ERROR, status == GN_EXIT_USAGE ? "%s (see %s --help)" : "%s", ctx.err.text,
               tool->name);
    if (tool->cleanup)
        tool->cleanup(&ctx);
    gn_writer_free(ctx.writer);
    gn_pool_stop();
    gn_opts_free(&ctx.opts);
    gn_strs_free(&ctx.operands);
    gn_str_free(&ctx.history);
    return status;
}
