/* stream.c - writing and reading back by map and by pipe; every flipped bit and every cut of a
 * stream is refused. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "check.h"
#include "stream/stream.h"

static char *good; /* a stream of about 20 KB */
static size_t good_n;

static void add(struct gn_writer *w, int i, enum gn_dtype dtype, int64_t x)
{
    struct gn_record r = {0};
    struct gn_err err = {0};
    struct gn_tensor t;

    if (gn_tensor_new4(&t, dtype, 1, 3, 5, x, &err) < 0)
        abort();
    for (int64_t k = 0; k < gn_tensor_count(&t); k++)
        gn_tensor_set(&t, k, (double)(k * 7 % 101));
    gn_record_set(&r, "sample", "s%d", i / 2);
    gn_record_set(&r, "role", i % 2 ? "label" : "image");
    gn_record_set(&r, "name", "T1 w\nof \\ %d", i);
    gn_record_set(&r, "affine", "1 0 0 0 0 1 0 0 0 0 1 0");
    gn_record_set(&r, "acme.dose", "%d mg", i);
    gn_record_take(&r, &t, NULL);
    if (gn_writer_put(w, &r) < 0)
        abort();
    gn_record_free(&r);
}

static void make(const char *path, int64_t failed)
{
    struct gn_err err = {0};
    struct gn_writer *w = gn_writer_open(path, &err);

    if (!w)
        abort();
    for (int i = 0; i < 6; i++)
        add(w, i, i % 2 ? GN_UINT8 : GN_FLOAT32, 60 + i);
    if (gn_writer_end(w, failed) < 0)
        abort();
    gn_writer_free(w);
}

/* Records of the stream, payloads looked at; -1 with the text in why. */
static char why[1000];
static int64_t left_out;
static int64_t count(const char *path)
{
    struct gn_err err = {0};
    struct gn_stream *s = gn_stream_open(path, &err);
    struct gn_record r = {0};
    int64_t n = 0;
    int rc = -1;

    while (s && (rc = gn_stream_next(s, &r)) == 1) {
        n++;
        if (!gn_record_data(&r, &err)) {
            rc = -1;
            break;
        }
    }
    snprintf(why, sizeof why, "%s", err.code ? err.text : s ? gn_stream_error(s)->text : "");
    left_out = s ? gn_stream_failed(s) : 0;
    gn_record_free(&r);
    gn_stream_close(s);
    return rc == 0 ? n : -1;
}

static int memory = -1; /* a file in memory, rewritten for every case */
static int64_t by_map(const char *data, size_t n)
{
    char path[64];

    if (memory < 0)
        memory = memfd_create("stream", MFD_CLOEXEC);
    if (ftruncate(memory, (off_t)n) < 0 || pwrite(memory, data, n, 0) != (ssize_t)n)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    return count(path);
}

struct feed {
    int fd;
    const char *data;
    size_t n, step;
};

static void *feed(void *arg)
{
    struct feed *f = arg;

    for (size_t at = 0; at < f->n;) {
        size_t k = f->n - at < f->step ? f->n - at : f->step;
        ssize_t put = write(f->fd, f->data + at, k);

        if (put < 0)
            break;
        at += (size_t)put;
    }
    close(f->fd);
    return NULL;
}

/* Through a pipe, step bytes a write; what fits a pipe is written before the reader starts. */
static int64_t by_pipe(const char *data, size_t n, size_t step)
{
    struct feed f = {.data = data, .n = n, .step = step};
    char path[64];
    pthread_t thread;
    int fd[2];
    int64_t got = 0;

    if (pipe(fd) < 0)
        abort();
    f.fd = fd[1];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd[0]);
    if (n <= 60000 && step >= n) {
        feed(&f);
        got = count(path);
        close(fd[0]);
    } else {
        pthread_create(&thread, NULL, feed, &f);
        got = count(path);
        close(fd[0]);
        pthread_join(thread, NULL);
    }
    return got;
}

static void damage(void)
{
    char *bad = malloc(good_n);
    size_t map_missed = 0, pipe_missed = 0;

    memcpy(bad, good, good_n);
    for (size_t bit = 0; bit < 8 * good_n; bit++) {
        bad[bit / 8] ^= (char)(1 << bit % 8);
        map_missed += by_map(bad, good_n) >= 0;
        pipe_missed += by_pipe(bad, good_n, good_n) >= 0;
        bad[bit / 8] ^= (char)(1 << bit % 8);
    }
    CHECK("every flipped bit of a mapped stream is refused", map_missed == 0);
    CHECK("every flipped bit of a piped stream is refused", pipe_missed == 0);
    map_missed = pipe_missed = 0;
    for (size_t n = 0; n < good_n; n++) {
        map_missed += by_map(good, n) >= 0 || !why[0];
        pipe_missed += by_pipe(good, n, good_n) >= 0 || !why[0];
    }
    CHECK("every cut of a mapped stream is refused", map_missed == 0);
    CHECK("every cut of a piped stream is refused", pipe_missed == 0);
    free(bad);
}

static void whole(void)
{
    char *two = malloc(2 * good_n);

    CHECK("a stream reads back by map", by_map(good, good_n) == 6);
    CHECK("and by pipe", by_pipe(good, good_n, good_n) == 6);
    CHECK("and byte by byte", by_pipe(good, good_n, 1) == 6);
    CHECK("and in odd pieces", by_pipe(good, good_n, 1009) == 6);
    memcpy(two, good, good_n);
    memcpy(two + good_n, good, good_n);
    CHECK("two streams in a row are a stream, mapped", by_map(two, 2 * good_n) == 12);
    CHECK("two streams in a row are a stream, piped", by_pipe(two, 2 * good_n, 4096) == 12);
    CHECK("no bytes are an error that says so, mapped", by_map("", 0) < 0 && strstr(why, "empty"));
    CHECK("no bytes are an error that says so, piped",
          by_pipe("", 0, 1) < 0 && strstr(why, "empty"));
    CHECK("the end record alone is an empty stream",
          by_map(good + good_n - 128, 128) < 0 && strstr(why, "records"));
    CHECK("a stream without its end says truncated",
          by_map(good, good_n - 128) < 0 && strstr(why, "truncated: no end record"));
    CHECK("a missing record is noticed", by_map(good + good_n / 3 / 64 * 64, 64) < 0);
    CHECK("another file is named as what it is not",
          by_map("hello", 5) < 0 && strstr(why, "not a tensor stream"));
    memcpy(two + good_n, "trailing", 8);
    CHECK("bytes after the end are an error",
          by_map(two, good_n + 8) < 0 && by_pipe(two, good_n + 8, good_n) < 0);
    free(two);
    make("failed.gnt", 3);
    CHECK("subjects left out are passed on", count("failed.gnt") == 6 && left_out == 3);
    CHECK("a folder is refused", count(".") < 0 && strstr(why, "folder"));
    CHECK("a missing file is refused",
          count("none.gnt") < 0 && strstr(why, "none.gnt: cannot open"));
}

static void empty_stream(void)
{
    struct gn_err err = {0};
    struct gn_writer *w = gn_writer_open("empty.gnt", &err);
    char *data = NULL;
    size_t n = 0;

    CHECK("nothing appears before the end", w && access("empty.gnt", F_OK) < 0);
    CHECK("an empty stream is 128 bytes",
          gn_writer_end(w, 0) == 0 && gn_file_read("empty.gnt", 1000, &data, &n, &err) == 0 &&
              n == 128 && count("empty.gnt") == 0);
    CHECK("a record after the end is refused", gn_writer_end(w, 0) < 0);
    gn_writer_free(w);
    free(data);
    w = gn_writer_open("never.gnt", &err);
    add(w, 0, GN_UINT8, 4);
    gn_writer_free(w);
    CHECK("a writer freed without its end leaves no file", access("never.gnt", F_OK) < 0);
}

static void reading(void)
{
    struct gn_err err = {0};
    struct gn_stream *s = gn_stream_open("good.gnt", &err);
    struct gn_record r = {0}, p = {0};
    int64_t second = 0;
    float *data = NULL;

    CHECK("peek shows the header without the payload",
          s && gn_stream_peek(s, &p) == 1 && !p.tensor.data &&
              !strcmp(gn_record_get(&p, "acme.dose"), "0 mg"));
    CHECK("peek again shows the same",
          gn_stream_peek(s, &p) == 1 && !strcmp(gn_record_get(&p, "acme.dose"), "0 mg"));
    CHECK("next returns it whole",
          gn_stream_next(s, &r) == 1 && !strcmp(gn_record_get(&r, "name"), "T1 w\nof \\ 0"));
    CHECK("mapped payloads are aligned to 64", (uintptr_t)r.tensor.data % 64 == 0);
    data = gn_record_data(&r, &err);
    gn_record_touch(&r);
    data[1] = 5;
    second = gn_stream_tell(s);
    CHECK("records are numbered", gn_stream_next(s, &r) == 1 && gn_stream_number(s) == 2);
    CHECK("a map jumps", gn_stream_seek(s, second) == 0 && gn_stream_next(s, &r) == 1 &&
                             !strcmp(gn_record_get(&r, "acme.dose"), "1 mg"));
    CHECK("and back, where an edit in place stays its own",
          gn_stream_seek(s, 0) == 0 && gn_stream_next(s, &r) == 1);
    CHECK("no record starts at odd places", gn_stream_seek(s, 7) < 0);
    CHECK("errors are sticky", gn_stream_next(s, &r) < 0 && gn_stream_peek(s, &r) < 0);
    gn_stream_close(s);
    CHECK("the file did not change", count("good.gnt") == 6);
    gn_record_free(&r);
    gn_record_free(&p);
}

static void forwarding(void)
{
    struct gn_err err = {0};
    struct gn_stream *s = gn_stream_open("good.gnt", &err);
    struct gn_writer *w = gn_writer_open("again.gnt", &err);
    struct gn_record r = {0};
    char *data = NULL;
    size_t n = 0;

    while (gn_stream_next(s, &r) == 1)
        if (gn_writer_put(w, &r) < 0)
            abort();
    CHECK("a forwarder writes the same bytes",
          gn_writer_end(w, 0) == 0 && gn_file_read("again.gnt", good_n, &data, &n, &err) == 0 &&
              n == good_n && !memcmp(data, good, n));
    gn_stream_close(s);
    gn_writer_free(w);
    gn_record_free(&r);
    free(data);
}

/* A preamble and header that are right but promise 32 TiB, and a few bytes of it. */
static void lies(void)
{
    const char *lines = "dtype: uint8\nshape: 35184372088832\naxes: x\n";
    struct gn_str s = {0};
    struct gn_preamble p = {.kind = 'T', .header = 64, .payload = (size_t)1 << 45};
    char b[GN_PREAMBLE], *at = NULL;
    struct rusage use;

    gn_preamble_print(&p, b);
    gn_str_addn(&s, b, sizeof b);
    gn_str_add(&s, lines);
    gn_header_pad(&s, 64);
    at = s.data;
    p.header_crc = gn_crc32(gn_crc32(0, b, 38), at + 64, 64);
    gn_preamble_print(&p, at);
    gn_str_add(&s, "a few bytes");
    CHECK("a length beyond --memory is refused",
          by_pipe(s.data, s.len, s.len) < 0 && strstr(why, "--memory"));
    gn_mem_set_limit((size_t)1 << 46);
    CHECK("a length that lies is a truncation",
          by_pipe(s.data, s.len, s.len) < 0 && strstr(why, "truncated"));
    CHECK("also in a file", by_map(s.data, s.len) < 0 && strstr(why, "truncated"));
    gn_mem_set_limit((size_t)1 << 32);
    getrusage(RUSAGE_SELF, &use);
    CHECK("and takes no memory", use.ru_maxrss < 1 << 20);
    gn_str_free(&s);
}

static void big(void)
{
    struct gn_err err = {0};
    struct gn_writer *w = gn_writer_open("big.gnt", &err);
    char *data = NULL;
    size_t n = 0;

    add(w, 0, GN_FLOAT64, 40000);
    add(w, 1, GN_FLOAT64, 70001);
    add(w, 2, GN_UINT8, 3);
    CHECK("large records are written",
          gn_writer_end(w, 0) == 0 && gn_file_read("big.gnt", 1 << 30, &data, &n, &err) == 0);
    CHECK("and read by map and pipe",
          by_map(data, n) == 3 && by_pipe(data, n, n) == 3 && by_pipe(data, n, 65537) == 3);
    data[n - 300] ^= 1;
    CHECK("a bit near the end is noticed", by_map(data, n) < 0 && by_pipe(data, n, n) < 0);
    gn_writer_free(w);
    free(data);
}

static void early_reader(void)
{
    struct gn_err err = {0};
    struct gn_writer *w = NULL;
    char path[64];
    int fd[2];

    signal(SIGPIPE, SIG_IGN);
    if (pipe(fd) < 0)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd[1]);
    w = gn_writer_open(path, &err);
    close(fd[0]);
    add(w, 0, GN_UINT8, 10); /* aborts the test if it fails */
    CHECK("a reader that left is no error", gn_writer_closed(w) && gn_writer_end(w, 0) == 0);
    gn_writer_free(w);
    close(fd[1]);
}

/* The packing of draws that gn-stream(5) states, with its vectors: "seed sample image epoch patch
 * op index", then words. */
static void draws(void)
{
    const char *top = getenv("GN_TOP");
    char path[4096], line[200], sample[32], image[32];
    unsigned long long seed = 0, index = 0;
    unsigned epoch = 0, patch = 0, op = 0;
    uint32_t want[4], got[4];
    int seen = 0, right = 0;
    FILE *f = NULL;

    snprintf(path, sizeof path, "%s/man/gn-stream.5", top ? top : ".");
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f) && !strstr(line, "Test vectors"))
        ;
    while (f && fgets(line, sizeof line, f)) {
        char plain[200];
        size_t n = 0;

        for (const char *p = line; *p; p++) /* troff writes \\- for a dash */
            if (*p != '\\')
                plain[n++] = *p;
        plain[n] = '\0';
        if (sscanf(plain, "%llu %31s %31s %u %u %u %llu", &seed, sample, image, &epoch, &patch, &op,
                   &index) == 7) {
            struct gn_draw d = gn_draw_at(seed, sample, strcmp(image, "-") ? image : NULL, epoch,
                                          patch, (uint8_t)op);

            gn_draw_bits(&d, index, got);
            seen++;
            if (fgets(line, sizeof line, f) &&
                sscanf(line, "%x %x %x %x", &want[0], &want[1], &want[2], &want[3]) == 4)
                right += !memcmp(want, got, sizeof got);
            if (seen == 1)
                CHECK("the uniform number in gn-stream(5) is the first vector's",
                      gn_draw_uniform(&d, index) == 0.090526405398515641);
        }
    }
    if (f)
        fclose(f);
    CHECK("the vectors in gn-stream(5) are what is drawn", seen == 4 && right == 4);
}

int main(void)
{
    struct gn_err err = {0};

    make("good.gnt", 0);
    if (gn_file_read("good.gnt", 1 << 20, &good, &good_n, &err) < 0)
        return 1;
    CHECK("the stream has about 20 KB", good_n > 10000 && good_n < 30000);
    whole();
    empty_stream();
    reading();
    forwarding();
    lies();
    big();
    early_reader();
    draws();
    damage();
    free(good);
    return check_done();
}
