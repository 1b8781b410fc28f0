/* The log sink: one line of level info per payload. It shares nothing with nop's `log` but the words, which people search for. */
#include "base/log.h"
#include "conn/conn.h"
#include <stdlib.h>

typedef struct log_conf {
    char none;
} log_conf;
struct sl_sink {
    sl_sink_host *host;
    char *rule;
};

static sl_err *log_open(const void *conf, const sl_conn_env *env, sl_sink_host *host, sl_sink **sink) {
    sl_sink *s = calloc(1, sizeof *s);
    if (!s || !(s->rule = sl_strdup_n(env->rule_id, strlen(env->rule_id)))) {
        free(s);
        return sl_err_new(SL_E_NOMEM, "log: out of memory");
    }
    s->host = host;
    *sink = s;
    host->state(host, SL_CONN_CONNECTED, SL_S(""));
    return NULL;
}
static uint32_t log_put(sl_sink *s, const sl_message *m, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        sl_info(s->rule, "sink result for rule %s: %.*s", s->rule, SL_FMT(m[i].bytes));
    if (n)
        s->host->answer(s->host, m[0].seq, m[n - 1].seq, SL_DELIVERED, SL_S(""));
    return n;
}
static void log_close(sl_sink *s, sl_fn done, void *arg) {
    free(s->rule);
    free(s);
    done(arg);
}
static const sl_prop log_props[] = {{0}};
static const sl_sink_ops log_sink = {.open = log_open, .put = log_put, .close = log_close};
const sl_conn_def sl_conn_log = {
    .name = "log", .title = "Log", .doc = "Writes what it gets to the daemon's log.", .props = log_props, .conf_size = sizeof(log_conf), .sink = &log_sink};
