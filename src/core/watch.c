/* Watching a rule: its results as an event stream of the data server, for as long as somebody asks (`sluice watch rule`). */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include "core/office_int.h"

enum { WATCH_S = 90 };
sl_err *sl_api_rule_watch(sl_office *o, sl_str id, sl_buf *out) {
    sl_rule *r = sl_map_get(o->rules, id);
    if (!r)
        return sl_err_new(SL_E_NOTFOUND, "Rule %.*s is not found in registry, please check if it is created", SL_FMT(id));
    if (!r->flow || r->state != SL_RULE_RUNNING)
        return sl_err_new(SL_E_UNDEFINED, "rule %.*s is not running: nothing can be watched", SL_FMT(id));
    if (!r->watch) { /* not to be guessed: the data server asks nobody for a token */
        unsigned char b[16];
        char path[48] = "/watch/";
        if (getrandom(b, sizeof b, 0) != sizeof b)
            return sl_err_new(SL_E_UNDEFINED, "no random numbers for the path of the watch");
        for (int i = 0; i < 16; i++)
            sprintf(path + 7 + 2 * i, "%02x", b[i]);
        r->watch = sl_strdup_n(path, strlen(path));
    }
    if (!r->watch)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    sl_flow_watch(r->flow, r->watch, WATCH_S * 1000);
    sl_buf_printf(out, "{\"port\":%lld,\"path\":\"%s\",\"seconds\":%d}", (long long)sl_settings_int(o->conf.settings, "source.httpServerPort", 10081), r->watch, WATCH_S);
    return NULL;
}
