/* fuzz_analyze.c - any 348 bytes as a header, and any others as the image beside it, are an image
 * or an error. */
#include "feed.h"
#include "io/nifti.h"

static const char *part(const char *name, const uint8_t *data, size_t size)
{
    FILE *f = fopen(name, "wb");

    if (!f || fwrite(data, 1, size, f) != size || fclose(f))
        abort();
    return name;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gn_picture pic = { .affine = { -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0 } };
    static const struct gn_format format = { .name = "Analyze", .read = gn_nifti_read };
    const size_t head = size < NIFTI1_SIZE ? size : NIFTI1_SIZE;
    struct gn_err err = { 0 };

    (void)feed_host;
    (void)fuzz_format;
    gn_mem_set_limit((size_t)64 << 20);
    part("fuzz.img", data + head, size - head);
    if (format.read(part("fuzz.hdr", data, head), false, &pic, &err) == 0)
        use_picture(&format, "fuzz.hdr", &pic);
    else if (!err.text[0] || strchr(err.text, '\n'))
        abort();
    gn_picture_free(&pic);
    return 0;
}
