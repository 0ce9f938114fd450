/* morphology.c - masks against max_pool3d and SciPy, and label maps against both. */
#include "image/morphology.h"

#include "check.h"
#include "golden_mask.h"
#include "image/postprocess.h"

static void test_masks(void)
{
    int cases = 0, box = 0, faces = 0, whole = 0;
    for (int i = 0; i < count; i++) {
        char *name = mask_case(i);
        struct gn_bits m = { 0 };
        if (!name)
            continue;
        cases++;
        for (int how = 0; gn_morphology_names[how]; how++)
            for (int k = 3; k <= 7; k += 4) {
                char key[80];
                snprintf(key, sizeof key, "%s.%s%d", name, gn_morphology_names[how], k);
                mask_of(name, &m);
                box += gn_bits_morphology(&m, (enum gn_morphology)how, k, &err) == 0 &&
                       mask_is(&m, key);
                gn_bits_free(&m);
            }
        mask_of(name, &m);
        faces += gn_bits_close_faces(&m, &err) == 0 && mask_is_part(&m, name, "closed");
        gn_bits_free(&m);
        mask_of(name, &m);
        whole += gn_bits_morphology(&m, GN_DILATION, 999, &err) == 0 && mask_ones(&m, m.size);
        gn_bits_free(&m);
        free(name);
    }
    CHECK("boxes of 3 and 7, by all four, as max_pool3d", cases > 30 && box == 8 * cases);
    CHECK("closing by faces as SciPy's binary_closing", faces == cases);
    CHECK("a kernel larger than the image reaches all of it", whole == cases);
}

static void test_kernel(void)
{
    struct gn_bits m;
    int64_t size[3] = { 5, 4, 3 };
    struct gn_err why = { 0 };
    if (gn_bits_new(&m, size, &err))
        exit(1);
    gn_bits_set(&m, 2, 1, 1);
    CHECK("a kernel of 1 changes nothing",
          gn_bits_morphology(&m, GN_OPENING, 1, &err) == 0 && gn_bits_get(&m, 2, 1, 1) &&
              gn_bits_row(&m, 1, 1)[0] == 4);
    CHECK("an even kernel is refused",
          gn_bits_morphology(&m, GN_DILATION, 2, &why) == -1 && strstr(why.text, "odd"));
    gn_bits_invert(&m);
    CHECK("what is not: all but one, and no bit beyond the row",
          gn_bits_row(&m, 1, 1)[0] == 27 && gn_bits_row(&m, 0, 0)[0] == 31);
    gn_bits_free(&m);
}

/* ---- label maps ---- */

static struct gn_post_step step(const char *text)
{
    struct gn_post_step s;
    char name[32], key[32], value[32];
    int n = sscanf(text, "%31[^:]:%31[^=]=%31s", name, key, value);
    if (gn_post_step_init(&s, name, &err) || (n == 3 && gn_post_step_set(&s, key, value, &err)))
        exit(1);
    return s;
}

static int digits_are(const struct gn_tensor *t, const char *name, const char *part)
{
    char key[80];
    snprintf(key, sizeof key, "%s.%s", name, part);
    const struct golden *g = golden_find(all, count, key);
    int ok = g->n == (gn_tensor_count(t) + 15) / 16;
    for (int64_t i = 0; ok && i < gn_tensor_count(t); i++)
        ok = gn_tensor_get(t, i) == (double)((uint64_t)g->v[i / 16] >> 3 * (i % 16) & 7);
    return ok;
}

static struct gn_tensor map_of(const char *name, enum gn_dtype dtype)
{
    char key[80];
    struct gn_tensor t;
    snprintf(key, sizeof key, "%s.map", name);
    const struct golden *g = golden_find(all, count, key);
    snprintf(key, sizeof key, "%s.size", name);
    const double *s = golden_find(all, count, key)->v;
    if (gn_tensor_new4(&t, dtype, 1, (int64_t)s[2], (int64_t)s[1], (int64_t)s[0], &err))
        exit(1);
    for (int64_t i = 0; i < gn_tensor_count(&t); i++)
        gn_tensor_set(&t, i, (double)((uint64_t)g->v[i / 16] >> 3 * (i % 16) & 7));
    return t;
}

static int chain(const char *part, const struct gn_post_step *steps, int n, const int64_t *order,
                 int n_order)
{
    static const char *const names[] = { "cube", "long", "flat", "wide", "side", "thin", "deep" };
    static const enum gn_dtype types[] = { GN_UINT8,  GN_INT8,    GN_UINT16, GN_INT16,
                                           GN_INT32,  GN_UINT64,  GN_INT64,  GN_UINT32,
                                           GN_FLOAT16, GN_FLOAT32, GN_FLOAT64 };
    int good = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
            struct gn_tensor t = map_of(names[i], types[k]);
            good += gn_post_apply(&t, steps, n, order, n_order, &err) == 0 &&
                    t.dtype == types[k] && digits_are(&t, names[i], part);
            gn_tensor_free(&t);
        }
    return good == 77;
}

#define STEPS(...) ((const struct gn_post_step[]){ __VA_ARGS__ })

static void test_labels(void)
{
    struct gn_post_step grow = step("morphology:kernel_size=3"), open = grow, erode = grow;
    struct gn_post_step close = grow, wide = grow, narrow = grow;
    open.how = GN_OPENING;
    erode.how = narrow.how = GN_EROSION;
    close.how = GN_CLOSING;
    close.kernel = wide.kernel = narrow.kernel = 5;
    CHECK("holes of each label, closed first, as SciPy, in every type",
          chain("holes", STEPS(step("fill_holes")), 1, NULL, 0));
    CHECK("holes alone", chain("bare", STEPS(step("fill_holes:closing=false")), 1, NULL, 0));
    CHECK("the largest component of each label", chain("cca", STEPS(step("cca")), 1, NULL, 0));
    CHECK("by faces", chain("cca6", STEPS(step("cca:connectivity=6")), 1, NULL, 0));
    CHECK("dilation: the larger label wins", chain("grow", &grow, 1, NULL, 0));
    CHECK("dilation: the later label wins",
          chain("order", &grow, 1, (const int64_t[]){ 4, 2, 9, 1 }, 4));
    CHECK("erosion", chain("erode", &erode, 1, NULL, 0));
    CHECK("opening", chain("open", &open, 1, NULL, 0));
    CHECK("a chain, each label by itself",
          chain("chain",
                STEPS(close, step("fill_holes:closing=no"), step("cca:connectivity=18"), grow), 4,
                NULL, 0));
    CHECK("a chain that grows and shrinks",
          chain("back", STEPS(wide, step("fill_holes:closing=on"), narrow), 3, NULL, 0));
}

static struct gn_tensor row_of(enum gn_dtype dtype, int n, const double *v)
{
    struct gn_tensor t;
    if (gn_tensor_new4(&t, dtype, 1, 1, 1, n, &err))
        exit(1);
    for (int i = 0; i < n; i++)
        gn_tensor_set(&t, i, v[i]);
    return t;
}

static int mapped(enum gn_dtype from, enum gn_dtype to, const struct gn_label_pair *pair, int n,
                  const double want[4])
{
    struct gn_tensor t = row_of(from, 4, (const double[]){ 0, 1, 2, 3 });
    int ok = gn_post_map(&t, pair, n, &err) == 0 && t.dtype == to;
    for (int i = 0; ok && i < 4; i++)
        ok = gn_tensor_get(&t, i) == want[i];
    gn_tensor_free(&t);
    return ok;
}

static void test_map(void)
{
    const struct gn_label_pair swap[] = { { 1, 2 }, { 2, 1 } }, up[] = { { 1, 300 }, { 3, 3 } };
    const struct gn_label_pair down[] = { { 0, 7 }, { 2, -1 } }, far[] = { { 3, 70000 } };
    CHECK("two labels change places, the third is not listed",
          mapped(GN_UINT8, GN_UINT8, swap, 2, (const double[]){ 0, 2, 1, 0 }));
    CHECK("a label beyond the type widens it",
          mapped(GN_UINT8, GN_UINT16, up, 2, (const double[]){ 0, 300, 0, 3 }) &&
              mapped(GN_INT16, GN_INT16, up, 2, (const double[]){ 0, 300, 0, 3 }) &&
              mapped(GN_INT16, GN_UINT32, far, 1, (const double[]){ 0, 0, 0, 70000 }));
    CHECK("background is a label, labels may be negative",
          mapped(GN_UINT8, GN_INT16, down, 2, (const double[]){ 7, 0, -1, 0 }) &&
              mapped(GN_INT8, GN_INT8, down, 2, (const double[]){ 7, 0, -1, 0 }));
    CHECK("floats stay floats", mapped(GN_FLOAT32, GN_FLOAT32, down, 2,
                                       (const double[]){ 7, 0, -1, 0 }) &&
                                    mapped(GN_FLOAT16, GN_FLOAT32, far, 1,
                                           (const double[]){ 0, 0, 0, 70000 }));
}

static int refuses(struct gn_tensor *t, const struct gn_post_step *s, const char *what)
{
    struct gn_err why = { 0 };
    int rc = gn_post_apply(t, s, 1, NULL, 0, &why);
    gn_tensor_free(t);
    return rc == -1 && strstr(why.text, what);
}

static void test_faults(void)
{
    struct gn_post_step s = step("cca"), plane = step("cca:connectivity=8");
    struct gn_err why[6] = { { 0 } };
    struct gn_tensor half = row_of(GN_FLOAT32, 2, (const double[]){ 1, 0.5 });
    struct gn_tensor nan = row_of(GN_FLOAT32, 2, (const double[]){ 1, NAN });
    struct gn_tensor two, volume;
    if (gn_tensor_new4(&two, GN_UINT8, 2, 1, 2, 2, &err) ||
        gn_tensor_new4(&volume, GN_UINT8, 1, 2, 2, 2, &err))
        exit(1);
    CHECK("no label maps", refuses(&half, &s, "not a label map: it holds 0.5") &&
                               refuses(&nan, &s, "not a label map") &&
                               refuses(&two, &s, "one channel, not 2"));
    CHECK("neighbours of a plane in a volume", refuses(&volume, &plane, "6, 18 or 26"));
    CHECK("wrong words", gn_post_step_init(&s, "holes", &why[0]) == -1 && why[0].code == 2 &&
                             strstr(why[0].text, "fill_holes, cca, morphology") &&
                             gn_post_step_set(&plane, "closing", "true", &why[1]) == -1 &&
                             strstr(why[1].text, "connectivity") &&
                             gn_post_step_set(&plane, "connectivity", "7", &why[2]) == -1 &&
                             gn_post_step_set(&plane, "connectivity", "x", &why[3]) == -1);
    s = step("morphology");
    CHECK("wrong values", gn_post_step_set(&s, "kernel_size", "4", &why[4]) == -1 &&
                              strstr(why[4].text, "odd") &&
                              gn_post_step_set(&s, "mode", "shrink", &why[5]) == -1);
}

int main(void)
{
    all = golden_read("postprocess.txt", &count);
    test_masks();
    test_kernel();
    test_labels();
    test_map();
    test_faults();
    return check_done();
}
