/* net_update.c - what happens to parameters after the backward pass: gradient norm, clipping, the
 * optimiser. Work is cut by shape, so the bits do not depend on the number of threads. */
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/pool.h"
#include "nn/net_private.h"

enum { CHUNK = 65536, LANES = 16 };

/* Pieces of at most CHUNK elements, each of one trainable parameter. */
struct piece {
    size_t at, n;
};

struct job {
    struct gn_net *net;
    struct piece *piece;
    size_t n;
    double *sum;
    double rate, scale, limit;
};

static void cut(struct gn_net *net, struct job *job)
{
    size_t cap = net->elements / CHUNK + (size_t)net->n_params + 1;
    job->net = net;
    job->piece = gn_alloc(cap * sizeof *job->piece);
    job->sum = gn_alloc(cap * sizeof *job->sum);
    for (int k = 0; k < net->n_params; k++) {
        size_t count = (size_t)gn_tensor_count(&net->param[k].tensor);
        for (size_t at = 0; net->param[k].trainable && at < count; at += CHUNK)
            job->piece[job->n++] = (struct piece){ net->offset[k] + at,
                                                   count - at < CHUNK ? count - at : CHUNK };
    }
}

static void uncut(struct job *job)
{
    free(job->piece);
    free(job->sum);
}

static void square_piece(void *arg, size_t i, int thread)
{
    struct job *job = arg;
    const struct piece *p = &job->piece[i];
    double lane[LANES] = { 0 }, sum = 0;
    (void)thread;
    for (size_t k = 0; k < p->n; k++) {
        double g = job->net->wide ? ((double *)job->net->grad)[p->at + k]
                                  : (double)((float *)job->net->grad)[p->at + k];
        lane[k % LANES] += g * g;
    }
    for (int k = 0; k < LANES; k++)
        sum += lane[k];
    job->sum[i] = sum;
}

double gn_net_gradient_norm(struct gn_net *net)
{
    struct job job = { 0 };
    double sum = 0;
    cut(net, &job);
    gn_pool_run(job.n, square_piece, &job);
    for (size_t i = 0; i < job.n; i++)
        sum += job.sum[i];
    uncut(&job);
    return sqrt(sum);
}

static void update_piece(void *arg, size_t i, int thread)
{
    struct job *job = arg;
    struct gn_net *net = job->net;
    size_t at = job->piece[i].at, n = job->piece[i].n;
    (void)thread;
    if (!net->wide) {
        float *s[3];
        for (int k = 0; k < 3; k++)
            s[k] = net->moment[k] ? net->moment[k] + at : NULL;
        gn_optim_float(&net->optim, &net->optim_spec, net->steps, job->rate, job->scale, job->limit,
                       net->master + at, (float *)net->grad + at, s, n);
        return;
    }
    double *s[3];
    for (int k = 0; k < 3; k++) {
        s[k] = net->wide_moment[k] ? net->wide_moment[k] + at : NULL;
        for (size_t e = 0; s[k] && !net->exact && e < n; e++)
            s[k][e] = (double)net->moment[k][at + e];
    }
    gn_optim_double(&net->optim, &net->optim_spec, net->steps, job->rate, job->scale, job->limit,
                    net->wide + at, (double *)net->grad + at, s, n);
    for (int k = 0; k < 3; k++)
        for (size_t e = 0; s[k] && e < n; e++)
            net->moment[k][at + e] = (float)s[k][e];
    for (size_t e = 0; e < n; e++) {
        net->master[at + e] = (float)net->wide[at + e];
        if (!net->exact)
            net->wide[at + e] = (double)net->master[at + e];
    }
}

void gn_net_sync_states(struct gn_net *net)
{
    for (int k = 0; net->wide && k < net->n_params; k++)
        for (int64_t e = 0; !net->param[k].trainable && e < gn_tensor_count(&net->param[k].tensor);
             e++) {
            size_t at = net->offset[k] + (size_t)e;
            net->master[at] = (float)net->wide[at];
            if (!net->exact)
                net->wide[at] = (double)net->master[at];
        }
}

void gn_net_update(struct gn_net *net, double rate, double norm)
{
    const struct gn_optim_spec *spec = &net->optim_spec;
    bool by_value = spec->clip_mode && !strcasecmp(spec->clip_mode, "value");
    struct job job = { .rate = rate, .scale = 1 };
    if (spec->clip > 0 && by_value)
        job.limit = spec->clip;
    else if (spec->clip > 0 && spec->clip / (norm + 1e-6) < 1)
        job.scale = spec->clip / (norm + 1e-6);
    gn_net_set_steps(net, net->steps + 1);
    cut(net, &job);
    gn_pool_run(job.n, update_piece, &job);
    uncut(&job);
    if (net->backend->params_changed) {
        net->backend->params_changed(net->eval.x.state);
        net->backend->params_changed(net->train.x.state);
    }
}

const float *gn_net_gradient(struct gn_net *net, int param)
{
    size_t at = net->offset[param];
    if (!net->param[param].trainable)
        return NULL;
    if (!net->wide)
        return (float *)net->grad + at;
    for (int64_t e = 0; e < gn_tensor_count(&net->param[param].tensor); e++)
        net->grad_view[at + (size_t)e] = (float)((double *)net->grad)[at + (size_t)e];
    return net->grad_view + at;
}
