/* optim.h - optimisers: elementwise updates of one array, in float (the master copy's type) or in
 * double (ref). */
#ifndef GN_NN_OPTIM_H
#define GN_NN_OPTIM_H

#include "nn/net.h"

enum gn_optim_kind { GN_SGD, GN_ADAM, GN_ADAMW };

struct gn_optim {
    enum gn_optim_kind kind;
    int arrays;           /* state arrays a parameter: 0 to 3 */
    const char *array[4]; /* their names in PyTorch, NULL-terminated */
};

int gn_optim_find(const struct gn_optim_spec *spec, struct gn_optim *o,
                  struct gn_err *err) GN_MUST_USE;

/* th -= update(g * scale), elements 0..n-1; step counts from 1. scale comes from norm clipping;
 * limit > 0 clamps each element to +-limit (after scaling). s: the state arrays, zero before
 * step 1. https://pytorch.org/docs/stable/optim.html */
void gn_optim_float(const struct gn_optim *o, const struct gn_optim_spec *spec, int64_t step,
                    double rate, double scale, double limit, float *th, const float *g,
                    float *const s[3], size_t n);
void gn_optim_double(const struct gn_optim *o, const struct gn_optim_spec *spec, int64_t step,
                     double rate, double scale, double limit, double *th, const double *g,
                     double *const s[3], size_t n);

#endif
