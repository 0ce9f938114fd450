/* rng.c - Philox4x32-10 and the numbers made of it.
 *
 * The normal deviates are written twice: plainly, and for AVX2 (eight blocks at a time, chosen at
 * run time). Both do the same additions and multiplications in the same order, without fused
 * multiply-add, so they agree bit for bit. */
#include "base/rng.h"

#include <math.h>
#include <string.h>

#include "base/str.h"

/* The multipliers and key increments of the paper, section 4.3 and figure 3. */
enum { ROUNDS = 10 };
#define MUL0 0xd2511f53u
#define MUL1 0xcd9e8d57u
#define KEY0 0x9e3779b9u
#define KEY1 0xbb67ae85u

void gn_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int i = 0; i < ROUNDS; i++, k0 += KEY0, k1 += KEY1) {
        uint64_t a = (uint64_t)MUL0 * c0, b = (uint64_t)MUL1 * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

struct gn_draw gn_draw_at(uint64_t seed, const char *sample, const char *image, uint32_t epoch,
                          uint32_t patch, uint8_t op)
{
    uint64_t hash = gn_fnv1a(GN_FNV_START, sample, strlen(sample));
    if (image) {
        hash = gn_fnv1a(hash, "/", 1);
        hash = gn_fnv1a(hash, image, strlen(image));
    }
    return (struct gn_draw){ .key = seed ^ hash, .patch = patch, .epoch = epoch, .op = op };
}

static uint32_t draw_place(const struct gn_draw *d)
{
    return (d->epoch & 0xffffff) | (uint32_t)d->op << 24;
}

void gn_draw_bits(const struct gn_draw *d, uint64_t index, uint32_t out[4])
{
    uint32_t counter[4] = { (uint32_t)index, (uint32_t)(index >> 32), d->patch, draw_place(d) };
    uint32_t key[2] = { (uint32_t)d->key, (uint32_t)(d->key >> 32) };
    gn_philox(counter, key, out);
}

static uint64_t words(const uint32_t w[2])
{
    return (uint64_t)w[1] << 32 | w[0];
}

double gn_draw_uniform(const struct gn_draw *d, uint64_t index)
{
    uint32_t w[4];
    gn_draw_bits(d, index, w);
    return (double)(words(w) >> 11) * 0x1p-53;
}

double gn_draw_range(const struct gn_draw *d, uint64_t index, double lo, double hi)
{
    double x;
    if (!(lo < hi))
        return lo;
    x = lo + (hi - lo) * gn_draw_uniform(d, index);
    return x < hi ? x : nextafter(hi, lo); /* the sum may round up to hi */
}

uint64_t gn_draw_below(const struct gn_draw *d, uint64_t index, uint64_t n)
{
    struct gn_draw e = *d;
    for (;; e.key += UINT64_C(0x9e3779b97f4a7c15)) {
        uint32_t w[4];
        gn_draw_bits(&e, index, w);
        for (int half = 0; half < 4; half += 2) {
            unsigned __int128 product = (unsigned __int128)words(w + half) * n;
            /* 2^64 mod n of the inputs are too many: those with a low half below that */
            if ((uint64_t)product >= n || (uint64_t)product >= -n % n)
                return (uint64_t)(product >> 64);
        }
    }
}

void gn_draw_permutation(const struct gn_draw *d, uint32_t *order, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = n; i-- > 1;) {
        uint32_t j = (uint32_t)gn_draw_below(d, i, (uint64_t)i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

/* --- normal deviates --- */

/* Polynomials fitted for the least largest error (weighted least squares, reweighted), the
 * coefficients rounded to float one after the other, lowest first.
 *   ln(1+f)      = f - f^2/2 + f^3 L(f)      f in [sqrt(1/2)-1, sqrt(2)-1], 6e-9 relative
 *   sin(x pi/2)  = x S(x^2)                  x in [-1/2, 1/2], 3e-8
 *   cos(x pi/2)  = 1 + x^2 C(x^2)            5e-10 */
#define L0 0x1.555554p-2f
#define L1 -0x1.000226p-2f
#define L2 0x1.99a01cp-3f
#define L3 -0x1.54728ap-3f
#define L4 0x1.22d92ep-3f
#define L5 -0x1.0d8242p-3f
#define L6 0x1.055ec6p-3f
#define L7 -0x1.38c9dep-4f
#define S0 0x1.921fb6p+0f
#define S1 -0x1.4abc24p-1f
#define S2 0x1.4680a4p-4f
#define S3 -0x1.33198ep-8f
#define C0 -0x1.3bd3ccp+0f
#define C1 0x1.03c1b0p-2f
#define C2 -0x1.55b2b4p-6f
#define C3 0x1.d4f632p-11f
/* ln 2 in two parts; the first has 9 bits, so a product with an exponent is exact. */
#define LN2_HIGH 0x1.63p-1f
#define LN2_LOW -0x1.bd0106p-13f
#define SQRT_HALF 0x3f3504f3u /* the bits of sqrt(1/2) */

/* sqrt(-2 ln u), u = (w >> 1) 2^-31 + 2^-32 in (0, 1] */
static inline float normal_radius(uint32_t w)
{
    float u = (float)(int32_t)(w >> 1) * 0x1p-31f + 0x1p-32f;
    uint32_t bits;
    memcpy(&bits, &u, sizeof bits);
    bits -= SQRT_HALF;
    float e = (float)((int32_t)bits >> 23);
    bits = (bits & 0x7fffff) + SQRT_HALF;
    float f;
    memcpy(&f, &bits, sizeof f);
    f -= 1;                                     /* u = (1 + f) 2^e */
    float p = L7;
    p = p * f + L6;
    p = p * f + L5;
    p = p * f + L4;
    p = p * f + L3;
    p = p * f + L2;
    p = p * f + L1;
    p = p * f + L0;
    float f2 = f * f;
    p = p * f * f2 - 0.5f * f2 + e * LN2_LOW;
    p = p + f + e * LN2_HIGH;
    return sqrtf(-2 * p);
}

static inline float flip(float x, uint32_t sign)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits ^= sign;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* cosine and sine of 2 pi w / 2^32: the nearest quarter turn and an exact rest */
static inline void normal_angle(uint32_t w, float *cosine, float *sine)
{
    uint32_t q = w + (1u << 29);
    float x = (float)((int32_t)(q & 0x3fffffff) - (1 << 29)) * 0x1p-30f, x2 = x * x;
    float s = x * (((S3 * x2 + S2) * x2 + S1) * x2 + S0);
    float c = (((C3 * x2 + C2) * x2 + C1) * x2 + C0) * x2 + 1;
    q >>= 30;
    *cosine = flip(q & 1 ? s : c, ((q + 1) & 2) << 30);
    *sine = flip(q & 1 ? c : s, (q & 2) << 30);
}

static void normal_block(const struct gn_draw *d, uint64_t block, float out[4])
{
    uint32_t w[4];
    gn_draw_bits(d, block, w);
    for (int i = 0; i < 4; i += 2) {
        float r = normal_radius(w[i]), c, s;
        normal_angle(w[i + 1], &c, &s);
        out[i] = r * c;
        out[i + 1] = r * s;
    }
}

void gn_draw_normal_plain(const struct gn_draw *d, uint64_t first, float *out, size_t n)
{
    while (n > 0) {
        float z[4];
        size_t skip = (size_t)(first % 4), m = 4 - skip < n ? 4 - skip : n;
        normal_block(d, first / 4, z);
        memcpy(out, z + skip, m * sizeof *out);
        first += m;
        out += m;
        n -= m;
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* One round for four counters, each word in the low half of its own 64-bit lane. */
#define ROUND(c0, c1, c2, c3, k0, k1) do { \
        __m256i a_ = _mm256_mul_epu32(c0, mul0), b_ = _mm256_mul_epu32(c2, mul1); \
        c0 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(b_, 32), c1), k0); \
        c2 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(a_, 32), c3), k1); \
        c1 = b_; \
        c3 = a_; \
    } while (0)

/* The words of blocks index .. index+7: out[i] holds word i of each. Two sets of four counters,
 * even and odd blocks. */
static inline AVX2 void philox_avx2(const struct gn_draw *d, uint64_t index, __m256i out[4])
{
    const __m256i mul0 = _mm256_set1_epi64x(MUL0), mul1 = _mm256_set1_epi64x(MUL1);
    __m256i a0 = _mm256_add_epi64(_mm256_set1_epi64x((long long)index),
                                  _mm256_setr_epi64x(0, 2, 4, 6));
    __m256i b0 = _mm256_add_epi64(a0, _mm256_set1_epi64x(1));
    __m256i a1 = _mm256_srli_epi64(a0, 32), b1 = _mm256_srli_epi64(b0, 32);
    __m256i a2 = _mm256_set1_epi64x(d->patch), b2 = a2;
    __m256i a3 = _mm256_set1_epi64x(draw_place(d)), b3 = a3;
    uint32_t k0 = (uint32_t)d->key, k1 = (uint32_t)(d->key >> 32);

    for (int i = 0; i < ROUNDS; i++, k0 += KEY0, k1 += KEY1) {
        __m256i v0 = _mm256_set1_epi64x(k0), v1 = _mm256_set1_epi64x(k1);
        ROUND(a0, a1, a2, a3, v0, v1);
        ROUND(b0, b1, b2, b3, v0, v1);
    }
    out[0] = _mm256_blend_epi32(a0, _mm256_slli_epi64(b0, 32), 0xaa);
    out[1] = _mm256_blend_epi32(a1, _mm256_slli_epi64(b1, 32), 0xaa);
    out[2] = _mm256_blend_epi32(a2, _mm256_slli_epi64(b2, 32), 0xaa);
    out[3] = _mm256_blend_epi32(a3, _mm256_slli_epi64(b3, 32), 0xaa);
}

#define SET(x) _mm256_set1_ps(x)
#define SETI(x) _mm256_set1_epi32((int)(x))
#define ADD _mm256_add_ps
#define MULT _mm256_mul_ps

static inline AVX2 __m256 radius_avx2(__m256i w)
{
    __m256 u = ADD(MULT(_mm256_cvtepi32_ps(_mm256_srli_epi32(w, 1)), SET(0x1p-31f)), SET(0x1p-32f));
    __m256i bits = _mm256_sub_epi32(_mm256_castps_si256(u), SETI(SQRT_HALF));
    __m256 e = _mm256_cvtepi32_ps(_mm256_srai_epi32(bits, 23));
    bits = _mm256_add_epi32(_mm256_and_si256(bits, SETI(0x7fffff)), SETI(SQRT_HALF));
    __m256 f = _mm256_sub_ps(_mm256_castsi256_ps(bits), SET(1)), f2 = MULT(f, f), p = SET(L7);
    p = ADD(MULT(p, f), SET(L6));
    p = ADD(MULT(p, f), SET(L5));
    p = ADD(MULT(p, f), SET(L4));
    p = ADD(MULT(p, f), SET(L3));
    p = ADD(MULT(p, f), SET(L2));
    p = ADD(MULT(p, f), SET(L1));
    p = ADD(MULT(p, f), SET(L0));
    p = ADD(_mm256_sub_ps(MULT(MULT(p, f), f2), MULT(SET(0.5f), f2)), MULT(e, SET(LN2_LOW)));
    p = ADD(ADD(p, f), MULT(e, SET(LN2_HIGH)));
    return _mm256_sqrt_ps(MULT(SET(-2), p));
}

static inline AVX2 void angle_avx2(__m256i w, __m256 *cosine, __m256 *sine)
{
    __m256i q = _mm256_add_epi32(w, SETI(1 << 29));
    __m256i rest = _mm256_sub_epi32(_mm256_and_si256(q, SETI(0x3fffffff)), SETI(1 << 29));
    __m256 x = MULT(_mm256_cvtepi32_ps(rest), SET(0x1p-30f)), x2 = MULT(x, x);
    __m256 s = ADD(MULT(ADD(MULT(ADD(MULT(SET(S3), x2), SET(S2)), x2), SET(S1)), x2), SET(S0));
    __m256 c = ADD(MULT(ADD(MULT(ADD(MULT(SET(C3), x2), SET(C2)), x2), SET(C1)), x2), SET(C0));
    s = MULT(x, s);
    c = ADD(MULT(c, x2), SET(1));
    /* bit 30 of q says swap, bits 31 and (bit 31 of q + 2^30) are the signs */
    __m256 swap = _mm256_castsi256_ps(_mm256_slli_epi32(q, 1));
    __m256i sign = SETI(1u << 31);
    __m256 sine_sign = _mm256_castsi256_ps(_mm256_and_si256(q, sign));
    __m256i next = _mm256_add_epi32(q, SETI(1 << 30));
    __m256 cosine_sign = _mm256_castsi256_ps(_mm256_and_si256(next, sign));
    *cosine = _mm256_xor_ps(_mm256_blendv_ps(c, s, swap), cosine_sign);
    *sine = _mm256_xor_ps(_mm256_blendv_ps(s, c, swap), sine_sign);
}

static AVX2 void normal_avx2(const struct gn_draw *d, uint64_t block, float *out, size_t blocks)
{
    for (; blocks >= 8; blocks -= 8, block += 8, out += 32) {
        __m256i w[4];
        __m256 r0, r1, c0, s0, c1, s1;
        philox_avx2(d, block, w);
        r0 = radius_avx2(w[0]);
        r1 = radius_avx2(w[2]);
        angle_avx2(w[1], &c0, &s0);
        angle_avx2(w[3], &c1, &s1);
        c0 = MULT(r0, c0);
        s0 = MULT(r0, s0);
        c1 = MULT(r1, c1);
        s1 = MULT(r1, s1);
        /* from one vector a deviate to the four deviates of a block in a row */
        __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(c0, s0));
        __m256d b = _mm256_castps_pd(_mm256_unpacklo_ps(c1, s1));
        __m256d e = _mm256_castps_pd(_mm256_unpackhi_ps(c0, s0));
        __m256d f = _mm256_castps_pd(_mm256_unpackhi_ps(c1, s1));
        __m256 b04 = _mm256_castpd_ps(_mm256_unpacklo_pd(a, b));
        __m256 b15 = _mm256_castpd_ps(_mm256_unpackhi_pd(a, b));
        __m256 b26 = _mm256_castpd_ps(_mm256_unpacklo_pd(e, f));
        __m256 b37 = _mm256_castpd_ps(_mm256_unpackhi_pd(e, f));
        _mm256_storeu_ps(out, _mm256_permute2f128_ps(b04, b15, 0x20));
        _mm256_storeu_ps(out + 8, _mm256_permute2f128_ps(b26, b37, 0x20));
        _mm256_storeu_ps(out + 16, _mm256_permute2f128_ps(b04, b15, 0x31));
        _mm256_storeu_ps(out + 24, _mm256_permute2f128_ps(b26, b37, 0x31));
    }
}
#endif

void gn_draw_normal(const struct gn_draw *d, uint64_t first, float *out, size_t n)
{
#if defined(__x86_64__)
    if (n >= 35 && __builtin_cpu_supports("avx2")) {
        size_t head = (size_t)(-first % 4), body;
        gn_draw_normal_plain(d, first, out, head);
        first += head;
        out += head;
        n -= head;
        body = n / 32 * 32;
        normal_avx2(d, first / 4, out, body / 4);
        first += body;
        out += body;
        n -= body;
    }
#endif
    gn_draw_normal_plain(d, first, out, n);
}
