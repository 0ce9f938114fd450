/* plugin_jpeg.c - JPEG by libjpeg-turbo: grey, RGB, and CMYK as four channels. Whatever the decoder
 * warns of is a failure: a truncated file is only a warning to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <turbojpeg.h>

#include "io/format.h"

static const struct gn_host *host;

static int load(const char *path, unsigned char **data, size_t *n, struct gn_err *err)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    int rc = -1;

    *data = NULL;
    if (!f || fstat(fileno(f), &st)) {
        host->err_set(err, "cannot open");
        goto out;
    }
    *n = (size_t)st.st_size;
    if (*n > host->mem_limit()) {
        host->err_set(err, "%zu bytes, above the memory limit (--memory)", *n);
        goto out;
    }
    *data = malloc(*n + 1);
    if (!*data || fread(*data, 1, *n, f) != *n) {
        host->err_set(err, *data ? "cannot read" : "out of memory");
        goto out;
    }
    rc = 0;
out:
    if (f)
        fclose(f);
    return rc;
}

/* Adobe's CMYK files store what is left of white: an APP14 marker "Adobe" tells them. */
static bool has_adobe(const unsigned char *d, size_t n)
{
    for (size_t at = 2; at + 4 < n && d[at] == 0xff && d[at + 1] != 0xda;) {
        size_t size = (size_t)d[at + 2] << 8 | d[at + 3];
        if (d[at + 1] == 0xee && size >= 7 && at + 9 <= n && memcmp(d + at + 4, "Adobe", 5) == 0)
            return true;
        if (d[at + 1] == 0xff)
            at++;
        else
            at += 2 + size;
    }
    return false;
}

static int read_jpeg(const char *path, bool header_only, struct gn_picture *pic, struct gn_err *err)
{
    struct gn_tensor *t = &pic->tensor;
    unsigned char *data = NULL, *pixels = NULL;
    tjhandle tj = NULL;
    size_t n = 0, count;
    int w, h, sub, space, channels, rc = -1;
    bool invert;

    if (load(path, &data, &n, err))
        goto out;
    tj = tjInitDecompress();
    if (!tj || n > 1ul << 40) {
        host->err_set(err, "libjpeg-turbo does not start");
        goto out;
    }
    if (tjDecompressHeader3(tj, data, (unsigned long)n, &w, &h, &sub, &space)) {
        host->err_set(err, "damaged or unsupported JPEG: %s", tjGetErrorStr2(tj));
        goto out;
    }
    channels = space == TJCS_GRAY ? 1 : space == TJCS_CMYK || space == TJCS_YCCK ? 4 : 3;
    if (w < 1 || h < 1 || __builtin_mul_overflow((size_t)w, (size_t)h, &count) || count / 512 > n) {
        /* A block of 64 pixels takes a bit at the very least. */
        host->err_set(err, "claims %d x %d pixels, more than %zu bytes can hold", w, h, n);
        goto out;
    }
    if (count > host->mem_limit() / (size_t)channels) {
        host->err_set(err, "claims %d x %d pixels, above the memory limit (--memory)", w, h);
        goto out;
    }
    *t = (struct gn_tensor){ .dtype = GN_UINT8, .rank = 4, .shape = { channels, 1, h, w } };
    pic->stored = GN_UINT8;
    if (header_only) {
        rc = 0;
        goto out;
    }
    pixels = malloc(count * (size_t)channels);
    if (!pixels) {
        host->err_set(err, "out of memory");
        goto out;
    }
    if (tjDecompress2(tj, data, (unsigned long)n, pixels, w, 0, h,
                      channels == 1   ? TJPF_GRAY
                      : channels == 4 ? TJPF_CMYK
                                      : TJPF_RGB,
                      TJFLAG_LIMITSCANS | TJFLAG_STOPONWARNING)) {
        host->err_set(err, "damaged or truncated JPEG: %s", tjGetErrorStr2(tj));
        goto out;
    }
    if (host->tensor_new4(t, GN_UINT8, channels, 1, h, w, err))
        goto out;
    invert = channels == 4 && has_adobe(data, n);
    for (size_t k = 0; k < (size_t)channels; k++) {
        uint8_t *to = (uint8_t *)t->data + k * count;
        for (size_t i = 0; i < count; i++)
            to[i] = (uint8_t)(pixels[i * (size_t)channels + k] ^ (invert ? 255 : 0));
    }
    rc = 0;
out:
    if (tj)
        tjDestroy(tj);
    free(pixels);
    free(data);
    return rc;
}

static int write_jpeg(const char *path, const struct gn_picture *pic, struct gn_err *err)
{
    const struct gn_tensor *t = &pic->tensor;
    const size_t c = (size_t)t->shape[0], count = (size_t)(t->shape[2] * t->shape[3]);
    unsigned char *pixels = NULL, *made = NULL;
    unsigned long made_n = 0;
    tjhandle tj = NULL;
    int rc = -1;

    if (t->dtype != GN_UINT8)
        return host->err_set(err, "JPEG holds uint8 only (--dtype)");
    if (t->rank != 4 || t->shape[1] != 1 || (c != 1 && c != 3) || t->shape[2] > 65500 ||
        t->shape[3] > 65500)
        return host->err_set(
            err, "JPEG holds one slice of 1 or 3 channels, at most 65500 pixels wide and high");
    pixels = host->try_alloc(count * c, err);
    if (!pixels)
        goto out;
    for (size_t k = 0; k < c; k++)
        for (size_t i = 0; i < count; i++)
            pixels[i * c + k] = ((const uint8_t *)t->data)[k * count + i];
    tj = tjInitCompress();
    if (!tj || tjCompress2(tj, pixels, (int)t->shape[3], 0, (int)t->shape[2],
                           c == 1 ? TJPF_GRAY : TJPF_RGB, &made, &made_n,
                           c == 1 ? TJSAMP_GRAY : TJSAMP_444, 95, TJFLAG_ACCURATEDCT)) {
        host->err_set(err, "cannot compress: %s",
                      tj ? tjGetErrorStr2(tj) : "libjpeg-turbo does not start");
        goto out;
    }
    rc = host->out_write(path, made, made_n, err);
out:
    if (tj)
        tjDestroy(tj);
    tjFree(made);
    free(pixels);
    return rc;
}

static const struct gn_format format = { .name = "JPEG", .read = read_jpeg, .write = write_jpeg };

__attribute__((visibility("default"))) const struct gn_format *gn_plugin_format(
    const struct gn_host *h);
const struct gn_format *gn_plugin_format(const struct gn_host *h)
{
    host = h;
    return h->abi == GN_HOST_ABI ? &format : NULL;
}
