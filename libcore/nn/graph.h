/* graph.h - a network as data: nodes with shapes; ops are a table, one file a family.
 *
 * Shapes are N C D H W everywhere (2-D: D = 1). A builder in arch/ adds nodes through the helpers
 * of nn/build.h; autodiff.c appends the backward nodes; the planner (plan.h) turns the graph into
 * steps for a backend. One op computes one value. To add an op: a struct gn_op in one of nn/op_*.c
 * and one line in gn_ops[]; backend/backend.h lists what each op reads and writes.
 */
#ifndef GN_NN_GRAPH_H
#define GN_NN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct gn_graph;
struct gn_node;
struct gn_exec;

/* What a node's value is, which decides how it is stored:
 *   ACT    activation N C D H W, in the backend's layout (cpu: float32, blocked; ref: double)
 *   PARAM  trainable parameter, dense, in PyTorch's order (weights C_out, C_in/groups, kD, kH, kW)
 *   STATE  running statistics, dense, not trained, written by norm_update
 *   SUMS   small dense array, double on every backend: partial sums, statistics, masks, losses
 *   LABEL  uint64_t a voxel, N 1 D H W: bit k is set where the voxel belongs to class k
 *   GRAD   gradient of a parameter, dense, its shape
 *   NONE   computed for its side effect on a STATE
 * PARAM, STATE and GRAD have the backend's element type. */
enum gn_value {
    GN_VAL_ACT,
    GN_VAL_PARAM,
    GN_VAL_STATE,
    GN_VAL_SUMS,
    GN_VAL_LABEL,
    GN_VAL_GRAD,
    GN_VAL_NONE
};

/* N C D H W. PARAM: as stored (1-D: C 1 1 1 1). SUMS: as many as it likes from the front. */
struct gn_dims {
    int64_t d[5];
};

enum { GN_MAX_IN = 8, GN_MAX_CLASSES = 64 };

/* How norm's statistics were taken; decides the number of values behind them in norm_bwd. */
enum gn_norm_mode {
    GN_STATS_BATCH,    /* over items (of all ranks) and voxels: stats 1 C 2 */
    GN_STATS_INSTANCE, /* over the voxels of each item: stats N C 2 */
    GN_STATS_RUNNING   /* constants: stats 1 C 2 */
};

/* The cross-entropy term among loss_sums. */
enum gn_bce { GN_BCE_NONE, GN_BCE_PROB, GN_BCE_LOGITS };

struct gn_loss_form;

/* Attributes: each op reads the few it needs (backend.h says which); the rest is zero. */
struct gn_attr {
    int kernel[3], stride[3], pad[3], dilation[3]; /* D H W */
    int groups;
    int scale[3]; /* upsampling factor, D H W */
    double slope; /* leaky ReLU below zero; 1: no activation */
    double eps, momentum;
    double p;      /* dropout probability */
    double alpha;  /* multiplier: sigmoid(alpha x) */
    int mode;      /* enum gn_norm_mode; enum gn_bce of a loss */
    int which;     /* one of two results: norm_update 0 mean 1 variance, norm_grad 0 beta 1 gamma */
    int64_t begin; /* first channel: of a slice; of a norm's part of a concatenation */
    struct gn_dims dims; /* backward ops and slices: dims of the value computed */
    uint32_t layer;      /* number of a dropout: enters its draws */
    const struct gn_loss_form *loss;
    const double *weights; /* class weights, owned by the graph's arena; NULL: none */
};

struct gn_op {
    const char *name;
    enum gn_value value;
    /* Reads and writes SUMS, PARAM, STATE, GRAD only, through gn_get and gn_put: its ref runs on
     * the host for every backend. */
    bool small;
    /* Output dims from the inputs' dims and attributes. */
    int (*infer)(const struct gn_graph *g, struct gn_node *node, struct gn_err *err);
    /* Append nodes that compute the gradients of node's inputs from grad (the node id of d loss / d
     * output; -1 for the loss itself); contributions go through gn_grad_add. NULL: nothing flows
     * back. */
    void (*backward)(struct gn_graph *g, int node, int grad);
    /* A multiply-add counts 2; NULL: 0. */
    double (*flops)(const struct gn_graph *g, const struct gn_node *node);
    void (*ref)(struct gn_exec *x, const struct gn_node *node); /* naive, double, dense */
    const char *onnx;                                           /* name in ONNX, NULL: none */
};

struct gn_node {
    int id;
    const struct gn_op *op; /* NULL: input, parameter, state */
    enum gn_value value;
    char *name; /* parameters, states: PyTorch's key "ins.conv0.weight"; ops: module "ins.conv0" */
    int in[GN_MAX_IN], n_in; /* -1: an optional input left out */
    struct gn_dims dims;
    int rank; /* PARAM, STATE: rank in PyTorch */
    struct gn_attr attr;
    bool needs_grad; /* depends on a trainable parameter through differentiable ops */
    bool is_backward;
};

struct gn_graph {
    struct gn_node **node;
    int n, cap;
    struct gn_arena arena;
    bool training;
    int *grad; /* after gn_graph_backward: node id of the gradient of each node, -1 none */
    int n_grad;
    uint32_t layers; /* dropouts so far */
};

extern const struct gn_op *const gn_ops[]; /* NULL-terminated */

struct gn_graph *gn_graph_new(bool training);
void gn_graph_free(struct gn_graph *g);
const struct gn_op *gn_op_find(const char *name);
bool gn_node_is(const struct gn_node *node, const char *op);
int64_t gn_dims_count(const struct gn_dims *d);
int64_t gn_dims_voxels(const struct gn_dims *d); /* D H W */

/* Add nodes; ids are returned, -1 with an error (shapes that do not fit). name is copied. */
int gn_graph_input(struct gn_graph *g, const char *name, enum gn_value value, struct gn_dims dims);
int gn_graph_param(struct gn_graph *g, const char *name, enum gn_value value, struct gn_dims dims,
                   int rank);
int gn_graph_add(struct gn_graph *g, const char *op, const char *name, const int *in, int n_in,
                 const struct gn_attr *attr, struct gn_err *err);

/* Append the backward nodes for the scalar node loss. Afterwards g->grad[param] is the id of its
 * gradient's node. */
int gn_graph_backward(struct gn_graph *g, int loss, struct gn_err *err) GN_MUST_USE;
/* For ops' backward functions: grad is one more contribution to the gradient of node (ignored where
 * none is needed). */
void gn_grad_add(struct gn_graph *g, int node, int grad);
/* The same as gn_graph_add for nodes whose shapes cannot be wrong; marked backward. */
int gn_graph_add_bwd(struct gn_graph *g, const char *op, int of, const int *in, int n_in,
                     const struct gn_attr *attr);

/* Zeros that readers want around a value, D H W: the largest padding of the convolutions, forward
 * and backward, that read it (through concatenations too). */
void gn_graph_halo(const struct gn_graph *g, int node, int halo[3]);

#endif
