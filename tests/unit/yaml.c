/* yaml - documents as trees, their scalars as values, printing, and the corpus of tests/fuzz. */
#include "base/yaml.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"

#include "../fuzz/fuzz_yaml.c"
#include "corpus.h"

static struct gn_yaml_doc doc;

static int parses(const char *text)
{
    struct gn_err err = {0};

    gn_yaml_free(&doc);
    if (gn_yaml_parse(&doc, "c.yaml", text, strlen(text), &err) == 0)
        return 1;
    printf("# %s\n", err.text);
    return 0;
}

static int fails_n(const char *text, size_t n, const char *want)
{
    struct gn_err err = {0};
    struct gn_yaml_doc bad;
    int good = gn_yaml_parse(&bad, "c.yaml", text, n, &err) == -1 && err.code == 1 &&
               !strcmp(err.text, want) && !bad.root && !bad.path && !bad.arena.blocks;

    if (!good)
        printf("# %s\n", err.text);
    return good;
}

static int fails(const char *text, const char *want)
{
    return fails_n(text, strlen(text), want);
}

static int is_text(const struct gn_yaml *node, const char *want)
{
    return node && node->kind == GN_YAML_SCALAR && !strcmp(node->text, want);
}

static int is_null(const struct gn_yaml *node)
{
    return node && node->kind == GN_YAML_NULL && !node->text;
}

static void test_trees(void)
{
    const struct gn_yaml *e = NULL;

    CHECK("a mapping keeps its order",
          parses("b: 1\na: x y\nc:\n  - 1\n  - two\n") && doc.root->kind == GN_YAML_MAP &&
              doc.root->n == 3 && !strcmp(doc.root->child->key, "b") &&
              !strcmp(doc.root->child->next->key, "a") && !strcmp(doc.path, "c.yaml"));
    e = gn_yaml_get(doc.root, "c");
    CHECK("entries are found by key, elements by number",
          is_text(gn_yaml_get(doc.root, "a"), "x y") && e->kind == GN_YAML_LIST && e->n == 2 &&
              is_text(gn_yaml_at(e, 1), "two"));
    CHECK("what is not there is NULL", !gn_yaml_get(doc.root, "d") && !gn_yaml_at(e, 2) &&
                                           !gn_yaml_get(e, "a") && !gn_yaml_get(NULL, "a") &&
                                           !gn_yaml_at(NULL, 0));
    CHECK("entries stand where their key does, elements where they are",
          e->line == 3 && e->column == 1 && e->child->line == 4 && e->child->column == 5 &&
              e->child->next->line == 5);

    CHECK("bare keys of a flow mapping have null values",
          parses("p: {'normalize', 'clip': {'min': 0}, blur,} # a comment\n"));
    e = gn_yaml_get(doc.root, "p");
    CHECK("they keep their place in the order",
          e->n == 3 && !strcmp(e->child->key, "normalize") && is_null(e->child) &&
              is_text(gn_yaml_get(gn_yaml_get(e, "clip"), "min"), "0") &&
              !strcmp(e->child->next->next->key, "blur"));
    CHECK("their columns are known", e->child->column == 5 && e->child->next->column == 18);
    CHECK("a missing space leaves the colon in the key", parses("{x:1}") && doc.root->n == 1 &&
                                                             !strcmp(doc.root->child->key, "x:1") &&
                                                             is_null(doc.root->child));
    CHECK("nulls are null, in quotes they are text",
          parses("[~, null, Null, NULL, '', 'null', \"~\", None]") &&
              is_null(gn_yaml_at(doc.root, 0)) && is_null(gn_yaml_at(doc.root, 3)) &&
              is_text(gn_yaml_at(doc.root, 4), "") && is_text(gn_yaml_at(doc.root, 5), "null") &&
              is_text(gn_yaml_at(doc.root, 6), "~") && is_text(gn_yaml_at(doc.root, 7), "None"));
    CHECK("integer keys are text",
          parses("mapping: {0: 0, 1: 4}") &&
              is_text(gn_yaml_get(gn_yaml_get(doc.root, "mapping"), "1"), "4"));
    CHECK("the tag !!python/list is passed over",
          parses("patch_size: !!python/list [256, 128]") &&
              is_text(gn_yaml_at(gn_yaml_get(doc.root, "patch_size"), 1), "128"));
    CHECK("block and folded text", parses("a: |\n  x\n  y\nb: >-\n  x\n  y\n") &&
                                       is_text(gn_yaml_get(doc.root, "a"), "x\ny\n") &&
                                       is_text(gn_yaml_get(doc.root, "b"), "x y"));
    CHECK("nothing is a null",
          parses("") && is_null(doc.root) && parses("# a comment\n") && is_null(doc.root));
    CHECK("a document may be one word or a list",
          parses("word") && is_text(doc.root, "word") && parses("[1]"));
    CHECK("a byte order mark and document marks are fine",
          parses("\xef\xbb\xbf---\na: 1\n...\n") && is_text(gn_yaml_get(doc.root, "a"), "1"));
}

static void test_errors(void)
{
    char text[2000];

    CHECK("a key twice names both lines",
          fails("a: 1\nb: 2\nc: 3\nb: 4\na: 5\n",
                "c.yaml:4:1: the key b is there already, on line 2"));
    CHECK("in a flow mapping too",
          fails("x: {a: 1,\n a: 2}", "c.yaml:2:2: the key a is there already, on line 1"));
    CHECK("aliases are refused",
          fails("a: *b\n", "c.yaml:1:4: aliases (*b) are not supported: write the value out"));
    CHECK("aliases as keys are refused",
          fails("*b : 1\n", "c.yaml:1:1: aliases are not supported: write the key out"));
    CHECK("anchors are refused",
          fails("a: &b [1]\n", "c.yaml:1:4: anchors (&b) are not supported: repeat the value") &&
              fails("a: &b 1\n", "c.yaml:1:4: anchors (&b) are not supported: repeat the value") &&
              fails("a: &b {c}\n", "c.yaml:1:4: anchors (&b) are not supported: repeat the value"));
    CHECK("other tags are refused by name",
          fails("a: !!python/object/apply:os.system [x]\n",
                "c.yaml:1:4: the tag tag:yaml.org,2002:python/object/apply:os.system is not "
                "supported") &&
              fails("a: !x 1\n", "c.yaml:1:4: the tag !x is not supported") &&
              fails("!x a: 1\n", "c.yaml:1:1: the tag !x is not supported"));
    CHECK("merge keys are refused by name",
          fails("<<: {a: 1}\n",
                "c.yaml:1:1: merge keys (<<) are not supported: write the entries out"));
    CHECK("keys are single",
          fails("[a, b]: 1\n",
                "c.yaml:1:1: a key must be a single word, number or text, not a list or mapping"));
    CHECK("keys are not empty", fails("?\n: 1\n", "c.yaml:1:2: an empty key") &&
                                    fails("'': 1\n", "c.yaml:1:1: an empty key"));
    memset(text, 'k', 251);
    strcpy(text + 251, ": 1\n");
    CHECK("keys are not long", fails(text, "c.yaml:1:1: a key of more than 250 bytes"));
    CHECK("a second document is refused",
          fails("a: 1\n---\nb: 2\n", "c.yaml:2:1: a second document: one file holds one"));
    CHECK("a NUL in a text is refused",
          fails("a: \"x\\0y\"\n", "c.yaml:1:4: a NUL character in a value") &&
              fails("\"x\\0y\": 1\n", "c.yaml:1:1: a NUL character in a key"));
    CHECK("a missing brace names the line where the mapping began",
          fails("a:\n  {b: 1,\nc: 2\nd: 3\n", "c.yaml:4:2: did not find expected ',' or '}' (while "
                                              "parsing a flow mapping that began on line 2)"));
    CHECK("a scanner's error has its place",
          fails("a: 'x\nb: 1\n", "c.yaml:3:1: found unexpected end of stream (while scanning a "
                                 "quoted scalar that began on line 1)") &&
              fails("a: %x\n", "c.yaml:1:4: found character that cannot start any token (while "
                               "scanning for the next token)"));
    CHECK("a bad byte has a line and a column",
          fails("a: 1\nb\xc3\xa9: \xff\n", "c.yaml:2:5: invalid leading UTF-8 octet (0xFF)"));
    CHECK("a control character too",
          fails("a: 1\nb: \x01\n", "c.yaml:2:4: control characters are not allowed (0x01)"));
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    text[128] = '\0';
    CHECK("64 levels are fine", parses(text));
    memset(text, '[', 65);
    text[65] = '\0';
    CHECK("65 are not", fails(text, "c.yaml:1:65: nested more than 64 deep"));
    {
        char *big = malloc((1 << 20) + 2);
        clock_t start = clock();

        memset(big, '[', (1 << 20) + 2);
        CHECK("a bomb of brackets ends at once",
              fails_n(big, 1 << 20, "c.yaml:1:65: nested more than 64 deep") &&
                  clock() - start < CLOCKS_PER_SEC / 2);
        CHECK("a file above 1 MiB is refused",
              fails_n(big, (1 << 20) + 1, "c.yaml: too large: more than 1048576 bytes"));
        free(big);
    }
}

/* n keys, all different but the last; quadratic work would show. */
static void test_many_keys(void)
{
    struct gn_str s = {0};
    struct gn_err err = {0};
    struct gn_yaml_doc many;

    for (int i = 0; i < 100000; i++)
        gn_str_addf(&s, "k%d:\n", i);
    CHECK("a mapping of 100000 keys",
          gn_yaml_parse(&many, "c.yaml", s.data, s.len, &err) == 0 && many.root->n == 100000);
    gn_yaml_free(&many);
    gn_str_add(&s, "k77: 1\n");
    CHECK("its repeated key is found",
          gn_yaml_parse(&many, "c.yaml", s.data, s.len, &err) == -1 &&
              !strcmp(err.text, "c.yaml:100001:1: the key k77 is there already, on line 78"));
    gn_str_free(&s);
}

static const struct gn_yaml *one(const char *text)
{
    return parses(text) ? doc.root : NULL;
}

static int int_is(const char *text, int64_t want)
{
    int64_t v = 0;
    return gn_yaml_int(one(text), &v) == 0 && v == want;
}

static int no_int(const char *text)
{
    int64_t v = 0;
    return gn_yaml_int(one(text), &v) == -1;
}

static int real_is(const char *text, double want)
{
    double v = 0;
    return gn_yaml_real(one(text), &v) == 0 && (v == want || (isnan(v) && isnan(want)));
}

static int no_real(const char *text)
{
    double v = 0;
    return gn_yaml_real(one(text), &v) == -1;
}

static int bool_is(const char *text, bool want)
{
    bool v = !want;
    return gn_yaml_bool(one(text), &v) == 0 && v == want;
}

static void test_values(void)
{
    int64_t i = 0;
    double d = 0;
    bool b = false;

    CHECK("whole numbers as YAML 1.1 has them",
          int_is("0", 0) && int_is("-12", -12) && int_is("+7", 7) && int_is("0x1F", 31) &&
              int_is("-0b101", -5) && int_is("017", 15) && int_is("1_000", 1000) &&
              int_is("9223372036854775807", INT64_MAX) &&
              int_is("-9223372036854775808", INT64_MIN));
    CHECK("what is no whole number",
          no_int("1.0") && no_int("'1'") && no_int("x") && no_int("08") && no_int("0x") &&
              no_int("9223372036854775808") && no_int("-9223372036854775809") && no_int("1:30") &&
              no_int("~") && no_int("[1]") && no_int("1 2") && no_int("_1"));
    CHECK("numbers", real_is("1", 1) && real_is("1.5", 1.5) && real_is("-.5", -.5) &&
                         real_is("1.", 1) && real_is("1e-3", 1e-3) && real_is("1.5E+3", 1500) &&
                         real_is("1_0.5", 10.5) && real_is(".inf", INFINITY) &&
                         real_is("-.Inf", -INFINITY) && real_is(".NaN", NAN) &&
                         real_is("99999999999999999999", 1e20) && real_is("017", 15));
    CHECK("what is no number", no_real("inf") && no_real("nan") && no_real("'1.5'") &&
                                   no_real("\"1\"") && no_real("1.5.5") && no_real("1e999") &&
                                   no_real("._5") && no_real("true") && no_real("|\n  1\n"));
    CHECK("booleans in YAML's spellings", bool_is("true", true) && bool_is("Yes", true) &&
                                              bool_is("ON", true) && bool_is("False", false) &&
                                              bool_is("no", false) && bool_is("Off", false));
    CHECK("what is no boolean",
          gn_yaml_bool(one("'true'"), &b) == -1 && gn_yaml_bool(one("y"), &b) == -1 &&
              gn_yaml_bool(one("tRue"), &b) == -1 && gn_yaml_bool(one("1"), &b) == -1 &&
              gn_yaml_bool(one("~"), &b) == -1);
    CHECK("null, ~, nothing and none are null",
          gn_yaml_is_null(NULL) && gn_yaml_is_null(one("null")) && gn_yaml_is_null(one("~")) &&
              gn_yaml_is_null(one("")) && gn_yaml_is_null(one("None")) &&
              gn_yaml_is_null(one("'none'")));
    CHECK("other texts are not", !gn_yaml_is_null(one("'null'")) && !gn_yaml_is_null(one("''")) &&
                                     !gn_yaml_is_null(one("nones")) && !gn_yaml_is_null(one("[]")));
    CHECK("nothing has no value", gn_yaml_int(NULL, &i) == -1 && gn_yaml_real(NULL, &d) == -1 &&
                                      gn_yaml_bool(NULL, &b) == -1);
}

static int prints(const char *text, const char *want)
{
    struct gn_str out = {0};
    int same = 0;

    if (!parses(text))
        return 0;
    gn_yaml_print(doc.root, &out);
    same = !strcmp(out.data, want);
    if (!same)
        printf("# got: %s", out.data);
    gn_str_free(&out);
    return same;
}

static void test_print(void)
{
    CHECK("mappings and lists print as blocks",
          prints("{a: 1, b: {c: ~, d: [1, x y, 'z']}, e: [{f: 1, g: 2}, [3, [4]]], h: {}, i: []}",
                 "a: 1\nb:\n  c: null\n  d: [1, x y, 'z']\ne:\n  - f: 1\n    g: 2\n  - - 3\n    - "
                 "[4]\nh: {}\ni: []\n"));
    CHECK("what is quoted stays quoted",
          prints("['1', \"true\", 'null', '']", "['1', 'true', 'null', '']\n"));
    CHECK("numbers and booleans stay plain",
          prints("[-1, +.5, .inf, 0x1F, 1e-3, yes]", "[-1, +.5, .inf, 0x1F, 1e-3, yes]\n"));
    CHECK("what would be read otherwise is quoted",
          prints("a: it's\nb: 'x: y'\n'c: d': '# e'\nf: \"a\\nb\\x85\\u2028\\\\\"\n",
                 "a: 'it''s'\nb: 'x: y'\n'c: d': '# e'\nf: \"a\\nb\\x85\\u2028\\\\\"\n"));
    CHECK("other alphabets stand as they are",
          prints("a: \xc3\xa9t\xc3\xa9\n", "a: '\xc3\xa9t\xc3\xa9'\n"));
    CHECK("single values", prints("x", "x\n") && prints("", "null\n") && prints("[]", "[]\n") &&
                               prints("- a\n", "[a]\n"));
    {
        struct gn_yaml node = {.kind = GN_YAML_SCALAR, .text = "null", .line = 1, .column = 1};
        struct gn_str out = {0};

        gn_yaml_print(&node, &out);
        CHECK("a text that looks like null is quoted", !strcmp(out.data, "'null'\n"));
        gn_str_free(&out);
    }
    CHECK("long lists print one item a line",
          prints("a: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, "
                 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, cccccccccccc]",
                 "a:\n  - aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n  - "
                 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n  - cccccccccccc\n"));
}

static void test_files(void)
{
    struct gn_err err = {0};
    struct gn_yaml_doc d;
    FILE *f = fopen("c.yaml", "w");

    fputs("a: 1\n", f);
    fclose(f);
    CHECK("a file is read",
          gn_yaml_read(&d, "c.yaml", &err) == 0 && is_text(gn_yaml_get(d.root, "a"), "1"));
    gn_yaml_free(&d);
    CHECK("a freed document is empty", !d.root && !d.path && !d.arena.blocks);
    CHECK("no such file",
          gn_yaml_read(&d, "absent.yaml", &err) == -1 &&
              !strcmp(err.text, "absent.yaml: cannot open: No such file or directory"));
    unlink("c.yaml");
}

static void test_corpus(void)
{
    CHECK("every file of the corpus, cut anywhere, gives an error or a tree that survives a round "
          "trip",
          corpus_replay("yaml") >= 20);
}

int main(void)
{
    test_trees();
    test_errors();
    test_many_keys();
    test_values();
    test_print();
    test_files();
    test_corpus();
    gn_yaml_free(&doc);
    return check_done();
}
