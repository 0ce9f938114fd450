/* tensor.h - a dense row-major array with a dtype: what every numeric function takes and gives.
 *
 * Images are c z y x (slowest first, so x is contiguous); networks see N C D H W. Sizes are counted
 * in elements. A tensor either owns its data or borrows it. */
#ifndef GN_BASE_TENSOR_H
#define GN_BASE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum gn_dtype {
    GN_UINT8, GN_INT8, GN_UINT16, GN_INT16, GN_UINT32, GN_INT32, GN_UINT64, GN_INT64,
    GN_FLOAT16, GN_FLOAT32, GN_FLOAT64, GN_DTYPES
};

enum { GN_MAX_RANK = 8 };

struct gn_tensor {
    enum gn_dtype dtype;
    int rank;
    int64_t shape[GN_MAX_RANK]; /* slowest axis first, each >= 1 */
    void *data;
    void *owned;                /* what gn_tensor_free frees; NULL when the data is borrowed */
};

extern const char *const gn_dtype_names[GN_DTYPES + 1]; /* numpy's names, NULL at the end */
size_t gn_dtype_size(enum gn_dtype dtype);
bool gn_dtype_is_float(enum gn_dtype dtype);
int gn_dtype_parse(const char *name, enum gn_dtype *dtype) GN_MUST_USE; /* -1: no such name */
/* Smallest and largest value an integer dtype holds, as double (exact up to 32 bits); of a float
 * dtype, the smallest and largest finite value. */
void gn_dtype_range(enum gn_dtype dtype, double *lo, double *hi);

/* Product of the shape (of a tensor that gn_tensor_bytes accepts). */
int64_t gn_tensor_count(const struct gn_tensor *t);
/* Size of the data, checked: -1 with an error for a rank outside 0..8 (0: one element), an axis
 * below 1, or more than 2^46 bytes. */
int gn_tensor_bytes(const struct gn_tensor *t, size_t *bytes, struct gn_err *err) GN_MUST_USE;

/* Set dtype and shape and allocate zeroed, aligned data that the tensor owns. Refuses what
 * gn_try_alloc refuses; t is {0} after a failure. Frees nothing: t is taken as uninitialised. */
int gn_tensor_new(struct gn_tensor *t, enum gn_dtype dtype, int rank, const int64_t *shape,
                  struct gn_err *err) GN_MUST_USE;
/* The common case: c z y x. */
int gn_tensor_new4(struct gn_tensor *t, enum gn_dtype dtype, int64_t c, int64_t z, int64_t y,
                   int64_t x, struct gn_err *err) GN_MUST_USE;
/* The same with any contents (gn_try_alloc_raw): for a caller that writes every element. */
int gn_tensor_new_raw(struct gn_tensor *t, enum gn_dtype dtype, int rank, const int64_t *shape,
                      struct gn_err *err) GN_MUST_USE;
int gn_tensor_new4_raw(struct gn_tensor *t, enum gn_dtype dtype, int64_t c, int64_t z, int64_t y,
                       int64_t x, struct gn_err *err) GN_MUST_USE;
void gn_tensor_free(struct gn_tensor *t); /* also resets it to {0}; gn_recycle */

/* Elements as float or double, whatever the dtype (float16 included). index is flat. */
double gn_tensor_get(const struct gn_tensor *t, int64_t index);
/* Integers: rounded half to even, saturated; NaN gives 0. */
void gn_tensor_set(struct gn_tensor *t, int64_t index, double value);

/* A copy of another dtype: to an integer rounds half to even and saturates, NaN gives 0; to a float
 * rounds once, half to even. out is new; in may be borrowed. */
int gn_tensor_convert(const struct gn_tensor *in, enum gn_dtype dtype, struct gn_tensor *out,
                      struct gn_err *err) GN_MUST_USE;
/* Whole arrays of n elements by the same rules; in and out do not overlap. */
void gn_convert(const void *in, enum gn_dtype from, void *out, enum gn_dtype to, size_t n);
void gn_convert_to_float(const void *in, enum gn_dtype dtype, float *out, size_t n);
void gn_convert_to_double(const void *in, enum gn_dtype dtype, double *out, size_t n);
void gn_convert_from_float(const float *in, enum gn_dtype dtype, void *out, size_t n);
void gn_convert_from_double(const double *in, enum gn_dtype dtype, void *out, size_t n);

float gn_half_to_float(uint16_t h);
uint16_t gn_float_to_half(float f); /* round to nearest even, overflow to infinity */

#endif
