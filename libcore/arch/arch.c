/* arch.c - the table of networks. */
#include "arch/arch.h"

#include <strings.h>

#include "base/str.h"

#define LIGHT_MULTI (GN_UNET_LIGHT | GN_UNET_MULTILAYER)
const struct gn_arch gn_archs[] = {
    { { "unet" }, 0, gn_arch_unet, gn_arch_check_16 },
    { { "resunet", "residualunet" }, GN_UNET_RESIDUAL, gn_arch_unet, gn_arch_check_16 },
    { { "light_unet", "lightunet" }, GN_UNET_LIGHT, gn_arch_unet, gn_arch_check_16 },
    { { "light_resunet", "lightresunet" },
      GN_UNET_LIGHT,
      gn_arch_unet,
      gn_arch_check_16 }, /* no residuals, as in GaNDLF */
    { { "unet_multilayer" }, GN_UNET_MULTILAYER, gn_arch_unet, gn_arch_check_depth },
    { { "resunet_multilayer", "residualunet_multilayer" },
      GN_UNET_MULTILAYER | GN_UNET_RESIDUAL,
      gn_arch_unet,
      gn_arch_check_depth },
    { { "light_unet_multilayer", "lightunet_multilayer" },
      LIGHT_MULTI,
      gn_arch_unet,
      gn_arch_check_depth },
    { { "light_resunet_multilayer", "lightresunet_multilayer" },
      LIGHT_MULTI | GN_UNET_RESIDUAL,
      gn_arch_unet,
      gn_arch_check_depth },
    { { "fcn" }, 0, gn_arch_fcn, gn_arch_check_16 },
    { { NULL }, 0, NULL, NULL },
};

const char *const gn_arch_names[] = { "unet",
                                      "resunet",
                                      "residualunet",
                                      "light_unet",
                                      "lightunet",
                                      "light_resunet",
                                      "lightresunet",
                                      "unet_multilayer",
                                      "resunet_multilayer",
                                      "residualunet_multilayer",
                                      "light_unet_multilayer",
                                      "lightunet_multilayer",
                                      "light_resunet_multilayer",
                                      "lightresunet_multilayer",
                                      "fcn",
                                      NULL };

const struct gn_arch *gn_arch_find(const char *name, struct gn_err *err)
{
    for (const struct gn_arch *a = gn_archs; a->name[0]; a++)
        for (int k = 0; k < GN_ARCH_NAMES && a->name[k]; k++)
            if (!strcasecmp(a->name[k], name))
                return a;
    const char *near = gn_nearest(name, gn_arch_names);
    gn_err_set(err, "architecture %s: unknown%s%s%s", name, near ? " (did you mean " : "",
               near ? near : "", near ? "?)" : "");
    return NULL;
}
