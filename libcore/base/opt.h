/* opt.h - one options table gives the parser, --help, the man page, the completion and the
 * history line.
 *
 * The table's value pointers hold the defaults: what is there before gn_opts_parse is the
 * default, and the only place where it is written. */
#ifndef GN_BASE_OPT_H
#define GN_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum gn_opt_type {
    GN_OPT_T_END, GN_OPT_T_FLAG, GN_OPT_T_COUNT, GN_OPT_T_INT, GN_OPT_T_REAL, GN_OPT_T_TEXT,
    GN_OPT_T_CHOICE, GN_OPT_T_VEC3, GN_OPT_T_RANGE, GN_OPT_T_SIZE, GN_OPT_T_LIST, GN_OPT_T_GROUP
};

/* x,y,z; "2" is all axes (n = 1), "2,2" a 2-D vector (n = 2). v is filled to three: one number
 * repeats, a missing third is 0 until the tool decides (n tells). n = 0: not given. */
struct gn_vec3 {
    double v[3];
    int n;
};

/* A,B with one end left empty: -inf or +inf. Nothing is said of their order (--window
 * CENTER,WIDTH). set: the option was given. */
struct gn_range {
    double lo, hi;
    bool set;
};

enum {
    GN_OPT_NO_HISTORY = 1, /* never in a history line (-j -q -v -o -c --memory --cache --val ...) */
    GN_OPT_FILE = 2,       /* names a file: history shows its base name, completion offers files */
    GN_OPT_ONE_OF = 4,     /* exactly one option with this flag must be given */
    GN_OPT_REQUIRED = 8,    /* must be given */
    GN_OPT_NO_DEFAULT = 16, /* do not show [default] */
    GN_OPT_DIR = 32,       /* names a folder; history shows its base name */
    GN_OPT_OPTIONAL = 64,  /* of a TEXT: no value is "" then; one is given as --name=value only */
    GN_OPT_ALONE = 128,    /* when given, ONE_OF and REQUIRED are not asked for (--help) */
    GN_OPT_CHANNELS = 256  /* of a VEC3: one value a channel, not an axis; one stays one */
};

struct gn_opt {
    char letter;            /* 0: none */
    const char *name;       /* long name without dashes; of a GROUP: its heading */
    enum gn_opt_type type;
    void *value;            /* where the value goes; its type is beside the macro of that kind */
    const char *arg;        /* placeholder in help: "x,y,z" */
    const char *help;       /* one line, no full stop */
    const char *const *choices; /* CHOICE: NULL-terminated names */
    int flags;
};

/* What v points to: FLAG bool, COUNT int (+1 each), INT int64_t, REAL double, TEXT const char * (of
 * argv), CHOICE const char * (one of c), VEC3 struct gn_vec3, RANGE struct gn_range, SIZE uint64_t
 * (bytes), LIST struct gn_strs (repeatable). */
#define GN_OPT_FLAG(l, n, v, h, f) { l, n, GN_OPT_T_FLAG, v, NULL, h, NULL, f }
#define GN_OPT_COUNT(l, n, v, h, f) { l, n, GN_OPT_T_COUNT, v, NULL, h, NULL, f }
#define GN_OPT_INT(l, n, v, a, h, f) { l, n, GN_OPT_T_INT, v, a, h, NULL, f }
#define GN_OPT_REAL(l, n, v, a, h, f) { l, n, GN_OPT_T_REAL, v, a, h, NULL, f }
#define GN_OPT_TEXT(l, n, v, a, h, f) { l, n, GN_OPT_T_TEXT, v, a, h, NULL, f }
#define GN_OPT_CHOICE(l, n, v, c, h, f) { l, n, GN_OPT_T_CHOICE, v, NULL, h, c, f }
#define GN_OPT_VEC3(l, n, v, a, h, f) { l, n, GN_OPT_T_VEC3, v, a, h, NULL, f }
#define GN_OPT_RANGE(l, n, v, a, h, f) { l, n, GN_OPT_T_RANGE, v, a, h, NULL, f }
#define GN_OPT_SIZE(l, n, v, h, f) { l, n, GN_OPT_T_SIZE, v, "SIZE", h, NULL, f }
#define GN_OPT_LIST(l, n, v, a, h, f) { l, n, GN_OPT_T_LIST, v, a, h, NULL, f }
#define GN_OPT_GROUP(h) { 0, h, GN_OPT_T_GROUP, NULL, NULL, NULL, NULL, 0 }
#define GN_OPT_END { 0, NULL, GN_OPT_T_END, NULL, NULL, NULL, NULL, 0 }

/* Several tables parsed as one (the tool's own, then what all tools share). */
struct gn_opts {
    const struct gn_opt *const *tables; /* NULL-terminated */
    char **defaults;                    /* printed defaults, in table order; private */
    bool *given;                        /* private */
    size_t n;
};

/* Check the tables (duplicate letters or names, an option without help: our bug, aborts) and
 * remember the defaults. */
void gn_opts_init(struct gn_opts *opts, const struct gn_opt *const *tables);
/* Parse argv[1..]; operands are collected in order, "--" ends options, "-" is an operand,
 * -ab = -a -b, -avalue, --name=value and --name value (whatever the value starts with), prefixes of
 * names are not accepted; an option given twice counts as given last. A REAL and a vector's
 * numbers are finite. Errors are usage errors. */
int gn_opts_parse(struct gn_opts *opts, int argc, char **argv, struct gn_strs *operands,
                  struct gn_err *err) GN_MUST_USE;
/* Was the option whose value lives here given on the command line? */
bool gn_opts_given(const struct gn_opts *opts, const void *value);
/* The options that differ from their defaults, in table order, as they would be typed
 * ("-s 1,1,1"), without those that never appear in a history; of those that name files or
 * folders, the base name. Appends to out. */
void gn_opts_history(const struct gn_opts *opts, struct gn_str *out);
/* For --help and the man page: the i-th entry of the tables, headings included, and its printed
 * default ("" when there is none worth showing: off, empty, zero of a COUNT). NULL past the end. */
const struct gn_opt *gn_opts_at(const struct gn_opts *opts, size_t i, const char **default_text);
void gn_opts_free(struct gn_opts *opts);

#endif
