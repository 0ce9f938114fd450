/* pack.c - weights in the order in which the kernels read them, and dense arrays to blocked tensors
 * and back.
 *
 * Forward: [output block][input block][kD kH kW][input channel][16 output channels], then the bias.
 * Backward: [residue class] [input block][output block][taps of the class][output channel][16 input
 * channels], then zeros where a bias would be. The last summed block holds its channels rounded up
 * to 4. */
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/conv.h"
#include "base/mem.h"
#include "base/pool.h"

static int64_t round_up(int64_t a, int64_t b) { return (a + b - 1) / b * b; }

static int kernel_size(const struct gn_cpu_conv *cv)
{
    return cv->kernel[0] * cv->kernel[1] * cv->kernel[2];
}

struct pack {
    const float *w, *bias;
    float *out;
    int64_t cin, cout, row;  /* row: floats of one block of outputs in the packed array */
    int kernel, n_tap, *tap; /* taps to take, in order */
    int x_cb;
};

static void pack_forward_item(void *arg, size_t item, int thread)
{
    const struct pack *p = arg;
    (void)thread;
    int64_t o0 = (int64_t)item * 16, n_oc = p->cout - o0 < 16 ? p->cout - o0 : 16;
    float *out = p->out + (int64_t)item * p->row;
    memset(out, 0, (size_t)p->row * sizeof(float));
    for (int64_t c = 0; c < p->cin; c++) {
        int64_t at, step; /* place of tap 0, distance of taps */
        if (p->x_cb == 1) {
            at = c * p->kernel * 16;
            step = 16;
        } else {
            int64_t b = c / 16, rest = p->cin - b * 16, nic = rest >= 16 ? 16 : round_up(rest, 4);
            at = b * 256 * p->kernel + c % 16 * 16;
            step = nic * 16;
        }
        for (int64_t o = 0; o < n_oc; o++) {
            const float *w = p->w + ((o0 + o) * p->cin + c) * p->kernel;
            for (int k = 0; k < p->kernel; k++)
                out[at + k * step + o] = w[k];
        }
    }
}

size_t gn_cpu_pack_forward_size(const struct gn_cpu_conv *cv, int64_t cin, int64_t cout, int x_cb)
{
    int64_t c = x_cb == 1 ? cin : round_up(cin, 4), o = round_up(cout, 16);
    return (size_t)(c * o * kernel_size(cv) + o);
}

void gn_cpu_pack_forward(const struct gn_cpu_conv *cv, int64_t cin, int64_t cout, int x_cb,
                         const float *w, const float *bias, float *packed)
{
    int64_t blocks = round_up(cout, 16) / 16;
    struct pack p = {
        .w = w, .out = packed, .cin = cin, .cout = cout, .kernel = kernel_size(cv), .x_cb = x_cb};
    p.row = (x_cb == 1 ? cin : round_up(cin, 4)) * 16 * p.kernel;
    gn_pool_run((size_t)blocks, pack_forward_item, &p);
    float *b = packed + blocks * p.row;
    memset(b, 0, (size_t)blocks * 16 * sizeof(float));
    if (bias)
        memcpy(b, bias, (size_t)cout * sizeof(float));
}

static void pack_backward_item(void *arg, size_t item, int thread)
{
    const struct pack *p = arg;
    (void)thread;
    int64_t i0 = (int64_t)item * 16, n_ic = p->cin - i0 < 16 ? p->cin - i0 : 16;
    float *out = p->out + (int64_t)item * p->row;
    memset(out, 0, (size_t)p->row * sizeof(float));
    for (int64_t o = 0; o < p->cout; o++) {
        int64_t b = o / 16, rest = p->cout - b * 16, noc = rest >= 16 ? 16 : round_up(rest, 4);
        for (int64_t c = 0; c < n_ic; c++) {
            const float *w = p->w + (o * p->cin + i0 + c) * p->kernel;
            float *to = out + b * 256 * p->n_tap + o % 16 * 16 + c;
            for (int k = 0; k < p->n_tap; k++)
                to[k * noc * 16] = w[p->tap[k]];
        }
    }
}

/* The flat taps of a class; returns their number. tap: room for the whole kernel. */
static int class_taps(const struct gn_cpu_conv *cv, const int p[3], int *tap)
{
    int n[3], total = 0, *k[3];
    for (int a = 0; a < 3; a++) {
        k[a] = gn_alloc(sizeof(int) * 2 * (size_t)cv->kernel[a]);
        n[a] = gn_cpu_class_taps(cv, a, p[a], k[a], k[a] + cv->kernel[a]);
    }
    for (int d = 0; d < n[0]; d++)
        for (int h = 0; h < n[1]; h++)
            for (int w = 0; w < n[2]; w++) {
                if (tap)
                    tap[total] = (k[0][d] * cv->kernel[1] + k[1][h]) * cv->kernel[2] + k[2][w];
                total++;
            }
    for (int a = 0; a < 3; a++)
        free(k[a]);
    return total;
}

size_t gn_cpu_pack_class_size(const struct gn_cpu_conv *cv, int64_t cin, int64_t cout,
                              const int p[3])
{
    return (size_t)(round_up(cin, 16) * round_up(cout, 4) * class_taps(cv, p, NULL));
}

size_t gn_cpu_pack_backward_size(const struct gn_cpu_conv *cv, int64_t cin, int64_t cout)
{
    return (size_t)(round_up(cin, 16) * round_up(cout, 4) * kernel_size(cv) + round_up(cin, 16));
}

void gn_cpu_pack_backward(const struct gn_cpu_conv *cv, int64_t cin, int64_t cout, const float *w,
                          float *packed)
{
    int64_t blocks = round_up(cin, 16) / 16;
    int p[3], *tap = gn_alloc(sizeof *tap * (size_t)kernel_size(cv));
    float *end = packed + gn_cpu_pack_backward_size(cv, cin, cout);
    for (p[0] = 0; p[0] < cv->stride[0]; p[0]++)
        for (p[1] = 0; p[1] < cv->stride[1]; p[1]++)
            for (p[2] = 0; p[2] < cv->stride[2]; p[2]++) {
                struct pack k = {.w = w,
                                 .out = packed,
                                 .cin = cin,
                                 .cout = cout,
                                 .kernel = kernel_size(cv),
                                 .tap = tap};
                k.n_tap = class_taps(cv, p, tap);
                k.row = round_up(cout, 4) * 16 * k.n_tap;
                gn_pool_run((size_t)blocks, pack_backward_item, &k);
                packed += blocks * k.row;
            }
    memset(packed, 0, (size_t)(end - packed) * sizeof(float));
    free(tap);
}

/* --- layout --- */

void gn_cpu_zero_halo(const struct gn_cpu_tensor *t)
{
    int64_t row = gn_cpu_row(t), plane = gn_cpu_plane(t), blocks = gn_cpu_blocks(t);
    size_t side = (size_t)(t->hw * t->cb) * sizeof(float);
    for (int64_t s = 0; s < t->n * blocks; s++) {
        float *block = t->p + s / blocks * gn_cpu_item(t) + s % blocks * gn_cpu_block(t);
        memset(block, 0, (size_t)(t->hd * plane) * sizeof(float));
        memset(block + (t->hd + t->d) * plane, 0, (size_t)(t->hd * plane) * sizeof(float));
        for (int64_t d = 0; d < t->d; d++) {
            float *p = block + (t->hd + d) * plane;
            memset(p, 0, (size_t)(t->hh * row) * sizeof(float));
            memset(p + (t->hh + t->h) * row, 0, (size_t)(t->hh * row) * sizeof(float));
            for (int64_t h = 0; h < t->h; h++) {
                memset(p + (t->hh + h) * row, 0, side);
                memset(p + (t->hh + h + 1) * row - t->hw * t->cb, 0, side);
            }
        }
    }
}

struct convert {
    const struct gn_cpu_tensor *t;
    float *dense;
};

static void import_item(void *arg, size_t item, int thread)
{
    const struct gn_cpu_tensor *t = ((struct convert *)arg)->t;
    const float *dense = ((struct convert *)arg)->dense;
    (void)thread;
    int64_t blocks = gn_cpu_blocks(t), n = (int64_t)item / blocks, b = (int64_t)item % blocks,
            c0 = b * t->cb;
    int64_t nc = t->c - c0 < t->cb ? t->c - c0 : t->cb;
    memset(t->p + n * gn_cpu_item(t) + b * gn_cpu_block(t), 0,
           (size_t)gn_cpu_block(t) * sizeof(float));
    for (int64_t d = 0; d < t->d; d++)
        for (int64_t h = 0; h < t->h; h++) {
            float *to = gn_cpu_at(t, n, b, d, h, 0);
            for (int64_t c = 0; c < nc; c++) {
                const float *from = dense + (((n * t->c + c0 + c) * t->d + d) * t->h + h) * t->w;
                for (int64_t w = 0; w < t->w; w++)
                    to[w * t->cb + c] = from[w];
            }
        }
}

static void export_item(void *arg, size_t item, int thread)
{
    const struct gn_cpu_tensor *t = ((struct convert *)arg)->t;
    float *dense = ((struct convert *)arg)->dense;
    (void)thread;
    int64_t blocks = gn_cpu_blocks(t), n = (int64_t)item / blocks, b = (int64_t)item % blocks,
            c0 = b * t->cb;
    int64_t nc = t->c - c0 < t->cb ? t->c - c0 : t->cb;
    for (int64_t d = 0; d < t->d; d++)
        for (int64_t h = 0; h < t->h; h++) {
            const float *from = gn_cpu_at(t, n, b, d, h, 0);
            for (int64_t c = 0; c < nc; c++) {
                float *to = dense + (((n * t->c + c0 + c) * t->d + d) * t->h + h) * t->w;
                for (int64_t w = 0; w < t->w; w++)
                    to[w] = from[w * t->cb + c];
            }
        }
}

void gn_cpu_import(const struct gn_cpu_tensor *t, const float *dense)
{
    struct convert c = {t, (float *)dense};
    gn_pool_run((size_t)(t->n * gn_cpu_blocks(t)), import_item, &c);
}

void gn_cpu_export(const struct gn_cpu_tensor *t, float *dense)
{
    struct convert c = {t, dense};
    gn_pool_run((size_t)(t->n * gn_cpu_blocks(t)), export_item, &c);
}
