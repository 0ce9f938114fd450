/* augment_laws.h - what the specification says that every augmentation draws: for augment_draws.c.
 * The image that it is drawn for has a standard deviation of 40. */
#ifndef GN_TESTS_AUGMENT_LAWS_H
#define GN_TESTS_AUGMENT_LAWS_H

#include <stdbool.h>
#include <stddef.h>

enum kind {
    UNIFORM, /* over lo..hi */
    WHOLE,   /* the whole numbers lo..hi, evenly */
    AMONG,   /* the digits of among, evenly */
    ORDER,   /* the 24 orders of 0 1 2 3, evenly */
    FIXED,   /* lo */
    REST     /* not looked at */
};

/* What is drawn for the parameters whose names match. A law without an operation goes on with the
 * one above it; the first that matches counts. */
struct law {
    const char *op, *settings;
    int patch; /* the config's patch_size, each axis; 0: none */
    bool flat;
    const char *parameter; /* fnmatch's */
    enum kind kind;
    double lo, hi;
    const char *among;
};

static const struct law laws[] = {
    {"affine", NULL, 0, false, "scale.?", UNIFORM, 0.9, 1.1, NULL}, /* GaNDLF's defaults; G72 */
    {NULL, NULL, 0, false, "degrees.?", UNIFORM, -15, 15, NULL},
    {NULL, NULL, 0, false, "translation.?", UNIFORM, -2, 2, NULL},
    {"affine", NULL, 0, true, "scale.z", FIXED, 1, 0, NULL}, /* a picture stays in its plane */
    {NULL, NULL, 0, true, "scale.?", UNIFORM, 0.9, 1.1, NULL},
    {NULL, NULL, 0, true, "degrees.z", UNIFORM, -15, 15, NULL},
    {NULL, NULL, 0, true, "degrees.?", FIXED, 0, 0, NULL},
    {NULL, NULL, 0, true, "translation.z", FIXED, 0, 0, NULL},
    {NULL, NULL, 0, true, "translation.?", UNIFORM, -2, 2, NULL},
    {"affine", "scales=[0.5,0.7],degrees=[3,4],translation=[-1,7]", 0, false, "scale.?", UNIFORM,
     0.5, 0.7, NULL},
    {NULL, NULL, 0, false, "degrees.?", UNIFORM, 3, 4, NULL},
    {NULL, NULL, 0, false, "translation.?", UNIFORM, -1, 7, NULL},
    {"affine", "scales=[0.1,0.2,0.3],degrees=[1,2,3],translation=[0,1,2,3,5,9]", 0, false,
     "scale.x", UNIFORM, 0.9, 1.1, NULL},
    {NULL, NULL, 0, false, "scale.y", UNIFORM, 0.8, 1.2, NULL},
    {NULL, NULL, 0, false, "scale.z", UNIFORM, 0.7, 1.3, NULL},
    {NULL, NULL, 0, false, "degrees.x", UNIFORM, -1, 1, NULL},
    {NULL, NULL, 0, false, "degrees.y", UNIFORM, -2, 2, NULL},
    {NULL, NULL, 0, false, "degrees.z", UNIFORM, -3, 3, NULL},
    {NULL, NULL, 0, false, "translation.x", UNIFORM, 0, 1, NULL},
    {NULL, NULL, 0, false, "translation.y", UNIFORM, 2, 3, NULL},
    {NULL, NULL, 0, false, "translation.z", UNIFORM, 5, 9, NULL},

    {"elastic", NULL, 0, false, "d.?.[234].[234].[234]", UNIFORM, -7.5, 7.5, NULL}, /* TorchIO's */
    {NULL, NULL, 0, false, "*", FIXED, 0, 0, NULL}, /* two planes on every side are locked */
    {"elastic", NULL, 32, false, "d.?.2.2.2", UNIFORM, -0.5, 0.5, NULL}, /* at least 5 points */
    {NULL, NULL, 0, false, "*", FIXED, 0, 0, NULL},
    {"elastic", NULL, 128, false, "d.?.[5-7].[46].10", UNIFORM, -1.3, 1.3, NULL}, /* 13 points */
    {NULL, NULL, 0, false, "d.?.*.1.*", FIXED, 0, 0, NULL},
    {NULL, NULL, 0, false, "d.?.11.*.*", FIXED, 0, 0, NULL},
    {NULL, NULL, 0, false, "*", REST, 0, 0, NULL},
    {"elastic", "num_control_points=[6,5,4],max_displacement=[1,2,3],locked_borders=1", 0, false,
     "d.x.[12].[123].[1234]", UNIFORM, -1, 1, NULL},
    {NULL, NULL, 0, false, "d.y.[12].[123].[1234]", UNIFORM, -2, 2, NULL},
    {NULL, NULL, 0, false, "d.z.[12].[123].[1234]", UNIFORM, -3, 3, NULL},
    {NULL, NULL, 0, false, "*", FIXED, 0, 0, NULL},
    /* GaNDLF's patch_size is its number of control points, if those are not given */
    {"elastic", "patch_size=[6,3]", 0, false, "d.x.2.2.[23]", UNIFORM, -0.6, 0.6, NULL},
    {NULL, NULL, 0, false, "d.[yz].2.2.[23]", UNIFORM, -0.5, 0.5, NULL},
    {NULL, NULL, 0, false, "d.?.?.?.5", FIXED, 0, 0, NULL},
    {NULL, NULL, 0, false, "d.?.[0-4].[0-4].?", FIXED, 0, 0, NULL},
    {"elastic", "num_control_points=5,patch_size=9,max_displacement=2", 128, false, "d.?.2.2.2",
     UNIFORM, -2, 2, NULL},
    {NULL, NULL, 0, false, "*", FIXED, 0, 0, NULL},
    {"elastic", "num_control_points=4,locked_borders=0", 50, false, "*", UNIFORM, -0.4, 0.4, NULL},
    {"elastic", NULL, 0, true, "d.z.*", FIXED, 0, 0, NULL}, /* nor is it locked along z */
    {NULL, NULL, 0, true, "d.[xy].?.[234].[234]", UNIFORM, -7.5, 7.5, NULL},
    {NULL, NULL, 0, true, "*", FIXED, 0, 0, NULL},

    {"flip", NULL, 0, false, "?", WHOLE, 0, 1, NULL},
    {"flip", "axis=[0,2]", 0, false, "y", FIXED, 0, 0, NULL},
    {NULL, NULL, 0, false, "?", WHOLE, 0, 1, NULL},
    {"rotate_90", NULL, 0, false, "axis", AMONG, 0, 0, "012"},
    {"rotate_90", "axis=0", 0, true, "axis", FIXED, 2, 0, NULL},
    {"rotate_180", NULL, 0, false, "axis", AMONG, 0, 0, "012"},
    {"rotate_180", "axis=[0,2]", 0, false, "axis", AMONG, 0, 0, "02"},
    {"rotate_180", NULL, 0, true, "axis", FIXED, 2, 0, NULL},

    {"anisotropic", NULL, 0, false, "axis", AMONG, 0, 0, "012"},
    {NULL, NULL, 0, false, "downsampling", FIXED, 1.5, 0, NULL}, /* G72 */
    {"anisotropic", "axis=[0,2],downsampling=3", 0, true, "axis", FIXED, 0, 0, NULL},
    {NULL, NULL, 0, true, "downsampling", FIXED, 3, 0, NULL},
    {"anisotropic", "downsampling=[2,3]", 0, true, "axis", AMONG, 0, 0, "01"},
    {NULL, NULL, 0, true, "downsampling", UNIFORM, 2, 3, NULL},

    {"blur", NULL, 0, false, "std.?", UNIFORM, 0, 0.6, NULL}, /* 0.015 of 40, GaNDLF's */
    {"blur", "std=2", 0, false, "std.?", UNIFORM, 0, 2, NULL}, /* G72 */
    {"blur", "std=[1,3]", 0, true, "std.?", UNIFORM, 1, 3, NULL},
    {"blur", "std=[1,2,3]", 0, false, "std.x", UNIFORM, 0, 1, NULL},
    {NULL, NULL, 0, false, "std.y", UNIFORM, 0, 2, NULL},
    {NULL, NULL, 0, false, "std.z", UNIFORM, 0, 3, NULL},
    {"blur", "std=[1,2,3,4,5,6]", 0, false, "std.x", UNIFORM, 1, 2, NULL},
    {NULL, NULL, 0, false, "std.y", UNIFORM, 3, 4, NULL},
    {NULL, NULL, 0, false, "std.z", UNIFORM, 5, 6, NULL},

    {"noise", NULL, 0, false, "mean", FIXED, 0, 0, NULL},
    {NULL, NULL, 0, false, "std", UNIFORM, 0, 1, NULL},
    {"noise", "mean=0.3,std=0.3", 0, true, "mean", UNIFORM, -0.3, 0.3, NULL}, /* G72 */
    {NULL, NULL, 0, true, "std", FIXED, 0.3, 0, NULL},
    {"noise", "mean=[2,5],std=[1,7]", 0, false, "mean", UNIFORM, 2, 5, NULL},
    {NULL, NULL, 0, false, "std", UNIFORM, 1, 7, NULL},
    {"noise_var", NULL, 0, false, "mean", FIXED, 0, 0, NULL},
    {NULL, NULL, 0, false, "std", UNIFORM, 0, 0.6, NULL},
    {"noise_var", "mean=0.3,std=[1,2]", 0, false, "mean", UNIFORM, -0.3, 0.3, NULL},
    {NULL, NULL, 0, false, "std", UNIFORM, 1, 2, NULL},

    {"gamma", NULL, 0, false, "log_gamma.?", UNIFORM, -0.3, 0.3, NULL},
    {"gamma", "log_gamma=0.1", 0, true, "log_gamma.?", UNIFORM, -0.1, 0.1, NULL},
    {"gamma", "log_gamma=[0,0.5]", 0, false, "log_gamma.?", UNIFORM, 0, 0.5, NULL},
    {"bias", NULL, 0, false, "*", UNIFORM, -0.5, 0.5, NULL}, /* G72 */
    {"bias", "order=2,coefficients=[0,1]", 0, true, "*", UNIFORM, 0, 1, NULL},

    {"motion", NULL, 0, false, "time.1", UNIFORM, 0.7 / 3, 1.3 / 3, NULL},
    {NULL, NULL, 0, false, "time.2", UNIFORM, 1.7 / 3, 2.3 / 3, NULL},
    {NULL, NULL, 0, false, "degrees.*", UNIFORM, -15, 15, NULL},
    {NULL, NULL, 0, false, "translation.*", UNIFORM, -2, 2, NULL},
    {"motion", "num_transforms=1,degrees=[3,4],translation=5", 0, true, "time.1", UNIFORM, 0.35,
     0.65, NULL},
    {NULL, NULL, 0, true, "degrees.z.1", UNIFORM, 3, 4, NULL},
    {NULL, NULL, 0, true, "translation.[xy].1", UNIFORM, -5, 5, NULL},
    {NULL, NULL, 0, true, "*", FIXED, 0, 0, NULL},
    {"ghosting", NULL, 0, false, "num_ghosts", WHOLE, 4, 10, NULL},
    {NULL, NULL, 0, false, "axis", AMONG, 0, 0, "012"},
    {NULL, NULL, 0, false, "intensity", UNIFORM, 0.5, 1, NULL},
    {"ghosting", "num_ghosts=[2,3],intensity=2", 0, true, "num_ghosts", WHOLE, 2, 3, NULL},
    {NULL, NULL, 0, true, "axis", AMONG, 0, 0, "01"},
    {NULL, NULL, 0, true, "intensity", FIXED, 2, 0, NULL},
    {"ghosting", "num_ghosts=6,axis=[1]", 0, false, "num_ghosts", FIXED, 6, 0, NULL},
    {NULL, NULL, 0, false, "axis", FIXED, 1, 0, NULL},
    {NULL, NULL, 0, false, "intensity", UNIFORM, 0.5, 1, NULL},
    {"spike", NULL, 0, false, "num_spikes", FIXED, 1, 0, NULL}, /* G72 */
    {NULL, NULL, 0, false, "intensity", UNIFORM, 1, 3, NULL},
    {NULL, NULL, 0, false, "?", UNIFORM, 0, 1, NULL},
    {"spike", "num_spikes=[0,3],intensity=2", 0, true, "num_spikes", WHOLE, 0, 3, NULL},
    {NULL, NULL, 0, true, "intensity", UNIFORM, -2, 2, NULL},
    {NULL, NULL, 0, true, "?*", UNIFORM, 0, 1, NULL},
    {"kspace", NULL, 0, false, "spike", WHOLE, 0, 1, NULL},
    {NULL, NULL, 0, false, "ghosting.num_ghosts", WHOLE, 4, 10, NULL},
    {NULL, NULL, 0, false, "ghosting.axis", AMONG, 0, 0, "012"},
    {NULL, NULL, 0, false, "ghosting.intensity", UNIFORM, 0.5, 1, NULL},
    {NULL, NULL, 0, false, "spike.num_spikes", FIXED, 1, 0, NULL},
    {NULL, NULL, 0, false, "spike.intensity", UNIFORM, 1, 3, NULL},
    {NULL, NULL, 0, false, "spike.?", UNIFORM, 0, 1, NULL},
    {"swap", NULL, 0, false, "*", UNIFORM, 0, 1, NULL}, /* 100 pairs of places */

    {"colorjitter", NULL, 0, true, "order", ORDER, 0, 0, NULL}, /* GaNDLF's defaults */
    {NULL, NULL, 0, true, "hue", UNIFORM, -0.5, 0.5, NULL},
    {NULL, NULL, 0, true, "*", UNIFORM, 0, 1, NULL},
    {"colorjitter", "brightness=0.4,contrast=3,saturation=[0.5,0.9],hue=[0.1,0.1]", 0, true,
     "brightness", UNIFORM, 0.6, 1.4, NULL}, /* one number: torchvision's */
    {NULL, NULL, 0, true, "contrast", UNIFORM, 0, 4, NULL},
    {NULL, NULL, 0, true, "saturation", UNIFORM, 0.5, 0.9, NULL},
    {NULL, NULL, 0, true, "hue", UNIFORM, -0.1, 0.1, NULL},
    {NULL, NULL, 0, true, "order", ORDER, 0, 0, NULL},
    {"hed_transform", NULL, 0, true, "*", UNIFORM, -0.1, 0.1, NULL},
    {"hed_transform", "eosin_bias_range=[0,0.5],dab_sigma_range=[-1,1]", 0, true, "eosin.bias",
     UNIFORM, 0, 0.5, NULL},
    {NULL, NULL, 0, true, "dab.sigma", UNIFORM, -1, 1, NULL},
    {NULL, NULL, 0, true, "*", UNIFORM, -0.1, 0.1, NULL}};

#endif
