/* The control plane's tree, its error words, and the writer's bytes. Expected texts are what Go's encoding/json gives. */
#include "kit.h"
#include <math.h>
#include "data/json.h"

static sl_arena *A;
static int up(void **st) {
    (void)st;
    return (A = sl_arena_new(0)) ? 0 : -1;
}
static int down(void **st) {
    (void)st;
    sl_arena_free(A);
    return 0;
}

static const char *written(const sl_json *v, bool sorted, int indent) {
    sl_buf b = {0};
    sl_json_write(&b, v, sorted, indent);
    char *c = sl_arena_cstr(A, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return c;
}
static void errors_as_go_words_them(void **st) {
    (void)st;
    static const char *const cases[][2] = {
        {"", "unexpected end of JSON input"},
        {"  ", "unexpected end of JSON input"},
        {"{\"a\":1", "unexpected end of JSON input"},
        {"{\"a\"", "unexpected end of JSON input"},
        {"\"abc", "unexpected end of JSON input"},
        {"tru", "unexpected end of JSON input"},
        {"-", "unexpected end of JSON input"},
        {"x", "invalid character 'x' looking for beginning of value"},
        {"'a'", "invalid character '\\'' looking for beginning of value"},
        {"{a:1}", "invalid character 'a' looking for beginning of object key string"},
        {"{\"a\" 1}", "invalid character '1' after object key"},
        {"{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"},
        {"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"},
        {"[1 2]", "invalid character '2' after array element"},
        {"[1,]", "invalid character ']' looking for beginning of value"},
        {"1 2", "invalid character '2' after top-level value"},
        {"01", "invalid character '1' after top-level value"},
        {"-a", "invalid character 'a' in numeric literal"},
        {"1.x", "invalid character 'x' after decimal point in numeric literal"},
        {"1ex", "invalid character 'x' in exponent of numeric literal"},
        {"nul1", "invalid character '1' in literal null (expecting 'l')"},
        {"\"a\nb\"", "invalid character '\\n' in string literal"},
        {"\"\\q\"", "invalid character 'q' in string escape code"},
        {"\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"},
        {"\x01", "invalid character '\\x01' looking for beginning of value"},
        {"\xc3\xa9", "invalid character '\xc3\x83' looking for beginning of value"},
        {"\xef\xbb\xbf{}", "invalid character '\xc3\xaf' looking for beginning of value"},
        {"[1,1e999]", "json: cannot unmarshal number 1e999 into Go value of type float64"},
        {"{\"a\":-1e400}", "json: cannot unmarshal number -1e400 into Go value of type float64"},
        {"[1e999,]", "invalid character ']' looking for beginning of value"},
        {"\"\\u12\"", "invalid character '\"' in \\u hexadecimal character escape"},
        {"\"\\", "unexpected end of JSON input"},
        {"1.", "unexpected end of JSON input"},
        {"1e", "unexpected end of JSON input"},
        {"{} {}", "invalid character '{' after top-level value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_json *v;
        sl_err *e = sl_json_parse(A, sl_str_of(cases[i][0]), &v, NULL);
        assert_string_equal(sl_err_text(e), cases[i][1]);
        assert_null(v);
        sl_err_free(e);
    }
    sl_json *v;
    sl_str rest;
    sl_err *e = sl_json_parse(A, SL_S(" "), &v, &rest);
    assert_string_equal(sl_err_text(e), "EOF");
    sl_err_free(e);
    e = sl_json_parse(A, SL_S("{"), &v, &rest);
    assert_string_equal(sl_err_text(e), "unexpected EOF");
    sl_err_free(e);
    assert_null(sl_json_parse(A, SL_S("{} []"), &v, &rest));
    assert_true(sl_str_is(rest, " []"));
    char *deep = malloc(2000);
    memset(deep, '[', 1000);
    memset(deep + 1000, ']', 1000);
    e = sl_json_parse(A, sl_str_n(deep, 2000), &v, NULL);
    assert_string_equal(sl_err_text(e), "exceeded max depth");
    sl_err_free(e);
    free(deep);
}
static void tree_reads_and_writes(void **st) {
    (void)st;
    sl_json *v;
    sl_str text = SL_S("{\"b\": [1, 2.50, \"x\\u00e9\\ud83d\\ude97\\ud800\", null], \"A\":true, \"a\":{\"k\":1e3},\"b2\":\"<&>\",\"a\":{}}");
    assert_null(sl_json_parse(A, text, &v, NULL));
    assert_int_equal(v->n, 5);
    sl_json *b = sl_json_get(v, "b");
    assert_int_equal(b->n, 4);
    assert_true(sl_str_is(sl_json_at(b, 1)->s, "2.50"));
    assert_true(sl_json_at(b, 1)->num == 2.5);
    assert_true(sl_str_is(sl_json_at(b, 2)->s, "x\xc3\xa9\xf0\x9f\x9a\x97\xef\xbf\xbd"));
    assert_true(sl_str_is(b->raw, "[1, 2.50, \"x\\u00e9\\ud83d\\ude97\\ud800\", null]"));
    assert_true(sl_json_true(sl_json_get(v, "A"), false));
    assert_int_equal(sl_json_get(v, "a")->n, 0); /* last of equal names */
    assert_true(sl_json_iget(v, "B2") == sl_json_get(v, "b2"));
    assert_null(sl_json_get(v, "B2"));
    int64_t i;
    assert_true(sl_json_i64(sl_json_at(b, 0), &i) && i == 1);
    assert_false(sl_json_i64(sl_json_at(b, 1), &i));
    assert_string_equal(written(v, false, 0),
                        "{\"b\":[1,2.50,\"x\xc3\xa9\xf0\x9f\x9a\x97\xef\xbf\xbd\",null],\"A\":true,\"a\":{\"k\":1e3},\"b2\":\"\\u003c\\u0026\\u003e\",\"a\":{}}");
    sl_json *o = sl_json_obj(A);
    sl_json_set(A, o, "z", sl_json_int(A, -5));
    sl_json_set(A, o, "a", sl_json_dbl(A, 1e21));
    sl_json *l = sl_json_arr(A);
    sl_json_add(l, sl_json_bool(A, false));
    sl_json_add(l, sl_json_str(A, SL_S("q\"\n\x01")));
    sl_json_set(A, o, "l", l);
    sl_json_set(A, o, "z", sl_json_null(A));
    sl_json_set(A, o, "gone", sl_json_null(A));
    sl_json_del(o, "gone");
    sl_json_set(A, o, "e", sl_json_arr(A));
    assert_string_equal(written(o, false, 0), "{\"z\":null,\"a\":1e+21,\"l\":[false,\"q\\\"\\n\\u0001\"],\"e\":[]}");
    sl_json *c = sl_json_clone(A, o);
    sl_json_set(A, o, "z", sl_json_int(A, 1));
    assert_string_equal(written(c, true, 2), "{\n  \"a\": 1e+21,\n  \"e\": [],\n  \"l\": [\n    false,\n    \"q\\\"\\n\\u0001\"\n  ],\n  \"z\": null\n}");
}
static void odd_texts_are_read_as_go_does(void **st) {
    (void)st;
    static const char *const cases[][2] = {
        /* text, and what it is when written */
        {"\"\xff\"", "\"\xef\xbf\xbd\""},
        {"\"a\xe4\xb8z\"", "\"a\xef\xbf\xbd\xef\xbf\xbdz\""}, /* each byte of a broken character */
        {"\"\xc0\x80\xed\xa0\x80\"", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"{\"k\xff\":\"\\u00e9\xff\\n\"}", "{\"k\xef\xbf\xbd\":\"\xc3\xa9\xef\xbf\xbd\\n\"}"},
        {"\"\\ud83d\\u0041\\udc00\"",
         "\"\xef\xbf\xbd"
         "A\xef\xbf\xbd\""},
        {"\"\\ud83d\\ude97\\u0000\"", "\"\xf0\x9f\x9a\x97\\u0000\""},
        {"[18446744073709551616, -9223372036854775809, 1e308, 0.1e-400, 123456789012345678901234567890]",
         "[18446744073709551616,-9223372036854775809,1e308,0.1e-400,123456789012345678901234567890]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_json *v;
        assert_null(sl_json_parse(A, sl_str_of(cases[i][0]), &v, NULL));
        assert_string_equal(written(v, false, 0), cases[i][1]);
    }
    sl_json *v;
    sl_value x;
    int64_t n;
    assert_null(sl_json_parse(A, SL_S("[9223372036854775807,9223372036854775808,-9223372036854775808,1e3,1e300]"), &v, NULL));
    assert_true(sl_json_i64(sl_json_at(v, 0), &n) && n == INT64_MAX);
    assert_false(sl_json_i64(sl_json_at(v, 1), &n));
    assert_true(sl_json_i64(sl_json_at(v, 2), &n) && n == INT64_MIN);
    assert_true(sl_json_i64(sl_json_at(v, 3), &n) && n == 1000);
    assert_false(sl_json_i64(sl_json_at(v, 4), &n));
    x = sl_json_to_value(A, v, true);
    assert_true(x.list[0].kind == SL_INT && x.list[0].i == INT64_MAX && x.list[1].kind == SL_FLOAT && x.list[1].f == 9223372036854775808.0);
    assert_null(sl_json_value(A, SL_S("{\"a\":1,\"b\":{\"x\":1},\"a\":[2],\"b\":{\"y\":2}}"), false, &x)); /* the last of equal names */
    assert_int_equal(x.len, 2);
    assert_true(x.map[0].val.kind == SL_LIST && x.map[1].val.len == 1 && sl_str_is(x.map[1].val.map[0].key, "y"));
    for (int depth = 512; depth <= 513; depth++) {
        char text[1100];
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        sl_err *e = sl_json_parse(A, sl_str_n(text, 2 * (size_t)depth), &v, NULL);
        assert_int_equal(e == NULL, depth <= 512);
        sl_err_free(e);
    }
}
static const char *put(sl_value v) {
    sl_buf b = {0};
    sl_str why = {0};
    const char *out;
    if (sl_json_put(&b, v, &why))
        out = sl_arena_cstr(A, sl_buf_cstr(&b));
    else {
        assert_int_equal(b.n, 0);
        out = sl_arena_dup(A, why).p;
    }
    sl_buf_free(&b);
    return out;
}
static void values_are_written_as_go_does(void **st) {
    (void)st;
    assert_string_equal(put(sl_v_null()), "null");
    assert_string_equal(put(sl_v_float(3)), "3");
    assert_string_equal(put(sl_v_float(0.1)), "0.1");
    assert_string_equal(put(sl_v_float(1e-7)), "1e-7");
    assert_string_equal(put(sl_v_float(1e21)), "1e+21");
    assert_string_equal(put(sl_v_float(-0.0)), "-0");
    assert_string_equal(put((sl_value){.kind = SL_FLOAT, .flags = SL_F_SINGLE, .f = (double)0.1f}), "0.1");
    assert_string_equal(put((sl_value){.kind = SL_FLOAT, .flags = SL_F_WHOLE, .i = 9007199254740993}), "9007199254740993");
    assert_string_equal(put(sl_v_float(NAN)), "json: unsupported value: NaN");
    assert_string_equal(put(sl_v_float(-INFINITY)), "json: unsupported value: -Inf");
    assert_string_equal(put(sl_v_uint(UINT64_MAX)), "18446744073709551615");
    assert_string_equal(put(sl_v_bytes(SL_S("hi"))), "\"aGk=\"");
    assert_string_equal(put(sl_v_bytes(SL_S("hi!"))), "\"aGkh\"");
    assert_string_equal(put(sl_v_bytes(SL_S("h"))), "\"aA==\"");
    assert_string_equal(put(sl_v_time(1700006400, 123000000, SL_ZONE_UTC)), "\"2023-11-15T00:00:00.123Z\"");
    assert_string_equal(put(sl_v_dur(1500)), "1500");
    assert_string_equal(put(sl_v_str(SL_S("a<b>&\xe2\x80\xa8\xff\t\x7f 0123456789abcdef\"xyz"))), "\"a\\u003cb\\u003e\\u0026\\u2028\\ufffd\\t\x7f 0123456789abcdef\\\"xyz\"");
    assert_string_equal(put((sl_value){.kind = SL_LIST, .flags = SL_F_NILLIST}), "null");
    assert_string_equal(put((sl_value){.kind = SL_LIST}), "[]");
    static const struct {
        const char *bytes;
        uint32_t n;
        int scale;
        const char *text;
    } dec[] = {{"\x00", 1, 0, "0"},     {"\x30\x39", 2, 2, "123.45"}, {"\xcf\xc7", 2, 2, "-123.45"},
               {"\x05", 1, 3, "0.005"}, {"\x05", 1, -2, "500"},       {"\x00\xff\xff\xff\xff\xff\xff\xff\xff", 9, 0, "18446744073709551615"},
               {"\x80", 1, 0, "-128"}};
    for (size_t i = 0; i < sizeof dec / sizeof *dec; i++)
        assert_string_equal(put((sl_value){.kind = SL_DECIMAL, .aux = (uint16_t)dec[i].scale, .len = dec[i].n, .p = dec[i].bytes}), dec[i].text);
    sl_value list[] = {sl_v_int(1), sl_v_str(SL_S("x"))};
    sl_member m[] = {{SL_S("b"), sl_v_list(list, 2)}, {SL_S("a"), sl_v_bool(true)}, {SL_S("B"), sl_v_map(NULL, 0)}};
    assert_string_equal(put(sl_v_map(m, 3)), "{\"B\":{},\"a\":true,\"b\":[1,\"x\"]}");
    static sl_member many[100];
    static char keys[100][16];
    sl_buf want = {0};
    for (int i = 0; i < 100; i++) {
        int n = sprintf(keys[i], "k%02d", (i * 37) % 100);
        many[i] = (sl_member){sl_str_n(keys[i], (size_t)n), sl_v_int((i * 37) % 100)};
    }
    for (int i = 0; i < 100; i++)
        sl_buf_printf(&want, "%s\"k%02d\":%d", i ? "," : "{", i, i);
    sl_buf_putc(&want, '}');
    assert_string_equal(put(sl_v_map(many, 100)), sl_buf_cstr(&want));
    sl_buf_free(&want);
}
static void unparsed_text_is_written_as_go_would(void **st) {
    (void)st;
    static const char *const cases[][2] = {
        {"{\"a\":1,\"b\":[true,null,\"x\"]}", "{\"a\":1,\"b\":[true,null,\"x\"]}"},
        {"{\"b\":1, \"a\":1.50}", "{\"a\":1.5,\"b\":1}"},
        {"{\"a\":1e2,\"a\":-0.0}", "{\"a\":-0}"},
        {"[0.0000001,123456789012345678901]", "[1e-7,123456789012345680000]"},
        {"[9007199254740993,0.000001]", "[9007199254740993,0.000001]"},
        {"{\"k\":\"<\\u003e\\/\"}", "{\"k\":\"\\u003c\\u003e/\"}"},
        {"[\"\xe4\xb8\xad\",\"\xe2\x80\xa8\"]", "[\"\xe4\xb8\xad\",\"\\u2028\"]"},
        {"{}", "{}"},
        {"[ ]", "[]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(put(sl_v_jsontext(sl_str_of(cases[i][0]))), cases[i][1]);
}
static void values_are_parsed(void **st) {
    (void)st;
    sl_value v;
    assert_null(sl_json_value(A, SL_S("{\"a\":[1,2.5,9007199254740993],\"b\":{\"c\":1},\"a\":7}"), true, &v));
    assert_int_equal(v.len, 2);
    assert_int_equal(v.map[0].val.kind, SL_INT);
    assert_int_equal(v.map[0].val.i, 7);
    assert_null(sl_json_value(A, SL_S("[1,9007199254740993,1e400,-0,12345678901234567890]"), false, &v));
    assert_int_equal(v.list[0].kind, SL_FLOAT);
    assert_true(v.list[0].f == 1);
    assert_int_equal(v.list[1].flags, SL_F_WHOLE);
    assert_true(sl_f64(v.list[1]) == 9007199254740992.0);
    assert_true(isinf(v.list[2].f));
    assert_true(v.list[3].f == 0 && signbit(v.list[3].f));
    assert_true(v.list[4].f == 12345678901234567890.0);
}
static void go_quotes(void **st) {
    (void)st;
    sl_buf b = {0};
    sl_go_quote(&b, SL_S("a\"\\\a\v\n\x01\xff\xc3\xa9\xc2\xa0\xe2\x80\x8b\x7f"));
    assert_string_equal(sl_buf_cstr(&b), "\"a\\\"\\\\\\a\\v\\n\\x01\\xff\xc3\xa9\\u00a0\\u200b\\x7f\"");
    sl_buf_free(&b);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(errors_as_go_words_them, up, down),
        cmocka_unit_test_setup_teardown(tree_reads_and_writes, up, down),
        cmocka_unit_test_setup_teardown(odd_texts_are_read_as_go_does, up, down),
        cmocka_unit_test_setup_teardown(values_are_written_as_go_does, up, down),
        cmocka_unit_test_setup_teardown(unparsed_text_is_written_as_go_would, up, down),
        cmocka_unit_test_setup_teardown(values_are_parsed, up, down),
        cmocka_unit_test(go_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
