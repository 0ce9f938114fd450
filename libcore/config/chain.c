/* chain.c - the commands that a config's preprocessing stands for, in the words of a history line:
 * the same options in the same order, none that is the tool's default. */
#include "config/reader.h"

#include <stdlib.h>
#include <string.h>

/* "1,1,1" from a list of numbers (or one). */
static void put_numbers(const struct gn_yaml *list, struct gn_str *out)
{
    const struct gn_yaml *first = list->kind == GN_YAML_LIST ? list->child : list;
    double v;
    for (const struct gn_yaml *e = first; e; e = list->kind == GN_YAML_LIST ? e->next : NULL)
        if (!gn_yaml_real(e, &v)) {
            gn_str_add(out, e == first ? "" : ",");
            gn_str_add_real(out, v);
        }
}

/* "-900,300"; an end that is not written stays empty. */
static void put_limits(const struct gn_yaml *value, struct gn_str *out)
{
    const struct gn_yaml *lo = gn_yaml_get(value, "min"), *hi = gn_yaml_get(value, "max");
    if (lo)
        put_numbers(lo, out);
    gn_str_add(out, ",");
    if (hi)
        put_numbers(hi, out);
}

static void add_vector(const char *command, const struct gn_yaml *v, struct gn_strs *out)
{
    struct gn_str s = { 0 };
    gn_str_addf(&s, "%s ", command);
    put_numbers(v, &s);
    gn_strs_add(out, gn_str_text(&s));
    gn_str_free(&s);
}

static void add_patch(const struct gn_config *c, struct gn_strs *out)
{
    char *text =
        gn_asprintf("gn-resample --crop-zero --min-size %lld,%lld,%lld", (long long)c->patch[0],
                    (long long)c->patch[1], (long long)c->patch[2]);
    gn_strs_add(out, text);
    free(text);
}

static void add_rescale(const struct gn_yaml *v, struct gn_strs *out)
{
    const struct gn_yaml *in = gn_yaml_get(v, "in_min_max"), *share = gn_yaml_get(v, "percentiles");
    struct gn_str s = { 0 }, p = { 0 };
    gn_str_add(&s, "gn-normalize --rescale ");
    put_numbers(gn_yaml_get(v, "out_min_max"), &s);
    put_numbers(share, &p);
    if (strcmp(gn_str_text(&p), "0,100"))
        gn_str_addf(&s, " --percentiles %s", gn_str_text(&p));
    if (in) {
        gn_str_add(&s, " --in ");
        put_numbers(in, &s);
    }
    gn_strs_add(out, gn_str_text(&s));
    gn_str_free(&s);
    gn_str_free(&p);
}

static void add_by_val(const struct gn_yaml *v, struct gn_strs *out)
{
    struct gn_str s = { 0 };
    gn_strs_add(out, "gn-normalize --divide 255");
    gn_str_add(&s, "gn-normalize --mean ");
    put_numbers(gn_yaml_get(v, "mean"), &s);
    gn_str_add(&s, " --std ");
    put_numbers(gn_yaml_get(v, "std"), &s);
    gn_strs_add(out, gn_str_text(&s));
    gn_str_free(&s);
}

static void add_limits(const char *command, const struct gn_yaml *v, struct gn_strs *out)
{
    struct gn_str s = { 0 };
    gn_str_addf(&s, "%s ", command);
    put_limits(v, &s);
    gn_strs_add(out, gn_str_text(&s));
    gn_str_free(&s);
}

static void put_target(const struct gn_config *c, const struct gn_yaml *target, struct gn_str *out)
{
    gn_str_add_shell(out, c->targets_from ? c->targets_from : target->text);
}

/* With a target, adaptive, or to a ramp. */
static void add_histogram(const struct gn_config *c, const struct gn_yaml *v, struct gn_strs *out)
{
    static const char *const parts[][3] = { { "num_hist_level", " --levels ", "1024" },
                                            { "num_match_points", " --points ", "16" } };
    const struct gn_yaml *target = gn_yaml_get(v, "target");
    struct gn_str s = { 0 };
    gn_str_add(&s, "gn-normalize ");
    if (target && !strcmp(target->text, "adaptive")) {
        gn_str_add(&s, "--adaptive-equalize");
    } else {
        gn_str_add(&s, target ? "--histogram-match " : "--equalize");
        if (target)
            put_target(c, target, &s);
        for (size_t i = 0; i < 2; i++) {
            const struct gn_yaml *n = gn_yaml_get(v, parts[i][0]);
            if (n && strcmp(n->text, parts[i][2]))
                gn_str_addf(&s, "%s%s", parts[i][1], n->text);
        }
    }
    gn_strs_add(out, gn_str_text(&s));
    gn_str_free(&s);
}

static void add_stain(const struct gn_config *c, const struct gn_yaml *v, struct gn_strs *out)
{
    struct gn_str s = { 0 };
    gn_str_addf(&s, "gn-normalize --stain %s --target ", gn_yaml_get(v, "extractor")->text);
    put_target(c, gn_yaml_get(v, "target"), &s);
    gn_strs_add(out, gn_str_text(&s));
    gn_str_free(&s);
}

static void add_step(const struct gn_config *c, const struct gn_config_step *s, struct gn_strs *out)
{
    static const struct {
        const char *name, *command;
    } plain[] = {
        { "to_canonical", "gn-resample --canonical" },
        { "normalize", "gn-normalize --zscore full" },
        { "normalize_positive", "gn-normalize --zscore positive" },
        { "normalize_nonzero", "gn-normalize --zscore nonzero" },
        { "normalize_nonzero_masked", "gn-normalize --zscore nonzero_masked" },
        { "normalize_div_by_255", "gn-normalize --divide 255" },
        { "histogram_equalization", "gn-normalize --equalize" },
        { "adaptive_histogram_equalization", "gn-normalize --adaptive-equalize" },
        { "rgba2rgb", "gn-normalize --to-rgb" },
        { "rgb2rgba", "gn-normalize --to-rgba" },
    };
    static const struct {
        const char *name, *command;
    } vectors[] = {
        { "crop", "gn-resample --crop" },
        { "centercrop", "gn-resample --center-crop" },
        { "resize_image", "gn-resample --size" },
        { "resize_patch", "gn-resample --size" },
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(s->name, plain[i].name))
            gn_strs_add(out, plain[i].command);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        if (!strcmp(s->name, vectors[i].name))
            add_vector(vectors[i].command, s->value, out);
    if (!strcmp(s->name, "resample")) {
        add_vector("gn-resample -s", gn_yaml_get(s->value, "resolution"), out);
    } else if (!strcmp(s->name, "resample_min")) {
        add_vector("gn-resample --spacing-min", gn_yaml_get(s->value, "resolution"), out);
    } else if (!strcmp(s->name, "threshold")) {
        add_limits("gn-normalize --threshold", s->value, out);
    } else if (!strcmp(s->name, "clip") || !strcmp(s->name, "clamp")) {
        add_limits("gn-normalize --clip", s->value, out);
    } else if (!strcmp(s->name, "rescale")) {
        add_rescale(s->value, out);
    } else if (!strcmp(s->name, "crop_external_zero_planes")) {
        add_patch(c, out);
    } else if (!strcmp(s->name, "histogram_matching")) {
        add_histogram(c, s->value, out);
    } else if (!strcmp(s->name, "stain_normalizer")) {
        add_stain(c, s->value, out);
    } else if (!strcmp(s->name, "normalize_by_val")) {
        add_by_val(s->value, out);
    } else if (!strcmp(s->name, "normalize_imagenet")) {
        gn_strs_add(out, "gn-normalize --divide 255");
        gn_strs_add(out, "gn-normalize --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225");
    } else if (!strcmp(s->name, "normalize_standardize")) {
        gn_strs_add(out, "gn-normalize --divide 255");
        gn_strs_add(out, "gn-normalize --mean 0.5 --std 0.5");
    }
}

void gn_config_chain_at_load(const struct gn_config *c, bool training, struct gn_strs *commands)
{
    for (int i = 0; i < c->pre.n; i++)
        if (!strcmp(c->pre.step[i].name, "resize_image"))
            add_step(c, &c->pre.step[i], commands);
    if (training && c->enable_padding) {
        long long half[3];
        for (int i = 0; i < 3; i++)
            half[i] = i == 2 && c->dimension == 2 ? 0 : (long long)((c->patch[i] + 1) / 2);
        bool usual = !strcmp(c->padding_mode, "symmetric");
        bool number = strspn(c->padding_mode, "+-.0123456789") > 0;
        char *text = gn_asprintf("gn-resample --pad %lld,%lld,%lld%s%s", half[0], half[1], half[2],
                                 usual ? "" : number ? " --mode constant --fill " : " --mode ",
                                 usual ? "" : c->padding_mode);
        gn_strs_add(commands, text);
        free(text);
    }
}

void gn_config_chain_after(const struct gn_config *c, bool training, struct gn_strs *commands)
{
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < c->pre.n; i++) {
            const struct gn_config_step *s = &c->pre.step[i];
            if ((training || !s->training_only) && strcmp(s->name, "resize_image") &&
                gn_config_step_normalises(s) == (last == 1))
                add_step(c, s, commands);
        }
}

void gn_config_chain(const struct gn_config *c, bool training, struct gn_strs *commands)
{
    gn_config_chain_at_load(c, training, commands);
    gn_config_chain_after(c, training, commands);
}

int64_t gn_config_components(const struct gn_config *c, int64_t n)
{
    for (int i = 0; i < c->pre.n; i++) {
        if (n == 4 && !strcmp(c->pre.step[i].name, "rgba2rgb"))
            n = 3;
        else if (n == 3 && !strcmp(c->pre.step[i].name, "rgb2rgba"))
            n = 4;
    }
    return n;
}
