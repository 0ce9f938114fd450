/* writer.c - writing GNT1 streams: preamble, header, payload and padding in one writev. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "stream/stream.h"

enum { BIG = 64 << 10, PIPE_SIZE = 1 << 20 };

struct gn_writer {
    char *name;
    struct gn_err err;
    struct gn_out out;
    struct gn_str head;
    int64_t records;
    bool ended, raised;
};

struct gn_writer *gn_writer_open(const char *path, struct gn_err *err)
{
    struct gn_writer *w = NULL;

    if (!strcmp(path, "-") && isatty(STDOUT_FILENO)) {
        gn_err_usage(err, "stdout: is a terminal: send the stream to a pipe, or to a file with -o");
        return NULL;
    }
    w = gn_alloc(sizeof *w);
    w->name = gn_strdup(!strcmp(path, "-") ? "stdout" : path);
    if (gn_out_open(&w->out, path, err) < 0) {
        free(w->name);
        free(w);
        return NULL;
    }
    if (isatty(w->out.fd)) { /* /dev/tty, /dev/stdout */
        gn_err_usage(err, "%s: is a terminal: send the stream to a pipe, or to a file", path);
        gn_writer_free(w);
        return NULL;
    }
    return w;
}

static int write_all(struct gn_writer *w, struct iovec *v, int n)
{
    while (n > 0 && !w->out.closed_early) {
        ssize_t put = writev(w->out.fd, v, n);
        size_t left = 0;

        if (put < 0 && errno == EPIPE) {
            w->out.closed_early = true;
        } else if (put < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = w->out.fd, .events = POLLOUT};

            poll(&p, 1, -1);
        } else if (put < 0 && errno != EINTR) {
            return gn_err_set(&w->err, "%s: write error: %s", w->name, strerror(errno));
        }
        for (left = put > 0 ? (size_t)put : 0; n > 0 && left >= v->iov_len; n--)
            left -= v++->iov_len;
        if (n > 0) {
            v->iov_base = (char *)v->iov_base + left;
            v->iov_len -= left;
        }
    }
    return 0;
}

/* One record: its header stands in w->head behind room for the preamble. */
static int put(struct gn_writer *w, struct gn_preamble *p, const void *payload)
{
    static const char zeros[GN_PREAMBLE];
    char *preamble = w->head.data;
    size_t pad = gn_padding(p->payload);
    struct iovec v[3] = {{preamble, w->head.len},
                         {(void *)(uintptr_t)payload, p->payload},
                         {(void *)(uintptr_t)zeros, pad}};

    p->header = w->head.len - GN_PREAMBLE;
    gn_preamble_print(p, preamble);
    p->header_crc = gn_crc32(gn_crc32(0, preamble, 38), preamble + GN_PREAMBLE, p->header);
    gn_preamble_print(p, preamble);
    if (p->payload > BIG && !w->raised) {
        fcntl(w->out.fd, F_SETPIPE_SZ,
              PIPE_SIZE); /* not a pipe, or the user's allowance is spent: slower, not wrong */
        w->raised = true;
    }
    return write_all(w, v, 3);
}

static void start(struct gn_writer *w)
{
    char room[GN_PREAMBLE] = {0};

    gn_str_clear(&w->head);
    gn_str_addn(&w->head, room, sizeof room);
}

int gn_writer_put(struct gn_writer *w, const struct gn_record *r)
{
    struct gn_preamble p = {.kind = 'T'};

    if (w->err.code)
        return -1;
    if (w->ended)
        return gn_err_set(&w->err, "%s: a record after the end", w->name);
    start(w);
    if (!r->tensor.data)
        gn_err_set(&w->err, "record has no payload");
    else if (gn_tensor_bytes(&r->tensor, &p.payload, &w->err) == 0 &&
             gn_header_print(r, &w->head, &w->err) == 0) {
        p.payload_crc = r->crc_known ? r->crc : gn_crc32(0, r->tensor.data, p.payload);
        w->records++;
        return put(w, &p, r->tensor.data);
    }
    return gn_err_wrap(&w->err, "%s: record %lld", w->name, (long long)w->records + 1);
}

int gn_writer_end(struct gn_writer *w, int64_t failed)
{
    struct gn_preamble p = {.kind = 'E'};

    if (w->err.code)
        return -1;
    if (w->ended)
        return gn_err_set(&w->err, "%s: ended twice", w->name);
    w->ended = true;
    start(w);
    gn_str_addf(&w->head, "records: %lld\n", (long long)w->records);
    if (failed > 0)
        gn_str_addf(&w->head, "failed: %lld\n", (long long)failed);
    gn_header_pad(&w->head, GN_PREAMBLE);
    if (put(w, &p, NULL) < 0)
        return -1;
    return gn_out_commit(&w->out, false, &w->err);
}

bool gn_writer_closed(const struct gn_writer *w)
{
    return w->out.closed_early;
}

const struct gn_err *gn_writer_error(const struct gn_writer *w)
{
    return &w->err;
}

void gn_writer_free(struct gn_writer *w)
{
    if (!w)
        return;
    gn_out_abort(&w->out); /* nothing left to abort after a commit */
    gn_str_free(&w->head);
    free(w->name);
    free(w);
}
