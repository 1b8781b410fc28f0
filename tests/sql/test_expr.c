/* Expressions one at a time: LIKE patterns, operators on odd values, and the `expr` vectors of functions.jsonl. */
#include "vectors.h"
#include "sql/expr.h"

static void like(const char *pattern, const char *text, bool want) {
    sl_arena *a = sl_arena_new(0);
    const sl_like *k = sl_like_new(a, sl_str_of(pattern));
    assert_non_null(k);
    if (sl_like_match(k, sl_str_of(text)) != want)
        fail_msg("'%s' LIKE '%s' should be %d", text, pattern, want);
    sl_arena_free(a);
}
static void test_like(void **state) {
    like("", "", true);
    like("", "a", false);
    like("abc", "abc", true);
    like("abc", "abcd", false);
    like("%", "", true);
    like("%", "any", true);
    like("%", "two\nlines", false);
    like("a%", "a\nb", false);
    like("%b", "aab", true);
    like("%ab%ab", "abab", true);
    like("%ab%ab", "ab", false);
    like("%aab", "aaab", true);
    like("a%b%c", "aXbYbZc", true);
    like("a%%c", "abc", true);
    like("_", "é", true);
    like("_", "東", true);
    like("__", "東", false);
    like("%東_", "x東京", true);
    like("_%_", "a", false);
    like("_%_", "ab", true);
    like("a.c", "abc", false);
    like("[ab]", "a", false);
    like("100\\%", "100%", true);
    like("100\\%", "100x", false);
    like("a\\_b", "a_b", true);
    like("a\\_b", "axb", false);
    like("c:\\\\%", "c:\\dir", true);
    like("a\\", "a\\", true);
    like("a\\n", "a\\n", true);
    like("%_x", "zzx", true);
    like("%a_c%", "aXaYcZ", true);
    /* many stars must not explode */
    char text[4001];
    memset(text, 'a', 4000);
    text[4000] = 0;
    like("%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%b", text, false);
}

/* expression over a row given as JSON (whole numbers are ints) -> JSON, or the error */
static const char *eval(sl_arena *a, const char *expr, const char *row) {
    sl_select *sel;
    sl_str sql = sl_arena_printf(a, "SELECT %s FROM s", expr);
    sl_err *e = sl_parse_select(a, sql, &sel, NULL);
    sl_json *j;
    assert_null(sl_json_parse(a, sl_str_of(row), &j, NULL));
    sl_value v;
    if (!e)
        e = sl_expr_eval1(a, sel->fields[0].expr, vec_value(a, j), sl_v_absent(), 0, SL_ZONE_UTC, &v);
    const char *text = e ? sl_arena_cstr(a, sl_err_text(e)) : vec_show(a, v);
    sl_err_free(e);
    return text;
}
static void is(const char *expr, const char *row, const char *want) {
    sl_arena *a = sl_arena_new(0);
    const char *got = eval(a, expr, row);
    if (strcmp(got, want))
        fail_msg("%s on %s\n  got  %s\n  want %s", expr, row, got, want);
    sl_arena_free(a);
}
static void test_operators(void **state) {
    is("a + b", "{\"a\":9223372036854775807,\"b\":1}", "-9223372036854775808");
    is("a / b", "{\"a\":{\"$type\":\"int\",\"value\":\"-9223372036854775808\"},\"b\":-1}", "-9223372036854775808");
    is("a % b", "{\"a\":{\"$type\":\"int\",\"value\":\"-9223372036854775808\"},\"b\":-1}", "0");
    is("a = b", "{\"a\":9007199254740993,\"b\":{\"$type\":\"float\",\"value\":9007199254740992}}", "true");
    is("b & a", "{\"a\":3,\"b\":2.5}", "invalid operation float64(2.5) & float64(3)");
    is("a AND b", "{\"a\":true,\"b\":1}", "invalid operation bool(true) AND int64(1)");
    is("a AND b", "{\"a\":false,\"b\":1}", "false");
    is("a AND b", "{\"b\":true}", "false");
    is("a OR b", "{\"a\":1,\"b\":true}", "invalid operation int64(1) OR bool(true)");
    is("t = \"2023-11-15 00:00:00\"", "{\"t\":{\"$type\":\"datetime\",\"ms\":1700006400000,\"tz\":\"UTC\"}}", "true");
    is("t > 1700006399999", "{\"t\":{\"$type\":\"datetime\",\"ms\":1700006400000,\"tz\":\"UTC\"}}", "true");
    is("t > s", "{\"t\":{\"$type\":\"datetime\",\"ms\":1700006400000,\"tz\":\"UTC\"},\"s\":\"soon\"}", "invalid operation time.Time(2023-11-15 00:00:00 +0000 UTC) > string(soon)");
    is("x BETWEEN \"a\" AND 3", "{\"x\":\"b\"}", "between operator cannot compare string(b) and int64(3)");
    is("x IN (y, 1/0)", "{\"x\":1,\"y\":1}", "true");
    is("x IN s", "{\"x\":98,\"s\":\"abc\"}", "true");
    is("x LIKE y", "{\"x\":\"b\",\"y\":5}", "invalid LIKE pattern, must be a string but got 5");
    is("x[1:1+1]", "{\"x\":[1,2,3]}", "[2]");
    is("x[:]", "{\"x\":[]}", "[]");
    is("x[0:0]", "{\"x\":[]}", "colon start value can't be greater than end value");
    is("x[-9:]", "{\"x\":[1]}", "out of index: -9 of 1");
    is("x[:5]", "{\"x\":[1,2]}", "end value is out of index: 5 of 2");
    is("x[s]", "{\"x\":[1],\"s\":\"q\"}", "invalid evaluation result - <nil>");
    is("x[y]", "{\"x\":[1]}", "invalid evaluation result - <nil>");
    is("o.x.y", "{\"o\":{\"x\":{\"y\":[1,{\"z\":2}]}}}", "[1,{\"z\":2}]");
    is("o->x", "{\"o\":[1,2]}", "the result [1 2] is not a type of map[string]interface{}");
    is("CASE a WHEN \"x\" THEN 1 ELSE 2 END", "{\"a\":1}", "evaluate case expression error: invalid operation int64(1) = string(x)");
    is("CASE WHEN a > 0 THEN a ELSE 1 / 0 END", "{\"a\":1}", "1");
    const char *many = "x IN (\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"\")";
    is(many, "{\"x\":\"h\"}", "true");
    is(many, "{\"x\":\"\"}", "true");
    is(many, "{\"x\":\"i\"}", "false");
    is(many, "{}", "false");
    is(many, "{\"x\":1}", "evaluate in expression error: invalid operation int64(1) = string(a)");
    is("x NOT IN (1, 2, 3, 4, 5, 6, 7, 8, 9)", "{\"x\":5}", "false");
    is("x NOT IN (1, 2, 3, 4, 5, 6, 7, 8, 9)", "{\"x\":-5}", "true");
    is("x IN (1, 2, 3, 4, 5, 6, 7, 8, 9)", "{\"x\":5.0}", "true");
    is("1 + 2 * 3 - 4", "{}", "3");
    is("1 / 0", "{}", "divided by zero");
    is("1 > 2 AND 1 / 0 = 1", "{}", "false");
    is("true AND 1 / 0 = 1", "{}", "divided by zero");
}

static unsigned passed, later, failed;
static void vector(sl_arena *a, sl_json *v) {
    if (!sl_str_is(vec_text(v, "kind"), "expr"))
        return;
    sl_select *sel;
    sl_str text = vec_text(v, "expr"), sql = sl_arena_printf(a, "SELECT %.*s FROM demo", SL_FMT(text));
    sl_err *e = sl_parse_select(a, sql, &sel, NULL);
    sl_str want = vec_text(v, "parse_error"), err = vec_text(v, "error");
    sl_value got = sl_v_null();
    if (e && strstr(sl_err_text(e), " not found")) {
        later++;
        sl_err_free(e);
        return;
    }
    const sl_json *env = sl_json_get(v, "env"), *meta = sl_json_get(v, "meta"), *expect = sl_json_get(v, "expect");
    int64_t now = 0;
    if (sl_json_get(env, "now_ms"))
        assert_true(sl_json_i64(sl_json_get(env, "now_ms"), &now));
    bool parsed = !e;
    if (parsed)
        e = sl_expr_eval1(a, sel->fields[0].expr, vec_value(a, sl_json_get(v, "row")), meta ? vec_value(a, meta) : sl_v_absent(), now,
                          vec_zone(sl_json_get(env, "tz") ? vec_text(env, "tz") : SL_S("UTC")), &got);
    bool ok;
    if (want.n)
        ok = !parsed && sl_str_eq(want, sl_str_of(sl_err_text(e)));
    else if (err.n)
        ok = parsed && e && sl_err_code(e) == SL_E_EXEC && (sl_str_is(err, "*") || sl_json_get(v, "error_match") || sl_str_eq(err, sl_str_of(sl_err_text(e))));
    else
        ok = !e && vec_same(a, got, vec_value(a, expect));
    if (e && sl_err_code(e) == SL_E_UNSUPPORTED)
        later++;
    else if (ok)
        passed++;
    else {
        failed++;
        print_error("%.*s: %.*s\n  got  %s\n  want %s\n", SL_FMT(vec_text(v, "id")), SL_FMT(text), e ? sl_err_text(e) : vec_show(a, got),
                    want.n      ? want.p
                        : err.n ? err.p
                                : vec_show(a, vec_value(a, expect)));
    }
    sl_err_free(e);
}
static void test_function_exprs(void **state) {
    vec_each("functions.jsonl", vector);
    print_message("functions.jsonl, kind expr: %u passed, %u wait for their function, %u failed\n", passed, later, failed);
    assert_int_equal(failed, 0);
    assert_true(passed > 0);
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_like), cmocka_unit_test(test_operators), cmocka_unit_test(test_function_exprs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
