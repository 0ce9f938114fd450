/* study_labels.c - the labels of every subject against class_list, from the cache, before anything
 * is trained: one of the test set would be found out at the very end. */
#include "run/study.h"

#include <stdlib.h>
#include <string.h>

#include "run/batch.h"
#include "run/cache.h"

static int check_sample(const struct gn_setup *setup, struct gn_sample *sample, struct gn_err *err)
{
    int64_t size[3];
    int32_t *label = NULL;
    int rc = -1;
    if (!gn_sample_find(sample, GN_ROLE_LABEL)) /* a test set may do without; training will say */
        return 0;
    if (gn_sample_size(sample, size, err) < 0)
        return -1;
    size_t voxels = (size_t)(size[0] * size[1] * size[2]);
    label = gn_try_alloc(voxels * sizeof *label, err);
    if (label && gn_sample_label(sample, size, label, err) == 0 &&
        gn_check_labels(setup, label, (int64_t)voxels, err) == 0)
        rc = 0;
    free(label);
    return rc;
}

/* The file that the table names for a sample's label, or NULL. */
static const char *label_file(const struct gn_study *s, const char *sample)
{
    for (size_t k = 0; k < s->n_csv; k++) {
        const struct gn_table *t = &s->table[k];
        long r = gn_table_find_sample(t, sample);
        if (r >= 0 && t->label >= 0)
            return t->row[r].path[t->label];
    }
    return NULL;
}

int gn_study_check_labels(const struct gn_study *s, struct gn_err *err)
{
    struct gn_setup setup = {0};
    struct gn_cache cache = {0};
    struct gn_err why = {0};
    char *folder = gn_path_join(s->out, "cache");
    const char *const path = folder;
    size_t bad = 0;
    int rc = gn_setup_from_config(&setup, s->config, s->config->channels ? s->config->channels : 1,
                                  err);
    if (rc == 0)
        rc = gn_cache_open(&cache, &path, 1, err);
    for (size_t i = 0; i < cache.n && rc == 0; i++) {
        const char *name = cache.item[i].sample;
        struct gn_err one = {0};
        struct gn_sample *sample = gn_cache_load(&cache, i, err);
        if (!sample) {
            rc = -1;
        } else if (check_sample(&setup, sample, &one) < 0 && bad++ == 0) {
            const char *file = label_file(s, name);
            gn_err_set(&why, "subject %s: %s%s%s", name, file ? file : "", file ? ": " : "",
                       one.text);
        }
    }
    if (rc == 0 && bad == 1)
        rc = gn_err_set(err, "%s", why.text);
    else if (rc == 0 && bad)
        rc = gn_err_set(err, "%s (%zu more subjects have such labels)", why.text, bad - 1);
    gn_cache_close(&cache);
    gn_setup_free(&setup);
    free(folder);
    return rc;
}
