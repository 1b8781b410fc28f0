/* Endpoints with many peers. Decision: a source that is behind makes the hub stop reading its peers (all of them: they share
 * the path), so nothing is thrown away on the way in; on the way out a peer that does not read loses messages alone. */
#include "conn/http/endpoint.h"
#include <stdatomic.h>
#include <stdlib.h>
#include "base/log.h"

typedef struct hub hub;
typedef struct peer {
    struct peer *prev, *next;
    hub *hub;
    sl_ws *ws;
    sl_http_stream *sse;
    uint64_t lost;
} peer;
struct sl_endpoint {
    sl_loop *lane, *server;
    sl_http_mount *mount;
    sl_str path; /* lent until close */
    sl_endpoint_kind kind;
    const sl_endpoint_ops *ops;
    void *arg;
    atomic_int in, out; /* letters on the way to the lane, to the server */
    atomic_bool paused;
    bool closed; /* lane */
    char *why;   /* server to lane */
    sl_fn done;
    void *done_arg;
    sl_endpoint *next; /* server's loop */
    hub *hub;
};
struct hub { /* server's loop only */
    sl_endpoint *users;
    peer *peers;
    sl_endpoint_kind kind;
    bool held, ended;
};
typedef struct letter {
    sl_endpoint *e;
    uint64_t seq;
    size_t n;
    char bytes[];
} letter;

/* ---- server's loop ---- */
static void hub_hold(hub *h) {
    bool hold = false;
    for (sl_endpoint *e = h->users; e && !hold; e = e->next)
        hold = e->ops->message && (atomic_load(&e->paused) || atomic_load(&e->in) >= SL_ENDPOINT_WAITING);
    if (hold == h->held)
        return;
    h->held = hold;
    for (peer *p = h->peers; p; p = p->next)
        if (p->ws)
            sl_ws_pause(p->ws, hold);
}
static void peer_free(peer *p) {
    *(p->prev ? &p->prev->next : &p->hub->peers) = p->next;
    if (p->next)
        p->next->prev = p->prev;
    if (p->lost)
        sl_warn("endpoint", "a peer that did not keep up lost %llu messages", (unsigned long long)p->lost);
    free(p);
}
static void recheck(void *arg) {
    sl_endpoint *e = arg;
    if (e->hub)
        hub_hold(e->hub);
}
static void came(void *arg);
static void ws_message(void *arg, sl_ws *w, sl_str bytes, bool text) {
    hub *h = ((peer *)arg)->hub;
    if (!text) /* binary frames are ignored, as upstream */
        return;
    for (sl_endpoint *e = h->users; e; e = e->next) {
        if (!e->ops->message)
            continue;
        letter *l = malloc(sizeof *l + bytes.n);
        if (!l)
            continue;
        l->e = e;
        l->n = bytes.n;
        memcpy(l->bytes, bytes.p, bytes.n);
        atomic_fetch_add(&e->in, 1);
        if (!sl_post(e->lane, came, l)) {
            atomic_fetch_sub(&e->in, 1);
            free(l);
        }
    }
    hub_hold(h);
}
static void ws_closed(void *arg, sl_ws *w) { peer_free(arg); }
static void sse_closed(void *arg) { peer_free(arg); }
static void handle(void *arg, sl_http_req *r) {
    static const sl_ws_ops ops = {.message = ws_message, .closed = ws_closed};
    hub *h = arg;
    peer *p = calloc(1, sizeof *p);
    if (!p) {
        sl_http_reply(r, 503, NULL, SL_S(""), "Retry-After: 1\r\n");
        return;
    }
    p->hub = h;
    p->next = h->peers; /* in the list before anything can call back */
    if (p->next)
        p->next->prev = p;
    h->peers = p;
    if (h->kind == SL_EP_SSE || (h->kind == SL_EP_EITHER && !sl_ws_wanted(r)))
        p->sse = sl_http_begin(r, 200, "text/event-stream", "Cache-Control: no-cache\r\nConnection: keep-alive\r\nAccess-Control-Allow-Origin: *\r\n", sse_closed, p);
    else
        p->ws = sl_ws_accept(r, &ops, p);
    if (!p->sse && !p->ws)
        peer_free(p);
    else if (p->ws && h->held)
        sl_ws_pause(p->ws, true);
}
/* data: lines as the event stream format wants them: one per line of the payload. */
static void event(sl_buf *b, sl_str s) {
    for (;;) {
        const char *nl = s.n ? memchr(s.p, '\n', s.n) : NULL;
        size_t k = nl ? (size_t)(nl - s.p) : s.n;
        sl_buf_puts(b, "data: ");
        sl_buf_put(b, s.p, k);
        sl_buf_putc(b, '\n');
        if (!nl)
            break;
        s = sl_str_n(nl + 1, s.n - k - 1);
    }
    sl_buf_putc(b, '\n');
}
static void sent(void *arg);
static void broadcast(void *arg) {
    letter *l = arg;
    sl_endpoint *e = l->e;
    hub *h = e->hub;
    sl_buf b = {0};
    if (h && h->kind != SL_EP_WS && h->peers)
        event(&b, sl_str_n(l->bytes, l->n));
    for (peer *p = h ? h->peers : NULL, *x; p; p = x) {
        x = p->next;
        bool ok = p->ws ? sl_ws_send(p->ws, sl_str_n(l->bytes, l->n), true) : !b.failed && sl_http_part(p->sse, sl_buf_view(&b));
        p->lost += !ok;
    }
    sl_buf_free(&b);
    sl_post(e->lane, sent, l);
}
static void joined(void *arg) {
    sl_endpoint *e = arg;
    if (!e->closed && e->ops->joined)
        e->ops->joined(e->arg, e->why);
}
static void join(void *arg) {
    sl_endpoint *e = arg;
    hub *h = sl_mount_find(e->mount, SL_S("GET"), e->path, handle);
    const char *why = NULL;
    sl_err *err = NULL;
    if (h && h->kind != e->kind) {
        why = "the path is used by another kind of endpoint";
        h = NULL;
    } else if (!h) {
        if (!(h = calloc(1, sizeof *h)))
            why = "out of memory";
        else {
            h->kind = e->kind;
            if ((err = sl_mount_add(e->mount, SL_S("GET"), e->path, handle, h))) {
                free(h);
                h = NULL;
                why = sl_err_text(err);
            }
        }
    }
    if (h) {
        e->next = h->users;
        h->users = e;
        e->hub = h;
    } else
        e->why = sl_strdup_n(why, strlen(why));
    sl_err_free(err);
    sl_post(e->lane, joined, e);
}
static void left(void *arg);
static void leave(void *arg) {
    sl_endpoint *e = arg;
    hub *h = e->hub;
    if (h) {
        sl_endpoint **at = &h->users;
        while (*at != e)
            at = &(*at)->next;
        *at = e->next;
        if (h->users)
            hub_hold(h);
        else {
            sl_mount_del(e->mount, SL_S("GET"), e->path);
            for (peer *p = h->peers, *x; p; p = x) {
                x = p->next;
                if (p->ws)
                    sl_ws_close(p->ws); /* both without a callback */
                else
                    sl_http_end(p->sse);
                peer_free(p);
            }
            free(h);
        }
    }
    sl_post(e->lane, left, e); /* behind every letter to the lane */
}

/* ---- lane ---- */
static void came(void *arg) {
    letter *l = arg;
    sl_endpoint *e = l->e;
    int was = atomic_fetch_sub(&e->in, 1);
    if (!e->closed && !e->ops->message(e->arg, sl_str_n(l->bytes, l->n)))
        sl_endpoint_pause(e, true);
    if (!e->closed && was == SL_ENDPOINT_WAITING / 2)
        sl_post(e->server, recheck, e); /* before `leave` in that queue: e is alive there */
    free(l);
}
static void sent(void *arg) {
    letter *l = arg;
    sl_endpoint *e = l->e;
    atomic_fetch_sub(&e->out, 1);
    if (e->ops->sent)
        e->ops->sent(e->arg, l->seq);
    free(l);
}
sl_err *sl_endpoint_open(const sl_conn_env *env, sl_str path, sl_endpoint_kind kind, const sl_endpoint_ops *ops, void *arg, sl_endpoint **out) {
    if (!env->http)
        return sl_err_new(SL_E_EXEC, "the data server is not running");
    sl_endpoint *e = calloc(1, sizeof *e);
    if (!e)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    e->lane = env->loop;
    e->mount = (sl_http_mount *)(uintptr_t)env->http;
    e->server = sl_mount_loop(e->mount);
    e->path = path;
    e->kind = kind;
    e->ops = ops;
    e->arg = arg;
    if (!sl_post(e->server, join, e)) {
        free(e);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    *out = e;
    return NULL;
}
bool sl_endpoint_send(sl_endpoint *e, uint64_t seq, sl_str bytes) {
    if (atomic_load(&e->out) >= SL_ENDPOINT_WAITING)
        return false;
    letter *l = malloc(sizeof *l + bytes.n);
    if (!l)
        return false;
    l->e = e;
    l->seq = seq;
    l->n = bytes.n;
    memcpy(l->bytes, bytes.p, bytes.n);
    atomic_fetch_add(&e->out, 1);
    if (sl_post(e->server, broadcast, l))
        return true;
    atomic_fetch_sub(&e->out, 1);
    free(l);
    return false;
}
void sl_endpoint_pause(sl_endpoint *e, bool pause) {
    if (e->closed || atomic_exchange(&e->paused, pause) == pause)
        return;
    sl_post(e->server, recheck, e);
}
static void left(void *arg) {
    sl_endpoint *e = arg;
    sl_fn done = e->done;
    void *done_arg = e->done_arg;
    free(e->why);
    free(e);
    done(done_arg);
}
void sl_endpoint_close(sl_endpoint *e, sl_fn done, void *arg) {
    if (e->closed)
        return;
    e->closed = true;
    e->done = done;
    e->done_arg = arg;
    sl_post(e->server, leave, e);
}
