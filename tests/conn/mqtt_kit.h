/* Flow's part of the MQTT connector, played by tests: source_out and sink_host that write down what happens, and running the loop until
 * something has happened or a deadline has passed. */
#ifndef SL_TESTS_MQTT_KIT_H
#define SL_TESTS_MQTT_KIT_H
#include "base/vec.h"
#include "conn/conn.h"
#include "conn/mqtt/client.h"
static sl_loop *loop;
static sl_conn_env env;

/* ---- waiting ---- */
static bool (*wanted)(void *);
static void *wanted_arg;
static bool late;
static void poke(void) {
    if (wanted && wanted(wanted_arg))
        sl_loop_stop(loop);
}
static void on_deadline(void *arg) {
    late = true;
    sl_loop_stop(loop);
}
static bool wait_for(bool (*cond)(void *), void *arg, int64_t ms) {
    if (cond(arg))
        return true;
    wanted = cond;
    wanted_arg = arg;
    late = false;
    sl_timer *t = sl_timer_real(loop, on_deadline, NULL);
    sl_timer_in(t, ms);
    sl_loop_run(loop);
    sl_timer_free(t);
    wanted = NULL;
    return cond(arg);
}
#define WAIT(cond, arg) assert_true(wait_for(cond, arg, 20000))

/* ---- flow's part ---- */
typedef struct feed {
    sl_source_out o;
    sl_source *src;
    SL_VEC(char *) got; /* "topic|qos|payload" */
    SL_VEC(uint64_t) pos;
    size_t drains, errors;
    bool eof, open, closed;
    size_t pause_at; /* pauses after so many messages */
    int state, ups;
    char why[300], last_error[300], props[200];
    size_t want;
} feed;
static bool f_bytes(sl_source_out *o, const sl_packet *p) {
    feed *f = (feed *)o;
    sl_buf b = {0};
    f->props[0] = 0;
    for (uint32_t i = 0; i < p->nmeta; i++)
        if (sl_str_is(p->meta[i].key, "topic"))
            sl_buf_printf(&b, "%.*s|", SL_FMT(sl_v_text(p->meta[i].val)));
        else if (sl_str_is(p->meta[i].key, "qos"))
            sl_buf_printf(&b, "%d|", (int)p->meta[i].val.i);
        else if (sl_str_is(p->meta[i].key, "properties"))
            for (uint32_t k = 0; k < p->meta[i].val.len; k++)
                snprintf(f->props + strlen(f->props), sizeof f->props - strlen(f->props), "%.*s=%.*s;", SL_FMT(p->meta[i].val.map[k].key),
                         SL_FMT(sl_v_text(p->meta[i].val.map[k].val)));
    sl_buf_str(&b, p->bytes);
    if (f->pos.n)
        assert_true(p->pos > f->pos.at[f->pos.n - 1]);
    assert_true(SL_PUSH(f->got, sl_buf_take(&b)));
    assert_true(SL_PUSH(f->pos, p->pos));
    poke();
    return !f->pause_at || f->got.n < f->pause_at;
}
static void f_drained(sl_source_out *o) { ((feed *)o)->drains++; }
static void f_error(sl_source_out *o, sl_str t) {
    feed *f = (feed *)o;
    f->errors++;
    snprintf(f->last_error, sizeof f->last_error, "%.*s", SL_FMT(t));
    poke();
}
static void f_eof(sl_source_out *o) {
    ((feed *)o)->eof = true;
    poke();
}
static void f_state(sl_source_out *o, sl_conn_state s, sl_str why) {
    feed *f = (feed *)o;
    f->state = s;
    f->ups += s == SL_CONN_CONNECTED;
    snprintf(f->why, sizeof f->why, "%.*s", SL_FMT(why));
    poke();
}
typedef struct drain {
    sl_sink_host h;
    sl_sink *sink;
    uint64_t next; /* next seq */
    size_t delivered, down, bad, later, readies;
    unsigned char *answers; /* by seq: how often */
    size_t cap;
    int state;
    bool open, closed;
    char why[300], answer_why[300];
    size_t want;
} drain;
static void d_answer(sl_sink_host *h, uint64_t first, uint64_t last, sl_answer a, sl_str why) {
    drain *d = (drain *)h;
    for (uint64_t i = first; i <= last; i++) {
        assert_true(i < d->cap);
        assert_int_equal(d->answers[i]++, 0); /* exactly once */
        d->delivered += a == SL_DELIVERED;
        d->down += a == SL_DOWN;
        d->bad += a == SL_BAD;
        d->later += a == SL_LATER;
    }
    if (a != SL_DELIVERED)
        snprintf(d->answer_why, sizeof d->answer_why, "%.*s", SL_FMT(why));
    poke();
}
static void d_state(sl_sink_host *h, sl_conn_state s, sl_str why) {
    drain *d = (drain *)h;
    d->state = s;
    snprintf(d->why, sizeof d->why, "%.*s", SL_FMT(why));
    poke();
}
static void d_ready(sl_sink_host *h) {
    ((drain *)h)->readies++;
    poke();
}
static sl_arena *confs;
static mq_conf *conf_of(int where, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    sl_buf b = {0};
    sl_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    sl_json *j;
    assert_null(sl_json_parse(confs, sl_arena_dup(confs, sl_buf_view(&b)), &j, NULL));
    sl_buf_free(&b);
    mq_conf *c = SL_NEW(confs, mq_conf);
    sl_err *e = sl_spec_load(sl_conn_mqtt.props, where, j, confs, c, NULL);
    if (e)
        fail_msg("%s", sl_err_text(e));
    return c;
}
static inline void feed_open(feed *f, mq_conf *c, const char *topic) {
    memset(f, 0, sizeof *f);
    f->o = (sl_source_out){.bytes = f_bytes, .drained = f_drained, .error = f_error, .eof = f_eof, .state = f_state};
    sl_err *e = sl_conn_mqtt.source->open(c, sl_arena_dup(confs, sl_str_of(topic)), &env, &f->o, SL_S(""), &f->src);
    if (e)
        fail_msg("%s", sl_err_text(e));
    f->open = true;
}
static void f_done(void *arg) {
    ((feed *)arg)->closed = true;
    poke();
}
static inline bool feed_is_closed(void *arg) { return ((feed *)arg)->closed; }
static inline void feed_close(feed *f) {
    sl_conn_mqtt.source->close(f->src, f_done, f);
    WAIT(feed_is_closed, f);
    for (size_t i = 0; i < f->got.n; i++)
        free(f->got.at[i]);
    SL_VEC_FREE(f->got);
    SL_VEC_FREE(f->pos);
}
static inline void drain_open(drain *d, mq_conf *c) {
    memset(d, 0, sizeof *d);
    d->h = (sl_sink_host){d_answer, d_state, d_ready};
    d->cap = 100000;
    d->answers = calloc(d->cap, 1);
    sl_err *e = sl_conn_mqtt.sink->open(c, &env, &d->h, &d->sink);
    if (e)
        fail_msg("%s", sl_err_text(e));
}
static void d_done(void *arg) {
    ((drain *)arg)->closed = true;
    poke();
}
static inline bool drain_is_closed(void *arg) { return ((drain *)arg)->closed; }
static inline void drain_close(drain *d) {
    sl_conn_mqtt.sink->close(d->sink, d_done, d);
    WAIT(drain_is_closed, d);
    for (uint64_t i = 0; i < d->next; i++)
        assert_int_equal(d->answers[i], 1);
    free(d->answers);
}
static inline bool put(drain *d, const char *bytes, const sl_str *props) {
    sl_message m = {.bytes = sl_str_of(bytes), .props = props, .seq = d->next};
    if (!sl_conn_mqtt.sink->put(d->sink, &m, 1))
        return false;
    d->next++;
    return true;
}
static inline bool feed_up(void *arg) { return ((feed *)arg)->state == SL_CONN_CONNECTED; }
static inline bool feed_down(void *arg) { return ((feed *)arg)->state == SL_CONN_DISCONNECTED; }
static inline bool feed_has(void *arg) { return ((feed *)arg)->got.n >= ((feed *)arg)->want; }
static inline bool feed_err(void *arg) { return ((feed *)arg)->errors > 0; }
static inline bool feed_ended(void *arg) { return ((feed *)arg)->eof; }
static inline bool drain_up(void *arg) { return ((drain *)arg)->state == SL_CONN_CONNECTED; }
static inline bool drain_down(void *arg) { return ((drain *)arg)->state == SL_CONN_DISCONNECTED; }
static inline bool drain_has(void *arg) { return ((drain *)arg)->delivered >= ((drain *)arg)->want; }
static inline void want_feed(feed *f, size_t n) {
    f->want = n;
    if (!wait_for(feed_has, f, 20000))
        fail_msg("%zu messages came, %zu were wanted", f->got.n, n);
}
static inline void want_drain(drain *d, size_t n) {
    d->want = n;
    if (!wait_for(drain_has, d, 20000))
        fail_msg("%zu messages delivered, %zu were wanted", d->delivered, n);
}
#endif
