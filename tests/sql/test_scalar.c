/* Scalar functions beyond the recorded vectors: modules, caches, identifiers, limits, what the environment gives. */
#include "kit.h"
#include "sql/func.h"

static sl_arena *a;
static sl_value run(sl_call *c, const char *name, const sl_value *args, uint32_t n) {
    c->arena = a;
    return sl_func_call(c, sl_func_find(sl_str_of(name)), args, n);
}
static void is_text(sl_value v, sl_kind kind, const char *want) {
    assert_int_equal(v.kind, kind);
    assert_int_equal(v.len, strlen(want));
    assert_memory_equal(v.p, want, v.len);
}
static sl_value s(const char *p) { return sl_v_str(sl_str_of(p)); }

static void compression_round_trips(void **unused) {
    static const char *const methods[] = {"zlib", "gzip", "flate", "zstd"};
    static char text[100000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i % 7);
    for (size_t i = 0; i < 4; i++)
        for (size_t n = 0; n <= sizeof text; n = n * 9 + 1) {
            void *st = NULL, *st2 = NULL;
            sl_call c = {.state = &st}, d = {.state = &st2};
            sl_value args[] = {sl_v_str(sl_str_n(text, n)), s(methods[i])}, packed = run(&c, "compress", args, 2), back;
            assert_int_equal(packed.kind, SL_BYTES);
            args[0] = packed;
            back = run(&d, "decompress", args, 2);
            assert_int_equal(back.kind, SL_BYTES);
            assert_int_equal(back.len, n);
            assert_true(n == 0 || memcmp(back.p, text, n) == 0);
            if (packed.len > 3) { /* cut short */
                args[0].len -= 3;
                back = run(&d, "decompress", args, 2);
                assert_true(back.kind == SL_ERROR && d.failed);
            }
            args[0] = s("not packed at all");
            assert_int_equal(run(&d, "decompress", args, 2).kind, SL_ERROR);
        }
    void *st = NULL;
    sl_call c = {.state = &st};
    sl_value args[] = {s("x"), s("zlib")};
    assert_int_equal(run(&c, "compress", args, 2).kind, SL_BYTES);
    args[1] = s("gzip");
    is_text(run(&c, "compress", args, 2), SL_ERROR, "compress type must be consistent, previous zlib, now gzip");
}
static void patterns_are_cached(void **unused) {
    void *st = NULL;
    sl_call c = {.state = &st};
    sl_value args[] = {s("abc"), s("b+")};
    assert_true(run(&c, "regexp_matches", args, 2).i);
    void *first = st;
    assert_non_null(first);
    assert_true(run(&c, "regexp_matches", args, 2).i);
    assert_ptr_equal(st, first);
    args[1] = s("x");
    assert_false(run(&c, "regexp_matches", args, 2).i);
    args[1] = s("("); /* a bad one leaves the good one alone */
    is_text(run(&c, "regexp_matches", args, 2), SL_ERROR, "error parsing regexp: missing closing ): `(`");
    args[1] = s("c$");
    assert_true(run(&c, "regexp_matches", args, 2).i);
    sl_func_find(SL_S("regexp_matches"))->state_free(st);
}
static void uuids(void **unused) {
    sl_call c = {0};
    sl_value before = s("");
    for (int i = 0; i < 1000; i++) {
        sl_value v = run(&c, "newuuid", NULL, 0);
        assert_int_equal(v.len, 36);
        assert_true(v.p[8] == '-' && v.p[13] == '-' && v.p[14] == '1' && v.p[18] == '-' && strchr("89ab", v.p[19]) && v.p[23] == '-');
        assert_false(sl_value_same(v, before));
        before = v;
        assert_true(run(&c, "rand", NULL, 0).f < 1);
    }
    sl_value id = s("snowflake"), one = run(&c, "props", &id, 1), two = run(&c, "props", &id, 1);
    assert_true(strtoull(sl_arena_dup(a, sl_v_text(one)).p, NULL, 10) < strtoull(sl_arena_dup(a, sl_v_text(two)).p, NULL, 10));
}
static void surroundings(void **unused) {
    sl_call c = {.now_ms = 1577934245123, .rule_id = SL_S("rule1"), .rule_start_ms = 5, .row_ms = 7};
    assert_int_equal(run(&c, "tstamp", NULL, 0).i, 1577934245123);
    assert_int_equal(run(&c, "event_time", NULL, 0).i, 7);
    assert_int_equal(run(&c, "window_start", NULL, 0).kind, SL_NULL);
    c.win_start = 10000, c.win_end = 20000;
    assert_int_equal(run(&c, "window_start", NULL, 0).i, 10000);
    assert_int_equal(run(&c, "window_end", NULL, 0).i, 20000);
    is_text(run(&c, "rule_id", NULL, 0), SL_STRING, "rule1");
    setenv("KUIPER_PROPS_SITE_A", "lab1", 1);
    sl_value name = s("site_a");
    is_text(run(&c, "props", &name, 1), SL_STRING, "lab1");
    name = s("SITE_A"); /* names are lower-cased when they are stored, not when they are asked for */
    is_text(run(&c, "props", &name, 1), SL_ERROR, "");
    name = s("et");
    is_text(run(&c, "props", &name, 1), SL_STRING, "1577934245123");
}
static void limits(void **unused) {
    sl_call c = {0};
    sl_value args[] = {sl_v_int(3600000), sl_v_int(1), sl_v_null()};
    assert_int_equal(run(&c, "delay", args, 2).kind, SL_ERROR);
    args[0] = s("x"), args[1] = sl_v_int(INT64_MAX);
    assert_int_equal(run(&c, "lpad", args, 2).kind, SL_ERROR);
    args[1] = sl_v_int(-1);
    assert_int_equal(run(&c, "rpad", args, 2).kind, SL_ERROR);
    args[0] = sl_v_float(1), args[1] = sl_v_int(INT64_MAX);
    assert_int_equal(run(&c, "format", args, 2).kind, SL_ERROR);
    args[0] = sl_v_float(-1.7976931348623157e308), args[1] = sl_v_int(1000), args[2] = s("fr_FR");
    assert_int_equal(run(&c, "format", args, 3).kind, SL_STRING);
    args[1] = sl_v_int(INT64_MIN);
    assert_true(run(&c, "round", args, 2).kind == SL_FLOAT);
    args[0] = sl_v_float(1e300), args[1] = sl_v_int(400);
    assert_true(run(&c, "trunc", args, 2).kind == SL_FLOAT);
}
/* Whatever is handed over, an evaluator answers with a value or an error. */
static void any_kind(void **unused) {
    sl_value one = sl_v_int(1), text = s("k");
    sl_member m[] = {{SL_S("k"), sl_v_int(1)}};
    sl_value kinds[] = {sl_v_null(),
                        sl_v_absent(),
                        sl_v_bool(true),
                        sl_v_int(INT64_MIN),
                        sl_v_goint(INT64_MAX),
                        sl_v_goint(-3),
                        sl_v_uint(UINT64_MAX),
                        sl_v_float(-0.5),
                        s("\xff\xc3"),
                        sl_v_bytes(SL_S("\0")),
                        sl_v_time(0, 0, 0),
                        sl_v_dur(1),
                        sl_v_list(&one, 1),
                        sl_v_list(&text, 1),
                        sl_v_map(m, 1),
                        sl_v_jsontext(SL_S("{\"k\":[1]}")),
                        sl_v_jsontext(SL_S("[]")),
                        {.kind = SL_DECIMAL, .aux = 2, .len = 1, .p = "\x7f"}};
    const sl_func *f;
    for (size_t i = 0; (f = sl_func_at(i)); i++) {
        if (!f->eval || f->kind == SL_FN_AGG) /* those take lists, which the planner sees to */
            continue;
        uint32_t most = f->max < 0 ? (uint32_t)f->min + 1 : (uint32_t)f->max, nk = sizeof kinds / sizeof *kinds;
        for (uint32_t n = (uint32_t)f->min; n <= most && n <= 3; n++)
            for (uint32_t k = 0; k < nk * nk * nk && (n > 0 || k == 0) && (n > 1 || k < nk) && (n > 2 || k < nk * nk); k++) {
                sl_value args[] = {kinds[k % nk], kinds[k / nk % nk], kinds[k / nk / nk]};
                void *st = NULL;
                sl_call c = {.arena = a, .state = f->state_free ? &st : NULL};
                sl_value v = sl_func_call(&c, f, args, n);
                assert_true(v.kind < SL_KINDS && (!c.failed || v.kind == SL_ERROR));
                if (f->state_free)
                    f->state_free(st);
            }
        sl_arena_reset(a);
    }
}
static int up(void **unused) { return !(a = sl_arena_new(0)); }
static int down(void **unused) {
    sl_arena_free(a);
    return 0;
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(compression_round_trips),
                                       cmocka_unit_test(patterns_are_cached),
                                       cmocka_unit_test(uuids),
                                       cmocka_unit_test(surroundings),
                                       cmocka_unit_test(limits),
                                       cmocka_unit_test(any_kind)};
    return cmocka_run_group_tests(tests, up, down);
}
