/* gn-resample - one change of grid: spacing, size, orientation, crop, padding, or back to the
 * source */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "image/regrid.h"
#include "io/format.h"
#include "tool/tool.h"

static struct resample_args {
    struct gn_vec3 spacing, spacing_min, size, crop, center, pad, min_size;
    const char *like, *interp, *align, *mode;
    bool to_source, canonical, crop_zero, antialias;
    double fill;
} args = {.interp = "linear", .align = "corner", .mode = "symmetric"};

static struct gn_regrid step;

enum { ONE = GN_OPT_ONE_OF };
static const struct gn_opt opts[] = {
    GN_OPT_GROUP("The step (one of)"),
    GN_OPT_VEC3('s', "spacing", &args.spacing, "x,y,z", "voxel spacing in mm", ONE),
    GN_OPT_VEC3(0, "spacing-min", &args.spacing_min, "x,y,z",
                "refine to this spacing, never coarsen", ONE),
    GN_OPT_VEC3(0, "size", &args.size, "x,y,z",
                "this many voxels over the same extent, -1 keeps an axis", ONE),
    GN_OPT_TEXT(0, "like", &args.like, "IMAGE", "the grid of this image", ONE | GN_OPT_FILE),
    GN_OPT_FLAG(0, "to-source", &args.to_source, "the grid of the file each record was read from",
                ONE),
    GN_OPT_FLAG(0, "canonical", &args.canonical, "axes closest to R, A, S; no voxel changes", ONE),
    GN_OPT_VEC3(0, "crop", &args.crop, "x,y,z", "cut this many voxels off both ends", ONE),
    GN_OPT_VEC3(0, "center-crop", &args.center, "x,y,z",
                "crop, or pad with 0, around the centre to this size", ONE),
    GN_OPT_VEC3(0, "pad", &args.pad, "x,y,z", "add this many voxels at both ends", ONE),
    GN_OPT_FLAG(0, "crop-zero", &args.crop_zero, "the box in which an image or the label is not 0",
                ONE),
    GN_OPT_GROUP("How"),
    GN_OPT_CHOICE('i', "interp", &args.interp, gn_interp_names, "interpolation of images", 0),
    GN_OPT_FLAG(0, "antialias", &args.antialias, "smooth images before they are made smaller", 0),
    GN_OPT_CHOICE(0, "align", &args.align, gn_align_names,
                  "what stays when spacing or size changes", 0),
    GN_OPT_CHOICE(0, "mode", &args.mode, gn_pad_names, "what --pad adds, by numpy's names", 0),
    GN_OPT_REAL(0, "fill", &args.fill, "V", "the value that --mode constant adds", 0),
    GN_OPT_VEC3(0, "min-size", &args.min_size, "x,y,z",
                "the box of --crop-zero grows to this, towards lower indices", 0),
    GN_OPT_END};

static int choice(const char *name, const char *const *names)
{
    int i = 0;
    while (strcmp(name, names[i]))
        i++;
    return i;
}

static int begin(struct gn_tool_ctx *ctx)
{
    static const struct {
        struct gn_vec3 *v;
        enum gn_regrid_step step;
        double third; /* what "2,2" means as "2,2,third", whatever the image; -1: depends on it */
    } vectors[] = {
        {&args.spacing, GN_REGRID_SPACING, 1},
        {&args.spacing_min, GN_REGRID_SPACING_MIN, 1},
        {&args.size, GN_REGRID_SIZE, -1},
        {&args.crop, GN_REGRID_CROP, 0},
        {&args.pad, GN_REGRID_PAD, 0},
        {&args.center, GN_REGRID_CENTER_CROP, -1},
        {&args.min_size, GN_REGRID_CENTER_CROP, -1}, /* checked as a size */
    };
    struct gn_picture pic = {0};
    step.interp = (enum gn_interp)choice(args.interp, gn_interp_names);
    step.align = (enum gn_align)choice(args.align, gn_align_names);
    step.pad = (enum gn_pad)choice(args.mode, gn_pad_names);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        if (!vectors[i].v->n)
            continue;
        step.step = vectors[i].step;
        if (vectors[i].v->n == 2 && vectors[i].third >= 0) { /* one step has one history line */
            vectors[i].v->n = 3;
            vectors[i].v->v[2] = vectors[i].third;
        }
        step.n = vectors[i].v->n;
        memcpy(step.v, vectors[i].v->v, sizeof step.v);
        if (gn_regrid_check(&step, &ctx->err))
            return -1;
    }
    step.fill = args.fill;
    gn_tool_make_history(ctx);
    if (args.fill != 0 && (!args.pad.n || step.pad != GN_PAD_CONSTANT))
        return gn_err_usage(&ctx->err, "--fill goes with --pad and --mode constant");
    if (args.min_size.n && !args.crop_zero)
        return gn_err_usage(&ctx->err, "--min-size goes with --crop-zero");
    if (args.crop_zero)
        step.step = GN_REGRID_BOX;
    if (args.canonical)
        step.step = GN_REGRID_CANONICAL;
    if (args.like || args.to_source)
        step.step = GN_REGRID_GRID;
    step.antialias = args.antialias;
    if (args.antialias && !gn_regrid_interpolates(step.step))
        return gn_err_usage(&ctx->err, "--antialias goes with a step that interpolates");
    if (!args.like)
        return 0;
    int rc = gn_picture_read(args.like, true, &pic, &ctx->err);
    rc = rc ? rc : gn_grid_of(&pic.tensor, pic.affine, &step.grid, &ctx->err);
    gn_picture_free(&pic);
    return rc;
}

static int source_grid(const struct gn_record *r, struct gn_grid *g, struct gn_err *err)
{
    if (!gn_record_get(r, "source.affine") || !gn_record_get(r, "source.shape"))
        return gn_err_set(
            err,
            "no source.shape and source.affine: the record does not say where it was read from");
    if (gn_record_ints(r, "source.shape", g->size, 3, err) ||
        gn_record_reals(r, "source.affine", g->affine, 12, err))
        return -1;
    for (int k = 0; k < 3; k++)
        if (g->size[k] < 1 || g->size[k] > INT32_MAX)
            return gn_err_set(err, "source.shape: not a size: %" PRId64, g->size[k]);
    return 0;
}

static int resample_record(struct gn_record *r, struct gn_err *err)
{
    const enum gn_role role = gn_record_role(r);
    bool label = role == GN_ROLE_LABEL || role == GN_ROLE_MASK ||
                 (role == GN_ROLE_PREDICTION && !gn_record_get(r, "class_list"));
    struct gn_tensor out = {0};
    struct gn_grid g, to;
    double affine[12];
    if (gn_record_get(r, "patch.origin"))
        return gn_err_set(err,
                          "a patch cannot change its grid: stitch it, or resample before gn-patch");
    if (gn_record_reals(r, "affine", affine, 12, err) || gn_grid_of(&r->tensor, affine, &g, err) ||
        (args.to_source && source_grid(r, &step.grid, err)) ||
        gn_regrid(&step, &r->tensor, &g, label, &out, &to, err))
        return -1;
    gn_record_take(r, &out, "czyx");
    gn_record_set_reals(r, "affine", to.affine, 12);
    gn_record_drop_prefix(r, "parent.");
    return 0;
}

/* What --crop-zero keeps of a sample: one box for all its records. */
static int zero_box(const struct gn_sample *s, struct gn_err *err)
{
    const int64_t *first = NULL;
    int64_t size[3] = {1, 1, 1}, least[3];
    bool found = false;
    for (size_t i = 0; i < s->n; i++) {
        const struct gn_tensor *t = &s->rec[i].tensor;
        const enum gn_role role = gn_record_role(&s->rec[i]);
        if (t->rank != 4 || (first && memcmp(first, &t->shape[1], 3 * sizeof *first)))
            return gn_err_set(err, "records differ in size: --crop-zero cuts one box out of all");
        first = &t->shape[1];
        for (int k = 0; k < 3; k++)
            size[k] = t->shape[3 - k];
        if (role == GN_ROLE_IMAGE || role == GN_ROLE_LABEL)
            gn_box_nonzero(t, &step.box, &found);
    }
    if (!found) {
        gn_log(GN_LOG_WARN, "subject %s: all zero: left as it is", gn_sample_name(s));
        step.box = (struct gn_box){{0, 0, 0}, {size[0], size[1], size[2]}};
    }
    if (args.min_size.n) {
        gn_regrid_voxels(args.min_size.v, args.min_size.n, size, 1, least);
        gn_box_grow(&step.box, least, size);
    }
    return 0;
}

static int resample_sample(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    bool slide = gn_sample_find(s, GN_ROLE_SLIDE) != NULL; /* it forwards */
    if (args.crop_zero && !slide && zero_box(s, &ctx->err))
        return -1;
    for (size_t i = 0; i < s->n && !slide; i++) {
        const char *name = gn_record_get(&s->rec[i], "name");
        if (resample_record(&s->rec[i], &ctx->err))
            return name ? gn_err_wrap(&ctx->err, "%s", name) : -1;
    }
    return gn_emit(ctx, s);
}

static const struct gn_example examples[] = {
    {"gn-resample -s 1,1,1 train.gnt | gn-info --header shape", "make voxels 1 mm cubes"},
    {"gn-resample -s 3 --interp bspline --antialias train.gnt >coarse.gnt",
     "coarser voxels from smoothed images"},
    {"gn-resample --canonical train.gnt | gn-resample --size 32,32,32 >small.gnt",
     "turn to RAS, then shrink"},
    {NULL, NULL}};
static const char *const references[] = {
    "TorchIO: https://torchio.readthedocs.io/transforms/preprocessing.html",
    "SimpleITK, whose interpolations these are: https://simpleitk.org/doxygen/latest/html/",
    "M. J. Cardoso et al., Scale factor point spread function matching: beyond aliasing in image "
    "resampling, MICCAI 2015",
    NULL};

static const struct gn_tool tool = {
    .name = "gn-resample",
    .summary = "one change of grid: spacing, size, orientation, crop, padding",
    .operands = "[FILE...]",
    .description =
        "Each call does one step; their order is the order of the pipe. Images are interpolated "
        "and become float32; labels and masks keep their values and type, nearest neighbour, "
        "whatever --interp says. What lies outside the old image is 0. Where the new grid of "
        "--like or --to-source only reorders, reverses, cuts or pads axes by whole voxels, they "
        "are moved: every value and type stays. --fill pads with another value than 0: an image "
        "whose type has no such value becomes float32, a label is refused.\n\n"
        "A new spacing or size keeps the outer corners of the image where they are (--align "
        "center: the centre of the first voxel, as GaNDLF's resize_image). Sizes are rounded up. "
        "With --align corner the last plane can lie beyond the old image's last half voxel: it "
        "is then 0, as in TorchIO. An axis of one voxel is not resampled to a spacing.\n\n"
        "--interp bspline is the cubic B-spline through the voxels (SimpleITK's sitkBSpline, "
        "mirrored at the border), lanczos the sinc under a Lanczos window of radius 5 "
        "(sitkLanczosWindowedSinc, its border voxels repeated). Both can go beyond the values of "
        "the image. Nothing is smoothed before it shrinks unless --antialias is given: then "
        "axes along which new voxels lie k > 1 old ones apart are convolved with a Gaussian of "
        "sqrt((k^2 - 1) / (8 ln 2)) old voxels, cut at 4 standard deviations, mirrored at the "
        "border.",
    .input = "A stream of samples. Patches are refused; slides pass.",
    .output = "The samples with new shape and affine; parent.* is dropped.",
    .opts = opts,
    .examples = examples,
    .references = references,
    .see_also = "gn-load(1), gn-normalize(1), gn-stitch(1)",
    .begin = begin,
    .sample = resample_sample,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
