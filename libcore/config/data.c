/* data.c - see data.h */
#include "config/data.h"

#include <float.h>
#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/folds.h"
#include "config/schema.h"
#include "config/survey.h"

/* How many lines are told of a kind, and of what is usually wrong in every row alike. */
enum { LINES = 20, ALIKE = 3 };

enum kind { MISSING, UNREADABLE, EMPTY, GRID, DIMENSION, PATCH, CHANNELS, KINDS };

static const char *const kind_names[KINDS] = {
    "missing files",
    "unreadable files",
    "empty cells",
    "files on another grid",
    "images of another dimension",
    "images smaller than the patch",
    "rows of other channels",
};

static size_t most_lines(enum kind kind)
{
    return kind == DIMENSION || kind == PATCH || kind == CHANNELS ? ALIKE : LINES;
}

struct check {
    const struct gn_config *c;
    const struct gn_table *t;
    bool sized;     /* images keep their size until patches are cut */
    bool canonical; /* but their axes may change places */
    size_t first;   /* the row whose channels the others must have */
    int channels;   /* of that row; 0: none yet */
    struct gn_strs lines[KINDS];
    size_t n[KINDS];
};

static void fault(struct check *k, enum kind kind, size_t row, size_t column, const char *fmt, ...)
    GN_PRINTF(5, 6);
static void fault(struct check *k, enum kind kind, size_t row, size_t column, const char *fmt, ...)
{
    const struct gn_table_row *r = &k->t->row[row];
    struct gn_str s = { 0 };
    va_list args;
    if (k->n[kind]++ >= most_lines(kind))
        return;
    gn_str_addf(&s, "%s:%zu: subject %s: ", r->file, r->line, r->sample);
    if (column < k->t->columns)
        gn_str_addf(&s, "%s: ", k->t->column[column].name);
    va_start(args, fmt);
    gn_str_addv(&s, fmt, args);
    va_end(args);
    gn_strs_add(&k->lines[kind], gn_str_text(&s));
    gn_str_free(&s);
}

/* What happens to sizes until patches are cut. */
static void look_at_steps(struct check *k)
{
    static const char changing[] = "resample resample_min resize_image resize_patch crop "
                                   "centercrop crop_external_zero_planes";
    const struct gn_config_steps *pre = &k->c->pre;
    k->sized = !k->c->enable_padding;
    for (int i = 0; i < pre->n; i++) {
        k->sized = k->sized && !gn_word_in(pre->step[i].name, changing, false);
        k->canonical = k->canonical || !strcmp(pre->step[i].name, "to_canonical");
    }
}

/* The files of a subject must share one grid: the same sizes, and affines as close as gn-load wants
 * them (plus what float32 headers round away). */
static void check_grid(struct check *k, size_t row, size_t column, const struct gn_picture *a,
                       const char *a_path, const struct gn_picture *b)
{
    const int64_t *s = a->tensor.shape, *q = b->tensor.shape;
    double worst = 0;
    if (s[1] != q[1] || s[2] != q[2] || s[3] != q[3]) {
        fault(k, GRID, row, column, "%s: has %lldx%lldx%lld voxels, %s has %lldx%lldx%lld",
              k->t->row[row].path[column], (long long)q[3], (long long)q[2], (long long)q[1],
              a_path, (long long)s[3], (long long)s[2], (long long)s[1]);
        return;
    }
    for (int i = 0; i < 12; i++) {
        double x = a->affine[i], y = b->affine[i];
        double rounding = 4 * (double)FLT_EPSILON * fmax(fabs(x), fabs(y));
        worst = fmax(worst, fabs(x - y) - rounding);
    }
    if (worst > GN_CONFIG_TOLERANCE)
        fault(k, GRID, row, column, "%s: lies apart from %s: their affines differ by %.6g mm",
              k->t->row[row].path[column], a_path, worst);
}

/* "40x40x12", or "40x40" of a 2-D image. */
static const char *size_text(const int64_t size[3], bool flat, char buf[80])
{
    int n = snprintf(buf, 80, "%lldx%lld", (long long)size[0], (long long)size[1]);
    if (!flat)
        snprintf(buf + n, 80 - (size_t)n, "x%lld", (long long)size[2]);
    return buf;
}

/* Dimension and size of a row's first image, as training wants them. */
static void check_size(struct check *k, size_t row, size_t column, const struct gn_picture *p)
{
    const char *path = k->t->row[row].path[column];
    const struct gn_config *c = k->c;
    struct gn_picture file = *p;
    bool flat = p->tensor.shape[1] == 1;
    int64_t size[3];
    double spacing[3];
    char has[80], needs[80];
    file.has_affine = p->has_affine && k->canonical;
    gn_survey_canonical(&file, size, spacing);
    size_text(size, flat, has);
    size_text(c->patch, c->dimension == 2, needs);
    if (c->dimension == 2 && !flat && !c->slices)
        fault(k, DIMENSION, row, column,
              "%s: a volume of %s voxels, but the config is for 2-D images (patch_size: [%lld, "
              "%lld, 1] is for slices)",
              path, has, (long long)c->patch[0], (long long)c->patch[1]);
    else if (c->dimension == 3 && flat && c->patch[2] > 1)
        fault(k, DIMENSION, row, column, "%s: a 2-D image of %s, but the config is for volumes",
              path, has);
    else if (k->sized && (size[0] < c->patch[0] || size[1] < c->patch[1] || size[2] < c->patch[2]))
        fault(k, PATCH, row, column, "%s: %s is smaller than the patch_size, %s", path, has, needs);
}

static void check_channels(struct check *k, size_t row, int channels)
{
    if (!k->channels) {
        k->first = row;
        k->channels = channels;
    } else if (channels != k->channels) {
        fault(k, CHANNELS, row, SIZE_MAX, "has %d channels, but subject %s has %d", channels,
              k->t->row[k->first].sample, k->channels);
    }
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Images first, in the order in which gn-load reads: the others are compared with the first. */
static void check_row(struct check *k, size_t row)
{
    static const enum gn_column_role order[] = { GN_COLUMN_IMAGE, GN_COLUMN_LABEL, GN_COLUMN_MASK,
                                                 GN_COLUMN_WEIGHTMAP, GN_COLUMN_PREDICTION };
    const struct gn_table *t = k->t;
    struct gn_picture first = { 0 };
    const char *first_path = NULL;
    bool whole = true;
    int channels = 0;
    for (size_t o = 0; o < sizeof order / sizeof *order; o++)
        for (size_t col = 0; col < t->columns; col++) {
            const char *path = t->row[row].path[col];
            bool image = order[o] == GN_COLUMN_IMAGE;
            struct gn_picture p = { 0 };
            struct gn_err err = { 0 };
            if (t->column[col].role != order[o])
                continue;
            if (!path && (image || order[o] == GN_COLUMN_LABEL))
                fault(k, EMPTY, row, col, "the cell is empty");
            else if (path && is_file(path) && gn_picture_read(path, true, &p, &err))
                fault(k, UNREADABLE, row, col, "%s", err.text);
            if (!p.format) { /* not read; a missing file has been told */
                whole = whole && !image;
                continue;
            }
            channels += image ? (int)gn_config_components(k->c, p.tensor.shape[0]) : 0;
            if (first_path) {
                check_grid(k, row, col, &first, first_path, &p);
                gn_picture_free(&p);
                continue;
            }
            if (image)
                check_size(k, row, col, &p);
            first = p;
            first_path = path;
        }
    if (whole)
        check_channels(k, row, channels);
    gn_picture_free(&first);
}

static void add_line(struct gn_strs *faults, const char *fmt, ...) GN_PRINTF(2, 3);
static void add_line(struct gn_strs *faults, const char *fmt, ...)
{
    struct gn_str s = { 0 };
    va_list args;
    va_start(args, fmt);
    gn_str_addv(&s, fmt, args);
    va_end(args);
    gn_strs_add(faults, gn_str_text(&s));
    gn_str_free(&s);
}

/* Files that are not there. */
static void check_missing(struct check *k, struct gn_table *t)
{
    struct gn_strs all = { 0 };
    gn_table_missing(t, false, &all);
    k->n[MISSING] = all.n;
    for (size_t i = 0; i < all.n && i < LINES; i++)
        gn_strs_add(&k->lines[MISSING], all.item[i]);
    gn_strs_free(&all);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What gn-split deals out: the distinct subjects, or groups of them. 0: a subject has no group. */
static size_t count_units(const struct gn_config *c, const struct gn_table *t, long column)
{
    struct gn_strs names = { 0 };
    regex_t regex;
    regmatch_t m[2];
    bool match = c->group_regex && regcomp(&regex, c->group_regex, REG_EXTENDED) == 0;
    size_t n = 0;
    for (size_t r = 0; r < t->rows; r++) {
        const char *id = t->row[r].subject;
        char *part = NULL;
        if (match && (regexec(&regex, id, 2, m, 0) || m[1].rm_so < 0))
            break;
        if (match)
            part = gn_strndup(id + m[1].rm_so, (size_t)(m[1].rm_eo - m[1].rm_so));
        gn_strs_add(&names, match ? part : column >= 0 ? t->row[r].cell[column] : id);
        free(part);
    }
    if (names.n == t->rows && names.n) {
        qsort(names.item, names.n, sizeof *names.item, by_text);
        for (size_t i = 0; i < names.n; i++)
            n += i == 0 || strcmp(names.item[i - 1], names.item[i]);
    }
    if (match)
        regfree(&regex);
    gn_strs_free(&names);
    return n;
}

/* More folds than there is something to deal out. No validation folds: the sets are given. */
static void check_folds(const struct gn_config *c, const char *path, const struct gn_table *t,
                        const char *csv, struct gn_strs *faults)
{
    long column = c->group ? gn_table_find_column(t, c->group) : -1;
    bool grouped = c->group || c->group_regex;
    struct gn_err err = { 0 };
    size_t n = c->group && column < 0 ? 0 : count_units(c, t, column);
    enum gn_part *part = gn_alloc((n + 1) * sizeof *part);
    if (n && (c->validation > 1 || c->validation < -1) &&
        gn_folds_leaf(n, c->testing, c->validation, NULL, 0, 0, part, NULL, &err) < 0)
        add_line(faults,
                 "%s: nested_training: %s in %s%s: ask for fewer folds (testing: 1 is no test "
                 "set), or give more patients",
                 path, err.text, csv, grouped ? ", a group counts as one" : "");
    free(part);
}

void gn_config_check_data(const struct gn_config *c, const char *path, struct gn_table *t,
                          const char *csv, struct gn_strs *faults)
{
    struct check k = { .c = c, .t = t };
    look_at_steps(&k);
    if (gn_config_problem(c, (int)t->values) != GN_SEGMENTATION)
        add_line(faults, "%s: regression and classification are not available in this version",
                 csv);
    else if (t->label < 0)
        add_line(faults, "%s: there is no label column, which training needs", csv);
    if (c->group && gn_table_find_column(t, c->group) < 0)
        add_line(faults, "%s: nested_training.group: %s has no column %s", path, csv, c->group);
    check_folds(c, path, t, csv, faults);
    check_missing(&k, t);
    for (size_t i = 0; i < t->rows; i++)
        check_row(&k, i);
    if (c->channels && k.channels && c->channels != k.channels)
        add_line(faults, "%s: model.num_channels is %d, but %s has %d", path, c->channels, csv,
                 k.channels);
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < k.lines[kind].n; i++)
            gn_strs_add(faults, k.lines[kind].item[i]);
        if (k.n[kind] > k.lines[kind].n)
            add_line(faults, "%s: and %zu more %s", csv, k.n[kind] - k.lines[kind].n,
                     kind_names[kind]);
        gn_strs_free(&k.lines[kind]);
    }
}
