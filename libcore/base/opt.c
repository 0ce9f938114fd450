/* opt.c - one table of options: parser, printed values, history line. */
#include "base/opt.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool is_option(const struct gn_opt *o)
{
    return o->type != GN_OPT_T_GROUP;
}

/* The i-th entry of all tables, or NULL. */
static const struct gn_opt *entry(const struct gn_opts *opts, size_t i)
{
    if (opts->tables)
        for (size_t t = 0; opts->tables[t]; t++)
            for (const struct gn_opt *o = opts->tables[t]; o->type != GN_OPT_T_END; o++)
                if (i-- == 0)
                    return o;
    return NULL;
}

/* --- printing values --- */

/* A value as it would be typed; "" for one that is off or not there. A LIST gives its items joined
 * by spaces. */
static void print_value(const struct gn_opt *o, struct gn_str *out)
{
    const struct gn_vec3 *vec = o->value;
    const struct gn_range *range = o->value;
    const struct gn_strs *list = o->value;
    const char *text = NULL;
    uint64_t size = 0;
    int unit = -1;

    switch (o->type) {
    case GN_OPT_T_FLAG:
        if (*(const bool *)o->value)
            gn_str_add(out, "on");
        break;
    case GN_OPT_T_COUNT:
        if (*(const int *)o->value)
            gn_str_addf(out, "%d", *(const int *)o->value);
        break;
    case GN_OPT_T_INT:
        gn_str_addf(out, "%lld", (long long)*(const int64_t *)o->value);
        break;
    case GN_OPT_T_REAL:
        gn_str_add_real(out, *(const double *)o->value);
        break;
    case GN_OPT_T_TEXT:
    case GN_OPT_T_CHOICE:
        text = *(const char *const *)o->value;
        gn_str_add(out, text ? text : "");
        break;
    case GN_OPT_T_VEC3:
        /* one number means all axes and is written as such: "-s 2" and "-s 2,2,2" are one history
         */
        for (int i = 0; i < (vec->n == 1 && !(o->flags & GN_OPT_CHANNELS) ? 3 : vec->n); i++) {
            gn_str_add(out, i ? "," : "");
            gn_str_add_real(out, vec->v[i]);
        }
        break;
    case GN_OPT_T_RANGE:
        if (!range->set && range->lo == 0 && range->hi == 0)
            break;
        if (isfinite(range->lo))
            gn_str_add_real(out, range->lo);
        gn_str_add(out, ",");
        if (isfinite(range->hi))
            gn_str_add_real(out, range->hi);
        break;
    case GN_OPT_T_SIZE:
        for (size = *(const uint64_t *)o->value; size && size % 1024 == 0 && unit < 3; unit++)
            size /= 1024;
        gn_str_addf(out, "%llu", (unsigned long long)size);
        if (unit >= 0)
            gn_str_addn(out, &"KMGT"[unit], 1);
        break;
    case GN_OPT_T_LIST:
        for (size_t i = 0; i < list->n; i++)
            gn_str_addf(out, "%s%s", i ? " " : "", list->item[i]);
        break;
    case GN_OPT_T_GROUP:
    case GN_OPT_T_END:
        break;
    }
}

/* --- the tables --- */

static _Noreturn void bug(const struct gn_opt *o, const char *what)
{
    fprintf(stderr, "options table: %s: %s\n", o->name ? o->name : "(no name)", what);
    abort();
}

static void verify(const struct gn_opts *opts, size_t i, const struct gn_opt *o)
{
    if (!o->name || !*o->name)
        bug(o, "no name");
    if (!is_option(o))
        return;
    for (const char *p = o->name; *p; p++)
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) &&
            (*p != '-' || p == o->name))
            bug(o, "a name is lower case letters, digits and dashes");
    if (o->letter && !isalnum((unsigned char)o->letter))
        bug(o, "a letter is a letter or a digit");
    if (!o->help || !*o->help)
        bug(o, "no help");
    if (!o->value)
        bug(o, "no value");
    if (o->type == GN_OPT_T_CHOICE && (!o->choices || !o->choices[0]))
        bug(o, "no choices");
    if (o->type != GN_OPT_T_CHOICE && o->type != GN_OPT_T_FLAG && o->type != GN_OPT_T_COUNT &&
        !o->arg)
        bug(o, "no placeholder for its value");
    if ((o->flags & GN_OPT_OPTIONAL) && o->type != GN_OPT_T_TEXT)
        bug(o, "only a text may be optional");
    if (o->type == GN_OPT_T_CHOICE && *(const char *const *)o->value) {
        size_t k = 0;
        while (o->choices[k] && strcmp(o->choices[k], *(const char *const *)o->value))
            k++;
        if (!o->choices[k])
            bug(o, "the default is none of the choices");
    }
    for (size_t j = 0; j < i; j++) {
        const struct gn_opt *other = entry(opts, j);
        if (is_option(other) && strcmp(o->name, other->name) == 0)
            bug(o, "two options of this name");
        if (is_option(other) && o->letter && o->letter == other->letter)
            bug(o, "two options with this letter");
    }
}

void gn_opts_init(struct gn_opts *opts, const struct gn_opt *const *tables)
{
    const struct gn_opt *o = NULL;

    memset(opts, 0, sizeof *opts);
    opts->tables = tables;
    for (; (o = entry(opts, opts->n)); opts->n++)
        verify(opts, opts->n, o);
    opts->defaults = gn_alloc((opts->n + 1) * sizeof *opts->defaults);
    opts->given = gn_alloc((opts->n + 1) * sizeof *opts->given);
    for (size_t i = 0; i < opts->n; i++) {
        struct gn_str text = {0};

        print_value(entry(opts, i), &text);
        opts->defaults[i] = text.data ? text.data : gn_strdup("");
    }
}

void gn_opts_free(struct gn_opts *opts)
{
    for (size_t i = 0; i < opts->n; i++)
        free(opts->defaults[i]);
    free(opts->defaults);
    free(opts->given);
    memset(opts, 0, sizeof *opts);
}

const struct gn_opt *gn_opts_at(const struct gn_opts *opts, size_t i, const char **default_text)
{
    const struct gn_opt *o = entry(opts, i);
    bool hidden = !o || (o->flags & GN_OPT_NO_DEFAULT) || o->type == GN_OPT_T_FLAG;

    if (default_text)
        *default_text = hidden ? "" : opts->defaults[i];
    return o;
}

bool gn_opts_given(const struct gn_opts *opts, const void *value)
{
    for (size_t i = 0; i < opts->n; i++)
        if (opts->given[i] && entry(opts, i)->value == value)
            return true;
    return false;
}

/* --- parsing values --- */

static int bad(const struct gn_opt *o, const char *text, const char *wanted, struct gn_err *err)
{
    return gn_err_usage(err, "--%s: not %s: '%s'", o->name, wanted, text);
}

/* Numbers separated by commas into v, at most three, an empty one allowed when open is set (given
 * as NaN). Returns how many, 0 when the text is something else. */
static int read_numbers(const char *text, double v[3], bool open)
{
    int n = 0;

    for (const char *p = text; n < 3; n++) {
        size_t length = strcspn(p, ",");
        char *one = gn_strndup(p, length);
        int rc = 0;

        v[n] = NAN;
        if (length > 0 || !open)
            rc = gn_parse_double(one, &v[n]) || !isfinite(v[n]);
        free(one);
        if (rc)
            return 0;
        if (!p[length])
            return n + 1;
        p += length + 1;
    }
    return 0;
}

static int read_choice(const struct gn_opt *o, const char *text, struct gn_err *err)
{
    struct gn_str all = {0};
    const char *near = NULL;

    for (size_t i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], text) == 0) {
            *(const char **)o->value = o->choices[i];
            gn_str_free(&all);
            return 0;
        }
        gn_str_addf(&all, "%s%s", i ? ", " : "", o->choices[i]);
    }
    near = gn_nearest(text, o->choices);
    if (near)
        gn_err_usage(err, "--%s: unknown value '%s'; did you mean %s? (allowed: %s)", o->name, text,
                     near, all.data);
    else
        gn_err_usage(err, "--%s: unknown value '%s' (allowed: %s)", o->name, text, all.data);
    gn_str_free(&all);
    return -1;
}

static int read_value(const struct gn_opt *o, const char *text, bool again, struct gn_err *err)
{
    struct gn_vec3 *vec = o->value;
    struct gn_range *range = o->value;
    double v[3] = {0, 0, 0}, real = 0;
    int n = 0;

    switch (o->type) {
    case GN_OPT_T_INT:
        return gn_parse_int(text, o->value) ? bad(o, text, "a whole number", err) : 0;
    case GN_OPT_T_REAL:
        if (gn_parse_double(text, &real) || !isfinite(real))
            return bad(o, text, "a number", err);
        *(double *)o->value = real;
        return 0;
    case GN_OPT_T_SIZE:
        return gn_parse_size(text, o->value) ? bad(o, text, "a size such as 512M or 8G", err) : 0;
    case GN_OPT_T_TEXT:
        *(const char **)o->value = text;
        return 0;
    case GN_OPT_T_CHOICE:
        return read_choice(o, text, err);
    case GN_OPT_T_VEC3:
        n = read_numbers(text, v, false);
        if (n == 0)
            return bad(o, text, "numbers x,y,z", err);
        if (n == 1)
            v[1] = v[2] = v[0];
        memcpy(vec->v, v, sizeof v);
        if (n == 2)
            vec->v[2] = 0;
        vec->n = n;
        return 0;
    case GN_OPT_T_RANGE:
        n = read_numbers(text, v, true);
        if (n != 2 || (isnan(v[0]) && isnan(v[1])))
            return bad(o, text, "two numbers A,B", err);
        range->lo = isnan(v[0]) ? -INFINITY : v[0];
        range->hi = isnan(v[1]) ? INFINITY : v[1];
        range->set = true;
        return 0;
    case GN_OPT_T_LIST:
        if (!again)
            gn_strs_free(o->value); /* what is given replaces the default */
        gn_strs_add(o->value, text);
        return 0;
    case GN_OPT_T_FLAG:
    case GN_OPT_T_COUNT:
    case GN_OPT_T_GROUP:
    case GN_OPT_T_END:
        break;
    }
    return 0;
}

/* --- the command line --- */

static bool takes_value(const struct gn_opt *o)
{
    return o->type != GN_OPT_T_FLAG && o->type != GN_OPT_T_COUNT;
}

static int set_without_value(struct gn_opts *opts, size_t i, const struct gn_opt *o)
{
    if (o->type == GN_OPT_T_FLAG)
        *(bool *)o->value = true;
    else if (o->type == GN_OPT_T_COUNT)
        ++*(int *)o->value;
    else
        *(const char **)o->value = "";
    opts->given[i] = true;
    return 0;
}

static int set_value(struct gn_opts *opts, size_t i, const struct gn_opt *o, const char *text,
                     struct gn_err *err)
{
    bool again = opts->given[i];

    opts->given[i] = true;
    return read_value(o, text, again, err);
}

static int need_value(const struct gn_opt *o, struct gn_err *err)
{
    return gn_err_usage(err, "--%s: needs a value%s%s", o->name, o->arg ? " " : "",
                        o->arg ? o->arg : "");
}

static int unknown_name(const struct gn_opts *opts, const char *typed, size_t length,
                        struct gn_err *err)
{
    const char **names = gn_alloc((opts->n + 1) * sizeof *names), *near = NULL;
    char *name = gn_strndup(typed, length);
    size_t n = 0;

    for (size_t i = 0; i < opts->n; i++)
        if (is_option(entry(opts, i)))
            names[n++] = entry(opts, i)->name;
    near = gn_nearest(name, names);
    if (near)
        gn_err_usage(err, "unknown option --%s; did you mean --%s?", name, near);
    else
        gn_err_usage(err, "unknown option --%s", name);
    free(names);
    free(name);
    return -1;
}

/* argv[*at] is "--name" or "--name=value"; a separate value moves *at on. */
static int parse_long(struct gn_opts *opts, int argc, char **argv, int *at, struct gn_err *err)
{
    const char *name = argv[*at] + 2;
    size_t length = strcspn(name, "=");
    const struct gn_opt *o = NULL;

    for (size_t i = 0; (o = entry(opts, i)); i++) {
        if (!is_option(o) || strlen(o->name) != length || memcmp(o->name, name, length))
            continue;
        if (!takes_value(o) && name[length])
            return gn_err_usage(err, "--%s: takes no value", o->name);
        if (!takes_value(o))
            return set_without_value(opts, i, o);
        if (name[length])
            return set_value(opts, i, o, name + length + 1, err);
        if (o->flags & GN_OPT_OPTIONAL)
            return set_without_value(opts, i, o);
        if (*at + 1 >= argc)
            return need_value(o, err);
        return set_value(opts, i, o, argv[++*at], err);
    }
    return unknown_name(opts, name, length, err);
}

/* argv[*at] is "-abc": letters without value, then perhaps one with its value attached or next. */
static int parse_short(struct gn_opts *opts, int argc, char **argv, int *at, struct gn_err *err)
{
    for (const char *p = argv[*at] + 1; *p; p++) {
        const struct gn_opt *o = NULL;
        size_t i = 0;

        while ((o = entry(opts, i)) && (!is_option(o) || o->letter != *p))
            i++;
        if (!o && argv[*at][2])
            return gn_err_usage(err, "unknown option -%c in %s", *p, argv[*at]);
        if (!o)
            return gn_err_usage(err, "unknown option -%c", *p);
        if (!takes_value(o) || (o->flags & GN_OPT_OPTIONAL)) {
            set_without_value(opts, i, o);
            continue;
        }
        if (p[1])
            return set_value(opts, i, o, p + 1, err);
        if (*at + 1 >= argc)
            return need_value(o, err);
        return set_value(opts, i, o, argv[++*at], err);
    }
    return 0;
}

/* What must be given: exactly one of those marked ONE_OF, all those marked REQUIRED. */
static int check_given(const struct gn_opts *opts, struct gn_err *err)
{
    struct gn_str all = {0};
    const struct gn_opt *o = NULL, *first = NULL, *second = NULL;
    bool any = false;
    int rc = 0;

    for (size_t i = 0; (o = entry(opts, i)); i++)
        if (opts->given[i] && (o->flags & GN_OPT_ALONE))
            return 0;
    for (size_t i = 0; (o = entry(opts, i)); i++) {
        if ((o->flags & GN_OPT_REQUIRED) && !opts->given[i] && !rc)
            rc = gn_err_usage(err, "--%s %s: must be given", o->name, o->arg ? o->arg : "");
        if (!(o->flags & GN_OPT_ONE_OF))
            continue;
        gn_str_addf(&all, "%s--%s", any ? ", " : "", o->name);
        any = true;
        if (opts->given[i] && !first)
            first = o;
        else if (opts->given[i] && !second)
            second = o;
    }
    if (!rc && any && !first)
        rc = gn_err_usage(err, "one of these must be given: %s", all.data);
    else if (!rc && second)
        rc = gn_err_usage(err, "--%s and --%s cannot be given together", first->name, second->name);
    gn_str_free(&all);
    return rc;
}

int gn_opts_parse(struct gn_opts *opts, int argc, char **argv, struct gn_strs *operands,
                  struct gn_err *err)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        int rc = 0;

        if (strcmp(a, "--") == 0) {
            while (++i < argc)
                gn_strs_add(operands, argv[i]);
            break;
        }
        if (a[0] != '-' || a[1] == '\0')
            gn_strs_add(operands, a);
        else if (a[1] == '-')
            rc = parse_long(opts, argc, argv, &i, err);
        else
            rc = parse_short(opts, argc, argv, &i, err);
        if (rc)
            return -1;
    }
    return check_given(opts, err);
}

/* --- history --- */

/* The last part of a path that may end in slashes ("model/" is "model"). */
static void add_base(struct gn_str *out, const char *path)
{
    size_t n = strlen(path);
    char *trimmed = NULL;

    while (n > 1 && path[n - 1] == '/')
        n--;
    trimmed = gn_strndup(path, n);
    gn_str_add_shell(out, gn_path_base(trimmed));
    free(trimmed);
}

static void add_option(const struct gn_opt *o, const char *value, struct gn_str *out)
{
    bool optional = o->flags & GN_OPT_OPTIONAL;

    if (out->len)
        gn_str_add(out, " ");
    if (o->letter && !optional)
        gn_str_addf(out, "-%c", o->letter);
    else
        gn_str_addf(out, "--%s", o->name);
    if (!value || (optional && !*value))
        return;
    gn_str_add(out, optional ? "=" : " ");
    if (o->flags & (GN_OPT_FILE | GN_OPT_DIR))
        add_base(out, value);
    else
        gn_str_add_shell(out, value);
}

void gn_opts_history(const struct gn_opts *opts, struct gn_str *out)
{
    const struct gn_opt *o = NULL;

    for (size_t i = 0; (o = entry(opts, i)); i++) {
        const struct gn_strs *list = o->value;
        struct gn_str now = {0};

        if (!is_option(o) || (o->flags & GN_OPT_NO_HISTORY))
            continue;
        print_value(o, &now);
        if (strcmp(gn_str_text(&now), opts->defaults[i]) == 0 &&
            !(opts->given[i] && (o->flags & GN_OPT_OPTIONAL)))
            ; /* as it was */
        else if (o->type == GN_OPT_T_FLAG)
            add_option(o, NULL, out);
        else if (o->type == GN_OPT_T_COUNT)
            for (int k = atoi(opts->defaults[i]); k < *(const int *)o->value; k++)
                add_option(o, NULL, out);
        else if (o->type == GN_OPT_T_LIST)
            for (size_t k = 0; k < list->n; k++)
                add_option(o, list->item[k], out);
        else
            add_option(o, gn_str_text(&now), out);
        gn_str_free(&now);
    }
}
