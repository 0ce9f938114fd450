/* read.c - from YAML to a struct gn_config: sections against the table of keys, all faults
 * collected. */
#include "config/reader.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "io/safetensors.h"

static size_t row_of(const struct gn_key *k)
{
    return (size_t)(k - gn_config_keys);
}

static size_t row_count(void)
{
    size_t n = 0;
    while (gn_config_keys[n].path) {
        n++;
    }
    return n;
}

void gn_reader_fault(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                     const char *fmt, ...)
{
    struct gn_str s = { 0 };
    va_list args;
    if (r->n_faults == r->cap_faults) {
        r->cap_faults = r->cap_faults ? 2 * r->cap_faults : 16;
        r->fault = gn_realloc(r->fault, r->cap_faults * sizeof *r->fault);
    }
    if (at) {
        gn_str_addf(&s, "%s:%d:%d: ", r->c->path, at->line, at->column);
    } else {
        gn_str_addf(&s, "%s: ", r->c->path);
    }
    if (*path) {
        gn_str_addf(&s, "%s: ", path);
    }
    va_start(args, fmt);
    gn_str_addv(&s, fmt, args);
    va_end(args);
    r->fault[r->n_faults++] =
        (struct gn_fault){ at ? at->line : 0, at ? at->column : 0, gn_strdup(gn_str_text(&s)) };
    gn_str_free(&s);
}

void gn_reader_note(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                    const char *fmt, ...)
{
    struct gn_str s = { 0 };
    va_list args;
    gn_str_addf(&s, "%s:%d:%d: %s: ", r->c->path, at ? at->line : 1, at ? at->column : 1, path);
    va_start(args, fmt);
    gn_str_addv(&s, fmt, args);
    va_end(args);
    gn_strs_add(&r->c->notes, gn_str_text(&s));
    gn_str_free(&s);
}

static const char *join(const char *prefix, const char *key, struct gn_str *s)
{
    gn_str_clear(s);
    gn_str_addf(s, "%s%s%s", prefix, *prefix ? "." : "", key);
    return gn_str_text(s);
}

void gn_reader_unknown(struct gn_reader *r, const struct gn_yaml *at, const char *prefix,
                       const char *when)
{
    const char **names = gn_alloc((row_count() + 1) * sizeof *names);
    struct gn_str path = { 0 };
    size_t n = 0;
    for (const struct gn_key *k = gn_config_keys; k->path; k++) {
        if (gn_config_key_in(k, prefix) &&
            (!when || !k->when || gn_word_in(when, k->when, false))) {
            names[n++] = gn_config_key_last(k);
        }
    }
    const char *near = gn_nearest(at->key ? at->key : "", names);
    join(prefix, at->key ? at->key : "", &path);
    if (r->lenient) {
        gn_reader_note(r, at, gn_str_text(&path), "unknown key, left out");
    } else if (near) {
        gn_reader_fault(r, at, gn_str_text(&path), "unknown key; the nearest is %s", near);
    } else {
        gn_reader_fault(r, at, gn_str_text(&path), "unknown key");
    }
    gn_str_free(&path);
    free(names);
}

const struct gn_yaml *gn_reader_node(const struct gn_reader *r, const char *path)
{
    const struct gn_key *k = gn_config_key(path, NULL);
    return k ? r->node[row_of(k)] : NULL;
}

bool gn_reader_written(const struct gn_reader *r, const char *path)
{
    return !gn_yaml_is_null(gn_reader_node(r, path));
}

/* ---- scalars ---- */

static const char *shown(const struct gn_yaml *at)
{
    switch (at->kind) {
    case GN_YAML_NULL: return "null";
    case GN_YAML_SCALAR: return at->text;
    case GN_YAML_LIST: return "a list";
    case GN_YAML_MAP: return "a mapping";
    }
    return "";
}

static int check_range(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                       const struct gn_key *k, double v)
{
    if (!isfinite(v)) {
        gn_reader_fault(r, at, path, "must be finite: %s", shown(at));
        return -1;
    }
    if (k->lo == 0 && k->hi == 0) {
        return 0;
    }
    if (v < k->lo || (k->above && v <= k->lo)) {
        gn_reader_fault(r, at, path, "must be %s %.15g: %s", k->above ? "above" : "at least", k->lo,
                        shown(at));
        return -1;
    }
    if (v > k->hi) {
        gn_reader_fault(r, at, path, "must be at most %.15g: %s", k->hi, shown(at));
        return -1;
    }
    return 0;
}

int gn_reader_int(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                  const struct gn_key *k, int64_t *v)
{
    double real;
    if (gn_yaml_int(at, v)) {
        if (gn_yaml_real(at, &real) || real != floor(real) || fabs(real) > 1e15) {
            gn_reader_fault(r, at, path, "must be a whole number: %s", shown(at));
            return -1;
        }
        *v = (int64_t)real;
    }
    return check_range(r, at, path, k, (double)*v);
}

int gn_reader_real(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                   const struct gn_key *k, double *v)
{
    if (gn_yaml_real(at, v)) {
        gn_reader_fault(r, at, path, "must be a number: %s", shown(at));
        return -1;
    }
    return check_range(r, at, path, k, *v);
}

int gn_reader_bool(struct gn_reader *r, const struct gn_yaml *at, const char *path, bool *v)
{
    if (gn_yaml_bool(at, v)) {
        gn_reader_fault(r, at, path, "must be true or false: %s", shown(at));
        return -1;
    }
    return 0;
}

int gn_reader_choice(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                     const struct gn_key *k, const char **name)
{
    struct gn_str list = { 0 };
    const char *text = gn_yaml_is_null(at) ? "none" : shown(at);
    const struct gn_choice *c =
        gn_yaml_is_null(at) || at->kind == GN_YAML_SCALAR ? gn_choice_find(k->choices, text) : NULL;
    int rc = -1;
    gn_choice_list(k->choices, &list);
    if (!c) {
        struct gn_str near = { 0 };
        gn_choice_suggest(k->choices, text, &near);
        gn_reader_fault(r, at, path, "not a valid option: %s%s (allowed: %s)", text,
                        gn_str_text(&near), gn_str_text(&list));
        gn_str_free(&near);
    } else if (!c->built) {
        gn_reader_fault(r, at, path, "%s is not available in this version (allowed: %s)", c->name,
                        gn_str_text(&list));
    } else {
        *name = c->name;
        rc = 0;
    }
    gn_str_free(&list);
    return rc;
}

int gn_reader_vector(struct gn_reader *r, const struct gn_yaml *at, const char *path,
                     const struct gn_key *k, int dimension, double v[3])
{
    size_t n = at->kind == GN_YAML_LIST ? at->n : 1;
    if (at->kind == GN_YAML_MAP || at->kind == GN_YAML_NULL || n < 1 || n > 3) {
        gn_reader_fault(r, at, path, "must be a number or x, y, z: %s", shown(at));
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        const struct gn_yaml *e = at->kind == GN_YAML_LIST ? gn_yaml_at(at, i) : at;
        int64_t whole = 0;
        if (k->whole ? gn_reader_int(r, e, path, k, &whole)
                     : gn_reader_real(r, e, path, k, &v[i])) {
            return -1;
        }
        v[i] = k->whole ? (double)whole : v[i];
    }
    double flat = isnan(k->third) ? 1 : k->third; /* what the axis of one slice gets */
    if (n == 1) {
        v[1] = v[0];
        v[2] = dimension == 2 ? flat : v[0];
    } else if (n == 2) {
        if (dimension == 3 && isnan(k->third)) {
            gn_reader_fault(r, at, path, "needs three numbers for 3-D images");
            return -1;
        }
        v[2] = flat;
    }
    return 0;
}

/* ---- fields ---- */

static void *field(struct gn_config *c, const struct gn_key *k)
{
    return (char *)c + k->offset - 1;
}

/* Store a scalar's value in the row's field, if it has one. */
static void set_field(struct gn_reader *r, const struct gn_key *k, const struct gn_yaml *at,
                      const char *path)
{
    struct gn_config *c = r->c;
    int64_t whole;
    double real;
    bool truth;
    const char *name;
    switch (k->kind) {
    case GN_KEY_INT:
        if (!gn_reader_int(r, at, path, k, &whole) && k->offset) {
            *(int *)field(c, k) = (int)whole;
        }
        break;
    case GN_KEY_REAL:
        if (!gn_reader_real(r, at, path, k, &real) && k->offset) {
            *(double *)field(c, k) = real;
        }
        break;
    case GN_KEY_BOOL:
        if (!gn_reader_bool(r, at, path, &truth) && k->offset) {
            *(bool *)field(c, k) = truth;
        }
        break;
    case GN_KEY_TEXT:
        if (at->kind != GN_YAML_SCALAR) {
            gn_reader_fault(r, at, path, "must be a text: %s", shown(at));
        } else if (k->offset) {
            *(const char **)field(c, k) = gn_arena_strndup(&c->arena, at->text, strlen(at->text));
        }
        break;
    case GN_KEY_CHOICE:
    case GN_KEY_TYPED:
        if (!gn_reader_choice(r, at, path, k, &name) && k->offset) {
            *(const char **)field(c, k) = name;
        }
        break;
    default: break;
    }
}

/* The defaults of the rows of one type (NULL: of those that hang on none). */
static void set_defaults(struct gn_reader *r, const char *section, const char *type)
{
    for (const struct gn_key *k = gn_config_keys; k->path; k++) {
        bool mine =
            type ? k->when && gn_config_key_in(k, section) && gn_word_in(type, k->when, false)
                 : !k->when;
        if (mine && k->def && k->offset && k->kind != GN_KEY_SPECIAL) {
            struct gn_yaml text = { .kind = GN_YAML_SCALAR, .text = k->def };
            set_field(r, k, &text, k->path);
        }
    }
}

/* ---- sections ---- */

static void read_section(struct gn_reader *r, const struct gn_yaml *map, const char *prefix,
                         const char *when);

static bool is_off(const struct gn_yaml *e, const struct gn_key *k)
{
    bool truth = true;
    return gn_yaml_is_null(e) || (!gn_yaml_bool(e, &truth) && !truth) ||
           (e->kind == GN_YAML_SCALAR && k->def && !strcmp(e->text, k->def)) ||
           (e->kind != GN_YAML_SCALAR && e->n == 0);
}

/* optimizer: adam; or {type: adam, ...}; or {adam: {...}} */
static void read_typed(struct gn_reader *r, const struct gn_key *k, const struct gn_yaml *e)
{
    const struct gn_yaml *type = e, *params = NULL;
    struct gn_yaml bare = *e;
    if (e->kind == GN_YAML_MAP) {
        type = gn_yaml_get(e, "type");
        params = e;
        if (!type && e->n == 1 && gn_choice_find(k->choices, e->child->key)) {
            bare.kind = GN_YAML_SCALAR;
            bare.text = e->child->key;
            type = &bare;
            params = e->child;
            if (params->kind != GN_YAML_MAP && !gn_yaml_is_null(params)) {
                gn_reader_fault(r, params, k->path, "must be a mapping: %s", shown(params));
            }
        }
        if (!type && !strcmp(k->path, "patch_sampler")) {
            type = NULL; /* its other keys stand without a type */
        } else if (gn_yaml_is_null(type)) {
            gn_reader_fault(r, e, k->path, "type: required");
            return;
        }
    }
    if (type && !gn_yaml_is_null(type)) {
        set_field(r, k, type, k->path);
    }
    const char *now = *(const char **)field(r->c, k);
    set_defaults(r, k->path, now);
    if (params && params->kind == GN_YAML_MAP) {
        read_section(r, params, k->path, now);
    }
}

static void read_entry(struct gn_reader *r, const struct gn_key *k, const struct gn_yaml *e,
                       const char *path)
{
    switch (k->effect) {
    case GN_KEY_INERT: gn_str_addf(&r->inert, "%s%s", r->inert.len ? ", " : "", path); return;
    case GN_KEY_SILENT: return;
    case GN_KEY_ABSENT:
        if (!is_off(e, k)) {
            gn_reader_fault(r, e, path, "%s: not available in this version (allowed: false)",
                            k->help);
        }
        return;
    case GN_KEY_ACTS: break;
    }
    switch (k->kind) {
    case GN_KEY_MAP:
        if (e->kind == GN_YAML_MAP) {
            read_section(r, e, k->path, NULL);
        } else if (!gn_yaml_is_null(e)) {
            gn_reader_fault(r, e, path, "must be a mapping: %s", shown(e));
        }
        break;
    case GN_KEY_TYPED:
        if (!gn_yaml_is_null(e)) {
            read_typed(r, k, e);
        }
        break;
    case GN_KEY_CHOICE:
        /* A null is the name none where there is one, else nothing written. */
        if (!gn_yaml_is_null(e) || gn_choice_find(k->choices, "none")) {
            double number;
            if (!strcmp(k->path, "patch_sampler.padding_mode") && !gn_yaml_real(e, &number) &&
                number != 0 && isfinite(number)) { /* constant, with this value */
                struct gn_str text = { 0 };
                gn_str_add_real(&text, number);
                r->c->padding_mode = gn_arena_strndup(&r->c->arena, text.data, text.len);
                gn_str_free(&text);
            } else {
                set_field(r, k, e, path);
            }
        }
        break;
    case GN_KEY_STEPS:
    case GN_KEY_SPECIAL: break; /* when all else is known */
    default:
        if (!gn_yaml_is_null(e)) {
            set_field(r, k, e, path);
        }
    }
}

static void read_section(struct gn_reader *r, const struct gn_yaml *map, const char *prefix,
                         const char *when)
{
    struct gn_str path = { 0 };
    for (const struct gn_yaml *e = map->child; e; e = e->next) {
        if (when && !strcmp(e->key, "type")) {
            continue;
        }
        const struct gn_key *k = gn_config_key_find(prefix, e->key, when, false);
        join(prefix, e->key, &path);
        if (!k && when && gn_config_key_find(prefix, e->key, NULL, false)) {
            gn_reader_note(r, e, gn_str_text(&path), "no effect under type %s", when);
            continue;
        }
        if (!k) {
            gn_reader_unknown(r, e, prefix, when);
            continue;
        }
        const struct gn_yaml **seen = &r->node[row_of(k)];
        bool older = strcmp(e->key, gn_config_key_last(k)) != 0;
        if (older && !strcmp(e->key, "kcross_validation")) {
            gn_reader_fault(r, e, gn_str_text(&path),
                            "no longer a key; write nested_training: {testing: T, validation: V}");
            *seen = e;
            continue;
        }
        if (*seen && !strcmp(e->key, "proportional")) {
            *seen = NULL; /* it wins over stratified */
        } else if (*seen && !strcmp((*seen)->key, "proportional")) {
            continue;
        } else if (*seen) {
            gn_reader_fault(r, e, gn_str_text(&path), "already written in line %d, as %s",
                            (*seen)->line, (*seen)->key);
            continue;
        }
        if (older && k->effect == GN_KEY_ACTS) {
            gn_reader_note(r, e, gn_str_text(&path), "read as %s", gn_config_key_last(k));
        }
        *seen = e;
        read_entry(r, k, e, gn_str_text(&path));
    }
    gn_str_free(&path);
}

static void check_required(struct gn_reader *r)
{
    for (const struct gn_key *k = gn_config_keys; k->path; k++) {
        if (!k->required || !strncmp(k->path, "data_", 5)) {
            continue;
        }
        char *section = gn_strndup(k->path, strcspn(k->path, "."));
        const struct gn_yaml *parent =
            strchr(k->path, '.') ? gn_reader_node(r, section) : r->c->doc.root;
        const struct gn_yaml *e = r->node[row_of(k)];
        bool null_is_a_name = k->kind == GN_KEY_CHOICE && gn_choice_find(k->choices, "none");
        if (parent && parent->kind == GN_YAML_MAP &&
            (!e || (gn_yaml_is_null(e) && !null_is_a_name))) {
            struct gn_str list = { 0 };
            gn_choice_list(k->kind == GN_KEY_CHOICE ? k->choices : NULL, &list);
            gn_reader_fault(r, e ? e : parent, k->path, "required%s%s%s",
                            list.len ? " (allowed: " : "", gn_str_text(&list), list.len ? ")" : "");
            gn_str_free(&list);
        }
        free(section);
    }
}

static int by_place(const void *a, const void *b)
{
    const struct gn_fault *x = *(const struct gn_fault *const *)a,
                          *y = *(const struct gn_fault *const *)b;
    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    if (x->column != y->column) {
        return x->column < y->column ? -1 : 1;
    }
    return x < y ? -1 : x > y;
}

/* Hand the faults over in the file's order. */
static int finish(struct gn_reader *r, struct gn_strs *faults, struct gn_err *err)
{
    size_t n = r->n_faults;
    const struct gn_fault **order = gn_alloc((n + 1) * sizeof *order);
    for (size_t i = 0; i < n; i++) {
        order[i] = &r->fault[i];
    }
    qsort(order, n, sizeof *order, by_place);
    for (size_t i = 0; i < n; i++) {
        gn_strs_add(faults, order[i]->text);
    }
    for (size_t i = 0; i < n; i++) {
        free(r->fault[i].text);
    }
    free(order);
    free(r->fault);
    free(r->node);
    gn_str_free(&r->inert);
    return n ? gn_err_set(err, "%s: %zu %s", r->c->path, n, n == 1 ? "fault" : "faults") : 0;
}

static int parse(struct gn_config *c, const char *path, const char *text, size_t n, bool lenient,
                 struct gn_strs *faults, struct gn_err *err)
{
    struct gn_reader r = { .c = c, .lenient = lenient };
    struct gn_err why = { 0 };
    memset(c, 0, sizeof *c);
    c->path = gn_strdup(path);
    c->ignore_label = -1;
    c->norm_type = "batch";
    r.node = gn_alloc((row_count() + 1) * sizeof *r.node);
    if (gn_yaml_parse(&c->doc, path, text, n, &why)) {
        gn_strs_add(faults, why.text);
        free(r.node);
        return gn_err_set(err, "%s: 1 fault", path);
    }
    if (!c->doc.root || c->doc.root->kind != GN_YAML_MAP) {
        gn_reader_fault(&r, c->doc.root, "", "must be a mapping of keys");
        return finish(&r, faults, err);
    }
    set_defaults(&r, "", NULL);
    set_defaults(&r, "optimizer", c->optimizer);
    set_defaults(&r, "scheduler", c->scheduler);
    read_section(&r, c->doc.root, "", NULL);
    check_required(&r);
    gn_reader_version(&r);
    gn_reader_older(&r);
    gn_reader_patch(&r);
    gn_reader_classes(&r);
    gn_reader_metrics(&r);
    gn_reader_weights(&r);
    gn_reader_betas(&r);
    gn_reader_overlap(&r);
    gn_reader_seed(&r);
    gn_reader_steps(&r);
    gn_reader_check(&r);
    if (r.inert.len) {
        char *line = gn_asprintf("%s: no effect here: %s", path, gn_str_text(&r.inert));
        gn_strs_add(&c->notes, line);
        free(line);
    }
    return finish(&r, faults, err);
}

int gn_config_parse(struct gn_config *c, const char *path, const char *text, size_t n,
                    struct gn_strs *faults, struct gn_err *err)
{
    return parse(c, path, text, n, false, faults, err);
}

static int read_file(struct gn_config *c, const char *path, bool lenient, struct gn_strs *faults,
                     struct gn_err *err)
{
    struct gn_safetensors model = { 0 };
    char *text = NULL;
    size_t n = 0;
    int rc = -1;
    memset(c, 0, sizeof *c);
    if (!strcmp(gn_path_ext(path), ".safetensors")) {
        if (gn_safetensors_open(&model, path, err)) {
            return -1;
        }
        const char *config = gn_safetensors_meta(&model, "config");
        rc = config ? parse(c, path, config, strlen(config), lenient, faults, err)
                    : gn_err_set(err, "%s: this model carries no config", path);
        gn_safetensors_close(&model);
        return rc;
    }
    if (gn_file_read(path, (size_t)1 << 20, &text, &n, err)) {
        return -1;
    }
    rc = parse(c, path, text, n, lenient, faults, err);
    free(text);
    return rc;
}

int gn_config_read(struct gn_config *c, const char *path, struct gn_strs *faults,
                   struct gn_err *err)
{
    return read_file(c, path, false, faults, err);
}

int gn_config_read_lenient(struct gn_config *c, const char *path, struct gn_strs *faults,
                           struct gn_err *err)
{
    return read_file(c, path, true, faults, err);
}

int gn_config_load(struct gn_config *c, const char *path, struct gn_err *err)
{
    struct gn_strs faults = { 0 };
    struct gn_err why = { 0 };
    int rc = gn_config_read(c, path, &faults, &why);
    for (size_t i = 0; i < c->notes.n; i++) {
        gn_log(GN_LOG_NOTE, "%s", c->notes.item[i]);
    }
    for (size_t i = 0; i + 1 < faults.n; i++) {
        gn_log(GN_LOG_ERROR, "%s", faults.item[i]);
    }
    if (rc) {
        gn_err_set(err, "%s", faults.n ? faults.item[faults.n - 1] : why.text);
    }
    gn_strs_free(&faults);
    return rc;
}

void gn_config_free(struct gn_config *c)
{
    gn_yaml_free(&c->doc);
    gn_strs_free(&c->notes);
    gn_strs_free(&c->metrics);
    gn_arena_free(&c->arena);
    free(c->path);
    memset(c, 0, sizeof *c);
}

const char *gn_number_text(double v, char *buf)
{
    if (v == floor(v) && fabs(v) < 1e15) {
        snprintf(buf, 40, "%.0f", v + 0.0); /* + 0.0: never -0 */
        return buf;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buf, 40, "%.*g", digits, v);
        if (strtod(buf, NULL) == v) {
            break;
        }
    }
    return buf;
}

const char *gn_number_yaml(double v, char *buf)
{
    gn_number_text(v, buf);
    char *e = strchr(buf, 'e');
    if (e && !strchr(buf, '.')) { /* YAML 1.1 calls 1e-05 a text */
        memmove(e + 2, e, strlen(e) + 1);
        e[0] = '.';
        e[1] = '0';
    }
    return buf;
}
