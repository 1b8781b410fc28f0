/* WebSocket, both sides: the handshake by hand, frames by wslay, bytes by the HTTP server's taken-over connection or, dialled, by a
 * stream.
 * Decision: an object that its own callback closes is only marked and freed when the callback has returned. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>
#include <wslay/wslay.h>
#include "net/http_conn.h"
#include "net/stream.h"

enum { WS_MESSAGE_MAX = 16 * 1024 * 1024, WS_WAITING_MAX = 1024 * 1024, WS_HEAD_MAX = 16 * 1024 };
struct sl_ws {
    void *conn;        /* server side, or */
    sl_stream *stream; /* dialled */
    sl_timer *timer;   /* dialled: until the handshake is through */
    sl_buf head;       /* dialled: request, then answer of the handshake */
    char accept[29];   /* the answer's expected key */
    bool shaken;
    char why[200];
    wslay_event_context_ptr ctx;
    sl_ws_ops ops;
    void *arg;
    const char *in; /* bytes being read right now */
    size_t n;
    bool busy, ended, gone;
};

/* ---- handshake ---- */
static uint32_t rol(uint32_t x, int k) { return x << k | x >> (32 - k); }
static void sha1_block(uint32_t h[5], const unsigned char *p) {
    uint32_t w[80];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 ? b ^ c ^ d : i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
        uint32_t k = i < 20 ? 0x5A827999u : i < 40 ? 0x6ED9EBA1u : i < 60 ? 0x8F1BBCDCu : 0xCA62C1D6u;
        uint32_t t = rol(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rol(b, 30), b = a, a = t;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}
/* base64(SHA-1(key + the protocol's GUID)): 28 characters and NUL. The input is 60 bytes, two blocks with padding. */
static void accept_key(sl_str key, char out[29]) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char m[128] = {0}, d[21] = {0};
    memcpy(m, key.p, 24);
    memcpy(m + 24, guid, 36);
    m[60] = 0x80;
    m[126] = (60 * 8) >> 8;
    m[127] = (60 * 8) & 255;
    uint32_t h[5] = {0x67452301u, 0xEFCDAB89u, 0x98BADCFEu, 0x10325476u, 0xC3D2E1F0u};
    sha1_block(h, m);
    sha1_block(h, m + 64);
    for (int i = 0; i < 20; i++)
        d[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
    for (int i = 0, o = 0; i < 21; i += 3, o += 4) {
        uint32_t v = (uint32_t)d[i] << 16 | (uint32_t)d[i + 1] << 8 | d[i + 2];
        out[o] = b64[v >> 18];
        out[o + 1] = b64[v >> 12 & 63];
        out[o + 2] = b64[v >> 6 & 63];
        out[o + 3] = b64[v & 63];
    }
    out[27] = '=';
    out[28] = 0;
}
bool sl_ws_wanted(const sl_http_req *r) {
    sl_str up;
    return sl_str_is(r->method, "GET") && sl_http_header_get(r, "upgrade", &up) && sl_str_ieq(up, SL_S("websocket"));
}

/* ---- life ---- */
static void ws_free(sl_ws *w) {
    wslay_event_context_free(w->ctx);
    if (w->stream)
        sl_stream_free(w->stream);
    sl_timer_free(w->timer);
    sl_buf_free(&w->head);
    free(w);
}
size_t sl_ws_waiting(sl_ws *w) { return w->conn ? sl_http_raw_waiting(w->conn) : w->stream ? sl_stream_waiting(w->stream) : 0; }
/* No more bytes; what was written still leaves on the server side. A stream lives until ws_free, one deferred step later at the most. */
static void ws_hang_up(sl_ws *w) {
    w->gone = true;
    if (w->conn)
        sl_http_raw_close(w->conn);
}
/* Ends after the current callback: tells the owner unless he asked for it. */
static void settle(sl_ws *w) {
    if (w->busy)
        return;
    if (!w->ended && !w->gone && wslay_event_get_close_sent(w->ctx) && (wslay_event_get_close_received(w->ctx) || !wslay_event_want_read(w->ctx))) {
        ws_hang_up(w);
    }
    if (w->ended)
        ws_free(w);
    else if (w->gone) {
        w->ended = w->busy = true;
        if (w->ops.closed)
            w->ops.closed(w->arg, w);
        ws_free(w);
    }
}
static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *arg) {
    sl_ws *w = arg;
    if (!w->n || w->ended) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t k = len < w->n ? len : w->n;
    memcpy(buf, w->in, k);
    w->in += k;
    w->n -= k;
    return (ssize_t)k;
}
static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *p, size_t n, int flags, void *arg) {
    sl_ws *w = arg;
    if (w->conn)
        sl_http_raw_write(w->conn, (const char *)p, n);
    else if (w->stream)
        sl_stream_write(w->stream, sl_str_n((const char *)p, n));
    return (ssize_t)n;
}
static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *m, void *arg) {
    sl_ws *w = arg;
    if (w->ended || wslay_is_ctrl_frame(m->opcode) || !w->ops.message)
        return;
    w->ops.message(w->arg, w, sl_str_n((const char *)m->msg, m->msg_length), m->opcode == WSLAY_TEXT_FRAME);
}
static void raw_data(void *arg, const char *p, size_t n) {
    sl_ws *w = arg;
    w->busy = true;
    w->in = p;
    w->n = n;
    int rc = wslay_event_recv(w->ctx);
    if (!w->ended) {
        if (rc == 0)
            rc = wslay_event_send(w->ctx);
        /* A peer that makes us answer (pings) but does not read is cut. */
        if (rc != 0 || sl_ws_waiting(w) > 4 * WS_WAITING_MAX) {
            snprintf(w->why, sizeof w->why, "%s", rc != 0 ? "bad WebSocket frame" : "the peer does not read");
            ws_hang_up(w);
        }
    }
    w->busy = false;
    settle(w);
}
static void raw_gone(void *arg) {
    sl_ws *w = arg;
    w->gone = true;
    settle(w);
}
static const sl_http_raw_ops raw_ops = {raw_data, raw_gone};

sl_ws *sl_ws_accept(sl_http_req *r, const sl_ws_ops *ops, void *arg) {
    sl_str key, version;
    sl_http_header_get(r, "sec-websocket-key", &key);
    sl_http_header_get(r, "sec-websocket-version", &version);
    if (!sl_ws_wanted(r) || key.n != 24 || !sl_str_is(version, "13")) {
        sl_http_reply(r, 400, "text/plain; charset=utf-8", SL_S("Bad Request: not a WebSocket handshake of version 13\n"), "Sec-WebSocket-Version: 13\r\n");
        return NULL;
    }
    static const struct wslay_event_callbacks cb = {.recv_callback = on_recv, .send_callback = on_send, .on_msg_recv_callback = on_message};
    sl_ws *w = calloc(1, sizeof *w);
    if (!w || wslay_event_context_server_init(&w->ctx, &cb, w) != 0) {
        free(w);
        sl_http_reply(r, 500, NULL, SL_S(""), NULL);
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(w->ctx, WS_MESSAGE_MAX);
    w->ops = *ops;
    w->arg = arg;
    w->shaken = true;
    char accept[29];
    accept_key(key, accept);
    sl_buf head = {0};
    sl_buf_printf(&head, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
    w->conn = sl_http_takeover(r, sl_buf_view(&head), &raw_ops, w);
    sl_buf_free(&head);
    if (!w->conn) {
        ws_free(w);
        return NULL;
    }
    return w;
}
bool sl_ws_send(sl_ws *w, sl_str bytes, bool text) {
    if (w->ended || w->gone || !w->shaken || sl_ws_waiting(w) > WS_WAITING_MAX)
        return false;
    struct wslay_event_msg m = {.opcode = text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, .msg = (const uint8_t *)bytes.p, .msg_length = bytes.n};
    return wslay_event_queue_msg(w->ctx, &m) == 0 && (w->busy || wslay_event_send(w->ctx) == 0);
}
void sl_ws_close(sl_ws *w) {
    if (w->ended)
        return;
    if (!w->gone) {
        wslay_event_queue_close(w->ctx, WSLAY_CODE_GOING_AWAY, NULL, 0);
        if (w->shaken)
            wslay_event_send(w->ctx);
        ws_hang_up(w);
    }
    w->ended = true;
    settle(w);
}
const char *sl_ws_why(const sl_ws *w) { return w->why; }
void sl_ws_pause(sl_ws *w, bool pause) {
    if (w->ended || w->gone)
        return;
    if (w->conn)
        sl_http_raw_pause(w->conn, pause);
    else if (w->stream)
        sl_stream_pause(w->stream, pause);
}

/* ---- dialled ---- */
static int gen_mask(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, void *arg) { return getrandom(buf, len, 0) == (ssize_t)len ? 0 : -1; }
static void end_dial(sl_ws *w, const char *why) {
    if (!w->why[0])
        snprintf(w->why, sizeof w->why, "%s", why);
    w->gone = true;
    settle(w);
}
static void dial_opened(void *arg) {
    sl_ws *w = arg;
    sl_stream_write(w->stream, sl_buf_view(&w->head));
    sl_buf_clear(&w->head);
}
static sl_str header_of(sl_str head, const char *name) {
    size_t n = strlen(name);
    while (head.n) {
        const char *nl = memchr(head.p, '\n', head.n);
        size_t k = nl ? (size_t)(nl - head.p) + 1 : head.n;
        if (k > n && head.p[n] == ':' && strncasecmp(head.p, name, n) == 0)
            return sl_str_trim(sl_str_n(head.p + n + 1, k - n - 1));
        head = sl_str_n(head.p + k, head.n - k);
    }
    return (sl_str){0};
}
static void dial_data(void *arg, sl_str bytes) {
    sl_ws *w = arg;
    if (w->gone || w->ended)
        return;
    if (w->shaken) {
        raw_data(w, bytes.p, bytes.n);
        return;
    }
    sl_buf_str(&w->head, bytes);
    ptrdiff_t at = w->head.failed ? -1 : sl_str_find(sl_buf_view(&w->head), SL_S("\r\n\r\n"));
    if (at < 0) {
        if (w->head.failed || w->head.n > WS_HEAD_MAX)
            end_dial(w, "WebSocket handshake: the answer is too long");
        return;
    }
    sl_str head = sl_str_n(w->head.p, (size_t)at + 2);
    if (!sl_str_starts(head, SL_S("HTTP/1.1 101")) || !sl_str_is(header_of(head, "sec-websocket-accept"), w->accept)) {
        char why[160];
        const char *nl = memchr(head.p, '\r', head.n);
        int n = (int)(nl ? nl - head.p : (ptrdiff_t)head.n);
        snprintf(why, sizeof why, "WebSocket handshake failed: %.*s", n > 100 ? 100 : n, head.p);
        end_dial(w, why);
        return;
    }
    w->shaken = true;
    sl_timer_stop(w->timer);
    sl_buf rest = w->head;
    w->head = (sl_buf){0};
    w->busy = true;
    if (w->ops.opened)
        w->ops.opened(w->arg, w);
    w->busy = false;
    if (w->ended)
        settle(w);
    else
        raw_data(w, rest.p + at + 4, rest.n - (size_t)at - 4); /* also sends what opened() queued */
    sl_buf_free(&rest);
}
static void dial_closed(void *arg, sl_str why) {
    char text[200];
    snprintf(text, sizeof text, "%.*s", SL_FMT(why));
    end_dial(arg, text);
}
static void dial_writable(void *arg) {
    sl_ws *w = arg;
    if (w->shaken && !w->gone && !w->ended && w->ops.writable)
        w->ops.writable(w->arg, w);
}
static void dial_late(void *arg) { end_dial(arg, "WebSocket handshake: no answer in time"); }
static bool plain_text(sl_str s) {
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 32 || s.p[i] == 127)
            return false;
    return true;
}
sl_err *sl_ws_open(sl_loop *l, const sl_ws_dial *d, const sl_ws_ops *ops, void *arg, sl_ws **out) {
    static const struct wslay_event_callbacks cb = {.recv_callback = on_recv, .send_callback = on_send, .genmask_callback = gen_mask, .on_msg_recv_callback = on_message};
    static const sl_stream_ops stream_ops = {.opened = dial_opened, .data = dial_data, .writable = dial_writable, .closed = dial_closed};
    static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bool ok = plain_text(d->path) && plain_text(sl_str_of(d->host));
    for (uint32_t i = 0; i < d->nheaders; i++)
        ok = ok && plain_text(d->headers[i].name) && plain_text(d->headers[i].value);
    if (!ok)
        return sl_err_new(SL_E_CONF, "WebSocket path and headers must not hold control characters");
    sl_ws *w = calloc(1, sizeof *w);
    if (!w || wslay_event_context_client_init(&w->ctx, &cb, w) != 0) {
        free(w);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    wslay_event_config_set_max_recv_msg_length(w->ctx, WS_MESSAGE_MAX);
    w->ops = *ops;
    w->arg = arg;
    unsigned char r[24];
    char key[25] = "";
    if (getrandom(r, sizeof r, 0) != sizeof r)
        memset(r, 7, sizeof r); /* the key only has to be echoed; frames are masked separately */
    for (int i = 0; i < 21; i++)
        key[i] = b64[r[i] & 63];
    memcpy(key + 21, "A==", 4); /* base64 of 16 bytes */
    accept_key(sl_str_n(key, 24), w->accept);
    bool v6 = strchr(d->host, ':') != NULL;
    sl_buf_printf(&w->head, "GET %s%.*s HTTP/1.1\r\nHost: %s%s%s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
                  d->path.n && d->path.p[0] == '/' ? "" : "/", SL_FMT(d->path), v6 ? "[" : "", d->host, v6 ? "]" : "", d->port, key);
    for (uint32_t i = 0; i < d->nheaders; i++)
        sl_buf_printf(&w->head, "%.*s: %.*s\r\n", SL_FMT(d->headers[i].name), SL_FMT(d->headers[i].value));
    sl_buf_puts(&w->head, "\r\n");
    int64_t limit = d->timeout_ms ? d->timeout_ms : 3000;
    sl_err *e = w->head.failed || !(w->timer = sl_timer_real(l, dial_late, w)) ? sl_err_new(SL_E_NOMEM, "out of memory")
                                                                               : sl_stream_open(l, d->host, d->port, d->tls, limit, &stream_ops, w, &w->stream);
    if (e) {
        ws_free(w);
        return e;
    }
    sl_timer_in(w->timer, limit);
    *out = w;
    return NULL;
}
