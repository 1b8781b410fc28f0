/* Running windows give what kept rows give: random statements over random rows (mixed kinds, nulls, errors, equal and late times), the plain form beside
 * the one that the planner chose, in batches of every size, state moved in the middle. Numbers are quarters, so that sums do not round. */
#include "vectors.h"

static uint64_t seed;
static uint32_t rnd(uint32_t n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}
#define PICK(...) ((const char *const[]){__VA_ARGS__})[rnd(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))]
static void statement(char *out, size_t room, bool event_time) {
    char list[512] = "", by[128] = "";
    unsigned naggs = 1 + rnd(4), ndims = rnd(3);
    for (unsigned i = 0; i < naggs; i++) {
        size_t n = strlen(list);
        const char *f = PICK("count(*)", "count(v)", "sum(v)", "avg(v)", "min(v)", "max(v)", "sum(n)", "min(s)", "max(s)", "last_value(v, true)", "last_value(s, false)",
                             "avg(n * 2)", "max(n) - min(n)", "sum(v + 1)", "sum(CASE WHEN n > 2 THEN n ELSE 0 END)", "last_value(o, true)", "min(f)", "max(f)", "sum(f)", "min(w)",
                             "max(w)", "max(day_of_week(n * 86400000))");
        snprintf(list + n, sizeof list - n, "%s%s AS a%u", n ? ", " : "", f, i);
    }
    for (unsigned i = 0; i < ndims; i++) {
        size_t n = strlen(by);
        snprintf(by + n, sizeof by - n, "%s, ", PICK("k", "j", "n % 3", "upper(k)", "o", "k"));
    }
    const char *extra = PICK("", "", ", k", ", n", ", v AS w", ", o->x AS ox", ", window_start() AS ws, window_end() AS we", ", lag(n) AS l");
    const char *where = rnd(3) ? "" : PICK("WHERE n > 1", "WHERE v > 2", "WHERE n != 3 AND v < 20", "WHERE k = \"a\"", "WHERE isnull(v) = false");
    const char *window = PICK("TUMBLINGWINDOW(ss, 2)", "TUMBLINGWINDOW(ms, 700)", "HOPPINGWINDOW(ss, 4, 1)", "HOPPINGWINDOW(ms, 1500, 1000)", "HOPPINGWINDOW(ss, 1, 3)",
                              "SLIDINGWINDOW(ss, 2)", "SLIDINGWINDOW(ms, 400)", "SLIDINGWINDOW(ss, 2, 1)", "SLIDINGWINDOW(ss, 3) OVER (WHEN n > 3)", "SESSIONWINDOW(ss, 4, 1)",
                              "SESSIONWINDOW(ms, 900, 300)", "COUNTWINDOW(3)", "COUNTWINDOW(5, 2)", "COUNTWINDOW(6, 4)", "STATEWINDOW(n > 3, n < 2)",
                              "STATEWINDOW(n > 3, n < 2) OVER (PARTITION BY k)", "TUMBLINGWINDOW(ss, 1) FILTER (WHERE n > 1)", "HOPPINGWINDOW(ss, 3, 2) FILTER (WHERE v > 1)");
    const char *having = rnd(4) ? "" : PICK("HAVING count(*) > 1", "HAVING a0 > 3", "HAVING sum(n) > 5");
    const char *order = rnd(4) ? "" : PICK("ORDER BY a0", "ORDER BY a0 DESC", "ORDER BY n, a0");
    const char *limit = rnd(6) ? "" : "LIMIT 2";
    (void)event_time;
    snprintf(out, room, "SELECT %s%s FROM s %s GROUP BY %s%s %s %s %s", list, extra, where, by, window, having, order, limit);
}
static sl_value number(unsigned mixed) {
    switch (rnd(mixed ? 12 : 4)) {
    case 0:
    case 1: return sl_v_int(rnd(12));
    case 2:
    case 3: return mixed == 1 ? sl_v_int(rnd(5)) : sl_v_float(rnd(40) * 0.25);
    case 4: return sl_v_null();
    case 5: return sl_v_float(-(double)(rnd(3) ? rnd(40) : 0) * 0.25);
    case 6: return mixed > 1 ? sl_v_str(SL_S("text")) : sl_v_int(7);
    case 7: return mixed > 2 ? sl_v_bool(true) : sl_v_float(3);
    default: return sl_v_float(rnd(40) * 0.25);
    }
}
static unsigned orderly; /* times: 0 every way, 1 mostly in order, 2 in order, many of one instant */
static int64_t onward(void) {
    if (!orderly)
        return rnd(5) ? rnd(400) : -(int64_t)rnd(1500);
    if (orderly == 1 && !rnd(30))
        return -(int64_t)rnd(900);
    return !rnd(25) ? rnd(3000) : rnd(2) ? rnd(60) : 0;
}
static sl_batch *rows(sl_arena *a, const sl_plan *p, uint32_t n, unsigned mixed, int64_t *ts, int64_t now) {
    static const char *const keys[] = {"a", "b", "c", "1"};
    sl_value at[40];
    for (uint32_t i = 0; i < n; i++) {
        sl_member *m = SL_NEW_N(a, sl_member, 10);
        uint32_t k = 0;
        *ts += onward();
        if (!orderly || rnd(60))
            m[k++] = (sl_member){SL_S("ts"), orderly && !rnd(50) ? rnd(2) ? sl_v_str(SL_S("never")) : sl_v_float((double)*ts) : sl_v_int(*ts)};
        m[k++] = (sl_member){SL_S("n"), mixed > 2 && !rnd(20) ? sl_v_str(SL_S("bad")) : sl_v_int(rnd(6))};
        m[k++] = (sl_member){SL_S("f"), rnd(9) ? sl_v_float(rnd(100) * 0.25) : sl_v_null()};
        sl_value w = sl_v_float(0x1p53); /* equal numbers that print differently */
        if (rnd(2))
            w = (sl_value){.kind = SL_FLOAT, .flags = SL_F_WHOLE, .i = (INT64_C(1) << 53) + rnd(3)};
        m[k++] = (sl_member){SL_S("w"), w};
        if (rnd(8))
            m[k++] = (sl_member){SL_S("v"), number(mixed)};
        m[k++] = (sl_member){SL_S("k"), rnd(6) ? sl_v_str(sl_str_of(keys[rnd(4)])) : sl_v_int(1)};
        if (rnd(4))
            m[k++] = (sl_member){SL_S("j"), rnd(2) ? sl_v_int(rnd(3)) : sl_v_float(rnd(3))};
        m[k++] = (sl_member){SL_S("s"), mixed > 1 && !rnd(9) ? sl_v_int(4) : sl_v_str(sl_str_of(keys[rnd(4)]))};
        if (rnd(3)) {
            sl_member *o = SL_NEW_N(a, sl_member, 1);
            o[0] = (sl_member){SL_S("x"), sl_v_int(rnd(2))};
            m[k++] = (sl_member){SL_S("o"), sl_v_map(o, 1)};
        }
        at[i] = sl_v_map(m, k);
    }
    return vec_batch(p, at, NULL, n, now);
}
static void shown(sl_arena *a, const sl_batch *b, sl_buf *out) {
    uint32_t n = !b ? 0 : b->frames ? b->nframes : b->nrows;
    sl_str why;
    for (uint32_t i = 0; i < n; i++) {
        sl_frame f = b->frames ? b->frames[i] : (sl_frame){.kind = SL_FRAME_ROW, .first = i, .count = 1};
        if (f.kind == SL_FRAME_ERROR)
            sl_buf_str(out, f.error);
        for (uint32_t k = 0; f.kind != SL_FRAME_ERROR && k < f.count; k++)
            assert_true(sl_json_put(out, sl_batch_row(b, f.first + k, a), &why));
        sl_buf_putc(out, '\n');
    }
}
static sl_exec *moved(sl_plan *p, sl_exec *x) {
    sl_buf b = {0}, again = {0};
    assert_true(sl_exec_save(x, &b));
    sl_exec *y = sl_exec_new(p, 1000000);
    sl_err *e = sl_exec_load(y, sl_buf_view(&b));
    if (e)
        fail_msg("%s", sl_err_text(e));
    assert_true(sl_exec_save(y, &again));
    assert_int_equal(again.n, b.n);
    assert_memory_equal(again.p, b.p, b.n);
    assert_true(sl_exec_state_bytes(y) < 1 << 24);
    sl_buf_free(&b);
    sl_buf_free(&again);
    sl_exec_free(x);
    return y;
}
static unsigned fast, frames;
static void play(uint64_t number_of) {
    seed = number_of * 7919 + 17;
    sl_arena *a = sl_arena_new(0);
    vec_defs defs = {0};
    vec_define(a, &defs, SL_S("CREATE STREAM s () WITH (DATASOURCE=\"s\", TIMESTAMP=\"ts\")"));
    char sql[1024];
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    o.zone = SL_ZONE_UTC;
    o.event_time = rnd(2);
    o.send_error = true;
    o.late_ms = rnd(3) * 500;
    o.window_v2 = false;
    statement(sql, sizeof sql, o.event_time);
    unsigned mixed = rnd(4), most = (const unsigned[]){1, 7, 3, 40}[rnd(4)], moves = rnd(2);
    orderly = most > 3 ? rnd(3) : 0;
    sl_select *sel;
    sl_plan *p[2];
    sl_exec *x[2];
    o.window_v2 = strstr(sql, "SLIDING") && rnd(3) == 0;
    if (getenv("SL_SQL"))
        snprintf(sql, sizeof sql, "%s", getenv("SL_SQL"));
    sl_err *e = sl_parse_select(a, sl_str_of(sql), &sel, NULL);
    for (int i = 0; i < 2 && !e; i++) {
        o.plain = i == 1;
        e = sl_plan_make(sel, vec_find, &defs, &o, &p[i]);
        if (!e)
            assert_non_null(x[i] = sl_exec_new(p[i], 1000000));
        else if (i)
            fail_msg("%s", sl_err_text(e));
    }
    if (e) {
        if (getenv("SL_CASE"))
            print_message("%s: %s\n", sql, sl_err_text(e));
        sl_err_free(e);
        sl_arena_free(a);
        return;
    }
    sl_buf said = {0};
    sl_plan_forms(p[0], &said);
    sl_buf_putc(&said, 0);
    fast += strstr(said.p, "not kept") != NULL;
    int64_t now = 1000000, ts = 1000000;
    sl_arena *tmp = sl_arena_new(0);
    for (int step = 0; step < 60; step++) {
        sl_buf out[2] = {{0}, {0}}, log = {0};
        sl_arena_reset(tmp);
        now += rnd(4) ? rnd(300) : rnd(2500);
        for (int i = 0; i < 2; i++)
            for (int64_t t; (t = sl_exec_next(x[i])) < now;) {
                sl_batch *b;
                bool failed;
                sl_exec_tick(x[i], t, &b, &failed);
                assert_false(failed);
                shown(tmp, b, &out[i]);
                sl_batch_drop(b);
            }
        uint32_t n = 1 + rnd(most);
        uint64_t at = seed;
        int64_t from = ts;
        for (int i = 0; i < 2; i++) {
            seed = at;
            ts = from;
            sl_batch *in = rows(tmp, p[i], n, mixed, &ts, now), *b;
            sl_view v = {.batch = in, .n = n};
            bool failed;
            sl_exec_run(x[i], 0, &v, now, &b, &failed);
            assert_false(failed);
            shown(tmp, b, &out[i]);
            sl_batch_drop(b);
            if (getenv("SL_CASE") && i)
                shown(tmp, in, &log);
            sl_batch_drop(in);
        }
        frames += out[0].n > 0;
        if (getenv("SL_CASE")) {
            print_message("%d at %lld:\n%.*srunning:\n%.*splain:\n%.*s", step, (long long)now, (int)log.n, log.p, (int)out[0].n, out[0].p ? out[0].p : "", (int)out[1].n,
                          out[1].p ? out[1].p : "");
        }
        if (!sl_str_eq(sl_buf_view(&out[0]), sl_buf_view(&out[1])))
            fail_msg("%llu: %s%s\nstep %d, running:\n%.*s\nplain:\n%.*s", (unsigned long long)number_of, sql, o.event_time ? " (event time)" : "", step, (int)out[0].n,
                     out[0].p ? out[0].p : "", (int)out[1].n, out[1].p ? out[1].p : "");
        sl_buf_free(&out[0]);
        sl_buf_free(&out[1]);
        sl_buf_free(&log);
        if (moves && !rnd(5))
            x[0] = moved(p[0], x[0]);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(sl_exec_state_bytes(x[i]) < 1 << 24);
        sl_exec_free(x[i]);
        sl_plan_drop(p[i]);
    }
    sl_buf_free(&said);
    sl_arena_free(tmp);
    sl_arena_free(a);
}
static void test_random(void **state) {
    const char *one = getenv("SL_CASE"), *many = getenv("SL_CASES");
    uint64_t n = many ? strtoull(many, NULL, 10) : 1500;
    if (one)
        play(strtoull(one, NULL, 10));
    for (uint64_t i = 0; i < n && !one; i++)
        play(i);
    print_message("%u statements ran by accumulators, %u calls gave output\n", fast, frames);
    assert_true(one || (fast > n / 2 && frames > n));
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
