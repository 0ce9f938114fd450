/* init.c - a first config for a table of data: what its files say, and usual values for the rest.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/pipeline.h"
#include "config/reader.h"
#include "config/survey.h"

/* What is decided for a survey's images. */
struct plan {
    int axes; /* 2 or 3 */
    const char *architecture;
    int depth;                 /* of a *_multilayer network; else 0 */
    int64_t patch[3], side[3]; /* of a patch; of the smallest image, axis by axis */
    int64_t shortest, least;   /* side of an image, and the shortest the network takes */
    bool resized, resampled;   /* all images to the patch's size; to one spacing */
    double spacing[3];         /* the latter, mm */
    bool whole;                /* a patch is an image, every time */
    bool padded;               /* training images are padded */
    const char *sampler, *why; /* patch_sampler, and its comment */
};

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Of v, n values, which are sorted by it. */
static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, compare_doubles);
    return v[n / 2];
}

static bool sizes_equal(const struct gn_survey *s)
{
    for (size_t i = 1; i < s->n; i++)
        if (memcmp(s->size[i], s->size[0], sizeof s->size[0]) != 0)
            return false;
    return true;
}

static bool spacings_equal(const struct gn_survey *s)
{
    for (size_t i = 1; i < s->n; i++)
        for (int a = 0; a < 3; a++)
            if (fabs(s->spacing[i][a] - s->spacing[0][a]) > 0.01 * s->spacing[0][a])
                return false;
    return true;
}

/* The network by the shortest and the longest side it will see: four halvings where they leave more
 * than one voxel to normalise over, else as many as fit; at the least two. */
static void choose_network(struct plan *p, int64_t shortest, int64_t longest, int64_t *multiple)
{
    p->shortest = shortest;
    p->architecture = "unet";
    p->depth = 0;
    gn_config_patch_rule(p->architecture, 0, multiple, &p->least);
    if (shortest >= p->least && longest >= 2 * p->least)
        return;
    p->architecture = "unet_multilayer";
    for (p->depth = 4; p->depth >= 2; p->depth--) {
        gn_config_patch_rule(p->architecture, p->depth, multiple, &p->least);
        if (shortest >= p->least)
            return;
    }
    p->depth = 2;
}

/* Patches for images of at least these sides: as large as they and memory allow. */
static void choose_patch(struct plan *p, const int64_t side[3])
{
    int64_t most = p->axes == 2 ? 256 : 96, shortest = side[0], longest = side[0], multiple;
    for (int a = 1; a < p->axes; a++) {
        shortest = side[a] < shortest ? side[a] : shortest;
        longest = side[a] > longest ? side[a] : longest;
    }
    memcpy(p->side, side, sizeof p->side);
    choose_network(p, shortest, longest, &multiple);
    for (int a = 0; a < p->axes; a++) {
        int64_t v = (side[a] < most ? side[a] : most) / multiple * multiple;
        p->patch[a] = v < p->least ? p->least : v;
    }
}

/* Pictures of many sizes: all to one, the usual one. */
static void plan_resize(const struct gn_survey *s, struct plan *p)
{
    double *v = gn_alloc(s->n * sizeof *v);
    int64_t side[3] = {1, 1, 1};
    for (int a = 0; a < 2; a++) {
        for (size_t i = 0; i < s->n; i++)
            v[i] = (double)s->size[i][a];
        side[a] = (int64_t)median(v, s->n);
    }
    free(v);
    choose_patch(p, side);
    p->resized = p->whole = true;
}

static void choose_spacing(const struct gn_survey *s, struct plan *p)
{
    double *v = gn_alloc(s->n * sizeof *v);
    for (int a = 0; a < 3; a++) {
        for (size_t i = 0; i < s->n; i++)
            v[i] = s->spacing[i][a];
        p->spacing[a] = floor(100 * median(v, s->n) + 0.5) / 100;
        if (!(p->spacing[a] > 0))
            p->spacing[a] = v[s->n / 2];
    }
    free(v);
}

/* How long a side is once the image is resampled, as gn-resample has it. */
static int64_t side_after(const struct gn_survey *s, const struct plan *p, size_t i, int a)
{
    double n;
    if (!p->resampled || s->size[i][a] == 1)
        return s->size[i][a];
    n = ceil((double)s->size[i][a] * s->spacing[i][a] / p->spacing[a] - 1e-3);
    return n < 1 ? 1 : n < 0x1p31 ? (int64_t)n : INT32_MAX;
}

static void plan_crops(const struct gn_survey *s, struct plan *p)
{
    int64_t least[3] = {1, 1, 1};
    for (int a = 0; a < p->axes; a++)
        for (size_t i = 0; i < s->n; i++) {
            int64_t side = side_after(s, p, i, a);
            least[a] = i == 0 || side < least[a] ? side : least[a];
        }
    choose_patch(p, least);
    p->whole = true;
    for (int a = 0; a < p->axes; a++)
        for (size_t i = 0; i < s->n; i++)
            p->whole = p->whole && side_after(s, p, i, a) == p->patch[a];
}

/* Where training patches come from. A patch around a labelled voxel must lie within the image: so
 * it does where every label reaches into the middle and a patch is at most half an image long. If
 * not, either a patch is so much of the image that any will do, or the images are padded (which
 * comes before resampling, and might then be too little). */
static void choose_sampler(const struct gn_survey *s, struct plan *p)
{
    bool small = p->shortest<p->least, labelled = s->maps> 0 && s->filled == s->maps;
    bool fits = s->central == s->maps;
    double share = 1;
    p->padded = small;
    p->sampler = "uniform";
    p->why = p->whole ? "a patch is a whole image" : "anywhere; label: centred on labels";
    if (p->whole)
        return;
    for (int a = 0; a < p->axes; a++) {
        fits = fits && 2 * p->patch[a] <= p->side[a];
        share *= (double)p->patch[a] / (double)p->side[a];
    }
    if (!labelled || (!fits && !small && (share >= 0.125 || p->resampled)))
        return;
    p->padded = small || !fits;
    p->sampler = "label";
    p->why = "centred on labels; uniform: anywhere";
}

static void make_plan(const struct gn_survey *s, struct plan *p)
{
    const int64_t unknown[3] = {64, 64, 64};
    *p = (struct plan){.axes = s->n && s->flat ? 2 : 3};
    if (s->n == 0) {
        choose_patch(p, unknown);
    } else if (s->flat && !sizes_equal(s)) {
        plan_resize(s, p);
    } else {
        p->resampled = !s->flat && s->placed && !spacings_equal(s);
        if (p->resampled)
            choose_spacing(s, p);
        plan_crops(s, p);
        if (p->resampled && p->shortest < p->least) { /* padding comes first and would shrink */
            p->resampled = false;
            plan_crops(s, p);
        }
    }
    choose_sampler(s, p);
}

/* ---- text ---- */

static void put_patch(const struct gn_survey *s, const struct plan *p, struct gn_str *out)
{
    if (p->shortest < p->least && !p->resized)
        gn_str_addf(out,
                    "# the shortest side of an image is %lld voxels; the smallest network takes "
                    "%lld: training images are padded\n",
                    (long long)p->shortest, (long long)p->least);
    gn_str_addf(out, "patch_size: [%lld, %lld", (long long)p->patch[0], (long long)p->patch[1]);
    if (p->axes == 3)
        gn_str_addf(out, ", %lld", (long long)p->patch[2]);
    gn_str_addf(out, "]%s\n",
                s->n ? "" : "        # a guess, as no image could be read: voxels x y z");
}

static void put_model(const struct gn_survey *s, const struct plan *p, struct gn_str *out)
{
    char buf[40];
    gn_str_addf(out, "model:\n  dimension: %d\n  architecture: %s\n", p->axes, p->architecture);
    if (p->depth)
        gn_str_addf(out, "  depth: %d\n", p->depth);
    gn_str_add(out, "  base_filters: 16\n  norm_type: instance\n  final_layer: softmax\n");
    if (s->n_labels > 0 && (s->n_labels > 1 || s->labels[0] != 0)) {
        gn_str_add(out, s->labels[0] == 0 ? "  class_list: [" : "  class_list: [0, ");
        for (int i = 0; i < s->n_labels; i++)
            gn_str_addf(out, "%s%s", i ? ", " : "", gn_number_text(s->labels[i], buf));
        gn_str_add(out, "]\n");
    } else {
        gn_str_add(out, "  class_list: [0, 1]            # the labels to be told apart, background "
                        "first\n");
    }
    if (s->channels)
        gn_str_addf(out, "  num_channels: %d\n", s->channels);
}

static void put_sampler(const struct plan *p, struct gn_str *out)
{
    gn_str_addf(out, "q_samples_per_volume: %d\n", p->whole ? 1 : 8);
    if (p->padded)
        gn_str_addf(out, "patch_sampler: {type: %s, enable_padding: true}", p->sampler);
    else
        gn_str_addf(out, "patch_sampler: %s", p->sampler);
    gn_str_addf(out, "            # %s\n", p->why);
}

/* A quarter of the patch, even: enough that no edge of a patch shows. */
static void put_overlap(const struct plan *p, struct gn_str *out)
{
    gn_str_add(out, "inference_mechanism: {grid_aggregator_overlap: hann, patch_overlap: ");
    if (p->whole)
        gn_str_add(out, "0}\n");
    else
        for (int a = 0; a < p->axes; a++)
            gn_str_addf(out, "%s%lld%s", a ? ", " : "[", (long long)(p->patch[a] / 8 * 2),
                        a + 1 < p->axes ? "" : "]}\n");
}

/* ---- folds ---- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* How many of n texts differ; sorts them. */
static size_t count_distinct(char **v, size_t n)
{
    size_t distinct = n > 0;
    qsort(v, n, sizeof *v, compare_texts);
    for (size_t i = 1; i < n; i++)
        distinct += strcmp(v[i - 1], v[i]) != 0;
    return distinct;
}

/* What the rows say of who is who. */
struct people {
    size_t subjects;
    size_t names;  /* if every SubjectID is NAME_N: the names, when some has several; else 0 */
    bool numbered; /* each name holds a digit: a person's number rather than a word */
};

static void find_people(const struct gn_table *t, struct people *who)
{
    char **id = gn_alloc((t->rows + 1) * sizeof *id);
    char **name = gn_alloc((t->rows + 1) * sizeof *name);
    bool split = true;
    *who = (struct people){.numbered = true};
    for (size_t i = 0; i < t->rows; i++) {
        size_t n = strcspn(t->row[i].subject, "_");
        const char *rest = t->row[i].subject + n;
        id[i] = gn_strdup(t->row[i].subject);
        name[i] = gn_strndup(t->row[i].subject, n);
        split = split && n && rest[0] && rest[1] && !rest[strspn(rest, "_0123456789")];
        who->numbered = who->numbered && name[i][strcspn(name[i], "0123456789")];
    }
    who->subjects = count_distinct(id, t->rows);
    who->names = split ? count_distinct(name, t->rows) : 0;
    if (who->names == who->subjects)
        who->names = 0;
    for (size_t i = 0; i < t->rows; i++) {
        free(id[i]);
        free(name[i]);
    }
    free(id);
    free(name);
}

/* A fifth for testing, a fifth of the rest for validation; with few people fewer, down to one that
 * trains and one that validates. What may be several rows of a person is said; where a name is a
 * number, it is used. */
static void put_folds(const struct gn_table *t, struct gn_str *out)
{
    static const char regex[] = "group_regex: '^([^_]+)_'";
    struct people who;
    find_people(t, &who);
    bool group = who.names > 1 && who.numbered;
    size_t units = group ? who.names : who.subjects;
    if (who.names > 1 && !group)
        gn_str_addf(out,
                    "# if SubjectIDs are PERSON_NUMBER, write %s in nested_training: a person's "
                    "rows never part\n",
                    regex);
    if (units < 2)
        gn_str_add(out, "# one subject: training needs another to validate on\n");
    if (units >= 7)
        gn_str_add(out, "nested_training: {testing: -5, validation: -5");
    else
        gn_str_addf(out, "nested_training: {testing: %d, validation: -2", units >= 4 ? -3 : 1);
    if (group)
        gn_str_addf(out, ", %s}   # %zu persons in %zu rows\n", regex, who.names, t->rows);
    else
        gn_str_addf(out, "}   # %s\n",
                    units >= 7 ? "a fifth tests, a fifth of the rest validates; 5: each in turn"
                               : "few subjects: one fold of each");
}

static void put_steps(const struct gn_survey *s, const struct plan *p, struct gn_str *out)
{
    char buf[40];
    gn_str_add(out, "data_preprocessing:\n");
    if (!s->flat && s->placed)
        gn_str_add(out, "  to_canonical:\n");
    if (p->resized)
        gn_str_addf(out, "  resize_image: [%lld, %lld]\n", (long long)p->patch[0],
                    (long long)p->patch[1]);
    if (p->resampled) {
        gn_str_add(out, "  resample: {resolution: [");
        for (int a = 0; a < 3; a++)
            gn_str_addf(out, "%s%s", a ? ", " : "", gn_number_text(p->spacing[a], buf));
        gn_str_add(out, "]}\n");
    }
    if (s->looked && s->low < -500)
        gn_str_add(out, "  clip: {min: -1000, max: 1000}   # looks like CT\n  normalize:\n");
    else
        gn_str_addf(out, "  %s:\n",
                    s->looked && s->zeros > 0.1 ? "normalize_nonzero" : "normalize");
}

/* What could not be read or does not fit in is said on stderr and in the file. */
static void put_head(const char *csv, const struct gn_table *t, const struct gn_survey *s,
                     struct gn_str *out)
{
    const char *base = gn_path_base(csv);
    gn_str_addf(out, "# %s: %zu rows, %zu image column%s%s\n", base, t->rows, t->images,
                t->images == 1 ? "" : "s",
                t->label >= 0 ? "" : ", no label column: training needs one");
    if (s->unread) {
        gn_log(GN_LOG_WARN, "%s: %zu of %zu files cannot be read, the first: %s", csv, s->unread,
               s->files, s->why);
        gn_str_addf(out, "# %zu of %zu files could not be read: what follows is %s\n", s->unread,
                    s->files, s->n ? "made from the others" : "a guess");
    }
    if (s->others) {
        gn_log(GN_LOG_WARN, "%s: %zu images are %s, as the first is, but %zu are %s: left aside",
               csv, s->n, s->flat ? "2-D" : "3-D", s->others, s->flat ? "3-D" : "2-D");
        gn_str_addf(out, "# %zu images are %s: this config is not for them\n", s->others,
                    s->flat ? "3-D" : "2-D");
    }
}

int gn_config_init(const char *csv, struct gn_str *out, struct gn_err *err)
{
    struct gn_table t = {0};
    struct gn_survey s = {0};
    struct plan p;
    if (gn_table_read(&t, &csv, 1, GN_TABLE_IMAGES, err))
        return -1;
    gn_survey_read(&s, &t);
    make_plan(&s, &p);
    put_head(csv, &t, &s, out);
    gn_str_add(out, "version: {minimum: 0.0.14, maximum: 0.1.6}\nmodality: rad\n");
    put_patch(&s, &p, out);
    put_model(&s, &p, out);
    gn_str_add(out, "loss_function: dice\nmetrics: [dice]\noptimizer: adam\n"
                    "learning_rate: 0.001\nscheduler: constant\n"
                    "num_epochs: 100\npatience: 20\nbatch_size: 2\n");
    put_sampler(&p, out);
    put_overlap(&p, out);
    put_folds(&t, out);
    put_steps(&s, &p, out);
    gn_str_add(out, "data_augmentation:\n"
                    "  flip: {axis: [0], probability: 0.5}\n"
                    "  noise: {mean: 0, std: [0, 0.1], probability: 0.3}\n"
                    "augment_after_preprocessing: true\nseed: 0\n");
    gn_survey_free(&s);
    gn_table_free(&t);
    return 0;
}
