/* process.c - see process.h */
#include "run/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

extern char **environ;

enum { TICK_MS = 50, GRACE_TICKS = 6, LOCK_WAIT_TICKS = 1200 };

void gn_process_own_path(void)
{
    char self[PATH_MAX];
    const char *old = getenv("PATH");
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return;
    self[n] = 0;
    char *dir = gn_path_dir(self);
    char *path = gn_asprintf("%s%s%s", dir, old && *old ? ":" : "", old ? old : "");
    setenv("PATH", path, 1);
    free(path);
    free(dir);
}

void gn_child_add(struct gn_child *c, const char *arg)
{
    gn_strs_add(&c->argv, arg);
}

void gn_child_add_words(struct gn_child *c, const char *words)
{
    for (const char *p = words; *p;) {
        size_t n = strcspn(p, " ");
        char *word = gn_strndup(p, n);
        if (n)
            gn_child_add(c, word);
        free(word);
        p += n + (p[n] != 0);
    }
}

void gn_children_free(struct gn_child *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        gn_strs_free(&c[i].argv);
        if (c[i].talk > 0)
            close(c[i].talk);
    }
}

/* ---- /proc ---- */

struct pids {
    pid_t *pid;
    size_t n;
};

static void pids_add(struct pids *p, pid_t pid)
{
    p->pid = gn_realloc(p->pid, (p->n + 1) * sizeof *p->pid);
    p->pid[p->n++] = pid;
}

static bool pids_have(const struct pids *p, pid_t pid)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->pid[i] == pid)
            return true;
    return false;
}

struct proc {
    pid_t pid, parent;
    char name[32], state;
};

/* /proc/PID/stat: "PID (name) S PARENT ..."; the name may hold anything. */
static bool read_proc(const char *pid, struct proc *p)
{
    char path[64], buf[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC), parent = 0;
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    buf[n] = 0;
    char *open_at = strchr(buf, '('), *close_at = strrchr(buf, ')');
    if (!open_at || !close_at || sscanf(close_at + 1, " %c %d", &p->state, &parent) != 2)
        return false;
    *close_at = 0;
    snprintf(p->name, sizeof p->name, "%s", open_at + 1);
    p->pid = (pid_t)atol(pid);
    p->parent = (pid_t)parent;
    return true;
}

static size_t list_procs(struct proc **out)
{
    DIR *dir = opendir("/proc");
    struct dirent *e;
    size_t n = 0;
    *out = NULL;
    while (dir && (e = readdir(dir))) {
        struct proc p;
        if (e->d_name[0] < '1' || e->d_name[0] > '9' || !read_proc(e->d_name, &p))
            continue;
        *out = gn_realloc(*out, (n + 1) * sizeof **out);
        (*out)[n++] = p;
    }
    if (dir)
        closedir(dir);
    return n;
}

/* All that descends from this process and still runs; with a name only those called so. */
static void descendants(const char *name, struct pids *out)
{
    struct proc *all;
    struct pids tree = {0};
    size_t n = list_procs(&all);
    pids_add(&tree, getpid());
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < n; i++)
            if (!pids_have(&tree, all[i].pid) && pids_have(&tree, all[i].parent)) {
                pids_add(&tree, all[i].pid);
                if (all[i].state != 'Z' && (!name || !strcmp(all[i].name, name)))
                    pids_add(out, all[i].pid);
                more = true;
            }
    }
    free(tree.pid);
    free(all);
}

/* ---- starting ---- */

static int spawn(struct gn_child *c, int in, int out, int flags, const sigset_t *mask,
                 struct gn_err *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t defaults;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setsigmask(&attr, mask);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (flags & GN_PROCESS_CAPTURE)
        c->talk = memfd_create("stderr", MFD_CLOEXEC);
    if (c->talk >= 0)
        posix_spawn_file_actions_adddup2(&files, c->talk, STDERR_FILENO);
    if (in >= 0)
        posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    if (out >= 0)
        posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    else if (flags & GN_PROCESS_TO_STDERR)
        posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    int rc = posix_spawnp(&c->pid, c->argv.item[0], &files, &attr, c->argv.item, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    if (rc) {
        c->pid = 0;
        return gn_err_set(err, "%s: cannot be started: %s", c->argv.item[0], strerror(rc));
    }
    return 0;
}

static int spawn_all(struct gn_child *c, size_t n, int flags, const sigset_t *mask,
                     struct gn_err *err)
{
    int in = -1, rc = 0;
    for (size_t i = 0; i < n; i++) {
        c[i].pid = 0;
        c[i].status = 0;
        if (!(flags & GN_PROCESS_TALK))
            c[i].talk = -1;
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        int ends[2] = {-1, -1};
        if (i + 1 < n && pipe2(ends, O_CLOEXEC) < 0) {
            rc = gn_err_set(err, "%s: no pipe: %s", c[i].argv.item[0], strerror(errno));
            break;
        }
        rc = spawn(&c[i], in, ends[1], flags, mask, err);
        if (in >= 0)
            close(in);
        if (ends[1] >= 0)
            close(ends[1]);
        in = ends[0];
    }
    if (in >= 0)
        close(in);
    for (size_t i = 0; i < n && (flags & GN_PROCESS_TALK); i++) {
        close(c[i].talk); /* or its reader would wait for ever */
        c[i].talk = -1;
    }
    return rc;
}

bool gn_process_only_follows(const char *line)
{
    static const char *const what[] = {": stdin: truncated: no end record",
                                       ": stdin: empty: not even an end record",
                                       ": warning: an earlier stage left out"};
    const size_t n = strcspn(line, "\n");
    for (size_t i = 0; i < sizeof what / sizeof *what; i++)
        if (memmem(line, n, what[i], strlen(what[i])))
            return true;
    return false;
}

/* ---- waiting ---- */

/* Once to each process. */
static void tell(const struct pids *who, struct pids *told, int sig)
{
    for (size_t i = 0; i < who->n; i++)
        if (!pids_have(told, who->pid[i])) {
            kill(who->pid[i], sig);
            pids_add(told, who->pid[i]);
        }
}

/* A signal has come. Trainings first: they save. The rest, once none is left; at once a terminal's
 * signal has reached them all. */
static void pass_on(int sig, int flags, int ticks, struct pids *told)
{
    struct pids trains = {0}, all = {0};
    if ((flags & GN_PROCESS_SAVE) && (sig == SIGTERM || sig == SIGUSR1))
        descendants("gn-train", &trains);
    if (trains.n) {
        tell(&trains, told, SIGTERM);
    } else if (sig == SIGTERM || sig == SIGUSR1 || ticks >= GRACE_TICKS) {
        descendants(NULL, &all);
        tell(&all, told, SIGTERM);
    }
    free(trains.pid);
    free(all.pid);
}

static bool reap(struct gn_child *c, size_t n, bool *saved)
{
    pid_t pid;
    int st;
    while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
        int status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
        bool ours = false;
        for (size_t i = 0; i < n; i++)
            if (c[i].pid == pid) {
                c[i].status = status;
                ours = true;
            }
        if (!ours && status == GN_EXIT_REQUEUE)
            *saved = true;
    }
    return pid < 0 && errno == ECHILD; /* nothing is left */
}

int gn_process_run(struct gn_child *c, size_t n, int flags, int *stopped, bool *saved,
                   struct gn_err *err)
{
    static const int watched[] = {SIGTERM, SIGUSR1, SIGINT, SIGHUP, SIGCHLD};
    struct timespec tick = {0, TICK_MS * 1000000L}, second = {1, 0};
    struct pids told = {0};
    sigset_t set, old;
    int ticks = 0;

    *stopped = 0;
    *saved = false;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        sigaddset(&set, watched[i]);
    sigprocmask(SIG_BLOCK, &set, &old);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* a training whose shell was killed is still waited for */
    int rc = spawn_all(c, n, flags, &old, err);
    if (rc < 0)
        *stopped = SIGTERM;
    while (!reap(c, n, saved)) {
        int sig = sigtimedwait(&set, NULL, *stopped ? &tick : &second);
        if (sig > 0 && sig != SIGCHLD && !*stopped)
            *stopped = sig;
        if (*stopped)
            pass_on(*stopped, rc < 0 ? 0 : flags, ticks++, &told);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    free(told.pid);
    return rc;
}

int gn_process_call(const char *const *argv, struct gn_err *err)
{
    struct gn_child c = {0};
    int stopped;
    bool saved;
    for (; *argv; argv++)
        gn_child_add(&c, *argv);
    int rc = gn_process_run(&c, 1, GN_PROCESS_TO_STDERR, &stopped, &saved, err);
    if (rc == 0 && stopped)
        rc = gn_err_set(err, "%s: stopped by a signal", c.argv.item[0]);
    rc = rc < 0 ? -1 : c.status;
    gn_children_free(&c, 1);
    return rc;
}

/* ---- the lock ---- */

/* Processes that have this file open: *owner is one of them that bears our name. */
static void holders(const struct stat *file, struct pids *out, pid_t *owner)
{
    struct proc *all, self;
    char me[32], path[96];
    size_t n = list_procs(&all);
    *owner = 0;
    snprintf(me, sizeof me, "%ld", (long)getpid());
    if (!read_proc(me, &self))
        self.name[0] = 0;
    for (size_t i = 0; i < n; i++) {
        struct dirent *e;
        snprintf(path, sizeof path, "/proc/%ld/fd", (long)all[i].pid);
        DIR *dir = all[i].pid == getpid() ? NULL : opendir(path);
        while (dir && (e = readdir(dir))) {
            struct stat s;
            snprintf(path, sizeof path, "/proc/%ld/fd/%.20s", (long)all[i].pid, e->d_name);
            if (e->d_name[0] == '.' || stat(path, &s) < 0 || s.st_dev != file->st_dev ||
                s.st_ino != file->st_ino)
                continue;
            if (!strcmp(all[i].name, self.name))
                *owner = all[i].pid;
            pids_add(out, all[i].pid);
            break;
        }
        if (dir)
            closedir(dir);
    }
    free(all);
}

int gn_process_lock(const char *path, bool *made, struct gn_err *err)
{
    const struct timespec tick = {0, TICK_MS * 1000000L};
    struct pids told = {0};
    struct stat s;
    int rc = -1;

    *made = access(path, F_OK) < 0;
    int fd = open(path, O_RDWR | O_CREAT, 0666); /* no O_CLOEXEC: children hold it too */
    if (fd < 0 || fstat(fd, &s) < 0)
        return gn_err_set(err, "%s: cannot open: %s", path, strerror(errno));
    for (int ticks = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; ticks++) {
        struct pids who = {0};
        pid_t owner;
        if (errno != EWOULDBLOCK) {
            gn_err_set(err, "%s: cannot lock: %s", path, strerror(errno));
            goto out;
        }
        holders(&s, &who, &owner);
        if (ticks == 0 && !owner)
            gn_log(GN_LOG_NOTE, "%s: ending what an earlier run left behind", path);
        if (!owner)
            tell(&who, &told, SIGTERM);
        free(who.pid);
        if (owner || ticks > LOCK_WAIT_TICKS) {
            gn_err_set(err, "%s: another %s is at work here%s", path, gn_log_program(),
                       owner ? "" : " and does not end");
            goto out;
        }
        nanosleep(&tick, NULL);
    }
    rc = 0;
out:
    free(told.pid);
    if (rc < 0)
        close(fd);
    return rc;
}
