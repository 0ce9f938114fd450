/* folds.c - see folds.h */
#include "config/folds.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

int gn_folds_run(int k)
{
    return k < 0 ? 1 : k;
}

static size_t block_size(size_t n, size_t k, size_t f)
{
    return n / k + (f < n % k);
}

/* Class numbers by first appearance; returns how many. */
static size_t renumber(size_t n, const uint32_t *class_of, uint32_t *number)
{
    uint32_t *seen = gn_alloc((n + 1) * sizeof *seen);
    size_t classes = 0;
    for (size_t i = 0; i < n; i++) {
        size_t c = 0;
        while (c < classes && seen[c] != class_of[i])
            c++;
        if (c == classes)
            seen[classes++] = class_of[i];
        number[i] = (uint32_t)c;
    }
    free(seen);
    return classes;
}

/* Among the sorted classes, fold i has every k-th from place i on: so many units of each class it
 * gets, taken in order. */
static int cut_stratified(size_t n, size_t k, const uint32_t *class_of, uint32_t *fold,
                          bool *sparse, struct gn_err *err)
{
    uint32_t *number = gn_alloc((n + 1) * sizeof *number);
    size_t classes = renumber(n, class_of, number), most = 0, at = 0;
    size_t *members = gn_alloc((classes + 1) * sizeof *members),
           *left = gn_alloc((k + 1) * sizeof *left);
    int rc = 0;
    for (size_t i = 0; i < n; i++)
        members[number[i]]++;
    for (size_t c = 0; c < classes; c++) {
        most = members[c] > most ? members[c] : most;
        if (members[c] < k && sparse)
            *sparse = true;
    }
    if (most < k) {
        rc = gn_err_set(err, "every class has fewer than %zu subjects: cannot be stratified", k);
        goto out;
    }
    for (size_t c = 0; c < classes; c++) {
        memset(left, 0, k * sizeof *left);
        for (size_t i = 0; i < members[c]; i++)
            left[(at + i) % k]++;
        at += members[c];
        size_t f = 0;
        for (size_t i = 0; i < n; i++) {
            if (number[i] != c)
                continue;
            while (left[f] == 0)
                f++;
            left[f]--;
            fold[i] = (uint32_t)f;
        }
    }
out:
    free(number);
    free(members);
    free(left);
    return rc;
}

int gn_folds_cut(size_t n, size_t k, const uint32_t *class_of, uint32_t *fold, bool *sparse,
                 struct gn_err *err)
{
    if (k < 1 || k > n)
        return gn_err_set(err, "%zu folds of %zu subjects", k, n);
    if (class_of)
        return cut_stratified(n, k, class_of, fold, sparse, err);
    size_t i = 0;
    for (size_t f = 0; f < k; f++)
        for (size_t j = 0; j < block_size(n, k, f); j++)
            fold[i++] = (uint32_t)f;
    return 0;
}

static size_t magnitude(int k)
{
    return (size_t)(k < 0 ? -(int64_t)k : k);
}

int gn_folds_leaf(size_t n, int testing, int validation, const uint32_t *class_of, int f, int g,
                  enum gn_part *part, bool *sparse, struct gn_err *err)
{
    uint32_t *fold = gn_alloc((n + 1) * sizeof *fold),
             *rest_class = gn_alloc((n + 1) * sizeof *rest_class);
    size_t *rest = gn_alloc((n + 1) * sizeof *rest), left = 0;
    int rc = -1;
    if (testing == 0 || (validation > -2 && validation < 2)) {
        gn_err_set(err, testing == 0 ? "testing: must not be 0"
                                     : "validation: must be at least 2 folds");
        goto out;
    }
    if (magnitude(testing) > 1 &&
        gn_folds_cut(n, magnitude(testing), class_of, fold, sparse, err)) {
        gn_err_wrap(err, "testing");
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        part[i] = magnitude(testing) > 1 && fold[i] == (uint32_t)f ? GN_TESTING : GN_TRAINING;
        if (part[i] == GN_TESTING)
            continue;
        rest_class[left] = class_of ? class_of[i] : 0;
        rest[left++] = i;
    }
    if (gn_folds_cut(left, magnitude(validation), class_of ? rest_class : NULL, fold, sparse,
                     err)) {
        gn_err_wrap(err, "validation");
        goto out;
    }
    for (size_t j = 0; j < left; j++)
        if (fold[j] == (uint32_t)g)
            part[rest[j]] = GN_VALIDATION;
    rc = 0;
out:
    free(fold);
    free(rest_class);
    free(rest);
    return rc;
}

char *gn_folds_leaf_name(int testing, int validation, int f, int g)
{
    bool outer = gn_folds_run(testing) > 1, inner = gn_folds_run(validation) > 1;
    if (outer && inner)
        return gn_asprintf("testing_%d/%d", f, g);
    if (outer)
        return gn_asprintf("testing_%d", f);
    return inner ? gn_asprintf("%d", g) : gn_strdup("");
}
