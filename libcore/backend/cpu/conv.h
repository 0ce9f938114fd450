/* conv.h - what conv.c, pack.c and point.c share: the order of packed weights, partial sums. */
#ifndef GN_BACKEND_CPU_CONV_H
#define GN_BACKEND_CPU_CONV_H

#include "backend/cpu/cpu.h"

/* The taps of an axis that residue class p of the input meets, ascending, and the shift of dy each
 * stands for; returns their number. */
int gn_cpu_class_taps(const struct gn_cpu_conv *cv, int axis, int p, int *tap, int *shift);
/* Floats that one residue class takes in packed backward weights. */
size_t gn_cpu_pack_class_size(const struct gn_cpu_conv *cv, int64_t cin, int64_t cout,
                              const int p[3]);

/* Partial sums [chunks][n][blocks][2][16] to sums (n, c, 2), chunks added in their order. */
struct gn_cpu_reduce {
    const double *part;
    int64_t chunks, n, blocks, c;
    double *sums;
};
void gn_cpu_reduce(const struct gn_cpu_reduce *r);

#endif
