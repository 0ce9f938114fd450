/* phantom.c - drawn studies: pure functions of seed and name, labels where they belong, the same at
 * any resolution. */
#include "image/phantom.h"

#include <stdlib.h>

#include "base/pool.h"
#include "base/str.h"
#include "check.h"

static struct gn_err err;

struct drawing {
    struct gn_tensor image, label;
    double affine[12];
};

static struct drawing draw(struct gn_phantom p, const char *sample)
{
    struct drawing d;
    gn_phantom_defaults(&p);
    gn_err_clear(&err);
    if (gn_phantom_draw(&p, sample, &d.image, &d.label, d.affine, &err)) {
        printf("# %s\n", err.text);
        abort();
    }
    return d;
}

static void drop(struct drawing *d)
{
    gn_tensor_free(&d->image);
    gn_tensor_free(&d->label);
}

static uint64_t hash_of(const struct gn_tensor *t)
{
    return gn_fnv1a(GN_FNV_START, t->data, (size_t)gn_tensor_count(t) * gn_dtype_size(t->dtype));
}

/* Image and label as one number, drawn by this many threads. */
static uint64_t hash_at(struct gn_phantom p, const char *sample, int threads)
{
    struct drawing d;
    uint64_t h;

    gn_pool_start(threads);
    d = draw(p, sample);
    gn_pool_stop();
    h = hash_of(&d.image) * 31 + hash_of(&d.label);
    drop(&d);
    return h;
}

static void test_pure(enum gn_phantom_kind kind)
{
    const char *name = gn_phantom_names[kind];
    struct gn_phantom p = { .kind = kind,
                            .seed = 3,
                            .size = { 40, 36, gn_phantom_is_flat(kind) ? 1 : 20 } },
                      q = p;
    uint64_t one = hash_at(p, "a", 1);
    char text[96];

    q.seed = 4;
    snprintf(text, sizeof text, "%s: the same for any number of threads", name);
    CHECK(text, hash_at(p, "a", 3) == one);
    snprintf(text, sizeof text, "%s: another sample is another picture", name);
    CHECK(text, hash_at(p, "b", 1) != one);
    snprintf(text, sizeof text, "%s: so is another seed", name);
    CHECK(text, hash_at(q, "a", 1) != one);
}

/* Share of voxels of each label 0..4. */
static void shares(const struct gn_tensor *label, double share[5], int *odd)
{
    int64_t n = gn_tensor_count(label);
    memset(share, 0, 5 * sizeof *share);
    for (int64_t i = 0; i < n; i++) {
        int v = ((const uint8_t *)label->data)[i];
        if (v > 4)
            (*odd)++;
        else
            share[v] += 1.0 / (double)n;
    }
}

static void test_labels(void)
{
    /* least and most share of the picture that labels 1, 2, 3, 4 take, of any of ten samples */
    static const struct {
        enum gn_phantom_kind kind;
        int labels;
        double lo[4], hi[4];
    } want[] = {
        { GN_PHANTOM_HEAD, 1, { .08, 0, 0, 0 }, { .25, 0, 0, 0 } },
        { GN_PHANTOM_HEAD, 3, { .02, .0003, .04, 0 }, { .12, .02, .2, 0 } },
        { GN_PHANTOM_TUMOUR, 1, { .001, 0, 0, 0 }, { .05, 0, 0, 0 } },
        { GN_PHANTOM_TUMOUR, 3, { 0, .0005, 0, .0003 }, { .02, .05, 0, .02 } },
        { GN_PHANTOM_THORAX, 1, { .1, 0, 0, 0 }, { .35, 0, 0, 0 } },
        { GN_PHANTOM_THORAX, 2, { .04, .04, 0, 0 }, { .2, .2, 0, 0 } },
        { GN_PHANTOM_FUNDUS, 1, { .008, 0, 0, 0 }, { .04, 0, 0, 0 } },
        { GN_PHANTOM_FUNDUS, 2, { .004, .0005, 0, 0 }, { .04, .02, 0, 0 } },
    };
    int odd = 0;

    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct gn_phantom p = { .kind = want[i].kind,
                                .labels = want[i].labels,
                                .channels = gn_phantom_is_flat(want[i].kind) ? 0 : 1 };
        int good = 1;
        char text[96];
        for (int k = 0; k < 10; k++) {
            char sample[8];
            double share[5];
            struct drawing d;
            snprintf(sample, sizeof sample, "s%d", k);
            d = draw(p, sample);
            shares(&d.label, share, &odd);
            for (int v = 0; v < 4; v++)
                if (share[v + 1] < want[i].lo[v] || share[v + 1] > want[i].hi[v]) {
                    printf("# %s: label %d takes %g\n", sample, v + 1, share[v + 1]);
                    good = 0;
                }
            drop(&d);
        }
        snprintf(text, sizeof text, "%s with %d: each label takes its share in every sample",
                 gn_phantom_names[want[i].kind], want[i].labels);
        CHECK(text, good);
    }
    CHECK("no other label stands anywhere", odd == 0);
}

/* Labels of 48 voxels of 4.5 mm against those of 144 of 1.5 mm, whose every third centre is the
 * same place. */
static void test_resolution(void)
{
    struct gn_phantom p = { .kind = GN_PHANTOM_HEAD,
                            .size = { 48, 48, 48 },
                            .spacing = { 4.5, 4.5, 4.5 } },
                      q = p;
    struct drawing coarse, fine;
    int64_t same = 0;

    for (int k = 0; k < 3; k++) {
        q.size[k] = 144;
        q.spacing[k] = 1.5;
    }
    coarse = draw(p, "x");
    fine = draw(q, "x");
    for (int64_t z = 0; z < 48; z++)
        for (int64_t y = 0; y < 48; y++)
            for (int64_t x = 0; x < 48; x++)
                same +=
                    ((uint8_t *)coarse.label.data)[(z * 48 + y) * 48 + x] ==
                    ((uint8_t *)fine.label.data)[((3 * z + 1) * 144 + 3 * y + 1) * 144 + 3 * x + 1];
    CHECK("the anatomy does not depend on the resolution",
          same > 48 * 48 * 48 - 20); /* rounding, at the very surface */
    CHECK("nor does its place in the world",
          coarse.affine[3] - 4.5 / 2 == fine.affine[3] - 1.5 / 2 &&
              coarse.affine[3] == -23.5 * 4.5);
    drop(&coarse);
    drop(&fine);
}

/* Mean grey value of a channel where the label is v. */
static double mean_where(const struct drawing *d, int channel, int v)
{
    int64_t n = gn_tensor_count(&d->label), count = 0;
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        if (((uint8_t *)d->label.data)[i] == v) {
            sum += gn_tensor_get(&d->image, channel * n + i);
            count++;
        }
    return count ? sum / (double)count : 0;
}

static void test_contrast(void)
{
    struct gn_phantom head = { .kind = GN_PHANTOM_HEAD, .labels = 3, .channels = 6 },
                      tumour = { .kind = GN_PHANTOM_TUMOUR };
    struct drawing d = draw(head, "c"), t = draw(tumour, "s1");
    char name[16];

    CHECK("in T1 white matter is brighter than ventricles, in T2 darker",
          mean_where(&d, 0, 3) > 1.5 * mean_where(&d, 0, 2) &&
              mean_where(&d, 1, 3) < 0.7 * mean_where(&d, 1, 2));
    CHECK("channels differ, invented ones too",
          d.image.shape[0] == 6 && fabs(mean_where(&d, 4, 3) - mean_where(&d, 5, 3)) > 1);
    gn_phantom_channel_name(GN_PHANTOM_HEAD, 4, name);
    CHECK("the fifth is called so", strcmp(name, "c5") == 0);
    CHECK("a tumour's rim is bright in T1c, its oedema in FLAIR",
          mean_where(&t, 1, 4) > 1.3 * mean_where(&t, 1, 2) &&
              mean_where(&t, 0, 2) > 1.2 * mean_where(&t, 0, 0));
    drop(&d);
    drop(&t);
}

static void test_age(void)
{
    struct gn_phantom p = { .kind = GN_PHANTOM_HEAD, .labels = 2, .seed = 1 };
    double sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0, r;
    enum { N = 16 };

    for (int k = 0; k < N; k++) {
        char sample[8];
        double share[5], age;
        int odd = 0;
        struct drawing d;
        snprintf(sample, sizeof sample, "s%d", k);
        d = draw(p, sample);
        age = gn_phantom_age(&p, sample);
        shares(&d.label, share, &odd);
        share[2] = cbrt(share[2]);
        sx += age, sxx += age * age, sy += share[2], syy += share[2] * share[2],
            sxy += age * share[2];
        drop(&d);
    }
    r = (N * sxy - sx * sy) / sqrt((N * sxx - sx * sx) * (N * syy - sy * sy));
    printf("# correlation of age and ventricles: %g\n", r);
    CHECK("ventricles grow with age", r > 0.9);
}

static void test_refused(void)
{
    struct gn_phantom p = { .kind = GN_PHANTOM_HEAD,
                            .size = { 4, 64, 64 },
                            .spacing = { 1, 1, 1 },
                            .channels = 1,
                            .labels = 1 };
    struct gn_tensor image, label;
    double affine[12];

    gn_err_clear(&err);
    CHECK("too small a picture is refused",
          gn_phantom_draw(&p, "a", &image, &label, affine, &err) == -1 && !image.data);
    p.size[0] = 64;
    p.spacing[0] = 1e9;
    gn_err_clear(&err);
    CHECK("so is a field of view without end",
          gn_phantom_draw(&p, "a", &image, &label, affine, &err) == -1 && !label.data);
}

int main(void)
{
    for (int k = 0; k < GN_PHANTOM_KINDS; k++)
        test_pure((enum gn_phantom_kind)k);
    gn_pool_start(0);
    test_labels();
    test_resolution();
    test_contrast();
    test_age();
    test_refused();
    gn_pool_stop();
    return check_done();
}
