/* net - whole networks on the reference backend against numbers computed with the public reference
 * (double precision): parameter counts, outputs in evaluation and training mode, and four training
 * steps. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "nn/net_private.h"

static const struct gn_class classes[3] = { { { 0 }, 1 }, { { 1 }, 1 }, { { 2 }, 1 } };

static struct gn_net_spec spec_of(const char *arch, int dim, int channels, int n, int base,
                                  enum gn_norm norm)
{
    return (struct gn_net_spec){ .arch = arch,
                                 .dim = dim,
                                 .channels = channels,
                                 .classes = n,
                                 .base_filters = base,
                                 .depth = 4,
                                 .norm = norm,
                                 .norm_running = true,
                                 .final = GN_FINAL_NONE,
                                 .sigmoid_multiplier = 1 };
}

/* --- parameter counts --- */

static int64_t count(const char *arch, int dim, int channels, int n, int base)
{
    struct gn_net_spec s = spec_of(arch, dim, channels, n, base, GN_NORM_BATCH);
    struct gn_err err = { 0 };
    struct gn_pass pass;
    int64_t sum = 0, patch[3] = { 32, 32, dim == 3 ? 32 : 1 };
    if (gn_net_graph(&s, NULL, 1, patch, &pass, &err) < 0)
        return -1;
    for (int i = 0; i < pass.g->n; i++)
        if (pass.g->node[i]->value == GN_VAL_PARAM)
            sum += gn_dims_count(&pass.g->node[i]->dims);
    gn_pass_free(&pass);
    return sum;
}

static void counts(void)
{
    static const char *const archs[] = { "unet", "light_unet", "fcn", "unet_multilayer",
                                         "light_unet_multilayer" };
    static const struct {
        int dim, channels, classes, base;
        int64_t n[5];
    } rows[] = {
        { 2, 3, 2, 32, { 11249314, 359586, 7861809, 11174722, 284994 } },
        { 2, 1, 2, 32, { 11248738, 359010, 7861233, 11174146, 284418 } },
        { 2, 3, 2, 30, { 9888032, 316352, 6910367, 9822422, 250742 } },
        { 2, 3, 2, 16, { 2816338, 91218, 1967905, 2797474, 72354 } },
        { 3, 1, 2, 32, { 33370018, 1062306, 23565873, 33146818, 839106 } },
        { 3, 4, 4, 32, { 33376068, 1068356, 23568477, 33151140, 843428 } },
        { 3, 4, 4, 30, { 29335864, 939784, 20715209, 29137954, 741874 } },
        { 3, 4, 4, 16, { 8350116, 270500, 5895229, 8292948, 213332 } },
    };
    for (size_t a = 0; a < 5; a++) {
        int good = 1;
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            good &= count(archs[a], rows[r].dim, rows[r].channels, rows[r].classes, rows[r].base) ==
                    rows[r].n[a];
        CHECK(archs[a], good);
    }
    CHECK("residuals add no parameters", count("resunet", 3, 4, 4, 16) == 8350116);
}

/* --- the recipe by which parameters and inputs are filled --- */

static void fill(struct gn_net *net)
{
    struct gn_net_param *p;
    int n = gn_net_params(net, &p), t = 0;
    for (int k = 0; k < n; k++) {
        double *w = net->wide + net->offset[k];
        int64_t count = gn_tensor_count(&p[k].tensor);
        const char *leaf = strrchr(p[k].name, '.') + 1;
        double fan = (double)count / (double)p[k].tensor.shape[0];
        for (int64_t j = 0; j < count; j++) {
            double x = (double)j;
            if (!strcmp(leaf, "running_mean"))
                w[j] = 0.1 * sin(x);
            else if (!strcmp(leaf, "running_var"))
                w[j] = 1 + 0.5 * cos(x);
            else if (!strcmp(leaf, "bias"))
                w[j] = 0.05 * sin(0.7 * x + t);
            else if (p[k].tensor.rank == 1)
                w[j] = 1 + 0.1 * cos(0.3 * x + t);
            else
                w[j] = sqrt(3 / fan) * sin(1.3 * x + fmod((0.11 * x) * x, 6.28318) + t);
        }
        t += p[k].trainable;
    }
}

static double *input(int64_t n)
{
    double *x = malloc((size_t)n * sizeof *x);
    for (int64_t j = 0; j < n; j++)
        x[j] = sin(0.013 * (double)j) + 0.5 * cos(0.37 * (double)j);
    return x;
}

static struct gn_optim_spec sgd(double momentum, bool nesterov, double decay)
{
    return (struct gn_optim_spec){ .name = "sgd",
                                   .momentum = momentum,
                                   .nesterov = nesterov,
                                   .weight_decay = decay,
                                   .clip_mode = "norm" };
}

/* --- fingerprints --- */

struct print {
    const char *arch;
    int dim, depth;
    enum gn_norm norm;
    double eval[5], train[5]; /* sum, sum of squares, first, middle, last */
};

static const struct print prints[] = {
    { "unet",
      2,
      4,
      GN_NORM_INSTANCE,
      { 971.301823552, 363.591063144, 0.355006705, 0.326313666, 0.035232608 },
      { 2152.701624707, 5847.447103116, 0.684564691, 1.147812623, 0.470686110 } },
    { "resunet",
      2,
      4,
      GN_NORM_INSTANCE,
      { 5975.529186248, 24183.198375153, 1.912727175, 0.805814639, 0.844553655 },
      { 2250.762626223, 7044.416596931, 0.584076843, 2.045699591, 0.860471976 } },
    { "light_unet",
      2,
      4,
      GN_NORM_INSTANCE,
      { 878.900132319, 296.787755306, 0.359385225, 0.323991424, 0.037413017 },
      { 2208.063079354, 5892.188169267, 0.616120126, 1.388862115, 0.540058734 } },
    { "unet_multilayer",
      2,
      4,
      GN_NORM_INSTANCE,
      { 116.443642349, 18.879491963, -0.126160818, -0.110368591, -0.043002517 },
      { 875.148488913, 4877.244274015, -0.661454462, -0.407803259, -0.431207404 } },
    { "fcn",
      2,
      4,
      GN_NORM_INSTANCE,
      { 337.979590662, 1011.086010006, -0.390663166, -0.220721045, -1.033315937 },
      { 1393.137702879, 4220.804904384, -0.375836598, -1.360599936, -1.814822510 } },
    { "unet",
      2,
      4,
      GN_NORM_BATCH,
      { 971.301823552, 363.591063144, 0.355006705, 0.326313666, 0.035232608 },
      { 2193.050749425, 5900.895316184, 0.482837489, 0.806009165, 0.560304480 } },
    { "resunet",
      2,
      4,
      GN_NORM_BATCH,
      { 5975.529186248, 24183.198375153, 1.912727175, 0.805814639, 0.844553655 },
      { 2239.824130374, 7401.093692554, 0.758970200, 2.051991145, 0.730718352 } },
    { "light_unet",
      2,
      4,
      GN_NORM_BATCH,
      { 878.900132319, 296.787755306, 0.359385225, 0.323991424, 0.037413017 },
      { 2198.370174904, 6073.222680101, 0.616803446, 1.429105628, 0.341445558 } },
    { "unet_multilayer",
      2,
      4,
      GN_NORM_BATCH,
      { 116.443642349, 18.879491963, -0.126160818, -0.110368591, -0.043002517 },
      { 874.511976028, 4903.878432064, -0.516989772, -0.207022450, -0.358184825 } },
    { "fcn",
      2,
      4,
      GN_NORM_BATCH,
      { 337.979590662, 1011.086010006, -0.390663166, -0.220721045, -1.033315937 },
      { 1403.616248548, 4248.987973819, -0.538333053, -1.049749403, -2.586815288 } },
    { "resunet",
      3,
      4,
      GN_NORM_INSTANCE,
      { 25794.642362784, 28436.470977196, 0.512298575, 0.417353078, -0.148064153 },
      { 35384.331406112, 60773.852718308, 0.374629298, 0.366890406, -0.314961457 } },
    { "fcn",
      3,
      4,
      GN_NORM_BATCH,
      { 7146.286432593, 6983.446514315, 0.293576080, -0.463468840, -0.049879486 },
      { -8720.697597993, 28383.837841937, -0.378542062, 0.240784261, 0.353548375 } },
    { "unet_multilayer",
      2,
      3,
      GN_NORM_BATCH,
      { 163.311659450, 43.452470783, 0.012088929, -0.004633104, -0.042963750 },
      { 774.156493393, 6028.482916273, 0.176426976, -1.374436268, -0.069524001 } },
    { "resunet_multilayer",
      2,
      4,
      GN_NORM_BATCH,
      { 1969.854649044, 6560.623423594, -0.794852436, -0.796561821, -0.384647736 },
      { 1044.726142429, 5540.939589979, -1.246656274, -1.391434741, -0.168994895 } },
    { "light_resunet_multilayer",
      2,
      4,
      GN_NORM_BATCH,
      { -39.584116469, 1680.336262682, -0.629466906, -0.443498487, -0.142142819 },
      { 925.833065502, 5111.127690909, -0.621174174, -0.107413491, -0.219742251 } },
};

/* The table has nine decimals: half a unit of them, and 1e-9 relative. */
static int near(double a, double b)
{
    return fabs(a - b) <= 5.1e-10 + 1e-9 * fabs(b);
}

static int matches(const double *y, int64_t n, const double want[5])
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += y[i];
        squares += y[i] * y[i];
    }
    double got[5] = { sum, squares, y[0], y[n / 2], y[n - 1] };
    int good = 1;
    for (int i = 0; i < 5; i++)
        if (!near(got[i], want[i])) {
            printf("# %d: %.12g is not %.12g\n", i, got[i], want[i]);
            good = 0;
        }
    return good;
}

static void fingerprints(void)
{
    for (size_t i = 0; i < sizeof prints / sizeof *prints; i++) {
        const struct print *f = &prints[i];
        int64_t batch = f->dim == 2 ? 2 : 1, patch[3] = { 32, 32, f->dim == 3 ? 32 : 1 },
                voxels = patch[0] * patch[1] * patch[2];
        struct gn_net_spec s = spec_of(f->arch, f->dim, f->dim == 2 ? 2 : 1, f->dim == 2 ? 3 : 2, 4,
                                       f->norm);
        struct gn_loss_spec l = { .name = "dc", .class_list = classes, .ignore = -1 };
        struct gn_optim_spec o = sgd(0, false, 0);
        struct gn_err err = { 0 };
        char name[96];
        bool skipped;
        double loss;
        s.depth = f->depth;
        struct gn_net *net = gn_net_new(&s, &l, &o, true, "ref", batch, patch, 0, &err);
        snprintf(name, sizeof name, "%s %s %d-D", f->arch,
                 f->norm == GN_NORM_BATCH ? "batch" : "instance", f->dim);
        if (!CHECK(name, net != NULL)) {
            printf("# %s\n", err.text);
            continue;
        }
        net->exact = true;
        fill(net);
        double *x = input(batch * s.channels * voxels);
        int32_t *label = calloc((size_t)(batch * voxels), sizeof *label);
        CHECK("evaluation",
              gn_net_forward_wide(net, batch, NULL, x, NULL, &err) == 0 &&
                  matches(net->eval.x.value[net->eval.out], batch * s.classes * voxels, f->eval));
        CHECK("training", gn_net_step_wide(net, batch, NULL, x, label, NULL, 0, -1, &loss, NULL,
                                           &skipped, &err) == 0 &&
                              matches(net->train.x.value[net->train.out],
                                      batch * s.classes * voxels, f->train));
        free(x);
        free(label);
        gn_net_free(net);
    }
}

/* --- training steps --- */

struct run {
    const char *name, *arch;
    enum gn_norm norm;
    const char *loss;
    double weights[3]; /* all 0: none */
    struct gn_optim_spec optim;
    double rate, losses[4], norm1,
        sums[4]; /* sums of parameters, their squares, running means, running variances */
};

static void training(void)
{
    struct run runs[] = {
        { "unet instance, dc, SGD",
          "unet",
          GN_NORM_INSTANCE,
          "dc",
          { 0 },
          sgd(0.9, false, 0),
          0.1,
          { 0.662614928, 0.667051240, 0.652741489, 0.654690397 },
          14.332929761,
          { 543.2193351, 1528.3160601, -0.9579819, 467.4415840 } },
        { "unet batch, weighted dc, SGD with nesterov and decay",
          "unet",
          GN_NORM_BATCH,
          "dc",
          { 0.2, 0.3, 0.5 },
          sgd(0.99, true, 3e-5),
          0.05,
          { 0.699905651, 0.677835299, 0.687086036, 0.673394543 },
          3.020843450,
          { 543.5181952, 1503.9751413, -1.1701855, 459.3971834 } },
        { "resunet instance, dc_log, Adam",
          "resunet",
          GN_NORM_INSTANCE,
          "dc_log",
          { 0 },
          { .name = "adam", .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 5e-5 },
          0.001,
          { 1.102702718, 1.026791251, 0.955944788, 0.915481612 },
          16.540851718,
          { 537.7153780, 1502.9633245, -0.9469504, 489.1344446 } },
        { "resunet batch, dcce, SGD, clipped",
          "resunet",
          GN_NORM_BATCH,
          "dcce",
          { 0 },
          sgd(0.9, false, 0),
          0.1,
          { 1.320775565, 1.311215682, 1.259142784, 1.237459829 },
          4.119173838,
          { 539.4734683, 1502.7171728, -0.7665936, 487.4338335 } },
        { "fcn instance, dc, SGD",
          "fcn",
          GN_NORM_INSTANCE,
          "dc",
          { 0 },
          sgd(0.9, false, 0),
          0.1,
          { 0.655296422, 0.603443080, 0.563866203, 0.489089436 },
          7.242580634,
          { 282.7173877, 885.2112483, -2.2938640, 252.9704838 } },
    };
    runs[3].optim.clip = 0.5;
    enum { SIDE = 32, VOXELS = SIDE * SIDE };
    int32_t label[2 * VOXELS];
    for (int n = 0; n < 2; n++)
        for (int x = 0; x < SIDE; x++) /* the reference's first spatial axis is our slower one */
            for (int y = 0; y < SIDE; y++)
                label[(n * SIDE + x) * SIDE + y] = x >= 16 && y >= 16           ? 2
                                                   : x >= 8 && x < 24 && y < 16 ? 1
                                                                                : 0;
    for (size_t r = 0; r < sizeof runs / sizeof *runs; r++) {
        struct run *u = &runs[r];
        struct gn_net_spec s = spec_of(u->arch, 2, 2, 3, 4, u->norm);
        struct gn_loss_spec l = { u->loss, classes, u->weights[0] > 0 ? u->weights : NULL, -1 };
        struct gn_err err = { 0 };
        int64_t patch[3] = { SIDE, SIDE, 1 };
        int good = 1;
        s.final = GN_FINAL_SOFTMAX;
        struct gn_net *net = gn_net_new(&s, &l, &u->optim, true, "ref", 2, patch, 0, &err);
        if (!CHECK("builds", net != NULL)) {
            printf("# %s\n", err.text);
            continue;
        }
        net->exact = true;
        fill(net);
        double *x = input(2 * 2 * VOXELS), loss, sums[4] = { 0 };
        for (int step = 0; step < 4; step++) {
            bool skipped;
            good &= gn_net_step_wide(net, 2, NULL, x, label, NULL, 0, u->rate, &loss, NULL,
                                     &skipped, &err) == 0 &&
                    !skipped;
            good &= near(loss, u->losses[step]);
            if (step == 0)
                good &= near(gn_net_gradient_norm(net), u->norm1);
        }
        CHECK(u->name, good);
        struct gn_net_param *p;
        int n = gn_net_params(net, &p);
        for (int k = 0; k < n; k++)
            for (int64_t j = 0; j < gn_tensor_count(&p[k].tensor); j++) {
                double v = net->wide[net->offset[k] + (size_t)j];
                if (p[k].trainable) {
                    sums[0] += v;
                    sums[1] += v * v;
                } else {
                    sums[strstr(p[k].name, "running_var") ? 3 : 2] += v;
                }
            }
        good = 1;
        for (int k = 0; k < 4; k++) {
            good &= fabs(sums[k] - u->sums[k]) <= 6e-8 + 1e-9 * fabs(u->sums[k]);
        }
        CHECK("parameters and running statistics after four steps", good);
        free(x);
        gn_net_free(net);
    }
}

/* --- what is refused before anything is planned --- */

static int trains(const struct gn_net_spec *s, const char *loss, int64_t batch, int64_t side,
                  const char *why)
{
    const struct gn_loss_spec l = { loss, classes, NULL, -1 };
    const int64_t patch[3] = { side, side, 1 };
    struct gn_err err = { 0 };
    int rc = gn_net_check_training(s, &l, batch, patch, &err);
    return why ? rc < 0 && strstr(err.text, why) : rc == 0;
}

static void refusals(void)
{
    struct gn_net_spec s = spec_of("unet", 2, 1, 2, 4, GN_NORM_INSTANCE);
    s.final = GN_FINAL_SOFTMAX;
    CHECK("a norm over a single value is found by the check of a training",
          trains(&s, "dc", 4, 16, "single value") && trains(&s, "dc", 4, 32, NULL));
    const int64_t patch[3] = { 16, 16, 1 };
    struct gn_err err = { 0 };
    CHECK("but the patch is good for inference", gn_net_check(&s, patch, &err) == 0);
    s.norm = GN_NORM_BATCH;
    CHECK("a batch norm wants a batch there",
          trains(&s, "dc", 1, 16, "or batch") && trains(&s, "dc", 2, 16, NULL));
    s.final = GN_FINAL_NONE;
    CHECK("so is a loss that the final layer does not go with",
          trains(&s, "ce", 2, 32, "final_layer"));
}

/* --memory: what is named as enough is enough, and less is not. */
static void memory(void)
{
    struct gn_net_spec s = spec_of("light_unet", 2, 1, 2, 16, GN_NORM_INSTANCE);
    const struct gn_loss_spec l = { "dc", classes, NULL, -1 };
    const int64_t patch[3] = { 128, 128, 1 };
    struct gn_optim_spec o;
    struct gn_err err = { 0 };
    double mib = 0;
    s.final = GN_FINAL_SOFTMAX;
    CHECK("adam", gn_optim_defaults("adam", &o, &err) == 0);
    for (uint64_t limit = 1; limit <= 1u << 22; limit <<= 22) {
        gn_err_clear(&err);
        struct gn_net *net = gn_net_new(&s, &l, &o, true, "cpu", 4, patch, limit, &err);
        const char *text = strstr(err.text, "give it ");
        CHECK("what does not fit is refused with the number that would",
              !net && text && sscanf(text, "give it %lfM", &mib) == 1 && mib > 4);
    }
    gn_err_clear(&err);
    uint64_t enough = (uint64_t)mib << 20;
    struct gn_net *net = gn_net_new(&s, &l, &o, true, "cpu", 4, patch, enough, &err);
    CHECK("that number fits", net && gn_net_peak_bytes(net) <= enough);
    gn_net_free(net);
    net = gn_net_new(&s, &l, &o, true, "cpu", 4, patch, enough - (1u << 20), &err);
    CHECK("one MiB less does not", !net);
    gn_net_free(net);
}

int main(void)
{
    refusals();
    memory();
    counts();
    fingerprints();
    training();
    return check_done();
}
