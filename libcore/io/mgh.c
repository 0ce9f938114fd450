/* mgh.c - FreeSurfer's MGH (.mgh) and the same gzipped (.mgz): big-endian, 284 bytes of header, the
 * voxels, and a footer of any content that is not read. Frames become channels.
 * https://surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat */
#include "io/mgh.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/voxels.h"

/* A footer holds scan parameters, a transform's name, command lines, perhaps a colour table. */
enum { HEADER = 284, USED = 90, MAX_FOOTER = 16 << 20 };

static int64_t get_int(const uint8_t *p, int size)
{
    uint32_t v = 0;

    for (int i = 0; i < size; i++)
        v = v << 8 | p[i];
    return size == 2 ? (int16_t)v : (int32_t)v;
}

static double get_real(const uint8_t *p)
{
    uint32_t v = (uint32_t)get_int(p, 4);
    float f;

    memcpy(&f, &v, 4);
    return f;
}

/* The first bytes, inflated if need be. */
static int peek(const void *data, size_t size, uint8_t head[HEADER], size_t *n, struct gn_err *err)
{
    if (gn_gzip_detect(data, size))
        return gn_gzip_peek(data, size, head, HEADER, n, err);
    *n = size < HEADER ? size : HEADER;
    if (*n)
        memcpy(head, data, *n);
    return 0;
}

/* The format has no magic: version 1, four sizes and a type must do. */
static bool is_header(const uint8_t *p, size_t n)
{
    if (n < USED || get_int(p, 4) != 1)
        return false;
    for (int i = 0; i < 4; i++)
        if (get_int(p + 4 + 4 * i, 4) < 1)
            return false;
    return get_int(p + 20, 4) >= 0 && get_int(p + 20, 4) <= 64;
}

bool gn_mgh_detect(const uint8_t *head, size_t n, const char *path)
{
    uint8_t first[HEADER];
    struct gn_err ignored = { 0 };
    size_t got = 0;

    (void)path;
    return peek(head, n, first, &got, &ignored) == 0 && is_header(first, got);
}

/* Direction cosines, sizes and the place of the centre, which is voxel dim / 2, as FreeSurfer
 * counts. Without them: 1 mm, coronal slices around 0. */
static int read_place(const uint8_t *p, const int64_t dim[3], struct gn_picture *pic,
                      struct gn_err *err)
{
    static const double coronal[9] = { -1, 0, 0, 0, 0, 1, 0, -1, 0 };
    double *m = pic->affine;

    pic->has_affine = get_int(p + 28, 2) > 0;
    for (int i = 0; i < 3; i++) {
        m[4 * i + 3] = pic->has_affine ? get_real(p + 78 + 4 * i) : 0;
        for (int j = 0; j < 3; j++) {
            m[4 * i + j] = pic->has_affine
                               ? get_real(p + 42 + 4 * (3 * j + i)) * get_real(p + 30 + 4 * j)
                               : coronal[3 * i + j];
            m[4 * i + 3] -= m[4 * i + j] * (double)dim[j] / 2;
        }
    }
    return gn_affine_check(m, "MGH", "direction cosines and spacing", err);
}

static int read_header(const uint8_t *p, size_t n, struct gn_voxels *v, struct gn_picture *pic,
                       struct gn_err *err)
{
    static const struct {
        int code;
        enum gn_dtype dtype;
    } types[] = {
        { 0, GN_UINT8 }, { 1, GN_INT32 }, { 3, GN_FLOAT32 }, { 4, GN_INT16 }, { 10, GN_UINT16 }
    };
    size_t k = 0;

    if (n < HEADER)
        return gn_err_set(err, "truncated: %zu bytes of a header of %d", n, HEADER);
    if (get_int(p, 4) != 1)
        return gn_err_set(err, "not an MGH header");
    for (int i = 0; i < 3; i++)
        v->size[i] = get_int(p + 4 + 4 * i, 4);
    v->size[3] = 1;
    v->size[4] = get_int(p + 16, 4);
    for (int i = 0; i < GN_VOXEL_AXES; i++)
        if (v->size[i] < 1)
            return gn_err_set(err, "damaged MGH header: a size of %lld", (long long)v->size[i]);
    while (k < sizeof types / sizeof *types && types[k].code != get_int(p + 20, 4))
        k++;
    if (k == sizeof types / sizeof *types)
        return gn_err_set(err, "MGH voxels of type %lld are not supported",
                          (long long)get_int(p + 20, 4));
    v->dtype = types[k].dtype;
    v->swapped = !gn_machine_big();
    gn_voxels_interleaved(v);
    return read_place(p, v->size, pic, err);
}

int gn_mgh_read(const char *path, bool header_only, struct gn_picture *pic, struct gn_err *err)
{
    struct gn_map map = { 0 }, body = { 0 };
    struct gn_voxels v = { 0 };
    uint8_t head[HEADER];
    size_t n, bytes = 0, count = 1;
    void *inflated = NULL;
    int rc = -1;

    if (gn_map_open(&map, path, err) || peek(map.data, map.size, head, &n, err) ||
        read_header(head, n, &v, pic, err))
        goto out;
    for (int i = 0; i < GN_VOXEL_AXES; i++)
        if (gn_mul_size(count, (size_t)v.size[i], &count, err))
            goto out;
    if (gn_mul_size(count, gn_dtype_size(v.dtype), &bytes, err))
        goto out;
    if (bytes > gn_mem_limit()) {
        gn_err_set(err, "claims %zu bytes, above the limit of %zu (--memory)", bytes,
                   gn_mem_limit());
        goto out;
    }
    v.at = HEADER;
    if (!gn_gzip_detect(map.data, map.size)) {
        if (map.size < HEADER + bytes) {
            gn_err_set(err, "truncated: %zu bytes, its header says %zu", map.size, HEADER + bytes);
            goto out;
        }
        body = map;
        body.size = HEADER + bytes; /* without the footer */
        rc = gn_voxels_read(&body, path, &v, header_only, pic, err);
        if (!body.data) { /* moved into pic, which unmaps all of it */
            pic->map.size = map.size;
            memset(&map, 0, sizeof map);
        }
        goto out;
    }
    if ((HEADER + bytes) / 1032 > map.size) {
        gn_err_set(err, "claims %zu bytes, more than %zu compressed bytes can hold",
                   HEADER + bytes, map.size);
        goto out;
    }
    if (!header_only) {
        if (gn_gzip_inflate_range(map.data, map.size, HEADER + bytes,
                                  HEADER + bytes + MAX_FOOTER, &inflated, &n, err))
            goto out;
        memmove(inflated, (char *)inflated + HEADER, bytes);
        gn_voxels_copy(inflated, inflated, count, gn_dtype_size(v.dtype), v.swapped);
        pic->tensor.data = pic->tensor.owned = inflated;
        inflated = NULL;
    }
    pic->stored = pic->tensor.dtype = v.dtype;
    pic->tensor.rank = 4;
    pic->tensor.shape[0] = v.size[4];
    for (int i = 0; i < 3; i++)
        pic->tensor.shape[3 - i] = v.size[i];
    rc = 0;
out:
    free(inflated);
    gn_map_close(&map);
    return rc;
}
