/* weights.c - see weights.h */
#include "run/weights.h"

#include <stdlib.h>

#include "base/csv.h"

void gn_weights_penalty(const double *n, int classes, double *penalty, double *fraction)
{
    const double e = 2.220446049250313e-16;
    double total = 0, sum = 0;
    for (int k = 0; k < classes; k++)
        total += n[k];
    for (int k = 0; k < classes; k++)
        sum += total / (classes * (n[k] + e));
    for (int k = 0; k < classes; k++) {
        if (penalty)
            penalty[k] = total / (classes * (n[k] + e)) / sum;
        if (fraction)
            fraction[k] = (n[k] + e) / total;
    }
}

int gn_weights_from_counts(struct gn_config *c, const char *tsv, struct gn_err *err)
{
    struct gn_csv t = {0};
    double *n = gn_alloc((size_t)c->n_classes * sizeof *n);
    int rc = -1;
    if (gn_csv_read(&t, tsv, err) < 0)
        goto out;
    int label = gn_csv_column(&t, "label"), voxels = gn_csv_column(&t, "voxels");
    if (label < 0 || voxels < 0) {
        gn_err_set(err, "%s: needs the columns 'label' and 'voxels'", tsv);
        goto out;
    }
    for (size_t r = 0; r < t.rows; r++) {
        int64_t value, count;
        if (gn_parse_int(gn_csv_at(&t, r, (size_t)label), &value) < 0 ||
            gn_parse_int(gn_csv_at(&t, r, (size_t)voxels), &count) < 0 || count < 0) {
            gn_err_set(err, "%s:%zu: label and voxels must be whole numbers", tsv, t.lines[r]);
            goto out;
        }
        for (int k = 0; k < c->n_classes; k++)
            for (int i = 0; i < c->classes[k].n; i++)
                if (c->classes[k].value[i] == value)
                    n[k] += (double)count;
    }
    for (int k = 0; k < c->n_classes; k++)
        if (n[k] == 0) {
            gn_err_set(err, "%s: class %s occurs in no training label: it can have no weight", tsv,
                       c->classes[k].text);
            goto out;
        }
    double *w = gn_arena_alloc(&c->arena, (size_t)c->n_classes * sizeof *w);
    gn_weights_penalty(n, c->n_classes, w, NULL);
    if (!c->penalty_weights)
        c->penalty_weights = w;
    if (!c->sampling_weights)
        c->sampling_weights = w;
    rc = 0;
out:
    free(n);
    gn_csv_free(&t);
    return rc;
}
