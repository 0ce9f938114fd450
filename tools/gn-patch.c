/* gn-patch - cut patches: a grid for inference, random ones for training */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "image/crop.h"
#include "run/order.h"
#include "tool/tool.h"

static const char *const empty_names[] = {"error", "skip", "uniform", NULL};

static struct patch_args {
    const char *config, *sampler, *empty;
    struct gn_vec3 patch, overlap;
    bool grid;
    int64_t n;
} args = {.sampler = "uniform", .empty = "error", .n = 10};

static struct gn_config config;
static struct gn_sampler_class *classes;
static int n_classes;
static enum gn_sampler_kind kind;
static uint64_t seed;

static const struct gn_opt opts[] = {
    GN_OPT_TEXT('c', "config", &args.config, "FILE",
                "configuration: patch_size, patch_sampler, q_samples_per_volume, "
                "inference_mechanism, seed",
                GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_VEC3('p', "patch", &args.patch, "x,y,z", "size of a patch [the config's patch_size]",
                GN_OPT_NO_DEFAULT),
    GN_OPT_FLAG('g', "grid", &args.grid,
                "all of the image, patch by patch, instead of random patches", 0),
    GN_OPT_VEC3(0, "overlap", &args.overlap, "x,y,z",
                "voxels that neighbours of a grid share, even [0]", GN_OPT_NO_DEFAULT),
    GN_OPT_CHOICE(0, "sampler", &args.sampler, gn_sampler_names, "where random patches lie", 0),
    GN_OPT_INT('n', "number", &args.n, "N", "random patches a sample", 0),
    GN_OPT_CHOICE(0, "empty", &args.empty, empty_names, "when no voxel can be a patch's centre", 0),
    GN_OPT_END};

static int begin(struct gn_tool_ctx *ctx)
{
    struct gn_err *err = &ctx->err;
    seed = ctx->seed;
    for (int i = 0; strcmp(args.sampler, gn_sampler_names[i]); i++)
        kind = (enum gn_sampler_kind)(i + 1);
    if (args.config) {
        if (gn_config_load(&config, args.config, err))
            return -1;
        enum gn_sampler_kind written = GN_SAMPLER_UNIFORM;
        if (!args.grid && gn_sampler_from_config(&config, &written, &classes, err))
            return -1;
        n_classes = classes ? config.n_classes : 0;
        seed = ctx->seed_given ? ctx->seed : config.seed;
        if (!gn_opts_given(&ctx->opts, &args.sampler))
            kind = written;
        if (!gn_opts_given(&ctx->opts, &args.n))
            args.n = config.q_samples_per_volume;
    } else if (!args.patch.n) {
        return gn_err_usage(err, "how large? give --patch or --config");
    }
    for (int k = 0; k < 3; k++) {
        double p = args.patch.n ? args.patch.v[k] : 1, o = args.overlap.n ? args.overlap.v[k] : 0;
        if (k < args.patch.n && (!(p >= 1 && p <= 1e9) || p != floor(p)))
            return gn_err_usage(err, "--patch: not a number of voxels: %g", p);
        if (k < args.overlap.n && (!(o >= 0 && o <= 1e9) || fmod(o, 2) != 0))
            return gn_err_usage(err, "--overlap: not an even number of voxels: %g", o);
    }
    if (args.overlap.n && !args.grid)
        return gn_err_usage(err, "--overlap goes with --grid");
    return args.n >= 1 && args.n <= UINT32_MAX
               ? 0
               : gn_err_usage(err, "--number must be positive: %lld", (long long)args.n);
}

/* Patch size and overlap for an image of this size: one number spares the z of a 2-D image. */
static void sizes(const int64_t size[3], int64_t patch[3], int64_t overlap[3])
{
    for (int k = 0; k < 3; k++) {
        bool flat = k == 2 && (args.patch.n == 2 || (args.patch.n == 1 && size[2] == 1));
        patch[k] = !args.patch.n ? config.patch[k] : flat ? 1 : (int64_t)args.patch.v[k];
        overlap[k] = args.overlap.n ? k == 2 && args.overlap.n == 2 ? 0 : (int64_t)args.overlap.v[k]
                     : args.config ? config.overlap[k]
                                    : 0;
    }
}

static int cut(struct gn_record *from, const int64_t size[3], const struct gn_box *patch,
               const int64_t *overlap, int64_t i, int64_t n, struct gn_record *to,
               struct gn_err *err)
{
    struct gn_tensor t = {0};
    double affine[12];
    if (gn_record_reals(from, "affine", affine, 12, err) ||
        gn_image_cut(&from->tensor, patch, GN_PAD_CONSTANT, &t, err))
        return -1;
    gn_record_copy_header(from, to);
    gn_record_take(to, &t, "czyx");
    gn_affine_shift_voxels(affine, patch->origin, affine);
    gn_record_set_reals(to, "affine", affine, 12);
    gn_record_set_ints(to, "patch.origin", patch->origin, 3);
    gn_record_set_ints(to, "patch.size", patch->size, 3);
    gn_record_set_ints(to, "patch.of", size, 3);
    gn_record_set(to, "patch.index", "%lld/%lld", (long long)i, (long long)n);
    return overlap ? gn_record_set_ints(to, "patch.overlap", overlap, 3) : 0;
}

static int emit(struct gn_tool_ctx *ctx, struct gn_sample *s, const int64_t size[3],
                const struct gn_box *patch, const int64_t *overlap, int64_t i, int64_t n)
{
    struct gn_sample out = {0};
    int rc = 0;
    for (size_t k = 0; k < s->n && rc == 0; k++)
        rc = cut(&s->rec[k], size, patch, overlap, i, n, gn_sample_append(&out), &ctx->err);
    rc = rc ? rc : gn_emit(ctx, &out);
    gn_sample_free(&out);
    return rc;
}

static int sample_random(struct gn_tool_ctx *ctx, struct gn_sample *s, const int64_t size[3],
                         struct gn_box *patch)
{
    const struct gn_record *label = gn_sample_find(s, GN_ROLE_LABEL);
    struct gn_sampler sampler;
    int rc = 0;
    if (kind != GN_SAMPLER_UNIFORM && !label)
        return gn_err_set(&ctx->err, "no label: this sampler needs one");
    if (gn_sampler_init(&sampler, kind, size, label ? &label->tensor : NULL, patch->size, classes,
                        n_classes, &ctx->err))
        return -1;
    bool skip = sampler.empty && !strcmp(args.empty, "skip");
    if (skip)
        gn_log(GN_LOG_WARN, "subject %s: no voxel can be a patch's centre: skipped",
               gn_sample_name(s));
    else if (sampler.empty && !strcmp(args.empty, "error"))
        rc = gn_sampler_empty_error(&sampler, &ctx->err);
    else if (sampler.empty)
        sampler.kind = GN_SAMPLER_UNIFORM;
    for (int64_t i = 0; i < args.n && rc == 0 && !skip; i++) {
        int64_t centre[3];
        struct gn_draw where = gn_draw_at(seed, gn_sample_name(s), NULL, gn_sample_epoch(s),
                                          (uint32_t)i, GN_SAMPLER_OP);
        gn_sampler_draw(&sampler, label ? &label->tensor : NULL, &where, patch->origin, centre);
        rc = emit(ctx, s, size, patch, NULL, i, args.n);
    }
    gn_sampler_free(&sampler);
    return rc;
}

static int patch_sample(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    int64_t size[3], overlap[3];
    int rc = 0;
    struct gn_patch_grid g;
    struct gn_box patch;
    for (size_t i = 0; i < s->n; i++) {
        const struct gn_tensor *t = &s->rec[i].tensor, *first = &s->rec[0].tensor;
        if (t->rank != 4 || gn_record_role(&s->rec[i]) == GN_ROLE_SLIDE ||
            gn_record_get(&s->rec[i], "patch.origin"))
            return gn_err_set(&ctx->err, "only whole images can be cut");
        if (memcmp(&t->shape[1], &first->shape[1], 3 * sizeof *t->shape))
            return gn_err_set(&ctx->err, "records differ in size: a patch is cut out of all");
        for (int k = 0; k < 3; k++)
            size[k] = t->shape[3 - k];
    }
    sizes(size, patch.size, overlap);
    if (!args.grid)
        return sample_random(ctx, s, size, &patch);
    if (gn_patch_grid_init(&g, size, patch.size, overlap, &ctx->err))
        return -1;
    for (int64_t i = 0; i < g.n && rc == 0; i++) {
        gn_patch_grid_origin(&g, i, patch.origin);
        rc = emit(ctx, s, size, &patch, g.overlap, i, g.n);
    }
    return rc;
}

static void cleanup(struct gn_tool_ctx *ctx)
{
    (void)ctx;
    free(classes);
    gn_config_free(&config);
}

static const struct gn_example examples[] = {
    {"gn-patch --grid -p 16,16,16 --overlap 4 train.gnt | gn-info --header patch.origin",
     "cover the image"},
    {"gn-patch -p 8 -n 4 --sampler label train.gnt | gn-info --header patch.origin",
     "patches around labelled voxels"},
    {NULL, NULL}};
static const char *const references[] = {"TorchIO: https://torchio.readthedocs.io/patches/", NULL};

static const struct gn_tool tool = {
    .name = "gn-patch",
    .summary = "cut patches: a grid for inference, random ones for training",
    .operands = "[FILE...]",
    .description =
        "With --grid the patches cover the image, x fastest; the last along an axis is moved back "
        "to end with the image. An image smaller "
        "than the patch is padded with zeros at the far end, which gn-stitch cuts off again.\n\n"
        "Otherwise N patches a sample are drawn: uniform, with a labelled voxel as centre (label), "
        "with the label's values as weights of the "
        "centre (weighted), or class by class with the config's sampling weights, all alike "
        "without (balanced). A patch larger than the image "
        "is an error there. A draw depends on the seed, the sample, its epoch and the patch's "
        "number alone.",
    .input = "A stream of samples, whole images.",
    .output = "Patches, all records of a sample cut alike, with patch.origin, patch.size, "
              "patch.of, patch.index and, of a grid, patch.overlap.",
    .opts = opts,
    .examples = examples,
    .references = references,
    .see_also = "gn-infer(1), gn-stitch(1), gn-epochs(1)",
    .flags = GN_TOOL_SEED,
    .begin = begin,
    .sample = patch_sample,
    .cleanup = cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
