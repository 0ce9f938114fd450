/* log.c - talk on stderr: one write a message, so that the stages of a pipeline do not garble each
 * other. */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char program_name[64] = "gn";
static int verbosity_now;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int progress_state = -1; /* -1: not looked yet, 0: never drawn, 1: drawn */
static bool progress_shown;     /* a progress line stands on the terminal */
static struct timespec progress_last;

static const char clear_line[] = "\r\033[K";

void gn_log_init(const char *program, int verbosity)
{
    snprintf(program_name, sizeof program_name, "%s", program);
    verbosity_now = verbosity;
    progress_state = -1;
}

const char *gn_log_program(void)
{
    return program_name;
}

int gn_log_verbosity(void)
{
    return verbosity_now;
}

/* A message that cannot be written has nowhere else to go: errors are dropped. */
static void write_all(const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = write(STDERR_FILENO, p, n);

        if (k < 0 && errno == EAGAIN) {
            struct pollfd wait = { STDERR_FILENO, POLLOUT, 0 };
            poll(&wait, 1, 1000);
        } else if (k < 0 && errno != EINTR) {
            return;
        } else if (k > 0) {
            p += k;
            n -= (size_t)k;
        }
    }
}

/* Control characters become '?', the two-byte UTF-8 ones (U+0080 to U+009F) too: a file name must
 * not be able to steer a terminal. Newline and tab stay. */
static void mask(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
            *p = '?';
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
            p[0] = p[1] = '?';
    }
}

void gn_log(enum gn_log_level level, const char *fmt, ...)
{
    static const char *const marks[] = { "", "warning: ", "note: ", "", "" };
    char text[8192], out[16384];
    size_t used = 0;
    va_list args;

    if ((verbosity_now < 0 && level > GN_LOG_ERROR) ||
        (verbosity_now < 1 && level > GN_LOG_NOTE &&
         !(level == GN_LOG_STAGE && gn_progress_active())))
        return;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof text, fmt, args) < 0)
        snprintf(text, sizeof text, "%s", fmt);
    va_end(args);
    mask(text);

    pthread_mutex_lock(&lock);
    if (progress_shown) {
        memcpy(out, clear_line, sizeof clear_line - 1);
        used = sizeof clear_line - 1;
        progress_shown = false;
    }
    for (char *line = text; line;) {
        char *end = strchr(line, '\n');
        int n = 0;

        if (end)
            *end = '\0';
        n = snprintf(out + used, sizeof out - used, "%s: %s%s\n", program_name, marks[level], line);
        if (n < 0 || (size_t)n >= sizeof out - used)
            break;
        used += (size_t)n;
        line = end && end[1] ? end + 1 : NULL;
    }
    write_all(out, used);
    pthread_mutex_unlock(&lock);
}

bool gn_progress_active(void)
{
    struct stat st = { 0 };

    if (progress_state < 0) {
        bool open = fstat(STDOUT_FILENO, &st) == 0;
        bool pipe = open && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));

        progress_state = verbosity_now >= 0 && isatty(STDERR_FILENO) && !pipe;
    }
    return progress_state == 1;
}

void gn_progress(const char *fmt, ...)
{
    char text[512], out[sizeof text + sizeof clear_line];
    struct winsize size = { 0 };
    struct timespec now;
    va_list args;
    double gone = 0;

    if (!gn_progress_active())
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&lock);
    gone = (double)(now.tv_sec - progress_last.tv_sec) +
           1e-9 * (double)(now.tv_nsec - progress_last.tv_nsec);
    if (gone < 0.1 && (progress_last.tv_sec || progress_last.tv_nsec))
        goto out;
    progress_last = now;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof text, fmt, args) < 0)
        text[0] = '\0';
    va_end(args);
    mask(text);
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    /* A line that wraps could not be cleared again. */
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 &&
        strlen(text) >= size.ws_col) {
        size_t end = size.ws_col - 1;

        while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
            end--;
        text[end] = '\0';
    }
    snprintf(out, sizeof out, "%s%s", clear_line, text);
    write_all(out, strlen(out));
    progress_shown = true;
out:
    pthread_mutex_unlock(&lock);
}

void gn_progress_done(void)
{
    pthread_mutex_lock(&lock);
    if (progress_shown)
        write_all(clear_line, sizeof clear_line - 1);
    progress_shown = false;
    memset(&progress_last, 0, sizeof progress_last);
    pthread_mutex_unlock(&lock);
}
