/* bench_stream.c - the stream's own speed: bench_stream FOLDER
 *
 *   pipe       a writer and a reader, two processes, both taking checksums; after the first record
 *   rawpipe    the same bytes by write and read alone: the limit
 *   mapped     every payload of a mapped file compared with its checksum
 *
 * Records are a study of four float32 channels of 240x240x155: 143 MB. WORK is bytes. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "peak.h"
#include "serve.h"
#include "stream/stream.h"

enum { RECORDS = 4, MAPPED = 2, CHUNK = 1 << 20 };

static const int64_t shape[4] = { 4, 155, 240, 240 };
static struct gn_record record;
static size_t bytes;
static char *folder;

static void prepare(void)
{
    struct gn_err err = { 0 };
    struct gn_tensor t;
    float *v;

    if (gn_tensor_new(&t, GN_FLOAT32, 4, shape, &err) < 0 ||
        gn_tensor_bytes(&t, &bytes, &err) < 0) {
        fprintf(stderr, "bench_stream: %s\n", err.text);
        exit(1);
    }
    v = t.data;
    for (size_t i = 0; i < bytes / sizeof *v; i++)
        v[i] = (float)(i * 2654435761u % 4096);
    gn_record_take(&record, &t, NULL);
    gn_record_set(&record, "sample", "s");
    gn_record_set(&record, "role", "image");
}

static int write_stream(const char *path, int n)
{
    struct gn_err err = { 0 };
    struct gn_writer *w = gn_writer_open(path, &err);
    int rc = w ? 0 : -1;

    for (int i = 0; rc == 0 && i < n; i++)
        rc = gn_writer_put(w, &record);
    if (rc == 0)
        rc = gn_writer_end(w, 0);
    if (w)
        gn_writer_free(w);
    return rc;
}

static int write_raw(int fd)
{
    fcntl(fd, F_SETPIPE_SZ, CHUNK);
    for (int i = 0; i < RECORDS; i++)
        for (size_t at = 0; at < bytes;) {
            ssize_t put = write(fd, (char *)record.tensor.data + at, bytes - at);
            if (put <= 0)
                return -1;
            at += (size_t)put;
        }
    return 0;
}

/* Seconds from the end of the first record to the end of the last; -1. */
static double read_stream(void)
{
    struct gn_err err = { 0 };
    struct gn_stream *s = gn_stream_open("-", &err);
    struct gn_record r = { 0 };
    double start = 0, end = -1;
    int n = 0;

    while (s && gn_stream_next(s, &r) == 1) {
        end = bench_now();
        if (n++ == 0)
            start = end;
    }
    return s && !gn_stream_error(s)->code && n == RECORDS ? end - start : -1;
}

static double read_raw(int fd)
{
    char *to = gn_alloc(bytes);
    double start = 0, end = 0;

    for (int i = 0; i < RECORDS; i++) {
        for (size_t at = 0; at < bytes;) {
            ssize_t got = read(fd, to + at, bytes - at < CHUNK ? bytes - at : CHUNK);
            if (got <= 0)
                return -1;
            at += (size_t)got;
        }
        end = bench_now();
        if (i == 0)
            start = end;
    }
    return end - start;
}

static double piped(bool raw, double *work)
{
    int data[2], result[2], status;
    double seconds = -1;
    pid_t child[2];

    if (pipe(data) || pipe(result))
        return -1;
    child[0] = fork();
    if (child[0] == 0) {
        dup2(data[1], 1);
        close(data[0]), close(data[1]);
        _exit(raw ? -write_raw(1) : -write_stream("-", RECORDS));
    }
    child[1] = fork();
    if (child[1] == 0) {
        dup2(data[0], 0);
        close(data[0]), close(data[1]);
        seconds = raw ? read_raw(0) : read_stream();
        _exit(write(result[1], &seconds, sizeof seconds) == sizeof seconds ? 0 : 1);
    }
    close(data[0]), close(data[1]), close(result[1]);
    if (read(result[0], &seconds, sizeof seconds) != sizeof seconds)
        seconds = -1;
    close(result[0]);
    for (int i = 0; i < 2; i++)
        if (waitpid(child[i], &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
            seconds = -1;
    *work = (double)bytes * (RECORDS - 1);
    return seconds;
}

static double mapped(double *work)
{
    static char *path;
    struct gn_err err = { 0 };
    struct gn_record r = { 0 };
    struct gn_stream *s;
    double t;
    int n = 0;

    if (!path) {
        path = gn_asprintf("%s/mapped.gnt", folder);
        if (write_stream(path, MAPPED) < 0)
            return -1;
    }
    t = bench_now();
    s = gn_stream_open(path, &err);
    while (s && gn_stream_next(s, &r) == 1 && gn_record_data(&r, &err))
        n++;
    gn_stream_close(s);
    t = bench_now() - t;
    gn_record_free(&r);
    *work = (double)bytes * MAPPED;
    return n == MAPPED ? t : -1;
}

static double run(const char *line, double *work)
{
    if (!strcmp(line, "pipe") || !strcmp(line, "rawpipe"))
        return piped(line[0] == 'r', work);
    return strcmp(line, "mapped") ? -1 : mapped(work);
}

int main(int argc, char **argv)
{
    folder = argc > 1 ? argv[1] : ".";
    prepare();
    return bench_serve(run);
}
