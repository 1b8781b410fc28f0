/* The forms of windows: what the planner chooses and says about it, and that the plain form can be forced. */
#include "vectors.h"

static void check(const char *sql, bool event_time, bool plain, const char *want) {
    sl_arena *a = sl_arena_new(0);
    vec_defs defs = {0};
    vec_define(a, &defs, SL_S("CREATE STREAM s () WITH (DATASOURCE=\"s\", TIMESTAMP=\"ts\")"));
    vec_define(a, &defs, SL_S("CREATE STREAM t () WITH (DATASOURCE=\"t\", TIMESTAMP=\"ts\")"));
    sl_select *sel;
    sl_plan *p = NULL;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    o.event_time = event_time;
    o.plain = plain;
    assert_null(sl_parse_select(a, sl_str_of(sql), &sel, NULL));
    sl_err *e = sl_plan_make(sel, vec_find, &defs, &o, &p);
    if (e)
        fail_msg("%s: %s", sql, sl_err_text(e));
    sl_buf b = {0};
    sl_plan_forms(p, &b);
    if (!sl_str_is(sl_buf_view(&b), want))
        fail_msg("%s\n  want %s\n  have %.*s", sql, want, (int)b.n, b.p ? b.p : "");
    sl_buf_free(&b);
    sl_plan_drop(p);
    sl_arena_free(a);
}
#define ROWS "window: rows kept; "
#define WAIT "watermark: rows wait for it; "
#define AHEAD "watermark: rows enter their windows before it comes\n"
static void test_forms(void **state) {
    check("SELECT a FROM s", false, false, "");
    check("SELECT sum(a) FROM s GROUP BY k, TUMBLINGWINDOW(ss, 1)", false, false, "window: running groups, rows not kept\n");
    check("SELECT sum(a) FROM s GROUP BY k, TUMBLINGWINDOW(ss, 1)", false, true, ROWS "the plain form is asked for (plainExecution)\n");
    check("SELECT k, sum(a) FROM s GROUP BY k, SLIDINGWINDOW(hh, 1)", true, false,
          "window: panes of 1 ms in two stacks, rows not kept\n" WAIT "windows of this kind take rows in order of time\n");
    check("SELECT b, sum(a) FROM s GROUP BY k, HOPPINGWINDOW(ss, 6, 4)", true, false, "window: panes of 2 s in two stacks, rows not kept but the first of a group\n" AHEAD);
    check("SELECT k, sum(a) FROM s GROUP BY k, TUMBLINGWINDOW(ms, 2)", true, false,
          "window: running groups, rows not kept\n" WAIT "the tolerance is very long for windows that short\n");
    check("SELECT sum(a) FROM s WHERE lag(b) > 1 GROUP BY TUMBLINGWINDOW(ss, 3)", true, false,
          "window: running groups, rows not kept\n" WAIT "analytic functions see rows in order of time\n");
    check("SELECT sum(a) FROM s GROUP BY TUMBLINGWINDOW(ss, 3) FILTER (WHERE b > 1)", true, false,
          "window: running groups, rows not kept\n" WAIT "conditions in front of the window see rows in order of time\n");
    check("SELECT a FROM s GROUP BY TUMBLINGWINDOW(ss, 3)", true, false, ROWS "the rows themselves come out\n" WAIT "the window takes rows in order of time\n");
    check("SELECT sum(a) FROM s GROUP BY COUNTWINDOW(6, 4)", false, false, "window: panes of 2 rows in two stacks, rows not kept\n");
    check("SELECT sum(a) FROM s GROUP BY SESSIONWINDOW(ss, 6, 4)", false, false, "window: running groups, rows not kept\n");
    check("SELECT sum(a) FROM s WHERE b > now() GROUP BY SLIDINGWINDOW(ss, 6)", false, false, ROWS "a condition, key or argument depends on when it is computed\n");
    check("SELECT median(a) FROM s GROUP BY SLIDINGWINDOW(ss, 6)", false, false, ROWS "an aggregate has no running form\n");
    check("SELECT a FROM s GROUP BY TUMBLINGWINDOW(ss, 1)", false, false, ROWS "the rows themselves come out\n");
    check("SELECT s.a FROM s INNER JOIN t ON s.a = t.a GROUP BY TUMBLINGWINDOW(ss, 1)", false, false,
          ROWS "rows are joined\njoin t: hash of the keys where they are all numbers or all text, else a loop\n");
    check("SELECT s.a FROM s INNER JOIN t ON s.a > t.a GROUP BY TUMBLINGWINDOW(ss, 1)", false, false,
          ROWS "rows are joined\njoin t: loop over all pairs; ON does not begin with an equality of both sides\n");
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(test_forms)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
