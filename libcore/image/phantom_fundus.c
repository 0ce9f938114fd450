/* phantom_fundus.c - a colour photograph of the retina. Lengths in hundredths of half the shorter
 * side, x right, y down, the middle at 0. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/pool.h"
#include "base/vmath.h"
#include "image/phantom_private.h"

enum { WANDER, CLOUD, TEXTURE, FIELDS };
static const double pitch[FIELDS] = { 7, 45, 5 };
enum { OP_SHAPE, OP_FIELDS, OP_VESSELS = 8, OP_SPOTS, OP_NOISE };

enum { MOST_SPOTS = 14, MOST_VESSELS = 64 };

struct fundus {
    const struct gn_phantom *p;
    const struct gn_ph_grid *g;
    const char *sample;
    float middle[2], radius; /* of the lit circle */
    float disc[2], disc_s[2], cup[2], cup_s[2], wander, rim;
    float macula[2], macula_r, dark;
    float colour[3], disc_colour[3], light[2], grain;
    float spot[MOST_SPOTS][4]; /* x, y, radius, bright > 0 or dark < 0 */
    int spots;
    float *map[FIELDS], *vessel; /* vessel: how much of a pixel is vessel */
    struct gn_tensor *image, *label;
};

static void draw_shape(struct fundus *f)
{
    struct gn_ph_draw d = gn_ph_draw_at(f->p, f->sample, OP_SHAPE),
                      s = gn_ph_draw_at(f->p, f->sample, OP_SPOTS);
    float side = gn_ph_sign(&d), size, ratio;

    for (int k = 0; k < 2; k++)
        f->middle[k] = gn_ph_range(&d, -3, 3);
    f->radius = gn_ph_range(&d, 90, 98);
    f->disc[0] = side * gn_ph_range(&d, 30, 52);
    f->disc[1] = gn_ph_range(&d, -14, 14);
    size = gn_ph_range(&d, 12, 19);
    f->disc_s[0] = size * gn_ph_range(&d, 0.86, 1);
    f->disc_s[1] = size * gn_ph_range(&d, 0.96, 1.14);
    ratio = gn_ph_range(&d, 0.3, 0.7);
    for (int k = 0; k < 2; k++)
        f->cup_s[k] = f->disc_s[k] * ratio * gn_ph_range(&d, 0.92, 1.08);
    f->cup[0] = f->disc[0] - side * f->disc_s[0] * (1 - ratio) * gn_ph_range(&d, 0, 0.5);
    f->cup[1] = f->disc[1] + f->disc_s[1] * (1 - ratio) * gn_ph_range(&d, -0.3, 0.3);
    f->wander = gn_ph_range(&d, 0.3, 1);
    f->rim = gn_ph_range(&d, 0, 0.16);
    f->macula[0] = f->disc[0] - side * gn_ph_range(&d, 44, 56);
    f->macula[1] = f->disc[1] + gn_ph_range(&d, 0, 9);
    f->macula_r = gn_ph_range(&d, 14, 24);
    f->dark = gn_ph_range(&d, 0.15, 0.4);
    f->colour[0] = gn_ph_range(&d, 0.5, 0.78);
    f->colour[1] = f->colour[0] * gn_ph_range(&d, 0.38, 0.56);
    f->colour[2] = f->colour[0] * gn_ph_range(&d, 0.12, 0.28);
    f->disc_colour[0] = gn_ph_range(&d, 0.84, 1);
    f->disc_colour[1] = gn_ph_range(&d, 0.58, 0.78);
    f->disc_colour[2] = gn_ph_range(&d, 0.28, 0.48);
    for (int k = 0; k < 2; k++)
        f->light[k] = gn_ph_range(&d, -0.003, 0.003);
    f->grain = gn_ph_range(&d, 0.01, 0.03);

    f->spots = (int)gn_ph_range(&s, 0, MOST_SPOTS + 0.999);
    for (int i = 0; i < f->spots; i++) {
        f->spot[i][0] = gn_ph_range(&s, -70, 70);
        f->spot[i][1] = gn_ph_range(&s, -70, 70);
        f->spot[i][2] = gn_ph_range(&s, 1.5, 6.5);
        f->spot[i][3] = gn_ph_range(&s, -1, 1);
    }
}

/* ---- vessels: paths that leave the disc, bend, fork and thin out ---- */

struct path {
    float at[2], heading, bend, width;
    int steps;
};

/* A round of vessel: what lies deepest inside one counts. */
static void stamp(const struct fundus *f, const float at[2], float width)
{
    const int64_t *size = f->g->size;
    float step = (float)f->g->step[0], reach = width / 2 + step;
    int64_t lo[2], hi[2];

    for (int k = 0; k < 2; k++) {
        float middle = at[k] / step + (float)(size[k] - 1) / 2, far = reach / step;
        lo[k] = middle - far < 0 ? 0 : (int64_t)(middle - far);
        hi[k] = middle + far < 0                       ? -1
                : middle + far >= (float)(size[k] - 1) ? size[k] - 1
                                                       : (int64_t)(middle + far) + 1;
    }
    for (int64_t y = lo[1]; y <= hi[1]; y++)
        for (int64_t x = lo[0]; x <= hi[0]; x++) {
            float dx = gn_ph_place(f->g, 0, x) - at[0], dy = gn_ph_place(f->g, 1, y) - at[1];
            /* a vessel thinner than a pixel covers but a part of it */
            float in = gn_ph_inside(width / 2 - sqrtf(dx * dx + dy * dy), step) *
                       fminf(1, width / step);
            float *v = &f->vessel[y * size[0] + x];
            *v = fmaxf(*v, in);
        }
}

static void draw_vessels(const struct fundus *f)
{
    struct gn_ph_draw d = gn_ph_draw_at(f->p, f->sample, OP_VESSELS);
    struct path path[MOST_VESSELS];
    int paths = 0;
    float out = f->disc[0] > 0 ? -1 : 1; /* towards the macula */

    for (int k = 0; k < 8; k++) { /* up and down, to both sides; an artery and a vein each */
        /* turn: from the vertical towards the macula or away from it; the arcades towards it bend
         * on, around it */
        float up = k & 1 ? -1.0f : 1.0f, side = k & 2 ? out : -out;
        float turn = k & 2 ? gn_ph_range(&d, 0, 0.5) : gn_ph_range(&d, 0.3, 0.9);
        struct path *v = &path[paths++];
        v->at[0] = f->disc[0] + gn_ph_range(&d, -3, 3);
        v->at[1] = f->disc[1] + gn_ph_range(&d, -3, 3);
        v->heading = up * (1.5708f - side * turn);
        v->bend = -up * side *
                  (k & 2 ? gn_ph_range(&d, 0.008, 0.017) : gn_ph_range(&d, -0.002, 0.006));
        v->width = k & 4 ? gn_ph_range(&d, 2.6, 3.6) : gn_ph_range(&d, 1.8, 2.6);
        v->steps = 130;
    }
    for (int i = 0; i < paths; i++) {
        struct path v = path[i];
        int fork = (int)gn_ph_range(&d, 12, 28);
        float wobble = 0, turn;
        for (int k = 0; k < v.steps && v.width > 0.5f; k++) {
            float s, c;
            wobble = 0.9f * wobble + gn_ph_range(&d, -0.03, 0.03);
            v.heading += v.bend + wobble * 0.5f;
            gn_vsincosf(&s, &c, &v.heading, 1);
            v.at[0] += c;
            v.at[1] += s;
            v.width *= 0.993f;
            stamp(f, v.at, v.width);
            if (k != fork || paths >= MOST_VESSELS)
                continue;
            path[paths] = v;
            turn = gn_ph_range(&d, 0.4, 0.9);
            path[paths].heading += turn * gn_ph_sign(&d);
            path[paths].width *= gn_ph_range(&d, 0.5, 0.8);
            path[paths].bend = gn_ph_range(&d, -0.008, 0.008);
            path[paths].steps = (int)(0.7f * (float)(v.steps - k));
            v.width *= 0.94f;
            paths++;
            fork += (int)gn_ph_range(&d, 14, 34);
        }
    }
}

/* ---- the picture ---- */

static void colour_at(const struct fundus *f, float x, float y, int64_t i, float width,
                      float rgb[3], int *label)
{
    const float q[3] = { x, y, 0 }, dc[3] = { f->disc[0], f->disc[1], 0 },
                ds[3] = { f->disc_s[0], f->disc_s[1], 1 };
    const float cc[3] = { f->cup[0], f->cup[1], 0 }, cs[3] = { f->cup_s[0], f->cup_s[1], 1 };
    float dx = x - f->middle[0], dy = y - f->middle[1], off = dx * dx + dy * dy,
          mx = x - f->macula[0], my = y - f->macula[1];
    float lit = gn_ph_inside(f->radius - sqrtf(off), fmaxf(width, 1.5f));
    float shade = (1 - 0.4f * off / 9604) * (1 + f->light[0] * x + f->light[1] * y) *
                  (1 + 0.07f * f->map[CLOUD][i]);
    float disc = gn_ph_ellipsoid(q, dc, ds) + f->wander * f->map[WANDER][i];
    float cup = fminf(gn_ph_ellipsoid(q, cc, cs) + 0.7f * f->wander * f->map[WANDER][i], disc - 1);
    static const float cup_colour[3] = { 1, 0.93f, 0.76f }, bright[3] = { 0.95f, 0.82f, 0.42f },
                       through[3] = { 0.72f, 0.42f, 0.62f };

    *label = disc > 0 && lit > 0.5f ? cup > 0 ? 2 : 1 : 0;
    for (int k = 0; k < 3; k++) {
        float v = f->colour[k] * (1 + (0.05f + 0.02f * (float)k) * f->map[TEXTURE][i]);
        v *= 1 - f->dark * gn_ph_bump(mx * mx + my * my, f->macula_r);
        v *= 1 - f->rim * gn_ph_inside(disc + 3, 3); /* pigment around the disc */
        for (int s = 0; s < f->spots; s++) {
            float sx = x - f->spot[s][0], sy = y - f->spot[s][1],
                  r = f->spot[s][2] * (1 + 0.2f * f->map[TEXTURE][i]);
            float in = gn_ph_inside(r - sqrtf(sx * sx + sy * sy), 2);
            v = f->spot[s][3] > 0 ? gn_ph_mix(v, bright[k], 0.85f * in) : v * (1 - 0.5f * in);
        }
        v = gn_ph_mix(v, f->disc_colour[k], gn_ph_inside(disc, fmaxf(width, 2.5f)));
        v = gn_ph_mix(v, cup_colour[k], 0.8f * gn_ph_inside(cup, fmaxf(width, 2)));
        v *= 1 - (1 - through[k]) * f->vessel[i];
        rgb[k] = gn_ph_mix(0.01f, v * shade, lit);
    }
}

static void draw_row(void *arg, size_t row, int thread)
{
    struct fundus *f = arg;
    const int64_t n = f->g->size[0], first = (int64_t)row * n, plane = n * f->g->size[1];
    float *normal = gn_alloc((size_t)n * 3 * sizeof *normal), width = (float)f->g->step[0];
    struct gn_draw noise = gn_draw_at(f->p->seed, f->sample, "photo", 0, 0, OP_NOISE);

    (void)thread;
    for (int k = 0; k < 3; k++)
        gn_draw_normal(&noise, (uint64_t)(k * plane + first), normal + k * n, (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        float rgb[3];
        int label;
        colour_at(f, gn_ph_place(f->g, 0, i), gn_ph_place(f->g, 1, (int64_t)row), first + i, width,
                  rgb, &label);
        for (int k = 0; k < 3; k++) {
            float v = rgb[k] + f->grain * normal[k * n + i];
            ((uint8_t *)f->image->data)[k * plane + first + i] =
                (uint8_t)(255 * fminf(fmaxf(v, 0), 1) + 0.5f);
        }
        ((uint8_t *)f->label->data)[first + i] = (uint8_t)(f->p->labels < 2 ? label > 0 : label);
    }
    free(normal);
}

int gn_ph_draw_fundus(const struct gn_phantom *p, const struct gn_ph_grid *g, const char *sample,
                      struct gn_tensor *image, struct gn_tensor *label, struct gn_err *err)
{
    struct fundus f = { .p = p, .g = g, .sample = sample, .image = image, .label = label };
    int rc = 0;

    draw_shape(&f);
    for (int k = 0; k < FIELDS && !rc; k++) {
        f.map[k] = gn_ph_field_map(gn_ph_draw_at(p, sample, OP_FIELDS + k).d, pitch[k], g, err);
        rc = f.map[k] ? 0 : -1;
    }
    f.vessel = rc ? NULL : gn_try_alloc((size_t)(g->size[0] * g->size[1]) * sizeof *f.vessel, err);
    if (f.vessel) {
        draw_vessels(&f);
        gn_pool_run((size_t)g->size[1], draw_row, &f);
    }
    rc = f.vessel ? 0 : -1;
    for (int k = 0; k < FIELDS; k++)
        free(f.map[k]);
    free(f.vessel);
    return rc;
}
