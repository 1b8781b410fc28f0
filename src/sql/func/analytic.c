/* Analytic, multi-column, multi-row, window-row and hit functions: names, argument checks and descriptions. They have state or a shape
 * of their own, so operators run them; the kind says which. */
#include "sql/func.h"

static bool literal_or_unit(const sl_expr *e) { return sl_x_is_num(e) || sl_x_is_str(e) || sl_x_is_unit(e); }
static const char *lag_check(sl_arena *a, sl_expr **args, uint32_t n) {
    if (n < 1 || n > 4)
        return sl_arena_printf(a, "expect one two or three args but got %u", n).p;
    if (n >= 2) {
        if (sl_x_not_int(args[1]) || args[1]->kind == SL_X_COLUMN)
            return sl_ck_expect(a, "int", 2);
        if (sl_x_is_int(args[1]) && args[1]->value.i < 0)
            return "the index should not be a nagtive integer";
    }
    return n == 4 && literal_or_unit(args[3]) ? sl_ck_expect(a, "bool", 4) : NULL;
}
static const char *latest_check(sl_arena *a, sl_expr **args, uint32_t n) {
    return n == 1 || n == 2 ? NULL : sl_arena_printf(a, "expect one or two args but got %u", n).p;
}
static const char *changed_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    return e ? e : literal_or_unit(args[0]) ? sl_ck_expect(a, "boolean", 1) : NULL;
}
static const char *had_check(sl_arena *a, sl_expr **args, uint32_t n) {
    if (n < 2)
        return sl_arena_printf(a, "expect more than one arg but got %u", n).p;
    return literal_or_unit(args[0]) ? sl_ck_expect(a, "bool", 1) : NULL;
}
static const char *acc_check(sl_arena *a, sl_expr **args, uint32_t n) {
    return n == 1 || n == 3 ? NULL : sl_arena_printf(a, "Expect 1/3 arguments but found %u.", n).p;
}
static const char *cols_check(sl_arena *a, sl_expr **args, uint32_t n) {
    return n > 2 ? NULL : sl_arena_printf(a, "expect more than two args but got %u", n).p;
}
/* unnest, extract: the value passes, the select list makes rows or columns of it. */
static sl_value f_unnest(sl_call *c, const sl_value *args, uint32_t n) { return (void)c, (void)n, args[0]; }
static sl_value f_extract(sl_call *c, const sl_value *args, uint32_t n) {
    (void)n;
    sl_value v = sl_value_open(c->arena, args[0]);
    if (v.kind != SL_MAP)
        return sl_call_fail(c, "extract should use map");
    sl_value *one = sl_arena_alloc(c->arena, sizeof *one);
    *one = v;
    return sl_v_list(one, 1);
}
#define ANA(name, min, max, flags, check, sig, doc, example, gives) \
    {name, SL_FN_ANALYTIC, flags, min, max, check, NULL, NULL, sig, doc, example, gives, NULL}
#define ACC(name, type, doc, gives) \
    ANA(name, 1, 3, 0, acc_check, "(x number [, onBegin boolean, onReset boolean]) -> " type, doc, name "(x)", gives)
const sl_func sl_funcs_analytic[] = {
    ANA("lag", 1, 4, 0, lag_check, "(x any [, offset int [, default any [, ignoreNull boolean]]]) -> any", "The value some rows back.", "lag(x)",
        "1 at the second of 1, 2"),
    ANA("latest", 1, 2, 0, latest_check, "(x any [, default any]) -> any", "The latest value that was not null.", "latest(x, 0)", "4 at the second of 4, null"),
    ANA("changed_col", 2, 2, SL_FN_STAR, changed_check, "(ignoreNull boolean, x any) -> any", "x when it differs from the value before, else null.",
        "changed_col(true, x)", "2 at the second of 1, 2"),
    ANA("had_changed", 2, -1, SL_FN_STAR, had_check, "(ignoreNull boolean, x any or *, …) -> boolean", "Whether any of the values differs from the one before.",
        "had_changed(true, x)", "false at the second of 1, 1"),
    ACC("acc_sum", "float", "Running sum.", "3 at the second of 1, 2"),
    ACC("acc_min", "float", "Running minimum.", "1 at the second of 1, 2"),
    ACC("acc_max", "float", "Running maximum.", "2 at the second of 1, 2"),
    ACC("acc_avg", "float", "Running mean.", "1.5 at the second of 1, 2"),
    ACC("acc_count", "int", "Running count of values that are not null.", "2 at the second of 1, 2"),
    {"changed_cols", SL_FN_COLS, SL_FN_STAR, 3, -1, cols_check, NULL, NULL, "(prefix string, ignoreNull boolean, x any or *, …) -> columns",
     "The columns that differ from the row before, under prefixed names.", "changed_cols(\"p_\", true, a, b)", "{\"p_b\":3} at the second of (1, 2), (1, 3)", NULL},
    {"unnest", SL_FN_SRF, SL_FN_NULLGATE, 1, 1, NULL, f_unnest, NULL, "(x array) -> rows", "One row per element.", "unnest(a)",
     "{\"unnest\":1}, {\"unnest\":2} for [1, 2]", NULL},
    {"extract", SL_FN_SRF, SL_FN_NULLGATE, 1, 1, NULL, f_extract, NULL, "(x object) -> columns", "The members of an object as columns.", "extract(a)",
     "{\"k\":\"v\"} for {\"k\":\"v\"}", NULL},
    {"row_number", SL_FN_WINDOW, 0, 0, 0, NULL, NULL, NULL, "() OVER ([PARTITION BY …] [ORDER BY …]) -> int", "Number of the row, from 1.", "row_number()",
     "2 for the second row", NULL},
    {"last_hit_count", SL_FN_STATE, 0, 0, 0, NULL, NULL, NULL, "() -> int", "How often this place was reached before.", "last_hit_count()", "0 the first time", NULL},
    {"last_hit_time", SL_FN_STATE, 0, 0, 0, NULL, NULL, NULL, "() -> int", "When this place was last reached, in ms.", "last_hit_time()", "0 the first time", NULL},
    {0}};
