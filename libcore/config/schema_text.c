/* schema_text.c - looking things up in the table of keys, and telling about them. */
#include "config/schema.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

const char *const gn_key_kind_names[GN_KEY_KINDS] = {
    "section",          "name or section", "steps",   "step",         "integer",
    "number",           "true or false",   "text",    "name",         "[a, b]",
    "number or [a, b]", "number or list",  "x, y, z", "list of axes", "mapping",
    "see help"
};

bool gn_word_in(const char *word, const char *words, bool any_case)
{
    size_t n = strlen(word);
    for (const char *p = words; p && *p;) {
        size_t m = strcspn(p, " ");
        if (m == n && !(any_case ? strncasecmp(p, word, n) : strncmp(p, word, n))) {
            return true;
        }
        p += m + strspn(p + m, " ");
    }
    return false;
}

const char *gn_config_key_last(const struct gn_key *key)
{
    const char *dot = strrchr(key->path, '.');
    return dot ? dot + 1 : key->path;
}

bool gn_config_key_in(const struct gn_key *key, const char *prefix)
{
    size_t n = strlen(prefix);
    if (n == 0) {
        return !strchr(key->path, '.');
    }
    return !strncmp(key->path, prefix, n) && key->path[n] == '.' && !strchr(key->path + n + 1, '.');
}

const struct gn_key *gn_config_key(const char *path, const char *when)
{
    for (const struct gn_key *k = gn_config_keys; k->path; k++) {
        if (!strcmp(k->path, path) && (!when || !k->when || gn_word_in(when, k->when, false))) {
            return k;
        }
    }
    return NULL;
}

const struct gn_key *gn_config_key_find(const char *prefix, const char *name, const char *when,
                                        bool any_case)
{
    for (const struct gn_key *k = gn_config_keys; k->path; k++) {
        if (gn_config_key_in(k, prefix) &&
            (!when || !k->when || gn_word_in(when, k->when, false)) &&
            (gn_word_in(name, gn_config_key_last(k), any_case) ||
             gn_word_in(name, k->also, any_case))) {
            return k;
        }
    }
    return NULL;
}

const struct gn_choice *gn_choice_find(const struct gn_choice *choices, const char *text)
{
    for (const struct gn_choice *c = choices; c && c->name; c++) {
        if (gn_word_in(text, c->name, true) || gn_word_in(text, c->also, true)) {
            return c;
        }
    }
    return NULL;
}

void gn_choice_list(const struct gn_choice *choices, struct gn_str *out)
{
    const char *comma = "";
    for (const struct gn_choice *c = choices; c && c->name; c++) {
        if (c->built) {
            gn_str_addf(out, "%s%s", comma, c->name);
            comma = ", ";
        }
    }
}

void gn_choice_suggest(const struct gn_choice *choices, const char *typed, struct gn_str *out)
{
    struct gn_strs words = { 0 };
    for (const struct gn_choice *c = choices; c && c->name; c++) {
        gn_strs_add(&words, c->name);
        for (const char *p = c->also; p && *p;) {
            size_t n = strcspn(p, " ");
            if (isalpha((unsigned char)*p)) { /* no digit or sign is a slip for another */
                char *word = gn_strndup(p, n);
                gn_strs_add(&words, word);
                free(word);
            }
            p += n + strspn(p + n, " ");
        }
    }
    const char *near = words.n ? gn_nearest(typed, (const char *const *)words.item) : NULL;
    if (near) {
        const struct gn_choice *c = gn_choice_find(choices, near);
        gn_str_addf(out, "; the nearest is %s", near);
        if (strcmp(near, c->name) != 0)
            gn_str_addf(out, ", another name of %s", c->name);
    }
    gn_strs_free(&words);
}

static void put_range(const struct gn_key *k, struct gn_str *out)
{
    if (k->lo == 0 && k->hi == 0) {
        return;
    }
    gn_str_addf(out, "%s %.15g", k->above ? "above" : "at least", k->lo);
    if (k->hi < 1e6) {
        gn_str_addf(out, ", at most %.15g", k->hi);
    }
}

static const char *effect_text(const struct gn_key *k)
{
    switch (k->effect) {
    case GN_KEY_INERT: return "no effect";
    case GN_KEY_SILENT: return "passed over";
    case GN_KEY_ABSENT: return "not available in this version";
    case GN_KEY_ACTS: break;
    }
    return k->required ? "required" : "";
}

void gn_config_explain(const struct gn_key *k, struct gn_str *out)
{
    struct gn_str range = { 0 };
    const char *effect = effect_text(k);
    gn_str_addf(out, "%s: %s\n", k->path, k->help);
    if (k->kind != GN_KEY_SPECIAL) {
        gn_str_addf(out, "    value: %s\n", gn_key_kind_names[k->kind]);
    }
    if (k->choices) {
        gn_str_add(out, "    names: ");
        gn_choice_list(k->choices, out);
        gn_str_add(out, "\n");
    }
    put_range(k, &range);
    if (range.len) {
        gn_str_addf(out, "    range: %s\n", gn_str_text(&range));
    }
    if (k->def) {
        gn_str_addf(out, "    default: %s\n", k->def);
    }
    if (k->also) {
        gn_str_addf(out, "    also written: %s\n", k->also);
    }
    if (k->when) {
        gn_str_addf(out, "    of: %s\n", k->when);
    }
    if (*effect) {
        gn_str_addf(out, "    %s\n", effect);
    }
    gn_str_free(&range);
    for (const struct gn_key *p = gn_config_keys; p->path; p++) {
        if (gn_config_key_in(p, k->path)) {
            gn_str_addf(out, "    %s: %s%s%s%s\n", p->path + strlen(k->path) + 1, p->help,
                        p->def ? " [" : "", p->def ? p->def : "", p->def ? "]" : "");
        }
    }
}

void gn_config_schema(struct gn_str *out)
{
    gn_str_add(out, "key\tvalue\tdefault\tallowed\talso\tof\teffect\thelp\n");
    for (const struct gn_key *k = gn_config_keys; k->path; k++) {
        gn_str_addf(out, "%s\t%s\t%s\t", k->path, gn_key_kind_names[k->kind], k->def ? k->def : "");
        if (k->choices) {
            gn_choice_list(k->choices, out);
        } else {
            put_range(k, out);
        }
        gn_str_addf(out, "\t%s\t%s\t%s\t%s\n", k->also ? k->also : "", k->when ? k->when : "",
                    effect_text(k), k->help);
    }
}
