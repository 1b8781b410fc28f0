/* Lookup tables that answer late: order of rows, the cache (hits, time to live, missing keys, bound), errors, how many questions are under way, pressure,
 * and the end of a rule while answers are to come. The table is in the test's hand. */
#include "flow_kit.h"

typedef struct asked {
    sl_arena *a;
    int64_t key;
    void (*done)(void *arg, sl_value rows);
    void *arg;
    bool answered;
} asked;
static struct slow { /* all on the lane */
    SL_VEC(asked) q;
    uint32_t open, most;
    bool holds_end, at_once;
    sl_fn ended;
    void *ended_arg;
} slow;
static sl_err *slow_open(const void *conf, sl_str datasource, const sl_conn_env *env, sl_lookup **l) {
    *l = (sl_lookup *)&slow;
    return NULL;
}
static void slow_look(sl_lookup *l, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, void (*done)(void *arg, sl_value rows), void *arg) {
    assert_int_equal(n, 1);
    assert_true(sl_str_is(cols[0], "id"));
    assert_true(SL_PUSH(slow.q, ((asked){a, vals[0].kind == SL_FLOAT ? (int64_t)sl_f64(vals[0]) : vals[0].i, done, arg, false})));
    slow.open++;
    slow.most = slow.open > slow.most ? slow.open : slow.most;
}
/* Answer i: n rows {"id":key,"v":"KEY.k"}, or with n < 0 an error. */
static void reply_one(size_t i, int n, size_t pad) {
    asked x = slow.q.at[i];
    assert_false(x.answered);
    slow.q.at[i].answered = true;
    slow.open--;
    sl_value *rows = SL_NEW_N(x.a, sl_value, n + 1);
    for (int k = 0; k < n; k++) {
        sl_member *m = SL_NEW_N(x.a, sl_member, 3);
        m[0] = (sl_member){SL_S("id"), sl_v_int(x.key)};
        m[1] = (sl_member){SL_S("v"), sl_v_str(sl_arena_printf(x.a, "%d.%d", (int)x.key, k))};
        char *big = sl_arena_zero(x.a, pad + 1);
        memset(big, 'x', pad);
        m[2] = (sl_member){SL_S("pad"), sl_v_str(sl_str_n(big, pad))};
        rows[k] = sl_v_map(m, 3);
    }
    x.done(x.arg, n < 0 ? sl_v_error(SL_S("the table is away")) : sl_v_list(rows, (uint32_t)n));
}
static void slow_close(sl_lookup *l, sl_fn done, void *arg) {
    slow.ended = done;
    slow.ended_arg = arg;
    if (slow.holds_end) /* the peer has to be waited for */
        return;
    for (size_t i = 0; i < slow.q.n; i++)
        if (!slow.q.at[i].answered)
            reply_one(i, -1, 0);
    done(arg);
}
static const sl_lookup_ops slow_ops = {.open = slow_open, .look = slow_look, .close = slow_close};
static const sl_conn_def slow_def = {.name = "slow", .title = "Slow", .doc = "", .lookup = &slow_ops};

typedef struct wanted {
    size_t from, n;
    int rows;
    size_t pad;
    bool backwards;
} wanted;
static void replies_there(void *arg) {
    wanted *w = arg;
    for (size_t i = 0; i < w->n; i++)
        reply_one(w->backwards ? w->from + w->n - 1 - i : w->from + i, w->rows, w->pad);
}
static void replies(size_t from, size_t n, int rows) { on_lane(replies_there, &(wanted){from, n, rows, 0, false}); }
static void count_questions(void *arg) { *(size_t *)arg = slow.q.n; }
static size_t questions(void) {
    size_t n;
    on_lane(count_questions, &n);
    return n;
}
static void turn(void) { /* what was put off to the end of a turn has happened */
    on_lane(nothing, NULL);
    on_lane(nothing, NULL);
}
static void begin(rule *r, feed *f, collect *c, const char *sql, const char *props, bool errors) {
    SL_VEC_FREE(slow.q);
    memset(&slow, 0, sizeof slow);
    table_text = "CREATE TABLE t () WITH (DATASOURCE=\"x\", TYPE=\"slow\", KIND=\"lookup\")";
    *f = (feed){0};
    collect_init(c, AT_ONCE);
    *r = (rule){.f = f};
    sl_flowspec *s;
    rule_spec(r, sql, make_src(false, ""), "{}", c, 0, errors, &s);
    s->sinks->opts.send_single = false;
    sl_srcdef *t = sl_srcdef_new();
    sl_json *j;
    t->stream = SL_S("t");
    t->def = &slow_def;
    t->zone = SL_ZONE_UTC;
    t->is_lookup = true;
    assert_null(sl_json_parse(t->arena, sl_arena_dup(t->arena, sl_str_of(props)), &j, NULL));
    assert_null(sl_srcdef_lookup(t, j));
    s->more = SL_NEW_N(s->arena, sl_srcdef *, 2);
    s->more[0] = t;
    s->nmore = 1;
    feed_now = f;
    assert_null(sl_flow_new(s, office, on_event, r, &r->flow));
    sl_flow_open(r->flow);
    on_lane(nothing, NULL);
}
static void finish(rule *r, collect *c) {
    rule_end(r);
    collect_forget(c);
    table_text = NULL;
}
static const char *const join = "SELECT a, v FROM demo INNER JOIN t ON demo.a = t.id";

static void order(void **state) {
    feed f;
    collect c;
    rule r;
    begin(&r, &f, &c, join, "{}", false);
    feed_n(&f, "{\"a\":%d}", 0, 3); /* one lot */
    feed_n(&f, "{\"a\":%d}", 3, 2); /* another */
    assert_int_equal(questions(), 5);
    replies(4, 1, 1);
    replies(3, 1, 2);
    replies(2, 1, 0);
    replies(1, 1, 1);
    turn();
    assert_int_equal(c.got.n, 0); /* the first is not there */
    replies(0, 1, 1);
    want_got(&c, 4);
    assert_string_equal(c.got.at[0], "[{\"a\":0,\"v\":\"0.0\"}]");
    assert_string_equal(c.got.at[1], "[{\"a\":1,\"v\":\"1.0\"}]");
    assert_string_equal(c.got.at[2], "[{\"a\":3,\"v\":\"3.0\"},{\"a\":3,\"v\":\"3.1\"}]");
    assert_string_equal(c.got.at[3], "[{\"a\":4,\"v\":\"4.0\"}]");
    finish(&r, &c);
    begin(&r, &f, &c, "SELECT a, v FROM demo LEFT JOIN t ON demo.a = t.id AND t.v != \"7.0\"", "{}", false);
    feed_n(&f, "{\"a\":%d}", 6, 3);
    feed_n(&f, "{\"b\":%d}", 1, 1); /* no key: nobody is asked, and it waits all the same */
    assert_int_equal(questions(), 3);
    on_lane(replies_there, &(wanted){0, 3, 1, 0, true});
    want_got(&c, 4);
    assert_string_equal(c.got.at[0], "[{\"a\":6,\"v\":\"6.0\"}]");
    assert_string_equal(c.got.at[1], "[{\"a\":7}]");
    assert_string_equal(c.got.at[3], "[{}]");
    finish(&r, &c);
}
static void errors(void **state) {
    feed f;
    collect c;
    rule r;
    begin(&r, &f, &c, join, "{\"lookup\":{\"cache\":true,\"cacheMissingKey\":true}}", true);
    feed_n(&f, "{\"a\":%d}", 0, 3);
    feed_n(&f, "{\"a\":%d", 9, 1); /* broken: its error does not overtake */
    replies(2, 1, 1);
    replies(1, 1, -1);
    turn();
    assert_int_equal(c.got.n, 0);
    replies(0, 1, 1);
    want_got(&c, 4);
    assert_string_equal(c.got.at[0], "[{\"a\":0,\"v\":\"0.0\"}]");
    assert_string_equal(c.got.at[1], "run Join error: the table is away");
    assert_string_equal(c.got.at[2], "[{\"a\":2,\"v\":\"2.0\"}]");
    assert_non_null(strstr(c.got.at[3], "expected"));
    feed_n(&f, "{\"a\":%d}", 1, 1); /* an error is not kept */
    assert_int_equal(questions(), 4);
    finish(&r, &c);
    assert_int_equal(c.got.n, 0);
}
static void cache(void **state) {
    feed f;
    collect c;
    rule r;
    begin(&r, &f, &c, join, "{\"lookup\":{\"cache\":true,\"cacheTtl\":\"10s\"}}", false);
    feed_n(&f, "{\"a\":7,\"b\":%d}", 0, 5); /* one question for five rows */
    assert_int_equal(questions(), 1);
    replies(0, 1, 2);
    want_got(&c, 5);
    feed_n(&f, "{\"a\":7,\"b\":%d}", 0, 5);
    assert_int_equal(questions(), 1);
    want_got(&c, 10);
    assert_string_equal(c.got.at[9], "[{\"a\":7,\"v\":\"7.0\"},{\"a\":7,\"v\":\"7.1\"}]");
    feed_n(&f, "{\"a\":%d}", 8, 1); /* nothing is there: asked each time */
    replies(1, 1, 0);
    turn();
    feed_n(&f, "{\"a\":%d}", 8, 1);
    assert_int_equal(questions(), 3);
    replies(2, 1, 0);
    feed_n(&f, "{\"a\":%d.5}", 7, 1); /* 7.5 is another key */
    assert_int_equal(questions(), 4);
    replies(3, 1, 0);
    finish(&r, &c);
    begin(&r, &f, &c, "SELECT a, v FROM demo LEFT JOIN t ON demo.a = t.id", "{\"lookup\":{\"cache\":true,\"cacheMissingKey\":true}}", false);
    feed_n(&f, "{\"a\":%d}", 8, 1);
    replies(0, 1, 0);
    want_got(&c, 1);
    feed_n(&f, "{\"a\":%d}", 8, 1);
    assert_int_equal(questions(), 1);
    want_got(&c, 2);
    finish(&r, &c);
}
typedef struct clock_move {
    sl_flow *f;
    int64_t to, bytes;
} clock_move;
static void move_there(void *arg) {
    clock_move *m = arg;
    if (m->to)
        sl_clock_move(sl_flow_loop(m->f), m->to);
    m->bytes = looks_bytes(m->f);
}
static int64_t move(rule *r, int64_t to) {
    clock_move m = {r->flow, to, 0};
    on_lane(move_there, &m);
    return m.bytes;
}
static void ttl(void **state) {
    feed f;
    collect c;
    rule r;
    int64_t t0 = 1700006400000;
    sl_clock_hold(t0);
    begin(&r, &f, &c, join, "{\"lookup\":{\"cache\":true,\"cacheTtl\":10000}}", false);
    feed_n(&f, "{\"a\":%d}", 1, 1);
    replies(0, 1, 1);
    want_got(&c, 1);
    assert_true(move(&r, t0 + 9999) > 0);
    feed_n(&f, "{\"a\":%d}", 1, 1);
    assert_int_equal(questions(), 1);
    assert_true(move(&r, t0 + 10000) > 0);
    feed_n(&f, "{\"a\":%d}", 1, 1); /* its time is over */
    assert_int_equal(questions(), 2);
    replies(1, 1, 1);
    want_got(&c, 3);
    assert_true(move(&r, t0 + 20001) > 0);
    assert_int_equal(move(&r, t0 + 60000), 0); /* swept away without being asked */
    finish(&r, &c);
    sl_clock_hold(-1);
}
/* Answers of a megabyte each: the cache keeps as many as it may, those used last. */
static void bound(void **state) {
    feed f;
    collect c;
    rule r;
    enum { N = 24 };
    begin(&r, &f, &c, join, "{\"lookup\":{\"cache\":true}}", false);
    for (int i = 0; i < N; i++) {
        feed_n(&f, "{\"a\":%d}", i, 1);
        assert_int_equal(questions(), i + 1);
        on_lane(replies_there, &(wanted){(size_t)i, 1, 1, 1 << 20, false});
        feed_n(&f, "{\"a\":%d}", 0, 1); /* used again and again */
        assert_int_equal(questions(), i + 1);
    }
    feed_n(&f, "{\"a\":%d}", N - 1, 1);
    assert_int_equal(questions(), N);
    assert_true(move(&r, 0) <= 17 << 20);
    feed_n(&f, "{\"a\":%d}", 1, 1); /* went for the others */
    assert_int_equal(questions(), N + 1);
    finish(&r, &c);
}
static void many(void **state) {
    feed f;
    collect c;
    rule r;
    begin(&r, &f, &c, join, "{}", false);
    for (int i = 0; i < 5; i++)
        feed_n(&f, "{\"a\":%d}", i * 1000, 1000);
    assert_int_equal(questions(), 64); /* the rest waits its turn */
    assert_true(f.paused);             /* and so does the source */
    for (size_t done = 0; done < 5000;) {
        size_t n = questions();
        replies(done, n - done, 1);
        done = n;
    }
    want_got(&c, 5000);
    assert_int_equal(slow.most, 64);
    for (int i = 0; i < 5000; i++) {
        char want[60];
        snprintf(want, sizeof want, "[{\"a\":%d,\"v\":\"%d.0\"}]", i, i);
        assert_string_equal(c.got.at[i], want);
    }
    turn();
    assert_false(f.paused);
    finish(&r, &c);
}
static void end_late(void *arg) {
    for (size_t i = 0; i < slow.q.n; i++)
        if (!slow.q.at[i].answered)
            reply_one(i, 1, 10);
    slow.ended(slow.ended_arg);
}
static void closing(void **state) {
    feed f;
    collect c;
    rule r;
    for (int how = 0; how < 3; how++) {
        begin(&r, &f, &c, join, how == 2 ? "{\"lookup\":{\"cache\":true}}" : "{}", false);
        feed_n(&f, "{\"a\":%d}", 0, 200); /* more than are asked at once */
        replies(0, 10, 1);                /* some have come, some follow; nothing may leave before all of the lot are there */
        if (how == 0) {
            finish(&r, &c);
            continue;
        }
        slow.holds_end = true;
        sl_flow_close(r.flow, on_closed, &r);
        office_turn(50);
        assert_false(r.closed);
        on_lane(end_late, NULL);
        while (!r.closed)
            sl_loop_run(office);
        assert_int_equal(c.got.n, 0);
        finish(&r, &c);
    }
}
static void options(void **state) {
    static const char *const bad[] = {"{\"lookup\":{\"cache\":1}}", "{\"lookup\":{\"cacheTtl\":\"soon\"}}", "{\"lookup\":{\"cacheTtl\":-5}}",
                                      "{\"lookup\":{\"cacheMissingKey\":\"no\"}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sl_srcdef *d = sl_srcdef_new();
        sl_json *j;
        d->stream = SL_S("t");
        assert_null(sl_json_parse(d->arena, sl_str_of(bad[i]), &j, NULL));
        sl_err *e = sl_srcdef_lookup(d, j);
        assert_non_null(e);
        assert_non_null(strstr(sl_err_text(e), "of table t: expected"));
        sl_err_free(e);
        sl_srcdef_drop(d);
    }
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(order), cmocka_unit_test(errors),  cmocka_unit_test(cache), cmocka_unit_test(ttl),
                                   cmocka_unit_test(bound), cmocka_unit_test(closing), cmocka_unit_test(many),  cmocka_unit_test(options)};
    int bad = cmocka_run_group_tests(t, kit_begin, kit_end);
    SL_VEC_FREE(slow.q);
    return bad;
}
