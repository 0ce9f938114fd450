/* regrid.c - the steps of gn-resample. */
#include "image/regrid.h"

#include <math.h>

int gn_regrid_check(const struct gn_regrid *r, struct gn_err *err)
{
    bool mm = r->step <= GN_REGRID_SPACING_MIN;
    bool size = r->step == GN_REGRID_SIZE || r->step == GN_REGRID_CENTER_CROP;
    for (int k = 0; k < r->n; k++) {
        double v = r->v[k];
        if (mm && !(v > 0 && isfinite(v)))
            return gn_err_usage(err, "spacing must be positive: %g", v);
        if (!mm && (v != floor(v) || fabs(v) > 1e9))
            return gn_err_usage(err, "not a number of voxels: %g", v);
        if (size && v < 1 && !(v == -1 && r->step == GN_REGRID_SIZE))
            return gn_err_usage(err, "a size must be positive: %g", v);
        if (!mm && !size && v < 0)
            return gn_err_usage(err, "a number of voxels must not be negative: %g", v);
    }
    return 0;
}

void gn_regrid_voxels(const double v[3], int n, const int64_t size[3], int64_t rest, int64_t out[3])
{
    for (int k = 0; k < 3; k++)
        out[k] = k == 2 && (n == 2 || (n == 1 && size[2] == 1)) ? rest : (int64_t)v[n == 1 ? 0 : k];
}

/* Steps that move voxels without computing any. */
static void box_of(const struct gn_regrid *r, const struct gn_grid *g, struct gn_box *box)
{
    int64_t v[3];
    if (r->step == GN_REGRID_BOX) {
        *box = r->box;
    } else if (r->step == GN_REGRID_CENTER_CROP) {
        gn_regrid_voxels(r->v, r->n, g->size, g->size[2], v);
        gn_box_center(g->size, v, box);
    } else {
        gn_regrid_voxels(r->v, r->n, g->size, 0, v);
        for (int k = 0; k < 3; k++) {
            box->origin[k] = r->step == GN_REGRID_CROP ? v[k] : -v[k];
            box->size[k] = g->size[k] - 2 * box->origin[k];
        }
    }
}

/* Steps that interpolate: the new grid, and the map from it to the old one. */
static int map_of(const struct gn_regrid *r, const struct gn_grid *g, struct gn_grid *to,
                  double map[12], struct gn_err *err)
{
    double s[3], old[3];
    int64_t size[3];
    if (r->step == GN_REGRID_SIZE) {
        gn_regrid_voxels(r->v, r->n, g->size, -1, size);
        return gn_resample_to_size(g, size, r->align, to, map, err);
    }
    if (r->step == GN_REGRID_GRID) {
        *to = r->grid;
        return gn_resample_between(g, to, map, err);
    }
    gn_affine_spacing(g->affine, old);
    for (int k = 0; k < 3; k++) {
        s[k] = r->n == 1 ? r->v[0] : k == 2 && r->n == 2 ? 1 : r->v[k];
        if (r->step == GN_REGRID_SPACING_MIN && old[k] < s[k])
            s[k] = old[k];
    }
    return gn_resample_to_spacing(g, s, r->align, to, map, err);
}

int gn_regrid(const struct gn_regrid *r, const struct gn_tensor *in, const struct gn_grid *g,
              bool label, struct gn_tensor *out, struct gn_grid *to, struct gn_err *err)
{
    struct gn_orientation o;
    struct gn_box box;
    double map[12];
    switch (r->step) {
    case GN_REGRID_CANONICAL:
        gn_grid_canonical(g, &o, to);
        return gn_image_orient(in, &o, out, err);
    case GN_REGRID_CROP:
    case GN_REGRID_CENTER_CROP:
    case GN_REGRID_PAD:
    case GN_REGRID_BOX:
        box_of(r, g, &box);
        for (int k = 0; k < 3; k++)
            to->size[k] = box.size[k];
        gn_affine_shift_voxels(g->affine, box.origin, to->affine);
        return gn_image_cut(in, &box, r->step == GN_REGRID_PAD ? r->pad : GN_PAD_CONSTANT, out,
                            err);
    default:
        if (map_of(r, g, to, map, err))
            return -1;
        return gn_resample(in, map, to->size, label ? GN_INTERP_NEAREST : r->interp, 0, out, err);
    }
}
