/* augment.c - lists of operations, their draws, windows, and carrying them out. */
#include "image/augment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "image/crop.h"

static const struct gn_augment_op *const ops[] = { &gn_augment_flip, &gn_augment_noise };
enum { OPS = sizeof ops / sizeof *ops };

const char *const *gn_augment_names(void)
{
    static const char *names[OPS + 1];
    for (int i = 0; i < OPS; i++)
        names[i] = ops[i]->name;
    return names;
}

static int unknown(const char *what, const char *name, const char *const *names, struct gn_err *err)
{
    const char *near = gn_nearest(name, names);
    return gn_err_usage(err, "unknown %s '%s'%s%s%s", what, name, near ? "; did you mean " : "",
                        near ? near : "", near ? "?" : "");
}

/* ---- lists ---- */

static int new_step(struct gn_augment_list *list, const char *name, double probability,
                    struct gn_err *err)
{
    const struct gn_augment_op *op = NULL;
    int same = 1;
    for (int i = 0; i < OPS; i++)
        if (!strcasecmp(ops[i]->name, name))
            op = ops[i];
    if (!op)
        return unknown("augmentation", name, gn_augment_names(), err);
    if (list->n == GN_AUGMENT_MAX)
        return gn_err_usage(err, "more than %d augmentations", GN_AUGMENT_MAX);
    list->step = gn_realloc(list->step, (size_t)(list->n + 1) * sizeof *list->step);
    struct gn_augment_step *s = &list->step[list->n];
    memset(s, 0, sizeof *s);
    for (int i = 0; i < list->n; i++)
        same += list->step[i].op == op;
    s->op = op;
    s->probability = probability;
    snprintf(s->label, sizeof s->label, same > 1 ? "%s.%d" : "%s", op->name, same);
    op->init(s);
    list->n++;
    return 0;
}

static int set_key(struct gn_augment_step *s, const char *key, const double *v, int n,
                   struct gn_err *err)
{
    const char *names[16] = { "probability" };
    bool known = false;
    if (n < 1)
        return gn_err_usage(err, "%s: no value", key);
    if (!strcmp(key, "probability")) {
        if (n > 1 || !(v[0] >= 0 && v[0] <= 1))
            return gn_err_usage(err, "probability: a number from 0 to 1");
        s->probability = v[0];
        return 0;
    }
    for (int i = 0; s->op->settings[i]; i++) {
        names[i + 1] = s->op->settings[i];
        known |= !strcmp(key, s->op->settings[i]);
    }
    return known ? s->op->set(s, key, v, n, err) : unknown("key", key, names, err);
}

enum { NUMBERS = 16 };

/* A number, or numbers in brackets; *text ends up behind them. */
static int read_numbers(const char **text, double *v, struct gn_err *err)
{
    const char *p = *text;
    bool list = *p == '[';
    int n = 0;
    do {
        char word[64];
        p += list || n ? 1 : 0;
        size_t len = strcspn(p, list ? ",]" : ",");
        const char *start = p + strspn(p, " ");
        size_t used = (size_t)(p + len - start);
        while (used && start[used - 1] == ' ')
            used--;
        if (start > p + len || used >= sizeof word || n == NUMBERS)
            return gn_err_usage(err, "not a number: '%s'", p);
        memcpy(word, start, used);
        word[used] = 0;
        if (gn_parse_double(word, &v[n++]))
            return gn_err_usage(err, "not a number: '%s'", word);
        p += len;
    } while (list && *p == ',');
    if (list && *p++ != ']')
        return gn_err_usage(err, "no ] behind '%s'", *text);
    *text = p;
    return n;
}

int gn_augment_add(struct gn_augment_list *list, const char *name, const char *settings,
                   double probability, struct gn_err *err)
{
    if (new_step(list, name, probability, err))
        return -1;
    for (const char *p = settings ? settings : ""; *p;) {
        double v[NUMBERS];
        char key[64];
        size_t len = strcspn(p, "=");
        if (!p[len] || len >= sizeof key)
            return gn_err_usage(err, "%s: not KEY=VALUE: '%s'", name, p);
        memcpy(key, p, len);
        key[len] = 0;
        p += len + 1;
        int n = read_numbers(&p, v, err);
        if (n < 0 || set_key(&list->step[list->n - 1], key, v, n, err))
            return gn_err_wrap(err, "%s: %s", name, key);
        if (*p && *p++ != ',')
            return gn_err_usage(err, "%s: not understood: '%s'", name, p - 1);
    }
    return 0;
}

int gn_augment_add_yaml(struct gn_augment_list *list, const char *name, const struct gn_yaml *node,
                        double probability, struct gn_err *err)
{
    if (new_step(list, name, probability, err))
        return -1;
    if (gn_yaml_is_null(node))
        return 0;
    if (node->kind != GN_YAML_MAP)
        return gn_err_set(err, "%s: not a mapping", name);
    for (const struct gn_yaml *c = node->child; c; c = c->next) {
        double v[NUMBERS];
        int n = 0;
        const struct gn_yaml *item = c->kind == GN_YAML_LIST ? c->child : c;
        while (item && n < NUMBERS) {
            if (gn_yaml_real(item, &v[n++]))
                return gn_err_set(err, "%s: %s: not a number or a list of numbers", name, c->key);
            item = c->kind == GN_YAML_LIST ? item->next : NULL;
        }
        if (set_key(&list->step[list->n - 1], c->key, v, n, err))
            return gn_err_wrap(err, "%s", name);
    }
    return 0;
}

void gn_augment_free(struct gn_augment_list *list)
{
    free(list->step);
    *list = (struct gn_augment_list){ 0 };
}

bool gn_augment_has_intensity(const struct gn_augment_list *list)
{
    for (int i = 0; i < list->n; i++)
        if (!list->step[i].op->spatial)
            return true;
    return false;
}

void gn_augment_key(const struct gn_augment_list *list, uint64_t seed, char key[17])
{
    struct gn_str s = { 0 };
    gn_str_addf(&s, "seed %llu", (unsigned long long)seed);
    for (int i = 0; i < list->n; i++) {
        gn_str_addf(&s, ";%s %.17g", list->step[i].op->name, list->step[i].probability);
        for (int k = 0; k < GN_AUGMENT_SETTINGS; k++)
            gn_str_addf(&s, " %.17g", list->step[i].setting[k]);
    }
    unsigned long long hash = gn_fnv1a(GN_FNV_START, s.data, s.len);
    snprintf(key, 17, "%016llx", hash);
    gn_str_free(&s);
}

/* ---- draws ---- */

static int visit(const struct gn_augment_draws *d, const char *image, const char *op,
                 const char *parameter, double *value, struct gn_err *err)
{
    return d->hook ? d->hook->visit(d->hook->arg, d, image, op, parameter, value, err) : 0;
}

/* Parameters of step i for an image, NULL: those that all images share. */
static int draw_values(const struct gn_augment_draws *d, int i, const char *image,
                       struct gn_draw *where, double *value, struct gn_err *err)
{
    const struct gn_augment_step *s = &d->list->step[i];
    *where = gn_draw_at(d->seed, d->sample, image, d->epoch, d->patch, (uint8_t)i);
    s->op->draw(s, where, value);
    for (int k = 0; s->op->parameters[k]; k++)
        if (visit(d, image ? image : "*", s->label, s->op->parameters[k], &value[k], err))
            return -1;
    return 0;
}

int gn_augment_draw(struct gn_augment_draws *d, const struct gn_augment_list *list, uint64_t seed,
                    const char *sample, uint32_t epoch, uint32_t patch,
                    const struct gn_augment_hook *hook, struct gn_err *err)
{
    *d = (struct gn_augment_draws){ .list = list, .hook = hook, .seed = seed, .sample = sample,
                                    .epoch = epoch, .patch = patch };
    for (int i = 0; i < list->n; i++) {
        const struct gn_augment_step *s = &list->step[i];
        struct gn_draw where = gn_draw_at(seed, sample, NULL, epoch, patch, (uint8_t)i);
        double done = gn_draw_uniform(&where, GN_AUGMENT_GATE) < s->probability;
        if (visit(d, "*", s->label, "done", &done, err))
            return -1;
        d->choice[i].done = done != 0;
        if (d->choice[i].done && s->op->spatial &&
            draw_values(d, i, NULL, &where, d->choice[i].value, err))
            return -1;
    }
    return 0;
}

void gn_augment_point(const struct gn_augment_draws *d, const int64_t size[3], int64_t p[3])
{
    for (int i = 0; i < d->list->n; i++)
        if (d->choice[i].done && d->list->step[i].op->point)
            d->list->step[i].op->point(d->choice[i].value, size, p);
}

/* The part of the parent that is there before step i. */
static void window_before(const struct gn_augment_draws *d, int i, const int64_t size[3],
                          const struct gn_box *patch, struct gn_box *window)
{
    *window = *patch;
    for (int k = d->list->n - 1; k >= i; k--)
        if (d->choice[k].done && d->list->step[k].op->before)
            d->list->step[k].op->before(d->choice[k].value, size, window);
}

void gn_augment_window(const struct gn_augment_draws *d, const int64_t size[3],
                       const struct gn_box *patch, struct gn_box *window)
{
    window_before(d, 0, size, patch, window);
}

static bool same_box(const struct gn_box *a, const struct gn_box *b)
{
    return gn_grid_same_size(a->origin, b->origin) && gn_grid_same_size(a->size, b->size);
}

int gn_augment_apply(const struct gn_augment_draws *d, const char *image, const int64_t parent[3],
                     const struct gn_box *have, const struct gn_box *want, bool windowed,
                     const struct gn_tensor *in, struct gn_tensor *out, struct gn_err *err)
{
    bool to_float = image && gn_augment_has_intensity(d->list);
    struct gn_box region = *have;
    if (windowed) {
        gn_augment_window(d, parent, want, &region);
        const int64_t *a = have->origin, *b = region.origin;
        if (!same_box(&region, have))
            return gn_err_set(err, "the window was cut for other draws: it starts at voxel "
                              "%lld %lld %lld, they need %lld %lld %lld", (long long)a[0],
                              (long long)a[1], (long long)a[2], (long long)b[0], (long long)b[1],
                              (long long)b[2]);
    }
    if (gn_tensor_convert(in, to_float ? GN_FLOAT32 : in->dtype, out, err))
        return -1;
    for (int i = 0; i < d->list->n; i++) {
        const struct gn_augment_op *op = d->list->step[i].op;
        struct gn_draw where = { 0 };
        double own[GN_AUGMENT_VALUES] = { 0 };
        const double *value = d->choice[i].value;
        if (!d->choice[i].done || (!op->spatial && !image))
            continue;
        if (!op->spatial) {
            if (draw_values(d, i, image, &where, own, err)) {
                gn_tensor_free(out);
                return -1;
            }
            value = own;
        }
        if (windowed)
            window_before(d, i + 1, parent, want, &region);
        op->run(value, &where, parent, &region, out);
    }
    return 0;
}
