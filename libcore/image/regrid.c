/* regrid.c - the steps of gn-resample. */
#include "image/regrid.h"

#include <math.h>

#include "image/intensity.h"

bool gn_regrid_interpolates(enum gn_regrid_step step)
{
    return step <= GN_REGRID_GRID;
}

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

/* Voxels that only move: reordered axes, then a box of them, 0 outside. */
static int move(const struct gn_tensor *in, const struct gn_orientation *o,
                const struct gn_box *box, struct gn_tensor *out, struct gn_err *err)
{
    struct gn_tensor own = { 0 };
    bool turned = false;
    for (int k = 0; k < 3; k++)
        turned |= o->axis[k] != k || o->flip[k];
    if (turned && gn_image_orient(in, o, &own, err))
        return -1;
    int rc = gn_image_cut(turned ? &own : in, box, GN_PAD_CONSTANT, out, err);
    gn_tensor_free(&own);
    return rc;
}

static int interpolate(const struct gn_regrid *r, const struct gn_tensor *in,
                       const struct gn_grid *g, bool label, struct gn_tensor *out,
                       struct gn_grid *to, struct gn_err *err)
{
    struct gn_tensor smooth = { 0 };
    struct gn_orientation o;
    struct gn_box box;
    double map[12], sigma[3] = { 0, 0, 0 };
    int rc = -1;
    if (map_of(r, g, to, map, err))
        return -1;
    if (r->step == GN_REGRID_GRID && gn_resample_is_exact(map, g->size, to->size, &o, &box))
        return move(in, &o, &box, out, err);
    if (r->antialias && !label)
        gn_resample_antialias(map, sigma);
    if (sigma[0] > 0 || sigma[1] > 0 || sigma[2] > 0) {
        if (gn_image_as_float(in, &smooth, err))
            goto out;
        gn_image_blur(&smooth, sigma);
        in = &smooth;
    }
    rc = gn_resample(in, map, to->size, label ? GN_INTERP_NEAREST : r->interp, 0, out, err);
out:
    gn_tensor_free(&smooth);
    return rc;
}

/* Cut the box; where in has no voxels it holds value. An image whose type has no such value becomes
 * float32. */
static int pad_with(const struct gn_tensor *in, const struct gn_box *box, double value, bool label,
                    struct gn_tensor *out, struct gn_err *err)
{
    struct gn_tensor wide = { 0 };
    bool fits = gn_dtype_is_float(in->dtype);
    if (!fits) {
        double lo, hi;
        gn_dtype_range(in->dtype, &lo, &hi);
        fits = value == floor(value) && value >= lo && value <= hi && fabs(value) <= 0x1p53;
    }
    if (!fits && label)
        return gn_err_set(err, "a label of type %s has no value %g to be padded with",
                          gn_dtype_names[in->dtype], value);
    if (!fits && gn_tensor_convert(in, GN_FLOAT32, &wide, err))
        return -1;
    int rc = gn_image_cut(fits ? in : &wide, box, GN_PAD_CONSTANT, out, err);
    if (rc == 0)
        gn_image_fill_outside(out, box, &in->shape[1], value);
    gn_tensor_free(&wide);
    return rc;
}

int gn_regrid(const struct gn_regrid *r, const struct gn_tensor *in, const struct gn_grid *g,
              bool label, struct gn_tensor *out, struct gn_grid *to, struct gn_err *err)
{
    struct gn_orientation o;
    struct gn_box box;
    switch (r->step) {
    case GN_REGRID_CANONICAL:
        gn_grid_canonical(g, &o, to);
        return gn_image_orient(in, &o, out, err);
    case GN_REGRID_PAD:
    case GN_REGRID_CROP:
    case GN_REGRID_CENTER_CROP:
    case GN_REGRID_BOX:
        box_of(r, g, &box);
        for (int k = 0; k < 3; k++)
            to->size[k] = box.size[k];
        gn_affine_shift_voxels(g->affine, box.origin, to->affine);
        if (r->step == GN_REGRID_PAD && r->pad == GN_PAD_CONSTANT && r->fill != 0)
            return pad_with(in, &box, r->fill, label, out, err);
        return gn_image_cut(in, &box, r->step == GN_REGRID_PAD ? r->pad : GN_PAD_CONSTANT, out,
                            err);
    default:
        return interpolate(r, in, g, label, out, to, err);
    }
}
