/* subject.c - which layers a sample has: what its records' roles, types and channels mean to a
 * viewer; its differences from another stream's sample; its line of notes. */
#include "view/subject.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"
#include "view/plane.h"

enum { MOST_CHANNELS = 8 }; /* drawn of one record */

/* ---- layers ---- */

static struct gn_view_layer *add_layer(struct gn_view_reader *v, enum gn_view_kind kind,
                                       const struct gn_tensor *t, int64_t channel, char *title)
{
    v->layer = gn_realloc(v->layer, (v->layers + 1) * sizeof *v->layer);
    v->layer[v->layers] = (struct gn_view_layer){
        .tensor = t, .kind = kind, .channel = channel, .lo = NAN, .hi = NAN, .title = title};
    return &v->layer[v->layers++];
}

static void free_layers(struct gn_view_reader *v)
{
    for (size_t i = 0; i < v->layers; i++)
        free(v->layer[i].title);
    for (size_t i = 0; i < v->n_made; i++)
        gn_tensor_free(&v->made[i]);
    free(v->layer);
    free(v->made);
    v->layer = NULL;
    v->made = NULL;
    v->layers = v->n_made = 0;
}

static const char *title_of(const struct gn_record *r)
{
    const char *name = gn_record_get(r, "name"), *role = gn_record_get(r, "role");

    return name ? name : role ? role : "tensor";
}

static bool is_image(const struct gn_record *r)
{
    return !strcmp(r->axes, "czyx");
}

/* "Channel_0", "Channel_0 2 of 12" */
static char *channel_title(const struct gn_record *r, const char *before, int64_t k)
{
    int64_t c = r->tensor.shape[0];

    if (c == 1)
        return gn_asprintf("%s%s", before, title_of(r));
    return gn_asprintf("%s%s %lld of %lld", before, title_of(r), (long long)k + 1, (long long)c);
}

static bool affine_of(const struct gn_record *r, double affine[12])
{
    static const double none[12] = {-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0};
    struct gn_err err = {0};
    double source[12];

    if (gn_record_reals(r, "affine", affine, 12, &err) < 0)
        memcpy(affine, none, sizeof none);
    gn_err_clear(&err);
    if (gn_record_reals(r, "source.affine", source, 12, &err) < 0)
        memcpy(source, affine, sizeof source);
    return gn_view_is_picture(source);
}

static bool is_colour(const struct gn_record *r)
{
    double affine[12];
    int64_t c = r->tensor.shape[0];

    return (c == 3 || c == 4) && (r->tensor.dtype == GN_UINT8 || affine_of(r, affine));
}

static void add_image(struct gn_view_reader *v, const struct gn_record *r)
{
    bool colour = is_colour(r), bytes = colour && r->tensor.dtype == GN_UINT8;
    int64_t n = colour ? 1 : r->tensor.shape[0];

    for (int64_t k = 0; k < n && k < MOST_CHANNELS; k++) {
        struct gn_view_layer *l =
            add_layer(v, colour ? GN_VIEW_COLOUR : GN_VIEW_GREY, &r->tensor, k,
                      colour ? gn_strdup(title_of(r)) : channel_title(r, "", k));

        l->lo = bytes && isnan(v->black) ? 0 : v->black;
        l->hi = bytes && isnan(v->white) ? 255 : v->white;
    }
}

/* A map a channel. Of classes, background is left out if it is not the only one. */
static void add_maps(struct gn_view_reader *v, const struct gn_record *r)
{
    const char *list = gn_record_get(r, "class_list");
    bool logits = gn_record_get(r, "logits") != NULL;

    for (int64_t k = 0; k < r->tensor.shape[0] && k < MOST_CHANNELS; k++) {
        size_t n = list ? strcspn(list, " ") : 0;
        struct gn_view_layer *l = NULL;

        if (n && !(n == 1 && *list == '0' && r->tensor.shape[0] > 1)) {
            l = add_layer(
                v, GN_VIEW_HEAT, &r->tensor, k,
                gn_asprintf("%s of %.*s", logits ? "logit" : "probability", (int)n, list));
            l->lo = logits ? NAN : 0;
            l->hi = logits ? NAN : 1;
        } else if (!n) {
            add_layer(v, GN_VIEW_HEAT, &r->tensor, k, channel_title(r, "", k));
        }
        list = list ? list + n + (list[n] == ' ') : NULL;
    }
}

/* Whole numbers in one channel are labels, whatever their type. */
static bool is_labels(const struct gn_record *r)
{
    const struct gn_tensor *t = &r->tensor;

    if (t->shape[0] != 1 || gn_record_get(r, "class_list"))
        return false;
    for (int64_t i = 0, n = gn_dtype_is_float(t->dtype) ? gn_tensor_count(t) : 0; i < n; i++) {
        double v = gn_tensor_get(t, i);

        if (v != nearbyint(v))
            return false;
    }
    return true;
}

static bool is_outline(const struct gn_record *r)
{
    enum gn_role role = gn_record_role(r);

    return (role == GN_ROLE_LABEL || role == GN_ROLE_MASK || role == GN_ROLE_PREDICTION) &&
           is_labels(r);
}

static void add_record(struct gn_view_reader *v, const struct gn_record *r)
{
    enum gn_role role = gn_record_role(r);

    if (is_outline(r))
        add_layer(v, GN_VIEW_OUTLINE, &r->tensor, 0, gn_strdup(title_of(r)))->role =
            role == GN_ROLE_LABEL  ? GN_VIEW_TRUTH
            : role == GN_ROLE_MASK ? GN_VIEW_MASK
                                   : GN_VIEW_PREDICTION;
    else if (role == GN_ROLE_IMAGE || role == GN_ROLE_SLIDE || role == GN_ROLE_OTHER)
        add_image(v, r);
    else
        add_maps(v, r);
}

/* ---- --diff ---- */

/* The other stream's sample of the same name, epoch and patch; those before it are passed over. */
static int find_other(struct gn_view_reader *v, const struct gn_sample *s, struct gn_err *err)
{
    int rc = 0;

    while ((rc = gn_sample_next(v->other, &v->theirs)) == 1) {
        if (strcmp(gn_sample_name(s), gn_sample_name(&v->theirs)) ||
            gn_sample_epoch(s) != gn_sample_epoch(&v->theirs) ||
            gn_sample_patch(s) != gn_sample_patch(&v->theirs))
            continue;
        for (size_t i = 0; i < v->theirs.n; i++)
            if (!gn_record_data(&v->theirs.rec[i], err))
                return -1;
        return 0;
    }
    if (rc < 0)
        return gn_err_set(err, "%s", gn_stream_error(v->other)->text);
    return gn_err_set(err, "%s has no such sample after the last one's", gn_stream_name(v->other));
}

/* |a - b| a channel; of colours the largest of a pixel's; of labels whether they differ. */
static int add_difference(struct gn_view_reader *v, const struct gn_record *a,
                          const struct gn_record *b, struct gn_err *err)
{
    const struct gn_tensor *x = &a->tensor, *y = &b->tensor;
    bool colour = is_colour(a), labels = is_outline(a);
    int64_t c = colour || x->shape[0] <= MOST_CHANNELS ? x->shape[0] : MOST_CHANNELS;
    int64_t voxels = gn_tensor_count(x) / x->shape[0];
    struct gn_tensor *d = NULL;

    if (gn_record_role(a) != gn_record_role(b) || x->rank != y->rank ||
        memcmp(x->shape, y->shape, (size_t)x->rank * sizeof *x->shape))
        return gn_err_set(err, "%s has another role or size in %s", title_of(a),
                          gn_stream_name(v->other));
    d = &v->made[v->n_made];
    if (gn_tensor_new4(d, GN_FLOAT32, colour ? 1 : c, x->shape[1], x->shape[2], x->shape[3], err) <
        0)
        return -1;
    v->n_made++;
    for (int64_t i = 0; i < c * voxels; i++) {
        double p = gn_tensor_get(x, i), q = gn_tensor_get(y, i);
        float away = p == q ? 0 : labels ? 1 : (float)fabs(p - q), *to = d->data;

        to += colour ? i % voxels : i;
        if (!(away <= *to)) /* also when it is NaN */
            *to = away;
    }
    for (int64_t k = 0; k < d->shape[0]; k++) {
        struct gn_view_layer *l =
            add_layer(v, GN_VIEW_HEAT, d, k,
                      colour || c == 1 ? gn_asprintf("difference of %s", title_of(a))
                                       : channel_title(a, "difference of ", k));

        l->bare = true;
        l->lo = 0;
        l->hi = labels ? 1 : NAN;
    }
    return 0;
}

static int add_differences(struct gn_view_reader *v, const struct gn_sample *s, struct gn_err *err)
{
    size_t k = 0;

    if (find_other(v, s, err) < 0)
        return -1;
    v->made = gn_alloc(s->n * sizeof *v->made);
    for (size_t i = 0; i < s->n; i++) {
        if (!is_image(&s->rec[i]))
            continue;
        while (k < v->theirs.n && !is_image(&v->theirs.rec[k]))
            k++;
        if (k == v->theirs.n)
            return gn_err_set(err, "%s has no %s of it", gn_stream_name(v->other),
                              title_of(&s->rec[i]));
        if (add_difference(v, &s->rec[i], &v->theirs.rec[k++], err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the line of notes ---- */

static void note(struct gn_str *out, const char *fmt, ...) GN_PRINTF(2, 3);
static void note(struct gn_str *out, const char *fmt, ...)
{
    va_list args_of;

    gn_str_add(out, out->len ? " \u00b7 " : "");
    va_start(args_of, fmt);
    gn_str_addv(out, fmt, args_of);
    va_end(args_of);
}

static void note_values(const struct gn_record *r, const char *what, struct gn_str *out)
{
    const char *names = gn_record_get(r, "value.names");
    struct gn_err none = {0};
    struct gn_csv csv = {0};
    char key[32] = "value.0";

    if (names && gn_csv_parse(&csv, "value.names", names, strlen(names), &none) < 0)
        csv.columns = 0;
    for (size_t k = 0; k < MOST_CHANNELS && gn_record_get(r, key); k++) {
        note(out, "%s %s", k < csv.columns ? csv.header[k] : what, gn_record_get(r, key));
        snprintf(key, sizeof key, "value.%zu", k + 1);
    }
    gn_csv_free(&csv);
}

/* Scores of a whole sample: the best class, or the numbers. */
static void note_scores(const struct gn_record *r, struct gn_str *out)
{
    const char *list = gn_record_get(r, "class_list");
    int64_t n = r->tensor.rank == 1 ? r->tensor.shape[0] : 0, best = 0;

    for (int64_t k = 1; k < n; k++)
        if (gn_tensor_get(&r->tensor, k) > gn_tensor_get(&r->tensor, best))
            best = k;
    for (int64_t k = 0; list && k < best; k++)
        list += strcspn(list, " ") + (list[strcspn(list, " ")] == ' ');
    if (n && list && *list)
        note(out, "predicted %.*s (%.3g)", (int)strcspn(list, " "), list,
             gn_tensor_get(&r->tensor, best));
    for (int64_t k = 0; !list && k < n && k < MOST_CHANNELS; k++)
        note(out, "predicted %.4g", gn_tensor_get(&r->tensor, k));
}

static void make_note(const struct gn_sample *s, const struct gn_record *shown, bool picture,
                      const double affine[12], struct gn_str *out)
{
    static const char *const keys[] = {"patch.index", "epoch"}, *const words[] = {"patch", "epoch"};
    const int64_t *shape = shown->tensor.shape;

    note_values(&s->rec[0], "value", out);
    for (size_t i = 0; i < s->n; i++)
        if (gn_record_role(&s->rec[i]) == GN_ROLE_PREDICTION) {
            if (i > 0)
                note_values(&s->rec[i], "predicted", out);
            note_scores(&s->rec[i], out);
        }
    for (size_t i = 0; i < 2; i++)
        if (gn_record_get(shown, keys[i]))
            note(out, "%s %s", words[i], gn_record_get(shown, keys[i]));
    if (gn_record_get(shown, "patch.origin"))
        note(out, "at %s", gn_record_get(shown, "patch.origin"));
    note(out, "%lld \u00d7 %lld", (long long)shape[3], (long long)shape[2]);
    if (shape[1] > 1)
        gn_str_addf(out, " \u00d7 %lld", (long long)shape[1]);
    for (int k = 0; k < 3 && !picture; k++) {
        double mm = sqrt(affine[k] * affine[k] + affine[4 + k] * affine[4 + k] +
                         affine[8 + k] * affine[8 + k]);

        if (k == 0)
            note(out, "%.3g", mm);
        else
            gn_str_addf(out, " \u00d7 %.3g%s", mm, k == 2 ? " mm" : "");
    }
}

/* ---- the sample ---- */

int gn_view_reader_take(struct gn_view_reader *v, struct gn_sample *s, struct gn_view_subject *out,
                        struct gn_err *err)
{
    const struct gn_record *shown = NULL;

    free_layers(v);
    for (size_t i = 0; i < s->n; i++)
        if (is_image(&s->rec[i])) {
            shown = shown ? shown : &s->rec[i];
            add_record(v, &s->rec[i]);
        }
    if (!shown) /* scores alone */
        return 0;
    if (v->other && add_differences(v, s, err) < 0)
        return -1;
    *out =
        (struct gn_view_subject){.name = gn_sample_name(s), .layer = v->layer, .layers = v->layers};
    out->picture = affine_of(shown, out->affine);
    gn_str_clear(&v->note);
    make_note(s, shown, out->picture, out->affine, &v->note);
    out->note = gn_str_text(&v->note);
    return 1;
}

void gn_view_reader_close(struct gn_view_reader *v)
{
    free_layers(v);
    gn_str_free(&v->note);
    gn_sample_free(&v->theirs);
    if (v->other)
        gn_stream_close(v->other);
    *v = (struct gn_view_reader){0};
}
