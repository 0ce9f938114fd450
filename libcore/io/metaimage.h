/* metaimage.h - MetaImage, .mha and .mhd. Private to io. */
#ifndef GN_IO_METAIMAGE_H
#define GN_IO_METAIMAGE_H

#include "io/format.h"

bool gn_metaimage_detect(const uint8_t *head, size_t n, const char *path);
int gn_metaimage_read(const char *path, bool header_only, struct gn_picture *pic,
                      struct gn_err *err);
/* .mha: compressed voxels after the header; channels lie side by side. */
int gn_metaimage_write(const char *path, const struct gn_picture *pic, struct gn_err *err);

#endif
