/* header.c - the bytes of a record's preamble and header: printing them, and parsing them without
 * trust. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/text.h"

#define PAYLOAD_MAX ((uint64_t)1 << 46)

/* ---- preamble ---- */

void gn_preamble_print(const struct gn_preamble *p, char bytes[GN_PREAMBLE])
{
    char line[GN_PREAMBLE + 32]; /* room for any number: one that is too long makes the comparison
                                    fail, not overflow */

    snprintf(line, sizeof line, "GNT1 %c %10zu %20zu %08x %08x       \n", p->kind, p->header,
             p->payload, p->header_crc, p->payload_crc);
    memcpy(bytes, line, GN_PREAMBLE);
}

/* A right-justified decimal; anything odd gives a number whose reprint differs. */
static uint64_t decimal(const char *s, int n)
{
    uint64_t v = 0;

    for (int i = 0; i < n; i++)
        if (s[i] >= '0' && s[i] <= '9')
            v = v > UINT64_MAX / 16 ? UINT64_MAX / 16 : v * 10 + (uint64_t)(s[i] - '0');
    return v;
}

static uint32_t hexadecimal(const char *s)
{
    uint32_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 4 | (uint32_t)(s[i] >= 'a' ? s[i] - 'a' + 10 : s[i] - '0') % 16;
    return v;
}

int gn_preamble_parse(const char bytes[GN_PREAMBLE], struct gn_preamble *p, struct gn_err *err)
{
    char again[GN_PREAMBLE];
    uint64_t header = decimal(bytes + 7, 10), payload = decimal(bytes + 18, 20);

    if (memcmp(bytes, "GNT", 3))
        return gn_err_set(err, "not a tensor stream (its first bytes are not GNT1)");
    if (bytes[3] != '1')
        return gn_err_set(err, "a tensor stream of another version than GNT1");
    *p = (struct gn_preamble){bytes[5], header, payload, hexadecimal(bytes + 39),
                              hexadecimal(bytes + 48)};
    gn_preamble_print(p, again);
    if (memcmp(bytes, again, GN_PREAMBLE))
        return gn_err_set(err, "damaged: preamble is not as it is written");
    if (p->kind != 'T' && p->kind != 'E')
        return gn_err_set(err, "damaged: unknown kind of record");
    if (header == 0 || header % GN_PREAMBLE || header > GN_HEADER_MAX)
        return gn_err_set(err, "damaged: header of %llu bytes", (unsigned long long)header);
    if (payload > PAYLOAD_MAX)
        return gn_err_set(err, "damaged: payload of %llu bytes", (unsigned long long)payload);
    if (p->kind == 'E' && (payload || p->payload_crc))
        return gn_err_set(err, "damaged: end record with a payload");
    return 0;
}

/* ---- header text ---- */

bool gn_key_valid(const char *key, size_t n)
{
    if (n == 0 || key[0] < 'a' || key[0] > 'z')
        return false;
    for (size_t i = 1; i < n; i++)
        if (!((key[i] >= 'a' && key[i] <= 'z') || (key[i] >= '0' && key[i] <= '9') ||
              key[i] == '_' || key[i] == '.'))
            return false;
    return true;
}

/* A C0 control, DEL, or the second byte of a C1 control. */
static bool is_control(const unsigned char *s, size_t i)
{
    return s[i] < 0x20 || s[i] == 0x7f ||
           (i > 0 && s[i - 1] == 0xc2 && s[i] >= 0x80 && s[i] <= 0x9f);
}

bool gn_value_valid(const char *value, size_t n)
{
    const unsigned char *s = (const unsigned char *)value;

    if (n == 0 || !gn_utf8_valid(value, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (is_control(s, i) && s[i] != '\n')
            return false;
    return true;
}

static void put_line(struct gn_str *out, const char *key, const char *value)
{
    gn_str_add(out, key);
    gn_str_addn(out, ": ", 2);
    for (const char *p = value; *p;) {
        size_t n = strcspn(p, "\\\n");

        gn_str_addn(out, p, n);
        p += n;
        if (*p)
            gn_str_addn(out, *p++ == '\n' ? "\\n" : "\\\\", 2);
    }
    gn_str_addn(out, "\n", 1);
}

void gn_header_pad(struct gn_str *out, size_t start)
{
    static const char spaces[GN_PREAMBLE + 1] =
        "                                                                ";

    gn_str_addn(out, spaces, gn_padding(out->len - start + 1));
    gn_str_addn(out, "\n", 1);
}

static void shape_text(const struct gn_tensor *t, struct gn_str *out)
{
    for (int i = 0; i < t->rank; i++)
        gn_str_addf(out, "%s%lld", i ? " " : "", (long long)t->shape[i]);
}

static void axes_text(const char *axes, struct gn_str *out)
{
    for (const char *a = axes; *a; a++)
        gn_str_addf(out, "%s%c", a > axes ? " " : "", *a);
}

/* Own keys are written from the tensor: in their old places if the record has them, else in front.
 */
int gn_header_print(const struct gn_record *r, struct gn_str *out, struct gn_err *err)
{
    static const char *const own[3] = {"dtype", "shape", "axes"};
    struct gn_str text[3] = {{0}};
    const char *axes = r->axes;
    size_t start = out->len;
    int rc = -1;

    if (!*axes)
        axes = r->tensor.rank == 4 ? "czyx" : r->tensor.rank == 1 ? "c" : "";
    if (strlen(axes) != (size_t)r->tensor.rank) {
        gn_err_set(err, "axes: %zu letters for a tensor of %d axes", strlen(axes), r->tensor.rank);
        goto out;
    }
    gn_str_add(&text[0], gn_dtype_names[r->tensor.dtype]);
    shape_text(&r->tensor, &text[1]);
    axes_text(axes, &text[2]);
    for (int k = 0; k < 3; k++)
        if (!gn_record_get(r, own[k]))
            put_line(out, own[k], gn_str_text(&text[k]));
    for (size_t i = 0; i < r->n; i++) {
        const char *value = r->fields[i].value;

        for (int k = 0; k < 3; k++)
            if (!strcmp(r->fields[i].key, own[k]))
                value = gn_str_text(&text[k]);
        put_line(out, r->fields[i].key, value);
    }
    gn_header_pad(out, start);
    if (out->len - start > GN_HEADER_MAX)
        gn_err_set(err, "header of %zu bytes: at most %d can be written", out->len - start,
                   GN_HEADER_MAX);
    else
        rc = 0;
out:
    for (int k = 0; k < 3; k++)
        gn_str_free(&text[k]);
    return rc;
}

/* ---- parsing ---- */

/* Undo the escapes of n bytes; NULL when there is another than \\ and \n. */
static char *unescape(const char *s, size_t n)
{
    char *out = gn_strndup(s, n), *p = NULL;
    const char *slash = memchr(s, '\\', n);

    if (!slash)
        return out;
    p = out + (slash - s);
    for (size_t i = (size_t)(slash - s); i < n; i++) {
        if (s[i] != '\\') {
            *p++ = s[i];
        } else if (i + 1 < n && (s[i + 1] == '\\' || s[i + 1] == 'n')) {
            *p++ = s[++i] == 'n' ? '\n' : '\\';
        } else {
            free(out);
            return NULL;
        }
    }
    *p = '\0';
    return out;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, because a hostile header holds a hundred thousand keys. */
static int no_key_twice(const struct gn_record *r, struct gn_err *err)
{
    const char **keys = gn_alloc((r->n + 1) * sizeof *keys);
    int rc = 0;

    for (size_t i = 0; i < r->n; i++)
        keys[i] = r->fields[i].key;
    qsort(keys, r->n, sizeof *keys, compare_keys);
    for (size_t i = 1; i < r->n && rc == 0; i++)
        if (!strcmp(keys[i - 1], keys[i]) && strcmp(keys[i], "history"))
            rc = gn_err_set(err, "%.80s: given twice", keys[i]);
    free(keys);
    return rc;
}

static int parse_lines(struct gn_record *r, const char *bytes, size_t n, struct gn_err *err)
{
    const char *p = bytes, *end = bytes + n;

    for (size_t i = 0; i < n; i++)
        if (is_control((const unsigned char *)bytes, i) && bytes[i] != '\n')
            return gn_err_set(err, "control character in the header");
    if (!gn_utf8_valid(bytes, n))
        return gn_err_set(err, "header is not UTF-8");
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p)), *colon = NULL;
        char *value = NULL;

        if (!eol)
            return gn_err_set(err, "header does not end in a newline");
        if (eol + 1 ==
            end) { /* the padding: fewer than 64 bytes, so that there is one way to write it */
            if (strspn(p, " ") != (size_t)(eol - p))
                return gn_err_set(err, "header is not padded with spaces and a newline");
            return end - p > GN_PREAMBLE ? gn_err_set(err, "header is padded too far") : 0;
        }
        colon = memchr(p, ':', (size_t)(eol - p));
        if (!colon || !gn_key_valid(p, (size_t)(colon - p)))
            return gn_err_set(err, "header line is not 'key: value': %.*s",
                              eol - p > 60 ? 60 : (int)(eol - p), p);
        if (eol - colon < 3 || colon[1] != ' ')
            return gn_err_set(err, "%.*s: empty value", colon - p > 80 ? 80 : (int)(colon - p), p);
        value = unescape(colon + 2, (size_t)(eol - colon - 2));
        if (!value)
            return gn_err_set(err, "%.*s: bad escape", colon - p > 80 ? 80 : (int)(colon - p), p);
        gn_record_push(r, gn_strndup(p, (size_t)(colon - p)), value);
        p = eol + 1;
    }
    return gn_err_set(err, "header without padding");
}

static int parse_shape(struct gn_record *r, const char *text, struct gn_err *err)
{
    struct gn_str again = {0};
    struct gn_tensor *t = &r->tensor;
    const char *p = text;
    int rc = -1;

    for (t->rank = 0; *p && t->rank < GN_MAX_RANK; p += *p == ' ') {
        char *stop = NULL;

        t->shape[t->rank++] = strtoll(p, &stop, 10);
        if (stop == p)
            break;
        p = stop;
    }
    shape_text(t, &again);
    if (*p || strcmp(gn_str_text(&again), text))
        gn_err_set(err, "shape: not 1 to %d sizes: %.80s", GN_MAX_RANK, text);
    else
        rc = 0;
    gn_str_free(&again);
    return rc;
}

static int parse_axes(struct gn_record *r, const char *text, struct gn_err *err)
{
    size_t n = strlen(text);

    if (n != 2 * (size_t)r->tensor.rank - 1)
        goto bad;
    for (size_t i = 0; i < n; i++) {
        bool letter = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z');

        if (i % 2 ? text[i] != ' ' : !letter)
            goto bad;
        if (i % 2 == 0)
            r->axes[i / 2] = text[i];
    }
    r->axes[r->tensor.rank] = '\0';
    return 0;
bad:
    return gn_err_set(err, "axes: not one letter for each of %d axes: %.80s", r->tensor.rank, text);
}

/* "k/n" with both whole and not negative. */
static bool is_fraction(const char *text)
{
    size_t a = strspn(text, "0123456789"), b = 0;

    if (a == 0 || a > 18 || text[a] != '/')
        return false;
    b = strspn(text + a + 1, "0123456789");
    return b > 0 && b <= 18 && !text[a + 1 + b];
}

/* Keys of ours whose values tools will count with. */
static int check_values(const struct gn_record *r, struct gn_err *err)
{
    static const char *const affines[] = {"affine", "source.affine"};
    static const char *const sizes[] = {"source.shape", "patch.of", "patch.size"};
    static const char *const places[] = {"patch.origin", "patch.overlap", "window.origin"};
    static const char *const fractions[] = {"epoch", "patch.index"};
    static const char *const image_roles[] = {"image", "label", "mask", "weightmap", "slide"};
    const char *role = gn_record_get(r, "role");
    double a[12];
    int64_t v[3];

    for (size_t i = 0; i < 2; i++) {
        if (!gn_record_get(r, affines[i]))
            continue;
        if (gn_record_reals(r, affines[i], a, 12, err) < 0)
            return -1;
        for (int k = 0; k < 12; k++)
            if (!isfinite(a[k]))
                return gn_err_set(err, "%s: not finite", affines[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        size_t voxels = 1;

        if (gn_record_get(r, places[i]) && gn_record_ints(r, places[i], v, 3, err) < 0)
            return -1;
        if (!gn_record_get(r, sizes[i]))
            continue;
        if (gn_record_ints(r, sizes[i], v, 3, err) < 0)
            return -1;
        for (int k = 0; k < 3; k++)
            if (v[k] < 1 || gn_mul_size(voxels, (size_t)v[k], &voxels, NULL) < 0 ||
                voxels > PAYLOAD_MAX)
                return gn_err_set(err, "%s: not a size: %.80s", sizes[i],
                                  gn_record_get(r, sizes[i]));
    }
    for (size_t i = 0; i < 2; i++) {
        const char *text = gn_record_get(r, fractions[i]);

        if (text && !is_fraction(text))
            return gn_err_set(err, "%s: not k/n: %.80s", fractions[i], text);
    }
    for (size_t i = 0; role && i < sizeof image_roles / sizeof *image_roles; i++)
        if (!strcmp(role, image_roles[i]) && strcmp(r->axes, "czyx"))
            return gn_err_set(err, "axes: a record of role %s has axes c z y x", role);
    return 0;
}

/* Where a patch lies must agree with its shape and with the image it is of: later stages count with
 * these numbers. A payload with window.origin is larger than its patch; one that is no image (the
 * scores of a patch) has no place of its own. */
static int check_patch(const struct gn_record *r, struct gn_err *err)
{
    const bool window = gn_record_get(r, "window.origin") != NULL;
    const bool image = !strcmp(r->axes, "czyx") && !window;
    const char *of_text = gn_record_get(r, "patch.of"), *size_text = gn_record_get(r, "patch.size"),
               *origin_text = gn_record_get(r, "patch.origin"),
               *overlap_text = gn_record_get(r, "patch.overlap");
    int64_t of[3], size[3], origin[3] = {0, 0, 0}, overlap[3];

    if ((of_text && gn_record_ints(r, "patch.of", of, 3, err) < 0) ||
        (size_text && gn_record_ints(r, "patch.size", size, 3, err) < 0) ||
        (origin_text && gn_record_ints(r, "patch.origin", origin, 3, err) < 0) ||
        (overlap_text && gn_record_ints(r, "patch.overlap", overlap, 3, err) < 0))
        return -1;
    for (int k = 0; k < 3; k++) {
        if (size_text && image && size[k] != r->tensor.shape[3 - k])
            return gn_err_set(err, "patch.size: %.80s, but the shape is %.80s", size_text,
                              gn_record_get(r, "shape"));
        if (!size_text && image)
            size[k] = r->tensor.shape[3 - k];
        if (origin_text && origin[k] < 0)
            return gn_err_set(err, "patch.origin: negative: %.80s", origin_text);
        if (overlap_text && (overlap[k] < 0 || ((size_text || image) && overlap[k] >= size[k])))
            return gn_err_set(err, "patch.overlap: not from 0 to less than the patch: %.80s",
                              overlap_text);
        /* A patch larger than the image starts at 0 and reaches over the far end. The difference
         * cannot overflow: both sizes are positive. A window's patch lies in the augmented image,
         * whose axes may have changed places. */
        int64_t n = of_text ? of[k] : 0;
        for (int a = 0; of_text && window && a < 3; a++)
            n = of[a] > n ? of[a] : n;
        if (origin_text && of_text && (size_text || image) &&
            origin[k] > (n > size[k] ? n - size[k] : 0))
            return gn_err_set(err, "patch.origin: %.80s: the patch leaves the image of %.80s",
                              origin_text, of_text);
    }
    return 0;
}

int gn_header_parse(struct gn_record *r, const char *bytes, size_t n, size_t payload, char kind,
                    struct gn_err *err)
{
    const char *dtype = NULL, *shape = NULL, *axes = NULL;
    size_t want = 0;

    gn_record_reset(r);
    if (parse_lines(r, bytes, n, err) < 0 || no_key_twice(r, err) < 0)
        return -1;
    r->is_end = kind == 'E';
    if (r->is_end)
        return 0;
    dtype = gn_record_get(r, "dtype");
    shape = gn_record_get(r, "shape");
    axes = gn_record_get(r, "axes");
    if (!dtype || !shape || !axes)
        return gn_err_set(err, "%s: missing", !dtype ? "dtype" : !shape ? "shape" : "axes");
    if (gn_dtype_parse(dtype, &r->tensor.dtype) < 0)
        return gn_err_set(err, "dtype: unknown: %.80s", dtype);
    if (parse_shape(r, shape, err) < 0 || parse_axes(r, axes, err) < 0)
        return -1;
    if (gn_tensor_bytes(&r->tensor, &want, err) < 0)
        return gn_err_wrap(err, "shape");
    if (want != payload)
        return gn_err_set(err, "shape and dtype need %zu bytes, the payload has %zu", want,
                          payload);
    return check_values(r, err) < 0 || check_patch(r, err) < 0 ? -1 : 0;
}
