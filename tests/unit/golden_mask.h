/* golden_mask.h - masks of postprocess.txt, packed 50 voxels to a number. */
#ifndef GN_TESTS_GOLDEN_MASK_H
#define GN_TESTS_GOLDEN_MASK_H

#include "golden.h"
#include "image/morphology.h"

static struct golden *all; /* golden_read's */
static int count;
static struct gn_err err;

/* The name of the case whose mask is array i, or NULL. The caller frees it. */
static inline char *mask_case(int i)
{
    const char *name = all[i].name, *dot = strrchr(name, '.');
    return dot && !strcmp(dot, ".mask") ? strndup(name, (size_t)(dot - name)) : NULL;
}

static inline void mask_unpack(const char *key, struct gn_bits *m, const double size[3])
{
    const struct golden *g = golden_find(all, count, key);
    int64_t n[3] = { (int64_t)size[0], (int64_t)size[1], (int64_t)size[2] };
    if (gn_bits_new(m, n, &err) || g->n != (n[0] * n[1] * n[2] + 49) / 50)
        exit(1);
    for (int64_t i = 0; i < n[0] * n[1] * n[2]; i++)
        if ((uint64_t)g->v[i / 50] >> i % 50 & 1)
            gn_bits_set(m, i % n[0], i / n[0] % n[1], i / n[0] / n[1]);
}

static inline void mask_of(const char *name, struct gn_bits *m)
{
    char key[160];
    snprintf(key, sizeof key, "%s.size", name);
    const double *size = golden_find(all, count, key)->v;
    snprintf(key, sizeof key, "%s.mask", name);
    mask_unpack(key, m, size);
}

/* Equal, bits beyond the rows included. */
static inline int mask_is(const struct gn_bits *m, const char *key)
{
    struct gn_bits want;
    const double size[3] = { (double)m->size[0], (double)m->size[1], (double)m->size[2] };
    mask_unpack(key, &want, size);
    int same = !memcmp(m->row, want.row,
                       (size_t)(m->words * m->size[1] * m->size[2]) * sizeof *m->row);
    gn_bits_free(&want);
    return same;
}

static inline int mask_is_part(const struct gn_bits *m, const char *name, const char *part)
{
    char key[160];
    snprintf(key, sizeof key, "%s.%s", name, part);
    return mask_is(m, key);
}

static inline int mask_ones(const struct gn_bits *m, const int64_t size[3])
{
    int64_t n = 0;
    for (int64_t i = 0; i < m->words * size[1] * size[2]; i++)
        n += __builtin_popcountll(m->row[i]);
    return n == size[0] * size[1] * size[2] || n == 0;
}

#endif
