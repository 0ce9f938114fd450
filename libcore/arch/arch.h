/* arch.h - the table of networks: names, what patches they take, and the builder. To add one: a
 * file here and a line in arch.c. */
#ifndef GN_ARCH_ARCH_H
#define GN_ARCH_ARCH_H

#include "nn/build.h"

enum { GN_ARCH_NAMES = 4 };

struct gn_arch {
    const char *name[GN_ARCH_NAMES]; /* canonical first, then other spellings; NULL fills up */
    int variant;                     /* told to the builder: flags of its family */
    /* x is the input node; returns the network's raw output (before the final layer), -1 after an
     * error. */
    int (*build)(struct gn_build *b, int variant, int x);
    int (*check)(const struct gn_net_spec *spec, const int64_t patch[3],
                 struct gn_err *err); /* is the patch (x y z) one it can take? */
};

extern const struct gn_arch gn_archs[]; /* ends with an empty name */
const struct gn_arch *
gn_arch_find(const char *name,
             struct gn_err *err); /* case ignored; NULL: unknown, the error names the nearest */

/* The family's (unet.c). */
enum { GN_UNET_RESIDUAL = 1, GN_UNET_LIGHT = 2, GN_UNET_MULTILAYER = 4 };
int gn_arch_unet(struct gn_build *b, int variant, int x);
int gn_arch_fcn(struct gn_build *b, int variant, int x);
int gn_arch_check_16(const struct gn_net_spec *spec, const int64_t patch[3], struct gn_err *err);
int gn_arch_check_depth(const struct gn_net_spec *spec, const int64_t patch[3], struct gn_err *err);

#endif
