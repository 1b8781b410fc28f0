/* What can be done to a rule that runs: put its source to another position, keep spans of its messages. */
#include <stdlib.h>
#include "core/body.h"
#include "core/office_int.h"

void sl_api_rule_reset(sl_office *o, sl_str id, sl_str text, sl_api_done done, void *arg) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    const sl_json *params = NULL;
    int64_t type = 0;
    sl_str stream = {0};
    sl_rule *r = sl_map_get(o->rules, id);
    sl_flowspec *spec = NULL;
    sl_err *e = a ? sl_body_first(a, text, &j) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e)
        e = sl_body_is(j, SL_J_OBJ, "server.ResetRuleStateRequest");
    if (!e)
        e = sl_body_int(j, "ResetRuleStateRequest", "type", &type);
    if (!e)
        e = sl_body_want(j, "ResetRuleStateRequest", "params", SL_J_OBJ, "map[string]interface {}", &params);
    if (!e)
        e = sl_body_text(params, "ResetRuleStateRequest.params", "streamName", &stream);
    if (!e && type != 1)
        e = sl_err_new(SL_E_UNDEFINED, "unknown stateType:%lld", (long long)type);
    if (!e && !r)
        e = sl_err_new(SL_E_UNDEFINED, "Rule %.*s is not found in registry", SL_FMT(id));
    if (!e && !r->flow)
        e = sl_err_new(SL_E_UNDEFINED, "rule %.*s should be running when modify state", SL_FMT(id));
    const sl_flowspec *now = e ? NULL : sl_flow_spec(r->flow);
    if (!e && (!sl_str_eq(now->src->stream, stream) || !now->src->def->source->rewinds || now->src->shared))
        e = sl_err_new(SL_E_UNDEFINED, "stream %.*s not found in topo", SL_FMT(stream));
    if (!e && !sl_json_iget(params, "input"))
        e = sl_err_new(SL_E_UNDEFINED, "params.input is missing, expected the position to go to");
    if (!e)
        e = rule_plan(o, r->def, &spec);
    if (e)
        done(arg, e);
    else {
        sl_buf from = {0};
        sl_json_write(&from, sl_json_iget(params, "input"), false, 0);
        spec->from = sl_arena_dup(spec->arena, sl_buf_view(&from));
        sl_buf_free(&from);
        rule_restart_from(r, spec, done, arg);
    }
    sl_arena_free(a);
}
sl_err *sl_api_rule_trace(sl_office *o, sl_str id, bool on, sl_str text) {
    sl_arena *a = on ? sl_arena_new(0) : NULL;
    sl_json *j = NULL;
    sl_str strategy = {0};
    sl_rule *r = sl_map_get(o->rules, id);
    sl_err *e = NULL;
    if (on) {
        e = a ? sl_body_first(a, text, &j) : sl_err_new(SL_E_NOMEM, "out of memory");
        if (!e)
            e = sl_body_is(j, SL_J_OBJ, "server.EnableRuleTraceRequest");
        if (!e)
            e = sl_body_text(j, "EnableRuleTraceRequest", "strategy", &strategy);
        e = sl_err_prefix(e, "Invalid body: Error decoding json");
    }
    if (!e && !r)
        e = sl_err_new(SL_E_UNDEFINED, "rule %.*s isn't existed", SL_FMT(id));
    if (!e && !r->flow)
        e = sl_err_new(SL_E_UNDEFINED, "rule %.*s set trace failed due to rule didn't started", SL_FMT(r->def->name));
    if (!e) {
        r->trace = on;
        sl_flow_trace(r->flow, on, on && sl_str_is(strategy, "head"), traces_take, o);
    }
    sl_arena_free(a);
    return e;
}

/* ---- scan tables ---- */
typedef struct tables_ask {
    char *id;
    sl_api_text done;
    void *arg;
} tables_ask;
static void tables_ready(void *arg, sl_str json) {
    tables_ask *q = arg;
    sl_err *e = json.n ? NULL : sl_err_new(SL_E_GENERAL, "rule %s has no rows of a scan table", q->id ? q->id : "");
    q->done(q->arg, e, json);
    free(q->id);
    free(q);
}
void sl_api_rule_tables(sl_office *o, sl_str id, sl_api_text done, void *arg) {
    sl_rule *r = sl_map_get(o->rules, id);
    tables_ask *q = r ? calloc(1, sizeof *q) : NULL;
    if (!q) {
        done(arg, sl_err_new(r ? SL_E_NOMEM : SL_E_NOTFOUND, r ? "out of memory" : "Rule %.*s is not found", SL_FMT(id)), (sl_str){0});
        return;
    }
    *q = (tables_ask){sl_strdup_n(id.p, id.n), done, arg};
    if (r->flow)
        sl_flow_tables(r->flow, tables_ready, q);
    else
        tables_ready(q, (sl_str){"", 0});
}

/* ---- CPU time by rule ---- */
struct usage {
    sl_office *office;
    sl_timer *timer;
    int64_t every_ms;
    sl_map *seen; /* id -> int64_t *: busy time at the last look */
    sl_buf text;
    bool ready, asking, gone;
};
static void usage_drop(usage *u) {
    size_t it = 0;
    void *v;
    while (u->seen && sl_map_next(u->seen, &it, NULL, &v))
        free(v);
    sl_map_free(u->seen);
    sl_buf_free(&u->text);
    free(u);
}
static void usage_looked(void *arg, const rule_meters *l, size_t n) {
    usage *u = arg;
    u->asking = false;
    if (u->gone) {
        usage_drop(u);
        return;
    }
    sl_map *now = sl_map_new();
    sl_buf text = {0};
    sl_buf_putc(&text, '{');
    for (size_t i = 0, k = 0; l && now && i < n; i++) {
        if (!l[i].r->flow)
            continue;
        const int64_t *before = sl_map_get(u->seen, sl_str_of(l[i].r->id));
        int64_t *busy = malloc(sizeof *busy), us = l[i].m->busy_us;
        int64_t spent = before && *before <= us ? us - *before : us; /* a new run counts from 0 */
        if (busy) {
            *busy = us;
            if (!sl_map_set(now, sl_str_of(l[i].r->id), busy, NULL))
                free(busy);
        }
        sl_buf_puts(&text, k++ ? "," : "");
        sl_json_put_str(&text, sl_str_of(l[i].r->id));
        sl_buf_printf(&text, ":%lld", (long long)((spent + 500) / 1000));
    }
    sl_buf_putc(&text, '}');
    if (now && !text.failed) {
        sl_map *old = u->seen;
        sl_buf was = u->text;
        u->seen = now;
        u->text = text;
        u->ready = true;
        now = old;
        text = was;
    }
    size_t it = 0;
    void *v;
    while (now && sl_map_next(now, &it, NULL, &v))
        free(v);
    sl_map_free(now);
    sl_buf_free(&text);
}
static void usage_tick(void *arg) {
    usage *u = arg;
    sl_timer_in(u->timer, u->every_ms);
    if (!u->asking)
        u->asking = rules_survey(u->office, usage_looked, u);
}
void usage_start(sl_office *o) {
    const sl_settings *s = o->conf.settings;
    if (!sl_settings_bool(s, "basic.ResourceProfileConfig.enable", false))
        return;
    usage *u = calloc(1, sizeof *u);
    if (!u)
        return;
    u->office = o;
    u->every_ms = sl_settings_dur_ms(s, "basic.ResourceProfileConfig.interval", 5000);
    if (u->every_ms < 100)
        u->every_ms = 5000;
    u->seen = sl_map_new();
    u->timer = sl_timer_new(o->conf.loop, usage_tick, u);
    if (!u->seen || !u->timer) {
        sl_timer_free(u->timer);
        usage_drop(u);
        return;
    }
    o->usage = u;
    sl_timer_in(u->timer, u->every_ms);
}
void usage_free(sl_office *o) {
    usage *u = o->usage;
    o->usage = NULL;
    if (!u)
        return;
    sl_timer_free(u->timer);
    if (u->asking)
        u->gone = true;
    else
        usage_drop(u);
}
bool sl_api_cpu_usage(sl_office *o, sl_buf *out) {
    if (!o->usage)
        sl_buf_puts(out, "cpu usage not enabled");
    else if (!o->usage->ready)
        sl_buf_puts(out, "cpu usage not ready");
    else
        sl_buf_str(out, sl_buf_view(&o->usage->text));
    return o->usage && o->usage->ready;
}
