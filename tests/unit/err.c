/* err - sticky errors, allocation, and the lines on stderr. */
#include "base/err.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "check.h"

static void test_err(void)
{
    struct gn_err err = {0};
    char longer[3000];

    CHECK("setting an error returns -1", gn_err_set(&err, "%s: %d", "t1.nii", 7) == -1);
    CHECK("it asks for exit status 1 and holds the text",
          err.code == 1 && !strcmp(err.text, "t1.nii: 7"));
    gn_err_usage(&err, "later");
    CHECK("the first error stays", err.code == 1 && !strcmp(err.text, "t1.nii: 7"));
    CHECK("each level adds what it knows in front",
          gn_err_wrap(&err, "subject %s", "007") == -1 &&
              !strcmp(err.text, "subject 007: t1.nii: 7"));
    gn_err_wrap(&err, "%s", err.text);
    CHECK("the text may be an argument of its own change",
          !strcmp(err.text, "subject 007: t1.nii: 7: subject 007: t1.nii: 7"));
    gn_err_clear(&err);
    CHECK("clearing forgets", err.code == 0 && err.text[0] == '\0');
    CHECK("wrong usage asks for exit status 2", gn_err_usage(&err, "x") == -1 && err.code == 2);
    gn_err_clear(&err);
    gn_err_wrap(&err, "alone");
    CHECK("wrapping nothing is an error of its own", err.code == 1 && !strcmp(err.text, "alone"));

    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    gn_err_clear(&err);
    gn_err_set(&err, "%s", longer);
    CHECK("a long text is cut and says so",
          strlen(err.text) == sizeof err.text - 1 && !strcmp(err.text + 996, "..."));
    gn_err_wrap(&err, "front");
    CHECK("a long text keeps what is put in front",
          !strncmp(err.text, "front: aaa", 10) && !strcmp(err.text + 996, "..."));
    for (size_t i = 0; i + 2 < sizeof longer; i += 2)
        memcpy(longer + i, "\xc3\xa9", 2);
    longer[sizeof longer - 2] = '\0';
    gn_err_clear(&err);
    gn_err_set(&err, "x%s", longer);
    CHECK("it is not cut inside a character",
          !strcmp(err.text + strlen(err.text) - 5, "\xc3\xa9...") &&
              strlen(err.text) < sizeof err.text);
    CHECK("no place for the text is no crash", gn_err_set(NULL, "x") == -1 &&
                                                   gn_err_wrap(NULL, "x") == -1 &&
                                                   gn_err_usage(NULL, "x") == -1);
    gn_err_clear(NULL);
}

static int all_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return 0;
    return 1;
}

static void test_mem(void)
{
    struct gn_err err = {0};
    struct gn_arena arena = {0};
    size_t product = 0, total = 0;
    char *p = gn_alloc(1000), *q = NULL;
    int good = 1;

    CHECK("memory is aligned to a cache line and zero",
          (uintptr_t)p % GN_ALIGN == 0 && all_zero(p, 1000));
    memset(p, 7, 1000);
    p = gn_realloc(p, 100000);
    CHECK("growing keeps the contents", p[0] == 7 && p[999] == 7);
    free(p);
    p = gn_alloc(0);
    CHECK("no bytes are a block too", p != NULL);
    free(p);

    p = gn_try_alloc(5000, &err);
    CHECK("memory for data is aligned and zero",
          p && (uintptr_t)p % GN_ALIGN == 0 && all_zero(p, 5000) && !err.code);
    free(p);
    for (size_t size = 100 << 10; good && size < 80u << 20; size = size * 3 + 1)
        for (int round = 0; good && round < 3; round++) {
            p = gn_try_alloc(size, &err); /* the second one gets memory that was written to */
            good = p && (uintptr_t)p % GN_ALIGN == 0 && all_zero(p, size);
            if (p)
                memset(p, 7, size);
            free(p);
        }
    CHECK("large blocks are aligned and zero too, again after a free", good);
    good = 1;
    CHECK("the limit is the machine's memory at first", gn_mem_limit() > (size_t)1 << 20);
    p = gn_try_alloc(SIZE_MAX - 3, &err);
    CHECK("an absurd size is an error", !p && err.code == 1);
    gn_err_clear(&err);
    total = gn_mem_limit();
    gn_mem_set_limit(1000);
    p = gn_try_alloc(1001, &err);
    CHECK("more than --memory is an error that names both numbers",
          !p && strstr(err.text, "1001") && strstr(err.text, "1000") && gn_mem_limit() == 1000);
    gn_err_clear(&err);
    p = gn_try_alloc(1000, &err);
    CHECK("the limit itself is allowed", p && !err.code);
    free(p);
    gn_mem_set_limit(total);

    CHECK("a product that fits",
          gn_mul_size(1u << 20, 3, &product, &err) == 0 && product == 3u << 20);
    CHECK("a product that does not fit is an error",
          gn_mul_size(SIZE_MAX / 2, 3, &product, &err) == -1 && err.code);

    for (size_t i = 1; i < 3000; i += 7) {
        q = gn_arena_alloc(&arena, i);
        good = good && (uintptr_t)q % 16 == 0 && all_zero(q, i);
        memset(q, 1, i);
    }
    q = gn_arena_alloc(&arena, 5 << 20);
    good = good && all_zero(q, 5 << 20);
    q = gn_arena_alloc(&arena, 10);
    good = good && all_zero(q, 10);
    CHECK("an arena gives aligned, zeroed, separate blocks", good);
    CHECK("text is copied into an arena", !strcmp(gn_arena_strndup(&arena, "abcdef", 3), "abc") &&
                                              !strcmp(gn_arena_strndup(&arena, "", 0), ""));
    gn_arena_free(&arena);
    CHECK("an arena is empty after it is freed", arena.blocks == NULL);
}

/* Runs f in a child with stderr on a pipe; its status comes back, what it wrote is in text. */
static int listen(void (*f)(void), char *text, size_t size, ssize_t *first)
{
    int fd[2], status = 0;
    size_t used = 0;
    ssize_t k = 0;
    pid_t pid = 0;

    fflush(stdout);
    if (pipe(fd))
        return -1;
    pid = fork();
    if (pid == 0) {
        close(fd[0]);
        dup2(fd[1], STDERR_FILENO);
        close(fd[1]);
        f();
        _exit(0);
    }
    waitpid(pid, &status, 0); /* short texts fit in the pipe */
    close(fd[1]);
    if (first)
        *first = -1;
    while ((k = read(fd[0], text + used, size - 1 - used)) > 0) {
        if (first && *first < 0)
            *first = k;
        used += (size_t)k;
    }
    close(fd[0]);
    text[used] = '\0';
    return status;
}

static void say_normal(void)
{
    gn_log_init("gn-tool", 0);
    gn_log(GN_LOG_ERROR, "file: %s", "bad\x1b[2Jname\x7f\xc2\x9b");
    gn_log(GN_LOG_WARN, "careful");
    gn_log(GN_LOG_NOTE, "by the way");
    gn_log(GN_LOG_INFO, "chatter");
    gn_log(GN_LOG_ERROR, "one\ntwo\n");
    gn_progress("never drawn");
    gn_progress_done();
}

static void say_quiet(void)
{
    gn_log_init("gn-tool", -1);
    gn_log(GN_LOG_WARN, "careful");
    gn_log(GN_LOG_NOTE, "by the way");
    gn_log(GN_LOG_ERROR, "broken");
}

static void say_verbose(void)
{
    gn_log_init("gn-tool", 1);
    gn_log(GN_LOG_INFO, "chatter at %d", gn_log_verbosity());
}

static void *say_many(void *name)
{
    for (int i = 0; i < 100; i++)
        gn_log(GN_LOG_ERROR, "%s%s", (const char *)name, (const char *)name);
    return NULL;
}

static void say_threads(void)
{
    pthread_t t[3];
    static char names[3][64] = {"aaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbb", "cccccccccccccccccc"};

    gn_log_init("gn-tool", 0);
    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, say_many, names[i]);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
}

static void say_long(void)
{
    static char text[20000];

    memset(text, 'x', sizeof text - 1);
    gn_log_init("gn-tool", 0);
    gn_log(GN_LOG_ERROR, "%s", text);
}

#if !defined(__SANITIZE_ADDRESS__) /* which does not live with a limit of address space */
static void use_too_much(void)
{
    struct rlimit r = {1u << 30, 1u << 30};

    gn_log_init("gn-tool", 0);
    setrlimit(RLIMIT_AS, &r);
    free(gn_alloc((size_t)1 << 40));
}
#endif

static int whole_lines(char *text)
{
    int n = 0;

    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), n++) {
        const char *p = line + strlen("gn-tool: ");

        if (strlen(line) != 9 + 36 || strspn(p, (char[]){*p, 0}) != 36)
            return -1;
    }
    return n;
}

static void test_log(void)
{
    static char text[65536];
    int status = listen(say_normal, text, sizeof text, NULL);

    CHECK("every line starts with the program, control characters are masked, information is left "
          "out",
          status == 0 &&
              !strcmp(text, "gn-tool: file: bad?[2Jname???\ngn-tool: warning: careful\ngn-tool: "
                            "note: by the way\ngn-tool: one\ngn-tool: two\n"));
    listen(say_quiet, text, sizeof text, NULL);
    CHECK("-q leaves errors only", !strcmp(text, "gn-tool: broken\n"));
    listen(say_verbose, text, sizeof text, NULL);
    CHECK("-v adds information", !strcmp(text, "gn-tool: chatter at 1\n"));
    listen(say_threads, text, sizeof text, NULL);
    CHECK("lines of several threads do not mix", whole_lines(text) == 300);
    listen(say_long, text, sizeof text, NULL);
    CHECK("a message without end is cut, its line is whole",
          strlen(text) > 8000 && strlen(text) < 9000 && text[strlen(text) - 1] == '\n');
#if !defined(__SANITIZE_ADDRESS__)
    status = listen(use_too_much, text, sizeof text, NULL);
    CHECK("out of memory is one line and exit status 1",
          WIFEXITED(status) && WEXITSTATUS(status) == 1 &&
              !strncmp(text, "gn-tool: out of memory", 22));
#endif
}

enum { LATE = 3 }; /* status of a child that the machine kept waiting: what it drew says nothing */

/* Runs f in a child whose stderr is a terminal of 20 columns, its stdout a pipe or /dev/null, until
 * it is not late. */
static void watch(void (*f)(void), int stdout_pipe, char *text, size_t size)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave = -1, fd[2];
    struct winsize w = {.ws_row = 5, .ws_col = 20};
    size_t used = 0;
    ssize_t k = 0;
    pid_t pid = 0;
    int status = 0;

    text[0] = '\0';
    fflush(stdout);
    if (master < 0 || grantpt(master) || unlockpt(master) || pipe(fd))
        return;
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    ioctl(slave, TIOCSWINSZ, &w);
    pid = fork();
    if (pid == 0) {
        dup2(slave, STDERR_FILENO);
        dup2(stdout_pipe ? fd[1] : open("/dev/null", O_WRONLY), STDOUT_FILENO);
        f();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    fcntl(master, F_SETFL, O_NONBLOCK);
    while ((k = read(master, text + used, size - 1 - used)) > 0)
        used += (size_t)k;
    text[used] = '\0';
    close(slave);
    close(master);
    close(fd[0]);
    close(fd[1]);
    if (WIFEXITED(status) && WEXITSTATUS(status) == LATE)
        watch(f, stdout_pipe, text, size);
}

static void draw(void)
{
    struct timespec before, after;

    gn_log_init("gn-tool", 0);
    clock_gettime(CLOCK_MONOTONIC, &before);
    gn_progress("%d of 10\x1b", 1);
    gn_progress("too soon");
    clock_gettime(CLOCK_MONOTONIC, &after);
    if ((double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec) >=
        0.1)
        _exit(LATE);
    gn_log(GN_LOG_ERROR, "x");
    usleep(120000);
    gn_progress("a line that is longer than the terminal");
    gn_progress_done();
}

static void draw_quiet(void)
{
    gn_log_init("gn-tool", -1);
    gn_progress("1 of 10");
    gn_progress_done();
}

static void test_progress(void)
{
    char text[4096];

    watch(draw, 0, text, sizeof text);
    if (!*text) {
        printf("# no terminal can be made here: progress is not tested\n");
        return;
    }
    CHECK(
        "progress is drawn at most ten times a second, cleared before a message, cut to the "
        "terminal",
        !strcmp(text, "\r\033[K1 of 10?\r\033[Kgn-tool: x\r\n\r\033[Ka line that is long\r\033[K"));
    watch(draw, 1, text, sizeof text);
    CHECK("it is not drawn when stdout is a pipe", !strcmp(text, "gn-tool: x\r\n"));
    watch(draw_quiet, 0, text, sizeof text);
    CHECK("it is not drawn under -q", !strcmp(text, ""));
}

int main(void)
{
    test_err();
    test_mem();
    test_log();
    test_progress();
    gn_log_init("gn-unit", 0);
    CHECK("the program's name can be asked for", !strcmp(gn_log_program(), "gn-unit"));
    return check_done();
}
