/* net.c - a network on a backend: building, memory, the training step and evaluation. */
#include "nn/net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arch/arch.h"
#include "base/pool.h"
#include "base/rng.h"
#include "nn/net_private.h"

int gn_net_check(const struct gn_net_spec *spec, const int64_t patch[3], struct gn_err *err)
{
    const struct gn_arch *arch = gn_arch_find(spec->arch, err);
    if (!arch)
        return -1;
    if (spec->dim != 2 && spec->dim != 3)
        return gn_err_set(err, "dimension %d: must be 2 or 3", spec->dim);
    if (spec->channels < 1 || spec->channels > 4096)
        return gn_err_set(err, "%d input channels: must be 1 to 4096", spec->channels);
    if (spec->classes < 1 || spec->classes > GN_MAX_CLASSES)
        return gn_err_set(err, "%d classes: must be 1 to %d", spec->classes, GN_MAX_CLASSES);
    if (spec->base_filters < 1 || spec->base_filters > 4096)
        return gn_err_set(err, "base_filters %d: must be 1 to 4096", spec->base_filters);
    if (spec->norm == GN_NORM_NONE)
        return gn_err_set(err, "%s: norm_type none: must be batch or instance", spec->arch);
    if (!(spec->dropout >= 0 && spec->dropout < 1))
        return gn_err_set(err, "dropout %g: must be at least 0 and below 1", spec->dropout);
    for (int i = 0; i < 3; i++)
        if (patch[i] < 1 || patch[i] > 65536)
            return gn_err_set(err, "patch side %lld: must be 1 to 65536", (long long)patch[i]);
    if (spec->dim == 2 && patch[2] != 1)
        return gn_err_set(err, "a 2-D network takes patches of one slice, not %lld",
                          (long long)patch[2]);
    return arch->check(spec, patch, err);
}

int gn_net_graph(const struct gn_net_spec *spec, const struct gn_loss_spec *loss, int64_t batch,
                 const int64_t patch[3], struct gn_pass *pass, struct gn_err *err)
{
    *pass = (struct gn_pass){ .label = -1, .loss = -1 };
    const struct gn_loss_form *form = NULL;
    if (gn_net_check(spec, patch, err) < 0 || (loss && !(form = gn_loss_find(loss->name, err))))
        return -1;
    if (form && form->bce == GN_BCE_PROB && spec->final == GN_FINAL_NONE)
        return gn_err_set(err, "loss %s: needs probabilities: final_layer softmax or sigmoid",
                          loss->name);
    double size = (double)batch * (double)patch[0] * (double)patch[1] * (double)patch[2] *
                  (spec->channels + 4.0 * spec->base_filters);
    if (batch < 1 || size > 1e12)
        return gn_err_set(err, "a batch of %lld patches of %lldx%lldx%lld does not fit",
                          (long long)batch, (long long)patch[0], (long long)patch[1],
                          (long long)patch[2]);
    struct gn_graph *g = pass->g = gn_graph_new(loss != NULL);
    struct gn_build b = { .g = g, .spec = spec, .err = err };
    struct gn_dims dims = { { batch, spec->channels, patch[2], patch[1], patch[0] } };
    pass->input = gn_graph_input(g, "input", GN_VAL_ACT, dims);
    const struct gn_arch *arch = gn_arch_find(spec->arch, err);
    int y = arch->build(&b, arch->variant, pass->input);
    pass->out = gn_build_final(&b, y);
    if (pass->out < 0)
        goto fail;
    for (int i = 0; i < g->n; i++)
        if (gn_node_is(g->node[i], "norm_stats") && loss &&
            g->node[i]->attr.alpha * (g->node[i]->attr.mode == GN_STATS_BATCH ? (double)batch : 1) <
                2) {
            gn_err_set(err, "%s: normalises over a single value: use a larger patch%s",
                       g->node[i]->name,
                       g->node[i]->attr.mode == GN_STATS_BATCH ? " or batch" : "");
            goto fail;
        }
    if (!loss)
        return 0;
    dims.d[1] = 1;
    pass->label = gn_graph_input(g, "label", GN_VAL_LABEL, dims);
    struct gn_attr attr = { .loss = form,
                            .mode = (int)form->bce,
                            .alpha = (double)gn_dims_voxels(&dims) };
    if (loss->weights) {
        double *w = gn_arena_alloc(&g->arena, (size_t)spec->classes * sizeof *w);
        memcpy(w, loss->weights, (size_t)spec->classes * sizeof *w);
        attr.weights = w;
    }
    int id = gn_graph_add(g, form->cel ? "cel_sums" : "loss_sums", form->name,
                          (int[]){ pass->out, pass->label }, 2, &attr, err);
    if (id >= 0)
        id = gn_graph_add(g, "sums_reduce", form->name, &id, 1, NULL, err);
    if (id >= 0)
        id = gn_graph_add(g, form->cel ? "cel_value" : "loss_value", form->name, &id, 1, &attr,
                          err);
    pass->loss = id;
    if (id >= 0 && gn_graph_backward(g, id, err) == 0)
        return 0;
fail:
    gn_pass_free(pass);
    return -1;
}

int gn_net_check_training(const struct gn_net_spec *spec, const struct gn_loss_spec *loss,
                          int64_t batch, const int64_t patch[3], struct gn_err *err)
{
    struct gn_pass pass;
    if (gn_net_graph(spec, loss, batch, patch, &pass, err) < 0)
        return -1;
    gn_pass_free(&pass);
    return 0;
}

const struct gn_backend *gn_net_backend(const char *device, struct gn_err *err)
{
    for (int i = 0; gn_backends[i]; i++)
        if (!strcmp(gn_backends[i]->name, device))
            return gn_backends[i];
    gn_err_set(err, "device %s: not in this build", device);
    return NULL;
}

int gn_pass_plan(struct gn_pass *pass, const struct gn_backend *backend, uint64_t memory,
                 struct gn_err *err)
{
    int *keep = gn_alloc((size_t)(pass->g->n + 2) * sizeof *keep), n = 0;
    keep[n++] = pass->out;
    if (pass->loss >= 0)
        keep[n++] = pass->loss;
    for (int i = 0; i < pass->g->n_grad; i++)
        if (pass->g->node[i]->value == GN_VAL_PARAM && pass->g->grad[i] >= 0)
            keep[n++] = pass->g->grad[i];
    int rc = gn_plan_make(&pass->plan, pass->g, backend, keep, n, memory, err);
    free(keep);
    if (rc == 0) {
        pass->x.plan = &pass->plan;
        pass->x.value = gn_alloc((size_t)pass->g->n * sizeof *pass->x.value);
    }
    return rc;
}

static void unplan(struct gn_pass *pass)
{
    free(pass->x.value);
    pass->x.value = NULL;
    gn_plan_free(&pass->plan);
}

void gn_pass_free(struct gn_pass *pass)
{
    if (pass->x.state)
        pass->plan.backend->state_free(pass->x.state);
    unplan(pass);
    gn_graph_free(pass->g);
    *pass = (struct gn_pass){ 0 };
}

static size_t align_elements(size_t n)
{
    return (n + 15) / 16 * 16;
}

/* The list of parameters and states, from the graph's declarations. */
static void list_params(struct gn_net *net)
{
    const struct gn_graph *g = net->eval.g;
    for (int i = 0; i < g->n; i++)
        net->n_params += g->node[i]->value == GN_VAL_PARAM || g->node[i]->value == GN_VAL_STATE;
    net->param = gn_arena_alloc(&net->mem, (size_t)net->n_params * sizeof *net->param);
    net->offset = gn_arena_alloc(&net->mem, (size_t)net->n_params * sizeof *net->offset);
    for (int i = 0, k = 0; i < g->n; i++) {
        const struct gn_node *node = g->node[i];
        if (node->value != GN_VAL_PARAM && node->value != GN_VAL_STATE)
            continue;
        struct gn_net_param *p = &net->param[k];
        p->name = node->name;
        p->trainable = node->value == GN_VAL_PARAM;
        p->tensor.dtype = GN_FLOAT32;
        p->tensor.rank = node->rank;
        for (int a = 0; a < node->rank; a++)
            p->tensor.shape[a] = node->dims.d[a < 2 ? a : a + (5 - node->rank)];
        net->offset[k++] = net->elements;
        net->elements += align_elements((size_t)gn_dims_count(&node->dims));
    }
}

/* Addresses of parameters, states and gradients in one pass. */
static void bind(struct gn_net *net, struct gn_pass *pass)
{
    size_t element = net->backend->element;
    char *base = net->wide ? (char *)net->wide : (char *)net->master;
    pass->x.arena = net->arena;
    gn_plan_bind(&pass->plan, &pass->x);
    for (int i = 0, k = 0; i < pass->g->n && k < net->n_params; i++) {
        const struct gn_node *node = pass->g->node[i];
        if (node->value != GN_VAL_PARAM && node->value != GN_VAL_STATE)
            continue;
        pass->x.value[i] = base + net->offset[k] * element;
        if (pass->g->grad && pass->g->grad[i] >= 0 && node->value == GN_VAL_PARAM)
            pass->x.value[pass->g->grad[i]] = (char *)net->grad + net->offset[k] * element;
        k++;
    }
}

static int make_passes(struct gn_net *net, uint64_t memory, struct gn_err *err)
{
    const struct gn_backend *be = net->backend;
    int64_t batch = net->batch;
    if (gn_net_graph(&net->spec, NULL, batch, net->patch, &net->eval, err) < 0 ||
        (net->training &&
         gn_net_graph(&net->spec, &net->loss, batch, net->patch, &net->train, err) < 0))
        return -1;
    list_params(net);
    bool wide = be->element == 8;
    /* training: gradient, optimizer, and what a step that is not finite goes back to */
    size_t copies = 1 + (net->training ? 2 + (size_t)net->optim.arrays : 0);
    size_t fixed = net->elements * (copies * sizeof(float) + (wide ? copies * sizeof(double) : 0));
    struct gn_pass *pass[2] = { &net->eval, net->training ? &net->train : NULL };
    for (int i = 0; i < 2 && pass[i]; i++) {
        if (gn_pass_plan(pass[i], be, 0, err) < 0)
            return -1;
        fixed += be->state_bytes ? be->state_bytes(&pass[i]->plan) : 0;
    }
    uint64_t left = memory > fixed ? memory - fixed : 1;
    for (int i = 0; i < 2 && pass[i]; i++) {
        struct gn_err why = { 0 };
        if (memory && pass[i]->plan.arena_bytes > left) {
            unplan(pass[i]);
            if (gn_pass_plan(pass[i], be, left, &why) < 0 && pass[i]->plan.arena_bytes == 0)
                return gn_err_set(err, "%s", why.text);
        }
        if (pass[i]->plan.arena_bytes > net->arena_bytes)
            net->arena_bytes = pass[i]->plan.arena_bytes;
    }
    net->peak_bytes = net->arena_bytes + fixed;
    if (memory && net->peak_bytes > memory)
        return gn_err_set(err,
                          "the network needs at least %.1f MiB (%.1f for %s, %.1f for "
                          "activations), --memory allows %.1f: give it %.0fM",
                          (double)net->peak_bytes / 1048576, (double)fixed / 1048576,
                          net->training ? "parameters and optimizer" : "parameters",
                          (double)net->arena_bytes / 1048576, (double)memory / 1048576,
                          ceil((double)net->peak_bytes / 1048576));
    return 0;
}

static int allocate(struct gn_net *net, struct gn_err *err)
{
    size_t n = net->elements;
    bool wide = net->backend->element == 8;
    if (!(net->arena = gn_try_alloc(net->arena_bytes, err)) ||
        !(net->master = gn_try_alloc(n * sizeof(float), err)) ||
        (wide && !(net->wide = gn_try_alloc(n * sizeof(double), err))))
        return -1;
    for (int k = 0; k < net->n_params; k++)
        net->param[k].tensor.data = net->master + net->offset[k];
    if (!net->training)
        return 0;
    if (!(net->grad = gn_try_alloc(n * net->backend->element, err)) ||
        !(net->states_before = gn_try_alloc(n * sizeof(float), err)) ||
        (wide && !(net->grad_view = gn_try_alloc(n * sizeof(float), err))) ||
        (wide && !(net->states_before_wide = gn_try_alloc(n * sizeof(double), err))))
        return -1;
    for (int k = 0; k < net->optim.arrays; k++)
        if (!(net->moment[k] = gn_try_alloc(n * sizeof(float), err)) ||
            (wide && !(net->wide_moment[k] = gn_try_alloc(n * sizeof(double), err))))
            return -1;
    return 0;
}

struct gn_net *gn_net_new(const struct gn_net_spec *spec, const struct gn_loss_spec *loss,
                          const struct gn_optim_spec *optim, bool training, const char *device,
                          int64_t batch, const int64_t patch[3], uint64_t memory,
                          struct gn_err *err)
{
    struct gn_net *net = gn_alloc(sizeof *net);
    net->spec = *spec;
    net->spec.arch = gn_arena_strndup(&net->mem, spec->arch, strlen(spec->arch));
    net->training = training;
    net->batch = batch;
    memcpy(net->patch, patch, sizeof net->patch);
    if (!(net->backend = gn_net_backend(device, err)))
        goto fail;
    if (training) {
        net->loss = *loss;
        net->optim_spec = *optim;
        net->form = gn_loss_find(loss->name, err);
        if (!net->form || gn_optim_find(optim, &net->optim, err) < 0)
            goto fail;
    }
    if (make_passes(net, memory, err) < 0 || allocate(net, err) < 0)
        goto fail;
    bind(net, &net->eval);
    if (training)
        bind(net, &net->train);
    if (net->backend->state_new) {
        net->eval.x.state = net->backend->state_new(&net->eval.plan);
        if (training)
            net->train.x.state = net->backend->state_new(&net->train.plan);
    }
    return net;
fail:
    gn_net_free(net);
    return NULL;
}

void gn_net_free(struct gn_net *net)
{
    if (!net)
        return;
    gn_pass_free(&net->train);
    gn_pass_free(&net->eval);
    free(net->arena);
    free(net->master);
    free(net->wide);
    free(net->grad);
    free(net->grad_view);
    free(net->states_before);
    free(net->states_before_wide);
    for (int k = 0; k < 3; k++) {
        free(net->moment[k]);
        free(net->wide_moment[k]);
    }
    gn_arena_free(&net->mem);
    free(net);
}

size_t gn_net_peak_bytes(const struct gn_net *net)
{
    return net->peak_bytes;
}

int gn_net_params(struct gn_net *net, struct gn_net_param **params)
{
    *params = net->param;
    return net->n_params;
}

void gn_net_params_changed(struct gn_net *net)
{
    for (size_t i = 0; net->wide && i < net->elements; i++)
        net->wide[i] = (double)net->master[i];
    if (net->backend->params_changed) {
        net->backend->params_changed(net->eval.x.state);
        if (net->training)
            net->backend->params_changed(net->train.x.state);
    }
}

/* Uniform in [-bound, bound), element i is number i of the draw (seed, parameter's name). */
struct uniform {
    struct gn_draw draw;
    float *to;
    double bound;
    int64_t n;
};
enum { CHUNK = 65536 };

static void draw_chunk(void *arg, size_t chunk, int thread)
{
    const struct uniform *u = arg;
    int64_t from = (int64_t)chunk * CHUNK, to = from + CHUNK < u->n ? from + CHUNK : u->n;
    (void)thread;
    for (int64_t i = from; i < to; i++)
        u->to[i] = (float)gn_draw_range(&u->draw, (uint64_t)i, -u->bound, u->bound);
}

void gn_net_init(struct gn_net *net, uint64_t seed)
{
    double bound = 0; /* of the convolution just seen: its bias comes next */
    for (int k = 0; k < net->n_params; k++) {
        struct gn_net_param *p = &net->param[k];
        const char *leaf = strrchr(p->name, '.') + 1;
        struct uniform u = { gn_draw_at(seed, p->name, "init", 0, 0, 0), p->tensor.data, 0,
                             gn_tensor_count(&p->tensor) };
        bool weight = !strcmp(leaf, "weight"), bias = !strcmp(leaf, "bias");
        if (weight && p->tensor.rank > 1)
            bound = 1 / sqrt((double)(u.n / p->tensor.shape[0])); /* 1 / sqrt(fan_in) */
        else if (weight)
            bound = 0;
        if ((weight && p->tensor.rank > 1) || (bias && bound > 0)) {
            u.bound = bound;
            gn_pool_run((size_t)((u.n + CHUNK - 1) / CHUNK), draw_chunk, &u);
        } else {
            for (int64_t i = 0; i < u.n; i++)
                u.to[i] = weight || !strcmp(leaf, "running_var") ? 1 : 0;
        }
    }
    gn_net_params_changed(net);
}

const char *gn_net_optim_array_name(const struct gn_net *net, int k)
{
    return k >= 0 && k < net->optim.arrays ? net->optim.array[k] : NULL;
}

int64_t gn_net_steps(const struct gn_net *net)
{
    return net->steps;
}

void gn_net_set_steps(struct gn_net *net, int64_t steps)
{
    net->steps = steps;
    for (int i = 0; i < net->n_params; i++)
        for (int k = 0; k < net->optim.arrays; k++)
            net->param[i].optim[k] = steps > 0 && net->param[i].trainable
                                         ? net->moment[k] + net->offset[i]
                                         : NULL;
}

/* x into the input of a pass. */
static int feed(struct gn_net *net, struct gn_pass *pass, int64_t n, const float *x,
                const double *wide, struct gn_err *err)
{
    if (n < 1 || n > net->batch)
        return gn_err_set(err, "a batch of %lld: the network was planned for 1 to %lld",
                          (long long)n, (long long)net->batch);
    pass->x.n = pass->x.n_total = n;
    if (wide)
        memcpy(pass->x.value[pass->input], wide,
               (size_t)n * pass->plan.layout[pass->input].item * sizeof *wide);
    else
        net->backend->import(&pass->x, pass->input, x);
    return 0;
}

/* Copy the running statistics, to or from the state before the step. */
static void states(struct gn_net *net, bool restore)
{
    for (int k = 0; k < net->n_params; k++) {
        size_t at = net->offset[k], n = (size_t)gn_tensor_count(&net->param[k].tensor);
        if (net->param[k].trainable)
            continue;
        if (net->wide) {
            double *now = net->wide + at, *before = net->states_before_wide + at;
            memcpy(restore ? now : before, restore ? before : now, n * sizeof *now);
        } else {
            float *now = net->master + at, *before = net->states_before + at;
            memcpy(restore ? now : before, restore ? before : now, n * sizeof *now);
        }
    }
}

int gn_net_step_wide(struct gn_net *net, int64_t n, const float *x, const double *wide,
                     const int32_t *label, const struct gn_net_item *items, uint64_t seed,
                     double rate, double *loss, float *prob, bool *skipped, struct gn_err *err)
{
    struct gn_pass *pass = &net->train;
    if (!net->training)
        return gn_err_set(err, "a network built for evaluation cannot be trained");
    if (feed(net, pass, n, x, wide, err) < 0)
        return -1;
    const struct gn_dims *d = &pass->g->node[pass->label]->dims;
    gn_label_bits(net->loss.class_list, net->spec.classes, label, n * gn_dims_voxels(d),
                  pass->x.value[pass->label]);
    pass->x.seed = seed;
    pass->x.items = items;
    states(net, false);
    if (gn_plan_run(&pass->x, err) < 0)
        return -1;
    *loss = *(double *)pass->x.value[pass->loss];
    if (prob)
        net->backend->export(&pass->x, pass->out, prob);
    double norm = gn_net_gradient_norm(net);
    *skipped = !isfinite(*loss) || !isfinite(norm);
    if (*skipped)
        states(net, true);
    gn_net_sync_states(net);
    if (!*skipped && rate >= 0)
        gn_net_update(net, rate, norm);
    return 0;
}

int gn_net_step(struct gn_net *net, int64_t n, const float *x, const int32_t *label,
                const struct gn_net_item *items, uint64_t seed, double learning_rate, double *loss,
                float *prob, bool *skipped, struct gn_err *err)
{
    return gn_net_step_wide(net, n, x, NULL, label, items, seed, learning_rate, loss, prob, skipped,
                            err);
}

int gn_net_forward_wide(struct gn_net *net, int64_t n, const float *x, const double *wide, float *y,
                        struct gn_err *err)
{
    if (feed(net, &net->eval, n, x, wide, err) < 0 || gn_plan_run(&net->eval.x, err) < 0)
        return -1;
    if (y)
        net->backend->export(&net->eval.x, net->eval.out, y);
    return 0;
}

int gn_net_forward(struct gn_net *net, int64_t n, const float *x, float *y, struct gn_err *err)
{
    return gn_net_forward_wide(net, n, x, NULL, y, err);
}
