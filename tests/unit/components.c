/* components.c - components, the largest, and holes, against SciPy; large masks against themselves.
 */
#include "image/components.h"

#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "check.h"
#include "golden_mask.h"

static const int neighbours[] = { 6, 18, 26 };

static int labels_are(const struct gn_components *c, const char *name, int k)
{
    char key[80];
    size_t most = 0;
    snprintf(key, sizeof key, "%s.label%d", name, neighbours[k]);
    const struct golden *g = golden_find(all, count, key);
    int ok = g->n == (int64_t)c->n;
    for (size_t i = 0; ok && i < c->n; i++) {
        ok = c->run[i].part + 1 == (uint32_t)g->v[i];
        most = g->v[i] > (double)most ? (size_t)g->v[i] : most;
    }
    return ok && most == c->count;
}

static void test_golden(void)
{
    int cases = 0, numbered[3] = { 0 }, largest[3] = { 0 }, filled = 0;
    for (int i = 0; i < count; i++) {
        char *name = mask_case(i), part[80];
        struct gn_bits m = { 0 };
        struct gn_components c;
        if (!name)
            continue;
        cases++;
        for (int k = 0; k < 3; k++) {
            mask_of(name, &m);
            if (gn_components_find(&c, &m, (enum gn_join)k, &err))
                exit(1);
            numbered[k] += labels_are(&c, name, k);
            gn_components_free(&c);
            snprintf(part, sizeof part, "largest%d", neighbours[k]);
            largest[k] += gn_bits_keep_largest(&m, (enum gn_join)k, &err) == 0 &&
                          mask_is_part(&m, name, part);
            gn_bits_free(&m);
        }
        mask_of(name, &m);
        filled += gn_bits_fill_holes(&m, &err) == 0 && mask_is_part(&m, name, "filled");
        gn_bits_free(&m);
        free(name);
    }
    CHECK("components by faces are numbered as by SciPy's label",
          cases > 30 && numbered[0] == cases);
    CHECK("by faces and edges", numbered[1] == cases);
    CHECK("by faces, edges and corners", numbered[2] == cases);
    CHECK("the largest stays, of several the first",
          largest[0] == cases && largest[1] == cases && largest[2] == cases);
    CHECK("holes are filled as by SciPy's binary_fill_holes", filled == cases);
}

/* Many blocks, with rows in several words: against a flood from voxel to voxel. */
static void flood(const struct gn_bits *m, int join, int32_t *label)
{
    const int64_t nx = m->size[0], ny = m->size[1], nz = m->size[2];
    int64_t *stack = gn_alloc((size_t)(nx * ny * nz) * sizeof *stack), n = 0;
    int32_t made = 0;
    for (int64_t s = 0; s < nx * ny * nz; s++) {
        if (label[s] || !gn_bits_get(m, s % nx, s / nx % ny, s / nx / ny))
            continue;
        label[s] = ++made;
        for (stack[n++] = s; n > 0;) {
            int64_t at = stack[--n], p[3] = { at % nx, at / nx % ny, at / nx / ny };
            for (int d = 0; d < 27; d++) {
                int64_t q[3] = { p[0] + d % 3 - 1, p[1] + d / 3 % 3 - 1, p[2] + d / 9 - 1 };
                int far = (d % 3 != 1) + (d / 3 % 3 != 1) + (d / 9 != 1);
                if (far > join + 1 || q[0] < 0 || q[1] < 0 || q[2] < 0 || q[0] >= nx ||
                    q[1] >= ny || q[2] >= nz || !gn_bits_get(m, q[0], q[1], q[2]))
                    continue;
                int64_t to = (q[2] * ny + q[1]) * nx + q[0];
                if (label[to])
                    continue;
                label[to] = made;
                stack[n++] = to;
            }
        }
    }
    free(stack);
}

static int as_flood(int64_t nx, int64_t ny, int64_t nz, double share, int join)
{
    const int64_t size[3] = { nx, ny, nz };
    struct gn_draw d = gn_draw_at(5, "components", NULL, 0, 0, (uint8_t)join);
    struct gn_bits m;
    struct gn_components c;
    int32_t *label = gn_alloc((size_t)(nx * ny * nz) * sizeof *label);
    if (gn_bits_new(&m, size, &err))
        exit(1);
    for (int64_t i = 0; i < nx * ny * nz; i++)
        if (gn_draw_uniform(&d, (uint64_t)i) < share)
            gn_bits_set(&m, i % nx, i / nx % ny, i / nx / ny);
    flood(&m, join, label);
    if (gn_components_find(&c, &m, (enum gn_join)join, &err))
        exit(1);
    int ok = 1;
    for (int64_t r = 0; r < ny * nz; r++)
        for (size_t i = c.first[r]; i < c.first[r + 1]; i++)
            for (int64_t x = c.run[i].from; x < c.run[i].to; x++)
                ok = ok && label[r * nx + x] == (int32_t)c.run[i].part + 1;
    int64_t in = 0;
    for (size_t k = 0; k < c.count; k++)
        in += c.voxels[k];
    for (int64_t i = 0; i < nx * ny * nz; i++)
        in -= label[i] != 0;
    gn_components_free(&c);
    gn_bits_free(&m);
    free(label);
    return ok && in == 0;
}

static void test_blocks(void)
{
    int good = 0;
    for (int join = 0; join < 3; join++)
        good += as_flood(150, 61, 67, 0.35, join) + as_flood(70, 700, 90, 0.1, join) +
                as_flood(200, 1900, 1, 0.6, join) + as_flood(3, 4, 3000, 0.3, join);
    CHECK("in many blocks, as a flood from voxel to voxel", good == 12);
}

static void test_ends(void)
{
    const int64_t size[3] = { 128, 3, 1 };
    struct gn_bits m;
    struct gn_components c;
    if (gn_bits_new(&m, size, &err))
        exit(1);
    CHECK("an empty mask has no component, and none is largest",
          gn_components_find(&c, &m, GN_JOIN_CORNERS, &err) == 0 && c.count == 0 && c.n == 0 &&
              gn_bits_keep_largest(&m, GN_JOIN_FACES, &err) == 0);
    gn_components_free(&c);
    for (int64_t x = 0; x < 128; x++)
        gn_bits_set(&m, x, 1, 0);
    CHECK("a run over all words of a row",
          gn_components_find(&c, &m, GN_JOIN_CORNERS, &err) == 0 && c.n == 1 &&
              c.run[0].from == 0 && c.run[0].to == 128 && c.voxels[0] == 128);
    gn_components_free(&c);
    gn_bits_free(&m);
}

int main(void)
{
    all = golden_read("postprocess.txt", &count);
    gn_pool_start(3);
    test_golden();
    test_blocks();
    test_ends();
    gn_pool_stop();
    return check_done();
}
