/* block.h - one sample as pixels, outlines and texts with their places: what sheet.c paints. */
#ifndef GN_VIEW_BLOCK_H
#define GN_VIEW_BLOCK_H

#include "view/sheet.h"

enum {
    GN_VIEW_LINE = 1552,     /* pixels that pictures side by side may take */
    GN_VIEW_GAP = 6,         /* between the planes of a sample */
    GN_VIEW_LAYER_GAP = 12,  /* between the layers of a flat one */
    GN_VIEW_BESIDE = 18,     /* between samples on a line */
    GN_VIEW_NARROWEST = 168, /* of a block: a name must be readable */
    GN_VIEW_ZOOM = 4,        /* pixels a voxel at most, unless --columns asks for more, or */
    GN_VIEW_SMALL = 256      /* the picture stays below this */
};

enum gn_view_font {
    GN_VIEW_NAME,
    GN_VIEW_NOTE,
    GN_VIEW_WARN,
    GN_VIEW_TITLE,
    GN_VIEW_LETTER,
    GN_VIEW_NUMBER
};
enum gn_view_align { GN_VIEW_START, GN_VIEW_CENTRE, GN_VIEW_END };

struct gn_view_text {
    int x, y; /* baseline; places are relative to the block */
    int room; /* pixels; longer texts end with an ellipsis. 0: all there is */
    enum gn_view_font font;
    enum gn_view_align align;
    char *text;
};
struct gn_view_panel {
    int x, y, w, h;
    uint32_t *rgb; /* h x w, 0xRRGGBB */
    int contours;  /* which of the block's; -1: none */
};
struct gn_view_bar { /* a colour bar with its ends; hi at the right */
    int x, y, w, h;  /* x: of its right end, with the number */
    double lo, hi;
};
struct gn_view_block {
    int w, h, cell; /* cell: width of a flat image's layer */
    size_t rows;    /* layers that have pictures */
    struct gn_view_panel *panel;
    size_t panels;
    struct gn_view_text *text;
    size_t texts;
    struct gn_view_bar *bar;
    size_t bars;
    struct gn_contours *contours; /* one a plane */
    size_t planes;
    bool has[GN_VIEW_ROLES];
    bool letters;
    bool plain; /* one line of an image: its title stands in the notes */
};

/* block is taken as uninitialised, and empty after a failure. */
int gn_view_block_draw(const struct gn_view_subject *s, const struct gn_view_style *style,
                       struct gn_view_block *block, struct gn_err *err) GN_MUST_USE;
void gn_view_block_free(struct gn_view_block *block);

#endif
