/* Packed values and batches come back as they were; truncated and damaged bytes are refused, never read beyond their end. */
#include "kit.h"
#include <math.h>
#include "data/json.h"
#include "data/pack.h"

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
static bool identical(sl_value x, sl_value y) {
    if (x.kind != y.kind || x.flags != y.flags)
        return false;
    switch (x.kind) {
    case SL_STRING:
    case SL_BYTES:
    case SL_ERROR: return sl_str_eq(sl_v_text(x), sl_v_text(y));
    case SL_JSONTEXT:
    case SL_DECIMAL: return x.aux == y.aux && sl_str_eq(sl_v_text(x), sl_v_text(y));
    case SL_TIME: return x.i == y.i && x.len == y.len && x.aux == y.aux;
    case SL_LIST:
        for (uint32_t i = 0; i < x.len && x.len == y.len; i++)
            if (!identical(x.list[i], y.list[i]))
                return false;
        return x.len == y.len;
    case SL_MAP:
        for (uint32_t i = 0; i < x.len && x.len == y.len; i++)
            if (!sl_str_eq(x.map[i].key, y.map[i].key) || !identical(x.map[i].val, y.map[i].val))
                return false;
        return x.len == y.len;
    case SL_PAIRS:
        for (uint32_t i = 0; i < x.len && x.len == y.len; i++)
            if (!identical(x.pairs[i].key, y.pairs[i].key) || !identical(x.pairs[i].val, y.pairs[i].val))
                return false;
        return x.len == y.len;
    case SL_ABSENT:
    case SL_NULL: return true;
    default: return x.i == y.i;
    }
}
static uint32_t samples(sl_value *v) {
    static sl_value list[3];
    static sl_member map[2];
    static sl_pair pairs[1];
    sl_zone berlin = SL_ZONE_UTC;
    sl_zone_find(SL_S("Europe/Berlin"), &berlin);
    list[0] = sl_v_int(-1), list[1] = sl_v_null(), list[2] = sl_v_str(SL_S("x"));
    map[0] = (sl_member){SL_S("k"), sl_v_list(list, 3)}, map[1] = (sl_member){SL_S(""), sl_v_bool(true)};
    pairs[0] = (sl_pair){sl_v_int(7), sl_v_map(map, 2)};
    uint32_t n = 0;
    v[n++] = sl_v_absent();
    v[n++] = sl_v_null();
    v[n++] = sl_v_bool(false);
    v[n++] = sl_v_int(INT64_MIN);
    v[n++] = sl_v_int(INT64_MAX);
    v[n++] = sl_v_goint(3);
    v[n++] = (sl_value){.kind = SL_INT, .flags = SL_F_WEEKDAY, .i = 6};
    v[n++] = sl_v_uint(UINT64_MAX);
    v[n++] = sl_v_float(-0.0);
    v[n++] = sl_v_float(NAN);
    v[n++] = (sl_value){.kind = SL_FLOAT, .flags = SL_F_SINGLE, .f = 0.5};
    v[n++] = (sl_value){.kind = SL_FLOAT, .flags = SL_F_WHOLE, .i = -9007199254740993};
    v[n++] = (sl_value){.kind = SL_DECIMAL, .aux = (uint16_t)-3, .len = 2, .p = "\x01\x02"};
    v[n++] = sl_v_str(SL_S(""));
    v[n++] = sl_v_bytes((sl_str){"\0\xff", 2});
    v[n++] = sl_v_error(SL_S("oops"));
    v[n++] = sl_v_time(1700006400, 999999999, SL_ZONE_UTC);
    v[n++] = sl_v_time(-5, 1, berlin);
    v[n++] = sl_v_time(5, 1, sl_zone_fixed(3600 * 5 + 1800, SL_S("")));
    v[n++] = sl_v_dur(-1);
    v[n++] = sl_v_list(list, 3);
    v[n++] = sl_v_map(map, 2);
    v[n++] = (sl_value){.kind = SL_PAIRS, .len = 1, .pairs = pairs};
    v[n++] = (sl_value){.kind = SL_LIST, .flags = SL_F_NILLIST};
    v[n++] = (sl_value){.kind = SL_MAP, .flags = SL_F_NILLIST};
    v[n] = sl_v_jsontext(SL_S("{\"a\":[1,2]}"));
    v[n++].aux = 1;
    return n;
}
static void values_come_back(void **st) {
    (void)st;
    sl_value v[40];
    uint32_t n = samples(v);
    sl_buf b = {0};
    for (uint32_t i = 0; i < n; i++)
        sl_pack_value(&b, v[i]);
    sl_str at = sl_buf_view(&b);
    for (uint32_t i = 0; i < n; i++) {
        sl_value got;
        assert_null(sl_unpack_value(A, &at, &got));
        assert_true(identical(v[i], got));
    }
    assert_int_equal(at.n, 0);
    /* every truncation of every value is an error */
    for (uint32_t i = 0; i < n; i++) {
        sl_buf_clear(&b);
        sl_pack_value(&b, v[i]);
        for (size_t cut = 0; cut < b.n; cut++) {
            char *exact = malloc(cut + 1);
            memcpy(exact, b.p, cut);
            at = (sl_str){exact, cut};
            sl_value got;
            sl_err *e = sl_unpack_value(A, &at, &got);
            assert_non_null(e);
            sl_err_free(e);
            free(exact);
        }
    }
    sl_buf_free(&b);
}
static void bad_bytes_are_named(void **st) {
    (void)st;
    static const struct {
        const char *bytes;
        size_t n;
        const char *text;
    } cases[] = {
        {"", 0, "packed data is empty"},
        {"\x02\x01", 2, "packed data has version 2, this program reads 1"},
        {"\x01\x63", 2, "packed data has an unknown kind of value"},
        {"\x01\x0a\x05"
         "abc",
         6, "packed data has a count beyond its end"},
        {"\x01\x0e\xff\xff\xff\xff\x0f", 7, "packed data has a count beyond its end"},
        {"\x01\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 12, "packed data has a number that is too long"},
        {"\x01\x11\x00\x03{a}", 7, "packed data has JSON text that is none"},
        {"\x01\x0c\x00\x00\x07", 5, "packed data has an impossible time"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_value v;
        sl_str at = {cases[i].bytes, cases[i].n};
        sl_err *e = sl_unpack_value(A, &at, &v);
        assert_string_equal(sl_err_text(e), cases[i].text);
        sl_err_free(e);
    }
    char deep[2000] = {1};
    for (int i = 1; i < 1999; i += 2)
        deep[i] = 14, deep[i + 1] = 1;
    sl_value v;
    sl_str at = {deep, sizeof deep};
    sl_err *e = sl_unpack_value(A, &at, &v);
    assert_string_equal(sl_err_text(e), "packed data is nested deeper than 512");
    sl_err_free(e);
}
static sl_batch *sample_batch(bool rich) {
    sl_str names[] = {SL_S("a"), SL_S("b")};
    sl_layout *l = sl_layout_new(names, rich ? 2 : 0, 9);
    sl_builder *w = sl_builder_new(l, true);
    sl_value v[40];
    uint32_t n = samples(v);
    for (uint32_t i = 0; i < n; i++) {
        sl_builder_row(w);
        if (rich) {
            sl_builder_set(w, 0, v[i]);
            sl_builder_set(w, 1, sl_v_int(i));
            sl_member *m = sl_arena_alloc(sl_builder_arena(w), sizeof *m);
            *m = (sl_member){SL_S("topic"), sl_v_int(i)};
            sl_builder_meta(w, sl_v_map(m, 1));
            sl_builder_time(w, 1000 + i);
            if (i % 3 == 0)
                sl_builder_put(w, SL_S("extra"), v[i]);
        }
        sl_builder_end(w);
        if (rich && i == 4)
            sl_builder_collection(w, 1);
        if (rich && i == 6)
            sl_builder_error(w, SL_S("it broke")), sl_builder_mark(w, SL_MARK_CHECKPOINT, 77);
    }
    sl_batch *b = sl_builder_done(w, 4242);
    sl_builder_free(w);
    sl_layout_drop(l);
    return b;
}
static void batches_come_back(void **st) {
    (void)st;
    for (int rich = 0; rich < 2; rich++) {
        sl_batch *b = sample_batch(rich), *c;
        sl_buf buf = {0};
        sl_pack_batch(&buf, b);
        assert_null(sl_unpack_batch(sl_buf_view(&buf), &c));
        assert_int_equal(c->nrows, b->nrows);
        assert_int_equal(c->at, 4242);
        assert_int_equal(c->layout->n, b->layout->n);
        for (uint32_t i = 0; i < b->nrows; i++)
            assert_true(identical(sl_batch_row(b, i, A), sl_batch_row(c, i, A)));
        if (rich) {
            assert_int_equal(c->nframes, b->nframes);
            for (uint32_t i = 0; i < b->nframes; i++) {
                assert_int_equal(c->frames[i].kind, b->frames[i].kind);
                assert_int_equal(c->frames[i].first, b->frames[i].first);
                assert_int_equal(c->frames[i].count, b->frames[i].count);
                assert_true(sl_str_eq(c->frames[i].error, b->frames[i].error));
            }
            for (uint32_t i = 0; i < b->nrows; i++) {
                assert_true(identical(c->meta[i], b->meta[i]));
                assert_int_equal(c->time[i], b->time[i]);
            }
            assert_int_equal(c->nmarks, 1);
            assert_int_equal(c->marks[0].row, 7);
            assert_int_equal(c->marks[0].value, 77);
        }
        sl_batch_drop(c);
        for (size_t cut = 0; cut < buf.n; cut++) {
            char *exact = malloc(cut + 1);
            memcpy(exact, buf.p, cut);
            sl_err *e = sl_unpack_batch((sl_str){exact, cut}, &c);
            assert_non_null(e);
            assert_null(c);
            sl_err_free(e);
            free(exact);
        }
        uint64_t seed = 7;
        int refused = 0;
        for (int i = 0; i < 3000; i++) { /* one byte changed: an error or another batch, never more */
            sl_buf d = {0};
            sl_buf_str(&d, sl_buf_view(&buf));
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            d.p[(seed >> 33) % d.n] ^= (char)(1 + (seed >> 20) % 255);
            sl_err *e = sl_unpack_batch(sl_buf_view(&d), &c);
            refused += e != NULL;
            if (c)
                for (uint32_t r = 0; r < c->nrows; r++)
                    assert_true(sl_batch_row(c, r, A).kind == SL_MAP);
            sl_batch_drop(c);
            sl_err_free(e);
            sl_buf_free(&d);
        }
        assert_true(refused > 300);
        sl_buf_free(&buf);
        sl_batch_drop(b);
    }
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_come_back, up, down),
        cmocka_unit_test_setup_teardown(bad_bytes_are_named, up, down),
        cmocka_unit_test_setup_teardown(batches_come_back, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
