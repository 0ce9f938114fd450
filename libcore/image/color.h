/* color.h - changes of colour with given parameters, in place, on float32 images c z y x of three
 * components (R G B), or one where said. top is the value of white.
 *
 * Sources: torchvision's functional adjust_* (https://pytorch.org/vision), the same arithmetic in
 * float32, fractions kept; the stain axes of Ruifrok and Johnston, "Quantification of histochemical
 * staining by color deconvolution", 2001.
 */
#ifndef GN_IMAGE_COLOR_H
#define GN_IMAGE_COLOR_H

#include "base/tensor.h"

enum gn_color { GN_BRIGHTNESS, GN_CONTRAST, GN_SATURATION, GN_HUE, GN_COLORS };

/* Blend with black, with the mean of grey (over all of t), with grey: factor x + (1 - factor)
 * other, cut off to 0..top; factor >= 0. Or turn the hue by factor of a full circle. One component:
 * brightness and contrast; the others leave it. */
void gn_color_adjust(struct gn_tensor *t, enum gn_color what, double factor, double top);

/* Stain s of haematoxylin, eosin and DAB becomes s (1 + scale[k]) + shift[k]; back in colours, cut
 * off to 0..top. Nothing is done if the mean of t / top is outside cut[0]..cut[1]. */
void gn_color_stains(struct gn_tensor *t, const double scale[3], const double shift[3],
                     const double cut[2], double top);

/* One run of n pixels, values 0..1: optical densities in stains (not below 0), and back. r g b
 * become haematoxylin, eosin, DAB in place. For tests. */
void gn_color_to_stains(float *r, float *g, float *b, int n);
void gn_color_from_stains(float *h, float *e, float *d, int n);

#endif
