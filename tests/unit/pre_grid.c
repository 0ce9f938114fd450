/* pre_grid.c - every change of grid on every kind of image (isotropic, a real CT, oblique; solid
 * and flat), one and four channels and labels, against TorchIO, SimpleITK, SciPy and NumPy:
 * tests/gen/pre_grid.py made the arrays. */
#include "image/regrid.h"
#include "pre_images.h"

static struct pre_image images[PRE_IMAGES];

/* A size is exact; TorchIO keeps some numbers of an affine in single precision on the way. */
static bool grid_is(const struct gn_grid *g, const char *row, const char *image)
{
    const double *size = get(row, image, ".size")->v, *a = get(row, image, ".affine")->v;
    bool ok = true;
    for (int k = 0; k < 3; k++)
        ok &= g->size[k] == (int64_t)size[k];
    for (int k = 0; k < 12; k++)
        ok &= fabs(g->affine[k] - a[k]) <= 1e-6 * fmax(1, fabs(a[k]));
    return ok;
}

static void one_step(const struct gn_regrid *r, const char *row, const struct pre_image *p,
                     struct gn_tensor *in, bool label, double tol, const char *reference)
{
    const int channels = label ? PRE_CHANNELS : (int)in->shape[0];
    struct gn_grid from, to;
    struct gn_tensor out = { 0 };
    char text[160];
    int ok = gn_grid_of(in, p->affine, &from, &err) == 0 &&
             gn_regrid(r, in, &from, label, &out, &to, &err) == 0;
    if (label) {
        snprintf(text, sizeof text, "%s, %s, label, as %s", row, p->name, reference);
        CHECK(text, ok && out.dtype == GN_UINT8 && grid_is(&to, row, p->name) &&
                        pre_differ(&out, row, p->name) == 0);
    } else {
        snprintf(text, sizeof text, "%s, %s, %d channels, as %s", row, p->name, channels,
                 reference);
        CHECK_NEAR(text, ok && grid_is(&to, row, p->name)
                             ? pre_apart(&out, row, p->name, ".image", channels) : 1e9, 0, tol);
    }
    gn_tensor_free(&out);
}

/* A row of the table on an image: one channel, four, and the label. */
static void row_on(const struct gn_regrid *r, const char *row, const struct pre_image *p,
                   double tol, const char *reference)
{
    const int channels[] = { 1, PRE_CHANNELS };
    for (int k = 0; k < 2; k++) {
        struct gn_tensor in = pre_channels(p, channels[k]);
        one_step(r, row, p, &in, false, tol, reference);
        gn_tensor_free(&in);
    }
    if (has(row, p->name, ".label")) {
        struct gn_tensor in = pre_label(p);
        one_step(r, row, p, &in, true, 0, reference);
        gn_tensor_free(&in);
    }
}

static struct gn_grid grid_from(const double *v)
{
    struct gn_grid g;
    for (int k = 0; k < 3; k++)
        g.size[k] = (int64_t)v[k];
    memcpy(g.affine, v + 3, sizeof g.affine);
    return g;
}

static void rows(void)
{
    static const struct {
        const char *row, *reference;
        enum gn_regrid_step step;
        enum gn_align align;
    } table[] = {
        { "spacing0", "TorchIO's Resample", GN_REGRID_SPACING, GN_ALIGN_CORNER },
        { "spacing1", "TorchIO's Resample", GN_REGRID_SPACING, GN_ALIGN_CORNER },
        { "spacing2", "TorchIO's Resample", GN_REGRID_SPACING, GN_ALIGN_CORNER },
        { "isotropic", "TorchIO's Resample", GN_REGRID_SPACING, GN_ALIGN_CORNER },
        { "minimum", "TorchIO's Resample", GN_REGRID_SPACING_MIN, GN_ALIGN_CORNER },
        { "size", "TorchIO's Resize", GN_REGRID_SIZE, GN_ALIGN_CORNER },
        { "resize_image", "SimpleITK", GN_REGRID_SIZE, GN_ALIGN_CENTER },
        { "like_turned", "TorchIO's Resample", GN_REGRID_GRID, GN_ALIGN_CORNER },
        { "like_reordered", "TorchIO's Resample", GN_REGRID_GRID, GN_ALIGN_CORNER },
        { "canonical0", "TorchIO's ToCanonical", GN_REGRID_CANONICAL, GN_ALIGN_CORNER },
        { "canonical1", "TorchIO's ToCanonical", GN_REGRID_CANONICAL, GN_ALIGN_CORNER },
        { "canonical2", "TorchIO's ToCanonical", GN_REGRID_CANONICAL, GN_ALIGN_CORNER },
        { "crop", "TorchIO's Crop", GN_REGRID_CROP, GN_ALIGN_CORNER },
        { "center0", "TorchIO's CropOrPad", GN_REGRID_CENTER_CROP, GN_ALIGN_CORNER },
        { "center1", "TorchIO's CropOrPad", GN_REGRID_CENTER_CROP, GN_ALIGN_CORNER },
        { "center2", "TorchIO's CropOrPad", GN_REGRID_CENTER_CROP, GN_ALIGN_CORNER },
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (int k = 0; k < PRE_IMAGES; k++) {
            struct gn_regrid r = { .step = table[i].step, .interp = GN_INTERP_LINEAR,
                                   .align = table[i].align };
            struct pre_image p = images[k];
            const bool moves = !gn_regrid_interpolates(r.step);
            if (r.step == GN_REGRID_SPACING && p.size[2] == 1 && !strcmp(table[i].row, "isotropic"))
                continue; /* what TorchIO does to the third axis of a flat image is not wanted */
            const char *v = r.step == GN_REGRID_SIZE && r.align == GN_ALIGN_CENTER ? ".size" : ".v";
            const struct golden *g = get(table[i].row, p.name, v);
            if (r.step == GN_REGRID_GRID)
                r.grid = grid_from(g->v);
            else if (r.step == GN_REGRID_CANONICAL)
                memcpy(p.affine, g->v, sizeof p.affine);
            else {
                r.n = (int)g->n;
                memcpy(r.v, g->v, (size_t)g->n * sizeof *r.v);
            }
            row_on(&r, table[i].row, &p, moves ? 0 : 1e-6, table[i].reference);
        }
}

static void paddings(void)
{
    int n_golden;
    struct golden *grids = all, *pads = golden_read("pre_pad.txt", &n_golden);
    const int n_grids = count;
    all = pads;
    count = n_golden;
    for (int m = 0; gn_pad_names[m]; m++)
        for (int k = 0; k < PRE_IMAGES; k++) {
            char row[40];
            struct gn_regrid r = { .step = GN_REGRID_PAD, .pad = (enum gn_pad)m, .n = 3 };
            snprintf(row, sizeof row, "pad_%s", gn_pad_names[m]);
            memcpy(r.v, get(row, images[k].name, ".v")->v, sizeof r.v);
            row_on(&r, row, &images[k], 2e-7, "TorchIO's Pad");
        }
    all = grids;
    count = n_grids;
}

/* The box of what is not 0 in images and label together, then the cut of each. */
static void zero_planes(void)
{
    for (int n = 0; n < 2; n++)
        for (int k = 0; k < PRE_IMAGES; k++)
            for (int channels = 1; channels <= PRE_CHANNELS; channels += PRE_CHANNELS - 1) {
                const struct pre_image *p = &images[k];
                struct gn_tensor t = pre_channels(p, channels), label = pre_label(p), out, cut;
                struct gn_regrid r = { .step = GN_REGRID_BOX };
                struct gn_grid from, to;
                char row[20], text[120];
                bool found = false;
                int64_t patch[3];
                float *x = t.data;
                snprintf(row, sizeof row, "crop_zero%d", n);
                for (int64_t i = 0; i < gn_tensor_count(&t); i++) {
                    const int64_t at[3] = { i % p->size[0], i / p->size[0] % p->size[1],
                                            i % p->n / (p->size[0] * p->size[1]) };
                    bool in = at[0] >= 4 && at[0] < p->size[0] - 2 && at[1] >= 3 &&
                              at[1] < p->size[1] - 1;
                    in &= p->size[2] == 1 || (at[2] >= 2 && at[2] < p->size[2] - 3);
                    x[i] = in ? fabsf(x[i]) : 0;
                    if (i < p->n && !in)
                        ((uint8_t *)label.data)[i] = 0;
                }
                for (int a = 0; a < 3; a++)
                    patch[a] = (int64_t)get(row, p->name, ".v")->v[a];
                gn_box_nonzero(&t, &r.box, &found);
                gn_box_nonzero(&label, &r.box, &found);
                gn_box_grow(&r.box, patch, p->size);
                int ok = found && gn_grid_of(&t, p->affine, &from, &err) == 0 &&
                         gn_regrid(&r, &t, &from, false, &out, &to, &err) == 0 &&
                         grid_is(&to, row, p->name) &&
                         gn_regrid(&r, &label, &from, true, &cut, &to, &err) == 0;
                snprintf(text, sizeof text, "%s, %s, %d channels and label, by GaNDLF's rule", row,
                         p->name, channels);
                CHECK(text, ok && pre_apart(&out, row, p->name, ".image", channels) == 0 &&
                                pre_differ(&cut, row, p->name) == 0);
                gn_tensor_free(&t);
                gn_tensor_free(&label);
                gn_tensor_free(&out);
                gn_tensor_free(&cut);
            }
}

/* The grids of a case of pre_interp.txt: what label_gaussian.WHERE says. */
static void interpolations(void)
{
    static const char *const where[] = { "straight", "turned" };
    for (int how = 0; gn_interp_names[how]; how++)
        for (int w = 0; w < 2; w++)
            for (int k = 0; k < PRE_IMAGES; k++)
                for (int channels = 1; channels <= PRE_CHANNELS; channels += PRE_CHANNELS - 1) {
                    const struct pre_image *p = &images[k];
                    struct gn_tensor in = pre_channels(p, channels), out = { 0 }, plain = { 0 };
                    struct gn_grid from, to;
                    double map[12];
                    char row[64], text[160];
                    snprintf(row, sizeof row, "label_gaussian.%s", where[w]);
                    for (int a = 0; a < 3; a++)
                        to.size[a] = (int64_t)get(row, p->name, ".size")->v[a];
                    memcpy(to.affine, get(row, p->name, ".affine")->v, sizeof to.affine);
                    snprintf(row, sizeof row, "%s.%s", gn_interp_names[how], where[w]);
                    int ok = gn_grid_of(&in, p->affine, &from, &err) == 0 &&
                             gn_resample_between(&from, &to, map, &err) == 0 &&
                             gn_resample(&in, map, to.size, (enum gn_interp)how, 0, &out,
                                         &err) == 0 &&
                             gn_resample_plain(&in, map, to.size, (enum gn_interp)how, 0, &plain,
                                               &err) == 0;
                    const double tol = how == GN_INTERP_NEAREST ? 0 : 2e-6;
                    snprintf(text, sizeof text, "%s, %s, %d channels, as SimpleITK", row, p->name,
                             channels);
                    CHECK_NEAR(text, ok ? pre_apart(&out, row, p->name, "", channels) : 1e9, 0,
                               tol);
                    snprintf(text, sizeof text, "%s, %s, %d channels, the plain version", row,
                             p->name, channels);
                    CHECK_NEAR(text, ok ? pre_apart(&plain, row, p->name, "", channels) : 1e9, 0,
                               tol / 4);
                    gn_tensor_free(&in);
                    gn_tensor_free(&out);
                    gn_tensor_free(&plain);
                }
}

static void antialias(void)
{
    static const char *const where[] = { "antialias.straight", "antialias.turned" };
    for (int w = 0; w < 2; w++)
        for (int k = 0; k < PRE_IMAGES; k++) {
            struct gn_regrid r = { .step = GN_REGRID_GRID, .interp = GN_INTERP_LINEAR,
                                   .antialias = true,
                                   .grid = grid_from(get(where[w], images[k].name, ".v")->v) };
            row_on(&r, where[w], &images[k], 1e-6, "SciPy and SimpleITK");
        }
}

int main(void)
{
    pre_images_read(images);
    all = golden_read("pre_grid.txt", &count);
    rows();
    zero_planes();
    paddings();
    all = golden_read("pre_interp.txt", &count);
    interpolations();
    antialias();
    return check_done();
}
