/* handmade.h - for the readers of text headers: headers made by hand with twelve voxels behind
 * them, 1 to 12. Set file, voxels and behind first. */
#ifndef GN_TESTS_HANDMADE_H
#define GN_TESTS_HANDMADE_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/format.h"

static struct gn_err err;
static const char *file;   /* the name that the header gets */
static const char *voxels; /* bytes of the twelve */
static size_t behind;      /* how many of them follow the header */

static void put(const char *name, const char *text, const void *data, size_t n)
{
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(text, 1, strlen(text), f) != strlen(text) || fwrite(data, 1, n, f) != n ||
        fclose(f))
        abort();
}

/* A header and the voxels. */
static int get(const char *text, struct gn_picture *pic)
{
    gn_err_clear(&err);
    put(file, text, voxels, behind);
    return gn_picture_read(file, false, pic, &err);
}

static int counts(const struct gn_picture *pic)
{
    for (int64_t i = 0; i < 12; i++)
        if (gn_tensor_get(&pic->tensor, i) != (double)(i + 1))
            return 0;
    return pic->tensor.shape[3] == 3 && pic->tensor.shape[2] == 2 && pic->tensor.shape[1] == 2;
}

static int reads(const char *text)
{
    struct gn_picture pic;
    int ok = get(text, &pic) == 0;

    if (!ok)
        printf("# %s\n", err.text);
    ok = ok && counts(&pic);
    gn_picture_free(&pic);
    return ok;
}

static int at(const char *text, const double want[12])
{
    struct gn_picture pic;
    int ok = get(text, &pic) == 0;

    for (int i = 0; ok && i < 12; i++)
        if (fabs(pic.affine[i] - want[i]) > 1e-12) {
            printf("# affine[%d] is %g\n", i, pic.affine[i]);
            ok = 0;
        }
    if (err.code)
        printf("# %s\n", err.text);
    gn_picture_free(&pic);
    return ok;
}

static int refused(const char *text, const char *why)
{
    struct gn_picture pic;

    if (get(text, &pic) == 0) {
        gn_picture_free(&pic);
        return 0;
    }
    if (!strstr(err.text, why) || strchr(err.text, '\n'))
        printf("# %s\n", err.text);
    return strstr(err.text, why) && !strchr(err.text, '\n');
}

/* Written and read again: the same dtype, shape, voxels, and the affine but for part of itself. */
static int returns(const char *name, enum gn_dtype dtype, const int64_t s[4], double part)
{
    static const double affine[12] = { -0.32, 1, 1.1, 31.25, -0.2, -0.78, 1.86, -17.5,
                                       0.59, 0.28, 1.25, 93.125 };
    struct gn_picture pic = { 0 }, back = { 0 };
    size_t bytes = 0;
    int ok;

    gn_err_clear(&err);
    memcpy(pic.affine, affine, sizeof affine);
    if (gn_tensor_new(&pic.tensor, dtype, 4, s, &err) ||
        gn_tensor_bytes(&pic.tensor, &bytes, &err))
        abort();
    for (int64_t i = 0; i < gn_tensor_count(&pic.tensor); i++)
        gn_tensor_set(&pic.tensor, i, (double)(i * 37 % 251) - 100);
    ok = gn_picture_write(name, &pic, &err) == 0 && gn_picture_read(name, false, &back, &err) == 0;
    if (!ok)
        printf("# %s\n", err.text);
    ok = ok && back.tensor.dtype == dtype && back.stored == dtype &&
         memcmp(back.tensor.shape, pic.tensor.shape, sizeof back.tensor.shape) == 0 &&
         memcmp(back.tensor.data, pic.tensor.data, bytes) == 0;
    for (int i = 0; ok && i < 12; i++)
        ok = fabs(back.affine[i] - affine[i]) <= part * fabs(affine[i]);
    gn_picture_free(&back);
    gn_picture_free(&pic);
    return ok;
}

#endif
