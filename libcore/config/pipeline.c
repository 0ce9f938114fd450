/* pipeline.c - see pipeline.h */
#include "config/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "config/folds.h"

bool gn_config_augments_raw(const struct gn_config *c)
{
    return c->aug.n > 0 && !c->augment_after;
}

bool gn_config_training_chain(const struct gn_config *c)
{
    struct gn_strs all = { 0 }, training = { 0 };
    gn_config_chain(c, false, &all);
    gn_config_chain(c, true, &training);
    bool differs = all.n != training.n;
    gn_strs_free(&all);
    gn_strs_free(&training);
    return differs;
}

void gn_config_labels(const struct gn_config *c, struct gn_str *out)
{
    const char *comma = "";
    for (int k = 0; k < c->n_classes; k++) {
        if (c->classes[k].n == 1 && c->classes[k].value[0] == 0)
            continue;
        gn_str_addf(out, "%s%s", comma, c->classes[k].text);
        comma = ",";
    }
}

static void put_stages(const struct gn_strs *stages, struct gn_str *out)
{
    for (size_t i = 0; i < stages->n; i++)
        gn_str_addf(out, "    %s |\n", stages->item[i]);
}

static void put_cache(const struct gn_config *c, const char *folder,
                      void (*chain)(const struct gn_config *, bool, struct gn_strs *),
                      bool training, struct gn_str *out)
{
    struct gn_strs stages = { 0 };
    gn_str_add(out, "gn-load \"$DATA\" |\n");
    chain(c, training, &stages);
    put_stages(&stages, out);
    gn_str_addf(out, "    gn-save --cache -o \"$OUT/%s/\"\n", folder);
    gn_strs_free(&stages);
}

static void put_split(const struct gn_config *c, struct gn_str *out)
{
    gn_str_addf(out, "gn-split --test %d --val %d", c->testing, c->validation);
    if (c->stratified)
        gn_str_add(out, " --stratify");
    if (c->group || c->group_regex) {
        gn_str_addf(out, " --group%s ", c->group ? "" : "-regex");
        gn_str_add_shell(out, c->group ? c->group : c->group_regex);
    }
    if (c->seed)
        gn_str_addf(out, " --seed %llu", (unsigned long long)c->seed);
    gn_str_add(out, " -o \"$OUT/\" \"$DATA\"\n");
}

static void put_train(const struct gn_config *c, struct gn_str *out)
{
    bool raw = gn_config_augments_raw(c), own = !raw && gn_config_training_chain(c);
    bool counts =
        (c->weighted_loss && !c->penalty_weights) || (c->biased_sampling && !c->sampling_weights);
    const char *cache = raw ? "cache_raw" : own ? "cache_training" : "cache";
    struct gn_strs stages = { 0 };
    put_split(c, out);
    if (counts)
        gn_str_add(out, "gn-epochs -n 1 --only \"$LEAF/data_training.csv\" \"$OUT/cache/\" |\n"
                        "    gn-info --labels >\"$LEAF/class_counts.tsv\"\n");
    gn_str_addf(out,
                "gn-epochs -c \"$CONFIG\" --only \"$LEAF/data_training.csv\" --from "
                "\"$LEAF/model/\" %s%s\"$OUT/%s/\" |\n",
                raw ? "" : "--patches ",
                counts && c->biased_sampling && !raw
                    ? "--class-counts \"$LEAF/class_counts.tsv\" " : "", cache);
    if (c->aug.n)
        gn_str_add(out, "    gn-augment -c \"$CONFIG\" |\n");
    if (raw) {
        gn_config_chain_after(c, true, &stages);
        put_stages(&stages, out);
        gn_str_add(out, "    gn-patch -c \"$CONFIG\" |\n    gn-shuffle -c \"$CONFIG\" |\n");
    }
    gn_str_addf(out,
                "    gn-train -c \"$CONFIG\" --cache \"$OUT/cache/\" --val "
                "\"$LEAF/data_validation.csv\"%s -o \"$LEAF/model/\"\n",
                counts ? " --class-counts \"$LEAF/class_counts.tsv\"" : "");
    gn_strs_free(&stages);
}

static void put_predict(const struct gn_config *c, struct gn_str *out)
{
    struct gn_strs stages = { 0 };
    gn_str_add(out, "gn-load \"$TEST\" |\n");
    gn_config_chain(c, false, &stages);
    put_stages(&stages, out);
    gn_str_add(out, "    gn-patch --grid -c \"$MODEL\" |\n    gn-infer -m \"$MODEL\" |\n    "
                    "gn-stitch --labels --to-source |\n");
    if (c->post.n)
        gn_str_add(out, "    gn-postprocess -c \"$MODEL\" |\n");
    gn_str_add(out, "    gn-save -o \"$LEAF/predictions/\"\n");
    gn_strs_free(&stages);
}

static void put_score(const struct gn_config *c, struct gn_str *out)
{
    struct gn_str labels = { 0 };
    bool distances = false;
    for (size_t i = 0; i < c->metrics.n; i++)
        distances = distances || !strncmp(c->metrics.item[i], "hd", 2) ||
                    !strncmp(c->metrics.item[i], "nsd", 3);
    gn_config_labels(c, &labels);
    gn_str_add(out, "gn-dice --labels ");
    gn_str_add_shell(out, gn_str_text(&labels));
    gn_str_addf(out, "%s \"$LEAF/predictions/predictions.csv\" \"$TEST\" >\"$LEAF/scores.tsv\"\n",
                distances ? " --distances" : "");
    gn_str_free(&labels);
}

static void put_variables(const struct gn_config *c, const char *path, unsigned parts,
                          struct gn_str *out)
{
    char *leaf = gn_folds_leaf_name(c->testing, c->validation, 0, 0);
    bool tested = c->testing > 1 || c->testing < -1;
    gn_str_add(out, "CONFIG=${CONFIG:-");
    gn_str_add_shell(out, path);
    gn_str_add(out, "} DATA=${DATA:-data.csv} OUT=${OUT:-out}\n");
    gn_str_addf(out, "LEAF=${LEAF:-$OUT%s%s}\n", *leaf ? "/" : "", leaf);
    if (parts & (GN_PIPELINE_PREDICT | GN_PIPELINE_SCORE))
        gn_str_addf(
            out, "MODEL=${MODEL:-$LEAF/model/best.safetensors} TEST=${TEST:-$LEAF/data_%s.csv}\n",
            tested ? "testing" : "validation");
    free(leaf);
}

void gn_config_pipeline(const struct gn_config *c, const char *path, unsigned parts,
                        struct gn_str *out)
{
    bool tested = c->testing > 1 || c->testing < -1;
    if (!(parts & GN_PIPELINE_BARE))
        put_variables(c, path, parts, out);
    if (parts & GN_PIPELINE_CACHE) {
        gn_str_add(out, "\n# every subject, preprocessed once\n");
        put_cache(c, "cache", gn_config_chain, false, out);
        if (gn_config_augments_raw(c)) {
            gn_str_add(out, "\n# as read: augmentation comes before preprocessing\n");
            put_cache(c, "cache_raw", gn_config_chain_at_load, true, out);
        } else if (gn_config_training_chain(c)) {
            gn_str_add(out, "\n# with the steps for training cases only\n");
            put_cache(c, "cache_training", gn_config_chain, true, out);
        }
    }
    if (parts & GN_PIPELINE_TRAIN) {
        gn_str_add(out, "\n# folds, and the training of the first\n");
        put_train(c, out);
    }
    if (parts & GN_PIPELINE_PREDICT) {
        gn_str_addf(out, "\n# the %s set, with the best model\n", tested ? "test" : "validation");
        put_predict(c, out);
    }
    if (parts & GN_PIPELINE_SCORE) {
        gn_str_add(out, "\n# against the truth\n");
        put_score(c, out);
    }
}
