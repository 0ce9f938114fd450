/* sampler.c - random patches: uniform, or with a centre drawn from a label map.
 *
 * Centres are drawn by inverting the cumulative sum of the weights in storage order, kept at the
 * end of each row only: a draw finds its row by bisection and walks along it, adding in the order
 * in which the sum was made. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/patch.h"

const char *const gn_sampler_names[] = {"uniform", "label", "weighted", "balanced", NULL};

/* Rows and columns in which a centre can lie, hi exclusive. */
static void centres(const struct gn_sampler *s, int64_t lo[3], int64_t hi[3])
{
    for (int k = 0; k < 3; k++) {
        lo[k] = s->patch[k] / 2;
        hi[k] = s->size[k] - (s->patch[k] - 1) / 2;
    }
}

static void read_row(const struct gn_sampler *s, const struct gn_tensor *label, int64_t row,
                     double *out)
{
    const char *p = label->data;
    p += (size_t)(row * s->size[0]) * gn_dtype_size(label->dtype);
    gn_convert_to_double(p, label->dtype, out, (size_t)s->size[0]);
}

/* A label value as an integer; what is none (NaN, beyond 2^53) is one value of its own. */
static int64_t label_value(double v)
{
    return fabs(v) < 0x1p53 ? (int64_t)v : INT64_MIN;
}

/* Place of a value among those that occur, or where it belongs. */
static int find_value(const struct gn_sampler *s, int64_t v)
{
    int lo = 0, hi = s->n_values;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (s->value[mid] < v)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static double weight_of(const struct gn_sampler *s, double label, int *last)
{
    if (s->kind == GN_SAMPLER_LABEL)
        return label > 0;
    if (s->kind == GN_SAMPLER_WEIGHTED)
        return label;
    int64_t v = label_value(label);
    if (*last >= s->n_values || s->value[*last] != v)
        *last = find_value(s, v);
    return s->voxel_weight[*last];
}

/* Which label values occur where a centre is possible, and how often; then what a voxel weighs. */
enum { MAX_VALUES = 65536 };

static int balance(struct gn_sampler *s, const struct gn_tensor *label, double *row,
                   const struct gn_sampler_class *classes, int n_classes, struct gn_err *err)
{
    int64_t lo[3], hi[3], *count = NULL;
    int cap = 0, at = 0, rc = -1;
    centres(s, lo, hi);
    for (int64_t z = lo[2]; z < hi[2]; z++)
        for (int64_t y = lo[1]; y < hi[1]; y++) {
            read_row(s, label, z * s->size[1] + y, row);
            for (int64_t x = lo[0]; x < hi[0]; x++) {
                int64_t v = label_value(row[x]);
                if (at < s->n_values && s->value[at] == v) {
                    count[at]++;
                    continue;
                }
                at = find_value(s, v);
                if (at == s->n_values || s->value[at] != v) {
                    if (s->n_values == MAX_VALUES) {
                        gn_err_set(err, "more than %d different labels", MAX_VALUES);
                        goto out;
                    }
                    if (s->n_values == cap) {
                        cap = cap ? 2 * cap : 16;
                        s->value = gn_realloc(s->value, (size_t)cap * sizeof *s->value);
                        count = gn_realloc(count, (size_t)cap * sizeof *count);
                    }
                    size_t tail = (size_t)(s->n_values - at);
                    memmove(s->value + at + 1, s->value + at, tail * sizeof *s->value);
                    memmove(count + at + 1, count + at, tail * sizeof *count);
                    s->value[at] = v;
                    count[at] = 0;
                    s->n_values++;
                }
                count[at]++;
            }
        }
    s->voxel_weight = gn_alloc((size_t)(s->n_values ? s->n_values : 1) * sizeof *s->voxel_weight);
    for (int i = 0; !n_classes && i < s->n_values; i++)
        s->voxel_weight[i] = 1.0 / (double)count[i];
    double sum = 0;
    for (int c = 0; c < n_classes; c++) {
        if (!(classes[c].weight >= 0) || isinf(classes[c].weight)) {
            gn_err_set(err, "a class weight must not be negative: %g", classes[c].weight);
            goto out;
        }
        sum += classes[c].weight;
    }
    for (int c = 0; c < n_classes; c++) {
        int64_t n = 0;
        for (int m = 0; m < classes[c].n; m++) {
            int i = find_value(s, classes[c].value[m]);
            if (i < s->n_values && s->value[i] == classes[c].value[m])
                n += count[i];
        }
        for (int m = 0; n && m < classes[c].n; m++) {
            int i = find_value(s, classes[c].value[m]);
            if (i < s->n_values && s->value[i] == classes[c].value[m])
                s->voxel_weight[i] += classes[c].weight / sum / (double)n;
        }
    }
    rc = 0;
out:
    free(count);
    return rc;
}

int gn_sampler_init(struct gn_sampler *s, enum gn_sampler_kind kind, const int64_t size[3],
                    const struct gn_tensor *label, const int64_t patch[3],
                    const struct gn_sampler_class *classes, int n_classes, struct gn_err *err)
{
    double *row = NULL;
    int64_t lo[3], hi[3], pad[3];
    int rc = -1, last = 0;
    bool small = false;
    *s = (struct gn_sampler){.kind = kind};
    memcpy(s->size, size, sizeof s->size);
    memcpy(s->patch, patch, sizeof s->patch);
    for (int k = 0; k < 3; k++) {
        pad[k] = patch[k] > size[k] ? (patch[k] - size[k] + 1) / 2 : 0;
        small |= pad[k] > 0;
    }
    if (small)
        return gn_err_set(err,
                          "the patch %lldx%lldx%lld is larger than the image %lldx%lldx%lld: "
                          "pad by %lld,%lld,%lld on each side",
                          (long long)patch[0], (long long)patch[1], (long long)patch[2],
                          (long long)size[0], (long long)size[1], (long long)size[2],
                          (long long)pad[0], (long long)pad[1], (long long)pad[2]);
    if (kind == GN_SAMPLER_UNIFORM)
        return 0;
    if (!label || label->rank != 4 || label->shape[3] != size[0] || label->shape[2] != size[1] ||
        label->shape[1] != size[2])
        return gn_err_set(err, "the label is not of the image's size");
    row = gn_try_alloc((size_t)size[0] * sizeof *row, err);
    s->row = gn_try_alloc((size_t)(size[1] * size[2]) * sizeof *s->row, err);
    if (!row || !s->row)
        goto out;
    if (kind == GN_SAMPLER_BALANCED && balance(s, label, row, classes, n_classes, err))
        goto out;
    centres(s, lo, hi);
    double sum = 0;
    for (int64_t r = 0; r < size[1] * size[2]; r++) {
        int64_t y = r % size[1], z = r / size[1];
        if (y >= lo[1] && y < hi[1] && z >= lo[2] && z < hi[2]) {
            read_row(s, label, r, row);
            for (int64_t x = lo[0]; x < hi[0]; x++) {
                double w = weight_of(s, row[x], &last);
                if (!(w >= 0) || isinf(w)) {
                    gn_err_set(err,
                               "a sampling weight must be finite and not negative: %g at "
                               "voxel %lld %lld %lld",
                               w, (long long)x, (long long)y, (long long)z);
                    goto out;
                }
                sum += w;
            }
        }
        s->row[r] = sum;
    }
    s->total = sum;
    s->empty = !(sum > 0);
    rc = 0;
out:
    free(row);
    if (rc)
        gn_sampler_free(s);
    return rc;
}

void gn_sampler_free(struct gn_sampler *s)
{
    free(s->row);
    free(s->value);
    free(s->voxel_weight);
    *s = (struct gn_sampler){0};
}

int gn_sampler_empty_error(const struct gn_sampler *s, struct gn_err *err)
{
    return gn_err_set(
        err,
        "no labelled voxel can be the centre of a %lldx%lldx%lld patch "
        "(patch_sampler: {type: label, enable_padding: true} or uniform helps, and so "
        "does a smaller patch)",
        (long long)s->patch[0], (long long)s->patch[1], (long long)s->patch[2]);
}

void gn_sampler_draw(const struct gn_sampler *s, const struct gn_tensor *label,
                     const struct gn_draw *where, int64_t origin[3], int64_t centre[3])
{
    if (s->kind == GN_SAMPLER_UNIFORM) {
        for (int k = 0; k < 3; k++) {
            uint64_t starts = (uint64_t)(s->size[k] - s->patch[k] + 1);
            origin[k] = (int64_t)gn_draw_below(where, (uint64_t)k, starts);
            centre[k] = origin[k] + s->patch[k] / 2;
        }
        return;
    }
    double u = fmax(0x1p-23, gn_draw_uniform(where, 0)) * s->total;
    int64_t lo = 0, hi = s->size[1] * s->size[2] - 1;
    while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        if (s->row[mid] >= u)
            hi = mid;
        else
            lo = mid + 1;
    }
    /* Walk the row, adding as gn_sampler_init did: the sum reaches u in it. */
    double sum = lo ? s->row[lo - 1] : 0;
    const size_t item = gn_dtype_size(label->dtype);
    int64_t x = s->patch[0] / 2, end = s->size[0] - (s->patch[0] - 1) / 2;
    int last = 0;
    for (int64_t i = x; i < end; i++) {
        double v;
        gn_convert_to_double((const char *)label->data + (size_t)(lo * s->size[0] + i) * item,
                             label->dtype, &v, 1);
        double w = weight_of(s, v, &last);
        if (w > 0) {
            sum += w;
            x = i;
            if (sum >= u)
                break;
        }
    }
    centre[0] = x;
    centre[1] = lo % s->size[1];
    centre[2] = lo / s->size[1];
    for (int k = 0; k < 3; k++)
        origin[k] = centre[k] - s->patch[k] / 2;
}

double gn_sampler_probability(const struct gn_sampler *s, const struct gn_tensor *label,
                              const int64_t centre[3])
{
    int64_t lo[3], hi[3];
    int last = 0;
    centres(s, lo, hi);
    double cells = 1;
    for (int k = 0; k < 3; k++) {
        if (centre[k] < lo[k] || centre[k] >= hi[k])
            return 0;
        cells *= (double)(hi[k] - lo[k]);
    }
    if (s->kind == GN_SAMPLER_UNIFORM)
        return 1 / cells;
    int64_t at = (centre[2] * s->size[1] + centre[1]) * s->size[0] + centre[0];
    return weight_of(s, gn_tensor_get(label, at), &last) / s->total;
}
