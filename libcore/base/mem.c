/* mem.c - allocation: the only place where running out of memory ends the program. */
#include "base/mem.h"

#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

static size_t limit; /* 0: not asked for yet */

/* Not exit(): another thread may be anywhere, and handlers would run under its feet. */
static _Noreturn void die(size_t size)
{
    gn_log(GN_LOG_ERROR, "out of memory: %zu bytes more are needed", size);
    gn_out_abort_all();
    _exit(GN_EXIT_FAILED);
}

/* From 4 MiB on, faults cost more than the zeros: a page of 4 KiB at a time takes three times as
 * long as writing the block. So large blocks are maps of their own (glibc's threshold would else
 * rise to 32 MiB), start on a huge page and, up to the size of an image, ask for huge pages. Above
 * that are arenas, allocated once: on virtual machines that give free memory back to their host the
 * first touch of a huge page costs five times that of 512 small ones, and nothing earns it back. */
enum { LARGE = 4 << 20, HUGE_MOST = 64 << 20, HUGE_PAGE = 2 << 20, TRIM = 64 << 20 };

/* ---- large blocks that were let go of, kept for who wants memory as it is ---- */

enum { KEPT = 4 };
static struct {
    pthread_mutex_t lock;
    char *block[KEPT]; /* NULL: a free place */
    size_t size[KEPT]; /* bytes from there on, 0 of a free place */
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* A sanitizer should see a use after free; and what was not written should be seen by tests. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* The least kept block of at least this size, if no more than half of it would be left over, whose
 * pages go back; else NULL. */
static void *take_kept(size_t size)
{
    const size_t used = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int best = -1;
    char *p = NULL;
    size_t room = 0;

    pthread_mutex_lock(&kept.lock);
    for (int i = 0; i < KEPT; i++)
        if (kept.size[i] >= size && kept.size[i] / 2 <= size &&
            (best < 0 || kept.size[i] < kept.size[best]))
            best = i;
    if (best >= 0) {
        p = kept.block[best];
        room = kept.size[best];
        kept.block[best] = NULL;
        kept.size[best] = 0;
    }
    pthread_mutex_unlock(&kept.lock);
    /* whole pages: behind the last may be the allocator's; refused: they stay, no harm */
    if (room > used)
        (void)madvise(p + used, (room - used) / page * page, MADV_DONTNEED);
    return p;
}

/* Before a new large block comes: so that what is kept adds nothing to the most that is used. */
static void drop_kept(void)
{
    char *block[KEPT];

    pthread_mutex_lock(&kept.lock);
    memcpy(block, kept.block, sizeof block);
    memset(kept.block, 0, sizeof kept.block);
    memset(kept.size, 0, sizeof kept.size);
    pthread_mutex_unlock(&kept.lock);
    for (int i = 0; i < KEPT; i++)
        free(block[i]);
}

void gn_recycle(void *p)
{
    size_t size = p ? malloc_usable_size(p) : 0, all = size;
    int place = -1;

    if (SANITIZED || size < LARGE || size > HUGE_MOST || (uintptr_t)p % HUGE_PAGE) {
        free(p);
        return;
    }
    pthread_mutex_lock(&kept.lock);
    for (int i = 0; i < KEPT; i++) {
        all += kept.size[i];
        if (!kept.block[i])
            place = i;
    }
    if (place >= 0 && all <= HUGE_MOST) {
        kept.block[place] = p;
        kept.size[place] = size;
        p = NULL;
    }
    pthread_mutex_unlock(&kept.lock);
    free(p);
}

/* ---- allocation ---- */

static void keep_large_blocks_apart(void)
{
#ifdef M_MMAP_THRESHOLD
    static bool done;

    if (!__atomic_exchange_n(&done, true, __ATOMIC_RELAXED)) {
        mallopt(M_MMAP_THRESHOLD, LARGE);
        mallopt(M_TRIM_THRESHOLD, TRIM); /* else 128 KiB: the heap's end would come and go */
    }
#endif
}

/* The pages of a private anonymous map read as zeros once they are given back, and those of a fresh
 * map are not there yet: nothing is touched. Where this is refused (locked memory) zeros are
 * written. */
static void zero_large(char *p, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = size / page * page;

    if (madvise(p, whole, MADV_DONTNEED) != 0)
        whole = 0;
    memset(p + whole, 0, size - whole);
}

/* zeroed, or with any contents */
static void *aligned(size_t size, bool zeroed)
{
    bool large = size >= LARGE;
    void *p = NULL;

    if (large && !zeroed && (p = take_kept(size)) != NULL)
        return p;
    if (large) {
        keep_large_blocks_apart();
        drop_kept();
    }
    if (size > SIZE_MAX - HUGE_PAGE ||
        posix_memalign(&p, large ? HUGE_PAGE : GN_ALIGN, size ? size : 1))
        return NULL;
    if (large) {
        zero_large(p, size);
        if (size <= HUGE_MOST)
            (void)madvise(p, size, MADV_HUGEPAGE); /* refused by a kernel without them: no matter */
    } else if (zeroed) {
        memset(p, 0, size ? size : 1);
    }
    if (SANITIZED && !zeroed)
        memset(p, 0xa5, size);
    return p;
}

void *gn_alloc(size_t size)
{
    void *p = aligned(size, true);

    if (!p)
        die(size);
    return p;
}

void *gn_realloc(void *old, size_t size)
{
    void *p = NULL;

    if (size >= LARGE)
        drop_kept();
    p = realloc(old, size ? size : 1);
    if (!p)
        die(size);
    return p;
}

static void *try(size_t size, bool zeroed, struct gn_err *err)
{
    void *p = NULL;

    if (size > gn_mem_limit()) {
        gn_err_set(err, "needs %zu bytes, the limit is %zu (--memory)", size, gn_mem_limit());
        return NULL;
    }
    p = aligned(size, zeroed);
    if (!p)
        gn_err_set(err, "out of memory: %zu bytes", size);
    return p;
}

void *gn_try_alloc(size_t size, struct gn_err *err)
{
    return try(size, true, err);
}

void *gn_try_alloc_raw(size_t size, struct gn_err *err)
{
    return try(size, false, err);
}

int gn_mul_size(size_t a, size_t b, size_t *product, struct gn_err *err)
{
    if (__builtin_mul_overflow(a, b, product))
        return gn_err_set(err, "%zu times %zu is more than any memory", a, b);
    return 0;
}

static int read_text(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "re");
    size_t n = 0;

    if (!f)
        return -1;
    n = fread(text, 1, size - 1, f);
    text[n] = 0;
    fclose(f);
    return 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The group at root/path and those above it; path is cut on the way up. A group that cannot be seen
 * (in a container the path may be the host's) has no limit. */
static size_t tree_limit(const char *root, char *path, const char *file)
{
    size_t most = SIZE_MAX;
    char name[PATH_MAX], text[64], *end = NULL;

    for (;;) {
        int n = snprintf(name, sizeof name, "%s%s/%s", root, path, file);

        if (n > 0 && (size_t)n < sizeof name && read_text(name, text, sizeof text) == 0 &&
            text[0] >= '0' && text[0] <= '9') /* else "max" */
            most = least(most, (size_t)strtoull(text, NULL, 10));
        end = strrchr(path, '/');
        if (!end)
            return most;
        *end = 0;
    }
}

size_t gn_mem_cgroup_limit(const char *cgroups, const char *root)
{
    size_t most = SIZE_MAX;

    while (*cgroups) { /* lines "hierarchy:controllers:path" (cgroups(7)) */
        size_t n = strcspn(cgroups, "\n");
        char line[PATH_MAX], memory[PATH_MAX], *controllers = NULL, *path = NULL;

        if (n < sizeof line) {
            memcpy(line, cgroups, n);
            line[n] = 0;
            controllers = strchr(line, ':');
            path = controllers ? strchr(controllers + 1, ':') : NULL;
        }
        if (path) {
            *path++ = 0;
            if (!strcmp(path, "/"))
                *path = 0;
            snprintf(memory, sizeof memory, "%s/memory", root);
            if (!controllers[1])
                most = least(most, tree_limit(root, path, "memory.max"));
            else if (!strcmp(controllers + 1, "memory"))
                most = least(most, tree_limit(memory, path, "memory.limit_in_bytes"));
        }
        cgroups += n + (cgroups[n] == '\n');
    }
    return most;
}

size_t gn_mem_available(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t n = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX;
    char text[8192], *line = NULL;

    if (read_text("/proc/meminfo", text, sizeof text) == 0 &&
        (line = strstr(text, "\nMemAvailable:")) != NULL)
        n = least(n, (size_t)strtoull(line + 14, NULL, 10) * 1024);
    if (read_text("/proc/self/cgroup", text, sizeof text) == 0)
        n = least(n, gn_mem_cgroup_limit(text, "/sys/fs/cgroup"));
    return n;
}

size_t gn_mem_limit(void)
{
    size_t now = __atomic_load_n(&limit, __ATOMIC_RELAXED);

    if (now == 0) {
        now = gn_mem_available();
        now = now ? now : 1; /* 0 would be asked for again */
        __atomic_store_n(&limit, now, __ATOMIC_RELAXED);
    }
    return now;
}

void gn_mem_set_limit(size_t bytes)
{
    __atomic_store_n(&limit, bytes, __ATOMIC_RELAXED);
}

struct gn_arena_block {
    struct gn_arena_block *next;
    size_t used, size; /* of data */
    _Alignas(16) char data[];
};

enum { ARENA_FIRST = 4096, ARENA_MOST = 1 << 20 };

/* size > 0 bytes, align a power of two, at most 16. */
static void *arena_take(struct gn_arena *arena, size_t size, size_t align)
{
    struct gn_arena_block *b = arena->blocks;
    size_t from = b ? (b->used + align - 1) & ~(align - 1) : 0;

    if (size > SIZE_MAX - 64)
        die(size);
    if (!b || from > b->size || b->size - from < size) {
        size_t room = b ? b->size * 2 : ARENA_FIRST; /* doubling keeps small arenas small */

        if (room > ARENA_MOST)
            room = ARENA_MOST;
        if (room < size)
            room = size;
        b = gn_alloc(sizeof *b + room);
        b->size = room;
        from = 0;
        if (arena->blocks && arena->blocks->size - arena->blocks->used > room - size) {
            b->next = arena->blocks->next; /* the older block has more room left: stay with it */
            arena->blocks->next = b;
        } else {
            b->next = arena->blocks;
            arena->blocks = b;
        }
    }
    b->used = from + size;
    return b->data + from;
}

void *gn_arena_alloc(struct gn_arena *arena, size_t size)
{
    return arena_take(arena, size, 16);
}

char *gn_arena_strndup(struct gn_arena *arena, const char *text, size_t n)
{
    char *copy = arena_take(arena, n + 1, 1);

    if (n)
        memcpy(copy, text, n);
    return copy;
}

void gn_arena_free(struct gn_arena *arena)
{
    struct gn_arena_block *b = arena->blocks, *next = NULL;

    for (; b; b = next) {
        next = b->next;
        free(b);
    }
    arena->blocks = NULL;
}
