/* isa_intensity.c - the inner loops of intensity.h, compiled once an instruction set. */
#include <string.h>

#include "base/isa.h"
#include "image/intensity.h"

/* A register of floats, read and written through memcpy, at any address. */
#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

static inline __attribute__((always_inline)) void load(lanes *v, const float *p)
{
    memcpy(v, p, sizeof *v);
}

/* Four registers of sums at a time, so that an addition need not wait for the one before. */
static void blur_row(float *restrict out, const float *const *row, const float *w, int64_t r,
                     int64_t n)
{
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        lanes s0, s1, s2, s3, a, b;
        load(&s0, row[r] + i);
        load(&s1, row[r] + i + LANES);
        load(&s2, row[r] + i + 2 * LANES);
        load(&s3, row[r] + i + 3 * LANES);
        s0 *= w[0];
        s1 *= w[0];
        s2 *= w[0];
        s3 *= w[0];
        for (int64_t d = 1; d <= r; d++) {
            const float *p = row[r - d] + i, *q = row[r + d] + i;
            const float wd = w[d];
            load(&a, p);
            load(&b, q);
            s0 += wd * (a + b);
            load(&a, p + LANES);
            load(&b, q + LANES);
            s1 += wd * (a + b);
            load(&a, p + 2 * LANES);
            load(&b, q + 2 * LANES);
            s2 += wd * (a + b);
            load(&a, p + 3 * LANES);
            load(&b, q + 3 * LANES);
            s3 += wd * (a + b);
        }
        memcpy(out + i, &s0, sizeof s0);
        memcpy(out + i + LANES, &s1, sizeof s1);
        memcpy(out + i + 2 * LANES, &s2, sizeof s2);
        memcpy(out + i + 3 * LANES, &s3, sizeof s3);
    }
    for (; i < n; i++) {
        float s = w[0] * row[r][i];
        for (int64_t d = 1; d <= r; d++)
            s += w[d] * (row[r - d][i] + row[r + d][i]);
        out[i] = s;
    }
}

static void polynomial(float *restrict out, const float *restrict x, const float *a, int order,
                       int64_t n)
{
    const float top = a[order], next = order > 0 ? a[order - 1] : 0;
    if (order == 0) {
        for (int64_t i = 0; i < n; i++)
            out[i] = top;
        return;
    }
    for (int64_t i = 0; i < n; i++)
        out[i] = top * x[i] + next;
    for (int k = order - 2; k >= 0; k--) {
        const float c = a[k];
        for (int64_t i = 0; i < n; i++)
            out[i] = out[i] * x[i] + c;
    }
}

static void multiply(float *restrict x, const float *restrict y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] *= y[i];
}

static inline uint32_t bits_of(float x)
{
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static inline float float_of(uint32_t b)
{
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

#define SQRT_HALF 0x3f3504f3u /* the bits of sqrt(1/2) */

static void split(const float *restrict x, float *restrict m, float *restrict e, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        int32_t b = (int32_t)(bits_of(x[i]) & 0x7fffffff);
        int32_t small = -(b < 0x800000); /* subnormal: times 2^24, which is exact */
        float a = float_of((uint32_t)b) * float_of(0x3f800000u + ((uint32_t)(small & 24) << 23));
        int32_t k = (int32_t)(bits_of(a) - SQRT_HALF) >> 23;
        m[i] = float_of(bits_of(a) - ((uint32_t)k << 23));
        e[i] = (float)(k - (small & 24));
    }
}

/* To the nearest whole number, for |x| < 2^22: the sum has no room for a fraction. */
#define ROUND_BY 0x1.8p23f

static void power(const float *restrict log_m, const float *restrict e, float high, float low,
                  float *restrict rest, float *restrict whole, int64_t n)
{
    const float g = high + low, ln2 = 0x1.62e430p-1f;
    for (int64_t i = 0; i < n; i++) {
        float t = high * e[i]; /* exact: 12 bits by 8 */
        float k = (t + ROUND_BY) - ROUND_BY;
        rest[i] = (t - k) * ln2 + (low * e[i] * ln2 + g * log_m[i]);
        whole[i] = k;
    }
}

static void join(float *restrict y, const float *restrict x, const float *restrict whole,
                 int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        int32_t k = (int32_t)whole[i];
        k = k < 250 ? k : 250;
        k = k > -250 ? k : -250;
        int32_t half = k >> 1; /* 2^k in two steps: neither overflows */
        float v = y[i] * float_of((uint32_t)(half + 127) << 23);
        v *= float_of((uint32_t)(k - half + 127) << 23);
        uint32_t b = bits_of(x[i]), sign = b & 0x80000000u;
        /* 0 and what is not finite, in one comparison: 0 - 1 is the largest number */
        uint32_t stays = (uint32_t)-((b ^ sign) - 1 >= 0x7f7fffffu);
        y[i] = float_of((b & stays) | ((sign | bits_of(v)) & ~stays));
    }
}

static void lerp(float *restrict out, const float *restrict a, const float *restrict b, float w,
                 int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = a[i] + w * (b[i] - a[i]);
}

static void between(float *restrict out, const float *restrict v, const int32_t *restrict low,
                    const int32_t *restrict high, const float *restrict w, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const float a = v[low[i]], b = a + w[i] * (v[high[i]] - a);
        /* 0 * NaN is NaN: a neighbour without weight has no say */
        const uint32_t alone = (uint32_t)-((bits_of(w[i]) & 0x7fffffff) == 0);
        out[i] = float_of((bits_of(a) & alone) | (bits_of(b) & ~alone));
    }
}

const struct gn_intensity_kernels GN_ISA_NAME(gn_intensity) = {
    .blur_row = blur_row,
    .polynomial = polynomial,
    .multiply = multiply,
    .split = split,
    .power = power,
    .join = join,
    .lerp = lerp,
    .between = between,
};
