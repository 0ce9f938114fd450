/* colour.h - the colours of pictures: told apart by colour-blind eyes, readable on black. */
#ifndef GN_VIEW_COLOUR_H
#define GN_VIEW_COLOUR_H

#include <stdint.h>

/* All are 0xRRGGBB. */
enum {
    GN_VIEW_PAPER = 0x14171c,   /* the sheet */
    GN_VIEW_INK = 0xf1f4f8,     /* names */
    GN_VIEW_SOFT = 0x98a2b0,    /* notes */
    GN_VIEW_ALERT = 0xffa657,   /* what is wrong with a sample */
    GN_VIEW_GREEN = 0x33e07f,   /* truth, when there is one label */
    GN_VIEW_MAGENTA = 0xff4fd8, /* its prediction */
    GN_VIEW_PALE = 0xe8ecf2     /* a mask */
};

/* Of the k-th label, from 0. The first eight are the hues of Okabe and Ito (2008, "Color Universal
 * Design"), lightened for a dark ground; then paler and deeper ones. */
uint32_t gn_view_label_colour(int k);
/* t in 0..1, from black violet over red and yellow to near white; lightness grows all the way. */
uint32_t gn_view_heat(double t);
uint32_t gn_view_mix(uint32_t a, uint32_t b, double share); /* share of b, 0..1 */

#endif
