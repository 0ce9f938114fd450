/* order.c - see order.h */
#include "run/order.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "image/crop.h"
#include "run/batch.h"

enum { GN_ORDER_OP = 254 };

int gn_augment_from_config(struct gn_augment_list *list, const struct gn_config *c,
                           struct gn_err *err)
{
    memcpy(list->patch, c->patch, sizeof list->patch);
    for (int i = 0; i < c->aug.n; i++)
        if (gn_augment_add_yaml(list, c->aug.step[i].name, c->aug.step[i].value, 0.5, err) < 0)
            return gn_err_wrap(err, "data_augmentation: %s", c->aug.step[i].name);
    return 0;
}

double gn_sample_deviation(const struct gn_sample *s)
{
    double most = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct gn_err unread = {0};
        double std;
        if (gn_record_role(&s->rec[i]) != GN_ROLE_IMAGE)
            continue;
        if (!gn_record_get(&s->rec[i], "parent.std") ||
            gn_record_reals(&s->rec[i], "parent.std", &std, 1, &unread) || !(std >= 0))
            return -1;
        most = std > most ? std : most;
    }
    return most;
}

int gn_sampler_from_config(const struct gn_config *c, enum gn_sampler_kind *kind,
                           struct gn_sampler_class **classes, struct gn_err *err)
{
    int i = 0;
    *classes = NULL;
    while (strcmp(gn_sampler_names[i], c->sampler))
        i++; /* the schema allows no other names */
    *kind = (enum gn_sampler_kind)i;
    if (!c->biased_sampling || *kind != GN_SAMPLER_LABEL)
        return 0;
    if (!c->sampling_weights)
        return gn_err_set(err, "biased_sampling needs sampling_weights in the config");
    *kind = GN_SAMPLER_BALANCED;
    *classes = gn_alloc((size_t)c->n_classes * sizeof **classes);
    for (int k = 0; k < c->n_classes; k++)
        (*classes)[k] =
            (struct gn_sampler_class){c->classes[k].value, c->classes[k].n, c->sampling_weights[k]};
    return 0;
}

int gn_order_init(struct gn_order *o, struct gn_err *err)
{
    int64_t each = o->patches ? o->config->q_samples_per_volume : 1;
    if (o->patches && (gn_augment_from_config(&o->augment, o->config, err) < 0 ||
                       gn_sampler_from_config(o->config, &o->kind, &o->classes, err) < 0))
        return -1;
    gn_augment_key(&o->augment, o->seed, o->augment_key);
    if (o->cache->n == 0)
        return gn_err_set(err, "no samples to replay");
    if ((int64_t)o->cache->n > UINT32_MAX / each)
        return gn_err_set(err, "more than 2^32 patches an epoch");
    o->n = (int64_t)o->cache->n * each;
    o->order = gn_alloc((size_t)o->n * sizeof *o->order);
    return 0;
}

void gn_order_free(struct gn_order *o)
{
    gn_augment_free(&o->augment);
    free(o->classes);
    free(o->order);
    memset(o, 0, sizeof *o);
}

void gn_order_epoch(struct gn_order *o, int64_t epoch)
{
    struct gn_draw d = gn_draw_at(o->seed, "", NULL, (uint32_t)epoch, 0, GN_ORDER_OP);
    gn_draw_permutation(&d, o->order, (uint32_t)o->n);
}

/* A patch of the augmented image, where to find it. */
struct place {
    struct gn_grid grid;         /* of the sample */
    int64_t after[3];            /* size of the whole augmented image */
    struct gn_box patch, window; /* of it; of the sample */
};

/* Where patch `index` of the sample lies, and the window of the sample it needs. */
static int find_place(const struct gn_order *o, struct gn_sample *s, int64_t epoch, int64_t index,
                      struct place *p, struct gn_err *err)
{
    const char *name = gn_sample_name(s);
    struct gn_record *label = gn_sample_find(s, GN_ROLE_LABEL);
    bool anywhere = o->kind == GN_SAMPLER_UNIFORM;
    const struct gn_tensor *map = label && !anywhere ? &label->tensor : NULL;
    struct gn_augment_draws draws;
    struct gn_sampler sampler = {0};
    int64_t centre[3];
    int rc = -1;

    if (!label && !anywhere)
        return gn_err_set(err, "no label: the sampler '%s' needs one", o->config->sampler);
    if (gn_augment_draw(&draws, &o->augment, o->seed, name, (uint32_t)epoch, (uint32_t)index,
                        &p->grid, NULL, err) < 0)
        goto out;
    memcpy(p->after, draws.after.size, sizeof p->after);
    if (gn_sampler_init(&sampler, o->kind, anywhere ? p->after : p->grid.size, map,
                        o->config->patch, o->classes, o->classes ? o->config->n_classes : 0,
                        err) < 0)
        goto out;
    if (sampler.empty) {
        gn_sampler_empty_error(&sampler, err);
        goto out;
    }
    struct gn_draw where =
        gn_draw_at(o->seed, name, NULL, (uint32_t)epoch, (uint32_t)index, GN_SAMPLER_OP);
    gn_sampler_draw(&sampler, map, &where, p->patch.origin, centre);
    memcpy(p->patch.size, o->config->patch, sizeof p->patch.size);
    for (int k = 0; k < 3; k++)
        if (p->patch.size[k] > p->after[k]) {
            gn_err_set(err,
                       "turned by its augmentation it has %lld voxels along %c, the patch %lld",
                       (long long)p->after[k], "xyz"[k], (long long)p -> patch.size[k]);
            goto out;
        }
    if (!anywhere) { /* else a flip would take the lesion out of its patch */
        if (!gn_augment_point(&draws, centre))
            memcpy(centre, p->patch.origin, sizeof centre);
        gn_patch_clamp(p->after, p->patch.size, centre, p->patch.origin);
    }
    draws.std = gn_sample_deviation(s);
    gn_augment_window(&draws, &p->patch, &p->window);
    rc = 0;
out:
    gn_augment_draws_free(&draws);
    gn_sampler_free(&sampler);
    return rc;
}

/* One record's window, with the keys that say where it is. */
static int cut(const struct gn_order *o, struct gn_record *from, const struct place *p,
               struct gn_record *to, struct gn_err *err)
{
    struct gn_tensor t = {0};
    double affine[12];
    if (gn_image_cut(&from->tensor, &p->window, GN_PAD_CONSTANT, &t, err) < 0)
        return -1;
    gn_record_copy_header(from, to);
    if (gn_record_get(from, "affine")) {
        if (gn_record_reals(from, "affine", affine, 12, err) < 0) {
            gn_tensor_free(&t);
            return -1;
        }
        gn_affine_shift_voxels(affine, p->patch.origin, affine);
        gn_record_set_reals(to, "affine", affine, 12);
    }
    gn_record_set_ints(to, "patch.origin", p->patch.origin, 3);
    gn_record_set_ints(to, "patch.size", p->patch.size, 3);
    gn_record_set_ints(to, "patch.of", p->grid.size, 3);
    if (o->augment.n) {
        gn_record_set_ints(to, "window.origin", p->window.origin, 3);
        gn_record_set(to, "window.draws", "%s", o->augment_key);
    }
    gn_record_take(to, &t, "czyx");
    return 0;
}

int gn_order_item(struct gn_order *o, int64_t epoch, int64_t i, struct gn_sample *out,
                  struct gn_err *err)
{
    int64_t each = o->patches ? o->config->q_samples_per_volume : 1;
    int64_t item = o->order[i] / each, index = o->order[i] % each;
    const char *name = o->cache->item[item].sample;
    struct place p;
    struct gn_sample *s = gn_cache_load(o->cache, (size_t)item, err);

    if (!s)
        goto fail;
    if (!o->patches) {
        if (gn_sample_copy(s, out, err) < 0)
            goto fail;
    } else {
        if (gn_sample_grid(s, &p.grid, err) < 0 || find_place(o, s, epoch, index, &p, err) < 0)
            goto fail;
        for (size_t k = 0; k < s->n; k++)
            if (cut(o, &s->rec[k], &p, gn_sample_append(out), err) < 0)
                goto fail;
    }
    for (size_t k = 0; k < out->n; k++) {
        gn_record_set(&out->rec[k], "epoch", "%" PRId64 "/%" PRId64, epoch, o->epochs);
        if (o->patches)
            gn_record_set(&out->rec[k], "patch.index", "%" PRId64 "/%" PRId64, index, each);
    }
    return 0;
fail:
    gn_sample_free(out);
    return gn_err_wrap(err, "subject %s", name);
}
