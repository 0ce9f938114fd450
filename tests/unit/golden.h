/* golden.h - named arrays of numbers in tests/data/NAME.txt: a line "name count", then a line of
 * values. */
#ifndef GN_TESTS_GOLDEN_H
#define GN_TESTS_GOLDEN_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct golden {
    char name[64];
    double *v;
    int64_t n;
};

/* All arrays of tests/data/FILE; ends the program if there is none (tests/run sets GN_TESTS). */
static struct golden *golden_read(const char *file, int *count)
{
    char path[4096];
    struct golden *all = NULL;
    long long n = 0;
    char name[64];
    const char *tests = getenv("GN_TESTS");
    snprintf(path, sizeof path, "%s/data/%s", tests ? tests : "tests", file);
    FILE *f = fopen(path, "r");
    *count = 0;
    while (f && fscanf(f, "%63s %lld", name, &n) == 2) {
        all = realloc(all, (size_t)(*count + 1) * sizeof *all);
        struct golden *g = &all[(*count)++];
        memcpy(g->name, name, sizeof name);
        g->n = n;
        g->v = calloc((size_t)n + 1, sizeof *g->v);
        for (long long i = 0; i < n; i++)
            if (fscanf(f, "%lf", &g->v[i]) != 1) {
                fprintf(stderr, "%s: %s is cut short\n", path, name);
                exit(1);
            }
    }
    if (!f || !*count) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    fclose(f);
    return all;
}

static inline const struct golden *golden_find(const struct golden *all, int count,
                                               const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(all[i].name, name))
            return &all[i];
    fprintf(stderr, "no golden array %s\n", name);
    exit(1);
}

#endif
