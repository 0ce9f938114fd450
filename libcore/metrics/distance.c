/* distance.c - see distance.h. */
#include "metrics/distance.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "metrics/label_block.h"

/* ---- order statistics ---- */

/* Hoare's selection: afterwards v[k] is the k-th smallest, none before it larger, none after it
 * smaller. */
static void select_kth(double *v, size_t n, size_t k)
{
    size_t lo = 0, hi = n - 1;

    while (lo < hi) {
        double a = v[lo], b = v[lo + (hi - lo) / 2], c = v[hi];
        double pivot = fmax(fmin(a, b), fmin(fmax(a, b), c)); /* the middle one of three */
        size_t i = lo, j = hi;
        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i <= j) {
                double swap = v[i];
                v[i++] = v[j];
                v[j] = swap;
                if (j == 0)
                    break;
                j--;
            }
        }
        if (k <= j && j < hi)
            hi = j;
        else if (k >= i)
            lo = i;
        else
            return;
    }
}

double gn_percentile(double *v, size_t n, double q)
{
    double place = q / 100 * (double)(n - 1), next;
    size_t k = (size_t)place;

    select_kth(v, n, k);
    if (k + 1 >= n)
        return v[k];
    next = v[k + 1];
    for (size_t i = k + 2; i < n; i++)
        next = fmin(next, v[i]);
    return v[k] + (place - (double)k) * (next - v[k]);
}

/* ---- the distance transform ---- */

/* Lines along one axis are taken LANES at a time: what lies side by side in memory is read side by
 * side. */
enum { LANES = 8 };

struct transform {
    const uint8_t *seed;
    const int64_t *size;
    int64_t n, step;       /* of the axis: voxels, and from one to the next */
    int64_t groups, inner; /* groups of LANES lines beside each other in x, and from one row of
                              groups to the next */
    double spacing;
    double *out;
    double *scratch; /* of each thread */
    size_t scratch_n;
};

/* Along x, distances are differences of places. */
static void transform_rows(void *arg, size_t row, int thread)
{
    struct transform *t = arg;
    int64_t n = t->size[0], last = -1;
    const uint8_t *seed = t->seed + (int64_t)row * n;
    double *out = t->out + (int64_t)row * n;

    (void)thread;
    for (int64_t x = 0; x < n; x++) {
        if (seed[x])
            last = x;
        out[x] = last < 0 ? (double)INFINITY : (double)(x - last);
    }
    if (last < 0)
        return;
    for (int64_t x = n - 1, next = -1; x >= 0; x--) {
        if (seed[x])
            next = x;
        if (next >= 0 && (double)(next - x) < out[x])
            out[x] = (double)(next - x);
        out[x] = out[x] * t->spacing * (out[x] * t->spacing);
    }
}

/* min over q of f[q] + (s (p - q))^2 for every p: the lower envelope of parabolas, infinite ones
 * left out. In and out may be the same. from[k]: where parabola place[k] begins to be the lowest.
 */
static void envelope(const double *f, int64_t n, double s, double *out, double *from, double *value,
                     int64_t *place)
{
    int64_t k = -1, at = 0;
    double s2 = s * s;

    for (int64_t q = 0; q < n; q++) {
        double meet = -(double)INFINITY;
        if (isinf(f[q]))
            continue;
        for (; k >= 0; k--) {
            int64_t v = place[k];
            meet = ((f[q] - value[k]) / s2 + (double)(q - v) * (double)(q + v)) /
                   (2 * (double)(q - v));
            if (meet > from[k])
                break;
            meet = -(double)INFINITY;
        }
        k++;
        place[k] = q;
        value[k] = f[q];
        from[k] = meet;
    }
    if (k < 0) {
        for (int64_t p = 0; p < n; p++)
            out[p] = (double)INFINITY;
        return;
    }
    for (int64_t p = 0; p < n; p++) {
        while (at < k && from[at + 1] < (double)p)
            at++;
        double d = (double)(p - place[at]) * s;
        out[p] = value[at] + d * d;
    }
}

/* One group of LANES neighbouring lines along y or z. */
static void transform_lines(void *arg, size_t item, int thread)
{
    struct transform *t = arg;
    int64_t outer = (int64_t)item / t->groups, x = (int64_t)item % t->groups * LANES;
    int64_t lanes = t->size[0] - x < LANES ? t->size[0] - x : LANES, n = t->n;
    double *line = t->scratch + (size_t)thread * t->scratch_n, *from = line + LANES * n,
           *value = from + n + 1;
    int64_t *place = (int64_t *)(void *)(value + n);
    double *at = t->out + outer * t->inner + x;

    for (int64_t p = 0; p < n; p++)
        for (int64_t l = 0; l < lanes; l++)
            line[l * n + p] = at[p * t->step + l];
    for (int64_t l = 0; l < lanes; l++)
        envelope(line + l * n, n, t->spacing, line + l * n, from, value, place);
    for (int64_t p = 0; p < n; p++)
        for (int64_t l = 0; l < lanes; l++)
            at[p * t->step + l] = line[l * n + p];
}

void gn_distance_transform(const uint8_t *seed, const int64_t size[3], const double spacing[3],
                           double *out)
{
    struct transform t = { .seed = seed, .size = size, .spacing = spacing[0], .out = out };
    int64_t longest = size[1] > size[2] ? size[1] : size[2], plane = size[0] * size[1];

    gn_pool_run((size_t)(size[1] * size[2]), transform_rows, &t);
    t.scratch_n = (size_t)(longest + 1) * (LANES + 3);
    t.scratch = gn_alloc((size_t)gn_pool_threads() * t.scratch_n * sizeof *t.scratch);
    t.groups = (size[0] + LANES - 1) / LANES;
    for (int axis = 1; axis < 3; axis++) {
        t.n = size[axis];
        t.step = axis == 1 ? size[0] : plane;
        t.inner = axis == 1 ? plane : size[0];
        t.spacing = spacing[axis];
        if (t.n > 1)
            gn_pool_run((size_t)(t.groups * size[3 - axis]), transform_lines, &t);
    }
    free(t.scratch);
}

/* ---- masks and surfaces ---- */

enum { REF = 1, PRED = 2 };

/* The two structures as bits of one byte a voxel, and the box that holds both. */
struct masks {
    const struct gn_tensor *map[2];
    const struct gn_region *region;
    int64_t size[3];
    uint8_t *bits;
    int64_t (*box)[6]; /* of each slice: lowest and highest x, y, z; high < low: none */
    struct gn_err *err;
};

static void mark_slice(void *arg, size_t z, int thread)
{
    struct masks *m = arg;
    int64_t plane = m->size[0] * m->size[1], *box = m->box[z];
    uint8_t *bits = m->bits + (int64_t)z * plane;
    int32_t label[GN_LABEL_BLOCK];

    (void)thread;
    for (int side = 0; side < 2; side++)
        for (int64_t i = 0; i < plane; i += GN_LABEL_BLOCK) {
            int n = plane - i < GN_LABEL_BLOCK ? (int)(plane - i) : GN_LABEL_BLOCK;
            if (gn_label_block_read(m->map[side], (int64_t)z * plane + i, n, label, &m->err[z]))
                return;
            if (m->region->n == 1)
                for (int k = 0; k < n; k++)
                    bits[i + k] |= (uint8_t)((label[k] == m->region->value[0]) << side);
            else
                for (int k = 0; k < n; k++)
                    bits[i + k] |= (uint8_t)(gn_region_has(m->region, label[k]) << side);
        }
    box[0] = m->size[0];
    box[1] = box[3] = -1;
    box[2] = m->size[1];
    for (int64_t y = 0; y < m->size[1]; y++) {
        const uint8_t *row = bits + y * m->size[0];
        int64_t lo = 0, hi = m->size[0] - 1;
        while (lo <= hi && !row[lo])
            lo++;
        if (lo > hi)
            continue;
        while (!row[hi])
            hi--;
        box[0] = lo < box[0] ? lo : box[0];
        box[1] = hi > box[1] ? hi : box[1];
        box[2] = y < box[2] ? y : box[2];
        box[3] = y;
    }
}

/* The box of all slices as first voxel and size; false: nothing is marked. */
static bool join_boxes(const struct masks *m, int64_t origin[3], int64_t size[3])
{
    int64_t b[6] = { m->size[0], -1, m->size[1], -1, m->size[2], -1 };

    for (int64_t z = 0; z < m->size[2]; z++) {
        const int64_t *s = m->box[z];
        if (s[1] < 0)
            continue;
        for (int k = 0; k < 4; k += 2) {
            b[k] = s[k] < b[k] ? s[k] : b[k];
            b[k + 1] = s[k + 1] > b[k + 1] ? s[k + 1] : b[k + 1];
        }
        b[4] = z < b[4] ? z : b[4];
        b[5] = z;
    }
    for (int k = 0; k < 3; k++) {
        origin[k] = b[2 * k];
        size[k] = b[2 * k + 1] - b[2 * k] + 1;
    }
    return b[1] >= 0;
}

/* Surface voxels of one structure within the box: seed 0 or 1 a voxel of the box. */
struct surface {
    const struct masks *m;
    const int64_t *origin, *size;
    uint8_t *seed;
    uint8_t bit;
};

static void mark_surface(void *arg, size_t row, int thread)
{
    struct surface *s = arg;
    const int64_t *whole = s->m->size, step[3] = { 1, whole[0], whole[0] * whole[1] };
    int64_t p[3] = { 0, s->origin[1] + (int64_t)row % s->size[1],
                     s->origin[2] + (int64_t)row / s->size[1] };
    const uint8_t *bits = s->m->bits + p[2] * step[2] + p[1] * step[1];
    uint8_t *seed = s->seed + (int64_t)row * s->size[0];

    (void)thread;
    for (int64_t x = 0; x < s->size[0]; x++) {
        const uint8_t *at = bits + s->origin[0] + x;
        seed[x] = 0;
        if (!(*at & s->bit))
            continue;
        p[0] = s->origin[0] + x;
        for (int k = 0; k < 3 && !seed[x]; k++)
            if (whole[k] > 1 && (p[k] == 0 || p[k] == whole[k] - 1 || !(at[-step[k]] & s->bit) ||
                                 !(at[step[k]] & s->bit)))
                seed[x] = 1;
    }
    /* A structure of an image that is a single voxel has no neighbours, and is its own surface. */
    if (whole[0] == 1 && whole[1] == 1 && whole[2] == 1)
        seed[0] = bits[0] & s->bit ? 1 : 0;
}

static double diagonal(const int64_t size[3], const double spacing[3])
{
    double sum = 0;
    for (int k = 0; k < 3; k++) {
        double side = (double)(size[k] - 1) * spacing[k];
        sum += side * side;
    }
    return sqrt(sum);
}

/* Distances of the seeds of one surface, appended to list; *within: how many of them are at most
 * the tolerance. */
static size_t collect(const uint8_t *seed, const double *square, size_t n, double tolerance,
                      double *list, size_t *within)
{
    size_t found = 0;

    *within = 0;
    for (size_t i = 0; i < n; i++)
        if (seed[i]) {
            list[found] = sqrt(square[i]);
            *within += list[found] <= tolerance;
            found++;
        }
    return found;
}

static int score_surfaces(const struct masks *m, const double spacing[3], double tolerance,
                          const int64_t origin[3], const int64_t size[3],
                          struct gn_distance_scores *out, struct gn_err *err)
{
    size_t n = (size_t)(size[0] * size[1] * size[2]), found[2] = { 0 }, within[2] = { 0 },
           count[2] = { 0 };
    uint8_t *seed[2] = { gn_try_alloc(n, err), gn_try_alloc(n, err) };
    double *square = gn_try_alloc(n * sizeof *square, err), *list = NULL, sum = 0;
    int rc = -1;

    if (!seed[0] || !seed[1] || !square)
        goto out;
    for (int side = 0; side < 2; side++) {
        struct surface s = { m, origin, size, seed[side], side == 0 ? REF : PRED };
        gn_pool_run((size_t)(size[1] * size[2]), mark_surface, &s);
        for (size_t i = 0; i < n; i++)
            count[side] += seed[side][i];
    }
    if (!count[0] || !count[1]) {
        double far = diagonal(m->size, spacing);
        *out = (struct gn_distance_scores){ far, far, 0, far };
        rc = 0;
        goto out;
    }
    list = gn_try_alloc((count[0] + count[1]) * sizeof *list, err);
    if (!list)
        goto out;
    for (int side = 0; side < 2; side++) {
        gn_distance_transform(seed[1 - side], size, spacing, square);
        found[side] =
            collect(seed[side], square, n, tolerance, list + (side ? found[0] : 0), &within[side]);
    }
    out->nsd = ((double)within[0] / (double)found[0] + (double)within[1] / (double)found[1]) / 2;
    n = found[0] + found[1];
    out->hd100 = 0;
    for (size_t i = 0; i < n; i++) {
        sum += list[i];
        out->hd100 = fmax(out->hd100, list[i]);
    }
    out->assd = sum / (double)n;
    out->hd95 = gn_percentile(list, n, 95);
    rc = 0;
out:
    free(seed[0]);
    free(seed[1]);
    free(square);
    free(list);
    return rc;
}

int gn_distance_score(const struct gn_tensor *ref, const struct gn_tensor *pred,
                      const struct gn_region *region, const double spacing[3], double tolerance,
                      struct gn_distance_scores *out, struct gn_err *err)
{
    struct masks m = { .map = { ref, pred }, .region = region };
    int64_t origin[3], size[3];
    int rc = -1;

    *out = (struct gn_distance_scores){ NAN, NAN, NAN, NAN };
    if (ref->rank != 4 || pred->rank != 4 || ref->shape[0] != 1 ||
        memcmp(ref->shape, pred->shape, 4 * sizeof *ref->shape) != 0)
        return gn_err_set(err, "two label maps of one size are needed");
    for (int k = 0; k < 3; k++)
        m.size[k] = ref->shape[3 - k];
    m.bits = gn_try_alloc((size_t)gn_tensor_count(ref), err);
    m.box = gn_try_alloc((size_t)m.size[2] * sizeof *m.box, err);
    m.err = gn_try_alloc((size_t)m.size[2] * sizeof *m.err, err);
    if (!m.bits || !m.box || !m.err)
        goto out;
    gn_pool_run((size_t)m.size[2], mark_slice, &m);
    for (int64_t z = 0; z < m.size[2]; z++)
        if (m.err[z].code) {
            gn_err_set(err, "%s", m.err[z].text);
            goto out;
        }
    rc = 0;
    if (join_boxes(&m, origin, size))
        rc = score_surfaces(&m, spacing, tolerance * (1 + 1e-6), origin, size, out, err);
out:
    free(m.bits);
    free(m.box);
    free(m.err);
    return rc;
}
