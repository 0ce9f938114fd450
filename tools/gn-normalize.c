/* gn-normalize - one change of intensity: z-score, clip, threshold, window, rescale, divide, mean
 * and std, histogram, stain, alpha */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "image/histogram.h"
#include "image/normalize.h"
#include "image/stain.h"
#include "run/target.h"
#include "tool/tool.h"

static struct normalize_args {
    const char *zscore;
    struct gn_range clip, threshold, rescale, percentiles, in;
    struct gn_vec3 window, mean, std;
    double divide;
    const char *match, *stain, *target;
    bool equalize, adaptive, to_rgb, to_rgba;
    int64_t levels, points;
} args = {.percentiles = {0, 100, false}, .divide = 1, .levels = 1024, .points = 16};

static enum gn_zscore kind;

/* The target of --histogram-match or --stain. */
static struct gn_target target;
static struct gn_target_use use;

enum { ONE = GN_OPT_ONE_OF | GN_OPT_NO_DEFAULT };
static const struct gn_opt opts[] = {
    GN_OPT_GROUP("The step (one of)"),
    GN_OPT_CHOICE(0, "zscore", &args.zscore, gn_zscore_names,
                  "subtract the mean, divide by the standard deviation", ONE),
    GN_OPT_RANGE(0, "clip", &args.clip, "A,B", "values beyond A and B become A and B", ONE),
    GN_OPT_RANGE(0, "threshold", &args.threshold, "A,B", "values beyond A and B become 0", ONE),
    GN_OPT_VEC3(0, "window", &args.window, "CENTER,WIDTH",
                "clip to CENTER - WIDTH/2 .. CENTER + WIDTH/2", ONE),
    GN_OPT_RANGE(0, "rescale", &args.rescale, "OUT0,OUT1",
                 "map the smallest and largest value to these", ONE),
    GN_OPT_REAL(0, "divide", &args.divide, "N", "divide by N", ONE),
    GN_OPT_VEC3(0, "mean", &args.mean, "M,...",
                "with --std: (x - M) / S, one value or one a channel", ONE | GN_OPT_CHANNELS),
    GN_OPT_TEXT(0, "histogram-match", &args.match, "FILE",
                "mean, quantiles and maximum become those of this image", ONE | GN_OPT_FILE),
    GN_OPT_FLAG(0, "equalize", &args.equalize,
                "as --histogram-match, to values spaced evenly from -1 to 1", ONE),
    GN_OPT_FLAG(0, "adaptive-equalize", &args.adaptive,
                "each value by those within 5 voxels of it", ONE),
    GN_OPT_CHOICE(0, "stain", &args.stain, gn_stain_names,
                  "with --target: the colours of a histology picture to another's", ONE),
    GN_OPT_FLAG(0, "to-rgb", &args.to_rgb, "drop the fourth of four components", ONE),
    GN_OPT_FLAG(0, "to-rgba", &args.to_rgba, "add a fourth of 255 to three components", ONE),
    GN_OPT_GROUP("How"),
    GN_OPT_VEC3(0, "std", &args.std, "S,...", "goes with --mean", GN_OPT_CHANNELS),
    GN_OPT_RANGE(0, "percentiles", &args.percentiles, "P,Q",
                 "--rescale clips to these percentiles first", 0),
    GN_OPT_RANGE(0, "in", &args.in, "A,B",
                 "--rescale maps A and B instead; nothing is clipped to them", 0),
    GN_OPT_TEXT(0, "target", &args.target, "FILE", "goes with --stain: the picture to look like",
                GN_OPT_FILE),
    GN_OPT_INT(0, "levels", &args.levels, "N", "bins of --histogram-match and --equalize", 0),
    GN_OPT_INT(0, "points", &args.points, "N", "quantiles that they match", 0),
    GN_OPT_END};

static bool ordered(const struct gn_range *r)
{
    return !r->set || (!isnan(r->lo) && !isnan(r->hi) && r->lo <= r->hi);
}

/* What is recorded is not what the file is called but what it holds. */
static int read_target(struct gn_tool_ctx *ctx)
{
    const char **path = args.stain ? &args.target : &args.match;
    use.stains = args.stain;
    use.levels = (int)args.levels;
    use.points = (int)args.points;
    if (gn_target_read(&target, *path, &use, &ctx->err) < 0)
        return -1;
    *path = target.name;
    gn_tool_make_history(ctx);
    return 0;
}

static int begin(struct gn_tool_ctx *ctx)
{
    struct gn_err *err = &ctx->err;
    const struct gn_range *p = &args.percentiles;
    for (int i = 0; args.zscore && strcmp(args.zscore, gn_zscore_names[i]); i++)
        kind = (enum gn_zscore)(i + 1);
    if (!ordered(&args.clip) || !ordered(&args.threshold) || !ordered(&args.in) || !ordered(p))
        return gn_err_usage(err, "the first value must not be above the second");
    if (args.rescale.set && (!isfinite(args.rescale.lo) || !isfinite(args.rescale.hi)))
        return gn_err_usage(err, "--rescale needs two values");
    if (!args.rescale.set && (p->set || args.in.set))
        return gn_err_usage(err, "--percentiles and --in go with --rescale");
    if (p->lo < 0 || p->hi > 100 ||
        (args.in.set && (!isfinite(args.in.lo) || !isfinite(args.in.hi))))
        return gn_err_usage(err, "--percentiles lie in 0 to 100, --in needs two values");
    if (args.window.n && (args.window.n != 2 || !(args.window.v[1] > 0)))
        return gn_err_usage(err, "--window needs a centre and a width above 0");
    if (args.divide == 0 || !isfinite(args.divide))
        return gn_err_usage(err, "--divide: not a divisor: %g", args.divide);
    if (args.mean.n != args.std.n)
        return gn_err_usage(err, "--mean and --std go together and have as many values");
    for (int k = 0; k < args.std.n; k++)
        if (!(args.std.v[k] > 0))
            return gn_err_usage(err, "--std must be positive: %g", args.std.v[k]);
    if (!args.stain != !args.target)
        return gn_err_usage(err, "--stain and --target go together");
    if (args.levels < 1 || args.levels > GN_LEVELS_MAX)
        return gn_err_usage(err, "--levels must be 1 to %d: %lld", GN_LEVELS_MAX,
                            (long long)args.levels);
    if (args.points < 1 || args.points > GN_POINTS_MAX)
        return gn_err_usage(err, "--points must be 1 to %d: %lld", GN_POINTS_MAX,
                            (long long)args.points);
    if (!args.match && !args.equalize &&
        (gn_opts_given(&ctx->opts, &args.levels) || gn_opts_given(&ctx->opts, &args.points)))
        return gn_err_usage(err, "--levels and --points go with --histogram-match and --equalize");
    for (int i = 0; args.stain && strcmp(args.stain, gn_stain_names[i]); i++)
        use.extractor = (enum gn_stain)(i + 1);
    return args.match || args.stain ? read_target(ctx) : 0;
}

static void cleanup(struct gn_tool_ctx *ctx)
{
    (void)ctx;
    gn_target_free(&target);
}

/* The mask as one byte a voxel; NULL with an error when there is none of this size. */
static uint8_t *mask_of(const struct gn_sample *s, const struct gn_tensor *image,
                        struct gn_err *err)
{
    const struct gn_record *m = gn_sample_find(s, GN_ROLE_MASK);
    if (!m || m->tensor.rank != 4 ||
        memcmp(&m->tensor.shape[1], &image->shape[1], 3 * sizeof *image->shape)) {
        gn_err_set(err, m ? "the mask has another size"
                          : "no mask: --zscore mask needs a record of role mask");
        return NULL;
    }
    size_t n = (size_t)(image->shape[1] * image->shape[2] * image->shape[3]);
    uint8_t *mask = gn_try_alloc(n, err);
    for (size_t i = 0; mask && i < n; i++)
        mask[i] = gn_tensor_get(&m->tensor, (int64_t)i) != 0;
    return mask;
}

/* Each component by itself. */
static int histogram_step(struct gn_tensor *t, const char *name, struct gn_err *err)
{
    const int64_t channels = t->shape[0], n = gn_tensor_count(t) / channels;
    const int64_t size[3] = {t->shape[3], t->shape[2], t->shape[1]};
    if (args.match && target.components != 1 && target.components != channels)
        return gn_err_set(err, "%lld channels, the target has %lld", (long long)channels,
                          (long long)target.components);
    for (int64_t c = 0; c < channels; c++) {
        float *x = (float *)t->data + c * n;
        const struct gn_landmarks *to =
            args.match ? &target.component[target.components > 1 ? c : 0] : NULL;
        int rc = args.adaptive ? gn_histogram_adapt(x, size, GN_ADAPTIVE_RADIUS, err)
                               : gn_histogram_match(x, n, to, (int)args.levels, (int)args.points,
                                                    err);
        if (rc == 1)
            gn_log(GN_LOG_WARN, "%s: one value only: left as it is", name);
        else if (rc)
            return -1;
    }
    return 0;
}

static int stain_step(struct gn_tensor *t, const char *name, struct gn_err *err)
{
    struct gn_stain_fit own;
    const int64_t n = gn_tensor_count(t) / t->shape[0];
    if (t->shape[0] != 3)
        return gn_err_set(err, "--stain needs R, G, B: %lld channels%s", (long long)t->shape[0],
                          t->shape[0] == 4 ? "; gn-normalize --to-rgb drops the fourth" : "");
    if (gn_stain_fit(t->data, n, use.extractor, &own, err) < 0)
        return -1;
    if (own.fallback)
        gn_log(GN_LOG_WARN, "%s: no two stains told apart: ruifrok's are taken", name);
    return gn_stain_apply(t->data, n, &own, &target.fit, err);
}

/* A fourth component dropped or added; other numbers of components pass as they are. */
static int alpha_step(struct gn_record *r, struct gn_err *err)
{
    struct gn_tensor t = {0};
    if (r->tensor.shape[0] != (args.to_rgb ? 4 : 3))
        return 0;
    if (args.to_rgb ? gn_normalize_drop_alpha(&r->tensor, &t, err)
                    : gn_normalize_add_alpha(&r->tensor, &t, err))
        return -1;
    gn_record_take(r, &t, NULL);
    gn_record_drop_prefix(r, "parent.");
    return 0;
}

static int step(struct gn_tensor *t, const uint8_t *mask, const char *name, struct gn_err *err)
{
    const int64_t n = gn_tensor_count(t), channels = t->shape[0], voxels = n / channels;
    float *x = t->data;
    if (args.zscore)
        return gn_normalize_zscore(x, n, kind, mask, voxels, err);
    if (args.match || args.equalize || args.adaptive)
        return histogram_step(t, name, err);
    if (args.stain)
        return stain_step(t, name, err);
    if (args.clip.set)
        gn_normalize_clip(x, n, args.clip.lo, args.clip.hi);
    else if (args.threshold.set)
        gn_normalize_threshold(x, n, args.threshold.lo, args.threshold.hi);
    else if (args.window.n)
        gn_normalize_clip(x, n, args.window.v[0] - args.window.v[1] / 2,
                          args.window.v[0] + args.window.v[1] / 2);
    else if (args.mean.n > 1 && args.mean.n != channels)
        return gn_err_set(err, "%lld channels, but %d values of --mean", (long long)channels,
                          args.mean.n);
    else if (args.mean.n)
        gn_normalize_channels(x, channels, voxels, args.mean.v, args.std.v, args.mean.n);
    else if (args.rescale.set) {
        const struct gn_rescale r = {{args.rescale.lo, args.rescale.hi},
                                     {args.percentiles.lo, args.percentiles.hi},
                                     {args.in.lo, args.in.hi},
                                     args.in.set};
        int rc = gn_normalize_rescale(x, n, &r, err);
        if (rc == 1)
            gn_log(GN_LOG_WARN, "%s: one value only: left as it is", name);
        return rc < 0 ? -1 : 0;
    } else
        gn_normalize_divide(x, n, args.divide);
    return 0;
}

static int normalize_sample(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct gn_record *r = &s->rec[i];
        struct gn_tensor t = {0};
        const char *name = gn_record_get(r, "name");
        uint8_t *mask = NULL;
        if (gn_record_role(r) != GN_ROLE_IMAGE)
            continue;
        if (r->tensor.rank != 4)
            return gn_err_set(&ctx->err, "not an image: its axes are not c z y x");
        if (args.to_rgb || args.to_rgba) {
            if (alpha_step(r, &ctx->err))
                return name ? gn_err_wrap(&ctx->err, "%s", name) : -1;
            continue;
        }
        if (r->tensor.dtype != GN_FLOAT32) {
            if (gn_tensor_convert(&r->tensor, GN_FLOAT32, &t, &ctx->err))
                return -1;
            gn_record_take(r, &t, NULL);
        }
        gn_record_touch(r);
        if (args.zscore && kind == GN_ZSCORE_MASK && !(mask = mask_of(s, &r->tensor, &ctx->err)))
            return -1;
        int rc = step(&r->tensor, mask, gn_sample_name(s), &ctx->err);
        free(mask);
        if (rc == 0 && args.stain) {
            rc = gn_tensor_convert(&r->tensor, GN_UINT8, &t, &ctx->err);
            if (rc == 0)
                gn_record_take(r, &t, NULL);
        }
        if (rc)
            return name ? gn_err_wrap(&ctx->err, "%s", name) : -1;
        gn_record_drop_prefix(r, "parent.");
    }
    return gn_emit(ctx, s);
}

static const struct gn_example examples[] = {
    {"gn-normalize --zscore nonzero train.gnt | gn-info --stats",
     "brains without their background"},
    {"gn-normalize --clip ,300 train.gnt | gn-normalize --rescale 0,1 >r.gnt",
     "cut off bright vessels, then map to 0 to 1"},
    {"gn-normalize --equalize train.gnt | gn-info --stats",
     "values from -1 to 1, the mean at 0, spread evenly above it"},
    {NULL, NULL}};
static const char *const references[] = {
    "TorchIO: https://torchio.readthedocs.io/transforms/preprocessing.html",
    "ITK's HistogramMatchingImageFilter and AdaptiveHistogramEqualizationImageFilter: "
    "https://itk.org/Doxygen/html/",
    "Ruifrok and Johnston, Quantification of histochemical staining by color deconvolution, 2001",
    "Macenko et al., A method for normalizing histology slides for quantitative analysis, 2009",
    "Vahadane et al., Structure-preserving color normalization and sparse stain separation for "
    "histological images, 2016",
    NULL};

static const struct gn_tool tool = {
    .name = "gn-normalize",
    .summary = "one change of intensity",
    .operands = "[FILE...]",
    .description = "Each call does one step; their order is the order of the pipe. Images become "
                   "float32 (colours stay 8-bit); labels, masks and weight maps are not "
                   "touched. Every image of a sample is taken by itself, all its channels together "
                   "(--mean and --std and the histogram steps excepted).\n\n"
                   "The z-score's statistics come from all voxels (full), from those that are not "
                   "0 (nonzero; nonzero_masked leaves zeros at 0), from "
                   "those above 0 (positive), or from the record of role mask (mask: applied there "
                   "only). The standard deviation has n - 1 in its "
                   "denominator; a constant image is an error. An open end of --clip and "
                   "--threshold is left empty.\n\n"
                   "--histogram-match and --equalize take each channel's smallest value, mean, "
                   "--points quantiles of the values not below the mean, and largest value to the "
                   "target's, and what is between by straight lines; a target of one channel "
                   "serves all. --adaptive-equalize is ITK's, alpha and beta 0.3. A constant "
                   "channel is left as it is, with a warning.\n\n"
                   "--stain takes values of 0 to 255 in R, G, B apart into two stains, scales "
                   "their amounts (by the 99th percentiles) to the target's and puts them "
                   "together again in its colours, rounded. ruifrok's stains are fixed; macenko "
                   "and vahadane find them in the tissue; where these are within 10 degrees, "
                   "ruifrok's are taken, with a warning. --to-rgb and --to-rgba pass images of "
                   "other numbers of components on as they are.\n\n"
                   "A target is an image; or a .safetensors model that was trained with such a "
                   "step, which keeps what the step needs of its target (with the model's --levels "
                   "and --points). The history shows it by a hash of that, target- and sixteen "
                   "digits, whatever the file is called.",
    .input = "A stream of samples.",
    .output = "The samples, images as float32 (--stain and --to-rgb: uint8; --to-rgba: of the "
              "same type); parent.* is dropped.",
    .opts = opts,
    .examples = examples,
    .references = references,
    .see_also = "gn-resample(1), gn-augment(1)",
    .begin = begin,
    .sample = normalize_sample,
    .cleanup = cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
