/* The registry of functions: every row is complete, names are found in any case, checks speak upstream's words. */
#include "kit.h"
#include "sql/func.h"

static void rows_are_complete(void **state) {
    size_t n = 0;
    for (const sl_func *f; (f = sl_func_at(n)); n++) {
        assert_true(f->name[0] && f->sig && f->sig[0] && f->doc && f->doc[0]);
        assert_true(f->example && f->example[0] && f->gives && f->gives[0]);
        assert_true(f->min >= 0 && (f->max < 0 || f->max >= f->min));
        for (const char *p = f->name; *p; p++)
            assert_true((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_');
        assert_ptr_equal(sl_func_find(sl_str_of(f->name)), f); /* no name twice */
    }
    assert_true(n > 30);
}
static void any_case(void **state) {
    assert_non_null(sl_func_find(SL_S("ABS")));
    assert_ptr_equal(sl_func_find(SL_S("aBs")), sl_func_find(SL_S("abs")));
    assert_null(sl_func_find(SL_S("no_such")));
    assert_null(sl_func_find(SL_S("")));
    assert_null(sl_func_find(SL_S("ab")));
}
static void checks(void **state) {
    sl_arena *a = sl_arena_new(0);
    sl_expr text = {.kind = SL_X_LITERAL, .value = sl_v_str(SL_S("x"))}, one = {.kind = SL_X_LITERAL, .value = sl_v_int(1)};
    sl_expr half = {.kind = SL_X_LITERAL, .value = sl_v_float(.5)}, cmp = {.kind = SL_X_BINARY, .op = SL_OP_LT}, col = {.kind = SL_X_COLUMN};
    sl_expr *args[] = {&text, &one, &half, &cmp, &col};
    const sl_func *f = sl_func_find(SL_S("abs"));
    assert_string_equal(sl_func_validate(a, f, args, 1), "Expect number - float or int type for parameter 1");
    assert_string_equal(sl_func_validate(a, f, args, 2), "Expect 1 arguments but found 2.");
    assert_string_equal(sl_func_validate(a, f, args + 3, 1), "Expect number - float or int type for parameter 1");
    assert_null(sl_func_validate(a, f, args + 1, 1));
    assert_null(sl_func_validate(a, f, args + 4, 1));
    f = sl_func_find(SL_S("bitand"));
    assert_string_equal(sl_func_validate(a, f, args + 1, 2), "Expect int type for parameter 2");
    f = sl_func_find(SL_S("pi"));
    assert_string_equal(sl_func_validate(a, f, args, 1), "Expect 0 arguments but found 1.");
    sl_arena_free(a);
}
static void gate(void **state) {
    const sl_func *f = sl_func_find(SL_S("abs"));
    sl_value out, v[] = {sl_v_null(), sl_v_list(NULL, 0), sl_v_jsontext(SL_S(" [ ]")), sl_v_jsontext(SL_S("[0]")), sl_v_str(SL_S(""))};
    bool want[] = {true, true, true, false, false};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(sl_func_gate(f, &v[i], 1, &out), want[i]);
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_complete), cmocka_unit_test(any_case), cmocka_unit_test(checks), cmocka_unit_test(gate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
