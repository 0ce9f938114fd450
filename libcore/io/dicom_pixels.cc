/* dicom_pixels.cc - the pixels of one frame: native ones straight from the file, compressed ones by
 * DCMTK or OpenJPEG; then colours to RGB, and the stored bits to numbers. */
#include <dcmtk/dcmdata/dcpixel.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "io/dicom.h"

namespace gn_dicom
{

namespace
{

size_t values_of(const struct file &f)
{
    return (size_t)f.rows * (size_t)f.columns * (size_t)f.samples;
}

/* The items of the pixels after the table of offsets; the walk has checked their lengths. */
template <class Visit> void each_fragment(const struct set *s, Visit visit)
{
    const uint8_t *p = s->p + s->pixels.at;
    size_t at = 0;

    for (long i = -1; s->pixels.size - at >= 8 && gn_dicom_number(p + at + 2, 2, false) == 0xe000;
         i++) {
        const size_t len = gn_dicom_number(p + at + 4, 4, false);
        visit(i, p + at + 8, len); /* i -1: the table */
        at += 8 + len;
    }
}

/* The code stream of a frame: fragments one each, or from one start of a stream to the next. */
int gather(const struct set *s, const struct file &f, int index, std::vector<uint8_t> &code,
           struct gn_err *err)
{
    const bool one_each = count_fragments(s) == (size_t)f.frames;
    int at = -1;

    each_fragment(s, [&](long i, const uint8_t *p, size_t n) {
        if (i < 0)
            return;
        if (f.frames == 1)
            at = 0;
        else if (one_each || (n >= 4 && memcmp(p, "\xff\x4f\xff\x51", 4) == 0) ||
                 (n >= 12 && memcmp(p + 4, "jP  ", 4) == 0))
            at++;
        if (at == index)
            code.insert(code.end(), p, p + n);
    });
    return code.empty() || at + 1 != f.frames
               ? fail(err, "frames and fragments of pixels disagree")
               : 0;
}

/* Frame index of native pixels: bytes in the order of this machine, bits one a byte. */
void copy_native(const struct set *s, const struct file &f, int index, std::vector<uint8_t> &out)
{
    const uint8_t *p = s->p + s->pixels.at;
    const size_t bits = frame_bits(f), first = bits * (size_t)index;
    /* Bytes in big-endian words lie the other way round, two by two. */
    const size_t flip = s->syntax->big && s->pixels.words && f.allocated <= 8 ? 1 : 0;

    if (f.allocated == 1) {
        out.resize(bits);
        for (size_t i = 0; i < bits; i++) {
            const size_t bit = first + i, byte = std::min(bit / 8 ^ flip, s->pixels.size - 1);
            out[i] = p[byte] >> (bit % 8) & 1;
        }
        return;
    }
    const size_t n = bits / 8, begin = first / 8;
    out.resize(n);
    if (flip)
        for (size_t i = 0; i < n; i++)
            out[i] = p[std::min((begin + i) ^ 1, s->pixels.size - 1)];
    else if (s->syntax->big && f.allocated == 16)
        for (size_t i = 0; i + 1 < n; i += 2) {
            out[i] = p[begin + i + 1];
            out[i + 1] = p[begin + i];
        }
    else
        memcpy(out.data(), p + begin, n);
}

/* By DCMTK's codecs; samples interleaved. */
int decode_codec(struct set *s, const struct file &f, int index, enum kind *kind,
                 std::vector<uint8_t> &out, struct gn_err *err)
{
    DcmElement *element = nullptr;
    OFString model;
    Uint32 start = 0;
    const size_t n = values_of(f) * (size_t)(f.allocated / 8);

    /* Colours by pixel, whatever the tags of a compressed image say. */
    if (f.samples > 1)
        s->tags.putAndInsertUint16(DCM_PlanarConfiguration, 0);
    if (s->tags.findAndGetElement(DCM_PixelData, element).bad())
        return fail(err, "no pixels");
    DcmPixelData *data = dynamic_cast<DcmPixelData *>(element);
    if (!data || n > ((size_t)1 << 31))
        return fail(err, "no pixels");
    out.assign(n + 1, 0);
    const OFCondition c = data->getUncompressedFrame(&s->tags, (Uint32)index, start, out.data(),
                                                     (Uint32)(n + n % 2), model);
    if (c.bad())
        return host->err_set(err, "damaged or unsupported DICOM: its compressed pixels: %s",
                             c.text());
    if (read_int(&s->tags, DCM_Rows, 0) != f.rows ||
        read_int(&s->tags, DCM_Columns, 0) != f.columns ||
        read_int(&s->tags, DCM_SamplesPerPixel, 1) != f.samples ||
        read_int(&s->tags, DCM_BitsAllocated, 0) != f.allocated)
        return fail(err, "the compressed pixels are of another size than the tags say");
    out.resize(n);
    if (f.samples == 3) {
        if (model == "RGB")
            *kind = RGB;
        else if (model == "YBR_FULL" || model == "YBR_FULL_422")
            *kind = YBR; /* a decoder fills in what was left out */
        else
            return host->err_set(err, "DICOM pixels of kind %.30s are not supported",
                                 model.c_str());
    }
    return 0;
}

/* Y1 Y2 Cb Cr -> two pixels of three samples. */
void unpack_422(std::vector<uint8_t> &raw)
{
    std::vector<uint8_t> out(raw.size() / 4 * 6);

    for (size_t i = 0; 4 * i + 3 < raw.size(); i++) {
        const uint8_t *from = &raw[4 * i];
        uint8_t *to = &out[6 * i];
        to[0] = from[0];
        to[3] = from[1];
        to[1] = to[4] = from[2];
        to[2] = to[5] = from[3];
    }
    raw.swap(out);
}

uint8_t byte_of(double v)
{
    return (uint8_t)std::min(255.0, std::max(0.0, std::floor(v + 0.5)));
}

/* PS3.3 C.7.6.3.1.2; sample c of pixel i lies at i * step + c * plane. */
void to_rgb(uint8_t *p, size_t n, size_t step, size_t plane)
{
    for (size_t i = 0; i < n; i++, p += step) {
        const double y = p[0], b = p[plane] - 128.0, r = p[2 * plane] - 128.0;
        p[0] = byte_of(y + 1.402 * r);
        p[plane] = byte_of(y - (0.114 * 1.772 * b + 0.299 * 1.402 * r) / 0.587);
        p[2 * plane] = byte_of(y + 1.772 * b);
    }
}

/* One channel of a palette: entry first + i is lut[i], 8 bits; outside, the nearest. */
struct table {
    int first = 0;
    std::vector<uint8_t> lut;
};

int read_table(struct set *s, int channel, bool is_signed, struct table *t, struct gn_err *err)
{
    static const DcmTagKey descriptors[] = { DCM_RedPaletteColorLookupTableDescriptor,
                                             DCM_GreenPaletteColorLookupTableDescriptor,
                                             DCM_BluePaletteColorLookupTableDescriptor };
    static const DcmTagKey data[] = { DCM_RedPaletteColorLookupTableData,
                                      DCM_GreenPaletteColorLookupTableData,
                                      DCM_BluePaletteColorLookupTableData };
    static const DcmTagKey segmented[] = { DCM_SegmentedRedPaletteColorLookupTableData,
                                           DCM_SegmentedGreenPaletteColorLookupTableData,
                                           DCM_SegmentedBluePaletteColorLookupTableData };
    int v[3] = { 0, 0, 0 };
    const Uint16 *words = nullptr;
    unsigned long n = 0;

    for (unsigned long i = 0; i < 3; i++) {
        Uint16 u;
        Sint16 w;
        if (s->tags.findAndGetUint16(descriptors[channel], u, i).good())
            v[i] = i == 1 && is_signed ? (int16_t)u : u;
        else if (s->tags.findAndGetSint16(descriptors[channel], w, i).good())
            v[i] = i == 1 && is_signed ? w : (uint16_t)w;
        else
            return fail(err, "a palette without its descriptor");
    }
    const size_t entries = v[0] == 0 ? 65536 : (size_t)v[0];
    t->first = v[1];
    if (s->tags.tagExists(segmented[channel]))
        return host->err_set(err, "DICOM palettes in segments are not supported");
    if ((v[2] != 8 && v[2] != 16) ||
        s->tags.findAndGetUint16Array(data[channel], words, &n).bad() || !words)
        return fail(err, "a palette without its colours");
    t->lut.resize(entries);
    if (n >= entries) { /* a word an entry; of 8 bits too, as some write them */
        for (size_t i = 0; i < entries; i++)
            t->lut[i] = (uint8_t)(v[2] == 8 ? words[i] : words[i] >> 8);
    } else if (v[2] == 8 && n >= (entries + 1) / 2) { /* two to a word */
        for (size_t i = 0; i < entries; i++)
            t->lut[i] = (uint8_t)(words[i / 2] >> (i % 2 ? 8 : 0));
    } else {
        return fail(err, "a palette shorter than its descriptor says");
    }
    return 0;
}

/* The stored bits of values i = 0 .. n-1 at p[i * step], of unsigned type U, as numbers to out. */
template <class U, class Out>
void convert(const uint8_t *p, size_t n, size_t step, const struct file &f, bool invert,
             double slope, double inter, Out *out)
{
    const int shift = f.high + 1 - f.stored;
    const uint32_t mask = f.stored < 32 ? ((uint32_t)1 << f.stored) - 1 : 0xffffffff;
    const uint32_t sign = f.is_signed ? (uint32_t)1 << (f.stored - 1) : 0;
    const int64_t top = f.is_signed ? -1 : (int64_t)mask;

    for (size_t i = 0; i < n; i++) {
        U u;
        memcpy(&u, p + i * step * sizeof u, sizeof u);
        int64_t v = (int64_t)(((uint32_t)u >> shift & mask) ^ sign) - (int64_t)sign;
        if (invert)
            v = top - v;
        out[i] = std::is_floating_point<Out>::value ? (Out)(slope * (double)v + inter) : (Out)v;
    }
}

template <class U>
void convert_to(const uint8_t *p, size_t n, size_t step, const struct file &f, bool invert,
                const struct frame &frame, enum gn_dtype dtype, void *out)
{
    if (dtype == GN_FLOAT32)
        convert<U>(p, n, step, f, invert, frame.slope, frame.inter, (float *)out);
    else if (dtype == GN_FLOAT64)
        convert<U>(p, n, step, f, invert, frame.slope, frame.inter, (double *)out);
    else /* the same bytes for a signed type of this size */
        convert<U>(p, n, step, f, invert, 1, 0, (U *)out);
}

size_t size_of(enum gn_dtype dtype)
{
    switch (dtype) {
    case GN_UINT8:
    case GN_INT8: return 1;
    case GN_UINT16:
    case GN_INT16: return 2;
    case GN_FLOAT64: return 8;
    default: return 4;
    }
}

} // namespace

size_t frame_bits(const struct file &f)
{
    const size_t values = f.kind == YBR_422 ? (size_t)f.rows * (size_t)f.columns * 2
                                            : values_of(f);
    return values * (size_t)f.allocated;
}

size_t count_fragments(const struct set *s)
{
    size_t n = 0;

    each_fragment(s, [&](long i, const uint8_t *, size_t) { n += i >= 0; });
    return n;
}

int decode(struct set *s, const struct file &f, const struct frame &frame, enum gn_dtype dtype,
           bool scaled, std::vector<uint8_t> &out, struct gn_err *err)
{
    const size_t count = (size_t)f.rows * (size_t)f.columns, size = size_of(dtype);
    const int channels = channels_of(f);
    std::vector<uint8_t> raw, code;
    enum kind kind = f.kind;
    bool planar = f.planar && f.samples > 1;

    if (s->syntax->coder == OPENJPEG) {
        if (gather(s, f, frame.index, code, err) || decode_j2k(f, code, raw, err))
            return -1;
        planar = false;
        kind = kind == YBR_422 ? YBR : kind;
    } else if (s->syntax->coder == BY_DCMTK) {
        if (decode_codec(s, f, frame.index, &kind, raw, err))
            return -1;
        planar = false;
    } else {
        if (kind == YBR_422 && f.columns % 2)
            return fail(err, "an odd width with halved colours");
        copy_native(s, f, frame.index, raw);
        if (kind == YBR_422) {
            unpack_422(raw);
            planar = false;
        }
    }
    if (kind == YBR || kind == YBR_422)
        to_rgb(raw.data(), count, planar ? 1 : 3, planar ? count : 1);
    out.resize(count * (size_t)channels * size);
    if (kind == PALETTE) {
        std::vector<double> index(count);
        struct frame as_is = frame;
        as_is.slope = 1;
        as_is.inter = 0;
        if (f.allocated == 16)
            convert_to<uint16_t>(raw.data(), count, 1, f, false, as_is, GN_FLOAT64, index.data());
        else if (f.allocated == 32)
            return host->err_set(err, "DICOM palettes of 32 bits are not supported");
        else
            convert_to<uint8_t>(raw.data(), count, 1, f, false, as_is, GN_FLOAT64, index.data());
        for (int c = 0; c < 3; c++) {
            struct table t;
            if (read_table(s, c, f.is_signed, &t, err))
                return -1;
            for (size_t i = 0; i < count; i++)
                out[(size_t)c * count + i] = t.lut[(size_t)std::min(
                    (double)t.lut.size() - 1, std::max(0.0, index[i] - t.first))];
        }
        return 0;
    }
    for (int c = 0; c < channels; c++) {
        const size_t step = planar ? 1 : (size_t)f.samples;
        const uint8_t *p = raw.data() + (planar ? (size_t)c * count : (size_t)c) *
                                            (size_t)std::max(1, f.allocated / 8);
        void *to = out.data() + (size_t)c * count * size;
        /* White is zero; but where the values are quantities, they are what they are. */
        const bool invert = f.kind == INVERTED && !scaled;
        if (f.allocated <= 8)
            convert_to<uint8_t>(p, count, step, f, invert, frame, dtype, to);
        else if (f.allocated == 16)
            convert_to<uint16_t>(p, count, step, f, invert, frame, dtype, to);
        else
            convert_to<uint32_t>(p, count, step, f, invert, frame, dtype, to);
    }
    return 0;
}

} // namespace gn_dicom
