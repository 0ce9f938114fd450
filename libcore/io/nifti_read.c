/* nifti_read.c - NIfTI-1 and NIfTI-2 images: .nii, .hdr with .img, each also gzipped, either byte
 * order. Every length is checked against the bytes there are before anything is allocated. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/nifti.h"

enum { HEAD = NIFTI2_SIZE + 4, CHUNK = 4096 };

/* x.img.gz with from ".img", to ".hdr": x.hdr or x.hdr.gz, whichever there is. NULL: not such a
 * name, or neither. */
static char *find_partner(const char *path, const char *from, const char *to)
{
    size_t n = strlen(path);
    char *name;

    if (n > 3 && strcasecmp(path + n - 3, ".gz") == 0)
        n -= 3;
    if (n < 4 || strncasecmp(path + n - 4, from, 4) != 0)
        return NULL;
    for (int i = 0; i < 4; i++) {
        char ext[8];
        for (size_t k = 0; k < 4; k++)
            ext[k] = (char)(i & 1 ? toupper((unsigned char)to[k]) : to[k]);
        strcpy(ext + 4, i & 2 ? ".gz" : "");
        name = gn_asprintf("%.*s%s", (int)(n - 4), path, ext);
        if (access(name, F_OK) == 0)
            return name;
        free(name);
    }
    return NULL;
}

/* The first bytes of a file, inflated if need be. */
static int peek(const char *data, size_t size, uint8_t head[HEAD], size_t *n, struct gn_err *err)
{
    if (gn_gzip_detect(data, size))
        return gn_gzip_peek(data, size, head, HEAD, n, err);
    *n = size < HEAD ? size : HEAD;
    if (*n)
        memcpy(head, data, *n);
    return 0;
}

bool gn_nifti_detect(const uint8_t *head, size_t n, const char *path)
{
    uint8_t first[HEAD];
    struct gn_err ignored = { 0 };
    struct gn_map map;
    size_t got = 0;
    bool yes = false;
    char *partner;

    if (peek((const char *)head, n, first, &got, &ignored) == 0 &&
        gn_nifti_parse(first, got, NULL) != 0)
        return true;
    partner = find_partner(path, ".img", ".hdr");
    if (partner && gn_map_open(&map, partner, &ignored) == 0) {
        yes = peek(map.data, map.size, first, &got, &ignored) == 0 &&
              gn_nifti_parse(first, got, NULL) != 0;
        gn_map_close(&map);
    }
    free(partner);
    return yes;
}

static const struct gn_nifti_type *find_type(const struct gn_nifti *h, struct gn_err *err)
{
    static const struct {
        int code;
        const char *name;
    } refused[] = { { 1, "1-bit" },
                    { 32, "complex64" },
                    { 1536, "float128" },
                    { 1792, "complex128" },
                    { 2048, "complex256" } };

    for (const struct gn_nifti_type *t = gn_nifti_types; t->code; t++)
        if (t->code == h->datatype) {
            if (t->bits == h->bitpix)
                return t;
            gn_err_set(err, "damaged NIfTI header: datatype %d has %d bits, not %d", t->code,
                       t->bits, h->bitpix);
            return NULL;
        }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (refused[i].code == h->datatype) {
            gn_err_set(err, "%s voxels are not supported", refused[i].name);
            return NULL;
        }
    gn_err_set(err, "damaged NIfTI header: no datatype %d", h->datatype);
    return NULL;
}

/* dim -> shape c z y x and the number of voxels of the file (components counted as one). */
static int find_shape(const struct gn_nifti *h, const struct gn_nifti_type *type, int64_t shape[4],
                      size_t *count, struct gn_err *err)
{
    int64_t size[4] = { 1, 1, 1, 1 };
    int more = 0;

    if (h->dim[0] < 1 || h->dim[0] > 7)
        return gn_err_set(err, "damaged NIfTI header: %lld dimensions", (long long)h->dim[0]);
    *count = 1;
    for (int i = 1; i <= h->dim[0]; i++) {
        if (h->dim[i] < 1)
            return gn_err_set(err, "damaged NIfTI header: dimension %d has size %lld", i,
                              (long long)h->dim[i]);
        if (gn_mul_size(*count, (size_t)h->dim[i], count, err))
            return -1;
        if (i > 3 && h->dim[i] > 1 && more++)
            return gn_err_set(err, "more than one of dimensions 4 to 7 is larger than 1");
        if (i <= 3)
            size[i - 1] = h->dim[i];
        else
            size[3] *= h->dim[i];
    }
    if (*count > SIZE_MAX / 16)
        return gn_err_set(err, "damaged NIfTI header: %zu voxels", *count);
    for (int i = 0; i < 4; i++)
        shape[i] = size[3 - i];
    shape[0] *= type->components;
    return 0;
}

static int find_affine(const struct gn_nifti *h, struct gn_picture *pic, struct gn_err *err)
{
    double size[3], length = 1, det;
    double *m = pic->affine;
    const char *which;

    for (int i = 0; i < 3; i++) {
        size[i] = i < h->dim[0] ? fabs(h->pixdim[i + 1]) : 1;
        if (size[i] == 0)
            size[i] = 1;
    }
    if (h->sform_code > 0) {
        which = "sform";
        memcpy(m, h->srow, sizeof pic->affine);
        pic->form = h->sform_code;
    } else if (h->qform_code > 0) {
        which = "qform";
        if (gn_nifti_from_quatern(h->quatern, h->qoffset, size, h->pixdim[0], m))
            return gn_err_set(err, "damaged NIfTI header: the qform is not a rotation");
        pic->form = h->qform_code;
    } else {
        which = "pixdim";
        for (int i = 0; i < 12; i++)
            m[i] = i % 5 ? 0 : size[i / 5];
    }
    if (pic->form > 5)
        pic->form = 0;
    for (int i = 0; i < 12; i++)
        if (!isfinite(m[i]))
            return gn_err_set(err, "damaged NIfTI header: the %s is not finite", which);
    for (int j = 0; j < 3; j++)
        length *= sqrt(m[j] * m[j] + m[4 + j] * m[4 + j] + m[8 + j] * m[8 + j]);
    det = m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) +
          m[2] * (m[4] * m[9] - m[5] * m[8]);
    if (!(fabs(det) > 1e-9 * length) || !isfinite(length))
        return gn_err_set(err, "the %s is singular: voxels have no volume", which);
    pic->has_affine = true;
    return 0;
}

/* Header extensions fill bytes start to end in blocks that name their size, a multiple of 16. */
static int check_extensions(const uint8_t *p, size_t start, size_t end, bool swapped,
                            struct gn_err *err)
{
    if (end < start + 4 || p[start] == 0)
        return 0;
    for (size_t at = start + 4; at < end;) {
        uint32_t size = 0;
        if (end - at >= 16) {
            memcpy(&size, p + at, 4);
            if (swapped)
                size = __builtin_bswap32(size);
        }
        if (size < 16 || size % 16 || size > end - at)
            return gn_err_set(err, "damaged NIfTI header: an extension of %u bytes at byte %zu",
                              size, at);
        at += size;
    }
    return 0;
}

static void swap_into(void *to, const void *from, size_t n, size_t size)
{
    switch (size) {
    case 2:
        for (size_t i = 0; i < n; i++) {
            uint16_t v;
            memcpy(&v, (const char *)from + 2 * i, 2);
            ((uint16_t *)to)[i] = __builtin_bswap16(v);
        }
        break;
    case 4:
        for (size_t i = 0; i < n; i++) {
            uint32_t v;
            memcpy(&v, (const char *)from + 4 * i, 4);
            ((uint32_t *)to)[i] = __builtin_bswap32(v);
        }
        break;
    case 8:
        for (size_t i = 0; i < n; i++) {
            uint64_t v;
            memcpy(&v, (const char *)from + 8 * i, 8);
            ((uint64_t *)to)[i] = __builtin_bswap64(v);
        }
        break;
    default: memcpy(to, from, n * size);
    }
}

static void copy_voxels(void *to, const void *from, size_t n, size_t size, bool swapped)
{
    if (swapped)
        swap_into(to, from, n, size);
    else
        memcpy(to, from, n * size);
}

/* raw -> t: slope * value + inter, in double, rounded once. */
static void scale_voxels(struct gn_tensor *t, const uint8_t *raw, size_t count,
                         const struct gn_nifti *h, enum gn_dtype dtype)
{
    size_t size = gn_dtype_size(dtype);
    _Alignas(64) uint8_t stored[CHUNK * 8];
    double value[CHUNK];

    for (size_t at = 0; at < count; at += CHUNK) {
        size_t n = count - at < CHUNK ? count - at : CHUNK;
        copy_voxels(stored, raw + at * size, n, size, h->swapped);
        gn_convert_to_double(stored, dtype, value, n);
        for (size_t i = 0; i < n; i++)
            value[i] = h->slope * value[i] + h->inter;
        if (t->dtype == GN_FLOAT64)
            memcpy((double *)t->data + at, value, n * sizeof *value);
        else
            for (size_t i = 0; i < n; i++)
                ((float *)t->data)[at + i] = (float)value[i];
    }
}

/* Interleaved components -> one volume each. */
static void split_components(uint8_t *to, const uint8_t *raw, const int64_t shape[4],
                             int components)
{
    size_t n = (size_t)(shape[1] * shape[2] * shape[3]);

    for (int64_t c = 0; c < shape[0]; c++) {
        const uint8_t *from =
            raw + (size_t)(c / components) * n * (size_t)components + c % components;
        for (size_t i = 0; i < n; i++)
            to[(size_t)c * n + i] = from[i * (size_t)components];
    }
}

static bool is_scaled(const struct gn_nifti *h, const struct gn_nifti_type *type)
{
    if (!isfinite(h->slope) || h->slope == 0 || type->components > 1)
        return false;
    return h->slope != 1 || h->inter != 0;
}

static enum gn_dtype scaled_dtype(enum gn_dtype d)
{
    /* 8 and 16 bits times a float32 slope keep their meaning in float32; wider ones do not. */
    return gn_dtype_size(d) <= 2 || d == GN_FLOAT32 ? GN_FLOAT32 : GN_FLOAT64;
}

/* Voxels from file (the map of the file that holds them) into pic; takes the map over when it can
 * be used as it is. */
static int read_voxels(struct gn_map *file, const struct gn_nifti *h,
                       const struct gn_nifti_type *type, size_t count, struct gn_picture *pic,
                       struct gn_err *err)
{
    const size_t item = gn_dtype_size(type->dtype), bytes = count * (size_t)type->bits / 8;
    const size_t offset = (size_t)h->vox_offset;
    const int64_t *s = pic->tensor.shape;
    const bool scaled = is_scaled(h, type), plain = !scaled && type->components == 1;
    struct gn_tensor out = { 0 };
    uint8_t *raw = (uint8_t *)file->data;
    void *inflated = NULL;
    size_t made;
    int rc = -1;

    if (gn_gzip_detect(file->data, file->size)) {
        if (gn_gzip_inflate(file->data, file->size, offset + bytes, &inflated, &made, err))
            goto out;
        raw = inflated;
    }
    if (!h->pair &&
        check_extensions(raw, h->version == 1 ? NIFTI1_SIZE : NIFTI2_SIZE, offset, h->swapped, err))
        goto out;
    raw += offset;
    if (plain && (uintptr_t)raw % item == 0 && (inflated || !h->swapped)) {
        if (h->swapped)
            swap_into(raw, raw, count, item);
        pic->tensor.data = raw;
        pic->tensor.owned = inflated;
        inflated = NULL;
        if (!pic->tensor.owned) {
            pic->map = *file;
            memset(file, 0, sizeof *file);
        }
    } else {
        if (gn_tensor_new4(&out, pic->tensor.dtype, s[0], s[1], s[2], s[3], err))
            goto out;
        if (scaled)
            scale_voxels(&out, raw, count, h, type->dtype);
        else if (type->components > 1)
            split_components(out.data, raw, s, type->components);
        else
            copy_voxels(out.data, raw, count, item, h->swapped);
        pic->tensor = out;
    }
    rc = 0;
out:
    free(inflated);
    return rc;
}

int gn_nifti_read(const char *path, bool header_only, struct gn_picture *pic, struct gn_err *err)
{
    struct gn_map head_map = { 0 }, file = { 0 };
    const struct gn_nifti_type *type;
    struct gn_nifti h;
    uint8_t head[HEAD];
    size_t n, count, bytes, claim, offset, first;
    char *header_path = find_partner(path, ".img", ".hdr"), *voxel_path = NULL;
    int rc = -1;

    if (gn_map_open(&head_map, header_path ? header_path : path, err) ||
        peek(head_map.data, head_map.size, head, &n, err))
        goto out;
    switch (gn_nifti_parse(head, n, &h)) {
    case 1: break;
    case -1: gn_err_set(err, "an Analyze 7.5 header, not NIfTI: not supported"); goto out;
    default: gn_err_set(err, "not a NIfTI header"); goto out;
    }
    if (!(type = find_type(&h, err)) || find_shape(&h, type, pic->tensor.shape, &count, err) ||
        find_affine(&h, pic, err))
        goto out;
    first = h.pair ? 0 : h.version == 1 ? 352 : 544;
    if (!h.pair && h.vox_offset == 0)
        h.vox_offset = (double)first;
    if (!(h.vox_offset >= (double)first && h.vox_offset < 1e15) ||
        h.vox_offset != floor(h.vox_offset)) {
        gn_err_set(err, "damaged NIfTI header: voxels at byte %g", h.vox_offset);
        goto out;
    }
    if (is_scaled(&h, type) && !isfinite(h.inter)) {
        gn_err_set(err, "damaged NIfTI header: scl_inter is not finite");
        goto out;
    }
    pic->tensor.rank = 4;
    pic->stored = type->dtype;
    pic->tensor.dtype = is_scaled(&h, type) ? scaled_dtype(type->dtype) : type->dtype;
    offset = (size_t)h.vox_offset;
    if (gn_mul_size(count, (size_t)type->bits / 8, &bytes, err))
        goto out;
    claim = bytes + offset;
    if (gn_tensor_bytes(&pic->tensor, &n, err))
        goto out;
    if (claim > gn_mem_limit() || n > gn_mem_limit()) {
        gn_err_set(err, "claims %zu bytes, above the limit of %zu (--memory)",
                   n > claim ? n : claim, gn_mem_limit());
        goto out;
    }
    if (!h.pair) {
        file = head_map;
        memset(&head_map, 0, sizeof head_map);
    } else {
        if (!gn_gzip_detect(head_map.data, head_map.size) &&
            check_extensions((const uint8_t *)head_map.data,
                             h.version == 1 ? NIFTI1_SIZE : NIFTI2_SIZE, head_map.size, h.swapped,
                             err))
            goto out;
        voxel_path = header_path ? gn_strdup(path) : find_partner(path, ".hdr", ".img");
        if (!voxel_path) {
            gn_err_set(err, "its voxels (.img) are not there");
            goto out;
        }
        if (gn_map_open(&file, voxel_path, err))
            goto out;
    }
    if (gn_gzip_detect(file.data, file.size)) {
        if (claim / 1032 > file.size) {
            gn_err_set(err, "claims %zu bytes, more than %zu compressed bytes can hold", claim,
                       file.size);
            goto out;
        }
    } else if (file.size != claim) {
        gn_err_set(err,
                   file.size < claim ? "truncated: %zu bytes, its header says %zu"
                                     : "%zu bytes, its header says %zu",
                   file.size, claim);
        goto out;
    }
    if (!header_only && read_voxels(&file, &h, type, count, pic, err))
        goto out;
    rc = 0;
out:
    gn_map_close(&file);
    gn_map_close(&head_map);
    free(voxel_path);
    free(header_path);
    return rc;
}
