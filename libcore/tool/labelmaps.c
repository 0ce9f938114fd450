/* labelmaps.c - see labelmaps.h. */
#include "tool/labelmaps.h"

#include <dirent.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "io/table.h"
#include "tool/subject.h"

/* ---- what an operand names ---- */

static void add(struct gn_labelmaps *list, const char *name, const char *path)
{
    list->item = gn_realloc(list->item, (list->n + 1) * sizeof *list->item);
    list->item[list->n++] = (struct gn_labelmap){ gn_strdup(name),
                                                     path ? gn_strdup(path) : NULL };
}

void gn_labelmaps_free(struct gn_labelmaps *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->item[i].name);
        free(list->item[i].path);
    }
    free(list->item);
    *list = (struct gn_labelmaps){ 0 };
}

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static bool is_file(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

/* The column that names the maps: predictions, else (and for the truth first) labels; GaNDLF's
 * metrics table calls them Target. */
static int column_of(const struct gn_table *t, const char *path, bool truth, struct gn_err *err)
{
    long target = gn_table_find_column(t, "Target");

    if (truth && t->label >= 0)
        return (int)t->label;
    if (truth && target >= 0)
        return (int)target;
    if (!truth && t->predictions > 1)
        return gn_err_set(err, "%s: %zu columns of predictions, one is needed", path,
                          t->predictions);
    for (size_t c = 0; c < t->columns && !truth; c++)
        if (t->column[c].role == GN_COLUMN_PREDICTION)
            return (int)c;
    if (!truth && t->label >= 0)
        return (int)t->label;
    return gn_err_set(err, "%s:1: no column of %s", path,
                      truth ? "labels (Label)" : "predicted label maps (Prediction)");
}

static int list_table(struct gn_labelmaps *list, const char *path, bool truth, struct gn_err *err)
{
    struct gn_table t = { 0 };
    char *dir = gn_path_dir(path);
    int column = -1;

    if (gn_table_read(&t, &path, 1, truth ? 0 : GN_TABLE_UNIQUE, err) == 0)
        column = column_of(&t, path, truth, err);
    for (size_t i = 0; i < t.warnings.n; i++)
        gn_log(GN_LOG_WARN, "%s", t.warnings.item[i]);
    for (size_t r = 0; column >= 0 && r < t.rows; r++) {
        const char *cell = t.row[r].cell[column], *file = t.row[r].path[column];
        char *joined = file || !*cell || is_file(cell) ? NULL : gn_path_join(dir, cell);
        if (*cell)
            add(list, t.row[r].sample, file ? file : joined ? joined : cell);
        else if (truth)
            add(list, t.row[r].sample, NULL);
        free(joined);
    }
    gn_table_free(&t);
    free(dir);
    return column < 0 ? -1 : 0;
}

int gn_labelmap_by_name(const void *a, const void *b)
{
    return strcmp(((const struct gn_labelmap *)a)->name, ((const struct gn_labelmap *)b)->name);
}

/* The sample of a file of a folder, or NULL if it is no label map: its stem without _seg or _label,
 * which in the folder of a sample it must have. */
static char *sample_of(const char *file, const char *folder_of)
{
    static const char *const suffix[] = { "_seg", "_label" };
    struct gn_err err = { 0 };
    char *stem = gn_path_stem(file);
    size_t n = strlen(stem);
    bool cut = false;

    for (size_t i = 0; i < 2 && !cut; i++)
        if (n > strlen(suffix[i]) && strcmp(stem + n - strlen(suffix[i]), suffix[i]) == 0) {
            stem[n - strlen(suffix[i])] = 0;
            cut = true;
        }
    if (file[0] == '.' || !gn_format_for_ext(gn_path_ext(file), &err) ||
        (folder_of && (!cut || strcmp(stem, folder_of) != 0))) {
        free(stem);
        return NULL;
    }
    return stem;
}

static int scan_folder(struct gn_labelmaps *list, const char *path, const char *folder_of,
                       struct gn_err *err)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    int rc = 0;

    if (!dir)
        return gn_err_set(err, "%s: cannot be read: %m", path);
    while (rc == 0 && (e = readdir(dir))) {
        char *file = gn_path_join(path, e->d_name), *name = NULL;
        if (e->d_name[0] != '.' && is_folder(file)) {
            if (!folder_of)
                rc = scan_folder(list, file, e->d_name, err);
        } else if ((name = sample_of(e->d_name, folder_of))) {
            add(list, name, file);
        }
        free(name);
        free(file);
    }
    closedir(dir);
    return rc;
}

/* A folder's index if it has one, else its images: NAME.EXT, NAME_seg.EXT, NAME_label.EXT, or those
 * of NAME in NAME/. */
static int list_folder(struct gn_labelmaps *list, const char *path, bool truth, struct gn_err *err)
{
    static const char *const index[] = { "predictions.csv", "data.csv" };
    int rc = 0;

    for (int i = 0; i < 2; i++) {
        char *file = gn_path_join(path, index[truth ? 1 - i : i]);
        bool there = is_file(file);
        if (there)
            rc = list_table(list, file, truth, err);
        free(file);
        if (there)
            return rc;
    }
    if (scan_folder(list, path, NULL, err))
        return -1;
    if (!list->n)
        return gn_err_set(err, "%s: no label maps in this folder", path);
    qsort(list->item, list->n, sizeof *list->item, gn_labelmap_by_name);
    for (size_t i = 1; i < list->n; i++)
        if (strcmp(list->item[i - 1].name, list->item[i].name) == 0)
            return gn_err_set(err, "%s and %s are both called %s", list->item[i - 1].path,
                              list->item[i].path, list->item[i].name);
    return 0;
}

int gn_labelmaps_list(struct gn_labelmaps *list, const char *operand, bool truth,
                      struct gn_err *err)
{
    if (is_folder(operand))
        return list_folder(list, operand, truth, err);
    if (gn_table_is_table(operand))
        return list_table(list, operand, truth, err);
    char *name = gn_path_stem(operand);
    add(list, name, operand);
    free(name);
    return 0;
}

bool gn_labelmaps_is_image(const char *operand)
{
    return !is_folder(operand) && !gn_table_is_table(operand);
}

/* ---- two maps side by side ---- */

static void read_one(void *arg, size_t i, int thread)
{
    struct gn_labelmap_pair *p = arg;

    (void)thread;
    /* what fails here is in err[i] */
    if (gn_picture_read(p->path[i], p->header_only, &p->pic[i], &p->err[i]) == 0 &&
        !p->header_only && gn_subject_one_channel(&p->pic[i], &p->err[i]))
        gn_err_wrap(&p->err[i], "%s", p->path[i]);
}

void gn_labelmap_pair_close(struct gn_labelmap_pair *p)
{
    for (int i = 0; i < 2; i++)
        gn_picture_free(&p->pic[i]);
}

/* How far a corner of the grid lies from where the other affine puts it, beyond what float32
 * headers round, in mm. */
static double apart(const double a[12], const double b[12], const int64_t *shape)
{
    double worst = 0;

    for (int corner = 0; corner < 8; corner++) {
        double square = 0, rounding = 0;
        for (int r = 0; r < 3; r++) {
            double d = a[4 * r + 3] - b[4 * r + 3],
                   size = fmax(fabs(a[4 * r + 3]), fabs(b[4 * r + 3]));
            for (int k = 0; k < 3; k++) {
                double at = corner >> k & 1 ? (double)(shape[3 - k] - 1) : 0;
                d += (a[4 * r + k] - b[4 * r + k]) * at;
                size += fmax(fabs(a[4 * r + k]), fabs(b[4 * r + k])) * at;
            }
            square += d * d;
            rounding = fmax(rounding, 4 * (double)FLT_EPSILON * size);
        }
        worst = fmax(worst, sqrt(square) - rounding);
    }
    return worst;
}

void gn_labelmap_pair_spacing(const struct gn_labelmap_pair *p, double spacing[3], double *volume)
{
    const double *a = p->pic[p->pic[0].has_affine || !p->pic[1].has_affine ? 0 : 1].affine;

    for (int k = 0; k < 3; k++)
        spacing[k] = sqrt(a[k] * a[k] + a[4 + k] * a[4 + k] + a[8 + k] * a[8 + k]);
    *volume = fabs(a[0] * (a[5] * a[10] - a[6] * a[9]) - a[1] * (a[4] * a[10] - a[6] * a[8]) +
                   a[2] * (a[4] * a[9] - a[5] * a[8]));
}

/* One size and one place, to a thousandth of a voxel. A picture without a place takes that of the
 * other. */
static int same_grid(const struct gn_labelmap_pair *p, struct gn_err *err)
{
    const int64_t *s = p->pic[0].tensor.shape, *q = p->pic[1].tensor.shape;
    double mm, spacing[3], volume;

    if (s[1] != q[1] || s[2] != q[2] || s[3] != q[3])
        return gn_err_set(err, "%s has %lldx%lldx%lld voxels, %s has %lldx%lldx%lld", p->path[1],
                          (long long)q[3], (long long)q[2], (long long)q[1], p->path[0],
                          (long long)s[3], (long long)s[2], (long long)s[1]);
    if (!p->pic[0].has_affine || !p->pic[1].has_affine)
        return 0;
    mm = apart(p->pic[0].affine, p->pic[1].affine, s);
    gn_labelmap_pair_spacing(p, spacing, &volume);
    if (mm > 1e-3 * fmin(spacing[0], fmin(spacing[1], spacing[2])))
        return gn_err_set(err, "%s and %s lie apart: their affines differ by up to %.6g mm",
                          p->path[1], p->path[0], mm);
    return 0;
}

int gn_labelmap_pair_open(struct gn_labelmap_pair *p, const char *ref, const char *pred,
                          bool header_only, struct gn_err *err)
{
    *p = (struct gn_labelmap_pair){ .path = { ref, pred }, .header_only = header_only };
    gn_pool_run(2, read_one, p);
    for (int i = 0; i < 2; i++)
        if (p->err[i].code) {
            gn_err_set(err, "%s", p->err[i].text);
            break;
        }
    if (err->code || same_grid(p, err)) {
        gn_labelmap_pair_close(p);
        return -1;
    }
    return 0;
}
