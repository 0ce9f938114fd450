/* record.c - a record in memory: its fields, numbers in them, its payload and the payload's
 * checksum. */
#include "stream/record.h"

#include <assert.h>
#include <errno.h>
#include <libdeflate.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/text.h"

uint32_t gn_crc32(uint32_t start, const void *data, size_t n)
{
    return n ? libdeflate_crc32(start, data, n) : start;
}

static struct gn_field *find(const struct gn_record *r, const char *key)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->fields[i].key, key))
            return &r->fields[i];
    return NULL;
}

const char *gn_record_get(const struct gn_record *r, const char *key)
{
    const struct gn_field *f = find(r, key);

    return f ? f->value : NULL;
}

void gn_record_push(struct gn_record *r, char *key, char *value)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 16;
        r->fields = gn_realloc(r->fields, r->cap * sizeof *r->fields);
    }
    r->fields[r->n++] = (struct gn_field){key, value};
}

int gn_record_set(struct gn_record *r, const char *key, const char *fmt, ...)
{
    struct gn_str text = {0};
    struct gn_field *f = NULL;
    va_list args;
    int rc = -1;

    va_start(args, fmt);
    gn_str_addv(&text, fmt, args); /* before the old value goes: it may be an argument */
    va_end(args);
    if (!gn_key_valid(key, strlen(key)) || !strcmp(key, "history") ||
        !gn_value_valid(text.data, text.len))
        goto out;
    f = find(r, key);
    if (f) {
        free(f->value);
        f->value = gn_strndup(text.data, text.len);
    } else {
        gn_record_push(r, gn_strdup(key), gn_strndup(text.data, text.len));
    }
    rc = 0;
out:
    gn_str_free(&text);
    return rc;
}

int gn_record_add_history(struct gn_record *r, const char *line)
{
    if (!gn_value_valid(line, strlen(line)))
        return -1;
    gn_record_push(r, gn_strdup("history"), gn_strdup(line));
    return 0;
}

static void drop_if(struct gn_record *r, const char *key, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->n; i++) {
        struct gn_field f = r->fields[i];

        if (!strncmp(f.key, key, n)) {
            free(f.key);
            free(f.value);
        } else {
            r->fields[kept++] = f;
        }
    }
    r->n = kept;
}

void gn_record_drop(struct gn_record *r, const char *key)
{
    drop_if(r, key, strlen(key) + 1);
}

void gn_record_drop_prefix(struct gn_record *r, const char *prefix)
{
    drop_if(r, prefix, strlen(prefix));
}

/* Each value exactly as one space-separated word; parse takes a word and says whether it is a
 * number. */
static int words(const struct gn_record *r, const char *key, size_t n,
                 int (*parse)(void *, size_t, const char *), void *out, const char *what,
                 struct gn_err *err)
{
    const char *text = gn_record_get(r, key), *p = text;
    char word[64];
    size_t i = 0;

    if (!text)
        return gn_err_set(err, "%s: missing", key);
    for (i = 0; i < n; i++) {
        size_t len = strcspn(p, " ");

        if (len == 0 || len >= sizeof word)
            break;
        memcpy(word, p, len);
        word[len] = '\0';
        if (parse(out, i, word) < 0)
            break;
        p += len;
        if (i + 1 < n && *p++ != ' ')
            break;
    }
    if (i < n || *p)
        return gn_err_set(err, "%s: not %zu %s: %.80s", key, n, what, text);
    return 0;
}

static int parse_real(void *out, size_t i, const char *word)
{
    return gn_parse_double(word, (double *)out + i);
}

static int parse_int(void *out, size_t i, const char *word)
{
    return gn_parse_int(word, (int64_t *)out + i);
}

int gn_record_reals(const struct gn_record *r, const char *key, double *v, size_t n,
                    struct gn_err *err)
{
    return words(r, key, n, parse_real, v, n == 1 ? "number" : "numbers", err);
}

int gn_record_ints(const struct gn_record *r, const char *key, int64_t *v, size_t n,
                   struct gn_err *err)
{
    return words(r, key, n, parse_int, v, n == 1 ? "whole number" : "whole numbers", err);
}

int gn_record_set_reals(struct gn_record *r, const char *key, const double *v, size_t n)
{
    struct gn_str s = {0};
    int rc = -1;

    for (size_t i = 0; i < n; i++) {
        double x = v[i] == 0 ? 0 : v[i]; /* no minus zero: equal geometry gives equal bytes */

        if (x != x)
            gn_str_addf(&s, "%snan", i ? " " : ""); /* without the sign that some NaN print */
        else
            gn_str_addf(&s, "%s%.17g", i ? " " : "", x);
    }
    rc = gn_record_set(r, key, "%s", gn_str_text(&s));
    gn_str_free(&s);
    return rc;
}

int gn_record_set_ints(struct gn_record *r, const char *key, const int64_t *v, size_t n)
{
    struct gn_str s = {0};
    int rc = -1;

    for (size_t i = 0; i < n; i++)
        gn_str_addf(&s, "%s%lld", i ? " " : "", (long long)v[i]);
    rc = gn_record_set(r, key, "%s", gn_str_text(&s));
    gn_str_free(&s);
    return rc;
}

/* Only payloads in a map come here unverified, and there the zeros of the padding follow them. */
static int verify(const struct gn_record *r, struct gn_err *err)
{
    size_t n = 0;
    uint32_t crc = 0;
    const char *data = r->tensor.data;

    if (!r->crc_known || r->verified || !data)
        return 0;
    if (gn_tensor_bytes(&r->tensor, &n, err) < 0)
        return -1;
    crc = gn_crc32(0, data, n);
    if (crc != r->crc)
        return gn_err_set(err, "payload is damaged: checksum %08x, recorded %08x", crc, r->crc);
    for (size_t i = n; i < n + gn_padding(n); i++)
        if (data[i])
            return gn_err_set(err, "payload is damaged: padding is not zero");
    return 0;
}

void *gn_record_data(struct gn_record *r, struct gn_err *err)
{
    if (!r->tensor.data) {
        gn_err_set(err, "record has no payload");
        return NULL;
    }
    if (verify(r, err) < 0)
        return NULL;
    r->verified = true;
    return r->tensor.data;
}

void gn_record_touch(struct gn_record *r)
{
    r->crc_known = false;
}

void gn_record_take(struct gn_record *r, struct gn_tensor *t, const char *axes)
{
    struct gn_tensor taken = *t;

    *t = (struct gn_tensor){0};
    if (!axes && (size_t)taken.rank != strlen(r->axes))
        axes = taken.rank == 4 ? "czyx" : "c";
    if (axes) {
        size_t n = 0;

        for (; *axes; axes++)
            if (*axes != ' ' && n < GN_MAX_RANK)
                r->axes[n++] = *axes;
        r->axes[n] = '\0';
    }
    assert(strlen(r->axes) == (size_t)taken.rank);
    if (r->tensor.owned != taken.owned)
        gn_tensor_free(&r->tensor);
    r->tensor = taken;
    r->crc_known = r->verified = false;
}

void gn_record_copy_header(const struct gn_record *from, struct gn_record *to)
{
    *to = (struct gn_record){0};
    for (size_t i = 0; i < from->n; i++)
        gn_record_push(to, gn_strdup(from->fields[i].key), gn_strdup(from->fields[i].value));
    memcpy(to->axes, from->axes, sizeof to->axes);
}

int gn_record_copy(const struct gn_record *from, struct gn_record *to, struct gn_err *err)
{
    size_t n = 0;

    gn_record_copy_header(from, to);
    to->is_end = from->is_end;
    if (!from->tensor.data)
        return 0;
    if (verify(from, err) < 0 || gn_tensor_bytes(&from->tensor, &n, err) < 0 ||
        gn_tensor_new_raw(&to->tensor, from->tensor.dtype, from->tensor.rank, from->tensor.shape,
                          err) < 0) {
        gn_record_free(to);
        return -1;
    }
    memcpy(to->tensor.data, from->tensor.data, n);
    to->crc = from->crc;
    to->crc_known = to->verified = from->crc_known;
    return 0;
}

void gn_record_reset(struct gn_record *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->fields[i].key);
        free(r->fields[i].value);
    }
    gn_tensor_free(&r->tensor);
    *r = (struct gn_record){
        .fields = r->fields, .cap = r->cap, .buffer = r->buffer, .buffer_size = r->buffer_size};
}

void gn_record_free(struct gn_record *r)
{
    gn_record_reset(r);
    free(r->fields);
    gn_recycle(r->buffer);
    *r = (struct gn_record){0};
}
