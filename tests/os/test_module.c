#include "kit.h"
#include "os/module.h"
static void missing(void **st) {
    void *t = &t;
    sl_err *e = sl_module_load("no_such_thing", "x", &t);
    assert_non_null(e);
    assert_null(t);
    assert_int_equal(sl_err_code(e), SL_E_NOTFOUND);
    assert_non_null(strstr(sl_err_text(e), "sl_no_such_thing.so"));
    sl_err_free(e);
}
static void bad_names(void **st) {
    void *t;
    const char *bad[] = {"", "../x", "A", "a.b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sl_err *e = sl_module_load(bad[i], "x", &t);
        assert_non_null(e);
        assert_int_equal(sl_err_code(e), SL_E_CONF);
        sl_err_free(e);
    }
}
static void broken_file(void **st) {
    char dir[] = "/tmp/sl_modXXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/sl_broken.so", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("not an object", f);
    fclose(f);
    char *old = getenv("SL_MODULES") ? strdup(getenv("SL_MODULES")) : NULL;
    setenv("SL_MODULES", dir, 1);
    void *t;
    sl_err *e = sl_module_load("broken", "x", &t);
    if (old)
        setenv("SL_MODULES", old, 1);
    else
        unsetenv("SL_MODULES");
    free(old);
    remove(path);
    remove(dir);
    assert_non_null(e);
    assert_int_equal(sl_err_code(e), SL_E_IO);
    assert_non_null(strstr(sl_err_text(e), "module broken cannot be loaded"));
    sl_err_free(e);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(missing), cmocka_unit_test(bad_names), cmocka_unit_test(broken_file)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
