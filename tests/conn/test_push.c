#include "kit.h"
#include <stdatomic.h>
#include "../net/wire.h"
#include "conn/conn.h"
#include "net/http.h"

static rig Lane, Server;
static sl_http_server *server;
static sl_http_mount *mount;
static int port;

/* ---- a flow that only writes down what came ---- */
typedef struct flow {
    sl_source_out out;
    sl_source *src;
    sl_buf got; /* lane; read while it is quiet */
    atomic_int count, drained, connected, errors;
    bool refuse;
    uint64_t last;
    bool lasts;
    int64_t buffer;
    const char *path, *method;
    sl_err *e;
    struct {
        sl_str method;
        int64_t buffer;
    } conf;
} flow;
static bool on_bytes(sl_source_out *o, const sl_packet *p) {
    flow *f = (flow *)o;
    sl_buf_printf(&f->got, "[%.*s]", SL_FMT(p->bytes));
    assert_true(p->pos > f->last);
    f->last = p->pos;
    f->count++;
    return !f->refuse;
}
static void on_drained(sl_source_out *o) { ((flow *)o)->drained++; }
static void on_error(sl_source_out *o, sl_str text) { ((flow *)o)->errors++; }
static void on_state(sl_source_out *o, sl_conn_state s, sl_str why) { ((flow *)o)->connected += s == SL_CONN_CONNECTED; }
static void open_now(void *arg) {
    flow *f = arg;
    sl_conn_env env = {.loop = Lane.loop, .rule_id = "r1", .op_name = "demo", .http = mount, .lasts = f->lasts};
    f->out = (sl_source_out){.bytes = on_bytes, .drained = on_drained, .error = on_error, .state = on_state};
    f->conf.method = sl_str_of(f->method ? f->method : "POST");
    f->conf.buffer = f->buffer;
    assert_int_equal(sl_conn_httppush.conf_size, sizeof f->conf);
    f->e = sl_conn_httppush.source->open(&f->conf, sl_str_of(f->path), &env, &f->out, SL_S(""), &f->src);
}
static void until(atomic_int *n, int want) {
    for (int i = 0; i < 2000 && atomic_load(n) < want; i++)
        poll(NULL, 0, 10);
    assert_true(atomic_load(n) >= want);
}
static void start(flow *f) {
    rig_do(&Lane, open_now, f);
    assert_null(f->e);
    until(&f->connected, 1);
}
static void close_now(void *call) { sl_conn_httppush.source->close(((flow *)((rig_call *)call)->arg)->src, rig_done, call); }
static void stop(flow *f) {
    rig_async(&Lane, close_now, f);
    sl_buf_free(&f->got);
}
static void commit_now(void *arg) {
    flow *f = arg;
    sl_conn_httppush.source->commit(f->src, f->last);
}
static void resume_now(void *arg) {
    flow *f = arg;
    f->refuse = false;
    sl_conn_httppush.source->resume(f->src);
}

static void serve(void *arg, sl_http_req *r) { sl_mount_serve(mount, r); }
static void listen_now(void *arg) {
    mount = sl_mount_new(Server.loop);
    assert_null(sl_http_listen(Server.loop, "127.0.0.1", 0, NULL, serve, NULL, &server));
    port = sl_http_port(server);
}
static int up(void **st) {
    rig_start(&Lane);
    rig_start(&Server);
    rig_do(&Server, listen_now, NULL);
    return 0;
}
static void hang_up(void *call) { sl_http_close(server, rig_done, call); }
static int down(void **st) {
    rig_async(&Server, hang_up, NULL);
    rig_stop(&Lane);
    rig_stop(&Server);
    sl_mount_free(mount);
    return 0;
}
static int post(const char *method, const char *path, const char *body) {
    int fd = dial(port);
    char q[300];
    snprintf(q, sizeof q, "%s %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", method, path, strlen(body), body);
    says(fd, q);
    return fd;
}
static void expect_fd(int fd, const char *status, const char *text) {
    sl_buf b = {0};
    const char *a = hear_all(fd, &b);
    if (strncmp(a + 9, status, 3) != 0 || !strstr(a, text))
        fail_msg("expected %s %s, got %s", status, text, a);
    sl_buf_free(&b);
    close(fd);
}
static void expect(const char *method, const char *path, const char *body, const char *status, const char *text) { expect_fd(post(method, path, body), status, text); }

static void takes(void **st) {
    flow f = {.path = "/in"};
    start(&f);
    expect("POST", "/in", "{\"a\":1}", "200", "Content-Type: text/plain; charset=utf-8\r\n");
    expect("POST", "/in", "{\"a\":2}", "200", "\r\n\r\nok");
    assert_int_equal(f.count, 2); /* ok is said after it was taken */
    assert_string_equal(sl_buf_cstr(&f.got), "[{\"a\":1}][{\"a\":2}]");
    until(&f.drained, 1);
    expect("PUT", "/in", "x", "405", "");
    expect("POST", "/other", "x", "404", "404 page not found\n");
    stop(&f);
    expect("POST", "/in", "x", "404", "");
}
static void shared_path(void **st) {
    flow a = {.path = "/both"}, b = {.path = "/both"}, c = {.path = "/both", .method = "PUT"};
    start(&a);
    start(&b);
    start(&c);
    expect("POST", "/both", "1", "200", "ok");
    assert_string_equal(sl_buf_cstr(&a.got), "[1]");
    assert_string_equal(sl_buf_cstr(&b.got), "[1]");
    assert_int_equal(c.count, 0);
    stop(&a);
    expect("POST", "/both", "2", "200", "ok");
    assert_string_equal(sl_buf_cstr(&b.got), "[1][2]");
    stop(&b);
    expect("PUT", "/both", "3", "200", "ok");
    assert_string_equal(sl_buf_cstr(&c.got), "[3]");
    stop(&c);
}
static void settled(void **st) {
    flow f = {.path = "/q1", .lasts = true}, g = {.path = "/q1"};
    start(&f);
    start(&g);
    int one = post("POST", "/q1", "1"), two;
    until(&f.count, 1);
    two = post("POST", "/q1", "2");
    until(&f.count, 2);
    until(&g.count, 2);
    struct pollfd p = {.fd = one, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 50), 0); /* taken, not settled: no answer yet */
    rig_do(&Lane, commit_now, &f);
    expect_fd(one, "200", "ok");
    expect_fd(two, "200", "ok");
    int three = post("POST", "/q1", "3");
    until(&f.count, 3);
    stop(&f); /* never settled: the client must come again */
    expect_fd(three, "503", "Retry-After: 1\r\n");
    stop(&g);
}
static void gone_client(void **st) {
    flow f = {.path = "/gone", .lasts = true};
    start(&f);
    for (int i = 0; i < 5; i++) {
        close(post("POST", "/gone", "x"));
        until(&f.count, i + 1);
    }
    rig_do(&Lane, commit_now, &f);
    expect("POST", "/else", "x", "404", "");
    stop(&f);
}
static void behind(void **st) {
    flow f = {.path = "/slow", .refuse = true}, g = {.path = "/slow"};
    start(&f);
    start(&g);
    expect("POST", "/slow", "1", "200", "ok"); /* taken, and please no more */
    expect("POST", "/slow", "2", "503", "Retry-After: 1\r\n");
    assert_int_equal(g.count, 1); /* refused before anybody got it */
    rig_do(&Lane, resume_now, &f);
    expect("POST", "/slow", "2", "200", "ok");
    assert_string_equal(sl_buf_cstr(&f.got), "[1][2]");
    stop(&f);
    stop(&g);
}
/* The lane is busy: what is beyond the limit hears 429, the rest is answered when the lane is back. */
static pthread_mutex_t jam = PTHREAD_MUTEX_INITIALIZER;
static void jam_now(void *arg) {
    pthread_mutex_lock(&jam);
    pthread_mutex_unlock(&jam);
}
static void limit(void **st) {
    flow f = {.path = "/lim", .buffer = 3};
    start(&f);
    pthread_mutex_lock(&jam);
    assert_true(sl_post(Lane.loop, jam_now, NULL));
    int fd[8], busy = 0, fine = 0;
    for (int i = 0; i < 8; i++)
        fd[i] = post("POST", "/lim", "x");
    struct pollfd p[8];
    for (int i = 0; i < 8; i++)
        p[i] = (struct pollfd){.fd = fd[i], .events = POLLIN};
    while (busy < 5 && poll(p, 8, 10000) > 0) /* an answered one is not asked again: the poll waits for news */
        for (int i = 0; i < 8; i++)
            if (p[i].fd >= 0 && p[i].revents & POLLIN) {
                p[i].fd = -1;
                busy++;
            }
    pthread_mutex_unlock(&jam);
    assert_int_equal(busy, 5);
    busy = 0;
    for (int i = 0; i < 8; i++) {
        sl_buf b = {0};
        const char *a = hear_all(fd[i], &b);
        busy += strstr(a, "429 Too Many Requests") && strstr(a, "Retry-After");
        fine += strstr(a, "200 OK") != NULL;
        sl_buf_free(&b);
        close(fd[i]);
    }
    assert_int_equal(busy, 5);
    assert_int_equal(fine, 3);
    assert_int_equal(f.count, 3);
    stop(&f);
}
static void refusals(void **st) {
    flow f = {.path = "in"}, g = {.path = "/in", .method = "GET"};
    rig_do(&Lane, open_now, &f);
    assert_non_null(f.e);
    assert_string_equal(sl_err_text(f.e), "property `endpoint` must start with /");
    sl_err_free(f.e);
    rig_do(&Lane, open_now, &g);
    assert_non_null(g.e);
    sl_err_free(g.e);
    sl_err *e = sl_spec_lint("httppush", sl_conn_httppush.props, sl_conn_httppush.conf_size);
    if (e)
        fail_msg("%s", sl_err_text(e));
}
static void foreign(void *arg, sl_http_req *r) { sl_http_reply(r, 200, NULL, SL_S("mine"), NULL); }
static void taken_path(void **st) {
    assert_null(sl_mount_add(mount, SL_S("POST"), SL_S("/mine"), foreign, NULL));
    flow f = {.path = "/mine"};
    rig_do(&Lane, open_now, &f);
    assert_null(f.e);
    until(&f.errors, 1);
    expect("POST", "/mine", "x", "200", "mine");
    stop(&f);
    sl_mount_del(mount, SL_S("POST"), SL_S("/mine"));
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(takes),  cmocka_unit_test(shared_path), cmocka_unit_test(settled),  cmocka_unit_test(gone_client),
                                   cmocka_unit_test(behind), cmocka_unit_test(limit),       cmocka_unit_test(refusals), cmocka_unit_test(taken_path)};
    return cmocka_run_group_tests(t, up, down);
}
