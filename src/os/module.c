/* Modules: finding and loading our shared objects. Decision: a module is never unloaded (client libraries leave threads and
 * handlers behind), and one lock around the small table is enough because loading happens once per name. */
#include "os/module.h"
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/str.h"

typedef struct loaded {
    struct loaded *next;
    void *handle;
    char name[32];
} loaded;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static loaded *all;

static bool name_ok(const char *s) {
    size_t n = strlen(s);
    return n && n < sizeof all->name && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}
/* Tries one folder; the reason of the last real failure (a file that is there and does not load) is kept. */
static void *try_dir(const char *dir, size_t n, const char *name, sl_buf *tried, sl_buf *why) {
    if (!n)
        return NULL;
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%.*s/sl_%s.so", (int)n, dir, name) >= sizeof path)
        return NULL;
    if (tried->n)
        sl_buf_puts(tried, ", ");
    sl_buf_put(tried, dir, n);
    if (access(path, F_OK) != 0)
        return NULL;
    void *h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const char *e = h ? NULL : dlerror();
    if (h) {
        const char *build = dlsym(h, "sl_module_build");
        if (build && strcmp(build, SL_VERSION) == 0)
            return h;
        sl_buf_clear(why);
        sl_buf_printf(why, "%s is of another build (%s, this program is %s)", path, build ? build : "unmarked", SL_VERSION);
        dlclose(h);
        return NULL;
    }
    sl_buf_clear(why);
    sl_buf_puts(why, e ? e : "cannot be loaded");
    return NULL;
}
static void *find(const char *name, sl_buf *tried, sl_buf *why) {
    for (const char *p = getenv("SL_MODULES"); p && *p;) {
        size_t n = strcspn(p, ":");
        void *h = try_dir(p, n, name, tried, why);
        if (h)
            return h;
        p += n + (p[n] == ':');
    }
    char exe[PATH_MAX - 32];
    ssize_t k = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (k > 0) {
        exe[k] = 0;
        char *slash = strrchr(exe, '/');
        static const char *const under[] = {"/modules", "/../lib/sluice/modules"};
        for (size_t i = 0; slash && i < sizeof under / sizeof *under; i++) {
            char dir[PATH_MAX];
            *slash = 0;
            snprintf(dir, sizeof dir, "%s%s", exe, under[i]);
            void *h = try_dir(dir, strlen(dir), name, tried, why);
            if (h)
                return h;
        }
    }
    static const char installed[] = "/usr/lib/sluice/modules";
    return try_dir(installed, sizeof installed - 1, name, tried, why);
}
sl_err *sl_module_load(const char *name, const char *symbol, void **table) {
    *table = NULL;
    if (!name_ok(name))
        return sl_err_new(SL_E_CONF, "bad module name '%s'", name);
    sl_err *e = NULL;
    pthread_mutex_lock(&lock);
    loaded *m = all;
    while (m && strcmp(m->name, name) != 0)
        m = m->next;
    if (!m) {
        sl_buf tried = {0}, why = {0};
        void *h = find(name, &tried, &why);
        if (!h)
            e = why.n ? sl_err_new(SL_E_IO, "module %s cannot be loaded: %s", name, sl_buf_cstr(&why))
                      : sl_err_new(SL_E_NOTFOUND, "module %s is not installed: no sl_%s.so in %s", name, name, sl_buf_cstr(&tried));
        else if (!(m = calloc(1, sizeof *m))) {
            dlclose(h);
            e = sl_err_new(SL_E_NOMEM, "out of memory");
        } else {
            m->handle = h;
            strcpy(m->name, name);
            m->next = all;
            all = m;
        }
        sl_buf_free(&tried);
        sl_buf_free(&why);
    }
    if (!e && !(*table = dlsym(m->handle, symbol)))
        e = sl_err_new(SL_E_IO, "module %s has no object %s", name, symbol);
    pthread_mutex_unlock(&lock);
    return e;
}
