/* pool.h - a pool of threads. Work is cut by shape, items are claimed dynamically, waiting is on a
 * futex.
 *
 * Results must not depend on who runs which item: an item writes only what belongs to it. */
#ifndef GN_BASE_POOL_H
#define GN_BASE_POOL_H

#include <stddef.h>

/* Threads this process may use: affinity mask and cgroup quota (rounded up), at least 1. */
int gn_pool_default_threads(void);
/* Start the process-wide pool (n <= 0: the default). Called once by gn_tool_main (-j); without it
 * work runs on the caller. A second call while it runs changes nothing. Where the system refuses
 * threads there are fewer of them. */
void gn_pool_start(int threads);
int gn_pool_threads(void);
/* Run work(arg, i, thread) for i in 0..n-1, on all threads, the caller among them; returns when all
 * are done. thread is 0..gn_pool_threads()-1, for scratch memory of this call. A call from within
 * an item runs serially, under that item's thread number, unless it is the only item (n = 1: the
 * pool is free). So does a call from a second thread of the program while the pool is busy (as
 * number 0). Signals are for the program's own threads: the pool's take none but those their own
 * faults raise. */
void gn_pool_run(size_t n, void (*work)(void *arg, size_t i, int thread), void *arg);
/* End the threads; no call of gn_pool_run may be under way. A child of fork has no pool: it calls
 * nothing here before exec. */
void gn_pool_stop(void);

/* CPUs (rounded up) that the cgroup in this text of /proc/self/cgroup may use, its parents' limits
 * included; root is where the cgroup file systems are mounted (/sys/fs/cgroup). Versions 1 and 2.
 * 0: no limit. */
int gn_pool_cgroup_limit(const char *cgroups, const char *root);

#endif
