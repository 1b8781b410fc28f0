/* Settings: YAML as a tree, layers and who won. */
#include <stdlib.h>
#include <unistd.h>
#include "kit.h"
#include "core/settings.h"
#include "os/file.h"

static sl_arena *a;
static sl_json *read_yaml(const char *text) {
    sl_json *j;
    sl_err *e = sl_yaml_parse(a, sl_str_of(text), "x.yaml", &j);
    if (e)
        fail_msg("%s", sl_err_text(e));
    return j;
}
static void refused(const char *text, const char *why) {
    sl_json *j;
    sl_err *e = sl_yaml_parse(a, sl_str_of(text), "x.yaml", &j);
    assert_non_null(e);
    assert_null(j);
    assert_string_equal(sl_err_text(e), why);
    sl_err_free(e);
}
static void yaml(void **st) {
    sl_json *j = read_yaml("a: &a\n  x: 1\n  y: two\nb:\n  y: 3\n  <<: *a\n  z: ~\nc: [1, 2.5, \"3\", true]\n");
    int64_t n;
    assert_true(sl_json_i64(sl_json_get(sl_json_get(j, "b"), "x"), &n) && n == 1);
    assert_true(sl_json_i64(sl_json_get(sl_json_get(j, "b"), "y"), &n) && n == 3); /* written out: wins over the merged one */
    assert_int_equal(sl_json_get(j, "c")->n, 4);
    assert_true(sl_json_isstr(sl_json_at(sl_json_get(j, "c"), 2)));
    assert_null(read_yaml(""));
    refused("a:\n  b: 1\n c: 2\n", "x.yaml:3: did not find expected key");
    refused("- 1\n- 2\n", "x.yaml: expected keys with values at the top, found something else");
}
static void bomb(void **st) {
    sl_buf b = {0};
    sl_buf_puts(&b, "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        sl_buf_printf(&b, "l%d: &l%d [", i, i);
        for (int k = 0; k < 10; k++)
            sl_buf_printf(&b, "%s*l%d", k ? ", " : "", i - 1);
        sl_buf_puts(&b, "]\n");
    }
    refused(sl_buf_cstr(&b), "x.yaml: more than 100000 values, or nested deeper than 64");
    sl_buf_clear(&b);
    sl_buf_puts(&b, "a: ");
    for (int i = 0; i < 200; i++)
        sl_buf_puts(&b, "[");
    for (int i = 0; i < 200; i++)
        sl_buf_puts(&b, "]");
    refused(sl_buf_cstr(&b), "x.yaml: more than 100000 values, or nested deeper than 64");
    sl_buf_free(&b);
}
static void layers(void **st) {
    char dir[] = "/tmp/sl_settings_XXXXXX", path[80];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/etc", dir);
    assert_null(sl_dir_make(path));
    strcat(path, "/kuiper.yaml");
    FILE *f = fopen(path, "w");
    fputs("basic:\n  restport: 1\n  port: 2\n  timezone: UTC\nrule:\n  qos: 1\n", f);
    fclose(f);
    setenv("KUIPER__BASIC__PORT", "3", 1);
    setenv("KUIPER__BASIC__TIMEZONE", "Asia/Tokyo", 1);
    setenv("SLUICE__BASIC__TIMEZONE", "Europe/Paris", 1);
    sl_settings *s;
    assert_null(sl_settings_load(dir, (const char *[]){"basic.restIp=::1"}, 1, &s));
    assert_int_equal(sl_settings_int(s, "basic.restPort", 0), 1);
    assert_int_equal(sl_settings_int(s, "basic.port", 0), 3);
    assert_true(sl_str_is(sl_settings_str(s, "basic.timezone", ""), "Europe/Paris"));
    assert_true(sl_str_is(sl_settings_str(s, "basic.restIp", ""), "::1"));
    assert_int_equal(sl_settings_int(s, "rule.qos", 0), 1);
    assert_int_equal(sl_settings_dur_ms(s, "rule.checkpointInterval", 0), 300000);
    assert_non_null(strstr(sl_settings_from(s, "basic.restPort"), "kuiper.yaml"));
    assert_string_equal(sl_settings_from(s, "basic.timezone"), "variable SLUICE__BASIC__TIMEZONE");
    assert_string_equal(sl_settings_from(s, "rule.sendError"), "default");
    sl_settings_free(s);
    unsetenv("KUIPER__BASIC__PORT");
    unsetenv("KUIPER__BASIC__TIMEZONE");
    unsetenv("SLUICE__BASIC__TIMEZONE");
    sl_err *e = sl_settings_load(dir, (const char *[]){"basic.restIp"}, 1, &s);
    assert_string_equal(sl_err_text(e), "basic.restIp: expected KEY=VALUE, for example basic.restPort=9082");
    sl_err_free(e);
    unlink(path);
    *strrchr(path, '/') = 0;
    rmdir(path);
    rmdir(dir);
}
static int up(void **st) { return (a = sl_arena_new(0)) ? 0 : -1; }
static int down(void **st) { return sl_arena_free(a), 0; }
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(yaml, up, down),
        cmocka_unit_test_setup_teardown(bomb, up, down),
        cmocka_unit_test(layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
