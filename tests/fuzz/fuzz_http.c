/* Requests from any bytes, in any cut: the parser layer under the server, query, multipart and path readers. What is read must lie
 * inside what came, limits hold, and the cut does not change the outcome. */
#include <stdio.h>
#include <stdlib.h>
#include "front/route.h"
#include "net/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
enum { HEAD = 2048, BODY = 4096 };

static void look(sl_http_in *in, sl_buf *log) {
    sl_http_req r = {0};
    if (!sl_http_in_take(in, &r)) {
        sl_buf_printf(log, "bad %d;", in->fail);
        return;
    }
    if (r.body.n > BODY || strlen(r.path) > HEAD)
        abort();
    sl_buf_printf(log, "%.*s %s %zu %u;", SL_FMT(r.method), r.path, r.body.n, r.nheaders);
    for (uint32_t i = 0; i < r.nheaders; i++)
        sl_buf_printf(log, "%.*s=%.*s;", SL_FMT(r.headers[i].name), SL_FMT(r.headers[i].value));
    sl_buf q = {0};
    sl_http_query_get(&r, "a", &q);
    sl_path_clean(&q, sl_str_of(r.path));
    sl_buf_free(&q);
    sl_part parts[8];
    uint32_t k;
    sl_multipart(&r, parts, 8, &k);
    for (uint32_t i = 0; i < k; i++)
        if (parts[i].body.p < r.body.p || parts[i].body.p + parts[i].body.n > r.body.p + r.body.n)
            abort();
    r.headers = &(sl_http_header){SL_S("Content-Type"), SL_S("multipart/form-data; boundary=b")};
    r.nheaders = 1;
    sl_multipart(&r, parts, 8, &k); /* any body as a form */
}
static void run(const char *p, size_t n, size_t step, sl_buf *log) {
    sl_http_in in;
    sl_http_in_init(&in, HEAD, BODY);
    size_t at = 0, end = 0;
    while (at < n) {
        if (end <= at)
            end = at + step < n ? at + step : n;
        char *copy = malloc(end - at); /* own block: reading past it shows */
        if (!copy)
            abort();
        memcpy(copy, p + at, end - at);
        size_t used;
        sl_http_fed r = sl_http_in_feed(&in, copy, end - at, &used);
        free(copy);
        if (used > end - at)
            abort();
        at += used;
        if (r == SL_HTTP_FAIL) {
            if (in.fail < 400 || in.fail > 599 || !in.why)
                abort();
            sl_buf_printf(log, "fail;");
            break;
        }
        if (r == SL_HTTP_DONE) {
            look(&in, log);
            if (in.upgrade || in.fail)
                break;
            sl_http_in_next(&in);
        }
    }
    sl_http_in_free(&in);
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    sl_buf whole = {0}, cut = {0};
    size_t step = n ? 1 + data[0] % 7 : 1;
    run((const char *)data, n, n ? n : 1, &whole);
    run((const char *)data, n, step, &cut);
    if (whole.n != cut.n || (whole.n && memcmp(whole.p, cut.p, whole.n) != 0)) {
        fprintf(stderr, "whole: %s\ncut:   %s\n", sl_buf_cstr(&whole), sl_buf_cstr(&cut));
        abort();
    }
    sl_buf_free(&whole);
    sl_buf_free(&cut);
    return 0;
}
