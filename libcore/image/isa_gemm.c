/* isa_gemm.c - the loops of kspace.c and kspace_spike.c: a float32 matrix product for the short
 * sums of filters along an axis, and what comes before and after it. Compiled once an instruction
 * set; products are rounded before they are added, so that all give the same bits. */
#include "base/isa.h"
#include "image/kspace.h"

#if defined __AVX512F__
enum { WIDTH = 16, ROWS = 8, VECS = 1 };
#elif defined __AVX__
enum { WIDTH = 8, ROWS = 4, VECS = 2 };
#else
enum { WIDTH = 4, ROWS = 4, VECS = 2 };
#endif
typedef float vec __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));

/* ROWS x (WIDTH * VECS) of the product: all sums stay in registers. */
static inline void tile(int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                        float *c, int64_t ldc)
{
    vec s[ROWS][VECS];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < VECS; v++)
            s[r][v] = (vec){0};
    for (int64_t i = 0; i < k; i++) {
        vec w[VECS];
        for (int v = 0; v < VECS; v++)
            w[v] = *(const vec *)(b + i * ldb + v * WIDTH);
        for (int r = 0; r < ROWS; r++)
            for (int v = 0; v < VECS; v++)
                s[r][v] += a[r * lda + i] * w[v];
    }
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < VECS; v++)
            *(vec *)(c + r * ldc + v * WIDTH) = s[r][v];
}

static void multiply(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                     int64_t ldb, float *c, int64_t ldc)
{
    for (int64_t i = 0; i < m; i += ROWS)
        for (int64_t j = 0; j < n; j += WIDTH * VECS)
            tile(k, a + i * lda, lda, b + j, ldb, c + i * ldc + j, ldc);
}

/* Element l of the row n, less minus's. */
#define AT(n) (less ? x[(n) * xs + l] - minus[(n) * ms + l] : x[(n) * xs + l])

static inline void fold_panel(int parts, int64_t h, int64_t n, const float *x, int64_t xs,
                              const float *minus, int64_t ms, bool less, float *restrict out)
{
    const int64_t block = (h + 1) / 2 * GN_PANEL, m = h - 1 - n;
    for (int l = 0; l < GN_PANEL; l++) {
        if (parts == 2) {
            float a = AT(n), b = AT(n + h), c = AT(m), d = AT(m + h);
            float u0 = a + b, u1 = c + d, v0 = a - b, v1 = c - d;
            out[l] = u0 + u1;
            out[block + l] = u0 - u1;
            out[2 * block + l] = v0 + v1;
            out[3 * block + l] = v0 - v1;
        } else {
            float a = AT(n), b = AT(m);
            out[l] = a + b;
            out[block + l] = a - b;
        }
    }
}

static void fold(int parts, int64_t h, int panels, const float *x, int64_t stride,
                 const float *minus, int64_t minus_stride, float *out)
{
    const int64_t half = (h + 1) / 2, size = 2 * parts * half * GN_PANEL;
    for (int64_t n = 0; n < half; n++)
        for (int p = 0; p < panels; p++) {
            const float *at = x + p * GN_PANEL;
            float *to = out + p * size + n * GN_PANEL;
            if (parts == 2 && minus)
                fold_panel(2, h, n, at, stride, minus + p * GN_PANEL, minus_stride, true, to);
            else if (parts == 2)
                fold_panel(2, h, n, at, stride, at, 0, false, to);
            else if (minus)
                fold_panel(1, h, n, at, stride, minus + p * GN_PANEL, minus_stride, true, to);
            else
                fold_panel(1, h, n, at, stride, at, 0, false, to);
        }
}

static inline void put(float *y, float v, bool add)
{
    *y = add ? *y + v : v;
}

static inline void unfold_panel(int parts, int64_t h, int64_t n, const float *restrict in,
                                int64_t block, float *restrict y, int64_t ys, bool add, bool both)
{
    const int64_t m = h - 1 - n;
    for (int l = 0; l < GN_PANEL; l++) {
        float u0 = in[l] + in[block + l], u1 = in[l] - in[block + l];
        float v0 = 0, v1 = 0;
        if (parts == 2) {
            v0 = in[2 * block + l] + in[3 * block + l];
            v1 = in[2 * block + l] - in[3 * block + l];
            put(y + (n + h) * ys + l, u0 - v0, add);
            if (both)
                put(y + (m + h) * ys + l, u1 - v1, add);
        }
        put(y + n * ys + l, u0 + v0, add);
        if (both)
            put(y + m * ys + l, u1 + v1, add);
    }
}

static void unfold(int parts, int64_t h, int panels, const float *in, int64_t rows, float *y,
                   int64_t stride, bool add)
{
    const int64_t block = rows * GN_PANEL;
    for (int64_t n = 0; n < (h + 1) / 2; n++)
        for (int p = 0; p < panels; p++) {
            const float *at = in + 2 * parts * p * block + n * GN_PANEL;
            float *to = y + p * GN_PANEL;
            if (n == h - 1 - n) /* the middle is one row */
                unfold_panel(parts, h, n, at, block, to, stride, add, false);
            else if (parts == 2 && add)
                unfold_panel(2, h, n, at, block, to, stride, true, true);
            else if (parts == 2)
                unfold_panel(2, h, n, at, block, to, stride, false, true);
            else
                unfold_panel(parts, h, n, at, block, to, stride, add, true);
        }
}

static void fold_row(int parts, int64_t h, const float *restrict x, float *restrict out,
                     int64_t block)
{
    const int64_t half = (h + 1) / 2;
    float *restrict p = out, *restrict q = out + block;
    if (parts == 2) {
        float *restrict r = out + 2 * block, *restrict s = out + 3 * block;
        for (int64_t n = 0; n < half; n++) {
            float a = x[n], b = x[n + h], c = x[h - 1 - n], d = x[2 * h - 1 - n];
            float u0 = a + b, u1 = c + d, v0 = a - b, v1 = c - d;
            p[n] = u0 + u1;
            q[n] = u0 - u1;
            r[n] = v0 + v1;
            s[n] = v0 - v1;
        }
    } else
        for (int64_t n = 0; n < half; n++) {
            p[n] = x[n] + x[h - 1 - n];
            q[n] = x[n] - x[h - 1 - n];
        }
}

/* The two ends in loops of their own: each is a plain run of vectors. */
static void unfold_row(int parts, int64_t h, const float *restrict in, int64_t block,
                       float *restrict y)
{
    const int64_t half = (h + 1) / 2;
    const float *p = in, *q = in + block;
    if (parts == 2) {
        const float *r = in + 2 * block, *s = in + 3 * block;
        for (int64_t n = 0; n < half; n++) {
            float u = p[n] + q[n], v = r[n] + s[n];
            y[n] = u + v;
            y[n + h] = u - v;
        }
        for (int64_t n = half; n < h; n++) {
            int64_t m = h - 1 - n;
            float u = p[m] - q[m], v = r[m] - s[m];
            y[n] = u + v;
            y[n + h] = u - v;
        }
    } else {
        for (int64_t n = 0; n < half; n++)
            y[n] = p[n] + q[n];
        for (int64_t n = half; n < h; n++)
            y[n] = p[h - 1 - n] - q[h - 1 - n];
    }
}

static void sum(const float *x, int64_t n, double total[16], float least[16])
{
    double t[16];
    float m[16];
    int64_t i = 0;
    for (int l = 0; l < 16; l++) {
        t[l] = total[l];
        m[l] = least[l];
    }
    for (; i + 16 <= n; i += 16)
        for (int l = 0; l < 16; l++) {
            t[l] += (double)x[i + l];
            m[l] = x[i + l] < m[l] ? x[i + l] : m[l];
        }
    for (int l = 0; i < n; i++, l++) {
        t[l] += (double)x[i];
        m[l] = x[i] < m[l] ? x[i] : m[l];
    }
    for (int l = 0; l < 16; l++) {
        total[l] = t[l];
        least[l] = m[l];
    }
}

static void energy(const float *restrict re, const float *restrict im, int64_t n,
                   float *restrict e)
{
    for (int64_t i = 0; i < n; i++)
        e[i] += re[i] * re[i] + im[i] * im[i];
}

static float turn(const float *restrict a, const float *restrict b, const float *restrict c,
                  const float *restrict d, bool minus, const float *restrict cr,
                  const float *restrict ci, float row_re, float row_im, float *restrict re,
                  float *restrict im)
{
    const float sign = minus ? -1 : 1;
    float top;
    for (int l = 0; l < GN_PANEL; l++) {
        float wr = cr[l] * row_re - ci[l] * row_im, wi = cr[l] * row_im + ci[l] * row_re;
        float x = a[l] - sign * b[l], y = c[l] + sign * d[l];
        re[l] = x * wr - y * wi;
        im[l] = x * wi + y * wr;
    }
    top = re[0];
    for (int l = 1; l < GN_PANEL; l++)
        top = re[l] > top ? re[l] : top;
    return top;
}

static void wave(float *restrict x, const float *restrict c, const float *restrict s, float a,
                 float b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] += a * c[i] - b * s[i];
}

extern const struct gn_gemm GN_ISA_NAME(gn_gemm);
const struct gn_gemm GN_ISA_NAME(gn_gemm) = {multiply,   fold, unfold, fold_row,
                                             unfold_row, sum,  energy, turn, wave};
