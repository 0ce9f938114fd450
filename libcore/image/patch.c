/* patch.c - grids of patches, and reading a patch out of an image. */
#include "image/patch.h"

#include <string.h>

int64_t gn_patch_starts(int64_t n, int64_t p, int64_t o, int64_t *start)
{
    if (n <= p) {
        if (start)
            start[0] = 0;
        return 1;
    }
    int64_t step = p - o, regular = (n - p) / step + 1;
    bool last = (n - p) % step != 0;
    for (int64_t i = 0; start && i < regular; i++)
        start[i] = i * step;
    if (start && last)
        start[regular] = n - p;
    return regular + last;
}

int gn_patch_grid_init(struct gn_patch_grid *g, const int64_t size[3], const int64_t patch[3],
                       const int64_t overlap[3], struct gn_err *err)
{
    static const char axis[] = "xyz";
    g->n = 1;
    for (int k = 0; k < 3; k++) {
        int64_t o = patch[k] == 1 ? 0 : overlap[k];
        if (patch[k] < 1)
            return gn_err_set(err, "a patch needs at least one voxel along %c", axis[k]);
        if (o < 0 || o % 2 || o >= patch[k])
            return gn_err_set(err, "an overlap must be even and smaller than the patch: %lld of "
                              "%lld along %c", (long long)o, (long long)patch[k], axis[k]);
        g->size[k] = size[k];
        g->patch[k] = patch[k];
        g->overlap[k] = o;
        g->count[k] = gn_patch_starts(size[k], patch[k], o, NULL);
        g->n *= g->count[k];
    }
    return 0;
}

int64_t gn_patch_grid_start(const struct gn_patch_grid *g, int axis, int64_t j)
{
    int64_t at = j * (g->patch[axis] - g->overlap[axis]);
    int64_t last = g->size[axis] > g->patch[axis] ? g->size[axis] - g->patch[axis] : 0;
    return at < last ? at : last;
}

void gn_patch_grid_origin(const struct gn_patch_grid *g, int64_t i, int64_t origin[3])
{
    for (int k = 0; k < 3; k++) {
        origin[k] = gn_patch_grid_start(g, k, i % g->count[k]);
        i /= g->count[k];
    }
}

/* Rows of a patch: calls copy for each row inside the image with flat indices and length. */
struct patch_copy {
    const struct gn_tensor *in;
    void *out;
};

static void copy_rows(const struct gn_tensor *in, int64_t channels, const int64_t origin[3],
                      const int64_t patch[3], void *out,
                      void (*copy)(const struct patch_copy *c, int64_t from, int64_t to, int64_t n))
{
    const struct patch_copy c = { in, out };
    const int64_t nz = in->shape[1], ny = in->shape[2], nx = in->shape[3];
    int64_t x0 = origin[0] < 0 ? -origin[0] : 0;
    int64_t x1 = origin[0] + patch[0] > nx ? nx - origin[0] : patch[0];
    for (int64_t ch = 0; ch < channels && x0 < x1; ch++)
        for (int64_t z = 0; z < patch[2]; z++)
            for (int64_t y = 0; y < patch[1]; y++) {
                int64_t iz = origin[2] + z, iy = origin[1] + y;
                if (iz < 0 || iz >= nz || iy < 0 || iy >= ny)
                    continue;
                copy(&c, ((ch * nz + iz) * ny + iy) * nx + origin[0] + x0,
                     ((ch * patch[2] + z) * patch[1] + y) * patch[0] + x0, x1 - x0);
            }
}

static void copy_float(const struct patch_copy *c, int64_t from, int64_t to, int64_t n)
{
    const char *in = (const char *)c->in->data + (size_t)from * gn_dtype_size(c->in->dtype);
    gn_convert_to_float(in, c->in->dtype, (float *)c->out + to, (size_t)n);
}

static void copy_label(const struct patch_copy *c, int64_t from, int64_t to, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        ((int32_t *)c->out)[to + i] = (int32_t)gn_tensor_get(c->in, from + i);
}

void gn_patch_read_float(const struct gn_tensor *image, const int64_t origin[3],
                         const int64_t patch[3], float *out)
{
    memset(out, 0, (size_t)(image->shape[0] * gn_grid_voxels(patch)) * sizeof *out);
    copy_rows(image, image->shape[0], origin, patch, out, copy_float);
}

void gn_patch_read_label(const struct gn_tensor *label, const int64_t origin[3],
                         const int64_t patch[3], int32_t *out)
{
    memset(out, 0, (size_t)gn_grid_voxels(patch) * sizeof *out);
    copy_rows(label, 1, origin, patch, out, copy_label);
}

void gn_patch_clamp(const int64_t size[3], const int64_t patch[3], const int64_t centre[3],
                    int64_t origin[3])
{
    for (int k = 0; k < 3; k++) {
        int64_t o = centre[k] - patch[k] / 2, last = size[k] - patch[k];
        o = o > last ? last : o;
        origin[k] = o < 0 ? 0 : o;
    }
}
