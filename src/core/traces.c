/* Spans of watched rules: kept in a ring, shown as trees, sent to a collector when one is named.
 * Decision: a trace is written as text when it comes; it is asked for rarely, and text is the smallest thing to keep. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include "base/bytes.h"
#include "base/civil.h"
#include "base/log.h"
#include "core/body.h"
#include "core/office_int.h"

typedef struct kept {
    char id[33];
    char *rule, *text;
} kept;
struct traces {
    kept *ring;
    size_t cap, n, next;
    bool remote;
    char *service, *url;
    sl_http_client *client;
    int64_t warned_ms;
};
static void hex(char *out, size_t bytes) {
    unsigned char b[16];
    if (getrandom(b, bytes, 0) != (ssize_t)bytes)
        memset(b, 1, bytes);
    for (size_t i = 0; i < bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", b[i]);
}
static traces *store(sl_office *o) {
    if (o->traces)
        return o->traces;
    traces *t = calloc(1, sizeof *t);
    int64_t cap = sl_settings_int(o->conf.settings, "openTelemetry.localTraceCapacity", 2048);
    if (!t)
        return NULL;
    t->cap = cap > 0 && cap <= 1 << 20 ? (size_t)cap : 2048;
    t->remote = sl_settings_bool(o->conf.settings, "openTelemetry.enableRemoteCollector", false);
    sl_str service = sl_settings_str(o->conf.settings, "openTelemetry.serviceName", "kuiperd-service");
    sl_str url = sl_settings_str(o->conf.settings, "openTelemetry.remoteEndpoint", "localhost:4318");
    t->service = sl_strdup_n(service.p, service.n);
    t->url = sl_strdup_n(url.p, url.n);
    t->ring = calloc(t->cap, sizeof *t->ring);
    if (!t->ring || !t->service || !t->url) {
        free(t->ring);
        free(t->service);
        free(t->url);
        free(t);
        return NULL;
    }
    o->traces = t;
    return t;
}
void traces_free(sl_office *o) {
    traces *t = o->traces;
    o->traces = NULL;
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++) {
        free(t->ring[i].rule);
        free(t->ring[i].text);
    }
    if (t->client)
        sl_http_client_free(t->client);
    free(t->ring);
    free(t->service);
    free(t->url);
    free(t);
}

/* ---- one message as spans ---- */
typedef struct span {
    const char *name;
    int parent; /* index, -1 = root */
    int64_t begin, end;
    char id[17];
    bool binary;
    sl_str data;
} span;
enum { SPANS = 64 };
static uint32_t spans_of(const sl_flowspec *s, const sl_trace *t, const sl_trace_msg *m, sl_arena *a, span *out) {
    uint32_t n = 0;
    int op = 2, last = 0;
    sl_str raw = sl_str_n(m->payload ? m->payload : "", m->payload_n), in = sl_str_of(m->in ? m->in : ""), res = m->out ? sl_str_of(m->out) : in;
    out[n++] = (span){.name = sl_arena_dup(a, s->src->stream).p, .parent = -1, .begin = t->at[0], .end = t->at[1], .binary = m->payload, .data = m->payload ? raw : in};
    if (s->src->codec)
        out[n++] =
            (span){.name = sl_arena_printf(a, "%d_decoder", op++).p, .parent = last, .begin = t->at[1], .end = t->at[2], .binary = m->payload, .data = m->payload ? raw : in};
    if (s->src->strict && s->src->nfields) {
        out[n] = (span){.name = sl_arena_printf(a, "%d_preprocessor", op++).p, .parent = (int)n - 1, .begin = t->at[2], .end = t->at[2], .data = in};
        n++;
    }
    const char *kind;
    for (uint32_t i = 0; (kind = sl_plan_op(s->plan, i)) && n < SPANS / 2; i++) {
        out[n] = (span){.name = sl_arena_printf(a, "%d_%s", op++, kind).p, .parent = (int)n - 1, .begin = t->at[2], .end = t->at[3], .data = t->passed ? res : in};
        n++;
        if (!t->passed)
            return n; /* it went no further */
    }
    last = (int)n - 1;
    for (uint32_t i = 0; i < s->nsinks && n < SPANS - SL_SINK_STEPS - 1; i++) {
        const char *steps[SL_SINK_STEPS];
        int parent = last;
        for (uint32_t k = 0, nk = sl_sinkdef_steps(&s->sinks[i], steps); k <= nk; k++) {
            out[n] = (span){.parent = parent, .begin = t->at[3], .end = t->at[4], .data = res};
            out[n].name = k < nk ? sl_arena_printf(a, "%.*s_%u_%u_%s", SL_FMT(s->sinks[i].type), i, k, steps[k]).p : sl_arena_printf(a, "%.*s_%u", SL_FMT(s->sinks[i].type), i).p;
            parent = (int)n++;
        }
    }
    return n;
}
static void put_time(sl_buf *b, const char *key, int64_t ns) {
    char text[64];
    size_t n = sl_time_rfc3339(text, ns / 1000000000, (int32_t)(ns % 1000000000), SL_ZONE_UTC);
    sl_buf_printf(b, ",\"%s\":\"%.*s\"", key, (int)n, text);
}
static void put_data(sl_buf *b, const span *s) {
    if (!s->binary) {
        sl_json_put_str(b, s->data);
        return;
    }
    sl_buf_putc(b, '"');
    sl_base64_put(b, s->data);
    sl_buf_putc(b, '"');
}
static void put_span(sl_buf *b, const span *all, uint32_t n, uint32_t at, const char *trace, const char *parent, const char *rule) {
    const span *s = &all[at];
    sl_buf_puts(b, "{\"name\":");
    sl_json_put_str(b, sl_str_of(s->name));
    sl_buf_printf(b, ",\"traceID\":\"%s\",\"spanID\":\"%s\",\"parentSpanID\":\"%s\",\"attribute\":{\"data\":", trace, s->id, parent);
    put_data(b, s);
    sl_buf_puts(b, ",\"rule\":");
    sl_json_put_str(b, sl_str_of(rule));
    sl_buf_puts(b, s->parent < 0 ? ",\"span.mytype\":\"data-processing\"}" : "}");
    put_time(b, "startTime", s->begin);
    put_time(b, "endTime", s->end);
    sl_buf_puts(b, ",\"ruleID\":");
    sl_json_put_str(b, sl_str_of(rule));
    sl_buf_puts(b, ",\"ChildSpan\":[");
    bool first = true;
    for (uint32_t i = at + 1; i < n; i++)
        if (all[i].parent == (int)at) {
            if (!first)
                sl_buf_putc(b, ',');
            first = false;
            put_span(b, all, n, i, trace, s->id, rule);
        }
    sl_buf_puts(b, "]}");
}

/* ---- the collector: OTLP over HTTP in JSON ---- */
static void put_otlp(sl_buf *b, const span *all, uint32_t n, const char *trace, const char *parent, const char *rule) {
    for (uint32_t i = 0; i < n; i++) {
        const span *s = &all[i];
        sl_buf_printf(b, "%s{\"traceId\":\"%s\",\"spanId\":\"%s\",\"parentSpanId\":\"%s\",\"name\":", b->n && b->p[b->n - 1] == '}' ? "," : "", trace, s->id,
                      s->parent < 0 ? parent : all[s->parent].id);
        sl_json_put_str(b, sl_str_of(s->name));
        sl_buf_printf(b,
                      ",\"kind\":1,\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\",\"attributes\":[{\"key\":\"rule\",\"value\":{\"stringValue\":", (long long)s->begin,
                      (long long)s->end);
        sl_json_put_str(b, sl_str_of(rule));
        sl_buf_puts(b, "}},{\"key\":\"data\",\"value\":{\"stringValue\":");
        put_data(b, s);
        sl_buf_puts(b, "}}]}");
    }
}
static void sent(void *arg, const sl_http_result *r) {
    sl_office *o = arg;
    if (r->status / 100 == 2 || !o->traces)
        return;
    int64_t now = sl_wall_ns() / 1000000;
    if (now - o->traces->warned_ms > 60000) {
        o->traces->warned_ms = now;
        sl_str why = r->status ? sl_str_n(r->headers.p, strcspn(r->headers.p, "\r\n")) : r->error;
        sl_warn("tracer", "spans are lost: collector %s: %.*s", o->traces->url, SL_FMT(why));
    }
}
static void send_spans(sl_office *o, traces *t, sl_str spans) {
    sl_err *e = t->client ? NULL : sl_http_client_new(o->conf.loop, &t->client);
    if (e) {
        sl_warn("tracer", "spans cannot be sent: %s", sl_err_text(e));
        sl_err_free(e);
        t->remote = false;
        return;
    }
    sl_buf body = {0}, url = {0};
    sl_buf_puts(&body, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":");
    sl_json_put_str(&body, sl_str_of(t->service));
    sl_buf_puts(&body, "}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"sluice\"},\"spans\":[");
    sl_buf_str(&body, spans);
    sl_buf_puts(&body, "]}]}]}");
    sl_buf_printf(&url, "%s%s/v1/traces", strstr(t->url, "://") ? "" : "http://", t->url);
    sl_http_header type = {SL_S("Content-Type"), SL_S("application/json")};
    if (!body.failed && !url.failed)
        sl_http_do(t->client, &(sl_http_call){.method = SL_S("POST"), .url = sl_buf_view(&url), .body = sl_buf_view(&body), .headers = &type, .nheaders = 1}, sent, o);
    sl_buf_free(&body);
    sl_buf_free(&url);
}

/* ---- store ---- */
static void keep(traces *t, const char *id, const char *rule, sl_buf *text) {
    kept *k = &t->ring[t->next];
    if (t->n < t->cap)
        t->n++;
    else {
        free(k->rule);
        free(k->text);
    }
    memcpy(k->id, id, sizeof k->id);
    k->rule = sl_strdup_n(rule, strlen(rule));
    k->text = sl_buf_take(text);
    t->next = (t->next + 1) % t->cap;
}
void traces_take(void *office, sl_trace *t) {
    sl_office *o = office;
    const sl_rule *r = sl_map_get(o->rules, sl_str_of(t->rule));
    traces *s = r && r->flow && !o->stopping ? store(o) : NULL;
    sl_arena *a = s ? sl_arena_new(0) : NULL;
    sl_buf otlp = {0};
    for (uint32_t i = 0; a && i < t->n; i++) {
        span all[SPANS];
        char id[33];
        const char *parent = "0000000000000000";
        sl_trace_msg *m = &t->msgs[i];
        uint32_t n = spans_of(sl_flow_spec(r->flow), t, m, a, all);
        for (uint32_t k = 0; k < n; k++)
            hex(all[k].id, 8);
        if (m->trace[0]) {
            memcpy(id, m->trace, sizeof id);
            parent = m->parent;
        } else
            hex(id, 16);
        sl_buf text = {0};
        put_span(&text, all, n, 0, id, parent, t->rule);
        if (s->remote)
            put_otlp(&otlp, all, n, id, m->trace[0] ? parent : "", t->rule);
        keep(s, id, t->rule, &text);
    }
    if (otlp.n && !otlp.failed)
        send_spans(o, s, sl_buf_view(&otlp));
    sl_buf_free(&otlp);
    sl_arena_free(a);
    sl_trace_free(t);
}
static const kept *newest(const traces *t, size_t i) { return &t->ring[(t->next + t->cap - 1 - i) % t->cap]; }
sl_err *sl_api_trace_get(sl_office *o, sl_str id, sl_buf *out) {
    for (size_t i = 0; o->traces && i < o->traces->n; i++) {
        const kept *k = newest(o->traces, i);
        if (sl_str_is(id, k->id) && k->text) {
            sl_buf_puts(out, k->text);
            return NULL;
        }
    }
    return sl_err_new(SL_E_NOTFOUND, "Not Found");
}
void sl_api_trace_list(sl_office *o, sl_str rule, int64_t limit, sl_buf *out) {
    int64_t found = 0;
    sl_buf_putc(out, '[');
    for (size_t i = 0; o->traces && i < o->traces->n && (limit < 0 || found < limit); i++) {
        const kept *k = newest(o->traces, i);
        if (k->rule && sl_str_is(rule, k->rule))
            sl_buf_printf(out, "%s\"%s\"", found++ ? "," : "", k->id);
    }
    sl_buf_putc(out, ']');
}
sl_err *sl_api_tracer(sl_office *o, sl_str body) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_str service = {0}, action = {0}, url = {0};
    sl_err *e = a ? sl_body_only(a, body, &j) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e)
        e = sl_body_is(j, SL_J_OBJ, "server.SetTracerRequest");
    if (!e)
        e = sl_body_text(j, "SetTracerRequest", "service_name", &service);
    if (!e)
        e = sl_body_text(j, "SetTracerRequest", "action", &action);
    if (!e)
        e = sl_body_text(j, "SetTracerRequest", "collector_url", &url);
    e = sl_err_prefix(e, "Invalid body");
    traces *t = e ? NULL : store(o);
    if (!e && !t)
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e) {
        t->remote = sl_str_is(action, "start");
        char *s = service.n ? sl_strdup_n(service.p, service.n) : NULL, *u = url.n ? sl_strdup_n(url.p, url.n) : NULL;
        if (s) {
            free(t->service);
            t->service = s;
        }
        if (u) {
            free(t->url);
            t->url = u;
        }
    }
    sl_arena_free(a);
    return e;
}
