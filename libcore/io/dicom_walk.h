/* dicom_walk.h - a walk over the tags of a DICOM data set that checks every length and the depth,
 * before a library sees them, and finds the pixels. Private to the plug-in. */
#ifndef GN_IO_DICOM_WALK_H
#define GN_IO_DICOM_WALK_H

#include <stddef.h>
#include <stdint.h>

/* Where the pixels of a data set lie. */
struct gn_dicom_extent {
    bool found;      /* there are any */
    bool fragments;  /* compressed: items, the first of which is the table of offsets */
    bool words;      /* of type OW */
    size_t tag;      /* byte where their element begins: what comes before describes the image */
    size_t at, size; /* their value, or their items with what ends them */
    size_t end;      /* of the data set: zeros that pad the file are not of it */
};

/* NULL, or what is wrong with the n bytes of a data set in this syntax. */
const char *gn_dicom_walk(const uint8_t *p, size_t n, bool is_explicit, bool big,
                          struct gn_dicom_extent *extent);
/* size bytes as a number. */
uint32_t gn_dicom_number(const uint8_t *p, int size, bool big);

#endif
