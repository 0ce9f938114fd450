/* gn-postprocess - steps on predicted labels: holes, components, morphology, mapping */
#include <stdlib.h>
#include <string.h>

#include "run/post.h"
#include "tool/tool.h"

static struct postprocess_args {
    const char *config, *map;
    struct gn_strs op;
    bool images;
} args;

static struct gn_post_plan plan;

static const struct gn_opt opts[] = {
    GN_OPT_TEXT('c', "config", &args.config, "FILE", "configuration: data_postprocessing",
                GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_LIST(0, "op", &args.op, "NAME[:KEY=VALUE,...]",
                "a step: fill_holes, cca, morphology; repeat for more, in order", 0),
    GN_OPT_TEXT(0, "map", &args.map, "A=B,...",
                "label A becomes B, last; labels not listed become 0", 0),
    GN_OPT_FLAG(0, "images", &args.images, "the images of the stream are label maps too", 0),
    GN_OPT_END};

/* ---- what is to be done ---- */

static int add_op(const char *op, struct gn_err *err)
{
    struct gn_post_step *s = &plan.step[plan.steps++];
    const char *p = op + strcspn(op, ":");
    char *name = gn_strndup(op, (size_t)(p - op));
    int rc = gn_post_step_init(s, name, err);
    free(name);
    while (rc == 0 && *p) {
        const char *key = ++p; /* after the : or the , */
        p += strcspn(p, ",");
        char *word = gn_strndup(key, (size_t)(p - key)), *value = strchr(word, '=');
        if (value)
            *value++ = 0;
        rc = value ? gn_post_step_set(s, word, value, err)
                   : gn_err_usage(err, "%s: not KEY=VALUE", word);
        free(word);
    }
    return rc ? gn_err_wrap(err, "--op %s", op) : 0;
}

static int read_map(struct gn_err *err)
{
    int64_t v[2] = {0, 0};
    for (const char *p = args.map;; p++) {
        size_t n = strcspn(p, ",");
        char *word = gn_strndup(p, n), *to = strchr(word, '=');
        bool good = to != NULL;
        if (good)
            *to++ = 0;
        good = good && !gn_parse_int(word, &v[0]) && !gn_parse_int(to, &v[1]) &&
               v[1] >= INT32_MIN && v[1] <= UINT32_MAX;
        free(word);
        for (int i = 0; good && i < plan.pairs; i++)
            if (plan.pair[i].from == v[0])
                return gn_err_usage(err, "--map: label %lld is there twice", (long long)v[0]);
        if (!good)
            return gn_err_usage(err, "--map: must be labels as 1=1,2=4: %s", args.map);
        gn_post_plan_pair(&plan, v[0], v[1]);
        p += n;
        if (!*p)
            return 0;
    }
}

static int begin(struct gn_tool_ctx *ctx)
{
    struct gn_config config;
    struct gn_err *err = &ctx->err;
    int rc = 0;
    if (args.config && args.op.n)
        return gn_err_usage(err, "--op and --config exclude each other");
    if (!args.config && !args.op.n && !args.map)
        return gn_err_usage(err, "which steps? give --config, --op or --map");
    if (args.config) {
        if (gn_config_load(&config, args.config, err))
            return -1;
        rc = gn_post_plan_of_config(&plan, &config, err);
        gn_config_free(&config);
        if (args.map) /* in the place of the config's mapping */
            plan.pairs = 0;
    } else {
        plan.step = gn_alloc((args.op.n + 1) * sizeof *plan.step);
        for (size_t i = 0; rc == 0 && i < args.op.n; i++)
            rc = add_op(args.op.item[i], err);
    }
    return rc == 0 && args.map ? read_map(err) : rc;
}

/* ---- a sample ---- */

/* Predictions where there are any: the truth beside them stays what it is. */
static bool is_meant(const struct gn_record *r, bool predicted)
{
    const enum gn_role role = gn_record_role(r);
    return role == (predicted ? GN_ROLE_PREDICTION : GN_ROLE_LABEL) ||
           (args.images && role == GN_ROLE_IMAGE);
}

static int process(struct gn_record *r, struct gn_err *err)
{
    struct gn_tensor t = r->tensor; /* borrowed, until the first step makes a new one */
    t.owned = NULL;
    if (gn_record_get(r, "class_list"))
        return gn_err_set(err, "class maps, not labels: gn-stitch --labels decodes them");
    if (gn_record_get(r, "patch.origin"))
        return gn_err_set(err, "a patch: its regions go on in its neighbours, stitch it first");
    if (!plan.steps && !plan.pairs)
        return 0;
    if (gn_post_plan_run(&plan, &t, err) < 0) {
        gn_tensor_free(&t);
        return -1;
    }
    gn_record_take(r, &t, "czyx");
    gn_record_drop_prefix(r, "parent.");
    return 0;
}

static int postprocess_sample(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    const bool predicted = gn_sample_find(s, GN_ROLE_PREDICTION) != NULL;
    bool found = false;
    for (size_t i = 0; i < s->n; i++) {
        const char *name = gn_record_get(&s->rec[i], "name");
        if (!is_meant(&s->rec[i], predicted))
            continue;
        found = true;
        if (process(&s->rec[i], &ctx->err))
            return name ? gn_err_wrap(&ctx->err, "%s", name) : -1;
    }
    if (!found)
        return gn_err_set(&ctx->err,
                          "no label and no prediction (--images: the images are labels)");
    return gn_emit(ctx, s);
}

static void cleanup(struct gn_tool_ctx *ctx)
{
    (void)ctx;
    gn_post_plan_free(&plan);
}

static const struct gn_example examples[] = {
    {"gn-load test.csv | gn-postprocess --op cca --op fill_holes:closing=false --map 1=1,2=4 "
     ">clean.gnt",
     "the largest component of each label, without holes; labels 1 and 2 become 1 and 4"},
    {"gn-load test.csv | gn-postprocess --op morphology:mode=opening,kernel_size=3 | "
     "gn-save -o smooth/",
     "take thin bridges and specks away"},
    {"gn-load test.csv | gn-resample -s 1,1,1 | gn-normalize --zscore nonzero | gn-patch --grid -c "
     "model/best.safetensors | gn-infer -m model/best.safetensors | gn-stitch --labels --to-source "
     "| gn-postprocess -c model/best.safetensors | gn-save -o out/",
     "predict, with the steps that the model's configuration names"},
    {NULL, NULL}};
static const char *const references[] = {
    "SciPy: https://docs.scipy.org/doc/scipy/reference/ndimage.html",
    "K. Wu, E. Otoo, K. Suzuki: Optimizing two-pass connected-component labeling algorithms (2009)",
    NULL};

static const struct gn_tool tool = {
    .name = "gn-postprocess",
    .summary = "clean predicted labels: holes, components, morphology, mapping",
    .operands = "[FILE...]",
    .description =
        "Steps, in the order of the config's data_postprocessing or of --op, and their keys:\n\n"
        "fill_holes closing=true: what of the background no way over faces leads out of becomes "
        "the label. Before that, gaps of one voxel are closed (by the face neighbours, as SciPy's "
        "binary_closing: a region loses its voxels at the image's border); closing=false leaves "
        "that out.\n\n"
        "cca connectivity=: the largest connected component stays; of several, the first. 26 "
        "neighbours join voxels, or 18 or 6; in 2-D 8 or 4.\n\n"
        "morphology mode=dilation, kernel_size=1: dilation, erosion, opening or closing by a box "
        "of so many voxels an axis, an odd number. What lies outside the image does not count.\n\n"
        "The steps act on the region of each label by itself. Then the regions are put together: "
        "where two meet, the later label wins (in the order of the config's class_list, else the "
        "larger), as when class maps are decoded; so a label may fill a hole that another one was "
        "in. An image of one slice is 2-D. --map, or the config's mapping, comes last; labels that "
        "it does not list become 0.\n\n"
        "Where a sample has a prediction, its label (the truth) is left as it is.",
    .input = "Samples with a prediction or a label, whole: no patches, no class maps.",
    .output = "The same samples. Labels keep their type, unless a label of --map needs a wider "
              "one.",
    .opts = opts,
    .examples = examples,
    .references = references,
    .see_also = "gn-stitch(1), gn-dice(1), gn-config(1)",
    .begin = begin,
    .sample = postprocess_sample,
    .cleanup = cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
