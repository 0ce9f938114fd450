/* nrrd.h - NRRD, .nrrd and .nhdr: the header as text, and what it means. Private to io. */
#ifndef GN_IO_NRRD_H
#define GN_IO_NRRD_H

#include "io/format.h"
#include "io/voxels.h"

enum gn_nrrd_field {
    NRRD_TYPE, NRRD_DIMENSION, NRRD_SIZES, NRRD_ENCODING, NRRD_ENDIAN, NRRD_SPACE,
    NRRD_SPACE_DIMENSION, NRRD_DIRECTIONS, NRRD_ORIGIN, NRRD_UNITS, NRRD_SPACINGS, NRRD_MINS,
    NRRD_MAXS, NRRD_CENTERS, NRRD_KINDS, NRRD_FILE, NRRD_LINE_SKIP, NRRD_BYTE_SKIP, NRRD_OTHER
};

/* The fields of a header, each owned text or NULL; end is where the header ends, and lines of a
 * list of files are not part of it. */
struct gn_nrrd {
    char *field[NRRD_OTHER];
    size_t end;
};
int gn_nrrd_parse(const char *data, size_t n, struct gn_nrrd *h, struct gn_err *err) GN_MUST_USE;
void gn_nrrd_free(struct gn_nrrd *h);

/* Sizes and strides of the voxels and their affine. */
int gn_nrrd_grid(const struct gn_nrrd *h, struct gn_voxels *v, struct gn_picture *pic,
                 struct gn_err *err) GN_MUST_USE;

bool gn_nrrd_detect(const uint8_t *head, size_t n, const char *path);
int gn_nrrd_read(const char *path, bool header_only, struct gn_picture *pic, struct gn_err *err);
/* .nrrd: gzip; channels are the last axis, a list. */
int gn_nrrd_write(const char *path, const struct gn_picture *pic, struct gn_err *err);

#endif
