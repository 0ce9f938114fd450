/* nifti.h - NIfTI-1 and NIfTI-2 headers as bytes: what the reader and the writer share. Private to
 * io. Offsets are from https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h and
 * https://nifti.nimh.nih.gov/pub/dist/doc/nifti2.h */
#ifndef GN_IO_NIFTI_H
#define GN_IO_NIFTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/format.h"

enum { NIFTI1_SIZE = 348, NIFTI2_SIZE = 540 };

/* A header after its bytes have been put in order; nothing in it is trusted yet. */
struct gn_nifti {
    int version;  /* 1 or 2 */
    bool swapped; /* the file's byte order is not this machine's */
    bool pair;    /* voxels lie in an .img file */
    int64_t dim[8];
    int datatype, bitpix;
    double pixdim[8]; /* [0] is qfac */
    double vox_offset;
    double slope, inter;
    int qform_code, sform_code;
    double quatern[3], qoffset[3];
    double srow[12];
};

/* Does head start a NIfTI header? Fills h when h is not NULL. 1: NIfTI, 0: no, -1: an Analyze 7.5
 * header without magic, its fields read as those of a NIfTI-1 pair. */
int gn_nifti_parse(const uint8_t *head, size_t n, struct gn_nifti *h);

/* The affine of a quaternion header: (b, c, d), offsets, voxel sizes and qfac -> 3x4 row-major. -1:
 * not a rotation. */
int gn_nifti_from_quatern(const double q[3], const double offset[3], const double size[3],
                          double qfac, double affine[12]);
/* The reverse. -1: the affine is sheared, no quaternion describes it. */
int gn_nifti_to_quatern(const double affine[12], double q[3], double size[3], double *qfac);

struct gn_nifti_type {
    int code, bits;
    enum gn_dtype dtype;
    int components; /* 3 RGB, 4 RGBA, interleaved in the file */
};
extern const struct gn_nifti_type gn_nifti_types[]; /* code 0 at the end */

/* gn_nifti_parse of a file's first bytes, inflated if need be, or of the .hdr beside an .img. */
int gn_nifti_kind(const uint8_t *head, size_t n, const char *path);
bool gn_nifti_detect(const uint8_t *head, size_t n, const char *path);
/* Reads Analyze 7.5 too. */
int gn_nifti_read(const char *path, bool header_only, struct gn_picture *pic, struct gn_err *err);
int gn_nifti_write(const char *path, const struct gn_picture *pic, struct gn_err *err);

#endif
