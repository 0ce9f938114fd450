/* graph.c - building a graph: nodes, shapes, what readers want around a value. */
#include "nn/graph.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "nn/ops.h"

const struct gn_op *const gn_ops[] = { &gn_op_conv,
                                       &gn_op_conv_bwd_data,
                                       &gn_op_conv_bwd_weight,
                                       &gn_op_conv_bwd_bias,
                                       &gn_op_norm_sums,
                                       &gn_op_norm_apply,
                                       &gn_op_norm_bwd_sums,
                                       &gn_op_norm_bwd,
                                       &gn_op_norm_stats,
                                       &gn_op_norm_running,
                                       &gn_op_norm_update,
                                       &gn_op_norm_grad,
                                       &gn_op_sums_reduce,
                                       &gn_op_drop_mask,
                                       &gn_op_scale,
                                       &gn_op_leaky,
                                       &gn_op_leaky_bwd,
                                       &gn_op_add,
                                       &gn_op_concat,
                                       &gn_op_slice,
                                       &gn_op_upsample,
                                       &gn_op_upsample_bwd,
                                       &gn_op_softmax,
                                       &gn_op_softmax_bwd,
                                       &gn_op_sigmoid,
                                       &gn_op_sigmoid_bwd,
                                       &gn_op_loss_sums,
                                       &gn_op_loss_bwd,
                                       &gn_op_loss_value,
                                       &gn_op_loss_coef,
                                       &gn_op_cel_sums,
                                       &gn_op_cel_bwd,
                                       &gn_op_cel_value,
                                       &gn_op_cel_coef,
                                       NULL };

struct gn_graph *gn_graph_new(bool training)
{
    struct gn_graph *g = gn_alloc(sizeof *g);
    g->training = training;
    return g;
}

void gn_graph_free(struct gn_graph *g)
{
    if (!g)
        return;
    free(g->node);
    free(g->grad);
    gn_arena_free(&g->arena);
    free(g);
}

const struct gn_op *gn_op_find(const char *name)
{
    for (int i = 0; gn_ops[i]; i++)
        if (!strcmp(gn_ops[i]->name, name))
            return gn_ops[i];
    return NULL;
}

bool gn_node_is(const struct gn_node *node, const char *op)
{
    return node->op && !strcmp(node->op->name, op);
}

int64_t gn_dims_voxels(const struct gn_dims *d)
{
    return d->d[2] * d->d[3] * d->d[4];
}

int64_t gn_dims_count(const struct gn_dims *d)
{
    return d->d[0] * d->d[1] * gn_dims_voxels(d);
}

static struct gn_node *push(struct gn_graph *g, const char *name)
{
    struct gn_node *node = gn_arena_alloc(&g->arena, sizeof *node);
    if (g->n == g->cap) {
        g->cap = g->cap ? 2 * g->cap : 64;
        g->node = gn_realloc(g->node, (size_t)g->cap * sizeof *g->node);
    }
    node->id = g->n;
    node->name = gn_arena_strndup(&g->arena, name, strlen(name));
    g->node[g->n++] = node;
    return node;
}

int gn_graph_input(struct gn_graph *g, const char *name, enum gn_value value, struct gn_dims dims)
{
    struct gn_node *node = push(g, name);
    node->value = value;
    node->dims = dims;
    return node->id;
}

int gn_graph_param(struct gn_graph *g, const char *name, enum gn_value value, struct gn_dims dims,
                   int rank)
{
    int id = gn_graph_input(g, name, value, dims);
    g->node[id]->rank = rank;
    g->node[id]->needs_grad = value == GN_VAL_PARAM;
    return id;
}

int gn_graph_add(struct gn_graph *g, const char *op, const char *name, const int *in, int n_in,
                 const struct gn_attr *attr, struct gn_err *err)
{
    static const struct gn_attr none;
    assert(n_in <= GN_MAX_IN);
    struct gn_node node = { .op = gn_op_find(op), .attr = attr ? *attr : none, .n_in = n_in };
    assert(node.op);
    node.value = node.op->value;
    for (int i = 0; i < n_in; i++) {
        node.in[i] = in[i];
        if (in[i] >= 0 && node.op->backward && g->node[in[i]]->needs_grad)
            node.needs_grad = true;
    }
    for (int i = 0; i < 5; i++)
        node.dims.d[i] = 1;
    if (node.op->infer(g, &node, err) < 0)
        return gn_err_wrap(err, "%s", name);
    struct gn_node *kept = push(g, name);
    node.id = kept->id;
    node.name = kept->name;
    *kept = node;
    return node.id;
}

int gn_graph_add_bwd(struct gn_graph *g, const char *op, int of, const int *in, int n_in,
                     const struct gn_attr *attr)
{
    struct gn_err err = { 0 };
    int id = gn_graph_add(g, op, g->node[of]->name, in, n_in, attr, &err);
    assert(id >= 0);
    g->node[id]->is_backward = true;
    g->node[id]->needs_grad = false;
    return id;
}

void gn_graph_halo(const struct gn_graph *g, int node, int halo[3])
{
    halo[0] = halo[1] = halo[2] = 0;
    for (int i = 0; i < g->n; i++) {
        const struct gn_node *r = g->node[i];
        if (!r->op)
            continue;
        for (int k = 0; k < r->n_in; k++) {
            if (r->in[k] != node)
                continue;
            int want[3] = { 0, 0, 0 };
            if (gn_node_is(r, "concat") || gn_node_is(r, "slice")) /* they may share its memory */
                gn_graph_halo(g, i, want);
            else if (k == 0 && (gn_node_is(r, "conv") || gn_node_is(r, "conv_bwd_weight")))
                memcpy(want, r->attr.pad, sizeof want);
            else if (k == 0 && gn_node_is(r, "conv_bwd_data"))
                for (int a = 0; a < 3; a++)
                    want[a] = (r->attr.dilation[a] * (r->attr.kernel[a] - 1) - r->attr.pad[a] +
                               r->attr.stride[a] - 1) /
                              r->attr.stride[a];
            for (int a = 0; a < 3; a++)
                if (want[a] > halo[a])
                    halo[a] = want[a];
        }
    }
}
