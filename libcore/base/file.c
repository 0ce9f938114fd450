/* file.c - files that are complete or absent: reading whole, mapping, writing beside, renaming. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

/* --- reading whole --- */

int gn_file_read(const char *path, size_t limit, char **data, size_t *n, struct gn_err *err)
{
    bool standard = strcmp(path, "-") == 0;
    const char *name = standard ? "standard input" : path;
    char *text = NULL, *bigger = NULL;
    size_t used = 0, room = 65536;
    struct stat st;
    int rc = -1, fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    *data = NULL;
    *n = 0;
    if (fd < 0)
        return gn_err_set(err, "%s: cannot open: %s", name, strerror(errno));
    if (fstat(fd, &st)) {
        gn_err_set(err, "%s: cannot read: %s", name, strerror(errno));
        goto out;
    }
    if (S_ISDIR(st.st_mode)) {
        gn_err_set(err, "%s: cannot read: it is a folder", name);
        goto out;
    }
    if (S_ISREG(st.st_mode)) {
        if (st.st_size > 0 && (uintmax_t)st.st_size > limit)
            goto too_large;
        room = (size_t)st.st_size + 2; /* one to notice the end, one for the NUL */
    }
    text = malloc(room);
    if (!text) {
        gn_err_set(err, "%s: out of memory: %zu bytes", name, room);
        goto out;
    }
    for (;;) {
        ssize_t k = 0;

        if (room - used < 2) {
            if (__builtin_mul_overflow(room, 2, &room)) {
                gn_err_set(err, "%s: out of memory", name);
                goto out;
            }
            bigger = realloc(text, room);
            if (!bigger) {
                gn_err_set(err, "%s: out of memory: %zu bytes", name, room);
                goto out;
            }
            text = bigger;
        }
        k = read(fd, text + used, room - used - 1);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0) {
            gn_err_set(err, "%s: cannot read: %s", name, strerror(errno));
            goto out;
        }
        if (k == 0)
            break;
        used += (size_t)k;
        if (used > limit)
            goto too_large;
    }
    text[used] = '\0';
    *data = text;
    *n = used;
    text = NULL;
    rc = 0;
    goto out;
too_large:
    gn_err_set(err, "%s: too large: more than %zu bytes", name, limit);
out:
    free(text);
    if (!standard)
        close(fd);
    return rc;
}

/* --- maps --- */

/* Live maps, for the SIGBUS handler: a fixed table, since a handler may neither allocate nor wait.
 * SIMPLE: a map beyond the table's end works, but its SIGBUS is an ordinary crash. */
enum { MAPS = 1024 };
static struct {
    char *data;
    size_t size;
    const char *path;
} maps[MAPS];
static pthread_mutex_t maps_lock = PTHREAD_MUTEX_INITIALIZER;

static void put(const char *text)
{
    ssize_t k = write(STDERR_FILENO, text, strlen(text));
    (void)k;
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
    static char line[PATH_MAX + 128];
    const char *at = info->si_addr;

    (void)context;
    for (int i = 0; i < MAPS; i++) {
        size_t used = 0;
        const char *parts[] = { gn_log_program(), ": ", NULL, ": cut while it was being read\n" };

        if (!maps[i].data || at < maps[i].data || at >= maps[i].data + maps[i].size)
            continue;
        parts[2] = maps[i].path;
        for (int k = 0; k < 4; k++)
            for (const char *p = parts[k]; *p && used + 1 < sizeof line; p++)
                line[used++] = k == 2 && ((unsigned char)*p < 0x20 || *p == 0x7f) ? '?' : *p;
        line[used] = '\0';
        put(line);
        gn_out_abort_all();
        _exit(GN_EXIT_FAILED);
    }
    signal(sig, SIG_DFL); /* not ours: returning runs into it again, which ends the program */
}

static void install_sigbus(void)
{
    struct sigaction action = { 0 };

    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

int gn_map_fd(struct gn_map *map, int fd, const char *path, struct gn_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static char nothing[1];
    struct stat st;
    void *p = nothing;

    memset(map, 0, sizeof *map);
    if (fstat(fd, &st))
        return gn_err_set(err, "%s: cannot read: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return gn_err_set(err, "%s: cannot map: not a regular file", path);
    if (st.st_size > 0) { /* an empty file cannot be mapped; it reads as no bytes */
        p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd,
                 0);
        if (p == MAP_FAILED)
            return gn_err_set(err, "%s: cannot map: %s", path, strerror(errno));
    }
    map->data = p;
    map->size = (size_t)st.st_size;
    map->path = gn_strdup(path);
    if (map->size == 0)
        return 0;
    pthread_once(&once, install_sigbus);
    pthread_mutex_lock(&maps_lock);
    for (int i = 0; i < MAPS; i++) {
        if (maps[i].data)
            continue;
        maps[i].size = map->size;
        maps[i].path = map->path;
        __atomic_store_n(&maps[i].data, map->data, __ATOMIC_RELEASE);
        break;
    }
    pthread_mutex_unlock(&maps_lock);
    return 0;
}

int gn_map_open(struct gn_map *map, const char *path, struct gn_err *err)
{
    int rc = -1, fd = open(path, O_RDONLY | O_CLOEXEC);

    memset(map, 0, sizeof *map);
    if (fd < 0)
        return gn_err_set(err, "%s: cannot open: %s", path, strerror(errno));
    rc = gn_map_fd(map, fd, path, err);
    close(fd);
    return rc;
}

void gn_map_close(struct gn_map *map)
{
    if (map->size > 0) {
        pthread_mutex_lock(&maps_lock);
        for (int i = 0; i < MAPS; i++)
            if (maps[i].data == map->data)
                __atomic_store_n(&maps[i].data, NULL, __ATOMIC_RELEASE);
        pthread_mutex_unlock(&maps_lock);
        munmap(map->data, map->size);
    }
    free(map->path);
    memset(map, 0, sizeof *map);
}

/* --- outputs --- */

/* Temporary files that exist now, for gn_out_abort_all: fixed buffers, since a signal handler may
 * come at any moment. The process id keeps a forked child from removing what its parent writes. */
enum { LIVE = 64 };
static struct {
    volatile sig_atomic_t used;
    pid_t pid;
    char path[PATH_MAX];
} live[LIVE];
static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;

void gn_out_abort_all(void)
{
    int saved = errno;
    pid_t me = getpid();

    for (int i = 0; i < LIVE; i++)
        if (live[i].used && live[i].pid == me) {
            unlink(live[i].path);
            live[i].used = 0;
        }
    errno = saved;
}

static void register_exit(void)
{
    atexit(gn_out_abort_all);
}

static int live_add(const char *path)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int rc = -1;

    pthread_once(&once, register_exit);
    if (strlen(path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    pthread_mutex_lock(&live_lock);
    for (int i = 0; i < LIVE && rc; i++)
        if (!live[i].used) {
            strcpy(live[i].path, path);
            live[i].pid = getpid();
            __atomic_store_n(&live[i].used, 1, __ATOMIC_RELEASE);
            rc = 0;
        }
    pthread_mutex_unlock(&live_lock);
    if (rc)
        errno = EMFILE;
    return rc;
}

static void live_remove(const char *path)
{
    pthread_mutex_lock(&live_lock);
    for (int i = 0; i < LIVE; i++)
        if (live[i].used && strcmp(live[i].path, path) == 0)
            live[i].used = 0;
    pthread_mutex_unlock(&live_lock);
}

/* Where a link that leads to nothing points to in the end, so that the file appears there. NULL
 * with errno set. */
static char *follow_links(const char *path)
{
    char *now = gn_strdup(path), *dir = NULL, *next = NULL, target[PATH_MAX];

    for (int i = 0; i < 40; i++) {
        ssize_t n = readlink(now, target, sizeof target - 1);

        if (n < 0)
            return now;
        target[n] = '\0';
        dir = gn_path_dir(now);
        next = gn_path_join(dir, target);
        free(dir);
        free(now);
        now = next;
    }
    free(now);
    errno = ELOOP;
    return NULL;
}

static int open_beside(struct gn_out *out, const struct stat *old, struct gn_err *err)
{
    static unsigned counter;
    const char *target = out->target;
    char *dir = gn_path_dir(target);
    const char *base = gn_path_base(target);
    int fd = -1;

    if (old && faccessat(AT_FDCWD, target, W_OK, AT_EACCESS)) {
        gn_err_set(err, "%s: cannot write: %s", out->path, strerror(errno));
        goto out;
    }
    for (int tries = 0; fd < 0 && tries < 1000; tries++) {
        unsigned n = __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);
        char *name = gn_asprintf(".%.*s.gn-%ld-%u", 200, base, (long)getpid(), n);

        free(out->tmp);
        out->tmp = gn_path_join(strchr(target, '/') ? dir : "", name);
        free(name);
        if (live_add(out->tmp))
            break;
        fd = open(out->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0) {
            int saved = errno;

            live_remove(out->tmp);
            errno = saved;
            if (errno != EEXIST)
                break;
        }
    }
    if (fd < 0)
        gn_err_set(err, "%s: cannot create: %s", out->path, strerror(errno));
    else if (old)
        (void)!fchmod(fd, old->st_mode & 0777); /* some file systems cannot: no failure */
out:
    free(dir);
    out->fd = fd;
    return fd < 0 ? -1 : 0;
}

int gn_out_open(struct gn_out *out, const char *path, struct gn_err *err)
{
    struct stat st;
    int rc = -1;

    memset(out, 0, sizeof *out);
    out->fd = -1;
    if (strcmp(path, "-") == 0) {
        out->path = gn_strdup("standard output");
        out->fd = STDOUT_FILENO;
        return 0;
    }
    out->path = gn_strdup(path);
    if (!*path) {
        gn_err_set(err, "cannot create a file: its name is empty");
    } else if (path[strlen(path) - 1] == '/') {
        gn_err_set(err, "%s: cannot write: it names a folder", path);
    } else if (stat(path, &st) == 0) {
        if (S_ISREG(st.st_mode)) {
            out->target = realpath(path, NULL);
            if (out->target)
                rc = open_beside(out, &st, err);
            else
                gn_err_set(err, "%s: cannot write: %s", path, strerror(errno));
        } else {
            if (S_ISDIR(st.st_mode))
                errno = EISDIR;
            else
                out->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
            rc = out->fd < 0 ? gn_err_set(err, "%s: cannot write: %s", path, strerror(errno)) : 0;
        }
    } else if (errno == ENOENT) {
        out->target = follow_links(path);
        if (out->target)
            rc = open_beside(out, NULL, err);
        else
            gn_err_set(err, "%s: cannot create: %s", path, strerror(errno));
    } else {
        gn_err_set(err, "%s: cannot write: %s", path, strerror(errno));
    }
    if (rc) {
        if (out->fd < 0) {
            free(out->tmp);
            out->tmp = NULL;
        }
        gn_out_abort(out);
    }
    return rc;
}

int gn_out_write(struct gn_out *out, const void *data, size_t n, struct gn_err *err)
{
    const char *p = data;

    while (n > 0 && !out->closed_early) {
        ssize_t k = write(out->fd, p, n > (1u << 30) ? 1u << 30 : n);

        if (k >= 0) {
            p += k;
            n -= (size_t)k;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd wait = { out->fd, POLLOUT, 0 };
            poll(&wait, 1, -1);
        } else if (errno == EPIPE) {
            out->closed_early = true;
        } else if (errno != EINTR) {
            return gn_err_set(err, "%s: cannot write: %s", out->path, strerror(errno));
        }
    }
    return 0;
}

/* Make the new name itself survive a power cut. A file system that cannot do so is no failure. */
static void sync_folder(const char *path)
{
    char *dir = gn_path_dir(path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(dir);
}

int gn_out_commit(struct gn_out *out, bool sync, struct gn_err *err)
{
    char *path = gn_strdup(out->path);
    int rc = -1, fd = out->fd;

    if (sync && fsync(fd) && errno != EINVAL && errno != EROFS && errno != ENOTSUP) {
        gn_err_set(err, "%s: cannot write: %s", path, strerror(errno));
        goto out;
    }
    /* Standard output stays open for the rest of the program; closing a copy reports what close
     * would. */
    if (fd == STDOUT_FILENO && !out->tmp)
        fd = dup(fd);
    out->fd = -1;
    if (fd < 0 || close(fd)) {
        if (errno != EPIPE || out->tmp) {
            gn_err_set(err, "%s: cannot write: %s", path, strerror(errno));
            goto out;
        }
        out->closed_early = true;
    }
    if (out->tmp) {
        if (rename(out->tmp, out->target)) {
            gn_err_set(err, "%s: cannot rename into place: %s", path, strerror(errno));
            goto out;
        }
        live_remove(out->tmp);
        free(out->tmp);
        out->tmp = NULL;
        if (sync)
            sync_folder(out->target);
    }
    rc = 0;
out:
    gn_out_abort(out);
    free(path);
    return rc;
}

void gn_out_abort(struct gn_out *out)
{
    if (!out->path)
        return; /* never opened, or finished */
    if (out->tmp) {
        unlink(out->tmp);
        live_remove(out->tmp);
    }
    if (out->fd >= 0 && (out->tmp || out->fd != STDOUT_FILENO))
        close(out->fd);
    free(out->tmp);
    free(out->target);
    free(out->path);
    out->tmp = out->target = out->path = NULL;
    out->fd = -1;
}

int gn_file_write(const char *path, const void *data, size_t n, bool sync, struct gn_err *err)
{
    struct gn_out out;

    if (gn_out_open(&out, path, err))
        return -1;
    if (gn_out_write(&out, data, n, err)) {
        gn_out_abort(&out);
        return -1;
    }
    return gn_out_commit(&out, sync, err);
}

int gn_mkdirs(const char *path, struct gn_err *err)
{
    char *part = gn_strdup(path);
    struct stat st;
    int rc = -1;

    for (char *p = part; *p;) {
        char *slash = p + strspn(p, "/"), saved = 0;

        slash += strcspn(slash, "/");
        saved = *slash;
        *slash = '\0';
        if (mkdir(part, 0777)) {
            int why = errno;

            /* Something is there, or the file system is read-only: fine if it is a folder. */
            if (stat(part, &st) || !S_ISDIR(st.st_mode)) {
                gn_err_set(err, "%s: cannot make the folder: %s", part,
                           strerror(why == EEXIST ? ENOTDIR : why));
                goto out;
            }
        }
        *slash = saved;
        p = slash;
    }
    rc = *path ? 0 : gn_err_set(err, "cannot make a folder: its name is empty");
out:
    free(part);
    return rc;
}
