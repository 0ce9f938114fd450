/* dicom_file.cc - a DICOM file as bytes: the preamble, group 2, the syntax, the data set. Before
 * DCMTK sees a byte, a walk of our own over the tags checks every length and the depth; it is given
 * the tags before the pixels, or all of them where it is to decode. */
#include <dcmtk/dcmdata/dcistrmb.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "io/dicom.h"

namespace gn_dicom
{

const struct gn_host *host;

namespace
{

enum { PREAMBLE = 132 };

const struct syntax syntaxes[] = {
    { "1.2.840.10008.1.2", EXS_LittleEndianImplicit, NATIVE, false, false },
    { "1.2.840.10008.1.2.1", EXS_LittleEndianExplicit, NATIVE, true, false },
    { "1.2.840.10008.1.2.2", EXS_BigEndianExplicit, NATIVE, true, true },
    { "1.2.840.10008.1.2.1.99", EXS_LittleEndianExplicit, DEFLATED, true, false },
    { "1.2.840.10008.1.2.5", EXS_RLELossless, BY_DCMTK, true, false },
    { "1.2.840.10008.1.2.4.50", EXS_JPEGProcess1, BY_DCMTK, true, false },
    { "1.2.840.10008.1.2.4.51", EXS_JPEGProcess2_4, BY_DCMTK, true, false },
    { "1.2.840.10008.1.2.4.57", EXS_JPEGProcess14, BY_DCMTK, true, false },
    { "1.2.840.10008.1.2.4.70", EXS_JPEGProcess14SV1, BY_DCMTK, true, false },
    { "1.2.840.10008.1.2.4.80", EXS_JPEGLSLossless, BY_DCMTK, true, false },
    { "1.2.840.10008.1.2.4.81", EXS_JPEGLSLossy, BY_DCMTK, true, false },
    { "1.2.840.10008.1.2.4.90", EXS_JPEG2000LosslessOnly, OPENJPEG, true, false },
    { "1.2.840.10008.1.2.4.91", EXS_JPEG2000, OPENJPEG, true, false },
};
/* Of any other, the tags are written like this, and the pixels are fragments. */
const struct syntax unknown = { "", EXS_LittleEndianExplicit, UNKNOWN, true, false };

int map_file(const char *path, struct set *s, struct sink *to, struct gn_err *err)
{
    struct stat st;
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int rc = -1;

    if (fd < 0 || fstat(fd, &st)) {
        host->err_set(err, "cannot open: %s", strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        host->err_set(err, "not a regular file");
    } else if (st.st_size < PREAMBLE) {
        fail(err, "no preamble");
    } else if (st.st_size > (off_t)4 << 30) {
        host->err_set(err, "a DICOM file of %lld bytes; at most 4 GiB", (long long)st.st_size);
    } else {
        s->file_size = s->n = (size_t)st.st_size;
        to->at(path, s->n, s->n);
        s->map = mmap(nullptr, s->n, PROT_READ, MAP_PRIVATE, fd, 0);
        if (s->map == MAP_FAILED)
            host->err_set(err, "cannot map: %s", strerror(errno));
        else
            rc = 0;
        s->p = (const uint8_t *)s->map;
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Group 2, always little-endian and explicit: where it ends and which syntax it names. */
int read_meta(struct set *s, struct gn_err *err)
{
    const uint8_t *p = s->p;
    const size_t n = s->n;
    size_t at = PREAMBLE;
    std::string uid;

    if (memcmp(p + 128, "DICM", 4) != 0)
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
            uid = text;
        if (element == 0x0002 && text == "1.2.840.10008.1.3.10")
            s->is_image = false; /* a DICOMDIR */
        if (element == 0x0002 && text == "1.2.840.10008.5.1.4.1.1.77.1.6")
            s->fault = "DICOM whole-slide images are not supported";
        at += len;
    }
    s->syntax = &unknown;
    for (const struct syntax &known : syntaxes)
        if (uid == known.uid)
            s->syntax = &known;
    if (uid.empty())
        return fail(err, "it names no transfer syntax");
    if (s->syntax == &unknown && s->fault.empty())
        s->fault = "DICOM transfer syntax " + uid.substr(0, 70) + " is not supported";
    s->p += at;
    s->n -= at;
    return 0;
}

/* Inflates to out, or, if out is NULL, nowhere: how many bytes, at most cap. 0: damaged. */
size_t inflate_to(const struct set *s, uint8_t *out, size_t cap)
{
    std::vector<uint8_t> waste(1 << 16);
    z_stream z = {};
    size_t n = 0;
    int rc = Z_OK;

    if (inflateInit2(&z, -15) != Z_OK)
        return 0;
    z.next_in = (Bytef *)s->p;
    z.avail_in = (uInt)s->n;
    while (rc == Z_OK && n < cap) {
        const size_t room = std::min(waste.size(), cap - n);
        z.next_out = out ? out + n : waste.data();
        z.avail_out = (uInt)room;
        rc = inflate(&z, Z_NO_FLUSH);
        n += room - z.avail_out;
    }
    inflateEnd(&z);
    return rc == Z_STREAM_END ? n : 0;
}

/* The data set of a deflated file in place of the compressed one; its size is counted first. */
int inflate_set(const char *path, struct set *s, struct sink *to, struct gn_err *err)
{
    const size_t n = s->n < (size_t)1 << 31 ? inflate_to(s, nullptr, host->mem_limit()) : 0;

    if (!n)
        return fail(err, "damaged, truncated or too large deflated data");
    to->at(path, 2 * n, s->file_size + n);
    s->inflated.resize(n + 1); /* room to see the end of the stream */
    if (inflate_to(s, s->inflated.data(), n + 1) != n)
        return fail(err, "damaged deflated data");
    s->p = s->inflated.data();
    s->n = n;
    return 0;
}

} // namespace

int fail(struct gn_err *err, const char *why)
{
    return host->err_set(err, "damaged or unsupported DICOM: %s", why);
}

set::~set()
{
    if (map && map != MAP_FAILED)
        munmap(map, file_size);
}

int open_set(const char *path, bool whole, struct set *s, struct sink *to, struct gn_err *err)
{
    if (map_file(path, s, to, err) || read_meta(s, err))
        return -1;
    if (!s->is_image)
        return 0;
    if (s->syntax->coder == DEFLATED && inflate_set(path, s, to, err))
        return -1;
    const char *why =
        gn_dicom_walk(s->p, s->n, s->syntax->is_explicit, s->syntax->big, &s->pixels);
    if (why)
        return fail(err, why);
    s->is_image = s->pixels.found;
    if (!s->is_image)
        return 0;
    DcmInputBufferStream stream;
    whole = whole && s->syntax->coder == BY_DCMTK;
    stream.setBuffer(s->p, (offile_off_t)(whole ? s->pixels.end : s->pixels.tag));
    stream.setEos();
    s->tags.transferInit();
    const OFCondition c = s->tags.read(stream, s->syntax->xfer);
    s->tags.transferEnd();
    return c.good() ? 0 : fail(err, c.text());
}

} // namespace gn_dicom
