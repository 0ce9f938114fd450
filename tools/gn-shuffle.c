/* gn-shuffle - mix the patches of a stream through a rolling buffer */
#include <stdlib.h>

#include "base/mem.h"
#include "config/config.h"
#include "run/shuffle.h"
#include "tool/tool.h"

static struct shuffle_args {
    const char *config;
    int64_t slots;
} args = {.slots = 100};

static const struct gn_opt opts[] = {
    GN_OPT_TEXT('c', "config", &args.config, "FILE",
                "configuration: takes q_max_length and seed from it",
                GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_INT('m', "buffer", &args.slots, "N", "patches held", 0), GN_OPT_END};

static struct gn_shuffle *buffer;

static int shuffle_begin(struct gn_tool_ctx *ctx)
{
    uint64_t seed = ctx->seed;
    if (args.config) {
        struct gn_config c;
        if (gn_config_load(&c, args.config, &ctx->err) < 0)
            return -1;
        if (!gn_opts_given(&ctx->opts, &args.slots))
            args.slots = c.q_max_length;
        if (!ctx->seed_given)
            seed = c.seed;
        gn_config_free(&c);
    }
    if (args.slots < 1)
        return gn_err_usage(&ctx->err, "--buffer: must be at least 1");
    buffer = gn_shuffle_new(args.slots, seed, gn_mem_limit());
    return 0;
}

static int drain(struct gn_tool_ctx *ctx)
{
    struct gn_sample out = {0};
    int rc;
    while ((rc = gn_shuffle_drain(buffer, &out, &ctx->err)) > 0)
        if ((rc = gn_emit(ctx, &out)) < 0)
            break;
    gn_sample_free(&out);
    return rc;
}

static int shuffle_sample(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    struct gn_sample out = {0};
    if (gn_shuffle_held(buffer) && gn_sample_epoch(s) != gn_shuffle_epoch(buffer) && drain(ctx) < 0)
        return -1;
    int rc = gn_shuffle_push(buffer, s, &out, &ctx->err);
    if (rc > 0)
        rc = gn_emit(ctx, &out);
    gn_sample_free(&out);
    return rc;
}

static void shuffle_cleanup(struct gn_tool_ctx *ctx)
{
    (void)ctx;
    gn_shuffle_free(buffer);
}

static const struct gn_example examples[] = {
    {"gn-patch -p 16,16,16 -n 4 iso.gnt | gn-shuffle -m 20 > mixed.gnt",
     "mix the patches of all subjects"},
    {NULL, NULL}};

static const struct gn_tool tool = {
    .name = "gn-shuffle",
    .summary = "mix the patches of a stream through a rolling buffer",
    .operands = "[FILE...]",
    .description = "Once the buffer is full, each arrival pushes out one of those held, drawn at "
                   "random; at the end of an epoch the buffer drains, also at "
                   "random. So patches never cross epochs, and memory is bounded by the buffer: "
                   "payloads above --memory lie in an unlinked file in TMPDIR.\n\n"
                   "The order is a pure function of the seed, the epoch and the order of arrival.",
    .input = "A stream of samples, of one epoch or several in turn.",
    .output = "The same samples in another order.",
    .opts = opts,
    .examples = examples,
    .see_also = "gn-patch(1), gn-epochs(1), gn-train(1)",
    .flags = GN_TOOL_SEED,
    .begin = shuffle_begin,
    .sample = shuffle_sample,
    .end = drain,
    .cleanup = shuffle_cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
