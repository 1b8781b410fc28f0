/* The httppush source: an endpoint of the shared data server.
 * Decision: two owners by thread, and letters between them. The server's loop owns the hub of a path (its members and the requests
 * under way); the lane owns the source. A request is answered when every member took it (qos 0) or settled it (qos >= 1), so "ok" is
 * never said for what nobody has. The body is not copied: it lives in the request until the answer. Where server and lane are one
 * thread the letters are handed over by a call.
 * When one member has no room the whole request is refused before anybody got it, so a client's second try makes no duplicates. */
#include <stdatomic.h>
#include <stdlib.h>
#include "conn/conn.h"
#include "net/http.h"

typedef struct push_conf {
    sl_str method;
    int64_t buffer;
} push_conf;
static const sl_prop props[] = {
    {.name = "method", .type = SL_P_STR, .flags = SL_P_SOURCE, SL_AT(push_conf, method), .def = "POST", .doc = "POST or PUT.", .example = "PUT"},
    {.name = "bufferLength",
     .type = SL_P_INT,
     .flags = SL_P_SOURCE,
     SL_AT(push_conf, buffer),
     .def = "1024",
     .min = 1,
     .max = 1000000,
     .doc = "Requests that may wait for the rule; beyond it the answer is 429 with Retry-After.",
     .example = "1024"},
    {0},
};
typedef struct hub hub;
typedef struct letter letter;
typedef struct push { /* the sl_source */
    sl_loop *lane, *server;
    sl_http_mount *mount;
    sl_source_out *out;
    sl_str path, method; /* lent by conf until close */
    bool lasts;
    int64_t limit;
    atomic_int waiting; /* posted to the lane, not yet taken */
    atomic_bool paused;
    /* lane */
    bool closed;
    uint64_t pos;
    letter *first, *last; /* taken, not yet settled (qos >= 1), by rising pos */
    sl_fn done;
    void *done_arg;
    char *why; /* from the server to the lane: why joining failed */
    /* server's loop */
    struct push *next;
    hub *hub;
} push;
struct hub { /* server's loop only */
    push *members;
    sl_http_mount *mount;
};
typedef struct call { /* one request under way; server's loop, the body is read by lanes */
    sl_http_req *req;
    uint32_t left, refused;
} call;
struct letter {
    letter *next;
    push *p;
    call *c;
    uint64_t pos;
    bool fine;
};

/* ---- server's loop ---- */
static void settle(call *c) {
    if (c->left)
        return;
    if (c->refused)
        sl_cors_reply(c->req, 503, "text/plain; charset=utf-8", SL_S("the rule stopped before it settled the message\n"), "Retry-After: 1\r\n");
    else
        sl_cors_reply(c->req, 200, "text/plain; charset=utf-8", SL_S("ok"), NULL);
    free(c);
}
static void acked(void *arg) {
    letter *l = arg;
    call *c = l->c;
    c->left--;
    c->refused += !l->fine;
    free(l);
    settle(c);
}
static void take(void *arg);
static void handle(void *arg, sl_http_req *r) {
    hub *h = arg;
    uint32_t n = 0;
    for (push *p = h->members; p; p = p->next, n++) {
        bool full = atomic_load(&p->waiting) >= p->limit;
        if (full || atomic_load(&p->paused)) {
            if (full)
                sl_cors_reply(r, 429, "text/plain; charset=utf-8", SL_S("too many requests wait for the rule\n"), "Retry-After: 1\r\n");
            else
                sl_cors_reply(r, 503, "text/plain; charset=utf-8", SL_S("the rule is behind\n"), "Retry-After: 1\r\n");
            return;
        }
    }
    call *c = malloc(sizeof *c);
    letter *all = NULL, *l = NULL;
    uint32_t have = 0;
    while (c && have < n && (l = malloc(sizeof *l))) {
        l->next = all;
        all = l;
        have++;
    }
    if (!c || have < n) {
        while ((l = all)) {
            all = l->next;
            free(l);
        }
        free(c);
        sl_cors_reply(r, 503, NULL, SL_S(""), "Retry-After: 1\r\n");
        return;
    }
    *c = (call){.req = r, .left = 1}; /* one of our own, so that it is not settled while being handed out */
    for (push *p = h->members; p; p = p->next) {
        l = all;
        all = l->next;
        *l = (letter){.p = p, .c = c};
        atomic_fetch_add(&p->waiting, 1);
        c->left++;
        if (p->lane == p->server)
            take(l);
        else if (!sl_post(p->lane, take, l)) {
            atomic_fetch_sub(&p->waiting, 1);
            c->left--;
            c->refused++;
            free(l);
        }
    }
    c->left--;
    settle(c);
}
static void joined(void *arg) {
    push *p = arg;
    if (p->closed)
        return;
    if (p->why) {
        sl_str why = sl_str_of(p->why);
        p->out->error(p->out, why);
        p->out->state(p->out, SL_CONN_DISCONNECTED, why);
    } else
        p->out->state(p->out, SL_CONN_CONNECTED, SL_S(""));
}
static void join(void *arg) {
    push *p = arg;
    hub *h = sl_mount_find(p->mount, p->method, p->path, handle);
    if (!h) {
        sl_err *e = NULL;
        if (!(h = calloc(1, sizeof *h)))
            e = sl_err_new(SL_E_NOMEM, "out of memory");
        else if ((h->mount = p->mount, e = sl_mount_add(p->mount, p->method, p->path, handle, h))) {
            free(h);
            h = NULL;
        }
        if (e) {
            p->why = sl_strdup_n(sl_err_text(e), strlen(sl_err_text(e)));
            sl_err_free(e);
        }
    }
    if (h) {
        push **at = &h->members;
        while (*at)
            at = &(*at)->next;
        *at = p;
        p->hub = h;
    }
    sl_post(p->lane, joined, p);
}
static void left(void *arg);
static void leave(void *arg) {
    push *p = arg;
    hub *h = p->hub;
    if (h) {
        push **at = &h->members;
        while (*at != p)
            at = &(*at)->next;
        *at = p->next;
        if (!h->members) {
            sl_mount_del(p->mount, p->method, p->path);
            free(h);
        }
    }
    sl_post(p->lane, left, p); /* behind every letter that was posted for p */
}

/* ---- lane ---- */
static void ack(push *p, letter *l, bool fine) {
    l->fine = fine;
    if (p->lane == p->server)
        acked(l);
    else
        sl_post(p->server, acked, l);
}
static void take(void *arg) {
    letter *l = arg;
    push *p = l->p;
    int behind = atomic_fetch_sub(&p->waiting, 1) - 1;
    if (p->closed) {
        ack(p, l, false);
        return;
    }
    l->pos = ++p->pos;
    l->next = NULL;
    sl_packet k = {.bytes = l->c->req->body, .pos = l->pos};
    sl_str context;
    sl_member meta;
    if (sl_http_header_get(l->c->req, "traceparent", &context) && context.n) {
        meta = (sl_member){SL_S("traceparent"), sl_v_str(context)};
        k.meta = &meta;
        k.nmeta = 1;
    }
    if (p->lasts) { /* kept before it is given: it may settle at once */
        if (p->last)
            p->last->next = l;
        else
            p->first = l;
        p->last = l;
    }
    if (!p->out->bytes(p->out, &k))
        atomic_store(&p->paused, true);
    if (!behind && p->lane != p->server && p->out->drained) /* on one thread other requests may follow in this turn */
        p->out->drained(p->out);
    if (!p->lasts)
        ack(p, l, true);
}
static void commit(sl_source *s, uint64_t upto) {
    push *p = (push *)s;
    while (p->first && p->first->pos <= upto) {
        letter *l = p->first;
        p->first = l->next;
        if (!p->first)
            p->last = NULL;
        ack(p, l, true);
    }
}
static void pause_source(sl_source *s) { atomic_store(&((push *)s)->paused, true); }
static void resume_source(sl_source *s) { atomic_store(&((push *)s)->paused, false); }
static sl_err *check(const void *conf, sl_str datasource) {
    const push_conf *c = conf;
    if (!datasource.n || datasource.p[0] != '/')
        return sl_err_new(SL_E_EXEC, "property `endpoint` must start with /");
    if (!sl_str_is(c->method, "POST") && !sl_str_is(c->method, "PUT"))
        return sl_err_new(SL_E_EXEC, "method %.*s is not supported, must be POST or PUT", SL_FMT(c->method));
    return NULL;
}
static sl_err *open_source(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src) {
    const push_conf *c = conf;
    SL_TRY(check(conf, datasource));
    if (!env->http)
        return sl_err_new(SL_E_EXEC, "httppush needs the data server, which is not running");
    push *p = calloc(1, sizeof *p);
    if (!p)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    p->lane = env->loop;
    p->mount = (sl_http_mount *)(uintptr_t)env->http;
    p->server = sl_mount_loop(p->mount);
    p->out = out;
    p->path = datasource;
    p->method = c->method;
    p->lasts = env->lasts;
    p->limit = c->buffer > 0 ? c->buffer : 1024;
    if (!sl_post(p->server, join, p)) {
        free(p);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    *src = (sl_source *)p;
    return NULL;
}
static void left(void *arg) {
    push *p = arg;
    sl_fn done = p->done;
    void *done_arg = p->done_arg;
    free(p->why);
    free(p);
    done(done_arg);
}
static void close_source(sl_source *s, sl_fn done, void *arg) {
    push *p = (push *)s;
    if (p->closed)
        return;
    p->closed = true;
    p->done = done;
    p->done_arg = arg;
    while (p->first) { /* nobody will settle these any more: the client is told to come again */
        letter *l = p->first;
        p->first = l->next;
        ack(p, l, false);
    }
    p->last = NULL;
    sl_post(p->server, leave, p);
}
static const sl_source_ops source_ops = {
    .journal = true, .check = check, .open = open_source, .commit = commit, .pause = pause_source, .resume = resume_source, .close = close_source};
const sl_conn_def sl_conn_httppush = {
    .name = "httppush",
    .title = "HTTP push",
    .doc = "Takes messages that others send to an endpoint of the data server.",
    .props = props,
    .conf_size = sizeof(push_conf),
    .datasource = "Path of the endpoint, starts with /.",
    .source = &source_ops,
    .connection = "httppush",
};
