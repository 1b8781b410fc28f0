/* Allocation walk: planning and running with the 1st, 2nd, 3rd … allocation failing, until one round needs no more. Nothing may
 * crash or leak a result; a failure must be told. The C library's allocator is replaced, so this file does nothing under a
 * sanitizer, which brings its own. */
#include "vectors.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
int main(void) { return 0; }
#else
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
static long countdown = -1; /* < 0: never fail */
static bool once;           /* only that one allocation, else all from there on */
static bool fails(void) { return countdown >= 0 && (countdown == 0 ? !once : --countdown == 0); }
void *malloc(size_t n) { return fails() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { return fails() ? NULL : __libc_realloc(p, n); }

static const char *const sql[] = {
    "SELECT * FROM demo",
    "SELECT *, a + 1 AS b, upper(s) AS u FROM demo WHERE a > 1 AND s LIKE \"t%\"",
    "SELECT CASE WHEN a > 1 OR q > 2 THEN s ELSE o.x END AS c, a / b AS q, o->y[0:1] AS y, s LIKE p AS l FROM demo WHERE a IN (1,2,3,4,5,6,7,8,9) OR q > 1",
    "SELECT * EXCEPT(a) REPLACE(b + 1 AS b), concat(s, p), meta(k) AS m FROM demo",
    "SELECT x.a, vin, b AS c FROM typed AS x WHERE x.a BETWEEN 1 AND 3 ORDER BY c",
    "SELECT s, b - 1 AS c, dedup_trigger(b, a, b, 10) AS d, dedup_trigger(c, a, a, 10) AS f FROM demo WHERE a > 0",
    "SELECT nosuch FROM typed",
};
static const char row_text[] = "{\"a\":2,\"b\":0,\"s\":\"text\",\"p\":\"t_%\",\"o\":{\"x\":1,\"y\":[1,{\"z\":[]}]},\"vin\":\"K\",\"more\":[1,2]}";

static void walk(const char *text) {
    sl_arena *a = sl_arena_new(0);
    vec_defs defs = {0};
    vec_define(a, &defs, SL_S("CREATE STREAM demo () WITH (DATASOURCE=\"demo\")"));
    vec_define(a, &defs, SL_S("CREATE STREAM typed (a bigint, b bigint, vin string) WITH (DATASOURCE=\"typed\")"));
    sl_select *sel;
    assert_null(sl_parse_select(a, sl_str_of(text), &sel, NULL));
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    o.zone = SL_ZONE_UTC;
    o.send_error = true;
    bool done = false;
    long round = 1;
    for (; !done && round < 5000; round++) { /* planning */
        sl_plan *p;
        countdown = round;
        sl_err *e = sl_plan_make(sel, vec_find, &defs, &o, &p);
        done = countdown > 0;
        countdown = -1;
        assert_true(!e == (p != NULL));
        if (!done && e && sl_err_code(e) != SL_E_NOMEM && sl_err_code(e) != SL_E_PLAN) /* the text itself may have had no memory */
            print_message("%s\n", sl_err_text(e));
        sl_err_free(e);
        sl_plan_drop(p);
    }
    assert_true(done);
    sl_plan *p;
    sl_err *e = sl_plan_make(sel, vec_find, &defs, &o, &p);
    if (e) {
        sl_err_free(e);
        sl_arena_free(a);
        return;
    }
    done = false;
    for (round = 1; !done && round < 5000; round++) { /* running, from new each time; the pool of batches is dry when many are taken */
        const sl_plan_source *s = sl_plan_source_at(p, 0);
        sl_builder *w = sl_builder_new(s->layout, s->all);
        sl_jsonrows *d = sl_jsonrows_new(NULL, 0, true, false);
        uint32_t n;
        sl_str why;
        for (int i = 0; i < 3; i++)
            assert_true(sl_jsonrows_read(d, w, SL_S(row_text), false, &n, &why));
        sl_batch *b = sl_builder_done(w, 0), *out = NULL, *dry[70];
        for (int i = 0; i < 70; i++)
            dry[i] = sl_batch_fresh();
        sl_exec *x = sl_exec_new(p, 0);
        sl_view v = {.batch = b, .n = b->nrows};
        bool failed;
        countdown = round;
        sl_exec_run(x, 0, &v, 0, &out, &failed);
        done = countdown > 0;
        countdown = -1;
        assert_true(!failed || !out || strstr(text, "dedup")); /* statements with memory give what came before */
        if (done)
            assert_true(!failed && (out || strstr(text, "BETWEEN")));
        sl_batch_drop(out);
        sl_exec_free(x);
        sl_batch_drop(b);
        for (int i = 0; i < 70; i++)
            sl_batch_drop(dry[i]);
        sl_jsonrows_free(d);
        sl_builder_free(w);
    }
    assert_true(done);
    sl_plan_drop(p);
    sl_arena_free(a);
}
static void test_walk(void **state) {
    for (size_t i = 0; i < 2 * sizeof sql / sizeof *sql; i++) {
        once = i % 2;
        walk(sql[i / 2]);
    }
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_walk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
