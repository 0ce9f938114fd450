/* components.h - connected components of a mask, by runs of voxels along x: what is joined, how
 * large it is, which is the largest, and which holes there are.
 *
 * Two passes (as K. Wu, E. Otoo, K. Suzuki: Optimizing two-pass connected-component labeling
 * algorithms, 2009, describe them), with runs in place of voxels: runs are found and joined to
 * those of earlier rows, then every run gets the number of its component. Components are numbered
 * in the order of their first voxel (x fastest), whatever the number of threads.
 */
#ifndef GN_IMAGE_COMPONENTS_H
#define GN_IMAGE_COMPONENTS_H

#include "image/morphology.h"

/* Neighbours: 6, 18 and 26 of a voxel; in a plane 4, 8 and 8. */
enum gn_join { GN_JOIN_FACES, GN_JOIN_EDGES, GN_JOIN_CORNERS };

struct gn_run {
    uint32_t from, to; /* voxels from..to-1 of a row */
    uint32_t part;     /* its component, from 0 */
};

struct gn_components {
    struct gn_run *run;
    size_t n;        /* runs */
    size_t *first;   /* rows + 1: the runs of row r are first[r]..first[r + 1]-1; row = z ny + y */
    size_t count;    /* components */
    int64_t *voxels; /* of each */
};

/* The components of the ones. As SciPy's ndimage.label: component k here is its label k + 1
 * (https://docs.scipy.org/doc/scipy/reference/generated/scipy.ndimage.label.html). c is taken as
 * uninitialised, and {0} after a failure: too large for the memory limit, or 2^32 runs. */
int gn_components_find(struct gn_components *c, const struct gn_bits *m, enum gn_join join,
                       struct gn_err *err) GN_MUST_USE;
void gn_components_free(struct gn_components *c);

/* Only the largest component stays; of several, the one whose first voxel comes first. */
int gn_bits_keep_largest(struct gn_bits *m, enum gn_join join, struct gn_err *err) GN_MUST_USE;

/* Zeros from which no way over faces leads to the border of the image become ones (the borders of
 * axes of size 1 are none). As SciPy's ndimage.binary_fill_holes
 * (https://docs.scipy.org/doc/scipy/reference/generated/scipy.ndimage.binary_fill_holes.html). */
int gn_bits_fill_holes(struct gn_bits *m, struct gn_err *err) GN_MUST_USE;

#endif
