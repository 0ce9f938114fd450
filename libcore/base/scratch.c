/* scratch.c - see scratch.h */
#include "base/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

int gn_scratch_open(struct gn_err *err)
{
    const char *folder = getenv("TMPDIR");
    if (!folder || !folder[0])
        folder = "/var/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) { /* not every file system has files without a name */
        char *path = gn_asprintf("%s/gn-XXXXXX", folder);
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0)
            gn_err_set(err, "%s: no temporary file can be made: %s", folder, strerror(errno));
        else
            unlink(path);
        free(path);
    }
    return fd;
}

int gn_scratch_read(int fd, int64_t at, void *data, size_t n)
{
    char *p = data;
    while (n) {
        ssize_t got = pread(fd, p, n, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : EIO;
        p += got;
        at += got;
        n -= (size_t)got;
    }
    return 0;
}

int gn_scratch_write(int fd, int64_t at, const void *data, size_t n)
{
    const char *p = data;
    while (n) {
        ssize_t put = pwrite(fd, p, n, at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? errno : EIO;
        p += put;
        at += put;
        n -= (size_t)put;
    }
    return 0;
}
