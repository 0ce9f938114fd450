/* bench_ops.c - single convolutions of the cpu backend, float32, batch 1.
 *
 *   conv DIRECTION IN OUT D H W KERNEL STRIDE     DIRECTION: forward, data, weights
 *
 * KERNEL and STRIDE hold for the axes that are longer than 1. Forward adds the bias and takes the
 * sums that a norm needs; weights gives the bias's gradient too. WORK is the nominal FLOP: 2 a tap,
 * whatever the algorithm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "peak.h"
#include "serve.h"

static struct {
    char shape[256];
    struct gn_cpu_conv cv;
    struct gn_cpu_tensor x, y;
    float *w, *dw, *db, *forward, *backward;
    double *stats, flop;
    void *scratch;
} now;

static float *random_floats(size_t n)
{
    float *p = gn_alloc(n * sizeof *p);
    uint32_t s = 1;

    for (size_t i = 0; i < n; i++) {
        s = s * 1664525u + 1013904223u;
        p[i] = (float)(s >> 8) / (1 << 24) - 0.5f;
    }
    return p;
}

static struct gn_cpu_tensor tensor(int64_t c, const int64_t size[3], const int halo[3])
{
    struct gn_cpu_tensor t = { NULL,    1,       c,       size[0],         size[1], size[2],
                               halo[0], halo[1], halo[2], c < 16 ? 1 : 16, 0 };
    float *dense = random_floats((size_t)(c * size[0] * size[1] * size[2]));

    t.p = random_floats(gn_cpu_bytes(&t) / sizeof(float));
    gn_cpu_import(&t, dense);
    free(dense);
    return t;
}

static void forget(void)
{
    free(now.x.p);
    free(now.y.p);
    free(now.w);
    free(now.dw);
    free(now.db);
    free(now.forward);
    free(now.backward);
    free(now.stats);
    free(now.scratch);
    memset(&now, 0, sizeof now);
}

static void prepare(int64_t cin, int64_t cout, const int64_t in[3], int kernel, int stride)
{
    int halo_x[3], halo_dy[3];
    int64_t out[3];
    size_t weights = (size_t)(cin * cout), f, b;

    forget();
    for (int a = 0; a < 3; a++) {
        bool flat = in[a] == 1;

        now.cv.kernel[a] = flat ? 1 : kernel;
        now.cv.stride[a] = flat ? 1 : stride;
        now.cv.pad[a] = now.cv.kernel[a] / 2;
        now.cv.dilation[a] = 1;
        weights *= (size_t)now.cv.kernel[a];
        out[a] = gn_cpu_conv_out(in[a], now.cv.kernel[a], now.cv.stride[a], now.cv.pad[a], 1);
    }
    gn_cpu_conv_halo(&now.cv, in, halo_x, halo_dy);
    now.x = tensor(cin, in, halo_x);
    now.y = tensor(cout, out, halo_dy);
    now.w = random_floats(weights);
    now.dw = random_floats(weights);
    now.db = random_floats((size_t)cout);
    now.forward = random_floats(gn_cpu_pack_forward_size(&now.cv, cin, cout, now.x.cb));
    now.backward = random_floats(gn_cpu_pack_backward_size(&now.cv, cin, cout));
    now.stats = gn_alloc((size_t)cout * 4 * sizeof *now.stats);
    f = gn_cpu_conv_forward_scratch(&now.y);
    b = gn_cpu_conv_backward_weights_scratch(&now.cv, &now.x, &now.y);
    now.scratch = gn_alloc(f > b ? f : b);
    gn_cpu_pack_forward(&now.cv, cin, cout, now.x.cb, now.w, now.db, now.forward);
    gn_cpu_pack_backward(&now.cv, cin, cout, now.w, now.backward);
    now.flop = 2.0 * (double)weights * (double)(out[0] * out[1] * out[2]);
}

static double run(const char *line, double *work)
{
    char direction[16];
    int cin, cout, d, h, w, kernel, stride, at = 0;
    double t;

    if (sscanf(line, "conv %15s %n%d %d %d %d %d %d %d", direction, &at, &cin, &cout, &d, &h, &w,
               &kernel, &stride) != 8 || strlen(line + at) >= sizeof now.shape)
        return -1;
    if (strcmp(line + at, now.shape) != 0) {
        prepare(cin, cout, (int64_t[3]){ d, h, w }, kernel, stride);
        strcpy(now.shape, line + at);
    }
    *work = now.flop;
    t = bench_now();
    if (!strcmp(direction, "forward"))
        gn_cpu_conv_forward(&now.cv, &now.x, now.forward, &now.y, NULL, now.stats, now.scratch);
    else if (!strcmp(direction, "data") && now.x.cb == 16) /* no one asks for that of an image */
        gn_cpu_conv_backward_data(&now.cv, &now.y, now.backward, &now.x, NULL);
    else if (!strcmp(direction, "weights"))
        gn_cpu_conv_backward_weights(&now.cv, &now.x, &now.y, now.dw, now.db, now.scratch);
    else
        return -1;
    return bench_now() - t;
}

int main(int argc, char **argv)
{
    int rc;

    gn_pool_start(argc > 1 ? atoi(argv[1]) : 2);
    rc = bench_serve(run);
    forget();
    gn_pool_stop();
    return rc;
}
