/* stain.c - see stain.h */
#include "image/stain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "base/vmath.h"
#include "image/normalize.h"

const char *const gn_stain_names[] = { "ruifrok", "macenko", "vahadane", NULL };

enum { CHUNK = 1 << 14, SAMPLE = 20000, ROUNDS = 2000 };
static const double ruifrok[2][3] = { { .65, .70, .29 }, { .07, .99, .11 } };
static const double penalty = 0.1; /* of amounts, Vahadane's lambda */

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* Length 1; false if it has none. */
static bool make_unit(double *v)
{
    const double length = sqrt(dot(v, v));
    for (int k = 0; k < 3; k++)
        v[k] = length > 0 ? v[k] / length : 0;
    return length > 0;
}

/* ---- pixels ---- */

static int level(float v)
{
    return v <= 0 ? 0 : v >= 255 ? 255 : (int)(v + 0.5f);
}

/* The optical density of each of the 256 levels. */
static void density_table(double table[256])
{
    for (int v = 0; v < 256; v++) {
        const double d = -gn_vmath_log((v ? v : 1) / 255.0);
        table[v] = d > 1e-6 ? d : 1e-6;
    }
}

static int check_values(const float *x, int64_t n, struct gn_err *err)
{
    struct gn_stats s;
    gn_stats_of(x, 3 * n, GN_WHERE_ALL, NULL, n, &s);
    if (!isfinite(s.mean))
        return gn_err_set(err, "values that are not finite");
    if (s.min < 0 || s.max > 255)
        return gn_err_set(err, "not a picture of 8-bit colours: its values go from %g to %g", s.min,
                          s.max);
    return 0;
}

/* ---- tissue ---- */

/* sRGB to linear light, and what each component adds to the luminance Y. */
static void luminance_table(double y[3][256])
{
    static const double share[3] = { .212671, .715160, .072169 };
    for (int v = 0; v < 256; v++) {
        const double s = v / 255.0;
        const double light =
            s > 0.04045 ? gn_vmath_exp(2.4 * gn_vmath_log((s + 0.055) / 1.055)) : s / 12.92;
        for (int k = 0; k < 3; k++)
            y[k][v] = share[k] * light;
    }
}

int gn_stain_lightness(int r, int g, int b)
{
    double y[3][256];
    luminance_table(y);
    const double sum = y[0][r] + y[1][g] + y[2][b];
    const double l = sum > 0.008856 ? 116 * cbrt(sum) - 16 : 903.3 * sum;
    return (int)floor(l * 2.55 + 0.5);
}

/* numpy's percentile of values given by their counts. */
static double count_percentile(const int64_t count[256], int64_t n, double p)
{
    const double h = p / 100 * (double)(n - 1), f = floor(h);
    int64_t below = 0, rank = (int64_t)f;
    int a = 0, b;
    while (below + count[a] <= rank)
        below += count[a++];
    b = a;
    if (h > f && below + count[a] <= rank + 1)
        for (b++; count[b] == 0;)
            b++;
    return a + (h - f) * (b - a);
}

/* Each level after the contrast has been stretched from the 2nd to the 98th percentile of all
 * three components, cut off to whole numbers. */
static void stretch_table(const float *x, int64_t n, int table[256])
{
    int64_t count[256] = { 0 };
    int first = 0, last = 255;
    for (int64_t i = 0; i < 3 * n; i++)
        count[level(x[i])]++;
    double lo = count_percentile(count, 3 * n, 2), hi = count_percentile(count, 3 * n, 98);
    while (!count[first])
        first++;
    while (!count[last])
        last--;
    if (lo >= hi) {
        lo = first;
        hi = last;
    }
    for (int v = 0; v < 256; v++) {
        const double s = v < lo ? lo : v > hi ? hi : v;
        table[v] = hi > lo ? (int)((s - lo) / (hi - lo) * 255) : v;
    }
}

/* The densities (n x 3) of the pixels that are tissue; how many, 0 if none, -1 without memory. The
 * rounded lightness is below 0.8 of 255 iff L is below 203.5 / 2.55, which is a luminance. */
static int64_t tissue_densities(const float *x, int64_t n, double **densities, struct gn_err *err)
{
    const double f = (203.5 / 2.55 + 16) / 116, bright = f * f * f;
    double y[3][256], density[256];
    int stretched[256];
    int64_t found = 0;
    uint8_t *is = gn_try_alloc((size_t)n, err);
    *densities = NULL;
    if (!is)
        return -1;
    density_table(density);
    luminance_table(y);
    stretch_table(x, n, stretched);
    for (int64_t i = 0; i < n; i++) {
        const double sum = y[0][stretched[level(x[i])]] + y[1][stretched[level(x[i + n])]] +
                           y[2][stretched[level(x[i + 2 * n])]];
        is[i] = sum < bright;
        found += is[i];
    }
    double *d = gn_try_alloc(3 * (size_t)found * sizeof *d + 1, err);
    for (int64_t i = 0, at = 0; d && i < n; i++)
        for (int k = 0; is[i] && k < 3; k++)
            d[at++] = density[level(x[i + k * n])];
    free(is);
    *densities = d;
    return d ? found : -1;
}

/* ---- Macenko ---- */

/* Eigenvectors of a symmetric matrix as rows of v, the largest eigenvalue's first; by Jacobi's
 * rotations. */
static void eigenvectors(double a[3][3], double v[3][3])
{
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            v[i][k] = i == k;
    for (int sweep = 0; sweep < 50; sweep++)
        for (int p = 0; p < 2; p++)
            for (int q = p + 1; q < 3; q++) {
                if (a[p][q] == 0)
                    continue;
                const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
                const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
                const double c = 1 / sqrt(t * t + 1), s = t * c;
                for (int k = 0; k < 3; k++) {
                    const double x = a[k][p], y = a[k][q];
                    a[k][p] = c * x - s * y;
                    a[k][q] = s * x + c * y;
                }
                for (int k = 0; k < 3; k++) {
                    const double x = a[p][k], y = a[q][k];
                    a[p][k] = c * x - s * y;
                    a[q][k] = s * x + c * y;
                }
                for (int k = 0; k < 3; k++) {
                    const double x = v[p][k], y = v[q][k];
                    v[p][k] = c * x - s * y;
                    v[q][k] = s * x + c * y;
                }
                a[p][q] = a[q][p] = 0;
            }
    for (int i = 0; i < 2; i++)
        for (int k = 2; k > i; k--)
            if (a[k][k] > a[k - 1][k - 1])
                for (int j = 0; j < 3; j++) {
                    double keep = v[k][j];
                    v[k][j] = v[k - 1][j];
                    v[k - 1][j] = keep;
                    if (j == 0) {
                        keep = a[k][k];
                        a[k][k] = a[k - 1][k - 1];
                        a[k - 1][k - 1] = keep;
                    }
                }
}

/* A number that grows with the angle of (x, y) from -pi to pi; and the angle. */
static double around(double x, double y)
{
    const double size = fabs(x) + fabs(y), p = size > 0 ? y / size : 0;
    return x >= 0 ? p : y >= 0 ? 2 - p : -2 - p;
}

static double angle_of(double p)
{
    return p > 1 ? atan2(2 - p, 1 - p) : p < -1 ? atan2(-2 - p, 1 + p) : atan2(p, 1 - fabs(p));
}

/* The directions at the 1st and the 99th percentile of the angle in the plane of the densities'
 * first two principal axes. */
static void macenko(const double *d, int64_t n, double m[2][3], float *angle)
{
    double mean[3] = { 0, 0, 0 }, a[3][3] = { { 0 } }, v[3][3];
    for (int64_t i = 0; i < 3 * n; i++)
        mean[i % 3] += d[i];
    for (int k = 0; k < 3; k++)
        mean[k] /= (double)n;
    for (int64_t i = 0; i < n; i++)
        for (int r = 0; r < 3; r++)
            for (int c = 0; c < 3; c++)
                a[r][c] += (d[3 * i + r] - mean[r]) * (d[3 * i + c] - mean[c]);
    eigenvectors(a, v);
    for (int r = 0; r < 2; r++)
        for (int k = 2; k >= 0; k--)
            v[r][k] = v[r][0] < 0 ? -v[r][k] : v[r][k];
    for (int64_t i = 0; i < n; i++)
        angle[i] = (float)around(dot(d + 3 * i, v[0]), dot(d + 3 * i, v[1]));
    for (int r = 0; r < 2; r++) {
        const double h = (r ? 0.99 : 0.01) * (double)(n - 1), f = floor(h);
        const double lo = angle_of((double)gn_value_of_rank(angle, n, (int64_t)f));
        const double hi =
            h > f ? angle_of((double)gn_value_of_rank(angle, n, (int64_t)f + 1)) : lo;
        const double phi = lo + (h - f) * (hi - lo);
        for (int k = 0; k < 3; k++)
            m[r][k] = v[0][k] * cos(phi) + v[1][k] * sin(phi);
    }
}

/* ---- Vahadane ---- */

/* The amounts c >= 0 of smallest |d - c M|^2 / 2 + penalty (c1 + c2): rows of unit length. */
static void sparse_amounts(const double *d, const double m[2][3], double across, double c[2])
{
    const double b0 = dot(m[0], d) - penalty, b1 = dot(m[1], d) - penalty;
    const double rest = 1 - across * across;
    c[0] = rest > 0 ? (b0 - across * b1) / rest : b0;
    c[1] = rest > 0 ? (b1 - across * b0) / rest : 0;
    if (c[0] < 0) {
        c[0] = 0;
        c[1] = b1 > 0 ? b1 : 0;
    }
    if (c[1] < 0) {
        c[1] = 0;
        c[0] = b0 > 0 ? b0 : 0;
    }
}

double gn_stain_objective(const double *density, int64_t n, const double matrix[2][3])
{
    const double across = dot(matrix[0], matrix[1]);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double c[2];
        sparse_amounts(density + 3 * i, matrix, across, c);
        for (int k = 0; k < 3; k++) {
            const double r = density[3 * i + k] - c[0] * matrix[0][k] - c[1] * matrix[1][k];
            sum += 0.5 * r * r;
        }
        sum += penalty * (c[0] + c[1]);
    }
    return sum;
}

void gn_stain_factor(const double *density, int64_t n, double m[2][3])
{
    for (int round = 0; round < ROUNDS; round++) {
        const double across = dot(m[0], m[1]);
        double both = 0, with[2][3] = { { 0 } }, moved = 0; /* C'C off the diagonal; C'D */
        for (int64_t i = 0; i < n; i++) {
            double c[2];
            sparse_amounts(density + 3 * i, m, across, c);
            both += c[0] * c[1];
            for (int k = 0; k < 3; k++) {
                with[0][k] += c[0] * density[3 * i + k];
                with[1][k] += c[1] * density[3 * i + k];
            }
        }
        for (int r = 0; r < 2; r++) {
            double best[3];
            for (int k = 0; k < 3; k++) {
                best[k] = with[r][k] - both * m[1 - r][k];
                best[k] = best[k] > 0 ? best[k] : 0;
            }
            if (!make_unit(best))
                continue; /* no pixel has it: it stays */
            for (int k = 0; k < 3; k++) {
                moved += fabs(best[k] - m[r][k]);
                m[r][k] = best[k];
            }
        }
        if (moved < 1e-9)
            break;
    }
}

/* Of every so many pixels one, at most SAMPLE, from Ruifrok's directions on. */
static void vahadane(double *d, int64_t n, double m[2][3])
{
    const int64_t every = (n + SAMPLE - 1) / SAMPLE;
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i += every, kept++)
        memmove(d + 3 * kept, d + 3 * i, 3 * sizeof *d);
    memcpy(m, ruifrok, sizeof ruifrok);
    make_unit(m[0]);
    make_unit(m[1]);
    gn_stain_factor(d, kept, m);
}

/* ---- amounts ---- */

/* Least squares: amounts = pinv times density. */
static void invert(const double m[2][3], double pinv[2][3])
{
    const double a = dot(m[0], m[0]), b = dot(m[0], m[1]), c = dot(m[1], m[1]);
    const double det = a * c - b * b;
    for (int k = 0; k < 3; k++) {
        pinv[0][k] = (c * m[0][k] - b * m[1][k]) / det;
        pinv[1][k] = (a * m[1][k] - b * m[0][k]) / det;
    }
}

struct amounts_job {
    const float *x;
    float *out; /* two components */
    int64_t n;
    double density[256], pinv[2][3];
};

static void amounts_chunk(void *arg, size_t chunk, int thread)
{
    const struct amounts_job *j = arg;
    const int64_t first = (int64_t)chunk * CHUNK;
    const int64_t last = j->n - first < CHUNK ? j->n : first + CHUNK;
    (void)thread;
    for (int64_t i = first; i < last; i++) {
        double d[3];
        for (int k = 0; k < 3; k++)
            d[k] = j->density[level(j->x[i + k * j->n])];
        const float a = (float)dot(d, j->pinv[0]), b = (float)dot(d, j->pinv[1]);
        j->out[i] = a; /* out may be x: written when all three are read */
        j->out[i + j->n] = b;
    }
}

static void amounts(const float *x, int64_t n, const double matrix[2][3], float *out)
{
    struct amounts_job j = { .x = x, .out = out, .n = n };
    density_table(j.density);
    invert(matrix, j.pinv);
    gn_pool_run((size_t)((n + CHUNK - 1) / CHUNK), amounts_chunk, &j);
}

/* Directions within 10 degrees say nothing about two stains. */
static void settle(struct gn_stain_fit *fit)
{
    if (fit->matrix[0][0] < fit->matrix[1][0])
        for (int k = 0; k < 3; k++) {
            const double keep = fit->matrix[0][k];
            fit->matrix[0][k] = fit->matrix[1][k];
            fit->matrix[1][k] = keep;
        }
    const bool first = make_unit(fit->matrix[0]), second = make_unit(fit->matrix[1]);
    const double cosine = dot(fit->matrix[0], fit->matrix[1]);
    if (!first || !second || !(cosine < 0.984807753012208)) {
        memcpy(fit->matrix, ruifrok, sizeof ruifrok);
        fit->fallback = true;
    }
}

int gn_stain_fit(const float *x, int64_t n, enum gn_stain kind, struct gn_stain_fit *fit,
                 struct gn_err *err)
{
    static const double p = 99;
    double *d = NULL;
    float *part = NULL;
    int rc = -1;
    *fit = (struct gn_stain_fit){ .fallback = false };
    if (check_values(x, n, err) < 0)
        return -1;
    part = gn_try_alloc(2 * (size_t)n * sizeof *part, err);
    if (!part)
        return -1;
    if (kind == GN_STAIN_RUIFROK) {
        memcpy(fit->matrix, ruifrok, sizeof ruifrok);
    } else {
        const int64_t tissue = tissue_densities(x, n, &d, err);
        if (tissue < 0)
            goto out;
        if (tissue < 2) {
            gn_err_set(err, "no tissue: every pixel is bright");
            goto out;
        }
        if (kind == GN_STAIN_MACENKO)
            macenko(d, tissue, fit->matrix, part);
        else
            vahadane(d, tissue, fit->matrix);
        settle(fit);
    }
    amounts(x, n, fit->matrix, part);
    gn_percentiles(part, n, &p, 1, &fit->top[0]);
    gn_percentiles(part + n, n, &p, 1, &fit->top[1]);
    rc = 0;
out:
    free(d);
    free(part);
    return rc;
}

/* ---- transfer ---- */

struct transfer_job {
    float *x; /* amounts in the first two components */
    int64_t n;
    float minus[2][3]; /* minus the new directions, times what the amounts grow by */
};

static void transfer_chunk(void *arg, size_t chunk, int thread)
{
    const struct transfer_job *j = arg;
    const int64_t first = (int64_t)chunk * CHUNK;
    const int64_t n = j->n - first < CHUNK ? j->n - first : CHUNK;
    float *x = j->x + first, *y = x + j->n, *z = y + j->n;
    (void)thread;
    for (int64_t i = 0; i < n; i++) {
        const float a = x[i], b = y[i];
        x[i] = a * j->minus[0][0] + b * j->minus[1][0];
        y[i] = a * j->minus[0][1] + b * j->minus[1][1];
        z[i] = a * j->minus[0][2] + b * j->minus[1][2];
    }
    for (int k = 0; k < 3; k++) {
        float *v = x + k * j->n;
        gn_vexpf(v, v, (size_t)n);
        for (int64_t i = 0; i < n; i++)
            v[i] = (float)level(v[i] * 255);
    }
}

int gn_stain_apply(float *x, int64_t n, const struct gn_stain_fit *from,
                   const struct gn_stain_fit *to, struct gn_err *err)
{
    static const char *const names[2] = { "haematoxylin", "eosin" };
    struct transfer_job j = { .x = x, .n = n };
    for (int s = 0; s < 2; s++) {
        if (!(to->top[s] >= GN_STAIN_LEAST))
            return gn_err_set(err, "the target has no %s", names[s]);
        const double grow = from->top[s] >= GN_STAIN_LEAST ? to->top[s] / from->top[s] : 1;
        for (int k = 0; k < 3; k++)
            j.minus[s][k] = (float)(-grow * to->matrix[s][k]);
    }
    amounts(x, n, from->matrix, x);
    gn_pool_run((size_t)((n + CHUNK - 1) / CHUNK), transfer_chunk, &j);
    return 0;
}
