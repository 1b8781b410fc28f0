/* Plays the function vectors (tests/conformance/README.md) of the tables below: calls, and the checks at parse time. Every call
 * with arrays or objects is made twice, with opened values and with values still in JSON text. */
#include "kit.h"
#include <math.h>
#include "sql/func.h"
#include "sql/parse.h"

static const sl_func *const tables[] = {sl_funcs_time, sl_funcs_array, sl_funcs_object};
static unsigned ran, failed;

static bool covered(sl_str name) {
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const sl_func *f = tables[t]; f->name; f++)
            if (sl_str_is(name, f->name))
                return true;
    return false;
}
static sl_str member_text(sl_arena *a, sl_value v, const char *key) {
    sl_value m = sl_value_get(a, v, sl_str_of(key));
    return m.kind == SL_STRING ? sl_v_text(m) : SL_S("");
}
/* The notation of the vectors to a value. native: ints as the engine's own. */
static sl_value decode(sl_arena *a, sl_value v, bool native, bool *typed) {
    sl_str why, bytes;
    v = sl_value_open(a, v);
    if (v.kind == SL_INT && native)
        v.flags |= SL_F_GOINT;
    if (v.kind == SL_LIST) {
        sl_value *at = SL_NEW_N(a, sl_value, v.len + 1);
        for (uint32_t i = 0; i < v.len; i++)
            at[i] = decode(a, v.list[i], native, typed);
        return sl_v_list(at, v.len);
    }
    if (v.kind != SL_MAP)
        return v;
    sl_str type = member_text(a, v, "$type");
    sl_value val = sl_value_get(a, v, SL_S("value"));
    if (type.n)
        *typed = true;
    if (sl_str_is(type, "float")) {
        double d = 0;
        if (val.kind == SL_STRING)
            assert_true(sl_to_float(a, val, SL_CAST_ALL, &d, &why));
        else
            d = val.kind == SL_INT ? (double)val.i : sl_f64(val);
        return sl_v_float(d);
    }
    if (sl_str_is(type, "int")) {
        int64_t i = 0;
        assert_true(sl_to_int(a, val, SL_CAST_ALL, &i, &why));
        return native ? sl_v_goint(i) : sl_v_int(i);
    }
    if (sl_str_is(type, "bytes")) {
        assert_true(sl_to_bytes(a, sl_v_str(member_text(a, v, "base64")), SL_CAST_ALL, &bytes, &why));
        return sl_v_bytes(bytes);
    }
    if (sl_str_is(type, "datetime")) {
        sl_zone z = 0;
        sl_value t;
        sl_zone_find(member_text(a, v, "tz"), &z);
        assert_true(sl_to_time(a, sl_value_get(a, v, SL_S("ms")), SL_S(""), z, &t, &why));
        return t;
    }
    if (sl_str_is(type, "duration"))
        return sl_v_dur(sl_value_get(a, v, SL_S("ns")).i);
    assert_int_equal(type.n, 0);
    sl_member *at = SL_NEW_N(a, sl_member, v.len + 1);
    for (uint32_t i = 0; i < v.len; i++)
        at[i] = (sl_member){v.map[i].key, decode(a, v.map[i].val, native, typed)};
    return sl_v_map(at, v.len);
}
static bool equal(sl_arena *a, sl_value got, sl_value want, bool unordered) {
    got = sl_value_open(a, got);
    if (sl_v_nil(want))
        return sl_v_nil(got) || ((got.kind == SL_LIST || got.kind == SL_MAP) && (got.flags & SL_F_NILLIST));
    if (got.kind != want.kind)
        return false;
    switch (got.kind) {
    case SL_INT:
    case SL_DURATION:
    case SL_BOOL: return got.i == want.i;
    case SL_FLOAT: {
        double x = sl_f64(got), y = sl_f64(want);
        return x == y || (isnan(x) && isnan(y)) || fabs(x - y) <= 1e-12 * fabs(y);
    }
    case SL_TIME: return got.i == want.i && got.len / 1000000 == want.len / 1000000;
    case SL_LIST:
        if (got.len != want.len)
            return false;
        for (uint32_t i = 0, used = 0; i < got.len; i++) {
            bool found = !unordered && equal(a, got.list[i], want.list[i], false);
            for (uint32_t k = 0; unordered && k < want.len && k < 32 && !found; k++)
                if (!(used & 1u << k) && equal(a, got.list[i], want.list[k], false)) {
                    found = true;
                    used |= 1u << k;
                }
            if (!found)
                return false;
        }
        return true;
    case SL_MAP:
        if (got.len != want.len)
            return false;
        for (uint32_t i = 0; i < want.len; i++) {
            sl_value m = sl_value_get(a, got, want.map[i].key);
            if (m.kind == SL_ABSENT || !equal(a, m, want.map[i].val, false))
                return false;
        }
        return true;
    default: return sl_str_eq(sl_v_text(got), sl_v_text(want));
    }
}
static void report(sl_str id, const char *what, sl_str got, sl_str want) {
    failed++;
    printf("%.*s %s: got %.*s want %.*s\n", SL_FMT(id), what, SL_FMT(got), SL_FMT(want));
}
static sl_str shown(sl_arena *a, sl_value v) {
    sl_buf b = {0};
    sl_buf_printf(&b, "%s(", sl_value_gotype(v));
    sl_value_print(&b, v);
    sl_buf_putc(&b, ')');
    sl_str s = sl_arena_dup(a, sl_buf_view(&b));
    sl_buf_free(&b);
    return s;
}
static void call(sl_arena *a, sl_value vec, sl_str fn) {
    sl_str id = member_text(a, vec, "id"), mode = member_text(a, vec, "error_match");
    sl_value env = sl_value_get(a, vec, SL_S("env")), now = sl_value_get(a, env, SL_S("now_ms"));
    sl_value args = sl_value_open(a, sl_value_get(a, vec, SL_S("args"))), error = sl_value_get(a, vec, SL_S("error"));
    bool typed = false, native = sl_str_is(fn, "repeat") || sl_str_is(fn, "sequence") || sl_str_is(fn, "now") || sl_str_is(fn, "cur_time") ||
                                sl_str_is(fn, "current_time") || sl_str_is(fn, "current_timestamp") || sl_str_is(fn, "local_time") || sl_str_is(fn, "local_timestamp");
    sl_value want = decode(a, sl_value_get(a, vec, SL_S("expect")), false, &typed), in[16];
    const sl_func *f = sl_func_find(fn);
    assert_non_null(f);
    typed = false;
    if (sl_str_is(fn, "array_map") && error.kind != SL_STRING && args.list[0].kind == SL_STRING && !sl_func_find(sl_v_text(args.list[0])))
        return; /* the function it names is not there yet */
    for (int raw = 0; raw < 2; raw++) {
        sl_call c = {.arena = a, .now_ms = now.kind == SL_INT ? now.i : 0};
        void *state = NULL;
        c.state = &state;
        assert_true(sl_zone_find(member_text(a, env, "tz"), &c.zone));
        for (uint32_t i = 0; i < args.len; i++)
            in[i] = raw ? args.list[i] : decode(a, args.list[i], native, &typed);
        if (raw && (typed || native))
            break;
        sl_value got = sl_func_call(&c, f, in, args.len);
        bool bad = got.kind == SL_ERROR;
        ran++;
        if (bad != (error.kind == SL_STRING))
            report(id, "outcome", bad ? sl_v_text(got) : shown(a, got), bad ? shown(a, want) : sl_v_text(error));
        else if (bad && !mode.n && !sl_str_eq(sl_v_text(got), sl_v_text(error)))
            report(id, "error", sl_v_text(got), sl_v_text(error));
        else if (!bad && !equal(a, got, want, sl_str_is(member_text(a, vec, "cmp"), "unordered")))
            report(id, "result", shown(a, got), shown(a, want));
        if (state && f->state_free)
            f->state_free(state);
    }
}
static void validate(sl_arena *a, sl_value vec, sl_str fn) {
    sl_value args = sl_value_open(a, sl_value_get(a, vec, SL_S("sql_args"))), error = sl_value_get(a, vec, SL_S("error"));
    sl_buf sql = {0}, want = {0};
    sl_buf_printf(&sql, "SELECT %.*s(", SL_FMT(fn));
    for (uint32_t i = 0; i < args.len; i++)
        sl_buf_printf(&sql, "%s%.*s", i ? ", " : "", SL_FMT(sl_v_text(args.list[i])));
    sl_buf_puts(&sql, ") FROM s");
    if (error.kind == SL_STRING)
        sl_buf_printf(&want, "validate function %.*s error: %.*s", SL_FMT(fn), SL_FMT(sl_v_text(error)));
    sl_select *sel;
    sl_err *e = sl_parse_select(a, sl_buf_view(&sql), &sel, NULL);
    ran++;
    sl_str got = sl_str_of(sl_err_text(e));
    if (want.n ? !sl_str_ends(got, sl_buf_view(&want)) : got.n > 0)
        report(member_text(a, vec, "id"), "check", got, sl_buf_view(&want));
    sl_err_free(e);
    sl_buf_free(&sql);
    sl_buf_free(&want);
}
static void vectors(void **st) {
    FILE *in = fopen(SL_TESTS "/conformance/functions.jsonl", "r");
    assert_non_null(in);
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    sl_arena *a = sl_arena_new(0);
    while ((n = getline(&line, &cap, in)) > 0) {
        sl_arena_reset(a);
        sl_value vec = sl_v_jsontext(sl_str_n(line, (size_t)n));
        vec.aux = 1;
        vec = sl_value_open(a, vec);
        sl_str fn = member_text(a, vec, "fn"), kind = member_text(a, vec, "kind");
        if (!covered(fn))
            continue;
        if (kind.n == 0)
            call(a, vec, fn);
        else if (sl_str_is(kind, "validate"))
            validate(a, vec, fn);
    }
    free(line);
    fclose(in);
    sl_arena_free(a);
    printf("%u checks, %u failed\n", ran, failed);
    assert_true(ran > 400);
    assert_int_equal(failed, 0);
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
