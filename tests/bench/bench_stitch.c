/* bench_stitch.c - a stream of patches' class maps through gn-stitch --labels --to-source: how
 * long, and the most memory that gn-stitch holds. No network is needed, and no more memory than a
 * patch.
 *
 *   MODE PATCH OVERLAP CLASSES X Y Z SX SY SZ   cubes of PATCH voxels of an image of X x Y x Z, put
 *       together by MODE, on a source grid of SX x SY x SZ that shares no voxel centre with it;
 *       WORK is gn-stitch's peak resident memory in bytes
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "image/patch.h"
#include "serve.h"
#include "stream/stream.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct plan {
    char mode[16];
    int64_t patch, overlap, classes, size[3], source[3];
};

/* Probabilities: in patch i class i mod classes has 0.9, the others share the rest. */
static int write_patches(const struct plan *p)
{
    const int64_t patch[3] = { p->patch, p->patch, p->patch };
    const int64_t overlap[3] = { p->overlap, p->overlap, p->overlap };
    double source[12] = { 0 }, affine[12];
    struct gn_err err = { 0 };
    struct gn_patch_grid g;
    struct gn_record r = { 0 };
    struct gn_tensor t;
    struct gn_str list = { 0 };
    struct gn_writer *w = gn_writer_open("-", &err);
    if (!w || gn_patch_grid_init(&g, p->size, patch, overlap, &err) ||
        gn_tensor_new4(&t, GN_FLOAT32, p->classes, patch[2], patch[1], patch[0], &err))
        goto fail;
    const int64_t voxels = gn_grid_voxels(patch);
    const float low = 0.1f / (float)p->classes;
    float *v = t.data;
    for (int64_t i = 0; i < voxels * p->classes; i++)
        v[i] = low;
    for (int64_t c = 0; c < p->classes; c++)
        gn_str_addf(&list, "%s%lld", c ? " " : "", (long long)c);
    for (int k = 0; k < 3; k++) /* both cover the same box: never voxel centre on voxel centre */
        source[5 * k] = (double)p->size[k] / (double)p->source[k] * 0.999;
    gn_record_take(&r, &t, "czyx");
    gn_record_set(&r, "sample", "one");
    gn_record_set(&r, "role", "prediction");
    gn_record_set(&r, "stitch", "%s", p->mode);
    gn_record_set(&r, "class_list", "%s", list.data);
    gn_record_set_ints(&r, "source.shape", p->source, 3);
    gn_record_set_reals(&r, "source.affine", source, 12);
    gn_record_set_ints(&r, "patch.size", patch, 3);
    gn_record_set_ints(&r, "patch.of", p->size, 3);
    gn_record_set_ints(&r, "patch.overlap", overlap, 3);
    for (int64_t i = 0; i < g.n; i++) {
        int64_t at[3];
        gn_patch_grid_origin(&g, i, at);
        for (int k = 0; k < 12; k++)
            affine[k] = k % 5 == 0 ? 1 : k % 4 == 3 ? (double)at[k / 4] + 0.25 : 0;
        gn_record_set_reals(&r, "affine", affine, 12);
        gn_record_set_ints(&r, "patch.origin", at, 3);
        gn_record_set(&r, "patch.index", "%lld/%lld", (long long)i, (long long)g.n);
        for (int64_t c = 0; c < p->classes; c++)
            for (int64_t q = 0; (c == i % p->classes || v[c * voxels] > low) && q < voxels; q++)
                v[c * voxels + q] = c == i % p->classes ? 0.9f : low;
        gn_record_touch(&r);
        if (gn_writer_put(w, &r))
            goto fail;
    }
    if (gn_writer_end(w, 0))
        goto fail;
    return 0;
fail:
    fprintf(stderr, "bench_stitch: %s\n", err.code || !w ? err.text : gn_writer_error(w)->text);
    return 1;
}

static double run(const char *line, double *work)
{
    struct plan p;
    struct rusage use;
    long long n[9];
    int ends[2], status[2] = { 1, 1 };
    if (sscanf(line, "%15s %lld %lld %lld %lld %lld %lld %lld %lld %lld", p.mode, &n[0], &n[1],
               &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8]) != 10 || pipe(ends))
        return -1;
    p.patch = n[0];
    p.overlap = n[1];
    p.classes = n[2];
    for (int k = 0; k < 3; k++) {
        p.size[k] = n[3 + k];
        p.source[k] = n[6 + k];
    }
    const double since = now();
    const pid_t reader = fork(); /* first: its peak counts from this small program's on */
    if (reader == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(ends[0], 0);
        dup2(null, 1);
        close(ends[0]);
        close(ends[1]);
        execlp("gn-stitch", "gn-stitch", "--labels", "--to-source", (char *)NULL);
        _exit(127);
    }
    const pid_t writer = fork();
    if (writer == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        _exit(write_patches(&p));
    }
    close(ends[0]);
    close(ends[1]);
    if (reader < 0 || writer < 0 || waitpid(writer, &status[1], 0) != writer ||
        wait4(reader, &status[0], 0, &use) != reader || status[0] || status[1])
        return -1;
    *work = 1024.0 * (double)use.ru_maxrss;
    return now() - since;
}

int main(void)
{
    return bench_serve(run);
}
