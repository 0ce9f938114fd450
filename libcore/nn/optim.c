/* optim.c - SGD, Adam, AdamW. */
#include "nn/optim.h"

#include <math.h>
#include <strings.h>

#include "base/str.h"

const char *const gn_optim_names[] = { "sgd", "adam", "adamw", NULL };

static const struct {
    const char *name;
    struct gn_optim optim;
    struct gn_optim_spec spec;
} table[] = {
    { "sgd",
      { GN_SGD, 1, { "momentum_buffer" } },
      { .momentum = 0.99, .nesterov = true, .weight_decay = 3e-5 } },
    { "adam",
      { GN_ADAM, 2, { "exp_avg", "exp_avg_sq" } },
      { .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 5e-5 } },
    { "adamw",
      { GN_ADAMW, 2, { "exp_avg", "exp_avg_sq" } },
      { .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 5e-5 } },
};

static int find(const char *name, struct gn_err *err)
{
    for (int i = 0; i < (int)(sizeof table / sizeof *table); i++)
        if (!strcasecmp(table[i].name, name))
            return i;
    const char *near = gn_nearest(name, gn_optim_names);
    return gn_err_set(err, "optimizer %s: unknown%s%s%s", name, near ? " (did you mean " : "",
                      near ? near : "", near ? "?)" : "");
}

int gn_optim_defaults(const char *name, struct gn_optim_spec *o, struct gn_err *err)
{
    int i = find(name, err);
    if (i < 0)
        return -1;
    *o = table[i].spec;
    o->name = table[i].name;
    o->clip_mode = "norm";
    return 0;
}

int gn_optim_find(const struct gn_optim_spec *spec, struct gn_optim *o, struct gn_err *err)
{
    int i = find(spec->name, err);
    if (i < 0)
        return -1;
    *o = table[i].optim;
    if (o->kind == GN_SGD && spec->momentum == 0)
        o->arrays = 0;
    else if (o->kind != GN_SGD && spec->amsgrad)
        o->array[o->arrays++] = "max_exp_avg_sq";
    if (o->kind == GN_SGD && spec->nesterov && (spec->momentum <= 0 || spec->dampening != 0))
        return gn_err_set(err, "optimizer sgd: nesterov needs a momentum and no dampening");
    if (spec->clip > 0 && spec->clip_mode && strcasecmp(spec->clip_mode, "norm") &&
        strcasecmp(spec->clip_mode, "value"))
        return gn_err_set(err, "clip_mode %s: must be norm or value", spec->clip_mode);
    return 0;
}

#define REAL float
#define SQRT sqrtf
#define FMAX fmaxf
#define FUNCTION gn_optim_float
#include "nn/optim_step.h"
#undef REAL
#undef SQRT
#undef FMAX
#undef FUNCTION

#define REAL double
#define SQRT sqrt
#define FMAX fmax
#define FUNCTION gn_optim_double
#include "nn/optim_step.h"
