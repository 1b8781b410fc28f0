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
static const char *latest_check(sl_arena *a, sl_expr **args, uint32_t n) { return n == 1 || n == 2 ? NULL : sl_arena_printf(a, "expect one or two args but got %u", n).p; }
static const char *changed_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    return e ? e : literal_or_unit(args[0]) ? sl_ck_expect(a, "boolean", 1) : NULL;
}
static const char *had_check(sl_arena *a, sl_expr **args, uint32_t n) {
    if (n < 2)
        return sl_arena_printf(a, "expect more than one arg but got %u", n).p;
    return literal_or_unit(args[0]) ? sl_ck_expect(a, "bool", 1) : NULL;
}
static const char *acc_check(sl_arena *a, sl_expr **args, uint32_t n) { return n == 1 || n == 3 ? NULL : sl_arena_printf(a, "Expect 1/3 arguments but found %u.", n).p; }
static const char *cols_check(sl_arena *a, sl_expr **args, uint32_t n) { return n > 2 ? NULL : sl_arena_printf(a, "expect more than two args but got %u", n).p; }
/* ---- evaluation; the memory of each is described beside it ---- */
static sl_value forget(sl_call *c) { return sl_call_fail(c, "out of memory"); }
static sl_value null_for(sl_value v) { return v.kind == SL_ABSENT ? sl_v_null() : v; }
/* [0] number of slots, [1] the oldest, [2 …] the slots: a ring that is full from the first row on, with the default in it. */
static sl_value k_lag(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool valid) {
    enum { MOST = 1 << 20 };
    sl_value size = sl_keep_get(k, 0);
    bool ignore_null = true;
    if (n == 4) {
        if (args[3].kind != SL_BOOL)
            return sl_call_fail(c, "The fourth arg is not a bool but got %s", sl_fn_v(c, args[0]));
        ignore_null = args[3].i;
    }
    if (size.kind == SL_ABSENT) {
        int64_t slots = 1;
        sl_str why;
        if (n >= 2 && !sl_to_int(c->arena, args[1], SL_CAST_STRICT | SL_CAST_GOINT, &slots, &why))
            return sl_call_fail(c, "error converting second arg %s to int: %.*s", sl_fn_v(c, args[1]), SL_FMT(why));
        if (slots < 0 || slots > MOST)
            return sl_call_fail(c, "the index must be between 0 and %d, got %lld", MOST, (long long)slots);
        bool ok = sl_keep_set(k, 0, size = sl_v_int(slots)) && sl_keep_set(k, 1, sl_v_int(0));
        for (int64_t i = 0; ok && n >= 3 && i < slots; i++)
            ok = sl_keep_set(k, 2 + (uint32_t)i, args[2]);
        if (!ok)
            return forget(c);
    }
    if (size.i == 0)
        return sl_v_null();
    uint32_t at = (uint32_t)sl_keep_get(k, 1).i;
    sl_value old = null_for(sl_keep_get(k, 2 + at));
    if (!valid || (ignore_null && sl_v_nil(args[0])))
        return old;
    old = sl_value_copy(c->arena, old);
    if (!sl_keep_set(k, 2 + at, args[0]) || !sl_keep_set(k, 1, sl_v_int((at + 1) % size.i)))
        return forget(c);
    return old;
}
/* [0] the latest value. */
static sl_value k_latest(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool valid) {
    if (valid && !sl_v_nil(args[0]))
        return sl_keep_set(k, 0, args[0]) ? args[0] : forget(c);
    sl_value kept = sl_keep_get(k, 0);
    return !sl_v_nil(kept) ? kept : n > 1 ? null_for(args[1]) : sl_v_null();
}
static bool differs(sl_value a, sl_value b) { return !sl_value_same(null_for(a), null_for(b)); }
/* [0] the last recorded value. */
static sl_value k_changed_col(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool valid) {
    (void)n;
    if (args[0].kind != SL_BOOL)
        return sl_call_fail(c, "first arg is not a bool but got %s", sl_fn_v(c, args[0]));
    if (!valid || (args[0].i && sl_v_nil(args[1])) || !differs(args[1], sl_keep_get(k, 0)))
        return sl_v_null();
    return sl_keep_set(k, 0, args[1]) ? null_for(args[1]) : forget(c);
}
/* [i] the last recorded value of argument i. */
static sl_value k_had_changed(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool valid) {
    if (args[0].kind != SL_BOOL)
        return sl_call_fail(c, "first arg is not a bool but got %s", sl_fn_v(c, args[0]));
    bool any = false;
    for (uint32_t i = 1; valid && i < n; i++) {
        if ((args[0].i && sl_v_nil(args[i])) || !differs(args[i], sl_keep_get(k, i)))
            continue;
        any = true;
        if (!sl_keep_set(k, i, args[i]))
            return forget(c);
    }
    return sl_v_bool(any);
}
/* [0] the sum, least, greatest or count; [1] count of values (mean); [2] running (three arguments). */
typedef enum acc_kind { ACC_SUM, ACC_MIN, ACC_MAX, ACC_AVG, ACC_COUNT } acc_kind;
static sl_value acc_start(acc_kind w) {
    switch (w) {
    case ACC_MIN: return sl_v_float(9223372036854775808.0);
    case ACC_MAX: return sl_v_float(-9223372036854775808.0);
    case ACC_COUNT: return sl_v_int(0);
    default: return sl_v_float(0);
    }
}
static sl_value acc_result(sl_keep *k, acc_kind w) {
    int64_t n = sl_keep_get(k, 1).kind == SL_INT ? sl_keep_get(k, 1).i : 0;
    if (!n)
        return w == ACC_COUNT ? sl_v_int(0) : sl_v_float(0);
    sl_value v = sl_keep_get(k, 0);
    return w == ACC_AVG ? sl_v_float(v.f / (double)n) : v;
}
static bool acc_add(sl_call *c, sl_keep *k, acc_kind w, sl_value x, sl_value *err) {
    if (sl_v_nil(x) && (w == ACC_SUM || w == ACC_COUNT))
        return true;
    sl_value had = sl_keep_get(k, 0);
    int64_t n = sl_keep_get(k, 1).kind == SL_INT ? sl_keep_get(k, 1).i : 0;
    if (!n)
        had = acc_start(w);
    double d = x.kind == SL_INT ? (double)x.i : x.kind == SL_UINT ? (double)x.u : x.kind == SL_FLOAT ? sl_f64(x) : 0;
    if (w != ACC_COUNT && x.kind != SL_INT && x.kind != SL_FLOAT && x.kind != SL_UINT) {
        *err = sl_call_fail(c, "the value should be number");
        return false;
    }
    switch (w) {
    case ACC_COUNT: had.i++; break;
    case ACC_MIN: had.f = d < had.f ? d : had.f; break;
    case ACC_MAX: had.f = d > had.f ? d : had.f; break;
    default: had.f += d;
    }
    if (sl_keep_set(k, 0, had) && sl_keep_set(k, 1, sl_v_int(n + 1)))
        return true;
    *err = forget(c);
    return false;
}
static sl_value accumulate(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool valid, acc_kind w) {
    sl_value err;
    if (n < 3)
        return valid && !acc_add(c, k, w, args[0], &err) ? err : acc_result(k, w);
    if (args[1].kind != SL_BOOL)
        return sl_call_fail(c, "onBegin should be boolean");
    if (args[2].kind != SL_BOOL)
        return sl_call_fail(c, "onReset should be boolean");
    bool running = sl_keep_get(k, 2).kind == SL_BOOL && sl_keep_get(k, 2).i;
    if (!running)
        sl_keep_set(k, 1, sl_v_int(0));
    if (args[1].i)
        running = true;
    if (running && valid && !acc_add(c, k, w, args[0], &err)) {
        if (sl_keep_get(k, 2).kind == SL_BOOL) /* it has begun all the same, unless this is the first that it hears */
            sl_keep_set(k, 2, sl_v_bool(true));
        return err;
    }
    sl_value v = running ? acc_result(k, w) : w == ACC_COUNT ? sl_v_int(0) : sl_v_float(0);
    return sl_keep_set(k, 2, sl_v_bool(running && !args[2].i)) ? v : forget(c);
}
static sl_value k_acc_sum(sl_call *c, sl_keep *k, const sl_value *a, uint32_t n, bool valid) { return accumulate(c, k, a, n, valid, ACC_SUM); }
static sl_value k_acc_min(sl_call *c, sl_keep *k, const sl_value *a, uint32_t n, bool valid) { return accumulate(c, k, a, n, valid, ACC_MIN); }
static sl_value k_acc_max(sl_call *c, sl_keep *k, const sl_value *a, uint32_t n, bool valid) { return accumulate(c, k, a, n, valid, ACC_MAX); }
static sl_value k_acc_avg(sl_call *c, sl_keep *k, const sl_value *a, uint32_t n, bool valid) { return accumulate(c, k, a, n, valid, ACC_AVG); }
static sl_value k_acc_count(sl_call *c, sl_keep *k, const sl_value *a, uint32_t n, bool valid) { return accumulate(c, k, a, n, valid, ACC_COUNT); }

/* [2i] name, [2i + 1] the last recorded value of a column of that name. */
static sl_value k_changed_cols(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool valid) {
    (void)valid;
    if (args[0].kind != SL_STRING)
        return sl_call_fail(c, "first arg is not a string but got %s", sl_fn_v(c, args[0]));
    if (args[1].kind != SL_BOOL)
        return sl_call_fail(c, "second arg is not a bool but got %s", sl_fn_v(c, args[1]));
    sl_member *m = sl_arena_alloc(c->arena, (n + 1) * sizeof *m);
    uint32_t out = 0;
    for (uint32_t i = 2; m && i < n; i++) {
        sl_str name = c->names ? c->names[i - 2] : (sl_str){"", 0};
        uint32_t at = 0, have = sl_keep_len(k) / 2;
        while (at < have && !sl_str_eq(sl_v_text(sl_keep_get(k, 2 * at)), name))
            at++;
        if ((args[1].i && sl_v_nil(args[i])) || !differs(args[i], at < have ? sl_keep_get(k, 2 * at + 1) : sl_v_null()))
            continue;
        if (!sl_keep_set(k, 2 * at, sl_v_str(name)) || !sl_keep_set(k, 2 * at + 1, args[i]))
            return forget(c);
        sl_str full = sl_arena_printf(c->arena, "%.*s%.*s", SL_FMT(sl_v_text(args[0])), SL_FMT(name));
        m[out++] = (sl_member){full, null_for(args[i])};
    }
    return m ? sl_v_map(m, out) : forget(c);
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
#define ANA(name, min, max, flags, check, sig, doc, example, gives)                                                                                                                \
    { #name, SL_FN_ANALYTIC, flags, min, max, check, NULL, NULL, sig, doc, example, gives, NULL, k_##name }
#define ACC(name, type, doc, gives) ANA(name, 1, 3, 0, acc_check, "(x number [, onBegin boolean, onReset boolean]) -> " type, doc, #name "(x)", gives)
const sl_func sl_funcs_analytic[] = {
    ANA(lag, 1, 4, 0, lag_check, "(x any [, offset int [, default any [, ignoreNull boolean]]]) -> any", "The value some rows back.", "lag(x)", "1 at the second of 1, 2"),
    ANA(latest, 1, 2, 0, latest_check, "(x any [, default any]) -> any", "The latest value that was not null.", "latest(x, 0)", "4 at the second of 4, null"),
    ANA(changed_col, 2, 2, SL_FN_STAR, changed_check, "(ignoreNull boolean, x any) -> any", "x when it differs from the value before, else null.", "changed_col(true, x)",
        "2 at the second of 1, 2"),
    ANA(had_changed, 2, -1, SL_FN_STAR, had_check, "(ignoreNull boolean, x any or *, …) -> boolean", "Whether any of the values differs from the one before.",
        "had_changed(true, x)", "false at the second of 1, 1"),
    ACC(acc_sum, "float", "Running sum.", "3 at the second of 1, 2"),
    ACC(acc_min, "float", "Running minimum.", "1 at the second of 1, 2"),
    ACC(acc_max, "float", "Running maximum.", "2 at the second of 1, 2"),
    ACC(acc_avg, "float", "Running mean.", "1.5 at the second of 1, 2"),
    ACC(acc_count, "int", "Running count of values that are not null.", "2 at the second of 1, 2"),
    {"changed_cols", SL_FN_COLS, SL_FN_STAR, 3, -1, cols_check, NULL, NULL, "(prefix string, ignoreNull boolean, x any or *, …) -> columns",
     "The columns that differ from the row before, under prefixed names.", "changed_cols(\"p_\", true, a, b)", "{\"p_b\":3} at the second of (1, 2), (1, 3)", NULL, k_changed_cols},
    {"unnest", SL_FN_SRF, SL_FN_NULLGATE, 1, 1, NULL, f_unnest, NULL, "(x array) -> rows", "One row per element.", "unnest(a)", "{\"unnest\":1}, {\"unnest\":2} for [1, 2]", NULL},
    {"extract", SL_FN_SRF, SL_FN_NULLGATE, 1, 1, NULL, f_extract, NULL, "(x object) -> columns", "The members of an object as columns.", "extract(a)",
     "{\"k\":\"v\"} for {\"k\":\"v\"}", NULL},
    {"row_number", SL_FN_WINDOW, 0, 0, 0, NULL, NULL, NULL, "() OVER ([PARTITION BY …] [ORDER BY …]) -> int", "Number of the row, from 1.", "row_number()", "2 for the second row",
     NULL},
    {"last_hit_count", SL_FN_STATE, 0, 0, 0, NULL, NULL, NULL, "() -> int", "How often this place was reached before.", "last_hit_count()", "0 the first time", NULL,
     sl_fn_hit_count},
    {"last_hit_time", SL_FN_STATE, 0, 0, 0, NULL, NULL, NULL, "() -> int", "When this place was last reached, in ms.", "last_hit_time()", "0 the first time", NULL, sl_fn_hit_time},
    {0}};
