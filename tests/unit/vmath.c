/* vmath - elementary functions against libm in double, and their bits wherever a value stands. */
#include "base/vmath.h"

#include <float.h>
#include <stdlib.h>

#include "check.h"

enum { N = 40009 };
static float x[N + 16], y[N + 16], z[N + 16], w[N + 16];

/* Distance from the exact value in units in the last place of float. */
static double ulps(float got, double want)
{
    if (isnan(want) || isinf((float)want) || want == 0)
        return (isnan(want) && isnan(got)) || got == (float)want ? 0 : 1e9;
    int e;
    frexp(want, &e);
    return fabs((double)got - want) / ldexp(1, e - 24 < -149 ? -149 : e - 24);
}

static double worst(const float *got, double (*f)(double))
{
    double most = 0;
    for (int i = 0; i < N; i++)
        most = fmax(most, ulps(got[i], f((double)x[i])));
    return most;
}

static void fill(double lo, double hi)
{
    for (int i = 0; i < N; i++)
        x[i] = (float)(lo + (hi - lo) * i / (N - 1));
}

/* SLEEF's own scalar versions, which it promises to agree with its vectors bit for bit. */
struct pair { float sine, cosine; };
extern float Sleef_finz_expf1_u10purecfma(float);
extern float Sleef_finz_logf1_u10purecfma(float);
extern struct pair Sleef_finz_sincosf1_u10purecfma(float);
extern double Sleef_finz_expd1_u10purecfma(double);
extern double Sleef_finz_logd1_u10purecfma(double);

static void check_bits(const char *level)
{
    char name[120];
    int e = 1, l = 1, sc = 1, d = 1;
    fill(0.001, 80);
    gn_vexpf(y, x, N);
    for (int i = 0; i < N; i++)
        e &= y[i] == Sleef_finz_expf1_u10purecfma(x[i]);
    gn_vlogf(y, x, N);
    for (int i = 0; i < N; i++)
        l &= y[i] == Sleef_finz_logf1_u10purecfma(x[i]);
    gn_vsincosf(y, z, x, N);
    for (int i = 0; i < N; i++) {
        struct pair r = Sleef_finz_sincosf1_u10purecfma(x[i]);
        sc &= y[i] == r.sine && z[i] == r.cosine;
    }
    for (int i = 0; i < N; i++) {
        d &= gn_vmath_exp((double)x[i]) == Sleef_finz_expd1_u10purecfma((double)x[i]);
        d &= gn_vmath_log((double)x[i]) == Sleef_finz_logd1_u10purecfma((double)x[i]);
    }
    snprintf(name, sizeof name, "%s: exp, log, sincos have the bits of SLEEF's scalar functions",
             level);
    CHECK(name, e && l && sc);
    snprintf(name, sizeof name, "%s: gn_exp and gn_log have the bits of SLEEF's scalar functions",
             level);
    CHECK(name, d);
}

static void check_level(const char *level)
{
    char name[120];
#define SAY(text) (snprintf(name, sizeof name, "%s: %s", level, text), name)
    fill(-87, 88);
    gn_vexpf(y, x, N);
    CHECK(SAY("exp within 1 ulp"), worst(y, exp) <= 1);
    for (int i = 0; i < N; i++)
        x[i] = (float)ldexp(1 + (i % 1000) * 0.001, i % 250 - 125);
    gn_vlogf(y, x, N);
    CHECK(SAY("log within 1 ulp"), worst(y, log) <= 1);
    fill(-100, 100);
    gn_vsincosf(y, z, x, N);
    CHECK(SAY("sine within 1 ulp"), worst(y, sin) <= 1);
    CHECK(SAY("cosine within 1 ulp"), worst(z, cos) <= 1);

    int place = 1, bounds = 1;
    fill(-20, 20);
    gn_vexpf(y, x, N);
    gn_vsincosf(z, w, x, N);
    for (size_t start = 0; start < 40; start++) {
        for (size_t n = 0; n < 40; n++) {
            float e[48], s[48], c[48];
            for (int i = 0; i < 48; i++)
                e[i] = s[i] = c[i] = 7;
            gn_vexpf(e, x + start, n);
            gn_vsincosf(s, c, x + start, n);
            place &= !memcmp(e, y + start, n * 4) && !memcmp(s, z + start, n * 4) &&
                     !memcmp(c, w + start, n * 4);
            bounds &= e[n] == 7 && s[n] == 7 && c[n] == 7;
        }
    }
    CHECK(SAY("a value gives the same bits wherever it stands"), place);
    CHECK(SAY("nothing is written past the end"), bounds);
    memcpy(w, x, sizeof x);
    gn_vexpf(w, w, N);
    CHECK(SAY("in place"), !memcmp(w, y, N * sizeof *y));

    float odd[4] = { 0, -1, INFINITY, NAN }, out[4];
    gn_vlogf(out, odd, 4);
    CHECK(SAY("log of 0, -1, infinity, NaN"),
          out[0] == -INFINITY && isnan(out[1]) && out[2] == INFINITY && isnan(out[3]));
    float far[4] = { 200, -200, -INFINITY, NAN };
    gn_vexpf(out, far, 4);
    CHECK(SAY("exp of 200, -200, -infinity, NaN"),
          out[0] == INFINITY && out[1] == 0 && out[2] == 0 && isnan(out[3]));
    int exact = 1;
    for (int i = -700; i <= 700; i++) {
        exact &= fabs(gn_vmath_exp(i) - exp(i)) <= 2.3e-16 * exp(i);
        exact &= fabs(gn_vmath_log(i + 701) - log(i + 701)) <= 2.3e-16 * log(i + 701);
    }
    CHECK(SAY("gn_exp and gn_log agree with libm to an ulp"),
          exact && gn_vmath_exp(0) == 1 && gn_vmath_log(1) == 0 && isinf(gn_vmath_log(0)));
}

int main(void)
{
    if (gn_vmath_use("none") == 0)
        check_level("none");
    if (gn_vmath_use("avx2") == 0) {
        check_level("avx2");
        check_bits("avx2");
    }
    if (gn_vmath_use("avx512") == 0) {
        check_level("avx512");
        check_bits("avx512");
    }
    CHECK("an unknown instruction set is refused", gn_vmath_use("mmx") == -1);
    return check_done();
}
