/* Event time with several streams: the one that is furthest behind decides, and one that is silent does not when the option says so. */
#include "vectors.h"

typedef struct run {
    sl_arena *a;
    sl_plan *p;
    sl_exec *x;
    sl_buf out;
} run;
static void begin(run *r, const char *sql, int64_t idle, int64_t late, int64_t now) {
    *r = (run){.a = sl_arena_new(0)};
    static vec_defs defs;
    defs = (vec_defs){0};
    vec_define(r->a, &defs, SL_S("CREATE STREAM s () WITH (DATASOURCE=\"s\", TIMESTAMP=\"ts\")"));
    vec_define(r->a, &defs, SL_S("CREATE STREAM u () WITH (DATASOURCE=\"u\", TIMESTAMP=\"ts\")"));
    sl_select *sel;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    o.event_time = true;
    o.late_ms = late;
    o.idle_ms = idle;
    assert_null(sl_parse_select(r->a, sl_str_of(sql), &sel, NULL));
    sl_err *e = sl_plan_make(sel, vec_find, &defs, &o, &r->p);
    if (e)
        fail_msg("%s: %s", sql, sl_err_text(e));
    r->x = sl_exec_new(r->p, now);
}
static void end(run *r) {
    sl_exec_free(r->x);
    sl_plan_drop(r->p);
    sl_buf_free(&r->out);
    sl_arena_free(r->a);
}
static void collect(run *r, sl_batch *out) {
    vec_list l = {0};
    vec_collect(r->a, out, 0, &l);
    for (uint32_t i = 0; i < l.n; i++)
        sl_buf_printf(&r->out, "%s;", vec_show(r->a, l.at[i].rows));
    sl_batch_drop(out);
}
static void row(run *r, uint32_t src, int id, int64_t ts, int64_t now) {
    const sl_plan_source *s = sl_plan_source_at(r->p, src);
    sl_builder *w = sl_builder_new(s->layout, s->all);
    sl_builder_row(w);
    sl_builder_put(w, SL_S("id"), sl_v_int(id));
    sl_builder_put(w, SL_S("ts"), sl_v_int(ts));
    sl_builder_end(w);
    sl_batch *b = sl_builder_done(w, now), *out;
    sl_builder_free(w);
    bool failed;
    sl_view v = {.batch = b, .n = 1};
    sl_exec_run(r->x, src, &v, now, &out, &failed);
    assert_false(failed);
    collect(r, out);
    sl_batch_drop(b);
}
static void tick(run *r, int64_t now) {
    sl_batch *out;
    bool failed;
    sl_exec_tick(r->x, now, &out, &failed);
    assert_false(failed);
    collect(r, out);
}
static uint64_t late(run *r) {
    uint64_t filtered, failed, n;
    assert_true(sl_exec_absorbs(r->x, &filtered, &failed, &n));
    return n;
}
static void want(run *r, const char *text) {
    assert_string_equal(sl_buf_cstr(&r->out), text);
    sl_buf_clear(&r->out);
}
static const char *const left = "SELECT s.id AS a, u.id AS b FROM s LEFT JOIN u ON s.id = u.id GROUP BY TUMBLINGWINDOW(ss, 1)";

static void held_up(void **state) { /* off: a silent stream holds all up */
    run r;
    begin(&r, left, 0, 0, 0);
    row(&r, 0, 1, 10500, 1);
    row(&r, 0, 2, 20000, 2);
    tick(&r, 1000000000);
    assert_true(sl_exec_next(r.x) == INT64_MAX);
    row(&r, 0, 3, 30000, 1000000001);
    want(&r, "");
    row(&r, 1, 1, 12000, 1000000002); /* the other one decides */
    want(&r, "[{\"a\":1}];");
    end(&r);
}
static void idle(void **state) {
    run r;
    begin(&r, left, 5000, 0, 100);
    row(&r, 0, 1, 10500, 200);
    row(&r, 0, 2, 20000, 4000);
    assert_int_equal(sl_exec_next(r.x), 5100); /* u has never been heard of */
    tick(&r, 5099);
    want(&r, "");
    tick(&r, 5100);
    want(&r, "[{\"a\":1}];");
    row(&r, 0, 3, 20600, 6000);
    row(&r, 0, 4, 21500, 6001); /* goes on without u */
    want(&r, "[{\"a\":2},{\"a\":3}];");
    row(&r, 1, 9, 20700, 6002); /* back, and too late */
    assert_int_equal(late(&r), 1);
    row(&r, 1, 4, 21600, 6003); /* back in time: it counts again */
    row(&r, 0, 5, 23000, 6004);
    want(&r, "");
    row(&r, 1, 6, 22000, 6005);
    want(&r, "[{\"a\":4,\"b\":4}];");
    assert_int_equal(sl_exec_next(r.x) <= 11004, true);
    for (int64_t t; (t = sl_exec_next(r.x)) < INT64_MAX;)
        tick(&r, t); /* both fall silent: the furthest counts, the last window stays open */
    want(&r, "");
    row(&r, 0, 7, 25000, 20000);
    want(&r, "[{\"a\":5}];");
    end(&r);
}
static void alone(void **state) { /* one stream has nobody to hold up */
    run r;
    begin(&r, "SELECT id FROM s GROUP BY TUMBLINGWINDOW(ss, 1)", 1000, 0, 0);
    row(&r, 0, 1, 10500, 1);
    assert_true(sl_exec_next(r.x) == INT64_MAX);
    end(&r);
}
static void self(void **state) { /* a stream joined with itself is one stream */
    run r;
    begin(&r, "SELECT x.id AS a, y.id AS b FROM s AS x INNER JOIN s AS y ON x.id = y.id GROUP BY TUMBLINGWINDOW(ss, 1)", 0, 0, 0);
    row(&r, 0, 1, 10500, 1);
    row(&r, 0, 2, 12000, 2);
    want(&r, "[{\"a\":1,\"b\":1}];");
    end(&r);
}
/* What was moved to a fresh instance waits anew. */
static void moved(void **state) {
    run r;
    begin(&r, left, 5000, 0, 0);
    row(&r, 0, 1, 10500, 1);
    row(&r, 0, 2, 20000, 2);
    sl_buf b = {0};
    assert_true(sl_exec_save(r.x, &b));
    sl_exec_free(r.x);
    r.x = sl_exec_new(r.p, 100000);
    assert_null(sl_exec_load(r.x, sl_buf_view(&b)));
    sl_buf_free(&b);
    tick(&r, 104999);
    want(&r, "");
    tick(&r, 105000); /* both were silent since */
    want(&r, "[{\"a\":1}];");
    end(&r);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(held_up), cmocka_unit_test(idle), cmocka_unit_test(alone), cmocka_unit_test(self), cmocka_unit_test(moved)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
