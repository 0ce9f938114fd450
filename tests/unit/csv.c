/* csv - tables as text, and the corpus of tests/fuzz. */
#include "base/csv.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "check.h"

#include "../fuzz/fuzz_csv.c"
#include "corpus.h"

static struct gn_csv csv;

static int parses(const char *text)
{
    struct gn_err err = {0};
    int rc = 0;

    gn_csv_free(&csv);
    rc = gn_csv_parse(&csv, "t.csv", text, strlen(text), &err);
    if (rc)
        printf("# %s\n", err.text);
    return rc == 0;
}

static int fails_n(const char *text, size_t n, const char *want)
{
    struct gn_err err = {0};
    struct gn_csv bad;
    int good = gn_csv_parse(&bad, "t.csv", text, n, &err) == -1 && err.code == 1 &&
               !strcmp(err.text, want) && !bad.cells && !bad.path;

    if (!good)
        printf("# %s\n", err.text);
    return good;
}

static int fails(const char *text, const char *want)
{
    return fails_n(text, strlen(text), want);
}

static int cell(size_t row, size_t column, const char *want)
{
    return row < csv.rows && column < csv.columns && !strcmp(gn_csv_at(&csv, row, column), want);
}

static void test_good(void)
{
    CHECK("a header and rows", parses("SubjectID,Channel_0\n001,a.nii\n002,b c.nii\n") &&
                                   csv.columns == 2 && csv.rows == 2 && cell(0, 0, "001") &&
                                   cell(1, 1, "b c.nii") && csv.separator == ',');
    CHECK("a column is found by its exact name",
          gn_csv_column(&csv, "Channel_0") == 1 && gn_csv_column(&csv, "channel_0") == -1);
    CHECK("the path is kept for messages", !strcmp(csv.path, "t.csv"));
    CHECK("the last line may lack its newline", parses("a,b\n1,2") && cell(0, 1, "2"));
    CHECK("empty cells are empty text",
          parses("a,b,c\n,,\n1,,3\n") && cell(0, 0, "") && cell(0, 2, "") && cell(1, 1, ""));
    CHECK("a header alone is a table of no rows",
          parses("a,b\n") && csv.rows == 0 && csv.columns == 2);
    CHECK("CRLF, a byte order mark and blank lines are passed over",
          parses("\xef\xbb\xbf\r\nSubjectID,x\r\n\r\n1,2\r\n\n3,4\r\n\r\n") && csv.rows == 2 &&
              gn_csv_column(&csv, "SubjectID") == 0 && cell(0, 1, "2") && cell(1, 0, "3"));
    CHECK("rows know their lines", csv.lines[0] == 4 && csv.lines[1] == 6);
    CHECK("quoted cells hold commas, quotes and line ends",
          parses("a,b\n\"1,2\",\"say \"\"hi\"\"\r\nthere\"\nx,y\n") && cell(0, 0, "1,2") &&
              cell(0, 1, "say \"hi\"\r\nthere") && csv.lines[0] == 2 && csv.lines[1] == 4);
    CHECK("an empty quoted cell is empty text",
          parses("a\n\"\"\n") && csv.rows == 1 && cell(0, 0, ""));
    CHECK("a quote inside a plain cell is itself",
          parses("size\n5\" disc\n") && cell(0, 0, "5\" disc"));
    CHECK("spaces belong to the cell",
          parses("a,b\n 1 , 2\n") && cell(0, 0, " 1 ") && cell(0, 1, " 2"));
    CHECK("a header with a tab and no comma is TSV",
          parses("a\tb\n1,5\t2\n") && csv.separator == '\t' && cell(0, 0, "1,5"));
    CHECK("a header with both is CSV",
          parses("a\tb,c\n1,2\n") && csv.separator == ',' && csv.columns == 2);
    CHECK("a quoted tab says nothing",
          parses("\"a\tb\"\"\tc\",d\n1,2\n") && csv.separator == ',' && csv.columns == 2);
    CHECK("a quoted comma says nothing",
          parses("\"a,b\"\tc\n1\t2\n") && csv.separator == '\t' && csv.columns == 2);
}

static void test_bad(void)
{
    size_t limit = gn_mem_limit();

    CHECK("a row that is too short names its line",
          fails("a,b,c,d\n1,2,3,4\n1,2,3\n", "t.csv:3: 3 cells, the header has 4"));
    CHECK("a row that is too long too", fails("a\n1,2\n", "t.csv:2: 2 cells, the header has 1"));
    CHECK("one cell is not one cells", fails("a,b\n1\n", "t.csv:2: 1 cell, the header has 2"));
    CHECK("an open quote names the line where it opens",
          fails("a,b\n1,2\n\"x,\n\n\n", "t.csv:3: the quote that opens here is never closed"));
    CHECK("text after a closing quote",
          fails("a,b\n\"x\"y,2\n", "t.csv:2: text after a closing quote"));
    CHECK("the line counts those inside quotes",
          fails("a,b\n\"x\n\n\",2\n1\n", "t.csv:5: 1 cell, the header has 2"));
    CHECK("a lone carriage return",
          fails("a,b\r1,2\r", "t.csv:1: a carriage return without a newline"));
    CHECK("a NUL", fails_n("a,b\n1,\0\n", 8, "t.csv:2: a NUL byte: not a text file"));
    CHECK("bad UTF-8 names its line", fails("a,b\n1,2\n\xff,2\n3,4\n", "t.csv:3: not UTF-8"));
    CHECK("bad UTF-8 on the last line", fails("a,b\n1,2\n1,\xc3", "t.csv:3: not UTF-8"));
    CHECK("UTF-16 is named", fails("\xff\xfe\x61,b", "t.csv: it is UTF-16; save it as UTF-8"));
    CHECK("nothing has no header",
          fails("", "t.csv: empty: there is no header") &&
              fails("\xef\xbb\xbf\r\n\n", "t.csv: empty: there is no header"));
    gn_mem_set_limit(2000);
    {
        struct gn_err err = {0};
        struct gn_csv big;
        char text[1000];

        memset(text, ',', sizeof text);
        CHECK("a table above --memory is an error",
              gn_csv_parse(&big, "t.csv", text, sizeof text, &err) == -1 &&
                  strstr(err.text, "t.csv:1: its table needs"));
        gn_mem_set_limit(100);
        gn_err_clear(&err);
        CHECK("so is a text above it",
              gn_csv_parse(&big, "t.csv", text, sizeof text, &err) == -1 && err.code);
    }
    gn_mem_set_limit(limit);
}

static int put_is(const char *text, char separator, const char *want)
{
    struct gn_str out = {0};
    int same = 0;

    gn_csv_put(&out, "k", separator, 1);
    gn_csv_put(&out, text, separator, 0);
    same = !strcmp(out.data, want);
    gn_str_free(&out);
    return same;
}

static void test_put(void)
{
    CHECK("cells are written with separators between them",
          put_is("x", ',', "k,x") && put_is("x y", '\t', "k\tx y"));
    CHECK("an empty cell is empty", put_is("", ',', "k,"));
    CHECK("what must be quoted is",
          put_is("a,b", ',', "k,\"a,b\"") && put_is("a\"b", ',', "k,\"a\"\"b\"") &&
              put_is("a\nb", '\t', "k\t\"a\nb\"") && put_is("a\rb", ',', "k,\"a\rb\"") &&
              put_is("a\tb", ',', "k,\"a\tb\""));
}

static void test_files(void)
{
    struct gn_err err = {0};
    struct gn_csv t;
    FILE *f = fopen("table.csv", "w");

    fputs("a,b\n1,2\n", f);
    fclose(f);
    CHECK("a file is read", gn_csv_read(&t, "table.csv", &err) == 0 && t.rows == 1 &&
                                !strcmp(gn_csv_at(&t, 0, 1), "2"));
    gn_csv_free(&t);
    CHECK("a freed table is empty", !t.text && !t.cells && t.rows == 0);
    CHECK("no such file",
          gn_csv_read(&t, "absent.csv", &err) == -1 &&
              !strcmp(err.text, "absent.csv: cannot open: No such file or directory"));
    if (freopen("table.csv", "r", stdin))
        CHECK("a dash is standard input",
              gn_csv_read(&t, "-", &err) == 0 && !strcmp(t.path, "standard input"));
    gn_csv_free(&t);
    unlink("table.csv");
}

static void test_corpus(void)
{
    CHECK("every file of the corpus, cut anywhere, gives an error or a table that survives a round "
          "trip",
          corpus_replay("csv") >= 12);
}

int main(void)
{
    test_good();
    test_bad();
    test_put();
    test_files();
    test_corpus();
    gn_csv_free(&csv);
    return check_done();
}
