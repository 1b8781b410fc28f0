/* What can be done to a rule that runs: put its source to another position, keep spans of its messages. Shapes: rest-api.md 6. */
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
        r->trace_head = on && sl_str_is(strategy, "head");
    }
    sl_arena_free(a);
    return e;
}
