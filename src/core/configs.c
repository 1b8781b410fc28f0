/* Settings that change while the daemon runs (PATCH /configs), and who set what. They last until the daemon ends, as with eKuiper. */
#include "base/log.h"
#include "core/body.h"
#include "core/confkeys.h"
#include "core/office_int.h"

static const char *const texts[] = {"logLevel", "timezone"}, *const flags[] = {"debug", "consoleLog", "fileLog"};
static sl_str path_of(sl_arena *a, const char *key) { return sl_arena_printf(a, "basic.%s", key); }

sl_json *sl_api_configs(sl_office *o, sl_arena *a) {
    sl_json *j = sl_json_obj(a), *m = sl_json_obj(a);
    const sl_settings *s = o->conf.settings;
    sl_json_set(a, j, "logLevel", sl_json_str(a, sl_settings_str(s, "basic.logLevel", "info")));
    for (int i = 0; i < 3; i++)
        sl_json_set(a, j, flags[i], sl_json_bool(a, sl_settings_bool(s, path_of(a, flags[i]).p, i == 2)));
    sl_json_set(a, j, "timezone", sl_json_str(a, sl_settings_str(s, "basic.timezone", "Local")));
    sl_json_set(a, m, "enable", sl_json_bool(a, sl_settings_bool(s, "basic.metricsDumpConfig.enable", false)));
    sl_json_set(a, j, "metricsDumpConfig", m);
    return j;
}
/* What is to change: the value, or NULL. */
typedef struct patch {
    const sl_json *text[2], *flag[3], *dump;
} patch;
static sl_err *read_patch(sl_arena *a, sl_str body, patch *p) {
    sl_json *j = NULL;
    const sl_json *m = NULL;
    SL_TRY(sl_body_first(a, body, &j));
    SL_TRY(sl_body_is(j, SL_J_OBJ, "struct of logLevel, debug, consoleLog, fileLog, timezone and metricsDumpConfig"));
    for (int i = 0; i < 2; i++)
        SL_TRY(sl_body_want(j, "", texts[i], SL_J_STR, "string", &p->text[i]));
    for (int i = 0; i < 3; i++)
        SL_TRY(sl_body_want(j, "", flags[i], SL_J_BOOL, "bool", &p->flag[i]));
    SL_TRY(sl_body_want(j, "", "metricsDumpConfig", SL_J_OBJ, "struct { Enable *bool \"json:\\\"enable\\\"\" }", &m));
    return m ? sl_body_want(m, ".metricsDumpConfig", "enable", SL_J_BOOL, "bool", &p->dump) : NULL;
}
/* Date functions of running rules and schedules follow at once, as with eKuiper. */
static void change_zone(sl_office *o, sl_zone zone) {
    size_t it = 0;
    void *v;
    o->zone = zone;
    while (sl_map_next(o->rules, &it, NULL, &v)) {
        sl_rule *r = v;
        if (r->flow && r->state == SL_RULE_RUNNING)
            sl_flow_zone(r->flow, zone);
    }
}
sl_err *sl_api_configs_patch(sl_office *o, sl_str body) {
    static const char who[] = "PATCH /configs";
    sl_arena *a = sl_arena_new(0);
    patch p = {0};
    sl_err *e = a ? sl_err_prefix(read_patch(a, body, &p), "Invalid JSON") : sl_err_new(SL_E_NOMEM, "out of memory");
    sl_zone zone = o->zone;
    if (!e && p.text[1] && !sl_zone_find(p.text[1]->s, &zone))
        e = sl_err_new(SL_E_UNDEFINED, "Invalid TZ: unknown time zone %.*s", SL_FMT(p.text[1]->s));
    for (int i = 0; i < 5 && !e; i++) {
        const sl_json *v = i < 2 ? p.text[i] : p.flag[i - 2];
        if (v)
            e = sl_settings_set(o->conf.settings, path_of(a, i < 2 ? texts[i] : flags[i - 2]).p, v, who);
    }
    if (!e && p.dump)
        e = sl_settings_set(o->conf.settings, "basic.metricsDumpConfig.enable", p.dump, who);
    if (!e) {
        if (zone != o->zone)
            change_zone(o, zone);
        if (p.dump)
            dump_set(o);
        if (o->conf.log_changed && (p.text[0] || p.flag[0] || p.flag[1] || p.flag[2]))
            o->conf.log_changed(o->conf.settings);
    }
    sl_arena_free(a);
    return e;
}
sl_json *sl_api_config_explain(sl_office *o, sl_arena *a) {
    sl_json *own = sl_settings_explain(o->conf.settings, a), *list = sl_json_arr(a);
    for (const sl_json *r = own->child; r; r = r->next) {
        sl_str key = sl_json_text(sl_json_get(r, "key"), (sl_str){0});
        if (!sl_str_starts(key, SL_S("sources.")) && !sl_str_starts(key, SL_S("sinks."))) /* shown where they count, below */
            sl_json_add(list, sl_json_clone(a, r));
    }
    conf_explain(o, a, list);
    return list;
}
