/* ops.h - the table's entries, one declaration an op; defined in op_*.c. backend/backend.h says
 * what each reads and writes. */
#ifndef GN_NN_OPS_H
#define GN_NN_OPS_H

#include "nn/graph.h"

extern const struct gn_op gn_op_conv, gn_op_conv_bwd_data, gn_op_conv_bwd_weight,
    gn_op_conv_bwd_bias; /* op_conv.c */
extern const struct gn_op gn_op_norm_sums, gn_op_norm_apply, gn_op_norm_bwd_sums,
    gn_op_norm_bwd; /* op_norm.c */
extern const struct gn_op gn_op_norm_stats, gn_op_norm_running, gn_op_norm_update, gn_op_norm_grad,
    gn_op_sums_reduce;
extern const struct gn_op gn_op_drop_mask, gn_op_scale, gn_op_leaky, gn_op_leaky_bwd,
    gn_op_add; /* op_act.c */
extern const struct gn_op gn_op_softmax, gn_op_softmax_bwd, gn_op_sigmoid, gn_op_sigmoid_bwd;
extern const struct gn_op gn_op_concat, gn_op_slice, gn_op_upsample,
    gn_op_upsample_bwd; /* op_shape.c */
extern const struct gn_op gn_op_loss_sums, gn_op_loss_bwd, gn_op_loss_value,
    gn_op_loss_coef; /* op_loss.c */
extern const struct gn_op gn_op_cel_sums, gn_op_cel_bwd, gn_op_cel_value, gn_op_cel_coef;

#endif
