/* dicom_series.cc - the files of a folder, the one series that is meant, and the order of its
 * frames: by position along the normal, equally far apart, on one line. */
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>
#include <dirent.h>
#include <strings.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>

#include "io/dicom.h"

namespace gn_dicom
{

namespace
{

enum { PREAMBLE = 132, MAX_FILES = 1 << 16, MAX_FOLDERS = 8 };

bool is_dicom(const std::string &path)
{
    std::unique_ptr<FILE, int (*)(FILE *)> f(fopen(path.c_str(), "rb"), fclose);
    char head[PREAMBLE];

    return f && fread(head, 1, PREAMBLE, f.get()) == PREAMBLE && memcmp(head + 128, "DICM", 4) == 0;
}

/* The DICOM files of a folder and of those in it, in the order of their names, so that messages do
 * not depend on the disk. What else lies there is left alone, unless it is called DICOM. */
int list_files(const std::string &folder, int depth, std::vector<std::string> &paths,
               struct gn_err *err)
{
    std::unique_ptr<DIR, int (*)(DIR *)> dir(opendir(folder.c_str()), closedir);
    std::vector<std::string> names;

    if (!dir)
        return host->err_set(err, "%s: cannot open the folder", folder.c_str());
    while (const struct dirent *e = readdir(dir.get()))
        if (e->d_name[0] != '.')
            names.push_back(e->d_name);
    dir.reset();
    std::sort(names.begin(), names.end());
    for (const std::string &name : names) {
        const std::string path = folder + "/" + name;
        struct stat st, link;
        if (stat(path.c_str(), &st) || lstat(path.c_str(), &link))
            continue;
        if (S_ISDIR(link.st_mode) && depth < MAX_FOLDERS && list_files(path, depth + 1, paths, err))
            return -1;
        if (!S_ISREG(st.st_mode))
            continue;
        if (!is_dicom(path)) {
            if (name.size() > 4 && strcasecmp(name.c_str() + name.size() - 4, ".dcm") == 0)
                return host->err_set(err, "%s: not a DICOM file, or a damaged one", path.c_str());
            continue;
        }
        if (paths.size() == MAX_FILES)
            return host->err_set(err, "more than %d DICOM files", (int)MAX_FILES);
        paths.push_back(path);
    }
    return 0;
}

/* "1.2.840.1 'T1 axial' 17 files; ...", without control characters. */
std::string list_series(const std::vector<struct file> &files)
{
    std::map<std::string, std::pair<size_t, std::string>> series;
    std::string list;

    for (const struct file &f : files) {
        series[f.series].first++;
        series[f.series].second = f.description;
    }
    for (const auto &s : series) {
        if (list.size() > 500) {
            list += "; ...";
            break;
        }
        list += (list.empty() ? "" : "; ") + s.first + " '" + s.second.second.substr(0, 40) + "' " +
                std::to_string(s.second.first) + " files";
    }
    for (char &c : list)
        if ((unsigned char)c < 32)
            c = '?';
    return list;
}

/* Which series is meant. */
int choose(const std::vector<struct file> &files, const char *uid, std::string &series,
           struct gn_err *err)
{
    std::vector<std::string> all;

    for (const struct file &f : files)
        if (std::find(all.begin(), all.end(), f.series) == all.end())
            all.push_back(f.series);
    series = uid ? uid : all[0];
    if (!uid && all.size() > 1)
        return host->err_set(err, "holds %zu series, not one; choose one as FOLDER#UID, or give "
                                  "each a folder of its own: %s",
                             all.size(), list_series(files).c_str());
    return std::find(all.begin(), all.end(), series) != all.end()
               ? 0
               : host->err_set(err, "holds no series %.80s but %s", uid,
                               list_series(files).c_str());
}

std::string name_of(const std::vector<struct file> &files, const struct frame &f)
{
    const struct file &file = files[f.file];
    return file.frames == 1 ? file.path : file.path + " frame " + std::to_string(f.index + 1);
}

/* One size, type, kind, spacing and orientation. */
int check_equal(const std::vector<struct file> &files, const std::vector<struct frame> &all,
                struct gn_err *err)
{
    const struct file &a = files[all[0].file];
    const struct frame &first = all[0];

    for (const struct frame &s : all) {
        const struct file &b = files[s.file];
        if (all.size() > 1 && s.place != first.place)
            return host->err_set(err, "%s: a slice without a position",
                                 name_of(files, s.place ? first : s).c_str());
        if (s.file != first.file && !s.place)
            return host->err_set(err, "%s: a slice without a position", b.path.c_str());
        for (int i = 0; i < 6; i++)
            if (std::fabs(s.direction[i] - first.direction[i]) > 1e-4)
                return host->err_set(err, "%s and %s: slices of two orientations",
                                     name_of(files, first).c_str(), name_of(files, s).c_str());
        if (a.rows != b.rows || a.columns != b.columns || a.samples != b.samples ||
            type_of(a) != type_of(b) || (a.kind == PALETTE) != (b.kind == PALETTE) ||
            (a.kind == INVERTED) != (b.kind == INVERTED) ||
            std::fabs(s.spacing[0] - first.spacing[0]) > 1e-4 * first.spacing[0] ||
            std::fabs(s.spacing[1] - first.spacing[1]) > 1e-4 * first.spacing[1])
            return host->err_set(err, "%s and %s: slices of two sizes or types",
                                 name_of(files, first).c_str(), name_of(files, s).c_str());
    }
    return 0;
}

/* Several images at every place? Then it is the times, echoes or directions that are too many. */
int check_places(const std::vector<struct file> &files, const std::vector<struct frame> &all,
                 struct gn_err *err)
{
    std::vector<size_t> heap; /* how many at each place */
    size_t twice = 0;

    for (size_t k = 0; k < all.size(); k++)
        if (k && all[k].along - all[k - 1].along < 1e-3) {
            heap.back()++;
            twice = twice ? twice : k;
        } else {
            heap.push_back(1);
        }
    if (!twice)
        return 0;
    if (std::all_of(heap.begin(), heap.end(), [&](size_t h) { return h == heap[0]; }))
        return host->err_set(err, "%zu images at each of %zu places (times, echoes, directions?), "
                                  "not one: %s and %s", heap[0], heap.size(),
                             name_of(files, all[twice - 1]).c_str(),
                             name_of(files, all[twice]).c_str());
    return host->err_set(err, "%s and %s: two slices at one place",
                         name_of(files, all[twice - 1]).c_str(),
                         name_of(files, all[twice]).c_str());
}

/* Sorts by position along the normal; equal steps, or an error. step: from slice to slice; it need
 * not be along the normal (a tilted gantry). */
int order(const std::vector<struct file> &files, std::vector<struct frame> &all, double step[3],
          struct gn_err *err)
{
    const double *d = all[0].direction;
    const double normal[3] = { d[1] * d[5] - d[2] * d[4], d[2] * d[3] - d[0] * d[5],
                               d[0] * d[4] - d[1] * d[3] };
    const size_t n = all.size();

    if (check_equal(files, all, err))
        return -1;
    if (n == 1 || !all[0].place) {
        for (int i = 0; i < 3; i++)
            step[i] = normal[i] * std::fabs(all[0].step);
        return 0;
    }
    for (struct frame &s : all)
        s.along = s.position[0] * normal[0] + s.position[1] * normal[1] +
                  s.position[2] * normal[2];
    std::stable_sort(all.begin(), all.end(), [](const struct frame &a, const struct frame &b) {
        return a.along < b.along;
    });
    if (check_places(files, all, err))
        return -1;
    for (int i = 0; i < 3; i++)
        step[i] = (all[n - 1].position[i] - all[0].position[i]) / (double)(n - 1);
    std::vector<double> gaps;
    for (size_t k = 1; k < n; k++)
        gaps.push_back(all[k].along - all[k - 1].along);
    const size_t middle = (gaps.size() - 1) / 2;
    std::nth_element(gaps.begin(), gaps.begin() + (ptrdiff_t)middle, gaps.end());
    const double usual = gaps[middle];
    for (size_t k = 1; k < n; k++) {
        const double gap = all[k].along - all[k - 1].along;
        if (!(std::fabs(gap - usual) <= 0.01 * usual + 2e-3))
            return host->err_set(err, "%s and %s lie %.6g mm apart, most slices %.6g mm",
                                 name_of(files, all[k - 1]).c_str(), name_of(files, all[k]).c_str(),
                                 gap, usual);
    }
    for (size_t k = 0; k < n; k++) {
        double off = 0;
        for (int i = 0; i < 3; i++) {
            const double at = all[0].position[i] + (double)k * step[i] - all[k].position[i];
            off += at * at;
        }
        if (!(std::sqrt(off) <= 0.05 * usual + 2e-3))
            return host->err_set(err, "%s lies %.6g mm off the line of the others",
                                 name_of(files, all[k]).c_str(), std::sqrt(off));
    }
    return 0;
}

/* A fault of one file of a folder names it. */
int in_file(const std::string &file, const char *path, const char *why, struct gn_err *err)
{
    return file == path ? host->err_set(err, "%s", why)
                        : host->err_set(err, "%s: %s", file.c_str(), why);
}

/* Shape, types and affine. */
int picture_of(const std::vector<struct file> &files, const std::vector<struct frame> &all,
               const double step[3], struct gn_picture *pic, struct gn_err *err)
{
    const struct frame &first = all[0];
    const struct file &f = files[first.file];
    struct gn_tensor *t = &pic->tensor;
    const size_t count = (size_t)f.rows * (size_t)f.columns * (size_t)channels_of(f);
    bool scaled = false;

    for (const struct frame &s : all)
        scaled |= s.slope != 1 || s.inter != 0;
    *pic = {};
    pic->stored = type_of(f);
    t->dtype = !scaled ? pic->stored : f.allocated <= 16 ? GN_FLOAT32 : GN_FLOAT64;
    t->rank = 4;
    t->shape[0] = channels_of(f);
    t->shape[1] = (int64_t)all.size();
    t->shape[2] = f.rows;
    t->shape[3] = f.columns;
    if (count > host->mem_limit() / 8 / all.size())
        return host->err_set(err, "claims %d x %d x %zu pixels, above the memory limit (--memory)",
                             f.columns, f.rows, all.size());
    for (int i = 0; i < 3; i++) { /* LPS to RAS */
        const double sign = i < 2 ? -1 : 1;
        pic->affine[4 * i] = 0 + sign * first.direction[i] * first.spacing[1];
        pic->affine[4 * i + 1] = 0 + sign * first.direction[3 + i] * first.spacing[0];
        pic->affine[4 * i + 2] = 0 + sign * step[i];
        pic->affine[4 * i + 3] = 0 + sign * first.position[i];
    }
    pic->has_affine = first.place;
    pic->form = first.place ? 1 : 0;
    const double *m = pic->affine;
    const double det = m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) +
                       m[2] * (m[4] * m[9] - m[5] * m[8]);
    if (!(std::fabs(det) > 1e-9 * first.spacing[0] * first.spacing[1]) || !std::isfinite(det))
        return fail(err, "its orientation has no volume");
    return 0;
}

} // namespace

int start(struct gn_err *err)
{
    static std::once_flag once;
    std::call_once(once, [] {
        OFLog::configure(OFLogger::OFF_LOG_LEVEL);
        DJDecoderRegistration::registerCodecs();
        DJLSDecoderRegistration::registerCodecs();
        DcmRLEDecoderRegistration::registerCodecs();
    });
    return dcmDataDict.isDictionaryLoaded()
               ? 0
               : host->err_set(err, "DCMTK's dictionary is not there: install the package "
                                    "libdcmtk17 (and unset DCMDICTPATH)");
}

int read(const char *path, const char *uid, bool header_only, struct sink *to, struct gn_err *err)
{
    std::vector<std::string> paths;
    std::vector<struct file> files;
    std::vector<struct frame> frames, all;
    std::string series;
    struct gn_picture pic;
    struct stat st;
    double step[3];

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        if (list_files(path, 0, paths, err))
            return -1;
        if (paths.empty())
            return host->err_set(err, "a folder without DICOM files");
    } else {
        paths.push_back(path);
    }
    for (const std::string &name : paths) {
        struct set s;
        struct file f;
        struct gn_err why = {};
        f.path = name;
        if (open_set(name.c_str(), false, &s, to, &why))
            return in_file(name, path, why.text, err);
        if (!s.is_image)
            continue;
        const size_t had = frames.size();
        describe(&s, &f, frames);
        for (size_t i = had; i < frames.size(); i++)
            frames[i].file = files.size();
        files.push_back(f);
    }
    if (files.empty())
        return fail(err, paths.size() > 1 ? "no file of the folder holds an image"
                                          : "it holds no pixels");
    if (choose(files, uid, series, err))
        return -1;
    for (const struct file &f : files)
        if (f.series == series && !f.fault.empty())
            return in_file(f.path, path, f.fault.c_str(), err);
    for (const struct frame &f : frames)
        if (files[f.file].series == series)
            all.push_back(f);
    if (order(files, all, step, err) || picture_of(files, all, step, &pic, err) ||
        to->head(pic, err))
        return -1;
    if (header_only)
        return 0;
    std::unique_ptr<struct set> s; /* that of the file `open`: a file of many frames is read once */
    size_t open = (size_t)-1;
    std::vector<uint8_t> out;
    for (size_t k = 0; k < all.size(); k++) {
        const struct file &f = files[all[k].file];
        struct gn_err why = {};
        if (open != all[k].file) {
            s.reset(new set);
            open = all[k].file;
            if (open_set(f.path.c_str(), true, s.get(), to, &why))
                return in_file(f.path, path, why.text, err);
        }
        to->at(f.path, f.size + frame_bits(f) / 8, f.size + frame_bits(f) / 8 * 8);
        if (decode(s.get(), f, all[k], pic.tensor.dtype, pic.tensor.dtype != pic.stored, out, &why))
            return in_file(f.path, path, why.text, err);
        const size_t size = out.size() / (size_t)channels_of(f);
        for (size_t c = 0; c < (size_t)channels_of(f); c++)
            if (to->plane(c, k, out.data() + c * size, size, err))
                return -1;
    }
    return 0;
}

} // namespace gn_dicom
