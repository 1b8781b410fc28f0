/* Routes of what extends the daemon: schemas, and the lists of plug-ins, services and script functions. None of the latter can be installed yet: the
 * lists are empty and an installation is refused with the reason (rest-api.md 15 to 19). */
#include <stdlib.h>
#include "front/ekuiper.h"

#define OFFICE(app) (((sl_door *)(app))->office)

/* ---- schemas ---- */
static void send(sl_http_req *r, sl_err *e, const sl_json *j) {
    sl_buf b = {0};
    if (e)
        sl_rest_fail(r, e, NULL);
    else {
        sl_json_write(&b, j, false, 0);
        sl_rest_ok_json(r, sl_buf_view(&b));
    }
    sl_buf_free(&b);
}
static void list_schemas(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *l = NULL;
    sl_err *e = a ? sl_api_schema_list(OFFICE(app), a, v[0], &l) : sl_err_new(SL_E_NOMEM, "out of memory");
    send(r, e, l);
    sl_arena_free(a);
}
static void get_schema(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = a ? sl_api_schema_get(OFFICE(app), a, v[0], v[1], &j) : sl_err_new(SL_E_NOMEM, "out of memory");
    send(r, e, j);
    sl_arena_free(a);
}
typedef struct later {
    sl_http_req *r;
    sl_arena *a;
    sl_str type, name;
    bool update;
} later;
static void stored(void *arg, sl_err *e) {
    later *l = arg;
    if (e)
        sl_rest_fail(l->r, e, NULL);
    else
        sl_rest_textf(l->r, l->update ? 200 : 201, "%.*s schema %.*s is %s", SL_FMT(l->type), SL_FMT(l->name), l->update ? "updated" : "created");
    sl_arena_free(l->a);
    free(l);
}
static void put_schema(void *app, sl_http_req *r, const sl_str *v) {
    later *l = calloc(1, sizeof *l);
    sl_json *j = NULL;
    sl_str rest;
    if (!l || !(l->a = sl_arena_new(0))) {
        free(l);
        sl_rest_fail(r, sl_err_new(SL_E_NOMEM, "out of memory"), NULL);
        return;
    }
    l->r = r;
    l->update = sl_str_is(r->method, "PUT");
    l->type = sl_arena_dup(l->a, v[0]);
    sl_err *e = l->update ? sl_check_id(v[1]) : NULL;
    if (e) {
        stored(l, e);
        return;
    }
    if (l->update)
        l->name = sl_arena_dup(l->a, v[1]);
    else { /* for the answer */
        sl_err_free(sl_json_parse(l->a, sl_arena_dup(l->a, r->body), &j, &rest));
        l->name = sl_json_text(sl_json_iget(j, "name"), SL_S(""));
    }
    sl_api_schema_put(OFFICE(app), l->type, l->update ? l->name : SL_S(""), r->body, stored, l);
}
static void delete_schema(void *app, sl_http_req *r, const sl_str *v) {
    sl_err *e = sl_api_schema_delete(OFFICE(app), v[0], v[1]);
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_textf(r, 200, "%.*s schema %.*s is deleted", SL_FMT(v[0]), SL_FMT(v[1]));
}

/* ---- what cannot be installed ---- */
static const char *kind_of(const sl_http_req *r) {
    static const char *const kinds[][2] = {{"/plugins/portables", "portable plugin"}, {"/plugins/sources", "sources plugin"}, {"/plugins/sinks", "sinks plugin"},
                                           {"/plugins/functions", "functions plugin"}, {"/plugins/udfs", "udf"}, {"/services/functions", "function"},
                                           {"/services", "service"}, {"/udf/javascript", "javascript function"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(r->path, kinds[i][0], strlen(kinds[i][0])) == 0)
            return kinds[i][1];
    return "plugin";
}
static void none(void *app, sl_http_req *r, const sl_str *v) { sl_rest_ok_json(r, SL_S("[]")); }
static void not_there(void *app, sl_http_req *r, const sl_str *v) {
    const char *kind = kind_of(r), *verb = sl_str_is(r->method, "DELETE") ? "delete" : "describe";
    sl_err *e = sl_err_new(SL_E_NOTFOUND, "%s %s %.*s error: not found", verb, kind, SL_FMT(v[0]));
    if (strcmp(kind, "javascript function") == 0)
        sl_err_recode(e, *verb == 'd' && verb[2] == 's' ? SL_E_UNDEFINED : SL_E_NOTFOUND);
    sl_rest_fail(r, e, NULL);
}
static void refuse(void *app, sl_http_req *r, const sl_str *v) {
    const char *kind = kind_of(r);
    const char *why = strstr(kind, "portable") || strcmp(kind, "service") == 0 || strcmp(kind, "javascript function") == 0 ? "not available yet"
                                                                                                               : "plug-ins of eKuiper (Go) cannot be loaded here";
    sl_rest_fail(r, sl_err_new(SL_E_UNSUPPORTED, "%s %s command error: %s", kind, sl_str_is(r->method, "PUT") ? "update" : "create", why), NULL);
}
static const sl_route routes[] = {
    {"GET", "/schemas/{type}", list_schemas, "Names of the schemas of a type (protobuf, custom)."},
    {"POST", "/schemas/{type}", put_schema, "Registers a schema."},
    {"GET", "/schemas/{type}/{name}", get_schema, "A schema."},
    {"PUT", "/schemas/{type}/{name}", put_schema, "Replaces a schema, or registers it."},
    {"DELETE", "/schemas/{type}/{name}", delete_schema, "Removes a schema."},
    {"GET", "/plugins/sources", none, "Installed plug-ins: none."},
    {"POST", "/plugins/sources", refuse, "Refused: plug-ins of eKuiper cannot be loaded here."},
    {"GET", "/plugins/sources/prebuild", none, "Plug-ins to download: none."},
    {"GET", "/plugins/sources/{name}", not_there, "A plug-in."},
    {"PUT", "/plugins/sources/{name}", refuse, "Refused: plug-ins of eKuiper cannot be loaded here."},
    {"DELETE", "/plugins/sources/{name}", not_there, "Removes a plug-in."},
    {"GET", "/plugins/sinks", none, "Installed plug-ins: none."},
    {"POST", "/plugins/sinks", refuse, "Refused: plug-ins of eKuiper cannot be loaded here."},
    {"GET", "/plugins/sinks/prebuild", none, "Plug-ins to download: none."},
    {"GET", "/plugins/sinks/{name}", not_there, "A plug-in."},
    {"PUT", "/plugins/sinks/{name}", refuse, "Refused: plug-ins of eKuiper cannot be loaded here."},
    {"DELETE", "/plugins/sinks/{name}", not_there, "Removes a plug-in."},
    {"GET", "/plugins/functions", none, "Installed plug-ins: none."},
    {"POST", "/plugins/functions", refuse, "Refused: plug-ins of eKuiper cannot be loaded here."},
    {"GET", "/plugins/functions/prebuild", none, "Plug-ins to download: none."},
    {"GET", "/plugins/functions/{name}", not_there, "A plug-in."},
    {"PUT", "/plugins/functions/{name}", refuse, "Refused: plug-ins of eKuiper cannot be loaded here."},
    {"DELETE", "/plugins/functions/{name}", not_there, "Removes a plug-in."},
    {"POST", "/plugins/functions/{name}/register", refuse, "Refused: plug-ins of eKuiper cannot be loaded here."},
    {"GET", "/plugins/udfs", none, "Functions of plug-ins: none."},
    {"GET", "/plugins/udfs/{name}", not_there, "A function of a plug-in."},
    {"GET", "/plugins/portables", none, "Portable plug-ins: none."},
    {"POST", "/plugins/portables", refuse, "Refused: portable plug-ins are not available yet."},
    {"GET", "/plugins/portables/{name}", not_there, "A portable plug-in."},
    {"PUT", "/plugins/portables/{name}", refuse, "Refused: portable plug-ins are not available yet."},
    {"DELETE", "/plugins/portables/{name}", not_there, "Removes a portable plug-in."},
    {"GET", "/plugins/portables/{name}/status", not_there, "State of a portable plug-in."},
    {"GET", "/services", none, "External services: none."},
    {"POST", "/services", refuse, "Refused: external services are not available yet."},
    {"GET", "/services/functions", none, "Functions of external services: none."},
    {"GET", "/services/functions/{name}", not_there, "A function of an external service."},
    {"GET", "/services/{name}", not_there, "An external service."},
    {"PUT", "/services/{name}", refuse, "Refused: external services are not available yet."},
    {"DELETE", "/services/{name}", not_there, "Removes an external service."},
    {0},
};
bool sl_extend_routes(sl_router *rt) { return sl_router_add(rt, routes); }
