/* headers.c - lines and numbers of text headers, units and affines: what MetaImage and NRRD share.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/voxels.h"

int gn_affine_check(const double m[12], const char *format, const char *which, struct gn_err *err)
{
    double length = 1, det;

    for (int i = 0; i < 12; i++)
        if (!isfinite(m[i]))
            return gn_err_set(err, "damaged %s header: the %s is not finite", format, which);
    for (int j = 0; j < 3; j++)
        length *= sqrt(m[j] * m[j] + m[4 + j] * m[4 + j] + m[8 + j] * m[8 + j]);
    det = m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) +
          m[2] * (m[4] * m[9] - m[5] * m[8]);
    if (!(fabs(det) > 1e-9 * length) || !isfinite(length))
        return gn_err_set(err, "the %s is singular: voxels have no volume", which);
    return 0;
}

void gn_affine_flip_xy(double m[12])
{
    for (int i = 0; i < 8; i++)
        m[i] = 0 - m[i]; /* no negative zeros */
}

double gn_unit_mm(const char *name)
{
    static const struct {
        const char *name;
        double mm;
    } units[] = { { "mm", 1 },           { "millimeter", 1 },   { "millimeters", 1 },
                  { "um", 1e-3 },        { "micron", 1e-3 },    { "microns", 1e-3 },
                  { "micrometer", 1e-3 }, { "micrometers", 1e-3 }, { "nm", 1e-6 },
                  { "nanometer", 1e-6 }, { "nanometers", 1e-6 }, { "cm", 10 },
                  { "centimeter", 10 },  { "centimeters", 10 }, { "m", 1000 },
                  { "meter", 1000 },     { "meters", 1000 } };

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcasecmp(name, units[i].name) == 0)
            return units[i].mm;
    return 0;
}

bool gn_text_line(const char *data, size_t n, size_t *at, const char **line, size_t *len)
{
    const char *end;

    if (*at >= n)
        return false;
    *line = data + *at;
    end = memchr(*line, '\n', n - *at);
    *len = end ? (size_t)(end - *line) : n - *at;
    *at += *len + (end ? 1 : 0);
    if (*len && (*line)[*len - 1] == '\r')
        (*len)--;
    return true;
}

char *gn_text_trim(const char *text, size_t n)
{
    while (n && (*text == ' ' || *text == '\t'))
        text++, n--;
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    return gn_strndup(text, n);
}

/* The next word, into 64 bytes; its length, 0 at the end, -1 if it is too long. */
static int next_word(const char **text, char word[64])
{
    size_t n;

    *text += strspn(*text, " \t");
    n = strcspn(*text, " \t");
    if (n > 63)
        return -1;
    memcpy(word, *text, n);
    word[n] = 0;
    *text += n;
    return (int)n;
}

int gn_text_reals(const char *text, double *v, int max)
{
    char word[64];
    int n = 0, len;

    while ((len = next_word(&text, word)) > 0)
        if (n == max || gn_parse_double(word, &v[n++]))
            return -1;
    return len < 0 ? -1 : n;
}

int gn_text_ints(const char *text, int64_t *v, int max)
{
    char word[64];
    int n = 0, len;

    while ((len = next_word(&text, word)) > 0)
        if (n == max || gn_parse_int(word, &v[n++]))
            return -1;
    return len < 0 ? -1 : n;
}
