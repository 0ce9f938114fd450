/* net_describe.c - a network as text: layers, parameters, cost, receptive field, smallest patch,
 * memory. Nothing is allocated or computed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "nn/net_private.h"

/* 1234567 -> "1 234 567". */
static const char *grouped(int64_t v, char *out, size_t size)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)v), at = 0;
    for (int i = 0; i < n && at + 2 < (int)size; i++) {
        if (i && (n - i) % 3 == 0)
            out[at++] = ' ';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

/* What a reader of the table calls it. */
static void what(const struct gn_graph *g, const struct gn_node *node, char *out, size_t size)
{
    const struct gn_attr *a = &node->attr;
    bool flat = g->node[node->in[0]]->dims.d[2] == 1 && a->kernel[0] == 1;
    if (gn_node_is(node, "conv")) {
        int n = flat ? snprintf(out, size, "conv %dx%d", a->kernel[2], a->kernel[1])
                     : snprintf(out, size, "conv %dx%dx%d", a->kernel[2], a->kernel[1],
                                a->kernel[0]);
        if (a->stride[2] > 1)
            snprintf(out + n, size - (size_t)n, " stride %d", a->stride[2]);
    } else if (gn_node_is(node, "norm_apply")) {
        snprintf(out, size, "%s norm%s",
                 a->mode == GN_STATS_INSTANCE ? "instance"
                 : a->mode == GN_STATS_BATCH  ? "batch"
                                              : "running",
                 a->slope < 1 ? ", leaky ReLU" : "");
    } else if (gn_node_is(node, "upsample")) {
        snprintf(out, size, "linear x%d", a->scale[2]);
    } else if (gn_node_is(node, "scale")) {
        snprintf(out, size, "dropout %g", g->node[node->in[1]]->attr.p);
    } else {
        snprintf(out, size, "%s", node->op->name);
    }
}

/* Parameters that this node is the first to read. A part of a concatenated norm counts its own
 * channels. */
static int64_t parameters(const struct gn_graph *g, const struct gn_node *node)
{
    int64_t n = 0;
    for (int i = 0; i < node->n_in; i++) {
        const struct gn_node *in = node->in[i] < 0 ? NULL : g->node[node->in[i]];
        if (in && in->value == GN_VAL_PARAM)
            n += gn_node_is(node, "norm_apply") ? node->dims.d[1] : gn_dims_count(&in->dims);
    }
    return n;
}

/* How far one output voxel sees along the axis, in input voxels (norms aside); step: input voxels
 * between neighbours. */
static double receptive_field(const struct gn_graph *g, int out, int axis)
{
    double *field = gn_alloc((size_t)g->n * sizeof *field),
           *step = gn_alloc((size_t)g->n * sizeof *step), result;
    for (int i = 0; i <= out; i++) {
        const struct gn_node *node = g->node[i];
        field[i] = step[i] = 1;
        if (!node->op || node->value != GN_VAL_ACT)
            continue;
        field[i] = 0;
        for (int k = 0; k < node->n_in; k++)
            if (node->in[k] >= 0 && g->node[node->in[k]]->value == GN_VAL_ACT &&
                field[node->in[k]] > field[i]) {
                field[i] = field[node->in[k]];
                step[i] = step[node->in[k]];
            }
        if (gn_node_is(node, "conv")) {
            field[i] += step[i] * (node->attr.kernel[axis] - 1) * node->attr.dilation[axis];
            step[i] *= node->attr.stride[axis];
        } else if (gn_node_is(node, "upsample") && node->attr.scale[axis] > 1) {
            field[i] += step[i];
            step[i] /= node->attr.scale[axis];
        }
    }
    result = field[out];
    free(field);
    free(step);
    return result;
}

static void add_smallest(const struct gn_net_spec *spec, const struct gn_loss_spec *loss,
                         int64_t batch, struct gn_str *out)
{
    int64_t side[2] = { 0, 0 };
    for (int training = 0; training < 2; training++)
        for (int64_t s = 1; s <= 4096 && !side[training]; s++) {
            int64_t p[3] = { s, s, spec->dim == 3 ? s : 1 };
            struct gn_err err = { 0 };
            struct gn_pass pass;
            if (gn_net_check(spec, p, &err) == 0 &&
                gn_net_graph(spec, training ? loss : NULL, batch, p, &pass, &err) == 0) {
                side[training] = s;
                gn_pass_free(&pass);
            }
        }
    gn_str_addf(out, "smallest patch\t%lld a side", (long long)side[0]);
    if (side[1] != side[0])
        gn_str_addf(out, " (%lld in training: a norm needs more than one voxel)",
                    (long long)side[1]);
    gn_str_add(out, "\n");
}

static int add_memory(const struct gn_net_spec *spec, const struct gn_loss_spec *loss,
                      int64_t batch, const int64_t patch[3], size_t parameters, struct gn_str *out,
                      struct gn_err *err)
{
    const struct gn_backend *be = gn_backends[0];
    for (int i = 0; gn_backends[i]; i++)
        if (!strcmp(gn_backends[i]->name, "cpu"))
            be = gn_backends[i];
    size_t bytes[2] = { parameters * 4,
                        parameters * 16 }; /* training: gradient and Adam's two arrays */
    for (int training = 0; training < 2; training++) {
        struct gn_pass pass;
        struct gn_err why = { 0 };
        if (gn_net_graph(spec, training ? loss : NULL, batch, patch, &pass, training ? &why : err) <
            0) {
            if (!training)
                return -1;
            gn_str_addf(out, "training\tnot at this size: %s\n", why.text);
            return 0;
        }
        if (gn_pass_plan(&pass, be, 0, err) < 0) {
            gn_pass_free(&pass);
            return -1;
        }
        bytes[training] += pass.plan.arena_bytes +
                           (be->state_bytes ? be->state_bytes(&pass.plan) : 0);
        gn_pass_free(&pass);
        gn_str_addf(out, "%s memory\t%.1f MiB (device %s, batch %lld%s)\n",
                    training ? "training" : "inference", (double)bytes[training] / 1048576,
                    be->name, (long long)batch, training ? ", adam" : "");
    }
    return 0;
}

int gn_net_describe(const struct gn_net_spec *spec, int64_t batch, const int64_t patch[3],
                    struct gn_str *out, struct gn_err *err)
{
    const struct gn_loss_spec loss = { .name = "dc", .ignore = -1 };
    struct gn_pass pass;
    struct gn_err why = { 0 };
    int64_t total = 0;
    double flops = 0;
    char op[64], shape[96], a[48], b[48];
    /* The training graph shows its dropout too; where it cannot be built, the other. */
    if (gn_net_graph(spec, &loss, batch, patch, &pass, &why) < 0 &&
        gn_net_graph(spec, NULL, batch, patch, &pass, err) < 0)
        return -1;
    const struct gn_graph *g = pass.g;
    const struct gn_dims *in = &g->node[pass.input]->dims;
    gn_str_addf(out, "%-16s %-28s %-22s %14s %14s\n", "layer", "op", "output (C x y z)",
                "parameters", "MFLOP a patch");
    for (int i = 0; i < g->n && i <= pass.out; i++) {
        const struct gn_node *node = g->node[i];
        if (!node->op || node->value != GN_VAL_ACT)
            continue;
        int64_t n = parameters(g, node);
        double f = node->op->flops ? node->op->flops(g, node) / (double)batch : 0;
        what(g, node, op, sizeof op);
        int len = snprintf(shape, sizeof shape, "%lld  %lldx%lld", (long long)node->dims.d[1],
                           (long long)node->dims.d[4], (long long)node->dims.d[3]);
        if (spec->dim == 3)
            snprintf(shape + len, sizeof shape - (size_t)len, "x%lld", (long long)node->dims.d[2]);
        snprintf(b, sizeof b, "%.1f", f / 1e6);
        gn_str_addf(out, "%-16s %-28s %-22s %14s %14s\n", node->name, op, shape,
                    n ? grouped(n, a, sizeof a) : "", f > 0 ? b : "");
        flops += f;
    }
    for (int i = 0; i < g->n; i++)
        if (g->node[i]->value == GN_VAL_PARAM)
            total += gn_dims_count(&g->node[i]->dims);
    gn_str_addf(out, "\nparameters\t%s\n", grouped(total, a, sizeof a));
    gn_str_addf(out, "forward\t%.2f GFLOP a patch of %lldx%lldx%lld\n", flops / 1e9,
                (long long)in->d[4], (long long)in->d[3], (long long)in->d[2]);
    gn_str_addf(out, "receptive field\t%.0f voxels a side (norms aside)\n",
                receptive_field(g, pass.out, 2));
    gn_pass_free(&pass);
    add_smallest(spec, &loss, batch, out);
    return add_memory(spec, &loss, batch, patch, (size_t)total, out, err);
}
