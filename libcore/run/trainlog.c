/* trainlog.c - see trainlog.h */
#include "run/trainlog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/csv.h"

/* Hard Dice of each foreground class over all items together: a voxel is predicted where its
 * probability reaches 0.5, as GaNDLF decodes. A class that is neither present nor predicted adds
 * nothing. */
void gn_dice_add(const struct gn_setup *s, const float *prob, const int32_t *label, int64_t items,
                 int64_t voxels, double sum[GN_MAX_CLASSES], int64_t n[GN_MAX_CLASSES])
{
    int classes = s->net.classes;
    for (int k = 0; k < classes; k++) {
        const struct gn_class *c = &s->classes[k];
        int64_t both = 0, predicted = 0, present = 0;
        if (gn_class_is_background(c))
            continue;
        for (int64_t i = 0; i < items; i++) {
            const float *p = prob + (i * classes + k) * voxels;
            const int32_t *t = label + i * voxels;
            for (int64_t v = 0; v < voxels; v++) {
                int hit = p[v] >= 0.5f,
                    is = c->n == 1 ? t[v] == c->value[0] : gn_class_has(c, t[v]);
                both += hit & is;
                predicted += hit;
                present += is;
            }
        }
        if (predicted + present == 0)
            continue;
        sum[k] += 2.0 * (double)both / (double)(predicted + present);
        n[k]++;
    }
}

void gn_dice_add_labels(const struct gn_setup *s, const int32_t *predicted, const int32_t *label,
                        int64_t voxels, double sum[GN_MAX_CLASSES], int64_t n[GN_MAX_CLASSES])
{
    for (int k = 0; k < s->net.classes; k++) {
        const struct gn_class *c = &s->classes[k];
        int64_t both = 0, all = 0;
        if (gn_class_is_background(c))
            continue;
        for (int64_t v = 0; v < voxels; v++) {
            int hit = gn_class_has(c, predicted[v]), is = gn_class_has(c, label[v]);
            both += hit & is;
            all += hit + is;
        }
        if (all == 0)
            continue;
        sum[k] += 2.0 * (double)both / (double)all;
        n[k]++;
    }
}

double gn_mean_dice(const struct gn_setup *s, const double dice[GN_MAX_CLASSES])
{
    double sum = 0;
    int n = 0;
    for (int k = 0; k < s->net.classes; k++)
        if (!gn_class_is_background(&s->classes[k]) && !isnan(dice[k])) {
            sum += dice[k];
            n++;
        }
    return n ? sum / n : NAN;
}

static bool foreground(const struct gn_config *c, int k)
{
    return !(c->classes[k].n == 1 && c->classes[k].value[0] == 0);
}

static void put_names(const struct gn_config *c, const char *prefix, const char *suffix,
                      struct gn_str *out)
{
    gn_str_addf(out, ",%s_dice%s", prefix, suffix);
    for (int k = 0; k < c->n_classes; k++)
        if (foreground(c, k)) {
            struct gn_str name = {0};
            gn_str_addf(&name, "%s_dice_%s%s", prefix, c->classes[k].text, suffix);
            gn_csv_put(out, gn_str_text(&name), ',', 0);
            gn_str_free(&name);
        }
}

void gn_log_put_header(const struct gn_config *c, const char *prefix, struct gn_str *out)
{
    gn_str_addf(out, "epoch_no,%s_loss", prefix);
    put_names(c, prefix, "", out);
    if (c->post.n && strcmp(prefix, "train"))
        put_names(c, prefix, "_post", out);
    gn_str_add(out, "\n");
}

static int append(const char *path, const char *text, size_t n, int64_t *bytes, struct gn_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    int rc = -1;
    if (fd < 0)
        return gn_err_set(err, "%s: cannot open: %s", path, strerror(errno));
    for (size_t done = 0; done < n;) {
        ssize_t k = write(fd, text + done, n - done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0) {
            gn_err_set(err, "%s: cannot write: %s", path, strerror(errno));
            goto out;
        }
        done += (size_t)k;
    }
    if (fsync(fd) < 0) {
        gn_err_set(err, "%s: cannot write: %s", path, strerror(errno));
        goto out;
    }
    if (bytes)
        *bytes = (int64_t)lseek(fd, 0, SEEK_END);
    rc = 0;
out:
    close(fd);
    return rc;
}

int gn_log_rewind(const char *path, const char *prefix, const struct gn_config *c, int64_t bytes,
                  struct gn_err *err)
{
    if (bytes == 0) {
        struct gn_str s = {0};
        unlink(path);
        gn_log_put_header(c, prefix, &s);
        int rc = append(path, gn_str_text(&s), s.len, NULL, err);
        gn_str_free(&s);
        return rc;
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    off_t have = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    int rc = 0;
    if (have < 0)
        rc = gn_err_set(err, "%s: cannot open: %s", path, strerror(errno));
    else if (have < bytes)
        rc = gn_err_set(err, "%s: shorter than the training had left it", path);
    else if (have > bytes && ftruncate(fd, bytes) < 0)
        rc = gn_err_set(err, "%s: cannot cut: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

static void cell(struct gn_str *s, double v)
{
    if (isnan(v))
        gn_str_add(s, ",");
    else
        gn_str_addf(s, ",%.6g", v);
}

/* The mean, then each class. */
static void put_dice(const struct gn_config *c, const double dice[GN_MAX_CLASSES],
                     struct gn_str *out)
{
    double sum = 0;
    int n = 0;
    for (int k = 0; k < c->n_classes; k++)
        if (foreground(c, k) && !isnan(dice[k])) {
            sum += dice[k];
            n++;
        }
    cell(out, n ? sum / n : NAN);
    for (int k = 0; k < c->n_classes; k++)
        if (foreground(c, k))
            cell(out, dice[k]);
}

void gn_log_put_row(const struct gn_config *c, int64_t epoch, const struct gn_epoch_result *r,
                    struct gn_str *out)
{
    gn_str_addf(out, "%" PRId64, epoch);
    cell(out, r->loss);
    put_dice(c, r->dice, out);
    if (r->post)
        put_dice(c, r->dice_post, out);
    gn_str_add(out, "\n");
}

int gn_log_append(const char *path, const struct gn_config *c, int64_t epoch,
                  const struct gn_epoch_result *r, int64_t *bytes, struct gn_err *err)
{
    struct gn_str s = {0};
    gn_log_put_row(c, epoch, r, &s);
    int rc = append(path, gn_str_text(&s), s.len, bytes, err);
    gn_str_free(&s);
    return rc;
}
