/* Who may call: tokens (JWT, RSA family) checked against the public keys in etc/mgmt, and the audit line. Texts are upstream's.
 * Decision: key files are read at each call, so that a key put there or taken away counts at once; management calls are rare. */
#include <stdio.h>
#include <stdlib.h>
#include "base/bytes.h"
#include "base/log.h"
#include "data/json.h"
#include "front/ekuiper.h"
#include "net/sign.h"
#include "os/file.h"

/* Base64 of tokens: the URL alphabet without padding. */
static sl_err *part(sl_str text, const char *what, sl_buf *out) {
    sl_buf std = {0};
    size_t at = 0;
    bool ok = true;
    for (size_t i = 0; i < text.n && ok; i++) {
        char c = text.p[i];
        at = i;
        ok = c != '+' && c != '/' && c != '=' && c != '\r' && c != '\n';
        sl_buf_putc(&std, c == '-' ? '+' : c == '_' ? '/' : c);
    }
    if (ok) {
        for (size_t i = text.n; i % 4; i++)
            sl_buf_putc(&std, '=');
        ok = sl_base64_get(out, sl_buf_view(&std), &at);
    }
    sl_buf_free(&std);
    return ok ? NULL : sl_err_new(SL_E_UNDEFINED, "token is malformed: could not base64 decode %s: illegal base64 data at input byte %zu", what, at);
}
static sl_err *key_of(const sl_door *d, sl_str issuer, sl_buf *pem) {
    char *folder = sl_path_join(sl_office_home(d->office), "etc/mgmt"), *path = NULL;
    sl_dirlist l = {0};
    sl_err *e = folder ? sl_dir_list(folder, &l) : NULL;
    sl_err_free(e);
    for (size_t i = 0; i < l.n && !path; i++)
        if (!l.at[i].dir && sl_str_ieq(sl_str_of(l.at[i].name), issuer))
            path = sl_path_join(folder, l.at[i].name);
    e = path ? sl_file_read(path, 1 << 20, pem) : sl_err_new(SL_E_UNDEFINED, "not found target key file %.*s in /etc/mgmt", SL_FMT(issuer));
    sl_dirlist_free(&l);
    free(folder);
    free(path);
    return e;
}
static bool passed(const sl_json *claims, const char *name, int64_t now) { /* is the time of this claim over? */
    const sl_json *v = sl_json_get(claims, name);
    return v && v->kind == SL_J_NUM && (int64_t)v->num <= now;
}
static sl_err *audience(const sl_json *claims) {
    const sl_json *aud = sl_json_get(claims, "aud");
    sl_buf have = {0};
    bool ok = false;
    for (const sl_json *x = aud && aud->kind == SL_J_ARR ? aud->child : aud; x; x = aud->kind == SL_J_ARR ? x->next : NULL) {
        ok |= x->kind == SL_J_STR && sl_str_is(x->s, "eKuiper");
        if (x->kind == SL_J_STR)
            sl_buf_printf(&have, "%s%.*s", have.n ? " " : "", SL_FMT(x->s));
    }
    sl_err *e = ok ? NULL : sl_err_new(SL_E_UNDEFINED, "audience field should contain eKuiper, but got [%s]", sl_buf_cstr(&have));
    sl_buf_free(&have);
    return e;
}
static sl_err *verify(const sl_door *d, sl_arena *a, sl_str signed_part, sl_str head, sl_str payload, sl_str sig, sl_json **claims) {
    sl_json *h = NULL;
    SL_TRY(sl_err_prefix(sl_json_parse(a, head, &h, NULL), "token is malformed: could not JSON decode header"));
    SL_TRY(sl_err_prefix(sl_json_parse(a, payload, claims, NULL), "token is malformed: could not JSON decode claim"));
    sl_str alg = sl_json_text(sl_json_get(h, "alg"), (sl_str){0}), issuer = sl_json_text(sl_json_get(*claims, "iss"), (sl_str){0});
    if (!alg.n)
        return sl_err_new(SL_E_UNDEFINED, "token is unverifiable: signing method (alg) is unspecified");
    if (!issuer.n)
        return sl_err_new(SL_E_UNDEFINED, "token is unverifiable: error while executing keyfunc: issuer field not exist in jwt payload");
    sl_buf pem = {0};
    sl_err *e = sl_err_prefix(key_of(d, issuer, &pem), "token is unverifiable: error while executing keyfunc");
    if (!e && sl_str_is(alg, "none"))
        e = sl_err_new(SL_E_UNDEFINED, "token signature is invalid: token is unverifiable: 'none' signature type is not allowed");
    if (!e && !sl_str_starts(alg, SL_S("RS")) && !sl_str_starts(alg, SL_S("PS")))
        e = sl_err_new(SL_E_UNDEFINED, "token signature is invalid: key is of invalid type: %.*s cannot be checked with an RSA key", SL_FMT(alg));
    if (!e)
        e = sl_err_prefix(sl_rsa_check(sl_buf_view(&pem), sl_arena_dup(a, alg).p, signed_part, sig), "token signature is invalid");
    sl_buf_free(&pem);
    return e;
}
static sl_err *check(const sl_door *d, sl_str token) {
    ptrdiff_t one = sl_str_find(token, SL_S(".")), two = one < 0 ? -1 : sl_str_find(sl_str_n(token.p + one + 1, token.n - (size_t)one - 1), SL_S("."));
    size_t end = (size_t)(one + 1 + two);
    sl_buf head = {0}, payload = {0}, sig = {0};
    sl_arena *a = sl_arena_new(0);
    sl_json *claims = NULL;
    sl_err *e = NULL;
    if (!a)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    if (two < 0 || memchr(token.p + end + 1, '.', token.n - end - 1))
        e = sl_err_new(SL_E_UNDEFINED, "token is malformed: token contains an invalid number of segments");
    if (!e)
        e = part(sl_str_n(token.p, (size_t)one), "header", &head);
    if (!e)
        e = part(sl_str_n(token.p + one + 1, (size_t)two), "claim", &payload);
    if (!e)
        e = part(sl_str_n(token.p + end + 1, token.n - end - 1), "signature", &sig);
    if (!e)
        e = verify(d, a, sl_str_n(token.p, end), sl_buf_view(&head), sl_buf_view(&payload), sl_buf_view(&sig), &claims);
    int64_t now = sl_wall_ns() / 1000000000;
    if (!e && passed(claims, "exp", now))
        e = sl_err_new(SL_E_UNDEFINED, "token has invalid claims: token is expired");
    if (!e && sl_json_get(claims, "nbf") && !passed(claims, "nbf", now))
        e = sl_err_new(SL_E_UNDEFINED, "token has invalid claims: token is not valid yet");
    e = e ? sl_err_prefix(e, "validate token error") : audience(claims);
    sl_buf_free(&head);
    sl_buf_free(&payload);
    sl_buf_free(&sig);
    sl_arena_free(a);
    return e;
}
bool sl_rest_admit(void *door, sl_http_req *r) {
    const sl_door *d = door;
    const sl_settings *s = sl_office_settings(d->office);
    if (sl_settings_bool(s, "basic.enableRestAuditLog", false))
        sl_info("rest", "visit %.*s %s%s%.*s", SL_FMT(r->method), r->path, r->query.n ? "?" : "", SL_FMT(r->query));
    if (!sl_settings_bool(s, "basic.authentication", false) || strcmp(r->path, "/") == 0 || strcmp(r->path, "/ping") == 0)
        return true;
    sl_str token;
    sl_http_header_get(r, "authorization", &token);
    sl_err *e = token.n ? check(d, token) : sl_err_new(SL_E_UNDEFINED, "missing_token");
    if (!e)
        return true;
    sl_buf b = {0};
    sl_buf_printf(&b, "%s\n", sl_err_text(e));
    sl_err_free(e);
    sl_rest_reply(r, 401, "text/plain; charset=utf-8", sl_buf_view(&b), "X-Content-Type-Options: nosniff\r\n");
    sl_buf_free(&b);
    return false;
}
