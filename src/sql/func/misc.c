/* What fits nowhere else: null handling, identifiers, clocks, the rule, metadata, properties (one table at the end).
 * Decision: nothing here looks at a clock of its own except newuuid and snowflake ids, which must be unique whatever the lane's clock says. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "base/num.h"
#include "data/template.h"
#include "sql/func.h"
#include "sql/func/conv.h"

static sl_value fn_isnull(sl_call *c, const sl_value *args, uint32_t n) { return sl_v_bool(sl_v_nil(args[0])); }
static sl_value fn_coalesce(sl_call *c, const sl_value *args, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (!sl_v_nil(args[i]))
            return args[i];
    return sl_v_null();
}
static sl_value fn_bypass(sl_call *c, const sl_value *args, uint32_t n) { return n ? args[0] : sl_call_fail(c, "bypass needs at least one argument"); }
static void random_bytes(void *p, size_t n) {
    if (getrandom(p, n, 0) != (ssize_t)n) { /* early at boot: the clock is better than nothing */
        uint64_t x = (uint64_t)sl_wall_ns() ^ (uint64_t)(uintptr_t)p;
        for (size_t i = 0; i < n; i++, x = x * 6364136223846793005u + 1442695040888963407u)
            ((uint8_t *)p)[i] = (uint8_t)(x >> 56);
    }
}
/* Version 1 with a random node: 100 ns ticks since 1582, never the same twice on a thread, threads differ in node and sequence. */
static sl_value fn_newuuid(sl_call *c, const sl_value *args, uint32_t n) {
    static _Thread_local uint64_t last;
    static _Thread_local uint8_t tail[8]; /* clock sequence, node */
    if (!last) {
        random_bytes(tail, sizeof tail);
        tail[0] = (tail[0] & 0x3f) | 0x80;
        tail[2] |= 1; /* multicast bit: not a hardware address */
    }
    uint64_t t = (uint64_t)(sl_wall_ns() / 100) + 0x01b21dd213814000u;
    last = t = t > last ? t : last + 1;
    return sl_v_str(sl_arena_printf(c->arena, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", (unsigned)(t & 0xffffffffu), (unsigned)(t >> 32 & 0xffff),
                                    (unsigned)(t >> 48 & 0x0fff) | 0x1000, tail[0], tail[1], tail[2], tail[3], tail[4], tail[5], tail[6], tail[7]));
}
static sl_value fn_tstamp(sl_call *c, const sl_value *args, uint32_t n) { return sl_v_int(c->now_ms); }
static sl_value fn_rule_id(sl_call *c, const sl_value *args, uint32_t n) { return sl_v_str(c->rule_id.p ? c->rule_id : SL_S("")); }
static sl_value fn_rule_start(sl_call *c, const sl_value *args, uint32_t n) { return sl_v_int(c->rule_start_ms); }
static sl_value fn_meta(sl_call *c, const sl_value *args, uint32_t n) { return args[0].kind == SL_ABSENT ? sl_v_null() : args[0]; }
static sl_value fn_mqtt(sl_call *c, const sl_value *args, uint32_t n) { return args[0].kind == SL_STRING ? args[0] : sl_call_fail(c, "<nil>"); /* upstream's words */ }
static sl_value fn_props(sl_call *c, const sl_value *args, uint32_t n) {
    if (args[0].kind != SL_STRING)
        return sl_call_fail(c, "invalid input %s: must be property name of string type", sl_fn_v(c, args[0]));
    sl_str v;
    if (sl_engine_prop(c->arena, sl_v_text(args[0]), c->now_ms, &v))
        return sl_v_str(v);
    return sl_call_fail(c, "%s", "");
}
enum { MAX_DELAY_MS = 1000 };
static sl_value fn_delay(sl_call *c, const sl_value *args, uint32_t n) {
    int64_t ms;
    sl_str why;
    if (!sl_to_int(c->arena, args[0], SL_CAST_SAMEKIND | SL_CAST_GOINT, &ms, &why))
        return sl_call_fail(c, "%.*s", SL_FMT(why));
    if (ms > MAX_DELAY_MS)
        return sl_call_fail(c, "delay of %lld ms is not allowed: it holds up all rules of the lane, so at most %d ms are offered", (long long)ms, MAX_DELAY_MS);
    if (ms > 0) {
        struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
        while (nanosleep(&t, &t) != 0)
            ;
    }
    return args[1];
}
static sl_value fn_get_keyed_state(sl_call *c, const sl_value *args, uint32_t n) {
    if (args[0].kind != SL_STRING)
        return sl_call_fail(c, "key %s is not a string", sl_fn_v(c, args[0]));
    sl_value v;
    if (!c->env || !c->env->keyed || !c->env->keyed(c->env->arg, c->arena, sl_v_text(args[0]), &v))
        return sl_v_nil(args[2]) ? sl_v_null() : args[2];
    return sl_fn_cast_to(c, v, args[1]);
}
/* Of the window or the row, null where there is none. */
static sl_value fn_window_start(sl_call *c, const sl_value *args, uint32_t n) { return c->win_end ? sl_v_int(c->win_start) : sl_v_null(); }
static sl_value fn_window_end(sl_call *c, const sl_value *args, uint32_t n) { return c->win_end ? sl_v_int(c->win_end) : sl_v_null(); }
static sl_value fn_window_trigger(sl_call *c, const sl_value *args, uint32_t n) { return c->win_end ? sl_v_int(c->win_trigger) : sl_v_null(); }
static sl_value fn_event_time(sl_call *c, const sl_value *args, uint32_t n) { return c->row_ms == INT64_MIN ? sl_v_null() : sl_v_int(c->row_ms); }

/* ---- checks ---- */
static const char *coalesce_check(sl_arena *a, sl_expr **args, uint32_t n) { return n ? NULL : "The arguments should be at least one."; }
static const char *meta_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 1, n);
    if (e)
        return e;
    const sl_expr *x = args[0];
    while (x->kind == SL_X_MEMBER && x->l)
        x = x->l;
    return x->kind == SL_X_META ? NULL : sl_ck_expect(a, "meta reference", 1);
}
static const char *mqtt_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 1, n);
    if (e)
        return e;
    const sl_expr *x = args[0];
    if (x->kind == SL_X_LITERAL || sl_x_is_bool(x) || sl_x_is_unit(x))
        return sl_ck_expect(a, "meta reference", 1);
    if (x->kind == SL_X_META && !sl_str_ieq(x->name, SL_S("topic")) && !sl_str_ieq(x->name, SL_S("messageid")))
        return "Parameter of mqtt function can be only topic or messageid.";
    return NULL;
}
static const char *delay_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    return e ? e : sl_x_not_number(args[0]) ? sl_ck_expect(a, "number - float or int", 1) : NULL;
}
static const char *keyed_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 3, n);
    if (e)
        return e;
    if (sl_x_not_str(args[1]))
        return sl_ck_expect(a, "string", 1); /* upstream's number */
    static const char *const types[] = {"bigint", "float", "string", "boolean", "datetime"};
    for (size_t i = 0; sl_x_is_str(args[1]) && i < 5; i++)
        if (sl_str_is(sl_v_text(args[1]->value), types[i]))
            return NULL;
    return sl_x_is_str(args[1]) ? "expect one of following value for the 2nd parameter: bigint, float, string, boolean, datetime" : NULL;
}

const sl_func sl_funcs_misc[] = {
    {"isnull", SL_FN_SCALAR, SL_FN_PURE, 1, 1, NULL, fn_isnull, NULL, "(x any) -> boolean", "Whether x is null.", "isnull(\"\")", "false", NULL},
    {"coalesce", SL_FN_SCALAR, SL_FN_PURE, 1, -1, coalesce_check, fn_coalesce, NULL, "(a any, …) -> any", "The first argument that is not null.", "coalesce(\"\", 1)", "\"\"",
     NULL},
    {"newuuid", SL_FN_SCALAR, 0, 0, 0, NULL, fn_newuuid, NULL, "() -> string", "A new UUID (version 1).", "length(newuuid())", "36", NULL},
    {"tstamp", SL_FN_SCALAR, 0, 0, 0, NULL, fn_tstamp, NULL, "() -> int", "The engine's clock in ms.", "tstamp() >= 0", "true", NULL},
    {"rule_id", SL_FN_SCALAR, 0, 0, 0, NULL, fn_rule_id, NULL, "() -> string", "The id of the rule.", "rule_id() = rule_id()", "true", NULL},
    {"rule_start", SL_FN_SCALAR, 0, 0, 0, NULL, fn_rule_start, NULL, "() -> int", "When the rule was started, in ms.", "rule_start() >= 0", "true", NULL},
    {"meta", SL_FN_META, 0, 1, 1, meta_check, fn_meta, NULL, "(key) -> any", "A value of the message's metadata: meta(topic), meta(a->b), meta(*).", "meta(topic)", "\"a/b\"",
     NULL},
    {"mqtt", SL_FN_META, SL_FN_NULLGATE, 1, 1, mqtt_check, fn_mqtt, NULL, "(topic or messageid) -> string", "Topic or message id of an MQTT message.", "mqtt(topic)", "\"a/b\"",
     NULL},
    {"props", SL_FN_SCALAR, SL_FN_NULLGATE, 1, 1, sl_ck_s1, fn_props, NULL, "(name string) -> string",
     "A property of the engine, set by an environment variable KUIPER_PROPS_NAME; et is the time in ms.", "length(props(\"et\")) > 0", "true", NULL},
    {"delay", SL_FN_SCALAR, SL_FN_NULLGATE, 2, 2, delay_check, fn_delay, NULL, "(ms number, x any) -> any",
     "Waits (at most a second) and gives x. It holds up everything that runs on the same lane.", "delay(1, 5)", "5", NULL},
    {"bypass", SL_FN_SCALAR, SL_FN_PURE, 0, -1, NULL, fn_bypass, NULL, "(x any, …) -> any", "Its first argument.", "bypass(5)", "5", NULL},
    {"get_keyed_state", SL_FN_SCALAR, 0, 3, 3, keyed_check, fn_get_keyed_state, NULL, "(key string, type string, default any) -> any",
     "A value of the external key/value store, converted as cast does; the default when it is missing.", "get_keyed_state(\"no such key\", \"bigint\", 5)", "5", NULL},
    {"window_start", SL_FN_SCALAR, 0, 0, 0, NULL, fn_window_start, NULL, "() -> int", "Start of the window in ms; null outside a window.", "isnull(window_start())", "true", NULL},
    {"window_end", SL_FN_SCALAR, 0, 0, 0, NULL, fn_window_end, NULL, "() -> int", "End of the window in ms; null outside a window.", "isnull(window_end())", "true", NULL},
    {"window_trigger", SL_FN_SCALAR, 0, 0, 0, NULL, fn_window_trigger, NULL, "() -> int", "When the window fired, in ms; null outside a window.", "isnull(window_trigger())",
     "true", NULL},
    {"event_time", SL_FN_SCALAR, 0, 0, 0, NULL, fn_event_time, NULL, "() -> int", "Time of the row in ms; in a window when it fired.", "event_time() >= 0", "true", NULL},
    {0}};
