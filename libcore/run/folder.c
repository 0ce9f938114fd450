/* folder.c - see folder.h */
#include "run/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { LOCK_WAIT_MS = 1000 };

static const char *const log_files[3] = {"logs_training.csv", "logs_validation.csv",
                                         "logs_testing.csv"};

/* What a training killed in the middle of a write had not yet renamed: .NAME.gn-PID-N. Only under
 * the lock, for nobody may be writing it. */
static void sweep(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        const char *end = strstr(e->d_name, ".gn-");
        bool model = end && end - e->d_name > 12 && !strncmp(end - 12, ".safetensors", 12);
        if (e->d_name[0] == '.' && (model || !strncmp(e->d_name, ".DONE.gn-", 9)))
            (void)unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
}

static int take_lock(struct gn_folder *f, const char *dir, struct gn_err *err)
{
    struct timespec tick = {0, 10 * 1000 * 1000};
    char *path = gn_path_join(dir, ".lock");
    int rc = 0;
    f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (f->lock < 0)
        rc = gn_err_set(err, "%s: cannot open: %s", path, strerror(errno));
    for (int waited = 0; rc == 0; waited += 10) {
        if (flock(f->lock, LOCK_EX | LOCK_NB) == 0) {
            sweep(dir);
            break;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) /* a file system without locks */
            break;
        if (waited >= LOCK_WAIT_MS)
            rc = gn_err_set(err, "%s: another gn-train is at work here", dir);
        else
            nanosleep(&tick, NULL);
    }
    free(path);
    return rc;
}

/* Written in the course of a training, never before the first latest. */
static bool is_result(const char *name)
{
    static const char *const names[] = {"best.safetensors", "timing.tsv", "DONE"};
    bool found = !strncmp(name, "epoch_", 6) && strspn(name + 6, "0123456789") > 0 &&
                 !strcmp(name + 6 + strspn(name + 6, "0123456789"), ".safetensors");
    for (int i = 0; i < 3; i++)
        found |= !strcmp(name, names[i]) || !strcmp(name, log_files[i]);
    return found;
}

int gn_folder_check(const char *dir, struct gn_err *err)
{
    char *latest = gn_path_join(dir, "latest.safetensors"), *found = NULL;
    DIR *d = opendir(dir);
    struct dirent *e;
    int rc = 0;
    while (d && (e = readdir(d)))
        if (is_result(e->d_name) && (!found || strcmp(e->d_name, found) < 0)) {
            free(found);
            found = gn_strdup(e->d_name);
        }
    if (d)
        closedir(d);
    /* Looked for last: another training that is just beginning writes it first. */
    if (found && access(latest, F_OK) < 0)
        rc = gn_err_set(err, "%s/%s: would be overwritten: without latest.safetensors beside it no "
                        "training can go on here: use another -o, or move it away", dir, found);
    free(found);
    free(latest);
    return rc;
}

int gn_folder_open(struct gn_folder *f, const char *dir, struct gn_err *err)
{
    f->latest = gn_path_join(dir, "latest.safetensors");
    f->best = gn_path_join(dir, "best.safetensors");
    f->timing = gn_path_join(dir, "timing.tsv");
    f->done = gn_path_join(dir, "DONE");
    for (int which = 0; which < 3; which++)
        f->log[which] = gn_path_join(dir, log_files[which]);
    f->lock = -1;
    return gn_mkdirs(dir, err) < 0 ? -1 : take_lock(f, dir, err);
}

void gn_folder_close(struct gn_folder *f)
{
    free(f->latest);
    free(f->best);
    free(f->timing);
    free(f->done);
    for (int which = 0; which < 3; which++)
        free(f->log[which]);
    if (f->lock >= 0)
        close(f->lock);
    *f = (struct gn_folder){.lock = -1};
}

int gn_folder_set_done(const struct gn_folder *f, int64_t epochs, int64_t best_epoch,
                       struct gn_err *err)
{
    struct gn_str s = {0};
    gn_str_addf(&s, "epochs %" PRId64 "\nbest_epoch %" PRId64 "\n", epochs, best_epoch);
    int rc = gn_file_write(f->done, gn_str_text(&s), s.len, true, err);
    gn_str_free(&s);
    return rc;
}

bool gn_folder_is_done(const struct gn_folder *f)
{
    return access(f->done, F_OK) == 0;
}

int gn_folder_unset_done(const struct gn_folder *f, struct gn_err *err)
{
    if (unlink(f->done) < 0 && errno != ENOENT)
        return gn_err_set(err, "%s: cannot be removed: %s", f->done, strerror(errno));
    return 0;
}

int gn_folder_add_timing(const struct gn_folder *f, int64_t epoch, const double seconds[2],
                         struct gn_err *err)
{
    FILE *file = fopen(f->timing, "a");
    if (!file)
        return gn_err_set(err, "%s: cannot open: %s", f->timing, strerror(errno));
    if (ftell(file) == 0)
        fputs("epoch_no\ttraining_s\tvalidation_s\n", file);
    fprintf(file, "%" PRId64 "\t%.3f\t%.3f\n", epoch, seconds[0], seconds[1]);
    return fclose(file) ? gn_err_set(err, "%s: cannot write: %s", f->timing, strerror(errno)) : 0;
}
