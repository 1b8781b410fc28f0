/* A rule with everything spelt out: options that the text leaves open have the values they run with. Members come in eKuiper's order; those
 * that it leaves out when they say nothing are left out here too. */
#include "base/num.h"
#include "core/office_int.h"

static void dur(sl_buf *out, const char *key, int64_t ns) {
    char text[SL_NUM_MAX];
    size_t n = sl_dur_print(text, ns);
    sl_buf_printf(out, ",\"%s\":\"%.*s\"", key, (int)n, text);
}
static void flag(sl_buf *out, const char *key, bool v) { sl_buf_printf(out, ",\"%s\":%s", key, v ? "true" : "false"); }
static void text(sl_buf *out, const char *key, sl_str v) {
    if (!v.n)
        return;
    sl_buf_printf(out, ",\"%s\":", key);
    sl_json_put_str(out, v);
}
/* Member of the options as it stands in the text, when it says something. */
static void as_is(sl_buf *out, const sl_json *opts, const char *key) {
    const sl_json *v = sl_json_iget(opts, key);
    if (!v || v->kind == SL_J_NULL || (v->kind == SL_J_BOOL && !v->b) || ((v->kind == SL_J_OBJ || v->kind == SL_J_ARR) && !v->n))
        return;
    sl_buf_printf(out, ",\"%s\":", key);
    sl_json_write(out, v, false, 0);
}
sl_err *sl_api_rule_full(sl_office *o, sl_str id, sl_buf *out) {
    const sl_rule *r = sl_map_get(o->rules, id);
    if (!r || r->def->temp)
        return sl_err_new(SL_E_NOTFOUND, "Rule %.*s is not found.", SL_FMT(id));
    const rule_def *d = r->def;
    const rule_opts *p = &d->o;
    const sl_json *opts = sl_json_iget(d->json, "options"), *rs = sl_json_iget(opts, "restartStrategy");
    sl_buf_printf(out, "{\"triggered\":%s", d->triggered ? "true" : "false");
    text(out, "id", d->id);
    text(out, "name", d->name);
    text(out, "version", d->version);
    text(out, "sql", d->sql);
    as_is(out, d->json, "graph");
    as_is(out, d->json, "actions");
    sl_buf_puts(out, ",\"options\":{\"debug\":");
    sl_buf_puts(out, sl_json_true(sl_json_iget(opts, "debug"), false) ? "true" : "false");
    as_is(out, opts, "logFilename");
    flag(out, "isEventTime", p->event_time);
    dur(out, "lateTolerance", p->late_ns);
    sl_buf_printf(out, ",\"concurrency\":%lld,\"bufferLength\":%lld", (long long)p->concurrency, (long long)p->buffer_length);
    flag(out, "sendMetaToSink", p->send_meta);
    flag(out, "sendNilField", p->send_nil);
    flag(out, "sendError", p->send_error);
    if (p->qos)
        sl_buf_printf(out, ",\"qos\":%lld", (long long)p->qos);
    dur(out, "checkpointInterval", p->checkpoint_ns);
    if (rs && rs->kind == SL_J_OBJ) {
        sl_buf_puts(out, ",\"restartStrategy\":");
        sl_json_write(out, rs, false, 0);
    } else
        sl_buf_puts(out, ",\"restartStrategy\":{}");
    static const char *const rest[] = {"cron",
                                       "duration",
                                       "cronDatetimeRange",
                                       "planOptimizeStrategy",
                                       "notifySub",
                                       "disableBufferFullDiscard",
                                       "enableSaveStateBeforeStop",
                                       "forceExitTimeout",
                                       "experiment",
                                       "memoryLimit",
                                       "memorySoftLimit",
                                       "idleSource"};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        as_is(out, opts, rest[i]);
    sl_buf_putc(out, '}');
    as_is(out, d->json, "tags");
    sl_buf_putc(out, '}');
    return NULL;
}
