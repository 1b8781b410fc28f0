/* JSON paths beyond the vectors: selectors, the expression language around them, errors, limits. */
#include "kit.h"
#include "data/json.h"
#include "sql/func.h"

static sl_arena *A;
static int setup(void **st) {
    A = sl_arena_new(0);
    return A == NULL;
}
static int teardown(void **st) {
    sl_arena_free(A);
    return 0;
}
static const char store[] = "{\"book\":[{\"t\":\"a\",\"p\":8.5,\"n\":1},{\"t\":\"b\",\"p\":12,\"isbn\":\"x1\"},{\"t\":\"c\",\"p\":9,\"isbn\":\"y2\"}],"
                            "\"bike\":{\"p\":20,\"color\":\"red\"},\"n\":2,\"e\":[],\"s\":\"7\",\"odd key\":1,\"0\":\"zero\"}";
/* The result as JSON, or "error: …". */
static const char *ask(const char *data, const char *path) {
    sl_value args[2] = {sl_v_jsontext(sl_str_of(data)), sl_v_str(sl_str_of(path))};
    void *state = NULL;
    sl_call c = {.arena = A, .state = &state};
    const sl_func *f = sl_func_find(SL_S("json_path_query"));
    sl_buf b = {0};
    sl_str why;
    for (int again = 0; again < 2; again++) { /* the second time with the path kept */
        sl_value v = sl_func_call(&c, f, args, 2);
        sl_buf_clear(&b);
        if (v.kind == SL_ERROR)
            sl_buf_printf(&b, "error: %.*s", SL_FMT(sl_v_text(v)));
        else
            assert_true(sl_json_put(&b, v, &why));
    }
    f->state_free(state);
    const char *text = sl_arena_cstr(A, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return text;
}
static void selectors(void **st) {
    static const char *const rows[][2] = {
        {"$", NULL},
        {"$.book[0].t", "\"a\""},
        {"book[1].p", "12"},
        {"$['odd key']", "1"},
        {"$[\"0\"]", "\"zero\""},
        {"$.bike[\"col\" + \"or\"]", "\"red\""},
        {"$.book[$.n].t", "\"c\""},
        {"$.book[(1 + 1)].t", "\"c\""},
        {"$..t", "[\"a\",\"b\",\"c\"]"},
        {"$..p", "[8.5,12,9,20]"},
        {"$.book[*].isbn", "[\"x1\",\"y2\"]"},
        {"$.bike.*", "[20,\"red\"]"},
        {"$.book[0,2].t", "[\"a\",\"c\"]"},
        {"$.bike['color','nope','p']", "[\"red\",20]"},
        {"$.book[-2:].t", "[\"b\",\"c\"]"},
        {"$.book[:-1].t", "[\"a\",\"b\"]"},
        {"$.book[::2].t", "[\"a\",\"c\"]"},
        {"$.book[2:0:-1].t", "[\"c\",\"b\"]"},
        {"$.book[0:9:0].t", "[]"},
        {"$.book[-9:9:100].t", "[\"a\"]"},
        {"$.book[::-9223372036854775807].t", "[\"c\"]"},
        {"$.e[*]", "[]"},
        {"$.nope[*]", "[]"},
        {"$.n[*]", "[]"},
        {"$..[?(@.p > 10)].p", "[20,12]"},
        {"$.book[?@.isbn =~ '^x'].t", "[\"b\"]"},
        {"$.book[?@.isbn !~ '^x'].t", "[\"c\"]"},
        {"$.book[?@.t in ['a', \"c\"]].t", "[\"a\",\"c\"]"},
        {"$.book[?(@.p < 10 && !(@.t == 'a'))].t", "[\"c\"]"},
        {"$.book[?(@.p * 2 - 1 == 17)].t", "[\"c\"]"},
        {"$.book[?(@.p > $.n ** 3)].t", "[\"a\",\"b\",\"c\"]"},
        {"$.book[?@.n].t", "[\"a\"]"},
        {"$.book[?@.t].t", "[]"},
    };
    for (size_t i = 1; i < sizeof rows / sizeof *rows; i++) {
        const char *got = ask(store, rows[i][0]);
        if (strcmp(got, rows[i][1]))
            print_message("%s\n", rows[i][0]);
        assert_string_equal(got, rows[i][1]);
    }
    assert_string_equal(ask("[1]", "$"), "[1]");
    assert_string_equal(ask("{\"a\":1,\"a\":2}", "$..a"), "[2]");
}
static void expressions(void **st) {
    static const char *const rows[][2] = {
        {"$.n + 1", "3"},
        {"2 + 3 * 4 ** 2 % 7", "8"},
        {"(2 + 3) * 4", "20"},
        {"10 - 2 - 3", "5"},
        {"-$.n", "-2"},
        {"$.s * 2", "14"},
        {"$.bike.color + $.n", "\"red2\""},
        {"$.n == 2 ? 'two' : 'other'", "\"two\""},
        {"$.n > 5 ? 'big' : $.n > 1 ? 'mid' : 'small'", "\"mid\""},
        {"$.n > 5 ? 'big'", "null"},
        {"null ?? 'x'", "\"x\""},
        {"$.n ?? 'x'", "2"},
        {"1 < 2 && 'b' > 'a' || false", "true"},
        {"5 & 3 | 8", "9"},
        {"1 << 4 >> 2", "4"},
        {"6 ^ 3", "5"},
        {"!true", "false"},
        {"{'a': $.n, \"b\": $..t}", "{\"a\":2,\"b\":[\"a\",\"b\",\"c\"]}"},
        {"[1, 'x', [2]]", "[1,\"x\",[2]]"},
        {"'caf\\u00e9\\n'", "\"caf\xC3\xA9\\n\""},
        {"2 != 2.0", "false"},
        {"'2' == 2", "false"},
        {"infinite", NULL},
    };
    for (size_t i = 0; rows[i][1]; i++) {
        const char *got = ask(store, rows[i][0]);
        if (strcmp(got, rows[i][1]))
            print_message("%s\n", rows[i][0]);
        assert_string_equal(got, rows[i][1]);
    }
}
static void errors(void **st) {
    static const char *const rows[][2] = {
        {"$.nope", "error: unknown key nope"},
        {"nope.x", "error: unknown parameter nope.x"},
        {"$.book[3]", "error: index 3 out of bounds"},
        {"$.book[-1]", "error: index -1 out of bounds"},
        {"$.book.t", "error: could not select value, invalid key: expected number but got t (string)"},
        {"$.n.x", "error: unsupported value type float64 for select, expected map[string]interface{} or []interface{}"},
        {"$.bike + 1 < 3", "error: invalid operation (string) compare (float64)"},
        {"$.bike - 1", "error: invalid operation (map[string]interface {}) and (float64): expected numbers"},
        {"$.[", "error: parsing error: $.[\t:1:3 unexpected \"[\" expected Ident, \".\" or \"*\""},
        {"$.a b", "error: parsing error: $.a b\t:1:5 unexpected \"b\" expected the end"},
        {"$[1", "error: parsing error: $[1\t:1:4 unexpected EOF expected \"]\""},
        {"", "error: parsing error: \t:1:1 unexpected EOF expected an expression"},
        {"'x", "error: parsing error: 'x\t:1:3 unexpected EOF expected a closing quote"},
        {"1 +", "error: parsing error: 1 +\t:1:4 unexpected EOF expected an expression"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(ask(store, rows[i][0]), rows[i][1]);
    assert_non_null(strstr(ask(store, "$.book[?(@.t =~ '(')]"), "missing closing )"));
    /* nesting and work are bounded */
    sl_buf b = {0}, d = {0};
    for (int i = 0; i < 5000; i++)
        sl_buf_putc(&b, i % 2 ? '(' : '-');
    assert_non_null(strstr(ask(store, sl_buf_cstr(&b)), "less nesting"));
    for (int i = 0; i < 400; i++)
        sl_buf_puts(&d, "{\"k\":");
    sl_buf_puts(&d, "1");
    for (int i = 0; i < 400; i++)
        sl_buf_putc(&d, '}');
    assert_string_equal(ask(sl_buf_cstr(&d), "$..[?@..[?@..[?@..nope]]]"), "error: the path takes more than 1000000 steps");
    /* whatever is cut off or put in, the reader ends */
    const char *whole = "$.book[?(@.p > 1 && @.t =~ \"^[ab]\")]['t',\"p\"][1:2:-1] ?? {\"a\": -$..x ** 2}";
    size_t len = strlen(whole);
    for (size_t i = 0; i <= len; i++) {
        sl_buf_clear(&b);
        sl_buf_put(&b, whole, i);
        ask(store, sl_buf_cstr(&b));
        for (const char *c = "$@.[]*?(){},:'\"\\-!~=&|1a"; *c; c++) {
            sl_buf_clear(&b);
            sl_buf_put(&b, whole, i);
            sl_buf_putc(&b, *c);
            sl_buf_put(&b, whole + i, len - i);
            ask(store, sl_buf_cstr(&b));
        }
    }
    sl_buf_free(&b);
    sl_buf_free(&d);
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(selectors), cmocka_unit_test(expressions), cmocka_unit_test(errors)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
