/* layout_nnunet.c - raw data sets of nnU-Net and of the Medical Segmentation Decathlon. */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "io/layout.h"

enum { JSON_LIMIT = 64 << 20 };

static json_t *read_json(const char *folder, struct gn_err *err)
{
    char *path = gn_path_join(folder, "dataset.json"), *text = NULL;
    size_t n = 0;
    json_error_t why;
    json_t *root = NULL;
    if (gn_file_read(path, JSON_LIMIT, &text, &n, err) == 0) {
        root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
        if (!root)
            gn_err_set(err, "%s:%d:%d: %s", path, why.line, why.column, why.text);
        else if (!json_is_object(root))
            gn_err_set(err, "%s: not an object", path);
        if (!json_is_object(root)) {
            json_decref(root);
            root = NULL;
        }
    }
    free(text);
    free(path);
    return root;
}

/* "0 background, 1 edema, 2||3 core" of {"background": 0, "core": [2, 3]} (version 2) or {"0":
 * "background"} (version 1); the same of channels. */
static void describe(json_t *map, const char *what, struct gn_strs *about)
{
    struct gn_str line = { 0 };
    void *at = json_object_iter(map);
    gn_str_addf(&line, "%s:", what);
    for (int n = 0; at; at = json_object_iter_next(map, at), n++) {
        const char *key = json_object_iter_key(at);
        const json_t *v = json_object_iter_value(at);
        gn_str_add(&line, n ? ", " : " ");
        if (json_is_string(v)) {
            gn_str_addf(&line, "%s %s", key, json_string_value(v));
            continue;
        }
        if (json_is_integer(v))
            gn_str_addf(&line, "%lld", (long long)json_integer_value(v));
        for (size_t i = 0; i < json_array_size(v); i++)
            gn_str_addf(&line, "%s%lld", i ? "||" : "",
                        (long long)json_integer_value(json_array_get(v, i)));
        gn_str_addf(&line, " %s", key);
    }
    if (json_object_size(map))
        gn_strs_add(about, gn_str_text(&line));
    gn_str_free(&line);
}

/* The name of a case: without the ending and, of a channel, _0000. NULL: another ending. */
static char *case_of(const char *name, const char *ending, bool channel)
{
    size_t n = strlen(name), e = strlen(ending);
    if (n <= e || strcmp(name + n - e, ending))
        return NULL;
    n -= e;
    bool four = n > 5 && name[n - 5] == '_';
    for (size_t i = 1; four && i <= 4; i++)
        four = isdigit((unsigned char)name[n - i]);
    if (channel && !four)
        return NULL;
    return gn_strndup(name, channel ? n - 5 : n);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void unique(struct gn_strs *names)
{
    size_t kept = 0;
    if (names->n)
        qsort(names->item, names->n, sizeof *names->item, by_bytes);
    for (size_t i = 0; i < names->n; i++) {
        if (kept && !strcmp(names->item[kept - 1], names->item[i]))
            free(names->item[i]);
        else
            names->item[kept++] = names->item[i];
    }
    if (names->item)
        names->item[kept] = NULL;
    names->n = kept;
}

/* The cases whose files are in a folder. */
static int find_cases(const struct gn_layout *l, const char *below, const char *ending,
                      bool channel, struct gn_strs *cases, struct gn_err *err)
{
    struct gn_strs names = { 0 };
    int rc = gn_layout_list(l->folder, below, &names, err);
    for (size_t i = 0; rc == 0 && i < names.n; i++) {
        char *name = case_of(names.item[i], ending, channel);
        if (name)
            gn_strs_add(cases, name);
        free(name);
    }
    gn_strs_free(&names);
    return rc;
}

static void set_if_there(struct gn_layout *l, struct gn_layout_row *r, size_t column, char *path)
{
    if (gn_layout_exists(l, path))
        gn_layout_set(l, r, column, path);
    free(path);
}

/* The files where the list of a data set says ("dataset": {case: {images, label}}). */
static int from_list(struct gn_layout *l, json_t *list, size_t channels, struct gn_err *err)
{
    struct gn_strs cases = { 0 };
    int rc = 0;
    for (void *at = json_object_iter(list); at; at = json_object_iter_next(list, at))
        gn_strs_add(&cases, json_object_iter_key(at));
    unique(&cases);
    for (size_t i = 0; rc == 0 && i < cases.n; i++) {
        const json_t *e = json_object_get(list, cases.item[i]);
        const json_t *images = json_object_get(e, "images"), *label = json_object_get(e, "label");
        struct gn_layout_row *r = gn_layout_add_row(l, cases.item[i], NULL);
        for (size_t c = 0; rc == 0 && c <= channels; c++) {
            const char *path =
                json_string_value(c < channels ? json_array_get(images, c) : label);
            if (path && path[0] == '/')
                rc = gn_err_set(err, "%s: case %s: an absolute path: %s", l->folder,
                                cases.item[i], path);
            else if (path)
                set_if_there(l, r, c, gn_strdup(!strncmp(path, "./", 2) ? path + 2 : path));
        }
    }
    gn_strs_free(&cases);
    return rc;
}

int gn_layout_nnunet(struct gn_layout *l, const char *folder, bool test, struct gn_err *err)
{
    const char *images = test ? "imagesTs" : "imagesTr", *labels = test ? "labelsTs" : "labelsTr";
    struct gn_strs cases = { 0 };
    l->folder = gn_strdup(folder);
    json_t *root = read_json(folder, err);
    if (!root)
        return -1;
    json_t *names = json_object_get(root, "channel_names"), *list = NULL;
    const char *ending = json_string_value(json_object_get(root, "file_ending"));
    int rc = 0;
    names = names ? names : json_object_get(root, "modality");
    list = test ? NULL : json_object_get(root, "dataset");
    ending = ending ? ending : ".nii.gz";
    size_t channels = json_object_size(names);
    bool labelled = list || gn_layout_exists(l, labels), split = true;
    if (!channels) {
        rc = gn_err_set(err, "%s/dataset.json: no channel_names and no modality", folder);
        goto out;
    }
    describe(names, "channels", &l->about);
    describe(json_object_get(root, "labels"), "labels", &l->about);
    if (!json_is_object(list)) {
        list = NULL;
        if (find_cases(l, images, ending, true, &cases, err)) {
            rc = -1;
            goto out;
        }
        if (!cases.n) { /* the Decathlon's: all channels in one file */
            split = false;
            channels = 1;
            rc = find_cases(l, images, ending, false, &cases, err);
        }
        if (rc == 0 && labelled)
            rc = find_cases(l, labels, ending, false, &cases, err);
        unique(&cases);
    }
    for (size_t c = 0; c < channels; c++) {
        char *header = gn_asprintf("Channel_%zu", c);
        char *meaning = split ? gn_asprintf("%s/*_%04zu%s", images, c, ending)
                              : gn_asprintf("%s/*%s", images, ending);
        gn_layout_add_column(l, header, meaning);
        free(header);
        free(meaning);
    }
    if (labelled) {
        char *meaning = gn_asprintf("%s/*%s", labels, ending);
        gn_layout_add_column(l, "Label", meaning);
        free(meaning);
    }
    if (rc == 0 && list)
        rc = from_list(l, list, channels, err);
    for (size_t i = 0; rc == 0 && i < cases.n; i++) {
        struct gn_layout_row *r = gn_layout_add_row(l, cases.item[i], NULL);
        for (size_t c = 0; c < channels; c++)
            set_if_there(l, r, c,
                         split ? gn_asprintf("%s/%s_%04zu%s", images, r->subject, c, ending)
                               : gn_asprintf("%s/%s%s", images, r->subject, ending));
        if (labelled)
            set_if_there(l, r, channels, gn_asprintf("%s/%s%s", labels, r->subject, ending));
    }
out:
    gn_strs_free(&cases);
    json_decref(root);
    return rc ? rc : gn_layout_finish(l, err);
}
