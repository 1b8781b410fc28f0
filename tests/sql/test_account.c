/* The bytes of state that an instance tells are those that the heap has: with many rows within bounds of what malloc says, and gone when the rows are. */
#include <malloc.h>
#include "vectors.h"

enum { ROWS = 20000, BATCH = 500 };
static size_t heap(void) {
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}
static int64_t turn(sl_exec *x, uint32_t src, const sl_plan *p, int from, int64_t now) {
    const sl_plan_source *s = sl_plan_source_at(p, src);
    sl_builder *w = sl_builder_new(s->layout, s->all);
    char text[200];
    for (int i = from; i < from + BATCH; i++) {
        sl_arena *a = sl_builder_arena(w);
        memset(text, 'x', 150);
        int n = 150 + snprintf(text + 150, 40, "%d", i);
        sl_builder_row(w);
        sl_builder_put(w, SL_S("a"), sl_v_int(i));
        sl_builder_put(w, SL_S("ts"), sl_v_int(now));
        sl_builder_put(w, SL_S("t"), sl_v_str(sl_arena_dup(a, sl_str_n(text, (size_t)n))));
        sl_builder_end(w);
    }
    sl_batch *b = sl_builder_done(w, now), *out;
    sl_builder_free(w);
    bool failed;
    sl_view v = {.batch = b, .n = b->nrows};
    sl_exec_run(x, src, &v, now, &out, &failed);
    assert_false(failed);
    sl_batch_drop(out);
    sl_batch_drop(b);
    return (int64_t)sl_exec_state_bytes(x);
}
/* gone: the state ends with the window; event: in event time */
static void grow(const char *sql, bool gone, bool event) {
    sl_arena *a = sl_arena_new(0);
    vec_defs defs = {0};
    vec_define(a, &defs, SL_S("CREATE STREAM s () WITH (DATASOURCE=\"s\", TIMESTAMP=\"ts\")"));
    vec_define(a, &defs, SL_S("CREATE STREAM u () WITH (DATASOURCE=\"u\", TIMESTAMP=\"ts\")"));
    sl_select *sel;
    sl_plan_opts o;
    sl_plan *p;
    sl_plan_opts_default(&o);
    o.event_time = event;
    assert_null(sl_parse_select(a, sl_str_of(sql), &sel, NULL));
    sl_err *e = sl_plan_make(sel, vec_find, &defs, &o, &p);
    if (e)
        fail_msg("%s: %s", sql, sl_err_text(e));
    int64_t now = 1700006400000, told = 0;
    sl_exec *x = sl_exec_new(p, now);
    size_t first = 0;
    for (int i = 0; i < ROWS; i += BATCH) {
        for (uint32_t s = 0; s < sl_plan_nsources(p); s++)
            told = turn(x, s, p, i, now);
        if (!i)
            first = heap() - (size_t)told; /* what the thread's pools took is in it */
    }
    double real = (double)(heap() - first);
#ifdef __SANITIZE_ADDRESS__
    real = (double)told; /* the heap is another one */
#endif
    print_message("%8.0f told, %8.0f of the heap: %s\n", (double)told, real, sql);
    assert_true(told > ROWS * 20);
    assert_true((double)told > real * 0.7 && (double)told < real * 1.2);
    now += 7200000;
    if (gone) {
        for (int64_t t; !event && (t = sl_exec_next(x)) <= now;) {
            sl_batch *out;
            bool failed, passes = sl_exec_passes(x);
            sl_exec_tick(x, t, &out, &failed);
            assert_false(failed);
            sl_batch_drop(out);
            assert_true(passes || !sl_exec_passes(x));
        }
        int64_t most = told;
        for (uint32_t s = 0; s < sl_plan_nsources(p); s++)
            told = turn(x, s, p, 0, now);
        print_message("%8.0f when it is gone\n", (double)told);
        assert_true(told < most / 8); /* the rows of this turn, and room that is used again */
    }
    sl_exec_free(x);
    sl_plan_drop(p);
    sl_arena_free(a);
}
static void test_rows(void **state) {
    grow("SELECT collect(t) FROM s GROUP BY TUMBLINGWINDOW(hh, 1)", true, false);
    grow("SELECT collect(*) FROM s GROUP BY a, HOPPINGWINDOW(mi, 10, 5)", true, false);
    grow("SELECT collect(*) FROM s GROUP BY SESSIONWINDOW(mi, 60, 1)", true, false);
    grow("SELECT collect(t) FROM s GROUP BY SLIDINGWINDOW(mi, 1) OVER (WHEN a < 0)", true, false);
    grow("SELECT collect(t) FROM s GROUP BY COUNTWINDOW(100000)", false, false);
    grow("SELECT collect(t) FROM s GROUP BY STATEWINDOW(a >= 0, a < 0) OVER (PARTITION BY a)", false, false);
    grow("SELECT s.t, u.a FROM s INNER JOIN u ON s.a = u.a + 1000000 GROUP BY TUMBLINGWINDOW(hh, 1)", true, false);
    grow("SELECT collect(t) FROM s GROUP BY TUMBLINGWINDOW(ss, 1)", true, true);
    grow("SELECT t, ts + 3600000 AS e, dedup_trigger(a, e, ts, 5) FROM s", true, false);
}
static void test_groups(void **state) {
    grow("SELECT count(*), sum(a), avg(a) FROM s GROUP BY t, TUMBLINGWINDOW(hh, 1)", true, false);
    grow("SELECT min(t), max(t) FROM s GROUP BY a, TUMBLINGWINDOW(hh, 1)", true, false);
    grow("SELECT sum(a) FROM s GROUP BY t, COUNTWINDOW(1000000)", false, false);
}
static void test_functions(void **state) {
    grow("SELECT lag(t) OVER (PARTITION BY t) AS x FROM s", false, false);
    grow("SELECT latest(a) OVER (PARTITION BY t) AS x, collect(a) FROM s GROUP BY COUNTWINDOW(100)", false, false);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_groups), cmocka_unit_test(test_functions)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
