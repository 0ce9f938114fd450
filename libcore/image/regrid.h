/* regrid.h - one step of gn-resample on one image: which new grid, and its voxels. */
#ifndef GN_IMAGE_REGRID_H
#define GN_IMAGE_REGRID_H

#include "image/crop.h"
#include "image/resample.h"

enum gn_regrid_step {
    GN_REGRID_SPACING,     /* v: mm */
    GN_REGRID_SPACING_MIN, /* v: mm; axes that are finer already stay */
    GN_REGRID_SIZE,        /* v: voxels, -1 keeps the axis */
    GN_REGRID_GRID,        /* to this grid; what only moves by whole voxels keeps its type */
    GN_REGRID_CANONICAL,   /* axes closest to R, A, S */
    GN_REGRID_CROP,        /* v: voxels off both ends */
    GN_REGRID_CENTER_CROP, /* v: size */
    GN_REGRID_PAD,         /* v: voxels at both ends */
    GN_REGRID_BOX          /* cut this box */
};

/* v as typed: n = 1, one number for all axes (counts of voxels leave the z of a 2-D image
 * alone); n = 2, z is left alone (of a spacing: 1 mm, as GaNDLF). */
struct gn_regrid {
    enum gn_regrid_step step;
    double v[3];
    int n;
    enum gn_interp interp;
    enum gn_align align;
    enum gn_pad pad;
    double fill;    /* what GN_PAD_CONSTANT adds */
    bool antialias; /* images: gn_resample_antialias's Gaussian before the steps that interpolate */
    struct gn_grid grid;
    struct gn_box box;
};

/* Does the step compute voxels, or only move them? */
bool gn_regrid_interpolates(enum gn_regrid_step step);
/* What is wrong with v, before any image is seen: usage errors. */
int gn_regrid_check(const struct gn_regrid *r, struct gn_err *err) GN_MUST_USE;
/* Counts of voxels for an image of this size; what is left alone becomes rest. */
void gn_regrid_voxels(const double v[3], int n, const int64_t size[3], int64_t rest,
                      int64_t out[3]);
/* in on grid g -> new out on grid *to. label: nearest neighbour, whatever r says. */
int gn_regrid(const struct gn_regrid *r, const struct gn_tensor *in, const struct gn_grid *g,
              bool label, struct gn_tensor *out, struct gn_grid *to, struct gn_err *err)
              GN_MUST_USE;

#endif
