/* op_act.c - pointwise ops: leaky ReLU, channel dropout, sum, and the final layers softmax and
 * sigmoid. */
#include <math.h>

#include "base/rng.h"
#include "nn/access.h"
#include "nn/net.h"
#include "nn/ops.h"

static int same_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)err;
    node->dims = g->node[node->in[0]]->dims;
    return 0;
}

static int dims_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)g;
    (void)err;
    node->dims = node->attr.dims;
    return 0;
}

/* Channel dropout's factors (N,C): 0 with probability p, else 1/(1-p). Drawn by (seed, sample;
 * epoch, patch; layer, channel), never by the place in the batch: gn_draw_at(seed, sample,
 * "dropout", epoch, patch, 0), uniform number layer 2^32 + channel. */
static void drop_mask_ref(struct gn_exec *e, const struct gn_node *node)
{
    int64_t C = node->dims.d[1];
    double *s = gn_sums(e, node), p = node->attr.p;
    for (int64_t n = 0; n < e->n; n++) {
        struct gn_net_item item = { "", 0, (uint32_t)n };
        if (e->items)
            item = e->items[n];
        struct gn_draw d = gn_draw_at(e->seed, item.sample, "dropout", item.epoch, item.patch, 0);
        for (int64_t c = 0; c < C; c++)
            s[n * C + c] = gn_draw_uniform(&d, (uint64_t)node->attr.layer << 32 | (uint64_t)c) < p
                               ? 0
                               : 1 / (1 - p);
    }
}

static void scale_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *x = gn_in(e, node, 0);
    const double *s = gn_sums(e, gn_in(e, node, 1));
    int64_t C = x->dims.d[1];
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < C; c++) {
            const double *v = gn_act(e, x, n, c);
            double *y = gn_act(e, node, n, c);
            for (int64_t i = 0; i < gn_dims_voxels(&x->dims); i++)
                y[i] = v[i] * s[n * C + c];
        }
}

static void scale_backward(struct gn_graph *g, int id, int grad)
{
    const struct gn_node *node = g->node[id];
    gn_grad_add(g, node->in[0],
                gn_graph_add_bwd(g, "scale", id, (int[]){ grad, node->in[1] }, 2, NULL));
}

static void leaky_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *x = gn_in(e, node, 0),
                         *dy = node->n_in > 1
                                   ? gn_in(e, node, 1)
                                   : x; /* leaky_bwd: the sign from x, the value from dy */
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < x->dims.d[1]; c++) {
            const double *v = gn_act(e, x, n, c), *d = gn_act(e, dy, n, c);
            double *y = gn_act(e, node, n, c);
            for (int64_t i = 0; i < gn_dims_voxels(&x->dims); i++)
                y[i] = v[i] < 0 ? node->attr.slope * d[i] : d[i];
        }
}

static void leaky_backward(struct gn_graph *g, int id, int grad)
{
    const struct gn_node *node = g->node[id];
    gn_grad_add(g, node->in[0],
                gn_graph_add_bwd(g, "leaky_bwd", id, (int[]){ node->in[0], grad }, 2, &node->attr));
}

static void add_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *a = gn_in(e, node, 0), *b = gn_in(e, node, 1);
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < node->dims.d[1]; c++) {
            const double *u = gn_act(e, a, n, c), *v = gn_act(e, b, n, c);
            double *y = gn_act(e, node, n, c);
            for (int64_t i = 0; i < gn_dims_voxels(&node->dims); i++)
                y[i] = u[i] + v[i];
        }
}

static void add_backward(struct gn_graph *g, int id, int grad)
{
    gn_grad_add(g, g->node[id]->in[0], grad);
    gn_grad_add(g, g->node[id]->in[1], grad);
}

static void softmax_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *x = gn_in(e, node, 0);
    int64_t C = node->dims.d[1], voxels = gn_dims_voxels(&node->dims);
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t i = 0; i < voxels; i++) {
            double top = -INFINITY, sum = 0;
            for (int64_t c = 0; c < C; c++)
                top = fmax(top, gn_act(e, x, n, c)[i]);
            for (int64_t c = 0; c < C; c++)
                sum += exp(gn_act(e, x, n, c)[i] - top);
            for (int64_t c = 0; c < C; c++)
                gn_act(e, node, n, c)[i] = exp(gn_act(e, x, n, c)[i] - top) / sum;
        }
}

static void softmax_bwd_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *y = gn_in(e, node, 0), *dy = gn_in(e, node, 1);
    int64_t C = node->dims.d[1], voxels = gn_dims_voxels(&node->dims);
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t i = 0; i < voxels; i++) {
            double dot = 0;
            for (int64_t c = 0; c < C; c++)
                dot += gn_act(e, y, n, c)[i] * gn_act(e, dy, n, c)[i];
            for (int64_t c = 0; c < C; c++)
                gn_act(e, node, n, c)[i] = gn_act(e, y, n, c)[i] * (gn_act(e, dy, n, c)[i] - dot);
        }
}

static void softmax_backward(struct gn_graph *g, int id, int grad)
{
    gn_grad_add(g, g->node[id]->in[0],
                gn_graph_add_bwd(g, "softmax_bwd", id, (int[]){ id, grad }, 2, NULL));
}

static void sigmoid_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *x = gn_in(e, node, 0);
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < node->dims.d[1]; c++) {
            const double *v = gn_act(e, x, n, c);
            double *y = gn_act(e, node, n, c);
            for (int64_t i = 0; i < gn_dims_voxels(&node->dims); i++)
                y[i] = 1 / (1 + exp(-node->attr.alpha * v[i]));
        }
}

static void sigmoid_bwd_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *y = gn_in(e, node, 0), *dy = gn_in(e, node, 1);
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < node->dims.d[1]; c++) {
            const double *v = gn_act(e, y, n, c), *d = gn_act(e, dy, n, c);
            double *dx = gn_act(e, node, n, c);
            for (int64_t i = 0; i < gn_dims_voxels(&node->dims); i++)
                dx[i] = node->attr.alpha * v[i] * (1 - v[i]) * d[i];
        }
}

static void sigmoid_backward(struct gn_graph *g, int id, int grad)
{
    gn_grad_add(g, g->node[id]->in[0],
                gn_graph_add_bwd(g, "sigmoid_bwd", id, (int[]){ id, grad }, 2, &g->node[id]->attr));
}

static int add_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    const struct gn_dims *a = &g->node[node->in[0]]->dims, *b = &g->node[node->in[1]]->dims;
    for (int i = 0; i < 5; i++)
        if (a->d[i] != b->d[i])
            return gn_err_set(err, "the sum's shapes differ on axis %d: %lld and %lld", i,
                              (long long)a->d[i], (long long)b->d[i]);
    node->dims = *a;
    return 0;
}

const struct gn_op gn_op_drop_mask = {
    .name = "drop_mask",
    .value = GN_VAL_SUMS,
    .small = true,
    .infer = dims_infer,
    .ref = drop_mask_ref,
};
const struct gn_op gn_op_scale = { .name = "scale",
                                   .value = GN_VAL_ACT,
                                   .infer = same_infer,
                                   .backward = scale_backward,
                                   .ref = scale_ref };
const struct gn_op gn_op_leaky = {
    .name = "leaky",
    .value = GN_VAL_ACT,
    .infer = same_infer,
    .backward = leaky_backward,
    .ref = leaky_ref,
    .onnx = "LeakyRelu",
};
const struct gn_op gn_op_leaky_bwd = {
    .name = "leaky_bwd", .value = GN_VAL_ACT, .infer = same_infer, .ref = leaky_ref
};
const struct gn_op gn_op_add = {
    .name = "add",
    .value = GN_VAL_ACT,
    .infer = add_infer,
    .backward = add_backward,
    .ref = add_ref,
    .onnx = "Add",
};
const struct gn_op gn_op_softmax = {
    .name = "softmax",
    .value = GN_VAL_ACT,
    .infer = same_infer,
    .backward = softmax_backward,
    .ref = softmax_ref,
    .onnx = "Softmax",
};
const struct gn_op gn_op_softmax_bwd = {
    .name = "softmax_bwd", .value = GN_VAL_ACT, .infer = same_infer, .ref = softmax_bwd_ref
};
const struct gn_op gn_op_sigmoid = {
    .name = "sigmoid",
    .value = GN_VAL_ACT,
    .infer = same_infer,
    .backward = sigmoid_backward,
    .ref = sigmoid_ref,
    .onnx = "Sigmoid",
};
const struct gn_op gn_op_sigmoid_bwd = {
    .name = "sigmoid_bwd", .value = GN_VAL_ACT, .infer = same_infer, .ref = sigmoid_bwd_ref
};
