/* patch.c - grids and samplers against TorchIO: tests/gen/image.py made the arrays. */
#include "image/patch.h"

#include "check.h"
#include "golden_image.h"

static void starts(int64_t n, int64_t p, int64_t o, const int64_t *want, int64_t n_want)
{
    int64_t got[64];
    char name[100];
    int64_t k = gn_patch_starts(n, p, o, got);
    snprintf(name, sizeof name, "G62 grid starts of (%d,%d,%d) as TorchIO", (int)n, (int)p, (int)o);
    CHECK(name, k == n_want && gn_patch_starts(n, p, o, NULL) == k &&
          !memcmp(got, want, (size_t)k * sizeof *want));
}

static void grids(void)
{
    starts(10, 5, 2, (const int64_t[]){ 0, 3, 5 }, 3);
    starts(10, 4, 0, (const int64_t[]){ 0, 4, 6 }, 3);
    starts(10, 4, 2, (const int64_t[]){ 0, 2, 4, 6 }, 4);
    starts(7, 7, 0, (const int64_t[]){ 0 }, 1);
    starts(9, 4, 2, (const int64_t[]){ 0, 2, 4, 5 }, 4);
    starts(240, 128, 0, (const int64_t[]){ 0, 112 }, 2);
    starts(5, 8, 2, (const int64_t[]){ 0 }, 1);

    struct gn_patch_grid g;
    int64_t size[3] = { 4, 4, 1 }, patch[3] = { 2, 2, 1 }, overlap[3] = { 0, 0, 0 }, o[3];
    static const int64_t want[4][2] = { { 0, 0 }, { 2, 0 }, { 0, 2 }, { 2, 2 } };
    int ok = gn_patch_grid_init(&g, size, patch, overlap, &err) == 0 && g.n == 4;
    for (int i = 0; i < 4; i++) {
        gn_patch_grid_origin(&g, i, o);
        ok &= o[0] == want[i][0] && o[1] == want[i][1] && o[2] == 0;
    }
    CHECK("G70 the patches of TorchIO, x fastest instead of slowest", ok);
    for (int i = 0; i < 3; i++) {
        const struct golden *c = get("grid%d", i), *s = get("grid%d.starts", i);
        for (int k = 0; k < 3; k++) {
            size[k] = (int64_t)c->v[k];
            patch[k] = (int64_t)c->v[3 + k];
            overlap[k] = (int64_t)c->v[6 + k];
        }
        ok = gn_patch_grid_init(&g, size, patch, overlap, &err) == 0 && g.n == s->n / 3;
        for (int64_t p = 0; ok && p < g.n; p++) {
            int found = 0;
            gn_patch_grid_origin(&g, p, o);
            for (int64_t q = 0; q < g.n; q++)
                found += o[0] == s->v[3 * q] && o[1] == s->v[3 * q + 1] && o[2] == s->v[3 * q + 2];
            ok = found == 1;
        }
        char name[80];
        snprintf(name, sizeof name, "all patches of grid %d as TorchIO", i);
        CHECK(name, ok);
    }
    overlap[0] = 3;
    CHECK("an odd overlap is an error", gn_patch_grid_init(&g, size, patch, overlap, &err) == -1);
    gn_err_clear(&err);
    overlap[0] = 6;
    CHECK("an overlap as large as the patch is an error",
          gn_patch_grid_init(&g, size, patch, overlap, &err) == -1);
    gn_err_clear(&err);
}

static void reading(void)
{
    int64_t size[3] = { 7, 6, 5 }, patch[3] = { 4, 3, 2 }, origin[3] = { 5, 4, 3 };
    const struct golden *g = get("image", 0);
    struct gn_tensor t = tensor(GN_INT16, g->v, 2, size);
    float out[2 * 24];
    int ok = 1;
    gn_patch_read_float(&t, origin, patch, out);
    for (int i = 0; i < 48; i++) {
        int x = i % 4 + 5, y = i / 4 % 3 + 4, z = i / 12 % 2 + 3, c = i / 24;
        double want = x < 7 && y < 6 && z < 5 ? g->v[((c * 5 + z) * 6 + y) * 7 + x] : 0;
        ok &= (double)out[i] == want;
    }
    CHECK("a patch over the far end is padded with zeros", ok);
    gn_tensor_free(&t);
}

/* TorchIO's map of centre probabilities, all voxels. */
static void probabilities(const char *name, enum gn_sampler_kind kind, const struct golden *want,
                          const struct gn_tensor *label, const int64_t size[3],
                          const int64_t patch[3], const struct gn_sampler_class *classes, int n)
{
    struct gn_sampler s;
    double worst = 1;
    if (gn_sampler_init(&s, kind, size, label, patch, classes, n, &err) == 0) {
        worst = 0;
        for (int64_t i = 0; i < want->n; i++) {
            int64_t c[3] = { i % size[0], i / size[0] % size[1], i / size[0] / size[1] };
            worst = fmax(worst, fabs(gn_sampler_probability(&s, label, c) - want->v[i]));
        }
        gn_sampler_free(&s);
    }
    CHECK(name, worst < 1e-9);
}

static void weighted_row(int64_t p, const double want[7])
{
    double v[7] = { 1, 2, 3, 4, 5, 6, 7 };
    int64_t size[3] = { 7, 1, 1 }, patch[3] = { p, 1, 1 };
    struct gn_tensor t = tensor(GN_UINT8, v, 1, size);
    struct golden w = { "row", (double *)(uintptr_t)want, 7 };
    char name[80];
    snprintf(name, sizeof name, "G66 centre probabilities for weights 1..7, P = %d, as TorchIO",
             (int)p);
    probabilities(name, GN_SAMPLER_WEIGHTED, &w, &t, size, patch, NULL, 0);
    gn_tensor_free(&t);
}

static const int64_t zero[] = { 0 }, one[] = { 1 }, two[] = { 2 }, three[] = { 3 };

static void maps(void)
{
    weighted_row(4, (const double[]){ 0, 0, 1.0 / 6, 2.0 / 9, 5.0 / 18, 1.0 / 3, 0 });
    weighted_row(3, (const double[]){ 0, .1, .15, .2, .25, .3, 0 });
    weighted_row(1, (const double[]){ 1 / 28., 2 / 28., 3 / 28., 4 / 28., 5 / 28., 6 / 28.,
                                      7 / 28. });

    int64_t size[3] = { 7, 1, 1 }, patch[3] = { 3, 1, 1 };
    double v[7] = { 0, 0, 0, 1, 1, 0, 0 };
    double want[7] = { 0, 1 / 12., 1 / 12., 3 / 8., 3 / 8., 1 / 12., 0 };
    struct gn_sampler_class c[4] = { { zero, 1, 1 }, { one, 1, 3 }, { two, 1, 0 },
                                     { three, 1, 5 } };
    struct gn_tensor t = tensor(GN_INT16, v, 1, size);
    struct golden w = { "row", want, 7 };
    probabilities("G67 label sampler with class weights 1 and 3 as TorchIO", GN_SAMPLER_BALANCED,
                  &w,
                  &t, size, patch, c, 2);
    gn_tensor_free(&t);

    int64_t big[3] = { 9, 8, 6 }, odd[3] = { 4, 3, 2 };
    t = tensor(GN_UINT8, get("sampler.label", 0)->v, 1, big);
    probabilities("weighted sampler's map as TorchIO", GN_SAMPLER_WEIGHTED,
                  get("sampler.weighted", 0), &t, big, odd, NULL, 0);
    probabilities("label sampler's map as TorchIO", GN_SAMPLER_LABEL, get("sampler.positive", 0),
                  &t,
                  big, odd, NULL, 0);
    c[1].weight = 2;
    probabilities("balanced sampler's map, one class of weight 0, as TorchIO", GN_SAMPLER_BALANCED,
                  get("sampler.balanced", 0), &t, big, odd, c, 4);
    gn_tensor_free(&t);
}

/* A label of a picture: values 0 1 2 4. */
static struct gn_tensor picture(const int64_t size[3])
{
    double v[11 * 9];
    for (int i = 0; i < 11 * 9; i++)
        v[i] = i * 7 % 5 == 3 ? 0 : i * 7 % 5;
    return tensor(GN_UINT8, v, 1, size);
}

/* Classes 0, 1||4 and 4 (a voxel of 4 belongs to both), and one that does not occur: each voxel
 * where a centre can be gets weight / (voxels of the class), summed up, over all of it. */
static void picture_maps(void)
{
    static const int64_t union_of[] = { 1, 4 }, four[] = { 4 }, nine[] = { 9 };
    const struct gn_sampler_class c[4] = { { zero, 1, 1 }, { union_of, 2, 2.5 }, { four, 1, 3 },
                                           { nine, 1, 40 } };
    int64_t size[3] = { 11, 9, 1 }, patch[3] = { 4, 3, 1 };
    struct gn_tensor t = picture(size);
    for (int kind = GN_SAMPLER_UNIFORM; kind <= GN_SAMPLER_BALANCED; kind++) {
        double want[11 * 9] = { 0 }, total = 0;
        for (int k = 0; k < (kind == GN_SAMPLER_BALANCED ? 4 : 1); k++) {
            double of[11 * 9] = { 0 }, sum = 0;
            for (int i = 0; i < 11 * 9; i++) {
                int x = i % 11, y = i / 11;
                double v = gn_tensor_get(&t, i);
                bool in = v == (double)c[k].value[0] || (c[k].n > 1 && v == (double)c[k].value[1]);
                if (x < 2 || x > 9 || y < 1 || y > 7)
                    continue;
                of[i] = kind == GN_SAMPLER_UNIFORM    ? 1
                        : kind == GN_SAMPLER_LABEL    ? v > 0
                        : kind == GN_SAMPLER_WEIGHTED ? v
                                                      : in;
                sum += of[i];
            }
            for (int i = 0; sum > 0 && i < 11 * 9; i++) {
                want[i] += (kind == GN_SAMPLER_BALANCED ? c[k].weight : 1) * of[i] / sum;
                total += (kind == GN_SAMPLER_BALANCED ? c[k].weight : 1) * of[i] / sum;
            }
        }
        for (int i = 0; i < 11 * 9; i++)
            want[i] /= total;
        struct golden w = { "picture", want, 11 * 9 };
        char name[96];
        snprintf(name, sizeof name, "%s sampler's map of a picture%s", gn_sampler_names[kind],
                 kind == GN_SAMPLER_BALANCED ? ": unions add up, a class that is absent drops out"
                                             : "");
        probabilities(name, (enum gn_sampler_kind)kind, &w, &t, size, patch, c, 4);
    }
    gn_tensor_free(&t);
}

/* 60000 draws against the map; chi-square of the voxels that are possible. */
static void frequencies(const char *name, enum gn_sampler_kind kind, bool flat)
{
    int64_t size[3] = { flat ? 11 : 9, flat ? 9 : 8, flat ? 1 : 6 }, n = gn_grid_voxels(size);
    int64_t patch[3] = { 4, 3, flat ? 1 : 2 };
    struct gn_tensor t = flat ? picture(size)
                              : tensor(GN_UINT8, get("sampler.label", 0)->v, 1, size);
    struct gn_sampler s;
    enum { DRAWS = 60000 };
    int hits[9 * 8 * 6] = { 0 }, ok = 1, cells = 0;
    double chi = 0;
    if (gn_sampler_init(&s, kind, size, &t, patch, NULL, 0, &err))
        exit(1);
    for (uint32_t i = 0; i < DRAWS; i++) {
        int64_t o[3], c[3];
        struct gn_draw where = gn_draw_at(5, "sample", NULL, 1, i, GN_SAMPLER_OP);
        gn_sampler_draw(&s, &t, &where, o, c);
        for (int k = 0; k < 3; k++)
            ok &= o[k] >= 0 && o[k] + patch[k] <= size[k] && c[k] == o[k] + patch[k] / 2;
        hits[(c[2] * size[1] + c[1]) * size[0] + c[0]]++;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t c[3] = { i % size[0], i / size[0] % size[1], i / size[0] / size[1] };
        double p = gn_sampler_probability(&s, &t, c) * DRAWS;
        ok &= p > 0 || !hits[i];
        if (p > 0) {
            chi += (hits[i] - p) * (hits[i] - p) / p;
            cells++;
        }
    }
    /* chi-square of k cells: mean k - 1, variance 2 (k - 1); 4 deviations */
    CHECK(name, ok && chi < cells - 1 + 4 * sqrt(2.0 * (cells - 1)));
    gn_sampler_free(&s);
    gn_tensor_free(&t);
}

static void faults(void)
{
    int64_t size[3] = { 7, 5, 1 }, patch[3] = { 9, 5, 1 }, fits[3] = { 5, 5, 1 };
    struct gn_sampler s;
    CHECK("a patch larger than the image is an error that says how to pad",
          gn_sampler_init(&s, GN_SAMPLER_UNIFORM, size, NULL, patch, NULL, 0, &err) == -1 &&
          strstr(err.text, "pad by 1,0,0"));
    gn_err_clear(&err);
    double v[35] = { 0 };
    v[0] = 1; /* in the corner: never a centre */
    struct gn_tensor t = tensor(GN_INT16, v, 1, size);
    CHECK("foreground in the border alone is an empty map",
          gn_sampler_init(&s, GN_SAMPLER_LABEL, size, &t, fits, NULL, 0, &err) == 0 && s.empty);
    gn_sampler_free(&s);
    gn_tensor_set(&t, 17, -1);
    CHECK("a negative weight is an error",
          gn_sampler_init(&s, GN_SAMPLER_WEIGHTED, size, &t, fits, NULL, 0, &err) == -1 &&
          strstr(err.text, "voxel 3 2 0"));
    gn_tensor_free(&t);
    int64_t o[3], corner[3] = { 0, 4, 0 };
    gn_patch_clamp(size, fits, corner, o);
    CHECK("a centre near the border gives the patch nearest to it", o[0] == 0 && o[1] == 0 &&
          o[2] == 0);
    corner[0] = 6;
    gn_patch_clamp(size, fits, corner, o);
    CHECK("at the far end too", o[0] == 2);
}

int main(void)
{
    all = golden_read("image.txt", &count);
    grids();
    reading();
    maps();
    picture_maps();
    frequencies("uniform draws are uniform (chi-square)", GN_SAMPLER_UNIFORM, false);
    frequencies("label draws follow the map (chi-square)", GN_SAMPLER_LABEL, false);
    frequencies("weighted draws follow the map (chi-square)", GN_SAMPLER_WEIGHTED, false);
    frequencies("balanced draws follow the map (chi-square)", GN_SAMPLER_BALANCED, false);
    frequencies("uniform draws of a picture too", GN_SAMPLER_UNIFORM, true);
    frequencies("label draws of a picture", GN_SAMPLER_LABEL, true);
    frequencies("weighted draws of a picture", GN_SAMPLER_WEIGHTED, true);
    frequencies("balanced draws of a picture", GN_SAMPLER_BALANCED, true);
    faults();
    return check_done();
}
