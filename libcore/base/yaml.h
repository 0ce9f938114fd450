/* yaml.h - a YAML 1.1 document as a tree with places, built from libyaml's events.
 *
 * Accepted: what GaNDLF's files use (block and flow, bare keys in flow mappings = null values,
 * quotes, comments, integer keys, the tag !!python/list ignored). Refused, with
 * file:line:column: duplicate keys, aliases and anchors, merge keys, other tags, keys that are
 * empty, above 250 bytes or not scalars, a second document, depth above 64, files above 1 MiB.
 * Mapping order is kept. In {x:1} the key is "x:1" and its value null: who reads keys may ask
 * for the space. */
#ifndef GN_BASE_YAML_H
#define GN_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/* NULL: nothing, ~, null, Null or NULL, not in quotes. */
enum gn_yaml_kind { GN_YAML_NULL, GN_YAML_SCALAR, GN_YAML_LIST, GN_YAML_MAP };

struct gn_yaml {
    enum gn_yaml_kind kind;
    const char *text;      /* SCALAR: its text; NULL otherwise */
    bool quoted;           /* SCALAR in quotes, or a | or > block: never a number or a boolean */
    const char *key;       /* in a mapping: this entry's key */
    int line, column;      /* from 1: of the key in a mapping, else of the value */
    struct gn_yaml *child; /* first element or entry */
    struct gn_yaml *next;  /* next in the parent's list */
    size_t n;              /* elements or entries */
};

struct gn_yaml_doc {
    char *path;
    struct gn_yaml *root;
    struct gn_arena arena; /* everything above */
};

/* path "-" is stdin. An empty file has a NULL root node. On failure doc is empty. */
int gn_yaml_read(struct gn_yaml_doc *doc, const char *path, struct gn_err *err) GN_MUST_USE;
int gn_yaml_parse(struct gn_yaml_doc *doc, const char *path, const char *text, size_t n,
                  struct gn_err *err) GN_MUST_USE;
void gn_yaml_free(struct gn_yaml_doc *doc);

const struct gn_yaml *gn_yaml_get(const struct gn_yaml *map,
                                  const char *key); /* NULL: not there, or not a map */
const struct gn_yaml *gn_yaml_at(const struct gn_yaml *list, size_t i);

/* Plain scalars as values: YAML 1.1 (0x1f, 0b11, 017 is octal, 1_000, .inf, .nan), without
 * base-60 numbers, with 1e-3 a number. Return 0, or -1 when the node is something else or does
 * not fit. */
int gn_yaml_int(const struct gn_yaml *node, int64_t *value) GN_MUST_USE;
int gn_yaml_real(const struct gn_yaml *node, double *value) GN_MUST_USE;
int gn_yaml_bool(const struct gn_yaml *node,
                 bool *value) GN_MUST_USE; /* true/false/yes/no/on/off in YAML's spellings */
/* Kind NULL, a NULL pointer, or the word none in any case, in quotes or not (Python's readers
 * cannot tell them apart). */
bool gn_yaml_is_null(const struct gn_yaml *node);

/* Write a tree back as block YAML that reads as the same tree (quotes where needed; short lists
 * of scalars as [1, 2]). Appends to out. */
void gn_yaml_print(const struct gn_yaml *node, struct gn_str *out);

#endif
