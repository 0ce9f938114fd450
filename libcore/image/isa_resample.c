/* isa_resample.c - rows of resampling: blends, gathers along x, the B-spline's filter, and points
 * of any map. See resample_private.h. */
#include <immintrin.h>
#include <string.h>

#include "base/isa.h"
#include "image/resample_private.h"

typedef float vec __attribute__((vector_size(32)));
typedef double wide __attribute__((vector_size(32)));
enum { LANES = 8 };

#define ALL(x) ((vec){(x), (x), (x), (x), (x), (x), (x), (x)})
#define LOAD(v, p) memcpy(&(v), (p), sizeof(v))
#define STORE(p, v) memcpy((p), &(v), sizeof(v))

static void lerp(float *out, const float *a, const float *b, float w, int64_t n)
{
    const vec all = ALL(w);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec p, q;
        LOAD(p, a + i);
        LOAD(q, b + i);
        p += all * (q - p);
        STORE(out + i, p);
    }
    for (; i < n; i++)
        out[i] = a[i] + w * (b[i] - a[i]);
}

/* Eight outputs of a row read voxels near one another: as long as they span at most 16, they are
 * loaded side by side and put into place in registers. */
#ifdef __AVX2__
static inline int32_t span_of(const int32_t *at, int last, int32_t *base)
{
    int32_t a = at[0], b = at[last];
    *base = a < b ? a : b;
    return a < b ? b - a : a - b;
}

static inline __m256 eight(const float *p, __m256i rel, bool two)
{
    __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(p), rel);
    if (!two)
        return low;
    __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(p + 8), rel);
    return _mm256_blendv_ps(low, high,
                            _mm256_castsi256_ps(_mm256_slli_epi32(rel, 28))); /* bit 3: >= 8 */
}

static inline __m256i relative(const int32_t *at, int32_t base)
{
    return _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)(const void *)at),
                            _mm256_set1_epi32(base));
}
#endif

static void gather_one_by_one(float *out, const float *row, const struct gn_axis *a, int64_t lo,
                              int64_t hi)
{
    for (int64_t k = lo; k < hi; k++) {
        float v = row[a->i0[k]], w = a->w[k];
        float between = v + w * (row[a->i1[k]] - v);
        out[k] = w == 0 ? v : between; /* 0 * NaN is NaN: a neighbour without weight has no say */
    }
}

#ifdef __AVX2__
/* Outputs k .. k+7 from the 8 (two: 16) floats at base and their right neighbours. */
static inline void gather_eight(float *out, const float *row, const struct gn_axis *a, int64_t k,
                                int32_t base, bool two)
{
    __m256i rel = relative(a->i0 + k, base);
    __m256 w = _mm256_loadu_ps(a->w + k), low = eight(row + base, rel, two);
    __m256 high = eight(row + base + 1, rel, two); /* i1 is i0 + 1 wherever w is not 0 */
    __m256 v = _mm256_add_ps(low, _mm256_mul_ps(w, _mm256_sub_ps(high, low)));
    __m256 none = _mm256_cmp_ps(w, _mm256_setzero_ps(), _CMP_EQ_OQ);
    _mm256_storeu_ps(out + k, _mm256_blendv_ps(v, low, none));
}

/* On average, do the places of neighbouring outputs lie more than one voxel apart? Blocks of one
 * row are then all read in the same way: the branches follow a rhythm that is learnt. */
static inline bool far_apart(const int32_t *at, int64_t lo, int64_t hi)
{
    return hi > lo && (at[hi - 1] > at[lo] ? at[hi - 1] - at[lo] : at[lo] - at[hi - 1]) >=
                          hi - lo;
}
#endif

static void gather(float *out, const float *row, const struct gn_axis *axis)
{
    const struct gn_axis copy = *axis, *a = &copy; /* out cannot change it */
    int64_t k = a->lo;
#ifdef __AVX2__
    const bool apart = far_apart(a->i0, a->lo, a->hi);
    for (; k + LANES <= a->hi; k += LANES) {
        int32_t base, span = span_of(a->i0 + k, LANES - 1, &base);
        const int64_t left = a->n_in - 1 - base; /* voxels right of base */
        if (!apart && span < LANES && left >= LANES) {
            gather_eight(out, row, a, k, base, false);
        } else if (left >= 2 * LANES && span < 2 * LANES) {
            gather_eight(out, row, a, k, base, true);
        } else if (a->n_in > 2 * LANES && left < 2 * LANES && span < left) {
            /* near the end of the row: from its last floats */
            gather_eight(out, row, a, k, (int32_t)(a->n_in - 1 - 2 * LANES), true);
        } else {
            gather_one_by_one(out, row, a, k, k + LANES);
        }
    }
#endif
    gather_one_by_one(out, row, a, k, a->hi);
}

#define PICK(type, from_k, to_k)                                                                   \
    do {                                                                                           \
        const type *from_ = row;                                                                   \
        type *to_ = out;                                                                           \
        for (int64_t k_ = (from_k); k_ < (to_k); k_++)                                             \
            to_[k_] = from_[a->i0[k_]];                                                            \
    } while (0)

static void pick_bytes(void *out, const void *row, const struct gn_axis *a)
{
    int64_t k = a->lo;
#ifdef __AVX2__
    for (; k + 16 <= a->hi; k += 16) {
        int32_t base, span = span_of(a->i0 + k, 15, &base);
        if (span >= 32 || base + (span < 16 ? 16 : 32) > a->n_in) {
            PICK(uint8_t, k, k + 16);
            continue;
        }
        __m256i words = _mm256_permute4x64_epi64(
            _mm256_packs_epi32(relative(a->i0 + k, base), relative(a->i0 + k + 8, base)), 0xd8);
        __m128i rel = _mm_packus_epi16(_mm256_castsi256_si128(words),
                                       _mm256_extracti128_si256(words, 1));
        const char *p = (const char *)row + base;
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        if (span < 16) {
            v = _mm_shuffle_epi8(v, rel);
        } else { /* an index with its highest bit set gives 0 */
            __m128i far = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));
            v = _mm_shuffle_epi8(v, _mm_adds_epu8(rel, _mm_set1_epi8(0x70)));
            far = _mm_shuffle_epi8(far, _mm_sub_epi8(rel, _mm_set1_epi8(16)));
            v = _mm_or_si128(v, far);
        }
        _mm_storeu_si128((__m128i *)(void *)((char *)out + k), v);
    }
#endif
    PICK(uint8_t, k, a->hi);
}

static void pick(void *out, const void *row, const struct gn_axis *a, size_t element)
{
    if (element == 1)
        pick_bytes(out, row, a);
    else if (element == 2)
        PICK(uint16_t, a->lo, a->hi);
    else if (element == 4)
        PICK(uint32_t, a->lo, a->hi);
    else
        PICK(uint64_t, a->lo, a->hi);
}

static void combine(float *out, const float *const *row, const float *w, int taps, int64_t n)
{
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        vec p, q, s = ALL(w[0]);
        LOAD(p, row[0] + i);
        LOAD(q, row[0] + i + LANES);
        p *= s;
        q *= s;
        for (int t = 1; t < taps; t++) {
            vec a, b;
            s = ALL(w[t]);
            LOAD(a, row[t] + i);
            LOAD(b, row[t] + i + LANES);
            p += s * a;
            q += s * b;
        }
        STORE(out + i, p);
        STORE(out + i + LANES, q);
    }
    for (; i < n; i++) {
        float v = w[0] * row[0][i];
        for (int t = 1; t < taps; t++)
            v += w[t] * row[t][i];
        out[i] = v;
    }
}

#ifdef __AVX2__
static inline void spread_eight(float *out, const float *p, __m256i rel, const float *w,
                                int64_t stride, int taps, bool two)
{
    __m256 v = _mm256_mul_ps(_mm256_loadu_ps(w), eight(p, rel, two));
    for (int t = 1; t < taps; t++)
        v = _mm256_add_ps(v, _mm256_mul_ps(_mm256_loadu_ps(w + t * stride),
                                           eight(p + t, rel, two)));
    _mm256_storeu_ps(out, v);
}
#endif

static void spread_one_by_one(float *out, const float *row, const int32_t *at, const float *w,
                              int64_t stride, int taps, int64_t lo, int64_t hi)
{
    for (int64_t k = lo; k < hi; k++) {
        const float *p = row + at[k];
        float v = w[k] * p[0];
        for (int t = 1; t < taps; t++)
            v += w[t * stride + k] * p[t];
        out[k] = v;
    }
}

static void spread(float *out, const float *row, const int32_t *at, const float *w, int64_t stride,
                   int taps, int64_t lo, int64_t hi)
{
    int64_t k = lo;
#ifdef __AVX2__
    const bool apart = far_apart(at, lo, hi);
    for (; k + LANES <= hi; k += LANES) {
        int32_t base, span = span_of(at + k, LANES - 1, &base);
        if (span >= 2 * LANES)
            spread_one_by_one(out, row, at, w, stride, taps, k, k + LANES);
        else if (apart || span >= LANES)
            spread_eight(out + k, row + base, relative(at + k, base), w + k, stride, taps, true);
        else
            spread_eight(out + k, row + base, relative(at + k, base), w + k, stride, taps, false);
    }
#endif
    spread_one_by_one(out, row, at, w, stride, taps, k, hi);
}

/* The recursions of GN_FILTER_LINES lines side by side: v[k * GN_FILTER_LINES + line]. Four vectors
 * by name, since an array of them would be kept in memory. */
#define EACH(X) X(0) X(1) X(2) X(3)
#define FOUR(x) ((wide){(x), (x), (x), (x)})

static void filter_side_by_side(double *v, int64_t n)
{
    const double pole = GN_BSPLINE_POLE;
    const wide all = FOUR(pole), six = FOUR(6.0);
    double last = 1, power = pole, *p = v + (n - 1) * GN_FILTER_LINES;
    wide c0, c1, c2, c3, x;
    for (int64_t k = 1; k < n; k++)
        last *= pole;
#define START(q)                                                                                   \
    LOAD(c##q, v + 4 * q);                                                                         \
    LOAD(x, p + 4 * q);                                                                            \
    c##q = six * c##q + FOUR(last) * (six * x);
    EACH(START)
    for (int64_t k = 1; k < n - 1; k++) {
        const wide s = FOUR(power + last * last / power);
        p = v + k * GN_FILTER_LINES;
#define GATHER(q)                                                                                  \
    LOAD(x, p + 4 * q);                                                                            \
    c##q += s * (six * x);
        EACH(GATHER)
        power *= pole;
        if (power < 1e-18 && power > -1e-18)
            break;
    }
    const wide whole = FOUR(1 - last * last);
#define FIRST(q)                                                                                   \
    c##q /= whole;                                                                                 \
    STORE(v + 4 * q, c##q);
    EACH(FIRST)
    p = v;
    for (int64_t k = 1; k < n; k++) {
        p += GN_FILTER_LINES;
#define FORWARDS(q)                                                                                \
    LOAD(x, p + 4 * q);                                                                            \
    c##q = six * x + all * c##q;                                                                   \
    STORE(p + 4 * q, c##q);
        EACH(FORWARDS)
    }
    const wide end = FOUR(pole / (pole * pole - 1));
#define TURN(q)                                                                                    \
    LOAD(x, p - GN_FILTER_LINES + 4 * q);                                                          \
    c##q = end * (c##q + all * x);                                                                 \
    STORE(p + 4 * q, c##q);
    EACH(TURN)
    for (int64_t k = n - 2; k >= 0; k--) {
        p -= GN_FILTER_LINES;
#define BACKWARDS(q)                                                                               \
    LOAD(x, p + 4 * q);                                                                            \
    c##q = all * (c##q - x);                                                                       \
    STORE(p + 4 * q, c##q);
        EACH(BACKWARDS)
    }
}

static void filter(float *p, int64_t n, int64_t step, int64_t across, int64_t lines,
                   double *buffer)
{
    enum { ALL_LINES = GN_FILTER_LINES };
    if (lines < ALL_LINES)
        memset(buffer, 0, (size_t)(n * ALL_LINES) * sizeof *buffer);
    if (across == 1 && lines == ALL_LINES) {
        for (int64_t k = 0; k < n; k++)
            for (int i = 0; i < ALL_LINES; i++)
                buffer[k * ALL_LINES + i] = p[k * step + i];
    } else {
        for (int64_t i = 0; i < lines; i++)
            for (int64_t k = 0; k < n; k++)
                buffer[k * ALL_LINES + i] = p[k * step + i * across];
    }
    filter_side_by_side(buffer, n);
    if (across == 1 && lines == ALL_LINES) {
        for (int64_t k = 0; k < n; k++)
            for (int i = 0; i < ALL_LINES; i++)
                p[k * step + i] = (float)buffer[k * ALL_LINES + i];
    } else {
        for (int64_t i = 0; i < lines; i++)
            for (int64_t k = 0; k < n; k++)
                p[k * step + i * across] = (float)buffer[k * ALL_LINES + i];
    }
}

/* One point: taps[1] * taps[2] runs along x, added up lane by lane, then across. */
static inline float read_runs(const struct gn_padded *in, const float *p, float w[3][GN_TAPS_MOST],
                              const int taps)
{
    float sum[GN_TAPS_MOST] = {0}, v = 0;
    for (int tz = 0; tz < in->taps[2]; tz++)
        for (int ty = 0; ty < in->taps[1]; ty++) {
            const float *run = p + tz * in->step[2] + ty * in->step[1];
            const float s = w[2][tz] * w[1][ty];
            for (int i = 0; i < taps; i++)
                sum[i] += s * run[i];
        }
    for (int i = 0; i < taps; i++)
        v += w[0][i] * sum[i];
    return v;
}

static inline void points_of(float *out, int64_t n, const double from[3], const double m[3],
                             const struct gn_padded *in, const bool lanczos, float fill)
{
    const int full = lanczos ? GN_TAPS_LANCZOS : GN_TAPS_CUBIC;
    for (int64_t k = 0; k < n; k++) {
        float w[3][GN_TAPS_MOST];
        double c[3];
        int64_t at = in->first;
        bool inside = true;
        for (int a = 0; a < 3; a++) {
            c[a] = from[a] + (double)k * m[a];
            inside &= c[a] >= -0.5 && c[a] < (double)in->size[a] - 0.5;
        }
        if (!inside) {
            out[k] = fill;
            continue;
        }
        for (int a = 0; a < 3; a++) {
            int64_t whole = (int64_t)(c[a] + 1) - 1; /* floor: c > -1 */
            double d[GN_TAPS_MOST], all = 0;
            if (lanczos)
                gn_lanczos_weights(c[a] - (double)whole, d);
            else
                gn_bspline_weights(c[a] - (double)whole, d);
            for (int t = 0; t < full; t++) {
                w[a][t] = (float)d[t];
                all += d[t];
            }
            if (in->taps[a] == 1)
                w[a][0] = (float)all;
            else
                at += (whole - in->before[a]) * in->step[a];
        }
        out[k] = read_runs(in, in->data + at, w, in->taps[0] == 1 ? 1 : full);
    }
}

static void points(float *out, int64_t n, const double p[3], const double m[3],
                   const struct gn_padded *in, bool lanczos, float fill)
{
    if (lanczos)
        points_of(out, n, p, m, in, true, fill);
    else
        points_of(out, n, p, m, in, false, fill);
}

const struct gn_resample_kernels GN_ISA_NAME(gn_resample_kernels) = {
    .lerp = lerp,
    .gather = gather,
    .pick = pick,
    .combine = combine,
    .spread = spread,
    .filter = filter,
    .points = points,
};
