/* The httppull source and lookup: polls an HTTP endpoint.
 * Decision: a pull that is still running when the next is due is not joined by a second one; the tick is skipped. The answer is
 * JSON whatever FORMAT says, so rows go straight into the flow's builder. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include "base/log.h"
#include "conn/http/common.h"
#include "data/template.h"

enum { W = SL_P_SOURCE | SL_P_LOOKUP };
#define C(f) SL_AT(sl_httpconf, f)
static const sl_prop props[] = {
    {.name = "url",
     .type = SL_P_STR,
     .flags = W,
     C(url),
     .def = "http://localhost",
     .doc = "Where to ask; DATASOURCE is appended. Templates take from `states`.",
     .example = "http://10.0.0.5:8080/api"},
    {.name = "method", .type = SL_P_STR, .flags = W, C(method), .def = "GET", .doc = "GET, POST, PUT or DELETE.", .example = "get"},
    {.name = "interval", .type = SL_P_DUR, .flags = SL_P_SOURCE, C(interval_ns), .def = "10s", .max = 1e12, .doc = "Time between pulls; 0 = pull once.", .example = "10s"},
    {.name = "timeout", .type = SL_P_DUR, .flags = W, C(timeout_ns), .def = "5s", .doc = "Time for one request; 0 = no limit.", .example = "5s"},
    {.name = "body", .type = SL_P_STR, .flags = W, C(body), .doc = "Request body; Templates take from the OAuth token.", .example = "{\"site\":1}"},
    {.name = "bodyType", .type = SL_P_STR, .flags = W, C(body_type), .doc = "none, text, json, html, xml, javascript, form or binary; none for GET, else json.", .example = "json"},
    {.name = "headers", .type = SL_P_JSON, .flags = W, C(headers), .doc = "Request headers; Templates take from the OAuth token.", .example = "{\"Accept\":\"application/json\"}"},
    {.name = "responseType",
     .type = SL_P_STR,
     .flags = W,
     C(response_type),
     .def = "code",
     .doc = "code: the status tells success; body: each object must also have a `code` within 200..299.",
     .example = "code"},
    {.name = "incremental", .type = SL_P_BOOL, .flags = SL_P_SOURCE, C(incremental), .def = "false", .doc = "Skip an answer that equals the one before.", .example = "true"},
    {.name = "states",
     .type = SL_P_JSON,
     .flags = SL_P_SOURCE,
     C(states),
     .doc = "Values for the url; each is replaced by the answer's value of that name, and saved with the rule.",
     .example = "{\"since\":0}"},
    {.name = "compression", .type = SL_P_STR, .flags = W, C(compression), .doc = "gzip, zlib, flate or zstd: the answer must name a Content-Encoding.", .example = "gzip"},
    {.name = "oauth",
     .type = SL_P_JSON,
     .flags = W | SL_P_SECRET,
     C(oauth),
     .doc = "Token endpoint: access {url, body, headers, expire} and refresh {url, body, headers}.",
     .example = "{\"access\":{\"url\":\"http://h/token\",\"expire\":\"3600\"}}"},
    SL_HTTP_TLS_ROWS(W),
    {0},
};
typedef struct pull { /* the sl_source */
    const sl_httpconf *c;
    sl_str datasource;
    sl_conn_env env;
    sl_source_out *out;
    sl_http_client *client;
    sl_oauth *oauth;
    sl_timer *timer;
    sl_jsonrows *rows;
    sl_arena *fixed, *a, *states_a;
    sl_json *states;
    sl_http_call base;
    sl_buf last; /* the answer before, when incremental */
    bool had, running, paused, due, closing;
    int holds;
    uint64_t pos;
    sl_conn_state state;
    sl_fn done;
    void *done_arg;
} pull;

static sl_str full_url(sl_arena *a, const sl_httpconf *c, sl_str datasource) {
    sl_buf b = {0};
    sl_buf_str(&b, c->url);
    sl_buf_str(&b, datasource);
    sl_str s = sl_arena_dup(a, sl_buf_view(&b));
    sl_buf_free(&b);
    return s;
}
static sl_err *check(const void *conf, sl_str datasource) {
    const sl_httpconf *c = conf;
    sl_arena *a = sl_arena_new(0);
    if (!a)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    sl_str url = full_url(a, c, datasource);
    sl_err *e = sl_httpconf_check(c, url);
    if (!e && c->interval_ns < 0)
        e = sl_err_new(SL_E_EXEC, "interval must be greater than or equal to 0");
    if (!e && c->states && c->states->kind != SL_J_OBJ)
        e = sl_err_new(SL_E_EXEC, "states must be an object");
    if (!e)
        e = sl_http_template_check(url);
    if (!e)
        e = sl_http_template_check(c->body);
    for (const sl_json *h = c->headers ? c->headers->child : NULL; h && !e; h = h->next)
        e = sl_http_template_check(h->s);
    if (!e && c->compression.n && !sl_str_is(c->compression, "gzip") && !sl_str_is(c->compression, "zlib") && !sl_str_is(c->compression, "flate") &&
        !sl_str_is(c->compression, "zstd"))
        e = sl_err_new(SL_E_EXEC, "compression %.*s is not supported, expected gzip, zlib, flate or zstd", SL_FMT(c->compression));
    sl_arena_free(a);
    return sl_err_recode(e, SL_E_EXEC);
}

/* ---- what an answer must be ---- */
static bool has_header(sl_str headers, const char *name) {
    size_t n = strlen(name);
    while (headers.n) {
        const char *nl = memchr(headers.p, '\n', headers.n);
        size_t k = nl ? (size_t)(nl - headers.p) + 1 : headers.n;
        if (k > n && headers.p[n] == ':' && strncasecmp(headers.p, name, n) == 0)
            return true;
        headers = sl_str_n(headers.p + k, headers.n - k);
    }
    return false;
}
/* NULL, or the error text (in why). */
static const char *refuse(const sl_httpconf *c, const sl_http_result *r, sl_arena *a, const sl_json **tree, char why[320]) {
    *tree = NULL;
    if (!r->status)
        snprintf(why, 320, "%.*s", (int)(r->error.n > 300 ? 300 : r->error.n), r->error.p);
    else if (r->status < 200 || r->status > 299)
        snprintf(why, 320, "response code error: %d", r->status);
    else if (c->compression.n && !has_header(r->headers, "content-encoding"))
        snprintf(why, 320, "try to get Content-Encoding from header failed");
    else if (sl_str_ieq(c->response_type, SL_S("body")) || c->states) {
        sl_json *j;
        sl_err *e = sl_json_parse(a, r->body, &j, NULL);
        if (e) {
            snprintf(why, 320, "%.300s", sl_err_text(e));
            sl_err_free(e);
            return why;
        }
        *tree = j;
        int64_t code;
        for (const sl_json *o = j->kind == SL_J_ARR ? j->child : j; sl_str_ieq(c->response_type, SL_S("body")) && o; o = j->kind == SL_J_ARR ? o->next : NULL)
            if (!sl_json_i64(sl_json_get(o, "code"), &code) || code < 200 || code > 299) {
                snprintf(why, 320, "response status code is not within 200..299");
                return why;
            }
        return NULL;
    } else
        return NULL;
    return why;
}
static uint32_t make_headers(const sl_httpconf *c, const sl_oauth *o, sl_arena *a, sl_http_header **out) {
    sl_http_header *h = sl_arena_zero(a, ((c->headers ? c->headers->n : 0) + 2) * sizeof *h);
    uint32_t n = 0;
    bool typed = false;
    *out = h;
    for (const sl_json *v = h && c->headers ? c->headers->child : NULL; v; v = v->next) {
        typed |= sl_str_ieq(v->key, SL_S("content-type"));
        h[n++] = (sl_http_header){v->key, sl_oauth_render(o, a, v->s)};
    }
    sl_str ct = sl_str_of(sl_http_content_type(sl_httpconf_body_type(c)));
    if (h && !typed && ct.n)
        h[n++] = (sl_http_header){SL_S("Content-Type"), ct};
    return n;
}

/* ---- source ---- */
static void destroy(pull *s) {
    sl_timer_free(s->timer);
    sl_oauth_free(s->oauth);
    sl_jsonrows_free(s->rows);
    sl_arena_free(s->fixed);
    sl_arena_free(s->a);
    sl_arena_free(s->states_a);
    sl_buf_free(&s->last);
    sl_fn done = s->done;
    void *arg = s->done_arg;
    free(s);
    if (done)
        done(arg);
}
static void leave(pull *s) {
    if (--s->holds == 0 && s->closing && !s->running)
        destroy(s);
}
static void report(pull *s, sl_conn_state st, const char *why) {
    if (s->state == st)
        return;
    s->state = st;
    s->out->state(s->out, st, sl_str_of(why));
}
static void finished(pull *s) {
    s->running = false;
    s->holds++;
    leave(s);
}
static void update_states(pull *s, const sl_json *tree) {
    sl_arena *fresh = sl_arena_new(0);
    sl_json *next = fresh ? sl_json_clone(fresh, s->states) : NULL;
    if (!next || sl_arena_failed(fresh)) {
        sl_arena_free(fresh);
        return;
    }
    for (const sl_json *o = tree->kind == SL_J_ARR ? tree->child : tree; o; o = tree->kind == SL_J_ARR ? o->next : NULL)
        for (const sl_json *v = o->kind == SL_J_OBJ ? o->child : NULL; v; v = v->next) {
            const char *key = sl_arena_dup(fresh, v->key).p;
            if (sl_json_get(next, key))
                sl_json_set(fresh, next, key, sl_json_clone(fresh, v));
        }
    if (sl_arena_failed(fresh)) {
        sl_arena_free(fresh);
        return;
    }
    sl_arena_free(s->states_a);
    s->states_a = fresh;
    s->states = next;
}
static void deliver(pull *s, sl_str body) {
    sl_builder *w = s->out->builder(s->out);
    sl_str why = {0};
    uint32_t n = 0;
    if (!w) {
        s->out->error(s->out, SL_S("out of memory"));
        return;
    }
    if (!sl_jsonrows_read(s->rows, w, body, false, &n, &why)) {
        s->out->error(s->out, why);
        return;
    }
    if (n && !s->out->rows(s->out, ++s->pos))
        s->paused = true;
    if (s->out->drained)
        s->out->drained(s->out);
}
static void refreshed(void *arg, const char *why) {
    pull *s = arg;
    if (why && !s->closing)
        sl_warn(s->env.rule_id, "httppull: %s; the old token stays", why);
    finished(s);
}
static void came(void *arg, const sl_http_result *r) {
    pull *s = arg;
    if (s->closing) {
        finished(s);
        return;
    }
    char why[320];
    const sl_json *tree;
    s->holds++;
    const char *bad = refuse(s->c, r, s->a, &tree, why);
    if (bad) {
        if (!r->status)
            report(s, SL_CONN_DISCONNECTED, bad);
        s->out->error(s->out, sl_str_of(bad));
    } else {
        report(s, SL_CONN_CONNECTED, "");
        bool same = s->c->incremental && s->had && sl_str_eq(sl_buf_view(&s->last), r->body);
        if (s->c->incremental && !same) {
            sl_buf_clear(&s->last);
            sl_buf_str(&s->last, r->body);
            s->had = !s->last.failed;
        }
        if (tree && s->states)
            update_states(s, tree);
        if (!same)
            deliver(s, r->body);
    }
    if (!s->closing && s->oauth && sl_oauth_has(s->oauth) && sl_oauth_stale(s->oauth))
        sl_oauth_fetch(s->oauth, refreshed, s);
    else
        finished(s);
    leave(s);
}
static void ask(pull *s) {
    sl_http_call call = s->base;
    sl_http_header *h;
    call.url = sl_http_url(s->a, sl_http_render(s->states, s->a, full_url(s->a, s->c, s->datasource)));
    call.nheaders = make_headers(s->c, s->oauth, s->a, &h);
    call.headers = h;
    if (!sl_str_is(sl_httpconf_body_type(s->c), "none"))
        call.body = sl_oauth_render(s->oauth, s->a, s->c->body);
    sl_http_do(s->client, &call, came, s);
}
static void got_token(void *arg, const char *why) {
    pull *s = arg;
    if (!why && !s->closing) {
        ask(s);
        return;
    }
    if (!s->closing) {
        report(s, SL_CONN_DISCONNECTED, why);
        s->out->error(s->out, sl_str_of(why));
    }
    finished(s);
}
static void tick(void *arg) {
    pull *s = arg;
    if (s->closing)
        return;
    if (s->c->interval_ns > 0)
        sl_timer_in(s->timer, s->c->interval_ns / 1000000 ? s->c->interval_ns / 1000000 : 1);
    if (s->paused || s->running) {
        s->due = s->paused;
        return;
    }
    s->running = true;
    sl_arena_reset(s->a);
    if (s->oauth && !sl_oauth_has(s->oauth))
        sl_oauth_fetch(s->oauth, got_token, s);
    else
        ask(s);
}
static void first(void *arg) {
    pull *s = arg;
    tick(s);
    leave(s);
}
static sl_err *set_states(pull *s, sl_str from) {
    if (!s->c->states)
        return NULL;
    s->states_a = sl_arena_new(0);
    if (!s->states_a)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    s->states = sl_json_clone(s->states_a, s->c->states);
    if (!from.n)
        return NULL;
    sl_json *saved;
    sl_err *e = sl_json_parse(s->states_a, sl_arena_dup(s->states_a, from), &saved, NULL);
    if (e || saved->kind != SL_J_OBJ) {
        sl_err_free(e);
        return sl_err_new(SL_E_EXEC, "the saved position of httppull is not an object: %.*s", SL_FMT(from));
    }
    s->states = saved;
    return NULL;
}
static sl_err *open_source(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src) {
    SL_TRY(check(conf, datasource));
    pull *s = calloc(1, sizeof *s);
    if (!s)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    s->c = conf;
    s->datasource = datasource;
    s->env = *env;
    s->out = out;
    s->state = SL_CONN_CONNECTING;
    s->fixed = sl_arena_new(0);
    s->a = sl_arena_new(0);
    s->timer = sl_timer_new(env->loop, tick, s);
    s->rows = sl_jsonrows_new(NULL, 0, false, false);
    sl_err *e = s->fixed && s->a && s->timer && s->rows ? sl_httpconf_call(conf, env, s->fixed, &s->base) : sl_err_new(SL_E_NOMEM, "out of memory");
    s->base.decode = true;
    if (!e)
        e = set_states(s, from);
    if (!e)
        e = sl_http_client_new(env->loop, &s->client);
    if (!e)
        e = sl_oauth_new(conf, env, s->client, &s->oauth);
    if (!e && !sl_defer(env->loop, first, s))
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    if (e) {
        sl_http_client_free(s->client);
        destroy(s);
        return e;
    }
    s->holds = 1; /* until `first` ran */
    *src = (sl_source *)s;
    return NULL;
}
static void pause_source(sl_source *src) { ((pull *)src)->paused = true; }
static void resume_source(sl_source *src) {
    pull *s = (pull *)src;
    s->paused = false;
    if (s->due) {
        s->due = false;
        tick(s);
    }
}
static bool position(sl_source *src, uint64_t upto, sl_buf *json) {
    pull *s = (pull *)src;
    if (!s->states)
        return false;
    sl_json_write(json, s->states, true, 0);
    return true;
}
static void close_source(sl_source *src, sl_fn done, void *arg) {
    pull *s = (pull *)src;
    if (s->closing)
        return;
    s->closing = true;
    s->done = done;
    s->done_arg = arg;
    sl_timer_stop(s->timer);
    s->holds++;
    sl_http_client_free(s->client);
    leave(s);
}
static const sl_source_ops source_ops = {
    .rows = true, .rewinds = true, .check = check, .open = open_source, .pause = pause_source, .resume = resume_source, .position = position, .close = close_source};

/* ---- lookup ---- */
typedef struct look_job {
    struct look_job *next;
    struct lookup *l;
    sl_arena *a;
    const sl_str *cols;
    const sl_value *vals;
    uint32_t n;
    void (*done)(void *arg, sl_value rows);
    void *arg;
} look_job;
typedef struct lookup {
    const sl_httpconf *c;
    sl_str datasource;
    sl_http_client *client;
    sl_arena *fixed;
    sl_http_call base;
    uint32_t running, holds;
    bool closing;
    sl_fn done;
    void *done_arg;
} lookup;
static void lookup_leave(lookup *l) {
    if (--l->holds || l->running || !l->closing)
        return;
    sl_fn done = l->done;
    void *arg = l->done_arg;
    sl_arena_free(l->fixed);
    free(l);
    if (done)
        done(arg);
}
static bool equal(sl_value x, sl_value y) {
    bool nx = x.kind == SL_INT || x.kind == SL_FLOAT, ny = y.kind == SL_INT || y.kind == SL_FLOAT;
    if (nx && ny) /* JSON has one kind of number */
        return (x.kind == SL_INT ? (double)x.i : sl_f64(x)) == (y.kind == SL_INT ? (double)y.i : sl_f64(y));
    return sl_value_same(x, y);
}
static void answered(void *arg, const sl_http_result *r) {
    look_job *j = arg;
    lookup *l = j->l;
    char why[320];
    const sl_json *tree;
    sl_value rows = {0};
    l->holds++;
    l->running--;
    if (refuse(l->c, r, j->a, &tree, why))
        rows = sl_v_error(sl_arena_dup(j->a, sl_str_of(why)));
    else {
        sl_value v;
        sl_err *e = sl_json_value(j->a, sl_arena_dup(j->a, r->body), false, &v);
        if (e || (v.kind != SL_MAP && v.kind != SL_LIST))
            rows = sl_v_error(sl_arena_dup(j->a, sl_str_of(e ? sl_err_text(e) : "the response is neither an object nor an array")));
        else {
            const sl_value *at = v.kind == SL_LIST ? v.list : &v;
            uint32_t n = v.kind == SL_LIST ? v.len : 1, kept = 0;
            sl_value *keep = sl_arena_alloc(j->a, (n + 1) * sizeof *keep);
            for (uint32_t i = 0; keep && i < n; i++) {
                bool fits = at[i].kind == SL_MAP;
                for (uint32_t k = 0; fits && k < j->n; k++)
                    fits = equal(sl_value_get(j->a, at[i], j->cols[k]), j->vals[k]);
                if (fits)
                    keep[kept++] = at[i];
            }
            rows = keep ? sl_v_list(keep, kept) : sl_v_error(SL_S("out of memory"));
        }
        sl_err_free(e);
    }
    j->done(j->arg, rows);
    free(j);
    lookup_leave(l);
}
static sl_err *open_lookup(const void *conf, sl_str datasource, const sl_conn_env *env, sl_lookup **out) {
    SL_TRY(check(conf, datasource));
    lookup *l = calloc(1, sizeof *l);
    if (!l || !(l->fixed = sl_arena_new(0))) {
        free(l);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    l->c = conf;
    l->datasource = datasource;
    sl_err *e = sl_httpconf_call(conf, env, l->fixed, &l->base);
    l->base.decode = true;
    if (!e)
        e = sl_http_client_new(env->loop, &l->client);
    if (e) {
        sl_arena_free(l->fixed);
        free(l);
        return e;
    }
    *out = (sl_lookup *)l;
    return NULL;
}
static void look(sl_lookup *lk, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, void (*done)(void *arg, sl_value rows), void *arg) {
    lookup *l = (lookup *)lk;
    look_job *j = calloc(1, sizeof *j);
    if (!j) {
        done(arg, sl_v_error(SL_S("out of memory")));
        return;
    }
    *j = (look_job){.l = l, .a = a, .n = n, .done = done, .arg = arg};
    sl_str *names = sl_arena_alloc(a, (n + 1) * sizeof *names);
    sl_value *values = sl_arena_alloc(a, (n + 1) * sizeof *values);
    for (uint32_t i = 0; i < n; i++) { /* the caller's arrays may be gone when the answer comes */
        names[i] = sl_arena_dup(a, cols[i]);
        values[i] = sl_value_copy(a, vals[i]);
    }
    j->cols = names;
    j->vals = values;
    sl_http_call call = l->base;
    sl_http_header *h;
    call.url = sl_http_url(a, full_url(a, l->c, l->datasource));
    call.nheaders = make_headers(l->c, NULL, a, &h);
    call.headers = h;
    if (!sl_str_is(sl_httpconf_body_type(l->c), "none"))
        call.body = l->c->body;
    l->running++;
    sl_http_do(l->client, &call, answered, j);
}
static void close_lookup(sl_lookup *lk, sl_fn done, void *arg) {
    lookup *l = (lookup *)lk;
    if (l->closing)
        return;
    l->closing = true;
    l->done = done;
    l->done_arg = arg;
    l->holds++;
    sl_http_client_free(l->client);
    lookup_leave(l);
}
static const sl_lookup_ops lookup_ops = {.check = check, .open = open_lookup, .look = look, .close = close_lookup};

const sl_conn_def sl_conn_httppull = {
    .name = "httppull",
    .title = "HTTP pull",
    .doc = "Polls an HTTP endpoint that answers JSON.",
    .props = props,
    .conf_size = sizeof(sl_httpconf),
    .datasource = "Path that is appended to url.",
    .source = &source_ops,
    .lookup = &lookup_ops,
};
