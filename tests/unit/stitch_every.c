/* stitch_every.c - properties of cutting and stitching over many sizes, patches and overlaps: what
 * is cut becomes the whole again, and no voxel depends on how it was cut. */
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/pool.h"
#include "check.h"
#include "image/crop.h"
#include "image/patch.h"
#include "image/resample.h"
#include "image/slab.h"
#include "image/stitch.h"

static struct gn_err err;
enum { CLASSES = 3 };

/* A repeatable number that is as good as random. */
static uint32_t scramble(uint32_t x)
{
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}

/* Maps of that size: of both signs and all magnitudes, or probabilities. */
static struct gn_tensor make_maps(const int64_t size[3], bool probabilities)
{
    struct gn_tensor t;
    if (gn_tensor_new4(&t, GN_FLOAT32, CLASSES, size[2], size[1], size[0], &err))
        exit(1);
    for (int64_t i = 0; i < gn_tensor_count(&t); i++) {
        const uint32_t r = scramble((uint32_t)i + 1);
        const float u = (float)(r >> 8) / 0x1p24f;
        ((float *)t.data)[i] = probabilities ? u : ldexpf(u - 0.5f, (int)(r % 64) - 32) + 1e-30f;
    }
    return t;
}

/* Cut every patch of the grid and stitch. padded: images smaller than the patch are filled with
 * zeros at their far ends. */
static int stitch(const struct gn_tensor *maps, const struct gn_patch_grid *g,
                  enum gn_stitch_mode mode, const struct gn_stitch_sink *sink,
                  struct gn_tensor *out)
{
    struct gn_stitcher *s =
        gn_stitcher_new(g->size, g->patch, CLASSES, mode, g->overlap, sink, &err);
    float *v = calloc((size_t)(CLASSES * gn_grid_voxels(g->patch)), sizeof *v);
    int ok = s && gn_stitcher_count(s) == g->n;
    for (int64_t i = 0; ok && i < g->n; i++) {
        int64_t at[3];
        gn_patch_grid_origin(g, i, at);
        gn_patch_read_float(maps, at, g->patch, v);
        ok = gn_stitcher_add(s, at, v, &err) == 0;
    }
    ok = ok && gn_stitcher_finish(s, out, &err) == 0;
    free(v);
    gn_stitcher_free(s);
    return ok;
}

/* Steps between two floats of one sign. */
static int64_t ulps(float a, float b)
{
    int32_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return x > y ? (int64_t)x - y : (int64_t)y - x;
}

static int64_t furthest(const struct gn_tensor *a, const struct gn_tensor *b)
{
    int64_t most = 0;
    if (gn_tensor_count(a) != gn_tensor_count(b))
        return INT64_MAX;
    for (int64_t i = 0; i < gn_tensor_count(a); i++) {
        int64_t d = ulps(((const float *)a->data)[i], ((const float *)b->data)[i]);
        most = d > most ? d : most;
    }
    return most;
}

/* Every even overlap along every axis, for one size and patch. Counts grids, those that fail, and
 * the patches of all. */
struct tally {
    int64_t grids, patches, wrong[3], most;
};

static void every_overlap(const int64_t size[3], const int64_t patch[3], struct tally *t)
{
    struct gn_tensor maps = make_maps(size, false);
    int64_t o[3];
    for (o[2] = 0; o[2] < patch[2]; o[2] += 2)
        for (o[1] = 0; o[1] < patch[1]; o[1] += 2)
            for (o[0] = 0; o[0] < patch[0]; o[0] += 2) {
                struct gn_patch_grid g;
                if (gn_patch_grid_init(&g, size, patch, o, &err))
                    exit(1);
                t->grids++;
                t->patches += g.n;
                for (int mode = 0; gn_stitch_names[mode]; mode++) {
                    struct gn_tensor out = { 0 };
                    int64_t d = INT64_MAX;
                    if (stitch(&maps, &g, (enum gn_stitch_mode)mode, NULL, &out))
                        d = furthest(&maps, &out);
                    t->wrong[mode] += d > (mode == GN_STITCH_HANN);
                    if (mode == GN_STITCH_HANN && d != INT64_MAX)
                        t->most = d > t->most ? d : t->most;
                    gn_tensor_free(&out);
                }
            }
    gn_tensor_free(&maps);
}

static void report(const char *what, const struct tally *t)
{
    char name[120];
    for (int mode = 0; gn_stitch_names[mode]; mode++) {
        snprintf(name, sizeof name, "every overlap, %s, %s: as it was, %s", what,
                 gn_stitch_names[mode], mode == GN_STITCH_HANN ? "within 1 ulp" : "bit for bit");
        CHECK(name, t->wrong[mode] == 0 && t->grids > 100);
    }
    printf("# %lld grids of %lld patches; hann: %lld ulp\n", (long long)t->grids,
           (long long)t->patches, (long long)t->most);
}

static void overlaps(void)
{
    struct tally flat = { 0 }, solid = { 0 }, small = { 0 };
    for (int64_t nx = 5; nx <= 13; nx++)
        for (int64_t px = 1; px <= nx; px++) {
            const int64_t ny = 4 + (3 * nx + px) % 7, py = 1 + (nx + 2 * px) % ny;
            every_overlap((int64_t[]){ nx, ny, 1 }, (int64_t[]){ px, py, 1 }, &flat);
        }
    report("2-D", &flat);
    for (int64_t n = 4; n <= 9; n++)
        for (int64_t p = 2; p <= 6; p++) {
            const int64_t size[3] = { n, 4 + (2 * n + p) % 5, 3 + (n + 2 * p) % 6 };
            int64_t patch[3] = { p, 2 + (n + p) % 5, 1 + (2 * n + p) % 6 };
            for (int k = 0; k < 3; k++)
                patch[k] = patch[k] < size[k] ? patch[k] : size[k];
            every_overlap(size, patch, &solid);
        }
    report("3-D", &solid);
    for (int64_t n = 1; n <= 6; n++) /* along one, two or three axes the image is the smaller */
        for (int axes = 1; axes < 8; axes++) {
            const int64_t size[3] = { n + 1, 7 - n, n };
            int64_t patch[3];
            for (int k = 0; k < 3; k++)
                patch[k] = axes >> k & 1 ? size[k] + 1 + (n + k) % 3 : 1 + size[k] / 2;
            every_overlap(size, patch, &small);
        }
    report("images smaller than the patch", &small);
}

/* ---- what a sink is given ---- */

struct watch {
    int64_t size[3], last;
    uint8_t *seen;
    int wrong;
};

static int watch_box(void *arg, const struct gn_stitch_box *box, struct gn_err *e)
{
    struct watch *w = arg;
    int64_t first = (box->lo[2] * w->size[1] + box->lo[1]) * w->size[0] + box->lo[0];
    (void)e;
    w->wrong += first <= w->last;
    w->last = first;
    for (int64_t z = box->lo[2]; z < box->hi[2]; z++)
        for (int64_t y = box->lo[1]; y < box->hi[1]; y++)
            for (int64_t x = box->lo[0]; x < box->hi[0]; x++) {
                int64_t at = (z * w->size[1] + y) * w->size[0] + x;
                w->wrong += w->seen[at]++;
            }
    return 0;
}

static const int64_t grids[][9] = {
    /* size, patch, overlap */
    {11, 9, 8, 4, 4, 4, 2, 2, 2},   {13, 10, 9, 5, 4, 3, 0, 2, 2},  {9, 9, 7, 9, 3, 7, 4, 0, 0},
    {7, 8, 6, 3, 8, 2, 2, 0, 0},    {10, 7, 5, 6, 5, 4, 4, 4, 2},   {6, 5, 4, 8, 2, 3, 2, 0, 2},
    {37, 21, 1, 16, 8, 1, 4, 6, 0}, {23, 6, 5, 20, 5, 5, 18, 2, 0}, {5, 5, 9, 5, 5, 2, 0, 0, 0},
};
enum { GRIDS = sizeof grids / sizeof *grids };

static void init_grid(struct gn_patch_grid *g, int i)
{
    if (gn_patch_grid_init(g, grids[i], grids[i] + 3, grids[i] + 6, &err))
        exit(1);
}

static void boxes(void)
{
    int wrong = 0;
    for (int i = 0; i < GRIDS; i++)
        for (int mode = 0; gn_stitch_names[mode]; mode++) {
            struct gn_patch_grid g;
            init_grid(&g, i);
            struct watch w = { .last = -1 };
            struct gn_stitch_sink sink = { watch_box, &w };
            struct gn_tensor maps = make_maps(g.size, false), none = { 0 };
            memcpy(w.size, g.size, sizeof w.size);
            w.seen = calloc((size_t)gn_grid_voxels(g.size), 1);
            wrong += !stitch(&maps, &g, (enum gn_stitch_mode)mode, &sink, &none) || w.wrong;
            for (int64_t k = 0; k < gn_grid_voxels(g.size); k++)
                wrong += w.seen[k] != 1;
            free(w.seen);
            gn_tensor_free(&maps);
        }
    CHECK("boxes come in order and hold every voxel once", wrong == 0);
}

/* ---- slabs: the whole, resampled and decoded, from boxes of any cut ---- */

static const int64_t values[CLASSES] = { 0, 1, 200 };

/* Maps from voxels of an output to voxels of an image of that size, and the output's size. */
static void view(int kind, const int64_t n[3], double map[12], int64_t to[3])
{
    static const int turned[3] = { 1, 2, 0 };
    static const double step[][3] = { { .7, .6, .45 },  { 1.6, 1.3, 2.4 }, { 1, 1, 1 },
                                      { 1, .5, 1 },     { -.8, 1, -1.7 },  { -1, -1, -1 },
                                      { .9, -1.2, .5 }, { 1, 1, .7 } };
    memset(map, 0, 12 * sizeof *map);
    for (int k = 0; k < 3; k++) {
        const int from = kind % 2 ? turned[k] : k; /* map axis k follows output axis `from` */
        const double s = step[kind][k];
        to[from] = (int64_t)ceil((double)n[k] / fabs(s)) + (kind == 2 || kind == 4);
        map[4 * k + from] = s;
        map[4 * k + 3] = (s < 0 ? (double)n[k] - 1 : 0) + (kind == 2 ? -1 : (fabs(s) - 1) / 4);
    }
}
enum { VIEWS = 8 };

static int slab_of(int i, int mode, const double *map, const int64_t to[3], bool labels,
                   enum gn_decode how)
{
    struct gn_patch_grid g;
    struct gn_slab_decode d = { how, 0.6, values };
    struct gn_tensor whole = { 0 }, maps = { 0 }, want = { 0 }, got = { 0 }, none = { 0 };
    size_t bytes;
    init_grid(&g, i);
    struct gn_tensor in = make_maps(g.size, true);
    struct gn_slab *b = gn_slab_new(g.size, CLASSES, map, to, labels ? &d : NULL, &err);
    struct gn_stitch_sink sink = { gn_slab_box, b };
    int ok = b && stitch(&in, &g, (enum gn_stitch_mode)mode, NULL, &whole) &&
             stitch(&in, &g, (enum gn_stitch_mode)mode, &sink, &none) &&
             gn_slab_finish(b, &got, &err) == 0;
    ok = ok && (!map || gn_resample(&whole, map, to, GN_INTERP_LINEAR, 0, &maps, &err) == 0);
    const struct gn_tensor *from = map ? &maps : &whole;
    if (ok && labels) {
        ok = gn_decode_tensor(from, d.decode, d.threshold, values, &want, &err) == 0;
        for (int64_t k = 0; ok && k < gn_tensor_count(&want); k++) { /* outside: 0 */
            bool any = false;
            for (int c = 0; c < CLASSES; c++)
                any |= ((const float *)from->data)[c * gn_tensor_count(&want) + k] != 0;
            if (!any)
                gn_tensor_set(&want, k, 0);
        }
        from = &want;
    }
    ok = ok && gn_tensor_bytes(from, &bytes, &err) == 0 && from->dtype == got.dtype &&
         !memcmp(from->shape, got.shape, 4 * sizeof *got.shape) &&
         !memcmp(from->data, got.data, bytes);
    gn_slab_free(b);
    gn_tensor_free(&in);
    gn_tensor_free(&whole);
    gn_tensor_free(&maps);
    gn_tensor_free(&want);
    gn_tensor_free(&got);
    return ok;
}

static void slabs(int threads)
{
    char name[120];
    int wrong[2] = { 0, 0 }, runs = 0;
    gn_pool_start(threads);
    for (int i = 0; i < GRIDS; i++)
        for (int kind = -1; kind < VIEWS; kind++)
            for (int mode = 0; gn_stitch_names[mode]; mode++)
                for (int what = 0; what < 3; what++) {
                    double map[12];
                    int64_t to[3] = { 0 };
                    if (kind >= 0)
                        view(kind, grids[i], map, to);
                    int ok = slab_of(i, mode, kind < 0 ? NULL : map, kind < 0 ? grids[i] : to,
                                     what > 0, what > 1 ? GN_DECODE_ARGMAX : GN_DECODE_THRESHOLD);
                    wrong[what > 0] += !ok;
                    runs++;
                }
    gn_pool_stop();
    snprintf(name, sizeof name, "maps of boxes on any grid equal those of the whole, %d thread%s",
             threads, threads > 1 ? "s" : "");
    CHECK(name, wrong[0] == 0 && runs == GRIDS * (VIEWS + 1) * 9);
    snprintf(name, sizeof name, "labels of boxes on any grid equal those of the whole, %d thread%s",
             threads, threads > 1 ? "s" : "");
    CHECK(name, wrong[1] == 0);
}

/* ---- sums in a file ---- */

static void files(void)
{
    const size_t limit = gn_mem_limit();
    int wrong = 0, filed = 0;
    for (int threads = 1; threads <= 4; threads += 3) {
        gn_pool_start(threads);
        for (int i = 0; i < GRIDS; i++)
            for (int mode = GN_STITCH_AVERAGE; mode <= GN_STITCH_HANN; mode++) {
                struct gn_patch_grid g;
                struct gn_tensor held = { 0 }, out = { 0 };
                init_grid(&g, i);
                struct gn_tensor maps = make_maps(g.size, false);
                wrong += !stitch(&maps, &g, (enum gn_stitch_mode)mode, NULL, &held);
                double bytes = gn_stitcher_bytes(g.size, g.patch, CLASSES,
                                                 (enum gn_stitch_mode)mode);
                const double plane = 4.0 * CLASSES * (double)(g.size[0] * g.size[1]);
                gn_mem_set_limit((size_t)(4 * (bytes - plane)) - 1);
                filed += gn_stitcher_bytes(g.size, g.patch, CLASSES, (enum gn_stitch_mode)mode) ==
                         plane;
                wrong += !stitch(&maps, &g, (enum gn_stitch_mode)mode, NULL, &out) ||
                         furthest(&held, &out) != 0;
                gn_mem_set_limit(limit);
                gn_tensor_free(&maps);
                gn_tensor_free(&held);
                gn_tensor_free(&out);
            }
        gn_pool_stop();
    }
    CHECK("sums too many to be held go to a file, and nothing changes",
          wrong == 0 && filed == 4 * GRIDS);
    const int64_t n[3] = { 40, 40, 40 }, p[3] = { 16, 16, 16 }, o[3] = { 0, 0, 0 };
    setenv("TMPDIR", "/nowhere/at/all", 1);
    gn_mem_set_limit(1 << 20);
    struct gn_stitcher *s = gn_stitcher_new(n, p, CLASSES, GN_STITCH_HANN, o, NULL, &err);
    CHECK("where no file can be made, that is said",
          !s && strstr(err.text, "/nowhere/at/all: no temporary file can be made"));
    gn_stitcher_free(s);
    gn_err_clear(&err);
    gn_mem_set_limit(limit);
}

int main(void)
{
    overlaps();
    boxes();
    slabs(1);
    slabs(4);
    files();
    return check_done();
}
