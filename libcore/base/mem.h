/* mem.h - allocation: one place dies, sizes from data return errors, arenas are freed at once. */
#ifndef GN_BASE_MEM_H
#define GN_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { GN_ALIGN = 64 }; /* blocks of gn_alloc and gn_try_alloc: a cache line, an AVX-512 register */

/* Memory for sizes that the program itself chose: never NULL, out of memory ends the program
 * with one line.  Zeroed, freed with free().  gn_realloc keeps the contents, does not zero the
 * new part, and aligns as malloc does.
 * Zeros cost nothing in large blocks (4 MiB and up): their pages are zero when first touched;
 * smaller ones are written. */
void *gn_alloc(size_t size);
void *gn_realloc(void *old, size_t size);

/* Memory for sizes that came from outside data: NULL with an error instead of an exit.  Zeroed,
 * aligned to GN_ALIGN; freed with free().  A size above the limit (gn_mem_limit) is refused. */
void *gn_try_alloc(size_t size, struct gn_err *err) GN_MUST_USE;

/* The same with any contents, for what will be written in full before it is read.  Freed with
 * free() or gn_recycle(). */
void *gn_try_alloc_raw(size_t size, struct gn_err *err) GN_MUST_USE;
/* free(), for blocks like those of images: of large ones, 64 MiB are kept for gn_try_alloc_raw,
 * which then need not fetch pages that the system clears first (as long as writing them takes).
 * They are let go before any other large block is allocated here, so that they do not add to the
 * most memory that is used.  p: NULL or from malloc's family.  Any thread. */
void gn_recycle(void *p);

/* a*b, or -1 with an error when the product does not fit. */
int gn_mul_size(size_t a, size_t b, size_t *product, struct gn_err *err) GN_MUST_USE;

/* Bytes that one object read from outside may claim (--memory; default: gn_mem_available when it
 * is first asked for). */
size_t gn_mem_limit(void);
void gn_mem_set_limit(size_t bytes);
/* What this process may use without swapping: the least of the machine's memory, MemAvailable of
 * /proc/meminfo, and the limits of its control group and those above it. SIZE_MAX: not known. */
size_t gn_mem_available(void);
/* The least limit of the group that this text of /proc/self/cgroup names and of those above it;
 * root: where their file systems are mounted (/sys/fs/cgroup). Versions 1 and 2. SIZE_MAX: none.
 * For gn_mem_available and its test. */
size_t gn_mem_cgroup_limit(const char *cgroups, const char *root);

/* An arena: many small blocks, freed at once. Never NULL; blocks are zeroed and aligned to 16. */
struct gn_arena {
    struct gn_arena_block *blocks;
};
void *gn_arena_alloc(struct gn_arena *arena, size_t size);
char *gn_arena_strndup(struct gn_arena *arena, const char *text, size_t n);
void gn_arena_free(struct gn_arena *arena);

#endif
