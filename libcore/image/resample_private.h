/* resample_private.h - the row kernels of resample.c, one set an instruction set (isa_resample.c),
 * and what the files of resampling share. */
#ifndef GN_IMAGE_RESAMPLE_PRIVATE_H
#define GN_IMAGE_RESAMPLE_PRIVATE_H

#include "image/bspline.h"
#include "image/resample.h"

#define GN_BSPLINE_POLE (-0.26794919243112270647) /* sqrt(3) - 2 */
enum { GN_FILTER_LINES = 16, GN_ROW_PAD = 16 };

/* A component with its continuation written out: voxel 0 0 0 lies at `first`. An axis of one
 * voxel has no continuation and is read once, with the sum of the weights. */
struct gn_padded {
    const float *data;
    int64_t first, size[3], step[3];
    int taps[3], before[3];
};

struct gn_resample_kernels {
    /* out = a + w (b - a), n floats; out may be a. */
    void (*lerp)(float *out, const float *a, const float *b, float w, int64_t n);
    /* Outputs lo .. hi-1 of a linear axis. Nothing beyond the row's n_in floats is read. */
    void (*gather)(float *out, const float *row, const struct gn_axis *a);
    /* The same of a nearest axis, elements of 1, 2, 4 or 8 bytes. */
    void (*pick)(void *out, const void *row, const struct gn_axis *a, size_t element);
    /* out = w[0] row[0] + w[1] row[1] + ..., in that order; out is none of them. */
    void (*combine)(float *out, const float *const *row, const float *w, int taps, int64_t n);
    /* out[k] = sum over t of w[t * stride + k] row[at[k] + t], lo <= k < hi. at rises or falls
     * throughout. GN_ROW_PAD floats more than the row has may be read. */
    void (*spread)(float *out, const float *row, const int32_t *at, const float *w,
                   int64_t stride, int taps, int64_t lo, int64_t hi);
    /* gn_bspline_line of up to GN_FILTER_LINES lines: value k of line i is p[k step + i across].
     * buffer: n * GN_FILTER_LINES. */
    void (*filter)(float *p, int64_t n, int64_t step, int64_t across, int64_t lines,
                   double *buffer);
    /* n outputs at p + i m (continuous index x y z); lanczos or the B-spline. Points outside
     * become fill. */
    void (*points)(float *out, int64_t n, const double p[3], const double m[3],
                   const struct gn_padded *in, bool lanczos, float fill);
};
extern const struct gn_resample_kernels gn_resample_kernels_sse2, gn_resample_kernels_avx2,
    gn_resample_kernels_avx512;

/* gn_resample for the B-spline and Lanczos into out, which is float32 zeros of the right size
 * (resample_wide.c). Separable: output k of an axis lies at shift + scale k. */
int gn_resample_wide_axes(const struct gn_tensor *in, const double scale[3], const double shift[3],
                          enum gn_interp interp, double fill, struct gn_tensor *out,
                          struct gn_err *err) GN_MUST_USE;
int gn_resample_wide_points(const struct gn_tensor *in, const double map[12],
                            enum gn_interp interp, double fill, struct gn_tensor *out,
                            struct gn_err *err) GN_MUST_USE;
/* Rows a thread takes at a time: whole planes where there are enough of them. */
static inline int64_t gn_resample_block(int64_t planes, int64_t rows)
{
    return planes >= 16 || rows < 64 ? rows : 64;
}

#endif
