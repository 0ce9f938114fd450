/* peak.h - a clock, and the machine's ceiling for float32 multiply-adds, measured: chains of
 * independent fused multiply-adds in registers. */
#ifndef GN_BENCH_PEAK_H
#define GN_BENCH_PEAK_H

#include <immintrin.h>
#include <time.h>

#include "base/pool.h"

/* Seconds. */
static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { PEAK_ROUNDS = 2000000, PEAK_CHAINS = 12 };

/* Twelve named chains; the empty asm keeps the compiler from folding or merging them. */
#define EACH(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11)
#define CHAIN(TYPE, SET)                                                                           \
    TYPE x = SET(1.0f), y = SET(1e-30f);                                                           \
    EACH(DECLARE_##TYPE)                                                                           \
    for (int r = 0; r < PEAK_ROUNDS; r++) {                                                        \
        EACH(STEP_##TYPE)                                                                          \
    }                                                                                              \
    EACH(USE)
#define DECLARE___m256(i) __m256 a##i = _mm256_set1_ps(i);
#define DECLARE___m512(i) __m512 a##i = _mm512_set1_ps(i);
#define STEP___m256(i)                                                                             \
    a##i = _mm256_fmadd_ps(a##i, x, y);                                                            \
    __asm__("" : "+x"(a##i));
#define STEP___m512(i)                                                                             \
    a##i = _mm512_fmadd_ps(a##i, x, y);                                                            \
    __asm__("" : "+v"(a##i));
#define USE(i) __asm__ volatile("" : : "v"(a##i));

__attribute__((target("avx2,fma"))) static void chain_avx2(void) { CHAIN(__m256, _mm256_set1_ps) }
__attribute__((target("avx512f"))) static void chain_avx512(void) { CHAIN(__m512, _mm512_set1_ps) }

static void peak_item(void *arg, size_t i, int thread)
{
    (void)i;
    (void)thread;
    if (*(int *)arg == 16)
        chain_avx512();
    else
        chain_avx2();
}

/* GFLOP/s of float32 multiply-adds on that many threads of the running pool (best of five); 0
 * without FMA. */
static inline double bench_peak(int threads)
{
    int width = __builtin_cpu_supports("avx512f") ? 16 : 8;
    double best = 0;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return 0;
    for (int i = 0; i < 5; i++) {
        double t = bench_now();
        gn_pool_run((size_t)threads, peak_item, &width);
        t = bench_now() - t;
        double gflops = 2.0 * width * PEAK_CHAINS * PEAK_ROUNDS * threads / t * 1e-9;
        best = gflops > best ? gflops : best;
    }
    return best;
}

#endif
