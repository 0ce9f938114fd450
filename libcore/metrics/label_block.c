/* label_block.c - see label_block.h. */
#include "metrics/label_block.h"

#define WIDEN(type)                                                                                \
    for (int i = 0; i < n; i++)                                                                    \
        out[i] = ((const type *)t->data)[first + i];                                               \
    return 0

int gn_label_block_read(const struct gn_tensor *t, int64_t first, int n, int32_t *out,
                        struct gn_err *err)
{
    const char *from = (const char *)t->data + (size_t)first * gn_dtype_size(t->dtype);
    double wide[GN_LABEL_BLOCK];

    switch (t->dtype) {
    case GN_UINT8: WIDEN(uint8_t);
    case GN_INT8: WIDEN(int8_t);
    case GN_UINT16: WIDEN(uint16_t);
    case GN_INT16: WIDEN(int16_t);
    case GN_INT32: WIDEN(int32_t);
    default: break;
    }
    /* 64-bit integers above 2^53 are rounded here, and refused as too large either way. */
    gn_convert_to_double(from, t->dtype, wide, (size_t)n);
    for (int i = 0; i < n; i++) {
        if (!(wide[i] >= INT32_MIN && wide[i] <= INT32_MAX) || wide[i] != (double)(int32_t)wide[i])
            return gn_err_set(err, "%.9g is no label: labels are whole numbers of 32 bits",
                              wide[i]);
        out[i] = (int32_t)wide[i];
    }
    return 0;
}
