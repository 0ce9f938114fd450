/* blur.c - Gaussian blur, one axis after the other in place: rows x and y of a plane together, then
 * strips of planes. A ring of rows holds what has been overwritten. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/isa.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/vmath.h"
#include "image/intensity.h"

enum { STRIP = 256 }; /* floats along z at a time: the ring stays in the nearest cache */

int64_t gn_blur_radius(double sigma)
{
    double r = 4 * sigma + 0.5;
    return r > 0 ? r < 0x1p40 ? (int64_t)r : INT64_C(1) << 40 : 0;
}

/* One axis: n voxels, weights w[0..r] of offsets 0, +-1, ... r = 0: nothing to do. */
struct pass {
    int64_t n, r;
    float *w;
};

static void pass_init(struct pass *p, double sigma, int64_t n)
{
    const double most = 64 * (double)n;
    *p = (struct pass){n, 0, NULL};
    sigma = sigma < most ? sigma : most;
    int64_t far = gn_blur_radius(sigma);
    if (n == 1 || far < 1)
        return;
    /* The mirrored image repeats after 2 n voxels: offset k is offset k mod 2 n, from -n to n. */
    p->r = far < n ? far : n;
    double *folded = gn_alloc((size_t)(p->r + 1) * sizeof *folded), sum = 1;
    folded[0] = 1;
    for (int64_t k = 1; k <= far; k++) {
        double w = gn_vmath_exp(-0.5 / (sigma * sigma) * (double)(k * k));
        int64_t d = (k + n) % (2 * n) - n;
        d = d < 0 ? -d : d;
        folded[d] += d == 0 ? 2 * w : w;
        sum += 2 * w;
    }
    p->w = gn_alloc((size_t)(p->r + 1) * sizeof *p->w);
    for (int64_t d = 0; d <= p->r; d++)
        p->w[d] = (float)(folded[d] / sum);
    free(folded);
}

static int64_t mirrored(int64_t i, int64_t n)
{
    return i < 0 ? -i - 1 : i >= n ? 2 * n - 1 - i : i;
}

struct job {
    struct gn_tensor *t;
    struct pass pass[3];
    const struct gn_intensity_kernels *k;
    float *scratch; /* a padded row, and the ring, for each thread */
    const float **table;
    size_t floats, rows; /* of one thread */
};

/* Rows first .. first + p->n - 1, step floats apart, of width floats, blurred across. Each row is
 * passed through the x axis on its way into the ring, if px has a radius. */
static void across(const struct job *j, float *first, int64_t step, int64_t width,
                   const struct pass *px, const struct pass *p, int thread)
{
    float *line = j->scratch + (size_t)thread * j->floats;
    float *ring = line + (px ? width + 2 * px->r : 0);
    const float **table = j->table + (size_t)thread * j->rows;
    const int64_t room = p->n < 2 * p->r + 1 ? p->n : 2 * p->r + 1;
    int64_t held = 0;
    for (int64_t i = 0; i < p->n; i++) {
        for (; held < p->n && held <= i + p->r; held++) {
            float *from = first + held * step;
            float *to = p->r ? ring + held % room * width : from;
            if (!px || !px->r) {
                if (to != from)
                    memcpy(to, from, (size_t)width * sizeof *to);
                continue;
            }
            for (int64_t k = 0; k < px->r; k++) {
                line[k] = from[mirrored(k - px->r, width)];
                line[px->r + width + k] = from[mirrored(width + k, width)];
            }
            memcpy(line + px->r, from, (size_t)width * sizeof *line);
            for (int64_t k = 0; k <= 2 * px->r; k++)
                table[k] = line + k;
            j->k->blur_row(to, table, px->w, px->r, width);
        }
        if (!p->r)
            continue;
        for (int64_t k = 0; k <= 2 * p->r; k++)
            table[k] = ring + mirrored(i + k - p->r, p->n) % room * width;
        j->k->blur_row(first + i * step, table, p->w, p->r, width);
    }
}

static void plane_item(void *arg, size_t plane, int thread)
{
    const struct job *j = arg;
    const int64_t ny = j->t->shape[2], nx = j->t->shape[3];
    float *data = (float *)j->t->data + (int64_t)plane * ny * nx;
    across(j, data, nx, nx, &j->pass[0], &j->pass[1], thread);
}

static void strip_item(void *arg, size_t item, int thread)
{
    const struct job *j = arg;
    const int64_t nz = j->t->shape[1], plane = j->t->shape[2] * j->t->shape[3];
    const int64_t strips = (plane + STRIP - 1) / STRIP;
    const int64_t c = (int64_t)item / strips, at = (int64_t)item % strips * STRIP;
    float *data = (float *)j->t->data + c * nz * plane + at;
    across(j, data, plane, plane - at < STRIP ? plane - at : STRIP, NULL, &j->pass[2], thread);
}

void gn_image_blur(struct gn_tensor *t, const double sigma[3])
{
    struct job j = {.t = t, .k = GN_ISA_PICK(gn_intensity)};
    const int64_t nc = t->shape[0], nz = t->shape[1], plane = t->shape[2] * t->shape[3];
    const size_t threads = (size_t)gn_pool_threads();
    for (int k = 0; k < 3; k++)
        pass_init(&j.pass[k], sigma[k], t->shape[3 - k]);
    const int64_t rx = j.pass[0].r, ry = j.pass[1].r, rz = j.pass[2].r, nx = t->shape[3];
    int64_t flat = nx + 2 * rx + (2 * ry + 1) * nx, deep = (2 * rz + 1) * STRIP;
    int64_t most = rx > ry ? rx : ry;
    j.floats = (size_t)(flat > deep ? flat : deep);
    j.rows = (size_t)(2 * (most > rz ? most : rz) + 1);
    j.scratch = gn_alloc(threads * j.floats * sizeof *j.scratch);
    j.table = gn_alloc(threads * j.rows * sizeof *j.table);
    if (rx || ry)
        gn_pool_run((size_t)(nc * nz), plane_item, &j);
    if (rz)
        gn_pool_run((size_t)(nc * ((plane + STRIP - 1) / STRIP)), strip_item, &j);
    free(j.scratch);
    free(j.table);
    for (int k = 0; k < 3; k++)
        free(j.pass[k].w);
}

void gn_image_blur_plain(struct gn_tensor *t, const double sigma[3])
{
    float *data = t->data;
    int64_t step = 1;
    for (int k = 0; k < 3; k++) {
        struct pass p;
        const int64_t n = t->shape[3 - k], all = gn_tensor_count(t);
        pass_init(&p, sigma[k], n);
        float *line = gn_alloc((size_t)n * sizeof *line);
        for (int64_t first = 0; p.r && first < all; first++) {
            if (first / step % n != 0)
                continue;
            for (int64_t i = 0; i < n; i++)
                line[i] = data[first + i * step];
            for (int64_t i = 0; i < n; i++) {
                float s = p.w[0] * line[i];
                for (int64_t d = 1; d <= p.r; d++)
                    s += p.w[d] * (line[mirrored(i - d, n)] + line[mirrored(i + d, n)]);
                data[first + i * step] = s;
            }
        }
        free(line);
        free(p.w);
        step *= n;
    }
}
