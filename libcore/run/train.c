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
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/pool.h"
#include "run/batch.h"
#include "run/cache.h"
#include "run/chain.h"
#include "run/checkpoint.h"
#include "run/folder.h"
#include "run/trainlog.h"
#include "run/validate.h"

enum { MAX_SKIPPED_IN_A_ROW = 10, SIGNAL_WAIT_MS = 200 };

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

struct train {
    const struct gn_train_options *o;
    struct gn_config *config; /* ours: the caller's, with the seed it runs with */
    struct gn_setup setup;
    struct gn_net *net;
    int channels;
    struct gn_batch batch;
    struct gn_train_state state;
    struct gn_cache set[3]; /* 1 validation, 2 testing; set[0] is not used */
    bool has[3];
    struct gn_chain chain;
    struct gn_folder folder;
    struct timespec epoch_start;
    bool resumed;
    char init[17]; /* a hash of the weights of --init, or "" */
    int64_t first_epoch; /* of the stream */
    /* samples of this epoch, and of the one before it, that came in this call */
    int64_t seen, last_seen;
    bool class_seen[GN_MAX_CLASSES]; /* in the labels of the first epoch */
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
                                 .preprocessing = &t->chain.all,
                                 .targets = t->o->targets,
                                 .history = t->o->history,
                                 .init = t->init,
                                 .epoch = epoch};
    return gn_checkpoint_save(path, t->net, &info, with_state ? &t->state : NULL, err);
}

static int save_latest(struct train *t, struct gn_err *err)
{
    return save(t, t->folder.latest, true, t->state.epoch, err);
}

/* ---- steps and epochs ---- */

static int step(struct train *t, struct gn_err *err)
{
    struct gn_batch *b = &t->batch;
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
    r->post = false; /* patches are not what is saved */
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

/* A class that no label has is learnt by nobody: a wrong class_list, more often than not. Patches
 * around lesions may well have no background. */
static void warn_of_absent_classes(const struct train *t)
{
    struct gn_str s = {0};
    int n = 0;
    for (int k = 0; k < t->config->n_classes; k++)
        if (!t->class_seen[k] && !gn_class_is_background(&t->setup.classes[k]))
            gn_str_addf(&s, "%s%s", n++ ? ", " : "", t->config->classes[k].text);
    if (n)
        gn_log(GN_LOG_WARN, "%s %s of class_list %s in no label of epoch 1",
               n > 1 ? "classes" : "class", gn_str_text(&s), n > 1 ? "occur" : "occurs");
    gn_str_free(&s);
}

static void say_epoch(const struct train *t, const struct gn_epoch_result r[3], double seconds,
                      bool better)
{
    struct gn_str s = {0};
    gn_str_addf(&s, "epoch %" PRId64 "/%d: train loss %.4f", t->state.epoch + 1,
                t->config->num_epochs, r[0].loss);
    if (t->has[1])
        gn_str_addf(&s, ", valid loss %.4f, valid dice %.4f", r[1].loss,
                    gn_mean_dice(&t->setup, r[1].dice));
    else
        gn_str_addf(&s, ", train dice %.4f", gn_mean_dice(&t->setup, r[0].dice));
    gn_log(GN_LOG_STAGE, "%s, %.1f s%s", gn_str_text(&s), seconds, better ? ", best" : "");
    gn_str_free(&s);
}

/* 0 done, 1 a signal came before the epoch was complete, -1 failed. */
static int end_epoch(struct train *t, struct gn_err *err)
{
    struct gn_epoch_result r[3];
    double seconds[2] = {seconds_since(&t->epoch_start), 0};
    struct timespec start;
    int rc;

    clock_gettime(CLOCK_MONOTONIC, &start);
    if (t->state.epoch == 0)
        warn_of_absent_classes(t);
    result_of_training(&t->state, &r[0]);
    for (int which = 1; which < 3; which++)
        if (t->has[which] &&
            (rc = gn_validate_set(t->net, t->config, &t->setup, &t->set[which], t->batch.size,
                                  which == 1 ? "validation" : "test", t->state.epoch, &stop_asked,
                                  &r[which], err)) != 0)
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
        if (save(t, t->folder.best, false, t->state.epoch, err) < 0)
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
            gn_log_append(t->folder.log[which], t->config, t->state.epoch, &r[which],
                          &t->state.log_bytes[which], err) < 0)
            return -1;
    if (gn_folder_add_timing(&t->folder, t->state.epoch, seconds, err) < 0)
        return -1;
    say_epoch(t, r, seconds[0] + seconds[1], better);
    next_epoch(&t->state);
    t->state.stopped = t->state.patience > t->config->patience;
    return save_latest(t, err);
}

/* ---- start ---- */

static int check_resume(struct train *t, struct gn_err *err)
{
    static const char *const free_to_change[] = {"num_epochs", "patience", "save_*", NULL};
    struct gn_config old;
    struct gn_strs faults = {0}, keys = {0};
    int rc = gn_config_read(&old, t->folder.latest, &faults, err);
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
    for (size_t i = 0; i < t->set[which].n; i++)
        if (gn_check_dimension(t->config, t->set[which].item[i].size, err) < 0)
            return gn_err_wrap(err, "%s: subject %s", path, t->set[which].item[i].sample);
    return 0;
}

static void put_size(struct gn_str *s, double bytes)
{
    if (bytes < 1048576)
        gn_str_addf(s, "%.0f KiB", ceil(bytes / 1024));
    else
        gn_str_addf(s, "%.0f MiB", ceil(bytes / 1048576));
}

/* What the training will take, before its first step. */
static void say_plan(const struct train *t)
{
    const struct gn_batch *b = &t->batch;
    const struct gn_net_spec *spec = &t->setup.net;
    struct gn_net_param *p;
    struct gn_str s = {0};
    double parameters = 0, most = 0;
    int n = gn_net_params(t->net, &p), threads = gn_pool_threads();
    for (int i = 0; i < n; i++)
        parameters += p[i].trainable ? (double)gn_tensor_count(&p[i].tensor) : 0;
    gn_str_addf(&s, parameters >= 1e6 ? "%s, %.1f M parameters, " : "%s, %.1f k parameters, ",
                spec->arch, parameters >= 1e6 ? parameters / 1e6 : parameters / 1e3);
    gn_str_addf(&s, "%d thread%s, ", threads, threads == 1 ? "" : "s");
    put_size(&s, (double)gn_net_peak_bytes(t->net) +
                     (double)b->size * (double)b->voxels * 4 *
                         (spec->channels + spec->classes + 1));
    gn_str_add(&s, " for training");
    for (int which = 1; which < 3; which++)
        for (size_t i = 0; t->has[which] && i < t->set[which].n; i++)
            most = fmax(most, gn_predict_bytes(t->config, &t->setup, t->set[which].item[i].size,
                                               b->size));
    if (most > 0) {
        gn_str_add(&s, ", ");
        put_size(&s, most);
        gn_str_add(&s, " more for validation");
    }
    gn_log(GN_LOG_NOTE, "%s", gn_str_text(&s));
    gn_str_free(&s);
}

/* The network is built when the first sample tells how many channels there are. */
static int start(struct train *t, struct gn_sample *first, struct gn_err *err)
{
    t->channels = gn_sample_channels(first);
    if (t->channels < 1)
        return gn_err_set(err, "subject %s: no image", gn_sample_name(first));
    if (gn_setup_from_config(&t->setup, t->config, t->channels, err) < 0)
        return -1;
    t->net = gn_net_new(&t->setup.net, &t->setup.loss, &t->setup.optim, true, t->o->device,
                        t->config->batch_size, t->config->patch, t->o->memory, err);
    if (!t->net)
        return -1;
    if (gn_batch_new(&t->batch, t->config->batch_size, t->channels, t->setup.net.classes,
                  t->config->patch, err) < 0)
        return -1;
    gn_net_init(t->net, t->o->seed);
    if (t->resumed)
        return gn_checkpoint_load(t->folder.latest, t->net, &t->state, err);
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
    for (size_t i = 0; i < s->n; i++)
        if (gn_record_role(&s->rec[i]) == GN_ROLE_IMAGE &&
            gn_chain_check(&t->chain, &s->rec[i], err) < 0)
            return gn_err_wrap(err, "subject %s: %s", gn_sample_name(s),
                               gn_record_get(&s->rec[i], "name"));
    return 0;
}

static int check_epoch(const struct train *t, const struct gn_sample *s, struct gn_err *err)
{
    if ((int64_t)gn_sample_epoch(s) == t->state.epoch)
        return 0;
    return gn_err_set(err,
                      "subject %s: the stream is at epoch %" PRIu32
                      ", the training at epoch %" PRId64 " (gn-epochs --from %s starts there)",
                      gn_sample_name(s), gn_sample_epoch(s), t->state.epoch, t->o->out);
}

/* Is this a patch of the config's, prepared as it says? */
static int check_sample(struct train *t, const struct gn_sample *s, struct gn_err *err)
{
    const int64_t *patch = t->config->patch;
    int64_t size[3];
    if (check_chain(t, s, err) < 0)
        return -1;
    if (gn_record_get(&s->rec[0], "window.origin")) {
        gn_err_set(err, "is a window that was not augmented yet: put gn-augment -c, with the same "
                        "config, before gn-train");
        goto fail;
    }
    if (gn_sample_whole(s, size, err) < 0 || gn_check_dimension(t->config, size, err) < 0 ||
        gn_sample_size(s, size, err) < 0)
        goto fail;
    if (memcmp(size, patch, sizeof size)) {
        gn_err_set(err,
                   "size %" PRId64 "x%" PRId64 "x%" PRId64 " is not the patch_size %" PRId64
                   "x%" PRId64 "x%" PRId64,
                   size[0], size[1], size[2], patch[0], patch[1], patch[2]);
        goto fail;
    }
    return 0;
fail:
    return gn_err_wrap(err, "subject %s", gn_sample_name(s));
}

/* The label of a patch into its place in the batch. */
static int take_label(struct train *t, struct gn_sample *s, struct gn_err *err)
{
    struct gn_batch *b = &t->batch;
    int32_t *label = b->label + (size_t)b->n * b->voxels;
    if (gn_sample_label(s, t->config->patch, label, err) < 0 ||
        gn_check_labels(&t->setup, label, (int64_t)b->voxels, err) < 0)
        return gn_err_wrap(err, "subject %s", gn_sample_name(s));
    if (t->state.epoch == 0)
        gn_see_labels(&t->setup, label, (int64_t)b->voxels, t->class_seen);
    return 0;
}

/* A sample that was trained on before a resume. */
static int drop(struct train *t, struct gn_sample *s, struct gn_err *err)
{
    if (t->state.epoch > 0) /* its classes are of no interest */
        return 0;
    return check_sample(t, s, err) < 0 ? -1 : take_label(t, s, err);
}

static int take(struct train *t, struct gn_sample *s, struct gn_err *err)
{
    struct gn_batch *b = &t->batch;
    if (check_sample(t, s, err) < 0)
        return -1;
    if (gn_sample_images(s, t->channels, t->config->patch,
                         b->x + (size_t)(b->n * t->channels) * b->voxels, err) < 0)
        return gn_err_wrap(err, "subject %s", gn_sample_name(s));
    if (take_label(t, s, err) < 0)
        return -1;
    free(b->name[b->n]);
    b->name[b->n] = gn_strdup(gn_sample_name(s));
    b->item[b->n].sample = b->name[b->n];
    b->item[b->n].epoch = gn_sample_epoch(s);
    b->item[b->n].patch = gn_sample_patch(s);
    b->n++;
    return 0;
}

/* ---- the loop ---- */

static bool all_done(const struct train *t)
{
    return t->state.patience > t->config->patience || t->state.epoch >= t->config->num_epochs;
}

static int stop_now(struct train *t, struct gn_err *err)
{
    gn_progress_done();
    if (!t->net) {
        gn_log(GN_LOG_NOTE, "stopped by a signal before the first sample: nothing was done");
        return GN_EXIT_REQUEUE;
    }
    if (save_latest(t, err) < 0)
        return -1;
    /* the stream may be a file, which starts where it did */
    if (t->state.epoch == t->first_epoch)
        gn_log(GN_LOG_NOTE, "stopped by a signal after saving; the same command goes on from here");
    else
        gn_log(GN_LOG_NOTE,
               "stopped by a signal after saving; the same command goes on from here if its stream "
               "starts at epoch %" PRId64 " (gn-epochs --from %s)",
               t->state.epoch, t->o->out);
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

    if (all_done(t)) { /* in an earlier call: no sample is needed, but a broken stream is one */
        int got = gn_sample_next(in, &s);
        if (got < 0 && !stop_pending(SIGNAL_WAIT_MS)) {
            gn_err_set(err, "%s", gn_stream_error(in)->text);
            goto out;
        }
        if (gn_folder_is_done(&t->folder))
            gn_log(GN_LOG_NOTE, "%s: already finished after epoch %" PRId64 ": nothing to do",
                   t->o->out, t->state.epoch);
    }
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
            t->first_epoch = (int64_t)gn_sample_epoch(&s);
            if (check_epoch(t, &s, err) < 0 || check_sample(t, &s, err) < 0 ||
                start(t, &s, err) < 0)
                goto out;
            say_plan(t);
            if (!t->resumed && save_latest(t, err) < 0) /* marks the folder as ours (folder.h) */
                goto out;
            for (int which = 0; which < 3; which++)
                if ((which == 0 || t->has[which]) &&
                    gn_log_rewind(t->folder.log[which], log_prefixes[which], t->config,
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
        if (check_epoch(t, &s, err) < 0)
            goto out;
        in_epoch = true;
        t->seen++;
        if (to_drop > 0) {
            to_drop--;
            if (drop(t, &s, err) < 0)
                goto out;
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
        gn_err_set(err, "an earlier stage left out %" PRId64 " %s", gn_stream_failed(in),
                   gn_stream_failed(in) == 1 ? "subject" : "subjects");
    else if (all_done(t))
        rc = gn_folder_set_done(&t->folder, t->state.epoch, t->state.best_epoch, err);
    else
        rc = stream_ended(t, err);
out:
    gn_progress_done();
    gn_sample_free(&s);
    return rc;
}

/* A config that no training can be made of is refused before any data are read; how many channels
 * there are makes no difference. */
static int check_config(const struct gn_config *c, struct gn_err *err)
{
    struct gn_setup setup;
    if (c->weighted_loss && !c->penalty_weights)
        return gn_err_set(err, "weighted_loss needs penalty_weights in the config, or "
                               "--class-counts");
    int rc = gn_setup_from_config(&setup, c, c->channels ? c->channels : 1, err);
    if (rc == 0)
        rc = gn_net_check_training(&setup.net, &setup.loss, c->batch_size, c->patch, err);
    gn_setup_free(&setup);
    return rc;
}

/* Which weights --init names: the same file may lie elsewhere, another one under its name. */
static int find_init(struct train *t, struct gn_err *err)
{
    struct gn_safetensors st;
    uint64_t h = GN_FNV_START;
    if (!t->o->init)
        return 0;
    if (gn_safetensors_open(&st, t->o->init, err) < 0)
        return -1;
    for (size_t i = 0; i < st.n; i++) {
        const struct gn_tensor *w = &st.item[i].tensor;
        h = gn_fnv1a(h, st.item[i].name, strlen(st.item[i].name) + 1);
        h = gn_fnv1a(h, w->data, (size_t)gn_tensor_count(w) * gn_dtype_size(w->dtype));
    }
    gn_safetensors_close(&st);
    snprintf(t->init, sizeof t->init, "%016" PRIx64, h);
    return 0;
}

/* A training goes on from where it is, whatever --init says: so it must be the one that it began
 * with, as in the same command given again. */
static int check_init(const struct train *t, struct gn_err *err)
{
    struct gn_safetensors st;
    if (!t->o->init)
        return 0;
    if (gn_safetensors_open(&st, t->folder.latest, err) < 0)
        return -1;
    const char *began = gn_safetensors_meta(&st, "init");
    bool same = began && !strcmp(began, t->init);
    gn_safetensors_close(&st);
    return same ? 0
                : gn_err_usage(err, "--init: %s holds a model that did not begin with the weights "
                               "of %s: use another -o", t->o->out, t->o->init);
}

/* Where an earlier call stopped. A latest that holds nothing trained is as good as none: so another
 * config may start in its folder. */
static int find_state(struct train *t, struct gn_err *err)
{
    int had = gn_checkpoint_state(t->folder.latest, &t->state, err);
    if (had < 0)
        return -1;
    t->resumed = had > 0 && (t->state.epoch > 0 || t->state.consumed > 0);
    if (!t->resumed)
        gn_train_state_start(&t->state);
    return t->resumed && (check_resume(t, err) < 0 || check_init(t, err) < 0) ? -1 : 0;
}

int gn_train_run(const struct gn_train_options *o, struct gn_stream *in, struct gn_err *err)
{
    struct gn_config config = *o->config; /* a view: the seed is ours, the rest is borrowed */
    struct train t = {.o = o, .config = &config, .folder.lock = -1};
    int rc = -1;

    config.seed = o->seed;
    catch_signals(in);
    gn_chain_of_config(&config, &t.chain);
    if (check_config(&config, err) < 0 || gn_folder_check(o->out, err) < 0 ||
        find_init(&t, err) < 0 || gn_folder_open(&t.folder, o->out, err) < 0 ||
        find_state(&t, err) < 0 ||
        (!all_done(&t) && gn_folder_unset_done(&t.folder, err) < 0) || /* more epochs are wanted */
        open_set(&t, 1, o->val, err) < 0 || open_set(&t, 2, o->test, err) < 0)
        goto out;
    rc = run(&t, in, err);
out:
    for (int which = 1; which < 3; which++)
        if (t.has[which])
            gn_cache_close(&t.set[which]);
    gn_batch_free(&t.batch);
    gn_net_free(t.net);
    gn_setup_free(&t.setup);
    gn_chain_free(&t.chain);
    gn_folder_close(&t.folder);
    return rc < 0 ? (err->code ? err->code : GN_EXIT_FAILED) : rc;
}
