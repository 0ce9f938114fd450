/* patch.h - where patches of an image start: grids for inference, samplers for training.
 *
 * Sizes and origins are x y z. Source of the rules: TorchIO 0.19 GridSampler, UniformSampler,
 * WeightedSampler, LabelSampler (https://torchio.readthedocs.io/patches/), with the order and
 * the padding of small images changed as said.
 */
#ifndef GN_IMAGE_PATCH_H
#define GN_IMAGE_PATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/tensor.h"
#include "image/geometry.h"

/* ---- grids ---- */

/* Starts along one axis: 0, p-o, 2(p-o) ... while start <= n-p, then n-p if it is not among
 * them. n <= p: the one start 0 (the patch reaches over the far end). Returns how many; start,
 * if not NULL, has room for that many. 0 <= o < p. */
int64_t gn_patch_starts(int64_t n, int64_t p, int64_t o, int64_t *start);

/* All patches of an image: x fastest, z slowest. */
struct gn_patch_grid {
    int64_t size[3], patch[3], overlap[3]; /* of the image, a patch, two neighbours */
    int64_t count[3], n;                   /* patches along each axis, in all */
};
/* Error: an overlap that is odd, negative or not smaller than the patch. An axis with a patch of
 * 1 takes overlap 0. */
int gn_patch_grid_init(struct gn_patch_grid *g, const int64_t size[3], const int64_t patch[3],
                       const int64_t overlap[3], struct gn_err *err) GN_MUST_USE;
/* Start of the j-th patch along an axis, 0 <= j < count[axis]. */
int64_t gn_patch_grid_start(const struct gn_patch_grid *g, int axis, int64_t j);
/* of patch i, 0 <= i < g->n */
void gn_patch_grid_origin(const struct gn_patch_grid *g, int64_t i, int64_t origin[3]);

/* Copy the patch at origin out of an image (c z y x) into dense float32 c z y x; beyond the
 * image it is 0. out has room for channels * patch voxels. The network's input, without a tensor
 * in between. */
void gn_patch_read_float(const struct gn_tensor *image, const int64_t origin[3],
                         const int64_t patch[3], float *out);
/* The same for component 0 of a label map, as int32. */
void gn_patch_read_label(const struct gn_tensor *label, const int64_t origin[3],
                         const int64_t patch[3], int32_t *out);

/* ---- samplers ---- */

enum gn_sampler_kind {
    GN_SAMPLER_UNIFORM,  /* every start in 0..size-patch is as likely as any other */
    GN_SAMPLER_LABEL,    /* the centre is uniform over voxels with label > 0 */
    GN_SAMPLER_WEIGHTED, /* the label image's values are the weights of the centre */
    GN_SAMPLER_BALANCED  /* a class is drawn by its weight, then a centre uniformly within it */
};
extern const char *const gn_sampler_names[]; /* "uniform", ..., NULL */

/* A class for BALANCED: the label values that belong to it ("1||4" has two) and its weight, not
 * negative. A voxel that belongs to several classes adds up its weights. */
struct gn_sampler_class {
    const int64_t *value;
    int n;
    double weight;
};

/* What can be known before drawing: holds a cumulative weight for every row of the image, not
 * the label itself. The centre of a patch of size p is its voxel p div 2, so a centre has p div
 * 2 voxels before it and (p-1) div 2 after it. */
struct gn_sampler {
    enum gn_sampler_kind kind;
    int64_t size[3], patch[3];
    double *row;          /* cumulative weight at the end of row y + z * size[1]; NULL: UNIFORM */
    double total;
    int64_t *value;       /* BALANCED: label values that occur, ascending, */
    double *voxel_weight; /* and what one voxel of each weighs */
    int n_values;
    bool empty;           /* no voxel can be a centre: gn_sampler_draw must not be called */
};

/* label may be NULL for UNIFORM, in which case size says how large the image is; otherwise its
 * size must be size; component 0 counts. n_classes 0: BALANCED gives every value that occurs, 0
 * too, the same weight. Errors: a patch larger than the image (says by how much to pad), a
 * negative or non-finite weight. An empty map is no error: empty is set. */
int gn_sampler_init(struct gn_sampler *s, enum gn_sampler_kind kind, const int64_t size[3],
                    const struct gn_tensor *label, const int64_t patch[3],
                    const struct gn_sampler_class *classes, int n_classes, struct gn_err *err)
                    GN_MUST_USE;
void gn_sampler_free(struct gn_sampler *s);
/* The text for an empty map: what is missing and what would help. Always -1. */
int gn_sampler_empty_error(const struct gn_sampler *s, struct gn_err *err);

/* One patch: a pure function of where (seed, sample, epoch, patch index; op GN_SAMPLER_OP) and
 * the label. origin lies in 0..size-patch; centre = origin + patch div 2 is the voxel drawn.
 * label as for gn_sampler_init. */
enum { GN_SAMPLER_OP = 255 };
void gn_sampler_draw(const struct gn_sampler *s, const struct gn_tensor *label,
                     const struct gn_draw *where, int64_t origin[3], int64_t centre[3]);
/* Weight of the voxel as a centre, normalised to sum 1 over the image: for tests and for looking
 * at. */
double gn_sampler_probability(const struct gn_sampler *s, const struct gn_tensor *label,
                              const int64_t centre[3]);
/* The start of a patch whose centre is as near to centre as the image lets it. */
void gn_patch_clamp(const int64_t size[3], const int64_t patch[3], const int64_t centre[3],
                    int64_t origin[3]);

#endif
