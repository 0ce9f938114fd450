/* assemble.h - prediction records of an image's patches, one after the other, into one record: what
 * gn-stitch does. */
#ifndef GN_RUN_ASSEMBLE_H
#define GN_RUN_ASSEMBLE_H

#include "image/slab.h"
#include "image/stitch.h"
#include "stream/record.h"

struct gn_assembly_spec {
    enum gn_stitch_mode mode;
    bool mode_given; /* else the record's stitch, else crop */
    bool labels, to_source;
    enum gn_decode decode;
    double threshold;
};

enum { GN_ASSEMBLY_CLASSES = 1024 };

/* One image being put together. Patches come in order of patch.index, z slowest; a record without
 * patch.index is an image whole. */
struct gn_assembly {
    struct gn_record head; /* of the first patch, affine of the result */
    int64_t next, n;       /* patches in, patches in all */
    int64_t size[3], patch[3], overlap[3], value[GN_ASSEMBLY_CLASSES];
    double affine[12]; /* of the whole image, as the first patch has it */
    bool labels;
    int classes;
    double bytes; /* what the result and its last planes take */
    struct gn_stitcher *stitcher;
    struct gn_slab *slab;
};

/* Number and count of a record's patch ("3/8"); 0 and 1 without the key. */
void gn_assembly_index(const struct gn_record *r, int64_t *i, int64_t *n);
/* The first patch decides size, classes, grid, mode. a: {0}. After an error a may be freed only. r
 * is not yet added. */
int gn_assembly_open(struct gn_assembly *a, const struct gn_record *r,
                     const struct gn_assembly_spec *spec, struct gn_err *err) GN_MUST_USE;
/* Errors: a patch out of order, unlike the first in what it says of the image, or where the grid
 * has none; for labels, a map value that is not finite. */
int gn_assembly_add(struct gn_assembly *a, const struct gn_record *r,
                    struct gn_err *err) GN_MUST_USE;
bool gn_assembly_complete(const struct gn_assembly *a);
/* The whole as a record (owned by the caller): maps, or labels without class_list. a is empty
 * afterwards. */
int gn_assembly_finish(struct gn_assembly *a, const struct gn_assembly_spec *spec,
                       struct gn_record *out, struct gn_err *err) GN_MUST_USE;
void gn_assembly_free(struct gn_assembly *a);

#endif
