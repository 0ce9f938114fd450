/* plugin_dicom.cc - DICOM by DCMTK, JPEG 2000 by OpenJPEG: a file, or a folder that holds one
 * series, FOLDER#UID one of several. dicom.h says where the parts are. */
#include <sys/stat.h>

#include "io/dicom_guard.h"

static int read_dicom(const char *path, bool header_only, struct gn_picture *pic,
                      struct gn_err *err)
{
    struct stat st;

    try {
        std::string folder = path;
        const size_t mark = folder.rfind('#');
        if (stat(path, &st) == 0 || mark == std::string::npos)
            return gn_dicom::read_guarded(path, nullptr, header_only, pic, err);
        const std::string uid = folder.substr(mark + 1);
        folder.resize(mark);
        return gn_dicom::read_guarded(folder.c_str(), uid.c_str(), header_only, pic, err);
    } catch (...) {
        return gn_dicom::host->err_set(err, "out of memory");
    }
}

static const struct gn_format format = { "DICOM", nullptr, nullptr,    nullptr,
                                         nullptr, read_dicom, nullptr };

extern "C" __attribute__((visibility("default"))) const struct gn_format *
gn_plugin_format(const struct gn_host *h);
extern "C" const struct gn_format *gn_plugin_format(const struct gn_host *h)
{
    gn_dicom::host = h;
    return h->abi == GN_HOST_ABI ? &format : nullptr;
}
