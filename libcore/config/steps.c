/* steps.c - data_preprocessing, data_augmentation and data_postprocessing: ordered steps with all
 * their parameters filled in.
 *
 * A step's value is a tree of its own, in the config's arena: canonical names, in the table's
 * order, defaults included. */
#include "config/reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- building values ---- */

static struct gn_yaml *new_node(struct gn_reader *r, enum gn_yaml_kind kind, const char *key,
                                const struct gn_yaml *at)
{
    struct gn_yaml *node = gn_arena_alloc(&r->c->arena, sizeof *node);
    node->kind = kind;
    node->key = key ? gn_arena_strndup(&r->c->arena, key, strlen(key)) : NULL;
    node->line = at ? at->line : 1;
    node->column = at ? at->column : 1;
    return node;
}

static struct gn_yaml *new_text(struct gn_reader *r, const char *key, const struct gn_yaml *at,
                                const char *text)
{
    struct gn_yaml *node = new_node(r, GN_YAML_SCALAR, key, at);
    node->text = gn_arena_strndup(&r->c->arena, text, strlen(text));
    return node;
}

static struct gn_yaml *new_number(struct gn_reader *r, const char *key, const struct gn_yaml *at,
                                  double v)
{
    char buf[40];
    return new_text(r, key, at, gn_number_yaml(v, buf));
}

static void append(struct gn_yaml *parent, struct gn_yaml *child)
{
    struct gn_yaml **tail = &parent->child;
    while (*tail)
        tail = &(*tail)->next;
    *tail = child;
    parent->n++;
}

static struct gn_yaml *new_numbers(struct gn_reader *r, const char *key, const struct gn_yaml *at,
                                   const double *v, size_t n)
{
    struct gn_yaml *list = new_node(r, GN_YAML_LIST, key, at);
    for (size_t i = 0; i < n; i++)
        append(list, new_number(r, NULL, at, v[i]));
    return list;
}

/* A default of the table, "0.5" or "[0, 1]", as if it had been written at that place. */
static struct gn_yaml *written_default(struct gn_reader *r, const char *def,
                                       const struct gn_yaml *at)
{
    if (*def != '[')
        return new_text(r, NULL, at, def);
    struct gn_yaml *list = new_node(r, GN_YAML_LIST, NULL, at);
    for (const char *p = def + 1; *p && *p != ']';) {
        size_t n = strcspn(p, ",]");
        char *word = gn_strndup(p, n);
        append(list, new_text(r, NULL, at, word));
        free(word);
        p += n;
        p += strspn(p, ", ");
    }
    return list;
}

/* ---- one parameter ---- */

static struct gn_yaml *read_numbers(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                                    const struct gn_key *k, const char *key, size_t least,
                                    size_t most)
{
    double v[16];
    bool list = at->kind == GN_YAML_LIST;
    size_t n = list ? at->n : 1;
    if (at->kind == GN_YAML_MAP || at->kind == GN_YAML_NULL || n < least || n > most) {
        if (least == most)
            gn_reader_fault(r, at, path, "must be [a, b]");
        else
            gn_reader_fault(r, at, path, "must be a number or a list of at most %zu", most);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        const struct gn_yaml *e = list ? gn_yaml_at(at, i) : at;
        int64_t whole = 0;
        if (k->whole ? gn_reader_int(r, e, path, k, &whole) : gn_reader_real(r, e, path, k, &v[i]))
            return NULL;
        v[i] = k->whole ? (double)whole : v[i];
    }
    if ((k->kind == GN_KEY_PAIR || k->kind == GN_KEY_SPREAD) && n == 2 && v[0] > v[1]) {
        gn_reader_fault(r, at, path, "the first must not be above the second: %g, %g", v[0], v[1]);
        return NULL;
    }
    return n == 1 && k->kind == GN_KEY_SPREAD ? new_number(r, key, at, v[0])
                                              : new_numbers(r, key, at, v, n);
}

static struct gn_yaml *read_axes(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                                 const char *key)
{
    const struct gn_key axis = { .lo = 0, .hi = 2 };
    bool list = at->kind == GN_YAML_LIST, have[3] = { false, false, false };
    size_t n = list ? at->n : 1;
    double v[3];
    if (at->kind == GN_YAML_MAP || n < 1 || n > 3) {
        gn_reader_fault(r, at, path, "must be a list of axes: 0, 1, 2");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        const struct gn_yaml *e = list ? gn_yaml_at(at, i) : at;
        int64_t a = 0;
        if (gn_reader_int(r, e, path, &axis, &a))
            return NULL;
        if (have[a]) {
            gn_reader_fault(r, e, path, "axis %lld is there twice", (long long)a);
            return NULL;
        }
        have[a] = true;
        v[i] = (double)a;
    }
    return new_numbers(r, key, at, v, n);
}

static struct gn_yaml *read_mapping(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                                    const char *key)
{
    const struct gn_key label = { .lo = -2147483648.0, .hi = 4294967295.0 };
    struct gn_yaml *map = new_node(r, GN_YAML_MAP, key, at);
    if (at->kind != GN_YAML_MAP || at->n == 0) {
        gn_reader_fault(r, at, path, "must be {from: to} of labels");
        return NULL;
    }
    for (const struct gn_yaml *e = at->child; e; e = e->next) {
        int64_t from = 0, to = 0;
        char buf[40];
        if (gn_parse_int(e->key, &from)) {
            gn_reader_fault(r, e, path, "must be a label: %s", e->key);
            return NULL;
        }
        if (gn_reader_int(r, e, path, &label, &to))
            return NULL;
        gn_number_text((double)from, buf);
        if (gn_yaml_get(map, buf)) {
            gn_reader_fault(r, e, path, "%s is there twice", buf);
            return NULL;
        }
        append(map, new_number(r, buf, e, (double)to));
    }
    return map;
}

/* The value of a row in its canonical form, or NULL with a fault. */
static struct gn_yaml *read_value(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                                  const struct gn_key *k, const char *key)
{
    double v[3] = { 0, 0, 0 };
    int64_t whole;
    bool truth;
    const char *name;
    switch (k->kind) {
    case GN_KEY_INT:
        return gn_reader_int(r, at, path, k, &whole) ? NULL : new_number(r, key, at, (double)whole);
    case GN_KEY_REAL:
        return gn_reader_real(r, at, path, k, &v[0]) ? NULL : new_number(r, key, at, v[0]);
    case GN_KEY_BOOL:
        return gn_reader_bool(r, at, path, &truth) ? NULL
                                                   : new_text(r, key, at, truth ? "true" : "false");
    case GN_KEY_CHOICE:
        return gn_reader_choice(r, at, path, k, &name) ? NULL : new_text(r, key, at, name);
    case GN_KEY_TEXT:
        if (at->kind == GN_YAML_SCALAR && *at->text) {
            struct gn_yaml *text = new_text(r, key, at, at->text);
            text->quoted = true;
            return text;
        }
        gn_reader_fault(r, at, path, "must be a text");
        return NULL;
    case GN_KEY_PAIR: return read_numbers(r, at, path, k, key, 2, 2);
    case GN_KEY_SPREAD: return read_numbers(r, at, path, k, key, 1, 2);
    case GN_KEY_REALS: return read_numbers(r, at, path, k, key, 1, 16);
    case GN_KEY_VECTOR:
        return gn_reader_vector(r, at, path, k, r->c->dimension, v) ? NULL
                                                                    : new_numbers(r, key, at, v, 3);
    case GN_KEY_AXES: return read_axes(r, at, path, key);
    case GN_KEY_MAPPING: return read_mapping(r, at, path, key);
    default: gn_reader_fault(r, at, path, "has no value here"); return NULL;
    }
}

/* ---- one step ---- */

/* The entry of map that the row k means, under any of its spellings. */
static const struct gn_yaml *find_entry(const struct gn_yaml *map, const struct gn_key *k)
{
    if (map->kind == GN_YAML_MAP)
        for (const struct gn_yaml *e = map->child; e; e = e->next)
            if (gn_word_in(e->key, gn_config_key_last(k), true) ||
                gn_word_in(e->key, k->also, true))
                return e;
    return NULL;
}

/* The parameters of a step as written at e (section: the path of its section, for messages); NULL
 * with a fault. */
static struct gn_yaml *read_parameters(struct gn_reader *r, const struct gn_yaml *e,
                                       const char *path, const struct gn_key *step, double chance)
{
    struct gn_yaml *map = new_node(r, GN_YAML_MAP, gn_config_key_last(step), e);
    struct gn_str where = { 0 };
    bool good = true;
    for (const struct gn_yaml *p = e->kind == GN_YAML_MAP ? e->child : NULL; p; p = p->next) {
        if (!gn_config_key_find(step->path, p->key, NULL, true)) {
            gn_reader_unknown(r, p, step->path, NULL);
            good = good && r->lenient;
        }
    }
    for (const struct gn_key *k = gn_config_keys; k->path; k++) {
        if (!gn_config_key_in(k, step->path))
            continue;
        const char *last = gn_config_key_last(k);
        const struct gn_yaml *from = find_entry(e, k);
        struct gn_yaml *value = NULL;
        gn_str_clear(&where);
        gn_str_addf(&where, "%s.%s", path, last);
        if (!gn_yaml_is_null(from)) {
            value = read_value(r, from, gn_str_text(&where), k, last);
        } else if (k->def) {
            value = read_value(r, written_default(r, k->def, e), gn_str_text(&where), k, last);
        } else if (!strcmp(last, "probability")) {
            value = new_number(r, last, e, chance);
        } else {
            if (k->required)
                gn_reader_fault(r, e, gn_str_text(&where), "required");
            good = good && !k->required;
            continue;
        }
        good = good && value;
        if (value)
            append(map, value);
    }
    gn_str_free(&where);
    if (map->n == 0)
        map->kind = GN_YAML_NULL;
    return good ? map : NULL;
}

static void add_step(struct gn_reader *r, struct gn_config_steps *list, const struct gn_key *k,
                     const struct gn_yaml *value, int capacity)
{
    if (!list->step)
        list->step = gn_arena_alloc(&r->c->arena, (size_t)capacity * sizeof *list->step);
    list->step[list->n++] =
        (struct gn_config_step){ gn_config_key_last(k), value, k->training_only };
}

/* The steps that are built, of the section of k. */
static void list_built(const struct gn_key *k, struct gn_str *out)
{
    char *section = gn_strndup(k->path, (size_t)(gn_config_key_last(k) - k->path - 1));
    for (const struct gn_key *other = gn_config_keys; other->path; other++)
        if (gn_config_key_in(other, section) && other->effect == GN_KEY_ACTS &&
            other->kind != GN_KEY_REAL)
            gn_str_addf(out, "%s%s", out->len ? ", " : "", gn_config_key_last(other));
    free(section);
}

static void read_step(struct gn_reader *r, struct gn_config_steps *list, const struct gn_yaml *e,
                      const char *path, const struct gn_key *k, double chance, int capacity)
{
    bool truth = true;
    const struct gn_yaml *value = NULL;
    for (int i = 0; i < list->n; i++)
        if (!strcmp(list->step[i].name, gn_config_key_last(k))) {
            gn_reader_fault(r, e, path, "the step is there already, in line %d",
                            list->step[i].value->line);
            return;
        }
    if (!gn_yaml_bool(e, &truth) && !truth)
        return; /* name: false switches it off */
    if (k->effect == GN_KEY_ABSENT) {
        struct gn_str built = { 0 };
        list_built(k, &built);
        if (!strcmp(gn_config_key_last(k), "spatial"))
            gn_reader_fault(r, e, path, "no longer a key; write affine and elastic");
        else
            gn_reader_fault(r, e, path, "not available in this version (allowed: %s)",
                            built.len ? gn_str_text(&built) : "none");
        gn_str_free(&built);
        return;
    }
    if (k->kind != GN_KEY_STEP) {
        value = read_value(r, e, path, k, gn_config_key_last(k));
    } else if (e->kind == GN_YAML_MAP || gn_yaml_is_null(e) ||
               (e->kind == GN_YAML_SCALAR && !gn_yaml_bool(e, &truth))) {
        value = read_parameters(r, e, path, k, chance);
    } else {
        gn_reader_fault(r, e, path, "must be a name alone, or a mapping of its parameters");
    }
    if (value)
        add_step(r, list, k, value, capacity);
}

static void read_steps(struct gn_reader *r, const char *section, const char *table,
                       struct gn_config_steps *list, int capacity)
{
    const struct gn_yaml *map = gn_reader_node(r, section);
    double chance = 0.5;
    bool truth = true;
    struct gn_str path = { 0 };
    if (gn_yaml_is_null(map) || (!gn_yaml_bool(map, &truth) && !truth))
        return;
    if (map->kind != GN_YAML_MAP) {
        gn_reader_fault(r, map, section, "must be a mapping of steps");
        return;
    }
    const struct gn_key *common = gn_config_key("data_augmentation.default_probability", NULL);
    const struct gn_yaml *given =
        !strcmp(section, "data_augmentation") ? gn_yaml_get(map, "default_probability") : NULL;
    if (!gn_yaml_is_null(given))
        (void)gn_reader_real(r, given, common->path, common, &chance);
    for (const struct gn_yaml *e = map->child; e; e = e->next) {
        const struct gn_key *k = gn_config_key_find(table, e->key, NULL, true);
        gn_str_clear(&path);
        gn_str_addf(&path, "%s.%s", section, e->key);
        if (!k)
            gn_reader_unknown(r, e, table, NULL);
        else if (k != common)
            read_step(r, list, e, gn_str_text(&path), k, chance, capacity);
    }
    gn_str_free(&path);
}

/* ---- what must hold between steps ---- */

static int find_step(const struct gn_config_steps *list, const char *name)
{
    for (int i = 0; i < list->n; i++)
        if (!strcmp(list->step[i].name, name))
            return i;
    return -1;
}

static void remove_step(struct gn_config_steps *list, int i)
{
    memmove(&list->step[i], &list->step[i + 1], (size_t)(list->n - i - 1) * sizeof *list->step);
    list->n--;
}

static const char *step_path(const struct gn_config_step *s, struct gn_str *buf)
{
    gn_str_clear(buf);
    gn_str_addf(buf, "data_preprocessing.%s", s->name);
    return gn_str_text(buf);
}

/* Limits of an intensity: at least one of min and max, in order; at most one such step. */
static void check_limits(struct gn_reader *r)
{
    struct gn_config_steps *pre = &r->c->pre;
    struct gn_str path = { 0 };
    const struct gn_config_step *first = NULL;
    for (int i = 0; i < pre->n; i++) {
        const struct gn_config_step *s = &pre->step[i];
        if (strcmp(s->name, "threshold") && strcmp(s->name, "clip") && strcmp(s->name, "clamp"))
            continue;
        const struct gn_yaml *lo = gn_yaml_get(s->value, "min"), *hi = gn_yaml_get(s->value, "max");
        double a, b;
        if (first)
            gn_reader_fault(r, s->value, step_path(s, &path),
                            "only one of threshold, clip and clamp may be there; line %d has %s",
                            first->value->line, first->name);
        else if (!lo && !hi)
            gn_reader_fault(r, s->value, step_path(s, &path), "needs min, max or both");
        else if (lo && hi && !gn_yaml_real(lo, &a) && !gn_yaml_real(hi, &b) && a > b)
            gn_reader_fault(r, s->value, step_path(s, &path), "min %g is above max %g", a, b);
        first = first ? first : s;
    }
    gn_str_free(&path);
}

/* An input or output range must have a width, percentiles too. */
static void check_rescale(struct gn_reader *r)
{
    static const char *const pairs[] = { "in_min_max", "percentiles" };
    int at = find_step(&r->c->pre, "rescale");
    for (size_t i = 0; at >= 0 && i < 2; i++) {
        const struct gn_yaml *p = gn_yaml_get(r->c->pre.step[at].value, pairs[i]);
        double a, b;
        if (p && !gn_yaml_real(gn_yaml_at(p, 0), &a) && !gn_yaml_real(gn_yaml_at(p, 1), &b) &&
            a >= b)
            gn_reader_fault(r, p, "data_preprocessing.rescale",
                            "%s: the first must be below the second: %g, %g", pairs[i], a, b);
    }
}

/* mean and std: as many of each, one number stands for all channels; gn-normalize takes up to
 * three. */
static void check_channels(struct gn_reader *r)
{
    int at = find_step(&r->c->pre, "normalize_by_val");
    if (at < 0)
        return;
    const struct gn_yaml *v = r->c->pre.step[at].value, *given[2] = { NULL, NULL };
    given[0] = gn_yaml_get(v, "mean");
    given[1] = gn_yaml_get(v, "std");
    size_t n = given[0]->n > given[1]->n ? given[0]->n : given[1]->n;
    if (n > 3) {
        gn_reader_fault(r, v, "data_preprocessing.normalize_by_val",
                        "more than three channels are not available in this version: %zu", n);
        return;
    }
    struct gn_yaml *even = new_node(r, GN_YAML_MAP, "normalize_by_val", v);
    for (int i = 0; i < 2; i++) {
        double x[3] = { 0, 0, 0 };
        for (size_t k = 0; k < n; k++)
            if ((given[i]->n != 1 && given[i]->n != n) ||
                gn_yaml_real(gn_yaml_at(given[i], given[i]->n == 1 ? 0 : k), &x[k])) {
                gn_reader_fault(r, v, "data_preprocessing.normalize_by_val",
                                "%zu means but %zu stds", given[0]->n, given[1]->n);
                return;
            }
        append(even, new_numbers(r, given[i]->key, given[i], x, n));
    }
    r->c->pre.step[at].value = even;
}

/* histogram_matching: the target none is no target, false switches the step off; one target is a
 * step of its own. */
static void check_histogram(struct gn_reader *r)
{
    int at = find_step(&r->c->pre, "histogram_matching");
    struct gn_yaml *map, *target;
    if (at < 0)
        return;
    map = (struct gn_yaml *)r->c->pre.step[at].value;
    target = map->child;
    if (!target || strcmp(target->key, "target"))
        return;
    if (gn_word_in(target->text, "false no off", true)) {
        remove_step(&r->c->pre, at);
    } else if (gn_word_in(target->text, "none null ~", true)) {
        map->child = target->next;
        map->n--;
    } else if (gn_word_in(target->text, "adaptive", true)) {
        target->text = "adaptive";
    }
}

/* One normalisation; with resample no resizing; as GaNDLF has it, with a note each. */
static void drop_steps(struct gn_reader *r)
{
    static const char *const resizing[] = { "resize_image", "resize_patch" };
    struct gn_config_steps *pre = &r->c->pre;
    struct gn_str path = { 0 };
    const char *first = NULL;
    for (size_t i = 0; find_step(pre, "resample") >= 0 && i < 2; i++) {
        int at = find_step(pre, resizing[i]);
        if (at >= 0) {
            gn_reader_note(r, pre->step[at].value, step_path(&pre->step[at], &path),
                           "left out: resample is there");
            remove_step(pre, at);
        }
    }
    for (int i = 0; i < pre->n; i++) {
        if (!gn_config_step_normalises(&pre->step[i]))
            continue;
        if (first) {
            gn_reader_note(r, pre->step[i].value, step_path(&pre->step[i], &path),
                           "left out: %s comes first", first);
            remove_step(pre, i--);
        } else {
            first = pre->step[i].name;
        }
    }
    gn_str_free(&path);
}

bool gn_config_step_normalises(const struct gn_config_step *s)
{
    const struct gn_key *k = gn_config_key_find("data_preprocessing", s->name, NULL, false);
    return k && k->normalises;
}

static void check_post(struct gn_reader *r)
{
    struct gn_config_steps *post = &r->c->post;
    int at = find_step(post, "mapping");
    if (at >= 0) { /* always last */
        struct gn_config_step mapping = post->step[at];
        remove_step(post, at);
        post->step[post->n++] = mapping;
    }
    at = find_step(post, "morphology");
    const struct gn_yaml *size = at >= 0 ? gn_yaml_get(post->step[at].value, "kernel_size") : NULL;
    int64_t v = 1;
    if (size && !gn_yaml_int(size, &v) && v % 2 == 0)
        gn_reader_fault(r, size, "data_postprocessing.morphology", "kernel_size: must be odd: %lld",
                        (long long)v);
    at = find_step(post, "cca");
    const struct gn_yaml *joins =
        at >= 0 ? gn_yaml_get(post->step[at].value, "connectivity") : NULL;
    if (joins && !gn_yaml_int(joins, &v) && v != 6 && v != 18 && v != 26 &&
        (r->c->dimension == 3 || (v != 4 && v != 8)))
        gn_reader_fault(r, joins, "data_postprocessing.cca", "connectivity: must be %s: %lld",
                        r->c->dimension == 3 ? "6, 18 or 26 in 3-D" : "4 or 8", (long long)v);
}

/* Top-level resize, as older files have it. */
static void read_older_resize(struct gn_reader *r, int capacity)
{
    const struct gn_yaml *e = gn_reader_node(r, "resize");
    const struct gn_key *k = gn_config_key("data_preprocessing.resize_image", NULL);
    if (gn_yaml_is_null(e))
        return;
    if (find_step(&r->c->pre, "resize_image") >= 0) {
        gn_reader_note(r, e, "resize", "passed over: %s is written too", k->path);
        return;
    }
    gn_reader_note(r, e, "resize", "read as %s", k->path);
    const struct gn_yaml *value = read_value(r, e, "resize", k, "resize_image");
    if (value)
        add_step(r, &r->c->pre, k, value, capacity);
}

void gn_reader_steps(struct gn_reader *r)
{
    const struct gn_yaml *pre = gn_reader_node(r, "data_preprocessing"),
                         *aug = gn_reader_node(r, "data_augmentation");
    const struct gn_yaml *post = gn_reader_node(r, "data_postprocessing");
    const struct gn_yaml *late =
        gn_reader_node(r, "data_postprocessing_after_reverse_one_hot_encoding");
    int n_pre = (pre ? (int)pre->n : 0) + 2, n_aug = (aug ? (int)aug->n : 0) + 1;
    int n_post = (post ? (int)post->n : 0) + (late ? (int)late->n : 0) + 1;
    read_steps(r, "data_preprocessing", "data_preprocessing", &r->c->pre, n_pre);
    read_older_resize(r, n_pre);
    read_steps(r, "data_augmentation", "data_augmentation", &r->c->aug, n_aug);
    read_steps(r, "data_postprocessing", "data_postprocessing", &r->c->post, n_post);
    read_steps(r, "data_postprocessing_after_reverse_one_hot_encoding", "data_postprocessing",
               &r->c->post, n_post);
    check_limits(r);
    check_rescale(r);
    check_channels(r);
    check_histogram(r);
    drop_steps(r);
    check_post(r);
}
