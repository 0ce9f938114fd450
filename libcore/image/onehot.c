/* onehot.c - class maps back to labels. */
#include "image/onehot.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/str.h"

const char *const gn_decode_names[] = { "threshold", "argmax", NULL };

int gn_decode_values(const char *class_list, int64_t *value, int max, struct gn_err *err)
{
    int n = 0;
    bool joined = false, has_zero = false;
    const char *p = class_list + strspn(class_list, " ");
    while (*p) {
        size_t len = strcspn(p, " ");
        char word[512];
        if (len >= sizeof word)
            return gn_err_set(err, "class_list: a class longer than %zu bytes", sizeof word - 1);
        memcpy(word, p, len);
        word[len] = 0;
        if (n == max)
            return gn_err_set(err, "class_list: more than %d classes", max);
        bool one = !strstr(word, "||");
        joined |= !one;
        for (char *part = word; part;) {
            char *bar = strstr(part, "||");
            if (bar)
                *bar = 0;
            if (gn_parse_int(part, &value[n]))
                return gn_err_set(err, "class_list: not a label: %s", part);
            part = bar ? bar + 2 : NULL;
        }
        has_zero |= one && value[n] == 0;
        n++;
        p += len;
        p += strspn(p, " ");
    }
    if (!n)
        return gn_err_set(err, "class_list: empty");
    for (int k = 0; joined && k < n; k++)
        value[k] = has_zero ? k : k + 1;
    return n;
}

enum gn_dtype gn_decode_dtype(const int64_t *value, int n)
{
    static const struct {
        enum gn_dtype dtype;
        int64_t lo, hi;
    } fits[] = {
        { GN_UINT8, 0, UINT8_MAX },        { GN_UINT16, 0, UINT16_MAX },
        { GN_UINT32, 0, UINT32_MAX },      { GN_INT8, INT8_MIN, INT8_MAX },
        { GN_INT16, INT16_MIN, INT16_MAX }, { GN_INT32, INT32_MIN, INT32_MAX },
    };
    int64_t lo = 0, hi = 0;
    for (int k = 0; k < n; k++) {
        lo = value[k] < lo ? value[k] : lo;
        hi = value[k] > hi ? value[k] : hi;
    }
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++)
        if (lo >= fits[i].lo && hi <= fits[i].hi)
            return fits[i].dtype;
    return GN_INT64;
}

void gn_decode_labels(const float *maps, int64_t stride, int classes, int64_t n,
                      enum gn_decode decode, double threshold, const int64_t *value, int64_t *label)
{
    if (decode == GN_DECODE_THRESHOLD) {
        for (int64_t i = 0; i < n; i++)
            label[i] = 0;
        for (int k = 0; k < classes; k++)
            for (int64_t i = 0; i < n; i++)
                label[i] = maps[k * stride + i] >= threshold ? value[k] : label[i];
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        int best = 0;
        for (int k = 1; k < classes; k++)
            if (maps[k * stride + i] > maps[best * stride + i])
                best = k;
        label[i] = value[best];
    }
}

#define STORE(type)                                                                \
    for (int64_t i = 0; i < n; i++)                                                \
        ((type *)label->data)[first + i * stride] = (type)value[i];                \
    break
void gn_decode_store(struct gn_tensor *label, int64_t first, int64_t stride, const int64_t *value,
                     int64_t n)
{
    switch (label->dtype) {
    case GN_UINT8:
    case GN_INT8: STORE(uint8_t);
    case GN_UINT16:
    case GN_INT16: STORE(uint16_t);
    case GN_UINT32:
    case GN_INT32: STORE(uint32_t);
    default: STORE(int64_t);
    }
}

struct decode_job {
    const struct gn_tensor *maps;
    struct gn_tensor *label;
    enum gn_decode decode;
    double threshold;
    const int64_t *value;
};

enum { DECODE_RUN = 1024 };

static void decode_plane(void *arg, size_t z, int thread)
{
    struct decode_job *j = arg;
    int64_t plane = j->maps->shape[2] * j->maps->shape[3], first = (int64_t)z * plane;
    int64_t label[DECODE_RUN];
    (void)thread;
    for (int64_t i = 0; i < plane; i += DECODE_RUN) {
        int64_t n = plane - i < DECODE_RUN ? plane - i : DECODE_RUN;
        gn_decode_labels((const float *)j->maps->data + first + i, j->maps->shape[1] * plane,
                         (int)j->maps->shape[0], n, j->decode, j->threshold, j->value, label);
        gn_decode_store(j->label, first + i, 1, label, n);
    }
}

int gn_decode_tensor(const struct gn_tensor *maps, enum gn_decode decode, double threshold,
                     const int64_t *value, struct gn_tensor *label, struct gn_err *err)
{
    if (maps->rank != 4 || maps->dtype != GN_FLOAT32)
        return gn_err_set(err, "class maps must be float32 and c z y x");
    if (gn_tensor_new4(label, gn_decode_dtype(value, (int)maps->shape[0]), 1, maps->shape[1],
                       maps->shape[2], maps->shape[3], err))
        return -1;
    struct decode_job j = { maps, label, decode, threshold, value };
    gn_pool_run((size_t)maps->shape[1], decode_plane, &j);
    return 0;
}
