/* components.c - components of masks by union-find over runs, in blocks of rows. */
#include "image/components.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"

/* Blocks are cut by shape alone: what is joined within them, and then between them, is the same for
 * any number of threads. */
enum { BLOCKS = 32, BLOCK_WORDS = 1 << 11 };

struct find {
    const struct gn_bits *m;
    struct gn_components *c;
    uint32_t *parent; /* of each run: an earlier one, or itself */
    enum gn_join join;
    int64_t rows, block; /* in all, to a block */
};

/* ---- runs ---- */

/* The runs of a row: how many there are; out NULL: only that. */
static size_t row_runs(const uint64_t *row, int64_t words, struct gn_run *out)
{
    size_t n = 0;
    bool open = false;
    for (int64_t w = 0; w < words; w++) {
        uint64_t changes = row[w] ^ (row[w] << 1 | open);
        for (; changes; changes &= changes - 1) {
            uint32_t x = (uint32_t)(w * 64 + __builtin_ctzll(changes));
            if (!open)
                n++;
            if (out && open)
                out[n - 1].to = x;
            else if (out)
                out[n - 1].from = x;
            open = !open;
        }
    }
    if (out && open)
        out[n - 1].to = (uint32_t)(words * 64);
    return n;
}

static void block_rows(const struct find *f, size_t item, int64_t *from, int64_t *to)
{
    *from = (int64_t)item * f->block;
    *to = *from + f->block < f->rows ? *from + f->block : f->rows;
}

static void count_block(void *arg, size_t item, int thread)
{
    const struct find *f = arg;
    int64_t from, to;
    (void)thread;
    block_rows(f, item, &from, &to);
    for (int64_t r = from; r < to; r++)
        f->c->first[r + 1] = row_runs(f->m->row + r * f->m->words, f->m->words, NULL);
}

/* ---- unions ---- */

static uint32_t root_of(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

/* The earlier root stays: a component is known by its first run. */
static void unite(uint32_t *parent, size_t a, size_t b)
{
    uint32_t i = root_of(parent, (uint32_t)a), k = root_of(parent, (uint32_t)b);
    if (i < k)
        parent[k] = i;
    else
        parent[i] = k;
}

/* Join the runs of two rows that overlap, or, with reach 1, touch by a corner. */
static void join_rows(const struct find *f, int64_t a, int64_t b, uint32_t reach)
{
    const struct gn_components *c = f->c;
    size_t i = c->first[a], k = c->first[b], i_end = c->first[a + 1], k_end = c->first[b + 1];
    while (i < i_end && k < k_end) {
        const struct gn_run *p = &c->run[i], *q = &c->run[k];
        if (p->from < q->to + reach && q->from < p->to + reach)
            unite(f->parent, i, k);
        if (p->to < q->to)
            i++;
        else
            k++;
    }
}

/* Row r with the neighbours before it that lie in from..to-1. */
static void join_row(const struct find *f, int64_t r, int64_t from, int64_t to)
{
    int64_t ny = f->m->size[1], y = r % ny;
    uint32_t edge = f->join >= GN_JOIN_EDGES, corner = f->join == GN_JOIN_CORNERS;
    const struct {
        bool there;
        int64_t row;
        uint32_t reach;
    } near[] = {
        { y > 0, r - 1, edge },
        { y > 0 && edge, r - ny - 1, corner },
        { true, r - ny, edge },
        { y + 1 < ny && edge, r - ny + 1, corner },
    };
    for (int k = 0; k < 4; k++)
        if (near[k].there && near[k].row >= from && near[k].row < to)
            join_rows(f, r, near[k].row, near[k].reach);
}

static void join_block(void *arg, size_t item, int thread)
{
    const struct find *f = arg;
    int64_t from, to;
    (void)thread;
    block_rows(f, item, &from, &to);
    for (int64_t r = from; r < to; r++) {
        row_runs(f->m->row + r * f->m->words, f->m->words, f->c->run + f->c->first[r]);
        for (size_t i = f->c->first[r]; i < f->c->first[r + 1]; i++)
            f->parent[i] = (uint32_t)i;
        join_row(f, r, from, r);
    }
}

/* ---- all of it ---- */

int gn_components_find(struct gn_components *c, const struct gn_bits *m, enum gn_join join,
                       struct gn_err *err)
{
    struct find f = { .m = m, .c = c, .join = join, .rows = m->size[1] * m->size[2] };
    int64_t least = BLOCK_WORDS / m->words + 1;
    int rc = -1;
    *c = (struct gn_components){ 0 };
    if (m->size[0] > INT32_MAX)
        return gn_err_set(err, "rows of more than 2^31 voxels");
    f.block = (f.rows + BLOCKS - 1) / BLOCKS;
    f.block = f.block < least ? least : f.block;
    size_t blocks = (size_t)((f.rows + f.block - 1) / f.block);
    if (!(c->first = gn_try_alloc(((size_t)f.rows + 1) * sizeof *c->first, err)))
        return -1;
    gn_pool_run(blocks, count_block, &f);
    for (int64_t r = 0; r < f.rows; r++)
        c->first[r + 1] += c->first[r];
    c->n = c->first[f.rows];
    if (c->n > UINT32_MAX) {
        gn_err_set(err, "%zu runs of voxels are too many", c->n);
        goto out;
    }
    if (!(c->run = gn_try_alloc((c->n + 1) * sizeof *c->run, err)) ||
        !(f.parent = gn_try_alloc((c->n + 1) * sizeof *f.parent, err)))
        goto out;
    gn_pool_run(blocks, join_block, &f);
    for (size_t b = 1; b < blocks; b++) { /* across the cuts: a plane's rows reach back so far */
        int64_t from = (int64_t)b * f.block, to = from + m->size[1] + 1;
        for (int64_t r = from; r < to && r < f.rows && r < from + f.block; r++)
            join_row(&f, r, r > m->size[1] ? r - m->size[1] - 1 : 0, from);
    }
    for (size_t i = 0; i < c->n; i++) /* a parent comes before its runs */
        c->run[i].part = f.parent[i] == i ? (uint32_t)c->count++ : c->run[f.parent[i]].part;
    if (!(c->voxels = gn_try_alloc((c->count + 1) * sizeof *c->voxels, err)))
        goto out;
    for (size_t i = 0; i < c->n; i++)
        c->voxels[c->run[i].part] += c->run[i].to - c->run[i].from;
    rc = 0;
out:
    free(f.parent);
    if (rc)
        gn_components_free(c);
    return rc;
}

void gn_components_free(struct gn_components *c)
{
    free(c->run);
    free(c->first);
    free(c->voxels);
    *c = (struct gn_components){ 0 };
}

/* ---- what is done with them ---- */

/* Clear, or set, the voxels of a run. */
static void put_run(uint64_t *row, const struct gn_run *r, bool set)
{
    for (int64_t w = r->from >> 6; w <= (r->to - 1) >> 6; w++) {
        uint64_t mask = ~(uint64_t)0;
        if (w == r->from >> 6)
            mask &= ~(uint64_t)0 << (r->from & 63);
        if (w == (r->to - 1) >> 6)
            mask &= ~(uint64_t)0 >> (63 - ((r->to - 1) & 63));
        row[w] = set ? row[w] | mask : row[w] & ~mask;
    }
}

int gn_bits_keep_largest(struct gn_bits *m, enum gn_join join, struct gn_err *err)
{
    struct gn_components c;
    uint32_t best = 0;
    if (gn_components_find(&c, m, join, err))
        return -1;
    for (size_t k = 1; k < c.count; k++)
        if (c.voxels[k] > c.voxels[best])
            best = (uint32_t)k;
    for (int64_t r = 0; c.count > 1 && r < m->size[1] * m->size[2]; r++)
        for (size_t i = c.first[r]; i < c.first[r + 1]; i++)
            if (c.run[i].part != best)
                put_run(m->row + r * m->words, &c.run[i], false);
    gn_components_free(&c);
    return 0;
}

int gn_bits_fill_holes(struct gn_bits *m, struct gn_err *err)
{
    struct gn_components c;
    bool *outside = NULL;
    int64_t ny = m->size[1], nz = m->size[2];
    if (m->size[0] == 1 && ny == 1 && nz == 1)
        return 0; /* nothing is around it */
    gn_bits_invert(m);
    int rc = gn_components_find(&c, m, GN_JOIN_FACES, err);
    gn_bits_invert(m);
    if (rc)
        return -1;
    if (!(outside = gn_try_alloc(c.count + 1, err))) {
        gn_components_free(&c);
        return -1;
    }
    for (int64_t r = 0; r < ny * nz; r++) {
        int64_t y = r % ny, z = r / ny;
        bool edge = (ny > 1 && (y == 0 || y == ny - 1)) || (nz > 1 && (z == 0 || z == nz - 1));
        for (size_t i = c.first[r]; i < c.first[r + 1]; i++)
            if (edge || (m->size[0] > 1 && (c.run[i].from == 0 || c.run[i].to == m->size[0])))
                outside[c.run[i].part] = true;
    }
    for (int64_t r = 0; r < ny * nz; r++)
        for (size_t i = c.first[r]; i < c.first[r + 1]; i++)
            if (!outside[c.run[i].part])
                put_run(m->row + r * m->words, &c.run[i], true);
    free(outside);
    gn_components_free(&c);
    return 0;
}
