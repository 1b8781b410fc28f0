/* What one call needs while it computes is limited like what the instance holds: a join, a wide result, many windows of one tick. */
#include "vectors.h"

static const int64_t start = 1700006400000;
static sl_exec *made(sl_plan **p, const char *sql) {
    sl_arena *a = sl_arena_new(0);
    vec_defs defs = {0};
    vec_define(a, &defs, SL_S("CREATE STREAM s (a BIGINT, t STRING, ts BIGINT) WITH (DATASOURCE=\"s\", TIMESTAMP=\"ts\")"));
    vec_define(a, &defs, SL_S("CREATE STREAM u (a BIGINT, t STRING, ts BIGINT) WITH (DATASOURCE=\"u\", TIMESTAMP=\"ts\")"));
    sl_select *sel;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    o.send_error = true;
    assert_null(sl_parse_select(a, sl_str_of(sql), &sel, NULL));
    sl_err *e = sl_plan_make(sel, vec_find, &defs, &o, p);
    if (e)
        fail_msg("%s: %s", sql, sl_err_text(e));
    sl_arena_free(a);
    sl_exec *x = sl_exec_new(*p, start);
    assert_non_null(x);
    return x;
}
static void rows(sl_exec *x, const sl_plan *p, uint32_t n) {
    for (uint32_t s = 0; s < sl_plan_nsources(p); s++) {
        const sl_plan_source *ps = sl_plan_source_at(p, s);
        sl_builder *w = sl_builder_new(ps->layout, ps->all);
        for (uint32_t i = 0; i < n; i++) {
            sl_builder_row(w);
            sl_builder_put(w, SL_S("a"), sl_v_int(i));
            sl_builder_put(w, SL_S("t"), sl_v_str(SL_S("some text of a row")));
            sl_builder_end(w);
        }
        sl_batch *b = sl_builder_done(w, start), *out;
        sl_view v = {.batch = b, .n = n};
        bool failed;
        sl_exec_run(x, s, &v, start, &out, &failed);
        assert_false(failed);
        sl_batch_drop(out);
        sl_batch_drop(b);
        sl_builder_free(w);
    }
}
/* The window ends. */
static sl_batch *ends(sl_exec *x, size_t room, bool *failed) {
    sl_batch *out;
    sl_exec_room(x, room);
    sl_exec_tick(x, sl_exec_next(x), &out, failed);
    return out;
}
/* n rows of each source make `want` rows; `room` is not enough for that, but for three rows each, of which `few` come. */
static void too_much(const char *sql, uint32_t n, uint32_t want, size_t room, uint32_t few) {
    sl_plan *p;
    sl_exec *x = made(&p, sql);
    bool failed;
    rows(x, p, n);
    sl_batch *out = ends(x, room, &failed);
    assert_true(failed);
    size_t over = sl_exec_over(x);
    print_message("%8zu wanted of %8zu: %s\n", over, room, sql);
    assert_true(over > room && over < 2 * room);
    sl_batch_drop(out);
    rows(x, p, 3);
    out = ends(x, room, &failed);
    assert_false(failed);
    assert_int_equal(sl_exec_over(x), 0);
    assert_int_equal(out->nrows, few);
    sl_batch_drop(out);
    rows(x, p, n);
    out = ends(x, 0, &failed); /* without a limit */
    assert_false(failed);
    assert_int_equal(out->nrows, want);
    sl_batch_drop(out);
    sl_exec_free(x);
    sl_plan_drop(p);
}
static void test_joins(void **state) {
    too_much("SELECT s.a, u.t FROM s CROSS JOIN u GROUP BY TUMBLINGWINDOW(ss, 1)", 1000, 1000000, 8 << 20, 9);
    too_much("SELECT s.a, u.t FROM s FULL JOIN u ON s.t = u.t GROUP BY TUMBLINGWINDOW(ss, 1)", 1000, 1000000, 8 << 20, 9);
    too_much("SELECT s.a, u.t FROM s LEFT JOIN u ON s.a < u.a + 100000 GROUP BY TUMBLINGWINDOW(ss, 1)", 1000, 1000000, 8 << 20, 9);
    too_much("SELECT count(*) AS c FROM s CROSS JOIN u GROUP BY TUMBLINGWINDOW(ss, 1)", 1000, 1, 8 << 20, 1);
}
static void test_results(void **state) { /* many enough that what the thread's pools have is little */
    too_much("SELECT a, concat(t, t, t, t, t, t, t, t, t, t, t, t) AS x FROM s GROUP BY TUMBLINGWINDOW(ss, 1)", 80000, 80000, 24 << 20, 3);
    too_much("SELECT collect(t) AS x, collect(a) AS y, collect(*) AS z FROM s GROUP BY TUMBLINGWINDOW(ss, 1)", 80000, 1, 24 << 20, 1);
    too_much("SELECT a, concat(t, t, t, t, t, t, t, t, t, t, t, t) AS x, count(*) AS c FROM s GROUP BY a, TUMBLINGWINDOW(ss, 1)", 80000, 80000, 64 << 20, 3);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(test_joins), cmocka_unit_test(test_results)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
