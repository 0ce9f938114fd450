/* dicom_walk.h - a walk over the tags of a DICOM data set that checks every length and the depth,
 * before a library sees them. Private to the plug-in. */
#ifndef GN_IO_DICOM_WALK_H
#define GN_IO_DICOM_WALK_H

#include <stddef.h>
#include <stdint.h>

/* NULL, or what is wrong with the n bytes of a data set in this syntax. */
const char *gn_dicom_walk(const uint8_t *p, size_t n, bool is_explicit, bool big);
/* size bytes as a number. */
uint32_t gn_dicom_number(const uint8_t *p, int size, bool big);

#endif
