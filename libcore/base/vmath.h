/* vmath.h - elementary functions over arrays, from SLEEF's deterministic set: the same bits on AVX2
 * and AVX-512, within 1 ulp (https://sleef.org).  In and out may be the same array; a value gives
 * the same result wherever it stands in it.  Results do not depend on gcc or clang.
 *
 * A processor without fused multiply-add (x86-64 before 2013) gets SLEEF's set for such machines:
 * as accurate, but not the same bits. */
#ifndef GN_BASE_VMATH_H
#define GN_BASE_VMATH_H

#include <stddef.h>

void gn_vexpf(float *y, const float *x, size_t n);
void gn_vlogf(float *y, const float *x, size_t n);
void gn_vsincosf(float *s, float *c, const float *x, size_t n); /* x in radians; s or c may be x */
double gn_vmath_exp(double x); /* one value, by the same rules */
double gn_vmath_log(double x);

/* For tests: the kernels from here on are "avx512", "avx2" or "none"; -1: this processor has no
 * such thing. */
int gn_vmath_use(const char *level);

#endif
