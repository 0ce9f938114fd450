/* gn-infer - apply a model to the patches of a stream */
#include <stdlib.h>
#include <string.h>

#include "run/batch.h"
#include "run/chain.h"
#include "run/checkpoint.h"
#include "run/validate.h"
#include "tool/tool.h"

static const char *const devices[] = {"cpu", "ref", NULL};

static struct infer_args {
    const char *model, *device;
} args = {.device = "cpu"};

static const struct gn_opt opts[] = {
    GN_OPT_TEXT('m', "model", &args.model, "MODEL", "the .safetensors file to apply",
                GN_OPT_REQUIRED | GN_OPT_FILE),
    GN_OPT_CHOICE(0, "device", &args.device, devices, "backend that computes", 0), GN_OPT_END};

static struct gn_model model;
static float *x;

static int infer_begin(struct gn_tool_ctx *ctx)
{
    if (gn_model_open(&model, args.model, args.device, 1, gn_mem_limit(), &ctx->err) < 0)
        return -1;
    if (gn_weights_check(model.net, &ctx->err) < 0)
        return gn_err_wrap(&ctx->err, "%s", args.model);
    const int64_t *p = model.config.patch;
    x = gn_try_alloc((size_t)(model.channels * p[0] * p[1] * p[2]) * sizeof *x, &ctx->err);
    return x ? 0 : -1;
}

/* What a prediction keeps of the first image's header, and what it adds. */
static void describe(struct gn_record *out, const struct gn_record *image)
{
    static const char *const image_only[] = {"parent.min", "parent.max",  "parent.mean",
                                             "parent.std", "value.names", NULL};
    struct gn_str classes = {0};
    gn_record_copy_header(image, out);
    for (int i = 0; image_only[i]; i++)
        gn_record_drop(out, image_only[i]);
    gn_record_drop_prefix(out, "value.");
    gn_record_drop_prefix(out, "window.");
    for (int k = 0; k < model.config.n_classes; k++)
        gn_str_addf(&classes, "%s%s", k ? " " : "", model.config.classes[k].text);
    gn_record_set(out, "role", "prediction");
    gn_record_set(out, "name", "%s", model.name);
    gn_record_set(out, "class_list", "%s", gn_str_text(&classes));
    gn_record_set(out, "stitch", "%s", model.config.stitch);
    if (model.setup.net.final == GN_FINAL_NONE)
        gn_record_set(out, "logits", "1");
    gn_str_free(&classes);
}

/* A step may have squeezed a volume into one plane, or blown a plane up: what was read decides. */
static int check_source(const struct gn_record *image, struct gn_err *err)
{
    int64_t size[3];
    if (!gn_record_get(image, "source.shape"))
        return 0;
    return gn_record_ints(image, "source.shape", size, 3, err) < 0
               ? -1
               : gn_check_dimension(&model.config, size, err);
}

static int infer_sample(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    const int64_t *p = model.config.patch;
    struct gn_record *image = gn_sample_find(s, GN_ROLE_IMAGE);
    struct gn_sample out = {0};
    struct gn_strs done = {0};
    struct gn_tensor y = {0};
    int64_t size[3];
    int rc = -1;

    if (gn_sample_whole(s, size, &ctx->err) < 0 ||
        gn_check_dimension(&model.config, size, &ctx->err) < 0 ||
        (image && check_source(image, &ctx->err) < 0) ||
        gn_sample_size(s, size, &ctx->err) < 0)
        return -1;
    if (memcmp(size, p, sizeof size))
        return gn_err_set(
            &ctx->err,
            "%ldx%ldx%ld voxels, the model takes patches of %ldx%ldx%ld (gn-patch --grid -c MODEL)",
            (long)size[0], (long)size[1], (long)size[2], (long)p[0], (long)p[1], (long)p[2]);
    gn_chain_done(image, &done);
    if (gn_chain_compare(&model.preprocessing, NULL, &done, &ctx->err) < 0)
        goto out;
    if (gn_sample_images(s, model.channels, size, x, &ctx->err) < 0 ||
        gn_tensor_new4(&y, GN_FLOAT32, model.setup.net.classes, p[2], p[1], p[0], &ctx->err) < 0 ||
        gn_net_forward(model.net, 1, x, y.data, &ctx->err) < 0)
        goto out;
    if (!gn_all_finite(y.data, (size_t)gn_tensor_count(&y))) {
        const char *at = gn_record_get(image, "patch.origin");
        gn_err_set(&ctx->err,
                   at ? "the network's output is not finite, patch at %s"
                      : "the network's output is not finite",
                   at);
        goto out;
    }
    struct gn_record *r = gn_sample_append(&out);
    describe(r, image);
    gn_record_take(r, &y, "czyx");
    rc = gn_emit(ctx, &out);
out:
    gn_tensor_free(&y);
    gn_strs_free(&done);
    gn_sample_free(&out);
    return rc;
}

static void infer_cleanup(struct gn_tool_ctx *ctx)
{
    (void)ctx;
    free(x);
    gn_model_close(&model);
}

static const struct gn_example examples[] = {
    {"gn-load test.csv | gn-resample -s 1,1,1 | gn-normalize --zscore nonzero | gn-patch --grid -c "
     "model/best.safetensors | "
     "gn-infer -m model/best.safetensors | gn-stitch --labels --to-source | gn-save -o out/",
     "predict labels in the images' own grid, after the steps the model was trained with"},
    {NULL, NULL}};

static const struct gn_tool tool = {
    .name = "gn-infer",
    .summary = "apply a model to the patches of a stream",
    .operands = "[FILE...]",
    .description =
        "Sends each patch through the network in evaluation mode and emits one prediction record "
        "for it: the network's output after its final "
        "layer, a channel for each class of the class list. Put the patches together with "
        "gn-stitch.\n\n"
        "A model for 2-D images refuses patches of volumes, unless it was trained on slices of "
        "volumes (patch_size: [x, y, 1]), and one for volumes refuses those of 2-D images; what "
        "the image was when it was read counts, too.\n\n"
        "The images must have been prepared as the model records it; the first difference in their "
        "history is an error. Weights and "
        "outputs that are not finite are errors too: they would look like an empty segmentation.",
    .input = "Samples of the model's patch size, with as many image channels as it was trained on "
             "(gn-patch --grid -c MODEL cuts them).",
    .output = "One prediction record a patch, float32, axes czyx, with class_list, stitch and the "
              "patch's place.",
    .opts = opts,
    .examples = examples,
    .see_also = "gn-patch(1), gn-stitch(1), gn-train(1), gn-model(1)",
    .begin = infer_begin,
    .sample = infer_sample,
    .cleanup = infer_cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
