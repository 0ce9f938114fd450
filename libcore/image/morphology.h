/* morphology.h - masks of one bit a voxel, and what grows, shrinks and smooths them.
 *
 * A row of a mask is whole words, so that 64 voxels are moved at a time; along x they are shifted,
 * along y and z whole rows are joined, in log2(kernel) steps. Axes of size 1 are no axes: a 2-D
 * image is z = 1.
 */
#ifndef GN_IMAGE_MORPHOLOGY_H
#define GN_IMAGE_MORPHOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct gn_bits {
    int64_t size[3]; /* x y z, each >= 1 */
    int64_t words;   /* of a row */
    uint64_t *row;   /* z y words; voxel x is bit x % 64 of word x / 64; bits beyond size are 0 */
};

/* All zero. Refuses what gn_try_alloc refuses. */
int gn_bits_new(struct gn_bits *m, const int64_t size[3], struct gn_err *err) GN_MUST_USE;
void gn_bits_free(struct gn_bits *m); /* also resets it to {0} */

static inline uint64_t *gn_bits_row(const struct gn_bits *m, int64_t y, int64_t z)
{
    return m->row + (z * m->size[1] + y) * m->words;
}
static inline bool gn_bits_get(const struct gn_bits *m, int64_t x, int64_t y, int64_t z)
{
    return gn_bits_row(m, y, z)[x >> 6] >> (x & 63) & 1;
}
static inline void gn_bits_set(struct gn_bits *m, int64_t x, int64_t y, int64_t z)
{
    gn_bits_row(m, y, z)[x >> 6] |= (uint64_t)1 << (x & 63);
}
/* The valid bits of a row's last word. */
static inline uint64_t gn_bits_tail(const struct gn_bits *m)
{
    return m->size[0] & 63 ? ((uint64_t)1 << (m->size[0] & 63)) - 1 : ~(uint64_t)0;
}
void gn_bits_invert(struct gn_bits *m);

enum gn_morphology { GN_DILATION, GN_EROSION, GN_CLOSING, GN_OPENING };
extern const char *const gn_morphology_names[]; /* "dilation", "erosion", ..., NULL */

/* The largest value (dilation), or the smallest (erosion), of the box of kernel voxels an axis
 * around each voxel; closing is dilation, then erosion, opening the other way round. What lies
 * outside the image counts in neither. kernel: odd. Equal to PyTorch's max_pool3d with stride 1 and
 * padding kernel / 2 (https://pytorch.org/docs/stable/generated/torch.nn.MaxPool3d.html). */
int gn_bits_morphology(struct gn_bits *m, enum gn_morphology how, int64_t kernel,
                       struct gn_err *err) GN_MUST_USE;

/* Closing by the voxel and its face neighbours, once. Outside the image is 0 in the erosion too, so
 * what touches the border is cut back by a voxel there. Equal to SciPy's
 * ndimage.binary_closing with its defaults
 * (https://docs.scipy.org/doc/scipy/reference/generated/scipy.ndimage.binary_closing.html). */
int gn_bits_close_faces(struct gn_bits *m, struct gn_err *err) GN_MUST_USE;

#endif
