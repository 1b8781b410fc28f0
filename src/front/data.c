/* REST: rulesets, export and import of everything, uploads. */
#include <stdlib.h>
#include "core/body.h"
#include "front/ekuiper.h"

#define OFFICE(app) (((sl_door *)(app))->office)

/* ---- bodies that hold a text or name a file ---- */
typedef struct wish {
    sl_door *door;
    sl_http_req *r;
    bool partial, stop;
} wish;
static sl_err *read_body(sl_arena *a, sl_str body, const char *gotype, sl_str *content, sl_str *file) {
    sl_json *j = NULL;
    *content = *file = (sl_str){0};
    sl_err *e = sl_body_first(a, body, &j);
    if (!e)
        e = sl_body_is(j, SL_J_OBJ, gotype);
    if (!e)
        e = sl_body_text(j, gotype + strlen("server."), "content", content);
    if (!e)
        e = sl_body_text(j, gotype + strlen("server."), "file", file);
    return sl_err_prefix(e, "Error decoding json");
}
/* {"content": …} or {"file": …}, exactly one of them; tail: behind the two messages. */
static sl_err *read_info(sl_arena *a, sl_str body, const char *gotype, const char *tail, sl_str *content, sl_str *file) {
    SL_TRY(read_body(a, body, gotype, content, file));
    if (content->n && file->n)
        return sl_err_new(SL_E_UNDEFINED, "Cannot specify both content and file%s", tail);
    return content->n || file->n ? NULL : sl_err_new(SL_E_UNDEFINED, "must specify content or file%s", tail);
}
static wish *wish_new(sl_door *d, sl_http_req *r) {
    wish *w = calloc(1, sizeof *w);
    if (w)
        *w = (wish){.door = d, .r = r};
    else
        sl_rest_fail(r, sl_err_new(SL_E_NOMEM, "out of memory"), NULL);
    return w;
}
static bool flag(const sl_http_req *r, const char *name) {
    sl_buf b = {0};
    bool yes = sl_http_query_get(r, name, &b) && (sl_str_is(sl_buf_view(&b), "1") || sl_str_is(sl_buf_view(&b), "true"));
    sl_buf_free(&b);
    return yes;
}

/* ---- rulesets ---- */
static void export_ruleset(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_api_ruleset_export(OFFICE(app), &b);
    sl_rest_reply(r, 200, "application/octet-stream", sl_buf_view(&b), "Content-Disposition: Attachment\r\n");
    sl_buf_free(&b);
}
static void ruleset_imported(void *arg, sl_err *e, const int n[3]) {
    if (e)
        sl_rest_fail(arg, sl_err_recode(e, SL_E_UNDEFINED), "Import ruleset error");
    else
        sl_rest_textf(arg, 200, "imported %d streams, %d tables and %d rules", n[0], n[1], n[2]);
}
static void ruleset_fetched(void *arg, sl_err *e, sl_str text) {
    wish *w = arg;
    if (e)
        sl_rest_fail(w->r, sl_err_recode(e, SL_E_UNDEFINED), "Fail to read file");
    else
        sl_api_ruleset_import(w->door->office, text, ruleset_imported, w->r);
    free(w);
}
static void import_ruleset(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_str content, file;
    sl_err *e = a ? read_info(a, r->body, "server.rulesetInfo", ": bad request", &content, &file) : sl_err_new(SL_E_NOMEM, "out of memory");
    wish *w;
    if (e)
        sl_rest_fail(r, e, "Invalid body");
    else if (content.n)
        sl_api_ruleset_import(OFFICE(app), content, ruleset_imported, r);
    else if ((w = wish_new(app, r)))
        sl_api_fetch(OFFICE(app), file, ruleset_fetched, w);
    sl_arena_free(a);
}

/* ---- everything ---- */
static void export_data(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *ids = NULL;
    sl_buf b = {0};
    if (sl_str_is(r->method, "POST")) {
        sl_err *e = sl_json_parse(a, r->body, &ids, NULL);
        if (e || ids->kind != SL_J_ARR) /* anything else is an empty list, as there */
            ids = sl_json_arr(a);
        sl_err_free(e);
    }
    sl_json_write(&b, sl_api_data_export(OFFICE(app), a, ids), false, 0);
    sl_rest_reply(r, 200, "application/octet-stream", sl_buf_view(&b), "Content-Disposition: Attachment\r\n");
    sl_buf_free(&b);
    sl_arena_free(a);
}
static void data_imported(void *arg, sl_err *e, bool failed, sl_str errors) {
    wish *w = arg;
    sl_buf b = {0};
    if (e)
        sl_rest_fail(w->r, e, NULL);
    else if (failed)
        sl_rest_fail(w->r, sl_err_new(SL_E_UNDEFINED, "%.*s", SL_FMT(errors)), NULL);
    else {
        sl_buf_puts(&b, "{\"ErrorMsg\":\"\",\"ConfigResponse\":");
        sl_buf_str(&b, errors);
        sl_buf_putc(&b, '}');
        sl_rest_ok_json(w->r, sl_buf_view(&b));
        if (w->stop && !w->partial && w->door->restart)
            w->door->restart(w->door->stop_arg);
    }
    sl_buf_free(&b);
    free(w);
}
static void data_fetched(void *arg, sl_err *e, sl_str text) {
    wish *w = arg;
    if (e) {
        sl_rest_fail(w->r, sl_err_recode(e, SL_E_UNDEFINED), NULL);
        free(w);
    } else
        sl_api_data_import(w->door->office, text, w->partial, data_imported, w);
}
static void import_data(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_str content, file;
    sl_err *e = a ? read_info(a, r->body, "server.configurationInfo", "", &content, &file) : sl_err_new(SL_E_NOMEM, "out of memory");
    wish *w = e ? NULL : wish_new(app, r);
    if (e)
        sl_rest_fail(r, e, "Invalid body");
    if (w) {
        w->partial = flag(r, "partial");
        w->stop = flag(r, "stop");
        if (content.n)
            sl_api_data_import(OFFICE(app), content, w->partial, data_imported, w);
        else
            sl_api_fetch(OFFICE(app), file, data_fetched, w);
    }
    sl_arena_free(a);
}
static void import_status(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_api_data_status(OFFICE(app), &b);
    sl_rest_ok_json(r, sl_buf_view(&b));
    sl_buf_free(&b);
}

/* ---- the same as YAML ---- */
static void export_yaml(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_err *e = sl_api_yaml_export(OFFICE(app), &b);
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_reply(r, 200, "application/octet-stream", sl_buf_view(&b), "Content-Disposition: Attachment\r\n");
    sl_buf_free(&b);
}
static void yaml_imported(void *arg, sl_err *e) {
    if (e)
        sl_rest_fail(arg, e, NULL);
    else
        sl_rest_ok_text(arg, SL_S("success"));
}
static void yaml_fetched(void *arg, sl_err *e, sl_str text) {
    wish *w = arg;
    if (e)
        sl_rest_fail(w->r, sl_err_recode(e, SL_E_UNDEFINED), "Fail to read file");
    else
        sl_api_yaml_import(w->door->office, text, yaml_imported, w->r);
    free(w);
}
static void import_yaml(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_str content, file;
    sl_err *e = a ? read_info(a, r->body, "server.configurationInfo", ": bad request", &content, &file) : sl_err_new(SL_E_NOMEM, "out of memory");
    wish *w;
    if (e)
        sl_rest_fail(r, e, "Invalid body");
    else if (content.n)
        sl_api_yaml_import(OFFICE(app), content, yaml_imported, r);
    else if ((w = wish_new(app, r)))
        sl_api_fetch(OFFICE(app), file, yaml_fetched, w);
    sl_arena_free(a);
}

/* ---- tasks ---- */
static void post_task(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_str content = {0}, file = {0};
    sl_buf id = {0}, b = {0};
    sl_err *e = a ? read_body(a, r->body, "server.configurationInfo", &content, &file) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (e)
        sl_rest_fail(r, e, "Invalid body");
    else if ((e = sl_api_task_import(OFFICE(app), content, file, flag(r, "partial"), &id)))
        sl_rest_fail(r, e, NULL);
    else {
        sl_buf_puts(&b, "{\"id\":");
        sl_json_put_str(&b, sl_buf_view(&id));
        sl_buf_putc(&b, '}');
        sl_rest_ok_json(r, sl_buf_view(&b));
    }
    sl_buf_free(&id);
    sl_buf_free(&b);
    sl_arena_free(a);
}
static void get_task(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_err *e = sl_api_task_get(OFFICE(app), v[0], &b);
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_ok_json(r, sl_buf_view(&b));
    sl_buf_free(&b);
}
static void cancel_task(void *app, sl_http_req *r, const sl_str *v) {
    sl_err *e = sl_api_task_cancel(OFFICE(app), v[0]);
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_ok_text(r, SL_S("cancel success"));
}

/* ---- uploads ---- */
static void stored(sl_http_req *r, sl_err *e, const char *prefix, sl_str path) {
    sl_buf html = {0};
    if (e)
        sl_rest_fail(r, e, prefix);
    else {
        sl_html_escape(&html, path);
        sl_rest_text(r, 201, sl_buf_view(&html));
    }
    sl_buf_free(&html);
}
typedef struct upload {
    sl_office *office;
    sl_http_req *r;
    sl_arena *arena;
    sl_str name, record;
} upload;
static void upload_fetched(void *arg, sl_err *e, sl_str bytes) {
    upload *u = arg;
    sl_buf path = {0};
    e = e ? sl_err_recode(sl_err_prefix(e, "getFile has error"), SL_E_UNDEFINED) : sl_api_upload_put(u->office, u->name, bytes, u->record, &path);
    stored(u->r, e, "Upload error", sl_buf_view(&path));
    sl_buf_free(&path);
    sl_arena_free(u->arena);
    free(u);
}
static void upload_json(sl_office *o, sl_http_req *r) {
    upload *u = calloc(1, sizeof *u);
    sl_str content, file;
    sl_buf path = {0};
    sl_err *e = u && (u->arena = sl_arena_new(0)) ? sl_api_upload_read(u->arena, r->body, &u->name, &content, &file, &u->record) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && file.n) {
        u->office = o;
        u->r = r;
        sl_api_fetch(o, file, upload_fetched, u);
        return;
    }
    if (!e) {
        e = sl_api_upload_put(o, u->name, content, u->record, &path);
        stored(r, e, "Upload error", sl_buf_view(&path));
    } else if (sl_str_starts(sl_str_of(sl_err_text(e)), SL_S("invalid body: Error decoding"))) {
        sl_rest_fail(r, sl_err_new(SL_E_UNDEFINED, "Invalid body: %s", sl_err_text(e) + strlen("invalid body: ")), NULL);
        sl_err_free(e);
    } else
        sl_rest_fail(r, e, "Invalid body: missing necessary field");
    sl_buf_free(&path);
    if (u)
        sl_arena_free(u->arena);
    free(u);
}
static void post_upload(void *app, sl_http_req *r, const sl_str *v) {
    sl_str type = {0};
    sl_part parts[16];
    uint32_t n = 0;
    sl_http_header_get(r, "content-type", &type);
    if (sl_str_is(type, "application/json")) {
        upload_json(OFFICE(app), r);
        return;
    }
    if (!sl_multipart(r, parts, 16, &n)) {
        const char *why = !sl_str_starts(type, SL_S("multipart/")) ? "request Content-Type isn't multipart/form-data"
            : sl_str_find(type, SL_S("boundary=")) < 0             ? "no multipart boundary param in Content-Type"
                                                                   : "multipart: NextPart: EOF";
        sl_rest_fail(r, sl_err_new(SL_E_UNDEFINED, "%s", why), "Error parse the multi part form");
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        if (sl_str_is(parts[i].name, "uploadFile") && parts[i].filename.n) {
            const char *slash = memrchr(parts[i].filename.p, '/', parts[i].filename.n); /* the last word only, as Go reads it */
            sl_str name = slash ? (sl_str){slash + 1, (size_t)(parts[i].filename.p + parts[i].filename.n - slash - 1)} : parts[i].filename;
            sl_buf path = {0};
            sl_err *e = sl_api_upload_put(OFFICE(app), name, parts[i].body, (sl_str){0}, &path);
            stored(r, e, "Error saving the file", sl_buf_view(&path));
            sl_buf_free(&path);
            return;
        }
    sl_rest_fail(r, sl_err_new(SL_E_UNDEFINED, "http: no such file"), "Error Retrieving the File");
}
static void list_uploads(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *l = NULL;
    sl_buf b = {0};
    sl_err *e = sl_api_uploads(OFFICE(app), a, &l);
    if (e)
        sl_rest_fail(r, e, "Error reading the file upload dir");
    else {
        sl_json_write(&b, l, false, 0);
        sl_rest_ok_json(r, sl_buf_view(&b));
    }
    sl_buf_free(&b);
    sl_arena_free(a);
}
static void delete_upload(void *app, sl_http_req *r, const sl_str *v) {
    sl_err *e = sl_api_upload_delete(OFFICE(app), v[0]);
    if (e)
        sl_rest_fail(r, e, "Error deleting the file");
    else
        sl_rest_ok_text(r, SL_S("ok"));
}
static const sl_route routes[] = {
    {"POST", "/ruleset/export", export_ruleset, "All streams, tables and rules as one document."},
    {"POST", "/ruleset/import", import_ruleset, "Imports such a document."},
    {"GET", "/data/export", export_data, "All definitions as one document."},
    {"POST", "/data/export", export_data, "What some rules need as one document."},
    {"POST", "/data/import", import_data, "Imports such a document; partial=1 keeps what is there."},
    {"GET", "/data/import/status", import_status, "What went wrong in the last full import."},
    {"GET", "/v2/data/export", export_yaml, "All definitions as YAML."},
    {"POST", "/v2/data/import", import_yaml, "Imports such YAML; what bears other names stays."},
    {"POST", "/async/data/import", post_task, "Imports a document as a task."},
    {"GET", "/async/task/{id}", get_task, "State of a task."},
    {"POST", "/async/task/{id}/cancel", cancel_task, "Cancels a task."},
    {"GET", "/config/uploads", list_uploads, "Files of the upload folder."},
    {"POST", "/config/uploads", post_upload, "Puts a file into the upload folder."},
    {"DELETE", "/config/uploads/{name}", delete_upload, "Removes an uploaded file."},
    {0},
};
bool sl_data_routes(sl_router *rt) { return sl_router_add(rt, routes); }
