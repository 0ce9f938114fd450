/* doctor.c - see doctor.h */
#include "image/doctor.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- where it lies ---- */

void gn_doctor_axes(const double affine[12], char codes[4])
{
    struct gn_grid g = { .size = { 1, 1, 1 } }, canonical;
    struct gn_orientation o;
    memcpy(g.affine, affine, sizeof g.affine);
    gn_grid_canonical(&g, &o, &canonical);
    for (int w = 0; w < 3; w++)
        codes[o.axis[w]] = (o.flip[w] ? "LPI" : "RAS")[w];
    codes[3] = 0;
}

bool gn_doctor_left_handed(const double m[12])
{
    return m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) +
               m[2] * (m[4] * m[9] - m[5] * m[8]) <
           0;
}

double gn_doctor_corners(const struct gn_grid *a, const struct gn_grid *b, double *rounding)
{
    double worst = 0;
    *rounding = 0;
    for (int corner = 0; corner < 8; corner++) {
        double p[3], q[3], u[3], v[3], sum = 0;
        for (int k = 0; k < 3; k++) {
            p[k] = corner >> k & 1 ? (double)a->size[k] - 0.5 : -0.5;
            q[k] = corner >> k & 1 ? (double)b->size[k] - 0.5 : -0.5;
        }
        gn_affine_point(a->affine, p, u);
        gn_affine_point(b->affine, q, v);
        for (int i = 0; i < 3; i++) {
            const double *m = &a->affine[4 * (size_t)i];
            sum += (u[i] - v[i]) * (u[i] - v[i]);
            double terms = fabs(m[0] * p[0]) + fabs(m[1] * p[1]) + fabs(m[2] * p[2]) + fabs(m[3]);
            *rounding = fmax(*rounding, 4 * (double)FLT_EPSILON * terms);
        }
        worst = fmax(worst, sqrt(sum));
    }
    return worst;
}

/* ---- what it holds ---- */

enum { BLOCK = 2048, LANES = 4 };

/* Multiplication and xor-shift, a lane for every fourth word: no word can be left out or change
 * places without the hash changing. */
static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

/* The value's place among those known, which are ascending; *known: it is one of them. */
static size_t find_value(const struct gn_doctor_voxels *v, double x, bool *known)
{
    size_t lo = 0, hi = v->values;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (v->value[mid] < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    *known = lo < v->values && v->value[lo] == x;
    return lo;
}

static void add_value(struct gn_doctor_voxels *v, double x)
{
    bool known;
    size_t at = find_value(v, x, &known);
    if (known)
        return;
    if (v->values == GN_DOCTOR_VALUES) {
        v->more = true;
        return;
    }
    memmove(v->value + at + 1, v->value + at, (v->values - at) * sizeof *v->value);
    v->value[at] = x;
    v->values++;
}

void gn_doctor_look(const struct gn_tensor *t, bool labels, struct gn_doctor_voxels *v)
{
    const size_t size = gn_dtype_size(t->dtype);
    const int64_t n = gn_tensor_count(t);
    uint64_t h[LANES] = { 1, 2, 3, 4 };
    double block[BLOCK], last = NAN;

    *v = (struct gn_doctor_voxels){ .voxels = n, .lo = INFINITY, .hi = -INFINITY };
    if (labels)
        v->value = gn_alloc(GN_DOCTOR_VALUES * sizeof *v->value);
    for (int i = 0; i < t->rank; i++)
        h[0] = mix(h[0], (uint64_t)t->shape[i]);
    for (int64_t at = 0; at < n; at += BLOCK) {
        const size_t m = (size_t)(n - at < BLOCK ? n - at : BLOCK);
        gn_convert_to_double((const char *)t->data + (size_t)at * size, t->dtype, block, m);
        for (size_t i = 0; i < m; i++) {
            double x = block[i], whole;
            uint64_t word;
            if (isnan(x))
                x = NAN;
            x += 0.0; /* no negative zeros */
            memcpy(&word, &x, sizeof word);
            h[i % LANES] = mix(h[i % LANES], word);
            if (!isfinite(x)) {
                v->nan += isnan(x) != 0;
                v->inf += isinf(x) != 0;
                continue;
            }
            v->lo = x < v->lo ? x : v->lo;
            v->hi = x > v->hi ? x : v->hi;
            if (x == last)
                continue;
            last = x;
            whole = rint(x) + 0.0;
            v->off = fmax(v->off, fabs(x - whole));
            if (labels)
                add_value(v, whole);
        }
    }
    v->hash = mix(mix(mix(h[0], h[1]), h[2]), h[3]);
}

bool gn_doctor_constant(const struct gn_doctor_voxels *v)
{
    return v->lo == v->hi && !v->nan && !v->inf;
}

void gn_doctor_free(struct gn_doctor_voxels *v)
{
    free(v->value);
    v->value = NULL;
    v->values = 0;
}
