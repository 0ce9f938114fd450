/* plane.h - planes of an image as a person looks at them: turned the way radiologists hold a film,
 * windowed to grey, brought to pixels. No drawing here.
 *
 * Pictures of a patient are seen from the feet or from the front: the patient's right is on the
 * viewer's left; of an axial plane the front is up, of the others the head; of a sagittal plane the
 * front is on the left. Voxel axes and world axes (RAS) as in image/geometry.h. */
#ifndef GN_VIEW_PLANE_H
#define GN_VIEW_PLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tensor.h"

enum { GN_VIEW_X, GN_VIEW_Y, GN_VIEW_Z, GN_VIEW_ALL, GN_VIEW_AUTO }; /* sagittal, coronal, axial */

/* A family of parallel planes of one image. */
struct gn_view_plane {
    int axis[3];     /* voxel axis (0 x, 1 y, 2 z) that runs right, down, and from plane to plane */
    bool flip[3];    /* it runs against the voxel's index */
    int64_t size[3]; /* voxels right, down, through */
    double spacing[3]; /* mm right, down, through; 1 where the affine says nothing sensible */
    char letter[4];    /* what is at the left, right, top, bottom: R L A P S I; 0: not known */
    const char *name;  /* sagittal, coronal, axial; NULL: not known */
};

/* Is this affine that of a file without a place (PNG, JPEG, plain TIFF): diag(-1,-1,1) at
 * origin 0? */
bool gn_view_is_picture(const double affine[12]);
/* The planes across a world axis. picture: no letters (and the file's affine lays it out as it is).
 */
void gn_view_plane_of(const int64_t size[3], const double affine[12], bool picture, int world,
                      struct gn_view_plane *p);
/* The axis across which an image was taken: that of a slab (at most an eighth as many planes as
 * the longest side has voxels), else one with at least twice the spacing of the others, else z. */
int gn_view_best_axis(const int64_t size[3], const double affine[12]);

/* Which planes, in the order they are shown, hold a value other than 0 in any channel: joined with
 * what *first..*last already covers when *found. t is c z y x of the plane's size. */
void gn_view_extent(const struct gn_tensor *t, const struct gn_view_plane *p, int64_t *first,
                    int64_t *last, bool *found);
/* n planes evenly spread through first..last (fewer if there are fewer); returns how many. */
int gn_view_spread(int64_t first, int64_t last, int n, int64_t *at);
/* The voxel index along axis[2] of the plane that is shown as number at. */
int64_t gn_view_index(const struct gn_view_plane *p, int64_t at);

/* One channel of plane `at` as size[1] x size[0] floats; what is not finite becomes 0. */
void gn_view_extract(const struct gn_tensor *t, int64_t channel, const struct gn_view_plane *p,
                     int64_t at, float *out);

/* Values of the finite voxels of channels first..last, 0 left out if nonzero (all, if all are 0).
 * lo, hi: these percentiles, linear between neighbours; of more than 4 million voxels every k-th
 * counts. Both 0 when there is none. Returns how many voxels are not finite. */
int64_t gn_view_percentiles(const struct gn_tensor *t, int64_t first, int64_t last, bool nonzero,
                            double p_lo, double p_hi, double *lo, double *hi);

/* h x w -> out_h x out_w: linear, averaging when it shrinks (a triangle as wide as the step);
 * voxels of at least GN_VIEW_SQUARE pixels stay squares. Corners are aligned. */
enum { GN_VIEW_SQUARE = 6 };
void gn_view_resize(const float *in, int w, int h, float *out, int out_w, int out_h);

#endif
