/* block.c - lays a sample out: a line of planes for each of its layers, and what is written there.
 *
 *   name
 *   values, size, spacing
 *   title of the layer, its window            [colour bar]   (in the line above if it is the only
 * one) plane  plane  plane  plane ...
 */
#include "view/block.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "view/colour.h"
#include "view/plane.h"

enum { NAME_HEIGHT = 22, NOTE_HEIGHT = 18, TITLE_HEIGHT = 20 };
/* Pixels: a picture that is written on is as wide, and as high as one line; a higher one has
 * letters above and below too. "coronal 123" beside the letter below needs WIDE, "cor 123" NARROW.
 */
enum { SMALLEST_LETTERED = 56, LINE_HEIGHT = 18, WIDE = 190, NARROW = 110 };

/* One family of planes and where they stand. */
struct series {
    struct gn_view_plane plane;
    int64_t *at;
    int n, w, h;  /* planes; pixels of one */
    size_t first; /* of its planes among the block's contours */
};

static void add_text(struct gn_view_block *b, int x, int y, int room, enum gn_view_font font,
                     enum gn_view_align align, char *text)
{
    b->text = gn_realloc(b->text, (b->texts + 1) * sizeof *b->text);
    b->text[b->texts++] = (struct gn_view_text){x, y, room, font, align, text};
}

static bool is_row(const struct gn_view_layer *l)
{
    return l->kind != GN_VIEW_OUTLINE;
}

/* ---- which planes, and how large ---- */

static int image_size(const struct gn_view_subject *s, int64_t size[3], struct gn_err *err)
{
    for (size_t i = 0; i < s->layers; i++) {
        const int64_t *shape = s->layer[i].tensor->shape;

        for (int k = 0; k < 3; k++) {
            if (shape[3 - k] > 1 << 20)
                return gn_err_set(err, "a side of %lld voxels is too long to draw",
                                  (long long)shape[3 - k]);
            if (i > 0 && size[k] != shape[3 - k])
                return gn_err_set(
                    err, "%lldx%lldx%lld voxels here, %lldx%lldx%lld in %s: not of one grid",
                    (long long)shape[3], (long long)shape[2], (long long)shape[1],
                    (long long)size[0], (long long)size[1], (long long)size[2], s->layer[0].title);
            size[k] = shape[3 - k];
        }
    }
    return 0;
}

/* The part that is worth seeing: where something is outlined, else where a heat map, else where an
 * image is not 0. */
static void extent(const struct gn_view_subject *s, const struct gn_view_plane *p, int64_t *first,
                   int64_t *last)
{
    static const enum gn_view_kind order[4] = {GN_VIEW_OUTLINE, GN_VIEW_HEAT, GN_VIEW_GREY,
                                               GN_VIEW_COLOUR};
    bool found = false;

    for (int pass = 0; pass < 4 && !found; pass++)
        for (size_t i = 0; i < s->layers; i++) {
            const struct gn_view_layer *l = &s->layer[i];
            bool mask = l->kind == GN_VIEW_OUTLINE && l->role == GN_VIEW_MASK;

            /* of several layers on one tensor the first speaks for all */
            if (l->kind == order[pass] && !mask && (i == 0 || l->tensor != s->layer[i - 1].tensor))
                gn_view_extent(l->tensor, p, first, last, &found);
        }
    if (!found) {
        *first = 0;
        *last = p->size[2] - 1;
    }
}

static int pixels(double length, double scale, int most)
{
    return (int)fmin(fmax(round(length * scale), 1), most);
}

static int make_series(const struct gn_view_subject *s, const struct gn_view_style *style,
                       struct series series[3], int *columns, struct gn_err *err)
{
    int64_t size[3];
    double widest = 0, highest = 0, finest = INFINITY, scale = 0;
    int n = 0, room = 0;
    bool flat = false;

    if (image_size(s, size, err) < 0)
        return -1;
    flat = size[0] == 1 || size[1] == 1 || size[2] == 1;
    for (int world = 0; world < 3; world++) {
        int best = gn_view_best_axis(size, s->affine);
        struct gn_view_plane p;

        if (flat || style->axis == GN_VIEW_AUTO
                ? world != best
                : style->axis != GN_VIEW_ALL && world != style->axis)
            continue;
        gn_view_plane_of(size, s->affine, s->picture, world, &p);
        widest = fmax(widest, (double)p.size[0] * p.spacing[0]);
        highest = fmax(highest, (double)p.size[1] * p.spacing[1]);
        finest = fmin(finest, fmin(p.spacing[0], p.spacing[1]));
        series[n++] = (struct series){.plane = p};
    }
    *columns = style->columns ? style->columns : flat ? 3 : style->slices < 12 ? style->slices : 12;
    room = (GN_VIEW_LINE + GN_VIEW_GAP) / *columns - GN_VIEW_GAP;
    if (flat) /* its neighbours are other samples, which stand further apart */
        room -= GN_VIEW_BESIDE;
    if (room < 32)
        room = 32;
    scale = fmin(room / widest, 1.25 * room / highest);
    if (!style->columns)
        scale = fmin(scale, fmax(GN_VIEW_ZOOM / finest, GN_VIEW_SMALL / fmax(widest, highest)));
    for (int i = 0; i < n; i++) {
        struct series *q = &series[i];
        int64_t first = 0, last = 0;

        q->w = pixels((double)q->plane.size[0] * q->plane.spacing[0], scale, room);
        q->h = pixels((double)q->plane.size[1] * q->plane.spacing[1], scale, 5 * room / 4);
        extent(s, &q->plane, &first, &last);
        q->at = gn_alloc((size_t)style->slices * sizeof *q->at);
        q->n = gn_view_spread(first, last, style->slices, q->at);
    }
    return n;
}

/* ---- pixels ---- */

/* A channel of a plane at the size of its picture. */
static void plane_pixels(const struct gn_tensor *t, int64_t channel, const struct series *q,
                         int64_t at, float *voxels, float *out)
{
    gn_view_extract(t, channel, &q->plane, at, voxels);
    gn_view_resize(voxels, (int)q->plane.size[0], (int)q->plane.size[1], out, q->w, q->h);
}

static uint32_t grey(double v, const struct gn_view_layer *l)
{
    double t = l->hi > l->lo ? (v - l->lo) / (l->hi - l->lo) : v > l->lo;

    return (uint32_t)(fmin(fmax(t, 0), 1) * 255 + 0.5);
}

static void paint_image(const struct gn_view_layer *l, const struct series *q, int64_t at,
                        float *voxels, float *out, uint32_t *rgb)
{
    size_t n = (size_t)q->w * (size_t)q->h;
    int channels = l->kind == GN_VIEW_COLOUR ? 3 : 1;

    memset(rgb, 0, n * sizeof *rgb);
    for (int c = 0; c < channels; c++) {
        plane_pixels(l->tensor, channels == 3 ? c : l->channel, q, at, voxels, out);
        for (size_t i = 0; i < n; i++)
            rgb[i] |= channels == 3 ? grey(out[i], l) << (16 - 8 * c) : grey(out[i], l) * 0x010101u;
    }
}

static uint32_t dimmed(uint32_t rgb)
{
    double v = 0.2126 * (rgb >> 16) + 0.7152 * (rgb >> 8 & 255) + 0.0722 * (rgb & 255);

    return (uint32_t)(0.7 * v + 0.5) * 0x010101u;
}

/* Over the dimmed image a value shows the more the higher it is; with nothing below, colours alone.
 */
static void paint_heat(const struct gn_view_layer *l, const struct gn_view_layer *below,
                       const struct series *q, int64_t at, float *voxels, float *out, uint32_t *rgb)
{
    size_t n = (size_t)q->w * (size_t)q->h;

    if (below)
        paint_image(below, q, at, voxels, out, rgb);
    plane_pixels(l->tensor, l->channel, q, at, voxels, out);
    for (size_t i = 0; i < n; i++) {
        double t = l->hi > l->lo ? (out[i] - l->lo) / (l->hi - l->lo) : 0;
        uint32_t hot = gn_view_heat(t);

        rgb[i] = below ? gn_view_mix(dimmed(rgb[i]), hot, fmin(fmax(2.5 * t, 0), 0.85)) : hot;
    }
}

/* ---- outlines ---- */

static void outline(const struct gn_view_subject *s, const struct series *q, int64_t at,
                    float *voxels, struct gn_view_block *b, struct gn_contours *c)
{
    int w = (int)q->plane.size[0], h = (int)q->plane.size[1];
    size_t n = (size_t)w * (size_t)h;
    int32_t *label = gn_alloc(n * sizeof *label);

    for (size_t k = 0; k < s->layers; k++) {
        const struct gn_view_layer *l = &s->layer[k];

        if (is_row(l))
            continue;
        gn_view_extract(l->tensor, 0, &q->plane, at, voxels);
        for (size_t i = 0; i < n; i++) {
            double v = l->role == GN_VIEW_MASK ? voxels[i] != 0 : voxels[i];

            label[i] = (int32_t)fmin(fmax(nearbyint(v), INT32_MIN), INT32_MAX);
        }
        /* truth inside its border, prediction outside: where they agree both are seen */
        gn_contours_add(c, label, w, h, (double)q->w / w, (double)q->h / h,
                        l->role == GN_VIEW_PREDICTION ? -0.75 : 0.75, l->role);
        b->has[l->role] = true;
    }
    free(label);
}

/* ---- layout ---- */

/* "sagittal 12", "sag 12", or "x 12": which plane, by its voxel index */
static char *plane_name(const struct gn_view_plane *p, int64_t at, bool whole)
{
    long long i = (long long)gn_view_index(p, at);

    if (!p->name)
        return gn_asprintf("%c %lld", "xyz"[p->axis[2]], i);
    return gn_asprintf("%.*s %lld", whole ? 8 : p->name[0] == 'a' ? 2 : 3, p->name, i);
}

static void panel_texts(struct gn_view_block *b, const struct gn_view_panel *p,
                        const struct series *q, int64_t at, bool first)
{
    const char *letter = q->plane.letter;
    bool lettered = letter[0] && first, thin = p->h < SMALLEST_LETTERED;

    if (p->w < SMALLEST_LETTERED || p->h < LINE_HEIGHT)
        return;
    if (q->plane.size[2] > 1 && !(thin && lettered && p->w < NARROW))
        add_text(b, p->x + (thin && lettered ? 20 : 5), p->y + (thin ? p->h / 2 + 4 : p->h - 6), 0,
                 GN_VIEW_NUMBER, GN_VIEW_START, plane_name(&q->plane, at, p->w >= WIDE));
    if (!lettered)
        return;
    b->letters = true;
    add_text(b, p->x + 5, p->y + p->h / 2 + 4, 0, GN_VIEW_LETTER, GN_VIEW_START,
             gn_asprintf("%c", letter[0]));
    add_text(b, p->x + p->w - 5, p->y + p->h / 2 + 4, 0, GN_VIEW_LETTER, GN_VIEW_END,
             gn_asprintf("%c", letter[1]));
    if (thin)
        return;
    add_text(b, p->x + p->w / 2, p->y + 15, 0, GN_VIEW_LETTER, GN_VIEW_CENTRE,
             gn_asprintf("%c", letter[2]));
    if (q->plane.size[2] == 1 || p->w >= NARROW) /* what is above says what is below */
        add_text(b, p->x + p->w / 2, p->y + p->h - 6, 0, GN_VIEW_LETTER, GN_VIEW_CENTRE,
                 gn_asprintf("%c", letter[3]));
}

static char *title_text(const struct gn_view_layer *l)
{
    return l->kind == GN_VIEW_GREY ? gn_asprintf("%s   %.4g \u2026 %.4g", l->title, l->lo, l->hi)
                                   : gn_strdup(l->title);
}

static void title(struct gn_view_block *b, const struct gn_view_layer *l, int x, int y, int w)
{
    int bar = 0;

    if (l->kind == GN_VIEW_HEAT) {
        bar = 170;
        b->bar = gn_realloc(b->bar, (b->bars + 1) * sizeof *b->bar);
        b->bar[b->bars++] = (struct gn_view_bar){x + w, y + 4, 72, 10, l->lo, l->hi};
    }
    add_text(b, x, y + 14, w - bar, GN_VIEW_TITLE, GN_VIEW_START, title_text(l));
}

/* The pictures of a layer, `columns` on a line, w pixels in all; l NULL: nothing but outlines on
 * black. Returns the y below them. */
static int row(const struct gn_view_layer *l, const struct gn_view_layer *below,
               const struct series *q, int columns, int x, int y, int w, float *voxels,
               struct gn_view_block *b)
{
    float *out = gn_alloc((size_t)q->w * (size_t)q->h * sizeof *out);

    if (l && !b->plain)
        title(b, l, x, y, w);
    y += l && !b->plain ? TITLE_HEIGHT : 2;
    for (int i = 0; i < q->n; i++) {
        bool bare = l && l->bare;
        struct gn_view_panel p = {.x = x + i % columns * (q->w + GN_VIEW_GAP),
                                  .w = q->w,
                                  .h = q->h,
                                  .y = y + i / columns * (q->h + GN_VIEW_GAP),
                                  .contours = bare ? -1 : (int)q->first + i};

        p.rgb = gn_alloc((size_t)p.w * (size_t)p.h * sizeof *p.rgb);
        if (l && l->kind == GN_VIEW_HEAT)
            paint_heat(l, below, q, q->at[i], voxels, out, p.rgb);
        else if (l)
            paint_image(l, q, q->at[i], voxels, out, p.rgb);
        b->panel[b->panels++] = p;
        panel_texts(b, &p, q, q->at[i], i == 0);
    }
    free(out);
    return y + ((q->n - 1) / columns + 1) * (q->h + GN_VIEW_GAP) - GN_VIEW_GAP;
}

/* All layers of a series: of a volume one below the other, of a flat image side by side. */
static int rows_of(const struct gn_view_subject *s, const struct gn_view_layer *below,
                   const struct series *q, int columns, int y, float *voxels,
                   struct gn_view_block *b)
{
    bool flat = q->n == 1 && b->rows > 1;
    int w = flat ? b->cell : b->w, at = 0, next = y;

    for (size_t k = 0; k < s->layers; k++) {
        if (!is_row(&s->layer[k]))
            continue;
        if (at == (flat ? columns : 1)) {
            y = next + 4;
            at = 0;
        }
        next =
            row(&s->layer[k], below, q, columns, at++ * (w + GN_VIEW_LAYER_GAP), y, w, voxels, b);
    }
    return b->rows ? next : row(NULL, NULL, q, columns, 0, y, b->w, voxels, b);
}

/* Black and white, or the ends of a colour bar, where nobody said. Returns how many values are no
 * numbers. */
static int64_t windows(const struct gn_view_subject *s)
{
    int64_t odd = 0;

    for (size_t i = 0; i < s->layers; i++) {
        struct gn_view_layer *l = &s->layer[i];
        bool colour = l->kind == GN_VIEW_COLOUR, heat = l->kind == GN_VIEW_HEAT;
        double lo = 0, hi = 0;

        if (!is_row(l))
            continue;
        odd += gn_view_percentiles(l->tensor, colour ? 0 : l->channel, colour ? 2 : l->channel,
                                   !colour && !heat, heat ? 0 : 0.5, heat ? 100 : 99.5, &lo, &hi);
        if (!heat && lo == hi && lo > 0) /* two values, one of them 0 */
            lo = 0;
        l->lo = isnan(l->lo) ? lo : l->lo;
        l->hi = isnan(l->hi) ? hi : l->hi;
    }
    return odd;
}

static int head(const struct gn_view_subject *s, int64_t odd, struct gn_view_block *b)
{
    struct gn_str note = {0};
    int y = NAME_HEIGHT;

    add_text(b, 0, 16, b->w, GN_VIEW_NAME, GN_VIEW_START, gn_strdup(s->name));
    gn_str_add(&note, s->note);
    for (size_t i = 0; b->plain && i < s->layers; i++)
        if (is_row(&s->layer[i])) {
            char *text = title_text(&s->layer[i]);

            gn_str_addf(&note, "%s%s", note.len ? " \u00b7 " : "", text);
            free(text);
        }
    if (note.len) {
        add_text(b, 0, y + 13, b->w, GN_VIEW_NOTE, GN_VIEW_START, gn_strdup(note.data));
        y += NOTE_HEIGHT;
    }
    gn_str_free(&note);
    if (odd) {
        add_text(b, 0, y + 13, b->w, GN_VIEW_WARN, GN_VIEW_START,
                 gn_asprintf("%lld value%s not finite, drawn as 0", (long long)odd,
                             odd == 1 ? " is" : "s are"));
        y += NOTE_HEIGHT;
    }
    return y;
}

int gn_view_block_draw(const struct gn_view_subject *s, const struct gn_view_style *style,
                       struct gn_view_block *block, struct gn_err *err)
{
    struct series series[3] = {{.n = 0}};
    const struct gn_view_layer *below = NULL;
    size_t most = 1, planes = 0;
    float *voxels = NULL;
    int columns = 1, n = 0, y = 0, rc = -1;

    *block = (struct gn_view_block){.w = GN_VIEW_NARROWEST};
    n = make_series(s, style, series, &columns, err);
    if (n < 0)
        goto out;
    for (size_t i = 0; i < s->layers; i++) {
        block->rows += is_row(&s->layer[i]);
        if (!below && is_row(&s->layer[i]) && s->layer[i].kind != GN_VIEW_HEAT)
            below = &s->layer[i];
    }
    block->plain = block->rows == 1 && below && n == 1;
    for (int i = 0; i < n; i++) {
        struct series *q = &series[i];
        int across = q->n > 1 ? q->n : (int)block->rows;
        size_t area = 0;

        across = across > columns ? columns : across > 0 ? across : 1;
        block->cell = q->w > GN_VIEW_NARROWEST || across == 1 ? q->w : GN_VIEW_NARROWEST;
        if (gn_mul_size((size_t)q->plane.size[0], (size_t)q->plane.size[1], &area, err) < 0)
            goto out;
        most = area > most ? area : most;
        q->first = planes;
        planes += (size_t)q->n;
        across = q->n > 1 ? across * (q->w + GN_VIEW_GAP) - GN_VIEW_GAP
                          : across * (block->cell + GN_VIEW_LAYER_GAP) - GN_VIEW_LAYER_GAP;
        block->w = across > block->w ? across : block->w;
    }
    voxels = gn_try_alloc(most * sizeof *voxels, err);
    if (!voxels)
        goto out;
    block->contours = gn_alloc(planes * sizeof *block->contours);
    block->planes = planes;
    block->panel = gn_alloc(planes * (block->rows + 1) * sizeof *block->panel);
    y = head(s, windows(s), block);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < series[i].n; k++)
            outline(s, &series[i], series[i].at[k], voxels, block,
                    &block->contours[series[i].first + (size_t)k]);
        y = rows_of(s, below, &series[i], columns, y, voxels, block) + 4;
    }
    block->h = y - 4;
    rc = 0;
out:
    for (int i = 0; i < 3; i++)
        free(series[i].at);
    free(voxels);
    if (rc < 0)
        gn_view_block_free(block);
    return rc;
}

void gn_view_block_free(struct gn_view_block *b)
{
    for (size_t i = 0; i < b->panels; i++)
        free(b->panel[i].rgb);
    for (size_t i = 0; i < b->texts; i++)
        free(b->text[i].text);
    for (size_t i = 0; i < b->planes; i++)
        gn_contours_free(&b->contours[i]);
    free(b->panel);
    free(b->text);
    free(b->bar);
    free(b->contours);
    *b = (struct gn_view_block){0};
}
