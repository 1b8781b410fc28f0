/* The shared data server as push connectors see it: handlers by path and method.
 * Decision: one lock, held while a handler runs (handlers only copy and post), so that after sl_mount_del returned, on whatever
 * thread, the handler does not run and will not run. */
#include <pthread.h>
#include <stdlib.h>
#include "base/map.h"
#include "net/http.h"

typedef struct entry {
    struct entry *next;
    char method[16];
    sl_http_handler h;
    void *arg;
} entry;
struct sl_http_mount {
    pthread_mutex_t lock;
    sl_loop *loop;
    sl_map *paths; /* path -> entry list */
};
sl_http_mount *sl_mount_new(sl_loop *l) {
    sl_http_mount *m = calloc(1, sizeof *m);
    if (!m || !(m->paths = sl_map_new())) {
        free(m);
        return NULL;
    }
    m->loop = l;
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE); /* a handler may add and remove */
    pthread_mutex_init(&m->lock, &a);
    pthread_mutexattr_destroy(&a);
    return m;
}
void sl_mount_free(sl_http_mount *m) {
    if (!m)
        return;
    size_t it = 0;
    sl_str key;
    void *v;
    while (sl_map_next(m->paths, &it, &key, &v))
        for (entry *e = v, *n; e; e = n) {
            n = e->next;
            free(e);
        }
    sl_map_free(m->paths);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
sl_loop *sl_mount_loop(sl_http_mount *m) { return m->loop; }
sl_err *sl_mount_add(sl_http_mount *m, sl_str method, sl_str path, sl_http_handler h, void *arg) {
    if (!path.n || path.p[0] != '/')
        return sl_err_new(SL_E_CONF, "path '%.*s' must start with /", SL_FMT(path));
    if (!method.n || method.n >= sizeof((entry *)0)->method)
        return sl_err_new(SL_E_CONF, "bad method '%.*s'", SL_FMT(method));
    entry *e = calloc(1, sizeof *e);
    if (!e)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    memcpy(e->method, method.p, method.n);
    e->h = h;
    e->arg = arg;
    sl_err *err = NULL;
    pthread_mutex_lock(&m->lock);
    entry *list = sl_map_get(m->paths, path);
    for (entry *x = list; x && !err; x = x->next)
        if (sl_str_is(method, x->method))
            err = sl_err_new(SL_E_CONF, "%.*s %.*s is taken by another endpoint", SL_FMT(method), SL_FMT(path));
    if (!err) {
        e->next = list;
        if (!sl_map_set(m->paths, path, e, NULL))
            err = sl_err_new(SL_E_NOMEM, "out of memory");
    }
    pthread_mutex_unlock(&m->lock);
    if (err)
        free(e);
    return err;
}
void sl_mount_del(sl_http_mount *m, sl_str method, sl_str path) {
    pthread_mutex_lock(&m->lock);
    entry *list = sl_map_get(m->paths, path), **at = &list;
    while (*at && !sl_str_is(method, (*at)->method))
        at = &(*at)->next;
    if (*at) {
        entry *gone = *at;
        *at = gone->next;
        if (list)
            sl_map_set(m->paths, path, list, NULL); /* replaces: needs no memory */
        else
            sl_map_del(m->paths, path);
        free(gone);
    }
    pthread_mutex_unlock(&m->lock);
}
void *sl_mount_find(sl_http_mount *m, sl_str method, sl_str path, sl_http_handler h) {
    pthread_mutex_lock(&m->lock);
    entry *e = sl_map_get(m->paths, path);
    while (e && !sl_str_is(method, e->method))
        e = e->next;
    void *arg = e && e->h == h ? e->arg : NULL;
    pthread_mutex_unlock(&m->lock);
    return arg;
}
void sl_mount_serve(sl_http_mount *m, sl_http_req *r) {
    if (sl_str_is(r->method, "OPTIONS") && sl_cors_preflight(r))
        return;
    pthread_mutex_lock(&m->lock);
    sl_str path = sl_str_of(r->path);
    entry *list = sl_map_get(m->paths, path);
    for (size_t n = path.n; !list && n; n--) /* longest prefix that ends in '/' */
        if (path.p[n - 1] == '/')
            list = sl_map_get(m->paths, sl_str_n(path.p, n));
    entry *e = list;
    while (e && !sl_str_is(r->method, e->method))
        e = e->next;
    if (e)
        e->h(e->arg, r);
    pthread_mutex_unlock(&m->lock);
    if (e)
        return;
    if (list)
        sl_cors_reply(r, 405, NULL, SL_S(""), NULL);
    else
        sl_cors_reply(r, 404, "text/plain; charset=utf-8", SL_S("404 page not found\n"), "X-Content-Type-Options: nosniff\r\n");
}
