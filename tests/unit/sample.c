/* sample.c - grouping of records into samples, by map and by pipe. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "stream/sample.h"

static struct gn_err err;

/* fields: "sample role epoch patch", - for none */
static void put(struct gn_writer *w, const char *sample, const char *role, const char *epoch,
                const char *patch, int x)
{
    struct gn_record r = {0};
    struct gn_tensor t;

    if (gn_tensor_new4(&t, GN_UINT8, 1, 1, 1, x, &err) < 0)
        abort();
    memset(t.data, x, (size_t)x);
    if (sample)
        gn_record_set(&r, "sample", "%s", sample);
    if (role)
        gn_record_set(&r, "role", "%s", role);
    if (epoch)
        gn_record_set(&r, "epoch", "%s", epoch);
    if (patch)
        gn_record_set(&r, "patch.index", "%s", patch);
    gn_record_take(&r, &t, NULL);
    if (gn_writer_put(w, &r) < 0)
        abort();
    gn_record_free(&r);
}

static void make(const char *path)
{
    struct gn_writer *w = gn_writer_open(path, &err);

    put(w, "a", "image", NULL, NULL, 1);
    put(w, "a", "image", NULL, NULL, 2);
    put(w, "a", "label", NULL, NULL, 3);
    put(w, "b", "image", "0/2", "0/2", 4);
    put(w, "b", "image", "0/2", "1/2", 5);
    put(w, "b", "image", "1/2", "1/2", 6);
    put(w, NULL, NULL, NULL, NULL, 7);
    put(w, NULL, NULL, NULL, NULL, 8);
    if (gn_writer_end(w, 0) < 0)
        abort();
    gn_writer_free(w);
}

/* Sizes of the samples as text, and whether all payloads still hold what they did when the sample
 * came. */
static char *sizes(const char *path, int *intact)
{
    static char text[2000];
    struct gn_stream *s = gn_stream_open(path, &err);
    struct gn_sample sample = {0};
    int rc = -1;

    text[0] = '\0';
    *intact = 1;
    while (s && (rc = gn_sample_next(s, &sample)) == 1) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s:%zu:%u:%u ",
                 gn_sample_name(&sample), sample.n, gn_sample_epoch(&sample),
                 gn_sample_patch(&sample));
        for (size_t i = 0; i < sample.n; i++) {
            unsigned char *d = gn_record_data(&sample.rec[i], &err);

            *intact &= d && d[0] == sample.rec[i].tensor.shape[3];
        }
    }
    if (rc < 0)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s",
                 s ? gn_stream_error(s)->text : err.text);
    gn_sample_free(&sample);
    gn_stream_close(s);
    return text;
}

static void *cat(void *arg)
{
    FILE *in = fopen("a.gnt", "rb");
    int c = 0, fd = *(int *)arg;

    while ((c = getc(in)) != EOF)
        if (write(fd, &(char){(char)c}, 1) != 1)
            break;
    fclose(in);
    close(fd);
    return NULL;
}

static void editing(void)
{
    struct gn_stream *s = gn_stream_open("a.gnt", &err);
    struct gn_sample a = {0}, b = {0}, c = {0};
    struct gn_record *r = NULL;

    CHECK("a sample is read", gn_sample_next(s, &a) == 1 && a.n == 3 && gn_sample_bytes(&a) == 6);
    CHECK("roles are found",
          gn_sample_find(&a, GN_ROLE_LABEL) == &a.rec[2] && !gn_sample_find(&a, GN_ROLE_MASK));
    gn_sample_remove(&a, 1);
    CHECK("a record is removed",
          a.n == 2 && gn_record_role(&a.rec[1]) == GN_ROLE_LABEL && gn_sample_bytes(&a) == 4);
    r = gn_sample_append(&a);
    CHECK("a new record is empty", a.n == 3 && r->n == 0 && !r->tensor.data && !r->buffer);
    gn_sample_remove(&a, 2);
    CHECK("a copy is deep", gn_sample_copy(&a, &b, &err) == 0 && b.n == 2 &&
                                b.rec[0].tensor.owned && !strcmp(gn_sample_name(&b), "a"));
    CHECK("a move from a map copies what is borrowed",
          gn_sample_move(&a, &c, &err) == 0 && a.n == 0 && c.n == 2 && c.rec[0].tensor.owned);
    CHECK("and the stream goes on", gn_sample_next(s, &a) == 1 && !strcmp(gn_sample_name(&a), "b"));
    gn_stream_close(s);
    CHECK("what was moved outlives the stream", *(char *)gn_record_data(&c.rec[1], &err) == 3);
    gn_sample_free(&a);
    gn_sample_free(&b);
    gn_sample_free(&c);
}

int main(void)
{
    static const char want[] = "a:3:0:0 b:1:0:0 b:1:0:1 b:1:1:1 record 7:1:0:0 record 8:1:0:0 ";
    struct gn_writer *w = NULL;
    char path[64];
    pthread_t thread;
    int intact = 0, fd[2];

    make("a.gnt");
    CHECK("records are grouped by sample, epoch and patch", !strcmp(sizes("a.gnt", &intact), want));
    CHECK("mapped payloads stay while the sample does", intact);
    if (pipe(fd) < 0)
        return 1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd[0]);
    pthread_create(&thread, NULL, cat, &fd[1]);
    CHECK("by pipe the same", !strcmp(sizes(path, &intact), want));
    CHECK("piped payloads stay while the sample does", intact);
    pthread_join(thread, NULL);
    close(fd[0]);

    w = gn_writer_open("s.gnt", &err);
    put(w, "a", "image", NULL, NULL, 1);
    if (gn_writer_end(w, 0) < 0 || system("cat s.gnt s.gnt >ss.gnt"))
        return 1;
    gn_writer_free(w);
    CHECK("an end record separates samples of the same name",
          !strcmp(sizes("ss.gnt", &intact), "a:1:0:0 a:1:0:0 "));
    w = gn_writer_open("order.gnt", &err);
    put(w, "a", "label", NULL, NULL, 1);
    put(w, "a", "image", NULL, NULL, 1);
    if (gn_writer_end(w, 0) < 0)
        return 1;
    gn_writer_free(w);
    CHECK("roles out of order are an error",
          strstr(sizes("order.gnt", &intact), "sample a: a record of role image comes too late") !=
              NULL);
    editing();
    return check_done();
}
