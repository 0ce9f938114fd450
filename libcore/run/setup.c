/* setup.c - see setup.h */
#include "run/setup.h"

#include <stdlib.h>
#include <string.h>

static int final_from_name(const char *name, enum gn_final *final)
{
    if (!strcmp(name, "softmax"))
        *final = GN_FINAL_SOFTMAX;
    else if (!strcmp(name, "sigmoid"))
        *final = GN_FINAL_SIGMOID;
    else if (!strcmp(name, "none"))
        *final = GN_FINAL_NONE;
    else
        return -1;
    return 0;
}

int gn_setup_from_config(struct gn_setup *s, const struct gn_config *c, int channels,
                         struct gn_err *err)
{
    memset(s, 0, sizeof *s);
    if (c->channels && channels != c->channels)
        return gn_err_set(err, "model.num_channels is %d but the data have %d channel%s",
                          c->channels, channels, channels == 1 ? "" : "s");
    if (c->n_classes < 1)
        return gn_err_set(err, "model.class_list: a segmentation network needs it");

    s->net.arch = c->architecture;
    s->net.dim = c->dimension;
    s->net.channels = channels;
    s->net.classes = c->n_classes;
    s->net.base_filters = c->base_filters;
    s->net.depth = c->depth;
    s->net.norm = !strcmp(c->norm_type, "batch")      ? GN_NORM_BATCH
                  : !strcmp(c->norm_type, "instance") ? GN_NORM_INSTANCE
                                                      : GN_NORM_NONE;
    s->net.norm_running = !strcmp(c->norm_eval, "running");
    if (final_from_name(c->final_layer, &s->net.final) < 0)
        return gn_err_set(err, "model.final_layer: '%s' is not for segmentation", c->final_layer);
    s->net.sigmoid_multiplier = c->sigmoid_multiplier;
    s->net.dropout = 0.5;

    s->classes = gn_alloc((size_t)c->n_classes * sizeof *s->classes);
    for (int k = 0; k < c->n_classes; k++) {
        s->classes[k].n = c->classes[k].n;
        memcpy(s->classes[k].value, c->classes[k].value, sizeof s->classes[k].value);
    }
    s->loss.name = c->loss;
    s->loss.class_list = s->classes;
    s->loss.weights = c->weighted_loss ? c->penalty_weights : NULL;
    s->loss.ignore = c->ignore_label;

    if (gn_optim_defaults(c->optimizer, &s->optim, err) < 0)
        return -1;
    s->optim.momentum = c->momentum;
    s->optim.dampening = c->dampening;
    s->optim.weight_decay = c->weight_decay;
    s->optim.beta1 = c->beta1;
    s->optim.beta2 = c->beta2;
    s->optim.eps = c->eps;
    s->optim.nesterov = c->nesterov;
    s->optim.amsgrad = c->amsgrad;
    s->optim.clip = c->clip_grad;
    s->optim.clip_mode = c->clip_mode;

    s->schedule.name = c->scheduler;
    s->schedule.min_lr = c->sched_min_lr;
    s->schedule.max_lr = c->sched_max_lr;
    s->schedule.step_size = c->sched_step_size;
    s->schedule.gamma = c->sched_gamma;
    return 0;
}

void gn_setup_free(struct gn_setup *s)
{
    free(s->classes);
    memset(s, 0, sizeof *s);
}

bool gn_class_is_background(const struct gn_class *c)
{
    return c->n == 1 && c->value[0] == 0;
}

bool gn_class_has(const struct gn_class *c, int32_t label)
{
    for (int i = 0; i < c->n; i++)
        if (c->value[i] == label)
            return true;
    return false;
}
