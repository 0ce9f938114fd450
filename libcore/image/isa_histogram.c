/* isa_histogram.c - the inner loop of histogram.h, compiled once an instruction set. */
#include <stdbool.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "base/isa.h"
#include "image/histogram.h"

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX2__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float floats __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t ints __attribute__((vector_size(LANES * sizeof(float))));
typedef uint32_t bits __attribute__((vector_size(LANES * sizeof(float))));

/* 2^(0.3 e) in two factors: one of the low three bits of a float's exponent, one of the bits above
 * them, for e in -55..0; 0 has the bits of e = -63. Written twice, for registers of 16. */
static const float low_bits[16] = {
    0x1p+0f,        0x1.3b2c48p+0f, 0x1.8406p+0f,   0x1.ddb68p+0f,
    0x1.261118p+1f, 0x1.6a09e6p+1f, 0x1.bdb8cep+1f, 0x1.125fbep+2f,
    0x1p+0f,        0x1.3b2c48p+0f, 0x1.8406p+0f,   0x1.ddb68p+0f,
    0x1.261118p+1f, 0x1.6a09e6p+1f, 0x1.bdb8cep+1f, 0x1.125fbep+2f,
};
static const float high_bits[16] = {
    0,                0x1.6a09e6p-17f, 0x1.ddb68p-15f,  0x1.3b2c48p-12f,
    0x1.9fdf8cp-10f, 0x1.125fbep-7f,  0x1.6a09e6p-5f,  0x1.ddb68p-3f,
    0,                0x1.6a09e6p-17f, 0x1.ddb68p-15f,  0x1.3b2c48p-12f,
    0x1.9fdf8cp-10f, 0x1.125fbep-7f,  0x1.6a09e6p-5f,  0x1.ddb68p-3f,
};

/* table[index & 7], by lane. */
static inline __attribute__((always_inline)) void look_up(floats *out, const float *table,
                                                          const bits *index)
{
#if defined(__AVX512F__)
    *out = (floats)_mm512_permutexvar_ps((__m512i)*index, _mm512_loadu_ps(table));
#elif defined(__AVX2__)
    *out = (floats)_mm256_permutevar8x32_ps(_mm256_loadu_ps(table), (__m256i)*index);
#else
    float part[LANES];
    for (int k = 0; k < LANES; k++)
        part[k] = table[(*index)[k] & 7];
    memcpy(out, part, sizeof part);
#endif
}

/* Adds sgn(d) |d|^0.3 to power and d to sum, d = u - v; some: a v may be none.
 * The polynomial is the 0.3rd power of the fraction, 1 + t in 1..2: the best one of its degree,
 * 1.7e-7 off at most. */
static inline __attribute__((always_inline)) void add(floats *power, floats *sum, const floats *u,
                                                      const float *p, bool some)
{
    floats v, low, high;
    memcpy(&v, p, sizeof v);
    const floats d = *u - v;
    const bits raw = (bits)d, size = raw & 0x7fffffffu;
    const bits exponent = size >> 23, above = size >> 26;
    look_up(&low, low_bits, &exponent);
    look_up(&high, high_bits, &above);
    const floats t = (floats)((size & 0x007fffffu) | 0x3f800000u) - 1.0f;
    floats y = t * -0.002799526153f + 0.01342791519f;
    y = y * t + -0.03193078224f;
    y = y * t + 0.05712186859f;
    y = y * t + -0.1046564784f;
    y = y * t + 0.2999810354f;
    y = y * t + 1.000000171f;
    y = y * (low * high);
    const bits signed_y = (bits)y | (raw & 0x80000000u);
    const bits keep = (bits)(v == v);
    *power += (floats)(some ? signed_y & keep : signed_y);
    *sum += (floats)(some ? raw & keep : raw);
}

/* Two registers of results. Sums of a line, of a plane, of all: none of many terms, so that float
 * is enough. */
static inline __attribute__((always_inline)) void
block(float *power, float *difference, const float *centre, const float *first, int64_t line,
      int64_t plane, int radius, int64_t ny, int64_t nz, bool some)
{
    floats u[2], p[2] = { { 0 } }, s[2] = { { 0 } };
    memcpy(&u[0], centre, sizeof u[0]);
    memcpy(&u[1], centre + LANES, sizeof u[1]);
    for (int64_t z = 0; z < nz; z++) {
        floats pz[2] = { { 0 } }, sz[2] = { { 0 } };
        for (int64_t y = 0; y < ny; y++) {
            const float *row = first + z * plane + y * line;
            floats p0 = { 0 }, p1 = { 0 }, s0 = { 0 }, s1 = { 0 };
            for (int x = 0; x <= 2 * radius; x++) {
                add(&p0, &s0, &u[0], row + x, some);
                add(&p1, &s1, &u[1], row + x + LANES, some);
            }
            pz[0] += p0;
            pz[1] += p1;
            sz[0] += s0;
            sz[1] += s1;
        }
        for (int k = 0; k < 2; k++) {
            p[k] += pz[k];
            s[k] += sz[k];
        }
    }
    for (int k = 0; k < 2; k++) {
        memcpy(power + k * LANES, &p[k], sizeof p[k]);
        memcpy(difference + k * LANES, &s[k], sizeof s[k]);
    }
}

static void window(float *power, float *difference, const float *centre, const float *first,
                   int64_t line, int64_t plane, int radius, int64_t ny, int64_t nz, int64_t n)
{
    const int64_t run = (n + GN_HISTOGRAM_RUN - 1) / GN_HISTOGRAM_RUN * GN_HISTOGRAM_RUN;
    for (int64_t i = 0; i < run; i += 2 * LANES) {
        if (i >= radius && i + 2 * LANES + radius <= n)
            block(power + i, difference + i, centre + i, first + i, line, plane, radius, ny, nz,
                  false);
        else
            block(power + i, difference + i, centre + i, first + i, line, plane, radius, ny, nz,
                  true);
    }
}

const struct gn_histogram_kernels GN_ISA_NAME(gn_histogram) = { .window = window };
