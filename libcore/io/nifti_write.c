/* nifti_write.c - NIfTI-1 .nii and .nii.gz, NIfTI-2 where an extent needs it. The affine goes into
 * the sform, and into the qform too if a quaternion can say it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/nifti.h"

/* The file is little-endian, as the stream is. */
static void put_int(uint8_t *p, size_t at, size_t size, int64_t value)
{
    for (size_t i = 0; i < size; i++)
        p[at + i] = (uint8_t)((uint64_t)value >> (8 * i));
}

static void put_real(uint8_t *p, size_t at, size_t size, double value)
{
    int64_t bits = 0;
    float f = (float)value;

    if (size == 4) {
        int32_t w;
        memcpy(&w, &f, 4);
        bits = w;
    } else {
        memcpy(&bits, &value, 8);
    }
    put_int(p, at, size, bits);
}

struct fields {
    int64_t dim[8];
    double pixdim[8], q[3];
    int datatype, bits, form, qform;
};

/* Where each field lies in version 1 and 2; reals and offsets are 4 or 8 bytes wide, dimensions 2
 * or 8. */
static void put_header(uint8_t *p, int version, const struct fields *f, const double affine[12])
{
    const bool two = version == 2;
    const size_t real = two ? 8 : 4, dim = two ? 8 : 2, code = two ? 4 : 2;

    put_int(p, 0, 4, two ? NIFTI2_SIZE : NIFTI1_SIZE);
    memcpy(p + (two ? 4 : 344), two ? "n+2\0\r\n\032\n" : "n+1", two ? 8 : 4);
    put_int(p, two ? 12 : 70, 2, f->datatype);
    put_int(p, two ? 14 : 72, 2, f->bits);
    for (size_t i = 0; i < 8; i++) {
        put_int(p, (two ? 16 : 40) + i * dim, dim, f->dim[i]);
        put_real(p, (two ? 104 : 76) + i * real, real, f->pixdim[i]);
    }
    if (two)
        put_int(p, 168, 8, 544);
    else
        put_real(p, 108, 4, 352);
    put_real(p, two ? 176 : 112, real, 1);
    put_int(p, two ? 500 : 123, two ? 4 : 1, 2); /* mm */
    put_int(p, two ? 344 : 252, code, f->qform);
    put_int(p, two ? 348 : 254, code, f->form);
    for (size_t i = 0; i < 3; i++) {
        put_real(p, (two ? 352 : 256) + i * real, real, f->q[i]);
        put_real(p, (two ? 376 : 268) + i * real, real, f->qform ? affine[4 * i + 3] : 0);
    }
    /* The sform of a NIfTI-2 file keeps doubles, but what is read back is the same in both:
     * float32. */
    for (size_t i = 0; i < 12; i++)
        put_real(p, (two ? 400 : 280) + i * real, real, (float)affine[i]);
}

static bool ends_with(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && strcmp(path + n - m, end) == 0;
}

int gn_nifti_write(const char *path, const struct gn_picture *pic, struct gn_err *err)
{
    const struct gn_tensor *t = &pic->tensor;
    const struct gn_nifti_type *type = gn_nifti_types;
    struct fields f = { .form = pic->form > 0 ? pic->form : 1 };
    double size[3], qfac = 1;
    size_t bytes, first, packed_n = 0;
    void *packed = NULL;
    uint8_t *file = NULL;
    uint8_t head[544] = { 0 };
    struct gn_out out;
    bool opened = false;
    int version = 1, rc = -1;

    while (type->code && (type->dtype != t->dtype || type->components > 1))
        type++;
    if (!type->code)
        return gn_err_set(err, "NIfTI has no %s voxels", gn_dtype_names[t->dtype]);
    if (t->rank != 4)
        return gn_err_set(err, "NIfTI holds images of axes c z y x, not of rank %d", t->rank);
    if (gn_tensor_bytes(t, &bytes, err))
        return -1;
    f.datatype = type->code;
    f.bits = type->bits;
    f.dim[0] = t->shape[0] > 1 ? 4 : 3;
    for (int i = 1; i < 8; i++) {
        f.dim[i] = i <= 4 ? t->shape[4 - i] : 1;
        if (f.dim[i] > INT16_MAX)
            version = 2;
        f.pixdim[i] = 1;
    }
    f.qform = gn_nifti_to_quatern(pic->affine, f.q, size, &qfac) == 0 ? f.form : 0;
    if (!f.qform)
        memset(f.q, 0, sizeof f.q);
    for (int j = 0; j < 3; j++)
        f.pixdim[j + 1] =
            sqrt(pic->affine[j] * pic->affine[j] + pic->affine[4 + j] * pic->affine[4 + j] +
                 pic->affine[8 + j] * pic->affine[8 + j]);
    f.pixdim[0] = qfac;
    put_header(head, version, &f, pic->affine);
    first = version == 2 ? 544 : 352;

    if (ends_with(path, ".gz")) {
        if (!(file = gn_try_alloc(first + bytes, err)))
            goto out;
        memcpy(file, head, first);
        memcpy(file + first, t->data, bytes);
        if (gn_gzip_deflate(file, first + bytes, 6, &packed, &packed_n, err))
            goto out;
        free(file);
        file = NULL;
        rc = gn_file_write(path, packed, packed_n, false, err);
    } else {
        if (gn_out_open(&out, path, err))
            goto out;
        opened = true;
        if (gn_out_write(&out, head, first, err) || gn_out_write(&out, t->data, bytes, err) ||
            gn_out_commit(&out, false, err))
            goto out;
        opened = false;
        rc = 0;
    }
out:
    if (opened)
        gn_out_abort(&out);
    free(packed);
    free(file);
    return rc;
}
