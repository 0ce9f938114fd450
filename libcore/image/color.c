/* color.c - see color.h */
#include "image/color.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/pool.h"
#include "base/vmath.h"

enum { RUN = 256 };

/* What all jobs here share: row i of all z and y, its n pixels; p[c] is a component's row. */
struct rows {
    struct gn_tensor *t;
    float *p[3];
    int64_t n;
    double *sum; /* of each row */
    enum gn_color what;
    float factor, mean, top;
    float scale[3], shift[3];
};

static struct rows rows_of(struct gn_tensor *t, double top)
{
    struct rows j = {.t = t, .n = t->shape[3], .top = (float)top};
    int64_t voxels = gn_tensor_count(t) / t->shape[0];
    for (int c = 0; c < 3; c++)
        j.p[c] = (float *)t->data + (t->shape[0] == 3 ? c * voxels : 0);
    return j;
}

static size_t count(const struct rows *j)
{
    return (size_t)(j->t->shape[1] * j->t->shape[2]);
}

/* The sum of the rows' sums, whoever made them. */
static double total(const struct rows *j)
{
    double all = 0;
    for (size_t i = 0; i < count(j); i++)
        all += j->sum[i];
    return all;
}

/* ---- brightness, contrast, saturation, hue ---- */

static float grey(float r, float g, float b)
{
    return 0.2989f * r + 0.587f * g + 0.114f * b;
}

static float clamp(float x, float top)
{
    return x < 0 ? 0 : x > top ? top : x;
}

static void grey_sum(void *arg, size_t row, int thread)
{
    const struct rows *j = arg;
    const bool one = j->t->shape[0] == 1;
    const float *r = j->p[0] + (int64_t)row * j->n, *g = j->p[1] + (int64_t)row * j->n;
    const float *b = j->p[2] + (int64_t)row * j->n;
    double sum = 0;
    (void)thread;
    for (int64_t i = 0; i < j->n; i++)
        sum += (double)(one ? r[i] : grey(r[i], g[i], b[i]));
    j->sum[row] = sum;
}

/* HSV and back, the hue shifted: the largest and the smallest of the three stay. */
static void turn_hue(float *r, float *g, float *b, float by, float top)
{
    const float x = *r / top, y = *g / top, z = *b / top;
    const float most = fmaxf(x, fmaxf(y, z)), least = fminf(x, fminf(y, z)), span = most - least;
    if (!(span > 0)) /* grey has no hue */
        return;
    const float rc = (most - x) / span, gc = (most - y) / span, bc = (most - z) / span;
    float h = most == x ? bc - gc : most == y ? 2 + rc - bc : 4 + gc - rc;
    h = h / 6 + 1;
    h -= floorf(h);
    h += by;
    h -= floorf(h);
    const float s = span / most, six = 6 * h, whole = floorf(six), f = six - whole;
    const float p = clamp(most * (1 - s), 1), q = clamp(most * (1 - s * f), 1);
    const float u = clamp(most * (1 - s * (1 - f)), 1);
    switch ((int)whole % 6) {
    case 0: *r = most, *g = u, *b = p; break;
    case 1: *r = q, *g = most, *b = p; break;
    case 2: *r = p, *g = most, *b = u; break;
    case 3: *r = p, *g = q, *b = most; break;
    case 4: *r = u, *g = p, *b = most; break;
    default: *r = most, *g = p, *b = q; break;
    }
    *r *= top;
    *g *= top;
    *b *= top;
}

static void adjust_row(void *arg, size_t row, int thread)
{
    const struct rows *j = arg;
    const float f = j->factor, rest = 1 - f;
    float *p[3];
    (void)thread;
    for (int c = 0; c < 3; c++)
        p[c] = j->p[c] + (int64_t)row * j->n;
    for (int64_t i = 0; i < j->n; i++) {
        if (j->what == GN_HUE) {
            turn_hue(&p[0][i], &p[1][i], &p[2][i], f, j->top);
            continue;
        }
        float other = j->what == GN_BRIGHTNESS ? 0
                      : j->what == GN_CONTRAST ? j->mean
                                               : grey(p[0][i], p[1][i], p[2][i]);
        for (int c = 0; c < j->t->shape[0]; c++)
            p[c][i] = clamp(f * p[c][i] + rest * other, j->top);
    }
}

void gn_color_adjust(struct gn_tensor *t, enum gn_color what, double factor, double top)
{
    struct rows j = rows_of(t, top);
    j.what = what;
    j.factor = (float)factor;
    if (t->shape[0] == 1 && (what == GN_SATURATION || what == GN_HUE))
        return;
    if (what == GN_CONTRAST) {
        j.sum = gn_alloc(count(&j) * sizeof *j.sum);
        gn_pool_run(count(&j), grey_sum, &j);
        j.mean = (float)(total(&j) / ((double)count(&j) * (double)j.n));
        free(j.sum);
    }
    gn_pool_run(count(&j), adjust_row, &j);
}

/* ---- stains ---- */

/* Rows: the colours that haematoxylin, eosin and DAB take away; and the inverse of that matrix. */
static const double colours[3][3] = {{.65, .70, .29}, {.07, .99, .11}, {.27, .57, .78}};
#define LEAST 1e-6f
#define LOG_LEAST -13.815510557964274

static void inverse(double m[3][3])
{
    const double(*a)[3] = colours;
    double det = 0;
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) {
            int r1 = (r + 1) % 3, r2 = (r + 2) % 3, c1 = (c + 1) % 3, c2 = (c + 2) % 3;
            m[c][r] = a[r1][c1] * a[r2][c2] - a[r1][c2] * a[r2][c1];
        }
    for (int k = 0; k < 3; k++)
        det += a[0][k] * m[k][0];
    for (int i = 0; i < 9; i++)
        m[i / 3][i % 3] /= det;
}

/* out = row vector times matrix times by */
static void mix(float *r, float *g, float *b, const double m[3][3], double by, int n)
{
    float k[9];
    for (int i = 0; i < 9; i++)
        k[i] = (float)(m[i / 3][i % 3] * by);
    for (int i = 0; i < n; i++) {
        const float x = r[i], y = g[i], z = b[i];
        r[i] = x * k[0] + y * k[3] + z * k[6];
        g[i] = x * k[1] + y * k[4] + z * k[7];
        b[i] = x * k[2] + y * k[5] + z * k[8];
    }
}

void gn_color_to_stains(float *r, float *g, float *b, int n)
{
    float *p[3] = {r, g, b};
    double m[3][3];
    inverse(m);
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < n; i++)
            p[c][i] = p[c][i] > LEAST ? p[c][i] : LEAST;
        gn_vlogf(p[c], p[c], (size_t)n);
    }
    mix(r, g, b, (const double(*)[3])m, 1 / LOG_LEAST, n);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < n; i++)
            p[c][i] = p[c][i] > 0 ? p[c][i] : 0;
}

void gn_color_from_stains(float *h, float *e, float *d, int n)
{
    float *p[3] = {h, e, d};
    mix(h, e, d, colours, LOG_LEAST, n);
    for (int c = 0; c < 3; c++) {
        gn_vexpf(p[c], p[c], (size_t)n);
        for (int i = 0; i < n; i++)
            p[c][i] = clamp(p[c][i], 1);
    }
}

static void value_sum(void *arg, size_t row, int thread)
{
    const struct rows *j = arg;
    double sum = 0;
    (void)thread;
    for (int c = 0; c < 3; c++)
        for (int64_t i = 0; i < j->n; i++)
            sum += (double)j->p[c][(int64_t)row * j->n + i];
    j->sum[row] = sum;
}

static void stain_row(void *arg, size_t row, int thread)
{
    const struct rows *j = arg;
    (void)thread;
    for (int64_t x = 0; x < j->n; x += RUN) {
        const int n = (int)(j->n - x < RUN ? j->n - x : RUN);
        float buf[3][RUN];
        for (int c = 0; c < 3; c++) {
            const float *p = j->p[c] + (int64_t)row * j->n + x;
            for (int i = 0; i < n; i++)
                buf[c][i] = p[i] / j->top;
        }
        gn_color_to_stains(buf[0], buf[1], buf[2], n);
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < n; i++)
                buf[c][i] = buf[c][i] * j->scale[c] + j->shift[c];
        gn_color_from_stains(buf[0], buf[1], buf[2], n);
        for (int c = 0; c < 3; c++) {
            float *p = j->p[c] + (int64_t)row * j->n + x;
            for (int i = 0; i < n; i++)
                p[i] = buf[c][i] * j->top;
        }
    }
}

void gn_color_stains(struct gn_tensor *t, const double scale[3], const double shift[3],
                     const double cut[2], double top)
{
    struct rows j = rows_of(t, top);
    j.sum = gn_alloc(count(&j) * sizeof *j.sum);
    gn_pool_run(count(&j), value_sum, &j);
    double mean = total(&j) / ((double)gn_tensor_count(t) * top);
    free(j.sum);
    if (!(mean >= cut[0] && mean <= cut[1]))
        return;
    for (int c = 0; c < 3; c++) {
        j.scale[c] = (float)(1 + scale[c]);
        j.shift[c] = (float)shift[c];
    }
    gn_pool_run(count(&j), stain_row, &j);
}
