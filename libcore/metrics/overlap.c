/* overlap.c - see overlap.h. */
#include "metrics/overlap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "metrics/label_block.h"

/* ---- regions ---- */

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static bool same_region(const struct gn_region *a, const struct gn_region *b)
{
    return a->n == b->n && memcmp(a->value, b->value, (size_t)a->n * sizeof *a->value) == 0;
}

static struct gn_region *append(struct gn_regions *r)
{
    r->item = gn_realloc(r->item, (r->n + 1) * sizeof *r->item);
    r->item[r->n] = (struct gn_region){ 0 };
    return &r->item[r->n++];
}

/* One piece of the list, "1||4", without spaces. */
static int parse_region(struct gn_region *r, const char *piece, struct gn_err *err)
{
    char *copy = gn_strdup(piece);
    int unique = 0, rc = -1;

    r->text = gn_strdup(piece);
    r->value = gn_alloc((strlen(piece) + 1) * sizeof *r->value);
    for (char *p = copy, *next; p; p = next) {
        int64_t v;
        next = strstr(p, "||");
        if (next) {
            *next = 0;
            next += 2;
        }
        if (gn_parse_int(p, &v) || v < INT32_MIN || v > INT32_MAX) {
            gn_err_usage(err, "'%s' is no label: whole numbers, or several joined by ||, are",
                         piece);
            goto out;
        }
        r->value[r->n++] = (int32_t)v;
    }
    qsort(r->value, (size_t)r->n, sizeof *r->value, by_value);
    for (int i = 0; i < r->n; i++)
        if (unique == 0 || r->value[unique - 1] != r->value[i])
            r->value[unique++] = r->value[i];
    r->n = unique;
    rc = 0;
out:
    free(copy);
    return rc;
}

int gn_regions_parse(struct gn_regions *r, const char *list, struct gn_err *err)
{
    char *text = gn_strdup(list), *to = text, *from = text;
    size_t len;
    int rc = -1;

    *r = (struct gn_regions){ 0 };
    for (; *from; from++)
        if (*from != ' ')
            *to++ = *from;
    *to = 0;
    from = text;
    len = strlen(text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text[len - 1] = 0;
        from = text + 1;
    }
    for (char *next; from; from = next) {
        struct gn_region *new = append(r);
        next = strchr(from, ',');
        if (next)
            *next++ = 0;
        if (parse_region(new, from, err))
            goto out;
        for (size_t i = 0; i + 1 < r->n; i++)
            if (same_region(&r->item[i], new)) {
                gn_err_usage(err, "%s and %s are the same label", r->item[i].text, new->text);
                goto out;
            }
    }
    rc = 0;
out:
    free(text);
    if (rc)
        gn_regions_free(r);
    return rc;
}

void gn_regions_add(struct gn_regions *r, int32_t label)
{
    struct gn_region *new = append(r);

    new->text = gn_asprintf("%d", label);
    new->value = gn_alloc(sizeof *new->value);
    new->value[0] = label;
    new->n = 1;
}

bool gn_region_has(const struct gn_region *r, int32_t label)
{
    for (int i = 0; i < r->n; i++)
        if (r->value[i] == label)
            return true;
    return false;
}

void gn_regions_free(struct gn_regions *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->item[i].text);
        free(r->item[i].value);
    }
    free(r->item);
    *r = (struct gn_regions){ 0 };
}

/* ---- the pairs of values ---- */

/* Pairs in a hash table of a power of two places, at most half full; n of a place is 0 when it is
 * free. */
struct table {
    struct gn_pair *place;
    size_t size, used;
    bool too_many;
};

enum { MOST_PAIRS = 1 << 20, CHUNK = 1 << 18 };

static size_t place_of(const struct table *t, int32_t ref, int32_t pred)
{
    uint64_t key = (uint64_t)(uint32_t)ref << 32 | (uint32_t)pred;
    size_t i = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (t->size - 1);

    while (t->place[i].n && (t->place[i].ref != ref || t->place[i].pred != pred))
        i = (i + 1) & (t->size - 1);
    return i;
}

static void table_grow(struct table *t)
{
    struct table bigger = { .size = t->size ? 2 * t->size : 64, .used = t->used };

    bigger.place = gn_alloc(bigger.size * sizeof *bigger.place);
    for (size_t i = 0; i < t->size; i++)
        if (t->place[i].n)
            bigger.place[place_of(&bigger, t->place[i].ref, t->place[i].pred)] = t->place[i];
    free(t->place);
    *t = bigger;
}

static void table_add(struct table *t, int32_t ref, int32_t pred, int64_t n)
{
    size_t i;

    if (n == 0 || t->too_many)
        return;
    if (2 * (t->used + 1) > t->size)
        table_grow(t);
    i = place_of(t, ref, pred);
    if (t->place[i].n == 0) {
        if (t->used >= MOST_PAIRS) {
            t->too_many = true;
            return;
        }
        t->place[i].ref = ref;
        t->place[i].pred = pred;
        t->used++;
    }
    t->place[i].n += n;
}

/* Label maps are long runs of one pair: only where a run ends is the table asked. */
static void count_bytes(const uint8_t *ref, const uint8_t *pred, size_t n, struct table *t)
{
    const uint64_t all = UINT64_C(0x0101010101010101);
    size_t i = 0, start = 0;

    while (i < n) {
        uint8_t a = ref[i], b = pred[i];
        start = i;
        for (; n - i >= 8; i += 8) {
            uint64_t x, y;
            memcpy(&x, ref + i, 8);
            memcpy(&y, pred + i, 8);
            if (x != all * a || y != all * b)
                break;
        }
        while (i < n && ref[i] == a && pred[i] == b)
            i++;
        table_add(t, a, b, (int64_t)(i - start));
    }
}

static void count_labels(const int32_t *ref, const int32_t *pred, size_t n, struct table *t)
{
    for (size_t i = 0, start = 0; i < n; start = i) {
        for (i++; i < n && ref[i] == ref[start] && pred[i] == pred[start]; i++)
            ;
        table_add(t, ref[start], pred[start], (int64_t)(i - start));
    }
}

/* Each chunk of voxels has a table of its own, so that threads meet nowhere. */
struct counting {
    const struct gn_tensor *ref, *pred;
    int64_t n;
    struct table *table;
    struct gn_err *err;
    int *at_fault;
};

static void count_chunk(void *arg, size_t chunk, int thread)
{
    struct counting *c = arg;
    int64_t first = (int64_t)chunk * CHUNK, n = c->n - first < CHUNK ? c->n - first : CHUNK;
    struct table *t = &c->table[chunk];
    int32_t a[GN_LABEL_BLOCK], b[GN_LABEL_BLOCK];

    (void)thread;
    if (c->ref->dtype == GN_UINT8 && c->pred->dtype == GN_UINT8) {
        count_bytes((const uint8_t *)c->ref->data + first, (const uint8_t *)c->pred->data + first,
                    (size_t)n, t);
        return;
    }
    for (int64_t i = 0; i < n && !t->too_many; i += GN_LABEL_BLOCK) {
        int m = n - i < GN_LABEL_BLOCK ? (int)(n - i) : GN_LABEL_BLOCK;
        if (gn_label_block_read(c->ref, first + i, m, a, &c->err[chunk])) {
            c->at_fault[chunk] = 0;
            return;
        }
        if (gn_label_block_read(c->pred, first + i, m, b, &c->err[chunk])) {
            c->at_fault[chunk] = 1;
            return;
        }
        count_labels(a, b, (size_t)m, t);
    }
}

static int by_pair(const void *a, const void *b)
{
    const struct gn_pair *p = a, *q = b;
    if (p->ref != q->ref)
        return p->ref < q->ref ? -1 : 1;
    return (p->pred > q->pred) - (p->pred < q->pred);
}

/* Which of the two maps has the more values is the one that is no label map. */
static int busier(const struct table *t)
{
    struct table side[2] = { { 0 } };
    int worse;

    for (size_t i = 0; i < t->size; i++)
        if (t->place[i].n) {
            table_add(&side[0], t->place[i].ref, 0, 1);
            table_add(&side[1], t->place[i].pred, 0, 1);
        }
    worse = side[1].used > side[0].used;
    free(side[0].place);
    free(side[1].place);
    return worse;
}

int gn_joint_count(const struct gn_tensor *ref, const struct gn_tensor *pred,
                   struct gn_joint *joint, int *at_fault, struct gn_err *err)
{
    struct counting c = { .ref = ref, .pred = pred, .n = gn_tensor_count(ref) };
    size_t chunks = (size_t)((c.n + CHUNK - 1) / CHUNK);
    struct table sum = { 0 };
    int fault = 0, rc = -1;

    *joint = (struct gn_joint){ 0 };
    if (c.n != gn_tensor_count(pred))
        return gn_err_set(err, "%lld voxels against %lld", (long long)c.n,
                          (long long)gn_tensor_count(pred));
    c.table = gn_try_alloc(chunks * sizeof *c.table, err);
    c.err = gn_try_alloc(chunks * sizeof *c.err, err);
    c.at_fault = gn_try_alloc(chunks * sizeof *c.at_fault, err);
    if (!c.table || !c.err || !c.at_fault)
        goto out;
    gn_pool_run(chunks, count_chunk, &c);
    for (size_t i = 0; i < chunks; i++) {
        if (c.err[i].code) {
            fault = c.at_fault[i];
            gn_err_set(err, "%s", c.err[i].text);
            goto out;
        }
        for (size_t k = 0; k < c.table[i].size; k++)
            table_add(&sum, c.table[i].place[k].ref, c.table[i].place[k].pred,
                      c.table[i].place[k].n);
        if (sum.too_many || c.table[i].too_many) {
            fault = busier(sum.too_many ? &sum : &c.table[i]);
            gn_err_set(err, "too many different values for a label map");
            goto out;
        }
    }
    joint->pair = gn_alloc((sum.used + 1) * sizeof *joint->pair);
    for (size_t k = 0; k < sum.size; k++)
        if (sum.place[k].n)
            joint->pair[joint->n++] = sum.place[k];
    qsort(joint->pair, joint->n, sizeof *joint->pair, by_pair);
    rc = 0;
out:
    for (size_t i = 0; c.table && i < chunks; i++)
        free(c.table[i].place);
    free(c.table);
    free(c.err);
    free(c.at_fault);
    free(sum.place);
    if (at_fault)
        *at_fault = fault;
    return rc;
}

void gn_joint_free(struct gn_joint *joint)
{
    free(joint->pair);
    *joint = (struct gn_joint){ 0 };
}

/* ---- scores ---- */

const char *const gn_overlap_status_names[] = { "ok", "both-empty", "ref-empty", "pred-empty" };

struct gn_overlap gn_overlap_of(const struct gn_joint *joint, const struct gn_region *region)
{
    struct gn_overlap o = { 0 };

    for (size_t i = 0; i < joint->n; i++) {
        bool ref = gn_region_has(region, joint->pair[i].ref),
             pred = gn_region_has(region, joint->pair[i].pred);
        *(ref ? pred ? &o.tp : &o.fn : pred ? &o.fp : &o.tn) += joint->pair[i].n;
    }
    return o;
}

enum gn_overlap_status gn_overlap_status(const struct gn_overlap *o)
{
    bool ref = o->tp + o->fn > 0, pred = o->tp + o->fp > 0;
    return ref    ? pred ? GN_OVERLAP_OK : GN_OVERLAP_PRED_EMPTY
           : pred ? GN_OVERLAP_REF_EMPTY
                  : GN_OVERLAP_BOTH_EMPTY;
}

static double ratio(int64_t a, int64_t b)
{
    return b ? (double)a / (double)b : (double)NAN;
}

struct gn_overlap_scores gn_overlap_score(const struct gn_overlap *o)
{
    struct gn_overlap_scores s = { 1, 1, 1, ratio(o->tn, o->tn + o->fp), 1 };

    if (gn_overlap_status(o) == GN_OVERLAP_BOTH_EMPTY)
        return s;
    s.dice = ratio(2 * o->tp, 2 * o->tp + o->fp + o->fn);
    s.jaccard = ratio(o->tp, o->tp + o->fp + o->fn);
    s.sensitivity = ratio(o->tp, o->tp + o->fn);
    s.precision = ratio(o->tp, o->tp + o->fp);
    return s;
}
