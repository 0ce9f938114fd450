/* chain.c - see chain.h */
#include "run/chain.h"

#include <string.h>

#include "run/checkpoint.h"
#include "run/targets.h"

static bool is_step(const char *line)
{
    return !strncmp(line, "gn-resample ", 12) || !strncmp(line, "gn-normalize ", 13);
}

void gn_chain_done(const struct gn_record *r, struct gn_strs *commands)
{
    for (size_t i = 0; i < r->n; i++) {
        const char *line = r->fields[i].value;
        if (strcmp(r->fields[i].key, "history") || !is_step(line))
            continue;
        /* tool, version, options: the version is not part of what was done */
        const char *version = strchr(line, ' ') + 1;
        const char *options = strchr(version, ' ');
        struct gn_str s = {0};
        gn_str_addn(&s, line, (size_t)(version - 1 - line));
        if (options)
            gn_str_add(&s, options);
        gn_strs_add(commands, gn_str_text(&s));
        gn_str_free(&s);
    }
}

static bool contains(const struct gn_strs *list, const char *text)
{
    for (size_t i = 0; list && i < list->n; i++)
        if (!strcmp(list->item[i], text))
            return true;
    return false;
}

int gn_chain_compare(const struct gn_strs *wanted, const struct gn_strs *optional,
                     const struct gn_strs *done, struct gn_err *err)
{
    size_t w = 0, d = 0;
    while (w < wanted->n || d < done->n) {
        const char *want = w < wanted->n ? wanted->item[w] : NULL;
        const char *have = d < done->n ? done->item[d] : NULL;
        if (want && have && !strcmp(want, have)) {
            w++, d++;
        } else if (have && contains(optional, have)) {
            d++;
        } else if (!have) {
            return gn_err_set(err, "preprocessing differs: '%s' was not done", want);
        } else if (!want) {
            return gn_err_set(err, "preprocessing differs: '%s' was done and should not have been",
                              have);
        } else {
            return gn_err_set(err, "preprocessing differs: '%s' was done, '%s' was expected", have,
                              want);
        }
    }
    return 0;
}

void gn_chain_of_config(const struct gn_config *c, struct gn_chain *chain)
{
    struct gn_strs training = {0};
    gn_config_chain(c, false, &chain->all);
    gn_config_chain(c, true, &training);
    for (size_t i = 0; i < training.n; i++)
        if (!contains(&chain->all, training.item[i]))
            gn_strs_add(&chain->training_only, training.item[i]);
    gn_strs_free(&training);
    chain->adopts = c->pre.n == 0 && chain->all.n == 0;
}

void gn_chain_free(struct gn_chain *chain)
{
    gn_strs_free(&chain->all);
    gn_strs_free(&chain->training_only);
}

/* The model must be able to ask for what was done. */
static int adopt(struct gn_chain *chain, const struct gn_strs *done, struct gn_err *err)
{
    struct gn_target_use use;
    char name[GN_TARGET_NAME + 1];
    for (size_t k = 0; k < done->n; k++) {
        if (contains(&chain->training_only, done->item[k]))
            continue;
        if (!gn_model_can_replay(done->item[k]))
            return gn_err_set(err,
                              "preprocessing: '%s' was done, which a model cannot ask for: new "
                              "images could not be prepared in the same way%s",
                              done->item[k],
                              gn_target_of_command(done->item[k], &use, name)
                                  ? " (written in data_preprocessing it is: then its target goes "
                                    "into the model)"
                                  : "");
        gn_strs_add(&chain->all, done->item[k]);
    }
    chain->adopts = false;
    return 0;
}

int gn_chain_check(struct gn_chain *chain, const struct gn_record *r, struct gn_err *err)
{
    struct gn_strs done = {0};
    int rc = 0;
    gn_chain_done(r, &done);
    if (chain->adopts)
        rc = adopt(chain, &done, err);
    if (rc == 0)
        rc = gn_chain_compare(&chain->all, &chain->training_only, &done, err);
    gn_strs_free(&done);
    return rc;
}
