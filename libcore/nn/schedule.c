/* schedule.c - learning rates as pure functions of the epoch, with GaNDLF's defaults.
 *
 * step_size 0 is GaNDLF's default, learning_rate / 5. At whole epochs that makes triangle and
 * triangle_modified constant, and step too. It would hold triangular and exp_range at a cycle's
 * lowest rate, learning_rate / 1000, for ever: they stay at learning_rate here. */
#include <math.h>
#include <strings.h>

#include "nn/net.h"

enum kind {
    CONSTANT,
    TRIANGLE,
    TRIANGLE_MODIFIED,
    TRIANGULAR,
    EXP_RANGE,
    EXP,
    STEP,
    COSINE_RESTARTS,
    COSINE
};

static const struct {
    const char *name;
    enum kind kind;
} kinds[] = {
    { "constant", CONSTANT },
    { "triangle", TRIANGLE },
    { "triangle_modified", TRIANGLE_MODIFIED },
    { "triangular", TRIANGULAR },
    { "exp_range", EXP_RANGE },
    { "exp", EXP },
    { "exponential", EXP },
    { "step", STEP },
    { "cosineannealing", COSINE_RESTARTS },
    { "cosineannealingwarmrestarts", COSINE_RESTARTS },
    { "cosineannealinglr", COSINE },
};

const char *const gn_schedule_names[] = { "constant",          "triangle",
                                          "triangle_modified", "triangular",
                                          "exp_range",         "exp",
                                          "exponential",       "step",
                                          "cosineannealing",   "cosineannealingwarmrestarts",
                                          "cosineannealinglr", NULL };

/* The triangle of torch's CyclicLR: 0 at the cycle's ends, 1 in its middle. */
static double cyclic(double e, double s)
{
    double y = 1 + e / (2 * s) - floor(1 + e / (2 * s));
    return y <= 0.5 ? 2 * y : 2 * (1 - y);
}

double gn_schedule_rate(const struct gn_schedule_spec *spec, double lr, int64_t epoch)
{
    enum kind kind = CONSTANT;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (spec->name && !strcasecmp(kinds[i].name, spec->name))
            kind = kinds[i].kind;
    double e = (double)epoch, s = spec->step_size > 0 ? spec->step_size : lr / 5,
           gamma = spec->gamma > 0 ? spec->gamma : 0.1;
    double lo = spec->min_lr, hi = spec->max_lr > 0 ? spec->max_lr : 1, base = lr * 0.001;
    switch (kind) {
    case TRIANGLE: {
        double x = fabs(e / s - 2 * floor(1 + e / (2 * s)) + 1);
        lo = lo > 0 ? lo : 0.001;
        return lr * (hi - (hi - lo) * fmax(0, 1 - x));
    }
    case TRIANGLE_MODIFIED: {
        double q = 2 * fabs(fmod(e, s) - s / 2) / s;
        lo = lo > 0 ? lo : 1e-6;
        hi = spec->max_lr > 0 ? spec->max_lr : 1e-3;
        return spec->step_size > 0 ? lr * (q + lo / hi * (1 - q))
                                   : lr; /* every whole epoch is a cycle's end */
    }
    case TRIANGULAR:
        return spec->step_size > 0 ? base + (lr - base) * cyclic(e, s) : lr;
    case EXP_RANGE:
        return spec->step_size > 0 ? base + (lr - base) * cyclic(e, s) * pow(gamma, e) : lr;
    case EXP:
        return lr * pow(gamma, e);
    case STEP:
        return spec->step_size > 0 ? lr * pow(gamma, floor(e / s)) : lr;
    case COSINE_RESTARTS:
        lo = lo > 0 ? lo : 0.001;
        return lo + (lr - lo) * (1 + cos(M_PI * fmod(e, 5) / 5)) / 2;
    case COSINE:
        lo = lo > 0 ? lo : 0.001;
        return lo + (lr - lo) * (1 + cos(M_PI * e / 50)) / 2;
    case CONSTANT:
        break;
    }
    return lr;
}
