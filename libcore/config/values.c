/* values.c - keys that need a reader of their own: version, patch_size, metrics, weights, betas,
 * overlap, older places. */
#include "config/reader.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- version: {minimum: A, maximum: B}, in the order of PEP 440 ---- */

enum { VERSION_PARTS = 4 };
struct version {
    long part[VERSION_PARTS]; /* 0.1.6 */
    int stage;                /* dev < a < b < rc < final */
    long number;              /* of dev3, rc1 */
};
static const char language_oldest[] = "0.0.14", language_newest[] = "0.1.6";

static int parse_version(const char *text, struct version *v)
{
    static const char *const stages[] = { "dev", "a", "b", "rc" };
    const char *p = text;
    char *end;
    memset(v, 0, sizeof *v);
    v->stage = 4;
    for (int i = 0; i < VERSION_PARTS && isdigit((unsigned char)*p); i++) {
        v->part[i] = strtol(p, &end, 10);
        p = end;
        if (*p == '.' && isdigit((unsigned char)p[1]))
            p++;
    }
    if (p == text)
        return -1;
    p += strspn(p, "-._");
    for (int i = 0; i < 4; i++) {
        size_t n = strlen(stages[i]);
        if (!strncmp(p, stages[i], n) && v->stage == 4) {
            v->stage = i;
            v->number = strtol(p + n, &end, 10);
            p = end;
        }
    }
    return *p == '\0' || *p == '+' ? 0 : -1;
}

static int compare_versions(const struct version *a, const struct version *b)
{
    for (int i = 0; i < VERSION_PARTS; i++)
        if (a->part[i] != b->part[i])
            return a->part[i] < b->part[i] ? -1 : 1;
    if (a->stage != b->stage)
        return a->stage < b->stage ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static int read_version(struct gn_reader *r, const struct gn_yaml *map, const char *key,
                        struct version *v)
{
    const struct gn_yaml *e = gn_yaml_get(map, key);
    if (!e || e->kind != GN_YAML_SCALAR || parse_version(e->text, v)) {
        gn_reader_fault(r, e ? e : map, "version", "%s: %s", key, e ? "not a version" : "required");
        return -1;
    }
    return 0;
}

void gn_reader_version(struct gn_reader *r)
{
    const struct gn_yaml *e = gn_reader_node(r, "version");
    struct version lo, hi, oldest, newest;
    if (gn_yaml_is_null(e)) {
        gn_reader_note(r, r->c->doc.root, "version", "not written; read as %s", language_newest);
        return;
    }
    if (e->kind != GN_YAML_MAP) {
        gn_reader_fault(r, e, "version", "must be {minimum: A, maximum: B}");
        return;
    }
    for (const struct gn_yaml *k = e->child; k; k = k->next)
        if (strcmp(k->key, "minimum") && strcmp(k->key, "maximum"))
            gn_reader_unknown(r, k, "version", NULL);
    int bad = read_version(r, e, "minimum", &lo) | read_version(r, e, "maximum", &hi);
    if (bad || parse_version(language_oldest, &oldest) || parse_version(language_newest, &newest))
        return;
    const char *a = gn_yaml_get(e, "minimum")->text, *b = gn_yaml_get(e, "maximum")->text;
    if (compare_versions(&lo, &hi) > 0)
        gn_reader_fault(r, e, "version", "minimum %s is above maximum %s", a, b);
    else if (compare_versions(&lo, &newest) > 0 || compare_versions(&hi, &oldest) < 0)
        gn_reader_fault(r, e, "version", "%s to %s is outside what is read here, %s to %s", a, b,
                        language_oldest, language_newest);
}

/* ---- patch_size and model.dimension ---- */

static int read_patch(struct gn_reader *r, const struct gn_yaml *e, int64_t v[3], int *n)
{
    const struct gn_key whole = { .lo = 1, .hi = 65536 };
    *n = e->kind == GN_YAML_LIST ? (int)(e->n < 4 ? e->n : 4) : 1;
    if (e->kind == GN_YAML_MAP || *n < 1 || *n > 3) {
        gn_reader_fault(r, e, "patch_size", "must be a number, two or three");
        return -1;
    }
    for (int i = 0; i < *n; i++) {
        const struct gn_yaml *x = e->kind == GN_YAML_LIST ? gn_yaml_at(e, (size_t)i) : e;
        if (x->kind == GN_YAML_SCALAR && strchr(x->text, 'm')) {
            gn_reader_fault(r, x, "patch_size", "%s: microns are not available in this version",
                            x->text);
            return -1;
        }
        if (gn_reader_int(r, x, "patch_size", &whole, &v[i]))
            return -1;
    }
    return 0;
}

void gn_reader_patch(struct gn_reader *r)
{
    const struct gn_yaml *e = gn_reader_node(r, "patch_size"),
                         *d = gn_reader_node(r, "model.dimension");
    const struct gn_key two_or_three = { .lo = 2, .hi = 3 };
    int64_t dimension = 0, v[3] = { 0, 0, 0 };
    int n = 0;
    r->c->dimension = 3;
    r->c->patch[0] = r->c->patch[1] = r->c->patch[2] = 1;
    if (!gn_yaml_is_null(d) && gn_reader_int(r, d, "model.dimension", &two_or_three, &dimension))
        return;
    if (gn_yaml_is_null(e) || read_patch(r, e, v, &n)) {
        r->c->dimension = dimension ? (int)dimension : 3;
        return;
    }
    if (n == 1 && !dimension) {
        gn_reader_fault(r, e, "patch_size", "one number needs model.dimension beside it");
        return;
    }
    if (!dimension)
        dimension = n == 2 ? 2 : 3;
    if (n == 1)
        v[1] = v[0], v[2] = v[0];
    if (n == 2 && dimension == 3)
        gn_reader_fault(r, e, "patch_size", "two numbers, but model.dimension is 3");
    else if (n == 3 && dimension == 2 && v[2] != 1)
        gn_reader_fault(r, e, "patch_size", "the third must be 1 where model.dimension is 2: %lld",
                        (long long)v[2]);
    if (dimension == 2)
        v[2] = 1;
    r->c->dimension = (int)dimension;
    r->c->slices = n == 3 && dimension == 2;
    for (int i = 0; i < 3; i++)
        r->c->patch[i] = v[i] > 0 ? v[i] : 1;
    r->patch_read = v[2] > 0;
}

/* ---- metrics: [dice, {hd95: {...}}] or {dice: ...} ---- */

static void add_metric(struct gn_reader *r, const struct gn_yaml *at, const char *name)
{
    struct gn_yaml text = {
        .kind = GN_YAML_SCALAR, .text = name, .line = at->line, .column = at->column
    };
    const char *canonical = NULL;
    if (gn_reader_choice(r, &text, "metrics", gn_config_key("metrics", NULL), &canonical))
        return;
    for (size_t i = 0; i < r->c->metrics.n; i++)
        if (!strcmp(r->c->metrics.item[i], canonical))
            return;
    gn_strs_add(&r->c->metrics, canonical);
}

void gn_reader_metrics(struct gn_reader *r)
{
    const struct gn_yaml *e = gn_reader_node(r, "metrics");
    if (gn_yaml_is_null(e))
        return;
    if (e->kind == GN_YAML_SCALAR) {
        add_metric(r, e, e->text);
        return;
    }
    for (const struct gn_yaml *m = e->child; m; m = m->next) {
        if (e->kind == GN_YAML_MAP)
            add_metric(r, m, m->key);
        else if (m->kind == GN_YAML_SCALAR)
            add_metric(r, m, m->text);
        else if (m->kind == GN_YAML_MAP && m->n == 1)
            add_metric(r, m->child, m->child->key);
        else
            gn_reader_fault(r, m, "metrics", "must be names, or {name: options}");
    }
}

/* ---- penalty_weights, sampling_weights: {0: w, 1: w, ...}, or a list, by position in class_list
 * ---- */

static double *read_weights(struct gn_reader *r, const char *path)
{
    const struct gn_yaml *e = gn_reader_node(r, path);
    const struct gn_key positive = { .lo = 0, .hi = 1e30 };
    size_t n = (size_t)r->c->n_classes, got = 0;
    if (gn_yaml_is_null(e) || n == 0)
        return NULL;
    if ((e->kind != GN_YAML_MAP && e->kind != GN_YAML_LIST) || e->n != n) {
        gn_reader_fault(r, e, path,
                        "must be one number for each of the %zu classes, as {0: w, 1: w, ...}", n);
        return NULL;
    }
    double *w = gn_arena_alloc(&r->c->arena, n * sizeof *w);
    bool *have = gn_arena_alloc(&r->c->arena, n * sizeof *have);
    for (const struct gn_yaml *k = e->child; k; k = k->next, got++) {
        int64_t at = (int64_t)got;
        if (e->kind == GN_YAML_MAP &&
            (gn_parse_int(k->key, &at) || at < 0 || at >= (int64_t)n || have[at])) {
            gn_reader_fault(r, k, path, "%s is no position in class_list (0 to %zu, each once)",
                            k->key, n - 1);
            return NULL;
        }
        if (gn_reader_real(r, k, path, &positive, &w[at]))
            return NULL;
        have[at] = true;
    }
    return w;
}

void gn_reader_weights(struct gn_reader *r)
{
    r->c->penalty_weights = read_weights(r, "penalty_weights");
    r->c->sampling_weights = read_weights(r, "sampling_weights");
}

/* ---- optimizer.betas ---- */

void gn_reader_betas(struct gn_reader *r)
{
    const struct gn_yaml *e = gn_reader_node(r, "optimizer.betas");
    const struct gn_key share = { .lo = 0, .hi = 1 };
    double v[2] = { 0.9, 0.999 };
    if (!gn_yaml_is_null(e)) {
        if (e->kind != GN_YAML_LIST || e->n != 2)
            gn_reader_fault(r, e, "optimizer.betas", "must be [a, b]");
        else if (!gn_reader_real(r, gn_yaml_at(e, 0), "optimizer.betas", &share, &v[0]) &&
                 !gn_reader_real(r, gn_yaml_at(e, 1), "optimizer.betas", &share, &v[1]) &&
                 (v[0] >= 1 || v[1] >= 1))
            gn_reader_fault(r, e, "optimizer.betas", "must be below 1");
    }
    r->c->beta1 = v[0];
    r->c->beta2 = v[1];
}

/* ---- inference_mechanism.patch_overlap ---- */

void gn_reader_overlap(struct gn_reader *r)
{
    const char *path = "inference_mechanism.patch_overlap";
    const struct gn_yaml *e = gn_reader_node(r, path);
    const struct gn_key k = {
        .kind = GN_KEY_VECTOR, .lo = 0, .hi = 65536, .whole = true, .third = 0
    };
    double v[3];
    if (gn_yaml_is_null(e) || gn_reader_vector(r, e, path, &k, r->c->dimension, v))
        return;
    for (int i = 0; i < 3; i++) {
        r->c->overlap[i] = (int64_t)v[i];
        if (r->c->overlap[i] % 2) {
            gn_reader_fault(r, e, path, "must be even: %lld", (long long)r->c->overlap[i]);
            return;
        }
        if (r->c->overlap[i] > 0 && r->c->overlap[i] >= r->c->patch[i]) {
            gn_reader_fault(r, e, path, "must be smaller than the patch: %lld of %lld voxels",
                            (long long)r->c->overlap[i], (long long)r->c->patch[i]);
            return;
        }
    }
}

void gn_reader_seed(struct gn_reader *r)
{
    const struct gn_yaml *e = gn_reader_node(r, "seed");
    const struct gn_key natural = { .lo = 0, .hi = 9.2e18 };
    int64_t v = 0;
    if (!gn_yaml_is_null(e) && !gn_reader_int(r, e, "seed", &natural, &v))
        r->c->seed = (uint64_t)v;
}

/* ---- places that older files use ---- */

static bool moved(struct gn_reader *r, const char *old, const char *path)
{
    const struct gn_yaml *e = gn_reader_node(r, old);
    if (gn_yaml_is_null(e))
        return false;
    if (gn_reader_written(r, path)) {
        gn_reader_note(r, e, old, "passed over: %s is written too", path);
        return false;
    }
    gn_reader_note(r, e, old, "read as %s", path);
    return true;
}

void gn_reader_older(struct gn_reader *r)
{
    const struct gn_yaml *e;
    bool truth;
    if (moved(r, "enable_padding", "patch_sampler.enable_padding"))
        (void)gn_reader_bool(r, gn_reader_node(r, "enable_padding"), "enable_padding",
                             &r->c->enable_padding);
    if (moved(r, "grid_aggregator_overlap", "inference_mechanism.grid_aggregator_overlap"))
        (void)gn_reader_choice(
            r, gn_reader_node(r, "grid_aggregator_overlap"), "grid_aggregator_overlap",
            gn_config_key("inference_mechanism.grid_aggregator_overlap", NULL), &r->c->stitch);
    e = gn_reader_node(r, "model.batch_norm");
    if (!gn_yaml_is_null(e) && !gn_reader_bool(r, e, "model.batch_norm", &truth)) {
        if (truth && moved(r, "model.batch_norm", "model.norm_type"))
            r->c->norm_type = "batch";
        else if (!truth && !gn_reader_written(r, "model.norm_type"))
            gn_reader_fault(r, e, "model.batch_norm",
                            "no longer a key; write norm_type (allowed: batch, instance)");
    }
}
