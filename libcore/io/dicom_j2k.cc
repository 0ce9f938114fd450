/* dicom_j2k.cc - JPEG 2000 in DICOM, by OpenJPEG: sizes are compared with the tags before anything
 * is decoded. */
#include <openjpeg.h>

#include <algorithm>
#include <cstring>

#include "io/dicom.h"

namespace gn_dicom
{

namespace
{

struct memory {
    const uint8_t *p;
    size_t n, at;
};

OPJ_SIZE_T memory_read(void *to, OPJ_SIZE_T n, void *arg)
{
    struct memory *m = (struct memory *)arg;
    if (m->at >= m->n)
        return (OPJ_SIZE_T)-1;
    n = std::min(n, m->n - m->at);
    memcpy(to, m->p + m->at, n);
    m->at += n;
    return n;
}

OPJ_OFF_T memory_skip(OPJ_OFF_T n, void *arg)
{
    struct memory *m = (struct memory *)arg;
    if (n < 0 || (size_t)n > m->n - m->at)
        return -1;
    m->at += (size_t)n;
    return n;
}

OPJ_BOOL memory_seek(OPJ_OFF_T to, void *arg)
{
    struct memory *m = (struct memory *)arg;
    if (to < 0 || (size_t)to > m->n)
        return OPJ_FALSE;
    m->at = (size_t)to;
    return OPJ_TRUE;
}

/* The size marker says what the tags say, and no more tiles than an image of this size has:
 * OpenJPEG makes room for all that are claimed before anything can be asked of it. ISO 15444-1,
 * A.5.1. */
int check_size(const struct file &f, const std::vector<uint8_t> &code, struct gn_err *err)
{
    static const uint8_t start[] = { 0xff, 0x4f, 0xff, 0x51 };
    const auto found = std::search(code.begin(), code.end(), start, start + sizeof start);
    uint64_t v[8]; /* size, offset of the image, size and offset of the tiles; each x, y */

    if (code.end() - found < 42)
        return fail(err, "not a JPEG 2000 code stream");
    const uint8_t *p = &*found;
    for (int i = 0; i < 8; i++)
        v[i] = gn_dicom_number(p + 8 + 4 * i, 4, true);
    if (v[0] - v[2] != (uint64_t)f.columns || v[1] - v[3] != (uint64_t)f.rows ||
        gn_dicom_number(p + 40, 2, true) != (uint32_t)f.samples)
        return fail(err, "the JPEG 2000 code stream is of another size than the tags say");
    if (!v[4] || !v[5] || v[6] > v[2] || v[7] > v[3])
        return fail(err, "damaged JPEG 2000 data");
    const uint64_t across = (v[0] - v[6] + v[4] - 1) / v[4];
    const uint64_t down = (v[1] - v[7] + v[5] - 1) / v[5];
    if (across > 65535 || down > 65535 ||
        across * down > 16 + (uint64_t)f.rows * (uint64_t)f.columns / 1024)
        return fail(err, "JPEG 2000 data in too many tiles");
    return 0;
}

} // namespace

int decode_j2k(const struct file &f, const std::vector<uint8_t> &code, std::vector<uint8_t> &out,
               struct gn_err *err)
{
    const size_t count = (size_t)f.rows * (size_t)f.columns;
    struct memory m = { code.data(), code.size(), 0 };
    const bool boxed = code.size() > 12 && memcmp(code.data() + 4, "jP  ", 4) == 0;
    std::unique_ptr<opj_codec_t, void (*)(opj_codec_t *)> codec(
        opj_create_decompress(boxed ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K),
        [](opj_codec_t *c) { opj_destroy_codec(c); });
    std::unique_ptr<opj_stream_t, void (*)(opj_stream_t *)> stream(
        opj_stream_default_create(OPJ_TRUE), [](opj_stream_t *t) { opj_stream_destroy(t); });

    if (check_size(f, code, err))
        return -1;
    if (!codec || !stream)
        return host->err_set(err, "out of memory");
    opj_stream_set_user_data(stream.get(), &m, nullptr);
    opj_stream_set_user_data_length(stream.get(), m.n);
    opj_stream_set_read_function(stream.get(), memory_read);
    opj_stream_set_skip_function(stream.get(), memory_skip);
    opj_stream_set_seek_function(stream.get(), memory_seek);
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    opj_image_t *made = nullptr;
    const bool opened = opj_setup_decoder(codec.get(), &parameters) &&
                        opj_decoder_set_strict_mode(codec.get(), OPJ_TRUE) &&
                        opj_read_header(stream.get(), codec.get(), &made);
    std::unique_ptr<opj_image_t, void (*)(opj_image_t *)> image(made, opj_image_destroy);
    if (!opened || !made)
        return fail(err, "not a JPEG 2000 code stream");
    if ((int)made->numcomps != f.samples || made->x1 - made->x0 != (OPJ_UINT32)f.columns ||
        made->y1 - made->y0 != (OPJ_UINT32)f.rows || f.allocated > 16 || f.allocated < 8)
        return fail(err, "the JPEG 2000 code stream is of another size than the tags say");
    for (int c = 0; c < f.samples; c++)
        if (made->comps[c].dx != 1 || made->comps[c].dy != 1 ||
            (int)made->comps[c].prec > f.allocated)
            return fail(err, "the JPEG 2000 code stream is of another precision than the tags say");
    if (!opj_decode(codec.get(), stream.get(), made) ||
        !opj_end_decompress(codec.get(), stream.get()))
        return fail(err, "damaged or truncated JPEG 2000 data");
    out.resize(count * (size_t)f.samples * (size_t)(f.allocated / 8));
    for (int c = 0; c < f.samples; c++) {
        const opj_image_comp_t *from = &made->comps[c];
        if (!from->data || from->w != (OPJ_UINT32)f.columns || from->h != (OPJ_UINT32)f.rows)
            return fail(err, "damaged JPEG 2000 data");
        for (size_t i = 0; i < count; i++) {
            const size_t at = i * (size_t)f.samples + (size_t)c;
            const uint16_t v = (uint16_t)from->data[i];
            if (f.allocated == 8)
                out[at] = (uint8_t)v;
            else
                memcpy(&out[2 * at], &v, 2);
        }
    }
    return 0;
}

} // namespace gn_dicom
