/* augment.h - random changes of training images: a list of operations, their draws, and the
 * window of the image that a patch of the result needs.
 *
 * A draw is a pure function of (seed, sample, epoch, patch; place in the list; index), plus the
 * image's name for changes of intensity. Of the 64-bit index (gn_draw_at, rng.h):
 *   voxels  component * voxels of the parent + voxel in the parent, from 0
 *   gate    2^63: the operation is done iff u < probability (drawn without the image's name)
 *   k-th    2^63 + 1 + k: the operation's k-th parameter
 *
 * An operation is one file, augment_NAME.c, and one line in gn_augment_ops[] of augment.c.
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

#define GN_AUGMENT_GATE (UINT64_C(1) << 63)
#define GN_AUGMENT_PARAMETER (GN_AUGMENT_GATE + 1)
enum { GN_AUGMENT_MAX = 250, GN_AUGMENT_VALUES = 4, GN_AUGMENT_SETTINGS = 8 };

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
bool gn_augment_has_intensity(const struct gn_augment_list *list);

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
    struct gn_augment_choice {
        bool done;
        double value[GN_AUGMENT_VALUES]; /* of spatial operations */
    } choice[GN_AUGMENT_MAX];
};
/* Draws the gates and the spatial parameters. Only a hook can fail. */
int gn_augment_draw(struct gn_augment_draws *d, const struct gn_augment_list *list, uint64_t seed,
                    const char *sample, uint32_t epoch, uint32_t patch,
                    const struct gn_augment_hook *hook, struct gn_err *err) GN_MUST_USE;

/* Where the voxel p of an image of size lands under the draws' spatial map: for the centre of a
 * patch. */
void gn_augment_point(const struct gn_augment_draws *d, const int64_t size[3], int64_t p[3]);
/* The part of the parent that the patch of the augmented image is made of. */
void gn_augment_window(const struct gn_augment_draws *d, const int64_t size[3],
                       const struct gn_box *patch, struct gn_box *window);

/* Augment a tensor (c z y x). parent: the size of the image that it is a part of, have: that
 * part. windowed: it is the window that the patch want needs, and becomes that patch (error:
 * have is another window). Otherwise it is an image in its own right, and stays as large. image:
 * the record's name for changes of intensity; NULL: a label or mask, which spatial operations
 * alone touch. out is new; its dtype is that of in, and of images float32 if the list changes
 * intensities. */
int gn_augment_apply(const struct gn_augment_draws *d, const char *image, const int64_t parent[3],
                     const struct gn_box *have, const struct gn_box *want, bool windowed,
                     const struct gn_tensor *in, struct gn_tensor *out, struct gn_err *err)
                     GN_MUST_USE;

/* ---- what an operation is ---- */

struct gn_augment_op {
    const char *name;
    bool spatial;
    const char *const *settings;                    /* names of its keys, NULL at the end */
    void (*init)(struct gn_augment_step *s);        /* defaults */
    /* One setting: its name and 1 or more numbers. -1: the text of the error says what is wrong. */
    int (*set)(struct gn_augment_step *s, const char *key, const double *v, int n,
               struct gn_err *err);
    const char *const *parameters;                  /* names of what is drawn, NULL at the end */
    void (*draw)(const struct gn_augment_step *s, const struct gn_draw *where, double *value);
    /* spatial: which part of its input a part of its output needs, and where a voxel goes */
    void (*before)(const double *value, const int64_t size[3], struct gn_box *box);
    void (*point)(const double *value, const int64_t size[3], int64_t p[3]);
    /* In place. where: the draw of this operation and image; region: the part of the parent that
     * t is, after the operation. */
    void (*run)(const double *value, const struct gn_draw *where, const int64_t parent[3],
                const struct gn_box *region, struct gn_tensor *t);
};
extern const struct gn_augment_op gn_augment_flip, gn_augment_noise;

#endif
