/* sheet.h - a sheet of pictures of samples, drawn with cairo to PNG. gn-view's alone: it is the
 * only program that links cairo.
 *
 * Samples come one after the other and are drawn at once to the pixels they will have; colours of
 * labels are settled at the end, when all labels are known. */
#ifndef GN_VIEW_SHEET_H
#define GN_VIEW_SHEET_H

#include "base/err.h"
#include "base/str.h"
#include "base/tensor.h"
#include "view/contour.h"

enum gn_view_kind {
    GN_VIEW_GREY,   /* a channel as grey */
    GN_VIEW_COLOUR, /* channels 0, 1, 2 as red, green, blue */
    GN_VIEW_HEAT,   /* a channel as colours over the first grey or colour layer, dimmed */
    GN_VIEW_OUTLINE /* whole numbers, one channel: contours on all layers above */
};

/* Tensors are c z y x, all of one size x y z. They are read within gn_sheet_add only. */
struct gn_view_layer {
    const struct gn_tensor *tensor;
    enum gn_view_kind kind;
    int64_t channel; /* of GREY, HEAT */
    double lo, hi;   /* black and white, or the ends of the colour bar; NaN: an end that the image's
                        own values set */
    enum gn_view_role role; /* of OUTLINE */
    bool bare;              /* HEAT without contours over it (a difference) */
    char *title;            /* of the row: "Channel_0"; owned by the caller */
};

struct gn_view_subject {
    const char *name, *note; /* a line each; note may be "" */
    double affine[12];
    bool picture; /* its affine is no place: no letters */
    struct gn_view_layer *layer;
    size_t layers;
};

struct gn_view_style {
    int axis;    /* enum of plane.h */
    int slices;  /* of a volume, along each axis */
    int columns; /* pictures side by side; 0: as many slices, or three of flat images */
    bool contour, fill;
};

struct gn_sheet;
struct gn_sheet *gn_sheet_new(const struct gn_view_style *style);
/* 1: drawn, 0: the sheet is as high as a PNG of cairo's can be and the subject was left out, -1. */
int gn_sheet_add(struct gn_sheet *sheet, const struct gn_view_subject *s,
                 struct gn_err *err) GN_MUST_USE;
/* caption: a line at the foot. Appends the PNG's bytes. */
int gn_sheet_png(struct gn_sheet *sheet, const char *caption, struct gn_str *png,
                 struct gn_err *err) GN_MUST_USE;
void gn_sheet_free(struct gn_sheet *sheet);

#endif
