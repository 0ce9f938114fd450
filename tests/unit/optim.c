/* optim - optimisers and schedules against values computed with PyTorch. */
#include "check.h"

#include <stdlib.h>

#include "nn/optim.h"

static void steps(const char *name, const char *type, const double want[3], int paper_era)
{
    struct gn_optim_spec spec;
    struct gn_optim o;
    struct gn_err err = { 0 };
    double th[3] = { 1, -2, 0.5 }, g[3], state[3][3] = { { 0 } };
    float fth[3] = { 1, -2, 0.5 }, fg[3], fstate[3][3] = { { 0 } };
    double *s[3] = { state[0], state[1], state[2] };
    float *fs[3] = { fstate[0], fstate[1], fstate[2] };
    int good = gn_optim_defaults(type, &spec, &err) == 0;
    if (paper_era) {
        spec.momentum = 0.9;
        spec.nesterov = false;
        spec.weight_decay = 0;
    }
    good &= gn_optim_find(&spec, &o, &err) == 0;
    for (int k = 1; k <= 5 && good; k++) {
        for (int i = 0; i < 3; i++) {
            g[i] = sin(i + k) * (0.5 + 0.1 * k) + 0.1 * th[i];
            fg[i] = (float)(sin(i + k) * (0.5 + 0.1 * k) + 0.1 * (double)fth[i]);
        }
        gn_optim_double(&o, &spec, k, 0.01, 1, 0, th, g, s, 3);
        gn_optim_float(&o, &spec, k, 0.01, 1, 0, fth, fg, fs, 3);
    }
    for (int i = 0; i < 3; i++)
        good &= fabs(th[i] - want[i]) < 1e-12 && fabs((double)fth[i] - want[i]) < 1e-6;
    CHECK(name, good);
}

static void schedules(void)
{
    static const struct {
        const char *name;
        double lr[12];
    } rows[] = {
        { "constant", { 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01 } },
        { "triangle",
          { 0.01, 0.0075025, 0.005005, 0.0025075, 1e-05, 0.0025075, 0.005005, 0.0075025, 0.01,
            0.0075025, 0.005005, 0.0025075 } },
        { "triangle_modified",
          { 0.01, 0.005005, 1e-05, 0.005005, 0.01, 0.005005, 1e-05, 0.005005, 0.01, 0.005005, 1e-05,
            0.005005 } },
        { "triangular",
          { 1e-05, 0.0025075, 0.005005, 0.0075025, 0.01, 0.0075025, 0.005005, 0.0025075, 1e-05,
            0.0025075, 0.005005, 0.0075025 } },
        { "exp_range",
          { 1e-05, 0.00025975, 5.995e-05, 1.74925e-05, 1.0999e-05, 1.0074925e-05, 1.0004995e-05,
            1.000025e-05, 1e-05, 1.0000002e-05, 1e-05, 1e-05 } },
        { "exp", { 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13 } },
        { "step", { 1e-2, 1e-2, 1e-2, 1e-2, 1e-3, 1e-3, 1e-3, 1e-3, 1e-4, 1e-4, 1e-4, 1e-4 } },
        { "cosineannealing",
          { 0.01, 0.0091405765, 0.0068905765, 0.0041094235, 0.0018594235, 0.01, 0.0091405765,
            0.0068905765, 0.0041094235, 0.0018594235, 0.01, 0.0091405765 } },
        { "cosineannealinglr",
          { 0.01, 0.0099911203, 0.0099645162, 0.0099202926, 0.0098586242, 0.0097797543,
            0.0096839942, 0.0095717217, 0.0094433801, 0.0092994757, 0.0091405765, 0.0089673096 } },
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct gn_schedule_spec s = { .name = rows[r].name, .step_size = 4 };
        int good = 1;
        for (int e = 0; e < 12; e++)
            good &= fabs(gn_schedule_rate(&s, 0.01, e) - rows[r].lr[e]) <=
                    5.1e-11 + 1e-12 * rows[r].lr[e];
        CHECK(rows[r].name, good);
    }
    struct gn_schedule_spec s = { .name = "triangle_modified" };
    int good = 1;
    for (int e = 0; e < 100; e++)
        good &= gn_schedule_rate(&s, 0.001, e) == 0.001;
    CHECK("triangle_modified with the default step size is a constant rate", good);
    static const char *const cycles[] = { "triangular", "exp_range" };
    for (int k = 0; k < 2; k++) {
        s.name = cycles[k];
        good = 1;
        for (int e = 0; e < 12; e++)
            good &= gn_schedule_rate(&s, 0.001, e) == 0.001;
        CHECK("a cycle of no length stays at the learning rate", good);
    }
}

static void clamps(void)
{
    struct gn_optim_spec spec = { .name = "sgd", .clip = 0.5, .clip_mode = "value" };
    struct gn_optim o;
    struct gn_err err = { 0 };
    float th[3] = { 0, 0, 0 };
    static const float g[3] = { 2, -0.25f, -3 };
    CHECK("sgd without momentum keeps no state",
          gn_optim_find(&spec, &o, &err) == 0 && o.arrays == 0);
    gn_optim_float(&o, &spec, 1, 1, 1, 0.5, th, g, (float *[3]){ NULL }, 3);
    CHECK("clipping by value", th[0] == -0.5f && th[1] == 0.25f && th[2] == 0.5f);
    gn_optim_float(&o, &spec, 1, 1, 0.25, 0, th, g, (float *[3]){ NULL }, 3);
    CHECK("scaling of the gradient", th[0] == -1.0f && th[1] == 0.3125f && th[2] == 1.25f);
    err.code = 0;
    CHECK("an unknown optimizer names its neighbour",
          gn_optim_defaults("adm", &spec, &err) < 0 && strstr(err.text, "adam"));
}

int main(void)
{
    steps("sgd with its defaults", "sgd",
          (const double[]){ 0.954905268193, -1.942413822993, 0.535649800877 }, 0);
    steps("sgd of the paper's era", "sgd",
          (const double[]){ 0.963934541114, -1.963842799168, 0.527127222236 }, 1);
    steps("adam", "adam", (const double[]){ 0.968862318221, -1.995790492260, 0.511857634719 }, 0);
    steps("adamw", "adamw", (const double[]){ 0.968861539503, -1.995791931927, 0.511857876686 }, 0);
    schedules();
    clamps();
    return check_done();
}
