/* pre_images.h - the images that tests/gen/pre_images.py describes, and golden arrays that hold
 * every so many values of a result. */
#ifndef GN_TESTS_PRE_IMAGES_H
#define GN_TESTS_PRE_IMAGES_H

#include "base/tensor.h"
#include "check.h"
#include "golden.h"

enum { PRE_IMAGES = 6, PRE_CHANNELS = 4 };
static const char *const pre_names[PRE_IMAGES] = { "iso",      "real",      "oblique",
                                                   "flat_iso", "flat_real", "flat_oblique" };

static struct golden *all; /* golden_read's */
static int count;
static struct gn_err err;

/* An image: sizes x y z, voxels z y x. */
struct pre_image {
    const char *name;
    int64_t size[3], n;
    double affine[12];
    const double *image, *label;
};

static inline const struct golden *get(const char *row, const char *image, const char *what)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s%s", row, image, what);
    return golden_find(all, count, name);
}

static inline bool has(const char *row, const char *image, const char *what)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s%s", row, image, what);
    for (int i = 0; i < count; i++)
        if (!strcmp(all[i].name, name))
            return true;
    return false;
}

/* All images; images is theirs for good. */
static inline void pre_images_read(struct pre_image images[PRE_IMAGES])
{
    int n;
    struct golden *g = golden_read("pre_images.txt", &n);
    for (int i = 0; i < PRE_IMAGES; i++) {
        struct pre_image *p = &images[i];
        char name[64];
        p->name = pre_names[i];
        snprintf(name, sizeof name, "%s.size", p->name);
        for (int k = 0; k < 3; k++)
            p->size[k] = (int64_t)golden_find(g, n, name)->v[k];
        snprintf(name, sizeof name, "%s.affine", p->name);
        memcpy(p->affine, golden_find(g, n, name)->v, sizeof p->affine);
        snprintf(name, sizeof name, "%s.image", p->name);
        p->image = golden_find(g, n, name)->v;
        p->n = golden_find(g, n, name)->n;
        snprintf(name, sizeof name, "%s.label", p->name);
        p->label = golden_find(g, n, name)->v;
    }
}

/* The first channels of the four; the caller frees the tensor. */
static inline struct gn_tensor pre_channels(const struct pre_image *p, int channels)
{
    struct gn_tensor t;
    if (gn_tensor_new4(&t, GN_FLOAT32, channels, p->size[2], p->size[1], p->size[0], &err))
        exit(1);
    float *x = t.data;
    for (int c = 0; c < channels; c++)
        for (int64_t i = 0; i < p->n; i++)
            x[c * p->n + i] = c == 0   ? (float)p->image[i]
                              : c == 1 ? (float)p->image[p->n - 1 - i]
                              : c == 2 ? (float)fabs(p->image[i])
                                       : (float)p->image[i] / 2 + 3 * (float)(i % 5);
    return t;
}

static inline struct gn_tensor pre_label(const struct pre_image *p)
{
    struct gn_tensor t;
    if (gn_tensor_new4(&t, GN_UINT8, 1, p->size[2], p->size[1], p->size[0], &err))
        exit(1);
    for (int64_t i = 0; i < p->n; i++)
        ((uint8_t *)t.data)[i] = (uint8_t)p->label[i];
    return t;
}

/* Largest |difference| as a share of the largest |golden value|, over the values that are kept and
 * that t holds (it may be the first channel of four); 1e9 if there are none or t has a wrong
 * count. */
static inline double pre_apart(const struct gn_tensor *t, const char *row, const char *image,
                               const char *what, int channels)
{
    char every[32];
    snprintf(every, sizeof every, "%s.every", what);
    const double *v = get(row, image, every)->v;
    const struct golden *g = get(row, image, what);
    const int64_t stride = (int64_t)v[0], n = gn_tensor_count(t);
    double d = 0, most = 1e-30;
    if (n * PRE_CHANNELS != (int64_t)v[1] * channels)
        return 1e9;
    for (int64_t i = 0; i < g->n; i++) {
        most = fmax(most, fabs(g->v[i]));
        if (i * stride < n) {
            double off = fabs(gn_tensor_get(t, i * stride) - g->v[i]);
            d = off <= d ? d : isnan(off) ? 1e9 : off;
        }
    }
    return g->n ? d / most : 1e9;
}

/* Share of golden labels that t does not have. */
static inline double pre_differ(const struct gn_tensor *t, const char *row, const char *image)
{
    const double *v = get(row, image, ".label.every")->v;
    const struct golden *g = get(row, image, ".label");
    int64_t odd = 0;
    if (gn_tensor_count(t) != (int64_t)v[1] || !g->n)
        return 1;
    for (int64_t i = 0; i < g->n; i++)
        odd += gn_tensor_get(t, i * (int64_t)v[0]) != g->v[i];
    return (double)odd / (double)g->n;
}

#endif
