/* fuzz_jpeg.c - any bytes are a JPEG image or an error. */
#include "../../libcore/io/plugin_jpeg.c"

#include "feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_format(gn_plugin_format(&feed_host), data, size);
}
