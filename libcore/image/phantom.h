/* phantom.h - images of invented anatomy with known truth: for demos, tests and benchmarks.
 *
 * Every shape and every grey value is a pure function of the seed and the sample's name; the
 * anatomy does not depend on the size or the spacing it is sampled with. Nothing here is a model of
 * a real person or of a real scanner's physics.
 *
 *   head     a head in MR contrasts: brain with grey and white matter and ventricles, skull, scalp,
 *            face, eyes
 *   tumour   the same with a lesion: necrotic core, enhancing rim, oedema
 *   thorax   a chest radiograph: lungs, heart, ribs, clavicles, spine; some lungs hold an opacity
 *   fundus   a colour photograph of the retina: disc and cup, vessels, macula, spots
 */
#ifndef GN_IMAGE_PHANTOM_H
#define GN_IMAGE_PHANTOM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"

enum gn_phantom_kind {
    GN_PHANTOM_HEAD,
    GN_PHANTOM_TUMOUR,
    GN_PHANTOM_THORAX,
    GN_PHANTOM_FUNDUS,
    GN_PHANTOM_KINDS
};
extern const char *const gn_phantom_names[GN_PHANTOM_KINDS + 1]; /* NULL at the end */

struct gn_phantom {
    enum gn_phantom_kind kind;
    uint64_t seed;
    int64_t size[3];   /* x y z; of a picture z = 1 */
    double spacing[3]; /* mm, of head and tumour; pictures are drawn to fill their size */
    int channels;      /* head, tumour: any number; thorax 1, fundus 3 */
    int labels;        /* how finely labels are told apart, 1 .. gn_phantom_labels */
};

bool gn_phantom_is_flat(enum gn_phantom_kind kind);
/* The fullest number of --labels. head: 1 brain; 2 ventricles apart as 2; 3 white matter apart
 * as 3. tumour: 1 all of it; 2 core 1 and oedema 2; 3 BraTS's 1 necrosis, 2 oedema, 4 enhancing.
 * thorax: 1 lungs; 2 the patient's right 1 and left 2. fundus: 1 disc; 2 cup apart as 2. */
int gn_phantom_labels(enum gn_phantom_kind kind);
/* Size, spacing, channels and labels that show the kind as it is meant: what is 0 is filled in.
 * spacing, when it is filled in, makes the field of view 224 mm. */
void gn_phantom_defaults(struct gn_phantom *p);
/* "t1", "flair" ...; the contrast of a fifth and later channel is invented and called "c5". name:
 * at least 16 bytes. */
void gn_phantom_channel_name(enum gn_phantom_kind kind, int channel, char *name);
/* Years, 20 to 90: the ventricles of a head grow with them. */
double gn_phantom_age(const struct gn_phantom *p, const char *sample);

/* image: channels z y x, int16 (head, tumour) or uint8; label: 1 z y x, uint8; both new, owned by
 * the caller. affine: 3x4, the centre of the field of view at world 0, axes R A S. Runs on the
 * pool. Errors: a size below 8 in a plane or refused by memory. */
int gn_phantom_draw(const struct gn_phantom *p, const char *sample, struct gn_tensor *image,
                    struct gn_tensor *label, double affine[12], struct gn_err *err) GN_MUST_USE;

#endif
