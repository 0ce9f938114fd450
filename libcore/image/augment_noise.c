/* augment_noise.c - noise: x + mean + std * g, g standard normal for each voxel and component.
 * Voxels are numbered in the parent, so a patch gets the noise of the whole image. */
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "image/augment.h"

/* setting: mean lo, hi, std lo, hi */
static const char *const settings[] = { "mean", "std", NULL };
static const char *const parameters[] = { "mean", "std", NULL };

static void init(struct gn_augment_step *s)
{
    s->setting[0] = s->setting[1] = 0;
    s->setting[2] = 0;
    s->setting[3] = 1;
}

/* TorchIO's rule: two numbers are a range; one number n is -n..n for the mean, and n itself for the
 * std, which has a lower bound. */
static int set(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err)
{
    bool std = !strcmp(key, "std");
    double lo = v[0], hi = n > 1 ? v[1] : v[0];
    if (n > 2)
        return gn_err_usage(err, "%s: one number or a range of two", key);
    if (n == 1 && !std) {
        lo = -fabs(v[0]);
        hi = fabs(v[0]);
    }
    if (!isfinite(lo) || !isfinite(hi) || hi < lo || (std && lo < 0))
        return gn_err_usage(err, "%s: not a range%s: %g to %g", key, std ? " from 0 up" : "", lo,
                            hi);
    s->setting[std ? 2 : 0] = lo;
    s->setting[std ? 3 : 1] = hi;
    return 0;
}

static void draw(const struct gn_augment_step *s, const struct gn_draw *where, double *value)
{
    for (int k = 0; k < 2; k++)
        value[k] = gn_draw_range(where, GN_AUGMENT_PARAMETER + (uint64_t)k, s->setting[2 * k],
                                 s->setting[2 * k + 1]);
}

enum { RUN = 1024 };

struct job {
    const double *value;
    const struct gn_draw *where;
    const int64_t *parent;
    const struct gn_box *region;
    struct gn_tensor *t;
};

static void noise_plane(void *arg, size_t plane, int thread)
{
    const struct job *j = arg;
    const int64_t nz = j->t->shape[1], ny = j->t->shape[2], nx = j->t->shape[3];
    const int64_t c = (int64_t)plane / nz, z = (int64_t)plane % nz + j->region->origin[2];
    const int64_t *n = j->parent;
    const float mean = (float)j->value[0], std = (float)j->value[1];
    (void)thread;
    for (int64_t y = 0; y < ny; y++) {
        float *row = (float *)j->t->data + ((int64_t)plane * ny + y) * nx;
        int64_t voxel = ((c * n[2] + z) * n[1] + y + j->region->origin[1]) * n[0] +
                        j->region->origin[0];
        for (int64_t x = 0; x < nx; x += RUN) {
            float g[RUN];
            int64_t m = nx - x < RUN ? nx - x : RUN;
            gn_draw_normal(j->where, (uint64_t)(voxel + x), g, (size_t)m);
            for (int64_t i = 0; i < m; i++)
                row[x + i] += mean + std * g[i];
        }
    }
}

static void run(const double *value, const struct gn_draw *where, const int64_t parent[3],
                const struct gn_box *region, struct gn_tensor *t)
{
    struct job j = { value, where, parent, region, t };
    gn_pool_run((size_t)(t->shape[0] * t->shape[1]), noise_plane, &j);
}

const struct gn_augment_op gn_augment_noise = {
    .name = "noise", .settings = settings, .init = init, .set = set, .parameters = parameters,
    .draw = draw, .run = run,
};
