/* gzip.c - gzip and zlib streams in memory: whole with libdeflate, a peek at the start with zlib.
 */
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "io/format.h"

enum { DEFLATE_RATIO = 1032 }; /* one bit for a match of 258 bytes, and no more: RFC 1951 */
enum { LITTLE = 64 << 10 };

bool gn_gzip_detect(const void *head, size_t n)
{
    const uint8_t *b = head;
    return n >= 3 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8;
}

int gn_gzip_peek(const void *in, size_t n, void *out, size_t want, size_t *got, struct gn_err *err)
{
    z_stream z = { 0 };
    int rc;

    *got = 0;
    if (!gn_gzip_detect(in, n))
        return gn_err_set(err, "not gzip data");
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return gn_err_set(err, "zlib does not start");
    z.next_in = (Bytef *)(uintptr_t)in;
    z.avail_in = n < (1u << 30) ? (uInt)n : 1u << 30;
    z.next_out = out;
    z.avail_out = want < (1u << 30) ? (uInt)want : 1u << 30;
    for (;;) {
        rc = inflate(&z, Z_NO_FLUSH);
        /* A header may go on in the next member. */
        if (rc != Z_STREAM_END || !z.avail_out || !gn_gzip_detect(z.next_in, z.avail_in))
            break;
        if (inflateReset(&z) != Z_OK)
            break;
    }
    *got = (size_t)((uint8_t *)z.next_out - (uint8_t *)out);
    inflateEnd(&z);
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return gn_err_set(err, "damaged gzip data");
    return 0;
}

/* Inflates all members into out; 1: out is too small. */
static int inflate_members(struct libdeflate_decompressor *d, const uint8_t *in, size_t n,
                           uint8_t *out, size_t cap, size_t *made, struct gn_err *err)
{
    size_t used, got;

    *made = 0;
    while (n) {
        if (*made && in[0] == 0) { /* padding of tapes and block devices */
            for (size_t i = 0; i < n; i++)
                if (in[i])
                    return gn_err_set(err, "bytes after the gzip data");
            return 0;
        }
        if (!gn_gzip_detect(in, n))
            return gn_err_set(err, *made ? "bytes after the gzip data" : "not gzip data");
        switch (libdeflate_gzip_decompress_ex(d, in, n, out + *made, cap - *made, &used, &got)) {
        case LIBDEFLATE_SUCCESS: break;
        case LIBDEFLATE_INSUFFICIENT_SPACE: return 1;
        default: return gn_err_set(err, "damaged or truncated gzip data");
        }
        in += used;
        n -= used;
        *made += got;
    }
    return 0;
}

int gn_gzip_inflate_range(const void *in, size_t n, size_t least, size_t most, void **out,
                          size_t *out_n, struct gn_err *err)
{
    struct libdeflate_decompressor *d = NULL;
    uint8_t *data = NULL;
    size_t limit, cap, made = 0;
    int rc = -1, full;

    *out = NULL;
    *out_n = 0;
    if (!gn_gzip_detect(in, n)) {
        gn_err_set(err, n ? "not gzip data" : "the file is empty");
        goto out;
    }
    if (gn_mul_size(n, DEFLATE_RATIO, &limit, err))
        goto out;
    if (least > limit) {
        gn_err_set(err, "claims %zu bytes, more than %zu compressed bytes can hold", least, n);
        goto out;
    }
    if (most && most < limit)
        limit = most;
    d = libdeflate_alloc_decompressor();
    if (!d) {
        gn_err_set(err, "out of memory");
        goto out;
    }
    /* What it must hold and a little, then more and more. */
    cap = least ? least + (limit - least < LITTLE ? limit - least : LITTLE)
          : n < limit / 4 ? 4 * n
                          : limit;
    for (;;) {
        free(data);
        data = gn_try_alloc(cap, err);
        if (!data)
            goto out;
        full = inflate_members(d, in, n, data, cap, &made, err);
        if (full < 0)
            goto out;
        if (!full)
            break;
        if (cap == limit) {
            if (most)
                gn_err_set(err, "holds more than the %zu bytes that its header says", least);
            else
                gn_err_set(err, "damaged gzip data");
            goto out;
        }
        cap = cap < limit / 4 ? 4 * cap : limit;
    }
    if (made < least) {
        gn_err_set(err, "truncated: holds %zu bytes, its header says %zu", made, least);
        goto out;
    }
    *out = data;
    *out_n = made;
    data = NULL;
    rc = 0;
out:
    free(data);
    if (d)
        libdeflate_free_decompressor(d);
    return rc;
}

int gn_gzip_inflate(const void *in, size_t n, size_t claim, void **out, size_t *out_n,
                    struct gn_err *err)
{
    return gn_gzip_inflate_range(in, n, claim, claim, out, out_n, err);
}

int gn_zlib_inflate(const void *in, size_t n, size_t claim, void **out, struct gn_err *err)
{
    struct libdeflate_decompressor *d = NULL;
    uint8_t *data = NULL;
    size_t used, made;
    int rc = -1;

    *out = NULL;
    if (claim / DEFLATE_RATIO > n) {
        gn_err_set(err, "claims %zu bytes, more than %zu compressed bytes can hold", claim, n);
        goto out;
    }
    d = libdeflate_alloc_decompressor();
    if (!d) {
        gn_err_set(err, "out of memory");
        goto out;
    }
    if (!(data = gn_try_alloc(claim, err)))
        goto out;
    switch (libdeflate_zlib_decompress_ex(d, in, n, data, claim, &used, &made)) {
    case LIBDEFLATE_SUCCESS: break;
    case LIBDEFLATE_INSUFFICIENT_SPACE:
        gn_err_set(err, "holds more than the %zu bytes that its header says", claim);
        goto out;
    default: gn_err_set(err, "damaged or truncated zlib data"); goto out;
    }
    if (made != claim) {
        gn_err_set(err, "truncated: holds %zu bytes, its header says %zu", made, claim);
        goto out;
    }
    if (used != n) {
        gn_err_set(err, "bytes after the zlib data");
        goto out;
    }
    *out = data;
    data = NULL;
    rc = 0;
out:
    free(data);
    if (d)
        libdeflate_free_decompressor(d);
    return rc;
}

static int deflate_whole(const void *in, size_t n, int level, bool zlib, void **out, size_t *out_n,
                         struct gn_err *err)
{
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
    void *data = NULL;
    size_t bound;
    int rc = -1;

    *out = NULL;
    *out_n = 0;
    if (!c) {
        gn_err_set(err, "out of memory");
        goto out;
    }
    bound = zlib ? libdeflate_zlib_compress_bound(c, n) : libdeflate_gzip_compress_bound(c, n);
    data = gn_try_alloc(bound, err);
    if (!data)
        goto out;
    *out_n = zlib ? libdeflate_zlib_compress(c, in, n, data, bound)
                  : libdeflate_gzip_compress(c, in, n, data, bound);
    if (!*out_n) {
        gn_err_set(err, "compression failed");
        goto out;
    }
    *out = data;
    data = NULL;
    rc = 0;
out:
    free(data);
    if (c)
        libdeflate_free_compressor(c);
    return rc;
}

int gn_gzip_deflate(const void *in, size_t n, int level, void **out, size_t *out_n,
                    struct gn_err *err)
{
    return deflate_whole(in, n, level, false, out, out_n, err);
}

int gn_zlib_deflate(const void *in, size_t n, int level, void **out, size_t *out_n,
                    struct gn_err *err)
{
    return deflate_whole(in, n, level, true, out, out_n, err);
}
