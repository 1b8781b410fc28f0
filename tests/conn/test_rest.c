#include "kit.h"
#include <stdatomic.h>
#include "../net/wire.h"
#include "conn/conn.h"
#include "net/http.h"

static rig R;
static sl_http_server *server;
static int port;

/* ---- the peer: writes down requests, answers what it was told ---- */
static sl_buf seen; /* loop */
static int status_now = 200, tokens;
static sl_http_req *parked;
static bool park;
static void note(sl_http_req *r, const char *header) {
    sl_str v;
    if (sl_http_header_get(r, header, &v))
        sl_buf_printf(&seen, " %s=%.*s", header, SL_FMT(v));
}
static void handler(void *arg, sl_http_req *r) {
    if (strcmp(r->path, "/token") == 0 || strcmp(r->path, "/refresh") == 0) {
        char t[100];
        sl_buf_printf(&seen, "<%s", r->path);
        note(r, "content-type");
        note(r, "x-old");
        sl_buf_printf(&seen, " %.*s>", SL_FMT(r->body));
        int n = snprintf(t, sizeof t, "{\"access\":{\"token\":\"T%d\"},\"n\":%d}", tokens + 1, tokens + 1);
        tokens++;
        sl_http_reply(r, 200, "application/json", sl_str_n(t, (size_t)n), NULL);
        return;
    }
    sl_buf_printf(&seen, "<%.*s %.*s", SL_FMT(r->method), SL_FMT(r->target));
    note(r, "content-type");
    note(r, "content-encoding");
    note(r, "x-a");
    note(r, "authorization");
    sl_part parts[4];
    uint32_t n;
    if (sl_multipart(r, parts, 4, &n))
        for (uint32_t i = 0; i < n; i++)
            sl_buf_printf(&seen, " [%.*s %s %.*s]", SL_FMT(parts[i].name), parts[i].filename.n ? "file" : "-", SL_FMT(parts[i].body));
    else
        sl_buf_printf(&seen, " %.*s", SL_FMT(r->body));
    sl_buf_puts(&seen, ">");
    if (park) {
        parked = r;
        return;
    }
    sl_http_reply(r, status_now, "application/json", SL_S("{\"code\":200}"), NULL);
}
static void listen_now(void *arg) {
    assert_null(sl_http_listen(R.loop, "127.0.0.1", 0, NULL, handler, NULL, &server));
    port = sl_http_port(server);
}
static int up(void **st) {
    rig_start(&R);
    rig_do(&R, listen_now, NULL);
    return 0;
}
static void hang_up(void *call) { sl_http_close(server, rig_done, call); }
static int down(void **st) {
    rig_async(&R, hang_up, NULL);
    rig_stop(&R);
    sl_buf_free(&seen);
    return 0;
}

/* ---- a flow's side ---- */
typedef struct side {
    sl_sink_host host;
    sl_sink *sink;
    sl_arena *a;
    void *conf;
    sl_err *e;
    bool guard;
    sl_buf answers; /* loop */
    atomic_int count, ready, connected;
    sl_message m[8];
    uint32_t n, taken;
    const char *props;
} side;
static void on_answer(sl_sink_host *h, uint64_t first, uint64_t last, sl_answer a, sl_str why) {
    side *s = (side *)h;
    static const char *const names[] = {"delivered", "later", "bad", "down"};
    assert_true(first == last);
    sl_buf_printf(&s->answers, "%d:%s%s%.*s;", (int)first, names[a], why.n ? " " : "", SL_FMT(why));
    s->count++;
}
static void on_ready(sl_sink_host *h) {
    side *s = (side *)h;
    s->ready++;
    if (s->taken < s->n)
        s->taken += sl_conn_rest.sink->put(s->sink, s->m + s->taken, s->n - s->taken);
}
static void on_state(sl_sink_host *h, sl_conn_state st, sl_str why) { ((side *)h)->connected += st == SL_CONN_CONNECTED; }
static void open_now(void *arg) {
    side *s = arg;
    char text[2000];
    const char *in = s->props;
    size_t o = 0;
    for (; *in && o + 16 < sizeof text; in++) /* $ = the peer's port */
        o += (size_t)(*in == '$' ? snprintf(text + o, 16, "%d", port) : (text[o] = *in, 1));
    s->host = (sl_sink_host){on_answer, on_state, on_ready};
    s->a = sl_arena_new(0);
    sl_json *j;
    sl_err *e = sl_json_parse(s->a, sl_arena_dup(s->a, sl_str_n(text, o)), &j, NULL);
    if (e)
        fail_msg("%s", sl_err_text(e));
    s->conf = sl_arena_zero(s->a, sl_conn_rest.conf_size);
    s->e = sl_spec_load(sl_conn_rest.props, SL_P_SINK, j, s->a, s->conf, NULL);
    sl_conn_env env = {.loop = R.loop, .rule_id = "r1", .op_name = "rest_0", .home = "/tmp", .private_net = !s->guard};
    if (!s->e)
        s->e = sl_conn_rest.sink->open(s->conf, &env, &s->host, &s->sink);
}
static void start(side *s, const char *props) {
    s->props = props;
    rig_do(&R, open_now, s);
    if (s->e)
        fail_msg("%s", sl_err_text(s->e));
}
static void put_now(void *arg) {
    side *s = arg;
    s->taken += sl_conn_rest.sink->put(s->sink, s->m + s->taken, s->n - s->taken);
}
static void until(atomic_int *n, int want) {
    for (int i = 0; i < 2000 && atomic_load(n) < want; i++)
        poll(NULL, 0, 10);
    assert_true(atomic_load(n) >= want);
}
static void send_all(side *s) {
    int before = s->count;
    rig_do(&R, put_now, s);
    until(&s->count, before + (int)s->n);
}
static void send_one(side *s, const char *bytes, const sl_str *props) {
    s->m[0] = (sl_message){.bytes = sl_str_of(bytes), .seq = s->m[0].seq + 1, .props = props};
    s->n = 1;
    s->taken = 0;
    send_all(s);
}
static void close_now(void *call) { sl_conn_rest.sink->close(((side *)((rig_call *)call)->arg)->sink, rig_done, call); }
static void stop(side *s) {
    rig_async(&R, close_now, s);
    sl_buf_free(&s->answers);
    sl_arena_free(s->a);
}
static void seen_is(const char *want) {
    assert_string_equal(sl_buf_cstr(&seen), want); /* quiet: every request was answered */
    sl_buf_clear(&seen);
}
static void bodies(void **st) {
    static const struct {
        const char *props, *want;
    } all[] = {
        {"{\"url\":\"http://127.0.0.1:$/o\",\"method\":\"post\",\"bodyType\":\"json\"}", "<POST /o content-type=application/json {\"a\":1}>"},
        {"{\"url\":\"http://127.0.0.1:$/o\",\"method\":\"Put\"}", "<PUT /o content-type=application/json {\"a\":1}>"},
        {"{\"url\":\"http://127.0.0.1:$/o\"}", "<GET /o >"},
        {"{\"url\":\"http://127.0.0.1:$/o\",\"method\":\"DELETE\",\"bodyType\":\"none\"}", "<DELETE /o >"},
        {"{\"url\":\"http://127.0.0.1:$/a b?q=\\u00e9\",\"method\":\"POST\",\"bodyType\":\"text\",\"headers\":{\"X-A\":\"1\"}}",
         "<POST /a%20b?q=%C3%A9 content-type=text/plain x-a=1 {\"a\":1}>"},
        {"{\"url\":\"http://127.0.0.1:$/\",\"method\":\"POST\",\"bodyType\":\"xml\",\"headers\":{\"content-type\":\"my/own\"}}", "<POST / content-type=my/own {\"a\":1}>"},
        {"{\"url\":\"http://127.0.0.1:$/\",\"method\":\"POST\",\"bodyType\":\"binary\"}", "<POST / {\"a\":1}>"},
        {"{\"url\":\"http://127.0.0.1:$/\",\"method\":\"POST\",\"bodyType\":\"form\",\"format\":\"urlencoded\"}",
         "<POST / content-type=application/x-www-form-urlencoded;param=value {\"a\":1}>"},
        {"{\"url\":\"http://127.0.0.1:$/\",\"method\":\"POST\",\"bodyType\":\"json\",\"compression\":\"gzip\"}",
         "<POST / content-type=application/json content-encoding=gzip {\"a\":1}>"},
        {"{\"url\":\"http://127.0.0.1:$/\",\"method\":\"POST\",\"bodyType\":\"json\",\"compression\":\"flate\"}", "<POST / content-type=application/json {\"a\":1}>"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        side s = {0};
        start(&s, all[i].props);
        send_one(&s, "{\"a\":1}", NULL);
        assert_string_equal(sl_buf_cstr(&s.answers), "1:delivered;");
        seen_is(all[i].want);
        stop(&s);
    }
    side s = {0};
    start(&s, "{\"url\":\"http://127.0.0.1:$/f\",\"method\":\"POST\",\"bodyType\":\"formdata\",\"fileFieldName\":\"up\",\"formData\":{\"k\":\"v\"}}");
    send_one(&s, "payload", NULL);
    assert_non_null(strstr(sl_buf_cstr(&seen), "[up file payload] [k - v]>"));
    sl_buf_clear(&seen);
    until(&s.connected, 1);
    stop(&s);
}
static void rendered(void **st) {
    side s = {0};
    start(&s, "{\"url\":\"http://127.0.0.1:$/{{.id}}\",\"method\":\"POST\",\"headers\":{\"X-A\":\"{{.h}}\"}}");
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/7", port);
    sl_str p[3] = {sl_str_of(url), SL_S("{\"X-A\":\"seven\"}"), {0}};
    send_one(&s, "{}", p);
    seen_is("<POST /7 content-type=application/json x-a=seven {}>");
    p[1] = SL_S("not json");
    send_one(&s, "{}", p);
    p[1] = SL_S("{\"X-A\":\"a\\r\\nEvil: 1\"}");
    send_one(&s, "{}", p);
    const char *a = sl_buf_cstr(&s.answers);
    assert_non_null(strstr(a, "1:delivered;2:bad rendered headers"));
    assert_non_null(strstr(a, "3:bad rest sink fails"));
    seen_is("");
    stop(&s);
}
static void in_order(void **st) {
    side s = {.n = 8};
    start(&s, "{\"url\":\"http://127.0.0.1:$/\",\"method\":\"POST\",\"bodyType\":\"text\"}");
    char body[8][16];
    for (int i = 0; i < 8; i++) {
        snprintf(body[i], 16, "m%d", i);
        s.m[i] = (sl_message){.bytes = sl_str_of(body[i]), .seq = (uint64_t)i};
    }
    send_all(&s);
    assert_string_equal(sl_buf_cstr(&s.answers), "0:delivered;1:delivered;2:delivered;3:delivered;4:delivered;5:delivered;6:delivered;7:delivered;");
    assert_non_null(strstr(sl_buf_cstr(&seen), "m6><POST / content-type=text/plain m7>"));
    sl_buf_clear(&seen);
    assert_true(s.ready >= 1);
    stop(&s);
}
static void classes(void **st) {
    side s = {0};
    start(&s, "{\"url\":\"http://127.0.0.1:$/x\",\"method\":\"post\",\"timeout\":200,\"bodyType\":\"json\"}");
    static const int bad[] = {503, 404, 400, 500};
    for (int i = 0; i < 4; i++) {
        char want[200];
        status_now = bad[i];
        sl_buf_clear(&s.answers);
        send_one(&s, "1", NULL);
        snprintf(want, sizeof want, "%d:bad parse response error: response code error: %d | method=POST path=\"http://127.0.0.1:%d/x\" status=%d;", i + 1, bad[i], port, bad[i]);
        assert_string_equal(sl_buf_cstr(&s.answers), want);
    }
    status_now = 204;
    sl_buf_clear(&s.answers);
    send_one(&s, "1", NULL);
    assert_string_equal(sl_buf_cstr(&s.answers), "5:delivered;");
    status_now = 200;
    park = true; /* no answer in time */
    sl_buf_clear(&s.answers);
    send_one(&s, "1", NULL);
    assert_non_null(strstr(sl_buf_cstr(&s.answers), "6:later "));
    park = false;
    stop(&s);
    side d = {0};
    start(&d, "{\"url\":\"http://127.0.0.1:1/x\",\"method\":\"post\"}");
    send_one(&d, "1", NULL);
    assert_non_null(strstr(sl_buf_cstr(&d.answers), "1:later "));
    stop(&d);
    side g = {.guard = true};
    start(&g, "{\"url\":\"http://127.0.0.1:$/x\",\"method\":\"post\"}");
    send_one(&g, "1", NULL);
    assert_non_null(strstr(sl_buf_cstr(&g.answers), "1:bad "));
    assert_non_null(strstr(sl_buf_cstr(&g.answers), "ip 127.0.0.1 is in internal network"));
    stop(&g);
    sl_buf_clear(&seen);
}
static void free_parked(void *arg) {
    if (parked)
        sl_http_reply(parked, 200, NULL, SL_S(""), NULL);
    parked = NULL;
}
static void unpark(void) { rig_do(&R, free_parked, NULL); }
static void close_running(void **st) {
    unpark();
    side s = {0};
    park = true;
    start(&s, "{\"url\":\"http://127.0.0.1:$/p\",\"method\":\"post\"}");
    s.m[0] = (sl_message){.bytes = SL_S("x"), .seq = 9};
    s.n = 1;
    rig_do(&R, put_now, &s);
    rig_async(&R, close_now, &s);
    assert_int_equal(s.count, 1); /* answered once, and that it was not delivered */
    assert_int_equal(strncmp(sl_buf_cstr(&s.answers), "9:down ", 7), 0);
    sl_buf_free(&s.answers);
    sl_arena_free(s.a);
    park = false;
    unpark();
    sl_buf_clear(&seen);
}
static void oauth(void **st) {
    side s = {0};
    tokens = 0;
    start(&s,
          "{\"url\":\"http://127.0.0.1:$/d\",\"method\":\"post\",\"headers\":{\"Authorization\":\"Bearer "
          "{{.access.token}}\"},\"oauth\":{\"access\":{\"url\":\"http://127.0.0.1:$/token\","
          "\"body\":\"{\\\"u\\\":1}\",\"expire\":\"3600\"},\"refresh\":{\"url\":\"http://127.0.0.1:$/"
          "refresh\",\"headers\":{\"X-Old\":\"{{.access.token}}\"},\"body\":\"n={{.n}}\"}}}");
    send_one(&s, "1", NULL);
    send_one(&s, "2", NULL);
    seen_is("</token content-type=application/json {\"u\":1}><POST /d content-type=application/json authorization=Bearer T1 1>"
            "<POST /d content-type=application/json authorization=Bearer T1 2>");
    stop(&s);
    side bad = {0};
    start(&bad, "{\"url\":\"http://127.0.0.1:$/d\",\"method\":\"post\",\"oauth\":{\"access\":{\"url\":\"http://127.0.0.1:1/token\"}}}");
    send_one(&bad, "1", NULL);
    assert_non_null(strstr(sl_buf_cstr(&bad.answers), "1:later token request: "));
    stop(&bad);
}
static void refused(const char *props, const char *text) {
    side s = {.props = props};
    rig_do(&R, open_now, &s);
    if (!s.e || !strstr(sl_err_text(s.e), text))
        fail_msg("%s: expected '%s', got '%s'", props, text, sl_err_text(s.e));
    sl_err_free(s.e);
    sl_arena_free(s.a);
}
static void refusals(void **st) {
    refused("{\"method\":\"patch\"}", "Not supported HTTP method patch.");
    refused("{\"method\":\"{{.m}}\"}", "Not supported HTTP method");
    refused("{\"url\":\"{{.u}}\"}", "url");
    refused("{\"url\":\"ftp://x\"}", "url");
    refused("{\"bodyType\":\"yaml\"}", "Invalid body type value yaml.");
    refused("{\"responseType\":\"x\"}", "Invalid response type value x.");
    refused("{\"method\":\"post\",\"bodyType\":\"json\",\"format\":\"delimited\"}", "format must be json if bodyType is json");
    refused("{\"method\":\"post\",\"bodyType\":\"form\"}", "format must be urlencoded if bodyType is form");
    refused("{\"headers\":{\"a\":1}}", "'headers[a]' expected type 'string', got unconvertible type 'float64', value: '1'");
    refused("{\"oauth\":{}}", "`access` property is required");
    refused("{\"oauth\":{\"access\":{\"url\":\"http://x\",\"expire\":\"\"}}}", "expire");
    refused("{\"oauth\":{\"access\":{\"url\":\"http://x\"},\"refresh\":{\"url\":\"http://x\",\"body\":\"{{nofn .a}}\"}}}",
            "oauth.refresh.body: template: sink:1: function \"nofn\" not defined");
    refused("{\"tls\":\"default\"}", "tls");
    refused("{\"rootCARaw\":\"***\"}", "rootCARaw is not base64");
    sl_err *e = sl_spec_lint("rest", sl_conn_rest.props, sl_conn_rest.conf_size);
    if (e)
        fail_msg("%s", sl_err_text(e));
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(bodies),        cmocka_unit_test(rendered), cmocka_unit_test(in_order), cmocka_unit_test(classes),
                                   cmocka_unit_test(close_running), cmocka_unit_test(oauth),    cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(t, up, down);
}
