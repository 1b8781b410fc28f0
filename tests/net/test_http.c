#include "kit.h"
#include "net/http.h"
#include <stdatomic.h>
#include "wire.h"

#ifdef __SANITIZE_THREAD__ /* everything takes ten times as long, also reading an answer */
enum { IDLE_MS = 3000 };
#else
enum { IDLE_MS = 400 };
#endif

static rig R;
static sl_http_server *server;
static sl_http_mount *mount;
static int port;
static sl_http_req *parked;
static sl_http_stream *stream;
static atomic_int stream_gone, parked_seen;

static void gone(void *arg) {
    stream = NULL;
    stream_gone++;
}
static void handler(void *arg, sl_http_req *r) {
    sl_buf b = {0};
    if (strcmp(r->path, "/park") == 0) {
        parked = r;
        parked_seen++;
        return;
    }
    if (strcmp(r->path, "/stream") == 0) {
        stream = sl_http_begin(r, 200, "text/event-stream", "Cache-Control: no-cache\r\n", gone, NULL);
        sl_http_part(stream, SL_S("hello"));
        return;
    }
    if (strcmp(r->path, "/short") == 0) {
        sl_http_stream *s = sl_http_begin(r, 200, "text/plain", NULL, NULL, NULL);
        sl_http_part(s, SL_S("one"));
        sl_http_part(s, SL_S("two"));
        sl_http_end(s);
        return;
    }
    if (strcmp(r->path, "/big") == 0) {
        char *p = calloc(1, 8u << 20);
        memset(p, 'x', 8u << 20);
        sl_http_reply(r, 200, "text/plain", sl_str_n(p, 8u << 20), NULL);
        free(p);
        return;
    }
    if (strcmp(r->path, "/multi") == 0) {
        sl_part parts[4];
        uint32_t n;
        bool ok = sl_multipart(r, parts, 4, &n);
        sl_buf_printf(&b, "%s %u", ok ? "ok" : "bad", n);
        for (uint32_t i = 0; i < n; i++)
            sl_buf_printf(&b, " [%.*s|%.*s|%.*s]", SL_FMT(parts[i].name), SL_FMT(parts[i].filename), SL_FMT(parts[i].body));
        sl_http_reply(r, 200, "text/plain", sl_buf_view(&b), NULL);
        sl_buf_free(&b);
        return;
    }
    if (strncmp(r->path, "/m/", 3) == 0) {
        sl_mount_serve(mount, r);
        return;
    }
    if (strcmp(r->path, "/none") == 0) {
        sl_http_reply(r, 204, NULL, SL_S(""), NULL);
        return;
    }
    sl_str x;
    sl_buf q = {0};
    bool has = sl_http_query_get(r, "a b", &q);
    sl_http_header_get(r, "X-Test", &x);
    sl_buf_printf(&b, "%.*s %s q=%s x=%.*s body=%.*s", SL_FMT(r->method), r->path, has ? sl_buf_cstr(&q) : "-", SL_FMT(x), SL_FMT(r->body));
    sl_http_reply(r, 200, "text/plain", sl_buf_view(&b), "X-More: 1\r\n");
    sl_buf_free(&b);
    sl_buf_free(&q);
}
static void listen_now(void *arg) {
    sl_http_opts o = {.max_body = 1 << 20, .max_head = 8192, .idle_ms = IDLE_MS, .max_conns = 40};
    assert_null(sl_http_listen(R.loop, "127.0.0.1", 0, &o, handler, NULL, &server));
    port = sl_http_port(server);
    mount = sl_mount_new(R.loop);
}
static int up(void **st) {
    rig_start(&R);
    rig_do(&R, listen_now, NULL);
    return 0;
}
static void close_now(void *call) { sl_http_close(server, rig_done, call); }
static int down(void **st) {
    rig_async(&R, close_now, NULL);
    rig_stop(&R);
    sl_mount_free(mount);
    return 0;
}
static void has(const char *answer, const char *text) {
    if (!strstr(answer, text))
        fail_msg("no '%s' in: %.600s", text, answer);
}
static void check(const char *request, const char *first, const char *second) {
    char *a = exchange(port, request);
    has(a, first);
    has(a, second);
    free(a);
}
#define END "Connection: close\r\n\r\n"
#define H "Host: h\r\n"

static void plain(void **st) {
    check("GET /a%20b/c?a+b=1%2F2&z HTTP/1.1\r\n" H "x-test:  v w \r\n" END, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-More: 1\r\n",
          "\r\n\r\nGET /a b/c q=1/2 x=v w body=");
    check("POST /p HTTP/1.1\r\n" H "Content-Length: 5\r\n" END "hello", "200 OK", "POST /p q=- x= body=hello");
    check("GET http://other:1/abs?a%20b=%C3%A9 HTTP/1.1\r\n" H END, "200 OK", "GET /abs q=\xc3\xa9");
    check("GET / HTTP/1.0\r\n\r\n", "Connection: close", "GET / q=-");
    check("GET /?a b=%zz&a%20b=ok HTTP/1.1\r\n" H END, "HTTP/1.1 400", "close"); /* a blank in the target is malformed */
    check("GET /?a+b=%zz&a%20b=ok HTTP/1.1\r\n" H END, "200 OK", "q=ok");
}
static void chunked(void **st) {
    check("POST /c HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END "3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n", "200 OK", "body=abcdefg");
    check("POST /c HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END "zz\r\nabc\r\n", "HTTP/1.1 400", "close");
    check("POST /c HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" END "3\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 400", "close");
    check("POST /c HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n" END "abcd", "HTTP/1.1 400", "close");
}
/* Every split of a request gives the same answer. */
static void byte_by_byte(void **st) {
    const char *q = "POST /s HTTP/1.1\r\n" H "X-Test: a\r\nTransfer-Encoding: chunked\r\n" END "3\r\nabc\r\n0\r\n\r\n";
    int fd = dial(port), one = 1;
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof one);
    for (const char *p = q; *p; p++)
        say(fd, p, 1);
    sl_buf b = {0};
    has(hear_all(fd, &b), "POST /s q=- x=a body=abc");
    sl_buf_free(&b);
    close(fd);
}
static int count(const char *hay, const char *needle) {
    int n = 0;
    for (const char *p = hay; (p = strstr(p, needle)); p += strlen(needle))
        n++;
    return n;
}
static void pipeline(void **st) {
    sl_buf q = {0};
    for (int i = 0; i < 500; i++)
        sl_buf_printf(&q, "POST /n%d HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi", i);
    sl_buf_puts(&q, "GET /last HTTP/1.1\r\n" H END);
    char *a = exchange(port, sl_buf_cstr(&q));
    assert_int_equal(count(a, "HTTP/1.1 200 OK"), 501);
    const char *at = a;
    for (int i = 0; i < 500; i++) {
        char want[40];
        snprintf(want, sizeof want, "POST /n%d q=- x= body=hi", i);
        at = strstr(at, want);
        if (!at)
            fail_msg("answer %d is missing or out of order", i);
    }
    has(at, "GET /last");
    free(a);
    sl_buf_free(&q);
}
static void keep_alive(void **st) {
    int fd = dial(port);
    sl_buf b = {0};
    for (int i = 0; i < 3; i++) {
        sl_buf_clear(&b);
        says(fd, "GET /k HTTP/1.1\r\n" H "\r\n");
        assert_true(hear(fd, &b, "GET /k q=- x= body="));
        assert_null(strstr(sl_buf_cstr(&b), "Connection: close"));
    }
    sl_buf_clear(&b); /* then idle: closed without a word */
    hear_all(fd, &b);
    assert_int_equal(b.n, 0);
    sl_buf_free(&b);
    close(fd);
}
static void head_and_empty(void **st) {
    char *a = exchange(port, "HEAD /h HTTP/1.1\r\n" H END);
    has(a, "Content-Length: 20\r\n"); /* "HEAD /h q=- x= body=" and what GET would have sent */
    assert_string_equal(strstr(a, "\r\n\r\n"), "\r\n\r\n");
    free(a);
    a = exchange(port, "DELETE /none HTTP/1.1\r\n" H END);
    has(a, "HTTP/1.1 204 No Content\r\n");
    assert_null(strstr(a, "Content-Length"));
    free(a);
}
static void expectation(void **st) {
    int fd = dial(port);
    sl_buf b = {0};
    says(fd, "POST /e HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 4\r\n" END);
    assert_true(hear(fd, &b, "HTTP/1.1 100 Continue\r\n\r\n"));
    assert_null(strstr(sl_buf_cstr(&b), "200 OK"));
    says(fd, "body");
    has(hear_all(fd, &b), "body=body");
    sl_buf_free(&b);
    close(fd);
    check("POST /e HTTP/1.1\r\n" H "Expect: tea\r\nContent-Length: 4\r\n\r\n", "HTTP/1.1 417", "close");
    check("POST /e HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n", "HTTP/1.1 413", "close");
}
static void limits(void **st) {
    sl_buf q = {0};
    sl_buf_puts(&q, "GET / HTTP/1.1\r\n" H "X: ");
    for (int i = 0; i < 9000; i++)
        sl_buf_putc(&q, 'a');
    sl_buf_puts(&q, "\r\n\r\n");
    check(sl_buf_cstr(&q), "HTTP/1.1 431", "too large");
    sl_buf_clear(&q);
    sl_buf_puts(&q, "POST / HTTP/1.1\r\n" H "Content-Length: 3000000\r\n\r\n"); /* said and sent: the answer must survive */
    for (int i = 0; i < 3000000; i++)
        sl_buf_putc(&q, 'b');
    check(sl_buf_cstr(&q), "HTTP/1.1 413", "too large");
    sl_buf_clear(&q);
    sl_buf_puts(&q, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 30; i++) {
        sl_buf_puts(&q, "fffe\r\n");
        for (int k = 0; k < 0xfffe; k++)
            sl_buf_putc(&q, 'c');
        sl_buf_puts(&q, "\r\n");
    }
    check(sl_buf_cstr(&q), "HTTP/1.1 413", "too large");
    sl_buf_free(&q);
}
static void malformed(void **st) {
    static const char *const bad[] = {"\x16\x03\x01 hello TLS\r\n\r\n",
                                      "GET\r\n\r\n",
                                      "GET / HTTP/9.9\r\n\r\n",
                                      "FOO / HTTP/1.1\r\n\r\n",
                                      "GET / HTTP/1.1\r\n\r\n",
                                      "GET /%zz HTTP/1.1\r\n" H "\r\n",
                                      "GET /a%00b HTTP/1.1\r\n" H "\r\n",
                                      "GET / HTTP/1.1\r\n" H "bad header\r\n\r\n",
                                      "GET / HTTP/1.1\r\n" H " folded: x\r\n\r\n:\r\n\r\n",
                                      "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n",
                                      "POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\n",
                                      "CONNECT evil:1 HTTP/1.1\r\n" H "\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *a = exchange(port, bad[i]);
        if (strncmp(a, "HTTP/1.1 4", 10) != 0 && strncmp(a, "HTTP/1.1 5", 10) != 0 && !strstr(a, "x= body="))
            fail_msg("request %zu got: %s", i, a);
        free(a);
    }
    check("GET /h2 HTTP/1.1\r\n" H "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\nGET /x HTTP/1.1\r\n" H END, "GET /h2 q=-", "GET /x q=-");
}
static void slow(void **st) {
    check("GET /half HTTP/1.1\r\nHos", "HTTP/1.1 408", "close");
    check("POST /half HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\nabc", "HTTP/1.1 408", "close");
}
static void reply_parked(void *arg) {
    sl_http_reply(parked, 200, "text/plain", SL_S("late"), NULL);
    parked = NULL;
}
static void until(atomic_int *n, int want) {
    for (int i = 0; i < 2000 && atomic_load(n) < want; i++)
        poll(NULL, 0, 10);
    assert_true(atomic_load(n) >= want);
}
static void answered_later(void **st) {
    int fd = dial(port), before = parked_seen;
    says(fd, "GET /park HTTP/1.1\r\n" H "\r\nGET /after HTTP/1.1\r\n" H END);
    until(&parked_seen, before + 1);
    rig_do(&R, reply_parked, NULL);
    sl_buf b = {0};
    const char *a = hear_all(fd, &b), *late = strstr(a, "late");
    assert_non_null(late);
    has(late, "GET /after");
    sl_buf_free(&b);
    close(fd);
}
static void gone_before_answer(void **st) {
    for (int i = 0; i < 3; i++) {
        int fd = dial(port), before = parked_seen;
        says(fd, "GET /park HTTP/1.1\r\n" H "\r\n");
        until(&parked_seen, before + 1);
        if (i == 1) { /* reset, not just closed */
            struct linger l = {.l_onoff = 1};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
        }
        close(fd);
        if (i == 2) /* some turns later the server knows */
            for (int k = 0; k < 5; k++)
                check("GET /y HTTP/1.1\r\n" H END, "200 OK", "GET /y");
        rig_do(&R, reply_parked, NULL);
    }
}
static void streams(void **st) {
    check("GET /short HTTP/1.1\r\n" H END, "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n", "200 OK");
    check("GET /short HTTP/1.0\r\n\r\n", "\r\n\r\nonetwo", "Connection: close");
    check("HEAD /short HTTP/1.1\r\n" H END, "200 OK", "close");
    int before = stream_gone, fd = dial(port);
    says(fd, "GET /stream HTTP/1.1\r\n" H "\r\n");
    sl_buf b = {0};
    assert_true(hear(fd, &b, "5\r\nhello\r\n"));
    close(fd);
    until(&stream_gone, before + 1);
    sl_buf_free(&b);
}
static int refused_parts;
static void flood(void *arg) {
    char *p = calloc(1, 64 * 1024);
    memset(p, 'f', 64 * 1024);
    for (int i = 0; i < 400; i++)
        refused_parts += !sl_http_part(stream, sl_str_n(p, 64 * 1024));
    free(p);
}
static void slow_reader(void **st) {
    int before = stream_gone, fd = dial(port);
    says(fd, "GET /stream HTTP/1.1\r\n" H "\r\n");
    sl_buf b = {0};
    assert_true(hear(fd, &b, "hello"));
    rig_do(&R, flood, NULL); /* 25 MiB to somebody who does not read */
    assert_true(refused_parts > 100);
    until(&stream_gone, before + 1); /* and who is given up in the end */
    close(fd);
    sl_buf_free(&b);
    fd = dial(port);
    says(fd, "GET /big HTTP/1.1\r\n" H END);
    hear_all(fd, &b);
    assert_true(b.n > 8u << 20);
    sl_buf_free(&b);
    close(fd);
}
static void multipart(void **st) {
    const char *body = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--XX\r\nContent-Type: text/plain\r\n"
                       "Content-Disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\n\r\nli\r\nne\r\n--XX\r\nContent-Disposition: form-data; name=e\r\n\r\n\r\n--XX--\r\n";
    char q[1024];
    snprintf(q, sizeof q, "POST /multi HTTP/1.1\r\n" H "Content-Type: multipart/form-data; boundary=\"XX\"\r\nContent-Length: %zu\r\n" END "%s", strlen(body), body);
    check(q, "ok 3 [a||one]", "[file|f.txt|li\r\nne] [e||]");
    snprintf(q, sizeof q, "POST /multi HTTP/1.1\r\n" H "Content-Type: multipart/form-data; boundary=XX\r\nContent-Length: %zu\r\n" END "%s", strlen(body) - 20, body);
    check(q, "bad", "200 OK");
    check("POST /multi HTTP/1.1\r\n" H "Content-Type: multipart/form-data\r\nContent-Length: 4\r\n" END "--XX", "bad 0", "200 OK");
}
static void mounted(void *arg, sl_http_req *r) { sl_http_reply(r, 200, NULL, sl_str_of(arg), NULL); }
static void mounts(void **st) {
    char one[] = "first", two[] = "second", tree[] = "tree";
    assert_null(sl_mount_add(mount, SL_S("POST"), SL_S("/m/x"), mounted, one));
    assert_null(sl_mount_add(mount, SL_S("PUT"), SL_S("/m/x"), mounted, two));
    assert_null(sl_mount_add(mount, SL_S("GET"), SL_S("/m/t/"), mounted, tree));
    sl_err *e = sl_mount_add(mount, SL_S("PUT"), SL_S("/m/x"), mounted, two);
    assert_non_null(e);
    sl_err_free(e);
    e = sl_mount_add(mount, SL_S("PUT"), SL_S("m"), mounted, two);
    assert_non_null(e);
    sl_err_free(e);
    check("POST /m/x HTTP/1.1\r\n" H END, "200 OK", "first");
    check("PUT /m/x HTTP/1.1\r\n" H END, "200 OK", "second");
    check("GET /m/x HTTP/1.1\r\n" H END, "405", "Content-Length: 0");
    check("GET /m/t/a/b HTTP/1.1\r\n" H END, "200 OK", "tree");
    check("GET /m/y HTTP/1.1\r\n" H END, "HTTP/1.1 404 Not Found", "\r\n\r\n404 page not found\n");
    sl_mount_del(mount, SL_S("PUT"), SL_S("/m/x"));
    check("PUT /m/x HTTP/1.1\r\n" H END, "405", "");
    sl_mount_del(mount, SL_S("POST"), SL_S("/m/x"));
    check("POST /m/x HTTP/1.1\r\n" H END, "404", "");
    sl_mount_del(mount, SL_S("GET"), SL_S("/m/t/"));
    sl_mount_del(mount, SL_S("GET"), SL_S("/m/none"));
}
static void crowd(void **st) {
    int fd[60], full = 0;
    for (int i = 0; i < 60; i++)
        fd[i] = dial(port);
    for (int i = 0; i < 60; i++) {
        sl_buf b = {0};
        says(fd[i], "GET / HTTP/1.1\r\n" H END);
        full += strstr(hear_all(fd[i], &b), "HTTP/1.1 503") != NULL;
        sl_buf_free(&b);
        close(fd[i]);
    }
    assert_true(full >= 1);
    assert_true(full < 60);
}
/* Connections cut at every byte leave nothing behind (sanitizers watch) and the server alive. */
static void cut_anywhere(void **st) {
    const char *q = "POST /cut HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhelloGET /short HTTP/1.1\r\n" H "\r\n";
    for (size_t n = 0; n <= strlen(q); n++) {
        int fd = dial(port);
        say(fd, q, n);
        struct linger l = {.l_onoff = n & 1};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
        close(fd);
    }
    poll(NULL, 0, 50); /* let the server see them go before counting connections again */
    check("GET /alive HTTP/1.1\r\n" H END, "200 OK", "GET /alive");
}
static void second_listener(void *arg) {
    sl_http_server *s;
    sl_err *e = sl_http_listen(R.loop, "127.0.0.1", port, NULL, handler, NULL, &s);
    assert_non_null(e);
    assert_non_null(strstr(sl_err_text(e), "address already in use"));
    sl_err_free(e);
    e = sl_http_listen(R.loop, "not-an-ip", 0, NULL, handler, NULL, &s);
    assert_non_null(e);
    sl_err_free(e);
}
static void address_taken(void **st) { rig_do(&R, second_listener, NULL); }
static void open_at_shutdown(void **st) { /* left open on purpose: the group's teardown must end with them */
    int fd = dial(port);
    says(fd, "GET /stream HTTP/1.1\r\n" H "\r\n");
    sl_buf b = {0};
    assert_true(hear(fd, &b, "hello"));
    sl_buf_free(&b);
    fd = dial(port);
    says(fd, "GET /half");
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(plain),      cmocka_unit_test(chunked),        cmocka_unit_test(byte_by_byte),   cmocka_unit_test(pipeline),
                                   cmocka_unit_test(keep_alive), cmocka_unit_test(head_and_empty), cmocka_unit_test(expectation),    cmocka_unit_test(limits),
                                   cmocka_unit_test(malformed),  cmocka_unit_test(slow),           cmocka_unit_test(answered_later), cmocka_unit_test(gone_before_answer),
                                   cmocka_unit_test(streams),    cmocka_unit_test(slow_reader),    cmocka_unit_test(multipart),      cmocka_unit_test(mounts),
                                   cmocka_unit_test(crowd),      cmocka_unit_test(cut_anywhere),   cmocka_unit_test(address_taken),  cmocka_unit_test(open_at_shutdown)};
    return cmocka_run_group_tests(t, up, down);
}
