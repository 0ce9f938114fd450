/* safetensors.c - reads and writes .safetensors files: 8 bytes of header length, a JSON header, the
 * tensors one after another. https://huggingface.co/docs/safetensors, "Format" */
#include "io/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { HEADER_LIMIT = 64 << 20 };

/* By enum gn_dtype. */
static const char *const dtype_names[GN_DTYPES] = { "U8",  "I8",  "U16", "I16", "U32", "I32",
                                                    "U64", "I64", "F16", "F32", "F64" };

static int find_dtype(const char *name, enum gn_dtype *dtype, struct gn_err *err)
{
    if (strlen(name) > 8 || strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != strlen(name))
        return gn_err_set(err, "no such dtype");
    for (int d = 0; d < GN_DTYPES; d++)
        if (strcmp(dtype_names[d], name) == 0) {
            *dtype = (enum gn_dtype)d;
            return 0;
        }
    if (strcmp(name, "BOOL") == 0) {
        *dtype = GN_UINT8;
        return 0;
    }
    return gn_err_set(err, "dtype %s is not supported%s", name,
                      strcmp(name, "BF16") == 0 ? " (convert to F32)" : "");
}

static int get_count(const json_t *v, int64_t *n)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return -1;
    *n = json_integer_value(v);
    return 0;
}

/* Names are shown in messages and tables: one line of moderate length. */
static int check_name(const char *name, struct gn_err *err)
{
    size_t n = strlen(name);

    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return gn_err_set(err, "a name with control characters");
    return n > 500 ? gn_err_set(err, "a name of %zu bytes", n) : 0;
}

/* {"dtype": ..., "shape": [...], "data_offsets": [begin, end]} -> t, its data inside room bytes at
 * data. */
static int read_tensor(const json_t *entry, char *data, size_t room, struct gn_tensor *t,
                       struct gn_err *err)
{
    const json_t *dtype = json_object_get(entry, "dtype"), *shape = json_object_get(entry, "shape"),
                 *offsets = json_object_get(entry, "data_offsets");
    int64_t begin, end;
    size_t bytes;

    if (!json_is_object(entry) || json_object_size(entry) != 3 || !json_is_string(dtype) ||
        !json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2 ||
        get_count(json_array_get(offsets, 0), &begin) ||
        get_count(json_array_get(offsets, 1), &end))
        return gn_err_set(err, "its entry is not dtype, shape and two data_offsets");
    if (find_dtype(json_string_value(dtype), &t->dtype, err))
        return -1;
    if (json_array_size(shape) > GN_MAX_RANK)
        return gn_err_set(err, "%zu dimensions, more than %d", json_array_size(shape), GN_MAX_RANK);
    t->rank = (int)json_array_size(shape);
    for (int i = 0; i < t->rank; i++)
        if (get_count(json_array_get(shape, (size_t)i), &t->shape[i]) || t->shape[i] < 1)
            return gn_err_set(err, "dimension %d is not a positive number", i);
    if (gn_tensor_bytes(t, &bytes, err))
        return -1;
    if (begin > end || (uint64_t)end > room)
        return gn_err_set(err, "data_offsets [%lld, %lld] lie outside the file", (long long)begin,
                          (long long)end);
    if ((uint64_t)(end - begin) != bytes)
        return gn_err_set(err, "%lld bytes, its shape says %zu", (long long)(end - begin), bytes);
    t->data = data + begin;
    return 0;
}

static int read_meta(struct gn_safetensors *st, json_t *object, struct gn_err *err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return gn_err_set(err, "__metadata__ is not an object");
    st->meta = gn_arena_alloc(&st->arena, (json_object_size(object) + 1) * sizeof *st->meta);
    json_object_foreach(object, key, value)
    {
        if (check_name(key, err))
            return -1;
        if (!json_is_string(value))
            return gn_err_set(err, "__metadata__: %s is not text", key);
        st->meta[st->n_meta].key = gn_arena_strndup(&st->arena, key, strlen(key));
        st->meta[st->n_meta].value =
            gn_arena_strndup(&st->arena, json_string_value(value), json_string_length(value));
        st->n_meta++;
    }
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const struct gn_named_tensor *x = a, *y = b;
    const char *p = x->tensor.data, *q = y->tensor.data;
    return p < q ? -1 : p > q;
}

static int read_all(struct gn_safetensors *st, struct gn_err *err)
{
    json_error_t why;
    json_t *root = NULL, *entry;
    const char *key;
    char *data, *at;
    uint64_t header = 0;
    size_t room;
    int rc = -1;

    if (st->map.size < 8)
        return gn_err_set(err, "not a safetensors file: %zu bytes", st->map.size);
    for (int i = 7; i >= 0; i--)
        header = header << 8 | (uint8_t)st->map.data[i];
    if (header < 2 || header > st->map.size - 8 || st->map.data[8] != '{')
        return gn_err_set(err, "not a safetensors file, or truncated");
    if (header > HEADER_LIMIT)
        return gn_err_set(err, "a header of %llu bytes, more than 64 MiB",
                          (unsigned long long)header);
    data = st->map.data + 8 + header;
    room = st->map.size - 8 - header;
    root = json_loadb(st->map.data + 8, header, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        for (char *p = why.text; *p; p++) /* it quotes the file */
            if ((unsigned char)*p < 0x20 || *p == 0x7f)
                *p = '?';
        gn_err_set(err, "damaged header: line %d: %s", root ? 1 : why.line,
                   root ? "not an object" : why.text);
        goto out;
    }
    st->item = gn_arena_alloc(&st->arena, (json_object_size(root) + 1) * sizeof *st->item);
    json_object_foreach(root, key, entry)
    {
        struct gn_named_tensor *item = &st->item[st->n];
        if (strcmp(key, "__metadata__") == 0) {
            if (read_meta(st, entry, err))
                goto out;
            continue;
        }
        if (check_name(key, err))
            goto out;
        if (read_tensor(entry, data, room, &item->tensor, err)) {
            gn_err_wrap(err, "tensor %s", key);
            goto out;
        }
        item->name = gn_arena_strndup(&st->arena, key, strlen(key));
        st->n++;
    }
    qsort(st->item, st->n, sizeof *st->item, by_offset);
    at = data;
    for (size_t i = 0; i < st->n; i++) {
        struct gn_tensor *t = &st->item[i].tensor;
        size_t bytes;
        if (gn_tensor_bytes(t, &bytes, err))
            goto out;
        if ((char *)t->data != at) {
            gn_err_set(err, "tensor %s: %s the tensor before it", st->item[i].name,
                       (char *)t->data < at ? "overlaps" : "leaves a gap after");
            goto out;
        }
        at += bytes;
        if ((uintptr_t)t->data % gn_dtype_size(t->dtype)) { /* others may write odd sizes first */
            void *copy = gn_arena_alloc(&st->arena, bytes);
            memcpy(copy, t->data, bytes);
            t->data = copy;
        }
    }
    if (at != data + room) {
        gn_err_set(err, "%zu bytes after the last tensor", (size_t)(data + room - at));
        goto out;
    }
    rc = 0;
out:
    json_decref(root);
    return rc;
}

int gn_safetensors_open(struct gn_safetensors *st, const char *path, struct gn_err *err)
{
    memset(st, 0, sizeof *st);
    if (gn_map_open(&st->map, path, err))
        return -1;
    if (read_all(st, err)) {
        gn_safetensors_close(st);
        return gn_err_wrap(err, "%s", path);
    }
    return 0;
}

const struct gn_tensor *gn_safetensors_get(const struct gn_safetensors *st, const char *name)
{
    for (size_t i = 0; i < st->n; i++)
        if (strcmp(st->item[i].name, name) == 0)
            return &st->item[i].tensor;
    return NULL;
}

const char *gn_safetensors_meta(const struct gn_safetensors *st, const char *key)
{
    for (size_t i = 0; i < st->n_meta; i++)
        if (strcmp(st->meta[i].key, key) == 0)
            return st->meta[i].value;
    return NULL;
}

void gn_safetensors_close(struct gn_safetensors *st)
{
    gn_map_close(&st->map);
    gn_arena_free(&st->arena);
    memset(st, 0, sizeof *st);
}

/* ---- writing ---- */
struct gn_safetensors_out {
    struct gn_strs keys, values, names;
    struct gn_tensor *tensor; /* one a name; data borrowed */
};

struct gn_safetensors_out *gn_safetensors_out_new(void)
{
    return gn_alloc(sizeof(struct gn_safetensors_out));
}

void gn_safetensors_out_meta(struct gn_safetensors_out *o, const char *key, const char *value)
{
    gn_strs_add(&o->keys, key);
    gn_strs_add(&o->values, value);
}

void gn_safetensors_out_tensor(struct gn_safetensors_out *o, const char *name,
                               const struct gn_tensor *t)
{
    o->tensor = gn_realloc(o->tensor, (o->names.n + 1) * sizeof *o->tensor);
    o->tensor[o->names.n] = *t;
    o->tensor[o->names.n].owned = NULL;
    gn_strs_add(&o->names, name);
}

static int put_json(struct gn_str *out, const char *text, struct gn_err *err)
{
    if (!gn_utf8_valid(text, strlen(text)))
        return gn_err_set(err, "text that is not UTF-8");
    gn_str_add(out, "\"");
    for (const char *p = text; *p; p++)
        if (*p == '"' || *p == '\\')
            gn_str_addf(out, "\\%c", *p);
        else if (*p == '\n')
            gn_str_add(out, "\\n");
        else if ((unsigned char)*p < 0x20)
            gn_str_addf(out, "\\u%04x", (unsigned)(unsigned char)*p);
        else
            gn_str_addn(out, p, 1);
    gn_str_add(out, "\"");
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names that repeat, or that mean something else, are our own mistake, told before a file is begun.
 */
static int check_names(const struct gn_strs *names, struct gn_err *err)
{
    char **sorted = gn_alloc((names->n + 1) * sizeof *sorted);
    int rc = 0;

    for (size_t i = 0; i < names->n; i++)
        sorted[i] = names->item[i];
    qsort(sorted, names->n, sizeof *sorted, by_text);
    for (size_t i = 0; i < names->n && !rc; i++)
        if (strcmp(sorted[i], "__metadata__") == 0 || (i && strcmp(sorted[i], sorted[i - 1]) == 0))
            rc = gn_err_set(err, "the name %s stands twice or is reserved", sorted[i]);
    free(sorted);
    return rc;
}

static int make_header(const struct gn_safetensors_out *o, struct gn_str *h, struct gn_err *err)
{
    size_t offset = 0, bytes;

    if (check_names(&o->names, err) || check_names(&o->keys, err))
        return -1;
    gn_str_add(h, "{");
    for (size_t i = 0; i < o->keys.n; i++) {
        gn_str_add(h, i ? "," : "\"__metadata__\":{");
        if (put_json(h, o->keys.item[i], err))
            return -1;
        gn_str_add(h, ":");
        if (put_json(h, o->values.item[i], err))
            return -1;
    }
    if (o->keys.n)
        gn_str_add(h, o->names.n ? "}," : "}");
    for (size_t i = 0; i < o->names.n; i++) {
        const struct gn_tensor *t = &o->tensor[i];
        if (i)
            gn_str_add(h, ",");
        if (put_json(h, o->names.item[i], err) || gn_tensor_bytes(t, &bytes, err))
            return -1;
        gn_str_addf(h, ":{\"dtype\":\"%s\",\"shape\":[", dtype_names[t->dtype]);
        for (int k = 0; k < t->rank; k++)
            gn_str_addf(h, "%s%lld", k ? "," : "", (long long)t->shape[k]);
        gn_str_addf(h, "],\"data_offsets\":[%zu,%zu]}", offset, offset + bytes);
        offset += bytes;
    }
    gn_str_add(h, "}");
    while ((h->len + 8) %
           64) /* the payload starts on a cache line, and the header is a multiple of 8 */
        gn_str_add(h, " ");
    return h->len > HEADER_LIMIT
               ? gn_err_set(err, "a header of %zu bytes, more than 64 MiB", h->len)
               : 0;
}

int gn_safetensors_out_write(struct gn_safetensors_out *o, const char *path, struct gn_err *err)
{
    struct gn_str header = { 0 };
    struct gn_out out;
    uint8_t length[8];
    size_t bytes;
    int rc = -1;

    if (make_header(o, &header, err)) {
        gn_err_wrap(err, "%s", path);
        goto out;
    }
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)header.len >> (8 * i));
    if (gn_out_open(&out, path, err))
        goto out;
    rc = gn_out_write(&out, length, 8, err) || gn_out_write(&out, header.data, header.len, err) ? -1
                                                                                                : 0;
    for (size_t i = 0; i < o->names.n && !rc; i++)
        if (gn_tensor_bytes(&o->tensor[i], &bytes, err) ||
            gn_out_write(&out, o->tensor[i].data, bytes, err))
            rc = -1;
    if (!rc)
        rc = gn_out_commit(&out, true, err);
    if (rc)
        gn_out_abort(&out);
out:
    gn_str_free(&header);
    return rc;
}

void gn_safetensors_out_free(struct gn_safetensors_out *o)
{
    if (!o)
        return;
    gn_strs_free(&o->keys);
    gn_strs_free(&o->values);
    gn_strs_free(&o->names);
    free(o->tensor);
    free(o);
}
