#include "kit.h"
#include <stdatomic.h>
#include "net/http.h"
#include "wire.h"

static rig R;
static sl_http_server *server;
static sl_http_client *client;
static int port;
static sl_http_req *parked[16];
static int nparked;

static void handler(void *arg, sl_http_req *r) {
    sl_buf b = {0};
    sl_str x, t, e;
    if (strcmp(r->path, "/park") == 0) {
        assert_true(nparked < 16);
        parked[nparked++] = r;
        return;
    }
    if (strcmp(r->path, "/moved") == 0) {
        sl_http_reply(r, 302, NULL, SL_S("go away"), "Location: /echo?from=moved\r\n");
        return;
    }
    if (strcmp(r->path, "/loop") == 0) {
        sl_http_reply(r, 302, NULL, SL_S(""), "Location: /loop\r\n");
        return;
    }
    if (strcmp(r->path, "/file") == 0) {
        sl_http_reply(r, 302, NULL, SL_S(""), "Location: file:///etc/passwd\r\n");
        return;
    }
    if (strcmp(r->path, "/503") == 0) {
        sl_http_reply(r, 503, "text/plain", SL_S("busy"), "Retry-After: 7\r\n");
        return;
    }
    if (strcmp(r->path, "/big") == 0) {
        char *p = calloc(1, 3u << 20);
        sl_http_reply(r, 200, NULL, sl_str_n(p, 3u << 20), NULL);
        free(p);
        return;
    }
    sl_http_header_get(r, "x-test", &x);
    sl_http_header_get(r, "content-type", &t);
    bool empty = sl_http_header_get(r, "x-empty", &e) != NULL && !e.n;
    sl_buf_printf(&b, "%.*s %.*s x=%.*s t=%.*s%s body=%.*s", SL_FMT(r->method), SL_FMT(r->target), SL_FMT(x), SL_FMT(t), empty ? " empty" : "", SL_FMT(r->body));
    sl_http_reply(r, 200, "text/plain", sl_buf_view(&b), "X-Answer: yes\r\n");
    sl_buf_free(&b);
}
static void make_now(void *arg) {
    assert_null(sl_http_listen(R.loop, "127.0.0.1", 0, NULL, handler, NULL, &server));
    port = sl_http_port(server);
    sl_err *e = sl_http_client_new(R.loop, &client);
    if (e)
        fail_msg("%s", sl_err_text(e));
}
static int up(void **st) {
    rig_start(&R);
    rig_do(&R, make_now, NULL);
    return 0;
}
static void free_client(void *arg) { sl_http_client_free(client); }
static void close_now(void *call) { sl_http_close(server, rig_done, call); }
static int down(void **st) {
    rig_do(&R, free_client, NULL);
    rig_async(&R, close_now, NULL);
    rig_stop(&R);
    return 0;
}
typedef struct ask {
    sl_http_call call;
    rig_call *wait;
    int status;
    sl_http_fault fault;
    char *body, *headers, *error;
} ask;
static void answered(void *arg, const sl_http_result *r) {
    ask *a = arg;
    a->status = r->status;
    a->fault = r->fault;
    a->body = sl_strdup_n(r->body.p ? r->body.p : "", r->body.n);
    a->headers = sl_strdup_n(r->headers.p ? r->headers.p : "", r->headers.n);
    a->error = sl_strdup_n(r->error.p ? r->error.p : "", r->error.n);
    rig_done(a->wait);
}
static void call_now(void *arg) {
    rig_call *c = arg;
    ask *a = c->arg;
    a->wait = c;
    sl_http_do(client, &a->call, answered, a);
}
static void ask_free(ask *a) {
    free(a->body);
    free(a->headers);
    free(a->error);
}
static ask go(const char *method, const char *path, sl_http_call extra) {
    char url[200];
    if (strstr(path, "://"))
        snprintf(url, sizeof url, "%s", path);
    else
        snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    extra.method = sl_str_of(method);
    extra.url = sl_str_of(url);
    ask a = {.call = extra};
    rig_async(&R, call_now, &a);
    return a;
}
static void expect(const char *method, const char *path, sl_http_call extra, const char *body) {
    ask a = go(method, path, extra);
    if (a.status != 200)
        fail_msg("%s %s: status %d, %s", method, path, a.status, a.error);
    assert_string_equal(a.body, body);
    assert_non_null(strstr(a.headers, "X-Answer: yes\r\n"));
    ask_free(&a);
}
static void methods(void **st) {
    sl_http_header h[] = {{SL_S("X-Test"), SL_S("v")}, {SL_S("X-Empty"), SL_S("")}}, t[] = {{SL_S("content-type"), SL_S("a/b")}};
    expect("GET", "/a%20b?q=1", (sl_http_call){0}, "GET /a%20b?q=1 x= t= body=");
    expect("POST", "/p", (sl_http_call){.body = SL_S("hi"), .headers = h, .nheaders = 2}, "POST /p x=v t= empty body=hi");
    expect("POST", "/p", (sl_http_call){.headers = t, .nheaders = 1}, "POST /p x= t=a/b body=");
    expect("PUT", "/p", (sl_http_call){.body = SL_S("hi"), .headers = t, .nheaders = 1}, "PUT /p x= t=a/b body=hi");
    expect("DELETE", "/p", (sl_http_call){0}, "DELETE /p x= t= body=");
    expect("GET", "/g", (sl_http_call){.body = SL_S("odd")}, "GET /g x= t= body=odd");
    ask a = go("HEAD", "/h", (sl_http_call){0});
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "");
    ask_free(&a);
}
static void forms(void **st) {
    sl_http_field f[] = {{SL_S("file"), SL_S("pay\0load"), SL_S("123"), SL_S("application/octet-stream")}, {SL_S("k"), SL_S("v"), {0}, {0}}};
    ask a = go("POST", "/form", (sl_http_call){.form = f, .nform = 2});
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "t=multipart/form-data; boundary="));
    assert_non_null(strstr(a.body, "name=\"file\"; filename=\"123\""));
    ask_free(&a);
}
static void redirects(void **st) {
    expect("GET", "/moved", (sl_http_call){0}, "GET /echo?from=moved x= t= body=");
    ask a = go("GET", "/loop", (sl_http_call){0});
    assert_int_equal(a.status, 0);
    assert_true(a.error[0]);
    ask_free(&a);
    a = go("GET", "/file", (sl_http_call){0});
    assert_int_equal(a.status, 0);
    assert_int_equal(a.fault, SL_HTTP_BADCALL);
    ask_free(&a);
}
static void statuses(void **st) {
    ask a = go("GET", "/503", (sl_http_call){0});
    assert_int_equal(a.status, 503);
    assert_string_equal(a.body, "busy");
    assert_non_null(strstr(a.headers, "Retry-After: 7\r\n"));
    ask_free(&a);
    a = go("GET", "/big", (sl_http_call){.max_body = 1 << 20});
    assert_int_equal(a.fault, SL_HTTP_TOOBIG);
    ask_free(&a);
}
static void refused_calls(void **st) {
    sl_http_header h = {SL_S("X"), SL_S("a\r\nInjected: b")};
    ask a = go("GET", "/", (sl_http_call){.headers = &h, .nheaders = 1});
    assert_int_equal(a.fault, SL_HTTP_BADCALL);
    ask_free(&a);
    a = go("GET", "gopher://x/", (sl_http_call){0});
    assert_int_equal(a.fault, SL_HTTP_BADCALL);
    ask_free(&a);
    a = go("GET", "/", (sl_http_call){.no_private = true});
    assert_int_equal(a.fault, SL_HTTP_PRIVATE);
    assert_string_equal(a.error, "ip 127.0.0.1 is in internal network");
    ask_free(&a);
}
static int listener(int *p) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof sa;
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(fd, 5), 0);
    getsockname(fd, (struct sockaddr *)&sa, &n);
    *p = ntohs(sa.sin_port);
    return fd;
}
static const char *peer_says;
static void peer_main(void *arg) {
    int fd = accept(*(int *)arg, NULL, NULL);
    char b[4096];
    if (recv(fd, b, sizeof b, 0) > 0 && peer_says) {
        if (*peer_says)
            says(fd, peer_says);
        else { /* reset */
            struct linger l = {.l_onoff = 1};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
        }
    }
    close(fd);
}
static void faults(void **st) {
    int p, fd = listener(&p);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", p);
    ask a = go("GET", url, (sl_http_call){.timeout_ms = 200}); /* accepted by the kernel, never answered */
    assert_int_equal(a.fault, SL_HTTP_TIMEOUT);
    ask_free(&a);
    close(accept(fd, NULL, NULL));
    static const struct {
        const char *text;
        int fault;
    } cases[] = {{NULL, SL_HTTP_EOF}, {"", SL_HTTP_RESET}, {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", SL_HTTP_EOF}, {"junk\r\n\r\n", SL_HTTP_OTHER}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_thread *t;
        peer_says = cases[i].text;
        assert_null(sl_thread_start("peer", peer_main, &fd, &t));
        a = go("GET", url, (sl_http_call){0});
        sl_thread_join(t);
        assert_int_equal(a.status, 0);
        if ((int)a.fault != cases[i].fault)
            fail_msg("case %zu: fault %d, %s", i, (int)a.fault, a.error);
        ask_free(&a);
    }
    close(fd);
    a = go("GET", url, (sl_http_call){0});
    assert_int_equal(a.fault, SL_HTTP_REFUSED);
    ask_free(&a);
    a = go("GET", "http://no-such-host.invalid/", (sl_http_call){0});
    assert_true(a.fault == SL_HTTP_DNS || a.fault == SL_HTTP_TIMEOUT);
    ask_free(&a);
}
/* ---- HTTPS: our client against our server ---- */
static sl_http_server *secure, *hasty;
static int secure_port, hasty_port;
#define CERT SL_TESTS "/net/tls/server.pem"
#define KEY SL_TESTS "/net/tls/server.key"
static void listen_secure(void *arg) {
    sl_http_opts o = {.tls_cert = CERT, .tls_key = KEY, .max_body = 4u << 20};
    sl_err *e = sl_http_listen(R.loop, "127.0.0.1", 0, &o, handler, NULL, &secure);
    o.idle_ms = 300; /* for peers that say nothing; a loaded machine takes longer for a handshake */
    if (!e)
        e = sl_http_listen(R.loop, "127.0.0.1", 0, &o, handler, NULL, &hasty);
    if (e)
        fail_msg("%s", sl_err_text(e));
    secure_port = sl_http_port(secure);
    hasty_port = sl_http_port(hasty);
    sl_http_server *s;
    static const sl_http_opts bad[] = {{.tls_cert = CERT}, {.tls_cert = "/none", .tls_key = KEY}, {.tls_cert = SL_TESTS "/net/tls/other.pem", .tls_key = KEY}};
    for (int i = 0; i < 3; i++) {
        e = sl_http_listen(R.loop, "127.0.0.1", 0, &bad[i], handler, NULL, &s);
        assert_non_null(e);
        sl_err_free(e);
    }
}
static void close_secure(void *call) { sl_http_close(secure, rig_done, call); }
static void close_hasty(void *call) { sl_http_close(hasty, rig_done, call); }
static void https(void **st) {
    rig_do(&R, listen_secure, NULL);
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/s?q=1", secure_port);
    ask a = go("GET", url, (sl_http_call){0}); /* nobody vouches for it */
    assert_int_equal(a.fault, SL_HTTP_TLS);
    ask_free(&a);
    expect("POST", url, (sl_http_call){.insecure = true, .body = SL_S("hi")}, "POST /s?q=1 x= t= body=hi");
    expect("GET", url, (sl_http_call){.ca_path = CERT}, "GET /s?q=1 x= t= body=");
    a = go("GET", url, (sl_http_call){.ca_path = SL_TESTS "/net/tls/other.pem"});
    assert_int_equal(a.fault, SL_HTTP_TLS);
    ask_free(&a);
    char *big = malloc(3u << 20);
    memset(big, 'z', 3u << 20);
    a = go("POST", url, (sl_http_call){.insecure = true, .body = sl_str_n(big, 3u << 20), .timeout_ms = 20000});
    if (a.status != 200)
        fail_msg("status %d, fault %d: %s", a.status, a.fault, a.error);
    assert_int_equal(strlen(a.body), (3u << 20) + strlen("POST /s?q=1 x= t= body="));
    ask_free(&a);
    free(big);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/big", secure_port);
    a = go("GET", url, (sl_http_call){.insecure = true, .timeout_ms = 20000});
    assert_int_equal(a.status, 200);
    ask_free(&a);
    char *plain = exchange(secure_port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); /* not TLS: dropped */
    assert_null(strstr(plain, "200"));
    free(plain);
    int fd = dial(hasty_port); /* says nothing: given up */
    sl_buf b = {0};
    assert_false(hear(fd, &b, "x"));
    close(fd);
    rig_async(&R, close_secure, NULL);
    rig_async(&R, close_hasty, NULL);
}
/* Many at once, and a client freed with calls under way: each is answered exactly once. */
static atomic_int answers;
static rig_call *all_done;
static sl_http_client *second;
static void counted(void *arg, const sl_http_result *r) {
    if (++answers == 60)
        rig_done(all_done);
}
static void many(void *arg) {
    rig_call *c = arg;
    all_done = c;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/m", port);
    for (int i = 0; i < 60; i++)
        sl_http_do(client, &(sl_http_call){.method = SL_S("GET"), .url = sl_str_of(url)}, counted, NULL);
}
static void ended(void *arg, const sl_http_result *r) {
    answers++;
    assert_int_equal(r->status, 0);
    if (arg)
        sl_http_client_free(second); /* from inside of an answer */
}
static void cut(void *arg) {
    char url[64];
    assert_null(sl_http_client_new(R.loop, &second));
    snprintf(url, sizeof url, "http://127.0.0.1:%d/park", port);
    for (int i = 0; i < 3; i++)
        sl_http_do(second, &(sl_http_call){.method = SL_S("GET"), .url = sl_str_of(url)}, ended, NULL);
    if (arg)
        sl_http_do(second, &(sl_http_call){.method = SL_S("GET"), .url = SL_S("bad\nurl")}, ended, second);
    else
        sl_http_client_free(second);
}
static void lives(void **st) {
    rig_async(&R, many, NULL);
    assert_int_equal(answers, 60);
    answers = 0;
    rig_do(&R, cut, NULL);
    assert_int_equal(answers, 3);
    answers = 0;
    rig_do(&R, cut, &answers);
    for (int i = 0; i < 1000 && answers < 4; i++)
        poll(NULL, 0, 10);
    assert_int_equal(answers, 4);
    expect("GET", "/alive", (sl_http_call){0}, "GET /alive x= t= body=");
}
static void answer_parked(void *arg) {
    while (nparked)
        sl_http_reply(parked[--nparked], 200, NULL, SL_S(""), NULL);
}
static void unpark(void **st) { rig_do(&R, answer_parked, NULL); }
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(methods), cmocka_unit_test(forms), cmocka_unit_test(redirects), cmocka_unit_test(statuses), cmocka_unit_test(refused_calls),
                                   cmocka_unit_test(faults),  cmocka_unit_test(https), cmocka_unit_test(lives),     cmocka_unit_test(unpark)};
    return cmocka_run_group_tests(t, up, down);
}
