/* Requests of pages of other origins (CORS), for REST and the data server alike: the answers of the library that eKuiper uses. */
#include "net/http.h"

static bool one_of(sl_str s, const char *const *list) {
    for (; *list; list++)
        if (sl_str_is(s, *list))
            return true;
    return false;
}
/* Content-Type from content-type. */
static void canonical(sl_buf *out, sl_str s) {
    bool up = true;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (up && c >= 'a' && c <= 'z')
            c = (char)(c - 32);
        else if (!up && c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        up = c == '-';
        sl_buf_putc(out, c);
    }
}
bool sl_cors_preflight(sl_http_req *r) {
    static const char *const methods[] = {"POST", "GET", "PUT", "DELETE", "HEAD", NULL}, *const simple[] = {"GET", "HEAD", "POST", NULL};
    static const char *const headers[] = {"Accept", "Accept-Language", "Content-Type", "Content-Language", "Origin", "Authorization", NULL};
    static const char *const always[] = {"Accept", "Accept-Language", "Content-Language", "Origin", NULL};
    sl_str origin, method, want;
    if (!sl_str_is(r->method, "OPTIONS"))
        return false;
    sl_http_header_get(r, "origin", &origin);
    if (!origin.n) {
        sl_http_reply(r, 200, NULL, SL_S(""), NULL);
        return true;
    }
    int status = 200;
    sl_buf head = {0}, allowed = {0}, name = {0};
    if (!sl_http_header_get(r, "access-control-request-method", &method))
        status = 400;
    else if (!one_of(method, methods))
        status = 405;
    sl_http_header_get(r, "access-control-request-headers", &want);
    for (size_t i = 0; i <= want.n && status == 200 && want.n; i++) {
        size_t start = i;
        while (i < want.n && want.p[i] != ',')
            i++;
        sl_buf_clear(&name);
        canonical(&name, sl_str_trim(sl_str_n(want.p + start, i - start)));
        sl_str h = sl_buf_view(&name);
        if (!h.n || one_of(h, always))
            continue;
        if (!one_of(h, headers))
            status = 403;
        else {
            if (allowed.n)
                sl_buf_putc(&allowed, ',');
            sl_buf_str(&allowed, h);
        }
    }
    if (status == 200) {
        if (allowed.n)
            sl_buf_printf(&head, "Access-Control-Allow-Headers: %s\r\n", sl_buf_cstr(&allowed));
        if (!one_of(method, simple))
            sl_buf_printf(&head, "Access-Control-Allow-Methods: %.*s\r\n", SL_FMT(method));
        sl_buf_puts(&head, "Access-Control-Allow-Origin: *\r\n");
    }
    sl_http_reply(r, status, NULL, SL_S(""), sl_buf_cstr(&head));
    sl_buf_free(&head);
    sl_buf_free(&allowed);
    sl_buf_free(&name);
    return true;
}
void sl_cors_reply(sl_http_req *r, int status, const char *type, sl_str body, const char *extra) {
    sl_str origin;
    sl_http_header_get(r, "origin", &origin);
    if (!origin.n) {
        sl_http_reply(r, status, type, body, extra);
        return;
    }
    sl_buf b = {0};
    sl_buf_puts(&b, "Access-Control-Allow-Origin: *\r\n");
    if (extra)
        sl_buf_puts(&b, extra);
    sl_http_reply(r, status, type, body, sl_buf_cstr(&b));
    sl_buf_free(&b);
}
