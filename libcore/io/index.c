/* index.c - a table made row by row. */
#include "io/index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/mem.h"

static size_t find_column(const struct gn_index *ix, const char *column)
{
    size_t c = 0;

    while (c < ix->columns.n && strcmp(ix->columns.item[c], column) != 0)
        c++;
    return c;
}

void gn_index_add_row(struct gn_index *ix)
{
    if (!(ix->rows & (ix->rows - 1))) /* full at each power of two */
        ix->row = gn_realloc(ix->row, (ix->rows ? 2 * ix->rows : 1) * sizeof *ix->row);
    ix->row[ix->rows++] = (struct gn_index_row){ NULL, 0 };
}

void gn_index_set(struct gn_index *ix, const char *column, const char *text)
{
    const size_t c = find_column(ix, column);
    struct gn_index_row *row = &ix->row[ix->rows - 1];

    if (c == ix->columns.n)
        gn_strs_add(&ix->columns, column);
    if (c >= row->n) {
        row->cell = gn_realloc(row->cell, (c + 1) * sizeof *row->cell);
        while (row->n <= c)
            row->cell[row->n++] = NULL;
    }
    row->cell[c] = gn_arena_strndup(&ix->text, text, strlen(text));
}

const char *gn_index_get(const struct gn_index *ix, size_t row, const char *column)
{
    const size_t c = find_column(ix, column);

    return row < ix->rows && c < ix->row[row].n ? ix->row[row].cell[c] : NULL;
}

/* ---- whose a table is ---- */

static char *mark_path(const char *path, const char *tool)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    return gn_asprintf("%.*s.%s.%s", (int)(name - path), path, name, tool);
}

static void mark_text(const char *text, size_t n, char mark[64])
{
    snprintf(mark, 64, "%zu bytes, fnv1a %016llx\n", n,
             (unsigned long long)gn_fnv1a(GN_FNV_START, text, n));
}

int gn_index_own(const char *path, const char *tool, struct gn_err *err)
{
    enum { TABLE_MAX = 1 << 30, MARK_MAX = 4096 };
    char *beside, *text = NULL, *mark = NULL, want[64];
    size_t n = 0, marked = 0;
    struct stat st;
    struct gn_err why = { 0 };
    int rc = -1;

    if (lstat(path, &st) < 0)
        return errno == ENOENT
                   ? 0
                   : gn_err_set(err, "%s: cannot be replaced: %s", path, strerror(errno));
    beside = mark_path(path, tool);
    if (S_ISREG(st.st_mode) && lstat(beside, &st) == 0 && S_ISREG(st.st_mode) &&
        gn_file_read(path, TABLE_MAX, &text, &n, &why) == 0 &&
        gn_file_read(beside, MARK_MAX, &mark, &marked, &why) == 0) {
        mark_text(text, n, want);
        rc = strcmp(mark, want) == 0 ? 0 : -1;
    }
    if (rc)
        gn_err_set(err, "%s: is not a table that %s wrote, and is not replaced: "
                   "choose another folder, or move it away", path, tool);
    free(mark);
    free(text);
    free(beside);
    return rc;
}

void gn_index_drop(const char *path, const char *tool)
{
    struct gn_err none = { 0 };
    char *beside = mark_path(path, tool);

    if (gn_index_own(path, tool, &none) == 0)
        unlink(path);
    unlink(beside);
    free(beside);
}

/* The mark first: a table without one would be taken for the user's. */
int gn_index_put(const char *path, const char *tool, const char *text, size_t n,
                 struct gn_err *err)
{
    char *beside = mark_path(path, tool), mark[64];
    int rc = gn_index_own(path, tool, err); /* it may have come while this program ran */

    mark_text(text, n, mark);
    if (rc == 0 && ((rc = gn_file_write(beside, mark, strlen(mark), false, err)) ||
                    (rc = gn_file_write(path, text, n, false, err))))
        unlink(beside);
    free(beside);
    return rc;
}

int gn_index_write(const struct gn_index *ix, const char *path, const char *tool,
                   struct gn_err *err)
{
    struct gn_str out = { 0 };
    int rc;

    for (size_t c = 0; c < ix->columns.n; c++)
        gn_csv_put(&out, ix->columns.item[c], ',', c == 0);
    gn_str_add(&out, ix->columns.n ? "\n" : "SubjectID\n");
    for (size_t r = 0; r < ix->rows; r++) {
        for (size_t c = 0; c < ix->columns.n; c++)
            gn_csv_put(&out, c < ix->row[r].n && ix->row[r].cell[c] ? ix->row[r].cell[c] : "", ',',
                       c == 0);
        gn_str_add(&out, "\n");
    }
    rc = gn_index_put(path, tool, gn_str_text(&out), out.len, err);
    gn_str_free(&out);
    return rc;
}

void gn_index_free(struct gn_index *ix)
{
    for (size_t r = 0; r < ix->rows; r++)
        free(ix->row[r].cell);
    free(ix->row);
    gn_arena_free(&ix->text);
    gn_strs_free(&ix->columns);
    *ix = (struct gn_index){ 0 };
}
