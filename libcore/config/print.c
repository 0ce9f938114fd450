/* print.c - the resolved config as YAML, and the keys by which two configs differ. */
#include "config/reader.h"
#include "config/target.h"

#include <stdlib.h>
#include <string.h>

static const void *field(const struct gn_config *c, const struct gn_key *k)
{
    return (const char *)c + k->offset - 1;
}

static void put_text(const char *text, struct gn_str *out)
{
    const struct gn_yaml node = { .kind = GN_YAML_SCALAR, .text = text, .quoted = true };
    gn_yaml_print(&node, out);
    out->data[--out->len] = '\0'; /* without its newline */
}

static void put_flow(const struct gn_yaml *node, struct gn_str *out)
{
    if (node->kind == GN_YAML_NULL) {
        gn_str_add(out, "null");
    } else if (node->kind == GN_YAML_SCALAR && node->quoted) {
        put_text(node->text, out);
    } else if (node->kind == GN_YAML_SCALAR) {
        gn_str_add(out, node->text);
    } else {
        bool map = node->kind == GN_YAML_MAP;
        gn_str_add(out, map ? "{" : "[");
        for (const struct gn_yaml *e = node->child; e; e = e->next) {
            if (map)
                gn_str_addf(out, "%s: ", e->key);
            put_flow(e, out);
            gn_str_add(out, e->next ? ", " : "");
        }
        gn_str_add(out, map ? "}" : "]");
    }
}

static void put_weights(const char *name, const double *w, int n, struct gn_str *out)
{
    char buf[40];
    if (!w)
        return;
    gn_str_addf(out, "%s: {", name);
    for (int i = 0; i < n; i++)
        gn_str_addf(out, "%s%d: %s", i ? ", " : "", i, gn_number_yaml(w[i], buf));
    gn_str_add(out, "}\n");
}

static void put_classes(const struct gn_config *c, struct gn_str *out)
{
    gn_str_add(out, "  class_list: [");
    for (int i = 0; i < c->n_classes; i++) {
        gn_str_add(out, i ? ", " : "");
        if (c->classes[i].n > 1)
            put_text(c->classes[i].text, out);
        else
            gn_str_add(out, c->classes[i].text);
    }
    gn_str_add(out, "]\n");
}

/* Steps of a section; only: those of this name, NULL: all but the mapping. */
static void put_steps(const char *section, const struct gn_config_steps *steps, const char *only,
                      struct gn_str *out)
{
    size_t start = out->len;
    gn_str_addf(out, "%s:\n", section);
    int n = 0;
    for (int i = 0; i < steps->n; i++) {
        const struct gn_config_step *s = &steps->step[i];
        if (only ? strcmp(s->name, only) != 0 : !strcmp(s->name, "mapping"))
            continue;
        gn_str_addf(out, "  %s: ", s->name);
        put_flow(s->value, out);
        gn_str_add(out, "\n");
        n++;
    }
    if (n == 0) {
        out->len = start;
        out->data[start] = '\0';
        gn_str_addf(out, "%s: {}\n", section);
    }
}

static void put_special(const struct gn_config *c, const struct gn_key *k, struct gn_str *out)
{
    char buf[40], buf2[40];
    const char *p = k->path;
    if (!strcmp(p, "version")) {
        gn_str_add(out, "version: {minimum: 0.0.14, maximum: 0.1.6}\n");
    } else if (!strcmp(p, "patch_size")) {
        gn_str_addf(out, "patch_size: [%lld, %lld", (long long)c->patch[0], (long long)c->patch[1]);
        if (c->dimension == 3 || c->slices)
            gn_str_addf(out, ", %lld", (long long)c->patch[2]);
        gn_str_add(out, "]\n");
    } else if (!strcmp(p, "model.dimension")) {
        gn_str_addf(out, "  dimension: %d\n", c->dimension);
    } else if (!strcmp(p, "model.class_list")) {
        put_classes(c, out);
    } else if (!strcmp(p, "metrics")) {
        gn_str_add(out, "metrics: [");
        for (size_t i = 0; i < c->metrics.n; i++)
            gn_str_addf(out, "%s%s", i ? ", " : "", c->metrics.item[i]);
        gn_str_add(out, "]\n");
    } else if (!strcmp(p, "penalty_weights")) {
        put_weights(p, c->penalty_weights, c->n_classes, out);
    } else if (!strcmp(p, "sampling_weights")) {
        put_weights(p, c->sampling_weights, c->n_classes, out);
    } else if (!strcmp(p, "optimizer.betas")) {
        gn_str_addf(out, "  betas: [%s, %s]\n", gn_number_yaml(c->beta1, buf),
                    gn_number_yaml(c->beta2, buf2));
    } else if (!strcmp(p, "inference_mechanism.patch_overlap")) {
        gn_str_addf(out, "  patch_overlap: [%lld, %lld, %lld]\n", (long long)c->overlap[0],
                    (long long)c->overlap[1], (long long)c->overlap[2]);
    } else if (!strcmp(p, "seed")) {
        gn_str_addf(out, "seed: %llu\n", (unsigned long long)c->seed);
    }
}

/* A field whose value means that nothing is written. */
static bool is_unset(const struct gn_config *c, const struct gn_key *k)
{
    return (k->offset == offsetof(struct gn_config, channels) + 1 && c->channels == 0) ||
           (k->offset == offsetof(struct gn_config, ignore_label) + 1 && c->ignore_label < 0) ||
           (k->offset == offsetof(struct gn_config, clip_grad) + 1 && c->clip_grad == 0) ||
           (k->kind == GN_KEY_TEXT && !*(const char *const *)field(c, k));
}

static void put_key(const struct gn_config *c, const struct gn_key *k, const char *indent,
                    struct gn_str *out)
{
    char buf[40];
    if (k->kind == GN_KEY_SPECIAL) {
        put_special(c, k, out);
        return;
    }
    if (!k->offset || is_unset(c, k))
        return;
    gn_str_addf(out, "%s%s: ", indent, gn_config_key_last(k));
    switch (k->kind) {
    case GN_KEY_INT: gn_str_addf(out, "%d", *(const int *)field(c, k)); break;
    case GN_KEY_REAL:
        if (k->offset == offsetof(struct gn_config, sched_step_size) + 1 && c->sched_step_size == 0)
            gn_str_add(out, "null"); /* says that it is meant: a constant rate */
        else
            gn_str_add(out, gn_number_yaml(*(const double *)field(c, k), buf));
        break;
    case GN_KEY_BOOL: gn_str_add(out, *(const bool *)field(c, k) ? "true" : "false"); break;
    case GN_KEY_TEXT: put_text(*(const char *const *)field(c, k), out); break;
    default: gn_str_add(out, *(const char *const *)field(c, k));
    }
    gn_str_add(out, "\n");
}

/* A section: header, type, then its keys. */
static void put_section(const struct gn_config *c, const struct gn_key *section, struct gn_str *out)
{
    const char *type =
        section->kind == GN_KEY_TYPED ? *(const char *const *)field(c, section) : NULL;
    bool any = false;
    for (const struct gn_key *k = gn_config_keys; k->path; k++)
        any = any || gn_config_key_in(k, section->path);
    if (!any) { /* loss_function: a name is all there is */
        put_key(c, section, "", out);
        return;
    }
    gn_str_addf(out, "%s:\n", section->path);
    if (type)
        gn_str_addf(out, "  type: %s\n", type);
    for (const struct gn_key *k = gn_config_keys; k->path; k++)
        if (gn_config_key_in(k, section->path) && k->effect == GN_KEY_ACTS &&
            (!k->when || gn_word_in(type, k->when, false)))
            put_key(c, k, "  ", out);
}

void gn_config_print(const struct gn_config *c, struct gn_str *out)
{
    const char *late = "data_postprocessing_after_reverse_one_hot_encoding";
    for (const struct gn_key *k = gn_config_keys; k->path; k++) {
        if (strchr(k->path, '.') || k->effect != GN_KEY_ACTS)
            continue;
        if (k->kind == GN_KEY_MAP || k->kind == GN_KEY_TYPED)
            put_section(c, k, out);
        else if (k->kind != GN_KEY_STEPS)
            put_key(c, k, "", out);
        else if (!strcmp(k->path, late))
            put_steps(k->path, &c->post, "mapping", out);
        else
            put_steps(k->path,
                      !strcmp(k->path, "data_preprocessing")  ? &c->pre
                      : !strcmp(k->path, "data_augmentation") ? &c->aug
                                                              : &c->post,
                      NULL, out);
    }
}

/* ---- differences ---- */

static bool is_ignored(const char *path, const char *const *ignore)
{
    for (size_t i = 0; ignore && ignore[i]; i++) {
        size_t n = strlen(ignore[i]);
        if (n && ignore[i][n - 1] == '*' ? !strncmp(path, ignore[i], n - 1)
                                         : !strcmp(path, ignore[i]))
            return true;
    }
    return false;
}

static void compare(const struct gn_yaml *a, const struct gn_yaml *b, const char *path,
                    const char *const *ignore, struct gn_strs *keys)
{
    if (*path && is_ignored(path, ignore))
        return;
    bool maps = a && b && a->kind == GN_YAML_MAP && b->kind == GN_YAML_MAP;
    if (!maps ||
        strstr(path, "data_") ==
            path) { /* the order of steps matters: a section of them is compared as a whole */
        struct gn_str x = { 0 }, y = { 0 };
        if (a)
            put_flow(a, &x);
        if (b)
            put_flow(b, &y);
        if ((!a || !b || strcmp(gn_str_text(&x), gn_str_text(&y))) &&
            !gn_config_targets_differ(a, b, path, keys))
            gn_strs_add(keys, path);
        gn_str_free(&x);
        gn_str_free(&y);
        return;
    }
    for (const struct gn_yaml *e = a->child; e; e = e->next) {
        char *inner = gn_asprintf("%s%s%s", path, *path ? "." : "", e->key);
        compare(e, gn_yaml_get(b, e->key), inner, ignore, keys);
        free(inner);
    }
    for (const struct gn_yaml *e = b->child; e; e = e->next) {
        if (gn_yaml_get(a, e->key))
            continue;
        char *inner = gn_asprintf("%s%s%s", path, *path ? "." : "", e->key);
        compare(NULL, e, inner, ignore, keys);
        free(inner);
    }
}

void gn_config_differences(const struct gn_config *a, const struct gn_config *b,
                           const char *const *ignore, struct gn_strs *keys)
{
    struct gn_yaml_doc x = { 0 }, y = { 0 };
    struct gn_str p = { 0 }, q = { 0 };
    struct gn_err err = { 0 };
    gn_config_print(a, &p);
    gn_config_print(b, &q);
    if (!gn_yaml_parse(&x, "a", p.data, p.len, &err) &&
        !gn_yaml_parse(&y, "b", q.data, q.len, &err))
        compare(x.root, y.root, "", ignore, keys);
    else
        gn_strs_add(keys, err.text); /* never: what is printed reads */
    gn_yaml_free(&x);
    gn_yaml_free(&y);
    gn_str_free(&p);
    gn_str_free(&q);
}

enum gn_problem gn_config_problem(const struct gn_config *c, int n_value_columns)
{
    if (!strcmp(c->final_layer, "logits"))
        return GN_CLASSIFICATION;
    if (n_value_columns == 0)
        return GN_SEGMENTATION;
    return !strcmp(c->final_layer, "none") ? GN_REGRESSION : GN_CLASSIFICATION;
}
