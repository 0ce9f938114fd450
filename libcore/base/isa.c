/* isa.c - see isa.h */
#include "base/isa.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"sse2", "avx2", "avx512"};
static int chosen = -1;

static bool supported(int level)
{
    if (level == GN_LEVEL_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("fma");
    if (level == GN_LEVEL_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return true;
}

int gn_isa_choose(const char *name)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], name) == 0 && supported(i)) {
            chosen = i;
            return 0;
        }
    return -1;
}

int gn_isa_check(struct gn_err *err)
{
    const char *force = getenv("GN_ISA");
    if (chosen >= 0 || !force || !*force || gn_isa_choose(force) == 0)
        return 0;
    for (int i = 0; i < 3; i++)
        if (strcmp(force, names[i]) == 0)
            return gn_err_usage(err, "GN_ISA: this processor has no %s", force);
    return gn_err_usage(err, "GN_ISA: unknown instruction set: %s: sse2, avx2 or avx512", force);
}

enum gn_isa_level gn_isa(void)
{
    if (chosen >= 0) /* asked for every row */
        return (enum gn_isa_level)chosen;
    const char *force = getenv("GN_ISA");
    if (!(force && gn_isa_choose(force) == 0))
        chosen = supported(GN_LEVEL_AVX512) ? GN_LEVEL_AVX512
                 : supported(GN_LEVEL_AVX2) ? GN_LEVEL_AVX2
                                            : GN_LEVEL_SSE2;
    return (enum gn_isa_level)chosen;
}
