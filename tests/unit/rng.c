/* rng - Philox against its published vectors, the packing of draws, the numbers made of them. */
#include "base/rng.h"

#include <stdlib.h>

#include "check.h"

/* Random123, kat_vectors, "philox4x32 10" (https://github.com/DEShawResearch/random123). */
static void check_philox(void)
{
    static const struct { uint32_t counter[4], key[2], out[4]; } kat[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff }, { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < sizeof kat / sizeof *kat; i++) {
        uint32_t out[4];
        gn_philox(kat[i].counter, kat[i].key, out);
        CHECK("philox4x32-10 gives Random123's known answer", !memcmp(out, kat[i].out, sizeof out));
    }
}

static void check_packing(void)
{
    uint32_t got[4], want[4];
    /* FNV-1a of "a" and "foobar" as published (http://www.isthe.com/chongo/tech/comp/fnv/). */
    struct gn_draw a = gn_draw_at(0, "a", NULL, 0, 0, 0),
                   f = gn_draw_at(0x55, "foo", "bar", 0x01234567, 9, 0xfe);
    CHECK("a spatial draw's key is seed xor FNV-1a of the sample",
          a.key == UINT64_C(0xaf63dc4c8601ec8c) &&
              gn_draw_at(0, "foobar", NULL, 0, 0, 0).key == UINT64_C(0x85944171f73967e8));
    CHECK("an intensity draw's key adds / and the image's name",
          f.key == (gn_draw_at(0, "foo/bar", NULL, 0, 0, 0).key ^ 0x55));
    gn_draw_bits(&f, UINT64_C(0x8000000700000005), got);
    gn_philox((uint32_t[4]){ 5, 0x80000007, 9, 0xfe234567 },
              (uint32_t[2]){ (uint32_t)f.key, (uint32_t)(f.key >> 32) }, want);
    CHECK("the counter is index, patch, epoch (24 bits) and operation (8)",
          !memcmp(got, want, sizeof got));
    struct gn_draw s = gn_draw_at(1234, "001", "Channel_0", 3, 7, 2);
    static const uint32_t known[4] = { 0x9dd1d894, 0x91d7f919, 0xee1820ec, 0xd2c3bad0 };
    gn_draw_bits(&s, 11, got);
    CHECK("the worked example of gn-stream(5)",
          s.key == UINT64_C(0xd32ef904c7163f6d) && !memcmp(got, known, sizeof got));
}

static void check_uniform(void)
{
    struct gn_draw d = gn_draw_at(7, "u", NULL, 0, 0, 0);
    enum { N = 200000, BINS = 64 };
    int bin[BINS] = { 0 }, inside = 1;
    double chi = 0, sum = 0;
    uint32_t w[4];
    gn_draw_bits(&d, 3, w);
    CHECK("uniform is the top 53 bits of words 1, 0",
          gn_draw_uniform(&d, 3) == ldexp((double)(((uint64_t)w[1] << 32 | w[0]) >> 11), -53));
    for (uint64_t i = 0; i < N; i++) {
        double u = gn_draw_uniform(&d, i), v = gn_draw_range(&d, i, -3, 5);
        inside &= u >= 0 && u < 1 && v == -3 + 8 * u;
        bin[(int)(u * BINS)]++;
        sum += u;
    }
    for (int i = 0; i < BINS; i++)
        chi += pow(bin[i] - (double)N / BINS, 2) / ((double)N / BINS);
    CHECK("uniform lies in [0,1), range in its interval", inside);
    CHECK("uniform fills 64 bins evenly (chi-square, 63 degrees, 0.1 % to 99.9 %)",
          chi > 33 && chi < 104);
    CHECK_NEAR("uniform has mean 1/2 (4 sigma)", sum / N, 0.5, 4 / sqrt(12.0 * N));
    int below = 1;
    for (uint64_t i = 0; i < 10000; i++) {
        double x = gn_draw_range(&d, i, 1, nextafter(1, 2));
        below &= x == 1;
    }
    CHECK("range never reaches its upper end", below);
    CHECK("an empty range gives its lower end",
          gn_draw_range(&d, 0, 2, 2) == 2 && gn_draw_range(&d, 0, 2, 1) == 2);
}

static void check_below(void)
{
    struct gn_draw d = gn_draw_at(7, "b", NULL, 0, 0, 0);
    int bin[7] = { 0 }, inside = 1, high[3] = { 0 };
    double chi = 0;
    for (uint64_t i = 0; i < 70000; i++) {
        uint64_t k = gn_draw_below(&d, i, 7);
        inside &= k < 7;
        bin[k % 7]++;
        inside &= gn_draw_below(&d, i, 1) == 0;
    }
    for (int i = 0; i < 7; i++)
        chi += pow(bin[i] - 10000, 2) / 10000;
    CHECK("below(7) lies in 0..6 and is even (chi-square, 6 degrees, 99.9 %)",
          inside && chi < 22.5);
    /* n = 3 x 2^62: one 64-bit number in four must be drawn again; without that, values divisible
     * by 3 are twice as frequent */
    for (uint64_t i = 0; i < 30000; i++)
        high[gn_draw_below(&d, i, UINT64_C(3) << 62) % 3]++;
    chi = 0;
    for (int i = 0; i < 3; i++)
        chi += pow(high[i] - 10000, 2) / 10000;
    CHECK("below(3 x 2^62) is unbiased, unlike a plain product (chi-square, 2 degrees, 99.9 %)",
          chi < 13.8);
    /* almost every second number is refused, so some draws go past the first block */
    inside = 1;
    for (uint64_t i = 0; i < 10000; i++)
        inside &= gn_draw_below(&d, i, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63;
    CHECK("below(2^63 + 1) stays inside", inside);
}

static void check_permutation(void)
{
    enum { N = 100003 };
    static uint32_t order[N], again[N];
    static unsigned char seen[N];
    struct gn_draw d = gn_draw_at(1, "p", NULL, 0, 0, 0), e = gn_draw_at(1, "p", NULL, 1, 0, 0);
    int valid = 1, fixed = 0;
    gn_draw_permutation(&d, order, N);
    for (int i = 0; i < N; i++) {
        valid &= order[i] < N && !seen[order[i]];
        if (order[i] < N)
            seen[order[i]] = 1;
        fixed += order[i] == (uint32_t)i;
    }
    CHECK("a permutation holds every number once", valid);
    CHECK("a permutation leaves few numbers in place", fixed < 10);
    gn_draw_permutation(&d, again, N);
    CHECK("the same draw gives the same permutation", !memcmp(order, again, sizeof order));
    gn_draw_permutation(&e, again, N);
    CHECK("another epoch gives another permutation", memcmp(order, again, sizeof order));
    gn_draw_permutation(&d, again, 0);
    again[1] = 77;
    gn_draw_permutation(&d, again, 1);
    CHECK("permutations of none and of one", again[0] == 0 && again[1] == 77);
    int count[6] = { 0 };
    double chi = 0;
    for (uint32_t i = 0; i < 6000; i++) {
        uint32_t p[3];
        d.patch = i;
        gn_draw_permutation(&d, p, 3);
        count[p[0] * 2 + (p[1] > p[2])]++;
    }
    for (int i = 0; i < 6; i++)
        chi += pow(count[i] - 1000, 2) / 1000;
    CHECK("the six permutations of three are equally frequent (chi-square, 5 degrees, 99.9 %)",
          chi < 20.5);
}

static double phi(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

static void check_normal(void)
{
    enum { N = 1 << 20 };
    static float z[N + 64], p[N + 64];
    struct gn_draw d = gn_draw_at(42, "n", "t1", 5, 6, 7);
    double m[5] = { 0 }, chi = 0, pair = 0;
    int bins[42] = { 0 }, same = 1, ends = 1;

    gn_draw_normal(&d, 0, z, N);
    gn_draw_normal_plain(&d, 0, p, N);
    CHECK("the fast normal deviates are the plain ones, bit for bit", !memcmp(z, p, N * sizeof *z));
    for (size_t first = 0; first < 70; first++) {
        for (size_t n = 0; n < 140; n += 1 + n / 8) {
            float part[160];
            for (int i = 0; i < 160; i++)
                part[i] = 99;
            gn_draw_normal(&d, first, part, n);
            same &= !memcmp(part, z + first, n * sizeof *z);
            ends &= part[n] == 99;
        }
    }
    CHECK("any part of a run has the numbers of the whole", same);
    CHECK("nothing is written past the end", ends);
    gn_draw_normal(&d, (UINT64_C(1) << 34) - 77, z, 200);
    gn_draw_normal_plain(&d, (UINT64_C(1) << 34) - 77, p, 200);
    CHECK("block numbers carry into the second word", !memcmp(z, p, 200 * sizeof *z));
    gn_draw_normal(&d, 0, z, N);

    /* against double precision on the same bits */
    double worst = 0;
    for (uint64_t b = 0; b < N / 4; b++) {
        uint32_t w[4];
        gn_draw_bits(&d, b, w);
        for (int i = 0; i < 4; i += 2) {
            float u = (float)(int32_t)(w[i] >> 1) * 0x1p-31f + 0x1p-32f;
            double r = sqrt(-2 * log((double)u)), a = 2 * acos(-1.0) * w[i + 1] * 0x1p-32;
            worst = fmax(worst, fabs((double)z[4 * b + (uint64_t)i] - r * cos(a)) / (r + 1e-30));
            worst = fmax(worst,
                         fabs((double)z[4 * b + (uint64_t)i + 1] - r * sin(a)) / (r + 1e-30));
        }
    }
    CHECK("Box-Muller agrees with double precision to 3e-7 of the radius", worst < 3e-7);

    for (int i = 0; i < N; i++) {
        double x = (double)z[i];
        for (int k = 1; k < 5; k++)
            m[k] += pow(x, k) / N;
        int b = (int)floor(x * 5) + 21;
        bins[b < 0 ? 0 : b > 41 ? 41 : b]++;
        pair += i % 4 ? x * (double)z[i - 1] / N : 0;
    }
    CHECK_NEAR("mean 0 (4 sigma)", m[1], 0, 4.0 / 1024);
    CHECK_NEAR("variance 1 (4 sigma)", m[2], 1, 4 * sqrt(2) / 1024);
    CHECK_NEAR("third moment 0 (4 sigma)", m[3], 0, 4 * sqrt(15) / 1024);
    CHECK_NEAR("fourth moment 3 (4 sigma)", m[4] - 3, 0, 4 * sqrt(96) / 1024);
    CHECK_NEAR("neighbours do not correlate (4 sigma)", pair, 0, 4 * sqrt(0.75) / 1024);
    for (int b = 0; b < 42; b++) {
        double lo = b == 0 ? 0 : phi((b - 21) / 5.0), hi = b == 41 ? 1 : phi((b - 20) / 5.0);
        double e = (hi - lo) * N;
        chi += (bins[b] - e) * (bins[b] - e) / e;
    }
    CHECK("histogram is the bell (chi-square, 41 degrees, 0.1 % to 99.9 %)", chi > 18 && chi < 75);

    float one[4];
    gn_draw_normal(&d, 0, one, 4);
    static const uint32_t known[4] = { 0x3fa6d945, 0x3d98b81f, 0xbfe532ef, 0xbdbbe084 };
    CHECK("the worked example of four deviates", !memcmp(one, known, sizeof one));
}

int main(void)
{
    check_philox();
    check_packing();
    check_uniform();
    check_below();
    check_permutation();
    check_normal();
    return check_done();
}
