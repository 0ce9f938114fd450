/* postprocess.h - steps on the regions of a label map, and labels to other labels.
 *
 * Each label's region goes through all steps by itself; then the regions are put together as class
 * maps are decoded: where two meet, the later label wins, and where none is left there is 0. Only
 * the box around a label is worked on.
 */
#ifndef GN_IMAGE_POSTPROCESS_H
#define GN_IMAGE_POSTPROCESS_H

#include "base/tensor.h"
#include "image/components.h"

enum gn_post { GN_POST_FILL_HOLES, GN_POST_CCA, GN_POST_MORPHOLOGY };
extern const char *const gn_post_names[]; /* "fill_holes", "cca", "morphology", NULL */

struct gn_post_step {
    enum gn_post what;
    bool closing;           /* fill_holes: gn_bits_close_faces first */
    int connectivity;       /* cca: 4 or 8 in 2-D, 6, 18 or 26 in 3-D; 0: all */
    enum gn_morphology how; /* morphology */
    int64_t kernel;         /* voxels, odd */
};

/* Its defaults: closing, all neighbours, dilation by a kernel of 1, which changes nothing. -1: no
 * such name. */
int gn_post_step_init(struct gn_post_step *s, const char *name, struct gn_err *err) GN_MUST_USE;
/* One of its parameters, as text: closing, connectivity, mode, kernel_size. */
int gn_post_step_set(struct gn_post_step *s, const char *key, const char *value,
                     struct gn_err *err) GN_MUST_USE;

/* label (1 z y x; a float type must hold whole numbers) is replaced by a new tensor of its dtype.
 * first: n labels that come first, in this order (a class list); the rest follows by value. */
int gn_post_apply(struct gn_tensor *label, const struct gn_post_step *steps, int n_steps,
                  const int64_t *first, int n, struct gn_err *err) GN_MUST_USE;

struct gn_label_pair {
    int64_t from, to;
};
/* Labels that no pair names become 0. The dtype stays if it holds every label that can come out;
 * else it widens to the next that does. label is replaced. */
int gn_post_map(struct gn_tensor *label, const struct gn_label_pair *pair, int n,
                struct gn_err *err) GN_MUST_USE;

#endif
