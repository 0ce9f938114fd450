/* index.c - a table made row by row. */
#include "io/index.h"

#include <stdlib.h>
#include <string.h>

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
    free(row->cell[c]);
    row->cell[c] = gn_strdup(text);
}

const char *gn_index_get(const struct gn_index *ix, size_t row, const char *column)
{
    const size_t c = find_column(ix, column);

    return row < ix->rows && c < ix->row[row].n ? ix->row[row].cell[c] : NULL;
}

int gn_index_write(const struct gn_index *ix, const char *path, struct gn_err *err)
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
    rc = gn_file_write(path, gn_str_text(&out), out.len, false, err);
    gn_str_free(&out);
    return rc;
}

void gn_index_free(struct gn_index *ix)
{
    for (size_t r = 0; r < ix->rows; r++) {
        for (size_t c = 0; c < ix->row[r].n; c++)
            free(ix->row[r].cell[c]);
        free(ix->row[r].cell);
    }
    free(ix->row);
    gn_strs_free(&ix->columns);
    *ix = (struct gn_index){ 0 };
}
