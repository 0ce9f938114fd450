/* nets - the U-Net family on the reference backend against PyTorch in float64 (tests/gen/nets.py
 * wrote tests/data/nets_*.tsv): outputs in evaluation and training mode, all gradients, parameters
 * and running statistics after three optimiser steps; single ops. */
#include "check.h"

#include <stdlib.h>

#include "nn/access.h"
#include "nn/net_private.h"

/* --- the golden files --- */

struct row {
    char kind[16], name[64];
    double v[6]; /* max |v|, sum, sum of squares, first, middle, last */
};
static struct row *rows;
static int n_rows;

static int load(const char *file)
{
    const char *tests = getenv("GN_TESTS");
    char path[4096], line[1024];
    snprintf(path, sizeof path, "%s/data/%s", tests ? tests : "tests", file);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        struct row r;
        if (sscanf(line, "%15[^\t]\t%63[^\t]\t%lf\t%lf\t%lf\t%lf\t%lf\t%lf", r.kind, r.name,
                   &r.v[0], &r.v[1], &r.v[2], &r.v[3], &r.v[4], &r.v[5]) != 8)
            return fclose(f), 0;
        rows = realloc(rows, (size_t)(n_rows + 1) * sizeof *rows);
        rows[n_rows++] = r;
    }
    fclose(f);
    return 1;
}

static const struct row *find(const char *kind, const char *name)
{
    for (int i = 0; i < n_rows; i++)
        if (!strcmp(rows[i].kind, kind) && !strcmp(rows[i].name, name))
            return &rows[i];
    return NULL;
}

/* Largest error relative to max |v|; sums relative to what n such elements could sum to. Gradients
 * below floor are zero in truth. */
static double differs(const char *kind, const char *name, const double *v, int64_t n, double floor)
{
    const struct row *r = find(kind, name);
    if (!r) {
        printf("# no golden %s %s\n", kind, name);
        return INFINITY;
    }
    double got[6] = { 0, 0, 0, v[0], v[n / 2], v[n - 1] }, top = r->v[0] > floor ? r->v[0] : 1,
           worst = 0;
    for (int64_t i = 0; i < n; i++) {
        got[0] = fmax(got[0], fabs(v[i]));
        got[1] += v[i];
        got[2] += v[i] * v[i];
    }
    for (int k = 0; k < 6; k++) {
        double unit = k == 1   ? top * sqrt((double)n)
                      : k == 2 ? top * top * sqrt((double)n)
                               : top,
               e = fabs(got[k] - r->v[k]) / unit;
        if (!(e <= worst))
            worst = e;
    }
    return worst;
}

static double *wave(int64_t n)
{
    double *x = malloc((size_t)n * sizeof *x);
    for (int64_t j = 0; j < n; j++)
        x[j] = sin(0.013 * (double)j) + 0.5 * cos(0.37 * (double)j);
    return x;
}

/* --- whole networks --- */

static void fill(struct gn_net *net)
{
    for (int k = 0, t = 0; k < net->n_params; k++) {
        const struct gn_net_param *p = &net->param[k];
        double *w = net->wide + net->offset[k];
        int64_t count = gn_tensor_count(&p->tensor);
        const char *leaf = strrchr(p->name, '.') + 1;
        for (int64_t i = 0; i < count; i++) {
            double j = (double)i;
            if (!strcmp(leaf, "running_mean"))
                w[i] = 0.1 * sin(j);
            else if (!strcmp(leaf, "running_var"))
                w[i] = 1 + 0.5 * cos(j);
            else if (!strcmp(leaf, "bias"))
                w[i] = 0.05 * sin(0.7 * j + t);
            else if (p->tensor.rank == 1)
                w[i] = 1 + 0.1 * cos(0.3 * j + t);
            else
                w[i] = sqrt(3 * (double)p->tensor.shape[0] / (double)count) *
                       sin(1.3 * j + fmod((0.11 * j) * j, 6.28318) + t);
        }
        t += p->trainable;
    }
}

struct golden {
    const char *name, *arch, *loss;
    int dim, depth;
    int64_t patch[3], batch; /* x y z */
    enum gn_norm norm;
    enum gn_final final;
    double multiplier;
    bool weighted;
    struct gn_optim_spec optim;
    double rate;
};

/* The largest difference over all arrays of one kind: gradients, parameters or states. */
static double arrays(struct gn_net *net, const struct golden *c, const char *kind,
                     const double *base, bool trainable, double floor)
{
    double worst = 0;
    for (int k = 0; k < net->n_params; k++) {
        char name[96];
        const struct row *grad;
        snprintf(name, sizeof name, "%s %s", c->name, net->param[k].name);
        if (net->param[k].trainable != trainable)
            continue;
        /* A bias before a norm has gradient 0; its Adam step is the sign of a rounding error. */
        if (!strcmp(kind, "param") && strcmp(c->optim.name, "sgd") && (grad = find("grad", name)) &&
            grad->v[0] < 1e-12)
            continue;
        double e = differs(kind, name, base + net->offset[k],
                           gn_tensor_count(&net->param[k].tensor), floor);
        if (!(e <= worst)) {
            worst = e;
        }
        if (!(e < 1e-7))
            printf("# %s %s: %g\n", kind, name, e);
    }
    return worst;
}

static void network(const struct golden *c)
{
    static const struct gn_class classes[3] = { { { 0 }, 1 }, { { 1 }, 1 }, { { 2 }, 1 } };
    static const double weights[3] = { 0.2, 0.3, 0.5 };
    struct gn_net_spec s = { .arch = c->arch,
                             .dim = c->dim,
                             .channels = 2,
                             .classes = 3,
                             .base_filters = c->dim == 2 ? 4 : 2,
                             .depth = c->depth,
                             .norm = c->norm,
                             .norm_running = true,
                             .final = c->final,
                             .sigmoid_multiplier = c->multiplier };
    struct gn_loss_spec l = { c->loss, classes, c->weighted ? weights : NULL, -1 };
    struct gn_err err = { 0 };
    int64_t voxels = c->patch[0] * c->patch[1] * c->patch[2], n = c->batch * 3 * voxels;
    struct gn_net *net = gn_net_new(&s, &l, &c->optim, true, "ref", c->batch, c->patch, 0, &err);
    if (!CHECK(c->name, net != NULL)) {
        printf("# %s\n", err.text);
        return;
    }
    net->exact = true;
    fill(net);
    double *x = wave(c->batch * 2 * voxels);
    int32_t *label = malloc((size_t)(c->batch * voxels) * sizeof *label);
    for (int64_t j = 0; j < c->batch * voxels; j++)
        label[j] = (int32_t)((j * j + j / 3) / 5 % 3);
    CHECK_NEAR("output in evaluation",
               gn_net_forward_wide(net, c->batch, NULL, x, NULL, &err) == 0
                   ? differs("eval", c->name, net->eval.x.value[net->eval.out], n, 0)
                   : INFINITY,
               0, 1e-9);
    if (c->norm == GN_NORM_INSTANCE) {
        s.norm_running = false;
        struct gn_net *own = gn_net_new(&s, NULL, NULL, false, "ref", c->batch, c->patch, 0, &err);
        memcpy(own->wide, net->wide, net->elements * sizeof *net->wide);
        CHECK_NEAR("output in evaluation by instance statistics",
                   gn_net_forward_wide(own, c->batch, NULL, x, NULL, &err) == 0
                       ? differs("instance", c->name, own->eval.x.value[own->eval.out], n, 0)
                       : INFINITY,
                   0, 1e-9);
        gn_net_free(own);
    }
    double worst = 0, out = 0, gradients = 0;
    for (int step = 0; step < 3; step++) {
        double loss = NAN;
        bool skipped;
        char name[96];
        if (gn_net_step_wide(net, c->batch, NULL, x, label, NULL, 0, c->rate, &loss, NULL, &skipped,
                             &err) < 0)
            printf("# %s\n", err.text);
        if (step == 0) {
            out = differs("train", c->name, net->train.x.value[net->train.out], n, 0);
            gradients = arrays(net, c, "grad", net->grad, true, 1e-12);
        }
        snprintf(name, sizeof name, "%s %d", c->name, step);
        worst = fmax(worst, differs("loss", name, &loss, 1, 0));
    }
    CHECK_NEAR("output in training", out, 0, 1e-9);
    CHECK_NEAR("all gradients", gradients, 0, 1e-8);
    CHECK_NEAR("losses of three steps", worst, 0, 1e-8);
    CHECK_NEAR("parameters after three steps", arrays(net, c, "param", net->wide, true, 0), 0,
               1e-7);
    CHECK_NEAR("running statistics after three steps", arrays(net, c, "state", net->wide, false, 0),
               0, 1e-7);
    free(x);
    free(label);
    gn_net_free(net);
}

#define ADAM(kind, decay, ams)                                                                     \
    {                                                                                              \
        .name = kind, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = decay,            \
        .amsgrad = ams                                                                             \
    }
static const struct golden cases[] = {
    { "unet2i",
      "unet",
      "dc",
      2,
      4,
      { 48, 32, 1 },
      2,
      GN_NORM_INSTANCE,
      GN_FINAL_SOFTMAX,
      1,
      false,
      { .name = "sgd", .momentum = 0.99, .nesterov = true, .weight_decay = 3e-5 },
      0.1 },
    { "resunet2b",
      "resunet",
      "dcce",
      2,
      4,
      { 32, 32, 1 },
      2,
      GN_NORM_BATCH,
      GN_FINAL_SOFTMAX,
      1,
      true,
      ADAM("adam", 5e-5, false),
      1e-3 },
    { "resunet3i",
      "resunet",
      "dc_log",
      3,
      4,
      { 48, 16, 32 },
      1,
      GN_NORM_INSTANCE,
      GN_FINAL_SOFTMAX,
      1,
      false,
      ADAM("adam", 5e-5, true),
      1e-3 },
    { "unet3b",
      "unet",
      "dc",
      3,
      4,
      { 16, 32, 16 },
      2,
      GN_NORM_BATCH,
      GN_FINAL_SIGMOID,
      2,
      true,
      { .name = "sgd", .momentum = 0.9, .clip = 0.5, .clip_mode = "norm" },
      0.05 },
    { "light3i",
      "light_unet",
      "dcce",
      3,
      4,
      { 32, 16, 16 },
      2,
      GN_NORM_INSTANCE,
      GN_FINAL_SOFTMAX,
      1,
      false,
      ADAM("adamw", 1e-2, false),
      1e-3 },
    { "multi2i",
      "resunet_multilayer",
      "cel",
      2,
      2,
      { 24, 16, 1 },
      2,
      GN_NORM_INSTANCE,
      GN_FINAL_NONE,
      1,
      true,
      { .name = "sgd" },
      0.1 },
    { "fcn2b",
      "fcn",
      "dcce",
      2,
      4,
      { 32, 48, 1 },
      2,
      GN_NORM_BATCH,
      GN_FINAL_SIGMOID,
      1,
      false,
      ADAM("adam", 0, false),
      1e-3 },
};

/* --- single ops: forward, and backward from a given gradient --- */

/* Runs the nodes of g after the inputs are filled; every value is kept. */
static void op(struct gn_graph *g, const int *input, double *const *data, int n_inputs,
               const char *kind, int number, const int *node, const char *const *names, int n_nodes)
{
    struct gn_plan plan;
    struct gn_err err = { 0 };
    double worst = 0, *grad[2] = { NULL };
    if (gn_plan_make(&plan, g, &gn_backend_ref, node, n_nodes, 0, &err) < 0) {
        CHECK(kind, 0);
        return;
    }
    struct gn_exec x = { .plan = &plan,
                         .value = calloc((size_t)g->n, sizeof(void *)),
                         .arena = aligned_alloc(64, plan.arena_bytes + 64),
                         .n = 2,
                         .n_total = 2 };
    gn_plan_bind(&plan, &x);
    for (int i = 0; i < n_inputs; i++) {
        if (g->node[input[i]]->value == GN_VAL_PARAM)
            x.value[input[i]] = data[i];
        else
            memcpy(x.value[input[i]], data[i],
                   (size_t)gn_dims_count(&g->node[input[i]]->dims) * sizeof(double));
    }
    for (int i = 0, k = 0; i < n_nodes; i++)
        if (g->node[node[i]]->value == GN_VAL_GRAD)
            x.value[node[i]] = grad[k++] = calloc((size_t)gn_dims_count(&g->node[node[i]]->dims),
                                                  sizeof(double));
    worst = gn_plan_run(&x, &err) < 0 ? INFINITY : 0;
    for (int i = 0; i < n_nodes; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d %s", number, names[i]);
        worst = fmax(worst, differs(kind, name, x.value[node[i]],
                                    gn_dims_count(&g->node[node[i]]->dims), 0));
    }
    char text[64];
    snprintf(text, sizeof text, "%s %d, forward and backward", kind, number);
    CHECK_NEAR(text, worst, 0, 1e-11);
    free(grad[0]);
    free(grad[1]);
    free(x.value);
    free(x.arena);
    gn_plan_free(&plan);
}

static double *sine(int64_t n, double rate, int cosine)
{
    double *v = malloc((size_t)n * sizeof *v);
    for (int64_t j = 0; j < n; j++)
        v[j] = cosine ? cos(rate * (double)j) : sin(rate * (double)j);
    return v;
}

static void convolutions(void)
{
    static const struct {
        int k[3], s[3], p[3], d[3], g, ci, co;
    } list[] = {
        { { 3, 3, 3 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, 1, 2, 3 },
        { { 3, 3, 3 }, { 2, 2, 2 }, { 1, 1, 1 }, { 1, 1, 1 }, 1, 2, 3 },
        { { 1, 3, 5 }, { 1, 2, 1 }, { 0, 1, 2 }, { 1, 1, 1 }, 1, 3, 2 },
        { { 3, 3, 3 }, { 1, 1, 1 }, { 2, 2, 2 }, { 2, 2, 2 }, 1, 2, 2 },
        { { 3, 3, 3 }, { 2, 1, 2 }, { 1, 0, 1 }, { 1, 1, 1 }, 2, 4, 6 },
        { { 1, 3, 3 }, { 1, 1, 1 }, { 0, 1, 1 }, { 1, 1, 1 }, 3, 3, 3 },
    };
    for (int i = 0; i < (int)(sizeof list / sizeof *list); i++) {
        struct gn_graph *g = gn_graph_new(true);
        struct gn_err err = { 0 };
        struct gn_attr a = { .groups = list[i].g };
        for (int k = 0; k < 3; k++) {
            a.kernel[k] = list[i].k[k];
            a.stride[k] = list[i].s[k];
            a.pad[k] = list[i].p[k];
            a.dilation[k] = list[i].d[k];
        }
        int x = gn_graph_input(g, "x", GN_VAL_ACT, (struct gn_dims){ { 2, list[i].ci, 5, 6, 7 } });
        int w = gn_graph_param(g, "w", GN_VAL_PARAM,
                               (struct gn_dims){ { list[i].co, list[i].ci / list[i].g, a.kernel[0],
                                                   a.kernel[1], a.kernel[2] } },
                               5);
        int b = gn_graph_param(g, "b", GN_VAL_PARAM, (struct gn_dims){ { list[i].co, 1, 1, 1, 1 } },
                               1);
        int y = gn_graph_add(g, "conv", "y", (int[]){ x, w, b }, 3, &a, &err);
        int dy = gn_graph_input(g, "dy", GN_VAL_ACT, g->node[y]->dims);
        a.dims = g->node[x]->dims;
        int dx = gn_graph_add_bwd(g, "conv_bwd_data", y, (int[]){ dy, w }, 2, &a);
        a.dims = g->node[w]->dims;
        int dw = gn_graph_add_bwd(g, "conv_bwd_weight", y, (int[]){ x, dy }, 2, &a);
        a.dims = g->node[b]->dims;
        int db = gn_graph_add_bwd(g, "conv_bwd_bias", y, &dy, 1, &a);
        double *data[4] = { wave(gn_dims_count(&g->node[x]->dims)),
                            sine(gn_dims_count(&g->node[w]->dims), 0.31, 1),
                            malloc(16 * sizeof(double)),
                            sine(gn_dims_count(&g->node[y]->dims), 0.7, 0) };
        for (int k = 0; k < list[i].co; k++)
            data[2][k] = k;
        op(g, (int[]){ x, w, b, dy }, data, 4, "conv", i, (int[]){ y, dx, dw, db },
           (const char *[]){ "y", "dx", "dw", "db" }, 4);
        for (int k = 0; k < 4; k++)
            free(data[k]);
        gn_graph_free(g);
    }
}

static void upsamplings(void)
{
    static const struct {
        int factor;
        int64_t side[3];
    } list[] = { { 2, { 3, 4, 5 } }, { 4, { 2, 3, 1 } }, { 16, { 2, 1, 2 } }, { 2, { 1, 1, 1 } } };
    for (int i = 0; i < (int)(sizeof list / sizeof *list); i++) {
        struct gn_graph *g = gn_graph_new(true);
        struct gn_err err = { 0 };
        struct gn_attr a = { .scale = { list[i].factor, list[i].factor, list[i].factor } };
        int x = gn_graph_input(
            g, "x", GN_VAL_ACT,
            (struct gn_dims){ { 2, 2, list[i].side[0], list[i].side[1], list[i].side[2] } });
        int y = gn_graph_add(g, "upsample", "y", &x, 1, &a, &err);
        int dy = gn_graph_input(g, "dy", GN_VAL_ACT, g->node[y]->dims);
        a.dims = g->node[x]->dims;
        int dx = gn_graph_add_bwd(g, "upsample_bwd", y, &dy, 1, &a);
        double *data[2] = { wave(gn_dims_count(&g->node[x]->dims)),
                            sine(gn_dims_count(&g->node[y]->dims), 0.7, 0) };
        op(g, (int[]){ x, dy }, data, 2, "upsample", i, (int[]){ y, dx },
           (const char *[]){ "y", "dx" }, 2);
        free(data[0]);
        free(data[1]);
        gn_graph_free(g);
    }
}

int main(void)
{
    if (!CHECK("the golden files are there",
               load("nets_2d.tsv") && load("nets_3d.tsv") && load("nets_ops.tsv")))
        return 1;
    convolutions();
    upsamplings();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        network(&cases[i]);
    free(rows);
    return check_done();
}
