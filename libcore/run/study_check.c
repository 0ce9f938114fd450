/* study_check.c - what make cannot see of a study that goes on: source files that are others now,
 * and products that were removed behind an index that is still there. */
#include "run/study.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/log.h"
#include "stream/stream.h"

static char *at(const struct gn_study *s, const char *leaf, const char *name)
{
    char *dir = *leaf ? gn_path_join(s->out, leaf) : gn_strdup(s->out),
         *path = gn_path_join(dir, name);
    free(dir);
    return path;
}

static bool there(const struct gn_study *s, const char *leaf, const char *name)
{
    char *path = at(s, leaf, name);
    bool yes = access(path, F_OK) == 0;
    free(path);
    return yes;
}

/* ---- sources ---- */

/* Has anything been computed from the sources? */
static bool is_used(const struct gn_study *s)
{
    bool used = there(s, "", "cache/data.csv") || there(s, "", "cache_raw/data.csv") ||
                there(s, "", "cache_training/data.csv");
    for (size_t i = 0; i < s->leaves.n && !used; i++)
        used = there(s, s->leaves.item[i], "model/latest.safetensors");
    return used;
}

static void put_row(const char *const cell[4], struct gn_str *out)
{
    for (int i = 0; i < 4; i++)
        gn_csv_put(out, cell[i], '\t', i == 0);
    gn_str_add(out, "\n");
}

/* One file: a row of out. old: the earlier run's table, or NULL; *row: where it stands in it.
 * SIMPLE: the file that the table names; the other half of a .hdr/.img or .mhd/.raw pair is not
 * looked at. */
static int put_source(const struct gn_table *t, size_t r, size_t c, const struct gn_csv *old,
                      size_t *row, struct gn_str *out, struct gn_err *err)
{
    const char *path = t->row[r].path[c];
    struct stat st;
    int rc = 0;
    if (stat(path, &st) < 0)
        return gn_err_set(err, "%s: %s", path, strerror(errno));
    char *bytes = gn_asprintf("%lld", (long long)st.st_size);
    char *time = gn_asprintf("%lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    if (old && (*row >= old->rows || strcmp(gn_csv_at(old, *row, 2), bytes) ||
                strcmp(gn_csv_at(old, *row, 3), time)))
        rc = gn_err_set(err,
                        "%s: has changed since the earlier run (its size or time, in sources.tsv): "
                        "use another -o, or --reset",
                        path);
    put_row((const char *const[]){t->row[r].sample, t->column[c].name, bytes, time}, out);
    ++*row;
    free(bytes);
    free(time);
    return rc;
}

int gn_study_sources(const struct gn_study *s, bool set_up, struct gn_err *err)
{
    static const char *const header[] = {"SubjectID", "Column", "Bytes", "Modified"};
    struct gn_csv old = {0};
    struct gn_str text = {0};
    char *path = gn_path_join(s->out, "sources.tsv");
    bool compare = set_up && is_used(s) && access(path, F_OK) == 0;
    size_t row = 0;
    int rc = -1;

    if (compare && gn_csv_read(&old, path, err) < 0)
        goto out;
    if (compare && old.columns != 4) {
        gn_err_set(err, "%s: is not what an earlier run wrote: use another -o, or --reset", path);
        goto out;
    }
    put_row(header, &text);
    for (size_t k = 0; k < s->n_csv; k++)
        for (size_t r = 0; r < s->table[k].rows; r++)
            for (size_t c = 0; c < s->table[k].columns; c++)
                if (s->table[k].row[r].path[c] &&
                    put_source(&s->table[k], r, c, compare ? &old : NULL, &row, &text, err) < 0)
                    goto out;
    rc = compare ? 0 : gn_file_write(path, gn_str_text(&text), text.len, true, err);
out:
    gn_csv_free(&old);
    gn_str_free(&text);
    free(path);
    return rc;
}

/* ---- products ---- */

/* The first file that a leaf's predictions.csv lists and that is not there, or the index itself
 * when it cannot be read; NULL: all are. */
static char *first_unpredicted(const char *index)
{
    struct gn_table t = {0};
    struct gn_err err = {0};
    char *dir = gn_path_dir(index), *gone = NULL;
    if (gn_table_read(&t, &index, 1, 0, &err) < 0)
        gone = gn_strdup(index);
    for (size_t r = 0; r < t.rows && !gone; r++)
        for (size_t c = 0; c < t.columns && !gone; c++) {
            if (t.column[c].role != GN_COLUMN_PREDICTION || !*t.row[r].cell[c])
                continue;
            char *path = gn_path_join(dir, t.row[r].cell[c]);
            if (access(path, F_OK) < 0)
                gone = path;
            else
                free(path);
        }
    gn_table_free(&t);
    free(dir);
    return gone;
}

/* ---- the cache ---- */

static const char *const cache_folders[] = {"cache", "cache_raw", "cache_training", NULL};

/* Will make train this leaf, or the test set be evaluated from the cache? */
static bool needs_cache(const struct gn_study *s, const char *leaf)
{
    char *done = at(s, leaf, "model/DONE"), *config = gn_path_join(s->out, "config.yaml");
    struct stat own, other;
    bool needs = stat(done, &own) < 0 || stat(config, &other) < 0 ||
                 other.st_mtim.tv_sec > own.st_mtim.tv_sec ||
                 (other.st_mtim.tv_sec == own.st_mtim.tv_sec &&
                  other.st_mtim.tv_nsec > own.st_mtim.tv_nsec);
    free(done);
    free(config);
    return needs || !gn_study_has_test(s, leaf);
}

/* Does the file hold records up to its end? Payloads are compared when they are used. */
static int check_stream(const char *path, struct gn_err *err)
{
    struct gn_record r = {0};
    struct gn_stream *in = gn_stream_open(path, err);
    int got;
    if (!in)
        return -1;
    while ((got = gn_stream_next(in, &r)) > 0)
        ;
    if (got < 0)
        gn_err_set(err, "%s", gn_stream_error(in)->text);
    gn_record_free(&r);
    gn_stream_close(in);
    return got;
}

/* A cache whose index names a file that is gone or cut loses that index. */
static int revisit_cache(const struct gn_study *s, const char *folder, struct gn_err *err)
{
    struct gn_csv csv = {0};
    struct gn_err why = {0};
    char *dir = gn_path_join(s->out, folder), *index = gn_path_join(dir, "data.csv");
    int rc = 0;
    if (access(index, F_OK) < 0)
        goto out;
    if (gn_csv_read(&csv, index, &why) == 0) {
        int column = gn_csv_column(&csv, "Channel_0");
        if (column < 0)
            gn_err_set(&why, "%s: no column Channel_0", index);
        for (size_t r = 0; r < csv.rows && !why.code; r++) {
            char *path = gn_path_join(dir, gn_csv_at(&csv, r, (size_t)column));
            (void)!check_stream(path, &why);
            free(path);
        }
    }
    if (why.code) {
        gn_log(GN_LOG_NOTE, "%s: the cache is made again", why.text);
        if (unlink(index) < 0)
            rc = gn_err_set(err, "%s: cannot be removed: %s", index, strerror(errno));
    }
out:
    gn_csv_free(&csv);
    free(dir);
    free(index);
    return rc;
}

int gn_study_revisit(const struct gn_study *s, const char *only, struct gn_err *err)
{
    bool cached = false;
    int rc = 0;
    for (size_t i = 0; i < s->leaves.n && rc == 0; i++) {
        const char *leaf = s->leaves.item[i];
        if (only && strcmp(only, leaf))
            continue;
        cached = cached || needs_cache(s, leaf);
        char *best = at(s, leaf, "model/best.safetensors"),
             *index = at(s, leaf, "predictions/predictions.csv"), *gone = NULL;
        if (there(s, leaf, "model/DONE") && access(best, F_OK) < 0)
            rc = gn_err_set(err,
                            "%s: is gone, and its training is over: put it back, or remove its "
                            "folder to train again",
                            best);
        else if (access(index, F_OK) == 0 && (gone = first_unpredicted(index))) {
            gn_log(GN_LOG_NOTE, "%s: is gone: the predictions are made again", gone);
            if (unlink(index) < 0)
                rc = gn_err_set(err, "%s: cannot be removed: %s", index, strerror(errno));
        }
        free(best);
        free(index);
        free(gone);
    }
    for (int i = 0; cached && cache_folders[i] && rc == 0; i++)
        rc = revisit_cache(s, cache_folders[i], err);
    return rc;
}
