/* plugin_tiff.c - TIFF and BigTIFF by libtiff: strips and tiles, chunky and planar, integers of 8
 * to 64 bits and floats as they are; grey of 1, 2 and 4 bits scaled to 8, of 9 to 15 bits kept in
 * 16; palettes and YCbCr become RGB; unsigned MINISWHITE is inverted; CMYK, Lab and further samples
 * are channels. Pages of one size and type are z; those marked as reduced (thumbnails, pyramid
 * levels) or as masks are left out, any other is an error. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tiffio.h>

#include "io/format.h"

enum { MAX_PAGES = 65536, SINGLE_ALLOC = 256 << 20 };

static const struct gn_host *host;
/* In the order of enum gn_dtype: the host's own table is no symbol for a plug-in. */
static const char *const dtype_names[] = { "uint8", "int8", "uint16", "int16", "uint32", "int32",
                                           "uint64", "int64", "float16", "float32", "float64" };

/* What libtiff says about one file. While directories are read an error with a result is a warning;
 * while pixels are read every error counts, and every warning of the JPEG decoder, which otherwise
 * gives grey for damaged data and says success. */
struct talk {
    bool pixels, failed;
    char text[200];
};

static void keep_text(struct talk *k, const char *fmt, va_list args)
{
    if (!k->failed)
        vsnprintf(k->text, sizeof k->text, fmt, args);
    k->failed = true;
}

static int on_error(TIFF *t, void *user, const char *module, const char *fmt, va_list args)
{
    (void)t;
    (void)module;
    keep_text(user, fmt, args);
    return 1;
}

static int on_warning(TIFF *t, void *user, const char *module, const char *fmt, va_list args)
{
    struct talk *k = user;
    (void)t;
    if (k->pixels && module && strcmp(module, "JPEGLib") == 0)
        keep_text(k, fmt, args);
    return 1;
}

static TIFFOpenOptions *options(struct talk *k)
{
    TIFFOpenOptions *o = TIFFOpenOptionsAlloc();

    if (o) {
        TIFFOpenOptionsSetErrorHandlerExtR(o, on_error, k);
        TIFFOpenOptionsSetWarningHandlerExtR(o, on_warning, k);
        TIFFOpenOptionsSetMaxSingleMemAlloc(o, SINGLE_ALLOC);
    }
    return o;
}

enum kind { PLAIN, UNPACK, PALETTE, CONVERT };

/* One directory; pages with equal fields go into one volume. */
struct page {
    enum kind kind;
    uint32_t w, h, tile_w, tile_h; /* a strip is a tile of the page's width */
    uint16_t samples, bits, planar, photo, compression, format;
    bool tiled;
    int64_t channels;
    enum gn_dtype dtype;
};

static int find_dtype(struct page *p, struct gn_err *err)
{
    static const enum gn_dtype by_size[3][4] = { { GN_UINT8, GN_UINT16, GN_UINT32, GN_UINT64 },
                                                 { GN_INT8, GN_INT16, GN_INT32, GN_INT64 },
                                                 { GN_UINT8, GN_FLOAT16, GN_FLOAT32, GN_FLOAT64 } };
    const int row = p->format == SAMPLEFORMAT_INT ? 1 : p->format == SAMPLEFORMAT_IEEEFP ? 2 : 0;
    const int column = p->bits == 8    ? 0
                       : p->bits == 16 ? 1
                       : p->bits == 32 ? 2
                       : p->bits == 64 ? 3
                                       : -1;

    if (p->format > SAMPLEFORMAT_VOID || (row == 2 && column < 1))
        return host->err_set(err, "samples of format %u and %u bits are not supported", p->format,
                             p->bits);
    if (column >= 0) {
        p->dtype = by_size[row][column];
        return 0;
    }
    if (row || (p->bits != 1 && p->bits != 2 && p->bits != 4 && (p->bits < 9 || p->bits > 15)))
        return host->err_set(err, "samples of %u bits are not supported", p->bits);
    p->kind = UNPACK;
    p->dtype = p->bits < 8 ? GN_UINT8 : GN_UINT16;
    return 0;
}

static int describe(TIFF *t, struct page *p, struct gn_err *err)
{
    uint32_t rows = 0;

    memset(p, 0, sizeof *p);
    p->photo = PHOTOMETRIC_MINISBLACK;
    TIFFGetFieldDefaulted(t, TIFFTAG_COMPRESSION, &p->compression);
    if (p->compression == COMPRESSION_SGILOG || p->compression == COMPRESSION_SGILOG24)
        return host->err_set(err, "LogLuv is not supported");
    if (!TIFFIsCODECConfigured(p->compression))
        return host->err_set(err, "compression %u is not supported", p->compression);
    TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &p->photo);
    if (p->compression == COMPRESSION_JPEG && p->photo == PHOTOMETRIC_YCBCR)
        TIFFSetField(t, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &p->w);
    TIFFGetField(t, TIFFTAG_IMAGELENGTH, &p->h);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &p->samples);
    TIFFGetFieldDefaulted(t, TIFFTAG_BITSPERSAMPLE, &p->bits);
    TIFFGetFieldDefaulted(t, TIFFTAG_PLANARCONFIG, &p->planar);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLEFORMAT, &p->format);
    p->tiled = TIFFIsTiled(t);
    if (p->tiled) {
        TIFFGetField(t, TIFFTAG_TILEWIDTH, &p->tile_w);
        TIFFGetField(t, TIFFTAG_TILELENGTH, &p->tile_h);
    } else {
        TIFFGetFieldDefaulted(t, TIFFTAG_ROWSPERSTRIP, &rows);
        p->tile_w = p->w;
        p->tile_h = rows < p->h ? rows : p->h;
    }
    if (!p->w || !p->h || !p->samples || !p->tile_w || !p->tile_h)
        return host->err_set(err, "damaged TIFF: %u x %u pixels of %u samples", p->w, p->h,
                             p->samples);
    p->channels = p->samples;
    if (p->photo == PHOTOMETRIC_PALETTE) {
        if (p->samples != 1 ||
            (p->bits != 1 && p->bits != 2 && p->bits != 4 && p->bits != 8 && p->bits != 16))
            return host->err_set(err, "a palette of %u bits with %u samples is not supported",
                                 p->bits, p->samples);
        p->kind = PALETTE;
        p->dtype = GN_UINT8;
        p->channels = 3;
        return 0;
    }
    if (p->photo == PHOTOMETRIC_YCBCR && p->compression != COMPRESSION_JPEG) {
        p->kind = CONVERT; /* subsampled, and read packed: libtiff makes RGB of it */
        p->dtype = GN_UINT8;
        p->channels = 3;
        return 0;
    }
    return find_dtype(p, err);
}

static bool same_kind(const struct page *a, const struct page *b)
{
    return a->w == b->w && a->h == b->h && a->channels == b->channels && a->dtype == b->dtype;
}

/* The most that one byte can become, per codec (rows of blank pages and long repeats have no bound:
 * 0). */
static size_t largest_ratio(uint16_t compression)
{
    switch (compression) {
    case COMPRESSION_NONE: return 1;
    case COMPRESSION_PACKBITS: return 64;
    case COMPRESSION_LZW:
        return 1400; /* strings of 1, 2, ... 3837 bytes for codes of 9 to 12 bits */
    case COMPRESSION_DEFLATE:
    case COMPRESSION_ADOBE_DEFLATE: return 1032;
    case COMPRESSION_JPEG:
    case COMPRESSION_OJPEG: return 512 * 4;
    default: return 0;
    }
}

/* Could the bytes of this page's strips or tiles hold its pixels? Asked before memory is. */
static int check_claim(TIFF *t, const struct page *p, size_t file_size, struct gn_err *err)
{
    const size_t ratio = largest_ratio(p->compression);
    const uint64_t row =
        p->kind == CONVERT ? p->w : ((uint64_t)p->w * p->samples * p->bits + 7) / 8;
    const uint64_t tile = p->tiled ? TIFFTileSize64(t) : TIFFVStripSize64(t, p->tile_h);
    uint64_t claim;

    if (__builtin_mul_overflow(row, (uint64_t)p->h, &claim) || claim > host->mem_limit() ||
        tile > host->mem_limit())
        return host->err_set(err, "claims %u x %u pixels, above the memory limit (--memory)", p->w,
                             p->h);
    if (p->compression == COMPRESSION_NONE && p->kind != CONVERT
            ? claim > (uint64_t)file_size * 1032
            : ratio && claim / ratio > file_size)
        return host->err_set(err, "claims %llu bytes of pixels, more than a file of %zu can hold",
                             (unsigned long long)claim, file_size);
    return 0;
}

/* ---- pixels ---- */
struct target {
    const struct page *p;
    uint8_t *data; /* c z y x of the whole picture */
    size_t pages, page;
    const uint8_t *palette; /* 3 rows of 1 << bits */
};

static unsigned sample_at(const uint8_t *row, size_t i, unsigned bits)
{
    size_t at = i * bits / 8;
    unsigned off = (unsigned)(i * bits % 8), v = 0, have = 0;
    uint16_t wide;

    if (bits == 16) {
        memcpy(&wide, row + 2 * i, 2);
        return wide;
    }
    while (have < off + bits) {
        v = v << 8 | row[at++];
        have += 8;
    }
    return v >> (have - off - bits) & ((1u << bits) - 1);
}

/* n pixels of one row, step samples apart, the first at sample from, into one plane. */
static void copy_samples(const struct page *p, void *to, const uint8_t *row, size_t from,
                         size_t step, size_t n)
{
    const size_t size = p->bits / 8u;

    if (p->kind == UNPACK) {
        const unsigned scale = p->bits < 8 ? 255u / ((1u << p->bits) - 1) : 1;
        for (size_t x = 0; x < n; x++) {
            unsigned v = sample_at(row, from + x * step, p->bits) * scale;
            if (p->bits < 8)
                ((uint8_t *)to)[x] = (uint8_t)v;
            else
                ((uint16_t *)to)[x] = (uint16_t)v;
        }
    } else if (step == 1) {
        memcpy(to, row + from * size, n * size);
    } else if (size == 1) {
        for (size_t x = 0; x < n; x++)
            ((uint8_t *)to)[x] = row[from + x * step];
    } else {
        for (size_t x = 0; x < n; x++)
            memcpy((uint8_t *)to + x * size, row + (from + x * step) * size, size);
    }
}

/* One row of a strip or tile: n pixels at (x, y); plane: the only sample of a planar file, or -1
 * for all. */
static void put_row(const struct target *g, const uint8_t *row, size_t x, size_t y, size_t n,
                    int plane)
{
    const struct page *p = g->p;
    /* PLAIN samples are as wide as the dtype; what is unpacked or looked up is 1 byte, or 2 above 8
     * bits. */
    const size_t item = p->kind == PLAIN ? p->bits / 8u : p->kind == UNPACK && p->bits > 8 ? 2 : 1;

    for (size_t c = 0; c < (size_t)p->channels; c++) {
        uint8_t *to = g->data + (((c * g->pages + g->page) * p->h + y) * p->w + x) * item;
        if (p->kind == PALETTE) {
            const uint8_t *map = g->palette + (c << p->bits);
            for (size_t i = 0; i < n; i++)
                to[i] = map[sample_at(row, i, p->bits)];
        } else if (plane < 0) {
            copy_samples(p, to, row, c, p->samples, n);
        } else if (c == (size_t)plane) {
            copy_samples(p, to, row, 0, 1, n);
        }
    }
}

static int read_tiles(TIFF *t, const struct target *g, struct talk *k, struct gn_err *err)
{
    const struct page *p = g->p;
    const bool planar = p->planar == PLANARCONFIG_SEPARATE && p->samples > 1;
    const tmsize_t size = p->tiled ? TIFFTileSize(t) : TIFFVStripSize(t, p->tile_h);
    const tmsize_t stride = p->tiled ? TIFFTileRowSize(t) : TIFFScanlineSize(t);
    const uint64_t samples = planar ? 1 : p->samples;
    uint8_t *buffer = NULL;
    int rc = -1;

    if (size <= 0 || stride <= 0 ||
        (uint64_t)stride < ((uint64_t)p->tile_w * samples * p->bits + 7) / 8 ||
        (uint64_t)size / (uint64_t)stride < p->tile_h)
        return host->err_set(err, "damaged TIFF: strips or tiles of %lld bytes", (long long)size);
    buffer = malloc((size_t)size);
    if (!buffer) {
        host->err_set(err, "out of memory: %lld bytes", (long long)size);
        goto out;
    }
    for (int s = 0; s < (planar ? p->samples : 1); s++)
        for (uint32_t y = 0; y < p->h; y += p->tile_h < p->h - y ? p->tile_h : p->h - y)
            for (uint32_t x = 0; x < p->w; x += p->tile_w < p->w - x ? p->tile_w : p->w - x) {
                const uint32_t rows = p->h - y < p->tile_h ? p->h - y : p->tile_h;
                const uint32_t n = p->w - x < p->tile_w ? p->w - x : p->tile_w;
                const uint32_t i = p->tiled ? TIFFComputeTile(t, x, y, 0, (uint16_t)s)
                                            : TIFFComputeStrip(t, y, (uint16_t)s);
                const tmsize_t want = p->tiled ? size : (tmsize_t)rows * stride;
                tmsize_t got;

                if (TIFFGetStrileByteCount(t, i) == 0 && !k->failed) {
                    memset(buffer, 0, (size_t)want); /* a sparse strip: never written, zeros */
                    got = want;
                } else {
                    got = p->tiled ? TIFFReadEncodedTile(t, i, buffer, size)
                                   : TIFFReadEncodedStrip(t, i, buffer, want);
                }
                if (got < want || k->failed) {
                    host->err_set(err, "damaged TIFF: %s", k->failed ? k->text : "too few bytes");
                    goto out;
                }
                for (uint32_t r = 0; r < rows; r++)
                    put_row(g, buffer + (size_t)r * (size_t)stride, x, y + r, n, planar ? s : -1);
            }
    rc = 0;
out:
    free(buffer);
    return rc;
}

static int read_converted(TIFF *t, const struct target *g, struct talk *k, struct gn_err *err)
{
    const struct page *p = g->p;
    const size_t n = (size_t)p->w * p->h;
    uint16_t orientation = ORIENTATION_TOPLEFT;
    uint32_t *raster = malloc(n * 4);
    int rc = -1;

    if (!raster) {
        host->err_set(err, "out of memory: %zu bytes", n * 4);
        goto out;
    }
    /* Asked for in the file's own orientation nothing is flipped: rows stay as they are stored, as
     * everywhere else. */
    TIFFGetFieldDefaulted(t, TIFFTAG_ORIENTATION, &orientation);
    if (!TIFFReadRGBAImageOriented(t, p->w, p->h, raster, orientation, 1) || k->failed) {
        host->err_set(err, "damaged TIFF: %s", k->failed ? k->text : "cannot be converted to RGB");
        goto out;
    }
    for (size_t c = 0; c < 3; c++) {
        uint8_t *to = g->data + (c * g->pages + g->page) * n;
        for (size_t i = 0; i < n; i++)
            to[i] = (uint8_t)(raster[i] >> (8 * c));
    }
    rc = 0;
out:
    free(raster);
    return rc;
}

/* White is zero: turn the first channel round (unsigned only; a float has no white). */
static void invert(const struct target *g)
{
    const struct page *p = g->p;
    const size_t n = (size_t)p->w * p->h;
    uint8_t *d = g->data;

    switch (p->dtype) {
    case GN_UINT8:
        for (size_t i = 0; i < n; i++)
            d[g->page * n + i] ^= 0xff;
        break;
    case GN_UINT16:
        for (size_t i = 0; i < n; i++)
            ((uint16_t *)(void *)d)[g->page * n + i] ^= (uint16_t)((1u << p->bits) - 1);
        break;
    case GN_UINT32:
        for (size_t i = 0; i < n; i++)
            ((uint32_t *)(void *)d)[g->page * n + i] ^= UINT32_MAX;
        break;
    case GN_UINT64:
        for (size_t i = 0; i < n; i++)
            ((uint64_t *)(void *)d)[g->page * n + i] ^= UINT64_MAX;
        break;
    default: break;
    }
}

static int make_palette(TIFF *t, const struct page *p, uint8_t **palette, struct gn_err *err)
{
    uint16_t *map[3] = { NULL, NULL, NULL };
    const size_t n = (size_t)1 << p->bits;
    bool wide = false;

    if (!TIFFGetField(t, TIFFTAG_COLORMAP, &map[0], &map[1], &map[2]) || !map[0] || !map[1] ||
        !map[2])
        return host->err_set(err, "damaged TIFF: no palette");
    *palette = malloc(3 * n);
    if (!*palette)
        return host->err_set(err, "out of memory");
    for (size_t i = 0; i < 3 * n; i++)
        wide = wide || map[i / n][i % n] > 255;
    for (size_t i = 0; i < 3 * n; i++) /* old writers stored 8 bits */
        (*palette)[i] = (uint8_t)(wide ? map[i / n][i % n] >> 8 : map[i / n][i % n]);
    return 0;
}

static int read_page(TIFF *t, struct target *g, struct talk *k, struct gn_err *err)
{
    uint8_t *palette = NULL;
    int rc = -1;

    if (g->p->kind == PALETTE && make_palette(t, g->p, &palette, err))
        goto out;
    g->palette = palette;
    k->failed = false;
    k->pixels = true;
    rc = g->p->kind == CONVERT ? read_converted(t, g, k, err) : read_tiles(t, g, k, err);
    k->pixels = false;
    if (rc == 0 && g->p->photo == PHOTOMETRIC_MINISWHITE && g->p->kind != CONVERT)
        invert(g);
out:
    free(palette);
    return rc;
}

/* A page of the picture itself, by what the file says of it. */
static bool is_main(TIFF *t)
{
    uint32_t subtype = 0;

    TIFFGetField(t, TIFFTAG_SUBFILETYPE, &subtype);
    return !(subtype & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK));
}

/* This page as one more of the volume that `first` began. */
static int check_page(TIFF *t, const struct page *first, size_t first_number, size_t number,
                      size_t file_size, struct gn_err *err)
{
    struct gn_err why = { 0 };
    struct page p;

    if (describe(t, &p, &why) || check_claim(t, &p, file_size, &why))
        return host->err_set(err, "page %zu: %s", number, why.text);
    if (same_kind(first, &p))
        return 0;
    return host->err_set(err,
                         "page %zu is %u x %u pixels, %lld channel%s of %s, page %zu %u x %u, %lld "
                         "of %s: pages of one size and type make an image",
                         number, p.w, p.h, (long long)p.channels, p.channels == 1 ? "" : "s",
                         dtype_names[p.dtype], first_number, first->w, first->h,
                         (long long)first->channels, dtype_names[first->dtype]);
}

/* Goes through the directories: the fields of the first page of the picture, and the offsets of all
 * its pages. A file of reduced images alone is its first. */
static int list_pages(TIFF *t, struct page *first, uint64_t **offset, size_t *n, size_t file_size,
                      struct talk *k, struct gn_err *err)
{
    size_t cap = 0, seen = 1, first_number = 1;
    bool reduced = false;

    for (;;) {
        const bool is_page = is_main(t);
        if (seen == 1 || (is_page && reduced)) {
            if (describe(t, first, err) || check_claim(t, first, file_size, err))
                return -1;
            *n = 0;
            reduced = !is_page;
            first_number = seen;
        } else if (is_page && check_page(t, first, first_number, seen, file_size, err)) {
            return -1;
        }
        if (is_page || seen == 1) {
            if (*n == cap) {
                uint64_t *more = realloc(*offset, (cap = cap ? 2 * cap : 16) * sizeof *more);
                if (!more)
                    return host->err_set(err, "out of memory");
                *offset = more;
            }
            (*offset)[(*n)++] = TIFFCurrentDirOffset(t);
        }
        k->failed = false;
        if (!TIFFReadDirectory(t))
            break;
        if (++seen > MAX_PAGES)
            return host->err_set(err, "more than %d pages", MAX_PAGES);
    }
    /* The end of the list, or a directory that cannot be read: only the error tells them apart. */
    if (k->failed)
        return host->err_set(err, "damaged TIFF: page %zu: %s", seen + 1, k->text);
    return 0;
}

static int read_tiff(const char *path, bool header_only, struct gn_picture *pic, struct gn_err *err)
{
    struct gn_tensor *out = &pic->tensor;
    struct talk talk = { 0 };
    TIFFOpenOptions *o = options(&talk);
    struct page first, p;
    struct target g = { .p = &p };
    struct stat st;
    uint64_t *offset = NULL;
    size_t n = 0, bytes;
    TIFF *t = NULL;
    int rc = -1;

    if (stat(path, &st) == 0 && o)
        t = TIFFOpenExt(path, "rm", o);
    if (!t) {
        host->err_set(err, "damaged TIFF: %s", talk.failed ? talk.text : "it does not open");
        goto out;
    }
    if (list_pages(t, &first, &offset, &n, (size_t)st.st_size, &talk, err))
        goto out;
    *out = (struct gn_tensor){ .dtype = first.dtype,
                               .rank = 4,
                               .shape = { first.channels, (int64_t)n, first.h, first.w } };
    pic->stored = first.dtype;
    /* Pages are at most 2^46 bytes in all: w, h are 32 bits wide and checked against the limit page
     * by page. */
    bytes = (size_t)first.channels * first.w;
    if (__builtin_mul_overflow(bytes, (size_t)first.h, &bytes) ||
        __builtin_mul_overflow(bytes, n * 8, &bytes) || bytes / 8 > host->mem_limit()) {
        host->err_set(err, "claims %zu pages of %u x %u pixels, above the memory limit (--memory)",
                      n, first.w, first.h);
        goto out;
    }
    if (header_only) {
        rc = 0;
        goto out;
    }
    /* Not zeroed: memory is touched as pixels are decoded, so a lying header costs nothing. */
    bytes = bytes / 8 * (first.kind == PLAIN ? first.bits / 8u : first.dtype == GN_UINT16 ? 2 : 1);
    if (bytes > host->mem_limit() || posix_memalign(&out->owned, 64, bytes)) {
        host->err_set(err, "needs %zu bytes (--memory)", bytes);
        out->owned = NULL;
        goto out;
    }
    out->data = out->owned;
    g.data = out->data;
    g.pages = n;
    for (g.page = 0; g.page < n; g.page++) {
        if (!TIFFSetSubDirectory(t, offset[g.page])) {
            host->err_set(err, "damaged TIFF: page %zu", g.page + 1);
            goto out;
        }
        if (describe(t, &p, err) || read_page(t, &g, &talk, err))
            goto out;
    }
    rc = 0;
out:
    if (t)
        TIFFClose(t);
    if (o)
        TIFFOpenOptionsFree(o);
    free(offset);
    return rc;
}

/* ---- writing: into memory, then to the file at once ---- */
struct memory {
    uint8_t *data;
    uint64_t n, cap, at;
};

static tmsize_t mem_read(thandle_t h, void *to, tmsize_t n)
{
    struct memory *m = h;
    uint64_t left = m->at < m->n ? m->n - m->at : 0, take = (uint64_t)n < left ? (uint64_t)n : left;

    memcpy(to, m->data + m->at, take);
    m->at += take;
    return (tmsize_t)take;
}

static tmsize_t mem_write(thandle_t h, void *from, tmsize_t n)
{
    struct memory *m = h;
    uint64_t end = m->at + (uint64_t)n;

    if (end > m->cap) {
        uint64_t cap = end + end / 2 + 65536;
        uint8_t *bigger = realloc(m->data, cap);
        if (!bigger)
            return -1;
        memset(bigger + m->cap, 0, cap - m->cap);
        m->data = bigger;
        m->cap = cap;
    }
    memcpy(m->data + m->at, from, (size_t)n);
    m->at = end;
    if (end > m->n)
        m->n = end;
    return n;
}

static toff_t mem_seek(thandle_t h, toff_t off, int whence)
{
    struct memory *m = h;
    m->at = whence == SEEK_SET ? off : whence == SEEK_CUR ? m->at + off : m->n + off;
    return m->at;
}

static int mem_close(thandle_t h)
{
    (void)h;
    return 0;
}

static toff_t mem_size(thandle_t h)
{
    return ((struct memory *)h)->n;
}

static int write_page(TIFF *t, const struct gn_tensor *in, size_t z, size_t item, bool is_float,
                      bool is_signed, uint8_t *row)
{
    const size_t c = (size_t)in->shape[0], h = (size_t)in->shape[2], w = (size_t)in->shape[3],
                 pages = (size_t)in->shape[1];
    const bool colour = (c == 3 || c == 4) && !is_float && !is_signed && item <= 2;
    const size_t line = c * w * item;
    uint16_t extra[64] = { 0 };
    size_t extras = colour ? c - 3 : c - 1, rows = line < 65536 ? 65536 / line : 1;

    if (c == 4 && colour)
        extra[0] = EXTRASAMPLE_UNASSALPHA;
    if (!TIFFSetField(t, TIFFTAG_IMAGEWIDTH, (uint32_t)w) ||
        !TIFFSetField(t, TIFFTAG_IMAGELENGTH, (uint32_t)h) ||
        !TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, (int)c) ||
        !TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, (int)(8 * item)) ||
        !TIFFSetField(t, TIFFTAG_SAMPLEFORMAT,
                      is_float    ? SAMPLEFORMAT_IEEEFP
                      : is_signed ? SAMPLEFORMAT_INT
                                  : SAMPLEFORMAT_UINT) ||
        !TIFFSetField(t, TIFFTAG_PHOTOMETRIC, colour ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK) ||
        !TIFFSetField(t, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) ||
        !TIFFSetField(t, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE) ||
        !TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, (uint32_t)rows))
        return -1;
    if (extras && !TIFFSetField(t, TIFFTAG_EXTRASAMPLES, (int)extras, extra))
        return -1;
    if (!is_float && item <= 4 && !TIFFSetField(t, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL))
        return -1;
    if (pages > 1 && pages <= UINT16_MAX &&
        !TIFFSetField(t, TIFFTAG_PAGENUMBER, (int)z, (int)pages))
        return -1;
    for (size_t y = 0; y < h; y++) {
        for (size_t k = 0; k < c; k++) {
            const uint8_t *from = (const uint8_t *)in->data + ((k * pages + z) * h + y) * w * item;
            for (size_t x = 0; x < w; x++)
                memcpy(row + (x * c + k) * item, from + x * item, item);
        }
        if (TIFFWriteScanline(t, row, (uint32_t)y, 0) != 1)
            return -1;
    }
    return TIFFWriteDirectory(t) ? 0 : -1;
}

static int write_tiff(const char *path, const struct gn_picture *pic, struct gn_err *err)
{
    static const uint8_t items[] = { 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8 };
    const struct gn_tensor *in = &pic->tensor;
    struct talk talk = { 0 };
    TIFFOpenOptions *o = NULL;
    struct memory m = { 0 };
    TIFF *t = NULL;
    uint8_t *row = NULL;
    int rc = -1;

    if (in->rank != 4 || in->shape[0] > 64 || in->shape[3] > UINT32_MAX ||
        in->shape[2] > UINT32_MAX)
        return host->err_set(err, "TIFF holds images of axes c z y x and at most 64 channels");
    const size_t item = items[in->dtype], line = (size_t)(in->shape[0] * in->shape[3]) * item;
    const double total = (double)line * (double)in->shape[1] * (double)in->shape[2];
    const bool is_float = in->dtype >= GN_FLOAT16;
    const bool is_signed = !is_float && in->dtype % 2 == 1;

    row = host->try_alloc(line, err);
    o = options(&talk);
    if (!row || !o)
        goto out;
    t = TIFFClientOpenExt(path, total > 3.9e9 ? "w8m" : "wm", &m, mem_read, mem_write, mem_seek,
                          mem_close, mem_size, NULL, NULL, o);
    if (!t) {
        host->err_set(err, "%s", talk.failed ? talk.text : "libtiff does not start");
        goto out;
    }
    for (size_t z = 0; z < (size_t)in->shape[1]; z++)
        if (write_page(t, in, z, item, is_float, is_signed, row)) {
            host->err_set(err, "cannot write: %s", talk.failed ? talk.text : "out of memory");
            goto out;
        }
    TIFFClose(t);
    t = NULL;
    rc = talk.failed ? host->err_set(err, "cannot write: %s", talk.text)
                     : host->out_write(path, m.data, m.n, err);
out:
    if (t)
        TIFFClose(t);
    if (o)
        TIFFOpenOptionsFree(o);
    free(m.data);
    free(row);
    return rc;
}

static const struct gn_format format = { .name = "TIFF", .read = read_tiff, .write = write_tiff };

__attribute__((visibility("default"))) const struct gn_format *gn_plugin_format(
    const struct gn_host *h);
const struct gn_format *gn_plugin_format(const struct gn_host *h)
{
    host = h;
    return h->abi == GN_HOST_ABI ? &format : NULL;
}
