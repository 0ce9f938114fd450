/* study_check.c - what make cannot see of a study that goes on: source files that are others now,
 * and cache files that were removed behind an index that is still there. */
#include "run/study.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
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

/* The other half of a file that comes in two: x.img of x.hdr, x.raw of x.mhd. NULL: there is none.
 * Owned by the caller. */
static char *other_half(const char *path)
{
    static const struct {
        const char *one, *other[3];
    } pairs[] = {{".hdr", {".img", ".IMG", NULL}},   {".img", {".hdr", ".HDR", NULL}},
                 {".mhd", {".raw", ".zraw", NULL}}, {".nhdr", {".raw", NULL, NULL}}};
    size_t n = strlen(path);
    n -= n > 3 && !strcasecmp(path + n - 3, ".gz") ? 3 : 0;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t k = strlen(pairs[i].one);
        if (n <= k || strncasecmp(path + n - k, pairs[i].one, k))
            continue;
        for (int j = 0; j < 6; j++) {
            const char *ext = pairs[i].other[j / 2];
            char *other = ext ? gn_asprintf("%.*s%s%s", (int)(n - k), path, ext, j % 2 ? ".gz" : "")
                              : NULL;
            if (other && access(other, F_OK) == 0)
                return other;
            free(other);
            if (!ext)
                break;
        }
    }
    return NULL;
}

/* Where the earlier run's table is read, and what is found: it stays as it is. */
struct comparison {
    const struct gn_csv *old; /* NULL: nothing is compared */
    size_t row;
    struct gn_strs changed; /* files of subjects that are only in the test set */
};

static bool holds_subject(const char *path, size_t column, const char *subject, bool *unread)
{
    struct gn_csv csv = {0};
    struct gn_err none = {0};
    bool found = false;
    if (gn_csv_read(&csv, path, &none) < 0 || column >= csv.columns)
        *unread = true;
    for (size_t r = 0; r < csv.rows && !*unread && !found; r++)
        found = !strcmp(gn_csv_at(&csv, r, column), subject);
    gn_csv_free(&csv);
    return found;
}

/* No model was trained or chosen with this subject, and none will be. */
static bool is_only_tested(const struct gn_study *s, size_t k, const char *subject)
{
    static const char *const set[] = {"data_training.csv", "data_validation.csv"};
    bool seen = false;
    if (!s->tested || s->n_csv > 1)
        return k == 2;
    for (size_t i = 0; i < 2 * s->leaves.n && !seen; i++) {
        char *path = at(s, s->leaves.item[i / 2], set[i % 2]);
        seen = holds_subject(path, s->table[0].subject, subject, &seen) || seen;
        free(path);
    }
    return !seen;
}

/* One file: a row of out. */
static int put_file(const struct gn_study *s, size_t k, size_t r, size_t c, const char *path,
                    struct comparison *cmp, struct gn_str *out, struct gn_err *err)
{
    const struct gn_table *t = &s->table[k];
    struct stat st;
    int rc = 0;
    if (stat(path, &st) < 0)
        return gn_err_set(err, "%s: %s", path, strerror(errno));
    char *bytes = gn_asprintf("%lld", (long long)st.st_size);
    char *time = gn_asprintf("%lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    const struct gn_csv *old = cmp->old;
    if (old && (cmp->row >= old->rows || strcmp(gn_csv_at(old, cmp->row, 2), bytes) ||
                strcmp(gn_csv_at(old, cmp->row, 3), time))) {
        if (is_only_tested(s, k, t->row[r].subject))
            gn_strs_add(&cmp->changed, path);
        else
            rc = gn_err_set(err,
                            "%s: has changed since the earlier run (its size or time, in "
                            "sources.tsv): use another -o, or --reset",
                            path);
    }
    put_row((const char *const[]){t->row[r].sample, t->column[c].name, bytes, time}, out);
    cmp->row++;
    free(bytes);
    free(time);
    return rc;
}

static int put_source(const struct gn_study *s, size_t k, size_t r, size_t c,
                      struct comparison *cmp, struct gn_str *out, struct gn_err *err)
{
    const char *path = s->table[k].row[r].path[c];
    char *other = path ? other_half(path) : NULL;
    int rc = path ? put_file(s, k, r, c, path, cmp, out, err) : 0;
    if (rc == 0 && other)
        rc = put_file(s, k, r, c, other, cmp, out, err);
    free(other);
    return rc;
}

/* Files of the test set have changed: what is made of them is made again; the models stay. */
static int take_in(const struct gn_study *s, const struct gn_strs *changed, struct gn_err *err)
{
    static const char *const made[] = {"cache/data.csv", "cache_raw/data.csv",
                                       "cache_training/data.csv", "predictions/predictions.csv",
                                       "model/logs_testing.csv"};
    for (size_t i = 0; i < changed->n; i++)
        gn_log(GN_LOG_NOTE, "%s: has changed; its subject is only in the test set: cache, "
               "predictions and scores are made again, and nothing is trained anew",
               changed->item[i]);
    for (size_t i = 0; i < s->leaves.n && changed->n; i++)
        for (size_t k = 0; k < sizeof made / sizeof *made; k++) {
            char *path = at(s, k < 3 ? "" : s->leaves.item[i], made[k]);
            int rc = unlink(path) < 0 && errno != ENOENT
                         ? gn_err_set(err, "%s: cannot be removed: %s", path, strerror(errno))
                         : 0;
            free(path);
            if (rc < 0)
                return -1;
        }
    return 0;
}

int gn_study_sources(const struct gn_study *s, bool set_up, struct gn_err *err)
{
    static const char *const header[] = {"SubjectID", "Column", "Bytes", "Modified"};
    struct gn_csv old = {0};
    struct gn_str text = {0};
    char *path = gn_path_join(s->out, "sources.tsv");
    bool compare = set_up && is_used(s) && access(path, F_OK) == 0;
    struct comparison cmp = {.old = compare ? &old : NULL};
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
                if (put_source(s, k, r, c, &cmp, &text, err) < 0)
                    goto out;
    if (take_in(s, &cmp.changed, err) < 0)
        goto out;
    rc = 0;
    if (!compare || cmp.changed.n)
        rc = gn_file_write(path, gn_str_text(&text), text.len, true, err);
out:
    gn_csv_free(&old);
    gn_strs_free(&cmp.changed);
    gn_str_free(&text);
    free(path);
    return rc;
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
        char *best = at(s, leaf, "model/best.safetensors");
        if (there(s, leaf, "model/DONE") && access(best, F_OK) < 0)
            rc = gn_err_set(err,
                            "%s: is gone, and its training is over: put it back, or remove its "
                            "folder to train again",
                            best);
        else
            rc = gn_study_check_products(s, leaf, err);
        cached = cached || needs_cache(s, leaf);
        free(best);
    }
    for (int i = 0; cached && cache_folders[i] && rc == 0; i++)
        rc = revisit_cache(s, cache_folders[i], err);
    return rc;
}
