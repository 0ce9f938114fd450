/* fuzz_dicom.c - any bytes are a DICOM image or an error. */
#include "feed.h"

int dicom_direct(const struct gn_host *host, const char *path, bool header_only,
                 struct gn_picture *pic, struct gn_err *err);

static int fuzz_read(const char *path, bool header_only, struct gn_picture *pic,
                     struct gn_err *err)
{
    return dicom_direct(&feed_host, path, header_only, pic, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gn_format format = { .name = "DICOM", .read = fuzz_read };

    return fuzz_format(&format, data, size);
}
