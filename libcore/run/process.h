/* process.h - programs as children: found beside this one first, waited for whatever happens, told
 * when a signal comes.
 */
#ifndef GN_RUN_PROCESS_H
#define GN_RUN_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* Puts the folder of the running program first in PATH, so that the programs it calls are its own.
 */
void gn_process_own_path(void);

struct gn_child {
    struct gn_strs argv; /* program and arguments; owned */
    pid_t pid;           /* 0: not started */
    int status;          /* as a shell says it: the exit status, or 128 + the signal */
    int talk;            /* file with what it said on stderr, or is to say it; -1: ours */
};
void gn_child_add(struct gn_child *c, const char *arg);
/* The words of a command line without quoting ("gn-resample -s 1,1,1"), each an argument. */
void gn_child_add_words(struct gn_child *c, const char *words);
void gn_children_free(struct gn_child *c, size_t n);

enum {
    GN_PROCESS_TO_STDERR = 1, /* standard output goes where stderr goes */
    GN_PROCESS_CAPTURE = 2,   /* what each says on stderr goes to child.talk, a nameless file */
    GN_PROCESS_SAVE = 4,      /* SIGTERM and SIGUSR1 go to descendants called gn-train, which save;
                                 to the rest once these have ended */
    GN_PROCESS_TALK = 8       /* child.talk, which is open, becomes its stderr and is closed here */
};

/* Starts the children as one pipeline (one child: alone) and waits until they and all that descends
 * from them have ended. *stopped: the signal that ended them early (SIGTERM, SIGUSR1, SIGINT,
 * SIGHUP), or 0; *saved: some orphan among them ended with 75. -1: one could not be started (the
 * others have ended). */
int gn_process_run(struct gn_child *c, size_t n, int flags, int *stopped, bool *saved,
                   struct gn_err *err) GN_MUST_USE;

/* Is this line of a stage's talk there only because a stage before it failed or left subjects out?
 * That stage says why. */
bool gn_process_only_follows(const char *line);

/* One program without more ado: its status; -1 when it cannot be started or a signal came. */
int gn_process_call(const char *const *argv, struct gn_err *err) GN_MUST_USE;

/* The lock of a folder: opens (and makes) the file and holds it until this process and all it
 * started have ended. Descendants of an owner that was killed are told to end, and waited for; a
 * living owner (a process of this program's name) is an error. *made: the file is new. */
int gn_process_lock(const char *path, bool *made, struct gn_err *err) GN_MUST_USE;

#endif
