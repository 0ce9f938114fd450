/* output.c - how a record becomes a file: name, format, type; and what may be replaced. */
#include "tool/output.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const words[] = { "sample", "name", "role", "patch", NULL };

/* Which {word} stands at p, or -1. */
static int word_at(const char *p)
{
    for (int i = 0; words[i]; i++) {
        size_t n = strlen(words[i]);
        if (strncmp(p + 1, words[i], n) == 0 && p[n + 1] == '}')
            return i;
    }
    return -1;
}

int gn_output_check(const struct gn_output *o, struct gn_err *err)
{
    for (const char *p = o->pattern ? strchr(o->pattern, '{') : NULL; p; p = strchr(p + 1, '{'))
        if (word_at(p) < 0)
            return gn_err_usage(err, "--name: %.20s: not {sample}, {name}, {role} or {patch}", p);
    if (o->pattern && strchr(o->pattern, '\n'))
        return gn_err_usage(err, "--name: holds a line break");
    return 0;
}

const char *gn_output_name(const struct gn_record *r)
{
    const char *name = gn_record_get(r, "name");

    switch (gn_record_role(r)) {
    case GN_ROLE_PREDICTION: return "seg";
    case GN_ROLE_LABEL: return "label";
    case GN_ROLE_MASK: return "mask";
    case GN_ROLE_WEIGHTMAP: return "weightmap";
    default: return name ? name : "image";
    }
}

static bool same_file(const char *path, const struct stat *there)
{
    struct stat st;

    return path && stat(path, &st) == 0 && st.st_dev == there->st_dev && st.st_ino == there->st_ino;
}

static int spares(const struct gn_output *o, const char *path, const struct gn_strs *inputs,
                  struct gn_err *err)
{
    struct stat there;
    bool own = false;

    if (stat(path, &there) < 0)
        return 0;
    for (size_t i = 0; o->sample && i < o->sample->n; i++)
        own |= same_file(gn_record_get(&o->sample->rec[i], "source"), &there);
    for (size_t i = 0; inputs && i < inputs->n; i++)
        own |= same_file(inputs->item[i], &there);
    return own ? gn_err_set(err, "%s: is what this sample was read from, and is not written over",
                            path)
               : 0;
}

/* ---- names ---- */

static size_t place_of(const struct gn_names *l, const char *name)
{
    size_t at = (size_t)gn_fnv1a(GN_FNV_START, name, strlen(name)) & (l->slots - 1);

    while (l->slot[at] && strcmp(l->list.item[l->slot[at] - 1], name) != 0)
        at = (at + 1) & (l->slots - 1);
    return at;
}

static bool has_name(const struct gn_names *l, const char *name)
{
    return l->slots && l->slot[place_of(l, name)];
}

/* A name that is not there yet. */
static void add_name(struct gn_names *l, const char *name)
{
    if (l->slots < 2 * (l->list.n + 1)) {
        l->slots = l->slots ? 2 * l->slots : 64;
        free(l->slot);
        l->slot = gn_alloc(l->slots * sizeof *l->slot);
        for (size_t i = 0; i < l->list.n; i++)
            l->slot[place_of(l, l->list.item[i])] = i + 1;
    }
    size_t at = place_of(l, name);
    gn_strs_add(&l->list, name);
    l->slot[at] = l->list.n;
}

static void free_names(struct gn_names *l)
{
    gn_strs_free(&l->list);
    free(l->slot);
    *l = (struct gn_names){ 0 };
}

/* ---- what this and earlier runs wrote: DIR/.gn-save, a line a name ---- */

static const char journal_name[] = ".gn-save", journal_head[] = "written by gn-save:\n";

int gn_output_open(struct gn_output *o, struct gn_err *err)
{
    enum { JOURNAL_MAX = 1 << 30 };
    char *path = gn_path_join(o->dir, journal_name), *text = NULL;
    const size_t head = sizeof journal_head - 1;
    size_t n = 0;
    struct stat st;
    int rc = -1;

    if (lstat(path, &st) < 0) {
        rc = errno == ENOENT ? 0 : gn_err_set(err, "%s: %s", path, strerror(errno));
        goto out;
    }
    if (S_ISREG(st.st_mode) && gn_file_read(path, JOURNAL_MAX, &text, &n, err))
        goto out;
    /* A run that was killed, or a disk that was full, may have left the beginning of a line. */
    if (!text || memcmp(text, journal_head, n < head ? n : head) != 0) {
        gn_err_set(err, "%s: is not the list that gn-save keeps there: choose another folder, or "
                   "move it away", path);
        goto out;
    }
    while (n > 0 && text[n - 1] != '\n')
        n--;
    o->journal = n;
    for (char *name = text + head, *end; name < text + n; name = end + 1) {
        end = memchr(name, '\n', (size_t)(text + n - name));
        *end = 0;
        if (!has_name(&o->earlier, name))
            add_name(&o->earlier, name);
    }
    rc = 0;
out:
    free(text);
    free(path);
    return rc;
}

/* Before the file itself: what a killed run wrote must be known for ours. */
static int note_name(struct gn_output *o, const char *file, struct gn_err *err)
{
    char *path = gn_path_join(o->dir, journal_name);
    int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666), rc = 0;
    struct gn_str line = { 0 };

    errno = 0;
    gn_str_addf(&line, "%s%s\n", o->journal ? "" : journal_head, file);
    if (fd < 0 || ftruncate(fd, (off_t)o->journal) < 0 ||
        pwrite(fd, line.data, line.len, (off_t)o->journal) != (ssize_t)line.len)
        rc = gn_err_set(err, "%s: cannot be written: %s", path,
                        errno ? strerror(errno) : "no space left");
    if (rc == 0) {
        o->journal += line.len;
        add_name(&o->earlier, file);
    }
    if (fd >= 0)
        close(fd);
    gn_str_free(&line);
    free(path);
    return rc;
}

int gn_output_claim(struct gn_output *o, const char *file, const struct gn_strs *inputs,
                    struct gn_err *err)
{
    char *path = gn_path_join(o->dir, file);
    struct stat st;
    int rc = -1;

    if (has_name(&o->made, file)) {
        gn_err_set(err, "two records would be called %s (--name)", file);
        goto out;
    }
    if (spares(o, path, inputs, err))
        goto out;
    if (lstat(path, &st) == 0 && !(S_ISREG(st.st_mode) && has_name(&o->earlier, file))) {
        gn_err_set(err, "%s: is there and was not written by gn-save, and is not replaced: choose "
                   "another folder, or move it away", path);
        goto out;
    }
    if (o->before)
        o->before(o->arg);
    if (!has_name(&o->earlier, file) && note_name(o, file, err))
        goto out;
    add_name(&o->made, file);
    rc = 0;
out:
    free(path);
    return rc;
}

/* The pattern filled, without extension. */
static char *fill(const struct gn_output *o, const struct gn_record *r)
{
    const char *index = gn_record_get(r, "patch.index"), *role = gn_record_get(r, "role"),
               *sample = gn_record_get(r, "sample");
    const char *pattern = o->pattern ? o->pattern
                          : index    ? "{sample}/{sample}_{name}_{patch}"
                                     : "{sample}/{sample}_{name}";
    char *value[4], *text;
    struct gn_str out = { 0 };

    value[0] = gn_path_name(sample ? sample : "record");
    value[1] = gn_path_name(gn_output_name(r));
    value[2] = gn_path_name(role ? role : "image");
    value[3] = index ? gn_strndup(index, strcspn(index, "/")) : gn_strdup("0");
    for (const char *p = pattern; *p; p++) {
        int w = *p == '{' ? word_at(p) : -1;
        if (w < 0) {
            gn_str_addn(&out, p, 1);
            continue;
        }
        gn_str_add(&out, value[w]);
        p = strchr(p, '}');
    }
    for (int i = 0; i < 4; i++)
        free(value[i]);
    text = gn_strdup(gn_str_text(&out));
    gn_str_free(&out);
    return text;
}

static bool is_label(const struct gn_record *r)
{
    enum gn_role role = gn_record_role(r);

    return role == GN_ROLE_LABEL || role == GN_ROLE_MASK ||
           (role == GN_ROLE_PREDICTION && !gn_dtype_is_float(r->tensor.dtype));
}

/* The smallest unsigned type that holds all values; the tensor's own if some are negative, broken
 * or too large. */
static enum gn_dtype smallest(const struct gn_tensor *t)
{
    static const enum gn_dtype types[] = { GN_UINT8, GN_UINT16, GN_UINT32 };
    const int64_t n = gn_tensor_count(t);
    double hi = 0, lo, top;

    for (int64_t i = 0; i < n; i++) {
        double v = gn_tensor_get(t, i);
        if (!(v >= 0) || v != floor(v))
            return t->dtype;
        hi = v > hi ? v : hi;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        gn_dtype_range(types[i], &lo, &top);
        if (hi <= top)
            return types[i];
    }
    return t->dtype;
}

/* A label is itself or another one. */
static int check_labels(const struct gn_tensor *t, const struct gn_tensor *made, struct gn_err *err)
{
    const int64_t n = gn_tensor_count(t);

    for (int64_t i = 0; i < n; i++)
        if (gn_tensor_get(t, i) != gn_tensor_get(made, i))
            return gn_err_set(err, "--dtype %s would make label %.17g %.17g",
                              gn_dtype_names[made->dtype], gn_tensor_get(t, i),
                              gn_tensor_get(made, i));
    return 0;
}

/* How many values of an image are beyond what a type holds, NaN in integers among them. */
static int64_t count_unkept(const struct gn_tensor *t, enum gn_dtype dtype)
{
    const bool real = gn_dtype_is_float(dtype);
    const int64_t n = gn_tensor_count(t);
    int64_t bad = 0;
    double lo, hi;

    gn_dtype_range(dtype, &lo, &hi);
    if (!real) { /* what rounds into it */
        lo -= 0.5;
        hi += 0.5;
    }
    for (int64_t i = 0; i < n; i++) {
        const double v = gn_tensor_get(t, i);
        bad += real ? isfinite(v) && !(v >= lo && v <= hi) : !(v >= lo && v <= hi);
    }
    return bad;
}

/* NULL: a file of this extension can hold such voxels; else what it can hold. */
static const char *unfit(const char *ext, enum gn_dtype dtype, const struct gn_tensor *t)
{
    const int64_t c = t->shape[0];

    if (strcasecmp(ext, ".png") == 0)
        return t->shape[1] == 1 && c <= 4 && (dtype == GN_UINT8 || dtype == GN_UINT16)
                   ? NULL
                   : "one slice of up to 4 channels, uint8 and uint16";
    if (strcasecmp(ext, ".jpg") == 0 || strcasecmp(ext, ".jpeg") == 0)
        return t->shape[1] == 1 && (c == 1 || c == 3) && dtype == GN_UINT8
                   ? NULL
                   : "one slice of 1 or 3 channels, uint8";
    return NULL;
}

/* Was it read from a file that says where it lies, whatever the file is called? */
static bool has_place(const struct gn_record *r)
{
    static const double nowhere[12] = { -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0 };
    struct gn_err none = { 0 };
    double affine[12];

    return gn_record_get(r, "source.affine") &&
           gn_record_reals(r, "source.affine", affine, 12, &none) == 0 &&
           memcmp(affine, nowhere, sizeof nowhere) != 0;
}

static const char *choose_ext(const struct gn_output *o, const struct gn_record *r,
                              enum gn_dtype dtype)
{
    const char *source = gn_record_get(r, "source"), *ext = source ? gn_path_ext(source) : "";
    struct gn_err none = { 0 };

    if (o->ext)
        return o->ext;
    if (!*ext || !gn_format_for_ext(ext, &none) ||
        (strncasecmp(ext, ".nii", 4) != 0 && has_place(r)))
        return ".nii.gz";
    if (is_label(r) && (strcasecmp(ext, ".jpg") == 0 || strcasecmp(ext, ".jpeg") == 0))
        ext = ".png";
    return unfit(ext, dtype, &r->tensor) ? ".tif" : ext;
}

int gn_output_image(struct gn_output *o, const struct gn_record *r, char **file, struct gn_err *err)
{
    struct gn_picture pic = { .tensor = r->tensor, .form = 1 };
    struct gn_tensor made = { 0 };
    enum gn_dtype dtype = r->tensor.dtype;
    const int64_t *shape = r->tensor.shape;
    const char *ext, *can, *form = gn_record_get(r, "nifti.form");
    char *base = NULL, *path = NULL, *folder = NULL;
    int64_t code, unkept = 0;
    int rc = -1;

    *file = NULL;
    if (r->tensor.rank != 4 || strcmp(r->axes, "czyx") != 0)
        return gn_err_set(err, "axes '%s' are no image", r->axes);
    if (gn_record_reals(r, "affine", pic.affine, 12, err))
        return -1;
    pic.has_affine = true;
    if (form && gn_parse_int(form, &code) == 0 && code >= 1 && code <= 5)
        pic.form = (int)code;
    if (o->dtype) {
        if (gn_dtype_parse(o->dtype, &dtype))
            return gn_err_usage(err, "--dtype: no such type: %s", o->dtype);
    } else if (is_label(r)) {
        dtype = smallest(&r->tensor);
    }
    ext = choose_ext(o, r, dtype);
    if (!o->dtype && dtype == GN_FLOAT16 && strncasecmp(ext, ".nii", 4) == 0)
        dtype = GN_FLOAT32; /* NIfTI has no half; nothing is lost */
    can = unfit(ext, dtype, &r->tensor);
    if (dtype != r->tensor.dtype) {
        if (gn_tensor_convert(&r->tensor, dtype, &made, err))
            return -1;
        pic.tensor = made;
        if (is_label(r) && check_labels(&r->tensor, &made, err))
            goto out;
        unkept = is_label(r) ? 0 : count_unkept(&r->tensor, dtype);
    }
    base = fill(o, r);
    *file = gn_asprintf("%s%s", base, ext);
    path = gn_path_join(o->dir, *file);
    folder = gn_path_dir(path);
    if (can) {
        gn_err_set(err,
                   "%s: a %s file holds %s only, not %lld slice%s, %lld channel%s, %s "
                   "(--ext nii.gz holds any)",
                   *file, ext, can, (long long)shape[1], shape[1] == 1 ? "" : "s",
                   (long long)shape[0], shape[0] == 1 ? "" : "s", gn_dtype_names[dtype]);
        goto out;
    }
    if (gn_output_claim(o, *file, NULL, err))
        goto out;
    if (unkept)
        gn_log(GN_LOG_WARN, "%s: %lld value%s not fit %s and became %s", path, (long long)unkept,
               unkept == 1 ? " does" : "s do", gn_dtype_names[dtype],
               gn_dtype_is_float(dtype) ? "infinite" : "the nearest that does (NaN: 0)");
    if (gn_mkdirs(folder, err) || gn_picture_write(path, &pic, err))
        goto out;
    rc = 0;
out:
    if (rc) {
        free(*file);
        *file = NULL;
    }
    gn_tensor_free(&made);
    free(folder);
    free(path);
    free(base);
    return rc;
}

void gn_output_free(struct gn_output *o)
{
    free_names(&o->made);
    free_names(&o->earlier);
}
