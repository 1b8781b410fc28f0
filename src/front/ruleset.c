/* Routes of rulesets; files come from disk or over HTTP. */
#include <stdlib.h>
#include "front/ekuiper.h"
#include "os/file.h"

#define OFFICE(app) (((sl_door *)(app))->office)

static void export_all(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_api_ruleset_export(OFFICE(app), &b);
    sl_rest_reply(r, 200, "application/octet-stream", sl_buf_view(&b), "Content-Disposition: Attachment\r\n");
    sl_buf_free(&b);
}
static void imported(void *arg, sl_err *e, const int n[3]) {
    if (e)
        sl_rest_fail(arg, sl_err_recode(e, SL_E_UNDEFINED), "Import ruleset error");
    else
        sl_rest_textf(arg, 200, "imported %d streams, %d tables and %d rules", n[0], n[1], n[2]);
}
static void import_text(sl_office *o, sl_http_req *r, sl_str text) { sl_api_ruleset_import(o, text, imported, r); }
typedef struct fetch {
    sl_office *office;
    sl_http_req *r;
    sl_http_client *client;
} fetch;
static void client_gone(void *arg) { sl_http_client_free(arg); }
static void fetched(void *arg, const sl_http_result *res) {
    fetch *f = arg;
    if (res->status == 200)
        import_text(f->office, f->r, res->body);
    else if (res->status) {
        sl_str line = res->headers; /* "HTTP/1.1 404 Not Found" */
        ptrdiff_t end = sl_str_find(line, SL_S("\r\n")), sp = sl_str_find(line, SL_S(" "));
        line = sl_str_starts(line, SL_S("HTTP/")) && sp >= 0 && end > sp ? sl_str_n(line.p + sp + 1, (size_t)(end - sp) - 1) : (sl_str){0};
        sl_err *e = line.n ? sl_err_new(SL_E_UNDEFINED, "cannot download the file with status: %.*s", SL_FMT(line))
                           : sl_err_new(SL_E_UNDEFINED, "cannot download the file with status: %d%s", res->status, res->status == 404 ? " Not Found" : "");
        sl_rest_fail(f->r, e, "Fail to read file");
    } else
        sl_rest_fail(f->r, sl_err_new(SL_E_UNDEFINED, "%.*s", SL_FMT(res->error)), "Fail to read file");
    sl_post(sl_office_loop(f->office), client_gone, f->client);
    free(f);
}
static void import(void *app, sl_http_req *r, const sl_str *v) {
    sl_office *o = OFFICE(app);
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_str rest;
    sl_err *e = a ? sl_json_parse(a, r->body, &j, &rest) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (e) {
        sl_rest_fail(r, sl_err_recode(sl_err_prefix(e, "Error decoding json"), SL_E_UNDEFINED), "Invalid body");
        sl_arena_free(a);
        return;
    }
    sl_str content = sl_json_text(sl_json_iget(j, "content"), (sl_str){0}), file = sl_json_text(sl_json_iget(j, "file"), (sl_str){0});
    if ((content.n > 0) == (file.n > 0)) {
        sl_rest_fail(r, sl_err_new(SL_E_UNDEFINED, content.n ? "Cannot specify both content and file: bad request" : "must specify content or file: bad request"),
                     "Invalid body");
    } else if (content.n)
        import_text(o, r, content);
    else if (sl_str_starts(file, SL_S("http://")) || sl_str_starts(file, SL_S("https://"))) {
        fetch *f = calloc(1, sizeof *f);
        e = f ? sl_http_client_new(sl_office_loop(o), &f->client) : sl_err_new(SL_E_NOMEM, "out of memory");
        if (e) {
            free(f);
            sl_rest_fail(r, e, "Fail to read file");
        } else {
            f->office = o;
            f->r = r;
            sl_http_do(f->client, &(sl_http_call){.method = SL_S("GET"), .url = file,
                                                  .no_private = !sl_settings_bool(sl_office_settings(o), "basic.enablePrivateNet", true)}, fetched, f);
        }
    } else if (sl_str_find(file, SL_S("://")) >= 0 && !sl_str_starts(file, SL_S("file://"))) {
        ptrdiff_t at = sl_str_find(file, SL_S("://"));
        sl_rest_fail(r, sl_err_new(SL_E_UNDEFINED, "unsupported url scheme %.*s", (int)at, file.p), "Fail to read file");
    } else {
        if (sl_str_starts(file, SL_S("file://")))
            file = (sl_str){file.p + 7, file.n - 7};
        char *name = sl_strdup_n(file.p, file.n), *path = name ? sl_path_join(sl_office_home(o), name) : NULL;
        sl_buf text = {0};
        e = path ? sl_file_read(path, 64 << 20, &text) : sl_err_new(SL_E_NOMEM, "out of memory");
        if (e)
            sl_rest_fail(r, sl_err_recode(e, SL_E_UNDEFINED), "Fail to read file");
        else
            import_text(o, r, sl_buf_view(&text));
        sl_buf_free(&text);
        free(path);
        free(name);
    }
    sl_arena_free(a);
}
static const sl_route routes[] = {
    {"POST", "/ruleset/export", export_all, "All streams, tables and rules as one document."},
    {"POST", "/ruleset/import", import, "Imports such a document."},
    {0},
};
bool sl_ruleset_routes(sl_router *rt) { return sl_router_add(rt, routes); }
