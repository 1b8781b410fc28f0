/* Queries over an auction house: bench_nexmark [options] FILE… runs each file of bench/nexmark through real flows (source, decoder, statement, sink)
 * on one lane and prints a line of JSON: events and rows, CPU seconds of the whole process, the generator's included.
 *
 *   --json         events come as JSON bytes and are decoded (default: as rows of the columns that the statement wants)
 *   --events N     so many events (default 1,550,000); --rate N: so many in a second of stream time (default 50,000)
 *   --check        prints what the last statement gives, one JSON object a row, instead of the line
 *   --dump         prints the events, one object of stream and fields a line, and runs nothing
 *
 * A file holds statements, after those of streams.sql beside it: CREATE STREAM and TABLE, then SELECTs, each a rule. Comment lines before a SELECT are its
 * options: `-- event time`, `-- into TOPIC` (a memory topic instead of the nop sink). The clock is held and moved with the times of the events.
 *
 * Decision: all events are made, also those of streams that nobody reads, because the published figures count them so. Of an event that
 * is read as rows, numbers and texts of wanted columns are copied, as a decoder does. */
#include <time.h>
#include <unistd.h>
#include "flow/flow.h"
#include "nexmark/events.h"
#include "sql/parse.h"

enum { CHUNK = 512, MAX_RULES = 8, MAX_DEFS = 16, MAX_SOURCES = 8 };
struct sl_source { /* one open source of ours */
    sl_source_out *out;
    int kind;
    const sl_layout *layout;
    int at[NX_FIELDS]; /* column of a field, -1: none */
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
static struct {
    bool json, check, dump;
    uint64_t events;
    int64_t rate;
} opt = {.events = 1550000, .rate = 50000};
static nx_gen gen;
static sl_loop *office;
static sl_source *sources[MAX_SOURCES];
static const sl_create *defs[MAX_DEFS];
static rule rules[MAX_RULES];
static uint32_t ndefs, nrules, waiting;
static int exit_code;

static void fail(const char *what, sl_err *e) {
    fprintf(stderr, "bench_nexmark: %s: %s\n", what, sl_err_text(e));
    exit(1);
}
static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- our source ---- */
static sl_err *nx_open(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src) {
    sl_source *s = calloc(1, sizeof *s);
    uint32_t i = 0;
    while (i < MAX_SOURCES && sources[i])
        i++;
    if (!s || i == MAX_SOURCES)
        return sl_err_new(SL_E_IO, "too many sources");
    while (s->kind < NX_STREAMS && !sl_str_is(datasource, nx_stream[s->kind]))
        s->kind++;
    s->out = out;
    sources[i] = *src = s;
    out->state(out, SL_CONN_CONNECTED, SL_S(""));
    return NULL;
}
static void nx_quiet(sl_source *s) {} /* what is given beyond is taken */
static void nx_close(sl_source *s, sl_fn done, void *arg) {
    for (uint32_t i = 0; i < MAX_SOURCES; i++)
        if (sources[i] == s)
            sources[i] = NULL;
    if (s->layout)
        sl_layout_drop(s->layout);
    free(s);
    done(arg);
}
static const sl_source_ops bytes_ops = {.open = nx_open, .pause = nx_quiet, .resume = nx_quiet, .close = nx_close};
static const sl_source_ops rows_ops = {.rows = true, .open = nx_open, .pause = nx_quiet, .resume = nx_quiet, .close = nx_close};
static const sl_conn_def bytes_def = {.name = "nexmark", .title = "", .doc = "", .source = &bytes_ops};
static const sl_conn_def rows_def = {.name = "nexmark", .title = "", .doc = "", .source = &rows_ops};

static void give_row(sl_source *s, const nx_event *e) {
    sl_builder *w = s->out->builder(s->out);
    if (!w)
        return;
    const sl_layout *l = sl_builder_layout(w);
    if (l != s->layout) {
        if (s->layout)
            sl_layout_drop(s->layout);
        s->layout = sl_layout_hold(l);
        s->all = sl_builder_all(w);
        for (uint32_t f = 0; f < nx_nfields[e->kind]; f++)
            s->at[f] = sl_layout_find(l, sl_str_of(nx_field[e->kind][f]));
    }
    sl_arena *a = sl_builder_arena(w);
    sl_builder_row(w);
    for (uint32_t f = 0; f < nx_nfields[e->kind]; f++) {
        if (s->at[f] < 0 && !s->all)
            continue;
        sl_value v = e->v[f];
        if (v.kind == SL_STRING)
            v = sl_v_str(sl_arena_dup(a, sl_v_text(v)));
        if (s->at[f] >= 0)
            sl_builder_set(w, (uint32_t)s->at[f], v);
        else
            sl_builder_tail(w, sl_str_of(nx_field[e->kind][f]), v);
    }
    sl_builder_end(w);
    s->pos++;
}
static void give(const nx_event *e) {
    static char text[NX_JSON];
    size_t n = opt.json ? nx_json(e, text) : 0;
    for (uint32_t i = 0; i < MAX_SOURCES; i++) {
        sl_source *s = sources[i];
        if (!s || s->kind != e->kind)
            continue;
        if (opt.json) {
            sl_packet p = {.bytes = sl_str_n(text, n), .pos = ++s->pos};
            s->out->bytes(s->out, &p);
        } else
            give_row(s, e);
    }
}
static void cut(void) { /* batches go on */
    for (uint32_t i = 0; i < MAX_SOURCES; i++)
        if (sources[i] && opt.json)
            sources[i]->out->drained(sources[i]->out);
        else if (sources[i])
            sources[i]->out->rows(sources[i]->out, sources[i]->pos);
}
static void pumped(void *arg) { sl_loop_stop(office); }
static void pump(void *arg) {
    sl_loop *l = arg;
    nx_event e;
    sl_clock_move(l, nx_time(&gen, gen.number));
    for (int i = 0; i < CHUNK && gen.number < opt.events; i++) {
        nx_make(&gen, &e);
        give(&e);
    }
    cut();
    sl_post(gen.number < opt.events ? l : office, gen.number < opt.events ? pump : pumped, l);
}
static void pump_side(void *arg) {
    nx_event e;
    for (uint32_t i = 0; i < NX_SIDE_ROWS; i++) {
        nx_side(i, &e);
        give(&e);
        if (i % CHUNK == CHUNK - 1)
            cut();
    }
    cut();
    sl_post(office, pumped, NULL);
}

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
static void read_file(sl_arena *a, const char *path) {
    FILE *f = fopen(path, "r");
    char line[4096];
    sl_buf text = {0};
    rule next = {0};
    if (!f)
        fail(path, sl_err_new(SL_E_IO, "cannot be read"));
    while (fgets(line, sizeof line, f)) {
        sl_str l = sl_str_of(line);
        while (l.n && (l.p[l.n - 1] == '\n' || l.p[l.n - 1] == ' '))
            l.n--;
        if (sl_str_is(l, "-- event time"))
            next.event_time = true;
        else if (l.n > 8 && !memcmp(l.p, "-- into ", 8))
            next.into = sl_arena_dup(a, sl_str_n(l.p + 8, l.n - 8));
        if (!l.n || (l.n > 1 && l.p[0] == '-' && l.p[1] == '-'))
            continue;
        sl_buf_str(&text, l);
        sl_buf_putc(&text, ' ');
        if (l.p[l.n - 1] == ';') {
            statement(a, sl_arena_dup(a, sl_buf_view(&text)), &next);
            sl_buf_clear(&text);
        }
    }
    sl_buf_free(&text);
    fclose(f);
}

/* ---- flows ---- */
static sl_srcdef *source_of(const sl_create *c, bool lookup) {
    sl_srcdef *d = sl_srcdef_new();
    sl_arena *a = d->arena;
    bool ours = sl_str_is(c->opts.type, "nexmark");
    d->stream = sl_arena_dup(a, c->name);
    d->datasource = sl_arena_dup(a, c->opts.datasource);
    d->identity = d->stream;
    d->def = ours ? opt.json ? &bytes_def : &rows_def : sl_conn_find(c->opts.type);
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
    d->lookup_props = props;
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
    if (r->into.n || !opt.check)
        return sl_sinkdef_make(a, r->into.n ? SL_S("memory") : SL_S("nop"), props, s);
    *s = (sl_sinkdef){.type = SL_S("print"), .def = &print_def, .conf = sl_arena_zero(a, 1), .codec = &sl_codec_json};
    return sl_spec_load(sl_sinkopts_props, SL_P_SINK, props, a, &s->opts, NULL);
}
static void on_event(void *arg, sl_flow_event e, const char *why) {
    fprintf(stderr, "bench_nexmark: a rule %s: %s\n", e == SL_FLOW_FAILED ? "failed" : "ended", why);
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
static void turn(void *arg) { sl_post(office, pumped, NULL); }
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
            fprintf(stderr, "bench_nexmark: %s: %llu errors, %llu dropped: %s\n", m->at[i].name, (unsigned long long)m->at[i].errors, (unsigned long long)m->at[i].dropped,
                    m->at[i].last_error ? m->at[i].last_error : "");
            exit_code = 1;
        }
    }
    sl_meters_free(m);
    waiting--;
    sl_loop_stop(office);
}
static void run(const char *path) {
    sl_arena *a = sl_arena_new(0);
    const char *slash = strrchr(path, '/');
    char streams[1024];
    ndefs = nrules = 0;
    snprintf(streams, sizeof streams, "%.*s/streams.sql", slash ? (int)(slash - path) : 1, slash ? path : ".");
    read_file(a, streams);
    read_file(a, path);
    if (!nx_init(&gen, 42, opt.rate))
        exit(1);
    sl_loop *lane = sl_lane_loop(sl_lane_at(0));
    for (uint32_t i = nrules; i-- > 0;) /* who listens comes before who speaks */
        open_rule(&rules[i], i);
    settle();
    bool side = false;
    for (uint32_t i = 0; i < MAX_SOURCES; i++)
        side |= sources[i] && sources[i]->kind == NX_SIDE;
    if (side) {
        sl_post(lane, pump_side, NULL);
        sl_loop_run(office);
        settle();
    }
    double t = cpu();
    sl_post(lane, pump, lane);
    sl_loop_run(office);
    settle();
    t = cpu() - t;
    int64_t rss = sl_rss_bytes();
    for (uint32_t i = 0; i < nrules; i++) {
        waiting = 1;
        sl_flow_close(rules[i].flow, closed, &rules[i]);
        while (waiting)
            sl_loop_run(office);
    }
    const rule *last = &rules[nrules - 1];
    if (!opt.check)
        printf("{\"query\":\"%.*s\",\"json\":%s,\"events\":%llu,\"rows_in\":%llu,\"rows_out\":%llu,\"cpu_s\":%.4f,\"events_per_cpu_s\":%.0f,\"rss_kb\":%lld}\n",
               (int)strcspn(slash ? slash + 1 : path, "."), slash ? slash + 1 : path, opt.json ? "true" : "false", (unsigned long long)opt.events, (unsigned long long)last->in,
               (unsigned long long)last->out, t, (double)opt.events / t, (long long)rss / 1024);
    fflush(stdout);
    nx_end(&gen);
    sl_arena_free(a);
}
static void dump(void) {
    static char text[NX_JSON];
    nx_event e;
    if (!nx_init(&gen, 42, opt.rate))
        exit(1);
    while (gen.number < opt.events) {
        nx_make(&gen, &e);
        printf("{\"%s\":%.*s}\n", nx_stream[e.kind], (int)nx_json(&e, text), text);
    }
    nx_end(&gen);
}
int main(int argc, char **argv) {
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++) {
        sl_str o = sl_str_of(argv[at]);
        opt.json |= sl_str_is(o, "--json");
        opt.check |= sl_str_is(o, "--check");
        opt.dump |= sl_str_is(o, "--dump");
        if (sl_str_is(o, "--events") && at + 1 < argc)
            opt.events = strtoull(argv[++at], NULL, 10);
        else if (sl_str_is(o, "--rate") && at + 1 < argc)
            opt.rate = strtoll(argv[++at], NULL, 10);
    }
    if (opt.rate <= 0 || (at == argc && !opt.dump)) {
        fprintf(stderr, "usage: bench_nexmark [--json] [--events N] [--rate N] [--check] FILE… | --dump\n");
        return 2;
    }
    if (opt.dump) {
        dump();
        return 0;
    }
    sl_clock_hold(NX_BASE_MS);
    office = sl_loop_new("office");
    sl_err *e = office ? sl_lanes_start(1) : sl_err_new(SL_E_NOMEM, "no loop");
    if (e)
        fail("start", e);
    for (; at < argc; at++)
        run(argv[at]);
    sl_lanes_stop();
    sl_loop_free(office);
    return exit_code;
}
