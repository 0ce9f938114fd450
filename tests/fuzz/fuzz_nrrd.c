/* fuzz_nrrd.c - any bytes are an image or an error. */
#include "feed.h"
#include "io/nrrd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gn_format format = { .name = "NRRD", .read = gn_nrrd_read };

    (void)feed_host;
    (void)gn_nrrd_detect(data, size < 4096 ? size : 4096, "x");
    return fuzz_format(&format, data, size);
}
