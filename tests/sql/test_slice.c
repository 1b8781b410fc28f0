/* A long tick is told in parts: many windows due at once, of which each call tells some. What comes is the same, in the same order, and nothing is saved in the midst. */
#include "vectors.h"

enum { WINDOWS = 3000 };
static const int64_t start = 1700006400000;
static sl_plan *planned(const char *sql) {
    sl_arena *a = sl_arena_new(0);
    vec_defs defs = {0};
    vec_define(a, &defs, SL_S("CREATE STREAM s (a BIGINT, k BIGINT, ts BIGINT) WITH (DATASOURCE=\"s\", TIMESTAMP=\"ts\")"));
    vec_define(a, &defs, SL_S("CREATE STREAM u (a BIGINT, k BIGINT, ts BIGINT) WITH (DATASOURCE=\"u\", TIMESTAMP=\"ts\")"));
    sl_select *sel;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    o.send_error = true;
    o.event_time = true;
    o.late_ms = 2000000000; /* all rows wait until one lets them go together */
    assert_null(sl_parse_select(a, sl_str_of(sql), &sel, NULL));
    sl_plan *p;
    sl_err *e = sl_plan_make(sel, vec_find, &defs, &o, &p);
    if (e)
        fail_msg("%s: %s", sql, sl_err_text(e));
    sl_arena_free(a);
    return p;
}
/* Every frame as a line. */
static uint32_t show(sl_buf *to, const sl_batch *b) {
    sl_arena *a = sl_arena_new(0);
    for (uint32_t i = 0; b && i < b->nframes; i++) {
        const sl_frame *f = &b->frames[i];
        sl_buf_printf(to, "%d %u:", f->kind, f->count);
        if (f->kind == SL_FRAME_ERROR)
            sl_buf_str(to, f->error);
        for (uint32_t r = 0; f->kind != SL_FRAME_ERROR && r < f->count; r++)
            sl_value_print(to, sl_batch_row(b, f->first + r, a));
        sl_buf_putc(to, '\n');
    }
    sl_arena_free(a);
    return b ? b->nframes : 0;
}
static void feed(sl_exec *x, const sl_plan *p, uint32_t src, int64_t from, int64_t to, int64_t every, sl_buf *out) {
    const sl_plan_source *ps = sl_plan_source_at(p, src);
    sl_builder *w = sl_builder_new(ps->layout, ps->all);
    for (int64_t t = from; t < to; t += every) {
        sl_builder_row(w);
        sl_builder_put(w, SL_S("a"), t % 7000 ? sl_v_int(t % 13) : sl_v_str(SL_S("no number"))); /* some windows are errors */
        sl_builder_put(w, SL_S("k"), sl_v_int(t % 3));
        sl_builder_put(w, SL_S("ts"), sl_v_int(t));
        sl_builder_end(w);
    }
    sl_batch *b = sl_builder_done(w, start), *got;
    sl_view v = {.batch = b, .n = b->nrows};
    bool failed;
    sl_exec_run(x, src, &v, start, &got, &failed);
    assert_false(failed);
    show(out, got);
    sl_batch_drop(got);
    sl_batch_drop(b);
    sl_builder_free(w);
}
/* Gives how many calls it took. */
static uint32_t play(const sl_plan *p, int64_t slice_us, sl_buf *out) {
    uint32_t calls = 1;
    sl_exec *x = sl_exec_new((sl_plan *)(uintptr_t)p, start);
    sl_exec_slice(x, slice_us);
    for (uint32_t s = 0; s < sl_plan_nsources(p); s++)
        feed(x, p, s, start, start + WINDOWS * 1000, 100, out);
    for (uint32_t s = 0; s < sl_plan_nsources(p); s++)
        feed(x, p, s, start + 2000000000 + (WINDOWS + 10) * INT64_C(1000), start + 2000000000 + (WINDOWS + 10) * INT64_C(1000) + 1, 1, out);
    for (; sl_exec_unfinished(x); calls++) {
        sl_buf state = {0};
        sl_batch *got;
        bool failed;
        assert_true(sl_exec_next(x) <= start);
        assert_false(sl_exec_save(x, &state));
        sl_buf_free(&state);
        if (calls == 3) { /* another window and an error come in between: they wait their turn */
            for (uint32_t s = 0; s < sl_plan_nsources(p); s++)
                feed(x, p, s, start + 2000000000 + (WINDOWS + 20) * INT64_C(1000), start + 2000000000 + (WINDOWS + 20) * INT64_C(1000) + 1, 1, out);
            continue;
        }
        sl_exec_tick(x, start, &got, &failed);
        assert_false(failed);
        show(out, got);
        sl_batch_drop(got);
    }
    if (!slice_us)
        for (uint32_t s = 0; s < sl_plan_nsources(p); s++)
            feed(x, p, s, start + 2000000000 + (WINDOWS + 20) * INT64_C(1000), start + 2000000000 + (WINDOWS + 20) * INT64_C(1000) + 1, 1, out);
    sl_buf state = {0};
    assert_true(sl_exec_save(x, &state));
    sl_buf_free(&state);
    sl_exec_free(x);
    return calls;
}
static void test_slices(void **st) {
    static const char *const sql[] = {
        "SELECT s.a AS x, u.a AS y, window_end() AS e FROM s INNER JOIN u ON s.k = u.k GROUP BY TUMBLINGWINDOW(ss, 1)",
        "SELECT s.a + u.a AS y FROM s LEFT JOIN u ON s.k < u.k GROUP BY TUMBLINGWINDOW(ss, 1)",
        "SELECT collect(a) AS x, window_end() AS e, last_agg_hit_count() AS n FROM s GROUP BY k, HOPPINGWINDOW(ss, 3, 1)",
        "SELECT a, changed_cols(\"c_\", true, k) FROM s GROUP BY SLIDINGWINDOW(ss, 1) OVER (WHEN k = 1)",
    };
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++) {
        sl_plan *p = planned(sql[i]);
        sl_buf one = {0}, many = {0};
        uint32_t calls = play(p, 0, &one);
        assert_int_equal(calls, 1);
        calls = play(p, 1, &many);
        print_message("%6u calls, %zu bytes: %s\n", calls, one.n, sql[i]);
        assert_true(calls > WINDOWS / 4 && one.n > WINDOWS * 10);
        assert_int_equal(one.n, many.n);
        assert_memory_equal(one.p, many.p, one.n);
        sl_buf_free(&one);
        sl_buf_free(&many);
        sl_plan_drop(p);
    }
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(test_slices)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
