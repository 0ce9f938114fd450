/* file - files that are complete or absent, maps, outputs, folders. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "check.h"

static struct gn_err err;

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

static int holds(const char *path, const char *want)
{
    struct gn_err e = { 0 };
    char *data = NULL;
    size_t n = 0;
    int same = gn_file_read(path, 1 << 20, &data, &n, &e) == 0 && n == strlen(want) &&
               !memcmp(data, want, n + 1);

    free(data);
    return same;
}

static int exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* Temporary files of ours in a folder. */
static int leftovers(const char *folder)
{
    DIR *dir = opendir(folder);
    int n = 0;

    for (struct dirent *e = NULL; dir && (e = readdir(dir));)
        n += strstr(e->d_name, ".gn-") != NULL;
    if (dir)
        closedir(dir);
    return n;
}

static int said(const char *want)
{
    int same = err.code == 1 && !strcmp(err.text, want);

    if (!same)
        printf("# %s\n", err.text);
    gn_err_clear(&err);
    return same;
}

static void test_read(void)
{
    char *data = NULL;
    size_t n = 0;
    int fd[2];

    write_text("ten", "0123456789");
    CHECK("a file is read whole, a NUL after it",
          gn_file_read("ten", 10, &data, &n, &err) == 0 && n == 10 && !data[10]);
    free(data);
    CHECK("a file above the limit is refused", gn_file_read("ten", 9, &data, &n, &err) == -1 &&
                                                   !data &&
                                                   said("ten: too large: more than 9 bytes"));
    write_text("empty", "");
    CHECK("an empty file is empty text",
          gn_file_read("empty", 0, &data, &n, &err) == 0 && n == 0 && data && !*data);
    free(data);
    CHECK("an absent file", gn_file_read("absent", 9, &data, &n, &err) == -1 &&
                                said("absent: cannot open: No such file or directory"));
    CHECK("a folder",
          gn_file_read(".", 9, &data, &n, &err) == -1 && said(".: cannot read: it is a folder"));
    CHECK("a file whose size is not told",
          gn_file_read("/proc/self/status", 1 << 20, &data, &n, &err) == 0 && n > 100);
    free(data);
    if (pipe(fd) == 0 && fork() == 0) {
        char block[1000];

        close(fd[0]);
        memset(block, 'p', sizeof block);
        for (int i = 0; i < 300; i++)
            if (write(fd[1], block, sizeof block) < 0)
                _exit(0);
        _exit(0);
    }
    close(fd[1]);
    dup2(fd[0], STDIN_FILENO);
    close(fd[0]);
    CHECK("a pipe is read to its end, a dash is standard input",
          gn_file_read("-", 1 << 20, &data, &n, &err) == 0 && n == 300000 && data[299999] == 'p');
    free(data);
    wait(NULL);
    CHECK("an endless one up to the limit",
          gn_file_read("/dev/zero", 1 << 20, &data, &n, &err) == -1 &&
              said("/dev/zero: too large: more than 1048576 bytes"));
}

/* Maps a file that is cut before it is touched; an output is open meanwhile. */
static void touch_cut_file(void)
{
    struct gn_map map;
    struct gn_out out;
    volatile char sum = 0;

    gn_log_init("gn-tool", 0);
    if (gn_out_open(&out, "never", &err) || gn_map_open(&map, "big\nfile", &err) ||
        truncate("big\nfile", 0))
        _exit(9);
    for (size_t i = 0; i < map.size; i += 4096)
        sum = (char)(sum + map.data[i]);
    _exit(8);
}

static void touch_other_map(void)
{
    int fd = open("big\nfile", O_RDONLY);
    volatile char *p =
        mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0); /* not one of ours, the file is empty */

    _exit(*p ? 8 : 7);
}

static int child(void (*f)(void), char *text, size_t size)
{
    int fd[2], status = 0;
    size_t used = 0;
    ssize_t k = 0;

    fflush(stdout);
    text[0] = '\0';
    if (pipe(fd))
        return -1;
    if (fork() == 0) {
        dup2(fd[1], STDERR_FILENO);
        close(fd[0]);
        close(fd[1]);
        f();
        _exit(0);
    }
    close(fd[1]);
    while ((k = read(fd[0], text + used, size - 1 - used)) > 0)
        used += (size_t)k;
    text[used] = '\0';
    close(fd[0]);
    wait(&status);
    return status;
}

static void test_map(void)
{
    struct gn_map map;
    char text[4096];
    int fd = -1, status = 0;

    CHECK("a file is mapped", gn_map_open(&map, "ten", &err) == 0 && map.size == 10 &&
                                  !memcmp(map.data, "0123456789", 10) && !strcmp(map.path, "ten"));
    map.data[0] = 'x';
    CHECK("what is written there stays in this program",
          map.data[0] == 'x' && holds("ten", "0123456789"));
    gn_map_close(&map);
    CHECK("a closed map is empty", !map.data && !map.path && map.size == 0);
    fd = open("ten", O_RDONLY);
    CHECK("a descriptor is mapped and stays open", gn_map_fd(&map, fd, "name", &err) == 0 &&
                                                       map.size == 10 && fcntl(fd, F_GETFD) >= 0 &&
                                                       !strcmp(map.path, "name"));
    gn_map_close(&map);
    close(fd);
    CHECK("an empty file maps as no bytes",
          gn_map_open(&map, "empty", &err) == 0 && map.size == 0 && map.data);
    gn_map_close(&map);
    CHECK("an absent file", gn_map_open(&map, "absent", &err) == -1 &&
                                said("absent: cannot open: No such file or directory"));
    CHECK("what is no file cannot be mapped",
          gn_map_open(&map, ".", &err) == -1 && said(".: cannot map: not a regular file"));
    CHECK("a wrong descriptor",
          gn_map_fd(&map, -1, "x", &err) == -1 && said("x: cannot read: Bad file descriptor"));

    memset(text, 'b', sizeof text);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 10; i++) {
        FILE *f = fopen("big\nfile", i ? "a" : "w");
        fputs(text, f);
        fclose(f);
    }
    status = child(touch_cut_file, text, sizeof text);
    CHECK("a file cut while it is mapped ends the program with one line and exit 1",
          WIFEXITED(status) && WEXITSTATUS(status) == 1 &&
              !strcmp(text, "gn-tool: big?file: cut while it was being read\n"));
    CHECK("and no temporary output stays", !exists("never") && leftovers(".") == 0);
    status = child(touch_other_map, text, sizeof text);
    CHECK("SIGBUS elsewhere is not ours", (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS) ||
                                              (WIFEXITED(status) && WEXITSTATUS(status) > 8));
    unlink("big\nfile");
}

static void test_out(void)
{
    struct gn_out out, second;
    struct stat st;
    char name[300];

    umask(022);
    CHECK("an output is not there before it is committed",
          gn_out_open(&out, "out", &err) == 0 && gn_out_write(&out, "abc", 3, &err) == 0 &&
              !exists("out") && leftovers(".") == 1 && out.tmp);
    CHECK("and complete after", gn_out_commit(&out, true, &err) == 0 && holds("out", "abc") &&
                                    leftovers(".") == 0 && !out.path);
    CHECK("its mode follows the umask", stat("out", &st) == 0 && (st.st_mode & 0777) == 0644);
    chmod("out", 0600);
    CHECK("an existing file keeps its mode", gn_file_write("out", "new", 3, false, &err) == 0 &&
                                                 holds("out", "new") && stat("out", &st) == 0 &&
                                                 (st.st_mode & 0777) == 0600);
    CHECK("an aborted output leaves the old file",
          gn_out_open(&out, "out", &err) == 0 && gn_out_write(&out, "x", 1, &err) == 0);
    gn_out_abort(&out);
    gn_out_abort(&out);
    CHECK("and nothing else",
          holds("out", "new") && leftovers(".") == 0 && !out.path && out.fd == -1);
    memset(&out, 0, sizeof out);
    gn_out_abort(&out);
    CHECK("aborting what was never opened does nothing", fcntl(0, F_GETFD) >= 0);

    CHECK("two outputs of one name do not meet", gn_out_open(&out, "out", &err) == 0 &&
                                                     gn_out_open(&second, "out", &err) == 0 &&
                                                     strcmp(out.tmp, second.tmp) != 0);
    gn_out_abort(&second);
    gn_out_abort(&out);

    mkdir("sub", 0777);
    if (symlink("sub/target", "link") || symlink("link", "sub2") || symlink("loop", "loop"))
        CHECK("links can be made", 0);
    CHECK("a link to nothing is followed", gn_file_write("sub2", "1", 1, false, &err) == 0 &&
                                               holds("sub/target", "1") &&
                                               lstat("link", &st) == 0 && S_ISLNK(st.st_mode));
    CHECK("a link to a file is followed, the temporary file beside the target",
          gn_out_open(&out, "link", &err) == 0 && leftovers("sub") == 1 &&
              gn_out_write(&out, "22", 2, &err) == 0 && gn_out_commit(&out, false, &err) == 0 &&
              holds("sub/target", "22") && lstat("link", &st) == 0 && S_ISLNK(st.st_mode) &&
              leftovers("sub") == 0);
    CHECK("a circle of links is an error",
          gn_out_open(&out, "loop", &err) == -1 &&
              said("loop: cannot write: Too many levels of symbolic links"));

    CHECK("a folder that is not there", gn_out_open(&out, "no/x", &err) == -1 &&
                                            said("no/x: cannot create: No such file or directory"));
    CHECK("a folder is no file",
          gn_out_open(&out, "sub", &err) == -1 && said("sub: cannot write: Is a directory") &&
              gn_out_open(&out, "sub/", &err) == -1 &&
              said("sub/: cannot write: it names a folder") && gn_out_open(&out, "", &err) == -1 &&
              said("cannot create a file: its name is empty"));
    CHECK("a file is no folder",
          gn_out_open(&out, "out/x", &err) == -1 && said("out/x: cannot write: Not a directory"));
    memset(name, 'n', sizeof name);
    name[250] = '\0';
    CHECK("a long name has a temporary name that fits",
          gn_file_write(name, "x", 1, false, &err) == 0 && exists(name));
    unlink(name);

    CHECK("a folder that went away is an error at the end",
          gn_out_open(&out, "sub/x", &err) == 0 && rename("sub", "moved") == 0 &&
              gn_out_commit(&out, false, &err) == -1 &&
              said("sub/x: cannot rename into place: No such file or directory"));
    if (getuid() != 0) {
        chmod("out", 0400);
        CHECK("a read-only file is not replaced",
              gn_out_open(&out, "out", &err) == -1 && said("out: cannot write: Permission denied"));
        chmod("out", 0600);
    }
}

static void test_devices(void)
{
    struct gn_out out;
    struct stat st;
    char *block = calloc(1, 1 << 20), got[16] = "";
    int fd[2], saved = -1, reader = -1;

    CHECK("a device is written in place", gn_file_write("/dev/null", "x", 1, true, &err) == 0 &&
                                              stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
    CHECK("a full disk is a failure", gn_file_write("/dev/full", "x", 1, false, &err) == -1 &&
                                          said("/dev/full: cannot write: No space left on device"));
    mkfifo("fifo", 0666);
    reader = open("fifo", O_RDONLY | O_NONBLOCK);
    CHECK("a FIFO is written in place", gn_file_write("fifo", "hello", 5, false, &err) == 0 &&
                                            read(reader, got, 15) == 5 && !strcmp(got, "hello") &&
                                            lstat("fifo", &st) == 0 && S_ISFIFO(st.st_mode));
    close(reader);
    reader = open("fifo", O_RDONLY | O_NONBLOCK);
    CHECK("an output into a FIFO whose reader leaves",
          gn_out_open(&out, "fifo", &err) == 0 && !out.tmp);
    close(reader);
    CHECK("a reader that leaves early is no error",
          gn_out_write(&out, "x", 1, &err) == 0 && out.closed_early &&
              gn_out_write(&out, block, 1 << 20, &err) == 0 &&
              gn_out_commit(&out, true, &err) == 0 && !err.code);

    fflush(stdout);
    saved = dup(STDOUT_FILENO);
    if (pipe(fd) == 0) {
        bool good = false;

        dup2(fd[1], STDOUT_FILENO);
        good = gn_out_open(&out, "-", &err) == 0 && out.fd == STDOUT_FILENO && !out.tmp &&
               gn_out_write(&out, "to stdout", 9, &err) == 0 &&
               gn_out_commit(&out, true, &err) == 0 && fcntl(STDOUT_FILENO, F_GETFD) >= 0;
        dup2(saved, STDOUT_FILENO);
        memset(got, 0, sizeof got);
        CHECK("a dash is standard output, which stays open",
              good && read(fd[0], got, 15) == 9 && !strcmp(got, "to stdout"));
        close(fd[0]);
        close(fd[1]);
    }
    dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO);
    if (gn_out_open(&out, "-", &err) == 0 && gn_out_write(&out, "x", 1, &err) == 0)
        gn_err_set(&err, "written");
    gn_out_abort(&out);
    dup2(saved, STDOUT_FILENO);
    CHECK("a full disk behind standard output",
          said("standard output: cannot write: No space left on device"));
    CHECK("aborting standard output does not close it", fcntl(STDOUT_FILENO, F_GETFD) >= 0);
    close(saved);

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) ==
        0) { /* non-blocking and full: the writer waits */
        pid_t pid = 0;

        fcntl(fd[1], F_SETFL, O_NONBLOCK);
        pid = fork();
        if (pid == 0) {
            size_t total = 0;
            ssize_t k = 0;

            close(fd[1]);
            usleep(50000);
            while ((k = read(fd[0], block, 65536)) > 0)
                total += (size_t)k;
            _exit(total == 1 << 20 ? 0 : 1);
        }
        close(fd[0]);
        memset(&out, 0, sizeof out);
        out.fd = fd[1];
        out.path = strdup("socket");
        CHECK("a slow reader is waited for", gn_out_write(&out, block, 1 << 20, &err) == 0 &&
                                                 gn_out_commit(&out, false, &err) == 0);
        waitpid(pid, &fd[0], 0);
        CHECK("and gets every byte", WIFEXITED(fd[0]) && WEXITSTATUS(fd[0]) == 0);
    }
    free(block);
}

static void exit_with_output(void)
{
    static struct gn_out out[3];

    for (int i = 0; i < 3; i++)
        if (gn_out_open(&out[i], i ? "left" : "end/left", &err) ||
            gn_out_write(&out[i], "x", 1, &err))
            _exit(9);
    exit(3);
}

static void on_term(int sig)
{
    gn_out_abort_all();
    _exit(sig);
}

static void die_with_output(void)
{
    static struct gn_out out;

    signal(SIGTERM, on_term);
    if (gn_out_open(&out, "left", &err) || leftovers(".") != 1)
        _exit(9);
    raise(SIGTERM);
}

static void fork_with_output(void)
{
    static struct gn_out out;
    int status = 0;

    if (gn_out_open(&out, "kept", &err) || gn_out_write(&out, "x", 1, &err))
        _exit(9);
    if (fork() == 0)
        exit(0); /* runs the handlers at exit, which must leave the parent's file alone */
    wait(&status);
    _exit(leftovers(".") == 1 && gn_out_commit(&out, false, &err) == 0 ? 0 : 5);
}

static void open_too_many(void)
{
    static struct gn_out out[65];
    int n = 0;

    while (n < 65 && gn_out_open(&out[n], "many", &err) == 0)
        n++;
    fprintf(stderr, "%d %s", n, err.text);
    gn_out_abort_all();
}

static void test_end(void)
{
    char text[4096];
    int status = 0;

    mkdir("end", 0777);
    status = child(exit_with_output, text, sizeof text);
    CHECK("exit removes outputs that were not committed",
          WIFEXITED(status) && WEXITSTATUS(status) == 3 && leftovers(".") == 0 &&
              leftovers("end") == 0 && !exists("left"));
    status = child(die_with_output, text, sizeof text);
    CHECK("so does a signal's handler",
          WIFEXITED(status) && WEXITSTATUS(status) == SIGTERM && leftovers(".") == 0);
    status = child(fork_with_output, text, sizeof text);
    CHECK("a child's exit leaves its parent's output alone",
          WIFEXITED(status) && WEXITSTATUS(status) == 0 && holds("kept", "x"));
    status = child(open_too_many, text, sizeof text);
    CHECK("more outputs at once than can be cleaned up are refused",
          !strcmp(text, "64 many: cannot create: Too many open files") && leftovers(".") == 0);
}

static void test_folders(void)
{
    struct stat st;

    CHECK("folders are made with those above them",
          gn_mkdirs("a/b/c", &err) == 0 && stat("a/b/c", &st) == 0 && S_ISDIR(st.st_mode));
    CHECK("what is there is fine", gn_mkdirs("a/b", &err) == 0 && gn_mkdirs("a/b//c/", &err) == 0 &&
                                       gn_mkdirs(".", &err) == 0 && gn_mkdirs("/", &err) == 0 &&
                                       gn_mkdirs("/proc", &err) == 0);
    CHECK("a file in the way is an error",
          gn_mkdirs("ten/x", &err) == -1 && said("ten: cannot make the folder: Not a directory"));
    CHECK("no name is an error",
          gn_mkdirs("", &err) == -1 && said("cannot make a folder: its name is empty"));
    CHECK("where none can be made", gn_mkdirs("/proc/nothing/here", &err) == -1 && err.code == 1);
}

int main(void)
{
    char folder[] = "file-test.XXXXXX", command[64];

    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(folder) || chdir(folder))
        return 1;
    test_read();
    test_map();
    test_out();
    test_devices();
    test_end();
    test_folders();
    if (chdir("..") == 0) {
        snprintf(command, sizeof command, "rm -rf %s", folder);
        if (system(command))
            return 1;
    }
    return check_done();
}
