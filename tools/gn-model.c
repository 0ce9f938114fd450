/* gn-model - what a network looks like: layers, parameters, cost, memory; and the config a model
 * carries */
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "config/config.h"
#include "io/safetensors.h"
#include "run/checkpoint.h"
#include "run/target.h"
#include "tool/tool.h"

static struct model_args {
    int64_t channels, batch;
    struct gn_vec3 patch;
    const char *output;
} args = { .output = "-" };

static const struct gn_opt opts[] = {
    GN_OPT_INT(0, "channels", &args.channels, "N",
               "show: input channels where the config does not say", GN_OPT_NO_DEFAULT),
    GN_OPT_INT(0, "batch", &args.batch, "N", "show: batch size instead of the config's",
               GN_OPT_NO_DEFAULT),
    GN_OPT_VEC3('p', "patch", &args.patch, "x,y,z", "show: patch instead of the config's",
                GN_OPT_NO_DEFAULT),
    GN_OPT_TEXT('o', "output", &args.output, "FILE", "write the text here [standard output]",
                GN_OPT_FILE | GN_OPT_NO_DEFAULT | GN_OPT_NO_HISTORY),
    GN_OPT_END
};

static const struct gn_command commands[] = {
    { "show", "MODEL|CONFIG",
      "layers, parameters, FLOPs, receptive field, smallest patch, memory" },
    { "config", "MODEL", "the config inside a model, as YAML" },
    { NULL, NULL, NULL }
};

static const struct gn_example examples[] = {
    { "gn-model show config.yaml", "will this network and patch fit into memory?" },
    { "gn-model show config.yaml -p 64,64,64 --batch 4", "the same for another patch" },
    { NULL, NULL }
};

static bool is_model(const char *path)
{
    size_t n = strlen(path);
    return n > 12 && !strcmp(path + n - 12, ".safetensors");
}

/* What preprocessing brings images to. */
static void show_targets(const struct gn_safetensors *st, struct gn_str *out)
{
    for (int stains = 0; stains < 2; stains++) {
        const char *name = gn_target_tensor_name(&(struct gn_target_use){ .stains = stains });
        const struct gn_tensor *t = gn_safetensors_get(st, name);
        if (t && t->rank == 2)
            gn_str_addf(out, stains ? "%s\tthe stains of a picture\n"
                                    : "%s\tthe values of an image, %lld channel%s, "
                                      "%lld quantiles\n",
                        name, (long long)t->shape[0], t->shape[0] == 1 ? "" : "s",
                        (long long)t->shape[1] - 3);
    }
}

/* Does the file hold what the network its config names is made of? */
static int compare(struct gn_tool_ctx *ctx, const char *path, const struct gn_safetensors *st,
                   const struct gn_net_spec *spec, struct gn_str *out)
{
    struct gn_err why = { 0 };
    /* Names and shapes do not depend on the patch: the smallest will do. */
    int64_t patch[3] = { 1, 1, 1 };
    struct gn_net_param *p;
    int rc = -1;
    struct gn_net *net = NULL;
    while (gn_net_check(spec, patch, &why) < 0) {
        patch[0]++;
        patch[1]++;
        patch[2] += spec->dim == 3;
    }
    if (!(net = gn_net_new(spec, NULL, NULL, false, "ref", 1, patch, 0, &ctx->err)))
        goto out;
    int n = gn_net_params(net, &p);
    for (int k = 0; k < n; k++) {
        const struct gn_tensor *t = gn_safetensors_get(st, p[k].name);
        bool same = t && t->rank == p[k].tensor.rank;
        for (int a = 0; same && a < t->rank; a++)
            same = t->shape[a] == p[k].tensor.shape[a];
        if (!same) {
            gn_err_set(&ctx->err, "%s: tensor %s: %s", path, p[k].name,
                       t ? "has another shape than the network its config names" : "is missing");
            goto out;
        }
    }
    for (size_t i = 0; i < st->n_meta; i++)
        if (strcmp(st->meta[i].key, "config"))
            gn_str_addf(out, "%s\t%s\n", st->meta[i].key, st->meta[i].value);
    show_targets(st, out);
    rc = 0;
out:
    gn_net_free(net);
    return rc;
}

static int show(struct gn_tool_ctx *ctx, const char *path)
{
    struct gn_config c = { 0 };
    struct gn_setup s = { 0 };
    struct gn_str text = { 0 };
    struct gn_safetensors st = { 0 };
    struct gn_strs steps = { 0 };
    struct gn_err fault = { 0 }; /* why no prediction could be made with this model */
    bool model = is_model(path), opened = false;
    int rc = -1, own = 0;
    if (gn_config_load(&c, path, &ctx->err) < 0)
        goto out;
    if (args.channels > 4096) {
        gn_err_usage(&ctx->err, "--channels %lld: must be 1 to 4096", (long long)args.channels);
        goto out;
    }
    if (model) {
        if (gn_safetensors_open(&st, path, &ctx->err) < 0)
            goto out;
        opened = true;
        if (gn_model_check(&st, &c, &steps, &own, &fault) < 0)
            own = 0;
    }
    int channels = args.channels > 0 ? (int)args.channels : c.channels > 0 ? c.channels : own;
    if (channels <= 0 && !fault.code)
        gn_log(GN_LOG_NOTE,
               "%s: does not say how many channels the images have: 1 is assumed (--channels)",
               path);
    if (gn_setup_from_config(&s, &c, channels > 0 ? channels : 1, &ctx->err) < 0)
        goto out;
    int64_t patch[3];
    for (int i = 0; i < 3; i++)
        patch[i] = args.patch.n > 0 ? (int64_t)args.patch.v[i] : c.patch[i];
    if (s.net.dim == 2)
        patch[2] = 1;
    if (gn_net_describe(&s.net, args.batch > 0 ? args.batch : c.batch_size, patch, &text,
                        &ctx->err) < 0) {
        gn_err_wrap(&ctx->err, "%s", path);
        goto out;
    }
    rc = model ? compare(ctx, path, &st, &s.net, &text) : 0;
    if (rc == 0 && (!fault.code || !strcmp(args.output, "-"))) /* a failed run leaves no FILE */
        rc = gn_file_write(args.output, gn_str_text(&text), text.len, false, &ctx->err);
    if (rc == 0 && fault.code)
        rc = gn_err_set(&ctx->err, "%s: %s", path, fault.text);
out:
    if (opened)
        gn_safetensors_close(&st);
    gn_strs_free(&steps);
    gn_str_free(&text);
    gn_setup_free(&s);
    gn_config_free(&c);
    return rc;
}

static int config(struct gn_tool_ctx *ctx, const char *path)
{
    struct gn_safetensors st;
    if (gn_safetensors_open(&st, path, &ctx->err) < 0)
        return -1;
    const char *text = gn_safetensors_meta(&st, "config");
    int rc = text ? 0 : gn_err_set(&ctx->err, "%s: carries no config", path);
    if (text)
        rc = gn_file_write(args.output, text, strlen(text), false, &ctx->err);
    gn_safetensors_close(&st);
    return rc;
}

static int model_main(struct gn_tool_ctx *ctx)
{
    if (!ctx->command)
        return gn_err_usage(&ctx->err, "a command is needed: show or config");
    if (ctx->operands.n != 1)
        return gn_err_usage(&ctx->err, "%s: one file is needed", ctx->command);
    return !strcmp(ctx->command, "show") ? show(ctx, ctx->operands.item[0])
                                         : config(ctx, ctx->operands.item[0]);
}

static const struct gn_tool tool = {
    .name = "gn-model",
    .summary = "what a network looks like, and the config a model carries",
    .operands = "FILE",
    .description = "show builds the network that a config, or the config inside a model, stands "
                   "for, without data and without computing, and prints its "
                   "layers, parameters, cost, receptive field, smallest patch and the memory that "
                   "training and inference will take. Of a model "
                   "it also checks that the file holds every tensor of that network, and that its "
                   "metadata and targets of preprocessing are such as prediction takes; else the "
                   "last line, on standard error, says why not, and the status is 1.",
    .output = "Text on standard output, or in the file of -o: a table of layers, then one line a "
              "fact, its name, a tab, its value; or YAML.",
    .commands = commands,
    .opts = opts,
    .examples = examples,
    .see_also = "gn-train(1), gn-config(1), gn-infer(1)",
    .flags = GN_TOOL_NO_INPUT | GN_TOOL_NO_OUTPUT | GN_TOOL_OWN_O | GN_TOOL_NO_KEEP,
    .main = model_main,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
