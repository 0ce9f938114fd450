/* gn-augment - random changes of training images, each with its probability */
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/file.h"
#include "run/order.h"
#include "tool/tool.h"

static struct augment_args {
    const char *config, *print_draws, *apply;
    struct gn_strs op;
} args;

static struct gn_augment_list list;
static struct gn_augment_draws draws;
static char key[17];
static uint64_t seed;
static struct gn_out out = {.fd = -1};
static struct gn_csv table; /* of --apply */
static const char **row; /* its rows as "epoch\tsample\tpatch\timage\top\tparameter", sorted; then
                            its value */
static const char *const columns[] = {"epoch", "sample",    "patch", "image",
                                      "op",    "parameter", "value"};

static const struct gn_opt opts[] = {
    GN_OPT_TEXT('c', "config", &args.config, "FILE", "configuration: data_augmentation, seed",
                GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_LIST(0, "op", &args.op, "NAME[:KEY=VALUE,...]",
                "an operation: flip, noise; repeat for more, in order", 0),
    GN_OPT_TEXT(0, "print-draws", &args.print_draws, "FILE", "write what was drawn to this table",
                GN_OPT_FILE | GN_OPT_NO_HISTORY),
    GN_OPT_TEXT(0, "apply", &args.apply, "FILE", "take the draws from this table", GN_OPT_FILE),
    GN_OPT_END};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Called for every parameter drawn. */
static int visit(void *arg, const struct gn_augment_draws *d, const char *image, const char *op,
                 const char *parameter, double *value, struct gn_err *err)
{
    char *at =
        gn_asprintf("%u\t%s\t%u\t%s\t%s\t%s", d->epoch, d->sample, d->patch, image, op, parameter);
    int rc = 0;
    (void)arg;
    if (args.apply) {
        const char **found = bsearch(&at, row, table.rows, 2 * sizeof *row, by_text);
        if (!found)
            rc = gn_err_set(err, "%s: no row for image %s, op %s, parameter %s, epoch %u, patch %u",
                            args.apply, image, op, parameter, d->epoch, d->patch);
        else if (gn_parse_double(found[1], value))
            rc = gn_err_set(err, "%s: not a number: %s", args.apply, found[1]);
    }
    if (rc == 0 && args.print_draws) {
        struct gn_str line = {0};
        gn_str_addf(&line, "%s\t%.17g\n", at, *value);
        rc = gn_out_write(&out, line.data, line.len, err);
        gn_str_free(&line);
    }
    free(at);
    return rc;
}
static const struct gn_augment_hook hook = {visit, NULL};

static int read_table(struct gn_err *err)
{
    if (gn_csv_read(&table, args.apply, err))
        return -1;
    int at[7];
    for (int k = 0; k < 7; k++)
        if ((at[k] = gn_csv_column(&table, columns[k])) < 0)
            return gn_err_set(err, "%s: no column '%s': not a table of --print-draws", args.apply,
                              columns[k]);
    row = gn_alloc((2 * table.rows + 1) * sizeof *row);
    for (size_t i = 0; i < table.rows; i++) {
        struct gn_str s = {0};
        for (int k = 0; k < 6; k++)
            gn_str_addf(&s, "%s%s", k ? "\t" : "", gn_csv_at(&table, i, (size_t)at[k]));
        row[2 * i] = s.data;
        row[2 * i + 1] = gn_csv_at(&table, i, (size_t)at[6]);
    }
    qsort(row, table.rows, 2 * sizeof *row, by_text);
    return 0;
}

static int begin(struct gn_tool_ctx *ctx)
{
    struct gn_config config;
    struct gn_err *err = &ctx->err;
    seed = ctx->seed;
    if (args.print_draws && !strcmp(args.print_draws, "-"))
        return gn_err_usage(err, "--print-draws: standard output is the stream's: name a file");
    if (!args.config == !args.op.n)
        return gn_err_usage(err, args.config ? "--op and --config exclude each other"
                                             : "which operations? give --config or --op");
    if (args.config) {
        if (gn_config_load(&config, args.config, err))
            return -1;
        int rc = gn_augment_from_config(&list, &config, err);
        seed = ctx->seed_given ? ctx->seed : config.seed;
        gn_config_free(&config);
        if (rc)
            return -1;
    }
    for (size_t i = 0; i < args.op.n; i++) {
        char *name = args.op.item[i], *settings = strchr(name, ':');
        char *bare = gn_strndup(name, settings ? (size_t)(settings - name) : strlen(name));
        int rc = gn_augment_add(&list, bare, settings ? settings + 1 : NULL, 1, err);
        free(bare);
        if (rc)
            return gn_err_wrap(err, "--op");
    }
    gn_augment_key(&list, seed, key);
    if (args.apply && read_table(err))
        return -1;
    if (!args.print_draws)
        return 0;
    static const char header[] = "epoch\tsample\tpatch\timage\top\tparameter\tvalue\n";
    return gn_out_open(&out, args.print_draws, err) ||
                   gn_out_write(&out, header, sizeof header - 1, err)
               ? -1
               : 0;
}

/* Where a record lies: the whole image's grid, the part of it that is here, and the patch that a
 * window becomes. */
struct place {
    struct gn_grid whole; /* of a patch that is no window: the patch */
    struct gn_box have, want, of;
    bool patch, window;
};

static int find_place(const struct gn_record *r, struct place *p, struct gn_err *err)
{
    static const double identity[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    *p = (struct place){.patch = gn_record_get(r, "patch.origin") != NULL,
                        .window = gn_record_get(r, "window.origin") != NULL};
    double back[3] = {0, 0, 0};
    if (r->tensor.rank != 4)
        return gn_err_set(err, "not an image: its axes are not c z y x");
    for (int k = 0; k < 3; k++)
        p->whole.size[k] = p->have.size[k] = r->tensor.shape[3 - k];
    memcpy(p->whole.affine, identity, sizeof identity);
    if (gn_record_get(r, "affine") && gn_record_reals(r, "affine", p->whole.affine, 12, err))
        return -1;
    p->want = p->have;
    if (p->patch && (gn_record_ints(r, "patch.of", p->of.size, 3, err) ||
                     gn_record_ints(r, "patch.origin", p->of.origin, 3, err) ||
                     gn_record_ints(r, "patch.size", p->want.size, 3, err)))
        return -1;
    if (!p->window)
        return 0;
    if (!p->patch)
        return gn_err_set(err, "window.origin without patch.origin");
    if (gn_record_ints(r, "window.origin", p->have.origin, 3, err))
        return -1;
    memcpy(p->whole.size, p->of.size, sizeof p->whole.size);
    memcpy(p->want.origin, p->of.origin, sizeof p->want.origin);
    for (int k = 0; k < 3; k++) {
        back[k] = -(double)p->want.origin[k];
        if (p->have.origin[k] < 0 || p->have.origin[k] > p->whole.size[k] - p->have.size[k])
            return gn_err_set(err, "the window does not lie within its parent");
    }
    gn_affine_shift(p->whole.affine, back, p->whole.affine);
    p->of = (struct gn_box){{0}, {0}};
    return 0;
}

/* What is known of the whole image. *min is new. */
static int about(const struct gn_record *r, struct gn_augment_image *image, double **min,
                 struct gn_err *err)
{
    size_t n = (size_t)r->tensor.shape[0];
    const char *name = gn_record_get(r, "name"), *dtype = gn_record_get(r, "source.dtype");
    image->name = name ? name : "image";
    if (dtype ? !strcmp(dtype, "uint8") : r->tensor.dtype == GN_UINT8)
        image->top = 255;
    if (gn_record_get(r, "parent.std") && gn_record_reals(r, "parent.std", &image->std, 1, err))
        return -1;
    if (gn_record_get(r, "parent.min")) {
        *min = gn_alloc(n * sizeof **min);
        image->min = *min;
        return gn_record_reals(r, "parent.min", *min, (int)n, err);
    }
    return 0;
}

static int augment_record(struct gn_record *r, struct gn_err *err)
{
    const char *cut_for = gn_record_get(r, "window.draws");
    struct gn_tensor t = {0};
    struct place p;
    double *min = NULL, affine[12];
    int rc = -1;
    if (find_place(r, &p, err))
        return -1;
    struct gn_augment_image image = {.std = -1, .top = 1, .of = p.of};
    if (!gn_grid_same_size(p.whole.size, draws.choice[0].before.size))
        return gn_err_set(err, "%s has another size than the sample's first record",
                          gn_record_get(r, "name"));
    for (int k = 0; p.window && k < 3; k++)
        if (p.want.size[k] < 1 || p.want.origin[k] > draws.after.size[k] - p.want.size[k])
            return gn_err_set(err, "the patch does not lie within the augmented image");
    if (p.window && !args.apply && (!cut_for || strcmp(cut_for, key)))
        return gn_err_set(err, "the window was cut for another seed or another list of operations");
    if ((gn_record_role(r) == GN_ROLE_IMAGE && about(r, &image, &min, err)) ||
        gn_augment_apply(&draws, &image, &p.have, &p.want, p.window, &r->tensor, &t, err))
        goto out;
    gn_record_take(r, &t, "czyx");
    gn_record_drop_prefix(r, "window.");
    if (memcmp(&draws.after, &draws.choice[0].before, sizeof draws.after)) { /* quarter turns */
        gn_affine_shift_voxels(draws.after.affine, p.want.origin, affine);   /* 0 of a patch */
        gn_record_set_reals(r, "affine", affine, 12);
        if (p.window)
            gn_record_set_ints(r, "patch.of", draws.after.size, 3);
    }
    rc = 0;
out:
    free(min);
    return rc;
}

static int augment_sample(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    struct place p;
    int rc = s->n ? find_place(&s->rec[0], &p, &ctx->err) : 0;
    if (rc || !s->n)
        return rc;
    rc = gn_augment_draw(&draws, &list, seed, gn_sample_name(s), gn_sample_epoch(s),
                         gn_sample_patch(s), &p.whole, &hook, &ctx->err);
    draws.std = gn_sample_deviation(s);
    for (size_t i = 0; rc == 0 && i < s->n; i++)
        rc = augment_record(&s->rec[i], &ctx->err);
    gn_augment_draws_free(&draws);
    return rc ? -1 : gn_emit(ctx, s);
}

static int end(struct gn_tool_ctx *ctx)
{
    return args.print_draws ? gn_out_commit(&out, false, &ctx->err) : 0;
}

static void cleanup(struct gn_tool_ctx *ctx)
{
    (void)ctx;
    for (size_t i = 0; row && i < table.rows; i++)
        free((char *)(uintptr_t)row[2 * i]);
    free(row);
    gn_csv_free(&table);
    gn_augment_free(&list);
    gn_out_abort(&out);
}

static const struct gn_example examples[] = {
    {"gn-augment --op flip:axis=0 --op noise:std=[0,5] --print-draws draws.tsv train.gnt "
     ">augmented.gnt",
     "flip and add noise, noting what was drawn"},
    {"gn-epochs -c config.yaml --patches cache/ | gn-augment -c config.yaml | gn-train -c "
     "config.yaml -o model/",
     "train"},
    {NULL, NULL}};
static const char *const references[] = {
    "TorchIO: https://torchio.readthedocs.io/transforms/augmentation.html", NULL};

static const struct gn_tool tool = {
    .name = "gn-augment",
    .summary = "random changes of training images",
    .operands = "[FILE...]",
    .description = "Operations, in the order of the config's data_augmentation or of --op. Keys: "
                   "probability (1 unless given, in a config 0.5); "
                   "affine scales=0.1, degrees=15, translation=2 (mm): about the middle, along "
                   "the world's axes; n is drawn from -n to n (scales 1-n to 1+n), or [a,b], "
                   "three of n, three of a,b; elastic num_control_points= and max_displacement= "
                   "(mm), one number or three (a tenth of the config's patch, and of the "
                   "points, else 7 and 7.5), locked_borders=2, patch_size= (GaNDLF's: control "
                   "points, at least 5, if those are not given): a smooth deformation; rotate_90 "
                   "and rotate_180 axis=[0,1,2]: about one of them, of pictures in their plane; "
                   "flip axis=[0,1,2]: each listed axis is reversed or not, evenly; noise mean=, "
                   "std=: Gaussian noise, one number or a range [a,b] to "
                   "draw from (mean n: -n to n); noise_var: the same, std from 0 to 0.015 of the "
                   "image's deviation unless given; blur std=: in mm, n (0 to n), [a,b], three of "
                   "n or three of a,b, else from 0 to 0.015 of the image's deviation; anisotropic "
                   "axis=[0,1,2], downsampling=1.5: thick slices along one of them; gamma "
                   "log_gamma=[-0.3,0.3]: a power for each component; bias coefficients=0.5, "
                   "order=3; swap patch_size= (a tenth of the config's), num_iterations=100; "
                   "colorjitter brightness=[0,1], contrast=[0,1], saturation=[0,1], "
                   "hue=[-0.5,0.5]: in a random order; hed_transform haematoxylin_sigma_range=, "
                   "haematoxylin_bias_range=, eosin_..., dab_... [-0.1,0.1], "
                   "cutoff_range=[0,1]; motion num_transforms=2, degrees=15, translation=2 (mm), "
                   "interpolation=linear, axis= (k-space is filled along it: 2, of a picture "
                   "1), centre=image (or origin, of the world); ghosting "
                   "num_ghosts=[4,10], axis=[0,1,2], intensity=[0.5,1]; spike num_spikes=1, "
                   "intensity=[1,3]; kspace: ghosting or a spike.\n\n"
                   "Spatial operations change all records of a sample alike; changes of intensity "
                   "touch images only, are drawn anew for each, and make "
                   "them float32. What is drawn depends on the seed, the sample, its epoch and "
                   "patch, and the operation's place in the list alone.\n\n"
                   "A window, cut by gn-epochs, becomes the patch that the whole augmented image "
                   "would have there; motion, ghosting, spike, swap and the means of colorjitter "
                   "and hed_transform take the window for the whole. A window cut for another seed "
                   "or another list is refused.",
    .input = "A stream of samples, patches or windows.",
    .output = "The same samples; of a window, the patch. window.* is dropped.",
    .opts = opts,
    .examples = examples,
    .references = references,
    .see_also = "gn-epochs(1), gn-train(1), gn-view(1)",
    .flags = GN_TOOL_SEED,
    .begin = begin,
    .sample = augment_sample,
    .end = end,
    .cleanup = cleanup,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
