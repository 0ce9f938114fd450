/* cpu_net.c - networks on the cpu backend against the reference backend (double precision): every
 * step of a plan on the same inputs; whole nets' outputs, gradients and three training steps; the
 * same bits whatever the number of threads. */
#include "check.h"

#include <stdlib.h>

#include "base/pool.h"
#include "nn/access.h"
#include "nn/net_private.h"

static const struct gn_class classes[4] = {{{0}, 1}, {{1}, 1}, {{2}, 1}, {{3}, 1}};

struct net_case {
    const char *name, *arch;
    int dim, channels, classes, base;
    enum gn_norm norm;
    enum gn_final final;
    const char *loss;
    int64_t batch, patch[3];
    double dropout;
};

static const struct net_case cases[] = {
    {"unet 2-D, instance norm, dice",
     "unet",
     2,
     3,
     2,
     16,
     GN_NORM_INSTANCE,
     GN_FINAL_SOFTMAX,
     "dc",
     2,
     {48, 32, 1},
     0.5},
    {"resunet 2-D, batch norm, dice and cross-entropy",
     "resunet",
     2,
     1,
     3,
     8,
     GN_NORM_BATCH,
     GN_FINAL_SOFTMAX,
     "dcce",
     3,
     {32, 32, 1},
     0.5},
    {"resunet 3-D, instance norm, cross-entropy",
     "resunet",
     3,
     4,
     4,
     4,
     GN_NORM_INSTANCE,
     GN_FINAL_SIGMOID,
     "ce",
     1,
     {32, 32, 32},
     0},
    {"unet 3-D, batch norm, dice, 6 filters",
     "unet",
     3,
     1,
     2,
     6,
     GN_NORM_BATCH,
     GN_FINAL_SOFTMAX,
     "dc",
     2,
     {32, 16, 16},
     0.5},
    {"unet 2-D, 30 filters, raw scores",
     "unet",
     2,
     1,
     2,
     30,
     GN_NORM_INSTANCE,
     GN_FINAL_NONE,
     "cel",
     1,
     {32, 32, 1},
     0.5},
    {"light_unet 2-D, 9 channels",
     "light_unet",
     2,
     9,
     2,
     16,
     GN_NORM_INSTANCE,
     GN_FINAL_SOFTMAX,
     "dc",
     1,
     {32, 48, 1},
     0.5},
    {"fcn 2-D", "fcn", 2, 3, 2, 16, GN_NORM_BATCH, GN_FINAL_SOFTMAX, "dcce", 2, {32, 32, 1}, 0.5},
    {"resunet_multilayer 2-D, depth 3",
     "resunet_multilayer",
     2,
     3,
     2,
     16,
     GN_NORM_INSTANCE,
     GN_FINAL_SOFTMAX,
     "dc",
     1,
     {40, 32, 1},
     0.5},
};

static uint64_t hash(uint64_t h, const void *p, size_t n)
{
    const unsigned char *b = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * 1099511628211u;
    return h;
}

static struct gn_net_spec spec_of(const struct net_case *k)
{
    return (struct gn_net_spec){.arch = k->arch,
                                .dim = k->dim,
                                .channels = k->channels,
                                .classes = k->classes,
                                .base_filters = k->base,
                                .depth = 3,
                                .norm = k->norm,
                                .norm_running = k->norm == GN_NORM_BATCH,
                                .final = k->final,
                                .sigmoid_multiplier = 1,
                                .dropout = k->dropout};
}

/* --- whole nets --- */

/* bound: how far PyTorch's float32 is from its float64 on the same net: output in training mode,
 * gradients, parameters after three steps; printed by tests/gen/cpu_net.py. An activation that
 * rounds to the other side of a leaky ReLU's kink moves a gradient by 1e-3 and more, in PyTorch for
 * most inputs of the 3-D nets; here as there the input's phase is one where none does, so that the
 * bounds are tight. */
struct whole_case {
    struct net_case net;
    double phase; /* of the input */
    double bound[3];
};

static const struct whole_case wholes[] = {
    {{"unet 2-D", "unet", 2, 3, 2, 8, GN_NORM_INSTANCE, GN_FINAL_NONE, "cel", 1, {48, 64, 1}, 0},
     6,
     {1.4e-05, 6.2e-06, 2.9e-06}},
    {{"resunet 2-D", "resunet", 2, 1, 3, 8, GN_NORM_BATCH, GN_FINAL_NONE, "cel", 3, {32, 32, 1}, 0},
     0,
     {4.1e-06, 4.7e-06, 1.5e-07}},
    {{"resunet 3-D",
      "resunet",
      3,
      2,
      3,
      4,
      GN_NORM_INSTANCE,
      GN_FINAL_NONE,
      "cel",
      1,
      {32, 32, 32},
      0},
     4,
     {6.3e-06, 7.8e-06, 1.5e-07}},
    {{"unet 3-D", "unet", 3, 1, 2, 4, GN_NORM_BATCH, GN_FINAL_NONE, "cel", 1, {32, 32, 32}, 0},
     6,
     {1.0e-05, 3.3e-05, 1.7e-06}},
};

enum { STEPS = 3 };

struct result {
    float *v[3]; /* output in training mode, gradients, parameters after three steps */
    float *eval; /* output in evaluation mode before any step */
    int64_t n[3];
    uint64_t bits;
};

static void fill_param(float *w, int64_t count, const char *name, int rank, int64_t rows, int t)
{
    double fan = (double)count / (double)rows;
    for (int64_t i = 0; i < count; i++) {
        double x = (double)i;
        w[i] = (float)(strstr(name, "bias") ? 0.05 * sin(0.7 * x + t)
                       : rank == 1
                           ? 1 + 0.1 * cos(0.3 * x + t)
                           : sqrt(3 / fan) * sin(1.3 * x + fmod((0.11 * x) * x, 6.28318) + t));
    }
}

static float *floats(int64_t n)
{
    struct gn_err err = {0};
    float *p = gn_try_alloc((size_t)n * sizeof *p + 64, &err);
    if (!p)
        abort();
    return p;
}

static bool run(const struct net_case *k, double phase, const char *device, struct result *r)
{
    struct gn_net_spec spec = spec_of(k);
    struct gn_loss_spec loss = {.name = k->loss, .class_list = classes, .ignore = -1};
    struct gn_optim_spec optim = {.name = "sgd", .clip_mode = "norm"};
    struct gn_err err = {0};
    struct gn_net *net = gn_net_new(&spec, &loss, &optim, true, device, k->batch, k->patch, 0,
                                    &err);
    struct gn_net_param *p;
    if (!net) {
        printf("# %s\n", err.text);
        return false;
    }
    gn_net_init(net, 5);
    int64_t voxels = k->patch[0] * k->patch[1] * k->patch[2], n_x = k->batch * k->channels * voxels,
            at;
    int n = gn_net_params(net, &p), t = 0;
    float *x = floats(n_x);
    int32_t *label = (int32_t *)floats(k->batch * voxels);
    struct gn_net_item items[3] = {{"a", 0, 0}, {"b", 0, 1}, {"c", 0, 2}};
    for (int64_t i = 0; i < n_x; i++)
        x[i] = (float)(sin(0.013 * (double)i + phase) + 0.5 * cos(0.37 * (double)i) +
                       0.1 * sin((double)(i % 7919)));
    for (int64_t i = 0; i < k->batch * voxels; i++)
        label[i] = (int32_t)(i / 5 % k->classes);
    r->n[0] = k->batch * k->classes * voxels;
    r->n[1] = 0;
    for (int i = 0; i < n; i++)
        if (p[i].trainable) {
            fill_param(p[i].tensor.data, gn_tensor_count(&p[i].tensor), p[i].name, p[i].tensor.rank,
                       p[i].tensor.shape[0], t++);
            r->n[1] += gn_tensor_count(&p[i].tensor);
        }
    r->n[2] = r->n[1];
    gn_net_params_changed(net);
    for (int i = 0; i < 3; i++)
        r->v[i] = floats(r->n[i]);
    r->eval = floats(r->n[0]);
    bool ok = gn_net_forward(net, k->batch, x, r->eval, &err) == 0;
    for (int s = 0; s < STEPS && ok; s++) {
        bool skipped = false;
        double value;
        ok = gn_net_step(net, k->batch, x, label, items, 11 + (uint64_t)s, 0.001, &value,
                         s == 0 ? r->v[0] : NULL, &skipped, &err) == 0 &&
             !skipped;
        at = 0;
        for (int i = 0; i < n && s == 0 && ok; i++)
            if (p[i].trainable) {
                memcpy(r->v[1] + at, gn_net_gradient(net, i),
                       (size_t)gn_tensor_count(&p[i].tensor) * sizeof(float));
                at += gn_tensor_count(&p[i].tensor);
            }
    }
    at = 0;
    for (int i = 0; i < n; i++)
        if (p[i].trainable) {
            memcpy(r->v[2] + at, p[i].tensor.data,
                   (size_t)gn_tensor_count(&p[i].tensor) * sizeof(float));
            at += gn_tensor_count(&p[i].tensor);
        }
    r->bits = hash(14695981039346656037u, r->eval, (size_t)r->n[0] * 4);
    for (int i = 0; i < 3; i++)
        r->bits = hash(r->bits, r->v[i], (size_t)r->n[i] * 4);
    if (!ok)
        printf("# %s\n", err.text);
    free(x);
    free(label);
    gn_net_free(net);
    return ok;
}

static void drop(struct result *r)
{
    for (int i = 0; i < 3; i++)
        free(r->v[i]);
    free(r->eval);
}

static double distance(const float *a, const float *b, int64_t n)
{
    double d = 0, m = 0;
    for (int64_t i = 0; i < n; i++) {
        d = fmax(d, fabs((double)a[i] - b[i]));
        m = fmax(m, fabs((double)b[i]));
        if (a[i] != a[i])
            return INFINITY;
    }
    return m > 0 ? d / m : d;
}

static void whole(const struct whole_case *k)
{
    static const char *const what[] = {"output in training", "gradients",
                                       "parameters after three steps"};
    struct result ref, cpu[3];
    memset(&ref, 0, sizeof ref);
    memset(cpu, 0, sizeof cpu);
    char name[256];
    bool ok = run(&k->net, k->phase, "ref", &ref);
    for (int t = 0; t < 3; t++) {
        gn_pool_start(t + 1);
        ok = run(&k->net, k->phase, "cpu", &cpu[t]) && ok;
        gn_pool_stop();
    }
    snprintf(name, sizeof name, "%s: trains on ref and cpu", k->net.name);
    if (CHECK(name, ok)) {
        for (int i = 0; i < 3; i++) {
            double d = distance(cpu[0].v[i], ref.v[i], ref.n[i]);
            snprintf(name, sizeof name,
                     "%s: %s at most twice as far from double as PyTorch's float32 (%.1e, %.1e)",
                     k->net.name, what[i], d, k->bound[i]);
            CHECK(name, d <= 2 * k->bound[i]);
        }
        double d = distance(cpu[0].eval, ref.eval, ref.n[0]);
        snprintf(name, sizeof name, "%s: output in evaluation as ref's (%.1e)", k->net.name, d);
        CHECK(name, d <= 2 * k->bound[0]);
        snprintf(name, sizeof name, "%s: same bits on 1, 2 and 3 threads", k->net.name);
        CHECK(name, cpu[0].bits == cpu[1].bits && cpu[1].bits == cpu[2].bits);
    }
    drop(&ref);
    for (int t = 0; t < 3; t++)
        drop(&cpu[t]);
}

/* --- every step alone: the reference's op on the cpu's own inputs --- */

static void *zeros(size_t size)
{
    struct gn_err err = {0};
    void *p = gn_try_alloc(size + 64, &err);
    if (!p)
        abort();
    return p;
}

/* Elements that a run of x->n items fills. */
static int64_t filled(const struct gn_exec *x, const struct gn_node *node)
{
    int64_t count = gn_dims_count(&node->dims);
    bool per_item = node->value == GN_VAL_ACT ||
                    (node->value == GN_VAL_SUMS && node->op && !node->op->small);
    return per_item ? count / node->dims.d[0] * x->n : count;
}

/* The cpu's value of a node as the reference's. */
static void to_ref(struct gn_exec *cpu, struct gn_exec *ref, int id)
{
    const struct gn_node *node = cpu->plan->graph->node[id];
    int64_t count = filled(cpu, node);
    if (node->value == GN_VAL_SUMS || node->value == GN_VAL_LABEL)
        memcpy(ref->value[id], cpu->value[id], (size_t)count * 8);
    else if (node->value != GN_VAL_NONE) {
        float *v = zeros((size_t)count * sizeof *v);
        if (node->value == GN_VAL_ACT)
            gn_backend_cpu.export(cpu, id, v);
        else
            memcpy(v, cpu->value[id], (size_t)count * sizeof *v);
        for (int64_t i = 0; i < count; i++)
            ((double *)ref->value[id])[i] = v[i];
        free(v);
    }
}

/* Largest difference over the largest value of what both hold for a node; NaN and the cpu's padding
 * are the caller's. */
static double node_distance(struct gn_exec *cpu, struct gn_exec *ref, int id)
{
    const struct gn_node *node = cpu->plan->graph->node[id];
    int64_t count = filled(cpu, node);
    double *a = zeros((size_t)count * sizeof *a), *b = ref->value[id], d = 0, m = 0;
    if (node->value == GN_VAL_SUMS)
        memcpy(a, cpu->value[id], (size_t)count * sizeof *a);
    else {
        float *v = zeros((size_t)count * sizeof *v);
        if (node->value == GN_VAL_ACT)
            gn_backend_cpu.export(cpu, id, v);
        else
            memcpy(v, cpu->value[id], (size_t)count * sizeof *v);
        for (int64_t i = 0; i < count; i++)
            a[i] = v[i];
        free(v);
    }
    for (int64_t i = 0; i < count; i++) {
        double e = fabs(a[i] - b[i]);
        d = e > d || e != e ? e : d;
        m = fmax(m, fabs(b[i]));
    }
    free(a);
    return m > 0 ? d / m : d;
}

/* items: how many of the batch are run. */
static void every_step(const struct net_case *k, int64_t items)
{
    struct gn_net_spec spec = spec_of(k);
    struct gn_loss_spec loss = {.name = k->loss, .class_list = classes, .ignore = -1};
    struct gn_err err = {0};
    struct gn_pass cpu = {0}, ref = {0};
    struct gn_backend plain = gn_backend_ref; /* every value has its own memory */
    plain.view = NULL;
    plain.inplace = NULL;
    char name[256], where[128] = "";
    double worst = 0;
    int t = 0;
    bool good = gn_net_graph(&spec, &loss, k->batch, k->patch, &cpu, &err) == 0 &&
                gn_net_graph(&spec, &loss, k->batch, k->patch, &ref, &err) == 0 &&
                gn_pass_plan(&cpu, &gn_backend_cpu, 0, &err) == 0 &&
                gn_pass_plan(&ref, &plain, 0, &err) == 0;
    if (!CHECK("  two plans", good)) {
        printf("# %s\n", err.text);
        return;
    }
    const struct gn_graph *g = cpu.g;
    cpu.x.arena = zeros(cpu.plan.arena_bytes);
    memset(cpu.x.arena, 0xff,
           cpu.plan.arena_bytes); /* NaN: what is read before it is written is seen */
    gn_plan_bind(&cpu.plan, &cpu.x);
    void **own = zeros((size_t)g->n * sizeof *own);
    cpu.x.state = gn_backend_cpu.state_new(&cpu.plan);
    struct gn_net_item place[3] = {{"a", 0, 0}, {"b", 0, 1}, {"c", 0, 2}};
    cpu.x.n = cpu.x.n_total = ref.x.n = ref.x.n_total = items;
    cpu.x.items = ref.x.items = place;
    for (int i = 0; i < g->n; i++) {
        const struct gn_node *node = g->node[i];
        int64_t count = gn_dims_count(&node->dims);
        ref.x.value[i] = zeros((size_t)count * 8);
        if (!cpu.x.value[i] && node->value != GN_VAL_ACT)
            cpu.x.value[i] = own[i] = zeros((size_t)count * 8);
        if (node->op)
            continue;
        float *v = zeros((size_t)count * sizeof *v);
        if (node->value == GN_VAL_PARAM)
            fill_param(v, count, node->name, node->rank, node->dims.d[0], t++);
        else
            for (int64_t j = 0; j < count; j++)
                v[j] = node->value == GN_VAL_ACT
                           ? (float)(sin(0.013 * (double)j) + 0.5 * cos(0.37 * (double)j))
                           : (float)(1 + 0.3 * sin((double)j));
        if (node->value == GN_VAL_LABEL)
            for (int64_t j = 0; j < count; j++)
                ((uint64_t *)cpu.x.value[i])[j] = 1u << (j / 5 % k->classes);
        else if (node->value == GN_VAL_ACT)
            gn_backend_cpu.import(&cpu.x, i, v);
        else
            memcpy(cpu.x.value[i], v, (size_t)count * sizeof *v);
        free(v);
    }
    for (int s = 0; s < cpu.plan.n_steps; s++) {
        const struct gn_step *step = &cpu.plan.step[s];
        const struct gn_node *chain[1 + GN_MAX_FUSED];
        int n = 0;
        chain[n++] = g->node[step->node];
        for (int i = 0; i < step->n_fused; i++)
            chain[n++] = g->node[step->fused[i]];
        bool small = chain[0]->op->small;
        for (int i = 0; i < n && !small; i++)
            for (int j = 0; j < chain[i]->n_in; j++) {
                bool inside = chain[i]->in[j] < 0;
                for (int o = 0; o < i; o++)
                    inside = inside || chain[i]->in[j] == chain[o]->id;
                if (!inside)
                    to_ref(&cpu.x, &ref.x, chain[i]->in[j]);
            }
        if (small) {
            chain[0]->op->ref(&cpu.x, chain[0]);
            continue;
        }
        if (gn_backend_cpu.run(&cpu.x, step, &err) < 0)
            printf("# %s\n", err.text);
        for (int i = 0; i < n; i++) {
            chain[i]->op->ref(&ref.x, chain[i]);
            if (chain[i]->id != step->out && chain[i]->value != GN_VAL_SUMS)
                continue;
            double d = node_distance(&cpu.x, &ref.x, chain[i]->id);
            if (!(d <= worst)) {
                worst = d;
                snprintf(where, sizeof where, "%s of %s%s", chain[i]->op->name,
                         chain[i]->name ? chain[i]->name : "", n > 1 ? ", joined" : "");
            }
        }
    }
    snprintf(name, sizeof name,
             "%s, %d items: every step equals ref's on the same inputs (off by %.1e: %s)", k->name,
             (int)items, worst, where);
    CHECK(name, worst < 3e-6);
    for (int i = 0; i < g->n; i++) {
        free(own[i]);
        free(ref.x.value[i]);
    }
    free(own);
    free(cpu.x.arena);
    gn_pass_free(&cpu);
    gn_pass_free(&ref);
}

int main(void)
{
    gn_pool_start(2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        every_step(&cases[i], cases[i].batch);
    every_step(&cases[0], 1); /* a smaller batch than the plan's */
    gn_pool_stop();
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
        whole(&wholes[i]);
    return check_done();
}
