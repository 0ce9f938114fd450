/* cpu.c - the cpu backend: binds the kernels of cpu.h to a graph's nodes. To add an op: one
 * function and one line in ops[]. */
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/cpu/cpu.h"
#include "base/isa.h"
#include "base/mem.h"
#include "nn/access.h"

enum { PLAIN_CHANNELS = 8 }; /* inputs of at most so many channels are not blocked */

struct state {
    const struct gn_plan *plan;
    float **packed; /* one a node: weights in the kernel's order, NULL: none */
    bool *fresh;    /* one a node: packed since the parameters changed */
};

static const struct gn_node *node_of(const struct gn_exec *x, int id)
{
    return x->plan->graph->node[id];
}

static struct gn_cpu_conv conv_of(const struct gn_attr *a)
{
    struct gn_cpu_conv cv;
    memcpy(cv.kernel, a->kernel, sizeof cv.kernel);
    memcpy(cv.stride, a->stride, sizeof cv.stride);
    memcpy(cv.pad, a->pad, sizeof cv.pad);
    memcpy(cv.dilation, a->dilation, sizeof cv.dilation);
    return cv;
}

static struct gn_cpu_tensor shape_of(const struct gn_dims *d, const struct gn_layout *l)
{
    return (struct gn_cpu_tensor){NULL,
                                  d->d[0],
                                  d->d[1],
                                  d->d[2],
                                  d->d[3],
                                  d->d[4],
                                  l->halo[0],
                                  l->halo[1],
                                  l->halo[2],
                                  l->blocked ? 16 : 1,
                                  (int64_t)l->item};
}

static struct gn_cpu_tensor planned(const struct gn_plan *plan, int id)
{
    return shape_of(&plan->graph->node[id]->dims, &plan->layout[id]);
}

/* The value of a node, n items of it. */
static struct gn_cpu_tensor tensor(const struct gn_exec *x, int id)
{
    struct gn_cpu_tensor t = planned(x->plan, id);
    t.p = x->value[id];
    t.n = x->n;
    return t;
}

/* Input i of the node; the step's result. */
static struct gn_cpu_tensor in(const struct gn_exec *x, const struct gn_node *node, int i)
{
    return tensor(x, node->in[i]);
}
static struct gn_cpu_tensor out(const struct gn_exec *x, const struct gn_step *step)
{
    return tensor(x, step->out);
}

static void *value(const struct gn_exec *x, const struct gn_node *node, int i)
{
    return i < node->n_in && node->in[i] >= 0 ? x->value[node->in[i]] : NULL;
}

static void *scratch_of(const struct gn_exec *x, const struct gn_step *step)
{
    return x->arena + step->scratch_offset;
}

/* --- layout --- */

/* Few channels that only convolutions read, as their input: kept plain, so that no lane is wasted.
 */
static bool stays_plain(const struct gn_graph *g, int id)
{
    if (g->node[id]->op || g->node[id]->dims.d[1] > PLAIN_CHANNELS)
        return false;
    for (int i = 0; i < g->n; i++)
        for (int k = 0; k < g->node[i]->n_in; k++)
            if (g->node[i]->in[k] == id && !(k == 0 && (gn_node_is(g->node[i], "conv") ||
                                                        gn_node_is(g->node[i], "conv_bwd_weight"))))
                return false;
    return true;
}

static void cpu_layout(const struct gn_graph *g, int id, struct gn_layout *l)
{
    const struct gn_dims *d = &g->node[id]->dims;
    gn_graph_halo(g, id, l->halo);
    l->blocked = !stays_plain(g, id);
    l->item = 0;
    struct gn_cpu_tensor t = shape_of(d, l);
    l->item = (size_t)gn_cpu_item(&t);
    l->bytes = (gn_cpu_bytes(&t) + 63) / 64 * 64;
}

static bool cpu_view(const struct gn_graph *g, int whole, const struct gn_layout *layout, int part,
                     int64_t begin, size_t *start)
{
    int64_t channels = g->node[part]->dims.d[1];
    struct gn_cpu_tensor t = shape_of(&g->node[whole]->dims, layout);
    if (!layout->blocked || begin % 16 != 0 || (channels % 16 != 0 && begin + channels != t.c))
        return false;
    *start = (size_t)(begin / 16 * gn_cpu_block(&t)) * sizeof(float);
    return true;
}

/* --- joined steps --- */

/* What a step does after its own op: scale, add, scale, sums; each at most once and in this order.
 */
struct tail {
    int mul1, add, mul2, sums; /* node ids, -1: none */
};

static bool tail_push(const struct gn_graph *g, struct tail *t, int id)
{
    const struct gn_node *node = g->node[id];
    if (t->sums >= 0)
        return false;
    if (gn_node_is(node, "norm_sums"))
        t->sums = id;
    else if (gn_node_is(node, "add") && t->add < 0 && t->mul2 < 0)
        t->add = id;
    else if (gn_node_is(node, "scale") && t->add < 0 && t->mul1 < 0)
        t->mul1 = id;
    else if (gn_node_is(node, "scale") && t->add >= 0 && t->mul2 < 0)
        t->mul2 = id;
    else
        return false;
    return true;
}

static struct tail tail_of(const struct gn_graph *g, const struct gn_step *step)
{
    struct tail t = {-1, -1, -1, -1};
    for (int i = 0; i < step->n_fused; i++)
        tail_push(g, &t, step->fused[i]);
    return t;
}

static bool cpu_can_fuse(const struct gn_graph *g, const struct gn_step *step, int id)
{
    const struct gn_node *node = g->node[step->node];
    struct tail t = tail_of(g, step);
    if (!gn_node_is(node, "conv") && !gn_node_is(node, "conv_bwd_data") &&
        !gn_node_is(node, "norm_bwd"))
        return false;
    if (gn_node_is(g->node[id], "scale") && g->node[id]->in[0] != step->out)
        return false;
    return tail_push(g, &t, id) && (t.sums < 0 || gn_node_is(node, "conv"));
}

static bool cpu_inplace(const struct gn_graph *g, const struct gn_step *step, int input)
{
    static const char *const pointwise[] = {
        "norm_apply",  "norm_bwd", "scale",       "leaky",    "leaky_bwd", "add", "softmax",
        "softmax_bwd", "sigmoid",  "sigmoid_bwd", "loss_bwd", "cel_bwd",   NULL};
    (void)input;
    for (int i = 0; pointwise[i]; i++)
        if (gn_node_is(g->node[step->node], pointwise[i]))
            return true;
    return false;
}

/* S (N, C) as floats in lanes, [n][blocks * 16], the caller's to free. */
static float *lanes_of(const struct gn_exec *x, int sums, const struct gn_cpu_tensor *t)
{
    const double *s = x->value[sums];
    struct gn_err err = {0};
    float *v = gn_try_alloc((size_t)(t->n * gn_cpu_blocks(t) * 16) * sizeof *v, &err);
    if (!v)
        abort();
    for (int64_t n = 0; n < t->n; n++)
        for (int64_t c = 0; c < t->c; c++)
            v[n * gn_cpu_blocks(t) * 16 + c] = (float)s[n * t->c + c];
    return v;
}

struct epilogue {
    struct gn_cpu_epilogue ep;
    struct gn_cpu_tensor add;
    float *mul1, *mul2;
    double *sums;
};

static void epilogue_begin(const struct gn_exec *x, const struct gn_step *step,
                           const struct gn_cpu_tensor *y, struct epilogue *e)
{
    const struct gn_graph *g = x->plan->graph;
    struct tail t = tail_of(g, step);
    *e = (struct epilogue){.sums = t.sums >= 0 ? x->value[t.sums] : NULL};
    if (t.mul1 >= 0)
        e->ep.mul1 = e->mul1 = lanes_of(x, g->node[t.mul1]->in[1], y);
    if (t.mul2 >= 0)
        e->ep.mul2 = e->mul2 = lanes_of(x, g->node[t.mul2]->in[1], y);
    if (t.add >= 0) { /* the operand that is not the step's own result */
        const int *ab = g->node[t.add]->in;
        bool own = ab[0] == step->node;
        for (int i = 0; i < step->n_fused; i++)
            own = own || ab[0] == step->fused[i];
        e->add = tensor(x, ab[own ? 1 : 0]);
        e->ep.add = &e->add;
    }
}

static void epilogue_end(struct epilogue *e)
{
    free(e->mul1);
    free(e->mul2);
}

/* --- convolutions --- */

static size_t packed_size(const struct gn_plan *plan, int id)
{
    const struct gn_graph *g = plan->graph;
    const struct gn_node *node = g->node[id];
    struct gn_cpu_conv cv = conv_of(&node->attr);
    if (gn_node_is(node, "conv"))
        return gn_cpu_pack_forward_size(&cv, g->node[node->in[0]]->dims.d[1], node->dims.d[1],
                                        plan->layout[node->in[0]].blocked ? 16 : 1);
    if (gn_node_is(node, "conv_bwd_data"))
        return gn_cpu_pack_backward_size(&cv, node->dims.d[1], g->node[node->in[0]]->dims.d[1]);
    return 0;
}

static const float *packed(const struct gn_exec *x, const struct gn_node *node)
{
    struct state *s = x->state;
    if (s->fresh[node->id])
        return s->packed[node->id];
    struct gn_cpu_conv cv = conv_of(&node->attr);
    int64_t c = node_of(x, node->in[0])->dims.d[1], own = node->dims.d[1];
    if (gn_node_is(node, "conv"))
        gn_cpu_pack_forward(&cv, c, own, x->plan->layout[node->in[0]].blocked ? 16 : 1,
                            value(x, node, 1), value(x, node, 2), s->packed[node->id]);
    else
        gn_cpu_pack_backward(&cv, own, c, value(x, node, 1), s->packed[node->id]);
    s->fresh[node->id] = true;
    return s->packed[node->id];
}

static void conv_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_conv cv = conv_of(&node->attr);
    struct gn_cpu_tensor a = in(x, node, 0), y = out(x, step);
    struct epilogue e;
    epilogue_begin(x, step, &y, &e);
    gn_cpu_conv_forward(&cv, &a, packed(x, node), &y, &e.ep, e.sums, scratch_of(x, step));
    epilogue_end(&e);
}

static size_t conv_scratch(const struct gn_plan *plan, const struct gn_step *step)
{
    struct gn_cpu_tensor y = planned(plan, step->out);
    return tail_of(plan->graph, step).sums >= 0 ? gn_cpu_conv_forward_scratch(&y) : 0;
}

static void conv_bwd_data_run(struct gn_exec *x, const struct gn_step *step,
                              const struct gn_node *node)
{
    struct gn_cpu_conv cv = conv_of(&node->attr);
    struct gn_cpu_tensor dy = in(x, node, 0), dx = out(x, step);
    struct epilogue e;
    epilogue_begin(x, step, &dx, &e);
    gn_cpu_conv_backward_data(&cv, &dy, packed(x, node), &dx, &e.ep);
    epilogue_end(&e);
}

static void conv_bwd_weight_run(struct gn_exec *x, const struct gn_step *step,
                                const struct gn_node *node)
{
    struct gn_cpu_conv cv = conv_of(&node->attr);
    struct gn_cpu_tensor a = in(x, node, 0), dy = in(x, node, 1);
    gn_cpu_conv_backward_weights(&cv, &a, &dy, x->value[node->id], NULL, scratch_of(x, step));
}

static size_t conv_bwd_weight_scratch(const struct gn_plan *plan, const struct gn_step *step)
{
    const struct gn_node *node = plan->graph->node[step->node];
    struct gn_cpu_conv cv = conv_of(&node->attr);
    struct gn_cpu_tensor a = planned(plan, node->in[0]), dy = planned(plan, node->in[1]);
    return gn_cpu_conv_backward_weights_scratch(&cv, &a, &dy);
}

static void conv_bwd_bias_run(struct gn_exec *x, const struct gn_step *step,
                              const struct gn_node *node)
{
    struct gn_cpu_tensor dy = in(x, node, 0);
    gn_cpu_conv_backward_bias(&dy, x->value[node->id], scratch_of(x, step));
}

/* Halos of the layout are what the kernels need; no groups. x and y: the nodes on the convolution's
 * two sides. */
static bool conv_fits(const struct gn_graph *g, const struct gn_attr *a, int x, int y)
{
    struct gn_cpu_conv cv = conv_of(a);
    int need_x[3], need_dy[3];
    const struct gn_dims *d = &g->node[x]->dims;
    (void)y;
    gn_cpu_conv_halo(&cv, (int64_t[]){d->d[2], d->d[3], d->d[4]}, need_x, need_dy);
    for (int i = 0; i < 3; i++)
        if (need_x[i] > cv.pad[i] ||
            need_dy[i] >
                (cv.dilation[i] * (cv.kernel[i] - 1) - cv.pad[i] + cv.stride[i] - 1) / cv.stride[i])
            return false;
    return a->groups <= 1;
}

/* --- norms --- */

/* first: place of the statistics among the inputs; gamma and beta follow. */
static struct gn_cpu_norm norm_of(const struct gn_exec *x, const struct gn_node *node, int first)
{
    float *gamma = value(x, node, first + 1), *beta = value(x, node, first + 2);
    return (struct gn_cpu_norm){.m = value(x, node, first),
                                .groups = node_of(x, node->in[first])->dims.d[0],
                                .gamma = gamma ? gamma + node->attr.begin : NULL,
                                .beta = beta ? beta + node->attr.begin : NULL,
                                .slope = (float)node->attr.slope};
}

static void norm_sums_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor a = in(x, node, 0);
    gn_cpu_norm_sums(&a, x->value[node->id], scratch_of(x, step));
}

static void norm_apply_run(struct gn_exec *x, const struct gn_step *step,
                           const struct gn_node *node)
{
    struct gn_cpu_tensor a = in(x, node, 0), y = out(x, step);
    struct gn_cpu_norm norm = norm_of(x, node, 1);
    gn_cpu_norm_apply(&norm, &a, &y);
}

static void norm_bwd_sums_run(struct gn_exec *x, const struct gn_step *step,
                              const struct gn_node *node)
{
    struct gn_cpu_tensor a = in(x, node, 0), dy = in(x, node, 1);
    struct gn_cpu_norm norm = norm_of(x, node, 2);
    gn_cpu_norm_backward_sums(&norm, &a, &dy, x->value[node->id], scratch_of(x, step));
}

static void norm_bwd_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor a = in(x, node, 0), dy = in(x, node, 1), dx = out(x, step);
    struct gn_cpu_norm norm = norm_of(x, node, 2);
    const double *t = value(x, node, 5);
    double count = (double)gn_dims_voxels(&node->dims) *
                   (node->attr.mode == GN_STATS_BATCH ? (double)x->n_total : 1);
    struct epilogue e;
    epilogue_begin(x, step, &dx, &e);
    gn_cpu_norm_backward(&norm, &a, &dy, t, t ? node_of(x, node->in[5])->dims.d[0] : 1, count, &dx,
                         &e.ep);
    epilogue_end(&e);
}

static size_t sums_scratch(const struct gn_plan *plan, const struct gn_step *step)
{
    struct gn_cpu_tensor a = planned(plan, plan->graph->node[step->node]->in[0]);
    return gn_cpu_sums_scratch(&a);
}

/* --- the rest --- */

static void scale_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor a = in(x, node, 0), y = out(x, step);
    float *s = lanes_of(x, node->in[1], &a);
    gn_cpu_scale(&a, s, &y);
    free(s);
}

static void leaky_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor a = in(x, node, 0), y = out(x, step);
    gn_cpu_leaky(&a, (float)node->attr.slope, &y);
}

static void leaky_bwd_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor a = in(x, node, 0), dy = in(x, node, 1), dx = out(x, step);
    gn_cpu_leaky_backward(&a, &dy, (float)node->attr.slope, &dx);
}

static void add_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor a = in(x, node, 0), b = in(x, node, 1), y = out(x, step);
    gn_cpu_add(&a, &b, &y);
}

static void concat_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor y = out(x, step);
    int64_t to = 0;
    for (int i = 0; i < node->n_in; i++) {
        struct gn_cpu_tensor a = in(x, node, i);
        gn_cpu_copy_channels(&a, 0, a.c, &y, to);
        to += a.c;
    }
    gn_cpu_copy_finish(&y);
}

static void slice_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor a = in(x, node, 0), y = out(x, step);
    gn_cpu_copy_channels(&a, node->attr.begin, y.c, &y, 0);
    gn_cpu_copy_finish(&y);
}

static void upsample_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor a = in(x, node, 0), y = out(x, step);
    gn_cpu_upsample(&a, &y);
}

static void upsample_bwd_run(struct gn_exec *x, const struct gn_step *step,
                             const struct gn_node *node)
{
    struct gn_cpu_tensor dy = in(x, node, 0), dx = out(x, step);
    gn_cpu_upsample_backward(&dy, &dx);
}

static void softmax_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor a = in(x, node, 0), y = out(x, step);
    gn_cpu_softmax(&a, &y);
}

static void softmax_bwd_run(struct gn_exec *x, const struct gn_step *step,
                            const struct gn_node *node)
{
    struct gn_cpu_tensor y = in(x, node, 0), dy = in(x, node, 1), dx = out(x, step);
    gn_cpu_softmax_backward(&y, &dy, &dx);
}

static void sigmoid_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor a = in(x, node, 0), y = out(x, step);
    gn_cpu_sigmoid(&a, (float)node->attr.alpha, &y);
}

static void sigmoid_bwd_run(struct gn_exec *x, const struct gn_step *step,
                            const struct gn_node *node)
{
    struct gn_cpu_tensor y = in(x, node, 0), dy = in(x, node, 1), dx = out(x, step);
    gn_cpu_sigmoid_backward(&y, &dy, (float)node->attr.alpha, &dx);
}

static void loss_sums_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor p = in(x, node, 0);
    gn_cpu_loss_sums(&p, value(x, node, 1), node->attr.mode, x->value[node->id],
                     scratch_of(x, step));
}

static void loss_bwd_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor p = in(x, node, 0), dp = out(x, step);
    gn_cpu_loss_backward(&p, value(x, node, 1), node->attr.mode, value(x, node, 2), &dp);
}

static void cel_sums_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor z = in(x, node, 0);
    gn_cpu_cel_sums(&z, value(x, node, 1), node->attr.weights, x->value[node->id],
                    scratch_of(x, step));
}

static void cel_bwd_run(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node)
{
    struct gn_cpu_tensor z = in(x, node, 0), dz = out(x, step);
    gn_cpu_cel_backward(&z, value(x, node, 1), node->attr.weights,
                        *(const double *)value(x, node, 2), &dz);
}

static size_t loss_scratch(const struct gn_plan *plan, const struct gn_step *step)
{
    struct gn_cpu_tensor p = planned(plan, plan->graph->node[step->node]->in[0]);
    return gn_cpu_loss_scratch(&p);
}

/* --- the table --- */

static const struct {
    const char *name;
    void (*run)(struct gn_exec *x, const struct gn_step *step, const struct gn_node *node);
    size_t (*scratch)(const struct gn_plan *plan, const struct gn_step *step);
} ops[] = {
    {"conv", conv_run, conv_scratch},
    {"conv_bwd_data", conv_bwd_data_run, NULL},
    {"conv_bwd_weight", conv_bwd_weight_run, conv_bwd_weight_scratch},
    {"conv_bwd_bias", conv_bwd_bias_run, sums_scratch},
    {"norm_sums", norm_sums_run, sums_scratch},
    {"norm_apply", norm_apply_run, NULL},
    {"norm_bwd_sums", norm_bwd_sums_run, sums_scratch},
    {"norm_bwd", norm_bwd_run, NULL},
    {"scale", scale_run, NULL},
    {"leaky", leaky_run, NULL},
    {"leaky_bwd", leaky_bwd_run, NULL},
    {"add", add_run, NULL},
    {"concat", concat_run, NULL},
    {"slice", slice_run, NULL},
    {"upsample", upsample_run, NULL},
    {"upsample_bwd", upsample_bwd_run, NULL},
    {"softmax", softmax_run, NULL},
    {"softmax_bwd", softmax_bwd_run, NULL},
    {"sigmoid", sigmoid_run, NULL},
    {"sigmoid_bwd", sigmoid_bwd_run, NULL},
    {"loss_sums", loss_sums_run, loss_scratch},
    {"loss_bwd", loss_bwd_run, NULL},
    {"cel_sums", cel_sums_run, loss_scratch},
    {"cel_bwd", cel_bwd_run, NULL},
};

static int op_index(const struct gn_node *node)
{
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (gn_node_is(node, ops[i].name))
            return (int)i;
    return -1;
}

static bool cpu_supports(const struct gn_graph *g, int id)
{
    const struct gn_node *node = g->node[id];
    if (gn_node_is(node, "conv") || gn_node_is(node, "conv_bwd_weight"))
        return conv_fits(g, &node->attr, node->in[0], id);
    if (gn_node_is(node, "conv_bwd_data"))
        return conv_fits(g, &node->attr, id, node->in[0]);
    return op_index(node) >= 0;
}

static size_t cpu_scratch(const struct gn_plan *plan, const struct gn_step *step)
{
    int i = op_index(plan->graph->node[step->node]);
    return i >= 0 && ops[i].scratch ? ops[i].scratch(plan, step) : 0;
}

static int cpu_run(struct gn_exec *x, const struct gn_step *step, struct gn_err *err)
{
    const struct gn_node *node = node_of(x, step->node);
    int i = op_index(node);
    if (i < 0)
        return gn_err_set(err, "the cpu backend has no kernel for it");
    if (gn_isa_check(err) < 0)
        return -1;
    ops[i].run(x, step, node);
    return 0;
}

static void cpu_import(struct gn_exec *x, int id, const float *from)
{
    struct gn_cpu_tensor t = tensor(x, id);
    gn_cpu_import(&t, from);
}

static void cpu_export(struct gn_exec *x, int id, float *to)
{
    struct gn_cpu_tensor t = tensor(x, id);
    gn_cpu_export(&t, to);
}

/* --- packed weights --- */

static size_t cpu_state_bytes(const struct gn_plan *plan)
{
    size_t bytes = 0;
    for (int s = 0; s < plan->n_steps; s++)
        bytes += packed_size(plan, plan->step[s].node) * sizeof(float);
    return bytes;
}

static void cpu_state_free(void *state)
{
    struct state *s = state;
    if (!s)
        return;
    for (int i = 0; i < s->plan->graph->n; i++)
        free(s->packed[i]);
    free(s->packed);
    free(s->fresh);
    free(s);
}

static void *cpu_state_new(const struct gn_plan *plan)
{
    struct state *s = gn_alloc(sizeof *s);
    size_t n = (size_t)plan->graph->n;
    s->plan = plan;
    s->packed = gn_alloc(n * sizeof *s->packed);
    s->fresh = gn_alloc(n * sizeof *s->fresh);
    for (int i = 0; i < plan->n_steps; i++) {
        int id = plan->step[i].node;
        size_t size = packed_size(plan, id);
        if (size)
            s->packed[id] = gn_alloc(size * sizeof(float));
    }
    return s;
}

static void cpu_params_changed(void *state)
{
    struct state *s = state;
    if (s)
        memset(s->fresh, 0, (size_t)s->plan->graph->n * sizeof *s->fresh);
}

const struct gn_backend gn_backend_cpu = {
    .name = "cpu",
    .element = sizeof(float),
    .layout = cpu_layout,
    .view = cpu_view,
    .inplace = cpu_inplace,
    .can_fuse = cpu_can_fuse,
    .scratch = cpu_scratch,
    .supports = cpu_supports,
    .run = cpu_run,
    .import = cpu_import,
    .export = cpu_export,
    .state_bytes = cpu_state_bytes,
    .state_new = cpu_state_new,
    .state_free = cpu_state_free,
    .params_changed = cpu_params_changed,
};
