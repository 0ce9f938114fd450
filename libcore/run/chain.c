/* chain.c - see chain.h */
#include "run/chain.h"

#include <string.h>

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

void gn_chain_of_config(const struct gn_config *c, struct gn_strs *all,
                        struct gn_strs *training_only)
{
    struct gn_strs training = {0};
    gn_config_chain(c, false, all);
    gn_config_chain(c, true, &training);
    for (size_t i = 0; i < training.n; i++)
        if (!contains(all, training.item[i]))
            gn_strs_add(training_only, training.item[i]);
    gn_strs_free(&training);
}
