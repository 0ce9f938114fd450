/* tool.h - what every program's main shares: options, help, man page, loop over samples, errors,
 * exit status.
 *
 * A tool is a table and a function or two:
 *
 *   static int canny(struct gn_tool_ctx *ctx, struct gn_sample *s) { ...; return gn_emit(ctx, s); }
 *   static const struct gn_tool tool = { .name = "gn-canny", ..., .opts = opts, .sample = canny };
 *   int main(int argc, char **argv) { return gn_tool_main(&tool, argc, argv); }
 */
#ifndef GN_TOOL_TOOL_H
#define GN_TOOL_TOOL_H

#include "base/err.h"
#include "base/opt.h"
#include "stream/sample.h"

struct gn_tool_ctx;

struct gn_example {
    /* the command is run by the tests, in a folder made by tests/examples.sh */
    const char *command, *what;
};

struct gn_status { /* an exit status besides 0, 1 and 2, for the man page; the last has no text */
    int status;
    const char *text;
};

struct gn_command { /* for tools with subcommands (gn-config, gn-model, gn-experiment) */
    const char *name, *operands, *help;
};

enum {
    GN_TOOL_NO_INPUT = 1,  /* reads no stream: operands are the tool's own (gn-load, gn-split) */
    GN_TOOL_NO_OUTPUT = 2, /* writes no stream: -o, if any, is the tool's own (gn-save, gn-info) */
    GN_TOOL_SEED = 4,      /* has --seed */
    GN_TOOL_OWN_O = 8,     /* -o is in the tool's own table */
    GN_TOOL_NO_KEEP = 16   /* no --keep-going (one bad input cannot be left out) */
};

struct gn_tool {
    const char *name, *summary;
    const char *operands;              /* for the usage line, e.g. "[FILE...]" */
    const char *description;           /* paragraphs separated by blank lines */
    const char *input, *output;        /* the man page's INPUT and OUTPUT sections */
    const struct gn_command *commands; /* NULL, or ends with {NULL} */
    const struct gn_opt *opts;
    const struct gn_example *examples; /* ends with {NULL} */
    const struct gn_status *statuses;  /* NULL: none but 0, 1 and 2 */
    const char *const *references;     /* NULL-terminated; NULL: none */
    const char *see_also;              /* "gn-load(1), gn-stream(5)" */
    unsigned flags;
    const bool *text; /* NULL, or an option's value (--explain): when set, this call prints text to
                         standard output and no stream is opened for writing */

    /* after parsing, before the first sample */
    int (*begin)(struct gn_tool_ctx *ctx);
    /* one whole sample */
    int (*sample)(struct gn_tool_ctx *ctx, struct gn_sample *s);
    /* or one record, where that is enough */
    int (*record)(struct gn_tool_ctx *ctx, struct gn_record *r);
    /* at a clean end of input: the tail */
    int (*end)(struct gn_tool_ctx *ctx);
    /* instead of the loop: NO_INPUT tools */
    int (*main)(struct gn_tool_ctx *ctx);
    /* the input is damaged or was cut, ctx->err says how: a tool may save, and set another status
     * and text there */
    void (*broken)(struct gn_tool_ctx *ctx);
    /* always, last; also when begin was not reached */
    void (*cleanup)(struct gn_tool_ctx *ctx);
};

struct gn_tool_ctx {
    const struct gn_tool *tool;
    const char *command;     /* the subcommand, when the tool has them; NULL when none was given */
    struct gn_strs operands; /* without the subcommand */
    struct gn_opts opts;
    struct gn_err err; /* callbacks that return -1 have set this */
    uint64_t seed;
    bool seed_given; /* --seed was typed: it beats a config's */
    int64_t failed;  /* subjects left out so far, by this tool and those before */
    int64_t samples; /* samples seen */
    bool keep_going;
    const char *output;       /* -o; "-": stdout */
    struct gn_str history;    /* this call's line; empty under --no-history */
    struct gn_writer *writer; /* NULL for NO_OUTPUT tools */
    void *data;               /* the tool's own */
};

/* The loop verifies all payloads of a sample (or the record's) before it calls the tool: their data
 * may be used as it stands. A callback that returns -1 with an exit status in err.code but no text
 * ends the program silently with that status. */

/* Write a sample, or a record, to the output, with this tool's history line added. Emitting after
 * the reader had enough succeeds and does nothing. The records stay the caller's. */
int gn_emit(struct gn_tool_ctx *ctx, struct gn_sample *s) GN_MUST_USE;
int gn_emit_record(struct gn_tool_ctx *ctx, struct gn_record *r) GN_MUST_USE;

/* A subject that cannot be processed: under --keep-going logs the error, counts it and returns 0;
 * else returns -1. NO_INPUT tools call it; the loop does it for the others. */
int gn_tool_skip(struct gn_tool_ctx *ctx) GN_MUST_USE;

/* ctx->history anew: begin has brought an option's value into the form in which it is recorded. */
void gn_tool_make_history(struct gn_tool_ctx *ctx);

int gn_tool_main(const struct gn_tool *tool, int argc, char **argv);

#endif
