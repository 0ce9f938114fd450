/* pool.c - the threads behind gn_pool_run.
 *
 * A run is published by opening the gate: one word holding an open bit and the number of workers
 * inside. A worker that sees the generation change enters through the gate (while it is open),
 * claims items with one atomic addition each, and leaves; the caller does the same, then closes the
 * gate and waits until nobody is inside. A worker that wakes late finds the gate closed and sleeps
 * again, so a run never waits for threads that have not started. */
#include "base/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    SPINS = 60,        /* pauses before sleeping, some microseconds: less than waking up costs */
    MAX_THREADS = 1024 /* SIMPLE: more threads than this gain nothing */
};
#define OPEN (1u << 31)
#define ASLEEP (1u << 30) /* the caller sleeps on the gate */
#define INSIDE (ASLEEP - 1)

static struct pool {
    int threads;                /* with the caller; 0: not started */
    pthread_t *thread;          /* threads - 1 of them */
    atomic_bool stop;
    atomic_flag busy;           /* a run is under way */
    void (*work)(void *arg, size_t i, int thread);
    void *arg;
    size_t n;
    _Alignas(64) atomic_size_t next;       /* first item nobody has claimed */
    _Alignas(64) atomic_uint gate;
    _Alignas(64) atomic_uint generation;   /* workers sleep on it; one more a run */
} pool = { .busy = ATOMIC_FLAG_INIT };

static _Thread_local int self = -1; /* this thread's number while it runs an item, else -1 */

static void futex_wait(atomic_uint *word, unsigned seen)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word, int n)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_items(int thread)
{
    void (*work)(void *, size_t, int) = pool.work;
    void *arg = pool.arg;
    size_t n = pool.n, i;
    self = thread;
    while ((i = atomic_fetch_add_explicit(&pool.next, 1, memory_order_relaxed)) < n)
        work(arg, i, thread);
    self = -1;
}

static bool enter(void)
{
    unsigned gate = atomic_load_explicit(&pool.gate, memory_order_relaxed);
    while (gate & OPEN) {
        if (atomic_compare_exchange_weak_explicit(&pool.gate, &gate, gate + 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
    }
    return false;
}

static void leave(void)
{
    unsigned before = atomic_fetch_sub_explicit(&pool.gate, 1, memory_order_release);
    if ((before & INSIDE) == 1 && (before & ASLEEP))
        futex_wake(&pool.gate, 1);
}

static void *worker(void *number)
{
    int thread = (int)(intptr_t)number;
    unsigned seen = 0, now;
    char name[16];
    snprintf(name, sizeof name, "gn-%d", thread);
    pthread_setname_np(pthread_self(), name);
    for (;;) {
        for (int i = 0;
             i < SPINS && atomic_load_explicit(&pool.generation, memory_order_relaxed) == seen; i++)
            relax();
        while ((now = atomic_load_explicit(&pool.generation, memory_order_acquire)) == seen)
            futex_wait(&pool.generation, seen);
        seen = now;
        if (atomic_load_explicit(&pool.stop, memory_order_relaxed))
            return NULL;
        if (enter()) {
            run_items(thread);
            leave();
        }
    }
}

/* Nobody enters any more; wait for those inside. */
static void close_gate(void)
{
    unsigned gate = atomic_fetch_and_explicit(&pool.gate, ~OPEN, memory_order_acquire) & ~OPEN;
    for (int i = 0; i < SPINS && (gate & INSIDE); i++) {
        relax();
        gate = atomic_load_explicit(&pool.gate, memory_order_acquire);
    }
    while (gate & INSIDE) {
        if (!(gate & ASLEEP)) {
            if (!atomic_compare_exchange_weak_explicit(&pool.gate, &gate, gate | ASLEEP,
                                                       memory_order_acquire, memory_order_acquire))
                continue;
            gate |= ASLEEP;
        }
        futex_wait(&pool.gate, gate);
        gate = atomic_load_explicit(&pool.gate, memory_order_acquire);
    }
}

void gn_pool_run(size_t n, void (*work)(void *arg, size_t i, int thread), void *arg)
{
    if (n < 2 || pool.threads < 2 || self >= 0 ||
        atomic_flag_test_and_set_explicit(&pool.busy, memory_order_acquire)) {
        for (size_t i = 0; i < n; i++)
            work(arg, i, self < 0 ? 0 : self);
        return;
    }
    pool.work = work;
    pool.arg = arg;
    pool.n = n;
    atomic_store_explicit(&pool.next, 0, memory_order_relaxed);
    atomic_store_explicit(&pool.gate, OPEN, memory_order_release);
    atomic_fetch_add_explicit(&pool.generation, 1, memory_order_release);
    futex_wake(&pool.generation,
               n - 1 < (size_t)pool.threads - 1 ? (int)(n - 1) : pool.threads - 1);
    run_items(0);
    close_gate();
    atomic_flag_clear_explicit(&pool.busy, memory_order_release);
}

int gn_pool_threads(void)
{
    return pool.threads > 0 ? pool.threads : 1;
}

void gn_pool_start(int threads)
{
    /* What a thread's own instruction raises must reach the handler (a mapped file that was cut:
     * SIGBUS). */
    static const int faults[] = { SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };
    sigset_t block, old;

    if (pool.threads > 0)
        return;
    if (threads <= 0)
        threads = gn_pool_default_threads();
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    pool.thread = threads > 1 ? gn_alloc((size_t)(threads - 1) * sizeof *pool.thread) : NULL;
    atomic_store(&pool.stop, false);
    atomic_store(&pool.gate, 0);
    atomic_store(&pool.generation, 0);
    sigfillset(&block);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&block, faults[i]);
    pthread_sigmask(SIG_BLOCK, &block, &old);
    for (pool.threads = 1; pool.threads < threads; pool.threads++) {
        if (pthread_create(&pool.thread[pool.threads - 1], NULL, worker,
                           (void *)(intptr_t)pool.threads))
            break;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void gn_pool_stop(void)
{
    atomic_store_explicit(&pool.stop, true, memory_order_relaxed);
    atomic_fetch_add_explicit(&pool.generation, 1, memory_order_release);
    futex_wake(&pool.generation, INT_MAX);
    for (int i = 0; i < pool.threads - 1; i++)
        pthread_join(pool.thread[i], NULL);
    free(pool.thread);
    pool.thread = NULL;
    pool.threads = 0;
}

/* --- how many threads --- */

static int affinity_count(void)
{
    for (int cpus = CPU_SETSIZE; cpus <= 1 << 20; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        size_t size = CPU_ALLOC_SIZE((size_t)cpus);
        int n, failed, why;
        if (!set)
            break;
        failed = sched_getaffinity(0, size, set);
        why = errno;
        n = failed ? 0 : CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (n > 0)
            return n;
        if (why != EINVAL) /* EINVAL: the machine's mask is longer */
            break;
    }
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (int)n;
}

/* The beginning of a small text file, NUL-terminated; -1: not there. */
static int read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;
    size_t n = 0;
    if (fd < 0)
        return -1;
    while (n + 1 < size &&
           ((got = read(fd, text + n, size - 1 - n)) > 0 || (got < 0 && errno == EINTR)))
        n += got > 0 ? (size_t)got : 0;
    close(fd);
    text[n] = 0;
    return 0;
}

static int quota_threads(long long quota, long long period)
{
    long long n = period > 0 && quota > 0 ? quota / period + (quota % period != 0) : 0;
    return n > INT_MAX ? INT_MAX : (int)n;
}

/* The limit in one folder, 0 if none: cpu.max "QUOTA PERIOD" or "max PERIOD" (version 2),
 * cpu.cfs_*_us (version 1). */
static int folder_limit(const char *folder, bool v2)
{
    char path[PATH_MAX + 32], text[64];
    long long quota, period;

    snprintf(path, sizeof path, "%s/%s", folder, v2 ? "cpu.max" : "cpu.cfs_quota_us");
    if (read_text(path, text, sizeof text))
        return 0;
    if (v2)
        return sscanf(text, "%lld %lld", &quota, &period) == 2 ? quota_threads(quota, period) : 0;
    if (sscanf(text, "%lld", &quota) != 1)
        return 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (read_text(path, text, sizeof text) || sscanf(text, "%lld", &period) != 1)
        return 0;
    return quota_threads(quota, period);
}

/* The least limit of mount/path and the folders above it, down to mount itself. In a container the
 * path may be the host's and not exist here; then the mount's own files are the container's. */
static int tree_limit(const char *mount, const char *path, bool v2)
{
    char folder[PATH_MAX];
    size_t base = strlen(mount);
    int least = 0;

    if ((size_t)snprintf(folder, sizeof folder, "%s%s", mount, path) >= sizeof folder)
        return 0;
    for (;;) {
        int n = folder_limit(folder, v2);
        char *slash;
        if (n > 0 && (least == 0 || n < least))
            least = n;
        slash = strrchr(folder + base, '/');
        if (!slash)
            return least;
        *slash = 0;
    }
}

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (!strncmp(p, word, n) && (p[n] == ',' || p[n] == 0))
            return true;
    }
    return false;
}

/* One line "hierarchy:controllers:path" (cgroups(7)), which is changed. */
static int line_limit(char *line, const char *root)
{
    char mount[PATH_MAX], *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    int n;

    if (!path || path[1] != '/')
        return 0;
    *controllers++ = 0;
    *path++ = 0;
    if (!strcmp(line, "0") && !*controllers) {
        n = tree_limit(root, path, true);
        if (n > 0)
            return n;
        snprintf(mount, sizeof mount, "%s/unified", root); /* both versions side by side */
        return tree_limit(mount, path, true);
    }
    if (!has_word(controllers, "cpu"))
        return 0;
    /* "cpu,cpuacct" is one folder, "cpu" a link to it */
    snprintf(mount, sizeof mount, "%s/%s", root, controllers);
    n = tree_limit(mount, path, false);
    if (n > 0)
        return n;
    snprintf(mount, sizeof mount, "%s/cpu", root);
    return tree_limit(mount, path, false);
}

int gn_pool_cgroup_limit(const char *cgroups, const char *root)
{
    int least = 0;
    while (*cgroups) {
        char line[PATH_MAX];
        size_t n = strcspn(cgroups, "\n");
        if (n < sizeof line) {
            int limit;
            memcpy(line, cgroups, n);
            line[n] = 0;
            limit = line_limit(line, root);
            if (limit > 0 && (least == 0 || limit < least))
                least = limit;
        }
        cgroups += n + (cgroups[n] == '\n');
    }
    return least;
}

int gn_pool_default_threads(void)
{
    char text[8192];
    int n = affinity_count(), limit = 0;
    if (read_text("/proc/self/cgroup", text, sizeof text) == 0)
        limit = gn_pool_cgroup_limit(text, "/sys/fs/cgroup");
    if (limit > 0 && limit < n)
        n = limit;
    return n > MAX_THREADS ? MAX_THREADS : n;
}
