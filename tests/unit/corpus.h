/* corpus.h - replays the corpus of a parser's fuzzer: include after ../fuzz/fuzz_NAME.c. */
#ifndef GN_TESTS_CORPUS_H
#define GN_TESTS_CORPUS_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

/* Feeds every file of tests/fuzz/corpus/NAME to the fuzzer, and every beginning of it too; how many
 * files, all that could be read. */
static int corpus_replay(const char *name)
{
    char path[1024];
    const char *tests = getenv("GN_TESTS");
    DIR *dir = NULL;
    int n = 0;

    snprintf(path, sizeof path, "%s/fuzz/corpus/%s", tests ? tests : "tests", name);
    dir = opendir(path);
    for (struct dirent *e = NULL; dir && (e = readdir(dir));) {
        struct gn_err err = { 0 };
        char *data = NULL;
        size_t size = 0;

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/fuzz/corpus/%s/%s", tests ? tests : "tests", name,
                 e->d_name);
        if (gn_file_read(path, 1 << 20, &data, &size, &err))
            break;
        for (size_t cut = 0; cut <= size; cut++)
            LLVMFuzzerTestOneInput((uint8_t *)data, cut);
        free(data);
        n++;
    }
    if (dir)
        closedir(dir);
    return n;
}

#endif
