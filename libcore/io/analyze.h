/* analyze.h - Analyze 7.5, .hdr and .img: a NIfTI-1 header's ancestor. Private to io. */
#ifndef GN_IO_ANALYZE_H
#define GN_IO_ANALYZE_H

#include "io/nifti.h"

bool gn_analyze_detect(const uint8_t *head, size_t n, const char *path);
/* h: what gn_nifti_parse found in the same bytes; head holds at least 348. */
int gn_analyze_affine(const uint8_t *head, const struct gn_nifti *h, double affine[12],
                      struct gn_err *err) GN_MUST_USE;

#endif
