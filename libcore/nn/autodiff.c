/* autodiff.c - reverse mode: walks the forward nodes back from the loss and lets each op append its
 * backward nodes. */
#include <assert.h>
#include <stdlib.h>

#include "nn/graph.h"

void gn_grad_add(struct gn_graph *g, int node, int grad)
{
    if (!g->node[node]->needs_grad)
        return;
    int before = g->grad[node];
    assert(before < 0 || g->node[node]->value ==
                             GN_VAL_ACT); /* parameters have one reader (norms: see op_norm.c) */
    g->grad[node] = before < 0 ? grad
                               : gn_graph_add_bwd(g, "add", node, (int[]){ before, grad }, 2, NULL);
}

int gn_graph_backward(struct gn_graph *g, int loss, struct gn_err *err)
{
    if (!g->node[loss]->op || !g->node[loss]->op->backward)
        return gn_err_set(err, "%s: no gradient is defined", g->node[loss]->name);
    g->n_grad = g->n;
    free(g->grad);
    g->grad = gn_alloc((size_t)g->n_grad * sizeof *g->grad);
    for (int i = 0; i < g->n_grad; i++)
        g->grad[i] = -1;
    for (int i = loss; i >= 0; i--) {
        const struct gn_node *node = g->node[i];
        if (i != loss && (!node->needs_grad || g->grad[i] < 0))
            continue;
        if (node->op && node->op->backward)
            node->op->backward(g, i, g->grad[i]);
    }
    return 0;
}
