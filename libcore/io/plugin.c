/* plugin.c - opens bin/../lib/gn/NAME.so of the running program, wherever its tree lies. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "io/plugin.h"

enum { PLUGINS = 16 };
static struct {
    char *name;
    void *handle;
} opened[PLUGINS]; /* kept until the end: a library cannot be closed safely */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

char *gn_plugin_path(const char *name)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *dir, *path;

    self[n > 0 ? n : 0] = '\0';
    dir = gn_path_dir(self);
    path = gn_asprintf("%s/../lib/gn/%s.so", dir, name);
    free(dir);
    return path;
}

void *gn_plugin_symbol(const char *name, const char *symbol, const char *package, const char *what,
                       struct gn_err *err)
{
    void *handle = NULL, *address = NULL;
    char *path = NULL;
    const char *why;
    int i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < PLUGINS && opened[i].name; i++)
        if (strcmp(opened[i].name, name) == 0) {
            handle = opened[i].handle;
            break;
        }
    if (!handle && i < PLUGINS) {
        path = gn_plugin_path(name);
        if (access(path, F_OK) != 0) {
            gn_err_set(err, "%s: the plug-in %s.so is not installed (it needs the package %s)",
                       what, name, package);
            goto out;
        }
        handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!handle) {
            why = dlerror();
            gn_err_set(err, "%s: install the package %s (%s)", what, package,
                       why ? why : "dlopen failed");
            goto out;
        }
        opened[i].name = gn_strdup(name);
        opened[i].handle = handle;
    }
    if (handle)
        address = dlsym(handle, symbol);
    if (!address)
        gn_err_set(err, "%s: the plug-in %s.so is not ours: it has no %s", what, name, symbol);
out:
    free(path);
    pthread_mutex_unlock(&lock);
    return address;
}
