/* gzip.c - gzip in memory: members, padding, claims, damage. */
#include <stdlib.h>

#include "../../libcore/base/mem.h"
#include "../../libcore/io/format.h"
#include "check.h"

static struct gn_err err;
static uint8_t text[100000];

static size_t pack(uint8_t **to, const void *from, size_t n)
{
    void *out;
    size_t m;
    if (gn_gzip_deflate(from, n, 6, &out, &m, &err))
        abort();
    *to = out;
    return m;
}

/* 1 and the bytes if it inflates to n bytes of text from start. */
static int gives(const void *in, size_t n, size_t claim, size_t want)
{
    void *out;
    size_t m;
    int ok;
    gn_err_clear(&err);
    if (gn_gzip_inflate(in, n, claim, &out, &m, &err))
        return 0;
    ok = m == want && memcmp(out, text, want) == 0;
    free(out);
    return ok;
}

static int refuses(const void *in, size_t n, size_t claim, const char *why)
{
    void *out;
    size_t m;
    gn_err_clear(&err);
    if (gn_gzip_inflate(in, n, claim, &out, &m, &err) == 0) {
        free(out);
        return 0;
    }
    if (!strstr(err.text, why))
        printf("# %s\n", err.text);
    return strstr(err.text, why) != NULL && !out;
}

int main(void)
{
    uint8_t *a, *b, *zeros, buffer[2000] = { 0 }, *both;
    size_t na, nb, nz, got;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * i >> 7 ^ i);
    na = pack(&a, text, 60000);
    nb = pack(&b, text + 60000, 40000);
    both = malloc(na + nb + 512);
    memcpy(both, a, na);
    memcpy(both + na, b, nb);
    memset(both + na + nb, 0, 512);

    CHECK("one member", gives(a, na, 60000, 60000));
    CHECK("one member of unknown size", gives(a, na, 0, 60000));
    CHECK("two members", gives(both, na + nb, 100000, 100000));
    CHECK("two members of unknown size", gives(both, na + nb, 0, 100000));
    CHECK("zeros after the last member are padding", gives(both, na + nb + 512, 100000, 100000));
    CHECK("fewer bytes than claimed are refused", refuses(a, na, 60001, "truncated: holds 60000"));
    CHECK("more bytes than claimed are refused", refuses(a, na, 59999, "holds more"));
    both[na + nb + 300] = 1;
    CHECK("other bytes after the last member are refused",
          refuses(both, na + nb + 512, 100000, "after the gzip data"));
    CHECK("junk right after a member is refused",
          refuses(both, na + nb + 512, 0, "after the gzip data"));
    int accepted = 0;
    for (size_t n = 0; n < na; n += n + 40 < na && n > 40 ? 37 : 1)
        accepted += gives(a, n, 60000, 60000) || gives(a, n, 0, 60000);
    CHECK("no truncation inflates", accepted == 0);
    a[na - 6] ^= 1;
    CHECK("a wrong checksum is refused", refuses(a, na, 60000, "damaged"));
    a[na - 6] ^= 1;
    a[na - 2] ^= 1;
    CHECK("a wrong length field is refused", refuses(a, na, 60000, "damaged"));
    a[na - 2] ^= 1;
    CHECK("an empty file and other data are told apart",
          refuses(a, 0, 10, "empty") && refuses(text, 100, 10, "not gzip"));

    uint8_t *nothing = calloc(1, 1 << 20);
    nz = pack(&zeros, nothing, 1 << 20);
    CHECK("a megabyte of zeros is no bomb", refuses(zeros, nz, 1 << 20, "x") == 0 && err.code == 0);
    CHECK("a claim above 1032 times the bytes is refused before memory is asked for",
          refuses(zeros, nz, nz * 1032 + 1, "compressed bytes can hold"));
    gn_mem_set_limit(1 << 19);
    CHECK("a claim above the memory limit is refused", refuses(zeros, nz, 1 << 20, "--memory"));
    CHECK("so is growth above it", refuses(zeros, nz, 0, "--memory"));
    gn_mem_set_limit((size_t)1 << 30);

    gn_err_clear(&err);
    CHECK("peek", gn_gzip_peek(a, na, buffer, sizeof buffer, &got, &err) == 0 &&
                      got == sizeof buffer && memcmp(buffer, text, got) == 0);
    CHECK("peek at a file cut short",
          gn_gzip_peek(a, 300, buffer, sizeof buffer, &got, &err) == 0 && got > 0 && got < 2000 &&
              memcmp(buffer, text, got) == 0);
    free(b);
    nb = pack(&b, text, 100);
    memcpy(both, b, nb);
    free(b);
    size_t nc = pack(&b, text + 100, 5000);
    memcpy(both + nb, b, nc);
    CHECK("peek goes on in the next member",
          gn_gzip_peek(both, nb + nc, buffer, sizeof buffer, &got, &err) == 0 &&
              got == sizeof buffer && memcmp(buffer, text, got) == 0);
    CHECK("peek at other data",
          gn_gzip_peek(text, 100, buffer, sizeof buffer, &got, &err) == -1 && got == 0);
    free(a);
    free(b);
    free(zeros);
    free(nothing);
    free(both);
    return check_done();
}
