/* gn-epochs - replay cached samples, or patches of them, epoch after epoch */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "run/checkpoint.h"
#include "run/order.h"
#include "run/weights.h"
#include "tool/tool.h"

static struct epochs_args {
    const char *config, *only, *from, *share, *class_counts;
    int64_t n;
    bool patches;
} args;

static const struct gn_opt opts[] = {
    GN_OPT_TEXT('c', "config", &args.config, "FILE",
                "configuration: patch_size, patch_sampler, q_samples_per_volume, "
                "num_epochs, data_augmentation, seed; not needed for whole samples with -n",
                GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_INT('n', "epochs", &args.n, "N", "epochs in all [the config's num_epochs]",
               GN_OPT_NO_DEFAULT),
    GN_OPT_TEXT(0, "only", &args.only, "CSV", "replay only the subjects of this table",
                GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_FLAG(0, "patches", &args.patches,
                "cut patches, fully shuffled, instead of whole samples", 0),
    GN_OPT_TEXT(0, "from", &args.from, "DIR", "start at the unfinished epoch of this model folder",
                GN_OPT_NO_HISTORY | GN_OPT_DIR),
    GN_OPT_TEXT(0, "class-counts", &args.class_counts, "TSV",
                "voxels of each label (gn-info --labels), for biased_sampling",
                GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_TEXT(0, "share", &args.share, "R/K",
                "deal out the shuffled samples: every K-th from R, for data-parallel training", 0),
    GN_OPT_END};

/* --share R/K */
static int parse_share(int64_t *rank, int64_t *ranks, struct gn_err *err)
{
    int end = 0;
    *rank = 0;
    *ranks = 1;
    if (!args.share)
        return 0;
    if (sscanf(args.share, "%" SCNd64 "/%" SCNd64 "%n", rank, ranks, &end) != 2 ||
        args.share[end] || *rank < 0 || *ranks < 1 || *rank >= *ranks)
        return gn_err_usage(err, "--share: must be R/K with 0 <= R < K: %s", args.share);
    return 0;
}

/* The first epoch to emit; n when there is nothing left to do. A training that stopped early goes
 * on if patience was raised. */
static int first_epoch(const struct gn_config *config, int64_t n, int64_t *first,
                       struct gn_err *err)
{
    struct gn_train_state state;
    *first = 0;
    if (!args.from)
        return 0;
    char *path = gn_path_join(args.from, "latest.safetensors");
    int rc = gn_checkpoint_state(path, &state, err);
    free(path);
    if (rc < 0)
        return -1;
    bool stopped = args.config ? state.patience > config->patience : state.stopped;
    *first = stopped || state.epoch > n ? n : state.epoch;
    return 0;
}

static int epochs_main(struct gn_tool_ctx *ctx)
{
    struct gn_config config = {0};
    struct gn_cache cache = {0};
    struct gn_order order = {0};
    int64_t rank, ranks, first;
    int rc = -1;

    if (ctx->operands.n == 0)
        return gn_err_usage(&ctx->err,
                            "which cache? (a folder made by gn-save --cache, or .gnt files)");
    if (!args.config && (args.patches || !gn_opts_given(&ctx->opts, &args.n)))
        return gn_err_usage(&ctx->err, "-c is needed (without it: whole samples, -n epochs)");
    if (parse_share(&rank, &ranks, &ctx->err) < 0)
        return -1;
    if (args.config && gn_config_load(&config, args.config, &ctx->err) < 0)
        goto out;
    if (args.config && args.class_counts &&
        gn_weights_from_counts(&config, args.class_counts, &ctx->err) < 0)
        goto out;
    int64_t n = gn_opts_given(&ctx->opts, &args.n) ? args.n : config.num_epochs;
    if (n < 1 || n >= 1 << 24) {
        gn_err_usage(&ctx->err, "--epochs: must be 1 to 16777215: %" PRId64, n);
        goto out;
    }
    if (gn_cache_open(&cache, (const char *const *)ctx->operands.item, ctx->operands.n, &ctx->err) <
            0 ||
        (args.only && gn_cache_select(&cache, args.only, &ctx->err) < 0))
        goto out;
    order.config = &config;
    order.cache = &cache;
    order.seed = ctx->seed_given ? ctx->seed : config.seed;
    order.epochs = n;
    order.patches = args.patches;
    if (gn_order_init(&order, &ctx->err) < 0 || first_epoch(&config, n, &first, &ctx->err) < 0)
        goto out;
    for (int64_t epoch = first; epoch < n; epoch++) {
        gn_order_epoch(&order, epoch);
        for (int64_t i = rank; i < order.n; i += ranks) {
            struct gn_sample s = {0};
            if (gn_order_item(&order, epoch, i, &s, &ctx->err) < 0)
                goto out;
            int sent = gn_emit(ctx, &s);
            gn_sample_free(&s);
            if (sent < 0)
                goto out;
            if (gn_writer_closed(ctx->writer)) {
                rc = 0;
                goto out;
            }
        }
    }
    rc = 0;
out:
    gn_order_free(&order);
    gn_cache_close(&cache);
    gn_config_free(&config);
    return rc;
}

static const struct gn_example examples[] = {
    {"gn-epochs -c config.yaml -n 2 --patches cache/ | gn-info --header patch.origin",
     "where the patches of two epochs lie"},
    {"gn-epochs -c config.yaml --only train.csv --patches cache/ | gn-augment -c config.yaml | "
     "gn-train -c config.yaml -o model/",
     "train"},
    {NULL, NULL}};

static const struct gn_tool tool = {
    .name = "gn-epochs",
    .summary = "replay cached samples, or patches of them, epoch after epoch",
    .operands = "CACHE|FILE.gnt...",
    .description = "The one program with random access: a stream cannot be rewound. Each epoch "
                   "holds every sample once (or q_samples_per_volume patches of "
                   "each), in an order that is a pure function of the seed and the epoch, so it "
                   "can start anywhere: --from asks a model folder where.\n\n"
                   "With --patches it cuts the patches itself. For each it looks up the "
                   "augmentation that patch will get and emits the window of the image "
                   "that it needs; gn-augment, with the same configuration and seed, turns the "
                   "window into the patch. With a label or weighted sampler the "
                   "voxel drawn is the centre of the augmented patch.",
    .input = "Folders made by gn-save --cache (complete ones: their data.csv is written last), or "
             ".gnt files.",
    .output = "A stream of samples with the keys epoch (k/n) and, with --patches, patch.index, "
              "patch.origin, patch.size, patch.of, "
              "window.origin and window.draws.",
    .opts = opts,
    .examples = examples,
    .see_also = "gn-save(1), gn-augment(1), gn-train(1), gn-shuffle(1)",
    .flags = GN_TOOL_NO_INPUT | GN_TOOL_SEED | GN_TOOL_NO_KEEP,
    .main = epochs_main,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
