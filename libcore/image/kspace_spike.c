/* kspace_spike.c - spikes: plane waves added to the image, as high as the spectrum's largest
 * coefficient. That is the image's sum where no voxel is negative. Else the transform is made, as
 * matrix products with the folds of kspace.c, along x, then y, then z; after x and after y, by
 * Parseval's theorem the energy of what lies at one frequency bounds all that can come of it, and
 * what cannot hold the largest is left out: most of the spectrum of a natural image. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "image/kspace.h"

struct coefficient {
    int64_t k[3]; /* frequency along x y z, 0..n-1 */
    double re, im;
};

static int64_t largest(int64_t a, int64_t b) { return a > b ? a : b; }

static bool above(const struct coefficient *a, const struct coefficient *b)
{
    return a->re > b->re || (a->re == b->re && a->im > b->im);
}

static const struct coefficient *find(const struct coefficient *all, int n, const int64_t k[3])
{
    for (int i = 0; i < n; i++)
        if (all[i].k[0] == k[0] && all[i].k[1] == k[1] && all[i].k[2] == k[2])
            return &all[i];
    return NULL;
}

/* ---- one axis of the transform ---- */

/* The bins 0..most = n / 2 of n values that were folded (gn_gemm.fold) into even parts p and odd
 * parts q: bin k is phase[k] (C p + i S q), bin -k is conj(phase[k]) (C p - i S q). */
struct axis {
    int parts;
    int64_t n, h, half, most;
    int64_t count[2], rows[2]; /* bins whose k % parts is 0, 1; rounded up to 16 */
    float *c[2], *s[2];        /* rows x half, or half x rows to stand right of rows of the image */
    double *phase;             /* re, im of most + 1 */
};

static void axis_free(struct axis *a)
{
    free(a->c[0]);
    free(a->phase);
}

static int axis_new(struct axis *a, int64_t n, bool along_rows, struct gn_err *err)
{
    *a = (struct axis){.parts = n % 2 ? 1 : 2, .n = n, .most = n / 2};
    a->h = n / a->parts;
    a->half = (a->h + 1) / 2;
    size_t size = 0;
    for (int p = 0; p < a->parts; p++) {
        a->count[p] = a->parts == 1 ? a->most + 1 : (a->most + 2 - p) / 2;
        a->rows[p] = (a->count[p] + 15) / 16 * 16;
    }
    if (gn_mul_size((size_t)a->half, (size_t)(a->rows[0] + a->rows[1]) * 2 * sizeof(float), &size,
                    err))
        return -1;
    a->c[0] = gn_try_alloc(size, err);
    a->phase = gn_try_alloc((size_t)(2 * (a->most + 1) + 4 * n) * sizeof *a->phase, err);
    if (!a->c[0] || !a->phase) {
        axis_free(a);
        *a = (struct axis){0};
        return -1;
    }
    a->s[0] = a->c[0] + a->half * a->rows[0];
    a->c[1] = a->s[0] + a->half * a->rows[0];
    a->s[1] = a->c[1] + a->half * a->rows[1];
    /* Places are counted in halves, so angles are multiples of pi / n. */
    double *cosine = a->phase + 2 * (a->most + 1), *sine = cosine + 2 * n;
    for (int64_t i = 0; i < 2 * n; i++) {
        cosine[i] = cos(acos(-1.0) / (double)n * (double)i);
        sine[i] = sin(acos(-1.0) / (double)n * (double)i);
    }
    for (int64_t k = 0; k <= a->most; k++) {
        const int p = (int)(k % a->parts);
        const int64_t row = k / a->parts, middle = k * (a->h - 1) % (2 * n);
        a->phase[2 * k] = cosine[middle];
        a->phase[2 * k + 1] = -sine[middle];
        for (int64_t i = 0; i < a->half; i++) {
            int64_t angle = k * (a->h - 1 - 2 * i) % (2 * n);
            int64_t at = along_rows ? i * a->rows[p] + row : row * a->half + i;
            /* the middle of an odd h was folded onto itself: it counts twice */
            a->c[p][at] = (float)(2 * i == a->h - 1 ? 0.5 : cosine[angle]);
            a->s[p][at] = (float)sine[angle];
        }
    }
    return 0;
}

/* ---- the transform of one component ---- */

enum { SLAB_ROWS = 16, LOW = 8 };

struct spectrum {
    const struct gn_gemm *g;
    const float *image;
    int64_t size[3];
    struct axis axis[3];
    int64_t width; /* bins along x, rounded up to 16; a row is all re, then all im */
    float *x;      /* z y width*2, as image, then bins along y; negative ones as k + size */
    float *energy; /* of each slab of rows: width sums of squares */
    float *scratch; /* of each thread */
    int64_t scratch_size;
    const struct coefficient *skip; /* these are not looked at */
    int n_skip;
    int64_t panel;            /* of 16 bins along x that is at work */
    int64_t first;            /* line along y that item 0 is */
    double least;             /* squares below this do not matter */
    struct coefficient *best; /* of each line along y; k[0] < 0: none */
};

static void along_x(void *arg, size_t item, int thread)
{
    const struct spectrum *s = arg;
    const struct axis *a = &s->axis[0];
    const int64_t all = s->size[1] * s->size[2], from = (int64_t)item * SLAB_ROWS;
    const int64_t count = all - from < SLAB_ROWS ? all - from : SLAB_ROWS;
    const int64_t block = SLAB_ROWS * a->half;
    float *in = s->scratch + thread * s->scratch_size, *out = in + 2 * a->parts * block;
    for (int64_t r = 0; r < count; r++)
        s->g->fold_row(a->parts, a->h, s->image + (from + r) * a->n, in + r * a->half, block);
    for (int p = 0; p < a->parts; p++)
        for (int part = 0; part < 2; part++) {
            s->g->multiply((count + 7) / 8 * 8, a->rows[p], a->half, in + (2 * p + part) * block,
                           a->half, part ? a->s[p] : a->c[p], a->rows[p], out, a->rows[p]);
            for (int64_t r = 0; r < count; r++) {
                float *to = s->x + ((from + r) * 2 + part) * s->width + (p ? a->count[0] : 0);
                memcpy(to, out + r * a->rows[p], (size_t)a->count[p] * sizeof *to);
            }
        }
    for (int64_t r = 0; r < count; r++) {
        const float *re = s->x + (from + r) * 2 * s->width;
        s->g->energy(re, re + s->width, s->width, s->energy + (int64_t)item * s->width);
    }
}

/* Floats that lines() needs: the folds of re and im, and four products. */
static int64_t line_scratch(const struct axis *a)
{
    return (4 * a->parts * a->half + 4 * largest(a->rows[0], a->rows[1])) * GN_PANEL;
}

/* Fold one panel of lines along y or z, re and im. */
static void fold_lines(const struct spectrum *s, const struct axis *a, const float *x,
                       int64_t stride, float *in)
{
    s->g->fold(a->parts, a->h, 1, x, stride, NULL, 0, in);
    s->g->fold(a->parts, a->h, 1, x + s->width, stride, NULL, 0,
               in + 2 * a->parts * a->half * GN_PANEL);
}

/* C p of re, S q of im, C p of im, S q of re: rows x 16 each, behind what was folded. */
static void products(const struct spectrum *s, const struct axis *a, int p, float *in,
                     float *out[4])
{
    const int64_t block = a->half * GN_PANEL, rows = largest(a->rows[0], a->rows[1]);
    const float *re = in + 2 * p * block, *im = re + 2 * a->parts * block;
    const float *left[4] = {a->c[p], a->s[p], a->c[p], a->s[p]};
    const float *right[4] = {re, im + block, im, re + block};
    for (int i = 0; i < 4; i++) {
        out[i] = in + 4 * a->parts * block + i * rows * GN_PANEL;
        s->g->multiply((a->count[p] + 7) / 8 * 8, GN_PANEL, a->half, left[i], a->half, right[i],
                       GN_PANEL, out[i], GN_PANEL);
    }
}

static void along_y(void *arg, size_t z, int thread)
{
    const struct spectrum *s = arg;
    const struct axis *a = &s->axis[1];
    const int64_t stride = 2 * s->width;
    float *in = s->scratch + thread * s->scratch_size, *out[4];
    float *plane = s->x + (int64_t)z * a->n * stride + s->panel * GN_PANEL;
    fold_lines(s, a, plane, stride, in);
    for (int p = 0; p < a->parts; p++) {
        products(s, a, p, in, out);
        for (int64_t j = 0; j < a->count[p]; j++) {
            int64_t k = j * a->parts + p;
            float *re = plane + k * stride, *back = plane + (a->n - k) * stride;
            for (int64_t l = 0, at = j * GN_PANEL; l < GN_PANEL; l++, at++) {
                re[l] = out[0][at] - out[1][at];
                re[l + s->width] = out[2][at] + out[3][at];
            }
            for (int64_t l = 0, at = j * GN_PANEL; k && 2 * k != a->n && l < GN_PANEL; l++, at++) {
                back[l] = out[0][at] + out[1][at];
                back[l + s->width] = out[2][at] - out[3][at];
            }
        }
    }
}

/* Take what is larger than the best, of a coefficient and of the one at the opposite frequency. */
static void consider(const struct spectrum *s, struct coefficient *best, const int64_t k[3],
                     double re, double im)
{
    for (int i = 0; i < 2; i++) {
        struct coefficient c = {{0, 0, 0}, re, i ? -im : im};
        for (int a = 0; a < 3; a++)
            c.k[a] = i ? (s->size[a] - k[a]) % s->size[a] : k[a];
        if ((best->k[0] < 0 || above(&c, best)) && !find(s->skip, s->n_skip, c.k))
            *best = c;
    }
}

/* The bins of the x axis in the order of a row: even ones first where there are two parts. */
static int64_t bin_x(const struct axis *a, int64_t at)
{
    return at < a->count[0] ? at * a->parts : (at - a->count[0]) * 2 + 1;
}

static void along_z(void *arg, size_t item, int thread)
{
    const struct spectrum *s = arg;
    const struct axis *ax = &s->axis[0], *ay = &s->axis[1], *a = &s->axis[2];
    const int64_t stride = ay->n * 2 * s->width, line = (s->first + (int64_t)item) % ay->n;
    const float *x = s->x + line * 2 * s->width + s->panel * GN_PANEL;
    float *in = s->scratch + thread * s->scratch_size, *out[4];
    float cr[GN_PANEL] = {0}, ci[GN_PANEL] = {0}, energy[GN_PANEL] = {0}, most = 0;
    struct coefficient *best = &s->best[line];
    int64_t lanes = ax->most + 1 - s->panel * GN_PANEL;
    lanes = lanes < GN_PANEL ? lanes : GN_PANEL;
    for (int64_t z = 0; z < a->n; z++)
        s->g->energy(x + z * stride, x + z * stride + s->width, GN_PANEL, energy);
    for (int64_t l = 0; l < lanes; l++)
        most = energy[l] > most ? energy[l] : most;
    if ((double)a->n * (double)most < s->least)
        return;
    fold_lines(s, a, x, stride, in);
    const bool below = line > ay->most;
    const double *py = ay->phase + 2 * (below ? ay->n - line : line);
    const double si = below ? -py[1] : py[1];
    for (int64_t l = 0; l < lanes; l++) {
        const double *px = ax->phase + 2 * bin_x(ax, s->panel * GN_PANEL + l);
        cr[l] = (float)(px[0] * py[0] - px[1] * si);
        ci[l] = (float)(px[0] * si + px[1] * py[0]);
    }
    for (int p = 0; p < a->parts; p++) {
        products(s, a, p, in, out);
        for (int64_t j = 0; j < a->count[p]; j++)
            for (int minus = 0; minus < 2; minus++) {
                const int64_t z = j * a->parts + p, at = j * GN_PANEL;
                const double *pz = a->phase + 2 * z;
                float re[GN_PANEL], im[GN_PANEL];
                if (minus && (z == 0 || 2 * z == a->n))
                    continue;
                float top = s->g->turn(out[0] + at, out[1] + at, out[2] + at, out[3] + at, minus,
                                       cr, ci, (float)pz[0], (float)(minus ? -pz[1] : pz[1]), re,
                                       im);
                if (best->k[0] >= 0 && (double)top < best->re)
                    continue;
                for (int64_t l = 0; l < lanes; l++) {
                    int64_t k[3] = {bin_x(ax, s->panel * GN_PANEL + l), line,
                                    minus ? a->n - z : z};
                    if (best->k[0] < 0 || (double)re[l] >= best->re)
                        consider(s, best, k, (double)re[l], (double)im[l]);
                }
            }
    }
}

/* Lines first..first+n-1 along y of the panel at work, and what they leave to be surpassed. */
static void look_at(struct spectrum *s, int64_t first, int64_t n, struct coefficient *best)
{
    s->first = first;
    gn_pool_run((size_t)n, along_z, s);
    for (int64_t i = 0; i < s->size[1]; i++)
        if (s->best[i].k[0] >= 0 && (best->k[0] < 0 || above(&s->best[i], best)))
            *best = s->best[i];
    /* a little less, for what float32 may have lost */
    s->least = best->k[0] >= 0 && best->re > 0 ? best->re * best->re * (1 - 1e-4) : 0;
}

/* The largest coefficient but for those in skip; k[0] < 0: all were in skip. */
static int look(const float *image, const int64_t size[3], const struct coefficient *skip,
                int n_skip, struct coefficient *best, struct gn_err *err)
{
    struct spectrum s = {.g = gn_gemm_use(), .image = image, .skip = skip, .n_skip = n_skip};
    const int64_t slabs = (size[1] * size[2] + SLAB_ROWS - 1) / SLAB_ROWS;
    const struct axis *a = s.axis;
    size_t bytes = 0;
    int rc = -1;
    memcpy(s.size, size, sizeof s.size);
    *best = (struct coefficient){{-1, 0, 0}, 0, 0};
    for (int k = 0; k < 3; k++)
        if (axis_new(&s.axis[k], size[k], k == 0, err))
            goto out;
    s.width = (a[0].most + GN_PANEL) / GN_PANEL * GN_PANEL;
    s.scratch_size = 2 * a[0].parts * SLAB_ROWS * a[0].half +
                     SLAB_ROWS * largest(a[0].rows[0], a[0].rows[1]);
    s.scratch_size = largest(s.scratch_size, largest(line_scratch(&a[1]), line_scratch(&a[2])));
    if (gn_mul_size((size_t)(size[1] * size[2]), (size_t)(2 * s.width) * sizeof(float), &bytes,
                    err))
        goto out;
    s.x = gn_try_alloc(bytes, err);
    s.energy = gn_try_alloc((size_t)(slabs * s.width) * sizeof(float), err);
    s.scratch = gn_try_alloc((size_t)(gn_pool_threads() * s.scratch_size) * sizeof(float), err);
    s.best = gn_try_alloc((size_t)size[1] * sizeof *s.best, err);
    if (!s.x || !s.energy || !s.scratch || !s.best)
        goto out;
    for (int64_t i = 0; i < size[1]; i++)
        s.best[i].k[0] = -1;
    gn_pool_run((size_t)slabs, along_x, &s);
    for (s.panel = 0; s.panel < s.width / GN_PANEL; s.panel++) {
        double most = 0;
        for (int64_t l = 0; l < GN_PANEL; l++) {
            double energy = 0;
            for (int64_t i = 0; i < slabs; i++)
                energy += (double)s.energy[i * s.width + s.panel * GN_PANEL + l];
            most = energy > most ? energy : most;
        }
        if ((double)(size[1] * size[2]) * most < s.least)
            continue;
        gn_pool_run((size_t)size[2], along_y, &s);
        /* the low frequencies first: they bound the others best */
        int64_t low = size[1] < 2 * LOW ? size[1] : 2 * LOW;
        look_at(&s, size[1] - low / 2, low, best);
        if (low < size[1])
            look_at(&s, low - low / 2, size[1] - low, best);
    }
    rc = 0;
out:
    for (int k = 0; k < 3; k++)
        axis_free(&s.axis[k]);
    free(s.x);
    free(s.energy);
    free(s.scratch);
    free(s.best);
    return rc;
}

/* ---- spikes ---- */

enum { RUN = 65536 };

struct sums {
    double total, least;
};

struct image {
    const struct gn_gemm *g;
    float *x;
    int64_t size[3], voxels;
    struct sums *run; /* of each RUN voxels */
    int n;
    const struct coefficient *wave; /* n of them, over the number of voxels */
    const double *root[3];          /* cos, sin of 2 pi i / size along x y z: size pairs */
    const float *row;               /* cos, then sin along x, of each wave */
};

static void sum_run(void *arg, size_t i, int thread)
{
    const struct image *m = arg;
    const int64_t from = (int64_t)i * RUN, left = m->voxels - from;
    double total[16] = {0};
    float least[16];
    (void)thread;
    for (int l = 0; l < 16; l++)
        least[l] = m->x[from];
    m->g->sum(m->x + from, left < RUN ? left : RUN, total, least);
    struct sums s = {0, (double)least[0]};
    for (int l = 0; l < 16; l++) {
        s.total += total[l];
        s.least = (double)least[l] < s.least ? (double)least[l] : s.least;
    }
    m->run[i] = s;
}

static struct sums sum_image(struct image *m)
{
    const int64_t runs = (m->voxels + RUN - 1) / RUN;
    gn_pool_run((size_t)runs, sum_run, m);
    struct sums s = {0, m->run[0].least};
    for (int64_t i = 0; i < runs; i++) {
        s.total += m->run[i].total;
        s.least = m->run[i].least < s.least ? m->run[i].least : s.least;
    }
    return s;
}

/* re, im of exp(2 pi i (k[1] y / size[1] + k[2] z / size[2])) */
static void turn_of_row(const struct image *m, const int64_t k[3], int64_t y, int64_t z,
                        double e[2])
{
    const double *a = m->root[1] + 2 * (k[1] * y % m->size[1]);
    const double *b = m->root[2] + 2 * (k[2] * z % m->size[2]);
    e[0] = a[0] * b[0] - a[1] * b[1];
    e[1] = a[0] * b[1] + a[1] * b[0];
}

/* One coefficient by its sum. */
static void measure(const struct image *m, struct coefficient *c)
{
    c->re = c->im = 0;
    for (int64_t z = 0; z < m->size[2]; z++)
        for (int64_t y = 0; y < m->size[1]; y++) {
            const float *x = m->x + (z * m->size[1] + y) * m->size[0];
            double e[2], re = 0, im = 0;
            for (int64_t i = 0, at = 0; i < m->size[0]; i++) {
                re += (double)x[i] * m->root[0][2 * at];
                im -= (double)x[i] * m->root[0][2 * at + 1];
                at += c->k[0];
                at -= at >= m->size[0] ? m->size[0] : 0;
            }
            turn_of_row(m, c->k, y, z, e);
            c->re += re * e[0] + im * e[1];
            c->im += im * e[0] - re * e[1];
        }
}

static void wave_plane(void *arg, size_t z, int thread)
{
    const struct image *m = arg;
    const int64_t n = m->size[0];
    (void)thread;
    for (int64_t y = 0; y < m->size[1]; y++)
        for (int i = 0; i < m->n; i++) {
            const struct coefficient *w = &m->wave[i];
            const float *row = m->row + 2 * n * i;
            double e[2];
            turn_of_row(m, w->k, y, (int64_t)z, e);
            m->g->wave(m->x + ((int64_t)z * m->size[1] + y) * n, row, row + n,
                       (float)(w->re * e[0] - w->im * e[1]), (float)(w->re * e[1] + w->im * e[0]),
                       n);
        }
}

/* The waves of the n spikes, found one after the other. changed: room for n. */
static int find_waves(const struct image *m, const struct sums *s, int n, const double *place,
                      double ratio, struct coefficient *wave, struct coefficient *changed,
                      struct gn_err *err)
{
    struct coefficient rest = {{-1, 0, 0}, 0, 0}; /* the largest that is as it was */
    int known = 0;
    for (int i = 0; i < n; i++) {
        struct coefficient top = {{-1, 0, 0}, 0, 0};
        for (int c = 0; c < known; c++)
            if (top.k[0] < 0 || above(&changed[c], &top))
                top = changed[c];
        /* without negative voxels, none exceeds the sum */
        bool enough = s->least >= 0 && known && top.re >= s->total;
        if (!enough && known < m->voxels) {
            if (s->least >= 0 && known == 0)
                rest = (struct coefficient){{0, 0, 0}, s->total, 0};
            else if ((rest.k[0] < 0 || find(changed, known, rest.k)) &&
                     look(m->x, m->size, changed, known, &rest, err))
                return -1;
            if (top.k[0] < 0 || (rest.k[0] >= 0 && above(&rest, &top)))
                top = rest;
        }
        struct coefficient c = {{0, 0, 0}, 0, 0};
        for (int k = 0; k < 3; k++) {
            int64_t at = (int64_t)floor(place[3 * i + k] * (double)m->size[k]);
            at = at < 0 ? 0 : at < m->size[k] ? at : m->size[k] - 1;
            c.k[k] = (at + m->size[k] - m->size[k] / 2) % m->size[k];
        }
        int at = 0;
        while (at < known && !find(&changed[at], 1, c.k))
            at++;
        if (at == known && i + 1 < n)
            measure(m, &c);
        if (at == known)
            changed[known++] = c;
        changed[at].re += ratio * top.re;
        changed[at].im += ratio * top.im;
        wave[i] = c;
        wave[i].re = ratio * top.re / (double)m->voxels;
        wave[i].im = ratio * top.im / (double)m->voxels;
    }
    return 0;
}

int gn_kspace_spike(struct gn_tensor *t, int n, const double *place, double ratio,
                    struct gn_err *err)
{
    struct image m = {.g = gn_gemm_use(), .size = {t->shape[3], t->shape[2], t->shape[1]}};
    struct coefficient *wave = NULL;
    int rc = -1;
    if (n <= 0 || ratio == 0)
        return 0;
    m.voxels = m.size[0] * m.size[1] * m.size[2];
    m.run = gn_try_alloc((size_t)((m.voxels + RUN - 1) / RUN) * sizeof *m.run, err);
    wave = gn_try_alloc((size_t)(2 * n) * sizeof *wave, err);
    float *row = gn_try_alloc((size_t)(2 * n * m.size[0]) * sizeof *row, err);
    double *root =
        gn_try_alloc((size_t)(2 * (m.size[0] + m.size[1] + m.size[2])) * sizeof *root, err);
    if (!m.run || !wave || !row || !root)
        goto out;
    double *to = root;
    for (int k = 0; k < 3; k++) {
        m.root[k] = to;
        for (int64_t i = 0; i < m.size[k]; i++) {
            double a = 2 * acos(-1.0) * (double)i / (double)m.size[k];
            *to++ = cos(a);
            *to++ = sin(a);
        }
    }
    m.wave = wave;
    m.row = row;
    m.n = n;
    for (int64_t c = 0; c < t->shape[0]; c++) {
        m.x = (float *)t->data + c * m.voxels;
        struct sums s = sum_image(&m);
        if (find_waves(&m, &s, n, place, ratio, wave, wave + n, err))
            goto out;
        for (int i = 0; i < n; i++)
            for (int64_t x = 0; x < m.size[0]; x++) {
                const double *e = m.root[0] + 2 * (wave[i].k[0] * x % m.size[0]);
                row[2 * m.size[0] * i + x] = (float)e[0];
                row[2 * m.size[0] * i + m.size[0] + x] = (float)e[1];
            }
        gn_pool_run((size_t)m.size[2], wave_plane, &m);
    }
    rc = 0;
out:
    free(m.run);
    free(wave);
    free(row);
    free(root);
    return rc;
}
