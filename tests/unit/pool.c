/* pool - every item once, the same results for any number of threads, limits from cgroups. */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

enum { N = 1000 };

struct job {
    double out[N];
    atomic_int times[N];
    atomic_int wrong, threads;
    char used[64];
};

static void one_item(void *arg, size_t i, int thread)
{
    struct job *j = arg;
    double x = (double)i + 1;
    if (thread < 0 || thread >= gn_pool_threads())
        atomic_fetch_add(&j->wrong, 1);
    for (int k = 0; k < 200; k++)
        x = x * 0.99 + 1 / (x + k);
    j->out[i] = x;
    atomic_fetch_add(&j->times[i], 1);
}

static struct job *new_job(void)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        exit(1);
    return j;
}

static void check_results(void)
{
    static const int counts[] = { 1, 2, 3, 8 };
    struct job *first = new_job();
    CHECK("without a pool there is one thread", gn_pool_threads() == 1);
    gn_pool_run(N, one_item, first); /* on the caller */
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        int ok = 1;
        char name[80];
        gn_pool_start(counts[k]);
        ok &= gn_pool_threads() == counts[k];
        for (int r = 0; r < 50; r++) {
            struct job *j = new_job();
            size_t n = r < 10 ? (size_t)r : N;
            gn_pool_run(n, one_item, j);
            for (size_t i = 0; i < N; i++)
                ok &= atomic_load(&j->times[i]) == (i < n);
            ok &= !memcmp(j->out, first->out, n * sizeof *j->out) && !atomic_load(&j->wrong);
            free(j);
        }
        gn_pool_stop();
        snprintf(name, sizeof name, "%d threads: every item once, results as on one", counts[k]);
        CHECK(name, ok);
    }
    CHECK("a stopped pool is one thread again", gn_pool_threads() == 1);
    free(first);
}

/* Items write plain memory and the caller reads it: nothing may be missing when run returns. */
static long sums[64];
static void add_one(void *arg, size_t i, int thread)
{
    (void)arg;
    (void)thread;
    sums[i]++;
}

static void check_stress(int threads, int runs)
{
    int ok = 1;
    char name[80];
    memset(sums, 0, sizeof sums);
    gn_pool_start(threads);
    for (long r = 1; r <= runs; r++) {
        gn_pool_run(2 + (size_t)r % 63, add_one, NULL);
        ok &= sums[0] == r && sums[1] == r;
    }
    long total = 0, want = 0;
    for (int i = 0; i < 64; i++)
        total += sums[i];
    for (long r = 1; r <= runs; r++)
        want += 2 + r % 63;
    gn_pool_stop();
    snprintf(name, sizeof name, "%d short runs on %d threads lose and repeat nothing", runs,
             threads);
    CHECK(name, ok && total == want);
}

/* Two items that each wait until the other has begun end only if two threads run them. */
static atomic_int begun;
static void meet(void *arg, size_t i, int thread)
{
    int *who = arg;
    who[i] = thread;
    atomic_fetch_add(&begun, 1);
    while (atomic_load(&begun) < 2)
        sched_yield();
}

static void inner_item(void *arg, size_t i, int thread)
{
    int *seen = arg;
    seen[i] = thread;
}

static atomic_int nested_wrong;
static void outer_item(void *arg, size_t i, int thread)
{
    int seen[5] = { -1, -1, -1, -1, -1 };
    (void)arg;
    (void)i;
    gn_pool_run(5, inner_item, seen);
    for (int k = 0; k < 5; k++) {
        if (seen[k] != thread)
            atomic_fetch_add(&nested_wrong, 1);
    }
}

static void only_item(void *arg, size_t i, int thread)
{
    (void)i;
    (void)thread;
    atomic_store(&begun, 0);
    gn_pool_run(2, meet, arg);
}

static void *second_caller(void *arg)
{
    for (int r = 0; r < 300; r++) {
        struct job *j = new_job();
        gn_pool_run(20, one_item, j);
        for (int i = 0; i < 20; i++) {
            if (atomic_load(&j->times[i]) != 1)
                atomic_store((atomic_int *)arg, 1);
        }
        free(j);
    }
    return NULL;
}

static void look(void *arg, size_t i, int thread)
{
    struct { char name[2][16]; int blocked[2], fault[2]; } *seen = arg;
    sigset_t set;
    (void)i;
    pthread_getname_np(pthread_self(), seen->name[thread], 16);
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    seen->blocked[thread] = sigismember(&set, SIGTERM) && sigismember(&set, SIGUSR1) &&
                            sigismember(&set, SIGINT);
    seen->fault[thread] = sigismember(&set, SIGBUS);
    atomic_fetch_add(&begun, 1);
    while (atomic_load(&begun) < 2)
        sched_yield();
}

static void check_threads(void)
{
    int who[2] = { -1, -1 };
    struct { char name[2][16]; int blocked[2], fault[2]; } seen;
    pthread_t t;
    atomic_int bad = 0;

    memset(&seen, 0, sizeof seen);
    gn_pool_start(2);
    gn_pool_start(5);
    CHECK("a second start changes nothing", gn_pool_threads() == 2);
    for (int r = 0; r < 20; r++) {
        atomic_store(&begun, 0);
        gn_pool_run(2, meet, who);
    }
    CHECK("two threads run two items at a time",
          who[0] + who[1] == 1 && who[0] >= 0 && who[1] >= 0);
    usleep(20000);
    atomic_store(&begun, 0);
    gn_pool_run(2, meet, who);
    CHECK("a sleeping thread is woken", who[0] + who[1] == 1);
    atomic_store(&begun, 0);
    gn_pool_run(2, look, &seen);
    CHECK("workers are named gn-N, the caller keeps its name",
          !strcmp(seen.name[1], "gn-1") && strncmp(seen.name[0], "gn-", 3));
    CHECK("workers block signals but those of their own faults",
          seen.blocked[1] && !seen.fault[1] && !seen.blocked[0]);
    gn_pool_run(100, outer_item, NULL);
    CHECK("a run within an item is serial, under the item's number", !atomic_load(&nested_wrong));
    gn_pool_run(1, only_item, who);
    CHECK("a run within a run of one item uses the threads", who[0] + who[1] == 1);
    if (pthread_create(&t, NULL, second_caller, &bad) == 0) {
        second_caller(&bad);
        pthread_join(t, NULL);
        CHECK("two callers at a time both get all their items", !atomic_load(&bad));
    }
    gn_pool_stop();
    gn_pool_stop();
}

static void put(const char *dir, const char *name, const char *text)
{
    char path[400];
    FILE *f;
    for (const char *p = dir; p; p = strchr(p + 1, '/')) {
        const char *end = strchr(p + 1, '/');
        snprintf(path, sizeof path, "%.*s", end ? (int)(end - dir) : (int)strlen(dir), dir);
        mkdir(path, 0777);
    }
    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

static void check_limits(void)
{
    cpu_set_t set, one;
    int n = gn_pool_default_threads();
    CHECK("the default is at least one thread and at most the affinity mask",
          sched_getaffinity(0, sizeof set, &set) == 0 && n >= 1 && n <= CPU_COUNT(&set));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &set))
            CPU_SET(i, &one);
    }
    sched_setaffinity(0, sizeof one, &one);
    CHECK("bound to one processor the default is one thread", gn_pool_default_threads() == 1);
    sched_setaffinity(0, sizeof set, &set);

    char root[] = "pool-cgroup-XXXXXX", dir[200];
    if (!mkdtemp(root)) {
        CHECK("a folder for made-up cgroups", 0);
        return;
    }
#define AT(sub) (snprintf(dir, sizeof dir, "%s/%s", root, sub), dir)
    put(AT("v2/slice/job"), "cpu.max", "max 100000\n");
    put(AT("v2/slice"), "cpu.max", "350000 100000\n");
    CHECK("version 2: a parent's quota holds, rounded up",
          gn_pool_cgroup_limit("0::/slice/job\n", AT("v2")) == 4);
    put(AT("v2/slice/job"), "cpu.max", "50000 100000\n");
    CHECK("version 2: the least quota holds, at least 1",
          gn_pool_cgroup_limit("0::/slice/job\n", AT("v2")) == 1);
    put(AT("v2"), "cpu.max", "200000 100000\n");
    CHECK("version 2: a path of the host is not there, the mount is the container's",
          gn_pool_cgroup_limit("0::/docker/abc", AT("v2")) == 2);
    put(AT("v1/cpu,cpuacct/job"), "cpu.cfs_quota_us", "-1\n");
    put(AT("v1/cpu,cpuacct/job"), "cpu.cfs_period_us", "100000\n");
    CHECK("version 1: -1 is no limit",
          gn_pool_cgroup_limit("3:memory:/job\n4:cpu,cpuacct:/job\n", AT("v1")) == 0);
    put(AT("v1/cpu,cpuacct/job"), "cpu.cfs_quota_us", "250000\n");
    CHECK("version 1: quota over period, rounded up",
          gn_pool_cgroup_limit("3:memory:/job\n4:cpu,cpuacct:/job\n0::/\n", AT("v1")) == 3);
    CHECK("cpuset and cpuacct are not cpu",
          gn_pool_cgroup_limit("4:cpuset:/job\n5:cpuacct:/job\n", AT("v1")) == 0);
    CHECK("nonsense is no limit",
          gn_pool_cgroup_limit("", root) == 0 && gn_pool_cgroup_limit("::\n:\nx", root) == 0 &&
              gn_pool_cgroup_limit("0::job", root) == 0);
    snprintf(dir, sizeof dir, "rm -r %s", root);
    if (system(dir))
        printf("# could not remove %s\n", root);
}

int main(void)
{
    check_results();
    check_stress(2, 20000);
    check_stress(3, 5000);
    check_stress(8, 2000);
    check_threads();
    check_limits();
    return check_done();
}
