/* serve.h - how tests/bench/run talks to a bench: one line in, one run, one line out.
 *
 * A line names a case; the first time, the bench prepares it. It runs once and answers
 * "SECONDS WORK" (WORK: what a run does, in FLOP or bytes) or "-" where it cannot. So the driver
 * can interleave runs with a peer's, who talks the same way, and an idle side costs nothing. */
#ifndef GN_BENCH_SERVE_H
#define GN_BENCH_SERVE_H

#include <stdio.h>
#include <string.h>

/* Until the end of stdin; run returns seconds, below 0: no such case here. Returns an exit
 * status. */
static inline int bench_serve(double (*run)(const char *line, double *work))
{
    char line[1024];

    while (fgets(line, sizeof line, stdin)) {
        double work = 0, seconds;

        line[strcspn(line, "\n")] = 0;
        seconds = run(line, &work);
        if (seconds < 0)
            printf("-\n");
        else
            printf("%.9f %.17g\n", seconds, work);
        if (fflush(stdout))
            return 1;
    }
    return 0;
}

#endif
