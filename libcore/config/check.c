/* check.c - what must hold between the keys of a config. */
#include "config/data.h"
#include "config/reader.h"
#include "config/target.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void gn_config_patch_rule(const char *architecture, int depth, int64_t *multiple, int64_t *least)
{
    /* Four halvings, or as many as there are levels. A network that divides by another number says
     * so here. */
    static const char sixteen[] = "unet resunet light_unet light_resunet fcn";
    *multiple = *least = 1;
    if (architecture && gn_word_in(architecture, sixteen, false)) {
        *multiple = *least = 16;
    } else if (architecture && strstr(architecture, "_multilayer")) {
        *multiple = INT64_C(1) << depth;
        *least = INT64_C(2) << depth;
    }
}

static void check_patch(struct gn_reader *r)
{
    const struct gn_config *c = r->c;
    const struct gn_yaml *e = gn_reader_node(r, "patch_size");
    int64_t m, least;
    if (!r->patch_read)
        return;
    gn_config_patch_rule(c->architecture, c->depth, &m, &least);
    for (int i = 0; i < c->dimension; i++) {
        long long p = c->patch[i], below = p / m * m, above = below + m;
        bool told = false; /* of an earlier axis as long */
        for (int k = 0; k < i; k++)
            told = told || c->patch[k] == p;
        if (told)
            continue;
        if (p < least)
            gn_reader_fault(
                r, e, "patch_size",
                "%lld is too small for %s, which needs %lld or a larger multiple of %lld", p,
                c->architecture, (long long)least, (long long)m);
        else if (p % m)
            gn_reader_fault(r, e, "patch_size",
                            "%lld is no multiple of %lld, which %s needs (nearest: %lld, %lld)", p,
                            (long long)m, c->architecture, below, above);
    }
}

/* Classes that the mapping passes over are lost. */
static void check_mapping(struct gn_reader *r, const struct gn_yaml *mapping)
{
    const struct gn_config *c = r->c;
    for (int k = 0; k < c->n_classes; k++) {
        int64_t value = gn_config_class_value(c, k);
        char *key = gn_asprintf("%lld", (long long)value);
        if (value && !gn_yaml_get(mapping, key))
            gn_reader_note(r, mapping, "data_postprocessing.mapping",
                           "class %s is predicted as %s, which becomes 0: it is not listed",
                           c->classes[k].text, key);
        free(key);
    }
}

static void check_classes(struct gn_reader *r)
{
    const struct gn_config *c = r->c;
    const struct gn_yaml *e = gn_reader_node(r, "model.class_list"),
                         *model = gn_reader_node(r, "model");
    const struct gn_yaml *n = gn_reader_node(r, "model.num_classes");
    const struct gn_key positive = { .lo = 1, .hi = 4096 };
    int64_t v;
    bool unions = false;
    bool mapped =
        gn_yaml_get(gn_reader_node(r, "data_postprocessing"), "mapping") ||
        gn_yaml_get(gn_reader_node(r, "data_postprocessing_after_reverse_one_hot_encoding"),
                    "mapping");
    for (int i = 0; i < c->n_classes; i++)
        unions = unions || c->classes[i].n > 1;
    if (c->n_classes == 0 && model && model->kind == GN_YAML_MAP &&
        (gn_yaml_is_null(e) || e->n == 0) && (!e || e->kind != GN_YAML_SCALAR))
        gn_reader_fault(r, e ? e : model, "model.class_list",
                        "required: the labels to be told apart, background first, as [0, 1]");
    if (!gn_yaml_is_null(n) && !gn_reader_int(r, n, "model.num_classes", &positive, &v) &&
        c->n_classes && v != c->n_classes)
        gn_reader_fault(r, n, "model.num_classes", "is %lld, but class_list has %d", (long long)v,
                        c->n_classes);
    if (unions && !mapped)
        gn_reader_fault(r, e, "model.class_list",
                        "with || needs data_postprocessing_after_reverse_one_hot_encoding: "
                        "{mapping: {class number: label}}");
    for (int i = 0; i < c->post.n; i++)
        if (!strcmp(c->post.step[i].name, "mapping"))
            check_mapping(r, c->post.step[i].value);
    if (c->n_classes && c->ignore_label >= c->n_classes)
        gn_reader_fault(
            r, gn_reader_node(r, "model.ignore_label_validation"), "model.ignore_label_validation",
            "is a position in class_list (0 to %d): %d", c->n_classes - 1, c->ignore_label);
}

static void check_folds(struct gn_reader *r)
{
    struct gn_config *c = r->c;
    const struct gn_yaml *testing = gn_reader_node(r, "nested_training.testing");
    const struct gn_yaml *validation = gn_reader_node(r, "nested_training.validation");
    const struct gn_yaml *regex = gn_reader_node(r, "nested_training.group_regex");
    if (testing && c->testing == 0)
        gn_reader_fault(r, testing, "nested_training.testing",
                        "must not be 0 (1: no test set; 5: five folds; -5: the first of five)");
    if (validation && c->validation > -2 && c->validation < 2)
        gn_reader_fault(r, validation, "nested_training.validation",
                        "must be at least 2 folds, or -2 and below for the first only: %d",
                        c->validation);
    if (c->group && c->group_regex)
        gn_reader_fault(r, regex, "nested_training.group_regex",
                        "group and group_regex cannot both be there");
    if (c->group_regex) {
        regex_t compiled;
        char why[200];
        int rc = regcomp(&compiled, c->group_regex, REG_EXTENDED);
        if (rc) {
            regerror(rc, &compiled, why, sizeof why);
            gn_reader_fault(r, regex, "nested_training.group_regex",
                            "not an extended regular expression: %s: %s", c->group_regex, why);
        } else {
            if (compiled.re_nsub < 1)
                gn_reader_fault(r, regex, "nested_training.group_regex",
                                "needs a group in parentheses: %s", c->group_regex);
            regfree(&compiled);
        }
    }
}

static void check_training(struct gn_reader *r)
{
    struct gn_config *c = r->c;
    const struct gn_yaml *scheduler = gn_reader_node(r, "scheduler"),
                         *precision = gn_reader_node(r, "precision");
    const struct gn_key *step = gn_config_key("scheduler.step_size", c->scheduler);
    if (scheduler && step && c->sched_step_size == 0 && !gn_reader_node(r, "scheduler.step_size"))
        gn_reader_note(r, scheduler, "scheduler",
                       "%s without a step_size: the learning rate is constant", c->scheduler);
    if (c->sched_step_size == 0 && gn_word_in(c->scheduler, "triangular exp_range", false))
        c->scheduler = "constant"; /* a cycle of no length would stay at its lowest rate */
    if (precision && precision->kind == GN_YAML_SCALAR && (strstr(precision->text, "16"))) {
        gn_reader_note(r, precision, "precision", "read as model.amp: true");
        c->amp = true;
    }
}

void gn_reader_check(struct gn_reader *r)
{
    check_classes(r);
    check_folds(r);
    check_training(r);
    check_patch(r);
}

/* A target is read when the first image is: that it is there can be said now. */
static void check_targets(const struct gn_config *c, const char *path, struct gn_strs *faults)
{
    for (int i = 0; i < c->pre.n; i++) {
        char *file = gn_config_target(c, i) ? gn_config_target_path(c, i) : NULL;
        if (file && access(file, F_OK) < 0) {
            char *line = gn_asprintf("%s: data_preprocessing.%s.target: %s: no such file", path,
                                     c->pre.step[i].name, file);
            gn_strs_add(faults, line);
            free(line);
        }
        free(file);
    }
}

void gn_config_check_training(const struct gn_config *c, const char *path, struct gn_strs *faults)
{
    int64_t m, least, values = 1;
    check_targets(c, path, faults);
    bool batch = c->norm_type && !strcmp(c->norm_type, "batch");
    gn_config_patch_rule(c->architecture, c->depth, &m, &least);
    if (m == 1 || (!batch && !(c->norm_type && !strcmp(c->norm_type, "instance"))))
        return;
    for (int i = 0; i < c->dimension; i++)
        values *= c->patch[i] / m;
    if (values * (batch ? c->batch_size : 1) >= 2)
        return;
    char *line = gn_asprintf("%s: patch_size: leaves one voxel at the deepest level of %s, and "
                             "%s norm needs two: %lld more along one axis%s",
                             path, c->architecture, c->norm_type, (long long)m,
                             batch ? ", or a larger batch_size" : "");
    gn_strs_add(faults, line);
    free(line);
}
