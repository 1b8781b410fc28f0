/* Formats: bytes to rows and rows to bytes, with the texts and oddities of upstream. */
#include "kit.h"
#include "codec/codec.h"

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
static sl_str cat(sl_buf *b) {
    sl_str s = sl_arena_dup(A, sl_buf_view(b));
    sl_buf_free(b);
    return s;
}
/* Decodes each message alone; rows come back as JSON, one blank between, or the error. */
static const char *decoded(sl_decoder *d, const sl_codec_def *c, sl_builder *w, sl_str msg) {
    uint32_t rows;
    sl_str why = {0};
    sl_buf b = {0};
    uint32_t before = sl_builder_rows(w);
    if (!c->decode(d, w, msg, false, &rows, &why)) {
        assert_int_equal(sl_builder_rows(w), before);
        return sl_arena_dup(A, why).p;
    }
    sl_batch *got = sl_builder_done(w, 0);
    assert_int_equal(got->nrows, rows);
    for (uint32_t i = 0; i < rows; i++) {
        if (i)
            sl_buf_putc(&b, ' ');
        assert_true(sl_json_put(&b, sl_batch_row(got, i, A), &why));
    }
    sl_batch_drop(got);
    return cat(&b).p;
}
static sl_value parsed(const char *json) {
    sl_value v;
    assert_null(sl_json_value(A, sl_str_of(json), false, &v));
    return v;
}
static sl_str encoded(sl_encoder *e, const sl_codec_def *c, sl_value v) {
    sl_buf b = {0};
    sl_str why = {0};
    if (!c->encode(e, A, v, &b, &why)) {
        assert_int_equal(b.n, 0);
        sl_buf_str(&b, why);
    }
    return cat(&b);
}
static void formats_are_found(void **st) {
    (void)st;
    assert_ptr_equal(sl_codec_find(SL_S("")), &sl_codec_json);
    assert_ptr_equal(sl_codec_find(SL_S("json")), &sl_codec_json);
    assert_ptr_equal(sl_codec_find(SL_S("delimited")), &sl_codec_delimited);
    assert_ptr_equal(sl_codec_find(SL_S("binary")), &sl_codec_binary);
    assert_ptr_equal(sl_codec_find(SL_S("urlencoded")), &sl_codec_urlencoded);
    assert_null(sl_codec_find(SL_S("xml")));
}
static void json_rows_are_written_sorted(void **st) {
    (void)st;
    sl_str names[] = {SL_S("zeta"), SL_S("a\"b"), SL_S("mid"), SL_S("Upper")};
    sl_layout *l = sl_layout_new(names, 4, 1), *none = sl_layout_new(NULL, 0, 2);
    sl_codec_conf conf = {0};
    sl_encoder *e;
    assert_null(sl_codec_json.enc_new(&conf, &e));
    for (int round = 0; round < 3; round++) {
        sl_builder *w = sl_builder_new(round == 1 ? none : l, true);
        static const char *const docs[] = {"{\"zeta\":1,\"a\\\"b\":[1,{\"q\":2,\"b\":1}],\"mid\":null,\"Upper\":\"x<y\"}", "{}", "{\"tail\":true,\"mid\":2.5}",
                                           "{\"z\":1,\"y\":2,\"aa\":3,\"zeta\":4,\"zz\":5}", "{\"only\":1}"};
        sl_jsonrows *d = sl_jsonrows_new(NULL, 0, false, false);
        uint32_t rows;
        sl_str why;
        for (int i = 0; i < 5; i++)
            assert_true(sl_jsonrows_read(d, w, sl_str_of(docs[i]), false, &rows, &why));
        sl_batch *b = sl_builder_done(w, 0);
        for (uint32_t i = 0; i < 5; i++) {
            sl_buf one = {0}, other = {0};
            sl_buf_puts(&one, "before:");
            assert_true(sl_codec_json.encode_row(e, A, b, i, &one, &why));
            sl_buf_puts(&other, "before:");
            assert_true(sl_codec_json.encode(e, A, parsed(docs[i]), &other, &why));
            assert_string_equal(sl_buf_cstr(&one), sl_buf_cstr(&other));
            sl_buf_free(&one);
            sl_buf_free(&other);
        }
        sl_batch_drop(b);
        sl_builder_row(w);
        sl_builder_put(w, SL_S("mid"), sl_v_float(1.0 / 0.0));
        sl_builder_end(w);
        b = sl_builder_done(w, 0);
        sl_buf one = {0};
        assert_false(sl_codec_json.encode_row(e, A, b, 0, &one, &why));
        assert_int_equal(one.n, 0);
        assert_true(sl_str_is(why, "json: unsupported value: +Inf"));
        sl_buf_free(&one);
        sl_batch_drop(b);
        sl_builder_free(w);
        sl_jsonrows_free(d);
    }
    sl_codec_json.enc_free(e);
    sl_layout_drop(l);
    sl_layout_drop(none);
}
static void delimited_reads(void **st) {
    (void)st;
    sl_str names[] = {SL_S("col1")}, fields[] = {SL_S("a"), SL_S("col1")};
    sl_layout *none = sl_layout_new(NULL, 0, 0), *l = sl_layout_new(names, 1, 1);
    sl_codec_conf conf = {0}, two = {.delimiter = SL_S("||")}, named = {.columns = fields, .ncolumns = 2};
    sl_decoder *d, *d2, *d3;
    assert_null(sl_codec_delimited.dec_new(&conf, &d));
    assert_null(sl_codec_delimited.dec_new(&two, &d2));
    assert_null(sl_codec_delimited.dec_new(&named, &d3));
    sl_builder *w = sl_builder_new(none, true);
    assert_string_equal(decoded(d, &sl_codec_delimited, w, SL_S("a,b\n1, \"2\"")), "{\"col0\":\"a\",\"col1\":\"b\\n1\",\"col2\":\" \\\"2\\\"\"}");
    assert_string_equal(decoded(d, &sl_codec_delimited, w, SL_S("")), "{\"col0\":\"\"}");
    assert_string_equal(decoded(d, &sl_codec_delimited, w, SL_S(",")), "{\"col0\":\"\",\"col1\":\"\"}");
    assert_string_equal(decoded(d2, &sl_codec_delimited, w, SL_S("x||y|z")), "{\"col0\":\"x\",\"col1\":\"y|z\"}");
    assert_string_equal(decoded(d3, &sl_codec_delimited, w, SL_S("x,y,z")), "{\"a\":\"x\",\"col1\":\"y\"}");
    assert_string_equal(decoded(d3, &sl_codec_delimited, w, SL_S("x")), "{\"a\":\"x\"}");
    assert_string_equal(decoded(d, &sl_codec_delimited, w, SL_S("0,1,2,3,4")), "{\"col0\":\"0\",\"col1\":\"1\",\"col2\":\"2\",\"col3\":\"3\",\"col4\":\"4\"}");
    assert_string_equal(decoded(d, &sl_codec_delimited, w, SL_S("a text of more than sixteen bytes, 2,,and the end of it")),
                        "{\"col0\":\"a text of more than sixteen bytes\",\"col1\":\" 2\",\"col2\":\"\",\"col3\":\"and the end of it\"}");
    sl_str again[] = {SL_S("a"), SL_S("b"), SL_S("a")}; /* the last one wins */
    sl_codec_conf twice = {.columns = again, .ncolumns = 3};
    sl_decoder *d4;
    assert_null(sl_codec_delimited.dec_new(&twice, &d4));
    assert_string_equal(decoded(d4, &sl_codec_delimited, w, SL_S("1,2,3,4")), "{\"a\":\"3\",\"b\":\"2\"}");
    sl_codec_delimited.dec_free(d4);
    sl_builder_relayout(w, l, false);
    assert_string_equal(decoded(d, &sl_codec_delimited, w, SL_S("a,b,c")), "{\"col1\":\"b\"}");
    assert_string_equal(decoded(d3, &sl_codec_delimited, w, SL_S("x,y,z")), "{\"col1\":\"y\"}");
    sl_builder_free(w);
    sl_codec_delimited.dec_free(d);
    sl_codec_delimited.dec_free(d2);
    sl_codec_delimited.dec_free(d3);
    sl_layout_drop(l);
    sl_layout_drop(none);
}
static void delimited_writes(void **st) {
    (void)st;
    static const char k1[] = "{\"vin\":\"K1\",\"speed\":88,\"fuel\":0.5,\"ok\":true,\"gone\":null}", k2[] = "{\"vin\":[\"x\",1],\"speed\":{\"a\":1}}";
    sl_str fields[] = {SL_S("vin"), SL_S("nosuch")};
    sl_codec_conf plain = {0}, pipe = {.delimiter = SL_S("|"), .columns = fields, .ncolumns = 2, .has_header = true}, head = {.has_header = true};
    sl_encoder *e, *f, *h;
    assert_null(sl_codec_delimited.enc_new(&plain, &e));
    assert_null(sl_codec_delimited.enc_new(&pipe, &f));
    assert_null(sl_codec_delimited.enc_new(&head, &h));
    assert_string_equal(encoded(e, &sl_codec_delimited, parsed(k1)).p, "0.5,,true,88,K1");
    assert_string_equal(encoded(e, &sl_codec_delimited, parsed(k2)).p, ",,,map[a:1],[x 1]"); /* columns stay those of the first row */
    assert_string_equal(encoded(f, &sl_codec_delimited, parsed(k1)).p, "K1|");
    static const char first[] = ",\0\0\0\x16"
                                "fuel,gone,ok,speed,vin0.5,,true,88,K1";
    sl_str got = encoded(h, &sl_codec_delimited, parsed(k1));
    assert_int_equal(got.n, sizeof first - 1);
    assert_memory_equal(got.p, first, got.n);
    assert_string_equal(encoded(h, &sl_codec_delimited, parsed(k1)).p, "0.5,,true,88,K1");
    assert_string_equal(encoded(h, &sl_codec_delimited, parsed("[{\"b\":1,\"a\":2},{\"a\":3,\"c\":4}]")).p, "a,b\n2,1\n3,");
    assert_string_equal(encoded(e, &sl_codec_delimited, parsed("[{\"b\":1,\"a\":1e22}]")).p, "10000000000000000000000,1");
    /* what was learned of one row holds only for rows like it */
    static const char mixed[] = "[{\"b\":1,\"a\":2},{\"b\":3,\"a\":4},{\"a\":5,\"b\":6},{\"c\":7,\"b\":8},{},{\"b\":9,\"a\":\"t\"}]";
    for (int i = 0; i < 2; i++) {
        assert_string_equal(encoded(h, &sl_codec_delimited, parsed(mixed)).p, "a,b\n2,1\n4,3\n5,6\n,8\n,\nt,9");
        assert_string_equal(encoded(h, &sl_codec_delimited, parsed("[{\"vin\":1,\"nosuch\":2}]")).p, "nosuch,vin\n2,1");
        assert_string_equal(encoded(f, &sl_codec_delimited, parsed("{\"vin\":1,\"nosuch\":2}")).p, "1|2");
        assert_string_equal(encoded(f, &sl_codec_delimited, parsed("[{\"vin\":1,\"nosuch\":2},{\"vin\":3,\"nosuch\":4}]")).p, "nosuch|vin\n2|1\n4|3");
        assert_string_equal(encoded(f, &sl_codec_delimited, parsed("{\"vin\":1,\"nosuch\":2}")).p, "1|2");
        assert_string_equal(encoded(f, &sl_codec_delimited, parsed("{\"nosuch\":2,\"vin\":1}")).p, "1|2");
    }
    sl_codec_delimited.enc_free(e);
    sl_codec_delimited.enc_free(f);
    sl_codec_delimited.enc_free(h);
}
static void urlencoded_both_ways(void **st) {
    (void)st;
    sl_layout *none = sl_layout_new(NULL, 0, 0);
    sl_builder *w = sl_builder_new(none, true);
    sl_codec_conf conf = {0};
    sl_decoder *d;
    sl_encoder *e;
    const sl_codec_def *c = &sl_codec_urlencoded;
    assert_null(c->dec_new(&conf, &d));
    assert_null(c->enc_new(&conf, &e));
    assert_string_equal(decoded(d, c, w, SL_S("a=1&b=x%20y+z")), "{\"a\":\"1\",\"b\":\"x y z\"}");
    assert_string_equal(decoded(d, c, w, SL_S("a=1&b=q&a=2&a")), "{\"a\":[\"1\",\"2\",\"\"],\"b\":\"q\"}");
    assert_string_equal(decoded(d, c, w, SL_S("")), "{}");
    assert_string_equal(decoded(d, c, w, SL_S("%zz")), "fail to parse url encoded value %zz");
    assert_string_equal(decoded(d, c, w, SL_S("a=1;b=2")), "fail to parse url encoded value a=1;b=2");
    assert_string_equal(decoded(d, c, w, SL_S("&a&&b=c=d")), "{\"a\":\"\",\"b\":\"c=d\"}");
    assert_string_equal(encoded(e, c, parsed("{\"vin\":\"K1\",\"speed\":88,\"ok\":true,\"pos\":{\"lat\":48.1,\"lon\":11.5},\"tags\":[\"a\",\"b\"]}")).p,
                        "ok=true&pos=map%5Blat%3A48.1+lon%3A11.5%5D&speed=88&tags=a&tags=b&vin=K1");
    assert_string_equal(encoded(e, c, parsed("[]")).p, "unsupported type [], must be a map");
    sl_builder_free(w);
    c->dec_free(d);
    c->enc_free(e);
    sl_layout_drop(none);
}
static void binary_both_ways(void **st) {
    (void)st;
    sl_layout *none = sl_layout_new(NULL, 0, 0);
    sl_builder *w = sl_builder_new(none, true);
    static const sl_type bytea = {.kind = SL_T_BYTEA};
    sl_field one = {SL_S("raw"), &bytea};
    sl_codec_conf conf = {0}, schema = {.fields = &one, .nfields = 1};
    sl_decoder *d, *d2;
    sl_encoder *e;
    const sl_codec_def *c = &sl_codec_binary;
    assert_null(c->dec_new(&conf, &d));
    assert_null(c->dec_new(&schema, &d2));
    assert_null(c->enc_new(&conf, &e));
    assert_string_equal(decoded(d, c, w, SL_S("plain")), "{\"self\":\"cGxhaW4=\"}");
    assert_string_equal(decoded(d2, c, w, SL_S("hi")), "{\"raw\":\"aGk=\"}");
    sl_member m = {SL_S("self"), sl_v_bytes(SL_S("\x01\x02"))};
    assert_string_equal(encoded(e, c, sl_v_map(&m, 1)).p, "\x01\x02");
    assert_string_equal(encoded(e, c, parsed("{\"self\":\"aGk=\"}")).p, "hi");
    assert_string_equal(encoded(e, c, parsed("{\"a\":1}")).p, "field self not exist");
    assert_string_equal(encoded(e, c, parsed("[1]")).p, "unsupported type [1], must be a map");
    sl_builder_free(w);
    c->dec_free(d);
    c->dec_free(d2);
    c->enc_free(e);
    sl_layout_drop(none);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_found),
        cmocka_unit_test_setup_teardown(json_rows_are_written_sorted, up, down),
        cmocka_unit_test_setup_teardown(delimited_reads, up, down),
        cmocka_unit_test_setup_teardown(delimited_writes, up, down),
        cmocka_unit_test_setup_teardown(urlencoded_both_ways, up, down),
        cmocka_unit_test_setup_teardown(binary_both_ways, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
