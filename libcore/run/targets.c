/* targets.c - see targets.h */
#include "run/targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/batch.h"

static int number(const struct gn_yaml *map, const char *key, int otherwise)
{
    int64_t v;
    const struct gn_yaml *node = gn_yaml_get(map, key);
    return node && gn_yaml_int(node, &v) == 0 ? (int)v : otherwise;
}

static enum gn_stain extractor_of(const char *name)
{
    int i = 0;
    while (gn_stain_names[i + 1] && strcmp(gn_stain_names[i], name))
        i++;
    return (enum gn_stain)i;
}

static void use_of(const struct gn_config_step *s, struct gn_target_use *use)
{
    const struct gn_yaml *extractor = gn_yaml_get(s->value, "extractor");
    memset(use, 0, sizeof *use);
    use->stains = !strcmp(s->name, "stain_normalizer");
    use->levels = number(s->value, "num_hist_level", 1024);
    use->points = number(s->value, "num_match_points", 16);
    if (use->stains)
        use->extractor = extractor_of(extractor ? extractor->text : "ruifrok");
}

static int read_one(struct gn_target *t, const struct gn_config *c, int i, struct gn_err *err)
{
    const char *text = gn_config_target(c, i);
    char *path = gn_config_target_path(c, i);
    struct gn_target_use use;
    use_of(&c->pre.step[i], &use);
    int rc = gn_target_read(t, path, &use, err);
    if (rc == 0 && gn_target_is_name(text) && strcmp(text, t->name))
        rc = gn_err_set(err, "%s: holds %s, not the config's %s", path, t->name, text);
    if (rc == 0 && t->size[0] && gn_check_dimension(c, t->size, err) < 0)
        rc = gn_err_wrap(err, "%s", path);
    free(path);
    return rc < 0 ? gn_err_wrap(err, "%s: data_preprocessing.%s.target", c->path,
                                c->pre.step[i].name)
                  : 0;
}

int gn_targets_of_config(struct gn_targets *t, struct gn_config *c, struct gn_err *err)
{
    for (int i = 0; i < c->pre.n; i++)
        if (gn_config_target(c, i)) {
            struct gn_target *one = &t->item[t->n];
            t->step[t->n++] = i;
            if (read_one(one, c, i, err) < 0)
                return -1;
        }
    for (int k = 0; k < t->n; k++)
        gn_config_set_target(c, t->step[k], t->item[k].name);
    return 0;
}

void gn_targets_free(struct gn_targets *t)
{
    for (int k = 0; k < t->n; k++)
        gn_target_free(&t->item[k]);
    t->n = 0;
}

void gn_targets_put(const struct gn_targets *t, struct gn_safetensors_out *out)
{
    for (int k = 0; t && k < t->n; k++)
        gn_safetensors_out_tensor(out, gn_target_tensor_name(&t->item[k].use), &t->item[k].kept);
}

/* Does this file keep them? */
static bool is_there(const struct gn_targets *t, const char *path)
{
    bool there = access(path, F_OK) == 0;
    for (int k = 0; k < t->n && there; k++) {
        struct gn_target old = {0};
        struct gn_err none = {0};
        there = gn_target_read(&old, path, &t->item[k].use, &none) == 0 &&
                !strcmp(old.name, t->item[k].name);
        gn_target_free(&old);
    }
    return there;
}

int gn_targets_write(const struct gn_targets *t, const struct gn_config *c, const char *path,
                     struct gn_err *err)
{
    if (is_there(t, path))
        return 0;
    struct gn_safetensors_out *o = gn_safetensors_out_new();
    struct gn_strs chain = {0};
    struct gn_str text = {0};
    gn_config_chain(c, false, &chain);
    for (size_t i = 0; i < chain.n; i++)
        gn_str_addf(&text, "%s\n", chain.item[i]);
    gn_safetensors_out_meta(o, "format", "gn-targets 1");
    gn_safetensors_out_meta(o, "preprocessing", gn_str_text(&text));
    gn_targets_put(t, o);
    int rc = gn_safetensors_out_write(o, path, err);
    gn_safetensors_out_free(o);
    gn_strs_free(&chain);
    gn_str_free(&text);
    return rc;
}

bool gn_target_of_command(const char *command, struct gn_target_use *use,
                          char name[GN_TARGET_NAME + 1])
{
    static const char *const options[] = {" --histogram-match ", " --target "};
    const char *points = strstr(command, " --points ");
    memset(use, 0, sizeof *use);
    long n = points ? strtol(points + 10, NULL, 10) : 16;
    use->points = n > 0 && n <= GN_POINTS_MAX ? (int)n : 0;
    for (int i = 0; i < 2; i++) {
        const char *at = strstr(command, options[i]);
        if (!at)
            continue;
        at += strlen(options[i]);
        use->stains = i == 1;
        snprintf(name, GN_TARGET_NAME + 1, "%.*s", (int)strcspn(at, " \n"), at);
        return strcspn(at, " \n") == GN_TARGET_NAME && gn_target_is_name(name);
    }
    return false;
}
