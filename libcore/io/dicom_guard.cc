/* dicom_guard.cc - the child reads and decodes; it sends the picture through a pipe, the voxels of
 * each slice straight to their place in the parent's tensor. Of what comes the parent believes
 * nothing but bytes: sizes are checked again there.
 *
 * Limits of the child: address space, by what the file is and claims; processor time a step, by the
 * same; no file can be written, no core dumped, and it dies with its parent. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "io/dicom_guard.h"

#if defined __SANITIZE_ADDRESS__
#define GN_SANITIZED 1 /* takes terabytes of address space, and its reports belong on stderr */
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define GN_SANITIZED 1
#endif
#endif
#ifndef GN_SANITIZED
#define GN_SANITIZED 0
#endif

namespace gn_dicom
{

namespace
{

enum word { AT, HEAD, PLANE, FAULT, DONE };
struct message {
    enum word word;
    size_t channel, slice, bytes; /* bytes follow */
};

bool put(int fd, const void *data, size_t n)
{
    const char *p = (const char *)data;

    while (n) {
        const ssize_t k = write(fd, p, n);
        if (k < 0 && errno != EINTR)
            return false;
        if (k > 0) {
            p += k;
            n -= (size_t)k;
        }
    }
    return true;
}

bool get(int fd, void *data, size_t n)
{
    char *p = (char *)data;

    while (n) {
        const ssize_t k = ::read(fd, p, n);
        if (k == 0 || (k < 0 && errno != EINTR))
            return false;
        if (k > 0) {
            p += k;
            n -= (size_t)k;
        }
    }
    return true;
}

/* ---- the child ---- */
/* Bytes of address space in use. */
size_t used_space()
{
    std::unique_ptr<FILE, int (*)(FILE *)> f(fopen("/proc/self/statm", "r"), fclose);
    unsigned long pages = 0;

    if (!f || fscanf(f.get(), "%lu", &pages) != 1)
        return 0;
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

void limit(int what, rlim_t soft)
{
    struct rlimit r;

    if (getrlimit(what, &r) == 0) {
        r.rlim_cur = std::min(soft, r.rlim_max);
        setrlimit((__rlimit_resource_t)what, &r);
    }
}

struct piped_sink : sink {
    int fd;
    std::string name;

    void send(enum word word, size_t channel, size_t slice, const void *data, size_t n)
    {
        const struct message m = { word, channel, slice, n };
        if (!put(fd, &m, sizeof m) || !put(fd, data, n))
            _exit(0); /* the parent has gone, or wants no more */
    }
    void at(const std::string &path, size_t work, size_t memory) override
    {
        /* Half a second, and 1 MB/s: ten times what the slowest decoder needs. */
        const size_t usec = (500000 + work) * (GN_SANITIZED ? 10 : 1);
        struct itimerval busy = {};

        if (path != name)
            send(AT, 0, 0, path.data(), path.size());
        name = path;
        busy.it_value.tv_sec = (time_t)(usec / 1000000);
        busy.it_value.tv_usec = (suseconds_t)(usec % 1000000);
        setitimer(ITIMER_PROF, &busy, nullptr);
        alarm(600); /* whatever it waits for */
        if (!GN_SANITIZED)
            limit(RLIMIT_AS, used_space() + ((size_t)40 << 20) + 4 * memory);
    }
    int head(const struct gn_picture &pic, struct gn_err *) override
    {
        send(HEAD, 0, 0, &pic, sizeof pic);
        return 0;
    }
    int plane(size_t channel, size_t slice, const void *data, size_t n, struct gn_err *) override
    {
        send(PLANE, channel, slice, data, n);
        return 0;
    }
};

[[noreturn]] void child(int fd, const char *path, const char *uid, bool header_only)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE,  SIGILL, SIGTERM, SIGINT,
                                   SIGHUP,  SIGALRM, SIGPROF, SIGUSR1, SIGXFSZ };
    struct gn_err err = {};
    struct piped_sink to;
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!GN_SANITIZED)
        for (int s : signals)
            signal(s, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (dup2(fd, 3) < 0)
        _exit(2);
    close_range(4, ~0U, 0);
    const int nowhere = open("/dev/null", O_RDWR);
    if (nowhere >= 0) {
        dup2(nowhere, 0);
        dup2(nowhere, 1);
        if (!GN_SANITIZED)
            dup2(nowhere, 2);
    }
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    to.fd = 3;
    try {
        if (read(path, uid, header_only, &to, &err) == 0)
            to.send(DONE, 0, 0, nullptr, 0);
    } catch (const std::bad_alloc &) {
        host->err_set(&err, "damaged or unsupported DICOM: it asks for too much memory");
    } catch (...) {
        host->err_set(&err, "damaged or unsupported DICOM: its decoder gave up");
    }
    if (err.code)
        to.send(FAULT, 0, 0, err.text, strlen(err.text));
    _exit(0);
}

/* ---- the parent ---- */
int take_head(int fd, bool header_only, struct gn_picture *pic, struct gn_err *err)
{
    struct gn_picture said;
    struct gn_tensor *t = &pic->tensor;

    if (!get(fd, (void *)&said, sizeof said))
        return -1;
    const int64_t *shape = said.tensor.shape;
    if ((unsigned)said.tensor.dtype >= GN_DTYPES || (unsigned)said.stored >= GN_DTYPES)
        return -1;
    for (int i = 0; i < 4; i++)
        if (shape[i] < 1)
            return -1;
    memcpy(pic->affine, said.affine, sizeof pic->affine);
    pic->has_affine = said.has_affine;
    pic->form = said.form;
    pic->stored = said.stored;
    *t = {};
    t->dtype = said.tensor.dtype;
    t->rank = 4;
    memcpy(t->shape, shape, 4 * sizeof *shape);
    if (header_only)
        return 0;
    return host->tensor_new4(t, said.tensor.dtype, shape[0], shape[1], shape[2], shape[3], err);
}

int take_plane(int fd, const struct message *m, const struct gn_picture *pic)
{
    const struct gn_tensor *t = &pic->tensor;
    const size_t slices = (size_t)t->shape[1];
    size_t size = 1;

    switch (t->dtype) {
    case GN_UINT8:
    case GN_INT8: size = 1; break;
    case GN_UINT16:
    case GN_INT16: size = 2; break;
    case GN_FLOAT64: size = 8; break;
    default: size = 4;
    }
    size *= (size_t)t->shape[2] * (size_t)t->shape[3];
    if (!t->data || m->bytes != size || m->slice >= slices || m->channel >= (size_t)t->shape[0])
        return -1;
    return get(fd, (char *)t->data + (m->channel * slices + m->slice) * size, size) ? 0 : -1;
}

/* Until the end, or to an error; -1 without one: the child ended before it was done. */
int take_all(int fd, bool header_only, struct gn_picture *pic, std::string &name,
             struct gn_err *err)
{
    struct message m;
    size_t planes = 0;
    bool headed = false;

    while (get(fd, &m, sizeof m)) {
        std::string text;
        switch (m.word) {
        case AT:
        case FAULT:
            if (m.bytes > 1 << 16)
                return -1;
            text.resize(m.bytes);
            if (!get(fd, &text[0], m.bytes))
                return -1;
            if (m.word == FAULT)
                return host->err_set(err, "%s", text.c_str());
            name = text;
            break;
        case HEAD:
            if (headed || m.bytes != sizeof *pic || take_head(fd, header_only, pic, err))
                return -1;
            headed = true;
            break;
        case PLANE:
            if (!headed || take_plane(fd, &m, pic))
                return -1;
            planes++;
            break;
        case DONE:
            return headed && (header_only || planes == (size_t)pic->tensor.shape[0] *
                                                           (size_t)pic->tensor.shape[1])
                       ? 0
                       : -1;
        default: return -1;
        }
    }
    return -1;
}

} // namespace

int read_guarded(const char *path, const char *uid, bool header_only, struct gn_picture *pic,
                 struct gn_err *err)
{
    std::string name;
    int ends[2], status = 0;
    pid_t pid, reaped;

    if (start(err))
        return -1;
    if (pipe2(ends, O_CLOEXEC))
        return host->err_set(err, "cannot make a pipe to its decoder: %s", strerror(errno));
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    pid = fork();
    if (pid == 0)
        child(ends[1], path, uid, header_only);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return host->err_set(err, "cannot start its decoder: %s", strerror(errno));
    }
    const int rc = take_all(ends[0], header_only, pic, name, err);
    close(ends[0]);
    if (rc && err->code)
        kill(pid, SIGKILL); /* what it would still say is of no use */
    do
        reaped = waitpid(pid, &status, 0);
    while (reaped < 0 && errno == EINTR);
    if (rc == 0 || err->code)
        return rc;
    const std::string of = name.empty() || name == path ? "" : name + ": ";
    if (reaped == pid && WIFSIGNALED(status) &&
        (WTERMSIG(status) == SIGPROF || WTERMSIG(status) == SIGALRM))
        return host->err_set(err, "%sdamaged or unsupported DICOM: it takes too long to decode",
                             of.c_str());
    if (reaped == pid && WIFSIGNALED(status))
        return host->err_set(err, "%sdamaged or unsupported DICOM: its decoder ended with signal "
                             "%d", of.c_str(), WTERMSIG(status));
    return host->err_set(err, "%sdamaged or unsupported DICOM: its decoder ended early",
                         of.c_str());
}

} // namespace gn_dicom
