/* backend.h - a backend is a table of functions over a plan's steps.
 *
 * `ref` is naive, stores and computes in double, and judges the others; `cpu` is blocked, threaded
 * float32. A step that a fast backend has no kernel for is an error naming the op, never a silent
 * fall-back.
 *
 * Rules for kernels
 * - A step writes its ACT output whole for items 0..x->n-1: halo zeros and channel-padding zeros
 *   included. Memory is reused, so it holds garbage before. Reads see zeros there.
 * - The halo of a value (gn_graph_halo) is what conv, conv_bwd_data and conv_bwd_weight want to
 *   read beyond the border; no other op needs one.
 * - The item stride comes from the layout (views), the number of items from x->n.
 * - A result may stand where an input stood (inplace): read an element before writing it.
 * - The same bits for any number of threads: cut by shape alone.
 * - SUMS are double, dense, row-major in the node's dims. Those with an N axis are written for
 *   items 0..x->n-1 only.
 *
 * Ops with ACT or LABEL operands (what a backend implements): op, inputs, value. x, y, p, z: ACT;
 * W, b, gamma, beta: PARAM; S, M, T, K: SUMS; L: LABEL. [a] may be -1.
 *
 *   conv             x, W, [b]      y = W * x + b; kernel, stride, pad, dilation, groups
 *   conv_bwd_data    dy, W          dx of attr.dims; same attributes
 *   conv_bwd_weight  x, dy          GRAD dW over items 0..n-1
 *   conv_bwd_bias    dy             GRAD db
 *   norm_sums        x              S (N,C,2): sum x, sum x^2 of each item and channel
 *   norm_apply       x, M, [gamma], [beta]
 *       y = leaky(gamma' xhat + beta', slope), xhat = (x - mean) rstd; M (G,C,2) = mean, rstd with
 *       G = 1 or N; gamma'[c] = gamma[begin + c] (left out: 1, 0)
 *   norm_bwd_sums    x, dy, M, [gamma], [beta]
 *       S (N,C,2): sum dz, sum dz xhat; dz = dy, times slope where gamma' xhat + beta' < 0
 *   norm_bwd         x, dy, M, [gamma], [beta], [T]
 *       dx = gamma' rstd (dz - T0/m - xhat T1/m); T (G,C,2) as norm_bwd_sums' S; m = voxels (mode
 *       INSTANCE) or voxels * x->n_total (BATCH). T = -1 (RUNNING): gamma' rstd dz
 *   scale            x, S (N,C)     y[n][c] = x[n][c] S[n][c]: channel dropout, both directions
 *   leaky            x              y = x < 0 ? slope x : x
 *   leaky_bwd        x, dy          dx = x < 0 ? slope dy : dy
 *   add              a, b           a + b
 *   concat           x0, x1, ...    channels one after the other (not in the plan where views do)
 *   slice            x              channels begin .. begin + dims.C - 1 (a view where possible)
 *   upsample         x              linear, align_corners = true, factor scale[3] (1 to 16)
 *   upsample_bwd     dy             dx of attr.dims: the transposed map
 *   softmax          x              over channels
 *   softmax_bwd      y, dy          y (dy - sum_c y dy)
 *   sigmoid          x              1 / (1 + exp(-alpha x))
 *   sigmoid_bwd      y, dy          alpha y (1 - y) dy
 *   loss_sums        p, L           S (N,C,4): sum p t, sum p, sum t, sum bce(p, t); t = bit c of
 *       L. mode (enum gn_bce): NONE (write 0);
 *       PROB: -(t ln p + (1-t) ln(1-p)), logarithms >= -100; slope (p-t) / max(p(1-p), 1e-12);
 *       LOGITS: max(p,0) - p t + ln(1 + exp(-|p|)); slope sigmoid(p) - t
 *   loss_bwd         p, L, K (C,3)  dp = K[c][0] + K[c][1] t + K[c][2] slope of bce
 *   cel_sums         z, L           S (N,1,2): sum w_k (logsumexp z - z_k), sum w_k; k = lowest bit
 *       of L (none: skip the voxel); w = weights (NULL: 1)
 *   cel_bwd          z, L, K (1)    dz_c = K[0] w_k (softmax(z)_c - (c == k)); 0 where L is 0
 *
 * All other ops are small (gn_op.small): the plan runs them on the host for every backend.
 *
 *   drop_mask        -              S (N,C): 0 or 1/(1-p), by (seed; item's place; layer, channel)
 *   sums_reduce      S (N,...)      S (1,...): over items 0..n-1 in order, then over ranks
 *   norm_stats       S (G,C,2)      M (G,C,2): mean, 1 / sqrt(biased variance + eps)
 *   norm_running     mean, var      M (1,C,2) from STATEs
 *   norm_update      S, STATE       running mean (which 0) or variance (1): (1-momentum) r +
 *                                   momentum s
 *   norm_grad        S (N,C,2) ...  GRAD of beta (which 0) or gamma (1): sum over items; several
 *                                   parts of a concatenation
 *   loss_coef, cel_coef             K of loss_bwd, cel_bwd
 *   loss_value, cel_value           S (1): the loss
 *
 * Joining steps: can_fuse is asked only where the node reads the step's result so far, all its
 * other inputs exist before the step, and, unless it is norm_sums, no one else reads that result.
 * Worth having: conv + scale + add + norm_sums; conv_bwd_data + add; norm_bwd + add + scale.
 */
#ifndef GN_BACKEND_BACKEND_H
#define GN_BACKEND_BACKEND_H

#include "nn/plan.h"

struct gn_backend {
    const char *name; /* "cpu", "ref" */
    size_t element;   /* bytes of an element of activations, parameters, gradients: 4 or 8 */
    /* Fill blocked, halo, bytes, item of an ACT node. */
    void (*layout)(const struct gn_graph *g, int node, struct gn_layout *layout);
    /* May `part` (an input of the concat `whole`, or a slice of it) at channel `begin` be a view of
     * `whole`, laid out as given? Sets start. */
    bool (*view)(const struct gn_graph *g, int whole, const struct gn_layout *layout, int part,
                 int64_t begin, size_t *start);
    /* May the step write its result over the value of `input`, one of its nodes' inputs, which dies
     * here? Layouts are equal already. NULL: never. */
    bool (*inplace)(const struct gn_graph *g, const struct gn_step *step, int input);
    /* May `node` join the step? NULL: never. */
    bool (*can_fuse)(const struct gn_graph *g, const struct gn_step *step, int node);
    /* Bytes of scratch for the step; NULL: none. */
    size_t (*scratch)(const struct gn_plan *plan, const struct gn_step *step);
    bool (*supports)(const struct gn_graph *g, int node);
    int (*run)(struct gn_exec *x, const struct gn_step *step, struct gn_err *err);
    /* Host float arrays, dense N C D H W, x->n items, to and from an ACT value. */
    void (*import)(struct gn_exec *x, int node, const float *from);
    void (*export)(struct gn_exec *x, int node, float *to);
    /* Per plan: packed weights and the like; NULL: no state. bytes: what state_new will take. */
    size_t (*state_bytes)(const struct gn_plan *plan);
    void *(*state_new)(const struct gn_plan *plan);
    void (*state_free)(void *state);
    void (*params_changed)(void *state); /* parameters were written: pack again before use */
};

extern const struct gn_backend gn_backend_ref, gn_backend_cpu;

/* NULL-terminated; one line a backend, in backend/backends.c. */
extern const struct gn_backend *const gn_backends[];

#endif
