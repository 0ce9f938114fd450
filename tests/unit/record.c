/* record.c - fields, numbers, preamble and header bytes, and what a header may not hold. */
#include <stdlib.h>

#include "base/mem.h"
#include "check.h"
#include "stream/record.h"

static struct gn_err err;

/* Does a header of these lines (padded as it must be) parse? The payload is of the given size. */
static int parses(const char *lines, size_t payload)
{
    struct gn_record r = {0};
    struct gn_str s = {0};
    int rc = 0;

    gn_str_add(&s, lines);
    gn_header_pad(&s, 0);
    gn_err_clear(&err);
    rc = gn_header_parse(&r, s.data, s.len, payload, 'T', &err);
    gn_record_free(&r);
    gn_str_free(&s);
    return rc == 0;
}

#define TENSOR "dtype: uint8\nshape: 1 2 3 4\naxes: c z y x\n"

static void fields(void)
{
    struct gn_record r = {0};
    double v[3] = {0.1, -0.0, 3}, back[3];
    int64_t k[2] = {-5, 7}, l[2];

    CHECK("a new key goes to the end", gn_record_set(&r, "sample", "%s", "001") == 0 &&
                                           gn_record_set(&r, "role", "image") == 0 &&
                                           !strcmp(r.fields[0].key, "sample") &&
                                           !strcmp(r.fields[1].key, "role"));
    CHECK("a key is set in its old place",
          gn_record_set(&r, "sample", "%s-b", gn_record_get(&r, "sample")) == 0 && r.n == 2 &&
              !strcmp(r.fields[0].value, "001-b"));
    CHECK("bad keys are refused",
          gn_record_set(&r, "Role", "x") < 0 && gn_record_set(&r, "", "x") < 0 &&
              gn_record_set(&r, "a b", "x") < 0 && gn_record_set(&r, "1a", "x") < 0 &&
              gn_record_set(&r, "history", "x") < 0);
    CHECK("bad values are refused",
          gn_record_set(&r, "role", "%s", "") < 0 && gn_record_set(&r, "role", "a\tb") < 0 &&
              gn_record_set(&r, "role", "\xff") < 0 && gn_record_set(&r, "role", "\xc2\x85") < 0 &&
              !strcmp(gn_record_get(&r, "role"), "image"));
    CHECK("reals are printed with 17 digits and read back",
          gn_record_set_reals(&r, "x.y", v, 3) == 0 &&
              !strcmp(gn_record_get(&r, "x.y"), "0.10000000000000001 0 3") &&
              gn_record_reals(&r, "x.y", back, 3, &err) == 0 && back[0] == v[0] && back[1] == 0 &&
              back[2] == 3);
    CHECK("whole numbers are read back", gn_record_set_ints(&r, "k", k, 2) == 0 &&
                                             gn_record_ints(&r, "k", l, 2, &err) == 0 &&
                                             l[0] == -5 && l[1] == 7);
    CHECK("another count of numbers is an error",
          gn_record_ints(&r, "k", l, 1, &err) < 0 && strstr(err.text, "k: not 1"));
    gn_err_clear(&err);
    CHECK("a missing key is an error that names it",
          gn_record_reals(&r, "affine", back, 3, &err) < 0 && !strcmp(err.text, "affine: missing"));
    gn_err_clear(&err);
    CHECK("history repeats", gn_record_add_history(&r, "a 1") == 0 &&
                                 gn_record_add_history(&r, "b 1") == 0 && r.n == 6);
    gn_record_drop_prefix(&r, "x.");
    gn_record_drop(&r, "ro");
    CHECK("dropping takes whole keys or prefixes",
          r.n == 5 && !gn_record_get(&r, "x.y") && gn_record_get(&r, "role"));
    gn_record_free(&r);
    CHECK("freeing leaves nothing", r.n == 0 && !r.fields);
}

static void preamble(void)
{
    struct gn_preamble p = {'T', 128, 96, 0xfa4152d1, 0x6edc4182}, q;
    char b[GN_PREAMBLE], c[GN_PREAMBLE];
    int refused = 0;

    gn_preamble_print(&p, b);
    CHECK("a preamble is printed as specified",
          !memcmp(b, "GNT1 T        128                   96 fa4152d1 6edc4182       \n",
                  GN_PREAMBLE));
    CHECK("and read back", gn_preamble_parse(b, &q, &err) == 0 && q.kind == 'T' &&
                               q.header == 128 && q.payload == 96 && q.header_crc == p.header_crc &&
                               q.payload_crc == p.payload_crc);
    for (int i = 0; i < GN_PREAMBLE;
         i++) { /* a byte that is not as written is refused, or is another number */
        memcpy(c, b, sizeof c);
        c[i] ^= 0x80;
        gn_err_clear(&err);
        refused += gn_preamble_parse(c, &q, &err) < 0;
    }
    CHECK("a high bit anywhere is refused", refused == GN_PREAMBLE);
    p.header = 100;
    gn_preamble_print(&p, b);
    gn_err_clear(&err);
    CHECK("a header that is not a multiple of 64 is refused", gn_preamble_parse(b, &q, &err) < 0);
    p.header = (1 << 20) + 64;
    gn_preamble_print(&p, b);
    gn_err_clear(&err);
    CHECK("a header above 1 MiB is refused", gn_preamble_parse(b, &q, &err) < 0);
    p.header = 64;
    p.payload = ((size_t)1 << 46) + 1;
    gn_preamble_print(&p, b);
    gn_err_clear(&err);
    CHECK("a payload above 2^46 is refused", gn_preamble_parse(b, &q, &err) < 0);
    p = (struct gn_preamble){'X', 64, 0, 0, 0};
    gn_preamble_print(&p, b);
    gn_err_clear(&err);
    CHECK("an unknown kind is refused",
          gn_preamble_parse(b, &q, &err) < 0 && strstr(err.text, "kind"));
    memcpy(b, "GNT2", 4);
    gn_err_clear(&err);
    CHECK("another version is refused by its name",
          gn_preamble_parse(b, &q, &err) < 0 && strstr(err.text, "version"));
}

static void headers(void)
{
    struct gn_record r = {0}, back = {0};
    struct gn_str s = {0};
    struct gn_tensor t = {0};
    char pad[200];

    CHECK("the smallest header parses", parses(TENSOR, 24));
    CHECK("dtype, shape and axes are required", !parses("shape: 24\naxes: x\n", 24) &&
                                                    !parses("dtype: uint8\naxes: x\n", 24) &&
                                                    !parses("dtype: uint8\nshape: 24\n", 24));
    CHECK("the product of the shape must be the payload",
          !parses(TENSOR, 25) && !parses(TENSOR, 0));
    CHECK(
        "a shape that overflows is refused",
        !parses("dtype: uint8\nshape: 4294967296 4294967296 4294967296 4294967296\naxes: c z y x\n",
                0));
    CHECK("an axis of no extent is refused", !parses("dtype: uint8\nshape: 0\naxes: x\n", 0));
    CHECK("a shape is written in one way", !parses("dtype: uint8\nshape: 1  24\naxes: y x\n", 24) &&
                                               !parses("dtype: uint8\nshape: 024\naxes: x\n", 24) &&
                                               !parses("dtype: uint8\nshape: +24\naxes: x\n", 24) &&
                                               !parses("dtype: uint8\nshape: 24 \naxes: x\n", 24));
    CHECK("nine axes are refused",
          !parses("dtype: uint8\nshape: 1 1 1 1 1 1 1 1 1\naxes: a b c d e f g h i\n", 1));
    CHECK("eight axes are accepted",
          parses("dtype: uint8\nshape: 1 1 1 1 1 1 1 2\naxes: a b c d e f g h\n", 2));
    CHECK("axes are one letter each", !parses("dtype: uint8\nshape: 24\naxes: xy\n", 24) &&
                                          !parses("dtype: uint8\nshape: 24\naxes: x y\n", 24));
    CHECK("an unknown dtype is refused", !parses("dtype: bfloat16\nshape: 12\naxes: x\n", 24));
    CHECK("a key twice is refused",
          !parses(TENSOR "a: 1\na: 2\n", 24) && strstr(err.text, "a: given twice"));
    CHECK("history may repeat", parses(TENSOR "history: a\nhistory: a\n", 24));
    CHECK("unknown keys are fine", parses(TENSOR "acme.dose: 5 mg\n", 24));
    CHECK("an empty value is refused", !parses(TENSOR "a: \n", 24) && !parses(TENSOR "a:\n", 24));
    CHECK("a line without a colon is refused",
          !parses(TENSOR "hello\n", 24) && !parses(TENSOR "\n", 24));
    CHECK("keys are lower case", !parses(TENSOR "A: 1\n", 24) && !parses(TENSOR "_a: 1\n", 24));
    CHECK("one space follows the colon", !parses(TENSOR "a:1\n", 24));
    CHECK("bad escapes are refused",
          !parses(TENSOR "a: \\t\n", 24) && !parses(TENSOR "a: x\\\n", 24));
    CHECK("control characters are refused", !parses(TENSOR "a: \x1b[1m\n", 24) &&
                                                !parses(TENSOR "a: \x7f\n", 24) &&
                                                !parses(TENSOR "a: \xc2\x9b\n", 24));
    CHECK("what is not UTF-8 is refused",
          !parses(TENSOR "a: \xff\n", 24) && !parses(TENSOR "a: \xc0\x80\n", 24));
    CHECK("UTF-8 is accepted", parses(TENSOR "sample: J\xc3\xbcrgen\n", 24));
    CHECK("an image's axes are c z y x",
          parses(TENSOR "role: image\n", 24) &&
              !parses("dtype: uint8\nshape: 24\naxes: x\nrole: image\n", 24));
    CHECK("an affine is 12 finite numbers",
          parses(TENSOR "affine: 1 0 0 0 0 1 0 0 0 0 1 0\n", 24) &&
              !parses(TENSOR "affine: 1 0 0 0 0 1 0 0 0 0 1\n", 24) &&
              !parses(TENSOR "affine: 1 0 0 0 0 1 0 0 0 0 1 nan\n", 24));
    CHECK("sizes that overflow are refused",
          parses(TENSOR "patch.of: 100000 100000 1\n", 24) &&
              !parses(TENSOR "patch.of: 9000000000 9000000000 9000000000\n", 24) &&
              !parses(TENSOR "source.shape: 0 1 1\n", 24));
    CHECK("patch.size is the shape, except of a window and of what is no image",
          parses(TENSOR "patch.size: 4 3 2\n", 24) && !parses(TENSOR "patch.size: 2 3 4\n", 24) &&
              !parses(TENSOR "patch.size: 4 3 1\n", 24) &&
              parses(TENSOR "patch.size: 2 2 2\nwindow.origin: -1 0 0\n", 24) &&
              parses("dtype: uint8\nshape: 24\naxes: c\npatch.size: 4 3 2\n", 24));
    CHECK("a patch lies in its image",
          parses(TENSOR "patch.of: 5 3 2\npatch.origin: 1 0 0\n", 24) &&
              !parses(TENSOR "patch.of: 5 3 2\npatch.origin: 2 0 0\n", 24) &&
              !parses(TENSOR "patch.of: 5 3 2\npatch.origin: -1 0 0\n", 24) &&
              !parses(TENSOR "patch.origin: 0 0 -1\n", 24) &&
              !parses(TENSOR "patch.of: 5 3 2\npatch.origin: 9223372036854775807 0 0\n", 24));
    CHECK("or starts at 0 and is larger",
          parses(TENSOR "patch.of: 2 3 2\npatch.origin: 0 0 0\n", 24) &&
              !parses(TENSOR "patch.of: 2 3 2\npatch.origin: 1 0 0\n", 24));
    CHECK("a window's patch too lies in the image",
          !parses(TENSOR "patch.size: 2 2 2\nwindow.origin: 0 0 0\npatch.of: 4 3 2\n"
                        "patch.origin: 3 0 0\n", 24));
    CHECK("an overlap is less than the patch",
          parses(TENSOR "patch.overlap: 2 2 0\n", 24) &&
              !parses(TENSOR "patch.overlap: 4 0 0\n", 24) &&
              !parses(TENSOR "patch.overlap: 0 -2 0\n", 24));
    CHECK("epoch is k/n", parses(TENSOR "epoch: 0/10\n", 24) && !parses(TENSOR "epoch: 3\n", 24));

    snprintf(pad, sizeof pad, "%s%*s\n", TENSOR, 128 - (int)strlen(TENSOR) - 1, "");
    CHECK("padding of a whole block is refused", gn_header_parse(&r, pad, 128, 24, 'T', &err) < 0);
    gn_err_clear(&err);
    pad[63] = '\n';
    pad[60] = 'x';
    CHECK("padding of anything but spaces is refused",
          gn_header_parse(&r, pad, 64, 24, 'T', &err) < 0);
    gn_err_clear(&err);

    gn_record_free(&r);
    CHECK("a tensor is taken", gn_tensor_new4(&t, GN_FLOAT32, 1, 2, 3, 4, &err) == 0);
    gn_record_set(&r, "sample", "a\\b\nc");
    gn_record_set(&r, "shape", "9 9");
    gn_record_take(&r, &t, NULL);
    CHECK("taking empties the giver", !t.data && r.tensor.data && !strcmp(r.axes, "czyx"));
    CHECK("a header is printed", gn_header_print(&r, &s, &err) == 0 && s.len % 64 == 0);
    CHECK("with its own keys from the tensor, in their place, and escapes",
          !strncmp(s.data, "dtype: float32\naxes: c z y x\nsample: a\\\\b\\nc\nshape: 1 2 3 4\n",
                   60));
    CHECK("and parses again", gn_header_parse(&back, s.data, s.len, 96, 'T', &err) == 0 &&
                                  !strcmp(gn_record_get(&back, "sample"), "a\\b\nc") &&
                                  back.tensor.rank == 4 && back.tensor.shape[3] == 4);
    gn_record_free(&back);
    CHECK("a copy is deep", gn_record_copy(&r, &back, &err) == 0 &&
                                back.tensor.data != r.tensor.data && back.n == r.n);
    CHECK("data of a record of ours needs no checksum", gn_record_data(&r, &err) == r.tensor.data);
    gn_err_clear(&err);
    r.crc = 1;
    r.crc_known = true;
    r.verified = false;
    CHECK("a wrong checksum is found at the first look",
          !gn_record_data(&r, &err) && strstr(err.text, "damaged"));
    gn_record_free(&r);
    gn_record_free(&back);
    gn_str_free(&s);
}

static void hostile(void)
{
    struct gn_str s = {0};

    gn_str_add(&s, TENSOR);
    for (int i = 0; i < 100000; i++)
        gn_str_addf(&s, "k%d: 1\n", i);
    CHECK("a hundred thousand keys are looked through quickly", parses(s.data, 24));
    gn_str_add(&s, "k77: 1\n");
    CHECK("and the one that is there twice is found",
          !parses(s.data, 24) && strstr(err.text, "k77"));
    gn_str_free(&s);
    gn_err_clear(&err);
}

int main(void)
{
    CHECK("the checksum is zlib's", gn_crc32(0, "123456789", 9) == 0xcbf43926);
    CHECK("and continues", gn_crc32(gn_crc32(0, "1234", 4), "56789", 5) == 0xcbf43926);
    fields();
    preamble();
    headers();
    hostile();
    return check_done();
}
