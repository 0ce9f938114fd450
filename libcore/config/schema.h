/* schema.h - the one table of what a config may say: gn_config_keys[]. The reader, the printer,
 * gn-config explain and gn-config schema come from it.
 *
 * To add a key: one line in schema.c and, if it acts, one field in struct gn_config.
 */
#ifndef GN_CONFIG_SCHEMA_H
#define GN_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum gn_key_kind {
    GN_KEY_MAP,   /* a section */
    GN_KEY_TYPED, /* a section, or a bare name that stands for {type: name} */
    GN_KEY_STEPS, /* an ordered mapping of steps */
    GN_KEY_STEP,  /* a step with parameters (or none): its name alone, or a mapping */
    GN_KEY_INT,
    GN_KEY_REAL,
    GN_KEY_BOOL,
    GN_KEY_TEXT,
    GN_KEY_CHOICE,
    GN_KEY_PAIR,    /* [a, b], a <= b */
    GN_KEY_SPREAD,  /* a number, or [a, b] */
    GN_KEY_REALS,   /* a number, or a list of numbers */
    GN_KEY_VECTOR,  /* x, y, z: a number for all axes, or a list */
    GN_KEY_AXES,    /* a list of axes counted from 0 */
    GN_KEY_MAPPING, /* {from: to} of whole numbers */
    GN_KEY_SPECIAL, /* has a reader of its own */
    GN_KEY_KINDS
};

enum gn_key_effect {
    GN_KEY_ACTS,
    GN_KEY_INERT,  /* known, does nothing here: named in one note */
    GN_KEY_SILENT, /* written by programs into their saved configs: passed over */
    GN_KEY_ABSENT  /* would change what is promised and is not built: refused unless off (null,
                      false, the default) */
};

/* One allowed name. */
struct gn_choice {
    const char *name;
    const char *also; /* other spellings, separated by spaces; NULL: none */
    bool built;       /* false: GaNDLF knows it, this version does not have it */
};

struct gn_key {
    const char *path; /* model.base_filters */
    enum gn_key_kind kind;
    const char *def;  /* the default as it would be written; NULL: none */
    const char *help; /* one line */
    const char *also; /* older or other spellings of the last part, separated by spaces */
    const char *when; /* only under these types of its section, separated by spaces */
    const struct gn_choice *choices; /* of CHOICE and TYPED; ends with a NULL name */
    double lo, hi;                   /* of numbers, ends included; both 0: any */
    double third;  /* VECTOR: what the third of two numbers is in 3-D; NAN: it must be written */
    size_t offset; /* 1 + place in struct gn_config; 0: no field */
    enum gn_key_effect effect;
    bool above; /* lo itself is excluded */
    bool whole; /* VECTOR, SPREAD: whole numbers only */
    bool required, training_only, normalises;
};

extern const struct gn_key gn_config_keys[]; /* ends with a NULL path */

/* The row of a path, or NULL; when: the type of its section (NULL: the first row of that path). */
const struct gn_key *gn_config_key(const char *path, const char *when);
/* The row of an entry written as name in the section at prefix ("" is the top), other spellings
 * included; any_case: whatever its letter case. Rows of another type than when are passed over
 * (NULL: none are). */
const struct gn_key *gn_config_key_find(const char *prefix, const char *name, const char *when,
                                        bool any_case);
/* The choice a text means (letter case ignored), or NULL. */
const struct gn_choice *gn_choice_find(const struct gn_choice *choices, const char *text);
/* "unet, resunet": those that are built. */
void gn_choice_list(const struct gn_choice *choices, struct gn_str *out);
/* "; the nearest is dice, another name of dc", if any name or other spelling is near. */
void gn_choice_suggest(const struct gn_choice *choices, const char *typed, struct gn_str *out);

const char *gn_config_key_last(const struct gn_key *key); /* the last part of its path; borrowed */
bool gn_config_key_in(const struct gn_key *key, const char *prefix); /* directly in that section? */
bool gn_word_in(const char *word, const char *words,
                bool any_case); /* words: separated by spaces; NULL: none */
extern const char *const gn_key_kind_names[GN_KEY_KINDS]; /* "integer", "x,y,z", ... */

/* Text for people: all about one key, and the whole table as tab-separated lines with a header. */
void gn_config_explain(const struct gn_key *key, struct gn_str *out);
void gn_config_schema(struct gn_str *out);

#endif
