/* file.h - files that are complete or absent: reading whole, mapping, and writing beside and
 * renaming. */
#ifndef GN_BASE_FILE_H
#define GN_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Read a whole regular file or pipe ("-": stdin) of at most limit bytes; *data is owned by the
 * caller (free), NUL-terminated. */
int gn_file_read(const char *path, size_t limit, char **data, size_t *n,
                 struct gn_err *err) GN_MUST_USE;

/* A private, writable, copy-on-write map of a regular file. A file cut by someone else while
 * mapped raises SIGBUS, which ends the program with one line naming the file (handler installed
 * here) and exit 1. */
struct gn_map {
    char *data;
    size_t size;
    char *path;
};
int gn_map_open(struct gn_map *map, const char *path, struct gn_err *err) GN_MUST_USE;
int gn_map_fd(struct gn_map *map, int fd, const char *path,
              struct gn_err *err) GN_MUST_USE; /* fd stays the caller's */
void gn_map_close(struct gn_map *map);

/* An output: "-" is stdout; a regular file (links followed) or nothing is written to a temporary
 * name beside it and renamed by gn_out_commit after fsync when sync is asked; a FIFO, socket or
 * device is written in place. gn_out_abort (also on exit by error) removes the temporary file.
 * One line on failure. */
struct gn_out {
    int fd;
    char *path,
        *tmp;     /* tmp NULL: written in place; path of "-" is "standard output", for messages */
    char *target; /* private: what tmp is renamed to, links followed */
    bool closed_early; /* EPIPE: the reader had enough; writes are ignored from then on */
};
int gn_out_open(struct gn_out *out, const char *path, struct gn_err *err) GN_MUST_USE;
int gn_out_write(struct gn_out *out, const void *data, size_t n, struct gn_err *err) GN_MUST_USE;
int gn_out_commit(struct gn_out *out, bool sync, struct gn_err *err) GN_MUST_USE;
void gn_out_abort(struct gn_out *out);
/* All at once: open, write, commit. */
int gn_file_write(const char *path, const void *data, size_t n, bool sync,
                  struct gn_err *err) GN_MUST_USE;

/* Remove temporary files of outputs not committed; called at exit and from the SIGINT/SIGTERM
 * handler of gn_tool_main (async-signal-safe). */
void gn_out_abort_all(void);

int gn_mkdirs(const char *path, struct gn_err *err) GN_MUST_USE; /* like mkdir -p */

#endif
