/* State is all there is: every conformance scenario with rows gives the same output when its state is saved and loaded into a fresh instance after
 * every row, as when it runs undisturbed; and in its plain form, without and with moves. */
#include "vectors.h"

static unsigned ran, saved;
static sl_batch *batch_for(const sl_plan *p, uint32_t src, sl_value row, sl_value meta, int64_t at) {
    const sl_plan_source *s = sl_plan_source_at(p, src);
    sl_builder *w = sl_builder_new(s->layout, s->all);
    sl_builder_row(w);
    for (uint32_t k = 0; k < row.len; k++)
        sl_builder_put(w, sl_arena_dup(sl_builder_arena(w), row.map[k].key), sl_value_copy(sl_builder_arena(w), row.map[k].val));
    if (meta.kind == SL_MAP)
        sl_builder_meta(w, sl_value_copy(sl_builder_arena(w), meta));
    sl_builder_end(w);
    sl_batch *b = sl_builder_done(w, at);
    assert_non_null(b);
    sl_builder_free(w);
    return b;
}
static sl_exec *move_over(sl_exec *x, sl_plan *p, int64_t start) {
    sl_buf b = {0};
    assert_true(sl_exec_save(x, &b));
    sl_exec *y = sl_exec_new(p, start);
    assert_non_null(y);
    sl_err *e = sl_exec_load(y, sl_buf_view(&b));
    if (e)
        fail_msg("%s", sl_err_text(e));
    /* what was loaded is saved the same */
    sl_buf again = {0};
    assert_true(sl_exec_save(y, &again));
    assert_int_equal(again.n, b.n);
    assert_memory_equal(again.p, b.p, b.n);
    /* cut anywhere, it is refused or taken without reading beyond the end */
    for (size_t cut = saved % 16; saved % 16 == 0 && cut < b.n; cut += 1 + b.n / 7) {
        sl_exec *z = sl_exec_new(p, start);
        char *copy = malloc(cut + 1);
        memcpy(copy, b.p, cut);
        sl_err_free(sl_exec_load(z, (sl_str){copy, cut}));
        free(copy);
        sl_exec_free(z);
    }
    sl_buf_free(&again);
    sl_buf_free(&b);
    sl_exec_free(x);
    saved++;
    return y;
}
static void ticks(sl_arena *a, sl_exec *x, int64_t upto, vec_list *l) {
    for (int64_t t; (t = sl_exec_next(x)) <= upto;) {
        sl_batch *out;
        bool failed;
        sl_exec_tick(x, t, &out, &failed);
        assert_false(failed);
        vec_collect(a, out, t, l);
        sl_batch_drop(out);
    }
}
static void play(sl_arena *a, sl_plan *p, const vec_defs *defs, const sl_json *v, bool moving, vec_list *l) {
    int64_t start = 1700006400000, at = 0;
    sl_json_i64(sl_json_get(v, "start"), &start);
    sl_exec *x = sl_exec_new(p, start);
    assert_non_null(x);
    const sl_json *in = sl_json_get(v, "input");
    for (const sl_json *i = in ? in->child : NULL; i; i = i->next) {
        assert_true(sl_json_i64(sl_json_get(i, "at"), &at));
        ticks(a, x, start + at, l);
        const sl_json *meta = sl_json_get(i, "meta");
        for (uint32_t s = 0; s < sl_plan_nsources(p); s++) {
            const sl_plan_source *ps = sl_plan_source_at(p, s);
            const sl_create *c = vec_find((void *)(uintptr_t)defs, ps->stream);
            if (ps->same_as != s || !sl_str_eq(c->opts.datasource, vec_text(i, "stream")))
                continue;
            sl_batch *b = batch_for(p, s, vec_value(a, sl_json_get(i, "row")), meta ? vec_value(a, meta) : sl_v_absent(), start + at), *out;
            sl_view view = {.batch = b, .n = 1};
            bool failed;
            sl_exec_run(x, s, &view, start + at, &out, &failed);
            assert_false(failed);
            vec_collect(a, out, start + at, l);
            sl_batch_drop(out);
            sl_batch_drop(b);
        }
        if (moving)
            x = move_over(x, p, start);
    }
    sl_json_i64(sl_json_get(v, "until"), &at);
    ticks(a, x, start + at, l);
    sl_exec_free(x);
}
static bool simple(const sl_json *v) {
    const sl_json *in = sl_json_get(v, "input");
    for (const sl_json *i = in ? in->child : NULL; i; i = i->next)
        if (!sl_json_get(i, "row"))
            return false;
    return in && sl_json_get(v, "expect");
}
static void same(sl_arena *a, const sl_json *v, const vec_list *one, const vec_list *two, const char *what) {
    bool same = one->n == two->n;
    for (uint32_t i = 0; same && i < one->n; i++) {
        const vec_out *x = &one->at[i], *y = &two->at[i];
        same = x->at == y->at && (x->error.p ? y->error.p && sl_str_eq(x->error, y->error) : !y->error.p && vec_same(a, x->rows, y->rows));
    }
    if (same)
        return;
    for (uint32_t i = 0; i < one->n || i < two->n; i++)
        print_message("%u: %s | %s\n", i, i < one->n && !one->at[i].error.p ? vec_show(a, one->at[i].rows) : "-",
                      i < two->n && !two->at[i].error.p ? vec_show(a, two->at[i].rows) : "-");
    fail_msg("%s: %.*s: %.*s", what, SL_FMT(vec_text(v, "id")), SL_FMT(vec_text(v, "sql")));
}
static bool flag(const sl_json *o, const char *key) { return sl_json_true(sl_json_get(o, key), false); }
static void scenario(sl_arena *a, sl_json *v) {
    if (!simple(v))
        return;
    vec_defs defs = {0};
    for (const sl_json *s = sl_json_get(v, "streams")->child; s; s = s->next)
        vec_define(a, &defs, s->s);
    const sl_json *tables = sl_json_get(v, "tables");
    for (const sl_json *s = tables ? tables->child : NULL; s; s = s->next)
        vec_define(a, &defs, s->s);
    sl_select *sel;
    if (sl_parse_select(a, vec_text(v, "sql"), &sel, NULL))
        return;
    const sl_json *o = sl_json_get(v, "options"), *strategy = sl_json_get(o, "planOptimizeStrategy"), *window = sl_json_get(strategy, "windowOption");
    sl_plan_opts opts;
    sl_plan_opts_default(&opts);
    opts.zone = SL_ZONE_UTC;
    opts.event_time = flag(o, "isEventTime");
    opts.send_error = flag(o, "sendError");
    opts.send_nil = flag(o, "sendNilField");
    opts.incremental = flag(strategy, "enableIncrementalWindow");
    opts.window_v2 = sl_str_is(vec_text(window, "windowVersion"), "v2");
    opts.sliding_twice = flag(window, "enableSendSlidingWindowTwice");
    sl_plan *p, *plain = NULL;
    sl_err *e = sl_plan_make(sel, vec_find, &defs, &opts, &p);
    opts.plain = true;
    if (!e)
        e = sl_plan_make(sel, vec_find, &defs, &opts, &plain);
    if (e) {
        sl_err_free(e);
        return;
    }
    bool asks = false;
    for (uint32_t s = 0; s < sl_plan_nsources(p); s++)
        asks |= sl_plan_source_at(p, s)->is_lookup;
    if (!asks) {
        vec_list *l = calloc(4, sizeof *l);
        for (int i = 0; i < 4; i++)
            play(a, i < 2 ? p : plain, &defs, v, i & 1, &l[i]);
        same(a, v, &l[0], &l[1], "moved");
        same(a, v, &l[0], &l[2], "plain");
        same(a, v, &l[0], &l[3], "plain, moved");
        free(l);
        ran++;
    }
    sl_plan_drop(p);
    sl_plan_drop(plain);
}
static void test_moving(void **state) {
    vec_each("rules.jsonl", scenario);
    vec_each("rules-dedup.jsonl", scenario);
    print_message("%u scenarios, state moved %u times\n", ran, saved);
    assert_true(ran > 900);
}
/* State of another statement is refused with a reason. */
static void test_other_plan(void **state) {
    sl_arena *a = sl_arena_new(0);
    vec_defs defs = {0};
    vec_define(a, &defs, SL_S("CREATE STREAM s () WITH (DATASOURCE=\"s\")"));
    static const char *const sql[] = {"SELECT count(*) FROM s GROUP BY COUNTWINDOW(3)", "SELECT count(*) FROM s GROUP BY COUNTWINDOW(4)",
                                      "SELECT count(*)  FROM s  GROUP BY COUNTWINDOW(3)"};
    sl_exec *x[3];
    sl_plan *p[3];
    for (int i = 0; i < 3; i++) {
        sl_select *sel;
        sl_plan_opts o;
        sl_plan_opts_default(&o);
        assert_null(sl_parse_select(a, sl_str_of(sql[i]), &sel, NULL));
        assert_null(sl_plan_make(sel, vec_find, &defs, &o, &p[i]));
        assert_non_null(x[i] = sl_exec_new(p[i], 0));
    }
    sl_buf b = {0};
    assert_true(sl_exec_save(x[0], &b));
    sl_err *e = sl_exec_load(x[1], sl_buf_view(&b));
    assert_non_null(e);
    assert_non_null(strstr(sl_err_text(e), "the statement or an option"));
    sl_err_free(e);
    assert_null(sl_exec_load(x[2], sl_buf_view(&b))); /* spelled differently, the same plan */
    for (int i = 0; i < 3; i++) {
        sl_exec_free(x[i]);
        sl_plan_drop(p[i]);
    }
    sl_buf_free(&b);
    sl_arena_free(a);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(test_other_plan), cmocka_unit_test(test_moving)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
