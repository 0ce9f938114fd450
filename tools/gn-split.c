/* gn-split - divide subjects into nested folds */
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/rng.h"
#include "config/folds.h"
#include "io/index.h"
#include "io/table.h"
#include "tool/tool.h"

static const char *const orders[] = { "shuffle", "csv", NULL };

static struct split_args {
    int64_t testing, validation;
    bool stratify;
    const char *group, *regex, *order, *output;
} args = { .testing = -5, .validation = -5, .order = "shuffle" };

static const struct gn_opt opts[] = {
    GN_OPT_INT(0, "test", &args.testing, "N",
               "outer folds; negative: the first only; 1: no test set", 0),
    GN_OPT_INT(0, "val", &args.validation, "N", "inner folds; negative: the first only", 0),
    GN_OPT_FLAG(0, "stratify", &args.stratify, "every class in equal shares in every fold", 0),
    GN_OPT_TEXT(0, "group", &args.group, "COLUMN",
                "rows with equal cells in this column never part", 0),
    GN_OPT_TEXT(0, "group-regex", &args.regex, "REGEX",
                "rows whose SubjectIDs agree in its first group never part", 0),
    GN_OPT_CHOICE(0, "order", &args.order, orders, "draw the subjects, or keep the table's order",
                  0),
    GN_OPT_TEXT('o', "output", &args.output, "DIR", "folder to write to",
                GN_OPT_REQUIRED | GN_OPT_DIR | GN_OPT_NO_HISTORY),
    GN_OPT_END
};

/* Names numbered by first appearance: what must not part (subjects, or groups of them), or classes.
 */
struct units {
    uint32_t *of_row; /* a unit for every row */
    char **name;      /* one a unit */
    size_t *first;    /* its first row */
    uint32_t *slot;   /* 1 + unit, by hash; 0: free */
    size_t n, slots;
};

static void new_units(struct units *u, size_t rows)
{
    for (u->slots = 16; u->slots < 2 * rows; u->slots *= 2)
        ;
    u->of_row = gn_alloc((rows + 1) * sizeof *u->of_row);
    u->name = gn_alloc((rows + 1) * sizeof *u->name);
    u->first = gn_alloc((rows + 1) * sizeof *u->first);
    u->slot = gn_alloc(u->slots * sizeof *u->slot);
}

static void free_units(struct units *u)
{
    for (size_t i = 0; i < u->n; i++)
        free(u->name[i]);
    free(u->name);
    free(u->first);
    free(u->of_row);
    free(u->slot);
}

static uint32_t add_unit(struct units *u, const char *name, size_t row)
{
    size_t at = (size_t)gn_fnv1a(GN_FNV_START, name, strlen(name)) & (u->slots - 1);
    for (; u->slot[at]; at = (at + 1) & (u->slots - 1))
        if (!strcmp(u->name[u->slot[at] - 1], name))
            return u->slot[at] - 1;
    u->name[u->n] = gn_strdup(name);
    u->first[u->n++] = row;
    u->slot[at] = (uint32_t)u->n;
    return (uint32_t)(u->n - 1);
}

static int find_group(const struct gn_table *t, size_t row, long column, const regex_t *regex,
                      char **name, struct gn_err *err)
{
    const struct gn_table_row *r = &t->row[row];
    regmatch_t match[2];
    if (regex) {
        if (regexec(regex, r->subject, 2, match, 0) || match[1].rm_so < 0)
            return gn_err_set(err, "%s:%zu: subject %s: does not fit the group's expression %s",
                              r->file, r->line, r->subject, args.regex);
        *name = gn_strndup(r->subject + match[1].rm_so, (size_t)(match[1].rm_eo - match[1].rm_so));
    } else {
        *name = gn_strdup(column >= 0 ? r->cell[column] : r->subject);
    }
    if (!**name)
        return gn_err_set(err, "%s:%zu: subject %s: its group is empty", r->file, r->line,
                          r->subject);
    return 0;
}

/* Units by first appearance; a subject in two groups would be torn. */
static int find_units(const struct gn_table *t, long column, const regex_t *regex, struct units *u,
                      struct gn_err *err)
{
    struct units subjects = { 0 };
    int rc = 0;
    new_units(u, t->rows);
    new_units(&subjects, t->rows);
    for (size_t i = 0; i < t->rows && rc == 0; i++) {
        char *name = NULL;
        rc = find_group(t, i, column, regex, &name, err);
        if (rc == 0) {
            u->of_row[i] = add_unit(u, name, i);
            size_t first = subjects.first[add_unit(&subjects, t->row[i].subject, i)];
            if (u->of_row[first] != u->of_row[i])
                rc =
                    gn_err_set(err, "%s:%zu: subject %s: is in group %s here and in %s in line %zu",
                               t->row[i].file, t->row[i].line, t->row[i].subject, name,
                               u->name[u->of_row[first]], t->row[first].line);
        }
        free(name);
    }
    free_units(&subjects);
    return rc;
}

/* The class of each unit: its rows' first value column, which must agree. */
static int find_classes(const struct gn_table *t, const struct units *u, uint32_t **class_of,
                        struct gn_err *err)
{
    struct units classes = { 0 };
    long column = -1;
    int rc = 0;
    for (size_t c = 0; c < t->columns && column < 0; c++)
        column = t->column[c].role == GN_COLUMN_VALUE ? (long)c : -1;
    if (column < 0)
        return gn_err_set(err, "--stratify: there is no column ValueToPredict");
    *class_of = gn_alloc((u->n + 1) * sizeof **class_of);
    new_units(&classes, t->rows);
    for (size_t i = 0; i < t->rows && rc == 0; i++) {
        const struct gn_table_row *r = &t->row[i];
        uint32_t c = add_unit(&classes, r->cell[column], i), unit = u->of_row[i];
        if (!*r->cell[column])
            rc = gn_err_set(err, "%s:%zu: subject %s: %s is empty", r->file, r->line, r->subject,
                            t->column[column].name);
        else if (u->first[unit] == i)
            (*class_of)[unit] = c;
        else if ((*class_of)[unit] != c)
            rc = gn_err_set(
                err, "%s:%zu: subject %s: %s is %s here and %s in line %zu: cannot be stratified",
                r->file, r->line, r->subject, t->column[column].name, r->cell[column],
                t->row[u->first[unit]].cell[column], t->row[u->first[unit]].line);
    }
    free_units(&classes);
    return rc;
}

static const char *const part_file[] = { "data_training.csv", "data_validation.csv",
                                         "data_testing.csv" };

static bool has_part(int p)
{
    return p != GN_TESTING || (args.testing != 1 && args.testing != -1);
}

/* May this leaf's tables be written? Not over the table that is split, nor over one that somebody
 * else wrote or has changed. */
static int check_leaf(const char *dir, const char *input, const char *tool, struct gn_err *err)
{
    struct stat in, there;
    int rc = 0;
    for (int p = GN_TRAINING; p <= GN_TESTING && rc == 0; p++) {
        char *path = gn_path_join(dir, part_file[p]);
        if (stat(path, &there) == 0 && stat(input, &in) == 0 && there.st_dev == in.st_dev &&
            there.st_ino == in.st_ino)
            rc = gn_err_set(err, "is the table that is split, and is not written over: choose "
                            "another folder (-o)");
        else if (has_part(p))
            rc = gn_index_own(path, tool, err);
        free(path);
    }
    return rc;
}

/* A test set of an earlier split, whose subjects are now elsewhere, goes. */
static int write_leaf(const struct gn_table *t, const struct units *u, const enum gn_part *part,
                      const uint32_t *place, const char *dir, const char *tool, struct gn_err *err)
{
    int rc = gn_mkdirs(dir, err);
    for (int p = GN_TRAINING; p <= GN_TESTING && rc == 0; p++) {
        struct gn_str text = { 0 };
        char *path = gn_path_join(dir, part_file[p]);
        gn_table_put_header(t, &text);
        for (size_t i = 0; i < t->rows; i++)
            if ((int)part[place[u->of_row[i]]] == p)
                gn_table_put_row(t, i, dir, &text);
        if (has_part(p))
            rc = gn_index_put(path, tool, text.data, text.len, err);
        else
            gn_index_drop(path, tool);
        gn_str_free(&text);
        free(path);
    }
    return rc;
}

/* Write every leaf, once all are known to be possible. order[i]: the unit at place i of the order
 * in which folds are cut. */
static int write_leaves(const struct gn_table *t, const struct units *u, const uint32_t *order,
                        const uint32_t *class_of, const char *input, const char *tool,
                        struct gn_err *err)
{
    int testing = (int)args.testing, validation = (int)args.validation, rc = 0;
    int leaves = gn_folds_run(testing) * gn_folds_run(validation);
    uint32_t *place = gn_alloc((u->n + 1) * sizeof *place),
             *ordered = gn_alloc((u->n + 1) * sizeof *ordered);
    enum gn_part *part = gn_alloc((u->n + 1) * sizeof *part);
    bool sparse = false;
    for (size_t i = 0; i < u->n; i++) {
        place[order[i]] = (uint32_t)i;
        ordered[i] = class_of ? class_of[order[i]] : 0;
    }
    for (int i = 0; i < 2 * leaves && rc == 0; i++) {
        int leaf = i % leaves, f = leaf / gn_folds_run(validation),
            g = leaf % gn_folds_run(validation);
        char *name = gn_folds_leaf_name(testing, validation, f, g),
             *dir = *name ? gn_path_join(args.output, name) : gn_strdup(args.output);
        struct gn_err why = { 0 };
        rc = gn_folds_leaf(u->n, testing, validation, class_of ? ordered : NULL, f, g, part,
                           &sparse, &why);
        if (rc)
            gn_err_set(err, "%s: ask for fewer folds (--test, --val), or give more subjects",
                       why.text);
        else
            rc = i < leaves ? check_leaf(dir, input, tool, err)
                            : write_leaf(t, u, part, place, dir, tool, err);
        free(name);
        free(dir);
    }
    if (rc == 0 && sparse)
        gn_log(GN_LOG_WARN, "a class has fewer subjects than there are folds");
    free(place);
    free(ordered);
    free(part);
    return rc;
}

static int split_main(struct gn_tool_ctx *ctx)
{
    struct gn_table t = { 0 };
    struct units u = { 0 };
    uint32_t *order = NULL, *class_of = NULL;
    const char *path = NULL;
    regex_t regex;
    bool compiled = false;
    long column = -1;
    int rc = -1;
    if (ctx->operands.n != 1)
        return gn_err_usage(&ctx->err, "one table is needed: gn-split [OPTION...] -o DIR data.csv");
    if (args.testing == 0 || args.testing > 100000 || args.testing < -100000)
        return gn_err_usage(&ctx->err, "--test: must not be 0 (1: no test set): %lld",
                            (long long)args.testing);
    if ((args.validation > -2 && args.validation < 2) || args.validation > 100000 ||
        args.validation < -100000)
        return gn_err_usage(&ctx->err, "--val: must be at least 2 folds, or -2 and below: %lld",
                            (long long)args.validation);
    if (args.group && args.regex)
        return gn_err_usage(&ctx->err, "--group and --group-regex cannot both be given");
    path = ctx->operands.item[0];
    if (gn_table_read(&t, &path, 1, GN_TABLE_IMAGES, &ctx->err))
        goto out;
    for (size_t i = 0; i < t.warnings.n; i++)
        gn_log(GN_LOG_WARN, "%s", t.warnings.item[i]);
    if (args.group && (column = gn_table_find_column(&t, args.group)) < 0) {
        gn_err_set(&ctx->err, "%s: there is no column %s", path, args.group);
        goto out;
    }
    if (args.regex) {
        compiled = regcomp(&regex, args.regex, REG_EXTENDED) == 0;
        if (!compiled || regex.re_nsub < 1) {
            gn_err_usage(&ctx->err,
                         "--group-regex: must be an extended regular expression with a group in "
                         "parentheses: %s",
                         args.regex);
            goto out;
        }
    }
    if (find_units(&t, column, compiled ? &regex : NULL, &u, &ctx->err) ||
        (args.stratify && find_classes(&t, &u, &class_of, &ctx->err)))
        goto out;
    order = gn_alloc((u.n + 1) * sizeof *order);
    for (size_t i = 0; i < u.n; i++)
        order[i] = (uint32_t)i;
    if (!strcmp(args.order, "shuffle")) {
        struct gn_draw draw = gn_draw_at(ctx->seed, "gn-split", NULL, 0, 0, 0);
        gn_draw_permutation(&draw, order, (uint32_t)u.n);
    }
    if (write_leaves(&t, &u, order, class_of, path, ctx->tool->name, &ctx->err)) {
        gn_err_wrap(&ctx->err, "%s", path);
        goto out;
    }
    if (args.testing == 1 || args.testing == -1)
        gn_log(GN_LOG_INFO, "%s: no test set: the validation set is what will be scored", path);
    rc = 0;
out:
    if (compiled)
        regfree(&regex);
    free_units(&u);
    free(order);
    free(class_of);
    gn_table_free(&t);
    return rc;
}

static const struct gn_example examples[] = {
    { "gn-split --test 5 --val 5 -o folds/ data.csv",
      "25 leaves: folds/testing_0/0/data_training.csv and so on" },
    { "gn-split --test 1 --val -5 --group-regex '^([^_]+)_' -o one/ data.csv",
      "one training and validation set, rows of a patient kept together" },
    { NULL, NULL }
};

static const struct gn_tool tool = {
    .name = "gn-split",
    .summary = "divide subjects into nested folds",
    .operands = "DATA.csv",
    .description = "Outer folds set a test set aside; inner folds divide what is left into "
                   "training and validation. --test 5 --val 5 gives 25 "
                   "leaves of 64, 16 and 20 percent. The counts are numbers of folds, not of "
                   "subjects; a negative count makes the first fold "
                   "only, --test 1 none.\n\n"
                   "All rows of a subject, or of a group, go together. Subjects are shuffled by "
                   "--seed. GaNDLF looks inner folds up in the full "
                   "list, so that test subjects are trained on; here the three sets of a leaf "
                   "never meet, and scores may be lower for it.\n\n"
                   "--stratify takes the classes from the column ValueToPredict.",
    .input = "A data table (CSV or TSV) with a subject column and image columns. Other columns are "
             "copied.",
    .output = "DIR/[testing_F/][G/]data_training.csv, data_validation.csv and, unless --test is 1, "
              "data_testing.csv; without testing_F "
              "if there is one outer fold, without G if there is one inner fold. Relative paths "
              "are rewritten to hold from there. A table there that gn-split did not write, or "
              "that was changed since, is never replaced (.data_training.csv.gn-split and its like "
              "remember), nor is the table that is split; an earlier split's data_testing.csv goes "
              "when --test is 1.",
    .opts = opts,
    .examples = examples,
    .see_also = "gn-load(1), gn-config(1), gn-experiment(1)",
    .flags = GN_TOOL_NO_INPUT | GN_TOOL_NO_OUTPUT | GN_TOOL_SEED | GN_TOOL_OWN_O | GN_TOOL_NO_KEEP,
    .main = split_main,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
