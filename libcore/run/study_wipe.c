/* study_wipe.c - see study_wipe.h */
#include "run/study_wipe.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "config/folds.h"
#include "config/target.h"
#include "io/index.h"

enum { JOURNAL_LIMIT = 1 << 30 };

/* Files are removed in this order, then folders that are empty. */
struct haul {
    struct gn_strs file, folder;
};

static bool is_number(const char *name)
{
    return *name && strspn(name, "0123456789") == strlen(name);
}

bool gn_study_is_litter(const char *name)
{
    const char *tail = strstr(name, ".gn-");
    return name[0] == '.' && tail && tail > name && tail[4] &&
           strspn(tail + 4, "0123456789-") == strlen(tail + 4);
}

static void add(struct gn_strs *list, const char *folder, const char *name)
{
    char *path = gn_path_join(folder, name);
    gn_strs_add(list, path);
    free(path);
}

static bool ends_in(const char *name, const char *tail)
{
    size_t n = strlen(name), k = strlen(tail);
    return n > k && !strcmp(name + n - k, tail);
}

/* ---- what there is ---- */

/* The files in a folder whose name ends so (tail), and litter. */
static void add_files(struct haul *h, const char *folder, const char *tail)
{
    struct dirent *e;
    DIR *dir = opendir(folder);
    while (dir && (e = readdir(dir)))
        if (gn_study_is_litter(e->d_name) || (tail && ends_in(e->d_name, tail)))
            add(&h->file, folder, e->d_name);
    if (dir)
        closedir(dir);
    gn_strs_add(&h->folder, folder);
}

static void add_cache(struct haul *h, const char *out, const char *name)
{
    char *folder = gn_path_join(out, name);
    add(&h->file, folder, "data.csv");
    add(&h->file, folder, ".data.csv.gn-save");
    add_files(h, folder, ".gnt");
    add(&h->file, folder, ".gn-save");
    free(folder);
}

/* gn-save lists in .gn-save what it has written, below a line of its own; a person's files beside
 * those stay. */
static void add_predictions(struct haul *h, const char *leaf)
{
    char *folder = gn_path_join(leaf, "predictions"), *journal = gn_path_join(folder, ".gn-save"),
         *text = NULL;
    struct gn_err none = {0};
    size_t n;
    add(&h->file, folder, "predictions.csv");
    add(&h->file, folder, ".predictions.csv.gn-save");
    if (access(journal, F_OK) == 0 && gn_file_read(journal, JOURNAL_LIMIT, &text, &n, &none) == 0)
        for (char *line = strchr(text, '\n'), *end; line && (end = strchr(line + 1, '\n'));
             line = end) {
            char *file = gn_strndup(line + 1, (size_t)(end - line - 1)),
                 *path = gn_path_join(folder, file), *own = gn_path_dir(path);
            if (*file && *file != '/' && strncmp(file, "../", 3) && !strstr(file, "/../")) {
                gn_strs_add(&h->file, path);
                add_files(h, own, NULL);
            }
            free(file);
            free(path);
            free(own);
        }
    gn_strs_add(&h->file, journal);
    add_files(h, folder, NULL);
    free(folder);
    free(journal);
    free(text);
}

/* The table by which a leaf is known goes last. */
static void add_leaf(struct haul *h, const char *leaf, bool sets)
{
    static const char *const model[] = {"DONE", "best.safetensors", "latest.safetensors",
                                        "logs_training.csv", "logs_validation.csv",
                                        "logs_testing.csv", "timing.tsv", ".status", ".lock"};
    static const char *const own[] = {"class_counts.tsv", "scores.tsv", ".products"};
    static const char *const set[] = {"data_testing.csv", "data_validation.csv",
                                      "data_training.csv"};
    char *folder = gn_path_join(leaf, "model"), *report = gn_path_join(leaf, "report");
    for (size_t i = 0; i < sizeof model / sizeof *model; i++)
        add(&h->file, folder, model[i]);
    add_files(h, folder, NULL);
    add_predictions(h, leaf);
    add(&h->file, report, "predictions.png");
    add_files(h, report, NULL);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        add(&h->file, leaf, own[i]);
    for (size_t i = 0; i < sizeof set / sizeof *set && sets; i++) {
        char *mark = gn_asprintf(".%s.gn-split", set[i]);
        add(&h->file, leaf, set[i]);
        add(&h->file, leaf, mark);
        free(mark);
    }
    free(folder);
    free(report);
}

static void add_once(struct gn_strs *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (!strcmp(list->item[i], name))
            return;
    gn_strs_add(list, name);
}

static void find_marked(const char *out, const char *below, struct gn_strs *leaves)
{
    char *folder = *below ? gn_path_join(out, below) : gn_strdup(out);
    struct dirent *e;
    DIR *dir = opendir(folder);
    while (dir && (e = readdir(dir))) {
        bool outer = !*below && !strncmp(e->d_name, "testing_", 8) && is_number(e->d_name + 8);
        if (!outer && !is_number(e->d_name))
            continue;
        char *name = *below ? gn_path_join(below, e->d_name) : gn_strdup(e->d_name),
             *leaf = gn_path_join(folder, e->d_name),
             *table = gn_path_join(leaf, "data_training.csv");
        struct gn_err none = {0};
        if (access(table, F_OK) == 0 && gn_index_own(table, "gn-split", &none) == 0)
            add_once(leaves, name);
        if (outer)
            find_marked(out, name, leaves);
        free(name);
        free(leaf);
        free(table);
    }
    if (dir)
        closedir(dir);
    free(folder);
}

/* The leaves but for OUT itself. */
static void find_leaves(const char *out, struct gn_strs *leaves)
{
    struct gn_config old = {0};
    struct gn_strs faults = {0};
    struct gn_err none = {0};
    char *config = gn_path_join(out, "config.yaml");
    if (access(config, F_OK) == 0 && gn_config_read(&old, config, &faults, &none) == 0)
        for (int f = 0; f < gn_folds_run(old.testing); f++)
            for (int g = 0; g < gn_folds_run(old.validation); g++) {
                char *name = gn_folds_leaf_name(old.testing, old.validation, f, g);
                if (*name)
                    gn_strs_add(leaves, name);
                free(name);
            }
    find_marked(out, "", leaves);
    gn_config_free(&old);
    gn_strs_free(&faults);
    free(config);
}

static void collect(const struct gn_study *s, unsigned keep, struct haul *h)
{
    static const char *const caches[] = {"cache", "cache_raw", "cache_training", NULL};
    struct gn_strs leaves = {0};
    find_leaves(s->out, &leaves);
    add(&h->file, s->out, "config.yaml"); /* first: without it the folder is not set up */
    add(&h->file, s->out, "Makefile");
    add(&h->file, s->out, GN_TARGETS_FILE);
    for (int i = 0; caches[i] && !(keep & GN_KEEP_CACHES); i++)
        add_cache(h, s->out, caches[i]);
    for (size_t i = 0; i < leaves.n; i++) {
        char *leaf = gn_path_join(s->out, leaves.item[i]), *above = gn_path_dir(leaf);
        add_leaf(h, leaf, true);
        gn_strs_add(&h->folder, leaf);
        if (strchr(leaves.item[i], '/'))
            gn_strs_add(&h->folder, above);
        free(leaf);
        free(above);
    }
    add_leaf(h, s->out, !(keep & GN_KEEP_SETS));
    if (!(keep & GN_KEEP_DATA)) {
        add(&h->file, s->out, "sources.tsv");
        add(&h->file, s->out, "data.csv");
    }
    gn_strs_free(&leaves);
}

/* ---- what must stay ---- */

struct input {
    dev_t device;
    ino_t inode;
    const char *path;
};

struct inputs {
    struct input *item;
    size_t n;
};

static int compare_inputs(const void *a, const void *b)
{
    const struct input *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

static void add_input(struct inputs *in, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return;
    if (!(in->n & (in->n - 1))) /* full at each power of two */
        in->item = gn_realloc(in->item, (in->n ? 2 * in->n : 1) * sizeof *in->item);
    in->item[in->n++] = (struct input){st.st_dev, st.st_ino, path};
}

static int check_inputs(const struct gn_study *s, const struct haul *h, struct gn_err *err)
{
    struct inputs in = {0};
    int rc = 0;
    add_input(&in, s->config_path);
    for (size_t k = 0; k < s->n_csv; k++) {
        const struct gn_table *t = &s->table[k];
        add_input(&in, s->csv[k]);
        for (size_t r = 0; r < t->rows; r++)
            for (size_t c = 0; c < t->columns; c++)
                if (t->row[r].path[c])
                    add_input(&in, t->row[r].path[c]);
    }
    if (in.n)
        qsort(in.item, in.n, sizeof *in.item, compare_inputs);
    for (size_t i = 0; i < h->file.n && in.n && rc == 0; i++) {
        struct stat st;
        const struct input *hit = NULL;
        if (lstat(h->file.item[i], &st) == 0) {
            struct input key = {st.st_dev, st.st_ino, NULL};
            hit = bsearch(&key, in.item, in.n, sizeof *in.item, compare_inputs);
        }
        if (hit)
            rc = gn_err_set(err, "%s: is an input, and one of the files of the earlier study that "
                            "would be removed: nothing was; copy it to another place first",
                            hit->path);
    }
    free(in.item);
    return rc;
}

static bool is_taken(const struct haul *h, const char *path)
{
    for (size_t i = 0; i < h->file.n; i++)
        if (!strcmp(h->file.item[i], path))
            return true;
    return false;
}

/* What is in the way of the new leaves and is nobody's that would go. */
static int check_places(const struct gn_study *s, const struct haul *h, struct gn_err *err)
{
    static const char *const name[] = {"data_training.csv", "data_validation.csv",
                                       "data_testing.csv", "model/latest.safetensors"};
    const size_t n = sizeof name / sizeof *name;
    int rc = 0;
    for (size_t i = 0; i < n * s->leaves.n && rc == 0; i++) {
        char *leaf = gn_path_join(s->out, s->leaves.item[i / n]),
             *path = gn_path_join(leaf, name[i % n]);
        if (*s->leaves.item[i / n] && access(path, F_OK) == 0 && !is_taken(h, path))
            rc = gn_err_set(err, "%s: is in the way of a leaf, and is not of the earlier study: "
                            "nothing was removed; move it away first", path);
        free(leaf);
        free(path);
    }
    return rc;
}

int gn_study_wipe(const struct gn_study *s, unsigned keep, struct gn_err *err)
{
    struct haul h = {0};
    collect(s, keep, &h);
    int rc = check_inputs(s, &h, err);
    rc = rc ? rc : check_places(s, &h, err);
    for (size_t i = 0; i < h.file.n && rc == 0; i++)
        if (unlink(h.file.item[i]) < 0 && errno != ENOENT && errno != ENOTDIR)
            rc = gn_err_set(err, "%s: cannot be removed: %s", h.file.item[i], strerror(errno));
    for (size_t i = 0; i < h.folder.n && rc == 0; i++)
        (void)rmdir(h.folder.item[i]); /* what holds a person's files stays */
    gn_strs_free(&h.file);
    gn_strs_free(&h.folder);
    return rc;
}
