/* Many requests in one: POST /batch/req runs them in order, each after the answer of the one before, and never stops at a failure
 *. Decision: they go through the router like any other, with the caller's headers, so that a token counts for them too. */
#include <ctype.h>
#include <stdlib.h>
#include "core/body.h"
#include "front/ekuiper.h"

typedef struct batch {
    sl_http_req *outer;
    sl_router *router;
    sl_arena *a;
    const sl_json *next;
    sl_buf out;
    bool serving, answered; /* an answer that comes while its request is being served does not start the next one itself */
} batch;
static void put(batch *b, int code, const char *what, sl_str text) {
    sl_buf_printf(&b->out, "%s{\"code\":%d", b->out.n > 1 ? "," : "", code);
    if (text.n) {
        sl_buf_printf(&b->out, ",\"%s\":", what);
        sl_json_put_str(&b->out, text);
    }
    sl_buf_putc(&b->out, '}');
}
static void run(batch *b);
static void answered(sl_http_req *r, int status, const char *type, sl_str body, const char *extra) {
    batch *b = r->answer_arg;
    put(b, status, "response", body);
    b->answered = true;
    if (!b->serving)
        run(b);
}
static bool token(sl_str s) { /* a method as HTTP allows it */
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && !(s.p[i] && strchr("!#$%&'*+-.^_`|~", s.p[i])))
            return false;
    return s.n > 0;
}
/* Makes the request; NULL: it cannot be made, *why says why. */
static sl_http_req *make(batch *b, const sl_json *one, const char **why) {
    sl_str method = sl_json_text(sl_json_iget(one, "method"), SL_S("")), path = sl_json_text(sl_json_iget(one, "path"), SL_S(""));
    sl_http_req *r = SL_NEW(b->a, sl_http_req);
    sl_buf decoded = {0};
    if (!method.n)
        method = SL_S("GET");
    if (!token(method)) {
        *why = sl_arena_printf(b->a, "net/http: invalid method \"%.*s\"", SL_FMT(method)).p;
        return NULL;
    }
    ptrdiff_t cut = sl_str_find(path, SL_S("#"));
    sl_str plain = cut >= 0 ? sl_str_n(path.p, (size_t)cut) : path, query = {"", 0};
    ptrdiff_t q = sl_str_find(plain, SL_S("?"));
    if (q >= 0) {
        query = sl_str_n(plain.p + q + 1, plain.n - (size_t)q - 1);
        plain.n = (size_t)q;
    }
    bool ok = sl_http_unescape(&decoded, plain, false) && !(decoded.n && memchr(decoded.p, 0, decoded.n));
    for (size_t i = 0; i < plain.n; i++)
        ok &= (unsigned char)plain.p[i] > 32 && plain.p[i] != 127;
    if (ok && r)
        *r = (sl_http_req){.method = method,
                           .target = path,
                           .path = (char *)(uintptr_t)sl_arena_dup(b->a, sl_buf_view(&decoded)).p,
                           .query = query,
                           .headers = b->outer->headers,
                           .nheaders = b->outer->nheaders,
                           .body = sl_json_text(sl_json_iget(one, "body"), SL_S("")),
                           .peer = b->outer->peer,
                           .answer = answered,
                           .answer_arg = b};
    else
        *why = sl_arena_printf(b->a, "parse \"%.*s\": invalid URL", SL_FMT(path)).p;
    sl_buf_free(&decoded);
    return ok ? r : NULL;
}
static void run(batch *b) {
    while (b->next) {
        const sl_json *one = b->next;
        b->next = one->next;
        const char *why = "out of memory";
        sl_http_req *r = make(b, one, &why);
        if (!r) {
            put(b, 0, "error", sl_str_of(why));
            continue;
        }
        b->answered = false;
        b->serving = true;
        sl_router_serve(b->router, r);
        b->serving = false;
        if (!b->answered)
            return; /* its answer goes on */
    }
    sl_buf_putc(&b->out, ']');
    if (b->out.failed)
        sl_rest_fail(b->outer, sl_err_new(SL_E_NOMEM, "out of memory"), NULL);
    else
        sl_rest_ok_json(b->outer, sl_buf_view(&b->out));
    sl_buf_free(&b->out);
    sl_arena_free(b->a);
    free(b);
}
static sl_err *read_list(sl_arena *a, sl_str body, sl_json **list) {
    SL_TRY(sl_body_first(a, body, list));
    SL_TRY(sl_body_is(*list, SL_J_ARR, "[]*server.EachRequest"));
    for (const sl_json *x = (*list)->kind == SL_J_ARR ? (*list)->child : NULL; x; x = x->next) {
        sl_str unused;
        SL_TRY(sl_body_is(x, SL_J_OBJ, "server.EachRequest"));
        SL_TRY(sl_body_text(x, "EachRequest", "method", &unused));
        SL_TRY(sl_body_text(x, "EachRequest", "path", &unused));
        SL_TRY(sl_body_text(x, "EachRequest", "body", &unused));
    }
    return NULL;
}
static void requests(void *app, sl_http_req *r, const sl_str *v) {
    batch *b = calloc(1, sizeof *b);
    sl_arena *a = sl_arena_new(0);
    sl_json *list = NULL;
    sl_err *e = b && a ? read_list(a, r->body, &list) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (e) {
        sl_arena_free(a);
        free(b);
        sl_rest_fail(r, e, NULL);
        return;
    }
    *b = (batch){.outer = r, .router = ((sl_door *)app)->router, .a = a, .next = list->kind == SL_J_ARR ? list->child : NULL};
    sl_buf_putc(&b->out, '[');
    run(b);
}
static const sl_route routes[] = {
    {"POST", "/batch/req", requests, "Runs many requests in order."},
    {0},
};
bool sl_batch_routes(sl_router *rt) { return sl_router_add(rt, routes); }
