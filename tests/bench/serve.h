/* serve.h - how tests/bench/run talks to a bench: one line in, one run, one line out.
 *
 * A line names a case; the first time, the bench prepares it. It runs once and answers "SECONDS WORK"
 * (WORK: what a run does, in FLOP or bytes) or "-" where it cannot. So the driver can interleave runs
 * with a peer's, who talks the same way, and an idle side costs nothing. */
#ifndef GN_BENCH_SERVE_H
#define GN_BENCH_SERVE_H

/* Until the end of stdin; run returns seconds, below 0: no such case here. Returns an exit status. */
int bench_serve(double (*run)(const char *line, double *work));

#endif
