/* str.c - growable text, numbers from text, names and paths. */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Room for n bytes more and the NUL. */
static void reserve(struct gn_str *s, size_t n)
{
    size_t need = s->len + n + 1, cap = s->cap ? s->cap : 32;

    if (need <= s->cap)
        return;
    while (cap < need)
        cap *= 2;
    s->data = gn_realloc(s->data, cap);
    s->cap = cap;
}

void gn_str_addn(struct gn_str *s, const char *bytes, size_t n)
{
    reserve(s, n);
    if (n)
        memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->data[s->len] = '\0';
}

void gn_str_add(struct gn_str *s, const char *text)
{
    gn_str_addn(s, text, strlen(text));
}

void gn_str_addv(struct gn_str *s, const char *fmt, va_list args)
{
    va_list again;
    int n = 0;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0) {
        gn_str_add(s, fmt);
        return;
    }
    reserve(s, (size_t)n);
    vsnprintf(s->data + s->len, (size_t)n + 1, fmt, args);
    s->len += (size_t)n;
}

void gn_str_addf(struct gn_str *s, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    gn_str_addv(s, fmt, args);
    va_end(args);
}

void gn_str_add_real(struct gn_str *s, double value)
{
    char text[40];
    double back = 0;

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (gn_parse_double(text, &back) == 0 && back == value)
            break;
    }
    gn_str_add(s, text);
}

void gn_str_add_shell(struct gn_str *s, const char *text)
{
    bool plain = *text != '\0', control = false;

    for (const char *p = text; *p; p++) {
        control = control || (unsigned char)*p < 0x20 || *p == 0x7f;
        plain = plain && (isalnum((unsigned char)*p) || strchr("_./,:=+@%^-", *p));
    }
    if (plain) {
        gn_str_add(s, text);
        return;
    }
    gn_str_add(s, control ? "$'" : "'");
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            gn_str_addf(s, "\\x%02x", (unsigned)(unsigned char)*p);
        else if (*p == '\'')
            gn_str_add(s, control ? "\\'" : "'\\''");
        else if (*p == '\\' && control)
            gn_str_add(s, "\\\\");
        else
            gn_str_addn(s, p, 1);
    }
    gn_str_add(s, "'");
}

void gn_str_clear(struct gn_str *s)
{
    s->len = 0;
    if (s->data)
        s->data[0] = '\0';
}

void gn_str_free(struct gn_str *s)
{
    free(s->data);
    memset(s, 0, sizeof *s);
}

const char *gn_str_text(const struct gn_str *s)
{
    return s->data ? s->data : "";
}

char *gn_strndup(const char *text, size_t n)
{
    char *copy = gn_realloc(NULL, n + 1);

    if (n)
        memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}

char *gn_strdup(const char *text)
{
    return text ? gn_strndup(text, strlen(text)) : NULL;
}

char *gn_asprintf(const char *fmt, ...)
{
    struct gn_str s = { 0 };
    va_list args;

    va_start(args, fmt);
    gn_str_addv(&s, fmt, args);
    va_end(args);
    return s.data;
}

/* The room is a power of two and one for the NULL at the end, so that the count alone tells when to
 * grow. */
void gn_strs_add(struct gn_strs *list, const char *text)
{
    if ((list->n & (list->n - 1)) == 0)
        list->item = gn_realloc(list->item, ((list->n ? 2 * list->n : 1) + 1) * sizeof *list->item);
    list->item[list->n++] = gn_strdup(text);
    list->item[list->n] = NULL;
}

void gn_strs_free(struct gn_strs *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->item[i]);
    free(list->item);
    memset(list, 0, sizeof *list);
}

uint64_t gn_fnv1a(uint64_t start, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++)
        start = (start ^ p[i]) * UINT64_C(0x100000001b3);
    return start;
}

/* --- the nearest name --- */

enum { NEAREST_MAX = 63 };

static int plain_letter(char c)
{
    return c == '-' ? '_' : tolower((unsigned char)c);
}

static bool is_vowel(char c)
{
    return c && strchr("aeiouy", tolower((unsigned char)c));
}

/* A slip, in parts, so that of equally many slips the likelier wins: who writes by ear takes a
 * vowel for a vowel, who writes fast swaps neighbours. At most 15 slips cannot add up to fewer. */
enum { SLIP = 16, LIKELY_SLIP = 15 };

static int replace_cost(char a, char b)
{
    if (plain_letter(a) == plain_letter(b))
        return 0;
    return is_vowel(a) && is_vowel(b) ? LIKELY_SLIP : SLIP;
}

/* What the slips (insert, delete, replace, swap of neighbours) from a to b cost; both at most
 * NEAREST_MAX. */
static int slips(const char *a, const char *b)
{
    int rows[3][NEAREST_MAX + 2];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    int la = (int)strlen(a), lb = (int)strlen(b);

    for (int j = 0; j <= lb; j++)
        last[j] = before[j] = j * SLIP;
    for (int i = 1; i <= la; i++) {
        int *swap = before;

        now[0] = i * SLIP;
        for (int j = 1; j <= lb; j++) {
            int best = last[j - 1] + replace_cost(a[i - 1], b[j - 1]);

            if (last[j] + SLIP < best)
                best = last[j] + SLIP;
            if (now[j - 1] + SLIP < best)
                best = now[j - 1] + SLIP;
            if (i > 1 && j > 1 && plain_letter(a[i - 1]) == plain_letter(b[j - 2]) &&
                plain_letter(a[i - 2]) == plain_letter(b[j - 1]) &&
                before[j - 2] + LIKELY_SLIP < best)
                best = before[j - 2] + LIKELY_SLIP;
            now[j] = best;
        }
        before = last;
        last = now;
        now = swap;
    }
    return last[lb];
}

static bool starts_with(const char *name, const char *front)
{
    while (*front && plain_letter(*name) == plain_letter(*front))
        name++, front++;
    return *front == '\0';
}

const char *gn_nearest(const char *typed, const char *const *names)
{
    const char *best = NULL;
    size_t length = strlen(typed);
    int most = (length < 3 ? 1 : (int)(length + 2) / 3) * SLIP, least = 0;

    if (length == 0 || length > NEAREST_MAX)
        return NULL;
    for (; *names; names++) {
        int cost = 0;

        if (strlen(*names) > NEAREST_MAX)
            continue;
        cost = slips(typed, *names);
        if (length >= 3 && starts_with(*names, typed) && cost > SLIP)
            cost = SLIP; /* a beginning of the name is as near as one slip */
        if (cost <= most && (!best || cost < least)) {
            best = *names;
            least = cost;
        }
    }
    return best;
}

/* --- numbers --- */

int gn_parse_int(const char *text, int64_t *value)
{
    const char *digits = text + (*text == '-' || *text == '+');
    char *end = NULL;
    long long v = 0;

    if (!isdigit((unsigned char)*digits))
        return -1;
    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno || *end)
        return -1;
    *value = v;
    return 0;
}

static locale_t c_locale;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* strtod in the C locale whatever a linked library has set. */
static double to_double(const char *text, char **end)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_c_locale);
    return c_locale ? strtod_l(text, end, c_locale) : strtod(text, end);
}

int gn_parse_double(const char *text, double *value)
{
    const char *p = text + (*text == '-' || *text == '+');
    char *end = NULL;
    double v = 0;

    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
        return -1;
    if (!isdigit((unsigned char)*p) && *p != '.' && strcasecmp(p, "inf") && strcasecmp(p, "nan") &&
        strcasecmp(p, "infinity"))
        return -1;
    v = to_double(text, &end);
    if (end == text || *end || (isinf(v) && (isdigit((unsigned char)*p) || *p == '.')))
        return -1;
    *value = v;
    return 0;
}

int gn_parse_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMGTPE";
    const char *unit = NULL, *p = text;
    uint64_t scale = 1, whole = 0;
    double value = 0;
    bool point = false;

    if (!isdigit((unsigned char)*p))
        return -1;
    for (; isdigit((unsigned char)*p) || (*p == '.' && !point); p++) {
        point = point || *p == '.';
        if (!point && (__builtin_mul_overflow(whole, 10, &whole) ||
                       __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole)))
            return -1;
    }
    value = to_double(text, NULL);
    unit = *p ? strchr(units, toupper((unsigned char)*p)) : NULL;
    if (unit) {
        scale = UINT64_C(1) << (10 * (unit - units + 1));
        p++;
        if (*p == 'i')
            p++;
    }
    if (*p == 'B' || *p == 'b')
        p++;
    if (*p || (point && scale == 1))
        return -1;
    if (!point)
        return __builtin_mul_overflow(whole, scale, bytes) ? -1 : 0;
    if (value * (double)scale >= 0x1p63)
        return -1;
    *bytes = (uint64_t)(value * (double)scale);
    return 0;
}

/* --- paths --- */

char *gn_path_join(const char *dir, const char *name)
{
    size_t n = strlen(dir);

    if (n == 0 || name[0] == '/')
        return gn_strdup(name);
    return gn_asprintf("%s%s%s", dir, dir[n - 1] == '/' ? "" : "/", name);
}

char *gn_path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return gn_strdup(".");
    while (slash > path && slash[-1] == '/')
        slash--;
    return slash == path ? gn_strdup("/") : gn_strndup(path, (size_t)(slash - path));
}

const char *gn_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Does text[0..n) look like an extension: a letter (a DICOM file's "1.2.840" has none), then
 * letters or digits? */
static bool is_ext(const char *text, size_t n)
{
    if (n == 0 || n > 11 || !isalpha((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]))
            return false;
    return true;
}

const char *gn_path_ext(const char *path)
{
    const char *base = gn_path_base(path), *end = base + strlen(base);
    const char *dot = strrchr(base, '.'), *p = NULL;

    if (!dot || dot == base || !is_ext(dot + 1, (size_t)(end - dot - 1)))
        return end;
    if (strcasecmp(dot, ".gz") == 0) {
        for (p = dot - 1; p > base && *p != '.'; p--)
            ;
        if (p > base && is_ext(p + 1, (size_t)(dot - p - 1)))
            return p;
    }
    return dot;
}

char *gn_path_stem(const char *path)
{
    const char *base = gn_path_base(path);

    return gn_strndup(base, (size_t)(gn_path_ext(path) - base));
}

char *gn_path_name(const char *sample)
{
    struct gn_str out = { 0 };
    size_t cut = 180;

    if (!*sample)
        gn_str_add(&out, "%00"); /* no other name gives this */
    for (const unsigned char *p = (const unsigned char *)sample; *p; p++) {
        bool first = p == (const unsigned char *)sample;

        if (*p == '%' || *p == '/' || *p < 0x20 || *p == 0x7f ||
            (first && (*p == '.' || *p == '-')))
            gn_str_addf(&out, "%%%02X", (unsigned)*p);
        else
            gn_str_addn(&out, (const char *)p, 1);
    }
    if (out.len > 200) {
        while (cut > 170 && ((unsigned char)out.data[cut] & 0xc0) == 0x80)
            cut--; /* not inside a character */
        if (out.data[cut - 1] == '%')
            cut -= 1;
        else if (out.data[cut - 2] == '%')
            cut -= 2;
        out.len = cut;
        gn_str_addf(&out, "-%016llx",
                    (unsigned long long)gn_fnv1a(GN_FNV_START, sample, strlen(sample)));
    }
    return out.data;
}

bool gn_utf8_valid(const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes, *end = p + n;

    while (p < end) {
        unsigned c = *p++, more = 0, least = 0;

        if (c < 0x80)
            continue;
        if (c >= 0xc2 && c <= 0xdf)
            more = 1, least = 0x80, c &= 0x1f;
        else if (c >= 0xe0 && c <= 0xef)
            more = 2, least = 0x800, c &= 0x0f;
        else if (c >= 0xf0 && c <= 0xf4)
            more = 3, least = 0x10000, c &= 0x07;
        else
            return false;
        for (; more > 0; more--) {
            if (p >= end || (*p & 0xc0) != 0x80)
                return false;
            c = c << 6 | (*p++ & 0x3f);
        }
        if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
    }
    return true;
}
