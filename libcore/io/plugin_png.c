/* plugin_png.c - PNG by libpng. Grey of 1, 2 and 4 bits is scaled to 8, palettes become RGB (RGBA
 * if they have transparency), 16 bits stay 16; a transparent colour outside a palette is ignored.
 */
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/format.h"

static const struct gn_host *host;

/* All that lives across libpng's longjmp. */
struct job {
    png_structp png;
    png_infop info;
    FILE *file;
    size_t file_size;
    struct gn_err *err;
    struct gn_picture *pic;
    png_bytep pixels, *rows; /* the interleaved picture, or one row of it */
    uint8_t *made;           /* writing: what has come out so far */
    size_t made_n, made_cap;
    jmp_buf jump;
};

static void on_error(png_structp png, png_const_charp text)
{
    struct job *j = png_get_error_ptr(png);
    host->err_set(j->err, "damaged PNG: %s", text);
    longjmp(j->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void stop(struct job *j, const char *text)
{
    host->err_set(j->err, "%s", text);
    longjmp(j->jump, 1);
}

/* x interleaved channels -> one plane each, row y. */
static void split_row(struct gn_tensor *t, size_t y, const uint8_t *row)
{
    const size_t c = (size_t)t->shape[0], h = (size_t)t->shape[2], w = (size_t)t->shape[3];

    for (size_t k = 0; k < c; k++)
        if (t->dtype == GN_UINT8) {
            uint8_t *to = (uint8_t *)t->data + (k * h + y) * w;
            for (size_t x = 0; x < w; x++)
                to[x] = row[x * c + k];
        } else {
            uint16_t *to = (uint16_t *)t->data + (k * h + y) * w;
            for (size_t x = 0; x < w; x++)
                memcpy(&to[x], row + 2 * (x * c + k), 2);
        }
}

static void read_pixels(struct job *j)
{
    struct gn_tensor *t = &j->pic->tensor;
    const size_t h = (size_t)t->shape[2], row = png_get_rowbytes(j->png, j->info);
    const bool whole = png_get_interlace_type(j->png, j->info) != PNG_INTERLACE_NONE;

    if (host->tensor_new4(t, t->dtype, t->shape[0], 1, t->shape[2], t->shape[3], j->err))
        longjmp(j->jump, 1);
    if (!whole && t->shape[0] == 1) {
        for (size_t y = 0; y < h; y++)
            png_read_row(j->png, (png_bytep)t->data + y * row, NULL);
        return;
    }
    j->pixels = host->try_alloc(whole ? h * row : row, j->err);
    if (!j->pixels)
        longjmp(j->jump, 1);
    if (!whole) {
        for (size_t y = 0; y < h; y++) {
            png_read_row(j->png, j->pixels, NULL);
            split_row(t, y, j->pixels);
        }
        return;
    }
    j->rows = host->try_alloc(h * sizeof *j->rows, j->err);
    if (!j->rows)
        longjmp(j->jump, 1);
    for (size_t y = 0; y < h; y++)
        j->rows[y] = j->pixels + y * row;
    png_read_image(j->png, j->rows);
    for (size_t y = 0; y < h; y++)
        split_row(t, y, j->rows[y]);
}

static void read_all(struct job *j, bool header_only)
{
    png_uint_32 w, h;
    int bits, colour;
    size_t claim;

    png_set_user_limits(j->png, 1u << 30, 1u << 30);
    png_set_chunk_malloc_max(j->png, 16u << 20);
    png_set_chunk_cache_max(j->png, 128);
    png_init_io(j->png, j->file);
    png_read_info(j->png, j->info);
    png_get_IHDR(j->png, j->info, &w, &h, &bits, &colour, NULL, NULL, NULL);
    /* Deflate holds at most 1032 times its own size. */
    claim = png_get_rowbytes(j->png, j->info);
    if (__builtin_mul_overflow(claim, (size_t)h, &claim) || claim / 1032 > j->file_size)
        stop(j, "claims more pixels than its bytes can hold");
    if (colour == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(j->png);
        if (png_get_valid(j->png, j->info, PNG_INFO_tRNS))
            png_set_tRNS_to_alpha(j->png);
    }
    if (colour == PNG_COLOR_TYPE_GRAY && bits < 8)
        png_set_expand_gray_1_2_4_to_8(j->png);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (bits == 16)
        png_set_swap(j->png);
#endif
    png_set_interlace_handling(j->png);
    png_read_update_info(j->png, j->info);
    if (png_get_rowbytes(j->png, j->info) > host->mem_limit() / h)
        stop(j, "claims more pixels than the memory limit (--memory) allows");
    j->pic->stored = j->pic->tensor.dtype = bits == 16 ? GN_UINT16 : GN_UINT8;
    j->pic->tensor.rank = 4;
    j->pic->tensor.shape[0] = png_get_channels(j->png, j->info);
    j->pic->tensor.shape[1] = 1;
    j->pic->tensor.shape[2] = h;
    j->pic->tensor.shape[3] = w;
    if (header_only)
        return;
    read_pixels(j);
    png_read_end(j->png, NULL);
}

/* The one function that is jumped back into: it changes no local after setjmp. */
static int guarded(struct job *j, void (*work)(struct job *, bool), bool flag)
{
    if (setjmp(j->jump))
        return -1;
    work(j, flag);
    return 0;
}

static int read_png(const char *path, bool header_only, struct gn_picture *pic, struct gn_err *err)
{
    struct job j = { .err = err, .pic = pic };
    struct stat st;
    int rc = -1;

    j.file = fopen(path, "rb");
    if (!j.file || fstat(fileno(j.file), &st)) {
        host->err_set(err, "cannot open");
        goto out;
    }
    j.file_size = (size_t)st.st_size;
    j.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &j, on_error, on_warning);
    j.info = j.png ? png_create_info_struct(j.png) : NULL;
    if (!j.info) {
        host->err_set(err, "libpng does not start");
        goto out;
    }
    rc = guarded(&j, read_all, header_only);
out:
    if (j.png)
        png_destroy_read_struct(&j.png, &j.info, NULL);
    if (j.file)
        fclose(j.file);
    free(j.pixels);
    free(j.rows);
    return rc;
}

/* ---- writing ---- */
static void keep(png_structp png, png_bytep data, size_t n)
{
    struct job *j = png_get_io_ptr(png);

    if (j->made_n + n > j->made_cap) {
        size_t cap = 2 * (j->made_n + n) + 4096;
        uint8_t *bigger = realloc(j->made, cap);
        if (!bigger)
            stop(j, "out of memory");
        j->made = bigger;
        j->made_cap = cap;
    }
    memcpy(j->made + j->made_n, data, n);
    j->made_n += n;
}

static void flush(png_structp png)
{
    (void)png;
}

static void write_all(struct job *j, bool unused)
{
    static const int colours[] = { PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                   PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA };
    const struct gn_tensor *t = &j->pic->tensor;
    const size_t c = (size_t)t->shape[0], h = (size_t)t->shape[2], w = (size_t)t->shape[3];
    const size_t size = t->dtype == GN_UINT16 ? 2 : 1;

    (void)unused;
    png_set_user_limits(j->png, 1u << 30, 1u << 30);
    png_set_write_fn(j->png, j, keep, flush);
    png_set_IHDR(j->png, j->info, (png_uint_32)w, (png_uint_32)h, (int)size * 8, colours[c - 1],
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(j->png, j->info);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (size == 2)
        png_set_swap(j->png);
#endif
    for (size_t y = 0; y < h; y++) {
        for (size_t k = 0; k < c; k++) {
            const uint8_t *from = (const uint8_t *)t->data + (k * h + y) * w * size;
            for (size_t x = 0; x < w; x++)
                memcpy(j->pixels + (x * c + k) * size, from + x * size, size);
        }
        png_write_row(j->png, j->pixels);
    }
    png_write_end(j->png, j->info);
}

static int write_png(const char *path, const struct gn_picture *pic, struct gn_err *err)
{
    const struct gn_tensor *t = &pic->tensor;
    struct gn_picture copy = *pic;
    struct job j = { .err = err, .pic = &copy };
    int rc = -1;

    if (t->dtype != GN_UINT8 && t->dtype != GN_UINT16)
        return host->err_set(err, "PNG holds uint8 and uint16 only (--dtype)");
    if (t->rank != 4 || t->shape[0] > 4 || t->shape[1] != 1)
        return host->err_set(err, "PNG holds one slice of 1 to 4 channels");
    j.pixels = host->try_alloc((size_t)(t->shape[0] * t->shape[3]) * 2, err);
    if (!j.pixels)
        goto out;
    j.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &j, on_error, on_warning);
    j.info = j.png ? png_create_info_struct(j.png) : NULL;
    if (!j.info) {
        host->err_set(err, "libpng does not start");
        goto out;
    }
    if (guarded(&j, write_all, false))
        goto out;
    rc = host->out_write(path, j.made, j.made_n, err);
out:
    if (j.png)
        png_destroy_write_struct(&j.png, &j.info);
    free(j.pixels);
    free(j.made);
    return rc;
}

static const struct gn_format format = { .name = "PNG", .read = read_png, .write = write_png };

__attribute__((visibility("default"))) const struct gn_format *gn_plugin_format(
    const struct gn_host *h);
const struct gn_format *gn_plugin_format(const struct gn_host *h)
{
    host = h;
    return h->abi == GN_HOST_ABI ? &format : NULL;
}
