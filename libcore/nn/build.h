/* build.h - the words in which arch/ writes networks.
 *
 * A block first declares its parameters in the order in which PyTorch's state_dict holds them, then
 * its forward names them. Errors are sticky: after the first one every call returns -1 and does
 * nothing. */
#ifndef GN_NN_BUILD_H
#define GN_NN_BUILD_H

#include "nn/graph.h"
#include "nn/net.h"

struct gn_build {
    struct gn_graph *g;
    const struct gn_net_spec *spec;
    struct gn_err *err;
    bool failed;
};

/* Declarations. name is a printf format for the module: "ds_%d.conv0". */
void gn_build_conv_params(struct gn_build *b, int64_t in, int64_t out, int kernel, const char *name,
                          ...) GN_PRINTF(5, 6);
void gn_build_norm_params(struct gn_build *b, int64_t channels, const char *name, ...)
    GN_PRINTF(3, 4);

/* Forward. Return the node, -1 after an error. Convolutions are padded by kernel / 2 and have a
 * bias. */
int gn_build_conv(struct gn_build *b, int x, int stride, const char *name, ...) GN_PRINTF(4, 5);
/* Norm of the concatenation of the parts, then leaky ReLU (slope 1: none). The parts are normalised
 * one by one (statistics are per channel) and concatenated afterwards, so the raw concatenation
 * never exists. */
int gn_build_norm(struct gn_build *b, const int *part, int n, double slope, const char *name, ...)
    GN_PRINTF(5, 6);
int gn_build_dropout(struct gn_build *b, int x,
                     double p); /* whole channels; nothing in evaluation or where p is 0 */
int gn_build_add(struct gn_build *b, int x, int y);
int gn_build_concat(struct gn_build *b, const int *part, int n);
int gn_build_upsample(struct gn_build *b, int x, int factor);
int gn_build_final(struct gn_build *b, int x); /* softmax, sigmoid or nothing, as the spec says */

#endif
