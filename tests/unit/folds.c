/* folds.c - nested folds: sizes, disjointness and union for every leaf, stratification. */
#include "config/folds.h"

#include <stdlib.h>

#include "base/str.h"
#include "check.h"

enum { MOST = 400 };

/* Every leaf: parts cover all, each unit is tested once over the outer folds and validated once
 * within each. */
static int covers(size_t n, int testing, int validation, const uint32_t *class_of)
{
    static int tested[MOST], validated[MOST];
    enum gn_part part[MOST];
    struct gn_err err = { 0 };
    memset(tested, 0, sizeof tested);
    for (int f = 0; f < gn_folds_run(testing); f++) {
        memset(validated, 0, sizeof validated);
        for (int g = 0; g < gn_folds_run(validation); g++) {
            for (size_t i = 0; i < n; i++)
                part[i] = (enum gn_part)99;
            if (gn_folds_leaf(n, testing, validation, class_of, f, g, part, NULL, &err))
                return 0;
            for (size_t i = 0; i < n; i++) {
                if (part[i] != GN_TRAINING && part[i] != GN_VALIDATION && part[i] != GN_TESTING)
                    return 0;
                validated[i] += part[i] == GN_VALIDATION;
                tested[i] += part[i] == GN_TESTING && g == 0;
                if (g > 0 && (part[i] == GN_TESTING) && validated[i])
                    return 0; /* leaks from one inner fold to another's test set */
            }
        }
        if (validation > 0) /* all that is not tested is validated exactly once */
            for (size_t i = 0; i < n; i++) {
                int now = part[i] == GN_TESTING;
                if (validated[i] != !now)
                    return 0;
            }
    }
    for (size_t i = 0; testing > 1 && i < n; i++)
        if (tested[i] != 1)
            return 0;
    return 1;
}

static void sizes(size_t n, int testing, int validation, int f, int g, size_t out[3])
{
    enum gn_part part[MOST];
    struct gn_err err = { 0 };
    out[0] = out[1] = out[2] = 0;
    if (gn_folds_leaf(n, testing, validation, NULL, f, g, part, NULL, &err))
        return;
    for (size_t i = 0; i < n; i++)
        out[part[i]]++;
}

static int have(size_t n, int testing, int validation, int f, int g, size_t test, size_t valid,
                size_t train)
{
    size_t s[3];
    sizes(n, testing, validation, f, g, s);
    return s[GN_TESTING] == test && s[GN_VALIDATION] == valid && s[GN_TRAINING] == train;
}

int main(void)
{
    uint32_t fold[MOST], class_of[MOST];
    struct gn_err err = { 0 };
    enum gn_part part[MOST];
    bool sparse = false;

    static const uint32_t seven[] = { 0, 0, 0, 1, 1, 2, 2 };
    CHECK("7 units in 3 folds are blocks of 3, 2, 2",
          !gn_folds_cut(7, 3, NULL, fold, NULL, &err) && !memcmp(fold, seven, sizeof seven));
    CHECK("more folds than units is an error", gn_folds_cut(2, 3, NULL, fold, NULL, &err) == -1);
    gn_err_clear(&err);

    int good = 1;
    for (int f = 0; f < 5; f++)
        for (int g = 0; g < 5; g++)
            good = good && have(25, 5, 5, f, g, 5, 4, 16);
    CHECK("25 subjects, 5 x 5: every leaf has 16, 4 and 5", good);
    CHECK("25 subjects, 5 x 5: disjoint, complete, no leak", covers(25, 5, 5, NULL));
    CHECK("371 subjects: the paper's first leaf", have(371, 5, 5, 0, 0, 75, 60, 236));
    CHECK("371 subjects: its last inner fold", have(371, 5, 5, 0, 4, 75, 59, 237));
    CHECK("371 subjects: other outer folds have 74",
          have(371, 5, 5, 1, 0, 74, 60, 237) && have(371, 5, 5, 4, 4, 74, 59, 238));
    CHECK("371 subjects, 5 x 5: disjoint, complete, no leak", covers(371, 5, 5, NULL));
    CHECK("93 subjects, -3 and -10", have(93, -3, -10, 0, 0, 31, 7, 55));
    CHECK("100 subjects, 10 x 10", have(100, 10, 10, 3, 9, 10, 9, 81) && covers(100, 10, 10, NULL));
    CHECK("|testing| of 1: no test set",
          have(14, 1, -5, 0, 0, 0, 3, 11) && have(14, -1, 5, 0, 4, 0, 2, 12));
    good = 1;
    for (size_t n = 4; n < 40; n++)
        for (int t = 1; t < 4; t++)
            for (int v = 2; v < 4 && n - (n + (size_t)t - 1) / (size_t)t * (t > 1) >= (size_t)v;
                 v++)
                good = good && covers(n, t, v, NULL) && covers(n, -t, -v, NULL);
    CHECK("all small counts: disjoint, complete, no leak", good);

    static const uint32_t aaaabb[] = { 7, 7, 7, 7, 3, 3 }, want[] = { 0, 0, 1, 1, 0, 1 };
    CHECK("stratified: a a a a b b in 2 folds", !gn_folds_cut(6, 2, aaaabb, fold, &sparse, &err) &&
                                                    !memcmp(fold, want, sizeof want) && !sparse);
    static const uint32_t rare[] = { 0, 0, 0, 0, 0, 1 };
    CHECK("stratified: a class with fewer units than folds is told",
          !gn_folds_cut(6, 3, rare, fold, &sparse, &err) && sparse);
    static const uint32_t all[] = { 0, 1, 2, 3 };
    CHECK("stratified: fewer units than folds in every class is an error",
          gn_folds_cut(4, 2, all, fold, NULL, &err) == -1);
    gn_err_clear(&err);
    for (uint32_t i = 0; i < 60; i++)
        class_of[i] = (i * 7) % 3;
    CHECK("stratified nested folds: disjoint, complete, no leak", covers(60, 5, 4, class_of));
    good = 1;
    for (int f = 0; f < 5; f++) {
        size_t count[3] = { 0, 0, 0 };
        good = good && !gn_folds_leaf(60, 5, 4, class_of, f, 0, part, NULL, &err);
        for (size_t i = 0; i < 60; i++)
            count[class_of[i]] += part[i] == GN_TESTING;
        good = good && count[0] == 4 && count[1] == 4 && count[2] == 4;
    }
    CHECK("stratified: every test set has each class alike", good);

    CHECK("0 test folds is an error that names testing",
          gn_folds_leaf(9, 0, 5, NULL, 0, 0, part, NULL, &err) == -1 &&
              strstr(err.text, "testing"));
    gn_err_clear(&err);
    CHECK("1 validation fold is an error that names validation",
          gn_folds_leaf(9, 3, -1, NULL, 0, 0, part, NULL, &err) == -1 &&
              strstr(err.text, "validation"));
    gn_err_clear(&err);
    CHECK("more folds than subjects is an error that names the key",
          gn_folds_leaf(9, 3, 7, NULL, 0, 0, part, NULL, &err) == -1 &&
              strstr(err.text, "validation: 7 folds of 6"));

    char *a = gn_folds_leaf_name(5, 5, 1, 2), *b = gn_folds_leaf_name(5, -5, 1, 0),
         *c = gn_folds_leaf_name(1, 5, 0, 3), *d = gn_folds_leaf_name(-5, -5, 0, 0);
    CHECK("folders of leaves", !strcmp(a, "testing_1/2") && !strcmp(b, "testing_1") &&
                                   !strcmp(c, "3") && !strcmp(d, ""));
    free(a);
    free(b);
    free(c);
    free(d);
    return check_done();
}
