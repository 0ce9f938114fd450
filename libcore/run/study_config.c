/* study_config.c - a study that is called again with another config: may it be? */
#include "run/study.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "config/folds.h"
#include "config/pipeline.h"
#include "run/checkpoint.h"

/* Has a training saved anything in this leaf? What cannot be read may well be a training's. */
static bool is_trained(const char *out, const char *leaf)
{
    static const char *const saved[] = {"model/best.safetensors", "model/DONE"};
    char *dir = *leaf ? gn_path_join(out, leaf) : gn_strdup(out),
         *latest = gn_path_join(dir, "model/latest.safetensors");
    struct gn_train_state state;
    struct gn_err err = {0};
    int had = gn_checkpoint_state(latest, &state, &err);
    bool trained = had < 0 || (had > 0 && (state.epoch > 0 || state.consumed > 0));
    for (size_t i = 0; i < sizeof saved / sizeof *saved && !trained; i++) {
        char *path = gn_path_join(dir, saved[i]);
        trained = access(path, F_OK) == 0;
        free(path);
    }
    free(latest);
    free(dir);
    return trained;
}

/* In any leaf that the earlier config stood for. */
static bool any_trained(const char *out, const struct gn_config *old)
{
    bool trained = is_trained(out, "");
    for (int f = 0; f < gn_folds_run(old->testing) && !trained; f++)
        for (int g = 0; g < gn_folds_run(old->validation) && !trained; g++) {
            char *leaf = gn_folds_leaf_name(old->testing, old->validation, f, g);
            trained = is_trained(out, leaf);
            free(leaf);
        }
    return trained;
}

/* Training goes on, never back: fewer epochs than some leaf has done, or less patience than they
 * were given, is another training. */
static int check_length(const struct gn_study *s, const char *path, const struct gn_config *old,
                        struct gn_err *err)
{
    const struct gn_config *c = s->config;
    static const char cure[] = "what was trained cannot be taken back: use another -o, or --reset";
    if (c->patience < old->patience)
        return gn_err_set(err, "%s: patience: %d is less than the %d it was trained with (%s): %s",
                          s->config_path, c->patience, old->patience, path, cure);
    for (size_t i = 0; i < s->leaves.n && c->num_epochs < old->num_epochs; i++) {
        const char *leaf = s->leaves.item[i];
        char *dir = *leaf ? gn_path_join(s->out, leaf) : gn_strdup(s->out),
             *latest = gn_path_join(dir, "model/latest.safetensors");
        struct gn_train_state state;
        struct gn_err none = {0};
        bool longer = gn_checkpoint_state(latest, &state, &none) > 0 &&
                      state.epoch + (state.consumed > 0) > c->num_epochs;
        int rc = longer ? gn_err_set(err, "%s: num_epochs: %d is less than the %lld epochs that %s "
                                     "was trained for: %s", s->config_path, c->num_epochs,
                                     (long long)state.epoch + (state.consumed > 0), dir, cure)
                        : 0;
        free(dir);
        free(latest);
        if (rc)
            return rc;
    }
    return 0;
}

static bool same_list(const struct gn_strs *a, const struct gn_strs *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; i < a->n && same; i++)
        same = !strcmp(a->item[i], b->item[i]);
    return same;
}

/* Do both fill the caches in the same way? */
static bool same_caches(const struct gn_config *a, const struct gn_config *b)
{
    bool same = gn_config_augments_raw(a) == gn_config_augments_raw(b) &&
                gn_config_training_chain(a) == gn_config_training_chain(b);
    for (int k = 0; k < 3 && same; k++) {
        struct gn_strs one = {0}, other = {0};
        if (k < 2) {
            gn_config_chain(a, k == 1, &one);
            gn_config_chain(b, k == 1, &other);
        } else {
            gn_config_chain_at_load(a, true, &one);
            gn_config_chain_at_load(b, true, &other);
        }
        same = same_list(&one, &other);
        gn_strs_free(&one);
        gn_strs_free(&other);
    }
    return same;
}

int gn_study_compare_config(const struct gn_study *s, const char *path, bool *caches_stay,
                            struct gn_err *err)
{
    static const char *const free_to_change[] = {"num_epochs", "patience", "save_*", NULL};
    struct gn_config old = {0};
    struct gn_strs faults = {0}, keys = {0};
    struct gn_str list = {0};
    int rc = -1;

    if (gn_config_read(&old, path, &faults, err) < 0)
        goto out;
    gn_config_differences(&old, s->config, free_to_change, &keys);
    if (!keys.n && any_trained(s->out, &old) && check_length(s, path, &old, err) < 0)
        goto out;
    for (size_t i = 0; i < keys.n; i++)
        gn_str_addf(&list, "%s%s", i ? ", " : "", keys.item[i]);
    rc = keys.n > 0;
    if (rc && any_trained(s->out, &old)) {
        rc = gn_err_set(err, "%s: another config than %s, in %s: use another -o, or --reset", path,
                        s->config_path, gn_str_text(&list));
    } else if (rc) {
        *caches_stay = same_caches(&old, s->config);
        gn_log(GN_LOG_NOTE, "%s: the config has changed, in %s; nothing was trained with the "
               "earlier one: %s", s->out, gn_str_text(&list),
               *caches_stay ? "the study goes on with this one" : "the study begins anew");
    }
out:
    gn_config_free(&old);
    gn_strs_free(&faults);
    gn_strs_free(&keys);
    gn_str_free(&list);
    return rc;
}
