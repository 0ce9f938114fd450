/* build.c - the words in which arch/ writes networks. */
#include "nn/build.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 128 };

static int fail(struct gn_build *b)
{
    b->failed = true;
    return -1;
}

static int find(const struct gn_build *b, const char *module, const char *leaf)
{
    char name[NAME + 32];
    snprintf(name, sizeof name, "%s.%s", module, leaf);
    for (int i = 0; i < b->g->n; i++)
        if (!b->g->node[i]->op && !strcmp(b->g->node[i]->name, name))
            return i;
    return -1;
}

static void declare(struct gn_build *b, const char *module, const char *leaf, enum gn_value value,
                    struct gn_dims dims, int rank)
{
    char name[NAME + 32];
    snprintf(name, sizeof name, "%s.%s", module, leaf);
    gn_graph_param(b->g, name, value, dims, rank);
}

#define MODULE(module, name)                                                                       \
    char module[NAME];                                                                             \
    va_list args;                                                                                  \
    va_start(args, name);                                                                          \
    vsnprintf(module, sizeof module, name, args);                                                  \
    va_end(args)

void gn_build_conv_params(struct gn_build *b, int64_t in, int64_t out, int kernel, const char *name,
                          ...)
{
    MODULE(module, name);
    int64_t depth = b->spec->dim == 3 ? kernel : 1;
    declare(b, module, "weight", GN_VAL_PARAM,
            (struct gn_dims){ { out, in, depth, kernel, kernel } }, 2 + b->spec->dim);
    declare(b, module, "bias", GN_VAL_PARAM, (struct gn_dims){ { out, 1, 1, 1, 1 } }, 1);
}

void gn_build_norm_params(struct gn_build *b, int64_t channels, const char *name, ...)
{
    MODULE(module, name);
    struct gn_dims dims = { { channels, 1, 1, 1, 1 } };
    if (b->spec->norm == GN_NORM_NONE)
        return;
    declare(b, module, "weight", GN_VAL_PARAM, dims, 1);
    declare(b, module, "bias", GN_VAL_PARAM, dims, 1);
    declare(b, module, "running_mean", GN_VAL_STATE, dims, 1);
    declare(b, module, "running_var", GN_VAL_STATE, dims, 1);
}

static int add(struct gn_build *b, const char *op, const char *name, const int *in, int n,
               const struct gn_attr *attr)
{
    for (int i = 0; i < n; i++)
        if (b->failed || (in[i] < 0 && i == 0))
            return fail(b);
    int id = b->failed ? -1 : gn_graph_add(b->g, op, name, in, n, attr, b->err);
    return id < 0 ? fail(b) : id;
}

int gn_build_conv(struct gn_build *b, int x, int stride, const char *name, ...)
{
    MODULE(module, name);
    int w = find(b, module, "weight"), bias = find(b, module, "bias");
    if (b->failed || w < 0)
        return fail(b);
    struct gn_attr attr = { .groups = 1 };
    for (int i = 0; i < 3; i++) {
        attr.kernel[i] = (int)b->g->node[w]->dims.d[2 + i];
        attr.stride[i] = i == 0 && b->spec->dim == 2 ? 1 : stride;
        attr.pad[i] = attr.kernel[i] / 2;
        attr.dilation[i] = 1;
    }
    return add(b, "conv", module, (int[]){ x, w, bias }, 3, &attr);
}

/* One norm's statistics serve every norm of the same value: a skip connection is read twice. */
static int once(struct gn_build *b, const char *op, const char *name, int in,
                const struct gn_attr *attr)
{
    for (int i = in + 1; i < b->g->n; i++) {
        const struct gn_node *node = b->g->node[i];
        if (gn_node_is(node, op) && node->in[0] == in && node->attr.mode == attr->mode)
            return i;
    }
    return add(b, op, name, &in, 1, attr);
}

static int norm_part(struct gn_build *b, int x, int64_t begin, double slope, const char *module)
{
    const struct gn_net_spec *spec = b->spec;
    bool batch = spec->norm == GN_NORM_BATCH,
         running = !b->g->training && (batch || spec->norm_running);
    int gamma = find(b, module, "weight"), beta = find(b, module, "bias");
    int mean = find(b, module, "running_mean"), var = find(b, module, "running_var"), stats,
        sums = -1;
    if (b->failed || x < 0 || gamma < 0)
        return fail(b);
    const struct gn_dims *d = &b->g->node[x]->dims;
    struct gn_attr attr = {
        .slope = slope,
        .eps = 1e-5,
        .momentum = 0.1,
        .begin = begin,
        .alpha = (double)gn_dims_voxels(d),
        .mode = running ? GN_STATS_RUNNING
                : batch ? GN_STATS_BATCH
                        : GN_STATS_INSTANCE,
    };
    if (running) {
        attr.dims = (struct gn_dims){ { 1, d->d[1], 2, 1, 1 } };
        stats = add(b, "norm_running", module, (int[]){ mean, var }, 2, &attr);
    } else {
        sums = once(b, "norm_sums", module, x, &attr);
        if (batch)
            sums = once(b, "sums_reduce", module, sums, &attr);
        stats = once(b, "norm_stats", module, sums, &attr);
    }
    int y = add(b, "norm_apply", module, (int[]){ x, stats, gamma, beta }, 4, &attr);
    if (b->g->training)
        for (attr.which = 0; attr.which < 2; attr.which++)
            add(b, "norm_update", module, (int[]){ sums, attr.which ? var : mean }, 2, &attr);
    return y;
}

int gn_build_norm(struct gn_build *b, const int *part, int n, double slope, const char *name, ...)
{
    MODULE(module, name);
    int y[GN_MAX_IN];
    int64_t begin = 0;
    if (b->failed)
        return -1;
    for (int i = 0; i < n; i++) {
        y[i] = norm_part(b, part[i], begin, slope, module);
        begin += y[i] < 0 ? 0 : b->g->node[part[i]]->dims.d[1];
    }
    if (b->failed)
        return -1;
    int gamma = find(b, module, "weight");
    if (b->g->node[gamma]->dims.d[0] != begin) {
        gn_err_set(b->err, "%s: normalises %lld channels, gets %lld", module,
                   (long long)b->g->node[gamma]->dims.d[0], (long long)begin);
        return fail(b);
    }
    return n == 1 ? y[0] : add(b, "concat", module, y, n, NULL);
}

int gn_build_dropout(struct gn_build *b, int x, double p)
{
    if (b->failed || !b->g->training || p <= 0)
        return x;
    const struct gn_dims *d = &b->g->node[x]->dims;
    struct gn_attr attr = { .p = p,
                            .layer = b->g->layers++,
                            .dims = { { d->d[0], d->d[1], 1, 1, 1 } } };
    const char *name = b->g->node[x]->name;
    int mask = gn_graph_add(b->g, "drop_mask", name, NULL, 0, &attr, b->err);
    return add(b, "scale", name, (int[]){ x, mask }, 2, &attr);
}

int gn_build_add(struct gn_build *b, int x, int y)
{
    return b->failed ? -1 : add(b, "add", b->g->node[x]->name, (int[]){ x, y }, 2, NULL);
}

int gn_build_concat(struct gn_build *b, const int *part, int n)
{
    return b->failed ? -1 : add(b, "concat", b->g->node[part[0]]->name, part, n, NULL);
}

int gn_build_upsample(struct gn_build *b, int x, int factor)
{
    struct gn_attr attr = { .scale = { b->spec->dim == 3 ? factor : 1, factor, factor } };
    if (b->failed || factor == 1)
        return x;
    return add(b, "upsample", b->g->node[x]->name, &x, 1, &attr);
}

int gn_build_final(struct gn_build *b, int x)
{
    struct gn_attr attr = { .alpha = b->spec->sigmoid_multiplier > 0 ? b->spec->sigmoid_multiplier
                                                                     : 1 };
    if (b->spec->final == GN_FINAL_NONE)
        return x;
    return add(b, b->spec->final == GN_FINAL_SOFTMAX ? "softmax" : "sigmoid", "final", &x, 1,
               &attr);
}
