/* format.c - the table of image formats, detection, plug-ins and messages. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/analyze.h"
#include "io/format.h"
#include "io/metaimage.h"
#include "io/mgh.h"
#include "io/nrrd.h"
#include "io/plugin.h"

enum { HEAD = 4096 };

static bool detect_png(const uint8_t *head, size_t n, const char *path)
{
    (void)path;
    return n >= 8 && memcmp(head, "\211PNG\r\n\032\n", 8) == 0;
}

static bool detect_jpeg(const uint8_t *head, size_t n, const char *path)
{
    (void)path;
    return n >= 3 && memcmp(head, "\377\330\377", 3) == 0;
}

static bool detect_tiff(const uint8_t *head, size_t n, const char *path)
{
    (void)path;
    return n >= 4 && (memcmp(head, "II*\0", 4) == 0 || memcmp(head, "MM\0*", 4) == 0 ||
                      memcmp(head, "II+\0", 4) == 0 || memcmp(head, "MM\0+", 4) == 0);
}

static bool detect_dicom(const uint8_t *head, size_t n, const char *path)
{
    (void)path;
    return n >= 132 && memcmp(head + 128, "DICM", 4) == 0;
}

static const char *const nifti_exts[] = { ".nii.gz", ".nii", ".hdr", ".img", ".hdr.gz", ".img.gz",
                                          NULL };
static const char *const analyze_exts[] = { NULL }; /* NIfTI's .hdr and .img */
static const char *const metaimage_exts[] = { ".mha", ".mhd", NULL };
static const char *const nrrd_exts[] = { ".nrrd", ".nhdr", NULL };
static const char *const mgh_exts[] = { ".mgz", ".mgh", NULL };
static const char *const dicom_exts[] = { ".dcm", NULL };
static const char *const tiff_exts[] = { ".tif", ".tiff", NULL };
static const char *const png_exts[] = { ".png", NULL };
static const char *const jpeg_exts[] = { ".jpg", ".jpeg", NULL };

static const struct gn_format
    nifti = { "NIfTI", nifti_exts, NULL, NULL, gn_nifti_detect, gn_nifti_read, gn_nifti_write },
    analyze = { "Analyze", analyze_exts, NULL, NULL, gn_analyze_detect, gn_nifti_read, NULL },
    metaimage = { "MetaImage", metaimage_exts, NULL, NULL, gn_metaimage_detect, gn_metaimage_read,
                  gn_metaimage_write },
    nrrd = { "NRRD", nrrd_exts, NULL, NULL, gn_nrrd_detect, gn_nrrd_read, gn_nrrd_write },
    mgh = { "MGH", mgh_exts, NULL, NULL, gn_mgh_detect, gn_mgh_read, NULL },
    tiff = { "TIFF", tiff_exts, "tiff", "libtiff6", detect_tiff, NULL, NULL },
    dicom = { "DICOM", dicom_exts, "dicom", "libdcmtk17", detect_dicom, NULL, NULL },
    png = { "PNG", png_exts, "png", "libpng16-16", detect_png, NULL, NULL },
    jpeg = { "JPEG", jpeg_exts, "jpeg", "libturbojpeg0", detect_jpeg, NULL, NULL };

const struct gn_format *const gn_formats[] = { &dicom, &nifti, &analyze, &nrrd, &tiff, &png, &jpeg,
                                             &metaimage, &mgh, NULL };

/* How many of a format's extensions, from the first, are written. */
static size_t written_exts(const struct gn_format *f)
{
    if (f == &dicom || (!f->plugin && !f->write))
        return 0;
    return f == &nifti ? 2 : f == &metaimage || f == &nrrd ? 1 : SIZE_MAX;
}

/* The format whose extension ends this name; writable: leave out those that are only read (.hdr,
 * .img). */
static const struct gn_format *by_ext(const char *path, bool writable)
{
    size_t n = strlen(path);

    for (size_t i = 0; gn_formats[i]; i++)
        for (size_t k = 0; gn_formats[i]->exts[k]; k++) {
            const char *ext = gn_formats[i]->exts[k];
            size_t m = strlen(ext);
            if (writable && k >= written_exts(gn_formats[i]))
                break;
            if (n >= m && strcasecmp(path + n - m, ext) == 0)
                return gn_formats[i];
        }
    return NULL;
}

static int read_head(const char *path, uint8_t head[HEAD], size_t *n, struct gn_err *err)
{
    struct stat st;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = -1;

    *n = 0;
    if (fd < 0)
        return errno == ENOENT ? gn_err_set(err, "no such file")
                               : gn_err_set(err, "cannot open: %s", strerror(errno));
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        gn_err_set(err, S_ISDIR(st.st_mode) ? "is a folder, not an image" : "not a regular file");
        goto out;
    }
    while (*n < HEAD && (got = read(fd, head + *n, HEAD - *n)) > 0)
        *n += (size_t)got;
    rc = 0;
out:
    close(fd);
    return rc;
}

/* Does a folder, or one in it, hold a DICOM file? *left: how many names are still looked at, so
 * that a folder of anything is not searched for minutes. */
static bool is_series(const char *path, int depth, int *left)
{
    struct gn_err ignored = { 0 };
    DIR *dir = opendir(path);
    struct dirent *e;
    bool yes = false;

    while (dir && !yes && (e = readdir(dir)) && (*left)-- > 0) {
        char *name = gn_path_join(path, e->d_name);
        uint8_t head[HEAD];
        struct stat st;
        size_t n;
        if (e->d_name[0] == '.' || lstat(name, &st))
            yes = false;
        else if (S_ISDIR(st.st_mode))
            yes = depth < 8 && is_series(name, depth + 1, left);
        else
            yes = read_head(name, head, &n, &ignored) == 0 && detect_dicom(head, n, name);
        free(name);
    }
    if (dir)
        closedir(dir);
    return yes;
}

int gn_picture_stat(const char *path, struct stat *st)
{
    const char *mark = strrchr(path, '#');
    char *folder;
    int rc = stat(path, st);

    if (!rc || !mark || mark == path)
        return rc;
    folder = gn_strndup(path, (size_t)(mark - path));
    rc = stat(folder, st);
    if (!rc && !S_ISDIR(st->st_mode)) {
        errno = ENOENT;
        rc = -1;
    }
    free(folder);
    return rc;
}

/* A folder, or FOLDER#UID, with DICOM files. */
static bool names_series(const char *path)
{
    struct stat st, own;
    const bool plain = stat(path, &own) == 0;
    int left = 1 << 12;
    char *folder;
    bool yes;

    if (gn_picture_stat(path, &st) || !S_ISDIR(st.st_mode))
        return false;
    folder = gn_strndup(path, plain ? strlen(path) : (size_t)(strrchr(path, '#') - path));
    yes = is_series(folder, 0, &left);
    free(folder);
    return yes;
}

const struct gn_format *gn_format_detect(const char *path, struct gn_err *err)
{
    uint8_t head[HEAD];
    const struct gn_format *named;
    size_t n;

    if (names_series(path))
        return &dicom;
    if (read_head(path, head, &n, err))
        return NULL;
    if (!n) {
        gn_err_set(err, "the file is empty");
        return NULL;
    }
    for (size_t i = 0; gn_formats[i]; i++)
        if (gn_formats[i]->detect(head, n, path))
            return gn_formats[i];
    if (n >= 4 && memcmp(head, "GNT", 3) == 0) {
        gn_err_set(err, "is a tensor stream already: give it to the next tool as it is");
        return NULL;
    }
    named = by_ext(path, false);
    if (named)
        gn_err_set(err, "not a %s file, or a damaged one", named->name);
    else if (gn_gzip_detect(head, n))
        gn_err_set(err, "gzip data that holds no image of a known format");
    else
        gn_err_set(err, "not an image of a known format");
    return NULL;
}

const struct gn_format *gn_format_for_ext(const char *ext, struct gn_err *err)
{
    const struct gn_format *f = by_ext(ext, true);

    if (!f)
        gn_err_set(err, "no format that can be written has the extension %s", ext);
    return f;
}

/* ---- plug-ins ---- */
static int host_out_write(const char *path, const void *data, size_t n, struct gn_err *err)
{
    return gn_file_write(path, data, n, false, err);
}

static const struct gn_host host = { GN_HOST_ABI,    gn_err_set,     gn_try_alloc, gn_tensor_new4,
                                     gn_tensor_free, host_out_write, gn_mem_limit };

const struct gn_format *gn_format_resolve(const struct gn_format *f, struct gn_err *err)
{
    union {
        void *address;
        gn_plugin_entry *call;
    } entry;
    const struct gn_format *real;
    char what[80];

    if (!f->plugin)
        return f;
    snprintf(what, sizeof what, "%s files cannot be read or written", f->name);
    entry.address = gn_plugin_symbol(f->plugin, "gn_plugin_format", f->package, what, err);
    if (!entry.address)
        return NULL;
    real = entry.call(&host);
    if (!real)
        gn_err_set(err, "%s: the plug-in %s.so is of another version", what, f->plugin);
    return real;
}

void gn_format_list(struct gn_str *out)
{
    for (size_t i = 0; gn_formats[i]; i++) {
        struct gn_err err = { 0 };
        if (!gn_formats[i]->plugin)
            gn_str_addf(out, "%s: built in\n", gn_formats[i]->name);
        else if (gn_format_resolve(gn_formats[i], &err))
            gn_str_addf(out, "%s: plug-in %s\n", gn_formats[i]->name, gn_formats[i]->plugin);
        else
            gn_str_addf(out, "%s: missing: %s\n", gn_formats[i]->name, err.text);
    }
}

/* ---- reading and writing ---- */
int gn_picture_read(const char *path, bool header_only, struct gn_picture *pic, struct gn_err *err)
{
    const struct gn_format *table, *f = NULL;
    static const double nowhere[12] = { -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0 };

    memset(pic, 0, sizeof *pic);
    memcpy(pic->affine, nowhere, sizeof nowhere);
    table = gn_format_detect(path, err);
    if (table)
        f = gn_format_resolve(table, err);
    if (!f)
        return gn_err_wrap(err, "%s", path);
    pic->format = table->name;
    if (f->read(path, header_only, pic, err)) {
        gn_picture_free(pic);
        return gn_err_wrap(err, "%s", path);
    }
    return 0;
}

int gn_picture_write(const char *path, const struct gn_picture *pic, struct gn_err *err)
{
    const struct gn_format *f = by_ext(path, true);

    if (!f)
        return gn_err_set(err, "%s: no format that can be written has this extension", path);
    f = gn_format_resolve(f, err);
    if (!f)
        return gn_err_wrap(err, "%s", path);
    if (!f->write)
        return gn_err_set(err, "%s: %s files are only read", path, f->name);
    if (f->write(path, pic, err))
        return gn_err_wrap(err, "%s", path);
    return 0;
}

void gn_picture_free(struct gn_picture *pic)
{
    gn_tensor_free(&pic->tensor);
    gn_map_close(&pic->map);
    memset(pic, 0, sizeof *pic);
}
