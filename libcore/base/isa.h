/* isa.h - which instruction set the hot loops use: sse2, avx2 (with fma) or avx512.
 *
 * A source called isa_NAME.c is compiled once a set, with GN_ISA = sse2, avx2 or avx512, and names
 * what it exports GN_ISA_NAME(gn_x): gn_x_sse2, gn_x_avx2, gn_x_avx512, usually a struct of
 * function pointers. GN_ISA_PICK(gn_x) is the one for this processor. All sets must give the same
 * bits: no contraction, no sum whose order follows the width. */
#ifndef GN_BASE_ISA_H
#define GN_BASE_ISA_H

#include "base/err.h"

#define GN_PASTE2(a, b) a##_##b
#define GN_PASTE(a, b) GN_PASTE2(a, b)
#define GN_ISA_NAME(name) GN_PASTE(name, GN_ISA)
#define GN_STRING2(x) #x
#define GN_STRING(x) GN_STRING2(x)
#define GN_ISA_STRING GN_STRING(GN_ISA)

#define GN_ISA_PICK(name)                                                                          \
    (gn_isa() == GN_LEVEL_AVX512 ? &name##_avx512                                                  \
     : gn_isa() == GN_LEVEL_AVX2 ? &name##_avx2                                                    \
                                 : &name##_sse2)

enum gn_isa_level { GN_LEVEL_SSE2, GN_LEVEL_AVX2, GN_LEVEL_AVX512 };

/* The set that the environment variable GN_ISA names if this processor has it, else the best one
 * here. */
enum gn_isa_level gn_isa(void);
/* -1: GN_ISA names one that is unknown, or that this processor lacks. */
int gn_isa_check(struct gn_err *err) GN_MUST_USE;
/* For tests: choose by name from now on; -1 if it is unknown or not supported here. */
int gn_isa_choose(const char *name);

#endif
