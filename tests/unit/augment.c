/* augment.c - draws, windows, and that a window becomes the patch of the augmented whole image. */
#include "image/augment.h"

#include <stdlib.h>

#include "base/pool.h"
#include "check.h"
#include "image/crop.h"

static struct gn_err err;

static struct gn_tensor ramp(enum gn_dtype dtype, int64_t c, const int64_t size[3])
{
    struct gn_tensor t;
    if (gn_tensor_new4(&t, dtype, c, size[2], size[1], size[0], &err))
        return (struct gn_tensor){ 0 };
    for (int64_t i = 0; i < gn_tensor_count(&t); i++)
        gn_tensor_set(&t, i, (double)(i * 37 % 251));
    return t;
}

static int same(const struct gn_tensor *a, const struct gn_tensor *b)
{
    size_t bytes = 0;
    return a->dtype == b->dtype && !memcmp(a->shape, b->shape, 4 * sizeof *a->shape) &&
           gn_tensor_bytes(a, &bytes, &err) == 0 && !memcmp(a->data, b->data, bytes);
}

static struct gn_grid grid_of(const int64_t size[3])
{
    return (struct gn_grid){{size[0], size[1], size[2]}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}};
}

static int draw(struct gn_augment_draws *d, const struct gn_augment_list *list, uint64_t seed,
                const char *sample, uint32_t epoch, uint32_t patch, const int64_t size[3],
                const struct gn_augment_hook *hook)
{
    struct gn_grid g = grid_of(size);
    return gn_augment_draw(d, list, seed, sample, epoch, patch, &g, hook, &err);
}

static int apply(const struct gn_augment_draws *d, const char *name, const struct gn_box *have,
                 const struct gn_box *want, bool windowed, const struct gn_tensor *in,
                 struct gn_tensor *out)
{
    struct gn_augment_image image = {.name = name, .std = -1, .top = 1};
    return gn_augment_apply(d, &image, have, want, windowed, in, out, &err);
}

/* Augment the whole and cut; cut the window and augment: equal bytes. */
static int window_is_patch(const struct gn_augment_list *list, const char *image,
                           enum gn_dtype dtype,
                           const int64_t size[3], const struct gn_box *patch, uint32_t index)
{
    struct gn_augment_draws d;
    struct gn_tensor in = ramp(dtype, 2, size), whole = { 0 }, want = { 0 }, win = { 0 },
        got = { 0 };
    struct gn_box all = { { 0, 0, 0 }, { size[0], size[1], size[2] } }, window;
    int ok = draw(&d, list, 11, "subject", 3, index, size, NULL) == 0;
    gn_augment_window(&d, patch, &window);
    ok = ok && apply(&d, image, &all, &all, false, &in, &whole) == 0 &&
         gn_image_cut(&whole, patch, GN_PAD_CONSTANT, &want, &err) == 0 &&
         gn_image_cut(&in, &window, GN_PAD_CONSTANT, &win, &err) == 0 &&
         apply(&d, image, &window, patch, true, &win, &got) == 0 &&
         same(&want, &got);
    gn_tensor_free(&in);
    gn_tensor_free(&whole);
    gn_tensor_free(&want);
    gn_tensor_free(&win);
    gn_tensor_free(&got);
    gn_augment_draws_free(&d);
    return ok;
}

static void windows(void)
{
    struct gn_augment_list list = { 0 };
    int64_t solid[3] = { 13, 11, 9 }, flat[3] = { 17, 12, 1 };
    struct gn_box p3 = { { 2, 5, 1 }, { 6, 5, 4 } }, p2 = { { 9, 0, 0 }, { 7, 6, 1 } };
    int ok = gn_augment_add(&list, "flip", NULL, 0.8, &err) == 0 &&
             gn_augment_add(&list, "noise", "std=[5,9],mean=3", 0.8, &err) == 0 &&
             gn_augment_add(&list, "flip", "axis=[0,2]", 0.8, &err) == 0 &&
             gn_augment_add(&list, "noise", "std=2", 0.5, &err) == 0;
    CHECK("a list is read", ok && list.n == 4 && !strcmp(list.step[2].label, "flip.2"));
    int images = 1, labels = 1, pictures = 1, moved = 0;
    for (uint32_t i = 0; i < 40; i++) {
        struct gn_augment_draws d;
        struct gn_box w;
        images &= window_is_patch(&list, "t1", GN_INT16, solid, &p3, i);
        labels &= window_is_patch(&list, NULL, GN_UINT8, solid, &p3, i);
        pictures &= window_is_patch(&list, "rgb", GN_FLOAT32, flat, &p2, i);
        if (draw(&d, &list, 11, "subject", 3, i, solid, NULL) == 0) {
            gn_augment_window(&d, &p3, &w);
            moved += memcmp(&w, &p3, sizeof w) != 0;
        }
        gn_augment_draws_free(&d);
    }
    CHECK("a window becomes the patch of the whole augmented image, 3-D", images);
    CHECK("so does a label's", labels);
    CHECK("and a 2-D image's", pictures);
    CHECK("most of 40 windows lie elsewhere than their patch", moved > 20 && moved < 40);
    gn_augment_free(&list);
}

static void points(void)
{
    struct gn_augment_list list = { 0 };
    struct gn_augment_draws d;
    int64_t size[3] = { 10, 8, 6 }, p[3] = { 2, 3, 1 };
    int flipped[3] = { 0, 0, 0 }, none = 0, ok = 1;
    if (gn_augment_add(&list, "flip", "axis=[0,1]", 1, &err))
        ok = 0;
    for (uint32_t i = 0; ok && i < 4000; i++) {
        ok = draw(&d, &list, 1, "s", 0, i, size, NULL) == 0;
        for (int k = 0; k < 3; k++)
            flipped[k] += d.choice[0].value[k] != 0;
        none += d.choice[0].value[0] == 0 && d.choice[0].value[1] == 0;
        int64_t q[3] = { p[0], p[1], p[2] };
        ok &= gn_augment_point(&d, q);
        for (int k = 0; k < 3; k++)
            ok &= q[k] == (d.choice[0].value[k] != 0 ? size[k] - 1 - p[k] : p[k]);
        gn_augment_draws_free(&d);
    }
    CHECK("a voxel goes where the flip takes it", ok);
    CHECK("each listed axis is flipped half of the time, independently", flipped[2] == 0 &&
          abs(flipped[0] - 2000) < 130 && abs(flipped[1] - 2000) < 130 && abs(none - 1000) < 110);
    gn_augment_free(&list);
    int done = 0;
    if (gn_augment_add(&list, "flip", NULL, 0.3, &err))
        ok = 0;
    for (uint32_t i = 0; ok && i < 4000; i++) {
        ok = draw(&d, &list, 1, "s", 0, i, size, NULL) == 0;
        done += d.choice[0].done;
        gn_augment_draws_free(&d);
    }
    CHECK("an operation of probability 0.3 is done in 3 of 10", abs(done - 1200) < 120);
    gn_augment_free(&list);
}

struct seen {
    int n;
    double value[32];
};

static int look(void *arg, const struct gn_augment_draws *d, const char *image, const char *op,
                const char *parameter, double *value, struct gn_err *e)
{
    struct seen *s = arg;
    (void)d;
    (void)image;
    (void)op;
    (void)e;
    if (strcmp(parameter, "done"))
        s->value[s->n++ % 32] = *value;
    return 0;
}

static int put(void *arg, const struct gn_augment_draws *d, const char *image, const char *op,
               const char *parameter, double *value, struct gn_err *e)
{
    (void)arg;
    (void)d;
    (void)image;
    (void)op;
    if (!strcmp(parameter, "mean"))
        *value = 100;
    if (!strcmp(parameter, "std"))
        *value = 0;
    return strcmp(parameter, "fail") ? 0 : gn_err_set(e, "no");
}

static void noise(void)
{
    struct gn_augment_list list = { 0 };
    struct gn_augment_draws d;
    int64_t size[3] = { 64, 64, 16 };
    struct gn_box all = { { 0, 0, 0 }, { 64, 64, 16 } };
    struct gn_tensor in = { 0 }, out[2] = { { 0 }, { 0 } }, other = { 0 };
    struct seen seen = { 0, { 0 } };
    struct gn_augment_hook hook = { look, &seen }, replace = { put, NULL };
    double sum = 0, squares = 0;
    int ok = gn_tensor_new4(&in, GN_UINT8, 1, 16, 64, 64, &err) == 0 &&
             gn_augment_add(&list, "noise", "std=[2,3],mean=0.5", 1, &err) == 0;
    for (int k = 0; ok && k < 2; k++) {
        gn_pool_start(k ? 4 : 1);
        ok = draw(&d, &list, 0, "s", 0, 0, size, &hook) == 0 &&
             apply(&d, "t1", &all, &all, false, &in, &out[k]) == 0;
        gn_pool_stop();
    }
    CHECK("noise makes float32, equal bytes on one thread and four", ok &&
          out[0].dtype == GN_FLOAT32 && same(&out[0], &out[1]));
    for (int64_t i = 0; i < 65536; i++) {
        double v = gn_tensor_get(&out[0], i) - seen.value[0];
        sum += v;
        squares += v * v;
    }
    CHECK("mean and std of the draw are in their ranges", fabs(seen.value[0]) <= 0.5 &&
          seen.value[1] >= 2 && seen.value[1] < 3);
    CHECK("noise has the mean and the std that were drawn", fabs(sum / 65536) < 4 * 3 / 256.0 &&
          fabs(sqrt(squares / 65536) / seen.value[1] - 1) < 0.012);
    ok = apply(&d, "t2", &all, &all, false, &in, &other) == 0;
    CHECK("another modality gets other noise", ok && !same(&out[0], &other));
    gn_tensor_free(&other);
    ok = draw(&d, &list, 0, "s", 0, 0, size, &replace) == 0 &&
         apply(&d, "t1", &all, &all, false, &in, &other) == 0;
    CHECK("a hook puts its own values in place of those drawn",
          ok && gn_tensor_get(&other, 77) == 100);
    gn_tensor_free(&other);
    gn_tensor_free(&in);
    gn_tensor_free(&out[0]);
    gn_tensor_free(&out[1]);
    gn_augment_free(&list);
}

static void rules(void)
{
    struct gn_augment_list list = { 0 };
    int ok = gn_augment_add(&list, "noise", "std=0.3,mean=0.3", 1, &err) == 0;
    const double *s = list.step[0].setting;
    CHECK("G72 noise std 0.3 is the constant 0.3, as TorchIO", ok && s[2] == 0.3 && s[3] == 0.3);
    CHECK("G72 noise mean 0.3 is U(-0.3, 0.3), as TorchIO", ok && s[0] == -0.3 && s[1] == 0.3);
    gn_augment_free(&list);
    ok = gn_augment_add(&list, "noise", NULL, 1, &err) == 0;
    s = list.step[0].setting;
    CHECK("noise is N(0, U(0,1)) by default, as GaNDLF", ok && s[0] == 0 && s[1] == 0 &&
          s[2] == 0 && s[3] == 1);
    CHECK("an unknown name is refused and the nearest named",
          gn_augment_add(&list, "nois", NULL, 1, &err) == -1 &&
          strstr(err.text, "did you mean noise"));
    gn_err_clear(&err);
    CHECK("an unknown key too", gn_augment_add(&list, "flip", "axes=1", 1, &err) == -1 &&
          strstr(err.text, "did you mean axis"));
    gn_err_clear(&err);
    static const char *const bad[] = { "std=-1", "std=[3,2]", "std=", "std", "std=[1,2", "std=1,2",
                                       "probability=2" };
    int refused = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        refused += gn_augment_add(&list, "noise", bad[i], 1, &err) == -1 && err.code == 2;
        gn_err_clear(&err);
    }
    CHECK("settings that are none are refused", refused == sizeof bad / sizeof *bad);
    gn_augment_free(&list);
}

static void keys(void)
{
    struct gn_augment_list a = { 0 }, b = { 0 };
    struct gn_augment_draws d, e;
    char ka[17], kb[17];
    int64_t size[3] = { 8, 8, 8 };
    struct gn_box patch = { { 1, 2, 3 }, { 4, 4, 4 } }, w = { { 0, 0, 0 }, { 4, 4, 4 } };
    struct gn_tensor in = ramp(GN_FLOAT32, 1, w.size), out = { 0 };
    int ok = gn_augment_add(&a, "flip", NULL, 0.5, &err) == 0 &&
             gn_augment_add(&b, "flip", NULL, 0.25, &err) == 0;
    gn_augment_key(&a, 1, ka);
    gn_augment_key(&a, 2, kb);
    CHECK("another seed is another key", ok && strlen(ka) == 16 && strcmp(ka, kb));
    gn_augment_key(&b, 1, kb);
    CHECK("another list is another key", strcmp(ka, kb));
    gn_augment_key(&a, 1, kb);
    CHECK("the same seed and list are the same key", !strcmp(ka, kb));
    ok = draw(&d, &a, 1, "s", 0, 0, size, NULL) == 0 &&
         draw(&e, &a, 1, "s", 0, 0, size, NULL) == 0;
    CHECK("a draw is a pure function of its place",
          ok && d.choice[0].done == e.choice[0].done && d.choice[0].n == e.choice[0].n);
    CHECK("a window for other draws is refused",
          apply(&d, NULL, &w, &patch, true, &in, &out) == -1);
    gn_err_clear(&err);
    gn_tensor_free(&in);
    gn_augment_free(&a);
    gn_augment_free(&b);
}

static void from_config(void)
{
    static const char text[] = "noise: {mean: 0, std: [0, 2], probability: 0.2}\n"
                               "flip: {axis: [0, 1]}\n";
    struct gn_yaml_doc doc = { 0 };
    struct gn_augment_list list = { 0 };
    int ok = gn_yaml_parse(&doc, "c.yaml", text, sizeof text - 1, &err) == 0;
    for (const struct gn_yaml *c = ok ? doc.root->child : NULL; c; c = c->next)
        ok &= gn_augment_add_yaml(&list, c->key, c, 0.5, &err) == 0;
    CHECK("entries of a config are read", ok && list.n == 2 && list.step[0].probability == 0.2 &&
          list.step[0].setting[3] == 2 && list.step[1].probability == 0.5 &&
              list.step[1].setting[2] == 0);
    gn_augment_free(&list);
    gn_yaml_free(&doc);
}

int main(void)
{
    windows();
    points();
    noise();
    rules();
    keys();
    from_config();
    return check_done();
}
