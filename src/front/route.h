/* Routes as tables: method, pattern, handler, and one sentence of documentation. A door is its tables and nothing else. */
#ifndef SL_FRONT_ROUTE_H
#define SL_FRONT_ROUTE_H
#include "base/err.h"
#include "net/http.h"

/* vars: values of the {name} placeholders in order of the pattern, decoded; lent until the answer. */
typedef void (*sl_route_fn)(void *app, sl_http_req *r, const sl_str *vars);
typedef struct sl_route {
    const char *method;
    const char *pattern; /* "/rules/{name}/start"; a placeholder takes one non-empty segment; a final {name...} takes the rest */
    sl_route_fn fn;
    const char *doc; /* one sentence */
} sl_route;
enum { SL_ROUTE_VARS = 8 };
typedef struct sl_router sl_router;
/* How a door says no; NULL members: as Go's mux does. */
typedef struct sl_router_opts {
    bool cors;  /* answers preflights, as upstream */
    bool clean; /* 301 to the cleaned path for // and dots */
    /* Asked before a handler runs; false: it has answered already. */
    bool (*admit)(void *app, sl_http_req *r);
    void (*not_found)(void *app, sl_http_req *r);
    void (*bad_method)(void *app, sl_http_req *r, const char *allow); /* allow: "GET, POST" */
} sl_router_opts;
sl_router *sl_router_new(const sl_router_opts *o, void *app); /* NULL: out of memory */
/* Adds a table that ends with method NULL; lent. First match in order of adding wins. */
bool sl_router_add(sl_router *rt, const sl_route *rows);
void sl_router_free(sl_router *rt);
/* An sl_http_handler: arg is the router. */
void sl_router_serve(void *router, sl_http_req *r);
/* For docs and tests: row i of all tables, NULL at the end. */
const sl_route *sl_router_at(const sl_router *rt, size_t i);
/* Path as Go's path.Clean with the final slash kept; appends to out. */
void sl_path_clean(sl_buf *out, sl_str path);

/* ---- answers of the eKuiper door (they add the CORS header where the request has an Origin) ---- */
void sl_rest_text(sl_http_req *r, int status, sl_str text); /* text/plain; charset=utf-8 */
void sl_rest_json(sl_http_req *r, int status, sl_str json); /* application/json */
#define sl_rest_ok_text(r, text) sl_rest_text((r), 200, (text))
#define sl_rest_ok_json(r, json) sl_rest_json((r), 200, (json))
/* printf form of sl_rest_text. */
void sl_rest_textf(sl_http_req *r, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* {"error":code,"message":"prefix: text"}\n; 404 for code NOTFOUND, 500 for NOMEM, else 400. Takes e; prefix "" or NULL = none. Where the error
 * lies in a statement and advice are told in a header, and in the body to who asks for JSON: others compare it byte by byte. */
void sl_rest_fail(sl_http_req *r, sl_err *e, const char *prefix);
/* Does the request name application/json as what it accepts? */
bool sl_rest_wants_help(const sl_http_req *r);
/* Appends ,"help":{"line":…} of an error that has a place; nothing otherwise. */
void sl_rest_help(sl_buf *out, const sl_err *e);
/* Any other answer with the CORS header added. */
void sl_rest_reply(sl_http_req *r, int status, const char *type, sl_str body, const char *extra);
#endif
