/* augment_draws.c - what every augmentation draws, against its specification (10 000 draws each,
 * seeds fixed), how often it is done, and what is refused. */
#include <fnmatch.h>
#include <stdlib.h>

#include "augment_laws.h"
#include "base/rng.h"
#include "check.h"
#include "image/augment.h"

static struct gn_err err;

static struct gn_tensor new_image(int64_t c, const int64_t size[3])
{
    struct gn_tensor t = {0};
    if (gn_tensor_new4(&t, GN_FLOAT32, c, size[2], size[1], size[0], &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return t;
}

static struct gn_tensor pattern(int64_t c, const int64_t size[3], double scale, double shift)
{
    struct gn_tensor t = new_image(c, size);
    for (int64_t n = 0; n < gn_tensor_count(&t); n++)
        ((float *)t.data)[n] = (float)((double)((7919 * n + 13) % 1009) * scale + shift);
    return t;
}

static int same(const struct gn_tensor *a, const struct gn_tensor *b)
{
    size_t bytes = 0;
    return a->dtype == b->dtype && !memcmp(a->shape, b->shape, 4 * sizeof *a->shape) &&
           gn_tensor_bytes(a, &bytes, &err) == 0 && !memcmp(a->data, b->data, bytes);
}

static struct gn_tensor given(int64_t c, int64_t x, int64_t y, int64_t z, const float *v)
{
    int64_t size[3] = {x, y, z};
    struct gn_tensor t = new_image(c, size);
    memcpy(t.data, v, (size_t)(c * x * y * z) * sizeof *v);
    return t;
}

/* ---- laws ---- */

enum { DRAWS = 10000 };

enum { LAWS = sizeof laws / sizeof *laws };

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Kolmogorov and Smirnov's distance of DRAWS numbers from the uniform law, times sqrt(DRAWS); 1e9
 * beyond its ends. v is sorted. */
static double far_from_uniform(double *v, double lo, double hi)
{
    double most = 0;
    qsort(v, DRAWS, sizeof *v, ascending);
    for (int i = 0; i < DRAWS; i++) {
        double u = (v[i] - lo) / (hi - lo);
        if (!(v[i] >= lo && v[i] < hi))
            return 1e9;
        most = fmax(most, fmax(u - (double)i / DRAWS, (double)(i + 1) / DRAWS - u));
    }
    return most * sqrt(DRAWS);
}

/* What it stays below but for a chance of 1 in 100 that one of n parameters does not. */
static double most_of(int n)
{
    return sqrt(-log(0.01 / n / 2) / 2);
}

/* Chi-square of counts that should be even, over what it exceeds once in 3000 times (Wilson and
 * Hilferty's cube root). */
static double unevenness(const int *number, int n, int total)
{
    double sum = 0, each = (double)total / n, df = n - 1;
    for (int i = 0; i < n; i++)
        sum += (number[i] - each) * (number[i] - each) / each;
    return sum / (df * pow(1 - 2 / (9 * df) + 3.4 * sqrt(2 / (9 * df)), 3));
}

/* Correlation of two parameters, in its standard deviations. */
static double together(const double *a, const double *b, int n)
{
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < n; i++) {
        ma += a[i] / n;
        mb += b[i] / n;
    }
    for (int i = 0; i < n; i++) {
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
        ab += (a[i] - ma) * (b[i] - mb);
    }
    return aa > 0 && bb > 0 ? fabs(ab) / sqrt(aa * bb) * sqrt(n) : 1e9;
}

static const int orders[24] = {123,  132,  213,  231,  312,  321,  1023, 1032,
                               1203, 1230, 1302, 1320, 2013, 2031, 2103, 2130,
                               2301, 2310, 3012, 3021, 3102, 3120, 3201, 3210};

/* How far numbers drawn are from their law: at most 1 is well. most: see most_of. v is sorted. */
static double far_from(const struct law *l, double *v, double most)
{
    int number[24] = {0}, n = 0;
    double value[24];
    if (l->kind == UNIFORM)
        return far_from_uniform(v, l->lo, l->hi) / most;
    if (l->kind == WHOLE)
        for (double k = l->lo; k <= l->hi; k++)
            value[n++] = k;
    else if (l->kind == AMONG)
        for (const char *p = l->among; *p; p++)
            value[n++] = *p - '0';
    else
        for (; n < 24; n++)
            value[n] = orders[n];
    for (int i = 0; i < DRAWS; i++) {
        int k = 0;
        while (k < n && value[k] != v[i])
            k++;
        if (k == n)
            return 1e9;
        number[k]++;
    }
    return unevenness(number, n, DRAWS);
}

static const struct gn_grid solid = {{40, 30, 20}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}};
static const struct gn_grid flat = {{40, 30, 1}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}};

/* The laws first..last-1 of one operation. */
static void check_laws(int first, int last)
{
    const struct law *of = &laws[first];
    const struct gn_grid *grid = of->flat ? &flat : &solid;
    struct gn_augment_list list = {.patch = {of->patch, of->patch, of->patch}};
    struct gn_augment_image image = {.name = "t1", .std = 40, .top = 1};
    int used[LAWS] = {0}, kept = 0, unknown = 0, fixed = 1;
    if (gn_augment_add(&list, of->op, of->settings, 1, &err)) {
        printf("# %s\n", err.text);
        exit(1);
    }
    const struct gn_augment_step *s = &list.step[0];
    const bool common = s->op->spatial || s->op->shared;
    const int n = s->op->count(s, grid, common ? 0 : 3, &err);
    int *law = calloc((size_t)n + 1, sizeof *law), *place = calloc((size_t)n + 1, sizeof *place);
    for (int k = 0; k < n; k++) {
        char name[GN_AUGMENT_NAME];
        s->op->parameter(s, k, name);
        for (law[k] = first; law[k] < last && fnmatch(laws[law[k]].parameter, name, 0); law[k]++)
            ;
        unknown += law[k] == last;
        if (law[k] == last)
            printf("# %s: no law of %s\n", of->op, name);
        else
            used[law[k] - first]++;
        place[k] = law[k] < last && laws[law[k]].kind < FIXED ? kept++ : -1;
    }
    double *one = calloc((size_t)n + 1, sizeof *one);
    double *v = calloc((size_t)(kept + 1) * DRAWS, sizeof *v), *w = v;
    if (!common)
        w = calloc((size_t)(kept + 1) * DRAWS, sizeof *w);
    for (int t = 0; t < (common ? 1 : 2); t++)
        for (uint32_t i = 0; i < DRAWS; i++) {
            image.name = t ? "t2" : "t1";
            struct gn_draw where = gn_draw_at(5, "s", common ? NULL : image.name, i / 100, i % 100,
                                              0);
            s->op->draw(s, &where, grid, common ? NULL : &image, n, one);
            for (int k = 0; k < n; k++)
                if (place[k] >= 0)
                    (t ? w : v)[place[k] * DRAWS + (int)i] = one[k];
                else
                    fixed &= law[k] == last || laws[law[k]].kind == REST ||
                             one[k] == laws[law[k]].lo;
        }
    double related = 0, far = 0, apart = 0;
    for (int k = 0; k < kept; k++) {
        related = fmax(related, together(v + k * DRAWS, v + k * DRAWS + 1, DRAWS - 1));
        if (k)
            related = fmax(related, together(v + k * DRAWS, v + (k - 1) * DRAWS, DRAWS));
        if (!common)
            apart = fmax(apart, together(v + k * DRAWS, w + k * DRAWS, DRAWS));
    }
    for (int k = 0; k < n; k++)
        if (place[k] >= 0) {
            double d = far_from(&laws[law[k]], v + place[k] * DRAWS, most_of(kept));
            char name[GN_AUGMENT_NAME];
            s->op->parameter(s, k, name);
            if (d > 1)
                printf("# %s: %s is %.2f times too far off\n", of->op, name, d);
            far = fmax(far, d);
        }
    int empty = 0;
    for (int k = 0; k < last - first; k++)
        empty += used[k] == 0;
    char text[256];
    snprintf(text, sizeof text, "%s%s%s%s: %d parameters drawn by their laws (%.2f)", of->op,
             of->settings ? " " : "", of->settings ? of->settings : "",
             of->flat ? " of a picture" : "", kept, far);
    CHECK(text, far <= 1 && fixed && !unknown && !empty);
    if (kept) {
        snprintf(text, sizeof text, "%s: none follows from another%s (%.1f, %.1f)", of->op,
                 common ? "" : ", nor from another modality's", related, apart);
        CHECK(text, related < 5 && apart < 5);
    }
    free(law);
    free(place);
    free(one);
    if (w != v)
        free(w);
    free(v);
    gn_augment_free(&list);
}

static void distributions(void)
{
    for (int i = 0, next; i < LAWS; i = next) {
        for (next = i + 1; next < LAWS && !laws[next].op; next++)
            ;
        check_laws(i, next);
    }
    int without = 0;
    for (const char *const *name = gn_augment_names(); *name; name++) {
        bool found = false;
        for (int i = 0; i < LAWS; i++)
            found |= laws[i].op && !strcmp(laws[i].op, *name);
        if (!found)
            printf("# %s has no law\n", *name);
        without += !found;
    }
    CHECK("no operation is without laws here", without == 0);
}

/* ---- what depends on more than one parameter ---- */

static void choices(void)
{
    struct gn_grid grid = solid;
    int flips[8] = {0}, two[64] = {0}, ok = 1;
    struct gn_augment_list list = {0};
    ok = gn_augment_add(&list, "flip", NULL, 1, &err) == 0 &&
         gn_augment_add(&list, "flip", NULL, 1, &err) == 0;
    for (uint32_t i = 0; ok && i < DRAWS; i++) {
        struct gn_augment_draws d;
        int k[2] = {0, 0};
        ok = gn_augment_draw(&d, &list, 1, "s", 0, i, &grid, NULL, &err) == 0;
        for (int a = 0; a < 6; a++)
            k[a / 3] |= (d.choice[a / 3].value[a % 3] != 0) << a % 3;
        flips[k[0]]++;
        two[8 * k[0] + k[1]]++;
        gn_augment_draws_free(&d);
    }
    CHECK("flip: the 8 sets of axes are even", ok && unevenness(flips, 8, DRAWS) < 1);
    CHECK("and so are the 64 pairs of two flips", ok && unevenness(two, 64, DRAWS) < 1);
    gn_augment_free(&list);

    /* swap, boxes of one voxel among six: pairs of the first five, evenly */
    list.patch[0] = list.patch[1] = list.patch[2] = 10;
    struct gn_grid row = {{6, 1, 1}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}};
    struct gn_box box = {{0, 0, 0}, {6, 1, 1}};
    int pair[25] = {0};
    ok = gn_augment_add(&list, "swap", "num_iterations=1", 1, &err) == 0;
    for (uint32_t i = 0; ok && i < DRAWS; i++) {
        struct gn_augment_image image = {.name = "t1", .std = -1, .top = 1};
        struct gn_tensor in = given(1, 6, 1, 1, (const float[]){0, 1, 2, 3, 4, 5}), t = {0};
        struct gn_augment_draws d;
        int moved[6], count = 0;
        ok = gn_augment_draw(&d, &list, 1, "s", 0, i, &row, NULL, &err) == 0 &&
             gn_augment_apply(&d, &image, &box, &box, false, &in, &t, &err) == 0;
        for (int k = 0; ok && k < 6; k++)
            if (((float *)t.data)[k] != (float)k)
                moved[count++] = k;
        ok = ok && count == 2 && moved[1] < 5;
        if (ok)
            pair[5 * moved[0] + moved[1]]++;
        gn_tensor_free(&in);
        gn_tensor_free(&t);
        gn_augment_draws_free(&d);
    }
    int ten[10], k = 0;
    for (int a = 0; a < 5; a++)
        for (int b = a + 1; b < 5; b++)
            ten[k++] = pair[5 * a + b];
    CHECK("swap exchanges two different places, never the last, evenly",
          ok && unevenness(ten, 10, DRAWS) < 1);
    gn_augment_free(&list);
}

/* ---- gates ---- */

/* A list of all operations, each with this probability: how often each is done, and each with the
 * next. A bound of 4.5 deviations of the binomial law. */
static void gates(void)
{
    static const double chance[] = {0, 0.2, 0.35, 0.5, 1};
    const int64_t patch[3] = {30, 30, 30};
    for (size_t c = 0; c < sizeof chance / sizeof *chance; c++) {
        struct gn_augment_list list = {.patch = {patch[0], patch[1], patch[2]}};
        const double p = chance[c];
        int done[64] = {0}, both[64] = {0}, ok = 1, n;
        double worst = 0;
        for (const char *const *name = gn_augment_names(); ok && *name; name++)
            ok = gn_augment_add(&list, *name, NULL, p, &err) == 0;
        n = list.n;
        for (uint32_t i = 0; ok && i < DRAWS; i++) {
            struct gn_augment_draws d;
            ok = gn_augment_draw(&d, &list, 7, "s", i / 100, i % 100, &solid, NULL, &err) == 0;
            for (int k = 0; k < n; k++) {
                done[k] += d.choice[k].done;
                both[k] += d.choice[k].done && d.choice[(k + 1) % n].done;
            }
            gn_augment_draws_free(&d);
        }
        for (int k = 0; k < n; k++) {
            double one = fabs(done[k] - p * DRAWS), two = fabs(both[k] - p * p * DRAWS);
            double a = sqrt(p * (1 - p) * DRAWS), b = sqrt(p * p * (1 - p * p) * DRAWS);
            worst = fmax(worst, fmax(a > 0 ? one / a : one, b > 0 ? two / b : two));
        }
        char text[128];
        snprintf(text, sizeof text, "each of %d operations of probability %g is done by itself "
                 "that often (%.1f)", n, p, worst);
        CHECK(text, ok && n > 10 && worst < 4.5);
        gn_augment_free(&list);
    }
}

/* ---- what a hook sees is what was tested above ---- */

struct recorded {
    int n;
    double v[1200];
};

static int record(void *arg, const struct gn_augment_draws *d, const char *image, const char *op,
                  const char *parameter, double *value, struct gn_err *e)
{
    struct recorded *r = arg;
    (void)d;
    (void)image;
    (void)op;
    (void)e;
    if (strcmp(parameter, "done") != 0 && r->n < 1200)
        r->v[r->n++] = *value;
    return 0;
}

static void recorded(void)
{
    const struct gn_grid grid = {{12, 11, 1}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}};
    struct gn_box box = {{0, 0, 0}, {12, 11, 1}};
    struct gn_tensor in = pattern(3, grid.size, 0.25 / 255, 0);
    int seen = 0, ok = 1;
    for (const char *const *name = gn_augment_names(); *name; name++)
        for (uint32_t i = 0; i < 5; i++) {
            struct gn_augment_list list = {0};
            struct recorded r = {0, {0}};
            struct gn_augment_hook hook = {record, &r};
            struct gn_augment_image image = {.name = "t1", .std = 40, .top = 1};
            struct gn_augment_draws d;
            struct gn_tensor out = {0};
            double v[1200];
            int same_values = gn_augment_add(&list, "flip", NULL, 0, &err) == 0 &&
                              gn_augment_add(&list, *name, NULL, 1, &err) == 0 &&
                              gn_augment_draw(&d, &list, 9, "s", 2, i, &grid, &hook, &err) == 0 &&
                              gn_augment_apply(&d, &image, &box, &box, false, &in, &out, &err) == 0;
            const struct gn_augment_step *s = &list.step[1];
            const bool common = s->op->spatial || s->op->shared;
            const int n = same_values ? s->op->count(s, &grid, common ? 0 : 3, &err) : -1;
            struct gn_draw where = gn_draw_at(9, "s", common ? NULL : "t1", 2, i, 1);
            same_values &= n == r.n && n <= 1200;
            if (same_values)
                s->op->draw(s, &where, &grid, common ? NULL : &image, n, v);
            for (int k = 0; same_values && k < n; k++)
                same_values &= v[k] == r.v[k];
            if (!same_values)
                printf("# %s: %s\n", *name, err.text);
            ok &= same_values;
            seen++;
            gn_tensor_free(&out);
            gn_augment_draws_free(&d);
            gn_augment_free(&list);
        }
    CHECK("a draw is that of its operation, at its place in the list", ok && seen > 50);
    gn_tensor_free(&in);
}

/* ---- noise ---- */

static double normal_law(double x)
{
    return erfc(-x / sqrt(2)) / 2;
}

/* Two components of 10 000 voxels, two modalities: the deviates, and what mean and std make of
 * them. */
static void deviates(void)
{
    static const char *const names[2] = {"noise", "noise_var"};
    const int64_t size[3] = {25, 20, 20};
    struct gn_grid grid = {{25, 20, 20}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}};
    struct gn_box box = {{0, 0, 0}, {25, 20, 20}};
    for (int k = 0; k < 2; k++) {
        struct gn_tensor zero = pattern(2, size, 0, 0), in = pattern(2, size, 0.25, -20), t[3];
        struct gn_augment_list list = {0}, other = {0};
        struct gn_augment_draws d, e;
        struct gn_augment_image t1 = {.name = "t1", .std = 40, .top = 1}, t2 = t1;
        static double g[4][DRAWS], sorted[DRAWS];
        double related = 0, far = 0, off = 0;
        t2.name = "t2";
        int ok = gn_augment_add(&list, names[k], "mean=0,std=1", 1, &err) == 0 &&
                 gn_augment_add(&other, names[k], "mean=[3,3],std=2.5", 1, &err) == 0 &&
                 gn_augment_draw(&d, &list, 4, "s", 0, 0, &grid, NULL, &err) == 0 &&
                 gn_augment_draw(&e, &other, 4, "s", 0, 0, &grid, NULL, &err) == 0 &&
                 gn_augment_apply(&d, &t1, &box, &box, false, &zero, &t[0], &err) == 0 &&
                 gn_augment_apply(&d, &t2, &box, &box, false, &zero, &t[1], &err) == 0 &&
                 gn_augment_apply(&e, &t1, &box, &box, false, &in, &t[2], &err) == 0;
        if (!ok)
            exit(1);
        for (int i = 0; i < 4 * DRAWS; i++) {
            g[i / DRAWS][i % DRAWS] = gn_tensor_get(&t[i / (2 * DRAWS)], i % (2 * DRAWS));
            if (i < 2 * DRAWS) /* TorchIO: x + (std g + mean) */
                off = fmax(off, fabs(gn_tensor_get(&in, i) + (2.5 * g[i / DRAWS][i % DRAWS] + 3) -
                                     gn_tensor_get(&t[2], i)));
        }
        for (int a = 0; a < 4; a++) {
            double most = 0;
            memcpy(sorted, g[a], sizeof sorted);
            qsort(sorted, DRAWS, sizeof *sorted, ascending);
            for (int i = 0; i < DRAWS; i++) {
                double u = normal_law(sorted[i]);
                most = fmax(most, fmax(u - (double)i / DRAWS, (double)(i + 1) / DRAWS - u));
            }
            far = fmax(far, most * sqrt(DRAWS) / most_of(4));
            for (int b = 0; b < a; b++)
                related = fmax(related, together(g[a], g[b], DRAWS));
            related = fmax(related, together(g[a], g[a] + 1, DRAWS - 1));
        }
        char text[128];
        snprintf(text, sizeof text, "%s: standard normal deviates (%.2f), of components, voxels "
                 "and modalities by themselves (%.1f)", names[k], far, related);
        CHECK(text, far <= 1 && related < 4.5);
        snprintf(text, sizeof text, "%s: x + std g + mean, as TorchIO", names[k]);
        CHECK(text, off < 5e-5);
        for (int i = 0; i < 3; i++)
            gn_tensor_free(&t[i]);
        gn_tensor_free(&zero);
        gn_tensor_free(&in);
        gn_augment_draws_free(&d);
        gn_augment_draws_free(&e);
        gn_augment_free(&list);
        gn_augment_free(&other);
    }
}

/* ---- rules ---- */

static int tally(void *arg, const struct gn_augment_draws *d, const char *image, const char *op,
                 const char *parameter, double *value, struct gn_err *e)
{
    int *count = arg;
    (void)d;
    (void)image;
    (void)op;
    (void)value;
    (void)e;
    *count += strcmp(parameter, "done") != 0;
    return 0;
}

static void rules(void)
{
    static const char *const bad[][2] = {
        {"blur", "std=-1"}, {"blur", "std=[2,1]"}, {"blur", "std=[1,2,3,4]"},
        {"gamma", "log_gamma=9"}, {"gamma", "log_gamma=[1,2,3]"}, {"bias", "order=7"},
        {"bias", "order=1.5"}, {"bias", "coefficients=[1,0]"}, {"anisotropic", "downsampling=0.5"},
        {"anisotropic", "axis=3"}, {"swap", "patch_size=0"}, {"swap", "num_iterations=-1"},
        {"colorjitter", "hue=0.6"}, {"colorjitter", "brightness=-1"},
        {"hed_transform", "dab_bias_range=0.1"}, {"hed_transform", "cutoff_range=[-1,1]"},
        {"noise_var", "std=-2"}};
    const int64_t size[3] = {8, 8, 8};
    const struct gn_grid grid = {{8, 8, 8}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}};
    struct gn_box box = {{0, 0, 0}, {8, 8, 8}};
    struct gn_augment_list list = {.patch = {64, 64, 1}};
    int refused = 0, n = sizeof bad / sizeof *bad;
    for (int i = 0; i < n; i++) {
        int no = gn_augment_add(&list, bad[i][0], bad[i][1], 1, &err) == -1 && err.code == 2;
        if (!no)
            printf("# taken: %s %s\n", bad[i][0], bad[i][1]);
        refused += no;
        gn_err_clear(&err);
    }
    CHECK("settings that are none are refused", refused == n);
    gn_augment_free(&list);

    list.patch[0] = 64, list.patch[1] = 55, list.patch[2] = 1;
    int ok = gn_augment_add(&list, "swap", NULL, 1, &err) == 0;
    const double *s = list.step[0].setting;
    CHECK("swap's boxes are a tenth of the patch, half to even, at least one voxel, 100 times",
          ok && s[0] == 6 && s[1] == 6 && s[2] == 1 && s[3] == 100);
    gn_augment_free(&list);

    static const char *const three[] = {"colorjitter", "hed_transform"};
    for (int i = 0; i < 2; i++) {
        ok = gn_augment_add(&list, three[i], NULL, 1, &err) == 0 &&
             list.step[0].op->count(&list.step[0], &grid, 2, &err) == -1 &&
             strstr(err.text, "components");
        CHECK("colours need three components", ok);
        gn_err_clear(&err);
        gn_augment_free(&list);
    }

    /* two images of a sample */
    struct gn_tensor in = pattern(1, size, 0.25, 0), a = {0}, b = {0};
    struct gn_augment_image t1 = {.name = "t1", .std = -1, .top = 1}, t2 = t1;
    struct gn_augment_draws d;
    int seen = 0;
    struct gn_augment_hook hook = {tally, &seen};
    t2.name = "t2";
    ok = gn_augment_add(&list, "anisotropic", "downsampling=[1.5,3]", 1, &err) == 0 &&
         gn_augment_draw(&d, &list, 3, "s", 0, 0, &grid, &hook, &err) == 0 &&
         gn_augment_apply(&d, &t1, &box, &box, false, &in, &a, &err) == 0 &&
         gn_augment_apply(&d, &t2, &box, &box, false, &in, &b, &err) == 0;
    CHECK("anisotropic is the same for all images of a sample, drawn and told once",
          ok && same(&a, &b) && !same(&a, &in) && seen == 2);
    gn_augment_draws_free(&d);
    gn_tensor_free(&a);
    gn_tensor_free(&b);
    gn_augment_free(&list);
    ok = gn_augment_add(&list, "gamma", NULL, 1, &err) == 0 &&
         gn_augment_draw(&d, &list, 3, "s", 0, 0, &grid, NULL, &err) == 0 &&
         gn_augment_apply(&d, &t1, &box, &box, false, &in, &a, &err) == 0 &&
         gn_augment_apply(&d, &t2, &box, &box, false, &in, &b, &err) == 0;
    CHECK("gamma is another for each", ok && !same(&a, &b));
    gn_augment_draws_free(&d);
    gn_tensor_free(&a);
    gn_augment_free(&list);

    struct gn_augment_image label = {.name = NULL, .std = -1, .top = 1};
    ok = gn_augment_add(&list, "anisotropic", NULL, 1, &err) == 0 &&
         gn_augment_add(&list, "blur", "std=2", 1, &err) == 0 &&
         gn_augment_add(&list, "bias", NULL, 1, &err) == 0 &&
         gn_augment_draw(&d, &list, 3, "s", 0, 0, &grid, NULL, &err) == 0 &&
         gn_augment_apply(&d, &label, &box, &box, false, &in, &a, &err) == 0;
    CHECK("labels stay as they are", ok && same(&a, &in));
    gn_augment_draws_free(&d);
    gn_tensor_free(&a);
    gn_tensor_free(&b);
    gn_tensor_free(&in);
    gn_augment_free(&list);
}

int main(void)
{
    distributions();
    choices();
    gates();
    recorded();
    deviates();
    rules();
    return check_done();
}
