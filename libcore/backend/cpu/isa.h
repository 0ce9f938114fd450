/* isa.h - what the objects of one instruction set share; included by isa_*.c, which the Makefile
 * compiles once a set with GN_ISA = sse2, avx2 or avx512. */
#ifndef GN_BACKEND_CPU_ISA_H
#define GN_BACKEND_CPU_ISA_H

#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/cpu/simd.h"
#include "base/isa.h"

extern const struct gn_cpu_kernels GN_ISA_NAME(gn_cpu_kernels);
void GN_ISA_NAME(gn_cpu_wgrad_item)(void *arg, size_t item, int thread);
void GN_ISA_NAME(gn_cpu_point_item)(void *arg, size_t item, int thread);

/* Zero the halo that belongs to row (d, h) of one block: its ends, and the rows and planes beyond
 * the border it touches. */
GN_INLINE void zero_halo_row(const struct gn_cpu_tensor *t, int64_t n, int64_t b, int64_t d,
                             int64_t h)
{
    int64_t row = gn_cpu_row(t), plane = gn_cpu_plane(t);
    size_t side = (size_t)(t->hw * t->cb) * sizeof(float);
    float *p = gn_cpu_at(t, n, b, d, h, -t->hw);
    memset(p, 0, side);
    memset(p + row - t->hw * t->cb, 0, side);
    if (h == 0)
        memset(p - t->hh * row, 0, (size_t)(t->hh * row) * sizeof(float));
    if (h == t->h - 1)
        memset(p + row, 0, (size_t)(t->hh * row) * sizeof(float));
    if (d == 0 && h == 0)
        memset(gn_cpu_at(t, n, b, -t->hd, -t->hh, -t->hw), 0,
               (size_t)(t->hd * plane) * sizeof(float));
    if (d == t->d - 1 && h == 0)
        memset(gn_cpu_at(t, n, b, t->d, -t->hh, -t->hw), 0,
               (size_t)(t->hd * plane) * sizeof(float));
}

#endif
