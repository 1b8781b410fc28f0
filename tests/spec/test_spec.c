/* Property tables: binding rules, error texts, masking, lint, docs. */
#include "kit.h"
#include "spec/spec.h"

typedef struct tls {
    bool skip;
    sl_str ca;
} tls;
typedef struct conf {
    sl_str server, password, mode, topic, path_in, path_out;
    int64_t qos, wait;
    double rate;
    bool keep;
    sl_strs fields;
    sl_json *headers;
    tls t;
} conf;
static const sl_prop tls_rows[] = {
    {"insecureSkipVerify", SL_P_BOOL, 0, SL_AT(tls, skip), .doc = "Do not verify."}, {"rootCaPath", SL_P_STR, 0, SL_AT(tls, ca), .doc = "File."}, {0}};
static const sl_prop rows[] = {{"server", SL_P_STR, SL_P_REQUIRED, SL_AT(conf, server), .doc = "Address.", .kc = "mqtt.server.uri", .example = "tcp://a|b"},
                               {"password", SL_P_STR, SL_P_SECRET, SL_AT(conf, password), .doc = "Secret word."},
                               {"mode", SL_P_STR, 0, SL_AT(conf, mode), .def = "fast", .choices = "fast|slow", .doc = "Mode."},
                               {"topic", SL_P_STR, SL_P_TEMPLATE, SL_AT(conf, topic), .alias = "subject", .doc = "Topic."},
                               {"path", SL_P_STR, SL_P_SOURCE, SL_AT(conf, path_in), .def = "in", .doc = "Read here."},
                               {"path", SL_P_STR, SL_P_SINK, SL_AT(conf, path_out), .def = "out", .doc = "Write here."},
                               {"qos", SL_P_INT, 0, SL_AT(conf, qos), .def = "1", .min = 0, .max = 2, .doc = "Service."},
                               {"wait", SL_P_DUR, 0, SL_AT(conf, wait), .def = "5s", .doc = "Wait."},
                               {"rate", SL_P_FLOAT, 0, SL_AT(conf, rate), .def = "0.5", .doc = "Rate."},
                               {"keep", SL_P_BOOL, 0, SL_AT(conf, keep), .def = "true", .doc = "Keep."},
                               {"fields", SL_P_STRS, 0, SL_AT(conf, fields), .def = "[\"a\",\"b\"]", .doc = "Fields."},
                               {"headers", SL_P_JSON, SL_P_SECRET, SL_AT(conf, headers), .doc = "Headers."},
                               {"tls", SL_P_GROUP, 0, SL_AT(conf, t), .of = tls_rows},
                               {"parquet", SL_P_REFUSED, 0, 0, .doc = "there is no library for it; use csv"},
                               {"engine", SL_P_REFUSED, 0, 0, .def = "classic", .doc = "only classic"},
                               {0}};

static sl_arena *a;
static conf c;
static int set_up(void **s) { return (a = sl_arena_new(0)) ? 0 : -1; }
static int tear_down(void **s) {
    sl_arena_free(a);
    return 0;
}
static sl_json *tree(const char *t) {
    sl_json *v = NULL;
    sl_err *e = sl_json_parse(a, sl_str_of(t), &v, NULL);
    if (e)
        fail_msg("%s: %s", t, sl_err_text(e));
    return v;
}
static void good(const char *t) {
    memset(&c, 0x5a, sizeof c);
    sl_err *e = sl_spec_load(rows, SL_P_SOURCE, tree(t), a, &c, NULL);
    if (e)
        fail_msg("%s: %s", t, sl_err_text(e));
}
static void bad(const char *t, const char *want) {
    sl_err *e = sl_spec_load(rows, SL_P_SOURCE, tree(t), a, &c, NULL);
    assert_non_null(e);
    assert_string_equal(sl_err_text(e), want);
    assert_int_equal(sl_err_code(e), SL_E_CONF);
    sl_err_free(e);
}
#define IS(f, text) assert_true(sl_str_is(c.f, text))

static void test_bind(void **s) {
    good("{\"server\":\"x\"}");
    IS(server, "x");
    IS(password, "");
    IS(mode, "fast");
    IS(path_in, "in");
    IS(path_out, "");
    assert_int_equal(c.qos, 1);
    assert_int_equal(c.wait, 5000000000);
    assert_true(c.rate == 0.5 && c.keep && !c.t.skip);
    assert_int_equal(c.fields.n, 2);
    assert_null(c.headers);
    good("{\"SERVER\":\"y\",\"QoS\":1.9,\"wait\":1500,\"keep\":false,\"fields\":[],\"headers\":{\"A\":\"1\"},\"INSECURESKIPVERIFY\":true,\"rootCaPath\":\"ca\","
         "\"subject\":\"t/1\",\"rate\":null,\"path\":\"p\",\"mode\":\"slow\",\"password\":null}");
    IS(server, "y");
    IS(topic, "t/1");
    IS(t.ca, "ca");
    IS(path_in, "p");
    assert_int_equal(c.qos, 1); /* toward zero */
    assert_int_equal(c.wait, 1500000000);
    assert_true(c.rate == 0.5 && !c.keep && c.t.skip && c.fields.n == 0);
    assert_true(sl_str_is(sl_json_get(c.headers, "A")->s, "1"));
    good("{\"Server\":\"wrong\",\"server\":\"right\",\"wait\":\"1h15m\",\"parquet\":false,\"engine\":\"classic\"}");
    IS(server, "right");
    assert_int_equal(c.wait, 4500000000000);
    sl_buf u = {0};
    assert_null(sl_spec_load(rows, SL_P_SINK, tree("{\"server\":\"x\",\"path\":\"q\",\"huh\":1,\"Topic\":\"z\",\"why\":2}"), a, &c, &u));
    assert_string_equal(sl_buf_cstr(&u), "huh, why");
    IS(path_out, "q");
    sl_buf_free(&u);
}
static void test_errors(void **s) {
    bad("{}", "1 error(s) decoding:\n\n* server is required");
    bad("{\"server\":\"\"}", "1 error(s) decoding:\n\n* server is required");
    bad("{\"server\":5,\"keep\":\"yes\",\"qos\":\"1\"}",
        "3 error(s) decoding:\n\n* 'keep' expected type 'bool', got unconvertible type 'string', value: 'yes'\n"
        "* 'qos' expected type 'int', got unconvertible type 'string', value: '1'\n"
        "* 'server' expected type 'string', got unconvertible type 'float64', value: '5'");
    bad("{\"server\":\"x\",\"fields\":\"a\"}", "1 error(s) decoding:\n\n* 'fields': source data must be an array or slice, got string");
    bad("{\"server\":\"x\",\"fields\":[\"a\",2]}", "1 error(s) decoding:\n\n* 'fields[1]' expected type 'string', got unconvertible type 'float64', value: '2'");
    bad("{\"server\":\"x\",\"wait\":\"10\"}", "1 error(s) decoding:\n\n* error decoding 'wait': time: missing unit in duration \"10\"");
    bad("{\"server\":\"x\",\"wait\":\"10y\"}", "1 error(s) decoding:\n\n* error decoding 'wait': time: unknown unit \"y\" in duration \"10y\"");
    bad("{\"server\":\"x\",\"wait\":\"abc\"}", "1 error(s) decoding:\n\n* error decoding 'wait': time: invalid duration \"abc\"");
    bad("{\"server\":\"x\",\"qos\":7}", "1 error(s) decoding:\n\n* 'qos' expected a value from 0 to 2, got 7");
    bad("{\"server\":\"x\",\"mode\":\"odd\"}", "1 error(s) decoding:\n\n* 'mode' expected one of fast|slow, got 'odd'");
    bad("{\"server\":\"x\",\"parquet\":true}", "1 error(s) decoding:\n\n* 'parquet' is not supported: there is no library for it; use csv");
    bad("{\"server\":\"x\",\"engine\":\"turbo\"}", "1 error(s) decoding:\n\n* 'engine' is not supported: only classic");
    bad("{\"server\":{\"a\":[1]}}", "1 error(s) decoding:\n\n* 'server' expected type 'string', got unconvertible type 'map[string]interface {}', value: 'map[a:[1]]'");
}
static void test_flat(void **s) {
    sl_err *e = sl_spec_load_flat(rows, SL_P_SOURCE,
                                  tree("{\"mqtt.server.uri\":\"u\",\"qos\":\"2\",\"keep\":\"FALSE\",\"fields\":\"x, y,z\",\"wait\":\"250\","
                                       "\"headers\":\"{\\\"k\\\":1}\",\"rate\":\"1e3\"}"),
                                  a, &c, NULL);
    assert_null(e);
    IS(server, "u");
    assert_int_equal(c.qos, 2);
    assert_false(c.keep);
    assert_int_equal(c.fields.n, 3);
    assert_true(sl_str_is(c.fields.at[1], "y"));
    assert_int_equal(c.wait, 250000000);
    assert_true(c.rate == 1000);
    assert_true(sl_json_get(c.headers, "k")->num == 1);
    e = sl_spec_load_flat(rows, SL_P_SOURCE, tree("{\"qos\":\"two\",\"keep\":\"si\"}"), a, &c, NULL);
    assert_string_equal(sl_err_text(e),
                        "Invalid value si for configuration keep: Expected value to be either true or false\n"
                        "Invalid value two for configuration qos: Not a number of type INT\n"
                        "Missing required configuration \"mqtt.server.uri\" which has no default value.");
    sl_err_free(e);
}
static void shows(const sl_json *v, const char *want) {
    sl_buf b = {0};
    sl_json_write(&b, v, false, 0);
    assert_string_equal(sl_buf_cstr(&b), want);
    sl_buf_free(&b);
}
static void test_mask(void **s) {
    sl_json *old = tree("{\"server\":\"x\",\"Password\":\"p1\",\"headers\":{\"A\":\"s\",\"n\":[\"t\"],\"e\":\"\"}}");
    sl_json *m = sl_spec_mask(a, rows, old);
    shows(m, "{\"server\":\"x\",\"Password\":\"******\",\"headers\":{\"A\":\"******\",\"n\":[\"******\"],\"e\":\"\"}}");
    shows(old, "{\"server\":\"x\",\"Password\":\"p1\",\"headers\":{\"A\":\"s\",\"n\":[\"t\"],\"e\":\"\"}}");
    shows(sl_spec_unmask(a, rows, m, old), "{\"server\":\"x\",\"Password\":\"p1\",\"headers\":{\"A\":\"s\",\"n\":[\"t\"],\"e\":\"\"}}");
    shows(sl_spec_unmask(a, rows, tree("{\"server\":\"******\",\"password\":\"new\",\"headers\":{\"A\":\"******\",\"B\":\"b\"}}"), old),
          "{\"server\":\"******\",\"password\":\"new\",\"headers\":{\"A\":\"s\",\"B\":\"b\"}}");
}
static void lint_says(const sl_prop *t, const char *part) {
    sl_err *e = sl_spec_lint("x", t, sizeof(conf));
    if (!part) {
        if (e)
            fail_msg("%s", sl_err_text(e));
        return;
    }
    assert_non_null(e);
    assert_non_null(strstr(sl_err_text(e), part));
    sl_err_free(e);
}
static void test_lint(void **s) {
    lint_says(rows, NULL);
    lint_says((sl_prop[]){{"a", SL_P_STR, 0, SL_AT(conf, mode), .doc = ""}, {0}}, "doc is missing");
    lint_says((sl_prop[]){{"a", SL_P_INT, 0, SL_AT(conf, qos), .def = "9", .min = 0, .max = 2, .doc = "d"}, {0}}, "default '9'");
    lint_says((sl_prop[]){{"a", SL_P_BOOL, 0, SL_AT(conf, keep), .def = "1", .doc = "d"}, {0}}, "default '1'");
    lint_says((sl_prop[]){{"a", SL_P_STR, 0, SL_AT(conf, mode), .def = "z", .choices = "x|y", .doc = "d"}, {0}}, "default 'z'");
    lint_says((sl_prop[]){{"a", SL_P_STR, 0, sizeof(conf) - 4, .doc = "d"}, {0}}, "outside");
    lint_says((sl_prop[]){{"a", SL_P_STR, 0, SL_AT(conf, mode), .doc = "d"}, {"A", SL_P_INT, 0, SL_AT(conf, qos), .doc = "d"}, {0}}, "same name");
    lint_says((sl_prop[]){{"rootCaPath", SL_P_STR, 0, SL_AT(conf, mode), .doc = "d"}, {"t", SL_P_GROUP, .of = tls_rows}, {0}}, "same name");
    lint_says((sl_prop[]){{"a", SL_P_STR, SL_P_REQUIRED, SL_AT(conf, mode), .def = "x", .doc = "d"}, {0}}, "required");
}
static void test_markdown(void **s) {
    sl_buf b = {0};
    sl_spec_markdown(&b, rows, SL_P_SINK);
    const char *t = sl_buf_cstr(&b);
    assert_non_null(strstr(t, "| `server` | text | required | Address. In Kafka Connect: `mqtt.server.uri`. Example: `tcp://a\\|b`. |\n"));
    assert_non_null(strstr(t, "| `path` | text | `out` | Write here. |\n"));
    assert_null(strstr(t, "Read here"));
    assert_non_null(strstr(t, "| `qos` | integer | `1` | Service. From 0 to 2. |\n"));
    assert_non_null(strstr(t, "| `rootCaPath` |"));
    sl_buf_free(&b);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test_setup_teardown(test_bind, set_up, tear_down), cmocka_unit_test_setup_teardown(test_errors, set_up, tear_down),
                                   cmocka_unit_test_setup_teardown(test_flat, set_up, tear_down), cmocka_unit_test_setup_teardown(test_mask, set_up, tear_down),
                                   cmocka_unit_test_setup_teardown(test_lint, set_up, tear_down), cmocka_unit_test_setup_teardown(test_markdown, set_up, tear_down)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
