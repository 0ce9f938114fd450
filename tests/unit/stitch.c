/* stitch.c - stitching against TorchIO, decoding, and slabs against whole volumes. */
#include "image/stitch.h"

#include "base/pool.h"
#include "check.h"
#include "golden.h"
#include "image/patch.h"
#include "image/resample.h"
#include "image/slab.h"

static struct golden *all;
static int count;
static struct gn_err err;

static const struct golden *get(const char *fmt, int i, const char *mode)
{
    char name[64], full[80];
    snprintf(name, sizeof name, fmt, i);
    snprintf(full, sizeof full, "%s%s", name, mode);
    return golden_find(all, count, full);
}

static int near(const struct gn_tensor *t, const double *v, int64_t n, double tol)
{
    int ok = gn_tensor_count(t) == n;
    for (int64_t i = 0; ok && i < n; i++)
        ok = fabs(gn_tensor_get(t, i) - v[i]) <= tol * fmax(1, fabs(v[i]));
    return ok;
}

/* Constant patches 0, 1, 2 ... along x. */
static void row(const char *name, int64_t n, int64_t p, int64_t o, enum gn_stitch_mode mode,
                const double *want)
{
    int64_t size[3] = { n, 1, 1 }, patch[3] = { p, 1, 1 }, overlap[3] = { o, 0, 0 }, at[3];
    struct gn_patch_grid g;
    struct gn_tensor out = { 0 };
    float v[16];
    if (gn_patch_grid_init(&g, size, patch, overlap, &err))
        exit(1);
    struct gn_stitcher *s = gn_stitcher_new(size, patch, 1, mode, overlap, NULL, &err);
    int ok = s != NULL;
    for (int64_t i = 0; ok && i < g.n; i++) {
        gn_patch_grid_origin(&g, i, at);
        for (int k = 0; k < 16; k++)
            v[k] = (float)i;
        ok = gn_stitcher_add(s, at, v, &err) == 0;
    }
    ok = ok && gn_stitcher_finish(s, &out, &err) == 0;
    CHECK(name, ok && near(&out, want, n, 1e-6));
    gn_tensor_free(&out);
    gn_stitcher_free(s);
}

static void rows(void)
{
    row("G63 aggregate (10,5,2), crop, as TorchIO", 10, 5, 2, GN_STITCH_CROP,
        (const double[]){ 0, 0, 0, 0, 1, 1, 2, 2, 2, 2 });
    row("G63 aggregate (10,5,2), average, as TorchIO", 10, 5, 2, GN_STITCH_AVERAGE,
        (const double[]){ 0, 0, 0, .5, .5, 1.5, 1.5, 1.5, 2, 2 });
    row("G63 aggregate (10,5,2), hann, as TorchIO", 10, 5, 2, GN_STITCH_HANN,
        (const double[]){ 0, 0, 0, .25, .75, 1.2, 1.5, 1.8, 2, 2 });
    row("G64 aggregate (9,4,2), crop, as TorchIO", 9, 4, 2, GN_STITCH_CROP,
        (const double[]){ 0, 0, 0, 1, 1, 2, 3, 3, 3 });
    row("G64 aggregate (9,4,2), average, as TorchIO", 9, 4, 2, GN_STITCH_AVERAGE,
        (const double[]){ 0, 0, .5, .5, 1.5, 2, 2.5, 2.5, 3 });
    const double a = (5 - sqrt(5)) / 10; /* 0.276393 = w0 / (w0 + w2) */
    row("G64 aggregate (9,4,2), hann, as TorchIO", 9, 4, 2, GN_STITCH_HANN,
        (const double[]){ 0, 0, a, 1 - a, 1 + a, 2, 2.5, 3 - a, 3 });
    row("an image smaller than the patch: the rest is cut", 3, 5, 2, GN_STITCH_HANN,
        (const double[]){ 0, 0, 0 });

    /* G65: the weights themselves, as the share of one patch against another of value 0 */
    int64_t size[3] = { 5, 1, 1 }, patch[3] = { 4, 1, 1 }, overlap[3] = { 2, 0, 0 };
    int64_t at[3] = { 0, 0, 0 };
    static const double w[4] = { .345492, .904508, .904508, .345492 };
    struct gn_tensor out = { 0 };
    struct gn_stitcher *s = gn_stitcher_new(size, patch, 1, GN_STITCH_HANN, overlap, NULL, &err);
    float zero[4] = { 0 }, one[4] = { 1, 1, 1, 1 };
    int64_t shifted[3] = { 1, 0, 0 };
    int ok = s && !gn_stitcher_add(s, at, zero, &err) && !gn_stitcher_add(s, shifted, one, &err) &&
             !gn_stitcher_finish(s, &out, &err);
    double want[5] = { 0, w[0] / (w[0] + w[1]), w[1] / (w[1] + w[2]), w[2] / (w[2] + w[3]), 1 };
    CHECK("G65 hann weights for P = 4 as TorchIO", ok && near(&out, want, 5, 1e-5));
    gn_tensor_free(&out);
    gn_stitcher_free(s);
}

/* A grid of tests/data, its patches sent in our order. sink NULL: into out. */
static int send(int i, enum gn_stitch_mode mode, const struct gn_stitch_sink *sink,
                struct gn_tensor *out, int skip)
{
    const struct golden *c = get("grid%d", i, ""), *starts = get("grid%d.starts", i, "");
    const struct golden *data = get("grid%d.patches", i, "");
    int64_t size[3], patch[3], overlap[3], at[3];
    struct gn_patch_grid g;
    for (int k = 0; k < 3; k++) {
        size[k] = (int64_t)c->v[k];
        patch[k] = (int64_t)c->v[3 + k];
        overlap[k] = (int64_t)c->v[6 + k];
    }
    if (gn_patch_grid_init(&g, size, patch, overlap, &err))
        return 0;
    struct gn_stitcher *s = gn_stitcher_new(size, patch, 2, mode, overlap, sink, &err);
    int64_t n = 2 * gn_grid_voxels(patch);
    float *v = malloc((size_t)n * sizeof *v);
    int ok = s != NULL;
    for (int64_t p = 0; ok && p < g.n; p++) {
        gn_patch_grid_origin(&g, p, at);
        int64_t q = 0;
        while (at[0] != starts->v[3 * q] || at[1] != starts->v[3 * q + 1] ||
               at[2] != starts->v[3 * q + 2])
            q++;
        for (int64_t k = 0; k < n; k++)
            v[k] = (float)data->v[q * n + k];
        if (p != skip)
            ok = gn_stitcher_add(s, at, v, &err) == 0;
    }
    ok = ok && gn_stitcher_finish(s, out, &err) == 0;
    free(v);
    gn_stitcher_free(s);
    return ok;
}

static void volumes(void)
{
    for (int i = 0; i < 3; i++)
        for (int m = 0; gn_stitch_names[m]; m++) {
            struct gn_tensor out = { 0 };
            char name[100], mode[20];
            snprintf(mode, sizeof mode, ".%s", gn_stitch_names[m]);
            const struct golden *g = get("grid%d", i, mode);
            int ok = send(i, (enum gn_stitch_mode)m, NULL, &out, -1);
            snprintf(name, sizeof name, "two maps of grid %d by %s as TorchIO", i,
                     gn_stitch_names[m]);
            CHECK(name, ok && near(&out, g->v, g->n, m == GN_STITCH_CROP ? 0 : 1e-6));
            gn_tensor_free(&out);
        }
    struct gn_tensor out = { 0 };
    CHECK("a missing patch leaves a hole, which is an error",
          !send(0, GN_STITCH_AVERAGE, NULL, &out, 3) &&
          strstr(err.text, "missing"));
    gn_err_clear(&err);
    int64_t n[3] = { 4, 4, 4 }, p[3] = { 4, 4, 2 }, o[3] = { 0, 0, 0 }, hi[3] = { 0, 0, 2 };
    struct gn_stitcher *s = gn_stitcher_new(n, p, 1, GN_STITCH_CROP, o, NULL, &err);
    float v[32] = { 0 };
    CHECK("patches out of order are an error", s && gn_stitcher_add(s, o, v, &err) == 0 &&
          gn_stitcher_add(s, hi, v, &err) == 0 && gn_stitcher_add(s, o, v, &err) == -1);
    gn_err_clear(&err);
    CHECK("errors are sticky", gn_stitcher_finish(s, &out, &err) == -1);
    gn_err_clear(&err);
    gn_stitcher_free(s);
}

static void decode(const char *name, const char *list, enum gn_decode how, const float *p,
                   int64_t want)
{
    int64_t value[8], label = -1;
    int n = gn_decode_values(list, value, 8, &err);
    if (n > 0)
        gn_decode_labels(p, 1, n, 1, how, 0.5, value, &label);
    CHECK(name, label == want);
}

static void decoding(void)
{
    enum gn_decode t = GN_DECODE_THRESHOLD, a = GN_DECODE_ARGMAX;
    decode("softmax below 0.5 everywhere decodes to 0", "0 1 2", t, (float[]){ .4f, .35f, .25f },
           0);
    decode("the later of two classes wins", "0 1 2", t, (float[]){ .3f, .6f, .55f }, 2);
    decode("a joined class counts from 0 when 0 is a class", "0 1||2 2", t,
           (float[]){ .1f, .9f, .2f }, 1);
    decode("and from 1 when it is not", "1||2 2", t, (float[]){ .9f, .2f }, 1);
    decode("labels need not be contiguous", "0 255", t, (float[]){ .1f, .5f }, 255);
    decode("argmax takes the largest", "0 1 4", a, (float[]){ .3f, .3f, .4f }, 4);
    decode("argmax takes the first of equals", "0 1 4", a, (float[]){ .2f, .4f, .4f }, 1);
    int64_t v[4];
    CHECK("a class list that is no list of labels is an error",
          gn_decode_values("0 1||x", v, 4, &err) == -1);
    gn_err_clear(&err);
    CHECK("the smallest dtype is taken", gn_decode_dtype((int64_t[]){ 0, 255 }, 2) == GN_UINT8 &&
          gn_decode_dtype((int64_t[]){ 0, 256 }, 2) == GN_UINT16 &&
          gn_decode_dtype((int64_t[]){ -1, 255 }, 2) == GN_INT16);
}

/* Stitch grid 0 through a slab and compare with stitching, resampling and decoding the whole. */
static void slab(const char *name, const double *map, const int64_t to[3], int labels, int threads)
{
    static const int64_t value[2] = { 3, 300 };
    struct gn_slab_decode d = { GN_DECODE_THRESHOLD, 50, value };
    int64_t size[3] = { 9, 8, 7 };
    struct gn_tensor whole = { 0 }, maps = { 0 }, want = { 0 }, got = { 0 };
    size_t bytes = 0;
    gn_pool_start(threads);
    struct gn_slab *b = gn_slab_new(size, 2, map, to, labels ? &d : NULL, &err);
    struct gn_stitch_sink sink = { gn_slab_box, b };
    int ok = b && send(0, GN_STITCH_HANN, NULL, &whole, -1) &&
             send(0, GN_STITCH_HANN, &sink, &got, -1) &&
             gn_slab_finish(b, &got, &err) == 0;
    if (map)
        ok = ok && gn_resample(&whole, map, to, GN_INTERP_LINEAR, 0, &maps, &err) == 0;
    else
        maps = whole;
    if (labels)
        ok = ok && gn_decode_tensor(&maps, d.decode, d.threshold, value, &want, &err) == 0;
    else
        want = maps;
    gn_pool_stop();
    ok = ok && gn_tensor_bytes(&want, &bytes, &err) == 0 && want.dtype == got.dtype &&
         !memcmp(want.shape, got.shape, 4 * sizeof *want.shape) &&
         !memcmp(want.data, got.data, bytes);
    CHECK(name, ok);
    gn_slab_free(b);
    gn_tensor_free(&got);
    if (map)
        gn_tensor_free(&whole);
    if (labels)
        gn_tensor_free(&want);
    gn_tensor_free(&maps);
}

static void slabs(void)
{
    const int64_t same[3] = { 9, 8, 7 }, finer[3] = { 12, 11, 16 }, coarse[3] = { 6, 7, 3 };
    const int64_t turned[3] = { 9, 13, 8 };
    const double up[12] = { .75, 0, 0, -.125, 0, .7, 0, -.15, 0, 0, .45, -.275 };
    const double down[12] = { 1.5, 0, 0, .25, 0, 1.2, 0, .1, 0, 0, 2.4, .7 };
    const double axes[12] = { 0, .7, 0, -.1, 0, 0, -1, 7, .8, 0, 0, -.6 };
    const double oblique[12] = { .7, .1, 0, 0, -.1, .7, .05, .5, 0, .02, .8, .25 };
    for (int threads = 1; threads <= 4; threads += 3)
        for (int labels = 0; labels < 2; labels++) {
            const char *what = labels ? "labels" : "maps",
                *by = threads > 1 ? "four threads" : "one thread";
            char name[120];
            snprintf(name, sizeof name, "%s on their own grid, plane by plane, %s", what, by);
            slab(name, NULL, same, labels, threads);
            snprintf(name, sizeof name, "%s on a finer grid equal those of the whole, %s", what,
                     by);
            slab(name, up, finer, labels, threads);
            snprintf(name, sizeof name, "%s on a coarser grid equal those of the whole, %s", what,
                     by);
            slab(name, down, coarse, labels, threads);
            snprintf(name, sizeof name, "%s on turned axes equal those of the whole, %s", what, by);
            slab(name, axes, turned, labels, threads);
            snprintf(name, sizeof name, "%s on an oblique grid equal those of the whole, %s", what,
                     by);
            slab(name, oblique, finer, labels, threads);
        }
    const int64_t from[3] = { 240, 240, 155 }, to[3] = { 512, 512, 300 }, value[4] = { 0, 1, 2, 4 };
    struct gn_slab_decode d = { GN_DECODE_THRESHOLD, 0.5, value };
    CHECK("labels to source hold one label volume and two planes of maps",
          gn_slab_bytes(from, 4, up, to, &d) == 512. * 512 * 300 + 2 * 240. * 240 * 16);
}

/* Patches that are not those of the grid. */
static void strangers(void)
{
    const int64_t size[3] = { 9, 8, 8 }, patch[3] = { 8, 8, 8 }, overlap[3] = { 4, 0, 0 };
    const int64_t at[3][3] = { { 0, 0, 0 }, { 1, 0, 0 }, { 8, 0, 0 } };
    static const int order[][3] = { { 0, 2 }, { 1, 0 }, { 0, 0 }, { 0, 1, 1 } };
    static const int n[] = { 2, 1, 2, 3 };
    static float v[512];
    int refused = 0, left = 0;
    for (int mode = 0; gn_stitch_names[mode]; mode++)
        for (int i = 0; i < 4; i++) {
            struct gn_tensor out = { 0 };
            struct gn_stitcher *s = gn_stitcher_new(size, patch, 1, (enum gn_stitch_mode)mode,
                                                    overlap, NULL, &err);
            int bad = !s || gn_stitcher_count(s) != 2;
            for (int k = 0; k < n[i] && !bad; k++)
                bad = gn_stitcher_add(s, at[order[i][k]], v, &err) != (k < n[i] - 1 ? 0 : -1);
            refused += !bad && strstr(err.text, i < 3 ? "missing or out of order" : "more patches");
            gn_err_clear(&err);
            left += !bad && gn_stitcher_finish(s, &out, &err) == -1 && !out.data;
            gn_err_clear(&err);
            gn_stitcher_free(s);
        }
    CHECK("a patch where the grid has none, the second first, one twice, one more: refused",
          refused == 12);
    CHECK("and nothing is left", left == 12);
}

int main(void)
{
    all = golden_read("image.txt", &count);
    rows();
    volumes();
    decoding();
    slabs();
    strangers();
    return check_done();
}
