/* init.c - a first config for a table of data: what its files say, and usual values for the rest.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/pipeline.h"
#include "config/reader.h"
#include "io/format.h"
#include "io/table.h"

enum { LABEL_FILES = 20, LABELS = 64, HEADERS = 1000 };

/* What the files of a table have in common. */
struct study {
    int channels;
    bool flat;                  /* 2-D */
    bool placed;                /* the files say where they are */
    size_t n;                   /* images whose header was read */
    int64_t least[3], first[3]; /* smallest and first size */
    bool equal_sizes, equal_spacings;
    double *spacing[3]; /* n each */
    double *side[3];    /* n each */
    double labels[LABELS];
    int n_labels; /* -1: not whole numbers, or too many */
    double low;   /* smallest value of the first image */
    double zeros; /* its share of zeros */
    bool looked;
};

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, compare_doubles);
    return v[n / 2];
}

/* Size and spacing along R, A, S rather than along the file's axes. */
static void canonical(const struct gn_picture *p, int64_t size[3], double spacing[3])
{
    const int64_t file[3] = { p->tensor.shape[3], p->tensor.shape[2], p->tensor.shape[1] };
    bool taken[3] = { false, false, false };
    for (int a = 0; a < 3; a++) {
        double length = 0, most = -1;
        int axis = a;
        for (int row = 0; row < 3; row++) {
            double v = p->affine[4 * row + a];
            length += v * v;
            if (p->has_affine && !taken[row] && fabs(v) > most)
                most = fabs(v), axis = row;
        }
        taken[axis] = true;
        size[axis] = file[a];
        spacing[axis] = sqrt(length);
    }
}

static void add_header(struct study *s, const struct gn_picture *p)
{
    int64_t size[3] = { 1, 1, 1 };
    double spacing[3] = { 1, 1, 1 };
    canonical(p, size, spacing);
    if (s->n == 0) {
        s->flat = p->tensor.shape[1] == 1;
        s->placed = p->has_affine;
        s->equal_sizes = s->equal_spacings = true;
    }
    for (int a = 0; a < 3; a++) {
        if (s->n == 0)
            s->least[a] = s->first[a] = size[a];
        s->least[a] = size[a] < s->least[a] ? size[a] : s->least[a];
        s->equal_sizes = s->equal_sizes && size[a] == s->first[a];
        s->equal_spacings =
            s->equal_spacings &&
            (s->n == 0 || fabs(spacing[a] - s->spacing[a][0]) <= 0.01 * s->spacing[a][0]);
        s->spacing[a][s->n] = spacing[a];
        s->side[a][s->n] = (double)size[a];
    }
    s->n++;
}

static void add_labels(struct study *s, const struct gn_picture *p)
{
    int64_t n = gn_tensor_count(&p->tensor);
    double last = NAN;
    for (int64_t i = 0; i < n && s->n_labels >= 0; i++) {
        double v = gn_tensor_get(&p->tensor, i);
        int k = 0;
        if (v == last)
            continue;
        last = v;
        while (k < s->n_labels && s->labels[k] != v)
            k++;
        if (k < s->n_labels)
            continue;
        if (s->n_labels == LABELS || v != floor(v) || fabs(v) > 1e6)
            s->n_labels = -1;
        else
            s->labels[s->n_labels++] = v;
    }
    if (s->n_labels > 0)
        qsort(s->labels, (size_t)s->n_labels, sizeof *s->labels, compare_doubles);
}

static void look(struct study *s, const struct gn_picture *p)
{
    int64_t n = gn_tensor_count(&p->tensor), zeros = 0;
    s->low = INFINITY;
    for (int64_t i = 0; i < n; i++) {
        double v = gn_tensor_get(&p->tensor, i);
        s->low = v < s->low ? v : s->low;
        zeros += v == 0;
    }
    s->zeros = n ? (double)zeros / (double)n : 0;
    s->looked = true;
}

/* Read what can be read; files that cannot are passed over. */
static void survey(const struct gn_table *t, struct study *s)
{
    for (size_t i = 0; i < t->rows && i < HEADERS; i++) {
        bool first = true;
        for (size_t c = 0; c < t->columns; c++) {
            const char *path = t->row[i].path[c];
            bool image = t->column[c].role == GN_COLUMN_IMAGE,
                 label = (long)c == t->label && i < LABEL_FILES;
            struct gn_picture p = { 0 };
            struct gn_err err = { 0 };
            bool voxels = label || (image && !s->looked);
            if (!path || (!image && !label) || gn_picture_read(path, !voxels, &p, &err))
                continue;
            if (image && i == 0)
                s->channels += (int)p.tensor.shape[0];
            if (image && first)
                add_header(s, &p);
            if (image && voxels)
                look(s, &p);
            if (label)
                add_labels(s, &p);
            first = first && !image;
            gn_picture_free(&p);
        }
    }
}

static int64_t patch_side(int64_t side, int64_t most)
{
    int64_t v = side < most ? side : most;
    return v < 16 ? 16 : v / 16 * 16;
}

static void put_model(const struct study *s, struct gn_str *out)
{
    char buf[40];
    gn_str_addf(out,
                "model:\n  dimension: %d\n  architecture: unet\n  base_filters: 16\n  norm_type: "
                "instance\n",
                s->flat ? 2 : 3);
    gn_str_add(out, "  final_layer: softmax\n");
    if (s->n_labels > 0) {
        gn_str_add(out, s->labels[0] == 0 ? "  class_list: [" : "  class_list: [0, ");
        for (int i = 0; i < s->n_labels; i++)
            gn_str_addf(out, "%s%s", i ? ", " : "", gn_number_text(s->labels[i], buf));
        gn_str_add(out, "]\n");
    } else {
        gn_str_add(
            out,
            "  class_list: [0, 1]            # the labels to be told apart, background first\n");
    }
    if (s->channels)
        gn_str_addf(out, "  num_channels: %d\n", s->channels);
}

static void put_sizes(struct study *s, struct gn_str *out, struct gn_str *steps)
{
    char buf[40];
    int64_t patch[3] = { 64, 64, 64 };
    if (s->n == 0) {
        gn_str_add(out, "patch_size: [64, 64, 64]        # no image could be read: voxels x y z, "
                        "multiples of 16\n");
        return;
    }
    if (s->flat && !s->equal_sizes) {
        for (int a = 0; a < 2; a++)
            patch[a] = patch_side((int64_t)median(s->side[a], s->n), 256);
        gn_str_addf(steps, "  resize_image: [%lld, %lld]\n", (long long)patch[0],
                    (long long)patch[1]);
    } else {
        bool resampled = !s->flat && s->placed && !s->equal_spacings;
        double target[3] = { 1, 1, 1 };
        for (int a = 0; a < 3; a++) {
            target[a] =
                resampled ? floor(100 * median(s->spacing[a], s->n) + 0.5) / 100 : s->spacing[a][0];
            target[a] = target[a] > 0 ? target[a] : s->spacing[a][0];
        }
        for (int a = 0; a < 3; a++) {
            double side = (double)s->least[a];
            if (resampled)
                side =
                    floor(side * s->spacing[a][0] /
                          target[a]); /* medians are sorted: the smallest spacing, the safe side */
            patch[a] = patch_side((int64_t)side, s->flat ? 256 : 96);
        }
        if (resampled) {
            gn_str_add(steps, "  resample: {resolution: [");
            for (int a = 0; a < 3; a++)
                gn_str_addf(steps, "%s%s", a ? ", " : "", gn_number_text(target[a], buf));
            gn_str_add(steps, "]}\n");
        }
    }
    if (s->flat)
        gn_str_addf(out, "patch_size: [%lld, %lld]\n", (long long)patch[0], (long long)patch[1]);
    else
        gn_str_addf(out, "patch_size: [%lld, %lld, %lld]\n", (long long)patch[0],
                    (long long)patch[1], (long long)patch[2]);
}

/* The first of five folds, twice; with few subjects fewer, down to one that trains and one that
 * validates. */
static void put_folds(const struct gn_table *t, struct gn_str *out)
{
    size_t subjects = 0;
    for (size_t i = 0; i < t->rows && subjects < 7; i++) {
        bool new = true;
        for (size_t j = 0; j < i && new; j++)
            new = strcmp(t->row[i].subject, t->row[j].subject) != 0;
        subjects += new;
    }
    if (subjects >= 7)
        gn_str_add(
            out,
            "nested_training: {testing: -5, validation: -5}   # the first of five folds, twice\n");
    else
        gn_str_addf(
            out,
            "nested_training: {testing: %d, validation: -2}   # few subjects: a fold of each\n",
            subjects >= 4 ? -3 : 1);
}

int gn_config_init(const char *csv, struct gn_str *out, struct gn_err *err)
{
    struct gn_table t = { 0 };
    struct study s = { 0 };
    struct gn_str steps = { 0 };
    if (gn_table_read(&t, &csv, 1, GN_TABLE_IMAGES, err))
        return -1;
    for (int a = 0; a < 3; a++) {
        s.spacing[a] = gn_alloc((t.rows + 1) * sizeof *s.spacing[a]);
        s.side[a] = gn_alloc((t.rows + 1) * sizeof *s.side[a]);
    }
    survey(&t, &s);
    gn_str_addf(out, "# %s: %zu rows, %zu image column%s%s\n", gn_path_base(csv), t.rows, t.images,
                t.images == 1 ? "" : "s",
                t.label >= 0 ? "" : ", no label column: training needs one");
    gn_str_add(out, "version: {minimum: 0.0.14, maximum: 0.1.6}\nmodality: rad\n");
    if (!s.flat && s.placed)
        gn_str_add(&steps, "  to_canonical:\n");
    put_sizes(&s, out, &steps);
    if (s.looked && s.low < -500)
        gn_str_add(&steps, "  clip: {min: -1000, max: 1000}   # looks like CT\n  normalize:\n");
    else
        gn_str_addf(&steps, "  %s:\n",
                    s.looked && s.zeros > 0.1 ? "normalize_nonzero" : "normalize");
    put_model(&s, out);
    gn_str_add(out, "loss_function: dice\nmetrics: [dice]\noptimizer: adam\nlearning_rate: "
                    "0.001\nscheduler: constant\n");
    gn_str_add(out, "num_epochs: 100\npatience: 20\nbatch_size: 2\nq_samples_per_volume: 8\n");
    gn_str_add(out, "patch_sampler: label              # centred on labels; uniform: anywhere\n");
    gn_str_add(out, "inference_mechanism: {grid_aggregator_overlap: hann, patch_overlap: 0}\n");
    put_folds(&t, out);
    gn_str_addf(out, "data_preprocessing:\n%s", gn_str_text(&steps));
    gn_str_add(out, "data_augmentation:\n  flip: {axis: [0], probability: 0.5}\n  noise: {mean: 0, "
                    "std: [0, 0.1], probability: 0.3}\n");
    gn_str_add(out, "augment_after_preprocessing: true\nseed: 0\n");
    for (int a = 0; a < 3; a++) {
        free(s.spacing[a]);
        free(s.side[a]);
    }
    gn_str_free(&steps);
    gn_table_free(&t);
    return 0;
}
