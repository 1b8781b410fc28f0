/* Client byte streams: name look-up, connect to one address after the other, optional TLS, coalesced writes.
 *
 * Decision: what is written in one turn of the loop leaves in one system call at its end (or at once when a lot has gathered), tried
 * directly before the poller is asked. Reading uses one buffer per thread: data is consumed before the next read.
 * Decision: memory is counted by references (owner, open handle, look-up, deferred call, callback on the way), because libuv ends handles
 * later than owners end streams. */
#include "net/stream.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include "net/tls.h"
#include "os/module.h"

#define READ_ROOM 65536
#define WRITE_KEPT 8192 /* bytes of a write buffer that stay with a quiet connection */
#define WRITE_NOW 65536 /* waiting bytes that do not wait for the end of the turn */

struct sl_stream {
    sl_loop *loop;
    const sl_stream_ops *ops;
    void *arg;
    char *host;
    int port;
    unsigned refs;
    bool tcp_alive, opened, dead, told, deferred, paused, writing, owed; /* owed: `writable` is due once all is out */
    uv_tcp_t tcp;
    uv_getaddrinfo_t dns;
    uv_connect_t conn;
    uv_write_t wreq;
    struct addrinfo *list, *next;
    sl_timer *timer;
    int64_t timeout_ms;
    sl_buf out;  /* not yet given to the system (plain) */
    sl_buf busy; /* on its way */
    size_t busy_at;
    int write_error; /* seen inside sl_stream_write: told at the end of the turn */
    const sl_tls_engine *engine;
    sl_tls *tls;
    bool tls_done;
    char why[320];
};
/* Where a thread reads to: made when it first reads, given back when it ends. Thread-local arrays would be resident in every thread. */
static _Thread_local char *read_room, *tls_room;
static pthread_key_t rooms[2];
static bool have_rooms;
static void make_rooms(void) { have_rooms = !pthread_key_create(&rooms[0], free) && !pthread_key_create(&rooms[1], free); }
static char *room(char **mine, int key) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (*mine)
        return *mine;
    pthread_once(&once, make_rooms);
    *mine = have_rooms ? malloc(READ_ROOM) : NULL;
    if (*mine && pthread_setspecific(rooms[key], *mine)) {
        free(*mine);
        *mine = NULL;
    }
    return *mine;
}

sl_err *sl_tls_engine_get(const sl_tls_engine **out) {
    void *p;
    SL_TRY(sl_err_prefix(sl_module_load("openssl", "sl_tls_engine_openssl", &p), "TLS"));
    *out = p;
    return NULL;
}

/* ---- life ---- */
static void release(sl_stream *s) {
    if (--s->refs)
        return;
    if (s->list)
        uv_freeaddrinfo(s->list);
    if (s->tls)
        s->engine->free(s->tls);
    sl_timer_free(s->timer);
    sl_buf_free(&s->out);
    sl_buf_free(&s->busy);
    free(s->host);
    free(s);
}
static void on_closed(uv_handle_t *h) {
    sl_stream *s = h->data;
    s->tcp_alive = false;
    release(s);
}
static void close_tcp(sl_stream *s) {
    if (s->tcp_alive && !uv_is_closing((uv_handle_t *)&s->tcp))
        uv_close((uv_handle_t *)&s->tcp, on_closed);
}
static void fail(sl_stream *s, const char *what, const char *why) {
    if (s->told || s->dead)
        return;
    s->told = true;
    s->opened = false;
    if (s->timer)
        sl_timer_stop(s->timer);
    close_tcp(s);
    snprintf(s->why, sizeof s->why, "%s%s%s", what, *what ? ": " : "", why);
    s->refs++;
    s->ops->closed(s->arg, sl_str_of(s->why));
    release(s);
}
static void fail_peer(sl_stream *s, const char *what, int code) {
    char head[280];
    snprintf(head, sizeof head, "%s %.200s:%d", what, s->host, s->port);
    fail(s, head, code == UV_EOF ? "connection closed by the peer" : uv_strerror(code));
}

/* ---- writing ---- */
static void flush(sl_stream *s, bool inside);
static void on_deferred(void *arg) {
    sl_stream *s = arg;
    s->deferred = false;
    if (s->write_error && !s->dead)
        fail_peer(s, "write to", s->write_error);
    else if (!s->dead && !s->told && s->opened)
        flush(s, false);
    release(s);
}
static void defer(sl_stream *s) {
    if (!s->deferred && sl_defer(s->loop, on_deferred, s)) {
        s->deferred = true;
        s->refs++;
    }
}
static void after_write(sl_stream *s) {
    if (s->busy.cap > 4 * WRITE_NOW || (s->busy.cap > WRITE_KEPT && s->busy.n < s->busy.cap / 8)) /* a burst is over */
        sl_buf_free(&s->busy);
    s->busy.n = s->busy_at = 0;
}
static void on_written(uv_write_t *w, int status) {
    sl_stream *s = w->data;
    s->writing = false;
    s->refs++;
    if (status < 0) {
        if (!s->dead && status != UV_ECANCELED)
            fail_peer(s, "write to", status);
    } else {
        after_write(s);
        if (!s->dead && !s->told)
            flush(s, false);
    }
    release(s);
}
/* inside: called from the owner's own call; then neither errors nor `writable` are told from here. */
static void flush(sl_stream *s, bool inside) {
    if (s->writing || s->told)
        return;
    if (s->tls) {
        if (s->out.n && s->tls_done) {
            if (!s->engine->write(s->tls, sl_buf_view(&s->out))) {
                s->write_error = UV_EPROTO;
                defer(s);
                return;
            }
            s->out.n = 0;
        }
        s->engine->pending(s->tls, &s->busy);
    } else {
        sl_buf t = s->busy;
        s->busy = s->out;
        s->out = t;
    }
    s->busy_at = 0;
    if (s->busy.n) {
        uv_buf_t b = uv_buf_init(s->busy.p, (unsigned)s->busy.n);
        int n = uv_try_write((uv_stream_t *)&s->tcp, &b, 1);
        if (n == UV_EAGAIN || n == UV_ENOSYS)
            n = 0;
        if (n >= 0 && (size_t)n < s->busy.n) {
            s->busy_at = (size_t)n;
            b = uv_buf_init(s->busy.p + n, (unsigned)(s->busy.n - (size_t)n));
            s->wreq.data = s;
            n = uv_write(&s->wreq, (uv_stream_t *)&s->tcp, &b, 1, on_written);
            if (n == 0) {
                s->writing = true;
                return;
            }
        }
        if (n < 0) {
            s->write_error = n;
            if (inside)
                defer(s);
            else
                fail_peer(s, "write to", n);
            return;
        }
        after_write(s);
    }
    if (inside)
        defer(s); /* `writable` comes at the end of the turn */
    else if (s->owed && s->opened && s->ops->writable) {
        s->owed = false;
        s->ops->writable(s->arg);
    }
}
size_t sl_stream_waiting(const sl_stream *s) { return s->out.n + s->busy.n - s->busy_at; }
size_t sl_stream_write(sl_stream *s, sl_str bytes) {
    if (s->told || s->dead)
        return 0;
    sl_buf_str(&s->out, bytes);
    s->owed = true;
    if (s->out.failed) {
        s->write_error = UV_ENOMEM;
        defer(s);
    } else if (s->opened) {
        if (s->out.n >= WRITE_NOW && !s->writing && !s->write_error)
            flush(s, true);
        else
            defer(s);
    }
    return sl_stream_waiting(s);
}

/* ---- reading ---- */
static void on_room(uv_handle_t *h, size_t hint, uv_buf_t *b) {
    char *p = room(&read_room, 0);
    *b = uv_buf_init(p, p ? READ_ROOM : 0); /* none: the read fails with ENOBUFS */
}
static void became_open(sl_stream *s) {
    s->opened = true;
    if (s->timer)
        sl_timer_stop(s->timer);
    s->ops->opened(s->arg);
    if (!s->dead && !s->told && s->out.n)
        defer(s);
}
/* Decrypts and delivers until the engine has no more or the owner pauses. */
static void tls_deliver(sl_stream *s) {
    if (!s->tls_done) {
        int h = s->engine->handshake(s->tls);
        flush(s, false); /* also the alert that tells the peer why */
        if (s->told || s->dead)
            return;
        if (h < 0) {
            char head[280];
            snprintf(head, sizeof head, "connect to %.200s:%d", s->host, s->port);
            fail(s, head, s->engine->why(s->tls));
            return;
        }
        if (!h)
            return;
        s->tls_done = true;
        became_open(s);
    }
    char *to = room(&tls_room, 1);
    if (!to)
        fail(s, "read", "out of memory");
    while (to && !s->dead && !s->told && !s->paused) {
        ptrdiff_t n = s->engine->read(s->tls, to, READ_ROOM);
        if (n > 0) {
            s->ops->data(s->arg, sl_str_n(to, (size_t)n));
            continue;
        }
        if (n == -1)
            fail(s, "read", s->engine->why(s->tls));
        else if (n == -2)
            fail_peer(s, "read from", UV_EOF);
        break;
    }
    if (!s->dead && !s->told)
        defer(s); /* the engine may have something to say */
}
static void on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b) {
    sl_stream *s = h->data;
    if (s->dead || s->told)
        return;
    s->refs++;
    if (n < 0) {
        fail_peer(s, "read from", (int)n);
    } else {
        if (n > 0) {
            if (!s->tls)
                s->ops->data(s->arg, sl_str_n(b->base, (size_t)n));
            else if (!s->engine->feed(s->tls, sl_str_n(b->base, (size_t)n)))
                fail(s, "read", s->engine->why(s->tls));
            else
                tls_deliver(s);
        }
        if ((size_t)n < READ_ROOM && s->opened && !s->dead && !s->told && !s->paused && s->ops->drained)
            s->ops->drained(s->arg);
    }
    release(s);
}
static void resume_tls(void *arg) {
    sl_stream *s = arg;
    if (!s->dead && !s->told && !s->paused) {
        tls_deliver(s);
        if (!s->dead && !s->told && !s->paused && s->ops->drained)
            s->ops->drained(s->arg);
    }
    release(s);
}
void sl_stream_pause(sl_stream *s, bool pause) {
    if (s->paused == pause)
        return;
    s->paused = pause;
    if (!s->opened || s->told || s->dead)
        return;
    if (pause)
        uv_read_stop((uv_stream_t *)&s->tcp);
    else {
        uv_read_start((uv_stream_t *)&s->tcp, on_room, on_read);
        if (s->tls && sl_defer(s->loop, resume_tls, s)) /* decrypted bytes may wait inside */
            s->refs++;
    }
}

/* ---- connecting ---- */
static void try_next(sl_stream *s);
static void on_retry(uv_handle_t *h) {
    sl_stream *s = h->data;
    s->tcp_alive = false;
    if (!s->dead && !s->told)
        try_next(s);
    release(s);
}
static void on_connect(uv_connect_t *c, int status) {
    sl_stream *s = c->data;
    if (s->dead || s->told)
        return;
    s->refs++;
    if (status < 0) {
        if (s->next)
            uv_close((uv_handle_t *)&s->tcp, on_retry);
        else
            fail_peer(s, "connect to", status);
    } else {
        uv_tcp_nodelay(&s->tcp, 1);
        uv_tcp_keepalive(&s->tcp, 1, 60);
        uv_read_start((uv_stream_t *)&s->tcp, on_room, on_read);
        if (s->tls)
            tls_deliver(s);
        else
            became_open(s);
        if (s->paused && s->opened && !s->dead && !s->told)
            uv_read_stop((uv_stream_t *)&s->tcp);
    }
    release(s);
}
static void try_next(sl_stream *s) {
    struct addrinfo *a = s->next;
    s->next = a->ai_next;
    int n = uv_tcp_init(sl_loop_uv(s->loop), &s->tcp);
    if (n < 0) {
        fail_peer(s, "connect to", n);
        return;
    }
    s->tcp.data = s;
    s->tcp_alive = true;
    s->refs++;
    s->conn.data = s;
    n = uv_tcp_connect(&s->conn, &s->tcp, a->ai_addr, on_connect);
    if (n < 0) {
        if (s->next)
            uv_close((uv_handle_t *)&s->tcp, on_retry);
        else
            fail_peer(s, "connect to", n);
    }
}
static void on_dns(uv_getaddrinfo_t *r, int status, struct addrinfo *list) {
    sl_stream *s = r->data;
    s->list = list;
    if (!s->dead && !s->told) {
        if (status < 0 || !list)
            fail_peer(s, "look up", status < 0 ? status : UV_EAI_NONAME);
        else {
            s->next = list;
            try_next(s);
        }
    }
    release(s);
}
static void on_address(void *arg) {
    sl_stream *s = arg;
    if (!s->dead && !s->told) {
        s->next = s->list;
        try_next(s);
    }
    release(s);
}
static void on_timeout(void *arg) {
    sl_stream *s = arg;
    fail_peer(s, "connect to", UV_ETIMEDOUT);
}
sl_err *sl_stream_open(sl_loop *l, const char *host, int port, const sl_tls_conf *tls, int64_t timeout_ms, const sl_stream_ops *ops, void *arg, sl_stream **out) {
    sl_stream *s = calloc(1, sizeof *s);
    if (!s || !(s->host = sl_strdup_n(host, strlen(host)))) {
        free(s);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    s->loop = l;
    s->port = port;
    s->ops = ops;
    s->arg = arg;
    s->refs = 1;
    s->timeout_ms = timeout_ms;
    sl_err *e = NULL;
    if (tls && !(e = sl_tls_engine_get(&s->engine)))
        e = s->engine->open(tls, host, false, &s->tls);
    if (!e && timeout_ms > 0) {
        if ((s->timer = sl_timer_real(l, on_timeout, s)))
            sl_timer_in(s->timer, timeout_ms);
        else
            e = sl_err_new(SL_E_NOMEM, "out of memory");
    }
    if (!e) {
        char service[12];
        snprintf(service, sizeof service, "%d", port);
        struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
        if (getaddrinfo(host, service, &hints, &s->list) == 0) { /* an address: nothing to ask, no thread needed */
            if (sl_defer(l, on_address, s))
                s->refs++;
            else
                e = sl_err_new(SL_E_NOMEM, "out of memory");
        } else {
            hints.ai_flags = AI_ADDRCONFIG;
            s->list = NULL;
            s->dns.data = s;
            int n = uv_getaddrinfo(sl_loop_uv(l), &s->dns, on_dns, host, service, &hints);
            if (n < 0)
                e = sl_err_new(SL_E_IO, "look up %s: %s", host, uv_strerror(n));
            else
                s->refs++;
        }
    }
    if (e) {
        release(s);
        return e;
    }
    *out = s;
    return NULL;
}
void sl_stream_free(sl_stream *s) {
    if (!s || s->dead)
        return;
    if (s->opened && !s->told) { /* what was written still gets its chance */
        if (s->tls)
            s->engine->bye(s->tls);
        flush(s, true);
    }
    s->dead = true;
    if (s->timer)
        sl_timer_stop(s->timer);
    close_tcp(s);
    release(s);
}
