/* layout.c - tables of the files in a folder: rows, faults, CSV text; the layout by patterns. */
#include "io/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/csv.h"
#include "base/mem.h"

/* ---- rows ---- */

void gn_layout_add_column(struct gn_layout *l, const char *header, const char *meaning)
{
    gn_strs_add(&l->header, header);
    gn_strs_add(&l->meaning, meaning);
}

struct gn_layout_row *gn_layout_add_row(struct gn_layout *l, const char *subject,
                                        const char *session)
{
    if (l->rows == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 64;
        l->row = gn_realloc(l->row, l->cap * sizeof *l->row);
    }
    struct gn_layout_row *r = &l->row[l->rows++];
    *r = (struct gn_layout_row){ gn_strdup(subject), gn_strdup(session),
                                 gn_alloc((l->header.n + 1) * sizeof *r->cell), false };
    l->sessions = l->sessions || session;
    return r;
}

static void add_fault(struct gn_layout *l, struct gn_layout_row *r, size_t column,
                      const char *what, const char *a, const char *b)
{
    char *line = gn_asprintf("%s: subject %s%s%s: %s (%s): %s%s%s%s", l->folder, r->subject,
                             r->session ? ", " : "", r->session ? r->session : "",
                             l->header.item[column], l->meaning.item[column], what, a,
                             *b ? ", " : "", b);
    gn_strs_add(&l->faults, line);
    free(line);
    r->faulty = true;
}

void gn_layout_set(struct gn_layout *l, struct gn_layout_row *r, size_t column, const char *path)
{
    if (r->cell[column])
        add_fault(l, r, column, "several files: ", r->cell[column], path);
    else
        r->cell[column] = gn_strdup(path);
}

int gn_layout_finish(struct gn_layout *l, struct gn_err *err)
{
    for (size_t c = 0; c < l->header.n; c++) {
        size_t n = 0;
        for (size_t i = 0; i < l->rows; i++)
            n += l->row[i].cell[c] != NULL;
        if (!n)
            return gn_err_set(err, "%s: %s: no file matches %s", l->folder, l->header.item[c],
                              l->meaning.item[c]);
    }
    for (size_t i = 0; i < l->rows; i++)
        for (size_t c = 0; c < l->header.n; c++)
            if (!l->row[i].cell[c])
                add_fault(l, &l->row[i], c, "no such file", "", "");
    return 0;
}

static void free_row(struct gn_layout *l, struct gn_layout_row *r)
{
    for (size_t c = 0; c < l->header.n; c++)
        free(r->cell[c]);
    free(r->cell);
    free(r->subject);
    free(r->session);
}

size_t gn_layout_drop(struct gn_layout *l)
{
    size_t kept = 0, all = l->rows;
    for (size_t i = 0; i < all; i++) {
        if (l->row[i].faulty)
            free_row(l, &l->row[i]);
        else
            l->row[kept++] = l->row[i];
    }
    l->rows = kept;
    return all - kept;
}

void gn_layout_free(struct gn_layout *l)
{
    for (size_t i = 0; i < l->rows; i++)
        free_row(l, &l->row[i]);
    free(l->row);
    free(l->folder);
    gn_strs_free(&l->header);
    gn_strs_free(&l->meaning);
    gn_strs_free(&l->faults);
    gn_strs_free(&l->notes);
    gn_strs_free(&l->about);
    memset(l, 0, sizeof *l);
}

/* ---- text ---- */

/* The way from the folder dir (NULL: from the root) to the folder to, with a slash at its end. */
static int way(const char *dir, const char *to, struct gn_str *out, struct gn_err *err)
{
    char *a = realpath(dir ? dir : "/", NULL), *b = realpath(to, NULL);
    size_t same = 0, i = 0;
    int rc = -1;
    if (!a || !b) {
        gn_err_set(err, "%s: %s", a ? to : dir, strerror(errno));
        goto out;
    }
    rc = 0;
    if (!dir) {
        gn_str_addf(out, "%s%s", b, b[1] ? "/" : "");
        goto out;
    }
    if (!a[1])
        a[0] = 0; /* the root: every path goes on from it */
    if (!b[1])
        b[0] = 0;
    for (; a[i] && a[i] == b[i]; i++)
        if (a[i] == '/')
            same = i;
    if ((!a[i] || a[i] == '/') && (!b[i] || b[i] == '/'))
        same = i;
    for (const char *p = a + same; *p; p++)
        if (*p == '/')
            gn_str_add(out, "../");
    if (b[same])
        gn_str_addf(out, "%s/", b + same + 1);
out:
    free(a);
    free(b);
    return rc;
}

int gn_layout_put(const struct gn_layout *l, const char *dir, struct gn_str *out,
                  struct gn_err *err)
{
    struct gn_str prefix = { 0 }, cell = { 0 };
    int rc = way(dir, l->folder, &prefix, err);
    gn_csv_put(out, "SubjectID", ',', 1);
    if (l->sessions)
        gn_csv_put(out, "Session", ',', 0);
    for (size_t c = 0; c < l->header.n; c++)
        gn_csv_put(out, l->header.item[c], ',', 0);
    gn_str_add(out, "\n");
    for (size_t i = 0; rc == 0 && i < l->rows; i++) {
        const struct gn_layout_row *r = &l->row[i];
        size_t start = out->len;
        gn_csv_put(out, r->subject, ',', 1);
        if (l->sessions)
            gn_csv_put(out, r->session ? r->session : "", ',', 0);
        for (size_t c = 0; c < l->header.n; c++) {
            gn_str_clear(&cell);
            if (r->cell[c])
                gn_str_addf(&cell, "%s%s", gn_str_text(&prefix), r->cell[c]);
            gn_csv_put(out, gn_str_text(&cell), ',', 0);
        }
        gn_str_add(out, "\n");
        if (!gn_utf8_valid(out->data + start, out->len - start))
            rc = gn_err_set(err, "%s: subject %s: a name that is not UTF-8: no CSV can hold it",
                            l->folder, r->subject);
    }
    gn_str_free(&prefix);
    gn_str_free(&cell);
    return rc;
}

/* ---- folders ---- */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int gn_layout_list(const char *folder, const char *below, struct gn_strs *names, struct gn_err *err)
{
    char *path = gn_path_join(folder, *below ? below : ".");
    DIR *d = opendir(path);
    struct dirent *e;
    struct stat st;
    size_t first = names->n;
    if (!d) {
        gn_err_set(err, "%s: %s", path, strerror(errno));
        free(path);
        return -1;
    }
    while (errno = 0, (e = readdir(d))) {
        if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, 0))
            continue; /* hidden, or a link that leads nowhere */
        char *name = gn_asprintf("%s%s", e->d_name, S_ISDIR(st.st_mode) ? "/" : "");
        gn_strs_add(names, name);
        free(name);
    }
    int rc = errno ? gn_err_set(err, "%s: %s", path, strerror(errno)) : 0;
    closedir(d);
    free(path);
    if (names->n > first)
        qsort(names->item + first, names->n - first, sizeof *names->item, by_bytes);
    return rc;
}

bool gn_layout_exists(const struct gn_layout *l, const char *path)
{
    struct stat st;
    char *full = gn_path_join(l->folder, path);
    bool there = stat(full, &st) == 0;
    free(full);
    return there;
}

/* ---- by patterns ---- */

struct pattern {
    char *text;        /* without the slash at its end */
    bool path, folder; /* compared with the whole path; means folders */
    size_t star;       /* place of the first *; SIZE_MAX: none */
};

static struct pattern read_pattern(const char *text)
{
    struct pattern p = { .star = SIZE_MAX };
    size_t n = strlen(text);
    p.folder = n > 1 && text[n - 1] == '/';
    n -= p.folder;
    p.path = memchr(text, '/', n) != NULL;
    bool part = !p.path && strcspn(text, "*?[") >= n;
    p.text = gn_asprintf("%s%.*s%s", part ? "*" : "", (int)n, text, part ? "*" : "");
    for (size_t i = 0; p.text[i] && p.star == SIZE_MAX; i++) {
        if (p.text[i] == '\\' && p.text[i + 1])
            i++;
        else if (p.text[i] == '[' && p.text[i + 1] && strchr(p.text + i + 2, ']'))
            i = (size_t)(strchr(p.text + i + 2, ']') - p.text);
        else if (p.text[i] == '*')
            p.star = i;
    }
    return p;
}

/* What the first * stands for: the shortest text that it can; NULL: nothing. The caller's. */
static char *star_of(const struct pattern *p, const char *name)
{
    char *head = gn_strndup(p->text, p->star), *text = gn_strdup(name), *found = NULL;
    size_t n = strlen(name);
    for (size_t from = 0; from <= n && !found; from++) {
        char kept = text[from];
        text[from] = 0;
        int rc = fnmatch(head, text, FNM_PATHNAME);
        text[from] = kept;
        for (size_t to = from; rc == 0 && to <= n && !found; to++) {
            if (fnmatch(p->text + p->star + 1, name + to, FNM_PATHNAME) == 0 && to > from)
                found = gn_strndup(name + from, to - from);
            if (name[to] == '/')
                break;
        }
    }
    free(head);
    free(text);
    return found;
}

/* The subject of a path that the pattern matches; NULL: it does not. The caller's. */
static char *match(const struct pattern *p, const char *path, bool folder)
{
    const char *name = p->path ? path : gn_path_base(path), *slash = strchr(path, '/');
    if (p->folder != folder || fnmatch(p->text, name, FNM_PATHNAME))
        return NULL;
    if (!p->path && slash)
        return gn_strndup(path, (size_t)(slash - path));
    return p->star == SIZE_MAX ? NULL : star_of(p, name);
}

struct hit {
    char *subject, *path;
    size_t column;
};

struct walk {
    struct gn_layout *l;
    struct pattern *pattern; /* one a column */
    size_t channels;         /* the first columns; the others come first in matching */
    struct hit *hit;
    size_t n, cap;
    struct {
        dev_t dev;
        ino_t ino;
    } above[128]; /* the folders that we are in: links may lead back to them */
};

static bool try_column(struct walk *w, size_t column, const char *path, bool folder)
{
    char *subject = match(&w->pattern[column], path, folder);
    if (!subject)
        return false;
    if (w->n == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 256;
        w->hit = gn_realloc(w->hit, w->cap * sizeof *w->hit);
    }
    w->hit[w->n++] = (struct hit){ subject, gn_strdup(path), column };
    return true;
}

static void look_at(struct walk *w, const char *path, bool folder)
{
    for (size_t c = w->channels; c < w->l->header.n; c++)
        if (try_column(w, c, path, folder))
            return;
    for (size_t c = 0; c < w->channels; c++)
        (void)try_column(w, c, path, folder);
}

static int walk_into(struct walk *w, const char *below, size_t depth, struct gn_err *err)
{
    struct gn_strs names = { 0 };
    struct stat st;
    char *full = gn_path_join(w->l->folder, *below ? below : ".");
    int rc = stat(full, &st);
    free(full);
    if (rc == 0) {
        if (depth == sizeof w->above / sizeof *w->above)
            return gn_err_set(err, "%s: folders too deep: %s", w->l->folder, below);
        for (size_t i = 0; i < depth; i++)
            if (w->above[i].dev == st.st_dev && w->above[i].ino == st.st_ino)
                return 0;
        w->above[depth].dev = st.st_dev;
        w->above[depth].ino = st.st_ino;
    }
    rc = gn_layout_list(w->l->folder, below, &names, err);
    for (size_t i = 0; rc == 0 && i < names.n; i++) {
        size_t n = strlen(names.item[i]), before = w->n;
        bool folder = names.item[i][n - 1] == '/';
        char *path = gn_asprintf("%s%s%.*s", below, *below ? "/" : "", (int)(n - folder),
                                 names.item[i]);
        look_at(w, path, folder);
        if (folder)
            rc = walk_into(w, path, depth + 1, err);
        if (rc == 0 && folder && !*below && w->n == before) {
            char *note = gn_asprintf("%s/%s: nothing in this folder matches", w->l->folder, path);
            gn_strs_add(&w->l->notes, note);
            free(note);
        }
        free(path);
    }
    gn_strs_free(&names);
    return rc;
}

static int by_subject(const void *a, const void *b)
{
    const struct hit *p = a, *q = b;
    int order = strcmp(p->subject, q->subject);
    if (order == 0 && p->column != q->column)
        order = p->column < q->column ? -1 : 1;
    return order ? order : strcmp(p->path, q->path);
}

int gn_layout_patterns(struct gn_layout *l, const char *folder, const struct gn_layout_spec *spec,
                       struct gn_err *err)
{
    struct walk w = { .l = l, .channels = spec->channels->n };
    struct gn_layout_row *r = NULL;
    int rc = 0;
    l->folder = gn_strdup(folder);
    for (size_t c = 0; c < w.channels; c++) {
        char *header = gn_asprintf("Channel_%zu", c);
        gn_layout_add_column(l, header, spec->channels->item[c]);
        free(header);
    }
    if (spec->label)
        gn_layout_add_column(l, "Label", spec->label);
    if (spec->mask)
        gn_layout_add_column(l, "Mask", spec->mask);
    w.pattern = gn_alloc((l->header.n + 1) * sizeof *w.pattern);
    for (size_t c = 0; c < l->header.n; c++) {
        w.pattern[c] = read_pattern(l->meaning.item[c]);
        if (w.pattern[c].path && w.pattern[c].star == SIZE_MAX && rc == 0)
            rc = gn_err_usage(err, "%s: a pattern with a / needs a * that stands for the subject",
                              l->meaning.item[c]);
    }
    rc = rc ? rc : walk_into(&w, "", 0, err);
    if (w.n)
        qsort(w.hit, w.n, sizeof *w.hit, by_subject);
    for (size_t i = 0; i < w.n; i++) {
        if (i == 0 || strcmp(w.hit[i].subject, w.hit[i - 1].subject))
            r = gn_layout_add_row(l, w.hit[i].subject, NULL);
        gn_layout_set(l, r, w.hit[i].column, w.hit[i].path);
    }
    for (size_t i = 0; i < w.n; i++) {
        free(w.hit[i].subject);
        free(w.hit[i].path);
    }
    for (size_t c = 0; c < l->header.n; c++)
        free(w.pattern[c].text);
    free(w.hit);
    free(w.pattern);
    return rc ? rc : gn_layout_finish(l, err);
}
