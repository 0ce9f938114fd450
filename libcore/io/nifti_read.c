/* nifti_read.c - NIfTI-1 and NIfTI-2 images: .nii, .hdr with .img, each also gzipped, either byte
 * order. Every length is checked against the bytes there are before anything is allocated. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/analyze.h"
#include "io/nifti.h"
#include "io/voxels.h"

enum { HEAD = NIFTI2_SIZE + 4 };

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

int gn_nifti_kind(const uint8_t *head, size_t n, const char *path)
{
    uint8_t first[HEAD];
    struct gn_err ignored = { 0 };
    struct gn_map map;
    size_t got = 0;
    int kind = 0;
    char *partner;

    if (peek((const char *)head, n, first, &got, &ignored) == 0 &&
        (kind = gn_nifti_parse(first, got, NULL)) != 0)
        return kind;
    partner = find_partner(path, ".img", ".hdr");
    if (partner && gn_map_open(&map, partner, &ignored) == 0) {
        if (peek(map.data, map.size, first, &got, &ignored) == 0)
            kind = gn_nifti_parse(first, got, NULL);
        gn_map_close(&map);
    }
    free(partner);
    return kind;
}

bool gn_nifti_detect(const uint8_t *head, size_t n, const char *path)
{
    return gn_nifti_kind(head, n, path) > 0;
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
    double size[3];
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
    pic->has_affine = true;
    return gn_affine_check(m, "NIfTI", which, err);
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
            gn_voxels_copy(raw, raw, count, item, true);
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
            gn_voxels_scale(&out, raw, type->dtype, h->swapped, h->slope, h->inter);
        else if (type->components > 1)
            split_components(out.data, raw, s, type->components);
        else
            gn_voxels_copy(out.data, raw, count, item, h->swapped);
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
    int kind, rc = -1;

    if (gn_map_open(&head_map, header_path ? header_path : path, err) ||
        peek(head_map.data, head_map.size, head, &n, err))
        goto out;
    if (!(kind = gn_nifti_parse(head, n, &h))) {
        gn_err_set(err, "not a NIfTI header");
        goto out;
    }
    if (!(type = find_type(&h, err)) || find_shape(&h, type, pic->tensor.shape, &count, err) ||
        (kind < 0 ? gn_analyze_affine(head, &h, pic->affine, err) : find_affine(&h, pic, err)))
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
        if (kind > 0 && !gn_gzip_detect(head_map.data, head_map.size) &&
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

/* ---- what the reader forgives ---- */
int gn_picture_check_header(const char *path, struct gn_err *err)
{
    uint8_t raw[4096], head[NIFTI2_SIZE];
    const uint8_t *bytes = raw;
    size_t n = 0, got = 0;
    struct gn_nifti h;
    struct gn_err none = { 0 };
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    n = fread(raw, 1, sizeof raw, f);
    fclose(f);
    if (gn_gzip_detect(raw, n)) {
        if (gn_gzip_peek(raw, n, head, sizeof head, &got, &none))
            return 0;
        bytes = head;
        n = got;
    }
    if (gn_nifti_parse(bytes, n, &h) != 1)
        return 0;
    for (int i = 0; i < 3 && i < h.dim[0]; i++) {
        double column = sqrt(h.srow[i] * h.srow[i] + h.srow[4 + i] * h.srow[4 + i] +
                             h.srow[8 + i] * h.srow[8 + i]);
        if (h.sform_code > 0 && !(column > 0 && isfinite(column)))
            gn_err_set(err, "%s: column %d of the sform is %s", path, i + 1,
                       isfinite(column) ? "0" : "not finite");
        else if (h.dim[i + 1] > 1 && !(h.pixdim[i + 1] > 0 && isfinite(h.pixdim[i + 1])))
            gn_err_set(err, "%s: pixdim[%d] is %g", path, i + 1, h.pixdim[i + 1]);
    }
    return err->code ? -1 : 0;
}
