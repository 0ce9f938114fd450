/* golden_metrics.h - reads tests/data/metrics.txt, case after case, region after region
 * (tests/gen/metrics.py says what is there). */
#ifndef GN_TESTS_GOLDEN_METRICS_H
#define GN_TESTS_GOLDEN_METRICS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/overlap.h"

struct golden {
    FILE *file;
    char name[64];
    struct gn_tensor ref, pred;
    double spacing[3], tolerance;
    struct gn_regions regions; /* the one of this line */
    double value[8];           /* dice jaccard fn_error fp_error hd95 hd100 nsd assd */
    char line[16384];
    int waiting; /* line holds the next case */
};

static inline int golden_line(struct golden *g)
{
    return fgets(g->line, sizeof g->line, g->file) != NULL;
}

static inline void golden_open(struct golden *g)
{
    const char *tests = getenv("GN_TESTS");
    char path[4096];

    memset(g, 0, sizeof *g);
    snprintf(path, sizeof path, "%s/data/metrics.txt", tests ? tests : "tests");
    g->file = fopen(path, "r");
    if (!g->file) {
        perror(path);
        exit(1);
    }
}

static inline void golden_free(struct golden *g)
{
    gn_tensor_free(&g->ref);
    gn_tensor_free(&g->pred);
    gn_regions_free(&g->regions);
}

static inline int golden_next(struct golden *g)
{
    struct gn_err err = { 0 };
    long long n[3];

    golden_free(g);
    if (!g->waiting && !golden_line(g))
        return 0;
    g->waiting = 0;
    if (sscanf(g->line, "case %63s %lld %lld %lld %lf %lf %lf %lf", g->name, &n[0], &n[1], &n[2],
               &g->spacing[0], &g->spacing[1], &g->spacing[2], &g->tolerance) != 8)
        abort();
    for (int side = 0; side < 2; side++) {
        struct gn_tensor *t = side ? &g->pred : &g->ref;
        if (gn_tensor_new4(t, GN_UINT8, 1, n[2], n[1], n[0], &err) || !golden_line(g) ||
            strlen(g->line) != (size_t)gn_tensor_count(t) + 1)
            abort();
        for (int64_t i = 0; i < gn_tensor_count(t); i++)
            ((uint8_t *)t->data)[i] = (uint8_t)(g->line[i] - '0');
    }
    return 1;
}

static inline int golden_region(struct golden *g)
{
    struct gn_err err = { 0 };
    char list[64];
    double *v = g->value;

    if (!golden_line(g))
        return 0;
    g->waiting = strncmp(g->line, "case", 4) == 0;
    if (g->waiting)
        return 0;
    gn_regions_free(&g->regions);
    if (sscanf(g->line, "%63s %lf %lf %lf %lf %lf %lf %lf %lf", list, &v[0], &v[1], &v[2], &v[3],
               &v[4], &v[5], &v[6], &v[7]) != 9 ||
        gn_regions_parse(&g->regions, list, &err))
        abort();
    return 1;
}

static inline void golden_close(struct golden *g)
{
    golden_free(g);
    fclose(g->file);
}

#endif
