/* index.h - the table that names what a folder holds (data.csv, predictions.csv), made row by row
 * and written last. */
#ifndef GN_IO_INDEX_H
#define GN_IO_INDEX_H

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

struct gn_index {
    struct gn_strs columns; /* in the order in which they were first set */
    struct gn_index_row {
        const char **cell; /* NULL where not set */
        size_t n;
    } * row;
    size_t rows;
    struct gn_arena text; /* private: of the cells */
};

void gn_index_add_row(struct gn_index *ix);
/* Set a cell of the last row; a new column is added at the right, empty in earlier rows. Text is
 * copied. */
void gn_index_set(struct gn_index *ix, const char *column, const char *text);
/* The cell, or NULL when it was not set. */
const char *gn_index_get(const struct gn_index *ix, size_t row, const char *column);
/* A table in a folder belongs to the program that wrote it last, as long as nobody has changed it
 * since: a hidden file beside it, .NAME.TOOL, holds its size and hash. Error: there is a table at
 * path that is not this tool's own, which therefore must not be removed or replaced. */
int gn_index_own(const char *path, const char *tool, struct gn_err *err) GN_MUST_USE;
/* Remove this tool's own table and its mark; a table that has become another's stays. */
void gn_index_drop(const char *path, const char *tool);
/* Write a table of n bytes that becomes this tool's own. */
int gn_index_put(const char *path, const char *tool, const char *text, size_t n,
                 struct gn_err *err) GN_MUST_USE;
/* As CSV, by gn_index_put. An index without rows has the header "SubjectID". */
int gn_index_write(const struct gn_index *ix, const char *path, const char *tool,
                   struct gn_err *err) GN_MUST_USE;
void gn_index_free(struct gn_index *ix);

#endif
