/* op_shape.c - concatenation and slices of channels, linear upsampling with aligned corners. */
#include <string.h>

#include "nn/access.h"
#include "nn/ops.h"

static int concat_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    node->dims = g->node[node->in[0]]->dims;
    for (int k = 1; k < node->n_in; k++) {
        const struct gn_dims *d = &g->node[node->in[k]]->dims;
        for (int i = 0; i < 5; i++)
            if (i != 1 && d->d[i] != node->dims.d[i])
                return gn_err_set(err, "the concatenated shapes differ on axis %d: %lld and %lld",
                                  i, (long long)node->dims.d[i], (long long)d->d[i]);
        node->dims.d[1] += d->d[1];
    }
    return 0;
}

static void copy_channels(struct gn_exec *e, const struct gn_node *from, int64_t first,
                          const struct gn_node *to, int64_t at, int64_t count)
{
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < count; c++) {
            double *y = gn_act(e, to, n, at + c), *x = gn_act(e, from, n, first + c);
            if (x != y) /* a view already stands there */
                memcpy(y, x, (size_t)gn_dims_voxels(&to->dims) * sizeof *y);
        }
}

static void concat_ref(struct gn_exec *e, const struct gn_node *node)
{
    int64_t at = 0;
    for (int k = 0; k < node->n_in; k++) {
        const struct gn_node *x = gn_in(e, node, k);
        copy_channels(e, x, 0, node, at, x->dims.d[1]);
        at += x->dims.d[1];
    }
}

static void concat_backward(struct gn_graph *g, int id, int grad)
{
    const struct gn_node *node = g->node[id];
    struct gn_attr attr = { 0 };
    for (int k = 0; k < node->n_in; k++) {
        attr.dims = g->node[node->in[k]]->dims;
        gn_grad_add(g, node->in[k], gn_graph_add_bwd(g, "slice", id, &grad, 1, &attr));
        attr.begin += attr.dims.d[1];
    }
}

static int dims_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)g;
    (void)err;
    node->dims = node->attr.dims;
    return 0;
}

static void slice_ref(struct gn_exec *e, const struct gn_node *node)
{
    copy_channels(e, gn_in(e, node, 0), node->attr.begin, node, 0, node->dims.d[1]);
}

static int upsample_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)err;
    node->dims = g->node[node->in[0]]->dims;
    for (int i = 0; i < 3; i++)
        node->dims.d[2 + i] *= node->attr.scale[i];
    return 0;
}

/* Where output o of an axis reads: between input i and i + 1 (or i alone), with weight w on the
 * second. */
static void source(int64_t o, int64_t n_in, int64_t n_out, int64_t *i, double *w)
{
    double at = n_out > 1 ? (double)o * ((double)(n_in - 1) / (double)(n_out - 1)) : 0;
    *i = (int64_t)at;
    if (*i > n_in - 1)
        *i = n_in - 1;
    *w = *i + 1 < n_in ? at - (double)*i : 0;
}

/* big is the upsampled side; adjoint: small += transposed map of big. */
static void upsample_channel(const struct gn_dims *s, const struct gn_dims *b, double *small,
                             double *big, bool adjoint)
{
    const int64_t *S = s->d + 2, *B = b->d + 2;
    for (int64_t z = 0; z < B[0]; z++)
        for (int64_t y = 0; y < B[1]; y++)
            for (int64_t x = 0; x < B[2]; x++) {
                int64_t i[3];
                double w[3], sum = 0, *out = big + (z * B[1] + y) * B[2] + x;
                source(z, S[0], B[0], &i[0], &w[0]);
                source(y, S[1], B[1], &i[1], &w[1]);
                source(x, S[2], B[2], &i[2], &w[2]);
                for (int k = 0; k < 8; k++) {
                    double f = (k & 4 ? w[0] : 1 - w[0]) * (k & 2 ? w[1] : 1 - w[1]) *
                               (k & 1 ? w[2] : 1 - w[2]);
                    if (f == 0)
                        continue; /* also what lies past the border */
                    double *in = small + ((i[0] + (k >> 2)) * S[1] + i[1] + (k >> 1 & 1)) * S[2] +
                                 i[2] + (k & 1);
                    if (adjoint)
                        *in += f * *out;
                    else
                        sum += f * *in;
                }
                if (!adjoint)
                    *out = sum;
            }
}

static void upsample_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *x = gn_in(e, node, 0);
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < node->dims.d[1]; c++)
            upsample_channel(&x->dims, &node->dims, gn_act(e, x, n, c), gn_act(e, node, n, c),
                             false);
}

static void upsample_bwd_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *dy = gn_in(e, node, 0);
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < node->dims.d[1]; c++) {
            memset(gn_act(e, node, n, c), 0, (size_t)gn_dims_voxels(&node->dims) * sizeof(double));
            upsample_channel(&node->dims, &dy->dims, gn_act(e, node, n, c), gn_act(e, dy, n, c),
                             true);
        }
}

static void upsample_backward(struct gn_graph *g, int id, int grad)
{
    const struct gn_node *node = g->node[id];
    struct gn_attr attr = node->attr;
    attr.dims = g->node[node->in[0]]->dims;
    gn_grad_add(g, node->in[0], gn_graph_add_bwd(g, "upsample_bwd", id, &grad, 1, &attr));
}

static double upsample_flops(const struct gn_graph *g, const struct gn_node *node)
{
    (void)g;
    return (node->attr.scale[0] > 1 ? 15.0 : 7.0) * (double)gn_dims_count(&node->dims);
}

const struct gn_op gn_op_concat = {
    .name = "concat",
    .value = GN_VAL_ACT,
    .infer = concat_infer,
    .backward = concat_backward,
    .ref = concat_ref,
    .onnx = "Concat",
};
const struct gn_op gn_op_slice = {
    .name = "slice", .value = GN_VAL_ACT, .infer = dims_infer, .ref = slice_ref, .onnx = "Slice"
};
const struct gn_op gn_op_upsample = {
    .name = "upsample",
    .value = GN_VAL_ACT,
    .infer = upsample_infer,
    .backward = upsample_backward,
    .flops = upsample_flops,
    .ref = upsample_ref,
    .onnx = "Resize",
};
const struct gn_op gn_op_upsample_bwd = {
    .name = "upsample_bwd", .value = GN_VAL_ACT, .infer = dims_infer, .ref = upsample_bwd_ref
};
