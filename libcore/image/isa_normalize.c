/* isa_normalize.c - the inner loops of normalize.h, compiled once an instruction set. A sum belongs
 * to one of 16 lanes whatever the width of a register, so the bits are the same. */
#include <math.h>
#include <string.h>

#include "base/isa.h"
#include "image/normalize.h"

#if defined(__AVX512F__)
enum { WIDTH = 8 };
#elif defined(__AVX__)
enum { WIDTH = 4 };
#else
enum { WIDTH = 2 };
#endif
enum { LANES = GN_STATS_LANES, PARTS = LANES / WIDTH };
typedef float floats __attribute__((vector_size(WIDTH * sizeof(float))));
typedef int32_t ints __attribute__((vector_size(WIDTH * sizeof(float))));
typedef double doubles __attribute__((vector_size(WIDTH * sizeof(double))));
typedef int64_t longs __attribute__((vector_size(WIDTH * sizeof(double))));

#define PICK(type, mask, as, a, b) ((type)(((mask) & (as)(a)) | (~(mask) & (as)(b))))

/* where, second: known when this is compiled into its caller. */
static inline __attribute__((always_inline)) void add(const float *x, int64_t n,
                                                      const enum gn_where where, const bool second,
                                                      double mean, struct gn_stats_lanes *l)
{
    const doubles none = {0};
    doubles sum[PARTS], other[PARTS]; /* other: squares, or how many */
    floats min[PARTS], max[PARTS];
    memcpy(sum, l->sum, sizeof sum);
    memcpy(other, second ? l->squares : l->n, sizeof other);
    memcpy(min, l->min, sizeof min);
    memcpy(max, l->max, sizeof max);
    for (int64_t i = 0; i < n; i += LANES)
        for (int k = 0; k < PARTS; k++) {
            floats f;
            memcpy(&f, x + i + k * WIDTH, sizeof f);
            const doubles v = __builtin_convertvector(f, doubles);
            longs in = v == v;
            if (where == GN_WHERE_NONZERO)
                in = v != none;
            else if (where == GN_WHERE_POSITIVE) /* or not a number */
                in = ~(v <= none);
            const bool every = where == GN_WHERE_ALL;
            if (second) {
                const doubles all = v - mean, d = every ? all : (doubles)((longs)all & in);
                sum[k] += d;
                other[k] += d * d;
                continue;
            }
            sum[k] += every ? v : (doubles)((longs)v & in);
            const doubles one = none + 1;
            other[k] += every ? one : (doubles)((longs)one & in);
            const floats inf = {0};
            floats lo = f, hi = f;
            if (!every) {
                const ints here = __builtin_convertvector(in, ints);
                lo = PICK(floats, here, ints, f, inf + INFINITY);
                hi = PICK(floats, here, ints, f, inf - INFINITY);
            }
            min[k] = PICK(floats, lo < min[k], ints, lo, min[k]);
            max[k] = PICK(floats, hi > max[k], ints, hi, max[k]);
        }
    memcpy(l->sum, sum, sizeof sum);
    memcpy(second ? l->squares : l->n, other, sizeof other);
    memcpy(l->min, min, sizeof min);
    memcpy(l->max, max, sizeof max);
}

static void stats(const float *x, int64_t n, enum gn_where where, bool second, double mean,
                  struct gn_stats_lanes *l)
{
    if (second && where == GN_WHERE_NONZERO)
        add(x, n, GN_WHERE_NONZERO, true, mean, l);
    else if (second && where == GN_WHERE_POSITIVE)
        add(x, n, GN_WHERE_POSITIVE, true, mean, l);
    else if (second)
        add(x, n, GN_WHERE_ALL, true, mean, l);
    else if (where == GN_WHERE_NONZERO)
        add(x, n, GN_WHERE_NONZERO, false, mean, l);
    else if (where == GN_WHERE_POSITIVE)
        add(x, n, GN_WHERE_POSITIVE, false, mean, l);
    else
        add(x, n, GN_WHERE_ALL, false, mean, l);
}

static void clip(float *x, int64_t n, double lo, double hi)
{
    for (int64_t i = 0; i < n; i++) {
        double v = (double)x[i];
        v = v < lo ? lo : v;
        x[i] = (float)(v > hi ? hi : v);
    }
}

static void threshold(float *x, int64_t n, double lo, double hi)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (double)x[i] < lo || (double)x[i] > hi ? 0 : x[i];
}

static void divide(float *x, int64_t n, double a, double b)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(((double)x[i] - a) / b);
}

static void divide_nonzero(float *x, int64_t n, double a, double b)
{
    for (int64_t i = 0; i < n; i++) {
        const float y = (float)(((double)x[i] - a) / b);
        x[i] = x[i] != 0 ? y : 0;
    }
}

static void linear(float *x, int64_t n, double a, double b, double c, double d)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(((double)x[i] - a) / b * c + d);
}

const struct gn_normalize_kernels GN_ISA_NAME(gn_normalize) = {
    .stats = stats,
    .clip = clip,
    .threshold = threshold,
    .divide = divide,
    .divide_nonzero = divide_nonzero,
    .linear = linear,
};
