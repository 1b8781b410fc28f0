/* The nop sink: takes everything, keeps nothing; with `log` it shows what it took. Measures everything before the outside world. */
#include "base/log.h"
#include "conn/conn.h"
#include <stdlib.h>

typedef struct nop_conf {
    bool log;
} nop_conf;
struct sl_sink {
    sl_sink_host *host;
    char *rule;
    bool log;
};

static sl_err *nop_open(const void *conf, const sl_conn_env *env, sl_sink_host *host, sl_sink **sink) {
    sl_sink *s = calloc(1, sizeof *s);
    if (!s || !(s->rule = sl_strdup_n(env->rule_id, strlen(env->rule_id)))) {
        free(s);
        return sl_err_new(SL_E_NOMEM, "nop: out of memory");
    }
    s->host = host;
    s->log = ((const nop_conf *)conf)->log;
    *sink = s;
    return NULL;
}
static uint32_t nop_put(sl_sink *s, const sl_message *m, uint32_t n) {
    if (!n)
        return 0;
    if (s->log)
        for (uint32_t i = 0; i < n; i++)
            sl_info(s->rule, "sink result for rule %s: %.*s", s->rule, SL_FMT(m[i].bytes));
    s->host->answer(s->host, m[0].seq, m[n - 1].seq, SL_DELIVERED, SL_S(""));
    return n;
}
static bool nop_blind(const void *conf) { return !((const nop_conf *)conf)->log; }
static void nop_close(sl_sink *s, sl_fn done, void *arg) {
    free(s->rule);
    free(s);
    done(arg);
}
static const sl_prop nop_props[] = {{"log", SL_P_BOOL, SL_P_SINK, SL_AT(nop_conf, log), .def = "false", .doc = "Show every payload in the log."}, {0}};
static const sl_sink_ops nop_sink = {.open = nop_open, .put = nop_put, .blind = nop_blind, .close = nop_close};
const sl_conn_def sl_conn_nop = {.name = "nop", .title = "Nop", .doc = "Discards what it gets.", .props = nop_props, .conf_size = sizeof(nop_conf), .sink = &nop_sink};
