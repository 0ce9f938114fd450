/* study_talk.c - see study_talk.h */
#include "run/study_talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "run/process.h"

enum { LINE_LIMIT = 1 << 16 };

static void say(const char *text, size_t n)
{
    while (n > 0) {
        ssize_t k = write(STDERR_FILENO, text, n);
        struct pollfd room = {STDERR_FILENO, POLLOUT, 0};
        if (k < 0 && errno == EAGAIN)
            poll(&room, 1, 1000);
        else if (k < 0 && errno != EINTR)
            return; /* nobody listens: still read, or the children would stand still */
        text += k > 0 ? k : 0;
        n -= k > 0 ? (size_t)k : 0;
    }
}

/* "PROGRAM: mark...": does the message after the program's name begin so? */
static bool message_begins(const char *line, const char *mark)
{
    const char *text = strstr(line, ": ");
    return text && !strncmp(text + 2, mark, strlen(mark));
}

/* What make says when a recipe failed, what a shell says of a program that a signal ended, and what
 * the stages after a failed one say. */
static bool only_follows(const char *line)
{
    return !strncmp(line, "make: ", 6) || !strcmp(line, "Terminated") || !strcmp(line, "Killed") ||
           gn_process_only_follows(line);
}

static const char wipe[] = "\r\033[K";

/* One line, with its end. A progress line may be wiped out in front of it. */
static void take_line(struct gn_talk *t)
{
    char *line = t->line.data, *end = line + t->line.len - 1;
    if (!strncmp(line, wipe, sizeof wipe - 1))
        line += sizeof wipe - 1;
    *end = 0;
    /* gn-train goes on from its own call; here that is the study's, and the study says so. */
    bool told = message_begins(line, "note: stopped by a signal");
    bool follows = told || (!t->all && only_follows(line));
    if (!follows && !message_begins(line, "warning: ") && !message_begins(line, "note: "))
        t->caused = true;
    if (follows && !told && !t->follows.len)
        gn_str_addf(&t->follows, "%s\n", line);
    *end = '\n';
    t->drawn = false;
    if (!follows)
        say(t->line.data, t->line.len);
    else if (line > t->line.data)
        say(wipe, sizeof wipe - 1);
    gn_str_clear(&t->line);
}

static void take(struct gn_talk *t, const char *text, size_t n)
{
    for (const char *end; (end = memchr(text, '\n', n)); text = end + 1) {
        gn_str_addn(&t->line, text, (size_t)(end + 1 - text));
        n -= (size_t)(end + 1 - text);
        take_line(t);
    }
    gn_str_addn(&t->line, text, n);
    /* Progress has no line end and is shown at once. */
    if (t->line.len > LINE_LIMIT || (t->line.len && t->line.data[0] == '\r')) {
        t->drawn = true;
        say(t->line.data, t->line.len);
        gn_str_clear(&t->line);
    }
}

static void *pass_on(void *arg)
{
    struct gn_talk *t = arg;
    char buf[4096];
    ssize_t n;
    while ((n = read(t->our_end, buf, sizeof buf)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            take(t, buf, (size_t)n);
    return NULL; /* a terminal whose writers have gone gives EIO */
}

/* A terminal of our own, as wide as the one it stands for, that changes no byte. */
static int open_terminal(int end[2])
{
    struct winsize size;
    struct termios raw;
    char name[64];
    end[1] = -1;
    end[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (end[0] >= 0 && grantpt(end[0]) == 0 && unlockpt(end[0]) == 0 &&
        ptsname_r(end[0], name, sizeof name) == 0)
        end[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (end[1] >= 0 && tcgetattr(end[1], &raw) == 0) {
        cfmakeraw(&raw);
        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
            (void)ioctl(end[1], TIOCSWINSZ, &size);
        if (tcsetattr(end[1], TCSANOW, &raw) == 0)
            return 0;
    }
    for (int i = 0; i < 2; i++)
        if (end[i] >= 0)
            close(end[i]);
    return -1;
}

int gn_talk_start(struct gn_talk *t, bool all, struct gn_err *err)
{
    sigset_t none, old;
    int end[2], rc;
    memset(t, 0, sizeof *t);
    t->all = all;
    if ((!isatty(STDERR_FILENO) || open_terminal(end) < 0) && pipe2(end, O_CLOEXEC) < 0)
        return gn_err_set(err, "no pipe: %s", strerror(errno));
    t->our_end = end[0];
    t->child_end = end[1];
    sigfillset(&none); /* signals are for the thread that waits for the children */
    pthread_sigmask(SIG_BLOCK, &none, &old);
    rc = pthread_create(&t->thread, NULL, pass_on, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc) {
        close(end[0]);
        close(end[1]);
        return gn_err_set(err, "no thread: %s", strerror(rc));
    }
    return 0;
}

void gn_talk_end(struct gn_talk *t, bool failed)
{
    pthread_join(t->thread, NULL);
    close(t->our_end);
    if (t->line.len)
        say(t->line.data, t->line.len);
    if (t->drawn) /* whoever drew progress may have been stopped in the middle of it */
        say(wipe, sizeof wipe - 1);
    if (failed && !t->caused && t->follows.len)
        say(t->follows.data, t->follows.len);
    gn_str_free(&t->line);
    gn_str_free(&t->follows);
}
