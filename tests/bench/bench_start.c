/* bench_start.c - what starting a program costs: each line is a command (words, no quoting), run
 * with stdin and stdout on /dev/null; the answer is its processor time, user and system, not the
 * wall clock. WORK is 1. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "serve.h"

extern char **environ;

static double run(const char *line, double *work)
{
    char text[1024], *word[32], *rest = NULL;
    posix_spawn_file_actions_t files;
    struct rusage use;
    int n = 0, status, rc;
    pid_t pid;

    snprintf(text, sizeof text, "%s", line);
    for (char *w = strtok_r(text, " ", &rest); w && n < 31; w = strtok_r(NULL, " ", &rest))
        word[n++] = w;
    word[n] = NULL;
    if (n == 0 || posix_spawn_file_actions_init(&files))
        return -1;
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    rc = posix_spawnp(&pid, word[0], &files, NULL, word, environ);
    posix_spawn_file_actions_destroy(&files);
    if (rc || wait4(pid, &status, 0, &use) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
        return -1;
    *work = 1;
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

int main(void)
{
    return bench_serve(run);
}
