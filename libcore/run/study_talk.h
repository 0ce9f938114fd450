/* study_talk.h - what make and the programs it starts say on stderr, on its way to ours: the causes
 * of a failure, without the lines that only follow from them. */
#ifndef GN_RUN_STUDY_TALK_H
#define GN_RUN_STUDY_TALK_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct gn_talk {
    int child_end;  /* stderr for the child; a terminal if ours is one, so that progress is drawn */
    bool caused;    /* a program said why it failed */
    int our_end;    /* private, as the rest */
    bool all, drawn;
    pthread_t thread;
    struct gn_str line, follows;
};

/* Starts to pass on what is written to child_end, line by line; the caller closes child_end here
 * once the child has it. Left out: make's own lines, and those of stages whose input was cut; all:
 * nothing is, and caused says nothing. gn-train's note of a signal is left out always. */
int gn_talk_start(struct gn_talk *t, bool all, struct gn_err *err) GN_MUST_USE;
/* Waits until all writers have gone. failed: when no cause was seen, the first line of those left
 * out is printed after all. */
void gn_talk_end(struct gn_talk *t, bool failed);

#endif
