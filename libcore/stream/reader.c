/* reader.c - reading GNT1 streams: one interface over mapped files and pipes.
 *
 * A map is never read before somebody asks for a payload. From a pipe, preambles and headers come
 * through a small window buffer; payloads go straight into the record's own memory, which grows as
 * bytes arrive and is kept for the next one. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "stream/stream.h"

enum {
    WINDOW = 64 << 10, /* first size of the window; a long header lets it grow to WINDOW_MAX */
    WINDOW_MAX = GN_PREAMBLE + GN_HEADER_MAX,
    CHUNK = 1 << 20,  /* most payload bytes a read: still in cache when their checksum is taken */
    RELEASE = 4 << 20 /* fewer bytes of a map are not worth a system call */
};

struct gn_stream {
    char *name;
    struct gn_err err;
    int fd;
    bool own_fd, mapped, pending, ended, count_known;
    struct gn_map map;
    size_t at, released; /* in the map: the next record; what has been given back */
    char *window;        /* of a pipe */
    size_t window_size, from, to;
    int64_t passed;         /* bytes that left the window or went to payloads */
    struct gn_preamble pre; /* of the pending record */
    int64_t in_block, number, ends, failed;
};

int gn_stream_fail(struct gn_stream *s, const char *fmt, ...)
{
    struct gn_str text = {0};
    va_list args;

    va_start(args, fmt);
    gn_str_addv(&text, fmt, args);
    va_end(args);
    gn_err_set(&s->err, "%s: %s", s->name, gn_str_text(&text));
    gn_str_free(&text);
    return -1;
}

struct gn_stream *gn_stream_open(const char *path, struct gn_err *err)
{
    struct gn_stream *s = gn_alloc(sizeof *s);
    bool standard = !strcmp(path, "-");
    struct stat st;
    off_t at = 0;

    s->name = gn_strdup(standard ? "stdin" : path);
    s->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    s->own_fd = !standard;
    s->count_known = true;
    if (s->fd < 0 || fstat(s->fd, &st) < 0) {
        gn_err_set(err, "%s: cannot open: %s", s->name, strerror(errno));
        goto fail;
    }
    if (S_ISDIR(st.st_mode)) {
        gn_err_set(err, "%s: is a folder, not a stream", s->name);
        goto fail;
    }
    if (S_ISREG(st.st_mode)) {
        at =
            lseek(s->fd, 0, SEEK_CUR); /* not 0 when something before us read from the same stdin */
        s->mapped = true;
        s->at = s->released = at > 0 ? (size_t)at : 0;
        if (st.st_size > 0 && gn_map_fd(&s->map, s->fd, s->name, err) < 0)
            goto fail;
    } else {
        s->window_size = WINDOW;
        s->window = gn_alloc(s->window_size);
    }
    return s;
fail:
    gn_stream_close(s);
    return NULL;
}

void gn_stream_close(struct gn_stream *s)
{
    if (!s)
        return;
    if (s->mapped && s->map.data)
        gn_map_close(&s->map);
    if (s->own_fd && s->fd >= 0)
        close(s->fd);
    free(s->window);
    free(s->name);
    free(s);
}

/* ---- bytes of a pipe ---- */

/* Bytes read, 0 at the end of input, -1. */
static ssize_t read_some(struct gn_stream *s, struct iovec *v, int n)
{
    for (;;) {
        ssize_t got = n == 1 ? read(s->fd, v->iov_base, v->iov_len) : readv(s->fd, v, n);

        if (got >= 0)
            return got;
        if (errno == EAGAIN) { /* somebody made the shared descriptor non-blocking */
            struct pollfd p = {.fd = s->fd, .events = POLLIN};

            poll(&p, 1, -1);
        } else if (errno != EINTR) {
            gn_stream_fail(s, "read error: %s", strerror(errno));
            return -1;
        }
    }
}

/* Have n bytes in the window, or as many as there are. Returns how many, at most n; -1. */
static ssize_t window_fill(struct gn_stream *s, size_t n)
{
    while (s->to - s->from < n) {
        struct iovec v;
        ssize_t got = 0;

        if (s->from > 0 && s->window_size - s->from < n) {
            memmove(s->window, s->window + s->from, s->to - s->from);
            s->to -= s->from;
            s->from = 0;
        }
        if (n > s->window_size) {
            s->window_size = WINDOW_MAX;
            s->window = gn_realloc(s->window, s->window_size);
        }
        v = (struct iovec){s->window + s->to, s->window_size - s->to};
        got = read_some(s, &v, 1);
        if (got < 0)
            return -1;
        if (got == 0)
            return (ssize_t)(s->to - s->from);
        s->to += (size_t)got;
    }
    return (ssize_t)n;
}

static void window_drop(struct gn_stream *s, size_t n)
{
    s->from += n;
    s->passed += (int64_t)n;
    if (s->from == s->to)
        s->from = s->to = 0;
}

/* Room for more of `total` bytes when `have` have arrived: at first a chunk, then four times what
 * is there. A length that lies costs no more than a few times the bytes that really came. */
static int grow(struct gn_record *r, size_t have, size_t total, struct gn_err *err)
{
    size_t size = have < CHUNK ? CHUNK : 4 * have;
    void *p = NULL;

    if (have < r->buffer_size)
        return 0;
    if (size > total)
        size = total;
    if (!(p = gn_try_alloc_raw(size, err)))
        return -1;
    if (have)
        memcpy(p, r->buffer, have);
    gn_recycle(r->buffer);
    r->buffer = p;
    r->buffer_size = size;
    return 0;
}

static int pipe_payload(struct gn_stream *s, struct gn_record *r)
{
    size_t n = s->pre.payload, total = n + gn_padding(n), have = 0;
    uint32_t crc = 0;

    if (n > gn_mem_limit())
        return gn_stream_fail(
            s, "record %lld: payload of %zu bytes is more than the limit of %zu (--memory)",
            (long long)s->number, n, gn_mem_limit());
    while (have < total) {
        size_t room = 0, fresh = 0, sum = 0;
        char *to = NULL;

        if (grow(r, have, total, &s->err) < 0)
            return gn_err_wrap(&s->err, "%s: record %lld", s->name, (long long)s->number);
        to = (char *)r->buffer + have;
        room = (r->buffer_size < total ? r->buffer_size : total) - have;
        if (s->from < s->to) {
            fresh = s->to - s->from < room ? s->to - s->from : room;
            memcpy(to, s->window + s->from, fresh);
            window_drop(s, fresh);
        } else {
            struct iovec v[2] = {{to, room < CHUNK ? room : CHUNK}, {s->window, WINDOW}};
            /* what comes after the payload's end goes to the window in the same call */
            ssize_t got = read_some(s, v, v[0].iov_len == total - have ? 2 : 1);

            if (got < 0)
                return -1;
            if (got == 0)
                return gn_stream_fail(s, "truncated: no end record");
            fresh = (size_t)got < v[0].iov_len ? (size_t)got : v[0].iov_len;
            s->from = 0;
            s->to = (size_t)got - fresh;
            s->passed += (int64_t)fresh;
        }
        sum = have >= n ? 0 : n - have < fresh ? n - have : fresh;
        crc = gn_crc32(crc, to, sum);
        for (size_t i = sum; i < fresh; i++)
            if (to[i])
                return gn_stream_fail(s, "record %lld: payload is damaged: padding is not zero",
                                      (long long)s->number);
        have += fresh;
    }
    if (crc != s->pre.payload_crc)
        return gn_stream_fail(s, "record %lld: payload is damaged: checksum %08x, recorded %08x",
                              (long long)s->number, crc, s->pre.payload_crc);
    r->tensor.data = r->buffer;
    r->verified = true;
    return 0;
}

/* ---- records ---- */

/* n bytes from where the next record starts, as far as they exist (*got); NULL on a read error. */
static const char *look(struct gn_stream *s, size_t n, size_t *got)
{
    ssize_t have = 0;

    if (s->mapped) {
        size_t left = s->map.size > s->at ? s->map.size - s->at : 0;

        *got = left < n ? left : n;
        return left ? s->map.data + s->at : "";
    }
    have = window_fill(s, n);
    *got = have < 0 ? 0 : (size_t)have;
    return have < 0 ? NULL : s->window + s->from;
}

static void skip(struct gn_stream *s, size_t n)
{
    if (s->mapped)
        s->at += n;
    else
        window_drop(s, n);
}

static int end_record(struct gn_stream *s, const char *head)
{
    struct gn_record r = {0};
    int64_t records = 0, failed = 0;
    int rc = -1;

    if (gn_header_parse(&r, head, s->pre.header, 0, 'E', &s->err) < 0 ||
        gn_record_ints(&r, "records", &records, 1, &s->err) < 0 ||
        (gn_record_get(&r, "failed") && gn_record_ints(&r, "failed", &failed, 1, &s->err) < 0)) {
        gn_err_wrap(&s->err, "%s: end record", s->name);
    } else if (records < 0 || failed < 0 || (gn_record_get(&r, "failed") && failed == 0)) {
        gn_stream_fail(s, "end record: counts below what is possible");
    } else if (s->count_known && records != s->in_block) {
        gn_stream_fail(s, "damaged: %lld records where the end record says %lld",
                       (long long)s->in_block, (long long)records);
    } else {
        s->failed += failed;
        s->in_block = 0;
        s->ends++;
        s->ended = s->count_known = true;
        rc = 0;
    }
    gn_record_free(&r);
    return rc;
}

/* Get to the preamble of the next record of kind T, past end records. *head: its header, right
 * after it. 1, 0, -1. */
static int advance(struct gn_stream *s, const char **head)
{
    if (s->err.code)
        return -1;
    for (;;) {
        size_t got = 0, whole = 0;
        const char *p = look(s, GN_PREAMBLE, &got);

        if (!p)
            return -1;
        if (got == 0 && s->ended)
            return 0;
        if (got == 0 && s->number == 0 && s->ends == 0)
            return gn_stream_fail(s, "empty: not even an end record");
        /* a cut preamble and another kind of file look alike: the first bytes tell them apart */
        if (got < GN_PREAMBLE && memcmp(p, "GNT1", got < 4 ? got : 4))
            return gn_stream_fail(s, "not a tensor stream (its first bytes are not GNT1)");
        if (got < GN_PREAMBLE)
            return gn_stream_fail(s, "truncated: no end record");
        if (!s->pending && gn_preamble_parse(p, &s->pre, &s->err) < 0)
            goto damaged;
        whole = GN_PREAMBLE + s->pre.header;
        p = look(s, whole, &got);
        if (!p)
            return -1;
        if (got < whole)
            return gn_stream_fail(s, "truncated: no end record");
        if (!s->pending &&
            gn_crc32(gn_crc32(0, p, 38), p + GN_PREAMBLE, s->pre.header) != s->pre.header_crc) {
            gn_err_set(&s->err, "damaged: header checksum differs");
            goto damaged;
        }
        *head = p + GN_PREAMBLE;
        if (s->pre.kind == 'T') {
            s->pending = true;
            return 1;
        }
        if (end_record(s, *head) < 0)
            return -1;
        skip(s, whole);
    }
damaged:
    return s->number == 0 && s->ends == 0
               ? gn_err_wrap(&s->err, "%s", s->name)
               : gn_err_wrap(&s->err, "%s: record %lld", s->name, (long long)s->number + 1);
}

static int parse(struct gn_stream *s, struct gn_record *r, const char *head)
{
    if (gn_header_parse(r, head, s->pre.header, s->pre.payload, 'T', &s->err) < 0)
        return gn_err_wrap(&s->err, "%s: record %lld", s->name, (long long)s->number + 1);
    return 1;
}

int gn_stream_peek(struct gn_stream *s, struct gn_record *r)
{
    const char *head = NULL;
    int rc = advance(s, &head);

    if (rc == 1)
        rc = parse(s, r, head);
    if (rc != 1)
        gn_record_reset(r);
    return rc;
}

int gn_stream_next(struct gn_stream *s, struct gn_record *r)
{
    const char *head = NULL;
    size_t n = 0;
    int rc = advance(s, &head);

    if (rc != 1 || parse(s, r, head) < 0)
        goto none;
    n = s->pre.payload;
    s->pending = s->ended = false;
    s->number++;
    s->in_block++;
    skip(s, GN_PREAMBLE + s->pre.header);
    if (s->mapped) {
        if (s->map.size - s->at < n + gn_padding(n)) {
            gn_stream_fail(s, "truncated: no end record");
            goto none;
        }
        r->tensor.data = s->map.data + s->at;
        skip(s, n + gn_padding(n));
    } else if (pipe_payload(s, r) < 0) {
        goto none;
    }
    r->crc = s->pre.payload_crc;
    r->crc_known = true;
    return 1;
none:
    gn_record_reset(r);
    return s->err.code ? -1 : 0;
}

/* Edited pages of a private map are ours alone and would stay; dropped ones come back from the file
 * if ever needed. */
void gn_stream_release(struct gn_stream *s)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), from = 0, to = 0;

    if (!s->mapped || !s->map.data || s->at < s->released + RELEASE)
        return;
    from = (s->released + page - 1) / page * page;
    to = (s->at < s->map.size ? s->at : s->map.size) / page * page;
    if (to > from)
        madvise(s->map.data + from, to - from, MADV_DONTNEED);
    s->released = to;
}

int64_t gn_stream_tell(const struct gn_stream *s)
{
    return s->mapped ? (int64_t)s->at : s->passed;
}

int gn_stream_seek(struct gn_stream *s, int64_t offset)
{
    if (s->err.code)
        return -1;
    if (!s->mapped)
        return gn_stream_fail(s, "a pipe cannot be read at any place: give a file");
    if (offset < 0 || (uint64_t)offset > s->map.size || offset % GN_PREAMBLE)
        return gn_stream_fail(s, "no record at byte %lld", (long long)offset);
    s->at = s->released = (size_t)offset;
    s->pending = s->ended = s->count_known = false;
    return 0;
}

bool gn_stream_mapped(const struct gn_stream *s)
{
    return s->mapped;
}

int gn_stream_fd(const struct gn_stream *s)
{
    return s->mapped ? -1 : s->fd;
}

int64_t gn_stream_failed(const struct gn_stream *s)
{
    return s->failed;
}

int64_t gn_stream_ends(const struct gn_stream *s)
{
    return s->ends;
}

int64_t gn_stream_number(const struct gn_stream *s)
{
    return s->number;
}

const struct gn_err *gn_stream_error(const struct gn_stream *s)
{
    return &s->err;
}

const char *gn_stream_name(const struct gn_stream *s)
{
    return s->name;
}
