#include "kit.h"
#include "front/route.h"
#include "../net/wire.h"

static rig R;
static sl_http_server *server;
static sl_router *router;
static int port;

static void echo(void *app, sl_http_req *r, const sl_str *v) { sl_rest_textf(r, 200, "%s %.*s one=%.*s two=%.*s", (char *)app, SL_FMT(r->method), SL_FMT(v[0]), SL_FMT(v[1])); }
static void json(void *app, sl_http_req *r, const sl_str *v) { sl_rest_ok_json(r, SL_S("[]")); }
static void made(void *app, sl_http_req *r, const sl_str *v) { sl_rest_text(r, 201, SL_S("made")); }
static void missing(void *app, sl_http_req *r, const sl_str *v) { sl_rest_fail(r, sl_err_new(SL_E_NOTFOUND, "Rule %.*s is not \"found\"\n\x01", SL_FMT(v[0])), "Describe error"); }
static void wrong(void *app, sl_http_req *r, const sl_str *v) { sl_rest_fail(r, sl_err_new(SL_E_STREAM, "no"), ""); }
static const sl_route rows[] = {
    {"GET", "/rules", json, "Lists."},         {"POST", "/rules", made, "Makes."},           {"GET", "/rules/usage/cpu", echo, "Fixed before placeholder."},
    {"GET", "/rules/{name}", echo, "One."},    {"GET", "/rules/{name}/x/{k}", echo, "Two."}, {"DELETE", "/rules/{name}", missing, "Fails."},
    {"PUT", "/rules/{name}", wrong, "Fails."}, {"GET", "/files/{path...}", echo, "Rest."},   {NULL}};
static void listen_now(void *arg) {
    sl_http_opts o = {.close_each = true};
    sl_router_opts ro = {.cors = true, .clean = true};
    router = sl_router_new(&ro, (char *)(uintptr_t) "app");
    assert_true(sl_router_add(router, rows));
    assert_null(sl_http_listen(R.loop, "127.0.0.1", 0, &o, sl_router_serve, router, &server));
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
    sl_router_free(router);
    return 0;
}
static void ask(const char *line, const char *headers, const char *const *want) {
    char q[512];
    snprintf(q, sizeof q, "%s HTTP/1.1\r\nHost: h\r\n%s\r\n", line, headers);
    char *a = exchange(port, q);
    if (!strstr(a, "Connection: close\r\n"))
        fail_msg("%s keeps the connection: %s", line, a);
    for (; *want; want++)
        if (**want == '!' ? strstr(a, *want + 1) != NULL : strstr(a, *want) == NULL)
            fail_msg("%s: expected %s in:\n%s", line, *want, a);
    free(a);
}
#define ASK(line, headers, ...) ask(line, headers, (const char *const[]){__VA_ARGS__, NULL})

static void matching(void **st) {
    ASK("GET /rules", "", "200 OK", "Content-Type: application/json\r\n", "Content-Length: 2\r\n", "\r\n\r\n[]", "!Access-Control");
    ASK("POST /rules", "", "201 Created", "text/plain; charset=utf-8", "made");
    ASK("GET /rules/r1", "", "app GET one=r1 two=");
    ASK("GET /rules/a%20b/x/c", "", "one=a b two=c");
    ASK("GET /rules/usage/cpu", "", "one= two=");
    ASK("GET /files/a/b/c.txt", "", "one=a/b/c.txt");
    ASK("GET /files/", "", "404");
    ASK("GET /rules/", "", "HTTP/1.1 404 Not Found\r\n", "Content-Type: text/plain; charset=utf-8\r\n", "X-Content-Type-Options: nosniff", "\r\n\r\n404 page not found\n");
    ASK("GET /rules/a%2Fb", "", "404");
    ASK("GET /", "", "404");
    ASK("PUT /rules", "", "HTTP/1.1 405 Method Not Allowed\r\n", "Content-Length: 0\r\n", "!Content-Type");
    ASK("HEAD /rules", "", "405");
    ASK("PATCH /rules/a", "", "405");
}
static void errors(void **st) {
    ASK("DELETE /rules/x", "", "HTTP/1.1 404", "\r\n\r\n{\"error\":1002,\"message\":\"Describe error: Rule x is not \\\"found\\\"\\n\\x01\"}\n", "X-Content-Type-Options: nosniff");
    ASK("PUT /rules/x", "", "HTTP/1.1 400", "{\"error\":3000,\"message\":\"no\"}\n", "text/plain; charset=utf-8");
}
static void cleaning(void **st) {
    ASK("GET //rules", "", "HTTP/1.1 301", "Location: /rules\r\n");
    ASK("GET /a/../rules/./x%20y?q=1%20", "", "301", "Location: /rules/x%20y?q=1%20\r\n");
    ASK("GET /rules/../../..", "", "301", "Location: /\r\n");
    ASK("GET /a/b/..//", "", "301", "Location: /a/\r\n");
    ASK("GET /rules/..%2F..%2Fetc", "", "301", "Location: /etc\r\n");
    ASK("GET /rules/%0d%0aX:1/../a%0d%0aSet-Cookie:b", "", "301", "%0D%0ASet-Cookie:b", "!\nSet-Cookie");
}
static void cors(void **st) {
#define O "Origin: http://ui.test\r\n"
#define M "Access-Control-Request-Method: "
    ASK("OPTIONS /rules", O M "POST\r\n", "200 OK", "Access-Control-Allow-Origin: *\r\n", "!Allow-Methods");
    ASK("OPTIONS /rules", O M "DELETE\r\n", "200 OK", "Access-Control-Allow-Methods: DELETE\r\n");
    ASK("OPTIONS /rules", O M "PATCH\r\n", "405", "!Access-Control");
    ASK("OPTIONS /rules", O M "POST\r\nAccess-Control-Request-Headers: authorization, content-type,accept\r\n", "200",
        "Access-Control-Allow-Headers: Authorization,Content-Type\r\n");
    ASK("OPTIONS /rules", O M "POST\r\nAccess-Control-Request-Headers: x-odd\r\n", "403", "!Access-Control");
    ASK("OPTIONS /nosuch", O M "GET\r\n", "200");
    ASK("OPTIONS /rules", "", "200", "!Access-Control");
    ASK("GET /rules", O, "200", "Access-Control-Allow-Origin: *\r\n");
    ASK("GET /nosuch", O, "404", "Access-Control-Allow-Origin: *\r\n");
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(matching), cmocka_unit_test(errors), cmocka_unit_test(cleaning), cmocka_unit_test(cors)};
    return cmocka_run_group_tests(t, up, down);
}
