#include "kit.h"
#include "net/http.h"

/* The peer lives on the kit's loop and answers from a script. */
static kit_t k;
static sl_http_server *server;
static int port;
static const char *script[8];
static int at, status_of[8];
static sl_buf seen;
static const char *extra;

static void handler(void *arg, sl_http_req *r) {
    sl_str v;
    if (strcmp(r->path, "/token") == 0) {
        sl_http_reply(r, 200, "application/json", SL_S("{\"t\":\"secret\"}"), NULL);
        return;
    }
    sl_buf_printf(&seen, "<%.*s %.*s", SL_FMT(r->method), SL_FMT(r->target));
    if (sl_http_header_get(r, "content-type", &v))
        sl_buf_printf(&seen, " %.*s", SL_FMT(v));
    if (sl_http_header_get(r, "authorization", &v))
        sl_buf_printf(&seen, " auth=%.*s", SL_FMT(v));
    sl_buf_printf(&seen, " %.*s>", SL_FMT(r->body));
    const char *text = script[at] ? script[at] : "{\"end\":true}";
    sl_http_reply(r, status_of[at] ? status_of[at] : 200, "application/json", sl_str_of(text), extra);
    if (script[at])
        at++;
}
static int begin(void **st) {
    kit_begin(&k);
    k.env.private_net = true;
    memset(script, 0, sizeof script);
    memset(status_of, 0, sizeof status_of);
    at = 0;
    extra = NULL;
    kit_ok(sl_http_listen(k.loop, "127.0.0.1", 0, NULL, handler, NULL, &server));
    port = sl_http_port(server);
    return 0;
}
static void gone(void *arg) { server = NULL; }
static int end(void **st) {
    kit_close_source(&k);
    sl_http_close(server, gone, NULL);
    KIT_UNTIL(&k, !server);
    kit_end(&k);
    sl_buf_free(&seen);
    return 0;
}
static const char *props(const char *more) {
    static char b[700];
    snprintf(b, sizeof b, "{\"url\":\"http://127.0.0.1:%d\",\"interval\":20%s%s}", port, more ? "," : "", more ? more : "");
    return b;
}
static bool got(const char *text) { return k.got.n && strstr(sl_buf_cstr(&k.got), text); }

static void polls(void **st) {
    script[0] = "{\"n\":1}", script[1] = "[{\"n\":2},{\"n\":3}]", script[2] = "no", status_of[2] = 500, script[3] = "notjson", script[4] = "{\"n\":4}";
    kit_source(&k, &sl_conn_httppull, props(NULL), "/poll?x=1");
    KIT_UNTIL(&k, got("\"end\""));
    const char *want = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"end\":true}\n";
    assert_int_equal(strncmp(sl_buf_cstr(&k.got), want, strlen(want)), 0);
    assert_int_equal(k.nerrors, 2);
    assert_int_equal(strncmp(sl_buf_cstr(&k.errors), "response code error: 500\n", 25), 0);
    assert_int_equal(strncmp(sl_buf_cstr(&seen), "<GET /poll?x=1 ><GET /poll?x=1 >", 32), 0);
    assert_int_equal(k.state, SL_CONN_CONNECTED);
}
static void posts_with_token(void **st) {
    char more[400];
    snprintf(more, sizeof more,
             "\"method\":\"post\",\"body\":\"{\\\"k\\\":\\\"{{.t}}\\\"}\",\"headers\":{\"Authorization\":\"Bearer "
             "{{.t}}\"},\"oauth\":{\"access\":{\"url\":\"http://127.0.0.1:%d/token\"}}",
             port);
    kit_source(&k, &sl_conn_httppull, props(more), "");
    KIT_UNTIL(&k, got("\"end\""));
    assert_int_equal(strncmp(sl_buf_cstr(&seen), "<POST / application/json auth=Bearer secret {\"k\":\"secret\"}>", 57), 0);
}
static void only_news(void **st) {
    script[0] = script[1] = script[2] = "{\"n\":1}", script[3] = "{\"n\":2}", script[4] = "{\"n\":1}";
    kit_source(&k, &sl_conn_httppull, props("\"incremental\":true"), "");
    KIT_UNTIL(&k, got("\"end\""));
    assert_string_equal(sl_buf_cstr(&k.got), "{\"n\":1}\n{\"n\":2}\n{\"n\":1}\n{\"end\":true}\n");
}
static void states(void **st) {
    script[0] = "{\"since\":7,\"other\":1}", script[1] = "[{\"since\":8},{\"since\":9}]";
    kit_source(&k, &sl_conn_httppull, props("\"states\":{\"since\":0}"), "/a?s={{.since}}");
    KIT_UNTIL(&k, got("\"end\""));
    assert_int_equal(strncmp(sl_buf_cstr(&seen), "<GET /a?s=0 ><GET /a?s=7 ><GET /a?s=9 >", 39), 0);
    sl_buf pos = {0};
    assert_true(sl_conn_httppull.source->position(k.src, k.pos, &pos));
    assert_string_equal(sl_buf_cstr(&pos), "{\"since\":9}");
    kit_close_source(&k);
    sl_buf_clear(&seen);
    kit_ok(kit_source_try(&k, &sl_conn_httppull, props("\"states\":{\"since\":0}"), "/a?s={{.since}}", sl_buf_cstr(&pos)));
    KIT_UNTIL(&k, seen.n > 0);
    assert_int_equal(strncmp(sl_buf_cstr(&seen), "<GET /a?s=9 >", 13), 0);
    sl_buf_free(&pos);
}
static void body_code(void **st) {
    script[0] = "{\"code\":500,\"n\":1}", script[1] = "{\"code\":200,\"n\":2}", script[2] = "[{\"code\":200},{\"n\":3}]", script[3] = "{\"code\":299,\"n\":4}";
    kit_source(&k, &sl_conn_httppull, props("\"responseType\":\"body\""), "");
    KIT_UNTIL(&k, got("\"n\":4"));
    assert_string_equal(sl_buf_cstr(&k.got), "{\"code\":200,\"n\":2}\n{\"code\":299,\"n\":4}\n");
    assert_true(k.nerrors >= 2);
}
static void compressed(void **st) {
    kit_source(&k, &sl_conn_httppull, props("\"compression\":\"gzip\""), "");
    KIT_UNTIL(&k, k.nerrors > 0); /* the answer names no Content-Encoding */
    assert_non_null(strstr(sl_buf_cstr(&k.errors), "Content-Encoding"));
}
static void once_and_pause(void **st) {
    char p[100];
    snprintf(p, sizeof p, "{\"url\":\"http://127.0.0.1:%d\",\"interval\":0}", port);
    kit_source(&k, &sl_conn_httppull, p, "/once");
    KIT_UNTIL(&k, k.messages == 1);
    for (int i = 0; i < 5; i++)
        uv_run(sl_loop_uv(k.loop), UV_RUN_ONCE);
    assert_string_equal(sl_buf_cstr(&seen), "<GET /once >");
    kit_close_source(&k);
    k.stop_after = 2; /* the flow says pause at the second message */
    kit_source(&k, &sl_conn_httppull, props(NULL), "");
    KIT_UNTIL(&k, k.messages == 2);
    for (int i = 0; i < 8; i++) /* ticks go by */
        uv_run(sl_loop_uv(k.loop), UV_RUN_ONCE);
    assert_int_equal(k.messages, 2);
    k.stop_after = 0;
    sl_conn_httppull.source->resume(k.src);
    KIT_UNTIL(&k, k.messages >= 4);
}
static void away(void **st) {
    kit_source(&k, &sl_conn_httppull, "{\"url\":\"http://127.0.0.1:1\",\"interval\":\"20ms\"}", "/x");
    KIT_UNTIL(&k, k.nerrors >= 2);
    assert_int_equal(k.state, SL_CONN_DISCONNECTED);
    kit_close_source(&k);
    k.env.private_net = false;
    kit_source(&k, &sl_conn_httppull, props(NULL), "/x");
    KIT_UNTIL(&k, k.nerrors && strstr(sl_buf_cstr(&k.errors), "ip 127.0.0.1 is in internal network"));
}
static void refusals(void **st) {
    kit_says(kit_source_try(&k, &sl_conn_httppull, "{\"method\":\"patch\"}", "", ""), "Not supported HTTP method patch.");
    kit_says(kit_source_try(&k, &sl_conn_httppull, "{\"timeout\":-1}", "", ""), "timeout must be greater than or equal to 0");
    kit_says(kit_source_try(&k, &sl_conn_httppull, "{\"url\":\"http://h/{{nofn .a}}\"}", "", ""), "template: sink:1: function \"nofn\" not defined");
    kit_says(kit_source_try(&k, &sl_conn_httppull, "{\"compression\":\"lzma\"}", "", ""), "compression lzma is not supported, expected gzip, zlib, flate or zstd");
    kit_ok(sl_spec_lint("httppull", sl_conn_httppull.props, sl_conn_httppull.conf_size));
}
/* ---- lookup ---- */
static sl_value found;
static bool looked;
static void on_rows(void *arg, sl_value rows) {
    found = rows;
    looked = true;
}
static void looks_up(void **st) {
    sl_err *e;
    sl_lookup *l;
    void *conf = kit_conf_try(&k, &sl_conn_httppull, SL_P_LOOKUP, props(NULL), &e);
    kit_ok(e);
    kit_ok(sl_conn_httppull.lookup->open(conf, SL_S("/t"), &k.env, &l));
    script[0] = "[{\"id\":1,\"v\":\"a\"},{\"id\":2,\"v\":\"b\"},{\"id\":1,\"v\":\"c\"},7]", script[1] = "[]", status_of[2] = 404, script[2] = "x";
    sl_str col = SL_S("id");
    sl_value one = sl_v_int(1);
    const char *want[] = {"[{\"id\":1,\"v\":\"a\"},{\"id\":1,\"v\":\"c\"}]", "[]", NULL};
    for (int i = 0; i < 3; i++) {
        looked = false;
        sl_conn_httppull.lookup->look(l, k.a, &col, &one, 1, on_rows, NULL);
        KIT_UNTIL(&k, looked);
        if (!want[i]) {
            assert_int_equal(found.kind, SL_ERROR);
            assert_true(sl_str_is(sl_v_text(found), "response code error: 404"));
            continue;
        }
        sl_buf b = {0};
        sl_str why;
        assert_true(sl_json_put(&b, found, &why));
        assert_string_equal(sl_buf_cstr(&b), want[i]);
        sl_buf_free(&b);
    }
    looked = false;
    sl_conn_httppull.lookup->look(l, k.a, &col, &one, 1, on_rows, NULL);
    k.closed = false;
    sl_conn_httppull.lookup->close(l, kit_closed_, &k); /* with a look under way: answered, then closed */
    KIT_UNTIL(&k, k.closed);
    assert_true(looked);
    assert_int_equal(found.kind, SL_ERROR);
}
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void) {
    const struct CMUnitTest t[] = {T(polls), T(posts_with_token), T(only_news), T(states), T(body_code), T(compressed), T(once_and_pause), T(away), T(refusals), T(looks_up)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
