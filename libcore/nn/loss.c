/* loss.c - the table of losses and their formulas. Sums run over the whole batch at once (batch
 * Dice); background is a class. */
#include "nn/loss.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/vmath.h"

static const double tiny = 2.2250738585072014e-308, eps32 = 1.1920928955078125e-07;

/* 2 sum pt / (sum p + sum t); a class absent from both scores 1. Milletari et al. 2016
 * (arXiv:1606.04797), without squares. */
static double dice(const double s[4], double count, double d[2])
{
    (void)count;
    double den = s[1] + s[2] + tiny, num = 2 * s[0] + tiny;
    bool empty = s[1] + s[2] == 0;
    d[0] = empty ? 0 : -(num / den) / den;
    d[1] = empty ? 0 : 2 / den;
    return num / den;
}

/* tp / (tp + a fp + b fn), a = b = 1/2. Salehi et al. 2017 (arXiv:1706.05721). */
static double tversky(const double s[4], double count, double d[2])
{
    (void)count;
    double den = 0.5 * (s[1] + s[2]) + tiny, num = s[0] + tiny;
    bool empty = s[1] + s[2] == 0;
    d[0] = empty ? 0 : -0.5 * (num / den) / den;
    d[1] = empty ? 0 : 1 / den;
    return num / den;
}

/* Matthews' correlation of soft counts: (tp tn - fp fn) / sqrt((tp+fp)(tp+fn)(tn+fp)(tn+fn)),
 * written in the sums. */
static double mcc(const double s[4], double count, double d[2])
{
    double pt = s[0], p = s[1], t = s[2], a = pt * count - p * t;
    double r = sqrt(fmax(p * t * (count - t) * (count - p), 0)), den = r + eps32;
    double dr = r > 0 ? t * (count - t) * (count - 2 * p) / (2 * r) : 0;
    d[0] = -t / den - a / den * (dr / den);
    d[1] = count / den;
    return a / den;
}

static const struct gn_loss_form forms[] = {
    { "dc", { "dice" }, dice, false, GN_BCE_NONE, false },
    { "dc_log", { "dclog", "dice_log", "dicelog" }, dice, true, GN_BCE_NONE, false },
    { "dcce", { NULL }, dice, false, GN_BCE_PROB, false },
    { "dcce_logits", { NULL }, dice, false, GN_BCE_LOGITS, false },
    { "ce", { NULL }, NULL, false, GN_BCE_PROB, false },
    { "cel", { NULL }, NULL, false, GN_BCE_NONE, true },
    { "tversky", { NULL }, tversky, false, GN_BCE_NONE, false },
    { "mcc", { "mathews" }, mcc, false, GN_BCE_NONE, false },
    { "mcc_log", { "mcclog", "mathews_log" }, mcc, true, GN_BCE_NONE, false },
};

const char *const gn_loss_names[] = { "dc",          "dice", "dc_log",      "dclog",   "dice_log",
                                      "dicelog",     "dcce", "dcce_logits", "ce",      "cel",
                                      "tversky",     "mcc",  "mathews",     "mcc_log", "mcclog",
                                      "mathews_log", NULL };

const struct gn_loss_form *gn_loss_find(const char *name, struct gn_err *err)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (!strcasecmp(forms[i].name, name))
            return &forms[i];
        for (int k = 0; k < 4 && forms[i].alias[k]; k++)
            if (!strcasecmp(forms[i].alias[k], name))
                return &forms[i];
    }
    const char *near = gn_nearest(name, gn_loss_names);
    gn_err_set(err, "loss %s: unknown%s%s%s", name, near ? " (did you mean " : "", near ? near : "",
               near ? "?)" : "");
    return NULL;
}

/* What a class's term is multiplied with: its weight, or the mean over classes. */
static double share(int classes, const double *weights, int k)
{
    return weights ? weights[k] : 1.0 / classes;
}

double gn_loss_from_sums(const struct gn_loss_form *f, int classes, const double *weights,
                         const double *sums, double count)
{
    double loss = 0;
    for (int k = 0; k < classes; k++) {
        const double *s = sums + 4 * k;
        double v = 0, d[2];
        if (f->score) {
            double q = f->score(s, count, d);
            v += f->log ? -gn_vmath_log(q + eps32) : 1 - q;
        }
        if (f->bce != GN_BCE_NONE)
            v += s[3] / count;
        loss += share(classes, weights, k) * v;
    }
    return loss;
}

void gn_loss_coefficients(const struct gn_loss_form *f, int classes, const double *weights,
                          const double *sums, double count, double *k)
{
    for (int c = 0; c < classes; c++) {
        double w = share(classes, weights, c), d[2] = { 0, 0 };
        if (f->score) {
            double q = f->score(sums + 4 * c, count, d), by = f->log ? -1 / (q + eps32) : -1;
            d[0] *= by;
            d[1] *= by;
        }
        k[3 * c] = w * d[0];
        k[3 * c + 1] = w * d[1];
        k[3 * c + 2] = f->bce == GN_BCE_NONE ? 0 : w / count;
    }
}

double gn_bce(enum gn_bce kind, double p, int t)
{
    if (kind == GN_BCE_PROB) {
        double l = gn_vmath_log(t ? p : 1 - p);
        return -(l > -100 ? l : -100);
    }
    if (kind == GN_BCE_LOGITS)
        return (p > 0 ? p : 0) - (t ? p : 0) + log1p(gn_vmath_exp(-fabs(p)));
    return 0;
}

double gn_bce_slope(enum gn_bce kind, double p, int t)
{
    if (kind == GN_BCE_PROB)
        return (p - t) / fmax(p * (1 - p), 1e-12);
    if (kind == GN_BCE_LOGITS)
        return 1 / (1 + gn_vmath_exp(-p)) - t;
    return 0;
}

static uint64_t bits_of(const struct gn_class *classes, int n_classes, int64_t label)
{
    uint64_t bits = 0;
    for (int k = 0; k < n_classes; k++)
        for (int i = 0; i < classes[k].n; i++)
            if (classes[k].value[i] == label)
                bits |= UINT64_C(1) << k;
    return bits;
}

void gn_label_bits(const struct gn_class *classes, int n_classes, const int32_t *label, int64_t n,
                   uint64_t *bits)
{
    uint64_t table[256];
    for (int v = 0; v < 256; v++)
        table[v] = bits_of(classes, n_classes, v);
    for (int64_t i = 0; i < n; i++)
        bits[i] = label[i] >= 0 && label[i] < 256 ? table[label[i]]
                                                  : bits_of(classes, n_classes, label[i]);
}

double gn_loss_value(const struct gn_net_spec *spec, const struct gn_loss_spec *loss,
                     const float *prob, const int32_t *label, int64_t voxels)
{
    struct gn_err err = { 0 };
    const struct gn_loss_form *f = gn_loss_find(loss->name, &err);
    enum { CHUNK = 4096 };
    uint64_t bits[CHUNK];
    double sums[GN_MAX_CLASSES][4] = { { 0 } }, cel[2] = { 0, 0 };
    int C = spec->classes;
    if (!f || C > GN_MAX_CLASSES)
        return NAN;
    for (int64_t at = 0; at < voxels; at += CHUNK) {
        int64_t n = voxels - at < CHUNK ? voxels - at : CHUNK;
        gn_label_bits(loss->class_list, C, label + at, n, bits);
        if (f->cel) {
            for (int64_t i = 0; i < n; i++) {
                if (!bits[i])
                    continue;
                int k = __builtin_ctzll(bits[i]);
                double top = -INFINITY, sum = 0, w = loss->weights ? loss->weights[k] : 1;
                for (int c = 0; c < C; c++)
                    top = fmax(top, (double)prob[c * voxels + at + i]);
                for (int c = 0; c < C; c++)
                    sum += gn_vmath_exp((double)prob[c * voxels + at + i] - top);
                cel[0] += w * (top + gn_vmath_log(sum) - (double)prob[k * voxels + at + i]);
                cel[1] += w;
            }
            continue;
        }
        for (int c = 0; c < C; c++) {
            const float *p = prob + c * voxels + at;
            for (int64_t i = 0; i < n; i++) {
                int t = (int)(bits[i] >> c & 1);
                sums[c][0] += t ? (double)p[i] : 0;
                sums[c][1] += (double)p[i];
                sums[c][2] += t;
                sums[c][3] += gn_bce(f->bce, (double)p[i], t);
            }
        }
    }
    return f->cel ? cel[0] / cel[1]
                  : gn_loss_from_sums(f, C, loss->weights, sums[0], (double)voxels);
}
