/* gnt.c - a whole reader of GNT1 tensor streams in one file, without a library: gn-stream(5) says
 * what it does.
 *
 *   cc -O2 -o gnt gnt.c && ./gnt < x.gnt
 *
 * Prints one line a record; ends with 1 if the stream is damaged or was cut short. Take what you
 * need. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t table[256];

static uint32_t crc32(uint32_t crc, const char *data, size_t n)
{
    crc = ~crc;
    while (n--)
        crc = table[(crc ^ (unsigned char)*data++) & 255] ^ crc >> 8;
    return ~crc;
}

static void fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
        table[i] = c;
    }
}

static void die(const char *why)
{
    fprintf(stderr, "gnt: %s\n", why);
    exit(1);
}

static void need(void *to, size_t n)
{
    if (fread(to, 1, n, stdin) != n)
        die("truncated: no end record");
}

/* n bytes of a length that the file claims: memory grows with what really comes. */
static char *need_long(size_t n)
{
    size_t have = 0, room = 0;
    char *data = NULL;

    while (have < n) {
        room = n - have > (1u << 20) + have ? 2 * have + (1u << 20) : n;
        data = realloc(data, room);
        if (!data)
            die("out of memory");
        need(data + have, room - have);
        have = room;
    }
    return data;
}

/* The value of a key in a header, up to its newline; NULL if it is not there. Escapes (\\ and \n)
 * stay as they are. */
static const char *value(const char *head, const char *key, int *n)
{
    size_t k = strlen(key);

    for (const char *line = head; *line && *line != ' '; line = strchr(line, '\n') + 1)
        if (!strncmp(line, key, k) && line[k] == ':' && line[k + 1] == ' ') {
            *n = (int)(strchr(line, '\n') - (line + k + 2));
            return line + k + 2;
        }
    return NULL;
}

static size_t itemsize(const char *dtype, int n)
{
    static const struct {
        const char *name;
        size_t size;
    } types[] = {
        {"uint8", 1},  {"int8", 1},  {"uint16", 2},  {"int16", 2},   {"uint32", 4},  {"int32", 4},
        {"uint64", 8}, {"int64", 8}, {"float16", 2}, {"float32", 4}, {"float64", 8},
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strlen(types[i].name) == (size_t)n && !memcmp(types[i].name, dtype, (size_t)n))
            return types[i].size;
    return 0;
}

int main(void)
{
    char p[65] = "", again[96];
    unsigned long long count = 0, number = 0;
    int ended = 0;
    size_t got = 0;

    fill_table();
    while ((got = fread(p, 1, 64, stdin)) > 0) {
        char kind = p[5], *head = NULL, *data = NULL, *stop = NULL;
        unsigned long long h = strtoull(p + 7, NULL, 10), n = strtoull(p + 18, NULL, 10),
                           pad = -n & 63, product = 0;
        int nd = 0, ns = 0, nn = 0;
        const char *dtype = NULL, *shape = NULL, *sample = NULL, *records = NULL;

        if (got < 64)
            die("truncated: no end record");
        if (memcmp(p, "GNT1 ", 5) || h == 0 || h % 64 || h > 1 << 20 || n > 1ull << 46)
            die("not a tensor stream");
        head = need_long((size_t)h);
        data = need_long((size_t)(n + pad));
        /* One way to write a preamble: print it again from what was read, and compare. */
        snprintf(again, sizeof again, "GNT1 %c %10llu %20llu %08x %08x       \n", kind, h, n,
                 (unsigned)crc32(crc32(0, p, 38), head, h), (unsigned)crc32(0, data, n));
        if (memcmp(p, again, 64))
            die("damaged: a checksum differs");
        for (size_t i = n; i < n + pad; i++)
            if (data[i])
                die("damaged: padding is not zero");
        if (head[--h] != '\n' || memchr(head, '\0', h))
            die("damaged: header");
        while (h > 0 && head[h - 1] == ' ')
            h--;
        if (h > 0 && head[h - 1] != '\n')
            die("damaged: header");
        head[h] = '\0'; /* without the padding, every line ends in a newline */
        ended = kind == 'E';
        if (ended) {
            records = value(head, "records", &nn);
            if (!records || strtoull(records, NULL, 10) != count || n)
                die("damaged: records are missing");
            count = 0;
        } else if (kind == 'T') {
            count++;
            dtype = value(head, "dtype", &nd);
            shape = value(head, "shape", &ns);
            sample = value(head, "sample", &nn);
            product = dtype ? itemsize(dtype, nd) : 0;
            for (const char *s = shape; s && s < shape + ns; s = stop) {
                unsigned long long size = strtoull(s, &stop, 10);

                if (stop == s || size == 0 || product > (1ull << 46) / size)
                    die("damaged: shape");
                product *= size;
            }
            if (!shape || product != n)
                die("damaged: shape and dtype do not fit the payload");
            printf("%llu %.*s %.*s %.*s\n", ++number, nd, dtype, ns, shape, sample ? nn : 1,
                   sample ? sample : "-");
        } else {
            die("unknown kind of record");
        }
        free(head);
        free(data);
    }
    if (!ended)
        die("truncated: no end record");
    return 0;
}
