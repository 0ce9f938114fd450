/* sample.c - grouping adjacent records into samples. */
#include "stream/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum gn_role gn_record_role(const struct gn_record *r)
{
    static const char *const names[] = {"image",     "label",      "mask",
                                        "weightmap", "prediction", "slide"};
    const char *role = gn_record_get(r, "role");

    for (int i = 0; role && i < GN_ROLE_OTHER; i++)
        if (!strcmp(role, names[i]))
            return (enum gn_role)i;
    return GN_ROLE_OTHER;
}

const char *gn_sample_name(const struct gn_sample *s)
{
    const char *name = s->n ? gn_record_get(&s->rec[0], "sample") : NULL;

    return name ? name : s->unnamed[0] ? s->unnamed : "record 1";
}

/* k of "k/n"; the reader has checked the form. */
static uint32_t numerator(const struct gn_sample *s, const char *key)
{
    const char *text = s->n ? gn_record_get(&s->rec[0], key) : NULL;
    unsigned long long k = text ? strtoull(text, NULL, 10) : 0;

    return k > UINT32_MAX ? UINT32_MAX : (uint32_t)k;
}

uint32_t gn_sample_epoch(const struct gn_sample *s)
{
    return numerator(s, "epoch");
}

uint32_t gn_sample_patch(const struct gn_sample *s)
{
    return numerator(s, "patch.index");
}

struct gn_record *gn_sample_find(const struct gn_sample *s, enum gn_role role)
{
    for (size_t i = 0; i < s->n; i++)
        if (gn_record_role(&s->rec[i]) == role)
            return &s->rec[i];
    return NULL;
}

static struct gn_record *room(struct gn_sample *s)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 4;

        s->rec = gn_realloc(s->rec, cap * sizeof *s->rec);
        memset(s->rec + s->cap, 0, (cap - s->cap) * sizeof *s->rec);
        s->cap = cap;
    }
    return &s->rec[s->n];
}

struct gn_record *gn_sample_append(struct gn_sample *s)
{
    struct gn_record *r = room(s);

    gn_record_free(r); /* its place may hold the memory of an earlier payload */
    s->n++;
    return r;
}

void gn_sample_remove(struct gn_sample *s, size_t i)
{
    struct gn_record gone = s->rec[i];

    memmove(&s->rec[i], &s->rec[i + 1], (s->n - i - 1) * sizeof *s->rec);
    gn_record_reset(&gone); /* kept behind the others, for the memory of its payload */
    s->rec[--s->n] = gone;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

/* Is the record of the sample that began with first? A record without a name is a sample of its
 * own. */
static bool belongs(const struct gn_record *first, const struct gn_record *r)
{
    const char *sample = gn_record_get(r, "sample");

    return sample && same(sample, gn_record_get(first, "sample")) &&
           same(gn_record_get(r, "epoch"), gn_record_get(first, "epoch")) &&
           same(gn_record_get(r, "patch.index"), gn_record_get(first, "patch.index"));
}

static int place_of(const struct gn_record *r)
{
    enum gn_role role = gn_record_role(r);

    return role == GN_ROLE_SLIDE ? GN_ROLE_IMAGE : (int)role;
}

int gn_sample_next(struct gn_stream *s, struct gn_sample *sample)
{
    int64_t ends = 0;
    int place = 0, rc = 0;

    for (size_t i = 0; i < sample->n; i++)
        gn_record_reset(&sample->rec[i]);
    sample->n = 0;
    sample->unnamed[0] = '\0';
    gn_stream_release(s);
    rc = gn_stream_next(s, room(sample));
    if (rc != 1)
        return rc;
    sample->n = 1;
    snprintf(sample->unnamed, sizeof sample->unnamed, "record %lld",
             (long long)gn_stream_number(s));
    ends = gn_stream_ends(s);
    place = place_of(&sample->rec[0]);
    while (gn_record_get(&sample->rec[0], "sample")) {
        struct gn_record *r = room(sample);

        rc = gn_stream_peek(s, r);
        if (rc == 1 && gn_stream_ends(s) == ends && belongs(&sample->rec[0], r)) {
            int next = place_of(r);

            if (next < place && place != GN_ROLE_OTHER)
                return gn_stream_fail(s,
                                      "sample %s: a record of role %s comes too late (images, "
                                      "label, mask, weightmap, "
                                      "prediction is the order)",
                                      gn_sample_name(sample), gn_record_get(r, "role"));
            if (next != GN_ROLE_OTHER)
                place = next;
            if (gn_stream_next(s, r) != 1)
                return -1;
            sample->n++;
            continue;
        }
        gn_record_reset(r);
        /* The sample is whole; an error that comes after it is the next call's. An end of input
         * that ought not to be one makes the sample itself doubtful: a record of it may be missing.
         */
        return rc < 0 ? -1 : 1;
    }
    return 1;
}

int gn_sample_put(struct gn_writer *w, const struct gn_sample *sample)
{
    for (size_t i = 0; i < sample->n; i++)
        if (gn_writer_put(w, &sample->rec[i]) < 0)
            return -1;
    return 0;
}

int gn_sample_copy(const struct gn_sample *from, struct gn_sample *to, struct gn_err *err)
{
    *to = (struct gn_sample){0};
    memcpy(to->unnamed, from->unnamed, sizeof to->unnamed);
    for (size_t i = 0; i < from->n; i++) {
        struct gn_record *r = gn_sample_append(to);

        if (gn_record_copy(&from->rec[i], r, err) < 0) {
            gn_sample_free(to);
            return -1;
        }
    }
    return 0;
}

int gn_sample_move(struct gn_sample *from, struct gn_sample *to, struct gn_err *err)
{
    for (size_t i = 0; i < from->n; i++) {
        struct gn_record *r = &from->rec[i], copy = {0};

        if (r->tensor.owned || !r->tensor.data || r->tensor.data == r->buffer)
            continue;
        if (gn_record_copy(r, &copy, err) < 0)
            return -1;
        gn_record_free(r);
        *r = copy;
    }
    *to = *from;
    *from = (struct gn_sample){0};
    return 0;
}

size_t gn_sample_bytes(const struct gn_sample *s)
{
    size_t sum = 0, n = 0;

    for (size_t i = 0; i < s->n; i++)
        if (gn_tensor_bytes(&s->rec[i].tensor, &n, NULL) == 0)
            sum += n;
    return sum;
}

void gn_sample_free(struct gn_sample *s)
{
    for (size_t i = 0; i < s->cap; i++)
        gn_record_free(&s->rec[i]);
    free(s->rec);
    *s = (struct gn_sample){0};
}
