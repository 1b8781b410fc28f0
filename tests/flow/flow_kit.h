/* A flow with both ends in the test's hand: a source that gives what the test says, a sink that answers when the test says. Lane and office
 * are real threads and loops; on_lane() runs a function there and waits for it. */
#ifndef SL_TESTS_FLOW_KIT_H
#define SL_TESTS_FLOW_KIT_H
#include "kit.h"
#include <stdatomic.h>
#include <unistd.h>
#include "flow/flow_int.h"
#include "sql/parse.h"

static sl_loop *office;
static bool late;

/* ---- waiting: runs the office's loop until cond; cond is asked on the lane, too ---- */
typedef struct call {
    sl_fn fn;
    void *arg;
    bool done;
} call;
static void call_back(void *arg) {
    ((call *)arg)->done = true;
    sl_loop_stop(office);
}
static void call_there(void *arg) {
    call *c = arg;
    c->fn(c->arg);
    sl_post(office, call_back, c);
}
static void on_lane(sl_fn fn, void *arg) {
    call c = {fn, arg, false};
    assert_true(sl_post(sl_lane_loop(sl_lane_at(0)), call_there, &c));
    while (!c.done)
        sl_loop_run(office);
}
static void on_deadline(void *arg) {
    late = true;
    sl_loop_stop(office);
}
static inline void office_turn(int64_t ms) { /* lets letters arrive */
    sl_timer *t = sl_timer_real(office, on_deadline, NULL);
    sl_timer_in(t, ms);
    sl_loop_run(office);
    sl_timer_free(t);
}

/* ---- source ---- */
typedef struct feed {
    sl_source_out *out;
    uint64_t committed;
    int opens, closes, pauses, resumes;
    bool paused, refuse, told; /* told: give() answered "pause" */
    uint64_t pos;
} feed;
static feed *feed_now; /* the one that open finds */
static sl_err *feed_open(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src) {
    feed *f = feed_now;
    f->opens++;
    if (f->refuse)
        return sl_err_new(SL_E_IO, "the feed does not want to open");
    f->out = out;
    out->state(out, SL_CONN_CONNECTED, SL_S(""));
    *src = (sl_source *)f;
    return NULL;
}
static void feed_commit(sl_source *s, uint64_t upto) {
    assert_true(upto >= ((feed *)s)->committed);
    ((feed *)s)->committed = upto;
}
static void feed_pause(sl_source *s) {
    ((feed *)s)->paused = true;
    ((feed *)s)->pauses++;
}
static void feed_resume(sl_source *s) {
    ((feed *)s)->paused = false;
    ((feed *)s)->resumes++;
}
static void feed_close(sl_source *s, sl_fn done, void *arg) {
    ((feed *)s)->closes++;
    ((feed *)s)->out = NULL;
    done(arg);
}
static const sl_source_ops feed_ops = {.open = feed_open, .commit = feed_commit, .pause = feed_pause, .resume = feed_resume, .close = feed_close};
static const sl_conn_def feed_def = {.name = "feed", .title = "Feed", .doc = "", .source = &feed_ops};

typedef struct give {
    feed *f;
    const char *text;
    int n, first; /* n messages: text with %d replaced by first, first + 1 … */
} give;
static void give_there(void *arg) {
    give *g = arg;
    char b[200];
    for (int i = 0; i < g->n && g->f->out; i++) {
        int len = snprintf(b, sizeof b, g->text, g->first + i);
        sl_packet p = {.bytes = sl_str_n(b, (size_t)len), .pos = ++g->f->pos};
        g->f->told |= !g->f->out->bytes(g->f->out, &p);
    }
    if (g->f->out)
        g->f->out->drained(g->f->out);
}
static inline void feed_n(feed *f, const char *text, int first, int n) { on_lane(give_there, &(give){f, text, n, first}); }
static inline void eof_there(void *arg) { ((feed *)arg)->out->eof(((feed *)arg)->out); }

/* ---- sink ---- */
typedef enum mode { AT_ONCE, LATER_BY_TEST, ANSWER /* with `as` */ } mode;
typedef struct collect {
    sl_sink_host *host;
    mode mode;
    sl_answer as;
    size_t room; /* put takes so many and then no more until ready */
    bool refuse, slow_close;
    int closes;
    SL_VEC(char *) got;   /* every payload that was taken */
    SL_VEC(uint64_t) seq; /* and its number */
    size_t answered;      /* of got, by the test */
    sl_fn done;
    void *done_arg;
} collect;
typedef struct collect_conf {
    collect *c;
    sl_str topic;
} collect_conf;
static const sl_prop collect_props[] = {{"topic", SL_P_STR, SL_P_SINK | SL_P_TEMPLATE, SL_AT(collect_conf, topic), .doc = ""}, {0}};
static sl_err *collect_open(const void *conf, const sl_conn_env *env, sl_sink_host *host, sl_sink **sink) {
    collect *c = ((const collect_conf *)conf)->c;
    if (c->refuse)
        return sl_err_new(SL_E_IO, "the collector does not want to open");
    c->host = host;
    host->state(host, SL_CONN_CONNECTED, SL_S(""));
    *sink = (sl_sink *)c;
    return NULL;
}
static uint32_t collect_put(sl_sink *s, const sl_message *m, uint32_t n) {
    collect *c = (collect *)s;
    uint32_t i = 0;
    for (; i < n && c->room; i++) {
        c->room--;
        sl_buf text = {0}; /* a rendered topic stands in front */
        if (m[i].props)
            sl_buf_printf(&text, "%.*s ", SL_FMT(m[i].props[0]));
        sl_buf_str(&text, m[i].bytes);
        sl_buf_puts(&text, "");
        assert_true(SL_PUSH(c->got, text.n ? sl_buf_take(&text) : sl_strdup_n("", 0)));
        sl_buf_free(&text);
        assert_true(SL_PUSH(c->seq, m[i].seq));
        if (c->mode != LATER_BY_TEST) {
            c->answered = c->got.n;
            c->host->answer(c->host, m[i].seq, m[i].seq, c->mode == AT_ONCE ? SL_DELIVERED : c->as, c->mode == AT_ONCE ? SL_S("") : SL_S("not now"));
        }
    }
    return i;
}
static void collect_close(sl_sink *s, sl_fn done, void *arg) {
    collect *c = (collect *)s;
    c->closes++;
    for (; c->answered < c->got.n; c->answered++)
        c->host->answer(c->host, c->seq.at[c->answered], c->seq.at[c->answered], SL_DOWN, SL_S("closed"));
    c->host = NULL;
    done(arg);
}
static const sl_sink_ops collect_ops = {.open = collect_open, .put = collect_put, .close = collect_close};
static const sl_conn_def collect_def = {.name = "collect", .title = "Collect", .doc = "", .props = collect_props, .sink = &collect_ops, .conf_size = sizeof(collect_conf)};

typedef struct reply {
    collect *c;
    size_t from, n; /* of got */
    sl_answer a;
} reply;
static void reply_there(void *arg) {
    reply *r = arg;
    for (size_t i = r->from; i < r->from + r->n; i++)
        r->c->host->answer(r->c->host, r->c->seq.at[i], r->c->seq.at[i], r->a, r->a == SL_DELIVERED ? SL_S("") : SL_S("said the test"));
    if (r->c->answered < r->from + r->n)
        r->c->answered = r->from + r->n;
}
static inline void answer_n(collect *c, size_t from, size_t n, sl_answer a) { on_lane(reply_there, &(reply){c, from, n, a}); }
static inline void ready_there(void *arg) { ((collect *)arg)->host->ready(((collect *)arg)->host); }
static inline void up_there(void *arg) { ((collect *)arg)->host->state(((collect *)arg)->host, SL_CONN_CONNECTED, SL_S("")); }
static void collect_init(collect *c, mode m) { *c = (collect){.mode = m, .room = SIZE_MAX}; }
static void collect_forget(collect *c) {
    for (size_t i = 0; i < c->got.n; i++)
        free(c->got.at[i]);
    SL_VEC_FREE(c->got);
    SL_VEC_FREE(c->seq);
    c->answered = 0;
}
static void nothing(void *arg) {}
typedef struct set_mode {
    collect *c;
    mode m;
} set_mode;
static void mode_there(void *arg) { ((set_mode *)arg)->c->mode = ((set_mode *)arg)->m; }
static inline void collect_mode(collect *c, mode m) { on_lane(mode_there, &(set_mode){c, m}); }
typedef struct count {
    collect *c;
    size_t want, n;
} count;
static void count_there(void *arg) { ((count *)arg)->n = ((count *)arg)->c->got.n; }
static inline void want_got(collect *c, size_t n) { /* waits until the sink took n messages */
    count k = {c, n, 0};
    for (int i = 0; i < 2000; i++) {
        on_lane(count_there, &k);
        if (k.n >= n)
            return;
        usleep(5000);
    }
    fail_msg("waited in vain for %zu messages, %zu came", n, k.n);
}

/* ---- the flow ---- */
typedef struct rule {
    sl_flow *flow;
    sl_plan *plan;
    feed *f;
    int events;
    sl_flow_event event;
    char why[300];
    sl_meters m;
    bool closed, asked, memory; /* memory: the statement absorbs rows */
} rule;
static const char *def_text = "CREATE STREAM demo () WITH (DATASOURCE=\"x\", TYPE=\"feed\", FORMAT=\"json\")";
static const char *table_text; /* of the table t, where a test has one */
static const sl_create *find_def(void *arg, sl_str name) {
    static sl_stmt st[2];
    bool table = table_text && sl_str_is(name, "t");
    assert_null(sl_parse(arg, sl_str_of(table ? table_text : def_text), &st[table], NULL));
    return st[table].create;
}
static void on_event(void *arg, sl_flow_event e, const char *why) {
    rule *r = arg;
    r->events++;
    r->event = e;
    snprintf(r->why, sizeof r->why, "%s", why);
    sl_loop_stop(office);
}
static sl_srcdef *make_src(bool shared, const char *identity) {
    sl_srcdef *d = sl_srcdef_new();
    assert_non_null(d);
    d->stream = SL_S("demo");
    d->datasource = SL_S("x");
    d->identity = sl_str_of(identity);
    d->def = &feed_def;
    d->codec = &sl_codec_json;
    d->shared = shared;
    d->zone = SL_ZONE_UTC;
    return d;
}
static bool plain_form; /* rules are planned without fast forms */
static char home[] = "/tmp/sl_flow_XXXXXX";
static void rule_spec(rule *r, const char *sql, sl_srcdef *src, const char *opts, collect *c, int qos, bool send_error, sl_flowspec **out) {
    r->memory = strstr(sql, "WINDOW(") != NULL;
    sl_arena *a = sl_arena_new(0), *tmp = sl_arena_new(0);
    sl_select *sel;
    sl_plan_opts po;
    sl_json *o;
    assert_null(sl_parse_select(tmp, sl_str_of(sql), &sel, NULL));
    sl_plan_opts_default(&po);
    po.send_error = send_error;
    po.plain = plain_form;
    po.zone = SL_ZONE_UTC;
    po.rule_id = SL_S("rule1");
    sl_err *e = sl_plan_make(sel, find_def, tmp, &po, &r->plan);
    if (e)
        fail_msg("%s: %s", sql, sl_err_text(e));
    sl_flowspec *s = SL_NEW(a, sl_flowspec);
    *s = (sl_flowspec){.arena = a, .rule_id = sl_arena_dup(a, SL_S("rule1")), .plan = r->plan, .src = src, .nsinks = 1, .send_error = send_error, .qos = qos, .home = home};
    s->sinks = SL_NEW(a, sl_sinkdef);
    collect_conf *conf = SL_NEW(a, collect_conf);
    conf->c = c;
    *s->sinks = (sl_sinkdef){.type = SL_S("collect"), .def = &collect_def, .conf = conf, .codec = &sl_codec_json};
    sl_str text = sl_arena_dup(a, sl_str_of(opts));
    assert_null(sl_json_parse(a, text, &o, NULL));
    assert_null(sl_spec_load(sl_sinkopts_props, SL_P_SINK, o, a, &s->sinks->opts, NULL));
    s->sinks->opts.send_single = true;
    e = sinkdef_templates(a, o, s->sinks);
    if (e)
        fail_msg("%s: %s", opts, sl_err_text(e));
    sl_arena_free(tmp);
    *out = s;
}
static inline void rule_open(rule *r, feed *f, const char *sql, sl_srcdef *src, const char *opts, collect *c, int qos, bool send_error) {
    sl_flowspec *s;
    *r = (rule){.f = f};
    rule_spec(r, sql, src, opts, c, qos, send_error, &s);
    feed_now = f;
    assert_null(sl_flow_new(s, office, on_event, r, &r->flow));
    sl_flow_open(r->flow);
    on_lane(nothing, NULL);
}
static void on_closed(void *arg, sl_meters *m) {
    rule *r = arg;
    sl_meters_free(&r->m);
    r->m = *m;
    *m = (sl_meters){0};
    r->closed = true;
    sl_loop_stop(office);
}
static void rule_close(rule *r) {
    sl_flow_close(r->flow, on_closed, r);
    while (!r->closed)
        sl_loop_run(office);
}
static void on_meters(void *arg, sl_meters *m) {
    rule *r = arg;
    sl_meters_free(&r->m);
    r->m = *m;
    *m = (sl_meters){0};
    r->asked = true;
    sl_loop_stop(office);
}
static inline const sl_meter *rule_sink(rule *r) { /* fresh meters of the sink; checks both ledgers */
    r->asked = r->closed;
    if (!r->closed)
        sl_flow_meters(r->flow, on_meters, r);
    while (!r->asked)
        sl_loop_run(office);
    if (r->memory)
        assert_int_equal(r->m.rows_in, r->m.rows_filtered + r->m.rows_failed + r->m.rows_late + r->m.rows_absorbed);
    else
        assert_int_equal(r->m.rows_in, r->m.rows_filtered + r->m.rows_failed + r->m.rows_out);
    for (uint32_t i = 0; i < r->m.n; i++)
        if (r->m.at[i].where == 2) {
            const sl_meter *m = &r->m.at[i];
            assert_int_equal(m->in, m->out + m->failed + m->dropped + m->buffer);
            return m;
        }
    fail();
    return NULL;
}
static void rule_end(rule *r) {
    if (!r->closed)
        rule_close(r);
    sl_meters_free(&r->m);
}
static int kit_begin(void **state) {
    assert_non_null(mkdtemp(home));
    office = sl_loop_new("office");
    assert_non_null(office);
    assert_null(sl_lanes_start(1));
    return 0;
}
static int kit_end(void **state) {
    sl_lanes_stop();
    sl_loop_free(office);
    char cmd[100];
    snprintf(cmd, sizeof cmd, "rm -rf %s", home);
    return system(cmd);
}
#endif
