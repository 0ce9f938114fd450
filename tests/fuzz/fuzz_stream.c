/* fuzz_stream.c - any bytes give records or an error, the same from a file and from a pipe; what
 * was read is written back as the same bytes. Checksums are put right first, else nothing but
 * checksums would be tested; a first byte of 'r' leaves the rest as it is. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "stream/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 60000 }; /* fits a pipe */

static void insist(int ok)
{
    if (!ok)
        abort();
}

static size_t number(const char *s, int n)
{
    char text[24] = {0};

    memcpy(text, s, (size_t)n);
    return (size_t)strtoull(text, NULL, 10);
}

static void mend(char *p, size_t n)
{
    for (size_t at = 0; n - at >= GN_PREAMBLE;) {
        size_t header = number(p + at + 7, 10), payload = number(p + at + 18, 20),
               left = n - at - GN_PREAMBLE;
        char crc[9];

        if (header > left || payload > left - header)
            return;
        snprintf(crc, sizeof crc, "%08x",
                 gn_crc32(gn_crc32(0, p + at, 38), p + at + GN_PREAMBLE, header));
        memcpy(p + at + 39, crc, 8);
        snprintf(crc, sizeof crc, "%08x", gn_crc32(0, p + at + GN_PREAMBLE + header, payload));
        memcpy(p + at + 48, crc, 8);
        at += GN_PREAMBLE + header + payload;
        at = (at + GN_PREAMBLE - 1) / GN_PREAMBLE * GN_PREAMBLE;
        if (at > n)
            return;
    }
}

/* Records read from a descriptor, or -1; written to path if that is not NULL. */
static int64_t count(int fd, const char *path)
{
    struct gn_err err = {0};
    struct gn_sample sample = {0};
    struct gn_writer *w = path ? gn_writer_open(path, &err) : NULL;
    struct gn_stream *s = NULL;
    char name[64];
    int64_t n = 0;
    int rc = -1;

    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    s = gn_stream_open(name, &err);
    insist(s != NULL);
    while ((rc = gn_sample_next(s, &sample)) == 1) {
        insist(sample.n > 0 && gn_sample_name(&sample)[0]);
        for (size_t i = 0; i < sample.n && rc == 1; i++)
            if (!gn_record_data(&sample.rec[i], &err))
                rc = -1;
        if (rc < 0)
            break;
        n += (int64_t)sample.n;
        if (w)
            insist(gn_sample_put(w, &sample) == 0);
    }
    insist(rc == 0 || (rc == -1 && (err.code || gn_stream_error(s)->code)));
    if (w && rc == 0)
        insist(gn_writer_end(w, gn_stream_failed(s)) == 0);
    gn_writer_free(w);
    gn_sample_free(&sample);
    gn_stream_close(s);
    return rc == 0 ? n : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int memory = -1;
    struct gn_err err = {0};
    int raw = size > 0 && data[0] == 'r', fd[2];
    size_t n = size - (size_t)raw, back_n = 0;
    int64_t mapped = 0, piped = 0;
    char *p = NULL, *back = NULL, path[64];

    if (n > MOST)
        return 0;
    if (memory < 0)
        memory = memfd_create("fuzz", MFD_CLOEXEC);
    gn_mem_set_limit(1 << 24);
    p = gn_alloc(n + 1);
    memcpy(p, data + raw, n);
    if (!raw)
        mend(p, n);
    insist(ftruncate(memory, 0) == 0 && pwrite(memory, p, n, 0) == (ssize_t)n && pipe(fd) == 0);
    insist(write(fd[1], p, n) == (ssize_t)n);
    close(fd[1]);
    snprintf(path, sizeof path, "/tmp/gn-fuzz-%d.gnt", (int)getpid());
    mapped = count(memory, path);
    piped = count(fd[0], NULL);
    close(fd[0]);
    insist(mapped == piped);
    if (mapped >= 0) {
        insist(gn_file_read(path, 1 << 20, &back, &back_n, &err) == 0);
        /* unless it is several streams in a row, or holds keys in the end record that nobody knows
         */
        if (back_n == n)
            insist(!memcmp(back, p, n - 2 * GN_PREAMBLE));
        unlink(path);
    }
    free(back);
    free(p);
    return 0;
}
