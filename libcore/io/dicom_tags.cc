/* dicom_tags.cc - what the tags say: kind and size of the pixels, and where each frame lies. Frames
 * are placed by the functional groups of the enhanced objects, by one position and a vector of
 * offsets or a spacing, or by the one position of a file. */
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "io/dicom.h"

namespace gn_dicom
{

namespace
{

bool read_reals(DcmItem *item, const DcmTagKey &tag, double *v, int n)
{
    for (int i = 0; i < n; i++) {
        Float64 x;
        if (!item || item->findAndGetFloat64(tag, x, (unsigned long)i).bad() || !std::isfinite(x))
            return false;
        v[i] = x;
    }
    return true;
}

std::string read_text(DcmItem *item, const DcmTagKey &tag)
{
    OFString s;
    return item->findAndGetOFStringArray(tag, s).good() ? std::string(s.c_str()) : std::string();
}

DcmItem *item_of(DcmItem *parent, const DcmTagKey &sequence, long i = 0)
{
    DcmItem *item = nullptr;
    return parent && parent->findAndGetSequenceItem(sequence, item, i).good() ? item : nullptr;
}

/* A functional group: of the frame, or of all. */
DcmItem *group_of(DcmItem *one, DcmItem *all, const DcmTagKey &sequence)
{
    DcmItem *item = item_of(one, sequence);
    return item ? item : item_of(all, sequence);
}

void read_place(DcmItem *position, DcmItem *orientation, struct frame *f)
{
    f->place = read_reals(position, DCM_ImagePositionPatient, f->position, 3) &&
               read_reals(orientation, DCM_ImageOrientationPatient, f->direction, 6);
}

void read_spacing(DcmItem *item, struct frame *f)
{
    const DcmTagKey tags[] = { DCM_PixelSpacing, DCM_ImagerPixelSpacing };
    double v[2];

    for (const DcmTagKey &tag : tags)
        if (read_reals(item, tag, v, 2) && v[0] > 0 && v[1] > 0) {
            f->spacing[0] = v[0];
            f->spacing[1] = v[1];
            break;
        }
    /* Negative: the frames lie against the normal (nuclear medicine). */
    f->gap = read_reals(item, DCM_SpacingBetweenSlices, v, 1) && v[0] != 0;
    if (!f->gap)
        f->gap = read_reals(item, DCM_SliceThickness, v, 1) && v[0] > 0;
    f->step = f->gap ? v[0] : 1;
}

void read_rescale(DcmItem *item, struct frame *f)
{
    double v[1];

    if (read_reals(item, DCM_RescaleSlope, v, 1) && v[0] != 0)
        f->slope = v[0];
    if (read_reals(item, DCM_RescaleIntercept, v, 1))
        f->inter = v[0];
}

/* Numbers with backslashes between them: as many as frames, or nothing. */
std::vector<double> read_offsets(DcmItem *item, size_t n)
{
    const std::string text = read_text(item, DCM_GridFrameOffsetVector);
    std::vector<double> offsets;
    const char *p = text.c_str();

    while (*p) {
        char *end;
        const double v = strtod(p, &end);
        if (end == p || !std::isfinite(v))
            return {};
        offsets.push_back(v);
        while (*end == ' ')
            end++;
        if (*end && *end != '\\')
            return {};
        p = *end ? end + 1 : end;
    }
    return offsets.size() == n ? offsets : std::vector<double>();
}

int read_kind(DcmItem *tags, const struct set *s, struct file *f, struct gn_err *err)
{
    const std::string photo = read_text(tags, DCM_PhotometricInterpretation);
    const bool j2k = s->syntax->coder == OPENJPEG;
    static const struct {
        const char *name;
        enum kind kind;
        int samples;
    } kinds[] = { { "MONOCHROME2", GREY, 1 },  { "MONOCHROME1", INVERTED, 1 },
                  { "PALETTE COLOR", PALETTE, 1 }, { "RGB", RGB, 3 },
                  { "YBR_FULL", YBR, 3 },      { "YBR_FULL_422", YBR_422, 3 },
                  { "YBR_RCT", RGB, 3 },       { "YBR_ICT", RGB, 3 } };

    for (const auto &k : kinds)
        if (photo == k.name && f->samples == k.samples &&
            (j2k || (photo != "YBR_RCT" && photo != "YBR_ICT"))) {
            f->kind = k.kind;
            if (f->samples == 3 && f->kind != RGB && f->allocated != 8)
                break;
            return 0;
        }
    return host->err_set(err, "DICOM pixels of kind %.30s with %d samples of %d bits are not "
                         "supported", photo.c_str(), f->samples, f->allocated);
}

/* Rows, columns, bits and kind, all agreeing with each other and with the bytes there are. */
int read_shape(struct set *s, struct file *f, struct gn_err *err)
{
    DcmItem *tags = &s->tags;
    Sint32 frames;

    f->rows = read_int(tags, DCM_Rows, 0);
    f->columns = read_int(tags, DCM_Columns, 0);
    f->samples = read_int(tags, DCM_SamplesPerPixel, 1);
    f->allocated = read_int(tags, DCM_BitsAllocated, 0);
    f->stored = read_int(tags, DCM_BitsStored, f->allocated);
    f->high = read_int(tags, DCM_HighBit, f->stored - 1);
    f->is_signed = read_int(tags, DCM_PixelRepresentation, 0) == 1;
    f->planar = read_int(tags, DCM_PlanarConfiguration, 0) == 1;
    if (tags->findAndGetSint32(DCM_NumberOfFrames, frames).bad() || frames == 0)
        frames = 1;
    f->frames = (int)frames;
    if (f->rows < 1 || f->columns < 1 || f->samples < 1 || f->frames < 1)
        return fail(err, "rows, columns, samples or frames are missing or wrong");
    if (f->allocated != 1 && f->allocated != 8 && f->allocated != 16 && f->allocated != 32)
        return host->err_set(err, "DICOM pixels of %d bits are not supported", f->allocated);
    if (f->stored < 1 || f->stored > f->allocated || f->high < f->stored - 1 ||
        f->high >= f->allocated)
        return fail(err, "bits stored and allocated disagree");
    if (f->allocated == 32 && (s->syntax->big || s->pixels.fragments))
        return host->err_set(err, "DICOM pixels of 32 bits that are big-endian or compressed are "
                                  "not supported");
    if (f->allocated == 1 && s->pixels.fragments)
        return host->err_set(err, "compressed DICOM pixels of 1 bit are not supported");
    if (read_kind(tags, s, f, err))
        return -1;
    if (tags->tagExists(DCM_ModalityLUTSequence))
        return host->err_set(err, "a DICOM table of modality values is not supported");
    if (s->pixels.fragments != (s->syntax->coder == BY_DCMTK || s->syntax->coder == OPENJPEG))
        return fail(err, "pixels in fragments, or not, against the transfer syntax");
    if (s->pixels.fragments) {
        if (count_fragments(s) < (size_t)f->frames)
            return host->err_set(err, "truncated: %d frames in %zu fragments", f->frames,
                                 count_fragments(s));
        return 0;
    }
    const size_t bits = frame_bits(*f); /* below 2^40, so that the product stays below 2^64 */
    const size_t bytes = bits * (size_t)f->frames / 8 + (bits * (size_t)f->frames % 8 != 0);
    if (bits > (size_t)-1 / 8 / (size_t)f->frames || s->pixels.size < bytes ||
        s->pixels.size > bytes + 1)
        return host->err_set(err, "%zu bytes of pixels, its tags say %d x %d x %d of %d bits",
                             s->pixels.size, f->columns, f->rows * f->samples, f->frames,
                             f->allocated);
    return 0;
}

int place_frames(struct set *s, const struct file &f, std::vector<struct frame> &frames,
                 struct gn_err *err)
{
    DcmItem *tags = &s->tags;
    struct frame first;
    DcmSequenceOfItems *groups = nullptr;
    double v[1];

    read_place(tags, tags, &first);
    if (!first.place) { /* nuclear medicine has one a detector */
        DcmItem *detector = item_of(tags, DCM_DetectorInformationSequence);
        read_place(detector, detector, &first);
    }
    read_spacing(tags, &first);
    if (f.kind == GREY || f.kind == INVERTED) {
        read_rescale(tags, &first);
        if (read_reals(tags, DCM_DoseGridScaling, v, 1) && v[0] != 0)
            first.slope = v[0];
    }
    if (tags->findAndGetSequence(DCM_PerFrameFunctionalGroupsSequence, groups).good() && groups) {
        DcmItem *all = item_of(tags, DCM_SharedFunctionalGroupsSequence);
        DcmObject *next = nullptr;
        if (groups->card() < (unsigned long)f.frames)
            return host->err_set(err, "%d frames, places of %lu", f.frames, groups->card());
        for (int i = 0; i < f.frames; i++) {
            struct frame one = first;
            next = groups->nextInContainer(next);
            DcmItem *own = dynamic_cast<DcmItem *>(next);
            one.index = i;
            DcmItem *position = group_of(own, all, DCM_PlanePositionSequence);
            DcmItem *orientation = group_of(own, all, DCM_PlaneOrientationSequence);
            DcmItem *measures = group_of(own, all, DCM_PixelMeasuresSequence);
            DcmItem *values = group_of(own, all, DCM_PixelValueTransformationSequence);
            if (position && orientation)
                read_place(position, orientation, &one);
            if (measures)
                read_spacing(measures, &one);
            if (values && (f.kind == GREY || f.kind == INVERTED))
                read_rescale(values, &one);
            frames.push_back(one);
        }
        return 0;
    }
    const double *d = first.direction;
    const double normal[3] = { d[1] * d[5] - d[2] * d[4], d[2] * d[3] - d[0] * d[5],
                               d[0] * d[4] - d[1] * d[3] };
    const std::vector<double> offsets = read_offsets(tags, (size_t)f.frames);
    if (f.frames > 1 && read_text(tags, DCM_FrameIncrementPointer) == "(0018,1063)") {
        struct frame nowhere; /* moments in time, one after the other */
        std::copy_n(first.spacing, 2, nowhere.spacing);
        nowhere.slope = first.slope;
        nowhere.inter = first.inter;
        first = nowhere;
    }
    if (f.frames > 1 && first.place && offsets.empty() && !first.gap)
        return host->err_set(err, "%d frames with one position and no spacing", f.frames);
    for (int i = 0; i < f.frames; i++) {
        struct frame one = first;
        /* Offsets are from the first, or (PS3.3 C.8.8.3.2) the first is a coordinate itself. */
        const double along = offsets.empty() ? i * first.step : offsets[(size_t)i] - offsets[0];
        one.index = i;
        for (int k = 0; k < 3 && first.place; k++)
            one.position[k] += along * normal[k];
        frames.push_back(one);
    }
    return 0;
}

} // namespace

int read_int(DcmItem *item, const DcmTagKey &tag, int fallback)
{
    Uint16 v;
    return item->findAndGetUint16(tag, v).good() ? v : fallback;
}

enum gn_dtype type_of(const struct file &f)
{
    if (f.kind == PALETTE)
        return GN_UINT8;
    switch (f.allocated) {
    case 32: return f.is_signed ? GN_INT32 : GN_UINT32;
    case 16: return f.is_signed ? GN_INT16 : GN_UINT16;
    default: return f.is_signed ? GN_INT8 : GN_UINT8;
    }
}

int channels_of(const struct file &f)
{
    return f.kind == PALETTE ? 3 : f.samples;
}

void describe(struct set *s, struct file *f, std::vector<struct frame> &frames)
{
    struct gn_err why = {};
    const size_t had = frames.size();

    f->size = s->file_size + s->inflated.size();
    f->series = read_text(&s->tags, DCM_SeriesInstanceUID);
    f->description = read_text(&s->tags, DCM_SeriesDescription);
    f->fault = s->fault;
    if (!f->fault.empty())
        return;
    if (read_shape(s, f, &why) == 0 && frame_bits(*f) / 8 > host->mem_limit() / (size_t)f->frames)
        host->err_set(&why, "claims %d x %d x %d pixels, above the memory limit (--memory)",
                      f->columns, f->rows, f->frames);
    if (!why.code)
        place_frames(s, *f, frames, &why);
    if (why.code) {
        f->fault = why.text;
        frames.resize(had);
    }
}

} // namespace gn_dicom
