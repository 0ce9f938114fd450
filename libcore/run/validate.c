/* validate.c - see validate.h */
#include "run/validate.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "image/onehot.h"
#include "image/patch.h"
#include "image/stitch.h"
#include "run/batch.h"
#include "run/post.h"

static enum gn_stitch_mode stitch_mode(const char *name)
{
    int i = 0;
    while (strcmp(gn_stitch_names[i], name))
        i++; /* the schema allows no other names */
    return (enum gn_stitch_mode)i;
}

/* Cut patch `origin` out of all image records, channel after channel. */
static void read_patch(const struct gn_sample *s, const int64_t origin[3], const int64_t patch[3],
                       size_t voxels, float *x)
{
    for (size_t i = 0; i < s->n; i++)
        if (gn_record_role(&s->rec[i]) == GN_ROLE_IMAGE) {
            gn_patch_read_float(&s->rec[i].tensor, origin, patch, x);
            x += (size_t)s->rec[i].tensor.shape[0] * voxels;
        }
}

int gn_predict_sample(struct gn_net *net, const struct gn_config *c, const struct gn_setup *setup,
                      struct gn_sample *s, int64_t batch, const volatile int *stop,
                      struct gn_tensor *prob, struct gn_err *err)
{
    struct gn_patch_grid grid;
    struct gn_stitcher *stitcher = NULL;
    float *x = NULL, *y = NULL;
    size_t voxels = (size_t)(c->patch[0] * c->patch[1] * c->patch[2]);
    size_t in = (size_t)setup->net.channels * voxels, out = (size_t)setup->net.classes * voxels;
    int64_t size[3];
    int rc = -1;

    if (gn_sample_size(s, size, err) < 0 ||
        gn_patch_grid_init(&grid, size, c->patch, c->overlap, err) < 0)
        return -1;
    if (gn_sample_channels(s) != setup->net.channels)
        return gn_err_set(err, "%d channels, the network takes %d", gn_sample_channels(s),
                          setup->net.channels);
    for (size_t i = 0; i < s->n; i++)
        if (gn_record_role(&s->rec[i]) == GN_ROLE_IMAGE && !gn_record_data(&s->rec[i], err))
            return -1;
    if (batch > grid.n)
        batch = grid.n;
    x = gn_try_alloc((size_t)batch * in * sizeof *x, err);
    y = gn_try_alloc((size_t)batch * out * sizeof *y, err);
    stitcher = gn_stitcher_new(size, c->patch, setup->net.classes, stitch_mode(c->stitch),
                               c->overlap, NULL, err);
    if (!x || !y || !stitcher)
        goto out;
    for (int64_t first = 0; first < grid.n; first += batch) {
        int64_t n = grid.n - first < batch ? grid.n - first : batch, origin[3];
        if (stop && *stop) {
            rc = 1;
            goto out;
        }
        for (int64_t i = 0; i < n; i++) {
            gn_patch_grid_origin(&grid, first + i, origin);
            read_patch(s, origin, c->patch, voxels, x + (size_t)i * in);
        }
        if (gn_net_forward(net, n, x, y, err) < 0)
            goto out;
        if (!gn_all_finite(y, (size_t)n * out)) {
            gn_err_set(err, "the network's output is not finite");
            goto out;
        }
        for (int64_t i = 0; i < n; i++) {
            gn_patch_grid_origin(&grid, first + i, origin);
            if (gn_stitcher_add(stitcher, origin, y + (size_t)i * out, err) < 0)
                goto out;
        }
    }
    rc = gn_stitcher_finish(stitcher, prob, err);
out:
    gn_stitcher_free(stitcher);
    free(x);
    free(y);
    return rc;
}

double gn_predict_bytes(const struct gn_config *c, const struct gn_setup *setup,
                        const int64_t size[3], int64_t batch)
{
    struct gn_patch_grid grid;
    struct gn_err ignored = {0};
    int classes = setup->net.classes;
    double voxels = (double)size[0] * (double)size[1] * (double)size[2];
    double patch = (double)c->patch[0] * (double)c->patch[1] * (double)c->patch[2];
    if (gn_patch_grid_init(&grid, size, c->patch, c->overlap, &ignored) == 0 && batch > grid.n)
        batch = grid.n;
    return 4.0 * (classes + 1 + (c->post.n ? 3 : 0)) * voxels +
           4.0 * (double)batch * patch * (setup->net.channels + classes) +
           gn_stitcher_bytes(size, c->patch, classes, stitch_mode(c->stitch));
}

struct sums {
    double loss, dice[GN_MAX_CLASSES], dice_post[GN_MAX_CLASSES];
    int64_t n[GN_MAX_CLASSES], n_post[GN_MAX_CLASSES];
};

/* What would be saved, but for the grid: decoded, and through data_postprocessing. */
static int add_post(const struct gn_config *c, const struct gn_setup *setup,
                    const struct gn_post_plan *post, const struct gn_tensor *prob,
                    const int32_t *label, int64_t voxels, struct sums *sums, struct gn_err *err)
{
    int64_t value[GN_MAX_CLASSES];
    struct gn_tensor decoded = {0}, whole = {0};
    int rc = -1;
    for (int k = 0; k < c->n_classes; k++)
        value[k] = gn_config_class_value(c, k);
    if (gn_decode_tensor(prob, GN_DECODE_THRESHOLD, 0.5, value, &decoded, err) < 0 ||
        gn_post_plan_run(post, &decoded, err) < 0 ||
        gn_tensor_convert(&decoded, GN_INT32, &whole, err) < 0)
        goto out;
    gn_dice_add_labels(setup, whole.data, label, voxels, sums->dice_post, sums->n_post);
    rc = 0;
out:
    gn_tensor_free(&decoded);
    gn_tensor_free(&whole);
    return rc;
}

/* Adds to the sums over samples; 1: stopped. */
static int validate_one(struct gn_net *net, const struct gn_config *c, const struct gn_setup *setup,
                        const struct gn_post_plan *post, struct gn_sample *s, int64_t batch,
                        const char *name, const volatile int *stop, struct sums *sums,
                        struct gn_err *err)
{
    struct gn_tensor prob = {0};
    int32_t *label = NULL;
    int64_t size[3];
    int rc = gn_predict_sample(net, c, setup, s, batch, stop, &prob, err);
    if (rc != 0)
        goto out;
    rc = -1;
    if (gn_sample_size(s, size, err) < 0)
        goto out;
    int64_t voxels = size[0] * size[1] * size[2];
    label = gn_try_alloc((size_t)voxels * sizeof *label, err);
    if (!label || gn_sample_label(s, size, label, err) < 0 ||
        gn_check_labels(setup, label, voxels, err) < 0)
        goto out;
    double one = gn_loss_value(&setup->net, &setup->loss, prob.data, label, voxels);
    if (!isfinite(one)) { /* it would be better than no other, and no best model would be there */
        gn_err_set(err, "the %s loss is not finite", name);
        goto out;
    }
    if (c->post.n && add_post(c, setup, post, &prob, label, voxels, sums, err) < 0)
        goto out;
    sums->loss += one;
    gn_dice_add(setup, prob.data, label, 1, voxels, sums->dice, sums->n);
    rc = 0;
out:
    free(label);
    gn_tensor_free(&prob);
    return rc;
}

int gn_validate_set(struct gn_net *net, const struct gn_config *c, const struct gn_setup *setup,
                    struct gn_cache *set, int64_t batch, const char *name, int64_t epoch,
                    const volatile int *stop, struct gn_epoch_result *r, struct gn_err *err)
{
    struct sums sums = {0};
    struct gn_post_plan post = {0};
    int rc = gn_post_plan_of_config(&post, c, err);
    for (size_t i = 0; i < set->n && rc == 0; i++) {
        gn_progress("epoch %" PRId64 "/%d: %s %zu/%zu", epoch + 1, c->num_epochs, name, i + 1,
                    set->n);
        struct gn_sample *s = gn_cache_load(set, i, err);
        if (!s) {
            rc = -1;
            break;
        }
        rc = validate_one(net, c, setup, &post, s, batch, name, stop, &sums, err);
        if (rc < 0)
            gn_err_wrap(err, "subject %s", set->item[i].sample);
    }
    gn_post_plan_free(&post);
    r->loss = sums.loss / (double)set->n;
    r->post = c->post.n > 0;
    for (int k = 0; k < GN_MAX_CLASSES; k++) {
        r->dice[k] = sums.n[k] ? sums.dice[k] / (double)sums.n[k] : NAN;
        r->dice_post[k] = sums.n_post[k] ? sums.dice_post[k] / (double)sums.n_post[k] : NAN;
    }
    return rc;
}

int gn_weights_check(struct gn_net *net, struct gn_err *err)
{
    struct gn_net_param *p;
    int n = gn_net_params(net, &p);
    for (int i = 0; i < n; i++)
        if (p[i].tensor.dtype == GN_FLOAT32 &&
            !gn_all_finite(p[i].tensor.data, (size_t)gn_tensor_count(&p[i].tensor)))
            return gn_err_set(err, "weight %s is not finite", p[i].name);
    return 0;
}
