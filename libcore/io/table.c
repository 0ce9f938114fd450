/* table.c - the meaning of a data CSV: roles of columns, paths, names of samples, several tables
 * joined. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/csv.h"
#include "io/format.h"
#include "io/table.h"

const char *const gn_column_role_names[GN_COLUMN_ROLES] = { "ignored",    "subject",   "image",
                                                            "value",      "label",     "mask",
                                                            "weight map", "prediction" };

/* ---- names to numbers: open addressing over strings that stay where they are ---- */
struct slots {
    const char **key;
    size_t *value, size;
};

static void slots_init(struct slots *s, size_t keys)
{
    for (s->size = 16; s->size < 2 * keys; s->size *= 2)
        ;
    s->key = gn_alloc(s->size * sizeof *s->key);
    s->value = gn_alloc(s->size * sizeof *s->value);
}

static void slots_free(struct slots *s)
{
    free(s->key);
    free(s->value);
}

/* The place of a key; its value counts from 0. *fresh: it was not there. At most size / 2 keys are
 * ever added. */
static size_t *slots_add(struct slots *s, const char *key, bool *fresh)
{
    size_t i = (size_t)gn_fnv1a(GN_FNV_START, key, strlen(key)) & (s->size - 1);

    while (s->key[i] && strcmp(s->key[i], key) != 0)
        i = (i + 1) & (s->size - 1);
    *fresh = !s->key[i];
    s->key[i] = key;
    return &s->value[i];
}

static char *keep(struct gn_arena *arena, const char *text)
{
    return gn_arena_strndup(arena, text, strlen(text));
}

static char *keep_owned(struct gn_arena *arena, char *text)
{
    char *copy = keep(arena, text);
    free(text);
    return copy;
}

/* ---- faults: all of a file at once, as many as an error holds ---- */
struct faults {
    struct gn_str text;
    size_t n, left_out;
};

static void fault(struct faults *f, const char *fmt, ...) GN_PRINTF(2, 3);
static void fault(struct faults *f, const char *fmt, ...)
{
    struct gn_str line = { 0 };
    va_list args;

    va_start(args, fmt);
    gn_str_addv(&line, fmt, args);
    va_end(args);
    if (f->text.len + line.len + 1 > 850)
        f->left_out++;
    else
        gn_str_addf(&f->text, "%s%s", f->n ? "\n" : "", gn_str_text(&line));
    f->n++;
    gn_str_free(&line);
}

static int raise_faults(struct faults *f, struct gn_err *err)
{
    int rc = 0;

    if (f->left_out)
        gn_str_addf(&f->text, "\nand %zu more", f->left_out);
    if (f->n)
        rc = gn_err_set_lines(err, gn_str_text(&f->text));
    gn_str_free(&f->text);
    return rc;
}

/* ---- columns ---- */
static bool says(const char *lower, const char *const *words)
{
    for (; *words; words++)
        if (strstr(lower, *words))
            return true;
    return false;
}

static enum gn_column_role role_of(const char *lower)
{
    static const char *const
        prediction[] = { "prediction", NULL },
        *const image[] = { "channel", "modality", "image", NULL },
        *const value[] = { "valuetopredict", NULL },
        *const subject[] = { "subject", "patient", "pid", NULL },
        *const label[] = { "label", "segmentation", "ground_truth", "groundtruth", NULL },
        *const mask[] = { "mask", NULL }, *const weight[] = { "weightmap", "weight_map", NULL };

    if (says(lower, prediction))
        return GN_COLUMN_PREDICTION;
    if (says(lower, image))
        return GN_COLUMN_IMAGE;
    if (says(lower, value))
        return GN_COLUMN_VALUE;
    if (says(lower, subject))
        return GN_COLUMN_SUBJECT;
    if (says(lower, label))
        return GN_COLUMN_LABEL;
    if (says(lower, mask))
        return GN_COLUMN_MASK;
    return says(lower, weight) ? GN_COLUMN_WEIGHTMAP : GN_COLUMN_OTHER;
}

/* Roles of one file's headers, which join a table that may hold columns already. */
static void find_roles(struct gn_table *t, const struct gn_csv *csv, enum gn_column_role *role,
                       size_t *subject)
{
    bool any_label = t->label >= 0;

    *subject = SIZE_MAX;
    for (size_t c = 0; c < csv->columns; c++) {
        char *lower = gn_strdup(csv->header[c]);
        for (char *p = lower; *p; p++)
            *p = (char)tolower((unsigned char)*p);
        role[c] = role_of(lower);
        free(lower);
        if (role[c] == GN_COLUMN_SUBJECT) {
            if (*subject != SIZE_MAX)
                role[*subject] = GN_COLUMN_OTHER;
            *subject = c;
        }
    }
    for (size_t c = 0; c < csv->columns; c++) {
        const bool labels = role[c] == GN_COLUMN_LABEL || role[c] == GN_COLUMN_MASK;
        if (labels && !any_label) {
            role[c] = GN_COLUMN_LABEL;
            any_label = true;
        } else if (role[c] == GN_COLUMN_LABEL || (role[c] == GN_COLUMN_MASK && t->mask >= 0) ||
                   (role[c] == GN_COLUMN_WEIGHTMAP && t->weightmap >= 0)) {
            char *line = gn_asprintf("%s: column %s is ignored: another is the %s", csv->path,
                                     csv->header[c], gn_column_role_names[role[c]]);
            gn_strs_add(&t->warnings, line);
            free(line);
            role[c] = GN_COLUMN_OTHER;
        } else if (role[c] == GN_COLUMN_MASK) {
            t->mask = 0; /* placed for good in add_columns */
        } else if (role[c] == GN_COLUMN_WEIGHTMAP) {
            t->weightmap = 0;
        }
    }
}

static void count_roles(struct gn_table *t)
{
    t->label = t->mask = t->weightmap = -1;
    t->images = t->values = t->predictions = 0;
    for (size_t c = 0; c < t->columns; c++)
        switch (t->column[c].role) {
        case GN_COLUMN_SUBJECT: t->subject = c; break;
        case GN_COLUMN_IMAGE: t->images++; break;
        case GN_COLUMN_VALUE: t->values++; break;
        case GN_COLUMN_PREDICTION: t->predictions++; break;
        case GN_COLUMN_LABEL: t->label = (long)c; break;
        case GN_COLUMN_MASK: t->mask = (long)c; break;
        case GN_COLUMN_WEIGHTMAP: t->weightmap = (long)c; break;
        default: break;
        }
}

static bool names_file(enum gn_column_role role)
{
    return role == GN_COLUMN_IMAGE || role == GN_COLUMN_LABEL || role == GN_COLUMN_MASK ||
           role == GN_COLUMN_WEIGHTMAP || role == GN_COLUMN_PREDICTION;
}

static const char *resolve(struct gn_table *t, const char *dir, const char *cell)
{
    struct stat st;

    if (!*cell)
        return NULL;
    if (cell[0] == '/' || gn_picture_stat(cell, &st) == 0 || strcmp(dir, ".") == 0)
        return cell;
    return keep_owned(&t->arena, gn_path_join(dir, cell));
}

/* ---- rows ---- */
/* The sample names of a file's rows: the id, then id_v1, id_v2 for those that repeat. Array owned
 * by the caller. */
static const char **name_samples(struct gn_table *t, const struct gn_csv *csv, size_t subject,
                                 unsigned flags, struct faults *f)
{
    const char **name = gn_alloc((csv->rows + 1) * sizeof *name);
    struct slots ids, names;
    bool fresh;

    slots_init(&ids, csv->rows);
    for (size_t r = 0; r < csv->rows; r++) {
        const char *id = gn_csv_at(csv, r, subject);
        size_t *times;

        name[r] = id;
        if (!*id) {
            fault(f, "%s:%zu: no %s", csv->path, csv->lines[r], csv->header[subject]);
            continue;
        }
        times = slots_add(&ids, name[r], &fresh);
        if (!fresh) {
            if (flags & GN_TABLE_UNIQUE)
                fault(f, "%s:%zu: subject %s stands here a second time", csv->path, csv->lines[r],
                      id);
            name[r] = keep_owned(&t->arena, gn_asprintf("%s_v%zu", id, *times));
        }
        ++*times;
    }
    slots_free(&ids);
    slots_init(&names, csv->rows);
    for (size_t r = 0; r < csv->rows; r++) {
        if (!*name[r] || flags & GN_TABLE_UNIQUE)
            continue;
        slots_add(&names, name[r], &fresh);
        if (!fresh)
            fault(f,
                  "%s:%zu: a repeated subject would be called %s, and a subject of that name is "
                  "there already",
                  csv->path, csv->lines[r], name[r]);
    }
    slots_free(&names);
    return name;
}

static void build_index(struct gn_table *t)
{
    for (t->index_size = 16; t->index_size < 2 * t->rows; t->index_size *= 2)
        ;
    t->index = gn_arena_alloc(&t->arena, t->index_size * sizeof *t->index);
    for (size_t r = 0; r < t->rows; r++) {
        const char *name = t->row[r].sample;
        size_t i = (size_t)gn_fnv1a(GN_FNV_START, name, strlen(name)) & (t->index_size - 1);
        while (t->index[i])
            i = (i + 1) & (t->index_size - 1);
        t->index[i] = r + 1;
    }
}

long gn_table_find_sample(const struct gn_table *t, const char *sample)
{
    if (!t->index_size)
        return -1;
    size_t i = (size_t)gn_fnv1a(GN_FNV_START, sample, strlen(sample)) & (t->index_size - 1);
    for (; t->index[i]; i = (i + 1) & (t->index_size - 1))
        if (strcmp(t->row[t->index[i] - 1].sample, sample) == 0)
            return (long)t->index[i] - 1;
    return -1;
}

long gn_table_find_column(const struct gn_table *t, const char *name)
{
    for (size_t c = 0; c < t->columns; c++)
        if (strcasecmp(t->column[c].name, name) == 0)
            return (long)c;
    return -1;
}

/* The columns of one file that the table takes: all of the first file, all but the subject's of the
 * others. */
static size_t add_columns(struct gn_table *t, const struct gn_csv *csv,
                          const enum gn_column_role *role, size_t subject, bool is_first,
                          struct faults *f)
{
    size_t n = t->columns, added = 0;
    struct gn_table_column *column = gn_arena_alloc(&t->arena, (n + csv->columns) * sizeof *column);

    if (n)
        memcpy(column, t->column, n * sizeof *column);
    for (size_t c = 0; c < csv->columns; c++) {
        if (!is_first && c == subject)
            continue;
        if (!is_first && gn_table_find_column(t, csv->header[c]) >= 0)
            fault(f, "%s: column %s stands in a file before it too", csv->path, csv->header[c]);
        column[n + added].name = keep(&t->arena, csv->header[c]);
        column[n + added].role = role[c];
        added++;
    }
    t->column = column;
    t->columns = n + added;
    count_roles(t);
    return added;
}

/* Room for all columns in every row; those of new columns start empty. The cells of the first file
 * are already laid out as a row's are. */
static void widen_rows(struct gn_table *t, size_t before, const struct gn_csv *csv)
{
    static const char empty[] = "";
    const char **cell = NULL, **path;

    path = gn_arena_alloc(&t->arena, t->rows * t->columns * sizeof *path);
    if (before)
        cell = gn_arena_alloc(&t->arena, t->rows * t->columns * sizeof *cell);
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t c = 0; before && c < t->columns; c++) {
            cell[r * t->columns + c] = c < before ? t->row[r].cell[c] : empty;
            path[r * t->columns + c] = c < before ? t->row[r].path[c] : NULL;
        }
        t->row[r].cell = before ? cell + r * t->columns
                                : (const char *const *)csv->cells + r * csv->columns;
        t->row[r].path = path + r * t->columns;
    }
}

static void fill_row(struct gn_table *t, size_t row, size_t before, const struct gn_csv *csv,
                     size_t from, size_t subject, bool is_first, const char *dir)
{
    const char **cell = (const char **)(uintptr_t)t->row[row].cell,
               **path = (const char **)(uintptr_t)t->row[row].path;

    for (size_t c = 0, to = before; c < csv->columns; c++) {
        if (!is_first && c == subject)
            continue;
        cell[to] = gn_csv_at(csv, from, c);
        path[to] = names_file(t->column[to].role) ? resolve(t, dir, cell[to]) : NULL;
        to++;
    }
}

/* The table's own from now on: its cells point into its text. */
static struct gn_csv *adopt(struct gn_table *t, const struct gn_csv *csv)
{
    t->csv = gn_realloc(t->csv, (t->csvs + 1) * sizeof(struct gn_csv *));
    t->csv[t->csvs] = gn_alloc(sizeof *csv);
    *t->csv[t->csvs] = *csv;
    return t->csv[t->csvs++];
}

static int add_file(struct gn_table *t, const char *file, bool is_first, unsigned flags,
                    struct gn_err *err)
{
    struct gn_csv read = { 0 }, *csv;
    struct faults faults = { 0 };
    enum gn_column_role *role = NULL;
    const char **name = NULL;
    char *dir = NULL, *file_name;
    size_t subject, before = t->columns, matched = 0, unmatched = 0;
    bool of_images = t->rows && !*t->row[0].file;
    int rc = -1;

    if (gn_csv_read(&read, file, err))
        return -1;
    csv = adopt(t, &read);
    dir = gn_path_dir(file);
    file_name = keep(&t->arena, file);
    role = gn_alloc((csv->columns + 1) * sizeof *role);
    find_roles(t, csv, role, &subject);
    if (csv->columns == 1 && strchr(csv->header[0], ';')) {
        fault(&faults,
              "%s:1: its columns are separated by semicolons: a table's are by commas or by tabs",
              file);
        goto out;
    }
    if (subject == SIZE_MAX)
        fault(&faults, "%s:1: no subject column (SubjectID)", file);
    if (!csv->rows && is_first)
        fault(&faults, "%s: no rows", file);
    add_columns(t, csv, role, subject, is_first, &faults);
    if (faults.n)
        goto out;
    name = name_samples(t, csv, subject, flags, &faults);
    if (faults.n)
        goto out;
    if (is_first) {
        t->separator = csv->separator;
        t->rows = csv->rows;
        t->row = gn_arena_alloc(&t->arena, (csv->rows + 1) * sizeof *t->row);
        for (size_t r = 0; r < csv->rows; r++) {
            t->row[r].subject = gn_csv_at(csv, r, subject);
            t->row[r].sample = name[r];
            t->row[r].file = file_name;
            t->row[r].line = csv->lines[r];
        }
        build_index(t);
    }
    widen_rows(t, before, csv);
    for (size_t r = 0; r < csv->rows; r++) {
        long to = is_first ? (long)r : gn_table_find_sample(t, name[r]);
        if (to < 0) {
            unmatched++;
            continue;
        }
        matched++;
        fill_row(t, (size_t)to, before, csv, r, subject, is_first, dir);
    }
    if (!is_first && !matched) {
        fault(&faults, "%s: none of its subjects %s %s", file,
              of_images ? "is called as" : "stands in",
              of_images ? t->row[0].sample : t->row[0].file);
        goto out;
    }
    if (unmatched && !of_images) {
        char *line = gn_asprintf("%s: %zu of its rows name no subject of %s", file, unmatched,
                                 t->row[0].file);
        gn_strs_add(&t->warnings, line);
        free(line);
    }
    rc = 0;
out:
    if (raise_faults(&faults, err))
        rc = -1;
    free(name);
    free(role);
    free(dir);
    return rc;
}

int gn_table_read(struct gn_table *t, const char *const *paths, size_t n, unsigned flags,
                  struct gn_err *err)
{
    memset(t, 0, sizeof *t);
    t->label = t->mask = t->weightmap = -1;
    for (size_t i = 0; i < n; i++)
        if (add_file(t, paths[i], i == 0, flags, err))
            goto fail;
    if (flags & GN_TABLE_IMAGES && !t->images) {
        gn_err_set(err, "%s:1: no image column (Channel_0)", n ? paths[0] : "");
        goto fail;
    }
    return 0;
fail:
    gn_table_free(t);
    return -1;
}

int gn_table_join(struct gn_table *t, const char *const *paths, size_t n, struct gn_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (add_file(t, paths[i], false, 0, err))
            return -1;
    return 0;
}

bool gn_table_is_table(const char *operand)
{
    const char *ext = gn_path_ext(operand);
    return strcasecmp(ext, ".csv") == 0 || strcasecmp(ext, ".tsv") == 0 ||
           strcasecmp(ext, ".txt") == 0;
}

/* ---- image operands ---- */
/* The files of one operand: "a,b" unless a file of that whole name exists. */
static void split_operand(const char *operand, struct gn_strs *files)
{
    if (access(operand, F_OK) == 0) {
        gn_strs_add(files, operand);
        return;
    }
    for (const char *p = operand;; p++) {
        size_t n = strcspn(p, ",");
        char *one = gn_strndup(p, n);
        gn_strs_add(files, one);
        free(one);
        p += n;
        if (!*p)
            break;
    }
}

int gn_table_from_images(struct gn_table *t, const char *const *operands, size_t n,
                         struct gn_err *err)
{
    struct gn_strs files = { 0 };
    struct slots names;
    bool fresh;
    int rc = -1;

    memset(t, 0, sizeof *t);
    t->separator = ',';
    t->row = gn_arena_alloc(&t->arena, (n + 1) * sizeof *t->row);
    slots_init(&names, n);
    for (size_t r = 0; r < n; r++) {
        const char **cell, **path;
        char *stem;

        split_operand(operands[r], &files);
        if (r == 0) {
            t->columns = files.n + 1;
            t->column = gn_arena_alloc(&t->arena, t->columns * sizeof *t->column);
            t->column[0].name = keep(&t->arena, "SubjectID");
            t->column[0].role = GN_COLUMN_SUBJECT;
            for (size_t c = 1; c < t->columns; c++) {
                t->column[c].name = keep_owned(&t->arena, gn_asprintf("Channel_%zu", c - 1));
                t->column[c].role = GN_COLUMN_IMAGE;
            }
        }
        if (files.n + 1 != t->columns) {
            gn_err_usage(err, "%s: %zu channels, %s has %zu", operands[r], files.n, operands[0],
                         t->columns - 1);
            goto out;
        }
        cell = gn_arena_alloc(&t->arena, t->columns * sizeof *cell);
        path = gn_arena_alloc(&t->arena, t->columns * sizeof *path);
        for (size_t c = 1; c < t->columns; c++) {
            if (!*files.item[c - 1]) {
                gn_err_usage(err, "%s: an empty file name", operands[r]);
                goto out;
            }
            cell[c] = path[c] = keep(&t->arena, files.item[c - 1]);
        }
        stem = gn_path_stem(files.item[0]);
        cell[0] = keep_owned(&t->arena, stem);
        t->row[r] = (struct gn_table_row){ cell[0], cell[0], cell, path, "", 0 };
        size_t *earlier = slots_add(&names, cell[0], &fresh);
        if (!fresh) {
            const char *first = operands[*earlier];
            if (strcmp(first, operands[r]) == 0)
                gn_err_usage(err, "%s: given twice", operands[r]);
            else
                gn_err_usage(err,
                             "%s: would be called %s, as %s is: rename one, or give a CSV with "
                             "columns SubjectID and Channel_0",
                             operands[r], cell[0], first);
            goto out;
        }
        *earlier = r;
        t->rows++;
        gn_strs_free(&files);
    }
    count_roles(t);
    build_index(t);
    rc = 0;
out:
    slots_free(&names);
    gn_strs_free(&files);
    if (rc)
        gn_table_free(t);
    return rc;
}

/* ---- what callers ask ---- */
size_t gn_table_missing(struct gn_table *t, bool drop, struct gn_strs *lines)
{
    size_t missing = 0, kept = 0;

    for (size_t r = 0; r < t->rows; r++) {
        const struct gn_table_row *row = &t->row[r];
        bool gone = false;
        for (size_t c = 0; c < t->columns; c++) {
            struct stat st;
            struct gn_str line = { 0 };
            const char *what = NULL;

            if (!row->path[c])
                continue;
            if (gn_picture_stat(row->path[c], &st))
                what = "no such file";
            else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) /* a DICOM series is a folder */
                what = "not a regular file";
            if (!what)
                continue;
            gone = true;
            if (row->line)
                gn_str_addf(&line, "%s:%zu: subject %s: %s: ", row->file, row->line, row->sample,
                            t->column[c].name);
            gn_str_addf(&line, "%s: %s", row->path[c], what);
            gn_strs_add(lines, gn_str_text(&line));
            gn_str_free(&line);
        }
        missing += gone;
        if (!gone || !drop)
            t->row[kept++] = t->row[r];
    }
    if (kept != t->rows) {
        t->rows = kept;
        build_index(t);
    }
    return missing;
}

void gn_table_explain(const struct gn_table *t, struct gn_str *out)
{
    for (size_t c = 0; c < t->columns; c++) {
        const char *first = "";
        for (size_t r = 0; r < t->rows && !*first; r++)
            first = t->row[r].path[c] ? t->row[r].path[c] : t->row[r].cell[c];
        gn_str_addf(out, "%s\t%s\t%s\n", t->column[c].name, gn_column_role_names[t->column[c].role],
                    first);
    }
}

void gn_table_put_header(const struct gn_table *t, struct gn_str *out)
{
    for (size_t c = 0; c < t->columns; c++)
        gn_csv_put(out, t->column[c].name, t->separator, c == 0);
    gn_str_add(out, "\n");
}

/* A folder's real name, or, where it does not exist, its name from the root as it is written. */
static char *real_dir(const char *dir)
{
    char *real = realpath(dir, NULL), *cwd;

    if (real || dir[0] == '/')
        return real ? real : gn_strdup(dir);
    cwd = realpath(".", NULL);
    real = gn_path_join(cwd ? cwd : "", dir);
    free(cwd);
    return real;
}

static char *lead_from(const char *dir, const char *path)
{
    char *folder = gn_path_dir(path), *to = real_dir(folder), *from = real_dir(dir);
    struct gn_str out = { 0 };
    size_t i = 0, same = 0;

    for (; from[i] && from[i] == to[i]; i++)
        if (from[i] == '/')
            same = i;
    if ((!from[i] || from[i] == '/') && (!to[i] || to[i] == '/'))
        same = i;
    for (const char *p = from + same; *p; p++)
        if (*p == '/' && p[1])
            gn_str_add(&out, "../");
    if (to[same] == '/' && to[same + 1])
        gn_str_addf(&out, "%s/", to + same + 1);
    gn_str_add(&out, gn_path_base(path));
    free(folder);
    free(to);
    free(from);
    to = gn_strdup(gn_str_text(&out));
    gn_str_free(&out);
    return to;
}

char *gn_table_relative(const char *dir, const char *path)
{
    return path[0] == '/' ? gn_strdup(path) : lead_from(dir, path);
}

void gn_table_put_row(const struct gn_table *t, size_t row, const char *dir, struct gn_str *out)
{
    for (size_t c = 0; c < t->columns; c++) {
        const char *cell = t->row[row].cell[c], *path = t->row[row].path[c];
        char *rewritten = dir && path && cell[0] != '/' ? lead_from(dir, path) : NULL;
        gn_csv_put(out, rewritten ? rewritten : cell, t->separator, c == 0);
        free(rewritten);
    }
    gn_str_add(out, "\n");
}

void gn_table_free(struct gn_table *t)
{
    gn_strs_free(&t->warnings);
    for (size_t i = 0; i < t->csvs; i++) {
        gn_csv_free(t->csv[i]);
        free(t->csv[i]);
    }
    free(t->csv);
    gn_arena_free(&t->arena);
    memset(t, 0, sizeof *t);
    t->label = t->mask = t->weightmap = -1;
}
