/* stain.h - the colours of a histology picture to those of another one; float32 images of three
 * components R, G, B (c z y x, dense), values 0..255, taken as whole numbers.
 *
 * A pixel's optical density is -ln(v / 255), v at least 1; a picture is taken as a sum of two
 * stains, haematoxylin and eosin, each a direction in densities (a row of the matrix) and an amount
 * at every pixel (by least squares).
 *
 * Sources: Ruifrok and Johnston, "Quantification of histochemical staining by color
 *   deconvolution", 2001;
 *   Macenko et al., "A method for normalizing histology slides for quantitative analysis", 2009;
 *   Vahadane et al., "Structure-preserving color normalization and sparse stain separation for
 *   histological images", 2016.
 */
#ifndef GN_IMAGE_STAIN_H
#define GN_IMAGE_STAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum gn_stain { GN_STAIN_RUIFROK, GN_STAIN_MACENKO, GN_STAIN_VAHADANE };
extern const char *const gn_stain_names[]; /* "ruifrok", "macenko", "vahadane", NULL */

struct gn_stain_fit {
    double matrix[2][3]; /* rows haematoxylin (the larger R), eosin */
    double top[2];       /* 99th percentile of the amounts over all pixels */
    bool fallback;       /* the directions found were within 10 degrees: these are Ruifrok's */
};

/* The stains of a picture of n pixels. Macenko's and Vahadane's come from its tissue: what is not
 * bright after the contrast has been stretched. Error: values that are not within 0..255; no
 * tissue. */
int gn_stain_fit(const float *x, int64_t n, enum gn_stain kind, struct gn_stain_fit *fit,
                 struct gn_err *err) GN_MUST_USE;
/* x, which was fitted as from, in the stains of to, rounded to whole numbers. A stain that x hardly
 * has (top below GN_STAIN_LEAST) keeps its amounts. Error: the target hardly has it. */
#define GN_STAIN_LEAST 1e-3
int gn_stain_apply(float *x, int64_t n, const struct gn_stain_fit *from,
                   const struct gn_stain_fit *to, struct gn_err *err) GN_MUST_USE;

/* ---- parts, for tests ---- */

/* CIE L of sRGB (D65), 0..255 for 0..100, rounded. */
int gn_stain_lightness(int r, int g, int b);
/* Half of the squared rest plus 0.1 times the sum of amounts, over n densities (n x 3); the amounts
 * being the best that are not negative. What gn_stain_factor makes smaller. */
double gn_stain_objective(const double *density, int64_t n, const double matrix[2][3]);
/* Vahadane's factors: from the rows of m (of unit length, not negative) on, amounts and rows in
 * turn, each the best for the others, until the rows stand still. */
void gn_stain_factor(const double *density, int64_t n, double m[2][3]);

#endif
