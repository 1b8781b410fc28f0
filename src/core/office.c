/* Opening and closing the office; the door to the catalogue. */
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "core/confkeys.h"
#include "core/office_int.h"
#include "os/file.h"

sl_settings *sl_office_settings(sl_office *o) { return o->conf.settings; }
sl_loop *sl_office_loop(sl_office *o) { return o->conf.loop; }
sl_http_mount *sl_office_mount(sl_office *o) { return o->conf.http; }
const char *sl_office_home(sl_office *o) { return o->conf.home; }

sl_err *store_put(sl_office *o, const char *kind, sl_str name, sl_str value) {
    sl_buf key = {0};
    sl_buf_printf(&key, "%s/%.*s", kind, SL_FMT(name));
    sl_err *e = key.failed ? sl_err_new(SL_E_NOMEM, "out of memory") : sl_kvlog_append(o->kv, sl_buf_view(&key), value);
    sl_buf_free(&key);
    if (!e && ++o->appends >= 256) { /* what was overwritten goes, a little with every change until it is all gone */
        bool more = false;
        sl_err *why = sl_kvlog_compact(o->kv, 2, &more);
        if (why)
            sl_warn("store", "data/sluice.db cannot be made smaller: %s", sl_err_text(why));
        if (why || !more)
            o->appends = 0;
        sl_err_free(why);
    }
    return e;
}
static bool load_confkey(void *arg, sl_str key, sl_str value) {
    sl_office *o = arg;
    char *text = sl_strdup_n(value.p, value.n);
    void *old = NULL;
    sl_map_set(o->confkeys, (sl_str){key.p + 8, key.n - 8}, text, &old);
    free(old);
    return true;
}
sl_err *sl_office_open(const sl_office_conf *c, sl_office **out) {
    sl_office *o = calloc(1, sizeof *o);
    if (!o)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    o->conf = *c;
    o->streams = sl_map_new();
    o->rules = sl_map_new();
    o->confkeys = sl_map_new();
    o->conftouched = sl_map_new();
    o->private_net = sl_settings_bool(c->settings, "basic.enablePrivateNet", true);
    sl_cipher_key(sl_settings_str(c->settings, "basic.aesKey", ""));
    o->ignore_case = sl_settings_bool(c->settings, "basic.ignoreCase", false);
    sl_str tz = sl_settings_str(c->settings, "basic.timezone", "Local");
    sl_err *e = o->streams && o->rules && o->confkeys && o->conftouched ? NULL : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && !sl_zone_find(tz, &o->zone))
        e = sl_err_new(SL_E_CONF, "basic.timezone: %.*s is not a known time zone, expected a name such as Europe/Berlin", SL_FMT(tz));
    char path[512];
    if (!e) {
        snprintf(path, sizeof path, "%s/data", c->home);
        e = sl_dir_make(path);
    }
    if (!e) {
        snprintf(path, sizeof path, "%s/data/sqliteKV.db", c->home);
        if (sl_file_exists(path))
            sl_warn("catalogue",
                    "%s belongs to eKuiper and is not opened; take its definitions along with GET /data/export on the old daemon and POST "
                    "/data/import here",
                    path);
        snprintf(path, sizeof path, "%s/data/sluice.db", c->home);
        e = sl_kvlog_open(path, &o->kv);
    }
    sl_pool_phase_set(SL_POOL_BOOT);
    if (!e)
        e = sl_kvlog_read(o->kv, SL_S("confkey/"), load_confkey, o);
    if (!e) {
        connections_load(o);
        e = schemas_load(o);
        if (!e)
            e = streams_load(o);
    }
    if (!e)
        e = rules_load(o);
    if (!e)
        e = tasks_load(o);
    if (e) {
        sl_office_free(o);
        return e;
    }
    limits_set(o);
    usage_start(o);
    dump_set(o);
    *out = o;
    return NULL;
}
void sl_office_free(sl_office *o) {
    if (!o)
        return;
    size_t it = 0;
    void *v;
    usage_free(o);
    traces_free(o);
    dump_free(o);
    while (o->rules && sl_map_next(o->rules, &it, NULL, &v))
        rule_free(v);
    it = 0;
    while (o->streams && sl_map_next(o->streams, &it, NULL, &v))
        stream_def_free(v);
    it = 0;
    while (o->confkeys && sl_map_next(o->confkeys, &it, NULL, &v))
        free(v);
    schemas_free(o);
    sl_map_free(o->trials);
    sl_map_free(o->rules);
    sl_map_free(o->streams);
    sl_map_free(o->confkeys);
    sl_map_free(o->conftouched);
    free(o->import_errors);
    sl_timer_free(o->patrol);
    if (o->kv)
        sl_kvlog_close(o->kv);
    free(o);
}
