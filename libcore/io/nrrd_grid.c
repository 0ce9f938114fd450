/* nrrd_grid.c - what the axes of a NRRD header mean: which are x, y, z and which are channels, and
 * where the voxels lie. Spaces other than those named by left, right, anterior, posterior are
 * taken as left-posterior-superior, as ITK does.
 * https://teem.sourceforge.net/nrrd/format.html */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "io/nrrd.h"

enum { MAX_AXES = 16 };

struct axis {
    int64_t size;
    bool channel;
    bool placed; /* has a direction */
    double dir[4];
    double spacing, min, max; /* NaN: not said */
    bool node;
};

/* World axes to RAS: the sign of x and of y; time: the fourth is no place. */
static const struct space {
    const char *name, *brief;
    int dims;
    double x, y;
    bool time;
} spaces[] = { { "right-anterior-superior", "RAS", 3, 1, 1, false },
               { "left-anterior-superior", "LAS", 3, -1, 1, false },
               { "left-posterior-superior", "LPS", 3, -1, -1, false },
               { "right-anterior-superior-time", "RAST", 4, 1, 1, true },
               { "left-anterior-superior-time", "LAST", 4, -1, 1, true },
               { "left-posterior-superior-time", "LPST", 4, -1, -1, true },
               { "scanner-xyz", "scanner-xyz", 3, -1, -1, false },
               { "scanner-xyz-time", "scanner-xyz-time", 4, -1, -1, true },
               { "3D-right-handed", "3D-right-handed", 3, -1, -1, false },
               { "3D-left-handed", "3D-left-handed", 3, -1, -1, false },
               { "3D-right-handed-time", "3D-right-handed-time", 4, -1, -1, true },
               { "3D-left-handed-time", "3D-left-handed-time", 4, -1, -1, true } };

/* "(1,0,-2.5e0)" of n numbers at *text, moved behind it. 1: it is "none", 0: a vector, -1: neither
 * of the two. */
static int read_vector(const char **text, double *v, int n)
{
    const char *p = *text + strspn(*text, " \t");

    if (strncmp(p, "none", 4) == 0) {
        *text = p + 4;
        return 1;
    }
    if (*p++ != '(')
        return -1;
    for (int i = 0; i < n; i++) {
        char word[64];
        size_t len;
        p += strspn(p, " \t");
        len = strcspn(p, ",) \t");
        if (len > sizeof word - 1)
            return -1;
        memcpy(word, p, len);
        word[len] = 0;
        if (gn_parse_double(word, &v[i]))
            return -1;
        p += len;
        p += strspn(p, " \t");
        if (*p++ != (i == n - 1 ? ')' : ','))
            return -1;
    }
    *text = p;
    return 0;
}

static int damaged(const char *field, struct gn_err *err)
{
    return gn_err_set(err, "damaged NRRD header: %s", field);
}

/* Numbers of an optional field, one an axis. */
static int per_axis(const struct gn_nrrd *h, enum gn_nrrd_field field, const char *name, double *v,
                    int n, struct gn_err *err)
{
    for (int i = 0; i < n; i++)
        v[i] = NAN;
    if (h->field[field] && gn_text_reals(h->field[field], v, n) != n)
        return damaged(name, err);
    return 0;
}

static int read_axes(const struct gn_nrrd *h, struct axis *axis, int n, struct gn_err *err)
{
    double spacing[MAX_AXES], min[MAX_AXES], max[MAX_AXES];
    int64_t size[MAX_AXES];

    if (!h->field[NRRD_SIZES] || gn_text_ints(h->field[NRRD_SIZES], size, n) != n)
        return damaged("sizes", err);
    if (per_axis(h, NRRD_SPACINGS, "spacings", spacing, n, err) ||
        per_axis(h, NRRD_MINS, "axis mins", min, n, err) ||
        per_axis(h, NRRD_MAXS, "axis maxs", max, n, err))
        return -1;
    for (int i = 0; i < n; i++) {
        if (size[i] < 1)
            return gn_err_set(err, "damaged NRRD header: axis %d has size %lld", i + 1,
                              (long long)size[i]);
        axis[i] =
            (struct axis){ .size = size[i], .spacing = spacing[i], .min = min[i], .max = max[i] };
    }
    return 0;
}

/* kinds and centers: words, one an axis. */
static int read_words(const struct gn_nrrd *h, struct axis *axis, int n, struct gn_err *err)
{
    const char *kinds = h->field[NRRD_KINDS], *centers = h->field[NRRD_CENTERS];

    for (int i = 0; i < n && kinds; i++) {
        size_t len;
        kinds += strspn(kinds, " \t");
        if (!(len = strcspn(kinds, " \t")))
            return damaged("kinds", err);
        axis[i].channel = !(len == 6 && strncasecmp(kinds, "domain", 6) == 0) &&
                          !(len == 5 && strncasecmp(kinds, "space", 5) == 0) &&
                          !(len == 4 && strncasecmp(kinds, "none", 4) == 0) &&
                          !(len == 3 && strncmp(kinds, "???", 3) == 0);
        kinds += len;
    }
    for (int i = 0; i < n && centers; i++) {
        size_t len;
        centers += strspn(centers, " \t");
        if (!(len = strcspn(centers, " \t")))
            return damaged("centers", err);
        axis[i].node = len == 4 && strncasecmp(centers, "node", 4) == 0;
        centers += len;
    }
    if ((kinds && kinds[strspn(kinds, " \t")]) || (centers && centers[strspn(centers, " \t")]))
        return damaged(kinds && kinds[strspn(kinds, " \t")] ? "kinds" : "centers", err);
    return 0;
}

static int read_space(const struct gn_nrrd *h, struct space *space, struct gn_err *err)
{
    const char *name = h->field[NRRD_SPACE];
    int64_t dims = 3;

    *space = (struct space){ .dims = 0, .x = -1, .y = -1 };
    for (size_t i = 0; name && i < sizeof spaces / sizeof *spaces; i++)
        if (strcasecmp(name, spaces[i].name) == 0 || strcasecmp(name, spaces[i].brief) == 0)
            *space = spaces[i];
    if (name && !space->dims)
        return gn_err_set(err, "damaged NRRD header: no space %.60s", name);
    if (h->field[NRRD_SPACE_DIMENSION]) {
        if (gn_parse_int(h->field[NRRD_SPACE_DIMENSION], &dims) || dims < 1)
            return damaged("space dimension", err);
        if (name || dims > 4)
            return gn_err_set(err, "a space of %lld dimensions%s is not supported",
                              (long long)dims, name ? " and a name" : "");
        space->dims = (int)dims;
        space->time = dims == 4;
    }
    return 0;
}

/* Millimetres in a unit of each world axis. */
static void read_units(const struct gn_nrrd *h, int dims, double unit[4])
{
    const char *p = h->field[NRRD_UNITS];

    for (int i = 0; i < 4; i++)
        unit[i] = 1;
    for (int i = 0; i < dims && p; i++) {
        char word[32];
        size_t len;
        p = strchr(p, '"');
        if (!p)
            return;
        len = strcspn(++p, "\"");
        if (len < sizeof word) {
            memcpy(word, p, len);
            word[len] = 0;
            if (gn_unit_mm(word) > 0)
                unit[i] = gn_unit_mm(word);
        }
        p += len;
        p += *p == '"';
    }
}

/* Directions by space directions: the axes that have one are x, y, z. */
static int read_directions(const struct gn_nrrd *h, const struct space *space, struct axis *axis,
                           int n, struct gn_err *err)
{
    const char *p = h->field[NRRD_DIRECTIONS];
    double unit[4];

    if (!space->dims)
        return gn_err_set(err, "damaged NRRD header: space directions without a space");
    read_units(h, space->dims, unit);
    for (int i = 0; i < n; i++) {
        int what = read_vector(&p, axis[i].dir, space->dims);
        if (what < 0)
            return damaged("space directions", err);
        axis[i].placed = what == 0;
        for (int k = 0; k < space->dims; k++)
            axis[i].dir[k] *= unit[k];
        if (space->time && axis[i].placed) {
            const double *d = axis[i].dir;
            if (d[3] != 0 && (d[0] != 0 || d[1] != 0 || d[2] != 0))
                return gn_err_set(err, "space directions that mix space and time");
            axis[i].placed = d[3] == 0;
        }
        axis[i].channel = !axis[i].placed;
    }
    return p[strspn(p, " \t")] ? damaged("space directions", err) : 0;
}

/* Directions by spacings, or by minimum and maximum, along the world's axes. *any: the file says
 * something of the kind. */
static int make_directions(struct axis *axis, int n, double origin[3], bool *any,
                           struct gn_err *err)
{
    int spatial = 0;

    for (int i = 0; i < n; i++) {
        struct axis *a = &axis[i];
        double step = a->spacing;
        if (a->channel || spatial == 3) {
            a->channel = true;
            continue;
        }
        if (isnan(step) && !isnan(a->min) && !isnan(a->max) && a->size > (a->node ? 1 : 0))
            step = (a->max - a->min) / (double)(a->size - (a->node ? 1 : 0));
        *any |= !isnan(step) || !isnan(a->min);
        if (isnan(step))
            step = 1;
        if (step == 0)
            return gn_err_set(err, "damaged NRRD header: axis %d has spacing 0", i + 1);
        a->placed = true;
        a->dir[spatial] = step;
        if (!isnan(a->min)) /* the edge of the first cell, or the first node */
            origin[spatial] = a->min + (a->node ? 0 : step / 2);
        spatial++;
    }
    return 0;
}

/* Unit columns for the spatial axes that an image does not have. */
static void complete(double m[12], int have)
{
    if (have == 1) {
        int least = 0;
        double d[3], s = 0;
        for (int i = 1; i < 3; i++)
            if (fabs(m[4 * i]) < fabs(m[4 * least]))
                least = i;
        for (int i = 0; i < 3; i++)
            s += m[4 * i] * m[4 * i];
        for (int i = 0; i < 3; i++)
            d[i] = (i == least) - (s > 0 ? m[4 * least] * m[4 * i] / s : 0);
        s = sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
        for (int i = 0; i < 3; i++)
            m[4 * i + 1] = d[i] / s;
    }
    if (have < 3) {
        const double d[3] = { m[4] * m[9] - m[8] * m[5], m[8] * m[1] - m[0] * m[9],
                              m[0] * m[5] - m[4] * m[1] };
        double s = sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
        for (int i = 0; i < 3; i++)
            m[4 * i + 2] = s > 0 ? d[i] / s : i == 2;
    }
}

/* Which axis of the file is which of the picture. */
static int assign(const struct axis *axis, int n, struct gn_voxels *v, double m[12],
                  struct gn_err *err)
{
    int spatial = 0, channels = 0;
    size_t step = 1;

    for (int i = 0; i < GN_VOXEL_AXES; i++)
        v->size[i] = 1;
    for (int i = 0; i < n; i++) {
        int to;
        if (axis[i].placed) {
            if (spatial == 3)
                return gn_err_set(err, "more than three axes in space are not supported");
            for (int k = 0; k < 3; k++)
                m[4 * k + spatial] = axis[i].dir[k];
            to = spatial++;
        } else if (axis[i].size > 1) {
            if (channels == 2)
                return gn_err_set(err, "more than two axes of channels are not supported");
            to = 3 + channels++;
        } else {
            continue;
        }
        v->size[to] = axis[i].size;
        v->stride[to] = (int64_t)step;
        if (gn_mul_size(step, (size_t)axis[i].size, &step, err))
            return -1;
        if (step > INT64_MAX / 16)
            return gn_err_set(err, "damaged NRRD header: %zu voxels", step);
    }
    if (!spatial)
        m[0] = 1;
    complete(m, spatial ? spatial : 1);
    return 0;
}

int gn_nrrd_grid(const struct gn_nrrd *h, struct gn_voxels *v, struct gn_picture *pic,
                 struct gn_err *err)
{
    struct axis axis[MAX_AXES];
    struct space space;
    int64_t n;
    double origin[4] = { 0 }, unit[4];
    double *m = pic->affine;
    const char *p = h->field[NRRD_ORIGIN];
    bool any = h->field[NRRD_DIRECTIONS] || p;

    if (!h->field[NRRD_DIMENSION] || gn_parse_int(h->field[NRRD_DIMENSION], &n) || n < 1 ||
        n > MAX_AXES)
        return damaged("dimension", err);
    if (read_axes(h, axis, (int)n, err) || read_words(h, axis, (int)n, err) ||
        read_space(h, &space, err))
        return -1;
    memset(m, 0, sizeof pic->affine);
    if (h->field[NRRD_DIRECTIONS] ? read_directions(h, &space, axis, (int)n, err)
                                  : make_directions(axis, (int)n, origin, &any, err))
        return -1;
    if (p) {
        if (!space.dims || read_vector(&p, origin, space.dims) || p[strspn(p, " \t")])
            return damaged("space origin", err);
        read_units(h, space.dims, unit);
        for (int i = 0; i < 3; i++)
            origin[i] *= unit[i];
    }
    if (assign(axis, (int)n, v, m, err))
        return -1;
    for (int i = 0; i < 3; i++)
        m[4 * i + 3] = origin[i];
    for (int i = 0; i < 4; i++) {
        m[i] = space.x < 0 ? 0 - m[i] : m[i];
        m[4 + i] = space.y < 0 ? 0 - m[4 + i] : m[4 + i];
    }
    pic->has_affine = any;
    return gn_affine_check(m, "NRRD", "space directions", err);
}
