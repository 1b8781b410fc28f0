/* See wire.h. Decision: over WebSocket, what is written in one turn leaves as one binary frame at its end, as a stream's writes leave in one
 * system call; packets need not keep to the borders of frames. What comes while the client pauses waits here, because a WebSocket may
 * still hand over what it had read. */
#include "conn/mqtt/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include "net/http.h"

#define SEND_NOW 65536

struct mq_wire {
    sl_loop *loop;
    const sl_stream_ops *ops;
    void *arg;
    sl_stream *stream; /* or */
    sl_ws *ws;
    char where[280], peer[280]; /* for texts; those of the stream name the peer already */
    sl_buf out, in;             /* not yet framed; come while paused */
    unsigned refs;
    bool up, paused, deferred, fresh, owed, dead;
};
static void hold(mq_wire *w) { w->refs++; }
static void release(mq_wire *w) {
    if (--w->refs)
        return;
    sl_buf_free(&w->out);
    sl_buf_free(&w->in);
    free(w);
}
static void flush(mq_wire *w) {
    if (w->up && w->ws && w->out.n && sl_ws_send(w->ws, sl_buf_view(&w->out), false)) { /* refused: `writable` comes back here */
        w->out.n = 0;
        if (w->out.cap > 4 * SEND_NOW)
            sl_buf_free(&w->out);
    }
}
static void ended(mq_wire *w, const char *why) {
    w->ws = NULL;
    w->up = false;
    if (w->dead)
        return;
    char text[512];
    snprintf(text, sizeof text, "%s%s", sl_str_find(sl_str_of(why), sl_str_of(w->peer)) >= 0 ? "" : w->where, *why ? why : "connection closed by the peer");
    w->ops->closed(w->arg, sl_str_of(text));
}
static void on_turn(void *arg) {
    mq_wire *w = arg;
    w->deferred = false;
    if (w->out.failed && w->ws) {
        sl_ws_close(w->ws);
        ended(w, "out of memory");
    }
    flush(w);
    if (w->in.n && !w->paused && !w->dead) {
        sl_buf b = w->in;
        w->in = (sl_buf){0};
        w->ops->data(w->arg, sl_buf_view(&b));
        sl_buf_free(&b);
    }
    if (w->fresh && !w->dead && !w->paused && w->ws) {
        w->fresh = false;
        if (w->ops->drained)
            w->ops->drained(w->arg);
    }
    release(w);
}
static void defer(mq_wire *w) {
    if (!w->deferred && sl_defer(w->loop, on_turn, w)) {
        w->deferred = true;
        hold(w);
    }
}
static void ws_opened(void *arg, sl_ws *s) {
    mq_wire *w = arg;
    w->up = true;
    hold(w);
    w->ops->opened(w->arg);
    release(w);
}
static void ws_message(void *arg, sl_ws *s, sl_str bytes, bool text) {
    mq_wire *w = arg;
    if (w->dead)
        return;
    w->fresh = true;
    defer(w);
    if (w->paused || w->in.n)
        sl_buf_str(&w->in, bytes);
    else {
        hold(w);
        w->ops->data(w->arg, bytes);
        release(w);
    }
}
static void ws_writable(void *arg, sl_ws *s) {
    mq_wire *w = arg;
    if (w->dead)
        return;
    if (w->out.n)
        defer(w);
    else if (w->owed) {
        w->owed = false;
        if (w->ops->writable)
            w->ops->writable(w->arg);
    }
}
static void ws_closed(void *arg, sl_ws *s) { ended(arg, sl_ws_why(s)); }

sl_err *mq_wire_open(sl_loop *l, const mq_addr *a, int64_t timeout_ms, const sl_stream_ops *ops, void *arg, mq_wire **out) {
    static const sl_ws_ops ws_ops = {.message = ws_message, .closed = ws_closed, .opened = ws_opened, .writable = ws_writable};
    static const sl_http_header protocol[] = {{SL_S("Sec-WebSocket-Protocol"), SL_S("mqtt")}};
    mq_wire *w = calloc(1, sizeof *w);
    if (!w)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    *w = (mq_wire){.loop = l, .ops = ops, .arg = arg, .refs = 1};
    snprintf(w->peer, sizeof w->peer, "%.200s:%d", a->host, a->port);
    snprintf(w->where, sizeof w->where, "connect to %.230s: ", w->peer);
    sl_ws_dial d = {.host = a->host, .port = a->port, .path = sl_str_of(a->ws_path ? a->ws_path : ""), .headers = protocol, .nheaders = 1, .tls = a->tls, .timeout_ms = timeout_ms};
    sl_err *e = a->ws_path ? sl_ws_open(l, &d, &ws_ops, w, &w->ws) : sl_stream_open(l, a->host, a->port, a->tls, timeout_ms, ops, arg, &w->stream);
    if (e) {
        release(w);
        return e;
    }
    *out = w;
    return NULL;
}
size_t mq_wire_write(mq_wire *w, sl_str bytes) {
    if (w->stream)
        return sl_stream_write(w->stream, bytes);
    if (!w->ws)
        return 0;
    sl_buf_str(&w->out, bytes);
    w->owed = true;
    defer(w);
    return w->out.n + sl_ws_waiting(w->ws);
}
void mq_wire_pause(mq_wire *w, bool pause) {
    if (w->stream) {
        sl_stream_pause(w->stream, pause);
        return;
    }
    if (w->paused == pause)
        return;
    w->paused = pause;
    if (w->ws)
        sl_ws_pause(w->ws, pause);
    if (!pause && (w->in.n || w->fresh))
        defer(w);
}
void mq_wire_free(mq_wire *w) {
    if (!w || w->dead)
        return;
    if (w->stream)
        sl_stream_free(w->stream);
    w->dead = true;
    if (w->ws) {
        flush(w);
        sl_ws_close(w->ws);
    }
    w->ws = NULL;
    release(w);
}
