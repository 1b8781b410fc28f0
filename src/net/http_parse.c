/* HTTP requests from bytes: assembly with limits, target decoding, query and multipart readers.
 * Decision: http-parser does the grammar (it is strict about lengths and chunking, where smuggling happens); this file only collects
 * and counts, so that every limit is enforced before memory is spent. */
#include "net/http_parse.h"
#include <stdlib.h>
#include <strings.h>

static int stop(sl_http_in *in, int status, const char *why) {
    in->fail = status;
    in->why = why;
    return 1;
}
static int head_put(sl_http_in *in, const char *at, size_t n) {
    if (in->head.n + n > in->max_head)
        return stop(in, 431, "request head is too large");
    sl_buf_put(&in->head, at, n);
    return in->head.failed ? stop(in, 500, "out of memory") : 0;
}
static int on_begin(http_parser *p) {
    ((sl_http_in *)p->data)->started = true;
    return 0;
}
static int on_url(http_parser *p, const char *at, size_t n) { return head_put(p->data, at, n); }
static void end_target(sl_http_in *in) {
    if (!in->target_done) {
        in->target_done = true;
        in->target_n = (uint32_t)in->head.n;
        sl_buf_putc(&in->head, 0);
    }
}
static int on_field(http_parser *p, const char *at, size_t n) {
    sl_http_in *in = p->data;
    if (in->head_done) /* trailers are read and forgotten, but counted by feed() */
        return 0;
    end_target(in);
    if (in->in_value || in->nspans == 0) {
        if (in->nspans == in->cap) {
            uint32_t cap = in->cap ? in->cap * 2 : 16;
            sl_http_span *grown = realloc(in->spans, cap * sizeof *grown);
            if (!grown)
                return stop(in, 500, "out of memory");
            in->spans = grown;
            in->cap = cap;
        }
        if (in->nspans)
            sl_buf_putc(&in->head, 0);
        in->spans[in->nspans++] = (sl_http_span){.name = (uint32_t)in->head.n};
        in->in_value = false;
    }
    in->spans[in->nspans - 1].name_n += (uint32_t)n;
    return head_put(in, at, n);
}
static int on_value(http_parser *p, const char *at, size_t n) {
    sl_http_in *in = p->data;
    if (in->head_done)
        return 0;
    if (!in->nspans)
        return stop(in, 400, "malformed header");
    sl_http_span *s = &in->spans[in->nspans - 1];
    if (!in->in_value) {
        in->in_value = true;
        sl_buf_putc(&in->head, 0);
        s->value = (uint32_t)in->head.n;
    }
    s->value_n += (uint32_t)n;
    return head_put(in, at, n);
}
static sl_str header(const sl_http_in *in, const char *name) {
    size_t n = strlen(name);
    for (uint32_t i = 0; i < in->nspans; i++)
        if (in->spans[i].name_n == n && strncasecmp(in->head.p + in->spans[i].name, name, n) == 0)
            return sl_str_n(in->head.p + in->spans[i].value, in->spans[i].value_n);
    return (sl_str){0};
}
static int on_head(http_parser *p) {
    sl_http_in *in = p->data;
    end_target(in);
    sl_buf_putc(&in->head, 0);
    in->head_done = true;
    if (in->head.failed)
        return stop(in, 500, "out of memory");
    in->http10 = p->http_major < 1 || (p->http_major == 1 && p->http_minor == 0);
    if (p->http_major > 1)
        return stop(in, 505, "unsupported protocol version");
    in->keep_alive = http_should_keep_alive(p);
    /* A request that asks for another protocol than WebSocket (h2c, CONNECT) is served as plain HTTP. */
    in->upgrade = p->upgrade && p->method == HTTP_GET && sl_str_ieq(header(in, "upgrade"), SL_S("websocket"));
    p->upgrade = in->upgrade;
    if (!in->http10 && !header(in, "host").p)
        return stop(in, 400, "missing required Host header");
    bool sized = p->content_length != UINT64_MAX && p->content_length > 0;
    if (sized && p->content_length > in->max_body)
        return stop(in, 413, "request body is too large");
    sl_str expect = header(in, "expect");
    if (expect.n && !in->http10) {
        if (!sl_str_ieq(expect, SL_S("100-continue")))
            return stop(in, 417, "unknown expectation");
        in->expect = sized || (p->flags & F_CHUNKED);
    }
    return 0;
}
static int on_body(http_parser *p, const char *at, size_t n) {
    sl_http_in *in = p->data;
    if (n > in->max_body - in->body.n)
        return stop(in, 413, "request body is too large");
    sl_buf_put(&in->body, at, n);
    return in->body.failed ? stop(in, 500, "out of memory") : 0;
}
static int on_complete(http_parser *p) {
    ((sl_http_in *)p->data)->done = true;
    http_parser_pause(p, 1);
    return 0;
}
static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void sl_http_in_init(sl_http_in *in, size_t max_head, size_t max_body) {
    *in = (sl_http_in){.max_head = max_head, .max_body = max_body};
    http_parser_init(&in->p, HTTP_REQUEST);
    in->p.data = in;
}
void sl_http_in_free(sl_http_in *in) {
    sl_buf_free(&in->head);
    sl_buf_free(&in->body);
    free(in->spans);
    free(in->headers);
    free(in->path);
}
void sl_http_in_next(sl_http_in *in) {
    free(in->path);
    free(in->headers);
    in->path = NULL;
    in->headers = NULL;
    if (in->body.cap > 64 * 1024)
        sl_buf_free(&in->body);
    sl_buf_clear(&in->head);
    sl_buf_clear(&in->body);
    in->nspans = in->target_n = 0;
    in->started = in->target_done = in->in_value = in->head_done = in->done = in->expect = in->upgrade = false;
    in->fail = 0;
    in->why = NULL;
    if (HTTP_PARSER_ERRNO(&in->p) == HPE_PAUSED)
        http_parser_pause(&in->p, 0);
}
sl_http_fed sl_http_in_feed(sl_http_in *in, const char *p, size_t n, size_t *used) {
    *used = 0;
    if (in->fail)
        return SL_HTTP_FAIL;
    /* http-parser has a limit of its own for the head (80 KiB, chunk heads and trailers too); ours must be below it. */
    size_t k = http_parser_execute(&in->p, &settings, p, n);
    *used = k > n ? n : k;
    if (in->fail)
        return SL_HTTP_FAIL;
    enum http_errno e = HTTP_PARSER_ERRNO(&in->p);
    if (in->done)
        return SL_HTTP_DONE;
    if (e == HPE_OK && *used == n)
        return SL_HTTP_MORE;
    if (e == HPE_HEADER_OVERFLOW)
        stop(in, 431, "request head is too large");
    else
        stop(in, 400, e == HPE_OK ? "malformed request" : http_errno_description(e));
    return SL_HTTP_FAIL;
}
static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }
bool sl_http_unescape(sl_buf *out, sl_str s, bool plus) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            bool room = s.n - i > 2;
            int hi = room ? hex(s.p[i + 1]) : -1, lo = room ? hex(s.p[i + 2]) : -1;
            if (hi < 0 || lo < 0)
                return false;
            c = (char)(hi * 16 + lo);
            i += 2;
        } else if (c == '+' && plus)
            c = ' ';
        sl_buf_putc(out, c);
    }
    return true;
}
bool sl_http_in_take(sl_http_in *in, sl_http_req *r) {
    sl_str t = sl_str_n(in->head.p, in->target_n), path = t;
    if (t.n && t.p[0] != '/' && !sl_str_is(t, "*")) { /* absolute form: scheme://authority/path */
        ptrdiff_t at = sl_str_find(t, SL_S("://"));
        if (at < 0)
            return stop(in, 400, "malformed request target"), false;
        path.p += at + 3;
        path.n -= (size_t)at + 3;
        size_t k = 0;
        while (k < path.n && path.p[k] != '/' && path.p[k] != '?')
            k++;
        path.p += k;
        path.n -= k;
    }
    const char *end = path.n ? memchr(path.p, '#', path.n) : NULL;
    if (end)
        path.n = (size_t)(end - path.p);
    const char *q = path.n ? memchr(path.p, '?', path.n) : NULL;
    sl_str query = {0};
    if (q) {
        query = sl_str_n(q + 1, (size_t)(path.p + path.n - q - 1));
        path.n = (size_t)(q - path.p);
    }
    sl_buf out = {0};
    if (!path.n)
        sl_buf_putc(&out, '/');
    bool ok = sl_http_unescape(&out, path, false) && !(out.n && memchr(out.p, 0, out.n));
    in->path = sl_buf_take(&out);
    if (!ok)
        return stop(in, 400, "malformed request target"), false;
    in->headers = calloc(in->nspans ? in->nspans : 1, sizeof *in->headers);
    if (!in->path || !in->headers)
        return stop(in, 500, "out of memory"), false;
    for (uint32_t i = 0; i < in->nspans; i++) {
        const sl_http_span *s = &in->spans[i];
        in->headers[i].name = sl_str_n(in->head.p + s->name, s->name_n);
        in->headers[i].value = s->value ? sl_str_trim(sl_str_n(in->head.p + s->value, s->value_n)) : SL_S("");
    }
    in->method = http_method_str((enum http_method)in->p.method);
    void *conn = r->conn;
    const char *peer = r->peer;
    *r = (sl_http_req){.method = sl_str_of(in->method),
                       .target = t,
                       .path = in->path,
                       .query = query,
                       .headers = in->headers,
                       .nheaders = in->nspans,
                       .body = sl_buf_view(&in->body),
                       .peer = peer,
                       .conn = conn,
                       .keep_alive = in->keep_alive};
    if (!r->body.p)
        r->body = SL_S("");
    return true;
}

/* ---- readers on a complete request ---- */
const char *sl_http_header_get(const sl_http_req *r, const char *name, sl_str *out) {
    sl_str n = sl_str_of(name);
    for (uint32_t i = 0; i < r->nheaders; i++)
        if (sl_str_ieq(r->headers[i].name, n)) {
            if (out)
                *out = r->headers[i].value;
            return r->headers[i].value.p;
        }
    if (out)
        *out = (sl_str){0};
    return NULL;
}
bool sl_http_query_get(const sl_http_req *r, const char *name, sl_buf *out) {
    sl_str q = r->query, want = sl_str_of(name);
    sl_buf key = {0};
    bool found = false;
    while (q.n && !found) {
        const char *amp = memchr(q.p, '&', q.n);
        sl_str pair = sl_str_n(q.p, amp ? (size_t)(amp - q.p) : q.n), value = {0};
        q = amp ? sl_str_n(amp + 1, q.n - pair.n - 1) : (sl_str){0};
        const char *eq = pair.n ? memchr(pair.p, '=', pair.n) : NULL;
        if (eq) {
            value = sl_str_n(eq + 1, (size_t)(pair.p + pair.n - eq - 1));
            pair.n = (size_t)(eq - pair.p);
        }
        sl_buf_clear(&key);
        if (!sl_http_unescape(&key, pair, true) || !sl_str_eq(sl_buf_view(&key), want))
            continue;
        size_t before = out->n;
        if (sl_http_unescape(out, value, true))
            found = true;
        else
            out->n = before; /* a pair with a bad escape does not count, as in Go */
    }
    sl_buf_free(&key);
    return found;
}

/* ---- multipart ---- */
/* Value of a parameter of a header ("; name=x" or quoted), lent. */
static bool param(sl_str h, const char *name, sl_str *out) {
    size_t n = strlen(name);
    const char *p = h.n ? memchr(h.p, ';', h.n) : NULL, *end = h.p + h.n;
    while (p && p < end) {
        p++;
        while (p < end && (*p == ' ' || *p == '\t'))
            p++;
        const char *key = p;
        while (p < end && *p != '=' && *p != ';')
            p++;
        if (p >= end || *p == ';')
            continue;
        bool same = (size_t)(p - key) == n && strncasecmp(key, name, n) == 0;
        const char *v = ++p;
        if (p < end && *p == '"') {
            v = ++p;
            while (p < end && *p != '"')
                p += *p == '\\' && p + 1 < end ? 2 : 1;
            if (p >= end)
                return false;
            if (same)
                return *out = sl_str_n(v, (size_t)(p - v)), true;
            while (p < end && *p != ';')
                p++;
        } else {
            while (p < end && *p != ';')
                p++;
            if (same)
                return *out = sl_str_trim(sl_str_n(v, (size_t)(p - v))), true;
        }
    }
    return false;
}
/* Takes a line (without its end) off s. */
static bool line(sl_str *s, sl_str *out) {
    const char *nl = s->n ? memchr(s->p, '\n', s->n) : NULL;
    if (!nl)
        return false;
    *out = sl_str_n(s->p, (size_t)(nl - s->p));
    *s = sl_str_n(nl + 1, s->n - out->n - 1);
    if (out->n && out->p[out->n - 1] == '\r')
        out->n--;
    return true;
}
bool sl_multipart(const sl_http_req *r, sl_part *parts, uint32_t max, uint32_t *n) {
    *n = 0;
    sl_str type, boundary;
    if (!sl_http_header_get(r, "content-type", &type) || type.n < 10 || strncasecmp(type.p, "multipart/", 10) != 0 || !param(type, "boundary", &boundary) || !boundary.n ||
        boundary.n > 200)
        return false;
    char mark[210] = "\r\n--";
    memcpy(mark + 4, boundary.p, boundary.n);
    sl_str delim = sl_str_n(mark, boundary.n + 4), first = sl_str_n(mark + 2, boundary.n + 2);
    sl_str rest = r->body;
    if (sl_str_starts(rest, first))
        rest = sl_str_n(rest.p + first.n, rest.n - first.n);
    else {
        ptrdiff_t at = sl_str_find(rest, delim);
        if (at < 0)
            return false;
        rest = sl_str_n(rest.p + at + delim.n, rest.n - (size_t)at - delim.n);
    }
    for (;;) {
        if (sl_str_starts(rest, SL_S("--")))
            return true;
        sl_str l;
        if (!line(&rest, &l) || sl_str_trim(l).n)
            return false;
        sl_part part = {0};
        for (;;) {
            if (!line(&rest, &l))
                return false;
            if (!l.n)
                break;
            if (l.n > 20 && strncasecmp(l.p, "content-disposition:", 20) == 0) {
                param(l, "name", &part.name);
                param(l, "filename", &part.filename);
            }
        }
        /* An empty part ends right at the delimiter, whose line end was taken as the blank line's. */
        ptrdiff_t at = sl_str_find(rest, delim);
        size_t skip = delim.n;
        if (sl_str_starts(rest, first)) {
            at = 0;
            skip = first.n;
        }
        if (at < 0 || *n == max)
            return false;
        part.body = sl_str_n(rest.p, (size_t)at);
        parts[(*n)++] = part;
        rest = sl_str_n(rest.p + at + skip, rest.n - (size_t)at - skip);
    }
}
const char *sl_http_status_text(int status) {
    static const struct {
        int code;
        const char *text;
    } all[] = {
#define XX(num, name, string) {num, #string},
        HTTP_STATUS_MAP(XX)
#undef XX
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].code == status)
            return all[i].text;
    return "Unknown";
}
