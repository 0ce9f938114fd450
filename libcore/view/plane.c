/* plane.c - orientation, choice and extraction of planes; grey windows; change of size. */
#include "view/plane.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- orientation ---- */

bool gn_view_is_picture(const double a[12])
{
    static const double none[12] = {-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0};

    for (int i = 0; i < 12; i++)
        if (a[i] != none[i])
            return false;
    return true;
}

/* For each world axis, the voxel axis nearest to it and whether they run against each other. Of the
 * six ways to pair them the one with the largest sum of cosines. */
static void pair_axes(const double a[12], int voxel[3], bool against[3])
{
    static const int order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    double cosine[3][3], best = -1; /* [world][voxel] */
    int chosen = 0;

    for (int v = 0; v < 3; v++) {
        double n = sqrt(a[v] * a[v] + a[4 + v] * a[4 + v] + a[8 + v] * a[8 + v]);

        for (int w = 0; w < 3; w++)
            cosine[w][v] = isfinite(n) && n > 0 ? a[4 * w + v] / n : w == v;
    }
    for (int i = 0; i < 6; i++) {
        double sum = 0;

        for (int w = 0; w < 3; w++)
            sum += fabs(cosine[w][order[i][w]]);
        if (sum > best + 1e-9) {
            best = sum;
            chosen = i;
        }
    }
    for (int w = 0; w < 3; w++) {
        voxel[w] = order[chosen][w];
        against[w] = cosine[w][voxel[w]] < 0;
    }
}

static double spacing_of(const double a[12], int v)
{
    double n = sqrt(a[v] * a[v] + a[4 + v] * a[4 + v] + a[8 + v] * a[8 + v]);

    return isfinite(n) && n > 0 ? n : 1;
}

void gn_view_plane_of(const int64_t size[3], const double affine[12], bool picture, int world,
                      struct gn_view_plane *p)
{
    /* world axes that run right, down and through; on screen right is towards L or P, down is
     * towards P or I: always against the world's axis, and planes are shown from R... to ...S */
    static const int shown[3][3] = {{1, 2, 0}, {0, 2, 1}, {0, 1, 2}};
    static const char letters[3][5] = {"APSI", "RLSI", "RLAP"};
    static const char *const names[3] = {"sagittal", "coronal", "axial"};
    int voxel[3];
    bool against[3];

    pair_axes(affine, voxel, against);
    for (int k = 0; k < 3; k++) {
        int w = shown[world][k];

        p->axis[k] = voxel[w];
        p->flip[k] = k < 2 ? !against[w] : against[w];
        p->size[k] = size[voxel[w]];
        p->spacing[k] = spacing_of(affine, voxel[w]);
    }
    memcpy(p->letter, letters[world], 4);
    p->name = picture ? NULL : names[world];
    if (picture)
        memset(p->letter, 0, 4);
}

int gn_view_best_axis(const int64_t size[3], const double affine[12])
{
    int voxel[3], thin = 2, coarse = 2;
    bool against[3];
    int64_t longest = 1;

    pair_axes(affine, voxel, against);
    for (int w = 2; w >= 0; w--) {
        if (size[voxel[w]] > longest)
            longest = size[voxel[w]];
        if (size[voxel[w]] < size[voxel[thin]])
            thin = w;
        if (spacing_of(affine, voxel[w]) > spacing_of(affine, voxel[coarse]))
            coarse = w;
    }
    if (size[voxel[thin]] <= longest / 8)
        return thin;
    for (int w = 0; w < 3; w++)
        if (w != coarse && spacing_of(affine, voxel[coarse]) < 2 * spacing_of(affine, voxel[w]))
            return GN_VIEW_Z;
    return coarse;
}

/* ---- planes ---- */

int64_t gn_view_index(const struct gn_view_plane *p, int64_t at)
{
    return p->flip[2] ? p->size[2] - 1 - at : at;
}

/* Elements between neighbours along voxel axis x, y, z, and between channels. */
static void strides(const struct gn_tensor *t, int64_t s[4])
{
    s[0] = 1;
    s[1] = t->shape[3];
    s[2] = t->shape[3] * t->shape[2];
    s[3] = s[2] * t->shape[1];
}

static const void *element(const struct gn_tensor *t, int64_t i)
{
    return (const char *)t->data + (size_t)i * gn_dtype_size(t->dtype);
}

void gn_view_extent(const struct gn_tensor *t, const struct gn_view_plane *p, int64_t *first,
                    int64_t *last, bool *found)
{
    int64_t nx = t->shape[3], lines = gn_tensor_count(t) / nx;
    float *line = gn_alloc((size_t)nx * sizeof *line);

    for (int64_t k = 0; k < lines; k++) {
        int64_t at[3] = {0, k % t->shape[2], k / t->shape[2] % t->shape[1]};

        gn_convert_to_float(element(t, k * nx), t->dtype, line, (size_t)nx);
        for (int64_t x = 0; x < nx; x++) {
            int64_t i = p->axis[2] == 0 ? x : at[p->axis[2]];

            if (line[x] == 0)
                continue;
            i = gn_view_index(p, i); /* its own inverse */
            if (!*found || i < *first)
                *first = i;
            if (!*found || i > *last)
                *last = i;
            *found = true;
            if (p->axis[2] != 0)
                break;
        }
    }
    free(line);
}

int gn_view_spread(int64_t first, int64_t last, int n, int64_t *at)
{
    int64_t length = last - first + 1;

    if (n > length)
        n = (int)length;
    for (int i = 0; i < n; i++)
        at[i] = first + (2 * i + 1) * length / (2 * n);
    return n;
}

void gn_view_extract(const struct gn_tensor *t, int64_t channel, const struct gn_view_plane *p,
                     int64_t at, float *out)
{
    int64_t s[4], w = p->size[0], h = p->size[1], start = 0, step[2];

    strides(t, s);
    start = channel * s[3] + gn_view_index(p, at) * s[p->axis[2]];
    for (int k = 0; k < 2; k++) {
        step[k] = s[p->axis[k]] * (p->flip[k] ? -1 : 1);
        start += p->flip[k] ? (p->size[k] - 1) * s[p->axis[k]] : 0;
    }
    for (int64_t y = 0; y < h; y++, out += w) {
        int64_t i = start + y * step[1];

        if (step[0] == 1)
            gn_convert_to_float(element(t, i), t->dtype, out, (size_t)w);
        for (int64_t x = 0; x < w; x++) {
            if (step[0] != 1)
                out[x] = (float)gn_tensor_get(t, i + x * step[0]);
            if (!isfinite(out[x]))
                out[x] = 0;
        }
    }
}

/* ---- grey window ---- */

/* v reordered so that v[k] is the k-th smallest; quickselect, median of three. */
static float select_kth(float *v, int64_t n, int64_t k)
{
    int64_t lo = 0, hi = n - 1;

    while (lo < hi) {
        float a = v[lo], b = v[lo + (hi - lo) / 2], c = v[hi];
        float pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
        int64_t i = lo, j = hi;

        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i <= j) {
                float x = v[i];

                v[i++] = v[j];
                v[j--] = x;
            }
        }
        if (k <= j)
            hi = j;
        else if (k >= i)
            lo = i;
        else
            break;
    }
    return v[k];
}

static double percentile(float *v, int64_t n, double p)
{
    double place = p / 100 * (double)(n - 1);
    int64_t k = (int64_t)place;
    double below = select_kth(v, n, k), above = k + 1 < n ? select_kth(v, n, k + 1) : below;

    return below + (place - (double)k) * (above - below);
}

int64_t gn_view_percentiles(const struct gn_tensor *t, int64_t first, int64_t last, bool nonzero,
                            double p_lo, double p_hi, double *lo, double *hi)
{
    enum { MOST = 1 << 22, CHUNK = 4096 };
    int64_t per = gn_tensor_count(t) / t->shape[0], n = per * (last - first + 1), kept = 0, odd = 0;
    int64_t every = (n + MOST - 1) / MOST;
    float *v = gn_alloc((size_t)(n / every + 1) * sizeof *v), chunk[CHUNK];

    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t m = n - at < CHUNK ? n - at : CHUNK;

        gn_convert_to_float(element(t, first * per + at), t->dtype, chunk, (size_t)m);
        for (int64_t i = 0; i < m; i++) {
            if (!isfinite(chunk[i]))
                odd++;
            else if ((at + i) % every == 0 && (!nonzero || chunk[i] != 0))
                v[kept++] = chunk[i];
        }
    }
    *lo = *hi = 0;
    if (kept) {
        *lo = percentile(v, kept, p_lo);
        *hi = percentile(v, kept, p_hi);
    }
    free(v);
    return odd;
}

/* ---- size ---- */

/* Inputs and weights of each output along one axis. */
struct taps {
    int *first, *count, most;
    float *weight; /* most of them an output */
};

static void taps_new(struct taps *t, int n, int out)
{
    double step = (double)n / out, reach = step > 1 ? step : 1;

    t->most = (int)ceil(2 * reach) + 2;
    t->first = gn_alloc((size_t)out * sizeof *t->first);
    t->count = gn_alloc((size_t)out * sizeof *t->count);
    t->weight = gn_alloc((size_t)out * (size_t)t->most * sizeof *t->weight);
    for (int i = 0; i < out; i++) {
        double centre = (i + 0.5) * step - 0.5, sum = 0;
        int from = (int)ceil(centre - reach), to = (int)floor(centre + reach);
        float *w = t->weight + (size_t)i * (size_t)t->most;

        if (from < 0)
            from = 0;
        if (to > n - 1)
            to = n - 1;
        if (out >= GN_VIEW_SQUARE * n)
            from = to = (int)((i + 0.5) * step);
        for (int k = from; k <= to; k++)
            sum += from == to ? 1 : 1 - fabs(k - centre) / reach;
        for (int k = from; k <= to; k++)
            w[k - from] = (float)((from == to ? 1 : 1 - fabs(k - centre) / reach) / sum);
        t->first[i] = from;
        t->count[i] = to - from + 1;
    }
}

static void taps_free(struct taps *t)
{
    free(t->first);
    free(t->count);
    free(t->weight);
}

void gn_view_resize(const float *in, int w, int h, float *out, int out_w, int out_h)
{
    struct taps tx, ty;
    float *mid = gn_alloc((size_t)out_w * (size_t)h * sizeof *mid); /* h x out_w */

    taps_new(&tx, w, out_w);
    taps_new(&ty, h, out_h);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < out_w; x++) {
            const float *weight = tx.weight + (size_t)x * (size_t)tx.most;
            const float *from = in + (size_t)y * (size_t)w + tx.first[x];
            float sum = 0;

            for (int k = 0; k < tx.count[x]; k++)
                sum += weight[k] * from[k];
            mid[(size_t)y * (size_t)out_w + (size_t)x] = sum;
        }
    for (int y = 0; y < out_h; y++) {
        const float *weight = ty.weight + (size_t)y * (size_t)ty.most;
        float *to = out + (size_t)y * (size_t)out_w;

        memset(to, 0, (size_t)out_w * sizeof *to);
        for (int k = 0; k < ty.count[y]; k++) {
            const float *from = mid + (size_t)(ty.first[y] + k) * (size_t)out_w;

            for (int x = 0; x < out_w; x++)
                to[x] += weight[k] * from[x];
        }
    }
    free(mid);
    taps_free(&tx);
    taps_free(&ty);
}
