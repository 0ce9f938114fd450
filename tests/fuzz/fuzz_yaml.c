/* fuzz_yaml.c - any bytes give a tree or an error; a tree printed reads as the same tree. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(int ok)
{
    if (!ok)
        abort();
}

/* Whatever a scalar is read as, its printed form must be read as the same. */
static void same_values(const struct gn_yaml *a, const struct gn_yaml *b)
{
    int64_t i = 0, j = 0;
    double x = 0, y = 0;
    bool p = false, q = false;

    insist(gn_yaml_int(a, &i) == gn_yaml_int(b, &j) && i == j);
    insist(gn_yaml_real(a, &x) == gn_yaml_real(b, &y) && (x == y || (isnan(x) && isnan(y))));
    insist(gn_yaml_bool(a, &p) == gn_yaml_bool(b, &q) && p == q);
    insist(gn_yaml_is_null(a) == gn_yaml_is_null(b));
}

static void same_tree(const struct gn_yaml *a, const struct gn_yaml *b)
{
    insist(a->kind == b->kind && a->n == b->n && a->line > 0 && a->column > 0);
    insist(!a->key == !b->key && (!a->key || strcmp(a->key, b->key) == 0));
    insist(!a->text == !b->text && (!a->text || strcmp(a->text, b->text) == 0));
    same_values(a, b);
    a = a->child;
    b = b->child;
    for (; a && b; a = a->next, b = b->next)
        same_tree(a, b);
    insist(!a && !b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gn_yaml_doc doc, again;
    struct gn_str text = { 0 };
    struct gn_err err = { 0 };

    if (gn_yaml_parse(&doc, "fuzz", (const char *)data, size, &err)) {
        insist(err.code == GN_EXIT_FAILED && err.text[0] && !doc.root && !doc.arena.blocks);
        return 0;
    }
    insist(!err.code && doc.root);
    gn_yaml_print(doc.root, &text);
    if (text.len <=
        1 << 20) { /* indentation may make a file at the limit too large to be read back */
        insist(gn_yaml_parse(&again, "again", gn_str_text(&text), text.len, &err) == 0);
        same_tree(doc.root, again.root);
        gn_yaml_free(&again);
    }
    gn_str_free(&text);
    gn_yaml_free(&doc);
    return 0;
}
