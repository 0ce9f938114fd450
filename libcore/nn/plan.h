/* plan.h - from a graph to a schedule for one backend: steps, layouts, one arena.
 *
 * The planner drops what nobody needs, orders the steps, lets the backend join neighbours into one
 * kernel, asks how each value is laid out, and places every value in one arena by lifetime: peak
 * memory is a property of the plan. Parts of a concatenation, and slices, are views of the whole
 * where the backend can (no copy). With a memory limit, cheap activations are recomputed in the
 * backward pass until it fits.
 */
#ifndef GN_NN_PLAN_H
#define GN_NN_PLAN_H

#include "nn/graph.h"

struct gn_backend;
struct gn_net_item;

/* How one ACT value lies in memory. Dense: N C D H W. Blocked: [N][C/16][D+2h][H+2h][W+2h][16],
 * channels padded to 16. Filled by the backend (blocked, halo, bytes, item), placed by the planner.
 * A view has its parent's halo and item, and starts at the parent's address + start. */
struct gn_layout {
    bool blocked;
    int halo[3];   /* D H W */
    size_t bytes;  /* of the whole value, all N items; a multiple of 64 */
    size_t item;   /* elements from one batch item to the next (a view: the parent's) */
    int parent;    /* node this is a view of, -1 none */
    size_t start;  /* bytes from the parent's address */
    size_t offset; /* bytes in the arena; parameters, states and gradients live outside it */
    bool placed;   /* has memory: in the arena, or through its parent */
};

enum { GN_MAX_FUSED = 4 };

/* One kernel call. Without fusion it computes node. fused[] are computed by the same call, in
 * order: each reads the result so far (or, for norm_sums, only looks at it). Results that no one
 * else reads are never stored: the value stored is that of `out`, plus those of the SUMS nodes
 * among fused[]. */
struct gn_step {
    int node;
    int fused[GN_MAX_FUSED], n_fused;
    int out;               /* the node whose ACT value is stored: node or a fused one */
    size_t scratch;        /* bytes for the call, all threads together */
    size_t scratch_offset; /* in the arena */
};

struct gn_plan {
    const struct gn_graph *graph;
    const struct gn_backend *backend;
    struct gn_step *step;
    int n_steps;
    struct gn_layout *layout; /* one a node */
    size_t arena_bytes;
    int recomputed; /* activations computed twice to save memory */
    struct gn_arena mem;
};

/* One run of a plan. */
struct gn_exec {
    const struct gn_plan *plan;
    void *
        *value; /* address of each node's value (arena, or bound by the net); NULL: never stored */
    char *arena;
    int64_t n;       /* items in this batch (1 .. the graph's N) */
    int64_t n_total; /* items of all ranks: what batch statistics divide by */
    uint64_t seed;   /* of dropout; items: the place of each item */
    const struct gn_net_item *items;
    int (*rank_sum)(
        void *ctx, double *v,
        size_t n); /* v becomes the sum over ranks, added in rank order; NULL: one rank */
    void *rank_ctx;
    void *state; /* the backend's own: packed weights, scratch */
};

/* keep: nodes whose values the caller reads after the run. memory: bytes of arena, 0 no limit; g
 * may gain recomputation nodes. What does not fit leaves an empty plan whose arena_bytes says what
 * would. */
int gn_plan_make(struct gn_plan *plan, struct gn_graph *g, const struct gn_backend *backend,
                 const int *keep, int n_keep, uint64_t memory, struct gn_err *err) GN_MUST_USE;
void gn_plan_free(struct gn_plan *plan);

/* x->value for every placed node, from x->arena; nodes outside the arena are left as they are. */
void gn_plan_bind(const struct gn_plan *plan, struct gn_exec *x);
int gn_plan_run(struct gn_exec *x, struct gn_err *err) GN_MUST_USE;

#endif
