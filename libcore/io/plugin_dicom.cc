/* plugin_dicom.cc - DICOM by DCMTK, JPEG 2000 by OpenJPEG: one file, or a folder that holds one
 * series, whose slices are sorted by their position along the normal. Before DCMTK sees a byte, a
 * walk of our own over the tags checks every length, the depth and the size of the pixels. */
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>
#include <dirent.h>
#include <openjpeg.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/dicom_walk.h"
extern "C" {
#include "io/format.h"
}

static const struct gn_host *host;

namespace
{

enum { PREAMBLE = 132, MAX_FILES = 1 << 16 };

enum coder { DCMTK, OPENJPEG, DEFLATED };
const struct {
    const char *uid;
    E_TransferSyntax syntax; /* of the data set as DCMTK is given it */
    enum coder coder;
    bool is_explicit, big;
} syntaxes[] = {
    { "1.2.840.10008.1.2", EXS_LittleEndianImplicit, DCMTK, false, false },
    { "1.2.840.10008.1.2.1", EXS_LittleEndianExplicit, DCMTK, true, false },
    { "1.2.840.10008.1.2.2", EXS_BigEndianExplicit, DCMTK, true, true },
    { "1.2.840.10008.1.2.1.99", EXS_LittleEndianExplicit, DEFLATED, true, false },
    { "1.2.840.10008.1.2.5", EXS_RLELossless, DCMTK, true, false },
    { "1.2.840.10008.1.2.4.50", EXS_JPEGProcess1, DCMTK, true, false },
    { "1.2.840.10008.1.2.4.51", EXS_JPEGProcess2_4, DCMTK, true, false },
    { "1.2.840.10008.1.2.4.57", EXS_JPEGProcess14, DCMTK, true, false },
    { "1.2.840.10008.1.2.4.70", EXS_JPEGProcess14SV1, DCMTK, true, false },
    { "1.2.840.10008.1.2.4.80", EXS_JPEGLSLossless, DCMTK, true, false },
    { "1.2.840.10008.1.2.4.81", EXS_JPEGLSLossy, DCMTK, true, false },
    { "1.2.840.10008.1.2.4.90", EXS_JPEG2000LosslessOnly, OPENJPEG, true, false },
    { "1.2.840.10008.1.2.4.91", EXS_JPEG2000, OPENJPEG, true, false },
};
enum { SYNTAXES = sizeof syntaxes / sizeof *syntaxes };

/* ---- a file ---- */
struct slice {
    std::string path, series, description;
    int rows = 0, columns = 0, samples = 1, frames = 1, allocated = 0, stored = 0, high = 0;
    bool is_signed = false, planar = false, place = false, spaced = false;
    double slope = 1, inter = 0, thickness = 0;
    double position[3] = { 0, 0, 0 }, direction[6] = { 1, 0, 0, 0, 1, 0 }, spacing[2] = { 1, 1 };
    double along = 0;
    const char *uid = nullptr;
};

struct bytes {
    std::vector<uint8_t> data;
    size_t begin = 0; /* of the data set */
    int syntax = -1;
    std::string uid;
    bool is_image = true;
};

int fail(struct gn_err *err, const char *why)
{
    return host->err_set(err, "damaged or unsupported DICOM: %s", why);
}

int load(const char *path, std::vector<uint8_t> &data, struct gn_err *err)
{
    std::unique_ptr<FILE, int (*)(FILE *)> f(fopen(path, "rb"), fclose);
    struct stat st;

    if (!f || fstat(fileno(f.get()), &st))
        return host->err_set(err, "cannot open");
    if (!S_ISREG(st.st_mode))
        return host->err_set(err, "not a regular file");
    if ((size_t)st.st_size > host->mem_limit() || (size_t)st.st_size > (size_t)4 << 30)
        return host->err_set(err, "%lld bytes, above the memory limit (--memory)",
                             (long long)st.st_size);
    data.resize((size_t)st.st_size);
    if (!data.empty() && fread(data.data(), 1, data.size(), f.get()) != data.size())
        return host->err_set(err, "cannot read");
    return 0;
}

/* Group 2, always little-endian and explicit: where it ends and which syntax it names. */
int read_meta(struct bytes *b, struct gn_err *err)
{
    const uint8_t *p = b->data.data();
    const size_t n = b->data.size();
    size_t at = PREAMBLE;

    if (n < PREAMBLE || memcmp(p + 128, "DICM", 4) != 0)
        return fail(err, "no preamble");
    while (n - at >= 8 && gn_dicom_number(p + at, 2, false) == 2) {
        const uint32_t element = gn_dicom_number(p + at + 2, 2, false);
        const bool wide = memcmp(p + at + 4, "OB", 2) == 0 || memcmp(p + at + 4, "UN", 2) == 0;
        if (wide && n - at < 12)
            return fail(err, "truncated");
        const uint32_t len = gn_dicom_number(p + at + (wide ? 8 : 6), wide ? 4 : 2, false);
        at += wide ? 12 : 8;
        if (len > n - at)
            return fail(err, "truncated");
        std::string text((const char *)p + at, len);
        while (!text.empty() && (text.back() == 0 || text.back() == ' '))
            text.pop_back();
        if (element == 0x0010)
            b->uid = text;
        if (element == 0x0002 && text == "1.2.840.10008.1.3.10")
            b->is_image = false; /* a DICOMDIR */
        if (element == 0x0002 && text == "1.2.840.10008.5.1.4.1.1.77.1.6")
            return host->err_set(err, "DICOM whole-slide images are not supported");
        at += len;
    }
    for (int i = 0; i < SYNTAXES; i++)
        if (b->uid == syntaxes[i].uid)
            b->syntax = i;
    if (b->syntax < 0)
        return host->err_set(err, "DICOM transfer syntax %.70s is not supported", b->uid.c_str());
    b->begin = at;
    return 0;
}

/* The data set of a deflated file in place of the compressed one. */
int inflate_set(struct bytes *b, struct gn_err *err)
{
    const size_t n = b->data.size() - b->begin;
    const size_t cap = std::min(host->mem_limit(), n > ((size_t)1 << 30) ? n : 1032 * n + 64);
    std::vector<uint8_t> out;
    z_stream z = {};
    int rc = Z_OK;

    if (n >= (size_t)1 << 31 || inflateInit2(&z, -15) != Z_OK)
        return fail(err, "too large");
    z.next_in = b->data.data() + b->begin;
    z.avail_in = (uInt)n;
    while (rc == Z_OK && out.size() < cap) {
        const size_t had = out.size(), room = std::min((size_t)1 << 20, cap - had);
        out.resize(had + room);
        z.next_out = out.data() + had;
        z.avail_out = (uInt)room;
        rc = inflate(&z, Z_NO_FLUSH);
        out.resize(had + room - z.avail_out);
    }
    inflateEnd(&z);
    if (rc != Z_STREAM_END)
        return fail(err, "damaged or truncated deflated data");
    b->data.swap(out);
    b->begin = 0;
    return 0;
}

/* Loads, walks, and gives the data set to DCMTK. */
int open_set(const char *path, struct bytes *b, DcmDataset *set, struct gn_err *err)
{
    if (load(path, b->data, err) || read_meta(b, err))
        return -1;
    if (!b->is_image)
        return 0;
    if (syntaxes[b->syntax].coder == DEFLATED && inflate_set(b, err))
        return -1;
    const char *why = gn_dicom_walk(b->data.data() + b->begin, b->data.size() - b->begin,
                                    syntaxes[b->syntax].is_explicit, syntaxes[b->syntax].big);
    if (why)
        return fail(err, why);
    DcmInputBufferStream stream;
    stream.setBuffer(b->data.data() + b->begin, (offile_off_t)(b->data.size() - b->begin));
    stream.setEos();
    set->transferInit();
    const OFCondition c = set->read(stream, syntaxes[b->syntax].syntax);
    set->transferEnd();
    return c.good() ? 0 : fail(err, c.text());
}

int read_reals(DcmItem *set, const DcmTagKey &tag, double *v, int n)
{
    for (int i = 0; i < n; i++) {
        Float64 x;
        if (set->findAndGetFloat64(tag, x, (unsigned long)i).bad() || !std::isfinite(x))
            return 0;
        v[i] = x;
    }
    return 1;
}

int read_int(DcmItem *set, const DcmTagKey &tag, int fallback)
{
    Uint16 v;
    return set->findAndGetUint16(tag, v).good() ? v : fallback;
}

std::string read_text(DcmItem *set, const DcmTagKey &tag)
{
    OFString s;
    return set->findAndGetOFStringArray(tag, s).good() ? std::string(s.c_str()) : std::string();
}

int describe(DcmDataset *set, struct slice *s, struct gn_err *err)
{
    Sint32 frames = 1;
    double value[1];

    s->rows = read_int(set, DCM_Rows, 0);
    s->columns = read_int(set, DCM_Columns, 0);
    s->samples = read_int(set, DCM_SamplesPerPixel, 1);
    s->allocated = read_int(set, DCM_BitsAllocated, 0);
    s->stored = read_int(set, DCM_BitsStored, s->allocated);
    s->high = read_int(set, DCM_HighBit, s->stored - 1);
    s->is_signed = read_int(set, DCM_PixelRepresentation, 0) == 1;
    s->planar = read_int(set, DCM_PlanarConfiguration, 0) == 1;
    if (set->findAndGetSint32(DCM_NumberOfFrames, frames).good() && frames != 1)
        return host->err_set(err, "DICOM files of %d frames are not supported", (int)frames);
    if (s->rows < 1 || s->columns < 1 || (s->samples != 1 && s->samples != 3))
        return fail(err, "rows, columns or samples are missing or wrong");
    if (s->allocated != 1 && s->allocated != 8 && s->allocated != 16 && s->allocated != 32)
        return host->err_set(err, "DICOM pixels of %d bits are not supported", s->allocated);
    if (s->stored < 1 || s->stored > s->allocated || s->high < s->stored - 1 ||
        s->high >= s->allocated)
        return fail(err, "bits stored and allocated disagree");
    const std::string photo = read_text(set, DCM_PhotometricInterpretation);
    if (photo == "PALETTE COLOR" || (s->samples == 1) != (photo.compare(0, 10, "MONOCHROME") == 0))
        return host->err_set(err, "DICOM pixels of kind %.30s are not supported", photo.c_str());
    s->series = read_text(set, DCM_SeriesInstanceUID);
    s->description = read_text(set, DCM_SeriesDescription);
    if (read_reals(set, DCM_RescaleSlope, value, 1) && value[0] != 0)
        s->slope = value[0];
    if (read_reals(set, DCM_RescaleIntercept, value, 1))
        s->inter = value[0];
    s->spaced = read_reals(set, DCM_PixelSpacing, s->spacing, 2) && s->spacing[0] > 0 &&
                s->spacing[1] > 0;
    if (!s->spaced)
        s->spacing[0] = s->spacing[1] = 1;
    s->place = read_reals(set, DCM_ImagePositionPatient, s->position, 3) &&
               read_reals(set, DCM_ImageOrientationPatient, s->direction, 6);
    if ((read_reals(set, DCM_SpacingBetweenSlices, value, 1) && value[0] > 0) ||
        (read_reals(set, DCM_SliceThickness, value, 1) && value[0] > 0))
        s->thickness = value[0];
    return 0;
}

/* ---- pixels ---- */
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

/* JPEG 2000: fragments joined, sizes compared with the tags before anything is decoded. out:
 * samples interleaved, native, as wide as allocated. */
int decode_j2k(DcmDataset *set, const struct slice *s, std::vector<uint8_t> &out,
               struct gn_err *err)
{
    DcmElement *element = nullptr;
    DcmPixelSequence *sequence = nullptr;
    std::vector<uint8_t> code;
    const size_t count = (size_t)s->rows * (size_t)s->columns;

    if (set->findAndGetElement(DCM_PixelData, element).bad() || !element)
        return fail(err, "no pixels");
    DcmPixelData *data = dynamic_cast<DcmPixelData *>(element);
    E_TransferSyntax syntax = EXS_Unknown;
    const DcmRepresentationParameter *parameter = nullptr;
    if (!data)
        return fail(err, "no pixels");
    data->getOriginalRepresentationKey(syntax, parameter);
    if (data->getEncapsulatedRepresentation(syntax, parameter, sequence).bad() || !sequence)
        return fail(err, "no fragments of pixels");
    for (unsigned long i = 1; i < sequence->card(); i++) {
        DcmPixelItem *item = nullptr;
        Uint8 *bytes = nullptr;
        if (sequence->getItem(item, i).bad() || !item || item->getUint8Array(bytes).bad())
            return fail(err, "a fragment of pixels");
        code.insert(code.end(), bytes, bytes + item->getLength());
    }
    struct memory m = { code.data(), code.size(), 0 };
    const bool boxed = code.size() > 12 && memcmp(code.data() + 4, "jP  ", 4) == 0;
    std::unique_ptr<opj_codec_t, void (*)(opj_codec_t *)> codec(
        opj_create_decompress(boxed ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K),
        [](opj_codec_t *c) { opj_destroy_codec(c); });
    std::unique_ptr<opj_stream_t, void (*)(opj_stream_t *)> stream(
        opj_stream_default_create(OPJ_TRUE), [](opj_stream_t *t) { opj_stream_destroy(t); });
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
    if ((int)made->numcomps != s->samples || made->x1 - made->x0 != (OPJ_UINT32)s->columns ||
        made->y1 - made->y0 != (OPJ_UINT32)s->rows || s->allocated > 16 || s->allocated < 8)
        return fail(err, "the JPEG 2000 code stream is of another size than the tags say");
    for (int c = 0; c < s->samples; c++)
        if (made->comps[c].dx != 1 || made->comps[c].dy != 1 ||
            (int)made->comps[c].prec > s->allocated)
            return fail(err, "the JPEG 2000 code stream is of another precision than the tags say");
    if (!opj_decode(codec.get(), stream.get(), made) ||
        !opj_end_decompress(codec.get(), stream.get()))
        return fail(err, "damaged or truncated JPEG 2000 data");
    out.resize(count * (size_t)s->samples * (size_t)(s->allocated / 8));
    for (int c = 0; c < s->samples; c++) {
        const opj_image_comp_t *from = &made->comps[c];
        if (!from->data || from->w != (OPJ_UINT32)s->columns || from->h != (OPJ_UINT32)s->rows)
            return fail(err, "damaged JPEG 2000 data");
        for (size_t i = 0; i < count; i++) {
            const size_t at = i * (size_t)s->samples + (size_t)c;
            const uint16_t v = (uint16_t)from->data[i];
            if (s->allocated == 8)
                out[at] = (uint8_t)v;
            else
                memcpy(&out[2 * at], &v, 2);
        }
    }
    return 0;
}

/* The stored values, native and as the file has them: samples interleaved or in planes. */
int decode(DcmDataset *set, struct bytes *b, struct slice *s, std::vector<uint8_t> &out,
           struct gn_err *err)
{
    const size_t values = (size_t)s->rows * (size_t)s->columns * (size_t)s->samples;
    const size_t want = (values * (size_t)s->allocated + 7) / 8;

    if (syntaxes[b->syntax].coder == OPENJPEG) {
        s->planar = false;
        return decode_j2k(set, s, out, err);
    }
    if (set->chooseRepresentation(EXS_LittleEndianExplicit, nullptr).bad() ||
        !set->canWriteXfer(EXS_LittleEndianExplicit))
        return fail(err, "its compressed pixels");
    const std::string photo = read_text(set, DCM_PhotometricInterpretation);
    if (s->samples == 3 && photo != "RGB")
        return host->err_set(err, "DICOM pixels of kind %.30s are not supported", photo.c_str());
    s->planar = read_int(set, DCM_PlanarConfiguration, 0) == 1;
    if (read_int(set, DCM_Rows, 0) != s->rows || read_int(set, DCM_Columns, 0) != s->columns ||
        read_int(set, DCM_SamplesPerPixel, 1) != s->samples ||
        read_int(set, DCM_BitsAllocated, 0) != s->allocated)
        return fail(err, "the compressed pixels are of another size than the tags say");
    const Uint8 *p8 = nullptr;
    const Uint16 *p16 = nullptr;
    const Uint32 *p32 = nullptr;
    unsigned long n = 0;
    const void *p = nullptr;
    if (s->allocated <= 8 && set->findAndGetUint8Array(DCM_PixelData, p8, &n).good())
        p = p8;
    else if (s->allocated == 16 && set->findAndGetUint16Array(DCM_PixelData, p16, &n).good())
        p = p16, n *= 2;
    else if (s->allocated == 32 && set->findAndGetUint32Array(DCM_PixelData, p32, &n).good())
        p = p32, n *= 4;
    else if (s->allocated == 32 && set->findAndGetUint16Array(DCM_PixelData, p16, &n).good())
        p = p16, n *= 2;
    if (!p || n < want || n > want + 1)
        return host->err_set(err, "%lu bytes of pixels, its tags say %zu", n, want);
    out.assign((const uint8_t *)p, (const uint8_t *)p + want);
    return 0;
}

enum gn_dtype type_of(const struct slice *s)
{
    switch (s->allocated) {
    case 32: return s->is_signed ? GN_INT32 : GN_UINT32;
    case 16: return s->is_signed ? GN_INT16 : GN_UINT16;
    default: return s->is_signed ? GN_INT8 : GN_UINT8;
    }
}

/* Value i: the stored bits, sign extended. */
int64_t value_at(const struct slice *s, const uint8_t *p, size_t i)
{
    uint32_t v;
    if (s->allocated == 1)
        return p[i / 8] >> (i % 8) & 1;
    v = gn_dicom_number(p + i * (size_t)(s->allocated / 8), s->allocated / 8, false);
    v >>= s->high + 1 - s->stored;
    if (s->stored < 32)
        v &= ((uint32_t)1 << s->stored) - 1;
    if (s->is_signed) {
        const uint32_t sign = (uint32_t)1 << (s->stored - 1);
        return (int64_t)(v ^ sign) - (int64_t)sign;
    }
    return v;
}

void store(void *to, size_t at, enum gn_dtype dtype, int64_t v, const struct slice *s)
{
    switch (dtype) {
    case GN_UINT8: ((uint8_t *)to)[at] = (uint8_t)v; break;
    case GN_INT8: ((int8_t *)to)[at] = (int8_t)v; break;
    case GN_UINT16: ((uint16_t *)to)[at] = (uint16_t)v; break;
    case GN_INT16: ((int16_t *)to)[at] = (int16_t)v; break;
    case GN_UINT32: ((uint32_t *)to)[at] = (uint32_t)v; break;
    case GN_INT32: ((int32_t *)to)[at] = (int32_t)v; break;
    case GN_FLOAT32: ((float *)to)[at] = (float)(s->slope * (double)v + s->inter); break;
    default: ((double *)to)[at] = s->slope * (double)v + s->inter;
    }
}

/* ---- a series ---- */
int list_files(const char *folder, std::vector<std::string> &paths, struct gn_err *err)
{
    std::unique_ptr<DIR, int (*)(DIR *)> dir(opendir(folder), closedir);
    std::vector<std::string> names;

    if (!dir)
        return host->err_set(err, "cannot open the folder");
    while (const struct dirent *e = readdir(dir.get()))
        if (e->d_name[0] != '.')
            names.push_back(e->d_name);
    std::sort(names.begin(), names.end()); /* so that messages do not depend on the disk */
    for (const std::string &name : names) {
        const std::string path = std::string(folder) + "/" + name;
        char head[PREAMBLE];
        struct stat st;
        if (stat(path.c_str(), &st) || !S_ISREG(st.st_mode))
            continue;
        std::unique_ptr<FILE, int (*)(FILE *)> f(fopen(path.c_str(), "rb"), fclose);
        if (!f || fread(head, 1, PREAMBLE, f.get()) != PREAMBLE ||
            memcmp(head + 128, "DICM", 4) != 0)
            continue;
        if (paths.size() == MAX_FILES)
            return host->err_set(err, "more than %d DICOM files", (int)MAX_FILES);
        paths.push_back(path);
    }
    return paths.empty() ? host->err_set(err, "a folder without DICOM files") : 0;
}

int check_series(const std::vector<struct slice> &all, struct gn_err *err)
{
    std::map<std::string, std::pair<size_t, std::string>> series;
    std::string list;

    for (const struct slice &s : all) {
        series[s.series].first++;
        series[s.series].second = s.description;
    }
    if (series.size() == 1)
        return 0;
    for (const auto &s : series) {
        if (list.size() > 500)
            break;
        list += (list.empty() ? "" : "; ") + s.first + " '" + s.second.second + "' " +
                std::to_string(s.second.first) + " files";
    }
    for (char &c : list)
        if ((unsigned char)c < 32)
            c = '?';
    return host->err_set(err, "holds %zu series, not one; give each a folder of its own: %s",
                         series.size(), list.c_str());
}

/* Sorts by position along the normal; equal steps, in one orientation, or an error. step: from
 * slice to slice. */
int order(std::vector<struct slice> &all, double step[3], struct gn_err *err)
{
    const double *d = all[0].direction;
    double normal[3] = { d[1] * d[5] - d[2] * d[4], d[2] * d[3] - d[0] * d[5],
                         d[0] * d[4] - d[1] * d[3] };
    const size_t n = all.size();

    for (const struct slice &s : all) {
        if (n > 1 && !s.place)
            return host->err_set(err, "%s: a slice without a position", s.path.c_str());
        for (int i = 0; i < 6; i++)
            if (std::fabs(s.direction[i] - d[i]) > 1e-4)
                return host->err_set(err, "%s and %s: slices of two orientations",
                                     all[0].path.c_str(), s.path.c_str());
        if (s.rows != all[0].rows || s.columns != all[0].columns || s.samples != all[0].samples ||
            type_of(&s) != type_of(&all[0]) ||
            std::fabs(s.spacing[0] - all[0].spacing[0]) > 1e-4 * all[0].spacing[0] ||
            std::fabs(s.spacing[1] - all[0].spacing[1]) > 1e-4 * all[0].spacing[1])
            return host->err_set(err, "%s and %s: slices of two sizes or types",
                                 all[0].path.c_str(), s.path.c_str());
    }
    for (struct slice &s : all)
        s.along = s.position[0] * normal[0] + s.position[1] * normal[1] +
                  s.position[2] * normal[2];
    std::stable_sort(all.begin(), all.end(), [](const struct slice &a, const struct slice &b) {
        return a.along < b.along;
    });
    if (n == 1) {
        for (int i = 0; i < 3; i++)
            step[i] = normal[i] * (all[0].thickness > 0 ? all[0].thickness : 1);
        return 0;
    }
    for (int i = 0; i < 3; i++)
        step[i] = (all[n - 1].position[i] - all[0].position[i]) / (double)(n - 1);
    std::vector<double> gaps;
    for (size_t k = 1; k < n; k++) {
        gaps.push_back(all[k].along - all[k - 1].along);
        if (gaps.back() < 1e-3)
            return host->err_set(err, "%s and %s: two slices at one place",
                                 all[k - 1].path.c_str(), all[k].path.c_str());
    }
    std::nth_element(gaps.begin(), gaps.begin() + (ptrdiff_t)(gaps.size() / 2), gaps.end());
    const double usual = gaps[gaps.size() / 2];
    for (size_t k = 1; k < n; k++) {
        const double gap = all[k].along - all[k - 1].along;
        if (std::fabs(gap - usual) > 0.01 * usual + 2e-3)
            return host->err_set(err, "%s and %s lie %.6g mm apart, most slices %.6g mm",
                                 all[k - 1].path.c_str(), all[k].path.c_str(), gap, usual);
    }
    for (const struct slice &s : all) {
        const double k = std::round((s.along - all[0].along) / usual);
        double off = 0;
        for (int i = 0; i < 3; i++) {
            const double at = all[0].position[i] + k * step[i] - s.position[i];
            off += at * at;
        }
        if (std::sqrt(off) > 0.05 * usual + 2e-3)
            return host->err_set(err, "%s lies %.6g mm off the line of the others", s.path.c_str(),
                                 std::sqrt(off));
    }
    return 0;
}

/* A fault of one file of a folder names it. */
int in_file(const std::string &file, const char *path, const struct gn_err *why,
            struct gn_err *err)
{
    return file == path ? host->err_set(err, "%s", why->text)
                        : host->err_set(err, "%s: %s", file.c_str(), why->text);
}

void start()
{
    static std::once_flag once;
    std::call_once(once, [] {
        OFLog::configure(OFLogger::OFF_LOG_LEVEL);
        DJDecoderRegistration::registerCodecs();
        DJLSDecoderRegistration::registerCodecs();
        DcmRLEDecoderRegistration::registerCodecs();
    });
}

int read_all(const char *path, bool header_only, struct gn_picture *pic, struct gn_err *err)
{
    struct gn_tensor *t = &pic->tensor;
    std::vector<std::string> paths;
    std::vector<struct slice> all;
    struct stat st;
    double step[3];
    bool scaled = false;

    start();
    if (!dcmDataDict.isDictionaryLoaded())
        return host->err_set(err, "DCMTK's dictionary is not there: install the package libdcmtk17 "
                                  "(and unset DCMDICTPATH)");
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        if (list_files(path, paths, err))
            return -1;
    } else {
        paths.push_back(path);
    }
    for (const std::string &name : paths) {
        struct bytes b;
        struct slice s;
        DcmDataset set;
        struct gn_err why = {};
        if (open_set(name.c_str(), &b, &set, &why) || (b.is_image && describe(&set, &s, &why)))
            return in_file(name, path, &why, err);
        s.path = name;
        if (b.is_image)
            all.push_back(s);
    }
    if (all.empty())
        return fail(err, "a directory of files, not an image");
    if (check_series(all, err) || order(all, step, err))
        return -1;
    const struct slice &first = all[0];
    const size_t count = (size_t)first.rows * (size_t)first.columns;
    for (const struct slice &s : all)
        scaled |= s.slope != 1 || s.inter != 0;
    pic->stored = type_of(&first);
    *t = {};
    t->dtype = !scaled ? pic->stored : first.allocated <= 16 ? GN_FLOAT32 : GN_FLOAT64;
    t->rank = 4;
    t->shape[0] = first.samples;
    t->shape[1] = (int64_t)all.size();
    t->shape[2] = first.rows;
    t->shape[3] = first.columns;
    if (count * (size_t)first.samples > host->mem_limit() / 8 / all.size())
        return host->err_set(err, "claims %d x %d x %zu pixels, above the memory limit (--memory)",
                             first.columns, first.rows, all.size());
    for (int i = 0; i < 3; i++) { /* LPS to RAS */
        const double sign = i < 2 ? -1 : 1;
        pic->affine[4 * i] = 0 + sign * first.direction[i] * first.spacing[1];
        pic->affine[4 * i + 1] = 0 + sign * first.direction[3 + i] * first.spacing[0];
        pic->affine[4 * i + 2] = 0 + sign * step[i];
        pic->affine[4 * i + 3] = 0 + sign * first.position[i];
    }
    pic->has_affine = first.place;
    pic->form = first.place ? 1 : 0;
    const double *m = pic->affine;
    const double det = m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) +
                       m[2] * (m[4] * m[9] - m[5] * m[8]);
    if (!(std::fabs(det) > 1e-9 * first.spacing[0] * first.spacing[1]))
        return fail(err, "its orientation has no volume");
    if (header_only)
        return 0;
    if (host->tensor_new4(t, t->dtype, t->shape[0], t->shape[1], t->shape[2], t->shape[3], err))
        return -1;
    for (size_t k = 0; k < all.size(); k++) {
        struct bytes b;
        struct slice &s = all[k];
        DcmDataset set;
        std::vector<uint8_t> raw;
        struct gn_err why = {};
        if (open_set(s.path.c_str(), &b, &set, &why) || decode(&set, &b, &s, raw, &why))
            return in_file(s.path, path, &why, err);
        for (size_t c = 0; c < (size_t)s.samples; c++)
            for (size_t i = 0; i < count; i++)
                store(t->data, (c * all.size() + k) * count + i, t->dtype,
                      value_at(&s, raw.data(),
                               s.planar ? c * count + i : i * (size_t)s.samples + c), &s);
    }
    return 0;
}

} // namespace

static int read_dicom(const char *path, bool header_only, struct gn_picture *pic,
                      struct gn_err *err)
{
    try {
        return read_all(path, header_only, pic, err);
    } catch (const std::bad_alloc &) {
        return host->err_set(err, "out of memory");
    } catch (...) {
        return host->err_set(err, "damaged DICOM: DCMTK gave up");
    }
}

static const struct gn_format format = { "DICOM", nullptr, nullptr,    nullptr,
                                         nullptr, read_dicom, nullptr };

extern "C" __attribute__((visibility("default"))) const struct gn_format *
gn_plugin_format(const struct gn_host *h);
extern "C" const struct gn_format *gn_plugin_format(const struct gn_host *h)
{
    host = h;
    return h->abi == GN_HOST_ABI ? &format : nullptr;
}
