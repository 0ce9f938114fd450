/* classes.c - class_list: labels, unions of labels (1||4), and the way back from class to label. */
#include "config/reader.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASS_LIMIT = 1024, VALUE_LIMIT = 32 };

/* Text between two pointers, without the blanks and quotes around it. */
static void trim(const char **from, const char **to)
{
    while (*from < *to && (isspace((unsigned char)**from) || strchr("'\"", **from)))
        (*from)++;
    while (*to > *from && (isspace((unsigned char)(*to)[-1]) || strchr("'\"", (*to)[-1])))
        (*to)--;
}

static int add_value(struct gn_config_class *k, int64_t v)
{
    if (k->n == VALUE_LIMIT)
        return -1;
    k->value[k->n++] = v;
    return 0;
}

/* 4, or 4.0 */
static int parse_label(const char *text, int64_t *v)
{
    double real = 0;
    if (!gn_parse_int(text, v))
        return 0;
    if (gn_parse_double(text, &real) || real != floor(real) || fabs(real) > 1e15)
        return -1;
    *v = (int64_t)real;
    return 0;
}

/* "1||4" or "3" into the next class; 0, or -1 with a fault. */
static int add_class(struct gn_reader *r, const struct gn_yaml *at, const char *from,
                     const char *to)
{
    struct gn_config *c = r->c;
    trim(&from, &to);
    char *text = gn_arena_strndup(&c->arena, from, (size_t)(to - from));
    if (strstr(text, "&&")) {
        gn_reader_fault(r, at, "model.class_list",
                        "%s: a voxel has one label, so && of two is empty; write || for a union",
                        text);
        return -1;
    }
    if (c->n_classes == CLASS_LIMIT) {
        gn_reader_fault(r, at, "model.class_list", "more than %d classes", CLASS_LIMIT);
        return -1;
    }
    struct gn_config_class *k = &c->classes[c->n_classes];
    *k = (struct gn_config_class){ 0 };
    struct gn_str plain = { 0 };
    int rc = 0;
    for (const char *p = text; rc == 0;) {
        const char *end = strstr(p, "||"), *stop = end ? end : p + strlen(p), *start = p;
        trim(&start, &stop);
        char *word = gn_strndup(start, (size_t)(stop - start));
        int64_t v = 0;
        if (parse_label(word, &v)) {
            gn_reader_fault(r, at, "model.class_list",
                            "must be whole numbers, or unions such as 1||4: %s", text);
            rc = -1;
        } else if (add_value(k, v)) {
            gn_reader_fault(r, at, "model.class_list", "more than %d labels in one class",
                            VALUE_LIMIT);
            rc = -1;
        } else {
            gn_str_addf(&plain, "%s%lld", k->n > 1 ? "||" : "", (long long)k->value[k->n - 1]);
        }
        free(word);
        if (!end)
            break;
        p = end + 2;
    }
    k->text = gn_arena_strndup(&c->arena, gn_str_text(&plain), plain.len);
    gn_str_free(&plain);
    if (rc == 0)
        c->n_classes++;
    return rc;
}

/* "*range(a,b[,s])", as Python means it; 1: it was one, 0: it is not, -1: a fault. */
static int add_range(struct gn_reader *r, const struct gn_yaml *at, const char *text)
{
    int64_t v[3] = { 0, 0, 1 };
    const char *p = strstr(text, "range("), *end = strrchr(text, ')');
    int n = 0;
    if (!p)
        return 0;
    p += 6;
    while (end && n < 3 && p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p)), *from = p, *to = comma ? comma : end;
        trim(&from, &to);
        char *word = gn_strndup(from, (size_t)(to - from));
        int bad = gn_parse_int(word, &v[n]);
        free(word);
        if (bad) {
            n = 0;
            break;
        }
        n++;
        p = comma ? comma + 1 : end;
    }
    if (n == 1)
        v[1] = v[0], v[0] = 0;
    if (n == 0 || v[2] <= 0 || v[1] <= v[0]) {
        gn_reader_fault(r, at, "model.class_list", "not a range: %s", text);
        return -1;
    }
    for (int64_t x = v[0]; x < v[1]; x += v[2]) {
        char word[32];
        int length = snprintf(word, sizeof word, "%lld", (long long)x);
        if (add_class(r, at, word, word + length))
            return -1;
        if (x > INT64_MAX - v[2])
            break;
    }
    return 1;
}

/* One text that holds the list: '[0,1||2||3,4]', '[*range(0,100)]', '[0, 1]'. */
static void read_text(struct gn_reader *r, const struct gn_yaml *e)
{
    if (add_range(r, e, e->text) != 0)
        return;
    struct gn_str bare = { 0 };
    for (const char *p = e->text; *p; p++)
        if (!strchr("[]()", *p))
            gn_str_addn(&bare, p, 1);
    for (const char *p = gn_str_text(&bare); *p;) {
        size_t n = strcspn(p, ",");
        if (add_class(r, e, p, p + n))
            break;
        p += n + (p[n] == ',');
    }
    gn_str_free(&bare);
}

static bool same_or_superset(const struct gn_config_class *big, const struct gn_config_class *small)
{
    for (int i = 0; i < small->n; i++) {
        bool found = false;
        for (int j = 0; j < big->n; j++)
            found = found || big->value[j] == small->value[i];
        if (!found)
            return false;
    }
    return true;
}

void gn_reader_classes(struct gn_reader *r)
{
    const struct gn_yaml *e = gn_reader_node(r, "model.class_list");
    struct gn_config *c = r->c;
    c->classes = gn_arena_alloc(&c->arena, CLASS_LIMIT * sizeof *c->classes);
    if (gn_yaml_is_null(e))
        return;
    if (e->kind == GN_YAML_SCALAR) {
        read_text(r, e);
    } else if (e->kind == GN_YAML_LIST) {
        for (const struct gn_yaml *k = e->child; k; k = k->next) {
            if (k->kind != GN_YAML_SCALAR) {
                gn_reader_fault(r, k, "model.class_list", "must be labels");
                break;
            }
            if (add_class(r, k, k->text, k->text + strlen(k->text)))
                break;
        }
    } else {
        gn_reader_fault(r, e, "model.class_list", "must be a list of labels");
    }
    for (int i = 0; i < c->n_classes; i++)
        for (int j = 0; j < i; j++) {
            const struct gn_config_class *early = &c->classes[j], *late = &c->classes[i];
            bool covers = same_or_superset(late, early);
            if (covers && same_or_superset(early, late)) {
                gn_reader_fault(r, e, "model.class_list", "%s is there twice", late->text);
                return;
            }
            if (covers)
                gn_reader_note(r, e, "model.class_list",
                               "%s covers the earlier %s, whose predictions it will overwrite: "
                               "list regions from large to small",
                               late->text, early->text);
        }
}

int64_t gn_config_class_value(const struct gn_config *c, int k)
{
    bool unions = false, zero = false;
    for (int i = 0; i < c->n_classes; i++) {
        unions = unions || c->classes[i].n > 1;
        zero = zero || (c->classes[i].n == 1 && c->classes[i].value[0] == 0);
    }
    if (!unions)
        return c->classes[k].value[0];
    return zero ? k : k + 1;
}
