/* fuzz_csv.c - any bytes give a table or an error; a table written back reads as the same table. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(int ok)
{
    if (!ok)
        abort();
}

/* A blank line is no row, so a single empty cell is written as quotes. */
static void put(struct gn_str *out, const struct gn_csv *csv, const char *cell, size_t column)
{
    if (csv->columns == 1 && !*cell)
        gn_str_add(out, "\"\"");
    else
        gn_csv_put(out, cell, csv->separator, column == 0);
}

static void round_trip(const struct gn_csv *csv)
{
    struct gn_csv again;
    struct gn_str text = { 0 };
    struct gn_err err = { 0 };

    for (size_t c = 0; c < csv->columns; c++)
        put(&text, csv, csv->header[c], c);
    gn_str_add(&text, "\n");
    for (size_t r = 0; r < csv->rows; r++) {
        for (size_t c = 0; c < csv->columns; c++)
            put(&text, csv, gn_csv_at(csv, r, c), c);
        gn_str_add(&text, "\n");
    }
    insist(gn_csv_parse(&again, "again", gn_str_text(&text), text.len, &err) == 0);
    insist(again.columns == csv->columns && again.rows == csv->rows);
    insist(again.columns == 1 || again.separator == csv->separator);
    for (size_t c = 0; c < csv->columns; c++)
        insist(strcmp(again.header[c], csv->header[c]) == 0);
    for (size_t i = 0; i < csv->rows * csv->columns; i++)
        insist(strcmp(again.cells[i], csv->cells[i]) == 0);
    gn_csv_free(&again);
    gn_str_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gn_csv csv;
    struct gn_err err = { 0 };

    if (gn_csv_parse(&csv, "fuzz", (const char *)data, size, &err)) {
        insist(err.code == GN_EXIT_FAILED && err.text[0] && !csv.cells && !csv.text);
        return 0;
    }
    insist(!err.code);
    round_trip(&csv);
    gn_csv_free(&csv);
    return 0;
}
