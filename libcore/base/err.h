/* err.h - sticky errors.
 *
 * Every function that can fail returns -1 and leaves one line of text in the caller's struct
 * gn_err. The first failure stays: later ones on the same object do not overwrite it, each level
 * only adds what it knows in front ("subject 007: t1.nii.gz: truncated").  Readers return 1 for
 * an item, 0 for a clean end, -1 for an error. */
#ifndef GN_BASE_ERR_H
#define GN_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

#define GN_MUST_USE __attribute__((warn_unused_result))
#define GN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum gn_exit { GN_EXIT_OK = 0, GN_EXIT_FAILED = 1, GN_EXIT_USAGE = 2, GN_EXIT_REQUEUE = 75 };

struct gn_err {
    int code;        /* 0: no error; otherwise the exit status it asks for (enum gn_exit) */
    char text[1000]; /* one line, no newline at the end; may hold several lines for config faults */
};

/* Record a failure (exit status 1) unless one is recorded already.  Always returns -1. */
int gn_err_set(struct gn_err *err, const char *fmt, ...) GN_PRINTF(2, 3);

/* The same with several faults, one a line: the only text that may hold newlines (elsewhere one
 * that came with a name is shown as "?"). */
int gn_err_set_lines(struct gn_err *err, const char *lines);

/* The same for wrong usage (exit status 2). */
int gn_err_usage(struct gn_err *err, const char *fmt, ...) GN_PRINTF(2, 3);

/* Put "fmt: " in front of the recorded text.  Always returns -1. */
int gn_err_wrap(struct gn_err *err, const char *fmt, ...) GN_PRINTF(2, 3);

/* Forget the failure. */
void gn_err_clear(struct gn_err *err);

#endif
