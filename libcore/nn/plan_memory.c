/* plan_memory.c - lifetimes and places in the arena.
 *
 * A buffer lives from the step that first writes it to the last that reads it. Buffers are placed
 * largest first, each at the lowest address free during its whole life (also tried: in order of
 * birth; the smaller arena wins). Greedy by size: Pisarchyk & Lee 2020 (arXiv:2001.03288). */
#include <stdlib.h>

#include "backend/backend.h"
#include "nn/plan_private.h"

struct buffer {
    int node, step;  /* the value, or the step whose scratch it is (node -1) */
    int first, last; /* steps, both included; -1: before the first */
    size_t bytes, offset;
};

static int root_of(const struct gn_plan *plan, int id)
{
    while (plan->layout[id].parent >= 0)
        id = plan->layout[id].parent;
    return id;
}

static void live(struct buffer *b, int step)
{
    if (b->first > b->last) {
        b->first = b->last = step;
    } else {
        b->first = step < b->first ? step : b->first;
        b->last = step > b->last ? step : b->last;
    }
}

static int by_size(const void *a, const void *b)
{
    const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->first != y->first ? (x->first > y->first) - (x->first < y->first)
                                : (x->node > y->node) - (x->node < y->node);
}

static int by_birth(const void *a, const void *b)
{
    const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes)
                                : (x->node > y->node) - (x->node < y->node);
}

static size_t place(struct buffer **order, size_t n)
{
    size_t arena = 0;
    struct buffer **near = gn_alloc((n + 1) * sizeof *near);
    for (size_t i = 0; i < n; i++) {
        size_t m = 0, at = 0;
        for (size_t k = 0; k < i; k++)
            if (order[k]->first <= order[i]->last &&
                order[i]->first <= order[k]->last) { /* kept sorted by offset */
                size_t j = m++;
                for (; j > 0 && near[j - 1]->offset > order[k]->offset; j--)
                    near[j] = near[j - 1];
                near[j] = order[k];
            }
        for (size_t k = 0; k < m; k++) {
            if (near[k]->offset >= at + order[i]->bytes)
                break;
            if (near[k]->offset + near[k]->bytes > at)
                at = near[k]->offset + near[k]->bytes;
        }
        order[i]->offset = at;
        if (at + order[i]->bytes > arena)
            arena = at + order[i]->bytes;
    }
    free(near);
    return arena;
}

static bool same_layout(const struct gn_layout *a, const struct gn_layout *b)
{
    return a->bytes == b->bytes && a->blocked == b->blocked && a->item == b->item &&
           a->halo[0] == b->halo[0] && a->halo[1] == b->halo[1] && a->halo[2] == b->halo[2];
}

/* Let results take the place of inputs that die in the same step: alias[v] is the buffer v uses. */
static void reuse(struct gn_planner *p, struct buffer *b, int *alias)
{
    const struct gn_plan *plan = p->plan;
    if (!p->backend->inplace)
        return;
    for (int s = 0; s < plan->n_steps; s++) {
        const struct gn_step *step = &plan->step[s];
        int v = step->out;
        bool done = false;
        if (p->g->node[v]->value != GN_VAL_ACT || p->g->node[v]->op->small ||
            plan->layout[v].parent >= 0 || p->viewed[v])
            continue;
        for (int f = -1; f < step->n_fused && !done; f++) {
            const struct gn_node *node = p->g->node[f < 0 ? step->node : step->fused[f]];
            for (int i = 0; i < node->n_in && !done; i++) {
                int in = node->in[i];
                if (in < 0 || p->g->node[in]->value != GN_VAL_ACT || plan->layout[in].parent >= 0 ||
                    p->viewed[in] || b[alias[in]].bytes == 0 || b[alias[in]].last != s ||
                    !same_layout(&plan->layout[in], &plan->layout[v]) ||
                    !p->backend->inplace(p->g, step, in))
                    continue;
                b[alias[in]].last = b[v].last;
                b[v].bytes = 0;
                alias[v] = alias[in];
                done = true;
            }
        }
    }
}

void gn_plan_place(struct gn_planner *p)
{
    struct gn_plan *plan = p->plan;
    int n = p->g->n, steps = plan->n_steps;
    struct buffer *b = gn_alloc((size_t)(n + steps) * sizeof *b);
    struct buffer **order = gn_alloc((size_t)(n + steps) * sizeof *order);
    int *alias = gn_alloc((size_t)n * sizeof *alias);
    size_t m = 0;
    for (int i = 0; i < n; i++) {
        b[i] = (struct buffer){ .node = i, .first = 1, .last = 0 };
        alias[i] = i;
    }
    for (int i = 0; i < n; i++) { /* inputs: there before the first step */
        const struct gn_node *node = p->g->node[i];
        bool stored = node->value == GN_VAL_ACT || node->value == GN_VAL_SUMS ||
                      node->value == GN_VAL_LABEL;
        if (p->needed[i] && !node->op && stored) {
            b[i].bytes = plan->layout[i].bytes;
            live(&b[i], -1);
        }
    }
    for (int s = 0; s < steps; s++) {
        const struct gn_step *step = &plan->step[s];
        for (int f = -1; f < step->n_fused; f++) {
            int id = f < 0 ? step->node : step->fused[f];
            const struct gn_node *node = p->g->node[id];
            if (id == step->out || node->value == GN_VAL_SUMS) {
                int root = root_of(plan, id);
                b[root].bytes = plan->layout[root].bytes;
                live(&b[root], s);
            }
            for (int k = 0; k < node->n_in; k++)
                if (node->in[k] >= 0 && b[root_of(plan, node->in[k])].bytes > 0)
                    live(&b[root_of(plan, node->in[k])], s);
        }
        b[n + s] = (struct buffer){
            .node = -1, .step = s, .first = s, .last = s, .bytes = step->scratch
        };
    }
    for (int i = 0; i < p->n_keep; i++)
        if (b[root_of(plan, p->keep[i])].bytes > 0)
            live(&b[root_of(plan, p->keep[i])], steps);
    reuse(p, b, alias);
    for (int i = 0; i < n + steps; i++)
        if (b[i].bytes > 0)
            order[m++] = &b[i];
    qsort(order, m, sizeof *order, by_birth);
    size_t born = place(order, m);
    qsort(order, m, sizeof *order, by_size);
    plan->arena_bytes = place(order, m);
    if (born < plan->arena_bytes) {
        qsort(order, m, sizeof *order, by_birth);
        plan->arena_bytes = place(order, m);
    }
    for (int i = 0; i < n; i++) {
        plan->layout[i].placed = b[alias[i]].bytes > 0;
        plan->layout[i].offset = b[alias[i]].offset;
    }
    for (int s = 0; s < steps; s++)
        plan->step[s].scratch_offset = b[n + s].offset;
    free(alias);
    free(order);
    free(b);
}
