/* net.h - a whole network on a backend: what gn-train and gn-infer hold.
 *
 * Built from a specification alone; shapes, memory and costs are known before any data is read.
 * Host arrays are float32 N C D H W (labels int32 N D H W holding class label values), parameters
 * are float32 (the master copy) in PyTorch's order and names.
 */
#ifndef GN_NN_NET_H
#define GN_NN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/tensor.h"

enum gn_norm { GN_NORM_NONE, GN_NORM_BATCH, GN_NORM_INSTANCE };
enum gn_final { GN_FINAL_NONE, GN_FINAL_SOFTMAX, GN_FINAL_SIGMOID };

/* A class of class_list: the label values that belong to it ("1||4" has two). */
struct gn_class {
    int64_t value[32];
    int n;
};

struct gn_net_spec {
    const char *arch; /* "unet", "resunet" ...: a name of gn_archs[] */
    int dim;          /* 2 or 3 */
    int channels, classes;
    int base_filters; /* 32 */
    int depth;        /* 4; only *_multilayer */
    enum gn_norm norm;
    bool norm_running; /* evaluation uses running statistics for instance norm too (norm_eval:
                          running); batch norm always does */
    enum gn_final final;
    double sigmoid_multiplier; /* 1 */
    double dropout;            /* 0.5: channel dropout of the U-Net encoder */
};

struct gn_loss_spec {
    const char *name; /* "dc", "dc_log", "dcce", "ce", "cel" ...: a name of gn_losses[] */
    const struct gn_class *class_list; /* spec.classes entries; borrowed for the life of the net */
    const double *weights;             /* penalty weights, spec.classes of them, or NULL */
    int ignore;                        /* ignore_label_validation position or -1 (metrics only) */
};

struct gn_optim_spec {
    const char *name; /* "sgd", "adam", "adamw" */
    double momentum, dampening, weight_decay, beta1, beta2, eps;
    bool nesterov, amsgrad;
    double clip;           /* 0: off */
    const char *clip_mode; /* "norm" or "value" */
};
/* GaNDLF's defaults for the optimiser of that name (objectives 5); -1: unknown name, error names
 * the nearest. */
int gn_optim_defaults(const char *name, struct gn_optim_spec *o, struct gn_err *err) GN_MUST_USE;

struct gn_schedule_spec {
    const char *name;                        /* "constant", "triangle_modified", ... */
    double min_lr, max_lr, step_size, gamma; /* step_size 0: GaNDLF's default, a constant rate */
};
/* Learning rate of an epoch (from 0): a pure function. objectives 6. */
double gn_schedule_rate(const struct gn_schedule_spec *s, double learning_rate, int64_t epoch);

/* Names for messages, --help and the config schema; NULL-terminated. */
extern const char *const gn_arch_names[], *const gn_loss_names[], *const gn_optim_names[],
                                                                      *const gn_schedule_names[];

/* Refuses a spec, and a patch (x y z) the architecture cannot take, before anything is built; the
 * message names the smallest multiple or side that helps. */
int gn_net_check(const struct gn_net_spec *spec, const int64_t patch[3],
                 struct gn_err *err) GN_MUST_USE;
/* The same for training in batches: also refuses a loss that final_layer does not go with, and a
 * norm left with a single value behind a statistic. Plans nothing, costs milliseconds. */
int gn_net_check_training(const struct gn_net_spec *spec, const struct gn_loss_spec *loss,
                          int64_t batch, const int64_t patch[3], struct gn_err *err) GN_MUST_USE;

struct gn_net;

/* mode training: forward, loss, backward, optimiser; else evaluation only. batch, patch (x y z) are
 * the largest a call may bring; a smaller batch is accepted by every call. device "cpu" or "ref".
 * memory: bytes the arena may take, 0 no limit; what will not fit is refused with the number that
 * would. Parameters are uninitialised until gn_net_init or gn_net_param writes. */
struct gn_net *gn_net_new(const struct gn_net_spec *spec, const struct gn_loss_spec *loss,
                          const struct gn_optim_spec *optim, bool training, const char *device,
                          int64_t batch, const int64_t patch[3], uint64_t memory,
                          struct gn_err *err) GN_MUST_USE;
void gn_net_free(struct gn_net *net);
size_t gn_net_peak_bytes(
    const struct gn_net *net); /* arena + parameters + optimiser state, known from the plan */

/* PyTorch's default initialisation (networks 3), drawn by (seed, parameter name): independent of
 * order and threads. */
void gn_net_init(struct gn_net *net, uint64_t seed);

/* Parameters and running statistics in state order; data is float32, dense, writable between calls.
 * trainable: false for running statistics. optim[k], k < n_optim: the optimiser's state arrays for
 * it (NULL before the first step). */
struct gn_net_param {
    const char *name;
    struct gn_tensor tensor; /* rank and shape as in PyTorch */
    bool trainable;
    float *optim[3];
};
int gn_net_params(struct gn_net *net,
                  struct gn_net_param **params); /* count; array borrowed from the net */
void gn_net_params_changed(
    struct gn_net *net); /* after writing to them: packed copies are made again */
const char *gn_net_optim_array_name(const struct gn_net *net,
                                    int k); /* "exp_avg", "momentum_buffer"..., NULL past the end */
int64_t gn_net_steps(const struct gn_net *net); /* optimiser steps taken (Adam's t) */
void gn_net_set_steps(struct gn_net *net, int64_t steps);

/* Places of a batch's items, for dropout's draws: (seed; epoch, sample, patch), layer and channel
 * are added inside. */
struct gn_net_item {
    const char *sample;
    uint32_t epoch, patch;
};

/* One training step on n <= batch items: forward, loss, backward, and, if learning_rate >= 0, the
 * update (< 0: gradients only). x (n,C,D,H,W), label (n,D,H,W). loss: the batch's value. prob, if
 * not NULL: the network's output after its final layer, (n,classes,D,H,W). A loss that is not
 * finite leaves the parameters untouched (*skipped = true). */
int gn_net_step(struct gn_net *net, int64_t n, const float *x, const int32_t *label,
                const struct gn_net_item *items, uint64_t seed, double learning_rate, double *loss,
                float *prob, bool *skipped, struct gn_err *err) GN_MUST_USE;
/* Gradient of parameter i after a step; float32 dense, valid until the next call. */
const float *gn_net_gradient(struct gn_net *net, int param);
double gn_net_gradient_norm(struct gn_net *net); /* global L2 before clipping */

/* Evaluation mode: y (n,classes,D,H,W) after the final layer. Also legal on a training net
 * (evaluates with running statistics as the spec says; the two share parameters). */
int gn_net_forward(struct gn_net *net, int64_t n, const float *x, float *y,
                   struct gn_err *err) GN_MUST_USE;

/* Loss of a whole volume outside the graph (validation): prob (classes, voxels), label (voxels)
 * with the same formula in double. */
double gn_loss_value(const struct gn_net_spec *spec, const struct gn_loss_spec *loss,
                     const float *prob, const int32_t *label, int64_t voxels);

/* Text for gn-model show: one line a layer (name, op, output shape, parameters, FLOPs), totals,
 * smallest patch, receptive field, peak memory in training and inference. */
int gn_net_describe(const struct gn_net_spec *spec, int64_t batch, const int64_t patch[3],
                    struct gn_str *out, struct gn_err *err) GN_MUST_USE;

#endif
