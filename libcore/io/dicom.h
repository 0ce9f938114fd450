/* dicom.h - the parts of the DICOM plug-in: a file and its tags, its frames and their places, the
 * pixels of a frame, the choice and the order of a series. Private to it; C++, as DCMTK is. */
#ifndef GN_IO_DICOM_H
#define GN_IO_DICOM_H

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <memory>
#include <string>
#include <vector>

#include "io/dicom_walk.h"
extern "C" {
#include "io/format.h"
}

namespace gn_dicom
{

extern const struct gn_host *host;

int fail(struct gn_err *err, const char *why); /* "damaged or unsupported DICOM: why"; -1 */

/* ---- dicom_file.cc: bytes ---- */
struct sink;
enum coder { BY_DCMTK, NATIVE, OPENJPEG, DEFLATED, UNKNOWN };
struct syntax {
    const char *uid;
    E_TransferSyntax xfer; /* of the data set as DCMTK is given it */
    enum coder coder;
    bool is_explicit, big;
};

/* An open file: its bytes, where its data set lies in them, and DCMTK's view of the tags. */
struct set {
    const uint8_t *p = nullptr; /* the data set, n bytes of it */
    size_t n = 0, file_size = 0;
    struct gn_dicom_extent pixels = {};
    const struct syntax *syntax = nullptr;
    bool is_image = true; /* neither a DICOMDIR nor an object without pixels */
    std::string fault;    /* why its pixels cannot be had, though its tags can */
    DcmDataset tags;

    set() = default;
    set(const set &) = delete;
    ~set();
    void *map = nullptr;
    std::vector<uint8_t> inflated;
};
/* Maps, walks, and gives DCMTK the tags; whole: the pixels too, if it is to
 * decode them. */
int open_set(const char *path, bool whole, struct set *s, struct sink *to, struct gn_err *err);

/* ---- dicom_tags.cc: meaning ---- */
enum kind { GREY, INVERTED, PALETTE, RGB, YBR, YBR_422 };
struct file {
    std::string path, series, description, fault;
    enum kind kind = GREY;
    int rows = 0, columns = 0, samples = 1, frames = 1, allocated = 0, stored = 0, high = 0;
    bool is_signed = false, planar = false;
    size_t size = 0; /* bytes, inflated ones with them */
};
struct frame {
    size_t file = 0;
    int index = 0;                   /* in its file */
    bool place = false, gap = false; /* the next three are known; and the step */
    double position[3] = { 0, 0, 0 }, direction[6] = { 1, 0, 0, 0, 1, 0 }, spacing[2] = { 1, 1 };
    double step = 1; /* mm along the normal to a next frame, where only the file says it */
    double slope = 1, inter = 0;
    double along = 0;
};
/* The file f and its frames, appended to frames. What only keeps the pixels from being read is
 * f->fault. */
void describe(struct set *s, struct file *f, std::vector<struct frame> &frames);
int read_int(DcmItem *item, const DcmTagKey &tag, int fallback);
enum gn_dtype type_of(const struct file &f); /* of the stored values */
int channels_of(const struct file &f);

/* ---- dicom_pixels.cc, dicom_j2k.cc: values ---- */
/* The pixels of one frame in dtype: channels_of planes of rows x columns, without gaps. */
int decode(struct set *s, const struct file &f, const struct frame &frame, enum gn_dtype dtype,
           bool scaled, std::vector<uint8_t> &out, struct gn_err *err);
/* Bytes of a frame as stored, of all samples, without rounding up. */
size_t frame_bits(const struct file &f);
/* How many frames the pixel data can hold; compressed: fragments. */
size_t count_fragments(const struct set *s);
/* One code stream; out: samples interleaved, as wide as allocated. */
int decode_j2k(const struct file &f, const std::vector<uint8_t> &code, std::vector<uint8_t> &out,
               struct gn_err *err);

/* ---- dicom_series.cc: one series ---- */
/* Where read puts what it finds: head once, then of each slice each channel. */
struct sink {
    virtual ~sink() = default;
    /* It turns to this file: bytes that will be gone through, and that may be needed at once. */
    virtual void at(const std::string &name, size_t work, size_t memory) = 0;
    /* The picture without voxels: shape, types, affine. */
    virtual int head(const struct gn_picture &pic, struct gn_err *err) = 0;
    virtual int plane(size_t channel, size_t slice, const void *data, size_t bytes,
                      struct gn_err *err) = 0;
};
/* A file, or a folder with one series in it (uid: or the one that is meant; NULL: none is). */
int read(const char *path, const char *uid, bool header_only, struct sink *to, struct gn_err *err);
/* Registers the codecs and loads the dictionary, once. */
int start(struct gn_err *err);

} // namespace gn_dicom

#endif
