/* fuzz_metaimage.c - any bytes are an image or an error. */
#include "feed.h"
#include "io/metaimage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gn_format format = { .name = "MetaImage", .read = gn_metaimage_read };

    (void)feed_host;
    (void)gn_metaimage_detect(data, size < 4096 ? size : 4096, "x");
    return fuzz_format(&format, data, size);
}
