/* mem.c - how much memory a process may use by default; large blocks that are used again. */
#include "base/mem.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pool.h"
#include "check.h"

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

enum { MIB = 1 << 20 };

/* Bytes of memory that are there for this process. */
static size_t resident(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f) {
        if (fscanf(f, "%*u %lu", &pages) != 1)
            pages = 0;
        fclose(f);
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static char *raw(size_t size)
{
    struct gn_err err = { 0 };

    return gn_try_alloc_raw(size, &err);
}

static bool is_zero(const char *p, size_t n)
{
    return p[0] == 0 && !memcmp(p, p + 1, n - 1);
}

/* Own bytes, whoever else takes and gives back meanwhile. */
static void take_and_give(void *arg, size_t i, int thread)
{
    int *wrong = arg;
    const size_t size = (4 + i % 5) * MIB;
    char *p = i % 7 ? raw(size) : gn_alloc(size);

    (void)thread;
    if (i % 7 == 0 && !is_zero(p, size))
        __atomic_add_fetch(wrong, 1, __ATOMIC_RELAXED);
    memset(p, (int)(i % 251), size);
    for (size_t k = 0; k < size; k += 4096)
        if (p[k] != (char)(i % 251))
            __atomic_add_fetch(wrong, 1, __ATOMIC_RELAXED);
    if (i % 3)
        gn_recycle(p);
    else
        free(p);
}

static void check_recycled(void)
{
    const bool sanitized = getenv("GN_SANITIZE") != NULL; /* then nothing is kept */
    struct gn_err err = { 0 };
    size_t before, both;
    int wrong = 0;
    char *p = raw(16 * MIB), *q = NULL;

    CHECK("raw memory is aligned too", (uintptr_t)p % GN_ALIGN == 0);
    memset(p, 1, 16 * MIB);
    before = resident();
    gn_recycle(p);
    q = raw(16 * MIB - 4096);
    CHECK("a large block that was let go of is the next of its size", sanitized || q == p);
    gn_recycle(q);
    q = raw(9 * MIB);
    CHECK("or of half its size", sanitized || q == p);
    CHECK("what is left over goes back", sanitized || resident() + 5 * MIB < before);
    gn_recycle(q);
    q = gn_alloc(16 * MIB);
    CHECK("gn_alloc gives zeros, whatever was kept", is_zero(q, 16 * MIB));
    CHECK("and what was kept is gone before it comes", sanitized || resident() < before + 2 * MIB);
    memset(q, 1, 16 * MIB);
    gn_recycle(q);
    p = raw(64 * MIB + 1);
    CHECK("before another large block of raw memory too",
          sanitized || resident() < before - 12 * MIB);
    memset(p, 1, 64 * MIB + 1);
    both = resident();
    gn_recycle(p);
    CHECK("more than 64 MiB are not kept", sanitized || resident() + 60 * MIB < both);
    p = raw(16 * MIB);
    memset(p, 1, 16 * MIB);
    both = resident();
    gn_recycle(p);
    free(gn_realloc(NULL, 16 * MIB));
    CHECK("gn_realloc gives back first", sanitized || resident() + 12 * MIB < both);
    p = raw(100);
    q = raw(0);
    CHECK("small ones are there as well", p && q);
    gn_recycle(p);
    gn_recycle(q);
    gn_recycle(NULL);
    gn_mem_set_limit(8 * MIB);
    CHECK("a limit holds for raw memory", !gn_try_alloc_raw(8 * MIB + 1, &err) && err.text[0]);
    gn_mem_set_limit(0);
    gn_pool_start(4);
    gn_pool_run(200, take_and_give, &wrong);
    gn_pool_stop();
    CHECK("threads that take and give back see their own bytes only", wrong == 0);
}

int main(void)
{
    size_t all = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);

    mkdir("cg", 0777);
    mkdir("cg/a", 0777);
    mkdir("cg/a/b", 0777);
    mkdir("cg/memory", 0777);
    mkdir("cg/memory/c", 0777);
    put("cg/a/memory.max", "1000000\n");
    put("cg/a/b/memory.max", "max\n");
    put("cg/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("cg/memory/c/memory.limit_in_bytes", "4096\n");
    CHECK("a group without a limit has that of the one above",
          gn_mem_cgroup_limit("0::/a/b\n", "cg") == 1000000);
    put("cg/a/b/memory.max", "5000\n");
    CHECK("the least of them counts", gn_mem_cgroup_limit("0::/a/b\n", "cg") == 5000);
    CHECK("version 1 too, other controllers not",
          gn_mem_cgroup_limit("3:cpu:/a\n2:memory:/c\n", "cg") == 4096);
    CHECK("in a container the path may not be there: its root counts",
          gn_mem_cgroup_limit("2:memory:/docker/x\n", "cg") == 9223372036854771712u);
    CHECK("no group, no limit", gn_mem_cgroup_limit("0::/\n", "cg") == SIZE_MAX &&
                                    gn_mem_cgroup_limit("", "cg") == SIZE_MAX &&
                                    gn_mem_cgroup_limit("nonsense", "cg") == SIZE_MAX);
    CHECK("what is available is less than all there is",
          gn_mem_available() > 0 && gn_mem_available() < all);
    CHECK("and the default limit", gn_mem_limit() > 0 && gn_mem_limit() < all);
    check_recycled();
    gn_mem_set_limit(12345);
    CHECK("until another is set", gn_mem_limit() == 12345);
    return check_done();
}
