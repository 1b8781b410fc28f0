/* The websocket source and sink, and the sse sink, which differs only in how the endpoint speaks.
 * Decision: with `addr` it dials and dials again when the connection ends, as the documentation promises; without, it is an
 * endpoint of the data server. One struct for all three: what differs are the last steps in and out. */
#include <stdio.h>
#include <stdlib.h>
#include "conn/http/endpoint.h"
#include "conn/pool.h"
#include "conn/tls.h"

typedef struct ws_conf {
    sl_str selector, addr, scheme, path, datasource, endpoint;
    sl_json *header;
    sl_tls_conf tls;
    bool either;
} ws_conf;
#define C(f) SL_AT(ws_conf, f)
enum { W = SL_P_SOURCE | SL_P_SINK };
static const sl_prop props[] = {
    {.name = "addr", .type = SL_P_STR, .flags = W, C(addr), .doc = "host:port to connect to; empty: an endpoint of the data server.", .example = "10.0.0.5:8080"},
    {.name = "scheme", .type = SL_P_STR, .flags = W, C(scheme), .def = "ws", .choices = "ws|wss", .doc = "ws or wss, when connecting.", .example = "wss"},
    {.name = "path", .type = SL_P_STR, .flags = W, C(path), .doc = "Path of the endpoint or of the request (there with query); DATASOURCE when absent.", .example = "/ws"},
    {.name = "datasource", .type = SL_P_STR, .flags = SL_P_SINK, C(datasource), .doc = "The same as path.", .example = "/ws"},
    {.name = "requestHeader", .type = SL_P_JSON, .flags = W, C(header), .doc = "Headers of the handshake, each a list of texts.", .example = "{\"X-Key\":[\"a\"]}"},
    {.name = "connectionSelector", .type = SL_P_STR, .flags = W, C(selector), .doc = "Id of a named connection whose settings to use.", .example = "hall"},
    SL_TLS_ROWS(ws_conf, tls),
    {0},
};
static const sl_prop sse_props[] = {
    {.name = "endpoint", .type = SL_P_STR, .flags = SL_P_SINK, C(endpoint), .doc = "Path of the event stream on the data server, starts with /.", .example = "/events"},
    {.name = "datasource", .type = SL_P_STR, .flags = SL_P_SINK, C(datasource), .doc = "The same as endpoint; either is enough.", .example = "/events"},
    {.name = "alsoWebsocket", .type = SL_P_BOOL, .flags = SL_P_SINK, C(either), .def = "false", .doc = "Serve WebSocket clients at the same path too.", .example = "true"},
    {0},
};
typedef struct wsc { /* the sl_source or sl_sink */
    const ws_conf *c;
    sl_conn_env env;
    sl_source_out *out; /* source, or */
    sl_sink_host *host; /* sink */
    sl_str path;
    sl_endpoint *ep; /* server mode, or */
    sl_ws *ws;       /* client mode */
    char host_name[256];
    int port;
    sl_tls_conf tls; /* with absolute paths */
    char *tls_paths[3];
    sl_pool_conn *named; /* connectionSelector: its settings were copied; it cannot be dropped meanwhile */
    char *owner;
    sl_timer *redial;
    int64_t pause_ms;
    sl_http_header *headers;
    uint32_t nheaders;
    bool up, failed, wanted, paused, closing;
    uint64_t pos;
    sl_fn done;
    void *done_arg;
} wsc;

static sl_str path_of(const ws_conf *c, sl_str datasource) { return c->path.n ? c->path : c->endpoint.n ? c->endpoint : c->datasource.n ? c->datasource : datasource; }
static sl_err *check_conf(const ws_conf *c, sl_str datasource) {
    sl_str p = path_of(c, datasource);
    if (!p.n || p.p[0] != '/')
        return sl_err_new(SL_E_EXEC, "property `endpoint` must start with /");
    if (c->endpoint.n && c->datasource.n && !sl_str_eq(c->endpoint, c->datasource))
        return sl_err_new(SL_E_EXEC, "endpoint and datasource name different paths: %.*s and %.*s", SL_FMT(c->endpoint), SL_FMT(c->datasource));
    const char *colon = c->addr.n ? memrchr(c->addr.p, ':', c->addr.n) : NULL;
    if (c->addr.n && (!colon || colon == c->addr.p || c->addr.n > 250 || atoi(colon + 1) <= 0 || atoi(colon + 1) > 65535))
        return sl_err_new(SL_E_EXEC, "addr '%.*s' is not host:port", SL_FMT(c->addr));
    if (c->header && c->header->kind != SL_J_OBJ)
        return sl_err_new(SL_E_EXEC, "requestHeader must be an object of lists of texts");
    for (const sl_json *h = c->header ? c->header->child : NULL; h; h = h->next) {
        bool ok = h->kind == SL_J_ARR;
        for (const sl_json *v = h->child; ok && v; v = v->next)
            ok = v->kind == SL_J_STR;
        if (!ok)
            return sl_err_new(SL_E_EXEC, "requestHeader.%.*s must be a list of texts", SL_FMT(h->key));
    }
    return NULL;
}
static sl_err *check_source(const void *conf, sl_str datasource) { return check_conf(conf, datasource); }
static sl_err *check_sink(const void *conf) { return check_conf(conf, (sl_str){0}); }

static void state(wsc *s, sl_conn_state st, const char *why) {
    if (s->out)
        s->out->state(s->out, st, sl_str_of(why));
    else
        s->host->state(s->host, st, sl_str_of(why));
}
static bool give(wsc *s, sl_str bytes) {
    sl_packet p = {.bytes = bytes, .pos = ++s->pos};
    bool more = s->out->bytes(s->out, &p);
    if (s->out->drained)
        s->out->drained(s->out);
    return more;
}

/* ---- server mode ---- */
static void ep_joined(void *arg, const char *why) {
    wsc *s = arg;
    if (why && s->out)
        s->out->error(s->out, sl_str_of(why));
    s->up = !why;
    s->failed = why != NULL;
    state(s, why ? SL_CONN_DISCONNECTED : SL_CONN_CONNECTED, why ? why : "");
}
static bool ep_message(void *arg, sl_str bytes) { return give(arg, bytes); }
static void ep_sent(void *arg, uint64_t seq) {
    wsc *s = arg;
    s->host->answer(s->host, seq, seq, SL_DELIVERED, SL_S(""));
    if (s->wanted && !s->closing) {
        s->wanted = false;
        s->host->ready(s->host);
    }
}
static const sl_endpoint_ops source_ep = {.joined = ep_joined, .message = ep_message}, sink_ep = {.joined = ep_joined, .sent = ep_sent};

/* ---- client mode ---- */
static void dial(void *arg);
static void ws_opened(void *arg, sl_ws *w) {
    wsc *s = arg;
    s->up = true;
    s->pause_ms = 100;
    if (s->paused)
        sl_ws_pause(w, true);
    state(s, SL_CONN_CONNECTED, "");
    if (s->wanted && s->host) {
        s->wanted = false;
        s->host->ready(s->host);
    }
}
static void ws_message(void *arg, sl_ws *w, sl_str bytes, bool text) {
    wsc *s = arg;
    if (!text || !s->out || s->closing)
        return;
    if (!give(s, bytes) && !s->closing) {
        s->paused = true;
        sl_ws_pause(w, true);
    }
}
static void again(wsc *s, const char *why) {
    s->ws = NULL;
    s->up = false;
    if (s->closing)
        return;
    if (!*why)
        why = "the peer closed the connection";
    if (s->out)
        s->out->error(s->out, sl_str_of(why));
    state(s, SL_CONN_DISCONNECTED, why);
    if (s->closing) /* they closed us meanwhile */
        return;
    sl_timer_in(s->redial, s->pause_ms);
    s->pause_ms = s->pause_ms * 2 > 10000 ? 10000 : s->pause_ms * 2;
}
static void ws_closed(void *arg, sl_ws *w) { again(arg, sl_ws_why(w)); }
static void dial(void *arg) {
    static const sl_ws_ops ops = {.message = ws_message, .closed = ws_closed, .opened = ws_opened};
    wsc *s = arg;
    bool tls = sl_str_is(s->c->scheme, "wss");
    sl_ws_dial d = {.host = s->host_name, .port = s->port, .path = s->path, .headers = s->headers, .nheaders = s->nheaders, .tls = tls ? &s->tls : NULL};
    sl_err *e = sl_ws_open(s->env.loop, &d, &ops, s, &s->ws);
    if (e) {
        again(s, sl_err_text(e));
        sl_err_free(e);
    }
}
static void destroy(void *arg) {
    wsc *s = arg;
    sl_fn done = s->done;
    void *done_arg = s->done_arg;
    sl_timer_free(s->redial);
    free(s->headers);
    for (int i = 0; i < 3; i++)
        free(s->tls_paths[i]);
    if (s->named)
        sl_pool_give(s->named, s->owner);
    free(s->owner);
    free(s);
    if (done)
        done(done_arg);
}
static sl_err *open_any(const ws_conf *c, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_sink_host *host, sl_endpoint_kind kind, wsc **made) {
    SL_TRY(check_conf(c, datasource));
    wsc *s = calloc(1, sizeof *s);
    if (!s)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    s->c = c;
    s->env = *env;
    s->out = out;
    s->host = host;
    s->path = path_of(c, datasource);
    s->pause_ms = 100;
    sl_err *e = NULL;
    if (c->selector.n) {
        sl_buf b = {0};
        sl_buf_printf(&b, "%s/%s", env->rule_id ? env->rule_id : "", env->op_name ? env->op_name : "websocket");
        s->owner = sl_buf_take(&b);
        e = s->owner ? sl_pool_take(c->selector, "websocket", s->owner, &s->named) : sl_err_new(SL_E_NOMEM, "out of memory");
    }
    if (e) {
    } else if (!c->addr.n)
        e = sl_endpoint_open(env, s->path, kind, out ? &source_ep : &sink_ep, s, &s->ep);
    else {
        const char *colon = memrchr(c->addr.p, ':', c->addr.n);
        size_t n = (size_t)(colon - c->addr.p);
        bool v6 = n > 2 && c->addr.p[0] == '[' && c->addr.p[n - 1] == ']';
        snprintf(s->host_name, sizeof s->host_name, "%.*s", (int)(v6 ? n - 2 : n), c->addr.p + v6);
        s->port = atoi(colon + 1);
        uint32_t count = 0;
        for (const sl_json *h = c->header ? c->header->child : NULL; h; h = h->next)
            count += h->n;
        s->headers = calloc(count + 1, sizeof *s->headers);
        for (const sl_json *h = s->headers && c->header ? c->header->child : NULL; h; h = h->next)
            for (const sl_json *v = h->child; v; v = v->next)
                s->headers[s->nheaders++] = (sl_http_header){h->key, v->s};
        s->redial = sl_timer_real(env->loop, dial, s);
        s->tls = c->tls;
        if (!s->headers || !s->redial || !sl_tls_absolute(&s->tls, env->home, s->tls_paths))
            e = sl_err_new(SL_E_NOMEM, "out of memory");
        else
            sl_timer_in(s->redial, 0); /* not from inside of open */
    }
    if (e) {
        destroy(s);
        return e;
    }
    *made = s;
    return NULL;
}
static void close_any(wsc *s, sl_fn done, void *arg) {
    if (s->closing)
        return;
    s->closing = true;
    s->done = done;
    s->done_arg = arg;
    if (s->ep) {
        sl_endpoint_close(s->ep, destroy, s);
        return;
    }
    if (s->ws)
        sl_ws_close(s->ws);
    s->ws = NULL;
    sl_timer_stop(s->redial);
    if (!sl_post(s->env.loop, destroy, s)) /* later: we may be inside of a callback of ours */
        destroy(s);
}

/* ---- source ---- */
static sl_err *open_source(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src) {
    wsc *s;
    SL_TRY(open_any(conf, datasource, env, out, NULL, SL_EP_WS, &s));
    *src = (sl_source *)s;
    return NULL;
}
static void pause_any(wsc *s, bool pause) {
    s->paused = pause;
    if (s->ep)
        sl_endpoint_pause(s->ep, pause);
    else if (s->ws && s->up)
        sl_ws_pause(s->ws, pause);
}
static void pause_source(sl_source *s) { pause_any((wsc *)s, true); }
static void resume_source(sl_source *s) { pause_any((wsc *)s, false); }
static void close_source(sl_source *s, sl_fn done, void *arg) { close_any((wsc *)s, done, arg); }

/* ---- sinks ---- */
static sl_err *open_sink(const void *conf, const sl_conn_env *env, sl_sink_host *host, sl_sink **sink) {
    wsc *s;
    SL_TRY(open_any(conf, (sl_str){0}, env, NULL, host, SL_EP_WS, &s));
    *sink = (sl_sink *)s;
    return NULL;
}
static sl_err *open_sse(const void *conf, const sl_conn_env *env, sl_sink_host *host, sl_sink **sink) {
    wsc *s;
    SL_TRY(open_any(conf, (sl_str){0}, env, NULL, host, ((const ws_conf *)conf)->either ? SL_EP_EITHER : SL_EP_SSE, &s));
    *sink = (sl_sink *)s;
    return NULL;
}
static uint32_t put(sl_sink *sink, const sl_message *m, uint32_t n) {
    wsc *s = (wsc *)sink;
    uint32_t i = 0;
    for (; i < n && !s->closing; i++) {
        if (s->failed)
            s->host->answer(s->host, m[i].seq, m[i].seq, SL_LATER, SL_S("the endpoint's path is used by something else"));
        else if (s->ep) {
            if (!sl_endpoint_send(s->ep, m[i].seq, m[i].bytes)) {
                s->wanted = true;
                break;
            }
        } else if (!s->up)
            s->host->answer(s->host, m[i].seq, m[i].seq, SL_DOWN, SL_S("websocket is not connected"));
        else if (sl_ws_send(s->ws, m[i].bytes, true))
            s->host->answer(s->host, m[i].seq, m[i].seq, SL_DELIVERED, SL_S(""));
        else
            s->host->answer(s->host, m[i].seq, m[i].seq, SL_LATER, SL_S("websocket peer does not keep up"));
    }
    return i;
}
static void close_sink(sl_sink *s, sl_fn done, void *arg) { close_any((wsc *)s, done, arg); }

static const sl_source_ops source_ops = {.journal = true, .check = check_source, .open = open_source, .pause = pause_source, .resume = resume_source, .close = close_source};
static const sl_sink_ops sink_ops = {.check = check_sink, .open = open_sink, .put = put, .close = close_sink};
static const sl_sink_ops sse_ops = {.check = check_sink, .open = open_sse, .put = put, .close = close_sink};
const sl_conn_def sl_conn_websocket = {
    .name = "websocket",
    .title = "WebSocket",
    .doc = "Text frames in and out, as endpoint of the data server or by connecting.",
    .props = props,
    .conf_size = sizeof(ws_conf),
    .datasource = "Path of the endpoint, starts with /.",
    .source = &source_ops,
    .sink = &sink_ops,
    .connection = "websocket",
};
const sl_conn_def sl_conn_sse = {
    .name = "sse",
    .title = "Server-sent events",
    .doc = "Sends results as an event stream to whoever listens at an endpoint of the data server.",
    .props = sse_props,
    .conf_size = sizeof(ws_conf),
    .datasource = "",
    .sink = &sse_ops,
    .connection = "sse",
};
