/* nifti_header.c - fields of NIfTI-1 and NIfTI-2 headers in either byte order; quaternions. */
#include <math.h>
#include <string.h>

#include "io/nifti.h"

const struct gn_nifti_type gn_nifti_types[] = {
    { 2, 8, GN_UINT8, 1 },      { 4, 16, GN_INT16, 1 },    { 8, 32, GN_INT32, 1 },
    { 16, 32, GN_FLOAT32, 1 },  { 64, 64, GN_FLOAT64, 1 }, { 256, 8, GN_INT8, 1 },
    { 512, 16, GN_UINT16, 1 },  { 768, 32, GN_UINT32, 1 }, { 1024, 64, GN_INT64, 1 },
    { 1280, 64, GN_UINT64, 1 }, { 128, 24, GN_UINT8, 3 },  { 2304, 32, GN_UINT8, 4 },
    { 0, 0, GN_UINT8, 0 }
};

/* Readers of one field at byte offset at, in the file's order. */
static uint64_t get_bits(const uint8_t *p, size_t at, size_t size, bool big)
{
    uint64_t v = 0;
    for (size_t i = 0; i < size; i++)
        v = v << 8 | p[at + (big ? i : size - 1 - i)];
    return v;
}

static int64_t get_int(const uint8_t *p, size_t at, size_t size, bool big)
{
    uint64_t v = get_bits(p, at, size, big);
    uint64_t sign = UINT64_C(1) << (8 * size - 1);
    return (int64_t)((v ^ sign) - sign);
}

static double get_real(const uint8_t *p, size_t at, size_t size, bool big)
{
    uint64_t v = get_bits(p, at, size, big);
    if (size == 4) {
        uint32_t w = (uint32_t)v;
        float f;
        memcpy(&f, &w, 4);
        return f;
    }
    double d;
    memcpy(&d, &v, 8);
    return d;
}

static void parse1(const uint8_t *p, bool big, struct gn_nifti *h)
{
    h->version = 1;
    for (int i = 0; i < 8; i++) {
        h->dim[i] = get_int(p, 40 + 2 * (size_t)i, 2, big);
        h->pixdim[i] = get_real(p, 76 + 4 * (size_t)i, 4, big);
    }
    h->datatype = (int)get_int(p, 70, 2, big);
    h->bitpix = (int)get_int(p, 72, 2, big);
    h->vox_offset = get_real(p, 108, 4, big);
    h->slope = get_real(p, 112, 4, big);
    h->inter = get_real(p, 116, 4, big);
    h->qform_code = (int)get_int(p, 252, 2, big);
    h->sform_code = (int)get_int(p, 254, 2, big);
    for (int i = 0; i < 3; i++) {
        h->quatern[i] = get_real(p, 256 + 4 * (size_t)i, 4, big);
        h->qoffset[i] = get_real(p, 268 + 4 * (size_t)i, 4, big);
    }
    for (int i = 0; i < 12; i++)
        h->srow[i] = get_real(p, 280 + 4 * (size_t)i, 4, big);
}

static void parse2(const uint8_t *p, bool big, struct gn_nifti *h)
{
    int64_t offset;

    h->version = 2;
    for (int i = 0; i < 8; i++) {
        h->dim[i] = get_int(p, 16 + 8 * (size_t)i, 8, big);
        h->pixdim[i] = get_real(p, 104 + 8 * (size_t)i, 8, big);
    }
    h->datatype = (int)get_int(p, 12, 2, big);
    h->bitpix = (int)get_int(p, 14, 2, big);
    offset = get_int(p, 168, 8, big);
    h->vox_offset =
        offset >= 0 && offset < INT64_C(1) << 52 ? (double)offset : -1; /* -1 is refused later */
    h->slope = get_real(p, 176, 8, big);
    h->inter = get_real(p, 184, 8, big);
    h->qform_code = (int)get_int(p, 344, 4, big);
    h->sform_code = (int)get_int(p, 348, 4, big);
    for (int i = 0; i < 3; i++) {
        h->quatern[i] = get_real(p, 352 + 8 * (size_t)i, 8, big);
        h->qoffset[i] = get_real(p, 376 + 8 * (size_t)i, 8, big);
    }
    for (int i = 0; i < 12; i++)
        h->srow[i] = get_real(p, 400 + 8 * (size_t)i, 8, big);
}

int gn_nifti_parse(const uint8_t *p, size_t n, struct gn_nifti *h)
{
    struct gn_nifti scratch;
    const uint16_t probe = 1;
    const bool machine_big = *(const uint8_t *)&probe == 0;
    int64_t little, big;

    if (!h)
        h = &scratch;
    memset(h, 0, sizeof *h);
    if (n < 4)
        return 0;
    little = get_int(p, 0, 4, false);
    big = get_int(p, 0, 4, true);
    if ((little == NIFTI1_SIZE || big == NIFTI1_SIZE) && n >= NIFTI1_SIZE) {
        bool is_big = big == NIFTI1_SIZE;
        bool magic = memcmp(p + 344, "n+1", 4) == 0 || memcmp(p + 344, "ni1", 4) == 0;
        parse1(p, is_big, h);
        h->pair = !magic || p[345] == 'i';
        h->swapped = is_big != machine_big;
        return magic ? 1 : -1;
    }
    if ((little == NIFTI2_SIZE || big == NIFTI2_SIZE) && n >= NIFTI2_SIZE) {
        bool is_big = big == NIFTI2_SIZE;
        if (memcmp(p + 4, "n+2\0\r\n\032\n", 8) != 0 && memcmp(p + 4, "ni2\0\r\n\032\n", 8) != 0)
            return 0;
        parse2(p, is_big, h);
        h->pair = p[5] == 'i';
        h->swapped = is_big != machine_big;
        return 1;
    }
    return 0;
}

int gn_nifti_from_quatern(const double q[3], const double offset[3], const double size[3],
                          double qfac, double m[12])
{
    double b = q[0], c = q[1], d = q[2], a = 1 - (b * b + c * c + d * d);

    if (!isfinite(a) || a < -1e-5)
        return -1;
    if (a < 1e-7) { /* half a turn: rounding made the rest a little more or less than 1 */
        double s = 1 / sqrt(b * b + c * c + d * d);
        b *= s;
        c *= s;
        d *= s;
        a = 0;
    } else {
        a = sqrt(a);
    }
    const double r[9] = { a * a + b * b - c * c - d * d, 2 * (b * c - a * d),
                          2 * (b * d + a * c),           2 * (b * c + a * d),
                          a * a + c * c - b * b - d * d, 2 * (c * d - a * b),
                          2 * (b * d - a * c),           2 * (c * d + a * b),
                          a * a + d * d - b * b - c * c };
    for (int i = 0; i < 3; i++) {
        m[4 * i] = r[3 * i] * size[0];
        m[4 * i + 1] = r[3 * i + 1] * size[1];
        m[4 * i + 2] = r[3 * i + 2] * size[2] * (qfac < 0 ? -1 : 1);
        m[4 * i + 3] = offset[i];
    }
    return 0;
}

int gn_nifti_to_quatern(const double m[12], double q[3], double size[3], double *qfac)
{
    double r[9], det, w, x, y, z;

    for (int j = 0; j < 3; j++) {
        size[j] = sqrt(m[j] * m[j] + m[4 + j] * m[4 + j] + m[8 + j] * m[8 + j]);
        if (!(size[j] > 0))
            return -1;
        for (int i = 0; i < 3; i++)
            r[3 * i + j] = m[4 * i + j] / size[j];
    }
    for (int j = 0; j < 3; j++) {
        int k = (j + 1) % 3;
        if (fabs(r[j] * r[k] + r[3 + j] * r[3 + k] + r[6 + j] * r[6 + k]) > 1e-5)
            return -1;
    }
    det = r[0] * (r[4] * r[8] - r[5] * r[7]) - r[1] * (r[3] * r[8] - r[5] * r[6]) +
          r[2] * (r[3] * r[7] - r[4] * r[6]);
    *qfac = det < 0 ? -1 : 1;
    if (det < 0) {
        r[2] = -r[2];
        r[5] = -r[5];
        r[8] = -r[8];
    }
    /* The largest of the four components first: no division by a small number (Shepperd 1978). */
    const double four[4] = { 1 + r[0] + r[4] + r[8], 1 + r[0] - r[4] - r[8], 1 - r[0] + r[4] - r[8],
                             1 - r[0] - r[4] + r[8] };
    int best = 0;
    for (int i = 1; i < 4; i++)
        if (four[i] > four[best])
            best = i;
    const double s = 2 * sqrt(four[best]);
    const double p[3] = { r[7] - r[5], r[2] - r[6], r[3] - r[1] };
    switch (best) {
    case 0: w = s / 4, x = p[0] / s, y = p[1] / s, z = p[2] / s; break;
    case 1: w = p[0] / s, x = s / 4, y = (r[1] + r[3]) / s, z = (r[2] + r[6]) / s; break;
    case 2: w = p[1] / s, x = (r[1] + r[3]) / s, y = s / 4, z = (r[5] + r[7]) / s; break;
    default: w = p[2] / s, x = (r[2] + r[6]) / s, y = (r[5] + r[7]) / s, z = s / 4; break;
    }
    if (w < 0)
        x = -x, y = -y, z = -z;
    q[0] = x;
    q[1] = y;
    q[2] = z;
    return 0;
}
