/* study_undo.c - see study_undo.h */
#include "run/study_undo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

size_t gn_undo_mark(const char *path)
{
    char *part = gn_strdup(path);
    size_t mark = 0;
    for (size_t end = strspn(path, "/"); path[end] && !mark; end += strspn(path + end, "/")) {
        struct stat st;
        end += strcspn(path + end, "/");
        part[end] = 0;
        if (lstat(part, &st) < 0 && errno == ENOENT)
            mark = end;
        part[end] = path[end];
    }
    free(part);
    return mark;
}

void gn_undo_folders(const char *path, size_t mark)
{
    char *part = gn_strdup(path);
    size_t end = strlen(part);
    while (mark && end >= mark) {
        while (end > mark && part[end - 1] == '/')
            end--;
        part[end] = 0;
        if (rmdir(part) < 0 && errno != ENOENT)
            break;
        while (end > 0 && part[end - 1] != '/')
            end--;
        while (end > 0 && part[end - 1] == '/')
            end--;
    }
    free(part);
}
