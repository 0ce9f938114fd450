/* plain.h - slow, readable twins of the fast kernels, on dense N C D H W arrays, summing in double:
 * the judges of cpu.h in tests. */
#ifndef GN_BACKEND_CPU_PLAIN_H
#define GN_BACKEND_CPU_PLAIN_H

#include "backend/cpu/cpu.h"

struct gn_plain_shape {
    int64_t n, c, d, h, w;
};

/* y (ys) = conv(x (xs), w (ys.c, xs.c, kD, kH, kW)) + bias (may be NULL) */
void gn_plain_conv_forward(const struct gn_cpu_conv *cv, struct gn_plain_shape xs, const float *x,
                           const float *w, const float *bias, struct gn_plain_shape ys, float *y);
void gn_plain_conv_backward_data(const struct gn_cpu_conv *cv, struct gn_plain_shape ys,
                                 const float *dy, const float *w, struct gn_plain_shape xs,
                                 float *dx);
void gn_plain_conv_backward_weights(const struct gn_cpu_conv *cv, struct gn_plain_shape xs,
                                    const float *x, struct gn_plain_shape ys, const float *dy,
                                    float *dw, float *db);

/* m (groups, C, 2) mean and rstd; sums (n, C, 2), t (n, C, 2) or NULL; see cpu.h. */
void gn_plain_norm_sums(struct gn_plain_shape s, const float *x, double *sums);
void gn_plain_norm_apply(const struct gn_cpu_norm *norm, struct gn_plain_shape s, const float *x,
                         float *y);
void gn_plain_norm_backward_sums(const struct gn_cpu_norm *norm, struct gn_plain_shape s,
                                 const float *x, const float *dy, double *sums);
void gn_plain_norm_backward(const struct gn_cpu_norm *norm, struct gn_plain_shape s, const float *x,
                            const float *dy, const double *t, double count, float *dx);
void gn_plain_leaky(struct gn_plain_shape s, const float *x, const float *dy, float slope,
                    float *y); /* dy = x: forward */
void gn_plain_upsample(struct gn_plain_shape xs, const float *x, struct gn_plain_shape ys,
                       float *y);
void gn_plain_upsample_backward(struct gn_plain_shape ys, const float *dy, struct gn_plain_shape xs,
                                float *dx);
void gn_plain_softmax(struct gn_plain_shape s, const float *x, float *y);
void gn_plain_softmax_backward(struct gn_plain_shape s, const float *y, const float *dy, float *dx);
void gn_plain_sigmoid(struct gn_plain_shape s, const float *x, float alpha, float *y);
void gn_plain_sigmoid_backward(struct gn_plain_shape s, const float *y, const float *dy,
                               float alpha, float *dx);
void gn_plain_loss_sums(struct gn_plain_shape s, const float *p, const uint64_t *label, int bce,
                        double *sums);
void gn_plain_loss_backward(struct gn_plain_shape s, const float *p, const uint64_t *label, int bce,
                            const double *k, float *dp);
void gn_plain_cel_sums(struct gn_plain_shape s, const float *z, const uint64_t *label,
                       const double *weights, double *sums);
void gn_plain_cel_backward(struct gn_plain_shape s, const float *z, const uint64_t *label,
                           const double *weights, double k, float *dz);

#endif
