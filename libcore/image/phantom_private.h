/* phantom_private.h - what the phantoms share: places, random fields, soft edges, noise; private to
 * libcore/image/phantom*.c. */
#ifndef GN_IMAGE_PHANTOM_PRIVATE_H
#define GN_IMAGE_PHANTOM_PRIVATE_H

#include <math.h>

#include "base/rng.h"
#include "image/phantom.h"

/* The place of voxel i along axis k is (i - (size - 1) / 2) x step: mm, or hundredths of half the
 * shorter side of a picture. */
struct gn_ph_grid {
    int64_t size[3];
    double step[3];
};
static inline float gn_ph_place(const struct gn_ph_grid *g, int k, int64_t i)
{
    return (float)(((double)i - (double)(g->size[k] - 1) / 2) * g->step[k]);
}

/* Draws of one sample: op tells them apart, next counts the numbers drawn from it. */
struct gn_ph_draw {
    struct gn_draw d;
    uint64_t next;
};
struct gn_ph_draw gn_ph_draw_at(const struct gn_phantom *p, const char *sample, int op);
/* One call a statement: the order of two in an expression would be the compiler's choice. */
float gn_ph_range(struct gn_ph_draw *d, double lo, double hi);
float gn_ph_sign(struct gn_ph_draw *d); /* -1 or 1 */

/* A smooth random field of mean 0 and variance 1 everywhere: cubic B-splines on a lattice of normal
 * deviates, `pitch` apart. */
struct gn_ph_field {
    float *lattice;
    int64_t n[3];
    int32_t *base[3]; /* first of the four knots of each voxel */
    float *weight[3]; /* four a voxel; one, 1, along an axis of one voxel */
};
int gn_ph_field_new(struct gn_ph_field *f, struct gn_draw d, double pitch,
                    const struct gn_ph_grid *g, struct gn_err *err) GN_MUST_USE;
void gn_ph_field_slice(const struct gn_ph_field *f, const struct gn_ph_grid *g, int64_t z,
                       float *out); /* y x */
void gn_ph_field_free(struct gn_ph_field *f);
/* The same of a picture, all of it: y x, owned by the caller; NULL with an error. */
float *gn_ph_field_map(struct gn_draw d, double pitch, const struct gn_ph_grid *g,
                       struct gn_err *err) GN_MUST_USE;

/* How much of a voxel lies inside a surface `depth` below its centre; width: of the voxel, or of a
 * softer edge. */
static inline float gn_ph_inside(float depth, float width)
{
    float w = depth / width + 0.5f;
    return w < 0 ? 0 : w > 1 ? 1 : w;
}
static inline float gn_ph_mix(float a, float b, float w)
{
    return a + (b - a) * w;
}
/* 1 at 0, falling smoothly to 0 at radius: (1 - (d/r)^2)^2. square: d^2. */
static inline float gn_ph_bump(float square, float radius)
{
    float t = 1 - square / (radius * radius);
    return t > 0 ? t * t : 0;
}
/* Depth below an ellipsoid's surface, first order: negative outside. s: semi-axes; flat ones use
 * two. */
static inline float gn_ph_ellipsoid(const float q[3], const float c[3], const float s[3])
{
    float x = (q[0] - c[0]) / s[0], y = (q[1] - c[1]) / s[1], z = (q[2] - c[2]) / s[2];
    float rho = sqrtf(x * x + y * y + z * z);
    float slope = sqrtf(x * x / (s[0] * s[0]) + y * y / (s[1] * s[1]) + z * z / (s[2] * s[2]));
    return rho < 1e-4f ? fminf(s[0], fminf(s[1], s[2])) : (1 - rho) * rho / slope;
}

int gn_ph_draw_head(const struct gn_phantom *p, const struct gn_ph_grid *g, const char *sample,
                    struct gn_tensor *image, struct gn_tensor *label,
                    struct gn_err *err) GN_MUST_USE;
int gn_ph_draw_thorax(const struct gn_phantom *p, const struct gn_ph_grid *g, const char *sample,
                      struct gn_tensor *image, struct gn_tensor *label,
                      struct gn_err *err) GN_MUST_USE;
int gn_ph_draw_fundus(const struct gn_phantom *p, const struct gn_ph_grid *g, const char *sample,
                      struct gn_tensor *image, struct gn_tensor *label,
                      struct gn_err *err) GN_MUST_USE;

#endif
