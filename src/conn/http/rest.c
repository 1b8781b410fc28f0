/* The rest sink: one HTTP request per message.
 * Decision: one request in flight per sink. The order of messages is part of what a rule promises, and a message that must be
 * sent again must not be overtaken. */
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "conn/http/common.h"
#include "data/template.h"

enum { T_URL, T_HEADERS, T_FORM }; /* order of the SL_P_TEMPLATE rows below */
#define C(f) SL_AT(sl_httpconf, f)
static const sl_prop props[] = {
    {.name = "url",
     .type = SL_P_STR,
     .flags = SL_P_SINK | SL_P_TEMPLATE,
     C(url),
     .def = "http://localhost",
     .doc = "Where to send; the path may be a template.",
     .example = "http://10.0.0.5:8080/in"},
    {.name = "method", .type = SL_P_STR, .flags = SL_P_SINK, C(method), .def = "GET", .doc = "GET, POST, PUT or DELETE.", .example = "post"},
    {.name = "bodyType",
     .type = SL_P_STR,
     .flags = SL_P_SINK,
     C(body_type),
     .doc = "none, text, json, html, xml, javascript, form, binary or formdata; none for GET, else json.",
     .example = "json"},
    {.name = "headers", .type = SL_P_JSON, .flags = SL_P_SINK | SL_P_TEMPLATE, C(headers), .doc = "Request headers; values may be templates.", .example = "{\"X-Site\":\"a\"}"},
    {.name = "formData",
     .type = SL_P_JSON,
     .flags = SL_P_SINK | SL_P_TEMPLATE,
     C(form),
     .doc = "Further fields when bodyType is formdata; values may be templates.",
     .example = "{\"site\":\"a\"}"},
    {.name = "fileFieldName", .type = SL_P_STR, .flags = SL_P_SINK, C(file_field), .doc = "Name of the field that holds the payload when bodyType is formdata.", .example = "file"},
    {.name = "timeout", .type = SL_P_DUR, .flags = SL_P_SINK, C(timeout_ns), .def = "5s", .doc = "Time for one request; 0 = no limit.", .example = "5s"},
    {.name = "responseType",
     .type = SL_P_STR,
     .flags = SL_P_SINK,
     C(response_type),
     .def = "code",
     .doc = "code: the status tells success; body: with debugResp the body's `code` is looked at too and logged.",
     .example = "code"},
    {.name = "debugResp", .type = SL_P_BOOL, .flags = SL_P_SINK, C(debug_resp), .def = "false", .doc = "Log each response.", .example = "true"},
    {.name = "format",
     .type = SL_P_STR,
     .flags = SL_P_SINK,
     C(format),
     .def = "json",
     .doc = "Format of the payload; bodyType json needs json, form needs urlencoded.",
     .example = "json"},
    {.name = "compression",
     .type = SL_P_STR,
     .flags = SL_P_SINK,
     C(compression),
     .doc = "Compression of the payload; gzip and zstd are named in Content-Encoding.",
     .example = "gzip"},
    {.name = "oauth",
     .type = SL_P_JSON,
     .flags = SL_P_SINK | SL_P_SECRET,
     C(oauth),
     .doc = "Token endpoint: access {url, body, headers, expire} and refresh {url, body, headers}.",
     .example = "{\"access\":{\"url\":\"http://h/token\",\"expire\":\"3600\"}}"},
    SL_HTTP_TLS_ROWS(SL_P_SINK),
    {0},
};
typedef struct rest { /* the sl_sink */
    const sl_httpconf *c;
    sl_conn_env env;
    sl_sink_host *host;
    sl_http_client *client;
    sl_oauth *oauth;
    sl_arena *fixed; /* the constant parts of the call */
    sl_arena *a;     /* the message under way */
    sl_http_call base;
    sl_str type, body, url;
    sl_json *headers, *form;
    uint64_t seq;
    int holds; /* our calls in progress, so that none of them loses s under its feet */
    bool busy, wanted, closing;
    sl_fn done;
    void *done_arg;
} rest;

static sl_err *check(const void *conf) {
    const sl_httpconf *c = conf;
    SL_TRY(sl_err_recode(sl_httpconf_check(c, c->url), SL_E_EXEC));
    sl_str bt = sl_httpconf_body_type(c);
    const char *want = sl_str_is(bt, "json") ? "json" : sl_str_is(bt, "form") ? "urlencoded" : NULL;
    if (want && c->format.n && !sl_str_ieq(c->format, sl_str_of(want)))
        return sl_err_new(SL_E_EXEC, "format must be %s if bodyType is %.*s", want, SL_FMT(bt));
    return NULL;
}
static void destroy(rest *s) {
    sl_oauth_free(s->oauth);
    sl_arena_free(s->fixed);
    sl_arena_free(s->a);
    sl_fn done = s->done;
    void *arg = s->done_arg;
    free(s);
    if (done)
        done(arg);
}
static void leave(rest *s) {
    if (--s->holds == 0 && s->closing && !s->busy)
        destroy(s);
}
static void connected(void *arg) {
    rest *s = arg;
    if (!s->closing)
        s->host->state(s->host, SL_CONN_CONNECTED, SL_S(""));
    leave(s);
}
static sl_err *open_sink(const void *conf, const sl_conn_env *env, sl_sink_host *host, sl_sink **out) {
    SL_TRY(check(conf));
    rest *s = calloc(1, sizeof *s);
    if (!s)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    s->c = conf;
    s->env = *env;
    s->host = host;
    s->type = sl_httpconf_body_type(conf);
    s->fixed = sl_arena_new(0);
    s->a = sl_arena_new(0);
    sl_err *e = s->fixed && s->a ? sl_httpconf_call(conf, env, s->fixed, &s->base) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e)
        e = sl_http_client_new(env->loop, &s->client);
    if (!e)
        e = sl_oauth_new(conf, env, s->client, &s->oauth);
    if (!e && !sl_defer(env->loop, connected, s))
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    if (e) {
        sl_http_client_free(s->client);
        destroy(s);
        return e;
    }
    s->holds = 1; /* until `connected` ran */
    *out = (sl_sink *)s;
    return NULL;
}
/* The message is settled one way or the other. The host may close the sink from inside. */
static void answer(rest *s, sl_answer how, sl_str why) {
    s->busy = false;
    s->holds++;
    s->host->answer(s->host, s->seq, s->seq, s->closing && how == SL_LATER ? SL_DOWN : how, why);
    if (!s->closing && !s->busy && s->wanted) {
        s->wanted = false;
        s->host->ready(s->host);
    }
    leave(s);
}
static void refreshed(void *arg, const char *why) {
    rest *s = arg;
    if (why && !s->closing)
        sl_warn(s->env.rule_id, "rest sink: %s; the old token stays", why);
    answer(s, SL_DELIVERED, SL_S(""));
}
static void look_at(rest *s, const sl_http_result *r) {
    sl_info(s->env.rule_id, "rest sink got response %d: %.*s", r->status, (int)(r->body.n > 1024 ? 1024 : r->body.n), r->body.p ? r->body.p : "");
    if (!sl_str_ieq(s->c->response_type, SL_S("body")))
        return;
    sl_json *j;
    int64_t code = 0;
    sl_err *e = sl_json_parse(s->a, sl_arena_dup(s->a, r->body), &j, NULL);
    if (e || !sl_json_i64(sl_json_get(j, "code"), &code) || code < 200 || code > 299)
        sl_warn(s->env.rule_id, "rest sink: response body has no code within 200..299%s%s", e ? ": " : "", sl_err_text(e));
    sl_err_free(e);
}
static void sent(void *arg, const sl_http_result *r) {
    rest *s = arg;
    char why[400];
    if (r->status >= 200 && r->status <= 299) {
        if (s->c->debug_resp)
            look_at(s, r);
        if (s->oauth && sl_oauth_stale(s->oauth) && !s->closing)
            sl_oauth_fetch(s->oauth, refreshed, s);
        else
            answer(s, SL_DELIVERED, SL_S(""));
        return;
    }
    if (r->status) { /* an answer is an answer: sending the same again is not expected to help (16.6) */
        snprintf(why, sizeof why, "parse response error: response code error: %d | method=%.*s path=\"%.*s\" status=%d", r->status, SL_FMT(s->base.method),
                 (int)(s->url.n > 200 ? 200 : s->url.n), s->url.p, r->status);
        answer(s, SL_BAD, sl_str_of(why));
        return;
    }
    bool again = s->closing || r->fault == SL_HTTP_TIMEOUT || r->fault == SL_HTTP_RESET || r->fault == SL_HTTP_EOF || r->fault == SL_HTTP_REFUSED || r->fault == SL_HTTP_DNS;
    snprintf(why, sizeof why, "rest sink fails to send out the data: method=%.*s path=\"%.*s\": %.*s", SL_FMT(s->base.method), (int)(s->url.n > 150 ? 150 : s->url.n), s->url.p,
             (int)(r->error.n > 150 ? 150 : r->error.n), r->error.p);
    answer(s, again ? SL_LATER : SL_BAD, sl_str_of(why));
}
/* A header may be a template over the token or over the message: it is the token's when the token has all that it asks for. */
static sl_str with_token(rest *s, sl_str key, sl_str rendered) {
    const sl_json *raw = s->oauth ? sl_json_get(s->c->headers, sl_arena_dup(s->a, key).p) : NULL;
    if (!raw || raw->kind != SL_J_STR || !sl_template_is(raw->s))
        return rendered;
    sl_str t = sl_oauth_render(s->oauth, s->a, raw->s);
    return sl_str_find(t, SL_S("<no value>")) < 0 && !sl_template_is(t) ? t : rendered;
}
static void send_now(rest *s) {
    sl_http_call call = s->base;
    uint32_t nh = (s->headers ? s->headers->n : 0) + 2, nf = (s->form ? s->form->n : 0) + 1;
    sl_http_header *h = sl_arena_zero(s->a, nh * sizeof *h);
    sl_http_field *f = sl_arena_zero(s->a, nf * sizeof *f);
    if (!h || !f || sl_arena_failed(s->a)) {
        answer(s, SL_BAD, SL_S("out of memory"));
        return;
    }
    bool typed = false;
    for (const sl_json *v = s->headers ? s->headers->child : NULL; v; v = v->next) {
        typed |= sl_str_ieq(v->key, SL_S("content-type"));
        sl_str text = v->kind == SL_J_STR || v->kind == SL_J_NUM ? v->s : SL_S("");
        h[call.nheaders++] = (sl_http_header){v->key, with_token(s, v->key, text)};
    }
    sl_str ct = sl_str_of(sl_http_content_type(s->type));
    if (!typed && ct.n)
        h[call.nheaders++] = (sl_http_header){SL_S("Content-Type"), ct};
    if (sl_str_is(s->c->compression, "gzip") || sl_str_is(s->c->compression, "zstd"))
        h[call.nheaders++] = (sl_http_header){SL_S("Content-Encoding"), s->c->compression};
    call.headers = h;
    call.url = s->url;
    if (sl_str_is(s->type, "formdata")) {
        f[call.nform++] = (sl_http_field){s->c->file_field, s->body, sl_arena_printf(s->a, "%lld", (long long)sl_now(s->env.loop)), SL_S("application/octet-stream")};
        for (const sl_json *v = s->form ? s->form->child : NULL; v; v = v->next)
            f[call.nform++] = (sl_http_field){.name = v->key, .value = v->s};
        call.form = f;
    } else if (!sl_str_is(s->type, "none"))
        call.body = s->body;
    sl_http_do(s->client, &call, sent, s);
}
static void got_token(void *arg, const char *why) {
    rest *s = arg;
    if (why || s->closing)
        answer(s, SL_LATER, sl_str_of(why ? why : "closing"));
    else
        send_now(s);
}
/* A templated map comes as JSON text, rendered. */
static bool map_of(rest *s, const sl_message *m, int i, sl_json *dflt, sl_json **out) {
    *out = dflt;
    if (!m->props || !m->props[i].p)
        return true;
    sl_err *e = sl_json_parse(s->a, sl_arena_dup(s->a, m->props[i]), out, NULL);
    bool ok = !e && (*out)->kind == SL_J_OBJ;
    sl_err_free(e);
    return ok;
}
static void take(rest *s, const sl_message *m) {
    sl_arena_reset(s->a);
    s->busy = true;
    s->seq = m->seq;
    s->body = sl_arena_dup(s->a, m->bytes);
    s->url = sl_http_url(s->a, m->props && m->props[T_URL].p ? m->props[T_URL] : s->c->url);
    if ((m->bytes.n && !s->body.p) || sl_arena_failed(s->a))
        answer(s, SL_BAD, SL_S("out of memory"));
    else if (!map_of(s, m, T_HEADERS, s->c->headers, &s->headers) || !map_of(s, m, T_FORM, s->c->form, &s->form))
        answer(s, SL_BAD, SL_S("rendered headers or formData are not a JSON object"));
    else if (s->oauth && !sl_oauth_has(s->oauth))
        sl_oauth_fetch(s->oauth, got_token, s);
    else
        send_now(s);
}
static uint32_t put(sl_sink *sink, const sl_message *m, uint32_t n) {
    rest *s = (rest *)sink;
    uint32_t taken = 0;
    s->holds++;
    while (taken < n && !s->busy && !s->closing)
        take(s, &m[taken++]);
    if (taken < n)
        s->wanted = true;
    leave(s);
    return taken;
}
static void close_sink(sl_sink *sink, sl_fn done, void *arg) {
    rest *s = (rest *)sink;
    if (s->closing)
        return;
    s->closing = true;
    s->done = done;
    s->done_arg = arg;
    s->holds++;
    sl_http_client_free(s->client); /* answers what runs, now or, from inside of an answer, right after it */
    leave(s);
}
static const sl_sink_ops sink_ops = {.check = check, .open = open_sink, .put = put, .close = close_sink};
const sl_conn_def sl_conn_rest = {
    .name = "rest",
    .title = "REST",
    .doc = "Sends each result as an HTTP request.",
    .props = props,
    .conf_size = sizeof(sl_httpconf),
    .datasource = "",
    .sink = &sink_ops,
};
