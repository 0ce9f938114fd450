/* fuzz_nifti.c - any bytes, gzipped or not, are an image or an error. */
#include "feed.h"
#include "io/nifti.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gn_format nifti = { .name = "NIfTI", .read = gn_nifti_read };

    (void)feed_host;
    (void)gn_nifti_detect(data, size < 4096 ? size : 4096, "x.nii");
    return fuzz_format(&nifti, data, size);
}
