/* loss.h - losses as functions of a few sums per class, so that any batch, volume or set of ranks
 * gives the same formula.
 *
 * With sums S[k] = { sum p t, sum p, sum t, sum bce(p, t) } over all items and voxels, a loss is
 * value(S) and its derivative at a voxel is K[k][0] + K[k][1] t + K[k][2] dbce(p, t)/dp. */
#ifndef GN_NN_LOSS_H
#define GN_NN_LOSS_H

#include "nn/graph.h"
#include "nn/net.h"

struct gn_loss_form {
    const char *name;
    const char *alias[4]; /* other spellings, NULL-terminated */
    /* Score of one class (1 is best) from its sums over count voxels; d: derivatives by sum p and
     * by sum p t. NULL: no such term. */
    double (*score)(const double s[4], double count, double d[2]);
    bool log; /* -ln(score + eps) instead of 1 - score */
    enum gn_bce bce;
    bool cel; /* softmax cross-entropy of raw scores, class index target: cel_sums instead */
};

const struct gn_loss_form *
gn_loss_find(const char *name, struct gn_err *err); /* NULL: unknown, the error names the nearest */

/* sums (C,4) over count voxels; weights of the classes or NULL (then the mean over classes). */
double gn_loss_from_sums(const struct gn_loss_form *f, int classes, const double *weights,
                         const double *sums, double count);
void gn_loss_coefficients(const struct gn_loss_form *f, int classes, const double *weights,
                          const double *sums, double count, double *k);

/* One voxel's cross-entropy term and its derivative. */
double gn_bce(enum gn_bce kind, double p, int t);
double gn_bce_slope(enum gn_bce kind, double p, int t);

/* Bit k of bits[i] is set where label[i] is one of class k's values. */
void gn_label_bits(const struct gn_class *classes, int n_classes, const int32_t *label, int64_t n,
                   uint64_t *bits);

#endif
