/* checkpoint.c - see checkpoint.h */
#include "run/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/targets.h"

static const char format_name[] = "gn-model 1";

void gn_train_state_start(struct gn_train_state *state)
{
    memset(state, 0, sizeof *state);
    state->best_loss = INFINITY;
    state->best_epoch = -1;
}

/* ---- the state as text: key value lines, reals in hexadecimal so that they come back bit for bit
 * ---- */

static void state_print(const struct gn_train_state *t, int64_t steps, struct gn_str *out)
{
    gn_str_addf(out, "epoch %" PRId64 "\nconsumed %" PRId64 "\nbatches %" PRId64 "\n", t->epoch,
                t->consumed, t->batches);
    gn_str_addf(out, "skipped %" PRId64 "\nskipped_row %" PRId64 "\nloss_sum %a\n", t->skipped,
                t->skipped_row, t->loss_sum);
    for (int k = 0; k < GN_MAX_CLASSES; k++)
        if (t->dice_n[k])
            gn_str_addf(out, "dice %d %a %" PRId64 "\n", k, t->dice_sum[k], t->dice_n[k]);
    gn_str_addf(out, "best_loss %a\nbest_epoch %" PRId64 "\npatience %" PRId64 "\n", t->best_loss,
                t->best_epoch, t->patience);
    gn_str_addf(out, "log_bytes %" PRId64 " %" PRId64 " %" PRId64 "\n", t->log_bytes[0],
                t->log_bytes[1], t->log_bytes[2]);
    gn_str_addf(out, "stopped %d\nsteps %" PRId64 "\n", t->stopped, steps);
}

/* One line each; every key is read by a scanf whose whole format must match. */
static int state_parse(const char *text, struct gn_train_state *t, int64_t *steps,
                       struct gn_err *err)
{
    int seen = 0;
    gn_train_state_start(t);
    *steps = 0;
    for (const char *line = text; *line;) {
        const char *end = strchr(line, '\n');
        char buf[200], key[32];
        double a;
        int64_t i, j, k;
        size_t n = end ? (size_t)(end - line) : strlen(line);
        if (n >= sizeof buf)
            return gn_err_set(err, "state: line too long");
        memcpy(buf, line, n);
        buf[n] = 0;
        line = end ? end + 1 : line + n;
        if (sscanf(buf, "%31s", key) != 1)
            return gn_err_set(err, "state: empty line");
        seen++;
        const char *value = buf + strlen(key);
        if (!strcmp(key, "dice")) {
            if (sscanf(value, "%" SCNd64 " %la %" SCNd64, &i, &a, &j) != 3 || i < 0 ||
                i >= GN_MAX_CLASSES)
                return gn_err_set(err, "state: bad line '%s'", buf);
            t->dice_sum[i] = a;
            t->dice_n[i] = j;
        } else if (!strcmp(key, "log_bytes")) {
            if (sscanf(value, "%" SCNd64 " %" SCNd64 " %" SCNd64, &i, &j, &k) != 3 || i < 0 ||
                j < 0 || k < 0)
                return gn_err_set(err, "state: bad line '%s'", buf);
            t->log_bytes[0] = i, t->log_bytes[1] = j, t->log_bytes[2] = k;
        } else if (!strcmp(key, "loss_sum") || !strcmp(key, "best_loss")) {
            if (sscanf(value, "%la", &a) != 1)
                return gn_err_set(err, "state: bad line '%s'", buf);
            *(key[0] == 'l' ? &t->loss_sum : &t->best_loss) = a;
        } else {
            if (sscanf(value, "%" SCNd64, &i) != 1)
                return gn_err_set(err, "state: bad line '%s'", buf);
            if (!strcmp(key, "epoch"))
                t->epoch = i;
            else if (!strcmp(key, "consumed"))
                t->consumed = i;
            else if (!strcmp(key, "batches"))
                t->batches = i;
            else if (!strcmp(key, "skipped"))
                t->skipped = i;
            else if (!strcmp(key, "skipped_row"))
                t->skipped_row = i;
            else if (!strcmp(key, "best_epoch"))
                t->best_epoch = i;
            else if (!strcmp(key, "patience"))
                t->patience = i;
            else if (!strcmp(key, "stopped"))
                t->stopped = i != 0;
            else if (!strcmp(key, "steps"))
                *steps = i;
            else
                return gn_err_set(err, "state: unknown key '%s'", key);
        }
    }
    if (seen < 12 || t->epoch < 0 || t->consumed < 0)
        return gn_err_set(err, "state: incomplete");
    return 0;
}

/* ---- metadata ---- */

/* "0 1 1||4" */
static void put_class_list(const struct gn_config *c, struct gn_str *out)
{
    for (int k = 0; k < c->n_classes; k++)
        gn_str_addf(out, "%s%s", k ? " " : "", c->classes[k].text);
}

struct step_option {
    const char *tool, *name; /* space-separated spellings */
    bool value;
};
/* What preprocessing may ask for: every option of these tools that neither names nor reads a file;
 * and targets, by the names of what the model itself holds. */
static const struct step_option step_options[] = {
    {"gn-resample", "-s --spacing", true},   {"gn-resample", "--spacing-min", true},
    {"gn-resample", "--size", true},         {"gn-resample", "--canonical", false},
    {"gn-resample", "--crop", true},         {"gn-resample", "--center-crop", true},
    {"gn-resample", "--pad", true},          {"gn-resample", "--crop-zero", false},
    {"gn-resample", "-i --interp", true},    {"gn-resample", "--align", true},
    {"gn-resample", "--mode", true},         {"gn-resample", "--min-size", true},
    {"gn-resample", "--fill", true},
    {"gn-normalize", "--zscore", true},      {"gn-normalize", "--clip", true},
    {"gn-normalize", "--threshold", true},   {"gn-normalize", "--window", true},
    {"gn-normalize", "--rescale", true},     {"gn-normalize", "--divide", true},
    {"gn-normalize", "--mean", true},        {"gn-normalize", "--std", true},
    {"gn-normalize", "--percentiles", true}, {"gn-normalize", "--in", true},
    {"gn-normalize", "--equalize", false},   {"gn-normalize", "--adaptive-equalize", false},
    {"gn-normalize", "--levels", true},      {"gn-normalize", "--points", true},
    {"gn-normalize", "--to-rgb", false},     {"gn-normalize", "--to-rgba", false},
    {"gn-normalize", "--stain", true},       {"gn-normalize", "--target", true},
    {"gn-normalize", "--histogram-match", true},
};
static const char *const target_options[] = {"--target", "--histogram-match"};

static bool is_word(const char *word, size_t n, const char *text)
{
    return strlen(text) == n && !memcmp(word, text, n);
}

static const struct step_option *find_step_option(const char *tool, size_t tool_n, const char *word,
                                                  size_t n)
{
    for (size_t i = 0; i < sizeof step_options / sizeof *step_options; i++) {
        const char *name = step_options[i].name, *other = strchr(name, ' ');
        bool same = other ? is_word(word, n, other + 1) ||
                                (n == (size_t)(other - name) && !memcmp(word, name, n))
                          : is_word(word, n, name);
        if (same && is_word(tool, tool_n, step_options[i].tool))
            return &step_options[i];
    }
    return NULL;
}

static bool is_target_option(const struct step_option *o)
{
    return !strcmp(o->name, target_options[0]) || !strcmp(o->name, target_options[1]);
}

/* target: where the name of one may stand; NULL: nowhere. */
static bool can_replay(const char *command, const char *target)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.,+-";
    size_t tool_n = strcspn(command, " ");
    const char *word = command + tool_n;
    int options = 0;
    while (*word) {
        size_t n = strcspn(++word, " ");
        const struct step_option *o = find_step_option(command, tool_n, word, n);
        if (!o)
            return false;
        word += n;
        options++;
        if (!o->value)
            continue;
        if (*word != ' ' || !(n = strspn(++word, plain)) || (word[n] && word[n] != ' '))
            return false;
        if (is_target_option(o) && !(target && is_word(word, n, target)))
            return false;
        word += n;
    }
    return options > 0;
}

bool gn_model_can_replay(const char *command)
{
    return can_replay(command, NULL);
}

/* Is what this command brings images to in the model, undamaged? */
static int check_target(const struct gn_safetensors *st, const struct gn_target_use *use,
                        const char *name, struct gn_err *err)
{
    struct gn_target t = {0};
    int rc = gn_target_restore(&t, st, use, name, err);
    gn_target_free(&t);
    return rc;
}

int gn_model_preprocessing(const struct gn_safetensors *st, struct gn_strs *commands,
                           struct gn_err *err)
{
    const char *line = gn_safetensors_meta(st, "preprocessing");
    if (!line)
        return gn_err_set(err, "metadata 'preprocessing' is missing");
    while (*line) {
        size_t n = strcspn(line, "\n");
        char *one = gn_strndup(line, n);
        struct gn_target_use use;
        char name[GN_TARGET_NAME + 1];
        bool targeted = gn_target_of_command(one, &use, name),
             good = can_replay(one, targeted ? name : NULL);
        if (!good)
            gn_err_set(err, "metadata 'preprocessing': not a preprocessing step: %s", one);
        else
            good = !targeted || check_target(st, &use, name, err) == 0;
        if (good)
            gn_strs_add(commands, one);
        free(one);
        if (!good)
            return -1;
        line += n + (line[n] != 0);
    }
    return 0;
}

/* ---- writing ---- */

static void add_meta(struct gn_safetensors_out *o, const struct gn_model_info *info)
{
    struct gn_str s = {0};
    gn_safetensors_out_meta(o, "format", format_name);
    gn_safetensors_out_meta(o, "version", GN_VERSION);
    gn_config_print(info->config, &s);
    gn_safetensors_out_meta(o, "config", gn_str_text(&s));
    gn_str_clear(&s);
    gn_str_addf(&s, "%d", info->channels);
    gn_safetensors_out_meta(o, "channels", gn_str_text(&s));
    gn_str_clear(&s);
    put_class_list(info->config, &s);
    gn_safetensors_out_meta(o, "class_list", gn_str_text(&s));
    gn_str_clear(&s);
    for (size_t i = 0; i < info->preprocessing->n; i++)
        gn_str_addf(&s, "%s\n", info->preprocessing->item[i]);
    gn_safetensors_out_meta(o, "preprocessing", gn_str_text(&s));
    gn_str_clear(&s);
    gn_str_addf(&s, "%" PRId64, info->epoch);
    gn_safetensors_out_meta(o, "epoch", gn_str_text(&s));
    if (info->history && *info->history)
        gn_safetensors_out_meta(o, "history", info->history);
    gn_str_free(&s);
}

int gn_checkpoint_save(const char *path, struct gn_net *net, const struct gn_model_info *info,
                       const struct gn_train_state *state, struct gn_err *err)
{
    struct gn_safetensors_out *o = gn_safetensors_out_new();
    struct gn_str text = {0};
    struct gn_net_param *p;
    int n = gn_net_params(net, &p), rc;

    add_meta(o, info);
    if (state) {
        state_print(state, gn_net_steps(net), &text);
        gn_safetensors_out_meta(o, "state", gn_str_text(&text));
        if (info->init && *info->init)
            gn_safetensors_out_meta(o, "init", info->init);
    }
    for (int i = 0; i < n; i++)
        gn_safetensors_out_tensor(o, p[i].name, &p[i].tensor);
    gn_targets_put(info->targets, o);
    for (int i = 0; state && i < n; i++)
        for (int k = 0; k < 3; k++) {
            if (!p[i].optim[k])
                continue;
            struct gn_tensor t = p[i].tensor;
            t.data = p[i].optim[k];
            t.owned = NULL;
            gn_str_clear(&text);
            gn_str_addf(&text, "optim.%s.%s", gn_net_optim_array_name(net, k), p[i].name);
            gn_safetensors_out_tensor(o, gn_str_text(&text), &t);
        }
    rc = gn_safetensors_out_write(o, path, err);
    gn_str_free(&text);
    gn_safetensors_out_free(o);
    return rc;
}

/* ---- reading ---- */

static int same_shape(const struct gn_tensor *a, const struct gn_tensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank &&
           !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof a->shape[0]);
}

int gn_model_weights(const struct gn_safetensors *st, struct gn_net *net, struct gn_err *err)
{
    struct gn_net_param *p;
    int n = gn_net_params(net, &p);
    for (int i = 0; i < n; i++) {
        const struct gn_tensor *t = gn_safetensors_get(st, p[i].name);
        if (!t)
            return gn_err_set(err, "tensor '%s' is missing", p[i].name);
        if (!same_shape(t, &p[i].tensor))
            return gn_err_set(err, "tensor '%s' has another shape or dtype than the network's",
                              p[i].name);
        memcpy(p[i].tensor.data, t->data, (size_t)gn_tensor_count(t) * sizeof(float));
    }
    gn_net_params_changed(net);
    return 0;
}

static int check_format(const struct gn_safetensors *st, struct gn_err *err)
{
    const char *format = gn_safetensors_meta(st, "format");
    if (!format || strcmp(format, format_name))
        return gn_err_set(err, "not a model of this project (metadata 'format' is not '%s')",
                          format_name);
    return 0;
}

static int read_state(const struct gn_safetensors *st, struct gn_train_state *state, int64_t *steps,
                      struct gn_err *err)
{
    const char *text = gn_safetensors_meta(st, "state");
    if (check_format(st, err) < 0)
        return -1;
    if (!text)
        return gn_err_set(err, "holds weights only, no training state");
    return state_parse(text, state, steps, err);
}

int gn_checkpoint_state(const char *path, struct gn_train_state *state, struct gn_err *err)
{
    struct gn_safetensors st;
    int64_t steps;
    int rc = -1;
    gn_train_state_start(state);
    if (access(path, F_OK) < 0)
        return 0;
    if (gn_safetensors_open(&st, path, err) < 0)
        return -1;
    if (read_state(&st, state, &steps, err) < 0)
        goto out;
    rc = 1;
out:
    gn_safetensors_close(&st);
    return rc < 0 ? gn_err_wrap(err, "%s", path) : rc;
}

int gn_checkpoint_load(const char *path, struct gn_net *net, struct gn_train_state *state,
                       struct gn_err *err)
{
    struct gn_safetensors st;
    struct gn_net_param *p;
    struct gn_str name = {0};
    int64_t steps;
    int rc = -1;

    if (gn_safetensors_open(&st, path, err) < 0)
        return -1;
    if (read_state(&st, state, &steps, err) < 0)
        goto out;
    gn_net_set_steps(net, steps);
    if (gn_model_weights(&st, net, err) < 0)
        goto out;
    int n = gn_net_params(net, &p);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 3; k++) {
            if (!p[i].optim[k])
                continue;
            gn_str_clear(&name);
            gn_str_addf(&name, "optim.%s.%s", gn_net_optim_array_name(net, k), p[i].name);
            const struct gn_tensor *t = gn_safetensors_get(&st, gn_str_text(&name));
            if (!t || !same_shape(t, &p[i].tensor)) {
                gn_err_set(err, "tensor '%s' is missing or has another shape", gn_str_text(&name));
                goto out;
            }
            memcpy(p[i].optim[k], t->data, (size_t)gn_tensor_count(t) * sizeof(float));
        }
    rc = 0;
out:
    gn_str_free(&name);
    gn_safetensors_close(&st);
    return rc < 0 ? gn_err_wrap(err, "%s", path) : 0;
}

/* The weights of a class are found by its place in the list, what it is written as by its label:
 * they must not disagree. */
static int check_classes(const struct gn_safetensors *st, const struct gn_config *c,
                         struct gn_err *err)
{
    const char *list = gn_safetensors_meta(st, "class_list");
    struct gn_str own = {0};
    int rc = 0;
    put_class_list(c, &own);
    if (!list || strcmp(list, gn_str_text(&own)))
        rc = gn_err_set(err, "metadata 'class_list': '%s', but its config has '%s'",
                        list ? list : "", gn_str_text(&own));
    gn_str_free(&own);
    return rc;
}

int gn_model_check(const struct gn_safetensors *st, const struct gn_config *c,
                   struct gn_strs *preprocessing, int *channels, struct gn_err *err)
{
    const char *count = gn_safetensors_meta(st, "channels");
    int64_t n;

    if (check_format(st, err) < 0)
        return -1;
    if (!count || gn_parse_int(count, &n) < 0 || n < 1 || n > INT16_MAX)
        return gn_err_set(err, "metadata 'channels' is missing or wrong");
    if (gn_model_preprocessing(st, preprocessing, err) < 0 || check_classes(st, c, err) < 0)
        return -1;
    if (c->channels && c->channels != n)
        return gn_err_set(err, "metadata 'channels': %s, but its config has num_channels %d", count,
                          c->channels);
    *channels = (int)n;
    return 0;
}

int gn_model_open(struct gn_model *m, const char *path, const char *device, int64_t batch,
                  uint64_t memory, struct gn_err *err)
{
    struct gn_safetensors st;
    struct gn_strs faults = {0};
    int rc = -1;

    memset(m, 0, sizeof *m);
    if (gn_safetensors_open(&st, path, err) < 0)
        return -1;
    const char *yaml = gn_safetensors_meta(&st, "config");
    if (check_format(&st, err) < 0)
        goto out;
    if (!yaml) {
        gn_err_set(err, "metadata 'config' is missing");
        goto out;
    }
    if (gn_config_parse(&m->config, path, yaml, strlen(yaml), &faults, err) < 0) {
        gn_err_clear(err);
        gn_err_set(err, "config in the model: %s", faults.n ? faults.item[0] : "unreadable");
        goto out;
    }
    if (gn_model_check(&st, &m->config, &m->preprocessing, &m->channels, err) < 0)
        goto out;
    m->name = gn_path_stem(path);
    if (gn_setup_from_config(&m->setup, &m->config, m->channels, err) < 0)
        goto out;
    m->net =
        gn_net_new(&m->setup.net, NULL, NULL, false, device, batch, m->config.patch, memory, err);
    if (!m->net || gn_model_weights(&st, m->net, err) < 0)
        goto out;
    rc = 0;
out:
    gn_strs_free(&faults);
    gn_safetensors_close(&st);
    if (rc < 0) {
        gn_model_close(m);
        gn_err_wrap(err, "%s", path);
    }
    return rc;
}

void gn_model_close(struct gn_model *m)
{
    gn_net_free(m->net);
    gn_setup_free(&m->setup);
    gn_strs_free(&m->preprocessing);
    gn_config_free(&m->config);
    free(m->name);
    memset(m, 0, sizeof *m);
}
