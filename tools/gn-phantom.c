/* gn-phantom - draws studies of invented anatomy with known truth: images, labels and their
 * data.csv. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "image/phantom.h"
#include "io/format.h"
#include "io/index.h"
#include "tool/tool.h"

static struct phantom_args {
    int64_t n, channels, labels;
    struct gn_vec3 size, spacing;
    const char *output;
    bool age;
} args = { .n = 10 };

static const struct gn_opt opts[] = {
    GN_OPT_INT('n', "number", &args.n, "N", "how many subjects", 0),
    GN_OPT_VEC3(0, "size", &args.size, "x,y,z", "voxels [64,64,64; pictures 128,128]", 0),
    GN_OPT_VEC3(0, "spacing", &args.spacing, "x,y,z",
                "voxel size in mm, of head and tumour [224 mm / size]", 0),
    GN_OPT_INT(0, "channels", &args.channels, "N", "contrasts of head [1] and tumour [4]",
               GN_OPT_NO_DEFAULT),
    GN_OPT_INT(0, "labels", &args.labels, "N", "how finely the truth is told apart [1; tumour 3]",
               GN_OPT_NO_DEFAULT),
    GN_OPT_FLAG(0, "age", &args.age,
                "of head: the column ValueToPredict, an age that widens the ventricles", 0),
    GN_OPT_TEXT('o', "output", &args.output, "DIR",
                "folder for the files and data.csv, made if need be",
                GN_OPT_NO_HISTORY | GN_OPT_NO_DEFAULT | GN_OPT_DIR | GN_OPT_REQUIRED),
    GN_OPT_END
};

static int read_vector(const char *name, const struct gn_vec3 *v, bool flat, bool whole,
                       double out[3], struct gn_err *err)
{
    for (int k = 0; k < 3 && v->n; k++) {
        bool beyond = flat && k == 2;
        if (!beyond &&
            (!(v->v[k] > 0) || v->v[k] > 32767 || (whole && v->v[k] != (double)(int64_t)v->v[k])))
            return gn_err_usage(err, "--%s: not a positive%s number: %g", name,
                                whole ? " whole" : "", v->v[k]);
        out[k] = beyond ? 1 : v->v[k];
    }
    if (v->n == 3 && flat)
        return gn_err_usage(err, "--%s: a picture has two axes", name);
    return 0;
}

/* The phantom that the options ask for. */
static int choose(struct gn_tool_ctx *ctx, struct gn_phantom *p)
{
    double size[3] = { 0 };
    int kind = 0;

    if (ctx->operands.n != 1)
        return gn_err_usage(&ctx->err, "one operand is needed: head, tumour, thorax or fundus");
    while (gn_phantom_names[kind] && strcmp(gn_phantom_names[kind], ctx->operands.item[0]) != 0)
        kind++;
    if (!gn_phantom_names[kind])
        return gn_err_usage(&ctx->err, "'%s' is no phantom: head, tumour, thorax and fundus are",
                            ctx->operands.item[0]);
    *p = (struct gn_phantom){ .kind = (enum gn_phantom_kind)kind, .seed = ctx->seed };
    bool flat = gn_phantom_is_flat(p->kind);
    if (read_vector("size", &args.size, flat, true, size, &ctx->err) ||
        read_vector("spacing", &args.spacing, false, false, p->spacing, &ctx->err))
        return -1;
    for (int k = 0; k < 3; k++)
        p->size[k] = (int64_t)size[k];
    for (int k = 0; k < 3 && args.size.n; k++)
        if (p->size[k] < (flat && k == 2 ? 1 : 8))
            return gn_err_usage(&ctx->err, "--size: at least 8 voxels are needed along each axis");
    if (args.spacing.n && flat)
        return gn_err_usage(&ctx->err,
                            "--spacing: of head and tumour; a %s is a PNG, which has none",
                            gn_phantom_names[kind]);
    if (gn_opts_given(&ctx->opts, &args.channels) &&
        (args.channels < 1 || args.channels > 64 || flat))
        return gn_err_usage(&ctx->err,
                            flat ? "--channels: of head and tumour"
                                 : "--channels: not a number from 1 to 64: %lld",
                            (long long)args.channels);
    if (gn_opts_given(&ctx->opts, &args.labels) &&
        (args.labels < 1 || args.labels > gn_phantom_labels(p->kind)))
        return gn_err_usage(&ctx->err, "--labels: of a %s not a number from 1 to %d: %lld",
                            gn_phantom_names[kind], gn_phantom_labels(p->kind),
                            (long long)args.labels);
    if (args.n < 1 || args.n > 1000000)
        return gn_err_usage(&ctx->err, "--number: not a number from 1 to 1000000: %lld",
                            (long long)args.n);
    if (args.age && p->kind != GN_PHANTOM_HEAD)
        return gn_err_usage(&ctx->err, "--age: of head");
    p->channels = (int)args.channels;
    p->labels = (int)args.labels;
    gn_phantom_defaults(p);
    return 0;
}

/* ---- files ---- */

struct study {
    const struct gn_phantom *p;
    size_t first;       /* sample of this batch */
    struct gn_err *err; /* one a sample of it */
};

static void sample_name(const struct gn_phantom *p, size_t i, char name[32])
{
    snprintf(name, 32, "%s_%03zu", gn_phantom_names[p->kind], i + 1);
}

/* Relative to the study's folder; part: a channel, or "label". */
static char *file_name(const struct gn_phantom *p, const char *sample, const char *part)
{
    return gn_asprintf("%s/%s_%s%s", sample, sample, part,
                       gn_phantom_is_flat(p->kind) ? ".png" : ".nii.gz");
}

static int write_part(const struct gn_phantom *p, const char *sample, const char *part,
                      const struct gn_tensor *t, int64_t channel, int64_t channels,
                      const double affine[12], struct gn_err *err)
{
    struct gn_picture pic = {
        .tensor = *t, .has_affine = !gn_phantom_is_flat(p->kind), .form = 1, .stored = t->dtype
    };
    size_t bytes = (size_t)(t->shape[1] * t->shape[2] * t->shape[3]) * gn_dtype_size(t->dtype);
    char *name = file_name(p, sample, part), *path = gn_path_join(args.output, name);
    int rc;

    pic.tensor.owned = NULL;
    pic.tensor.data = (char *)t->data + (size_t)channel * bytes;
    pic.tensor.shape[0] = channels;
    memcpy(pic.affine, affine, sizeof pic.affine);
    rc = gn_picture_write(path, &pic, err);
    free(path);
    free(name);
    return rc;
}

static void make_sample(void *arg, size_t i, int thread)
{
    struct study *s = arg;
    struct gn_tensor image = { 0 }, label = { 0 };
    struct gn_err *err = &s->err[i];
    double affine[12];
    char name[32], part[16], *dir;
    int64_t files = gn_phantom_is_flat(s->p->kind) ? 1 : s->p->channels;

    (void)thread;
    sample_name(s->p, s->first + i, name);
    dir = gn_path_join(args.output, name);
    if (gn_mkdirs(dir, err) || gn_phantom_draw(s->p, name, &image, &label, affine, err))
        goto out;
    for (int64_t c = 0; c < files; c++) {
        gn_phantom_channel_name(s->p->kind, (int)c, part);
        if (write_part(s->p, name, part, &image, c, s->p->channels / files, affine, err))
            goto out;
    }
    if (write_part(s->p, name, "label", &label, 0, 1, affine, err))
        goto out;
out:
    gn_tensor_free(&image);
    gn_tensor_free(&label);
    free(dir);
}

static void put_table(const struct gn_phantom *p, struct gn_str *out)
{
    int files = gn_phantom_is_flat(p->kind) ? 1 : p->channels;

    gn_str_add(out, "SubjectID");
    for (int c = 0; c < files; c++)
        gn_str_addf(out, ",Channel_%d", c);
    gn_str_add(out, args.age ? ",Label,ValueToPredict\n" : ",Label\n");
    for (size_t i = 0; i < (size_t)args.n; i++) {
        char name[32], part[16], *file;
        sample_name(p, i, name);
        gn_str_add(out, name);
        for (int c = 0; c <= files; c++) {
            if (c < files)
                gn_phantom_channel_name(p->kind, c, part);
            file = file_name(p, name, c < files ? part : "label");
            gn_str_addf(out, ",%s", file);
            free(file);
        }
        if (args.age)
            gn_str_addf(out, ",%.1f", gn_phantom_age(p, name));
        gn_str_add(out, "\n");
    }
}

static int phantom(struct gn_tool_ctx *ctx)
{
    enum { BATCH = 64 }; /* samples between two looks at the errors */
    struct gn_phantom p;
    struct gn_str table = { 0 };
    struct study s = { .p = &p };
    char *index = NULL;
    int rc = -1;

    if (choose(ctx, &p) || gn_mkdirs(args.output, &ctx->err))
        return -1;
    s.err = gn_alloc(BATCH * sizeof *s.err);
    index = gn_path_join(args.output, "data.csv");
    if (gn_index_own(index, ctx->tool->name, &ctx->err))
        goto out;
    gn_index_drop(index, ctx->tool->name); /* of a study that is being replaced */
    for (size_t first = 0; first < (size_t)args.n; first += BATCH) {
        size_t n = (size_t)args.n - first < BATCH ? (size_t)args.n - first : BATCH;
        s.first = first;
        gn_pool_run(n, make_sample, &s);
        for (size_t i = 0; i < n; i++)
            if (s.err[i].code) {
                gn_err_set(&ctx->err, "%s", s.err[i].text);
                goto out;
            }
        gn_progress("%s: %zu of %lld", ctx->tool->name, first + n, (long long)args.n);
    }
    put_table(&p, &table);
    rc = gn_index_put(index, ctx->tool->name, table.data, table.len, &ctx->err);
out:
    free(s.err);
    free(index);
    gn_str_free(&table);
    return rc;
}

static const struct gn_tool tool = {
    .name = "gn-phantom",
    .summary = "draw studies of invented anatomy with known truth",
    .operands = "head|tumour|thorax|fundus",
    .description =
        "Writes images, label maps and their data.csv, for demos, tests and benchmarks. Every "
        "subject is another: shapes, sizes, pose, grey values, shading and noise are drawn from "
        "--seed and the subject's name alone, so that a longer study begins with the subjects of "
        "a shorter one, and the same anatomy can be had at another size or spacing.\n\n"
        "head: a head in MR contrasts (t1, t2, flair, t1c; further ones are invented). Brain and "
        "scalp have like grey values, so a threshold does not do. Labels: 1 brain; with "
        "--labels 2 the ventricles are 2; with 3 the white matter is 3.\n\n"
        "tumour: the same with a lesion (flair, t1c, t1, t2). Labels: 1 necrosis, 2 oedema, 4 "
        "enhancing, as BraTS; with --labels 2 core 1 and oedema 2; with 1 all of it 1.\n\n"
        "thorax: a chest radiograph, grey; some lungs hold an opacity. Labels: 1 the lungs, "
        "without what the heart hides; with --labels 2 the patient's right one 1, the left one "
        "2.\n\n"
        "fundus: a colour photograph of the retina. Labels: 1 the optic disc; with --labels 2 "
        "its cup 2.",
    .input = "None.",
    .output =
        "DIR/NAME/NAME_CHANNEL.nii.gz and NAME_label.nii.gz (head, tumour: int16 and uint8, axes "
        "R A S, the centre at 0), or NAME_xray.png, NAME_photo.png and NAME_label.png; NAME is "
        "KIND_001 and so on. DIR/data.csv is written last; one that "
        "gn-phantom did not write is never replaced.",
    .opts = opts,
    .examples =
        (const struct gn_example[]){
            { "gn-phantom head -n 4 --size 32 -o heads/", "four heads with brain masks" },
            { "gn-phantom tumour -n 2 --size 32,32,24 --channels 2 -o tumours/",
              "FLAIR and T1c of tumours" },
            { "gn-phantom thorax -n 4 --size 64 -o chests/", "radiographs with lung masks" },
            { NULL, NULL } },
    .references =
        (const char *const[]){
            "Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011 (the generator)",
            NULL },
    .see_also = "gn-load(1), gn-experiment(1)",
    .flags = GN_TOOL_NO_INPUT | GN_TOOL_NO_OUTPUT | GN_TOOL_SEED | GN_TOOL_OWN_O | GN_TOOL_NO_KEEP,
    .main = phantom,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
