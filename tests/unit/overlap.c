/* overlap.c - overlap of label maps against SimpleITK, regions, odd values, and the table of
 * scores. */
#include "metrics/overlap.h"

#include <stdlib.h>

#include "base/pool.h"
#include "check.h"
#include "golden_metrics.h"
#include "metrics/scores.h"

static struct gn_err err;

static struct gn_tensor map_of(enum gn_dtype dtype, const double *v, int64_t n)
{
    struct gn_tensor t;
    if (gn_tensor_new4(&t, dtype, 1, 1, 1, n, &err))
        abort();
    for (int64_t i = 0; i < n; i++)
        gn_tensor_set(&t, i, v[i]);
    return t;
}

/* tp fp fn tn of the region "1||3" in two maps of these types */
static int counts(enum gn_dtype a, enum gn_dtype b)
{
    const double ref[] = { 0, 1, 3, 3, 2, 2, 0, 0, 1 }, pred[] = { 0, 3, 3, 0, 1, 2, 1, 0, 1 };
    struct gn_tensor r = map_of(a, ref, 9), p = map_of(b, pred, 9);
    struct gn_regions regions;
    struct gn_joint joint;
    struct gn_overlap o = { 0 };

    gn_err_clear(&err);
    if (gn_regions_parse(&regions, "3||1", &err) || gn_joint_count(&r, &p, &joint, NULL, &err))
        abort();
    o = gn_overlap_of(&joint, &regions.item[0]);
    gn_joint_free(&joint);
    gn_regions_free(&regions);
    gn_tensor_free(&r);
    gn_tensor_free(&p);
    return o.tp == 3 && o.fp == 2 && o.fn == 1 && o.tn == 3;
}

static int refused(const char *list)
{
    struct gn_regions r;
    gn_err_clear(&err);
    if (gn_regions_parse(&r, list, &err) == 0) {
        gn_regions_free(&r);
        return 0;
    }
    return err.code == GN_EXIT_USAGE;
}

static void test_regions(void)
{
    struct gn_regions r;

    CHECK("a list of labels and regions, brackets and spaces allowed",
          gn_regions_parse(&r, "[1, 2 ,1||4||1]", &err) == 0 && r.n == 3 && r.item[0].n == 1 &&
              r.item[1].value[0] == 2 && r.item[2].n == 2 && r.item[2].value[1] == 4 &&
              strcmp(r.item[2].text, "1||4||1") == 0);
    gn_regions_free(&r);
    CHECK("pieces that are no labels are refused", refused("") && refused("1,,2") && refused("a") &&
                                                       refused("1|4") && refused("1.5") &&
                                                       refused("1&&2") && refused("5000000000"));
    CHECK("a region named twice is refused", refused("1,2,1") && refused("1||4,4||1"));
}

static void test_types(void)
{
    int good = 1;
    for (enum gn_dtype a = 0; a < GN_DTYPES; a++)
        good &= counts(a, GN_UINT8) && counts(GN_INT32, a) && counts(a, a);
    CHECK("every pair of types gives the same counts", good);
}

static void test_values(void)
{
    const double half[] = { 0, 1, 0.5 }, whole[] = { 0, 1, 1 }, large[] = { 0, 1, 5e9 },
                 nan[] = { 0, 1, NAN };
    struct gn_tensor h = map_of(GN_FLOAT32, half, 3), w = map_of(GN_UINT8, whole, 3),
                     l = map_of(GN_INT64, large, 3), n = map_of(GN_FLOAT64, nan, 3);
    struct gn_joint j;
    int fault = -1;

    gn_err_clear(&err);
    CHECK("half a label is refused, and which map it is in told",
          gn_joint_count(&w, &h, &j, &fault, &err) == -1 && fault == 1 &&
              strstr(err.text, "0.5 is no label"));
    gn_err_clear(&err);
    CHECK("a label beyond 32 bits is refused",
          gn_joint_count(&l, &w, &j, &fault, &err) == -1 && fault == 0);
    gn_err_clear(&err);
    CHECK("NaN is refused", gn_joint_count(&w, &n, &j, &fault, &err) == -1 && fault == 1);
    gn_tensor_free(&h);
    gn_tensor_free(&w);
    gn_tensor_free(&l);
    gn_tensor_free(&n);
}

/* Larger than a chunk, runs of every length, against counting one by one. */
static void test_large(void)
{
    enum { N = 1000003, LABELS = 7 };
    static int64_t want[LABELS][LABELS], got[LABELS][LABELS];
    struct gn_tensor r, p;
    struct gn_joint j;
    uint32_t state = 1;
    int64_t left[2] = { 0, 0 };
    uint8_t value[2] = { 0, 0 }, *data[2];
    int ordered = 1;

    if (gn_tensor_new4(&r, GN_UINT8, 1, 1, 1, N, &err) ||
        gn_tensor_new4(&p, GN_UINT8, 1, 1, 1, N, &err))
        abort();
    data[0] = r.data;
    data[1] = p.data;
    for (int64_t i = 0; i < N; i++) {
        for (int s = 0; s < 2; s++) {
            if (left[s]-- <= 0) {
                state = state * 1664525u + 1013904223u;
                value[s] = (uint8_t)((state >> 20) % LABELS);
                left[s] = state >> 27 == 0 ? 5000 : state >> 24 & 15;
            }
            data[s][i] = value[s];
        }
        want[value[0]][value[1]]++;
    }
    gn_err_clear(&err);
    CHECK("a million voxels are counted", gn_joint_count(&r, &p, &j, NULL, &err) == 0);
    for (size_t i = 0; i < j.n; i++) {
        got[j.pair[i].ref][j.pair[i].pred] = j.pair[i].n;
        ordered &= i == 0 || j.pair[i - 1].ref < j.pair[i].ref ||
                   (j.pair[i - 1].ref == j.pair[i].ref && j.pair[i - 1].pred < j.pair[i].pred);
    }
    CHECK("as one by one", memcmp(want, got, sizeof want) == 0);
    CHECK("in order", ordered);
    gn_joint_free(&j);
    gn_tensor_free(&r);
    gn_tensor_free(&p);
    if (gn_tensor_new4(&r, GN_FLOAT32, 1, 1, 1, 1200000, &err) ||
        gn_tensor_new4(&p, GN_UINT8, 1, 1, 1, 1200000, &err))
        abort();
    for (int64_t i = 0; i < 1200000; i++)
        ((float *)r.data)[i] = (float)i;
    int fault = -1;
    CHECK("an image is no label map", gn_joint_count(&r, &p, &j, &fault, &err) == -1 &&
                                          fault == 0 && strstr(err.text, "too many"));
    gn_tensor_free(&r);
    gn_tensor_free(&p);
}

static void test_golden(void)
{
    struct golden g;
    int cases = 0;
    double worst = 0;

    for (golden_open(&g); golden_next(&g); cases++) {
        struct gn_joint j;
        gn_err_clear(&err);
        if (gn_joint_count(&g.ref, &g.pred, &j, NULL, &err))
            abort();
        while (golden_region(&g)) {
            struct gn_overlap o = gn_overlap_of(&j, &g.regions.item[0]);
            struct gn_overlap_scores s = gn_overlap_score(&o);
            const double got[] = { s.dice, s.jaccard, 1 - s.sensitivity, 1 - s.specificity };
            for (int k = 0; k < 4; k++)
                worst = fmax(worst, fabs(got[k] - g.value[k]));
        }
        gn_joint_free(&j);
    }
    golden_close(&g);
    CHECK("all cases were read", cases == 5);
    CHECK_NEAR("dice, jaccard, sensitivity, specificity as SimpleITK", worst, 0, 1e-14);
}

static void test_empty(void)
{
    struct gn_overlap both = { 0, 0, 0, 8 }, ref = { 0, 3, 0, 5 }, pred = { 0, 0, 3, 5 },
                      all = { 8, 0, 0, 0 };
    struct gn_overlap_scores s = gn_overlap_score(&both);

    CHECK("nothing on both sides agrees", gn_overlap_status(&both) == GN_OVERLAP_BOTH_EMPTY &&
                                              s.dice == 1 && s.jaccard == 1 && s.sensitivity == 1 &&
                                              s.precision == 1 && s.specificity == 1);
    s = gn_overlap_score(&ref);
    CHECK("nothing in the truth", gn_overlap_status(&ref) == GN_OVERLAP_REF_EMPTY && s.dice == 0 &&
                                      isnan(s.sensitivity) && s.precision == 0 &&
                                      s.specificity == 0.625);
    s = gn_overlap_score(&pred);
    CHECK("nothing predicted", gn_overlap_status(&pred) == GN_OVERLAP_PRED_EMPTY && s.dice == 0 &&
                                   s.sensitivity == 0 && isnan(s.precision) && s.specificity == 1);
    s = gn_overlap_score(&all);
    CHECK("an image full of it has no specificity",
          gn_overlap_status(&all) == GN_OVERLAP_OK && s.dice == 1 && isnan(s.specificity));
}

/* Subjects a, b, c and d; labels 1, 2. Dice: a 0.5 and both-empty, b 1 and 0.25, c missing, d
 * both-empty twice. */
static void test_summary(void)
{
    struct gn_scores s = { 0 };
    struct gn_regions regions;
    struct gn_score_summary sum;
    struct gn_str text = { 0 };
    const struct gn_overlap o[] = {
        { 1, 1, 1, 5 }, { 0, 0, 0, 8 }, { 2, 0, 0, 6 }, { 1, 6, 0, 1 }
    };

    if (gn_regions_parse(&regions, "1,2", &err))
        abort();
    for (int subject = 0; subject < 4; subject++) {
        const char *const names[] = { "a", "b", "c", "d" };
        if (subject == 2)
            gn_scores_add_missing(&s, names[subject]);
        for (size_t k = 0; k < 2 && subject != 2; k++) {
            struct gn_score_row row = { .region = k };
            gn_score_row_fill(&row, subject == 3 ? &o[1] : &o[2 * subject + (int)k], 2);
            gn_scores_add(&s, names[subject], &row);
        }
    }
    gn_scores_summarise(&s, 0, 2, &sum);
    CHECK("a label's mean, deviation and number leave both-empty and missing rows out",
          sum.mean[GN_SCORE_DICE] == 0.75 && fabs(sum.sd[GN_SCORE_DICE] - sqrt(0.125)) < 1e-15 &&
              sum.n[GN_SCORE_DICE] == 2 && sum.both_empty == 1 && sum.missing == 1);
    gn_scores_summarise(&s, 1, 2, &sum);
    CHECK("of one value there is no deviation",
          sum.mean[GN_SCORE_DICE] == 0.25 && isnan(sum.sd[GN_SCORE_DICE]) &&
              sum.n[GN_SCORE_DICE] == 1 && sum.both_empty == 2);
    gn_scores_summarise(&s, 2, 2, &sum);
    CHECK("all: the mean over labels, then over subjects",
          sum.mean[GN_SCORE_DICE] == (0.5 + 0.625) / 2 && sum.n[GN_SCORE_DICE] == 2 &&
              sum.both_empty == 3);
    gn_scores_print(&s, &regions, false, &text);
    CHECK("the table",
          strstr(gn_str_text(&text),
                 "SubjectID\tLabel\tstatus\tdice\tjaccard\tsensitivity\tspecificity\tprecision\ttp"
                 "\tfp\tfn\ttn\t"
                 "volume_ref_mm3\tvolume_pred_mm3\n"
                 "a\t1\tok\t0.5\t0.333333333\t0.5\t0.833333333\t0.5\t1\t1\t1\t5\t4\t4\n"
                 "a\t2\tboth-empty\t1\t1\t1\t1\t1\t0\t0\t0\t8\t0\t0\nb") == gn_str_text(&text));
    CHECK("a missing subject is one row",
          strstr(gn_str_text(&text), "\nc\t\tmissing\t\t\t\t\t\t\t\t\t\t\t\n") != NULL);
    CHECK("what was left out is counted",
          strstr(gn_str_text(&text), "\nn\t1\t1 both-empty; 1 missing\t2\t2\t") != NULL);
    gn_str_free(&text);
    gn_scores_free(&s);
    gn_regions_free(&regions);
}

int main(void)
{
    gn_pool_start(3);
    test_regions();
    test_types();
    test_values();
    test_large();
    test_golden();
    test_empty();
    test_summary();
    gn_pool_stop();
    return check_done();
}
