/* simd.h - a vector of 16 floats on every instruction set: 1 zmm, 2 ymm or 4 xmm; and 16 doubles
 * for long sums.
 *
 * Lane i always holds the same thing, so AVX2 and AVX-512 give the same bits. SSE2 has no fused
 * multiply-add: there v16_fma rounds twice. Included by the isa_*.c files only, which the Makefile
 * compiles once an instruction set. */
#ifndef GN_BACKEND_CPU_SIMD_H
#define GN_BACKEND_CPU_SIMD_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define GN_INLINE static inline __attribute__((always_inline, unused))
#if defined(__clang__)
#define GN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define GN_UNROLL _Pragma("GCC unroll 32")
#endif

#if defined(__AVX512F__)

typedef struct {
    __m512 a;
} v16;
typedef struct {
    __m512d a, b;
} d16;
enum {
    V16_TILE = 14,
    V16_WTILE = 16
}; /* accumulators of a register tile: output voxels; input channels of a weight gradient */

GN_INLINE v16 v16_zero(void) { return (v16){_mm512_setzero_ps()}; }
GN_INLINE v16 v16_set(float x) { return (v16){_mm512_set1_ps(x)}; }
GN_INLINE v16 v16_load(const float *p) { return (v16){_mm512_load_ps(p)}; }
GN_INLINE v16 v16_loadu(const float *p) { return (v16){_mm512_loadu_ps(p)}; }
GN_INLINE void v16_store(float *p, v16 v) { _mm512_store_ps(p, v.a); }
GN_INLINE void v16_storeu(float *p, v16 v) { _mm512_storeu_ps(p, v.a); }
GN_INLINE v16 v16_add(v16 x, v16 y) { return (v16){_mm512_add_ps(x.a, y.a)}; }
GN_INLINE v16 v16_sub(v16 x, v16 y) { return (v16){_mm512_sub_ps(x.a, y.a)}; }
GN_INLINE v16 v16_mul(v16 x, v16 y) { return (v16){_mm512_mul_ps(x.a, y.a)}; }
GN_INLINE v16 v16_fma(v16 x, v16 y, v16 z) { return (v16){_mm512_fmadd_ps(x.a, y.a, z.a)}; }
GN_INLINE v16 v16_select_negative(v16 s, v16 x, v16 y) /* s < 0 ? x : y */
{
    return (v16){
        _mm512_mask_blend_ps(_mm512_cmp_ps_mask(s.a, _mm512_setzero_ps(), _CMP_LT_OQ), y.a, x.a)};
}
GN_INLINE d16 d16_zero(void) { return (d16){_mm512_setzero_pd(), _mm512_setzero_pd()}; }
GN_INLINE d16 d16_from(v16 v)
{
    __m256 hi = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v.a), 1));
    return (d16){_mm512_cvtps_pd(_mm512_castps512_ps256(v.a)), _mm512_cvtps_pd(hi)};
}
GN_INLINE d16 d16_add(d16 x, d16 y)
{
    return (d16){_mm512_add_pd(x.a, y.a), _mm512_add_pd(x.b, y.b)};
}
GN_INLINE d16 d16_fma(d16 x, d16 y, d16 z)
{
    return (d16){_mm512_fmadd_pd(x.a, y.a, z.a), _mm512_fmadd_pd(x.b, y.b, z.b)};
}
GN_INLINE void d16_store(double *p, d16 v)
{
    _mm512_storeu_pd(p, v.a), _mm512_storeu_pd(p + 8, v.b);
}

#elif defined(__AVX2__)

typedef struct {
    __m256 a, b;
} v16;
typedef struct {
    __m256d a, b, c, d;
} d16;
enum { V16_TILE = 6, V16_WTILE = 6 };

GN_INLINE v16 v16_zero(void) { return (v16){_mm256_setzero_ps(), _mm256_setzero_ps()}; }
GN_INLINE v16 v16_set(float x) { return (v16){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
GN_INLINE v16 v16_load(const float *p) { return (v16){_mm256_load_ps(p), _mm256_load_ps(p + 8)}; }
GN_INLINE v16 v16_loadu(const float *p)
{
    return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
GN_INLINE void v16_store(float *p, v16 v) { _mm256_store_ps(p, v.a), _mm256_store_ps(p + 8, v.b); }
GN_INLINE void v16_storeu(float *p, v16 v)
{
    _mm256_storeu_ps(p, v.a), _mm256_storeu_ps(p + 8, v.b);
}
GN_INLINE v16 v16_add(v16 x, v16 y)
{
    return (v16){_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
GN_INLINE v16 v16_sub(v16 x, v16 y)
{
    return (v16){_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
GN_INLINE v16 v16_mul(v16 x, v16 y)
{
    return (v16){_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
GN_INLINE v16 v16_fma(v16 x, v16 y, v16 z)
{
    return (v16){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
GN_INLINE __m256 v8_select_negative(__m256 s, __m256 x, __m256 y)
{
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(s, _mm256_setzero_ps(), _CMP_LT_OQ));
}
GN_INLINE v16 v16_select_negative(v16 s, v16 x, v16 y) /* s < 0 ? x : y */
{
    return (v16){v8_select_negative(s.a, x.a, y.a), v8_select_negative(s.b, x.b, y.b)};
}
GN_INLINE d16 d16_zero(void)
{
    return (d16){_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(),
                 _mm256_setzero_pd()};
}
GN_INLINE d16 d16_from(v16 v)
{
    return (d16){_mm256_cvtps_pd(_mm256_castps256_ps128(v.a)),
                 _mm256_cvtps_pd(_mm256_extractf128_ps(v.a, 1)),
                 _mm256_cvtps_pd(_mm256_castps256_ps128(v.b)),
                 _mm256_cvtps_pd(_mm256_extractf128_ps(v.b, 1))};
}
GN_INLINE d16 d16_add(d16 x, d16 y)
{
    return (d16){_mm256_add_pd(x.a, y.a), _mm256_add_pd(x.b, y.b), _mm256_add_pd(x.c, y.c),
                 _mm256_add_pd(x.d, y.d)};
}
GN_INLINE d16 d16_fma(d16 x, d16 y, d16 z)
{
    return (d16){_mm256_fmadd_pd(x.a, y.a, z.a), _mm256_fmadd_pd(x.b, y.b, z.b),
                 _mm256_fmadd_pd(x.c, y.c, z.c), _mm256_fmadd_pd(x.d, y.d, z.d)};
}
GN_INLINE void d16_store(double *p, d16 v)
{
    _mm256_storeu_pd(p, v.a), _mm256_storeu_pd(p + 4, v.b), _mm256_storeu_pd(p + 8, v.c),
        _mm256_storeu_pd(p + 12, v.d);
}

#else

typedef struct {
    __m128 a, b, c, d;
} v16;
typedef struct {
    __m128d v[8];
} d16;
enum { V16_TILE = 3, V16_WTILE = 3 };

GN_INLINE v16 v16_set(float x)
{
    __m128 v = _mm_set1_ps(x);
    return (v16){v, v, v, v};
}
GN_INLINE v16 v16_zero(void) { return v16_set(0); }
GN_INLINE v16 v16_load(const float *p)
{
    return (v16){_mm_load_ps(p), _mm_load_ps(p + 4), _mm_load_ps(p + 8), _mm_load_ps(p + 12)};
}
GN_INLINE v16 v16_loadu(const float *p)
{
    return (v16){_mm_loadu_ps(p), _mm_loadu_ps(p + 4), _mm_loadu_ps(p + 8), _mm_loadu_ps(p + 12)};
}
GN_INLINE void v16_store(float *p, v16 v)
{
    _mm_store_ps(p, v.a), _mm_store_ps(p + 4, v.b), _mm_store_ps(p + 8, v.c),
        _mm_store_ps(p + 12, v.d);
}
GN_INLINE void v16_storeu(float *p, v16 v)
{
    _mm_storeu_ps(p, v.a), _mm_storeu_ps(p + 4, v.b), _mm_storeu_ps(p + 8, v.c),
        _mm_storeu_ps(p + 12, v.d);
}
#define V16_EACH(f, x, y)                                                                          \
    ((v16){f((x).a, (y).a), f((x).b, (y).b), f((x).c, (y).c), f((x).d, (y).d)})
GN_INLINE v16 v16_add(v16 x, v16 y) { return V16_EACH(_mm_add_ps, x, y); }
GN_INLINE v16 v16_sub(v16 x, v16 y) { return V16_EACH(_mm_sub_ps, x, y); }
GN_INLINE v16 v16_mul(v16 x, v16 y) { return V16_EACH(_mm_mul_ps, x, y); }
GN_INLINE v16 v16_fma(v16 x, v16 y, v16 z) { return v16_add(v16_mul(x, y), z); }
GN_INLINE __m128 v4_select_negative(__m128 s, __m128 x, __m128 y)
{
    __m128 m = _mm_cmplt_ps(s, _mm_setzero_ps());
    return _mm_or_ps(_mm_and_ps(m, x), _mm_andnot_ps(m, y));
}
GN_INLINE v16 v16_select_negative(v16 s, v16 x, v16 y) /* s < 0 ? x : y */
{
    return (v16){v4_select_negative(s.a, x.a, y.a), v4_select_negative(s.b, x.b, y.b),
                 v4_select_negative(s.c, x.c, y.c), v4_select_negative(s.d, x.d, y.d)};
}
GN_INLINE d16 d16_zero(void)
{
    __m128d z = _mm_setzero_pd();
    return (d16){{z, z, z, z, z, z, z, z}};
}
GN_INLINE d16 d16_from(v16 v)
{
    return (d16){{_mm_cvtps_pd(v.a), _mm_cvtps_pd(_mm_movehl_ps(v.a, v.a)), _mm_cvtps_pd(v.b),
                  _mm_cvtps_pd(_mm_movehl_ps(v.b, v.b)), _mm_cvtps_pd(v.c),
                  _mm_cvtps_pd(_mm_movehl_ps(v.c, v.c)), _mm_cvtps_pd(v.d),
                  _mm_cvtps_pd(_mm_movehl_ps(v.d, v.d))}};
}
GN_INLINE d16 d16_add(d16 x, d16 y)
{
    GN_UNROLL
    for (int i = 0; i < 8; i++)
        x.v[i] = _mm_add_pd(x.v[i], y.v[i]);
    return x;
}
GN_INLINE d16 d16_fma(d16 x, d16 y,
                      d16 z) /* exact like a fused one when x and y come from floats */
{
    GN_UNROLL
    for (int i = 0; i < 8; i++)
        z.v[i] = _mm_add_pd(_mm_mul_pd(x.v[i], y.v[i]), z.v[i]);
    return z;
}
GN_INLINE void d16_store(double *p, d16 v)
{
    GN_UNROLL
    for (int i = 0; i < 8; i++)
        _mm_storeu_pd(p + 2 * i, v.v[i]);
}

#endif
#endif
