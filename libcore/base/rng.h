/* rng.h - Philox4x32-10: random numbers that are a pure function of their place.
 *
 * Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.  No state: the same key
 * and counter give the same numbers in any order and on any number of threads.  The packing of key
 * and counter is spelled out, with test vectors, in gn-stream(5). */
#ifndef GN_BASE_RNG_H
#define GN_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* The bare generator: 4 x 32 random bits from a 128-bit counter and a 64-bit key. */
void gn_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Where a draw stands. Key = seed xor FNV-1a-64(sample [+ "/" + image]), low word first. Counter
 * words: 0,1 = 64-bit index (low, high); 2 = patch; 3 = epoch (low 24 bits) | operation << 24. */
struct gn_draw {
    uint64_t key;
    uint32_t patch;
    uint32_t epoch;  /* 24 bits */
    uint8_t op;      /* the operation's place in the list */
};

/* image NULL: a spatial draw, shared by all records of the sample. */
struct gn_draw gn_draw_at(uint64_t seed, const char *sample, const char *image, uint32_t epoch,
                          uint32_t patch, uint8_t op);
/* 4 x 32 bits of the draw's block number index. */
void gn_draw_bits(const struct gn_draw *d, uint64_t index, uint32_t out[4]);
/* Uniform in [0,1) with 53 bits: the top 53 of the 64-bit number made of words 0 (low) and 1 (high)
 * of block index. */
double gn_draw_uniform(const struct gn_draw *d, uint64_t index);
/* lo + (hi - lo) x uniform, kept below hi; lo when hi <= lo. */
double gn_draw_range(const struct gn_draw *d, uint64_t index, double lo, double hi);
/* Unbiased integer in [0, n), n >= 1: the high half of n x (words 0, 1 as above); where that would
 * favour some value (probability below n / 2^64) the next 64 bits are taken: words 2, 3, then the
 * words of the block whose key is larger by 0x9e3779b97f4a7c15, and so on. (Lemire, "Fast random
 * integer generation in an interval", 2019.) */
uint64_t gn_draw_below(const struct gn_draw *d, uint64_t index, uint64_t n);
/* Standard normal deviates number first .. first+n-1 of the draw, float32: deviates 4b..4b+3 come
 * from block b by Box-Muller in our own logarithm and sine, equal on every instruction set. With
 * r(w) = sqrt(-2 ln u), u the float nearest to (w >> 1) / 2^31 plus 2^-32, and a(w) = 2 pi w /
 * 2^32, they are r(w0) cos a(w1), r(w0) sin a(w1), r(w2) cos a(w3), r(w2) sin a(w3): at most 6.66
 * in size, each within 3e-7 r of the exact value. */
void gn_draw_normal(const struct gn_draw *d, uint64_t first, float *out, size_t n);
/* The same numbers from the plain version, for tests and for reading. */
void gn_draw_normal_plain(const struct gn_draw *d, uint64_t first, float *out, size_t n);
/* Random permutation of 0..n-1 (Fisher-Yates over gn_draw_below with indices n-1..1). */
void gn_draw_permutation(const struct gn_draw *d, uint32_t *order, uint32_t n);

#endif
