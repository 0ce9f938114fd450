/* study_products.c - what a leaf's products were made from, in its .products: times of files do not
 * tell (a clock may be wrong, a file touched). */
#include "run/study.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/log.h"
#include "run/checkpoint.h"

enum { HASHED = 1 << 20, RECORD_LIMIT = 1 << 30 };

static const char best_name[] = "model/best.safetensors",
                  index_name[] = "predictions/predictions.csv";

static char *at(const struct gn_study *s, const char *leaf, const char *name)
{
    char *dir = *leaf ? gn_path_join(s->out, leaf) : gn_strdup(s->out),
         *path = gn_path_join(dir, name);
    free(dir);
    return path;
}

/* ---- the record ---- */

static void put_row(struct gn_str *out, const char *file, const char *bytes, const char *hash)
{
    gn_csv_put(out, file, '\t', true);
    gn_csv_put(out, bytes, '\t', false);
    gn_csv_put(out, hash, '\t', false);
    gn_str_add(out, "\n");
}

static int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

/* Size and hash of a model: of its first megabyte, where its epoch and config stand, and its
 * last. */
static int identify(const char *path, char bytes[32], char hash[32])
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = -1;
    char *block = gn_alloc(HASHED);
    uint64_t h = GN_FNV_START;
    if (fd >= 0 && fstat(fd, &st) == 0) {
        off_t last = st.st_size > HASHED ? st.st_size - HASHED : 0;
        for (int i = 0; i < 2; i++) {
            ssize_t n = pread(fd, block, HASHED, i ? last : 0);
            h = gn_fnv1a(h, block, n > 0 ? (size_t)n : 0);
        }
        snprintf(bytes, 32, "%lld", (long long)st.st_size);
        snprintf(hash, 32, "%016" PRIx64, h);
        rc = 0;
    }
    if (fd >= 0)
        close(fd);
    free(block);
    return rc;
}

/* A table of the predictions in a leaf; -1: it cannot be read. */
static int read_index(const char *index, struct gn_table *t)
{
    struct gn_err none = {0};
    return gn_table_read(t, &index, 1, 0, &none);
}

static int note_leaf(const struct gn_study *s, const char *leaf, struct gn_err *err)
{
    struct gn_table t = {0};
    struct gn_str text = {0};
    struct gn_err none = {0};
    char *index = at(s, leaf, index_name), *best = at(s, leaf, best_name),
         *path = at(s, leaf, ".products"), *dir = gn_path_dir(index), *old = NULL;
    char bytes[32], hash[32];
    size_t n = 0;
    int rc = 0;
    if (identify(best, bytes, hash) < 0 || read_index(index, &t) < 0)
        goto out; /* nothing to rely on later */
    put_row(&text, "File", "Bytes", "Hash");
    put_row(&text, best_name, bytes, hash);
    for (size_t r = 0; r < t.rows; r++)
        for (size_t c = 0; c < t.columns; c++) {
            if (t.column[c].role != GN_COLUMN_PREDICTION || !*t.row[r].cell[c])
                continue;
            char *file = gn_path_join(dir, t.row[r].cell[c]);
            snprintf(bytes, sizeof bytes, "%" PRId64, size_of(file));
            put_row(&text, t.row[r].cell[c], bytes, "");
            free(file);
        }
    if (access(path, F_OK) < 0 || gn_file_read(path, RECORD_LIMIT, &old, &n, &none) < 0 ||
        n != text.len || memcmp(old, text.data, n))
        rc = gn_file_write(path, gn_str_text(&text), text.len, true, err);
out:
    gn_table_free(&t);
    gn_str_free(&text);
    free(index);
    free(best);
    free(path);
    free(dir);
    free(old);
    return rc;
}

int gn_study_note_products(const struct gn_study *s, const char *only, struct gn_err *err)
{
    int rc = 0;
    for (size_t i = 0; i < s->leaves.n && rc == 0; i++)
        if (!only || !strcmp(only, s->leaves.item[i]))
            rc = note_leaf(s, s->leaves.item[i], err);
    return rc;
}

/* ---- looking at it again ---- */

static int drop(const char *path, struct gn_err *err)
{
    return unlink(path) < 0 && errno != ENOENT
               ? gn_err_set(err, "%s: cannot be removed: %s", path, strerror(errno))
               : 0;
}

/* Would gn-train go on, whatever the times of DONE and the config are? */
static int check_training(const struct gn_study *s, const char *leaf, struct gn_err *err)
{
    struct gn_train_state state;
    struct gn_err none = {0};
    char *done = at(s, leaf, "model/DONE"), *latest = at(s, leaf, "model/latest.safetensors");
    int rc = 0;
    if (access(done, F_OK) == 0 && gn_checkpoint_state(latest, &state, &none) > 0 &&
        state.epoch < s->config->num_epochs && state.patience <= s->config->patience)
        rc = drop(done, err);
    free(done);
    free(latest);
    return rc;
}

static bool is_later(const char *path, const struct timespec *now)
{
    struct stat st;
    return stat(path, &st) == 0 &&
           (st.st_mtim.tv_sec > now->tv_sec ||
            (st.st_mtim.tv_sec == now->tv_sec && st.st_mtim.tv_nsec > now->tv_nsec));
}

/* What is dated in the future would be newer than all that comes. */
static void set_back(const struct gn_study *s, const char *leaf, const struct timespec *now)
{
    static const char *const dated[] = {"config.yaml", "data.csv", "cache/data.csv",
                                        "cache_raw/data.csv", "cache_training/data.csv",
                                        "class_counts.tsv", "model/DONE", index_name,
                                        "scores.tsv", "report/predictions.png"};
    for (size_t i = 0; i < sizeof dated / sizeof *dated; i++) {
        char *path = at(s, leaf, dated[i]);
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, *now};
        if (is_later(path, now))
            (void)utimensat(AT_FDCWD, path, times, 0);
        free(path);
    }
}

/* The size that a prediction had; -1: not noted. */
static int64_t noted_size(const struct gn_csv *noted, const char *file, size_t *row)
{
    int64_t bytes;
    for (size_t k = 0; k < noted->rows && noted->columns == 3; k++) {
        size_t r = (*row + k) % noted->rows; /* the order is the same */
        if (strcmp(gn_csv_at(noted, r, 0), file))
            continue;
        *row = r + 1;
        return gn_parse_int(gn_csv_at(noted, r, 1), &bytes) == 0 ? bytes : -1;
    }
    return -1;
}

/* The first prediction that is gone or cut, or the index itself when it cannot be read; NULL: all
 * are as they were. */
static char *first_unpredicted(const char *index, const struct gn_csv *noted)
{
    struct gn_table t = {0};
    char *dir = gn_path_dir(index), *gone = NULL;
    size_t row = 1;
    if (read_index(index, &t) < 0)
        gone = gn_strdup(index);
    for (size_t r = 0; r < t.rows && !gone; r++)
        for (size_t c = 0; c < t.columns && !gone; c++) {
            const char *file = t.row[r].cell[c];
            if (t.column[c].role != GN_COLUMN_PREDICTION || !*file)
                continue;
            char *path = gn_path_join(dir, file);
            int64_t size = size_of(path);
            if (size <= 0 || size < noted_size(noted, file, &row))
                gone = path;
            else
                free(path);
        }
    gn_table_free(&t);
    free(dir);
    return gone;
}

static int check_leaf(const struct gn_study *s, const char *leaf, const struct timespec *now,
                      struct gn_err *err)
{
    static const char *const last[] = {"scores.tsv", "report/predictions.png"};
    char *index = at(s, leaf, index_name), *best = at(s, leaf, best_name),
         *record = at(s, leaf, ".products"), *done = at(s, leaf, "model/DONE"), *gone = NULL;
    struct gn_csv noted = {0};
    struct gn_err none = {0};
    char bytes[32], hash[32];
    bool known = access(record, F_OK) == 0 && gn_csv_read(&noted, record, &none) == 0 &&
                 noted.columns == 3 && noted.rows > 0,
         same = known && identify(best, bytes, hash) == 0 &&
                !strcmp(gn_csv_at(&noted, 0, 1), bytes) && !strcmp(gn_csv_at(&noted, 0, 2), hash),
         other = access(done, F_OK) == 0 && known && !same;
    int rc = 0;
    if (access(index, F_OK) == 0 && (other || (!known && is_later(index, now)))) {
        gn_log(GN_LOG_NOTE, "%s: %s: the predictions are made again", index,
               other ? "was made with another model than the one that is there now"
                     : "is dated in the future");
        rc = drop(index, err);
    } else if (access(index, F_OK) == 0 && (gone = first_unpredicted(index, &noted))) {
        gn_log(GN_LOG_NOTE, "%s: is gone or cut: the predictions are made again", gone);
        rc = drop(index, err);
    }
    for (size_t i = 0; i < sizeof last / sizeof *last && rc == 0; i++) {
        char *path = at(s, leaf, last[i]);
        if (other || size_of(path) == 0 || (!same && is_later(path, now)))
            rc = drop(path, err);
        free(path);
    }
    gn_csv_free(&noted);
    free(index);
    free(best);
    free(record);
    free(done);
    free(gone);
    return rc;
}

int gn_study_check_products(const struct gn_study *s, const char *leaf, struct gn_err *err)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (check_training(s, leaf, err) < 0 || check_leaf(s, leaf, &now, err) < 0)
        return -1;
    set_back(s, leaf, &now);
    set_back(s, "", &now);
    return 0;
}
