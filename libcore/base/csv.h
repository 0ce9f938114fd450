/* csv.h - tables as text (RFC 4180): CSV, and TSV when the header has a tab and no comma. Cells
 * stay text. */
#ifndef GN_BASE_CSV_H
#define GN_BASE_CSV_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct gn_csv {
    char *path; /* for messages */
    char separator;
    size_t columns, rows; /* rows without the header */
    char **header;
    char **cells;  /* rows x columns, never NULL */
    size_t *lines; /* line number of each row, for messages */
    char *text;    /* private: the file's text, which the cells point into */
};

/* Whole file ("-": stdin) of at most 1 GiB; a BOM is skipped, CRLF accepted, blank lines
 * skipped, every row must have as many cells as the header, NUL and bad UTF-8 are errors;
 * messages carry file:line. A quoted cell may hold separators, line ends and doubled quotes; a
 * quote inside an unquoted cell is an ordinary character. On failure csv is empty. */
int gn_csv_read(struct gn_csv *csv, const char *path, struct gn_err *err) GN_MUST_USE;
int gn_csv_parse(struct gn_csv *csv, const char *path, const char *text, size_t n,
                 struct gn_err *err) GN_MUST_USE;
const char *gn_csv_at(const struct gn_csv *csv, size_t row, size_t column);
int gn_csv_column(const struct gn_csv *csv, const char *name); /* exact header; -1: none */
void gn_csv_free(struct gn_csv *csv);

/* Append one cell, quoted if it must be, with the separator before it unless first. End a row
 * with "\n". (A row that is one empty cell is a blank line, which reads as no row.) */
void gn_csv_put(struct gn_str *out, const char *cell, char separator, int first);

#endif
