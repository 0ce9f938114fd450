/* graph - what the planner and a net promise: memory, smaller batches, dropout by place, skipped
 * steps, resuming, refusals. */
#include "check.h"

#include <stdlib.h>

#include "base/pool.h"
#include "nn/net_private.h"

static const struct gn_class classes[3] = { { { 0 }, 1 }, { { 1 }, 1 }, { { 2 }, 1 } };
enum { SIDE = 16, VOXELS = SIDE * SIDE * SIDE, CLASSES = 3, BATCH = 2 };
static float x[BATCH * 2 * VOXELS];
static int32_t label[BATCH * VOXELS];
static const int64_t patch[3] = { SIDE, SIDE, SIDE };
static const struct gn_loss_spec loss = { "dc", classes, NULL, -1 };
static struct gn_err err;
static const char *device;

static void data(void)
{
    for (int i = 0; i < BATCH * 2 * VOXELS; i++)
        x[i] = (float)(sin(0.013 * i) + 0.5 * cos(0.37 * i));
    for (int i = 0; i < BATCH * VOXELS; i++)
        label[i] = i / 7 % 3;
}

static struct gn_net_spec spec(enum gn_norm norm, double dropout)
{
    return (struct gn_net_spec){ .arch = "unet_multilayer",
                                 .dim = 3,
                                 .channels = 2,
                                 .classes = CLASSES,
                                 .base_filters = 4,
                                 .depth = 2,
                                 .norm = norm,
                                 .final = GN_FINAL_SOFTMAX,
                                 .sigmoid_multiplier = 1,
                                 .dropout = dropout };
}

static struct gn_net *make(const struct gn_net_spec *s, const char *optim, int64_t batch,
                           uint64_t memory)
{
    struct gn_optim_spec o;
    err.code = 0;
    if (gn_optim_defaults(optim, &o, &err) < 0)
        return NULL;
    struct gn_net *net = gn_net_new(s, &loss, &o, true, device, batch, patch, memory, &err);
    if (net)
        gn_net_init(net, 1);
    return net;
}

static double step(struct gn_net *net, int64_t n, const float *from, const int32_t *truth,
                   const struct gn_net_item *items, double rate, float *prob)
{
    double value;
    bool skipped;
    if (gn_net_step(net, n, from, truth, items, 9, rate, &value, prob, &skipped, &err) < 0)
        return NAN;
    return value;
}

static int same_gradients(struct gn_net *a, struct gn_net *b)
{
    struct gn_net_param *p;
    int n = gn_net_params(a, &p), same = 1;
    for (int k = 0; k < n; k++)
        if (p[k].trainable)
            same &= !memcmp(gn_net_gradient(a, k), gn_net_gradient(b, k),
                            (size_t)gn_tensor_count(&p[k].tensor) * sizeof(float));
    return same;
}

static int same_params(struct gn_net *a, struct gn_net *b)
{
    struct gn_net_param *p, *q;
    int n = gn_net_params(a, &p), same = gn_net_params(b, &q) == n;
    for (int k = 0; k < n && same; k++)
        same &= !memcmp(p[k].tensor.data, q[k].tensor.data,
                        (size_t)gn_tensor_count(&p[k].tensor) * sizeof(float));
    return same;
}

static void memory(void)
{
    struct gn_net_spec s = spec(GN_NORM_INSTANCE, 0);
    struct gn_net *a = make(&s, "sgd", BATCH, 0), *b;
    size_t peak = gn_net_peak_bytes(a), all = 0, fixed = peak - a->arena_bytes;
    for (int i = 0; i < a->train.g->n; i++)
        all += a->train.plan.layout[i].bytes;
    CHECK("values share memory: the arena is much smaller than their sum",
          a->arena_bytes * 3 < all * 2);
    CHECK("without a limit nothing is computed twice", a->train.plan.recomputed == 0);
    double la = step(a, BATCH, x, label, NULL, -1, NULL);
    memset(a->arena, 0xff, a->arena_bytes);
    CHECK("what an earlier run left in the arena does not matter",
          step(a, BATCH, x, label, NULL, -1, NULL) == la);

    b = make(&s, "sgd", BATCH, fixed + a->arena_bytes * 9 / 10);
    if (CHECK("a limit below the peak is met by computing activations twice",
              b && b->train.plan.recomputed > 0 &&
                  gn_net_peak_bytes(b) <= fixed + a->arena_bytes * 9 / 10)) {
        CHECK("and the loss and all gradients keep their bits",
              step(b, BATCH, x, label, NULL, -1, NULL) == la && same_gradients(a, b));
        printf("# %zu -> %zu bytes, %d computed twice\n", a->arena_bytes, b->arena_bytes,
               b->train.plan.recomputed);
    } else {
        printf("# %s\n", err.text);
    }
    gn_net_free(b);
    b = make(&s, "sgd", BATCH, fixed + a->arena_bytes / 4);
    CHECK("a limit that cannot be met is refused with the number that could",
          !b && strstr(err.text, "needs at least"));
    double mib = 0;
    sscanf(err.text, "%*[^0-9]%lf", &mib);
    gn_net_free(b);
    b = make(&s, "sgd", BATCH, fixed + (uint64_t)((mib + 0.1) * 1048576));
    CHECK("that number is enough", b != NULL);
    gn_net_free(b);
    CHECK("a limit below the parameters is refused", !make(&s, "sgd", BATCH, fixed / 2));
    gn_net_free(a);
}

static void smaller_batch(void)
{
    for (int norm = GN_NORM_BATCH; norm <= GN_NORM_INSTANCE; norm++) {
        struct gn_net_spec s = spec((enum gn_norm)norm, 0.5);
        struct gn_net *two = make(&s, "adam", 2, 0), *one = make(&s, "adam", 1, 0);
        struct gn_net_item item = { "subject", 3, 4 };
        CHECK("one item in a net planned for two equals a net planned for one",
              step(two, 1, x, label, &item, 1e-3, NULL) ==
                      step(one, 1, x, label, &item, 1e-3, NULL) &&
                  same_gradients(two, one) && same_params(two, one));
        gn_net_free(two);
        gn_net_free(one);
    }
}

static void dropout(void)
{
    struct gn_net_spec s = spec(GN_NORM_INSTANCE, 0.5);
    struct gn_net *net = make(&s, "sgd", 2, 0);
    struct gn_net_item items[2] = { { "a", 1, 7 }, { "b", 1, 2 } },
                       swapped[2] = { items[1], items[0] };
    size_t half = CLASSES * VOXELS;
    float *p = malloc(2 * half * sizeof *p), *q = malloc(2 * half * sizeof *q),
          *y = malloc(2 * half * sizeof *q);
    static float turned[BATCH * 2 * VOXELS];
    memcpy(turned, x + 2 * VOXELS, 2 * VOXELS * sizeof *x);
    memcpy(turned + 2 * VOXELS, x, 2 * VOXELS * sizeof *x);
    step(net, 2, x, label, items, -1, p);
    step(net, 2, turned, label, swapped, -1, q);
    CHECK("dropout follows the item, not its place in the batch",
          !memcmp(p, q + half, half * 4) && !memcmp(p + half, q, half * 4));
    items[0].epoch = 2;
    step(net, 2, x, label, items, -1, q);
    CHECK("another epoch draws anew, for that item only",
          memcmp(p, q, half * 4) && !memcmp(p + half, q + half, half * 4));
    CHECK("evaluation does not drop", gn_net_forward(net, 2, x, y, &err) == 0 &&
                                          gn_net_forward(net, 2, x, q, &err) == 0 &&
                                          !memcmp(y, q, 2 * half * 4) && memcmp(y, p, half * 4));
    free(p);
    free(q);
    free(y);
    gn_net_free(net);
}

static void skipped_step(void)
{
    struct gn_net_spec s = spec(GN_NORM_BATCH, 0);
    struct gn_net *net = make(&s, "adam", 1, 0), *before = make(&s, "adam", 1, 0);
    bool skipped = false;
    double value;
    float keep = x[5];
    x[5] = NAN;
    CHECK("a step whose loss is not a number is skipped",
          gn_net_step(net, 1, x, label, NULL, 0, 1e-3, &value, NULL, &skipped, &err) == 0 &&
              skipped && gn_net_steps(net) == 0);
    CHECK("and leaves parameters and running statistics as they were", same_params(net, before));
    x[5] = keep;
    CHECK("the next step is a step",
          gn_net_step(net, 1, x, label, NULL, 0, 1e-3, &value, NULL, &skipped, &err) == 0 &&
              !skipped && gn_net_steps(net) == 1 && !same_params(net, before));
    gn_net_free(net);
    gn_net_free(before);
}

static void resume(const char *optim)
{
    struct gn_net_spec s = spec(GN_NORM_INSTANCE, 0.5);
    struct gn_net *a = make(&s, optim, 1, 0), *b = make(&s, optim, 1, 0);
    struct gn_net_param *p, *q;
    struct gn_net_item item = { "s", 0, 0 };
    char name[96];
    int n = gn_net_params(a, &p), none = p[0].optim[0] == NULL;
    gn_net_params(b, &q);
    for (int k = 0; k < 2; k++)
        step(a, 1, x, label, &item, 1e-2, NULL);
    gn_net_set_steps(b, gn_net_steps(a));
    for (int k = 0; k < n; k++) {
        size_t bytes = (size_t)gn_tensor_count(&p[k].tensor) * sizeof(float);
        memcpy(q[k].tensor.data, p[k].tensor.data, bytes);
        for (int o = 0; gn_net_optim_array_name(a, o); o++)
            if (p[k].trainable)
                memcpy(q[k].optim[o], p[k].optim[o], bytes);
    }
    gn_net_params_changed(b);
    snprintf(name, sizeof name,
             "%s resumes from its parameters, state arrays and step count, bit for bit", optim);
    CHECK("there is no optimizer state before the first step", none);
    CHECK(name,
          step(a, 1, x, label, &item, 1e-2, NULL) == step(b, 1, x, label, &item, 1e-2, NULL) &&
              same_params(a, b));
    gn_net_free(a);
    gn_net_free(b);
}

static void init(void)
{
    struct gn_net_spec s = spec(GN_NORM_INSTANCE, 0);
    struct gn_net *a = make(&s, "sgd", 1, 0), *b = make(&s, "sgd", 2, 0);
    struct gn_net_param *p;
    int n = gn_net_params(a, &p), good = 1;
    CHECK("initial parameters depend on seed and name only", same_params(a, b));
    gn_net_init(b, 2);
    CHECK("another seed, other parameters", !same_params(a, b));
    for (int k = 0; k < n; k++) {
        const float *v = p[k].tensor.data;
        int64_t count = gn_tensor_count(&p[k].tensor);
        double top = 0;
        for (int64_t i = 0; i < count; i++)
            top = fmax(top, fabs((double)v[i]));
        if (!strcmp(p[k].name, "ins.conv1.weight") || !strcmp(p[k].name, "ins.conv1.bias"))
            good &= top <= 1 / sqrt(4 * 27) && top > 0.3 / sqrt(4 * 27);
        else if (strstr(p[k].name, ".in_") && strstr(p[k].name, "weight"))
            good &= v[0] == 1 && v[count - 1] == 1;
        else if (strstr(p[k].name, ".in_") && strstr(p[k].name, "bias"))
            good &= top == 0;
        else if (strstr(p[k].name, "running_var"))
            good &= v[0] == 1 && !p[k].trainable;
    }
    CHECK("weights and biases within 1/sqrt(fan in), norms 1 and 0", good);
    CHECK("the first parameter is ins.conv0.weight, rank 5",
          !strcmp(p[0].name, "ins.conv0.weight") && p[0].tensor.rank == 5 &&
              p[0].tensor.shape[0] == 4 && p[0].tensor.shape[1] == 2 && p[0].tensor.shape[4] == 3);
    gn_net_free(a);
    gn_net_free(b);
}

static void threads(void)
{
    struct gn_net_spec s = spec(GN_NORM_BATCH, 0.5);
    struct gn_net *a = make(&s, "adam", 2, 0), *b;
    step(a, 2, x, label, NULL, 1e-2, NULL);
    gn_pool_start(3);
    b = make(&s, "adam", 2, 0);
    step(b, 2, x, label, NULL, 1e-2, NULL);
    CHECK("the same bytes with one thread and with three", same_params(a, b));
    gn_pool_stop();
    gn_net_free(a);
    gn_net_free(b);
}

static int refused(struct gn_net_spec s, int64_t px, int64_t py, int64_t pz, const char *why)
{
    int64_t p[3] = { px, py, pz };
    struct gn_err e = { 0 };
    int rc = gn_net_check(&s, p, &e);
    if (rc == 0 || !strstr(e.text, why))
        printf("# %s\n", e.text);
    return rc < 0 && strstr(e.text, why);
}

static void refusals(void)
{
    struct gn_net_spec s = spec(GN_NORM_BATCH, 0.5), t = s;
    CHECK("a side that is no multiple is refused, the nearest named",
          refused(s, 18, 16, 16, "16 or 20"));
    t.arch = "unet";
    CHECK("unet wants multiples of 16",
          refused(t, 64, 40, 16, "32 or 48") && refused(t, 64, 8, 16, "use 16"));
    t.arch = "resnut";
    CHECK("an unknown architecture names its neighbour", refused(t, 16, 16, 16, "resunet"));
    t = s;
    t.norm = GN_NORM_NONE;
    CHECK("a U-Net without norm is refused", refused(t, 16, 16, 16, "norm_type"));
    t = s;
    t.dim = 2;
    CHECK("a 2-D network takes one slice", refused(t, 16, 16, 16, "one slice"));
    t = s;
    t.arch = "resunet";
    struct gn_net *net = make(&t, "sgd", 1, 0);
    CHECK("a bottleneck of a single voxel cannot be normalised in training",
          !net && strstr(err.text, "single value"));
    gn_net_free(net);
    t = s;
    t.final = GN_FINAL_NONE;
    struct gn_loss_spec ce = { "ce", classes, NULL, -1 };
    struct gn_optim_spec o;
    err.code = gn_optim_defaults("sgd", &o, &err);
    CHECK("cross-entropy of probabilities wants a final layer",
          !gn_net_new(&t, &ce, &o, true, device, 1, patch, 0, &err) &&
              strstr(err.text, "final_layer"));
    err.code = 0;
    CHECK("an unknown device is refused",
          !gn_net_new(&s, &loss, &o, true, "abacus", 1, patch, 0, &err) &&
              strstr(err.text, "abacus"));
    net = make(&s, "sgd", 1, 0);
    float *y = NULL;
    CHECK("a batch above the plan's is refused", gn_net_forward(net, 2, x, y, &err) < 0);
    gn_net_free(net);
}

static void halos(void)
{
    struct gn_net_spec s = spec(GN_NORM_INSTANCE, 0);
    struct gn_pass pass;
    int good = 1, seen = 0;
    err.code = 0;
    if (gn_net_graph(&s, &loss, 1, patch, &pass, &err) < 0)
        return;
    for (int i = 0; i < pass.g->n; i++) {
        int halo[3];
        gn_graph_halo(pass.g, i, halo);
        if (gn_node_is(pass.g->node[i], "norm_apply")) { /* read by 3x3x3, or by 1x1x1 convolutions,
                                                            or through a concatenation */
            good &= halo[0] == 1 && halo[1] == 1 && halo[2] == 1;
            seen++;
        }
        if (gn_node_is(pass.g->node[i], "softmax"))
            good &= halo[0] == 0;
    }
    CHECK("a value has the halo its readers want", good && seen > 10);
    gn_pass_free(&pass);
}

int main(void)
{
    static const char *const devices[] = { "ref", "cpu" };
    data();
    for (int d = 0; d < 2; d++) {
        device = devices[d];
        printf("# device %s\n", device);
        memory();
        smaller_batch();
        dropout();
        skipped_step();
        resume("sgd");
        resume("adam");
        init();
        threads();
    }
    refusals();
    halos();
    return check_done();
}
