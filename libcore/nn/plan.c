/* plan.c - schedule: what is needed, views, steps with joined neighbours; then lifetimes and memory
 * (plan_memory.c). */
#include "nn/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "nn/plan_private.h"

/* needed[i]: someone keeps it, it has a side effect, or something needed reads it. */
static void mark_needed(struct gn_planner *p)
{
    for (int i = 0; i < p->n_keep; i++)
        p->needed[p->keep[i]] = true;
    for (int i = 0; i < p->g->n; i++)
        if (p->g->node[i]->value == GN_VAL_NONE)
            p->needed[i] = true;
    /* Recomputed nodes have higher ids than their readers, so one sweep is not enough. */
    for (bool again = true; again;) {
        again = false;
        for (int i = p->g->n - 1; i >= 0; i--) {
            const struct gn_node *node = p->g->node[i];
            for (int k = 0; p->needed[i] && k < node->n_in; k++)
                if (node->in[k] >= 0 && !p->needed[node->in[k]])
                    p->needed[node->in[k]] = again = true;
        }
    }
    for (int i = 0; i < p->g->n; i++)
        for (int k = 0; p->needed[i] && k < p->g->node[i]->n_in; k++)
            if (p->g->node[i]->in[k] >= 0)
                p->readers[p->g->node[i]->in[k]]++;
}

/* Order of execution: by id, each recomputed node just before the first node that reads it. */
static void visit(struct gn_planner *p, int id)
{
    if (p->visited[id])
        return;
    p->visited[id] = true;
    for (int k = 0; k < p->g->node[id]->n_in; k++)
        if (p->g->node[id]->in[k] >= 0)
            visit(p, p->g->node[id]->in[k]);
    if (p->g->node[id]->op)
        p->order[p->n_order++] = id;
}

static void order_nodes(struct gn_planner *p)
{
    for (int i = 0; i < p->g->n; i++)
        if (p->needed[i])
            visit(p, i);
}

static bool kept(const struct gn_planner *p, int id)
{
    for (int i = 0; i < p->n_keep; i++)
        if (p->keep[i] == id)
            return true;
    return false;
}

static bool is_act(const struct gn_planner *p, int id)
{
    return p->g->node[id]->value == GN_VAL_ACT;
}

static void lay_out(struct gn_planner *p)
{
    for (int i = 0; i < p->g->n; i++) {
        struct gn_layout *l = &p->plan->layout[i];
        const struct gn_node *node = p->g->node[i];
        l->parent = -1;
        if (!p->needed[i])
            continue;
        if (is_act(p, i))
            p->backend->layout(p->g, i, l);
        else if (node->value == GN_VAL_SUMS || node->value == GN_VAL_LABEL)
            l->bytes = ((size_t)gn_dims_count(&node->dims) * 8 + 63) / 64 * 64;
    }
}

/* Parts of a concatenation become views of it if all of them can; slices become views of what they
 * are cut from. */
static void find_views(struct gn_planner *p)
{
    struct gn_layout *layout = p->plan->layout;
    if (!p->backend->view)
        return;
    for (int k = 0; k < p->n_order; k++) {
        const struct gn_node *node = p->g->node[p->order[k]];
        size_t start[GN_MAX_IN];
        if (gn_node_is(node, "concat")) {
            bool all = true;
            int64_t at = 0;
            for (int i = 0; i < node->n_in && all; i++) {
                int part = node->in[i];
                all = p->g->node[part]->op && layout[part].parent < 0 && !p->viewed[part] &&
                      !kept(p, part) &&
                      p->backend->view(p->g, node->id, &layout[node->id], part, at, &start[i]);
                for (int j = 0; j < i; j++)
                    all = all && node->in[j] != part;
                at += p->g->node[part]->dims.d[1];
            }
            for (int i = 0; i < node->n_in && all; i++) {
                layout[node->in[i]].parent = node->id;
                layout[node->in[i]].start = start[i];
                p->viewed[node->id] = p->skip[node->id] = true;
            }
        } else if (gn_node_is(node, "slice") && layout[node->in[0]].parent < 0 &&
                   p->g->node[node->in[0]]->op && !kept(p, node->id) &&
                   p->backend->view(p->g, node->in[0], &layout[node->in[0]], node->id,
                                    node->attr.begin, &start[0])) {
            layout[node->id].parent = node->in[0];
            layout[node->id].start = start[0];
            p->viewed[node->in[0]] = p->skip[node->id] = true;
        }
    }
    for (int i = 0; i < p->g->n; i++) {
        int parent = layout[i].parent;
        if (parent >= 0) {
            memcpy(layout[i].halo, layout[parent].halo, sizeof layout[i].halo);
            layout[i].item = layout[parent].item;
        }
    }
}

/* The step after which a value can be read; -1: from the start. */
static int ready(const struct gn_planner *p, int id)
{
    const struct gn_node *node = p->g->node[id];
    if (!p->skip[id])
        return node->op ? p->at[id] : -1;
    int last = -1;
    for (int i = 0; i < node->n_in; i++)
        if (ready(p, node->in[i]) > last)
            last = ready(p, node->in[i]);
    return last;
}

/* Put node into the step that computes one of its inputs, if the backend has such a kernel. */
static bool join(struct gn_planner *p, const struct gn_node *node)
{
    if (!p->backend->can_fuse || node->op->small)
        return false;
    bool looks = gn_node_is(node, "norm_sums");
    for (int i = 0; i < node->n_in; i++) {
        int in = node->in[i];
        if (in < 0 || !is_act(p, in) || !p->g->node[in]->op || p->skip[in] || kept(p, in))
            continue;
        struct gn_step *step = &p->plan->step[p->at[in]];
        if (step->out != in || step->n_fused == GN_MAX_FUSED)
            continue;
        if (!looks && (p->readers[in] != 1 || p->plan->layout[in].parent >= 0))
            continue;
        bool early = true; /* all other inputs exist before the step */
        for (int k = 0; k < node->n_in; k++)
            if (k != i && node->in[k] >= 0 &&
                (node->in[k] == in || ready(p, node->in[k]) >= p->at[in]))
                early = false;
        if (!early || !p->backend->can_fuse(p->g, step, node->id))
            continue;
        step->fused[step->n_fused++] = node->id;
        p->at[node->id] = p->at[in];
        if (!looks)
            step->out = node->id;
        return true;
    }
    return false;
}

static int make_steps(struct gn_planner *p, struct gn_err *err)
{
    for (int k = 0; k < p->n_order; k++) {
        const struct gn_node *node = p->g->node[p->order[k]];
        if (p->skip[node->id] || join(p, node))
            continue;
        if (!node->op->small && !p->backend->supports(p->g, node->id))
            return gn_err_set(err, "%s: the %s backend has no kernel for %s", node->name,
                              p->backend->name, node->op->name);
        p->at[node->id] = p->plan->n_steps;
        p->plan->step[p->plan->n_steps++] = (struct gn_step){ .node = node->id, .out = node->id };
    }
    for (int s = 0; s < p->plan->n_steps; s++)
        if (p->backend->scratch && !p->g->node[p->plan->step[s].node]->op->small)
            p->plan->step[s].scratch = (p->backend->scratch(p->plan, &p->plan->step[s]) + 63) / 64 *
                                       64;
    return 0;
}

/* One complete plan of the graph as it is. */
static int plan_once(struct gn_plan *plan, struct gn_graph *g, const struct gn_backend *backend,
                     const int *keep, int n_keep, struct gn_err *err)
{
    *plan = (struct gn_plan){ .graph = g, .backend = backend };
    size_t n = (size_t)g->n;
    struct gn_planner p = {
        .plan = plan, .g = g, .backend = backend, .keep = keep, .n_keep = n_keep
    };
    struct gn_arena tmp = { 0 };
    plan->layout = gn_arena_alloc(&plan->mem, n * sizeof *plan->layout);
    plan->step = gn_arena_alloc(&plan->mem, n * sizeof *plan->step);
    p.needed = gn_arena_alloc(&tmp, n);
    p.visited = gn_arena_alloc(&tmp, n);
    p.viewed = gn_arena_alloc(&tmp, n);
    p.skip = gn_arena_alloc(&tmp, n);
    p.readers = gn_arena_alloc(&tmp, n * sizeof(int));
    p.order = gn_arena_alloc(&tmp, n * sizeof(int));
    p.at = gn_arena_alloc(&tmp, n * sizeof(int));
    mark_needed(&p);
    order_nodes(&p);
    lay_out(&p);
    find_views(&p);
    int rc = make_steps(&p, err);
    if (rc == 0)
        gn_plan_place(&p);
    gn_arena_free(&tmp);
    if (rc < 0)
        gn_plan_free(plan);
    return rc;
}

/* Values worth computing twice: read by the backward pass, cheap, and made from values the backward
 * pass holds anyway. */
static bool cheap(const struct gn_graph *g, const struct gn_node *node)
{
    if (node->is_backward || !node->op)
        return false;
    if (gn_node_is(node, "concat")) {
        for (int i = 0; i < node->n_in; i++)
            if (!gn_node_is(g->node[node->in[i]], "norm_apply"))
                return false;
        return true;
    }
    return gn_node_is(node, "norm_apply") || gn_node_is(node, "leaky");
}

static bool read_backward(const struct gn_graph *g, int id)
{
    for (int i = 0; i < g->n; i++)
        for (int k = 0; g->node[i]->is_backward && k < g->node[i]->n_in; k++)
            if (g->node[i]->in[k] == id)
                return true;
    return false;
}

static int copy_node(struct gn_graph *g, int id)
{
    struct gn_err err = { 0 };
    const struct gn_node *node = g->node[id];
    int in[GN_MAX_IN], copy;
    for (int i = 0; i < node->n_in; i++)
        in[i] = gn_node_is(node, "concat") ? copy_node(g, node->in[i]) : node->in[i];
    copy = gn_graph_add(g, node->op->name, node->name, in, node->n_in, &node->attr, &err);
    assert(copy >= 0);
    g->node[copy]->is_backward = true;
    return copy;
}

/* The backward readers of id read a copy computed just before the first of them. */
static void recompute(struct gn_graph *g, int id)
{
    int n = g->n, copy = copy_node(g, id);
    for (int i = 0; i < n; i++)
        for (int k = 0; g->node[i]->is_backward && k < g->node[i]->n_in; k++)
            if (g->node[i]->in[k] == id)
                g->node[i]->in[k] = copy;
}

/* Back to a graph of n nodes: who read copy number k of candidate[k] reads the original again. */
static void undo(struct gn_graph *g, int n, const int *candidate, int count)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < g->node[i]->n_in; k++)
            if (g->node[i]->in[k] >= n) {
                const struct gn_node *copy = g->node[g->node[i]->in[k]];
                for (int c = 0; c < count; c++)
                    if (g->node[candidate[c]]->op == copy->op &&
                        !strcmp(g->node[candidate[c]]->name, copy->name) &&
                        g->node[candidate[c]]->attr.begin == copy->attr.begin)
                        g->node[i]->in[k] = candidate[c];
            }
    g->n = n;
}

int gn_plan_make(struct gn_plan *plan, struct gn_graph *g, const struct gn_backend *backend,
                 const int *keep, int n_keep, uint64_t memory, struct gn_err *err)
{
    if (plan_once(plan, g, backend, keep, n_keep, err) < 0)
        return -1;
    if (memory == 0 || plan->arena_bytes <= memory)
        return 0;
    int *candidate = gn_alloc((size_t)g->n * sizeof *candidate), n = 0, base = g->n;
    for (int i = 0; i < base; i++)
        if (plan->layout[i].bytes > 0 && cheap(g, g->node[i]) && read_backward(g, i))
            candidate[n++] = i;
    for (int i = 1; i < n; i++) /* largest first, then in order: insertion sort of a few dozen */
        for (int k = i;
             k > 0 && plan->layout[candidate[k]].bytes > plan->layout[candidate[k - 1]].bytes;
             k--) {
            int t = candidate[k];
            candidate[k] = candidate[k - 1];
            candidate[k - 1] = t;
        }
    size_t least = plan->arena_bytes;
    int rc = -1;
    /* More copies need not mean less memory at the peak, so look at every count from few to many.
     */
    for (int count = 1; count <= n && rc < 0; count++) {
        gn_plan_free(plan);
        for (int i = 0; i < count; i++)
            recompute(g, candidate[i]);
        if (plan_once(plan, g, backend, keep, n_keep, err) < 0) {
            least = 0;
            break;
        }
        plan->recomputed = count;
        if (plan->arena_bytes < least)
            least = plan->arena_bytes;
        if (plan->arena_bytes <= memory)
            rc = 0;
        else if (count < n)
            undo(g, base, candidate, n);
    }
    free(candidate);
    if (rc < 0) {
        gn_plan_free(plan);
        plan->arena_bytes = least;
        return gn_err_set(err,
                          "the network does not fit: it needs at least %.1f MiB for activations, "
                          "%.1f are left by --memory",
                          (double)least / 1048576, (double)memory / 1048576);
    }
    return 0;
}

void gn_plan_free(struct gn_plan *plan)
{
    gn_arena_free(&plan->mem);
    *plan = (struct gn_plan){ 0 };
}

void gn_plan_bind(const struct gn_plan *plan, struct gn_exec *x)
{
    for (int i = 0; i < plan->graph->n; i++) {
        size_t start = 0;
        int root = i;
        for (; plan->layout[root].parent >= 0; root = plan->layout[root].parent)
            start += plan->layout[root].start;
        if (plan->layout[root].placed)
            x->value[i] = x->arena + plan->layout[root].offset + start;
    }
}

int gn_plan_run(struct gn_exec *x, struct gn_err *err)
{
    for (int s = 0; s < x->plan->n_steps; s++) {
        const struct gn_step *step = &x->plan->step[s];
        const struct gn_node *node = x->plan->graph->node[step->node];
        if (node->op->small)
            node->op->ref(x, node);
        else if (x->plan->backend->run(x, step, err) < 0)
            return gn_err_wrap(err, "%s (%s)", node->name, node->op->name);
    }
    return 0;
}
