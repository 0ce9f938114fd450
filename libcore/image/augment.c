/* augment.c - lists of operations, their draws, windows, and carrying them out. */
#include "image/augment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "image/crop.h"
#include "image/normalize.h"

static const struct gn_augment_op *const ops[] = {
    &gn_augment_affine,       &gn_augment_elastic,      &gn_augment_rotate_90,
    &gn_augment_rotate_180,   &gn_augment_flip,         &gn_augment_noise,
    &gn_augment_noise_var,
    &gn_augment_blur,         &gn_augment_anisotropic,  &gn_augment_gamma,
    &gn_augment_bias,         &gn_augment_swap,         &gn_augment_colorjitter,
    &gn_augment_hed_transform,
    &gn_augment_motion,       &gn_augment_ghosting,     &gn_augment_spike,
    &gn_augment_kspace};
enum { OPS = sizeof ops / sizeof *ops };

const char *const *gn_augment_names(void)
{
    static const char *names[OPS + 1];
    for (int i = 0; i < OPS; i++)
        names[i] = ops[i]->name;
    return names;
}

static int unknown(const char *what, const char *name, const char *const *names, struct gn_err *err)
{
    const char *near = gn_nearest(name, names);
    return gn_err_usage(err, "unknown %s '%s'%s%s%s", what, name, near ? "; did you mean " : "",
                        near ? near : "", near ? "?" : "");
}

/* ---- lists ---- */

static int new_step(struct gn_augment_list *list, const char *name, double probability,
                    struct gn_err *err)
{
    const struct gn_augment_op *op = NULL;
    int same = 1;
    for (int i = 0; i < OPS; i++)
        if (!strcasecmp(ops[i]->name, name))
            op = ops[i];
    if (!op)
        return unknown("augmentation", name, gn_augment_names(), err);
    if (list->n == GN_AUGMENT_MAX)
        return gn_err_usage(err, "more than %d augmentations", GN_AUGMENT_MAX);
    list->step = gn_realloc(list->step, (size_t)(list->n + 1) * sizeof *list->step);
    struct gn_augment_step *s = &list->step[list->n];
    memset(s, 0, sizeof *s);
    for (int i = 0; i < list->n; i++)
        same += list->step[i].op == op;
    s->op = op;
    s->probability = probability;
    snprintf(s->label, sizeof s->label, same > 1 ? "%s.%d" : "%s", op->name, same);
    op->init(s, list->patch);
    list->n++;
    return 0;
}

static int set_key(struct gn_augment_step *s, const char *key, const double *v, int n,
                   struct gn_err *err)
{
    const char *names[16] = {"probability"};
    bool known = false;
    if (n < 1)
        return gn_err_usage(err, "%s: no value", key);
    if (!strcmp(key, "probability")) {
        if (n > 1 || !(v[0] >= 0 && v[0] <= 1))
            return gn_err_usage(err, "probability: a number from 0 to 1");
        s->probability = v[0];
        return 0;
    }
    for (int i = 0; s->op->settings[i]; i++) {
        names[i + 1] = s->op->settings[i];
        known |= !strcmp(key, s->op->settings[i]);
    }
    return known ? s->op->set(s, key, v, n, err) : unknown("key", key, names, err);
}

enum { NUMBERS = 16 };

/* A word that stands for a number. */
static bool is_word(const struct gn_augment_op *op, const char *word, double *v)
{
    for (int k = 0; op->words && op->words[k]; k++)
        if (!strcmp(op->words[k], word)) {
            *v = k;
            return true;
        }
    return false;
}

/* A number, or numbers in brackets; *text ends up behind them. */
static int read_numbers(const struct gn_augment_op *op, const char **text, double *v,
                        struct gn_err *err)
{
    const char *p = *text;
    bool list = *p == '[';
    int n = 0;
    do {
        char word[64];
        p += list || n ? 1 : 0;
        size_t len = strcspn(p, list ? ",]" : ",");
        const char *start = p + strspn(p, " ");
        size_t used = (size_t)(p + len - start);
        while (used && start[used - 1] == ' ')
            used--;
        if (start > p + len || used >= sizeof word || n == NUMBERS)
            return gn_err_usage(err, "not a number: '%s'", p);
        memcpy(word, start, used);
        word[used] = 0;
        if (!is_word(op, word, &v[n++]) && gn_parse_double(word, &v[n - 1]))
            return gn_err_usage(err, "not a number: '%s'", word);
        p += len;
    } while (list && *p == ',');
    if (list && *p++ != ']')
        return gn_err_usage(err, "no ] behind '%s'", *text);
    *text = p;
    return n;
}

int gn_augment_add(struct gn_augment_list *list, const char *name, const char *settings,
                   double probability, struct gn_err *err)
{
    if (new_step(list, name, probability, err))
        return -1;
    for (const char *p = settings ? settings : ""; *p;) {
        double v[NUMBERS];
        char key[64];
        size_t len = strcspn(p, "=");
        if (!p[len] || len >= sizeof key)
            return gn_err_usage(err, "%s: not KEY=VALUE: '%s'", name, p);
        memcpy(key, p, len);
        key[len] = 0;
        p += len + 1;
        int n = read_numbers(list->step[list->n - 1].op, &p, v, err);
        if (n < 0 || set_key(&list->step[list->n - 1], key, v, n, err))
            return gn_err_wrap(err, "%s: %s", name, key);
        if (*p && *p++ != ',')
            return gn_err_usage(err, "%s: not understood: '%s'", name, p - 1);
    }
    return 0;
}

int gn_augment_add_yaml(struct gn_augment_list *list, const char *name, const struct gn_yaml *node,
                        double probability, struct gn_err *err)
{
    if (new_step(list, name, probability, err))
        return -1;
    if (gn_yaml_is_null(node))
        return 0;
    if (node->kind != GN_YAML_MAP)
        return gn_err_set(err, "%s: not a mapping", name);
    for (const struct gn_yaml *c = node->child; c; c = c->next) {
        double v[NUMBERS];
        int n = 0;
        const struct gn_yaml *item = c->kind == GN_YAML_LIST ? c->child : c;
        while (item && n < NUMBERS) {
            bool word = item->kind == GN_YAML_SCALAR &&
                        is_word(list->step[list->n - 1].op, item->text, &v[n]);
            if (!word && gn_yaml_real(item, &v[n]))
                return gn_err_set(err, "%s: %s: not a number or a list of numbers", name, c->key);
            item = c->kind == GN_YAML_LIST ? item->next : NULL;
            n++;
        }
        if (set_key(&list->step[list->n - 1], c->key, v, n, err))
            return gn_err_wrap(err, "%s", name);
    }
    return 0;
}

void gn_augment_free(struct gn_augment_list *list)
{
    free(list->step);
    *list = (struct gn_augment_list){0};
}

bool gn_augment_is_real(const struct gn_augment_list *list)
{
    for (int i = 0; i < list->n; i++)
        if (!list->step[i].op->exact)
            return true;
    return false;
}

void gn_augment_key(const struct gn_augment_list *list, uint64_t seed, char key[17])
{
    struct gn_str s = {0};
    gn_str_addf(&s, "seed %llu", (unsigned long long)seed);
    for (int i = 0; i < list->n; i++) {
        gn_str_addf(&s, ";%s %.17g", list->step[i].op->name, list->step[i].probability);
        for (int k = 0; k < GN_AUGMENT_SETTINGS; k++)
            gn_str_addf(&s, " %.17g", list->step[i].setting[k]);
    }
    unsigned long long hash = gn_fnv1a(GN_FNV_START, s.data, s.len);
    snprintf(key, 17, "%016llx", hash);
    gn_str_free(&s);
}

/* ---- draws ---- */

static int visit(const struct gn_augment_draws *d, const char *image, const char *op,
                 const char *parameter, double *value, struct gn_err *err)
{
    return d->hook ? d->hook->visit(d->hook->arg, d, image, op, parameter, value, err) : 0;
}

/* Parameters of step i for an image, NULL: those that all images share. *value is new. */
static int draw_values(const struct gn_augment_draws *d, int i,
                       const struct gn_augment_image *image, int64_t components, int *n,
                       double **value, struct gn_err *err)
{
    const struct gn_augment_step *s = &d->list->step[i];
    const struct gn_grid *grid = &d->choice[i].before;
    const char *name = image ? image->name : NULL;
    struct gn_draw where = gn_draw_at(d->seed, d->sample, name, d->epoch, d->patch, (uint8_t)i);
    *n = s->op->count(s, grid, components, err);
    if (*n < 0)
        return gn_err_wrap(err, "%s", s->label);
    *value = gn_alloc((size_t)(*n + 1) * sizeof **value);
    s->op->draw(s, &where, grid, image, *n, *value);
    for (int k = 0; d->hook && k < *n; k++) {
        char parameter[GN_AUGMENT_NAME];
        s->op->parameter(s, k, parameter);
        if (visit(d, name ? name : "*", s->label, parameter, &(*value)[k], err))
            return -1;
    }
    return 0;
}

int gn_augment_draw(struct gn_augment_draws *d, const struct gn_augment_list *list, uint64_t seed,
                    const char *sample, uint32_t epoch, uint32_t patch, const struct gn_grid *grid,
                    const struct gn_augment_hook *hook, struct gn_err *err)
{
    *d = (struct gn_augment_draws){.list = list,
                                   .hook = hook,
                                   .seed = seed,
                                   .sample = sample,
                                   .epoch = epoch,
                                   .patch = patch,
                                   .after = *grid,
                                   .std = -1};
    d->choice = gn_alloc((size_t)(list->n + 1) * sizeof *d->choice);
    memset(d->choice, 0, (size_t)(list->n + 1) * sizeof *d->choice);
    for (int i = 0; i < list->n; i++) {
        const struct gn_augment_step *s = &list->step[i];
        struct gn_augment_choice *c = &d->choice[i];
        struct gn_draw where = gn_draw_at(seed, sample, NULL, epoch, patch, (uint8_t)i);
        double done = gn_draw_uniform(&where, GN_AUGMENT_GATE) < s->probability;
        c->before = d->after;
        if (visit(d, "*", s->label, "done", &done, err))
            return -1;
        c->done = done != 0;
        if (c->done && (s->op->spatial || s->op->shared) &&
            draw_values(d, i, NULL, 0, &c->n, &c->value, err))
            return -1;
        if (c->done && s->op->spatial) {
            struct gn_warp unused = {0};
            s->op->warp(s, c->value, &d->after, &unused);
            gn_warp_free(&unused);
        }
    }
    d->choice[list->n].before = d->after;
    return 0;
}

void gn_augment_draws_free(struct gn_augment_draws *d)
{
    for (int i = 0; d->choice && i < d->list->n; i++)
        free(d->choice[i].value);
    free(d->choice);
    d->choice = NULL;
}

/* ---- windows ---- */

/* The way from the output of the spatial steps first..last-1 that are done to their input. */
static void compose(const struct gn_augment_draws *d, int first, int last, struct gn_warp *w)
{
    *w = (struct gn_warp){0};
    for (int i = last - 1; i >= first; i--) {
        const struct gn_augment_step *s = &d->list->step[i];
        struct gn_grid grid = d->choice[i].before;
        if (d->choice[i].done && s->op->spatial)
            s->op->warp(s, d->choice[i].value, &grid, w);
    }
}

bool gn_augment_point(const struct gn_augment_draws *d, int64_t p[3])
{
    struct gn_warp w;
    compose(d, 0, d->list->n, &w);
    bool found = gn_warp_forward(&w, p, p);
    gn_warp_free(&w);
    return found;
}

/* Spatial steps from i on that become one map: up to the next change of intensity that is done. */
static int end_of_run(const struct gn_augment_draws *d, int i, bool label)
{
    while (i < d->list->n && (d->list->step[i].op->spatial || label || !d->choice[i].done))
        i++;
    return i;
}

/* What the change of intensity i looks at. */
static void add_halo(const struct gn_augment_draws *d, int i, struct gn_box *box)
{
    const struct gn_augment_step *s = &d->list->step[i];
    const struct gn_grid *g = &d->choice[i].before;
    int64_t halo[3] = {0, 0, 0};
    if (!s->op->halo)
        return;
    s->op->halo(s, g, d->std, halo);
    for (int k = 0; k < 3; k++) {
        int64_t far = halo[k] < g->size[k] ? halo[k] : g->size[k];
        int64_t lo = box->origin[k] - far, hi = box->origin[k] + box->size[k] + far;
        box->origin[k] = lo > 0 ? lo : 0;
        box->size[k] = (hi < g->size[k] ? hi : g->size[k]) - box->origin[k];
    }
}

/* The part of the image that is there before step i (where a run starts), for the patch. A run of
 * spatial steps is one map here as well: it reads the image where it takes the patch as a whole. */
static void window_before(const struct gn_augment_draws *d, int i, bool label,
                          const struct gn_box *patch, struct gn_box *window)
{
    *window = *patch;
    for (int k = d->list->n, first; k > i; k = first) {
        struct gn_warp w;
        struct gn_box out = *window;
        for (first = k; first > i; first--)
            if (!label && d->choice[first - 1].done && !d->list->step[first - 1].op->spatial)
                break;
        compose(d, first, k, &w);
        if (w.n > 0)
            gn_warp_box(&w, d->choice[first].before.size, &out, window);
        gn_warp_free(&w);
        if (first > i)
            add_halo(d, --first, window);
    }
}

void gn_augment_window(const struct gn_augment_draws *d, const struct gn_box *patch,
                       struct gn_box *window)
{
    struct gn_box label;
    window_before(d, 0, false, patch, window);
    window_before(d, 0, true, patch, &label); /* no change of intensity parts its steps */
    for (int k = 0; k < 3; k++) {
        int64_t a = window->origin[k], b = label.origin[k];
        int64_t end = a + window->size[k], other = b + label.size[k];
        window->origin[k] = a < b ? a : b;
        window->size[k] = (end > other ? end : other) - window->origin[k];
    }
}

/* ---- carrying out ---- */

static bool same_box(const struct gn_box *a, const struct gn_box *b)
{
    return gn_grid_same_size(a->origin, b->origin) && gn_grid_same_size(a->size, b->size);
}

/* The tensor on its way through the list; region is the part of the image that it is. */
struct passage {
    const struct gn_augment_draws *d;
    struct gn_augment_image image;
    struct gn_tensor t;
    struct gn_box region;
};

static void replace(struct passage *p, const struct gn_tensor *t, const struct gn_box *region)
{
    gn_tensor_free(&p->t);
    p->t = *t;
    p->region = *region;
}

/* Keep the part of the tensor that later steps need. */
static int narrow(struct passage *p, const struct gn_box *to, struct gn_err *err)
{
    struct gn_tensor t = {0};
    struct gn_box part = *to;
    if (same_box(to, &p->region))
        return 0;
    for (int k = 0; k < 3; k++)
        part.origin[k] -= p->region.origin[k];
    if (gn_image_cut(&p->t, &part, GN_PAD_CONSTANT, &t, err))
        return -1;
    replace(p, &t, to);
    return 0;
}

static int to_float(struct passage *p, struct gn_err *err)
{
    struct gn_tensor t = {0};
    if (p->t.dtype == GN_FLOAT32 && p->t.owned)
        return 0;
    if (gn_image_as_float(&p->t, &t, err))
        return -1;
    struct gn_box same = p->region;
    replace(p, &t, &same);
    return 0;
}

static int run_spatial(struct passage *p, int first, int last, const struct gn_box *to,
                       struct gn_err *err)
{
    bool label = !p->image.name;
    struct gn_warp w;
    struct gn_orientation o;
    struct gn_tensor t = {0};
    double *zeros = NULL;
    int rc = -1;
    compose(p->d, first, last, &w);
    bool exact = gn_warp_is_exact(&w, &o);
    if (w.n == 0) {
        rc = narrow(p, to, err);
        goto out;
    }
    /* an image that is borrowed is read where it is */
    if (!exact && !label && p->t.dtype != GN_FLOAT32 && to_float(p, err))
        goto out;
    if (label || !p->image.min) /* nothing comes from outside where the smallest is not known */
        zeros = gn_alloc((size_t)p->t.shape[0] * sizeof *zeros);
    if (gn_warp_run(&w, &p->t, &p->region, p->d->choice[first].before.size, to,
                    label ? GN_INTERP_NEAREST : GN_INTERP_LINEAR, zeros ? zeros : p->image.min, &t,
                    err))
        goto out;
    replace(p, &t, to);
    rc = 0;
out:
    free(zeros);
    gn_warp_free(&w);
    return rc;
}

/* An image that is borrowed is read where it is, if the operation can. 1: done. */
static int run_elsewhere(struct passage *p, const struct gn_augment_step *s, const double *value,
                         int n, const struct gn_augment_work *work, struct gn_err *err)
{
    struct gn_augment_work here = *work;
    struct gn_box same = p->region;
    struct gn_tensor t = {0};
    if (p->t.owned || p->t.dtype != GN_FLOAT32 || !s->op->run_from)
        return 0;
    if (gn_tensor_new_raw(&t, GN_FLOAT32, p->t.rank, p->t.shape, err))
        return -1;
    here.t = &t;
    if (s->op->run_from(s, value, n, &here, p->t.data) == 0) {
        gn_tensor_free(&t);
        return 0;
    }
    replace(p, &t, &same);
    return 1;
}

static int run_intensity(struct passage *p, int i, struct gn_err *err)
{
    const struct gn_augment_draws *d = p->d;
    const struct gn_augment_step *s = &d->list->step[i];
    struct gn_draw where =
        gn_draw_at(d->seed, d->sample, p->image.name, d->epoch, d->patch, (uint8_t)i);
    struct gn_augment_work work = {&where, &d->choice[i].before, &p->region, &p->image, &p->t};
    double *value = NULL;
    int n = 0, rc = -1;
    if (s->op->shared)
        return to_float(p, err) ? -1
                                : s->op->run(s, d->choice[i].value, d->choice[i].n, &work, err);
    if (draw_values(d, i, &p->image, p->t.shape[0], &n, &value, err) == 0)
        rc = run_elsewhere(p, s, value, n, &work, err);
    if (rc == 0)
        rc = to_float(p, err) ? -1 : s->op->run(s, value, n, &work, err);
    free(value);
    return rc < 0 ? -1 : 0;
}

/* Fill in the statistics that were not given and that a step which is done looks at. An image they
 * are taken of becomes float32, as it will in any case. *owned: to be freed. */
static int complete(struct passage *p, double **owned, struct gn_err *err)
{
    const int64_t components = p->t.shape[0], n = gn_tensor_count(&p->t), voxels = n / components;
    bool min = false, std = false;
    struct gn_stats stats;
    for (int i = 0; i < p->d->list->n; i++) {
        const struct gn_augment_op *op = p->d->list->step[i].op;
        if (!p->d->choice[i].done)
            continue;
        min |= op->spatial ? !op->exact : !op->blind;
        std |= !op->spatial && !op->blind;
    }
    min &= !p->image.min;
    std &= p->image.std < 0;
    if (!min && !std)
        return 0;
    if (p->t.dtype != GN_FLOAT32 && to_float(p, err))
        return -1;
    const float *x = p->t.data;
    if (std) {
        gn_stats_of(x, n, GN_WHERE_ALL, NULL, n, &stats);
        p->image.std = stats.std;
    }
    if (min) {
        p->image.min = *owned = gn_alloc((size_t)components * sizeof **owned);
        for (int64_t c = 0; c < components; c++)
            (*owned)[c] = std && components == 1 ? stats.min : gn_min_of(x + c * voxels, voxels);
    }
    return 0;
}

int gn_augment_apply(const struct gn_augment_draws *d, const struct gn_augment_image *image,
                     const struct gn_box *have, const struct gn_box *want, bool windowed,
                     const struct gn_tensor *in, struct gn_tensor *out, struct gn_err *err)
{
    struct passage p = {d, *image, *in, *have};
    double *owned = NULL;
    int rc = -1, n = d->list->n;
    p.t.owned = NULL; /* borrowed until something changes it */
    if (windowed) {
        struct gn_box window;
        gn_augment_window(d, want, &window);
        const int64_t *a = have->origin, *b = window.origin;
        if (!same_box(&window, have))
            return gn_err_set(err,
                              "the window was cut for other draws: it starts at voxel "
                              "%lld %lld %lld, they need %lld %lld %lld",
                              (long long)a[0], (long long)a[1], (long long)a[2], (long long)b[0],
                              (long long)b[1], (long long)b[2]);
    }
    if (image->name && complete(&p, &owned, err))
        goto out;
    for (int i = 0; i < n;) {
        int last = end_of_run(d, i, !image->name);
        bool spatial = last > i;
        struct gn_box to = {{0, 0, 0}, {0, 0, 0}};
        last = spatial ? last : i + 1;
        if (windowed)
            window_before(d, last, !image->name, want, &to);
        else
            memcpy(to.size, d->choice[last].before.size, sizeof to.size);
        if (spatial ? run_spatial(&p, i, last, &to, err)
                    : run_intensity(&p, i, err) || narrow(&p, &to, err))
            goto out;
        i = last;
    }
    if (image->name && gn_augment_is_real(d->list) && to_float(&p, err))
        goto out;
    if (!p.t.owned && gn_tensor_convert(in, in->dtype, &p.t, err)) /* nothing was changed */
        goto out;
    *out = p.t;
    p.t.owned = NULL;
    rc = 0;
out:
    gn_tensor_free(&p.t);
    free(owned);
    return rc;
}
