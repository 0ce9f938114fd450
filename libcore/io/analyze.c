/* analyze.c - Analyze 7.5: what it has instead of NIfTI's forms. The header holds voxel sizes and
 * an axis order (orient), no place. What is assumed, as the format's makers and SPM do: x runs to
 * the patient's left in transverse slices (radiological), and 0 is the middle of the volume, or the
 * voxel that SPM's origin field names. A file.mat of SPM's is not looked for. The rest is read as
 * NIfTI: SPM's scale factor lies where scl_slope does.
 * https://eeg.sourceforge.net/ANALYZE75.pdf */
#include "io/analyze.h"

#include <math.h>
#include <string.h>

#include "io/voxels.h"

bool gn_analyze_detect(const uint8_t *head, size_t n, const char *path)
{
    return gn_nifti_kind(head, n, path) < 0;
}

int gn_analyze_affine(const uint8_t *head, const struct gn_nifti *h, double m[12],
                      struct gn_err *err)
{
    /* The world axis (0 R, 1 A, 2 S) and direction of x, y, z by orient: transverse, coronal,
     * sagittal, and each flipped. */
    static const struct {
        int axis[3], sign[3];
    } orders[] = { { { 0, 1, 2 }, { -1, 1, 1 } },  { { 0, 2, 1 }, { -1, 1, 1 } },
                   { { 1, 2, 0 }, { 1, 1, -1 } },  { { 0, 1, 2 }, { -1, -1, 1 } },
                   { { 0, 2, 1 }, { -1, -1, 1 } }, { { 1, 2, 0 }, { 1, -1, -1 } } };
    const size_t orient = head[252];
    const bool big = h->swapped != gn_machine_big();
    double origin[3];
    int set = 0, sane = 0;

    if (orient >= sizeof orders / sizeof *orders)
        return gn_err_set(err, "damaged Analyze header: orient is %zu", orient);
    for (int i = 0; i < 3; i++) {
        const int64_t n = i < h->dim[0] ? h->dim[i + 1] : 1;
        const uint8_t *p = head + 253 + 2 * i;
        const int16_t v = (int16_t)(big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
        set += v != 0;
        sane += v > -n && v < 2 * n;
        origin[i] = v - 1; /* it counts from 1 */
    }
    memset(m, 0, 12 * sizeof *m);
    for (int j = 0; j < 3; j++) {
        const int row = orders[orient].axis[j];
        double size = j < h->dim[0] ? fabs(h->pixdim[j + 1]) : 1;
        if (size == 0)
            size = 1;
        if (!set || sane < 3)
            origin[j] = (double)((j < h->dim[0] ? h->dim[j + 1] : 1) - 1) / 2;
        m[4 * row + j] = orders[orient].sign[j] * size;
        m[4 * row + 3] = 0 - m[4 * row + j] * origin[j];
    }
    return gn_affine_check(m, "Analyze", "voxel size", err);
}
