/* stitch.c - maps of patches into the maps of the image: boxes cut out of patches, or sums in a
 * ring of planes as thick as a patch.
 *
 * The sums of a plane lie in tiles that a patch covers wholly or not at all, all maps of a tile
 * side by side: so a patch is added by few long reads and writes if the ring is a file. */
#include "image/stitch.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pool.h"
#include "base/scratch.h"
#include "image/patch.h"

const char *const gn_stitch_names[] = { "crop", "average", "hann", NULL };

struct gn_stitcher {
    struct gn_patch_grid grid;
    int classes;
    enum gn_stitch_mode mode;
    int64_t next; /* the patch that is due */
    struct gn_stitch_sink sink;
    struct gn_tensor volume; /* without a sink */
    struct gn_err err;
    /* AVERAGE and HANN */
    int64_t depth;     /* planes in the ring; plane z lies in slot z % depth */
    int64_t done;      /* planes handed to the sink */
    int64_t tiles[2];  /* along x and y; tile t spans cut[k][t] .. cut[k][t + 1] - 1 */
    int64_t *cut[2];
    double *sum;       /* [depth][tile][classes, then the weight][y][x], or: */
    int file;          /* that array in a file, -1: it is not */
    double *block;     /* room for a tile's maps for each thread, when there is a file */
    size_t block_n;
    uint8_t *begun;    /* [depth][tile]: has sums, else what is there means nothing */
    double *window[3]; /* HANN */
    float *plane;      /* one finished plane */
    atomic_int failed; /* a read or write of the file did: its error's number */
};

static int keep_box(void *arg, const struct gn_stitch_box *box, struct gn_err *err)
{
    struct gn_stitcher *s = arg;
    const int64_t *n = s->grid.size;
    (void)err;
    for (int c = 0; c < s->classes; c++)
        for (int64_t z = box->lo[2]; z < box->hi[2]; z++)
            for (int64_t y = box->lo[1]; y < box->hi[1]; y++)
                memcpy((float *)s->volume.data + ((c * n[2] + z) * n[1] + y) * n[0] + box->lo[0],
                       box->data + c * box->step[2] + (z - box->lo[2]) * box->step[1] +
                           (y - box->lo[1]) * box->step[0],
                       (size_t)(box->hi[0] - box->lo[0]) * sizeof(float));
    return 0;
}

static int64_t ring_depth(const int64_t size[3], const int64_t patch[3])
{
    return patch[2] < size[2] ? patch[2] : size[2];
}

/* Bytes of sums that are held, above which they go to a file. */
static double most_held(void)
{
    double quarter = (double)gn_mem_limit() / 4;
    return quarter < GN_STITCH_HELD ? quarter : GN_STITCH_HELD;
}

double gn_stitcher_bytes(const int64_t size[3], const int64_t patch[3], int classes,
                         enum gn_stitch_mode mode)
{
    double plane = (double)size[0] * (double)size[1];
    double ring = 8.0 * (classes + 1) * plane * (double)ring_depth(size, patch);
    if (mode == GN_STITCH_CROP)
        return 0;
    return (ring <= most_held() ? ring : 0) + 4.0 * classes * plane;
}

static int by_place(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Where patches start and end along an axis: the borders of tiles. The longest of them. */
static int64_t cut_axis(struct gn_stitcher *s, int axis, struct gn_err *err)
{
    const struct gn_patch_grid *g = &s->grid;
    const int64_t count = g->count[axis], size = g->size[axis];
    int64_t n = 0, longest = 0;
    int64_t *at = s->cut[axis] = gn_try_alloc((size_t)count * 2 * sizeof *at, err);
    if (!at)
        return -1;
    for (int64_t j = 0; j < count; j++) {
        int64_t start = gn_patch_grid_start(g, axis, j), end = start + g->patch[axis];
        at[2 * j] = start;
        at[2 * j + 1] = end < size ? end : size;
    }
    qsort(at, (size_t)(2 * count), sizeof *at, by_place);
    for (int64_t i = 1; i < 2 * count; i++)
        if (at[i] != at[n])
            at[++n] = at[i];
    s->tiles[axis] = n;
    for (int64_t i = 0; i < n; i++)
        longest = at[i + 1] - at[i] > longest ? at[i + 1] - at[i] : longest;
    return longest;
}

/* The tile that begins at a place where a patch does; n for the end of the image. */
static int64_t tile_at(const struct gn_stitcher *s, int axis, int64_t place)
{
    int64_t lo = 0, hi = s->tiles[axis];
    while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        if (s->cut[axis][mid] < place)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static int sums_init(struct gn_stitcher *s, struct gn_err *err)
{
    const int64_t *n = s->grid.size;
    size_t maps = (size_t)s->classes + 1, bytes = maps * sizeof(double), plane = sizeof(float);
    s->depth = ring_depth(n, s->grid.patch);
    const int64_t w = cut_axis(s, 0, err), h = w < 0 ? -1 : cut_axis(s, 1, err);
    if (h < 0 || gn_mul_size(bytes, (size_t)s->depth, &bytes, err) ||
        gn_mul_size(bytes, (size_t)(n[0] * n[1]), &bytes, err) ||
        gn_mul_size(plane, (size_t)s->classes * (size_t)(n[0] * n[1]), &plane, err))
        return -1;
    s->begun = gn_try_alloc((size_t)(s->depth * s->tiles[0] * s->tiles[1]), err);
    s->plane = gn_try_alloc(plane, err);
    if (!s->begun || !s->plane)
        return -1;
    if ((double)bytes <= most_held()) {
        s->sum = gn_try_alloc(bytes, err);
        if (!s->sum)
            return -1;
    } else {
        s->block_n = (size_t)(w * h) * maps;
        s->block = gn_try_alloc((size_t)gn_pool_threads() * s->block_n * sizeof *s->block, err);
        if (!s->block || bytes > INT64_MAX || (s->file = gn_scratch_open(err)) < 0)
            return -1;
    }
    for (int k = 0; k < 3 && s->mode == GN_STITCH_HANN; k++) {
        const int64_t p = s->grid.patch[k];
        s->window[k] = gn_try_alloc((size_t)p * sizeof *s->window[k], err);
        if (!s->window[k])
            return -1;
        for (int64_t i = 0; i < p; i++)
            s->window[k][i] = 0.5 * (1 - cos(2 * M_PI * (double)(i + 1) / (double)(p + 1)));
    }
    return 0;
}

struct gn_stitcher *gn_stitcher_new(const int64_t size[3], const int64_t patch[3], int classes,
                                    enum gn_stitch_mode mode, const int64_t overlap[3],
                                    const struct gn_stitch_sink *sink, struct gn_err *err)
{
    struct gn_stitcher *s = gn_alloc(sizeof *s);
    size_t cells = 1;
    s->classes = classes;
    s->mode = mode;
    s->file = -1;
    for (int k = 0; k < 3; k++)
        if (size[k] < 1 || patch[k] < 1 || classes < 1) {
            gn_err_set(err, "an image, a patch and the classes need at least one element");
            goto fail;
        } else if (gn_mul_size(cells, (size_t)size[k], &cells, err)) {
            goto fail;
        }
    if (gn_patch_grid_init(&s->grid, size, patch, overlap, err) ||
        (mode != GN_STITCH_CROP && sums_init(s, err)))
        goto fail;
    if (sink) {
        s->sink = *sink;
    } else {
        if (gn_tensor_new4(&s->volume, GN_FLOAT32, classes, size[2], size[1], size[0], err))
            goto fail;
        s->sink = (struct gn_stitch_sink){ keep_box, s };
    }
    return s;
fail:
    gn_stitcher_free(s);
    return NULL;
}

void gn_stitcher_free(struct gn_stitcher *s)
{
    if (!s)
        return;
    if (s->file >= 0)
        close(s->file);
    for (int k = 0; k < 2; k++)
        free(s->cut[k]);
    for (int k = 0; k < 3; k++)
        free(s->window[k]);
    free(s->sum);
    free(s->block);
    free(s->begun);
    free(s->plane);
    gn_tensor_free(&s->volume);
    free(s);
}

int64_t gn_stitcher_count(const struct gn_stitcher *s)
{
    return s->grid.n;
}

static int hand_over(struct gn_stitcher *s, const struct gn_stitch_box *box)
{
    return s->sink.box(s->sink.arg, box, &s->err)
               ? gn_err_set(&s->err, "a stitched part was not taken")
               : 0;
}

/* ---- crop ---- */

/* The first voxel along an axis that the j-th patch writes; those after it write over the rest. */
static int64_t first_of(const struct gn_stitcher *s, int axis, int64_t j)
{
    if (j == s->grid.count[axis])
        return s->grid.size[axis];
    int64_t start = gn_patch_grid_start(&s->grid, axis, j);
    return start ? start + s->grid.overlap[axis] / 2 : 0;
}

static int add_cropped(struct gn_stitcher *s, const int64_t origin[3], const float *data)
{
    const int64_t *p = s->grid.patch;
    struct gn_stitch_box box = { .step = { p[0], p[0] * p[1], p[0] * p[1] * p[2] } };
    int64_t i = s->next, at[3];
    for (int k = 0; k < 3; k++) {
        int64_t j = i % s->grid.count[k];
        box.lo[k] = first_of(s, k, j);
        box.hi[k] = first_of(s, k, j + 1);
        at[k] = box.lo[k] - origin[k];
        i /= s->grid.count[k];
    }
    box.data = data + (at[2] * p[1] + at[1]) * p[0] + at[0];
    return hand_over(s, &box);
}

/* ---- average, hann ---- */

/* A tile of one plane: its place, and where in the ring its sums are, in elements. */
struct tile {
    int64_t x, y, w, h;
    size_t begun, at, n;
};

static struct tile tile_of(const struct gn_stitcher *s, int64_t z, int64_t tx, int64_t ty)
{
    const int64_t *n = s->grid.size, slot = z % s->depth;
    struct tile t = { .x = s->cut[0][tx], .y = s->cut[1][ty] };
    t.w = s->cut[0][tx + 1] - t.x;
    t.h = s->cut[1][ty + 1] - t.y;
    t.begun = (size_t)((slot * s->tiles[1] + ty) * s->tiles[0] + tx);
    t.at = (size_t)((slot * n[1] + t.y) * n[0] + t.x * t.h) * (size_t)(s->classes + 1);
    t.n = (size_t)(t.w * t.h) * (size_t)(s->classes + 1);
    return t;
}

/* The sums of a tile, in memory; NULL if the file fails. */
static double *fetch(struct gn_stitcher *s, const struct tile *t, int thread)
{
    double *sums = s->sum ? s->sum + t->at : s->block + (size_t)thread * s->block_n;
    int rc = 0;
    if (!s->begun[t->begun])
        memset(sums, 0, t->n * sizeof *sums);
    else if (!s->sum)
        rc = gn_scratch_read(s->file, (int64_t)(t->at * sizeof *sums), sums, t->n * sizeof *sums);
    if (rc)
        atomic_store(&s->failed, rc);
    return rc ? NULL : sums;
}

/* sum += yz * w * v; without v, or w, that factor is 1. */
static void add_row(double *restrict sum, const float *restrict v, const double *restrict w,
                    double yz, int64_t n)
{
    if (v && w)
        for (int64_t x = 0; x < n; x++)
            sum[x] += yz * w[x] * (double)v[x];
    else if (v)
        for (int64_t x = 0; x < n; x++)
            sum[x] += (double)v[x];
    else
        for (int64_t x = 0; x < n; x++)
            sum[x] += w ? yz * w[x] : 1;
}

struct add_job {
    struct gn_stitcher *s;
    const float *data;
    const int64_t *origin;
    int64_t tile[2], tiles[2]; /* the first, and how many */
};

/* One tile of one plane. */
static void add_tile(void *arg, size_t item, int thread)
{
    const struct add_job *j = arg;
    struct gn_stitcher *s = j->s;
    const int64_t *o = j->origin, *p = s->grid.patch, i = (int64_t)item;
    const int64_t z = o[2] + i / (j->tiles[0] * j->tiles[1]);
    const struct tile t = tile_of(s, z, j->tile[0] + i % j->tiles[0],
                                  j->tile[1] + i / j->tiles[0] % j->tiles[1]);
    double *sums = fetch(s, &t, thread);
    if (!sums)
        return;
    for (int c = 0; c <= s->classes; c++)
        for (int64_t y = t.y; y < t.y + t.h; y++) {
            double *sum = sums + (c * t.h + y - t.y) * t.w;
            const float *v = NULL; /* the map after the last is what they are divided by */
            if (c < s->classes)
                v = j->data + ((c * p[2] + z - o[2]) * p[1] + y - o[1]) * p[0] + t.x - o[0];
            if (s->mode == GN_STITCH_HANN)
                add_row(sum, v, s->window[0] + t.x - o[0],
                        s->window[1][y - o[1]] * s->window[2][z - o[2]], t.w);
            else
                add_row(sum, v, NULL, 1, t.w);
        }
    s->begun[t.begun] = 1;
    int rc = 0;
    if (!s->sum)
        rc = gn_scratch_write(s->file, (int64_t)(t.at * sizeof *sums), sums, t.n * sizeof *sums);
    if (rc)
        atomic_store(&s->failed, rc);
}

static void divide_tile(void *arg, size_t item, int thread)
{
    struct gn_stitcher *s = arg;
    const int64_t *n = s->grid.size, i = (int64_t)item;
    const struct tile t = tile_of(s, s->done, i % s->tiles[0], i / s->tiles[0]);
    const double *sums = fetch(s, &t, thread);
    if (!sums)
        return;
    const double *w = sums + s->classes * t.w * t.h;
    for (int c = 0; c < s->classes; c++)
        for (int64_t y = 0; y < t.h; y++) {
            const double *sum = sums + (c * t.h + y) * t.w;
            float *out = s->plane + (c * n[1] + t.y + y) * n[0] + t.x;
            for (int64_t x = 0; x < t.w; x++)
                out[x] = (float)(sum[x] / w[y * t.w + x]);
        }
    s->begun[t.begun] = 0;
}

static int file_failed(struct gn_stitcher *s)
{
    int rc = atomic_load(&s->failed);
    return rc ? gn_err_set(&s->err, "the temporary file of patches' sums: %s", strerror(rc)) : 0;
}

static int flush_plane(struct gn_stitcher *s)
{
    const int64_t *n = s->grid.size;
    const struct gn_stitch_box box = { .lo = { 0, 0, s->done },
                                       .hi = { n[0], n[1], s->done + 1 },
                                       .data = s->plane,
                                       .step = { n[0], 0, n[0] * n[1] } };
    gn_pool_run((size_t)(s->tiles[0] * s->tiles[1]), divide_tile, s);
    s->done++;
    return file_failed(s) ? -1 : hand_over(s, &box);
}

static int add_sums(struct gn_stitcher *s, const int64_t origin[3], const float *data)
{
    const struct gn_patch_grid *g = &s->grid;
    const int64_t layer = g->count[0] * g->count[1], after = (s->next + 1) / layer;
    struct add_job j = { .s = s, .data = data, .origin = origin };
    int64_t end[3];
    for (int k = 0; k < 3; k++)
        end[k] = origin[k] + g->patch[k] < g->size[k] ? origin[k] + g->patch[k] : g->size[k];
    for (int k = 0; k < 2; k++) {
        j.tile[k] = tile_at(s, k, origin[k]);
        j.tiles[k] = tile_at(s, k, end[k]) - j.tile[k];
    }
    gn_pool_run((size_t)((end[2] - origin[2]) * j.tiles[0] * j.tiles[1]), add_tile, &j);
    if (file_failed(s))
        return -1;
    if ((s->next + 1) % layer)
        return 0;
    /* The layer is whole: planes before the next one, or all, are finished. */
    const int64_t ready = after < g->count[2] ? gn_patch_grid_start(g, 2, after) : g->size[2];
    while (s->done < ready)
        if (flush_plane(s))
            return -1;
    return 0;
}

int gn_stitcher_add(struct gn_stitcher *s, const int64_t origin[3], const float *data,
                    struct gn_err *err)
{
    int64_t due[3];
    if (s->err.code)
        goto fail;
    if (s->next == s->grid.n) {
        gn_err_set(&s->err, "more patches than the %lld there should be", (long long)s->grid.n);
        goto fail;
    }
    gn_patch_grid_origin(&s->grid, s->next, due);
    if (!gn_grid_same_size(origin, due)) {
        gn_err_set(&s->err,
                   "patches are missing or out of order: one at %lld %lld %lld came when that at "
                   "%lld %lld %lld was due",
                   (long long)origin[0], (long long)origin[1], (long long)origin[2],
                   (long long)due[0], (long long)due[1], (long long)due[2]);
        goto fail;
    }
    if (s->mode == GN_STITCH_CROP ? add_cropped(s, due, data) : add_sums(s, due, data))
        goto fail;
    s->next++;
    return 0;
fail:
    return gn_err_set(err, "%s", s->err.text);
}

int gn_stitcher_finish(struct gn_stitcher *s, struct gn_tensor *volume, struct gn_err *err)
{
    if (!s->err.code && s->next < s->grid.n)
        gn_err_set(&s->err, "patches are missing: %lld of %lld came", (long long)s->next,
                   (long long)s->grid.n);
    if (s->err.code)
        return gn_err_set(err, "%s", s->err.text);
    if (s->sink.box == keep_box) {
        *volume = s->volume;
        s->volume = (struct gn_tensor){ 0 };
    }
    return 0;
}
