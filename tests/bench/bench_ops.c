/* bench_ops.c - convolutions of the cpu backend: GFLOP/s and share of the FMA peak measured in the
 * same run.
 *
 *   bench_ops [THREADS [ROUNDS]]     prints one line a shape and direction; the figure is the best
 * of ROUNDS
 */
#include <stdio.h>
#include <stdlib.h>

#include "backend/cpu/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "peak.h"

struct shape {
    const char *name;
    int64_t cin, cout, d, h, w;
    int kernel[3], stride;
};

static const struct shape shapes[] = {
    {"32>32 64^3", 32, 32, 64, 64, 64, {3, 3, 3}, 1},
    {"32>32 96^3", 32, 32, 96, 96, 96, {3, 3, 3}, 1},
    {"64>32 64^3", 64, 32, 64, 64, 64, {3, 3, 3}, 1},
    {"64>64 32^3", 64, 64, 32, 32, 32, {3, 3, 3}, 1},
    {"128>128 16^3", 128, 128, 16, 16, 16, {3, 3, 3}, 1},
    {"256>256 8^3", 256, 256, 8, 8, 8, {3, 3, 3}, 1},
    {"256>256 4^3", 256, 256, 4, 4, 4, {3, 3, 3}, 1},
    {"4>32 64^3", 4, 32, 64, 64, 64, {3, 3, 3}, 1},
    {"32>64 64^3 stride 2", 32, 64, 64, 64, 64, {3, 3, 3}, 2},
    {"64>32 64^3 1x1x1", 64, 32, 64, 64, 64, {1, 1, 1}, 1},
    {"32>32 256^2", 32, 32, 1, 256, 256, {1, 3, 3}, 1},
    {"128>128 64^2", 128, 128, 1, 64, 64, {1, 3, 3}, 1},
};

static float *random_floats(size_t n)
{
    float *p = gn_try_alloc(n * sizeof *p, &(struct gn_err){0});
    uint32_t s = 1;
    for (size_t i = 0; p && i < n; i++) {
        s = s * 1664525u + 1013904223u;
        p[i] = (float)(s >> 8) / (1 << 24) - 0.5f;
    }
    return p;
}

static struct gn_cpu_tensor tensor(int64_t c, int64_t d, int64_t h, int64_t w, const int halo[3],
                                   int cb)
{
    struct gn_cpu_tensor t = {NULL, 1, c, d, h, w, halo[0], halo[1], halo[2], cb, 0};
    float *dense = random_floats((size_t)(c * d * h * w));
    t.p = random_floats(gn_cpu_bytes(&t) / sizeof(float));
    gn_cpu_import(&t, dense);
    free(dense);
    return t;
}

static void bench(const struct shape *s, int rounds, double peak)
{
    int pad[3], halo_x[3], halo_dy[3];
    for (int a = 0; a < 3; a++)
        pad[a] = s->kernel[a] / 2;
    int sd = s->d == 1 ? 1 : s->stride;
    struct gn_cpu_conv cv = {{s->kernel[0], s->kernel[1], s->kernel[2]},
                             {sd, s->stride, s->stride},
                             {pad[0], pad[1], pad[2]},
                             {1, 1, 1}};
    int64_t in[3] = {s->d, s->h, s->w}, out[3];
    for (int a = 0; a < 3; a++)
        out[a] = gn_cpu_conv_out(in[a], cv.kernel[a], cv.stride[a], pad[a], 1);
    gn_cpu_conv_halo(&cv, in, halo_x, halo_dy);
    struct gn_cpu_tensor x = tensor(s->cin, s->d, s->h, s->w, halo_x, s->cin < 16 ? 1 : 16);
    struct gn_cpu_tensor y = tensor(s->cout, out[0], out[1], out[2], halo_dy, 16);
    size_t nw = (size_t)(s->cin * s->cout * s->kernel[0] * s->kernel[1] * s->kernel[2]);
    float *w = random_floats(nw), *dw = random_floats(nw), *db = random_floats((size_t)s->cout);
    float *fw = random_floats(gn_cpu_pack_forward_size(&cv, s->cin, s->cout, x.cb));
    float *bw = random_floats(gn_cpu_pack_backward_size(&cv, s->cin, s->cout));
    double *stats = gn_alloc((size_t)s->cout * 4 * sizeof *stats);
    size_t scratch_f = gn_cpu_conv_forward_scratch(&y),
           scratch_w = gn_cpu_conv_backward_weights_scratch(&cv, &x, &y);
    void *scratch = random_floats((scratch_f > scratch_w ? scratch_f : scratch_w) / sizeof(float) +
                                  16);
    gn_cpu_pack_forward(&cv, s->cin, s->cout, x.cb, w, db, fw);
    gn_cpu_pack_backward(&cv, s->cin, s->cout, w, bw);
    double flop = 2.0 * (double)nw * (double)(out[0] * out[1] * out[2]), best[3] = {1e9, 1e9, 1e9};
    for (int r = 0; r < rounds; r++)
        for (int k = 0; k < 3; k++) {
            if (k == 1 && x.cb == 1)
                continue;
            double t = bench_now();
            if (k == 0)
                gn_cpu_conv_forward(&cv, &x, fw, &y, NULL, stats, scratch);
            else if (k == 1)
                gn_cpu_conv_backward_data(&cv, &y, bw, &x, NULL);
            else
                gn_cpu_conv_backward_weights(&cv, &x, &y, dw, db, scratch);
            t = bench_now() - t;
            best[k] = t < best[k] ? t : best[k];
        }
    printf("%-20s", s->name);
    for (int k = 0; k < 3; k++)
        printf("  %s %6.1f GFLOP/s %3.0f %%", (const char *[]){"F", "BD", "BW"}[k],
               flop / best[k] * 1e-9, 100 * flop / best[k] * 1e-9 / peak);
    printf("\n");
    free(x.p), free(y.p), free(w), free(dw), free(db), free(fw), free(bw), free(stats),
        free(scratch);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : gn_pool_default_threads(),
        rounds = argc > 2 ? atoi(argv[2]) : 5;
    gn_pool_start(threads);
    double one = bench_peak(1), peak = bench_peak(threads);
    printf("%s: FMA peak %.1f GFLOP/s on 1 thread, %.1f on %d\n", gn_cpu_kernels()->name, one, peak,
           threads);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (argc < 4 || atoi(argv[3]) == (int)i)
            bench(&shapes[i], rounds, peak);
    gn_pool_stop();
    return 0;
}
