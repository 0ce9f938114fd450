/* layout_bids.c - data sets in the Brain Imaging Data Structure. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/layout.h"

/* The name without .nii or .nii.gz into *stem (the caller's); false: it is neither. */
static bool image_stem(const char *name, char **stem)
{
    size_t n = strlen(name), cut = n > 7 && !strcmp(name + n - 7, ".nii.gz") ? 7
                                   : n > 4 && !strcmp(name + n - 4, ".nii")  ? 4
                                                                             : 0;
    *stem = cut ? gn_strndup(name, n - cut) : NULL;
    return cut != 0;
}

static const char *suffix_of(const char *stem)
{
    const char *last = strrchr(stem, '_');
    return last ? last + 1 : stem;
}

static bool means(const char *asked, const char *stem)
{
    if (asked[strcspn(asked, "*?[")])
        return fnmatch(asked, stem, 0) == 0;
    return !strcmp(asked, suffix_of(stem));
}

static int has(const struct gn_strs *list, const char *text)
{
    for (size_t i = 0; i < list->n; i++)
        if (!strcmp(list->item[i], text))
            return 1;
    return 0;
}

/* Folders in folder/below whose names begin so, with their slash. */
static int folders(const struct gn_layout *l, const char *below, const char *start,
                   struct gn_strs *out, struct gn_err *err)
{
    struct gn_strs names = { 0 };
    int rc = gn_layout_list(l->folder, below, &names, err);
    for (size_t i = 0; rc == 0 && i < names.n; i++)
        if (!strncmp(names.item[i], start, strlen(start)) &&
            names.item[i][strlen(names.item[i]) - 1] == '/')
            gn_strs_add(out, names.item[i]);
    gn_strs_free(&names);
    return rc;
}

struct visit { /* a subject, or a session of it */
    char *subject, *session, *below; /* "sub-01/ses-1/" */
};

struct data {
    struct gn_layout *l;
    struct visit *visit;
    size_t n;
    struct gn_strs roots; /* where labels are: "", "derivatives/", "derivatives/manual/" */
};

static void add_visit(struct data *d, const char *subject, const char *session)
{
    d->visit = gn_realloc(d->visit, (d->n + 1) * sizeof *d->visit);
    struct visit *v = &d->visit[d->n];
    v->below = gn_asprintf("%s%s", subject, session ? session : "");
    char *anat = gn_asprintf("%sanat", v->below);
    if (!gn_layout_exists(d->l, anat)) {
        char *note = gn_asprintf("%s/%s: no such folder: left out", d->l->folder, anat);
        gn_strs_add(&d->l->notes, note);
        free(note);
        free(anat);
        free(v->below);
        return;
    }
    free(anat);
    v->subject = gn_strndup(subject, strlen(subject) - 1);
    v->session = session ? gn_strndup(session, strlen(session) - 1) : NULL;
    d->n++;
}

static int find_visits(struct data *d, struct gn_err *err)
{
    struct gn_strs subjects = { 0 }, derived = { 0 };
    int rc = folders(d->l, "", "sub-", &subjects, err);
    for (size_t i = 0; rc == 0 && i < subjects.n; i++) {
        struct gn_strs sessions = { 0 };
        rc = folders(d->l, subjects.item[i], "ses-", &sessions, err);
        for (size_t k = 0; k < sessions.n; k++)
            add_visit(d, subjects.item[i], sessions.item[k]);
        if (!sessions.n)
            add_visit(d, subjects.item[i], NULL);
        gn_strs_free(&sessions);
    }
    if (rc == 0 && !subjects.n)
        rc = gn_err_set(err, "%s: no BIDS data set: it has no folder sub-*", d->l->folder);
    gn_strs_add(&d->roots, "");
    if (rc == 0 && gn_layout_exists(d->l, "derivatives")) {
        gn_strs_add(&d->roots, "derivatives/");
        rc = folders(d->l, "derivatives", "", &derived, err);
        for (size_t i = 0; rc == 0 && i < derived.n; i++) {
            char *root = gn_asprintf("derivatives/%s", derived.item[i]);
            if (strncmp(derived.item[i], "sub-", 4))
                gn_strs_add(&d->roots, root);
            free(root);
        }
    }
    gn_strs_free(&subjects);
    gn_strs_free(&derived);
    return rc;
}

/* Calls f for the images of a visit's anat folder below root. */
static int each_image(struct data *d, const char *root, const struct visit *v,
                      void (*f)(void *arg, const char *path, const char *stem), void *arg,
                      struct gn_err *err)
{
    struct gn_strs names = { 0 };
    char *anat = gn_asprintf("%s%sanat", root, v->below), *stem;
    int rc = gn_layout_exists(d->l, anat) ? gn_layout_list(d->l->folder, anat, &names, err) : 0;
    for (size_t i = 0; rc == 0 && i < names.n; i++) {
        if (!image_stem(names.item[i], &stem))
            continue;
        char *path = gn_asprintf("%s/%s", anat, names.item[i]);
        f(arg, path, stem);
        free(path);
        free(stem);
    }
    gn_strs_free(&names);
    free(anat);
    return rc;
}

/* ---- what there is, when it is not said ---- */

static void note_suffix(void *arg, const char *path, const char *stem)
{
    static const char *const others[] = { "dseg", "probseg", "mask", "defacemask", NULL };
    const char *suffix = suffix_of(stem);
    bool image = true;
    (void)path;
    for (int i = 0; others[i]; i++)
        image = image && strcmp(suffix, others[i]);
    if (image && !has(arg, suffix))
        gn_strs_add(arg, suffix);
}

static void note_dseg(void *arg, const char *path, const char *stem)
{
    (void)path;
    *(bool *)arg = *(bool *)arg || !strcmp(suffix_of(stem), "dseg");
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- the table ---- */

struct filling {
    struct gn_layout *l;
    struct gn_layout_row *r;
    size_t channels;
    bool raw;
};

static void fill(void *arg, const char *path, const char *stem)
{
    struct filling *f = arg;
    for (size_t c = f->channels; c < f->l->header.n; c++)
        if (means(f->l->meaning.item[c], stem)) {
            gn_layout_set(f->l, f->r, c, path);
            return;
        }
    for (size_t c = 0; f->raw && c < f->channels; c++)
        if (means(f->l->meaning.item[c], stem))
            gn_layout_set(f->l, f->r, c, path);
}

int gn_layout_bids(struct gn_layout *l, const char *folder, const struct gn_layout_spec *spec,
                   struct gn_err *err)
{
    struct data d = { .l = l };
    struct gn_strs channels = { 0 };
    const char *label = spec->label;
    bool dseg = false;
    l->folder = gn_strdup(folder);
    int rc = find_visits(&d, err);
    for (size_t i = 0; i < spec->channels->n; i++)
        gn_strs_add(&channels, spec->channels->item[i]);
    for (size_t i = 0; rc == 0 && !spec->channels->n && i < d.n; i++)
        rc = each_image(&d, "", &d.visit[i], note_suffix, &channels, err);
    if (channels.n && !spec->channels->n)
        qsort(channels.item, channels.n, sizeof *channels.item, by_bytes);
    for (size_t i = 0; rc == 0 && !label && i < d.n; i++)
        for (size_t k = 0; rc == 0 && k < d.roots.n; k++)
            rc = each_image(&d, d.roots.item[k], &d.visit[i], note_dseg, &dseg, err);
    label = dseg ? "dseg" : label;
    if (rc == 0 && !channels.n)
        rc = gn_err_set(err, "%s: no image in any folder anat", folder);
    for (size_t c = 0; c < channels.n; c++) {
        char *header = gn_asprintf("Channel_%zu", c);
        gn_layout_add_column(l, header, channels.item[c]);
        free(header);
    }
    if (label)
        gn_layout_add_column(l, "Label", label);
    if (spec->mask)
        gn_layout_add_column(l, "Mask", spec->mask);
    for (size_t i = 0; rc == 0 && i < d.n; i++) {
        struct filling f = { l, gn_layout_add_row(l, d.visit[i].subject, d.visit[i].session),
                             channels.n, true };
        for (size_t k = 0; rc == 0 && k < d.roots.n; k++) {
            f.raw = k == 0;
            rc = each_image(&d, d.roots.item[k], &d.visit[i], fill, &f, err);
        }
    }
    for (size_t i = 0; i < d.n; i++) {
        free(d.visit[i].subject);
        free(d.visit[i].session);
        free(d.visit[i].below);
    }
    free(d.visit);
    gn_strs_free(&d.roots);
    gn_strs_free(&channels);
    return rc ? rc : gn_layout_finish(l, err);
}
