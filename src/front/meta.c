/* REST: metadata, conf keys, connections, settings at run time. */
#include <stdlib.h>
#include "front/ekuiper.h"

#define OFFICE(app) (((sl_door *)(app))->office)

static void send(sl_http_req *r, sl_arena *a, const sl_json *j, sl_err *e, bool sorted) {
    sl_buf b = {0};
    if (e)
        sl_rest_fail(r, e, NULL);
    else {
        sl_json_write(&b, j, sorted, 0);
        sl_rest_ok_json(r, sl_buf_view(&b));
    }
    sl_buf_free(&b);
    sl_arena_free(a);
}
static void empty_or(sl_http_req *r, sl_err *e) {
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_reply(r, 200, NULL, (sl_str){"", 0}, NULL);
}
/* "/metadata/sinks/…": which of the three. */
static const char *role(const sl_http_req *r) {
    const char *p = r->path + strlen("/metadata/");
    return strncmp(p, "sinks", 5) == 0 ? "sinks" : strncmp(p, "lookups", 7) == 0 ? "lookups" : strncmp(p, "connections", 11) == 0 ? "connections" : "sources";
}
static void list(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_buf kind = {0};
    sl_http_query_get(r, "kind", &kind);
    send(r, a, sl_api_meta_list(OFFICE(app), a, role(r), sl_buf_view(&kind)), NULL, false);
    sl_buf_free(&kind);
}
static void get(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = sl_api_meta_get(OFFICE(app), a, role(r), v[0], &j);
    send(r, a, j, e, false);
}
static void yaml(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = sl_api_confkey_all(OFFICE(app), a, role(r), v[0], &j);
    send(r, a, j, e, true);
}
static void put_key(void *app, sl_http_req *r, const sl_str *v) {
    sl_err *e = sl_api_confkey_put(OFFICE(app), role(r), v[0], v[1], r->body);
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_reply(r, 200, "text/plain; charset=utf-8", (sl_str){"", 0}, NULL);
}
static void delete_key(void *app, sl_http_req *r, const sl_str *v) { empty_or(r, sl_api_confkey_delete(OFFICE(app), role(r), v[0], v[1])); }
static void pinged(void *arg, sl_err *e) { empty_or(arg, e); }
static void ping(void *app, sl_http_req *r, const sl_str *v) { sl_api_meta_ping(OFFICE(app), role(r), v[0], r->body, pinged, r); }
static void functions(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    send(r, a, sl_api_meta_functions(a), NULL, false);
}
static void function_rows(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    send(r, a, sl_api_functions(a), NULL, false);
}
static void function_row(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = sl_api_function(a, v[0], &j);
    send(r, a, j, e, false);
}
static void operators(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    send(r, a, sl_api_meta_operators(a), NULL, false);
}
static void resource(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_buf type = {0};
    sl_json *j = NULL;
    sl_http_query_get(r, "sourceType", &type);
    sl_err *e = sl_api_resource(OFFICE(app), a, sl_buf_view(&type), &j);
    send(r, a, j, e, true);
    sl_buf_free(&type);
}
static void resources(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    send(r, a, sl_api_resources(OFFICE(app), a), NULL, true);
}

/* ---- connections ---- */
static void all_connections(void *arg, sl_err *e, sl_str text) {
    if (e)
        sl_rest_fail(arg, e, NULL);
    else
        sl_rest_ok_json(arg, text);
}
static void connections(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf all = {0};
    sl_http_query_get(r, "forceAll", &all);
    bool force = sl_str_is(sl_buf_view(&all), "true");
    sl_buf_free(&all);
    if (force) {
        sl_api_connections_all(OFFICE(app), all_connections, r);
        return;
    }
    sl_arena *a = sl_arena_new(0);
    send(r, a, sl_api_connections(OFFICE(app), a), NULL, false);
}
static void get_connection(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = sl_api_connection_get(OFFICE(app), a, v[0], &j);
    send(r, a, j, e, false);
}
static void text_or(sl_http_req *r, int status, sl_err *e) {
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_text(r, status, SL_S("success"));
}
static void create_connection(void *app, sl_http_req *r, const sl_str *v) { text_or(r, 201, sl_api_connection_create(OFFICE(app), r->body)); }
static void put_connection(void *app, sl_http_req *r, const sl_str *v) { text_or(r, 200, sl_api_connection_update(OFFICE(app), v[0], r->body)); }
static void delete_connection(void *app, sl_http_req *r, const sl_str *v) { text_or(r, 200, sl_api_connection_delete(OFFICE(app), v[0])); }

/* ---- settings ---- */
static void patch_configs(void *app, sl_http_req *r, const sl_str *v) {
    sl_err *e = sl_api_configs_patch(OFFICE(app), r->body);
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_reply(r, 204, NULL, (sl_str){"", 0}, NULL);
}
static void get_configs(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    send(r, a, sl_api_configs(OFFICE(app), a), NULL, false);
}
static void explain_config(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    send(r, a, sl_api_config_explain(OFFICE(app), a), NULL, false);
}

static void explain_stream(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = sl_api_stream_config(OFFICE(app), a, v[0], &j);
    send(r, a, j, e, false);
}
static void explain_rule(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = sl_api_rule_config(OFFICE(app), a, v[0], &j);
    send(r, a, j, e, false);
}
static const sl_route routes[] = {
    {"GET", "/functions", function_rows, "All functions of SQL as the reference page shows them."},
    {"GET", "/functions/{name}", function_row, "One function: signature, what it does, an example and what that gives."},
    {"GET", "/metadata/functions", functions, "All functions with arguments and examples."},
    {"GET", "/metadata/operators", operators, "Operators of graph rules."},
    {"GET", "/metadata/sources", list, "Source types; kind=lookup: those of lookup tables."},
    {"GET", "/metadata/sinks", list, "Sink types."},
    {"GET", "/metadata/connections", list, "Types of connections that streams and actions can share."},
    {"GET", "/metadata/resource", resource, "All named settings of sources."},
    {"GET", "/metadata/resources", resources, "Names of the stored settings of sources and sinks."},
    {"GET", "/metadata/sources/yaml/{name}", yaml, "Named settings of a source type."},
    {"GET", "/metadata/sinks/yaml/{name}", yaml, "Named settings of a sink type."},
    {"GET", "/metadata/connections/yaml/{name}", yaml, "Connections of a type."},
    {"PUT", "/metadata/sources/{name}/confKeys/{key}", put_key, "Stores named settings of a source type."},
    {"PUT", "/metadata/sinks/{name}/confKeys/{key}", put_key, "Stores named settings of a sink type."},
    {"PUT", "/metadata/connections/{name}/confKeys/{key}", put_key, "Stores a connection."},
    {"DELETE", "/metadata/sources/{name}/confKeys/{key}", delete_key, "Removes named settings of a source type."},
    {"DELETE", "/metadata/sinks/{name}/confKeys/{key}", delete_key, "Removes named settings of a sink type."},
    {"DELETE", "/metadata/connections/{name}/confKeys/{key}", delete_key, "Removes a connection."},
    {"POST", "/metadata/sources/connection/{name}", ping, "Tries to reach the peer of a source."},
    {"POST", "/metadata/sinks/connection/{name}", ping, "Tries to reach the peer of a sink."},
    {"POST", "/metadata/lookups/connection/{name}", ping, "Tries to reach the peer of a lookup table."},
    {"GET", "/metadata/sources/{name}", get, "Form of a source type: its properties."},
    {"GET", "/metadata/sinks/{name}", get, "Form of a sink type: its properties."},
    {"GET", "/metadata/connections/{name}", get, "Form of a connection type: its properties."},
    {"GET", "/connections", connections, "All connections with their state."},
    {"POST", "/connections", create_connection, "Creates a connection."},
    {"GET", "/connections/{id}", get_connection, "A connection with its state."},
    {"PUT", "/connections/{id}", put_connection, "Replaces a connection that nobody uses."},
    {"DELETE", "/connections/{id}", delete_connection, "Removes a connection that nobody uses."},
    {"GET", "/configs", get_configs, "The settings that can be changed at run time."},
    {"PATCH", "/configs", patch_configs, "Changes settings until the daemon ends."},
    {"GET", "/config/explain", explain_config, "Every setting and who set it."},
    {"GET", "/config/explain/stream/{name}", explain_stream, "Every property of a stream's source and who set it."},
    {"GET", "/config/explain/rule/{name}", explain_rule, "Every property of a rule's actions and who set it."},
    {0},
};
bool sl_meta_routes(sl_router *rt) { return sl_router_add(rt, routes); }
