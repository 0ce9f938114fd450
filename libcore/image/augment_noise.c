/* augment_noise.c - noise, noise_var: x + mean + std * g, g standard normal for each voxel and
 * component. Voxels are numbered in the parent, so a patch gets the noise of the whole image.
 * noise_var differs in its default: a std of up to 0.015 of the image's deviation. */
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "image/augment.h"

/* setting: mean lo, hi, std lo, hi; does std count in deviations of the image? */
static const char *const settings[] = {"mean", "std", NULL};
enum { RELATIVE = 4 };

static void init(struct gn_augment_step *s, const int64_t patch[3])
{
    (void)patch;
    s->setting[0] = s->setting[1] = 0;
    s->setting[2] = 0;
    s->setting[3] = 1;
}

static void init_var(struct gn_augment_step *s, const int64_t patch[3])
{
    init(s, patch);
    s->setting[3] = 0.015;
    s->setting[RELATIVE] = 1;
}

static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    bool std = !strcmp(key, "std");
    if (std)
        s->setting[RELATIVE] = 0;
    return gn_augment_set_range(s->setting + (std ? 2 : 0), key, v, n, std ? 0 : -INFINITY,
                                INFINITY, false, err);
}

static int count(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err)
{
    (void)s;
    (void)grid;
    (void)components;
    (void)err;
    return 2;
}

static void parameter(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME])
{
    (void)s;
    strcpy(name, k ? "std" : "mean");
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value)
{
    (void)grid;
    for (int k = 0; k < n; k++) {
        double unit = k == 1 && s->setting[RELATIVE] != 0 ? image->std : 1;
        value[k] = gn_draw_range(where, GN_AUGMENT_PARAMETER + (uint64_t)k, s->setting[2 * k],
                                 s->setting[2 * k + 1] * unit);
    }
}

enum { RUN = 1024 };

struct job {
    const double *value;
    const struct gn_augment_work *work;
};

static void noise_plane(void *arg, size_t plane, int thread)
{
    const struct job *j = arg;
    const struct gn_tensor *t = j->work->t;
    const int64_t nz = t->shape[1], ny = t->shape[2], nx = t->shape[3];
    const struct gn_box *of = &j->work->image->of;
    const int64_t *n = of->size[0] ? of->size : j->work->whole->size;
    int64_t o[3];
    for (int k = 0; k < 3; k++)
        o[k] = j->work->region->origin[k] + (of->size[0] ? of->origin[k] : 0);
    const int64_t c = (int64_t)plane / nz, z = (int64_t)plane % nz + o[2];
    const float mean = (float)j->value[0], std = (float)j->value[1];
    (void)thread;
    for (int64_t y = 0; y < ny; y++) {
        float *row = (float *)t->data + ((int64_t)plane * ny + y) * nx;
        int64_t voxel = ((c * n[2] + z) * n[1] + y + o[1]) * n[0] + o[0];
        for (int64_t x = 0; x < nx; x += RUN) {
            float g[RUN];
            int64_t m = nx - x < RUN ? nx - x : RUN;
            gn_draw_normal(j->work->where, (uint64_t)(voxel + x), g, (size_t)m);
            for (int64_t i = 0; i < m; i++)
                row[x + i] += mean + std * g[i];
        }
    }
}

static int run(const struct gn_augment_step *s, const double *value, int n,
               const struct gn_augment_work *work, struct gn_err *err)
{
    struct job j = {value, work};
    (void)s;
    (void)n;
    (void)err;
    gn_pool_run((size_t)(work->t->shape[0] * work->t->shape[1]), noise_plane, &j);
    return 0;
}

const struct gn_augment_op gn_augment_noise = {
    .name = "noise",
    .settings = settings,
    .init = init,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .run = run,
    .blind = true,
};

const struct gn_augment_op gn_augment_noise_var = {
    .name = "noise_var",
    .settings = settings,
    .init = init_var,
    .set = set,
    .count = count,
    .parameter = parameter,
    .draw = draw,
    .run = run,
};
