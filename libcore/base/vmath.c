/* vmath.c - gn_v*: SLEEF's deterministic functions, the widest that the processor has, chosen at
 * run time.
 *
 * No file of ours is compiled for more than the base instruction set: each loop below carries its
 * own target, so a binary runs anywhere. SLEEF's header shows its wide functions to files compiled
 * for wide vectors only, hence the declarations here (SLEEF 3.5 and later, names as documented in
 * https://sleef.org/2-references/libm/x86).
 *
 * clang decides from the file's instruction set, not the function's, whether 32- and 64-byte
 * vectors travel in registers, and so cannot call SLEEF's from here: built by clang the same
 * functions are called 4 values at a time. */
#include "base/vmath.h"

#include <stdatomic.h>
#include <string.h>

enum level { NONE = 1, AVX2, AVX512 };

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET_NONE
#define TARGET_AVX2 __attribute__((target("avx2,fma")))
#define TARGET_AVX512 __attribute__((target("avx512f")))

struct pair128 { __m128 sine, cosine; };

extern TARGET_NONE __m128 Sleef_cinz_expf4_u10sse2(__m128);
extern TARGET_NONE __m128 Sleef_cinz_logf4_u10sse2(__m128);
extern TARGET_NONE struct pair128 Sleef_cinz_sincosf4_u10sse2(__m128);
extern double Sleef_cinz_expd1_u10purec(double);
extern double Sleef_cinz_logd1_u10purec(double);
extern TARGET_AVX2 __m128d Sleef_finz_expd2_u10avx2128(__m128d);
extern TARGET_AVX2 __m128d Sleef_finz_logd2_u10avx2128(__m128d);

/* The tail goes through a whole vector too, so that a value is computed by the same instructions at
 * any place. */
#define LOOP1(name, target, width, load, store, fn) \
    static target void name(float *y, const float *x, size_t n) \
    { \
        float part[width] = { 0 }; \
        size_t i = 0; \
        for (; i + width <= n; i += width) \
            store(y + i, fn(load(x + i))); \
        if (i < n) { \
            memcpy(part, x + i, (n - i) * sizeof *x); \
            store(part, fn(load(part))); \
            memcpy(y + i, part, (n - i) * sizeof *y); \
        } \
    }

#define LOOP2(name, target, width, load, store, fn, pair) \
    static target void name(float *s, float *c, const float *x, size_t n) \
    { \
        float part[width] = { 0 }; \
        struct pair r; \
        size_t i = 0; \
        for (; i + width <= n; i += width) { \
            r = fn(load(x + i)); \
            store(s + i, r.sine); \
            store(c + i, r.cosine); \
        } \
        if (i < n) { \
            memcpy(part, x + i, (n - i) * sizeof *x); \
            r = fn(load(part)); \
            store(part, r.sine); \
            memcpy(s + i, part, (n - i) * sizeof *s); \
            store(part, r.cosine); \
            memcpy(c + i, part, (n - i) * sizeof *c); \
        } \
    }

LOOP1(exp_none, TARGET_NONE, 4, _mm_loadu_ps, _mm_storeu_ps, Sleef_cinz_expf4_u10sse2)
LOOP1(log_none, TARGET_NONE, 4, _mm_loadu_ps, _mm_storeu_ps, Sleef_cinz_logf4_u10sse2)
LOOP2(sincos_none, TARGET_NONE, 4, _mm_loadu_ps, _mm_storeu_ps, Sleef_cinz_sincosf4_u10sse2,
      pair128)

#if defined(__clang__)

extern TARGET_AVX2 __m128 Sleef_finz_expf4_u10avx2128(__m128);
extern TARGET_AVX2 __m128 Sleef_finz_logf4_u10avx2128(__m128);
extern TARGET_AVX2 struct pair128 Sleef_finz_sincosf4_u10avx2128(__m128);

LOOP1(exp_avx2, TARGET_AVX2, 4, _mm_loadu_ps, _mm_storeu_ps, Sleef_finz_expf4_u10avx2128)
LOOP1(log_avx2, TARGET_AVX2, 4, _mm_loadu_ps, _mm_storeu_ps, Sleef_finz_logf4_u10avx2128)
LOOP2(sincos_avx2, TARGET_AVX2, 4, _mm_loadu_ps, _mm_storeu_ps, Sleef_finz_sincosf4_u10avx2128,
      pair128)

#define exp_avx512 exp_avx2
#define log_avx512 log_avx2
#define sincos_avx512 sincos_avx2

#else

struct pair256 { __m256 sine, cosine; };
struct pair512 { __m512 sine, cosine; };

extern TARGET_AVX2 __m256 Sleef_finz_expf8_u10avx2(__m256);
extern TARGET_AVX2 __m256 Sleef_finz_logf8_u10avx2(__m256);
extern TARGET_AVX2 struct pair256 Sleef_finz_sincosf8_u10avx2(__m256);
extern TARGET_AVX512 __m512 Sleef_finz_expf16_u10avx512f(__m512);
extern TARGET_AVX512 __m512 Sleef_finz_logf16_u10avx512f(__m512);
extern TARGET_AVX512 struct pair512 Sleef_finz_sincosf16_u10avx512f(__m512);

LOOP1(exp_avx2, TARGET_AVX2, 8, _mm256_loadu_ps, _mm256_storeu_ps, Sleef_finz_expf8_u10avx2)
LOOP1(log_avx2, TARGET_AVX2, 8, _mm256_loadu_ps, _mm256_storeu_ps, Sleef_finz_logf8_u10avx2)
LOOP2(sincos_avx2, TARGET_AVX2, 8, _mm256_loadu_ps, _mm256_storeu_ps, Sleef_finz_sincosf8_u10avx2,
      pair256)
LOOP1(exp_avx512, TARGET_AVX512, 16, _mm512_loadu_ps, _mm512_storeu_ps,
      Sleef_finz_expf16_u10avx512f)
LOOP1(log_avx512, TARGET_AVX512, 16, _mm512_loadu_ps, _mm512_storeu_ps,
      Sleef_finz_logf16_u10avx512f)
LOOP2(sincos_avx512, TARGET_AVX512, 16, _mm512_loadu_ps, _mm512_storeu_ps,
      Sleef_finz_sincosf16_u10avx512f, pair512)

#endif

static double exp1_none(double x) { return Sleef_cinz_expd1_u10purec(x); }
static double log1_none(double x) { return Sleef_cinz_logd1_u10purec(x); }
static TARGET_AVX2 double exp1_fma(double x)
{
    return _mm_cvtsd_f64(Sleef_finz_expd2_u10avx2128(_mm_set1_pd(x)));
}
static TARGET_AVX2 double log1_fma(double x)
{
    return _mm_cvtsd_f64(Sleef_finz_logd2_u10avx2128(_mm_set1_pd(x)));
}

static enum level best_level(void)
{
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return NONE;
    return __builtin_cpu_supports("avx512f") ? AVX512 : AVX2;
}

#define CALL(l, avx512, avx2, none, args) \
    ((l) == AVX512 ? avx512 args : (l) == AVX2 ? avx2 args : none args)

#else

/* Another processor: SLEEF's scalar functions with fused multiply-add, the bits of its vectors. */

extern float Sleef_finz_expf1_u10purecfma(float);
extern float Sleef_finz_logf1_u10purecfma(float);
struct pair1 { float sine, cosine; };
extern struct pair1 Sleef_finz_sincosf1_u10purecfma(float);
extern double Sleef_finz_expd1_u10purecfma(double);
extern double Sleef_finz_logd1_u10purecfma(double);

static void exp_none(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = Sleef_finz_expf1_u10purecfma(x[i]);
}

static void log_none(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = Sleef_finz_logf1_u10purecfma(x[i]);
}

static void sincos_none(float *s, float *c, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct pair1 r = Sleef_finz_sincosf1_u10purecfma(x[i]);
        s[i] = r.sine;
        c[i] = r.cosine;
    }
}

static double exp1_none(double x) { return Sleef_finz_expd1_u10purecfma(x); }
static double log1_none(double x) { return Sleef_finz_logd1_u10purecfma(x); }

static enum level best_level(void)
{
    return NONE;
}

#define CALL(l, avx512, avx2, none, args) ((void)(l), none args)

#endif

static atomic_int chosen; /* 0: not yet; several threads may find out at once, and find the same */

static inline int level(void)
{
    int l = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!l) {
        l = (int)best_level();
        atomic_store_explicit(&chosen, l, memory_order_relaxed);
    }
    return l;
}

int gn_vmath_use(const char *name)
{
    static const char *const names[] = { [NONE] = "none", [AVX2] = "avx2", [AVX512] = "avx512" };
    for (int l = NONE; l <= (int)best_level(); l++) {
        if (!strcmp(name, names[l])) {
            atomic_store_explicit(&chosen, l, memory_order_relaxed);
            return 0;
        }
    }
    return -1;
}

void gn_vexpf(float *y, const float *x, size_t n)
{
    CALL(level(), exp_avx512, exp_avx2, exp_none, (y, x, n));
}

void gn_vlogf(float *y, const float *x, size_t n)
{
    CALL(level(), log_avx512, log_avx2, log_none, (y, x, n));
}

void gn_vsincosf(float *s, float *c, const float *x, size_t n)
{
    CALL(level(), sincos_avx512, sincos_avx2, sincos_none, (s, c, x, n));
}

double gn_vmath_exp(double x)
{
    return CALL(level(), exp1_fma, exp1_fma, exp1_none, (x));
}

double gn_vmath_log(double x)
{
    return CALL(level(), log1_fma, log1_fma, log1_none, (x));
}
