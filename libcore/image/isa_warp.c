/* isa_warp.c - rows of warp.c: coordinates, places, and reading the voxels. See warp_private.h. */
#include <immintrin.h>
#include <string.h>

#include "base/isa.h"
#include "image/warp_private.h"

typedef double vec __attribute__((vector_size(32)));
typedef int64_t mask __attribute__((vector_size(32)));
typedef int32_t ints __attribute__((vector_size(16)));
typedef float floats __attribute__((vector_size(16)));
enum { LANES = 4 };

#define ALL(x) ((vec){(x), (x), (x), (x)})
#define LOAD(v, p) memcpy(&(v), (p), sizeof(v))
#define STORE(p, v) memcpy((p), &(v), sizeof(v))
#define PICK(m, a, b) ((vec)(((m) & (mask)(a)) | (~(m) & (mask)(b)))) /* m ? a : b */

/* Whole part, for 0 <= p < 2^31. */
static inline void whole_part(const vec *p, vec *t)
{
#ifdef __AVX__
    *t = (vec)_mm256_round_pd((__m256d)*p, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
#else
    *t = __builtin_convertvector(__builtin_convertvector(*p, ints), vec);
#endif
}

static void line(double *p, double x, int64_t n, double m, double c)
{
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        vec f = ALL(x + (double)i);
        vec a = ALL(m) * ((vec){0, 1, 2, 3} + f) + ALL(c);
        vec b = ALL(m) * ((vec){4, 5, 6, 7} + f) + ALL(c);
        vec d = ALL(m) * ((vec){8, 9, 10, 11} + f) + ALL(c);
        vec e = ALL(m) * ((vec){12, 13, 14, 15} + f) + ALL(c);
        STORE(p + i, a);
        STORE(p + i + LANES, b);
        STORE(p + i + 2 * LANES, d);
        STORE(p + i + 3 * LANES, e);
    }
    for (; i < n; i += LANES) {
        double f = x + (double)i;
        vec at = ALL(m) * ((vec){0, 1, 2, 3} + ALL(f)) + ALL(c);
        STORE(p + i, at);
    }
}

/* A cell is written in whole vectors; what is too much the next cell writes over. */
static void taps(double *p, double x, int64_t n, double m, double c, const double *row,
                 const double *w, int64_t stride, const struct gn_warp_cell *cell, int64_t start)
{
    for (int64_t i = 0; i < n; cell++) {
        int64_t next = cell[1].x - start;
        const double *r = row + cell->first;
        vec r0 = ALL(r[0]), r1 = ALL(r[1]), r2 = ALL(r[2]), r3 = ALL(r[3]);
        if (next > n)
            next = n;
        for (; i < next; i += LANES) {
            double f = x + (double)i;
            vec w0, w1, w2, w3;
            LOAD(w0, w + i);
            LOAD(w1, w + stride + i);
            LOAD(w2, w + 2 * stride + i);
            LOAD(w3, w + 3 * stride + i);
            vec at = ALL(m) * ((vec){0, 1, 2, 3} + ALL(f)) + ALL(c);
            vec u = w0 * r0 + w1 * r1 + (w2 * r2 + w3 * r3);
            at += u;
            STORE(p + i, at);
        }
        i = next;
    }
}

static void combine(double *out, const double *a, int64_t step, const double w[4], int64_t n)
{
    const double *b = a + step, *c = b + step, *d = c + step;
    const double w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
    for (int64_t i = 0; i < n; i++)
        out[i] = w0 * a[i] + w1 * b[i] + (w2 * c[i] + w3 * d[i]);
}

static void matrix(struct gn_warp_piece *b, int64_t n, const double m[12])
{
    for (int64_t i = 0; i < n; i += LANES) {
        vec x, y, z;
        LOAD(x, b->p[0] + i);
        LOAD(y, b->p[1] + i);
        LOAD(z, b->p[2] + i);
        for (int r = 0; r < 3; r++, m += 4) {
            vec q = ALL(m[0]) * x + ALL(m[1]) * y + ALL(m[2]) * z + ALL(m[3]);
            STORE(b->p[r] + i, q);
        }
        m -= 12;
    }
}

static void displace(struct gn_warp_piece *b, int64_t n, const struct gn_spline *f, const double *d)
{
    const vec scale = {f->scale[0], f->scale[1], f->scale[2], 0},
              shift = {f->shift[0], f->shift[1], f->shift[2], 0},
              cells = {(double)(f->n[0] - 3), (double)(f->n[1] - 3), (double)(f->n[2] - 3), 0};
    const int64_t row = LANES * f->n[0], plane = row * f->n[1];
    for (int64_t i = 0; i < n; i++) {
        vec p = {b->p[0][i], b->p[1][i], b->p[2][i], 0}, q = shift + scale * p;
        double w[4][LANES], base[LANES];
        q = PICK(q > ALL(0), q, ALL(0));
        q = PICK(q < cells, q, cells);
        vec t, last = cells - 1;
        whole_part(&q, &t);
        t = PICK(t < last, t, last);
        vec u = q - t, v = 1 - u, w0 = v * v * v / 6, w1 = (3 * u * u * u - 6 * u * u + 4) / 6,
            w2 = (3 * v * v * v - 6 * v * v + 4) / 6, w3 = u * u * u / 6, sum = ALL(0);
        STORE(w[0], w0);
        STORE(w[1], w1);
        STORE(w[2], w2);
        STORE(w[3], w3);
        STORE(base, t);
        const double *from =
            d + (int64_t)base[2] * plane + (int64_t)base[1] * row + LANES * (int64_t)base[0];
        vec x0 = ALL(w[0][0]), x1 = ALL(w[1][0]), x2 = ALL(w[2][0]), x3 = ALL(w[3][0]);
        for (int k = 0; k < 4; k++)
            for (int j = 0; j < 4; j++) {
                const double *c = from + k * plane + j * row;
                double zy = w[k][2] * w[j][1];
                vec c0, c1, c2, c3;
                LOAD(c0, c);
                LOAD(c1, c + LANES);
                LOAD(c2, c + 2 * LANES);
                LOAD(c3, c + 3 * LANES);
                sum += ALL(zy) * (x0 * c0 + x1 * c1 + (x2 * c2 + x3 * c3));
            }
        p += sum;
        for (int a = 0; a < 3; a++)
            b->p[a][i] = p[a];
    }
}

static void note_inside(struct gn_warp_piece *b, int64_t i, ints in)
{
    for (int k = 0; k < LANES; k++)
        b->inside[i + k] = in[k] != 0;
}

/* Places beyond the last voxel are read as well. */
static void end_places(struct gn_warp_piece *b, int64_t n)
{
    for (int k = 0; k < LANES; k++)
        b->at[n + k] = b->at[n - 1];
}

static inline void place_linear_as(struct gn_warp_piece *b, int64_t n,
                                   const struct gn_warp_source *source, bool flat, bool easy)
{
    const struct gn_warp_source copy = *source, *s = &copy;
    const int axes = flat ? 2 : 3;
    for (int64_t i = 0; i < n; i += LANES) {
        vec at = ALL(-s->base);
        mask in = {-1, -1, -1, -1};
        for (int a = 0; a < 3; a++) {
            vec p, top = ALL(s->top[a]);
            if (easy && a == axes)
                break;
            LOAD(p, b->p[a] + i);
            if (!easy) {
                in &= (p >= ALL(-0.5)) & (p < top + ALL(0.5));
                p = PICK(p > ALL(0), p, ALL(0));
                p = PICK(p < top, p, top);
                if (a == axes)
                    break;
            }
            vec t;
            whole_part(&p, &t);
            if (!easy) { /* the last voxel is the upper neighbour of the one before */
                top -= ALL(1);
                t = PICK(t < top, t, top);
                t = PICK(t > ALL(0), t, ALL(0));
            }
            floats w = __builtin_convertvector(p - t, floats);
            STORE(b->w[a] + i, w);
            at += t * ALL(s->stride[a]);
        }
        ints whole = __builtin_convertvector(at, ints);
        STORE(b->at + i, whole);
        if (!easy)
            note_inside(b, i, __builtin_convertvector(in, ints));
    }
}

static void place_linear(struct gn_warp_piece *b, int64_t n, const struct gn_warp_source *s,
                         bool flat, bool easy)
{
    if (flat && easy)
        place_linear_as(b, n, s, true, true);
    else if (easy)
        place_linear_as(b, n, s, false, true);
    else
        place_linear_as(b, n, s, flat, false);
    end_places(b, n);
}

static inline void place_nearest_as(struct gn_warp_piece *b, int64_t n,
                                    const struct gn_warp_source *source, bool easy)
{
    const struct gn_warp_source copy = *source, *s = &copy;
    for (int64_t i = 0; i < n; i += LANES) {
        vec at = ALL(-s->base);
        mask in = {-1, -1, -1, -1};
        for (int a = 0; a < 3; a++) {
            vec p, top = ALL(s->top[a]);
            LOAD(p, b->p[a] + i);
            if (!easy) {
                in &= (p >= ALL(-0.5)) & (p < top + ALL(0.5));
                p = PICK(p > ALL(0), p, ALL(0));
                p = PICK(p < top, p, top);
            }
            vec t;
            p += ALL(0.5);
            whole_part(&p, &t);
            at += t * ALL(s->stride[a]);
        }
        ints whole = __builtin_convertvector(at, ints);
        STORE(b->at + i, whole);
        if (!easy)
            note_inside(b, i, __builtin_convertvector(in, ints));
    }
}

static void place_nearest(struct gn_warp_piece *b, int64_t n, const struct gn_warp_source *s,
                          bool easy)
{
    if (easy)
        place_nearest_as(b, n, s, true);
    else
        place_nearest_as(b, n, s, false);
}

/* Two neighbours along x of four places: lower ones in lo, upper ones in hi. */
#define PAIRS(lo, hi, from)                                                                        \
    do {                                                                                           \
        const float *f_ = (from);                                                                  \
        __m128 a_ = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(f_ + at[0])));              \
        __m128 b_ = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(f_ + at[2])));              \
        a_ = _mm_loadh_pi(a_, (const __m64 *)(f_ + at[1]));                                        \
        b_ = _mm_loadh_pi(b_, (const __m64 *)(f_ + at[3]));                                        \
        lo = _mm_shuffle_ps(a_, b_, _MM_SHUFFLE(2, 0, 2, 0));                                      \
        hi = _mm_shuffle_ps(a_, b_, _MM_SHUFFLE(3, 1, 3, 1));                                      \
    } while (0)
#define MIX(a, b, w, v) _mm_add_ps(_mm_mul_ps(a, v), _mm_mul_ps(b, w)) /* v = 1 - w */

/* Voxels by which reading runs ahead: a turned row crosses lines of memory in no order that the
 * processor sees. */
enum { LEAD = 32 };

static inline void linear_as(float *out, const struct gn_warp_piece *b, int64_t n, const float *in,
                             int64_t sy, int64_t sz, bool flat)
{
    const __m128 one = _mm_set1_ps(1);
    for (int64_t i = 0; i < n; i += LANES) {
        const int32_t *at = b->at + i;
        __m128 wx = _mm_loadu_ps(b->w[0] + i), vx = _mm_sub_ps(one, wx);
        __m128 wy = _mm_loadu_ps(b->w[1] + i), vy = _mm_sub_ps(one, wy);
        __m128 lo, hi, r0, r1;
        const float *next = in + b->at[i + LEAD < n ? i + LEAD : n - 1];
        __builtin_prefetch(next);
        __builtin_prefetch(next + sy);
        if (!flat) {
            __builtin_prefetch(next + sz);
            __builtin_prefetch(next + sz + sy);
        }
        PAIRS(lo, hi, in);
        r0 = MIX(lo, hi, wx, vx);
        PAIRS(lo, hi, in + sy);
        r1 = MIX(lo, hi, wx, vx);
        r0 = MIX(r0, r1, wy, vy);
        if (!flat) {
            __m128 wz = _mm_loadu_ps(b->w[2] + i), vz = _mm_sub_ps(one, wz), r2, r3;
            PAIRS(lo, hi, in + sz);
            r2 = MIX(lo, hi, wx, vx);
            PAIRS(lo, hi, in + sz + sy);
            r3 = MIX(lo, hi, wx, vx);
            r2 = MIX(r2, r3, wy, vy);
            r0 = MIX(r0, r2, wz, vz);
        }
        if (n - i >= LANES) {
            _mm_storeu_ps(out + i, r0);
        } else {
            float v[LANES];
            _mm_storeu_ps(v, r0);
            for (int64_t k = 0; k < n - i; k++)
                out[i + k] = v[k];
        }
    }
}

static void linear(float *out, const struct gn_warp_piece *b, int64_t n, const float *in,
                   int64_t stride_y, int64_t stride_z, bool flat)
{
    if (flat)
        linear_as(out, b, n, in, stride_y, stride_z, true);
    else
        linear_as(out, b, n, in, stride_y, stride_z, false);
}

#define FOR_SIZES(X) X(uint8_t) X(uint16_t) X(uint32_t) X(uint64_t)

#define NEAREST(T)                                                                                 \
    static void nearest_##T(T *out, const int32_t *at, int64_t n, const T *in)                     \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = in[at[i]];                                                                    \
    }
/* in is read in one direction throughout, which is what the processor reads ahead. */
#define REVERSE(T)                                                                                 \
    static void reverse_##T(T *restrict out, int64_t row, const T *restrict in, int64_t step,      \
                            int64_t n, int64_t count)                                              \
    {                                                                                              \
        for (int64_t y = 0; y < count; y++, out += row, in += step) {                              \
            T *last = out + n - 1;                                                                 \
            const T *first = in - (n - 1);                                                         \
            for (int64_t i = 0; step > 0 && i < n; i++)                                            \
                last[-i] = first[i];                                                               \
            for (int64_t i = 0; step < 0 && i < n; i++)                                            \
                out[i] = in[-i];                                                                   \
        }                                                                                          \
    }
/* A square of B x B elements: to[q * line + i] = from[i * line + q]. */
#ifdef __AVX__
enum { B_uint8_t = 8, B_uint16_t = 8, B_uint32_t = 8, B_uint64_t = 2 };
#else
enum { B_uint8_t = 8, B_uint16_t = 8, B_uint32_t = 4, B_uint64_t = 2 };
#endif

static inline void square_uint8_t(uint8_t *to, int64_t line, const uint8_t *from)
{
    __m128i a[4], b[4];
    for (int i = 0; i < 4; i++)
        a[i] = _mm_unpacklo_epi8(
            _mm_loadl_epi64((const __m128i *)(from + 2 * i * line)),
            _mm_loadl_epi64((const __m128i *)(from + (2 * i + 1) * line)));
    b[0] = _mm_unpacklo_epi16(a[0], a[1]);
    b[1] = _mm_unpackhi_epi16(a[0], a[1]);
    b[2] = _mm_unpacklo_epi16(a[2], a[3]);
    b[3] = _mm_unpackhi_epi16(a[2], a[3]);
    for (int i = 0; i < 2; i++) {
        a[2 * i] = _mm_unpacklo_epi32(b[i], b[2 + i]);
        a[2 * i + 1] = _mm_unpackhi_epi32(b[i], b[2 + i]);
    }
    for (int i = 0; i < 4; i++) {
        _mm_storel_epi64((__m128i *)(to + 2 * i * line), a[i]);
        _mm_storeh_pd((double *)(void *)(to + (2 * i + 1) * line), _mm_castsi128_pd(a[i]));
    }
}

static inline void square_uint16_t(uint16_t *to, int64_t line, const uint16_t *from)
{
    __m128i a[8], b[8];
    for (int i = 0; i < 8; i++)
        a[i] = _mm_loadu_si128((const __m128i *)(from + i * line));
    for (int i = 0; i < 4; i++) {
        b[i] = _mm_unpacklo_epi16(a[2 * i], a[2 * i + 1]);
        b[4 + i] = _mm_unpackhi_epi16(a[2 * i], a[2 * i + 1]);
    }
    for (int h = 0; h < 2; h++)
        for (int i = 0; i < 2; i++) {
            a[4 * h + i] = _mm_unpacklo_epi32(b[4 * h + 2 * i], b[4 * h + 2 * i + 1]);
            a[4 * h + 2 + i] = _mm_unpackhi_epi32(b[4 * h + 2 * i], b[4 * h + 2 * i + 1]);
        }
    for (int i = 0; i < 4; i++) {
        _mm_storeu_si128((__m128i *)(to + 2 * i * line),
                         _mm_unpacklo_epi64(a[2 * i], a[2 * i + 1]));
        _mm_storeu_si128((__m128i *)(to + (2 * i + 1) * line),
                         _mm_unpackhi_epi64(a[2 * i], a[2 * i + 1]));
    }
}

#ifdef __AVX__
/* Halves of rows i and i + 4 in one register: then nothing crosses its middle. */
static inline void square_uint32_t(uint32_t *to, int64_t line, const uint32_t *from)
{
    for (int q = 0; q < 8; q += 4, to += 4 * line) {
        __m256 a[4], b[4];
        for (int i = 0; i < 4; i++) {
            const float *half = (const float *)(const void *)(from + i * line + q);
            a[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(half)),
                                        _mm_loadu_ps(half + 4 * line), 1);
        }
        for (int i = 0; i < 2; i++) {
            b[i] = _mm256_unpacklo_ps(a[2 * i], a[2 * i + 1]);
            b[2 + i] = _mm256_unpackhi_ps(a[2 * i], a[2 * i + 1]);
        }
        for (int i = 0; i < 2; i++) {
            float *out = (float *)(void *)(to + 2 * i * line);
            _mm256_storeu_ps(out, _mm256_shuffle_ps(b[2 * i], b[2 * i + 1], 0x44));
            _mm256_storeu_ps(out + line, _mm256_shuffle_ps(b[2 * i], b[2 * i + 1], 0xee));
        }
    }
}
#else
static inline void square_uint32_t(uint32_t *to, int64_t line, const uint32_t *from)
{
    __m128i a[4], b[4];
    for (int i = 0; i < 4; i++)
        a[i] = _mm_loadu_si128((const __m128i *)(from + i * line));
    for (int i = 0; i < 2; i++) {
        b[i] = _mm_unpacklo_epi32(a[2 * i], a[2 * i + 1]);
        b[2 + i] = _mm_unpackhi_epi32(a[2 * i], a[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        _mm_storeu_si128((__m128i *)(to + 2 * i * line),
                         _mm_unpacklo_epi64(b[2 * i], b[2 * i + 1]));
        _mm_storeu_si128((__m128i *)(to + (2 * i + 1) * line),
                         _mm_unpackhi_epi64(b[2 * i], b[2 * i + 1]));
    }
}
#endif

static inline void square_uint64_t(uint64_t *to, int64_t line, const uint64_t *from)
{
    for (int q = 0; q < 2; q++)
        for (int i = 0; i < 2; i++)
            to[q * line + i] = from[i * line + q];
}

/* 64 bytes. A memcpy of 64 beside one of a number that may be 64 becomes one call of a function. */
static inline void copy_line(void *to, const void *from)
{
#ifdef __AVX__
    for (int i = 0; i < 2; i++)
        _mm256_storeu_si256((__m256i *)to + i, _mm256_loadu_si256((const __m256i *)from + i));
#else
    for (int i = 0; i < 4; i++)
        _mm_storeu_si128((__m128i *)to + i, _mm_loadu_si128((const __m128i *)from + i));
#endif
}

/* Squares of SIDE x SIDE, whose rows are a cache line: copied together, turned there, and written
 * line by line, so that each line of in and out is met once, whatever the strides are a power of.
 * Meanwhile the lines of the next square are asked for: the processor does not see such strides by
 * itself. in is read upwards, which it does see. */
#define TRANSPOSE(T)                                                                               \
    static void transpose_##T(T *restrict out, int64_t row, const T *restrict in, int64_t across,  \
                              int64_t along, int64_t n, int64_t rows)                              \
    {                                                                                              \
        enum { SIDE = 64 / sizeof(T), B = B_##T, SQUARES = (SIDE / B) * (SIDE / B) };              \
        enum { EACH = SIDE > SQUARES ? SIDE / SQUARES : 1 }; /* lines asked for a small square */  \
        _Alignas(64) T from[SIDE * SIDE] = { 0 }, to[SIDE * SIDE];                                 \
        if (along < 0) {                                                                           \
            in -= rows - 1;                                                                        \
            out += (rows - 1) * row;                                                               \
            row = -row;                                                                            \
        }                                                                                          \
        for (int64_t i0 = 0; i0 < n; i0 += SIDE)                                                   \
            for (int64_t u0 = 0; u0 < rows; u0 += SIDE) {                                          \
                const int64_t ni = n - i0 < SIDE ? n - i0 : SIDE;                                  \
                const int64_t nu = rows - u0 < SIDE ? rows - u0 : SIDE;                            \
                const T *line = in + i0 * across + u0;                                             \
                T *turned = out + u0 * row + i0;                                                   \
                const bool last = u0 + SIDE >= rows;                                               \
                const int64_t i1 = last ? i0 + SIDE : i0, u1 = last ? 0 : u0 + SIDE;               \
                const int64_t reads = n - i1 < SIDE ? n - i1 : SIDE;                               \
                const int64_t writes = i1 >= n ? 0 : rows - u1 < SIDE ? rows - u1 : SIDE;          \
                const T *read = in + (reads > 0 ? i1 * across + u1 : 0);                           \
                const T *write = out + (writes > 0 ? u1 * row + i1 : 0);                           \
                for (int64_t i = 0; i < ni; i++)                                                   \
                    if (nu == SIDE)                                                                \
                        copy_line(from + i * SIDE, line + i * across);                             \
                    else                                                                           \
                        memcpy(from + i * SIDE, line + i * across, (size_t)nu * sizeof(T));        \
                for (int q = 0; q < SQUARES; q++) {                                                \
                    const int a = q / (SIDE / B) * B, b = q % (SIDE / B) * B;                      \
                    for (int k = q * EACH; k < q * EACH + EACH; k++) {                             \
                        if (k < reads)                                                             \
                            __builtin_prefetch(read + k * across);                                 \
                        if (k < writes)                                                            \
                            __builtin_prefetch(write + k * row, 1);                                \
                    }                                                                              \
                    square_##T(to + b * SIDE + a, SIDE, from + a * SIDE + b);                      \
                }                                                                                  \
                for (int64_t u = 0; u < nu; u++)                                                   \
                    if (ni == SIDE)                                                                \
                        copy_line(turned + u * row, to + u * SIDE);                                \
                    else                                                                           \
                        memcpy(turned + u * row, to + u * SIDE, (size_t)ni * sizeof(T));           \
            }                                                                                      \
    }
FOR_SIZES(NEAREST)
FOR_SIZES(REVERSE)
FOR_SIZES(TRANSPOSE)

static void nearest(void *out, const struct gn_warp_piece *b, int64_t n, const void *in,
                    size_t element)
{
    switch (element) {
    case 1: nearest_uint8_t(out, b->at, n, in); break;
    case 2: nearest_uint16_t(out, b->at, n, in); break;
    case 4: nearest_uint32_t(out, b->at, n, in); break;
    default: nearest_uint64_t(out, b->at, n, in); break;
    }
}

static void rows(void *out, int64_t row, const void *in, int64_t step, int64_t n, int64_t count,
                 size_t element, bool back)
{
    if (!back)
        for (int64_t y = 0; y < count; y++)
            memcpy((char *)out + y * row * (int64_t)element,
                   (const char *)in + y * step * (int64_t)element, (size_t)n * element);
    else if (element == 1)
        reverse_uint8_t(out, row, in, step, n, count);
    else if (element == 2)
        reverse_uint16_t(out, row, in, step, n, count);
    else if (element == 4)
        reverse_uint32_t(out, row, in, step, n, count);
    else
        reverse_uint64_t(out, row, in, step, n, count);
}

static void transpose(void *out, int64_t row, const void *in, int64_t across, int64_t along,
                      int64_t n, int64_t count, size_t element)
{
    switch (element) {
    case 1: transpose_uint8_t(out, row, in, across, along, n, count); break;
    case 2: transpose_uint16_t(out, row, in, across, along, n, count); break;
    case 4: transpose_uint32_t(out, row, in, across, along, n, count); break;
    default: transpose_uint64_t(out, row, in, across, along, n, count); break;
    }
}

const struct gn_warp_kernels GN_ISA_NAME(gn_warp_kernels) = {
    .line = line,
    .taps = taps,
    .combine = combine,
    .matrix = matrix,
    .displace = displace,
    .place_linear = place_linear,
    .place_nearest = place_nearest,
    .linear = linear,
    .nearest = nearest,
    .rows = rows,
    .transpose = transpose,
};
