/* batch.c - see batch.h */
#include "run/batch.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/tensor.h"

int gn_batch_new(struct gn_batch *b, int64_t size, int channels, int classes,
                 const int64_t patch[3], struct gn_err *err)
{
    size_t voxels = (size_t)(patch[0] * patch[1] * patch[2]), n = (size_t)size;
    memset(b, 0, sizeof *b);
    b->size = size;
    b->voxels = voxels;
    b->x = gn_try_alloc(n * (size_t)channels * voxels * sizeof(float), err);
    b->prob = gn_try_alloc(n * (size_t)classes * voxels * sizeof(float), err);
    b->label = gn_try_alloc(n * voxels * sizeof(int32_t), err);
    b->item = gn_alloc(n * sizeof *b->item);
    b->name = gn_alloc(n * sizeof *b->name);
    return b->x && b->prob && b->label ? 0 : -1;
}

void gn_batch_free(struct gn_batch *b)
{
    for (int64_t i = 0; b->name && i < b->size; i++)
        free(b->name[i]);
    free(b->name);
    free(b->item);
    free(b->x);
    free(b->prob);
    free(b->label);
    memset(b, 0, sizeof *b);
}

int gn_sample_channels(const struct gn_sample *s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (gn_record_role(&s->rec[i]) == GN_ROLE_IMAGE && s->rec[i].tensor.rank == 4)
            n += s->rec[i].tensor.shape[0];
    return n > INT16_MAX ? INT16_MAX : (int)n;
}

int gn_sample_size(const struct gn_sample *s, int64_t size[3], struct gn_err *err)
{
    const struct gn_record *first = NULL;
    for (size_t i = 0; i < s->n; i++) {
        const struct gn_record *r = &s->rec[i];
        enum gn_role role = gn_record_role(r);
        if (role != GN_ROLE_IMAGE && role != GN_ROLE_LABEL)
            continue;
        if (r->tensor.rank != 4 || strcmp(r->axes, "czyx"))
            return gn_err_set(err, "axes are '%s', an image's are 'czyx'", r->axes);
        if (!first) {
            if (role != GN_ROLE_IMAGE)
                return gn_err_set(err, "the sample has no image");
            first = r;
        } else if (memcmp(first->tensor.shape + 1, r->tensor.shape + 1, 3 * sizeof(int64_t))) {
            return gn_err_set(err, "%s and %s differ in size", gn_record_get(first, "name"),
                              gn_record_get(r, "name"));
        }
    }
    if (!first)
        return gn_err_set(err, "the sample has no image");
    for (int a = 0; a < 3; a++)
        size[a] = first->tensor.shape[3 - a];
    return 0;
}

int gn_sample_grid(const struct gn_sample *s, struct gn_grid *grid, struct gn_err *err)
{
    static const double identity[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    if (gn_sample_size(s, grid->size, err) < 0)
        return -1;
    memcpy(grid->affine, identity, sizeof identity);
    for (size_t i = 0; i < s->n; i++)
        if (gn_record_role(&s->rec[i]) == GN_ROLE_IMAGE)
            return gn_record_get(&s->rec[i], "affine")
                       ? gn_record_reals(&s->rec[i], "affine", grid->affine, 12, err)
                       : 0;
    return 0;
}

int gn_sample_whole(const struct gn_sample *s, int64_t size[3], struct gn_err *err)
{
    for (size_t i = 0; i < s->n; i++)
        if (gn_record_role(&s->rec[i]) == GN_ROLE_IMAGE && gn_record_get(&s->rec[i], "patch.of"))
            return gn_record_ints(&s->rec[i], "patch.of", size, 3, err);
    return gn_sample_size(s, size, err);
}

int gn_check_dimension(const struct gn_config *c, const int64_t size[3], struct gn_err *err)
{
    if (c->dimension == 2 && size[2] > 1 && !c->slices)
        return gn_err_set(err,
                          "a volume of %" PRId64 "x%" PRId64 "x%" PRId64
                          " voxels: the network is for 2-D images (with patch_size: [%" PRId64
                          ", %" PRId64 ", 1] it is trained on slices)",
                          size[0], size[1], size[2], c->patch[0], c->patch[1]);
    if (c->dimension == 3 && size[2] == 1 && c->patch[2] > 1)
        return gn_err_set(err,
                          "a 2-D image of %" PRId64 "x%" PRId64
                          " pixels: the network is for volumes",
                          size[0], size[1]);
    return 0;
}

int gn_sample_images(struct gn_sample *s, int channels, const int64_t size[3], float *x,
                     struct gn_err *err)
{
    size_t voxels = (size_t)(size[0] * size[1] * size[2]);
    int c = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct gn_record *r = &s->rec[i];
        if (gn_record_role(r) != GN_ROLE_IMAGE)
            continue;
        int64_t n = r->tensor.shape[0];
        if (c + n > channels)
            return gn_err_set(err, "more than the %d channels the network takes", channels);
        const void *data = gn_record_data(r, err);
        if (!data)
            return -1;
        gn_convert_to_float(data, r->tensor.dtype, x + (size_t)c * voxels, (size_t)n * voxels);
        c += (int)n;
    }
    if (c != channels)
        return gn_err_set(err, "%d channel%s, the network takes %d", c, c == 1 ? "" : "s",
                          channels);
    return 0;
}

int gn_sample_label(struct gn_sample *s, const int64_t size[3], int32_t *label, struct gn_err *err)
{
    size_t voxels = (size_t)(size[0] * size[1] * size[2]);
    struct gn_record *r = gn_sample_find(s, GN_ROLE_LABEL);
    if (!r)
        return gn_err_set(err, "no label: training and validation need one");
    if (r->tensor.rank != 4 || r->tensor.shape[0] != 1)
        return gn_err_set(err, "the label must have one channel");
    const void *data = gn_record_data(r, err);
    if (!data)
        return -1;
    if (r->tensor.dtype == GN_UINT8) {
        const uint8_t *v = data;
        for (size_t i = 0; i < voxels; i++)
            label[i] = v[i];
        return 0;
    }
    for (size_t i = 0; i < voxels; i++) {
        double v = gn_tensor_get(&r->tensor, (int64_t)i);
        if (!(fabs(v) <= INT32_MAX))
            return gn_err_set(err, "label value %g is no class", v);
        label[i] = (int32_t)lrint(v);
        if (fabs(v - label[i]) > 1e-3) /* a scaled integer file gives 0.99999997; a probability map
                                          gives anything */
            return gn_err_set(err, "label value %g is not a whole number", v);
    }
    return 0;
}

int gn_check_labels(const struct gn_setup *s, const int32_t *label, int64_t n, struct gn_err *err)
{
    int32_t good = 0;
    for (int64_t i = 0; i < n; i++) {
        int k = 0;
        if (label[i] == good || label[i] == 0)
            continue;
        while (k < s->net.classes && !gn_class_has(&s->classes[k], label[i]))
            k++;
        if (k == s->net.classes)
            return gn_err_set(err, "label value %" PRId32 " is in no class of class_list",
                              label[i]);
        good = label[i];
    }
    return 0;
}

void gn_see_labels(const struct gn_setup *s, const int32_t *label, int64_t n, bool *seen)
{
    for (int k = 0; k < s->net.classes; k++)
        for (int64_t i = 0; i < n && !seen[k]; i++)
            if (i == 0 || label[i] != label[i - 1])
                seen[k] = gn_class_has(&s->classes[k], label[i]);
}

bool gn_all_finite(const float *x, size_t n)
{
    uint32_t bad = 0, bits;
    for (size_t i = 0; i < n; i++) { /* no early end: this form is vectorised */
        memcpy(&bits, x + i, sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !bad;
}
