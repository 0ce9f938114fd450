/* conv.c - convolutions as jobs for the kernels of isa_conv.c and isa_wgrad.c: geometry, cutting,
 * partial sums.
 *
 * The gradient of the input is a convolution too: each residue class of the input's coordinates
 * modulo the stride meets its own subset of the taps, so a strided one wastes none. */
#include "backend/cpu/conv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"

enum {
    GROUP_TAPS = 12,   /* 12 KiB of weights: room for voxels in a first-level cache of 32 */
    ITEM_VOXELS = 512, /* of an item of the forward pass: 32 KiB of sums */
    ITEMS_WANTED = 16, /* of a forward pass */
    WGRAD_ITEMS = 128, /* chunks times pairs of blocks */
    WGRAD_VOXELS = 128 /* of a group of rows: 8 KiB of gradients */
};

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t div_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t gn_cpu_conv_out(int64_t in, int kernel, int stride, int pad, int dilation)
{
    return (in + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
}

/* Residue class p of an axis: its taps, the first, the step between them, and the shift of dy that
 * each stands for. */
int gn_cpu_class_taps(const struct gn_cpu_conv *cv, int axis, int p, int *tap, int *shift)
{
    int n = 0, s = cv->stride[axis];
    for (int k = 0; k < cv->kernel[axis]; k++) {
        int a = p + cv->pad[axis] - k * cv->dilation[axis];
        if (a % s == 0) {
            tap[n] = k;
            shift[n++] = a / s;
        }
    }
    return n;
}

void gn_cpu_conv_halo(const struct gn_cpu_conv *cv, const int64_t in[3], int halo_x[3],
                      int halo_dy[3])
{
    for (int a = 0; a < 3; a++) {
        int s = cv->stride[a], reach = cv->dilation[a] * (cv->kernel[a] - 1);
        int64_t out = gn_cpu_conv_out(in[a], cv->kernel[a], s, cv->pad[a], cv->dilation[a]);
        int64_t high = (out - 1) * s - cv->pad[a] + reach - (in[a] - 1);
        halo_x[a] = (int)max64(max64(cv->pad[a], high), 0);
        halo_dy[a] = 0;
        for (int p = 0; p < s && p < in[a]; p++) {
            int64_t last = (in[a] - 1 - p) / s;
            for (int k = 0; k < cv->kernel[a]; k++) {
                int at = p + cv->pad[a] - k * cv->dilation[a];
                if (at % s == 0)
                    halo_dy[a] = (int)max64(max64(halo_dy[a], -(at / s)),
                                            last + at / s - (out - 1));
            }
        }
    }
}

/* Channels of block b of c that a kernel sums over. */
static int block_nic(int64_t c, int64_t b)
{
    int64_t rest = c - b * 16;
    return rest >= 16 ? 16 : (int)((rest + 3) / 4 * 4);
}

/* Places where passes over the rows begin. A segment is the taps of one channel block and one kD.
 */
static int cut_groups(int n, int segment, bool plain, int *group)
{
    int most = plain ? GROUP_TAPS * 16 : GROUP_TAPS, n_group = 0;
    group[0] = 0;
    for (int t = 0; t < n;) {
        int size = segment;
        if (size > most) /* a large kernel: equal parts */
            size = (int)div_up(segment, div_up(segment, most));
        while (size + segment <= most && t + size < n)
            size += segment;
        if (segment > most && t % segment + size > segment)
            size = segment - t % segment;
        t = (int)min64(t + size, n);
        group[++n_group] = t;
    }
    return n_group;
}

static void cut_rows(struct gn_cpu_conv_job *j)
{
    int64_t rows = j->od * j->oh, per = max64(1, min64(ITEM_VOXELS / j->ow, rows));
    int64_t wanted = div_up(ITEMS_WANTED, j->blocks); /* n does not count: same bits in any batch */
    if (div_up(rows, per) < wanted)
        per = max64(1, rows / wanted);
    j->chunks = div_up(rows, per);
    j->rows_per_item = div_up(rows, j->chunks);
    j->chunks = div_up(rows, j->rows_per_item);
}

static void job_output(struct gn_cpu_conv_job *j, const struct gn_cpu_tensor *y)
{
    j->y = gn_cpu_at(y, 0, 0, 0, 0, 0);
    j->y_item = gn_cpu_item(y);
    j->y_block = gn_cpu_block(y);
    j->y_plane = gn_cpu_plane(y);
    j->y_row = gn_cpu_row(y);
    j->y_step = 16;
    j->n = y->n;
    j->blocks = gn_cpu_blocks(y);
    j->od = y->d;
    j->oh = y->h;
    j->ow = y->w;
}

static void run_job(struct gn_cpu_conv_job *j)
{
    gn_pool_run((size_t)(j->n * j->chunks * j->blocks), gn_cpu_kernels()->conv, j);
}

size_t gn_cpu_conv_forward_scratch(const struct gn_cpu_tensor *y)
{
    struct gn_cpu_conv_job j = {0};
    job_output(&j, y);
    cut_rows(&j);
    return (size_t)(j.chunks * j.n * j.blocks) * 32 * sizeof(double);
}

/* Chunks are added in their order; one item is one block of one n. */
static void reduce_item(void *arg, size_t item, int thread)
{
    const struct gn_cpu_reduce *r = arg;
    (void)thread;
    double sum[32] = {0};
    for (int64_t c = 0; c < r->chunks; c++) {
        const double *p = r->part + ((size_t)(c * r->n * r->blocks) + item) * 32;
        for (int i = 0; i < 32; i++)
            sum[i] += p[i];
    }
    int64_t n = (int64_t)item / r->blocks, c0 = (int64_t)item % r->blocks * 16,
            nc = min64(16, r->c - c0);
    for (int64_t i = 0; i < nc; i++) {
        r->sums[(n * r->c + c0 + i) * 2] = sum[i];
        r->sums[(n * r->c + c0 + i) * 2 + 1] = sum[16 + i];
    }
}

void gn_cpu_reduce(const struct gn_cpu_reduce *r)
{
    gn_pool_run((size_t)(r->n * r->blocks), reduce_item, (void *)r);
}

static void job_epilogue(struct gn_cpu_conv_job *j, const struct gn_cpu_epilogue *ep)
{
    if (!ep)
        return;
    j->ep = *ep;
    if (ep->add) {
        j->add = gn_cpu_at(ep->add, 0, 0, 0, 0, 0);
        j->add_item = gn_cpu_item(ep->add);
        j->add_block = gn_cpu_block(ep->add);
        j->add_plane = gn_cpu_plane(ep->add);
        j->add_row = gn_cpu_row(ep->add);
        j->add_step = 16;
    }
}

static void check_halo(const struct gn_cpu_tensor *t, const int need[3])
{
    assert(t->hd >= need[0] && t->hh >= need[1] && t->hw >= need[2]);
    (void)t;
    (void)need;
}

void gn_cpu_conv_forward(const struct gn_cpu_conv *cv, const struct gn_cpu_tensor *x,
                         const float *packed, const struct gn_cpu_tensor *y,
                         const struct gn_cpu_epilogue *ep, double *stats, void *scratch)
{
    int halo_x[3], halo_dy[3], kernel = cv->kernel[0] * cv->kernel[1] * cv->kernel[2];
    int64_t in[3] = {x->d, x->h, x->w}, blocks = gn_cpu_blocks(x);
    gn_cpu_conv_halo(cv, in, halo_x, halo_dy);
    check_halo(x, halo_x);
    assert(y->cb == 16);

    struct gn_cpu_tap *tap = gn_alloc(sizeof *tap * (size_t)(blocks * kernel));
    int *group = gn_alloc(sizeof *group * (size_t)(blocks * kernel + 1));
    int n = 0;
    ptrdiff_t woff = 0;
    for (int64_t b = 0; b < blocks; b++)
        for (int k = 0; k < kernel; k++) {
            int kd = k / (cv->kernel[1] * cv->kernel[2]), kh = k / cv->kernel[2] % cv->kernel[1],
                kw = k % cv->kernel[2];
            struct gn_cpu_tap *t = &tap[n++];
            t->dd = kd * cv->dilation[0] - cv->pad[0];
            t->dh = kh * cv->dilation[1] - cv->pad[1];
            t->off = b * gn_cpu_block(x) + t->dd * gn_cpu_plane(x) + t->dh * gn_cpu_row(x) +
                     (kw * cv->dilation[2] - cv->pad[2]) * x->cb;
            t->nic = x->cb == 1 ? 1 : block_nic(x->c, b);
            t->woff = woff;
            woff += t->nic * 16;
        }
    struct gn_cpu_conv_job j = {
        .x = gn_cpu_at(x, 0, 0, 0, 0, 0),
        .w = packed,
        .bias = packed + woff * gn_cpu_blocks(y),
        .tap = tap,
        .group = group,
        .x_item = gn_cpu_item(x),
        .x_plane = cv->stride[0] * gn_cpu_plane(x),
        .x_row = cv->stride[1] * gn_cpu_row(x),
        .x_step = cv->stride[2] * x->cb,
        .w_block = woff,
        .in_d = x->d,
        .in_h = x->h,
        .stride_d = cv->stride[0],
        .stride_h = cv->stride[1],
        .plain = x->cb == 1,
        .halo = y,
        .stats = stats ? scratch : NULL,
    };
    job_output(&j, y);
    job_epilogue(&j, ep);
    cut_rows(&j);
    j.n_group = cut_groups(n, x->cb == 1 ? kernel : cv->kernel[1] * cv->kernel[2], j.plain, group);
    run_job(&j);
    if (stats)
        gn_cpu_reduce(&(struct gn_cpu_reduce){scratch, j.chunks, j.n, j.blocks, y->c, stats});
    free(tap);
    free(group);
}

/* One residue class of the input's coordinates. */
static void backward_class(const struct gn_cpu_conv *cv, const struct gn_cpu_tensor *dy,
                           const float *w, const float *zero, const struct gn_cpu_tensor *dx,
                           const int p[3], const struct gn_cpu_epilogue *ep, bool halo,
                           struct gn_cpu_tap *tap, int *group)
{
    int n_axis[3], n = 0;
    int *k = gn_alloc(sizeof *k * 6 * (size_t)(cv->kernel[0] + cv->kernel[1] + cv->kernel[2]));
    int *ks[3] = {k, k + 2 * cv->kernel[0], k + 2 * (cv->kernel[0] + cv->kernel[1])}, *shift[3];
    for (int a = 0; a < 3; a++) {
        shift[a] = ks[a] + cv->kernel[a];
        n_axis[a] = gn_cpu_class_taps(cv, a, p[a], ks[a], shift[a]);
    }
    ptrdiff_t woff = 0;
    int segment = n_axis[1] * n_axis[2], kernel = n_axis[0] * segment;
    for (int64_t b = 0; b < gn_cpu_blocks(dy); b++)
        for (int i = 0; i < kernel; i++) {
            struct gn_cpu_tap *t = &tap[n++];
            t->dd = shift[0][i / segment];
            t->dh = shift[1][i / n_axis[2] % n_axis[1]];
            t->off = b * gn_cpu_block(dy) + t->dd * gn_cpu_plane(dy) + t->dh * gn_cpu_row(dy) +
                     shift[2][i % n_axis[2]] * 16;
            t->nic = block_nic(dy->c, b);
            t->woff = woff;
            woff += t->nic * 16;
        }
    free(k);
    struct gn_cpu_conv_job j = {
        .x = gn_cpu_at(dy, 0, 0, 0, 0, 0),
        .w = w,
        .bias = zero,
        .tap = tap,
        .group = group,
        .x_item = gn_cpu_item(dy),
        .x_plane = gn_cpu_plane(dy),
        .x_row = gn_cpu_row(dy),
        .x_step = 16,
        .w_block = woff,
        .in_d = dy->d,
        .in_h = dy->h,
        .stride_d = 1,
        .stride_h = 1,
        .halo = halo ? dx : NULL,
    };
    job_output(&j, dx);
    job_epilogue(&j, ep);
    const int *s = cv->stride;
    if (j.add) {
        j.add = gn_cpu_at(ep->add, 0, 0, p[0], p[1], p[2]);
        j.add_plane *= s[0];
        j.add_row *= s[1];
        j.add_step *= s[2];
    }
    j.y = gn_cpu_at(dx, 0, 0, p[0], p[1], p[2]);
    j.y_plane *= s[0];
    j.y_row *= s[1];
    j.y_step *= s[2];
    j.od = div_up(dx->d - p[0], s[0]);
    j.oh = div_up(dx->h - p[1], s[1]);
    j.ow = div_up(dx->w - p[2], s[2]);
    if (j.od <= 0 || j.oh <= 0 || j.ow <= 0)
        return;
    cut_rows(&j);
    j.n_group = n ? cut_groups(n, segment, false, group) : 0;
    if (n == 0) { /* one empty pass writes the zeros */
        group[0] = group[1] = 0;
        j.n_group = 1;
    }
    run_job(&j);
}

void gn_cpu_conv_backward_data(const struct gn_cpu_conv *cv, const struct gn_cpu_tensor *dy,
                               const float *packed, const struct gn_cpu_tensor *dx,
                               const struct gn_cpu_epilogue *ep)
{
    int halo_x[3], halo_dy[3], kernel = cv->kernel[0] * cv->kernel[1] * cv->kernel[2], p[3];
    int64_t in[3] = {dx->d, dx->h, dx->w};
    gn_cpu_conv_halo(cv, in, halo_x, halo_dy);
    check_halo(dy, halo_dy);
    assert(dy->cb == 16 && dx->cb == 16);
    const int *s = cv->stride;
    bool strided = s[0] * s[1] * s[2] > 1;
    struct gn_cpu_tap *tap = gn_alloc(sizeof *tap * (size_t)(gn_cpu_blocks(dy) * kernel));
    int *group = gn_alloc(sizeof *group * (size_t)(gn_cpu_blocks(dy) * kernel + 2));
    if (strided)
        gn_cpu_zero_halo(dx);
    const float *zero = packed + gn_cpu_pack_backward_size(cv, dx->c, dy->c) -
                        gn_cpu_blocks(dx) * 16;
    for (p[0] = 0; p[0] < s[0]; p[0]++)
        for (p[1] = 0; p[1] < s[1]; p[1]++)
            for (p[2] = 0; p[2] < s[2]; p[2]++) {
                backward_class(cv, dy, packed, zero, dx, p, ep, !strided, tap, group);
                packed += gn_cpu_pack_class_size(cv, dx->c, dy->c, p);
            }
    free(tap);
    free(group);
}

/* --- weight gradients --- */

static void wgrad_job(const struct gn_cpu_conv *cv, const struct gn_cpu_tensor *x,
                      const struct gn_cpu_tensor *dy, struct gn_cpu_wgrad_job *j)
{
    int kernel = cv->kernel[0] * cv->kernel[1] * cv->kernel[2];
    *j = (struct gn_cpu_wgrad_job){
        .x = gn_cpu_at(x, 0, 0, 0, 0, 0),
        .dy = gn_cpu_at(dy, 0, 0, 0, 0, 0),
        .n_tap = x->cb == 1 ? (int)x->c * kernel : kernel,
        .x_item = gn_cpu_item(x),
        .x_block = gn_cpu_block(x),
        .x_plane = cv->stride[0] * gn_cpu_plane(x),
        .x_row = cv->stride[1] * gn_cpu_row(x),
        .x_step = cv->stride[2] * x->cb,
        .dy_item = gn_cpu_item(dy),
        .dy_block = gn_cpu_block(dy),
        .dy_plane = gn_cpu_plane(dy),
        .dy_row = gn_cpu_row(dy),
        .n = dy->n,
        .iblocks = x->cb == 1 ? 1 : gn_cpu_blocks(x),
        .oblocks = gn_cpu_blocks(dy),
        .od = dy->d,
        .oh = dy->h,
        .ow = dy->w,
        .in_d = x->d,
        .in_h = x->h,
        .stride_d = cv->stride[0],
        .stride_h = cv->stride[1],
        .plain = x->cb == 1,
        .last_nic = block_nic(x->c, (x->c - 1) / 16),
    };
    int64_t rows = j->n * j->od * j->oh;
    j->rows_per_group = max64(1, min64(min64(WGRAD_VOXELS / j->ow, rows), GN_CPU_GROUP_ROWS));
    int64_t groups = div_up(rows, j->rows_per_group);
    int64_t chunks = min64(groups, div_up(WGRAD_ITEMS, j->iblocks * j->oblocks));
    j->rows_per_chunk = div_up(groups, chunks) * j->rows_per_group;
    j->chunks = div_up(rows, j->rows_per_chunk);
}

static size_t wgrad_part(const struct gn_cpu_wgrad_job *j)
{
    return (size_t)(j->oblocks * j->iblocks * j->n_tap) * (j->plain ? 16 : 256);
}

size_t gn_cpu_conv_backward_weights_scratch(const struct gn_cpu_conv *cv,
                                            const struct gn_cpu_tensor *x,
                                            const struct gn_cpu_tensor *dy)
{
    struct gn_cpu_wgrad_job j;
    wgrad_job(cv, x, dy, &j);
    int64_t groups = div_up(j.n * j.od * j.oh, j.rows_per_group);
    j.chunks = min64(groups, div_up(WGRAD_ITEMS, j.iblocks * j.oblocks)); /* or a smaller batch */
    return (size_t)j.chunks *
           (wgrad_part(&j) * sizeof(float) + (size_t)j.oblocks * 16 * sizeof(double));
}

struct reduce {
    const struct gn_cpu_wgrad_job *j;
    float *dw, *db;
    int64_t cin, cout;
    int kernel;
};

/* Chunks are added in their order; one item is one output block times one input block. */
static void reduce_wgrad(void *arg, size_t item, int thread)
{
    const struct reduce *r = arg;
    const struct gn_cpu_wgrad_job *j = r->j;
    (void)thread;
    int64_t ib = (int64_t)item % j->iblocks, ob = (int64_t)item / j->iblocks;
    size_t size = (size_t)j->n_tap * (j->plain ? 16 : 256), all = wgrad_part(j);
    float *sum = j->part + item * size;
    for (int64_t c = 1; c < j->chunks; c++) {
        const float *p = sum + (size_t)c * all;
        for (size_t i = 0; i < size; i++)
            sum[i] += p[i];
    }
    int64_t n_oc = min64(16, r->cout - ob * 16),
            n_ic = j->plain ? r->cin : min64(16, r->cin - ib * 16);
    for (int64_t o = 0; o < n_oc; o++)
        for (int64_t c = 0; c < n_ic; c++) {
            float *dw = r->dw + ((ob * 16 + o) * r->cin + ib * 16 + c) * r->kernel;
            for (int k = 0; k < r->kernel; k++)
                dw[k] = j->plain ? sum[(c * r->kernel + k) * 16 + o] : sum[k * 256 + c * 16 + o];
        }
    if (r->db && ib == 0)
        for (int64_t o = 0; o < n_oc; o++) {
            double b = 0;
            for (int64_t c = 0; c < j->chunks; c++)
                b += j->bias[(c * j->oblocks + ob) * 16 + o];
            r->db[ob * 16 + o] = (float)b;
        }
}

void gn_cpu_conv_backward_weights(const struct gn_cpu_conv *cv, const struct gn_cpu_tensor *x,
                                  const struct gn_cpu_tensor *dy, float *dw, float *db,
                                  void *scratch)
{
    int halo_x[3], halo_dy[3], kernel = cv->kernel[0] * cv->kernel[1] * cv->kernel[2];
    int64_t in[3] = {x->d, x->h, x->w};
    gn_cpu_conv_halo(cv, in, halo_x, halo_dy);
    check_halo(x, halo_x);
    assert(dy->cb == 16);
    struct gn_cpu_wgrad_job j;
    wgrad_job(cv, x, dy, &j);
    struct gn_cpu_tap *tap = gn_alloc(sizeof *tap * (size_t)j.n_tap);
    for (int i = 0; i < j.n_tap; i++) {
        int k = i % kernel, kd = k / (cv->kernel[1] * cv->kernel[2]),
            kh = k / cv->kernel[2] % cv->kernel[1];
        tap[i].dd = kd * cv->dilation[0] - cv->pad[0];
        tap[i].dh = kh * cv->dilation[1] - cv->pad[1];
        tap[i].off = i / kernel * gn_cpu_block(x) + tap[i].dd * gn_cpu_plane(x) +
                     tap[i].dh * gn_cpu_row(x) +
                     (k % cv->kernel[2] * cv->dilation[2] - cv->pad[2]) * x->cb;
    }
    j.tap = tap;
    j.part = scratch;
    j.bias = db ? (double *)(void *)((float *)scratch + (size_t)j.chunks * wgrad_part(&j)) : NULL;
    gn_pool_run((size_t)(j.chunks * j.oblocks * j.iblocks), gn_cpu_kernels()->wgrad, &j);
    struct reduce r = {&j, dw, db, x->c, dy->c, kernel};
    gn_pool_run((size_t)(j.oblocks * j.iblocks), reduce_wgrad, &r);
    free(tap);
}
