/* peak.c - prints the machine's ceiling for float32 multiply-adds, on 1 thread and on all: what the other benches are a share of.
 *
 *   peak [THREADS] */
#include "peak.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : gn_pool_default_threads();
    gn_pool_start(threads);
    double one = bench_peak(1), all = bench_peak(gn_pool_threads());
    printf("FMA peak\t%.1f GFLOP/s on 1 thread\t%.1f on %d\n", one, all, gn_pool_threads());
    gn_pool_stop();
    return 0;
}
