/* The file connector, sink side: content per kind, rolling, names, csv headers, compression, faults. */
#include "kit.h"
#include <fcntl.h>
#include <zlib.h>

static kit_t k;
static uint64_t seq;
static int set_up(void **s) {
    sl_clock_hold(1000);
    kit_begin(&k);
    seq = 0;
    return 0;
}
static int tear_down(void **s) {
    kit_end(&k);
    sl_clock_hold(-1);
    return 0;
}
static void send_to(const char *path, const char *text, bool collection) {
    sl_str props[1] = {sl_str_of(path)};
    sl_message m = {.bytes = sl_str_of(text), .props = path ? props : NULL, .collection = collection, .seq = ++seq};
    assert_int_equal(k.def->sink->put(k.sink, &m, 1), 1);
}
static void say(const char *text) { send_to(NULL, text, false); }
static void holds(const char *name, const char *want) {
    char *p = sl_path_join(k.home, name);
    sl_buf b = {0};
    kit_ok(sl_file_read(p, 1 << 20, &b));
    assert_string_equal(sl_buf_cstr(&b), want);
    sl_buf_free(&b);
    free(p);
}
static void listing(const char *want) {
    sl_dirlist l = {0};
    sl_buf b = {0};
    kit_ok(sl_dir_list(k.home, &l));
    for (size_t i = 0; i < l.n; i++)
        sl_buf_printf(&b, "%s ", l.at[i].name);
    assert_string_equal(sl_buf_cstr(&b), want);
    sl_dirlist_free(&l);
    sl_buf_free(&b);
}
static void open_sink(const char *conf) {
    kit_close_sink(&k);
    kit_sink(&k, &sl_conn_file, conf);
}

static void test_kinds(void **s) {
    open_sink("{\"path\":\"l.txt\"}");
    say("{\"a\":1}");
    say("{\"a\":2}");
    holds("l.txt", "{\"a\":1}\n{\"a\":2}"); /* answered means written */
    assert_string_equal(sl_buf_cstr(&k.answers), "1-1 delivered\n2-2 delivered\n");
    open_sink("{\"path\":\"l.txt\"}"); /* a new start begins the file anew */
    say("x");
    kit_close_sink(&k);
    holds("l.txt", "x");
    open_sink("{\"path\":\"deep/er/j.json\",\"fileType\":\"json\"}");
    say("{\"a\":1}");
    say("[{\"a\":2},{\"a\":3}]");
    kit_close_sink(&k);
    holds("deep/er/j.json", "[{\"a\":1},[{\"a\":2},{\"a\":3}]]");
    open_sink("{}");
    say("default");
    kit_close_sink(&k);
    holds("cache", "default");
    /* a put of several messages for several files */
    open_sink("{\"path\":\"{{.f}}\"}");
    sl_str a = SL_S("fa"), b = SL_S("fb");
    sl_message m[4] = {{.bytes = SL_S("1"), .props = &a, .seq = 11},
                       {.bytes = SL_S("2"), .props = &a, .seq = 12},
                       {.bytes = SL_S("3"), .props = &b, .seq = 13},
                       {.bytes = SL_S("4"), .props = &a, .seq = 14}};
    sl_buf_clear(&k.answers);
    assert_int_equal(k.def->sink->put(k.sink, m, 4), 4);
    assert_string_equal(sl_buf_cstr(&k.answers), "11-12 delivered\n13-13 delivered\n14-14 delivered\n");
    kit_close_sink(&k);
    holds("fa", "1\n2\n4");
    holds("fb", "3");
}
static void test_csv(void **s) {
    open_sink("{\"path\":\"c.csv\",\"fileType\":\"csv\",\"format\":\"delimited\",\"hasHeader\":true,\"fields\":[\"id\",\"n\"],\"delimiter\":\";\"}");
    say("1;a");
    say("2;b");
    kit_close_sink(&k);
    holds("c.csv", "id;n\n1;a\n2;b");
    /* the encoder's mark with the first row; remembered for later files */
    open_sink("{\"path\":\"m.csv\",\"fileType\":\"csv\",\"format\":\"delimited\",\"hasHeader\":true,\"rollingCount\":2,\"rollingNamePattern\":\"suffix\"}");
    sl_message m = {.bytes = sl_str_n(",\0\0\0\4a,bb1,2", 12), .seq = ++seq};
    assert_int_equal(k.def->sink->put(k.sink, &m, 1), 1);
    say("3,4");
    say("5,6");
    kit_close_sink(&k);
    holds("m-1000.csv", "a,bb\n1,2\n3,4");
    holds("m-1001.csv", "a,bb\n5,6");
    /* lists carry their header as first line */
    open_sink("{\"path\":\"list.csv\",\"fileType\":\"csv\",\"format\":\"delimited\",\"hasHeader\":true}");
    send_to(NULL, "a,b\n1,2\n3,4", true);
    send_to(NULL, "a,b\n5,6", true);
    kit_close_sink(&k);
    holds("list.csv", "a,b\n1,2\n3,4\n5,6");
    open_sink("{\"path\":\"plain.csv\",\"fileType\":\"csv\",\"format\":\"DELIMITED\",\"fields\":[\"x\"]}"); /* no header wanted */
    say("1");
    say("2");
    kit_close_sink(&k);
    holds("plain.csv", "1\n2");
}
static void test_rolling(void **s) {
    open_sink("{\"path\":\"n.log\",\"rollingCount\":2,\"rollingNamePattern\":\"prefix\"}");
    for (int i = 0; i < 5; i++)
        say(i % 2 ? "odd" : "even");
    kit_close_sink(&k);
    listing("1000-n.log 1001-n.log 1002-n.log "); /* one instant, and still three names */
    holds("1000-n.log", "even\nodd");
    holds("1002-n.log", "even");
    sl_clock_move(k.loop, 5000);
    open_sink("{\"path\":\"s\",\"rollingSize\":10,\"rollingCount\":0,\"rollingNamePattern\":\"suffix\"}");
    say("12345");
    say("6789"); /* 5 + 1 + 4 = 10 */
    say("0");
    kit_close_sink(&k);
    holds("s-5000", "12345\n6789");
    holds("s-5001", "0");
    /* by age: looked at every checkInterval; a file that is not old enough stays */
    open_sink("{\"path\":\"t.x\",\"rollingInterval\":\"10s\",\"checkInterval\":\"4s\",\"rollingNamePattern\":\"suffix\",\"rollingCount\":0}");
    say("a");
    sl_clock_move(k.loop, 9000);
    say("b");
    sl_clock_move(k.loop, 17000);
    say("c");
    sl_clock_move(k.loop, 21000);
    say("d");
    kit_close_sink(&k);
    holds("t-5000.x", "a\nb");
    holds("t-17000.x", "c\nd");
    /* without a pattern the next file replaces; by age 0 nothing rolls */
    open_sink("{\"path\":\"o\",\"rollingCount\":2}");
    say("a");
    say("b");
    sl_clock_move(k.loop, 3600000);
    say("c");
    sl_clock_move(k.loop, 7200000);
    say("d");
    kit_close_sink(&k);
    holds("o", "c\nd");
}
static void test_gzip(void **s) {
    open_sink("{\"path\":\"z.gz\",\"compression\":\"gzip\",\"fileType\":\"json\",\"rollingSize\":30000}");
    sl_buf want = {0};
    sl_buf_puts(&want, "[");
    for (int i = 0; i < 2000; i++) {
        char t[32];
        snprintf(t, sizeof t, "{\"n\":%d}", i);
        say(t);
        sl_buf_printf(&want, "%s%s", i ? "," : "", t);
    }
    kit_close_sink(&k);
    sl_buf_puts(&want, "]");
    char *p = sl_path_join(k.home, "z.gz"), *text = malloc(want.n + 100);
    gzFile f = gzopen(p, "rb");
    int n = gzread(f, text, (unsigned)want.n + 99);
    assert_int_equal(n, want.n);
    assert_memory_equal(text, want.p, want.n);
    gzclose(f);
    free(p);
    free(text);
    sl_buf_free(&want);
}
static void test_faults(void **s) {
    kit_says(kit_sink_try(&k, &sl_conn_file, "{\"rollingCount\":0}"), "one of rollingInterval, rollingCount, or rollingSize must be set");
    kit_says(kit_sink_try(&k, &sl_conn_file, "{\"fileType\":\"csv\"}"), "format must be delimited when fileType is csv");
    kit_says(kit_sink_try(&k, &sl_conn_file, "{\"compression\":\"rar\"}"), "compression must be one of gzip, zstd");
    kit_says(kit_sink_try(&k, &sl_conn_file, "{\"rollingNamePattern\":\"middle\"}"), "rollingNamePattern must be one of prefix, suffix or none");
    kit_says(kit_sink_try(&k, &sl_conn_file, "{\"fileType\":\"odd\"}"), "fileType must be one of json, csv or lines");
    kit_says(kit_sink_try(&k, &sl_conn_file, "{\"rollingInterval\":-5}"), "rollingInterval must be positive");
    kit_says(kit_sink_try(&k, &sl_conn_file, "{\"checkInterval\":-1}"), "checkInterval must be positive");
    kit_says(kit_sink_try(&k, &sl_conn_file, "{\"rollingCount\":-1}"), "rollingCount must be positive");
    sl_err *e = kit_sink_try(&k, &sl_conn_file, "{\"rollingHook\":\"x\"}");
    assert_non_null(strstr(sl_err_text(e), "there are no hooks"));
    sl_err_free(e);
    char *f = sl_path_join(k.home, "file");
    kit_ok(sl_file_write_durable(f, SL_S("x")));
    free(f);
    open_sink("{\"path\":\"file/below\"}"); /* a file in the place of a folder */
    say("x");
    assert_int_equal(strncmp(sl_buf_cstr(&k.answers), "1-1 bad ", 8), 0);
    /* a full device: the same message may succeed later, and is not there twice */
    if (access("/dev/full", W_OK) == 0) {
        sl_buf_clear(&k.answers);
        open_sink("{\"path\":\"/dev/full\"}");
        say("x");
        assert_int_equal(strncmp(sl_buf_cstr(&k.answers), "2-2 later write /dev/full", 25), 0);
        kit_close_sink(&k);
    }
}
int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest t[] = {T(test_kinds), T(test_csv), T(test_rolling), T(test_gzip), T(test_faults)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
