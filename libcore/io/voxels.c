/* voxels.c - voxels of any coding and layout as a tensor: every size is checked against the bytes
 * there are before anything is allocated. */
#include "io/voxels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CHUNK = 4096, TAIL_SLACK = 64 << 10 };

int gn_voxels_write(const char *path, const struct gn_str *head, const void *packed, size_t n,
                    struct gn_err *err)
{
    struct gn_out out;

    if (gn_out_open(&out, path, err))
        return -1;
    if (gn_out_write(&out, head->data, head->len, err) == 0 &&
        gn_out_write(&out, packed, n, err) == 0 && gn_out_commit(&out, false, err) == 0)
        return 0;
    gn_out_abort(&out);
    return -1;
}

bool gn_machine_big(void)
{
    const uint16_t probe = 1;
    return *(const uint8_t *)&probe == 0;
}

void gn_voxels_copy(void *to, const void *from, size_t n, size_t size, bool swapped)
{
    switch (swapped ? size : 1) {
    case 2:
        for (size_t i = 0; i < n; i++) {
            uint16_t v;
            memcpy(&v, (const char *)from + 2 * i, 2);
            v = __builtin_bswap16(v);
            memcpy((char *)to + 2 * i, &v, 2);
        }
        break;
    case 4:
        for (size_t i = 0; i < n; i++) {
            uint32_t v;
            memcpy(&v, (const char *)from + 4 * i, 4);
            v = __builtin_bswap32(v);
            memcpy((char *)to + 4 * i, &v, 4);
        }
        break;
    case 8:
        for (size_t i = 0; i < n; i++) {
            uint64_t v;
            memcpy(&v, (const char *)from + 8 * i, 8);
            v = __builtin_bswap64(v);
            memcpy((char *)to + 8 * i, &v, 8);
        }
        break;
    default:
        if (to != from)
            memcpy(to, from, n * size);
    }
}

void gn_voxels_scale(struct gn_tensor *out, const void *raw, enum gn_dtype dtype, bool swapped,
                     double slope, double inter)
{
    const size_t size = gn_dtype_size(dtype), count = (size_t)gn_tensor_count(out);
    _Alignas(64) uint8_t stored[CHUNK * 8];
    double value[CHUNK];

    for (size_t at = 0; at < count; at += CHUNK) {
        size_t n = count - at < CHUNK ? count - at : CHUNK;
        gn_voxels_copy(stored, (const char *)raw + at * size, n, size, swapped);
        gn_convert_to_double(stored, dtype, value, n);
        for (size_t i = 0; i < n; i++)
            value[i] = slope * value[i] + inter;
        if (out->dtype == GN_FLOAT64)
            memcpy((double *)out->data + at, value, n * sizeof *value);
        else
            for (size_t i = 0; i < n; i++)
                ((float *)out->data)[at + i] = (float)value[i];
    }
}

/* n elements that lie step elements apart -> side by side. */
static void pick(void *to, const void *from, size_t n, size_t size, size_t step)
{
    const char *p = from;
    char *q = to;

    switch (size) {
    case 1:
        for (size_t i = 0; i < n; i++)
            q[i] = p[i * step];
        break;
    case 2:
        for (size_t i = 0; i < n; i++)
            memcpy(q + 2 * i, p + 2 * i * step, 2);
        break;
    case 4:
        for (size_t i = 0; i < n; i++)
            memcpy(q + 4 * i, p + 4 * i * step, 4);
        break;
    default:
        for (size_t i = 0; i < n; i++)
            memcpy(q + 8 * i, p + 8 * i * step, 8);
    }
}

void gn_voxels_interleave(const struct gn_tensor *t, void *out)
{
    const size_t size = gn_dtype_size(t->dtype), c = (size_t)t->shape[0];
    const size_t n = (size_t)gn_tensor_count(t) / c;
    const char *in = t->data;

    for (size_t at = 0; at < n; at += CHUNK) /* a block stays in the cache for all channels */
        for (size_t k = 0; k < c; k++)
            for (size_t i = at; i < n && i < at + CHUNK; i++)
                memcpy((char *)out + (i * c + k) * size, in + (k * n + i) * size, size);
}

void gn_voxels_interleaved(struct gn_voxels *v)
{
    static const int order[GN_VOXEL_AXES] = { 3, 0, 1, 2, 4 };
    int64_t step = 1;

    for (int i = 0; i < GN_VOXEL_AXES; i++) {
        v->stride[order[i]] = step;
        if (__builtin_mul_overflow(step, v->size[order[i]], &step))
            return; /* gn_voxels_read will refuse the sizes */
    }
}

/* Do the voxels lie as the tensor wants them? */
static bool is_plain(const struct gn_voxels *v)
{
    int64_t step = 1;

    for (int i = 0; i < GN_VOXEL_AXES; i++) {
        if (v->size[i] > 1 && v->stride[i] != step)
            return false;
        step *= v->size[i];
    }
    return true;
}

static void gather(char *to, const char *raw, const struct gn_voxels *v, size_t size)
{
    const int64_t *n = v->size, *s = v->stride;

    for (int64_t f = 0; f < n[4]; f++)
        for (int64_t c = 0; c < n[3]; c++)
            for (int64_t z = 0; z < n[2]; z++)
                for (int64_t y = 0; y < n[1]; y++, to += (size_t)n[0] * size) {
                    int64_t at = f * s[4] + c * s[3] + z * s[2] + y * s[1];
                    pick(to, raw + (size_t)at * size, (size_t)n[0], size,
                         n[0] > 1 ? (size_t)s[0] : 1);
                    gn_voxels_copy(to, to, (size_t)n[0], size, v->swapped);
                }
}

/* ---- one file's voxels ---- */
/* The coded bytes of a file: after the offset and the skipped lines. */
static int find_coded(const struct gn_map *file, const struct gn_voxels *v, const char **p,
                      size_t *n, struct gn_err *err)
{
    const char *line;
    size_t at = v->at, len;

    if (at > file->size)
        return gn_err_set(err, "truncated: %zu bytes, its voxels begin at byte %zu", file->size,
                          at);
    for (int64_t i = 0; i < v->lines; i++)
        if (!gn_text_line(file->data, file->size, &at, &line, &len))
            return gn_err_set(err, "truncated: fewer than %lld lines before the voxels",
                              (long long)v->lines);
    *p = file->data + at;
    *n = file->size - at;
    return 0;
}

/* Bytes behind the voxels that mean nothing: an editor's line end, or zeros, fewer than a row. More
 * or others: the header is not this file's. */
static bool is_padding(const struct gn_voxels *v, const char *p, size_t n)
{
    const size_t row = (size_t)v->size[0] * gn_dtype_size(v->dtype);

    if (n >= row)
        return false;
    if (n == 1 && *p == '\n')
        return true;
    while (n && !*p)
        p++, n--;
    return n == 0;
}

/* Can n coded bytes hold the piece? For plain and compressed voxels alike, before allocating. */
static int check_coded(const struct gn_voxels *v, const char *p, size_t n, size_t piece,
                       struct gn_err *err)
{
    const size_t item = gn_dtype_size(v->dtype), skip = v->bytes > 0 ? (size_t)v->bytes : 0;
    size_t want = skip + piece; /* both are below 2^63 */

    switch (v->coding) {
    case GN_CODED_RAW:
        if (n < want || (n > want && v->bytes >= 0 && !is_padding(v, p + want, n - want)))
            return gn_err_set(err,
                              n < want ? "truncated: %zu bytes of voxels, its header says %zu"
                                       : "%zu bytes of voxels, its header says %zu",
                              n, want);
        return 0;
    case GN_CODED_TEXT: want = 2 * (piece / item) - 1; break;
    case GN_CODED_HEX: want = 2 * piece; break;
    default:
        if (v->packed && n != v->packed)
            return gn_err_set(err,
                              n < v->packed
                                  ? "truncated: %zu bytes of compressed voxels, its header says %zu"
                                  : "%zu bytes of compressed voxels, its header says %zu",
                              n, v->packed);
        if (!n)
            return gn_err_set(err, "truncated: no voxels");
        if (v->coding == GN_CODED_GZIP && !gn_gzip_detect(p, n))
            return gn_err_set(err, "the voxels are no gzip data");
        if (want / 1032 > n)
            return gn_err_set(err, "claims %zu bytes, more than %zu compressed bytes can hold",
                              want, n);
        return 0;
    }
    if (n < skip || n - skip < want)
        return gn_err_set(err, "truncated: %zu characters cannot hold %zu voxels", n, piece / item);
    return 0;
}

/* One written-out number into element i of an array. */
static int put_number(void *out, size_t i, enum gn_dtype dtype, const char *word)
{
    double real, lo, hi;
    int64_t value = 0;
    uint64_t big;
    char *end;

    if (gn_dtype_is_float(dtype)) {
        if (gn_parse_double(word, &real))
            return -1;
        if (dtype == GN_FLOAT64)
            ((double *)out)[i] = real;
        else
            ((float *)out)[i] = (float)real;
        return 0;
    }
    if (dtype == GN_UINT64) {
        if (!*word || word[strspn(word, "0123456789")] || strlen(word) > 20)
            return -1;
        big = strtoull(word, &end, 10);
        if (strlen(word) == 20 && (word[0] > '1' || big < UINT64_C(10000000000000000000)))
            return -1;
        ((uint64_t *)out)[i] = big;
        return 0;
    }
    gn_dtype_range(dtype, &lo, &hi);
    if (gn_parse_int(word, &value) || (double)value < lo || (double)value > hi)
        return -1;
    switch (dtype) {
    case GN_UINT8: ((uint8_t *)out)[i] = (uint8_t)value; break;
    case GN_INT8: ((int8_t *)out)[i] = (int8_t)value; break;
    case GN_UINT16: ((uint16_t *)out)[i] = (uint16_t)value; break;
    case GN_INT16: ((int16_t *)out)[i] = (int16_t)value; break;
    case GN_UINT32: ((uint32_t *)out)[i] = (uint32_t)value; break;
    case GN_INT32: ((int32_t *)out)[i] = (int32_t)value; break;
    default: ((int64_t *)out)[i] = value;
    }
    return 0;
}

static int read_text(const char *p, size_t n, void *out, size_t count, enum gn_dtype dtype,
                     struct gn_err *err)
{
    static const char space[] = " \t\r\n,";
    char word[64];
    size_t at = 0, len, made = 0;

    for (;; made++) {
        while (at < n && p[at] && strchr(space, p[at]))
            at++;
        if (at == n)
            break;
        for (len = 0; at < n && !(p[at] && strchr(space, p[at])); at++)
            if (len < sizeof word - 1)
                word[len++] = p[at];
            else
                return gn_err_set(err, "voxel %zu is no number", made);
        word[len] = 0;
        if (made == count)
            return gn_err_set(err, "holds more than the %zu voxels that its header says", count);
        if (strlen(word) != len || put_number(out, made, dtype, word))
            return gn_err_set(err, "voxel %zu is no number of type %s: %s", made,
                              gn_dtype_names[dtype], word);
    }
    return made < count ? gn_err_set(err, "truncated: %zu voxels, its header says %zu", made, count)
                        : 0;
}

static int read_hex(const char *p, size_t n, uint8_t *out, size_t bytes, struct gn_err *err)
{
    static const char digits[] = "0123456789abcdef";
    size_t made = 0;

    for (size_t i = 0; i < n; i++) {
        char c = p[i] >= 'A' && p[i] <= 'F' ? (char)(p[i] + 32) : p[i];
        const char *d = c ? strchr(digits, c) : NULL;
        if (c && strchr(" \t\r\n", c))
            continue;
        if (!d)
            return gn_err_set(err, "hexadecimal voxels with other bytes in between");
        if (made == 2 * bytes)
            return gn_err_set(err, "holds more than the %zu bytes that its header says", bytes);
        out[made / 2] = (uint8_t)(out[made / 2] << 4 | (d - digits));
        made++;
    }
    return made < 2 * bytes
               ? gn_err_set(err, "truncated: %zu bytes, its header says %zu", made / 2, bytes)
               : 0;
}

/* A piece of the voxels: *raw points into the coded bytes, or at *made, which the caller frees. */
static int decode(const struct gn_voxels *v, const char *p, size_t n, size_t piece,
                  const char **raw, void **made, struct gn_err *err)
{
    const size_t skip = v->bytes > 0 ? (size_t)v->bytes : 0;
    size_t got;

    *made = NULL;
    switch (v->coding) {
    case GN_CODED_RAW: *raw = v->bytes < 0 ? p + (n - piece) : p + skip; return 0;
    case GN_CODED_GZIP:
        if (gn_gzip_inflate_range(p, n, skip + piece,
                                  v->bytes < 0 ? piece + TAIL_SLACK : skip + piece, made, &got,
                                  err))
            return -1;
        *raw = (const char *)*made + (got - piece);
        return 0;
    case GN_CODED_ZLIB:
        if (gn_gzip_detect(p, n) ? gn_gzip_inflate(p, n, piece, made, &got, err)
                                 : gn_zlib_inflate(p, n, piece, made, err))
            return -1;
        *raw = *made;
        return 0;
    default: break;
    }
    if (!(*made = gn_try_alloc(piece, err)))
        return -1;
    *raw = *made;
    if (v->coding == GN_CODED_HEX)
        return read_hex(p + skip, n - skip, *made, piece, err);
    return read_text(p + skip, n - skip, *made, piece / gn_dtype_size(v->dtype), v->dtype, err);
}

/* ---- all of them ---- */
static int open_piece(const char *path, const char *name, struct gn_map *file, struct gn_err *err)
{
    char *dir = gn_path_dir(path), *full = gn_path_join(dir, name);
    int rc = gn_map_open(file, full, err);

    if (rc)
        gn_err_wrap(err, "its voxels");
    free(full);
    free(dir);
    return rc;
}

/* Several files, one after the other into one block. */
static int read_pieces(const char *path, const struct gn_voxels *v, size_t piece, bool header_only,
                       void **block, struct gn_err *err)
{
    struct gn_map file = { 0 };
    void *made = NULL;
    const char *p, *raw;
    char *to = NULL;
    size_t n;
    int rc = -1;

    for (size_t i = 0; i < v->files.n; i++) {
        if (open_piece(path, v->files.item[i], &file, err) || find_coded(&file, v, &p, &n, err) ||
            check_coded(v, p, n, piece, err))
            goto out;
        if (!header_only) {
            if (!to && !(to = *block = gn_try_alloc(piece * v->files.n, err)))
                goto out;
            if (decode(v, p, n, piece, &raw, &made, err))
                goto out;
            memcpy(to + i * piece, raw, piece);
            free(made);
            made = NULL;
        }
        gn_map_close(&file);
    }
    rc = 0;
out:
    free(made);
    gn_map_close(&file);
    return rc;
}

/* Sizes -> shape c z y x and bytes, all checked. */
static int find_shape(const struct gn_voxels *v, struct gn_picture *pic, size_t *bytes,
                      struct gn_err *err)
{
    size_t channels;

    if (gn_mul_size((size_t)v->size[3], (size_t)v->size[4], &channels, err))
        return -1;
    if (channels > INT64_MAX)
        return gn_err_set(err, "claims %zu channels", channels);
    pic->stored = pic->tensor.dtype = v->dtype;
    pic->tensor.rank = 4;
    pic->tensor.shape[0] = (int64_t)channels;
    for (int i = 0; i < 3; i++)
        pic->tensor.shape[3 - i] = v->size[i];
    if (gn_tensor_bytes(&pic->tensor, bytes, err))
        return -1;
    if (*bytes > gn_mem_limit())
        return gn_err_set(err, "claims %zu bytes, above the limit of %zu (--memory)", *bytes,
                          gn_mem_limit());
    if (v->bytes > INT64_C(1) << 52)
        return gn_err_set(err, "voxels at byte %lld", (long long)v->bytes);
    return 0;
}

int gn_voxels_read(struct gn_map *head, const char *path, const struct gn_voxels *v,
                   bool header_only, struct gn_picture *pic, struct gn_err *err)
{
    const size_t item = gn_dtype_size(v->dtype);
    const bool native = !v->swapped || item == 1 || v->coding == GN_CODED_TEXT;
    struct gn_voxels layout = *v;
    struct gn_map other = { 0 }, *file = head;
    struct gn_tensor out = { 0 };
    const char *p, *raw = NULL;
    void *made = NULL;
    size_t bytes, n;
    int rc = -1;

    layout.swapped = !native;
    if (find_shape(v, pic, &bytes, err))
        goto out;
    if (v->files.n > 1) {
        if (v->coding == GN_CODED_TEXT || v->coding == GN_CODED_HEX || bytes / item % v->files.n) {
            gn_err_set(err, "%zu files cannot hold its voxels in equal pieces", v->files.n);
            goto out;
        }
        if (read_pieces(path, v, bytes / v->files.n, header_only, &made, err))
            goto out;
        raw = made;
    } else {
        if (v->files.n) {
            if (open_piece(path, v->files.item[0], &other, err))
                goto out;
            file = &other;
        }
        if (find_coded(file, v, &p, &n, err) || check_coded(v, p, n, bytes, err) ||
            (!header_only && decode(v, p, n, bytes, &raw, &made, err)))
            goto out;
    }
    rc = 0;
    if (header_only)
        goto out;
    if (is_plain(v) && (uintptr_t)raw % item == 0 && (made || native)) {
        pic->tensor.data = (void *)(uintptr_t)raw;
        pic->tensor.owned = made;
        gn_voxels_copy(pic->tensor.data, raw, bytes / item, item, layout.swapped);
        if (!made) {
            pic->map = *file;
            memset(file, 0, sizeof *file);
        }
        made = NULL;
        goto out;
    }
    rc = gn_tensor_new4(&out, v->dtype, pic->tensor.shape[0], pic->tensor.shape[1],
                        pic->tensor.shape[2], pic->tensor.shape[3], err);
    if (rc)
        goto out;
    gather(out.data, raw, &layout, item);
    pic->tensor = out;
out:
    free(made);
    gn_map_close(&other);
    return rc;
}

int gn_voxels_pattern(const char *text, struct gn_strs *names, const char **left,
                      struct gn_err *err)
{
    const char *percent = strchr(text, '%'), *end = text + strcspn(text, " \t"), *d;
    char number[3][24];
    int64_t range[3], width = 0, i, k;
    int used = 0;

    if (!percent || percent > end ||
        sscanf(end, "%23s %23s %23s%n", number[0], number[1], number[2], &used) != 3)
        return 0;
    for (i = 0; i < 3; i++)
        if (gn_parse_int(number[i], &range[i]))
            return 0;
    for (d = percent + 1; *d >= '0' && *d <= '9'; d++)
        width = width < 100 ? 10 * width + (*d - '0') : width;
    if (*d != 'd' || width > 20 || strcspn(d, "%") < (size_t)(end - d))
        return gn_err_set(err, "file names like %.*s are not supported", (int)(end - text), text);
    if (range[2] == 0 || llabs(range[0]) > INT32_MAX || llabs(range[1]) > INT32_MAX ||
        llabs(range[2]) > INT32_MAX || (range[1] - range[0]) / range[2] < 0 ||
        (range[1] - range[0]) / range[2] >= GN_MAX_PIECES)
        return gn_err_set(err, "file numbers from %s to %s in steps of %s", number[0], number[1],
                          number[2]);
    k = (range[1] - range[0]) / range[2];
    for (i = 0; i <= k; i++) {
        const long long value = (long long)(range[0] + i * range[2]);
        char *name = percent[1] == '0'
                         ? gn_asprintf("%.*s%0*lld%.*s", (int)(percent - text), text, (int)width,
                                       value, (int)(end - d - 1), d + 1)
                         : gn_asprintf("%.*s%*lld%.*s", (int)(percent - text), text, (int)width,
                                       value, (int)(end - d - 1), d + 1);
        gn_strs_add(names, name);
        free(name);
    }
    *left = end + used;
    return 1;
}
