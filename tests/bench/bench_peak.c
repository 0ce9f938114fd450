/* bench_peak.c - the machine's ceilings: multiply-adds, memory.
 *
 *   fma T      float32 multiply-adds on T threads; WORK is FLOP
 *   copy T     memory to memory, far above any cache; WORK is bytes read and written
 *   read T     sum of an array
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "peak.h"
#include "serve.h"

enum { BLOCK = 128 << 20, MOST = 8 };

static uint64_t *from[MOST], *to[MOST];
static volatile uint64_t sum[MOST]; /* volatile: it must be computed */

static void copy_item(void *arg, size_t i, int thread)
{
    (void)arg;
    (void)thread;
    memcpy(to[i], from[i], BLOCK);
}

static void read_item(void *arg, size_t i, int thread)
{
    uint64_t s[8] = { 0 };

    (void)arg;
    (void)thread;
    for (size_t k = 0; k < BLOCK / sizeof *s; k += 8)
        for (int j = 0; j < 8; j++)
            s[j] += from[i][k + (size_t)j];
    sum[i] = s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];
}

static double run(const char *line, double *work)
{
    char what[16];
    int threads;
    double t, best = 1e9;
    bool copy;

    if (sscanf(line, "%15s %d", what, &threads) != 2 || threads < 1 || threads > MOST)
        return -1;
    if (!strcmp(what, "fma")) {
        *work = bench_peak(threads) * 1e9;
        return *work > 0 ? 1 : -1;
    }
    copy = !strcmp(what, "copy");
    if (!copy && strcmp(what, "read") != 0)
        return -1;
    for (int i = 0; i < threads; i++)
        if (!from[i]) {
            from[i] = gn_alloc(BLOCK);
            to[i] = gn_alloc(BLOCK);
            memset(from[i], i + 1, BLOCK);
            memset(to[i], 0, BLOCK);
        }
    for (int i = 0; i < 5; i++) {
        t = bench_now();
        gn_pool_run((size_t)threads, copy ? copy_item : read_item, NULL);
        t = bench_now() - t;
        best = t < best ? t : best;
    }
    *work = (double)threads * BLOCK * (copy ? 2 : 1);
    return best;
}

int main(int argc, char **argv)
{
    gn_pool_start(argc > 1 ? atoi(argv[1]) : 2);
    return bench_serve(run);
}
