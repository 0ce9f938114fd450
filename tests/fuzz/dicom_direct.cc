/* dicom_direct.cc - the DICOM reader without its child process, for the fuzzer and the replay of
 * its corpus. */
#include <cstring>
#include <new>

#include "io/dicom.h"

struct direct : gn_dicom::sink {
    struct gn_picture *pic;
    bool header_only;

    void at(const std::string &, size_t, size_t) override {}
    int head(const struct gn_picture &said, struct gn_err *err) override
    {
        const int64_t *shape = said.tensor.shape;
        memcpy(pic->affine, said.affine, sizeof pic->affine);
        pic->tensor = said.tensor;
        if (header_only)
            return 0;
        return gn_dicom::host->tensor_new4(&pic->tensor, said.tensor.dtype, shape[0], shape[1],
                                           shape[2], shape[3], err);
    }
    int plane(size_t channel, size_t slice, const void *data, size_t n, struct gn_err *) override
    {
        memcpy((char *)pic->tensor.data + (channel * (size_t)pic->tensor.shape[1] + slice) * n,
               data, n);
        return 0;
    }
};

extern "C" int dicom_direct(const struct gn_host *host, const char *path, bool header_only,
                            struct gn_picture *pic, struct gn_err *err);
extern "C" int dicom_direct(const struct gn_host *host, const char *path, bool header_only,
                            struct gn_picture *pic, struct gn_err *err)
{
    struct direct to;

    gn_dicom::host = host;
    to.pic = pic;
    to.header_only = header_only;
    try {
        if (gn_dicom::start(err) || gn_dicom::read(path, nullptr, header_only, &to, err))
            return -1;
        return 0;
    } catch (const std::bad_alloc &) {
        return host->err_set(err, "out of memory");
    }
}
