/* mgh.h - FreeSurfer's .mgh and .mgz. Private to io. */
#ifndef GN_IO_MGH_H
#define GN_IO_MGH_H

#include "io/format.h"

bool gn_mgh_detect(const uint8_t *head, size_t n, const char *path);
int gn_mgh_read(const char *path, bool header_only, struct gn_picture *pic, struct gn_err *err);

#endif
