/* target.c - targets of preprocessing: read from images, kept, restored; what is damaged. */
#include "run/targets.h"

#include <stdlib.h>

#include "base/mem.h"
#include "check.h"
#include "io/format.h"

static struct gn_err err;

static int says(const char *text)
{
    int ok = strstr(err.text, text) != NULL;
    if (!ok)
        printf("# %s\n", err.text);
    gn_err_clear(&err);
    return ok;
}

/* An image of n components, 5 x 4 x z, values spread by a rule. */
static void write_image(const char *path, int64_t n, int64_t z, int step)
{
    struct gn_picture p = {.affine = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}, .has_affine = true};
    if (gn_tensor_new4(&p.tensor, GN_UINT8, n, z, 4, 5, &err) < 0)
        exit(1);
    uint8_t *v = p.tensor.data;
    for (int64_t i = 0; i < gn_tensor_count(&p.tensor); i++)
        v[i] = (uint8_t)(20 + (i * i * step + 7 * i) % 200);
    if (gn_picture_write(path, &p, &err) < 0)
        exit(1);
    gn_picture_free(&p);
}

/* A file that keeps t under the name name. */
static int keep(const char *path, const struct gn_target *t, const char *name,
                const struct gn_tensor *kept)
{
    struct gn_safetensors_out *o = gn_safetensors_out_new();
    char *line = gn_asprintf(t->use.stains ? "gn-normalize --stain ruifrok --target %s\n"
                                           : "gn-normalize --histogram-match %s\n", name);
    gn_safetensors_out_meta(o, "preprocessing", line);
    if (kept)
        gn_safetensors_out_tensor(o, gn_target_tensor_name(&t->use), kept);
    int rc = gn_safetensors_out_write(o, path, &err);
    gn_safetensors_out_free(o);
    free(line);
    return rc;
}

static void histogram(void)
{
    const struct gn_target_use use = {.levels = 1024, .points = 16},
                               fewer = {.levels = 1024, .points = 4};
    struct gn_target a = {0}, b = {0}, c = {0};
    float x[60], y[60];
    write_image("two.nii", 2, 3, 3);
    write_image("other.nii", 2, 3, 5);
    int ok = gn_target_read(&a, "two.nii", &use, &err) == 0;
    CHECK("a target of two channels has two rows of least value, mean, quantiles, largest",
          ok && a.components == 2 && a.kept.shape[0] == 2 && a.kept.shape[1] == 19 &&
              a.size[0] == 5 && a.size[1] == 4 && a.size[2] == 3);
    CHECK("its name is one", gn_target_is_name(a.name));
    CHECK("kept and read again it has the same name",
          keep("a.safetensors", &a, a.name, &a.kept) == 0 &&
              gn_target_read(&b, "a.safetensors", &use, &err) == 0 && !strcmp(a.name, b.name) &&
              b.components == 2);
    for (int i = 0; i < 60; i++)
        x[i] = y[i] = (float)(i * i % 37);
    CHECK("and gives the same bits",
          gn_histogram_match(x, 60, &a.component[1], 1024, 16, &err) == 0 &&
              gn_histogram_match(y, 60, &b.component[1], 1024, 16, &err) == 0 &&
              !memcmp(x, y, sizeof x));
    CHECK("another image has another name",
          gn_target_read(&c, "other.nii", &use, &err) == 0 && strcmp(a.name, c.name) != 0);
    gn_target_free(&b);
    CHECK("other numbers of quantiles are an error",
          gn_target_read(&b, "a.safetensors", &fewer, &err) < 0 &&
              says("has 16 quantiles, 4 are asked for"));
    gn_target_free(&b);
    CHECK("a target under the name of another is damaged",
          keep("b.safetensors", &a, a.name, &c.kept) == 0 &&
              gn_target_read(&b, "b.safetensors", &use, &err) < 0 &&
              says("b.safetensors: tensor preprocessing.histogram_matching.target: is damaged"));
    gn_target_free(&b);
    ok = 1;
    for (size_t i = 0; i < 2 * 19 * sizeof(double); i += 5) {
        memcpy(c.kept.data, a.kept.data, 2 * 19 * sizeof(double));
        ((uint8_t *)c.kept.data)[i] ^= 4;
        ok = ok && keep("b.safetensors", &a, a.name, &c.kept) == 0 &&
             gn_target_read(&b, "b.safetensors", &use, &err) < 0;
        gn_err_clear(&err);
        gn_target_free(&b);
    }
    CHECK("a flipped bit in any place is noticed", ok);
    CHECK("a target that is missing is an error",
          keep("b.safetensors", &a, a.name, NULL) == 0 &&
              gn_target_read(&b, "b.safetensors", &use, &err) < 0 && says("is missing"));
    gn_target_free(&b);
    CHECK("a file that names none is an error",
          keep("b.safetensors", &a, "none.nii", &a.kept) == 0 &&
              gn_target_read(&b, "b.safetensors", &use, &err) < 0 &&
              says("holds no target of histogram_matching"));
    gn_target_free(&b);
    struct gn_tensor flat = a.kept;
    flat.rank = 1;
    flat.shape[0] = 38;
    CHECK("so is another shape", keep("b.safetensors", &a, a.name, &flat) == 0 &&
                                     gn_target_read(&b, "b.safetensors", &use, &err) < 0 &&
                                     says("its shape or dtype is another"));
    gn_target_free(&b);
    CHECK("an image that is not there is named", gn_target_read(&b, "none.nii", &use, &err) < 0 &&
                                                     says("none.nii"));
    gn_target_free(&b);
    gn_target_free(&a);
    gn_target_free(&c);
}

/* Values whose name is right and which would come out as infinities. */
static void values(void)
{
    const struct gn_target_use use = {.levels = 1024, .points = 1};
    const double wrong[3] = {NAN, INFINITY, 1e300};
    const int64_t shape[2] = {1, 4};
    int ok = 1;
    for (int i = 0; i < 3; i++) {
        struct gn_target a = {.use = use}, b = {0};
        if (gn_tensor_new(&a.kept, GN_FLOAT64, 2, shape, &err) < 0)
            exit(1);
        ((double *)a.kept.data)[2] = wrong[i];
        /* by the same rule as target.c */
        uint64_t h = gn_fnv1a(GN_FNV_START, shape, sizeof shape);
        h = gn_fnv1a(h, a.kept.data, 4 * sizeof(double));
        snprintf(a.name, sizeof a.name, "target-%016llx", (unsigned long long)h);
        ok = ok && keep("v.safetensors", &a, a.name, &a.kept) == 0 &&
             gn_target_read(&b, "v.safetensors", &use, &err) < 0 && says("is not finite");
        gn_target_free(&a);
        gn_target_free(&b);
    }
    CHECK("values beyond float32 are refused", ok);
}

static void stains(void)
{
    const struct gn_target_use use = {.stains = true, .extractor = GN_STAIN_RUIFROK};
    struct gn_target a = {0}, b = {0};
    float x[60], y[60];
    struct gn_stain_fit own;
    write_image("rgb.nii", 3, 1, 3);
    int ok = gn_target_read(&a, "rgb.nii", &use, &err) == 0 && a.kept.shape[0] == 2 &&
             a.kept.shape[1] == 4;
    CHECK("stains are kept as two rows of direction and amount",
          ok && ((double *)a.kept.data)[0] == 0.65 && ((double *)a.kept.data)[7] == a.fit.top[1]);
    ok = keep("s.safetensors", &a, a.name, &a.kept) == 0 &&
         gn_target_read(&b, "s.safetensors", &use, &err) == 0;
    for (int i = 0; i < 60; i++)
        x[i] = y[i] = (float)(30 + i * i % 211);
    CHECK("and give the same bits",
          ok && gn_stain_fit(x, 20, GN_STAIN_RUIFROK, &own, &err) == 0 &&
              gn_stain_apply(x, 20, &own, &a.fit, &err) == 0 &&
              gn_stain_apply(y, 20, &own, &b.fit, &err) == 0 && !memcmp(x, y, sizeof x));
    gn_target_free(&b);
    CHECK("a grey image is no target of stains",
          (write_image("grey.nii", 1, 1, 3), gn_target_read(&b, "grey.nii", &use, &err)) < 0 &&
              says("grey.nii: not a colour picture: 1 component"));
    gn_target_free(&a);
    gn_target_free(&b);
}

static void commands(void)
{
    struct gn_target_use use;
    char name[GN_TARGET_NAME + 1];
    CHECK("a command asks for a target by its name",
          gn_target_of_command("gn-normalize --histogram-match target-0123456789abcdef --points 7",
                               &use, name) &&
              !use.stains && use.points == 7 && !strcmp(name, "target-0123456789abcdef"));
    CHECK("or for stains", gn_target_of_command("gn-normalize --stain macenko --target "
                                                "target-0123456789abcdef", &use, name) &&
                               use.stains);
    CHECK("a file is no name",
          !gn_target_of_command("gn-normalize --histogram-match a.nii", &use, name) &&
              !gn_target_of_command("gn-normalize --histogram-match target-0123456789abcdef.nii",
                                    &use, name) &&
              !gn_target_of_command("gn-normalize --zscore full", &use, name) &&
              !gn_target_is_name("target-0123456789ABCDEF"));
}

int main(void)
{
    histogram();
    values();
    stains();
    commands();
    return check_done();
}
