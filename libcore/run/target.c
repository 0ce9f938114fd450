/* target.c - see target.h */
#include "run/target.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/format.h"

enum { CHANNELS_MAX = 4096 };

const char *gn_target_step(const struct gn_target_use *use)
{
    return use->stains ? "stain_normalizer" : "histogram_matching";
}

const char *gn_target_tensor_name(const struct gn_target_use *use)
{
    return use->stains ? "preprocessing.stain_normalizer.target"
                       : "preprocessing.histogram_matching.target";
}

/* The name of a tensor of float64: its shape and its bytes. */
static void put_name(const struct gn_tensor *kept, char name[GN_TARGET_NAME + 1])
{
    uint64_t h = GN_FNV_START;
    for (int a = 0; a < 2; a++)
        h = gn_fnv1a(h, &kept->shape[a], sizeof kept->shape[a]);
    h = gn_fnv1a(h, kept->data, (size_t)gn_tensor_count(kept) * sizeof(double));
    snprintf(name, GN_TARGET_NAME + 1, "target-%016" PRIx64, h);
}

/* ---- from an image ---- */

static int keep(struct gn_target *t, struct gn_err *err)
{
    const int points = t->use.points;
    const int64_t shape[2] = {t->use.stains ? 2 : t->components, t->use.stains ? 4 : points + 3};
    if (gn_tensor_new(&t->kept, GN_FLOAT64, 2, shape, err) < 0)
        return -1;
    double *v = t->kept.data;
    for (int i = 0; t->use.stains && i < 2; i++) {
        for (int k = 0; k < 3; k++)
            *v++ = t->fit.matrix[i][k];
        *v++ = t->fit.top[i];
    }
    for (int64_t c = 0; !t->use.stains && c < t->components; c++) {
        *v++ = t->component[c].min;
        for (int k = 0; k < points + 2; k++)
            *v++ = t->component[c].q[k];
    }
    put_name(&t->kept, t->name);
    return 0;
}

static int fit(struct gn_target *t, const float *x, int64_t n, const char *path,
               struct gn_err *err)
{
    if (t->components != 3 && t->components != 4)
        return gn_err_set(err, "not a colour picture: %lld component%s", (long long)t->components,
                          t->components == 1 ? "" : "s");
    if (gn_stain_fit(x, n, t->use.extractor, &t->fit, err) < 0)
        return -1;
    if (t->fit.fallback)
        gn_log(GN_LOG_WARN, "%s: no two stains told apart: ruifrok's are taken", path);
    return 0;
}

static int find_landmarks(struct gn_target *t, const float *x, int64_t n, struct gn_err *err)
{
    int rc = 0;
    t->component = gn_alloc((size_t)t->components * sizeof *t->component);
    for (int64_t c = 0; c < t->components && rc == 0; c++)
        rc = gn_landmarks_of(x + c * n, n, t->use.levels, t->use.points, &t->component[c], err);
    return rc == 1 ? gn_err_set(err, "one value only: not a target") : rc;
}

static int read_image(struct gn_target *t, const char *path, struct gn_err *err)
{
    struct gn_picture p;
    struct gn_tensor x = {0};
    int rc = -1;
    if (gn_picture_read(path, false, &p, err) < 0)
        return -1; /* it names the file */
    if (gn_tensor_convert(&p.tensor, GN_FLOAT32, &x, err) < 0)
        goto out;
    t->components = x.shape[0];
    for (int a = 0; a < 3; a++)
        t->size[a] = x.shape[3 - a];
    const int64_t n = gn_tensor_count(&x) / t->components;
    if (t->components > CHANNELS_MAX)
        gn_err_set(err, "%lld channels, more than %d", (long long)t->components, CHANNELS_MAX);
    else if ((t->use.stains ? fit(t, x.data, n, path, err) : find_landmarks(t, x.data, n, err)) ==
             0)
        rc = keep(t, err);
out:
    gn_tensor_free(&x);
    gn_picture_free(&p);
    return rc < 0 ? gn_err_wrap(err, "%s", path) : 0;
}

/* ---- from a file that keeps it ---- */

static int take_apart(struct gn_target *t, struct gn_err *err)
{
    const double *v = t->kept.data;
    const int64_t n = gn_tensor_count(&t->kept);
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(v[i]) <= FLT_MAX))
            return gn_err_set(err, "holds a value that is not finite");
    for (int i = 0; t->use.stains && i < 2; i++, v += 4) {
        memcpy(t->fit.matrix[i], v, sizeof t->fit.matrix[i]);
        t->fit.top[i] = v[3];
    }
    if (t->use.stains)
        return 0;
    t->component = gn_alloc((size_t)t->components * sizeof *t->component);
    for (int64_t c = 0; c < t->components; c++, v += t->use.points + 3) {
        struct gn_landmarks *m = &t->component[c];
        m->min = v[0];
        m->points = t->use.points;
        m->q = gn_alloc(((size_t)m->points + 2) * sizeof *m->q);
        memcpy(m->q, v + 1, ((size_t)m->points + 2) * sizeof *m->q);
    }
    return 0;
}

static int restore(struct gn_target *t, const struct gn_safetensors *st, const char *name,
                   struct gn_err *err)
{
    const struct gn_tensor *x = gn_safetensors_get(st, gn_target_tensor_name(&t->use));
    if (!x)
        return gn_err_set(err, "is missing");
    if (x->dtype != GN_FLOAT64 || x->rank != 2 ||
        (t->use.stains ? x->shape[0] != 2 || x->shape[1] != 4
                       : x->shape[0] > CHANNELS_MAX || x->shape[1] < 4 ||
                             x->shape[1] > GN_POINTS_MAX + 3))
        return gn_err_set(err, "is not a target: its shape or dtype is another");
    if (!t->use.stains && x->shape[1] != t->use.points + 3)
        return gn_err_set(err, "has %lld quantiles, %d are asked for (--points, num_match_points)",
                          (long long)x->shape[1] - 3, t->use.points);
    if (gn_tensor_convert(x, GN_FLOAT64, &t->kept, err) < 0)
        return -1;
    put_name(&t->kept, t->name);
    if (strcmp(t->name, name))
        return gn_err_set(err, "is damaged, or another than the file was made with");
    t->components = t->use.stains ? 0 : x->shape[0];
    return take_apart(t, err);
}

int gn_target_restore(struct gn_target *t, const struct gn_safetensors *st,
                      const struct gn_target_use *use, const char *name, struct gn_err *err)
{
    t->use = *use;
    return restore(t, st, name, err) < 0
               ? gn_err_wrap(err, "tensor %s", gn_target_tensor_name(use)) : 0;
}

/* The target that the steps in a file's metadata name for such a use. */
static int find_name(const struct gn_safetensors *st, const struct gn_target_use *use,
                     char name[GN_TARGET_NAME + 1], struct gn_err *err)
{
    const char *option = use->stains ? " --target target-" : " --histogram-match target-";
    const char *steps = gn_safetensors_meta(st, "preprocessing");
    const char *at = steps ? strstr(steps, option) : NULL;
    if (at) {
        at = strrchr(option, ' ') + 1 - option + at;
        snprintf(name, GN_TARGET_NAME + 1, "%.*s", (int)strcspn(at, " \n"), at);
    }
    return at && gn_target_is_name(name)
               ? 0 : gn_err_set(err, "holds no target of %s", gn_target_step(use));
}

static int read_kept(struct gn_target *t, const char *path, struct gn_err *err)
{
    struct gn_safetensors st;
    const struct gn_target_use use = t->use;
    char name[GN_TARGET_NAME + 1];
    if (gn_safetensors_open(&st, path, err) < 0)
        return -1; /* it names the file */
    int rc = find_name(&st, &use, name, err);
    if (rc == 0)
        rc = gn_target_restore(t, &st, &use, name, err);
    gn_safetensors_close(&st);
    return rc < 0 ? gn_err_wrap(err, "%s", path) : 0;
}

int gn_target_read(struct gn_target *t, const char *path, const struct gn_target_use *use,
                   struct gn_err *err)
{
    t->use = *use;
    return strcmp(gn_path_ext(path), ".safetensors") ? read_image(t, path, err)
                                                     : read_kept(t, path, err);
}

void gn_target_free(struct gn_target *t)
{
    for (int64_t c = 0; t->component && c < t->components; c++)
        gn_landmarks_free(&t->component[c]);
    free(t->component);
    gn_tensor_free(&t->kept);
    memset(t, 0, sizeof *t);
}
