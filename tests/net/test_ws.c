#include "kit.h"
#include <stdatomic.h>
#include "net/http.h"
#include "wire.h"

static rig R;
static sl_http_server *server;
static int port;
static sl_ws *last;
static atomic_int opened, closed_n;

static void on_message(void *arg, sl_ws *w, sl_str bytes, bool text) {
    if (sl_str_is(bytes, "close me")) {
        sl_ws_close(w);
        closed_n++;
        return;
    }
    sl_buf b = {0};
    sl_buf_printf(&b, "%s:%zu:", text ? "text" : "bin", bytes.n);
    sl_buf_put(&b, bytes.p, bytes.n < 20 ? bytes.n : 20);
    sl_ws_send(w, sl_buf_view(&b), text);
    sl_buf_free(&b);
}
static void on_closed(void *arg, sl_ws *w) { closed_n++; }
static void handler(void *arg, sl_http_req *r) {
    static const sl_ws_ops ops = {on_message, on_closed};
    if (strcmp(r->path, "/no") == 0) {
        sl_http_reply(r, 403, NULL, SL_S("no"), NULL);
        return;
    }
    if (!sl_ws_wanted(r)) {
        sl_http_reply(r, 200, NULL, SL_S("plain"), NULL);
        return;
    }
    sl_ws *w = sl_ws_accept(r, &ops, NULL);
    if (w) {
        last = w;
        opened++;
    }
}
static void listen_now(void *arg) {
    sl_http_opts o = {.idle_ms = 500};
    assert_null(sl_http_listen(R.loop, "127.0.0.1", 0, &o, handler, NULL, &server));
    port = sl_http_port(server);
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
    return 0;
}
#define SHAKE                                                                                                                                                                      \
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                                      \
    "Sec-WebSocket-Version: 13\r\n\r\n"
/* A masked client frame. */
static void frame(sl_buf *b, int opcode, bool fin, const char *p, size_t n) {
    static const unsigned char mask[4] = {1, 2, 3, 4};
    sl_buf_putc(b, (char)((fin ? 0x80 : 0) | opcode));
    if (n < 126)
        sl_buf_putc(b, (char)(0x80 | n));
    else if (n < 65536) {
        sl_buf_putc(b, (char)(0x80 | 126));
        sl_buf_putc(b, (char)(n >> 8));
        sl_buf_putc(b, (char)n);
    } else {
        sl_buf_putc(b, (char)(0x80 | 127));
        for (int i = 7; i >= 0; i--)
            sl_buf_putc(b, (char)((uint64_t)n >> (8 * i)));
    }
    sl_buf_put(b, mask, 4);
    for (size_t i = 0; i < n; i++)
        sl_buf_putc(b, (char)(p[i] ^ mask[i & 3]));
}
static int shake(sl_buf *b) {
    int fd = dial(port);
    says(fd, SHAKE);
    assert_true(hear(fd, b, "\r\n\r\n"));
    return fd;
}
static void until(atomic_int *n, int want) {
    for (int i = 0; i < 2000 && atomic_load(n) < want; i++)
        poll(NULL, 0, 10);
    assert_true(atomic_load(n) >= want);
}
static void handshake(void **st) {
    sl_buf b = {0};
    int fd = shake(&b);
    assert_non_null(strstr(sl_buf_cstr(&b), "HTTP/1.1 101 Switching Protocols\r\n"));
    assert_non_null(strstr(sl_buf_cstr(&b), "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")); /* RFC 6455's own example */
    close(fd);
    sl_buf_free(&b);
    char *a = exchange(port, "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n");
    assert_int_equal(strncmp(a, "HTTP/1.1 400", 12), 0);
    free(a);
}
static void messages(void **st) {
    sl_buf b = {0}, q = {0};
    int fd = dial(port); /* frames right behind the handshake, in one write */
    sl_buf_puts(&q, SHAKE);
    frame(&q, 1, true, "hello", 5);
    frame(&q, 1, false, "two ", 4);
    frame(&q, 9, true, "ping", 4);
    frame(&q, 0, true, "parts", 5);
    frame(&q, 2, true, "\0\1\2", 3);
    char *big = malloc(200000);
    memset(big, 'b', 200000);
    frame(&q, 1, true, big, 200000);
    say(fd, q.p, q.n);
    assert_true(hear(fd, &b, "text:200000:bbbb"));
    sl_str all = sl_buf_view(&b);
    assert_true(sl_str_find(all, SL_S("\x81\x0ctext:5:hello")) > 0);
    assert_true(sl_str_find(all, SL_S("\x8a\x04ping")) > 0);
    assert_true(sl_str_find(all, SL_S("text:9:two parts")) > 0);
    assert_true(sl_str_find(all,
                            SL_S("\x82\x09"
                                 "bin:3:\0\1\2")) > 0);
    int before = closed_n;
    sl_buf_clear(&q);
    sl_buf_clear(&b);
    frame(&q, 8, true, "\x03\xe8", 2);
    say(fd, q.p, q.n);
    assert_false(hear(fd, &b, "never"));
    assert_true(b.n >= 4 && memcmp(b.p, "\x88\x02\x03\xe8", 4) == 0);
    until(&closed_n, before + 1);
    close(fd);
    free(big);
    sl_buf_free(&b);
    sl_buf_free(&q);
}
/* Whatever a peer does, the owner hears of the end exactly once and the server lives. */
static void bad_peers(void **st) {
    static const char unmasked[] = "\x81\x05hello", reserved[] = "\xf1\x80\1\2\3\4", utf8[] = "\x81\x82\0\0\0\0\xc3\x28",
                      huge[] = "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x";
    const struct {
        const char *p;
        size_t n;
    } bad[] = {{unmasked, 7}, {reserved, 6}, {utf8, 8}, {huge, 15}, {NULL, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sl_buf b = {0};
        int before = closed_n, fd = shake(&b);
        say(fd, bad[i].p, bad[i].n);
        if (bad[i].p)
            hear_all(fd, &b);
        close(fd);
        until(&closed_n, before + 1);
        sl_buf_free(&b);
    }
    char *a = exchange(port, "GET / HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(a, "plain"));
    free(a);
}
static void owner_closes(void **st) {
    sl_buf b = {0}, q = {0};
    int before = closed_n, fd = shake(&b);
    frame(&q, 1, true, "close me", 8);
    frame(&q, 1, true, "after", 5);
    say(fd, q.p, q.n);
    hear_all(fd, &b);
    assert_true(sl_str_find(sl_buf_view(&b), SL_S("\x88\x02\x03\xe9")) > 0);
    assert_true(sl_str_find(sl_buf_view(&b), SL_S("after")) < 0);
    until(&closed_n, before + 1);
    close(fd);
    sl_buf_free(&b);
    sl_buf_free(&q);
}
static int dropped;
static void flood(void *arg) {
    char *p = calloc(1, 65536);
    for (int i = 0; i < 400; i++)
        dropped += !sl_ws_send(last, sl_str_n(p, 65536), false);
    free(p);
}
static void slow_peer(void **st) {
    sl_buf b = {0};
    int before = closed_n, was = opened, fd = shake(&b);
    until(&opened, was + 1);
    rig_do(&R, flood, NULL);
    assert_true(dropped > 100);
    until(&closed_n, before + 1);
    close(fd);
    sl_buf_free(&b);
}
/* ---- the dialling side, against our own server ---- */
static sl_ws *mine;
static sl_buf heard;
static atomic_int c_opened, c_closed, c_messages;
static char c_why[200];
static void c_open(void *arg, sl_ws *w) {
    c_opened++;
    sl_ws_send(w, SL_S("hello"), true);
}
static void c_message(void *arg, sl_ws *w, sl_str bytes, bool text) {
    sl_buf_printf(&heard, "[%.*s]", SL_FMT(bytes));
    c_messages++;
}
static void c_close(void *arg, sl_ws *w) {
    snprintf(c_why, sizeof c_why, "%s", sl_ws_why(w));
    mine = NULL;
    c_closed++;
}
static const char *dial_path;
static int dial_port;
static void dial_now(void *arg) {
    static const sl_ws_ops ops = {c_message, c_close, c_open};
    sl_http_header h = {SL_S("X-Own"), SL_S("1")};
    sl_ws_dial d = {.host = "127.0.0.1", .port = dial_port, .path = sl_str_of(dial_path), .headers = &h, .nheaders = 1, .timeout_ms = 5000};
    sl_err *e = sl_ws_open(R.loop, &d, &ops, NULL, &mine);
    if (e)
        fail_msg("%s", sl_err_text(e));
}
static void say_close(void *arg) { sl_ws_send(mine, SL_S("close me"), true); }
static void say_big(void *arg) {
    char *p = calloc(1, 300000);
    assert_true(sl_ws_send(mine, sl_str_n(p, 300000), false));
    free(p);
}
static void close_mine(void *arg) {
    sl_ws_close(mine);
    mine = NULL;
}
static void dialled(void **st) {
    dial_port = port;
    dial_path = "/ws?x=1";
    rig_do(&R, dial_now, NULL);
    until(&c_messages, 1);
    rig_do(&R, say_big, NULL);
    until(&c_messages, 2);
    assert_int_equal(strncmp(sl_buf_cstr(&heard), "[text:5:hello][bin:300000:", 26), 0);
    rig_do(&R, say_close, NULL); /* the server says goodbye */
    until(&c_closed, 1);
    rig_do(&R, dial_now, NULL);
    until(&c_messages, 3);
    int before = closed_n;
    rig_do(&R, close_mine, NULL); /* we do */
    until(&closed_n, before + 1);
    assert_int_equal(c_closed, 1);
    rig_do(&R, dial_now, NULL);
    rig_do(&R, close_mine, NULL); /* perhaps before it was connected */
    assert_int_equal(c_closed, 1);
    dial_path = "/no";
    rig_do(&R, dial_now, NULL);
    until(&c_closed, 2);
    assert_string_equal(c_why, "WebSocket handshake failed: HTTP/1.1 403 Forbidden");
    dial_port = 1;
    rig_do(&R, dial_now, NULL);
    until(&c_closed, 3);
    assert_non_null(strstr(c_why, "connection refused"));
    sl_buf_free(&heard);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(handshake),    cmocka_unit_test(messages),  cmocka_unit_test(bad_peers),
                                   cmocka_unit_test(owner_closes), cmocka_unit_test(slow_peer), cmocka_unit_test(dialled)};
    return cmocka_run_group_tests(t, up, down);
}
