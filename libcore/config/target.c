/* target.c - see target.h */
#include "config/target.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool gn_target_is_name(const char *text)
{
    return strlen(text) == GN_TARGET_NAME && !strncmp(text, "target-", 7) &&
           strspn(text + 7, "0123456789abcdef") == 16;
}

static const struct gn_yaml *target_node(const struct gn_config *c, int i)
{
    const struct gn_yaml *node = gn_yaml_get(c->pre.step[i].value, "target");
    return node && strcmp(node->text, "adaptive") ? node : NULL;
}

const char *gn_config_target(const struct gn_config *c, int i)
{
    const struct gn_yaml *node = target_node(c, i);
    return node ? node->text : NULL;
}

void gn_config_set_target(struct gn_config *c, int i, const char *text)
{
    struct gn_yaml *node = (struct gn_yaml *)target_node(c, i); /* of c's own arena */
    node->text = gn_arena_strndup(&c->arena, text, strlen(text));
}

char *gn_config_target_path(const struct gn_config *c, int i)
{
    const char *text = gn_config_target(c, i);
    char *folder = gn_path_dir(c->path), *path = NULL;
    if (gn_target_is_name(text))
        path = strcmp(gn_path_ext(c->path), ".safetensors")
                   ? gn_path_join(folder, GN_TARGETS_FILE) : gn_strdup(c->path);
    else if (text[0] != '/' && strcmp(folder, ".") && access(text, F_OK) < 0)
        path = gn_path_join(folder, text);
    if (path && !gn_target_is_name(text) && access(path, F_OK) < 0) {
        free(path); /* as written, for a message */
        path = NULL;
    }
    free(folder);
    return path ? path : gn_strdup(text);
}

void gn_config_locate_targets(struct gn_config *c)
{
    for (int i = 0; i < c->pre.n; i++)
        if (gn_config_target(c, i)) {
            char *path = gn_config_target_path(c, i);
            gn_config_set_target(c, i, path);
            free(path);
        }
}

static bool same(const struct gn_yaml *a, const struct gn_yaml *b)
{
    struct gn_str x = { 0 }, y = { 0 };
    if (a)
        gn_yaml_print(a, &x);
    if (b)
        gn_yaml_print(b, &y);
    bool equal = a && b && !strcmp(gn_str_text(&x), gn_str_text(&y));
    gn_str_free(&x);
    gn_str_free(&y);
    return equal;
}

/* Two steps of one name: do they differ in the target and in nothing else? */
static bool other_target(const struct gn_yaml *a, const struct gn_yaml *b)
{
    const struct gn_yaml *p = gn_yaml_get(a, "target"), *q = gn_yaml_get(b, "target");
    if (!p || !q || same(p, q) || a->n != b->n)
        return false;
    for (p = a->child, q = b->child; p; p = p->next, q = q->next)
        if (strcmp(p->key, q->key) || (strcmp(p->key, "target") && !same(p, q)))
            return false;
    return true;
}

bool gn_config_targets_differ(const struct gn_yaml *a, const struct gn_yaml *b, const char *path,
                              struct gn_strs *keys)
{
    const struct gn_yaml *p, *q;
    if (!a || !b || a->kind != GN_YAML_MAP || b->kind != GN_YAML_MAP || a->n != b->n)
        return false;
    for (p = a->child, q = b->child; p; p = p->next, q = q->next)
        if (strcmp(p->key, q->key) || (!same(p, q) && !other_target(p, q)))
            return false;
    for (p = a->child, q = b->child; p; p = p->next, q = q->next)
        if (!same(p, q)) {
            char *key = gn_asprintf("%s.%s.target", path, p->key);
            gn_strs_add(keys, key);
            free(key);
        }
    return true;
}
