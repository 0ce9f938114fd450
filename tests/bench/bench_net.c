/* bench_net.c - whole networks: a training step, a forward pass.
 *
 *   train ARCH DIM CHANNELS CLASSES BASE SIDE BATCH NORM   forward, dcce, backward, SGD, momentum
 *   infer ...                                              forward in evaluation mode, softmax
 *
 * SIDE is that of a cube (DIM 3) or a square; WORK is the FLOP of the graph. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "nn/net_private.h"
#include "peak.h"
#include "serve.h"

static struct {
    char line[1024];
    struct gn_net *net;
    struct gn_class *classes;
    float *x, *y;
    int32_t *label;
    struct gn_net_item *items;
    int64_t batch;
    bool training;
    double flop;
} now;

static void forget(void)
{
    gn_net_free(now.net);
    free(now.classes);
    free(now.x);
    free(now.y);
    free(now.label);
    free(now.items);
    memset(&now, 0, sizeof now);
}

static int prepare(const char *line, struct gn_err *err)
{
    char what[16], arch[32], norm[16];
    int dim, channels, classes, base, side, batch;
    uint32_t s = 1;

    forget();
    if (sscanf(line, "%15s %31s %d %d %d %d %d %d %15s", what, arch, &dim, &channels, &classes,
               &base, &side, &batch, norm) != 9)
        return gn_err_set(err, "not a case: %s", line);
    now.training = !strcmp(what, "train");
    now.batch = batch;
    struct gn_net_spec spec = { .arch = arch, .dim = dim, .channels = channels, .classes = classes,
                                .base_filters = base, .depth = 4, .sigmoid_multiplier = 1,
                                .norm = !strcmp(norm, "batch") ? GN_NORM_BATCH : GN_NORM_INSTANCE,
                                .final = GN_FINAL_SOFTMAX };
    struct gn_optim_spec optim = { .name = "sgd", .momentum = 0.9 };
    int64_t patch[3] = { side, side, dim == 3 ? side : 1 };
    int64_t voxels = batch * patch[0] * patch[1] * patch[2];

    now.classes = gn_alloc((size_t)classes * sizeof *now.classes);
    for (int k = 0; k < classes; k++)
        now.classes[k] = (struct gn_class){ .value = { k }, .n = 1 };
    struct gn_loss_spec loss = { .name = "dcce", .class_list = now.classes, .ignore = -1 };

    now.net = gn_net_new(&spec, &loss, &optim, now.training, "cpu", batch, patch, 0, err);
    if (!now.net)
        return -1;
    gn_net_init(now.net, 1);
    now.x = gn_alloc((size_t)(voxels * channels) * sizeof *now.x);
    now.y = gn_alloc((size_t)(voxels * classes) * sizeof *now.y);
    now.label = gn_alloc((size_t)voxels * sizeof *now.label);
    now.items = gn_alloc((size_t)batch * sizeof *now.items);
    for (int64_t i = 0; i < voxels * channels; i++) {
        s = s * 1664525u + 1013904223u;
        now.x[i] = (float)(s >> 8) / (1 << 23) - 1;
    }
    for (int64_t i = 0; i < voxels; i++)
        now.label[i] = (int32_t)(i / (voxels / classes + 1));
    for (int i = 0; i < batch; i++)
        now.items[i] = (struct gn_net_item){ "s", 0, (uint32_t)i };
    const struct gn_graph *g = now.training ? now.net->train.g : now.net->eval.g;
    for (int i = 0; i < g->n; i++)
        if (g->node[i]->op && g->node[i]->op->flops)
            now.flop += g->node[i]->op->flops(g, g->node[i]);
    snprintf(now.line, sizeof now.line, "%s", line);
    return 0;
}

static double run(const char *line, double *work)
{
    struct gn_err err = { 0 };
    bool skipped = false;
    double loss = 0, t;
    int rc;

    if (strcmp(line, now.line) != 0 && prepare(line, &err) < 0)
        goto fail;
    t = bench_now();
    if (now.training)
        rc = gn_net_step(now.net, now.batch, now.x, now.label, now.items, 1, 0.01, &loss, NULL,
                         &skipped, &err);
    else
        rc = gn_net_forward(now.net, now.batch, now.x, now.y, &err);
    t = bench_now() - t;
    *work = now.flop;
    if (rc == 0 && !skipped)
        return t;
    gn_err_set(&err, "the loss is not finite");
fail:
    fprintf(stderr, "bench_net: %s: %s\n", line, err.text);
    return -1;
}

int main(int argc, char **argv)
{
    gn_pool_start(argc > 1 ? atoi(argv[1]) : 2);
    int rc = bench_serve(run);
    forget();
    gn_pool_stop();
    return rc;
}
