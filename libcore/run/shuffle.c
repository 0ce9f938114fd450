/* shuffle.c - see shuffle.h */
#include "run/shuffle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"

enum { GN_SHUFFLE_OP = 253 };

struct slot {
    struct gn_sample sample;
    int64_t spilled; /* place of its payloads in the file, one after another; -1: in memory */
    size_t bytes;
};

struct gn_shuffle {
    struct slot *slot;
    int64_t slots, held;
    uint64_t seed, memory, in_memory;
    uint32_t epoch;
    uint64_t number; /* of draws in this epoch */
    int fd;          /* -1: nothing was spilled yet */
    int64_t end;
};

struct gn_shuffle *gn_shuffle_new(int64_t slots, uint64_t seed, uint64_t memory)
{
    struct gn_shuffle *b = gn_alloc(sizeof *b);
    b->slots = slots;
    b->seed = seed;
    b->memory = memory;
    b->fd = -1;
    return b;
}

int64_t gn_shuffle_held(const struct gn_shuffle *b)
{
    return b->held;
}

uint32_t gn_shuffle_epoch(const struct gn_shuffle *b)
{
    return b->epoch;
}

static uint64_t draw(struct gn_shuffle *b, uint64_t n)
{
    struct gn_draw d = gn_draw_at(b->seed, "", NULL, b->epoch, 0, GN_SHUFFLE_OP);
    return gn_draw_below(&d, b->number++, n);
}

static int spill_file(struct gn_err *err)
{
    const char *dir = getenv("TMPDIR");
    char *path = gn_asprintf("%s/gn-shuffle.XXXXXX", dir && *dir ? dir : "/tmp");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        gn_err_set(err, "%s: cannot make a file to spill to: %s", path, strerror(errno));
    else
        unlink(path);
    free(path);
    return fd;
}

/* Move a slot's payloads to the end of the file. */
static int spill(struct gn_shuffle *b, struct slot *s, struct gn_err *err)
{
    if (b->fd < 0 && (b->fd = spill_file(err)) < 0)
        return -1;
    s->spilled = b->end;
    for (size_t i = 0; i < s->sample.n; i++) {
        struct gn_tensor *t = &s->sample.rec[i].tensor;
        size_t n;
        if (gn_tensor_bytes(t, &n, err) < 0)
            return -1;
        for (size_t done = 0; done < n;) {
            ssize_t k = pwrite(b->fd, (char *)t->data + done, n - done, b->end);
            if (k < 0 && errno == EINTR)
                continue;
            if (k <= 0)
                return gn_err_set(err, "cannot spill to disk: %s", strerror(errno));
            done += (size_t)k;
            b->end += k;
        }
        free(t->owned);
        t->owned = t->data = NULL;
    }
    return 0;
}

static int unspill(struct gn_shuffle *b, struct slot *s, struct gn_err *err)
{
    int64_t at = s->spilled;
    for (size_t i = 0; i < s->sample.n; i++) {
        struct gn_tensor *t = &s->sample.rec[i].tensor;
        size_t n;
        if (gn_tensor_bytes(t, &n, err) < 0 || !(t->owned = t->data = gn_try_alloc(n, err)))
            return -1;
        for (size_t done = 0; done < n;) {
            ssize_t k = pread(b->fd, (char *)t->data + done, n - done, at);
            if (k < 0 && errno == EINTR)
                continue;
            if (k <= 0)
                return gn_err_set(err, "cannot read what was spilled: %s",
                                  k ? strerror(errno) : "the file was cut");
            done += (size_t)k;
            at += k;
        }
    }
    /* give the space back; where the file system cannot, the file only grows */
    (void)fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, s->spilled, at - s->spilled);
    s->spilled = -1;
    return 0;
}

static int put_in(struct gn_shuffle *b, struct slot *s, struct gn_sample *sample,
                  struct gn_err *err)
{
    s->spilled = -1;
    if (gn_sample_move(sample, &s->sample, err) < 0)
        return -1;
    s->bytes = gn_sample_bytes(&s->sample);
    if (b->memory && b->in_memory + s->bytes > b->memory)
        return spill(b, s, err);
    b->in_memory += s->bytes;
    return 0;
}

static int take_out(struct gn_shuffle *b, struct slot *s, struct gn_sample *out, struct gn_err *err)
{
    if (s->spilled >= 0) {
        if (unspill(b, s, err) < 0)
            return -1;
    } else {
        b->in_memory -= s->bytes;
    }
    gn_sample_free(out);
    *out = s->sample;
    memset(&s->sample, 0, sizeof s->sample);
    return 0;
}

int gn_shuffle_push(struct gn_shuffle *b, struct gn_sample *s, struct gn_sample *out,
                    struct gn_err *err)
{
    if (b->held == 0) {
        b->epoch = gn_sample_epoch(s);
        b->number = 0;
    }
    if (b->held < b->slots) {
        b->slot = gn_realloc(b->slot, (size_t)(b->held + 1) * sizeof *b->slot);
        memset(&b->slot[b->held], 0, sizeof *b->slot);
        return put_in(b, &b->slot[b->held++], s, err);
    }
    struct slot *chosen = &b->slot[draw(b, (uint64_t)b->slots)];
    if (take_out(b, chosen, out, err) < 0 || put_in(b, chosen, s, err) < 0)
        return -1;
    return 1;
}

int gn_shuffle_drain(struct gn_shuffle *b, struct gn_sample *out, struct gn_err *err)
{
    if (b->held == 0)
        return 0;
    struct slot *chosen = &b->slot[draw(b, (uint64_t)b->held)];
    if (take_out(b, chosen, out, err) < 0)
        return -1;
    *chosen = b->slot[--b->held];
    return 1;
}

void gn_shuffle_free(struct gn_shuffle *b)
{
    if (!b)
        return;
    for (int64_t i = 0; i < b->held; i++)
        gn_sample_free(&b->slot[i].sample);
    free(b->slot);
    if (b->fd >= 0)
        close(b->fd);
    free(b);
}
