/* err.c - sticky errors: the first text stays, each level adds what it knows in front. */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

/* End a text that was cut with "...", not in the middle of a UTF-8 character. */
static void mark_cut(char *text, size_t size)
{
    size_t end = size - 4;

    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    memcpy(text + end, "...", 4);
}

/* Formats aside first: an argument may be the text that is being replaced. A name with a newline in
 * it must not make two lines. */
static void format(char *out, size_t size, const char *fmt, va_list args)
{
    int n = vsnprintf(out, size, fmt, args);

    if (n < 0)
        snprintf(out, size, "%s", fmt);
    else if ((size_t)n >= size)
        mark_cut(out, size);
    for (char *p = out; (p = strchr(p, '\n'));)
        *p = '?';
}

static int record(struct gn_err *err, int code, const char *fmt, va_list args)
{
    char text[sizeof err->text];

    if (!err || err->code)
        return -1;
    format(text, sizeof text, fmt, args);
    memcpy(err->text, text, sizeof text);
    err->code = code;
    return -1;
}

int gn_err_set(struct gn_err *err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    record(err, GN_EXIT_FAILED, fmt, args);
    va_end(args);
    return -1;
}

int gn_err_set_lines(struct gn_err *err, const char *lines)
{
    if (!err || err->code)
        return -1;
    if ((size_t)snprintf(err->text, sizeof err->text, "%s", lines) >= sizeof err->text)
        mark_cut(err->text, sizeof err->text);
    err->code = GN_EXIT_FAILED;
    return -1;
}

int gn_err_usage(struct gn_err *err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    record(err, GN_EXIT_USAGE, fmt, args);
    va_end(args);
    return -1;
}

int gn_err_wrap(struct gn_err *err, const char *fmt, ...)
{
    char front[sizeof err->text], text[2 * sizeof err->text + 2];
    va_list args;

    if (!err)
        return -1;
    va_start(args, fmt);
    format(front, sizeof front, fmt, args);
    va_end(args);
    if (!err->code) {
        err->code = GN_EXIT_FAILED;
        memcpy(err->text, front, sizeof front);
        return -1;
    }
    snprintf(text, sizeof text, "%s: %s", front, err->text);
    if (strlen(text) >= sizeof err->text)
        mark_cut(text, sizeof err->text);
    memcpy(err->text, text, sizeof err->text);
    return -1;
}

void gn_err_clear(struct gn_err *err)
{
    if (err) {
        err->code = 0;
        err->text[0] = '\0';
    }
}
