/* Settings that somebody made and that do nothing here: said once, at the start. What eKuiper ships as a default is not worth a word. */
#include <strings.h>
#include "base/log.h"
#include "core/settings.h"

/* Keys of eKuiper that are not obeyed: value that it ships, and what to know when it is another one. */
static const struct {
    const char *key, *shipped, *why;
} ignored[] = {
    {"basic.syslog.enable", "false", "there is no syslog; the log is in log/stream.log, and on standard error with basic.consoleLog"},
    {"basic.syslog.network", "*", ""},
    {"basic.syslog.address", "*", ""},
    {"basic.syslog.level", "*", ""},
    {"basic.syslog.tag", "*", ""},
    {"basic.pprof", "*", ""},
    {"basic.pprofIp", "*", ""},
    {"basic.pprofPort", "*", ""},
    {"basic.pluginHosts", "*", ""},
    {"basic.sql.maxConnections", "0", "the number of SQL connections is not limited"},
    {"basic.enableOpenZiti", "false", "OpenZiti is not offered"},
    {"basic.aesKey", "*", ""},
    {"basic.connection.backoffMaxElapsedDuration", "*", ""},
    {"basic.ruleTickerInterval", "*", ""},
    {"basic.initialized", "*", ""},
    {"basic.recursionDepth", "*", ""},
    {"store.type", "sqlite", "definitions are kept in data/sluice.db"},
    {"store.extStateType", "sqlite", "keyed state is not kept elsewhere"},
    {"store.redis.*", "*", ""},
    {"store.sqlite.*", "*", ""},
    {"store.pebble.*", "*", ""},
    {"store.fdb.*", "*", ""},
    {"portable.*", "*", ""},
    {"security.encryption.*", "", "payloads are not encrypted"},
    {"security.tls.*", "", "give certificates in the connections"},
    {"openTelemetry.enableLocalStorage", "false", "traces are kept in memory"},
};
static bool fits(const char *pattern, sl_str key) {
    size_t n = strlen(pattern);
    if (n > 2 && pattern[n - 1] == '*')
        return key.n >= n - 1 && strncasecmp(pattern, key.p, n - 1) == 0;
    return key.n == n && strncasecmp(pattern, key.p, n) == 0;
}
static bool known(sl_str key) {
    for (const sl_setting *s = sl_settings_table; s->key; s++)
        if (fits(s->key, key))
            return true;
    static const char *const branches[] = {"sources.", "sinks.", "rule.restartStrategy."}; /* conf keys; read as a whole */
    for (size_t i = 0; i < sizeof branches / sizeof *branches; i++)
        if (key.n > strlen(branches[i]) && strncasecmp(branches[i], key.p, strlen(branches[i])) == 0)
            return true;
    return false;
}
size_t sl_settings_check(const sl_settings *s) {
    sl_arena *a = sl_arena_new(0);
    size_t said = 0;
    sl_json *all = a ? sl_settings_explain(s, a) : NULL;
    for (const sl_json *r = all ? all->child : NULL; r; r = r->next) {
        sl_str key = sl_json_text(sl_json_get(r, "key"), (sl_str){0}), from = sl_json_text(sl_json_get(r, "from"), (sl_str){0});
        const sl_json *v = sl_json_get(r, "value");
        if (known(key))
            continue;
        size_t i = 0;
        while (i < sizeof ignored / sizeof *ignored && !fits(ignored[i].key, key))
            i++;
        if (i == sizeof ignored / sizeof *ignored) {
            sl_warn("settings", "%.*s (%.*s) is not known and does nothing", SL_FMT(key), SL_FMT(from));
            said++;
            continue;
        }
        sl_buf b = {0};
        if (v->kind == SL_J_STR)
            sl_buf_str(&b, v->s);
        else
            sl_json_write(&b, v, false, 0);
        if (strcmp(ignored[i].shipped, "*") != 0 && strcmp(ignored[i].shipped, sl_buf_cstr(&b)) != 0) {
            sl_warn("settings", "%.*s (%.*s) does nothing here: %s", SL_FMT(key), SL_FMT(from), ignored[i].why);
            said++;
        }
        sl_buf_free(&b);
    }
    sl_arena_free(a);
    return said;
}
