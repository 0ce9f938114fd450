/* augment_set.c - how settings of several operations are read. */
#include <math.h>
#include <string.h>

#include "image/augment.h"

int gn_augment_set_range(double range[2], const char *key, const double *v, int n, double least,
                         double most, bool whole, struct gn_err *err)
{
    double lo = v[0], hi = n > 1 ? v[1] : v[0];
    if (n > 2)
        return gn_err_usage(err, "%s: one number or a range of two", key);
    if (n == 1 && !isfinite(least)) {
        lo = -fabs(v[0]);
        hi = fabs(v[0]);
    }
    if (!isfinite(lo) || !isfinite(hi) || hi < lo)
        return gn_err_usage(err, "%s: not a range: %g to %g", key, lo, hi);
    if (lo < least || hi > most)
        return gn_err_usage(err, "%s: from %g to %g, not %g", key, least, most,
                            lo < least ? lo : hi);
    if (whole && (lo != floor(lo) || hi != floor(hi)))
        return gn_err_usage(err, "%s: whole numbers, not %g to %g", key, lo, hi);
    range[0] = lo;
    range[1] = hi;
    return 0;
}

int gn_augment_set_axes(double listed[3], const char *key, const double *v, int n,
                        struct gn_err *err)
{
    memset(listed, 0, 3 * sizeof *listed);
    for (int i = 0; i < n; i++) {
        if (v[i] != 0 && v[i] != 1 && v[i] != 2)
            return gn_err_usage(err, "%s: 0 (x), 1 (y) or 2 (z), not %g", key, v[i]);
        listed[(int)v[i]] = 1;
    }
    return 0;
}
