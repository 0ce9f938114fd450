/* unet.c - the U-Net family: unet, resunet, light_*, *_multilayer and fcn, in GaNDLF's layout of
 * today (0.0.20 and later).
 *
 * Pre-activation blocks: norm, leaky ReLU, convolution. Ronneberger et al. 2015 (arXiv:1505.04597),
 * Cicek et al. 2016 (arXiv:1606.06650), Isensee et al. 2018 (arXiv:1802.10508). Parameter names and
 * order are those of GaNDLF's state_dict. */
#include <stdio.h>

#include "arch/arch.h"

static const double slope = 0.01;

/* How a block of a level is called: "ds_0" in unet, "ds.0" in *_multilayer. One at a time: the text
 * is overwritten by the next. */
struct names {
    bool list;
    char text[32];
};

static const char *block(struct names *n, const char *kind, int level)
{
    snprintf(n->text, sizeof n->text, n->list ? "%s.%d" : "%s_%d", kind, level);
    return n->text;
}

/* --- parameters, in state order --- */

static void ins_params(struct gn_build *b, int64_t in, int64_t out)
{
    gn_build_conv_params(b, in, out, 3, "ins.conv0");
    gn_build_conv_params(b, out, out, 3, "ins.conv1");
    gn_build_conv_params(b, out, out, 3, "ins.conv2");
    gn_build_norm_params(b, out, "ins.in_0");
    gn_build_norm_params(b, out, "ins.in_1");
}

static void down_params(struct gn_build *b, const char *name, int64_t in, int64_t out)
{
    gn_build_norm_params(b, in, "%s.in_0", name);
    gn_build_conv_params(b, in, out, 3, "%s.conv0", name);
}

static void encoder_params(struct gn_build *b, const char *name, int64_t width)
{
    gn_build_norm_params(b, width, "%s.in_0", name);
    gn_build_norm_params(b, width, "%s.in_1", name);
    gn_build_conv_params(b, width, width, 3, "%s.conv0", name);
    gn_build_conv_params(b, width, width, 3, "%s.conv1", name);
}

static void decoder_params(struct gn_build *b, const char *name, int64_t in, int64_t out)
{
    gn_build_conv_params(b, in, out, 3, "%s.conv0", name);
    gn_build_conv_params(b, out, out, 3, "%s.conv1", name);
    gn_build_conv_params(b, out, out, 3, "%s.conv2", name);
    gn_build_norm_params(b, in, "%s.in_0", name);
    gn_build_norm_params(b, out, "%s.in_1", name);
    gn_build_norm_params(b, out, "%s.in_2", name);
}

static void out_params(struct gn_build *b, int64_t in)
{
    gn_build_conv_params(b, in, b->spec->classes, 3, "out.conv0");
    gn_build_norm_params(b, in, "out.in_0");
}

/* --- forward --- */

static int norm(struct gn_build *b, int x, const char *name, int k)
{
    return gn_build_norm(b, &x, 1, slope, "%s.in_%d", name, k);
}

static int ins(struct gn_build *b, int x, bool residual)
{
    int s, t = s = gn_build_conv(b, x, 1, "ins.conv0");
    t = gn_build_conv(b, norm(b, t, "ins", 0), 1, "ins.conv1");
    t = gn_build_dropout(b, t, b->spec->dropout);
    t = gn_build_conv(b, norm(b, t, "ins", 1), 1, "ins.conv2");
    return residual ? gn_build_add(b, t, s) : t;
}

static int down(struct gn_build *b, int x, const char *name)
{
    return gn_build_conv(b, norm(b, x, name, 0), 2, "%s.conv0", name);
}

static int encoder(struct gn_build *b, int x, const char *name, bool residual)
{
    int t = gn_build_conv(b, norm(b, x, name, 0), 1, "%s.conv0", name);
    t = gn_build_dropout(b, t, b->spec->dropout);
    t = gn_build_conv(b, norm(b, t, name, 1), 1, "%s.conv1", name);
    return residual ? gn_build_add(b, t, x) : t;
}

/* The reference upsamples and then convolves 1x1. Both are linear and the weights of interpolation
 * sum to one, so the order does not matter: convolving first is a quarter (2-D) or an eighth (3-D)
 * of the work, and the wide upsampled map never exists. */
static int up(struct gn_build *b, int x, const char *name, int factor)
{
    return gn_build_upsample(b, gn_build_conv(b, x, 1, "%s.conv0", name), factor);
}

static int decoder(struct gn_build *b, int upsampled, int skip, const char *name, bool residual)
{
    int s, t = gn_build_norm(b, (int[]){ upsampled, skip }, 2, slope, "%s.in_0", name);
    t = s = gn_build_conv(b, t, 1, "%s.conv0", name);
    t = gn_build_conv(b, norm(b, t, name, 1), 1, "%s.conv1", name);
    t = gn_build_conv(b, norm(b, t, name, 2), 1, "%s.conv2", name);
    return residual ? gn_build_add(b, t, s) : t;
}

enum { MAX_DEPTH = 12 };

static int64_t width_at(const struct gn_build *b, int variant, int level)
{
    return variant & GN_UNET_LIGHT ? b->spec->base_filters
                                   : (int64_t)b->spec->base_filters << level;
}

int gn_arch_unet(struct gn_build *b, int variant, int x)
{
    bool residual = variant & GN_UNET_RESIDUAL, multi = variant & GN_UNET_MULTILAYER;
    int depth = multi ? b->spec->depth : 4, level[MAX_DEPTH + 1];
    struct names n = { .list = multi };
    int64_t base = b->spec->base_filters, width[MAX_DEPTH + 1];
    for (int i = 0; i <= depth; i++)
        width[i] = width_at(b, variant, i);
    int64_t last = multi ? base : 2 * base; /* the finest decoder of unet keeps 2 b channels */

    ins_params(b, b->spec->channels, base);
    if (multi) {
        for (int i = 0; i < depth; i++)
            down_params(b, block(&n, "ds", i), width[i], width[i + 1]);
        for (int i = 0; i < depth; i++)
            encoder_params(b, block(&n, "en", i), width[i + 1]);
        for (int i = 0; i < depth; i++)
            gn_build_conv_params(b, width[i + 1], width[i], 1, "us.%d.conv0", i);
        for (int i = 0; i < depth; i++)
            decoder_params(b, block(&n, "de", i), 2 * width[i], width[i]);
    } else {
        for (int i = 0; i < depth; i++) {
            down_params(b, block(&n, "ds", i), width[i], width[i + 1]);
            encoder_params(b, block(&n, "en", i + 1), width[i + 1]);
        }
        for (int i = depth - 1; i >= 0; i--) {
            gn_build_conv_params(b, width[i + 1], width[i], 1, "us_%d.conv0", i);
            decoder_params(b, block(&n, "de", i), 2 * width[i], i == 0 ? last : width[i]);
        }
    }
    out_params(b, last);

    level[0] = ins(b, x, residual);
    for (int i = 0; i < depth; i++) {
        x = down(b, level[i], block(&n, "ds", i));
        level[i + 1] = encoder(b, x, block(&n, "en", multi ? i : i + 1), residual);
    }
    x = level[depth];
    for (int i = depth - 1; i >= 0; i--) {
        x = up(b, x, block(&n, "us", i), 2);
        x = decoder(b, x, level[i], block(&n, "de", i), residual);
    }
    return gn_build_conv(b, norm(b, x, "out", 0), 1, "out.conv0");
}

int gn_arch_fcn(struct gn_build *b, int variant, int x)
{
    struct names n = { .list = false };
    int level[5], branch[5];
    ins_params(b, b->spec->channels, b->spec->base_filters);
    for (int i = 0; i < 4; i++) {
        down_params(b, block(&n, "ds", i), width_at(b, variant, i), width_at(b, variant, i + 1));
        encoder_params(b, block(&n, "en", i + 1), width_at(b, variant, i + 1));
    }
    for (int i = 4; i >= 0; i--)
        gn_build_conv_params(b, width_at(b, variant, i), 1, 1, "us_%d.conv0", i);
    gn_build_conv_params(b, 5, b->spec->classes, 1, "conv_0");

    level[0] = ins(b, x, false);
    for (int i = 0; i < 4; i++) {
        x = down(b, level[i], block(&n, "ds", i));
        level[i + 1] = encoder(b, x, block(&n, "en", i + 1), false);
    }
    for (int i = 4; i >= 0; i--)
        branch[4 - i] = up(b, level[i], block(&n, "us", i), 1 << i);
    return gn_build_conv(b, gn_build_concat(b, branch, 5), 1, "conv_0");
}

/* --- patches --- */

static int check_sides(const struct gn_net_spec *spec, const int64_t patch[3], int64_t multiple,
                       int64_t least, struct gn_err *err)
{
    for (int i = 0; i < spec->dim; i++)
        if (patch[i] < least || patch[i] % multiple) {
            int64_t below = patch[i] / multiple * multiple, above = below + multiple;
            if (below < least)
                return gn_err_set(err, "%s: patch side %lld: must be a multiple of %lld: use %lld",
                                  spec->arch, (long long)patch[i], (long long)multiple,
                                  (long long)(above > least ? above : least));
            return gn_err_set(err,
                              "%s: patch side %lld: must be a multiple of %lld: use %lld or %lld",
                              spec->arch, (long long)patch[i], (long long)multiple,
                              (long long)below, (long long)above);
        }
    return 0;
}

int gn_arch_check_16(const struct gn_net_spec *spec, const int64_t patch[3], struct gn_err *err)
{
    return check_sides(spec, patch, 16, 16, err);
}

int gn_arch_check_depth(const struct gn_net_spec *spec, const int64_t patch[3], struct gn_err *err)
{
    if (spec->depth < 2 || spec->depth > MAX_DEPTH)
        return gn_err_set(err, "%s: depth %d: must be 2 to %d", spec->arch, spec->depth, MAX_DEPTH);
    return check_sides(spec, patch, INT64_C(1) << spec->depth, INT64_C(2) << spec->depth, err);
}
