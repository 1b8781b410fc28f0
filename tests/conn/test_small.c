/* The small connectors: registry, nop, log, simulator. Every property table passes the lint. */
#include "kit.h"
#include "base/log.h"

static void test_registry(void **s) {
    const sl_conn_def *d;
    size_t n = 0;
    for (; (d = sl_conn_at(n)); n++) {
        assert_ptr_equal(sl_conn_find(sl_str_of(d->name)), d);
        assert_true(d->source || d->sink || d->lookup);
        assert_non_null(d->doc);
        kit_ok(sl_spec_lint(d->name, d->props, d->conf_size));
    }
    assert_true(n >= 3);
    assert_null(sl_conn_find(SL_S("NOP"))); /* names are case sensitive */
    assert_null(sl_conn_find(SL_S("")));
}
static void put3(kit_t *k) {
    sl_message m[3] = {{.bytes = SL_S("{\"a\":1}"), .seq = 5}, {.bytes = SL_S("two"), .seq = 6}, {.bytes = SL_S("boom"), .is_error = true, .seq = 7}};
    assert_int_equal(k->def->sink->put(k->sink, m, 3), 3);
    assert_string_equal(sl_buf_cstr(&k->answers), "5-7 delivered\n");
}
static void log_of(kit_t *k, const sl_conn_def *def, const char *conf, char *text, size_t cap) {
    FILE *f = tmpfile();
    sl_log_to(fileno(f), 0);
    sl_buf_clear(&k->answers);
    kit_sink(k, def, conf);
    assert_int_not_equal(k->state, SL_CONN_DISCONNECTED); /* no peer, so no connection to report (as upstream) */
    put3(k);
    assert_int_equal(k->def->sink->put(k->sink, NULL, 0), 0);
    kit_close_sink(k);
    sl_log_to(-1, 1);
    rewind(f);
    size_t n = fread(text, 1, cap - 1, f);
    text[n] = 0;
    fclose(f);
}
static void test_log_nop(void **s) {
    kit_t k;
    char text[4096];
    kit_begin(&k);
    log_of(&k, &sl_conn_nop, "{}", text, sizeof text);
    assert_string_equal(text, "");
    log_of(&k, &sl_conn_nop, "{\"log\":true}", text, sizeof text);
    assert_non_null(strstr(text, "level=info msg=\"sink result for rule rule1: {\\\"a\\\":1}\""));
    log_of(&k, &sl_conn_log, "{\"sendSingle\":true}", text, sizeof text);
    assert_non_null(strstr(text, "sink result for rule rule1: two"));
    assert_non_null(strstr(text, "sink result for rule rule1: boom"));
    kit_says(kit_sink_try(&k, &sl_conn_nop, "{\"log\":\"yes\"}"), "1 error(s) decoding:\n\n* 'log' expected type 'bool', got unconvertible type 'string', value: 'yes'");
    kit_end(&k);
}

static void test_simulator(void **s) {
    kit_t k;
    sl_clock_hold(10000);
    kit_begin(&k);
    kit_source(&k, &sl_conn_simulator, "{\"data\":[{\"a\":1,\"b\":\"x\"},{\"a\":2},{\"c\":[1,{\"d\":null}]}],\"interval\":100}", "");
    KIT_UNTIL(&k, k.messages == 1);
    KIT_GOT(&k, "{\"a\":1,\"b\":\"x\"}\n");
    sl_clock_move(k.loop, 10099);
    assert_int_equal(k.messages, 1);
    sl_clock_move(k.loop, 10250);
    KIT_GOT(&k, "{\"a\":1,\"b\":\"x\"}\n{\"a\":2}\n{\"c\":[1,{\"d\":null}]}\n");
    assert_int_equal(k.eofs, 0);
    sl_clock_move(k.loop, 20000);
    assert_int_equal(k.eofs, 1);
    assert_int_equal(k.messages, 3);
    kit_close_source(&k);
    /* loop, projection, pause and resume; restart begins at the first row */
    sl_buf_clear(&k.got);
    kit_layout(&k, "a");
    k.messages = 0;
    k.stop_after = 4;
    kit_source(&k, &sl_conn_simulator, "{\"data\":[{\"a\":1,\"b\":\"x\"},{\"a\":2}],\"interval\":\"1s\",\"loop\":true}", "");
    KIT_UNTIL(&k, k.messages == 1);
    sl_clock_move(k.loop, 40000);
    KIT_GOT(&k, "{\"a\":1}\n{\"a\":2}\n{\"a\":1}\n{\"a\":2}\n");
    k.stop_after = 6;
    k.def->source->resume(k.src);
    KIT_UNTIL(&k, k.messages == 5); /* the pull that was due meanwhile */
    sl_clock_move(k.loop, 60000);
    assert_int_equal(k.messages, 6);
    kit_close_source(&k);
    sl_clock_hold(-1);
    /* interval 0: without pause to the end */
    sl_buf_clear(&k.got);
    k.stop_after = 0;
    k.messages = k.eofs = 0;
    kit_source(&k, &sl_conn_simulator, "{\"data\":[{\"a\":1},{\"a\":2}],\"interval\":0}", "");
    KIT_UNTIL(&k, k.eofs == 1);
    KIT_GOT(&k, "{\"a\":1}\n{\"a\":2}\n");
    kit_close_source(&k);
    kit_source(&k, &sl_conn_simulator, "{\"interval\":0}", ""); /* no data: ends at once */
    KIT_UNTIL(&k, k.eofs == 2);
    kit_close_source(&k);
    kit_says(kit_source_try(&k, &sl_conn_simulator, "{\"data\":\"x\"}", "", ""), "1 error(s) decoding:\n\n* 'data': source data must be an array or slice, got string");
    kit_says(kit_source_try(&k, &sl_conn_simulator, "{\"data\":[{},3]}", "", ""), "1 error(s) decoding:\n\n* 'data[1]' expected a map, got 'float64'");
    kit_says(kit_source_try(&k, &sl_conn_simulator, "{\"interval\":\"-1s\"}", "", ""), "interval must not be negative");
    kit_end(&k);
}
static void looked(void *arg, sl_value rows) {
    sl_buf_clear(arg);
    kit_json(arg, rows);
}
static void test_simulator_lookup(void **s) {
    kit_t k;
    kit_begin(&k);
    sl_err *e;
    const sl_lookup_ops *ops = sl_conn_simulator.lookup;
    void *conf = kit_conf_try(&k, &sl_conn_simulator, SL_P_LOOKUP, "{\"data\":[{\"id\":1,\"n\":\"a\"},{\"id\":2,\"n\":\"a\"},{\"id\":1,\"n\":\"b\"}]}", &e);
    kit_ok(e);
    sl_lookup *l;
    kit_ok(ops->open(conf, SL_S(""), &k.env, &l));
    sl_str cols[] = {SL_S("id"), SL_S("n")};
    sl_value vals[] = {sl_v_float(1), sl_v_str(SL_S("a"))};
    ops->look(l, k.a, cols, vals, 1, looked, &k.got);
    KIT_GOT(&k, "[{\"id\":1,\"n\":\"a\"},{\"id\":1,\"n\":\"b\"}]");
    ops->look(l, k.a, cols, vals, 2, looked, &k.got);
    KIT_GOT(&k, "[{\"id\":1,\"n\":\"a\"}]");
    vals[0] = sl_v_int(1); /* another type is another value */
    ops->look(l, k.a, cols, vals, 1, looked, &k.got);
    KIT_GOT(&k, "[]");
    ops->close(l, kit_closed_, &k);
    assert_true(k.closed);
    kit_end(&k);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(test_registry), cmocka_unit_test(test_log_nop), cmocka_unit_test(test_simulator), cmocka_unit_test(test_simulator_lookup)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
