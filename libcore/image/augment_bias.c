/* augment_bias.c - bias: the smooth field of an MRI coil, the exponential of a polynomial whose
 * coefficients are drawn, over the whole image. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/isa.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/vmath.h"
#include "image/augment.h"
#include "image/intensity.h"

/* ---- the field ---- */

int gn_bias_terms(int order)
{
    return (order + 1) * (order + 2) * (order + 3) / 6;
}

static double coordinate(int64_t i, int64_t n)
{
    return n > 1 ? 2 * (double)i / (double)(n - 1) - 1 : 0;
}

/* What is left of the polynomial along x at one y and z: a[p] of x^p. */
static void along_x(const double *c, int order, double y, double z, float *a)
{
    for (int p = 0; p <= order; p++) {
        double sum = 0, yq = 1;
        for (int q = 0; q <= order - p; q++) {
            double zr = 1;
            for (int r = 0; r <= order - p - q; r++) {
                sum += *c++ * yq * zr;
                zr *= z;
            }
            yq *= y;
        }
        a[p] = (float)sum;
    }
}

struct field {
    struct gn_tensor *t;
    const double *c;
    int order;
    const int64_t *size, *origin;
    const struct gn_intensity_kernels *k;
    float *x; /* the x coordinate of each column */
};

enum { RUN = 512 };

static void field_plane(void *arg, size_t plane, int thread)
{
    const struct field *j = arg;
    const int64_t *shape = j->t->shape, nx = shape[3];
    const double z = coordinate((int64_t)plane + j->origin[2], j->size[2]);
    (void)thread;
    for (int64_t y = 0; y < shape[2]; y++) {
        float a[GN_BIAS_ORDER + 1], b[RUN];
        along_x(j->c, j->order, coordinate(y + j->origin[1], j->size[1]), z, a);
        for (int64_t x = 0; x < nx; x += RUN) {
            const int64_t n = nx - x < RUN ? nx - x : RUN;
            j->k->polynomial(b, j->x + x, a, j->order, n);
            gn_vexpf(b, b, (size_t)n);
            for (int64_t c = 0; c < shape[0]; c++)
                j->k->multiply((float *)j->t->data +
                                   ((c * shape[1] + (int64_t)plane) * shape[2] + y) * nx + x,
                               b, n);
        }
    }
}

void gn_image_bias(struct gn_tensor *t, const double *c, int order, const int64_t size[3],
                   const int64_t origin[3])
{
    struct field j = {t, c, order, size, origin, GN_ISA_PICK(gn_intensity), NULL};
    j.x = gn_alloc((size_t)t->shape[3] * sizeof *j.x);
    for (int64_t i = 0; i < t->shape[3]; i++)
        j.x[i] = (float)coordinate(i + origin[0], size[0]);
    gn_pool_run((size_t)t->shape[1], field_plane, &j);
    free(j.x);
}

void gn_image_bias_plain(struct gn_tensor *t, const double *c, int order, const int64_t size[3],
                         const int64_t origin[3])
{
    float *v = t->data, a[GN_BIAS_ORDER + 1];
    for (int64_t i = 0; i < gn_tensor_count(t); i++) {
        const int64_t nx = t->shape[3], ny = t->shape[2], nz = t->shape[1];
        float x = (float)coordinate(i % nx + origin[0], size[0]);
        along_x(c, order, coordinate(i / nx % ny + origin[1], size[1]),
                coordinate(i / nx / ny % nz + origin[2], size[2]), a);
        float b = a[order];
        for (int k = order - 1; k >= 0; k--)
            b = b * x + a[k];
        gn_vexpf(&b, &b, 1);
        v[i] *= b;
    }
}

/* ---- the operation; setting: lo, hi, order ---- */

static const char *const settings[] = {"coefficients", "order", NULL};

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    (void)patch;
    s->setting[0] = -0.5;
    s->setting[1] = 0.5;
    s->setting[2] = 3;
}

static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    if (!strcmp(key, "order")) {
        if (n > 1 || !(v[0] >= 0 && v[0] <= GN_BIAS_ORDER) || v[0] != floor(v[0]))
            return gn_err_usage(err, "%s: a whole number from 0 to %d", key, GN_BIAS_ORDER);
        s->setting[2] = v[0];
        return 0;
    }
    return gn_augment_set_range(s->setting, key, v, n, -INFINITY, INFINITY, false, err);
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    (void)grid;
    (void)components;
    (void)err;
    return gn_bias_terms((int)s->setting[2]);
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    const int order = (int)s->setting[2];
    for (int p = 0; p <= order; p++)
        for (int q = 0; q <= order - p; q++)
            for (int r = 0; r <= order - p - q; r++)
                if (k-- == 0)
                    snprintf(name, GN_AUGMENT_NAME, "x%c.y%c.z%c", '0' + p, '0' + q,
                             '0' + r);
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
    (void)n;
    (void)err;
    gn_image_bias(work->t, value, (int)s->setting[2], work->whole->size, work->region->origin);
    return 0;
}

const struct gn_augment_op gn_augment_bias = {
    .name = "bias",
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .run = run,
    .blind = true,
};
