/* STRICT_VALIDATION: the texts and conversions of the recorded vectors. */
#include "kit.h"
#include "data/validate.h"

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
static const sl_type big = {.kind = SL_T_BIGINT}, flt = {.kind = SL_T_FLOAT}, str = {.kind = SL_T_STRING}, byt = {.kind = SL_T_BYTEA}, dt = {.kind = SL_T_DATETIME},
                     boo = {.kind = SL_T_BOOLEAN}, bigs = {.kind = SL_T_ARRAY, .elem = &big}, strs = {.kind = SL_T_ARRAY, .elem = &str};
static const sl_field xf[] = {{{"x", 1}, &big}};
static const sl_type rec = {.kind = SL_T_STRUCT, .fields = xf, .nfields = 1}, recs = {.kind = SL_T_ARRAY, .elem = &rec};
static const sl_type deflt = {.kind = SL_T_BIGINT, .has_default = true, .dflt = {.kind = SL_INT, .i = 5}};

static const char *validated(const sl_type *t, sl_value v) {
    sl_validation c = {0};
    sl_value out;
    sl_str why = {0};
    if (!sl_validate_value(&c, A, t, v, &out, &why))
        return sl_arena_dup(A, why).p;
    sl_buf b = {0};
    sl_json_put(&b, out, &why);
    const char *s = sl_arena_cstr(A, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return s;
}
static void values_convert_or_say_why(void **st) {
    (void)st;
    sl_value one = sl_v_int(1), two[] = {sl_v_int(1), sl_v_int(2)}, a = sl_v_str(SL_S("a")), hi = sl_v_bytes(SL_S("hi"));
    sl_member m = {SL_S("x"), sl_v_int(1)}, y[] = {{SL_S("y"), sl_v_int(3)}, {SL_S("x"), sl_v_int(2)}};
    sl_value map = sl_v_map(&m, 1), maps[] = {map}, ys[] = {sl_v_map(y, 2)}, only_y[] = {sl_v_map(y, 1)}, time = sl_v_time(1700006400, 0, SL_ZONE_UTC), null = sl_v_null();
    const struct {
        const sl_type *t;
        sl_value v;
        const char *text;
    } cases[] = {
        {&big, sl_v_float(1.5), "1"},
        {&big, a, "cannot convert string(a) to int64"},
        {&big, null, "cannot convert <nil>(<nil>) to int64"},
        {&big, sl_v_list(two, 2), "cannot convert []interface {}([1 2]) to int64"},
        {&big, map, "cannot convert map[string]interface {}(map[x:1]) to int64"},
        {&big, hi, "cannot convert []uint8([104 105]) to int64"},
        {&big, time, "cannot convert time.Time(2023-11-15 00:00:00 +0000 UTC) to int64"},
        {&flt, one, "1"},
        {&flt, sl_v_bool(true), "cannot convert bool(true) to float64"},
        {&boo, null, "cannot convert <nil>(<nil>) to bool"},
        {&str, one, "cannot convert int64(1) to string"},
        {&byt, one, "cannot convert int64(1) to bytea"},
        {&byt, sl_v_str(SL_S("aGk=")), "\"aGk=\""},
        {&byt, sl_v_str(SL_S("x")), "\"eA==\""},
        {&byt, null, "cannot convert <nil>(<nil>) to bytea"},
        {&dt, sl_v_float(1700006400123.9), "\"2023-11-15T00:00:00.123Z\""},
        {&dt, sl_v_str(SL_S("2023-11-15 10:20")), "\"2023-11-15T10:20:00Z\""},
        {&dt, sl_v_str(SL_S("junk")), "Can't parse string as time: junk"},
        {&dt, sl_v_bool(true), "unsupported type to convert to timestamp true"},
        {&dt, null, "unsupported type to convert to timestamp <nil>"},
        {&dt, hi, "unsupported type to convert to timestamp [104 105]"},
        {&bigs, sl_v_list(two, 2), "[1,2]"},
        {&bigs, null, "null"},
        {&bigs, one, "expect array but got 1"},
        {&bigs, map, "expect array but got map[x:1]"},
        {&bigs, hi, "cannot convert [104 105] to []interface{}"},
        {&bigs, time, "expect array but got 2023-11-15 00:00:00 +0000 UTC"},
        {&bigs, sl_v_list(&a, 1), "array element type mismatch: cannot convert string(a) to int64"},
        {&bigs, sl_v_jsontext(SL_S("[1,null]")), "array element type mismatch: cannot convert <nil>(<nil>) to int64"},
        {&strs, sl_v_list(two, 2), "array element type mismatch: cannot convert int64(1) to string"},
        {&recs, sl_v_list(maps, 1), "[{\"x\":1}]"},
        {&recs, sl_v_list(ys, 1), "[{\"x\":2}]"},
        {&recs, sl_v_list(only_y, 1), "array element type mismatch: field x is not found"},
        {&recs, sl_v_list(two, 2), "array element type mismatch: expect struct but found int64(1)"},
        {&recs, sl_v_list(&a, 1), "array element type mismatch: invalid data type for a, expect map but found string(a)"},
        {&rec, sl_v_str(SL_S("{\"x\":5}")), "{\"x\":5}"},
        {&rec, sl_v_jsontext(SL_S("{\"x\":\"q\"}")), "field x type mismatch: cannot convert string(q) to int64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(validated(cases[i].t, cases[i].v), cases[i].text);
}
static void batches_keep_order_and_frames(void **st) {
    (void)st;
    sl_field fields[] = {{SL_S("a"), &deflt}, {SL_S("n"), &big}};
    sl_validation c = {.fields = fields, .nfields = 2};
    sl_layout *l = sl_layout_new((sl_str[]){SL_S("n")}, 1, 0);
    sl_builder *in = sl_builder_new(l, true), *out = sl_builder_new(l, true);
    sl_jsonrows *d = sl_jsonrows_new(NULL, 0, false, false);
    static const char *const docs[] = {"{\"n\":1,\"q\":\"keep\"}", "{\"a\":null,\"n\":2}", "{\"a\":7}", "[{\"n\":3},{\"n\":4}]", "[{\"n\":5},{\"n\":\"x\"}]", "{\"n\":6.5}"};
    for (int i = 0; i < 6; i++) {
        uint32_t rows;
        sl_str why;
        uint32_t first = sl_builder_rows(in);
        assert_true(sl_jsonrows_read(d, in, sl_str_of(docs[i]), false, &rows, &why));
        if (rows > 1)
            sl_builder_collection(in, first);
        if (i == 3)
            sl_builder_mark(in, SL_MARK_WATERMARK, 9);
    }
    sl_batch *b = sl_builder_done(in, 5);
    assert_int_equal(sl_validate_batch(&c, b, out), 3);
    sl_batch_drop(b);
    sl_batch *v = sl_builder_done(out, 5);
    static const char *const want[] = {
        "{\"a\":5,\"n\":1,\"q\":\"keep\"}",   "!error in preprocessor: field a type mismatch: cannot convert <nil>(<nil>) to int64", "!error in preprocessor: field n is not found",
        "{\"a\":5,\"n\":3}{\"a\":5,\"n\":4}", "!error in preprocessor: field n type mismatch: cannot convert string(x) to int64",    "{\"a\":5,\"n\":6}"};
    assert_int_equal(v->nframes, 6);
    for (uint32_t f = 0; f < 6; f++) {
        sl_buf t = {0};
        if (v->frames[f].kind == SL_FRAME_ERROR)
            sl_buf_putc(&t, '!'), sl_buf_str(&t, v->frames[f].error);
        for (uint32_t r = v->frames[f].first; r < v->frames[f].first + v->frames[f].count; r++)
            sl_json_put(&t, sl_batch_row(v, r, A), NULL);
        assert_string_equal(sl_buf_cstr(&t), want[f]);
        sl_buf_free(&t);
    }
    assert_int_equal(v->nmarks, 1);
    assert_int_equal(v->marks[0].row, 3);
    sl_batch_drop(v);
    sl_builder_free(in);
    sl_builder_free(out);
    sl_jsonrows_free(d);
    sl_layout_drop(l);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_convert_or_say_why, up, down),
        cmocka_unit_test_setup_teardown(batches_keep_order_and_frames, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
