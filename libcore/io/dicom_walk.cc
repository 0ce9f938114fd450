/* dicom_walk.cc - sequences, items and fragments, of given or of undefined length, to a depth
 * of 32. DICOM PS3.5, sections 7 and A.4. */
#include "io/dicom_walk.h"

#include <algorithm>
#include <cstring>

uint32_t gn_dicom_number(const uint8_t *p, int size, bool big)
{
    uint32_t v = 0;
    for (int i = 0; i < size; i++)
        v = v << 8 | p[big ? i : size - 1 - i];
    return v;
}

namespace
{

enum { MAX_DEPTH = 32 };
const uint32_t UNDEFINED = 0xffffffff;

struct walk {
    bool big;
    struct gn_dicom_extent *extent;
    const char *why; /* what is wrong */
    bool deep;       /* that it is too deep */
};

int walk_fault(struct walk *w, const char *why)
{
    if (!w->why)
        w->why = why;
    return -1;
}

int walk_too_deep(struct walk *w)
{
    w->deep = true;
    return walk_fault(w, "more than 32 sequences inside each other");
}

int walk_elements(struct walk *w, const uint8_t *p, size_t n, size_t *used, bool bounded, int depth,
                  bool is_explicit);

/* The items of a sequence, or the fragments of compressed pixels, of undefined length or of n
 * bytes. */
int walk_items(struct walk *w, const uint8_t *p, size_t n, size_t *used, bool bounded, int depth,
               bool is_explicit, bool fragments)
{
    size_t at = 0, inside;

    if (depth > MAX_DEPTH)
        return walk_too_deep(w);
    while (!(bounded && at == n)) {
        if (n - at < 8)
            return walk_fault(w, "truncated inside a sequence");
        const uint32_t group = gn_dicom_number(p + at, 2, w->big);
        const uint32_t element = gn_dicom_number(p + at + 2, 2, w->big);
        const uint32_t len = gn_dicom_number(p + at + 4, 4, w->big);
        at += 8;
        if (group != 0xfffe)
            return walk_fault(w, "a sequence holds something else than items");
        if (element == 0xe0dd) {
            if (bounded)
                return walk_fault(w, "a sequence ends before its length");
            break;
        }
        if (element != 0xe000)
            return walk_fault(w, "a sequence holds something else than items");
        if (len == UNDEFINED && fragments)
            return walk_fault(w, "a fragment of pixels without a length");
        if (len != UNDEFINED && len > n - at)
            return walk_fault(w, "truncated: an item is longer than what is there");
        if (fragments) {
            at += len;
            continue;
        }
        if (walk_elements(w, p + at, len == UNDEFINED ? n - at : len, &inside, len != UNDEFINED,
                          depth, is_explicit))
            return -1;
        at += inside;
    }
    *used = at;
    return 0;
}

/* A value without a type that may be a sequence, which only the dictionary knows: its depth. */
int walk_hidden(struct walk *w, const uint8_t *p, size_t n, int depth)
{
    struct walk inner = { w->big, w->extent, nullptr, false };
    size_t used;

    if (gn_dicom_number(p, 2, w->big) != 0xfffe || gn_dicom_number(p + 2, 2, w->big) != 0xe000)
        return 0;
    if (walk_items(&inner, p, n, &used, true, depth + 1, false, false) == 0 || !inner.deep)
        return 0;
    return walk_too_deep(w);
}

/* Elements up to n bytes, or, if not bounded, to an item delimiter. */
int walk_elements(struct walk *w, const uint8_t *p, size_t n, size_t *used, bool bounded, int depth,
                  bool is_explicit)
{
    size_t at = 0, inside;

    if (depth > MAX_DEPTH)
        return walk_too_deep(w);
    while (!(bounded && at == n)) {
        char vr[3] = "";
        uint32_t len;
        if (depth == 0 && w->extent->found &&
            std::all_of(p + at, p + n, [](uint8_t b) { return b == 0; }))
            break; /* a file padded with zeros */
        if (n - at < 8)
            return walk_fault(w, "truncated inside an element");
        const uint32_t group = gn_dicom_number(p + at, 2, w->big);
        const uint32_t element = gn_dicom_number(p + at + 2, 2, w->big);
        if (group == 0xfffe) {
            if (element != 0xe00d || bounded)
                return walk_fault(w, "an item's end without an item");
            at += 8;
            break;
        }
        if (depth == 0 && w->extent->found &&
            (group < 0x7fe0 || (group == 0x7fe0 && element <= 0x0010)))
            return walk_fault(w, "elements out of order after the pixels");
        if (depth == 0 && group == 0x7fe0 && (element == 0x0008 || element == 0x0009))
            return walk_fault(w, "pixels in floating point are not supported");
        const size_t begin = at;
        if (is_explicit) {
            memcpy(vr, p + at + 4, 2);
            if (strstr("OB OD OF OL OV OW SQ SV UC UN UR UT UV", vr) && strlen(vr) == 2) {
                if (n - at < 12)
                    return walk_fault(w, "truncated inside an element");
                len = gn_dicom_number(p + at + 8, 4, w->big);
                at += 12;
            } else {
                /* Of a type that is not known, DCMTK takes the length to lie elsewhere. */
                if (!strstr("AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US", vr) ||
                    strlen(vr) != 2)
                    return walk_fault(w, "an element without a known type");
                len = gn_dicom_number(p + at + 6, 2, w->big);
                at += 8;
            }
        } else {
            len = gn_dicom_number(p + at + 4, 4, w->big);
            at += 8;
        }
        const bool pixels = group == 0x7fe0 && element == 0x0010;
        if (pixels && is_explicit && strcmp(vr, "OB") != 0 && strcmp(vr, "OW") != 0)
            return walk_fault(w, "pixels of another type than OB and OW");
        if (len != UNDEFINED && len > n - at)
            return walk_fault(w, "truncated: an element is longer than what is there");
        if (strcmp(vr, "SQ") == 0 || len == UNDEFINED) {
            /* An unknown type of undefined length is an implicit sequence. */
            if (walk_items(w, p + at, len == UNDEFINED ? n - at : len, &inside, len != UNDEFINED,
                           depth + 1, is_explicit && strcmp(vr, "UN") != 0, pixels))
                return -1;
            at += inside;
        } else {
            if (!is_explicit && !pixels && len >= 8 && walk_hidden(w, p + at, len, depth))
                return -1;
            inside = len;
            at += len;
        }
        if (pixels && depth == 0)
            *w->extent = { true, len == UNDEFINED, strcmp(vr, "OB") != 0, begin, at - inside,
                           inside, 0 };
    }
    *used = at;
    return 0;
}

} // namespace

const char *gn_dicom_walk(const uint8_t *p, size_t n, bool is_explicit, bool big,
                          struct gn_dicom_extent *extent)
{
    struct walk w = { big, extent, nullptr, false };
    size_t used = 0;

    *extent = {};
    if (walk_elements(&w, p, n, &used, true, 0, is_explicit))
        return w.why;
    extent->end = used;
    return nullptr;
}
