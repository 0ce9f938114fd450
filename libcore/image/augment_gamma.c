/* augment_gamma.c - gamma: each component to a power of its own, e^beta; negative values keep their
 * sign (where none is negative that is the plain power). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/isa.h"
#include "base/pool.h"
#include "base/vmath.h"
#include "image/augment.h"
#include "image/intensity.h"

/* ---- the curve ---- */

enum { RUN = 512 };

/* The leading 12 bits of g, so that its product with an exponent is exact, and the rest. */
static void in_two(double g, float *high, float *low)
{
    uint32_t bits;
    float f = (float)g;
    memcpy(&bits, &f, sizeof bits);
    bits &= 0xfffff000;
    memcpy(high, &bits, sizeof *high);
    *low = (float)(g - *high);
}

struct curve {
    struct gn_tensor *t;
    const float *from; /* t's data, or elsewhere */
    const double *gamma;
    const struct gn_intensity_kernels *k;
};

/* |x|^g = 2^(g e) exp(g ln m), x = m 2^e; the whole part of g e is taken out exactly, so the error
 * does not grow with the logarithm. */
static void curve_plane(void *arg, size_t plane, int thread)
{
    const struct curve *j = arg;
    const int64_t n = j->t->shape[2] * j->t->shape[3];
    const double g = j->gamma[(int64_t)plane / j->t->shape[1]];
    const float *x = j->from + (int64_t)plane * n;
    float *out = (float *)j->t->data + (int64_t)plane * n, high, low;
    (void)thread;
    in_two(g, &high, &low);
    for (int64_t i = 0; i < n; i += RUN) {
        float m[RUN], e[RUN], rest[RUN], whole[RUN];
        const int64_t run = n - i < RUN ? n - i : RUN;
        j->k->split(x + i, m, e, run);
        gn_vlogf(m, m, (size_t)run);
        j->k->power(m, e, high, low, rest, whole, run);
        gn_vexpf(rest, rest, (size_t)run);
        j->k->join(rest, x + i, whole, run);
        memcpy(out + i, rest, (size_t)run * sizeof *out);
    }
}

void gn_image_gamma_from(struct gn_tensor *t, const float *from, const double *gamma)
{
    struct curve j = {t, from, gamma, GN_ISA_PICK(gn_intensity)};
    gn_pool_run((size_t)(t->shape[0] * t->shape[1]), curve_plane, &j);
}

void gn_image_gamma(struct gn_tensor *t, const double *gamma)
{
    gn_image_gamma_from(t, t->data, gamma);
}

void gn_image_gamma_plain(struct gn_tensor *t, const double *gamma)
{
    float *x = t->data, high, low;
    const int64_t all = gn_tensor_count(t), one = all / t->shape[0];
    for (int64_t i = 0; i < all; i++) {
        int e;
        float m = frexpf(fabsf(x[i]), &e), k, y;
        if (x[i] == 0 || !isfinite(x[i]))
            continue;
        if (m < 0x1.6a09e6p-1f) { /* to sqrt(1/2) .. sqrt 2 */
            m *= 2;
            e--;
        }
        in_two(gamma[i / one], &high, &low);
        gn_vlogf(&m, &m, 1);
        k = nearbyintf(high * (float)e);
        y = (high * (float)e - k) * 0x1.62e430p-1f +
            (low * (float)e * 0x1.62e430p-1f + (high + low) * m);
        gn_vexpf(&y, &y, 1);
        int whole = (int)fmaxf(-250, fminf(250, k)), half = whole >> 1;
        x[i] = copysignf(ldexpf(ldexpf(y, half), whole - half), x[i]);
    }
}

/* ---- the operation ---- */

static const char *const settings[] = {"log_gamma", NULL};

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    (void)patch;
    s->setting[0] = -0.3;
    s->setting[1] = 0.3;
}

static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    if (v[0] < -5)
        return gn_err_usage(err, "%s: from -5 to 5, not %g", key, v[0]);
    return gn_augment_set_range(s->setting, key, v, n, -INFINITY, 5, false, err);
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    (void)s;
    (void)grid;
    return components > 1 << 20 ? gn_err_set(err, "too many components") : (int)components;
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    (void)s;
    snprintf(name, GN_AUGMENT_NAME, "log_gamma.%d", k);
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    (void)grid;
    (void)image;
    for (int k = 0; k < n; k++)
        value[k] = gn_draw_range(where, GN_AUGMENT_PARAMETER + (uint64_t)k, s->setting[0],
                                 s->setting[1]);
}

static int run(const struct gn_augment_step *s, const double *value, int n,
               const struct gn_augment_work *work, struct gn_err *err)
{
    (void)s;
    for (int64_t c = 0; c < work->t->shape[0]; c++) {
        struct gn_tensor one = *work->t;
        one.shape[0] = 1;
        one.data = (float *)work->t->data + c * (gn_tensor_count(work->t) / work->t->shape[0]);
        if (c >= n || !(fabs(value[c]) <= 5))
            return gn_err_set(err, "log_gamma must lie within -5 to 5");
        double gamma = gn_vmath_exp(value[c]);
        gn_image_gamma(&one, &gamma);
    }
    return 0;
}

/* Of a list with log_gamma alone: any other setting is another curve. */
static int run_from(const struct gn_augment_step *s, const double *value, int n,
                    const struct gn_augment_work *work, const float *from)
{
    const int64_t components = work->t->shape[0], one = gn_tensor_count(work->t) / components;
    for (int k = 2; k < GN_AUGMENT_SETTINGS; k++)
        if (s->setting[k] != 0)
            return 0;
    for (int64_t c = 0; c < components; c++)
        if (c >= n || !(fabs(value[c]) <= 5))
            return 0;
    for (int64_t c = 0; c < components; c++) {
        struct gn_tensor t = *work->t;
        const double gamma = gn_vmath_exp(value[c]);
        t.shape[0] = 1;
        t.data = (float *)work->t->data + c * one;
        gn_image_gamma_from(&t, from + c * one, &gamma);
    }
    return 1;
}

const struct gn_augment_op gn_augment_gamma = {
    .name = "gamma",
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .run = run,
    .run_from = run_from,
    .blind = true,
};
