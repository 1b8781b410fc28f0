/* The HTTP server: connections on libuv, one request at a time per connection, answers whole or streamed.
 * Decision: a connection is a small state machine with ONE timer whose meaning is its phase, and everything that tells a user
 * "the peer is gone" comes from the close callback of the handle, so no user code runs inside a call that the user made. A connection
 * outlives its socket while a handler still owes an answer. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <uv.h>
#include "base/log.h"
#include "net/http_conn.h"
#include "net/http_parse.h"
#include "net/tls.h"

enum { READ_SIZE = 64 * 1024, REST_MAX = 256 * 1024, QUEUE_MAX = 1024 * 1024, LINGER_MS = 2000, LINGER_BYTES = 16 * 1024 * 1024 };
typedef enum phase { PH_IDLE, PH_READ, PH_BUSY, PH_STREAM, PH_RAW, PH_LINGER } phase;
typedef struct conn conn;
struct sl_http_stream {
    conn *c;
};
struct conn {
    uv_tcp_t tcp; /* first: handle casts */
    uv_timer_t timer, kick;
    uv_shutdown_t shut;
    sl_http_server *s;
    conn *prev, *next;
    sl_http_in in;
    sl_http_req req;
    sl_buf rest; /* bytes behind the running request */
    phase ph;
    int closing;                                                                      /* handles still to be closed */
    bool closed, in_feed, owes, reading, keep, head_only, chunked, after_close, half; /* half: the peer sends no more */
    bool ticking;                                                                     /* the timer runs with idle_ms and looks at `since` when it fires */
    uint64_t since;                                                                   /* when the phase began */
    size_t body_at_tick, discarded;
    uint64_t queued, sent_at_tick;
    struct sl_http_stream stream;
    sl_fn stream_closed;
    void *stream_arg;
    const sl_http_raw_ops *raw;
    void *raw_arg;
    sl_tls *tls; /* HTTPS: bytes pass through it in both directions */
    bool tls_ready;
    char peer[72];
};
struct sl_http_server {
    uv_tcp_t tcp; /* first */
    sl_loop *loop;
    uv_loop_t *uv;
    sl_http_opts o;
    sl_http_handler h;
    void *arg;
    conn *conns;
    uint32_t nconns;
    int port;
    bool closing, listener_gone;
    sl_fn done;
    void *done_arg;
    time_t date_at;
    char date[48];
    const sl_tls_engine *engine; /* NULL = plain */
    sl_tls_conf tls;
    char *tls_paths[2];
    char *plain;   /* decrypted bytes of one read */
    sl_buf answer; /* scratch: heads and whole answers are put together here */
    char buf[READ_SIZE];
};
typedef struct wreq {
    uv_write_t w;
    conn *c;
    char bytes[];
} wreq;

static void pump(conn *c, const char *p, size_t n);
static void on_timer(uv_timer_t *t);
static void on_kick(uv_timer_t *t);
static void reading(conn *c, bool on);
static void flush_tls(conn *c);

/* ---- end of a connection ---- */
static void server_gone(sl_http_server *s) {
    if (!s->closing || !s->listener_gone || s->nconns)
        return;
    sl_fn done = s->done;
    void *arg = s->done_arg;
    free(s->tls_paths[0]);
    free(s->tls_paths[1]);
    free(s->plain);
    sl_buf_free(&s->answer);
    free(s);
    if (done)
        done(arg);
}
static void conn_free(conn *c) {
    if (!c->closed || c->owes)
        return;
    sl_http_server *s = c->s;
    *(c->prev ? &c->prev->next : &s->conns) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->nconns--;
    sl_http_in_free(&c->in);
    sl_buf_free(&c->rest);
    if (c->tls)
        s->engine->free(c->tls);
    free(c);
    server_gone(s);
}
static void on_closed(uv_handle_t *h) {
    conn *c = h->data;
    if (--c->closing)
        return;
    c->closed = true;
    if (c->ph == PH_STREAM) {
        c->ph = PH_LINGER;
        if (c->stream_closed)
            c->stream_closed(c->stream_arg);
    } else if (c->ph == PH_RAW) {
        c->ph = PH_LINGER;
        if (c->raw)
            c->raw->gone(c->raw_arg);
    }
    conn_free(c);
}
static bool dying(const conn *c) { return c->closing || c->closed; }
static void conn_close(conn *c) {
    if (dying(c))
        return;
    c->closing = 3;
    uv_close((uv_handle_t *)&c->timer, on_closed);
    uv_close((uv_handle_t *)&c->kick, on_closed);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}
static void arm(conn *c, phase ph) {
    c->ph = ph;
    if (dying(c))
        return;
    c->sent_at_tick = c->queued - uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);
    c->body_at_tick = c->in.body.n;
    c->since = uv_now(c->s->uv);
    if (ph == PH_LINGER)
        uv_timer_start(&c->timer, on_timer, LINGER_MS, 0);
    else if (!c->ticking) /* three phases a request: they only note the time */
        uv_timer_start(&c->timer, on_timer, (uint64_t)c->s->o.idle_ms, (uint64_t)c->s->o.idle_ms);
    c->ticking = ph != PH_LINGER;
}
static void on_shut(uv_shutdown_t *r, int status) {
    conn *c = r->data;
    if (status < 0 || c->half)
        conn_close(c);
    else if (!dying(c))
        uv_timer_start(&c->timer, on_timer, LINGER_MS, 0); /* the answer is out: the peer has this long to close */
}
/* Says goodbye without destroying the answer under way: closing with unread input would reset the connection, so input is
 * swallowed until the peer closes, or for a while. */
static void linger(conn *c) {
    if (dying(c))
        return;
    arm(c, PH_LINGER);
    if (c->tls) {
        c->s->engine->bye(c->tls);
        flush_tls(c);
        if (dying(c))
            return;
    }
    uv_timer_start(&c->timer, on_timer, (uint64_t)c->s->o.idle_ms, (uint64_t)c->s->o.idle_ms);
    c->shut.data = c;
    if (uv_shutdown(&c->shut, (uv_stream_t *)&c->tcp, on_shut) < 0)
        conn_close(c);
    else
        reading(c, true);
}

/* ---- writing ---- */
static void on_written(uv_write_t *w, int status) {
    wreq *q = (wreq *)w;
    conn *c = q->c;
    free(q);
    if (status < 0)
        conn_close(c);
    else if (!dying(c) && c->ph != PH_LINGER && !c->owes && c->rest.n && c->ph < PH_STREAM)
        uv_timer_start(&c->kick, on_kick, 0, 0);
}
static size_t waiting(const conn *c) { return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp); }
static void out_raw(conn *c, const char *p, size_t n) {
    if (dying(c) || !n)
        return;
    if (!waiting(c)) {
        uv_buf_t b = uv_buf_init((char *)(uintptr_t)p, (unsigned)(n > 1u << 30 ? 1u << 30 : n));
        int k = uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
        if (k < 0 && k != UV_EAGAIN) {
            conn_close(c);
            return;
        }
        if (k > 0) {
            c->queued += (size_t)k;
            p += k;
            n -= (size_t)k;
        }
        if (!n)
            return;
    }
    wreq *q = malloc(sizeof *q + n);
    if (!q) {
        conn_close(c);
        return;
    }
    q->c = c;
    memcpy(q->bytes, p, n);
    c->queued += n;
    uv_buf_t b = uv_buf_init(q->bytes, (unsigned)n);
    if (uv_write(&q->w, (uv_stream_t *)&c->tcp, &b, 1, on_written) < 0) {
        free(q);
        conn_close(c);
    }
}
static void flush_tls(conn *c) {
    sl_buf b = {0};
    c->s->engine->pending(c->tls, &b);
    if (b.failed)
        conn_close(c);
    else
        out_raw(c, b.p, b.n);
    sl_buf_free(&b);
}
static void out(conn *c, const char *p, size_t n) {
    if (!c->tls) {
        out_raw(c, p, n);
        return;
    }
    if (dying(c) || !n)
        return;
    if (c->tls_ready && c->s->engine->write(c->tls, sl_str_n(p, n)))
        flush_tls(c);
    else
        conn_close(c);
}
static const char *date(sl_http_server *s) {
    time_t now = time(NULL);
    if (now != s->date_at) {
        struct tm tm;
        gmtime_r(&now, &tm);
        strftime(s->date, sizeof s->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        s->date_at = now;
    }
    return s->date;
}
static bool bodiless(int status) { return status < 200 || status == 204 || status == 304; }
static void answer_head(conn *c, sl_buf *b, int status, const char *type, const char *extra) {
    if (status == 200)
        sl_buf_puts(b, "HTTP/1.1 200 OK\r\n");
    else
        sl_buf_printf(b, "HTTP/1.1 %d %s\r\n", status, sl_http_status_text(status));
    if (type) {
        sl_buf_puts(b, "Content-Type: ");
        sl_buf_puts(b, type);
        sl_buf_puts(b, "\r\n");
    }
    if (extra)
        sl_buf_puts(b, extra);
    sl_buf_puts(b, date(c->s));
    if (!c->keep)
        sl_buf_puts(b, "Connection: close\r\n");
    else if (c->in.http10)
        sl_buf_puts(b, "Connection: keep-alive\r\n");
}
static void whole(conn *c, int status, const char *type, sl_str body, const char *extra) {
    sl_buf *b = &c->s->answer;
    b->n = 0;
    answer_head(c, b, status, type, extra);
    if (!bodiless(status)) {
        char digits[24];
        size_t at = sizeof digits, left = body.n;
        do
            digits[--at] = (char)('0' + left % 10);
        while (left /= 10);
        sl_buf_puts(b, "Content-Length: ");
        sl_buf_put(b, digits + at, sizeof digits - at);
        sl_buf_puts(b, "\r\n");
    }
    sl_buf_puts(b, "\r\n");
    if (!c->head_only && !bodiless(status))
        sl_buf_str(b, body);
    if (b->failed) {
        b->failed = false;
        conn_close(c);
    } else
        out(c, b->p, b->n);
    if (b->cap > READ_SIZE)
        sl_buf_free(b);
}
/* The server's own refusal; the connection ends. */
static void refuse(conn *c, int status, const char *why) {
    c->keep = false;
    char text[160];
    int n = snprintf(text, sizeof text, "%d %s: %s", status, sl_http_status_text(status), why);
    whole(c, status, "text/plain; charset=utf-8", sl_str_n(text, (size_t)n), NULL);
    linger(c);
}
/* The running request is answered. */
static void next_request(conn *c) {
    c->owes = false;
    if (dying(c)) {
        conn_free(c);
        return;
    }
    if (!c->keep || c->s->closing) {
        linger(c);
        return;
    }
    sl_http_in_next(&c->in);
    c->head_only = false;
    arm(c, PH_IDLE);
    reading(c, c->rest.n <= REST_MAX);
    if (c->rest.n && !c->in_feed)
        uv_timer_start(&c->kick, on_kick, 0, 0); /* later: the caller of reply must not find himself in his handler */
}

/* ---- reading ---- */
static void on_alloc(uv_handle_t *h, size_t want, uv_buf_t *b) {
    conn *c = h->data;
    *b = uv_buf_init(c->s->buf, READ_SIZE);
}
/* Bytes of HTTP (decrypted ones where TLS is on). */
static void take_in(conn *c, const char *p, size_t n) {
    if (c->ph == PH_LINGER)
        return;
    if (c->ph == PH_RAW && !c->rest.n) {
        if (c->raw)
            c->raw->data(c->raw_arg, p, n);
        return;
    }
    if (!c->owes && !c->rest.n && c->ph < PH_BUSY && waiting(c) <= QUEUE_MAX) {
        pump(c, p, n);
        return;
    }
    sl_buf_put(&c->rest, p, n);
    if (c->rest.failed) {
        conn_close(c);
        return;
    }
    if (c->owes || c->ph >= PH_BUSY) {
        if (c->rest.n > REST_MAX)
            reading(c, false);
    } else
        on_kick(&c->kick);
}
static void take_tls(conn *c, const char *p, size_t n) {
    const sl_tls_engine *e = c->s->engine;
    if (!e->feed(c->tls, sl_str_n(p, n))) {
        conn_close(c);
        return;
    }
    if (!c->tls_ready) {
        int h = e->handshake(c->tls);
        flush_tls(c);
        if (h <= 0) {
            if (h < 0) {
                sl_debug("http", "%s: %s", c->peer, e->why(c->tls));
                conn_close(c);
            }
            return;
        }
        c->tls_ready = true;
    }
    while (!dying(c) && c->ph != PH_LINGER) {
        ptrdiff_t k = e->read(c->tls, c->s->plain, READ_SIZE);
        if (k <= 0) {
            if (k < 0)
                conn_close(c);
            else
                flush_tls(c); /* answers of the protocol itself */
            return;
        }
        take_in(c, c->s->plain, (size_t)k);
    }
}
static void on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b) {
    conn *c = h->data;
    if (n == 0)
        return;
    if (n == UV_EOF && (c->ph == PH_BUSY || (c->ph == PH_LINGER && waiting(c)))) { /* it sends no more, but it may still listen */
        c->half = true;
        c->keep = false;
        reading(c, false);
        return;
    }
    if (n < 0) {
        conn_close(c);
        return;
    }
    if (c->ph == PH_LINGER) {
        c->discarded += (size_t)n;
        if (c->discarded > LINGER_BYTES)
            conn_close(c);
    } else if (c->tls)
        take_tls(c, b->base, (size_t)n);
    else
        take_in(c, b->base, (size_t)n);
}
static void reading(conn *c, bool on) {
    if (dying(c) || c->reading == on)
        return;
    c->reading = on;
    if (!on)
        uv_read_stop((uv_stream_t *)&c->tcp);
    else if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) < 0)
        conn_close(c);
}
static void dispatch(conn *c) {
    c->req.conn = c;
    c->req.peer = c->peer;
    if (!sl_http_in_take(&c->in, &c->req)) {
        refuse(c, c->in.fail, c->in.why);
        return;
    }
    c->keep = c->in.keep_alive && !c->s->o.close_each && !c->s->closing;
    c->req.keep_alive = c->keep;
    c->head_only = sl_str_is(c->req.method, "HEAD");
    c->owes = true;
    arm(c, PH_BUSY);
    c->s->h(c->s->arg, &c->req);
}
static size_t feed(conn *c, const char *p, size_t n) {
    size_t used = 0;
    c->in_feed = true;
    while (used < n && !c->owes && c->ph < PH_BUSY && !dying(c) && waiting(c) <= QUEUE_MAX) {
        if (c->ph == PH_IDLE)
            arm(c, PH_READ);
        size_t k;
        sl_http_fed r = sl_http_in_feed(&c->in, p + used, n - used, &k);
        used += k;
        if (r == SL_HTTP_FAIL) {
            refuse(c, c->in.fail, c->in.why);
            break;
        }
        if (c->in.expect) {
            c->in.expect = false;
            if (r == SL_HTTP_MORE && !c->in.body.n)
                out(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        }
        if (r == SL_HTTP_DONE)
            dispatch(c);
    }
    c->in_feed = false;
    return used;
}
/* Fresh bytes; nothing waits before them. */
static void pump(conn *c, const char *p, size_t n) {
    size_t used = feed(c, p, n);
    if (used < n && !dying(c) && c->ph != PH_LINGER) {
        sl_buf_put(&c->rest, p + used, n - used);
        if (c->rest.failed)
            conn_close(c);
        else if (c->ph == PH_RAW || (!c->owes && c->ph < PH_BUSY && waiting(c) <= QUEUE_MAX))
            uv_timer_start(&c->kick, on_kick, 0, 0);
    }
}
static void on_kick(uv_timer_t *t) {
    conn *c = t->data;
    if (dying(c) || c->owes || !c->rest.n)
        return;
    if (c->ph == PH_RAW) {
        sl_buf rest = c->rest;
        c->rest = (sl_buf){0};
        reading(c, true);
        if (c->raw)
            c->raw->data(c->raw_arg, rest.p, rest.n);
        sl_buf_free(&rest);
        return;
    }
    size_t used = feed(c, c->rest.p, c->rest.n);
    if (dying(c))
        return;
    memmove(c->rest.p, c->rest.p + used, c->rest.n - used);
    c->rest.n -= used;
    if (!c->rest.n && c->rest.cap > REST_MAX)
        sl_buf_free(&c->rest);
    reading(c, c->rest.n <= REST_MAX);
    if (c->rest.n && c->ph == PH_RAW)
        uv_timer_start(&c->kick, on_kick, 0, 0);
}
static bool stuck(conn *c) {
    size_t w = waiting(c);
    uint64_t sent = c->queued - w;
    bool same = w && sent == c->sent_at_tick;
    c->sent_at_tick = sent;
    return same;
}
static void on_timer(uv_timer_t *t) {
    conn *c = t->data;
    uint64_t idle = (uint64_t)c->s->o.idle_ms, spent = uv_now(c->s->uv) - c->since;
    if (c->ticking && spent < idle) {
        uv_timer_start(&c->timer, on_timer, idle - spent, idle);
        return;
    }
    switch (c->ph) {
    case PH_IDLE:
        if (waiting(c) && !stuck(c))
            return;
        conn_close(c);
        return;
    case PH_READ: /* a body may be long on a slow line, but must come at 1 KiB a second or better */
        if (c->in.head_done && c->in.body.n - c->body_at_tick >= (uint64_t)c->s->o.idle_ms * 1024 / 1000 + 1) {
            c->body_at_tick = c->in.body.n;
            return;
        }
        refuse(c, 408, "the request did not arrive in time");
        return;
    case PH_LINGER:
        if (uv_timer_get_repeat(&c->timer) && !stuck(c)) /* the answer is still leaving */
            return;
        conn_close(c);
        return;
    default:
        if (stuck(c))
            conn_close(c);
    }
}

/* ---- answers ---- */
void sl_http_reply(sl_http_req *r, int status, const char *type, sl_str body, const char *extra) {
    if (r->answer) {
        r->answer(r, status, type, body, extra);
        return;
    }
    conn *c = r->conn;
    if (c->s->closing)
        c->keep = false;
    if (c->in.upgrade)
        c->keep = false; /* what follows is not HTTP */
    if (!dying(c))
        whole(c, status, type, body, extra);
    next_request(c);
}
sl_http_stream *sl_http_begin(sl_http_req *r, int status, const char *type, const char *extra, sl_fn closed, void *arg) {
    conn *c = r->conn;
    c->stream.c = c;
    c->stream_closed = closed;
    c->stream_arg = arg;
    c->chunked = !c->in.http10 && !c->head_only && !bodiless(status);
    if (c->in.http10 || c->in.upgrade || c->s->closing)
        c->keep = false;
    sl_buf b = {0};
    answer_head(c, &b, status, type, extra);
    if (c->chunked)
        sl_buf_puts(&b, "Transfer-Encoding: chunked\r\n");
    sl_buf_puts(&b, "\r\n");
    arm(c, PH_STREAM);
    if (b.failed)
        conn_close(c);
    else
        out(c, b.p, b.n);
    sl_buf_free(&b);
    if (c->closed) { /* the peer left before the answer began: told later, as always */
        c->closed = false;
        c->closing = 1;
        uv_timer_init(c->s->uv, &c->timer);
        c->timer.data = c;
        uv_close((uv_handle_t *)&c->timer, on_closed);
    }
    c->owes = false;
    return &c->stream;
}
bool sl_http_part(sl_http_stream *s, sl_str bytes) {
    conn *c = s->c;
    if (dying(c) || !bytes.n || c->head_only)
        return true;
    if (waiting(c) > QUEUE_MAX)
        return false;
    sl_buf b = {0};
    if (c->chunked)
        sl_buf_printf(&b, "%zx\r\n", bytes.n);
    sl_buf_str(&b, bytes);
    if (c->chunked)
        sl_buf_puts(&b, "\r\n");
    if (b.failed) {
        sl_buf_free(&b);
        return false;
    }
    out(c, b.p, b.n);
    sl_buf_free(&b);
    return true;
}
void sl_http_end(sl_http_stream *s) {
    conn *c = s->c;
    if (c->chunked)
        out(c, "0\r\n\r\n", 5);
    c->stream_closed = NULL;
    if (dying(c)) {
        c->ph = PH_LINGER;
        conn_free(c);
        return;
    }
    next_request(c);
}

/* ---- takeover ---- */
static void raw_none(void *arg, const char *p, size_t n) {}
static void raw_none_gone(void *arg) {}
static const sl_http_raw_ops raw_ended = {raw_none, raw_none_gone};
void *sl_http_takeover(sl_http_req *r, sl_str head, const sl_http_raw_ops *ops, void *arg) {
    conn *c = r->conn;
    c->owes = false;
    if (dying(c)) {
        conn_free(c);
        return NULL;
    }
    c->raw = ops;
    c->raw_arg = arg;
    arm(c, PH_RAW);
    reading(c, true);
    out(c, head.p, head.n);
    if (c->rest.n && !dying(c))
        uv_timer_start(&c->kick, on_kick, 0, 0);
    return c;
}
void sl_http_raw_write(void *conn_, const char *p, size_t n) { out(conn_, p, n); }
size_t sl_http_raw_waiting(void *conn_) { return dying(conn_) ? 0 : waiting(conn_); }
void sl_http_raw_pause(void *conn_, bool pause) {
    conn *c = conn_;
    if (c->ph == PH_RAW)
        reading(c, !pause);
}
sl_loop *sl_http_raw_loop(void *conn_) { return ((conn *)conn_)->s->loop; }
void sl_http_raw_close(void *conn_) {
    conn *c = conn_;
    c->raw = &raw_ended;
    linger(c);
}

/* ---- listening ---- */
static void on_conn(uv_stream_t *h, int status) {
    sl_http_server *s = h->data;
    if (status < 0 || s->closing)
        return;
    conn *c = calloc(1, sizeof *c);
    if (!c)
        return;
    c->s = s;
    uv_tcp_init(s->uv, &c->tcp);
    uv_timer_init(s->uv, &c->timer);
    uv_timer_init(s->uv, &c->kick);
    c->tcp.data = c->timer.data = c->kick.data = c;
    c->next = s->conns;
    if (c->next)
        c->next->prev = c;
    s->conns = c;
    s->nconns++;
    sl_http_in_init(&c->in, s->o.max_head, s->o.max_body);
    if (uv_accept(h, (uv_stream_t *)&c->tcp) < 0) {
        conn_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    struct sockaddr_storage sa;
    int n = sizeof sa;
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&sa, &n) == 0) {
        char ip[48] = "";
        if (sa.ss_family == AF_INET6) {
            struct sockaddr_in6 *a = (struct sockaddr_in6 *)&sa;
            uv_ip6_name(a, ip, sizeof ip);
            snprintf(c->peer, sizeof c->peer, "[%s]:%d", ip, ntohs(a->sin6_port));
        } else {
            struct sockaddr_in *a = (struct sockaddr_in *)&sa;
            uv_ip4_name(a, ip, sizeof ip);
            snprintf(c->peer, sizeof c->peer, "%s:%d", ip, ntohs(a->sin_port));
        }
    }
    if (s->engine) {
        sl_err *e = s->engine->open(&s->tls, "", true, &c->tls);
        if (e) {
            sl_warn("http", "no TLS for %s: %s", c->peer, sl_err_text(e));
            sl_err_free(e);
            conn_close(c);
            return;
        }
        if (s->nconns > s->o.max_conns) {
            conn_close(c);
            return;
        }
    }
    if (s->nconns > s->o.max_conns) {
        refuse(c, 503, "too many connections");
        return;
    }
    arm(c, PH_IDLE);
    reading(c, true);
}
static void on_listener_closed(uv_handle_t *h) {
    sl_http_server *s = h->data;
    s->listener_gone = true;
    server_gone(s);
}
/* Loads the engine and tries the files once, so that a wrong path is told at start. */
static sl_err *set_tls(sl_http_server *s, const sl_http_opts *o) {
    if (!o->tls_cert || !o->tls_key)
        return sl_err_new(SL_E_CONF, "HTTPS needs both a certificate file and a key file");
    SL_TRY(sl_tls_engine_get(&s->engine));
    s->tls_paths[0] = sl_strdup_n(o->tls_cert, strlen(o->tls_cert));
    s->tls_paths[1] = sl_strdup_n(o->tls_key, strlen(o->tls_key));
    s->plain = malloc(READ_SIZE);
    if (!s->tls_paths[0] || !s->tls_paths[1] || !s->plain)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    s->tls.cert_path = sl_str_of(s->tls_paths[0]);
    s->tls.key_path = sl_str_of(s->tls_paths[1]);
    sl_tls *probe;
    SL_TRY(s->engine->open(&s->tls, "", true, &probe));
    s->engine->free(probe);
    return NULL;
}
sl_err *sl_http_listen(sl_loop *l, const char *ip, int port, const sl_http_opts *o, sl_http_handler h, void *arg, sl_http_server **server) {
    *server = NULL;
    struct sockaddr_storage sa = {0};
    if (!ip || !*ip)
        ip = "0.0.0.0";
    if (strcmp(ip, "localhost") == 0)
        ip = "127.0.0.1";
    if (port < 0 || port > 65535)
        return sl_err_new(SL_E_CONF, "listen: port %d is out of range 0 to 65535", port);
    if (uv_ip4_addr(ip, port, (struct sockaddr_in *)&sa) < 0 && uv_ip6_addr(ip, port, (struct sockaddr_in6 *)&sa) < 0)
        return sl_err_new(SL_E_CONF, "listen: '%s' is not an IP address", ip);
    sl_http_server *s = calloc(1, sizeof *s);
    if (!s)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    if (o && (o->tls_cert || o->tls_key)) {
        sl_err *e = set_tls(s, o);
        if (e) {
            free(s->tls_paths[0]);
            free(s->tls_paths[1]);
            free(s->plain);
            free(s);
            return sl_err_prefix(e, "listen tcp %s:%d", ip, port);
        }
    }
    if (o)
        s->o = *o;
    s->o.max_body = s->o.max_body ? s->o.max_body : 64u << 20;
    s->o.max_head = s->o.max_head ? s->o.max_head : 64u << 10;
    s->o.max_conns = s->o.max_conns ? s->o.max_conns : 4096;
    s->o.idle_ms = s->o.idle_ms ? s->o.idle_ms : 60000;
    s->loop = l;
    s->uv = sl_loop_uv(l);
    s->h = h;
    s->arg = arg;
    uv_tcp_init(s->uv, &s->tcp);
    s->tcp.data = s;
    int rc = uv_tcp_bind(&s->tcp, (struct sockaddr *)&sa, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&s->tcp, 511, on_conn);
    int n = sizeof sa;
    if (rc == 0)
        rc = uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&sa, &n);
    if (rc < 0) {
        s->closing = true;
        uv_close((uv_handle_t *)&s->tcp, on_listener_closed);
        return sl_err_new(SL_E_IO, "listen tcp %s:%d: bind: %s", ip, port, uv_strerror(rc));
    }
    s->port = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port : ((struct sockaddr_in *)&sa)->sin_port);
    *server = s;
    return NULL;
}
int sl_http_port(const sl_http_server *s) { return s->port; }
void sl_http_close(sl_http_server *s, sl_fn done, void *arg) {
    if (s->closing)
        return;
    s->closing = true;
    s->done = done;
    s->done_arg = arg;
    for (conn *c = s->conns; c; c = c->next) {
        c->keep = false;
        if (c->ph != PH_BUSY && !(c->ph == PH_LINGER && waiting(c)))
            conn_close(c); /* what never ends by itself ends here: idle, half sent, streams, WebSockets */
    }
    uv_close((uv_handle_t *)&s->tcp, on_listener_closed);
}
