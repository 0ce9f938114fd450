/* format.h - image files: a table of formats, each with detect, read and write.
 *
 * To add a format: one file, io/NAME.c (or io/plugin_NAME.c if it needs a library of its own), and
 * one line in gn_formats[] of io/format.c.
 */
#ifndef GN_IO_FORMAT_H
#define GN_IO_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"
#include "base/tensor.h"

/* A decoded image file. tensor is c z y x with the file's dtype (scaled integers become float32,
 * float64 if needed); it borrows from map where the file holds the voxels as they are, else it owns
 * them. */
struct gn_picture {
    struct gn_tensor tensor; /* data NULL after a header-only read */
    /* 3x4 row-major, voxel x y z -> RAS mm; always set (pictures: diag(-1,-1,1)) */
    double affine[12];
    bool has_affine; /* the file says where it is (false: PNG, JPEG, plain TIFF) */
    /* What world the affine leads to, as NIfTI's xform codes: 1 scanner, 2 aligned, 3 Talairach,
     * 4 MNI, 5 other template; 0: not known (written as 1). */
    int form;
    enum gn_dtype stored; /* dtype in the file, before scaling */
    const char *format;   /* the table's name; static */
    struct gn_map map;    /* {0} if the file is not kept mapped */
};

/* What plug-ins may use of us: they reference no symbol of libgn. */
struct gn_host {
    int abi; /* GN_HOST_ABI; a plug-in for another is refused */
    int (*err_set)(struct gn_err *err, const char *fmt, ...) GN_PRINTF(2, 3);
    void *(*try_alloc)(size_t size, struct gn_err *err); /* zeroed, within the memory limit */
    int (*tensor_new4)(struct gn_tensor *t, enum gn_dtype dtype, int64_t c, int64_t z, int64_t y,
                       int64_t x, struct gn_err *err);
    void (*tensor_free)(struct gn_tensor *t);
    /* beside and renamed */
    int (*out_write)(const char *path, const void *data, size_t n, struct gn_err *err);
    size_t (*mem_limit)(void);
};
enum { GN_HOST_ABI = 1 };

struct gn_format {
    const char *name;        /* "NIfTI" */
    const char *const *exts; /* NULL-terminated, with dots, the preferred first */
    /* NULL: built in; else the plug-in's name, which then supplies read and write */
    const char *plugin;
    const char *package; /* of a plug-in: the Debian package that brings its library */
    /* Do the first n bytes (up to 4096) of the file look like this format? */
    bool (*detect)(const uint8_t *head, size_t n, const char *path);
    /* Read the file. header_only: no voxels, and no more of the file than needed. */
    int (*read)(const char *path, bool header_only, struct gn_picture *pic, struct gn_err *err);
    /* Write, complete or not at all. NULL: this format is only read. A dtype or shape it cannot
     * hold is an error. */
    int (*write)(const char *path, const struct gn_picture *pic, struct gn_err *err);
};

/* What a plug-in exports, as gn_plugin_format. */
typedef const struct gn_format *gn_plugin_entry(const struct gn_host *host);

extern const struct gn_format *const gn_formats[]; /* NULL-terminated */

/* The format of a file by its contents, or an error that says what it is not (empty, a gzip of
 * something else ...). */
const struct gn_format *gn_format_detect(const char *path, struct gn_err *err) GN_MUST_USE;
/* The format that writes this extension (".nii.gz"). */
const struct gn_format *gn_format_for_ext(const char *ext, struct gn_err *err) GN_MUST_USE;
/* Opens the plug-in if the format is one: the table line itself when built in. Error: library and
 * package missing. */
const struct gn_format *gn_format_resolve(const struct gn_format *f,
                                          struct gn_err *err) GN_MUST_USE;

/* stat of an image's file or folder; of FOLDER#UID, one DICOM series of a folder with several, that
 * of the folder. */
struct stat;
int gn_picture_stat(const char *path, struct stat *st);
/* Detect and read; messages start with the path. pic is taken as uninitialised; on failure it holds
 * nothing. */
int gn_picture_read(const char *path, bool header_only, struct gn_picture *pic,
                    struct gn_err *err) GN_MUST_USE;
/* What a NIfTI header says of voxel sides that its reader passes over (a side of 0 is read as 1 mm)
 * or does not survive: -1 with it. Other formats, and headers that cannot be read: 0. */
int gn_picture_check_header(const char *path, struct gn_err *err);
int gn_picture_write(const char *path, const struct gn_picture *pic,
                     struct gn_err *err) GN_MUST_USE;
void gn_picture_free(struct gn_picture *pic);

/* A listing for --version: plug-ins found and missing, one line each. */
struct gn_str;
void gn_format_list(struct gn_str *out);

/* gzip as a whole, of any number of members: *out is owned by the caller (free), aligned to
 * GN_ALIGN. claim: how many bytes it must hold exactly, allocated once; 0: unknown. Refused: a
 * claim of more than 1032 times the compressed bytes (no deflate stream holds more) or above the
 * memory limit, more or fewer bytes than claimed, a bad checksum, truncation, bytes after the last
 * member (zeros excepted). */
int gn_gzip_inflate(const void *in, size_t n, size_t claim, void **out, size_t *out_n,
                    struct gn_err *err) GN_MUST_USE;
/* The same for what may hold anything from least to most bytes; most 0: whatever is in it. */
int gn_gzip_inflate_range(const void *in, size_t n, size_t least, size_t most, void **out,
                          size_t *out_n, struct gn_err *err) GN_MUST_USE;
/* The first want bytes, or as many as there are (*got); in may be cut after what is needed. Nothing
 * is verified. */
int gn_gzip_peek(const void *in, size_t n, void *out, size_t want, size_t *got,
                 struct gn_err *err) GN_MUST_USE;
int gn_gzip_deflate(const void *in, size_t n, int level, void **out, size_t *out_n,
                    struct gn_err *err) GN_MUST_USE;
bool gn_gzip_detect(const void *head, size_t n);
/* A zlib stream (RFC 1950) of exactly claim bytes and nothing after it; and the way there. */
int gn_zlib_inflate(const void *in, size_t n, size_t claim, void **out,
                    struct gn_err *err) GN_MUST_USE;
int gn_zlib_deflate(const void *in, size_t n, int level, void **out, size_t *out_n,
                    struct gn_err *err) GN_MUST_USE;

#endif
