/* Values: copies, equality, JSON text opened in place, Go's print form, conversions. */
#include "kit.h"
#include <math.h>
#include "data/value.h"

static sl_arena *A;
static int setup(void **st) {
    A = sl_arena_new(0);
    return A == NULL;
}
static int teardown(void **st) {
    sl_arena_free(A);
    return 0;
}
static void prints(sl_value v, const char *want) {
    sl_buf b = {0};
    sl_value_print(&b, v);
    assert_string_equal(sl_buf_cstr(&b), want);
    sl_buf_free(&b);
}
static sl_value js(const char *s) { return sl_v_jsontext(sl_str_of(s)); }
static sl_value text(const char *s) { return sl_v_str(sl_str_of(s)); }

static void go_print(void **st) {
    prints(sl_v_null(), "<nil>");
    prints(sl_v_bool(true), "true");
    prints(sl_v_int(-5), "-5");
    prints(sl_v_uint(UINT64_MAX), "18446744073709551615");
    prints(sl_v_float(1000000), "1e+06");
    prints(sl_v_float(999999.5), "999999.5");
    prints(sl_v_float(0.00001), "1e-05");
    prints(sl_v_float(12345678), "1.2345678e+07");
    prints(sl_v_float(1577934245.5), "1.5779342455e+09");
    prints((sl_value){.kind = SL_FLOAT, .flags = SL_F_SINGLE, .f = (double)0.1f}, "0.1");
    prints((sl_value){.kind = SL_FLOAT, .flags = SL_F_SINGLE, .f = (double)16777216.0f}, "1.6777216e+07");
    prints((sl_value){.kind = SL_INT, .flags = SL_F_WEEKDAY, .i = 3}, "Wednesday");
    prints(sl_v_dur(1500000000), "1.5s");
    prints(sl_v_bytes(SL_S("hi")), "[104 105]");
    prints((sl_value){.kind = SL_DECIMAL, .aux = 2, .len = 2, .p = "\xFF\x85"}, "-1.23");
    prints((sl_value){.kind = SL_DECIMAL, .aux = 3, .len = 1, .p = "\x07"}, "0.007");
    prints((sl_value){.kind = SL_DECIMAL, .aux = 0, .len = 9, .p = "\x01\0\0\0\0\0\0\0\0"}, "18446744073709551616");
    sl_zone z;
    assert_true(sl_zone_find(SL_S("Asia/Shanghai"), &z));
    prints(sl_v_time(1577934245, 123000000, z), "2020-01-02 11:04:05.123 +0800 CST");
    prints(sl_v_time(1577934245, 0, sl_zone_fixed(-12600, SL_S(""))), "2020-01-01 23:34:05 -0330 -0330");
    prints(js("{\"b\":[1,null,\"x\"],\"a\":{\"k\":1.5,\"j\":true}}"), "map[a:map[j:true k:1.5] b:[1 <nil> x]]");
}
static void open_one_level(void **st) {
    sl_value v = sl_value_open(A, js(" { \"a\" : 1 , \"b\\u00e9\\n\" : \"x\\ud83d\\ude00\" , \"c\":{\"d\":[{}]}, \"a\":2, \"big\":9007199254740993 } "));
    assert_int_equal(v.kind, SL_MAP);
    assert_int_equal(v.len, 4);
    assert_true(sl_f64(sl_value_get(A, v, SL_S("a"))) == 2);
    assert_true(sl_str_is(sl_v_text(sl_value_get(A, v, SL_S("b\xC3\xA9\n"))), "x\xF0\x9F\x98\x80"));
    assert_int_equal(sl_value_get(A, v, SL_S("c")).kind, SL_JSONTEXT);
    sl_value big = sl_value_get(A, v, SL_S("big"));
    assert_int_equal(big.kind, SL_FLOAT);
    assert_true(big.flags & SL_F_WHOLE);
    assert_int_equal(big.i, 9007199254740993);
    assert_int_equal(sl_value_get(A, v, SL_S("zz")).kind, SL_ABSENT);
    sl_value t = js("{\"x\":{\"y\":[1,2]},\"n\":null,\"i\":7}");
    assert_int_equal(sl_value_get(A, t, SL_S("n")).kind, SL_NULL);
    t.aux = 1;
    assert_int_equal(sl_value_get(A, t, SL_S("i")).kind, SL_INT);
    sl_value y = sl_value_open(A, sl_value_get(A, sl_value_get(A, t, SL_S("x")), SL_S("y")));
    assert_int_equal(y.kind * 10 + y.len, SL_LIST * 10 + 2);
    assert_int_equal(y.list[1].kind, SL_INT);
    assert_int_equal(sl_value_open(A, js("[]")).len, 0);
    assert_int_equal(sl_value_open(A, js("{}")).kind, SL_MAP);
    sl_buf b = {0}; /* many keys, each twice */
    sl_buf_putc(&b, '{');
    for (int i = 0; i < 200; i++)
        sl_buf_printf(&b, "%s\"k%d\":%d", i ? "," : "", i % 100, i);
    sl_buf_putc(&b, '}');
    v = sl_value_open(A, sl_v_jsontext(sl_buf_view(&b)));
    assert_int_equal(v.len, 100);
    assert_true(sl_f64(sl_value_get(A, v, SL_S("k42"))) == 142);
    for (size_t cut = 1; cut < b.n; cut += 7) /* broken text is read to its end and no further */
        sl_value_open(A, sl_v_jsontext(sl_arena_dup(A, sl_str_n(b.p, cut))));
    sl_buf_free(&b);
}
static void equality(void **st) {
    assert_false(sl_value_same(sl_v_int(1), sl_v_float(1)));
    assert_false(sl_value_same(sl_v_int(1), sl_v_goint(1)));
    assert_true(sl_value_same(js("{\"a\":[1,{\"b\":null}],\"c\":2}"), js(" {\"c\":2.0,\"a\":[1,{\"b\":null}]}")));
    assert_false(sl_value_same(js("{\"a\":1}"), js("{\"a\":1,\"b\":null}")));
    assert_false(sl_value_same(sl_v_float(NAN), sl_v_float(NAN)));
    sl_value c = sl_value_copy(A, sl_value_open(A, js("[\"x\",{\"k\":[]}]")));
    assert_true(sl_value_same(c, js("[\"x\",{\"k\":[]}]")));
    assert_true(sl_value_same(sl_v_time(1, 2, 0), sl_v_time(1, 2, 0)));
    assert_false(sl_value_same(sl_v_time(1, 2, 0), sl_v_time(1, 2, 1)));
}
static void to_int(sl_value v, int how, bool ok, int64_t want, const char *text_want) {
    int64_t got = 0;
    sl_str why = SL_S("");
    assert_int_equal(sl_to_int(A, v, (sl_cast)how, &got, &why), ok);
    if (ok)
        assert_int_equal(got, want);
    else
        assert_string_equal(sl_arena_dup(A, why).p, text_want);
}
static void ints(void **st) {
    to_int(sl_v_float(2), SL_CAST_STRICT, true, 2, NULL);
    to_int(sl_v_float(1.5), SL_CAST_STRICT, false, 0, "cannot convert float64(1.5) to int64");
    to_int(sl_v_float(-1.9), SL_CAST_SAMEKIND, true, -1, NULL);
    to_int(text("0x10"), SL_CAST_ALL, true, 16, NULL);
    to_int(text("010"), SL_CAST_ALL, true, 8, NULL);
    to_int(text("-0b101"), SL_CAST_ALL, true, -5, NULL);
    to_int(text("1_000"), SL_CAST_ALL, true, 1000, NULL);
    to_int(text("0"), SL_CAST_ALL, true, 0, NULL);
    to_int(text("-9223372036854775808"), SL_CAST_ALL, true, INT64_MIN, NULL);
    const char *bad[] = {"", " 1", "1 ", "1.0", "1__0", "_1", "1_", "0x", "09", "9223372036854775808", "+", "1e3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        to_int(text(bad[i]), SL_CAST_ALL | SL_CAST_GOINT, false, 0, sl_arena_printf(A, "cannot convert string(%s) to int", bad[i]).p);
    to_int(sl_v_bool(true), SL_CAST_ALL, true, 1, NULL);
    to_int(sl_v_null(), SL_CAST_ALL, true, 0, NULL);
    to_int(sl_v_null(), SL_CAST_SAMEKIND, false, 0, "cannot convert <nil>(<nil>) to int64");
    to_int(js("{\"x\":1}"), SL_CAST_ALL, false, 0, "cannot convert map[string]interface {}(map[x:1]) to int64");
    to_int(sl_v_time(1700006400, 0, 0), SL_CAST_ALL, false, 0, "cannot convert time.Time(2023-11-15 00:00:00 +0000 UTC) to int64");
}
static void floats_and_bools(void **st) {
    static const struct {
        const char *s;
        bool ok;
        double want;
    } f[] = {{"1e3", true, 1000}, {"0x1p-2", true, 0.25}, {".5", true, 0.5},     {"5.", true, 5},       {"-Inf", true, -INFINITY}, {"infinity", true, INFINITY},
             {"0x_1p0", true, 1}, {"1_0.5", true, 10.5},  {"1e1_0", true, 1e10}, {"0x1_0p1", true, 32}, {"_1", false, 0},          {"1_", false, 0},
             {"1__0", false, 0},  {"1_.5", false, 0},     {"1e", false, 0},      {".", false, 0},       {"1.2.3", false, 0},       {"", false, 0},
             {"x", false, 0},     {"1e999", false, 0},    {" 1", false, 0},      {"0x1", false, 0},     {"+-1", false, 0}};
    for (size_t i = 0; i < sizeof f / sizeof *f; i++) {
        double got = 0;
        sl_str why;
        assert_int_equal(sl_to_float(A, text(f[i].s), SL_CAST_ALL, &got, &why), f[i].ok);
        if (f[i].ok)
            assert_true(got == f[i].want);
    }
    double d;
    bool b;
    sl_str why;
    assert_false(sl_to_float(A, sl_v_int(1), SL_CAST_STRICT, &d, &why));
    assert_true(sl_to_float(A, sl_v_int(1), SL_CAST_SAMEKIND, &d, &why));
    assert_true(sl_to_bool(A, text("T"), SL_CAST_ALL, &b, &why) && b);
    assert_false(sl_to_bool(A, text("tRUE"), SL_CAST_ALL, &b, &why));
    assert_string_equal(why.p, "strconv.ParseBool: parsing \"tRUE\": invalid syntax");
    assert_false(sl_to_bool(A, sl_v_int(1), SL_CAST_SAMEKIND, &b, &why));
    assert_string_equal(why.p, "cannot convert int64(1) to bool");
}
static void texts_and_bytes(void **st) {
    sl_str s, why;
    assert_true(sl_to_str(A, sl_v_float(1e21), SL_CAST_ALL, &s, &why));
    assert_true(sl_str_is(s, "1000000000000000000000"));
    assert_true(sl_to_str(A, sl_v_bytes(SL_S("hi")), SL_CAST_SAMEKIND, &s, &why) && sl_str_is(s, "hi"));
    assert_false(sl_to_str(A, sl_v_int(1), SL_CAST_SAMEKIND, &s, &why));
    assert_string_equal(why.p, "cannot convert int64(1) to string");
    assert_true(sl_to_bytes(A, text("aGVsbG8="), SL_CAST_ALL, &s, &why) && sl_str_is(s, "hello"));
    assert_true(sl_to_bytes(A, text("abcd"), SL_CAST_ALL, &s, &why));
    assert_int_equal(s.n, 3);
    assert_true(sl_to_bytes(A, text("aGVsbG8"), SL_CAST_ALL, &s, &why) && sl_str_is(s, "aGVsbG8"));
    assert_true(sl_to_bytes(A, text("=aaa"), SL_CAST_ALL, &s, &why) && sl_str_is(s, "=aaa"));
    assert_false(sl_to_bytes(A, sl_v_float(1.5), SL_CAST_ALL, &s, &why));
    assert_string_equal(why.p, "cannot convert float64(1.5) to bytea");
    sl_value t;
    assert_true(sl_to_time(A, sl_v_int(-1), SL_S(""), 0, &t, &why));
    assert_int_equal(t.i, -1);
    assert_int_equal(t.len, 999000000);
    assert_false(sl_to_time(A, sl_v_null(), SL_S(""), 0, &t, &why));
    assert_string_equal(why.p, "unsupported type to convert to timestamp <nil>");
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(go_print), cmocka_unit_test(open_one_level),   cmocka_unit_test(equality),
        cmocka_unit_test(ints),     cmocka_unit_test(floats_and_bools), cmocka_unit_test(texts_and_bytes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
