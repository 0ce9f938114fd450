/* phantom_thorax.c - a chest radiograph: bright where the rays meet much. Lengths in hundredths of
 * half the shorter side, x to the right of the picture (the patient's left), y down, the middle at
 * 0. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/pool.h"
#include "image/phantom_private.h"

enum { WANDER, MARKINGS, TEXTURE, FIELDS };
static const double pitch[FIELDS] = { 26, 4.5, 12 };
enum { OP_SHAPE, OP_FIELDS };

struct thorax {
    const struct gn_phantom *p;
    const struct gn_ph_grid *g;
    struct gn_draw noise;
    float shift[2], size, wide, tall;            /* of the chest */
    float apex, base[2], dome[2], inner, wander; /* of the lungs; [0]: left in the picture */
    float heart[2], heart_s[2];
    float rib, rib_first, rib_fall, rib_bright;
    float clavicle, spine;
    float opacity[3], dense; /* a consolidation: place, radius; 0: none */
    float bubble[3];         /* air in the stomach */
    float exposure, grain;
    float *map[FIELDS];
    struct gn_tensor *image, *label;
};

static void draw_shape(struct thorax *t, const struct gn_phantom *p, const char *sample)
{
    struct gn_ph_draw d = gn_ph_draw_at(p, sample, OP_SHAPE);

    t->shift[0] = gn_ph_range(&d, -7, 7);
    t->shift[1] = gn_ph_range(&d, -7, 7);
    t->size = gn_ph_range(&d, 0.84, 1.06);
    t->wide = gn_ph_range(&d, 0.9, 1.1);
    t->tall = gn_ph_range(&d, 0.88, 1.12);
    t->apex = gn_ph_range(&d, -70, -60);
    for (int s = 0; s < 2; s++) {
        t->base[s] = gn_ph_range(&d, 34, 50) - (s ? 0 : 5); /* the liver lifts the right one */
        t->dome[s] = gn_ph_range(&d, 10, 22);
    }
    t->inner = gn_ph_range(&d, 11, 16);
    t->wander = gn_ph_range(&d, 0.8, 2.2);
    t->heart[0] = gn_ph_range(&d, 8, 16);
    t->heart[1] = gn_ph_range(&d, 18, 28);
    t->heart_s[0] = gn_ph_range(&d, 22, 32);
    t->heart_s[1] = gn_ph_range(&d, 24, 32);
    t->rib = gn_ph_range(&d, 12, 15);
    t->rib_first = gn_ph_range(&d, -8, 8);
    t->rib_fall = gn_ph_range(&d, 0.35, 0.75);
    t->rib_bright = gn_ph_range(&d, 0.07, 0.15);
    t->clavicle = gn_ph_range(&d, -0.28, -0.08);
    t->spine = gn_ph_range(&d, 6, 9);
    t->dense = gn_ph_range(&d, 0.12, 0.3);
    if (gn_ph_range(&d, 0, 1) > 0.45f)
        t->dense = 0;
    t->opacity[0] = gn_ph_range(&d, 22, 44);
    t->opacity[0] *= gn_ph_sign(&d);
    t->opacity[1] = gn_ph_range(&d, -40, 30);
    t->opacity[2] = gn_ph_range(&d, 12, 30);
    t->bubble[0] = gn_ph_range(&d, 22, 38);
    t->bubble[1] = t->base[1] + gn_ph_range(&d, 14, 22);
    t->bubble[2] = gn_ph_range(&d, 5, 12);
    t->exposure = gn_ph_range(&d, 0.82, 1.12);
    t->grain = gn_ph_range(&d, 0.012, 0.03);
}

/* Bands of bright bone: phase runs through 0..1 from one rib to the next. */
static float rib_at(const struct thorax *t, float x, float y)
{
    float side = fabsf(x),
          phase = (y - t->rib_first - t->rib_fall * side + 0.006f * side * side) / t->rib;
    float from_middle = fabsf(phase - floorf(phase) - 0.5f);
    float band = gn_ph_inside(0.17f - from_middle, 0.1f),
          edge = gn_ph_inside(0.2f - from_middle, 0.06f);
    return t->rib_bright * (0.65f * band + 0.35f * edge) * gn_ph_inside(side - 9, 6) *
           gn_ph_inside(50 - y, 30) * gn_ph_inside(y + 78, 20);
}

/* Depth within one lung: outline, mediastinum, diaphragm, heart; negative outside. */
static float lung_at(const struct thorax *t, int side, float x, float y, const float f[FIELDS])
{
    float s = side ? 1.0f : -1.0f, out = s * x;
    const float q[3] = { out, y, 0 }, centre[3] = { 33, 2, 0 }, axes[3] = { 33, -t->apex, 1 };
    const float hq[3] = { x, y, 0 }, hc[3] = { t->heart[0], t->heart[1], 0 },
                hs[3] = { t->heart_s[0], t->heart_s[1], 1 };
    float wander = t->wander * f[WANDER], at = (out - 36) / 30;
    float depth = gn_ph_ellipsoid(q, centre, axes);
    float below = t->base[side] - t->dome[side] * (1 - at * at) -
                  y; /* the dome rises in its middle */
    float beside = out - t->inner - 4 * gn_ph_bump((y - 4) * (y - 4), 30) -
                   0.1f * fmaxf(0, -40 - y);

    depth = fminf(depth + wander, fminf(below + 0.5f * wander, beside + 0.4f * wander));
    return fminf(depth, -gn_ph_ellipsoid(hq, hc, hs) + 0.4f * wander);
}

static float ray_at(const struct thorax *t, float x, float y, const float f[FIELDS], float width,
                    int *label)
{
    float side = fabsf(x), up = gn_ph_inside(-50 - y, 60),
          shoulder = 74 + 26 * up * up * (3 - 2 * up) - 0.05f * (y - 20);
    float torso = shoulder - side, top = y + 112 - 0.004f * side * side, body = fminf(torso, top);
    float lung[2] = { lung_at(t, 0, x, y, f), lung_at(t, 1, x, y, f) },
          depth = fmaxf(lung[0], lung[1]);
    const float q[3] = { x, y, 0 }, hc[3] = { t->heart[0], t->heart[1], 0 },
                hs[3] = { t->heart_s[0], t->heart_s[1], 1 };
    float inside = gn_ph_inside(body, fmaxf(width, 4)), v, ox, oy, bx, by;

    *label = lung[0] > 0 ? 1 : lung[1] > 0 ? 2 : 0;
    v = 0.40f + 0.24f * gn_ph_bump(side * side, 105) +
        0.04f * f[TEXTURE];                                /* soft tissue, thickest in the middle */
    v += 0.13f * gn_ph_inside(y - t->base[x > 0] + 6, 16); /* the belly */
    v -= 0.34f * gn_ph_inside(depth, fmaxf(width, 2.5f)) *
         (0.85f + 0.15f * gn_ph_bump((y - 10) * (y - 10), 80));
    if (depth > 0) /* vessels, thicker towards the root of the lung */
        v += (0.022f + 0.05f * gn_ph_bump((side - 16) * (side - 16) + (y - 2) * (y - 2), 36)) *
             f[MARKINGS];
    v += 0.08f * gn_ph_bump((side - 15) * (side - 15) + (y - 4) * (y - 4), 12);
    v += 0.09f * gn_ph_inside(gn_ph_ellipsoid(q, hc, hs), 5);
    v += 0.14f * gn_ph_inside(t->spine - side, 3) + 0.04f * gn_ph_inside(t->spine + 5 - side, 6);
    v += rib_at(t, x, y);
    v += 0.13f * gn_ph_inside(3.2f - fabsf(y + 58 - t->clavicle * (side - 30)), 2) *
         gn_ph_inside(side - 6, 4) * gn_ph_inside(68 - side, 6);
    ox = x - t->opacity[0];
    oy = y - t->opacity[1];
    if (t->dense > 0)
        v += t->dense * gn_ph_bump(ox * ox + oy * oy, t->opacity[2]) * (1 + 0.35f * f[MARKINGS]) *
             gn_ph_inside(depth + 2, 4);
    bx = x - t->bubble[0];
    by = (y - t->bubble[1]) * 1.4f;
    v -= 0.26f * gn_ph_inside(t->bubble[2] - sqrtf(bx * bx + by * by), 3);
    return gn_ph_mix(0.03f, v, inside);
}

static void draw_row(void *arg, size_t row, int thread)
{
    struct thorax *t = arg;
    const int64_t n = t->g->size[0], first = (int64_t)row * n;
    uint8_t *image = (uint8_t *)t->image->data + first, *label = (uint8_t *)t->label->data + first;
    float *normal = gn_alloc((size_t)n * sizeof *normal), width = (float)t->g->step[0];
    float y = (gn_ph_place(t->g, 1, (int64_t)row) - t->shift[1]) / (t->size * t->tall);

    (void)thread;
    gn_draw_normal(&t->noise, (uint64_t)first, normal, (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        float x = (gn_ph_place(t->g, 0, i) - t->shift[0]) / (t->size * t->wide), f[FIELDS], v;
        int side;
        for (int k = 0; k < FIELDS; k++)
            f[k] = t->map[k][first + i];
        v = t->exposure * ray_at(t, x, y, f, width, &side) + t->grain * normal[i];
        image[i] = (uint8_t)(255 * fminf(fmaxf(v, 0), 1) + 0.5f);
        label[i] = (uint8_t)(t->p->labels < 2 ? side > 0 : side);
    }
    free(normal);
}

int gn_ph_draw_thorax(const struct gn_phantom *p, const struct gn_ph_grid *g, const char *sample,
                      struct gn_tensor *image, struct gn_tensor *label, struct gn_err *err)
{
    struct thorax t = { .p = p,
                        .g = g,
                        .image = image,
                        .label = label,
                        .noise = gn_draw_at(p->seed, sample, "xray", 0, 0, 0) };
    int rc = 0;

    draw_shape(&t, p, sample);
    for (int k = 0; k < FIELDS && !rc; k++) {
        t.map[k] = gn_ph_field_map(gn_ph_draw_at(p, sample, OP_FIELDS + k).d, pitch[k], g, err);
        rc = t.map[k] ? 0 : -1;
    }
    if (!rc)
        gn_pool_run((size_t)g->size[1], draw_row, &t);
    for (int k = 0; k < FIELDS; k++)
        free(t.map[k]);
    return rc;
}
