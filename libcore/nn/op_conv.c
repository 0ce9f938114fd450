/* op_conv.c - convolution: cross-correlation with zero padding, any kernel, stride, dilation and
 * groups.
 *
 * x (N,Ci,D,H,W), W (Co,Ci/groups,kD,kH,kW), b (Co) -> y (N,Co,Do,Ho,Wo).
 * https://pytorch.org/docs/stable/generated/torch.nn.Conv3d.html */
#include <string.h>

#include "nn/access.h"
#include "nn/ops.h"

static int conv_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    const struct gn_dims *x = &g->node[node->in[0]]->dims, *w = &g->node[node->in[1]]->dims;
    const struct gn_attr *a = &node->attr;
    if (x->d[1] != w->d[1] * a->groups)
        return gn_err_set(err, "convolution expects %lld channels, gets %lld",
                          (long long)(w->d[1] * a->groups), (long long)x->d[1]);
    node->dims.d[0] = x->d[0];
    node->dims.d[1] = w->d[0];
    for (int i = 0; i < 3; i++) {
        int64_t span = x->d[2 + i] + 2 * a->pad[i] - a->dilation[i] * (a->kernel[i] - 1) - 1;
        if (span < 0)
            return gn_err_set(err, "a side of %lld voxels is smaller than the kernel",
                              (long long)x->d[2 + i]);
        node->dims.d[2 + i] = span / a->stride[i] + 1;
    }
    return 0;
}

static int dims_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)g;
    (void)err;
    node->dims = node->attr.dims;
    return 0;
}

static double conv_flops(const struct gn_graph *g, const struct gn_node *node)
{
    const struct gn_dims *w = &g->node[node->in[1]]->dims;
    return 2.0 * (double)gn_dims_count(&node->dims) * (double)(w->d[1] * gn_dims_voxels(w));
}

static void conv_backward(struct gn_graph *g, int id, int grad)
{
    const struct gn_node *node = g->node[id];
    int x = node->in[0], w = node->in[1], b = node->n_in > 2 ? node->in[2] : -1;
    struct gn_attr attr = node->attr;
    if (b >= 0) {
        attr.dims = g->node[b]->dims;
        gn_grad_add(g, b, gn_graph_add_bwd(g, "conv_bwd_bias", id, &grad, 1, &attr));
    }
    attr.dims = g->node[w]->dims;
    gn_grad_add(g, w, gn_graph_add_bwd(g, "conv_bwd_weight", id, (int[]){ x, grad }, 2, &attr));
    if (g->node[x]->needs_grad) {
        attr.dims = g->node[x]->dims;
        gn_grad_add(g, x, gn_graph_add_bwd(g, "conv_bwd_data", id, (int[]){ grad, w }, 2, &attr));
    }
}

/* The three loops differ only in which array is written: visit calls one of them for every tap that
 * lies inside. */
struct tap {
    double *y; /* channel o of the output side */
    double *x; /* channel i of the input side */
    double *w; /* kD kH kW of (o, i) */
};

enum kind { FORWARD, DATA, WEIGHT };

static void taps(enum kind kind, const struct gn_attr *a, const struct gn_dims *xd,
                 const struct gn_dims *yd, struct tap t)
{
    const int64_t *X = xd->d + 2, *Y = yd->d + 2;
    for (int64_t kz = 0; kz < a->kernel[0]; kz++)
        for (int64_t ky = 0; ky < a->kernel[1]; ky++)
            for (int64_t kx = 0; kx < a->kernel[2]; kx++) {
                double *w = t.w + (kz * a->kernel[1] + ky) * a->kernel[2] + kx, sum = 0;
                for (int64_t z = 0; z < Y[0]; z++) {
                    int64_t iz = z * a->stride[0] - a->pad[0] + kz * a->dilation[0];
                    if (iz < 0 || iz >= X[0])
                        continue;
                    for (int64_t y = 0; y < Y[1]; y++) {
                        int64_t iy = y * a->stride[1] - a->pad[1] + ky * a->dilation[1];
                        if (iy < 0 || iy >= X[1])
                            continue;
                        for (int64_t x = 0; x < Y[2]; x++) {
                            int64_t ix = x * a->stride[2] - a->pad[2] + kx * a->dilation[2];
                            if (ix < 0 || ix >= X[2])
                                continue;
                            double *out = t.y + (z * Y[1] + y) * Y[2] + x,
                                   *in = t.x + (iz * X[1] + iy) * X[2] + ix;
                            if (kind == FORWARD)
                                *out += *w * *in;
                            else if (kind == DATA)
                                *in += *w * *out;
                            else
                                sum += *in * *out;
                        }
                    }
                }
                if (kind == WEIGHT)
                    *w += sum;
            }
}

/* x and y are the nodes on the input and output side; w an array in the weights' order. */
static void conv_loops(struct gn_exec *e, enum kind kind, const struct gn_attr *a,
                       const struct gn_node *x, const struct gn_node *y, double *w)
{
    int64_t ci = x->dims.d[1] / a->groups, co = y->dims.d[1] / a->groups;
    int64_t k = (int64_t)a->kernel[0] * a->kernel[1] * a->kernel[2];
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t o = 0; o < y->dims.d[1]; o++)
            for (int64_t i = 0; i < ci; i++)
                taps(kind, a, &x->dims, &y->dims,
                     (struct tap){ gn_act(e, y, n, o), gn_act(e, x, n, o / co * ci + i),
                                   w + (o * ci + i) * k });
}

static void conv_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *b = node->n_in > 2 ? gn_in(e, node, 2) : NULL;
    int64_t voxels = gn_dims_voxels(&node->dims);
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < node->dims.d[1]; c++) {
            double *y = gn_act(e, node, n, c), v = b ? gn_get(e, b, c) : 0;
            for (int64_t i = 0; i < voxels; i++)
                y[i] = v;
        }
    conv_loops(e, FORWARD, &node->attr, gn_in(e, node, 0), node, e->value[node->in[1]]);
}

static void conv_bwd_data_ref(struct gn_exec *e, const struct gn_node *node)
{
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < node->dims.d[1]; c++)
            memset(gn_act(e, node, n, c), 0, (size_t)gn_dims_voxels(&node->dims) * sizeof(double));
    conv_loops(e, DATA, &node->attr, node, gn_in(e, node, 0), e->value[node->in[1]]);
}

static void conv_bwd_weight_ref(struct gn_exec *e, const struct gn_node *node)
{
    double *w = e->value[node->id];
    memset(w, 0, (size_t)gn_dims_count(&node->dims) * sizeof *w);
    conv_loops(e, WEIGHT, &node->attr, gn_in(e, node, 0), gn_in(e, node, 1), w);
}

static void conv_bwd_bias_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *dy = gn_in(e, node, 0);
    double *db = e->value[node->id];
    for (int64_t c = 0; c < dy->dims.d[1]; c++) {
        db[c] = 0;
        for (int64_t n = 0; n < e->n; n++) {
            const double *d = gn_act(e, dy, n, c);
            for (int64_t i = 0; i < gn_dims_voxels(&dy->dims); i++)
                db[c] += d[i];
        }
    }
}

static double conv_bwd_flops(const struct gn_graph *g, const struct gn_node *node)
{
    bool data = node->value == GN_VAL_ACT;
    const struct gn_dims *y = &g->node[node->in[data ? 0 : 1]]->dims,
                         *w = data ? &g->node[node->in[1]]->dims : &node->dims;
    return 2.0 * (double)gn_dims_count(y) * (double)(w->d[1] * gn_dims_voxels(w));
}

const struct gn_op gn_op_conv = {
    .name = "conv",
    .value = GN_VAL_ACT,
    .infer = conv_infer,
    .backward = conv_backward,
    .flops = conv_flops,
    .ref = conv_ref,
    .onnx = "Conv",
};
const struct gn_op gn_op_conv_bwd_data = {
    .name = "conv_bwd_data",
    .value = GN_VAL_ACT,
    .infer = dims_infer,
    .flops = conv_bwd_flops,
    .ref = conv_bwd_data_ref,
};
const struct gn_op gn_op_conv_bwd_weight = {
    .name = "conv_bwd_weight",
    .value = GN_VAL_GRAD,
    .infer = dims_infer,
    .flops = conv_bwd_flops,
    .ref = conv_bwd_weight_ref,
};
const struct gn_op gn_op_conv_bwd_bias = {
    .name = "conv_bwd_bias", .value = GN_VAL_GRAD, .infer = dims_infer, .ref = conv_bwd_bias_ref
};
