/* source.c - records of whatever file a user names. */
#include "tool/source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/table.h"

static enum gn_source_kind kind_of(const char *path)
{
    const char *ext = gn_path_ext(path);
    enum gn_source_kind kind = GN_SOURCE_IMAGE;
    char head[4];
    struct stat st;
    int fd = -1;

    if (!strcmp(path, "-") || !strcmp(ext, ".gnt"))
        return GN_SOURCE_STREAM;
    if (!strcmp(ext, ".safetensors"))
        return GN_SOURCE_MODEL;
    if (gn_picture_stat(path, &st) < 0)
        return GN_SOURCE_STREAM; /* which then says what is wrong */
    if (S_ISDIR(st.st_mode))
        return GN_SOURCE_IMAGE;
    if (!S_ISREG(st.st_mode))
        return GN_SOURCE_STREAM; /* a pipe cannot be looked at twice */
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (read(fd, head, 4) == 4 && !memcmp(head, "GNT", 3)))
        kind = GN_SOURCE_STREAM;
    if (fd >= 0)
        close(fd);
    return kind;
}

int gn_source_open(struct gn_source *s, const char *path, bool header_only, struct gn_err *err)
{
    *s = (struct gn_source){.kind = kind_of(path),
                            .name = strcmp(path, "-") ? path : "stdin",
                            .header_only = header_only};
    switch (s->kind) {
    case GN_SOURCE_STREAM:
        s->stream = gn_stream_open(path, err);
        return s->stream ? 0 : -1;
    case GN_SOURCE_IMAGE:
        return gn_picture_read(path, header_only, &s->picture, err);
    case GN_SOURCE_MODEL:
        break;
    }
    return gn_safetensors_open(&s->model, path, err);
}

static void borrow(struct gn_record *r, const struct gn_tensor *t, const char *axes)
{
    struct gn_tensor view = *t;
    struct gn_str shape = {0};

    view.owned = NULL;
    gn_record_take(r, &view, axes);
    for (int i = 0; i < r->tensor.rank; i++)
        gn_str_addf(&shape, "%s%lld", i ? " " : "", (long long)r->tensor.shape[i]);
    gn_record_set(r, "dtype", "%s", gn_dtype_names[r->tensor.dtype]);
    if (shape.len)
        gn_record_set(r, "shape", "%s", shape.data);
    gn_str_free(&shape);
}

static void image_record(struct gn_source *s, struct gn_record *r)
{
    char *stem = gn_path_stem(s->name);

    borrow(r, &s->picture.tensor, "czyx");
    gn_record_set(r, "axes", "c z y x");
    gn_record_set(r, "sample", "%s", stem);
    gn_record_set(r, "role", "image");
    gn_record_set_reals(r, "affine", s->picture.affine, 12);
    gn_record_set(r, "source", "%s", s->name);
    gn_record_set(r, "source.dtype", "%s", gn_dtype_names[s->picture.stored]);
    gn_record_set(r, "source.format", "%s", s->picture.format);
    free(stem);
}

int gn_source_next(struct gn_source *s, struct gn_record *r, struct gn_err *err)
{
    int rc = 0;

    if (s->kind == GN_SOURCE_STREAM) {
        gn_stream_release(s->stream);
        rc = gn_stream_next(s->stream, r);
        s->number = (size_t)gn_stream_number(s->stream);
        return rc < 0 ? gn_err_set(err, "%s", gn_stream_error(s->stream)->text) : rc;
    }
    gn_record_reset(r);
    if (s->next == (s->kind == GN_SOURCE_IMAGE ? 1 : s->model.n))
        return 0;
    if (s->kind == GN_SOURCE_IMAGE) {
        image_record(s, r);
    } else {
        const struct gn_named_tensor *t = &s->model.item[s->next];

        borrow(r, &t->tensor,
               (char[]){'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', '\0'} + GN_MAX_RANK -
                   t->tensor.rank);
        gn_record_set(r, "name", "%s", t->name);
    }
    s->number = ++s->next;
    return 1;
}

int gn_source_check_stream(const char *path, const char *tool, struct gn_err *err)
{
    bool in = !strcmp(path, "-");
    const char *file = in ? "/dev/stdin" : path, *name = in ? "stdin" : path;
    const struct gn_format *f = NULL;
    struct gn_err none = {0};
    struct stat st;

    if (stat(file, &st) < 0 || !S_ISREG(st.st_mode) || (in && lseek(STDIN_FILENO, 0, SEEK_CUR)))
        return 0; /* a pipe cannot be looked at twice */
    if (!in && kind_of(path) == GN_SOURCE_MODEL)
        return gn_err_set(err, "%s: not a tensor stream but a model", name);
    if (in || !gn_table_is_table(path))
        f = gn_format_detect(file, &none);
    if (none.code)
        return 0;
    return gn_err_set(err,
                      "%s: not a tensor stream but a %s, which gn-load reads: gn-load %s %s%s%s",
                      name, f ? f->name : "table", in ? "FILE" : name, tool ? "| " : "> FILE.gnt",
                      tool ? tool : "", tool ? " ..." : "");
}

void gn_source_close(struct gn_source *s)
{
    gn_stream_close(s->stream);
    gn_picture_free(&s->picture);
    if (s->kind == GN_SOURCE_MODEL)
        gn_safetensors_close(&s->model);
    *s = (struct gn_source){0};
}
