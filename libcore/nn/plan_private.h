/* plan_private.h - what plan.c and plan_memory.c share while a plan is made. */
#ifndef GN_NN_PLAN_PRIVATE_H
#define GN_NN_PLAN_PRIVATE_H

#include "nn/plan.h"

struct gn_planner {
    struct gn_plan *plan;
    struct gn_graph *g;
    const struct gn_backend *backend;
    const int *keep;
    int n_keep;
    bool *needed, *visited;
    bool *viewed; /* has views in it */
    bool *skip;   /* no step: a concatenation of views, or a slice that is a view */
    int *readers; /* how many inputs of needed nodes read it */
    int *order, n_order;
    int *at; /* step that computes it */
};

void gn_plan_place(struct gn_planner *p); /* lifetimes, in-place results, offsets, arena_bytes */

#endif
