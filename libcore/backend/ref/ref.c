/* ref.c - the reference backend: every op's naive loop (nn/op_*.c), dense, double. It judges the
 * others; it is not meant to be fast. */
#include "backend/backend.h"
#include "nn/access.h"

static void ref_layout(const struct gn_graph *g, int node, struct gn_layout *l)
{
    const struct gn_dims *d = &g->node[node]->dims;
    l->item = (size_t)(d->d[1] * gn_dims_voxels(d));
    l->bytes = ((size_t)d->d[0] * l->item * sizeof(double) + 63) / 64 * 64;
}

static bool ref_view(const struct gn_graph *g, int whole, const struct gn_layout *layout, int part,
                     int64_t begin, size_t *start)
{
    (void)whole;
    (void)layout;
    *start = (size_t)(begin * gn_dims_voxels(&g->node[part]->dims)) * sizeof(double);
    return true;
}

/* Ops whose element i reads only elements i of its inputs. */
static bool ref_inplace(const struct gn_graph *g, const struct gn_step *step, int input)
{
    static const char *const pointwise[] = { "norm_apply", "norm_bwd", "scale",   "leaky",
                                             "leaky_bwd",  "add",      "sigmoid", "sigmoid_bwd",
                                             "loss_bwd",   NULL };
    (void)input;
    for (int i = 0; pointwise[i]; i++)
        if (gn_node_is(g->node[step->node], pointwise[i]))
            return true;
    return false;
}

static bool ref_supports(const struct gn_graph *g, int node)
{
    return g->node[node]->op->ref != NULL;
}

static int ref_run(struct gn_exec *x, const struct gn_step *step, struct gn_err *err)
{
    (void)err;
    const struct gn_node *node = x->plan->graph->node[step->node];
    node->op->ref(x, node);
    return 0;
}

static void ref_import(struct gn_exec *x, int node, const float *from)
{
    const struct gn_node *to = x->plan->graph->node[node];
    int64_t C = to->dims.d[1], voxels = gn_dims_voxels(&to->dims);
    for (int64_t n = 0; n < x->n; n++)
        for (int64_t c = 0; c < C; c++)
            for (int64_t i = 0; i < voxels; i++)
                gn_act(x, to, n, c)[i] = (double)from[(n * C + c) * voxels + i];
}

static void ref_export(struct gn_exec *x, int node, float *to)
{
    const struct gn_node *from = x->plan->graph->node[node];
    int64_t C = from->dims.d[1], voxels = gn_dims_voxels(&from->dims);
    for (int64_t n = 0; n < x->n; n++)
        for (int64_t c = 0; c < C; c++)
            for (int64_t i = 0; i < voxels; i++)
                to[(n * C + c) * voxels + i] = (float)gn_act(x, from, n, c)[i];
}

const struct gn_backend gn_backend_ref = {
    .name = "ref",
    .element = sizeof(double),
    .layout = ref_layout,
    .view = ref_view,
    .inplace = ref_inplace,
    .supports = ref_supports,
    .run = ref_run,
    .import = ref_import,
    .export = ref_export,
};
