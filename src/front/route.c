/* The router. Decision: a linear walk over the tables. A hundred patterns compared segment by segment cost a microsecond or two, and
 * order of registration decides, as upstream's mux does, so there is nothing to keep in step with the tables. */
#include "front/route.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/vec.h"
#include "data/json.h"

struct sl_router {
    sl_router_opts o;
    void *app;
    SL_VEC(const sl_route *) rows;
};
sl_router *sl_router_new(const sl_router_opts *o, void *app) {
    sl_router *rt = calloc(1, sizeof *rt);
    if (rt) {
        rt->o = *o;
        rt->app = app;
    }
    return rt;
}
bool sl_router_add(sl_router *rt, const sl_route *rows) {
    for (; rows->method; rows++)
        if (!SL_PUSH(rt->rows, rows))
            return false;
    return true;
}
void sl_router_free(sl_router *rt) {
    if (rt) {
        SL_VEC_FREE(rt->rows);
        free(rt);
    }
}
const sl_route *sl_router_at(const sl_router *rt, size_t i) { return i < rt->rows.n ? rt->rows.at[i] : NULL; }

void sl_path_clean(sl_buf *out, sl_str path) {
    size_t base = out->n;
    sl_buf_putc(out, '/');
    size_t i = 0;
    while (i < path.n) {
        while (i < path.n && path.p[i] == '/')
            i++;
        size_t start = i;
        while (i < path.n && path.p[i] != '/')
            i++;
        sl_str seg = sl_str_n(path.p + start, i - start);
        if (!seg.n || sl_str_is(seg, "."))
            continue;
        if (sl_str_is(seg, "..")) {
            while (out->n > base + 1 && out->p[out->n - 1] != '/')
                out->n--;
            if (out->n > base + 1)
                out->n--;
            continue;
        }
        if (out->n > base + 1)
            sl_buf_putc(out, '/');
        sl_buf_str(out, seg);
    }
    if (path.n > 1 && path.p[path.n - 1] == '/' && out->n > base + 1)
        sl_buf_putc(out, '/');
}
static void escape_path(sl_buf *out, sl_str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && c < 128 && strchr("-_.~$&+,/:;=@", c)))
            sl_buf_putc(out, (char)c);
        else
            sl_buf_printf(out, "%%%02X", c);
    }
}
/* true when the request was answered */
static bool redirect(sl_http_req *r) {
    sl_buf b = {0};
    sl_buf_puts(&b, "Location: ");
    size_t at = b.n;
    sl_path_clean(&b, sl_str_of(r->path));
    sl_str clean = sl_str_n(b.p + at, b.n - at);
    if (b.failed || sl_str_is(clean, r->path)) {
        sl_buf_free(&b);
        return false;
    }
    sl_buf head = {0};
    sl_buf_puts(&head, "Location: ");
    escape_path(&head, clean);
    if (r->query.n) {
        sl_buf_putc(&head, '?');
        sl_buf_str(&head, r->query);
    }
    sl_buf_puts(&head, "\r\n");
    sl_buf_free(&b);
    sl_rest_reply(r, 301, NULL, SL_S(""), sl_buf_cstr(&head));
    sl_buf_free(&head);
    return true;
}
static bool match(const char *pattern, const char *path, sl_str *vars) {
    uint32_t n = 0;
    const char *p = pattern;
    while (*p) {
        if (*p == '{') {
            const char *close = strchr(p, '}');
            bool rest = close - p > 3 && strncmp(close - 3, "...", 3) == 0;
            size_t k = rest ? strlen(path) : strcspn(path, "/");
            if (!k || n == SL_ROUTE_VARS)
                return false;
            vars[n++] = sl_str_n(path, k);
            path += k;
            p = close + 1;
        } else if (*p++ != *path++)
            return false;
    }
    return *path == 0;
}
void sl_router_serve(void *router, sl_http_req *r) {
    const sl_router *rt = router;
    if (rt->o.cors && sl_cors_preflight(r))
        return;
    if (rt->o.clean && redirect(r))
        return;
    sl_str vars[SL_ROUTE_VARS] = {{0}};
    char allow[64] = "";
    bool known = false;
    for (size_t i = 0; i < rt->rows.n; i++) {
        const sl_route *row = rt->rows.at[i];
        if (!match(row->pattern, r->path, vars))
            continue;
        if (sl_str_is(r->method, row->method)) {
            if (!rt->o.admit || rt->o.admit(rt->app, r))
                row->fn(rt->app, r, vars);
            return;
        }
        known = true;
        size_t n = strlen(allow);
        if (!strstr(allow, row->method))
            snprintf(allow + n, sizeof allow - n, "%s%s", n ? ", " : "", row->method);
    }
    if (known && rt->o.bad_method)
        rt->o.bad_method(rt->app, r, allow);
    else if (known)
        sl_rest_reply(r, 405, NULL, SL_S(""), NULL);
    else if (rt->o.not_found)
        rt->o.not_found(rt->app, r);
    else
        sl_rest_reply(r, 404, "text/plain; charset=utf-8", SL_S("404 page not found\n"), "X-Content-Type-Options: nosniff\r\n");
}

/* ---- answers ---- */
void sl_rest_reply(sl_http_req *r, int status, const char *type, sl_str body, const char *extra) { sl_cors_reply(r, status, type, body, extra); }
void sl_rest_text(sl_http_req *r, int status, sl_str text) { sl_rest_reply(r, status, text.n ? "text/plain; charset=utf-8" : NULL, text, NULL); }
void sl_rest_json(sl_http_req *r, int status, sl_str json) { sl_rest_reply(r, status, "application/json", json, NULL); }
void sl_rest_textf(sl_http_req *r, int status, const char *fmt, ...) {
    sl_buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    sl_rest_text(r, status, b.failed ? SL_S("") : sl_buf_view(&b));
    sl_buf_free(&b);
}
bool sl_rest_wants_help(const sl_http_req *r) {
    sl_str accept;
    return sl_http_header_get(r, "Accept", &accept) && sl_str_find(accept, SL_S("application/json")) >= 0;
}
static void member(sl_buf *out, const char *name, const char *text) {
    sl_buf_printf(out, ",\"%s\":", name);
    sl_json_put_str(out, sl_str_of(text));
}
void sl_rest_help(sl_buf *out, const sl_err *e) {
    const sl_spot *s = sl_err_spot(e);
    if (!s)
        return;
    sl_buf_printf(out, ",\"help\":{\"line\":%u,\"column\":%u", s->line, s->column);
    member(out, "reason", s->why);
    member(out, "text", s->text);
    member(out, "mark", s->mark);
    if (s->hint)
        member(out, "hint", s->hint);
    sl_buf_putc(out, '}');
}
/* Help as one line of a header, for those who look at an answer with curl -i. */
static void help_header(sl_buf *out, const sl_err *e) {
    const sl_spot *s = sl_err_spot(e);
    sl_buf_puts(out, "X-Content-Type-Options: nosniff\r\n");
    if (!s)
        return;
    sl_buf_printf(out, "Sluice-Help: line %u, column %u", s->line, s->column);
    sl_buf_puts(out, s->hint ? ": " : "");
    for (const char *p = s->hint ? s->hint : ""; *p; p++)
        sl_buf_putc(out, *p >= ' ' && *p <= '~' ? *p : '?');
    sl_buf_puts(out, "\r\n");
}
void sl_rest_fail(sl_http_req *r, sl_err *e, const char *prefix) {
    sl_buf text = {0}, body = {0}, head = {0};
    if (prefix && *prefix)
        sl_buf_printf(&text, "%s: ", prefix);
    sl_buf_puts(&text, sl_err_text(e));
    sl_buf_printf(&body, "{\"error\":%d,\"message\":", sl_code_ekuiper(sl_err_code(e)));
    sl_go_quote(&body, sl_buf_view(&text));
    if (sl_rest_wants_help(r))
        sl_rest_help(&body, e);
    sl_buf_puts(&body, "}\n");
    help_header(&head, e);
    int status = sl_code_http(sl_err_code(e));
    sl_err_free(e);
    bool bad = body.failed || head.failed;
    sl_rest_reply(r, bad ? 500 : status, "text/plain; charset=utf-8", bad ? SL_S("") : sl_buf_view(&body), sl_buf_cstr(&head));
    sl_buf_free(&head);
    sl_buf_free(&text);
    sl_buf_free(&body);
}
