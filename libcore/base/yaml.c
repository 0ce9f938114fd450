/* yaml.c - a YAML document as a tree, built from the events of libyaml
 * (https://pyyaml.org/wiki/LibYAML). */
#include "base/yaml.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/file.h"

enum { DEPTH_LIMIT = 64, FILE_LIMIT = 1 << 20, KEY_LIMIT = 250 };

struct reader {
    yaml_parser_t parser;
    yaml_event_t event;     /* the current one, when have is set */
    bool have;
    const char *path, *text;
    size_t n;
    struct gn_arena *arena;
    struct gn_err *err;
};

/* --- errors --- */

GN_PRINTF(3, 4)
static int fail_at(struct reader *r, yaml_mark_t mark, const char *fmt, ...)
{
    struct gn_err what = { 0 };
    va_list args;

    va_start(args, fmt);
    vsnprintf(what.text, sizeof what.text, fmt, args);
    va_end(args);
    return gn_err_set(r->err, "%s:%zu:%zu: %s", r->path, mark.line + 1, mark.column + 1, what.text);
}

/* A bad byte has no line in libyaml's report, only its offset. */
static int fail_byte(struct reader *r)
{
    yaml_mark_t at = { 0 };

    for (size_t i = 0; i < r->parser.problem_offset && i < r->n; i++) {
        if (r->text[i] == '\n')
            at.line++, at.column = 0;
        else if (((unsigned char)r->text[i] & 0xc0) != 0x80)
            at.column++;
    }
    if (r->parser.problem_value >= 0)
        return fail_at(r, at, "%s (0x%02X)", r->parser.problem, (unsigned)r->parser.problem_value);
    return fail_at(r, at, "%s", r->parser.problem);
}

/* A missing bracket is noticed lines later: the line where the mapping began says more. */
static int fail_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    yaml_mark_t at = p->problem_mark, began = p->context_mark;
    const char *problem = p->problem ? p->problem : "not YAML";

    if (p->context && began.line != at.line)
        return fail_at(r, at, "%s (%s that began on line %zu)", problem, p->context,
                       began.line + 1);
    if (p->context)
        return fail_at(r, at, "%s (%s)", problem, p->context);
    return fail_at(r, at, "%s", problem);
}

static int next(struct reader *r)
{
    if (r->have)
        yaml_event_delete(&r->event);
    r->have = yaml_parser_parse(&r->parser, &r->event);
    if (r->have)
        return 0;
    switch (r->parser.error) {
    case YAML_MEMORY_ERROR:
        return gn_err_set(r->err, "%s: out of memory", r->path);
    case YAML_READER_ERROR:
        return fail_byte(r);
    default:
        return fail_syntax(r);
    }
}

/* --- building the tree --- */

static bool is_null_word(const char *s)
{
    return !*s || !strcmp(s, "~") || !strcmp(s, "null") || !strcmp(s, "Null") || !strcmp(s, "NULL");
}

/* The one tag that patch-miner configs of GaNDLF hold is passed over. */
static int check_tag(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    const char *name = (const char *)tag;

    if (anchor)
        return fail_at(r, r->event.start_mark, "anchors (&%s) are not supported: repeat the value",
                       (const char *)anchor);
    if (name && strcmp(name, "tag:yaml.org,2002:python/list") != 0)
        return fail_at(r, r->event.start_mark, "the tag %s is not supported", name);
    return 0;
}

static struct gn_yaml *new_node(struct reader *r)
{
    struct gn_yaml *node = gn_arena_alloc(r->arena, sizeof *node);

    node->line = (int)r->event.start_mark.line + 1;
    node->column = (int)r->event.start_mark.column + 1;
    return node;
}

static char *take_text(struct reader *r, const char *what)
{
    const char *value = (const char *)r->event.data.scalar.value;
    size_t n = r->event.data.scalar.length;

    if (memchr(value, '\0', n)) {
        fail_at(r, r->event.start_mark, "a NUL character in a %s", what);
        return NULL;
    }
    return gn_arena_strndup(r->arena, value, n);
}

/* The current event as a mapping's key; NULL on failure. */
static const char *take_key(struct reader *r)
{
    yaml_mark_t mark = r->event.start_mark;
    size_t n = 0;

    if (r->event.type == YAML_ALIAS_EVENT) {
        fail_at(r, mark, "aliases are not supported: write the key out");
        return NULL;
    }
    if (r->event.type != YAML_SCALAR_EVENT) {
        fail_at(r, mark, "a key must be a single word, number or text, not a list or mapping");
        return NULL;
    }
    n = r->event.data.scalar.length;
    if (check_tag(r, r->event.data.scalar.anchor, r->event.data.scalar.tag))
        return NULL;
    if (n == 0 || n > KEY_LIMIT) {
        fail_at(r, mark, "%s", n ? "a key of more than 250 bytes" : "an empty key");
        return NULL;
    }
    if (r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && n == 2 &&
        memcmp(r->event.data.scalar.value, "<<", 2) == 0) {
        fail_at(r, mark, "merge keys (<<) are not supported: write the entries out");
        return NULL;
    }
    return take_text(r, "key");
}

static int by_key(const void *a, const void *b)
{
    const struct gn_yaml *x = *(struct gn_yaml *const *)a, *y = *(struct gn_yaml *const *)b;
    int order = strcmp(x->key, y->key);

    if (order)
        return order;
    return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
                              : (x->column > y->column) - (x->column < y->column);
}

static bool is_before(const struct gn_yaml *a, const struct gn_yaml *b)
{
    return a->line < b->line || (a->line == b->line && a->column < b->column);
}

/* Sorted, so that a large mapping does not take quadratic time; the first repetition in the file is
 * reported. */
static int check_duplicates(struct reader *r, const struct gn_yaml *map)
{
    struct gn_yaml **list = NULL;
    const struct gn_yaml *again = NULL, *first = NULL;
    size_t n = 0;

    if (map->n < 2)
        return 0;
    list = gn_try_alloc(map->n * sizeof *list, r->err); /* n is below FILE_LIMIT */
    if (!list)
        return gn_err_wrap(r->err, "%s", r->path);
    for (struct gn_yaml *e = map->child; e; e = e->next)
        list[n++] = e;
    qsort(list, n, sizeof *list, by_key);
    for (size_t i = 1; i < n; i++)
        if (strcmp(list[i - 1]->key, list[i]->key) == 0 && (!again || is_before(list[i], again))) {
            first = list[i - 1];
            again = list[i];
        }
    free(list);
    if (again)
        return gn_err_set(r->err, "%s:%d:%d: the key %s is there already, on line %d", r->path,
                          again->line, again->column, again->key, first->line);
    return 0;
}

static struct gn_yaml *build(struct reader *r, int depth);

/* After the start event; the end event is the current one on return. */
static int build_children(struct reader *r, struct gn_yaml *parent, int depth)
{
    struct gn_yaml **tail = &parent->child;
    bool map = parent->kind == GN_YAML_MAP;

    for (;; parent->n++) {
        struct gn_yaml *child = NULL;
        const char *key = NULL;
        int line = 0, column = 0;

        if (next(r))
            return -1;
        if (r->event.type == (map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT))
            break;
        if (map) {
            line = (int)r->event.start_mark.line + 1;
            column = (int)r->event.start_mark.column + 1;
            key = take_key(r);
            if (!key || next(r))
                return -1;
        }
        child = build(r, depth + 1);
        if (!child)
            return -1;
        if (map) {
            child->key = key;
            child->line = line;
            child->column = column;
        }
        *tail = child;
        tail = &child->next;
    }
    return map ? check_duplicates(r, parent) : 0;
}

/* The node that starts at the current event, which is its last one on return. NULL on failure. */
static struct gn_yaml *build(struct reader *r, int depth)
{
    struct gn_yaml *node = NULL;

    if (depth > DEPTH_LIMIT) {
        fail_at(r, r->event.start_mark, "nested more than %d deep", DEPTH_LIMIT);
        return NULL;
    }
    node = new_node(r);
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        if (check_tag(r, r->event.data.scalar.anchor, r->event.data.scalar.tag))
            return NULL;
        node->text = take_text(r, "value");
        if (!node->text)
            return NULL;
        node->kind = GN_YAML_SCALAR;
        node->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        if (!node->quoted && is_null_word(node->text)) {
            node->kind = GN_YAML_NULL;
            node->text = NULL;
        }
        return node;
    case YAML_SEQUENCE_START_EVENT:
        node->kind = GN_YAML_LIST;
        if (check_tag(r, r->event.data.sequence_start.anchor, r->event.data.sequence_start.tag))
            return NULL;
        return build_children(r, node, depth) ? NULL : node;
    case YAML_MAPPING_START_EVENT:
        node->kind = GN_YAML_MAP;
        if (check_tag(r, r->event.data.mapping_start.anchor, r->event.data.mapping_start.tag))
            return NULL;
        return build_children(r, node, depth) ? NULL : node;
    case YAML_ALIAS_EVENT:
        fail_at(r, r->event.start_mark, "aliases (*%s) are not supported: write the value out",
                (const char *)r->event.data.alias.anchor);
        return NULL;
    default:
        fail_at(r, r->event.start_mark, "not YAML");
        return NULL;
    }
}

static int build_document(struct reader *r, struct gn_yaml **root)
{
    if (next(r) || next(r)) /* the stream's start, then a document or the end */
        return -1;
    if (r->event.type == YAML_STREAM_END_EVENT) {
        *root = new_node(r);
        return 0;
    }
    if (next(r)) /* past the document's start */
        return -1;
    *root = build(r, 1);
    if (!*root || next(r) || next(r)) /* the document's end, then what follows it */
        return -1;
    if (r->event.type != YAML_STREAM_END_EVENT)
        return fail_at(r, r->event.start_mark, "a second document: one file holds one");
    return 0;
}

int gn_yaml_parse(struct gn_yaml_doc *doc, const char *path, const char *text, size_t n,
                  struct gn_err *err)
{
    struct reader r = { .path = path, .text = text, .n = n, .err = err };
    int rc = -1;

    memset(doc, 0, sizeof *doc);
    if (n > FILE_LIMIT)
        return gn_err_set(err, "%s: too large: more than %d bytes", path, FILE_LIMIT);
    if (!yaml_parser_initialize(&r.parser))
        return gn_err_set(err, "%s: out of memory", path);
    r.arena = &doc->arena;
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
    rc = build_document(&r, &doc->root);
    if (r.have)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    if (rc) {
        gn_yaml_free(doc);
        return -1;
    }
    doc->path = gn_strdup(path);
    return 0;
}

int gn_yaml_read(struct gn_yaml_doc *doc, const char *path, struct gn_err *err)
{
    char *text = NULL;
    size_t n = 0;
    int rc = -1;

    memset(doc, 0, sizeof *doc);
    if (gn_file_read(path, FILE_LIMIT, &text, &n, err))
        return -1;
    rc = gn_yaml_parse(doc, strcmp(path, "-") == 0 ? "standard input" : path, text, n, err);
    free(text);
    return rc;
}

void gn_yaml_free(struct gn_yaml_doc *doc)
{
    gn_arena_free(&doc->arena);
    free(doc->path);
    memset(doc, 0, sizeof *doc);
}

/* --- looking things up --- */

const struct gn_yaml *gn_yaml_get(const struct gn_yaml *map, const char *key)
{
    if (!map || map->kind != GN_YAML_MAP)
        return NULL;
    for (const struct gn_yaml *e = map->child; e; e = e->next)
        if (strcmp(e->key, key) == 0)
            return e;
    return NULL;
}

const struct gn_yaml *gn_yaml_at(const struct gn_yaml *list, size_t i)
{
    const struct gn_yaml *e = list ? list->child : NULL;

    while (e && i-- > 0)
        e = e->next;
    return e;
}

/* The text of a plain scalar without the underscores after digits ("1_000"), in out; -1 when it is
 * not one or is too long. */
static int plain_text(const struct gn_yaml *node, char *out, size_t size)
{
    size_t n = 0;

    if (!node || node->kind != GN_YAML_SCALAR || node->quoted)
        return -1;
    for (const char *p = node->text; *p; p++) {
        if (*p == '_' && (n == 0 || !isxdigit((unsigned char)out[n - 1])))
            return -1;
        if (*p == '_')
            continue;
        if (n + 1 >= size)
            return -1;
        out[n++] = *p;
    }
    out[n] = '\0';
    return n ? 0 : -1;
}

int gn_yaml_int(const struct gn_yaml *node, int64_t *value)
{
    char text[128];
    const char *p = text;
    bool negative = false;
    uint64_t v = 0;
    unsigned base = 10;

    if (plain_text(node, text, sizeof text))
        return -1;
    if (*p == '-' || *p == '+')
        negative = *p++ == '-';
    if (p[0] == '0' && p[1] == 'x')
        base = 16, p += 2;
    else if (p[0] == '0' && p[1] == 'b')
        base = 2, p += 2;
    else if (p[0] == '0' && p[1])
        base = 8, p += 1;
    if (!*p)
        return -1;
    for (; *p; p++) {
        unsigned digit = 99;

        if (isdigit((unsigned char)*p))
            digit = (unsigned)(*p - '0');
        else if (isxdigit((unsigned char)*p))
            digit = (unsigned)(tolower((unsigned char)*p) - 'a' + 10);
        if (digit >= base || __builtin_mul_overflow(v, base, &v) ||
            __builtin_add_overflow(v, digit, &v))
            return -1;
    }
    if (v > (uint64_t)INT64_MAX + negative)
        return -1;
    *value = negative ? (int64_t)(0 - v) : (int64_t)v;
    return 0;
}

int gn_yaml_real(const struct gn_yaml *node, double *value)
{
    char text[512];
    const char *p = text;
    int64_t whole = 0;

    if (gn_yaml_int(node, &whole) == 0) {
        *value = (double)whole;
        return 0;
    }
    if (plain_text(node, text, sizeof text))
        return -1;
    if (*p == '-' || *p == '+')
        p++;
    if (!strcmp(p, ".inf") || !strcmp(p, ".Inf") || !strcmp(p, ".INF")) {
        *value = *text == '-' ? -INFINITY : INFINITY;
        return 0;
    }
    if (!strcmp(text, ".nan") || !strcmp(text, ".NaN") || !strcmp(text, ".NAN")) {
        *value = NAN;
        return 0;
    }
    /* inf and nan without the point are words in YAML */
    return isdigit((unsigned char)*p) || *p == '.' ? gn_parse_double(text, value) : -1;
}

int gn_yaml_bool(const struct gn_yaml *node, bool *value)
{
    static const char *const words[] = { "true",  "True",  "TRUE",  "yes", "Yes", "YES",
                                         "on",    "On",    "ON",    "false", "False", "FALSE",
                                         "no",    "No",    "NO",    "off", "Off", "OFF" };

    if (!node || node->kind != GN_YAML_SCALAR || node->quoted)
        return -1;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(node->text, words[i]) == 0) {
            *value = i < 9;
            return 0;
        }
    return -1;
}

bool gn_yaml_is_null(const struct gn_yaml *node)
{
    if (!node || node->kind == GN_YAML_NULL)
        return true;
    return node->kind == GN_YAML_SCALAR && strcasecmp(node->text, "none") == 0;
}

/* --- printing --- */

enum { FLOW_WIDTH = 90 };

/* May the text stand without quotes, in block and flow alike? Says no more often than YAML. */
static bool is_plain(const char *s)
{
    if (is_null_word(s) || !(isalnum((unsigned char)*s) || strchr("_/.+-", *s)))
        return false;
    if (strchr(".+-", *s) && !isalnum((unsigned char)s[1]) && (*s == '.' || s[1] != '.'))
        return false;
    for (const char *p = s; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_/.+-|()%=@~", *p) &&
            (*p != ' ' || !p[1] || p[1] == ' '))
            return false;
    return true;
}

/* The UTF-8 character at p and its length; a byte that starts none stands for itself. */
static unsigned decode(const char *p, size_t *length)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t n = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    unsigned c = n == 1 ? u[0] : u[0] & (0x7fu >> n);

    if (strnlen(p, n) < n || !gn_utf8_valid(p, n)) {
        *length = 1;
        return u[0];
    }
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (u[i] & 0x3f);
    *length = n;
    return c;
}

/* Characters that YAML does not print or takes for line ends. */
static bool needs_escape(unsigned c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
           c == 0xfffe || c == 0xffff;
}

static void print_quoted(const char *text, struct gn_str *out)
{
    bool escapes = false;
    size_t n = 0;

    for (const char *p = text; *p; p += n)
        escapes = needs_escape(decode(p, &n)) || escapes;
    gn_str_add(out, escapes ? "\"" : "'");
    for (const char *p = text; *p; p += n) {
        unsigned c = decode(p, &n);

        if (!escapes && c == '\'')
            gn_str_add(out, "''");
        else if (escapes && (c == '"' || c == '\\'))
            gn_str_addf(out, "\\%c", (int)c);
        else if (c == '\n' || c == '\t')
            gn_str_add(out, c == '\n' ? "\\n" : "\\t");
        else if (needs_escape(c))
            gn_str_addf(out, c < 0x100 ? "\\x%02X" : "\\u%04X", c);
        else
            gn_str_addn(out, p, n);
    }
    gn_str_add(out, escapes ? "\"" : "'");
}

/* A value that stays on its line: scalars, null, empty collections. */
static void print_scalar(const struct gn_yaml *node, struct gn_str *out)
{
    if (node->kind == GN_YAML_LIST || node->kind == GN_YAML_MAP)
        gn_str_add(out, node->kind == GN_YAML_LIST ? "[]" : "{}");
    else if (node->kind == GN_YAML_NULL)
        gn_str_add(out, "null");
    else if (!node->quoted && is_plain(node->text))
        gn_str_add(out, node->text);
    else
        print_quoted(node->text, out);
}

static bool is_single(const struct gn_yaml *node)
{
    return !node->child;
}

/* [1, 2, 3] if it is a list of such values and short enough: appended, true; else nothing is. */
static bool print_flow(const struct gn_yaml *list, struct gn_str *out)
{
    size_t start = out->len;

    if (list->kind != GN_YAML_LIST)
        return false;
    gn_str_add(out, "[");
    for (const struct gn_yaml *e = list->child; e; e = e->next) {
        gn_str_add(out, e == list->child ? "" : ", ");
        if (is_single(e))
            print_scalar(e, out);
        if (!is_single(e) || out->len - start > FLOW_WIDTH) {
            out->len = start;
            out->data[start] = '\0';
            return false;
        }
    }
    gn_str_add(out, "]");
    return true;
}

/* The entries of a mapping or list, each on its own line. begun: the first line's indentation is
 * there already. */
static void print_block(const struct gn_yaml *node, int indent, bool begun, struct gn_str *out)
{
    for (const struct gn_yaml *e = node->child; e; e = e->next) {
        if (!begun)
            gn_str_addf(out, "%*s", indent, "");
        begun = false;
        if (node->kind == GN_YAML_MAP) {
            if (is_plain(e->key))
                gn_str_add(out, e->key);
            else
                print_quoted(e->key, out);
            gn_str_add(out, ":");
        } else {
            gn_str_add(out, "-");
        }
        if (is_single(e)) {
            gn_str_add(out, " ");
            print_scalar(e, out);
            gn_str_add(out, "\n");
            continue;
        }
        gn_str_add(out, " ");
        if (print_flow(e, out)) {
            gn_str_add(out, "\n");
        } else if (node->kind == GN_YAML_LIST) {
            print_block(e, indent + 2, true, out); /* "- key: value" */
        } else {
            out->data[out->len - 1] = '\n';
            print_block(e, indent + 2, false, out);
        }
    }
}

void gn_yaml_print(const struct gn_yaml *node, struct gn_str *out)
{
    if (is_single(node)) {
        print_scalar(node, out);
        gn_str_add(out, "\n");
    } else if (print_flow(node, out)) {
        gn_str_add(out, "\n");
    } else {
        print_block(node, 0, false, out);
    }
}
