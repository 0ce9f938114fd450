/* plain.c - the twins of plain.h: loops over the definition and nothing else. */
#include "backend/cpu/plain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int64_t at(struct gn_plain_shape s, int64_t n, int64_t c, int64_t d, int64_t h, int64_t w)
{
    return (((n * s.c + c) * s.d + d) * s.h + h) * s.w + w;
}

static int64_t count(struct gn_plain_shape s)
{
    return s.n * s.c * s.d * s.h * s.w;
}

/* Calls f for every product of the convolution: places in x, w and y. */
static void each_product(const struct gn_cpu_conv *cv, struct gn_plain_shape xs,
                         struct gn_plain_shape ys,
                         void (*f)(void *arg, int64_t x, int64_t w, int64_t y), void *arg)
{
    const int *k = cv->kernel;
    for (int64_t y = 0; y < count(ys); y++) {
        int64_t ow = y % ys.w, oh = y / ys.w % ys.h, od = y / ys.w / ys.h % ys.d,
                oc = y / ys.w / ys.h / ys.d % ys.c, n = y / ys.w / ys.h / ys.d / ys.c;
        for (int64_t ic = 0; ic < xs.c; ic++)
            for (int a = 0; a < k[0]; a++)
                for (int b = 0; b < k[1]; b++)
                    for (int c = 0; c < k[2]; c++) {
                        int64_t d = od * cv->stride[0] - cv->pad[0] + a * cv->dilation[0];
                        int64_t h = oh * cv->stride[1] - cv->pad[1] + b * cv->dilation[1];
                        int64_t w = ow * cv->stride[2] - cv->pad[2] + c * cv->dilation[2];
                        if (d >= 0 && d < xs.d && h >= 0 && h < xs.h && w >= 0 && w < xs.w)
                            f(arg, at(xs, n, ic, d, h, w),
                              (((oc * xs.c + ic) * k[0] + a) * k[1] + b) * k[2] + c, y);
                    }
    }
}

struct product {
    const float *a, *b;
    double *sum;
};

static void add_forward(void *arg, int64_t x, int64_t w, int64_t y)
{
    struct product *p = arg;
    p->sum[y] += (double)p->a[x] * p->b[w];
}

static void add_data(void *arg, int64_t x, int64_t w, int64_t y)
{
    struct product *p = arg;
    p->sum[x] += (double)p->a[y] * p->b[w];
}

static void add_weights(void *arg, int64_t x, int64_t w, int64_t y)
{
    struct product *p = arg;
    p->sum[w] += (double)p->a[x] * p->b[y];
}

static void finish(struct product *p, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)p->sum[i];
    free(p->sum);
}

void gn_plain_conv_forward(const struct gn_cpu_conv *cv, struct gn_plain_shape xs, const float *x,
                           const float *w, const float *bias, struct gn_plain_shape ys, float *y)
{
    struct product p = {x, w, gn_alloc((size_t)count(ys) * sizeof(double))};
    if (bias)
        for (int64_t i = 0; i < count(ys); i++)
            p.sum[i] = bias[i / (ys.d * ys.h * ys.w) % ys.c];
    each_product(cv, xs, ys, add_forward, &p);
    finish(&p, count(ys), y);
}

void gn_plain_conv_backward_data(const struct gn_cpu_conv *cv, struct gn_plain_shape ys,
                                 const float *dy, const float *w, struct gn_plain_shape xs,
                                 float *dx)
{
    struct product p = {dy, w, gn_alloc((size_t)count(xs) * sizeof(double))};
    each_product(cv, xs, ys, add_data, &p);
    finish(&p, count(xs), dx);
}

void gn_plain_conv_backward_weights(const struct gn_cpu_conv *cv, struct gn_plain_shape xs,
                                    const float *x, struct gn_plain_shape ys, const float *dy,
                                    float *dw, float *db)
{
    int64_t n = ys.c * xs.c * cv->kernel[0] * cv->kernel[1] * cv->kernel[2];
    struct product p = {x, dy, gn_alloc((size_t)n * sizeof(double))};
    each_product(cv, xs, ys, add_weights, &p);
    finish(&p, n, dw);
    if (!db)
        return;
    for (int64_t c = 0; c < ys.c; c++) {
        double sum = 0;
        for (int64_t i = 0; i < count(ys); i++)
            if (i / (ys.d * ys.h * ys.w) % ys.c == c)
                sum += dy[i];
        db[c] = (float)sum;
    }
}

/* --- norms --- */

struct affine {
    double mean, rstd, gamma, beta;
};

/* Of flat element i. */
static struct affine affine_at(const struct gn_cpu_norm *norm, struct gn_plain_shape s, int64_t i)
{
    int64_t c = i / (s.d * s.h * s.w) % s.c, n = i / (s.d * s.h * s.w * s.c);
    const double *m = norm->m + ((norm->groups == 1 ? 0 : n) * s.c + c) * 2;
    return (struct affine){m[0], m[1], norm->gamma ? norm->gamma[c] : 1,
                           norm->beta ? norm->beta[c] : 0};
}

void gn_plain_norm_sums(struct gn_plain_shape s, const float *x, double *sums)
{
    int64_t voxels = s.d * s.h * s.w;
    memset(sums, 0, (size_t)(s.n * s.c * 2) * sizeof *sums);
    for (int64_t i = 0; i < count(s); i++) {
        sums[i / voxels * 2] += x[i];
        sums[i / voxels * 2 + 1] += (double)x[i] * x[i];
    }
}

void gn_plain_norm_apply(const struct gn_cpu_norm *norm, struct gn_plain_shape s, const float *x,
                         float *y)
{
    for (int64_t i = 0; i < count(s); i++) {
        struct affine a = affine_at(norm, s, i);
        double z = a.gamma * ((x[i] - a.mean) * a.rstd) + a.beta;
        y[i] = (float)(z < 0 ? norm->slope * z : z);
    }
}

void gn_plain_norm_backward_sums(const struct gn_cpu_norm *norm, struct gn_plain_shape s,
                                 const float *x, const float *dy, double *sums)
{
    int64_t voxels = s.d * s.h * s.w;
    memset(sums, 0, (size_t)(s.n * s.c * 2) * sizeof *sums);
    for (int64_t i = 0; i < count(s); i++) {
        struct affine a = affine_at(norm, s, i);
        double xhat = (x[i] - a.mean) * a.rstd,
               dz = a.gamma * xhat + a.beta < 0 ? (double)norm->slope * dy[i] : dy[i];
        sums[i / voxels * 2] += dz;
        sums[i / voxels * 2 + 1] += dz * xhat;
    }
}

void gn_plain_norm_backward(const struct gn_cpu_norm *norm, struct gn_plain_shape s, const float *x,
                            const float *dy, const double *t, double number, float *dx)
{
    int64_t voxels = s.d * s.h * s.w;
    for (int64_t i = 0; i < count(s); i++) {
        struct affine a = affine_at(norm, s, i);
        double xhat = (x[i] - a.mean) * a.rstd,
               dz = a.gamma * xhat + a.beta < 0 ? (double)norm->slope * dy[i] : dy[i];
        const double *sums = t ? t + i / voxels * 2 : (const double[]){0, 0};
        dx[i] = (float)(a.gamma * a.rstd * (dz - sums[0] / number - xhat * sums[1] / number));
    }
}

void gn_plain_leaky(struct gn_plain_shape s, const float *x, const float *dy, float slope, float *y)
{
    for (int64_t i = 0; i < count(s); i++)
        y[i] = x[i] < 0 ? slope * dy[i] : dy[i];
}

/* --- upsampling --- */

/* Weight of input i in output o of one axis. */
static double linear_weight(int64_t i, int64_t n, int64_t o, int64_t n_out)
{
    double place = n_out > 1 ? (double)o * (double)(n - 1) / (double)(n_out - 1) : 0;
    return fmax(0, 1 - fabs(place - (double)i));
}

/* Weight of voxel i of one channel of x in element o of y. */
static double upsample_weight(struct gn_plain_shape xs, int64_t i, struct gn_plain_shape ys,
                              int64_t o)
{
    int64_t w = o % ys.w, h = o / ys.w % ys.h, d = o / ys.w / ys.h % ys.d;
    return linear_weight(i % xs.w, xs.w, w, ys.w) * linear_weight(i / xs.w % xs.h, xs.h, h, ys.h) *
           linear_weight(i / xs.w / xs.h, xs.d, d, ys.d);
}

void gn_plain_upsample(struct gn_plain_shape xs, const float *x, struct gn_plain_shape ys, float *y)
{
    struct product p = {NULL, NULL, gn_alloc((size_t)count(ys) * sizeof(double))};
    int64_t in = xs.d * xs.h * xs.w, out = ys.d * ys.h * ys.w;
    for (int64_t o = 0; o < count(ys); o++)
        for (int64_t i = 0; i < in; i++)
            p.sum[o] += upsample_weight(xs, i, ys, o) * x[o / out * in + i];
    finish(&p, count(ys), y);
}

void gn_plain_upsample_backward(struct gn_plain_shape ys, const float *dy, struct gn_plain_shape xs,
                                float *dx)
{
    struct product p = {NULL, NULL, gn_alloc((size_t)count(xs) * sizeof(double))};
    int64_t in = xs.d * xs.h * xs.w, out = ys.d * ys.h * ys.w;
    for (int64_t o = 0; o < count(ys); o++)
        for (int64_t i = 0; i < in; i++)
            p.sum[o / out * in + i] += upsample_weight(xs, i, ys, o) * dy[o];
    finish(&p, count(xs), dx);
}

/* --- class maps --- */

/* A voxel: where its first class lies, the distance of classes, its n, the number of classes, its
 * label. */
struct voxel {
    int64_t at, step, n, c;
    uint64_t label;
};

static struct voxel voxel_at(struct gn_plain_shape s, int64_t v, const uint64_t *label)
{
    int64_t voxels = s.d * s.h * s.w, n = v / voxels;
    return (struct voxel){n * s.c * voxels + v % voxels, voxels, n, s.c, label ? label[v] : 0};
}

static double largest(const struct voxel *v, const float *x)
{
    double top = x[v->at];
    for (int64_t c = 1; c < v->c; c++)
        top = fmax(top, x[v->at + c * v->step]);
    return top;
}

static double exp_sum(const struct voxel *v, const float *x, double top)
{
    double sum = 0;
    for (int64_t c = 0; c < v->c; c++)
        sum += exp(x[v->at + c * v->step] - top);
    return sum;
}

void gn_plain_softmax(struct gn_plain_shape s, const float *x, float *y)
{
    for (int64_t i = 0; i < s.n * s.d * s.h * s.w; i++) {
        struct voxel v = voxel_at(s, i, NULL);
        double top = largest(&v, x), sum = exp_sum(&v, x, top);
        for (int64_t c = 0; c < s.c; c++)
            y[v.at + c * v.step] = (float)(exp(x[v.at + c * v.step] - top) / sum);
    }
}

void gn_plain_softmax_backward(struct gn_plain_shape s, const float *y, const float *dy, float *dx)
{
    for (int64_t i = 0; i < s.n * s.d * s.h * s.w; i++) {
        struct voxel v = voxel_at(s, i, NULL);
        double dot = 0;
        for (int64_t c = 0; c < s.c; c++)
            dot += (double)y[v.at + c * v.step] * dy[v.at + c * v.step];
        for (int64_t c = 0; c < s.c; c++)
            dx[v.at + c * v.step] = (float)(y[v.at + c * v.step] * (dy[v.at + c * v.step] - dot));
    }
}

void gn_plain_sigmoid(struct gn_plain_shape s, const float *x, float alpha, float *y)
{
    for (int64_t i = 0; i < count(s); i++)
        y[i] = (float)(1 / (1 + exp(-(double)alpha * x[i])));
}

void gn_plain_sigmoid_backward(struct gn_plain_shape s, const float *y, const float *dy,
                               float alpha, float *dx)
{
    for (int64_t i = 0; i < count(s); i++)
        dx[i] = (float)((double)alpha * y[i] * (1 - (double)y[i]) * dy[i]);
}

static double bce_value(int bce, double p, int t)
{
    if (bce == 1)
        return -fmax(log(t ? p : 1 - p), -100);
    return bce == 2 ? fmax(p, 0) - p * t + log1p(exp(-fabs(p))) : 0;
}

static double bce_slope(int bce, double p, int t)
{
    if (bce == 1)
        return (p - t) / fmax(p * (1 - p), 1e-12);
    return bce == 2 ? 1 / (1 + exp(-p)) - t : 0;
}

void gn_plain_loss_sums(struct gn_plain_shape s, const float *p, const uint64_t *label, int bce,
                        double *sums)
{
    memset(sums, 0, (size_t)(s.n * s.c * 4) * sizeof *sums);
    for (int64_t i = 0; i < s.n * s.d * s.h * s.w; i++) {
        struct voxel v = voxel_at(s, i, label);
        for (int64_t c = 0; c < s.c; c++) {
            double x = p[v.at + c * v.step], *out = sums + (v.n * s.c + c) * 4;
            int t = v.label >> c & 1;
            out[0] += x * t;
            out[1] += x;
            out[2] += t;
            out[3] += bce_value(bce, x, t);
        }
    }
}

void gn_plain_loss_backward(struct gn_plain_shape s, const float *p, const uint64_t *label, int bce,
                            const double *k, float *dp)
{
    for (int64_t i = 0; i < s.n * s.d * s.h * s.w; i++) {
        struct voxel v = voxel_at(s, i, label);
        for (int64_t c = 0; c < s.c; c++) {
            int t = v.label >> c & 1;
            dp[v.at + c * v.step] = (float)(k[3 * c] + k[3 * c + 1] * t +
                                            k[3 * c + 2] * bce_slope(bce, p[v.at + c * v.step], t));
        }
    }
}

static int lowest_class(uint64_t bits, int64_t classes)
{
    for (int c = 0; c < classes; c++)
        if (bits >> c & 1)
            return c;
    return -1;
}

void gn_plain_cel_sums(struct gn_plain_shape s, const float *z, const uint64_t *label,
                       const double *weights, double *sums)
{
    memset(sums, 0, (size_t)(s.n * 2) * sizeof *sums);
    for (int64_t i = 0; i < s.n * s.d * s.h * s.w; i++) {
        struct voxel v = voxel_at(s, i, label);
        int k = lowest_class(v.label, s.c);
        double top = largest(&v, z), w = k < 0 ? 0 : weights ? weights[k] : 1;
        if (k < 0)
            continue;
        sums[v.n * 2] += w * (top + log(exp_sum(&v, z, top)) - z[v.at + k * v.step]);
        sums[v.n * 2 + 1] += w;
    }
}

void gn_plain_cel_backward(struct gn_plain_shape s, const float *z, const uint64_t *label,
                           const double *weights, double k, float *dz)
{
    for (int64_t i = 0; i < s.n * s.d * s.h * s.w; i++) {
        struct voxel v = voxel_at(s, i, label);
        int own = lowest_class(v.label, s.c);
        double top = largest(&v, z), sum = exp_sum(&v, z, top),
               w = own < 0   ? 0
                   : weights ? weights[own]
                             : 1;
        for (int64_t c = 0; c < s.c; c++)
            dz[v.at + c * v.step] =
                (float)(k * w * (exp(z[v.at + c * v.step] - top) / sum - (c == own)));
    }
}
