/* tensor - dtypes, sizes, and conversions against slow exact rules written out here. */
#include "base/tensor.h"

#include <fenv.h>
#include <float.h>
#include <stdlib.h>

#include "check.h"

/* Nearest integer, halves to even, by the definition. */
static double round_even(double x)
{
    double f = floor(x), d = x - f;
    if (d != 0.5)
        return d < 0.5 ? f : f + 1;
    return fmod(f, 2) == 0 ? f : f + 1;
}

static double expect_int(enum gn_dtype t, double x)
{
    double lo, hi;
    gn_dtype_range(t, &lo, &hi);
    x = isnan(x) ? 0 : round_even(x);
    return x < lo ? lo : x > hi ? hi : x;
}

static uint64_t state = 1;
static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Values that matter for rounding and saturation, then random ones of every size; all float32. */
enum { N = 5003 };
static float sample[N];
static void make_samples(void)
{
    static const float special[] = {
        0, -0.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 0.49999997f, -0.49999997f, 127, 127.5f,
        128, 254.5f, 255, 255.5f, 256, -127.5f, -128, -128.5f, -129, 32766.5f, 32767.5f, 65534.5f,
        65535.5f, 65536, -32768.5f, -32769, 8388607.5f, 16777216, 2147483520.0f, 2147483648.0f,
        -2147483648.0f, 4294967040.0f, 4294967296.0f, 1e30f, -1e30f, FLT_MAX, -FLT_MAX, INFINITY,
        -INFINITY, NAN, FLT_MIN, 1e-45f, 9223371487098961920.0f, 9223372036854775808.0f
    };
    size_t n = sizeof special / sizeof *special;
    memcpy(sample, special, sizeof special);
    for (size_t i = n; i < N; i++) {
        double u = (double)(int64_t)next() * 0x1p-63;
        sample[i] = (float)(i % 3 ? round_even(ldexp(u, 1 + (int)(i % 40))) * 0.5
                                  : ldexp(u, (int)(i % 40)));
    }
}

static int same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void check_to_integers(void)
{
    static float in_f[N];
    static double in_d[N];
    struct gn_err err = { 0 };
    for (int i = 0; i < N; i++)
        in_d[i] = in_f[i] = sample[i];
    for (int t = GN_UINT8; t <= GN_INT64; t++) {
        struct gn_tensor f = { .dtype = GN_FLOAT32, .rank = 1, .shape = { N }, .data = in_f },
                         d = f, a, b;
        int ok = 1;
        d.dtype = GN_FLOAT64;
        d.data = in_d;
        if (gn_tensor_convert(&f, (enum gn_dtype)t, &a, &err) ||
            gn_tensor_convert(&d, (enum gn_dtype)t, &b, &err)) {
            CHECK("conversion to an integer type succeeds", 0);
            continue;
        }
        for (int i = 0; i < N; i++) {
            double want = expect_int((enum gn_dtype)t, sample[i]);
            if (gn_tensor_get(&a, i) != want || gn_tensor_get(&b, i) != want) {
                if (ok)
                    printf("# %s of %.9g: %.17g and %.17g, not %.17g\n", gn_dtype_names[t],
                           (double)sample[i], gn_tensor_get(&a, i), gn_tensor_get(&b, i), want);
                ok = 0;
            }
        }
        char name[100];
        snprintf(name, sizeof name, "float32 and float64 to %s round half to even and saturate",
                 gn_dtype_names[t]);
        CHECK(name, ok);
        gn_tensor_free(&a);
        gn_tensor_free(&b);
    }
}

static void check_extreme_integers(void)
{
    int64_t s[4] = { INT64_MIN, -1, 9007199254740993, INT64_MAX }, back[4];
    uint64_t u[4] = { 0, 9007199254740993u, (uint64_t)INT64_MAX + 1, UINT64_MAX }, got[4];
    int32_t w[4];
    uint8_t b[4];
    float f[4];

    gn_convert(s, GN_INT64, got, GN_UINT64, 4);
    CHECK("int64 to uint64 saturates at 0 and keeps every bit",
          got[0] == 0 && got[1] == 0 && got[2] == 9007199254740993u &&
              got[3] == (uint64_t)INT64_MAX);
    gn_convert(u, GN_UINT64, back, GN_INT64, 4);
    CHECK("uint64 to int64 saturates at the top and keeps every bit",
          back[0] == 0 && back[1] == 9007199254740993 && back[2] == INT64_MAX &&
              back[3] == INT64_MAX);
    gn_convert(s, GN_INT64, w, GN_INT32, 4);
    CHECK("int64 to int32 saturates",
          w[0] == INT32_MIN && w[1] == -1 && w[2] == INT32_MAX && w[3] == INT32_MAX);
    gn_convert(w, GN_INT32, b, GN_UINT8, 4);
    CHECK("int32 to uint8 saturates", b[0] == 0 && b[1] == 0 && b[2] == 255 && b[3] == 255);
    /* 2^60 + 2^36 + 1: rounding to double first would make it a tie and then round down */
    int64_t tie = (INT64_C(1) << 60) + (INT64_C(1) << 36) + 1;
    gn_convert(&tie, GN_INT64, f, GN_FLOAT32, 1);
    CHECK("int64 to float32 rounds once", f[0] == 0x1.000002p60f);
    double edge[6] = { 0x1p63, -0x1p63, 0x1p64, 4503599627370497.5, 0x1.fffffffffffffp63, -0.5 };
    int64_t e[6];
    gn_convert_from_double(edge, GN_INT64, e, 6);
    CHECK("float64 to int64 at its edges",
          e[0] == INT64_MAX && e[1] == INT64_MIN && e[2] == INT64_MAX &&
              e[3] == 4503599627370498 && e[5] == 0);
    uint64_t v[6];
    gn_convert_from_double(edge, GN_UINT64, v, 6);
    CHECK("float64 to uint64 at its edges",
          v[0] == UINT64_C(1) << 63 && v[1] == 0 && v[2] == UINT64_MAX &&
              v[4] == UINT64_C(0xfffffffffffff800) && v[5] == 0);
    double fine[4] = { 4294967294.5, 4294967293.5, 4294967295.5, 2147483647.5 };
    uint32_t x[4];
    gn_convert_from_double(fine, GN_UINT32, x, 4);
    gn_convert_from_double(fine, GN_INT32, w, 4);
    CHECK("float64 to 32 bits rounds halves to even near the top",
          x[0] == 4294967294u && x[1] == 4294967294u && x[2] == UINT32_MAX && x[3] == 2147483648u &&
              w[3] == INT32_MAX);
}

/* Every dtype to every dtype of small integers, which all of them hold, in odd lengths. */
static void check_all_pairs(void)
{
    static const int lengths[] = { 1, 63, 64, 65, 1500, 4097 };
    static unsigned char from[4097 * 8], to[4097 * 8];
    static double want[4097], got[4097];
    int ok = 1;
    for (int i = 0; i < 4097; i++)
        want[i] = i * 7 % 128;
    for (int a = 0; a < GN_DTYPES; a++) {
        for (int b = 0; b < GN_DTYPES; b++) {
            for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
                size_t n = (size_t)lengths[k], end = n * gn_dtype_size((enum gn_dtype)b);
                gn_convert_from_double(want, (enum gn_dtype)a, from, n);
                memset(to, 0xa5, sizeof to);
                gn_convert(from, (enum gn_dtype)a, to, (enum gn_dtype)b, n);
                gn_convert_to_double(to, (enum gn_dtype)b, got, n);
                ok &= !memcmp(want, got, n * sizeof *got);
                for (size_t i = end; i < sizeof to && i < end + 64; i++)
                    ok &= to[i] == 0xa5;
            }
        }
    }
    CHECK("every dtype to every dtype keeps small integers and writes n elements only", ok);
}

static double half_value(unsigned h)
{
    int e = (int)(h >> 10 & 31), m = (int)(h & 1023);
    double v = e == 31 ? (m ? (double)NAN : (double)INFINITY)
               : e     ? ldexp(1024 + m, e - 25)
                       : ldexp(m, -24);
    return h & 0x8000 ? -v : v;
}

static void check_half(void)
{
    int values = 1, trip = 1, middle = 1, twice = 1;
    for (unsigned h = 0; h < 65536; h++) {
        float f = gn_half_to_float((uint16_t)h);
        values &= same((double)f, half_value(h)) && (isnan(f) || !signbit(f) == !(h & 0x8000));
        trip &= isnan(f) ? (gn_float_to_half(f) & 0x7fff) > 0x7c00 : gn_float_to_half(f) == h;
    }
    CHECK("all 65536 float16 have the value that IEEE 754 gives them", values);
    CHECK("every float16 survives float32 and back", trip);
    for (unsigned h = 0; h < 0x7c00; h++) {
        double a = half_value(h), b = h + 1 == 0x7c00 ? 65536 : half_value(h + 1), m = (a + b) / 2;
        uint16_t even = (uint16_t)(h & 1 ? h + 1 : h), got[6];
        float f[3] = { (float)m, nextafterf((float)m, 0), nextafterf((float)m, INFINITY) };
        /* so close to the tie that float32 cannot tell: rounding through it would be wrong */
        double d[3] = { m, nextafter(m, 0), nextafter(m, INFINITY) };
        gn_convert_from_float(f, GN_FLOAT16, got, 3);
        middle &= got[0] == even && got[1] == h && got[2] == h + 1;
        gn_convert_from_double(d, GN_FLOAT16, got + 3, 3);
        twice &= got[3] == even && got[4] == h && got[5] == h + 1;
    }
    CHECK("float32 to float16 rounds ties to even, all others to the nearest", middle);
    CHECK("float64 to float16 rounds once", twice);
    CHECK("float16 overflows to infinity from 65520 on",
          gn_float_to_half(65519.996f) == 0x7bff && gn_float_to_half(65520) == 0x7c00 &&
          gn_float_to_half(-1e30f) == 0xfc00 && gn_float_to_half(-INFINITY) == 0xfc00);
    double big[2] = { 1e300, -1e300 };
    uint16_t got[2];
    gn_convert_from_double(big, GN_FLOAT16, got, 2);
    CHECK("float64 beyond float32 becomes an infinite float16",
          got[0] == 0x7c00 && got[1] == 0xfc00);
}

/* A library may leave another rounding mode behind: integers and halves must not notice. */
static void check_environment(void)
{
    static const int modes[] = { FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
    static unsigned char a[N * 8], b[N * 8];
    int ok = 1;
    for (int t = 0; t <= GN_FLOAT16; t++) {
        size_t bytes = N * gn_dtype_size((enum gn_dtype)t);
        gn_convert_from_float(sample, (enum gn_dtype)t, a, N);
        for (int k = 0; k < 3; k++) {
            fesetround(modes[k]);
            gn_convert_from_float(sample, (enum gn_dtype)t, b, N);
            fesetround(FE_TONEAREST);
            ok &= !memcmp(a, b, bytes);
        }
    }
    CHECK("the rounding mode of the environment changes no conversion to integers or float16", ok);
}

static void check_sizes(void)
{
    struct gn_err err = { 0 };
    struct gn_tensor t;
    enum gn_dtype d;
    size_t bytes = 0;

    CHECK("dtype names parse to themselves",
          gn_dtype_parse("float16", &d) == 0 && d == GN_FLOAT16 &&
              gn_dtype_parse("uint8", &d) == 0 && d == GN_UINT8 &&
              gn_dtype_parse("Float32", &d) == -1 && gn_dtype_parse("", &d) == -1);
    CHECK("a new tensor is zeroed, aligned and owned",
          gn_tensor_new4(&t, GN_INT16, 2, 3, 5, 7, &err) == 0 && gn_tensor_count(&t) == 210 &&
              (uintptr_t)t.data % 64 == 0 && t.owned == t.data &&
              gn_tensor_bytes(&t, &bytes, &err) == 0 && bytes == 420 &&
              gn_tensor_get(&t, 209) == 0);
    gn_tensor_set(&t, 209, -2.5);
    CHECK("set rounds half to even", gn_tensor_get(&t, 209) == -2 && gn_tensor_get(&t, 208) == 0);
    gn_tensor_set(&t, 208, (double)NAN);
    CHECK("set of NaN gives 0 in an integer", gn_tensor_get(&t, 208) == 0);
    gn_tensor_free(&t);
    CHECK("a freed tensor is empty", !t.data && !t.owned && !t.rank);
    gn_tensor_free(&t);

    static const int64_t bad[][3] = { { 0, 1, 1 },
                                      { 1, -1, 1 },
                                      { INT64_MAX, INT64_MAX, 2 },
                                      { INT64_C(1) << 46, 1, 2 },
                                      { INT64_C(1) << 32, INT64_C(1) << 32, 1 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memset(&err, 0, sizeof err);
        CHECK("a shape that is empty or too large is refused",
              gn_tensor_new(&t, GN_UINT8, 3, bad[i], &err) == -1 && err.code == 1 && err.text[0] &&
                  !t.data);
    }
    memset(&err, 0, sizeof err);
    CHECK("nine axes are refused",
          gn_tensor_new(&t, GN_UINT8, 9, (const int64_t[9]){ 1 }, &err) == -1 && !t.data);
    memset(&err, 0, sizeof err);
    CHECK("no axes is one element",
          gn_tensor_new(&t, GN_FLOAT64, 0, NULL, &err) == 0 && gn_tensor_count(&t) == 1);
    gn_tensor_free(&t);
}

int main(void)
{
    make_samples();
    check_sizes();
    check_to_integers();
    check_extreme_integers();
    check_all_pairs();
    check_half();
    check_environment();
    return check_done();
}
