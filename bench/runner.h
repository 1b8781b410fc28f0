/* Statements as rules in one process: a text of CREATE STREAM, CREATE TABLE and SELECT becomes flows (source, decoder, statement, sink) on one lane, whose
 * sources are fed by the program that includes this. Comment lines before a SELECT are its options: `-- event time`, `-- into TOPIC` (a memory topic instead of
 * the nop sink). For the benches alone; each of them has its own copy of what is static here.
 *
 * Decision: real flows and not sl_exec alone, so that what is measured is what a rule costs; the clock is held and moved by the feeder. */
#ifndef SL_BENCH_RUNNER_H
#define SL_BENCH_RUNNER_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "flow/flow.h"
#include "sql/parse.h"

enum { MAX_RULES = 8, MAX_DEFS = 16, MAX_SOURCES = 8, MAX_FIELDS = 10 };
struct sl_source { /* one open source of ours */
    sl_source_out *out;
    int kind; /* which of the program's streams */
    const sl_layout *layout;
    int at[MAX_FIELDS]; /* column of a field, -1: none */
    bool all;
    uint64_t pos;
};
typedef struct rule {
    sl_select *sel;
    bool event_time;
    sl_str into;
    sl_flow *flow;
    uint64_t in, out;
} rule;
static const char *const *runner_streams; /* names of the program's streams; DATASOURCE says which */
static const char *runner_type;           /* TYPE of a stream that the program feeds */
static bool runner_json, runner_print;    /* messages are JSON bytes; the last rule prints */
static sl_loop *office;
static sl_source *sources[MAX_SOURCES];
static const sl_create *defs[MAX_DEFS];
static rule rules[MAX_RULES];
static uint32_t ndefs, nrules, waiting;
static int exit_code;

static void fail(const char *what, sl_err *e) {
    fprintf(stderr, "%s: %s\n", what, sl_err_text(e));
    exit(1);
}
static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- our source ---- */
static sl_err *feed_open(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src) {
    sl_source *s = calloc(1, sizeof *s);
    uint32_t i = 0;
    while (i < MAX_SOURCES && sources[i])
        i++;
    if (!s || i == MAX_SOURCES)
        return sl_err_new(SL_E_IO, "too many sources");
    while (runner_streams[s->kind] && !sl_str_is(datasource, runner_streams[s->kind]))
        s->kind++;
    s->out = out;
    sources[i] = *src = s;
    out->state(out, SL_CONN_CONNECTED, SL_S(""));
    return NULL;
}
static void feed_quiet(sl_source *s) {} /* what is given beyond is taken */
static void feed_close(sl_source *s, sl_fn done, void *arg) {
    for (uint32_t i = 0; i < MAX_SOURCES; i++)
        if (sources[i] == s)
            sources[i] = NULL;
    if (s->layout)
        sl_layout_drop(s->layout);
    free(s);
    done(arg);
}
static const sl_source_ops bytes_ops = {.open = feed_open, .pause = feed_quiet, .resume = feed_quiet, .close = feed_close};
static const sl_source_ops rows_ops = {.rows = true, .open = feed_open, .pause = feed_quiet, .resume = feed_quiet, .close = feed_close};
static const sl_conn_def bytes_def = {.name = "feed", .title = "", .doc = "", .source = &bytes_ops};
static const sl_conn_def rows_def = {.name = "feed", .title = "", .doc = "", .source = &rows_ops};

/* ---- a sink that prints ---- */
static sl_err *print_open(const void *conf, const sl_conn_env *env, sl_sink_host *host, sl_sink **sink) {
    host->state(host, SL_CONN_CONNECTED, SL_S(""));
    *sink = (sl_sink *)host;
    return NULL;
}
static uint32_t print_put(sl_sink *s, const sl_message *m, uint32_t n) {
    sl_sink_host *h = (sl_sink_host *)s;
    for (uint32_t i = 0; i < n; i++) {
        printf("%.*s\n", SL_FMT(m[i].bytes));
        h->answer(h, m[i].seq, m[i].seq, SL_DELIVERED, SL_S(""));
    }
    return n;
}
static void print_close(sl_sink *s, sl_fn done, void *arg) { done(arg); }
static const sl_sink_ops print_ops = {.open = print_open, .put = print_put, .close = print_close};
static const sl_conn_def print_def = {.name = "print", .title = "", .doc = "", .sink = &print_ops};

/* ---- files of statements ---- */
static const sl_create *find_def(void *arg, sl_str name) {
    for (uint32_t i = 0; i < ndefs; i++)
        if (sl_str_eq(defs[i]->name, name))
            return defs[i];
    return NULL;
}
static void statement(sl_arena *a, sl_str text, rule *with) {
    sl_stmt st;
    sl_err *e = sl_parse(a, text, &st, NULL);
    if (e)
        fail("a statement", e);
    if (st.create && ndefs < MAX_DEFS)
        defs[ndefs++] = st.create;
    else if (st.select && nrules < MAX_RULES) {
        with->sel = st.select;
        rules[nrules++] = *with;
    } else
        fail("a statement", sl_err_new(SL_E_PARSE, "only CREATE and SELECT, and not too many"));
    *with = (rule){0};
}
static void read_text(sl_arena *a, sl_str text) { /* statements end with ';' at the end of a line */
    sl_buf one = {0};
    rule next = {0};
    for (size_t at = 0; at < text.n;) {
        const char *nl = memchr(text.p + at, '\n', text.n - at);
        sl_str l = sl_str_n(text.p + at, nl ? (size_t)(nl - text.p) - at : text.n - at);
        at += l.n + 1;
        while (l.n && l.p[l.n - 1] == ' ')
            l.n--;
        if (sl_str_is(l, "-- event time"))
            next.event_time = true;
        else if (l.n > 8 && !memcmp(l.p, "-- into ", 8))
            next.into = sl_arena_dup(a, sl_str_n(l.p + 8, l.n - 8));
        if (!l.n || (l.n > 1 && l.p[0] == '-' && l.p[1] == '-'))
            continue;
        sl_buf_str(&one, l);
        sl_buf_putc(&one, ' ');
        if (l.p[l.n - 1] == ';') {
            statement(a, sl_arena_dup(a, sl_buf_view(&one)), &next);
            sl_buf_clear(&one);
        }
    }
    sl_buf_free(&one);
}

/* ---- flows ---- */
static sl_srcdef *source_of(const sl_create *c, bool lookup) {
    sl_srcdef *d = sl_srcdef_new();
    sl_arena *a = d->arena;
    bool ours = sl_str_is(c->opts.type, runner_type);
    d->stream = sl_arena_dup(a, c->name);
    d->datasource = sl_arena_dup(a, c->opts.datasource);
    d->identity = d->stream;
    d->def = ours ? runner_json ? &bytes_def : &rows_def : sl_conn_find(c->opts.type);
    d->zone = SL_ZONE_UTC;
    d->fields = c->fields;
    d->nfields = c->nfields;
    d->shared = ours;
    if (!d->def)
        fail("a stream", sl_err_new(SL_E_EXEC, "its type is unknown"));
    sl_json *props = sl_json_obj(a);
    if (c->opts.key.n)
        sl_json_set(a, props, "key", sl_json_str(a, c->opts.key));
    sl_json_set(a, props, "bufferLength", sl_json_int(a, 1 << 24)); /* a window may give more rows at once than a queue holds by default */
    d->conf = sl_arena_zero(a, d->def->conf_size + 1);
    sl_err *e = d->def->props ? sl_spec_load(d->def->props, lookup ? SL_P_LOOKUP : SL_P_SOURCE, props, a, d->conf, NULL) : NULL;
    if (e)
        fail("a stream", e);
    d->is_lookup = lookup;
    if (!lookup && !d->def->source->rows) {
        d->codec = &sl_codec_json;
        d->codec_conf = (sl_codec_conf){.fields = c->fields, .nfields = c->nfields, .int64 = true};
    }
    return d;
}
static sl_err *sink_of(sl_arena *a, const rule *r, sl_sinkdef *s) {
    sl_json *props = sl_json_obj(a);
    if (r->into.n)
        sl_json_set(a, props, "topic", sl_json_str(a, r->into));
    sl_json_set(a, props, "sendSingle", sl_json_bool(a, true));
    if (r->into.n || !runner_print)
        return sl_sinkdef_make(a, r->into.n ? SL_S("memory") : SL_S("nop"), props, s);
    *s = (sl_sinkdef){.type = SL_S("print"), .def = &print_def, .conf = sl_arena_zero(a, 1), .codec = &sl_codec_json};
    return sl_spec_load(sl_sinkopts_props, SL_P_SINK, props, a, &s->opts, NULL);
}
static void on_event(void *arg, sl_flow_event e, const char *why) {
    fprintf(stderr, "bench: a rule %s: %s\n", e == SL_FLOW_FAILED ? "failed" : "ended", why);
    exit_code = 1;
    sl_loop_stop(office);
}
static void open_rule(rule *r, uint32_t number) {
    static char home[] = "/tmp";
    sl_arena *a = sl_arena_new(0);
    sl_flowspec *s = SL_NEW(a, sl_flowspec);
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    o.event_time = r->event_time;
    o.zone = SL_ZONE_UTC;
    o.rule_id = sl_arena_printf(a, "rule%u", number);
    *s = (sl_flowspec){.arena = a, .rule_id = o.rule_id, .nsinks = 1, .home = home, .buffer_length = 1024};
    sl_err *e = sl_plan_make(r->sel, find_def, NULL, &o, &s->plan);
    if (e)
        fail("a plan", e);
    uint32_t n = sl_plan_nsources(s->plan);
    s->more = SL_NEW_N(a, sl_srcdef *, n);
    s->nmore = n - 1;
    for (uint32_t i = 0; i < n; i++) {
        const sl_plan_source *ps = sl_plan_source_at(s->plan, i);
        sl_srcdef *d = ps->same_as == i ? source_of(find_def(NULL, ps->stream), ps->is_lookup) : NULL;
        *(i ? &s->more[i - 1] : &s->src) = d;
    }
    s->sinks = SL_NEW(a, sl_sinkdef);
    if ((e = sink_of(a, r, s->sinks)) || (e = sl_flow_new(s, office, on_event, r, &r->flow)))
        fail("a rule", e);
    sl_flow_open(r->flow);
}
static void back(void *arg) { sl_loop_stop(office); }
static void turn(void *arg) { sl_post(office, back, NULL); }
static void settle(void) { /* letters of rules to each other have arrived */
    for (int i = 0; i < 4; i++) {
        sl_post(sl_lane_loop(sl_lane_at(0)), turn, NULL);
        sl_loop_run(office);
    }
}
static void closed(void *arg, sl_meters *m) {
    rule *r = arg;
    r->in = m->rows_in;
    for (uint32_t i = 0; i < m->n; i++) {
        if (m->at[i].where == 2)
            r->out = m->at[i].out;
        if (m->at[i].errors || m->at[i].dropped) {
            fprintf(stderr, "bench: %s: %llu errors, %llu dropped: %s\n", m->at[i].name, (unsigned long long)m->at[i].errors, (unsigned long long)m->at[i].dropped,
                    m->at[i].last_error ? m->at[i].last_error : "");
            exit_code = 1;
        }
    }
    sl_meters_free(m);
    waiting--;
    sl_loop_stop(office);
}
/* Batches go on. */
static void cut(void) {
    for (uint32_t i = 0; i < MAX_SOURCES; i++)
        if (sources[i] && runner_json)
            sources[i]->out->drained(sources[i]->out);
        else if (sources[i])
            sources[i]->out->rows(sources[i]->out, sources[i]->pos);
}
/* The rules of the text are opened: who listens before who speaks. */
static void open_all(void) {
    for (uint32_t i = nrules; i-- > 0;)
        open_rule(&rules[i], i);
    settle();
}
static void close_all(void) {
    for (uint32_t i = 0; i < nrules; i++) {
        waiting = 1;
        sl_flow_close(rules[i].flow, closed, &rules[i]);
        while (waiting)
            sl_loop_run(office);
    }
    ndefs = nrules = 0;
}
/* Runs fn(arg) on the lane; it ends with sl_post(office, back, NULL), perhaps after more turns. */
static void on_lane(sl_fn fn, void *arg) {
    sl_post(sl_lane_loop(sl_lane_at(0)), fn, arg);
    sl_loop_run(office);
}
static void runner_start(const char *const *streams, const char *type, int64_t clock_ms) {
    runner_streams = streams;
    runner_type = type;
    sl_clock_hold(clock_ms);
    office = sl_loop_new("office");
    sl_err *e = office ? sl_lanes_start(1) : sl_err_new(SL_E_NOMEM, "no loop");
    if (e)
        fail("start", e);
}
static void runner_stop(void) {
    sl_lanes_stop();
    sl_loop_free(office);
}
#endif
