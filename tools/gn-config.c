/* gn-config - check, explain and complete a configuration; print the pipeline it stands for */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "config/data.h"
#include "config/pipeline.h"
#include "config/schema.h"
#include "config/target.h"
#include "tool/tool.h"

static const char *const part_names[] = { "all", "cache", "train", "predict", "score", NULL };

static struct config_args {
    bool lenient;
    const char *only, *output;
} args = { .only = "all" };

static const struct gn_opt opts[] = {
    GN_OPT_FLAG(0, "lenient", &args.lenient, "check: unknown keys are warnings", 0),
    GN_OPT_CHOICE(0, "only", &args.only, part_names, "pipeline: which part", 0),
    GN_OPT_TEXT('o', "output", &args.output, "FILE", "write there instead of to stdout",
                GN_OPT_FILE | GN_OPT_NO_HISTORY),
    GN_OPT_END
};

static const struct gn_command commands[] = {
    { "check", "FILE [CSV]",
      "say what is wrong with it, line by line; with CSV, whether it fits the data" },
    { "print", "FILE", "the resolved config: every key with its value, older spellings replaced" },
    { "explain", "[KEY]", "what a key means, or all of them" },
    { "pipeline", "FILE", "the shell commands it stands for" },
    { "init", "CSV", "a first config for these data" },
    { "schema", "", "the table of keys, tab-separated" },
    { NULL, NULL, NULL }
};

/* Read a config; its notes and all faults but the last are logged, the last is the error. */
static int read_config(struct gn_tool_ctx *ctx, struct gn_config *c, const char *path)
{
    struct gn_strs faults = { 0 };
    struct gn_err why = { 0 };
    if (!args.lenient)
        return gn_config_load(c, path, &ctx->err);
    int rc = gn_config_read_lenient(c, path, &faults, &why);
    for (size_t i = 0; i < c->notes.n; i++)
        gn_log(GN_LOG_WARN, "%s", c->notes.item[i]);
    for (size_t i = 0; i + 1 < faults.n; i++)
        gn_log(GN_LOG_ERROR, "%s", faults.item[i]);
    if (rc)
        gn_err_set(&ctx->err, "%s", faults.n ? faults.item[faults.n - 1] : why.text);
    gn_strs_free(&faults);
    return rc;
}

/* csv NULL: the config alone. */
static int check(struct gn_tool_ctx *ctx, const struct gn_config *c, const char *config,
                 const char *csv)
{
    struct gn_table t = { 0 };
    struct gn_strs faults = { 0 };
    if (csv && gn_table_read(&t, &csv, 1, GN_TABLE_IMAGES, &ctx->err))
        return -1;
    for (size_t i = 0; i < t.warnings.n; i++)
        gn_log(GN_LOG_WARN, "%s", t.warnings.item[i]);
    gn_config_check_training(c, config, &faults);
    if (csv)
        gn_config_check_data(c, config, &t, csv, &faults);
    for (size_t i = 0; i + 1 < faults.n; i++)
        gn_log(GN_LOG_ERROR, "%s", faults.item[i]);
    int rc = faults.n ? gn_err_set(&ctx->err, "%s", faults.item[faults.n - 1]) : 0;
    gn_strs_free(&faults);
    gn_table_free(&t);
    return rc;
}

static int explain(struct gn_tool_ctx *ctx, const char *key, struct gn_str *out)
{
    const char **names;
    size_t n = 0;
    for (const struct gn_key *k = gn_config_keys; k->path; k++, n++)
        if (!key || gn_word_in(key, k->path, true) ||
            gn_word_in(key, gn_config_key_last(k), true) || gn_word_in(key, k->also, true))
            gn_config_explain(k, out);
    if (out->len)
        return 0;
    names = gn_alloc((n + 1) * sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] =
            strchr(key, '.') ? gn_config_keys[i].path : gn_config_key_last(&gn_config_keys[i]);
    const char *near = gn_nearest(key, names);
    gn_err_set(&ctx->err, "%s: no such key%s%s", key, near ? "; the nearest is " : "",
               near ? near : "");
    free(names);
    return -1;
}

static unsigned part_of(const char *name)
{
    for (unsigned i = 1; part_names[i]; i++)
        if (!strcmp(part_names[i], name))
            return 1u << (i - 1);
    return GN_PIPELINE_ALL;
}

static int run_command(struct gn_tool_ctx *ctx, const char *command, struct gn_str *out)
{
    struct gn_config c = { 0 };
    size_t n = ctx->operands.n;
    const char *file = n ? ctx->operands.item[0] : NULL;
    int rc = -1;
    if (args.lenient && strcmp(command, "check"))
        return gn_err_usage(&ctx->err, "--lenient is for check only");
    if (strcmp(args.only, "all") && strcmp(command, "pipeline"))
        return gn_err_usage(&ctx->err, "--only is for pipeline only");
    if (!strcmp(command, "schema") || !strcmp(command, "explain")) {
        if (n > (size_t)(*command == 'e'))
            return gn_err_usage(&ctx->err, "%s: too many operands", command);
        if (*command == 'e')
            return explain(ctx, file, out);
        gn_config_schema(out);
        return 0;
    }
    if (n < 1 || n > (size_t)(strcmp(command, "check") ? 1 : 2))
        return gn_err_usage(&ctx->err, "%s: %s", command,
                            n ? "too many operands" : "a file is needed");
    if (!strcmp(command, "init"))
        return gn_config_init(file, out, &ctx->err);
    if (read_config(ctx, &c, file))
        goto out;
    if (!strcmp(command, "print")) {
        gn_config_print(&c, out);
    } else if (!strcmp(command, "pipeline")) {
        gn_config_locate_targets(&c);
        gn_config_pipeline(&c, file, part_of(args.only), out);
    } else {
        if (check(ctx, &c, file, n == 2 ? ctx->operands.item[1] : NULL))
            goto out;
        gn_str_addf(out, "%s: no faults\n", file);
    }
    rc = 0;
out:
    gn_config_free(&c);
    return rc;
}

static int config_main(struct gn_tool_ctx *ctx)
{
    struct gn_str out = { 0 };
    int rc = ctx->command ? run_command(ctx, ctx->command, &out)
                          : gn_err_usage(&ctx->err, "a command is needed: check, print, ...");
    if (rc == 0)
        rc = gn_file_write(args.output ? args.output : "-", gn_str_text(&out), out.len, false,
                           &ctx->err);
    gn_str_free(&out);
    return rc;
}

static const struct gn_example examples[] = {
    { "gn-config check config.yaml data.csv", "all that is wrong, before anything is computed" },
    { "gn-config pipeline --only predict config.yaml", "the commands to paste into a shell" },
    { "gn-config explain patch_size", "one key" },
    { "gn-config init -o new.yaml data.csv", "a first config for these data" },
    { NULL, NULL }
};

static const struct gn_tool tool = {
    .name = "gn-config",
    .summary = "check, explain and complete a configuration; print the pipeline it stands for",
    .operands = "COMMAND [FILE]",
    .description = "A configuration is a YAML file with GaNDLF's keys. Every fault is one line "
                   "FILE:LINE:COLUMN: key: reason, all of them at once. "
                   "Keys that are known and have no effect here give one note; keys that would "
                   "change what is promised and are not built are "
                   "refused.\n\n"
                   "Wherever a YAML file is read, a .safetensors model is read too: it carries the "
                   "config it was trained with.\n\n"
                   "check with a table reads the header of every file in it: what is missing or "
                   "cannot be read, empty cells, labels on another grid than their image, images "
                   "of another dimension or smaller than a patch, rows of differing channels.\n\n"
                   "init chooses what trains with images of these sizes: the patch, the network "
                   "and its depth, where patches are taken, and folds that keep the rows of a "
                   "person together.",
    .input = "A YAML file, a model, or (init) a data table.",
    .output = "Text on stdout, or in the file that -o names.",
    .commands = commands,
    .opts = opts,
    .examples = examples,
    .see_also = "gn-split(1), gn-train(1), gn-experiment(1)",
    .flags = GN_TOOL_NO_INPUT | GN_TOOL_NO_OUTPUT | GN_TOOL_OWN_O | GN_TOOL_NO_KEEP,
    .main = config_main,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
