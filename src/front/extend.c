/* Routes of what extends the daemon: schemas, and the lists of plug-ins, services and script functions. None of the latter can be installed yet: the
 * lists are empty and an installation is refused with the reason (rest-api.md 15 to 19). */
#include <stdio.h>
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
/* ---- a schema as a form: its answers are JSON throughout ---- */
typedef struct form {
    sl_http_req *r;
    bool there;
    char path[]; /* of the schema */
} form;
static void form_fail(sl_http_req *r, int status, sl_err *e) {
    sl_buf b = {0};
    sl_buf_printf(&b, "{\"error\":%d,\"message\":", sl_code_ekuiper(sl_err_code(e)));
    sl_json_put_str(&b, sl_str_of(sl_err_text(e)));
    sl_buf_putc(&b, '}');
    sl_err_free(e);
    sl_rest_json(r, status, sl_buf_view(&b));
    sl_buf_free(&b);
}
static void form_stored(void *arg, sl_err *e) {
    form *f = arg;
    if (e)
        form_fail(f->r, 400, e);
    else {
        sl_buf b = {0}, head = {0};
        const char *name = strrchr(f->path, '/') + 1;
        sl_buf_printf(&b, "{\"type\":\"%.*s\",\"name\":\"%s\"}", (int)(name - f->path - 10), f->path + 9, name); /* both are plain words by now */
        sl_buf_printf(&head, "Location: %s\r\n", f->path);
        sl_rest_reply(f->r, f->there ? 200 : 201, "application/json", sl_buf_view(&b), sl_buf_cstr(&head));
        sl_buf_free(&b);
        sl_buf_free(&head);
    }
    free(f);
}
static void upload_schema(void *app, sl_http_req *r, const sl_str *v) {
    sl_str type;
    sl_part parts[16];
    uint32_t n = 0;
    const sl_part *file = NULL, *version = NULL;
    sl_http_header_get(r, "content-type", &type);
    if (!sl_str_starts(type, SL_S("multipart/form-data"))) {
        form_fail(r, 415, sl_err_new(SL_E_UNDEFINED, "Content-Type must be multipart/form-data"));
        return;
    }
    sl_err *e = sl_check_id(v[1]);
    if (!e && !sl_multipart(r, parts, 16, &n))
        e = sl_err_new(SL_E_UNDEFINED, "the form cannot be read, expected parts with the boundary that Content-Type names");
    for (uint32_t i = 0; i < n; i++) {
        if (sl_str_is(parts[i].name, "file"))
            file = &parts[i];
        else if (sl_str_is(parts[i].name, "version"))
            version = &parts[i];
    }
    if (!e && !file)
        e = sl_err_new(SL_E_UNDEFINED, "the form has no part named file");
    if (!e && version && version->body.n > 4096)
        e = sl_err_new(SL_E_UNDEFINED, "version is longer than 4096 bytes");
    if (!e && !sl_str_ends(file->filename, SL_S(".proto")))
        e = sl_err_new(SL_E_UNSUPPORTED, "file %.*s: only .proto files can be uploaded", SL_FMT(file->filename));
    sl_arena *a = e ? NULL : sl_arena_new(0);
    form *f = a ? malloc(sizeof *f + v[0].n + v[1].n + 16) : NULL;
    if (!e && !f)
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    if (e)
        form_fail(r, 400, e);
    else {
        sl_json *had = NULL, *body = sl_json_obj(a);
        sl_err *none = sl_api_schema_get(OFFICE(app), a, v[0], v[1], &had);
        f->r = r;
        f->there = !none;
        sl_err_free(none);
        snprintf(f->path, v[0].n + v[1].n + 16, "/schemas/%.*s/%.*s", SL_FMT(v[0]), SL_FMT(v[1]));
        sl_json_set(a, body, "name", sl_json_str(a, v[1]));
        sl_json_set(a, body, "content", sl_json_str(a, file->body));
        if (version)
            sl_json_set(a, body, "version", sl_json_str(a, sl_str_trim(version->body)));
        sl_buf text = {0};
        sl_json_write(&text, body, false, 0);
        sl_api_schema_put(OFFICE(app), v[0], v[1], sl_buf_view(&text), form_stored, f);
        sl_buf_free(&text);
    }
    sl_arena_free(a);
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
    static const char *const kinds[][2] = {{"/plugins/portables", "portable plugin"},
                                           {"/plugins/sources", "sources plugin"},
                                           {"/plugins/sinks", "sinks plugin"},
                                           {"/plugins/functions", "functions plugin"},
                                           {"/plugins/udfs", "udf"},
                                           {"/services/functions", "function"},
                                           {"/services", "service"},
                                           {"/udf/javascript", "javascript function"}};
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
    {"PUT", "/schemas/{type}/{name}/upload", upload_schema, "Registers or replaces a schema by a form with its file."},
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
