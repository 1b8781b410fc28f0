#include "kit.h"
#include "../net/wire.h"
#include "net/http.h"

/* The connectors' lane is the kit's loop; the data server has a thread of its own. */
static rig Server;
static sl_http_server *server;
static sl_http_mount *mount;
static int port;
static void serve(void *arg, sl_http_req *r) { sl_mount_serve(mount, r); }
static void listen_now(void *arg) {
    mount = sl_mount_new(Server.loop);
    assert_null(sl_http_listen(Server.loop, "127.0.0.1", 0, NULL, serve, NULL, &server));
    port = sl_http_port(server);
}
static int up(void **st) {
    rig_start(&Server);
    rig_do(&Server, listen_now, NULL);
    return 0;
}
static void hang_up(void *call) { sl_http_close(server, rig_done, call); }
static int down(void **st) {
    rig_async(&Server, hang_up, NULL);
    rig_stop(&Server);
    sl_mount_free(mount);
    return 0;
}
/* Two sides at once need two beds on one loop: the second borrows the first's loop for its environment. */
static kit_t a, b;
static int begin(void **st) {
    kit_begin(&a);
    kit_begin(&b);
    a.env.http = b.env.http = mount;
    b.env.loop = a.env.loop;
    return 0;
}
static void close_kit(kit_t *k) { /* turns the shared loop */
    if (k->src) {
        k->def->source->close(k->src, kit_closed_, k);
        k->src = NULL;
        KIT_UNTIL(&a, k->closed);
    }
    if (k->sink) {
        k->closed = false;
        k->def->sink->close(k->sink, kit_closed_, k);
        k->sink = NULL;
        KIT_UNTIL(&a, k->closed);
    }
}
static int end(void **st) {
    close_kit(&b);
    close_kit(&a);
    kit_end(&b);
    kit_end(&a);
    return 0;
}
static sl_err *sink_try(kit_t *k, const sl_conn_def *def, const char *json) {
    sl_err *e;
    void *conf = kit_conf_try(k, def, SL_P_SINK, json, &e);
    k->def = def;
    if (!e)
        e = def->sink->check(conf);
    return e ? e : def->sink->open(conf, &k->env, &k->host, &k->sink);
}
static uint32_t put(kit_t *k, uint64_t seq, const char *text) {
    sl_message m = {.bytes = sl_str_of(text), .seq = seq};
    return k->def->sink->put(k->sink, &m, 1);
}
static const char *client(const char *path) {
    static char t[200];
    snprintf(t, sizeof t, "{\"addr\":\"127.0.0.1:%d\",\"path\":\"%s\",\"requestHeader\":{\"X-K\":[\"a\",\"b\"]}}", port, path);
    return t;
}
static void connected(kit_t *k) { KIT_UNTIL(&a, k->states && k->state == SL_CONN_CONNECTED); }

static void server_source(void **st) {
    kit_source(&a, &sl_conn_websocket, "{}", "/in");
    connected(&a);
    kit_ok(sink_try(&b, &sl_conn_websocket, client("/in")));
    connected(&b);
    put(&b, 1, "{\"a\":1}");
    put(&b, 2, "{\"a\":2}");
    KIT_UNTIL(&a, a.messages == 2);
    assert_string_equal(sl_buf_cstr(&a.got), "{\"a\":1}\n{\"a\":2}\n");
    assert_string_equal(sl_buf_cstr(&b.answers), "1-1 delivered\n2-2 delivered\n");
}
static void server_sink(void **st) {
    kit_ok(sink_try(&a, &sl_conn_websocket, "{\"path\":\"/out\"}"));
    connected(&a);
    put(&a, 1, "to nobody");
    KIT_UNTIL(&a, a.answered == 1);
    kit_source(&b, &sl_conn_websocket, client("/out"), "/unused");
    connected(&b);
    sl_buf raw = {0};
    int fd = dial(port); /* a second peer, by hand */
    says(fd, "GET /out HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    assert_true(hear(fd, &raw, "\r\n\r\n"));
    put(&a, 2, "two");
    KIT_UNTIL(&a, b.messages == 1);
    assert_string_equal(sl_buf_cstr(&b.got), "two\n");
    assert_true(hear(fd, &raw, "\x81\x03two"));
    close_kit(&a); /* the last user leaves: peers are told goodbye */
    hear_all(fd, &raw);
    KIT_UNTIL(&a, b.state == SL_CONN_DISCONNECTED);
    char *gone = exchange(port, "GET /out HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(gone, "404"));
    free(gone);
    close(fd);
    sl_buf_free(&raw);
}
static void both_ways(void **st) {
    kit_source(&a, &sl_conn_websocket, "{}", "/both");
    kit_ok(sink_try(&b, &sl_conn_websocket, "{\"datasource\":\"/both\"}"));
    connected(&a);
    connected(&b);
    int fd = dial(port);
    sl_buf raw = {0};
    says(fd, "GET /both HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    assert_true(hear(fd, &raw, "\r\n\r\n"));
    say(fd, "\x82\x83\0\0\0\0bin\x81\x83\0\0\0\0txt", 18); /* the binary frame is ignored */
    KIT_UNTIL(&a, a.messages == 1);
    assert_string_equal(sl_buf_cstr(&a.got), "txt\n");
    put(&b, 1, "back");
    assert_true(hear(fd, &raw,
                     "\x81\x04"
                     "back"));
    close(fd);
    sl_buf_free(&raw);
}
/* A flow that says pause: nothing is lost, it all comes after resume. */
static void paused(void **st) {
    enum { N = 5000 };
    a.stop_after = 3;
    kit_source(&a, &sl_conn_websocket, "{}", "/slow");
    connected(&a);
    kit_ok(sink_try(&b, &sl_conn_websocket, client("/slow")));
    connected(&b);
    char text[2000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    int sent = 0;
    for (int i = 0; i < 200 && sent < N; i++) { /* until the pipe is full */
        uint32_t answered = b.answered;
        put(&b, (uint64_t)sent, text);
        assert_int_equal(b.answered, answered + 1);
        sent++;
        kit_turn(&a);
    }
    uint32_t delivered = 0;
    for (const char *p = sl_buf_cstr(&b.answers); (p = strstr(p, "delivered")); p++)
        delivered++;
    a.stop_after = 0;
    sl_conn_websocket.source->resume(a.src);
    KIT_UNTIL(&a, a.messages == delivered);
}
static void redials(void **st) {
    kit_ok(sink_try(&b, &sl_conn_websocket, client("/late"))); /* nobody there yet: 404 */
    KIT_UNTIL(&a, b.states && b.state == SL_CONN_DISCONNECTED);
    put(&b, 1, "x");
    assert_string_equal(sl_buf_cstr(&b.answers), "1-1 down websocket is not connected\n");
    kit_source(&a, &sl_conn_websocket, "{}", "/late");
    connected(&b);
    put(&b, 2, "y");
    KIT_UNTIL(&a, a.messages == 1);
    close_kit(&a);
    KIT_UNTIL(&a, b.state == SL_CONN_DISCONNECTED);
    a.closed = false;
    kit_source(&a, &sl_conn_websocket, "{}", "/late");
    connected(&b);
}
static void events(void **st) {
    kit_ok(sink_try(&a, &sl_conn_sse, "{\"endpoint\":\"/ev\"}"));
    connected(&a);
    int fd = dial(port);
    sl_buf raw = {0};
    says(fd, "GET /ev HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(hear(fd, &raw, "\r\n\r\n"));
    const char *head = sl_buf_cstr(&raw);
    assert_non_null(strstr(head, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(head, "Cache-Control: no-cache\r\n"));
    assert_non_null(strstr(head, "Access-Control-Allow-Origin: *\r\n"));
    put(&a, 1, "{\"a\":1}");
    put(&a, 2, "two\nlines");
    assert_true(hear(fd, &raw, "data: {\"a\":1}\n\n"));
    assert_true(hear(fd, &raw, "data: two\ndata: lines\n\n"));
    KIT_UNTIL(&a, a.answered == 2);
    kit_ok(sink_try(&b, &sl_conn_websocket, "{\"path\":\"/ev\"}")); /* another kind on the same path */
    KIT_UNTIL(&a, b.states && b.state == SL_CONN_DISCONNECTED);
    put(&b, 1, "x");
    assert_non_null(strstr(sl_buf_cstr(&b.answers), "1-1 later "));
    close_kit(&a);
    assert_true(hear(fd, &raw, "\r\n0\r\n\r\n"));
    close(fd);
    sl_buf_free(&raw);
}
static void refusals(void **st) {
    kit_says(sink_try(&a, &sl_conn_websocket, "{}"), "property `endpoint` must start with /");
    kit_says(sink_try(&a, &sl_conn_websocket, "{\"path\":\"/x\",\"addr\":\"h\"}"), "addr 'h' is not host:port");
    kit_says(sink_try(&a, &sl_conn_websocket, "{\"path\":\"/x\",\"requestHeader\":{\"a\":\"b\"}}"), "requestHeader.a must be a list of texts");
    kit_says(sink_try(&a, &sl_conn_sse, "{\"endpoint\":\"/x\",\"datasource\":\"/y\"}"), "endpoint and datasource name different paths: /x and /y");
    kit_ok(sl_spec_lint("websocket", sl_conn_websocket.props, sl_conn_websocket.conf_size));
    kit_ok(sl_spec_lint("sse", sl_conn_sse.props, sl_conn_sse.conf_size));
}
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void) {
    const struct CMUnitTest t[] = {T(server_source), T(server_sink), T(both_ways), T(paused), T(redials), T(events), T(refusals)};
    return cmocka_run_group_tests(t, up, down);
}
