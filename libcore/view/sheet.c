/* sheet.c - places blocks on a sheet, paints them with cairo and makes the PNG. */
#include "view/sheet.h"

#include <cairo/cairo.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "view/block.h"
#include "view/colour.h"

enum {
    MARGIN = 24,
    BELOW = 28,      /* between lines of samples */
    NARROWEST = 520, /* the foot must be readable */
    HIGHEST = 30000, /* of all lines: cairo draws up to 32767 pixels */
    LEGEND_HEIGHT = 24,
    MOST_LABELS = 256, /* more are no labels */
    MOST_LISTED = 40   /* in the legend, of a role */
};

struct placed {
    struct gn_view_block block;
    int x, y;
};

struct seen {
    int32_t label;
    bool role[GN_VIEW_ROLES];
};

struct gn_sheet {
    struct gn_view_style style;
    struct placed *item;
    size_t n;
    int x, y, line, width; /* where the next block goes, the height of its line, the widest line */
    bool full;
    struct seen *seen; /* sorted, masks left out */
    size_t labels;
    bool mask;
};

struct gn_sheet *gn_sheet_new(const struct gn_view_style *style)
{
    struct gn_sheet *s = gn_alloc(sizeof *s);

    s->style = *style;
    return s;
}

/* ---- labels and their looks ---- */

static int see(struct gn_sheet *s, int32_t label, enum gn_view_role role, struct gn_err *err)
{
    size_t at = 0;

    while (at < s->labels && s->seen[at].label < label)
        at++;
    if (at == s->labels || s->seen[at].label != label) {
        if (s->labels == MOST_LABELS)
            return gn_err_set(err, "more than %d labels: is this an image?", MOST_LABELS);
        s->seen = gn_realloc(s->seen, (s->labels + 1) * sizeof *s->seen);
        memmove(s->seen + at + 1, s->seen + at, (s->labels++ - at) * sizeof *s->seen);
        s->seen[at] = (struct seen){.label = label};
    }
    s->seen[at].role[role] = true;
    return 0;
}

static int see_all(struct gn_sheet *s, const struct gn_view_block *b, struct gn_err *err)
{
    s->mask = s->mask || b->has[GN_VIEW_MASK];
    for (size_t i = 0; i < b->planes; i++)
        for (size_t k = 0; k < b->contours[i].n; k++) {
            const struct gn_contour *c = &b->contours[i].loop[k];

            if (c->role != GN_VIEW_MASK && see(s, c->label, c->role, err) < 0)
                return -1;
        }
    return 0;
}

struct look {
    uint32_t colour;
    bool dashed;
};

static struct look look_of(const struct gn_sheet *s, enum gn_view_role role, size_t k)
{
    if (role == GN_VIEW_MASK)
        return (struct look){GN_VIEW_PALE, true};
    if (s->labels == 1)
        return (struct look){role == GN_VIEW_TRUTH ? GN_VIEW_GREEN : GN_VIEW_MAGENTA, false};
    return (struct look){gn_view_label_colour((int)k), role == GN_VIEW_PREDICTION};
}

/* ---- places ---- */

int gn_sheet_add(struct gn_sheet *s, const struct gn_view_subject *subject, struct gn_err *err)
{
    struct gn_view_block b;
    int x = s->x, y = s->y, line = s->line;

    if (s->full)
        return 0;
    if (gn_view_block_draw(subject, &s->style, &b, err) < 0)
        return -1;
    if (see_all(s, &b, err) < 0) {
        gn_view_block_free(&b);
        return -1;
    }
    if (x > 0 && x + GN_VIEW_BESIDE + b.w > GN_VIEW_LINE) {
        y += line + BELOW;
        x = line = 0;
    }
    x += x > 0 ? GN_VIEW_BESIDE : 0;
    if (y + b.h > HIGHEST) {
        gn_view_block_free(&b);
        s->full = true;
        return s->n ? 0
                    : gn_err_set(err,
                                 "%d pixels are too high for a picture: fewer --slices, "
                                 "more --columns",
                                 b.h);
    }
    s->item = gn_realloc(s->item, (s->n + 1) * sizeof *s->item);
    s->item[s->n++] = (struct placed){b, x, y};
    s->x = x + b.w;
    s->y = y;
    s->line = line > b.h ? line : b.h;
    s->width = s->width > s->x ? s->width : s->x;
    return 1;
}

/* ---- paint ---- */

static void ink(cairo_t *cr, uint32_t rgb, double alpha)
{
    cairo_set_source_rgba(cr, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0,
                          alpha);
}

static void use_font(cairo_t *cr, enum gn_view_font font)
{
    static const double size[] = {
        [GN_VIEW_NAME] = 15,  [GN_VIEW_NOTE] = 12,   [GN_VIEW_WARN] = 12,
        [GN_VIEW_TITLE] = 12, [GN_VIEW_LETTER] = 13, [GN_VIEW_NUMBER] = 11};
    bool bold = font == GN_VIEW_NAME || font == GN_VIEW_LETTER;

    cairo_select_font_face(cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, size[font]);
}

static double text_width(cairo_t *cr, const char *text)
{
    cairo_text_extents_t e;

    cairo_text_extents(cr, text, &e);
    return e.x_advance;
}

/* As much of a text as fits, with an ellipsis if that is not all. Owned by the caller. */
static char *fit(cairo_t *cr, const char *text, double room)
{
    enum { MOST = 400 }; /* bytes: no picture has room for more */
    size_t n = strlen(text);
    char *out = NULL;

    if (n <= MOST && text_width(cr, text) <= room)
        return gn_strdup(text);
    n = n < MOST ? n : MOST;
    for (;;) {
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) /* whole characters */
            n--;
        free(out);
        out = gn_asprintf("%.*s\u2026", (int)n, text);
        if (n == 0 || text_width(cr, out) <= room)
            return out;
        n--;
    }
}

static void put_text(cairo_t *cr, double x, double y, double room, enum gn_view_font font,
                     enum gn_view_align align, const char *text)
{
    static const uint32_t colour[] = {[GN_VIEW_NAME] = GN_VIEW_INK,   [GN_VIEW_NOTE] = GN_VIEW_SOFT,
                                      [GN_VIEW_WARN] = GN_VIEW_ALERT, [GN_VIEW_TITLE] = 0xc3cad4,
                                      [GN_VIEW_LETTER] = GN_VIEW_INK, [GN_VIEW_NUMBER] = 0xd5dae2};
    bool halo = font == GN_VIEW_LETTER || font == GN_VIEW_NUMBER;
    char *shown = NULL;

    use_font(cr, font);
    shown = fit(cr, text, room > 0 ? room : 1e6);
    for (char *p = shown; *p; p++) /* a sample's name may hold a newline */
        *p = *p == '\n' ? ' ' : *p;
    if (align != GN_VIEW_START)
        x -= text_width(cr, shown) * (align == GN_VIEW_CENTRE ? 0.5 : 1);
    cairo_move_to(cr, (int)(x + 0.5), y);
    if (halo) { /* readable on any image */
        cairo_text_path(cr, shown);
        ink(cr, 0, 0.7);
        cairo_set_line_width(cr, 3);
        cairo_stroke(cr);
        cairo_move_to(cr, (int)(x + 0.5), y);
    }
    ink(cr, colour[font], 1);
    cairo_show_text(cr, shown);
    free(shown);
}

static char *number(double v)
{
    return gn_asprintf("%.4g", v == 0 ? 0.0 : v); /* no -0 */
}

static void put_bar(cairo_t *cr, const struct gn_view_bar *b)
{
    char *lo = number(b->lo), *hi = number(b->hi);
    int x = 0;

    use_font(cr, GN_VIEW_NOTE);
    x = b->x - (int)text_width(cr, hi) - 6 - b->w;
    for (int i = 0; i < b->w; i++) {
        ink(cr, gn_view_heat((i + 0.5) / b->w), 1);
        cairo_rectangle(cr, x + i, b->y, 1, b->h);
        cairo_fill(cr);
    }
    put_text(cr, b->x, b->y + 10, 0, GN_VIEW_NOTE, GN_VIEW_END, hi);
    put_text(cr, x - 6, b->y + 10, 0, GN_VIEW_NOTE, GN_VIEW_END, lo);
    free(lo);
    free(hi);
}

static bool add_path(cairo_t *cr, const struct gn_contours *c, enum gn_view_role role,
                     int32_t label)
{
    bool any = false;

    for (size_t i = 0; i < c->n; i++) {
        const float *p = c->xy + 2 * c->loop[i].first;

        if (c->loop[i].role != role || (role != GN_VIEW_MASK && c->loop[i].label != label))
            continue;
        for (size_t k = 0; k < c->loop[i].count; k++)
            cairo_line_to(cr, (double)p[2 * k], (double)p[2 * k + 1]);
        cairo_close_path(cr);
        cairo_new_sub_path(cr);
        any = true;
    }
    return any;
}

static void stroke(cairo_t *cr, enum gn_view_role role, struct look look)
{
    static const double dash[2] = {5, 3}, dots[2] = {2, 3};

    if (role == GN_VIEW_MASK) { /* its pale dots need a dark ground */
        ink(cr, 0, 0.45);
        cairo_set_line_width(cr, 2.5);
        cairo_stroke_preserve(cr);
    }
    if (look.dashed)
        cairo_set_dash(cr, role == GN_VIEW_MASK ? dots : dash, 2, 0);
    ink(cr, look.colour, 1);
    cairo_set_line_width(cr, 1.5);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_stroke(cr);
    cairo_set_dash(cr, NULL, 0, 0);
}

/* Of a sample with truth and prediction, --fill fills the prediction and outlines the truth. */
static bool is_filled(const struct gn_sheet *s, const struct gn_view_block *b, enum gn_view_role r)
{
    return s->style.fill &&
           (r == GN_VIEW_PREDICTION || (r == GN_VIEW_TRUTH && !b->has[GN_VIEW_PREDICTION]));
}

static void put_outlines(cairo_t *cr, const struct gn_sheet *s, const struct gn_view_block *b,
                         const struct gn_contours *c)
{
    for (int lines = 0; lines < 2; lines++) /* no line lies under another's filling */
        for (enum gn_view_role r = GN_VIEW_TRUTH; r < GN_VIEW_ROLES; r++)
            for (size_t k = 0; k < (r == GN_VIEW_MASK ? 1 : s->labels); k++) {
                struct look look = look_of(s, r, k);
                bool filled = is_filled(s, b, r);

                if ((lines ? filled && !s->style.contour : !filled) ||
                    !add_path(cr, c, r, r == GN_VIEW_MASK ? 1 : s->seen[k].label))
                    continue;
                if (lines) {
                    stroke(cr, r, look);
                    continue;
                }
                ink(cr, look.colour, 0.42);
                cairo_set_fill_rule(cr, CAIRO_FILL_RULE_EVEN_ODD);
                cairo_fill(cr);
            }
}

static void put_block(cairo_t *cr, const struct gn_sheet *s, const struct gn_view_block *b)
{
    for (size_t i = 0; i < b->panels; i++) {
        const struct gn_view_panel *p = &b->panel[i];
        cairo_surface_t *image = cairo_image_surface_create_for_data(
            (unsigned char *)p->rgb, CAIRO_FORMAT_RGB24, p->w, p->h,
            cairo_format_stride_for_width(CAIRO_FORMAT_RGB24, p->w));

        cairo_save(cr);
        cairo_translate(cr, p->x, p->y);
        cairo_set_source_surface(cr, image, 0, 0);
        cairo_paint(cr);
        cairo_rectangle(cr, -2, -2, p->w + 4, p->h + 4); /* lines outside a border are seen, too */
        cairo_clip(cr);
        if (p->contours >= 0)
            put_outlines(cr, s, b, &b->contours[p->contours]);
        cairo_restore(cr);
        cairo_surface_destroy(image);
    }
    for (size_t i = 0; i < b->bars; i++)
        put_bar(cr, &b->bar[i]);
    for (size_t i = 0; i < b->texts; i++) {
        const struct gn_view_text *t = &b->text[i];

        put_text(cr, t->x, t->y, t->room, t->font, t->align, t->text);
    }
}

/* ---- the legend ---- */

struct pen {
    cairo_t *cr;
    int x, y, width;
    bool draw;
};

/* The next thing in the legend; on a new line if it would not fit. */
static void legend_item(struct pen *p, const char *text, const struct look *look,
                        enum gn_view_role role)
{
    enum gn_view_font font = look ? GN_VIEW_NOTE : GN_VIEW_TITLE;
    int swatch = look ? 30 : 0, wide = 0;

    use_font(p->cr, font);
    wide = swatch + (int)(text_width(p->cr, text) + 0.5);
    if (p->x > 0 && p->x + wide > p->width) {
        p->x = 0;
        p->y += LEGEND_HEIGHT;
    }
    if (p->draw && look) {
        cairo_move_to(p->cr, MARGIN + p->x, MARGIN + p->y + 8.5);
        cairo_line_to(p->cr, MARGIN + p->x + 23, MARGIN + p->y + 8.5);
        stroke(p->cr, role, *look);
    }
    if (p->draw)
        put_text(p->cr, MARGIN + p->x + swatch, MARGIN + p->y + 13, 0, font, GN_VIEW_START, text);
    p->x += wide + (look ? 14 : 10);
}

/* Its height; 0 when there is nothing to explain. */
static int legend(const struct gn_sheet *s, cairo_t *cr, int width, bool draw)
{
    static const char *const names[] = {"truth", "prediction"};
    struct pen p = {cr, 0, 0, width, draw};

    for (enum gn_view_role r = GN_VIEW_TRUTH; r <= GN_VIEW_PREDICTION; r++) {
        size_t listed = 0, all = 0;

        for (size_t k = 0; k < s->labels; k++) {
            struct look look = look_of(s, r, k);
            char *text = gn_asprintf("%ld", (long)s->seen[k].label);

            if (s->seen[k].role[r] && all++ == 0) {
                p.x += p.x ? 16 : 0;
                legend_item(&p, names[r], NULL, r);
            }
            if (s->seen[k].role[r] && listed < MOST_LISTED) {
                legend_item(&p, text, &look, r);
                listed++;
            }
            free(text);
        }
        if (all > listed) {
            char *text = gn_asprintf("and %zu more", all - listed);

            legend_item(&p, text, NULL, r);
            free(text);
        }
    }
    if (s->mask) {
        struct look look = look_of(s, GN_VIEW_MASK, 0);

        p.x += p.x ? 16 : 0;
        legend_item(&p, "mask", &look, GN_VIEW_MASK);
    }
    return p.x ? p.y + LEGEND_HEIGHT + 8 : 0;
}

/* ---- the whole ---- */

static cairo_t *canvas(int w, int h)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
    cairo_font_options_t *font = cairo_font_options_create();
    cairo_t *cr = cairo_create(surface);

    /* whatever the desktop's settings: the same pixels */
    cairo_font_options_set_antialias(font, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(font, CAIRO_HINT_STYLE_SLIGHT);
    cairo_font_options_set_hint_metrics(font, CAIRO_HINT_METRICS_ON);
    cairo_set_font_options(cr, font);
    cairo_font_options_destroy(font);
    cairo_surface_destroy(surface);
    return cr;
}

static cairo_status_t keep(void *closure, const unsigned char *data, unsigned int n)
{
    gn_str_addn(closure, (const char *)data, n);
    return CAIRO_STATUS_SUCCESS;
}

int gn_sheet_png(struct gn_sheet *s, const char *caption, struct gn_str *png, struct gn_err *err)
{
    cairo_t *cr = canvas(1, 1);
    int width = s->width > NARROWEST ? s->width : NARROWEST;
    int top = MARGIN + legend(s, cr, width, false), foot = top + s->y + s->line + 30;
    struct gn_str text = {0};
    bool letters = false;
    cairo_status_t status;

    cairo_destroy(cr);
    cr = canvas(width + 2 * MARGIN, foot + MARGIN - 4);
    ink(cr, GN_VIEW_PAPER, 1);
    cairo_paint(cr);
    legend(s, cr, width, true);
    for (size_t i = 0; i < s->n; i++) {
        letters = letters || s->item[i].block.letters;
        cairo_save(cr);
        cairo_translate(cr, MARGIN + s->item[i].x, top + s->item[i].y);
        put_block(cr, s, &s->item[i].block);
        cairo_restore(cr);
    }
    gn_str_addf(&text, "%s%s", caption,
                letters ? " \u00b7 the patient's right is on the left" : "");
    put_text(cr, MARGIN, foot, width, GN_VIEW_NOTE, GN_VIEW_START, gn_str_text(&text));
    status = cairo_status(cr);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_write_to_png_stream(cairo_get_target(cr), keep, png);
    cairo_destroy(cr);
    gn_str_free(&text);
    return status == CAIRO_STATUS_SUCCESS
               ? 0
               : gn_err_set(err, "cannot draw: %s", cairo_status_to_string(status));
}

void gn_sheet_free(struct gn_sheet *s)
{
    for (size_t i = 0; s && i < s->n; i++)
        gn_view_block_free(&s->item[i].block);
    if (s) {
        free(s->item);
        free(s->seen);
    }
    free(s);
}
