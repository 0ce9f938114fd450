/* phantom.c - which phantoms there are, and what they share. */
#include "image/phantom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/phantom_private.h"

const char *const gn_phantom_names[GN_PHANTOM_KINDS + 1] = { "head", "tumour", "thorax", "fundus",
                                                             NULL };

static const struct {
    int64_t side;
    int channels, labels, most_labels;
    const char *names[4];
} kinds[GN_PHANTOM_KINDS] = {
    { 64, 1, 1, 3, { "t1", "t2", "flair", "t1c" } },
    { 64, 4, 3, 3, { "flair", "t1c", "t1", "t2" } },
    { 128, 1, 1, 2, { "xray" } },
    { 128, 3, 1, 2, { "photo" } },
};

bool gn_phantom_is_flat(enum gn_phantom_kind kind)
{
    return kind == GN_PHANTOM_THORAX || kind == GN_PHANTOM_FUNDUS;
}

int gn_phantom_labels(enum gn_phantom_kind kind)
{
    return kinds[kind].most_labels;
}

void gn_phantom_defaults(struct gn_phantom *p)
{
    for (int k = 0; k < 3; k++) {
        if (!p->size[k])
            p->size[k] = k == 2 && gn_phantom_is_flat(p->kind) ? 1 : kinds[p->kind].side;
        if (!(p->spacing[k] > 0))
            p->spacing[k] = gn_phantom_is_flat(p->kind) ? 1 : 224.0 / (double)p->size[k];
    }
    p->channels = p->channels ? p->channels : kinds[p->kind].channels;
    p->labels = p->labels ? p->labels : kinds[p->kind].labels;
}

void gn_phantom_channel_name(enum gn_phantom_kind kind, int channel, char *name)
{
    if (channel < 4 && kinds[kind].names[channel])
        snprintf(name, 16, "%s", kinds[kind].names[channel]);
    else
        snprintf(name, 16, "c%d", channel + 1);
}

int gn_phantom_draw(const struct gn_phantom *p, const char *sample, struct gn_tensor *image,
                    struct gn_tensor *label, double affine[12], struct gn_err *err)
{
    bool flat = gn_phantom_is_flat(p->kind);
    struct gn_ph_grid g = { .size = { p->size[0], p->size[1], p->size[2] } };
    int rc = -1;

    *image = *label = (struct gn_tensor){ 0 };
    for (int k = 0; k < 3; k++) {
        if (p->size[k] < (k == 2 ? 1 : 8) || p->size[k] > 32767 || !(p->spacing[k] > 0))
            return gn_err_set(err, "a phantom cannot be %lld voxels of %g mm along %c",
                              (long long)p->size[k], p->spacing[k], "xyz"[k]);
        g.step[k] = flat ? 200.0 / (double)(p->size[0] < p->size[1] ? p->size[0] : p->size[1])
                         : p->spacing[k];
    }
    memset(affine, 0, 12 * sizeof *affine);
    for (int k = 0; k < 3; k++) {
        affine[5 * k] = p->spacing[k];
        affine[4 * k + 3] = -(double)(p->size[k] - 1) / 2 * p->spacing[k];
    }
    if (gn_tensor_new4(image, flat ? GN_UINT8 : GN_INT16, p->channels, g.size[2], g.size[1],
                       g.size[0], err) ||
        gn_tensor_new4(label, GN_UINT8, 1, g.size[2], g.size[1], g.size[0], err))
        goto out;
    rc = p->kind == GN_PHANTOM_THORAX   ? gn_ph_draw_thorax(p, &g, sample, image, label, err)
         : p->kind == GN_PHANTOM_FUNDUS ? gn_ph_draw_fundus(p, &g, sample, image, label, err)
                                        : gn_ph_draw_head(p, &g, sample, image, label, err);
out:
    if (rc) {
        gn_tensor_free(image);
        gn_tensor_free(label);
    }
    return rc;
}

/* ---- draws ---- */

struct gn_ph_draw gn_ph_draw_at(const struct gn_phantom *p, const char *sample, int op)
{
    return (struct gn_ph_draw){ .d = gn_draw_at(p->seed, sample, NULL, 0, 0, (uint8_t)op) };
}

float gn_ph_range(struct gn_ph_draw *d, double lo, double hi)
{
    return (float)gn_draw_range(&d->d, d->next++, lo, hi);
}

float gn_ph_sign(struct gn_ph_draw *d)
{
    return gn_draw_uniform(&d->d, d->next++) < 0.5 ? -1 : 1;
}

/* ---- random fields ---- */

/* Uniform cubic B-splines, scaled so that a sum over independent knots has variance 1. */
static void spline_weights(double t, float w[4])
{
    double u = 1 - t, v[4] = { u * u * u / 6, (3 * t * t * t - 6 * t * t + 4) / 6,
                               (3 * u * u * u - 6 * u * u + 4) / 6, t * t * t / 6 };
    double norm = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + v[3] * v[3]);
    for (int k = 0; k < 4; k++)
        w[k] = (float)(v[k] / norm);
}

/* Knots are numbered by their place in space, so that another size or spacing meets the same ones.
 */
enum { KNOTS = 1 << 12 };

int gn_ph_field_new(struct gn_ph_field *f, struct gn_draw d, double pitch,
                    const struct gn_ph_grid *g, struct gn_err *err)
{
    int64_t first[3] = { 0 };
    size_t knots = 1;

    *f = (struct gn_ph_field){ 0 };
    for (int k = 0; k < 3; k++) {
        f->base[k] = gn_try_alloc((size_t)g->size[k] * sizeof *f->base[k], err);
        f->weight[k] = gn_try_alloc((size_t)g->size[k] * 4 * sizeof *f->weight[k], err);
        if (!f->base[k] || !f->weight[k])
            goto fail;
        for (int64_t i = 0; i < g->size[k]; i++) {
            double at = ((double)i - (double)(g->size[k] - 1) / 2) * g->step[k] / pitch,
                   low = floor(at);
            if (i == 0)
                first[k] = (int64_t)low - 1;
            f->base[k][i] = (int32_t)((int64_t)low - 1 - first[k]);
            spline_weights(at - low, f->weight[k] + 4 * i);
            f->n[k] = f->base[k][i] + 4;
        }
        if (first[k] < -KNOTS / 2 || first[k] + f->n[k] > KNOTS / 2) {
            gn_err_set(err, "a field of view of %g mm is too large",
                       (double)g->size[k] * g->step[k]);
            goto fail;
        }
    }
    if (g->size[2] == 1) {
        f->n[2] = 1;
        memcpy(f->weight[2], (const float[4]){ 1 }, 4 * sizeof(float));
    }
    for (int k = 0; k < 3; k++)
        if (gn_mul_size(knots, (size_t)f->n[k], &knots, err))
            goto fail;
    f->lattice = gn_try_alloc(knots * sizeof *f->lattice, err);
    if (!f->lattice)
        goto fail;
    for (int64_t z = 0; z < f->n[2]; z++)
        for (int64_t y = 0; y < f->n[1]; y++) {
            uint64_t number = ((uint64_t)(z + first[2] + KNOTS / 2) * KNOTS +
                               (uint64_t)(y + first[1] + KNOTS / 2)) *
                              KNOTS;
            gn_draw_normal(&d, number + (uint64_t)(first[0] + KNOTS / 2),
                           f->lattice + (z * f->n[1] + y) * f->n[0], (size_t)f->n[0]);
        }
    return 0;
fail:
    gn_ph_field_free(f);
    return -1;
}

void gn_ph_field_slice(const struct gn_ph_field *f, const struct gn_ph_grid *g, int64_t z,
                       float *out)
{
    int64_t plane = f->n[0] * f->n[1], taps = f->n[2] == 1 ? 1 : 4;
    float *at_z = gn_alloc((size_t)(plane + f->n[0]) * sizeof *at_z), *at_y = at_z + plane;

    for (int64_t t = 0; t < taps; t++)
        for (int64_t i = 0; i < plane; i++)
            at_z[i] += f->weight[2][4 * z + t] * f->lattice[(f->base[2][z] + t) * plane + i];
    for (int64_t y = 0; y < g->size[1]; y++, out += g->size[0]) {
        const float *knot = at_z + f->base[1][y] * f->n[0], *w = f->weight[1] + 4 * y;
        for (int64_t i = 0; i < f->n[0]; i++)
            at_y[i] = w[0] * knot[i] + w[1] * knot[i + f->n[0]] + w[2] * knot[i + 2 * f->n[0]] +
                      w[3] * knot[i + 3 * f->n[0]];
        for (int64_t x = 0; x < g->size[0]; x++) {
            const float *v = at_y + f->base[0][x], *u = f->weight[0] + 4 * x;
            out[x] = u[0] * v[0] + u[1] * v[1] + u[2] * v[2] + u[3] * v[3];
        }
    }
    free(at_z);
}

void gn_ph_field_free(struct gn_ph_field *f)
{
    for (int k = 0; k < 3; k++) {
        free(f->base[k]);
        free(f->weight[k]);
    }
    free(f->lattice);
    *f = (struct gn_ph_field){ 0 };
}

float *gn_ph_field_map(struct gn_draw d, double pitch, const struct gn_ph_grid *g,
                       struct gn_err *err)
{
    struct gn_ph_field f;
    float *out;

    if (gn_ph_field_new(&f, d, pitch, g, err))
        return NULL;
    out = gn_try_alloc((size_t)(g->size[0] * g->size[1]) * sizeof *out, err);
    if (out)
        gn_ph_field_slice(&f, g, 0, out);
    gn_ph_field_free(&f);
    return out;
}
