/* safetensors.c - models as files: what is written reads back, and nothing in a damaged file is
 * believed. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../libcore/base/str.h"
#include "../../libcore/io/safetensors.h"
#include "check.h"

static struct gn_err err;

static void put(const char *name, const void *data, size_t n)
{
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f))
        abort();
}

/* A file of this header, padded as asked, and this many payload bytes 0, 1, 2 ... */
static int open_made(struct gn_safetensors *st, const char *header, size_t payload)
{
    struct gn_str s = { 0 };
    char length[8] = { 0 };
    size_t n = strlen(header);
    int rc;
    for (int i = 0; i < 8; i++)
        length[i] = (char)(n >> (8 * i));
    gn_str_addn(&s, length, 8);
    gn_str_add(&s, header);
    for (size_t i = 0; i < payload; i++) {
        char c = (char)i;
        gn_str_addn(&s, &c, 1);
    }
    put("m.safetensors", s.data, s.len);
    gn_str_free(&s);
    gn_err_clear(&err);
    rc = gn_safetensors_open(st, "m.safetensors", &err);
    return rc;
}

static int refused(const char *header, size_t payload, const char *why)
{
    struct gn_safetensors st;
    if (open_made(&st, header, payload) == 0) {
        gn_safetensors_close(&st);
        return 0;
    }
    if (!strstr(err.text, why) || strchr(err.text, '\n'))
        printf("# %s\n", err.text);
    return strstr(err.text, why) != NULL;
}

int main(void)
{
    struct gn_safetensors st;
    struct gn_safetensors_out *o = gn_safetensors_out_new();
    struct gn_tensor a, b, scalar = { .dtype = GN_FLOAT64 };
    const struct gn_tensor *t;
    const int64_t shape[3] = { 2, 3, 4 }, one[1] = { 5 };
    double pi = 3.25;
    char *raw;
    size_t n;

    if (gn_tensor_new(&a, GN_FLOAT32, 3, shape, &err) || gn_tensor_new(&b, GN_UINT8, 1, one, &err))
        abort();
    for (int i = 0; i < 24; i++)
        ((float *)a.data)[i] = (float)i / 3;
    memcpy(b.data, "hello", 5);
    scalar.data = &pi;
    gn_safetensors_out_meta(o, "config", "a: 1\nb: \"x\\y\"\ttab \001 \303\251\n");
    gn_safetensors_out_meta(o, "version", "0.1");
    gn_safetensors_out_tensor(o, "enc.0.weight", &a);
    gn_safetensors_out_tensor(o, "a \"name\"", &b);
    gn_safetensors_out_tensor(o, "scalar", &scalar);
    CHECK("writes", gn_safetensors_out_write(o, "w.safetensors", &err) == 0);
    CHECK("reads",
          gn_safetensors_open(&st, "w.safetensors", &err) == 0 && st.n == 3 && st.n_meta == 2);
    t = gn_safetensors_get(&st, "enc.0.weight");
    CHECK("a tensor comes back", t && t->dtype == GN_FLOAT32 && t->rank == 3 && t->shape[2] == 4 &&
                                     !t->owned && memcmp(t->data, a.data, 96) == 0);
    CHECK("the payload starts on a cache line", t && (uintptr_t)t->data % 64 == 0);
    t = gn_safetensors_get(&st, "a \"name\"");
    CHECK("a name with quotes comes back", t && memcmp(t->data, "hello", 5) == 0);
    t = gn_safetensors_get(&st, "scalar");
    CHECK("a scalar after an odd size is aligned", t && t->rank == 0 && *(double *)t->data == 3.25);
    CHECK("metadata come back, in order",
          strcmp(st.meta[0].key, "config") == 0 &&
              strcmp(gn_safetensors_meta(&st, "config"),
                     "a: 1\nb: \"x\\y\"\ttab \001 \303\251\n") == 0);
    CHECK("absent names are NULL", !gn_safetensors_get(&st, "x") && !gn_safetensors_meta(&st, "x"));
    gn_safetensors_close(&st);
    CHECK("equal contents give equal bytes",
          gn_safetensors_out_write(o, "w2.safetensors", &err) == 0 &&
              system("cmp w.safetensors w2.safetensors") == 0);
    if (gn_file_read("w.safetensors", 1 << 20, &raw, &n, &err))
        abort();
    int accepted = 0;
    for (size_t i = 0; i < n; i++) {
        put("cut.safetensors", raw, i);
        gn_err_clear(&err);
        if (gn_safetensors_open(&st, "cut.safetensors", &err) == 0)
            accepted++, gn_safetensors_close(&st);
    }
    CHECK("every truncation is refused", accepted == 0);
    free(raw);
    gn_safetensors_out_tensor(o, "scalar", &scalar);
    gn_err_clear(&err);
    CHECK("a name twice is refused, no file",
          gn_safetensors_out_write(o, "n.safetensors", &err) == -1 &&
              access("n.safetensors", F_OK) != 0);
    gn_safetensors_out_free(o);
    gn_tensor_free(&a);
    gn_tensor_free(&b);

    CHECK("an empty file holds nothing", open_made(&st, "{}", 0) == 0 && st.n == 0);
    gn_safetensors_close(&st);
    CHECK("file order is by offset",
          open_made(&st,
                    "{\"b\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[1,3]},"
                    "\"a\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[0,1]}}   ",
                    3) == 0 &&
              strcmp(st.item[0].name, "a") == 0 && ((int8_t *)st.item[1].tensor.data)[1] == 2);
    gn_safetensors_close(&st);
    CHECK("bfloat16 is refused by name",
          refused("{\"a\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2, "BF16"));
    CHECK("outside",
          refused("{\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 3, "outside"));
    CHECK("a wrong size",
          refused("{\"a\":{\"dtype\":\"I16\",\"shape\":[2],\"data_offsets\":[0,3]}}", 3,
                  "its shape says"));
    CHECK("a gap",
          refused("{\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[1,3]}}", 3, "gap"));
    CHECK("an overlap", refused("{\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                                "\"b\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
                                3, "overlaps"));
    CHECK("bytes after the last",
          refused("{\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 3,
                  "after the last"));
    CHECK("a negative offset",
          refused("{\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[-1,1]}}", 2, "entry"));
    CHECK(
        "an overflow",
        refused(
            "{\"a\":{\"dtype\":\"F64\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
            0, "tensor a"));
    CHECK(
        "an extent of 0",
        refused("{\"a\":{\"dtype\":\"F64\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "positive"));
    CHECK("nine dimensions",
          refused("{\"a\":{\"dtype\":\"I8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}",
                  1, "dimensions"));
    CHECK("a key twice", refused("{\"a\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                                 "\"a\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                                 1, "duplicate"));
    CHECK("metadata that are no text", refused("{\"__metadata__\":{\"a\":1}}", 0, "not text"));
    CHECK("text after the object", refused("{} x", 0, "damaged header"));
    CHECK("no object", refused("[1]", 0, "not a safetensors"));
    put("m.safetensors", "\377\377\377\377\377\377\377\177{}", 10);
    gn_err_clear(&err);
    CHECK("a huge header length is refused", gn_safetensors_open(&st, "m.safetensors", &err) == -1);
    put("m.safetensors", "", 0);
    gn_err_clear(&err);
    CHECK("an empty file is refused", gn_safetensors_open(&st, "m.safetensors", &err) == -1);
    return check_done();
}
