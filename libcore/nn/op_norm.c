/* op_norm.c - batch and instance normalisation with a fused leaky ReLU, built as partial sums, a
 * reduction, the value.
 *
 * xhat = (x - mean) rstd, y = leaky(gamma xhat + beta). Batch: mean and biased variance over items
 * (of all ranks) and voxels; instance: over the voxels of each item; running: constants. Ioffe &
 * Szegedy 2015 (arXiv:1502.03167), Ulyanov et al. 2016 (arXiv:1607.08022). A norm of a
 * concatenation is one norm_apply a part: attr.begin is the part's first channel in the parameters.
 */
#include <math.h>

#include "nn/access.h"
#include "nn/ops.h"

static int sums_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)err;
    const struct gn_dims *x = &g->node[node->in[0]]->dims;
    node->dims.d[0] = x->d[0];
    node->dims.d[1] = x->d[1];
    node->dims.d[2] = 2;
    return 0;
}

static int same_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)err;
    node->dims = g->node[node->in[0]]->dims;
    return 0;
}

static void norm_sums_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *x = gn_in(e, node, 0);
    int64_t C = x->dims.d[1], voxels = gn_dims_voxels(&x->dims);
    double *s = gn_sums(e, node);
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < C; c++) {
            const double *v = gn_act(e, x, n, c);
            double a = 0, b = 0;
            for (int64_t i = 0; i < voxels; i++) {
                a += v[i];
                b += v[i] * v[i];
            }
            s[(n * C + c) * 2] = a;
            s[(n * C + c) * 2 + 1] = b;
        }
}

/* The number of values behind one statistic of x. */
static double behind(const struct gn_exec *e, const struct gn_node *x, int mode)
{
    return (double)gn_dims_voxels(&x->dims) * (mode == GN_STATS_BATCH ? (double)e->n_total : 1);
}

static void sums_reduce_ref(struct gn_exec *e, const struct gn_node *node)
{
    const double *s = gn_sums(e, gn_in(e, node, 0));
    double *r = gn_sums(e, node);
    int64_t k = gn_dims_count(&node->dims);
    for (int64_t i = 0; i < k; i++) {
        r[i] = 0;
        for (int64_t n = 0; n < e->n; n++)
            r[i] += s[n * k + i];
    }
    if (e->rank_sum)
        e->rank_sum(e->rank_ctx, r, (size_t)k);
}

static int reduce_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)err;
    node->dims = g->node[node->in[0]]->dims;
    node->dims.d[0] = 1;
    return 0;
}

/* attr.alpha: voxels of an item. */
static void norm_stats_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *in = gn_in(e, node, 0);
    const double *s = gn_sums(e, in);
    double *m = gn_sums(e, node),
           count = node->attr.alpha * (node->attr.mode == GN_STATS_BATCH ? (double)e->n_total : 1);
    int64_t groups = node->attr.mode == GN_STATS_INSTANCE ? e->n : 1;
    for (int64_t i = 0; i < groups * in->dims.d[1]; i++) {
        double mean = s[2 * i] / count, var = s[2 * i + 1] / count - mean * mean;
        m[2 * i] = mean;
        m[2 * i + 1] = 1 / sqrt((var > 0 ? var : 0) + node->attr.eps);
    }
}

static int running_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)g;
    (void)err;
    node->dims = node->attr.dims; /* 1 C 2 */
    return 0;
}

static void norm_running_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *mean = gn_in(e, node, 0), *var = gn_in(e, node, 1);
    double *m = gn_sums(e, node);
    for (int64_t c = 0; c < node->dims.d[1]; c++) {
        m[2 * c] = gn_get(e, mean, node->attr.begin + c);
        m[2 * c + 1] = 1 / sqrt(gn_get(e, var, node->attr.begin + c) + node->attr.eps);
    }
}

static int none_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)g;
    (void)node;
    (void)err;
    return 0;
}

/* running = (1 - momentum) running + momentum * (mean, or unbiased variance, averaged over the
 * groups). Instance statistics of several ranks are averaged over all their items. */
static void norm_update_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *in = gn_in(e, node, 0), *state = gn_in(e, node, 1);
    const double *s = gn_sums(e, in);
    bool instance = node->attr.mode == GN_STATS_INSTANCE;
    double count = node->attr.alpha * (instance ? 1 : (double)e->n_total), k = node->attr.momentum;
    int64_t C = in->dims.d[1], groups = instance ? e->n : 1;
    for (int64_t c = 0; c < C; c++) {
        double sum = 0;
        for (int64_t n = 0; n < groups; n++) {
            double mean = s[2 * (n * C + c)] / count,
                   var = s[2 * (n * C + c) + 1] / count - mean * mean;
            sum += node->attr.which == 0
                       ? mean
                       : (var > 0 ? var : 0) * (count > 1 ? count / (count - 1) : 1);
        }
        if (instance && e->rank_sum)
            e->rank_sum(e->rank_ctx, &sum, 1);
        sum /= instance ? (double)e->n_total : 1;
        gn_put(e, state, node->attr.begin + c,
               (1 - k) * gn_get(e, state, node->attr.begin + c) + k * sum);
    }
}

struct affine {
    double mean, rstd, gamma, beta;
};

/* first: place of the statistics among the node's inputs, then gamma, beta. */
static struct affine affine_of(const struct gn_exec *e, const struct gn_node *node, int first,
                               int64_t n, int64_t c)
{
    const struct gn_node *stats = gn_in(e, node, first), *gamma = gn_in(e, node, first + 1),
                         *beta = gn_in(e, node, first + 2);
    const double *m = gn_sums(e, stats) +
                      2 * ((stats->dims.d[0] == 1 ? 0 : n) * stats->dims.d[1] + c);
    int64_t p = node->attr.begin + c;
    return (struct affine){ m[0], m[1], gamma ? gn_get(e, gamma, p) : 1,
                            beta ? gn_get(e, beta, p) : 0 };
}

static void norm_apply_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *x = gn_in(e, node, 0);
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < x->dims.d[1]; c++) {
            struct affine a = affine_of(e, node, 1, n, c);
            const double *v = gn_act(e, x, n, c);
            double *y = gn_act(e, node, n, c);
            for (int64_t i = 0; i < gn_dims_voxels(&x->dims); i++) {
                double z = a.gamma * ((v[i] - a.mean) * a.rstd) + a.beta;
                y[i] = z < 0 ? node->attr.slope * z : z;
            }
        }
}

static void norm_bwd_sums_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *x = gn_in(e, node, 0), *dy = gn_in(e, node, 1);
    int64_t C = x->dims.d[1];
    double *s = gn_sums(e, node);
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < C; c++) {
            struct affine a = affine_of(e, node, 2, n, c);
            const double *v = gn_act(e, x, n, c), *d = gn_act(e, dy, n, c);
            double s0 = 0, s1 = 0;
            for (int64_t i = 0; i < gn_dims_voxels(&x->dims); i++) {
                double xhat = (v[i] - a.mean) * a.rstd, z = a.gamma * xhat + a.beta;
                double dz = z < 0 ? node->attr.slope * d[i] : d[i];
                s0 += dz;
                s1 += dz * xhat;
            }
            s[2 * (n * C + c)] = s0;
            s[2 * (n * C + c) + 1] = s1;
        }
}

static void norm_bwd_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *x = gn_in(e, node, 0), *dy = gn_in(e, node, 1), *t = gn_in(e, node, 5);
    int64_t C = x->dims.d[1];
    double m = behind(e, x, node->attr.mode);
    for (int64_t n = 0; n < e->n; n++)
        for (int64_t c = 0; c < C; c++) {
            struct affine a = affine_of(e, node, 2, n, c);
            const double *v = gn_act(e, x, n, c), *d = gn_act(e, dy, n, c);
            const double *s = t ? gn_sums(e, t) + 2 * ((t->dims.d[0] == 1 ? 0 : n) * C + c) : NULL;
            double t0 = s ? s[0] / m : 0, t1 = s ? s[1] / m : 0, *dx = gn_act(e, node, n, c);
            for (int64_t i = 0; i < gn_dims_voxels(&x->dims); i++) {
                double xhat = (v[i] - a.mean) * a.rstd, z = a.gamma * xhat + a.beta;
                double dz = z < 0 ? node->attr.slope * d[i] : d[i];
                dx[i] = a.gamma * a.rstd * (dz - t0 - xhat * t1);
            }
        }
}

static int grad_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)g;
    (void)err;
    node->dims = node->attr.dims;
    return 0;
}

static void norm_grad_ref(struct gn_exec *e, const struct gn_node *node)
{
    for (int64_t c = 0; c < node->dims.d[0]; c++)
        gn_put(e, node, c, 0);
    for (int part = 0; part < node->n_in; part++) {
        const struct gn_node *in = gn_in(e, node, part);
        const double *s = gn_sums(e, in);
        int64_t C = in->dims.d[1];
        for (int64_t c = 0; c < C; c++) {
            double sum = 0;
            for (int64_t n = 0; n < e->n; n++)
                sum += s[2 * (n * C + c) + node->attr.which];
            gn_put(e, node, in->attr.begin + c, sum);
        }
    }
}

/* The gradient of one parameter, of which this norm may be one part: earlier parts are read by the
 * new node again. */
static void param_grad(struct gn_graph *g, int param, int of, int sums, int which)
{
    int in[GN_MAX_IN], n = 0;
    if (g->grad[param] >= 0) {
        const struct gn_node *before = g->node[g->grad[param]];
        for (; n < before->n_in; n++)
            in[n] = before->in[n];
    }
    in[n++] = sums;
    struct gn_attr attr = { .which = which, .dims = g->node[param]->dims };
    g->grad[param] = gn_graph_add_bwd(g, "norm_grad", of, in, n, &attr);
}

static void norm_apply_backward(struct gn_graph *g, int id, int grad)
{
    const struct gn_node *node = g->node[id];
    int in[6] = { node->in[0], grad, node->in[1], node->in[2], node->in[3], -1 };
    struct gn_attr attr = node->attr;
    int sums = gn_graph_add_bwd(g, "norm_bwd_sums", id, in, 5, &attr);
    if (in[3] >= 0)
        param_grad(g, in[3], id, sums, 1);
    if (in[4] >= 0)
        param_grad(g, in[4], id, sums, 0);
    if (!g->node[in[0]]->needs_grad)
        return;
    if (attr.mode == GN_STATS_BATCH)
        in[5] = gn_graph_add_bwd(g, "sums_reduce", id, &sums, 1, NULL);
    else if (attr.mode == GN_STATS_INSTANCE)
        in[5] = sums;
    gn_grad_add(g, in[0], gn_graph_add_bwd(g, "norm_bwd", id, in, 6, &attr));
}

const struct gn_op gn_op_norm_sums = {
    .name = "norm_sums", .value = GN_VAL_SUMS, .infer = sums_infer, .ref = norm_sums_ref
};
const struct gn_op gn_op_norm_apply = {
    .name = "norm_apply",
    .value = GN_VAL_ACT,
    .infer = same_infer,
    .backward = norm_apply_backward,
    .ref = norm_apply_ref,
    .onnx = "InstanceNormalization",
};
const struct gn_op gn_op_norm_bwd_sums = {
    .name = "norm_bwd_sums", .value = GN_VAL_SUMS, .infer = sums_infer, .ref = norm_bwd_sums_ref
};
const struct gn_op gn_op_norm_bwd = {
    .name = "norm_bwd", .value = GN_VAL_ACT, .infer = same_infer, .ref = norm_bwd_ref
};
const struct gn_op gn_op_sums_reduce = {
    .name = "sums_reduce",
    .value = GN_VAL_SUMS,
    .small = true,
    .infer = reduce_infer,
    .ref = sums_reduce_ref,
};
const struct gn_op gn_op_norm_stats = {
    .name = "norm_stats",
    .value = GN_VAL_SUMS,
    .small = true,
    .infer = same_infer,
    .ref = norm_stats_ref,
};
const struct gn_op gn_op_norm_running = {
    .name = "norm_running",
    .value = GN_VAL_SUMS,
    .small = true,
    .infer = running_infer,
    .ref = norm_running_ref,
};
const struct gn_op gn_op_norm_update = {
    .name = "norm_update",
    .value = GN_VAL_NONE,
    .small = true,
    .infer = none_infer,
    .ref = norm_update_ref,
};
const struct gn_op gn_op_norm_grad = {
    .name = "norm_grad",
    .value = GN_VAL_GRAD,
    .small = true,
    .infer = grad_infer,
    .ref = norm_grad_ref,
};
