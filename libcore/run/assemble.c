/* assemble.c - see assemble.h */
#include "run/assemble.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/resample.h"

void gn_assembly_index(const struct gn_record *r, int64_t *i, int64_t *n)
{
    const char *text = gn_record_get(r, "patch.index"); /* k/n: the reader has checked it */
    char *slash = NULL;
    *i = text ? strtoll(text, &slash, 10) : 0;
    *n = text && *slash == '/' ? strtoll(slash + 1, NULL, 10) : 1;
}

void gn_assembly_free(struct gn_assembly *a)
{
    gn_stitcher_free(a->stitcher);
    gn_slab_free(a->slab);
    gn_record_free(&a->head);
    memset(a, 0, sizeof *a);
}

static int is_map(const struct gn_record *r, struct gn_err *err)
{
    if (r->tensor.rank != 4 || r->tensor.dtype != GN_FLOAT32 || strcmp(r->axes, "czyx"))
        return gn_err_set(err, "not class maps: a patch must be float32 and c z y x");
    return 0;
}

static enum gn_stitch_mode mode_of(const struct gn_record *r, const struct gn_assembly_spec *spec,
                                   struct gn_err *err)
{
    const char *text = gn_record_get(r, "stitch");
    if (spec->mode_given)
        return spec->mode;
    for (int i = 0; text && gn_stitch_names[i]; i++)
        if (!strcmp(text, gn_stitch_names[i]))
            return (enum gn_stitch_mode)i;
    if (text)
        gn_err_set(err, "stitch: neither crop nor average nor hann: %.80s", text);
    return GN_STITCH_CROP;
}

/* Size and overlap of the grid, affine of the whole image. */
static int place(struct gn_assembly *a, const struct gn_record *r, struct gn_grid *g,
                 struct gn_err *err)
{
    int64_t origin[3];
    for (int k = 0; k < 3; k++)
        a->size[k] = a->patch[k] = r->tensor.shape[3 - k];
    if (gn_record_reals(r, "affine", g->affine, 12, err))
        return -1;
    if (gn_record_get(r, "patch.of")) {
        if (gn_record_ints(r, "patch.of", a->size, 3, err) ||
            gn_record_ints(r, "patch.origin", origin, 3, err) ||
            (gn_record_get(r, "patch.overlap") &&
             gn_record_ints(r, "patch.overlap", a->overlap, 3, err)))
            return -1;
        for (int k = 0; k < 3; k++)
            origin[k] = -origin[k];
        gn_affine_shift_voxels(g->affine, origin, g->affine);
    }
    memcpy(g->size, a->size, sizeof g->size);
    return 0;
}

static int source_grid(const struct gn_record *r, struct gn_grid *g, struct gn_err *err)
{
    if (!gn_record_get(r, "source.shape") || !gn_record_get(r, "source.affine"))
        return gn_err_set(
            err,
            "no source.shape and source.affine: the patches do not say what they were read from");
    return gn_record_ints(r, "source.shape", g->size, 3, err) ||
                   gn_record_reals(r, "source.affine", g->affine, 12, err)
               ? -1
               : 0;
}

int gn_assembly_open(struct gn_assembly *a, const struct gn_record *r,
                     const struct gn_assembly_spec *spec, struct gn_err *err)
{
    struct gn_grid from, to;
    double map[12];
    int64_t first;
    const char *list = gn_record_get(r, "class_list");
    bool own = true;
    if (is_map(r, err))
        return -1;
    a->classes = (int)r->tensor.shape[0];
    gn_assembly_index(r, &first, &a->n);
    gn_record_copy_header(r, &a->head);
    enum gn_stitch_mode mode = mode_of(r, spec, err);
    if (err->code || place(a, r, &from, err))
        return -1;
    memcpy(a->affine, from.affine, sizeof a->affine);
    a->labels = spec->labels;
    to = from;
    if (spec->to_source) {
        if (source_grid(r, &to, err))
            return -1;
        own = gn_grid_same_size(from.size, to.size) &&
              !memcmp(from.affine, to.affine, sizeof to.affine);
        if (!own && gn_resample_between(&from, &to, map, err))
            return -1;
    }
    struct gn_slab_decode decode = {spec->decode, spec->threshold, a->value};
    if (spec->labels) {
        if (!list)
            return gn_err_set(err, "no class_list: what the maps stand for is not known");
        if (gn_record_get(r, "logits") && spec->decode == GN_DECODE_THRESHOLD)
            return gn_err_set(
                err,
                "the maps are logits, for which a threshold of %g says nothing: --decode argmax",
                spec->threshold);
        int n = gn_decode_values(list, a->value, GN_ASSEMBLY_CLASSES, err);
        if (n != a->classes)
            return n < 0 ? -1
                         : gn_err_set(err, "%d maps, but %d classes in class_list", a->classes, n);
    }
    const double *used = own ? NULL : map;
    const struct gn_slab_decode *d = spec->labels ? &decode : NULL;
    a->bytes = gn_slab_bytes(a->size, a->classes, used, to.size, d);
    a->slab = gn_slab_new(a->size, a->classes, used, to.size, d, err);
    if (!a->slab)
        return -1;
    const struct gn_stitch_sink sink = {gn_slab_box, a->slab};
    a->stitcher = gn_stitcher_new(a->size, a->patch, a->classes, mode, a->overlap, &sink, err);
    if (!a->stitcher)
        return -1;
    if (a->n != gn_stitcher_count(a->stitcher))
        return gn_err_set(err,
                          "patch.index: %lld patches, but the grid of patch.of, patch.size and "
                          "patch.overlap has %lld",
                          (long long)a->n, (long long)gn_stitcher_count(a->stitcher));
    return gn_record_set_reals(&a->head, "affine", to.affine, 12);
}

static int same_value(const struct gn_record *a, const struct gn_record *b, const char *key,
                      struct gn_err *err)
{
    const char *x = gn_record_get(a, key), *y = gn_record_get(b, key);
    if (x ? y && !strcmp(x, y) : !y)
        return 0;
    return gn_err_set(err, "%s: differs from the first patch's", key);
}

static bool of_source(const char *key)
{
    return !strcmp(key, "source") || !strncmp(key, "source.", 7);
}

/* Is r a patch of the image that the first patch is of, made in the same way? */
static int like_first(const struct gn_assembly *a, const struct gn_record *r,
                      const int64_t origin[3], struct gn_err *err)
{
    static const char *const keys[] = {"class_list", "logits", "stitch", "patch.overlap"};
    const int64_t back[3] = {-origin[0], -origin[1], -origin[2]};
    double affine[12], scale = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (same_value(&a->head, r, keys[i], err))
            return -1;
    for (size_t i = 0; i < a->head.n; i++)
        if (of_source(a->head.fields[i].key) && same_value(&a->head, r, a->head.fields[i].key, err))
            return -1;
    for (size_t i = 0; i < r->n; i++)
        if (of_source(r->fields[i].key) && same_value(&a->head, r, r->fields[i].key, err))
            return -1;
    if (gn_record_reals(r, "affine", affine, 12, err))
        return -1;
    gn_affine_shift_voxels(affine, back, affine);
    for (int i = 0; i < 12; i++)
        scale = i % 4 != 3 ? fmax(scale, fabs(a->affine[i])) : scale;
    for (int i = 0; i < 12;
         i++) /* a thousandth of a voxel, a millionth of its side: what rounding may do */
        if (!(fabs(affine[i] - a->affine[i]) <=
              (i % 4 == 3 ? 1e-3 * scale + 1e-9 * fabs(a->affine[i]) : 1e-6 * scale)))
            return gn_err_set(err, "affine: puts the image elsewhere than the first patch's");
    return 0;
}

static int all_finite(const struct gn_record *r, struct gn_err *err)
{
    const float *v = r->tensor.data;
    const int64_t n = gn_tensor_count(&r->tensor);
    int bad = 0;
    for (int64_t i = 0; i < n; i++)
        bad |= !(fabsf(v[i]) <= FLT_MAX);
    return !bad
               ? 0
               : gn_err_set(
                     err, "a map holds values that are not finite: no label can be told from them");
}

int gn_assembly_add(struct gn_assembly *a, const struct gn_record *r, struct gn_err *err)
{
    int64_t i, n, size[3], origin[3] = {0, 0, 0};
    gn_assembly_index(r, &i, &n);
    if (i != a->next || n != a->n)
        return gn_err_set(
            err, "patches are missing or out of order: %lld/%lld came when %lld/%lld was due",
            (long long)i, (long long)n, (long long)a->next, (long long)a->n);
    if (is_map(r, err))
        return -1;
    for (int k = 0; k < 3; k++)
        if (r->tensor.shape[3 - k] != a->patch[k] || r->tensor.shape[0] != a->classes)
            return gn_err_set(err, "patch %lld/%lld differs in shape from the first", (long long)i,
                              (long long)n);
    if (gn_record_get(r, "patch.of") && (gn_record_ints(r, "patch.of", size, 3, err) ||
                                         gn_record_ints(r, "patch.origin", origin, 3, err)))
        return -1;
    if (gn_record_get(r, "patch.of") && !gn_grid_same_size(size, a->size))
        return gn_err_set(err, "patch %lld/%lld is of an image of another size than the first",
                          (long long)i, (long long)n);
    if (like_first(a, r, origin, err) || (a->labels && all_finite(r, err)))
        return gn_err_wrap(err, "patch %lld/%lld", (long long)i, (long long)n);
    if (gn_stitcher_add(a->stitcher, origin, r->tensor.data, err))
        return gn_err_wrap(err, "patch %lld/%lld", (long long)i, (long long)n);
    a->next++;
    return 0;
}

bool gn_assembly_complete(const struct gn_assembly *a)
{
    return a->next == a->n;
}

int gn_assembly_finish(struct gn_assembly *a, const struct gn_assembly_spec *spec,
                       struct gn_record *out, struct gn_err *err)
{
    struct gn_tensor t = {0}, none = {0};
    if (!gn_assembly_complete(a))
        return gn_err_set(err, "patches are missing: %lld of %lld came", (long long)a->next,
                          (long long)a->n);
    if (gn_stitcher_finish(a->stitcher, &none, err) || gn_slab_finish(a->slab, &t, err))
        return -1;
    *out = a->head;
    a->head = (struct gn_record){0};
    gn_assembly_free(a);
    gn_record_take(out, &t, "czyx");
    gn_record_drop_prefix(out, "patch.");
    gn_record_drop(out, "stitch");
    if (spec->labels) {
        gn_record_drop(out, "class_list");
        gn_record_drop(out, "logits");
    }
    return 0;
}
