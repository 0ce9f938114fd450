/* plugin.h - shared objects beside the programs (bin/../lib/gn/NAME.so), each given struct gn_host.
 * Private to io and, later, whatever else opens plug-ins. */
#ifndef GN_IO_PLUGIN_H
#define GN_IO_PLUGIN_H

#include "base/err.h"

/* The address of a symbol of a plug-in, opened at the first call and kept. package: the Debian
 * package that brings its library; what: what cannot be done without it ("TIFF files cannot be
 * read"). NULL with one line naming all of them. */
void *gn_plugin_symbol(const char *name, const char *symbol, const char *package, const char *what,
                       struct gn_err *err) GN_MUST_USE;

/* The path where a plug-in is looked for; owned by the caller. */
char *gn_plugin_path(const char *name);

#endif
