/* Shared by the HTTP connectors. Decision: templates over the token and the states are compiled when they are used: once a request at most;
 * one that does not parse is refused when the rule is made. */
#include "conn/http/common.h"
#include "data/template.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/num.h"
#include "os/file.h"

static sl_str upper(sl_arena *a, sl_str s) {
    char *p = sl_arena_alloc(a, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = (char)(s.p[i] >= 'a' && s.p[i] <= 'z' ? s.p[i] - 32 : s.p[i]);
    p[s.n] = 0;
    return sl_str_n(p, s.n);
}
static bool one_of(sl_str s, const char *list) { /* "a|b|c", whatever case */
    while (*list) {
        size_t n = strcspn(list, "|");
        if (sl_str_ieq(s, sl_str_n(list, n)))
            return true;
        list += n + (list[n] == '|');
    }
    return false;
}
sl_str sl_httpconf_body_type(const sl_httpconf *c) {
    if (c->body_type.n)
        return c->body_type;
    return !c->method.n || sl_str_ieq(c->method, SL_S("GET")) ? SL_S("none") : SL_S("json");
}
const char *sl_http_content_type(sl_str t) {
    static const char *const all[][2] = {{"text", "text/plain"},
                                         {"json", "application/json"},
                                         {"html", "text/html"},
                                         {"xml", "application/xml"},
                                         {"javascript", "application/javascript"},
                                         {"form", "application/x-www-form-urlencoded;param=value"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (sl_str_is(t, all[i][0]))
            return all[i][1];
    return "";
}
static const char *go_kind(const sl_json *v) {
    switch (v->kind) {
    case SL_J_STR: return "string";
    case SL_J_BOOL: return "bool";
    case SL_J_NUM: return "float64";
    case SL_J_ARR: return "slice";
    default: return "map";
    }
}
static sl_err *check_map(const sl_json *m, const char *name) {
    if (!m)
        return NULL;
    if (m->kind != SL_J_OBJ)
        return sl_err_new(SL_E_CONF, "fail to parse the properties: 1 error(s) decoding:\n\n* '%s' expected a map, got '%s'", name, go_kind(m));
    for (const sl_json *v = m->child; v; v = v->next)
        if (v->kind != SL_J_STR) {
            sl_buf b = {0};
            sl_spec_show(&b, v);
            sl_err *e = sl_err_new(SL_E_CONF, "fail to parse the properties: 1 error(s) decoding:\n\n* '%s[%.*s]' expected type 'string', got unconvertible type '%s', value: '%s'",
                                   name, SL_FMT(v->key), v->kind == SL_J_NUM ? "float64" : go_kind(v), sl_buf_cstr(&b));
            sl_buf_free(&b);
            return e;
        }
    return NULL;
}
sl_err *sl_httpconf_check(const sl_httpconf *c, sl_str url) {
    if (c->method.n && !one_of(c->method, "GET|POST|PUT|DELETE"))
        return sl_err_new(SL_E_CONF, "Not supported HTTP method %.*s.", SL_FMT(c->method));
    if (c->timeout_ns < 0)
        return sl_err_new(SL_E_CONF, "timeout must be greater than or equal to 0");
    sl_str bt = sl_httpconf_body_type(c);
    static const char *const types = "none|text|json|html|xml|javascript|form|binary|formdata";
    if (!one_of(bt, types))
        return sl_err_new(SL_E_CONF, "Invalid body type value %.*s.", SL_FMT(bt));
    if (c->response_type.n && !one_of(c->response_type, "code|body"))
        return sl_err_new(SL_E_CONF, "Invalid response type value %.*s.", SL_FMT(c->response_type));
    if (!url.n)
        return sl_err_new(SL_E_CONF, "url is required");
    size_t n = sl_str_starts(url, SL_S("http://")) ? 7 : sl_str_starts(url, SL_S("https://")) ? 8 : 0;
    if (!n || url.n == n || url.p[n] == '/' || url.p[n] == '?' || url.p[n] == '{')
        return sl_err_new(SL_E_CONF, "url '%.*s' is not valid: expected http://host/… or https://host/…", SL_FMT(url));
    SL_TRY(check_map(c->headers, "headers"));
    SL_TRY(check_map(c->form, "formData"));
    return sl_oauth_check(c);
}
sl_str sl_http_url(sl_arena *a, sl_str url) {
    sl_buf b = {0};
    for (size_t i = 0; i < url.n; i++) {
        unsigned char ch = (unsigned char)url.p[i];
        if (ch <= 32 || ch >= 127 || ch == '"' || ch == '<' || ch == '>' || ch == '\\' || ch == '^' || ch == '`' || ch == '{' || ch == '|' || ch == '}')
            sl_buf_printf(&b, "%%%02X", ch);
        else
            sl_buf_putc(&b, (char)ch);
    }
    sl_str s = sl_arena_dup(a, sl_buf_view(&b));
    sl_buf_free(&b);
    return s;
}
static sl_err *unbase64(sl_arena *a, const char *name, sl_str in, sl_str *out) {
    char *p = sl_arena_alloc(a, in.n + 4 > SL_ARENA_BIG ? 4 : in.n + 4);
    if (in.n + 4 > SL_ARENA_BIG)
        return sl_err_new(SL_E_CONF, "%s is longer than 64 KiB", name);
    size_t n = 0;
    uint32_t acc = 0;
    int bits = 0;
    for (size_t i = 0; i < in.n; i++) {
        char ch = in.p[i];
        int v = ch >= 'A' && ch <= 'Z' ? ch - 'A' : ch >= 'a' && ch <= 'z' ? ch - 'a' + 26 : ch >= '0' && ch <= '9' ? ch - '0' + 52 : ch == '+' ? 62 : ch == '/' ? 63 : -1;
        if (ch == '=' || ch == '\n' || ch == '\r')
            continue;
        if (v < 0)
            return sl_err_new(SL_E_CONF, "%s is not base64 (byte %zu)", name, i);
        acc = acc << 6 | (uint32_t)v;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            p[n++] = (char)(acc >> bits);
        }
    }
    *out = sl_str_n(p, n);
    return NULL;
}
static const char *home_path(const sl_conn_env *env, sl_arena *a, sl_str s) {
    if (!s.n)
        return NULL;
    char *rel = sl_arena_cstr(a, sl_arena_dup(a, s).p), *full = sl_path_join(env->home ? env->home : ".", rel);
    const char *kept = full ? sl_arena_cstr(a, full) : rel;
    free(full);
    return kept;
}
sl_err *sl_httpconf_call(const sl_httpconf *c, const sl_conn_env *env, sl_arena *a, sl_http_call *call) {
    *call = (sl_http_call){.method = upper(a, c->method.n ? c->method : SL_S("GET")),
                           .timeout_ms = c->timeout_ns ? (c->timeout_ns + 999999) / 1000000 : -1,
                           .insecure = c->insecure,
                           .no_private = !env->private_net};
    call->cert_path = home_path(env, a, c->cert_path);
    call->key_path = home_path(env, a, c->key_path);
    call->ca_path = home_path(env, a, c->ca_path);
    SL_TRY(unbase64(a, "certificationRaw", c->cert_raw, &call->cert_pem));
    SL_TRY(unbase64(a, "privateKeyRaw", c->key_raw, &call->key_pem));
    SL_TRY(unbase64(a, "rootCARaw", c->ca_raw, &call->ca_pem));
    static const char *const versions[] = {"tls1.0", "tls1.1", "tls1.2", "tls1.3"};
    call->tls_min = 12;
    for (int i = 0; i < 4; i++)
        if (sl_str_ieq(c->tls_min, sl_str_of(versions[i])))
            call->tls_min = 10 + i;
    return NULL;
}

/* ---- OAuth ---- */
struct sl_oauth {
    sl_arena *a;       /* constants */
    sl_arena *token_a; /* the token */
    sl_json *token;
    const sl_json *access, *refresh;
    sl_http_client *client;
    sl_loop *loop;
    sl_http_call base;
    int64_t expire_s, got_at;
    bool refreshing;
    void (*done)(void *arg, const char *why);
    void *arg;
};
static const sl_json *access_of(const sl_httpconf *c) {
    const sl_json *a = sl_json_get(c->oauth, "access");
    return a && sl_json_text(sl_json_get(a, "url"), SL_S("")).n ? a : NULL;
}
sl_err *sl_http_template_check(sl_str text) {
    sl_template *t = NULL;
    sl_err *e = sl_template_is(text) ? sl_template_new(text, &t) : NULL;
    sl_template_free(t);
    return e;
}
static sl_err *check_side(const sl_json *side, const char *name) {
    if (!side)
        return NULL;
    if (side->kind != SL_J_OBJ)
        return sl_err_new(SL_E_CONF, "oauth.%s must be an object", name);
    SL_TRY(check_map(sl_json_get(side, "headers"), "oauth headers"));
    sl_str body = sl_json_text(sl_json_get(side, "body"), SL_S(""));
    SL_TRY(sl_err_prefix(sl_http_template_check(body), "oauth.%s.body", name));
    const sl_json *h = sl_json_get(side, "headers");
    for (const sl_json *v = h ? h->child : NULL; v; v = v->next)
        SL_TRY(sl_err_prefix(sl_http_template_check(v->s), "oauth.%s.headers", name));
    return NULL;
}
sl_err *sl_oauth_check(const sl_httpconf *c) {
    if (!c->oauth)
        return NULL;
    if (c->oauth->kind != SL_J_OBJ || !sl_json_get(c->oauth, "access"))
        return sl_err_new(SL_E_CONF, "if setting oAuth, `access` property is required");
    SL_TRY(check_side(sl_json_get(c->oauth, "access"), "access"));
    SL_TRY(check_side(sl_json_get(c->oauth, "refresh"), "refresh"));
    const sl_json *a = access_of(c), *e = sl_json_get(a, "expire");
    int64_t v;
    if (e && e->kind != SL_J_NULL && !sl_json_i64(e, &v) && !(e->kind == SL_J_STR && sl_num_parse_i64(e->s, &v)))
        return sl_err_new(SL_E_CONF, "oauth.access.expire must be a whole number of seconds");
    return NULL;
}
sl_err *sl_oauth_new(const sl_httpconf *c, const sl_conn_env *env, sl_http_client *client, sl_oauth **out) {
    *out = NULL;
    const sl_json *access = access_of(c);
    if (!access)
        return NULL;
    sl_oauth *o = calloc(1, sizeof *o);
    if (!o || !(o->a = sl_arena_new(0)) || !(o->token_a = sl_arena_new(0))) {
        sl_oauth_free(o);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    o->access = access;
    o->refresh = sl_json_get(c->oauth, "refresh");
    if (o->refresh && !sl_json_text(sl_json_get(o->refresh, "url"), SL_S("")).n)
        o->refresh = NULL;
    o->client = client;
    o->loop = env->loop;
    const sl_json *e = sl_json_get(access, "expire");
    if (e && !sl_json_i64(e, &o->expire_s) && e->kind == SL_J_STR)
        sl_num_parse_i64(e->s, &o->expire_s);
    sl_err *err = sl_httpconf_call(c, env, o->a, &o->base);
    if (err) {
        sl_oauth_free(o);
        return err;
    }
    *out = o;
    return NULL;
}
void sl_oauth_free(sl_oauth *o) {
    if (!o)
        return;
    sl_arena_free(o->a);
    sl_arena_free(o->token_a);
    free(o);
}
bool sl_oauth_has(const sl_oauth *o) { return o->token != NULL; }
bool sl_oauth_stale(const sl_oauth *o) { return o->expire_s > 0 && (sl_now(o->loop) - o->got_at) * 2 > o->expire_s * 1000; }
sl_str sl_oauth_render(const sl_oauth *o, sl_arena *a, sl_str text) { return sl_http_render(o ? o->token : NULL, a, text); }
sl_str sl_http_render(const sl_json *root, sl_arena *a, sl_str text) {
    if (!root || !sl_template_is(text))
        return text;
    sl_template *t = NULL;
    sl_buf b = {0};
    sl_str why;
    sl_err *e = sl_template_new(text, &t);
    if (e || !sl_template_run(t, NULL, a, sl_json_to_value(a, root, false), &b, &why))
        sl_warn("http", "%.*s", e ? (int)strlen(sl_err_text(e)) : (int)why.n, e ? sl_err_text(e) : why.p);
    else
        text = sl_arena_dup(a, sl_buf_view(&b));
    sl_err_free(e);
    sl_template_free(t);
    sl_buf_free(&b);
    return text;
}
static void token_came(void *arg, const sl_http_result *r) {
    sl_oauth *o = arg;
    char why[300] = "";
    sl_arena *fresh = NULL;
    sl_json *t = NULL;
    if (r->status < 200 || r->status > 299) {
        if (r->status)
            snprintf(why, sizeof why, "token request: response code error: %d", r->status);
        else
            snprintf(why, sizeof why, "token request: %.*s", SL_FMT(r->error));
    } else {
        fresh = sl_arena_new(0);
        sl_err *e = fresh ? sl_json_parse(fresh, sl_arena_dup(fresh, r->body), &t, NULL) : sl_err_new(SL_E_NOMEM, "out of memory");
        if (!e && t->kind == SL_J_ARR)
            t = t->child;
        if (e || !t || t->kind != SL_J_OBJ) {
            snprintf(why, sizeof why, "token response is not a JSON object%s%s", e ? ": " : "", sl_err_text(e));
            t = NULL;
        }
        sl_err_free(e);
    }
    if (t) {
        sl_arena_free(o->token_a);
        o->token_a = fresh;
        o->token = t;
        o->got_at = sl_now(o->loop);
    } else
        sl_arena_free(fresh);
    o->done(o->arg, t ? NULL : why);
}
void sl_oauth_fetch(sl_oauth *o, void (*done)(void *arg, const char *why), void *arg) {
    const sl_json *side = o->token && o->refresh ? o->refresh : o->access;
    o->done = done;
    o->arg = arg;
    sl_arena *a = sl_arena_new(0);
    sl_http_call call = o->base;
    call.method = SL_S("POST");
    const sl_json *h = sl_json_get(side, "headers");
    sl_http_header *hs = a ? sl_arena_zero(a, sizeof *hs * ((h ? h->n : 0) + 1)) : NULL;
    if (!hs) {
        sl_arena_free(a);
        done(arg, "out of memory");
        return;
    }
    bool typed = false;
    for (const sl_json *v = h ? h->child : NULL; v; v = v->next) {
        typed |= sl_str_ieq(v->key, SL_S("content-type"));
        hs[call.nheaders++] = (sl_http_header){v->key, sl_oauth_render(side == o->refresh ? o : NULL, a, v->s)};
    }
    if (!typed)
        hs[call.nheaders++] = (sl_http_header){SL_S("Content-Type"), SL_S("application/json")};
    call.headers = hs;
    call.url = sl_http_url(a, sl_json_text(sl_json_get(side, "url"), SL_S("")));
    call.body = sl_oauth_render(side == o->refresh ? o : NULL, a, sl_json_text(sl_json_get(side, "body"), SL_S("")));
    sl_http_do(o->client, &call, token_came, o);
    sl_arena_free(a);
}
