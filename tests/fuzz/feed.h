/* feed.h - for parsers that read files: the fuzzer's bytes as a file in memory. */
#ifndef GN_TESTS_FEED_H
#define GN_TESTS_FEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline const char *feed(const uint8_t *data, size_t size)
{
    static char path[64];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        gn_mem_set_limit((size_t)64 << 20);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    return path;
}

/* An image that was read: all of it is there, and the header alone says the same. */
static inline void use_picture(const struct gn_format *f, const char *path, struct gn_picture *pic)
{
    struct gn_picture head = { 0 };
    struct gn_err err = { 0 };
    size_t bytes, sum = 0;

    if (gn_tensor_bytes(&pic->tensor, &bytes, &err) || !pic->tensor.data)
        abort();
    for (size_t i = 0; i < bytes; i++)
        sum += ((const uint8_t *)pic->tensor.data)[i];
    memcpy(head.affine, pic->affine, sizeof head.affine);
    if (f->read(path, true, &head, &err) || head.tensor.data ||
        head.tensor.dtype != pic->tensor.dtype ||
        memcmp(head.tensor.shape, pic->tensor.shape, sizeof head.tensor.shape) != 0 ||
        memcmp(head.affine, pic->affine, sizeof head.affine) != 0 || sum == SIZE_MAX)
        abort();
    gn_picture_free(&head);
}

static inline int fuzz_format(const struct gn_format *f, const uint8_t *data, size_t size)
{
    const char *path = feed(data, size);
    struct gn_picture pic = { .affine = { -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0 } };
    struct gn_err err = { 0 };

    if (f->read(path, false, &pic, &err) == 0)
        use_picture(f, path, &pic);
    else if (!err.text[0] || strchr(err.text, '\n'))
        abort();
    gn_picture_free(&pic);
    return 0;
}

/* What a plug-in is given. */
static inline int feed_out_write(const char *path, const void *data, size_t n, struct gn_err *err)
{
    return gn_file_write(path, data, n, false, err);
}

static const struct gn_host feed_host = { GN_HOST_ABI,    gn_err_set,     gn_try_alloc,
                                          gn_tensor_new4, gn_tensor_free, feed_out_write,
                                          gn_mem_limit };

#endif
