/* eKuiper's REST: system, streams, tables, rules. Shapes, codes and texts are upstream's. */
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "base/num.h"
#include "front/ekuiper.h"

#define OFFICE(app) (((sl_door *)(app))->office)

/* ---- system ---- */
static void info(void *app, sl_http_req *r, const sl_str *v) {
    sl_door *d = app;
    struct utsname u;
    uname(&u);
    const char *arch = strcmp(u.machine, "x86_64") == 0 ? "amd64" : strcmp(u.machine, "aarch64") == 0 ? "arm64" : u.machine;
    int64_t up = (sl_wall_ns() / 1000000 - d->started_ms) / 1000;
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    sl_buf b = {0};
    sl_buf_printf(&b, "{\"version\":\"%s\",\"os\":\"linux\",\"arch\":\"%s\",\"upTimeSeconds\":%lld,\"cpuUsage\":\"%.2f%%\",\"memoryUsed\":\"%lld\",\"memoryTotal\":\"%lld\"}",
                  SL_VERSION, arch, (long long)up, up > 0 ? 100.0 * sl_cpu_seconds() / (double)up : 0.0, (long long)sl_rss_bytes(), (long long)pages * (long long)size);
    sl_rest_ok_json(r, sl_buf_view(&b));
    sl_buf_free(&b);
}
static void ping(void *app, sl_http_req *r, const sl_str *v) { sl_rest_reply(r, 200, NULL, (sl_str){"", 0}, NULL); }
static void stop(void *app, sl_http_req *r, const sl_str *v) {
    sl_door *d = app;
    sl_rest_ok_text(r, SL_S("stop success"));
    if (d->stop)
        d->stop(d->stop_arg);
}

/* ---- streams and tables ---- */
static bool is_table(const sl_http_req *r) { return strncmp(r->path, "/table", 6) == 0; }
static void send_tree(sl_http_req *r, const sl_json *j, bool sorted) {
    sl_buf b = {0};
    sl_json_write(&b, j, sorted, 0);
    sl_rest_ok_json(r, sl_buf_view(&b));
    sl_buf_free(&b);
}
void sl_html_escape(sl_buf *out, sl_str s) { /* Go's html escaping of statement results */
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case '<': sl_buf_puts(out, "&lt;"); break;
        case '>': sl_buf_puts(out, "&gt;"); break;
        case '&': sl_buf_puts(out, "&amp;"); break;
        case '\'': sl_buf_puts(out, "&#39;"); break;
        case '"': sl_buf_puts(out, "&#34;"); break;
        default: sl_buf_putc(out, s.p[i]);
        }
}
static void list_streams(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_buf kind = {0};
    sl_http_query_get(r, "kind", &kind);
    bool details = strstr(r->path, "details") != NULL;
    sl_json *l = details ? sl_api_stream_details(OFFICE(app), a, is_table(r), sl_buf_view(&kind)) : sl_api_stream_names(OFFICE(app), a, is_table(r), sl_buf_view(&kind));
    send_tree(r, l, false);
    sl_buf_free(&kind);
    sl_arena_free(a);
}
/* {"sql": "…"} of a body. */
static sl_err *read_sql(sl_arena *a, sl_str body, sl_str *sql) {
    sl_json *j = NULL;
    sl_str rest;
    sl_err *e = body.n ? sl_json_parse(a, body, &j, &rest) : sl_err_new(SL_E_UNDEFINED, "EOF");
    const sl_json *s = e ? NULL : sl_json_iget(j, "sql");
    if (!e && j->kind != SL_J_OBJ)
        e = sl_err_new(SL_E_UNDEFINED, "json: cannot unmarshal %s into Go value of type server.statementDescriptor",
                       j->kind == SL_J_ARR       ? "array"
                           : j->kind == SL_J_STR ? "string"
                           : j->kind == SL_J_NUM ? "number"
                                                 : "bool");
    if (!e && s && s->kind != SL_J_STR && s->kind != SL_J_NULL)
        e = sl_err_new(SL_E_UNDEFINED, "json: cannot unmarshal %s into Go struct field statementDescriptor.sql of type string",
                       s->kind == SL_J_NUM        ? "number"
                           : s->kind == SL_J_BOOL ? "bool"
                           : s->kind == SL_J_ARR  ? "array"
                                                  : "object");
    if (e)
        return sl_err_recode(sl_err_prefix(e, "Error decoding the statement descriptor"), SL_E_UNDEFINED);
    *sql = sl_json_text(s, (sl_str){"", 0});
    return NULL;
}
static void create_stream(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_str sql;
    sl_buf out = {0}, html = {0};
    sl_err *e = read_sql(a, r->body, &sql);
    if (e)
        sl_rest_fail(r, e, "Invalid body");
    else if ((e = sl_api_stream_sql(OFFICE(app), sql, &out)))
        sl_rest_fail(r, e, is_table(r) ? "Table command error" : "Stream command error");
    else {
        sl_html_escape(&html, sl_buf_view(&out));
        sl_rest_text(r, 201, sl_buf_view(&html));
    }
    sl_buf_free(&out);
    sl_buf_free(&html);
    sl_arena_free(a);
}
static void get_stream(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    bool t = is_table(r);
    sl_err *e = sl_check_id(v[0]);
    if (e)
        sl_rest_fail(r, e, NULL);
    else if ((e = sl_api_stream_get(OFFICE(app), a, t, v[0], &j)))
        sl_rest_fail(r, e, t ? "describe table error" : "describe stream error");
    else
        send_tree(r, j, false);
    sl_arena_free(a);
}
static void stream_schema(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = sl_api_stream_schema(OFFICE(app), a, is_table(r), v[0], &j);
    if (e)
        sl_rest_fail(r, e, is_table(r) ? "get schema of table error" : "get schema of stream error");
    else
        send_tree(r, j, true);
    sl_arena_free(a);
}
static void put_stream(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_str sql;
    bool t = is_table(r);
    sl_err *e = sl_check_id(v[0]);
    if (e)
        sl_rest_fail(r, e, NULL);
    else if ((e = read_sql(a, r->body, &sql)))
        sl_rest_fail(r, e, "Invalid body");
    else if ((e = sl_api_stream_replace(OFFICE(app), t, v[0], sql)))
        sl_rest_fail(r, e, t ? "Table command error" : "Stream command error");
    else
        sl_rest_textf(r, 200, "%s %.*s is replaced.", t ? "Table" : "Stream", SL_FMT(v[0]));
    sl_arena_free(a);
}
static void delete_stream(void *app, sl_http_req *r, const sl_str *v) {
    bool t = is_table(r);
    sl_buf force = {0};
    sl_http_query_get(r, "force", &force);
    sl_err *e = sl_check_id(v[0]);
    if (e)
        sl_rest_fail(r, e, NULL);
    else if ((e = sl_api_stream_drop(OFFICE(app), t, v[0], sl_str_is(sl_buf_view(&force), "true")))) {
        bool used = sl_err_code(e) == SL_E_UNDEFINED;
        sl_rest_fail(r, e, used ? NULL : t ? "delete table error" : "delete stream error");
    } else
        sl_rest_textf(r, 200, "%s %.*s is dropped.", t ? "Table" : "Stream", SL_FMT(v[0]));
    sl_buf_free(&force);
}

/* ---- rules ---- */
static void list_rules(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_api_rule_list(OFFICE(app), &b);
    sl_rest_ok_json(r, sl_buf_view(&b));
    sl_buf_free(&b);
}
static void create_rule(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf id = {0};
    sl_http_query_get(r, "id", &id); /* ours: the name, for a body without one */
    sl_err *e = sl_api_rule_create(OFFICE(app), r->body, &id);
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_textf(r, 201, "Rule %s was created successfully.", sl_buf_cstr(&id));
    sl_buf_free(&id);
}
static bool query_is(const sl_http_req *r, const char *name, const char *value) {
    sl_buf b = {0};
    bool yes = sl_http_query_get(r, name, &b) && sl_str_is(sl_buf_view(&b), value);
    sl_buf_free(&b);
    return yes;
}
static void get_rule(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_err *e = sl_check_id(v[0]);
    if (e)
        sl_rest_fail(r, e, NULL);
    else if ((e = query_is(r, "full", "true") ? sl_api_rule_full(OFFICE(app), v[0], &b) : sl_api_rule_get(OFFICE(app), v[0], &b)))
        sl_rest_fail(r, e, "Describe rule error");
    else
        sl_rest_ok_json(r, sl_buf_view(&b));
    sl_buf_free(&b);
}
typedef struct later { /* a request that is answered when the office is through */
    sl_http_req *r;
    const char *prefix, *text;
    char id[];
} later;
static later *later_new(sl_http_req *r, sl_str id, const char *prefix, const char *text) {
    later *l = malloc(sizeof *l + id.n + 1);
    if (!l) {
        sl_rest_fail(r, sl_err_new(SL_E_NOMEM, "out of memory"), NULL);
        return NULL;
    }
    l->r = r;
    l->prefix = prefix;
    l->text = text;
    if (id.n)
        memcpy(l->id, id.p, id.n);
    l->id[id.n] = 0;
    return l;
}
static void answer(void *arg, sl_err *e) {
    later *l = arg;
    if (e)
        sl_rest_fail(l->r, e, l->prefix);
    else {
        sl_buf b = {0};
        for (const char *p = l->text; *p; p++)
            if (*p == '%')
                sl_buf_puts(&b, l->id);
            else
                sl_buf_putc(&b, *p);
        sl_rest_ok_text(l->r, sl_buf_view(&b));
        sl_buf_free(&b);
    }
    free(l);
}
static void put_rule(void *app, sl_http_req *r, const sl_str *v) {
    sl_err *e = sl_check_id(v[0]);
    if (e) {
        sl_rest_fail(r, e, NULL);
        return;
    }
    later *l = later_new(r, v[0], "Update rule error", "Rule % was updated successfully.");
    if (l)
        sl_api_rule_update(OFFICE(app), v[0], r->body, answer, l);
}
static void delete_rule(void *app, sl_http_req *r, const sl_str *v) {
    sl_err *e = sl_check_id(v[0]);
    if (e) {
        sl_rest_fail(r, e, NULL);
        return;
    }
    later *l = later_new(r, v[0], "Delete rule error", "Rule % is dropped.");
    if (l)
        sl_api_rule_delete(OFFICE(app), v[0], answer, l);
}
static void start_rule(void *app, sl_http_req *r, const sl_str *v) {
    later *l = later_new(r, v[0], "start rule error", "Rule % was started");
    if (l)
        sl_api_rule_start(OFFICE(app), v[0], answer, l);
}
static void stop_rule(void *app, sl_http_req *r, const sl_str *v) {
    later *l = later_new(r, v[0], "stop rule error", "Rule % was stopped.");
    if (l)
        sl_api_rule_stop(OFFICE(app), v[0], answer, l);
}
static void restart_rule(void *app, sl_http_req *r, const sl_str *v) {
    later *l = later_new(r, v[0], "restart rule error", "Rule % was restarted");
    if (l)
        sl_api_rule_restart(OFFICE(app), v[0], answer, l);
}
static void answer_json(void *arg, sl_err *e, sl_str text) {
    later *l = arg;
    if (e)
        sl_rest_fail(l->r, e, l->prefix);
    else
        sl_rest_ok_json(l->r, text);
    free(l);
}
static void rule_status(void *app, sl_http_req *r, const sl_str *v) {
    later *l = later_new(r, v[0], "get rule status error", "");
    if (l)
        sl_api_rule_status(OFFICE(app), v[0], strncmp(r->path, "/v2/", 4) == 0, answer_json, l);
}
static void rule_ledger(void *app, sl_http_req *r, const sl_str *v) {
    later *l = later_new(r, v[0], "get rule ledger error", "");
    if (l)
        sl_api_rule_ledger(OFFICE(app), v[0], answer_json, l);
}
static void rule_tables(void *app, sl_http_req *r, const sl_str *v) {
    later *l = later_new(r, v[0], "get scan tables error", "");
    if (l)
        sl_api_rule_tables(OFFICE(app), v[0], answer_json, l);
}
static void status_all(void *app, sl_http_req *r, const sl_str *v) {
    later *l = later_new(r, (sl_str){0}, "get all rules status error", "");
    if (l)
        sl_api_rule_status_all(OFFICE(app), answer_json, l);
}
static void answer_json_or(sl_http_req *r, sl_err *e, const char *prefix, sl_buf *b, bool json) {
    if (e)
        sl_rest_fail(r, e, prefix);
    else if (json)
        sl_rest_ok_json(r, sl_buf_view(b));
    else
        sl_rest_ok_text(r, sl_buf_view(b));
    sl_buf_free(b);
}
static void rule_topo(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_err *e = sl_api_rule_topo(OFFICE(app), v[0], &b);
    answer_json_or(r, e, "get rule topo error", &b, true);
}
static void rule_schema(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_err *e = sl_api_rule_schema(OFFICE(app), v[0], &b);
    answer_json_or(r, e, "get rule schema error", &b, true);
}
static sl_err *explain_form(const sl_http_req *r, sl_explain_form *form) {
    sl_buf b = {0};
    sl_err *e = NULL;
    if (sl_http_query_get(r, "format", &b)) {
        if (sl_str_is(sl_buf_view(&b), "json"))
            *form = SL_EXPLAIN_JSON;
        else if (sl_str_is(sl_buf_view(&b), "tree"))
            *form = SL_EXPLAIN_TREE;
        else if (sl_str_is(sl_buf_view(&b), "text"))
            *form = SL_EXPLAIN_TEXT;
        else
            e = sl_err_new(SL_E_UNDEFINED, "format: expected text, tree or json, got \"%.*s\"", SL_FMT(sl_buf_view(&b)));
    }
    sl_buf_free(&b);
    return e;
}
static void rule_explain(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_explain_form form = SL_EXPLAIN_TEXT;
    sl_err *e = explain_form(r, &form);
    if (!e)
        e = sl_api_rule_explain(OFFICE(app), v[0], form, &b);
    answer_json_or(r, e, "explain rules error", &b, form == SL_EXPLAIN_JSON);
}
static void explain_statement(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_explain_form form = SL_EXPLAIN_TREE;
    sl_err *e = explain_form(r, &form);
    if (!e)
        e = sl_api_explain(OFFICE(app), r->body, form, &b);
    answer_json_or(r, e, "explain error", &b, form == SL_EXPLAIN_JSON);
}
static void validate_rule(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0}, id = {0};
    sl_http_query_get(r, "id", &id);
    sl_err *e = sl_api_rule_validate(OFFICE(app), sl_buf_view(&id), r->body, &b);
    sl_buf_free(&id);
    if (e && sl_rest_wants_help(r)) {
        sl_buf_puts(&b, "{\"valid\":false,\"message\":");
        sl_json_put_str(&b, sl_str_of(sl_err_text(e)));
        sl_rest_help(&b, e);
        sl_buf_puts(&b, "}\n");
        sl_rest_json(r, 422, sl_buf_view(&b));
        sl_err_free(e);
    } else if (e) {
        sl_rest_text(r, 422, sl_str_of(sl_err_text(e)));
        sl_err_free(e);
    } else
        sl_rest_ok_json(r, sl_buf_view(&b));
    sl_buf_free(&b);
}
static void cpu_usage(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    if (sl_api_cpu_usage(OFFICE(app), &b))
        sl_rest_ok_json(r, sl_buf_view(&b));
    else
        sl_rest_ok_text(r, sl_buf_view(&b));
    sl_buf_free(&b);
}

static void reset_state(void *app, sl_http_req *r, const sl_str *v) {
    later *l = later_new(r, v[0], NULL, "success");
    if (l)
        sl_api_rule_reset(OFFICE(app), v[0], r->body, answer, l);
}
static void trace_switch(void *app, sl_http_req *r, const sl_str *v) {
    sl_err *e = sl_api_rule_trace(OFFICE(app), v[0], sl_str_ends(sl_str_of(r->path), SL_S("/start")), r->body);
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_reply(r, 200, NULL, SL_S(""), NULL);
}

/* ---- metrics as files ---- */
static void dump_check(void *app, sl_http_req *r, const sl_str *v) { sl_rest_ok_text(r, sl_api_dump_enabled(OFFICE(app)) ? SL_S("enabled") : SL_S("disabled")); }
static sl_err *seconds(const sl_http_req *r, const char *name, int64_t *out) {
    sl_buf b = {0};
    sl_err *e = NULL;
    if (sl_http_query_get(r, name, &b) && b.n && !sl_num_parse_i64(sl_buf_view(&b), out))
        e = sl_err_new(SL_E_UNDEFINED, "%s: expected a time in seconds since 1970, got \"%.*s\"", name, SL_FMT(sl_buf_view(&b)));
    sl_buf_free(&b);
    return e;
}
static void dump(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    int64_t to = sl_wall_ns() / 1000000000, from = to - 3600;
    sl_err *e = seconds(r, "startTime", &from);
    if (!e)
        e = seconds(r, "endTime", &to);
    if (!e)
        e = sl_api_dump(OFFICE(app), from, to, &b);
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_reply(r, 200, "application/zip", sl_buf_view(&b), "Content-Disposition: attachment; filename=metrics.zip\r\n");
    sl_buf_free(&b);
}

/* ---- traces ---- */
static void get_trace(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_err *e = sl_api_trace_get(OFFICE(app), v[0], &b);
    if (e)
        sl_rest_reply(r, 404, "text/plain; charset=utf-8", SL_S("Not Found\n"), "X-Content-Type-Options: nosniff\r\n");
    else
        sl_rest_ok_json(r, sl_buf_view(&b));
    sl_err_free(e);
    sl_buf_free(&b);
}
static void list_traces(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0}, limit = {0};
    int64_t n = -1;
    if (!sl_http_query_get(r, "limit", &limit) || !sl_num_parse_i64(sl_buf_view(&limit), &n) || n <= 0)
        n = -1;
    sl_api_trace_list(OFFICE(app), v[0], n, &b);
    sl_rest_ok_json(r, sl_buf_view(&b));
    sl_buf_free(&b);
    sl_buf_free(&limit);
}
static void set_tracer(void *app, sl_http_req *r, const sl_str *v) {
    sl_err *e = sl_api_tracer(OFFICE(app), r->body);
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_ok_text(r, SL_S("success"));
}

/* ---- tags and bulk ---- */
static void tags(void *app, sl_http_req *r, const sl_str *v) {
    int how = sl_str_is(r->method, "PUT") ? 0 : sl_str_is(r->method, "PATCH") ? 1 : 2;
    sl_err *e = sl_api_rule_tags(OFFICE(app), v[0], r->body, how);
    if (e)
        sl_rest_fail(r, e, NULL);
    else
        sl_rest_reply(r, 200, NULL, (sl_str){"", 0}, NULL);
}
static void match_tags(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_err *e = sl_api_rule_match(OFFICE(app), r->body, &b);
    answer_json_or(r, e, NULL, &b, true);
}
static void bulk(void *app, sl_http_req *r, const sl_str *v) {
    later *l = later_new(r, (sl_str){0}, NULL, "");
    if (l)
        sl_api_rule_bulk(OFFICE(app), strstr(r->path, "bulkstart") != NULL, r->body, answer_json, l);
}
static void answer_metrics(void *arg, sl_err *e, sl_str text) {
    later *l = arg;
    if (e)
        sl_rest_fail(l->r, e, NULL);
    else
        sl_rest_reply(l->r, 200, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", text, NULL);
    free(l);
}
static void metrics(void *app, sl_http_req *r, const sl_str *v) {
    later *l = later_new(r, (sl_str){0}, NULL, "");
    if (l)
        sl_api_metrics(OFFICE(app), answer_metrics, l);
}
static void watch_rule(void *app, sl_http_req *r, const sl_str *v) {
    sl_buf b = {0};
    sl_err *e = sl_api_rule_watch(OFFICE(app), v[0], &b);
    answer_json_or(r, e, "watch rule error", &b, true);
}
static const sl_route routes[] = {
    {"GET", "/", info, "Version, uptime and memory."},
    {"POST", "/", info, "Version, uptime and memory."},
    {"GET", "/ping", ping, "Is the daemon there?"},
    {"GET", "/stop", stop, "Ends the daemon."},
    {"POST", "/stop", stop, "Ends the daemon."},
    {"GET", "/streams", list_streams, "Names of all streams."},
    {"POST", "/streams", create_stream, "Runs a stream statement."},
    {"GET", "/streamdetails", list_streams, "Name, type and format of all streams."},
    {"GET", "/streams/{name}", get_stream, "Definition of a stream."},
    {"PUT", "/streams/{name}", put_stream, "Replaces a stream."},
    {"DELETE", "/streams/{name}", delete_stream, "Drops a stream."},
    {"GET", "/streams/{name}/schema", stream_schema, "Columns of a stream."},
    {"GET", "/tables", list_streams, "Names of all tables."},
    {"POST", "/tables", create_stream, "Runs a table statement."},
    {"GET", "/tabledetails", list_streams, "Name, type and format of all tables."},
    {"GET", "/tables/{name}", get_stream, "Definition of a table."},
    {"PUT", "/tables/{name}", put_stream, "Replaces a table."},
    {"DELETE", "/tables/{name}", delete_stream, "Drops a table."},
    {"GET", "/tables/{name}/schema", stream_schema, "Columns of a table."},
    {"GET", "/rules", list_rules, "All rules with their state."},
    {"POST", "/rules", create_rule, "Creates a rule."},
    {"POST", "/rules/{name}/watch", watch_rule, "Shows what a running rule emits as events of the data server."},
    {"POST", "/rules/validate", validate_rule, "Checks a rule without creating it."},
    {"GET", "/rules/status/all", status_all, "State and last error of all rules."},
    {"GET", "/rules/tags/match", match_tags, "Rules that have all the tags."},
    {"POST", "/rules/bulkstart", bulk, "Starts all rules that have the tags."},
    {"POST", "/rules/bulkstop", bulk, "Stops all rules that have the tags."},
    {"GET", "/rules/usage/cpu", cpu_usage, "CPU time by rule."},
    {"GET", "/rules/{name}", get_rule, "Text of a rule."},
    {"PUT", "/rules/{name}", put_rule, "Replaces a rule, or creates it."},
    {"DELETE", "/rules/{name}", delete_rule, "Drops a rule."},
    {"GET", "/rules/{name}/status", rule_status, "State and metrics of a rule."},
    {"GET", "/v2/rules/{name}/status", rule_status, "State and metrics of a rule, compact."},
    {"GET", "/rules/{name}/ledger", rule_ledger, "Rows that came in and what became of them, messages of each sink and where they are, the journal."},
    {"GET", "/rules/{name}/scantables", rule_tables, "Rows that the scan tables of a rule hold."},
    {"POST", "/rules/{name}/start", start_rule, "Starts a rule."},
    {"POST", "/rules/{name}/stop", stop_rule, "Stops a rule."},
    {"POST", "/rules/{name}/restart", restart_rule, "Restarts a rule."},
    {"GET", "/rules/{name}/topo", rule_topo, "Nodes of a rule and their edges."},
    {"GET", "/rules/{name}/schema", rule_schema, "Output columns of a rule."},
    {"GET", "/rules/{name}/explain", rule_explain, "Plan of a rule: upstream's text; ?format=tree or ?format=json: what runs, in which form and why."},
    {"POST", "/rules/explain", explain_statement, "The same of a statement that is no rule yet, {\"sql\", \"options\"}; ?format=tree (default), json or text."},
    {"PUT", "/rules/{name}/tags", tags, "Sets the tags of a rule."},
    {"PATCH", "/rules/{name}/tags", tags, "Adds tags to a rule."},
    {"DELETE", "/rules/{name}/tags", tags, "Removes tags of a rule."},
    {"PUT", "/rules/{name}/reset_state", reset_state, "Puts a source of a rule to another position."},
    {"POST", "/rules/{name}/trace/start", trace_switch, "Keeps spans of the rule's messages."},
    {"POST", "/rules/{name}/trace/stop", trace_switch, "Keeps no more spans."},
    {"GET", "/trace/rule/{name}", list_traces, "Traces of a rule, newest first."},
    {"GET", "/trace/{id}", get_trace, "Spans of a trace."},
    {"GET", "/metrics/dump", dump, "Snapshots of the metrics as an archive."},
    {"GET", "/metrics/dump/check", dump_check, "Are snapshots of the metrics kept?"},
    {"POST", "/tracer", set_tracer, "Sends spans to a collector."},
    {0},
};
static const sl_route metric_routes[] = {
    {"GET", "/metrics", metrics, "Prometheus metrics."},
    {0},
};
bool sl_metric_routes(sl_router *rt) { return sl_router_add(rt, metric_routes); }
bool sl_ekuiper_routes(sl_router *rt) { return sl_router_add(rt, routes); }
