/* fuzz_mgh.c - any bytes, gzipped or not, are an image or an error. */
#include "feed.h"
#include "io/mgh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gn_format format = { .name = "MGH", .read = gn_mgh_read };

    (void)feed_host;
    (void)gn_mgh_detect(data, size < 4096 ? size : 4096, "x");
    return fuzz_format(&format, data, size);
}
