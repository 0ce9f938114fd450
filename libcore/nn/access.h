/* access.h - how the reference ops reach values: dense double activations, small arrays of any
 * kind. For nn/op_*.c and tests. */
#ifndef GN_NN_ACCESS_H
#define GN_NN_ACCESS_H

#include "backend/backend.h"
#include "nn/plan.h"

static inline const struct gn_node *gn_in(const struct gn_exec *x, const struct gn_node *node,
                                          int i)
{
    return node->in[i] < 0 ? NULL : x->plan->graph->node[node->in[i]];
}

/* ref only: channel c of item n of a dense double activation (views included). */
static inline double *gn_act(const struct gn_exec *x, const struct gn_node *node, int64_t n,
                             int64_t c)
{
    return (double *)x->value[node->id] + (size_t)n * x->plan->layout[node->id].item +
           (size_t)(c * gn_dims_voxels(&node->dims));
}

static inline uint64_t *gn_label(const struct gn_exec *x, const struct gn_node *node, int64_t n)
{
    return (uint64_t *)x->value[node->id] + n * gn_dims_voxels(&node->dims);
}

static inline double *gn_sums(const struct gn_exec *x, const struct gn_node *node)
{
    return x->value[node->id];
}

/* Element i of a PARAM, STATE, GRAD or SUMS, on any backend. */
static inline double gn_get(const struct gn_exec *x, const struct gn_node *node, int64_t i)
{
    const void *v = x->value[node->id];
    return node->value == GN_VAL_SUMS || x->plan->backend->element == 8
               ? ((const double *)v)[i]
               : (double)((const float *)v)[i];
}

static inline void gn_put(const struct gn_exec *x, const struct gn_node *node, int64_t i,
                          double value)
{
    void *v = x->value[node->id];
    if (node->value == GN_VAL_SUMS || x->plan->backend->element == 8)
        ((double *)v)[i] = value;
    else
        ((float *)v)[i] = (float)value;
}

#endif
