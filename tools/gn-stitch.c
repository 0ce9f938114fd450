/* gn-stitch - put predictions of patches together: class maps or labels, on their own grid or the
 * source's */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/config.h"
#include "run/assemble.h"
#include "tool/tool.h"

static struct stitch_args {
    const char *config, *mode, *decode;
    bool labels, to_source;
    double threshold;
} args = {.decode = "threshold", .threshold = 0.5};

static struct gn_assembly_spec spec;

/* The image being put together. name stays when it is done or failed: patches that follow a failed
 * one are passed over. */
static struct {
    struct gn_assembly whole;
    char *name, *epoch;
    bool open, failed;
} now;

enum { NOTE_BYTES = 256 << 20 };

static const struct gn_opt opts[] = {
    GN_OPT_TEXT('c', "config", &args.config, "FILE", "configuration: inference_mechanism",
                GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_CHOICE(0, "mode", &args.mode, gn_stitch_names,
                  "what is done where patches overlap [the record's stitch]", GN_OPT_NO_DEFAULT),
    GN_OPT_FLAG('l', "labels", &args.labels, "labels instead of class maps", 0),
    GN_OPT_CHOICE(0, "decode", &args.decode, gn_decode_names, "how maps become labels", 0),
    GN_OPT_REAL(0, "threshold", &args.threshold, "T", "of --decode threshold", 0),
    GN_OPT_FLAG(0, "to-source", &args.to_source,
                "on the grid of the file that the image was read from", 0),
    GN_OPT_END};

static int find(const char *name, const char *const *names)
{
    int i = 0;
    while (names[i] && strcmp(name, names[i]))
        i++;
    return i;
}

static int begin(struct gn_tool_ctx *ctx)
{
    struct gn_config config;
    spec = (struct gn_assembly_spec){.labels = args.labels,
                                     .to_source = args.to_source,
                                     .threshold = args.threshold,
                                     .decode = (enum gn_decode)find(args.decode, gn_decode_names)};
    if (args.mode) {
        spec.mode = (enum gn_stitch_mode)find(args.mode, gn_stitch_names);
    } else if (args.config) {
        if (gn_config_load(&config, args.config, &ctx->err))
            return -1;
        spec.mode = (enum gn_stitch_mode)find(config.stitch, gn_stitch_names);
        gn_config_free(&config);
    }
    spec.mode_given = args.mode || args.config;
    return 0;
}

/* An image whose patches ended too early. next: the subject that came instead, NULL at the end of
 * the input. */
static int cut_short(struct gn_tool_ctx *ctx, const char *next)
{
    long long came = (long long)now.whole.next, all = (long long)now.whole.n;
    if (!now.open)
        return 0;
    now.open = false;
    gn_assembly_free(&now.whole);
    if (next && !ctx->keep_going) /* the loop puts the name of the next in front */
        return gn_err_set(
            &ctx->err, "begins before subject %s is whole: patches are missing, %lld of %lld came",
            now.name, came, all);
    gn_err_set(&ctx->err, "subject %s: patches are missing: %lld of %lld came", now.name, came,
               all);
    return gn_tool_skip(ctx);
}

static int add(struct gn_tool_ctx *ctx, const struct gn_record *r, bool first)
{
    struct gn_record out = {0};
    if (first && gn_assembly_open(&now.whole, r, &spec, &ctx->err))
        return -1;
    if (first && !args.labels && now.whole.bytes > NOTE_BYTES)
        gn_log(GN_LOG_NOTE, "subject %s: class maps of %.2f GiB are held", now.name,
               now.whole.bytes / (1 << 30));
    if (gn_assembly_add(&now.whole, r, &ctx->err))
        return -1;
    now.open = true;
    if (!gn_assembly_complete(&now.whole))
        return 0;
    now.open = false;
    if (gn_assembly_finish(&now.whole, &spec, &out, &ctx->err))
        return -1;
    int rc = gn_emit_record(ctx, &out);
    gn_record_free(&out);
    return rc;
}

static int stitch_sample(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    const char *name = gn_sample_name(s), *epoch = gn_record_get(&s->rec[0], "epoch");
    const struct gn_record *r = gn_sample_find(s, GN_ROLE_PREDICTION);
    bool same = now.name && !strcmp(now.name, name) && !strcmp(now.epoch, epoch ? epoch : "");
    int64_t i, n;
    gn_assembly_index(&s->rec[0], &i, &n);
    same &= i > 0;
    if (same && now.failed)
        return 0;
    if (!same && cut_short(ctx, name))
        return -1;
    if (!same) {
        free(now.name);
        free(now.epoch);
        now.name = gn_strdup(name);
        now.epoch = gn_strdup(epoch ? epoch : "");
    }
    now.failed = false;
    if (s->n != 1 || !r)
        gn_err_set(&ctx->err, "not one prediction record a patch: gn-infer makes them");
    else if (!same && i > 0)
        gn_err_set(&ctx->err, "patches are missing: %lld/%lld comes first", (long long)i,
                   (long long)n);
    else if (same && !now.open)
        gn_err_set(&ctx->err, "more patches than the %lld there should be", (long long)n);
    else if (add(ctx, r, !same) == 0)
        return 0;
    now.failed = true;
    now.open = false;
    gn_assembly_free(&now.whole);
    return -1;
}

static int end(struct gn_tool_ctx *ctx)
{
    return cut_short(ctx, NULL);
}

static void cleanup(struct gn_tool_ctx *ctx)
{
    (void)ctx;
    gn_assembly_free(&now.whole);
    free(now.name);
    free(now.epoch);
}

static const struct gn_example examples[] = {
    {"gn-load test.csv | gn-resample -s 1,1,1 | gn-normalize --zscore nonzero | gn-patch --grid -c "
     "model/best.safetensors | "
     "gn-infer -m model/best.safetensors | gn-stitch --labels --to-source | gn-save -o out/",
     "labels in the grid of the images' files"},
    {NULL, NULL}};
static const char *const references[] = {
    "TorchIO: https://torchio.readthedocs.io/patches/patch_inference.html", NULL};

static const struct gn_tool tool = {
    .name = "gn-stitch",
    .summary = "put predictions of patches together",
    .operands = "[FILE...]",
    .description =
        "Patches overlap as gn-patch --grid says. crop cuts half of the overlap off "
        "each patch and lets later patches win, average takes the "
        "mean, hann weighs by the distance from the patch's border. Patches that were "
        "padded because the image was small are cut.\n\n"
        "--labels decodes the maps: a label is written where its class's map is at "
        "least the threshold, classes later in the list over "
        "earlier ones, 0 where there is none (argmax: the class with the largest map). "
        "With --to-source the maps are interpolated on the grid "
        "of the file the image was read from, and decoded there. With --labels one label "
        "volume and two planes of maps are held, without it the class maps whole. average "
        "and hann hold sums as thick as a patch as well: more than 512 MiB of them (or a "
        "quarter of --memory) go to a temporary file in $TMPDIR, or /var/tmp.",
    .input = "Prediction records of gn-infer, all patches of an image in the order of gn-patch "
             "--grid; one that is missing, twice or elsewhere is an error.",
    .output = "One prediction record an image: maps (float32), or labels in the smallest integer "
              "type that holds them.",
    .opts = opts,
    .examples = examples,
    .references = references,
    .see_also = "gn-patch(1), gn-infer(1), gn-save(1)",
    .begin = begin,
    .sample = stitch_sample,
    .end = end,
    .cleanup = cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
