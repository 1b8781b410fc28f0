/* The file connector, source side: kinds of files, folders, ticks, what happens to a file after reading, positions. */
#include "kit.h"
#include <utime.h>
#include <zlib.h>

static kit_t k;
static char dir[128];
static int set_up(void **s) {
    kit_begin(&k);
    snprintf(dir, sizeof dir, "%s/data", k.home);
    mkdir(dir, 0755);
    return 0;
}
static int tear_down(void **s) {
    kit_end(&k);
    return 0;
}
static const char *at(const char *name) {
    static char t[4][256];
    static int i;
    char *p = t[i++ & 3];
    snprintf(p, 256, "%s/%s", dir, name);
    return p;
}
static void put_n(const char *name, const char *p, size_t n, int age) {
    kit_ok(sl_file_write_durable(at(name), sl_str_n(p, n)));
    struct utimbuf u = {time(NULL) - age, time(NULL) - age};
    utime(at(name), &u);
}
static void put(const char *name, const char *text, int age) { put_n(name, text, strlen(text), age); }
static void fresh(void) {
    kit_close_source(&k);
    sl_buf_clear(&k.got);
    sl_buf_clear(&k.errors);
    k.messages = k.eofs = k.nerrors = k.drains = 0;
    k.stop_after = 0;
    k.with_meta = false;
}
static void once(const char *conf, const char *name, const char *want) {
    fresh();
    kit_source(&k, &sl_conn_file, conf, name);
    KIT_UNTIL(&k, k.eofs == 1);
    KIT_GOT(&k, want);
}

static void test_kinds(void **s) {
    put("a.json", "[{\"a\":1},\n{\"a\":2}]", 0);
    once("{}", "a.json", "[{\"a\":1},\n{\"a\":2}]\n");
    put("l.txt", "one\r\n\ntwo\nlast", 0);
    once("{\"fileType\":\"lines\"}", "l.txt", "one\n\ntwo\nlast\n");
    once("{\"fileType\":\"lines\",\"ignoreStartLines\":2,\"ignoreEndLines\":1}", "l.txt", "two\n");
    once("{\"fileType\":\"lines\",\"ignoreStartLines\":-3,\"ignoreEndLines\":9}", "l.txt", "");
    put("l2.txt", "one\ntwo\n\n", 0); /* an end of line ends a line, it begins none */
    once("{\"fileType\":\"lines\",\"ignoreEndLines\":1}", "l2.txt", "one\ntwo\n");
    put("c.csv", "id,name\n1, \"a, \"\"b\"\"\"\n\n2,\"two\nlines\"\n3,x", 0);
    once("{\"fileType\":\"csv\",\"hasHeader\":true}", "c.csv",
         "{\"id\":\"1\",\"name\":\"a, \\\"b\\\"\"}\n{\"id\":\"2\",\"name\":\"two\\nlines\"}\n{\"id\":\"3\",\"name\":\"x\"}\n");
    once("{\"fileType\":\"csv\",\"ignoreStartLines\":5}", "c.csv", "{\"cols0\":\"3\",\"cols1\":\"x\"}\n");
    put("d.csv", "1;2;3\n4;5\n", 0);
    once("{\"fileType\":\"csv\",\"delimiter\":\";\"}", "d.csv", "{\"cols0\":\"1\",\"cols1\":\"2\",\"cols2\":\"3\"}\n{\"cols0\":\"4\",\"cols1\":\"5\"}\n");
    once("{\"fileType\":\"csv\",\"delimiter\":\";\",\"columns\":[\"x\",\"y\"]}", "d.csv", "{\"x\":\"1\",\"y\":\"2\"}\n{\"x\":\"4\",\"y\":\"5\"}\n");
    kit_layout(&k, "y");
    once("{\"fileType\":\"csv\",\"delimiter\":\";\",\"columns\":[\"x\",\"y\"]}", "d.csv", "{\"y\":\"2\"}\n{\"y\":\"5\"}\n");
    kit_layout(&k, "*");
    /* too short a row ends the reading; so do quotes out of place */
    once("{\"fileType\":\"csv\",\"delimiter\":\";\",\"columns\":[\"x\",\"y\",\"z\"]}", "d.csv", "{\"x\":\"1\",\"y\":\"2\",\"z\":\"3\"}\n");
    assert_non_null(strstr(sl_buf_cstr(&k.errors), "d.csv: row 2 has 2 fields, 3 expected"));
    put("mix.csv", "a,b\r\n1, 2\r\n\"3\",4\n5,\t6,7\n8,\n\n, 9", 0); /* plain and quoted lines, one with a field too many, the last without an end */
    once("{\"fileType\":\"csv\",\"hasHeader\":true}", "mix.csv",
         "{\"a\":\"1\",\"b\":\"2\"}\n{\"a\":\"3\",\"b\":\"4\"}\n{\"a\":\"5\",\"b\":\"6\"}\n{\"a\":\"8\",\"b\":\"\"}\n{\"a\":\"\",\"b\":\"9\"}\n");
    put("grow.csv", "1\n1,2\n1,2,3\n1\n", 0);
    once("{\"fileType\":\"csv\"}", "grow.csv", "{\"cols0\":\"1\"}\n{\"cols0\":\"1\",\"cols1\":\"2\"}\n{\"cols0\":\"1\",\"cols1\":\"2\",\"cols2\":\"3\"}\n{\"cols0\":\"1\"}\n");
    put("twice.csv", "a,b,a\n1,2,3\n4,5,6\n", 0);
    once("{\"fileType\":\"csv\",\"hasHeader\":true}", "twice.csv", "{\"a\":\"3\",\"b\":\"2\"}\n{\"a\":\"6\",\"b\":\"5\"}\n");
    put("bad.csv", "1,2\n3,\"x\ny", 0);
    once("{\"fileType\":\"csv\"}", "bad.csv", "{\"cols0\":\"1\",\"cols1\":\"2\"}\n");
    assert_non_null(strstr(sl_buf_cstr(&k.errors), "extraneous or missing \" in quoted-field"));
    put("bare.csv", "1,2\n3,x\"y\n5,6", 0);
    once("{\"fileType\":\"csv\"}", "bare.csv", "{\"cols0\":\"1\",\"cols1\":\"2\"}\n");
    assert_non_null(strstr(sl_buf_cstr(&k.errors), "parse error on line 2, column 4: bare \" in non-quoted-field"));
    /* metadata, absolute path, empty file */
    fresh();
    k.with_meta = true;
    kit_layout(&k, "a");
    char want[512];
    snprintf(want, sizeof want, "[{\"a\":1},\n{\"a\":2}] @{\"file\":\"%s/a.json\"}\n", dir);
    char conf[256];
    snprintf(conf, sizeof conf, "{\"path\":\"%s\"}", dir);
    kit_source(&k, &sl_conn_file, conf, "a.json");
    KIT_UNTIL(&k, k.eofs == 1);
    KIT_GOT(&k, want);
    put("empty", "", 0);
    once("{}", "empty", "");
    assert_int_equal(k.nerrors, 0);
}
static void test_big(void **s) {
    /* larger than one turn's share, with a line longer than it; paused in the middle */
    sl_buf b = {0}, want = {0};
    for (int i = 0; i < 20000; i++)
        sl_buf_printf(&b, "line %d of many\n", i);
    size_t short_lines = b.n;
    for (int i = 0; i < 100000; i++)
        sl_buf_puts(&b, "long long ");
    sl_buf_puts(&b, "\nend\n");
    put_n("big", b.p, b.n, 0);
    fresh();
    k.stop_after = 7000;
    kit_source(&k, &sl_conn_file, "{\"fileType\":\"lines\"}", "big");
    KIT_UNTIL(&k, k.messages == 7000);
    for (int i = 0; i < 10; i++)
        kit_turn(&k);
    assert_int_equal(k.messages, 7000);
    k.stop_after = 0;
    k.def->source->resume(k.src);
    KIT_UNTIL(&k, k.eofs == 1);
    assert_int_equal(k.messages, 20002);
    assert_int_equal(k.got.n, b.n);
    assert_memory_equal(k.got.p, b.p, b.n);
    assert_true(short_lines > 300000);
    /* the same as csv, batched */
    fresh();
    kit_source(&k, &sl_conn_file, "{\"fileType\":\"csv\"}", "big");
    KIT_UNTIL(&k, k.eofs == 1);
    assert_int_equal(k.messages, 20002);
    assert_in_range(k.pos, 20002 / 256, 200); /* a few hundred rows a batch */
    /* gzip of two members, zlib, raw deflate; damaged and cut ones say so */
    char gz[256];
    snprintf(gz, sizeof gz, "%s", at("big.gz"));
    gzFile f = gzopen(gz, "wb");
    gzwrite(f, b.p, (unsigned)b.n / 2);
    gzclose(f);
    f = gzopen(gz, "ab");
    gzwrite(f, b.p + b.n / 2, (unsigned)(b.n - b.n / 2));
    gzclose(f);
    sl_buf_str(&want, sl_buf_view(&b));
    sl_buf_putc(&want, '\n');
    once("{\"decompression\":\"gzip\",\"fileType\":\"raw\"}", "big.gz", sl_buf_cstr(&want));
    uLongf n = compressBound(b.n);
    Bytef *z = malloc(n);
    compress(z, &n, (Bytef *)b.p, b.n);
    put_n("big.z", (char *)z, n, 0);
    once("{\"decompression\":\"zlib\"}", "big.z", sl_buf_cstr(&want));
    put_n("big.fl", (char *)z + 2, n - 6, 0);
    once("{\"decompression\":\"flate\"}", "big.fl", sl_buf_cstr(&want));
    put_n("cut.z", (char *)z, n - 10, 0);
    once("{\"decompression\":\"zlib\"}", "cut.z", "");
    assert_non_null(strstr(sl_buf_cstr(&k.errors), "ends too early"));
    once("{\"decompression\":\"gzip\"}", "big.z", "");
    assert_non_null(strstr(sl_buf_cstr(&k.errors), "decompress"));
    free(z);
    sl_buf_free(&b);
    sl_buf_free(&want);
}
static void test_folder_watch(void **s) {
    put("2.txt", "old", 50);
    put("1.txt", "older", 60);
    put("0.txt", "new", 10);
    mkdir(at("sub"), 0755);
    fresh();
    kit_source(&k, &sl_conn_file, "{}", "");
    KIT_UNTIL(&k, k.messages == 3);
    KIT_GOT(&k, "older\nold\nnew\n");
    assert_int_equal(k.eofs, 0);
    FILE *f = fopen(at("0.txt"), "w"); /* several writes: one reading */
    fputs("again", f);
    fflush(f);
    fputs(" and again", f);
    fclose(f);
    KIT_UNTIL(&k, k.messages == 4);
    put("3.txt", "created", 0);
    KIT_UNTIL(&k, k.messages == 5);
    KIT_GOT(&k, "older\nold\nnew\nagain and again\ncreated\n");
    chmod(at("3.txt"), 0600); /* changes no content */
    unlink(at("1.txt"));
    put("4.txt", "last", 0);
    KIT_UNTIL(&k, k.messages == 6);
    put("1.txt", "older", 60); /* back again, as it was */
    KIT_UNTIL(&k, k.messages == 7);
    KIT_GOT(&k, "older\nold\nnew\nagain and again\ncreated\nlast\nolder\n");
    assert_int_equal(k.nerrors, 0);
    rmdir(at("sub"));
}
static void test_folder_ticks(void **s) {
    put("b", "b1", 50);
    put("a", "a1", 40);
    sl_clock_hold(1000);
    fresh();
    kit_source(&k, &sl_conn_file, "{\"interval\":1000}", "");
    KIT_UNTIL(&k, k.messages == 2);
    KIT_GOT(&k, "b1\na1\n");
    put("c", "c1", 30);
    put("b", "b2", 20);
    sl_clock_move(k.loop, 1999);
    for (int i = 0; i < 5; i++)
        kit_turn(&k);
    assert_int_equal(k.messages, 2);
    sl_clock_move(k.loop, 2000);
    KIT_UNTIL(&k, k.messages == 4);
    KIT_GOT(&k, "b1\na1\nc1\nb2\n");
    uint32_t drains = k.drains;
    sl_clock_move(k.loop, 3000);
    KIT_UNTIL(&k, k.drains > drains); /* nothing new */
    assert_int_equal(k.messages, 4);
    /* a single file is read whole each time */
    fresh();
    kit_source(&k, &sl_conn_file, "{\"interval\":1000,\"fileType\":\"lines\"}", "b");
    KIT_UNTIL(&k, k.messages == 1);
    sl_clock_move(k.loop, 4000);
    KIT_UNTIL(&k, k.messages == 2);
    sl_clock_move(k.loop, 5000);
    KIT_UNTIL(&k, k.messages == 3);
    assert_int_equal(k.eofs, 0);
    unlink(at("b"));
    sl_clock_move(k.loop, 6000);
    KIT_UNTIL(&k, k.nerrors == 1);
    assert_non_null(strstr(sl_buf_cstr(&k.errors), "b not exist"));
    /* sendInterval: a row each time */
    put("r", "1\n2\n3\n", 0);
    fresh();
    kit_source(&k, &sl_conn_file, "{\"sendInterval\":\"100ms\",\"fileType\":\"lines\"}", "r");
    for (uint32_t i = 1; i <= 3; i++) {
        KIT_UNTIL(&k, k.messages == i);
        for (int t = 0; t < 5; t++)
            kit_turn(&k);
        assert_int_equal(k.messages, i);
        sl_clock_move(k.loop, 6000 + 100 * i);
    }
    KIT_UNTIL(&k, k.eofs == 1);
    sl_clock_hold(-1);
}
static void test_after(void **s) {
    put("d", "x", 0);
    once("{\"actionAfterRead\":1}", "d", "x\n");
    assert_false(sl_file_exists(at("d")));
    put("m", "y", 0);
    once("{\"actionAfterRead\":2,\"moveTo\":\"data/done/deep\"}", "m", "y\n");
    assert_false(sl_file_exists(at("m")));
    assert_true(sl_file_exists(at("done/deep/m")));
    put("k", "z", 0);
    once("{\"actionAfterRead\":0}", "k", "z\n");
    assert_true(sl_file_exists(at("k")));
    put("bad", "1,2\n\"", 0); /* not read to its end: stays */
    once("{\"actionAfterRead\":1,\"fileType\":\"csv\"}", "bad", "{\"cols0\":\"1\",\"cols1\":\"2\"}\n");
    assert_true(sl_file_exists(at("bad")));
    /* a lasting rule: only when the rows are settled */
    k.env.lasts = true;
    once("{\"actionAfterRead\":1,\"fileType\":\"lines\"}", "k", "z\n");
    assert_true(sl_file_exists(at("k")));
    k.def->source->commit(k.src, k.pos - 1);
    assert_true(sl_file_exists(at("k")));
    k.def->source->commit(k.src, k.pos);
    assert_false(sl_file_exists(at("k")));
    k.env.lasts = false;
}
static void test_position(void **s) {
    put("a", "a", 50);
    put("b", "b", 40);
    put("c", "c", 40);
    put("d", "d", 30);
    fresh();
    kit_source(&k, &sl_conn_file, "{\"interval\":\"1h\"}", "");
    KIT_UNTIL(&k, k.messages == 4);
    KIT_GOT(&k, "a\nb\nc\nd\n");
    sl_buf p = {0};
    assert_true(k.def->source->position(k.src, 2, &p)); /* a and b */
    k.def->source->commit(k.src, 2);
    sl_buf again = {0};
    assert_true(k.def->source->position(k.src, 2, &again));
    assert_string_equal(sl_buf_cstr(&p), sl_buf_cstr(&again));
    fresh();
    kit_ok(kit_source_try(&k, &sl_conn_file, "{\"interval\":\"1h\"}", "", sl_buf_cstr(&p)));
    KIT_UNTIL(&k, k.messages == 2);
    KIT_GOT(&k, "c\nd\n");
    sl_buf_clear(&p);
    assert_true(k.def->source->position(k.src, k.pos, &p));
    fresh();
    kit_ok(kit_source_try(&k, &sl_conn_file, "{}", "", sl_buf_cstr(&p))); /* watched: nothing but what comes */
    put("e", "e", 0);
    KIT_UNTIL(&k, k.messages >= 1);
    KIT_GOT(&k, "e\n");
    fresh();
    sl_err *e = kit_source_try(&k, &sl_conn_file, "{}", "", "{\"no\":1}");
    assert_non_null(e);
    assert_non_null(strstr(sl_err_text(e), "has no mtime"));
    sl_err_free(e);
    sl_buf_free(&p);
    sl_buf_free(&again);
}
static void test_bad(void **s) {
    char want[300];
    snprintf(want, sizeof want, "file %s/nope not exist", dir);
    kit_says(kit_source_try(&k, &sl_conn_file, "{}", "nope", ""), want);
    kit_says(kit_source_try(&k, &sl_conn_file, "{\"actionAfterRead\":3}", "x", ""), "invalid actionAfterRead: 3");
    kit_says(kit_source_try(&k, &sl_conn_file, "{\"actionAfterRead\":2}", "x", ""), "missing moveTo when actionAfterRead is 2");
    kit_says(kit_source_try(&k, &sl_conn_file, "{\"decompression\":\"gzip\",\"fileType\":\"csv\"}", "x", ""), "decompression is not supported for csv file type");
    kit_says(kit_source_try(&k, &sl_conn_file, "{\"decompression\":\"rar\"}", "x", ""), "unsupported decompressor: rar");
    sl_err *e = kit_source_try(&k, &sl_conn_file, "{\"fileType\":\"parquet\"}", "x", "");
    assert_int_equal(sl_err_code(e), SL_E_UNSUPPORTED);
    sl_err_free(e);
    kit_says(kit_source_try(&k, &sl_conn_file, "{\"parallel\":true}", "x", ""),
             "1 error(s) decoding:\n\n* 'parallel' is not supported: files are read one after another, in order");
    put("f", "x", 0);
    sl_err *m = kit_source_try(&k, &sl_conn_file, "{\"actionAfterRead\":2,\"moveTo\":\"data/f\"}", "f", ""); /* not a folder */
    assert_non_null(m);
    sl_err_free(m);
}
int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest t[] = {T(test_kinds), T(test_big), T(test_folder_watch), T(test_folder_ticks), T(test_after), T(test_position), T(test_bad)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
