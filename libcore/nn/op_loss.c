/* op_loss.c - losses in the graph: partial sums, a reduction over items and ranks, the value, and
 * the derivative at each voxel. */
#include <math.h>

#include "base/vmath.h"
#include "nn/access.h"
#include "nn/loss.h"
#include "nn/ops.h"

static int sums_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)err;
    const struct gn_dims *p = &g->node[node->in[0]]->dims;
    bool cel = node->attr.loss->cel;
    node->dims.d[0] = p->d[0];
    node->dims.d[1] = cel ? 1 : p->d[1];
    node->dims.d[2] = cel ? 2 : 4;
    return 0;
}

static int same_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)err;
    node->dims = g->node[node->in[0]]->dims;
    return 0;
}

static int one_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)g;
    (void)node;
    (void)err;
    return 0;
}

static int coef_infer(const struct gn_graph *g, struct gn_node *node, struct gn_err *err)
{
    (void)err;
    node->dims.d[0] = g->node[node->in[0]]->dims.d[1];
    node->dims.d[1] = 3;
    return 0;
}

static void loss_sums_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *p = gn_in(e, node, 0);
    int64_t C = p->dims.d[1];
    for (int64_t n = 0; n < e->n; n++) {
        const uint64_t *label = gn_label(e, gn_in(e, node, 1), n);
        for (int64_t c = 0; c < C; c++) {
            const double *v = gn_act(e, p, n, c);
            double s[4] = { 0 };
            for (int64_t i = 0; i < gn_dims_voxels(&p->dims); i++) {
                int t = (int)(label[i] >> c & 1);
                s[0] += t ? v[i] : 0;
                s[1] += v[i];
                s[2] += t;
                s[3] += gn_bce((enum gn_bce)node->attr.mode, v[i], t);
            }
            for (int k = 0; k < 4; k++)
                gn_sums(e, node)[(n * C + c) * 4 + k] = s[k];
        }
    }
}

/* attr.alpha: voxels of an item. */
static void loss_value_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *r = gn_in(e, node, 0);
    gn_sums(e, node)[0] = gn_loss_from_sums(node->attr.loss, (int)r->dims.d[1], node->attr.weights,
                                            gn_sums(e, r), node->attr.alpha * (double)e->n_total);
}

static void loss_coef_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *r = gn_in(e, node, 0);
    gn_loss_coefficients(node->attr.loss, (int)r->dims.d[1], node->attr.weights, gn_sums(e, r),
                         node->attr.alpha * (double)e->n_total, gn_sums(e, node));
}

static void loss_bwd_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *p = gn_in(e, node, 0);
    for (int64_t n = 0; n < e->n; n++) {
        const uint64_t *label = gn_label(e, gn_in(e, node, 1), n);
        for (int64_t c = 0; c < p->dims.d[1]; c++) {
            const double *v = gn_act(e, p, n, c), *k = gn_sums(e, gn_in(e, node, 2)) + 3 * c;
            double *dp = gn_act(e, node, n, c);
            for (int64_t i = 0; i < gn_dims_voxels(&p->dims); i++) {
                int t = (int)(label[i] >> c & 1);
                double slope = gn_bce_slope((enum gn_bce)node->attr.mode, v[i],
                                            t); /* before dp is written: it may be p's place */
                dp[i] = k[0] + (t ? k[1] : 0) + k[2] * slope;
            }
        }
    }
}

static double log_sum_exp(const struct gn_exec *e, const struct gn_node *z, int64_t n, int64_t i)
{
    double top = -INFINITY, sum = 0;
    for (int64_t c = 0; c < z->dims.d[1]; c++)
        top = fmax(top, gn_act(e, z, n, c)[i]);
    for (int64_t c = 0; c < z->dims.d[1]; c++)
        sum += gn_vmath_exp(gn_act(e, z, n, c)[i] - top);
    return top + gn_vmath_log(sum);
}

static void cel_sums_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *z = gn_in(e, node, 0);
    const double *w = node->attr.weights;
    for (int64_t n = 0; n < e->n; n++) {
        const uint64_t *label = gn_label(e, gn_in(e, node, 1), n);
        double s[2] = { 0 };
        for (int64_t i = 0; i < gn_dims_voxels(&z->dims); i++) {
            if (!label[i])
                continue;
            int k = __builtin_ctzll(label[i]);
            s[0] += (w ? w[k] : 1) * (log_sum_exp(e, z, n, i) - gn_act(e, z, n, k)[i]);
            s[1] += w ? w[k] : 1;
        }
        gn_sums(e, node)[2 * n] = s[0];
        gn_sums(e, node)[2 * n + 1] = s[1];
    }
}

static void cel_value_ref(struct gn_exec *e, const struct gn_node *node)
{
    const double *r = gn_sums(e, gn_in(e, node, 0));
    gn_sums(e, node)[0] = r[1] > 0 ? r[0] / r[1] : 0;
}

static void cel_coef_ref(struct gn_exec *e, const struct gn_node *node)
{
    const double *r = gn_sums(e, gn_in(e, node, 0));
    gn_sums(e, node)[0] = r[1] > 0 ? 1 / r[1] : 0;
}

static void cel_bwd_ref(struct gn_exec *e, const struct gn_node *node)
{
    const struct gn_node *z = gn_in(e, node, 0);
    const double *w = node->attr.weights, by = gn_sums(e, gn_in(e, node, 2))[0];
    for (int64_t n = 0; n < e->n; n++) {
        const uint64_t *label = gn_label(e, gn_in(e, node, 1), n);
        for (int64_t i = 0; i < gn_dims_voxels(&z->dims); i++) {
            int k = label[i] ? __builtin_ctzll(label[i]) : -1;
            double all = k < 0 ? 0 : log_sum_exp(e, z, n, i), f = k < 0 ? 0 : by * (w ? w[k] : 1);
            for (int64_t c = 0; c < z->dims.d[1]; c++)
                gn_act(e, node, n,
                       c)[i] = k < 0 ? 0
                                     : f * (gn_vmath_exp(gn_act(e, z, n, c)[i] - all) - (c == k));
        }
    }
}

/* The loss's own derivative is 1; the chain value <- sums_reduce <- sums(p, label) is crossed in
 * one go. */
static void value_backward(struct gn_graph *g, int id, int grad)
{
    (void)grad;
    const struct gn_node *node = g->node[id], *reduce = g->node[node->in[0]],
                         *sums = g->node[reduce->in[0]];
    bool cel = node->attr.loss->cel;
    struct gn_attr attr = node->attr;
    int k = gn_graph_add_bwd(g, cel ? "cel_coef" : "loss_coef", id, &reduce->id, 1, &attr);
    attr = sums->attr;
    int in[3] = { sums->in[0], sums->in[1], k };
    gn_grad_add(g, sums->in[0],
                gn_graph_add_bwd(g, cel ? "cel_bwd" : "loss_bwd", id, in, 3, &attr));
}

const struct gn_op gn_op_loss_sums = {
    .name = "loss_sums", .value = GN_VAL_SUMS, .infer = sums_infer, .ref = loss_sums_ref
};
const struct gn_op gn_op_loss_bwd = {
    .name = "loss_bwd", .value = GN_VAL_ACT, .infer = same_infer, .ref = loss_bwd_ref
};
const struct gn_op gn_op_loss_coef = {
    .name = "loss_coef",
    .value = GN_VAL_SUMS,
    .small = true,
    .infer = coef_infer,
    .ref = loss_coef_ref,
};
const struct gn_op gn_op_loss_value = {
    .name = "loss_value",
    .value = GN_VAL_SUMS,
    .small = true,
    .infer = one_infer,
    .backward = value_backward,
    .ref = loss_value_ref,
};
const struct gn_op gn_op_cel_sums = {
    .name = "cel_sums", .value = GN_VAL_SUMS, .infer = sums_infer, .ref = cel_sums_ref
};
const struct gn_op gn_op_cel_bwd = {
    .name = "cel_bwd", .value = GN_VAL_ACT, .infer = same_infer, .ref = cel_bwd_ref
};
const struct gn_op gn_op_cel_coef = {
    .name = "cel_coef",
    .value = GN_VAL_SUMS,
    .small = true,
    .infer = one_infer,
    .ref = cel_coef_ref,
};
const struct gn_op gn_op_cel_value = {
    .name = "cel_value",
    .value = GN_VAL_SUMS,
    .small = true,
    .infer = one_infer,
    .backward = value_backward,
    .ref = cel_value_ref,
};
