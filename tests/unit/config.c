/* config.c - reading, resolving and printing configs; the chain of commands; names against those
 * that nn knows. */
#include "config/config.h"

#include <stdlib.h>
#include <strings.h>

#include "check.h"
#include "config/pipeline.h"
#include "config/reader.h"
#include "nn/net.h"

/* A config that is good, with lines added at its end. */
static const char base[] = "version: {minimum: 0.0.14, maximum: 0.1.6}\n"
                           "modality: rad\n"
                           "patch_size: [48, 32, 16]\n"
                           "model: {architecture: unet, final_layer: softmax, class_list: [0, 1]}\n"
                           "metrics: [dice]\n"
                           "nested_training: {testing: -5, validation: -5}\n";

static struct gn_config c;
static struct gn_strs faults;
static struct gn_err err;

static int parse_text(const char *text)
{
    gn_config_free(&c);
    gn_strs_free(&faults);
    gn_err_clear(&err);
    return gn_config_parse(&c, "c.yaml", text, strlen(text), &faults, &err);
}

/* The base with more lines; a line that begins with one of its keys replaces that line. */
static int parse(const char *more)
{
    struct gn_str text = { 0 };
    for (const char *p = base; *p;) {
        size_t n = strcspn(p, "\n") + 1, key = strcspn(p, ":") + 1;
        bool replaced = false;
        for (const char *q = more; q; q = strchr(q, '\n') ? strchr(q, '\n') + 1 : NULL)
            replaced = replaced || !strncmp(q, p, key);
        if (!replaced)
            gn_str_addn(&text, p, n);
        p += n;
    }
    gn_str_addf(&text, "%s\n", more);
    int rc = parse_text(gn_str_text(&text));
    gn_str_free(&text);
    return rc;
}

static bool said(const struct gn_strs *list, const char *part)
{
    for (size_t i = 0; i < list->n; i++)
        if (strstr(list->item[i], part))
            return true;
    return false;
}

/* Exactly one fault, holding this text. */
static bool refused(const char *more, const char *why)
{
    bool good = parse(more) == -1 && faults.n == 1 && said(&faults, why);
    for (size_t i = 0; !good && i < faults.n; i++)
        printf("# %s\n", faults.item[i]);
    return good;
}

static bool noted(const char *more, const char *what)
{
    return parse(more) == 0 && said(&c.notes, what);
}

/* The chain, stages joined by " | ". */
static bool chain_is(const char *more, bool training, const char *want)
{
    struct gn_strs list = { 0 };
    struct gn_str text = { 0 };
    if (parse(more)) {
        printf("# %s\n", faults.n ? faults.item[0] : "?");
        return false;
    }
    gn_config_chain(&c, training, &list);
    for (size_t i = 0; i < list.n; i++)
        gn_str_addf(&text, "%s%s", i ? " | " : "", list.item[i]);
    bool same = !strcmp(gn_str_text(&text), want);
    if (!same)
        printf("# got: %s\n", gn_str_text(&text));
    gn_str_free(&text);
    gn_strs_free(&list);
    return same;
}

static bool in_list(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (!strcasecmp(*names, name))
            return true;
    return false;
}

/* Every name that nn has is built here, and the other way round. */
static bool same_names(const char *path, const char *const *names, const char *only_here)
{
    const struct gn_choice *choices = gn_config_key(path, NULL)->choices;
    bool same = true;
    for (size_t i = 0; names[i]; i++) {
        const struct gn_choice *k = gn_choice_find(choices, names[i]);
        if (!k || !k->built) {
            printf("# %s: %s is in nn only\n", path, names[i]);
            same = false;
        }
    }
    for (const struct gn_choice *k = choices; k->name; k++)
        if (k->built && !in_list(names, k->name) && strcmp(k->name, only_here)) {
            printf("# %s: %s is not in nn\n", path, k->name);
            same = false;
        }
    return same;
}

static void test_names(void)
{
    CHECK("architectures are those that nn builds",
          same_names("model.architecture", gn_arch_names, ""));
    CHECK("losses are those that nn has", same_names("loss_function", gn_loss_names, ""));
    CHECK("optimisers are those that nn has", same_names("optimizer", gn_optim_names, ""));
    CHECK("schedulers are those that nn has", same_names("scheduler", gn_schedule_names, ""));
    bool same = true;
    for (size_t i = 0; gn_optim_names[i]; i++) {
        struct gn_optim_spec o = { 0 };
        char *more = gn_asprintf("optimizer: %s", gn_optim_names[i]);
        bool adam = strcmp(gn_optim_names[i], "sgd") != 0;
        same = same && !parse(more) && !gn_optim_defaults(gn_optim_names[i], &o, &err) &&
               c.weight_decay == o.weight_decay &&
               (adam ? c.beta1 == o.beta1 && c.beta2 == o.beta2 && c.eps == o.eps &&
                           c.amsgrad == o.amsgrad
                     : c.momentum == o.momentum && c.dampening == o.dampening &&
                           c.nesterov == o.nesterov);
        free(more);
    }
    CHECK("optimisers' defaults are those of nn", same);
    same = true;
    for (size_t i = 0; gn_arch_names[i]; i++)
        for (int64_t side = 1; side <= 96; side++) {
            struct gn_net_spec spec = { .arch = gn_arch_names[i],
                                        .dim = 3,
                                        .channels = 1,
                                        .classes = 2,
                                        .base_filters = 8,
                                        .depth = 4,
                                        .norm = GN_NORM_INSTANCE,
                                        .final = GN_FINAL_SOFTMAX,
                                        .sigmoid_multiplier = 1,
                                        .dropout = 0.5 };
            const int64_t patch[3] = { side, 96, 96 };
            const char *canonical =
                gn_choice_find(gn_config_key("model.architecture", NULL)->choices, gn_arch_names[i])
                    ->name;
            int64_t multiple, least;
            gn_config_patch_rule(canonical, 4, &multiple, &least);
            gn_err_clear(&err);
            bool here = side >= least && side % multiple == 0,
                 there = gn_net_check(&spec, patch, &err) == 0;
            if (here != there) {
                printf("# %s with side %lld: %d here, %d in nn %s\n", gn_arch_names[i],
                       (long long)side, here, there, err.text);
                same = false;
            }
        }
    CHECK("the sides a patch may have are those that nn takes", same);
}

static void test_reading(void)
{
    CHECK("the smallest config is good", parse("") == 0 && faults.n == 0);
    CHECK("defaults: adam at 0.001, dice, constant rate, uniform sampler",
          !strcmp(c.optimizer, "adam") && c.learning_rate == 0.001 && !strcmp(c.loss, "dc") &&
              c.sched_step_size == 0 && !strcmp(c.sampler, "uniform") &&
              !strcmp(c.norm_type, "batch") && !strcmp(c.norm_eval, "instance") &&
              c.num_epochs == 100 && c.batch_size == 1 && c.base_filters == 32 &&
              c.ignore_label == -1 && c.clip_grad == 0);
    CHECK("three patch numbers make it 3-D",
          c.dimension == 3 && c.patch[0] == 48 && c.patch[1] == 32 && c.patch[2] == 16);
    CHECK("two make it 2-D", !parse("patch_size: [64, 32]") && c.dimension == 2 && c.patch[2] == 1);
    CHECK("one is repeated", !parse("patch_size: 64\nmodel: {architecture: unet, final_layer: "
                                    "softmax, class_list: [0, 1], dimension: 2}") &&
                                 c.patch[1] == 64 && c.patch[2] == 1 && c.dimension == 2);
    CHECK("2-D with three numbers, the last 1",
          !parse("patch_size: [64, 64, 1]\nmodel: {architecture: unet, final_layer: softmax, "
                 "class_list: [0, 1], dimension: 2}") &&
              c.dimension == 2);
    CHECK("numbers without a point: 1e-3",
          !parse("learning_rate: 1e-3") && c.learning_rate == 0.001);
    CHECK("a bare key in a flow mapping is a step, in order",
          !parse("data_preprocessing: {'normalize', 'clip': {'min': 0}}") && c.pre.n == 2 &&
              !strcmp(c.pre.step[0].name, "normalize") &&
              c.pre.step[0].value->kind == GN_YAML_NULL && !strcmp(c.pre.step[1].name, "clip"));
    CHECK("optimizer as a mapping",
          !parse("optimizer: {type: SGD, momentum: 0.9, nesterov: false}") &&
              !strcmp(c.optimizer, "sgd") && c.momentum == 0.9 && !c.nesterov &&
              c.weight_decay == 3e-5);
    CHECK("null is the default", !parse("clip_grad: null\nbatch_size: ~\nscheduler: None") &&
                                     c.clip_grad == 0 && c.batch_size == 1);
    CHECK("final_layer: none and null are a name",
          !parse("model: {architecture: unet, final_layer: None, class_list: [0, 1]}") &&
              !strcmp(c.final_layer, "none") &&
              !parse("model: {architecture: unet, final_layer: , class_list: [0, 1]}") &&
              !strcmp(c.final_layer, "none"));
    CHECK("GaNDLF's other spellings are the same names",
          !parse("model: {architecture: ResidualUNet, final_layer: soft, class_list: [0, "
                 "1]}\nloss_function: dice_log\nmodality: path\n"
                 "patch_sampler: LabelSampler\nmetrics: {hausdorff95: {}}") &&
              !strcmp(c.architecture, "resunet") && !strcmp(c.final_layer, "softmax") &&
              !strcmp(c.loss, "dc_log") && !strcmp(c.modality, "histo") &&
              !strcmp(c.sampler, "label") && !strcmp(c.metrics.item[0], "hd95"));
    CHECK("augmentations get their parameters, whatever their case",
          !parse("data_augmentation: {default_probability: 0.25, Flip: {axis: 1}, noise: }") &&
              c.aug.n == 2 &&
              !strcmp(gn_yaml_get(c.aug.step[0].value, "probability")->text, "0.25") &&
              gn_yaml_get(c.aug.step[0].value, "axis")->n == 1 &&
              gn_yaml_get(c.aug.step[1].value, "std")->n == 2);
    CHECK("precision: 16-mixed is amp", noted("precision: 16-mixed", "model.amp") && c.amp);
    CHECK("weights by position", !parse("penalty_weights: {1: 0.75, 0: 0.25}") &&
                                     c.penalty_weights[0] == 0.25 && c.penalty_weights[1] == 0.75);
    CHECK("what is passed over is one note",
          !parse("q_num_workers: 4\nverbose: true\nin_memory: false") && c.notes.n == 1 &&
              said(&c.notes, "no effect here: q_num_workers, verbose, in_memory"));
    CHECK("a scheduler without a step_size is told to be constant",
          noted("scheduler: step", "constant"));
    CHECK("triangular without a step_size stays at learning_rate",
          !parse("scheduler: triangular") && !strcmp(c.scheduler, "constant") &&
              !parse("scheduler: exp_range") && !strcmp(c.scheduler, "constant") &&
              !parse("scheduler: {type: triangular, step_size: 3}") &&
              !strcmp(c.scheduler, "triangular"));
    CHECK("cosine: T_max and eta_min",
          !parse("scheduler: {type: cosineannealinglr, T_max: 20, eta_min: 1e-5}") &&
              c.sched_step_size == 20 && c.sched_min_lr == 1e-5);
}

static void test_versions(void)
{
    CHECK("0.0.14 to 0.1.6 is read", !parse("version: {minimum: 0.0.14, maximum: 0.1.6}"));
    CHECK("0.1.6 to 0.1.6 is read", !parse("version: {minimum: 0.1.6, maximum: 0.1.6}"));
    CHECK("0.1.6-dev is before 0.1.6",
          !parse("version: {minimum: 0.1.6-dev, maximum: 0.1.6}") &&
              refused("version: {minimum: 0.1.6, maximum: 0.1.6-dev}", "above maximum"));
    CHECK("0.0.16-dev is after 0.0.14 and before 0.0.16",
          !parse("version: {minimum: 0.0.14, maximum: 0.0.16-dev}") &&
              !parse("version: {minimum: 0.0.16-dev, maximum: 0.0.16}"));
    CHECK("a later version is refused, with both ranges",
          refused("version: {minimum: 0.2.0, maximum: 0.3.0}",
                  "0.2.0 to 0.3.0 is outside what is read here, 0.0.14 to 0.1.6"));
    CHECK("an earlier one too", refused("version: {minimum: 0.0.1, maximum: 0.0.13}", "outside"));
    CHECK("a missing version is a note",
          !parse_text(strchr(base, '\n') + 1) && said(&c.notes, "version"));
    CHECK("half a version is refused", refused("version: {minimum: 0.1.0}", "maximum: required"));
}

static void test_older(void)
{
    const char *model = "model: {architecture: unet, final_layer: softmax, class_list: [0, 1]";
    char *m1 = gn_asprintf("%s, n_channels: 4}", model),
         *m2 = gn_asprintf("%s, batch_norm: true}", model);
    CHECK(
        "psize is patch_size",
        parse_text(
            "version: {minimum: 0.0.14, maximum: 0.1.6}\nmodality: rad\npsize: [32, 32, 32]\n"
            "model: {architecture: unet, final_layer: softmax, class_list: [0, 1]}\nmetrics: "
            "[dice]\n"
            "nested_training: {holdout: -3, proportional: true, stratified: false}\nopt: sgd\n") ==
                0 &&
            c.patch[0] == 32 && said(&c.notes, "psize: read as patch_size") && c.notes.n == 4);
    CHECK("holdout is testing, proportional wins, opt is optimizer",
          c.testing == -3 && c.stratified && !strcmp(c.optimizer, "sgd"));
    CHECK("n_channels is num_channels",
          noted(m1, "model.n_channels: read as num_channels") && c.channels == 4);
    CHECK("batch_norm is norm_type: batch",
          noted(m2, "read as model.norm_type") && !strcmp(c.norm_type, "batch"));
    CHECK(
        "kcross_validation is refused with a hint",
        parse_text(
            "version: {minimum: 0.0.14, maximum: 0.1.6}\nmodality: rad\npatch_size: 32\n"
            "model: {dimension: 3, architecture: unet, final_layer: softmax, class_list: [0, 1]}\n"
            "metrics: [dice]\nkcross_validation: 5\n") == -1 &&
            faults.n == 1 && said(&faults, "c.yaml:6:1: kcross_validation: no longer a key"));
    CHECK("enable_padding and grid_aggregator_overlap at the top",
          noted("enable_padding: true\ngrid_aggregator_overlap: average",
                "enable_padding: read as") &&
              c.enable_padding && !strcmp(c.stitch, "average"));
    CHECK("patch_sampler: {label: {padding_type: edge}}",
          !parse("patch_sampler: {label: {padding_type: edge}}") && !strcmp(c.sampler, "label") &&
              !strcmp(c.padding_mode, "edge"));
    CHECK("resize at the top is resize_image",
          chain_is("patch_size: [32, 32]\nresize: [64, 64]", false, "gn-resample --size 64,64,1") &&
              said(&c.notes, "resize: read as"));
    free(m1);
    free(m2);
}

static void test_faults(void)
{
    CHECK("an unknown key names the nearest, with line and column",
          refused("batchsize: 3", "c.yaml:7:1: batchsize: unknown key; the nearest is batch_size"));
    CHECK(
        "inside a section too",
        refused(
            "model: {architecture: unet, final_layer: softmax, class_list: [0, 1], base_filter: 3}",
            "c.yaml:6:71: model.base_filter: unknown key; the nearest is base_filters"));
    CHECK("all faults at once, in the file's order",
          parse("batch_size: 0\nfoo: 1\nlearning_rate: x\nnum_epochs: 1.5") == -1 &&
              faults.n == 4 && strstr(faults.item[0], "batch_size: must be at least 1: 0") &&
              strstr(faults.item[1], "foo") && strstr(faults.item[2], "must be a number: x") &&
              strstr(faults.item[3], "whole number") && strstr(err.text, "4 faults"));
    CHECK("missing keys are told",
          parse_text("version: {minimum: 0.0.14, maximum: 0.1.6}\n") == -1 &&
              said(&faults, "modality: required") && said(&faults, "patch_size: required") &&
              said(&faults, "model: required") && said(&faults, "metrics: required") &&
              said(&faults, "nested_training: required") && faults.n == 5);
    CHECK("a name that exists elsewhere says so",
          refused("model: {architecture: unetr, final_layer: softmax, class_list: [0, 1]}",
                  "unetr is not available in this version (allowed: unet, resunet"));
    CHECK("a name that does not is told from that",
          refused("optimizer: adamm", "not a valid option: adamm; the nearest is adam"));
    CHECK("another spelling may be the nearest; whose it is is told",
          refused("loss_function: dyce", "dyce; the nearest is dice, another name of dc (allowed"));
    CHECK("private training is refused",
          refused("differential_privacy: {noise_multiplier: 1}", "not available in this version"));
    CHECK("and may be off",
          !parse("differential_privacy: false\nmedcam: null\nsave_training: false"));
    CHECK(
        "openvino is refused",
        refused(
            "model: {architecture: unet, final_layer: softmax, class_list: [0, 1], type: openvino}",
            "openvino is not available"));
    CHECK("64 bits are refused", refused("precision: 64", "64 is not available") &&
                                     refused("precision: '64-true'", "64 is not available"));
    CHECK("a stain without a target is refused by line",
          refused("data_preprocessing:\n  normalize:\n  stain_normalizer:\n    extractor: macenko",
                  "c.yaml:9:3: data_preprocessing.stain_normalizer.target: required"));
    CHECK("a way of finding stains that does not exist",
          refused("data_preprocessing: {stain_normalization: {target: a.png, extractor: reinhard}}",
                  "extractor: not a valid option: reinhard"));
    CHECK("a step switched off is none",
          !parse("data_preprocessing: {histogram_matching: false, normalize: true}") &&
              c.pre.n == 1);
    CHECK("spatial has a hint",
          refused("data_augmentation: {spatial}", "write affine and elastic"));
    CHECK("norm_type none is refused for these networks",
          refused("model: {architecture: unet, final_layer: softmax, class_list: [0, 1], "
                  "norm_type: none}",
                  "none is not available"));
    CHECK("0 test folds", refused("nested_training: {testing: 0, validation: -5}",
                                  "nested_training.testing: must not be 0"));
    CHECK("1 validation fold", refused("nested_training: {testing: 1, validation: 1}",
                                       "nested_training.validation: must be at least 2"));
    CHECK("-1 test folds act as 1", !parse("nested_training: {testing: -1, validation: 5}"));
    CHECK("a group's expression needs a group",
          refused("nested_training: {testing: 1, validation: 5, group_regex: '^p'}",
                  "needs a group"));
    CHECK("one of clip and threshold",
          refused("data_preprocessing: {clip: {min: 0}, threshold: {max: 3}}", "only one of"));
    CHECK("clip without an end", refused("data_preprocessing: {clip: }", "needs min, max or both"));
    CHECK("min above max",
          refused("data_preprocessing: {clip: {min: 3, max: 1}}", "min 3 is above max 1"));
    CHECK("an unknown parameter of a step",
          refused("data_preprocessing: {rescale: {percentile: [1, 99]}}",
                  "unknown key; the nearest is percentiles"));
    CHECK("a patch that does not fit the network",
          refused("patch_size: [40, 32, 32]",
                  "40 is no multiple of 16, which unet needs (nearest: 32, 48)"));
    CHECK("a patch that is too small",
          refused("patch_size: [32, 32, 8]", "8 is too small for unet, which needs 16"));
    CHECK("sides of one length are told once",
          refused("patch_size: [40, 40, 40]", "40 is no multiple of 16") &&
              refused("patch_size: [32, 8, 8]", "8 is too small"));
    CHECK("sides of two lengths twice", parse("patch_size: [40, 24, 40]") == -1 && faults.n == 2);
    CHECK("microns", refused("patch_size: [100m, 100m]", "microns"));
    CHECK("half voxels", refused("patch_size: [48.5, 32, 32]", "whole number"));
    CHECK("two numbers but 3-D", refused("patch_size: [64, 64]\nmodel: {architecture: unet, "
                                         "final_layer: softmax, class_list: [0, 1], dimension: 3}",
                                         "two numbers"));
    CHECK("an odd overlap", refused("inference_mechanism: {patch_overlap: 3}", "must be even"));
    CHECK("an overlap as large as the patch",
          refused("inference_mechanism: {patch_overlap: [16, 16, 16]}", "smaller than the patch"));
    CHECK(
        "a class_list of another length",
        refused(
            "model: {architecture: unet, final_layer: softmax, class_list: [0, 1], num_classes: 3}",
            "is 3, but class_list has 2"));
    CHECK("no class_list", refused("model: {architecture: unet, final_layer: softmax}",
                                   "model.class_list: required"));
    CHECK("weights for another number of classes",
          refused("penalty_weights: {0: 1}", "each of the 2 classes"));
    CHECK("a key written under two spellings", refused("psize: [32, 32, 32]", "already written"));
    CHECK("no YAML is one fault with its place", parse_text("a: [1, 2\nb: 3\n") == -1 &&
                                                     faults.n == 1 &&
                                                     strstr(faults.item[0], "c.yaml:2:"));
    CHECK("an empty file", parse_text("") == -1 && faults.n == 1);
}

/* The values that the classes of a list decode to. A mapping follows, which unions need. */
static bool values_are(const char *list, int n, const int64_t *want)
{
    char *more = gn_asprintf(
        "model: {architecture: unet, final_layer: softmax, class_list: %s}\n"
        "data_postprocessing_after_reverse_one_hot_encoding: {mapping: {1: 1}}",
        list);
    bool same = parse(more) == 0 && c.n_classes == n;
    for (int k = 0; same && want && k < n; k++)
        same = gn_config_class_value(&c, k) == want[k];
    free(more);
    return same;
}

static void test_classes(void)
{
    CHECK("labels stand for themselves", values_are("[0, 1, 2, 4]", 4, (int64_t[]){ 0, 1, 2, 4 }));
    CHECK("0 and 255", values_are("[0, 255]", 2, (int64_t[]){ 0, 255 }));
    CHECK("with || and 0, classes are numbered from 0",
          values_are("[0, 1||2, 2]", 3, (int64_t[]){ 0, 1, 2 }));
    CHECK("with || and without 0, from 1", values_are("[1||2, 2]", 2, (int64_t[]){ 1, 2 }));
    CHECK("one text with ||", values_are("'[0,1||2||3,1||4,4]'", 4, (int64_t[]){ 0, 1, 2, 3 }) &&
                                  c.classes[1].n == 3 && c.classes[1].value[2] == 3 &&
                                  !strcmp(c.classes[2].text, "1||4"));
    CHECK("blanks and quotes in the text",
          values_are("'[ 0, 1 || 2 , \"4\"]'", 3, (int64_t[]){ 0, 1, 2 }) &&
              !strcmp(c.classes[1].text, "1||2"));
    CHECK("a range", values_are("'[*range(0,5,2)]'", 3, (int64_t[]){ 0, 2, 4 }) &&
                         values_are("'[*range(3)]'", 3, (int64_t[]){ 0, 1, 2 }) &&
                         values_are("'[*range(0,100,1)]'", 100, NULL) &&
                         gn_config_class_value(&c, 99) == 99);
    CHECK(
        "&& is refused",
        refused("model: {architecture: unet, final_layer: softmax, class_list: [0, 1&&2]}", "&&"));
    CHECK("no number",
          refused("model: {architecture: unet, final_layer: softmax, class_list: [0, tumour]}",
                  "whole numbers"));
    CHECK("twice the same",
          refused("model: {architecture: unet, final_layer: softmax, class_list: [0, 1, 1]}",
                  "twice"));
    CHECK("an endless range", refused("model: {architecture: unet, final_layer: softmax, "
                                      "class_list: '[*range(0,9000000000000000000)]'}",
                                      "more than"));
    CHECK("|| needs a way back",
          refused("model: {architecture: unet, final_layer: softmax, class_list: [0, 1||2]}",
                  "mapping"));
    CHECK("post-processing is there", !parse("data_postprocessing: {cca}"));
    CHECK("a superset after its part is told",
          values_are("[0, 1||4, 1||2||4, 4]", 4, (int64_t[]){ 0, 1, 2, 3 }) &&
              said(&c.notes, "1||2||4 covers the earlier 1||4"));
}

static void test_chain(void)
{
    CHECK(
        "steps in the order written, the normalisation last",
        chain_is(
            "data_preprocessing: {normalize_nonZero, clip: {min: -900, max: 300}, resample: "
            "{resolution: [1, 1, 1]}}",
            true,
            "gn-normalize --clip -900,300 | gn-resample -s 1,1,1 | gn-normalize --zscore nonzero"));
    CHECK("the first normalisation counts",
          chain_is("data_preprocessing: {normalize, to_canonical, normalize_positive}", false,
                   "gn-resample --canonical | gn-normalize --zscore full") &&
              said(&c.notes, "left out"));
    CHECK("open ends stay empty",
          chain_is("data_preprocessing: {clip: {max: 300}}", false, "gn-normalize --clip ,300") &&
              chain_is("data_preprocessing: {threshold: {min: 10}}", false,
                       "gn-normalize --threshold 10,"));
    CHECK("histogram_matching with a target, to a ramp, adaptive, and switched off",
          chain_is("data_preprocessing: {histogram_matching: {target: 'a b.nii', "
                   "num_hist_level: 256, num_match_points: 7}}",
                   false, "gn-normalize --histogram-match 'a b.nii' --levels 256 --points 7") &&
              chain_is("data_preprocessing: {histogram_matching}", false,
                       "gn-normalize --equalize") &&
              chain_is("data_preprocessing: {histogram_matching: {target: None, "
                       "num_match_points: 8}}",
                       false, "gn-normalize --equalize --points 8") &&
              chain_is("data_preprocessing: {histogram_matching: {target: adaptive}}", false,
                       "gn-normalize --adaptive-equalize") &&
              chain_is("data_preprocessing: {histogram_matching: {target: false}}", false, ""));
    CHECK("the equalisations by name, and alpha under all spellings",
          chain_is("data_preprocessing: {adaptive_histogram_equalization, rgbatorgb, "
                   "rgb_to_rgba, histogram_equalization}",
                   false,
                   "gn-normalize --adaptive-equalize | gn-normalize --to-rgb | gn-normalize "
                   "--to-rgba | gn-normalize --equalize"));
    CHECK("stain_normalizer is a normalisation, ruifrok unless said",
          chain_is("data_preprocessing: {stain_normalization: {target: t.png}, rgba2rgb, "
                   "normalize}",
                   false, "gn-normalize --to-rgb | gn-normalize --stain ruifrok --target t.png") &&
              chain_is("data_preprocessing: {stain_normalizer: {target: t.png, "
                       "extractor: vahadane}}",
                       false, "gn-normalize --stain vahadane --target t.png"));
    CHECK("components after alpha is dropped, or added",
          !parse("data_preprocessing: {rgba2rgb}") && gn_config_components(&c, 4) == 3 &&
              gn_config_components(&c, 3) == 3 && gn_config_components(&c, 1) == 1 &&
              !parse("data_preprocessing: {rgb2rgba}") && gn_config_components(&c, 3) == 4);
    CHECK("clamp is clip", chain_is("data_preprocessing: {clamp: {min: 1e-5, max: 1e+20}}", false,
                                    "gn-normalize --clip 1e-05,1e+20"));
    CHECK("rescale with its defaults",
          chain_is("data_preprocessing: {rescale}", false, "gn-normalize --rescale 0,1"));
    CHECK("rescale in full",
          chain_is("data_preprocessing: {rescale: {in_min_max: [15, 125], out_min_max: [-1, 1], "
                   "percentiles: [5, 95.5]}}",
                   false, "gn-normalize --rescale -1,1 --percentiles 5,95.5 --in 15,125"));
    CHECK("crops",
          chain_is("data_preprocessing: {crop: [2, 3, 4], centercrop: [64, 64, 32]}", false,
                   "gn-resample --crop 2,3,4 | gn-resample --center-crop 64,64,32"));
    CHECK("two numbers of crop leave the third axis alone",
          chain_is("patch_size: [32, 32]\ndata_preprocessing: {crop: [2, 3]}", false,
                   "gn-resample --crop 2,3,0"));
    CHECK("zero planes go for training only, to a patch at least",
          chain_is("data_preprocessing: {crop_external_zero_planes, normalize}", true,
                   "gn-resample --crop-zero --min-size 48,32,16 | gn-normalize --zscore full") &&
              chain_is("data_preprocessing: {crop_external_zero_planes, normalize}", false,
                       "gn-normalize --zscore full"));
    CHECK("one resolution is isotropic", chain_is("data_preprocessing: {resample: {resolution: 2}}",
                                                  false, "gn-resample -s 2,2,2"));
    CHECK("resample_min", chain_is("data_preprocessing: {resample_minimum: {resolution: 0.5}}",
                                   false, "gn-resample --spacing-min 0.5,0.5,0.5"));
    CHECK(
        "resize_image comes first, resize_patch where it stands",
        chain_is(
            "data_preprocessing: {clip: {min: 0}, resize_patch: [32, 32, 32], resize: [64, 64, "
            "64]}",
            false,
            "gn-resample --size 64,64,64 | gn-normalize --clip 0, | gn-resample --size 32,32,32"));
    CHECK("resample drops resizing",
          chain_is("data_preprocessing: {resize_image: [64, 64, 64], resample: {resolution: 1}}",
                   false, "gn-resample -s 1,1,1") &&
              said(&c.notes, "left out: resample is there"));
    CHECK("by value, as ImageNet, by 255",
          chain_is("data_preprocessing: {normalize_by_val: {mean: [0.1, 0.2], std: 0.3}}", false,
                   "gn-normalize --divide 255 | gn-normalize --mean 0.1,0.2 --std 0.3,0.3") &&
              chain_is("data_preprocessing: {normalize_imagenet}", false,
                       "gn-normalize --divide 255 | gn-normalize --mean 0.485,0.456,0.406 --std "
                       "0.229,0.224,0.225") &&
              chain_is("data_preprocessing: {normalize_div_by_255}", false,
                       "gn-normalize --divide 255"));
    CHECK(
        "padding is half a patch, rounded up, for training only",
        chain_is("patch_sampler: {type: label, enable_padding: true}", true,
                 "gn-resample --pad 24,16,8") &&
            chain_is("patch_sampler: {type: label, enable_padding: true}", false, "") &&
            chain_is("patch_size: [32, 16]\npatch_sampler: {enable_padding: true, padding_mode: 0}",
                     true, "gn-resample --pad 16,8,0 --mode constant"));
    CHECK("padding with another value",
          chain_is("patch_sampler: {enable_padding: true, padding_mode: -1000}", true,
                   "gn-resample --pad 24,16,8 --mode constant --fill -1000") &&
              chain_is("patch_sampler: {enable_padding: true, padding_mode: 0.25}", true,
                       "gn-resample --pad 24,16,8 --mode constant --fill 0.25") &&
              refused("patch_sampler: {enable_padding: true, padding_mode: .inf}",
                      "padding_mode") &&
              refused("patch_sampler: {enable_padding: true, padding_mode: mirror}",
                      "padding_mode"));
    parse("data_augmentation: {flip}");
    CHECK("augmentation comes first as in GaNDLF, unless asked",
          gn_config_augments_raw(&c) &&
              !parse("data_augmentation: {flip}\naugment_after_preprocessing: true") &&
              !gn_config_augments_raw(&c) && !parse("") && !gn_config_augments_raw(&c));
}

static const char full[] =
    "model: {architecture: resunet, final_layer: sigmoid, class_list: [0, 1, 2], num_channels: "
    "4, ignore_label_validation: 0, norm_type: instance}\n"
    "loss_function: dcce\nmetrics: [dice, hd95]\noptimizer: {type: sgd, momentum: "
    "0.9}\nlearning_rate: 1e-5\nclip_grad: 12.5\n"
    "scheduler: {type: triangle, step_size: 7}\npenalty_weights: {0: 0.1, 1: 0.2, 2: "
    "0.7}\npatch_sampler: {type: label, biased_sampling: true}\n"
    "nested_training: {testing: 5, validation: -4, group_regex: '^([^_]+)_'}\nseed: "
    "12345\ninference_mechanism: {patch_overlap: [16, 8, 4], grid_aggregator_overlap: hann}\n"
    "data_preprocessing: {clip: {max: 3}, resample: {resolution: [1, 1, 2.5]}, "
    "normalize}\ndata_augmentation: {noise: {std: [0, 0.1]}, flip: {axis: 0}}\n";
static const char full_post[] =
    "data_postprocessing: {mapping: {1: 1, 2: 4}, cca: , fill_holes: {closing: false}}";

static void print_twice(struct gn_str *a, struct gn_str *b)
{
    gn_config_print(&c, a);
    if (!parse_text(gn_str_text(a)))
        gn_config_print(&c, b);
}

static void test_printing(void)
{
    struct gn_str a = { 0 }, b = { 0 };
    struct gn_config other = { 0 };
    struct gn_strs keys = { 0 };
    const char *const free_to_change[] = { "num_epochs", "save_*", NULL };
    char *text = gn_asprintf("%s%s", full, full_post);
    CHECK("a full config is good", parse(text) == 0);
    free(text);
    print_twice(&a, &b);
    CHECK("what is printed reads as the same config, byte for byte",
          a.len && !strcmp(gn_str_text(&a), gn_str_text(&b)) && c.notes.n == 0);
    CHECK(
        "a mapping is printed last, in GaNDLF's place",
        NULL !=
            strstr(
                gn_str_text(&a),
                "data_postprocessing_after_reverse_one_hot_encoding:\n  mapping: {1: 1, 2: 4}\n"));
    CHECK("equal configs do not differ",
          !gn_config_parse(&other, "b", a.data, a.len, &faults, &err));
    gn_config_differences(&c, &other, NULL, &keys);
    CHECK("none is told", keys.n == 0);
    other.num_epochs = 7;
    other.save_output = true;
    gn_config_differences(&c, &other, free_to_change, &keys);
    CHECK("what may change is passed over", keys.n == 0);
    other.learning_rate = 1;
    other.optimizer = "adam";
    other.pre.n--;
    gn_config_differences(&c, &other, free_to_change, &keys);
    CHECK("what may not is named", said(&keys, "learning_rate") && said(&keys, "optimizer.type") &&
                                       said(&keys, "data_preprocessing") &&
                                       !said(&keys, "num_epochs"));
    gn_config_free(&other);
    gn_strs_free(&keys);
    gn_str_clear(&a);
    gn_str_clear(&b);
    parse("");
    print_twice(&a, &b);
    CHECK("the smallest too", !strcmp(gn_str_text(&a), gn_str_text(&b)));
    gn_str_free(&a);
    gn_str_free(&b);
    CHECK("the problem: no values, segmentation",
          gn_config_problem(&c, 0) == GN_SEGMENTATION &&
              gn_config_problem(&c, 1) == GN_CLASSIFICATION);
    parse("model: {architecture: unet, final_layer: none, class_list: [0, 1]}");
    CHECK("values and no final layer, regression", gn_config_problem(&c, 1) == GN_REGRESSION);
    parse("model: {architecture: unet, final_layer: logits, class_list: [0, 1]}");
    CHECK("logits, classification", gn_config_problem(&c, 0) == GN_CLASSIFICATION);
}

static void test_schema(void)
{
    bool good = true;
    for (const struct gn_key *k = gn_config_keys; k->path; k++) {
        const struct gn_key *section = NULL;
        char *parent = gn_strndup(k->path, (size_t)(gn_config_key_last(k) - k->path) -
                                               (strchr(k->path, '.') ? 1 : 0));
        if (*parent)
            section = gn_config_key(parent, NULL);
        if ((*parent && !section) || !k->help || !*k->help) {
            printf("# %s has no section or no help\n", k->path);
            good = false;
        }
        for (const struct gn_key *other = k + 1; other->path; other++)
            if (!strcmp(k->path, other->path) && (!k->when || !other->when)) {
                printf("# %s is there twice\n", k->path);
                good = false;
            }
        free(parent);
    }
    CHECK("every key has help, stands in a section and stands there once", good);
}

int main(void)
{
    test_schema();
    test_names();
    test_reading();
    test_versions();
    test_older();
    test_faults();
    test_classes();
    test_chain();
    test_printing();
    gn_config_free(&c);
    gn_strs_free(&faults);
    return check_done();
}
