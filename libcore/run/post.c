/* post.c - see post.h */
#include "run/post.h"

#include <stdlib.h>
#include <string.h>

void gn_post_plan_pair(struct gn_post_plan *p, int64_t from, int64_t to)
{
    p->pair = gn_realloc(p->pair, (size_t)(p->pairs + 1) * sizeof *p->pair);
    p->pair[p->pairs++] = (struct gn_label_pair){from, to};
}

static int add_mapping(struct gn_post_plan *p, const struct gn_config_step *s, struct gn_err *err)
{
    for (const struct gn_yaml *e = s->value->child; e; e = e->next) {
        int64_t from = 0, to = 0;
        if (gn_parse_int(e->key, &from) || gn_yaml_int(e, &to))
            return gn_err_set(err, "mapping: not a label: %s", e->key);
        gn_post_plan_pair(p, from, to);
    }
    return 0;
}

static int add_step(struct gn_post_plan *p, const struct gn_config_step *s, struct gn_err *err)
{
    struct gn_post_step *step = &p->step[p->steps++];
    if (gn_post_step_init(step, s->name, err) < 0)
        return -1;
    for (const struct gn_yaml *e = s->value->child; e; e = e->next)
        if (gn_post_step_set(step, e->key, e->text, err) < 0)
            return -1;
    return 0;
}

int gn_post_plan_of_config(struct gn_post_plan *p, const struct gn_config *c, struct gn_err *err)
{
    p->step = gn_alloc(((size_t)c->post.n + 1) * sizeof *p->step);
    p->order = gn_alloc(((size_t)c->n_classes + 1) * sizeof *p->order);
    for (p->ordered = 0; p->ordered < c->n_classes; p->ordered++)
        p->order[p->ordered] = gn_config_class_value(c, p->ordered);
    for (int i = 0; i < c->post.n; i++) {
        const struct gn_config_step *s = &c->post.step[i];
        if (!strcmp(s->name, "mapping") ? add_mapping(p, s, err) : add_step(p, s, err))
            return -1;
    }
    return 0;
}

void gn_post_plan_free(struct gn_post_plan *p)
{
    free(p->step);
    free(p->pair);
    free(p->order);
    memset(p, 0, sizeof *p);
}

int gn_post_plan_run(const struct gn_post_plan *p, struct gn_tensor *label, struct gn_err *err)
{
    if (p->steps && gn_post_apply(label, p->step, p->steps, p->order, p->ordered, err))
        return -1;
    return p->pairs && gn_post_map(label, p->pair, p->pairs, err) ? -1 : 0;
}
