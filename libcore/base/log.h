/* log.h - talk on stderr: "gn-tool: object: problem: cause", one write a message, control
 * characters masked. */
#ifndef GN_BASE_LOG_H
#define GN_BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

enum gn_log_level { GN_LOG_ERROR, GN_LOG_WARN, GN_LOG_NOTE, GN_LOG_INFO, GN_LOG_STAGE };

/* The name in front of every line; verbosity: -1 quiet (errors only), 0 normal (errors, warnings,
 * notes), 1 and up verbose (information too). A stage, a part of long work that is done, is said
 * when verbose, and where progress is drawn: it stays above that line. Called once by gn_tool_main.
 */
void gn_log_init(const char *program, int verbosity);
const char *gn_log_program(void);
int gn_log_verbosity(void);

/* One line (embedded newlines make several, each prefixed). Clears a progress line first.
 * Warnings and notes say so: "gn-tool: warning: ...". A message is cut at 8 KiB. */
void gn_log(enum gn_log_level level, const char *fmt, ...) GN_PRINTF(2, 3);

/* A progress line on stderr: drawn with \r at most ten times a second, only if stderr is a
 * terminal, stdout is not a pipe and the program is not quiet; otherwise nothing. Ends with
 * gn_progress_done. */
void gn_progress(const char *fmt, ...) GN_PRINTF(1, 2);
bool gn_progress_active(void); /* false: skip composing an expensive line */
void gn_progress_done(void);

#endif
