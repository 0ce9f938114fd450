/* golden_image.h - the golden arrays of one file by numbered name, and images made of them. */
#ifndef GN_TESTS_GOLDEN_IMAGE_H
#define GN_TESTS_GOLDEN_IMAGE_H

#include "base/tensor.h"
#include "golden.h"

static struct golden *all; /* golden_read's */
static int count;
static struct gn_err err;

static const struct golden *get(const char *fmt, int i)
{
    char name[64];
    snprintf(name, sizeof name, fmt, i);
    return golden_find(all, count, name);
}

/* v (c, z, y, x), size (x, y, z). The caller frees it. */
static struct gn_tensor tensor(enum gn_dtype dtype, const double *v, int64_t c,
                               const int64_t size[3])
{
    struct gn_tensor t;
    if (gn_tensor_new4(&t, dtype, c, size[2], size[1], size[0], &err))
        exit(1);
    for (int64_t i = 0; i < gn_tensor_count(&t); i++)
        gn_tensor_set(&t, i, v[i]);
    return t;
}

#endif
