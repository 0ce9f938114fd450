/* mem.c - how much memory a process may use by default. */
#include "base/mem.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

int main(void)
{
    size_t all = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);

    mkdir("cg", 0777);
    mkdir("cg/a", 0777);
    mkdir("cg/a/b", 0777);
    mkdir("cg/memory", 0777);
    mkdir("cg/memory/c", 0777);
    put("cg/a/memory.max", "1000000\n");
    put("cg/a/b/memory.max", "max\n");
    put("cg/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("cg/memory/c/memory.limit_in_bytes", "4096\n");
    CHECK("a group without a limit has that of the one above",
          gn_mem_cgroup_limit("0::/a/b\n", "cg") == 1000000);
    put("cg/a/b/memory.max", "5000\n");
    CHECK("the least of them counts", gn_mem_cgroup_limit("0::/a/b\n", "cg") == 5000);
    CHECK("version 1 too, other controllers not",
          gn_mem_cgroup_limit("3:cpu:/a\n2:memory:/c\n", "cg") == 4096);
    CHECK("in a container the path may not be there: its root counts",
          gn_mem_cgroup_limit("2:memory:/docker/x\n", "cg") == 9223372036854771712u);
    CHECK("no group, no limit", gn_mem_cgroup_limit("0::/\n", "cg") == SIZE_MAX &&
                                    gn_mem_cgroup_limit("", "cg") == SIZE_MAX &&
                                    gn_mem_cgroup_limit("nonsense", "cg") == SIZE_MAX);
    CHECK("what is available is less than all there is",
          gn_mem_available() > 0 && gn_mem_available() < all);
    CHECK("and the default limit", gn_mem_limit() > 0 && gn_mem_limit() < all);
    gn_mem_set_limit(12345);
    CHECK("until another is set", gn_mem_limit() == 12345);
    return check_done();
}
