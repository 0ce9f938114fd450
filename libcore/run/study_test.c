/* study_test.c - the test set's row in logs_testing.csv, from the best model and the cache. */
#include "run/study.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/log.h"
#include "io/safetensors.h"
#include "run/checkpoint.h"
#include "run/validate.h"

static volatile int stop_asked;

static void on_stop(int sig)
{
    stop_asked = sig;
}

static char *at(const struct gn_study *s, const char *leaf, const char *name)
{
    char *dir = *leaf ? gn_path_join(s->out, leaf) : gn_strdup(s->out),
         *path = gn_path_join(dir, name);
    free(dir);
    return path;
}

/* The epoch that a model's weights are from. */
static int epoch_of(const char *path, int64_t *epoch, struct gn_err *err)
{
    struct gn_safetensors st;
    if (gn_safetensors_open(&st, path, err) < 0)
        return -1;
    const char *text = gn_safetensors_meta(&st, "epoch");
    int rc = text && gn_parse_int(text, epoch) == 0
                 ? 0
                 : gn_err_set(err, "%s: metadata 'epoch' is missing or wrong", path);
    gn_safetensors_close(&st);
    return rc;
}

/* A training that went on may have found a better model: the row says which epoch it is of. */
bool gn_study_has_test(const struct gn_study *s, const char *leaf)
{
    struct gn_csv log = {0};
    struct gn_err none = {0};
    char *best = at(s, leaf, "model/best.safetensors"),
         *path = at(s, leaf, "model/logs_testing.csv");
    int64_t epoch, logged;
    bool has = !s->tested || !s->scored;
    if (!has && gn_csv_read(&log, path, &none) == 0 && epoch_of(best, &epoch, &none) == 0) {
        int column = gn_csv_column(&log, "epoch_no");
        has = column >= 0 && log.rows == 1 &&
              gn_parse_int(gn_csv_at(&log, 0, (size_t)column), &logged) == 0 && logged == epoch;
    }
    gn_csv_free(&log);
    free(best);
    free(path);
    return has;
}

/* 1: a signal came. */
static int test_leaf(const struct gn_study *s, const char *leaf, struct gn_err *err)
{
    struct gn_model m = {0};
    struct gn_cache set = {0};
    struct gn_epoch_result r;
    struct gn_str text = {0};
    char *best = at(s, leaf, "model/best.safetensors"), *csv = at(s, leaf, "data_testing.csv"),
         *log = at(s, leaf, "model/logs_testing.csv"), *cache = gn_path_join(s->out, "cache");
    const char *from = cache;
    int64_t epoch;
    int rc = -1;

    if (epoch_of(best, &epoch, err) < 0 || gn_cache_open(&set, &from, 1, err) < 0 ||
        gn_cache_select(&set, csv, err) < 0 ||
        gn_model_open(&m, best, s->device, s->config->batch_size, gn_mem_limit(), err) < 0)
        goto out;
    rc = gn_validate_set(m.net, &m.config, &m.setup, &set, m.config.batch_size, "test", epoch,
                         &stop_asked, &r, err);
    gn_progress_done();
    if (rc < 0)
        gn_err_wrap(err, "%s", log);
    if (rc != 0)
        goto out;
    gn_log_put_header(s->config, "test", &text);
    gn_log_put_row(s->config, epoch, &r, &text);
    rc = gn_file_write(log, gn_str_text(&text), text.len, true, err);
out:
    gn_model_close(&m);
    gn_cache_close(&set);
    gn_str_free(&text);
    free(best);
    free(csv);
    free(log);
    free(cache);
    return rc;
}

int gn_study_test(const struct gn_study *s, const char *only, struct gn_err *err)
{
    enum { WATCHED = 3 };
    static const int watched[WATCHED] = {SIGTERM, SIGUSR1, SIGINT};
    struct sigaction action = {.sa_handler = on_stop}, old[WATCHED];
    int rc = 0;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < WATCHED; i++) {
        sigaction(watched[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN) /* as a shell's background jobs ignore SIGINT */
            sigaction(watched[i], &action, NULL);
    }
    for (size_t i = 0; i < s->leaves.n && rc == 0; i++)
        if ((!only || !strcmp(only, s->leaves.item[i])) &&
            !gn_study_has_test(s, s->leaves.item[i]))
            rc = test_leaf(s, s->leaves.item[i], err);
    for (int i = 0; i < WATCHED; i++)
        sigaction(watched[i], &old[i], NULL);
    if (rc > 0) {
        gn_log(GN_LOG_NOTE, "%s: stopped%s; the same command goes on from here", s->out,
               stop_asked == SIGINT ? "" : " by a signal");
        if (stop_asked == SIGINT)
            raise(SIGINT);
        rc = GN_EXIT_REQUEUE;
    }
    return rc;
}
