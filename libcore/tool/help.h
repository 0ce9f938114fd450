/* help.h - --help, the man page and the completion, all from a tool's table; private to this
 * folder. */
#ifndef GN_TOOL_HELP_H
#define GN_TOOL_HELP_H

#include "tool/tool.h"

void gn_help_text(const struct gn_tool *tool, const struct gn_opts *opts, struct gn_str *out);
void gn_help_man(const struct gn_tool *tool, const struct gn_opts *opts, struct gn_str *out);
void gn_help_examples(const struct gn_tool *tool,
                      struct gn_str *out); /* the commands, a line each */
void gn_help_completion(const struct gn_tool *tool, const struct gn_opts *opts, struct gn_str *out);

#endif
