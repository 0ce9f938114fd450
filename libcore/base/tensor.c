/* tensor.c - tensors, dtypes and the conversions between them.
 *
 * Rounding to an integer and to float16 does not trust the floating-point environment: it is a
 * truncation (whose direction is fixed) and an exact correction, so the bytes are the same whatever
 * a library did to the control word. The loops run over fixed pieces, which the compiler turns into
 * vector code at -O2 too. */
#include "base/tensor.h"

#include <assert.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const char *const gn_dtype_names[GN_DTYPES + 1] = {
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
    "float16", "float32", "float64", NULL
};

size_t gn_dtype_size(enum gn_dtype dtype)
{
    static const unsigned char size[GN_DTYPES] = { 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8 };
    assert((unsigned)dtype < GN_DTYPES);
    return size[dtype];
}

bool gn_dtype_is_float(enum gn_dtype dtype)
{
    return dtype == GN_FLOAT16 || dtype == GN_FLOAT32 || dtype == GN_FLOAT64;
}

int gn_dtype_parse(const char *name, enum gn_dtype *dtype)
{
    for (int i = 0; i < GN_DTYPES; i++) {
        if (!strcmp(name, gn_dtype_names[i])) {
            *dtype = (enum gn_dtype)i;
            return 0;
        }
    }
    return -1;
}

void gn_dtype_range(enum gn_dtype dtype, double *lo, double *hi)
{
    static const double range[GN_DTYPES][2] = {
        { 0, UINT8_MAX }, { INT8_MIN, INT8_MAX }, { 0, UINT16_MAX }, { INT16_MIN, INT16_MAX },
        { 0, UINT32_MAX }, { INT32_MIN, INT32_MAX },
        { 0, (double)UINT64_MAX }, { (double)INT64_MIN, (double)INT64_MAX },
        { -65504, 65504 }, { -(double)FLT_MAX, (double)FLT_MAX }, { -DBL_MAX, DBL_MAX },
    };
    assert((unsigned)dtype < GN_DTYPES);
    *lo = range[dtype][0];
    *hi = range[dtype][1];
}

/* --- sizes and memory --- */

int64_t gn_tensor_count(const struct gn_tensor *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= t->shape[i];
    return n;
}

int gn_tensor_bytes(const struct gn_tensor *t, size_t *bytes, struct gn_err *err)
{
    const int64_t limit = INT64_C(1) << 46;
    int64_t n;

    if ((unsigned)t->dtype >= GN_DTYPES)
        return gn_err_set(err, "tensor: dtype out of range: %d", (int)t->dtype);
    if (t->rank < 0 || t->rank > GN_MAX_RANK)
        return gn_err_set(err, "tensor: number of axes must be 0 to %d: %d", GN_MAX_RANK, t->rank);
    n = (int64_t)gn_dtype_size(t->dtype);
    for (int i = 0; i < t->rank; i++) {
        if (t->shape[i] < 1)
            return gn_err_set(err, "tensor: axis %d: length must be positive: %lld", i,
                              (long long)t->shape[i]);
        if (t->shape[i] > limit / n)
            return gn_err_set(err, "tensor: too large: more than 2^46 bytes");
        n *= t->shape[i];
    }
    *bytes = (size_t)n;
    return 0;
}

static int new_tensor(struct gn_tensor *t, enum gn_dtype dtype, int rank, const int64_t *shape,
                      bool raw, struct gn_err *err)
{
    struct gn_tensor out = { .dtype = dtype, .rank = rank };
    size_t bytes;

    memset(t, 0, sizeof *t);
    for (int i = 0; i < rank && i < GN_MAX_RANK; i++)
        out.shape[i] = shape[i];
    if (gn_tensor_bytes(&out, &bytes, err))
        return -1;
    out.owned = out.data = raw ? gn_try_alloc_raw(bytes, err) : gn_try_alloc(bytes, err);
    if (!out.data)
        return -1;
    *t = out;
    return 0;
}

int gn_tensor_new(struct gn_tensor *t, enum gn_dtype dtype, int rank, const int64_t *shape,
                  struct gn_err *err)
{
    return new_tensor(t, dtype, rank, shape, false, err);
}

int gn_tensor_new_raw(struct gn_tensor *t, enum gn_dtype dtype, int rank, const int64_t *shape,
                      struct gn_err *err)
{
    return new_tensor(t, dtype, rank, shape, true, err);
}

int gn_tensor_new4(struct gn_tensor *t, enum gn_dtype dtype, int64_t c, int64_t z, int64_t y,
                   int64_t x, struct gn_err *err)
{
    return gn_tensor_new(t, dtype, 4, (const int64_t[4]){ c, z, y, x }, err);
}

int gn_tensor_new4_raw(struct gn_tensor *t, enum gn_dtype dtype, int64_t c, int64_t z, int64_t y,
                       int64_t x, struct gn_err *err)
{
    return gn_tensor_new_raw(t, dtype, 4, (const int64_t[4]){ c, z, y, x }, err);
}

void gn_tensor_free(struct gn_tensor *t)
{
    gn_recycle(t->owned);
    memset(t, 0, sizeof *t);
}

/* --- one element --- */

static inline uint32_t float_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float bits_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline uint64_t double_bits(double d)
{
    uint64_t u;
    memcpy(&u, &d, sizeof u);
    return u;
}

static inline double bits_double(uint64_t u)
{
    double d;
    memcpy(&d, &u, sizeof d);
    return d;
}

/* condition ? a : b by masks: compilers make vector code of this, where ?: on floats becomes a
 * branch (a branch may not raise the flags of the other side). */
static inline uint32_t pick(int condition, uint32_t a, uint32_t b)
{
    uint32_t mask = -(uint32_t)condition;
    return (a & mask) | (b & ~mask);
}

static inline float pick_float(int condition, float a, float b)
{
    return bits_float(pick(condition, float_bits(a), float_bits(b)));
}

/* Nearest integer, halves to even, of |x| < 2^24: what truncation left over is exact. */
static inline int32_t round_float(float x)
{
    int32_t i = (int32_t)x;
    float d = x - (float)i;
    int32_t odd = i & 1;
    return i + ((d > 0.5f) | ((d == 0.5f) & odd)) - ((d < -0.5f) | ((d == -0.5f) & odd));
}

/* Into [lo, hi]; NaN becomes 0. */
static inline float clamp_float(float x, float lo, float hi)
{
    x = pick_float(x == x, x, 0);
    x = pick_float(x > lo, x, lo);
    return pick_float(x < hi, x, hi);
}

static inline int32_t float_int(float x, float lo, float hi)
{
    return round_float(clamp_float(x, lo, hi));
}

static inline uint8_t float_u8(float x) { return (uint8_t)float_int(x, 0, UINT8_MAX); }
static inline int8_t float_i8(float x) { return (int8_t)float_int(x, INT8_MIN, INT8_MAX); }
static inline uint16_t float_u16(float x) { return (uint16_t)float_int(x, 0, UINT16_MAX); }
static inline int16_t float_i16(float x) { return (int16_t)float_int(x, INT16_MIN, INT16_MAX); }

static inline int64_t double_i64(double x)
{
    if (!(x > -0x1p63))
        return x == x ? INT64_MIN : 0;
    if (x >= 0x1p63)
        return INT64_MAX;
    int64_t i = (int64_t)x;
    double d = x - (double)i; /* 0 from 2^52 on, where there are no fractions */
    int odd = (int)(i & 1);
    return i + (d > 0.5 || (d == 0.5 && odd)) - (d < -0.5 || (d == -0.5 && odd));
}

static inline uint64_t double_u64(double x)
{
    if (!(x > 0))
        return 0;
    if (x >= 0x1p64)
        return UINT64_MAX;
    return x >= 0x1p63 ? (uint64_t)x : (uint64_t)double_i64(x);
}

/* A half is sign, 5 bits of exponent (bias 15), 10 of fraction (IEEE 754 binary16). Below 2^-14 it
 * is fraction x 2^-24, built from the integer so that "denormals are zero" cannot touch it. */
static inline float half_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = h & 0x7fff;
    uint32_t normal = (rest << 13) + (112u << 23) + (pick(rest >= 0x7c00, 112, 0) << 23);
    uint32_t small = float_bits((float)(int32_t)rest * 0x1p-24f);
    return bits_float(sign | pick(rest < 0x400, small, normal));
}

static inline uint16_t float_half(float f)
{
    uint32_t u = float_bits(f), sign = u >> 16 & 0x8000, rest = u & 0x7fffffff;
    uint32_t normal = (rest - (112u << 23) + 0xfff + (rest >> 13 & 1)) >> 13;
    uint32_t tiny = pick(rest < 0x38800000, rest, 0); /* below 2^-14 */
    uint32_t small = (uint32_t)round_float(bits_float(tiny) * 0x1p24f);
    uint32_t out = pick(rest < 0x38800000, small, normal);
    out = pick(rest >= 0x477ff000, 0x7c00, out);      /* 65520 and up */
    out = pick(rest > 0x7f800000, 0x7e00 | (rest >> 13 & 0x1ff), out);
    return (uint16_t)(sign | out);
}

/* Rounding twice could be wrong by one: the first step rounds to odd, which the second cannot
 * mistake for a half. */
static inline uint16_t double_half(double x)
{
    float f = (float)x;
    uint32_t u = float_bits(f);
    double a = bits_double(double_bits(f) & (UINT64_MAX >> 1));
    double b = bits_double(double_bits(x) & (UINT64_MAX >> 1));
    u -= (uint32_t)(a > b);
    u |= (uint32_t)(a > b) | (uint32_t)(a < b); /* false for NaN */
    return float_half(bits_float(u));
}

float gn_half_to_float(uint16_t h)
{
    return half_float(h);
}

uint16_t gn_float_to_half(float f)
{
    return float_half(f);
}

/* --- whole arrays --- */

#define LOOP(name, in_t, out_t, how) \
    static void name(const void *restrict in, void *restrict out, size_t n) \
    { \
        const in_t *a = in; \
        out_t *b = out; \
        for (; n >= 64; n -= 64, a += 64, b += 64) { \
            for (int i = 0; i < 64; i++) \
                b[i] = how(a[i]); \
        } \
        for (size_t i = 0; i < n; i++) \
            b[i] = how(a[i]); \
    }

#define AS_FLOAT(x) ((float)(x))
#define AS_DOUBLE(x) ((double)(x))
#define HALF_DOUBLE(x) ((double)half_float(x))

LOOP(u8_to_f, uint8_t, float, AS_FLOAT)
LOOP(i8_to_f, int8_t, float, AS_FLOAT)
LOOP(u16_to_f, uint16_t, float, AS_FLOAT)
LOOP(i16_to_f, int16_t, float, AS_FLOAT)
LOOP(u32_to_f, uint32_t, float, AS_FLOAT)
LOOP(i32_to_f, int32_t, float, AS_FLOAT)
LOOP(u64_to_f, uint64_t, float, AS_FLOAT)
LOOP(i64_to_f, int64_t, float, AS_FLOAT)
LOOP(h_to_f, uint16_t, float, half_float)
LOOP(d_to_f, double, float, AS_FLOAT)

LOOP(u8_to_d, uint8_t, double, AS_DOUBLE)
LOOP(i8_to_d, int8_t, double, AS_DOUBLE)
LOOP(u16_to_d, uint16_t, double, AS_DOUBLE)
LOOP(i16_to_d, int16_t, double, AS_DOUBLE)
LOOP(u32_to_d, uint32_t, double, AS_DOUBLE)
LOOP(i32_to_d, int32_t, double, AS_DOUBLE)
LOOP(u64_to_d, uint64_t, double, AS_DOUBLE)
LOOP(i64_to_d, int64_t, double, AS_DOUBLE)
LOOP(h_to_d, uint16_t, double, HALF_DOUBLE)
LOOP(f_to_d, float, double, AS_DOUBLE)

LOOP(f_to_u8, float, uint8_t, float_u8)
LOOP(f_to_i8, float, int8_t, float_i8)
LOOP(f_to_u16, float, uint16_t, float_u16)
LOOP(f_to_i16, float, int16_t, float_i16)
LOOP(f_to_u64, float, uint64_t, double_u64)
LOOP(f_to_i64, float, int64_t, double_i64)
LOOP(f_to_h, float, uint16_t, float_half)

LOOP(d_to_u64, double, uint64_t, double_u64)
LOOP(d_to_i64, double, int64_t, double_i64)
LOOP(d_to_h, double, uint16_t, double_half)

/* Two doubles side by side (a vector type of gcc and clang, of which every target has the
 * operations); comparisons give lanes of all ones. */
typedef double pair __attribute__((vector_size(16)));
typedef int64_t ipair __attribute__((vector_size(16)));

enum { PIECE = 64 };

/* Nearest integers, halves to even, saturated to lo..hi within [-2^31, 2^32), NaN as 0; their low
 * 32 bits. Adding 1.5 x 2^52 puts one of the two neighbours of x into the low bits, which of them
 * is up to the rounding mode; the remainder d is exact and tells whether it was the right one. */
static void round_doubles(const double x[PIECE], uint32_t out[PIECE], double lo, double hi)
{
    const pair low = { lo, lo }, high = { hi, hi };
    const pair half = { 0.5, 0.5 }, magic = { 0x1.8p52, 0x1.8p52 };
    for (int k = 0; k < PIECE; k += 2) {
        pair v = { x[k], x[k + 1] }, y, d;
        ipair m, i, odd;
        v = (pair)((ipair)v & (v == v));
        m = v > low;
        v = (pair)(((ipair)v & m) | ((ipair)low & ~m));
        m = v < high;
        v = (pair)(((ipair)v & m) | ((ipair)high & ~m));
        y = v + magic;
        d = v - (y - magic);
        i = (ipair)y;
        odd = -(i & 1);
        i -= (d > half) | ((d == half) & odd);
        i += (d < -half) | ((d == -half) & odd);
        out[k] = (uint32_t)i[0];
        out[k + 1] = (uint32_t)i[1];
    }
}

#define ROUND(name, in_t, out_t, lo, hi) \
    static void name(const void *restrict in, void *restrict out, size_t n) \
    { \
        const in_t *a = in; \
        out_t *b = out; \
        double x[PIECE]; \
        uint32_t r[PIECE]; \
        for (; n >= PIECE; n -= PIECE, a += PIECE, b += PIECE) { \
            for (int i = 0; i < PIECE; i++) \
                x[i] = (double)a[i]; \
            round_doubles(x, r, lo, hi); \
            for (int i = 0; i < PIECE; i++) \
                b[i] = (out_t)r[i]; \
        } \
        if (n == 0) \
            return; \
        memset(x, 0, sizeof x); \
        for (size_t i = 0; i < n; i++) \
            x[i] = (double)a[i]; \
        round_doubles(x, r, lo, hi); \
        for (size_t i = 0; i < n; i++) \
            b[i] = (out_t)r[i]; \
    }

ROUND(f_to_u32, float, uint32_t, 0, UINT32_MAX)
ROUND(f_to_i32, float, int32_t, INT32_MIN, INT32_MAX)
ROUND(d_to_u8, double, uint8_t, 0, UINT8_MAX)
ROUND(d_to_i8, double, int8_t, INT8_MIN, INT8_MAX)
ROUND(d_to_u16, double, uint16_t, 0, UINT16_MAX)
ROUND(d_to_i16, double, int16_t, INT16_MIN, INT16_MAX)
ROUND(d_to_u32, double, uint32_t, 0, UINT32_MAX)
ROUND(d_to_i32, double, int32_t, INT32_MIN, INT32_MAX)

typedef void loop_fn(const void *restrict in, void *restrict out, size_t n);

/* In the order of enum gn_dtype; NULL: the dtype itself, a copy. */
static loop_fn *const to_float[GN_DTYPES] = {
    u8_to_f, i8_to_f, u16_to_f, i16_to_f, u32_to_f, i32_to_f, u64_to_f, i64_to_f,
    h_to_f, NULL, d_to_f
};
static loop_fn *const to_double[GN_DTYPES] = {
    u8_to_d, i8_to_d, u16_to_d, i16_to_d, u32_to_d, i32_to_d, u64_to_d, i64_to_d,
    h_to_d, f_to_d, NULL
};
static loop_fn *const from_float[GN_DTYPES] = {
    f_to_u8, f_to_i8, f_to_u16, f_to_i16, f_to_u32, f_to_i32, f_to_u64, f_to_i64,
    f_to_h, NULL, f_to_d
};
static loop_fn *const from_double[GN_DTYPES] = {
    d_to_u8, d_to_i8, d_to_u16, d_to_i16, d_to_u32, d_to_i32, d_to_u64, d_to_i64,
    d_to_h, d_to_f, NULL
};

void gn_convert_to_float(const void *in, enum gn_dtype dtype, float *out, size_t n)
{
    gn_convert(in, dtype, out, GN_FLOAT32, n);
}

void gn_convert_to_double(const void *in, enum gn_dtype dtype, double *out, size_t n)
{
    gn_convert(in, dtype, out, GN_FLOAT64, n);
}

void gn_convert_from_float(const float *in, enum gn_dtype dtype, void *out, size_t n)
{
    gn_convert(in, GN_FLOAT32, out, dtype, n);
}

void gn_convert_from_double(const double *in, enum gn_dtype dtype, void *out, size_t n)
{
    gn_convert(in, GN_FLOAT64, out, dtype, n);
}

/* Does float32 hold every value of the dtype? */
static bool fits_float(enum gn_dtype dtype)
{
    return dtype <= GN_INT16 || dtype == GN_FLOAT16 || dtype == GN_FLOAT32;
}

/* From one 64-bit integer type to the other, which neither float type could carry. */
static void convert_64(const void *in, enum gn_dtype from, void *out, size_t n)
{
    /* A uint64 above INT64_MAX looks negative here; what is negative saturates either way. */
    const int64_t *a = in;
    int64_t *b = out;
    int64_t edge = from == GN_INT64 ? 0 : INT64_MAX;
    for (size_t i = 0; i < n; i++)
        b[i] = a[i] < 0 ? edge : a[i];
}

void gn_convert(const void *in, enum gn_dtype from, void *out, enum gn_dtype to, size_t n)
{
    bool wide_in = from == GN_UINT64 || from == GN_INT64;
    bool wide_out = to == GN_UINT64 || to == GN_INT64;

    assert((unsigned)from < GN_DTYPES && (unsigned)to < GN_DTYPES);
    if (n == 0)
        return;
    if (from == to) {
        memcpy(out, in, n * gn_dtype_size(from));
    } else if (wide_in && wide_out) {
        convert_64(in, from, out, n);
    } else if (to == GN_FLOAT32) {
        to_float[from](in, out, n);
    } else if (to == GN_FLOAT64) {
        to_double[from](in, out, n);
    } else if (from == GN_FLOAT32) {
        from_float[to](in, out, n);
    } else if (from == GN_FLOAT64) {
        from_double[to](in, out, n);
    } else {
        /* Through a piece of float32 or float64 that holds every value of the source. A double does
         * not hold all 64-bit integers, but those it rounds are far outside every other integer
         * type and of float16. */
        union {
            float f[1024];
            double d[512];
        } piece;
        bool narrow = fits_float(from);
        size_t step = narrow ? 1024 : 512, a = gn_dtype_size(from), b = gn_dtype_size(to);
        for (size_t i = 0; i < n; i += step) {
            size_t m = n - i < step ? n - i : step;
            (narrow ? to_float : to_double)[from]((const char *)in + i * a, &piece, m);
            (narrow ? from_float : from_double)[to](&piece, (char *)out + i * b, m);
        }
    }
}

double gn_tensor_get(const struct gn_tensor *t, int64_t index)
{
    double value;
    gn_convert((const char *)t->data + (size_t)index * gn_dtype_size(t->dtype), t->dtype, &value,
               GN_FLOAT64, 1);
    return value;
}

void gn_tensor_set(struct gn_tensor *t, int64_t index, double value)
{
    gn_convert(&value, GN_FLOAT64, (char *)t->data + (size_t)index * gn_dtype_size(t->dtype),
               t->dtype, 1);
}

int gn_tensor_convert(const struct gn_tensor *in, enum gn_dtype dtype, struct gn_tensor *out,
                      struct gn_err *err)
{
    if (gn_tensor_new_raw(out, dtype, in->rank, in->shape, err))
        return -1;
    gn_convert(in->data, in->dtype, out->data, dtype, (size_t)gn_tensor_count(out));
    return 0;
}
