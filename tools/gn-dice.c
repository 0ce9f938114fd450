/* gn-dice - scores predicted label maps against the truth: overlap, and surface distances, per
 * subject and label. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "metrics/scores.h"
#include "tool/labelmaps.h"
#include "tool/tool.h"

static struct dice_args {
    const char *labels, *output;
    bool distances;
    double tolerance;
} args = { .output = "-", .tolerance = 1 };

static const struct gn_opt opts[] = {
    GN_OPT_TEXT(0, "labels", &args.labels, "LIST",
                "labels and regions to score, e.g. 1,2,1||4 [all that occur but 0]", 0),
    GN_OPT_FLAG(0, "distances", &args.distances, "also score the surfaces: hd95, hd100, nsd, assd",
                0),
    GN_OPT_REAL(0, "tolerance", &args.tolerance, "MM",
                "how far surfaces may lie apart for nsd, in mm", 0),
    GN_OPT_TEXT('o', "output", &args.output, "FILE", "write the table here [standard output]",
                GN_OPT_NO_HISTORY | GN_OPT_NO_DEFAULT | GN_OPT_FILE),
    GN_OPT_END
};

/* ---- one subject ---- */

struct subject {
    const char *name, *ref, *pred; /* NULL: missing; without ref no pred either */
    bool left_out;
    struct gn_joint joint;
    double voxel;                         /* mm3 */
    struct gn_regions own;                /* its labels, unless --labels names them */
    struct gn_distance_scores *distances; /* of each region */
};

/* Every label but 0 that stands in either map. */
static void find_labels(struct gn_regions *r, const struct gn_joint *joint)
{
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < joint->n; i++) {
            int32_t v = side ? joint->pair[i].pred : joint->pair[i].ref;
            bool known = v == 0;
            for (size_t k = 0; k < r->n && !known; k++)
                known = r->item[k].value[0] == v;
            if (!known)
                gn_regions_add(r, v);
        }
}

static int score_subject(struct subject *s, const struct gn_regions *named, struct gn_err *err)
{
    struct gn_labelmap_pair p;
    const struct gn_regions *regions = named ? named : &s->own;
    double spacing[3];
    int fault = 0, rc = -1;

    if (gn_labelmap_pair_open(&p, s->ref, s->pred, false, err))
        return -1;
    gn_labelmap_pair_spacing(&p, spacing, &s->voxel);
    if (gn_joint_count(&p.pic[0].tensor, &p.pic[1].tensor, &s->joint, &fault, err)) {
        gn_err_wrap(err, "%s", p.path[fault]);
        goto out;
    }
    if (!named)
        find_labels(&s->own, &s->joint);
    s->distances = gn_alloc((regions->n + 1) * sizeof *s->distances);
    for (size_t k = 0; k < regions->n && args.distances; k++)
        if (gn_distance_score(&p.pic[0].tensor, &p.pic[1].tensor, &regions->item[k], spacing,
                              args.tolerance, &s->distances[k], err))
            goto out;
    rc = 0;
out:
    gn_labelmap_pair_close(&p);
    return rc;
}

/* ---- all subjects ---- */

/* A fault of one subject. Without --keep-going all of the same kind are named, then the tool stops:
 * the last stays in ctx->err. */
static int subject_fault(struct gn_tool_ctx *ctx, struct gn_str *last, const char *name)
{
    gn_err_wrap(&ctx->err, "subject %s", name);
    if (ctx->keep_going)
        return gn_tool_skip(ctx);
    if (last->len)
        gn_log(GN_LOG_ERROR, "%s", last->data);
    gn_str_clear(last);
    gn_str_add(last, ctx->err.text);
    gn_err_clear(&ctx->err);
    return 0;
}

static int raise_fault(struct gn_tool_ctx *ctx, struct gn_str *last)
{
    int rc = last->len ? gn_err_set(&ctx->err, "%s", last->data) : 0;
    gn_str_free(last);
    return rc;
}

/* Predictions without truth, and subjects whose headers do not fit: all of them before anything is
 * scored. */
static int check(struct gn_tool_ctx *ctx, struct subject *subject, size_t n,
                 const struct gn_labelmaps *predictions)
{
    struct gn_str last = { 0 };
    struct gn_labelmap_pair p;
    size_t used = 0;

    for (size_t i = 0; i < n; i++)
        used += subject[i].pred != NULL;
    for (size_t i = 0; i < predictions->n && used < predictions->n; i++) {
        bool known = false;
        for (size_t k = 0; k < n && !known; k++)
            known = subject[k].pred == predictions->item[i].path;
        if (!known &&
            gn_err_set(&ctx->err, "%s: a prediction without truth", predictions->item[i].path) &&
            subject_fault(ctx, &last, predictions->item[i].name))
            break;
    }
    for (size_t i = 0; i < n && !ctx->err.code; i++) {
        if (!subject[i].pred)
            continue;
        if (gn_labelmap_pair_open(&p, subject[i].ref, subject[i].pred, true, &ctx->err) == 0) {
            gn_labelmap_pair_close(&p);
            continue;
        }
        subject[i].left_out = true;
        if (subject_fault(ctx, &last, subject[i].name))
            break;
    }
    return ctx->err.code ? (gn_str_free(&last), -1) : raise_fault(ctx, &last);
}

static struct subject *pair_up(const struct gn_labelmaps *truth, struct gn_labelmaps *predictions,
                               bool images)
{
    struct subject *s = gn_alloc((truth->n + 1) * sizeof *s);

    if (!images)
        qsort(predictions->item, predictions->n, sizeof *predictions->item, gn_labelmap_by_name);
    for (size_t i = 0; i < truth->n; i++) {
        struct gn_labelmap *found = images ? predictions->item
                                           : bsearch(&truth->item[i], predictions->item,
                                                     predictions->n, sizeof *found,
                                                     gn_labelmap_by_name);
        s[i] = (struct subject){ .name = images ? found->name : truth->item[i].name,
                                 .ref = truth->item[i].path,
                                 .pred = found && truth->item[i].path ? found->path : NULL };
    }
    return s;
}

enum { MOST_LABELS = 4096 }; /* more than any atlas has; with --labels there is no limit */

static int compare_labels(const void *a, const void *b)
{
    int32_t x = ((const struct gn_region *)a)->value[0],
            y = ((const struct gn_region *)b)->value[0];
    return (x > y) - (x < y);
}

/* The labels of all subjects, ascending. */
static int join_labels(struct gn_regions *all, const struct subject *s, size_t n,
                       struct gn_err *err)
{
    for (size_t i = 0; i < n; i++) {
        find_labels(all, &s[i].joint);
        if (all->n > MOST_LABELS)
            return gn_err_set(err,
                              "subject %s: %s: more than %d labels so far: are these label maps? "
                              "(--labels names those to score)",
                              s[i].name, s[i].ref, MOST_LABELS);
    }
    if (all->n)
        qsort(all->item, all->n, sizeof *all->item, compare_labels);
    return 0;
}

static void add_rows(struct gn_scores *scores, const struct subject *s,
                     const struct gn_regions *regions)
{
    for (size_t k = 0; k < regions->n; k++) {
        struct gn_score_row row = { .region = k };
        struct gn_overlap o = gn_overlap_of(&s->joint, &regions->item[k]);
        size_t at = k;

        gn_score_row_fill(&row, &o, s->voxel);
        if (!args.labels) /* what a subject does not have, it has no distances of */
            for (at = 0; at < s->own.n && s->own.item[at].value[0] != regions->item[k].value[0];
                 at++)
                ;
        if (args.distances && (args.labels || at < s->own.n))
            gn_score_row_distances(&row, &s->distances[at]);
        gn_scores_add(scores, s->name, &row);
    }
}

static int score_all(struct gn_tool_ctx *ctx, struct subject *s, size_t n,
                     const char *truth, struct gn_regions *regions, struct gn_scores *scores)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i].left_out)
            continue;
        if (!s[i].pred) {
            if (s[i].ref)
                gn_log(GN_LOG_ERROR, "subject %s: no prediction of %s", s[i].name, s[i].ref);
            else
                gn_log(GN_LOG_ERROR, "subject %s: no label in %s", s[i].name, truth);
            ctx->failed++;
            continue;
        }
        ctx->samples++;
        if (score_subject(&s[i], args.labels ? regions : NULL, &ctx->err)) {
            s[i].left_out = true;
            gn_joint_free(&s[i].joint);
            gn_err_wrap(&ctx->err, "subject %s", s[i].name);
            if (gn_tool_skip(ctx))
                return -1;
        }
        gn_progress("%s: %zu of %zu", ctx->tool->name, i + 1, n);
    }
    if (!args.labels && join_labels(regions, s, n, &ctx->err))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!s[i].left_out && s[i].pred)
            add_rows(scores, &s[i], regions);
        else if (!s[i].left_out)
            gn_scores_add_missing(scores, s[i].name);
    return 0;
}

static int dice(struct gn_tool_ctx *ctx)
{
    struct gn_labelmaps list[2] = { { 0 } }; /* predictions, truth */
    struct gn_regions regions = { 0 };
    struct gn_scores scores = { 0 };
    struct gn_str text = { 0 };
    struct subject *subject = NULL;
    size_t n = 0, labelled = 0;
    bool image[2];
    int rc = -1;

    if (ctx->operands.n != 2)
        return gn_err_usage(&ctx->err, "two operands are needed: predictions, then truth");
    if (args.tolerance < 0)
        return gn_err_usage(&ctx->err, "--tolerance: must not be negative");
    if (args.labels && gn_regions_parse(&regions, args.labels, &ctx->err))
        return gn_err_wrap(&ctx->err, "--labels");
    for (int i = 0; i < 2; i++)
        image[i] = gn_labelmaps_is_image(ctx->operands.item[i]);
    if (image[0] != image[1]) {
        gn_err_usage(&ctx->err,
                     "%s is an image and %s is not: give two tables or folders, or two images",
                     ctx->operands.item[!image[0]], ctx->operands.item[image[0]]);
        goto out;
    }
    for (int i = 0; i < 2; i++)
        if (gn_labelmaps_list(&list[i], ctx->operands.item[i], i == 1, &ctx->err))
            goto out;
    n = list[1].n;
    for (size_t i = 0; i < n; i++)
        labelled += list[1].item[i].path != NULL;
    if (!labelled) {
        gn_err_set(&ctx->err, "%s: no subject has a label map", ctx->operands.item[1]);
        goto out;
    }
    subject = pair_up(&list[1], &list[0], image[0]);
    if (check(ctx, subject, n, &list[0]) ||
        score_all(ctx, subject, n, ctx->operands.item[1], &regions, &scores))
        goto out;
    gn_scores_print(&scores, &regions, args.distances, &text);
    rc = gn_file_write(args.output, text.data, text.len, false, &ctx->err);
out:
    for (size_t i = 0; subject && i < n; i++) {
        gn_joint_free(&subject[i].joint);
        gn_regions_free(&subject[i].own);
        free(subject[i].distances);
    }
    free(subject);
    for (int i = 0; i < 2; i++)
        gn_labelmaps_free(&list[i]);
    gn_regions_free(&regions);
    gn_scores_free(&scores);
    gn_str_free(&text);
    return rc;
}

static const struct gn_tool tool = {
    .name = "gn-dice",
    .summary = "score label maps against the truth",
    .operands = "PREDICTIONS TRUTH",
    .description =
        "Compares predicted label maps with true ones, subject by subject, and prints a table: "
        "for each subject and label the Dice score, Jaccard index, sensitivity, specificity, "
        "precision, voxel counts and volumes, with --distances also the distances between the "
        "surfaces; then mean, standard deviation and number over the subjects.\n\n"
        "PREDICTIONS and TRUTH are each a table (predictions.csv with SubjectID and Prediction; "
        "the study's CSV with SubjectID and Label or Target) or a folder (its predictions.csv or "
        "data.csv if it has one, else its images NAME.EXT, NAME_seg.EXT or NAME_label.EXT, also "
        "in folders of that NAME), joined on the sample's name; or both are one image.\n\n"
        "--labels lists labels and regions: 1||4 is labels 1 and 4 taken as one. A subject's two "
        "maps must have one size and, to a thousandth of a voxel, one place; pictures without a "
        "place need the size alone.\n\n"
        "The surface of a structure is its voxels with a face neighbour outside of it, beyond "
        "the image included (in a plane, an edge neighbour). Distances run from voxel centre to "
        "voxel centre in mm and are exact. hd95 and hd100 are the 95th percentile (linear "
        "interpolation) and the maximum of the distances of both surfaces to each other, assd "
        "their mean, nsd the mean of the two shares of surface voxels at most --tolerance away "
        "from the other surface. Where one side has no such structure, distances are the image's "
        "diagonal between voxel centres, and nsd is 0.",
    .input =
        "CSV or TSV tables, folders, or images of whole numbers in any format that gn-load "
        "reads.",
    .output =
        "A table, tab-separated: SubjectID Label status dice jaccard sensitivity specificity "
        "precision tp fp fn tn volume_ref_mm3 volume_pred_mm3, and hd95 hd100 nsd assd with "
        "--distances. The status is ok, both-empty, ref-empty or pred-empty. Rows both-empty "
        "(whose dice is 1) stay out of the rows mean, sd and n, and are counted in the status of "
        "the row n. The rows with Label all are the mean over a subject's labels first, then "
        "over subjects. A subject without prediction, or whose row of the truth names no label, is "
        "one row of status missing, and the exit status is 1. Numbers have nine "
        "digits; a cell without a value is empty.",
    .opts = opts,
    .examples =
        (const struct gn_example[]){
            { "gn-dice out/predictions.csv test.csv", "score a study's predictions" },
            { "gn-dice --distances --labels '1,1||4' seg.nii.gz truth.nii.gz",
              "a label and a region of one image" },
            { NULL, NULL } },
    .references =
        (const char *const[]){ "Taha and Hanbury, Metrics for evaluating 3D medical image "
                               "segmentation, BMC Medical Imaging 15:29 (2015)",
                               "Nikolov et al., Deep learning to achieve clinically applicable "
                               "segmentation of head and neck anatomy (surface Dice), "
                               "arXiv:1809.04430",
                               "Felzenszwalb and Huttenlocher, Distance transforms of sampled "
                               "functions, Theory of Computing 8 (2012)",
                               NULL },
    .see_also = "gn-stitch(1), gn-save(1), gn-experiment(1)",
    .flags = GN_TOOL_NO_INPUT | GN_TOOL_NO_OUTPUT | GN_TOOL_OWN_O,
    .main = dice,
};

int main(int argc, char **argv)
{
    return gn_tool_main(&tool, argc, argv);
}
