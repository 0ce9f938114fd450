/* train.c - see train.h */
#include "run/train.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/pool.h"
#include "run/batch.h"
#include "run/cache.h"
#include "run/chain.h"
#include "run/checkpoint.h"
#include "run/trainlog.h"
#include "run/validate.h"

enum { MAX_SKIPPED_IN_A_ROW = 10, SIGNAL_WAIT_MS = 200, LOCK_WAIT_MS = 1000 };

static const char *const log_files[3] = {"logs_training.csv", "logs_validation.csv",
                                         "logs_testing.csv"};
static const char *const log_prefixes[3] = {"train", "valid", "test"};

/* SIGTERM and SIGUSR1 ask for a save after the current step; the loop looks at this. A read that
 * waits for a slow or hanging stage must end too, whenever the signal comes: the handler puts an
 * empty file in its place. */
static volatile int stop_asked, input = -1, nothing = -1;

static void on_stop(int sig)
{
    int saved = errno;
    (void)sig;
    stop_asked = 1;
    if (input >= 0 && nothing >= 0)
        (void)dup2(nothing, input);
    errno = saved;
}

static void catch_signals(struct gn_stream *in)
{
    struct sigaction sa;
    nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    input = gn_stream_fd(in);
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = on_stop; /* without SA_RESTART: the read returns and is tried again */
    sigemptyset(&sa.sa_mask);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGUSR1, &sa, NULL);
}

/* A signal sent to a whole job ends the program upstream a moment before ours arrives. */
static bool stop_pending(int wait_ms)
{
    struct timespec tick = {0, 10 * 1000 * 1000};
    for (int waited = 0; !stop_asked && waited < wait_ms; waited += 10)
        nanosleep(&tick, NULL);
    return stop_asked;
}

struct batch {
    int64_t size, n; /* planned, filled */
    size_t voxels;   /* of one item */
    float *x, *prob;
    int32_t *label;
    struct gn_net_item *item;
    char **name; /* owned names behind item[].sample */
};

struct train {
    const struct gn_train_options *o;
    struct gn_config *config; /* ours: the caller's, with the seed it runs with */
    struct gn_setup setup;
    struct gn_net *net;
    int channels;
    struct batch batch;
    struct gn_train_state state;
    struct gn_cache set[3]; /* 1 validation, 2 testing; set[0] is not used */
    bool has[3];
    struct gn_strs chain,
        chain_training; /* the config's; or the first sample's when the config has none */
    bool chain_known;
    char *path_latest, *path_best, *path_log[3], *path_timing, *path_done;
    struct timespec epoch_start;
    bool resumed;
    int64_t seen,
        last_seen; /* samples of this epoch, and of the one before it, that came in this call */
    int lock;      /* descriptor, or -1 */
};

static double seconds_since(const struct timespec *t)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - t->tv_sec) + 1e-9 * (double)(now.tv_nsec - t->tv_nsec);
}

/* ---- saving ---- */

static int save(struct train *t, const char *path, bool with_state, int64_t epoch,
                struct gn_err *err)
{
    struct gn_model_info info = {.config = t->config,
                                 .channels = t->channels,
                                 .preprocessing = &t->chain,
                                 .history = t->o->history,
                                 .epoch = epoch};
    return gn_checkpoint_save(path, t->net, &info, with_state ? &t->state : NULL, err);
}

static int save_latest(struct train *t, struct gn_err *err)
{
    return save(t, t->path_latest, true, t->state.epoch, err);
}

/* Outside every promise: how long epochs took. */
static int append_timing(const struct train *t, const double seconds[2], struct gn_err *err)
{
    const char *path = t->path_timing;
    FILE *f = fopen(path, "a");
    if (!f)
        return gn_err_set(err, "%s: cannot open: %s", path, strerror(errno));
    if (ftell(f) == 0)
        fputs("epoch_no\ttraining_s\tvalidation_s\n", f);
    fprintf(f, "%" PRId64 "\t%.3f\t%.3f\n", t->state.epoch, seconds[0], seconds[1]);
    return fclose(f) ? gn_err_set(err, "%s: cannot write: %s", path, strerror(errno)) : 0;
}

/* ---- labels ---- */

/* Background need not be listed; any other value that is in no class would train as background
 * without a word. */
static int check_labels(const struct train *t, const int32_t *label, int64_t n, struct gn_err *err)
{
    int32_t good = 0;
    for (int64_t i = 0; i < n; i++) {
        int k = 0;
        if (label[i] == good || label[i] == 0)
            continue;
        while (k < t->setup.net.classes && !gn_class_has(&t->setup.classes[k], label[i]))
            k++;
        if (k == t->setup.net.classes)
            return gn_err_set(err, "label value %" PRId32 " is in no class of class_list",
                              label[i]);
        good = label[i];
    }
    return 0;
}

/* ---- one set of whole subjects ---- */

/* 1: stopped by a signal before the end. */
static int evaluate(struct train *t, int which, struct gn_epoch_result *r, struct gn_err *err)
{
    double sum[GN_MAX_CLASSES] = {0}, loss = 0;
    int64_t n[GN_MAX_CLASSES] = {0};
    struct gn_cache *set = &t->set[which];
    for (size_t i = 0; i < set->n; i++) {
        struct gn_tensor prob = {0};
        struct gn_sample *s = gn_cache_load(set, i, err);
        int64_t size[3];
        if (!s)
            return -1;
        gn_progress("epoch %" PRId64 "/%d: %s %zu/%zu", t->state.epoch + 1, t->config->num_epochs,
                    which == 1 ? "validation" : "test", i + 1, set->n);
        int rc = gn_predict_sample(t->net, t->config, &t->setup, s, t->batch.size, &stop_asked,
                                   &prob, err);
        if (rc == 0 && gn_sample_size(s, size, err) == 0) {
            int64_t voxels = size[0] * size[1] * size[2];
            int32_t *label = gn_try_alloc((size_t)voxels * sizeof *label, err);
            if (!label || gn_sample_label(s, size, label, err) < 0 ||
                check_labels(t, label, voxels, err) < 0) {
                rc = -1;
            } else {
                double one = gn_loss_value(&t->setup.net, &t->setup.loss, prob.data, label, voxels);
                if (!isfinite(one)) /* it would be better than no other, and no best model would be
                                       there at the end */
                    rc = gn_err_set(err, "the %s loss is not finite",
                                    which == 1 ? "validation" : "test");
                loss += one;
                gn_dice_add(&t->setup, prob.data, label, 1, voxels, sum, n);
            }
            free(label);
        }
        gn_tensor_free(&prob);
        if (rc != 0 || err->code)
            return rc > 0 ? 1 : gn_err_wrap(err, "subject %s", set->item[i].sample);
    }
    r->loss = loss / (double)set->n;
    for (int k = 0; k < GN_MAX_CLASSES; k++)
        r->dice[k] = n[k] ? sum[k] / (double)n[k] : NAN;
    return 0;
}

/* ---- steps and epochs ---- */

static int step(struct train *t, struct gn_err *err)
{
    struct batch *b = &t->batch;
    double loss,
        rate = gn_schedule_rate(&t->setup.schedule, t->config->learning_rate, t->state.epoch);
    bool skipped = false;
    if (b->n == 0)
        return 0;
    if (gn_net_step(t->net, b->n, b->x, b->label, b->item, t->o->seed, rate, &loss, b->prob,
                    &skipped, err) < 0)
        return -1;
    if (skipped) {
        t->state.skipped++;
        if (++t->state.skipped_row >= MAX_SKIPPED_IN_A_ROW)
            return gn_err_set(err, "the loss was not finite %d times in a row, last for subject %s",
                              MAX_SKIPPED_IN_A_ROW, b->item[0].sample);
    } else {
        t->state.skipped_row = 0;
        t->state.loss_sum += loss;
        gn_dice_add(&t->setup, b->prob, b->label, b->n, (int64_t)b->voxels, t->state.dice_sum,
                    t->state.dice_n);
    }
    t->state.batches++;
    t->state.consumed += b->n;
    b->n = 0;
    if (gn_progress_active())
        gn_progress("epoch %" PRId64 "/%d: step %" PRId64 ", loss %.4f", t->state.epoch + 1,
                    t->config->num_epochs, t->state.batches, loss);
    return 0;
}

static void result_of_training(const struct gn_train_state *s, struct gn_epoch_result *r)
{
    int64_t good = s->batches - s->skipped;
    r->loss = good > 0 ? s->loss_sum / (double)good : NAN;
    for (int k = 0; k < GN_MAX_CLASSES; k++)
        r->dice[k] = s->dice_n[k] ? s->dice_sum[k] / (double)s->dice_n[k] : NAN;
}

static void next_epoch(struct gn_train_state *s)
{
    s->epoch++;
    s->consumed = s->batches = s->skipped = 0;
    s->loss_sum = 0;
    memset(s->dice_sum, 0, sizeof s->dice_sum);
    memset(s->dice_n, 0, sizeof s->dice_n);
}

/* 0 done, 1 a signal came before the epoch was complete, -1 failed. */
static int end_epoch(struct train *t, struct gn_err *err)
{
    struct gn_epoch_result r[3];
    double seconds[2] = {seconds_since(&t->epoch_start), 0};
    struct timespec start;
    int rc;

    clock_gettime(CLOCK_MONOTONIC, &start);
    result_of_training(&t->state, &r[0]);
    for (int which = 1; which < 3; which++)
        if (t->has[which] && (rc = evaluate(t, which, &r[which], err)) != 0)
            return rc;
    seconds[1] = seconds_since(&start);

    double loss = t->has[1] ? r[1].loss : r[0].loss;
    if (!isfinite(loss))
        return gn_err_set(err, "epoch %" PRId64 ": no step had a finite loss", t->state.epoch + 1);
    bool better = loss < t->state.best_loss;
    if (better) {
        t->state.best_loss = loss;
        t->state.best_epoch = t->state.epoch;
        t->state.patience = 0;
        if (save(t, t->path_best, false, t->state.epoch, err) < 0)
            return -1;
    } else {
        t->state.patience++;
    }
    if (t->config->save_every_epoch) {
        char *path = gn_asprintf("%s/epoch_%" PRId64 ".safetensors", t->o->out, t->state.epoch);
        rc = save(t, path, false, t->state.epoch, err);
        free(path);
        if (rc < 0)
            return -1;
    }
    for (int which = 0; which < 3; which++)
        if ((which == 0 || t->has[which]) &&
            gn_log_append(t->path_log[which], t->config, t->state.epoch, &r[which],
                          &t->state.log_bytes[which], err) < 0)
            return -1;
    if (append_timing(t, seconds, err) < 0)
        return -1;
    gn_progress_done();
    if (t->has[1])
        gn_log(GN_LOG_INFO,
               "epoch %" PRId64
               "/%d: loss %.4f, dice %.4f; validation loss %.4f, dice %.4f%s; %.1f + %.1f s",
               t->state.epoch + 1, t->config->num_epochs, r[0].loss,
               gn_mean_dice(&t->setup, r[0].dice), r[1].loss, gn_mean_dice(&t->setup, r[1].dice),
               better ? " (best)" : "", seconds[0], seconds[1]);
    else
        gn_log(GN_LOG_INFO, "epoch %" PRId64 "/%d: loss %.4f, dice %.4f; %.1f s",
               t->state.epoch + 1, t->config->num_epochs, r[0].loss,
               gn_mean_dice(&t->setup, r[0].dice), seconds[0]);
    next_epoch(&t->state);
    t->state.stopped = t->state.patience > t->config->patience;
    return save_latest(t, err);
}

/* ---- start ---- */

static int batch_new(struct batch *b, int64_t size, int channels, int classes,
                     const int64_t patch[3], struct gn_err *err)
{
    size_t voxels = (size_t)(patch[0] * patch[1] * patch[2]), n = (size_t)size;
    memset(b, 0, sizeof *b);
    b->size = size;
    b->voxels = voxels;
    b->x = gn_try_alloc(n * (size_t)channels * voxels * sizeof(float), err);
    b->prob = gn_try_alloc(n * (size_t)classes * voxels * sizeof(float), err);
    b->label = gn_try_alloc(n * voxels * sizeof(int32_t), err);
    b->item = gn_alloc(n * sizeof *b->item);
    b->name = gn_alloc(n * sizeof *b->name);
    return b->x && b->prob && b->label ? 0 : -1;
}

static void batch_free(struct batch *b)
{
    for (int64_t i = 0; b->name && i < b->size; i++)
        free(b->name[i]);
    free(b->name);
    free(b->item);
    free(b->x);
    free(b->prob);
    free(b->label);
}

static int check_resume(struct train *t, struct gn_err *err)
{
    static const char *const free_to_change[] = {"num_epochs", "patience", "save_*", NULL};
    struct gn_config old;
    struct gn_strs faults = {0}, keys = {0};
    int rc = gn_config_read(&old, t->path_latest, &faults, err);
    if (rc == 0) {
        gn_config_differences(&old, t->config, free_to_change, &keys);
        if (keys.n) {
            struct gn_str s = {0};
            for (size_t i = 0; i < keys.n; i++)
                gn_str_addf(&s, "%s%s", i ? ", " : "", keys.item[i]);
            rc = gn_err_set(
                err,
                "%s: was trained with another config: %s (use another -o, or remove the folder)",
                t->o->out, gn_str_text(&s));
            gn_str_free(&s);
        }
    }
    gn_config_free(&old);
    gn_strs_free(&faults);
    gn_strs_free(&keys);
    return rc;
}

static int open_set(struct train *t, int which, const char *path, struct gn_err *err)
{
    if (!path)
        return 0;
    const char *ext = gn_path_ext(path);
    bool is_stream = !strcmp(ext, ".gnt");
    const char *from = is_stream ? path : t->o->cache;
    if (!from)
        return gn_err_usage(err, "%s: needs --cache, the folder its subjects are in", path);
    if (gn_cache_open(&t->set[which], &from, 1, err) < 0)
        return -1;
    t->has[which] = true;
    if (!is_stream && gn_cache_select(&t->set[which], path, err) < 0)
        return -1;
    if (t->set[which].n == 0)
        return gn_err_set(err, "%s: no subjects", path);
    return 0;
}

/* The network is built when the first sample tells how many channels there are. */
static int start(struct train *t, struct gn_sample *first, struct gn_err *err)
{
    t->channels = gn_sample_channels(first);
    if (t->channels < 1)
        return gn_err_set(err, "subject %s: no image", gn_sample_name(first));
    if (gn_setup_from_config(&t->setup, t->config, t->channels, err) < 0 ||
        gn_net_check(&t->setup.net, t->config->patch, err) < 0)
        return -1;
    t->net = gn_net_new(&t->setup.net, &t->setup.loss, &t->setup.optim, true, t->o->device,
                        t->config->batch_size, t->config->patch, t->o->memory, err);
    if (!t->net)
        return -1;
    gn_log(GN_LOG_INFO, "memory: %.0f MiB planned for the network, batch %d",
           (double)gn_net_peak_bytes(t->net) / 1048576.0, t->config->batch_size);
    if (batch_new(&t->batch, t->config->batch_size, t->channels, t->setup.net.classes,
                  t->config->patch, err) < 0)
        return -1;
    gn_net_init(t->net, t->o->seed);
    if (t->resumed)
        return gn_checkpoint_load(t->path_latest, t->net, &t->state, err);
    if (t->o->init) {
        struct gn_safetensors st;
        if (gn_safetensors_open(&st, t->o->init, err) < 0)
            return -1;
        int rc = gn_model_weights(&st, t->net, err);
        gn_safetensors_close(&st);
        if (rc < 0)
            return gn_err_wrap(err, "%s", t->o->init);
        if (gn_weights_check(t->net, err) < 0)
            return gn_err_wrap(err, "%s", t->o->init);
    }
    return 0;
}

/* What was done to this sample must be what the config says. */
static int check_chain(struct train *t, const struct gn_sample *s, struct gn_err *err)
{
    for (size_t i = 0; i < s->n; i++) {
        struct gn_strs done = {0};
        int rc = 0;
        if (gn_record_role(&s->rec[i]) != GN_ROLE_IMAGE)
            continue;
        gn_chain_done(&s->rec[i], &done);
        if (!t->chain_known) {
            if (t->config->pre.n == 0 && t->chain.n == 0)
                for (size_t k = 0; k < done.n; k++)
                    gn_strs_add(&t->chain, done.item[k]);
            t->chain_known = true;
        }
        rc = gn_chain_compare(&t->chain, &t->chain_training, &done, err);
        gn_strs_free(&done);
        if (rc < 0)
            return gn_err_wrap(err, "subject %s: %s", gn_sample_name(s),
                               gn_record_get(&s->rec[i], "name"));
    }
    return 0;
}

static int take(struct train *t, struct gn_sample *s, struct gn_err *err)
{
    struct batch *b = &t->batch;
    const int64_t *patch = t->config->patch;
    int64_t size[3];
    if (check_chain(t, s, err) < 0)
        return -1;
    if (gn_record_get(&s->rec[0], "window.origin")) {
        gn_err_set(err, "is a window that was not augmented yet: put gn-augment -c, with the same "
                        "config, before gn-train");
        goto fail;
    }
    if (gn_sample_size(s, size, err) < 0)
        goto fail;
    if (memcmp(size, patch, sizeof size)) {
        gn_err_set(err,
                   "size %" PRId64 "x%" PRId64 "x%" PRId64 " is not the patch_size %" PRId64
                   "x%" PRId64 "x%" PRId64,
                   size[0], size[1], size[2], patch[0], patch[1], patch[2]);
        goto fail;
    }
    if (gn_sample_images(s, t->channels, size, b->x + (size_t)(b->n * t->channels) * b->voxels,
                         err) < 0 ||
        gn_sample_label(s, size, b->label + (size_t)b->n * b->voxels, err) < 0 ||
        check_labels(t, b->label + (size_t)b->n * b->voxels, (int64_t)b->voxels, err) < 0)
        goto fail;
    free(b->name[b->n]);
    b->name[b->n] = gn_strdup(gn_sample_name(s));
    b->item[b->n].sample = b->name[b->n];
    b->item[b->n].epoch = gn_sample_epoch(s);
    b->item[b->n].patch = gn_sample_patch(s);
    b->n++;
    return 0;
fail:
    return gn_err_wrap(err, "subject %s", gn_sample_name(s));
}

static int write_done(const struct train *t, struct gn_err *err)
{
    struct gn_str s = {0};
    gn_str_addf(&s, "epochs %" PRId64 "\nbest_epoch %" PRId64 "\n", t->state.epoch,
                t->state.best_epoch);
    int rc = gn_file_write(t->path_done, gn_str_text(&s), s.len, true, err);
    gn_str_free(&s);
    return rc;
}

/* ---- the loop ---- */

static bool all_done(const struct train *t)
{
    return t->state.patience > t->config->patience || t->state.epoch >= t->config->num_epochs;
}

static int stop_now(struct train *t, struct gn_err *err)
{
    gn_progress_done();
    if (t->net && save_latest(t, err) < 0)
        return -1;
    gn_log(GN_LOG_NOTE, "stopped by a signal after saving; the same command goes on from here");
    return GN_EXIT_REQUEUE;
}

/* The stream ended before the training did: what was done is kept, the rest may come in another
 * stream. */
static int stream_ended(struct train *t, struct gn_err *err)
{
    gn_progress_done();
    if (t->state.consumed > 0) {
        if (t->net && save_latest(t, err) < 0)
            return -1;
        gn_log(GN_LOG_NOTE, "stopped in epoch %" PRId64 " of %d: the stream ended",
               t->state.epoch + 1, t->config->num_epochs);
    } else {
        gn_log(GN_LOG_NOTE, "stopped after epoch %" PRId64 " of %d: the stream ended",
               t->state.epoch, t->config->num_epochs);
    }
    return 0;
}

static int run(struct train *t, struct gn_stream *in, struct gn_err *err)
{
    struct gn_sample s = {0};
    int64_t to_drop = t->state.consumed;
    bool in_epoch = false; /* samples of state.epoch have been seen */
    int rc = -1;

    while (!all_done(t)) {
        int got = gn_sample_next(in, &s);
        if ((got < 0 && stop_pending(SIGNAL_WAIT_MS)) || (got == 0 && stop_asked)) {
            t->batch.n = 0;
            rc = stop_now(t, err);
            goto out;
        }
        if (got < 0) {
            gn_err_set(err, "%s", gn_stream_error(in)->text);
            goto out;
        }
        if (got > 0 && !t->net) {
            if (start(t, &s, err) < 0)
                goto out;
            for (int which = 0; which < 3; which++)
                if ((which == 0 || t->has[which]) &&
                    gn_log_rewind(t->path_log[which], log_prefixes[which], t->config,
                                  t->state.log_bytes[which], err) < 0)
                    goto out;
            clock_gettime(CLOCK_MONOTONIC, &t->epoch_start);
        }
        int64_t epoch = got > 0 ? (int64_t)gn_sample_epoch(&s) : -1;
        if (got == 0 && in_epoch && (to_drop > 0 || t->seen < t->last_seen)) {
            t->batch.n = 0; /* the epoch is cut: its other samples would come after these */
            break;
        }
        if (in_epoch && epoch != t->state.epoch) {
            if (step(t, err) < 0)
                goto out;
            int ended = end_epoch(t, err);
            if (ended != 0) {
                rc = ended > 0 ? stop_now(t, err) : -1;
                goto out;
            }
            in_epoch = false;
            to_drop = 0;
            t->last_seen = t->seen;
            t->seen = 0;
            clock_gettime(CLOCK_MONOTONIC, &t->epoch_start);
        }
        if (got == 0)
            break;
        if (all_done(t))
            break;
        if (epoch != t->state.epoch) {
            gn_err_set(err,
                       "subject %s: the stream is at epoch %" PRId64
                       ", the training at epoch %" PRId64 " (gn-epochs --from %s starts there)",
                       gn_sample_name(&s), epoch, t->state.epoch, t->o->out);
            goto out;
        }
        in_epoch = true;
        t->seen++;
        if (to_drop > 0) {
            to_drop--;
            continue;
        }
        if (take(t, &s, err) < 0)
            goto out;
        if (t->batch.n == t->batch.size && step(t, err) < 0)
            goto out;
        if (stop_asked && t->batch.n == 0) {
            rc = stop_now(t, err);
            goto out;
        }
    }
    if (!all_done(t) && t->state.epoch == 0 && !t->resumed && !t->net) {
        gn_err_set(err, "the stream holds no samples");
        goto out;
    }
    if (gn_stream_failed(in) > 0)
        gn_err_set(err, "%" PRId64 " subjects were left out upstream", gn_stream_failed(in));
    else
        rc = all_done(t) ? write_done(t, err) : stream_ended(t, err);
out:
    gn_progress_done();
    gn_sample_free(&s);
    return rc;
}

/* Two trainings in one folder would mix their logs and weights. The lock goes with the process,
 * however it ends; the file stays. */
static int lock_folder(struct train *t, struct gn_err *err)
{
    struct timespec tick = {0, 10 * 1000 * 1000};
    char *path = gn_path_join(t->o->out, ".lock");
    int rc = 0;
    t->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (t->lock < 0)
        rc = gn_err_set(err, "%s: cannot open: %s", path, strerror(errno));
    /* a killed one may take a moment to be gone; a file system without locks gives another error,
     * and none is held there */
    for (int waited = 0; rc == 0 && flock(t->lock, LOCK_EX | LOCK_NB) < 0 &&
                         (errno == EWOULDBLOCK || errno == EINTR);
         waited += 10) {
        if (waited >= LOCK_WAIT_MS)
            rc = gn_err_set(err, "%s: another gn-train is at work here", t->o->out);
        else
            nanosleep(&tick, NULL);
    }
    free(path);
    return rc;
}

int gn_train_run(const struct gn_train_options *o, struct gn_stream *in, struct gn_err *err)
{
    struct gn_config config = *o->config; /* a view: the seed is ours, the rest is borrowed */
    struct train t = {.o = o, .config = &config, .lock = -1};
    int rc = -1;

    config.seed = o->seed;
    t.path_latest = gn_path_join(o->out, "latest.safetensors");
    t.path_best = gn_path_join(o->out, "best.safetensors");
    t.path_timing = gn_path_join(o->out, "timing.tsv");
    t.path_done = gn_path_join(o->out, "DONE");
    for (int which = 0; which < 3; which++)
        t.path_log[which] = gn_path_join(o->out, log_files[which]);
    catch_signals(in);
    gn_chain_of_config(&config, &t.chain, &t.chain_training);
    if (config.weighted_loss && !config.penalty_weights) {
        gn_err_set(err, "weighted_loss needs penalty_weights in the config, or --class-counts");
        goto out;
    }
    if (gn_mkdirs(o->out, err) < 0 || lock_folder(&t, err) < 0)
        goto out;
    int had = gn_checkpoint_state(t.path_latest, &t.state, err);
    if (had < 0)
        goto out;
    t.resumed = had > 0;
    if (t.resumed && check_resume(&t, err) < 0)
        goto out;
    if (!all_done(&t) && unlink(t.path_done) < 0 && errno != ENOENT) { /* more epochs are asked for
                                                                        */
        gn_err_set(err, "%s: cannot be removed: %s", t.path_done, strerror(errno));
        goto out;
    }
    if (open_set(&t, 1, o->val, err) < 0 || open_set(&t, 2, o->test, err) < 0)
        goto out;
    rc = run(&t, in, err);
out:
    for (int which = 1; which < 3; which++)
        if (t.has[which])
            gn_cache_close(&t.set[which]);
    batch_free(&t.batch);
    gn_net_free(t.net);
    gn_setup_free(&t.setup);
    gn_strs_free(&t.chain);
    gn_strs_free(&t.chain_training);
    free(t.path_latest);
    free(t.path_best);
    free(t.path_timing);
    free(t.path_done);
    if (t.lock >= 0)
        close(t.lock);
    for (int which = 0; which < 3; which++)
        free(t.path_log[which]);
    return rc < 0 ? (err->code ? err->code : GN_EXIT_FAILED) : rc;
}
