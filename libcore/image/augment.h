/* augment.h - random changes of training images: a list of operations, their draws, and the
 * window of the image that a patch of the result needs.
 *
 * A draw is a pure function of (seed, sample, epoch, patch; place in the list; index), plus the
 * image's name for changes of intensity. Of the 64-bit index (gn_draw_at, rng.h):
 *   voxels  component * voxels of the parent + voxel in the parent, from 0
 *   gate    2^63: the operation is done iff u < probability (drawn without the image's name)
 *   k-th    2^63 + 1 + k: the operation's k-th parameter
 *
 * Spatial operations that follow one another are one map and one interpolation (warp.h); changes
 * of intensity that are not done do not part them, and labels know no intensity. Statistics that
 * an operation needs (the fill of a turn, the deviation of a blur) are those of the whole image
 * before anything was changed, so that a window and the whole image agree.
 *
 * An operation is one line in gn_augment_ops[] of augment.c and a struct gn_augment_op in a file
 * augment_NAME.c.
 */
#ifndef GN_IMAGE_AUGMENT_H
#define GN_IMAGE_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/tensor.h"
#include "base/yaml.h"
#include "image/geometry.h"
#include "image/warp.h"

#define GN_AUGMENT_GATE (UINT64_C(1) << 63)
#define GN_AUGMENT_PARAMETER (GN_AUGMENT_GATE + 1)
enum { GN_AUGMENT_MAX = 250, GN_AUGMENT_SETTINGS = 24, GN_AUGMENT_NAME = 24 };

struct gn_augment_op;
struct gn_augment_draws;

struct gn_augment_step {
    const struct gn_augment_op *op;
    double probability;
    double setting[GN_AUGMENT_SETTINGS]; /* the operation's own */
    char label[32];                      /* "flip"; the second flip of a list is "flip.2" */
};

/* Called for every parameter drawn, with its value: to print it, or to put another in its place. */
struct gn_augment_hook {
    int (*visit)(void *arg, const struct gn_augment_draws *d, const char *image, const char *op,
                 const char *parameter, double *value, struct gn_err *err);
    void *arg;
};

struct gn_augment_list {
    struct gn_augment_step *step;
    int n;
    int64_t patch[3]; /* the config's patch_size, which some defaults follow from; 0: none.
                         Set before anything is added. */
};

/* Append an operation. settings: "KEY=VALUE,KEY=[A,B]" or NULL; probability is a key of all.
 * Errors (usage): names that are unknown, the nearest one said; values out of range. */
int gn_augment_add(struct gn_augment_list *list, const char *name, const char *settings,
                   double probability, struct gn_err *err) GN_MUST_USE;
/* The same from a config's entry: a mapping of keys, or null (gn_config.aug names probability
 * and all keys). */
int gn_augment_add_yaml(struct gn_augment_list *list, const char *name, const struct gn_yaml *node,
                        double probability, struct gn_err *err) GN_MUST_USE;
void gn_augment_free(struct gn_augment_list *list);
extern const char *const *gn_augment_names(void); /* of all operations, NULL at the end */
/* Does some step interpolate or change intensities? Then images become float32, whatever is drawn.
 */
bool gn_augment_is_real(const struct gn_augment_list *list);

/* The value of window.draws: 16 hex digits that stand for this seed and this list, settings
 * included. */
void gn_augment_key(const struct gn_augment_list *list, uint64_t seed, char key[17]);

/* What one sample (or patch) gets. sample and list are borrowed. */
struct gn_augment_draws {
    const struct gn_augment_list *list;
    const struct gn_augment_hook *hook; /* or NULL */
    uint64_t seed;
    const char *sample;
    uint32_t epoch, patch;
    struct gn_grid after; /* the whole image's grid after the list: quarter turns swap axes */
    /* For windows: a bound of the images' deviations (gn_augment_image.std). gn_augment_draw sets
     * -1, not known: what depends on them then needs the whole image. */
    double std;
    struct gn_augment_choice {
        bool done;
        struct gn_grid before; /* the whole image's grid when this step comes */
        int n;
        double *value; /* n parameters, of spatial and shared operations */
    } * choice;        /* one a step, and one more whose before is after */
};
/* Draws the gates and the parameters that all images share, for an image of this grid. Errors: of
 * a hook, or an operation that cannot be done on such an image. Free after success and after
 * failure. */
int gn_augment_draw(struct gn_augment_draws *d, const struct gn_augment_list *list, uint64_t seed,
                    const char *sample, uint32_t epoch, uint32_t patch, const struct gn_grid *grid,
                    const struct gn_augment_hook *hook, struct gn_err *err) GN_MUST_USE;
void gn_augment_draws_free(struct gn_augment_draws *d);

/* Where the voxel p lands under the draws' spatial map: for the centre of a patch. false: nowhere
 * that can be told. */
bool gn_augment_point(const struct gn_augment_draws *d, int64_t p[3]);
/* The part of the parent that the patch of the augmented image is made of. */
void gn_augment_window(const struct gn_augment_draws *d, const struct gn_box *patch,
                       struct gn_box *window);

/* What operations may know of the whole image before anything was changed. */
struct gn_augment_image {
    const char *name;  /* the record's, for draws; NULL: a label or mask */
    const double *min; /* smallest value of each component; NULL: those of the tensor */
    double std;        /* of all its values, n - 1; negative: that of the tensor */
    double top;        /* white: 255 if it was stored in 8 bits, else 1 */
    /* A patch that is augmented as an image in its own right: size of its parent, its place there.
     * Noise numbers voxels in the parent. size[0] = 0: it is a whole image, or a window of one. */
    struct gn_box of;
};

/* Augment a tensor (c z y x): have says which part of the image it is. windowed: it is the window
 * that the patch want needs, and becomes that patch (error: have is another window). Otherwise it
 * is an image in its own right (have covers all of it, want is not looked at), and becomes
 * d->after in size. out is new; its dtype is that of in, and of images float32 if the list
 * changes intensities or interpolates. */
int gn_augment_apply(const struct gn_augment_draws *d, const struct gn_augment_image *image,
                     const struct gn_box *have, const struct gn_box *want, bool windowed,
                     const struct gn_tensor *in, struct gn_tensor *out,
                     struct gn_err *err) GN_MUST_USE;

/* ---- what an operation is ---- */

/* TorchIO's rule for a setting: two numbers are a range; one number n is -n..n, or with a lower
 * bound (least; -INFINITY: none) n itself. whole: of whole numbers. */
int gn_augment_set_range(double range[2], const char *key, const double *v, int n, double least,
                         double most, bool whole, struct gn_err *err) GN_MUST_USE;

/* A list of axes: 1 for each that is named (0 x, 1 y, 2 z), 0 for the others. */
int gn_augment_set_axes(double listed[3], const char *key, const double *v, int n,
                        struct gn_err *err) GN_MUST_USE;

/* What a change of intensity works on. */
struct gn_augment_work {
    const struct gn_draw *where;          /* the draw of this operation and image */
    const struct gn_grid *whole;          /* the parent's grid at this step */
    const struct gn_box *region;          /* the part of it that t is */
    const struct gn_augment_image *image; /* min and std are filled in, unless it is blind */
    struct gn_tensor *t;                  /* float32 c z y x, changed in place */
};

struct gn_augment_op {
    const char *name;
    bool spatial;
    bool exact;                  /* spatial, and moves whole voxels: the dtype stays */
    bool shared;                 /* intensity, with the same parameters for all images */
    const char *const *settings; /* names of its keys, NULL at the end */
    const char *const *words;    /* a value written as word k is the number k; NULL: no words */
    /* Defaults; patch: that of the list. */
    void (*init)(struct gn_augment_step *s, const int64_t patch[3]);
    /* One setting: its name and 1 or more numbers. -1: the text of the error says what is wrong. */
    int (*set)(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err);
    /* How many parameters are drawn for an image of this grid and number of components (spatial:
     * and shared: 0 components); -1: cannot be done on it. */
    int (*count)(const struct gn_augment_step *s, const struct gn_grid *grid, int64_t components,
                 struct gn_err *err);
    void (*parameter)(const struct gn_augment_step *s, int k, char name[GN_AUGMENT_NAME]);
    /* image: as in gn_augment_work; NULL of spatial and shared operations */
    void (*draw)(const struct gn_augment_step *s, const struct gn_draw *where,
                 const struct gn_grid *grid, const struct gn_augment_image *image, int n,
                 double *value);
    /* Spatial: append the way from its output to its input; *grid becomes that of the output. */
    void (*warp)(const struct gn_augment_step *s, const double *value, struct gn_grid *grid,
                 struct gn_warp *w);
    /* Intensity: how many voxels beyond a voxel it looks at, along x y z. NULL: none, or it takes
     * the region for the whole image (motion, ghosting, spike, swap, colours). std: a bound of the
     * images' deviations, negative: not known. */
    void (*halo)(const struct gn_augment_step *s, const struct gn_grid *grid, double std,
                 int64_t halo[3]);
    int (*run)(const struct gn_augment_step *s, const double *value, int n,
               const struct gn_augment_work *work, struct gn_err *err);
    /* May be NULL. The same where the values are elsewhere yet: every element of work->t is
     * written, none is looked at. 0: not with these settings or values, and nothing was done: run
     * is called, on a copy. */
    int (*run_from)(const struct gn_augment_step *s, const double *value, int n,
                    const struct gn_augment_work *work, const float *from);
    bool blind; /* intensity: draw and run look at neither min nor std of the image */
};
extern const struct gn_augment_op gn_augment_affine, gn_augment_elastic, gn_augment_rotate_90,
    gn_augment_rotate_180, gn_augment_flip, gn_augment_noise;
extern const struct gn_augment_op gn_augment_noise_var, gn_augment_blur, gn_augment_anisotropic,
    gn_augment_gamma, gn_augment_bias, gn_augment_swap, gn_augment_colorjitter,
    gn_augment_hed_transform;
extern const struct gn_augment_op gn_augment_motion, gn_augment_ghosting, gn_augment_spike,
    gn_augment_kspace;

#endif
