/* net_private.h - the inside of a net, for net*.c and for tests that need double precision end to
 * end. */
#ifndef GN_NN_NET_PRIVATE_H
#define GN_NN_NET_PRIVATE_H

#include "backend/backend.h"
#include "nn/loss.h"
#include "nn/net.h"
#include "nn/optim.h"

/* One graph with its plan: training (forward, loss, backward) or evaluation (forward). */
struct gn_pass {
    struct gn_graph *g;
    struct gn_plan plan;
    struct gn_exec x;
    int input, label, out, loss; /* nodes; label and loss -1 in evaluation */
};

struct gn_net {
    struct gn_net_spec spec;
    struct gn_loss_spec loss;
    struct gn_optim_spec optim_spec;
    struct gn_optim optim;
    const struct gn_loss_form *form;
    const struct gn_backend *backend;
    bool training;
    bool exact; /* tests, ref only: parameters and optimiser state stay double between steps, not
                   rounded to float */
    int64_t batch, patch[3];
    struct gn_pass train, eval;
    char *arena; /* shared by the two passes */
    size_t arena_bytes, peak_bytes;

    int n_params;
    struct gn_net_param *param;
    size_t *offset; /* elements from the start of each array below */
    size_t elements;
    float *master;          /* all parameters and states */
    double *wide;           /* ref: what the graph reads and the optimiser writes */
    void *grad;             /* backend's element */
    float *grad_view;       /* ref: the gradient as float */
    float *moment[3];       /* optimiser state */
    double *wide_moment[3]; /* ref */
    float *states_before; /* running statistics before a step, to undo a step that is not finite */
    double *states_before_wide;
    int64_t steps;
    struct gn_arena mem; /* small things: names, tables */
};

/* Build one graph of the network; loss NULL: evaluation. */
int gn_net_graph(const struct gn_net_spec *spec, const struct gn_loss_spec *loss, int64_t batch,
                 const int64_t patch[3], struct gn_pass *pass, struct gn_err *err) GN_MUST_USE;
const struct gn_backend *gn_net_backend(const char *device, struct gn_err *err);
/* Plan a pass; memory is what the arena may take. */
int gn_pass_plan(struct gn_pass *pass, const struct gn_backend *backend, uint64_t memory,
                 struct gn_err *err) GN_MUST_USE;
void gn_pass_free(struct gn_pass *pass);

/* gn_net_step and gn_net_forward with a double input, for ref: exactly one of x, wide is given. */
int gn_net_step_wide(struct gn_net *net, int64_t n, const float *x, const double *wide,
                     const int32_t *label, const struct gn_net_item *items, uint64_t seed,
                     double rate, double *loss, float *prob, bool *skipped,
                     struct gn_err *err) GN_MUST_USE;
int gn_net_forward_wide(struct gn_net *net, int64_t n, const float *x, const double *wide, float *y,
                        struct gn_err *err) GN_MUST_USE;

void gn_net_update(struct gn_net *net, double rate,
                   double norm);             /* the optimiser's step, with clipping */
void gn_net_sync_states(struct gn_net *net); /* ref: running statistics as float */

#endif
