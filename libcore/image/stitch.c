/* stitch.c - maps of patches into the maps of the image; a ring of planes as thick as a patch. */
#include "image/stitch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"

const char *const gn_stitch_names[] = { "crop", "average", "hann", NULL };

struct gn_stitcher {
    int64_t size[3], patch[3], half[3];
    int classes;
    enum gn_stitch_mode mode;
    int64_t depth;     /* planes in the ring; plane z lies in slot z % depth */
    int64_t done;      /* planes handed to the sink */
    int64_t last;      /* z of the last patch */
    float *copied;     /* CROP: [depth][classes][y][x] */
    uint8_t *covered;  /* CROP: [depth][y][x] */
    double *sum;       /* else the sums */
    double *weight;    /* and [depth][y][x] what they are divided by */
    double *window[3]; /* HANN */
    float *plane;      /* one finished plane, not for CROP */
    struct gn_stitch_sink sink;
    struct gn_tensor volume; /* without a sink */
    struct gn_err err;
};

static int keep_plane(void *arg, int64_t z, const float *maps, struct gn_err *err)
{
    struct gn_stitcher *s = arg;
    int64_t plane = s->size[0] * s->size[1];
    (void)err;
    for (int c = 0; c < s->classes; c++)
        memcpy((float *)s->volume.data + (c * s->size[2] + z) * plane, maps + c * plane,
               (size_t)plane * sizeof *maps);
    return 0;
}

static int64_t ring_depth(const int64_t size[3], const int64_t patch[3])
{
    return patch[2] < size[2] ? patch[2] : size[2];
}

double gn_stitcher_bytes(const int64_t size[3], const int64_t patch[3], int classes,
                         enum gn_stitch_mode mode)
{
    double cells = (double)ring_depth(size, patch) * (double)size[0] * (double)size[1];
    return mode == GN_STITCH_CROP ? cells * (4.0 * classes + 1) : cells * 8.0 * (classes + 1);
}

static void *try_array(const int64_t *factor, int n, size_t item, struct gn_err *err)
{
    size_t total = item;
    for (int i = 0; i < n; i++)
        if (gn_mul_size(total, (size_t)factor[i], &total, err))
            return NULL;
    return gn_try_alloc(total, err);
}

struct gn_stitcher *gn_stitcher_new(const int64_t size[3], const int64_t patch[3], int classes,
                                    enum gn_stitch_mode mode, const int64_t overlap[3],
                                    const struct gn_stitch_sink *sink, struct gn_err *err)
{
    struct gn_stitcher *s = gn_alloc(sizeof *s);
    bool ok;
    memcpy(s->size, size, sizeof s->size);
    memcpy(s->patch, patch, sizeof s->patch);
    s->classes = classes;
    s->mode = mode;
    s->depth = ring_depth(size, patch);
    for (int k = 0; k < 3; k++) {
        if (size[k] < 1 || patch[k] < 1 || classes < 1) {
            gn_err_set(err, "an image, a patch and the classes need at least one element");
            goto fail;
        }
        if (overlap[k] < 0 || overlap[k] % 2 || (overlap[k] && overlap[k] >= patch[k])) {
            gn_err_set(err, "an overlap must be even and smaller than the patch: %lld of %lld",
                       (long long)overlap[k], (long long)patch[k]);
            goto fail;
        }
        s->half[k] = mode == GN_STITCH_CROP ? overlap[k] / 2 : 0;
    }
    int64_t dims[4] = { s->depth, size[1], size[0], classes };
    if (mode == GN_STITCH_CROP) {
        s->copied = try_array(dims, 4, sizeof *s->copied, err);
        s->covered = try_array(dims, 3, sizeof *s->covered, err);
        ok = s->copied && s->covered;
    } else {
        s->sum = try_array(dims, 4, sizeof *s->sum, err);
        s->weight = try_array(dims, 3, sizeof *s->weight, err);
        s->plane = try_array(dims + 1, 3, sizeof *s->plane, err);
        ok = s->sum && s->weight && s->plane;
    }
    for (int k = 0; ok && k < 3 && mode == GN_STITCH_HANN; k++) {
        s->window[k] = try_array(&patch[k], 1, sizeof *s->window[k], err);
        ok = s->window[k] != NULL;
        for (int64_t i = 0; ok && i < patch[k]; i++)
            s->window[k][i] = 0.5 * (1 - cos(2 * M_PI * (double)(i + 1) / (double)(patch[k] + 1)));
    }
    if (!ok)
        goto fail;
    if (sink) {
        s->sink = *sink;
    } else {
        if (gn_tensor_new4(&s->volume, GN_FLOAT32, classes, size[2], size[1], size[0], err))
            goto fail;
        s->sink = (struct gn_stitch_sink){ keep_plane, s };
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
    free(s->copied);
    free(s->covered);
    free(s->sum);
    free(s->weight);
    free(s->plane);
    for (int k = 0; k < 3; k++)
        free(s->window[k]);
    gn_tensor_free(&s->volume);
    free(s);
}

/* The part of a patch that counts, in patch coordinates, hi exclusive. */
struct add_job {
    struct gn_stitcher *s;
    const float *data;
    int64_t origin[3], lo[3], hi[3];
};

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

/* One map of one plane; the map after the last is what covers it. */
static void add_plane(void *arg, size_t item, int thread)
{
    const struct add_job *j = arg;
    struct gn_stitcher *s = j->s;
    const int64_t nx = s->size[0], ny = s->size[1], px = s->patch[0], py = s->patch[1];
    const int64_t z = j->lo[2] + (int64_t)item / (s->classes + 1);
    const int c = (int)((int64_t)item % (s->classes + 1));
    const int64_t slot = (j->origin[2] + z) % s->depth, n = j->hi[0] - j->lo[0];
    (void)thread;
    for (int64_t y = j->lo[1]; y < j->hi[1]; y++) {
        int64_t cell = (j->origin[1] + y) * nx + j->origin[0] + j->lo[0];
        int64_t map = (slot * s->classes + c) * ny * nx + cell;
        const float *v = j->data;
        v += ((c < s->classes ? c : 0) * s->patch[2] + z) * py * px + y * px + j->lo[0];
        cell += slot * ny * nx;
        if (s->mode == GN_STITCH_CROP) {
            if (c < s->classes)
                memcpy(s->copied + map, v, (size_t)n * sizeof *v);
            else
                memset(s->covered + cell, 1, (size_t)n);
            continue;
        }
        double yz = s->mode == GN_STITCH_HANN ? s->window[1][y] * s->window[2][z] : 1;
        const double *w = s->mode == GN_STITCH_HANN ? s->window[0] + j->lo[0] : NULL;
        if (c < s->classes)
            add_row(s->sum + map, v, w, yz, n);
        else
            add_row(s->weight + cell, NULL, w, yz, n);
    }
}

static void divide_row(void *arg, size_t y, int thread)
{
    struct gn_stitcher *s = arg;
    const int64_t nx = s->size[0], plane = s->size[1] * nx, slot = s->done % s->depth;
    const double *w = s->weight + slot * plane + (int64_t)y * nx;
    (void)thread;
    for (int c = 0; c < s->classes; c++) {
        const double *sum = s->sum + (slot * s->classes + c) * plane + (int64_t)y * nx;
        float *out = s->plane + c * plane + (int64_t)y * nx;
        for (int64_t x = 0; x < nx; x++)
            out[x] = (float)(sum[x] / w[x]);
    }
}

/* The next plane is finished: check that patches covered it, hand it over, clear its slot. */
static int flush_plane(struct gn_stitcher *s)
{
    const int64_t nx = s->size[0], plane = s->size[1] * nx, slot = s->done % s->depth;
    for (int64_t i = 0; i < plane; i++)
        if (s->mode == GN_STITCH_CROP ? !s->covered[slot * plane + i]
                                      : !(s->weight[slot * plane + i] > 0))
            return gn_err_set(&s->err, "patches are missing: none covers voxel %lld %lld %lld",
                              (long long)(i % nx), (long long)(i / nx), (long long)s->done);
    const float *maps = s->plane;
    if (s->mode == GN_STITCH_CROP)
        maps = s->copied + slot * s->classes * plane;
    else
        gn_pool_run((size_t)s->size[1], divide_row, s);
    if (s->sink.plane(s->sink.arg, s->done, maps, &s->err))
        return gn_err_set(&s->err, "a stitched plane was not taken");
    if (s->mode == GN_STITCH_CROP) {
        memset(s->covered + slot * plane, 0, (size_t)plane);
    } else {
        memset(s->sum + slot * s->classes * plane, 0,
               (size_t)(s->classes * plane) * sizeof *s->sum);
        memset(s->weight + slot * plane, 0, (size_t)plane * sizeof *s->weight);
    }
    s->done++;
    return 0;
}

int gn_stitcher_add(struct gn_stitcher *s, const int64_t origin[3], const float *data,
                    struct gn_err *err)
{
    struct add_job j = { .s = s, .data = data };
    if (s->err.code)
        goto fail;
    for (int k = 0; k < 3; k++) {
        j.origin[k] = origin[k];
        if (origin[k] < 0 || origin[k] >= s->size[k]) {
            gn_err_set(&s->err, "a patch starts outside the image: %lld %lld %lld",
                       (long long)origin[0], (long long)origin[1], (long long)origin[2]);
            goto fail;
        }
        bool far = origin[k] + s->patch[k] >= s->size[k];
        j.lo[k] = origin[k] ? s->half[k] : 0;
        j.hi[k] = far ? s->size[k] - origin[k] : s->patch[k] - s->half[k];
    }
    if (origin[2] < s->last) {
        gn_err_set(&s->err, "patches must come in order of z: %lld after %lld",
                   (long long)origin[2], (long long)s->last);
        goto fail;
    }
    s->last = origin[2];
    while (s->done < origin[2])
        if (flush_plane(s))
            goto fail;
    /* What is cut off for the overlap may be all there is of a patch at the border. */
    if (j.lo[0] < j.hi[0] && j.lo[1] < j.hi[1] && j.lo[2] < j.hi[2])
        gn_pool_run((size_t)((j.hi[2] - j.lo[2]) * (s->classes + 1)), add_plane, &j);
    return 0;
fail:
    return gn_err_set(err, "%s", s->err.text);
}

int gn_stitcher_finish(struct gn_stitcher *s, struct gn_tensor *volume, struct gn_err *err)
{
    while (!s->err.code && s->done < s->size[2])
        if (flush_plane(s))
            break;
    if (s->err.code)
        return gn_err_set(err, "%s", s->err.text);
    if (s->sink.plane == keep_plane) {
        *volume = s->volume;
        s->volume = (struct gn_tensor){ 0 };
    }
    return 0;
}
