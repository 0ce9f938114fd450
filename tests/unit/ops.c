/* ops - the gradient of every op, on the reference backend, against central differences in double;
 * and losses against published values. */
#include "check.h"

#include <stdlib.h>

#include "nn/access.h"
#include "nn/loss.h"

static struct gn_graph *g;
static struct gn_err err;

static int act(const char *name, int64_t n, int64_t c, int64_t d, int64_t h, int64_t w)
{
    int id = gn_graph_input(g, name, GN_VAL_ACT, (struct gn_dims){ { n, c, d, h, w } });
    g->node[id]->needs_grad = true;
    return id;
}

static int param(const char *name, int64_t o, int64_t c, int64_t d, int64_t h, int64_t w)
{
    return gn_graph_param(g, name, GN_VAL_PARAM, (struct gn_dims){ { o, c, d, h, w } },
                          h > 1 || c > 1 ? 5 : 1);
}

static int add(const char *op, const int *in, int n, const struct gn_attr *attr)
{
    int id = gn_graph_add(g, op, op, in, n, attr, &err);
    if (id < 0)
        printf("# %s\n", err.text);
    return id;
}

/* Irregular numbers in [-1, 1), far from 0. */
static double value(uint64_t i)
{
    uint64_t h = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 29;
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    h ^= h >> 32;
    double v = (double)(h >> 11) * 0x1p-52 - 1;
    return fabs(v) < 0.02 ? v + 0.05 : v;
}

enum { MAX_LEAVES = 8, MAX_PROBES = 40 };

static double run(struct gn_exec *x, int loss)
{
    if (gn_plan_run(x, &err) < 0)
        return NAN;
    return *(double *)x->value[loss];
}

/* loss: a scalar node. Compares d loss / d leaf with central differences at up to MAX_PROBES places
 * of every leaf. */
static void check_gradient(const char *name, int loss, int label, const int *leaf, int n_leaves)
{
    struct gn_plan plan;
    int keep[MAX_LEAVES + 1] = { loss }, n_keep = 1;
    double *memory[2 * MAX_LEAVES] = { NULL }, worst = 0;
    if (!CHECK(name, loss >= 0 && gn_graph_backward(g, loss, &err) == 0)) {
        printf("# %s\n", err.text);
        return;
    }
    for (int i = 0; i < n_leaves; i++)
        keep[n_keep++] = g->grad[leaf[i]];
    if (!CHECK("plans", gn_plan_make(&plan, g, &gn_backend_ref, keep, n_keep, 0, &err) == 0))
        return;
    struct gn_exec x = { .plan = &plan,
                         .value = calloc((size_t)g->n, sizeof(void *)),
                         .arena = aligned_alloc(64, plan.arena_bytes + 64),
                         .n = g->node[label]->dims.d[0],
                         .n_total = g->node[label]->dims.d[0],
                         .seed = 5 };
    gn_plan_bind(&plan, &x);
    for (int i = 0; i < g->n; i++)
        if (!g->node[i]->op &&
            (g->node[i]->value == GN_VAL_PARAM || g->node[i]->value == GN_VAL_STATE)) {
            size_t n = (size_t)gn_dims_count(&g->node[i]->dims);
            x.value[i] = memory[i % MAX_LEAVES] = calloc(n, sizeof(double));
            for (size_t k = 0; k < n; k++)
                ((double *)x.value[i])[k] = g->node[i]->value == GN_VAL_STATE
                                                ? 1 + 0.3 * value(k)
                                                : value(1000 * (uint64_t)i + k);
            if (g->node[i]->value == GN_VAL_PARAM)
                x.value[g->grad[i]] = memory[MAX_LEAVES + i % MAX_LEAVES] = calloc(n,
                                                                                   sizeof(double));
        }
    for (int r = 0; r < 1 + 2 * MAX_LEAVES * MAX_PROBES; r++) {
        /* Inputs live in the arena and may be overwritten by a run: fill them each time. Run 0
         * gives the gradients. */
        static double gradient[MAX_LEAVES][MAX_PROBES], up;
        static const double h = 1e-6;
        int probe = (r - 1) / 2, which = probe % n_leaves, place = probe / n_leaves;
        int64_t count = gn_dims_count(&g->node[leaf[which]]->dims),
                at = (int64_t)place * 7919 % count;
        double *moved = NULL;
        if (r > 0 && place >= MAX_PROBES)
            break;
        for (int i = 0; i < g->n; i++)
            if (!g->node[i]->op && g->node[i]->value == GN_VAL_ACT)
                for (int64_t k = 0; k < gn_dims_count(&g->node[i]->dims); k++)
                    ((double *)x.value[i])[k] = value(1000 * (uint64_t)i + (uint64_t)k);
        for (int64_t k = 0; k < gn_dims_count(&g->node[label]->dims); k++)
            ((uint64_t *)x.value[label])[k] = k % 5 == 4   ? 0
                                              : k % 7 == 0 ? 3
                                                           : UINT64_C(1) << ((k * k + k / 3) % 3);
        if (r > 0) {
            moved = (double *)x.value[leaf[which]] + at;
            *moved += r % 2 ? h : -h;
        }
        double now = run(&x, loss);
        if (r == 0) {
            for (int i = 0; i < n_leaves; i++)
                for (int p = 0; p < MAX_PROBES; p++)
                    gradient[i][p] = ((double *)x.value[g->grad[leaf[i]]])
                        [p * 7919 % gn_dims_count(&g->node[leaf[i]]->dims)];
            continue;
        }
        if (g->node[leaf[which]]->value == GN_VAL_PARAM)
            *moved -= r % 2 ? h : -h;
        if (r % 2) {
            up = now;
            continue;
        }
        double d = (up - now) / (2 * h), e = fabs(d - gradient[which][place]) / fmax(1e-2, fabs(d));
        if (!(e <= worst))
            worst = e;
        if (!(e < 2e-6)) {
            printf("# leaf %d place %lld: %.9g is not %.9g\n", which, (long long)at,
                   gradient[which][place], d);
            break;
        }
    }
    CHECK_NEAR("agrees with central differences", worst, 0, 2e-6);
    for (int i = 0; i < 2 * MAX_LEAVES; i++)
        free(memory[i]);
    free(x.value);
    free(x.arena);
    gn_plan_free(&plan);
}

/* A smooth scalar of y: Dice and cross-entropy of raw scores. */
static int loss_of(const char *name, int y, int *label, const double *weights)
{
    const struct gn_loss_form *form = gn_loss_find(name, &err);
    struct gn_dims d = g->node[y]->dims;
    d.d[1] = 1;
    *label = gn_graph_input(g, "label", GN_VAL_LABEL, d);
    struct gn_attr attr = { .loss = form,
                            .mode = (int)form->bce,
                            .alpha = (double)gn_dims_voxels(&d),
                            .weights = weights };
    int id = add(form->cel ? "cel_sums" : "loss_sums", (int[]){ y, *label }, 2, &attr);
    id = add("sums_reduce", &id, 1, NULL);
    return add(form->cel ? "cel_value" : "loss_value", &id, 1, &attr);
}

static void check_op(const char *name, int y, const int *leaf, int n)
{
    int label, loss = y < 0 ? -1 : loss_of("dcce_logits", y, &label, NULL);
    if (y < 0) {
        CHECK(name, 0);
        return;
    }
    check_gradient(name, loss, label, leaf, n);
    gn_graph_free(g);
    g = gn_graph_new(true);
}

static struct gn_attr conv(int kd, int k, int stride, int dilation, int groups)
{
    struct gn_attr a = { .groups = groups };
    for (int i = 0; i < 3; i++) {
        a.kernel[i] = i == 0 ? kd : k;
        a.stride[i] = i == 0 && kd == 1 ? 1 : stride;
        a.dilation[i] = dilation;
        a.pad[i] = dilation * (a.kernel[i] / 2);
    }
    return a;
}

static void convolutions(void)
{
    static const struct {
        const char *name;
        int d, kd, k, stride, dilation, groups, ci, co, bias;
    } cases[] = {
        { "convolution 3x3x3", 4, 3, 3, 1, 1, 1, 2, 3, 1 },
        { "convolution 3x3x3 of stride 2, odd sides", 5, 3, 3, 2, 1, 1, 2, 3, 1 },
        { "convolution 1x1x1 without bias", 3, 1, 1, 1, 1, 1, 3, 2, 0 },
        { "convolution 3x3 of one slice", 1, 1, 3, 1, 1, 1, 2, 3, 1 },
        { "convolution 5x5x5, dilation 2", 5, 5, 5, 1, 2, 1, 1, 2, 1 },
        { "convolution in 2 groups, stride 2", 4, 3, 3, 2, 1, 2, 4, 6, 1 },
        { "depthwise convolution 1x3x3", 3, 1, 3, 1, 1, 3, 3, 3, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gn_attr a = conv(cases[i].kd, cases[i].k, cases[i].stride, cases[i].dilation,
                                cases[i].groups);
        int x = act("x", 2, cases[i].ci, cases[i].d, 5, 6);
        int w = param("w", cases[i].co, cases[i].ci / cases[i].groups, cases[i].kd, cases[i].k,
                      cases[i].k);
        int b = cases[i].bias ? param("b", cases[i].co, 1, 1, 1, 1) : -1;
        check_op(cases[i].name, add("conv", (int[]){ x, w, b }, 3, &a), (int[]){ x, w, b },
                 cases[i].bias ? 3 : 2);
    }
}

static int norm(int x, int64_t begin, enum gn_norm_mode mode, int gamma, int beta, int mean,
                int var)
{
    const struct gn_dims *d = &g->node[x]->dims;
    struct gn_attr a = { .slope = 0.1,
                         .eps = 1e-3,
                         .begin = begin,
                         .alpha = (double)gn_dims_voxels(d),
                         .mode = mode,
                         .dims = { { 1, d->d[1], 2, 1, 1 } } };
    int m;
    if (mode == GN_STATS_RUNNING) {
        m = add("norm_running", (int[]){ mean, var }, 2, &a);
    } else {
        m = add("norm_sums", &x, 1, &a);
        if (mode == GN_STATS_BATCH)
            m = add("sums_reduce", &m, 1, &a);
        m = add("norm_stats", &m, 1, &a);
    }
    return add("norm_apply", (int[]){ x, m, gamma, beta }, 4, &a);
}

static void norms(void)
{
    static const char *const names[] = { "batch norm with leaky ReLU",
                                         "instance norm with leaky ReLU",
                                         "norm by running statistics" };
    for (int mode = 0; mode < 3; mode++) {
        int x = act("x", 2, 3, 2, 4, 5), gamma = param("gamma", 3, 1, 1, 1, 1),
            beta = param("beta", 3, 1, 1, 1, 1), mean = -1, var = -1;
        if (mode == GN_STATS_RUNNING) {
            mean = gn_graph_param(g, "mean", GN_VAL_STATE, (struct gn_dims){ { 3, 1, 1, 1, 1 } },
                                  1);
            var = gn_graph_param(g, "var", GN_VAL_STATE, (struct gn_dims){ { 3, 1, 1, 1, 1 } }, 1);
        }
        check_op(names[mode], norm(x, 0, (enum gn_norm_mode)mode, gamma, beta, mean, var),
                 (int[]){ x, gamma, beta }, 3);
    }
    int x = act("x", 2, 2, 1, 4, 5);
    check_op("instance norm without parameters", norm(x, 0, GN_STATS_INSTANCE, -1, -1, -1, -1), &x,
             1);
    int a = act("a", 2, 2, 2, 3, 4), b = act("b", 2, 1, 2, 3, 4),
        gamma = param("gamma", 3, 1, 1, 1, 1), beta = param("beta", 3, 1, 1, 1, 1);
    int part[2] = { norm(a, 0, GN_STATS_INSTANCE, gamma, beta, -1, -1),
                    norm(b, 2, GN_STATS_INSTANCE, gamma, beta, -1, -1) };
    check_op("norm of a concatenation, part by part", add("concat", part, 2, NULL),
             (int[]){ a, b, gamma, beta }, 4);
}

static void pointwise(void)
{
    struct gn_attr a = {
        .slope = 0.01, .alpha = 1.7, .p = 0.4, .layer = 3, .dims = { { 2, 6, 1, 1, 1 } }
    };
    int x = act("x", 2, 3, 2, 3, 4);
    check_op("leaky ReLU", add("leaky", &x, 1, &a), &x, 1);
    x = act("x", 2, 6, 2, 3, 4);
    check_op("channel dropout", add("scale", (int[]){ x, add("drop_mask", NULL, 0, &a) }, 2, NULL),
             &x, 1);
    x = act("x", 2, 3, 2, 3, 4);
    int y = act("y", 2, 3, 2, 3, 4);
    check_op("sum", add("add", (int[]){ x, y }, 2, NULL), (int[]){ x, y }, 2);
    x = act("x", 2, 3, 2, 3, 4);
    check_op("sum of a value with itself and its ReLU",
             add("add", (int[]){ add("add", (int[]){ x, x }, 2, NULL), add("leaky", &x, 1, &a) }, 2,
                 NULL),
             &x, 1);
    x = act("x", 2, 3, 2, 3, 4);
    check_op("softmax", add("softmax", &x, 1, NULL), &x, 1);
    x = act("x", 2, 3, 2, 3, 4);
    check_op("sigmoid with a multiplier", add("sigmoid", &x, 1, &a), &x, 1);
}

static void shapes(void)
{
    int x = act("x", 2, 2, 2, 3, 4), y = act("y", 2, 1, 2, 3, 4), z = act("z", 2, 2, 2, 3, 4);
    int in[3] = { x, y, z };
    check_op("concatenation", add("concat", in, 3, NULL), in, 3);
    x = act("x", 2, 2, 2, 3, 4);
    check_op("concatenation of a value with itself", add("concat", (int[]){ x, x }, 2, NULL), &x,
             1);
    static const struct {
        const char *name;
        int64_t d, h, w;
        int scale[3];
    } cases[] = {
        { "upsampling 2x2x2", 2, 3, 4, { 2, 2, 2 } },
        { "upsampling of a slice", 1, 3, 4, { 1, 2, 2 } },
        { "upsampling 4x4x4", 2, 2, 3, { 4, 4, 4 } },
        { "upsampling of single voxels", 1, 1, 1, { 2, 2, 2 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gn_attr a = { .scale = { cases[i].scale[0], cases[i].scale[1], cases[i].scale[2] } };
        x = act("x", 2, 2, cases[i].d, cases[i].h, cases[i].w);
        check_op(cases[i].name, add("upsample", &x, 1, &a), &x, 1);
    }
}

static void losses(void)
{
    static const char *const names[] = { "dc",  "dc_log",  "dcce", "dcce_logits", "ce",
                                         "cel", "tversky", "mcc",  "mcc_log" };
    static const double weights[3] = { 0.2, 0.3, 0.5 };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int weighted = 0; weighted < 2; weighted++) {
            int x = act("x", 2, 3, 2, 3, 4), label, y = x;
            bool raw = !strcmp(names[i], "cel") || !strcmp(names[i], "dcce_logits");
            char text[64];
            snprintf(text, sizeof text, "loss %s%s", names[i], weighted ? ", weighted" : "");
            if (!raw)
                y = add(i % 2 ? "sigmoid" : "softmax", &x, 1, &(struct gn_attr){ .alpha = 1 });
            int loss = loss_of(names[i], y, &label, weighted ? weights : NULL);
            /* mcc_log has no logarithm where a class's correlation is negative: its values are
             * tested below */
            if (strcmp(names[i], "mcc_log"))
                check_gradient(text, loss, label, &x, 1);
            gn_graph_free(g);
            g = gn_graph_new(true);
        }
}

/* Values published for B = 2, C = 3, 4 x 4, as one volume of 32 voxels: sums run over batch and
 * space at once. */
static void loss_values(void)
{
    static const struct {
        const char *name;
        double plain, weighted, tol;
    } rows[] = {
        { "dc", 0.649603484, 0.654038834, 2e-7 },
        { "dc_log", 1.049330056, 1.062150514, 2e-7 },
        { "mcc", 0.974443464, 0.974033934, 2e-7 },
        { "mcc_log", 3.675143033, 3.659258566, 2e-6 },
        { "tversky", 0.649603484, 0.654038834, 2e-7 },
        { "dcce", 1.667853155, 1.673639821, 1e-6 },
        { "ce", 1.018249631, 1.019600987, 1e-6 },
    };
    static const struct gn_class classes[3] = { { { 0 }, 1 }, { { 1 }, 1 }, { { 2 }, 1 } };
    static const double weights[3] = { 0.2, 0.3, 0.5 };
    struct gn_net_spec spec = { .classes = 3 };
    float p[3 * 32];
    int32_t label[32];
    for (int b = 0; b < 2; b++)
        for (int v = 0; v < 16; v++) {
            double e[3], sum = 0;
            for (int c = 0; c < 3; c++)
                sum += e[c] = exp(2 * sin(0.9 * ((b * 3 + c) * 16 + v)));
            for (int c = 0; c < 3; c++)
                p[c * 32 + b * 16 + v] = (float)(e[c] / sum);
            label[b * 16 + v] = (7 * (b * 16 + v)) % 3;
        }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gn_loss_spec loss = { rows[i].name, classes, NULL, -1 };
        CHECK_NEAR(rows[i].name, gn_loss_value(&spec, &loss, p, label, 32), rows[i].plain,
                   rows[i].tol);
        loss.weights = weights;
        CHECK_NEAR("weighted", gn_loss_value(&spec, &loss, p, label, 32), rows[i].weighted,
                   rows[i].tol);
    }
    static const float scores[6] = { 1, 0.1f, 2, 0.2f, 0.5f, 0.3f }; /* class by voxel */
    static const int32_t truth[2] = { 1, 2 };
    struct gn_loss_spec cel = { "cel", classes, NULL, -1 };
    CHECK_NEAR("cel", gn_loss_value(&spec, &cel, scores, truth, 2), 0.733155816, 1e-7);
    cel.weights = weights;
    CHECK_NEAR("cel, weighted", gn_loss_value(&spec, &cel, scores, truth, 2), 0.800352633, 1e-7);

    static const float zero[4] = { 0 };
    static const int32_t none[4] = { 7, 7, 7, 7 };
    struct gn_loss_spec dc = { "dc", classes, NULL, -1 };
    spec.classes = 1;
    CHECK("Dice of a class absent from both is 1", gn_loss_value(&spec, &dc, zero, none, 4) == 0);
    static const struct gn_class joined[2] = { { { 1, 4 }, 2 }, { { 4 }, 1 } };
    uint64_t bits[3];
    gn_label_bits(joined, 2, (const int32_t[]){ 1, 4, -3 }, 3, bits);
    CHECK("a label value may belong to several classes, or none",
          bits[0] == 1 && bits[1] == 3 && bits[2] == 0);
    err.code = 0;
    CHECK("an unknown loss names its neighbour",
          !gn_loss_find("dcec", &err) && strstr(err.text, "dcce"));
}

int main(void)
{
    g = gn_graph_new(true);
    convolutions();
    norms();
    pointwise();
    shapes();
    losses();
    loss_values();
    gn_graph_free(g);
    return check_done();
}
