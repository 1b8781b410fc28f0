/* Files of cases: places in the text, any text at all, and what differs. The rest is in tests/e2e/test_rule_test.py. */
#include <unistd.h>
#include "kit.h"
#include "cli/ruletest.h"

static const char text[] = "# ü\nstreams:\n  - CREATE STREAM \"é\" ()\nbase: &b {t: 1.50, n: 1}\ncases:\n  - name: 'a: b'\n    <<: *b\n    input: [{at: 1s, demo: {x: [1, -2.5e3, "
                           "~, true, +7, 0x1F, .inf]}}]\n"
                           "    expect:\n      - {x: 1}\n      # behind\n\n  - name: \"\\u00fc\"\n";

static void places(void **st) {
    sl_arena *a = sl_arena_new(0);
    sl_str t = sl_str_of(text);
    sl_json *j = NULL;
    assert_null(rt_yaml(a, t, "x", &j));
    const sl_json *one = sl_json_at(sl_json_get(j, "cases"), 0), *two = sl_json_at(sl_json_get(j, "cases"), 1);
    assert_int_equal(rt_line(t, sl_json_get(j, "streams")), 3);
    assert_int_equal(rt_line(t, one), 6);
    assert_int_equal(rt_line(t, sl_json_get(one, "expect")), 10);
    assert_int_equal(rt_line(t, two), 13);
    assert_true(sl_json_get(one, "expect")->key.p == strstr(text, "expect"));
    assert_memory_equal(sl_json_get(one, "name")->raw.p, "'a: b'", 6);
    assert_true(sl_str_is(sl_json_get(two, "name")->s, "ü"));
    assert_true(sl_str_is(sl_json_get(one, "t")->s, "1.50")); /* merged, as it was written */
    const sl_json *x = sl_json_get(sl_json_get(sl_json_at(sl_json_get(one, "input"), 0), "demo"), "x");
    sl_buf b = {0};
    sl_json_write(&b, x, false, 0);
    assert_string_equal(sl_buf_cstr(&b), "[1,-2.5e3,null,true,7,\"0x1F\",\".inf\"]");
    sl_buf_free(&b);
    sl_arena_free(a);
}
static void read_bytes(const char *p, size_t n, const char *path) {
    FILE *f = fopen(path, "wb");
    assert_true(f && fwrite(p, 1, n, f) == n);
    fclose(f);
    rt_file file;
    sl_err *e = rt_file_read(path, true, &file);
    if (e)
        assert_true(strncmp(sl_err_text(e), path, strlen(path)) == 0);
    sl_err_free(e);
    rt_file_free(&file);
}
/* Every beginning of a file, and every file with one byte that is another: read, or refused with its place. */
static void any_text(void **st) {
    char path[] = "/tmp/sluice-ruletest.XXXXXX", copy[sizeof text];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i <= strlen(text); i++)
        read_bytes(text, i, path);
    static const char others[] = "\0\xff:-[{&*\"'#\n\t";
    for (size_t i = 0; i < strlen(text); i++) {
        memcpy(copy, text, sizeof text);
        copy[i] = others[i % (sizeof others - 1)];
        read_bytes(copy, strlen(text), path);
    }
    unlink(path);
}
static void compare(void **st) {
    static const struct {
        const char *want, *got, *said; /* of rows without a line's number */
        bool unordered, partial;
    } t[] = {
        {"[1,2,3]", "[1,2,3]", "", false, false},
        {"[1,2,3]", "[1,3]", "-2", false, false},
        {"[1,3]", "[1,2,3]", "+2", false, false},
        {"[1,2,3]", "[1,5,3]", "~2", false, false},
        {"[1,2]", "[2,1]", "-1 +2", false, false},
        {"[1,2]", "[2,1]", "", true, false},
        {"[]", "[1]", "+1", false, false},
        {"[1]", "[]", "-1", true, false},
        {"[{\"a\":1},{\"a\":1,\"b\":2}]", "[{\"a\":1,\"b\":2},{\"a\":1,\"b\":3}]", "", true, true}, /* the first row fits both */
        {"[{\"a\":1}]", "[{\"a\":1,\"b\":2}]", "~1", false, false},
        {"[{\"a\":[{\"b\":1}]}]", "[{\"a\":[{\"b\":1,\"c\":1}]}]", "", false, true},
        {"[1,2,3,4,5,6]", "[2,3,9,5,6,7]", "-1 ~4 +6", false, false},
        {"[0.1,9007199254740993]", "[0.10000000000000001,9007199254740992]", "~2", false, false},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        rt_file f = {.a = sl_arena_new(0)};
        rt_case c = {.file = &f, .unordered = t[i].unordered, .partial = t[i].partial};
        sl_json *w = NULL, *g = NULL;
        assert_null(sl_json_parse(f.a, sl_str_of(t[i].want), &w, NULL));
        assert_null(sl_json_parse(f.a, sl_str_of(t[i].got), &g, NULL));
        for (const sl_json *x = w->child; x; x = x->next)
            assert_true(SL_PUSH(c.expect, ((rt_row){.at_ms = -1, .row = x})));
        for (const sl_json *x = g->child; x; x = x->next)
            assert_true(SL_PUSH(c.got, ((rt_row){.at_ms = 0, .row = x})));
        assert_true(rt_compare(&c));
        sl_buf b = {0};
        for (size_t k = 0; k < c.changes.n; k++)
            sl_buf_printf(&b, "%s%c%zu", k ? " " : "", "-+~"[c.changes.at[k].kind], (c.changes.at[k].kind == RT_EXTRA ? c.changes.at[k].got : c.changes.at[k].want) + 1);
        if (strcmp(sl_buf_cstr(&b), t[i].said) != 0)
            fail_msg("%s against %s: %s, expected %s", t[i].want, t[i].got, sl_buf_cstr(&b), t[i].said);
        sl_buf_free(&b);
        SL_VEC_FREE(c.expect);
        SL_VEC_FREE(c.got);
        SL_VEC_FREE(c.changes);
        sl_arena_free(f.a);
    }
}
static void times(void **st) {
    static const struct {
        int64_t ms;
        const char *text;
    } t[] = {{0, "0s"}, {250, "250ms"}, {10000, "10s"}, {90500, "1m30s500ms"}, {3600000, "1h"}, {28800001, "8h1ms"}, {172800000, "48h"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        sl_buf b = {0};
        rt_put_time(&b, t[i].ms);
        assert_string_equal(sl_buf_cstr(&b), t[i].text);
        sl_buf_free(&b);
    }
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(places), cmocka_unit_test(any_text), cmocka_unit_test(compare), cmocka_unit_test(times)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
