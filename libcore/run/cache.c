/* cache.c - see cache.h */
#include "run/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/csv.h"
#include "base/log.h"
#include "io/table.h"

static int add_item(struct gn_cache *c, const struct gn_record *first, const char *path,
                    int64_t offset, struct gn_err *err)
{
    const char *sample = gn_record_get(first, "sample"), *subject = gn_record_get(first, "subject");
    if (!sample)
        return gn_err_set(err, "%s: a record without a sample name", path);
    c->item = gn_realloc(c->item, (c->n + 1) * sizeof *c->item);
    c->item[c->n++] = (struct gn_cache_item){.sample = gn_strdup(sample),
                                             .subject = gn_strdup(subject ? subject : sample),
                                             .path = gn_strdup(path),
                                             .offset = offset};
    if (first->tensor.rank == 4 && !strcmp(first->axes, "czyx"))
        for (int a = 0; a < 3; a++)
            c->item[c->n - 1].size[a] = first->tensor.shape[3 - a];
    return 0;
}

/* The first sample of a cache file: one peek at its header, no payload. */
static int scan_one(struct gn_cache *c, const char *path, struct gn_err *err)
{
    struct gn_record r = {0};
    struct gn_stream *s = gn_stream_open(path, err);
    int rc = -1;
    if (!s)
        return -1;
    int got = gn_stream_peek(s, &r);
    if (got > 0)
        rc = add_item(c, &r, path, 0, err);
    else
        gn_err_set(err, "%s", got < 0 ? gn_stream_error(s)->text : "holds no sample");
    gn_record_free(&r);
    gn_stream_close(s);
    return rc;
}

/* A .gnt file of any number of samples: remember where each starts. */
static int scan_file(struct gn_cache *c, const char *path, struct gn_err *err)
{
    struct gn_record r = {0};
    struct gn_stream *s = gn_stream_open(path, err);
    char *last = NULL;
    int rc = -1;
    if (!s)
        return -1;
    for (;;) {
        int64_t at = gn_stream_tell(s);
        int got = gn_stream_next(s, &r);
        if (got < 0) {
            gn_err_set(err, "%s", gn_stream_error(s)->text);
            goto out;
        }
        if (got == 0)
            break;
        const char *sample = gn_record_get(&r, "sample");
        if (sample && last && !strcmp(sample, last))
            continue;
        if (add_item(c, &r, path, at, err) < 0)
            goto out;
        free(last);
        last = gn_strdup(sample);
    }
    long long missing = gn_stream_failed(s);
    if (missing > 0)
        gn_log(GN_LOG_WARN, "%s: an earlier stage left out %lld %s", path, missing,
               missing == 1 ? "subject" : "subjects");
    rc = 0;
out:
    free(last);
    gn_record_free(&r);
    gn_stream_close(s);
    return rc;
}

static int scan_folder(struct gn_cache *c, const char *dir, struct gn_err *err)
{
    struct gn_csv csv = {0};
    char *index = gn_path_join(dir, "data.csv");
    int rc = -1;
    struct stat st;
    if (stat(index, &st) < 0) {
        gn_err_set(err, "%s: no data.csv: not a cache, or one that was not finished", dir);
        goto out;
    }
    if (gn_csv_read(&csv, index, err) < 0)
        goto out;
    int column = gn_csv_column(&csv, "Channel_0");
    if (column < 0) {
        gn_err_set(err, "%s: no column Channel_0: not a cache's index", index);
        goto out;
    }
    for (size_t i = 0; i < csv.rows; i++) {
        char *path = gn_path_join(dir, gn_csv_at(&csv, i, (size_t)column));
        int one = scan_one(c, path, err);
        free(path);
        if (one < 0)
            goto out;
    }
    rc = 0;
out:
    gn_csv_free(&csv);
    free(index);
    return rc;
}

static int by_sample(const void *a, const void *b)
{
    return strcmp(((const struct gn_cache_item *)a)->sample,
                  ((const struct gn_cache_item *)b)->sample);
}

int gn_cache_open(struct gn_cache *c, const char *const *paths, size_t n, struct gn_err *err)
{
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        if (stat(paths[i], &st) < 0) {
            gn_err_set(err, "%s: no such cache or file", paths[i]);
            goto fail;
        }
        if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
            gn_err_usage(
                err, "%s: must be a folder or a regular file: samples are read in another order",
                paths[i]);
            goto fail;
        }
        if ((S_ISDIR(st.st_mode) ? scan_folder(c, paths[i], err) : scan_file(c, paths[i], err)) < 0)
            goto fail;
    }
    if (c->n)
        qsort(c->item, c->n, sizeof *c->item, by_sample);
    for (size_t i = 1; i < c->n; i++)
        if (!strcmp(c->item[i].sample, c->item[i - 1].sample)) {
            gn_err_set(err, "sample %s is there twice: %s and %s", c->item[i].sample,
                       c->item[i - 1].path, c->item[i].path);
            goto fail;
        }
    return 0;
fail:
    gn_cache_close(c);
    return -1;
}

static void item_free(struct gn_cache_item *it)
{
    free(it->sample);
    free(it->subject);
    free(it->path);
}

int gn_cache_select(struct gn_cache *c, const char *csv, struct gn_err *err)
{
    struct gn_table t = {0};
    size_t kept = 0;
    int rc = -1;
    if (gn_table_read(&t, &csv, 1, 0, err) < 0)
        return -1;
    for (size_t r = 0; r < t.rows; r++) {
        size_t i = 0;
        while (i < c->n && strcmp(c->item[i].subject, t.row[r].subject))
            i++;
        if (i == c->n) {
            gn_err_set(err, "%s: subject %s is not in the cache", csv, t.row[r].subject);
            goto out;
        }
    }
    for (size_t i = 0; i < c->n; i++) {
        size_t r = 0;
        while (r < t.rows && strcmp(c->item[i].subject, t.row[r].subject))
            r++;
        if (r < t.rows)
            c->item[kept++] = c->item[i];
        else
            item_free(&c->item[i]);
    }
    c->n = kept;
    rc = 0;
out:
    gn_table_free(&t);
    return rc;
}

struct gn_sample *gn_cache_load(struct gn_cache *c, size_t i, struct gn_err *err)
{
    struct gn_cache_item *it = &c->item[i];
    if (!c->stream || strcmp(c->item[c->open].path, it->path)) {
        gn_sample_free(&c->sample);
        gn_stream_close(c->stream);
        c->stream = gn_stream_open(it->path, err);
        if (!c->stream)
            return NULL;
    }
    c->open = i;
    if (gn_stream_seek(c->stream, it->offset) < 0 || gn_sample_next(c->stream, &c->sample) <= 0) {
        const char *why = gn_stream_error(c->stream)->text;
        gn_err_set(err, "%s", *why ? why : "the sample is gone");
        return NULL;
    }
    for (size_t k = 0; k < c->sample.n; k++) {
        struct gn_record *r = &c->sample.rec[k];
        if (it->verified)
            r->verified = true;
        else if (!gn_record_data(r, err)) {
            gn_err_wrap(err, "%s", it->path);
            return NULL;
        }
    }
    it->verified = true;
    return &c->sample;
}

void gn_cache_close(struct gn_cache *c)
{
    gn_sample_free(&c->sample);
    gn_stream_close(c->stream);
    for (size_t i = 0; i < c->n; i++)
        item_free(&c->item[i]);
    free(c->item);
    memset(c, 0, sizeof *c);
}
