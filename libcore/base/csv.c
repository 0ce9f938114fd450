/* csv.c - tables as text: one pass over the file's text, cells are cut and unquoted in place. */
#include "base/csv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

static const size_t FILE_LIMIT = (size_t)1 << 30;

/* Where the parser stands. p <= end; *end is NUL. */
struct cursor {
    const char *path;
    char *p, *end;
    size_t line;
    char separator;
};

static size_t count_lines(const char *text, const char *to)
{
    size_t line = 1;

    for (; text < to; text++)
        line += *text == '\n';
    return line;
}

/* Growable arrays whose sizes come from the file. */
static int grow(void **array, size_t *room, size_t n, size_t item, struct gn_err *err)
{
    size_t want = *room ? *room : 64, bytes = 0;
    void *bigger = NULL;

    if (n < *room)
        return 0;
    if (*room && gn_mul_size(want, 2, &want, err))
        return -1;
    if (gn_mul_size(want, item, &bytes, err))
        return -1;
    if (bytes > gn_mem_limit())
        return gn_err_set(err, "its table needs more than the limit of %zu bytes (--memory)",
                          gn_mem_limit());
    bigger = realloc(*array, bytes);
    if (!bigger)
        return gn_err_set(err, "out of memory: %zu bytes", bytes);
    *array = bigger;
    *room = want;
    return 0;
}

/* The first line, outside quoted cells, decides: a tab and no comma is TSV. */
static char find_separator(const char *p)
{
    bool quoted = false, start = true, tab = false, comma = false;

    for (; *p && (quoted || *p != '\n'); p++) {
        if (quoted && p[0] == '"' && p[1] == '"')
            p++;
        else if (*p == '"' && (quoted || start))
            quoted = !quoted;
        tab = tab || (*p == '\t' && !quoted);
        comma = comma || (*p == ',' && !quoted);
        start = !quoted && (*p == '\t' || *p == ',');
    }
    return tab && !comma ? '\t' : ',';
}

static bool at_line_end(const struct cursor *c)
{
    return c->p == c->end || *c->p == '\n' || (c->p[0] == '\r' && c->p[1] == '\n');
}

/* One cell; *more: another follows on this row. The cell ends as a NUL-terminated text inside the
 * file's text. */
static int read_cell(struct cursor *c, char **cell, bool *more, struct gn_err *err)
{
    size_t opened = c->line;
    char *out = NULL, stop = 0;

    if (*c->p == '"') {
        *cell = out = ++c->p;
        for (;;) {
            if (c->p == c->end)
                return gn_err_set(err, "%s:%zu: the quote that opens here is never closed", c->path,
                                  opened);
            if (*c->p == '"') {
                if (c->p[1] != '"')
                    break;
                c->p++;
            }
            c->line += *c->p == '\n';
            *out++ = *c->p++;
        }
        c->p++;
        if (!at_line_end(c) && *c->p != c->separator)
            return gn_err_set(err, "%s:%zu: text after a closing quote", c->path, c->line);
    } else {
        *cell = c->p;
        while (!at_line_end(c) && *c->p != c->separator) {
            if (*c->p == '\r')
                return gn_err_set(err, "%s:%zu: a carriage return without a newline", c->path,
                                  c->line);
            c->p++;
        }
        out = c->p;
    }
    stop = c->p == c->end ? '\0' : *c->p;
    *more = stop && stop == c->separator;
    if (stop)
        c->p++;
    if (stop == '\r')
        c->p++;
    if (stop == '\r' || stop == '\n')
        c->line++;
    *out = '\0'; /* the separator or line end, already passed */
    return 0;
}

static void skip_blank_lines(struct cursor *c)
{
    while (c->p < c->end && at_line_end(c)) {
        c->p += *c->p == '\r' ? 2 : 1;
        c->line++;
    }
}

/* All cells of one row are appended to *cells. */
static int read_row(struct cursor *c, char ***cells, size_t *room, size_t *n, struct gn_err *err)
{
    bool more = true;

    while (more) {
        if (grow((void **)cells, room, *n, sizeof **cells, err))
            return gn_err_wrap(err, "%s:%zu", c->path, c->line);
        if (read_cell(c, &(*cells)[*n], &more, err))
            return -1;
        ++*n;
    }
    return 0;
}

/* csv->text holds n bytes and a NUL, and is csv's already. */
static int parse(struct gn_csv *csv, size_t n, struct gn_err *err)
{
    struct cursor c = { csv->path, csv->text, csv->text + n, 1, ',' };
    size_t header_room = 0, room = 0, line_room = 0, used = 0;
    const char *nul = memchr(csv->text, '\0', n);

    if (n >= 2 && (memcmp(csv->text, "\xff\xfe", 2) == 0 || memcmp(csv->text, "\xfe\xff", 2) == 0))
        return gn_err_set(err, "%s: it is UTF-16; save it as UTF-8", csv->path);
    if (nul)
        return gn_err_set(err, "%s:%zu: a NUL byte: not a text file", csv->path,
                          count_lines(csv->text, nul));
    if (!gn_utf8_valid(csv->text, n)) {
        char *line = csv->text, *e = NULL; /* no character crosses a line end: look line by line */
        while ((e = strchr(line, '\n')) && gn_utf8_valid(line, (size_t)(e - line)))
            line = e + 1;
        return gn_err_set(err, "%s:%zu: not UTF-8", csv->path, count_lines(csv->text, line));
    }
    if (n >= 3 && memcmp(csv->text, "\xef\xbb\xbf", 3) == 0)
        c.p += 3;
    skip_blank_lines(&c);
    if (c.p == c.end)
        return gn_err_set(err, "%s: empty: there is no header", csv->path);
    c.separator = csv->separator = find_separator(c.p);
    if (read_row(&c, &csv->header, &header_room, &csv->columns, err))
        return -1;
    for (skip_blank_lines(&c); c.p < c.end; skip_blank_lines(&c)) {
        size_t line = c.line, before = used;

        if (grow((void **)&csv->lines, &line_room, csv->rows, sizeof *csv->lines, err))
            return gn_err_wrap(err, "%s:%zu", csv->path, line);
        if (read_row(&c, &csv->cells, &room, &used, err))
            return -1;
        if (used - before != csv->columns)
            return gn_err_set(err, "%s:%zu: %zu cell%s, the header has %zu", csv->path, line,
                              used - before, used - before == 1 ? "" : "s", csv->columns);
        csv->lines[csv->rows++] = line;
    }
    return 0;
}

static int take(struct gn_csv *csv, const char *path, char *text, size_t n, struct gn_err *err)
{
    csv->path = gn_strdup(strcmp(path, "-") == 0 ? "standard input" : path);
    csv->text = text;
    if (parse(csv, n, err) == 0)
        return 0;
    gn_csv_free(csv);
    return -1;
}

int gn_csv_read(struct gn_csv *csv, const char *path, struct gn_err *err)
{
    char *text = NULL;
    size_t n = 0;

    memset(csv, 0, sizeof *csv);
    if (gn_file_read(path, FILE_LIMIT, &text, &n, err))
        return -1;
    return take(csv, path, text, n, err);
}

int gn_csv_parse(struct gn_csv *csv, const char *path, const char *text, size_t n,
                 struct gn_err *err)
{
    char *copy = NULL;

    memset(csv, 0, sizeof *csv);
    if (n > FILE_LIMIT)
        return gn_err_set(err, "%s: too large: more than %zu bytes", path, FILE_LIMIT);
    copy = gn_try_alloc(n + 1, err);
    if (!copy)
        return gn_err_wrap(err, "%s", path);
    if (n)
        memcpy(copy, text, n);
    return take(csv, path, copy, n, err);
}

const char *gn_csv_at(const struct gn_csv *csv, size_t row, size_t column)
{
    return csv->cells[row * csv->columns + column];
}

int gn_csv_column(const struct gn_csv *csv, const char *name)
{
    for (size_t i = 0; i < csv->columns; i++)
        if (strcmp(csv->header[i], name) == 0)
            return (int)i;
    return -1;
}

void gn_csv_free(struct gn_csv *csv)
{
    free(csv->path);
    free(csv->header);
    free(csv->cells);
    free(csv->lines);
    free(csv->text);
    memset(csv, 0, sizeof *csv);
}

/* Both separators are quoted in both kinds of table: a header must not look like the other kind. */
void gn_csv_put(struct gn_str *out, const char *cell, char separator, int first)
{
    if (!first)
        gn_str_addn(out, &separator, 1);
    if (!strpbrk(cell, ",\t\"\r\n") && !strchr(cell, separator) &&
        strncmp(cell, "\xef\xbb\xbf", 3) != 0) {
        gn_str_add(out, cell);
        return;
    }
    gn_str_add(out, "\"");
    for (const char *p = cell; *p; p++)
        gn_str_addn(out, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    gn_str_add(out, "\"");
}
