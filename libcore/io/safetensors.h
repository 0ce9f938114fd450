/* safetensors.h - models as .safetensors files: named tensors and text metadata
 * (https://huggingface.co/docs/safetensors). */
#ifndef GN_IO_SAFETENSORS_H
#define GN_IO_SAFETENSORS_H

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/tensor.h"

struct gn_named_tensor {
    const char *name;
    struct gn_tensor tensor; /* borrowed from the map when read */
};

struct gn_safetensors {
    struct gn_named_tensor *item; /* in file order (offsets) */
    size_t n;
    struct {
        const char *key, *value;
    } * meta; /* __metadata__, in file order */
    size_t n_meta;
    struct gn_arena arena;
    struct gn_map map;
};

/* Maps the file; checks the header (JSON, at most 64 MiB), dtypes, offsets, overlap, that nothing
 * lies outside. BF16 is refused by name. Never trusts a length. */
int gn_safetensors_open(struct gn_safetensors *st, const char *path,
                        struct gn_err *err) GN_MUST_USE;
const struct gn_tensor *gn_safetensors_get(const struct gn_safetensors *st, const char *name);
const char *gn_safetensors_meta(const struct gn_safetensors *st, const char *key);
void gn_safetensors_close(struct gn_safetensors *st);

/* Build one in memory and write it beside, sync, rename. Equal contents give equal bytes: tensors
 * in the order given, meta in the order given, header padded with spaces to 8, payload 64-aligned.
 * Names and values are copied, tensor data borrowed. */
struct gn_safetensors_out;
struct gn_safetensors_out *gn_safetensors_out_new(void);
void gn_safetensors_out_meta(struct gn_safetensors_out *o, const char *key, const char *value);
void gn_safetensors_out_tensor(struct gn_safetensors_out *o, const char *name,
                               const struct gn_tensor *t);
int gn_safetensors_out_write(struct gn_safetensors_out *o, const char *path,
                             struct gn_err *err) GN_MUST_USE;
void gn_safetensors_out_free(struct gn_safetensors_out *o);

#endif
