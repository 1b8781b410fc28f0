/* The quick path gives what the long way gives, for every operator and every kind of value on both sides. */
#include "kit.h"
#include <math.h>
#include "sql/parse.h"
#include "sql/plan.h"

static sl_create def;
static const sl_create *find(void *arg, sl_str name) { return &def; }
static sl_plan *plan_of(sl_arena *a, const char *sql) {
    sl_select *s;
    sl_plan *p = NULL;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    o.send_error = true;
    sl_err *e = sl_parse_select(a, sl_str_of(sql), &s, NULL);
    if (!e)
        e = sl_plan_make(s, find, NULL, &o, &p);
    if (e)
        fail_msg("%s: %s", sql, sl_err_text(e));
    return p;
}
static sl_value values[16];
static size_t nvalues;
static void make_values(void) {
    sl_value all[] = {sl_v_int(7),         sl_v_int(-3),       sl_v_int(INT64_MAX), sl_v_float(7),   sl_v_float(7.5), sl_v_float(NAN), sl_v_float(-INFINITY),
                      sl_v_str(SL_S("a")), sl_v_str(SL_S("")), sl_v_str(SL_S("7")), sl_v_bool(true), sl_v_null(),     sl_v_absent()};
    nvalues = sizeof all / sizeof *all;
    memcpy(values, all, sizeof all);
    values[nvalues] = sl_v_float(9007199254740993.0); /* a whole number that keeps its text */
    values[nvalues++].flags = SL_F_WHOLE;
    values[nvalues] = sl_v_int(5);
    values[nvalues++].flags = SL_F_WEEKDAY;
}
/* Rows a, b with every pair of values from `from` on, at most n. */
static sl_batch *batch_of(const sl_plan *p, size_t from, uint32_t n) {
    sl_builder *w = sl_builder_new(sl_plan_source_at(p, 0)->layout, false);
    for (size_t i = from; i < nvalues * nvalues && n--; i++) {
        sl_builder_row(w);
        sl_builder_put(w, SL_S("a"), values[i / nvalues]);
        sl_builder_put(w, SL_S("b"), values[i % nvalues]);
        sl_builder_end(w);
    }
    sl_batch *b = sl_builder_done(w, 1000);
    sl_builder_free(w);
    return b;
}
static bool same(sl_value x, sl_value y) {
    if (x.kind != y.kind || x.flags != y.flags)
        return false;
    if (x.kind == SL_STRING)
        return sl_str_eq(sl_v_text(x), sl_v_text(y));
    return x.kind <= SL_NULL || memcmp(&x.f, &y.f, sizeof x.f) == 0;
}
static void compare(const char *sql, uint32_t rows, bool frames) {
    sl_arena *a = sl_arena_new(0);
    sl_plan *p = plan_of(a, sql);
    sl_exec *quick = sl_exec_new(p, 0), *slow = sl_exec_new(p, 0);
    uint16_t map[] = {0, 1, 2, 3};
    for (size_t from = 0; from < nvalues * nvalues; from += rows) {
        sl_batch *b = batch_of(p, from, rows), *x = NULL, *y = NULL;
        bool fx = true, fy = true;
        sl_view v = {.batch = b, .n = b->nrows, .colmap = map, .whole = true};
        sl_frame one = {.kind = SL_FRAME_COLLECTION, .first = 0, .count = b->nrows};
        if (frames) {
            v.frames = &one;
            v.nframes = 1;
        }
        sl_exec_run(quick, 0, &v, 1000, &x, &fx);
        v.whole = false;
        sl_exec_run(slow, 0, &v, 1000, &y, &fy);
        assert_false(fx || fy);
        assert_int_equal(x != NULL, y != NULL);
        if (x) {
            assert_int_equal(x->nrows, y->nrows);
            assert_int_equal(x->nframes, y->nframes);
            assert_int_equal(x->layout->n, y->layout->n);
            for (uint32_t c = 0; c < x->layout->n; c++)
                assert_true(sl_str_eq(x->layout->names[c], y->layout->names[c]));
            assert_int_equal(x->at, y->at);
            for (uint32_t c = 0; c < x->layout->n; c++)
                for (uint32_t r = 0; r < x->nrows; r++)
                    if (!same(x->cols[c][r], y->cols[c][r]))
                        fail_msg("%s: pair %zu, column %u differs", sql, from + r, c);
            sl_batch_drop(x);
            sl_batch_drop(y);
        }
        sl_batch_drop(b);
    }
    const sl_exec_stats *s, *t;
    for (uint32_t i = 0; sl_exec_op(quick, i, &s); i++) {
        assert_non_null(sl_exec_op(slow, i, &t));
        assert_int_equal(s->in, t->in);
        assert_int_equal(s->out, t->out);
        assert_int_equal(s->errors, t->errors);
    }
    sl_exec_free(quick);
    sl_exec_free(slow);
    sl_plan_drop(p);
    sl_arena_free(a);
}
static void test_quick_is_slow(void **state) {
    static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">="}, *const consts[] = {"7", "-3", "7.5", "7.0", "9223372036854775807", "\"a\"", "\"\"", "true"};
    make_values();
    char sql[200];
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        for (size_t k = 0; k < sizeof consts / sizeof *consts; k++)
            for (uint32_t rows = 1; rows <= 4; rows += 3) {
                snprintf(sql, sizeof sql, "SELECT b, a FROM s WHERE a %s %s", ops[i], consts[k]);
                compare(sql, rows, false);
                snprintf(sql, sizeof sql, "SELECT a FROM s WHERE %s %s b", consts[k], ops[i]);
                compare(sql, rows, false);
                snprintf(sql, sizeof sql, "SELECT b FROM s WHERE a %s %s AND b %s 7", ops[i], consts[k], ops[(i + 2) % 6]);
                compare(sql, rows, i == 0);
            }
    compare("SELECT a, b FROM s", 1, false);
    compare("SELECT a AS x, b, a FROM s WHERE a > 0", 2, false);
    compare("SELECT *, a FROM s WHERE a > 0", 2, false);
    compare("SELECT a + 1 AS c FROM s WHERE a > 0", 1, false);
    compare("SELECT a FROM s WHERE a > 0 OR b > 0", 1, false);
    compare("SELECT a FROM s WHERE a > b", 3, false);
}
int main(void) {
    def.name = SL_S("s");
    def.schemaless = true;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_quick_is_slow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
