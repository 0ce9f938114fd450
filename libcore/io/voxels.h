/* voxels.h - what the readers and writers of radiology formats share: where an image's voxels lie
 * and how they are stored, lines and numbers of text headers, affines. Private to io. */
#ifndef GN_IO_VOXELS_H
#define GN_IO_VOXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "io/format.h"

/* GN_CODED_ZLIB: zlib's wrapper, or gzip's; one stream. */
enum gn_coding { GN_CODED_RAW, GN_CODED_GZIP, GN_CODED_ZLIB, GN_CODED_TEXT, GN_CODED_HEX };

/* An image's voxels as a header describes them; nothing in it is trusted but the size of the type.
 * Axes are x, y, z, component and frame; the picture's channel is frame * components + component.
 */
enum { GN_VOXEL_AXES = 5, GN_MAX_PIECES = 1 << 16 };
struct gn_voxels {
    enum gn_dtype dtype;
    enum gn_coding coding;
    bool swapped;                  /* the file's byte order is not this machine's */
    int64_t size[GN_VOXEL_AXES];   /* each >= 1 */
    int64_t stride[GN_VOXEL_AXES]; /* elements from one to the next, in the file; of a size of 1:
                                      any */
    struct gn_strs files;          /* names of detached files, equal pieces in this order, relative
                                      to the header; none: in the header's own file */
    size_t at;                     /* byte of each file where the (coded) voxels begin */
    int64_t lines, bytes;          /* then skipped: lines before, bytes after decompression; bytes
                                      -1: the voxels are the last bytes there are */
    size_t packed;                 /* bytes of compressed voxels that the header claims; 0: it does
                                      not say */
};

/* Strides of axes that lie in the file in the order components, x, y, z, frames. */
void gn_voxels_interleaved(struct gn_voxels *v);
/* The tensor of pic: its shape always, the voxels unless header_only. head is the header's file at
 * path; it may be moved into pic. Refused: sizes that do not equal the bytes there are. */
int gn_voxels_read(struct gn_map *head, const char *path, const struct gn_voxels *v,
                   bool header_only, struct gn_picture *pic, struct gn_err *err) GN_MUST_USE;
/* "slice%03d.raw 1 20 1" -> names; left is what follows the three numbers. 1: done, 0: text is no
 * such pattern, -1: it is one, but a broken one. */
int gn_voxels_pattern(const char *text, struct gn_strs *names, const char **left,
                      struct gn_err *err) GN_MUST_USE;

/* n elements of size bytes (1, 2, 4 or 8), byte order reversed if swapped. from may be unaligned,
 * and equal to to. */
void gn_voxels_copy(void *to, const void *from, size_t n, size_t size, bool swapped);
/* slope * value + inter, computed in double and rounded once to out's float32 or float64. raw holds
 * as many elements of dtype as out, in file order. */
void gn_voxels_scale(struct gn_tensor *out, const void *raw, enum gn_dtype dtype, bool swapped,
                     double slope, double inter);
/* Planes c z y x -> elements with the channel fastest, and so what MetaImage calls channels. */
void gn_voxels_interleave(const struct gn_tensor *t, void *out);
/* A file of a text header and n bytes of coded voxels, complete or not at all. */
int gn_voxels_write(const char *path, const struct gn_str *head, const void *packed, size_t n,
                    struct gn_err *err) GN_MUST_USE;
bool gn_machine_big(void);

/* An error if it is not finite or has no volume: "damaged FORMAT header: the WHICH is not finite".
 */
int gn_affine_check(const double m[12], const char *format, const char *which,
                    struct gn_err *err) GN_MUST_USE;
void gn_affine_flip_xy(double m[12]); /* LPS <-> RAS */
/* Millimetres in a unit of length by its name ("um", "microns", "cm"); 0: not a known one. */
double gn_unit_mm(const char *name);

/* The next line from *at on, without its end (LF or CR LF); false: none is left. */
bool gn_text_line(const char *data, size_t n, size_t *at, const char **line, size_t *len);
/* The text without spaces at both ends; owned by the caller. */
char *gn_text_trim(const char *text, size_t n);
/* Numbers separated by spaces: how many, or -1 if there are more than max or a word is none. */
int gn_text_reals(const char *text, double *v, int max);
int gn_text_ints(const char *text, int64_t *v, int max);

#endif
