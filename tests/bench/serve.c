/* serve.c - the loop of a bench over the lines of stdin. */
#include "serve.h"

#include <stdio.h>
#include <string.h>

int bench_serve(double (*run)(const char *line, double *work))
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
