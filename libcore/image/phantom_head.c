/* phantom_head.c - a head in MR contrasts, with or without a tumour. Lengths in mm, axes R A S, the
 * skull's middle at 0. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "base/vmath.h"
#include "image/phantom_private.h"

enum { AIR, FAT, MUSCLE, BONE, CSF, GREY, WHITE, EYE, NECROSIS, OEDEMA, ENHANCING, TISSUES };

/* Grey values of the four contrasts that have a name; loosely those of a 3 T scanner. */
static const struct {
    const char *name;
    float value[TISSUES];
} contrasts[] = {
    /*             air   fat   muscle bone  csf   grey  white eye   necr. oedema enhancing */
    { "t1",    { .01f, .85f, .45f, .12f, .18f, .56f, .78f, .20f, .28f, .50f, .52f } },
    { "t2",    { .01f, .60f, .30f, .08f, .95f, .62f, .44f, .90f, .85f, .80f, .66f } },
    { "flair",  { .01f, .60f, .38f, .09f, .14f, .60f, .50f, .25f, .55f, .90f, .74f } },
    { "t1c",   { .01f, .88f, .52f, .13f, .19f, .58f, .80f, .22f, .30f, .52f, 1.1f } },
};

/* Ops of draws: one for the numbers, one a field, then what else is drawn. */
enum { OP_SHAPE, OP_FIELDS, OP_AGE = 16, OP_LESION, OP_CONTRAST, OP_SCANNER };

/* Random fields: how the surfaces wander, and texture. */
enum { WANDER, FOLDS, SKULL, LESION, TEXTURE, FIELDS };
static const double pitch[FIELDS] = { 30, 9, 40, 13, 6 };

struct head {
    const struct gn_phantom *p;
    const struct gn_ph_grid *g;
    const char *sample;
    float turn[9], shift[3];             /* of the head in the scanner */
    float cerebrum[3], csf, bone, scalp; /* semi-axes; thicknesses */
    float cerebellum[3], stem, face[3], eyes;
    float ventricle, horn; /* size of the ventricles */
    float wander, folds, ribbon;
    bool lesion;
    float at[3], stretch[3], radius, rim, oedema, ragged;
    struct gn_ph_field field[FIELDS], *bias; /* bias: one a channel */
    float (*value)[TISSUES], *noise, *gain;  /* of each channel */
    struct gn_tensor *image, *label;
};

static void draw_turn(struct head *h, struct gn_ph_draw *d)
{
    float angle[3], s[3], c[3];

    for (int k = 0; k < 3; k++) {
        angle[k] = gn_ph_range(d, -0.14, 0.14);
        h->shift[k] = gn_ph_range(d, -5, 5);
    }
    gn_vsincosf(s, c, angle, 3);
    const float turn[9] = {
        c[1] * c[2], -c[1] * s[2], s[1],
        s[0] * s[1] * c[2] + c[0] * s[2], c[0] * c[2] - s[0] * s[1] * s[2], -s[0] * c[1],
        s[0] * s[2] - c[0] * s[1] * c[2], c[0] * s[1] * s[2] + s[0] * c[2], c[0] * c[1]
    };
    memcpy(h->turn, turn, sizeof turn);
}

double gn_phantom_age(const struct gn_phantom *p, const char *sample)
{
    struct gn_ph_draw d = gn_ph_draw_at(p, sample, OP_AGE);
    return floor(gn_draw_range(&d.d, 0, 20, 90) * 10) / 10;
}

static void draw_shape(struct head *h)
{
    struct gn_ph_draw d = gn_ph_draw_at(h->p, h->sample, OP_SHAPE),
                      l = gn_ph_draw_at(h->p, h->sample, OP_LESION);
    float age = (float)gn_phantom_age(h->p, h->sample);
    float size = gn_ph_range(&d, 0.93, 1.06);

    draw_turn(h, &d);
    h->cerebrum[0] = size * gn_ph_range(&d, 62, 70);
    h->cerebrum[1] = size * gn_ph_range(&d, 78, 88);
    h->cerebrum[2] = size * gn_ph_range(&d, 56, 65);
    h->csf = gn_ph_range(&d, 1.5, 4.5);
    h->bone = gn_ph_range(&d, 5, 9);
    h->scalp = gn_ph_range(&d, 4, 9);
    h->cerebellum[0] = gn_ph_range(&d, 44, 52);
    h->cerebellum[1] = gn_ph_range(&d, 26, 32);
    h->cerebellum[2] = gn_ph_range(&d, 22, 27);
    h->stem = gn_ph_range(&d, 10, 14);
    h->face[0] = gn_ph_range(&d, 52, 62);
    h->face[1] = gn_ph_range(&d, 58, 68);
    h->face[2] = gn_ph_range(&d, 66, 80);
    h->eyes = gn_ph_range(&d, 28, 35);
    h->ventricle = 0.55f + 1.1f * (age - 20) / 70 + gn_ph_range(&d, -0.04, 0.04);
    h->horn = gn_ph_range(&d, 0.8, 1.2);
    h->wander = gn_ph_range(&d, 1, 2.6);
    h->folds = gn_ph_range(&d, 0.7, 1.4);
    h->ribbon = gn_ph_range(&d, 3.5, 5.5);

    h->lesion = h->p->kind == GN_PHANTOM_TUMOUR;
    h->at[0] = gn_ph_range(&l, 18, 40);
    h->at[0] *= gn_ph_sign(&l);
    h->at[1] = gn_ph_range(&l, -45, 45);
    h->at[2] = gn_ph_range(&l, -8, 32);
    for (int k = 0; k < 3; k++)
        h->stretch[k] = gn_ph_range(&l, 0.8, 1.25);
    h->radius = gn_ph_range(&l, 11, 23);
    h->rim = gn_ph_range(&l, 3.5, 7);
    h->oedema = gn_ph_range(&l, 5, 20);
    h->ragged = gn_ph_range(&l, 0.12, 0.28);
}

/* The grey values of a channel: those of its contrast (the same for all samples), each a little off
 * in this sample. */
static void draw_contrast(struct head *h, int channel)
{
    char name[16];
    size_t known = 0, n = sizeof contrasts / sizeof *contrasts;
    struct gn_ph_draw scanner, invented;

    gn_phantom_channel_name(h->p->kind, channel, name);
    invented = gn_ph_draw_at(h->p, name, OP_CONTRAST);
    scanner.d = gn_draw_at(h->p->seed, h->sample, name, 0, 0, OP_SCANNER);
    scanner.next = 0;
    while (known < n && strcmp(name, contrasts[known].name) != 0)
        known++;
    for (int t = 0; t < TISSUES; t++) {
        float value = known < n  ? contrasts[known].value[t]
                      : t == AIR ? 0.01f
                                 : gn_ph_range(&invented, 0.1, 1);
        h->value[channel][t] = value * gn_ph_range(&scanner, 0.93, 1.07);
    }
    h->gain[channel] = gn_ph_range(&scanner, 700, 1400);
    h->noise[channel] = gn_ph_range(&scanner, 0.02, 0.05);
}

/* How much of each tissue a voxel holds, laid over each other from outside to inside. */
static void lay(float mix[TISSUES], int tissue, float w)
{
    if (w <= 0)
        return;
    for (int t = 0; t < TISSUES; t++)
        mix[t] *= 1 - w;
    mix[tissue] += w;
}

static float ventricles(const struct head *h, const float q[3])
{
    float v = h->ventricle, side = q[0] < 0 ? -1.0f : 1.0f, best;
    const float body[3] = { side * (7 + 3 * v), 2, 12 },
                body_s[3] = { 3 + 4 * v, 24 + 4 * v, 3.5f + 4 * v };
    const float back[3] = { side * (16 + 3 * v), -26, 4 },
                back_s[3] = { 3 + 4 * v * h->horn, 20, 3 + 5 * v };
    const float third[3] = { 0, -2, -8 }, third_s[3] = { 1 + 2.2f * v, 13, 11 };

    best = gn_ph_ellipsoid(q, body, body_s);
    best = fmaxf(best, gn_ph_ellipsoid(q, back, back_s));
    return fmaxf(best, gn_ph_ellipsoid(q, third, third_s));
}

/* What stands at one place: q, in the head's own axes; f: the fields there. Fills the mixture,
 * returns the label. */
static int tissue_at(const struct head *h, const float q[3], const float f[FIELDS], float width,
                     float mix[TISSUES])
{
    const float zero[3] = { 0 }, cerebellum[3] = { 0, -46, -46 }, face[3] = { 0, 34, -62 },
                stem[3] = { 0, -20, -56 };
    const float stem_s[3] = { h->stem, h->stem, 36 }, neck[3] = { 0, -22, -110 },
                neck_s[3] = { 52, 56, 70 };
    const float eye[3] = { q[0] < 0 ? -h->eyes : h->eyes, 74, -34 }, eye_s[3] = { 12, 12, 12 };
    const float nose[3] = { 0, 62, -52 }, nose_s[3] = { 13, 22, 18 };
    float wander = h->wander * f[WANDER], vault = gn_ph_ellipsoid(q, zero, h->cerebrum) + wander;
    float hind = gn_ph_ellipsoid(q, cerebellum, h->cerebellum) + 0.5f * wander;
    float brain = fmaxf(fmaxf(vault, hind), gn_ph_ellipsoid(q, stem, stem_s));
    float csf = h->csf + 0.6f * f[SKULL], bone = csf + h->bone + 1.1f * f[SKULL],
          scalp = bone + h->scalp + 1.2f * f[WANDER];
    float skull = fmaxf(vault, hind), soft, white, ventricle, left, cleft;
    int label = 0;

    for (int t = 0; t < TISSUES; t++)
        mix[t] = t == AIR;
    soft = fmaxf(gn_ph_ellipsoid(q, face, h->face), gn_ph_ellipsoid(q, neck, neck_s)) +
           2 * f[WANDER];
    lay(mix, FAT, gn_ph_inside(fmaxf(skull + scalp, soft), width));
    lay(mix, MUSCLE, gn_ph_inside(soft - 5 - 2 * f[SKULL] + 3 * f[FOLDS], width));
    lay(mix, BONE, gn_ph_inside(skull + bone, width));
    lay(mix, FAT,
        0.35f * gn_ph_inside(fminf(skull + bone - 2, -skull - csf - 1),
                             2)); /* marrow between the tables of the skull */
    lay(mix, AIR, gn_ph_inside(gn_ph_ellipsoid(q, nose, nose_s) + 3 * f[FOLDS], width));
    lay(mix, EYE, gn_ph_inside(gn_ph_ellipsoid(q, eye, eye_s), width));
    lay(mix, CSF, gn_ph_inside(fmaxf(skull, brain) + csf, width));
    if (brain < -width)
        return 0;

    label = brain > 0;
    lay(mix, GREY, gn_ph_inside(brain - h->folds * fmaxf(0, f[FOLDS] - 0.8f), width));
    /* Sulci: where the folds run deep the ribbon of grey matter reaches far in. It also lines the
     * cleft between the halves, which is deepest at the top. */
    left = fabsf(q[0] + 0.5f * f[FOLDS]);
    cleft = 0.3f * fmaxf(0, vault - 24) + 0.3f * fmaxf(0, 10 - q[2]);
    white = brain - h->ribbon - h->folds * 2.4f * f[FOLDS];
    if (vault >= hind)
        white = fminf(white, left - 4.5f + cleft);
    if (gn_ph_inside(white, width) > 0) {
        lay(mix, WHITE, gn_ph_inside(white, width));
        label = label && h->p->labels == 3 && h->p->kind == GN_PHANTOM_HEAD && white > 0 ? 3
                                                                                         : label;
    }
    if (vault >= hind)
        lay(mix, CSF, 0.8f * gn_ph_inside(1.3f - left - 0.5f * cleft, fmaxf(width, 1.5f)));
    ventricle = ventricles(h, q) + 0.3f * f[FOLDS];
    if (ventricle > -width) {
        lay(mix, CSF, gn_ph_inside(ventricle, width));
        label = label && h->p->labels >= 2 && h->p->kind == GN_PHANTOM_HEAD && ventricle > 0
                    ? 2
                    : label;
    }
    if (h->lesion) {
        const float s[3] = { h->radius * h->stretch[0], h->radius * h->stretch[1],
                             h->radius * h->stretch[2] };
        float core =
            fminf(gn_ph_ellipsoid(q, h->at, s) + h->ragged * h->radius * f[LESION], brain - 1);
        float around =
            fminf(core + h->oedema * (1 + 0.35f * f[LESION]), fminf(brain - 2.5f, -ventricle));
        float dead = core - h->rim - 0.8f * f[FOLDS];
        lay(mix, OEDEMA, 0.9f * gn_ph_inside(around, fmaxf(width, 3)));
        lay(mix, ENHANCING, gn_ph_inside(core, width));
        lay(mix, NECROSIS, gn_ph_inside(dead, width));
        label = dead > 0 ? 1 : core > 0 ? 4 : around > 0 ? 2 : 0;
        if (h->p->labels < 3)
            label = label == 4 ? 1 : label;
        if (h->p->labels < 2)
            label = label > 0;
    }
    return label;
}

static void draw_slice(void *arg, size_t slice, int thread)
{
    struct head *h = arg;
    const int64_t *size = h->g->size, z = (int64_t)slice, plane = size[0] * size[1],
                  voxels = plane * size[2];
    int channels = h->p->channels;
    float *buffer = gn_alloc((size_t)(FIELDS + channels) * (size_t)plane * sizeof *buffer +
                             (size_t)size[0] * 2 * sizeof *buffer);
    float *bias = buffer + FIELDS * plane, *normal = bias + channels * plane;
    float width = (float)fmax(h->g->step[0], fmax(h->g->step[1], h->g->step[2]));
    uint8_t *label = (uint8_t *)h->label->data + z * plane;
    int16_t *image = (int16_t *)h->image->data + z * plane;

    (void)thread;
    for (int k = 0; k < FIELDS; k++)
        gn_ph_field_slice(&h->field[k], h->g, z, buffer + k * plane);
    for (int c = 0; c < channels; c++)
        gn_ph_field_slice(&h->bias[c], h->g, z, bias + c * plane);
    for (int64_t i = 0; i < plane; i++) {
        const float p[3] = { gn_ph_place(h->g, 0, i % size[0]) - h->shift[0],
                             gn_ph_place(h->g, 1, i / size[0]) - h->shift[1],
                             gn_ph_place(h->g, 2, z) - h->shift[2] -
                                 14 }; /* the vault stands above the middle of the picture */
        float q[3], f[FIELDS], mix[TISSUES];
        for (int k = 0; k < 3; k++)
            q[k] = h->turn[3 * k] * p[0] + h->turn[3 * k + 1] * p[1] + h->turn[3 * k + 2] * p[2];
        for (int k = 0; k < FIELDS; k++)
            f[k] = buffer[k * plane + i];
        label[i] = (uint8_t)tissue_at(h, q, f, width, mix);
        for (int c = 0; c < channels; c++) {
            float v = 0;
            for (int t = 0; t < TISSUES; t++)
                v += mix[t] * h->value[c][t];
            /* soft tissue is the most uneven */
            v *= 1 + (0.03f + 0.07f * (mix[MUSCLE] + mix[FAT])) * f[TEXTURE];
            v *= fmaxf(0.4f, 1 + 0.13f * bias[c * plane + i]);
            bias[c * plane + i] = v;
        }
    }
    /* Noise as of a magnitude image: Rice's, the length of a vector of which both parts are
     * disturbed. */
    for (int c = 0; c < channels; c++)
        for (int64_t y = 0; y < size[1]; y++) {
            char name[16];
            float *row = bias + c * plane + y * size[0];
            uint64_t first = (uint64_t)(z * plane + y * size[0]);
            gn_phantom_channel_name(h->p->kind, c, name);
            struct gn_draw d = gn_draw_at(h->p->seed, h->sample, name, 0, 0, 0);
            gn_draw_normal(&d, first, normal, (size_t)size[0]);
            gn_draw_normal(&d, first + (uint64_t)voxels, normal + size[0], (size_t)size[0]);
            for (int64_t x = 0; x < size[0]; x++) {
                float re = row[x] + h->noise[c] * normal[x], im = h->noise[c] * normal[size[0] + x];
                float v = h->gain[c] * sqrtf(re * re + im * im);
                image[c * voxels + y * size[0] + x] = (int16_t)(fminf(v, 32766) + 0.5f);
            }
        }
    free(buffer);
}

int gn_ph_draw_head(const struct gn_phantom *p, const struct gn_ph_grid *g, const char *sample,
                    struct gn_tensor *image, struct gn_tensor *label, struct gn_err *err)
{
    struct head h = { .p = p, .g = g, .sample = sample, .image = image, .label = label };
    size_t n = (size_t)p->channels;
    char name[16];
    int rc = -1;

    h.bias = gn_try_alloc(n * sizeof *h.bias, err);
    h.value = gn_try_alloc(n * sizeof *h.value, err);
    h.noise = gn_try_alloc(n * sizeof *h.noise, err);
    h.gain = gn_try_alloc(n * sizeof *h.gain, err);
    if (!h.bias || !h.value || !h.noise || !h.gain)
        goto out;
    draw_shape(&h);
    for (int k = 0; k < FIELDS; k++)
        if (gn_ph_field_new(&h.field[k], gn_ph_draw_at(p, sample, OP_FIELDS + k).d, pitch[k], g,
                            err))
            goto out;
    for (int c = 0; c < p->channels; c++) {
        gn_phantom_channel_name(p->kind, c, name);
        draw_contrast(&h, c);
        if (gn_ph_field_new(&h.bias[c], gn_draw_at(p->seed, sample, name, 0, 0, 1), 90, g, err))
            goto out;
    }
    gn_pool_run((size_t)g->size[2], draw_slice, &h);
    rc = 0;
out:
    for (int k = 0; k < FIELDS; k++)
        gn_ph_field_free(&h.field[k]);
    for (size_t c = 0; h.bias && c < n; c++)
        gn_ph_field_free(&h.bias[c]);
    free(h.bias);
    free(h.value);
    free(h.noise);
    free(h.gain);
    return rc;
}
