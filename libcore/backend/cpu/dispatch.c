/* dispatch.c - which instruction set's kernels run: the best this processor has, or the one GN_ISA
 * names. */
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/err.h"

extern const struct gn_cpu_kernels gn_cpu_kernels_sse2, gn_cpu_kernels_avx2, gn_cpu_kernels_avx512;

static const struct gn_cpu_kernels *chosen;

static bool supported(const char *name)
{
    if (strcmp(name, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("fma");
    if (strcmp(name, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return strcmp(name, "sse2") == 0;
}

int gn_cpu_kernels_choose(const char *name)
{
    const struct gn_cpu_kernels *const all[] = {&gn_cpu_kernels_sse2, &gn_cpu_kernels_avx2,
                                                &gn_cpu_kernels_avx512};
    for (int i = 0; i < 3; i++)
        if (strcmp(all[i]->name, name) == 0 && supported(name)) {
            chosen = all[i];
            return 0;
        }
    return -1;
}

int gn_cpu_kernels_select(struct gn_err *err)
{
    const char *force = getenv("GN_ISA");
    if (chosen || !force || !*force || gn_cpu_kernels_choose(force) == 0)
        return 0;
    if (strcmp(force, "avx2") == 0 || strcmp(force, "avx512") == 0)
        return gn_err_usage(err, "GN_ISA: this processor has no %s", force);
    return gn_err_usage(err, "GN_ISA: unknown instruction set: %s: sse2, avx2 or avx512", force);
}

const struct gn_cpu_kernels *gn_cpu_kernels(void)
{
    const char *force = getenv("GN_ISA");
    if (chosen || (force && gn_cpu_kernels_choose(force) == 0))
        return chosen;
    if (gn_cpu_kernels_choose("avx512") < 0 && gn_cpu_kernels_choose("avx2") < 0 &&
        gn_cpu_kernels_choose("sse2") < 0)
        abort();
    return chosen;
}
