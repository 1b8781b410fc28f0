/* Prometheus text of all rules. Names, types and labels are eKuiper's, so that its dashboards work; what is counted
 * beyond it (dropped, failed) has names of the same form. Decision: a scrape asks the lanes for their meters, nothing is refreshed by a timer. */
#include <stdio.h>
#include "core/office_int.h"

static void label(sl_buf *b, const char *s) {
    for (; *s; s++) {
        if (*s == '\n')
            sl_buf_puts(b, "\\n");
        else {
            if (*s == '"' || *s == '\\')
                sl_buf_putc(b, '\\');
            sl_buf_putc(b, *s);
        }
    }
}
static void head(sl_buf *b, const char *name, const char *type, const char *help) { sl_buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type); }
static const char *const kinds[] = {"source", "op", "sink"};
static void labels(sl_buf *b, const sl_meter *x, const sl_rule *r) {
    sl_buf_puts(b, "{op=\"");
    label(b, x->name);
    sl_buf_puts(b, "\",op_instance=\"0\",rule=\"");
    label(b, r->id);
    sl_buf_printf(b, "\",type=\"%s\"", kinds[x->where]);
}
static void simple(sl_buf *b, const rule_meters *l, size_t n) {
    static const struct {
        const char *name, *type, *help;
        int what;
        uint8_t where; /* bits: source, op, sink */
    } rows[] = {{"records_in_total", "counter", "Messages taken in", 0, 7},
                {"records_out_total", "counter", "Messages sent out", 1, 7},
                {"messages_processed_total", "counter", "Rows processed", 2, 7},
                {"process_latency_us", "gauge", "Duration of the last processing in microseconds", 4, 7},
                {"buffer_length", "gauge", "Messages waiting", 5, 7},
                {"exceptions_total", "counter", "Errors", 3, 7},
                {"connection_status", "gauge", "1 connected, 0 connecting, -1 disconnected", 6, 5},
                {"records_dropped_total", "counter", "Messages dropped because the buffer was full", 7, 4},
                {"records_failed_total", "counter", "Messages that could not be delivered", 8, 4}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        for (int w = 0; w < 3; w++) {
            if (!(rows[k].where >> w & 1))
                continue;
            char name[80];
            snprintf(name, sizeof name, "kuiper_%s_%s", kinds[w], rows[k].name);
            head(b, name, rows[k].type, rows[k].help);
            for (size_t i = 0; i < n; i++)
                for (uint32_t m = 0; m < l[i].m->n; m++) {
                    const sl_meter *x = &l[i].m->at[m];
                    if (x->where != w)
                        continue;
                    long long v[] = {(long long)x->in,
                                     (long long)x->out,
                                     (long long)(x->processed ? x->processed : x->out),
                                     (long long)x->errors,
                                     (long long)x->latency_us,
                                     (long long)x->buffer,
                                     x->conn,
                                     (long long)x->dropped,
                                     (long long)x->failed};
                    sl_buf_puts(b, name);
                    labels(b, x, l[i].r);
                    sl_buf_printf(b, "} %lld\n", v[rows[k].what]);
                }
        }
}
static void one_hist(sl_buf *b, const char *name, const sl_hist *h, const sl_buf *lab) {
    unsigned long long sum = 0, bound = 10;
    for (int k = 0; k < SL_HIST_BUCKETS; k++, bound *= 2) {
        sum += h ? h->bucket[k] : 0;
        sl_buf_printf(b, "%s_bucket%s,le=\"%llu\"} %llu\n", name, lab->p, bound, sum);
    }
    sl_buf_printf(b, "%s_bucket%s,le=\"+Inf\"} %llu\n", name, lab->p, h ? (unsigned long long)h->count : 0ull);
    sl_buf_printf(b, "%s_sum%s} %llu\n", name, lab->p, h ? (unsigned long long)h->sum_us : 0ull);
    sl_buf_printf(b, "%s_count%s} %llu\n", name, lab->p, h ? (unsigned long long)h->count : 0ull);
}
static void histograms(sl_buf *b, const rule_meters *l, size_t n) {
    sl_buf lab = {0};
    for (int w = 0; w < 3; w++) {
        char name[80];
        snprintf(name, sizeof name, "kuiper_%s_process_latency_us_hist", kinds[w]);
        head(b, name, "histogram", "Durations of processing in microseconds");
        for (size_t i = 0; i < n; i++)
            for (uint32_t m = 0; m < l[i].m->n; m++) {
                const sl_meter *x = &l[i].m->at[m];
                if (x->where != w)
                    continue;
                sl_buf_clear(&lab);
                labels(&lab, x, l[i].r);
                sl_buf_cstr(&lab);
                if (!lab.failed)
                    one_hist(b, name, x->hist, &lab);
            }
    }
    sl_buf_free(&lab);
}
/* Type of a source or sink: what its action or its stream names. */
static void io_labels(sl_buf *b, const sl_office *o, const sl_meter *x, const sl_rule *r, const char *status) {
    sl_str type = {0};
    if (x->where == 2) { /* "mqtt_0" */
        size_t k = strlen(x->name);
        while (k && x->name[k - 1] != '_')
            k--;
        type = sl_str_n(x->name, k ? k - 1 : 0);
    } else {
        const stream_def *d = sl_map_get(o->streams, sl_str_of(x->name));
        type = d && d->def->opts.type.n ? d->def->opts.type : SL_S("mqtt");
    }
    sl_buf_printf(b, "{io=\"%s\",op=\"", kinds[x->where]);
    label(b, x->name);
    sl_buf_puts(b, "\",rule=\"");
    label(b, r->id);
    sl_buf_printf(b, "\",status=\"%s\",type=\"%.*s\"", status, SL_FMT(type));
}
static void io(sl_buf *b, const sl_office *o, const rule_meters *l, size_t n) {
    sl_buf lab = {0};
    for (int pass = 0; pass < 2; pass++) {
        head(b, pass ? "kuiper_io_duration_hist" : "kuiper_io_counter", pass ? "histogram" : "counter",
             pass ? "Durations of input and output in microseconds" : "Input and output by result");
        for (size_t i = 0; i < n; i++)
            for (uint32_t m = 0; m < l[i].m->n; m++) {
                const sl_meter *x = &l[i].m->at[m];
                if (x->where == 1)
                    continue;
                sl_buf_clear(&lab);
                io_labels(&lab, o, x, l[i].r, "success");
                sl_buf_cstr(&lab);
                if (lab.failed)
                    continue;
                if (pass)
                    one_hist(b, "kuiper_io_duration_hist", x->hist, &lab);
                else {
                    sl_buf_printf(b, "kuiper_io_counter%s} %llu\n", lab.p, (unsigned long long)x->out);
                    sl_buf_puts(b, "kuiper_io_counter");
                    io_labels(b, o, x, l[i].r, "exception");
                    sl_buf_printf(b, "} %llu\n", (unsigned long long)x->errors);
                }
            }
    }
    sl_buf_free(&lab);
}
void metrics_write(sl_office *o, const rule_meters *l, size_t n, sl_buf *b) {
    simple(b, l, n);
    histograms(b, l, n);
    io(b, o, l, n);
    size_t running = 0;
    head(b, "kuiper_rule_status", "gauge", "1 running, 0 stopped, -1 error");
    for (size_t i = 0; i < n; i++) {
        int s = l[i].r->state == SL_RULE_RUNNING ? 1 : l[i].r->state == SL_RULE_ERROR ? -1 : 0;
        running += s == 1;
        sl_buf_puts(b, "kuiper_rule_status{rule=\"");
        label(b, l[i].r->id);
        sl_buf_printf(b, "\"} %d\n", s);
    }
    head(b, "kuiper_rule_count", "gauge", "Rules by status");
    sl_buf_printf(b, "kuiper_rule_count{status=\"running\"} %zu\nkuiper_rule_count{status=\"stop\"} %zu\n", running, n - running);
    head(b, "kuiper_rule_cpu_time_seconds_total", "counter", "Time that a rule's turns took in seconds");
    for (size_t i = 0; i < n; i++) {
        sl_buf_puts(b, "kuiper_rule_cpu_time_seconds_total{rule=\"");
        label(b, l[i].r->id);
        sl_buf_printf(b, "\"} %.6f\n", (double)l[i].m->busy_us / 1e6);
    }
    head(b, "kuiper_rule_late_rows_total", "counter", "Rows of event time that came behind the watermark and were dropped");
    for (size_t i = 0; i < n; i++) {
        sl_buf_puts(b, "kuiper_rule_late_rows_total{rule=\"");
        label(b, l[i].r->id);
        sl_buf_printf(b, "\"} %llu\n", (unsigned long long)l[i].m->rows_late);
    }
    head(b, "kuiper_rule_memory_bytes", "gauge", "Memory that a rule holds: state of its statement, messages waiting for sinks");
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 2; k++) {
            sl_buf_puts(b, "kuiper_rule_memory_bytes{rule=\"");
            label(b, l[i].r->id);
            sl_buf_printf(b, "\",kind=\"%s\"} %lld\n", k ? "waiting" : "state", (long long)(k ? l[i].m->bytes_queued : l[i].m->bytes_state));
        }
    head(b, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
    sl_buf_printf(b, "process_resident_memory_bytes %lld\n", (long long)sl_rss_bytes());
    head(b, "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.");
    sl_buf_printf(b, "process_cpu_seconds_total %.6f\n", sl_cpu_seconds());
}
