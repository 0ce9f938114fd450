/* dispatch.c - the kernels of the instruction set in use. */
#include "backend/cpu/cpu.h"
#include "base/isa.h"

extern const struct gn_cpu_kernels gn_cpu_kernels_sse2, gn_cpu_kernels_avx2, gn_cpu_kernels_avx512;

const struct gn_cpu_kernels *gn_cpu_kernels(void)
{
    return GN_ISA_PICK(gn_cpu_kernels);
}
