/* Routes of trial runs. */
#include <stdlib.h>
#include "front/ekuiper.h"

#define OFFICE(app) (((sl_door *)(app))->office)

typedef struct waiting {
    sl_http_req *r;
    long long port;
} waiting;
static void created(void *arg, sl_err *e, sl_str id) {
    waiting w = *(waiting *)arg;
    free(arg);
    if (e) {
        sl_rest_fail(w.r, e, NULL);
        return;
    }
    sl_buf b = {0};
    sl_buf_puts(&b, "{\"id\":");
    sl_json_put_str(&b, id);
    sl_buf_printf(&b, ",\"port\":%lld}", w.port);
    sl_rest_ok_json(w.r, sl_buf_view(&b));
    sl_buf_free(&b);
}
static void create(void *app, sl_http_req *r, const sl_str *v) {
    waiting *w = malloc(sizeof *w);
    if (!w) {
        sl_rest_fail(r, sl_err_new(SL_E_NOMEM, "out of memory"), NULL);
        return;
    }
    *w = (waiting){r, (long long)sl_settings_int(sl_office_settings(OFFICE(app)), "source.httpServerPort", 10081)};
    sl_api_trial_create(OFFICE(app), r->body, created, w);
}
static void start(void *app, sl_http_req *r, const sl_str *v) {
    sl_err *e = sl_api_trial_start(OFFICE(app), v[0]);
    if (e)
        sl_rest_fail(r, e, "start rule error");
    else
        sl_rest_textf(r, 200, "Test rule %.*s was started", SL_FMT(v[0]));
}
static void stop(void *app, sl_http_req *r, const sl_str *v) {
    sl_api_trial_stop(OFFICE(app), v[0]);
    sl_rest_textf(r, 200, "Test rule %.*s was stopped.", SL_FMT(v[0]));
}
static const sl_route routes[] = {
    {"POST", "/ruletest", create, "Prepares a trial run of a statement over invented rows."},
    {"POST", "/ruletest/{id}/start", start, "Starts a trial run; results come as events of /test/{id} on the data server."},
    {"DELETE", "/ruletest/{id}", stop, "Ends a trial run."},
    {0},
};
bool sl_trial_routes(sl_router *rt) { return sl_router_add(rt, routes); }
